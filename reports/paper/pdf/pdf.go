// Package pdf draws a paper document as PDF with embedded fonts that have all
// Kazakh letters: text that can be selected and searched, an outline, the
// language of the document, rows that no page break tears.
//
// It measures every row before it draws it, and it takes its time from the
// document, so that the same document gives the same bytes. A character that
// the fonts do not have is spelled out, never dropped.
//
// Begin with [Write].
package pdf

import (
	"fmt"
	"io"
	"strings"

	"codeberg.org/go-pdf/fpdf"
	"github.com/go-fonts/dejavu/dejavusanscondensed"
	"github.com/go-fonts/dejavu/dejavusanscondensedbold"

	"github.com/kkmtest/kkmtest/reports/paper"
)

// Measures in millimetres, sizes in points.
const (
	mm       = 10.0 // paper counts in tenths
	pad      = 1.3  // between the border of a cell and its text
	bodySize = 10.0
	cellSize = 8.5
	smallest = 8.0
	leading  = 1.22 // line height over size
	ptToMM   = 25.4 / 72
	footRoom = 6.0 // between the text and the number of the page
)

var headSizes = []float64{14, 12, 10.5}

// Fonts are the embedded fonts, by style; a test asks them for every letter.
var Fonts = map[string][]byte{"": dejavusanscondensed.TTF, "B": dejavusanscondensedbold.TTF}

// Write writes the document.
func Write(w io.Writer, d paper.Doc) error {
	if err := d.Check(); err != nil {
		return fmt.Errorf("pdf: %w", err)
	}
	p, err := newPrinter(d)
	if err != nil {
		return fmt.Errorf("pdf: %w", err)
	}
	for i, b := range d.Blocks {
		switch b := b.(type) {
		case paper.Heading:
			p.heading(b, p.follows(d.Blocks[i+1:]))
		case paper.Para:
			p.para(b)
		case paper.Notice:
			p.notice(b)
		case paper.Table:
			p.table(b)
		}
	}
	p.footers(d.Footer)
	if err := p.Output(w); err != nil {
		return fmt.Errorf("pdf: %w", err)
	}
	return nil
}

type printer struct {
	*fpdf.Fpdf
	faces map[string]*face
	y     float64 // where the next block begins
	level int     // of the last entry of the outline
}

const (
	left   = paper.Margin / mm
	top    = paper.Margin / mm
	width  = paper.Width / mm
	bottom = (paper.PageHeight - paper.Margin) / mm
)

func newPrinter(d paper.Doc) (*printer, error) {
	f := fpdf.New("P", "mm", "A4", "")
	p := &printer{Fpdf: f, faces: map[string]*face{}, level: -1}
	f.SetCatalogSort(true)
	f.SetCreationDate(d.Made.UTC())
	f.SetModificationDate(d.Made.UTC())
	f.SetTitle(d.Title, true)
	f.SetAuthor(d.Author, true)
	f.SetCreator("kkmtest", true)
	f.SetLang(d.Lang)
	f.SetMargins(left, top, left)
	f.SetCellMargin(0)
	f.SetAutoPageBreak(false, 0)
	for _, style := range []string{"", "B"} {
		f.AddUTF8FontFromBytes("text", style, Fonts[style])
		face, err := newFace(Fonts[style])
		if err != nil {
			return nil, err
		}
		p.faces[style] = face
	}
	f.SetFont("text", "", bodySize)
	p.page()
	return p, f.Error()
}

func (p *printer) page() {
	p.AddPage()
	p.y = top
}

// room starts a page when less than h is left on this one.
func (p *printer) room(h float64) {
	if p.y+h > bottom && p.y > top {
		p.page()
	}
}

func style(bold bool) string {
	if bold {
		return "B"
	}
	return ""
}

func lineHeight(size float64) float64 { return size * ptToMM * leading }

// lines breaks a text for a width in millimetres.
func (p *printer) lines(text string, bold bool, size, w float64) []string {
	f := p.faces[style(bold)]
	var out []string
	for l := range strings.SplitSeq(f.spell(text), "\n") {
		out = append(out, f.wrap(l, w/(size*ptToMM))...)
	}
	return out
}

// draw writes lines below y and returns where they end.
func (p *printer) draw(ls []string, bold bool, size, x, y, w float64, center bool) float64 {
	p.SetFont("text", style(bold), size)
	f := p.faces[style(bold)]
	for _, l := range ls {
		at := x
		if center {
			at += (w - f.width(l)*size*ptToMM) / 2
		}
		if l != "" {
			p.Text(at, y+size*ptToMM*0.95, l)
		}
		y += lineHeight(size)
	}
	return y
}

// mark adds to the outline. A level is at most one below the one before, or
// readers lose the entry.
func (p *printer) mark(text string, level int) {
	p.level = min(max(level-1, 0), p.level+1)
	p.SetFont("text", "", bodySize)
	p.Bookmark(p.faces[""].spell(strings.ReplaceAll(text, "\n", " ")), p.level, p.y)
}

// follows is how much room a heading keeps below itself: it is never the last
// thing on a page.
func (p *printer) follows(rest []paper.Block) float64 {
	h := 15.0
	if len(rest) == 0 {
		return h
	}
	if t, ok := rest[0].(paper.Table); ok && t.Keep {
		h = p.head(t).h
		for _, r := range t.Rows {
			h += p.lay(t, r).h
		}
	}
	return h + 3
}

func (p *printer) heading(h paper.Heading, below float64) {
	size := headSizes[min(max(h.Level, 1), len(headSizes))-1]
	ls := p.lines(h.Text, true, size, width)
	if h.NewPage && p.y > top {
		p.page()
	}
	if p.y > top {
		p.y += 3
	}
	p.room(float64(len(ls))*lineHeight(size) + below)
	p.mark(h.Text, h.Level)
	p.y = p.draw(ls, true, size, left, p.y, width, h.Center) + 1.5
}

func (p *printer) para(b paper.Para) {
	size := bodySize
	if b.Small {
		size = smallest
	}
	for _, l := range p.lines(b.Text, b.Bold, size, width) {
		p.room(lineHeight(size))
		p.y = p.draw([]string{l}, b.Bold, size, left, p.y, width, b.Center)
	}
	if b.Rule {
		p.SetLineWidth(0.25)
		p.Line(left, p.y+0.6, left+width, p.y+0.6)
	}
	p.y += 1.6
}

func (p *printer) notice(n paper.Notice) {
	ls := p.lines(n.Text, true, smallest, width-4)
	h := float64(len(ls))*lineHeight(smallest) + 3
	p.room(h + 1)
	p.SetLineWidth(0.6)
	p.Rect(left, p.y, width, h, "D")
	p.draw(ls, true, smallest, left+2, p.y+1.5, width-4, false)
	p.y += h + 2
}

// laid is a row whose cells are broken into lines.
type laid struct {
	cells [][]string
	row   paper.Row
	h     float64
}

func (p *printer) lay(t paper.Table, r paper.Row) laid {
	out := laid{row: r, h: float64(r.Height) / mm}
	col := 0
	for _, c := range r.Cells {
		w := span(t.Widths, col, c)
		ls := p.lines(c.Text, c.Bold, cellSize, w-2*pad)
		out.cells = append(out.cells, ls)
		out.h = max(out.h, float64(len(ls))*lineHeight(cellSize)+2*pad)
		col += c.Columns()
	}
	return out
}

func span(widths []int, col int, c paper.Cell) float64 {
	w := 0
	for _, x := range widths[col : col+c.Columns()] {
		w += x
	}
	return float64(w) / mm
}

// head is the head of a table, of no height when it has none.
func (p *printer) head(t paper.Table) laid {
	if len(t.Head) == 0 {
		return laid{}
	}
	var r paper.Row
	for _, h := range t.Head {
		r.Cells = append(r.Cells, paper.Cell{Text: h, Bold: true, Center: true, Shade: true})
	}
	return p.lay(t, r)
}

func (p *printer) table(t paper.Table) {
	head := p.head(t)
	begin := func() {
		if head.h > 0 {
			p.row(t, head)
		}
	}
	p.SetLineWidth(0.2)
	rows := make([]laid, len(t.Rows))
	for i, r := range t.Rows {
		rows[i] = p.lay(t, r)
	}
	first := head.h
	if len(rows) > 0 {
		first += rows[0].h
	}
	if p.y+first > bottom && p.y > top {
		p.page()
	}
	begin()
	for i, r := range rows {
		need := r.h
		if r.row.Mark != "" && i+1 < len(rows) {
			need += rows[i+1].h // a heading stays with what follows
		}
		if p.y+need > bottom && p.y > top+head.h {
			p.page()
			begin()
		}
		for top+head.h+r.h > bottom { // taller than a page: the one case that is torn
			var part laid
			part, r = r.split(int((bottom - p.y - 2*pad) / lineHeight(cellSize)))
			p.row(t, part)
			p.page()
			begin()
		}
		if p.y+r.h > bottom { // the rest of a torn row
			p.page()
			begin()
		}
		p.row(t, r)
	}
	p.y += 2.5
}

// split takes the first n lines of every cell.
func (l laid) split(n int) (part, rest laid) {
	n = max(n, 1)
	part, rest = laid{row: l.row}, laid{row: l.row}
	rest.row.Mark = ""
	for _, c := range l.cells {
		k := min(n, len(c))
		part.cells, rest.cells = append(part.cells, c[:k]), append(rest.cells, c[k:])
		part.h = max(part.h, float64(k)*lineHeight(cellSize)+2*pad)
		rest.h = max(rest.h, float64(len(c)-k)*lineHeight(cellSize)+2*pad)
	}
	return part, rest
}

func (p *printer) row(t paper.Table, r laid) {
	if r.row.Mark != "" {
		p.mark(r.row.Mark, r.row.Level)
	}
	x, col := left, 0
	for i, c := range r.row.Cells {
		w := span(t.Widths, col, c)
		kind := "D"
		if c.Shade {
			p.SetFillColor(237, 237, 237)
			kind = "FD"
		}
		p.SetLineWidth(0.2)
		p.Rect(x, p.y, w, r.h, kind)
		p.draw(r.cells[i], c.Bold, cellSize, x+pad, p.y+pad, w-2*pad, c.Center)
		x += w
		col += c.Columns()
	}
	p.y += r.h
}

// footers are written last, when the number of pages is known.
func (p *printer) footers(text string) {
	n := p.PageCount()
	for i := 1; i <= n; i++ {
		p.SetPage(i)
		s := strings.NewReplacer("{page}", fmt.Sprint(i), "{pages}", fmt.Sprint(n)).Replace(text)
		p.draw(p.lines(s, false, smallest, width), false, smallest, left, bottom+footRoom-smallest*ptToMM, width, true)
	}
}
