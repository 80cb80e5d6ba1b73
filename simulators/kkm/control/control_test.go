package control_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	client "github.com/kkmtest/kkmtest/bench/device/control"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
	"github.com/kkmtest/kkmtest/simulators/kkm/control"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

// nobody refuses every connection: the register works offline.
type nobody struct{ loop clock.Loop }

func (n nobody) Dial(_, _ string, _ int, ev stream.Events) stream.Conn {
	n.loop.Post(func() { ev.Closed(stream.ErrRefused) })
	return nobodyConn{}
}

type nobodyConn struct{}

func (nobodyConn) Send([]byte) {}
func (nobodyConn) Close()      {}
func (nobodyConn) Reset()      {}

// world is a register behind its API, in real time.
type world struct {
	loop *clock.Real
	reg  *kkm.Register
	api  *control.Server
	http *httptest.Server
}

func newWorld(t *testing.T) *world {
	t.Helper()
	raw, err := os.ReadFile("../../../fixtures/emulator/section-1.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := kkm.LoadProfile("section-1.yaml", raw)
	if err != nil {
		t.Fatal(err)
	}
	p.Printer.Speed = 1000
	p.Channels = p.Channels[:1]
	p.Limits.Connect, p.Limits.Answer, p.Limits.Transaction, p.Limits.Retry = 10*time.Millisecond, time.Second, time.Second, 10*time.Millisecond
	w := &world{loop: clock.NewReal()}
	t.Cleanup(w.loop.Close)
	if w.reg, err = kkm.New(w.loop, p, nobody{w.loop}, kkm.Options{Seed: 1}); err != nil {
		t.Fatal(err)
	}
	w.api = control.New(w.loop, w.reg)
	w.http = httptest.NewServer(w.api)
	t.Cleanup(w.http.Close)
	w.loop.Post(func() { w.reg.Power(true) })
	w.wait(t, "the self-test", func() bool { s := w.reg.State(); return s.On && !s.Testing })
	return w
}

func (w *world) wait(t *testing.T, what string, ready func() bool) {
	t.Helper()
	ok, err := w.loop.Wait(context.Background(), w.loop.Now().Add(30*time.Second), ready)
	if err != nil || !ok {
		t.Fatalf("waiting for %s: %v, %v", what, ok, err)
	}
}

// do performs an operation as the host side would.
func (w *world) do(t *testing.T, op fiscal.Op) kkm.Reply {
	t.Helper()
	var reply kkm.Reply
	done := false
	w.loop.Post(func() { w.reg.Do(op, func(r kkm.Reply) { reply, done = r, true }) })
	w.wait(t, string(op.Kind), func() bool { return done })
	return reply
}

func sale() fiscal.Op {
	r := &fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{{Kind: fiscal.Goods, Name: "Нан", Section: 1, Qty: 1000, Price: 25050}}}
	r.Payments = []fiscal.Payment{{Kind: fiscal.Cash, Sum: r.Total()}}
	return fiscal.Op{Kind: fiscal.OpReceipt, Receipt: r}
}

func (w *world) call(t *testing.T, method, path, body string) (int, map[string]any) {
	t.Helper()
	q, err := http.NewRequest(method, w.http.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		q.Header.Set("Content-Type", "application/json")
	}
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatalf("%s %s: %q: %v", method, path, raw, err)
		}
	}
	return r.StatusCode, v
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		name, method, path, body string
		want                     int
		says                     string
	}{
		{"unknown path", "GET", "/paperr", "", 404, "POST /paper"},
		{"wrong method", "DELETE", "/paper", "", 405, "GET or POST"},
		{"reset is no question", "GET", "/reset", "", 405, "POST"},
		{"no JSON", "POST", "/power", "on", 400, "one JSON object"},
		{"an array", "POST", "/power", "[true]", 400, "one JSON object"},
		{"unknown key", "POST", "/power", `{"off":true}`, 400, `"on"`},
		{"a key too many", "POST", "/power", `{"on":true,"off":true}`, 400, `"on"`},
		{"a number for a truth", "POST", "/paper", `{"in":1}`, 400, "one JSON object"},
		{"null", "POST", "/paper", `{"in":null}`, 400, `"in"`},
		{"two objects", "POST", "/paper", `{"in":true}{"in":false}`, 400, "more behind"},
		{"too long", "POST", "/paper", `{"in":` + strings.Repeat(" ", 5000) + `true}`, 400, "4096"},
		{"clock without forward", "POST", "/clock", `{}`, 400, "90m"},
		{"clock backward", "POST", "/clock", `{"forward":"-1s"}`, 400, "-1s"},
		{"clock by nothing", "POST", "/clock", `{"forward":"0s"}`, 400, "0s"},
		{"clock without unit", "POST", "/clock", `{"forward":"90"}`, 400, "90"},
		{"clock by a year and two days", "POST", "/clock", `{"forward":"8808h"}`, 400, "8784h"},
		{"reset with a wish", "POST", "/reset", `{"hard":true}`, 400, "{}"},
		{"unit without a state", "POST", "/unit", `{"name":"printer"}`, 400, `"broken"`},
		{"unit that it cannot break", "POST", "/unit", `{"name":"data","broken":true}`, 501, "printer, clock, software"},
		{"printed with another key", "GET", "/printed?from=1", "", 400, "?after=N"},
		{"printed with a word", "GET", "/printed?after=x", "", 400, "?after=N"},
		{"printed beyond the end", "GET", "/printed?after=999999", "", 409, "999999"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, v := w.call(t, c.method, c.path, c.body)
			text, _ := v["error"].(string)
			if status != c.want || !strings.Contains(text, c.says) {
				t.Errorf("%d %q, want %d and %q", status, text, c.want, c.says)
			}
		})
	}
	t.Run("another type", func(t *testing.T) {
		r, err := http.Post(w.http.URL+"/power", "text/plain", strings.NewReader(`{"on":false}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != http.StatusUnsupportedMediaType {
			t.Errorf("%d, want 415", r.StatusCode)
		}
	})
	if _, v := w.call(t, "GET", "/power", ""); v["on"] != true {
		t.Error("one of the refused calls has switched the power off")
	}
}

func connect(t *testing.T, w *world, j history.Journal) *client.Client {
	t.Helper()
	c, err := client.Connect(t.Context(), w.loop, w.http.URL, j)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// The client does what its capabilities say, and the record shows it.
func TestClient(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	log := history.NewMemory(w.loop)
	c := connect(t, w, log)
	if a := c.About(); a.Serial != "KKM0000777" || !slices.Equal(a.Can, control.Abilities) {
		t.Errorf("about %+v", a)
	}
	if lines, _, err := c.Printed(ctx); err != nil || len(lines) != 0 {
		t.Fatalf("what was printed before the connection is told: %q, %v", lines, err)
	}

	if r := w.do(t, sale()); r.Got != fiscal.Done {
		t.Fatalf("sale: %+v", r)
	}
	lines, origin, err := c.Printed(ctx)
	if err != nil || origin != "control" || !strings.Contains(strings.Join(lines, "\n"), "250.50") {
		t.Fatalf("printed %q from %q, %v", lines, origin, err)
	}
	last, ok := c.LastLine()
	now := w.loop.Now()
	if !ok || last.At.Mono > now.Mono || now.Mono-last.At.Mono > 10*time.Second || last.Blur <= 0 || last.Blur > time.Second {
		t.Errorf("last line at %v ± %v, now %v", last.At.Mono, last.Blur, now.Mono)
	}
	if again, _, err := c.Printed(ctx); err != nil || len(again) != 0 {
		t.Errorf("the same lines come twice: %q, %v", again, err)
	}
	other := connect(t, w, nil) // a second reader does not disturb the first
	_ = w.do(t, fiscal.Op{Kind: fiscal.OpTestPrint, As: fiscal.Role{Admin: true}})
	for _, x := range []*client.Client{c, other} {
		if lines, _, err := x.Printed(ctx); err != nil || len(lines) == 0 {
			t.Errorf("test print: %q, %v", lines, err)
		}
	}

	q, err := c.Queue(ctx)
	if err != nil || !q.Offline || q.Unsent != 1 || q.Oldest.IsZero() {
		t.Errorf("queue %+v, %v", q, err)
	}

	before, err := c.Clock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.StepClock(ctx, 90*time.Minute); err != nil {
		t.Fatal(err)
	}
	after, err := c.Clock(ctx)
	if d := after.Sub(before); err != nil || d < 90*time.Minute || d > 91*time.Minute {
		t.Errorf("the clock moved by %v, %v", d, err)
	}

	if err := c.Paper(ctx, false); err != nil {
		t.Fatal(err)
	}
	if r := w.do(t, sale()); r.Got != fiscal.Refused || r.Reason != kkm.NoPaper {
		t.Errorf("sale without paper: %+v", r)
	}
	shown, origin, err := c.Shown(ctx)
	if err != nil || origin != "control" || len(shown) == 0 {
		t.Errorf("display %q, %v", shown, err)
	}
	if err := c.Paper(ctx, true); err != nil {
		t.Fatal(err)
	}

	if err := c.Power(ctx, false); err != nil {
		t.Fatal(err)
	}
	if r := w.do(t, sale()); r.Got != fiscal.Refused || r.Reason != kkm.Fault {
		t.Errorf("sale without power: %+v", r)
	}
	if err := c.StepClock(ctx, time.Minute); err == nil || !strings.Contains(err.Error(), "power") {
		t.Errorf("the clock without power: %v", err)
	}
	if err := c.Reset(ctx); err == nil || !strings.Contains(err.Error(), "409") {
		t.Errorf("reset without power: %v", err)
	}
	if err := c.Power(ctx, true); err != nil {
		t.Fatal(err)
	}
	if r := w.do(t, sale()); r.Got != fiscal.Done {
		t.Errorf("sale after the power came back: %+v", r)
	}

	if err := c.Battery(ctx, false); err != nil {
		t.Fatal(err)
	}
	if err := c.Reset(ctx); err != nil {
		t.Fatal(err)
	}
	if r := w.do(t, sale()); r.Reason != kkm.Fault {
		t.Errorf("sale after a self-test with a flat battery: %+v", r)
	}
	if err := c.Battery(ctx, true); err != nil {
		t.Fatal(err)
	}
	if err := c.Reset(ctx); err != nil {
		t.Fatal(err)
	}
	if r := w.do(t, sale()); r.Got != fiscal.Done {
		t.Errorf("sale with a good battery: %+v", r)
	}

	if err := c.Break(ctx, "printer", true); err != nil {
		t.Fatal(err)
	}
	if err := c.Reset(ctx); err != nil {
		t.Fatal(err)
	}
	if r := w.do(t, sale()); r.Reason != kkm.Fault {
		t.Errorf("sale after a self-test with a broken printer: %+v", r)
	}
	if err := errors.Join(c.Break(ctx, "printer", false), c.Reset(ctx)); err != nil {
		t.Fatal(err)
	}
	if r := w.do(t, sale()); r.Got != fiscal.Done {
		t.Errorf("sale with the printer repaired: %+v", r)
	}
	if err := c.Break(ctx, "data", true); !errors.Is(err, device.ErrNotAble) {
		t.Errorf("a part that cannot be broken: %v", err)
	}

	var did []string
	for e := range log.View().Events() {
		if e.Source != history.Control {
			t.Errorf("event %d of source %s", e.Seq, e.Source)
		}
		switch b := e.Body.(type) {
		case history.Switched:
			did = append(did, b.What+" "+b.To)
		case history.ClockSet:
			did = append(did, b.What+" "+b.To.Sub(b.From).String())
		}
	}
	want := []string{"device 1h30m0s", "paper out", "paper in", "power off", "reset done", "reset not done", "power on", "battery flat", "reset done", "battery good", "reset done",
		"unit:printer broken", "reset done", "unit:printer whole", "reset done"}
	if !slices.Equal(did, want) {
		t.Errorf("recorded %q, want %q", did, want)
	}
}

// Paper that leaves the memory before it was read is an error of the bench, not silence.
func TestLostPaper(t *testing.T) {
	w := newWorld(t)
	// 20,000 lines are kept: a register cannot print so much in a test, so the
	// answer of an API that has lost lines is played.
	fake := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		switch {
		case q.URL.Path == "/":
			_, _ = rw.Write([]byte(`{"api":"kkmtest-control","version":1,"can":["printed"]}`))
		case q.URL.RawQuery == "after=0":
			_, _ = rw.Write([]byte(`{"lines":["a"],"next":1,"lost":0,"printing":false,"age_ms":1}`))
		default:
			_, _ = rw.Write([]byte(`{"lines":["b"],"next":9,"lost":7,"printing":false,"age_ms":1}`))
		}
	}))
	defer fake.Close()
	c, err := client.Connect(t.Context(), w.loop, fake.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Printed(t.Context()); err == nil || !strings.Contains(err.Error(), "7 printed lines are gone") {
		t.Errorf("%v", err)
	}
}

func TestListen(t *testing.T) {
	for _, c := range []struct {
		addr     string
		loopback bool
	}{{"127.0.0.1:0", true}, {":0", true}, {"0.0.0.0:0", false}} {
		l, warning, err := control.Listen(c.addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.HasPrefix(l.Addr().String(), "127.0.0.1:"); got != c.loopback || (warning == "") != c.loopback {
			t.Errorf("%s: %s, warning %q", c.addr, l.Addr(), warning)
		}
		_ = l.Close()
	}
	for _, bad := range []string{"8090", "127.0.0.1", ""} {
		if _, _, err := control.Listen(bad); err == nil || !strings.Contains(err.Error(), "HOST:PORT") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// A caller that goes away does not leave the server waiting.
func TestGoneCaller(t *testing.T) {
	w := newWorld(t)
	w.loop.Close() // nothing answers on the loop any more
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	q := httptest.NewRequest("GET", "/display", bytes.NewReader(nil)).WithContext(ctx)
	done := make(chan struct{})
	go func() { w.api.ServeHTTP(httptest.NewRecorder(), q); close(done) }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("the server waits for a loop that has ended")
	}
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Error("answered without a loop")
	}
}
