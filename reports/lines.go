package reports

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
)

// line is a line of the form with what was found about it.
type line struct {
	Section string
	Row     regulation.Row
	Counts  bool // a row that gets a verdict; headings without a number do not
	Verdict verdict
}

// verdict is a finding laid out for a reader.
type verdict struct {
	Result  check.Result
	Check   string
	Digest  string          // of the row that was judged
	Lead    check.Judgement // the judgement that decided; zero when there was none
	Because because         // why there is no judgement, "" when there is one
	From    []string        // of a group that its sub-rows decide: those that have its result
	// Asks is what a document or a person has to show, in the languages of the
	// catalogue; nil when the row has a check.
	Asks    map[regulation.Lang]string
	Events  []history.Seq // ascending, each once
	Measure *measure      // nil when nothing was measured
	Read    []check.Reading
	// Declared are the lines of the profile that the result rests on.
	Declared []check.Declaration
}

// because says why a row has no judgement of its own. The words are keys of package words.
type because string

const (
	noFinding because = "because.nofinding" // nobody judged the row
	noCheck   because = "because.nocheck"   // the catalogue names no check for it
	document  because = "because.document"  // manufacturer's documents show it
	person    because = "because.person"    // somebody has to look
	notRun    because = "because.notrun"    // there is a check, and no judgement of it
	subRows   because = "because.subrows"   // a group: its sub-rows decide
	heading   because = "because.heading"   // a numbered heading demands nothing

	notSelected because = "because.notselected"
)

// measure is what was measured, with its distance to the limit.
type measure struct {
	check.Measured
	// Distance from the nearer end of the span to the limit; 0 when the span
	// holds the limit. Negative when the span lies above it.
	Distance time.Duration
	Near     bool // so near that a reader should look twice
}

// A measurement is marked as near its limit when a twentieth of the limit or
// three times its own uncertainty would reach it (target 20). The mark is for
// the reader and never changes a verdict.
const (
	nearPart  = 20
	nearBlurs = 3
)

func measureOf(m check.Measured) *measure {
	if m == (check.Measured{}) {
		return nil
	}
	out := &measure{Measured: m}
	if m.Limit == 0 {
		return out
	}
	switch {
	case m.Span.Hi <= m.Limit:
		out.Distance = m.Limit - m.Span.Hi
	case m.Span.Lo >= m.Limit:
		out.Distance = m.Limit - m.Span.Lo
	}
	gap := max(out.Distance, -out.Distance)
	blur := (m.Span.Hi - m.Span.Lo) / 2
	out.Near = gap <= m.Limit/nearPart || gap <= nearBlurs*blur
	return out
}

// lines joins the form with the findings.
func (r Run) lines() ([]line, error) {
	secs, err := r.sections()
	if err != nil {
		return nil, err
	}
	found := make(map[[2]string]check.Finding, len(r.Findings))
	for _, f := range r.Findings {
		if f.Edition != "" && f.Edition != r.Edition.ID {
			return nil, fmt.Errorf("finding of row %s %s: edition %s, the form is of %s", f.Section, f.Row, f.Edition, r.Edition.ID)
		}
		k := [2]string{f.Section, f.Row}
		if old, ok := found[k]; ok {
			return nil, fmt.Errorf("row %s %s has two findings: %s and %s", f.Section, f.Row, old.Result, f.Result)
		}
		found[k] = f
	}
	var out []line
	seen := map[[2]string]bool{}
	for _, s := range secs {
		for _, row := range s.Rows {
			k := [2]string{s.ID, row.Number}
			if seen[k] {
				return nil, fmt.Errorf("edition %s: row %s %s stands twice in the form", r.Edition.ID, s.ID, row.Number)
			}
			seen[k] = true
			l := line{Section: s.ID, Row: row, Counts: numbered(row)}
			f, ok := found[k]
			delete(found, k)
			if ok && f.RowDigest != "" && row.Digest != "" && f.RowDigest != row.Digest {
				return nil, fmt.Errorf("row %s %s was judged as %.12s…, the form has %.12s…: judge the record again by this edition", s.ID, row.Number, f.RowDigest, row.Digest)
			}
			if !l.Counts && ok && f.Result != check.Informational && f.Result != check.NotChecked {
				return nil, fmt.Errorf("%s %s is a heading and has a finding: %s", s.ID, row.Number, f.Result)
			}
			l.Verdict = verdictOf(row, f, ok)
			out = append(out, l)
		}
	}
	if len(found) > 0 {
		var names []string
		for k := range found {
			names = append(names, k[0]+" "+k[1])
		}
		slices.Sort(names)
		return nil, fmt.Errorf("edition %s, section %s has no row %s, but findings speak of it", r.Edition.ID, r.SectionID(), strings.Join(names, ", "))
	}
	decided(out)
	if !slices.ContainsFunc(out, func(l line) bool { return l.Counts }) {
		return nil, fmt.Errorf("edition %s, section %s has no rows", r.Edition.ID, r.SectionID())
	}
	return out, nil
}

// numbered says whether a line is a row of the form: rows, groups, and headings
// that carry a number of their own (61 and 98 of order 431). A heading whose
// number belongs to the row after it (104) is corrected to a name such as III.h4.
func numbered(r regulation.Row) bool {
	switch r.Kind {
	case regulation.Group, regulation.PlainRow:
		return true
	}
	return r.Number != "" && r.Number[0] >= '0' && r.Number[0] <= '9'
}

func verdictOf(row regulation.Row, f check.Finding, ok bool) verdict {
	v := verdict{Result: f.Result, Check: f.Check, Digest: row.Digest}
	if v.Check == "" {
		v.Check = row.Check
	}
	if f.RowDigest != "" {
		v.Digest = f.RowDigest
	}
	// The part that decided. A group whose sub-rows are worse than its own
	// judgement has none: the sub-rows decided.
	lead := slices.IndexFunc(f.Parts, func(j check.Judgement) bool { return j.Result() == f.Result })
	if lead >= 0 {
		v.Lead = f.Parts[lead]
		v.Measure = measureOf(v.Lead.Measured())
		for _, j := range f.Parts {
			if j.Result() != v.Lead.Result() {
				continue
			}
			v.Events = append(v.Events, j.Events()...)
			for _, d := range j.Declared() {
				if !slices.Contains(v.Declared, d) {
					v.Declared = append(v.Declared, d)
				}
			}
			for _, rd := range j.Readings() {
				if !slices.Contains(v.Read, rd) {
					v.Read = append(v.Read, rd)
				}
			}
			if m := measureOf(j.Measured()); closer(m, v.Measure) {
				v.Measure = m
			}
		}
		slices.Sort(v.Events)
		v.Events = slices.Compact(v.Events)
	}
	key, _ := v.Lead.Message()
	if row.Check == "" && v.Result == check.NotChecked && ok && (key == "" || key == "row.demand" || key == "row.prompt") && (row.Kind == regulation.PlainRow || len(f.Parts) > 0) {
		// The catalogue says in every language what has to be shown; the
		// judgement repeats it in one.
		switch {
		case row.Demand != "" && row.Kind != regulation.Heading:
			v.Because, v.Asks = document, texts(row.Demands, row.Demand)
		case row.Prompt != "" && row.Kind != regulation.Heading:
			v.Because, v.Asks = person, texts(row.Prompts, row.Prompt)
		}
		if v.Because != "" {
			return v
		}
	}
	has := v.Lead.Reason() != "" || v.Lead.Violation().Want != "" || v.Result == check.Pass && len(v.Events) > 0
	if !has {
		v.Because = becauseOf(row, f, ok)
	}
	return v
}

// texts is a text of the catalogue in all its languages; one that has no
// translation stands for all.
func texts(all map[regulation.Lang]string, one string) map[regulation.Lang]string {
	if len(all) > 0 {
		return all
	}
	return map[regulation.Lang]string{regulation.English: one}
}

// closer says whether a tells more than b: the measurement nearest to its limit is the one to show.
func closer(a, b *measure) bool {
	if a == nil || b == nil || a.Limit == 0 || b.Limit == 0 {
		return a != nil && b == nil
	}
	return max(a.Distance, -a.Distance) < max(b.Distance, -b.Distance)
}

// judged says whether the row's own check came to a result, whatever its sub-rows did.
func judged(f check.Finding) bool {
	for _, j := range f.Parts {
		if j.Result() != check.NotChecked {
			return true
		}
	}
	return false
}

func becauseOf(row regulation.Row, f check.Finding, ok bool) because {
	switch {
	case row.Kind == regulation.Heading || row.Kind == regulation.SectionTitle:
		return heading
	case !ok:
		return noFinding
	case f.Result == check.NotSelected:
		return notSelected
	case row.Kind == regulation.Group && (row.Check == "" || f.Result != check.NotChecked || judged(f)):
		return subRows
	case row.Check == "":
		return noCheck
	}
	return notRun
}

// decided names the sub-rows that gave a group its result.
func decided(ls []line) {
	groups := map[string]int{}
	for i, l := range ls {
		groups[l.Row.Number] = i
	}
	for _, l := range ls {
		g, ok := groups[l.Row.Parent]
		if ok && ls[g].Verdict.Because == subRows && l.Verdict.Result == ls[g].Verdict.Result {
			ls[g].Verdict.From = append(ls[g].Verdict.From, l.Row.Number)
		}
	}
}

// counts is the number of rows of each result.
func counts(ls []line) map[check.Result]int {
	n := map[check.Result]int{}
	for _, l := range ls {
		if l.Counts {
			n[l.Verdict.Result]++
		}
	}
	return n
}
