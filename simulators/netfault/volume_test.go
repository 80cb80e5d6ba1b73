package netfault

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

// No packet is lost that no fault named, in a million of them, and the stream is
// the same at both ends (targets 47 and 49). It runs in simulated time with full
// decode and capture; -short sends a fiftieth.
func TestMillionPackets(t *testing.T) {
	packets := uint64(1_000_000)
	if testing.Short() {
		packets /= 50
	}
	clk := clock.NewVirtual(epochOf(), nil)
	log := history.NewMemory(clk)
	n, err := New(clk, Options{Seed: 1, Journal: log, Capture: io.Discard, Links: []LinkOptions{{Name: "ethernet", Latency: ms}}})
	if err != nil {
		t.Fatal(err)
	}
	want, got := sha256.New(), sha256.New()
	received := 0
	if err := n.Listen(ofdPort, acceptor(func(stream.Conn, string) stream.Events {
		return stream.Events{Received: func(p []byte) { _, _ = got.Write(p); received += len(p) }}
	})); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, clk: clk, net: n, link: n.links[0]}
	kkm := w.dial()
	w.until(time.Second, func() bool { return kkm.opened })
	chunk := make([]byte, 1<<20)
	sent := 0
	for i := 0; n.links[0].packets[ToOFD]+n.links[0].packets[ToKKM] < packets; i++ {
		for j := range chunk {
			chunk[j] = byte(i + j*7>>3)
		}
		_, _ = want.Write(chunk)
		kkm.conn.Send(chunk)
		sent += len(chunk)
		w.until(time.Hour, func() bool { return received == sent })
	}
	w.pass(time.Minute)
	l := n.links[0]
	if l.dropped != [3]uint64{} {
		t.Errorf("%v packets were dropped", l.dropped)
	}
	all := l.packets[ToOFD] + l.packets[ToKKM]
	if records := n.cap.Next() - 1; records != 2*all {
		t.Errorf("%d packets made %d records, want two each: where it left and where it arrived", all, records)
	}
	if !bytes.Equal(want.Sum(nil), got.Sum(nil)) {
		t.Error("the stream was damaged")
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	t.Logf("%d packets, %d bytes of payload, %v of simulated time", all, sent, clk.Now().Mono)
}

// What happens on one link is nothing to the other one: its packets are the same, byte
// for byte and at the same times, whatever is done to its neighbour (row 17 of order 431).
func TestFailingOneLinkLeavesTheOtherAlone(t *testing.T) {
	run := func(f Fault) string {
		w := newWorld(t, Options{Links: []LinkOptions{{Name: "ethernet"}, {Name: "gsm", Latency: 150 * ms}}})
		w.ofd.echo = true
		gsm, _ := w.net.Link("gsm")
		if err := gsm.Set("loss", Drop{Pick: Pick{Share: 0.1}}); err != nil {
			t.Fatal(err)
		}
		p := w.dialOn("gsm")
		p.conn.Send([]byte("first"))
		neighbour := w.dial()
		w.pass(2 * time.Second)
		if f != nil {
			w.set("fault", f)
		}
		for i := range 5 {
			w.dial().conn.Send(make([]byte, 3000))
			neighbour.conn.Send([]byte("x"))
			p.conn.Send(fmt.Appendf(nil, "message %d", i))
			w.pass(7 * time.Second)
		}
		w.pass(2 * time.Minute)
		h := sha256.New()
		k := 0
		for _, r := range w.packets() {
			if r.at == "gsm/kkm" || r.at == "gsm/ofd" {
				_, _ = fmt.Fprintf(h, "%v %v %v %x\n", r.Time, r.at, r.Inbound, r.Data)
				k++
			}
		}
		if f != nil && !w.link.Spent("fault") {
			t.Errorf("%v never struck", f)
		}
		if k < 50 {
			t.Errorf("%d packets on the other link", k)
		}
		_, _ = h.Write(p.got.Bytes())
		return fmt.Sprintf("%x", h.Sum(nil))
	}
	alone := run(nil)
	for _, f := range []Fault{Cut{Cable: true}, CutRST{}, RefuseSYN{}, Drop{Pick: Pick{Share: 0.3}}, Delay{Fixed: time.Second}, CaptivePortal{}, Rebind{}, Fragment{Max: 300}} {
		if run(f) != alone {
			t.Errorf("%v on one link changed the other one", f)
		}
	}
}
