// Package paper is a document before it becomes a file: headings, paragraphs,
// notices and tables on A4, said once and drawn by packages docx, pdf and web.
//
// It knows nothing of regulations and verdicts, and it holds text, not markup:
// each renderer escapes for itself. Lengths are in tenths of a millimetre.
//
// Begin with [Doc].
package paper

import (
	"fmt"
	"strings"
	"time"
)

// The sheet, in tenths of a millimetre.
const (
	PageWidth  = 2100
	PageHeight = 2970
	Margin     = 150
	Width      = PageWidth - 2*Margin // of the text, and of every table
)

// Doc is a whole document.
type Doc struct {
	Lang   string    // kk, ru, en
	Title  string    // for the properties of the file
	Author string    // likewise
	Made   time.Time // likewise; a renderer never asks a clock
	Footer string    // with {page} and {pages}
	Blocks []Block
}

// Block is a piece of a document: [Heading], [Para], [Notice] or [Table].
type Block interface{ block() }

// Heading stands in the outline of the document. Level counts from 1.
type Heading struct {
	Text    string
	Level   int
	Center  bool
	NewPage bool
}

// Para is a paragraph.
type Para struct {
	Text   string
	Bold   bool
	Small  bool
	Center bool
	Rule   bool // a line below it, to write on or under a name
}

// Notice stands in a frame.
type Notice struct{ Text string }

// Table has columns of fixed width. Rows are never torn by the end of a page,
// and the head is repeated on each.
type Table struct {
	Widths []int // their sum is Width
	Head   []string
	Rows   []Row
	Keep   bool // the whole table on one page, with the heading above it
}

// Row is a row of a table.
type Row struct {
	Cells  []Cell
	Mark   string // its text in the outline, "" for none
	Level  int    // of Mark
	Height int    // at least
}

// Cell is a cell; lines of Text are separated by "\n".
type Cell struct {
	Text   string
	Span   int // columns; 0 is 1
	Bold   bool
	Center bool
	Shade  bool
}

// Columns is how many columns the cell covers.
func (c Cell) Columns() int { return max(1, c.Span) }

func (Heading) block() {}
func (Para) block()    {}
func (Notice) block()  {}
func (Table) block()   {}

// Check finds mistakes of whoever made the document: columns that do not fill
// the page, rows that do not fill the columns.
func (d Doc) Check() error {
	for i, b := range d.Blocks {
		t, ok := b.(Table)
		if !ok {
			continue
		}
		sum := 0
		for _, w := range t.Widths {
			sum += w
		}
		if sum != Width {
			return fmt.Errorf("block %d: columns are %d wide, want %d", i, sum, Width)
		}
		if len(t.Head) != 0 && len(t.Head) != len(t.Widths) {
			return fmt.Errorf("block %d: %d heads over %d columns", i, len(t.Head), len(t.Widths))
		}
		for j, r := range t.Rows {
			n := 0
			for _, c := range r.Cells {
				n += c.Columns()
			}
			if n != len(t.Widths) {
				return fmt.Errorf("block %d, row %d: cells cover %d of %d columns", i, j, n, len(t.Widths))
			}
		}
	}
	return nil
}

// Outline lists the headings and marks with their levels, as a reader's side bar shows them.
func (d Doc) Outline() []Heading {
	var out []Heading
	for _, b := range d.Blocks {
		switch b := b.(type) {
		case Heading:
			out = append(out, Heading{Text: b.Text, Level: b.Level})
		case Table:
			for _, r := range b.Rows {
				if r.Mark != "" {
					out = append(out, Heading{Text: r.Mark, Level: r.Level})
				}
			}
		}
	}
	return out
}

// Text is every text of the document, for tests that ask fonts for letters.
func (d Doc) Text() string {
	var b strings.Builder
	put := func(s string) { b.WriteString(s + "\n") }
	put(d.Title)
	put(d.Footer)
	for _, x := range d.Blocks {
		switch x := x.(type) {
		case Heading:
			put(x.Text)
		case Para:
			put(x.Text)
		case Notice:
			put(x.Text)
		case Table:
			for _, h := range x.Head {
				put(h)
			}
			for _, r := range x.Rows {
				for _, c := range r.Cells {
					put(c.Text)
				}
			}
		}
	}
	return b.String()
}
