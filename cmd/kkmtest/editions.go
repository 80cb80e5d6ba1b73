package main

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/kkmtest/kkmtest/bench/campaign"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/fixtures"
	"github.com/kkmtest/kkmtest/reports"
)

// country is whose editions a run is judged by when none is named.
const country = "KZ"

// catalogues reads all editions that are built in, once. Nobody changes them.
var catalogues = sync.OnceValues(func() ([]regulation.Edition, error) {
	return regulation.LoadAll(sub(fixtures.FS, "regulations"))
})

// editionOf finds an edition by its ID or by a part that no other one has.
func editionOf(all []regulation.Edition, id string) (regulation.Edition, error) {
	e, err := regulation.Resolve(all, id)
	if err != nil {
		return e, fmt.Errorf("--regulation: %w", err)
	}
	return e, nil
}

// inForce is the edition that stands in the place of one that is not in force:
// a form names it on page one. Catalogues that cannot be read give none; whoever
// judges has read them already.
func inForce(e regulation.Edition) *regulation.Edition {
	all, err := catalogues()
	if err != nil {
		return nil
	}
	return reports.InForce(all, e)
}

// part is an edition with the rows of it that a selection means.
type part struct {
	edition regulation.Edition
	rows    []regulation.Row
}

// errNothing says that an edition has none of the rows that were selected.
var errNothing = errors.New("nothing of it is selected")

// parts finds the rows that a selection means, edition by edition. Row numbers
// are those of s.of, or of the first edition; any other edition is judged on the
// rows that continue them, or that they continue. Without names of editions it takes every
// Kazakh edition that has the section, leaves those out of which nothing is
// selected, and says why in left.
func (s selection) parts() (out []part, left []string, err error) {
	all, err := catalogues()
	if err != nil {
		return nil, nil, err
	}
	ids, named := s.editions, len(s.editions) > 0
	if !named {
		for _, e := range all {
			if e.Country == country && e.For(s.section) != nil {
				ids = append(ids, e.ID)
			}
		}
		if len(ids) == 0 {
			return nil, nil, fmt.Errorf("--section %s: no Kazakh edition has such a section: want I, II, III or all", s.section)
		}
	}
	var chosen []regulation.Edition
	for _, id := range ids {
		e, err := editionOf(all, id)
		if err != nil {
			return nil, nil, err
		}
		if slices.ContainsFunc(chosen, func(c regulation.Edition) bool { return c.ID == e.ID }) {
			return nil, nil, fmt.Errorf("--regulation %s: %s stands twice", strings.Join(ids, ","), e.ID)
		}
		chosen = append(chosen, e)
	}
	base := chosen[0]
	if s.of != "" {
		if base, err = editionOf(all, s.of); err != nil {
			return nil, nil, err
		}
	}
	served := map[string]bool{} // check patterns that some edition has
	for _, e := range chosen {
		rows, hit, err := s.rowsIn(e, base)
		for _, p := range hit {
			served[p] = true
		}
		switch {
		case err == nil:
			out = append(out, part{e, rows})
		case errors.Is(err, errNothing) && !named:
			left = append(left, err.Error())
		default:
			return nil, nil, err
		}
	}
	for _, p := range s.checks {
		if !served[p] {
			_, err := regulation.SelectChecks(base, s.section, []string{p})
			return nil, nil, errors.Join(err, badPattern(p))
		}
	}
	if len(out) == 0 {
		return nil, nil, errors.New(strings.Join(left, "; "))
	}
	return out, left, nil
}

func badPattern(p string) error {
	if _, err := path.Match(p, ""); err != nil {
		return fmt.Errorf("check pattern %q: %w", p, err)
	}
	return nil
}

// rowsIn finds the selected rows of one edition, and which of the check patterns
// it has rows for.
func (s selection) rowsIn(e, base regulation.Edition) (rows []regulation.Row, hit []string, err error) {
	for _, p := range s.checks {
		if _, err := regulation.SelectChecks(e, s.section, []string{p}); err == nil {
			hit = append(hit, p)
		}
	}
	if len(s.checks) > 0 && len(hit) == 0 && e.For(s.section) != nil {
		return nil, hit, fmt.Errorf("%s section %s: no row has check %s: %w", e.ID, s.section, strings.Join(s.checks, ", "), errNothing)
	}
	numbers := s.rows
	if len(numbers) > 0 && e.ID != base.ID {
		from, err := regulation.Select(base, s.section, numbers)
		if err != nil {
			return nil, hit, err
		}
		if numbers = regulation.Kin(base, e, from, s.section); len(numbers) == 0 {
			return nil, hit, fmt.Errorf("%s section %s: no row continues %s of %s: %w", e.ID, s.section, strings.Join(s.rows, ","), base.ID, errNothing)
		}
	}
	rows, err = campaign.Select(e, s.section, numbers, hit)
	if err != nil && len(numbers) > 0 && len(hit) > 0 {
		err = fmt.Errorf("%w: %w", err, errNothing)
	}
	return rows, hit, err
}

// ids are the IDs of the editions, in their order.
func ids(parts []part) []string {
	var out []string
	for _, p := range parts {
		out = append(out, p.edition.ID)
	}
	return out
}

// asked is the selection that a run directory was asked for: its row numbers are
// those of its first edition.
func askedSelection(a campaign.Asked) selection {
	s := selection{editions: a.Editions, section: a.Section, rows: a.Rows, checks: a.Checks}
	if len(a.Editions) > 0 {
		s.of = a.Editions[0]
	}
	return s
}

// over is s where it says something, and what the run was asked for where it does
// not. Row numbers of the run are of no use in another section.
func (s selection) over(a campaign.Asked) selection {
	was := askedSelection(a)
	if len(s.rows)+len(s.checks) == 0 && (s.section == "" || s.section == was.section) {
		s.rows, s.checks, s.of = was.rows, was.checks, was.of
	}
	if len(s.editions) == 0 {
		s.editions = was.editions
	}
	if s.section == "" {
		s.section = was.section
	}
	return s
}

// stimulus are the rows in which the figures of the scenarios are looked up:
// those of the section first, then those of other sections and editions, because
// a scenario may be declared with a figure that this section does not print.
func stimulus(parts []part, section string) []regulation.Row {
	var out []regulation.Row
	for _, p := range parts {
		out = append(out, p.edition.Rows(section)...)
	}
	for _, p := range parts {
		out = append(out, p.edition.Rows("all")...)
	}
	all, err := catalogues()
	if err != nil {
		return out
	}
	for _, e := range all {
		if e.Country == country {
			out = append(out, e.Rows("all")...)
		}
	}
	return out
}
