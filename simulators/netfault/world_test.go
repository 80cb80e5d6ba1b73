package netfault

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/simulators/netfault/capture"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

const ofdPort = 7777

// world is a network in simulated time with an OFD that answers.
type world struct {
	t    testing.TB
	clk  *clock.Virtual
	log  *history.Log
	net  *Network
	link *Link
	pcap bytes.Buffer
	ofd  *server
}

func newWorld(t testing.TB, opt Options) *world {
	t.Helper()
	w := &world{t: t, clk: clock.NewVirtual(epochOf(), nil)}
	w.log = history.NewMemory(w.clk)
	opt.Journal, opt.Capture = w.log, &w.pcap
	if opt.Seed == 0 {
		opt.Seed = 1
	}
	n, err := New(w.clk, opt)
	if err != nil {
		t.Fatal(err)
	}
	w.net = n
	w.link = n.links[0]
	w.ofd = &server{}
	if err := n.Listen(ofdPort, w.ofd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Errorf("the bench failed: %v", err)
		}
	})
	return w
}

func epochOf() time.Time { return time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC) }

// server takes connections and echoes when echo is set.
type server struct {
	echo  bool
	conns []*peer
}

func (s *server) Accept(c stream.Conn, name string) stream.Events {
	p := &peer{conn: c, name: name, opened: true}
	s.conns = append(s.conns, p)
	ev := p.events()
	if s.echo {
		take := ev.Received
		ev.Received = func(b []byte) { take(b); c.Send(b) }
	}
	return ev
}

// peer is one end of a stream with what happened on it.
type peer struct {
	conn   stream.Conn
	name   string
	opened bool
	got    bytes.Buffer
	closed int
	err    error
}

func (p *peer) events() stream.Events {
	return stream.Events{
		Opened:   func(stream.Conn) { p.opened = true },
		Received: func(b []byte) { p.got.Write(b) },
		Closed:   func(err error) { p.closed++; p.err = err },
	}
}

func (w *world) dial() *peer { return w.dialOn(w.link.name) }

func (w *world) dialOn(channel string) *peer {
	p := &peer{}
	p.conn = w.net.Dialer().Dial(channel, "ofd", ofdPort, p.events())
	return p
}

// connect dials and waits until both ends are open.
func (w *world) connect() (kkm, ofd *peer) {
	w.t.Helper()
	n := len(w.ofd.conns)
	kkm = w.dial()
	w.until(10*time.Second, func() bool { return kkm.opened && len(w.ofd.conns) > n })
	return kkm, w.ofd.conns[n]
}

func (w *world) until(d time.Duration, ready func() bool) {
	w.t.Helper()
	ok, err := w.clk.Wait(context.Background(), w.clk.Now().Add(d), ready)
	if err != nil || !ok {
		w.t.Fatalf("not within %v (now %v): %v", d, w.clk.Now().Mono, err)
	}
}

func (w *world) pass(d time.Duration) {
	w.t.Helper()
	if _, err := w.clk.Wait(context.Background(), w.clk.Now().Add(d), nil); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) set(id string, f Fault) {
	w.t.Helper()
	if err := w.link.Set(id, f); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) clear(id string) int {
	w.t.Helper()
	n, err := w.link.Clear(id)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// seen is a packet of the capture, decoded.
type seen struct {
	capture.Record
	Packet
	at string // interface
}

// packets reads the capture back.
func (w *world) packets() []seen {
	w.t.Helper()
	if err := w.net.Flush(); err != nil {
		w.t.Fatal(err)
	}
	return readCapture(w.t, w.pcap.Bytes())
}

func readCapture(t testing.TB, raw []byte) []seen {
	t.Helper()
	var out []seen
	dec := newDecoder()
	head, recs := capture.Read(bytes.NewReader(raw))
	for r, err := range recs {
		if err != nil {
			t.Fatal(err)
		}
		r.Data = bytes.Clone(r.Data)
		p := dec.decode(r.Data)
		p.Dir = ToKKM
		name := head.Interfaces[r.Interface].Name
		if strings.HasSuffix(name, "/kkm") != r.Inbound {
			p.Dir = ToOFD
		}
		out = append(out, seen{Record: r, Packet: p, at: name})
	}
	return out
}

// count counts the packets for which all conditions hold.
func count(ps []seen, conds ...func(seen) bool) int {
	n := 0
next:
	for _, p := range ps {
		for _, c := range conds {
			if !c(p) {
				continue next
			}
		}
		n++
	}
	return n
}

func flags(f Flags) func(seen) bool {
	return func(p seen) bool { return p.Proto == ProtoTCP && p.Flags == f }
}
func dir(d Dir) func(seen) bool     { return func(p seen) bool { return p.Packet.Dir == d } }
func leaves(p seen) bool            { return !p.Inbound }
func arrives(p seen) bool           { return p.Inbound }
func at(ifc string) func(seen) bool { return func(p seen) bool { return p.at == ifc } }
func says(text string) func(seen) bool {
	return func(p seen) bool { return strings.Contains(strings.Join(p.Comments, "\n"), text) }
}
func what(k What) func(seen) bool { return func(p seen) bool { return k.holds(p.Packet) } }

func (w *world) events(kind string) []history.Event {
	var out []history.Event
	for e := range w.log.View().Events() {
		if e.Body.Kind() == kind {
			out = append(out, e)
		}
	}
	return out
}

func wantErr(t testing.TB, what string, p *peer, want error) {
	t.Helper()
	if p.closed != 1 || !errors.Is(p.err, want) {
		t.Errorf("%s: closed %d times with %v, want once with %v", what, p.closed, p.err, want)
	}
}
