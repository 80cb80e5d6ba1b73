package netfault

import (
	"bytes"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

func TestBytesGoBothWaysAndEndInOrder(t *testing.T) {
	w := newWorld(t, Options{})
	kkm, ofd := w.connect()
	if ofd.name != "ethernet/10.77.0.1:"+ofd.name[len("ethernet/10.77.0.1:"):] {
		t.Errorf("peer %q, want the link and the register's address", ofd.name)
	}
	msg := []byte("a request")
	kkm.conn.Send(msg)
	msg[0] = 'X' // Send copies
	w.until(time.Second, func() bool { return ofd.got.String() == "a request" })
	ofd.conn.Send([]byte("an answer"))
	ofd.conn.Close()
	w.until(time.Second, func() bool { return kkm.closed > 0 })
	if kkm.got.String() != "an answer" {
		t.Errorf("got %q", kkm.got.String())
	}
	w.pass(time.Second)
	wantErr(t, "register", kkm, nil)
	wantErr(t, "OFD", ofd, nil)

	ps := w.packets()
	if n := count(ps, flags(SYN), leaves, at("ethernet/kkm")); n != 1 {
		t.Errorf("%d SYN left the register, want 1", n)
	}
	if a, b := count(ps, leaves), count(ps, arrives); a != b || a == 0 {
		t.Errorf("%d packets left and %d arrived without a fault", a, b)
	}
	if n := count(ps, func(p seen) bool { return p.Proto == ProtoARP }); n < 4 {
		t.Errorf("%d ARP records, want question and answer at both ends", n)
	}
	for i, p := range ps {
		if p.Packet.Proto == ProtoOther {
			t.Errorf("packet %d cannot be read: % x", i+1, p.Data)
		}
	}
}

func TestAttemptsThatFail(t *testing.T) {
	w := newWorld(t, Options{Hosts: []string{"ofd"}})
	try := func(channel, host string, port int) *peer {
		p := &peer{}
		p.conn = w.net.Dialer().Dial(channel, host, port, p.events())
		return p
	}
	refused, nobody, nolink := try("ethernet", "ofd", ofdPort+1), try("ethernet", "10.0.0.9", ofdPort), try("gsm", "ofd", ofdPort)
	given := try("ethernet", "10.0.0.9", ofdPort)
	if refused.closed+nobody.closed+nolink.closed != 0 {
		t.Error("Closed was called inside Dial")
	}
	given.conn.Send([]byte("never"))
	given.conn.Close()
	w.pass(time.Minute)
	wantErr(t, "no listener", refused, stream.ErrRefused)
	wantErr(t, "no host", nobody, stream.ErrNoRoute)
	wantErr(t, "no channel", nolink, stream.ErrNoRoute)
	wantErr(t, "given up", given, nil)
	if refused.opened || nobody.opened || nolink.opened || given.opened {
		t.Error("an attempt that failed was opened")
	}
}

func TestResetReachesThePeer(t *testing.T) {
	w := newWorld(t, Options{})
	kkm, ofd := w.connect()
	kkm.conn.Reset()
	w.pass(time.Second)
	wantErr(t, "OFD", ofd, stream.ErrReset)
	wantErr(t, "register", kkm, nil)
	if n := count(w.packets(), what(Rst), leaves, dir(ToOFD)); n != 1 {
		t.Errorf("%d RST, want 1", n)
	}
}

// A large transfer is held back by windows and by a reader's pace, and stays whole.
func TestLargeTransfer(t *testing.T) {
	w := newWorld(t, Options{Links: []LinkOptions{{Name: "gsm", Latency: 40 * time.Millisecond}}})
	w.ofd.echo = true
	kkm, _ := w.connect()
	data := make([]byte, 3<<20)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	kkm.conn.Send(data)
	w.until(10*time.Minute, func() bool { return kkm.got.Len() == len(data) })
	if !bytes.Equal(kkm.got.Bytes(), data) {
		t.Error("the echo differs from what was sent")
	}
}

func TestLinksAreIndependent(t *testing.T) {
	w := newWorld(t, Options{Links: []LinkOptions{{Name: "ethernet"}, {Name: "gsm"}}})
	w.ofd.echo = true
	w.set("cut", Cut{})
	a, b := w.dialOn("ethernet"), w.dialOn("gsm")
	b.conn.Send([]byte("hello"))
	w.pass(10 * time.Second)
	if a.opened || b.got.String() != "hello" {
		t.Errorf("cut link open: %v; other link echoed %q", a.opened, b.got.String())
	}
	ps := w.packets()
	if n := count(ps, at("gsm/kkm"), says("fault")); n != 0 {
		t.Errorf("%d packets of the other link were struck", n)
	}
	if n := count(ps, at("ethernet/ofd"), what(AnyTCP)); n != 0 {
		t.Errorf("%d packets came through the cut link", n)
	}
	for _, e := range append(w.events("fault.set"), w.events("fault.struck")...) {
		if e.Link != "ethernet" || e.Source != history.Network {
			t.Errorf("event %d on link %q from %q", e.Seq, e.Link, e.Source)
		}
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	w := newWorld(t, Options{})
	for name, o := range map[string]Options{
		"no journal":       {},
		"two of one name":  {Journal: w.log, Links: []LinkOptions{{Name: "a"}, {Name: "a"}}},
		"no name":          {Journal: w.log, Links: []LinkOptions{{}}},
		"negative latency": {Journal: w.log, Links: []LinkOptions{{Name: "a", Latency: -1}}},
	} {
		if n, err := New(w.clk, o); err == nil {
			t.Errorf("%s: taken", name)
			_ = n.Close()
		}
	}
	w.clk.SetSettle(w.net.turn)
	if err := w.net.Listen(ofdPort, w.ofd); err == nil {
		t.Error("a port was taken twice")
	}
	if err := w.net.Listen(0, w.ofd); err == nil {
		t.Error("port 0 was taken")
	}
	if _, err := w.net.Edge("", "ethernet", ofdPort); err == nil {
		t.Error("an outside device was let into simulated time")
	}
}

type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errDisk
	}
	return len(p), nil
}

var errDisk = bytes.ErrTooLarge

// A capture with a gap is the bench's own failure and must be said.
func TestCaptureThatCannotBeWritten(t *testing.T) {
	w := newWorld(t, Options{})
	n, err := New(w.clk, Options{Journal: w.log, Capture: &full{left: 100}})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Flush(); err == nil {
		t.Error("Flush hid the disk's error")
	}
	if n.Err() == nil || n.Close() == nil {
		t.Error("the network hid the disk's error")
	}
	if ev := w.events("bench.fault"); len(ev) != 1 {
		t.Errorf("%d bench faults on record, want 1", len(ev))
	}
}

// Frames that do not fit are lost without a fault: the bench must say so.
func TestOverflowIsABenchFault(t *testing.T) {
	w := newWorld(t, Options{})
	n, err := New(w.clk, Options{Seed: 1, Journal: w.log})
	if err != nil {
		t.Fatal(err)
	}
	ofd := &server{}
	if err := n.Listen(ofdPort, ofd); err != nil {
		t.Fatal(err)
	}
	n.outLimit = 8
	kkm := &peer{}
	kkm.conn = n.Dialer().Dial("ethernet", "", ofdPort, kkm.events())
	w.until(time.Second, func() bool { return kkm.opened && len(ofd.conns) == 1 })
	if n.Err() != nil {
		t.Fatalf("before the overflow: %v", n.Err())
	}
	kkm.conn.Send(make([]byte, 100_000))
	w.until(time.Minute, func() bool { return ofd.conns[0].got.Len() == 100_000 })
	if n.Err() == nil || len(w.events("bench.fault")) != 1 {
		t.Errorf("err %v, %d bench faults; want one", n.Err(), len(w.events("bench.fault")))
	}
	if n.Close() == nil {
		t.Error("Close hid the overflow")
	}
}

// Two ends that answer each other without time passing are noticed, and time goes on.
func TestEndlessMomentIsABenchFault(t *testing.T) {
	w := newWorld(t, Options{})
	n, err := New(w.clk, Options{Seed: 1, Journal: w.log})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Listen(ofdPort, &server{echo: true}); err != nil {
		t.Fatal(err)
	}
	n.patience = 1000
	served := 0
	var c stream.Conn
	c = n.Dialer().Dial("ethernet", "", ofdPort, stream.Events{
		Opened: func(c stream.Conn) { c.Send([]byte("ping")) },
		Received: func(p []byte) {
			if served++; served < 5000 {
				c.Send(p)
			}
		},
	})
	w.pass(time.Second)
	if served < 400 || n.Err() == nil || len(w.events("bench.fault")) != 1 {
		t.Errorf("served %d, err %v, %d bench faults", served, n.Err(), len(w.events("bench.fault")))
	}
	if n.Close() == nil {
		t.Error("Close hid it")
	}
}
