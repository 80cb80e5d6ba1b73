package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// journey runs section I against a device and returns the results of its rows.
func journey(t *testing.T, dir, name string, args ...string) []struct{ Row, Check, Result string } {
	t.Helper()
	out := filepath.Join(dir, name)
	status, said, stderr := call(t, append([]string{"run", "--regulation", "kz-431-2014", "--out", out}, args...)...)
	if status != 4 { // rows without a check stay open
		t.Fatalf("%s: exit status %d\n%s%s", name, status, stderr, said)
	}
	var f findings
	readJSON(t, filepath.Join(out, "findings.json"), &f)
	return f.Rows
}

// alike holds the results of another way to the register against those over the
// host line: what passes there passes here or stays open, never more than so many
// rows stay open, and nothing fails.
func alike(t *testing.T, name string, host, other []struct{ Row, Check, Result string }, open int) {
	t.Helper()
	if len(host) != len(other) || len(host) == 0 {
		t.Fatalf("%s: %d rows, %d over the host line", name, len(other), len(host))
	}
	judged, left := 0, 0
	for i := range host {
		a, b := host[i], other[i]
		if a.Result == "pass" {
			judged++
		}
		switch {
		case a == b:
		case a.Row == b.Row && a.Result != "fail" && b.Result == "unknown":
			left++
		default:
			t.Errorf("%s: %+v, over the host line %+v", name, b, a)
		}
	}
	if judged < 50 || left > open {
		t.Errorf("%s: %d rows pass over the host line, %d of them stay open here, at most %d may", name, judged, left, open)
	}
}

// Section I goes through an operator's cards: a robot stands at the keys of the
// emulated register and answers, and its answers, written down, serve as the script
// of a second run. What a hand cannot do or measure well enough stays open: the time of a
// receipt, paper taken away within a second.
func TestOperatorJourney(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	answers := filepath.Join(dir, "answers.yaml")
	host := journey(t, dir, "host")
	alike(t, "robot", host, journey(t, dir, "robot", "--device", "operator:?robot=section-1&lang=kk&record="+answers), 14)
	alike(t, "script", host, journey(t, dir, "script", "--device", "operator:?robot=section-1", "--script", answers), 14)
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

// Section I over HTTP: what the interface has no call for stays open, and nothing fails.
func TestHTTPJourney(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	alike(t, "webkassa", journey(t, dir, "host"), journey(t, dir, "http", "--device", "emulated:?protocol=webkassa"), 45)
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
