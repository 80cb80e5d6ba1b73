package kkm

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/cpcr/tally"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Do performs one operation. op.As.Password is what was typed, as text; it also
// tells who works (an empty one stands for the right password of op.As).
// done is called once, on the loop and never inside this call: when the operation is
// registered, when it is refused, or with fiscal.Unknown when the power went.
// Paper that still moves does not stop the next operation: its own comes behind.
func (r *Register) Do(op fiscal.Op, done func(Reply)) {
	if why, text := r.may(op, true); why != "" {
		r.refusedAtOnce(why)
		r.loop.Post(func() { done(refusal(why, 0, text)) })
		return
	}
	who, _ := r.who(op)
	o := &operation{Op: op, who: who, at: r.now(), done: done}
	r.op = o
	if r.onlyTransmits() && r.nv.pending != nil && asksOFD(op.Kind) {
		r.settled(func(ok bool) {
			if !ok {
				why, text := NoLink, "no link"
				if r.nv.blocked != "" {
					why, text = r.nv.blocked, r.blockText()
				}
				r.finish(refusal(why, 0, text))
				return
			}
			if why, text := r.mayNow(op); why != "" {
				r.finish(refusal(why, 0, text))
				return
			}
			r.perform(o)
		})
		return
	}
	r.perform(o)
}

// asksOFD says which operations go to the OFD.
func asksOFD(k fiscal.OpKind) bool {
	switch k {
	case fiscal.OpReceipt, fiscal.OpDeposit, fiscal.OpWithdraw, fiscal.OpZReport, fiscal.OpXReport:
		return true
	}
	return false
}

// mayNow is may for the operation that is under way already.
func (r *Register) mayNow(op fiscal.Op) (Reason, string) {
	o := r.op
	r.op = nil
	defer func() { r.op = o }()
	return r.may(op, true)
}

// perform does an operation that may be done.
func (r *Register) perform(o *operation) {
	op := o.Op
	switch op.Kind {
	case fiscal.OpReceipt, fiscal.OpDeposit, fiscal.OpWithdraw:
		if !r.shiftStart() {
			r.print(r.testReport(o.at))
			r.finish(refusal(Fault, 0, r.fault))
			return
		}
		r.register(r.document(o))
	case fiscal.OpZReport:
		r.closeShift(o)
	case fiscal.OpXReport:
		r.xReport(o)
	case fiscal.OpReportCashiers:
		r.print(r.cashierReport(o.at))
		r.finish(Reply{})
	case fiscal.OpReportSections:
		r.print(r.sectionReport(o.at))
		r.finish(Reply{})
	case fiscal.OpCopy:
		r.print(r.copyOf(r.nv.last, o.at))
		r.finish(Reply{})
	case fiscal.OpCancel:
		r.print(r.cancelNote(o.at))
		r.finish(Reply{})
	case fiscal.OpTestPrint:
		r.print(r.testPrint(o.at))
		r.finish(Reply{})
	case fiscal.OpSelfTest:
		r.selfTest("asked", func() {
			r.print(r.testReport(o.at))
			r.finish(Reply{Outcome: fiscal.Outcome{Text: r.fault}})
		})
	case fiscal.OpResend:
		r.sendElectronic(r.nv.last, true)
		r.finish(Reply{})
	case fiscal.OpArchive:
		shift, _ := strconv.ParseUint(op.Value, 10, 32)
		r.print(r.archive(uint32(shift)))
		r.finish(Reply{})
	case fiscal.OpSetClock:
		r.write(&record{Step: stClock, Shift: r.nv.clock + civil(op.Clock).Sub(o.at)})
		r.finish(Reply{})
	case fiscal.OpSetSetting:
		r.write(&record{Step: stSetting, Setting: op.Setting, Number: max(1, op.As.Cashier), Value: r.stored(op)})
		switch op.Setting {
		case fiscal.SetToken, fiscal.SetKKMID, fiscal.SetRegistration:
			r.comeBack(0)
		case fiscal.SetChannels, fiscal.SetChannel, fiscal.SetWiFi, fiscal.SetMobile:
			r.channel = 0
		}
		r.finish(Reply{})
	}
}

// civil is a time without its zone: the fields as they stand.
func civil(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// stored is how a setting is kept: passwords without leading zeros.
func (r *Register) stored(op fiscal.Op) string {
	if op.Setting == fiscal.SetCashierPassword {
		if n, err := strconv.ParseUint(op.Value, 10, 32); err == nil {
			return strconv.FormatUint(n, 10)
		}
	}
	return op.Value
}

// May says what Do would refuse op with before anything is sent; "" when it would begin.
// A receipt may be asked for with its kind only.
func (r *Register) May(op fiscal.Op) Reason {
	why, _ := r.may(op, false)
	if why == OfflineTooLong {
		r.refusedAtOnce(why) // the host asks before it opens a receipt: the cashier is told then (KZ 431 row 27.6)
	}
	return why
}

func refusal(why Reason, code int, text string) Reply {
	got := fiscal.Refused
	if why == Unsupported {
		got = fiscal.Unsupported
	}
	return Reply{Outcome: fiscal.Outcome{Got: got, Code: code, Text: text}, Reason: why}
}

// may goes through the reasons in the order in which a cashier can do something
// about them. whole: the entered data are complete.
func (r *Register) may(op fiscal.Op, whole bool) (Reason, string) {
	if !r.on {
		return Fault, "power is off"
	}
	if r.testing || r.op != nil {
		return Busy, "busy"
	}
	if _, ok := r.who(op); !ok {
		return Password, "wrong password"
	}
	if r.unreadable && op.Kind != fiscal.OpSelfTest && op.Kind != fiscal.OpTestPrint {
		return Fault, r.fault
	}
	switch op.Kind {
	case fiscal.OpReceipt, fiscal.OpDeposit, fiscal.OpWithdraw, fiscal.OpZReport:
		if why, text := r.mayFiscal(op.Kind); why != "" {
			return why, text
		}
	case fiscal.OpXReport, fiscal.OpReportCashiers, fiscal.OpReportSections, fiscal.OpCancel, fiscal.OpTestPrint, fiscal.OpSelfTest:
		if !r.tape.paper {
			return NoPaper, "no paper"
		}
	case fiscal.OpCopy:
		if !r.tape.paper {
			return NoPaper, "no paper"
		}
		if r.nv.last == nil {
			return BadData, "no receipt yet"
		}
	case fiscal.OpResend:
		switch e := r.lastTo(); {
		case !r.modern() || r.profile.Section == "I":
			return Unsupported, "this register sends no receipts"
		case e == "":
			return BadData, "no receipt with an address yet"
		}
	case fiscal.OpArchive:
		if n, err := strconv.ParseUint(op.Value, 10, 32); err != nil || n == 0 {
			return BadData, "want the number of a shift"
		}
		if r.onlyTransmits() {
			return Unsupported, "this register keeps nothing"
		}
		if !r.tape.paper {
			return NoPaper, "no paper"
		}
	case fiscal.OpSetClock:
		return r.mayClock(op)
	case fiscal.OpSetSetting:
		return r.maySet(op, whole)
	default:
		return Unsupported, fmt.Sprintf("operation %q", op.Kind)
	}
	switch op.Kind {
	case fiscal.OpReceipt:
		if op.Receipt == nil {
			return BadData, "no receipt"
		}
		if whole || len(op.Receipt.Lines) > 0 {
			return r.mayReceipt(op.Receipt)
		}
	case fiscal.OpDeposit, fiscal.OpWithdraw:
		switch {
		case op.Cash < 0 || op.Cash > most || whole && op.Cash == 0:
			return BadData, fmt.Sprintf("amount %s", op.Cash)
		case op.Kind == fiscal.OpWithdraw && op.Cash > r.nv.counters.Cash:
			return NoCash, "not enough cash"
		}
	case fiscal.OpZReport:
		if !r.nv.counters.Open {
			return ShiftClosed, "shift is closed"
		}
	}
	return "", ""
}

// mayFiscal holds what stops documents.
func (r *Register) mayFiscal(k fiscal.OpKind) (Reason, string) {
	n := r.nv
	switch {
	case r.fault != "":
		return Fault, r.fault
	case !r.tape.paper:
		return NoPaper, "no paper"
	case n.blocked != "" && !r.q.sellsBlocked && (k != fiscal.OpZReport || !r.closesBlocked()):
		return n.blocked, r.blockText()
	case r.past():
		return ClockBack, "before the last operation that the OFD has"
	case k == fiscal.OpZReport:
		return "", ""
	case r.shiftTooLong():
		return ShiftTooLong, "shift too long: take Z"
	case r.offlineTooLong():
		return OfflineTooLong, "too long without the OFD"
	case r.q.refusesOffline && (n.offline || len(n.queue) > 0):
		return OFDBlocked, "no link"
	}
	return "", ""
}

// mayClock: only with the shift closed (KZ 431 row 35), never below the last document (row 36).
func (r *Register) mayClock(op fiscal.Op) (Reason, string) {
	switch {
	case op.Clock.IsZero():
		return BadData, "no time"
	case r.nv.counters.Open && !r.q.clockInShift:
		return ShiftOpen, "shift is open"
	case civil(op.Clock).Before(r.nv.docTime.Truncate(time.Second)) && !r.q.clockBack && (!r.onlyTransmits() || !r.modern()):
		return ClockBack, "before the last document"
	}
	return "", ""
}

// maySet: the connection only with the shift closed (row 35), the token at any
// time (doubt 6: a lost token would lock the register).
func (r *Register) maySet(op fiscal.Op, whole bool) (Reason, string) {
	switch op.Setting {
	case fiscal.SetOFDHost, fiscal.SetOFDPort:
		if r.nv.counters.Open && !r.q.settingsInShift {
			return ShiftOpen, "shift is open"
		}
	case fiscal.SetToken:
		if r.q.tokenClosed && r.nv.counters.Open {
			return ShiftOpen, "shift is open"
		}
	case fiscal.SetCashierPassword, fiscal.SetLanguage:
	case fiscal.SetRegistration, fiscal.SetKKMID, fiscal.SetWiFi, fiscal.SetChannels, fiscal.SetChannel, fiscal.SetMobile:
		if r.nv.counters.Open && !r.q.settingsInShift {
			return ShiftOpen, "shift is open"
		}
	default:
		return Unsupported, fmt.Sprintf("setting %q", op.Setting)
	}
	if !whole {
		return "", ""
	}
	switch op.Setting {
	case fiscal.SetOFDHost:
		if strings.TrimSpace(op.Value) == "" || len(op.Value) > 64 {
			return BadData, "want a host name"
		}
	case fiscal.SetOFDPort:
		if n, err := strconv.ParseUint(op.Value, 10, 16); err != nil || n == 0 {
			return BadData, "want a port, 1..65535"
		}
	case fiscal.SetToken:
		if n, err := strconv.ParseUint(op.Value, 10, 32); err != nil || n == 0 {
			return BadData, "want a token, 1..4294967295"
		}
	case fiscal.SetCashierPassword:
		if op.As.Cashier > Operators {
			return BadData, "no such operator"
		}
		if text := r.newPassword(max(1, op.As.Cashier), op.Value); text != "" {
			return BadData, text
		}
	default:
		if text := r.badSetting(op.Setting, op.Value); text != "" {
			return BadData, text
		}
	}
	return "", ""
}

// most is the largest amount that a cashier may enter, 10 milliard tenge: with
// it no product of ours leaves 64 bits.
const most = fiscal.Tiyn(1_000_000_000_000)

// mayReceipt holds a receipt against the rules of cpcr.md 12.
func (r *Register) mayReceipt(x *fiscal.Receipt) (Reason, string) {
	if text := r.badReceipt(x); text != "" {
		return BadData, text
	}
	if x.Kind.Outgoing() && x.CashDue() > r.nv.counters.Cash {
		return NoCash, "not enough cash"
	}
	return "", ""
}

func (r *Register) badReceipt(x *fiscal.Receipt) string {
	if _, ok := operations[x.Kind]; !ok {
		return fmt.Sprintf("receipt kind %q", x.Kind)
	}
	if len(x.Lines) == 0 {
		return "no lines"
	}
	if x.Discount < 0 || x.Markup < 0 || x.Discount > most || x.Markup > most || x.Discount > 0 && x.Markup > 0 {
		return "one discount or one markup on the receipt"
	}
	var sold fiscal.Tiyn
	for i, l := range x.Lines {
		if text := badLine(l); text != "" {
			return fmt.Sprintf("line %d: %s", i+1, text)
		}
		if sold += l.Signed(); sold < 0 || sold > most {
			return fmt.Sprintf("line %d: subtotal %s", i+1, sold)
		}
	}
	if x.Discount > 0 || x.Markup > 0 { // then the taxes stand on the receipt, and none can be below zero
		for _, v := range vatOf(x) {
			if v.tax < 0 {
				return fmt.Sprintf("more taken back at %s %% than sold", v.rate)
			}
		}
	}
	if x.Total() <= 0 || x.Total() > most {
		return fmt.Sprintf("total %s", x.Total())
	}
	var paid fiscal.Tiyn
	for _, p := range x.Payments {
		switch {
		case p.Sum < 0 || p.Sum > most:
			return fmt.Sprintf("payment %s", p.Sum)
		case p.Kind == fiscal.Mobile && r.profile.OFD.Version < cpcr.V202:
			return "no mobile payment in this version of the protocol"
		case p.Kind != fiscal.Cash && p.Kind != fiscal.Card && p.Kind != fiscal.Mobile:
			return fmt.Sprintf("payment kind %q", p.Kind)
		}
		paid += p.Sum
	}
	if text := r.unmarked(x); text != "" {
		return text
	}
	switch {
	case paid < x.Total():
		return fmt.Sprintf("paid %s of %s", paid, x.Total())
	case x.CashDue() < 0:
		return "paid without cash more than the total"
	case x.Kind != fiscal.Sale && x.Kind != fiscal.Buy && x.Parent == nil && r.profile.OFD.Version >= cpcr.V203:
		return "a return needs the receipt that it returns"
	case len(x.Email) > longestText || len(x.Phone) > longestText:
		return "e-mail address or telephone number too long"
	case x.Customer != "" && (len(x.Customer) != 12 || !digits(x.Customer, 12)):
		return "IIN or BIN of the buyer: want 12 digits"
	}
	return ""
}

func badLine(l fiscal.Line) string {
	switch l.Kind {
	case fiscal.Goods, fiscal.GoodsStorno:
		if hi, lo := bits.Mul64(uint64(l.Price), uint64(l.Qty)); l.Price < 0 || l.Qty <= 0 || hi != 0 || lo > uint64(most)*1000 {
			return fmt.Sprintf("%s x %s", l.Qty, l.Price)
		}
		if strings.TrimSpace(l.Name) == "" && l.Code == 0 {
			return "no name"
		}
	case fiscal.Discount, fiscal.Markup, fiscal.DiscountStorno, fiscal.MarkupStorno:
	default:
		return fmt.Sprintf("kind %q", l.Kind)
	}
	if l.Total() <= 0 || l.Total() > most {
		return fmt.Sprintf("sum %s", l.Total())
	}
	if text := badCodes(l); text != "" {
		return text
	}
	if l.VAT != nil && (*l.VAT < 0 || *l.VAT > 100_000) {
		return fmt.Sprintf("VAT %s %%", *l.VAT)
	}
	return ""
}

// refusedAtOnce tells the cashier why fiscal work stands still; on the tape as
// well, because a fiscal registrar may have no display (KZ 431 rows 15, 27.6).
func (r *Register) refusedAtOnce(why Reason) {
	if !r.on {
		return
	}
	switch why {
	case OFDBlocked, TokenBlocked:
		if !r.q.noBlockNotice {
			r.tell(blockNotice(r.blockText()))
		}
	case OfflineTooLong:
		r.tell(tooLongNotice)
	case ShiftTooLong:
		r.show(shiftNotice...)
	case Fault:
		r.show("АҚАУ / НЕИСПРАВНОСТЬ", r.fault)
	case NoPaper:
		r.show("ҚАҒАЗ ЖОҚ / НЕТ БУМАГИ")
	case Password:
		r.show("ҚҰПИЯСӨЗ ҚАТЕ / НЕВЕРНЫЙ ПАРОЛЬ")
	}
}

// blockText is what the cashier is told: the OFD's information text when there
// is one (cpcr.md 11.9), else the words of its answer.
func (r *Register) blockText() string {
	if r.nv.blocked == "" {
		return ""
	}
	if a, ok := r.nv.notices[int32(canon.TicketAdTypeEnum_TICKET_AD_INFO)]; ok && a.Text != "" && r.nv.blocked == OFDBlocked && !r.nv.stuck {
		return a.Text
	}
	return r.nv.text
}

// finish answers the host. What is not said otherwise was done.
func (r *Register) finish(p Reply) {
	o := r.op
	if o == nil {
		return
	}
	r.op = nil
	if p.Got == fiscal.Unknown {
		p.Got = fiscal.Done
	}
	if r.fault != "" && p.Got == fiscal.Done && strings.HasPrefix(r.fault, "memory: ") {
		p = refusal(Fault, 0, r.fault)
	}
	r.loop.Post(func() { o.done(p) })
}

// document writes down what was entered. Its number is spent only when it comes into being.
func (r *Register) document(o *operation) *document {
	d := &document{Kind: o.Kind, No: r.nv.docNo + 1, At: o.at, Operator: o.who, req: new(canon.Request)}
	shift := r.nv.counters.Shift
	if !r.nv.counters.Open {
		shift++
	}
	if o.Kind == fiscal.OpReceipt {
		d.req.Command = canon.CommandTypeEnum_COMMAND_TICKET.Enum()
		d.req.Ticket = r.ticket(o.Receipt, d.At, o.who, d.No, shift)
	} else {
		kind := canon.MoneyPlacementEnum_MONEY_PLACEMENT_DEPOSIT
		if o.Kind == fiscal.OpWithdraw {
			kind = canon.MoneyPlacementEnum_MONEY_PLACEMENT_WITHDRAWAL
		}
		d.req.Command = canon.CommandTypeEnum_COMMAND_MONEY_PLACEMENT.Enum()
		d.req.MoneyPlacement = &canon.MoneyPlacementRequest{
			DateTime: cpcr.Stamp(d.At), Operation: kind.Enum(), Sum: cpcr.Money(o.Cash), FrShiftNumber: proto.Uint32(shift),
			PrintedDocumentNumber: proto.Uint64(d.No), Operator: r.operator(o.who),
		}
	}
	return r.close(d)
}

// close serialises the body once and for all.
func (r *Register) close(d *document) *document {
	d.Body, _ = proto.MarshalOptions{Deterministic: true}.Marshal(d.req)
	return d
}

// closeMessage writes the close of the shift with the Z of the register (KZ 431 rows 11, 12, 20).
func (r *Register) closeMessage(o *operation) *document {
	d := &document{Kind: fiscal.OpZReport, No: r.nv.docNo + 1, At: o.at, Operator: o.who, Store: r.nv.sum, req: new(canon.Request)}
	if r.profile.Section != "I" {
		d.List = r.nv.listed()
	}
	c := &canon.CloseShiftRequest{
		CloseTime: cpcr.Stamp(o.at), FrShiftNumber: proto.Uint32(r.nv.counters.Shift),
		Operator: r.operator(o.who), PrintedDocumentNumber: proto.Uint64(d.No),
	}
	c.ZReport = r.report(r.nv.snapshot(c), o.at)
	d.req.Command, d.req.CloseShift = canon.CommandTypeEnum_COMMAND_CLOSE_SHIFT.Enum(), c
	return r.close(d)
}

// report is an X or Z of the register with its checksum (cpcr.md 13.4).
func (r *Register) report(c *tally.Counters, at time.Time) *canon.ZXReport {
	z := c.Report(r.profile.OFD.Version, at)
	if r.q.report != nil {
		r.q.report(z)
		z.Checksum = proto.String(cpcr.ZXChecksum(z))
	}
	if r.q.checksum != "" {
		z.Checksum = proto.String(r.q.checksum)
	}
	return z
}
