// Package wording attaches the authority's own sentences to the rows of a
// catalogue: it reads the published text of an act, as copied from a legal
// database (plain text, tables flattened by tabs), and finds the text of each
// row. The repository carries no such text; a laboratory imports it into an
// overlay file of its own.
//
// It guesses nothing silently: every row comes out matched, ambiguous or
// missing, with a reason, and only matched rows carry their text into a form.
// It compares no meaning and judges nothing.
//
// Begin with [Import]; [Overlay] is what is stored. A form is read in
// table.go, the clauses of an amending act in clauses.go.
package wording

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/kkmtest/kkmtest/bench/regulation"
)

// State says how sure a row's text is.
type State string

// The states.
const (
	Matched   State = "matched"
	Ambiguous State = "ambiguous" // a text was found and may be another row's, or of another edition
	Missing   State = "missing"
)

// Entry is one row of the overlay.
type Entry struct {
	Section string `json:"section"`
	Number  string `json:"number"`
	Digest  string `json:"row_digest"` // of the row that the text was found for
	State   State  `json:"state"`
	Text    string `json:"text,omitempty"`
	Note    string `json:"note,omitempty"` // note column
	Line    int    `json:"line,omitempty"` // in the imported text
	Why     string `json:"why,omitempty"`
}

// Overlay is the official wording of an edition in one language.
type Overlay struct {
	Format  int             `json:"format"` // 1
	Edition string          `json:"edition"`
	Lang    regulation.Lang `json:"lang"`
	Source  string          `json:"source"`        // name of the imported file
	Digest  string          `json:"source_digest"` // SHA-256
	Rows    []Entry         `json:"rows"`
}

// Count gives the number of lines of the form in a state, headings included.
func (o Overlay) Count(s State) int {
	n := 0
	for _, r := range o.Rows {
		if r.State == s {
			n++
		}
	}
	return n
}

// Words are the texts of the matched rows, for [regulation.Edition.WithWording].
func (o Overlay) Words() map[string]string {
	m := map[string]string{}
	for _, r := range o.Rows {
		if r.State == Matched {
			m[r.Number] = r.Text
		}
	}
	return m
}

// maxText bounds an imported file; the whole text of an order is 0.1 MB.
const maxText = 16 << 20

// enough is the share of an edition's numbers that a text must have to be
// taken for that edition's: order 431 and order 626 share their low numbers,
// so a text of one has up to half of the other's.
const enough = 0.75

// Import finds the text of each row of an edition. all are the editions that a
// wrong document is compared with.
func Import(e regulation.Edition, lang regulation.Lang, name string, raw []byte, all []regulation.Edition) (Overlay, error) {
	switch {
	case len(raw) > maxText:
		return Overlay{}, fmt.Errorf("%s: %d bytes: want the text of an act, at most %d", name, len(raw), maxText)
	case !utf8.Valid(raw):
		return Overlay{}, fmt.Errorf("%s: bytes that are not UTF-8: want the text saved as UTF-8", name)
	}
	sum := sha256.Sum256(raw)
	o := Overlay{Format: 1, Edition: e.ID, Lang: lang, Source: name, Digest: hex.EncodeToString(sum[:])}
	text := strings.TrimPrefix(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\uFEFF")
	share, total := looksLike(e, text)
	if float64(share) < enough*float64(total) {
		msg := fmt.Sprintf("%s has %d of %d numbers of %s", name, share, total, e.ID)
		for _, other := range all {
			if s, t := looksLike(other, text); other.ID != e.ID && float64(s) >= enough*float64(t) {
				return o, fmt.Errorf("%s: it looks like %s (%d of %d): want --edition %s", msg, other.ID, s, t, other.ID)
			}
		}
		return o, fmt.Errorf("%s: want the text of %s as copied from the legal database, with tabs between the cells of its table", msg, e.Act)
	}
	if e.Numbering == "partial" {
		o.Rows = clauses(e, text)
	} else {
		o.Rows = table(e, text)
	}
	return o, nil
}

// looksLike counts the printed numbers of an edition that a text has in the
// order of the form.
func looksLike(e regulation.Edition, text string) (share, total int) {
	if e.Numbering == "partial" {
		found, old := clauseStarts(text)
		for _, r := range e.Rows("all") {
			if isClause(r) {
				total++
				if len(found[r.Printed].lines)+len(old[r.Printed].lines) > 0 {
					share++
				}
			}
		}
		return share, total
	}
	want := numbered(e)
	for _, hit := range align(want, numbersOf(pieces(text))) {
		if hit >= 0 {
			share++
		}
	}
	return share, len(want)
}

// Encode writes an overlay.
func (o Overlay) Encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", " ")
	enc.SetEscapeHTML(false)
	err := enc.Encode(o)
	return b.Bytes(), err
}

// Decode reads an overlay and holds it to the edition that it is for. Rows
// whose requirement has changed since the import are made ambiguous.
func Decode(name string, raw []byte, all []regulation.Edition) (Overlay, error) {
	var o Overlay
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		return o, fmt.Errorf("%s: %w: want a file that regulation import wrote", name, err)
	}
	if o.Format != 1 {
		return o, fmt.Errorf("%s: format %d: want 1", name, o.Format)
	}
	e, err := regulation.Resolve(all, o.Edition)
	if err != nil {
		return o, fmt.Errorf("%s: %w", name, err)
	}
	for i := range o.Rows {
		r, err := e.Find(o.Rows[i].Number)
		if err != nil {
			return o, fmt.Errorf("%s: %w", name, err)
		}
		if r.Digest != o.Rows[i].Digest && o.Rows[i].State == Matched {
			o.Rows[i].State, o.Rows[i].Why = Ambiguous, "the catalogue's row has changed since the import"
		}
	}
	return o, nil
}

var (
	markup = regexp.MustCompile(`</?[a-zA-Z][^<>]*>|\*{2,3}|\\`)
	blanks = regexp.MustCompile(`[\s\x{00a0}]+`)
)

// clean takes away what the legal database adds to a text.
func clean(s string) string {
	return strings.TrimSpace(blanks.ReplaceAllString(markup.ReplaceAllString(s, " "), " "))
}
