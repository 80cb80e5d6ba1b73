package check

import (
	"slices"
	"time"
)

// A Tolerance is a figure of the bench's own that a judgement allows for: no
// limit of any act, always a named constant, and with a reason.
type Tolerance struct {
	Name   string
	Size   time.Duration
	Why    string
	Checks []string // keys of the checks that use it
}

// Tolerances lists them all. docs/how-we-judge.md has them too.
func Tolerances() []Tolerance {
	return []Tolerance{
		{"clockTolerance", clockTolerance, "registers keep whole seconds, and so does the reading that tells how far their clock is off",
			[]string{"offline.cutoff", "shift.limit", "offline.handover", "receipt.lines", "ticket.fields", "zreport.fields", "clock.lowerbound", "access.password"}},
		{"transit", transit, "a message may be under way between register and OFD without either side's stamp showing it", []string{"offline.enter"}},
		{"nearLimit", nearLimit, "how close to a limit of hours evidence must lie", []string{"offline.cutoff", "shift.limit"}},
		{"nearAnswer", nearAnswer, "how close to the answer wait an answer must come", []string{"offline.enter", "latency.online"}},
		{"nearClock", nearClock, "how close to the last document an attempt to set the clock must lie", []string{"clock.lowerbound"}},
		{"longStretch", longStretch, "work without a connection that is shorter has no length worth judging", []string{"offline.handover"}},
		{"basisTolerance", basisTolerance, "some protocols take the time of a returned receipt without seconds", []string{"ticket.return"}},
	}
}

// TolerancesOf lists those that a check uses.
func TolerancesOf(key string) []Tolerance {
	var out []Tolerance
	for _, t := range Tolerances() {
		if slices.Contains(t.Checks, key) {
			out = append(out, t)
		}
	}
	return out
}
