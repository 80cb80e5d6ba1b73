package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kkmtest/kkmtest/bench/device/ports"
)

// feed runs a command with lines on its standard input.
func feed(t *testing.T, input string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	c := exec.Command(kkmtest, args...)
	var out, said bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(input), &out, &said
	err := c.Run()
	var e *exec.ExitError
	if err != nil && !errors.As(err, &e) {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), out.String(), said.String()
}

// The emulated register in another process is found on its pseudo terminal and
// on TCP, over each protocol, and its device URL is told.
func TestDeviceProbe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--protocol", "shtrih-m"}, "protocol=shtrih-m&baud=115200"},
		{[]string{"--protocol", "atol"}, "protocol=atol&baud=115200"},
		{[]string{"--protocol", "atol", "--level", "3"}, "protocol=atol&baud=115200&level=3"},
		{[]string{"--protocol", "datecs", "--family", "x"}, "protocol=datecs&baud=115200&family=x"},
		{[]string{"--protocol", "datecs", "--host", "tcp:127.0.0.1:0"}, "protocol=datecs"},
	} {
		at := startKKM(t, append([]string{"--ofd", freePort(t), "--control", "127.0.0.1:0"}, c.args...)...)
		began := time.Now()
		status, out, stderr := call(t, "device", "probe", at["host"])
		if d := time.Since(began); status != 0 || !strings.Contains(out, c.want) || !strings.Contains(out, "Эмулятор") || d >= 20*time.Second {
			t.Errorf("%q: exit status %d after %v\n%s%s", c.args, status, d, out, stderr)
		}
		status, out, _ = call(t, "device", "probe", at["host"], "--json")
		var found []struct{ Port, URL, Protocol string }
		if err := json.Unmarshal([]byte(out), &found); err != nil || status != 0 || len(found) != 1 || !strings.Contains(found[0].URL, c.want) {
			t.Errorf("%q: %s, %v", c.args, out, err)
		}
	}
}

func TestDeviceProbeBadInput(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"ttyUSB0"}, 2, "want a path such as /dev/ttyUSB0"},
		{[]string{"/dev/no-such-port"}, 1, "no such file"},
		{[]string{"127.0.0.1:1"}, 1, "refused"},
	} {
		status, out, stderr := call(t, append([]string{"device", "probe"}, c.args...)...)
		if status != c.status || !strings.Contains(out+stderr, c.want) {
			t.Errorf("%q: exit status %d, %s%s", c.args, status, out, stderr)
		}
	}
}

func TestDeviceList(t *testing.T) {
	t.Parallel()
	status, out, stderr := call(t, "device", "list")
	if status != 0 || out == "" {
		t.Errorf("exit status %d, %q, %s", status, out, stderr)
	}
	var b bytes.Buffer
	err := printPorts(&b, []ports.Port{
		{Path: "/dev/ttyUSB0", Vendor: "0403", Product: "6001", Name: "FT232R", Serial: "A1", ByID: "/dev/serial/by-id/usb-A1", Readable: true, Holder: "process 7 (kkmtest)"},
		{Path: "/dev/ttyS0", Driver: "serial8250"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"/dev/ttyUSB0", "USB 0403:6001, FT232R, serial number A1", "process 7 (kkmtest)", "/dev/serial/by-id/usb-A1", "nobody; this user may not open it"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the list does not say %q:\n%s", want, b.String())
		}
	}
}

// The console asks and shows bytes; effects need the flag.
func TestDeviceConsole(t *testing.T) {
	t.Parallel()
	at := startKKM(t, "--ofd", freePort(t), "--control", "127.0.0.1:0")
	url := "serial://" + at["host"] + "?protocol=shtrih-m"
	status, out, stderr := feed(t, "identity\nstate\nsetting ofd-port\nprinted\nhelp\nquit\n", "device", "console", url)
	if status != 0 {
		t.Fatalf("exit status %d\n%s%s", status, out, stderr)
	}
	for _, want := range []string{"questions only", "KKM0000777", "shift 0 closed", "unsent documents: 0", "> 05", "02 01 FC FD", "ofd-port \"", "sell TENGE [NAME]"} {
		if !strings.Contains(out, want) {
			t.Errorf("the console does not say %q:\n%s", want, out)
		}
	}
	status, out, _ = feed(t, "sell 250.50\nz\nfly\nsetting\nsell\nsell -1\nstate\n", "device", "console", url, "--silent")
	if status != 1 || strings.Count(out, "start the console with --effects") != 2 || !strings.Contains(out, `"fly": no such command`) || !strings.Contains(out, "want setting NAME") ||
		!strings.Contains(out, "want sell TENGE") || !strings.Contains(out, "more than 0") || !strings.Contains(out, "shift 0 closed") || strings.Contains(out, "02 01 FC FD") {
		t.Errorf("exit status %d\n%s", status, out)
	}
	record := filepath.Join(t.TempDir(), "history.jsonl")
	status, out, stderr = feed(t, "sell 250.50 Нан ақ\nstate\n", "device", "console", url, "--effects", "--silent", "--record", record)
	if status != 0 || !strings.Contains(out, "done, document 1, shift 1") || !strings.Contains(out, "| 1. Нан ақ") || !strings.Contains(out, "shift 1 open") || !strings.Contains(out, "unsent documents: 1") {
		t.Errorf("exit status %d\n%s%s", status, out, stderr)
	}
	// The register now keeps a document: another effect is refused until a person vouches.
	status, out, _ = feed(t, "x\n", "device", "console", url, "--effects", "--silent")
	if status != 1 || !strings.Contains(out, "keeps 1 unsent documents") || !strings.Contains(out, "--confirm-unsent") {
		t.Errorf("exit status %d\n%s", status, out)
	}
	if status, out, _ := feed(t, "x\n", "device", "console", url, "--effects", "--silent", "--confirm-unsent"); status != 0 || !strings.Contains(out, "done") {
		t.Errorf("exit status %d\n%s", status, out)
	}
	if s := string(mustRead(t, record)); !strings.Contains(s, `"kind":"intent"`) || !strings.Contains(s, `"scenario":"console"`) {
		t.Error("the record is not kept")
	}
}

func TestDeviceConsoleBadInput(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"emulated:": "a register behind a wire", "operator:": "a register behind a wire", "serial:///dev/none?protocol=x": "want one of", "exec:/bin/sh": "--allow-exec",
		"serial:///dev/no-such-port?protocol=shtrih-m": "no such file",
	} {
		status, _, stderr := feed(t, "", "device", "console", url)
		if status != 2 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit status %d, %s, want %q", url, status, stderr, want)
		}
	}
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	status, out, stderr := call(t, "doctor", "--dir", t.TempDir(), "--days", "1")
	if status != 0 && status != 1 || !strings.Contains(out, "clock") || !strings.Contains(out, "disk") {
		t.Errorf("exit status %d\n%s%s", status, out, stderr)
	}
	for _, c := range []struct{ args []string }{{[]string{"--days", "0"}}, {[]string{"--days", "400"}}, {[]string{"--dir", "/no/such/dir"}}} {
		if status, _, stderr := call(t, append([]string{"doctor"}, c.args...)...); status != 2 || !strings.Contains(stderr, c.args[0]) {
			t.Errorf("%q: exit status %d, %s", c.args, status, stderr)
		}
	}
}

// Each thing that may be wrong with a computer is found, with its cure.
func TestDoctorFinds(t *testing.T) {
	root := t.TempDir()
	dir := func(parts ...string) string {
		p := filepath.Join(append([]string{root}, parts...)...)
		if err := os.MkdirAll(p, 0o755); err != nil {
			t.Fatal(err)
		}
		return p
	}
	healthy := func() body {
		dir("sys", "class", "tty")
		dir("sys", "class", "net", "eth0", "device")
		dir("sys", "class", "net", "eth1", "device")
		return body{
			ports: ports.Roots{Sys: filepath.Join(root, "sys"), Dev: filepath.Join(root, "dev"), Proc: filepath.Join(root, "proc")}, sys: filepath.Join(root, "sys"),
			look: func(p string) (string, error) { return "/usr/bin/" + p, nil },
			disk: func(string) (uint64, error) { return 1 << 40, nil },
			sync: func() (int, time.Duration, error) { return unix.TIME_OK, 3 * time.Millisecond, nil },
			caps: func() (uint64, error) { return 1 << unix.CAP_NET_RAW, nil },
			nics: func() ([]net.Interface, error) {
				return []net.Interface{{Name: "lo"}, {Name: "eth0"}, {Name: "eth1"}}, nil
			},
		}
	}
	f := doctorFlags{days: 7, dir: root}
	find := func(all []diagnosis, what string) diagnosis {
		for _, d := range all {
			if d.What == what {
				return d
			}
		}
		return diagnosis{}
	}
	all := healthy().examine(context.Background(), f)
	for _, what := range []string{"clock", "disk", "run directory", "network cards", "raw packets", "wireshark"} {
		if d := find(all, what); d.Is != fit || d.Cure != "" {
			t.Errorf("a healthy computer: %+v", d)
		}
	}
	for name, c := range map[string]struct {
		hurt func(*body)
		what string
		is   string
	}{
		"no time server": {func(b *body) {
			b.sync = func() (int, time.Duration, error) { return unix.TIME_ERROR, 16 * time.Second, nil }
		}, "clock", absent},
		"a bad one":   {func(b *body) { b.sync = func() (int, time.Duration, error) { return unix.TIME_OK, time.Second, nil } }, "clock", absent},
		"a full disk": {func(b *body) { b.disk = func(string) (uint64, error) { return 7*perDay + spare - 1, nil } }, "disk", missing},
		"no right":    {func(b *body) { b.caps = func() (uint64, error) { return 0, nil } }, "raw packets", absent},
		"one card": {func(b *body) {
			b.nics = func() ([]net.Interface, error) { return []net.Interface{{Name: "eth0"}}, nil }
		}, "network cards", absent},
		"no card":          {func(b *body) { b.nics = func() ([]net.Interface, error) { return nil, nil } }, "network cards", absent},
		"no wireshark":     {func(b *body) { b.look = func(string) (string, error) { return "", exec.ErrNotFound } }, "wireshark", absent},
		"no ports at all":  {func(b *body) {}, "serial ports", absent},
		"just enough disk": {func(b *body) { b.disk = func(string) (uint64, error) { return 7*perDay + spare, nil } }, "disk", fit},
	} {
		b := healthy()
		c.hurt(&b)
		if d := find(b.examine(context.Background(), f), c.what); d.Is != c.is || (d.Cure == "") != (c.is == fit) || d.Says == "" {
			t.Errorf("%s: %+v, want %s", name, d, c.is)
		}
	}
}
