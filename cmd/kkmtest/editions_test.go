package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/bench/regulation/wording"
)

// resultsIn gives the word of each row in a findings file.
func resultsIn(t *testing.T, path string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Rows []struct{ Row, Result string }
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, r := range d.Rows {
		if _, twice := out[r.Row]; twice {
			t.Errorf("%s: row %s stands twice", path, r.Row)
		}
		out[r.Row] = r.Result
	}
	return out
}

// Which rows of which edition a selection means.
func TestPartsOfASelection(t *testing.T) {
	numbers := func(p part) string {
		var out []string
		for _, r := range p.rows {
			out = append(out, r.Number)
		}
		return p.edition.ID + ": " + strings.Join(out, " ")
	}
	tests := []struct {
		name string
		sel  selection
		want []string // editions with their rows; "" alone: only the number of editions counts
		left string
		err  string
	}{
		{"every Kazakh edition that has the section", selection{section: "II"}, []string{"kz-431-2014", "kz-626-2025"}, "", ""},
		{"the receipt chapter stands in one", selection{section: "R"}, []string{"kz-626-2025"}, "", ""},
		{"rows and those that continue them", selection{section: "I", rows: []string{"27.6", "23"}}, []string{"kz-431-2014: 23 27.6", "kz-626-2025: 25 29.6"}, "", ""},
		{"a group means all of it in either", selection{section: "I", rows: []string{"28"}}, []string{"kz-431-2014: 28 28.1 28.2 28.3", "kz-626-2025: 30 30.1 30.2 30.3"}, "", ""},
		{"several rows that have become one", selection{section: "I", rows: []string{"19.4", "19.5"}}, []string{"kz-431-2014: 19.4 19.5", "kz-626-2025: 21"}, "", ""},
		{"a row that has no successor", selection{section: "II", rows: []string{"51"}}, []string{"kz-431-2014: 51"}, "no row continues 51 of kz-431-2014", ""},
		{"numbers of the newer edition", selection{section: "I", editions: []string{"626", "431"}, rows: []string{"29.6"}}, []string{"kz-626-2025: 29.6", "kz-431-2014: 27.6"}, "", ""},
		{"numbers of an edition that is not judged by", selection{section: "I", editions: []string{"626"}, rows: []string{"27.6"}, of: "kz-431-2014"}, []string{"kz-626-2025: 29.6"}, "", ""},
		{"named, and nothing of it", selection{section: "II", editions: []string{"431", "626"}, rows: []string{"51"}}, nil, "", "kz-626-2025 section II: no row continues 51 of kz-431-2014"},
		{"a check", selection{section: "I", checks: []string{"offline.cutoff"}}, []string{"kz-431-2014: 27.6", "kz-626-2025: 29.6"}, "", ""},
		{"a check of one edition only", selection{section: "I", checks: []string{"link.tcp"}}, []string{"kz-431-2014: 4"}, "kz-626-2025 section I: no row has check link.tcp", ""},
		{"a check of none", selection{section: "I", checks: []string{"nope.*"}}, nil, "", `check "nope.*" serves no row of kz-431-2014`},
		{"a bad pattern", selection{section: "I", checks: []string{"a["}}, nil, "", `check pattern "a["`},
		{"a number that is none", selection{section: "I", rows: []string{"99"}}, nil, "", `row "99" does not stand in kz-431-2014 section I`},
		{"an edition twice", selection{section: "I", editions: []string{"431", "kz-431-2014"}}, nil, "", "kz-431-2014 stands twice"},
		{"an edition that is none", selection{section: "I", editions: []string{"999"}}, nil, "", `--regulation: edition "999": want one of kg-9-10-draft`},
		{"a section that is none", selection{section: "IV"}, nil, "", "--section IV: no Kazakh edition has such a section"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, left, err := tt.sel.parts()
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got %v, want %s", err, tt.err)
				}
				return
			}
			if err != nil || len(got) != len(tt.want) {
				t.Fatalf("%d editions, %v, want %q", len(got), err, tt.want)
			}
			for i, p := range got {
				if n := numbers(p); n != tt.want[i] && p.edition.ID != tt.want[i] {
					t.Errorf("got %s, want %s", n, tt.want[i])
				}
			}
			if !strings.Contains(strings.Join(left, "; "), tt.left) || (tt.left == "") != (len(left) == 0) {
				t.Errorf("left out: %q, want %q", left, tt.left)
			}
		})
	}
}

// One run, two forms, and the exit status over both; --regulation narrows.
func TestTwoEditions(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	status, out, stderr := call(t, "run", "--row", "4,23", "--out", dir)
	if status != 4 { // row 4 of order 626 asks for a VPN, which no check verifies
		t.Errorf("exit status %d, want 4\n%s%s", status, out, stderr)
	}
	if r := resultsIn(t, filepath.Join(dir, "findings.json")); r["4"] != "pass" || r["23"] != "pass" || len(r) != 157 {
		t.Errorf("order 431: %d rows, 4 %s, 23 %s", len(r), r["4"], r["23"])
	}
	if r := resultsIn(t, filepath.Join(dir, "findings-kz-626-2025.json")); r["4"] != "notchecked" || r["25"] != "pass" || r["23"] != "notselected" || len(r) != 100 {
		t.Errorf("order 626: %d rows, 4 %s, 25 %s, 23 %s", len(r), r["4"], r["25"], r["23"])
	}
	for name, want := range map[string][]string{
		"form-en.html":             {"This edition was repealed on 2018-03-24", "155 of 157 rows were not selected", "KZ 626 (kz-626-2025)"},
		"form-kz-626-2025-en.html": {"98 of 100 rows were not selected", "KZ 431 (kz-431-2014)"},
	} {
		page, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(string(page), w) {
				t.Errorf("%s lacks %q", name, w)
			}
		}
		if name != "form-en.html" && strings.Contains(string(page), "was repealed") {
			t.Errorf("%s says that order 626 was repealed", name)
		}
	}
	if s, out, _ := call(t, "judge", dir, "--regulation", "431"); s != 0 || !strings.Contains(out, "\n2 rows: 2 pass") {
		t.Errorf("judged by order 431 alone: exit status %d\n%s", s, out)
	}
	if s, out, _ := call(t, "judge", dir, "--regulation", "626"); s != 4 || !strings.Contains(out, "findings-kz-626-2025.json: the same") {
		t.Errorf("judged by order 626 alone: exit status %d\n%s", s, out)
	}
	if s, out, _ := call(t, "judge", dir, "--regulation", "626", "--row", "25"); s != 0 || !strings.Contains(out, "\n1 rows: 1 pass") {
		t.Errorf("row 25 of order 626: exit status %d\n%s", s, out)
	}
	// The names do not depend on which editions a command is about.
	said, err := callReport(t, dir, "--regulation", "626", "--format", "pdf", "--lang", "kk")
	if err != nil || !strings.HasSuffix(strings.TrimSpace(said), "form-kz-626-2025-kk.pdf") {
		t.Errorf("%s, %v", said, err)
	}
	said, err = callReport(t, dir, "--regulation", "626", "--section", "III", "--format", "json")
	if err != nil || !strings.HasSuffix(strings.TrimSpace(said), "findings-kz-626-2025-section-III.json") {
		t.Errorf("%s, %v", said, err)
	}
}

// Every numbered row of every edition stands in every document once, whatever was run.
func TestEveryRowOfEveryEdition(t *testing.T) {
	dir := aRun(t)
	out := t.TempDir()
	for _, tt := range []struct {
		edition string
		rows    int
	}{{"kz-431-2014", 426}, {"kz-626-2025", 229}, {"kg-9-10-draft", 70}} {
		if _, err := callReport(t, dir, "--regulation", tt.edition, "--section", "all", "--format", "json,junit,html,docx,pdf", "--out", out); err != nil {
			t.Fatalf("%s: %v", tt.edition, err)
		}
		suffix := "-" + tt.edition + "-section-all"
		if r := resultsIn(t, filepath.Join(out, "findings"+suffix+".json")); len(r) != tt.rows {
			t.Errorf("%s: %d rows in findings.json, want %d", tt.edition, len(r), tt.rows)
		}
		for name, mark := range map[string]string{"junit" + suffix + ".xml": "<testcase ", "form" + suffix + ".html": `<tr class="r `} {
			raw, err := os.ReadFile(filepath.Join(out, name))
			if err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(raw, []byte(mark)); n != tt.rows {
				t.Errorf("%s: %d rows, want %d", name, n, tt.rows)
			}
		}
		for _, l := range []string{"ru", "en"} {
			if st, err := os.Stat(filepath.Join(out, "form"+suffix+"-"+l+".docx")); err != nil || st.Size() == 0 {
				t.Errorf("%s in %s: %v", tt.edition, l, err)
			}
		}
	}
	page, err := os.ReadFile(filepath.Join(out, "form-kg-9-10-draft-section-all-ky.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`lang="ky"`, "Талаптар стенддин өз сөздөрү менен берилди", "Бул редакция — долбоор", "Үчүнчү тилке: 70 саптын 0 толтурулган"} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("the Kyrgyz form lacks %q", want)
		}
	}
}

// The authority's own sentences come from an overlay file.
func TestReportWithWording(t *testing.T) {
	dir := aRun(t)
	all, err := catalogues()
	if err != nil {
		t.Fatal(err)
	}
	e, err := regulation.Resolve(all, "431")
	if err != nil {
		t.Fatal(err)
	}
	o := wording.Overlay{Format: 1, Edition: e.ID, Lang: regulation.Kazakh, Source: "act.txt", Digest: strings.Repeat("ab", 32)}
	for _, r := range e.Rows("I") {
		x := wording.Entry{Section: r.Section, Number: r.Number, Digest: r.Digest, State: wording.Matched, Text: "РЕСМИ " + r.Number}
		if r.Number == "7" {
			x.State, x.Text = wording.Missing, ""
		}
		o.Rows = append(o.Rows, x)
	}
	raw, err := o.Encode()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "431.json")
	if err := os.WriteFile(name, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	before := sum(t, filepath.Join(dir, "findings.json"))
	if _, err := callReport(t, dir, "--format", "html,json", "--wording", name); err != nil {
		t.Fatal(err)
	}
	if sum(t, filepath.Join(dir, "findings.json")) != before {
		t.Error("the wording of the act changes the findings")
	}
	kk, err := os.ReadFile(filepath.Join(dir, "form-kk.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"РЕСМИ 27.6", "РЕСМИ 37.4", "Мына жолдардың ресми мәтіні енгізілмеген, олар стендтің өз сөздерімен берілген: 7.", "kk: act.txt, SHA-256 abab"} {
		if !strings.Contains(string(kk), want) {
			t.Errorf("the Kazakh form lacks %q", want)
		}
	}
	ru, err := os.ReadFile(filepath.Join(dir, "form-ru.html"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(ru), "РЕСМИ") || !strings.Contains(string(ru), "Требования изложены словами стенда: официальный текст не загружен.") {
		t.Error("the Russian form has the Kazakh wording, or does not say that its wording is ours")
	}
	if _, err := callReport(t, dir, "--regulation", "626", "--wording", name); err == nil || !strings.Contains(err.Error(), "it is of kz-431-2014, the run was judged by kz-626-2025") {
		t.Errorf("got %v", err)
	}
}

// A form of any part of a record says what it is: cut at a line, in a line, or stopped.
func TestReportOfAnyPrefix(t *testing.T) {
	dir := aRun(t)
	name := filepath.Join(dir, "history.jsonl")
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	full := resultsIn(t, filepath.Join(dir, "findings.json"))
	out := t.TempDir()
	first := bytes.IndexByte(raw, '\n') + 1
	const cuts = 50
	for i := range cuts {
		at := first + (len(raw)-1-first)*i/(cuts-1)
		if err := os.WriteFile(name, raw[:at], 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := callReport(t, dir, "--format", "html,json", "--lang", "en", "--out", out); err != nil {
			t.Fatalf("cut at %d: %v", at, err)
		}
		page, err := os.ReadFile(filepath.Join(out, "form-en.html"))
		if err != nil || !strings.Contains(string(page), "The record breaks off") {
			t.Fatalf("cut at %d: the form does not say that the record breaks off (%v)", at, err)
		}
		if raw[at-1] != '\n' && !strings.Contains(string(page), "half-written") {
			t.Errorf("cut at %d: the form does not tell of the half line", at)
		}
		for row, r := range resultsIn(t, filepath.Join(out, "findings.json")) {
			if r == "pass" && full[row] != "pass" {
				t.Errorf("cut at %d: row %s passes, in the whole record it is %s", at, row, full[row])
			}
		}
	}
	if err := os.WriteFile(name, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := callReport(t, dir); err == nil || !strings.Contains(err.Error(), "no event says what was run") {
		t.Errorf("an empty record: %v", err)
	}
}

func TestLanguagesOfAnEdition(t *testing.T) {
	e := regulation.Edition{ID: "x", Langs: []regulation.Lang{"ky", "ru"}}
	if l, err := languages(e, nil); err != nil || !slices.Equal(l, e.Langs) {
		t.Errorf("%v, %v", l, err)
	}
	if _, err := languages(e, []regulation.Lang{"ru", "kk"}); err == nil || err.Error() != "--lang kk: x has titles in ky, ru" {
		t.Errorf("got %v", err)
	}
}
