package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// callReport calls the command in this process.
func callReport(t *testing.T, args ...string) (string, error) {
	t.Helper()
	c := reportCommand()
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetErr(&out)
	c.SilenceUsage, c.SilenceErrors = true, true
	c.SetArgs(args)
	err := c.Execute()
	return out.String(), err
}

// aRun is a run directory with a few rows of section I.
func aRun(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	if status, out, err := call(t, "run", "--regulation", "431", "--row", "4,5,23", "--out", dir); status != 0 {
		t.Fatalf("exit %d\n%s%s", status, out, err)
	}
	return dir
}

func TestReport(t *testing.T) {
	dir := aRun(t)
	out := filepath.Join(t.TempDir(), "papers")
	said, err := callReport(t, dir, "--format", "docx,pdf,html,junit,json", "--lang", "kk,en", "--out", out, "--request", "17/26")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"findings.json", "form-en.docx", "form-en.html", "form-en.pdf", "form-kk.docx", "form-kk.html", "form-kk.pdf", "form.html", "junit.xml"}
	var got []string
	entries, err := os.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		got = append(got, e.Name())
		if !strings.Contains(said, filepath.Join(out, e.Name())) {
			t.Errorf("%s was written and not said", e.Name())
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, name := range []string{"findings.json", "junit.xml"} { // the same as the run wrote
		a, errA := os.ReadFile(filepath.Join(dir, name))
		b, errB := os.ReadFile(filepath.Join(out, name))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs from the run's own (%v, %v)", name, errA, errB)
		}
	}
	sheet, err := os.ReadFile(filepath.Join(out, "form-en.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"17/26", "In force now", "This form says nothing about a real device"} {
		if !strings.Contains(string(sheet), want) {
			t.Errorf("form-en.html lacks %q", want)
		}
	}
}

// The statement for supply chain tools names the record by its digest.
func TestReportStatement(t *testing.T) {
	dir := aRun(t)
	out := t.TempDir()
	if _, err := callReport(t, dir, "--format", "intoto", "--out", out); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(out, "statement.intoto.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"name":"history.jsonl","digest":{"sha256":"` + sum(t, filepath.Join(dir, "history.jsonl")), `"passedTests":["I 4","I 5","I 23"]`, `"result":"PASSED"`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("no %s in\n%s", want, raw)
		}
	}
}

// A record that broke off still reports, and says so on top.
func TestReportOfABrokenRun(t *testing.T) {
	dir := aRun(t)
	name := filepath.Join(dir, "history.jsonl")
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, raw[:len(raw)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := callReport(t, dir, "--format", "html", "--lang", "ru"); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"form.html", "form-ru.html"} {
		page, err := os.ReadFile(filepath.Join(dir, f))
		if err != nil {
			t.Fatal(err)
		}
		if s := string(page); !strings.Contains(s, "Запись испытания обрывается") || !strings.Contains(s, "дописана не до конца") {
			t.Errorf("%s does not say that the record broke off", f)
		}
	}
}

// report --submission fills the third column and changes no verdict.
func TestReportWithSubmission(t *testing.T) {
	dir := aRun(t)
	before := sum(t, filepath.Join(dir, "findings.json"))
	sub := filepath.Join(dir, "submission.yaml") // taken up without being named
	text := "documents:\n  - {id: manual, title: Руководство}\nrows:\n  - {row: 23, document: manual, page: 4, clause: 2.1}\n"
	if err := os.WriteFile(sub, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := callReport(t, dir, "--format", "html,json", "--lang", "ru"); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "form-ru.html"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "Руководство, с. 4, п. 2.1") || !strings.Contains(string(page), "Третья графа: заполнено 1 из 157") {
		t.Error("the submission is not in the form")
	}
	if sum(t, filepath.Join(dir, "findings.json")) != before {
		t.Error("the findings depend on a submission that is not in the record")
	}
	for _, tt := range []struct{ old, new, want string }{
		{"row: 23", "row: 230", `submission.yaml:4:6: row "230": edition kz-431-2014 has no such row`},
		{"documents:", "model: Other\ndocuments:", `submission.yaml:1:8: model "Other": the device profile is of`},
		{"documents:", "edition: kz-626-2025\ndocuments:", "it refers to no row of kz-431-2014"},
		{"title: Руководство", "title: Руководство, file: m.pdf, sha256: " + strings.Repeat("0", 64), "submission.yaml:2:6: document manual: open m.pdf"},
	} {
		if err := os.WriteFile(sub, []byte(strings.Replace(text, tt.old, tt.new, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := callReport(t, dir); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.new, err, tt.want)
		}
	}
}

func TestReportRefuses(t *testing.T) {
	dir := aRun(t)
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"format", []string{dir, "--format", "odt"}, `--format: format "odt": want one of docx, pdf, html, junit, json, intoto`},
		{"language", []string{dir, "--lang", "de"}, `--lang: language "de": want one of kk, ru, en`},
		{"language of another country", []string{dir, "--lang", "ky"}, "--lang ky: kz-431-2014 has titles in kk, ru, en"},
		{"wording that is none", []string{dir, "--wording", filepath.Join(dir, "run.yaml")}, "want a file that regulation import wrote"},
		{"a key that is none", []string{dir, "--format", "intoto", "--key", filepath.Join(dir, "run.yaml")}, "no PEM block"},
		{"a key for nothing", []string{dir, "--format", "pdf", "--key", "k.pem"}, "--key k.pem: only --format intoto is signed"},
		{"no wording", []string{dir, "--wording", filepath.Join(dir, "none.json")}, "--wording: open"},
		{"no run", []string{filepath.Join(dir, "nothing")}, "nothing"},
		{"submission", []string{dir, "--submission", filepath.Join(dir, "none.yaml")}, "--submission: open"},
		{"edition", []string{dir, "--regulation", "kz-1"}, "kz-1"},
		{"no argument", nil, "accepts 1 arg"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := callReport(t, tt.args...); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
