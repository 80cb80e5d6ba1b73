// Package submission reads submission.yaml: for each row of the form, the
// document, the page and the clause with which the manufacturer shows how the
// row is met. That is what the third column of the form demands (order 431).
//
// It judges nothing. What a run is given becomes events of the record
// ([Submission.Events]), and checks read those. How complete the third column is
// and what the bench found are two different things.
//
//	model: Example-1F KZ
//	edition: kz-431-2014    # whose rows these are; without it, those of the run's first edition
//	documents:
//	  - id: manual
//	    title: {kk: ..., ru: Руководство, en: User manual}   # or one text for all
//	    file: manual.pdf                                     # optional
//	    sha256: 9f86d08...                                   # of the file
//	rows:
//	  - row: 27.6
//	    section: I            # only where a number stands in more than one section
//	    edition: kz-626-2025  # only where it is another one
//	    document: manual
//	    page: 12-14
//	    clause: 4.3.2
//
// Begin with [Parse], then [Submission.Settle] against the catalogues and
// [Submission.Verify] against the files. Every error names file, line and column, the
// value, and what is allowed.
package submission

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/internal/strict"
)

// Submission is what a manufacturer refers to.
type Submission struct {
	File      string // name for errors
	Digest    string // SHA-256 of submission.yaml, hex
	Model     string // "" when it does not say
	ModelAt   Pos
	Edition   string // of rows that do not say theirs, as written; "" means the run's first one
	EditionAt Pos
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
	for _, l := range []regulation.Lang{l, "", regulation.Russian, regulation.Kazakh, regulation.Kyrgyz, regulation.English} {
		if d.Title[l] != "" {
			return d.Title[l]
		}
	}
	return d.ID
}

// Ref says where a row is shown. Page and Clause are as the document numbers them.
type Ref struct {
	Edition  string // as written, the whole ID once settled; "" until then means any
	Section  string // "" when the number alone is enough; set once settled
	Row      string
	Document string // ID
	Page     string
	Clause   string
	Note     string // goes into the note column
	At       Pos
}

// Pos is a place in submission.yaml, both from 1.
type Pos = strict.Pos

// Find is what refers to a row, in the order of the file. An empty submission has none.
func (s *Submission) Find(edition, section, row string) []Ref {
	if s == nil {
		return nil
	}
	var out []Ref
	for _, r := range s.Refs {
		if r.Row == row && (r.Section == "" || r.Section == section) && (r.Edition == "" || r.Edition == edition) {
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

// Settle finds the row that each reference means: each must name one that its
// edition has, and say the section when the number stands in several. first is
// the ID of the edition of references that name none.
func (s *Submission) Settle(all []regulation.Edition, first string) error {
	if s.Edition != "" {
		e, err := regulation.Resolve(all, s.Edition)
		if err != nil {
			return s.errorf(s.EditionAt, "%v", err)
		}
		first = e.ID
	}
	var errs []error
	for i := range s.Refs {
		r := &s.Refs[i]
		id := r.Edition
		if id == "" {
			id = first
		}
		e, err := regulation.Resolve(all, id)
		if err != nil {
			errs = append(errs, s.errorf(r.At, "row %s: %v", r.Row, err))
			continue
		}
		row, err := e.Locate(r.Section, r.Row)
		if err != nil {
			errs = append(errs, s.errorf(r.At, "%v", err))
			continue
		}
		r.Edition, r.Section = e.ID, row.Section
	}
	return errors.Join(errs...)
}

// Of says whether a reference is about an edition. A settled submission about
// none of the editions that are judged is a mistake of the call.
func (s *Submission) Of(edition string) bool {
	return slices.ContainsFunc(s.Refs, func(r Ref) bool { return r.Edition == edition })
}

// CheckModel refuses a submission for another model than the one that is tested.
func (s *Submission) CheckModel(model string) error {
	if s.Model == "" || strings.EqualFold(s.Model, strings.TrimSpace(model)) {
		return nil
	}
	return s.errorf(s.ModelAt, "model %q: the device profile is of %q: want the submission for that model", s.Model, model)
}

// Verify takes the SHA-256 of the files of the documents and holds it against
// the submission. It gives the digests that it took, by document; a document without a
// file has none.
func (s *Submission) Verify(dir fs.FS) (map[string]string, error) {
	sums := map[string]string{}
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
		default:
			sums[d.ID] = got
		}
	}
	return sums, errors.Join(errs...)
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
	return strict.Errorf(s.File, at, format, args...)
}
