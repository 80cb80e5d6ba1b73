package ofd

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
)

// The documents of two shifts as the operator's cabinet lists them.
func TestDocumentsAndShifts(t *testing.T) {
	w := newWorld(t, Options{Signs: []string{"1000000001", "1000000002", "1000000003"}})
	at := func(m int) time.Time { return day.Add(time.Duration(m) * time.Minute) }
	w.code(w.next(), money(deposit, at(0), 5000))
	w.code(w.next(), sale(at(1), 700))
	buy := ticket(canon.OperationTypeEnum_OPERATION_BUY, at(2), 200)
	buy.Ticket.OfflineTicketNumber = proto.Uint32(77)
	buy.Ticket.PrintedDocumentNumber = proto.Uint64(3)
	w.code(w.next(), buy)
	w.code(w.next(), w.closing(at(3)))
	w.code(w.next(), sale(at(4), 300))
	w.code(w.next(), system()) // is no document

	docs := w.s.Documents(kkm1, 0, 100)
	var got []string
	for _, d := range docs {
		got = append(got, fmt.Sprintf("%d %s shift %d at %s %s %s %v %d", d.Ref, d.Command, d.Shift, d.At.Format("15:04"), d.Sum, d.Sign, d.Offline, d.Autonomous))
	}
	want := []string{
		"2 MONEY_PLACEMENT shift 1 at 09:00 50.00  false 0",
		"3 TICKET shift 1 at 09:01 7.00 1000000001 false 0",
		"4 TICKET shift 1 at 09:02 2.00 1000000002 true 77",
		"5 CLOSE_SHIFT shift 1 at 09:03 0.00  false 0",
		"6 TICKET shift 2 at 09:04 3.00 1000000003 false 0",
	}
	if !slices.Equal(got, want) {
		t.Errorf("documents\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if docs[2].Number != 3 || docs[2].Observed == 0 {
		t.Errorf("%+v: want number 3 and the missing offline period noted", docs[2])
	}
	if n := w.s.DocumentCount(kkm1); n != 5 {
		t.Errorf("%d documents", n)
	}
	if p := w.s.Documents(kkm1, 3, 1); len(p) != 1 || p[0].Ref != 5 {
		t.Errorf("a page: %+v", p)
	}
	for _, n := range [][2]int{{5, 1}, {-1, 1}, {0, 0}} {
		if p := w.s.Documents(kkm1, n[0], n[1]); p != nil {
			t.Errorf("%v: %+v", n, p)
		}
	}
	sh := w.s.Shifts(kkm1)
	if len(sh) != 2 {
		t.Fatalf("%+v", sh)
	}
	first := Shift{Number: 1, Opened: at(0), Closed: at(3), Close: 5, Documents: 4, Tickets: 2, Offline: 1, Sales: 500, Observed: sh[0].Observed}
	if sh[0] != first || sh[1].Number != 2 || sh[1].Close != 0 || sh[1].Sales != 300 {
		t.Errorf("%+v\nwant %+v and a second one that is open", sh, first)
	}
	if d := w.s.ShiftDocuments(kkm1, 1); len(d) != 4 || d[3].Command != "CLOSE_SHIFT" {
		t.Errorf("of shift 1: %+v", d)
	}
	if w.s.Shifts(9) != nil || w.s.DocumentCount(9) != 0 || w.s.ShiftDocuments(9, 1) != nil {
		t.Error("a device that is not registered has documents")
	}
}

// A ticket that was cancelled stays in the list, as cancelled, and is found no more.
func TestCancelledDocument(t *testing.T) {
	w := newWorld(t, Options{Signs: []string{"1000000001", "1000000002"}})
	under := func() cpcr.Header { h := w.next(); h.Version = cpcr.V202; return h }
	w.code(under(), sale(day, 700))
	w.code(under(), sale(day, 300))
	if c := w.code(under(), &canon.Request{Command: cmdCancel.Enum(), Service: serviceOf()}); c != 0 {
		t.Fatalf("cancel: %d", c)
	}
	d := w.s.Documents(kkm1, 0, 9)
	if d[0].Cancelled || !d[1].Cancelled || d[2].Command != "CANCEL_TICKET" {
		t.Errorf("%+v", d)
	}
	if s := w.s.Shifts(kkm1)[0]; s.Tickets != 1 || s.Sales != 700 {
		t.Errorf("%+v, want one ticket of 7.00", s)
	}
	if _, _, ok := w.s.FindTicket(shop(kkm1).Registration, "1000000002"); ok {
		t.Error("a cancelled ticket is found")
	}
}

func TestFindTicket(t *testing.T) {
	w := newWorld(t, Options{Signs: []string{"1000000001"}})
	m := sale(day, 700)
	m.Ticket.OfflineTicketNumber = proto.Uint32(4711)
	w.code(w.next(), m)
	reg := shop(kkm1).Registration
	for _, tt := range []struct {
		reg, sign string
		want      bool
	}{
		{reg, "1000000001", true}, {reg, "4711", true},
		{reg, "04711", false}, {reg, "0", false}, {reg, "4712", false}, {reg, "", false}, {"", "4711", false}, {"999999999999", "4711", false},
	} {
		id, x, ok := w.s.FindTicket(tt.reg, tt.sign)
		if ok != tt.want || (ok && (id != kkm1 || x.Sign != "1000000001" || x.Total != 700)) {
			t.Errorf("%q %q: %d %+v %v", tt.reg, tt.sign, id, x, ok)
		}
	}
}

// New registration data go into the answers; token, counters and documents stay.
func TestAmend(t *testing.T) {
	st := new(store)
	w := newWorld(t, Options{Store: st})
	w.code(w.next(), sale(day, 700))
	before, _ := w.s.Info(kkm1)
	d := shop(kkm1)
	d.Taxpayer.Name, d.Pos.Address, d.Token, d.Sector = "ТОО «Нан»", "г. Алматы", 5, "services"
	if err := w.s.Amend(d); err != nil {
		t.Fatal(err)
	}
	after, _ := w.s.Info(kkm1)
	if after.Token != before.Token || after.Tickets != 1 || after.Device.Token != before.Device.Token || after.Sector != "services" {
		t.Errorf("%+v", after)
	}
	_, r := w.ask(w.next(), info())
	if g := r.GetService().GetRegInfo(); g.GetOrg().GetTitle() != "ТОО «Нан»" || g.GetPos().GetAddress() != "г. Алматы" {
		t.Errorf("answer: %s", cpcr.Text(g))
	}
	again := New(w.clk, Options{})
	for _, e := range st.events {
		if err := again.Replay(e); err != nil {
			t.Fatal(err)
		}
	}
	if i, _ := again.Info(kkm1); i.Taxpayer.Name != "ТОО «Нан»" || i.Tickets != 1 {
		t.Errorf("folded again: %+v", i)
	}
	d.ID = 9
	if err := w.s.Amend(d); err == nil {
		t.Error("a device that is not registered was amended")
	}
	d.ID, d.Sector = kkm1, "circus"
	if err := w.s.Amend(d); err == nil || !strings.Contains(err.Error(), "want one of trading") {
		t.Errorf("sector circus: %v", err)
	}
	if err := w.s.Register(Device{ID: 10, Sector: "circus"}); err == nil {
		t.Error("registered in the sector circus")
	}
}

// A ticket of another sector than the register's is an observation; without a
// registered sector there is nothing to compare with.
func TestSector(t *testing.T) {
	for _, tt := range []struct {
		sector string
		want   bool
	}{{"", false}, {"trading", false}, {"taxi", true}} {
		d := shop(kkm1)
		d.Sector = tt.sector
		w := newWorld(t, Options{}, d)
		n := w.mark()
		if c := w.code(w.next(), sale(day, 700)); c != 0 {
			t.Errorf("%q: result %d", tt.sector, c)
		}
		if got := w.sees(n, "ticket.domain.type"); got != tt.want {
			t.Errorf("sector %q: noted %v, want %v", tt.sector, got, tt.want)
		}
	}
}

// The parent of a return: unknown ones are noted, or refused by the switch; the
// ticket of another register of this server is looked up there.
func TestParentOfAnotherRegister(t *testing.T) {
	other := shop(7)
	other.Registration = "020200999999"
	back := func(reg, sign string) *canon.Request {
		m := ticket(canon.OperationTypeEnum_OPERATION_SELL_RETURN, day.Add(time.Minute), 100)
		m.Ticket.ParentTicket = &canon.TicketRequest_ParentTicket{ParentTicketNumber: proto.String(sign), ParentTicketDataTime: cpcr.Stamp(day), KgdKkmId: proto.String(reg), ParentTicketTotal: cpcr.Money(500), ParentTicketIsOffline: proto.Bool(false)}
		return m
	}
	const field = "ticket.parent_ticket.parent_ticket_number"
	for _, tt := range []struct {
		name, reg, sign string
		noted           bool
		strict          uint32 // result with KnownParent
	}{
		{"own", shop(kkm1).Registration, "1000000001", false, 0},
		{"own, unknown", shop(kkm1).Registration, "1000000009", true, 13},
		{"of another register here", other.Registration, "1000000002", false, 0},
		{"of another register here, unknown", other.Registration, "1000000001", true, 13},
		{"of a register elsewhere", "030300999999", "1000000001", false, 13},
	} {
		for _, known := range []bool{false, true} {
			w := newWorld(t, Options{KnownParent: known, Signs: []string{"1000000001", "1000000002", "1000000003"}}, shop(kkm1), other)
			w.code(w.next(), sale(day, 500))
			b, err := cpcr.EncodeRequest(cpcr.Header{Version: cpcr.V204, ID: 7, Token: other.Token, ReqNum: 1}, sale(day, 500))
			if err != nil {
				t.Fatal(err)
			}
			w.raw(b)
			n := w.mark()
			want := uint32(0)
			if known {
				want = tt.strict
			}
			if c := w.code(w.next(), back(tt.reg, tt.sign)); c != want {
				t.Errorf("%s, must be known %v: result %d, want %d", tt.name, known, c, want)
			}
			if got := w.sees(n, field); !known && got != tt.noted {
				t.Errorf("%s: noted %v, want %v", tt.name, got, tt.noted)
			}
		}
	}
}

// 16.42: the operations counters grow by lines, or by tickets.
func TestOperationsCounter(t *testing.T) {
	const sell = canon.OperationTypeEnum_OPERATION_SELL
	for byTicket, want := range map[bool]uint32{false: 3, true: 2} {
		w := newWorld(t, Options{OperationsByTicket: byTicket})
		two := sale(day, 100)
		two.Ticket.Items = append(two.Ticket.Items, two.Ticket.Items[0])
		two.Ticket.Amounts.Total, two.Ticket.Payments[0].Sum, two.Ticket.Amounts.Taken = cpcr.Money(200), cpcr.Money(200), cpcr.Money(200)
		w.code(w.next(), two)
		w.code(w.next(), sale(day, 50))
		_, r := w.ask(w.next(), w.x(day))
		z := r.GetReport().GetZxReport()
		if got := z.GetOperations()[sell].GetCount(); got != want || z.GetTotalResult()[sell].GetCount() != want {
			t.Errorf("by ticket %v: operations %d, want %d", byTicket, got, want)
		}
		if sum, _ := cpcr.Tiyn(z.GetOperations()[sell].GetSum()); sum != 250 {
			t.Errorf("by ticket %v: sum %s", byTicket, sum)
		}
		if n := z.GetSections()[0].GetOperations()[0].GetCount(); n != 3 {
			t.Errorf("by ticket %v: the section counts %d lines, want 3", byTicket, n)
		}
	}
}

// What was noted of a document is kept with it.
func TestObservationsAreKeptWithTheDocument(t *testing.T) {
	st := new(store)
	w := newWorld(t, Options{Store: st})
	m := sale(day, 100)
	m.Ticket.Payments[0].Sum = cpcr.Money(90)
	w.code(w.next(), m)
	e := st.events[len(st.events)-1]
	if e.Document == nil || !slices.ContainsFunc(e.Document.Observed, func(o history.Observation) bool { return o.Field == "ticket.payments" }) {
		t.Errorf("%+v", e.Document)
	}
}
