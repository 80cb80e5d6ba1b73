package netfault

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

const ms = time.Millisecond

func TestCutIsSilentAndLeavesBothEndsOpen(t *testing.T) {
	w := newWorld(t, Options{})
	kkm, ofd := w.connect()
	if w.link.Spent("cut") {
		t.Error("a fault that was never set is spent")
	}
	w.set("cut", Cut{})
	w.pass(time.Minute)
	if w.link.Spent("cut") {
		t.Error("spent without a packet")
	}
	kkm.conn.Send([]byte("lost"))
	w.pass(5 * time.Second)
	if !w.link.Spent("cut") || ofd.got.Len() != 0 {
		t.Errorf("spent %v, OFD got %q", w.link.Spent("cut"), ofd.got.String())
	}
	if kkm.closed+ofd.closed != 0 {
		t.Error("an end noticed a silent cut after 5 s")
	}
	late := w.dial()
	w.pass(5 * time.Second)
	if late.opened || late.closed != 0 {
		t.Error("an attempt over a cut link must neither open nor fail at once")
	}
	struck := w.clear("cut")
	// What TCP still tries is delivered after the cut: the stream is late and whole.
	w.until(time.Minute, func() bool { return ofd.got.String() == "lost" && late.opened })
	ps := w.packets()
	if n := count(ps, leaves, says("fault cut: cut: dropped")); n != struck || n == 0 {
		t.Errorf("%d packets say that they were dropped, %d were counted", n, struck)
	}
	if n := count(ps, arrives, says("dropped")); n != 0 {
		t.Errorf("%d dropped packets arrived", n)
	}
	if !w.link.Spent("cut") {
		t.Error("spent is forgotten after Clear")
	}
	cleared := w.events("fault.cleared")[0].Body.(history.FaultCleared)
	if cleared.Struck != struck {
		t.Errorf("record says %d struck, Clear said %d", cleared.Struck, struck)
	}
}

// The event of the first struck packet and the packet's comment name each other.
func TestStruckNamesThePacketAndThePacketTheEvent(t *testing.T) {
	w := newWorld(t, Options{})
	kkm, _ := w.connect()
	w.set("d", Drop{Match: Match{What: Data}, Pick: Pick{Nth: 2, Count: 2}})
	for _, s := range []string{"one", "two", "three", "four"} {
		kkm.conn.Send([]byte(s))
		w.pass(2 * time.Second)
	}
	set, struck := w.events("fault.set"), w.events("fault.struck")
	if len(set) != 1 || len(struck) != 1 {
		t.Fatalf("%d FaultSet and %d Struck, want one each however many packets", len(set), len(struck))
	}
	if b := set[0].Body.(history.FaultSet); b.Fault != "drop number 2 to 3 of data packets both ways" {
		t.Errorf("in words: %q", b.Fault)
	}
	b := struck[0].Body.(history.Struck)
	if len(struck[0].Causes) != 1 || struck[0].Causes[0] != set[0].Seq {
		t.Errorf("causes %v, want the FaultSet %d", struck[0].Causes, set[0].Seq)
	}
	ps := w.packets()
	p := ps[b.Packet-1]
	if want := fmt.Sprintf("fault d: dropped; history %d", struck[0].Seq); len(p.Comments) != 1 || p.Comments[0] != want {
		t.Errorf("packet %d says %q, want %q", b.Packet, p.Comments, want)
	}
	if string(p.Payload) != "two" {
		t.Errorf("packet %d carries %q, want the second data packet", b.Packet, p.Payload)
	}
	if n := count(ps, says("fault d")); n != 2 {
		t.Errorf("%d packets were struck, want 2", n)
	}
}

func TestCutRSTReachesBothEnds(t *testing.T) {
	w := newWorld(t, Options{})
	kkm, ofd := w.connect()
	kkm.conn.Send([]byte("before"))
	w.pass(time.Second)
	w.set("rst", CutRST{})
	w.pass(time.Second)
	wantErr(t, "register", kkm, stream.ErrReset)
	wantErr(t, "OFD", ofd, stream.ErrReset)
	if !w.link.Spent("rst") {
		t.Error("not spent")
	}
	late := w.dial()
	w.pass(time.Second)
	wantErr(t, "attempt", late, stream.ErrRefused)
	ps := w.packets()
	for _, ifc := range []string{"ethernet/kkm", "ethernet/ofd"} {
		if n := count(ps, at(ifc), what(Rst), arrives, says("fault rst: RST made by the bench")); n == 0 {
			t.Errorf("no RST arrived at %s", ifc)
		}
	}
	b := w.events("fault.struck")[0].Body.(history.Struck)
	if !Rst.holds(ps[b.Packet-1].Packet) {
		t.Errorf("the struck packet %d is no RST", b.Packet)
	}
	if want := fmt.Sprintf("history %d", w.events("fault.struck")[0].Seq); !says(want)(ps[b.Packet-1]) {
		t.Errorf("the struck packet says %q, want %s", ps[b.Packet-1].Comments, want)
	}
	w.clear("rst")
	w.connect()
}

func TestCutRSTStrikesAPacketUnderWay(t *testing.T) {
	w := newWorld(t, Options{Links: []LinkOptions{{Name: "gsm", Latency: 100 * ms}}})
	kkm, ofd := w.connect()
	w.pass(time.Second)
	ofd.conn.Send([]byte("under way when the fault comes"))
	w.pass(50 * ms)
	w.set("rst", CutRST{})
	w.pass(time.Second)
	wantErr(t, "register", kkm, stream.ErrReset)
	wantErr(t, "OFD", ofd, stream.ErrReset)
}

func TestRefuseSYN(t *testing.T) {
	w := newWorld(t, Options{})
	w.ofd.echo = true
	kkm, _ := w.connect()
	w.set("refuse", RefuseSYN{})
	late := w.dial()
	w.pass(time.Second)
	wantErr(t, "attempt", late, stream.ErrRefused)
	kkm.conn.Send([]byte("still open"))
	w.until(time.Second, func() bool { return kkm.got.String() == "still open" })
	ps := w.packets()
	if n := count(ps, at("ethernet/ofd"), flags(SYN)); n != 1 {
		t.Errorf("%d SYN reached the OFD, want the first connection's", n)
	}
	if n := count(ps, at("ethernet/kkm"), flags(RST|ACK), arrives); n != 1 {
		t.Errorf("%d RST came back, want 1", n)
	}
	if n := w.clear("refuse"); n != 1 {
		t.Errorf("%d struck, want 1", n)
	}
}

func TestBlackholeOneWay(t *testing.T) {
	for _, tt := range []struct {
		dir          Dir
		ofdGot, echo string
	}{
		{ToOFD, "", ""},
		{ToKKM, "ping", ""},
	} {
		t.Run(tt.dir.String(), func(t *testing.T) {
			w := newWorld(t, Options{})
			w.ofd.echo = true
			kkm, ofd := w.connect()
			w.set("hole", Blackhole{Dir: tt.dir})
			kkm.conn.Send([]byte("ping"))
			w.pass(10 * time.Second)
			if ofd.got.String() != tt.ofdGot || kkm.got.String() != tt.echo {
				t.Errorf("OFD got %q, register %q; want %q, %q", ofd.got.String(), kkm.got.String(), tt.ofdGot, tt.echo)
			}
			w.clear("hole")
			w.until(2*time.Minute, func() bool { return kkm.got.String() == "ping" })
			ps := w.packets()
			if n := count(ps, dir(tt.dir), says("blackhole")); n == 0 || n != count(ps, says("blackhole")) {
				t.Errorf("%d packets of the direction were struck, %d of either", n, count(ps, says("blackhole")))
			}
		})
	}
}

// TCP repairs loss, and the payload is the same at both ends (target 49).
func TestLossDelayDuplicateReorderNeverDamageAStream(t *testing.T) {
	faults := map[string]Fault{
		"loss":      Drop{Pick: Pick{Share: 0.1}},
		"duplicate": Duplicate{Pick: Pick{Share: 0.3}, Copies: 2},
		"reorder":   Reorder{Match: Match{What: Data}, Pick: Pick{Share: 0.2}, By: 30 * ms},
		"jitter":    Delay{Fixed: 5 * ms, Jitter: 50 * ms},
		"corrupt":   Corrupt{Pick: Pick{Share: 0.1}, At: 3},
		"truncate":  Truncate{Match: Match{What: Data}, Pick: Pick{Share: 0.1}, Keep: 100},
		"flap":      Flap{Down: 300 * ms, Up: 700 * ms},
		"mtu":       MTU{Max: 600},
		"rate":      Rate{BitsPerSecond: 2_000_000, Queue: 20_000},
	}
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Options{Links: []LinkOptions{{Name: "gsm", Latency: 10 * ms}}})
			w.ofd.echo = true
			kkm, ofd := w.connect()
			data := bytes.Repeat([]byte("0123456789abcdef"), 8<<10)
			for i := range data {
				data[i] ^= byte(i >> 4)
			}
			w.set(name, f)
			kkm.conn.Send(data)
			w.until(10*time.Minute, func() bool { return kkm.got.Len() >= len(data) && ofd.got.Len() >= len(data) })
			w.pass(time.Minute)
			want := sha256.Sum256(data)
			if sha256.Sum256(ofd.got.Bytes()) != want || sha256.Sum256(kkm.got.Bytes()) != want {
				t.Error("the stream was damaged")
			}
			struck := w.clear(name)
			ps := w.packets()
			if n := count(ps, leaves, says("fault "+name+": ")); n != struck || struck < 5 {
				t.Errorf("%d packets say that they were struck, %d were counted; want the same and some", n, struck)
			}
		})
	}
}

func TestDuplicateArrivesMoreThanOnce(t *testing.T) {
	w := newWorld(t, Options{})
	kkm, ofd := w.connect()
	w.set("dup", Duplicate{Match: Match{What: Data}, Copies: 2})
	kkm.conn.Send([]byte("x"))
	w.pass(time.Second)
	ps := w.packets()
	l, a := count(ps, what(Data), leaves), count(ps, what(Data), arrives, says("arrives 3 times"))
	if l != 1 || a != 3 || ofd.got.String() != "x" {
		t.Errorf("%d left, %d arrived, the stream is %q", l, a, ofd.got.String())
	}
}

func TestReorderLetsOthersOvertake(t *testing.T) {
	w := newWorld(t, Options{Links: []LinkOptions{{Name: "gsm", Latency: 50 * ms}}})
	kkm, ofd := w.connect()
	w.set("order", Reorder{Match: Match{What: Data}, Pick: Pick{Nth: 1}, By: 20 * ms})
	kkm.conn.Send([]byte("first "))
	w.pass(5 * ms)
	kkm.conn.Send([]byte("second"))
	w.pass(time.Second)
	var came []string
	for _, p := range w.packets() {
		if p.Inbound && len(p.Payload) > 0 {
			came = append(came, string(p.Payload))
		}
	}
	if strings.Join(came, "") != "secondfirst " || ofd.got.String() != "first second" {
		t.Errorf("packets came as %q, the stream as %q", came, ofd.got.String())
	}
}

func TestCorruptIsCaughtByTheChecksumUnlessItFits(t *testing.T) {
	for _, valid := range []bool{false, true} {
		w := newWorld(t, Options{})
		kkm, ofd := w.connect()
		w.set("bad", Corrupt{Pick: Pick{Nth: 1}, At: 1, XOR: 0x20, Valid: valid})
		kkm.conn.Send([]byte("abc"))
		w.pass(2 * time.Second)
		want := "abc"
		if valid {
			want = "aBc"
		}
		if ofd.got.String() != want {
			t.Errorf("valid %v: the OFD got %q, want %q", valid, ofd.got.String(), want)
		}
		ps := w.packets()
		if n := count(ps, arrives, says("payload byte 1 changed from 62 to 42"), func(p seen) bool { return string(p.Payload) == "aBc" }); n != 1 {
			t.Errorf("valid %v: %d changed packets arrived, want 1", valid, n)
		}
	}
}

func TestTruncateIsSeen(t *testing.T) {
	w := newWorld(t, Options{})
	kkm, ofd := w.connect()
	w.set("short", Truncate{Match: Match{What: Data}, Pick: Pick{Nth: 1}, Keep: 60})
	kkm.conn.Send([]byte("a long enough payload"))
	w.pass(2 * time.Second)
	if n := count(w.packets(), arrives, says("truncated"), func(p seen) bool { return len(p.Data) == 60 }); n != 1 {
		t.Errorf("%d truncated frames arrived, want 1", n)
	}
	if ofd.got.String() != "a long enough payload" {
		t.Errorf("the stream is %q", ofd.got.String())
	}
}

func TestMTU(t *testing.T) {
	for _, silent := range []bool{false, true} {
		w := newWorld(t, Options{})
		kkm, ofd := w.connect()
		w.set("mtu", MTU{Max: 576, Silent: silent})
		kkm.conn.Send(make([]byte, 5000))
		w.pass(10 * time.Second)
		ps := w.packets()
		told := count(ps, arrives, at("ethernet/kkm"), says("fragmentation needed"))
		if silent && (ofd.got.Len() != 0 || told != 0) {
			t.Errorf("silent: OFD got %d bytes, %d ICMP", ofd.got.Len(), told)
		}
		if !silent && (ofd.got.Len() != 5000 || told == 0) {
			t.Errorf("told: OFD got %d bytes, %d ICMP", ofd.got.Len(), told)
		}
		if n := count(ps, leaves, says("do not fit MTU 576")); n == 0 {
			t.Error("no packet was struck")
		}
	}
}

func TestResetAndFinishAtAPacket(t *testing.T) {
	for _, tt := range []struct {
		f    Fault
		want error
		kind What
	}{
		{Reset{Match: Match{Dir: ToKKM, What: Data}, Pick: Pick{Nth: 2}}, stream.ErrReset, Rst},
		{Finish{Match: Match{Dir: ToKKM, What: Data}, Pick: Pick{Nth: 2}, To: EndKKM}, nil, Fin},
	} {
		w := newWorld(t, Options{})
		w.ofd.echo = true
		kkm, ofd := w.connect()
		w.set("end", tt.f)
		kkm.conn.Send([]byte("one"))
		w.pass(time.Second)
		if kkm.got.String() != "one" || kkm.closed != 0 {
			t.Fatalf("%v: got %q, closed %d before its turn", tt.f, kkm.got.String(), kkm.closed)
		}
		kkm.conn.Send([]byte("two"))
		w.pass(time.Second)
		wantErr(t, fmt.Sprint(tt.f), kkm, tt.want)
		if kkm.got.String() != "one" {
			t.Errorf("%v: got %q", tt.f, kkm.got.String())
		}
		if tt.kind == Rst {
			wantErr(t, "OFD", ofd, stream.ErrReset)
		}
		if n := count(w.packets(), at("ethernet/kkm"), arrives, what(tt.kind), says("made by the bench")); n != 1 {
			t.Errorf("%v: %d of ours arrived, want 1", tt.f, n)
		}
	}
}

// A forgotten connection is half-open for ever; a new one works at once.
func TestForget(t *testing.T) {
	w := newWorld(t, Options{})
	w.ofd.echo = true
	old, _ := w.connect()
	w.set("nat", Forget{})
	fresh, _ := w.connect()
	old.conn.Send([]byte("old"))
	fresh.conn.Send([]byte("fresh"))
	w.pass(time.Minute)
	if old.got.Len() != 0 || old.closed != 0 || fresh.got.String() != "fresh" {
		t.Errorf("old got %q, closed %d; fresh got %q", old.got.String(), old.closed, fresh.got.String())
	}
}

// In simulated time a delay is exact, and it is noted beside the demand (target 45).
func TestDelayReachedBesideDemanded(t *testing.T) {
	w := newWorld(t, Options{})
	kkm, ofd := w.connect()
	w.set("slow", Delay{Match: Match{Dir: ToOFD, What: Data}, Fixed: 1300 * ms})
	sent := w.clk.Now().Mono
	kkm.conn.Send([]byte("x"))
	w.until(5*time.Second, func() bool { return ofd.got.Len() > 0 })
	if d := w.clk.Now().Mono - sent; d != 1300*ms {
		t.Errorf("the byte came after %v, want exactly 1.3s", d)
	}
	var left, came time.Time
	for _, p := range w.packets() {
		if len(p.Payload) == 0 || left.IsZero() && p.Inbound || !came.IsZero() {
			continue
		}
		if !p.Inbound && left.IsZero() {
			left = p.Time
		}
		if p.Inbound {
			came = p.Time
			if !says("held for 1.3s, demanded 1.3s")(p) {
				t.Errorf("the packet says %q", p.Comments)
			}
		}
	}
	if came.Sub(left) != 1300*ms {
		t.Errorf("capture: left %v, came %v", left, came)
	}
	w.pass(5 * time.Second)
	w.clear("slow")
	b := w.events("fault.cleared")[0].Body.(history.FaultCleared)
	if !strings.Contains(b.Figure, "held for 1.3s to 1.3s, at most 0s longer than demanded") {
		t.Errorf("figure %q", b.Figure)
	}
}

func TestJitterKeepsOrder(t *testing.T) {
	w := newWorld(t, Options{})
	kkm, _ := w.connect()
	w.set("jitter", Delay{Match: Match{Dir: ToOFD}, Jitter: time.Second})
	for i := range 50 {
		kkm.conn.Send([]byte{byte(i)})
		w.pass(200 * ms)
	}
	w.pass(5 * time.Second)
	var last uint32
	n := 0
	for _, p := range w.packets() {
		if !p.Inbound || p.Packet.Dir != ToOFD || len(p.Payload) == 0 || p.Stream.Again {
			continue
		}
		if n > 0 && int32(p.Seq-last) < 0 {
			if p.Seq+uint32(len(p.Payload)) <= last {
				continue // a retransmission
			}
			t.Errorf("sequence %d came after %d", p.Seq, last)
		}
		last = p.Seq
		n++
	}
	if n < 30 {
		t.Errorf("%d data packets, want most of 50", n)
	}
}

// The bottleneck lets packets out one after another at its rate, and its queue is bounded.
func TestRateLimitsThroughput(t *testing.T) {
	for _, queue := range []int{0, 10_000} {
		w := newWorld(t, Options{})
		kkm, ofd := w.connect()
		w.set("rate", Rate{Match: Match{Dir: ToOFD, What: Data}, BitsPerSecond: 80_000, Queue: queue})
		kkm.conn.Send(make([]byte, 50_000))
		w.until(time.Minute, func() bool { return ofd.got.Len() == 50_000 })
		var last time.Time
		for _, p := range w.packets() {
			if !p.Inbound || p.Packet.Dir != ToOFD || len(p.Payload) == 0 {
				continue
			}
			// 10,000 bytes a second are 100 microseconds a byte
			if gap, need := p.Time.Sub(last), time.Duration(len(p.Data))*100*time.Microsecond; !last.IsZero() && gap < need {
				t.Errorf("queue %d: %d bytes came %v after the last, want at least %v", queue, len(p.Data), gap, need)
			}
			last = p.Time
		}
		if n := count(w.packets(), says("the queue holds")); (n > 0) != (queue > 0) {
			t.Errorf("queue %d: %d packets did not fit", queue, n)
		}
	}
}

func TestFaultsThatMakeNoSenseAreRefused(t *testing.T) {
	w := newWorld(t, Options{})
	w.set("taken", Cut{})
	for name, f := range map[string]Fault{
		"":       Cut{},
		"taken":  Cut{},
		"nil":    nil,
		"share":  Drop{Pick: Pick{Share: 1.01}},
		"minus":  Drop{Pick: Pick{Share: -0.01}},
		"both":   Drop{Pick: Pick{Share: 0.5, Nth: 1}},
		"count":  Drop{Pick: Pick{Count: 2}},
		"nth":    Drop{Pick: Pick{Nth: -1}},
		"dir":    Drop{Match: Match{Dir: 3}},
		"kind":   Drop{Match: Match{What: 99}},
		"tries":  Drop{Match: Match{FirstTry: true, Retry: true}},
		"hole":   Blackhole{},
		"delay":  Delay{},
		"delay-": Delay{Fixed: -1},
		"rate":   Rate{},
		"flap":   Flap{Down: 1},
		"order":  Reorder{},
		"trunc":  Truncate{Keep: 13},
		"mtu":    MTU{Max: 67},
		"copies": Duplicate{Copies: -1},
		"byte":   Corrupt{At: -1},
	} {
		if err := w.link.Set(name, f); err == nil {
			t.Errorf("%q: %v was taken", name, f)
		} else if !strings.Contains(err.Error(), "link ethernet") {
			t.Errorf("%q: %q does not name the link", name, err)
		}
	}
	if _, err := w.link.Clear("nobody"); err == nil {
		t.Error("a fault that is not set was cleared")
	}
	if n := len(w.events("fault.set")); n != 1 {
		t.Errorf("%d faults on record, want the one that was taken", n)
	}
}

// Both sides of each boundary of a selection.
func TestMatch(t *testing.T) {
	data := Packet{Dir: ToOFD, Proto: ProtoTCP, Flags: ACK | PSH, Payload: make([]byte, 10), Stream: StreamPos{Conn: 2, Offset: 290, Len: 10}}
	again := data
	again.Stream.Again = true
	syn := Packet{Dir: ToOFD, Proto: ProtoTCP, Flags: SYN, Stream: StreamPos{Conn: 2}}
	synack := Packet{Dir: ToKKM, Proto: ProtoTCP, Flags: SYN | ACK, Stream: StreamPos{Conn: 2}}
	ack := Packet{Dir: ToKKM, Proto: ProtoTCP, Flags: ACK, Stream: StreamPos{Conn: 2, Offset: 5}}
	arp := Packet{Dir: ToOFD, Proto: ProtoARP}
	for _, tt := range []struct {
		name string
		m    Match
		p    Packet
		want bool
	}{
		{"anything IP", Match{}, data, true},
		{"ARP is not IP", Match{}, arp, false},
		{"ARP is a frame", Match{What: Frames}, arp, true},
		{"the direction", Match{Dir: ToOFD}, data, true},
		{"the other direction", Match{Dir: ToKKM}, data, false},
		{"SYN", Match{What: Syn}, syn, true},
		{"SYN with ACK", Match{What: Syn}, synack, false},
		{"data", Match{What: Data}, data, true},
		{"ACK is no data", Match{What: Data}, ack, false},
		{"ACK", Match{What: Bare}, ack, true},
		{"data is no ACK", Match{What: Bare}, data, false},
		{"connection", Match{Conn: 2}, data, true},
		{"other connection", Match{Conn: 1}, data, false},
		{"first try", Match{FirstTry: true}, data, true},
		{"no first try", Match{FirstTry: true}, again, false},
		{"retry", Match{Retry: true}, again, true},
		{"no retry", Match{Retry: true}, data, false},
		{"byte before", Match{Holds: 290}, data, false},
		{"first byte", Match{Holds: 291}, data, true},
		{"last byte", Match{Holds: 300}, data, true},
		{"byte behind", Match{Holds: 301}, data, false},
		{"no bytes at all", Match{Holds: 6}, ack, false},
	} {
		if got := tt.m.Selects(tt.p); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// The stream's positions are what a fault can be addressed by: the retransmission of
// the packet with byte 300 is told from its first try.
func TestFirstTryAndRetryOfAByte(t *testing.T) {
	w := newWorld(t, Options{})
	kkm, ofd := w.connect()
	w.set("first", Drop{Match: Match{Dir: ToOFD, FirstTry: true, Holds: 300}})
	w.set("second", Drop{Match: Match{Dir: ToOFD, Retry: true, Holds: 300}, Pick: Pick{Nth: 1}})
	kkm.conn.Send(make([]byte, 299))
	w.pass(time.Second)
	if w.link.Spent("first") {
		t.Error("struck before byte 300 was sent")
	}
	kkm.conn.Send([]byte("byte 300 and more"))
	w.pass(time.Minute)
	if a, b := w.clear("first"), w.clear("second"); a != 1 || b != 1 {
		t.Errorf("struck %d first tries and %d retransmissions, want 1 and 1", a, b)
	}
	if ofd.got.Len() != 299+17 {
		t.Errorf("the OFD got %d bytes", ofd.got.Len())
	}
}

// A share comes out as demanded, and another seed strikes other packets.
func TestShareFromSeed(t *testing.T) {
	struck := func(seed uint64) (n int, which string) {
		w := newWorld(t, Options{Seed: seed})
		kkm, _ := w.connect()
		w.set("loss", Drop{Match: Match{Dir: ToOFD, What: Data}, Pick: Pick{Share: 0.2}})
		for range 400 {
			kkm.conn.Send([]byte("x"))
			w.pass(10 * ms)
		}
		w.pass(10 * time.Second)
		total := 0
		var b strings.Builder
		for _, p := range w.packets() {
			if !p.Inbound && p.Packet.Dir == ToOFD && len(p.Payload) > 0 {
				total++
				if says("dropped")(p) {
					fmt.Fprintf(&b, "%d ", total)
				}
			}
		}
		n = w.clear("loss")
		if share := float64(n) / float64(total); share < 0.14 || share > 0.26 {
			t.Errorf("seed %d: %d of %d dropped, want about a fifth", seed, n, total)
		}
		return n, b.String()
	}
	_, a := struck(1)
	_, again := struck(1)
	_, b := struck(2)
	if a != again || a == b {
		t.Errorf("seed 1: %s\nagain:  %s\nseed 2: %s", a, again, b)
	}
}
