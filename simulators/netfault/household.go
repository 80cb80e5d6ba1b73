package netfault

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

// household is what a register's end needs besides TCP when its link says so: an
// address by DHCP (RFC 2131) before it connects, and the OFD's address by DNS (RFC
// 1035). Both travel as packets, so that faults strike them. The OFD's end answers
// for the router: it leases the one address of the link, and it knows the names.
// It is touched on the loop, under the network's lock.
type household struct {
	l *Link

	// DHCP
	state   leaseState
	xid     uint32
	tries   int
	offered bool
	timer   clock.Timer
	expires time.Duration // counted like Now.Mono
	waiting []func(error)

	// DNS
	asks map[uint16]*ask
	id   uint16
}

type leaseState int

const (
	noLease leaseState = iota
	asking
	bound
)

// ask is a name that is being looked up.
type ask struct {
	name  dnsmessage.Name
	tries int
	timer clock.Timer
	then  func(netip.Addr, error)
}

const (
	bootServer, bootClient = 67, 68
	resolverPort           = 10053 // from which the register asks
	// firstTry and lastTry of DHCP: 4 s, doubled each time (RFC 2131, 4.1).
	firstTry = 4 * time.Second
	lastTry  = 4
	// nameTries and nameWait are the defaults of resolvers (resolv.conf: timeout 5, attempts 2).
	nameTries = 2
	nameWait  = 5 * time.Second
	// leastRenewal is the shortest pause between attempts to renew (RFC 2131, 4.4.5).
	leastRenewal = time.Minute
)

var (
	errNoLease = fmt.Errorf("no address: DHCP did not answer: %w", stream.ErrNoRoute)
	errNoName  = fmt.Errorf("the name was not resolved: %w", stream.ErrNoRoute)
)

// prepare calls then when the register has an address and knows the host's.
func (h *household) prepare(host string, then func(netip.Addr, error)) {
	h.lease(func(err error) {
		if err != nil {
			then(netip.Addr{}, err)
			return
		}
		h.resolve(host, then)
	})
}

// lease calls then when the register has an address.
func (h *household) lease(then func(error)) {
	if h.l.opt.Lease == 0 || h.state == bound {
		then(nil)
		return
	}
	h.waiting = append(h.waiting, then)
	if h.state == noLease {
		h.state, h.tries, h.offered = asking, 0, false
		h.xid++
		h.discover()
	}
}

// discover asks for a lease, or for the offered one, until it tires.
func (h *household) discover() {
	if h.tries == lastTry {
		h.state = noLease
		h.tell(errNoLease)
		return
	}
	wait := firstTry << h.tries
	h.tries++
	if h.offered {
		h.boot(dhcpRequest, netip.IPv4Unspecified(), false)
	} else {
		h.boot(dhcpDiscover, netip.IPv4Unspecified(), false)
	}
	h.timer = h.l.n.after(wait, h.discover)
}

func (h *household) tell(err error) {
	all := h.waiting
	h.waiting = nil
	for _, then := range all {
		then(err)
	}
}

// renew asks for more time at half of it, again at half of the rest, and from
// seven eighths on by broadcast.
func (h *household) renew() {
	now := h.l.n.instant().Mono
	left := h.expires - now
	if left <= 0 {
		h.state = noLease
		if err := h.l.kkm.stack.RemoveAddress(nic, tcpip.AddrFromSlice(h.l.kkm.ip)); err != nil {
			h.l.n.fail("link "+h.l.name, fmt.Errorf("the lease ended: %v", err))
		}
		return
	}
	h.boot(dhcpRequest, addrOf(h.l.kkm), left > h.l.opt.Lease/8)
	h.timer = h.l.n.after(min(max(left/2, leastRenewal), left), h.renew)
}

// boot sends a DHCP message of the register.
func (h *household) boot(kind byte, own netip.Addr, direct bool) {
	m := bootp(1, h.xid, h.l.kkm.mac, own, netip.IPv4Unspecified())
	m = append(m, 53, 1, kind)
	if kind == dhcpRequest && !own.IsUnspecified() {
		// renewing: the address stands in the header (RFC 2131, 4.3.6)
	} else if kind == dhcpRequest {
		m = append(append(m, 50, 4), h.l.kkm.ip.To4()...)
		m = append(append(m, 54, 4), h.l.ofd.ip.To4()...)
	}
	to, mac := netip.AddrFrom4([4]byte{255, 255, 255, 255}), broadcast
	if direct {
		to, mac = addrOf(h.l.ofd), h.l.ofd.mac
	}
	h.l.utter(h.l.kkm, mac, netip.AddrPortFrom(own, bootClient), netip.AddrPortFrom(to, bootServer), append(m, 255))
}

// booted takes an answer of DHCP.
func (h *household) booted(p []byte) {
	kind, ok := bootKind(p, 2)
	if !ok || binary.BigEndian.Uint32(p[4:]) != h.xid {
		return
	}
	switch {
	case kind == dhcpOffer && h.state == asking && !h.offered:
		h.timer.Stop()
		h.offered, h.tries = true, 0
		h.discover()
	case kind == dhcpNak:
		h.timer.Stop()
		h.offered, h.tries = false, 0
		if h.state == asking {
			h.discover()
		}
	case kind == dhcpAck && (h.state == bound || h.offered):
		h.timer.Stop()
		h.expires = h.l.n.instant().Mono + h.l.opt.Lease
		h.timer = h.l.n.after(h.l.opt.Lease/2, h.renew)
		if h.state == bound {
			return
		}
		h.state = bound
		if err := h.l.kkm.address4(); err != nil {
			h.l.n.fail("link "+h.l.name, err)
		}
		h.tell(nil)
	}
}

// resolve looks a host up.
func (h *household) resolve(host string, then func(netip.Addr, error)) {
	a, err := netip.ParseAddr(host)
	switch {
	case err == nil:
		then(a, nil)
		return
	case !h.l.opt.DNS || host == "":
		then(h.l.n.addressOf(h.l, host), nil)
		return
	}
	name, err := dnsmessage.NewName(rooted(host))
	if err != nil {
		then(netip.Addr{}, fmt.Errorf("name %q: %w: %w", host, err, errNoName))
		return
	}
	if h.asks == nil {
		h.asks = map[uint16]*ask{}
	}
	h.id++
	a1 := &ask{name: name, then: then}
	h.asks[h.id] = a1
	h.query(h.id, a1)
}

func (h *household) query(id uint16, a *ask) {
	if a.tries == nameTries {
		delete(h.asks, id)
		a.then(netip.Addr{}, errNoName)
		return
	}
	a.tries++
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: a.name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
	}
	raw, err := m.Pack()
	if err != nil {
		h.l.n.fail("link "+h.l.name, fmt.Errorf("query for %v: %w", a.name, err))
	}
	h.l.utter(h.l.kkm, h.l.ofd.mac, netip.AddrPortFrom(addrOf(h.l.kkm), resolverPort), netip.AddrPortFrom(addrOf(h.l.ofd), dnsPort), raw)
	a.timer = h.l.n.after(nameWait, func() { h.query(id, a) })
}

// answered takes an answer of DNS.
func (h *household) answered(p []byte) {
	var m dnsmessage.Message
	if m.Unpack(p) != nil || !m.Response {
		return
	}
	a := h.asks[m.ID]
	if a == nil || len(m.Questions) != 1 || m.Questions[0].Name != a.name {
		return
	}
	a.timer.Stop()
	delete(h.asks, m.ID)
	for _, r := range m.Answers {
		if b, ok := r.Body.(*dnsmessage.AResource); ok && m.RCode == dnsmessage.RCodeSuccess {
			a.then(netip.AddrFrom4(b.A), nil)
			return
		}
	}
	a.then(netip.Addr{}, fmt.Errorf("%v: %w", m.RCode, errNoName))
}

// serve takes a frame for the household, or for the router behind the OFD's
// end, and says whether it was one.
func (e *end) serve(frame []byte) bool {
	l := e.link
	if l.home == nil || len(frame) < ethHeader+ip4Header || frame[12] != 8 || frame[13] != 0 || frame[ethHeader+9] != 17 {
		return false
	}
	p := l.dec.decode(frame)
	if p.Proto != ProtoUDP {
		return false
	}
	switch {
	case e.side == sideKKM && p.DstPort == bootClient:
		l.home.booted(p.Payload)
	case e.side == sideKKM && p.DstPort == resolverPort:
		l.home.answered(p.Payload)
	case e.side == sideOFD && p.DstPort == bootServer && l.opt.Lease > 0:
		l.leases(p)
	case e.side == sideOFD && p.DstPort == dnsPort && l.opt.DNS:
		l.names(p)
	default:
		return false
	}
	return true
}

// leases is the router's DHCP server. It keeps no state: there is one address.
func (l *Link) leases(p Packet) {
	kind, ok := bootKind(p.Payload, 1)
	if !ok {
		return
	}
	said := byte(dhcpOffer)
	if kind == dhcpRequest {
		said = dhcpAck
		if own := netip.AddrFrom4([4]byte(p.Payload[12:16])); !own.IsUnspecified() && own != addrOf(l.kkm) {
			said = dhcpNak
		}
	} else if kind != dhcpDiscover {
		return
	}
	m := bootp(2, binary.BigEndian.Uint32(p.Payload[4:]), p.Payload[28:34], netip.IPv4Unspecified(), addrOf(l.kkm))
	m = append(m, 53, 1, said)
	m = append(append(m, 54, 4), l.ofd.ip.To4()...)
	m = binary.BigEndian.AppendUint32(append(m, 51, 4), uint32(l.opt.Lease/time.Second))
	m = append(m, 1, 4, 255, 255, 255, 0)
	m = append(append(m, 3, 4), l.ofd.ip.To4()...)
	m = append(append(m, 6, 4), l.ofd.ip.To4()...)
	l.utter(l.ofd, broadcast, netip.AddrPortFrom(addrOf(l.ofd), bootServer), netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), bootClient), append(m, 255))
}

// names is the resolver behind the OFD's end.
func (l *Link) names(p Packet) {
	hd, q, ok := question(p.Payload)
	if !ok {
		return
	}
	m := dnsmessage.Message{Header: answerTo(hd, dnsmessage.RCodeSuccess), Questions: []dnsmessage.Question{q}}
	if q.Type == dnsmessage.TypeA {
		name := q.Name.String()
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60},
			Body:   &dnsmessage.AResource{A: l.n.addressOf(l, name[:len(name)-1]).As4()},
		}}
	}
	raw, err := m.Pack()
	if err != nil {
		l.n.fail("link "+l.name, fmt.Errorf("answer for %v: %w", q.Name, err))
		return
	}
	l.utter(l.ofd, l.kkm.mac, netip.AddrPortFrom(p.Dst, p.DstPort), netip.AddrPortFrom(p.Src, p.SrcPort), raw)
}

// utter sends a UDP packet from an end.
func (l *Link) utter(e *end, mac []byte, from, to netip.AddrPort, payload []byte) {
	link := append(append(append([]byte(nil), mac...), e.mac...), 8, 0)
	frame, err := datagram(link, from, to, payload)
	if err != nil {
		l.n.fail("link "+l.name, err)
		return
	}
	l.n.leaf.Lock()
	l.n.out = append(l.n.out, sent{e, frame})
	l.n.leaf.Unlock()
	l.n.kick()
}

// addressOf is where a host is found.
func (n *Network) addressOf(l *Link, host string) netip.Addr {
	if n.isOFD(l, host) {
		return addrOf(l.ofd)
	}
	return netip.AddrFrom4([4]byte{10, 77, byte(l.index), nobody})
}

func addrOf(e *end) netip.Addr { return e.netip() }

// address4 gives the end its address.
func (e *end) address4() error {
	addr := tcpip.ProtocolAddress{
		Protocol:          ipv4.ProtocolNumber,
		AddressWithPrefix: tcpip.AddressWithPrefix{Address: tcpip.AddrFromSlice(e.ip), PrefixLen: 24},
	}
	if err := e.stack.AddProtocolAddress(nic, addr, stack.AddressProperties{}); err != nil {
		return errors.New("address " + e.ip.String() + ": " + err.String())
	}
	e.stack.SetRouteTable([]tcpip.Route{{Destination: addr.AddressWithPrefix.Subnet(), NIC: nic}})
	return nil
}

var broadcast = []byte{255, 255, 255, 255, 255, 255}

// The kinds of DHCP messages (option 53).
const (
	dhcpDiscover = 1
	dhcpOffer    = 2
	dhcpRequest  = 3
	dhcpAck      = 5
	dhcpNak      = 6
)

const bootSize = 240 // with the cookie before the options

// bootp is the fixed part of a message; op 1 is the client's, 2 the server's.
func bootp(op byte, xid uint32, mac []byte, own, yours netip.Addr) []byte {
	m := make([]byte, bootSize)
	m[0], m[1], m[2] = op, 1, 6
	binary.BigEndian.PutUint32(m[4:], xid)
	a, b := own.As4(), yours.As4()
	copy(m[12:], a[:])
	copy(m[16:], b[:])
	copy(m[28:], mac)
	copy(m[236:], bootCookie)
	return m
}

var bootCookie = []byte{0x63, 0x82, 0x53, 0x63}

// bootKind reads option 53 of a message of the given side.
func bootKind(m []byte, op byte) (byte, bool) {
	if len(m) < bootSize || m[0] != op || string(m[236:240]) != string(bootCookie) {
		return 0, false
	}
	for o := m[bootSize:]; len(o) > 0 && o[0] != 255; {
		if o[0] == 0 {
			o = o[1:]
			continue
		}
		if len(o) < 2 || len(o) < 2+int(o[1]) {
			return 0, false
		}
		if o[0] == 53 && o[1] == 1 {
			return o[2], true
		}
		o = o[2+int(o[1]):]
	}
	return 0, false
}
