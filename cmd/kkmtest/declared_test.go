package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kkmtest/kkmtest/fixtures"
)

// withProfile writes the emulated register's profile with a change.
func withProfile(t *testing.T, pairs ...string) string {
	t.Helper()
	raw, err := fixtures.FS.ReadFile("profiles/section-1.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := string(raw)
	for i := 0; i < len(pairs); i += 2 {
		if strings.Count(s, pairs[i]) != 1 {
			t.Fatalf("%q stands %d times in the profile", pairs[i], strings.Count(s, pairs[i]))
		}
		s = strings.Replace(s, pairs[i], pairs[i+1], 1)
	}
	name := filepath.Join(t.TempDir(), "profile.yaml")
	if err := os.WriteFile(name, []byte(s), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// An undeclared property that a row needs is asked for by name, on the screen and in the form.
func TestUndeclaredIsAskedFor(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	profile := withProfile(t, "sectors: [trading]\n", "", "modernised: false\n", "")
	status, out, stderr := call(t, "run", "--profile", profile, "--row", "17,19.41,30.13,10", "--out", dir)
	if status != 4 {
		t.Errorf("exit status %d, want 4\n%s%s", status, out, stderr)
	}
	for _, want := range []string{
		"? unknown       19.41 ", "for the condition sectors=taxi the profile has to declare: sectors", "- notapplicable 10 ",
		"profile.yaml does not declare sectors: want a line sectors: [trading]; it decides I 19.41, I 30.13",
		"profile.yaml does not declare sectors: want a line sectors: [trading]; it decides R R56.17",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q\n%s", want, out)
		}
	}
	for name, want := range map[string]string{"form-ru.html": "Что нужно указать в профиле устройства", "form.html": "What the device profile has to declare", "findings.json": `"property": "sectors"`} {
		page, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(page), want) {
			t.Errorf("%s lacks %q (%v)", name, want, err)
		}
	}
}

// A register that is not the declared one: the rows that compare with the
// declaration name its line, and so do screen and form.
func TestDeclarationThatTheRecordContradicts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	profile := withProfile(t, "serial: KKM0000777", "serial: KKM0000778", "model: KKMTest Эмулятор-1", "model: Another-9")
	status, out, stderr := call(t, "run", "--profile", profile, "--row", "19.4,19.2", "--out", dir)
	if status != 1 {
		t.Errorf("exit status %d, want 1\n%s%s", status, out, stderr)
	}
	for _, want := range []string{
		"✗ fail          19.4 ", "profile profile.yaml:4 (serial)", "✓ pass          19.2 ",
		"profile.yaml:4 (serial) declares KKM0000778, the record shows KKM0000777 (history ", "profile.yaml:2 (model) declares Another-9, the record shows KKMTest Эмулятор-1",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q\n%s", want, out)
		}
	}
	for name, want := range map[string][]string{
		"form-kk.html":  {"Жазбаға қайшы мәлімдемелер", "Мәлімделген: profile.yaml:4 (serial)"},
		"form.html":     {"Declarations that the record contradicts"},
		"findings.json": {`"line": 4`, `"declared":["profile.yaml:4 (serial)"]`},
	} {
		page, err := os.ReadFile(filepath.Join(dir, name))
		for _, w := range want {
			if err != nil || !strings.Contains(string(page), w) {
				t.Errorf("%s lacks %q (%v)", name, w, err)
			}
		}
	}
}

// A document row without a reference is not checked; with a document that was
// handed over it is met, and the record says by what.
func TestSubmissionOfARun(t *testing.T) {
	papers := t.TempDir()
	manual := []byte("the manual")
	text := fmt.Sprintf(`model: KKMTest Эмулятор-1
documents:
  - {id: manual, title: {kk: Нұсқаулық, ru: Руководство, en: Manual}, file: docs/manual.pdf, sha256: %x}
rows:
  - {row: 31, document: manual, page: 12-14, clause: 4.3.2}
  - {row: 37, edition: kz-626-2025, document: manual, page: 12, clause: "4"}
  - {row: 23, document: manual, page: 40, clause: "9"}
`, sha256.Sum256(manual))
	sub := filepath.Join(papers, "submission.yaml")
	write := func(name string, raw []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(sub, []byte(text))
	write(filepath.Join(papers, "docs", "manual.pdf"), manual)

	dir := filepath.Join(t.TempDir(), "run")
	status, out, stderr := call(t, "run", "--row", "31,23", "--submission", sub, "--out", dir)
	if status != 0 {
		t.Errorf("exit status %d, want 0\n%s%s", status, out, stderr)
	}
	if a, b := resultsIn(t, filepath.Join(dir, "findings.json"))["31"], resultsIn(t, filepath.Join(dir, "findings-kz-626-2025.json"))["37"]; a != "pass" || b != "pass" {
		t.Errorf("row 31 of order 431 %s, row 37 of order 626 %s", a, b)
	}
	if !strings.Contains(out, "third column: 2 of 157 rows filled in") || !strings.Contains(out, "third column: 1 of 100 rows filled in") {
		t.Errorf("the output does not tell how full the third column is\n%s", out)
	}
	for name, want := range map[string][]string{
		"form-kk.html":             {"Нұсқаулық, 12-14 б., 4.3.2-т.", "Нұсқаулық, 40 б., 9-т.", "[document-shown]", "өндірушінің құжатымен көрсетілген"},
		"form-kz-626-2025-en.html": {"Manual, p. 12, cl. 4", "what it says is for the one who signs"},
		"history.jsonl":            {`"kind":"submitted"`, `"kind":"reference"`},
	} {
		page, err := os.ReadFile(filepath.Join(dir, name))
		for _, w := range want {
			if err != nil || !strings.Contains(string(page), w) {
				t.Errorf("%s lacks %q (%v)", name, w, err)
			}
		}
	}
	// The run directory has what it needs: judged again and run again it is the same.
	if s, out, _ := call(t, "judge", dir); s != 0 || !strings.Contains(out, "findings.json: the same, byte for byte") {
		t.Errorf("judged again: exit status %d\n%s", s, out)
	}
	again := filepath.Join(t.TempDir(), "again")
	if s, _, stderr := call(t, "run", "--again", dir, "--out", again); s != 0 || sum(t, filepath.Join(again, "history.jsonl")) != sum(t, filepath.Join(dir, "history.jsonl")) {
		t.Errorf("run again: exit status %d, another record\n%s", s, stderr)
	}

	without := filepath.Join(t.TempDir(), "without")
	if s, out, _ := call(t, "run", "--row", "31", "--out", without); s != 4 || !strings.Contains(out, "· notchecked    31 ") {
		t.Errorf("without a submission: exit status %d\n%s", s, out)
	}
	nofile := filepath.Join(t.TempDir(), "nofile")
	write(sub, []byte(strings.Replace(text, ", file: docs/manual.pdf, sha256: "+fmt.Sprintf("%x", sha256.Sum256(manual)), "", 1)))
	if s, _, _ := call(t, "run", "--row", "31", "--submission", sub, "--out", nofile); s != 4 || resultsIn(t, filepath.Join(nofile, "findings.json"))["31"] != "notchecked" {
		t.Errorf("a reference without a file: exit status %d", s)
	}
	write(sub, []byte(text))
	write(filepath.Join(papers, "docs", "manual.pdf"), []byte("another manual"))
	gone := filepath.Join(t.TempDir(), "gone")
	if s, _, stderr := call(t, "run", "--submission", sub, "--out", gone); s != 2 || !strings.Contains(stderr, "submission.yaml:3:6: document manual: docs/manual.pdf has SHA-256") {
		t.Errorf("a changed document: exit status %d, %s", s, stderr)
	}
	if _, err := os.Stat(gone); err == nil {
		t.Error("a run was begun with a document that is not the submitted one")
	}
}

// Known deviations do not count, new ones and those that have gone do.
func TestExpectedDeviations(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if s, out, _ := call(t, "run", "--row", "31,23", "--out", dir); s != 4 {
		t.Fatalf("exit status %d\n%s", s, out)
	}
	file := filepath.Join(t.TempDir(), "expected.yaml")
	for _, tt := range []struct {
		name, text string
		status     int
		say        string
	}{
		{"all are known", "deviations:\n  - {row: 31, result: notchecked, reason: the manual comes later}\n  - {row: 37, edition: \"626\", result: notchecked, reason: it too}\n", 0, "expected: 31 notchecked: the manual comes later"},
		{"one is not", "deviations:\n  - {row: 31, result: notchecked, reason: later}\n", 4, ""},
		{"one has gone", "deviations:\n  - {row: 23, reason: was slow}\n", 1, "gone: " + file + ":2:6: row 23 was expected to be fail and is pass"},
		{"a row that is none", "deviations:\n  - {row: 230, reason: x}\n", 2, `expected.yaml:2:6: row "230": edition kz-431-2014 has no such row`},
	} {
		if err := os.WriteFile(file, []byte(tt.text), 0o644); err != nil {
			t.Fatal(err)
		}
		s, out, stderr := call(t, "judge", dir, "--expected", file)
		if s != tt.status || !strings.Contains(out+stderr, tt.say) {
			t.Errorf("%s: exit status %d, want %d and %q\n%s%s", tt.name, s, tt.status, tt.say, out, stderr)
		}
	}
}
