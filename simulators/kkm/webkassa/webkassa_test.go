package webkassa_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	driver "github.com/kkmtest/kkmtest/bench/device/webkassa"
	"github.com/kkmtest/kkmtest/bench/device/webkassa/wire"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
	"github.com/kkmtest/kkmtest/simulators/kkm/webkassa"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

var epoch = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// nobody refuses every connection: the register works offline.
type nobody struct{ loop clock.Loop }

func (n nobody) Dial(_, _ string, _ int, ev stream.Events) stream.Conn {
	n.loop.Post(func() { ev.Closed(stream.ErrRefused) })
	return deaf{}
}

type deaf struct{}

func (deaf) Send([]byte) {}
func (deaf) Close()      {}
func (deaf) Reset()      {}

// wires is a transport that can lose what it carries.
type wires struct {
	inner http.RoundTripper
	loop  clock.Loop
	calls []string
	// fate decides about a call by its path and its number among the calls of that
	// path, from 1: "" lets it through; "request" loses it before the register,
	// "answer" behind it; "late" keeps the answer for ever; the rest is an answer of its own.
	fate func(path string, n int) string
	n    map[string]int
}

func (w *wires) RoundTrip(q *http.Request) (*http.Response, error) {
	w.calls = append(w.calls, q.URL.Path)
	if w.n == nil {
		w.n = map[string]int{}
	}
	w.n[q.URL.Path]++
	fate := ""
	if w.fate != nil {
		fate = w.fate(q.URL.Path, w.n[q.URL.Path])
	}
	switch fate {
	case "":
		return w.inner.RoundTrip(q)
	case "request":
		return nil, errors.New("connection refused")
	case "answer":
		if _, err := w.inner.RoundTrip(q); err != nil {
			return nil, err
		}
		return nil, errors.New("connection reset by peer")
	case "late":
		if _, err := w.inner.RoundTrip(q); err != nil {
			return nil, err
		}
		_, err := w.loop.Wait(q.Context(), w.loop.Now().Add(time.Hour), func() bool { return q.Context().Err() != nil })
		return nil, errors.Join(err, q.Context().Err())
	}
	status, body, _ := strings.Cut(fate, " ")
	code := 200
	fmt.Sscan(status, &code)
	return &http.Response{StatusCode: code, Status: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: q}, nil
}

type world struct {
	loop  *clock.Virtual
	log   *history.Log
	reg   *kkm.Register
	wires *wires
	dev   *driver.Driver
	n     int
}

func profile(t testing.TB) kkm.Profile {
	t.Helper()
	raw, err := os.ReadFile("../../../fixtures/emulator/section-1.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := kkm.LoadProfile("section-1.yaml", raw)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func secrets(o webkassa.Options) driver.Secrets {
	s := driver.Secrets{APIKey: o.APIKey, Cashiers: map[int]driver.Login{}}
	for _, l := range o.Logins {
		if l.Cashier == 0 {
			s.Admin = driver.Login{Login: l.Login, Password: l.Password}
		} else {
			s.Cashiers[l.Cashier] = driver.Login{Login: l.Login, Password: l.Password}
		}
	}
	return s
}

func newWorld(t testing.TB, so webkassa.Options) *world {
	t.Helper()
	w := &world{loop: clock.NewVirtual(epoch, nil)}
	w.log = history.NewMemory(w.loop)
	var err error
	if w.reg, err = kkm.New(w.loop, profile(t), nobody{w.loop}, kkm.Options{Seed: 1}); err != nil {
		t.Fatal(err)
	}
	w.wires = &wires{loop: w.loop, inner: webkassa.Local{Loop: w.loop, Server: webkassa.New(w.loop, w.reg, so), Delay: 5 * time.Millisecond}}
	w.dev, err = driver.Open(w.loop, w.log, driver.Options{Base: "http://register.test:80", Cashbox: so.Cashbox, Secrets: secrets(so), Transport: w.wires})
	if err != nil {
		t.Fatal(err)
	}
	w.loop.Post(func() { w.reg.Power(true) })
	if _, err := w.loop.Wait(context.Background(), w.loop.Now().Add(time.Minute), func() bool { s := w.reg.State(); return s.On && !s.Testing }); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) do(t *testing.T, op fiscal.Op) fiscal.Outcome {
	t.Helper()
	w.n++
	op.ID = fiscal.OpID(fmt.Sprintf("test/1/%d", w.n))
	out, err := w.dev.Do(t.Context(), op)
	if err != nil {
		t.Fatalf("%s: %v", op.Kind, err)
	}
	return out
}

var vat = fiscal.MilliPercent(16000)

func sale() fiscal.Op {
	r := &fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{
		{Kind: fiscal.Goods, Name: "Нан ақ", Section: 1, Qty: 1000, Price: 25050, VAT: &vat},
		{Kind: fiscal.Goods, Name: "Шай", Code: 101, Section: 2, Qty: 1234, Price: 45075}},
		Payments: []fiscal.Payment{{Kind: fiscal.Card, Sum: fiscal.Tenge(500)}, {Kind: fiscal.Cash, Sum: fiscal.Tenge(1000)}}}
	return fiscal.Op{Kind: fiscal.OpReceipt, Receipt: r}
}

func cash(k fiscal.OpKind, n int64) fiscal.Op { return fiscal.Op{Kind: k, Cash: fiscal.Tenge(n)} }

// state reads the register past the wires.
func (w *world) state(t *testing.T) kkm.State {
	t.Helper()
	var s kkm.State
	done := false
	w.loop.Post(func() { s, done = w.reg.State(), true })
	if _, err := w.loop.Wait(t.Context(), w.loop.Now().Add(time.Second), func() bool { return done }); err != nil {
		t.Fatal(err)
	}
	return s
}

// A day over HTTP counts what a day at the keys counts.
func TestDay(t *testing.T) {
	w := newWorld(t, webkassa.Defaults())
	id, err := w.dev.Identity(t.Context())
	if err != nil || id.Serial != "SWK00000001" || !strings.Contains(id.Type, "OFD protocol 204") {
		t.Errorf("identity %+v, %v", id, err)
	}
	s, err := w.dev.State(t.Context())
	if err != nil || s.ShiftOpen || s.Unsent != nil {
		t.Errorf("state %+v, %v", s, err)
	}
	out := w.do(t, sale())
	st := w.state(t)
	if out.Got != fiscal.Done || out.Doc != 1 || out.Shift != 1 || out.Sign != st.LastSign || out.Change != 69327 {
		t.Errorf("%+v, register %+v", out, st)
	}
	if st.Receipts[fiscal.Sale] != 1 || st.Sums[fiscal.Sale] != 80673 || st.Cash != 30673 {
		t.Errorf("the register counts %+v", st)
	}
	w.do(t, cash(fiscal.OpDeposit, 500))
	w.do(t, cash(fiscal.OpWithdraw, 200))
	if st := w.state(t); st.Cash != 60673 || st.Deposits != 1 || st.Withdrawals != 1 {
		t.Errorf("cash %+v", st)
	}
	if out := w.do(t, cash(fiscal.OpWithdraw, 100000)); out.Got != fiscal.Refused || out.Code != int(wire.NotEnoughMoney) {
		t.Errorf("%+v", out)
	}
	r := sale().Receipt
	back := fiscal.Op{Kind: fiscal.OpReceipt, Receipt: &fiscal.Receipt{Kind: fiscal.SaleReturn, Lines: r.Lines[:1], Payments: []fiscal.Payment{{Kind: fiscal.Cash, Sum: 25050}},
		Parent: &fiscal.Parent{Sign: out.Sign, At: epoch, KKM: "010100123456", Total: 80673, Offline: true}}}
	if out := w.do(t, back); out.Got != fiscal.Done {
		t.Errorf("%+v", out)
	}
	back.Receipt.Parent = nil
	if out := w.do(t, back); out.Got != fiscal.Refused || out.Code != int(wire.Validation) {
		t.Errorf("a return without basis: %+v", out)
	}
	discounted := sale()
	discounted.Receipt.Discount = 100
	if out := w.do(t, discounted); out.Got != fiscal.Done {
		t.Errorf("%+v", out)
	}
	if out := w.do(t, fiscal.Op{Kind: fiscal.OpCopy}); out.Got != fiscal.Done {
		t.Errorf("%+v", out)
	}
	x := w.do(t, fiscal.Op{Kind: fiscal.OpXReport})
	z := w.do(t, fiscal.Op{Kind: fiscal.OpZReport})
	if x.Got != fiscal.Done || z.Got != fiscal.Done || z.Shift != 1 || w.state(t).ShiftOpen {
		t.Errorf("X %+v, Z %+v, %+v", x, z, w.state(t))
	}
	if out := w.do(t, fiscal.Op{Kind: fiscal.OpZReport}); out.Got != fiscal.Refused || out.Code != int(wire.NoShift) {
		t.Errorf("a second Z: %+v", out)
	}
	if out := w.do(t, fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetToken, Value: "424242", As: fiscal.Role{Admin: true}}); out.Got != fiscal.Done {
		t.Errorf("%+v", out)
	}
}

// What the interface cannot carry is said before anything is sent.
func TestUnsupported(t *testing.T) {
	w := newWorld(t, webkassa.Defaults())
	with := func(l fiscal.Line) fiscal.Op {
		op := sale()
		op.Receipt.Lines = append(op.Receipt.Lines, l)
		return op
	}
	odd := sale()
	odd.Receipt.Lines[0].Sum = 25000
	for name, op := range map[string]fiscal.Op{
		"storno": with(fiscal.Line{Kind: fiscal.GoodsStorno, Name: "Шай", Qty: 1000, Price: 45075}), "discount": with(fiscal.Line{Kind: fiscal.Discount, Name: "Ж", Sum: 5}),
		"markup": with(fiscal.Line{Kind: fiscal.Markup, Name: "Ү", Sum: 5}), "sum": odd, "self-test": {Kind: fiscal.OpSelfTest}, "clock": {Kind: fiscal.OpSetClock, Clock: epoch},
		"host": {Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDHost, Value: "x"}, "token of letters": {Kind: fiscal.OpSetSetting, Setting: fiscal.SetToken, Value: "x"},
		"nothing": {Kind: fiscal.OpReceipt}, "copy of nothing": {Kind: fiscal.OpCopy}, "credit": {Kind: fiscal.OpReceipt, Receipt: &fiscal.Receipt{Kind: fiscal.Sale, Payments: []fiscal.Payment{{Kind: "credit"}}}},
	} {
		if out := w.do(t, op); out.Got != fiscal.Unsupported || out.Text == "" {
			t.Errorf("%s: %+v", name, out)
		}
	}
	if slices.Contains(w.wires.calls, wire.CheckPath) {
		t.Error("something was sent")
	}
	if _, ok := device.Able[device.Printer](w.dev); ok {
		t.Error("the driver claims to read paper")
	}
}

func TestPasswords(t *testing.T) {
	w := newWorld(t, webkassa.Defaults())
	op := sale()
	op.As.Password = "987654"
	if out := w.do(t, op); out.Got != fiscal.Refused || out.Code != int(wire.WrongCredentials) {
		t.Errorf("%+v", out)
	}
	z := fiscal.Op{Kind: fiscal.OpZReport, As: fiscal.Role{Admin: true, Password: "1"}}
	if out := w.do(t, z); out.Got != fiscal.Refused || out.Code != int(wire.WrongCredentials) {
		t.Errorf("%+v", out)
	}
	if out := w.do(t, sale()); out.Got != fiscal.Done {
		t.Errorf("after wrong passwords: %+v", out)
	}
	right := sale()
	right.As = fiscal.Role{Cashier: 2, Password: "emulated-two"}
	if out := w.do(t, right); out.Got != fiscal.Done {
		t.Errorf("%+v", out)
	}
	if n := w.state(t).Receipts[fiscal.Sale]; n != 2 {
		t.Errorf("%d sales, want 2", n)
	}
}

// Every effect, its answer lost in every way: it happens once, and the driver
// finds out or says that it does not know.
func TestLostAnswers(t *testing.T) {
	counts := func(s kkm.State) string {
		return fmt.Sprint(s.Receipts[fiscal.Sale], s.Deposits, s.Withdrawals, s.ShiftOpen, s.LastDoc)
	}
	for _, e := range []struct {
		name, path string
		op         func() fiscal.Op
		found      bool // can be found out
	}{
		{"sale", wire.CheckPath, sale, true},
		{"deposit", wire.MoneyOperation, func() fiscal.Op { return cash(fiscal.OpDeposit, 300) }, true},
		{"withdrawal", wire.MoneyOperation, func() fiscal.Op { return cash(fiscal.OpWithdraw, 100) }, true},
		{"Z", wire.ZReport, func() fiscal.Op { return fiscal.Op{Kind: fiscal.OpZReport} }, true},
		{"X", wire.XReport, func() fiscal.Op { return fiscal.Op{Kind: fiscal.OpXReport} }, false},
	} {
		for _, fate := range []string{"answer", "late", "500 oops", "200 <html>", "200 {}", `200 {"Data":{"CheckNumber":1}}`} {
			t.Run(e.name+"/"+fate, func(t *testing.T) {
				plain := newWorld(t, webkassa.Defaults())
				w := newWorld(t, webkassa.Defaults())
				for _, x := range []*world{plain, w} {
					x.do(t, sale())
					x.do(t, cash(fiscal.OpDeposit, 1000))
				}
				before := counts(w.state(t))
				w.wires.n = nil
				w.wires.fate = func(path string, n int) string {
					if path == e.path && n == 1 {
						return fate
					}
					return ""
				}
				plain.do(t, e.op())
				out := w.do(t, e.op())
				executed := fate == "answer" || fate == "late"
				after := counts(w.state(t))
				switch {
				case executed && after != counts(plain.state(t)):
					t.Errorf("the register counts %s, without trouble %s", after, counts(plain.state(t)))
				case !executed && after != before:
					t.Errorf("the register counts %s, before %s", after, before)
				}
				want := fiscal.Unknown
				if executed && e.found {
					want = fiscal.Done
				}
				if out.Got != want || out.Text == "" {
					t.Errorf("%+v, want %q", out, want)
				}
				sent := 0
				for _, c := range w.wires.calls {
					if c == e.path {
						sent++
					}
				}
				// The preparations use the paths of sale and deposit once each.
				if own := map[string]int{wire.CheckPath: 1, wire.MoneyOperation: 1}[e.path]; sent-own != 1 {
					t.Errorf("sent %d times", sent-own)
				}
			})
		}
	}
	t.Run("a request that never left", func(t *testing.T) {
		w := newWorld(t, webkassa.Defaults())
		w.wires.fate = func(path string, _ int) string {
			if path == wire.CheckPath {
				return "request"
			}
			return ""
		}
		out := w.do(t, sale())
		if out.Got != fiscal.Unknown || w.state(t).LastDoc != 0 || slices.Contains(w.wires.calls, wire.ByExternal) {
			t.Errorf("%+v, %q", out, w.wires.calls)
		}
	})
	t.Run("nobody there at all", func(t *testing.T) {
		w := newWorld(t, webkassa.Defaults())
		w.wires.fate = func(string, int) string { return "request" }
		if out := w.do(t, sale()); out.Got != fiscal.Unknown {
			t.Errorf("%+v", out)
		}
		if _, err := w.dev.State(t.Context()); !errors.Is(err, device.ErrSilent) {
			t.Errorf("%v", err)
		}
	})
}

// A session that has expired proves that nothing was done: the call is made once more.
func TestExpiredSession(t *testing.T) {
	o := webkassa.Defaults()
	o.Session = time.Minute
	w := newWorld(t, o)
	for i := range 3 {
		if out := w.do(t, sale()); out.Got != fiscal.Done {
			t.Fatalf("sale %d: %+v", i+1, out)
		}
		if _, err := w.loop.Wait(t.Context(), w.loop.Now().Add(2*time.Minute), nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.state(t).Receipts[fiscal.Sale]; n != 3 {
		t.Errorf("%d sales, want 3", n)
	}
}

// External numbers differ from run to run and from effect to effect, and have at
// most 50 characters; a number that was processed already is told as done, once.
func TestExternalNumbers(t *testing.T) {
	w := newWorld(t, webkassa.Defaults())
	long := fiscal.OpID(strings.Repeat("scenario/", 20) + "1/1")
	numbers := func() map[string]bool {
		all := map[string]bool{}
		for e := range w.log.View().Events() {
			h, ok := e.Body.(history.HostBytes)
			if !ok || h.Dir != history.ToDevice {
				continue
			}
			_, body, _ := bytes.Cut(h.Data, []byte("\r\n\r\n"))
			var c wire.Check
			if json.Unmarshal(body, &c) == nil && c.ExternalCheckNumber != "" {
				all[c.ExternalCheckNumber] = true
				if len(c.ExternalCheckNumber) > wire.MaxExternal {
					t.Errorf("%s has %d characters", c.ExternalCheckNumber, len(c.ExternalCheckNumber))
				}
			}
		}
		return all
	}
	w.do(t, sale())
	op := sale()
	op.ID = long
	for range 2 {
		if out, err := w.dev.Do(t.Context(), op); err != nil || out.Got != fiscal.Done {
			t.Errorf("%+v, %v", out, err)
		}
	}
	if n := w.state(t).Receipts[fiscal.Sale]; n != 2 {
		t.Errorf("%d sales, want 2: one effect was made twice", n)
	}
	if n := len(numbers()); n != 2 {
		t.Errorf("%d external numbers, want 2", n)
	}
	// Another run on the same register.
	if _, err := w.loop.Wait(t.Context(), w.loop.Now().Add(time.Second), nil); err != nil {
		t.Fatal(err)
	}
	again, err := driver.Open(w.loop, w.log, driver.Options{Base: "http://register.test:80", Cashbox: "SWK00000001", Secrets: secrets(webkassa.Defaults()), Transport: w.wires})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := again.Do(t.Context(), op); err != nil || out.Got != fiscal.Done {
		t.Errorf("%+v, %v", out, err)
	}
	if n := w.state(t).Receipts[fiscal.Sale]; n != 3 {
		t.Errorf("%d sales, want 3: another run's receipt was taken for this one's", n)
	}
}

// No secret stands in the record; its digest does.
func TestSecretsStayOut(t *testing.T) {
	w := newWorld(t, webkassa.Defaults())
	w.do(t, sale())
	op := sale()
	op.As.Password = "short" // too short to be looked for: it stands in one place only
	w.do(t, op)
	var all bytes.Buffer
	for e := range w.log.View().Events() {
		if h, ok := e.Body.(history.HostBytes); ok {
			all.Write(h.Data)
			all.WriteString(h.Note)
		}
	}
	for _, s := range []string{"EMULATED-KEY", "emulated-admin", "emulated-one", "emulated-session-", `"short"`} {
		if bytes.Contains(all.Bytes(), []byte(s)) {
			t.Errorf("%s stands in the record", s)
		}
	}
	for _, s := range []string{"[secret sha256:", "redacted", "POST /api/v4/check HTTP/1.1", "HTTP/1.1 200 OK", "Нан ақ"} {
		if !bytes.Contains(all.Bytes(), []byte(s)) {
			t.Errorf("%s does not stand in the record", s)
		}
	}
	// Bytes are tied to their operation.
	for e := range w.log.View().Events() {
		h, ok := e.Body.(history.HostBytes)
		if ok && strings.Contains(h.Note, wire.CheckPath) && len(e.Causes) == 0 {
			t.Errorf("event %d has no cause", e.Seq)
		}
	}
}

// Paper that somebody sees ends the operation; without it no time is measured.
func TestRest(t *testing.T) {
	w := newWorld(t, webkassa.Defaults())
	w.do(t, sale())
	last := func() history.Result {
		e, _ := w.log.View().Get(history.Seq(w.log.View().Len()))
		return e.Body.(history.Result)
	}
	if r := last(); r.Entered != (clock.Instant{}) || !strings.Contains(r.Sources, "paper is not seen") {
		t.Errorf("%+v", r)
	}
	o := webkassa.Defaults()
	seen, err := driver.Open(w.loop, w.log, driver.Options{Base: "http://register.test:80", Cashbox: o.Cashbox, Secrets: secrets(o), Transport: w.wires,
		Rest: func(context.Context) (clock.Instant, time.Duration, bool, error) {
			return w.loop.Now().Add(time.Second), 7 * time.Millisecond, true, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	op := sale()
	op.ID = "test/rest/1"
	if _, err := seen.Do(t.Context(), op); err != nil {
		t.Fatal(err)
	}
	if r := last(); r.Entered.Mono == 0 || r.Done.Mono-r.Entered.Mono < time.Second || r.Blur != 12*time.Millisecond {
		t.Errorf("%+v", r)
	}
}

// The same over a real network.
func TestOverHTTP(t *testing.T) {
	loop := clock.NewReal()
	t.Cleanup(loop.Close)
	p := profile(t)
	p.Printer.Speed, p.Channels = 1000, p.Channels[:1]
	p.Limits.Answer, p.Limits.Transaction, p.Limits.Connect, p.Limits.Retry = time.Second, time.Second, 10*time.Millisecond, 10*time.Millisecond
	reg, err := kkm.New(loop, p, nobody{loop}, kkm.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	o := webkassa.Defaults()
	s := httptest.NewServer(webkassa.New(loop, reg, o))
	t.Cleanup(s.Close)
	loop.Post(func() { reg.Power(true) })
	if _, err := loop.Wait(t.Context(), loop.Now().Add(30*time.Second), func() bool { s := reg.State(); return s.On && !s.Testing }); err != nil {
		t.Fatal(err)
	}
	log := history.NewMemory(loop)
	d, err := driver.Open(loop, log, driver.Options{Base: s.URL, Cashbox: o.Cashbox, Secrets: secrets(o)})
	if err != nil {
		t.Fatal(err)
	}
	op := sale()
	op.ID = "net/1/1"
	out, err := d.Do(t.Context(), op)
	if err != nil || out.Got != fiscal.Done || out.Sign == "" {
		t.Fatalf("%+v, %v", out, err)
	}
	op.ID, op.Receipt = "net/1/2", sale().Receipt
	op.As.Password = "wrong"
	if out, err := d.Do(t.Context(), op); err != nil || out.Got != fiscal.Refused {
		t.Errorf("%+v, %v", out, err)
	}
	s.Close()
	op.ID, op.As = "net/1/3", fiscal.Role{}
	if out, err := d.Do(t.Context(), op); err != nil || out.Got != fiscal.Unknown {
		t.Errorf("a service that is gone: %+v, %v", out, err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	r, err := http.Get(s.URL)
	if err == nil {
		r.Body.Close()
	}
}

// The server refuses what the maker's service refuses.
func TestServerRefusals(t *testing.T) {
	w := newWorld(t, webkassa.Defaults())
	post := func(path, key, body string) (int, wire.Answer) {
		t.Helper()
		q, err := http.NewRequest(http.MethodPost, "http://register.test:80"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set(wire.APIKeyHeader, key)
		r, err := w.wires.RoundTrip(q)
		if err != nil {
			t.Fatal(err)
		}
		var a wire.Answer
		if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, a
	}
	_, a := post(wire.Authorize, "EMULATED-KEY", `{"Login":"cashier1@emulated.test","Password":"emulated-one"}`)
	var s wire.Session
	if err := json.Unmarshal(a.Data, &s); err != nil || s.Token == "" {
		t.Fatalf("%+v, %v", a, err)
	}
	head := `{"Token":"` + s.Token + `","CashboxUniqueNumber":"SWK00000001",`
	for name, c := range map[string]struct {
		path, key, body string
		code            wire.Code
	}{
		"key":         {wire.State, "other", `{}`, wire.NotAuthorized},
		"password":    {wire.Authorize, "EMULATED-KEY", `{"Login":"cashier1@emulated.test","Password":"x"}`, wire.WrongCredentials},
		"no session":  {wire.State, "EMULATED-KEY", `{"Token":"x","CashboxUniqueNumber":"SWK00000001"}`, wire.NotAuthorized},
		"cashbox":     {wire.State, "EMULATED-KEY", `{"Token":"` + s.Token + `","CashboxUniqueNumber":"SWK00000002"}`, wire.CashboxNotFound},
		"path":        {"/api/v4/Nothing", "EMULATED-KEY", `{}`, wire.UnknownError},
		"no JSON":     {wire.CheckPath, "EMULATED-KEY", `{`, wire.Validation},
		"no external": {wire.CheckPath, "EMULATED-KEY", head + `"OperationType":2}`, wire.Validation},
		"long":        {wire.CheckPath, "EMULATED-KEY", head + `"OperationType":2,"ExternalCheckNumber":"` + strings.Repeat("x", 51) + `"}`, wire.Validation},
		"type":        {wire.CheckPath, "EMULATED-KEY", head + `"OperationType":7,"ExternalCheckNumber":"1"}`, wire.Validation},
		"tax":         {wire.CheckPath, "EMULATED-KEY", head + `"OperationType":2,"ExternalCheckNumber":"1","Positions":[{"Count":1,"Price":116,"TaxType":100,"TaxPercent":16,"Tax":15,"PositionName":"a"}],"Payments":[{"Sum":116,"PaymentType":0}]}`, wire.Validation},
		"change":      {wire.CheckPath, "EMULATED-KEY", head + `"OperationType":2,"ExternalCheckNumber":"1","Change":1,"Positions":[{"Count":1,"Price":116,"PositionName":"a"}],"Payments":[{"Sum":116,"PaymentType":0}]}`, wire.Validation},
		"payment":     {wire.CheckPath, "EMULATED-KEY", head + `"OperationType":2,"ExternalCheckNumber":"1","Positions":[{"Count":1,"Price":116,"PositionName":"a"}],"Payments":[{"Sum":116,"PaymentType":9}]}`, wire.Validation},
		"form":        {wire.PrintFormat, "EMULATED-KEY", head + `"ExternalCheckNumber":"1"}`, wire.ExternalNotFound},
		"found not":   {wire.ByExternal, "EMULATED-KEY", head + `"ExternalCheckNumber":"1","ShiftNumber":1}`, wire.ExternalNotFound},
		"cash":        {wire.MoneyOperation, "EMULATED-KEY", head + `"OperationType":2,"Sum":1,"ExternalCheckNumber":"1"}`, wire.Validation},
		"token":       {wire.ChangeToken, "EMULATED-KEY", head + `"OfdToken":1}`, wire.AccessDenied},
	} {
		if _, a := post(c.path, c.key, c.body); len(a.Errors) != 1 || a.Errors[0].Code != c.code {
			t.Errorf("%s: %+v, want code %d", name, a, c.code)
		}
	}
	if st := w.state(t); st.LastDoc != 0 {
		t.Errorf("a refused call has left document %d", st.LastDoc)
	}
}

func TestLoadSecrets(t *testing.T) {
	dir := t.TempDir()
	n := 0
	file := func(text string, mode os.FileMode) string {
		n++
		p := filepath.Join(dir, fmt.Sprintf("secrets-%d.yaml", n))
		if err := os.WriteFile(p, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return p
	}
	good := "api_key: K\nadmin: {login: a, password: b}\ncashiers:\n  2: {login: c, password: d}\n"
	s, err := driver.LoadSecrets(file(good, 0o600))
	if err != nil || s.APIKey != "K" || s.Cashiers[2].Password != "d" {
		t.Errorf("%+v, %v", s, err)
	}
	for name, c := range map[string]struct{ path, want string }{
		"others read it": {file(good, 0o644), "chmod 600"},
		"absent":         {filepath.Join(dir, "absent"), "no such file"},
		"a directory":    {dir, "want a file"},
		"a typo":         {file("api_key: K\nadmn: {login: a, password: hunter22}\n", 0o600), ":2:1"},
		"no key":         {file("admin: {login: a, password: b}\n", 0o600), "no api_key"},
		"half a cashier": {file("api_key: L\nadmin: {login: a, password: b}\ncashiers: {3: {login: c}}\n", 0o600), "cashier 3"},
	} {
		if _, err := driver.LoadSecrets(c.path); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter22") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	for _, base := range []string{"", "ftp://h:1", "http://h:1/api", "http://u:p@h:1"} {
		if _, err := driver.Open(clock.NewVirtual(epoch, nil), nil, driver.Options{Base: base, Cashbox: "S", Secrets: s}); err == nil || !strings.Contains(err.Error(), "http://HOST:PORT") {
			t.Errorf("%q: %v", base, err)
		}
	}
}
