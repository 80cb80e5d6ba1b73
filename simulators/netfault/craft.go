package netfault

import (
	"encoding/binary"
	"net/netip"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// segment is a TCP packet that the link makes up in the name of an end.
type segment struct {
	link             []byte // the headers below IP
	from, to         netip.Addr
	srcPort, dstPort uint16
	seq, ack         uint32
	flags            Flags
	payload          []byte
}

// ttl of packets that the bench makes: it stands beside the receiver.
const ttl = 64

// craft builds the frame of a segment with right checksums.
func (s segment) craft() ([]byte, error) {
	tcp := &layers.TCP{
		SrcPort: layers.TCPPort(s.srcPort), DstPort: layers.TCPPort(s.dstPort), Seq: s.seq,
		RST: s.flags&RST != 0, FIN: s.flags&FIN != 0, SYN: s.flags&SYN != 0, ACK: s.flags&ACK != 0, PSH: s.flags&PSH != 0,
	}
	if tcp.ACK {
		tcp.Ack = s.ack
	}
	if !tcp.RST {
		tcp.Window = 0xffff
	}
	ip, err := ipLayer(s.from, s.to, layers.IPProtocolTCP, tcp.SetNetworkLayerForChecksum)
	if err != nil {
		return nil, err
	}
	return assemble(s.link, ip, tcp, gopacket.Payload(s.payload))
}

// datagram builds the frame of a UDP packet.
func datagram(link []byte, from, to netip.AddrPort, payload []byte) ([]byte, error) {
	udp := &layers.UDP{SrcPort: layers.UDPPort(from.Port()), DstPort: layers.UDPPort(to.Port())}
	ip, err := ipLayer(from.Addr(), to.Addr(), layers.IPProtocolUDP, udp.SetNetworkLayerForChecksum)
	if err != nil {
		return nil, err
	}
	return assemble(link, ip, udp, gopacket.Payload(payload))
}

func ipLayer(from, to netip.Addr, proto layers.IPProtocol, forSum func(gopacket.NetworkLayer) error) (gopacket.SerializableLayer, error) {
	if from.Is4() {
		ip := &layers.IPv4{Version: 4, TTL: ttl, Flags: layers.IPv4DontFragment, Protocol: proto, SrcIP: from.AsSlice(), DstIP: to.AsSlice()}
		return ip, forSum(ip)
	}
	ip := &layers.IPv6{Version: 6, HopLimit: ttl, NextHeader: proto, SrcIP: from.AsSlice(), DstIP: to.AsSlice()}
	return ip, forSum(ip)
}

// quoted is how much of a packet goes back in an ICMP answer, at the most: the
// answer must fit the smallest MTU that IPv6 allows (RFC 4443, 3.2).
const quoted = 1000

// tooBig is the answer of a router whose next link takes only mtu bytes: ICMP
// 'fragmentation needed' (RFC 1191), for IPv6 'packet too big' (RFC 4443). The
// router speaks with the address that the packet was sent to.
func tooBig(p Packet, mtu int) ([]byte, error) {
	link := turned(p.Frame[:p.at.net])
	quote := p.Frame[p.at.net:p.at.end]
	if p.at.six {
		icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypePacketTooBig, 0)}
		ip, err := ipLayer(p.Dst, p.Src, layers.IPProtocolICMPv6, icmp.SetNetworkLayerForChecksum)
		if err != nil {
			return nil, err
		}
		body := binary.BigEndian.AppendUint32(nil, uint32(mtu))
		return assemble(link, ip, icmp, gopacket.Payload(append(body, quote[:min(len(quote), quoted)]...)))
	}
	ip := &layers.IPv4{Version: 4, TTL: ttl, Protocol: layers.IPProtocolICMPv4, SrcIP: p.Dst.AsSlice(), DstIP: p.Src.AsSlice()}
	icmp := &layers.ICMPv4{
		TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodeFragmentationNeeded),
		Seq:      uint16(mtu),
	}
	if n := int(quote[0]&0xf)*4 + 8; len(quote) > n {
		quote = quote[:n]
	}
	return assemble(link, ip, icmp, gopacket.Payload(quote))
}

// assemble puts layers behind the headers below IP.
func assemble(link []byte, ls ...gopacket.SerializableLayer) ([]byte, error) {
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ls...); err != nil {
		return nil, err
	}
	frame := append(append(make([]byte, 0, len(link)+len(buf.Bytes())), link...), buf.Bytes()...)
	if s := len(link) - sessionSize; s >= ethHeader && binary.BigEndian.Uint16(link[s-2:]) == uint16(layers.EthernetTypePPPoESession) {
		binary.BigEndian.PutUint16(frame[s+4:], uint16(len(frame)-s-6))
	}
	return frame, nil
}
