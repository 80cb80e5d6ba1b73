package netfault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/simulators/netfault/rawlink"
)

func echoHost(c net.Conn) { _, _ = io.Copy(c, c) }

// A stream goes over the bridge whole, with the offloads of the interfaces as
// they are: the kernel hands over packets of 64 KiB, and on the cable is none longer than the MTU.
func TestBridgeCarriesAStream(t *testing.T) {
	for _, addr := range []string{"10.9.0.2:7777", "[fd09::2]:7777"} {
		t.Run(addr, func(t *testing.T) {
			l := newLab(t)
			o := l.bridge()
			l.listen("tcp", addr, echoHost)
			c := l.mustDial(addr)
			big := make([]byte, 3<<20)
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
			if a, b := count(ps, leaves, what(AnyTCP)), count(ps, arrives, what(AnyTCP)); a != b || a < 2*len(big)/1500 {
				t.Errorf("%d packets came to the bridge, %d left it; want the same and more than %d", a, b, 2*len(big)/1500)
			}
			for _, p := range ps {
				if len(p.Data) > 1514 {
					t.Fatalf("a frame of %d bytes on the cable", len(p.Data))
				}
				if p.Proto == ProtoTCP {
					f := bytes.Clone(p.Data)
					fixSums(f, p.Packet.at)
					if !bytes.Equal(f, p.Data) {
						t.Fatalf("packet %d has a wrong checksum", p.Record.N)
					}
				}
			}
			if err := o.net.Err(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestBridgeFaults(t *testing.T) {
	l := newLab(t)
	o := l.bridge()
	l.listen("tcp", "10.9.0.2:7777", echoHost)
	l.listen("tcp", "[fd09::2]:7777", echoHost)
	set := func(id string, f Fault) {
		t.Helper()
		if err := o.link.Set(id, f); err != nil {
			t.Fatal(err)
		}
	}
	lift := func(id string) {
		t.Helper()
		if n, err := o.link.Clear(id); err != nil || n == 0 {
			t.Errorf("%s: %d struck, %v", id, n, err)
		}
	}
	silent := func(what string, c net.Conn) {
		t.Helper()
		_ = c.SetReadDeadline(time.Now().Add(300 * ms))
		var wait net.Error
		if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.As(err, &wait) || !wait.Timeout() {
			t.Errorf("%s: %d bytes, %v; want silence", what, n, err)
		}
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	}

	c4, c6 := l.mustDial("10.9.0.2:7777"), l.mustDial("[fd09::2]:7777")
	o.exchange(c4, []byte("hello"))
	o.exchange(c6, []byte("hello"))

	// a cut strikes IPv4 and IPv6 and lets the streams go on afterwards
	set("cut", Cut{})
	for _, c := range []net.Conn{c4, c6} {
		_, _ = c.Write([]byte("later"))
		silent("cut", c)
	}
	lift("cut")
	for _, c := range []net.Conn{c4, c6} {
		if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
			t.Errorf("after the cut: %v", err)
		}
	}

	set("refuse", RefuseSYN{})
	for _, addr := range []string{"10.9.0.2:7777", "[fd09::2]:7777"} {
		if _, err := l.dial(addr, 5*time.Second); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s: %v, want refused", addr, err)
		}
	}
	o.exchange(c4, []byte("goes on"))
	lift("refuse")

	set("slow", Delay{Match: Match{Dir: ToOFD, What: Data}, Fixed: 50 * ms})
	from := time.Now()
	o.exchange(c4, []byte("slow"))
	if d := time.Since(from); d < 50*ms {
		t.Errorf("an exchange took %v, less than the delay", d)
	}
	lift("slow")

	set("loss", Drop{Pick: Pick{Share: 0.05}})
	data := bytes.Repeat([]byte("0123456789abcdef"), 4<<10)
	o.exchange(c4, data)
	o.exchange(c6, data)
	lift("loss")

	set("mtu", MTU{Max: 1000})
	o.exchange(c4, data)
	o.link.n.mu.Lock()
	told := o.link.faults[0].struck
	o.link.n.mu.Unlock()
	if told == 0 || told > 200 {
		t.Errorf("%d packets were too long: want some, and then the sender knows", told)
	}
	lift("mtu")

	set("fragments", Fragment{Match: Match{Dir: ToOFD}, Max: 600})
	o.exchange(c4, data)
	lift("fragments")
	if n := count(readCaptureOf(o), arrives, what(Fragments), func(p seen) bool { return len(p.Data) > 614 }); n != 0 {
		t.Errorf("%d fragments are longer than 600 bytes of IP", n)
	}

	set("rst", CutRST{})
	for _, c := range []net.Conn{c4, c6} {
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("reset: %v", err)
		}
	}
	lift("rst")
	o.exchange(l.mustDial("10.9.0.2:7777"), []byte("again"))

	set("portal", CaptivePortal{})
	p := l.mustDial("10.9.0.2:7777")
	_, _ = p.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
	page, err := io.ReadAll(p)
	if err != nil || !bytes.HasPrefix(page, []byte("HTTP/1.1 302 Found\r\nLocation: "+portalPage)) {
		t.Errorf("portal: %q, %v", page, err)
	}
	lift("portal")
}

// Whatever is on the cable passes untouched unless a fault names it: byte for byte, both ways.
func TestBridgePassesEverythingUntouched(t *testing.T) {
	l := newLab(t)
	o := l.bridge()
	dev, ofd := l.tap(l.dev, "dev0"), l.tap(l.ofd, "ofd0")
	// These faults name packets, and none of the frames below is one.
	for id, f := range map[string]Fault{"host": Drop{Match: Match{Host: netip.MustParsePrefix("10.9.0.77/32")}}, "portal": CaptivePortal{}, "name": NoName{Name: "nobody.example"}} {
		if err := o.link.Set(id, f); err != nil {
			t.Fatal(err)
		}
	}
	everybody := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	link := func(typ uint16) []byte {
		return binary.BigEndian.AppendUint16(append(append([]byte(nil), everybody...), 2, 'T', 'E', 'S', 'T', 1), typ)
	}
	udp := func(from, to uint16, payload []byte) []byte {
		f, err := datagram(link(0x0800), netip.AddrPortFrom(netip.MustParseAddr("10.9.0.55"), from), netip.AddrPortFrom(netip.MustParseAddr("10.9.0.255"), to), payload)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	arp := append(link(0x0806), 0, 1, 8, 0, 6, 4, 0, 1, 2, 'T', 'E', 'S', 'T', 1, 10, 9, 0, 55, 0, 0, 0, 0, 0, 0, 10, 9, 0, 77)
	lldp := append(link(0x88cc), 2, 7, 4, 2, 'T', 'E', 'S', 'T', 1, 0, 0)
	llc := append(link(38), append([]byte{0x42, 0x42, 3}, make([]byte, 35)...)...) // spanning tree
	dhcp := udp(68, 67, dhcpMessage(1))
	query := udp(5353, 53, query("ofd.example."))
	discovery := append(link(0x8863), 0x11, 0x09, 0, 0, 0, 4, 1, 1, 0, 0)
	ipx := append(link(0x8137), make([]byte, 60)...)
	broken := append(link(0x0800), 0x4f, 0, 0, 9)
	session, err := assemble(append(link(0x8864), 0x11, 0, 0, 9, 0, 0, 0, 0x21), ipOf(t, "10.9.0.55", "10.9.0.66")...)
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string][]byte{"ARP": arp, "LLDP": lldp, "spanning tree": llc, "DHCP": dhcp, "DNS": query, "PPPoE discovery": discovery, "PPPoE session": session, "IPX": ipx, "half an IP header": broken} {
		dev.send(f)
		if !ofd.want(f) {
			t.Errorf("%s did not arrive at the OFD's side as it was sent", name)
		}
		ofd.send(f)
		if !dev.want(f) {
			t.Errorf("%s did not arrive at the register's side as it was sent", name)
		}
	}
}

// Tags stay on, and a fault looks through them or names them.
func TestBridgeVLAN(t *testing.T) {
	l := newLab(t)
	o := l.bridge()
	dev, ofd := l.tap(l.dev, "dev0"), l.tap(l.ofd, "ofd0")
	set := func(id string, f Fault) {
		t.Helper()
		if err := o.link.Set(id, f); err != nil {
			t.Fatal(err)
		}
	}
	lift := func(id string, want int) {
		t.Helper()
		if n, err := o.link.Clear(id); err != nil || n != want {
			t.Errorf("%s: %d struck, %v; want %d", id, n, err, want)
		}
	}
	header := func(tags ...uint16) []byte {
		h := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 'T', 'E', 'S', 'T', 1}
		for i, tag := range tags {
			typ := uint16(0x8100)
			if i < len(tags)-1 {
				typ = 0x88a8
			}
			h = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(h, typ), tag)
		}
		return append(h, 8, 0)
	}
	device, server := netip.MustParseAddr("10.1.0.1"), netip.MustParseAddr("10.1.0.2")
	syn := func(tags ...uint16) []byte {
		f, err := segment{link: header(tags...), from: device, to: server, srcPort: 4000, dstPort: 7777, seq: 99, flags: SYN}.craft()
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	const priority = 5 << 13
	for _, tags := range [][]uint16{{12}, {priority | 12}, {priority}, {100, 12}} {
		dev.send(syn(tags...))
		if !ofd.want(syn(tags...)) {
			t.Errorf("tags %x: the frame did not pass as it was sent", tags)
		}
		if n := count(readCaptureOf(o), at("cable/ofd"), func(p seen) bool { return bytes.Equal(p.Data, syn(tags...)) }); n != 1 {
			t.Errorf("tags %x: %d frames with them in the capture, want 1", tags, n)
		}
	}
	set("tag", Drop{Match: Match{What: Frames, VLAN: 12}})
	dev.send(syn(12))
	dev.send(syn(100, 12))
	dev.send(syn(13))
	if !ofd.want(syn(13)) {
		t.Error("the other VLAN is cut as well")
	}
	lift("tag", 2)
	set("cut", Cut{})
	dev.send(syn(12))
	untouched := append(header(12)[:16], 0x88, 0xb5, 1, 2, 3) // no IP: a cut behind the router does not concern it
	dev.send(untouched)
	if !ofd.want(untouched) {
		t.Error("a tagged frame of another protocol was cut")
	}
	lift("cut", 1)
	// what the bench makes carries the tags too
	set("refuse", RefuseSYN{})
	dev.send(syn(100, 12))
	want, err := segment{link: turned(header(100, 12)), from: server, to: device, srcPort: 7777, dstPort: 4000, ack: 100, flags: RST | ACK}.craft()
	if err != nil {
		t.Fatal(err)
	}
	if !dev.want(want) {
		t.Error("no RST came back in the VLAN")
	}
	lift("refuse", 1)
}

// A fault strikes IP inside a PPPoE session.
func TestBridgePPPoE(t *testing.T) {
	l := newLab(t)
	o := l.bridge()
	dev, ofd := l.tap(l.dev, "dev0"), l.tap(l.ofd, "ofd0")
	header := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 'T', 'E', 'S', 'T', 1, 0x88, 0x64, 0x11, 0, 0, 9, 0, 0, 0, 0x21}
	syn, err := segment{link: header, from: netip.MustParseAddr("10.1.0.1"), to: netip.MustParseAddr("10.1.0.2"), srcPort: 4000, dstPort: 7777, seq: 99, flags: SYN}.craft()
	if err != nil {
		t.Fatal(err)
	}
	if err := o.link.Set("refuse", RefuseSYN{}); err != nil {
		t.Fatal(err)
	}
	dev.send(syn)
	want, err := segment{link: turned(header), from: netip.MustParseAddr("10.1.0.2"), to: netip.MustParseAddr("10.1.0.1"), srcPort: 7777, dstPort: 4000, ack: 100, flags: RST | ACK}.craft()
	if err != nil {
		t.Fatal(err)
	}
	if !dev.want(want) {
		t.Error("no RST came back in the session")
	}
	if _, err := o.link.Clear("refuse"); err != nil {
		t.Fatal(err)
	}
	dev.send(syn)
	if !ofd.want(syn) {
		t.Error("without the fault the packet did not pass")
	}
	if n := count(readCaptureOf(o), at("cable/ofd"), what(Syn)); n != 1 {
		t.Errorf("%d SYN went on to the OFD, want the second one", n)
	}
}

// resolver answers A queries in the OFD's namespace.
func (l *lab) resolver(addr string, answer [4]byte) {
	l.t.Helper()
	var pc net.PacketConn
	var err error
	l.in(l.ofd, func() { pc, err = net.ListenPacket("udp", addr) })
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = pc.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			h, q, ok := question(buf[:n])
			if !ok {
				continue
			}
			m := dnsmessage.Message{Header: answerTo(h, 0), Questions: []dnsmessage.Question{q}}
			if q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: answer}}}
			}
			if raw, err := m.Pack(); err == nil {
				_, _ = pc.WriteTo(raw, from)
			}
		}
	}()
}

func TestBridgeNames(t *testing.T) {
	l := newLab(t)
	o := l.bridge()
	l.resolver("10.9.0.2:53", [4]byte{10, 9, 0, 2})
	look := func(name string) ([]string, error) {
		r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (c net.Conn, err error) {
			l.in(l.dev, func() { c, err = new(net.Dialer).DialContext(ctx, network, "10.9.0.2:53") })
			return c, err
		}}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		return r.LookupHost(ctx, name)
	}
	var dnsErr *net.DNSError
	for _, tt := range []struct {
		name string
		f    Fault
		ok   func(addrs []string, err error) bool
	}{
		{"no fault", nil, func(a []string, err error) bool { return err == nil && fmt.Sprint(a) == "[10.9.0.2]" }},
		{"wrong answer", WrongName{Name: "example", To: netip.MustParseAddr("10.9.0.99")}, func(a []string, err error) bool { return err == nil && fmt.Sprint(a) == "[10.9.0.99]" }},
		{"another name", WrongName{Name: "other.example", To: netip.MustParseAddr("10.9.0.99")}, func(a []string, err error) bool { return err == nil && fmt.Sprint(a) == "[10.9.0.2]" }},
		{"NXDOMAIN", NoName{Name: "ofd.example", Code: 3}, func(_ []string, err error) bool { return errors.As(err, &dnsErr) && dnsErr.IsNotFound }},
		{"SERVFAIL", NoName{Code: 2}, func(_ []string, err error) bool {
			return errors.As(err, &dnsErr) && !dnsErr.IsNotFound && strings.Contains(err.Error(), "server misbehaving")
		}},
		{"silence", NoName{}, func(_ []string, err error) bool { return errors.As(err, &dnsErr) && dnsErr.IsTimeout }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.f != nil {
				if err := o.link.Set(tt.name, tt.f); err != nil {
					t.Fatal(err)
				}
			}
			a, err := look("ofd.example")
			if !tt.ok(a, err) {
				t.Errorf("%v, %v", a, err)
			}
			if tt.f == nil {
				return
			}
			n, err := o.link.Clear(tt.name)
			if err != nil || (n == 0) != (tt.name == "another name") {
				t.Errorf("%d struck, %v", n, err)
			}
			if ps := count(readCaptureOf(o), what(DNS), leaves, says("fault "+tt.name)); ps != n {
				t.Errorf("%d queries say that they were struck, %d were", ps, n)
			}
		})
	}
}

// DHCP is lost when a fault names it, and nothing else is.
func TestBridgeLosesDHCP(t *testing.T) {
	l := newLab(t)
	o := l.bridge()
	dev, ofd := l.tap(l.dev, "dev0"), l.tap(l.ofd, "ofd0")
	header := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 'T', 'E', 'S', 'T', 1, 8, 0}
	udp := func(from, to uint16, payload []byte) []byte {
		f, err := datagram(header, netip.AddrPortFrom(netip.IPv4Unspecified(), from), netip.AddrPortFrom(netip.MustParseAddr("255.255.255.255"), to), payload)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	if err := o.link.Set("dhcp", NoDHCP); err != nil {
		t.Fatal(err)
	}
	dev.send(udp(68, 67, dhcpMessage(1)))
	after := udp(4000, 4001, []byte("behind the lost one"))
	dev.send(after)
	if !ofd.want(after) {
		t.Error("what no fault named did not pass")
	}
	if n, err := o.link.Clear("dhcp"); n != 1 || err != nil {
		t.Errorf("%d struck, %v; want the DISCOVER", n, err)
	}
	if n := count(readCaptureOf(o), at("cable/ofd"), what(DHCP)); n != 0 {
		t.Errorf("%d DHCP packets came through", n)
	}
}

// What cannot be bridged is refused before anything starts, with place and cure.
func TestBridgeRefusals(t *testing.T) {
	l := newLab(t)
	l.ip("-n", l.mid, "link", "add", "down0", "type", "veth", "peer", "name", "down1")
	l.ip("-n", l.mid, "link", "add", "br0", "type", "bridge")
	l.ip("-n", l.mid, "link", "add", "port0", "type", "veth", "peer", "name", "port1")
	l.ip("-n", l.mid, "link", "set", "port0", "up", "master", "br0")
	l.ip("-n", l.mid, "link", "add", "jumbo0", "mtu", "4000", "type", "veth", "peer", "name", "jumbo1")
	l.ip("-n", l.mid, "link", "set", "jumbo0", "up")
	l.ip("-n", l.mid, "link", "add", "host0", "type", "veth", "peer", "name", "host1")
	l.ip("-n", l.mid, "link", "set", "host0", "up")
	l.ip("-n", l.mid, "address", "add", "10.8.0.1/24", "dev", "host0")
	clk := clock.NewReal()
	defer clk.Close()
	try := func(loop clock.Loop, a, b string) (err error) {
		l.in(l.mid, func() {
			var n *Network
			if n, err = New(loop, Options{Seed: 1, Journal: history.NewMemory(loop), Links: []LinkOptions{{Name: "cable", Bridge: [2]string{a, b}}}}); err == nil {
				err = n.Close()
			}
		})
		return err
	}
	for _, tt := range []struct{ name, a, b, want string }{
		{"no such interface", "kkm0", "nowhere0", "nowhere0: no such interface; this computer has "},
		{"one twice", "kkm0", "kkm0", "kkm0 twice: want two interfaces"},
		{"one only", "kkm0", "", ": no such interface"},
		{"down", "down0", "up0", "down0 is down: ip link set dev down0 up"},
		{"loopback", "lo", "up0", "lo is no Ethernet interface"},
		{"port of a bridge", "kkm0", "port0", "port0 belongs to br0, which would carry frames past the faults: ip link set dev port0 nomaster"},
		{"MTU", "kkm0", "jumbo0", "MTU 1500 on kkm0 and 4000 on jumbo0: what fits one would be lost on the other; give both the same: ip link set dev jumbo0 mtu 1500"},
		{"address", "host0", "up0", "host0 has the address 10.8.0.1/24: this computer would answer and route on the register's cable, past the faults; take it away: ip address flush dev host0"},
	} {
		err := try(clk, tt.a, tt.b)
		if err == nil || !strings.HasPrefix(err.Error(), "netfault: link cable: bridge: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v\nwant %q", tt.name, err, tt.want)
		}
	}
	if err := try(clock.NewVirtual(epochOf(), nil), "kkm0", "up0"); err == nil || !strings.Contains(err.Error(), "interfaces kkm0 and up0 need real time") {
		t.Errorf("simulated time: %v", err)
	}
	if err := try(clk, "kkm0", "host0"); err != nil {
		t.Errorf("an address on the OFD's side: %v", err)
	}
	o := l.bridge()
	for _, pair := range [][2]string{{"kkm0", "down0"}, {"up0", "jumbo0"}, {"up0", "kkm0"}} {
		err := try(clk, pair[0], pair[1])
		if want := fmt.Sprintf("%s: the interface is taken: process %d bridges it; stop that one first", pair[0], os.Getpid()); err == nil || !errors.Is(err, rawlink.ErrTaken) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v while the bridge runs: %v\nwant %q", pair, err, want)
		}
	}
	if _, err := o.net.Edge("", "cable", 7777); err == nil || !strings.Contains(err.Error(), "it is a bridge of two interfaces") {
		t.Errorf("edge: %v", err)
	}
	if err := o.net.Close(); err != nil {
		t.Fatal(err)
	}
	if err := try(clk, "kkm0", "up0"); err != nil {
		t.Errorf("after the bridge was closed: %v", err)
	}
}

// The one missing right is named, and how to give it.
func TestBridgeWithoutRights(t *testing.T) {
	l := newLab(t)
	clk := clock.NewReal()
	defer clk.Close()
	var err error
	l.in(l.mid, func() {
		// capabilities belong to a thread, and this one goes with its goroutine
		h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var c [2]unix.CapUserData
		if err = unix.Capget(&h, &c[0]); err != nil {
			return
		}
		c[0].Effective &^= 1 << unix.CAP_NET_RAW
		if err = unix.Capset(&h, &c[0]); err != nil {
			return
		}
		_, err = New(clk, Options{Seed: 1, Journal: history.NewMemory(clk), Links: []LinkOptions{{Name: "cable", Bridge: [2]string{"kkm0", "up0"}}}})
	})
	exe, _ := os.Executable()
	want := "netfault: link cable: bridge: kkm0: CAP_NET_RAW is missing: run as root, or give it to the program: setcap cap_net_raw+ep " + exe
	if !errors.Is(err, rawlink.ErrRights) || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	// CAP_NET_RAW alone is enough
	l.in(l.mid, func() {
		h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		c := [2]unix.CapUserData{{Effective: 1 << unix.CAP_NET_RAW, Permitted: 1 << unix.CAP_NET_RAW}}
		if err = unix.Capset(&h, &c[0]); err != nil {
			return
		}
		var n *Network
		if n, err = New(clk, Options{Seed: 1, Journal: history.NewMemory(clk), Links: []LinkOptions{{Name: "cable", Bridge: [2]string{"kkm0", "up0"}}}}); err == nil {
			err = n.Close()
		}
	})
	if err != nil {
		t.Errorf("with CAP_NET_RAW alone: %v", err)
	}
}

// state is what the kernel says of the bench PC's interfaces, without what counts or passes.
func (l *lab) state() string {
	var all []map[string]any
	if err := json.Unmarshal([]byte(l.ip("-n", l.mid, "-d", "-j", "link", "show")), &all); err != nil {
		l.t.Fatal(err)
	}
	for _, i := range all {
		delete(i, "stats64")
	}
	raw, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		l.t.Fatal(err)
	}
	return string(raw) + l.ip("-n", l.mid, "address", "show")
}

const childOf = "KKMTEST_BRIDGE_IN"

// When the bridge stops or is killed the interfaces are as they were, and free.
func TestBridgeLeavesNothingBehind(t *testing.T) {
	if ns := os.Getenv(childOf); ns != "" {
		bridgeChild(t, ns)
		return
	}
	l := newLab(t)
	before := l.state()
	o := l.bridge()
	during := l.state()
	if during == before {
		t.Error("promiscuous mode cannot be seen: the comparison proves nothing")
	}
	if err := o.net.Close(); err != nil {
		t.Fatal(err)
	}
	if after := l.state(); after != before {
		t.Errorf("after the end:\n%s\nbefore:\n%s", after, before)
	}

	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run", "^TestBridgeLeavesNothingBehind$")
	cmd.Env = append(os.Environ(), childOf+"="+l.mid)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 6)
	if _, err := io.ReadFull(out, line); err != nil || string(line) != "ready\n" {
		t.Fatalf("the child said %q, %v", line, err)
	}
	if l.state() != during {
		t.Error("the child does not bridge")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for end := time.Now().Add(5 * time.Second); l.state() != before && time.Now().Before(end); {
		time.Sleep(20 * ms)
	}
	if after := l.state(); after != before {
		t.Errorf("after kill -9:\n%s\nbefore:\n%s", after, before)
	}
	l.bridge() // and nobody holds them
}

func bridgeChild(t *testing.T, ns string) {
	l := &lab{t: t, mid: ns}
	l.bridge()
	fmt.Println("ready")
	time.Sleep(time.Minute)
}

// An interface that goes down under the bridge is the bench's failure and on record.
func TestBridgeInterfaceGoesDown(t *testing.T) {
	l := newLab(t)
	o := &outside{t: t, clk: clock.NewReal()}
	defer o.clk.Close()
	o.log = history.NewMemory(o.clk)
	var err error
	l.in(l.mid, func() {
		o.net, err = New(o.clk, Options{Seed: 1, Journal: o.log, Links: []LinkOptions{{Name: "cable", Bridge: [2]string{"kkm0", "up0"}}}})
	})
	if err != nil {
		t.Fatal(err)
	}
	l.ip("-n", l.mid, "link", "set", "kkm0", "down")
	for end := time.Now().Add(5 * time.Second); o.net.Err() == nil && time.Now().Before(end); {
		time.Sleep(10 * ms)
	}
	if err := o.net.Close(); err == nil || !strings.Contains(err.Error(), "bridge kkm0: the interface went down; ip link set dev kkm0 up") {
		t.Errorf("%v", err)
	}
}
