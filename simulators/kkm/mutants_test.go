package kkm

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/ofd"
)

func TestMutantsAreNamedOnceAndSayWhatCatchesThem(t *testing.T) {
	all := Mutants()
	if len(all) < 40 {
		t.Errorf("%d mutants, want 40 or more", len(all))
	}
	key := regexp.MustCompile(`^[a-z]+\.[a-z]+(/[a-z]+([.-][a-z]+)*)?$`)
	seen := map[string]bool{}
	defects := map[string]bool{}
	perCheck := map[string]int{}
	for _, m := range all {
		if seen[m.Name] || defects[m.Defect] || m.Name == "" || m.Defect == "" || len(m.Caught) == 0 {
			t.Errorf("mutant %q: want a name and a defect that no other has, and a check", m.Name)
		}
		seen[m.Name], defects[m.Defect] = true, true
		for _, k := range append(m.Caught, m.Consequences...) {
			if !key.MatchString(k) {
				t.Errorf("mutant %s: %q: want check or check/detail", m.Name, k)
			}
		}
		for _, k := range m.Caught {
			check, _, _ := strings.Cut(k, "/")
			perCheck[check]++
		}
	}
	// The checks of section I (issue 2 item 8) and how many wrongs each has to see.
	for check, n := range map[string]int{"offline.cutoff": 3, "offline.enter": 3, "offline.sign": 3, "offline.mark": 2, "offline.handover": 4,
		"offline.shiftclose": 3, "shift.limit": 3, "latency.online": 1, "ticket.fields": 10, "zreport.fields": 10, "receipt.lines": 10, "fiscal.sign": 3,
		"ticket.return": 3, "cash.placement": 3, "block.server": 2, "notice.shown": 1, "cycle.single": 2, "link.tcp": 2, "access.password": 4,
		"clock.lowerbound": 1, "config.shiftclosed": 2} {
		if perCheck[check] < n {
			t.Errorf("%s catches %d mutants, want %d", check, perCheck[check], n)
		}
	}
}

func TestAnUnknownMutantIsRefused(t *testing.T) {
	w := newWorld(t)
	_, err := New(w.clk, w.p, wires{w}, Options{Mutant: "cutof-late"})
	if err == nil || !strings.Contains(err.Error(), `"cutof-late"`) || !strings.Contains(err.Error(), "cutoff-late") {
		t.Errorf("error %v, want the name and the known ones", err)
	}
}

// everything is a life in which each defect has an occasion to show.
func everything(w *world) string {
	var out strings.Builder
	do := func(op fiscal.Op) taken {
		x := w.do(op)
		fmt.Fprintf(&out, "%s %s %s %d %s %v %v\n%s\n", op.Kind, x.Got, x.Reason, x.Code, x.Sign, x.reply, x.done, x.text())
		return x
	}
	set := func(s fiscal.Setting, v, password string, cashier int) {
		do(fiscal.Op{Kind: fiscal.OpSetSetting, Setting: s, Value: v, As: fiscal.Role{Cashier: cashier, Password: password}})
	}
	edge := func(limit time.Time) { // second by second past a limit
		from := limit.Add(-3 * time.Second).Sub(w.r.State().Clock)
		if from > 0 {
			w.pass(from)
		}
		for range 7 {
			fmt.Fprintln(&out, w.r.May(sell(1)))
			w.pass(time.Second)
		}
	}
	w.on()
	set(fiscal.SetCashierPassword, "123", "30", 7)
	set(fiscal.SetOFDHost, "ofd.test", "9999", 0)
	do(deposit(1234567))
	w.pass(2 * time.Hour)
	s := do(sell(10050))
	do(as(sell(100), "9999"))
	do(as(takeZ, "9999"))
	full := modifiers()
	full.Lines[0].Code, full.Lines[0].Section = 101, 2
	full.Lines[0].Price = 80033
	full.Lines = append(full.Lines, fiscal.Line{Kind: fiscal.DiscountStorno, Name: "Адалдық картасы", Sum: 4000, VAT: rate(16)},
		fiscal.Line{Kind: fiscal.MarkupStorno, Name: "Орау", Sum: 1000, VAT: rate(16)})
	full.Payments = []fiscal.Payment{{Kind: fiscal.Cash, Sum: 200050}, {Kind: fiscal.Card, Sum: 100000}}
	do(ring(full))
	full.Discount, full.Markup, full.Customer = 0, 777, "990640512348"
	do(ring(full))
	full.Markup = 0
	do(ring(full))
	for _, k := range []fiscal.ReceiptKind{fiscal.SaleReturn, fiscal.BuyReturn, fiscal.Buy} {
		x := receipt(k, 4000)
		if k != fiscal.Buy {
			x.Parent = &fiscal.Parent{Sign: s.Sign, At: day, KKM: w.p.Registration, Total: 10050}
		}
		do(ring(x))
	}
	do(withdraw(1050))
	do(takeX)
	do(fiscal.Op{Kind: fiscal.OpTestPrint, As: by(1)})
	_ = w.ofd.Set("no", ofd.Rule{Commands: []canon.CommandTypeEnum{ticketCmd}, Times: 1, Action: ofd.Action{Result: &ofd.Result{Code: 13}}})
	do(sell(700))
	_ = w.ofd.Set("notice", ofd.Rule{Commands: []canon.CommandTypeEnum{ticketCmd}, Times: 1, Action: ofd.Action{Notice: "Салық"}})
	do(sell(800))
	fmt.Fprintln(&out, w.r.Display())
	do(takeX)
	set(fiscal.SetOFDHost, "other.test", "30", 0)
	do(fiscal.Op{Kind: fiscal.OpSetClock, Clock: w.r.State().Clock.Add(time.Second), As: admin})
	do(takeZ)
	do(fiscal.Op{Kind: fiscal.OpSetClock, Clock: w.r.State().LastDocTime.Add(-time.Minute), As: admin})
	for _, d := range []time.Duration{4800 * time.Millisecond, 8 * time.Second} {
		_ = w.ofd.Set("slow", ofd.Rule{Commands: []canon.CommandTypeEnum{ticketCmd}, Action: ofd.Action{Delay: d}})
		do(sell(900))
		w.ofd.Clear("slow")
		w.pass(3 * time.Minute)
	}
	// The limits, with a shift between: a deposit, then sales just inside and just past them.
	do(takeZ)
	do(deposit(100))
	w.pass(3 * time.Hour)
	do(sell(1100))
	w.pass(23*time.Hour + 30*time.Minute)
	do(sell(1200))
	w.pass(time.Hour)
	do(sell(1300))
	do(takeZ)
	do(sell(1350))
	edge(w.r.State().ShiftSince.Add(w.p.Limits.Shift))
	do(takeZ)
	w.link(false)
	do(sell(1400))
	for range 3 {
		w.pass(23*time.Hour + 50*time.Minute)
		do(sell(1500))
		do(takeZ)
		do(sell(1600))
	}
	edge(w.r.State().Oldest.Add(w.p.Limits.Offline))
	do(deposit(1700))
	w.pass(time.Hour)
	do(sell(1800))
	do(takeZ)
	w.link(true)
	w.pass(10 * time.Minute)
	_ = w.ofd.Block(w.p.OFD.ID, "Тоқтатылды")
	do(sell(1900))
	do(sell(2000))
	fmt.Fprintln(&out, w.r.Display())
	for _, q := range w.reqs {
		fmt.Fprintln(&out, q.at, q.h, q.m)
	}
	fmt.Fprintln(&out, w.bad, w.r.State())
	return out.String()
}

func TestEveryMutantDiffersFromTheConformingRegister(t *testing.T) {
	want := everything(newWorld(t))
	if again := everything(newWorld(t)); again != want {
		t.Fatal("the conforming register does not do the same twice")
	}
	for _, m := range Mutants() {
		if got := everything(newWorld(t, mutantOption(m.Name))); got == want {
			t.Errorf("%s: %s: nothing of it shows", m.Name, m.Defect)
		}
	}
}
