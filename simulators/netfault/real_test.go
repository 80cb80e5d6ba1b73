package netfault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

// outside is a network in real time with an edge for devices of the host.
type outside struct {
	t    testing.TB
	clk  *clock.Real
	net  *Network
	link *Link
	edge *Edge
	pcap bytes.Buffer
	log  *history.Log
}

func newOutside(t testing.TB, a stream.Acceptor, keep bool) *outside {
	t.Helper()
	o := &outside{t: t, clk: clock.NewReal()}
	o.log = history.NewMemory(o.clk)
	opt := Options{Seed: 1, Journal: o.log}
	if keep {
		opt.Capture = &o.pcap
	} else {
		opt.Capture = io.Discard
	}
	n, err := New(o.clk, opt)
	if err != nil {
		t.Fatal(err)
	}
	o.net, o.link = n, n.links[0]
	if err := n.Listen(ofdPort, a); err != nil {
		t.Fatal(err)
	}
	if o.edge, err = n.Edge("", "ethernet", ofdPort); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Errorf("the bench failed: %v", err)
		}
		o.clk.Close()
	})
	return o
}

func (o *outside) dial() *net.TCPConn {
	o.t.Helper()
	c, err := net.Dial("tcp", o.edge.Addr().String())
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		o.t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

func (o *outside) exchange(c net.Conn, p []byte) {
	o.t.Helper()
	if _, err := c.Write(p); err != nil {
		o.t.Fatal(err)
	}
	got := make([]byte, len(p))
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, p) {
		o.t.Fatalf("echo of %d bytes: %v, equal %v", len(p), err, bytes.Equal(got, p))
	}
}

type echo struct{}

func (echo) Accept(c stream.Conn, _ string) stream.Events {
	return stream.Events{Received: func(p []byte) { c.Send(p) }}
}

func TestEdgeCarriesAStream(t *testing.T) {
	o := newOutside(t, echo{}, true)
	c := o.dial()
	o.exchange(c, []byte("hello"))
	big := make([]byte, 4<<20)
	for i := range big {
		big[i] = byte(i * 13 >> 5)
	}
	go func() { _, _ = c.Write(big) }()
	h := sha256.New()
	if _, err := io.CopyN(h, c, int64(len(big))); err != nil {
		t.Fatal(err)
	}
	if want := sha256.Sum256(big); !bytes.Equal(h.Sum(nil), want[:]) {
		t.Error("the stream was damaged")
	}
	ps := readCaptureOf(o)
	if a, b := count(ps, leaves), count(ps, arrives); a != b || a < len(big)/1500 {
		t.Errorf("%d packets left, %d arrived", a, b)
	}
}

func readCaptureOf(o *outside) []seen {
	o.t.Helper()
	if err := o.net.Flush(); err != nil {
		o.t.Fatal(err)
	}
	o.net.mu.Lock()
	raw := bytes.Clone(o.pcap.Bytes())
	o.net.mu.Unlock()
	return readCapture(o.t, raw)
}

func TestEdgeShowsRefusalAndReset(t *testing.T) {
	o := newOutside(t, echo{}, true)
	open := o.dial()
	o.exchange(open, []byte("hello"))
	if err := o.link.Set("refuse", RefuseSYN{}); err != nil {
		t.Fatal(err)
	}
	// the reset may come before the device has even looked at its connection
	late, err := net.Dial("tcp", o.edge.Addr().String())
	if err == nil {
		_ = late.SetDeadline(time.Now().Add(20 * time.Second))
		_, err = late.Read(make([]byte, 1))
		_ = late.Close()
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("refused: the device saw %v, want a reset", err)
	}
	o.exchange(open, []byte("goes on"))
	if !o.link.Spent("refuse") {
		t.Error("not spent")
	}
	if err := o.link.Set("cut", CutRST{}); err != nil {
		t.Fatal(err)
	}
	if _, err := open.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reset: the device saw %v, want a reset", err)
	}
}

func TestEdgeShowsSilence(t *testing.T) {
	o := newOutside(t, echo{}, true)
	open := o.dial()
	o.exchange(open, []byte("hello"))
	if err := o.link.Set("cut", Cut{}); err != nil {
		t.Fatal(err)
	}
	late := o.dial()
	for name, c := range map[string]*net.TCPConn{"open": open, "late": late} {
		if _, err := c.Write([]byte("anybody?")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_ = c.SetReadDeadline(time.Now().Add(300 * ms))
		var wait net.Error
		if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.As(err, &wait) || !wait.Timeout() {
			t.Errorf("%s: the device saw %d bytes, %v; want silence", name, n, err)
		}
	}
	if _, err := o.link.Clear("cut"); err != nil {
		t.Fatal(err)
	}
	_ = open.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadFull(open, make([]byte, 8)); err != nil {
		t.Errorf("after the cut: %v", err)
	}
}

func TestEdgeEnds(t *testing.T) {
	closed := make(chan error, 2)
	o := newOutside(t, acceptor(func(c stream.Conn, _ string) stream.Events {
		return stream.Events{
			Received: func(p []byte) {
				if string(p) == "bye" {
					c.Send([]byte("bye"))
					c.Close()
				}
			},
			Closed: func(err error) { closed <- err },
		}
	}), true)
	c := o.dial()
	_, _ = c.Write([]byte("bye"))
	if b, err := io.ReadAll(c); string(b) != "bye" || err != nil {
		t.Errorf("the OFD closed: the device saw %q, %v", b, err)
	}
	if err := <-closed; err != nil {
		t.Errorf("OFD's end: %v", err)
	}
	c = o.dial()
	_, _ = c.Write([]byte("x"))
	_ = c.Close()
	if err := <-closed; err != nil {
		t.Errorf("the device closed: the OFD saw %v", err)
	}
	c = o.dial()
	_, _ = c.Write([]byte("x"))
	time.Sleep(50 * ms)
	_ = c.SetLinger(0)
	_ = c.Close()
	if err := <-closed; !errors.Is(err, stream.ErrReset) {
		t.Errorf("the device reset: the OFD saw %v", err)
	}
}

type acceptor func(stream.Conn, string) stream.Events

func (f acceptor) Accept(c stream.Conn, peer string) stream.Events { return f(c, peer) }

// A register outside reaches an OFD outside over the link, faults and all.
func TestRelayCarriesOnToAnOFDOutside(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	clk := clock.NewReal()
	defer clk.Close()
	n, err := New(clk, Options{Seed: 1, Journal: history.NewMemory(clk)})
	if err != nil {
		t.Fatal(err)
	}
	o := &outside{t: t, clk: clk, net: n, link: n.links[0]}
	if _, err := n.Relay(ofdPort, ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if o.edge, err = n.Edge("", "ethernet", ofdPort); err != nil {
		t.Fatal(err)
	}
	c := o.dial()
	o.exchange(c, []byte("hello"))
	big := make([]byte, 2<<20)
	for i := range big {
		big[i] = byte(i * 13 >> 5)
	}
	go func() { _, _ = c.Write(big); _ = c.CloseWrite() }()
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, big) {
		t.Errorf("%d bytes came back, %v; want %d and the end", len(got), err, len(big))
	}
	if err := o.link.Set("slow", Delay{Match: Match{Dir: ToOFD, What: Data}, Fixed: 30 * ms}); err != nil {
		t.Fatal(err)
	}
	c = o.dial()
	from := clk.Now().Mono
	o.exchange(c, []byte("slow"))
	if d := clk.Now().Mono - from; d < 30*ms {
		t.Errorf("an exchange took %v", d)
	}
	// an OFD that is not there shows as a reset
	_ = ln.Close()
	late, err := net.Dial("tcp", o.edge.Addr().String())
	if err == nil {
		_ = late.SetDeadline(time.Now().Add(20 * time.Second))
		_, err = late.Read(make([]byte, 1))
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("no OFD: the device saw %v, want a reset", err)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("a stream outlived the network")
	}
	if _, err := n.Relay(ofdPort+1, "nowhere"); err == nil {
		t.Error("an address without a port was taken")
	}
}

// A device that does not read holds the OFD back and loses nothing.
func TestEdgeHoldsBack(t *testing.T) {
	const total = 8 << 20
	o := newOutside(t, acceptor(func(c stream.Conn, _ string) stream.Events {
		return stream.Events{Received: func([]byte) { c.Send(make([]byte, total)); c.Close() }}
	}), false)
	c := o.dial()
	_, _ = c.Write([]byte("go"))
	time.Sleep(200 * ms)
	if n, err := io.Copy(io.Discard, c); n != total || err != nil {
		t.Errorf("%d bytes, %v; want %d", n, err, total)
	}
}

// In real time the delay that was reached stays near the demand (target 45: p99 of 3 ms
// on a quiet machine; a shared one only proves that it is never shorter and is noted).
func TestRealDelayIsNeverShort(t *testing.T) {
	o := newOutside(t, echo{}, true)
	c := o.dial()
	o.exchange(c, []byte("hello"))
	if err := o.link.Set("slow", Delay{Match: Match{Dir: ToOFD, What: Data}, Fixed: 20 * ms}); err != nil {
		t.Fatal(err)
	}
	var took []time.Duration
	for range 30 {
		from := o.clk.Now().Mono
		o.exchange(c, []byte("x"))
		took = append(took, o.clk.Now().Mono-from)
	}
	slices.Sort(took)
	if took[0] < 20*ms {
		t.Errorf("an exchange took %v, less than the delay", took[0])
	}
	t.Logf("demanded 20ms, exchange took %v to %v, median %v", took[0], took[len(took)-1], took[len(took)/2])
	if _, err := o.link.Clear("slow"); err != nil {
		t.Fatal(err)
	}
	for e := range o.log.View().Events() {
		if b, ok := e.Body.(history.FaultCleared); ok && b.Figure == "" {
			t.Error("the delay that was reached is not on record")
		}
	}
}

func BenchmarkEdgeExchange256(b *testing.B) {
	o := newOutside(b, echo{}, false)
	c := o.dial()
	_ = c.SetDeadline(time.Time{})
	p := make([]byte, 256)
	o.exchange(c, p)
	for b.Loop() {
		if _, err := c.Write(p); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c, p); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDirectExchange256 is the rival of the edge: the host's loopback interface alone.
func BenchmarkDirectExchange256(b *testing.B) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	go func() {
		c, err := ln.Accept()
		if err == nil {
			_, _ = io.Copy(c, c)
		}
	}()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	p := make([]byte, 256)
	for b.Loop() {
		if _, err := c.Write(p); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c, p); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEdgeThroughput sends through the edge with decode and capture.
func BenchmarkEdgeThroughput(b *testing.B) {
	o := newOutside(b, echo{}, false)
	c := o.dial()
	_ = c.SetDeadline(time.Time{})
	chunk := make([]byte, 1<<20)
	b.SetBytes(int64(len(chunk)))
	for b.Loop() {
		go func() { _, _ = c.Write(chunk) }()
		if _, err := io.CopyN(io.Discard, c, int64(len(chunk))); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPackets is the in-process link with full decode and capture, in real
// time: target 47 wants 100,000 packets a second.
func BenchmarkPackets(b *testing.B) {
	got := 0
	o := newOutside(b, acceptor(func(stream.Conn, string) stream.Events {
		return stream.Events{Received: func(p []byte) { got += len(p) }}
	}), false)
	var c stream.Conn
	opened := false
	o.clk.Post(func() {
		c = o.net.Dialer().Dial("ethernet", "", ofdPort, stream.Events{Opened: func(stream.Conn) { opened = true }})
	})
	wait := func(ready func() bool) {
		b.Helper()
		if ok, err := o.clk.Wait(context.Background(), o.clk.Now().Add(time.Minute), ready); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
	wait(func() bool { return opened })
	o.net.mu.Lock()
	first := o.net.cap.Next()
	o.net.mu.Unlock()
	from := o.clk.Now().Mono
	chunk := make([]byte, 8<<20)
	want := 0
	b.SetBytes(int64(len(chunk)))
	for b.Loop() {
		want += len(chunk)
		o.clk.Post(func() { c.Send(chunk) })
		wait(func() bool { return got == want })
	}
	took := o.clk.Now().Mono - from
	o.net.mu.Lock()
	n := (o.net.cap.Next() - first) / 2 // each packet has two records
	o.net.mu.Unlock()
	b.ReportMetric(float64(n)/took.Seconds(), "packets/s")
}
