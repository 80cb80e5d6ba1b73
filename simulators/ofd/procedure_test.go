package ofd

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/cpcr/tally"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Block by the server, cpcr.md 11.9: every command gets 15 with the text, until
// a SYSTEM gets 0.
func TestBlock(t *testing.T) {
	w := newWorld(t, Options{Reconnect: time.Minute})
	if c := w.code(w.next(), sale(day, 100)); c != 0 {
		t.Fatal(c)
	}
	const text = "Касса заблокирована.\nКасса бұғатталды."
	if err := w.s.Block(kkm1, text); err != nil {
		t.Fatal(err)
	}
	for _, m := range []*canon.Request{sale(day, 1), system(), info(), w.x(day), w.closing(day), money(deposit, day, 1)} {
		_, r := w.ask(w.next(), m)
		if r.GetResult().GetResultCode() != 15 {
			t.Errorf("%s: result %d, want 15", m.GetCommand(), r.GetResult().GetResultCode())
		}
		ads := r.GetService().GetTicketAds()
		if len(ads) != 1 || ads[0].GetInfo().GetType() != canon.TicketAdTypeEnum_TICKET_AD_INFO || ads[0].GetText() != text {
			t.Errorf("%s: texts %v, want the information text", m.GetCommand(), ads)
		}
		w.pass(2 * time.Minute)
	}
	// A register that asks too soon is seen, one that waits its interval is not.
	mark := w.mark()
	w.code(w.next(), system())
	w.pass(time.Minute)
	w.code(w.next(), system())
	if w.sees(mark, "COMMAND_SYSTEM") {
		t.Error("observed, though the register waited the whole interval")
	}
	w.pass(59 * time.Second)
	w.code(w.next(), system())
	if !w.sees(mark, "COMMAND_SYSTEM") {
		t.Error("not observed, though the register waited 59 s of 60")
	}
	fired, err := w.s.Unblock(kkm1)
	if err != nil || fired != 9 {
		t.Errorf("unblocked after %d refusals, %v; want 9", fired, err)
	}
	if c := w.code(w.next(), system()); c != 0 {
		t.Errorf("after the block: %d", c)
	}
	if _, r := w.ask(w.next(), sale(day, 1)); r.GetResult().GetResultCode() != 0 || r.GetService() != nil {
		t.Errorf("sale after the block: %s", cpcr.Text(r))
	}
	// A later text is newer than that of the block, which the register may have kept.
	if err := w.s.Tell(kkm1, canon.TicketAdTypeEnum_TICKET_AD_INFO, "later"); err != nil {
		t.Fatal(err)
	}
	if _, r := w.ask(w.next(), system()); len(r.GetService().GetTicketAds()) != 1 || r.GetService().GetTicketAds()[0].GetInfo().GetVersion() != 2 {
		t.Errorf("a text after the block: %s", cpcr.Text(r))
	}
	var set, cleared bool
	for e := range w.log.View().Events() {
		switch b := e.Body.(type) {
		case history.OFDSet:
			set = set || b.ID == "block/100500" && strings.Contains(b.Action, "бұғатталды")
		case history.OFDCleared:
			cleared = cleared || b.ID == "block/100500" && b.Fired == 9
		}
	}
	if !set || !cleared {
		t.Errorf("record: set %v, cleared %v", set, cleared)
	}
}

// A text for the register comes once with the next good answer, and again when
// the register says that it has an older one (cpcr.md 11.14).
func TestTexts(t *testing.T) {
	w := newWorld(t, Options{})
	texts := func(m *canon.Request) []string {
		_, r := w.ask(w.next(), m)
		var out []string
		for _, a := range r.GetService().GetTicketAds() {
			out = append(out, a.GetText())
		}
		return out
	}
	if got := texts(system()); got != nil {
		t.Errorf("before there was one: %v", got)
	}
	if err := w.s.Tell(kkm1, canon.TicketAdTypeEnum_TICKET_AD_INFO, "a notice"); err != nil {
		t.Fatal(err)
	}
	if got := texts(sale(day, 1)); len(got) != 1 || got[0] != "a notice" {
		t.Errorf("next answer: %v", got)
	}
	if got := texts(system()); got != nil {
		t.Errorf("the one after: %v", got)
	}
	if got := texts(info()); len(got) != 1 {
		t.Errorf("INFO without a list asks for everything: %v", got)
	}
	held := func(v uint64) *canon.Request {
		m := system()
		m.Service.TicketAdInfos = []*canon.TicketAdInfo{{Type: canon.TicketAdTypeEnum_TICKET_AD_INFO.Enum(), Version: &v}}
		return m
	}
	if got := texts(held(0)); len(got) != 1 {
		t.Errorf("an older version held: %v", got)
	}
	if got := texts(held(1)); got != nil {
		t.Errorf("the version held: %v", got)
	}
	if err := w.s.Tell(kkm1, 5, "x"); err == nil {
		t.Error("a text of type 5 was taken")
	}
}

// The shift, cpcr.md 11.10.
func TestShift(t *testing.T) {
	at := func(h int) time.Time { return day.Add(time.Duration(h) * time.Hour) }
	t.Run("a report before the first shift is empty", func(t *testing.T) {
		w := newWorld(t, Options{})
		m := &canon.Request{Command: cmdReport.Enum(), Service: serviceOf(), Report: &canon.ReportRequest{Report: canon.ReportTypeEnum_REPORT_Z.Enum(), DateTime: cpcr.Stamp(at(3)), ZxReport: (&tally.Counters{}).Report(cpcr.V204, at(3))}}
		_, r := w.ask(w.next(), m)
		z := r.GetReport().GetZxReport()
		if z.GetShiftNumber() != 0 || cpcr.Text(z.GetDateTime()) != cpcr.Text(cpcr.Stamp(at(3))) {
			t.Errorf("shift %d, date %s; want 0 and the date of the request", z.GetShiftNumber(), cpcr.Text(z.GetDateTime()))
		}
		_, r = w.ask(w.next(), info())
		if r.GetReport().GetReport() != canon.ReportTypeEnum_REPORT_Z || r.GetReport().GetZxReport().GetShiftNumber() != 0 {
			t.Errorf("INFO: %v", r.GetReport())
		}
	})
	t.Run("any document opens it", func(t *testing.T) {
		for _, m := range []*canon.Request{sale(at(0), 100), money(deposit, at(0), 100)} {
			w := newWorld(t, Options{})
			if c := w.code(w.next(), m); c != 0 {
				t.Fatal(c)
			}
			_, r := w.ask(w.next(), w.x(at(1)))
			z := r.GetReport().GetZxReport()
			if z.GetShiftNumber() != 1 || cpcr.Text(z.GetOpenShiftTime()) != cpcr.Text(cpcr.Stamp(at(0))) || z.CloseShiftTime != nil {
				t.Errorf("%s: %s", m.GetCommand(), cpcr.Text(z))
			}
			_, r = w.ask(w.next(), info())
			if r.GetReport().GetReport() != canon.ReportTypeEnum_REPORT_X {
				t.Errorf("INFO with an open shift brings %s", r.GetReport().GetReport())
			}
		}
	})
	t.Run("closing", func(t *testing.T) {
		w := newWorld(t, Options{})
		w.code(w.next(), sale(at(0), 100))
		_, r := w.ask(w.next(), w.closing(at(2)))
		z := r.GetReport().GetZxReport()
		if r.GetReport().GetReport() != canon.ReportTypeEnum_REPORT_Z || cpcr.Text(z.GetCloseShiftTime()) != cpcr.Text(cpcr.Stamp(at(2))) {
			t.Errorf("%s", cpcr.Text(r))
		}
		if cash, _ := cpcr.Tiyn(z.GetCashSum()); cash != 100 {
			t.Errorf("cash %s stays without withdraw_money, want 1.00", cash)
		}
		if c := w.code(w.next(), w.closing(at(3))); c != 13 {
			t.Errorf("second close: %d, want 13", c)
		}
		empty := w.closing(at(3))
		empty.CloseShift.WithdrawMoney = proto.Bool(true)
		_, r = w.ask(w.next(), empty)
		if r.GetResult().GetResultCode() != 0 || r.GetReport().GetZxReport().GetShiftNumber() != 2 {
			t.Errorf("a close that withdraws: %s", cpcr.Text(r))
		}
		if i, _ := w.s.Info(kkm1); i.Counters.Cash != 0 {
			t.Errorf("cash %s after the withdrawal", i.Counters.Cash)
		}
		ping := system()
		ping.Service.GetRegInfo = proto.Bool(true)
		if _, r := w.ask(w.next(), ping); r.GetService().GetRegInfo().GetPos() == nil || r.GetService().LastDocumentInfo != nil {
			t.Errorf("registration data for SYSTEM: %s", cpcr.Text(r))
		}
		if c := w.code(w.next(), sale(at(4), 100)); c != 0 {
			t.Fatal(c)
		}
		_, r = w.ask(w.next(), w.x(at(5)))
		if n := r.GetReport().GetZxReport().GetShiftNumber(); n != 3 {
			t.Errorf("next shift is %d, want 3", n)
		}
	})
	t.Run("switches", func(t *testing.T) {
		w := newWorld(t, Options{EmptyX: true, EmptyClose: true})
		if c := w.code(w.next(), w.x(at(0))); c != 0 {
			t.Errorf("empty X: %d", c)
		}
		if c := w.code(w.next(), w.closing(at(0))); c != 0 {
			t.Errorf("empty close: %d", c)
		}
	})
}

// The limit of a shift, cpcr.md 11.11: exactly the limit is still allowed.
func TestShiftLimit(t *testing.T) {
	const limit = 24 * time.Hour
	offline := func(m *canon.Request) *canon.Request {
		m.Ticket.OfflineTicketNumber = proto.Uint32(77)
		m.Service.OfflinePeriod = &canon.ServiceRequest_OfflinePeriod{BeginTime: cpcr.Stamp(day), EndTime: cpcr.Stamp(day)}
		return m
	}
	tests := []struct {
		name string
		opt  Options
		last *canon.Request
		pass time.Duration // on the server's clock
		want uint32
	}{
		{"on the limit", Options{ShiftLimit: limit}, sale(day.Add(limit), 1), 0, 0},
		{"a second over", Options{ShiftLimit: limit}, sale(day.Add(limit+time.Second), 1), 0, 11},
		{"cash operation, a second over", Options{ShiftLimit: limit}, money(deposit, day.Add(limit+time.Second), 1), 0, 11},
		{"from the offline queue", Options{ShiftLimit: limit}, offline(sale(day.Add(limit+time.Second), 1)), 0, 0},
		{"no limit", Options{}, sale(day.Add(1000*time.Hour), 1), 0, 0},
		{"the server's clock does not count", Options{ShiftLimit: limit}, sale(day.Add(limit), 1), limit + time.Hour, 0},
		{"the server's clock counts when so configured", Options{ShiftLimit: limit, ShiftByServerClock: true}, sale(day, 1), limit + time.Second, 11},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, tt.opt)
			if c := w.code(w.next(), sale(day, 100)); c != 0 {
				t.Fatal(c)
			}
			w.pass(tt.pass)
			if c := w.code(w.next(), tt.last); c != tt.want {
				t.Errorf("result %d, want %d", c, tt.want)
			}
			if tt.want == 11 {
				later := day.Add(limit + time.Minute)
				if c := w.code(w.next(), w.x(later)); c != 0 {
					t.Errorf("X: %d, want 0", c)
				}
				if c := w.code(w.next(), w.closing(later)); c != 0 {
					t.Errorf("close: %d, want 0", c)
				}
				if c := w.code(w.next(), tt.last); c != 0 {
					t.Errorf("the same document in a new shift: %d, want 0", c)
				}
			}
		})
	}
}

// Where the count begins: with the first ticket, or with any document.
func TestShiftLimitBase(t *testing.T) {
	const limit = 24 * time.Hour
	for _, tt := range []struct {
		any  bool
		want uint32
	}{{false, 0}, {true, 11}} {
		w := newWorld(t, Options{ShiftLimit: limit, ShiftFromAny: tt.any})
		w.code(w.next(), money(deposit, day, 100))
		w.code(w.next(), sale(day.Add(2*time.Hour), 100))
		if c := w.code(w.next(), sale(day.Add(limit+time.Hour), 100)); c != tt.want {
			t.Errorf("from any document %v: result %d, want %d", tt.any, c, tt.want)
		}
	}
}

// Cash, cpcr.md 12.2 and 16.59.
func TestCash(t *testing.T) {
	offlineDeposit := money(withdraw, day, 500)
	offlineDeposit.MoneyPlacement.IsOffline = proto.Bool(true)
	offlineDeposit.Service.OfflinePeriod = &canon.ServiceRequest_OfflinePeriod{BeginTime: cpcr.Stamp(day), EndTime: cpcr.Stamp(day)}
	tests := []struct {
		name string
		opt  Options
		m    *canon.Request
		want uint32
	}{
		{"withdraw all", Options{}, money(withdraw, day, 100), 0},
		{"a tiyn more", Options{}, money(withdraw, day, 101), 14},
		{"return of all", Options{}, ticket(canon.OperationTypeEnum_OPERATION_SELL_RETURN, day, 100), 0},
		{"return of more", Options{}, ticket(canon.OperationTypeEnum_OPERATION_SELL_RETURN, day, 101), 14},
		{"return by card needs no cash", Options{}, func() *canon.Request {
			m := ticket(canon.OperationTypeEnum_OPERATION_SELL_RETURN, day, 101)
			m.Ticket.Payments[0].Type = canon.PaymentTypeEnum_PAYMENT_CARD.Enum()
			return m
		}(), 0},
		{"offline, more than there is", Options{}, offlineDeposit, 0},
		{"offline, refused when so configured", Options{RefuseOfflineDebt: true}, offlineDeposit, 14},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, tt.opt)
			w.code(w.next(), money(deposit, day, 100))
			if k := tt.m.GetTicket().GetOperation(); tt.m.Ticket != nil && k == canon.OperationTypeEnum_OPERATION_SELL_RETURN {
				tt.m.Ticket.ParentTicket = &canon.TicketRequest_ParentTicket{ParentTicketNumber: proto.String("1"), ParentTicketDataTime: cpcr.Stamp(day), KgdKkmId: proto.String("other"), ParentTicketTotal: cpcr.Money(1), ParentTicketIsOffline: proto.Bool(false)}
			}
			if c := w.code(w.next(), tt.m); c != tt.want {
				t.Errorf("result %d, want %d", c, tt.want)
			}
		})
	}
}

// Fiscal signs: ten digits, no leading zero, growing over all devices, the same
// from the same seed (cpcr.md 12.4).
func TestSigns(t *testing.T) {
	run := func(seed uint64, digits int) []string {
		other := shop(7)
		other.Token = 5
		w := newWorld(t, Options{Seed: seed, SignDigits: digits}, shop(kkm1), other)
		var out []string
		for i := range 40 {
			h := w.next()
			if i%2 == 1 {
				in, _ := w.s.Info(7)
				h.ID, h.Token = 7, in.Token
			}
			_, r := w.ask(h, sale(day, fiscal.Tiyn(i+1)))
			out = append(out, r.GetTicket().GetTicketNumber())
		}
		return out
	}
	a := run(1, 0)
	steps := map[uint64]bool{}
	for i, s := range a {
		if i > 0 {
			x, err1 := strconv.ParseUint(a[i-1], 10, 64)
			y, err2 := strconv.ParseUint(s, 10, 64)
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			steps[y-x] = true
		}
		if len(s) != 10 || s[0] == '0' {
			t.Errorf("sign %q, want ten digits", s)
		}
		if i > 0 && s <= a[i-1] {
			t.Errorf("%s after %s does not grow", s, a[i-1])
		}
	}
	if len(steps) < 10 {
		t.Errorf("only %d different steps: the next sign can be guessed", len(steps))
	}
	if b := run(1, 0); strings.Join(a, " ") != strings.Join(b, " ") {
		t.Error("the same seed gives other signs")
	}
	if b := run(2, 0); strings.Join(a, " ") == strings.Join(b, " ") {
		t.Error("another seed gives the same signs")
	}
	if c := run(1, 12); len(c[0]) != 12 {
		t.Errorf("sign %q, want twelve digits", c[0])
	}
}

// Tokens use all 32 bits and never are 0 or the one before.
func TestTokens(t *testing.T) {
	w := newWorld(t, Options{Seed: 4})
	seen := map[uint32]bool{}
	high := 0
	for i := range 100 {
		before := w.issued()
		if c := w.code(w.next(), sale(day, fiscal.Tiyn(i+1))); c != 0 {
			t.Fatal(c)
		}
		now := w.issued()
		if now == 0 || now == before {
			t.Fatalf("token %d after %d", now, before)
		}
		if now > 1<<31 {
			high++
		}
		seen[now] = true
	}
	if high < 20 || len(seen) < 100 {
		t.Errorf("%d of 100 above 2^31, %d different", high, len(seen))
	}
	tok, err := w.s.SetToken(kkm1, 0)
	if err != nil || tok == 0 || w.issued() != tok {
		t.Errorf("token from the cabinet: %d, %v, issued %d", tok, err, w.issued())
	}
	for _, tt := range []struct {
		r     Rotation
		money bool
		sale  bool
	}{{RotateAll, true, true}, {RotateTickets, false, true}, {RotateNever, false, false}} {
		w := newWorld(t, Options{Rotate: tt.r})
		w.code(w.next(), money(deposit, day, 1))
		if (w.issued() != 1000) != tt.money {
			t.Errorf("rotation %d: MONEY_PLACEMENT: token %d", tt.r, w.issued())
		}
		before := w.issued()
		w.code(w.next(), sale(day, 1))
		if (w.issued() != before) != tt.sale {
			t.Errorf("rotation %d: TICKET: token %d", tt.r, w.issued())
		}
	}
}

// A server that is given the events of another one goes on where it stopped:
// same tokens, same signs, same counters, and the repeat of the last document is
// the same bytes.
func TestStateIsAFold(t *testing.T) {
	st := new(store)
	w := newWorld(t, Options{Seed: 11, Store: st})
	w.code(w.next(), money(deposit, day, 5000))
	for i := range 5 {
		w.code(w.next(), sale(day.Add(time.Duration(i)*time.Minute), fiscal.Tiyn(100*i+1)))
	}
	w.code(w.next(), w.closing(day.Add(time.Hour)))
	if err := w.s.Tell(kkm1, canon.TicketAdTypeEnum_TICKET_AD_OFD, "ad"); err != nil {
		t.Fatal(err)
	}
	w.code(w.next(), system())
	h := w.next()
	last, err := cpcr.EncodeRequest(h, sale(day.Add(2*time.Hour), 321))
	if err != nil {
		t.Fatal(err)
	}
	answer := w.raw(last).sent

	past := make([]Event, len(st.events))
	for i, e := range st.events { // as they come from a file: nothing but what is exported
		if e.Document != nil {
			d := *e.Document
			d.message = nil
			e.Document = &d
		}
		past[i] = e
	}
	w2 := &world{t: t, clk: w.clk, log: w.log}
	w2.s = New(w2.clk, Options{Seed: 11, Past: past})
	if err := w2.s.Err(); err != nil {
		t.Fatal(err)
	}
	a, _ := w.s.Info(kkm1)
	b, _ := w2.s.Info(kkm1)
	if a.Token != b.Token || a.LastSign != b.LastSign || a.Tickets != b.Tickets || a.LastDoc != b.LastDoc {
		t.Errorf("folded: %+v\nlived: %+v", b, a)
	}
	if d := tally.Diff(a.Counters.Report(cpcr.V204, day), b.Counters.Report(cpcr.V204, day)); d != nil {
		t.Errorf("counters: %v", d)
	}
	if got := w2.raw(last).sent; !bytes.Equal(got, answer) {
		t.Errorf("repeat: % x, want % x", got, answer)
	}
	next, err := cpcr.EncodeRequest(w.next(), sale(day.Add(3*time.Hour), 9))
	if err != nil {
		t.Fatal(err)
	}
	if x, y := w.raw(next).sent, w2.raw(next).sent; !bytes.Equal(x, y) {
		t.Errorf("the next ticket: % x, lived on % x", y, x)
	}
	bad := New(w.clk, Options{Past: []Event{{Device: 9, Token: proto.Uint32(1)}}})
	if bad.Err() == nil {
		t.Error("an event of a device that is not registered was taken")
	}
}

// store keeps events at once, or holds them back.
type store struct {
	events []Event
	hold   bool
	done   []func(error)
}

func (s *store) Append(e Event, done func(error)) {
	s.events = append(s.events, e)
	if s.hold {
		s.done = append(s.done, done)
		return
	}
	done(nil)
}

// No answer leaves before its document is durable; a store that fails stops the server.
func TestAnswerWaitsForTheStore(t *testing.T) {
	st := new(store)
	w := newWorld(t, Options{Store: st})
	st.hold = true
	b, err := cpcr.EncodeRequest(w.next(), sale(day, 5))
	if err != nil {
		t.Fatal(err)
	}
	p := w.raw(b)
	if len(p.sent) != 0 {
		t.Fatal("the answer left before the ticket was durable")
	}
	again := w.raw(b) // the register repeats meanwhile over another connection
	if len(again.sent) != 0 {
		t.Fatal("the repeat was answered before the ticket was durable")
	}
	st.done[0](nil)
	w.pass(0)
	if len(p.sent) == 0 {
		t.Fatal("no answer after the ticket was durable")
	}
	if !bytes.Equal(again.sent, p.sent) {
		t.Errorf("repeat: % x, want % x", again.sent, p.sent)
	}
	first := w.raw(w.frame(sale(day, 7)))
	second := w.raw(w.frame(sale(day, 8)))
	st.done[1](nil)
	w.pass(0)
	if len(first.sent) == 0 || len(second.sent) != 0 {
		t.Fatalf("one of two is durable: %d and %d bytes sent", len(first.sent), len(second.sent))
	}
	st.done[2](nil)
	w.pass(0)
	if len(second.sent) == 0 {
		t.Fatal("both are durable, the second answer waits")
	}
	b = w.frame(sale(day, 6))
	p = w.raw(b)
	st.done[3](errTest)
	if w.s.Err() == nil || len(p.sent) != 0 || p.state != "reset" {
		t.Errorf("error %v, %d bytes sent, connection %q", w.s.Err(), len(p.sent), p.state)
	}
	if q := w.raw(b); q.state != "reset" {
		t.Errorf("a failed server takes a connection: %q", q.state)
	}
}

var errTest = errors.New("disk full")
