package scenarios

import (
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/kkmtest/kkmtest/bench"
	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/fixtures"
)

func sectionI(t *testing.T) []regulation.Row {
	t.Helper()
	f, err := fs.Sub(fixtures.FS, "regulations")
	if err != nil {
		t.Fatal(err)
	}
	e, err := regulation.Load(f, "kz-431-2014")
	if err != nil {
		t.Fatal(err)
	}
	return e.Rows("I")
}

// rows makes a catalogue with other figures than the law's.
func rows(offline, shift, answer string) []regulation.Row {
	return []regulation.Row{
		{Check: "offline.cutoff", Params: regulation.Params{"limit": offline}},
		{Check: "shift.limit", Params: regulation.Params{"limit": shift}},
		{Check: "offline.enter", Params: regulation.Params{"answer": answer}},
		{Check: "access.password", Params: regulation.Params{"positions": "6"}},
	}
}

func TestEveryCheckOfTheSectionIsServed(t *testing.T) {
	p := bench.NewParams(sectionI(t))
	all := All(p)
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	served := map[string]bool{}
	for _, s := range all {
		for _, c := range s.Checks {
			served[c] = true
		}
	}
	for _, r := range sectionI(t) {
		if r.Check != "" && !served[r.Check] {
			t.Errorf("row %s: no scenario is run for check %s", r.Number, r.Check)
		}
	}
}

// What a check reads and what a scenario says that it shows must be the same.
func TestChecksAndScenariosKnowEachOther(t *testing.T) {
	all := All(bench.NewParams(sectionI(t)))
	byKey := map[string]bench.Scenario{}
	for _, s := range all {
		if _, twice := byKey[s.Key]; twice {
			t.Errorf("scenario %s stands twice", s.Key)
		}
		byKey[s.Key] = s
	}
	for _, c := range check.All() {
		for _, key := range c.Scenarios {
			s, ok := byKey[key]
			switch {
			case !ok:
				t.Errorf("check %s reads scenario %s, which is not there", c.Key, key)
			case !slices.Contains(s.Checks, c.Key) && !slices.Contains(s.Also, c.Key):
				t.Errorf("check %s reads scenario %s, which does not name it", c.Key, key)
			}
		}
	}
	for _, s := range all {
		for _, key := range slices.Concat(s.Checks, s.Also) {
			if _, ok := check.Lookup(key); !ok {
				t.Errorf("scenario %s: check %s is not there", s.Key, key)
			}
		}
	}
}

func TestScenariosAreWellFormed(t *testing.T) {
	for _, s := range All(bench.NewParams(sectionI(t))) {
		t.Run(s.Key, func(t *testing.T) {
			first, last := s.Steps[0], s.Steps[len(s.Steps)-1]
			if first.Name != begin().Name || last.Name != end().Name {
				t.Errorf("begins with %q and ends with %q: want the plain sales that must work", first.Name, last.Name)
			}
			if s.Doc == "" || len(s.Checks) == 0 {
				t.Error("nothing says what it is for")
			}
			names := map[string]bool{}
			for i, st := range s.Steps {
				if st.Name == "" || names[st.Name] {
					t.Errorf("step %d: the name %q is empty or stands twice", i+1, st.Name)
				}
				names[st.Name] = true
				for _, op := range []string{st.After.Op, st.After.Early} {
					if op == "" {
						continue
					}
					step, _, _ := strings.Cut(op, "/")
					if n, err := strconv.Atoi(step); err != nil || n < 1 || n > i {
						t.Errorf("step %d waits for operation %q: want one of an earlier step", i+1, op)
					}
				}
				if !st.After.Zero() && st.After.Why == "" {
					t.Errorf("step %d waits without a reason", i+1)
				}
			}
		})
	}
}

// Both sides of a limit and the limit itself, with whatever figure the catalogue has.
func TestLimitsComeFromTheCatalogue(t *testing.T) {
	waits := func(s bench.Scenario) (out []time.Duration) {
		for _, st := range s.Steps {
			if st.After.Op != "" {
				out = append(out, st.After.For)
			}
		}
		return out
	}
	h := time.Hour
	tests := []struct {
		name           string
		offline, shift string
		cutoff, limit  []time.Duration
	}{
		{"the law's", "72h", "24h", []time.Duration{23 * h, 46 * h, 69 * h, 72*h - edge, 72*h - refusalTime, 72*h + firstSecond, 72*h + edge}, []time.Duration{24*h - edge, 24*h - lastMoment, 24*h + pastSecond, 24*h + edge}},
		{"others", "10h", "12h", []time.Duration{10*h - edge, 10*h - refusalTime, 10*h + firstSecond, 10*h + edge}, []time.Duration{12*h - edge, 12*h - lastMoment, 12*h + pastSecond, 12*h + edge}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := bench.NewParams(rows(tt.offline, tt.shift, "5s"))
			if got := waits(CutOff(p)); !slices.Equal(got, tt.cutoff) {
				t.Errorf("without a connection: %v, want %v", got, tt.cutoff)
			}
			if got := waits(ShiftLimit(p)); !slices.Equal(got, tt.limit) {
				t.Errorf("shift: %v, want %v", got, tt.limit)
			}
		})
	}
	names := ""
	for _, st := range OfflineEnter(bench.NewParams(rows("72h", "24h", "9s"))).Steps {
		names += st.Name + "\n"
	}
	for _, want := range []string{"8.9s, just in time", "9.1s, just too late"} {
		if !strings.Contains(names, want) {
			t.Errorf("answer wait 9 s: no step with %q in\n%s", want, names)
		}
	}
	if n := len(passwordOf(6 - 1)); n != 5 {
		t.Errorf("a password below 6 positions has %d", n)
	}
}

func TestOtherPort(t *testing.T) {
	gomega.RegisterTestingT(t)
	for in, want := range map[string]string{"7777": "7778", "65535": "65534", "1": "2"} {
		if got := otherPort(in); got != want {
			t.Errorf("beside %s: %s, want %s", in, got, want)
		}
	}
}
