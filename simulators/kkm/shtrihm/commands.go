package shtrihm

import (
	"time"

	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
)

// reasonCode is the error code for a refusal. No code exists for a register that
// is offline too long, stopped by the OFD or without it: "not in this mode" stands for
// them, and the display tells more (doubts.md 4).
func reasonCode(r kkm.Reason) byte {
	switch r {
	case "":
		return frame.ErrNone
	case kkm.Password:
		return frame.ErrPassword
	case kkm.ShiftTooLong:
		return frame.ErrShiftLong
	case kkm.OfflineTooLong, kkm.OFDBlocked, kkm.TokenBlocked, kkm.ShiftOpen, kkm.NoLink:
		return frame.ErrMode
	case kkm.ShiftClosed:
		return frame.ErrShiftClosed
	case kkm.NoPaper:
		return frame.ErrNoPaper
	case kkm.NoCash:
		return frame.ErrNoCash
	case kkm.BadData:
		return frame.ErrParameters
	case kkm.Busy:
		return frame.ErrPrinting
	case kkm.Fault:
		return frame.ErrHardware
	case kkm.ClockBack:
		return frame.ErrDateEarlier
	case kkm.Unsupported:
		return frame.ErrUnsupported
	default:
		return frame.ErrSettings
	}
}

// call is one command on its way.
type call struct {
	h     *Host
	code  frame.Code
	f     *frame.Fields
	pw    uint32
	reply func(*frame.Body)
}

func (c *call) fail(code byte) { c.reply(answer(c.code, code)) }

// operator is the number in an answer; a defect may let somebody in who has none.
func (c *call) operator() byte { return byte(max(c.h.r.Operator(typed(c.pw)), 1)) }

// ok answers with the operator and more.
func (c *call) ok() *frame.Body { return answer(c.code, frame.ErrNone).Byte(c.operator()) }

func (c *call) role() fiscal.Role { return fiscal.Role{Password: typed(c.pw)} }

// do hands an operation to the register; done makes the answer of a registered one.
func (c *call) do(op fiscal.Op, done func(kkm.Reply) *frame.Body) {
	op.As.Password = typed(c.pw)
	c.h.r.Do(op, func(r kkm.Reply) {
		switch {
		case r.Got == fiscal.Done:
			c.reply(done(r))
		case r.Got == fiscal.Unknown:
			// The power went: there is nobody to answer, and the line knows.
			c.h.Reset()
		case r.Reason == "":
			c.fail(frame.ErrUnsupported)
		default:
			c.fail(reasonCode(r.Reason))
		}
	})
}

// plain is do with an answer that carries the operator only.
func (c *call) plain(kind fiscal.OpKind) {
	c.do(fiscal.Op{Kind: kind}, func(kkm.Reply) *frame.Body { return c.ok() })
}

// prints are the commands that the register cannot take while paper moves.
func prints(c frame.Code) bool {
	switch c {
	case frame.BoldLine, frame.Line, frame.FontLine, frame.TestRun, frame.Feed, frame.OpenReceipt, frame.RepeatReceipt:
		return true
	}
	return c >= frame.XReport && c <= frame.CashierReport || c == frame.CashIn || c == frame.CashOut ||
		c >= frame.Sale && c <= frame.StornoMarkup && c != frame.Subtotal
}

// command executes one command.
func (h *Host) command(body []byte, reply func(*frame.Body)) {
	c := &call{h: h, f: frame.Read(body), reply: reply}
	c.code = c.f.Code()
	if h.open != nil && c.code != frame.Discount && c.code != frame.Markup {
		h.open.whole = false // a discount belongs to the subtotal only directly behind it
	}
	if c.code == frame.DeviceType {
		h.deviceType(c)
		return
	}
	run, ok := handlers[c.code]
	if !ok {
		c.fail(frame.ErrUnsupported)
		return
	}
	c.pw = c.f.Password()
	if c.f.Err() != nil {
		c.fail(frame.ErrParameters)
		return
	}
	if prints(c.code) && h.r.Printing() {
		c.fail(frame.ErrPrinting)
		return
	}
	if !h.date.IsZero() && prints(c.code) {
		c.fail(frame.ErrConfirm)
		return
	}
	run(h, c)
}

// handlers are the commands with a password.
var handlers map[frame.Code]func(*Host, *call)

func init() { // a literal would be an initialization cycle through command
	handlers = map[frame.Code]func(*Host, *call){
		frame.ShortStatus:    (*Host).shortStatus,
		frame.FullStatus:     (*Host).fullStatus,
		frame.BoldLine:       func(h *Host, c *call) { h.printLine(c, 0, 20) },
		frame.Line:           func(h *Host, c *call) { h.printLine(c, 0, textField) },
		frame.FontLine:       func(h *Host, c *call) { h.printLine(c, 1, textField) },
		frame.Beep:           func(_ *Host, c *call) { c.known(func() { c.reply(c.ok()) }) },
		frame.Feed:           func(_ *Host, c *call) { c.known(func() { c.reply(c.ok()) }) },
		frame.ContinuePrint:  func(_ *Host, c *call) { c.known(func() { c.reply(c.ok()) }) },
		frame.SetPort:        (*Host).setPort,
		frame.ReadPort:       (*Host).readPort,
		frame.TestRun:        func(_ *Host, c *call) { c.plain(fiscal.OpSelfTest) },
		frame.StopTest:       func(_ *Host, c *call) { c.fail(frame.ErrMode) }, // the test is over when 19h is answered
		frame.MoneyRegister:  (*Host).moneyRegister,
		frame.Register:       (*Host).register,
		frame.WriteField:     (*Host).writeField,
		frame.ReadField:      (*Host).readField,
		frame.TableStructure: (*Host).tableStructure,
		frame.FieldStructure: (*Host).fieldStructure,
		frame.SetTime:        (*Host).setTime,
		frame.SetDate:        (*Host).setDate,
		frame.ConfirmDate:    (*Host).confirmDate,
		frame.XReport: func(h *Host, c *call) {
			c.do(fiscal.Op{Kind: fiscal.OpXReport}, func(kkm.Reply) *frame.Body { h.reports++; return c.ok() })
		},
		frame.ZReport:        func(h *Host, c *call) { h.closed(c, func() { c.plain(fiscal.OpZReport) }) },
		frame.SectionReport:  func(_ *Host, c *call) { c.plain(fiscal.OpReportSections) },
		frame.CashierReport:  func(_ *Host, c *call) { c.plain(fiscal.OpReportCashiers) },
		frame.CashIn:         func(h *Host, c *call) { h.cash(c, fiscal.OpDeposit) },
		frame.CashOut:        func(h *Host, c *call) { h.cash(c, fiscal.OpWithdraw) },
		frame.OpenReceipt:    (*Host).openReceipt,
		frame.Sale:           func(h *Host, c *call) { h.goods(c, fiscal.Goods) },
		frame.Buy:            func(h *Host, c *call) { h.goods(c, fiscal.Goods) },
		frame.SaleReturn:     func(h *Host, c *call) { h.goods(c, fiscal.Goods) },
		frame.BuyReturn:      func(h *Host, c *call) { h.goods(c, fiscal.Goods) },
		frame.StornoLine:     func(h *Host, c *call) { h.goods(c, fiscal.GoodsStorno) },
		frame.Discount:       func(h *Host, c *call) { h.change(c, fiscal.Discount) },
		frame.Markup:         func(h *Host, c *call) { h.change(c, fiscal.Markup) },
		frame.StornoDiscount: func(h *Host, c *call) { h.change(c, fiscal.DiscountStorno) },
		frame.StornoMarkup:   func(h *Host, c *call) { h.change(c, fiscal.MarkupStorno) },
		frame.Subtotal:       (*Host).subtotal,
		frame.CloseReceipt:   (*Host).closeReceipt,
		frame.CancelReceipt:  (*Host).cancelReceipt,
		frame.RepeatReceipt: func(h *Host, c *call) {
			kind := fiscal.OpCopy
			if c.f.Left() > 0 { // ours: to the buyer, not on paper
				kind = fiscal.OpResend
			}
			h.closed(c, func() { c.plain(kind) })
		},
		frame.TapeByShift: (*Host).tapeByShift,
		frame.TapeLine:    (*Host).tapeLine,
		frame.PrintBuffer: (*Host).printBuffer,
		frame.PrintLine:   (*Host).bufferLine,
		frame.ClearBuffer: (*Host).clearBuffer,
	}
}

// known goes on when the password is somebody's.
func (c *call) known(then func()) {
	if c.h.r.Operator(typed(c.pw)) == 0 {
		c.fail(frame.ErrPassword)
		return
	}
	then()
}

// administrator goes on when the password is one of the two administrators'.
func (c *call) administrator(then func()) {
	if c.h.r.Operator(typed(c.pw)) < firstAdministrator {
		c.fail(frame.ErrPassword)
		return
	}
	then()
}

// firstAdministrator is the first of the two administrators' numbers (5).
const firstAdministrator = 29

// closed goes on when no receipt is open.
func (h *Host) closed(c *call, then func()) {
	if h.open != nil {
		c.fail(frame.ErrReceiptOpen)
		return
	}
	then()
}

func (h *Host) cash(c *call, kind fiscal.OpKind) {
	sum := c.f.Sum()
	if c.f.Err() != nil {
		c.fail(frame.ErrParameters)
		return
	}
	h.closed(c, func() {
		c.do(fiscal.Op{Kind: kind, Cash: fiscal.Tiyn(sum)}, func(r kkm.Reply) *frame.Body {
			return c.ok().Uint(r.Doc&0xFFFF, 2)
		})
	})
}

// timeoutOf is the time behind a byte-timeout code (2).
func timeoutOf(code byte) time.Duration {
	n := time.Duration(code)
	switch {
	case code <= 150:
		return n * time.Millisecond
	case code <= 249:
		return (n - 149) * 150 * time.Millisecond
	default:
		return (n - 248) * 15 * time.Second
	}
}

func timeoutCode(d time.Duration) byte {
	for code := range 256 {
		if timeoutOf(byte(code)) >= d {
			return byte(code)
		}
	}
	return 255
}

// speedCode is 115200 baud.
const speedCode = 6

func (h *Host) setPort(c *call) {
	c.f.Byte()
	speed, code := c.f.Byte(), c.f.Byte()
	switch {
	case c.f.Err() != nil || speed > 9 || code == 0:
		c.fail(frame.ErrParameters)
	default:
		c.administrator(func() {
			c.reply(answer(c.code, frame.ErrNone))
			h.line.wait = timeoutOf(code) // the answer still came with the old one
		})
	}
}

func (h *Host) readPort(c *call) {
	c.administrator(func() {
		c.reply(answer(c.code, frame.ErrNone).Byte(speedCode).Byte(timeoutCode(h.line.wait)))
	})
}

// clock puts the date of a day and a time of day together.
func at(day time.Time, tod time.Duration) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, time.UTC).Add(tod)
}

// timeOfDay is the time of day of the register's clock.
func timeOfDay(t time.Time) time.Duration {
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second
}

// setDate takes a date that 23h must confirm. The register is asked at once
// whether it would take it.
func (h *Host) setDate(c *call) {
	day := c.f.Date()
	if c.f.Err() != nil {
		c.fail(frame.ErrDateFormat)
		return
	}
	op := fiscal.Op{Kind: fiscal.OpSetClock, Clock: at(day, timeOfDay(h.r.State().Clock)), As: c.role()}
	if r := h.r.May(op); r != "" {
		c.fail(reasonCode(r))
		return
	}
	h.date = day
	c.reply(answer(c.code, frame.ErrNone))
}

func (h *Host) confirmDate(c *call) {
	day := c.f.Date()
	now := h.r.State().Clock
	switch {
	case c.f.Err() != nil:
		c.fail(frame.ErrDateFormat)
	case h.date.IsZero():
		c.fail(frame.ErrMode)
	case !day.Equal(h.date):
		c.fail(frame.ErrDates)
	case at(now, 0).Equal(day):
		h.date = time.Time{}
		c.reply(answer(c.code, frame.ErrNone)) // the day stays: nothing to set
	default:
		h.date = time.Time{}
		c.do(fiscal.Op{Kind: fiscal.OpSetClock, Clock: at(day, timeOfDay(now))}, func(kkm.Reply) *frame.Body {
			return answer(c.code, frame.ErrNone)
		})
	}
}

func (h *Host) setTime(c *call) {
	tod := c.f.Time()
	if c.f.Err() != nil {
		c.fail(frame.ErrParameters)
		return
	}
	c.do(fiscal.Op{Kind: fiscal.OpSetClock, Clock: at(h.r.State().Clock, tod)}, func(kkm.Reply) *frame.Body {
		return answer(c.code, frame.ErrNone)
	})
}
