package main

import (
	"bufio"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// freePort is an address that nobody uses now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// startKKM starts the emulated register and returns the fields of its first line.
func startKKM(t *testing.T, args ...string) map[string]string {
	t.Helper()
	reg := exec.Command(kkmtest, append([]string{"kkm"}, args...)...)
	out, err := reg.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := reg.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = reg.Process.Kill()
		_ = reg.Wait()
	})
	ready := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(out).ReadString('\n')
		ready <- line
	}()
	select {
	case line := <-ready:
		if !strings.HasPrefix(line, "kkm ready ") {
			t.Fatalf("first line %q", line)
		}
		at := map[string]string{}
		for _, f := range strings.Fields(line) {
			if k, v, ok := strings.Cut(f, "="); ok {
				at[k] = v
			}
		}
		return at
	case <-time.After(90 * time.Second):
		t.Fatal("the register did not become ready in 90 s")
	}
	return nil
}

// The register as a service of its own, over the network: the driver speaks HTTP,
// paper is read by a printer tap, and the rows on receipts pass from that paper.
func TestHTTPWithTap(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secrets, ofd, tap := filepath.Join(dir, "secrets.yaml"), freePort(t), freePort(t)
	at := startKKM(t, "--host", "http:127.0.0.1:0", "--protocol", "webkassa", "--secrets", secrets, "--printer", tap, "--ofd", ofd, "--control", "127.0.0.1:0")
	out := filepath.Join(dir, "run")
	device := "webkassa+http://" + at["host"] + "?cashbox=KKM0000777&secrets=" + secrets + "&tap=tcp:" + tap + "&tap-page=kz-1048&control=http://" + at["control"]
	status, said, stderr := call(t, "run", "--device", device, "--ofd-listen", ofd, "--regulation", "kz-431-2014", "--check", "cycle.single,cash.placement", "--confirm-unsent", "--out", out)
	if status != 0 {
		t.Fatalf("exit status %d\n%s%s", status, stderr, said)
	}
	record := string(mustRead(t, filepath.Join(out, "history.jsonl")))
	for _, want := range []string{`"origin":"tap"`, "Фискалды чек", `"note":"printer tap"`, "POST /api/v4/check", "secrets redacted"} {
		if !strings.Contains(record, want) {
			t.Errorf("the record has no %s", want)
		}
	}
	for _, secret := range []string{"emulated-admin", "EMULATED-KEY"} {
		if strings.Contains(record, secret) {
			t.Errorf("%s stands in the record", secret)
		}
	}
}

func TestKKMBadHost(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--host", "http:127.0.0.1:0"}, "belong together"},
		{[]string{"--protocol", "webkassa"}, "belong together"},
		{[]string{"--secrets", "x"}, "only --host http:ADDR"},
		{[]string{"--host", "udp:1"}, "want pty, tcp:ADDR or http:ADDR"},
		{[]string{"--printer", "9100"}, "want host:port"},
		{[]string{"--protocol", "telex"}, "want one of"},
	} {
		status, _, stderr := call(t, append([]string{"kkm"}, c.args...)...)
		if status != 2 || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: exit status %d, %s, want %q", c.args, status, stderr, c.want)
		}
	}
}
