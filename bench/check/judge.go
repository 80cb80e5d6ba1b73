package check

import "github.com/kkmtest/kkmtest/bench/regulation"

// JudgeAll judges every line of a section in the order of the form. It is pure:
// the same record and the same edition give the same findings. A section that
// the edition does not have gives none.
func JudgeAll(rec *Record, e regulation.Edition, section string) []Finding {
	s, ok := e.Section(section)
	if !ok {
		return nil
	}
	out := make([]Finding, 0, len(s.Rows))
	for _, r := range s.Rows {
		out = append(out, Finding{Edition: e.ID, Section: s.ID, Row: r.Number, RowDigest: r.Digest, Check: r.Check})
	}
	return out
}
