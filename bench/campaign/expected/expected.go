// Package expected reads expected.yaml, the known deviations of a register, and
// holds the findings of a run against it: what is known does not count, what is
// new does, and a deviation that has gone breaks the run as well, so that the
// file never outlives its reason. It is for the CI of a manufacturer; a form
// never shows it and no verdict changes by it.
//
//	model: Example-1F KZ          # optional; another model is refused
//	edition: kz-431-2014          # optional; without it the run's first one
//	deviations:
//	  - row: 27.6
//	    section: I                # only where a number stands in several
//	    edition: kz-626-2025      # only where it is another one
//	    result: fail              # fail (if not said), error, unknown, notchecked, notapplicable
//	    reason: firmware 1.4 blocks an hour late, ticket 217
//
// Begin with [Parse], then [Set.Settle] and [Set.Hold].
package expected

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kkmtest/kkmtest/bench/campaign"
	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/internal/strict"
)

// Set is an expected.yaml.
type Set struct {
	file      string
	model     string
	modelAt   strict.Pos
	edition   string
	editionAt strict.Pos
	list      []deviation
}

type deviation struct {
	edition, section, row, reason string
	result                        check.Result
	at                            strict.Pos
}

// results are the words that may be expected. A pass needs no entry.
var results = []check.Result{check.Fail, check.Error, check.Unknown, check.NotChecked, check.NotApplicable}

// Parse reads expected.yaml. name stands in errors; all of them are reported at once.
func Parse(name string, data []byte) (*Set, error) {
	r, root, err := strict.Read(name, data, "deviations")
	if err != nil {
		return nil, err
	}
	s := &Set{file: name}
	r.Mapping(root, "expected", map[string]func(strict.Node){
		"model":      func(n strict.Node) { s.model, s.modelAt = r.Text(n, "model"), strict.At(n) },
		"edition":    func(n strict.Node) { s.edition, s.editionAt = r.Text(n, "edition"), strict.At(n) },
		"deviations": func(n strict.Node) { r.List(n, "deviations", func(n strict.Node) { s.entry(r, n) }) },
	}, "deviations")
	if err := r.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Set) entry(r *strict.Reader, n strict.Node) {
	d := deviation{result: check.Fail, at: strict.At(n)}
	r.Mapping(n, "deviation", map[string]func(strict.Node){
		"row":     func(n strict.Node) { d.row = strings.TrimSuffix(r.Text(n, "row"), ".") },
		"section": func(n strict.Node) { d.section = r.Text(n, "section") },
		"edition": func(n strict.Node) { d.edition = r.Text(n, "edition") },
		"reason":  func(n strict.Node) { d.reason = r.Text(n, "reason") },
		"result": func(n strict.Node) {
			w := r.Text(n, "result")
			if err := d.result.UnmarshalText([]byte(w)); w != "" && (err != nil || !slices.Contains(results, d.result)) {
				var words []string
				for _, x := range results {
					words = append(words, x.String())
				}
				r.Bad(n, "result %q: want one of %s", w, strings.Join(words, ", "))
			}
		},
	}, "row", "reason")
	s.list = append(s.list, d)
}

// Settle finds the row that each entry means. first is the ID of the edition of
// entries that name none; model is that of the register.
func (s *Set) Settle(all []regulation.Edition, first, model string) error {
	var errs []error
	if s.model != "" && !strings.EqualFold(s.model, strings.TrimSpace(model)) {
		errs = append(errs, strict.Errorf(s.file, s.modelAt, "model %q: the device profile is of %q: want the deviations of that model", s.model, model))
	}
	if s.edition != "" {
		e, err := regulation.Resolve(all, s.edition)
		if err != nil {
			return strict.Errorf(s.file, s.editionAt, "%v", err)
		}
		first = e.ID
	}
	seen := map[string]strict.Pos{}
	for i := range s.list {
		d := &s.list[i]
		if d.edition == "" {
			d.edition = first
		}
		e, err := regulation.Resolve(all, d.edition)
		if err == nil {
			var row regulation.Row
			row, err = e.Locate(d.section, d.row)
			d.edition, d.section = e.ID, row.Section
		}
		if err != nil {
			errs = append(errs, strict.Errorf(s.file, d.at, "%v", err))
			continue
		}
		if at, twice := seen[d.key()]; twice {
			errs = append(errs, strict.Errorf(s.file, d.at, "row %s: it stands already in line %d", d.row, at.Line))
		}
		seen[d.key()] = d.at
	}
	return errors.Join(errs...)
}

func (d deviation) key() string { return d.edition + " " + d.section + " " + d.row }

// Held is the outcome of a run in the light of what was expected.
type Held struct {
	Status int      // exit status, see [campaign.Status]
	Lines  []string // what was expected, what is new and what has gone
}

// Hold holds the findings of one edition against the set. A nil set expects
// nothing.
func (s *Set) Hold(e regulation.Edition, fs []check.Finding) Held {
	if s == nil {
		return Held{Status: campaign.Status(fs)}
	}
	var h Held
	found := map[string]check.Finding{}
	for _, f := range fs {
		found[f.Edition+" "+f.Section+" "+f.Row] = f
	}
	known := map[string]bool{}
	gone := false
	for _, d := range s.list {
		f, ok := found[d.key()]
		switch {
		case !ok || f.Result == check.NotSelected: // not judged here: nothing is known
		case f.Result == d.result:
			known[d.key()] = true
			h.Lines = append(h.Lines, fmt.Sprintf("expected: %s %s: %s", d.row, d.result, d.reason))
		default:
			gone = true
			h.Lines = append(h.Lines, fmt.Sprintf("gone: %s:%d:%d: row %s was expected to be %s and is %s: take the entry out or correct it", s.file, d.at.Line, d.at.Col, d.row, d.result, f.Result))
		}
	}
	explained(e, fs, known)
	var open []check.Finding
	for _, f := range fs {
		if known[f.Edition+" "+f.Section+" "+f.Row] {
			continue
		}
		open = append(open, f)
		if f.Result == check.Fail || f.Result == check.Error {
			h.Lines = append(h.Lines, fmt.Sprintf("unexpected: %s %s", f.Row, f.Result))
		}
	}
	h.Status = campaign.Status(open)
	if gone {
		h.Status = campaign.SomeFail
	}
	return h
}

// explained adds the groups that have their result from known rows alone, from
// the last one up: what a group contains stands below it.
func explained(e regulation.Edition, fs []check.Finding, known map[string]bool) {
	parent := map[string]string{}
	for _, r := range e.Rows("all") {
		parent[r.Section+" "+r.Number] = r.Parent
	}
	for i := len(fs) - 1; i >= 0; i-- {
		g := fs[i]
		own := slices.ContainsFunc(g.Parts, func(j check.Judgement) bool { return j.Result() == g.Result })
		kids, unknown := 0, 0
		for _, f := range fs {
			if f.Section == g.Section && parent[f.Section+" "+f.Row] == g.Row && f.Result == g.Result {
				kids++
				if !known[f.Edition+" "+f.Section+" "+f.Row] {
					unknown++
				}
			}
		}
		if !own && kids > 0 && unknown == 0 {
			known[g.Edition+" "+g.Section+" "+g.Row] = true
		}
	}
}
