package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Section I goes through an operator's cards: a robot stands at the keys of the
// emulated register and answers, and its answers, written down, serve as the script
// of a second run. Each row ends as over the host line, but for the time that a hand
// cannot measure well enough.
func TestOperatorJourney(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	answers := filepath.Join(dir, "answers.yaml")
	results := map[string][]struct{ Row, Check, Result string }{}
	for _, c := range []struct {
		name string
		args []string
	}{
		{"host", []string{"--device", "emulated:"}},
		{"robot", []string{"--device", "operator:?robot=section-1&lang=kk&record=" + answers}},
		{"script", []string{"--device", "operator:?robot=section-1", "--script", answers}},
	} {
		out := filepath.Join(dir, c.name)
		status, said, stderr := call(t, append([]string{"run", "--out", out}, c.args...)...)
		if status != 4 { // rows without a check stay open
			t.Fatalf("%s: exit status %d\n%s%s", c.name, status, stderr, said)
		}
		var f findings
		readJSON(t, filepath.Join(out, "findings.json"), &f)
		results[c.name] = f.Rows
	}
	judged := 0
	for i, host := range results["host"] {
		if host.Result == "pass" {
			judged++
		}
		for _, how := range []string{"robot", "script"} {
			got := results[how][i]
			want := host
			if host.Check == "latency.online" {
				want.Result = "unknown"
			}
			if got != want {
				t.Errorf("%s: %+v, want %+v", how, got, want)
			}
		}
	}
	if judged < 50 {
		t.Errorf("only %d rows were judged", judged)
	}
	record := string(mustRead(t, filepath.Join(dir, "robot", "history.jsonl")))
	for _, want := range []string{`"kind":"prompt"`, `"kind":"answer"`, `"person":"robot"`, `"origin":"operator"`, "Сатыңыз"} {
		if !strings.Contains(record, want) {
			t.Errorf("the record has no %s", want)
		}
	}
	if n := strings.Count(record, `"kind":"prompt"`); n != strings.Count(record, `"kind":"answer"`) {
		t.Errorf("%d cards, %d answers", n, strings.Count(record, `"kind":"answer"`))
	}
}

// A mistake in the call or the script ends before anybody is asked.
func TestOperatorBadInput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(bad, []byte("person: A\nanswers:\n  - for: a/1/1\n    got: ok\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--device", "operator:?lang=de"}, "want kk, ru or en"},
		{[]string{"--device", "operator:?lnag=kk"}, `parameter "lnag"`},
		{[]string{"--device", "operator://desk"}, "want operator:"},
		{[]string{"--device", "operator:?robot=nobody"}, "no such built-in profile"},
		{[]string{"--device", "operator:", "--script", filepath.Join(dir, "absent.yaml")}, "absent.yaml"},
		{[]string{"--device", "operator:", "--script", bad}, "bad.yaml:3:5"},
		{[]string{"--device", "emulated:", "--script", bad}, "want --device operator:"},
		{[]string{"--device", "operator:?record=" + bad}, "want a new name"},
		{[]string{"--device", "exec:/bin/sh"}, "--allow-exec"},
	} {
		out := filepath.Join(dir, "out")
		status, _, stderr := call(t, append([]string{"run", "--out", out}, c.args...)...)
		if status != 2 || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: exit status %d, %s, want %q", c.args, status, stderr, c.want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%q: a run directory was made", c.args)
		}
	}
}
