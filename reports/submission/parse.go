package submission

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/kkmtest/kkmtest/bench/regulation"
)

// Parse reads submission.yaml. name stands in errors. Everything that is wrong
// is reported at once.
func Parse(name string, data []byte) (*Submission, error) {
	sum := sha256.Sum256(data)
	s := &Submission{File: name, Digest: hex.EncodeToString(sum[:])}
	p := &reader{s: s}
	f, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, syntax(err))
	}
	if len(f.Docs) != 1 || f.Docs[0].Body == nil {
		return nil, fmt.Errorf("%s:1:1: want one YAML document with model, documents and rows", name)
	}
	p.mapping(f.Docs[0].Body, "submission", map[string]func(ast.Node){
		"model":     func(n ast.Node) { s.Model = p.text(n, "model") },
		"documents": func(n ast.Node) { p.list(n, "documents", p.document) },
		"rows":      func(n ast.Node) { p.list(n, "rows", p.ref) },
	}, "documents", "rows")
	p.join()
	if len(p.errs) > 0 {
		return nil, errors.Join(p.errs...)
	}
	return s, nil
}

// syntax keeps the first line of the parser's error: [line:column] and what is wrong.
func syntax(err error) error {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(line)
}

type reader struct {
	s    *Submission
	errs []error
}

func pos(n ast.Node) Pos {
	t := n.GetToken()
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		t = m.Values[0].Key.GetToken()
	}
	if m, ok := n.(*ast.MappingValueNode); ok {
		t = m.Key.GetToken()
	}
	if t == nil || t.Position == nil {
		return Pos{1, 1}
	}
	return Pos{t.Position.Line, t.Position.Column}
}

func (p *reader) bad(n ast.Node, format string, args ...any) {
	p.errs = append(p.errs, p.s.errorf(pos(n), format, args...))
}

// mapping calls the function of each key; an unknown key, one that stands twice
// and a missing one that is needed are errors.
func (p *reader) mapping(n ast.Node, what string, keys map[string]func(ast.Node), need ...string) {
	var vals []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		vals = m.Values
	case *ast.MappingValueNode:
		vals = []*ast.MappingValueNode{m}
	default:
		p.bad(n, "%s: want a mapping, got %s", what, n.Type())
		return
	}
	seen := map[string]bool{}
	for _, v := range vals {
		k := v.Key.GetToken().Value
		f, ok := keys[k]
		switch {
		case !ok:
			var names []string
			for name := range keys {
				names = append(names, name)
			}
			slices.Sort(names)
			p.bad(v, "%s: unknown key %q: want one of %s", what, k, strings.Join(names, ", "))
		case seen[k]:
			p.bad(v, "%s: key %q stands twice", what, k)
		default:
			f(v.Value)
		}
		seen[k] = true
	}
	for _, k := range need {
		if !seen[k] {
			p.bad(n, "%s: key %q is missing", what, k)
		}
	}
}

func (p *reader) list(n ast.Node, what string, item func(ast.Node)) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		p.bad(n, "%s: want a list, got %s", what, n.Type())
		return
	}
	for _, v := range seq.Values {
		item(v)
	}
}

// text takes a scalar as it is written: row 27.10 is not the number 27.1.
func (p *reader) text(n ast.Node, what string) string {
	switch n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.LiteralNode:
	default:
		p.bad(n, "%s: want a text, got %s", what, n.Type())
		return ""
	}
	s := n.GetToken().Value
	if l, ok := n.(*ast.LiteralNode); ok {
		s = l.Value.Value
	}
	s = strings.TrimSpace(s)
	if s == "" {
		p.bad(n, "%s: want a text, got an empty one", what)
	}
	return s
}

var (
	idForm  = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)
	sumForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
	rowForm = regexp.MustCompile(`^[A-Z]?[0-9]+(\.[0-9]+)*$`)
)

func (p *reader) document(n ast.Node) {
	d := Document{Title: map[regulation.Lang]string{}, At: pos(n)}
	p.mapping(n, "document", map[string]func(ast.Node){
		"id": func(n ast.Node) {
			if d.ID = p.text(n, "id"); d.ID != "" && !idForm.MatchString(d.ID) {
				p.bad(n, "id %q: want small latin letters, digits, points and dashes", d.ID)
			}
		},
		"title": func(n ast.Node) { p.title(n, d.Title) },
		"file": func(n ast.Node) {
			if d.File = p.text(n, "file"); d.File != "" && !fs.ValidPath(d.File) {
				p.bad(n, "file %q: want a path below the submission's directory, with / between its parts", d.File)
			}
		},
		"sha256": func(n ast.Node) {
			if d.SHA256 = p.text(n, "sha256"); d.SHA256 != "" && !sumForm.MatchString(d.SHA256) {
				p.bad(n, "sha256 %q: want 64 hex digits in small letters", d.SHA256)
			}
		},
	}, "id", "title")
	if d.File != "" && d.SHA256 == "" {
		p.bad(n, "document %s: file %q needs its sha256", d.ID, d.File)
	}
	if old, ok := p.s.Document(d.ID); ok && d.ID != "" {
		p.bad(n, "document %q stands already in line %d", d.ID, old.At.Line)
	}
	p.s.Documents = append(p.s.Documents, d)
}

func (p *reader) title(n ast.Node, into map[regulation.Lang]string) {
	if _, ok := n.(*ast.StringNode); ok {
		into[""] = p.text(n, "title")
		return
	}
	keys := map[string]func(ast.Node){}
	for _, l := range []regulation.Lang{regulation.Kazakh, regulation.Russian, regulation.English, regulation.Kyrgyz} {
		keys[string(l)] = func(n ast.Node) { into[l] = p.text(n, "title") }
	}
	p.mapping(n, "title", keys)
}

func (p *reader) ref(n ast.Node) {
	r := Ref{At: pos(n)}
	p.mapping(n, "row", map[string]func(ast.Node){
		"row": func(n ast.Node) {
			if r.Row = strings.TrimSuffix(p.text(n, "row"), "."); r.Row != "" && !rowForm.MatchString(r.Row) {
				p.bad(n, "row %q: want a number such as 27.6", r.Row)
			}
		},
		"section":  func(n ast.Node) { r.Section = p.text(n, "section") },
		"document": func(n ast.Node) { r.Document = p.text(n, "document") },
		"page":     func(n ast.Node) { r.Page = p.text(n, "page") },
		"clause":   func(n ast.Node) { r.Clause = p.text(n, "clause") },
		"note":     func(n ast.Node) { r.Note = p.text(n, "note") },
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
			p.errs = append(p.errs, p.s.errorf(r.At, "row %s: document %q: want one of %s", r.Row, r.Document, strings.Join(ids, ", ")))
		}
		k := r
		k.At, k.Note = Pos{}, ""
		if at, ok := seen[k]; ok {
			p.errs = append(p.errs, p.s.errorf(r.At, "row %s: the same reference stands already in line %d", r.Row, at.Line))
		}
		seen[k] = r.At
	}
}
