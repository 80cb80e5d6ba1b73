package netfault

import (
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
)

// BenchmarkDelayError is how much longer than demanded packets are held in real
// time (target 45: p99 of 3 ms). Beside it stands what the computer's own timers do at
// the same time: the part of the error that no bench can take away.
func BenchmarkDelayError(b *testing.B) {
	o := newOutside(b, echo{}, false)
	c := o.dial()
	_ = c.SetDeadline(time.Time{})
	o.exchange(c, []byte("hello"))
	const demanded = 5 * ms
	if err := o.link.Set("slow", Delay{Match: Match{Dir: ToOFD, What: Data}, Fixed: demanded}); err != nil {
		b.Fatal(err)
	}
	var ours, timers []time.Duration
	p := make([]byte, 256)
	for b.Loop() {
		o.net.mu.Lock()
		s := o.link.faults[0]
		s.late = 0
		o.net.mu.Unlock()
		o.exchange(c, p)
		o.net.mu.Lock()
		ours = append(ours, s.late)
		o.net.mu.Unlock()
		from := time.Now()
		t := time.NewTimer(demanded)
		<-t.C
		timers = append(timers, time.Since(from)-demanded)
	}
	report := func(name string, ds []time.Duration) {
		slices.Sort(ds)
		b.ReportMetric(float64(ds[len(ds)/2].Microseconds()), name+"-p50-µs")
		b.ReportMetric(float64(ds[len(ds)*99/100].Microseconds()), name+"-p99-µs")
	}
	report("delay", ours)
	report("timer", timers)
}

// BenchmarkPipeline is the link's own work on a packet of full size, without the
// stacks at its ends: decode, follow, three faults that look at it, two records.
func BenchmarkPipeline(b *testing.B) {
	clk := clock.NewVirtual(epochOf(), nil)
	n, err := New(clk, Options{Seed: 1, Journal: history.NewMemory(clk), Capture: io.Discard})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = n.Close() }()
	l := n.links[0]
	for id, f := range map[string]Fault{
		"a": Drop{Match: Match{Means: Meaning{Kind: Answer, Command: CommandOf(1), Nth: 3}}},
		"b": NoName{}, "c": Drop{Match: Match{What: Syn, Conn: 99}},
	} {
		if err := l.Set(id, f); err != nil {
			b.Fatal(err)
		}
	}
	seg := segment{
		link: []byte{2, 'O', 'F', 'D', 0, 2, 2, 'K', 'K', 'M', 0, 1, 8, 0}, from: addrOf(l.kkm), to: addrOf(l.ofd),
		srcPort: 4000, dstPort: ofdPort, flags: ACK | PSH, payload: make([]byte, 1460),
	}
	frame, err := seg.craft()
	if err != nil {
		b.Fatal(err)
	}
	// the far end is a bin: the packet is recorded there and goes nowhere
	l.ofd.bin = true
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	n.mu.Lock()
	defer n.mu.Unlock()
	for b.Loop() {
		l.pass(ToOFD, frame)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "packets/s")
}

// BenchmarkDecode is the decoder alone.
func BenchmarkDecode(b *testing.B) {
	seg := segment{
		link: []byte{2, 'O', 'F', 'D', 0, 2, 2, 'K', 'K', 'M', 0, 1, 8, 0}, from: sideKKM.address(0).netip(), to: sideOFD.address(0).netip(),
		srcPort: 4000, dstPort: ofdPort, flags: ACK | PSH, payload: make([]byte, 1460),
	}
	frame, err := seg.craft()
	if err != nil {
		b.Fatal(err)
	}
	d := newDecoder()
	b.ReportAllocs()
	for b.Loop() {
		if p := d.decode(frame); p.Proto != ProtoTCP {
			b.Fatal(p.Proto)
		}
	}
}

// In simulated time the error of a delay is exactly zero.
func TestSimulatedDelayIsExact(t *testing.T) {
	w := newWorld(t, Options{})
	kkm, ofd := w.connect()
	for _, d := range []time.Duration{1, time.Microsecond, 1234567, time.Second, 59 * time.Minute} {
		w.set("slow", Delay{Match: Match{Dir: ToOFD, What: Data}, Fixed: d})
		from, had := w.clk.Now().Mono, ofd.got.Len()
		kkm.conn.Send([]byte("x"))
		if _, err := w.clk.Wait(context.Background(), w.clk.Now().Add(time.Hour), func() bool { return ofd.got.Len() > had }); err != nil {
			t.Fatal(err)
		}
		if got := w.clk.Now().Mono - from; got != d {
			t.Errorf("held for %v, want exactly %v", got, d)
		}
		w.clear("slow")
		w.pass(3 * time.Hour)
	}
}
