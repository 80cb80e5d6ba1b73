package reports

import (
	"fmt"
	"html/template"
	"io"

	"github.com/kkmtest/kkmtest/reports/evidence"
	"github.com/kkmtest/kkmtest/reports/words"
)

var plain = template.Must(template.New("form").Parse(`<!doctype html><meta charset="utf-8"><title>kkmtest</title><table>{{range .}}<tr><td>{{.Number}}<td>{{.Result}}<td>{{.Reason}}{{end}}</table>`))

// WriteForm writes form.html: every row of the form with its verdict and the
// events that it cites, in three languages, in one file that needs no network.
func WriteForm(w io.Writer, r Run) error {
	ls, err := r.lines()
	if err != nil {
		return fmt.Errorf("form.html: %w", err)
	}
	type row struct{ Number, Result, Reason string }
	var rows []row
	for _, l := range ls {
		rows = append(rows, row{l.Row.Number, l.Verdict.Result.String(), evidence.Visible(reasonIn(l.Verdict, words.EN))})
	}
	return plain.Execute(w, rows)
}
