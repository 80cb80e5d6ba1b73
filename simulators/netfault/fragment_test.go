package netfault

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// Fragments arrive, are put together by the receiver, and can be struck one by one.
func TestFragments(t *testing.T) {
	w := newWorld(t, Options{})
	kkm, ofd := w.connect()
	w.set("cut", Fragment{Match: Match{Dir: ToOFD, What: Data}, Max: 500})
	data := bytes.Repeat([]byte("0123456789"), 1000)
	kkm.conn.Send(data)
	w.pass(time.Second)
	if !bytes.Equal(ofd.got.Bytes(), data) {
		t.Errorf("the OFD got %d bytes", ofd.got.Len())
	}
	ps := w.packets()
	frags := count(ps, arrives, dir(ToOFD), what(Fragments), says("cut into"))
	if struck := w.clear("cut"); frags < 2*struck || struck == 0 || frags != count(ps, what(Fragments)) {
		t.Errorf("%d packets cut, %d fragments arrived", struck, frags)
	}
	for _, p := range ps {
		if Fragments.holds(p.Packet) && len(p.Data) > 514 {
			t.Errorf("a fragment of %d bytes", len(p.Data)-14)
		}
	}
	// a lost fragment loses the packet: TCP repairs it
	w.set("cut", Fragment{Match: Match{Dir: ToOFD, What: Data}, Max: 500})
	w.set("lose", Drop{Match: Match{What: Fragments}, Pick: Pick{Nth: 2}})
	kkm.conn.Send(data)
	w.pass(time.Minute)
	if ofd.got.Len() != 2*len(data) || w.clear("lose") != 1 {
		t.Errorf("the OFD got %d bytes, want %d", ofd.got.Len(), 2*len(data))
	}
}

// What may be fragmented is, by a router whose next link is small; what may not is dropped and its sender told.
func TestMTUFragmentsWhatItMay(t *testing.T) {
	dec := newDecoder()
	from, to := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	link := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0}
	frame, err := datagram(link, netip.AddrPortFrom(from, 1), netip.AddrPortFrom(to, 2), make([]byte, 3000))
	if err != nil {
		t.Fatal(err)
	}
	f := MTU{Max: 1004} // (1004-20) rounded down to a multiple of 8 is 984
	if d := f.Decide(Moment{}, dec.decode(frame)); !d.Drop || d.Tell != 1004 {
		t.Errorf("with DF: %+v", d)
	}
	frame[ethHeader+ip4Flags] = 0
	d := f.Decide(Moment{}, dec.decode(frame))
	if d.Drop || len(d.Parts) != 4 {
		t.Fatalf("without DF: %d parts, dropped %v; want 4", len(d.Parts), d.Drop)
	}
	var body []byte
	for i, part := range d.Parts {
		ip := gopacket.NewPacket(part, layers.LayerTypeEthernet, gopacket.Default).NetworkLayer().(*layers.IPv4)
		if int(ip.FragOffset) != len(body)/8 || (ip.Flags&layers.IPv4MoreFragments != 0) != (i < 3) || int(ip.Length) > 1004 {
			t.Errorf("part %d: offset %d, flags %v, length %d", i, ip.FragOffset, ip.Flags, ip.Length)
		}
		body = append(body, ip.Payload...)
	}
	if !bytes.Equal(body, frame[34:]) {
		t.Error("the parts do not make the packet")
	}
	for _, n := range []int{3008, 3028} { // the packet has 3028 bytes
		if d := (MTU{Max: n}).Decide(Moment{}, dec.decode(frame)); d.changes() != (n < 3028) {
			t.Errorf("MTU %d: %+v", n, d)
		}
	}
	// IPv6 never fragments on the way
	from, to = netip.MustParseAddr("fd00::1"), netip.MustParseAddr("fd00::2")
	frame, err = datagram(append(link[:12:12], 0x86, 0xdd), netip.AddrPortFrom(from, 1), netip.AddrPortFrom(to, 2), make([]byte, 3000))
	if err != nil {
		t.Fatal(err)
	}
	p := dec.decode(frame)
	if d := f.Decide(Moment{}, p); !d.Drop || d.Tell != 1004 {
		t.Errorf("IPv6: %+v", d)
	}
	answer, err := tooBig(p, 1280)
	if err != nil {
		t.Fatal(err)
	}
	icmp, ok := gopacket.NewPacket(answer, layers.LayerTypeEthernet, gopacket.Default).Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6)
	if !ok || icmp.TypeCode.Type() != layers.ICMPv6TypePacketTooBig || !bytes.Equal(icmp.Payload[:4], []byte{0, 0, 5, 0}) || len(answer) > 1280 {
		t.Errorf("packet too big: % x", answer)
	}
}
