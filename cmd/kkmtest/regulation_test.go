package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kkmtest/kkmtest/bench/campaign"
	"github.com/kkmtest/kkmtest/bench/regulation"
)

// regulationCmd runs a subcommand and gives what it printed.
func regulationCmd(args ...string) (string, error) {
	var out bytes.Buffer
	c := newRegulationCmd()
	c.SetArgs(args)
	c.SetOut(&out)
	c.SetErr(&out)
	c.SilenceUsage, c.SilenceErrors = true, true
	err := c.Execute()
	return out.String(), err
}

// The shipped catalogues fit the checks and the profile fields of this build.
func TestRegulationLint(t *testing.T) {
	out, err := regulationCmd("lint")
	if err != nil || !strings.Contains(out, "3 editions, 725 rows,") || !strings.HasSuffix(out, ": 0 problems\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestRegulationCommands(t *testing.T) {
	tests := []struct {
		args string
		want []string
	}{
		{"list", []string{"kz-431-2014     repealed  426 rows (I 157, II 133, III 136)", "kz-626-2025     in-force  229 rows (I 78, II 50, III 79, R 22)", "kg-9-10-draft   draft      70 rows"}},
		{"list 431 --section I --lang ru", []string{"27.6    offline.cutoff      После 72 часов автономной работы"}},
		{"show 27.6 --lang kk", []string{"KZ 431 I 27.6\n", "title        kk  Автономды жұмыс 72 сағаттан асса", "parameters   limit=72h", "counterparts III:93.6", "place        kz-431-2014/section-I.tsv:"}},
		{"show 27.6 --edition 431 --lang en", []string{"evidence     ", "limit=72h: ", "stimulus     offline/cutoff: ", "1. begin:", "tolerance    nearLimit 5m0s: ", "mutant       cutoff-late: "}},
		{"show 31 --edition 431 --lang ru", []string{"judged       by a document that the manufacturer hands over"}},
		{"show 20.25 --lang en", []string{"KZ 431 I 20.25 (printed 20.26)"}},
		{"show R56.14 --edition 626", []string{"KZ 626 R R56.14", "predecessor  30.10, 60.10, 96.10"}},
		{"coverage 431", []string{"kz-431-2014 I: 157 rows,", "offline.cutoff      27.6", "kz-431-2014 III: 135 rows"}},
		{"diff 431 626", []string{"new       7\n", "dropped   97\n", "changed   35 -> 41  (text)", "old findings that no longer count: "}},
	}
	for _, tt := range tests {
		out, err := regulationCmd(strings.Fields(tt.args)...)
		if err != nil {
			t.Errorf("%s: %v", tt.args, err)
		}
		if m := regexp.MustCompile(`no longer count: ([0-9]+) rows: (.*)\n$`).FindStringSubmatch(out); strings.HasPrefix(tt.args, "diff") && (m == nil || fmt.Sprint(len(strings.Split(m[2], ", "))) != m[1] || !strings.Contains(", "+m[2]+",", ", 27.5,") || strings.Contains(", "+m[2]+",", ", 27.6,")) {
			t.Errorf("%s: the lost findings are %q, want as many as are counted, 27.5 among them and 27.6 not", tt.args, m)
		}
		for _, w := range tt.want {
			if !strings.Contains(out, w) {
				t.Errorf("%s: no %q in\n%s", tt.args, w, out)
			}
		}
	}
}

func TestRegulationJSON(t *testing.T) {
	for _, args := range []string{"list --json", "list 626 --json", "show 27.6 --json", "lint --json", "coverage --json", "diff 431 626 --json"} {
		out, err := regulationCmd(strings.Fields(args)...)
		var v []any
		if err != nil || json.Unmarshal([]byte(out), &v) != nil {
			t.Errorf("%s: %v, not a JSON list:\n%.200s", args, err, out)
		}
		if args == "list 626 --json" && len(v) != 247 {
			t.Errorf("%s: %d lines of the form, want 247", args, len(v))
		}
	}
}

// Which findings of a run no longer count under the newer order.
func TestRegulationDiffWithFindings(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if s, out, _ := call(t, "run", "--row", "13,23,27.5,35", "--out", dir); s == 2 {
		t.Fatal(out)
	}
	out, err := regulationCmd("diff", "431", "626", "--findings", dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"no longer counts: 27.5 pass\n", "no longer counts: 35 pass\n", "\n2 of 4 findings no longer count\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "no longer counts: 23") {
		t.Error("row 23 is the same in both orders, and its finding is lost")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "findings.json"))
	if err != nil {
		t.Fatal(err)
	}
	// The row was judged by a revision of the catalogue that is not this one.
	all, err := catalogues()
	if err != nil {
		t.Fatal(err)
	}
	r, err := all[slices.IndexFunc(all, func(e regulation.Edition) bool { return e.ID == "kz-431-2014" })].Find("23")
	if err != nil {
		t.Fatal(err)
	}
	stale := filepath.Join(t.TempDir(), "stale.json")
	if err := os.WriteFile(stale, bytes.Replace(raw, []byte(r.Digest), []byte(strings.Repeat("0", 64)), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err = regulationCmd("diff", "431", "626", "--findings", stale)
	if err != nil || !strings.Contains(out, "continued 23 -> 25  (judged by another revision)\n") || !strings.Contains(out, "no longer counts: 23 pass\n") {
		t.Errorf("%v\n%s", err, out)
	}
	bad := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(bad, []byte("{\n  \"edition\": 1}"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range [][2]string{
		{bad, "bad.json:2:"}, {filepath.Join(dir, "findings-kz-626-2025.json"), `it is of edition "kz-626-2025": want findings of kz-431-2014`},
		{filepath.Join(dir, "none.json"), "--findings: open"},
	} {
		if _, err := regulationCmd("diff", "431", "626", "--findings", tt[0]); err == nil || !strings.Contains(err.Error(), tt[1]) {
			t.Errorf("%s: got %v, want %s", tt[0], err, tt[1])
		}
	}
}

func TestRegulationErrors(t *testing.T) {
	spoilt := t.TempDir()
	if err := os.CopyFS(spoilt, os.DirFS("../../fixtures/regulations")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(spoilt, "kz-431-2014", "section-I.tsv")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.Replace(raw, []byte("offline.cutoff"), []byte("offline.cutof"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(spoilt, "letter.txt")
	if err := os.WriteFile(text, []byte("Dear laboratory\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"show", "27.66"}, campaign.BadCall, `row "27.66" does not stand in`},
		{[]string{"show", "27.6", "--edition", "999"}, campaign.BadCall, `edition "999": want one of kg-9-10-draft, kz-431-2014, kz-626-2025`},
		{[]string{"show", "27.6", "--lang", "ky"}, campaign.BadCall, "no edition with row 27.6 has texts in ky"},
		{[]string{"list", "kz"}, campaign.BadCall, `edition "kz": want one of`},
		{[]string{"list", "431", "--lang", "ky"}, campaign.BadCall, "--lang ky: kz-431-2014 has titles in kk, ru, en"},
		{[]string{"list", "431", "--section", "IV"}, campaign.BadCall, `kz-431-2014 has no section "IV"`},
		{[]string{"diff", "626", "431"}, campaign.BadCall, "kz-431-2014 does not continue kz-626-2025"},
		{[]string{"lint", spoilt}, campaign.BadCall, `row 27.6: check "offline.cutof" is not known: want one of offline.cutoff`},
		{[]string{"import", "--edition", "431", text}, campaign.BadCall, "letter.txt has 0 of 426 numbers of kz-431-2014"},
		{[]string{"import", text}, campaign.BadCall, `required flag(s) "edition" not set`},
	}
	for _, tt := range tests {
		out, err := regulationCmd(tt.args...)
		var done result
		status := campaign.BadCall // what main makes of an error
		if errors.As(err, &done) {
			status = int(done)
		}
		if err == nil || status != tt.status || !strings.Contains(out+err.Error(), tt.want) {
			t.Errorf("%v: %v, status %d\n%swant %s", tt.args, err, status, out, tt.want)
		}
	}
	if _, err := os.Stat(filepath.Join(spoilt, "letter.wording.json")); err == nil {
		t.Error("a refused import wrote an overlay")
	}
}
