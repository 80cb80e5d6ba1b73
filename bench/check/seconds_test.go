package check

import (
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

// queueRun sells without a link, begun so far into a second, and again so long
// after the begin of that receipt; before and after it stands at its evidence.
func queueRun(t *testing.T, phase, after time.Duration, sells func(old time.Duration) bool) *Record {
	s := newSim(t)
	s.in("clock", s.state)
	s.in("go", func() {
		s.sell(plain())
		s.zed()
		s.at = s.at.Add(time.Second - time.Duration(s.at.Wall.Nanosecond()) + phase)
		s.state()
		s.cutAll()
		begun := s.at
		s.sell(plain())
		for range 3 {
			s.pass(23 * time.Hour)
			s.zed()
			s.sell(plain())
		}
		s.at = begun.Add(after)
		s.sells = func(_ fiscal.Op, _, old time.Duration) (bool, bool) { return !sells(old), sells(old) }
		s.sell(plain())
		s.state()
		s.sells = nil
		s.restore()
		s.handover()
		s.sell(plain())
	})
	return s.record()
}

// KZ 431 row 27.6, second by second: the exact value is allowed, one second more is not.
func TestLastSecondOfTheQueue(t *testing.T) {
	const limit, ms = 72 * time.Hour, time.Millisecond
	always, never := func(time.Duration) bool { return true }, func(time.Duration) bool { return false }
	tests := []struct {
		name         string
		phase, after time.Duration
		sells        func(time.Duration) bool
		fails        bool
	}{
		{"refused a second before", 400 * ms, limit - time.Second, never, true},
		{"refused at the last moment inside", 400 * ms, limit - 150*ms, never, true},
		{"taken at the last moment inside", 400 * ms, limit - 150*ms, always, false},
		{"refused when neither side is sure", 400 * ms, limit + 100*ms, never, false},
		{"taken in the same second of the clock", 400 * ms, limit + 500*ms, always, false},
		{"taken in the next second of the clock", 400 * ms, limit + 700*ms, always, true},
		{"refused in the next second of the clock", 400 * ms, limit + 700*ms, never, false},
		{"taken two seconds past", 400 * ms, limit + 2*time.Second, always, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := queueRun(t, tt.phase, tt.after, tt.sells)
			c, _ := Lookup("offline.cutoff")
			js := c.Run(r, map[string]string{"limit": "72h"})
			if got := worst(js) == Fail; got != tt.fails {
				t.Errorf("failed %v, want %v: %+v", got, tt.fails, js)
			}
		})
	}
}

// KZ 431 row 13: the end of a document may be rounded up to a second, and the age is
// counted in whole ones.
func TestLastSecondOfTheShift(t *testing.T) {
	const limit, ms = 24 * time.Hour, time.Millisecond
	tests := []struct {
		name  string
		after time.Duration // from the end of the first receipt's entry
		takes bool
		fails bool
	}{
		{"refused a second before", limit - time.Second, false, true},
		{"refused at the last moment inside", limit - 100*ms, false, true},
		{"taken at the last moment inside", limit - 100*ms, true, false},
		{"refused when neither side is sure", limit + 500*ms, false, false},
		{"taken within a second of its end", limit + 1500*ms, true, false},
		{"taken when no rounding excuses it", limit + 3*time.Second, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSim(t)
			s.in("go", func() {
				s.sell(plain())
				s.zed()
				s.at = s.at.Add(time.Second - time.Duration(s.at.Wall.Nanosecond()) + 100*ms)
				s.state()
				begun := s.at
				s.sell(plain())
				s.at = begun.Add(50*ms + tt.after)
				s.sells = func(fiscal.Op, time.Duration, time.Duration) (bool, bool) { return !tt.takes, tt.takes }
				s.sell(plain())
				s.state()
			})
			c, _ := Lookup("shift.limit")
			js := c.Run(s.record(), map[string]string{"limit": "24h"})
			if got := worst(js) == Fail; got != tt.fails {
				t.Errorf("failed %v, want %v: %+v", got, tt.fails, js)
			}
		})
	}
}

// Outside simulated time clocks drift: seconds days apart say nothing, and the
// tolerance of old stays.
func TestSecondsNeedSimulatedTime(t *testing.T) {
	s := newSim(t)
	s.log = history.NewMemory(s)
	s.put(history.Bench, history.RunBegin{Format: 1, TimeMode: "real", Section: "I", Profile: simFacts})
	s.in("go", func() { s.sell(plain()); s.state() })
	r := s.record()
	if _, _, ok := r.ahead(r.Ops[0].Seq); ok || r.sameClock(1, r.Ops[0].Seq) {
		t.Error("seconds of a real clock were taken for sure")
	}
}

// Two readings that cannot both be right make nothing of each other.
func TestContradictingReadings(t *testing.T) {
	var e clockEpoch
	at := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	e.narrow(at, at, at.Add(10*time.Millisecond))
	if e.broken || e.lo > 0 || e.hi < 990*time.Millisecond {
		t.Fatalf("one reading: %+v", e)
	}
	e.narrow(at.Add(5*time.Second), at.Add(time.Second), at.Add(time.Second))
	if !e.broken {
		t.Errorf("readings four seconds apart agree: %+v", e)
	}
}
