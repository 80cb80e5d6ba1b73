package netfault

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/google/gopacket/layers"
)

// What is a kind of packet that a fault may be narrowed to. The zero value is
// every IP packet.
type What uint8

// The kinds.
const (
	AnyIP     What = iota
	AnyTCP         // every TCP packet
	Syn            // the opening of a connection, without ACK
	Data           // TCP with payload
	Bare           // TCP without payload and without SYN, FIN, RST: an acknowledgement
	Fin            // TCP with FIN
	Rst            // TCP with RST
	Frames         // everything on the wire, ARP too
	AnyUDP         // every UDP packet
	DNS            // UDP or TCP from or to port 53
	DHCP           // UDP from or to the ports of DHCP (67, 68) and DHCPv6 (546, 547)
	ARP            // ARP
	ICMP           // ICMP and ICMPv6
	Fragments      // IP fragments, the first ones too
	lastWhat  = Fragments
)

var whatNames = [...]string{"IP packets", "TCP packets", "SYN", "data packets", "bare acknowledgements", "FIN", "RST", "frames",
	"UDP packets", "DNS packets", "DHCP packets", "ARP", "ICMP", "fragments"}

// String names the kind.
func (w What) String() string {
	if int(w) < len(whatNames) {
		return whatNames[w]
	}
	return fmt.Sprintf("What(%d)", uint8(w))
}

func (w What) holds(p Packet) bool {
	switch w {
	case AnyIP:
		return p.Proto >= ProtoIP
	case AnyTCP:
		return p.Proto == ProtoTCP
	case Syn:
		return p.Proto == ProtoTCP && p.Flags&(SYN|ACK) == SYN
	case Data:
		return p.Proto == ProtoTCP && len(p.Payload) > 0
	case Bare:
		return p.Proto == ProtoTCP && len(p.Payload) == 0 && p.Flags&(SYN|FIN|RST) == 0
	case Fin:
		return p.Has(FIN)
	case Rst:
		return p.Has(RST)
	case AnyUDP:
		return p.Proto == ProtoUDP
	case DNS:
		return p.port(53)
	case DHCP:
		return p.Proto == ProtoUDP && (p.port(67) || p.port(68) || p.port(546) || p.port(547))
	case ARP:
		return p.Proto == ProtoARP
	case ICMP:
		return p.Proto == ProtoIP && (p.IPProto == uint8(layers.IPProtocolICMPv4) || p.IPProto == uint8(layers.IPProtocolICMPv6))
	case Fragments:
		return p.at.part || p.Proto == ProtoIP && p.IPProto == uint8(layers.IPProtocolIPv6Fragment)
	}
	return true
}

// port says whether either end of a TCP or UDP packet is this port.
func (p Packet) port(n uint16) bool {
	return p.Proto >= ProtoTCP && (p.SrcPort == n || p.DstPort == n)
}

// Match narrows a fault to some packets. The zero value matches every IP packet
// in both directions.
type Match struct {
	Dir  Dir
	What What
	// Conn is the number of a connection on the link, 0: any.
	Conn uint64
	// FirstTry leaves retransmissions alone, Retry matches nothing else.
	FirstTry, Retry bool
	// Means narrows to packets that carry certain CPCR messages.
	Means Meaning
	// Holds matches only packets whose payload holds this byte of the stream, counted
	// from 1 ("inside byte 300"); 0: any.
	Holds int64
	// Host narrows to packets from or to these addresses; the zero value: any.
	Host netip.Prefix
	// Port narrows to TCP and UDP packets from or to this port, VLAN to frames with
	// this 802.1Q tag (the innermost one counts); 0: any.
	Port, VLAN uint16
}

// Selects implements the selection of a Fault.
func (m Match) Selects(p Packet) bool {
	switch {
	case m.Dir != EitherWay && m.Dir != p.Dir, !m.What.holds(p), m.Conn != 0 && m.Conn != p.Stream.Conn:
		return false
	case m.Host.IsValid() && !m.Host.Contains(p.Src) && !m.Host.Contains(p.Dst):
		return false
	case m.Port != 0 && !p.port(m.Port), m.VLAN != 0 && m.VLAN != p.VLAN:
		return false
	case m.FirstTry && p.Stream.Again, m.Retry && !p.Stream.Again, !m.Means.holds(p):
		return false
	}
	at := m.Holds - 1
	return m.Holds == 0 || p.Stream.Conn != 0 && at >= p.Stream.Offset && at < p.Stream.Offset+int64(p.Stream.Len)
}

// String describes the selection.
func (m Match) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %v", m.What, m.Dir)
	if m.Conn != 0 {
		fmt.Fprintf(&b, " of connection %d", m.Conn)
	}
	if s := m.Means.String(); s != "" {
		fmt.Fprintf(&b, ", with %s", s)
	}
	if m.FirstTry {
		b.WriteString(", first tries only")
	}
	if m.Retry {
		b.WriteString(", retransmissions only")
	}
	if m.Holds != 0 {
		fmt.Fprintf(&b, ", with byte %d of the stream", m.Holds)
	}
	if m.Host.IsValid() {
		fmt.Fprintf(&b, ", host %v", m.Host)
	}
	if m.Port != 0 {
		fmt.Fprintf(&b, ", port %d", m.Port)
	}
	if m.VLAN != 0 {
		fmt.Fprintf(&b, ", VLAN %d", m.VLAN)
	}
	return b.String()
}

// Check implements the check of a Fault.
func (m Match) Check() error {
	switch {
	case m.Dir > ToKKM:
		return fmt.Errorf("direction %d: want EitherWay, ToOFD or ToKKM", m.Dir)
	case m.What > lastWhat:
		return fmt.Errorf("kind of packet %d: want one of %q", m.What, whatNames)
	case m.FirstTry && m.Retry:
		return fmt.Errorf("first tries only and retransmissions only: no packet is both")
	case m.Holds < 0:
		return fmt.Errorf("byte %d of the stream: want 1 or more", m.Holds)
	}
	if m.VLAN > 4094 {
		return fmt.Errorf("VLAN %d: want 1 to 4094", m.VLAN)
	}
	return m.Means.check()
}

// Pick chooses among the packets that match: all of them (the zero value), a
// share by chance, or some by their ordinal.
type Pick struct {
	Share float64 // each packet with this probability, over 0 to 1
	Nth   int     // the n-th packet since the fault was set, from 1
	Count int     // how many from there on; 0 is 1
}

// picks decides for the packet of m.
func (k Pick) picks(m Moment) bool {
	switch {
	case k.Nth > 0:
		return m.Seen >= k.Nth && m.Seen < k.Nth+max(k.Count, 1)
	case k.Share > 0:
		return m.Rand.Float64() < k.Share
	}
	return true
}

// ordinal says whether the choice counts packets.
func (k Pick) ordinal() bool { return k.Nth > 0 }

// String describes the choice.
func (k Pick) String() string {
	switch {
	case k.Nth > 0 && k.Count > 1:
		return fmt.Sprintf("number %d to %d of", k.Nth, k.Nth+k.Count-1)
	case k.Nth > 0:
		return fmt.Sprintf("number %d of", k.Nth)
	case k.Share > 0:
		return fmt.Sprintf("a share of %g of", k.Share)
	}
	return "all"
}

func (k Pick) check() error {
	switch {
	case !(k.Share >= 0 && k.Share <= 1):
		return fmt.Errorf("share %g: want 0 to 1", k.Share)
	case k.Nth < 0 || k.Count < 0:
		return fmt.Errorf("number %d, count %d: want no negative ordinal", k.Nth, k.Count)
	case k.Nth == 0 && k.Count > 0:
		return fmt.Errorf("count %d without a number to begin at", k.Count)
	case k.Nth > 0 && k.Share > 0:
		return fmt.Errorf("number %d and share %g: want one of them", k.Nth, k.Share)
	}
	return nil
}

// NoDHCP loses DHCP: a register that asks for an address gets none, and loses the one it has
// when the lease ends.
var NoDHCP Fault = Drop{Match: Match{What: DHCP}}
