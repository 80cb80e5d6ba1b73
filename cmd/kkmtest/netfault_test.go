package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/simulators/netfault/capture"
)

// netfaultAt runs the command until stop, which returns what it said on stderr
// and its error.
func netfaultAt(t *testing.T, args ...string) (ready string, stop func() (string, error)) {
	t.Helper()
	return netfaultIn(t, func() error { return nil }, args...)
}

// netfaultIn prepares the thread that the command runs on.
func netfaultIn(t *testing.T, prepare func() error, args ...string) (ready string, stop func() (string, error)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	var warn lockedBuffer
	c := root()
	c.SetArgs(append([]string{"netfault"}, args...))
	c.SetOut(w)
	c.SetErr(&warn)
	done := make(chan error, 1)
	go func() {
		err := prepare()
		if err == nil {
			err = c.ExecuteContext(ctx)
		}
		_ = w.CloseWithError(io.EOF)
		done <- err
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		cancel()
		t.Fatalf("no ready line: %v; the command ended with %v", err, <-done)
	}
	go func() { _, _ = io.Copy(io.Discard, r) }()
	var once sync.Once
	var said string
	stop = func() (string, error) {
		var err error
		once.Do(func() {
			cancel()
			err = <-done
			said = warn.String()
		})
		return said, err
	}
	t.Cleanup(func() { _, _ = stop() })
	return strings.TrimSuffix(line, "\n"), stop
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func echoServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	return l.Addr().String()
}

func exchange(addr, text string) (time.Duration, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	from := time.Now()
	if _, err := io.WriteString(c, text); err != nil {
		return 0, err
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != text {
		return 0, fmt.Errorf("got %q, %w", got, err)
	}
	return time.Since(from), nil
}

func TestNetfaultEdge(t *testing.T) {
	dir := t.TempDir()
	pcap, faults, record := filepath.Join(dir, "x.pcapng"), filepath.Join(dir, "faults.yaml"), filepath.Join(dir, "record.jsonl")
	if err := os.WriteFile(faults, []byte("faults:\n  - {id: slow, at: 0, where: {dir: to-ofd, what: data}, fault: {delay: {fixed: 40ms}}}\n  - {id: never, at: 5h, fault: cut}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	ready, stop := netfaultAt(t, "--listen", "127.0.0.1:0", "--to", echoServer(t), "--script", faults, "--capture", pcap, "--record", record)
	m := regexp.MustCompile(`^netfault ready listen=(127\.0\.0\.1:\d+)$`).FindStringSubmatch(ready)
	if m == nil {
		t.Fatalf("ready line %q", ready)
	}
	took, err := exchange(m[1], "hello")
	if err != nil || took < 40*time.Millisecond {
		t.Errorf("an exchange took %v, %v; want the script's delay", took, err)
	}
	said, err := stop()
	if err != nil || said != "kkmtest: "+faults+":3:5: never on link ethernet never began\n" {
		t.Errorf("stopped with %v, said %q", err, said)
	}
	raw, err := os.ReadFile(pcap)
	if err != nil {
		t.Fatal(err)
	}
	head, recs := capture.Read(bytes.NewReader(raw))
	struck := 0
	for r, err := range recs {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(strings.Join(r.Comments, ""), "fault slow: delayed by 40ms") {
			struck++
		}
	}
	if head.Comment != "kkmtest netfault" || len(head.Interfaces) != 2 || struck < 2 {
		t.Errorf("comment %q, %d interfaces, %d struck records", head.Comment, len(head.Interfaces), struck)
	}

	// the second call goes on with the record; the capture is not overwritten
	if _, err := serveOnce("--listen", "127.0.0.1:0", "--to", "127.0.0.1:1", "--capture", pcap); err == nil || !strings.Contains(err.Error(), "the file is there already: want a new one") {
		t.Errorf("an old capture: %v", err)
	}
	_, stop = netfaultAt(t, "--listen", "127.0.0.1:0", "--to", echoServer(t), "--script", faults, "--record", record)
	// what slow did is on record; never is still to come
	if said, err := stop(); err != nil || strings.Contains(said, "slow") || !strings.Contains(said, "never began") {
		t.Errorf("the second call: %v, said %q", err, said)
	}
	text, err := os.ReadFile(record)
	if err != nil || strings.Count(string(text), `"run.begin"`) != 1 || !strings.Contains(string(text), "goes on after ") {
		t.Errorf("the record does not go on: %v\n%s", err, text)
	}
}

// serveOnce runs a command that is to fail before it is ready.
func serveOnce(args ...string) (string, error) {
	c := root()
	var out bytes.Buffer
	c.SetArgs(append([]string{"netfault"}, args...))
	c.SetOut(&out)
	c.SetErr(&out)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := c.ExecuteContext(ctx)
	return out.String(), err
}

func TestNetfaultControl(t *testing.T) {
	ready, stop := netfaultAt(t, "--listen", "127.0.0.1:0", "--to", echoServer(t), "--http", "127.0.0.1:0", "--link", "gsm", "--json")
	m := regexp.MustCompile(`^netfault ready listen=(\S+) http=(\S+)$`).FindStringSubmatch(ready)
	if m == nil {
		t.Fatalf("ready line %q", ready)
	}
	post := func(body string) {
		t.Helper()
		r, err := http.Post("http://"+m[2]+"/links/gsm/faults", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if r.StatusCode != http.StatusCreated {
			t.Fatalf("status %d", r.StatusCode)
		}
	}
	if _, err := exchange(m[1], "hello"); err != nil {
		t.Fatal(err)
	}
	post(`{"id": "refuse", "fault": "refuse-syn"}`)
	post(`{"id": "idle", "where": {"what": "fragments"}, "fault": "drop"}`)
	if _, err := exchange(m[1], "hello"); err == nil {
		t.Error("a refused connection worked")
	}
	r, err := http.Get("http://" + m[2] + "/table")
	if err != nil {
		t.Fatal(err)
	}
	table, _ := io.ReadAll(r.Body)
	_ = r.Body.Close()
	if !strings.Contains(string(table), "refuse") || !strings.Contains(string(table), "link gsm ") {
		t.Errorf("table:\n%s", table)
	}
	if said, err := stop(); err != nil || said != "kkmtest: fault idle on link gsm never struck\n" {
		t.Errorf("stopped with %v, said %q", err, said)
	}
}

// A bad call is refused before anything starts, with place and cure.
func TestNetfaultRefusals(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("faults:\n  - id: x\n    at: -5m\n    fault: cutt\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	wrongLink := filepath.Join(t.TempDir(), "link.yaml")
	if err := os.WriteFile(wrongLink, []byte("faults: [{id: x, at: 0, link: gsm, fault: cut}]"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, "no link: want --listen ADDR and --to ADDR, or --bridge IF1,IF2"},
		{[]string{"--listen", ":0"}, "no link: want"},
		{[]string{"--bridge", "a,b", "--listen", ":0"}, "want one kind of link"},
		{[]string{"--bridge", "eth1"}, "--bridge eth1: want two interfaces, such as eth1,eth2"},
		{[]string{"--bridge", "a,b,c"}, "want two interfaces"},
		{[]string{"--bridge", "nowhere0,nowhere1"}, "nowhere0: no such interface; this computer has "},
		{[]string{"--listen", ":0", "--to", "ofd"}, "--to ofd: want host:port, such as 10.0.0.5:7777"},
		{[]string{"--listen", "192.0.2.1:0", "--to", "127.0.0.1:1"}, "--listen 192.0.2.1:0: "},
		{[]string{"--listen", "127.0.0.1:0", "--to", "127.0.0.1:1", "--latency", "-1s"}, "want a name and no negative time"},
		{[]string{"--listen", "127.0.0.1:0", "--to", "127.0.0.1:1", "--script", "nowhere.yaml"}, "--script: open nowhere.yaml"},
		{[]string{"--listen", "127.0.0.1:0", "--to", "127.0.0.1:1", "--script", bad}, bad + `:3:9: fault: at is "-5m": want a time that is not negative`},
		{[]string{"--listen", "127.0.0.1:0", "--to", "127.0.0.1:1", "--script", bad}, bad + `:4:12: fault "cutt" is not known: want one of `},
		{[]string{"--listen", "127.0.0.1:0", "--to", "127.0.0.1:1", "--script", wrongLink}, wrongLink + `:1:31: link "gsm" is not there: want one of ethernet`},
		{[]string{"--listen", "127.0.0.1:0", "--to", "127.0.0.1:1", "--capture", "/nowhere/x.pcapng"}, "--capture: open /nowhere/x.pcapng"},
		{[]string{"--listen", "127.0.0.1:0", "--to", "127.0.0.1:1", "--record", bad}, "--record: "},
		{[]string{"--listen", "127.0.0.1:0", "--to", "127.0.0.1:1", "--http", "192.0.2.1:0"}, "--http 192.0.2.1:0: "},
	} {
		out, err := serveOnce(tt.args...)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(out, "ready") {
			t.Errorf("%v: %v, printed %q\nwant %s", tt.args, err, out, tt.want)
		}
		if err != nil && statusOf(err) != 2 {
			t.Errorf("%v: exit status %d, want 2", tt.args, statusOf(err))
		}
	}
}
