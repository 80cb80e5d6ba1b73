package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kkmtest/kkmtest/bench/campaign"
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
