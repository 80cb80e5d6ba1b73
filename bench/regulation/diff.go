package regulation

import (
	"maps"
	"slices"
	"strings"
)

// The states of a row between two editions, or two revisions of one.
const (
	Continued = "continued" // same requirement: text, figures and obligation
	Changed   = "changed"
	New       = "new"
	Dropped   = "dropped"
)

// A Change says what became of a requirement.
type Change struct {
	State string
	Old   []Row // empty for New; several rows may have become one
	New   Row   // zero for Dropped
	What  []string
	// Lost are the old rows whose findings no longer say anything about the
	// requirement: something that they rest on has changed, or it was dropped.
	Lost []Row
}

// Diff compares an edition with the older one, along the predecessors that
// stand in its catalogue; two revisions of one edition are compared number by
// number. The order is that of the new form, then what was dropped.
func Diff(old, now Edition) []Change {
	var out []Change
	gone := map[string]bool{}
	for _, r := range now.Rows("all") {
		if r.Kind == SectionTitle || r.Kind == Heading {
			continue
		}
		var from []Row
		if old.ID == now.ID {
			if o := old.at(r.Section, r.Number); o != nil {
				from = append(from, *o)
			}
		} else if now.After == old.ID {
			for _, n := range r.Predecessor {
				if o := old.at("", n); o != nil {
					from = append(from, *o)
				}
			}
		}
		c := Change{State: New, Old: from, New: r}
		for _, o := range from {
			gone[o.Number] = true
		}
		if len(from) > 0 {
			c.State = Continued
			if c.What, c.Lost = what(from, r); len(c.What) > 0 {
				c.State = Changed
			}
		}
		out = append(out, c)
	}
	for _, r := range old.Rows("all") {
		if r.Kind != SectionTitle && r.Kind != Heading && !gone[r.Number] {
			out = append(out, Change{State: Dropped, Old: []Row{r}, Lost: []Row{r}})
		}
	}
	return out
}

// what names the parts of the requirement that differ, and the old rows that
// differ in them. A row may continue one row of each section; where it joins
// several of one section, none of their findings speaks of the whole.
func what(from []Row, r Row) (parts []string, lost []Row) {
	n := map[string]int{}
	for _, o := range from {
		n[o.Section]++
	}
	for _, o := range from {
		differs := false
		add := func(yes bool, name string) {
			if !yes {
				return
			}
			if differs = true; !slices.Contains(parts, name) {
				parts = append(parts, name)
			}
		}
		add(n[o.Section] > 1, "joined from several rows")
		differing(o, r, add)
		if differs {
			lost = append(lost, o)
		}
	}
	return parts, lost
}

func differing(o, r Row, add func(bool, string)) {
	add(!maps.Equal(o.Title, r.Title), "text")
	add(!maps.Equal(o.Params, r.Params), "parameters")
	add(o.Check != r.Check, "check")
	add(o.Obligation != r.Obligation || o.Condition != r.Condition, "obligation")
	add(!maps.Equal(o.Notes, r.Notes), "note")
	add(o.Kind != r.Kind, "kind")
}

// Resolve finds an edition by its ID or by a part of it that no other edition
// has: 431, kg.
func Resolve(all []Edition, id string) (Edition, error) {
	var hits []Edition
	var ids []string
	for _, e := range all {
		if e.ID == id {
			return e, nil
		}
		if strings.Contains(e.ID, id) && id != "" {
			hits = append(hits, e)
		}
		ids = append(ids, e.ID)
	}
	if len(hits) == 1 {
		return hits[0], nil
	}
	slices.Sort(ids)
	return Edition{}, &UnknownEdition{ID: id, Have: ids}
}

// UnknownEdition says which editions there are.
type UnknownEdition struct {
	ID   string
	Have []string
}

func (e *UnknownEdition) Error() string {
	return "edition \"" + e.ID + "\": want one of " + strings.Join(e.Have, ", ") + ", or a part that only one of them has"
}
