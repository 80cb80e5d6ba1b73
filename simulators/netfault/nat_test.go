package netfault

import (
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/simulators/stream"
)

// One end has lost its connections; the other hears of it with its next packet, or never.
func TestHalfOpen(t *testing.T) {
	for _, gone := range []Ends{EndOFD, EndKKM} {
		for _, silent := range []bool{false, true} {
			w := newWorld(t, Options{})
			kkm, ofd := w.connect()
			lost, believes := ofd, kkm
			if gone == EndKKM {
				lost, believes = kkm, ofd
			}
			w.set("half", HalfOpen{Gone: gone, Silent: silent})
			w.pass(time.Hour)
			wantErr(t, gone.String(), lost, stream.ErrReset)
			if believes.closed != 0 {
				t.Errorf("%v, silent %v: the other end noticed by itself: %v", gone, silent, believes.err)
			}
			believes.conn.Send([]byte("still there?"))
			w.pass(time.Minute)
			if silent && believes.closed != 0 {
				t.Errorf("%v: silent, and yet %v", gone, believes.err)
			}
			if !silent {
				wantErr(t, "the other end after it spoke", believes, stream.ErrReset)
			}
			w.connect() // new connections work
			if n := w.clear("half"); n == 0 {
				t.Error("not counted")
			}
		}
	}
}

// After a rebinding the OFD sees another port, answers by RST, and the RST comes back.
func TestRebind(t *testing.T) {
	w := newWorld(t, Options{})
	w.ofd.echo = true
	old, _ := w.connect()
	idle, idleOFD := w.connect()
	w.set("nat", Rebind{})
	old.conn.Send([]byte("from another port"))
	w.pass(time.Second)
	wantErr(t, "old connection", old, stream.ErrReset)
	if old.got.Len() != 0 {
		t.Errorf("the old connection echoed %q", old.got.String())
	}
	fresh, _ := w.connect()
	fresh.conn.Send([]byte("fresh"))
	w.until(time.Second, func() bool { return fresh.got.String() == "fresh" })
	idleOFD.conn.Send([]byte("to the old port"))
	w.pass(10 * time.Second)
	if idle.got.Len() != 0 || idle.closed != 0 {
		t.Errorf("what the OFD sent to the old port arrived: %q, closed %d", idle.got.String(), idle.closed)
	}
	ps := w.packets()
	moved := count(ps, leaves, dir(ToOFD), says("NAT: source port"))
	back := count(ps, arrives, dir(ToKKM), what(Rst), says("NAT: destination port"))
	dropped := count(ps, leaves, dir(ToKKM), says("is not mapped any more: dropped"))
	if moved != 1 || back != 1 || dropped == 0 {
		t.Errorf("%d packets moved, %d RST came back, %d dropped; want 1, 1 and some", moved, back, dropped)
	}
	var sent, came uint16
	for _, p := range ps {
		if says("NAT: source port")(p) {
			if p.Inbound {
				came = p.SrcPort
			} else {
				sent = p.SrcPort
			}
		}
	}
	if sent == came || sent == 0 {
		t.Errorf("the packet left from port %d and came from %d", sent, came)
	}
}

// Somebody answers who is not the OFD.
func TestCaptivePortal(t *testing.T) {
	w := newWorld(t, Options{})
	w.ofd.echo = true
	old, _ := w.connect()
	accepted := len(w.ofd.conns)
	w.set("portal", CaptivePortal{Location: "http://hotel.example/pay"})
	old.conn.Send([]byte("on an open connection"))
	w.pass(time.Second)
	wantErr(t, "open connection", old, stream.ErrReset)
	for sent, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: ofd\r\n\r\n": "HTTP/1.1 302 Found\r\nLocation: http://hotel.example/pay\r\n",
		string(message(cmdTicket, 1, 20)):     "HTTP/1.1 400 Bad Request\r\n",
		string(message(cmdTicket, 2, 2000)):   "HTTP/1.1 400 Bad Request\r\n", // more than one packet
	} {
		p := w.dial()
		p.conn.Send([]byte(sent))
		w.until(10*time.Second, func() bool { return p.closed > 0 })
		wantErr(t, sent[:3], p, nil)
		if !p.opened || !strings.HasPrefix(p.got.String(), want) {
			t.Errorf("%.20q got %q", sent, p.got.String())
		}
		if n := strings.Count(p.got.String(), "HTTP/1.1"); n != 1 {
			t.Errorf("%d pages, want one", n)
		}
	}
	quiet := w.dial()
	w.until(time.Second, func() bool { return quiet.opened })
	quiet.conn.Close()
	w.pass(time.Minute)
	wantErr(t, "a connection without a word", quiet, nil)
	if len(w.ofd.conns) != accepted {
		t.Error("the OFD heard of it")
	}
	ps := w.packets()
	if n := count(ps, at("ethernet/ofd"), what(AnyTCP), arrives, func(p seen) bool { return p.Time.Sub(epochOf()) > 0 }); n > 4 {
		t.Errorf("%d packets reached the OFD", n)
	}
	if n := count(ps, at("ethernet/kkm"), arrives, flags(SYN|ACK), says("fault portal: made by the bench; history ")); n != 4 {
		t.Errorf("%d SYN/ACK of the portal, want 4", n)
	}
	w.clear("portal")
	w.connect()
}
