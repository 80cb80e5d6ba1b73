package kkm

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

// This file holds what order 626 asks for beyond order 431.

// qrText is the address in the QR code of a receipt (KZ 626 rows 34, 35): the
// OFD's when it answered one, else one of our own with the autonomous sign
// (cpcr.md 14.2). "" for a receipt without a sign.
func (r *Register) qrText(d *document) string {
	if d.QR != "" {
		return d.QR
	}
	sign := d.printedSign()
	if sign == "" {
		return ""
	}
	return fmt.Sprintf("http://%s?i=%s&f=%s&s=%s&t=%s", r.profile.OFD.Site, url.QueryEscape(sign), r.nv.registration,
		sum(d.request().Ticket.GetAmounts().GetTotal()), d.At.Format("20060102T150405"))
}

// qr prints the code; what a camera reads stands here as text, broken at the
// width of the paper.
func (s *sheet) qr(text string) {
	if text == "" {
		return
	}
	const mark = "QR: "
	w := s.r.profile.Printer.Width
	for rest := []rune(mark + text); len(rest) > 0; {
		n := min(w, len(rest))
		s.lines, s.tags = append(s.lines, string(rest[:n])), append(s.tags, tagQR)
		rest = rest[n:]
	}
}

// units are the words for the unit codes of the e-invoice system (cpcr.md 12.3).
var units = map[string][2]string{"796": {"дана", "шт"}, "116": {"кг", "кг"}, "112": {"л", "л"}, "006": {"м", "м"}, "642": {"бірлік", "ед"}, "5114": {"қызмет", "усл"}}

// unit is the word for a unit behind a quantity (KZ 626 row R56.9); order 431 asks for none.
func (r *Register) unit(code string) string {
	w, ok := units[code]
	switch {
	case !r.modern():
		return ""
	case !ok:
		return " " + code
	case len(r.languages()) > 1 && w[0] != w[1]:
		return " " + w[0] + "/" + w[1]
	case r.languages()[0] == "kk":
		return " " + w[0]
	}
	return " " + w[1]
}

// unmarked finds goods that have to carry a marking identifier and were entered
// without one (KZ 626 row 7.1).
func (r *Register) unmarked(x *fiscal.Receipt) string {
	if !r.modern() || r.q.sellsUnmarked {
		return ""
	}
	for i, l := range x.Lines {
		if l.Kind == fiscal.Goods && l.Mark == "" && slices.Contains(r.profile.Goods.Marked, l.GTIN) {
			return fmt.Sprintf("line %d: goods %s without their marking identifier", i+1, l.GTIN)
		}
	}
	return ""
}

func badCodes(l fiscal.Line) string {
	if l.GTIN != "" && (!digits(l.GTIN, 8) || len(l.GTIN) > 14) {
		return fmt.Sprintf("GTIN %q: want 8 to 14 digits", l.GTIN)
	}
	if len(l.Mark) > 150 {
		return fmt.Sprintf("marking identifier of %d characters", len(l.Mark))
	}
	return ""
}

// codes writes what a scanner has read into a line of a message.
func codes(l fiscal.Line, barcode **string, stamps *[]string) {
	if l.GTIN != "" {
		*barcode = proto.String(l.GTIN)
	}
	if l.Mark != "" {
		*stamps = []string{l.Mark}
	}
}

// Electronic is a receipt on its way to the buyer without paper (KZ 626 rows 60, 82, 84, 109).
type Electronic struct {
	At    time.Time // register's clock
	To    string    // e-mail address or telephone number
	Doc   uint64
	Sign  string
	Again bool // asked for by [fiscal.OpResend]
	Lines []string
}

// Electronic lists what was sent to buyers since power-on.
func (r *Register) Electronic() []Electronic { return slices.Clone(r.outbox) }

// lastTo is whom the last receipt was sent to; "" when nobody was named.
func (r *Register) lastTo() string {
	if r.nv.last == nil {
		return ""
	}
	e := r.nv.last.request().Ticket.GetExtensionOptions()
	return e.GetCustomerEmail() + e.GetCustomerPhone()
}

// sendElectronic sends a receipt to whom the buyer named.
func (r *Register) sendElectronic(d *document, again bool) bool {
	if !r.modern() || d == nil || d.Kind != fiscal.OpReceipt {
		return false
	}
	e := d.request().Ticket.GetExtensionOptions()
	sent := false
	for _, to := range []string{e.GetCustomerEmail(), e.GetCustomerPhone()} {
		if to != "" {
			lines := r.receiptText(d)
			if r.q.electronic != nil {
				lines = r.q.electronic(lines)
			}
			r.outbox = append(r.outbox, Electronic{At: r.now(), To: to, Doc: d.No, Sign: d.printedSign(), Again: again, Lines: lines})
			sent = true
		}
	}
	return sent
}

// Test runs: when and why the register tested itself (KZ 626 row 86; the event
// log that the rows on self-tests speak of).
type TestRun struct {
	At    time.Time
	Why   string // switch-on, shift-start, shift-end, asked
	Tests []Test
}

// TestLog lists the self-tests since power-on, oldest first.
func (r *Register) TestLog() []TestRun { return slices.Clone(r.runs) }

func (r *Register) logTest(why string) {
	const most = 1000
	r.runs = append(r.runs, TestRun{At: r.now(), Why: why, Tests: slices.Clone(r.tests)})
	if len(r.runs) > most {
		r.runs = r.runs[1:]
	}
}

// shiftStart tests what a computer system has to test when a shift begins (KZ
// 626 rows 78, 86): stored data and the link of its client to its server part.
// The link to the OFD shows in the document that opens the shift.
func (r *Register) shiftStart() bool {
	if !r.complex() || !r.modern() || r.nv.counters.Open || r.q.noStartTest {
		return true
	}
	r.fault, r.tests = "", nil
	r.testStore()
	r.testClient()
	r.logTest("shift-start")
	return r.fault == ""
}

// test notes a result. A negative one of anything but the link to the OFD stops
// fiscal work.
func (r *Register) test(unit string, ok bool, text string) {
	if ok {
		text = ""
	}
	r.tests = append(r.tests, Test{Unit: unit, OK: ok, Text: text})
	if !ok && unit != unitLink && r.fault == "" {
		r.fault = unit + ": " + text
	}
}

func (r *Register) testStore() bool {
	err := r.audit()
	text := ""
	if err != nil {
		text = err.Error()
	}
	r.test(unitData, err == nil, text)
	return err == nil
}

func (r *Register) testClient() {
	if r.complex() && r.modern() {
		r.test(unitClient, !r.broken[unitClient], "сервер бөлігімен байланыс жоқ / нет связи с серверной частью")
	}
}

// ClientClock is how far the clock of a computer system's client part is off,
// and Zone the time zone of its user. Receipts carry the server part's time in that zone
// (KZ 626 row 88). Both do nothing elsewhere.
func (r *Register) ClientClock(off, zone time.Duration) { r.clientOff, r.zone = off, zone }

// zoned is what the user's place adds to the time of the loop.
func (r *Register) zoned() time.Duration {
	switch {
	case !r.complex() || !r.modern():
		return 0
	case r.q.clientTime:
		return r.zone + r.clientOff
	}
	return r.zone
}

// past says that the clock stands before the last operation that the OFD has
// (KZ 626 row 74).
func (r *Register) past() bool {
	return r.onlyTransmits() && r.modern() && !r.q.clockBack && r.now().Truncate(time.Second).Before(r.nv.docTime.Truncate(time.Second))
}

// idlePings asks from time to time whether the OFD is there.
func (r *Register) idlePings() time.Duration {
	if r.q.idlePing != 0 {
		return r.q.idlePing
	}
	return r.profile.Limits.Ping
}

// Operation is what the tax inspector's workplace tells of one operation.
type Operation struct {
	Doc      uint64
	At       time.Time
	Kind     string // sale, deposit, z-report ...
	Operator int
	Sum      fiscal.Tiyn
	Sign     string
	Shift    uint32
	Offline  bool
}

// Inspect is the tax inspector's workplace: the operations of a register, by its
// registration number, from a moment to another, both included (KZ 626 rows
// 121-123). The error says what is wrong with who asks, or with what is asked for.
func (r *Register) Inspect(login, password, registration string, from, to time.Time) ([]Operation, error) {
	i := r.profile.Inspector
	switch {
	case i == (Inspector{}):
		return nil, fmt.Errorf("this register has no inspector's workplace")
	case (login != i.Login || password != i.Password) && !r.q.inspectsAnybody:
		return nil, fmt.Errorf("login or password is wrong")
	case registration != r.nv.registration:
		return nil, fmt.Errorf("registration number %q: want %q, the only register of this system", registration, r.nv.registration)
	case to.Before(from):
		return nil, fmt.Errorf("period from %v to %v: want it the other way round", from, to)
	}
	out := []Operation{}
	for _, d := range r.nv.docs {
		if d.At.Before(from) || d.At.After(to) {
			continue
		}
		o := Operation{Doc: d.No, At: d.At, Kind: string(d.Kind), Operator: d.Operator, Sign: d.printedSign(), Offline: d.Offline}
		q := d.request()
		switch d.Kind {
		case fiscal.OpReceipt:
			o.Kind = string(kindOf(q.Ticket.GetOperation()))
			o.Sum, o.Shift = tiyn(q.Ticket.GetAmounts().GetTotal()), q.Ticket.GetFrShiftNumber()
		case fiscal.OpZReport:
			o.Shift = q.CloseShift.GetFrShiftNumber()
		default:
			o.Sum, o.Shift = tiyn(q.MoneyPlacement.GetSum()), q.MoneyPlacement.GetFrShiftNumber()
		}
		out = append(out, o)
	}
	return out, nil
}

// archive is everything that is stored of a shift, as text: receipts, cash
// operations and the Z, each under the words that it is no document (KZ 431 rows
// 73, 92; KZ 626 rows 104, 105).
func (r *Register) archive(shift uint32) []string {
	var out []string
	for _, d := range r.nv.docs {
		q := d.request()
		if q.Ticket.GetFrShiftNumber() != shift && q.MoneyPlacement.GetFrShiftNumber() != shift && q.CloseShift.GetFrShiftNumber() != shift {
			continue
		}
		s := r.sheet()
		s.centre(tagText, r.both("МҰРАҒАТ", "АРХИВ"))
		out = append(out, s.done(nil)...)
		for _, l := range r.paperOf(d) {
			if !fiscalWords(l) {
				out = append(out, l)
			}
		}
	}
	return out
}

// Archive is what is stored of a shift; none in a register that only transmits.
func (r *Register) Archive(shift uint32) []string {
	if r.onlyTransmits() || r.unreadable {
		return nil
	}
	return r.archive(shift)
}

// fiscalWords says whether a line holds the words of the fiscal mark.
func fiscalWords(l string) bool {
	return strings.Contains(l, "Фискалды чек") || strings.Contains(l, "Фискальный чек")
}

// qrOf is the text that an OFD's answer brings for the QR code.
func qrOf(a *answer) string { return string(a.GetTicket().GetQrCode()) }

// noticesNow prints the texts of the OFD when they come (KZ 626 rows 17, 55, 96).
func (r *Register) noticesNow(news []notice) {
	var lines []string
	for _, n := range news {
		if n.Type == int32(canon.TicketAdTypeEnum_TICKET_AD_INFO) {
			lines = append(lines, strings.Split(n.Text, "\n")...)
		}
	}
	if r.modern() && len(lines) > 0 {
		r.tell(lines)
	}
}
