package kkm

import (
	"strings"
	"testing"
	"time"
)

// until waits for a moment of the wall clock.
func (w *world) until(at time.Time) {
	w.t.Helper()
	w.pass(at.Sub(w.clk.Now().Wall))
}

func TestTheLimitOfWorkWithoutTheOFD(t *testing.T) {
	// KZ 431 row 27.6: the exact value must work, a second more must not.
	const limit = 72 * time.Hour
	tests := []struct {
		name string
		at   time.Duration // after the oldest unsent receipt
		ok   bool
	}{
		{"a minute inside", limit - time.Minute, true},
		{"exactly", limit, true},
		{"a second past", limit + time.Second, false},
		{"a minute past", limit + time.Minute, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t).on()
			w.link(false)
			w.until(day.Add(time.Minute))
			first := w.clk.Now().Wall
			w.ok(sell(10000))
			for d := 20 * time.Hour; d < limit; d += 20 * time.Hour { // the shift has a limit of its own
				w.until(first.Add(d))
				w.ok(takeZ)
				w.ok(sell(10000))
			}
			w.until(first.Add(tt.at))
			if tt.ok {
				w.ok(sell(20000))
				return
			}
			x := w.no(sell(20000), OfflineTooLong)
			if !strings.Contains(x.text(), "БЕЗ СВЯЗИ") {
				t.Errorf("the cashier is told %q, want the reason", x.text())
			}
			w.no(deposit(100), OfflineTooLong)
			w.ok(takeX)
			w.ok(takeZ)
			w.link(true)
			w.await("the hand-over", 3*time.Minute, func() bool { return !w.r.State().Offline })
			w.ok(sell(30000))
		})
	}
}

func TestTheLimitOfTheShift(t *testing.T) {
	// KZ 431 row 13: counted from the end of the first payment document.
	const limit = 24 * time.Hour
	tests := []struct {
		name string
		at   time.Duration
		ok   bool
	}{
		{"a minute inside", limit - time.Minute, true},
		{"exactly", limit, true},
		{"two seconds past", limit + 2*time.Second, false},
		{"a minute past", limit + time.Minute, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t).on()
			w.ok(deposit(100000)) // opens the shift and does not begin its 24 hours (doubt 13)
			w.pass(3 * time.Hour)
			w.ok(sell(10000))
			end := w.clk.Now().Wall
			w.until(end.Add(tt.at))
			if tt.ok {
				w.ok(sell(20000))
				return
			}
			w.no(sell(20000), ShiftTooLong)
			w.no(withdraw(100), ShiftTooLong)
			if s := w.r.State(); !s.ShiftTooLong || !s.ShiftOpen {
				t.Errorf("state %+v, want a shift that is too long", s)
			}
			w.ok(takeX)
			w.ok(takeZ)
			w.ok(sell(30000))
		})
	}
}

func TestTheOFDSaysThatTheShiftIsTooLong(t *testing.T) {
	w := newWorld(t, func(_ *world, o *oo) { o.ShiftLimit = time.Hour }).on()
	w.ok(sell(10000))
	w.pass(2 * time.Hour)
	if x := w.no(sell(10000), ShiftTooLong); x.Code != codeTooLong {
		t.Errorf("code %d, want 11", x.Code)
	}
	n := len(w.reqs)
	w.no(sell(10000), ShiftTooLong)
	if len(w.reqs) != n {
		t.Error("the register asked again: only Z is left (cpcr.md 6)")
	}
	w.ok(takeZ)
	w.ok(sell(10000))
}

func TestAgesAreComparedInWholeSeconds(t *testing.T) {
	at := func(s string) time.Time { v, _ := time.Parse("15:04:05.999", s); return v }
	tests := []struct {
		since, now string
		want       bool
	}{
		{"10:00:00.9", "11:00:00.0", false},
		{"10:00:00.0", "11:00:00.9", false},
		{"10:00:00.0", "11:00:01.0", true},
		{"10:00:00.9", "11:00:01.0", true},
	}
	for _, tt := range tests {
		if got := older(at(tt.since), at(tt.now), time.Hour); got != tt.want {
			t.Errorf("older(%s, %s, 1h) = %v, want %v", tt.since, tt.now, got, tt.want)
		}
	}
	if older(time.Time{}, at("11:00:00"), time.Hour) {
		t.Error("nothing is older than an hour")
	}
}

func TestAnAttemptEachMinuteAndNothingElse(t *testing.T) {
	// A month's silence must cost next to nothing; three days of it are 4320 attempts.
	w := newWorld(t).on()
	w.link(false)
	w.ok(sell(10000))
	n := w.r.nv.records
	before := w.dials
	w.pass(72 * time.Hour)
	if got := w.dials - before; got < 2*4000 || got > 2*4400 {
		t.Errorf("%d connections tried, want one a minute on each of two channels", got)
	}
	if w.r.nv.records != n {
		t.Errorf("%d records written by attempts that reached nobody", w.r.nv.records-n)
	}
}

func TestTheClockIsSteppedFromOutside(t *testing.T) {
	// The control API moves the clock in an open shift; the limits follow it.
	w := newWorld(t).on()
	w.ok(sell(10000))
	w.r.StepClock(25 * time.Hour)
	w.no(sell(10000), ShiftTooLong)
	w.ok(takeZ)
	if got, want := w.r.State().Clock, w.clk.Now().Wall.Add(25*time.Hour).Truncate(time.Second); !got.Equal(want) {
		t.Errorf("clock %v, want %v", got, want)
	}
}
