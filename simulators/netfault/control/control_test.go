package control

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/simulators/netfault"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

type bench struct {
	t   *testing.T
	clk *clock.Virtual
	net *netfault.Network
	web *httptest.Server
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, clk: clock.NewVirtual(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC), nil)}
	n, err := netfault.New(b.clk, netfault.Options{Seed: 1, Journal: history.NewMemory(b.clk), Links: []netfault.LinkOptions{{Name: "ethernet"}, {Name: "gsm"}}})
	if err != nil {
		t.Fatal(err)
	}
	b.net = n
	if err := n.Listen(7777, echo{}); err != nil {
		t.Fatal(err)
	}
	b.web = httptest.NewServer(Handler(n))
	t.Cleanup(func() {
		b.web.Close()
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

type echo struct{}

func (echo) Accept(c stream.Conn, _ string) stream.Events {
	return stream.Events{Received: func(p []byte) { c.Send(p) }}
}

// sell opens a connection on a link and sends something.
func (b *bench) sell(link string) {
	b.t.Helper()
	b.net.Dialer().Dial(link, "ofd", 7777, stream.Events{Opened: func(c stream.Conn) { c.Send([]byte("a receipt")) }})
	if _, err := b.clk.Wait(context.Background(), b.clk.Now().Add(5*time.Second), nil); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) ask(method, path, body string, status int) string {
	b.t.Helper()
	q, err := http.NewRequest(method, b.web.URL+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if r.StatusCode != status {
		b.t.Errorf("%s %s: status %d, want %d: %s", method, path, r.StatusCode, status, raw)
	}
	return string(raw)
}

func TestFaultsBySetAndLift(t *testing.T) {
	b := newBench(t)
	b.ask("POST", "/links/ethernet/faults", `{"id": "loss", "where": {"dir": "to-ofd", "what": "data", "packet": 1}, "fault": "drop"}`, 201)
	b.ask("POST", "/links/gsm/faults", `{"id": "modem", "fault": {"profile": "lte"}}`, 201)
	b.sell("ethernet")
	b.sell("gsm")
	var links []netfault.LinkState
	if err := json.Unmarshal([]byte(b.ask("GET", "/state", "", 200)), &links); err != nil {
		t.Fatal(err)
	}
	e, g := links[0], links[1]
	if len(e.Faults) != 1 || e.Faults[0].Struck != 1 || e.ToOFD.Dropped != 1 || len(e.Flows) != 1 || e.Flows[0].State != "open" || e.Flows[0].ToOFD.Again != 1 || e.Flows[0].ToKKM.Bytes != 9 {
		t.Errorf("ethernet: %+v", e)
	}
	if len(g.Faults) != 4 || g.Faults[3].ID != "modem/delay" || g.Faults[3].Struck == 0 || len(g.Flows) != 1 {
		t.Errorf("gsm: %+v", g)
	}
	if s := b.ask("DELETE", "/links/ethernet/faults/loss", "", 200); strings.TrimSpace(s) != `{"struck":1}` {
		t.Errorf("lifted: %s", s)
	}
	b.ask("DELETE", "/links/gsm/faults/modem/up", "", 200)
	b.ask("DELETE", "/links/gsm/faults/modem", "", 200)
	for _, l := range b.net.State() {
		if len(l.Faults) != 0 {
			t.Errorf("%s still has %+v", l.Name, l.Faults)
		}
	}
}

func TestRefusals(t *testing.T) {
	b := newBench(t)
	b.ask("POST", "/links/gsm/faults", `{"id": "x", "fault": "cut"}`, 201)
	for _, tt := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/links/wifi/faults", `{"id": "x", "fault": "cut"}`, 404, `link \"wifi\" is not there: want one of ethernet, gsm`},
		{"POST", "/links/gsm/faults", `{"id": "x", "fault": "cut"}`, 409, `already set`},
		{"POST", "/links/gsm/faults", `{"id": "y", "fault": "cutt"}`, 400, `body:1:22: fault \"cutt\" is not known`},
		{"POST", "/links/gsm/faults", `{"fault": "cut"}`, 400, `no id`},
		{"POST", "/links/gsm/faults", ``, 400, `want one`},
		{"POST", "/links/gsm/faults", strings.Repeat(" ", maxBody+1), 413, `want at most`},
		{"DELETE", "/links/gsm/faults/y", ``, 404, `fault \"y\" is not set`},
		{"GET", "/links/gsm/faults", ``, 405, ``},
	} {
		if s := b.ask(tt.method, tt.path, tt.body, tt.status); !strings.Contains(s, tt.want) {
			t.Errorf("%s %s %.40s: %s\nwant %s", tt.method, tt.path, tt.body, s, tt.want)
		}
	}
	q, _ := http.NewRequest("POST", b.web.URL+"/links/gsm/faults", strings.NewReader(`{"id": "z", "fault": "cut"}`))
	q.Header.Set("Origin", "http://elsewhere.example")
	q.Header.Set("Sec-Fetch-Site", "cross-site")
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if r.StatusCode != http.StatusForbidden {
		t.Errorf("a page of another origin got status %d", r.StatusCode)
	}
}

// The words of the control are those of scripts.
func TestWords(t *testing.T) {
	b := newBench(t)
	var words struct {
		Faults   []string
		Profiles []struct{ Name, About string }
	}
	if err := json.Unmarshal([]byte(b.ask("GET", "/faults", "", 200)), &words); err != nil {
		t.Fatal(err)
	}
	if len(words.Faults) < 20 || len(words.Profiles) != len(netfault.Profiles()) || words.Profiles[0].About == "" {
		t.Errorf("%+v", words)
	}
}

func TestTable(t *testing.T) {
	b := newBench(t)
	b.ask("POST", "/links/ethernet/faults", `{"id": "loss", "where": {"dir": "to-ofd", "what": "data", "packet": 1}, "fault": "drop"}`, 201)
	b.ask("POST", "/links/ethernet/faults", `{"id": "idle\u001b[2J", "fault": "cut-rst"}`, 400)
	b.ask("POST", "/links/ethernet/faults", `{"id": "idle", "where": {"what": "rst"}, "fault": "drop"}`, 201)
	b.sell("ethernet")
	got := b.ask("GET", "/table", "", 200)
	port := strings.Split(strings.SplitAfter(got, "10.77.0.1:")[1], " ")[0]
	want := `link ethernet   to OFD 6 packets, 1 dropped   to KKM 4, 0 dropped   0 under way
  fault  for  seen  struck  what it does
  loss   5s   2     1       drop number 1 of data packets to OFD
  idle   5s   0     none    drop all RST both ways
  flow  register         OFD             state  to OFD  to KKM  again
  1     10.77.0.1:PORT  10.77.0.2:7777  open   18 B    9 B     1

link gsm   to OFD 0 packets, 0 dropped   to KKM 0, 0 dropped   0 under way
  no faults
`
	if want := strings.Replace(want, "PORT", port, 1); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
