package main

import (
	"bufio"
	"encoding/json"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// findings is what the test needs of findings.json.
type findings struct {
	Rows []struct{ Row, Check, Result string } `json:"rows"`
}

// The register as a process of its own on a pseudo terminal, in real time, gets
// the same results by the same checks as the one inside the simulated world.
func TestPTY(t *testing.T) {
	t.Parallel()
	const rows = "19,23,27.1,30"
	l, err := net.Listen("tcp", "127.0.0.1:0") // a free port for the OFD
	if err != nil {
		t.Fatal(err)
	}
	ofd := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	// The pause between attempts to come back online is made short: it is the
	// register's own setting, and no row of these speaks of it.
	reg := exec.Command(kkmtest, "kkm", "--host", "pty", "--ofd", ofd, "--control", "127.0.0.1:0", "--reconnect", "2s")
	out, err := reg.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := reg.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = reg.Process.Kill()
		_ = reg.Wait()
	}()
	ready := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(out).ReadString('\n')
		ready <- line
	}()
	var host, control string
	select {
	case line := <-ready:
		for _, f := range strings.Fields(line) {
			if v, ok := strings.CutPrefix(f, "control="); ok {
				control = v
			}
			if v, ok := strings.CutPrefix(f, "host="); ok {
				host = v
			}
		}
		if !strings.HasPrefix(line, "kkm ready ") || host == "" {
			t.Fatalf("first line %q, want kkm ready host=... control=...", line)
		}
	case <-time.After(90 * time.Second):
		t.Fatal("the register did not become ready in 90 s")
	}

	realDir, simDir := filepath.Join(t.TempDir(), "real"), filepath.Join(t.TempDir(), "sim")
	status, said, stderr := call(t, "run", "--device", "serial://"+host+"?protocol=shtrih-m&control=http://"+control, "--ofd-listen", ofd, "--row", rows, "--out", realDir)
	simStatus, _, _ := call(t, "run", "--row", rows, "--out", simDir)
	if status != simStatus {
		t.Errorf("exit status %d on the pseudo terminal, %d in simulated time\n%s%s", status, simStatus, stderr, said)
	}
	var a, b findings
	readJSON(t, filepath.Join(realDir, "findings.json"), &a)
	readJSON(t, filepath.Join(simDir, "findings.json"), &b)
	if len(a.Rows) != len(b.Rows) || len(a.Rows) == 0 {
		t.Fatalf("%d rows and %d rows", len(a.Rows), len(b.Rows))
	}
	for i := range a.Rows {
		if a.Rows[i] != b.Rows[i] {
			t.Errorf("real %+v, simulated %+v", a.Rows[i], b.Rows[i])
		}
	}
	if t.Failed() {
		t.Log(said)
	}
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	raw := mustRead(t, path)
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
