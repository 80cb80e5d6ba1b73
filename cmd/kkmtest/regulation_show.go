package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kkmtest/kkmtest/bench"
	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/scenarios"
	"github.com/kkmtest/kkmtest/simulators/kkm"
)

// judging is how a row is judged: what the check asks for, what is done for its
// evidence, what it allows for, and which defects prove that it works.
type judging struct {
	Evidence   string   `json:"evidence"`
	Params     []string `json:"parameters,omitempty"`
	Stimulus   []doing  `json:"stimulus,omitempty"`
	Tolerances []string `json:"tolerances,omitempty"`
	Mutants    []string `json:"mutants,omitempty"`
}

// doing is a scenario with its steps.
type doing struct {
	Key   string   `json:"key"`
	What  string   `json:"what"`
	Steps []string `json:"steps"`
	Also  bool     `json:"also,omitempty"` // run for other checks, leaves evidence for this one too
}

// judgingOf explains a row; nil when no check judges it.
func judgingOf(e regulation.Edition, r regulation.Row) (*judging, error) {
	c, ok := check.Lookup(r.Check)
	if !ok {
		return nil, nil
	}
	j := &judging{Evidence: c.Doc}
	for _, p := range c.Params {
		s := p.Name + ": " + p.Doc
		if v, ok := r.Params[p.Name]; ok {
			s = p.Name + "=" + v + ": " + p.Doc
		} else if !p.Required {
			continue
		}
		j.Params = append(j.Params, s)
	}
	params := bench.NewParams(stimulus([]part{{edition: e}}, r.Section))
	all := scenarios.All(params)
	if err := params.Err(); err != nil {
		return nil, err
	}
	for _, own := range []bool{true, false} {
		for _, s := range all {
			mine, too := slices.Contains(s.Checks, r.Check), slices.Contains(s.Also, r.Check)
			if own != mine || !mine && !too {
				continue
			}
			x := doing{Key: s.Key, What: s.Doc, Also: !mine}
			for _, st := range s.Steps {
				x.Steps = append(x.Steps, st.Name)
			}
			j.Stimulus = append(j.Stimulus, x)
		}
	}
	for _, t := range check.TolerancesOf(r.Check) {
		j.Tolerances = append(j.Tolerances, fmt.Sprintf("%s %v: %s", t.Name, t.Size, t.Why))
	}
	for _, m := range kkm.Mutants() {
		if slices.ContainsFunc(m.Caught, func(key string) bool { return slices.Contains(rowsOf(e, r.Section, key), r.Number) }) {
			j.Mutants = append(j.Mutants, m.Name+": "+m.Defect)
		}
	}
	return j, nil
}

func (j *judging) print(w io.Writer) {
	line := func(name, text string) { fmt.Fprintf(w, "  %-12s %s\n", name, text) }
	line("evidence", j.Evidence)
	for _, p := range j.Params {
		line("", p)
	}
	for _, s := range j.Stimulus {
		if s.Also {
			line("stimulus", s.Key+" leaves evidence too")
			continue
		}
		line("stimulus", s.Key+": "+s.What)
		for i, st := range s.Steps {
			line("", fmt.Sprintf("%d. %s", i+1, st))
		}
	}
	for _, t := range j.Tolerances {
		line("tolerance", t)
	}
	for _, m := range j.Mutants {
		line("mutant", m)
	}
	if len(j.Mutants) == 0 {
		line("mutant", "none of the built-in ones must be caught on this row")
	}
	line("", "how a verdict comes about: docs/how-we-judge.md; readings: docs/readings.md")
}

// open says why a row without a check is not judged.
func open(r regulation.Row) string {
	switch {
	case r.Demand != "" && slices.Equal(r.Methods, []string{"document"}):
		return "by a document that the manufacturer hands over (run --submission); notchecked without it"
	case r.Prompt != "":
		return "by a person who is asked; notchecked until then"
	case r.Kind == regulation.Group:
		return "by its rows: the worst result wins"
	case r.Kind == regulation.PlainRow:
		return "by nobody yet: notchecked; it needs " + strings.Join(r.Methods, ", ")
	}
	return ""
}
