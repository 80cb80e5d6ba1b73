package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/simulators/ofd"
	"github.com/kkmtest/kkmtest/simulators/ofd/script"
)

// lines is a log that a test can read.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.b.Write(p) }
func (l *lines) String() string              { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }

func start(t testing.TB, c Config) (*Daemon, *lines) {
	t.Helper()
	log := new(lines)
	c.Log = slog.New(slog.NewTextHandler(log, nil))
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	d, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d, log
}

// ask sends a request of register 1 over a connection of its own.
func ask(t testing.TB, d *Daemon, r *register, m *canon.Request) (*canon.Response, error) {
	t.Helper()
	if err := r.dial(d.CPCR().String()); err != nil {
		return nil, err
	}
	defer func() { _ = r.nc.Close() }()
	f := frame(t, cpcr.Header{Version: cpcr.V204, ID: r.id}, m)
	r.address(f)
	b, err := r.exchange(f)
	if err != nil {
		return nil, err
	}
	h, answer, err := cpcr.DecodeResponse(b)
	if err == nil && answer.GetResult().GetResultCode() == 0 {
		r.token = h.Token
	}
	return answer, err
}

func must(t testing.TB, d *Daemon, r *register, m *canon.Request) *canon.Response {
	t.Helper()
	a, err := ask(t, d, r, m)
	if err != nil || a.GetResult().GetResultCode() != 0 {
		t.Fatalf("%v %s", err, cpcr.Text(a))
	}
	return a
}

func rules(t testing.TB, text string) *script.Script {
	t.Helper()
	s, err := script.Load("script.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A life in two parts: the second one goes on where the first one stopped, with
// changed registration data, and says what it cut off.
func TestStateGoesOn(t *testing.T) {
	dir := t.TempDir()
	r := &register{id: 1, token: firstToken}
	first, err := Start(Config{Listen: "127.0.0.1:0", State: dir, Devices: devices(2), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	must(t, first, r, sale(1, day, 500))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "events.jsonl")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"n":4,"e":{"dev`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	changed := devices(3)
	changed[0].Device.Taxpayer.Name, changed[0].Device.Token = "ТОО «Басқа»", 77
	d, log := start(t, Config{State: dir, Devices: changed})
	must(t, d, r, sale(1, day.Add(time.Minute), 700))
	in, _ := d.Device(1)
	if in.Tickets != 2 || in.Counters.Cash != 1200 || in.Taxpayer.Name != "ТОО «Басқа»" || in.Token != r.token {
		t.Errorf("%+v", in)
	}
	if _, ok := d.Device(3); !ok {
		t.Error("the third register is not registered")
	}
	for _, want := range []string{"was not whole", "bytes=16", "they are amended", "device=1", "events=3"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %q:\n%s", want, log)
		}
	}
	if strings.Contains(log.String(), "device=2") {
		t.Errorf("a register whose data are the same was amended:\n%s", log)
	}
	if _, err := Start(Config{Listen: "127.0.0.1:0", State: dir, Log: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("two operators with one directory: %v", err)
	}
}

// What is wrong is refused before anything listens.
func TestBadStarts(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "events.jsonl"), []byte(`{"state":"kkmtest-ofd","format":9}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		c    Config
		want string
	}{
		{"a newer directory", Config{State: dir}, "events.jsonl:1: format 9"},
		{"an address that is not here", Config{Listen: "192.0.2.1:1"}, "--listen 192.0.2.1:1"},
		{"no port", Config{HTTP: "127.0.0.1"}, "--http 127.0.0.1: want HOST:PORT"},
		{"open to others without a token", Config{HTTP: "0.0.0.0:0"}, "want --http-token-file"},
		{"the same in IPv6", Config{HTTP: "[::]:0"}, "want --http-token-file"},
		{"a bad sector", Config{Devices: []script.Device{{At: "d.yaml:3:1", Device: ofd.Device{ID: 1, Sector: "circus"}}}}, "d.yaml:3:1: "},
	} {
		if tt.c.Listen == "" {
			tt.c.Listen = "127.0.0.1:0"
		}
		tt.c.Log = slog.New(slog.DiscardHandler)
		d, err := Start(tt.c)
		if err == nil {
			_ = d.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestHTTPBindsToLoopback(t *testing.T) {
	d, _ := start(t, Config{HTTP: ":0"})
	if !Loopback(d.HTTP()) || !Loopback(d.CPCR()) {
		t.Errorf("http %s, cpcr %s", d.HTTP(), d.CPCR())
	}
	open, _ := start(t, Config{HTTP: "0.0.0.0:0", Token: "0123456789abcdef"})
	if Loopback(open.HTTP()) {
		t.Errorf("http %s", open.HTTP())
	}
	_, port, _ := net.SplitHostPort(open.HTTP().String())
	resp, err := http.Get("http://127.0.0.1:" + port + "/api")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without the token: %d", resp.StatusCode)
	}
}

// The QR text of an answer leads to the page of this very server, unless the
// register's operator has a site of his own.
func TestReceiptLeadsToThePage(t *testing.T) {
	all := devices(2)
	all[1].Device.Operator.URL = "consumer.ofd.example"
	d, _ := start(t, Config{HTTP: "127.0.0.1:0", Devices: all})
	link := string(must(t, d, &register{id: 1, token: firstToken}, sale(1, day, 12345)).GetTicket().GetQrCode())
	resp, err := http.Get(link + "&lang=kk")
	if err != nil {
		t.Fatalf("%s: %v", link, err)
	}
	defer func() { _ = resp.Body.Close() }()
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || !bytes.Contains(page, []byte("Чек табылды")) || !bytes.Contains(page, []byte("123.45")) || !bytes.Contains(page, []byte("Сүт 2,5 %")) {
		t.Errorf("%s: %d %v %s", link, resp.StatusCode, err, page)
	}
	other := string(must(t, d, &register{id: 2, token: firstToken}, sale(2, day, 100)).GetTicket().GetQrCode())
	if !strings.HasPrefix(other, "http://consumer.ofd.example?i=") {
		t.Errorf("the operator's own site: %s", other)
	}
}

// Rules over TCP as the host's network has it: refused, taken late, reset, half
// an answer; and choices of the script below those of the command line.
func TestScriptOverTCP(t *testing.T) {
	s := rules(t, `
choices: {strict: true, sign_digits: 12}
rules:
  - {name: reset, commands: [TICKET], times: 1, do: {end: reset, lose_answer: true}}
  - {name: half, commands: [TICKET], first: 2, times: 1, do: {cut: 20, end: close}}
  - {name: never, commands: [QR_GENERATE], do: {silent: true}}
`)
	d, _ := start(t, Config{Devices: devices(1), Script: s, Choices: []func(*ofd.Options){func(o *ofd.Options) { o.SignDigits = 11 }}})
	r := &register{id: 1, token: firstToken}
	_, err := ask(t, d, r, sale(1, day, 500))
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reset: %v", err)
	}
	r.reqnum-- // repeats
	if _, err = ask(t, d, r, sale(1, day, 500)); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half an answer: %v", err)
	}
	r.reqnum--
	a := must(t, d, r, sale(1, day, 500))
	if n := len(a.GetTicket().GetTicketNumber()); n != 11 {
		t.Errorf("sign of %d digits, want those of the command line", n)
	}
	if in, _ := d.Device(1); in.Tickets != 1 {
		t.Errorf("%d tickets, want the one", in.Tickets)
	}
	short := sale(1, day.Add(time.Minute), 500)
	short.Ticket.Payments[0].Sum = cpcr.Money(400)
	if a, err := ask(t, d, r, short); err != nil || a.GetResult().GetResultCode() != 13 {
		t.Errorf("strict: %v %s", err, cpcr.Text(a))
	}
	fired := ""
	for _, x := range d.Rules() {
		fired += fmt.Sprint(x.ID, "=", x.Fired, " ")
	}
	if fired != "reset=1 half=1 never=0 " {
		t.Errorf("rules %s", fired)
	}
}

func TestConnectionsRefusedAndTakenLate(t *testing.T) {
	d, _ := start(t, Config{Devices: devices(1), Script: rules(t, "rules:\n  - {name: shut, connect: true, do: {refuse: true}}\n")})
	r := &register{id: 1, token: firstToken}
	deadline := time.Now().Add(10 * time.Second)
	for { // the gate shuts a moment after the start
		_, err := ask(t, d, r, system(1))
		if errors.Is(err, syscall.ECONNREFUSED) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("not refused: %v", err)
		}
	}
	if err := d.do(func() error {
		if n := d.server.Clear("shut"); n != 1 {
			t.Errorf("acted %d times", n)
		}
		return d.server.Set("late", ofd.Rule{Connect: true, Action: ofd.Action{Hold: 50 * time.Millisecond}})
	}); err != nil {
		t.Fatal(err)
	}
	r.reqnum = 0
	for { // and opens a moment after the rule is gone
		began := time.Now()
		_, err := ask(t, d, r, system(1))
		if err == nil {
			if took := time.Since(began); took < 50*time.Millisecond {
				t.Errorf("taken after %v", took)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// Hostile peers: nonsense, messages that are too large, half messages, silence
// by the hundred. Each costs a line of the log, not by the thousand, and a
// register beside them is answered as always.
func TestHostilePeers(t *testing.T) {
	d, log := start(t, Config{Devices: devices(1), Script: rules(t, "choices: {read_deadline: 200ms, max_pending_bytes: 4194304}\n")})
	r := &register{id: 1, token: firstToken}
	must(t, d, r, sale(1, day, 500))
	huge := cpcr.Header{Version: cpcr.V204, ID: 9, Size: cpcr.MaxRequest}.Append(nil)
	tooLarge := cpcr.Header{Version: cpcr.V204, ID: 9, Size: 1<<32 - 1}.Append(nil)
	var open []net.Conn
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	send := func(b []byte) {
		nc, err := net.Dial("tcp", d.CPCR().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = nc.Write(b) // may be ended meanwhile
		open = append(open, nc)
	}
	for i := range 300 {
		switch i % 6 {
		case 0:
			send([]byte("GET / HTTP/1.1\r\n\r\n\x1b[31mred\x07"))
		case 1:
			send(tooLarge)
		case 2:
			send(huge[:7])
		case 3:
			send(append(bytes.Clone(huge), make([]byte, 200<<10)...)) // together more than may be pending
		case 4:
			send(nil)
		case 5:
			send(bytes.Repeat([]byte{0xa2, 0x81, 0, 0}, 10))
		}
	}
	must(t, d, r, sale(1, day.Add(time.Minute), 500))
	if n := d.Stats().Pending; n > 4194304 {
		t.Errorf("%d bytes pending", n)
	}
	deadline := time.Now().Add(10 * time.Second)
	for d.Stats().Pending > 0 && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	if n := d.Stats().Pending; n != 0 {
		t.Errorf("%d bytes pending after the time limit", n)
	}
	must(t, d, r, sale(1, day.Add(2*time.Minute), 500))
	said := strings.Count(log.String(), "connection ended")
	if said < 5 || said > 200 || strings.ContainsAny(log.String(), "\x1b\x07") {
		t.Errorf("%d lines in the log, or control characters:\n%.2000s", said, log)
	}
	for _, want := range []string{"ERR_APPCODE", "ERR_SIZE_LIMIT"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %s", want)
		}
	}
}

// The log stays short when connections end by the hundred in a second.
func TestLogIsShort(t *testing.T) {
	log := new(lines)
	var q quiet
	say := slog.New(slog.NewTextHandler(log, nil))
	for range 500 {
		q.misuse(say, 0, "10.0.0.1:1", "x")
	}
	q.misuse(say, time.Second, "10.0.0.1:1", "y")
	if n := strings.Count(log.String(), "\n"); n != 22 || !strings.Contains(log.String(), "connections=480") {
		t.Errorf("%d lines:\n%s", n, log)
	}
}
