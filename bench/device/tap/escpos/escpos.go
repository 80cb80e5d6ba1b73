// Package escpos turns the bytes that a till sends to a receipt printer back
// into the text on its paper: ESC/POS commands are taken out, letters decoded in the
// page that the commands choose, documents end at the cut.
//
// What cannot be read is a problem of the document and never a guess: a page
// that is not known, a downloaded letter whose picture is not known, a command
// that is not known (its parameters might look like text), text that is a
// picture. What stands in QR codes and barcodes is kept beside the lines, because it is not
// what a person reads on the paper.
//
// It knows no port and no clock. Begin with [Decoder].
//
// Facts: devices.md 5.3; lengths of commands and numbers of pages as the
// printers' public command references give them. Page numbers depend on the
// model: [Options.Pages] overrides them.
package escpos

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Options of a decoder. The zero value starts in cp866.
type Options struct {
	// Page is the page at the beginning and after a reset.
	Page Page
	// Pages are the numbers of ESC t; nil: 17 cp866, 46 cp1251, 53 KZ-1048.
	Pages map[byte]Page
	// Glyphs are downloaded letters by the digest of their picture, as a
	// problem tells it: Kazakh letters are often sent as pictures.
	Glyphs map[string]rune
}

// Document is what lies between two cuts.
type Document struct {
	Lines    []string
	Pictures int      // raster and bit images
	Codes    []string // data of QR codes and barcodes that were printed
	Problems []string // why the lines are not the whole truth; empty: they are
}

// maxText bounds a document: a printer that never cuts must not fill the memory.
const maxText = 1 << 20

// Decoder takes bytes in any pieces. It is not safe for concurrent use.
type Decoder struct {
	o Options

	page   Page
	known  bool   // the page is
	number byte   // of a page that is not known
	raw    []byte // an unfinished command
	runes  []rune // of the line
	doc    Document
	size   int
	user   bool // downloaded letters are switched on
	glyph  map[byte]string
	qr     string
}

// New makes a decoder.
func New(o Options) *Decoder {
	if o.Pages == nil {
		o.Pages = map[byte]Page{17: CP866, 46: CP1251, 53: KZ1048}
	}
	d := &Decoder{o: o, glyph: map[byte]string{}}
	d.reset()
	return d
}

// reset is ESC @: downloaded letters are forgotten too.
func (d *Decoder) reset() {
	d.page, d.known, d.user, d.glyph = d.o.Page, true, false, map[byte]string{}
}

// Pending says whether text has come since the last cut.
func (d *Decoder) Pending() bool {
	return len(d.doc.Lines) > 0 || len(d.runes) > 0 || d.doc.Pictures > 0 || len(d.doc.Codes) > 0 || len(d.doc.Problems) > 0
}

// Write takes bytes and returns the documents that were cut.
func (d *Decoder) Write(p []byte) []Document {
	var out []Document
	d.raw = append(d.raw, p...)
	for len(d.raw) > 0 {
		b := d.raw[0]
		if b >= 0x20 {
			d.letter(b)
			d.raw = d.raw[1:]
			continue
		}
		n, cut, ok := d.command(d.raw)
		if !ok {
			if len(d.raw) > maxText {
				d.problem("a command of more than %d bytes", maxText)
				d.raw = nil
			}
			break // the rest of the command is still on its way
		}
		d.raw = d.raw[n:]
		if cut && d.Pending() {
			out = append(out, d.End())
		}
	}
	if len(d.raw) == 0 {
		d.raw = nil
	}
	return out
}

// End takes what has come since the last cut as a document: a printer without a
// cutter ends one by silence.
func (d *Decoder) End() Document {
	d.feed(false)
	for n := len(d.doc.Lines); n > 0 && d.doc.Lines[n-1] == ""; n-- {
		d.doc.Lines = d.doc.Lines[:n-1]
	}
	if len(d.doc.Lines) == 0 && d.doc.Pictures > 0 {
		d.problem("the document is a picture")
	}
	doc := d.doc
	d.doc, d.size = Document{}, 0
	return doc
}

func (d *Decoder) problem(format string, a ...any) {
	s := fmt.Sprintf(format, a...)
	for _, p := range d.doc.Problems {
		if p == s {
			return
		}
	}
	if len(d.doc.Problems) < 20 {
		d.doc.Problems = append(d.doc.Problems, s)
	}
}

func (d *Decoder) letter(b byte) {
	if d.size++; d.size > maxText {
		d.problem("more than %d characters without a cut", maxText)
		return
	}
	if sum, ok := d.glyph[b]; ok && d.user {
		r, known := d.o.Glyphs[sum]
		if !known {
			d.problem("code %02Xh is a downloaded letter whose picture %s is not known", b, sum)
			r = '\uFFFD'
		}
		d.runes = append(d.runes, r)
		return
	}
	r := rune(b)
	if b >= 0x80 {
		switch {
		case !d.known:
			d.problem("code page number %d is not known", d.number)
			r = '\uFFFD'
		default:
			if r = d.page.rune(b); r == '\uFFFD' {
				d.problem("%s has no letter %02Xh", d.page, b)
			}
		}
	}
	d.runes = append(d.runes, r)
}

// space stands for a jump to a column, so that words do not run together.
func (d *Decoder) space() {
	if n := len(d.runes); n > 0 && d.runes[n-1] != ' ' {
		d.runes = append(d.runes, ' ')
	}
}

// feed ends the line; an empty one counts when keep is set.
func (d *Decoder) feed(keep bool) {
	if len(d.runes) > 0 || keep && len(d.doc.Lines) > 0 {
		d.doc.Lines = append(d.doc.Lines, strings.TrimRight(string(d.runes), " "))
		d.size++
	}
	d.runes = nil
}

func (d *Decoder) picture() { d.doc.Pictures++ }

// digest names the picture of a downloaded letter.
func digest(p []byte) string {
	sum := sha256.Sum256(p)
	return hex.EncodeToString(sum[:8])
}

// download is ESC &: y bytes high, codes c1 to c2, each with its width and picture.
func (d *Decoder) download(p []byte) (n int, ok bool) {
	if len(p) < 5 {
		return 0, false
	}
	y, c1, c2 := int(p[2]), p[3], p[4]
	at := 5
	found := map[byte]string{}
	for c := int(c1); c <= int(c2); c++ {
		if at >= len(p) {
			return 0, false
		}
		size := int(p[at]) * y
		if at+1+size > len(p) {
			return 0, false
		}
		found[byte(c)] = digest(p[at : at+1+size])
		at += 1 + size
	}
	for c, s := range found {
		d.glyph[c] = s
	}
	return at, true
}

// symbol is GS ( k: data of a QR code are stored, then printed.
func (d *Decoder) symbol(body []byte) {
	if len(body) < 2 {
		return
	}
	switch fn := body[1]; {
	case fn == 80 && len(body) >= 3:
		d.qr = string(bytes.ToValidUTF8(body[3:], []byte("?")))
	case fn == 81 && d.qr != "":
		d.doc.Codes = append(d.doc.Codes, d.qr)
	}
}
