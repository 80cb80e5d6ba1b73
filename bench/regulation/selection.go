package regulation

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// ReceiptChapter is the section of order 626 that binds the registers of every
// other section.
const ReceiptChapter = "R"

// For gives the sections that bind a register of section id: the section
// itself and the receipt chapter where there is one. "all" and "" give
// everything.
func (e Edition) For(id string) []Section {
	var out []Section
	own := false
	for _, s := range e.Sections {
		if id == "" || id == "all" || s.ID == id {
			out, own = append(out, s), true
		} else if s.ID == ReceiptChapter {
			out = append(out, s)
		}
	}
	if !own {
		return nil
	}
	return out
}

// Rows gives the rows of the sections that [Edition.For] gives, in the order
// of the form.
func (e Edition) Rows(section string) []Row {
	var out []Row
	for _, s := range e.For(section) {
		out = append(out, s.Rows...)
	}
	return out
}

// Select gives the rows that numbers name among the sections for section (see
// [Edition.For]), in the order of the form. A group stands for itself and all
// that hangs below it. No numbers select every row. A number that selects
// nothing is an error that names near ones.
func Select(e Edition, section string, numbers []string) ([]Row, error) {
	if e.For(section) == nil {
		return nil, fmt.Errorf("%s has no section %q: want one of %s", e.ID, section, strings.Join(sectionIDs(e), ", "))
	}
	rows := e.Rows(section)
	if len(numbers) == 0 {
		return rows, nil
	}
	taken := map[string]bool{}
	for _, n := range numbers {
		if !slices.ContainsFunc(rows, func(r Row) bool { return r.Number == n }) {
			return nil, notThere(e, section, n, rows)
		}
		taken[n] = true
	}
	var out []Row
	for _, r := range rows { // a parent stands above its rows: the loader sees to it
		if taken[r.Number] || r.Parent != "" && taken[r.Parent] {
			taken[r.Number] = true
			out = append(out, r)
		}
	}
	if !slices.ContainsFunc(out, func(r Row) bool { return r.Kind == Group || r.Kind == PlainRow }) {
		return nil, fmt.Errorf("%s names only headings of %s, which require nothing: want the number of a row", strings.Join(numbers, ","), e.ID)
	}
	return out, nil
}

// SelectChecks gives the rows whose check matches one of the patterns, such as
// offline.* or latency.online. A pattern that matches no row is an error.
func SelectChecks(e Edition, section string, patterns []string) ([]Row, error) {
	rows, err := Select(e, section, nil)
	if err != nil {
		return nil, err
	}
	var known []string
	for _, r := range rows {
		if r.Check != "" && !slices.Contains(known, r.Check) {
			known = append(known, r.Check)
		}
	}
	for _, p := range patterns {
		hit := false
		for _, k := range known {
			ok, err := path.Match(p, k)
			if err != nil {
				return nil, fmt.Errorf("check pattern %q: %w", p, err)
			}
			hit = hit || ok
		}
		if !hit {
			return nil, fmt.Errorf("check %q serves no row of %s section %s: want one of %s", p, e.ID, section, strings.Join(near(p, known, 6), ", "))
		}
	}
	var out []Row
	for _, r := range rows {
		if r.Check != "" && slices.ContainsFunc(patterns, func(p string) bool { ok, _ := path.Match(p, r.Check); return ok }) {
			out = append(out, r)
		}
	}
	return out, nil
}

// Find gives a row of the edition by its corrected number; with a section
// before it ("I 27.6") only of that section.
func (e Edition) Find(number string) (Row, error) {
	section := ""
	if s, n, ok := strings.Cut(number, " "); ok {
		section, number = s, n
	}
	if r := e.at(section, number); r != nil {
		return *r, nil
	}
	return Row{}, notThere(e, section, number, e.Rows(section))
}

// at is a row where it stands, nil when it does not.
func (e Edition) at(section, number string) *Row {
	for i := range e.Sections {
		s := &e.Sections[i]
		if section != "" && section != "all" && s.ID != section {
			continue
		}
		for j := range s.Rows {
			if s.Rows[j].Number == number {
				return &s.Rows[j]
			}
		}
	}
	return nil
}

// Children gives the rows right below a group.
func (s Section) Children(number string) []Row {
	var out []Row
	for _, r := range s.Rows {
		if r.Parent == number {
			out = append(out, r)
		}
	}
	return out
}

func sectionIDs(e Edition) []string {
	var ids []string
	for _, s := range e.Sections {
		ids = append(ids, s.ID)
	}
	return ids
}

func notThere(e Edition, section, n string, rows []Row) error {
	var have []string
	for _, r := range rows {
		have = append(have, r.Number)
		if n != "" && strings.TrimSuffix(r.Printed, ".") == n {
			return fmt.Errorf("row %q of %s: the act prints this number on row %s: want the corrected number %s", n, e.ID, r.Number, r.Number)
		}
	}
	where := e.ID
	if section != "" && section != "all" {
		where += " section " + section
		for _, s := range e.Sections {
			if _, ok := s.Row(n); ok {
				return fmt.Errorf("row %q does not stand in %s but in section %s", n, where, s.ID)
			}
		}
	}
	return fmt.Errorf("row %q does not stand in %s: want a number such as %s", n, where, strings.Join(near(n, have, 4), ", "))
}

// near gives the n words nearest to s by edit distance, equal ones in the order given.
func near(s string, words []string, n int) []string {
	out := slices.Clone(words)
	slices.SortStableFunc(out, func(a, b string) int { return distance(s, a) - distance(s, b) })
	return out[:min(n, len(out))]
}

func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diag
			if a[i] != b[j] {
				cost++
			}
			diag = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// Kin gives the numbers of the rows of an edition, in the sections for section,
// that continue rows of an older one, or that rows of a newer one continue: what
// the predecessors of the two catalogues say. Editions that do not follow each
// other have none.
func Kin(from, to Edition, rows []Row, section string) []string {
	related := func(r Row) bool {
		switch {
		case to.After == from.ID:
			return slices.ContainsFunc(rows, func(o Row) bool { return slices.Contains(r.Predecessor, o.Number) })
		case from.After == to.ID:
			return slices.ContainsFunc(rows, func(o Row) bool { return slices.Contains(o.Predecessor, r.Number) })
		}
		return false
	}
	var out []string
	for _, r := range to.Rows(section) {
		if (r.Kind == Group || r.Kind == PlainRow) && related(r) {
			out = append(out, r.Number)
		}
	}
	return out
}

// Locate finds the one row that a person means by a number, and perhaps a
// section: a row or group, never a heading. The error says what would be right.
func (e Edition) Locate(section, number string) (Row, error) {
	var hits []Row
	var in []string
	for _, s := range e.Sections {
		if r, ok := s.Row(number); ok && (r.Kind == Group || r.Kind == PlainRow) {
			hits, in = append(hits, r), append(in, s.ID)
		}
	}
	switch {
	case len(hits) == 0:
		return Row{}, fmt.Errorf("row %q: edition %s has no such row%s", number, e.ID, e.family(number))
	case section == "" && len(hits) > 1:
		return Row{}, fmt.Errorf("row %q: say the section, it stands in %s", number, strings.Join(in, ", "))
	case section == "":
		return hits[0], nil
	}
	if i := slices.Index(in, section); i >= 0 {
		return hits[i], nil
	}
	return Row{}, fmt.Errorf("row %q, section %q: in edition %s the row stands in section %s", number, section, e.ID, strings.Join(in, ", "))
}

// family names rows of the same group, for a slip of the pen.
func (e Edition) family(number string) string {
	root, _, _ := strings.Cut(number, ".")
	var kin []string
	for _, r := range e.Rows("all") {
		if (r.Number == root || strings.HasPrefix(r.Number, root+".")) && len(kin) < 8 {
			kin = append(kin, r.Number)
		}
	}
	if len(kin) == 0 {
		return ""
	}
	return "; near it are " + strings.Join(kin, ", ")
}
