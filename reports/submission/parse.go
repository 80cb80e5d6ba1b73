package submission

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/internal/strict"
)

// Parse reads submission.yaml. name stands in errors. Everything that is wrong
// is reported at once.
func Parse(name string, data []byte) (*Submission, error) {
	sum := sha256.Sum256(data)
	r, root, err := strict.Read(name, data, "model, documents and rows")
	if err != nil {
		return nil, err
	}
	s := &Submission{File: name, Digest: hex.EncodeToString(sum[:])}
	p := &reader{r, s}
	p.Mapping(root, "submission", map[string]func(strict.Node){
		"model":     func(n strict.Node) { s.Model, s.ModelAt = p.Text(n, "model"), strict.At(n) },
		"edition":   func(n strict.Node) { s.Edition, s.EditionAt = p.Text(n, "edition"), strict.At(n) },
		"documents": func(n strict.Node) { p.List(n, "documents", p.document) },
		"rows":      func(n strict.Node) { p.List(n, "rows", p.ref) },
	}, "documents", "rows")
	p.join()
	if err := p.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

type reader struct {
	*strict.Reader
	s *Submission
}

var (
	idForm  = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)
	sumForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
	rowForm = regexp.MustCompile(`^[A-Z]?[0-9]+(-[0-9]+)?(\.[0-9]+)*$`)
)

func (p *reader) document(n strict.Node) {
	d := Document{Title: map[regulation.Lang]string{}, At: strict.At(n)}
	p.Mapping(n, "document", map[string]func(strict.Node){
		"id": func(n strict.Node) {
			if d.ID = p.Text(n, "id"); d.ID != "" && !idForm.MatchString(d.ID) {
				p.Bad(n, "id %q: want small latin letters, digits, points and dashes", d.ID)
			}
		},
		"title": func(n strict.Node) { p.title(n, d.Title) },
		"file": func(n strict.Node) {
			if d.File = p.Text(n, "file"); d.File != "" && !fs.ValidPath(d.File) {
				p.Bad(n, "file %q: want a path below the submission's directory, with / between its parts", d.File)
			}
		},
		"sha256": func(n strict.Node) {
			if d.SHA256 = p.Text(n, "sha256"); d.SHA256 != "" && !sumForm.MatchString(d.SHA256) {
				p.Bad(n, "sha256 %q: want 64 hex digits in small letters", d.SHA256)
			}
		},
	}, "id", "title")
	if d.File != "" && d.SHA256 == "" {
		p.Bad(n, "document %s: file %q needs its sha256", d.ID, d.File)
	}
	if old, ok := p.s.Document(d.ID); ok && d.ID != "" {
		p.Bad(n, "document %q stands already in line %d", d.ID, old.At.Line)
	}
	p.s.Documents = append(p.s.Documents, d)
}

func (p *reader) title(n strict.Node, into map[regulation.Lang]string) {
	if strict.IsText(n) {
		into[""] = p.Text(n, "title")
		return
	}
	keys := map[string]func(strict.Node){}
	for _, l := range []regulation.Lang{regulation.Kazakh, regulation.Russian, regulation.English, regulation.Kyrgyz} {
		keys[string(l)] = func(n strict.Node) { into[l] = p.Text(n, "title") }
	}
	p.Mapping(n, "title", keys)
}

func (p *reader) ref(n strict.Node) {
	r := Ref{At: strict.At(n)}
	p.Mapping(n, "row", map[string]func(strict.Node){
		"row": func(n strict.Node) {
			if r.Row = strings.TrimSuffix(p.Text(n, "row"), "."); r.Row != "" && !rowForm.MatchString(r.Row) {
				p.Bad(n, "row %q: want a number such as 27.6", r.Row)
			}
		},
		"edition":  func(n strict.Node) { r.Edition = p.Text(n, "edition") },
		"section":  func(n strict.Node) { r.Section = p.Text(n, "section") },
		"document": func(n strict.Node) { r.Document = p.Text(n, "document") },
		"page":     func(n strict.Node) { r.Page = p.Text(n, "page") },
		"clause":   func(n strict.Node) { r.Clause = p.Text(n, "clause") },
		"note":     func(n strict.Node) { r.Note = p.Text(n, "note") },
	}, "row", "document", "page", "clause")
	p.s.Refs = append(p.s.Refs, r)
}

// join checks what only the whole file shows.
func (p *reader) join() {
	var ids []string
	for _, d := range p.s.Documents {
		ids = append(ids, d.ID)
	}
	seen := map[Ref]Pos{}
	for _, r := range p.s.Refs {
		if r.Document != "" && !slices.Contains(ids, r.Document) {
			p.BadAt(r.At, "row %s: document %q: want one of %s", r.Row, r.Document, strings.Join(ids, ", "))
		}
		k := r
		k.At, k.Note = Pos{}, ""
		if at, ok := seen[k]; ok {
			p.BadAt(r.At, "row %s: the same reference stands already in line %d", r.Row, at.Line)
		}
		seen[k] = r.At
	}
}
