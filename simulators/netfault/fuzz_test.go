package netfault

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
)

// frames of a small exchange, to start from.
func someFrames(t testing.TB) [][]byte {
	w := newWorld(t, Options{})
	w.ofd.echo = true
	kkm, _ := w.connect()
	kkm.conn.Send([]byte("a few bytes"))
	w.pass(60e9)
	var out [][]byte
	for _, p := range w.packets() {
		out = append(out, p.Data)
	}
	return out
}

// Whatever lies on the wire, the pipeline carries it, and no fault panics on it.
func FuzzPipeline(f *testing.F) {
	for _, frame := range someFrames(f) {
		f.Add(frame)
	}
	f.Add([]byte{})
	for _, frame := range oddFrames(f) {
		f.Add(frame)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		clk := clock.NewVirtual(epochOf(), nil)
		n, err := New(clk, Options{Seed: 1, Journal: history.NewMemory(clk)})
		if err != nil {
			t.Fatal(err)
		}
		l := n.links[0]
		for i, ft := range []Fault{
			Corrupt{At: 5, Valid: true}, MTU{Max: 68}, Delay{Match: Match{What: Frames}, Fixed: 1}, Rate{BitsPerSecond: 9600},
			Duplicate{}, Forget{}, Fragment{Max: 68}, NoName{Name: "example", Code: 3}, WrongName{To: netip.MustParseAddr("10.0.0.1")},
			HalfMessage{Match: Match{Means: Meaning{Kind: Request}}, After: 5}, HalfOpen{Gone: EndOFD}, Rebind{},
			From{At: Match{What: DHCP}, Do: Delay{Jitter: 1, Spread: Pareto}}, Drop{Match: Match{What: Fragments, VLAN: 99}}, Truncate{Keep: 20}, Finish{Match: Match{Dir: ToKKM, What: Data}}, Reset{Match: Match{Dir: ToKKM}}, Flap{Down: 1, Up: 1},
		} {
			if err := l.Set(fmt.Sprint(i), ft); err != nil {
				t.Fatal(err)
			}
		}
		before := bytes.Clone(frame)
		n.mu.Lock()
		l.pass(ToOFD, frame)
		l.pass(ToKKM, frame)
		n.mu.Unlock()
		if err := l.Set("portal", CaptivePortal{}); err != nil {
			t.Fatal(err)
		}
		n.mu.Lock()
		l.faults = l.faults[len(l.faults)-1:]
		l.pass(ToOFD, frame)
		l.pass(ToKKM, frame)
		n.mu.Unlock()
		if !bytes.Equal(frame, before) {
			t.Error("the frame itself was changed: whoever holds it sees another one")
		}
		w := world{t: t, clk: clk}
		w.pass(1e9)
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// oddFrames are what a bridge meets and the stacks do not send: tags, sessions, IPv6, DNS, DHCP, fragments.
func oddFrames(t testing.TB) [][]byte {
	mac := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}
	four, six := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::1")
	var out [][]byte
	for _, head := range [][]byte{{8, 0}, {0x81, 0, 0, 99, 8, 0}, {0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 8, 0}, {0x88, 0x64, 0x11, 0, 0, 9, 0, 0, 0, 0x21}, {0x86, 0xdd}, {0x81, 0, 0, 7, 0x86, 0xdd}, {0x88, 0x64, 0x11, 0, 0, 9, 0, 0, 0, 0x57}} {
		a := four
		if h := string(head[len(head)-2:]); h == "\x86\xdd" || h == "\x00\x57" {
			a = six
		}
		link := append(bytes.Clone(mac), head...)
		for _, flags := range []Flags{SYN, ACK | PSH, RST | ACK, FIN | ACK} {
			f, err := segment{link: link, from: a, to: a.Next(), srcPort: 4000, dstPort: ofdPort, seq: 9, ack: 7, flags: flags, payload: message(cmdTicket, 1, int(flags))}.craft()
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, f)
		}
		for port, body := range map[uint16][]byte{53: query("ofd.example."), 67: dhcpMessage(1), 9: make([]byte, 100)} {
			f, err := datagram(link, netip.AddrPortFrom(a, 5000), netip.AddrPortFrom(a.Next(), port), body)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, f)
			if a.Is4() {
				p := newDecoder().decode(f)
				f := bytes.Clone(f)
				f[p.at.net+ip4Flags] = 0
				out = append(out, f)
				out = append(out, fragments(newDecoder().decode(f), 68)...)
			}
		}
	}
	return out
}

func query(name string) []byte {
	raw, err := (&dnsmessage.Message{Header: dnsmessage.Header{ID: 7}, Questions: []dnsmessage.Question{
		{Name: dnsmessage.MustNewName(name), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET},
	}}).Pack()
	if err != nil {
		panic(err)
	}
	return raw
}

// What the decoder says of a frame holds: a changed copy gets its checksums right, and its size.
func TestDecodeOddFrames(t *testing.T) {
	d := newDecoder()
	for _, f := range oddFrames(t) {
		p := d.decode(f)
		if p.Proto < ProtoIP || p.at.net == 0 || p.at.end > len(f) {
			t.Errorf("%v %+v: % x", p.Proto, p.at, f)
			continue
		}
		if p.at.part {
			continue
		}
		g := bytes.Clone(f)
		fixSums(g, p.at)
		if !bytes.Equal(f, g) && f[p.at.net+ip4Flags] != 0 { // those whose flags we took away have an old checksum
			t.Errorf("checksums of % x\nbecame       % x", f, g)
		}
		if len(p.Payload) < 2 || p.Proto < ProtoTCP {
			continue
		}
		short := bytes.Clone(f[:p.at.end-1])
		at := resize(short, p.at, len(short))
		fixSums(short, at)
		q := d.decode(short)
		if q.Proto != p.Proto || len(q.Payload) != len(p.Payload)-1 || q.at.end != len(short) {
			t.Errorf("one byte less: %v, %d bytes of payload, end %d; want %d and %d", q.Proto, len(q.Payload), q.at.end, len(p.Payload)-1, len(short))
		}
		h := bytes.Clone(short)
		fixSums(h, q.at)
		if !bytes.Equal(h, short) {
			t.Error("the checksums of the shortened frame do not hold")
		}
	}
}
