// Package web draws a paper document as one HTML file without scripts, for
// reading and for printing.
//
// It is the same document as the DOCX and the PDF; the page with filters and
// events is another one (form.html of package reports).
//
// Begin with [Write].
package web

import (
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/kkmtest/kkmtest/reports/paper"
)

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"lines": func(s string) []string { return strings.Split(s, "\n") },
	"mm":    func(tenths int) string { return fmt.Sprintf("%d.%dmm", tenths/10, tenths%10) },
}).Parse(`{{define "lines"}}{{range $i, $l := lines .}}{{if $i}}<br>{{end}}{{$l}}{{end}}{{end -}}
<!doctype html>
<html lang="{{.Lang}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{.Title}}</title>
<style>
body{font:11pt/1.35 "Times New Roman","DejaVu Serif",serif;margin:0 auto;padding:12px;max-width:190mm;color:#000;background:#fff}
h1{font-size:14pt}h2{font-size:12pt}h3{font-size:11pt}
.center{text-align:center}.small{font-size:9pt}.rule{border-bottom:1px solid #000}
.notice{border:2px solid #000;padding:4px 8px;font-weight:bold;font-size:9pt}
table{border-collapse:collapse;width:100%;margin:6px 0;font-size:9.5pt;table-layout:fixed}
td,th{border:1px solid #000;padding:2px 5px;vertical-align:top;text-align:left;overflow-wrap:anywhere}
th,td.shade{background:#ededed}
@page{size:A4;margin:15mm}
@media print{body{padding:0;max-width:none}tr{break-inside:avoid}thead{display:table-header-group}h1,h2,h3{break-after:avoid}.new{break-before:page}}
</style>
</head>
<body>
{{range .Blocks}}{{with .Heading}}<h{{.Level}} class="{{if .Center}}center{{end}}{{if .NewPage}} new{{end}}">{{template "lines" .Text}}</h{{.Level}}>
{{end}}{{with .Para}}<p class="{{if .Center}}center{{end}}{{if .Small}} small{{end}}{{if .Rule}} rule{{end}}">{{if .Bold}}<b>{{template "lines" .Text}}</b>{{else}}{{template "lines" .Text}}{{end}}</p>
{{end}}{{with .Notice}}<p class="notice">{{template "lines" .Text}}</p>
{{end}}{{with .Table}}<table><colgroup>{{range .Widths}}<col style="width:{{mm .}}">{{end}}</colgroup>
{{if .Head}}<thead><tr>{{range .Head}}<th scope="col" class="center">{{template "lines" .}}</th>{{end}}</tr></thead>
{{end}}<tbody>
{{range .Rows}}<tr{{if .Height}} style="height:{{mm .Height}}"{{end}}>{{range .Cells}}<td{{if .Span}} colspan="{{.Span}}"{{end}} class="{{if .Center}}center{{end}}{{if .Shade}} shade{{end}}">{{if .Bold}}<b>{{template "lines" .Text}}</b>{{else}}{{template "lines" .Text}}{{end}}</td>{{end}}</tr>
{{end}}</tbody></table>
{{end}}{{end}}</body>
</html>
`))

// block is one of the kinds; the others are nil.
type block struct {
	Heading *paper.Heading
	Para    *paper.Para
	Notice  *paper.Notice
	Table   *paper.Table
}

// Write writes the document.
func Write(w io.Writer, d paper.Doc) error {
	if err := d.Check(); err != nil {
		return fmt.Errorf("html: %w", err)
	}
	view := struct {
		Lang, Title string
		Blocks      []block
	}{d.Lang, d.Title, nil}
	for _, b := range d.Blocks {
		switch b := b.(type) {
		case paper.Heading:
			b.Level = min(max(b.Level, 1), 3)
			view.Blocks = append(view.Blocks, block{Heading: &b})
		case paper.Para:
			view.Blocks = append(view.Blocks, block{Para: &b})
		case paper.Notice:
			view.Blocks = append(view.Blocks, block{Notice: &b})
		case paper.Table:
			view.Blocks = append(view.Blocks, block{Table: &b})
		}
	}
	if err := page.Execute(w, view); err != nil {
		return fmt.Errorf("html: %w", err)
	}
	return nil
}
