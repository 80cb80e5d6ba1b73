package netfault

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
)

// story is connects, loss, retransmission, a cut and delays on two links; it
// returns the digest of the capture and of the record.
func story(t testing.TB, seed uint64) (pcap, record [32]byte) {
	w := newWorld(t, Options{Seed: seed, Links: []LinkOptions{{Name: "ethernet"}, {Name: "gsm", Latency: 80 * ms, DNS: true, Lease: time.Hour}}})
	w.ofd.echo = true
	gsm, _ := w.net.Link("gsm")
	w.set("loss", Drop{Pick: Pick{Share: 0.15}})
	if err := gsm.Set("jitter", Delay{Fixed: 20 * ms, Jitter: 200 * ms}); err != nil {
		t.Fatal(err)
	}
	var peers []*peer
	for i := range 12 {
		p := w.dialOn([]string{"ethernet", "gsm"}[i%2])
		p.conn.Send(bytes.Repeat([]byte{byte(i)}, 3000))
		peers = append(peers, p)
		if i%3 == 0 {
			w.pass(70 * ms)
		}
	}
	w.pass(2 * time.Second)
	w.set("cut", Cut{Cable: true})
	for _, p := range peers {
		p.conn.Send([]byte("into the cut"))
	}
	late := w.dial()
	w.pass(20 * time.Second)
	late.conn.Close()
	w.clear("cut")
	w.pass(time.Minute)
	w.clear("loss")
	for i, p := range peers {
		if i%4 == 0 {
			p.conn.Reset()
		} else {
			p.conn.Close()
		}
	}
	w.pass(10 * time.Minute)
	for i, f := range []Fault{CaptivePortal{}, Rebind{}, Fragment{Max: 300}, NoName{}, NoDHCP, Delay{Fixed: ms, Jitter: 40 * ms, Spread: Pareto}} {
		id := fmt.Sprint("late", i)
		if err := gsm.Set(id, f); err != nil {
			t.Fatal(err)
		}
		p := w.dialOn("gsm")
		p.conn.Send(bytes.Repeat([]byte{byte(i)}, 2000))
		peers = append(peers, p)
		w.pass(7 * time.Minute)
		if _, err := gsm.Clear(id); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.net.Flush(); err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	for e := range w.log.View().Events() {
		raw, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = h.Write(raw)
	}
	for _, p := range peers {
		_, _ = fmt.Fprintf(h, "%d %d %v;", p.got.Len(), p.closed, p.err)
	}
	return sha256.Sum256(w.pcap.Bytes()), [32]byte(h.Sum(nil))
}

// The same seed gives the same packets, the same capture and the same record, byte for
// byte, on one processor and on two.
func TestSameSeedSameBytes(t *testing.T) {
	was := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(was)
	pcap, record := story(t, 7)
	for i := range 20 {
		runtime.GOMAXPROCS(1 + i%2)
		p, r := story(t, 7)
		if p != pcap || r != record {
			t.Fatalf("run %d on %d processors: capture equal %v, record equal %v", i, 1+i%2, p == pcap, r == record)
		}
	}
	if p, _ := story(t, 8); p == pcap {
		t.Error("another seed gave the same packets")
	}
}

// tries is an emulated register's idle life without a connection: an attempt
// each minute, given up after half of it.
func tries(clk clock.Loop, dial func() (giveUp func()), n *int) {
	var try func()
	try = func() {
		*n++
		giveUp := dial()
		clk.AfterFunc(30*time.Second, giveUp)
		clk.AfterFunc(time.Minute, try)
	}
	clk.AfterFunc(time.Minute, try)
}

// BenchmarkOffline72h is 72 hours with a cut link and a try each minute, every
// SYN of it simulated and captured (target 51: less than half a second).
func BenchmarkOffline72h(b *testing.B) {
	for b.Loop() {
		w := newWorld(b, Options{})
		w.set("cut", Cut{})
		n := 0
		tries(w.clk, func() func() { p := w.dial(); return func() { p.conn.Close() } }, &n)
		w.pass(72 * time.Hour)
		if n != 72*60 {
			b.Fatalf("%d tries", n)
		}
		b.ReportMetric(float64(w.clear("cut")), "packets")
		if err := w.net.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOffline72hEvents is the rival: the same life without packets.
func BenchmarkOffline72hEvents(b *testing.B) {
	for b.Loop() {
		clk := clock.NewVirtual(time.Time{}, nil)
		n := 0
		tries(clk, func() func() { return func() {} }, &n)
		w := world{t: b, clk: clk}
		w.pass(72 * time.Hour)
		if n != 72*60 {
			b.Fatalf("%d tries", n)
		}
	}
}

// BenchmarkOnlineReceipts is 72 hours with a working link: a connection, a
// request and an answer each minute.
func BenchmarkOnlineReceipts(b *testing.B) {
	for b.Loop() {
		w := newWorld(b, Options{})
		w.ofd.echo = true
		n, got := 0, 0
		tries(w.clk, func() func() {
			p := w.dial()
			p.conn.Send(make([]byte, 600))
			return func() { got += p.got.Len(); p.conn.Close() }
		}, &n)
		w.pass(72 * time.Hour)
		if n != 72*60 || got < 600*(n-1) {
			b.Fatalf("%d tries, %d bytes", n, got)
		}
		b.ReportMetric(float64(w.net.cap.Next()-1), "records")
		if err := w.net.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
