package reports_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fixtures"
	"github.com/kkmtest/kkmtest/reports"
)

func written(t testing.TB, r reports.Run, write func(*bytes.Buffer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func findingsOf(t testing.TB, r reports.Run) []byte {
	return written(t, r, func(b *bytes.Buffer) error { return reports.WriteFindings(b, r) })
}

func schema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	raw, err := fixtures.FS.ReadFile("schemas/findings.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("findings.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("findings.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func valid(t testing.TB, s *jsonschema.Schema, raw []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

type doc struct {
	Edition, Section, Device string
	Seed                     uint64
	TimeMode                 string `json:"time_mode"`
	Record                   struct {
		End       string
		TornBytes int `json:"torn_bytes"`
	}
	Counts map[string]int
	Rows   []struct {
		Section, Row, Check, Result, Reason, Want, Got, Bytes, Hint string
		Events                                                      []int
		Margin                                                      bool
		Measured                                                    *struct {
			Lo, Hi   int64
			Unit     string
			Limit    *int64
			Distance *int64
		}
		RowDigest string `json:"row_digest"`
	}
}

func read(t testing.TB, raw []byte) doc {
	t.Helper()
	var d doc
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestFindingsFollowTheContract(t *testing.T) {
	raw := findingsOf(t, sample(t))
	if err := valid(t, schema(t), raw); err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	d := read(t, raw)
	if d.Edition != "kz-431-2014" || d.Section != "I" || d.Seed != 42 || d.TimeMode != "real" || d.Device != facts().Device || d.Record.End != "finished" {
		t.Errorf("head: %+v", d)
	}
	var got []string
	for _, r := range d.Rows {
		got = append(got, r.Row+" "+r.Result)
	}
	want := []string{"23 pass", "27 fail", "27.6 fail", "27.7 notapplicable", "32 notchecked", "33 notchecked", "34 unknown", "35 error"}
	if !slices.Equal(got, want) {
		t.Errorf("rows\n got %q\nwant %q", got, want)
	}
	if !slices.Equal([]int{d.Counts["fail"], d.Counts["notchecked"], d.Counts["pass"]}, []int{2, 2, 1}) {
		t.Errorf("counts %v", d.Counts)
	}
	f := d.Rows[2]
	if f.Want != "a refusal after 72h" || !strings.HasPrefix(f.Got, "a sale at 72h01m00s") || f.Bytes != "04 00 8d 00" || !slices.Equal(f.Events, []int{3, 9}) {
		t.Errorf("row 27.6: %+v", f)
	}
	if m := f.Measured; m == nil || m.Unit != "ns" || *m.Limit != int64(72*time.Hour) || *m.Distance != -int64(time.Minute-400*ms) {
		t.Errorf("row 27.6 measured: %+v", f.Measured)
	}
	if g := d.Rows[1].Reason; g != "follows from its sub-rows: 27.6" {
		t.Errorf("row 27: reason %q", g)
	}
	if p := d.Rows[0]; !slices.Equal(p.Events, []int{3, 7, 8}) || p.Measured.Hi != int64(6901*ms) {
		t.Errorf("row 23 cites all its evidence and shows what came nearest to the limit: %+v", p)
	}
	if n := d.Rows[5].Reason; n != "nobody judged this row" {
		t.Errorf("row 33 has no finding: reason %q", n)
	}
}

func TestSchemaRefuses(t *testing.T) {
	s := schema(t)
	raw := string(findingsOf(t, sample(t)))
	for _, tt := range []struct{ name, old, new string }{
		{"a word that is no result", `"result":"unknown"`, `"result":"warning"`},
		{"a pass without evidence", `"events":[3,7,8]`, `"events":[]`},
		{"a row without its digest", `"row_digest"`, `"digest"`},
		{"a float", `"seed": 42`, `"seed": 42.5`},
		{"an unknown without a reason", `"reason":"no answer came; the link was down"`, `"reason":""`},
		{"an event that is none", `"events":[12]`, `"events":[0]`},
	} {
		bad := strings.Replace(raw, tt.old, tt.new, 1)
		if bad == raw {
			t.Fatalf("%s: %s is not in the document", tt.name, tt.old)
		}
		if valid(t, s, []byte(bad)) == nil {
			t.Errorf("%s: the schema lets it through", tt.name)
		}
	}
}

// The same findings give the same bytes, in whatever order they come.
func TestFindingsAreDeterministic(t *testing.T) {
	a := sample(t)
	b := sample(t)
	slices.Reverse(b.Findings)
	b.Bench.Host, b.Bench.Version = "another", "v9"
	if x, y := findingsOf(t, a), findingsOf(t, b); !bytes.Equal(x, y) {
		t.Errorf("findings.json depends on order or bench:\n%s\n%s", x, y)
	}
}

func TestEveryNumberedRowAppearsOnce(t *testing.T) {
	r := sample(t)
	r.Section, r.Findings = "all", nil
	d := read(t, findingsOf(t, r))
	var got []string
	for _, x := range d.Rows {
		got = append(got, x.Section+" "+x.Row+" "+x.Result)
	}
	// Row 61 is a heading that carries a number (KZ 431 II).
	want := []string{"I 23", "I 27", "I 27.6", "I 27.7", "I 32", "I 33", "I 34", "I 35", "II 61", "II 38"}
	if len(got) != len(want) {
		t.Fatalf("got %q", got)
	}
	for i := range want {
		if got[i] != want[i]+" notchecked" {
			t.Errorf("got %q, want %q notchecked", got[i], want[i])
		}
	}
}

func TestContradictionsAreRefused(t *testing.T) {
	e := edition()
	for _, tt := range []struct {
		name string
		f    check.Finding
		want string
	}{
		{"two findings of a row", finding(e, "I", "23", check.Fail), "row I 23 has two findings: pass and fail"},
		{"a row of another form", check.Finding{Edition: e.ID, Section: "I", Row: "999"}, "has no row I 999"},
		{"a row of another section", finding(e, "II", "38", check.Unknown), "has no row II 38"},
		{"another edition", check.Finding{Edition: "kz-626-2025", Section: "I", Row: "33"}, "edition kz-626-2025, the form is of kz-431-2014"},
		{"another text of the row", check.Finding{Edition: e.ID, Section: "I", Row: "33", RowDigest: strings.Repeat("0", 64)}, "judge the record again"},
		{"a verdict on a heading", check.Finding{Edition: e.ID, Section: "I", Row: "I.h1", Result: check.Pass}, "is a heading"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := sample(t)
			r.Findings = append(r.Findings, tt.f)
			for _, f := range reports.Formats {
				var b bytes.Buffer
				err := reports.Write(&b, f, r, "ru")
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s: got %v, want %q", f, err, tt.want)
				}
				if b.Len() != 0 {
					t.Errorf("%s: %d bytes were written all the same", f, b.Len())
				}
			}
		})
	}
	r := sample(t)
	r.Section = "IV"
	var b bytes.Buffer
	if err := reports.WriteFindings(&b, r); err == nil || !strings.Contains(err.Error(), `section "IV": want one of I, II, all`) {
		t.Errorf("got %v", err)
	}
}

// Target 20: a pass is marked within 5 % of the limit or within three times its uncertainty.
func TestMarginIsMarked(t *testing.T) {
	const limit = 7 * sec
	for _, tt := range []struct {
		name     string
		lo, hi   time.Duration
		margin   bool
		distance time.Duration
	}{
		{"far below", 1 * sec, 1 * sec, false, 6 * sec},
		{"just more than a twentieth below", 6649 * ms, 6649 * ms, false, 351 * ms},
		{"a twentieth below", 6650 * ms, 6650 * ms, true, 350 * ms},
		{"on the limit", limit, limit, true, 0},
		{"three times the uncertainty below", 5200 * ms, 5920 * ms, true, 1080 * ms},
		{"more than three times the uncertainty", 5200 * ms, 5919 * ms, false, 1081 * ms},
		{"a twentieth above", 7350 * ms, 7350 * ms, true, -350 * ms},
		{"more than a twentieth above", 7351 * ms, 7351 * ms, false, -351 * ms},
		{"around the limit", 6 * sec, 8 * sec, true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := sample(t)
			m := check.Measured{Name: "x", Span: check.Span{Lo: tt.lo, Hi: tt.hi}, Limit: limit}
			r.Findings = []check.Finding{finding(r.Edition, "I", "23", check.Pass, check.Passed(m, 3))}
			d := read(t, findingsOf(t, r)).Rows[0]
			if d.Margin != tt.margin || *d.Measured.Distance != int64(tt.distance) {
				t.Errorf("margin %v at distance %v, want %v at %v", d.Margin, time.Duration(*d.Measured.Distance), tt.margin, tt.distance)
			}
		})
	}
	r := sample(t)
	r.Findings = []check.Finding{finding(r.Edition, "I", "23", check.Pass, check.Passed(check.Measured{Name: "count"}, 3))}
	if m := read(t, findingsOf(t, r)).Rows[0]; m.Measured == nil || m.Measured.Limit != nil || m.Margin {
		t.Errorf("a measurement without a limit: %+v", m)
	}
}

// Target 80: any prefix of a record gives documents, and they say that it is one.
func TestAnyPrefixReports(t *testing.T) {
	whole := sample(t)
	s := schema(t)
	for n := range whole.View.Len() {
		r := whole
		r.View = whole.View.Between(1, history.Seq(n))
		r.Torn = &history.Torn{Bytes: 17, Offset: 4711}
		raw := findingsOf(t, r)
		if err := valid(t, s, raw); err != nil {
			t.Errorf("prefix of %d events: %v", n, err)
		}
		if d := read(t, raw); d.Record.End != "broken" || d.Record.TornBytes != 17 {
			t.Errorf("prefix of %d events: end %q, torn %d", n, d.Record.End, d.Record.TornBytes)
		}
		for _, f := range []reports.Format{reports.JUnit, reports.HTML, reports.DOCX, reports.PDF} {
			if err := reports.Write(&bytes.Buffer{}, f, r, "kk"); err != nil {
				t.Errorf("prefix of %d events, %s: %v", n, f, err)
			}
		}
	}
	stopped := whole
	stopped.View = record(t, "aborted")
	if d := read(t, findingsOf(t, stopped)); d.Record.End != "aborted" {
		t.Errorf("end %q, want aborted", d.Record.End)
	}
}

func TestNamesAndLists(t *testing.T) {
	for _, tt := range []struct {
		f       reports.Format
		edition string
		want    string
	}{
		{reports.JSON, "", "findings.json"},
		{reports.JSON, "kz-431-2014", "findings-kz-431-2014.json"},
		{reports.JUnit, "", "junit.xml"},
		{reports.HTML, "", "form.html form-kk.html form-en.html"},
		{reports.DOCX, "", "form-kk.docx form-en.docx"},
		{reports.PDF, "kz-626-2025", "form-kz-626-2025-kk.pdf form-kz-626-2025-en.pdf"},
	} {
		langs, err := reports.ParseLangs("kk, en,kk")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range reports.Files(tt.f, tt.edition, langs, false) {
			got = append(got, f.Name)
			if err := f.Write(&bytes.Buffer{}, sample(t)); err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: got %q, want %q", tt.f, got, tt.want)
		}
	}
	for _, bad := range []struct{ give, want string }{{"kk,de", `language "de": want one of kk, ru, en`}, {"", `language ""`}} {
		if _, err := reports.ParseLangs(bad.give); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("ParseLangs(%q): %v", bad.give, err)
		}
	}
	if _, err := reports.ParseFormats("pdf,odt"); err == nil || !strings.Contains(err.Error(), `format "odt": want one of docx, pdf, html, junit, json`) {
		t.Errorf("ParseFormats: %v", err)
	}
	if f, err := reports.ParseFormats("pdf,docx,pdf"); err != nil || fmt.Sprint(f) != "[pdf docx]" {
		t.Errorf("ParseFormats: %v %v", f, err)
	}
}
