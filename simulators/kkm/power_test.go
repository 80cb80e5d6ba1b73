package kkm

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/ofd"
)

// meter is a loop that counts what happens on it.
type meter struct {
	*clock.Virtual
	n    int
	each func(n int) // after every callback
}

func (m *meter) wrap(f func()) func() {
	return func() {
		f()
		m.n++
		if m.each != nil {
			m.each(m.n)
		}
	}
}

func (m *meter) AfterFunc(d time.Duration, f func()) clock.Timer {
	return m.Virtual.AfterFunc(d, m.wrap(f))
}
func (m *meter) Post(f func()) { m.Virtual.Post(m.wrap(f)) }

// script is a short life with everything in it that a cut may hit.
func script(w *world, do func(fiscal.Op)) {
	do(deposit(500000))
	do(sell(10000))
	do(ring(modifiers()))
	do(takeX)
	w.link(false)
	do(sell(20000))
	do(withdraw(1000))
	do(takeZ)
	do(sell(30000))
	w.link(true)
	w.pass(3 * time.Minute)
	do(sell(40000))
	do(takeZ)
}

// press asks and does not mind what comes of it.
func (w *world) press(op fiscal.Op) {
	over := false
	w.r.Do(op, func(Reply) { over = true })
	w.await("an answer", time.Minute, func() bool { return over })
	w.await("the paper", time.Minute, func() bool { return !w.r.Printing() })
}

func TestPowerMayGoAtEveryEvent(t *testing.T) {
	life := func(cut int) (events int) {
		w := newWorld(t)
		m := &meter{Virtual: w.clk}
		w.loop = m
		w.make()
		w.ofd = ofd.New(m, ofd.Options{Journal: w.log, Seed: 7})
		register(w)
		m.each = func(n int) {
			if n != cut {
				return
			}
			w.r.Power(false)
			m.Virtual.AfterFunc(10*time.Second, func() { w.r.Power(true) })
		}
		w.on()
		script(w, w.press)
		w.await("power", time.Minute, func() bool { s := w.r.State(); return s.On && !s.Testing })
		w.await("the hand-over", 5*time.Minute, func() bool {
			s := w.r.State()
			return s.Unsent == 0 && !s.Offline && w.r.nv.pending == nil && w.r.x == nil && !s.Printing
		})
		events, m.each = m.n, nil
		if err := w.r.audit(); err != nil {
			t.Fatalf("cut %d: %v", cut, err)
		}
		before := fold(w.r.nv)
		w.r.Power(false)
		w.on()
		if after := fold(w.r.nv); after != before && !w.r.nv.offline {
			t.Errorf("cut %d: the memory says\n%s\nwant\n%s", cut, after, before)
		}
		w.ok(sell(50000))
		w.ok(takeZ)
		for _, o := range w.observed() {
			// What was on the wire when the power went is handed over as
			// autonomous, although it may have been booked as online (cpcr.md 11.5).
			if !strings.Contains(o, "offline_count") && !strings.Contains(o, "is_offline") {
				t.Errorf("cut %d: the OFD observed %s", cut, o)
			}
		}
		return events
	}
	all := life(0)
	if all < 80 {
		t.Fatalf("%d events only", all)
	}
	for cut := 1; cut <= all; cut++ {
		life(cut)
		if t.Failed() {
			return
		}
	}
}

// fold is what must be the same when the memory is read back.
func fold(n *nv) string {
	b, _ := json.Marshal(n.counters)
	return fmt.Sprint(n.token, len(n.queue), n.offline, n.docNo, n.docTime.UTC(), n.paidSince.UTC(), n.serial, n.blocked, " ", string(b))
}

func TestOneSeedOneLife(t *testing.T) {
	run := func(seed uint64) string {
		w := newWorld(t, func(w *world, _ *oo) { w.opt.Seed = seed })
		w.on()
		var out strings.Builder
		script(w, func(op fiscal.Op) {
			x := w.do(op)
			fmt.Fprintln(&out, x.begun, x.reply, x.done, x.Got, x.Sign, x.text())
		})
		for _, q := range w.reqs {
			fmt.Fprintln(&out, q.at, q.h, q.m)
		}
		for _, m := range w.mem.records {
			out.Write(m)
		}
		return out.String()
	}
	if first, second := run(1), run(1); first != second {
		t.Error("two runs with one seed differ")
	}
	if run(1) == run(2) {
		t.Error("two seeds make the same signs")
	}
}

func TestReceiptsSurviveAMonthWithoutPower(t *testing.T) {
	// KZ 431 rows 7, 26.
	w := newWorld(t).on()
	w.link(false)
	a := w.ok(sell(10000))
	w.ok(ring(modifiers()))
	want := fmt.Sprint(w.r.nv.queue[1].request().Ticket)
	w.r.Power(false)
	w.pass(720 * time.Hour)
	w.on()
	if q := w.r.Queue(); len(q) != 2 || q[0].Sign != a.Sign {
		t.Fatalf("queue %v", q)
	}
	w.no(sell(100), ShiftTooLong)
	w.link(true)
	w.await("the hand-over", 3*time.Minute, func() bool { return !w.r.State().Offline })
	if got := fmt.Sprint(w.last(ticketCmd).m.GetTicket()); got != want {
		t.Errorf("sent\n%s\nwant\n%s", got, want)
	}
}
