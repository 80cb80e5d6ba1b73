package reports

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/reports/submission"
	"github.com/kkmtest/kkmtest/reports/words"
)

// Run is a record judged by one edition: all that any document is made of.
type Run struct {
	Facts    history.RunBegin   // first event of the record; see [check.Facts]
	Edition  regulation.Edition // what it was judged by
	Section  string             // I, II, III, or all; "" takes Facts.Section
	Findings []check.Finding    // in any order, at most one a row
	View     history.View       // the whole record: cited events are read from it
	Torn     *history.Torn      // unfinished last line of the record, nil when there was none

	// Submission fills the third column of the form; nil leaves it empty.
	Submission *submission.Submission
	// InForce is the edition that is in force instead of a repealed one, nil
	// when it is not known; a form names it on page one.
	InForce *regulation.Edition
	// Others are the editions that the same record was judged by as well: each
	// has a form of its own.
	Others []regulation.Edition
	// Contradictions are the declarations of the profile that the record shows to be wrong.
	Contradictions []check.Contradiction
	// Wording tells where the official texts of the edition's rows are from, "" without any.
	Wording string

	Digests Digests
	Bench   Bench
	Lab     Lab
}

// Digests are SHA-256 in hex, "" when the thing is not there.
type Digests struct {
	Record  string // history.jsonl, taken after the record was closed
	Capture string // capture.pcapng
	Profile string // profile.yaml as it was read
}

// Bench is the test software that judged; it stands in the form, never in findings.json.
type Bench struct {
	Version string // v1.2.0 or devel
	Commit  string // of the source
	Build   string // digest of the binary, hex
	Host    string // name of the bench PC, "" for a simulated run
	Clock   string // where its time came from, such as "NTP, offset 3 ms"; "" for a simulated run
}

// Lab is what a laboratory knows and no record holds. Empty fields leave a
// line to write on.
type Lab struct {
	Name     string // of the laboratory
	Request  string // number of the request
	Sample   string // identity of the sample
	Operator string // who ran it
	Date     string // as it is to be printed
}

// End says how a record ended.
type End string

// The ends. Only Finished is a whole run.
const (
	Finished End = "finished" // RunEnd, finished
	Aborted  End = "aborted"  // RunEnd, aborted: stopped in an orderly way
	Broken   End = "broken"   // no RunEnd: the runner died or is still running
)

// End tells how the record ended.
func (r Run) End() End {
	end := Broken
	for e := range r.View.Events() {
		if b, ok := e.Body.(history.RunEnd); ok {
			end = Aborted
			if b.Reason == "finished" {
				end = Finished
			}
		}
	}
	return end
}

// Identity is what the device said it is, false when it was never asked.
func (r Run) Identity() (history.Identity, bool) {
	var id history.Identity
	var ok bool
	for e := range r.View.Events() {
		if b, is := e.Body.(history.Identity); is {
			id, ok = b, true
		}
	}
	return id, ok
}

// SectionID is the section that the form is about: I, II, III or all.
func (r Run) SectionID() string {
	if r.Section != "" {
		return r.Section
	}
	return r.Facts.Section
}

// sections are the parts of the edition that the form shows.
func (r Run) sections() ([]regulation.Section, error) {
	id := r.SectionID()
	if secs := r.Edition.For(id); secs != nil {
		return secs, nil
	}
	var have []string
	for _, s := range r.Edition.Sections {
		have = append(have, s.ID)
	}
	return nil, fmt.Errorf("edition %s: section %q: want one of %s, all", r.Edition.ID, id, strings.Join(have, ", "))
}

// tongues are the languages of the edition, its authority's own first.
func (r Run) tongues() tongues {
	if len(r.Edition.Langs) > 0 {
		return r.Edition.Langs
	}
	return Langs
}

// rowList names rows; the section only where there are several.
func (r Run) rowList(rows []string) string {
	out := make([]string, len(rows))
	secs, _ := r.sections()
	for i, row := range rows {
		if section, number, _ := strings.Cut(row, " "); len(secs) < 2 || section == secs[0].ID {
			out[i] = number
		} else {
			out[i] = row
		}
	}
	return strings.Join(out, ", ")
}

// Langs are the languages of the documents of a Kazakh edition, in the order in
// which they are offered.
var Langs = []regulation.Lang{regulation.Kazakh, regulation.Russian, regulation.English}

// ParseLangs reads "kk,ru,en".
func ParseLangs(s string) ([]regulation.Lang, error) {
	var out []regulation.Lang
	for w := range strings.SplitSeq(s, ",") {
		l := regulation.Lang(strings.TrimSpace(w))
		if !slices.Contains(words.Langs, l) {
			return nil, fmt.Errorf("language %q: want one of kk, ru, en, and ky for a Kyrgyz edition", w)
		}
		if !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out, nil
}

// Format is a kind of document.
type Format string

// The formats.
const (
	JSON  Format = "json"
	JUnit Format = "junit"
	HTML  Format = "html"
	DOCX  Format = "docx"
	PDF   Format = "pdf"
	// InToto is a statement for supply chain tools; a run writes it when it is asked for.
	InToto Format = "intoto"
)

// Formats are those that a run writes.
var Formats = []Format{JSON, JUnit, HTML, DOCX, PDF}

// ParseFormats reads "docx,pdf,html".
func ParseFormats(s string) ([]Format, error) {
	var out []Format
	for w := range strings.SplitSeq(s, ",") {
		f := Format(strings.TrimSpace(w))
		if !slices.Contains(Formats, f) && f != InToto {
			return nil, fmt.Errorf("format %q: want one of docx, pdf, html, junit, json, intoto", w)
		}
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out, nil
}

// FileName is the name of a document in the run directory. edition is "" for the
// first edition of the run, else its ID. findings.json, junit.xml and form.html
// hold every language and take no lang.
func FileName(f Format, edition string, lang regulation.Lang) string {
	base, ext := "form", string(f)
	switch f {
	case JSON:
		base, lang = "findings", ""
	case JUnit:
		base, ext, lang = "junit", "xml", ""
	case InToto:
		base, ext, lang = "statement", "intoto.json", ""
	case HTML:
		lang = ""
	}
	return fileName(base, edition, lang, ext)
}

func fileName(base, edition string, lang regulation.Lang, ext string) string {
	for _, part := range []string{edition, string(lang)} {
		if part != "" {
			base += "-" + part
		}
	}
	return base + "." + ext
}

// Write writes one document. lang matters for DOCX and PDF only.
func Write(w io.Writer, f Format, r Run, lang regulation.Lang) error {
	switch f {
	case JSON:
		return WriteFindings(w, r)
	case JUnit:
		return WriteJUnit(w, r)
	case HTML:
		return WriteForm(w, r)
	case InToto:
		return WriteStatement(w, r)
	case DOCX:
		return WriteDOCX(w, r, Paper{Lang: lang})
	case PDF:
		return WritePDF(w, r, Paper{Lang: lang})
	}
	return fmt.Errorf("format %q: want one of docx, pdf, html, junit, json, intoto", f)
}

// File is one document of a run: what to call it and how to write it.
type File struct {
	Name  string
	Write func(io.Writer, Run) error
}

// Files lists the documents of a format in the languages asked for. The form
// for filing is a file a language, as DOCX, PDF and HTML; HTML also gives the
// page for reading, form.html.
func Files(f Format, edition string, langs []regulation.Lang, oneTable bool) []File {
	var write func(io.Writer, Run, Paper) error
	var out []File
	switch f {
	case DOCX:
		write = WriteDOCX
	case PDF:
		write = WritePDF
	case HTML:
		write = WriteSheet
		out = append(out, File{FileName(f, edition, ""), WriteForm})
	default:
		return []File{{FileName(f, edition, ""), func(w io.Writer, r Run) error { return Write(w, f, r, "") }}}
	}
	for _, l := range langs {
		out = append(out, File{fileName("form", edition, l, string(f)), func(w io.Writer, r Run) error {
			return write(w, r, Paper{Lang: l, OneTable: oneTable})
		}})
	}
	return out
}
