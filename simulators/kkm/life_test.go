package kkm

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

func TestALifeFromCommissioningToTheHandover(t *testing.T) {
	w := newWorld(t).on()
	if got := w.commands(w.reqs); got != "SYSTEM INFO" {
		t.Fatalf("at power-on %q, want the test message and the introduction (cpcr.md 11.3)", got)
	}
	w.ok(deposit(fiscal.Tenge(10000)))
	s := w.ok(ring(&fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{
		good("Нан бородин", 35000, 2000, 1), good("Сүт 2,5%", 64000, 1500, 1)},
		Payments: []fiscal.Payment{{Kind: fiscal.Cash, Sum: 200000}}}))
	if s.Change != 34000 {
		t.Errorf("change %s, want 340.00 (vector 07)", s.Change)
	}
	if got := w.commands(s.reqs); got != "TICKET" {
		t.Errorf("a sale sent %q, want one ticket (KZ 431 row 5)", got)
	}
	if s.done > 7*time.Second {
		t.Errorf("a sale took %v (row 23)", s.done)
	}
	for _, want := range []string{w.p.Taxpayer.Name, w.p.Taxpayer.BIN, w.p.Serial, w.p.Registration, "Нан бородин", "350.00", "1660.00", s.Sign,
		"Фискалды чек", "Фискальный чек", w.p.OFD.Name, w.p.OFD.Site, "05.01.2026 09:00:0", "340.00"} {
		if !strings.Contains(s.text(), want) {
			t.Errorf("%q is not on the receipt:\n%s", want, s.text())
		}
	}
	if strings.Contains(s.text(), "Автоном") {
		t.Errorf("the mark of the autonomous mode is on an online receipt (row 27.5):\n%s", s.text())
	}
	w.ok(ring(&fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{good("Құлаққап", 2499000, 1000, 2)}, Payments: []fiscal.Payment{{Kind: fiscal.Card, Sum: 2499000}}}))
	w.ok(ring(&fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{good("Кеңес", 550000, 1000, 3)},
		Payments: []fiscal.Payment{{Kind: fiscal.Cash, Sum: 100000}, {Kind: fiscal.Mobile, Sum: 450000}}, Customer: "990640512348"}))
	m := w.ok(ring(modifiers()))
	back := receipt(fiscal.SaleReturn, 96000)
	back.Parent = &fiscal.Parent{Sign: s.Sign, At: day, KKM: w.p.Registration, Total: 166000}
	w.ok(ring(back))
	w.ok(ring(receipt(fiscal.Buy, 30000)))
	w.ok(withdraw(fiscal.Tenge(3000)))
	x := w.ok(takeX)
	if got := w.commands(x.reqs); got != "REPORT" || !strings.Contains(x.text(), "с сервера ОФД") {
		t.Errorf("X sent %q and printed\n%s\nwant the server's (row 29.4)", got, x.text())
	}
	w.ok(fiscal.Op{Kind: fiscal.OpReportCashiers, As: admin})
	w.ok(fiscal.Op{Kind: fiscal.OpReportSections, As: admin})
	z := w.ok(takeZ)
	if got := w.commands(z.reqs); got != "SYSTEM CLOSE_SHIFT" {
		t.Errorf("Z sent %q, want the test message and the close (row 2)", got)
	}
	if w.r.State().ShiftOpen {
		t.Error("the shift is open after Z")
	}
	_ = m

	// Offline: a shift with a close, then the hand-over.
	w.link(false)
	a := w.ok(sell(10000))
	if a.reply != 5*time.Second {
		t.Errorf("went offline after %v, want after the wait for the answer (row 27)", a.reply)
	}
	b := w.ok(sell(20000))
	if b.reply > time.Second {
		t.Errorf("the second offline sale took %v", b.reply)
	}
	for _, x := range []taken{a, b} {
		for _, want := range []string{"Автономды режим", "Автономный режим", x.Sign, "Фискалды чек"} {
			if !strings.Contains(x.text(), want) {
				t.Errorf("%q is not on the offline receipt:\n%s", want, x.text())
			}
		}
	}
	if a.Sign == b.Sign {
		t.Errorf("the autonomous sign %s repeats (row 27.3)", a.Sign)
	}
	w.ok(deposit(50000))
	w.ok(takeX)
	w.ok(takeZ)
	c := w.ok(sell(30000))
	if n := w.r.State().Unsent; n != 5 {
		t.Fatalf("%d messages wait, want 5", n)
	}
	w.pass(30 * time.Minute)
	first := len(w.reqs)
	w.link(true)
	w.await("the hand-over", 3*time.Minute, func() bool { return w.r.State().Unsent == 0 && !w.r.State().Offline })
	w.pass(time.Second)
	late := w.reqs[first:]
	if got := w.commands(late); got != "TICKET TICKET MONEY_PLACEMENT CLOSE_SHIFT TICKET INFO" {
		t.Fatalf("handed over %q", got)
	}
	signs := []string{a.Sign, b.Sign, "", "", c.Sign}
	for i, q := range late[:5] {
		p := q.m.GetService().GetOfflinePeriod()
		if p == nil {
			t.Fatalf("message %d has no period of the break (row 28.1)", i+1)
		}
		begin, _ := cpcr.Time(p.GetBeginTime(), time.UTC)
		stop, _ := cpcr.Time(p.GetEndTime(), time.UTC)
		if lost := a.begun + a.reply; begin != day.Add(lost).Truncate(time.Second) {
			t.Errorf("message %d: break from %v, want %v", i+1, begin, day.Add(lost))
		}
		if stop != day.Add(q.at).Truncate(time.Second) {
			t.Errorf("message %d: break until %v, want %v", i+1, stop, day.Add(q.at))
		}
		if signs[i] != "" && signs[i] != fmt.Sprint(q.m.GetTicket().GetOfflineTicketNumber()) {
			t.Errorf("message %d: sign %d, want %s as printed (row 28.3)", i+1, q.m.GetTicket().GetOfflineTicketNumber(), signs[i])
		}
	}
	close := late[3].m.GetCloseShift()
	if !close.GetIsOffline() || !proto.Equal(close.GetCloseTime(), close.GetZReport().GetCloseShiftTime()) {
		t.Error("the close lost its own time (row 27.7)")
	}
	if late[5].m.GetService().GetOfflinePeriod() != nil {
		t.Error("the break goes on after the hand-over")
	}
	w.ok(sell(40000))
	w.ok(takeZ)
	for _, o := range w.observed() {
		t.Errorf("the OFD observed %s", o)
	}
}

// modifiers is a receipt with everything that a line can be (vector 13, with taxes).
func modifiers() *fiscal.Receipt {
	v := rate(16)
	return &fiscal.Receipt{Kind: fiscal.Sale, Discount: 5000, Payments: []fiscal.Payment{{Kind: fiscal.Cash, Sum: 250000}}, Lines: []fiscal.Line{
		{Kind: fiscal.Goods, Name: "Алма апорт", Section: 1, Qty: 3250, Price: 80000, VAT: v},
		{Kind: fiscal.Discount, Name: "Адалдық картасы", Sum: 10000, VAT: v},
		{Kind: fiscal.Goods, Name: "Қара шай", Section: 1, Qty: 1000, Price: 150000, VAT: v},
		{Kind: fiscal.GoodsStorno, Name: "Қара шай", Section: 1, Qty: 1000, Price: 150000, VAT: v},
		{Kind: fiscal.Markup, Name: "Орау", Sum: 5000, VAT: v},
	}}
}

func TestTheMessageOfModifiersIsThatOfTheVector(t *testing.T) {
	w := newWorld(t).on()
	w.ok(ring(modifiers()))
	tk := w.last(canon.CommandTypeEnum_COMMAND_TICKET).m.GetTicket()
	if got := tiyn(tk.GetAmounts().GetTotal()); got != 250000 {
		t.Errorf("total %s, want 2500.00", got)
	}
	if len(tk.GetTaxes()) != 1 || tiyn(tk.GetTaxes()[0].GetSum()) != 34483 {
		t.Errorf("taxes %v, want 344.83 on the ticket (vector 13)", tk.GetTaxes())
	}
	for i, it := range tk.GetItems() {
		if len(it.GetCommodity().GetTaxes())+len(it.GetStornoCommodity().GetTaxes())+len(it.GetDiscount().GetTaxes())+len(it.GetMarkup().GetTaxes()) > 0 {
			t.Errorf("line %d has taxes too: never both (cpcr.md 12.1)", i+1)
		}
	}
}
