package reports_test

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"

	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/fixtures"
	"github.com/kkmtest/kkmtest/reports"
	"github.com/kkmtest/kkmtest/reports/paper"
	"github.com/kkmtest/kkmtest/reports/paper/pdf"
)

func catalogues(t testing.TB) []regulation.Edition {
	t.Helper()
	dir, err := fs.Sub(fixtures.FS, "regulations")
	if err != nil {
		t.Fatal(err)
	}
	all, err := regulation.LoadAll(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no catalogues")
	}
	return all
}

// Every edition gives every document, each numbered row once, in letters that the fonts have.
func TestEveryEditionGivesAForm(t *testing.T) {
	s := schema(t)
	for _, e := range catalogues(t) {
		r := sample(t)
		r.Edition, r.Section, r.Findings, r.Submission = e, "all", nil, nil
		want := 0
		for _, sec := range e.Sections {
			for _, row := range sec.Rows {
				heading := row.Kind == regulation.Heading || row.Kind == regulation.SectionTitle
				if !heading || row.Number == "61" || row.Number == "98" { // headings with a number of their own (KZ 431)
					want++
				}
				if row.Kind == regulation.PlainRow && row.Check != "" {
					r.Findings = append(r.Findings, check.Finding{Edition: e.ID, Section: sec.ID, Row: row.Number, RowDigest: row.Digest, Check: row.Check,
						Result: check.Unknown, Parts: []check.Judgement{check.Undecided("no such thing in the record")}})
				}
			}
		}
		if n := map[string]int{"kz-431-2014": 426, "kz-626-2025": 229, "kg-9-10-draft": 70}[e.ID]; n != want {
			t.Errorf("%s has %d rows, want %d", e.ID, want, n)
		}
		raw := findingsOf(t, r)
		if err := valid(t, s, raw); err != nil {
			t.Errorf("%s: %v", e.ID, err)
		}
		if got := len(read(t, raw).Rows); got != want || want < 50 {
			t.Errorf("%s: %d rows in findings.json, want %d", e.ID, got, want)
		}
		if got := len(parseXML(t, junitOf(t, r)).all("testcase")); got != want {
			t.Errorf("%s: %d cases in junit.xml, want %d", e.ID, got, want)
		}
		page := htmlOf(t, r)
		if got := strings.Count(page, `<tr class="r `); got != want {
			t.Errorf("%s: %d rows in form.html, want %d", e.ID, got, want)
		}
		for _, lang := range reports.Langs {
			d, err := reports.Form(r, reports.Paper{Lang: lang})
			if err != nil {
				t.Fatalf("%s, %s: %v", e.ID, lang, err)
			}
			if m := pdf.Missing(d.Text()); len(m) > 0 {
				t.Errorf("%s, %s: the fonts lack %q", e.ID, lang, m)
			}
			rows := 0
			for _, b := range d.Blocks {
				if tb, ok := b.(paper.Table); ok && rows == 0 {
					rows = len(tb.Rows)
				}
			}
			if rows < want {
				t.Errorf("%s, %s: %d rows in the form, want at least %d", e.ID, lang, rows, want)
			}
		}
	}
}

// BenchmarkOrder431 writes the three documents of all rows of order 431: at most 2 s together.
func BenchmarkOrder431(b *testing.B) {
	r := large(b)
	for _, e := range catalogues(b) {
		if e.ID == "kz-431-2014" {
			r.Edition, r.Section, r.Findings = e, "all", nil
		}
	}
	for b.Loop() {
		for _, f := range []reports.Format{reports.DOCX, reports.PDF, reports.HTML} {
			if err := reports.Write(&bytes.Buffer{}, f, r, regulation.Kazakh); err != nil {
				b.Fatal(err)
			}
		}
	}
}
