package reports

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/reports/evidence"
	"github.com/kkmtest/kkmtest/reports/paper"
	"github.com/kkmtest/kkmtest/reports/paper/docx"
	"github.com/kkmtest/kkmtest/reports/paper/pdf"
	"github.com/kkmtest/kkmtest/reports/paper/web"
	"github.com/kkmtest/kkmtest/reports/words"
)

// Paper chooses how the form is laid out.
type Paper struct {
	Lang regulation.Lang
	// OneTable puts results and reasons beside the requirements; without it the
	// official part holds nothing but what the order asks for, and the results
	// stand in the annex.
	OneTable bool
}

// Columns of the tables, in tenths of a millimetre.
var (
	formWidths    = []int{140, 780, 540, 340}
	oneWidths     = []int{120, 490, 310, 170, 270, 440}
	annexWidths   = []int{130, 390, 640, 420, 220}
	pairWidths    = []int{560, 1240}
	summaryWidths = []int{420, 1130, 250}
	signWidths    = []int{500, 360, 360, 380, 200}
)

// Form is the conformance form of a run as a document: the form in the layout of
// the order, and after it our annex.
func Form(r Run, o Paper) (paper.Doc, error) {
	ls, err := r.lines()
	if err != nil {
		return paper.Doc{}, err
	}
	l := o.Lang
	name := title(r.Edition.Form, l)
	if name == "" {
		name = title(r.Edition.Title, l)
	}
	d := paper.Doc{
		Lang: string(l), Title: evidence.Visible(name + ". " + r.Facts.Profile.Model), Author: r.Lab.Name,
		Made: r.made(), Footer: words.T(l, "form.footer"),
	}
	for _, n := range r.notices(ls, l) {
		d.Blocks = append(d.Blocks, paper.Notice{Text: n})
	}
	if n := ours(ls, l); n != "" {
		d.Blocks = append(d.Blocks, paper.Notice{Text: n})
	}
	d.Blocks = append(d.Blocks,
		paper.Heading{Text: evidence.Visible(name), Level: 1, Center: true},
		paper.Para{Text: evidence.Visible(r.Facts.Profile.Model), Center: true, Rule: true},
		paper.Para{Text: words.T(l, "form.models"), Small: true, Center: true},
		official(r, ls, o),
	)
	d.Blocks = append(d.Blocks, annex(r, ls, o)...)
	return d, nil
}

// made is the moment at which the record ends: the only one that a document may
// bear without asking a clock.
func (r Run) made() time.Time {
	at := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // a record without events
	for e := range r.View.Events() {
		at = e.At.Wall
	}
	return at.UTC().Truncate(time.Second)
}

// official is the form's table: number, requirement, conformance, note.
func official(r Run, ls []line, o Paper) paper.Table {
	l := o.Lang
	t := paper.Table{Widths: formWidths, Head: heads(l, "col.number", "col.requirement", "col.conformance", "col.note")}
	if o.OneTable {
		t.Widths = oneWidths
		t.Head = append(t.Head, heads(l, "col.result", "col.reason")...)
	}
	began := map[string]bool{} // sections whose title has come
	for _, ln := range ls {
		text := evidence.Visible(wording(ln.Row, l))
		var row paper.Row
		switch {
		case ln.Row.Kind == regulation.SectionTitle:
			began[ln.Section] = true
			row = paper.Row{Mark: text, Level: 2, Cells: []paper.Cell{{Text: text, Bold: true, Center: true, Shade: true, Span: len(t.Widths)}}}
		case ln.Row.Kind == regulation.Heading && !ln.Counts && !began[ln.Section]:
			// The head row above the section's title: beside the general
			// requirements the order says how the third column is filled in. A
			// catalogue has both in one title, parted by a semicolon, or the first only.
			what, how, ok := strings.Cut(text, "; ")
			if !ok {
				how = words.T(l, "form.fill")
			}
			row = paper.Row{Cells: []paper.Cell{{}, {Text: what, Bold: true}, {Text: upperFirst(how)}, {}}}
			row.Cells = fillUp(row.Cells, len(t.Widths))
		case ln.Row.Kind == regulation.Heading:
			row = paper.Row{Mark: text, Level: 3, Cells: []paper.Cell{{Text: number(ln), Bold: true}, {Text: text, Bold: true, Span: len(t.Widths) - 1}}}
		default:
			row = paper.Row{Cells: []paper.Cell{
				{Text: number(ln)}, {Text: text},
				{Text: r.reference(ln, l)}, {Text: evidence.Visible(r.noteIn(ln, l))},
			}}
			if o.OneTable {
				row.Cells = append(row.Cells, paper.Cell{Text: resultIn(ln.Verdict, l), Bold: true, Shade: loud(ln.Verdict.Result)}, paper.Cell{Text: reasonLines(ln.Verdict, l, true)})
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func upperFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

func heads(l regulation.Lang, keys ...string) []string {
	var out []string
	for _, k := range keys {
		out = append(out, words.T(l, k))
	}
	return out
}

func fillUp(c []paper.Cell, n int) []paper.Cell {
	for len(c) < n {
		c = append(c, paper.Cell{})
	}
	return c
}

// number is the first column; a heading without a number has none.
func number(l line) string {
	if !l.Counts {
		return ""
	}
	return l.Row.Number
}

// noteIn is the fourth column: the order's own note and the manufacturer's.
func (r Run) noteIn(ln line, l regulation.Lang) string {
	var out []string
	if n := note(ln.Row, l); n != "" {
		out = append(out, n)
	}
	for _, ref := range r.refs(ln) {
		if ref.Note != "" {
			out = append(out, ref.Note)
		}
	}
	return strings.Join(out, "\n")
}

// resultIn is symbol and word.
func resultIn(v verdict, l regulation.Lang) string {
	return symbols[v.Result] + " " + words.T(l, "result."+v.Result.String())
}

// WriteDOCX writes the form as Office Open XML.
func WriteDOCX(w io.Writer, r Run, o Paper) error { return writePaper(w, r, o, "docx", docx.Write) }

// WritePDF writes the form as PDF.
func WritePDF(w io.Writer, r Run, o Paper) error { return writePaper(w, r, o, "pdf", pdf.Write) }

// WriteSheet writes the form as HTML for printing: the same document as the
// DOCX and the PDF. [WriteForm] writes the page for reading.
func WriteSheet(w io.Writer, r Run, o Paper) error { return writePaper(w, r, o, "html", web.Write) }

func writePaper(w io.Writer, r Run, o Paper, kind string, write func(io.Writer, paper.Doc) error) error {
	d, err := Form(r, o)
	if err != nil {
		return fmt.Errorf("form.%s: %w", kind, err)
	}
	return write(w, d)
}
