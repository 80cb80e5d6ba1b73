package regulation

import "maps"

// WithWording attaches the authority's own sentences, by corrected number, as
// they were imported from a published text. Rows that words does not name keep
// none. Digests stay as they are: a finding rests on the requirement, not on
// the copy of the act that a laboratory has.
func (e Edition) WithWording(lang Lang, words map[string]string) Edition {
	sections := make([]Section, len(e.Sections))
	for i, s := range e.Sections {
		rows := make([]Row, len(s.Rows))
		for j, r := range s.Rows {
			if w, ok := words[r.Number]; ok {
				m := map[Lang]string{}
				maps.Copy(m, r.Official)
				m[lang] = w
				r.Official = m
			}
			rows[j] = r
		}
		s.Rows = rows
		sections[i] = s
	}
	e.Sections = sections
	return e
}
