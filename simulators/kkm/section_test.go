package kkm

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/ofd"
)

// onlySends is a register of section II under power.
func onlySends(t testing.TB, opts ...option) *world {
	t.Helper()
	return newWorld(t, append([]option{profileOption(t, "section-2")}, opts...)...).on()
}

// silence makes the OFD take nothing and answer nothing.
func (w *world) silence() {
	w.t.Helper()
	if err := w.ofd.Set("hush", ofd.Rule{Action: ofd.Action{Silent: true}}); err != nil {
		w.t.Fatal(err)
	}
}

// loseAnswers makes it take everything and answer nothing.
func (w *world) loseAnswers() {
	w.t.Helper()
	if err := w.ofd.Set("hush", ofd.Rule{Action: ofd.Action{LoseAnswer: true}}); err != nil {
		w.t.Fatal(err)
	}
}

// nothingFiscal looks for the mark and the sign of a fiscal receipt, and for what
// only autonomous work prints.
func (w *world) nothingFiscal(x taken) {
	w.t.Helper()
	for _, no := range []string{"Фискалды чек", "Фискальный чек", "Фискалды белгі", "Автоном", "АК коды"} {
		if strings.Contains(x.text(), no) {
			w.t.Errorf("%q on the paper of what was refused:\n%s", no, x.text())
		}
	}
}

// KZ 431 row 57: work stops while the link is lost, and goes on when it is back.
func TestSectionIIStopsWithoutTheOFD(t *testing.T) {
	w := onlySends(t)
	w.ok(sell(1000))
	w.link(false)
	x := w.no(sell(2000), NoLink)
	w.nothingFiscal(x)
	if x.reply > w.p.Limits.Transaction {
		t.Errorf("refused after %v, want %v at most", x.reply, w.p.Limits.Transaction)
	}
	if !strings.Contains(x.text(), "РАБОТА ОСТАНОВЛЕНА") || !w.r.State().NoLink {
		t.Errorf("the cashier is told %q, state %v", x.text(), w.r.State().NoLink)
	}
	for _, op := range []fiscal.Op{deposit(100), withdraw(100), takeX, takeZ} {
		w.nothingFiscal(w.no(op, NoLink))
	}
	if q := w.r.Queue(); len(q) != 0 {
		t.Errorf("%d documents wait, want none: a register of section II keeps nothing", len(q))
	}
	w.link(true)
	first := len(w.reqs)
	x = w.ok(sell(3000))
	if x.Sign == "" || !strings.Contains(x.text(), x.Sign) {
		t.Errorf("sign %q on\n%s", x.Sign, x.text())
	}
	if w.r.State().NoLink {
		t.Error("still waiting for the link after a sale")
	}
	if got := w.last(ticketCmd); got.m.Ticket.OfflineTicketNumber != nil || got.m.GetService().GetOfflinePeriod() != nil {
		t.Errorf("the message speaks of autonomous work: %v", got.m)
	}
	if n := strings.Count(w.commands(w.reqs[first:]), "TICKET"); n != 1 {
		t.Errorf("%d tickets after the return, want 1: the refused one never was", n)
	}
	w.ok(takeZ)
	if o := w.observed(); len(o) > 0 {
		t.Errorf("the OFD notes %v", o)
	}
}

// A document that the OFD took and whose answer was lost must neither vanish
// nor be made twice (cpcr.md 4.4).
func TestSectionIISettlesWhatWasNotAnswered(t *testing.T) {
	for _, power := range []bool{false, true} {
		for _, next := range []bool{false, true} {
			t.Run(fmt.Sprintf("power cut %v, next sale %v", power, next), func(t *testing.T) {
				w := onlySends(t)
				w.ok(sell(1000))
				w.loseAnswers()
				w.nothingFiscal(w.no(sell(2000), NoLink))
				if !w.r.State().Unsettled {
					t.Error("nothing says that a document is not settled")
				}
				w.nothingFiscal(w.no(sell(3000), NoLink))
				if power {
					w.r.Power(false)
					w.make()
					w.ofd.Clear("hush")
					w.on()
				}
				w.ofd.Clear("hush")
				w.r.ClearPrinted()
				if !next {
					w.await("the settling", 3*time.Minute, func() bool { return !w.r.State().Unsettled })
					w.await("its paper", time.Minute, func() bool { return !w.r.Printing() })
					if text := strings.Join(w.r.Printed(), "\n"); !strings.Contains(text, "=20.00") || !strings.Contains(text, "Фискальный чек") {
						t.Errorf("the receipt that the OFD took is not on paper:\n%s", text)
					}
				}
				x := w.ok(sell(4000))
				if next && !power && !strings.Contains(x.text(), "=20.00") {
					t.Errorf("the receipt that the OFD took is not on paper:\n%s", x.text())
				}
				if got := w.r.State(); got.Receipts[fiscal.Sale] != 3 || got.Sums[fiscal.Sale] != 7000 {
					t.Errorf("%d sales of %s, want 3 of 70.00", got.Receipts[fiscal.Sale], got.Sums[fiscal.Sale])
				}
				w.ok(takeZ)
				if o := w.observed(); len(o) > 0 {
					t.Errorf("the OFD notes %v", o)
				}
			})
		}
	}
}

func TestSectionIIForgetsWhatTheOFDRefusesLater(t *testing.T) {
	w := onlySends(t)
	w.ok(sell(1000))
	no := w.r.State().LastDoc
	w.silence()
	w.no(sell(2000), NoLink)
	w.ofd.Clear("hush")
	if err := w.ofd.Set("no", ofd.Rule{Commands: []canon.CommandTypeEnum{ticketCmd}, Times: 1, Action: ofd.Action{Result: &ofd.Result{Code: 13}}}); err != nil {
		t.Fatal(err)
	}
	x := w.ok(sell(3000))
	if x.Doc != no+1 || strings.Contains(x.text(), "=20.00") {
		t.Errorf("document %d with\n%s\nwant %d and no trace of the refused one", x.Doc, x.text(), no+1)
	}
}

// KZ 431 rows 59.4, 59.5: X and Z come from the server.
func TestSectionIIPrintsTheServersReports(t *testing.T) {
	w := onlySends(t)
	w.ok(sell(1000))
	for _, op := range []fiscal.Op{takeX, takeZ} {
		x := w.ok(op)
		if !strings.Contains(x.text(), "с сервера ОФД") || strings.Contains(x.text(), "из памяти") || strings.Contains(x.text(), "Контрольная сумма памяти") {
			t.Errorf("%s:\n%s", op.Kind, x.text())
		}
	}
}

// KZ 431 rows 53.23 and 85.44: the close lists the receipts of the shift.
func TestTheCloseListsTheReceiptsOfTheShift(t *testing.T) {
	for _, name := range []string{"section-2", "section-3"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, profileOption(t, name)).on()
			a, b := w.ok(sell(1000)), w.ok(sell(20050))
			want := fmt.Sprintf("%s=10.00;%s=200.50", a.Sign, b.Sign)
			if name == "section-3" {
				w.link(false)
				c := w.ok(sell(300))
				want += ";" + c.Sign + "=3.00"
				w.link(true)
				w.await("the hand-over", 3*time.Minute, func() bool { return !w.r.State().Offline })
			}
			z := w.ok(takeZ)
			var got string
			for _, kv := range w.last(cmdClose).m.Service.Auxiliary {
				if kv.GetKey() == listKey {
					got = kv.GetValue()
				}
			}
			if got != want {
				t.Errorf("list %q, want %q", got, want)
			}
			if !strings.Contains(z.text(), a.Sign) || !strings.Contains(z.text(), "200.50") {
				t.Errorf("the list is not on the Z:\n%s", z.text())
			}
			w.ok(sell(500))
			w.ok(takeZ)
			for _, kv := range w.last(cmdClose).m.Service.Auxiliary {
				if kv.GetKey() == listKey && strings.Contains(kv.GetValue(), ";") {
					t.Errorf("the next shift lists %q, want its own receipt only", kv.GetValue())
				}
			}
		})
	}
}

// KZ 431 rows 49, 82: a text of the tax service is shown, and printed when the shift is opened.
func TestNoticesAtTheOpeningOfAShift(t *testing.T) {
	for _, name := range []string{"section-2", "section-3"} {
		w := newWorld(t, profileOption(t, name)).on()
		w.ok(sell(100))
		_ = w.ofd.Set("notice", ofd.Rule{Commands: []canon.CommandTypeEnum{ticketCmd}, Times: 1, Action: ofd.Action{Notice: "Салық хабарламасы"}})
		w.ok(sell(100))
		if !strings.Contains(strings.Join(w.r.Display(), " "), "Салық хабарламасы") {
			t.Errorf("%s: the display shows %q", name, w.r.Display())
		}
		w.ofd.Clear("notice")
		z := w.ok(takeZ)
		x := w.ok(sell(100))
		if !strings.Contains(z.text()+x.text(), "Салық хабарламасы") {
			t.Errorf("%s: neither the close nor the opening print shows the text", name)
		}
		if y := w.ok(sell(100)); strings.Contains(y.text(), "Салық хабарламасы") {
			t.Errorf("%s: the text comes again and again", name)
		}
	}
}

// KZ 431 row 39: the self-test of section II knows units and software, and no store.
func TestTheSelfTestOfSectionII(t *testing.T) {
	w := onlySends(t)
	for _, x := range w.r.State().Tests {
		if x.Unit == unitData || x.Unit == unitMemory || x.Unit == unitLink {
			t.Errorf("tests %s", x.Unit)
		}
	}
	for _, unit := range []string{unitPrinter, unitSoftware} {
		w := onlySends(t)
		w.r.Break(unit, true)
		w.r.Power(false)
		w.on()
		w.no(sell(100), Fault)
		w.r.Break(unit, false)
		w.r.Power(false)
		w.on()
		w.ok(sell(100))
	}
}

// Every section works over every version of the protocol.
func TestSectionsOverAllVersions(t *testing.T) {
	for _, name := range []string{"section-1", "section-2", "section-3"} {
		for _, v := range cpcr.Versions {
			t.Run(name+" "+v.String(), func(t *testing.T) {
				w := newWorld(t, profileOption(t, name), versionOption(v)).on()
				w.ok(deposit(100000))
				s := w.ok(sell(10050))
				x := receipt(fiscal.SaleReturn, 4000)
				x.Parent = &fiscal.Parent{Sign: s.Sign, At: day, KKM: w.p.Registration, Total: 10050}
				w.ok(ring(x))
				w.ok(ring(modifiers()))
				w.ok(takeX)
				w.ok(withdraw(100))
				w.ok(takeZ)
				if w.bad > 0 {
					t.Errorf("%d requests cannot be read", w.bad)
				}
				for _, q := range w.reqs {
					if q.h.Version != v {
						t.Errorf("a request of version %v", q.h.Version)
					}
				}
			})
		}
	}
}
