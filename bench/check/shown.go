package check

import (
	"slices"
	"strings"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
)

// RefAt is a reference of the manufacturer's submission.
type RefAt struct {
	history.Reference
	Seq history.Seq
}

// Refers gives the references to a row, in the order of the submission.
func (r *Record) Refers(edition, section, row string) []RefAt {
	var out []RefAt
	for _, x := range r.References {
		if x.Edition == edition && x.Section == section && x.Row == row {
			out = append(out, x)
		}
	}
	return out
}

// byDocument says whether documents alone show the row.
func byDocument(row regulation.Row) bool { return slices.Equal(row.Methods, []string{"document"}) }

// judgeDocument judges a row that demands documents. Without a reference nobody
// has shown anything; a reference without a file says where to look and no more.
// With a file whose digest the bench has taken the row is fulfilled in the way
// in which the form asks for it (reading document-shown); what the document says
// is for the one who signs.
func (r *Record) judgeDocument(row regulation.Row) Judgement {
	refs := r.Refers(r.edition, row.Section, row.Number)
	if len(refs) == 0 {
		return notChecked("row.demand", args{"demand": row.Demand})
	}
	var names, sums []string
	var at, held []history.Seq
	for _, x := range refs {
		names = append(names, strings.Join([]string{x.Document, x.Page, x.Clause}, ", "))
		at = append(at, x.Seq)
		if x.Digest != "" {
			held = append(held, x.Seq)
			sums = append(sums, x.Digest[:min(12, len(x.Digest))])
		}
	}
	a := args{"refs": strings.Join(names, "; "), "demand": row.Demand}
	switch {
	case !byDocument(row):
		a["methods"] = strings.Join(slices.DeleteFunc(slices.Clone(row.Methods), func(m string) bool { return m == "document" }), ", ")
		return notChecked("row.documentmore", a).Citing(at...)
	case len(held) == 0:
		return notChecked("row.documentnofile", a).Citing(at...)
	}
	a["sha"] = strings.Join(sums, ", ")
	j := Passed(Measured{}, held[0], held[1:]...).With(readDocument)
	p, ok := Say(regulation.English, "row.document", a)
	if !ok {
		return faulty("row.document")
	}
	j.reason, j.key, j.args = p.Why, "row.document", a
	return j
}
