// Package submission reads submission.yaml: for each row of the form, the
// document, the page and the clause with which the manufacturer shows how the
// row is met. That is what the third column of the form demands (order 431).
//
// It judges nothing. How complete the third column is and what the bench found
// are two different things, and a reference never turns into a verdict here.
//
//	model: Example-1F KZ
//	documents:
//	  - id: manual
//	    title: {kk: ..., ru: Руководство, en: User manual}   # or one text for all
//	    file: manual.pdf                                     # optional
//	    sha256: 9f86d08...                                   # of the file
//	rows:
//	  - row: 27.6
//	    section: I          # only where a number stands in more than one section
//	    document: manual
//	    page: 12-14
//	    clause: 4.3.2
//
// Begin with [Parse], then [Submission.Check] against the form. Every error
// names file, line and column, the value, and what is allowed.
package submission

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/kkmtest/kkmtest/bench/regulation"
)

// Submission is what a manufacturer refers to.
type Submission struct {
	File      string // name for errors
	Digest    string // SHA-256 of submission.yaml, hex
	Model     string
	Documents []Document
	Refs      []Ref
}

// Document is a manufacturer's document.
type Document struct {
	ID     string
	Title  map[regulation.Lang]string // key "" holds a title that is not translated
	File   string                     // "" when it is not at hand
	SHA256 string                     // hex, lower case; set when File is
	At     Pos
}

// Name is the title in a language, or the one that there is.
func (d Document) Name(l regulation.Lang) string {
	for _, l := range []regulation.Lang{l, "", regulation.Russian, regulation.Kazakh, regulation.English} {
		if d.Title[l] != "" {
			return d.Title[l]
		}
	}
	return d.ID
}

// Ref says where a row is shown. Page and Clause are as the document numbers them.
type Ref struct {
	Section  string // "" when the number alone is enough
	Row      string
	Document string // ID
	Page     string
	Clause   string
	Note     string // goes into the note column
	At       Pos
}

// Pos is a place in submission.yaml, both from 1.
type Pos struct{ Line, Col int }

// Find is what refers to a row, in the order of the file. An empty submission has none.
func (s *Submission) Find(section, row string) []Ref {
	if s == nil {
		return nil
	}
	var out []Ref
	for _, r := range s.Refs {
		if r.Row == row && (r.Section == "" || r.Section == section) {
			out = append(out, r)
		}
	}
	return out
}

// Document finds a document by its ID.
func (s *Submission) Document(id string) (Document, bool) {
	for _, d := range s.Documents {
		if d.ID == id {
			return d, true
		}
	}
	return Document{}, false
}

// Check holds the references against the whole edition: each must name a row
// that it has, and say the section when the number stands in several.
func (s *Submission) Check(e regulation.Edition) error {
	var errs []error
	for _, r := range s.Refs {
		var in []string
		for _, sec := range e.Sections {
			if row, ok := sec.Row(r.Row); ok && (row.Kind == regulation.Group || row.Kind == regulation.PlainRow) {
				in = append(in, sec.ID)
			}
		}
		switch {
		case len(in) == 0:
			errs = append(errs, s.errorf(r.At, "row %q: edition %s has no such row%s", r.Row, e.ID, nearest(e, r.Row)))
		case r.Section != "" && !slices.Contains(in, r.Section):
			errs = append(errs, s.errorf(r.At, "row %q, section %q: in edition %s the row stands in section %s", r.Row, r.Section, e.ID, strings.Join(in, ", ")))
		case r.Section == "" && len(in) > 1:
			errs = append(errs, s.errorf(r.At, "row %q: say the section, it stands in %s", r.Row, strings.Join(in, ", ")))
		}
	}
	return errors.Join(errs...)
}

// nearest names rows of the same group, for a slip of the pen.
func nearest(e regulation.Edition, row string) string {
	root, _, _ := strings.Cut(row, ".")
	var near []string
	for _, sec := range e.Sections {
		for _, r := range sec.Rows {
			if (r.Number == root || strings.HasPrefix(r.Number, root+".")) && len(near) < 8 {
				near = append(near, r.Number)
			}
		}
	}
	if len(near) == 0 {
		return ""
	}
	return "; near it are " + strings.Join(near, ", ")
}

// CheckFiles holds the files of the documents against their digests.
func (s *Submission) CheckFiles(dir fs.FS) error {
	var errs []error
	for _, d := range s.Documents {
		if d.File == "" {
			continue
		}
		got, err := digest(dir, d.File)
		switch {
		case err != nil:
			errs = append(errs, s.errorf(d.At, "document %s: %v", d.ID, err))
		case got != d.SHA256:
			errs = append(errs, s.errorf(d.At, "document %s: %s has SHA-256 %s, the submission says %s", d.ID, d.File, got, d.SHA256))
		}
	}
	return errors.Join(errs...)
}

func digest(dir fs.FS, name string) (string, error) {
	f, err := dir.Open(name)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), errors.Join(err, f.Close())
}

func (s *Submission) errorf(at Pos, format string, args ...any) error {
	return fmt.Errorf("%s:%d:%d: %s", s.File, at.Line, at.Col, fmt.Sprintf(format, args...))
}
