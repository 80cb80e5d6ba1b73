package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kkmtest/kkmtest/simulators/kkm"
)

// kkmtest is the path of the built program: exit statuses hold for it and not for go run.
var kkmtest string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "kkmtest-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		kkmtest = filepath.Join(dir, "kkmtest")
		if out, err := exec.Command("go", "build", "-o", kkmtest, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// call runs it in a directory of its own.
func call(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	cmd := exec.Command(kkmtest, args...)
	cmd.Dir = t.TempDir()
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	e := cmd.Run()
	var exit *exec.ExitError
	if e != nil && !errors.As(e, &exit) {
		t.Fatal(e)
	}
	return cmd.ProcessState.ExitCode(), out.String(), err.String()
}

func sum(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(raw))
}

// The whole campaign against the conforming register: what the product is for.
func TestWholeRun(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a")
	status, out, stderr := call(t, "run", "--out", dir)
	if status != 4 && status != 0 {
		t.Fatalf("exit status %d, want 4 while some rows have no check, or 0\n%s\n%s", status, stderr, out)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for i, want := range []string{"kz-431-2014: 157 rows: ", "kz-626-2025: 100 rows: "} { // every Kazakh edition that has section I
		if l := lines[len(lines)-2+i]; !strings.HasPrefix(l, want) || !strings.Contains(l, ", 0 fail, 0 error,") {
			t.Errorf("line %q: want %s without fail and error\n%s", l, want, out)
		}
	}
	if n := strings.Count(out, "step "); n != 0 {
		t.Errorf("%d steps lacked their preconditions\n%s", n, out)
	}
	for _, f := range []string{"run.yaml", "profile.yaml", "history.jsonl", "capture.pcapng", "findings.json", "junit.xml", "form.html", "form-kk.docx", "form-ru.pdf", "form-en.html",
		"findings-kz-626-2025.json", "junit-kz-626-2025.xml", "form-kz-626-2025.html", "form-kz-626-2025-kk.docx", "form-kz-626-2025-ru.pdf", "form-kz-626-2025-en.html"} {
		if st, err := os.Stat(filepath.Join(dir, f)); err != nil || st.Size() == 0 {
			t.Errorf("%s is missing or empty (%v)", f, err)
		}
	}

	t.Run("judged again the findings are the same", func(t *testing.T) {
		again := filepath.Join(t.TempDir(), "again.json")
		s, out, stderr := call(t, "judge", dir, "--findings", again)
		if s != status || !strings.Contains(out, "findings.json: the same, byte for byte") {
			t.Errorf("exit status %d, want %d, and the same findings\n%s%s", s, status, out, stderr)
		}
		if sum(t, again) != sum(t, filepath.Join(dir, "findings.json")) {
			t.Error("the findings differ")
		}
		if !strings.Contains(out, "findings-kz-626-2025.json: the same, byte for byte") || sum(t, strings.TrimSuffix(again, ".json")+"-kz-626-2025.json") != sum(t, filepath.Join(dir, "findings-kz-626-2025.json")) {
			t.Error("the findings of the second edition differ")
		}
	})

	t.Run("the same seed gives the same record", func(t *testing.T) {
		other := filepath.Join(t.TempDir(), "b")
		call(t, "run", "--out", other)
		for _, f := range []string{"history.jsonl", "capture.pcapng", "findings.json", "run.yaml"} {
			if sum(t, filepath.Join(dir, f)) != sum(t, filepath.Join(other, f)) {
				t.Errorf("%s differs between two runs with one seed", f)
			}
		}
	})

	t.Run("another seed gives another record and the same results", func(t *testing.T) {
		other := filepath.Join(t.TempDir(), "c")
		s, out2, _ := call(t, "run", "--out", other, "--seed", "2")
		lines2 := strings.Split(strings.TrimSpace(out2), "\n")
		if s != status || !slices.Equal(lines2[len(lines2)-2:], lines[len(lines)-2:]) {
			t.Errorf("seed 2: exit status %d, %q\nseed 1: exit status %d, %q", s, lines2[len(lines2)-2:], status, lines[len(lines)-2:])
		}
		if sum(t, filepath.Join(dir, "history.jsonl")) == sum(t, filepath.Join(other, "history.jsonl")) {
			t.Error("the seed changes nothing")
		}
	})

	t.Run("an unfinished last line is recovered and said", func(t *testing.T) {
		raw, err := os.ReadFile(filepath.Join(dir, "history.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		torn := filepath.Join(t.TempDir(), "torn")
		if err := os.CopyFS(torn, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(torn, "history.jsonl"), raw[:len(raw)-20], 0o644); err != nil {
			t.Fatal(err)
		}
		s, _, stderr := call(t, "judge", torn)
		if s != status || !strings.Contains(stderr, "the last line was not finished") {
			t.Errorf("exit status %d, want %d, and a word about the last line\n%s", s, status, stderr)
		}
	})

	t.Run("a changed byte breaks the chain", func(t *testing.T) {
		raw, err := os.ReadFile(filepath.Join(dir, "history.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		bent := filepath.Join(t.TempDir(), "bent")
		if err := os.CopyFS(bent, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		raw[len(raw)/2+bytes.Index(raw[len(raw)/2:], []byte(`"body":{`))+len(`"body":{`)] ^= 1
		if err := os.WriteFile(filepath.Join(bent, "history.jsonl"), raw, 0o644); err != nil {
			t.Fatal(err)
		}
		if s, _, stderr := call(t, "judge", bent); s != 2 || !strings.Contains(stderr, "chain broken") {
			t.Errorf("exit status %d, want 2 and the chain broken\n%s", s, stderr)
		}
	})

	t.Run("the capture can be read", func(t *testing.T) {
		s, out, stderr := call(t, "dissect", filepath.Join(dir, "capture.pcapng"))
		if s != 0 || !strings.Contains(out, "request TICKET") || !strings.Contains(out, "answer CLOSE_SHIFT") {
			t.Errorf("exit status %d\n%s\n%.2000s", s, stderr, out)
		}
	})
}

func TestExitStatus(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args string
		want int
		says string // on stderr, or on stdout where want is not 2
	}{
		{"judged rows only", "run --row 23,27.6", 0, "2 rows: 2 pass"},
		{"a row that a document shows, and none was handed over", "run --row 31", 4, "1 notchecked"},
		{"a check", "run --check latency.online", 0, "1 rows: 1 pass"},
		{"a pattern of checks", "run --check offline.*", 0, " 0 fail, 0 error, 0 unknown"},
		{"an unknown row", "run --row 99.9", 2, "99.9"},
		{"an unknown check", "run --check offline.nonsense", 2, "offline.nonsense"},
		{"a selection that selects nothing", "run --row 23 --check offline.cutoff", 2, "select no row"},
		{"an unknown edition", "run --regulation kz-1999", 2, "want one of"},
		{"an unknown section", "run --section IV", 2, "IV"},
		{"an unknown scheme", "run --device usb:1", 2, `scheme "usb": want emulated:`},
		{"an unknown protocol", "run --device serial:///dev/ttyS99?protocol=shtrih", 2, `protocol "shtrih": want one of shtrih-m`},
		{"an unknown built-in register", "run --device emulated:?profile=nonsense", 2, "want one of section-1"},
		{"a missing profile", "run --profile nowhere.yaml", 2, "nowhere.yaml"},
		{"an unknown mutant", "run --mutant nonsense", 2, "no such mutant; want one of"},
		{"a mutant of a real register", "run --device serial:///dev/ttyS99?protocol=shtrih-m --mutant x", 2, "only the emulated register has mutants"},
		{"an unknown kind of output", "run --ui loud", 2, "want plain or json"},
		{"an unknown language", "run --lang de", 2, "want one of kk, ru, en"},
		{"an unknown time", "run --time slow", 2, "want simulated or real"},
		{"a register outside in simulated time", "run --device serial:///dev/ttyS99?protocol=shtrih-m --time simulated", 2, "does not go with"},
		{"a port that is not there", "run --device serial:///dev/nowhere?protocol=shtrih-m --ofd-listen 127.0.0.1:0", 2, "/dev/nowhere"},
		{"an address that cannot be listened on", "run --device serial+tcp://127.0.0.1:1?protocol=shtrih-m --ofd-listen 192.0.2.1:1", 2, "--ofd-listen 192.0.2.1:1"},
		{"an unknown flag", "run --speed 9", 2, "unknown flag: --speed"},
		{"an unknown command", "rum", 2, `unknown command "rum"`},
		{"a superfluous word", "run now", 2, "now"},
		{"a run that is not there", "judge nowhere", 2, "nowhere"},
		{"an unknown mutant in the self-test", "selftest --mutant nonsense", 2, "no such mutant"},
		{"an unknown control line", "kkm --host usb", 2, "want pty, tcp:ADDR or http:ADDR"},
		{"an OFD without a port", "kkm --ofd nowhere", 2, "want host:port"},
		{"an OFD without registers", "ofd --http none", 2, "want --device"},
		{"a register without a number", "ofd --device token=1", 2, "want id=NUMBER"},
		{"a file of another kind", "dissect x.txt", 2, "x.txt"},
		{"help", "run --help", 0, "Usage:"},
		{"version", "version", 0, "edition kz-431-2014"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, out, stderr := call(t, strings.Fields(tt.args)...)
			said := out
			if tt.want == 2 {
				said = stderr
			}
			if got != tt.want || !strings.Contains(said, tt.says) {
				t.Errorf("kkmtest %s: exit status %d, want %d and %q\n%s%s", tt.args, got, tt.want, tt.says, stderr, out)
			}
		})
	}
}

func TestProfileWithATypo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "profile.yaml")
	raw, err := os.ReadFile("../../fixtures/profiles/section-1.yaml")
	if err != nil {
		t.Fatal(err)
	}
	raw = bytes.Replace(raw, []byte("protocol: shtrih-m"), []byte("protocol: shtrih"), 1)
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	if s, _, stderr := call(t, "run", "--profile", path); s != 2 || !strings.Contains(stderr, path+":") || !strings.Contains(stderr, "shtrih-m") {
		t.Errorf("exit status %d: want 2, the place and the cure\n%s", s, stderr)
	}
}

// A mutant must be failed on the row of its check; the self-test does this for all.
func TestMutantIsFailed(t *testing.T) {
	t.Parallel()
	s, out, _ := call(t, "run", "--check", "offline.mark", "--mutant", "mark-absent", "--ui", "json")
	if s != 1 {
		t.Fatalf("exit status %d, want 1\n%s", s, out)
	}
	failed := false
	for line := range strings.Lines(out) {
		var r rowLine
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%q is not JSON: %v", line, err)
		}
		failed = failed || r.Event == "row" && r.Row == "27.5" && r.Result.String() == "fail" && r.Got != "" && r.Want != "" && len(r.Events) > 0
	}
	if !failed {
		t.Errorf("row 27.5 is not failed with want, got and events\n%s", out)
	}
}

func TestDissectHex(t *testing.T) {
	t.Parallel()
	tests := []struct{ file, want string }{
		{"07-req-sale-cash.hex", "request TICKET version 2.0.4"},
		{"08-resp-sale-cash.hex", "answer TICKET version 2.0.4"},
		{"02-resp-system.hex", "answer SYSTEM version 2.0.4"},
		{"50-req-sale-124.hex", "request TICKET version 1.2.4"},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			path, err := filepath.Abs("../../fixtures/vectors/cpcr/" + tt.file)
			if err != nil {
				t.Fatal(err)
			}
			if s, out, stderr := call(t, "dissect", path); s != 0 || !strings.HasPrefix(out, tt.want) {
				t.Errorf("exit status %d, want 0 and %q\n%s%s", s, tt.want, stderr, out)
			}
		})
	}
	t.Run("a frame that ends too early is named by its class", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "short.hex")
		if err := os.WriteFile(path, []byte("a281cc00 fc010000"), 0o644); err != nil {
			t.Fatal(err)
		}
		if s, out, _ := call(t, "dissect", path); s != 1 || !strings.Contains(out, "ERR_HEADER_SHORT") {
			t.Errorf("exit status %d\n%s", s, out)
		}
	})
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// The page that is handed round must know every mutant and miss none. What is
// in it is proved by kkmtest selftest, which CI runs and which writes it.
func TestDetectionMatrixIsWhole(t *testing.T) {
	page := string(mustRead(t, "../../docs/detection-matrix.md"))
	if strings.Contains(page, "**none**") || strings.Contains(page, "FAILS") {
		t.Error("the page shows a mutant that lives or a conforming register that fails")
	}
	rows := 0
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "| ") {
			rows++
		}
	}
	list := kkm.Mutants()
	if rows != len(list)+1 { // and the head of the table
		t.Errorf("the page has %d mutants, there are %d: write it again with kkmtest selftest --matrix docs/detection-matrix.md", rows-1, len(list))
	}
	for _, m := range list {
		if want := fmt.Sprintf("| %s | %s | %s |", m.Name, m.Defect, strings.Join(m.Caught, ", ")); !strings.Contains(page, want) {
			t.Errorf("the page does not have %q: write it again with kkmtest selftest --matrix docs/detection-matrix.md", want)
		}
	}
}
