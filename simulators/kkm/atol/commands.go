package atol

import (
	"strconv"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/device/atol/frame"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
)

// reasonCode is the error code for a refusal. No code exists for a register that
// is offline too long or stopped by the OFD: "not for this mode" stands for them,
// and the display tells more (doubts.md 4).
func reasonCode(op fiscal.OpKind, r kkm.Reason) byte {
	switch r {
	case "":
		return frame.OK
	case kkm.Password:
		return frame.ErrPassword
	case kkm.ShiftTooLong:
		return frame.ErrShiftLong
	case kkm.ShiftOpen:
		return frame.ErrShiftOpen
	case kkm.ShiftClosed:
		return frame.ErrNothing
	case kkm.NoPaper:
		return frame.ErrNoPaper
	case kkm.NoCash:
		if op == fiscal.OpReceipt {
			return frame.ErrReturnMore
		}
		return frame.ErrNoCash
	case kkm.BadData:
		return frame.ErrPrice
	case kkm.Fault:
		return frame.ErrMechanics
	case kkm.ClockBack:
		return frame.ErrCheckClock
	case kkm.Unsupported:
		return frame.ErrUnable
	default: // offline too long, blocked by the OFD or by the token, busy
		return frame.ErrMode
	}
}

// call is one command on its way.
type call struct {
	h     *Host
	code  frame.Code
	f     *frame.Fields
	reply func(*frame.Body)
}

func (c *call) fail(code byte) { c.reply(frame.Answer(code).Raw(0)) }
func (c *call) ok()            { c.fail(frame.OK) }

// bad refuses parameters that cannot be read, or more of them than there are:
// the check of level 2 does not see a byte 00h that was lost or doubled.
func (c *call) bad() bool {
	if c.f.Err() == nil && c.f.Left() == 0 {
		return false
	}
	c.fail(frame.ErrLength)
	return true
}

func (h *Host) role() fiscal.Role { return fiscal.Role{Password: typed(h.pw)} }

// do hands an operation to the register; done is called when it was registered.
func (c *call) do(op fiscal.Op, done func(kkm.Reply)) {
	if op.As.Password == "" {
		op.As.Password = typed(c.h.pw)
	}
	c.h.r.Do(op, func(r kkm.Reply) {
		switch {
		case r.Got == fiscal.Done:
			done(r)
		case r.Got == fiscal.Unknown:
			// The power went: there is nobody to answer.
			c.h.Reset()
		case r.Reason == "":
			c.fail(frame.ErrUnable)
		default:
			c.fail(reasonCode(op.Kind, r.Reason))
		}
	})
}

// paper is do for documents: the answer comes when they are printed.
func (c *call) paper(op fiscal.Op) {
	c.do(op, func(kkm.Reply) { c.h.through(c.fail) })
}

// handler is a command and the mode that it needs; -1 is any.
type handler struct {
	mode int
	run  func(*Host, *call)
}

var handlers map[frame.Code]handler

func init() { // a literal would be an initialization cycle through command
	const (
		any_    = -1
		reg     = int(frame.ModeRegister)
		program = int(frame.ModeProgram)
	)
	nothing := func(_ *Host, c *call) { c.ok() }
	handlers = map[frame.Code]handler{
		frame.FullStatus:  {any_, (*Host).fullStatus},
		frame.ShortStatus: {any_, func(h *Host, c *call) { c.reply(new(frame.Body).Raw(0x55, h.stateByte(), h.flags())) }},
		frame.DeviceType:  {any_, (*Host).deviceType},
		frame.Register:    {any_, (*Host).register},
		frame.CashSum: {any_, func(h *Host, c *call) {
			c.reply(new(frame.Body).Raw(0x4D).Num(int64(max(h.r.State().Cash, 0)), 7))
		}},
		frame.Beep:      {any_, func(_ *Host, c *call) { c.reply(nil) }},
		frame.EnterMode: {int(frame.ModeSelect), (*Host).enter},
		frame.LeaveMode: {any_, (*Host).leave},

		frame.OpenShift:   {reg, (*Host).openShift},
		frame.OpenReceipt: {reg, (*Host).openReceipt},
		frame.Sell:        {reg, func(h *Host, c *call) { h.goods(c, true) }},
		frame.Return:      {reg, func(h *Host, c *call) { h.goods(c, false) }},
		frame.Adjust:      {reg, (*Host).adjust},
		frame.Pay:         {reg, func(h *Host, c *call) { h.pay(c, true) }},
		frame.Unpay:       {reg, func(h *Host, c *call) { h.pay(c, false) }},
		frame.Close:       {reg, (*Host).closeReceipt},
		frame.Cancel:      {reg, (*Host).cancel},
		frame.CashIn:      {reg, func(h *Host, c *call) { h.cash(c, fiscal.OpDeposit) }},
		frame.CashOut:     {reg, func(h *Host, c *call) { h.cash(c, fiscal.OpWithdraw) }},
		frame.Text:        {reg, (*Host).text},
		frame.RepeatLast:  {reg, func(h *Host, c *call) { h.shut(c, func() { c.paper(fiscal.Op{Kind: fiscal.OpCopy}) }) }},
		frame.Cut:         {reg, nothing},

		frame.Report:  {int(frame.ModeX), (*Host).report},
		frame.ZReport: {int(frame.ModeZ), (*Host).zReport},

		frame.ReadTable:  {program, (*Host).readTable},
		frame.WriteTable: {program, (*Host).writeTable},
		frame.SetDate:    {program, (*Host).setDate},
		frame.SetTime:    {program, (*Host).setTime},
	}
}

// command executes one command.
func (h *Host) command(cmd []byte, reply func(*frame.Body)) {
	c := &call{h: h, code: frame.Code(cmd[0]), f: frame.Read(cmd[1:]), reply: reply}
	k, ok := handlers[c.code]
	switch {
	case !ok:
		c.fail(frame.ErrUnable)
	case k.mode >= 0 && (int(h.mode) != k.mode || h.state != 0):
		c.fail(frame.ErrMode)
	case !h.date.IsZero() && c.code != frame.SetDate && k.mode > 0:
		h.date = time.Time{} // the register no longer waits for the date
		k.run(h, c)
	default:
		k.run(h, c)
	}
}

// guards are the operations that tell whether a password opens a mode.
var guards = map[byte][]fiscal.Op{
	frame.ModeRegister: {{Kind: fiscal.OpReceipt, Receipt: &fiscal.Receipt{Kind: fiscal.Sale}}},
	frame.ModeX:        {{Kind: fiscal.OpXReport}},
	frame.ModeZ:        {{Kind: fiscal.OpZReport}},
	frame.ModeProgram:  {{Kind: fiscal.OpSetClock}, {Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDPort}},
}

// enter opens a mode if the register would take one of its operations with this
// password, whatever else speaks against it now.
func (h *Host) enter(c *call) {
	mode, pw := c.f.Byte(), c.f.Num(4)
	if c.bad() {
		return
	}
	ops, ok := guards[mode]
	if !ok {
		c.fail(frame.ErrForbidden)
		return
	}
	for _, op := range ops {
		op.As.Password = typed(uint32(pw))
		why := h.r.May(op)
		if why == kkm.Busy && h.r.Operator(op.As.Password) == 0 {
			why = kkm.Password
		}
		if why != kkm.Password {
			h.mode, h.pw = mode, uint32(pw)
			c.ok()
			return
		}
	}
	c.fail(frame.ErrPassword)
}

// leave goes back to the selection of modes; while payments are taken and in the
// service states it does not (6).
func (h *Host) leave(c *call) {
	if h.state != 0 || h.open != nil && len(h.open.paid) > 0 {
		c.fail(frame.ErrMode)
		return
	}
	h.mode, h.pw, h.date = 0, 0, time.Time{}
	c.ok()
}

// openShift: the register opens its shift with the first document; the command
// only says whether there is none open.
func (h *Host) openShift(c *call) {
	if h.r.State().ShiftOpen {
		c.fail(frame.ErrShiftOpen)
		return
	}
	why := h.r.May(fiscal.Op{Kind: fiscal.OpReceipt, Receipt: &fiscal.Receipt{Kind: fiscal.Sale}, As: h.role()})
	c.fail(reasonCode(fiscal.OpReceipt, why))
}

func (h *Host) cash(c *call, kind fiscal.OpKind) {
	flags, sum := c.f.Byte(), c.f.Num(5)
	if c.bad() {
		return
	}
	h.shut(c, func() {
		op := fiscal.Op{Kind: kind, Cash: fiscal.Tiyn(sum), As: h.role()}
		if flags&onlyCheck != 0 {
			c.fail(reasonCode(kind, h.r.May(op)))
			return
		}
		c.paper(op)
	})
}

// onlyCheck is the bit of a flags parameter that asks without doing (5).
const onlyCheck = 1

// report runs a report: the answer comes at once and the state tells how it goes
// on (7.4), or, on level 3, the task ends when the report has been printed.
func (h *Host) report(c *call) {
	kind := c.f.Byte()
	op, ok := map[byte]fiscal.OpKind{frame.ReportDaily: fiscal.OpXReport, frame.ReportSections: fiscal.OpReportSections, frame.ReportCashiers: fiscal.OpReportCashiers}[kind]
	switch {
	case c.bad():
	case !ok:
		c.fail(frame.ErrUnable)
	default:
		h.longDocument(c, op, frame.StateXPrinting, func() { h.state = 0 })
	}
}

// clearing is how long the emulated register clears its counters after a Z report.
const clearing = 700 * time.Millisecond

func (h *Host) zReport(c *call) {
	h.shut(c, func() {
		h.longDocument(c, fiscal.OpZReport, frame.StateZPrinting, func() {
			h.state = frame.StateClearing
			h.after(clearing, func() { h.state = 0 })
		})
	})
}

// longDocument runs a document whose end the state byte tells.
func (h *Host) longDocument(c *call, kind fiscal.OpKind, state byte, printed func()) {
	op := fiscal.Op{Kind: kind, As: h.role()}
	if why := h.r.May(op); why != "" {
		c.do(op, func(kkm.Reply) { c.ok() }) // the register tells the cashier why not
		return
	}
	h.state = state
	answer := c.fail
	if h.o.Level != 3 {
		c.ok()
		answer = func(byte) {}
	}
	h.r.Do(op, func(r kkm.Reply) {
		switch r.Got {
		case fiscal.Done:
			h.printed(func() {
				printed()
				answer(frame.OK)
			})
		case fiscal.Unknown:
			h.Reset()
		default:
			h.state = 0
			answer(reasonCode(kind, r.Reason))
		}
	})
}

// day and tod put the date of one moment and the time of another together.
func moment(day, tod time.Time) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), tod.Hour(), tod.Minute(), tod.Second(), 0, time.UTC)
}

// date reads day, month, year; ok is false when there is no such day.
func date(f *frame.Fields) (t time.Time, ok bool) {
	p := f.Take(3)
	if p == nil {
		return time.Time{}, false
	}
	return frame.Read(append(append([]byte(nil), p...), 0, 0, 0)).DateTime(false)
}

// setDate takes the date; another day than today must be sent twice (7.2).
func (h *Host) setDate(c *call) {
	day, ok := date(c.f)
	now := h.r.State().Clock
	op := fiscal.Op{Kind: fiscal.OpSetClock, Clock: moment(day, now), As: h.role()}
	switch {
	case !ok:
		c.fail(frame.ErrBadDate)
	case h.date.Equal(day):
		h.date = time.Time{}
		c.do(op, func(kkm.Reply) { c.ok() })
	case day.Equal(moment(now, time.Time{})):
		c.fail(reasonCode(op.Kind, h.r.May(op)))
	default:
		if why := h.r.May(op); why != "" {
			c.do(op, func(kkm.Reply) { c.ok() })
			return
		}
		h.date = day
		c.fail(frame.ErrConfirmDate)
	}
}

func (h *Host) setTime(c *call) {
	p := c.f.Take(3)
	if c.bad() {
		return
	}
	tod, ok := frame.Read(append([]byte{1, 1, 0}, p...)).DateTime(false)
	if !ok {
		c.fail(frame.ErrBadTime)
		return
	}
	c.do(fiscal.Op{Kind: fiscal.OpSetClock, Clock: moment(h.r.State().Clock, tod), As: h.role()}, func(kkm.Reply) { c.ok() })
}

// place reads table, row and field, and says which setting lies there; code is the refusal.
func place(f *frame.Fields) (s fiscal.Setting, row int, code byte) {
	table, r, field := f.Num(1), f.Num(2), f.Num(1)
	switch {
	case f.Err() != nil:
		return "", 0, frame.ErrLength
	case table == int64(frame.TablePasswords) && (r < 1 || r > kkm.Operators), table == int64(frame.TableOFD) && r != 1:
		return "", 0, frame.ErrRow
	case table == int64(frame.TablePasswords) && field == 1:
		return fiscal.SetCashierPassword, int(r), 0
	case table == int64(frame.TableOFD) && field == int64(frame.FieldOFDHost):
		return fiscal.SetOFDHost, 1, 0
	case table == int64(frame.TableOFD) && field == int64(frame.FieldOFDPort):
		return fiscal.SetOFDPort, 1, 0
	case table == int64(frame.TablePasswords), table == int64(frame.TableOFD):
		return "", 0, frame.ErrField
	default:
		return "", 0, frame.ErrTable
	}
}

// Sizes of the fields of table 19.
const (
	hostSize = 40
	portSize = 3
)

func (h *Host) readTable(c *call) {
	s, _, code := place(c.f)
	switch {
	case code != 0:
		c.fail(code)
	case s == fiscal.SetCashierPassword: // the register does not tell it
		c.fail(frame.ErrForbidden)
	case s == fiscal.SetOFDHost:
		p := frame.Encode866Lossy(h.r.Setting(s))
		p = append(p, make([]byte, hostSize)...)[:hostSize]
		c.reply(frame.Answer(frame.OK).Raw(p...))
	default:
		n, err := strconv.ParseInt(h.r.Setting(s), 10, 32)
		if err != nil {
			n = 0
		}
		c.reply(frame.Answer(frame.OK).Num(n, portSize))
	}
}

// writeTable sets one of the register's settings; the register decides whether
// and when.
func (h *Host) writeTable(c *call) {
	s, row, code := place(c.f)
	op := fiscal.Op{Kind: fiscal.OpSetSetting, Setting: s, As: fiscal.Role{Admin: true, Password: typed(h.pw)}}
	switch s {
	case fiscal.SetOFDHost:
		op.Value = strings.TrimRight(frame.Decode866(c.f.Rest()), " \x00")
	case fiscal.SetOFDPort:
		op.Value = strconv.FormatInt(c.f.Num(portSize), 10)
	case fiscal.SetCashierPassword:
		op.As = fiscal.Role{Cashier: row, Password: typed(h.pw)}
		op.Value = strconv.FormatInt(c.f.Num(4), 10)
	}
	switch {
	case code != 0:
		c.fail(code)
	case h.open != nil:
		c.fail(frame.ErrReceiptOpen)
	case c.f.Left() > 0:
		c.fail(frame.ErrLength)
	case !c.bad():
		c.do(op, func(kkm.Reply) { c.ok() })
	}
}
