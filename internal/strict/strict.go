// Package strict reads YAML that people write by hand, and forgives nothing: an
// unknown key, one that stands twice, a missing one, a list where a text belongs
// is an error with file, line, column and what is allowed. All of them are
// reported at once.
//
// It opens no file and knows no document of ours. Begin with [Read].
package strict

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Pos is a place in a file, both from 1.
type Pos struct{ Line, Col int }

// Node is a piece of the document.
type Node = ast.Node

// Reader collects what is wrong.
type Reader struct {
	file string
	errs []error
}

// Read parses one YAML document and hands its root over. want says what belongs
// into an empty file.
func Read(file string, data []byte, want string) (*Reader, Node, error) {
	f, err := parser.ParseBytes(data, 0)
	if err != nil {
		// The first line of the parser's error: [line:column] and what is wrong.
		line, _, _ := strings.Cut(err.Error(), "\n")
		return nil, nil, fmt.Errorf("%s: %s", file, line)
	}
	if len(f.Docs) != 1 || f.Docs[0].Body == nil {
		return nil, nil, fmt.Errorf("%s:1:1: want one YAML document with %s", file, want)
	}
	return &Reader{file: file}, f.Docs[0].Body, nil
}

// Err joins everything that was wrong, nil when nothing was.
func (r *Reader) Err() error { return errors.Join(r.errs...) }

// Errorf makes an error at a place.
func (r *Reader) Errorf(at Pos, format string, args ...any) error {
	return Errorf(r.file, at, format, args...)
}

// Errorf makes an error at a place of a file.
func Errorf(file string, at Pos, format string, args ...any) error {
	return fmt.Errorf("%s:%d:%d: %s", file, at.Line, at.Col, fmt.Sprintf(format, args...))
}

// Bad notes what is wrong with a node.
func (r *Reader) Bad(n Node, format string, args ...any) { r.BadAt(At(n), format, args...) }

// BadAt notes what is wrong at a place.
func (r *Reader) BadAt(at Pos, format string, args ...any) {
	r.errs = append(r.errs, r.Errorf(at, format, args...))
}

// At is where a node begins; of a mapping, where its first key does.
func At(n Node) Pos {
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

// Mapping calls the function of each key; an unknown key, one that stands twice
// and a missing one that is needed are errors.
func (r *Reader) Mapping(n Node, what string, keys map[string]func(Node), need ...string) {
	var vals []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		vals = m.Values
	case *ast.MappingValueNode:
		vals = []*ast.MappingValueNode{m}
	default:
		r.Bad(n, "%s: want a mapping, got %s", what, n.Type())
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
			r.Bad(v, "%s: unknown key %q: want one of %s", what, k, strings.Join(names, ", "))
		case seen[k]:
			r.Bad(v, "%s: key %q stands twice", what, k)
		default:
			f(v.Value)
		}
		seen[k] = true
	}
	for _, k := range need {
		if !seen[k] {
			r.Bad(n, "%s: key %q is missing", what, k)
		}
	}
}

// List calls item for each entry.
func (r *Reader) List(n Node, what string, item func(Node)) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		r.Bad(n, "%s: want a list, got %s", what, n.Type())
		return
	}
	for _, v := range seq.Values {
		item(v)
	}
}

// Text takes a scalar as it is written: row 27.10 is not the number 27.1.
func (r *Reader) Text(n Node, what string) string {
	switch n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.LiteralNode:
	default:
		r.Bad(n, "%s: want a text, got %s", what, n.Type())
		return ""
	}
	s := n.GetToken().Value
	if l, ok := n.(*ast.LiteralNode); ok {
		s = l.Value.Value
	}
	s = strings.TrimSpace(s)
	if s == "" {
		r.Bad(n, "%s: want a text, got an empty one", what)
	}
	return s
}

// IsText says whether a node is a single text.
func IsText(n Node) bool { _, ok := n.(*ast.StringNode); return ok }
