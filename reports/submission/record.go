package submission

import (
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
)

// Events are what a run writes into its record: the submission, and each of its
// references with the digest that the bench took of the document (see [Submission.Verify]).
func (s *Submission) Events(sums map[string]string) (history.Submitted, []history.Reference) {
	var out []history.Reference
	for _, r := range s.Refs {
		d, _ := s.Document(r.Document)
		title := map[string]string{}
		for l, t := range d.Title {
			title[string(l)] = t
		}
		out = append(out, history.Reference{Edition: r.Edition, Section: r.Section, Row: r.Row, Document: r.Document, Title: title,
			Page: r.Page, Clause: r.Clause, Note: r.Note, Digest: sums[r.Document]})
	}
	return history.Submitted{Model: s.Model, Digest: s.Digest, Rows: len(out)}, out
}

// FromRecord is the submission that a run was given, nil when it was given none.
func FromRecord(v history.View) *Submission {
	var s *Submission
	for e := range v.Events() {
		switch b := e.Body.(type) {
		case history.Submitted:
			s = &Submission{File: "submission.yaml", Digest: b.Digest, Model: b.Model}
		case history.Reference:
			if s == nil {
				continue // a reference that nobody announced fills no column
			}
			if _, ok := s.Document(b.Document); !ok {
				title := map[regulation.Lang]string{}
				for l, t := range b.Title {
					title[regulation.Lang(l)] = t
				}
				s.Documents = append(s.Documents, Document{ID: b.Document, Title: title, SHA256: b.Digest})
			}
			s.Refs = append(s.Refs, Ref{Edition: b.Edition, Section: b.Section, Row: b.Row, Document: b.Document, Page: b.Page, Clause: b.Clause, Note: b.Note})
		}
	}
	return s
}
