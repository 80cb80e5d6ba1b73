package wording

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/kkmtest/kkmtest/bench/regulation"
)

// An amending act speaks of clauses: "«20. ...", or "- 31-clause, its second
// sentence ...: «...»". Behind it stands a comparison table with the old and
// the new text.

var (
	clauseText = regexp.MustCompile(`^[«"“]?(\d+(?:-\d+)?)\. +\S`)
	clauseWord = regexp.MustCompile(`^[-–]? ?(?:Жобо .*?)?(\d+(?:-\d+)?(?:, \d+(?:-\d+)?)*)(?: жана (\d+(?:-\d+)?))?-?[ -]?пункт`)
	annexWord  = regexp.MustCompile(`^[-–] ?(\d+)- ?тиркеме`)
	heading    = regexp.MustCompile(`^(?:[-–] )?[«"]?(?:\d+-глава|§)|^(?:Долбоор|Проект)$`)
	comparison = regexp.MustCompile(`(?i)^(салыштырма таблица|сравнительная таблица)`)
	bullet     = regexp.MustCompile(`^[«"“]?[-–] +`)
	filler     = regexp.MustCompile(`^[_.…\s]*$`)
)

// clauseBlock is the text of a clause: its lines, and where it begins.
type clauseBlock struct {
	line  int
	lines []string
}

// clauseStarts reads the clauses of the draft and, apart, those of the
// comparison table, whose first text of a clause is the one before the change.
func clauseStarts(text string) (draft, table map[string]clauseBlock) {
	draft, table = map[string]clauseBlock{}, map[string]clauseBlock{}
	into, started, compared := draft, false, false
	var open []string // clauses that the current lines belong to
	line := 0
	begin := func(n string) {
		into[n] = clauseBlock{line: line}
		open = append(open, n)
	}
	for l := range strings.SplitSeq(text, "\n") {
		line++
		l = clean(strings.ReplaceAll(l, "\t", " "))
		word := clauseWord.FindStringSubmatch(l)
		switch own := clauseText.FindStringSubmatch(l); {
		case l == "" || filler.MatchString(l):
			continue
		case comparison.MatchString(l):
			into, open, compared = table, nil, true
			continue
		case heading.MatchString(l):
			open = nil
			continue
		case annexWord.MatchString(l):
			open = nil
			begin("annex" + annexWord.FindStringSubmatch(l)[1])
			continue
		case word != nil:
			started, open = true, nil
			for n := range strings.SplitSeq(word[1], ", ") {
				begin(n)
			}
			if word[2] != "" {
				begin(word[2])
			}
			if strings.HasSuffix(l, ":") {
				continue
			}
		case own != nil && !started && !compared:
			continue // a numbered paragraph of the note that explains the draft
		case own != nil:
			open = nil
			if _, twice := table[own[1]]; twice && compared {
				continue
			}
			begin(own[1])
		}
		for _, n := range open {
			b := into[n]
			b.lines = append(b.lines, l)
			into[n] = b
		}
		if compared { // one line a clause; what follows may be the new text or an annex
			open = nil
		}
	}
	return draft, table
}

// isClause says whether a row is a clause itself, and not a part of one.
func isClause(r regulation.Row) bool {
	return r.Kind != regulation.SectionTitle && r.Parent == "" && r.Printed == r.Number
}

// clauses matches the rows of an amending act clause by clause. The parts of a
// clause are matched when it has as many dashes as the catalogue has parts.
func clauses(e regulation.Edition, text string) []Entry {
	draft, old := clauseStarts(text)
	var out []Entry
	for _, s := range e.Sections {
		for _, r := range s.Rows {
			entry := Entry{Section: r.Section, Number: r.Number, Digest: r.Digest, State: Missing}
			switch {
			case r.Kind == regulation.SectionTitle:
				entry.Why = "the catalogue's own title of a group of clauses"
			case isClause(r):
				clause(&entry, r.Printed, len(s.Children(r.Number)), draft, old)
			case r.Parent == "": // an annex
				if b := draft["annex"+r.Printed]; len(b.lines) > 0 {
					entry.State, entry.Text, entry.Line = Matched, strings.Join(b.lines, "\n"), b.line
				} else {
					entry.Why = "the text has no annex " + r.Printed
				}
			default:
				part(&entry, r, s, draft)
			}
			if entry.State == Matched && entry.Text == "" {
				entry.State, entry.Why = Missing, "the number stands there without a text"
			}
			out = append(out, entry)
		}
	}
	return out
}

func clause(entry *Entry, n string, parts int, draft, old map[string]clauseBlock) {
	if b, ok := draft[n]; ok && len(b.lines) > 0 {
		entry.State, entry.Line = Matched, b.line
		lines := b.lines
		if d := dashes(b); len(d) > 0 && len(d) == parts { // they stand at the parts
			lines = slices.DeleteFunc(slices.Clone(lines), bullet.MatchString)
		}
		entry.Text = unquote(strings.Join(lines, " "))
		return
	}
	if b, ok := old[n]; ok && len(b.lines) > 0 {
		entry.State, entry.Line, entry.Text = Ambiguous, b.line, unquote(strings.Join(b.lines, " "))
		entry.Why = "only the comparison table has the clause: the wording that is repealed"
		return
	}
	entry.Why = "the text has no clause " + n
}

func part(entry *Entry, r regulation.Row, s regulation.Section, draft map[string]clauseBlock) {
	siblings := s.Children(r.Parent)
	b := draft[r.Printed]
	d := dashes(b)
	if len(d) != len(siblings) {
		entry.Why = fmt.Sprintf("clause %s has %d dashes, the catalogue %d parts: its wording stands at the clause", r.Printed, len(d), len(siblings))
		return
	}
	for i, sib := range siblings {
		if sib.Number == r.Number {
			entry.State, entry.Text, entry.Line = Matched, d[i], b.line
		}
	}
}

// dashes are the parts of a clause that begin with a dash.
func dashes(b clauseBlock) []string {
	var out []string
	for _, l := range b.lines {
		if bullet.MatchString(l) {
			out = append(out, unquote(bullet.ReplaceAllString(l, "")))
		}
	}
	return out
}

// unquote takes away the marks in which an amending act puts a new text.
func unquote(s string) string {
	s = strings.TrimRight(strings.TrimSpace(s), "; ")
	s = strings.TrimSuffix(s, ".»")
	switch open, shut := strings.Count(s, "«"), strings.Count(s, "»"); {
	case open > shut:
		s = strings.TrimPrefix(s, "«")
	case open < shut:
		s = strings.TrimSuffix(s, "»")
	case open == 1 && strings.HasPrefix(s, "«") && strings.HasSuffix(s, "»"):
		s = strings.TrimSuffix(strings.TrimPrefix(s, "«"), "»")
	}
	if m := clauseText.FindStringSubmatch(s); m != nil { // the number stands in its own column
		s = strings.TrimLeft(s, "«\"“")[len(m[1])+1:]
	}
	return strings.TrimSpace(s)
}
