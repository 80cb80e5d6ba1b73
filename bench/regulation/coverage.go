package regulation

import (
	"maps"
	"slices"
)

// Cover says how the rows of a section can be judged.
type Cover struct {
	Edition, Section string
	Rows             int // rows that require something
	Checked          int // judged by a check
	Rolled           int // groups that only roll up their rows
	Document         int // by the manufacturer's documents alone
	Person           int // by a person who is prompted
	Open             int // nobody judges them yet
	OpenRows         []string
	ByCheck          map[string][]string // check key to rows
}

// Coverage counts every section of every edition.
func Coverage(all []Edition) []Cover {
	var out []Cover
	for _, e := range all {
		for _, s := range e.Sections {
			c := Cover{Edition: e.ID, Section: s.ID, ByCheck: map[string][]string{}}
			parents := map[string]bool{}
			for _, r := range s.Rows {
				parents[r.Parent] = true
			}
			for _, r := range s.Rows {
				if r.Kind != Group && r.Kind != PlainRow {
					continue
				}
				c.Rows++
				switch {
				case r.Check != "":
					c.Checked++
					c.ByCheck[r.Check] = append(c.ByCheck[r.Check], r.Number)
				case r.Kind == Group && parents[r.Number] && r.DemandKey == "" && r.PromptKey == "":
					c.Rolled++
				case slices.Equal(r.Methods, []string{"document"}):
					c.Document++
				case r.PromptKey != "":
					c.Person++
				case r.Class == "not_device":
					c.Document++
				default:
					c.Open++
					c.OpenRows = append(c.OpenRows, r.Number)
				}
			}
			out = append(out, c)
		}
	}
	return out
}

// Keys gives the check keys of a section in order.
func (c Cover) Keys() []string { return slices.Sorted(maps.Keys(c.ByCheck)) }
