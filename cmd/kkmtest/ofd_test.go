package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// runOFD runs kkmtest ofd until use returns, and ends it as Ctrl-C does.
func runOFD(t *testing.T, use func(cpcr, http string), args ...string) (status int, stderr string) {
	t.Helper()
	cmd := exec.Command(kkmtest, append([]string{"ofd", "--listen", "127.0.0.1:0"}, args...)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	first, err := bufio.NewReader(out).ReadString('\n')
	m := regexp.MustCompile(`^ofd listening cpcr=(127\.0\.0\.1:\d+) http=(127\.0\.0\.1:\d+|-)\n$`).FindStringSubmatch(first)
	if m == nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		t.Fatalf("first line %q, %v: %s", first, err, &said)
	}
	use(m[1], m[2])
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), said.String()
}

// The contract of the ready line, registers from the three places, the state
// between two lives, and the end: a rule that never acted is named, status 3.
func TestOFD(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	devices := file("devices.yaml", "- {id: 2, token: 7, taxpayer: {name: TOO Example, bin: \"123456789012\", address: Astana}}\n")
	script := file("script.yaml", "rules:\n  - {name: quiet, do: {silent: true}}\n  - {name: told, at: 0s, do: {tell: [{type: OFD, text: x}]}}\n")
	state := filepath.Join(dir, "state")
	get := func(url string) string {
		r, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Body.Close() }()
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	status, stderr := runOFD(t, func(_, at string) {
		all := get("http://" + at + "/api/devices")
		for _, want := range []string{`"id":1`, `"token":4000000001`, `"id":2`, `"TOO Example"`} {
			if !strings.Contains(all, want) {
				t.Errorf("no %s in %s", want, all)
			}
		}
	}, "--device", "id=1,token=4000000001,name=ТОО «А»,sector=taxi", "--devices", devices, "--script", script, "--state", state)
	if status != 3 || !strings.Contains(stderr, `rule "quiet" never acted`) || strings.Contains(stderr, `rule "told"`) {
		t.Errorf("status %d, want 3: %s", status, stderr)
	}
	status, stderr = runOFD(t, func(_, at string) {
		if all := get("http://" + at + "/api/devices"); !strings.Contains(all, `"id":1`) || !strings.Contains(all, "ТОО «А»") {
			t.Errorf("after a new start: %s", all)
		}
	}, "--state", state)
	if status != 0 {
		t.Errorf("status %d: %s", status, stderr)
	}
	if status, stderr = runOFD(t, func(_, at string) {
		if at != "-" {
			t.Errorf("http=%s", at)
		}
	}, "--device", "id=1", "--http", "none", "--choice", "strict=true"); status != 0 {
		t.Errorf("status %d: %s", status, stderr)
	}
}

// A wrong call or file: status 2, the place, and what would be right.
func TestOFDCalls(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	old := filepath.Join(dir, "state")
	if err := os.Mkdir(old, 0o700); err != nil {
		t.Fatal(err)
	}
	path("state/events.jsonl", `{"state":"kkmtest-ofd","format":99}`+"\n")
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"a script with a mistake", []string{"--script", path("s.yaml", "rules:\n  - {name: a, do: {dely: 3s}}\n")}, "s.yaml:2:20: rules[0].do.dely: no such key"},
		{"registers with a mistake", []string{"--devices", path("d.yaml", "- {id: x}\n")}, "d.yaml:1:8: [0].id"},
		{"a register of the command line", []string{"--device", "id=1,colour=red"}, "want key=value"},
		{"a state of a newer program", []string{"--state", old}, "events.jsonl:1: format 99"},
		{"a choice", []string{"--choice", "strict=perhaps"}, "want true or false"},
		{"open to others without a token", []string{"--http", "0.0.0.0:0"}, "want --http-token-file"},
		{"a short token", []string{"--http-token-file", path("t", "short\n")}, "at least 16 characters"},
		{"a file that is not there", []string{"--script", filepath.Join(dir, "none.yaml")}, "--script: "},
	} {
		status, out, stderr := call(t, append([]string{"ofd", "--listen", "127.0.0.1:0"}, tt.args...)...)
		if status != 2 || out != "" || !strings.Contains(stderr, tt.want) {
			t.Errorf("%s: status %d, %q, %s\nwant 2 and %s", tt.name, status, out, stderr, tt.want)
		}
	}
}
