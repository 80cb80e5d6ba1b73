package netfault

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/kkmtest/kkmtest/simulators/netfault/inet"
)

// decoder turns frames into Packets without an allocation. It looks through
// 802.1Q tags and PPPoE sessions, so that a fault of an IP packet strikes it in
// whatever it travels. ARP is read by hand: the library's decoder of it does not
// survive damaged frames.
type decoder struct {
	eth  layers.Ethernet
	tag  layers.Dot1Q
	ses  session
	ip4  layers.IPv4
	ip6  layers.IPv6
	ext  extension
	tcp  layers.TCP
	udp  layers.UDP
	seen []gopacket.LayerType
	p    *gopacket.DecodingLayerParser
}

func newDecoder() *decoder {
	d := &decoder{}
	d.p = gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet)
	var c gopacket.DecodingLayerContainer = gopacket.DecodingLayerSparse(nil)
	for _, l := range []gopacket.DecodingLayer{&d.eth, &d.tag, &d.ses, &d.ip4, &d.ip6, &d.ext, &d.tcp, &d.udp} {
		c = c.Put(l)
	}
	d.p.SetDecodingLayerContainer(c)
	d.p.IgnoreUnsupported = true
	return d
}

// session is the header of a PPPoE session with the PPP protocol number behind
// it (RFC 2516); the library has no decoding layer for the two.
type session struct {
	layers.BaseLayer
	id    uint16
	proto layers.PPPType
}

const sessionSize = 8 // PPPoE header and protocol number

// DecodeFromBytes implements gopacket.DecodingLayer.
func (s *session) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	if len(data) < sessionSize {
		df.SetTruncated()
		return fmt.Errorf("PPPoE header of %d bytes: want %d", len(data), sessionSize)
	}
	if data[0] != 0x11 || data[1] != byte(layers.PPPoECodeSession) {
		return errors.New("not a PPPoE session")
	}
	s.id = binary.BigEndian.Uint16(data[2:])
	s.proto = layers.PPPType(binary.BigEndian.Uint16(data[6:]))
	end := min(len(data), 6+int(binary.BigEndian.Uint16(data[4:])))
	if end < sessionSize {
		return fmt.Errorf("PPPoE length %d: want the protocol number in it", end-6)
	}
	s.BaseLayer = layers.BaseLayer{Contents: data[:sessionSize], Payload: data[sessionSize:end]}
	return nil
}

// CanDecode implements gopacket.DecodingLayer.
func (s *session) CanDecode() gopacket.LayerClass { return layers.LayerTypePPPoE }

// NextLayerType implements gopacket.DecodingLayer.
func (s *session) NextLayerType() gopacket.LayerType {
	switch s.proto {
	case layers.PPPTypeIPv4:
		return layers.LayerTypeIPv4
	case layers.PPPTypeIPv6:
		return layers.LayerTypeIPv6
	}
	return gopacket.LayerTypePayload
}

// extension skips IPv6 headers before the transport's, but not a fragment's:
// behind that one lies data and not always a header.
type extension struct{ layers.IPv6ExtensionSkipper }

var skipped = gopacket.NewLayerClass([]gopacket.LayerType{layers.LayerTypeIPv6Routing, layers.LayerTypeIPv6Destination})

// CanDecode implements gopacket.DecodingLayer.
func (*extension) CanDecode() gopacket.LayerClass { return skipped }

// layout says where the headers of a frame lie. Zero: there is none.
type layout struct {
	net, trans, data int  // first byte of the IP header, of TCP or UDP, of its payload
	end              int  // behind the IP packet; what follows is padding of the frame
	six              bool // IPv6
	part             bool // a fragment of an IPv4 packet
	tag              uint32
}

// offset of a slice in the frame that it was cut from.
func offset(frame, part []byte) int { return cap(frame) - cap(part) }

// decode reads a frame as far as it can be read. What cannot be read is
// ProtoOther: the link carries it all the same.
func (d *decoder) decode(frame []byte) Packet {
	p := Packet{Frame: frame}
	at := &p.at
	d.seen = d.seen[:0]
	err := d.p.DecodeLayers(frame, &d.seen)
	for _, t := range d.seen {
		switch t {
		case layers.LayerTypeEthernet:
			if d.eth.EthernetType == layers.EthernetTypeARP && len(d.eth.Payload) >= arpLength {
				p.Proto = ProtoARP
			}
		case layers.LayerTypeDot1Q:
			// the last one is the innermost; a stack of tags makes one number of both
			at.tag = at.tag<<12 | uint32(d.tag.VLANIdentifier)
			p.VLAN = d.tag.VLANIdentifier
			if d.tag.Type == layers.EthernetTypeARP && len(d.tag.Payload) >= arpLength {
				p.Proto = ProtoARP
			}
		case layers.LayerTypePPPoE:
			at.tag ^= uint32(d.ses.id) << 16
		case layers.LayerTypeIPv4:
			p.Proto = ProtoIP
			at.net = offset(frame, d.ip4.Contents)
			at.end = min(len(frame), at.net+max(int(d.ip4.Length), len(d.ip4.Contents)))
			at.part = d.ip4.FragOffset != 0 || d.ip4.Flags&layers.IPv4MoreFragments != 0
			p.Src, _ = netip.AddrFromSlice(d.ip4.SrcIP)
			p.Dst, _ = netip.AddrFromSlice(d.ip4.DstIP)
			p.IPProto = uint8(d.ip4.Protocol)
		case layers.LayerTypeIPv6:
			p.Proto = ProtoIP
			at.net, at.six = offset(frame, d.ip6.Contents), true
			at.end = min(len(frame), at.net+len(d.ip6.Contents)+int(d.ip6.Length))
			p.Src, _ = netip.AddrFromSlice(d.ip6.SrcIP)
			p.Dst, _ = netip.AddrFromSlice(d.ip6.DstIP)
			p.IPProto = uint8(d.ip6.NextHeader)
		case layers.LayerTypeTCP:
			if d.ip4.FragOffset != 0 && !at.six {
				continue // the middle of a datagram: what looks like a TCP header is data
			}
			p.Proto, p.IPProto = ProtoTCP, uint8(layers.IPProtocolTCP)
			p.SrcPort, p.DstPort = uint16(d.tcp.SrcPort), uint16(d.tcp.DstPort)
			p.Seq, p.Ack = d.tcp.Seq, d.tcp.Ack
			p.Flags = flagsOf(frame[offset(frame, d.tcp.Contents)+13])
			p.Payload = d.tcp.Payload
			at.trans = offset(frame, d.tcp.Contents)
			at.data = at.trans + len(d.tcp.Contents)
		case layers.LayerTypeUDP:
			if d.ip4.FragOffset != 0 && !at.six {
				continue
			}
			p.Proto, p.IPProto = ProtoUDP, uint8(layers.IPProtocolUDP)
			p.SrcPort, p.DstPort = uint16(d.udp.SrcPort), uint16(d.udp.DstPort)
			p.Payload = d.udp.Payload
			at.trans = offset(frame, d.udp.Contents)
			at.data = at.trans + len(d.udp.Contents)
		}
	}
	if err != nil && p.Proto > ProtoIP {
		p.Proto, p.Payload = ProtoIP, nil
		at.trans, at.data = 0, 0
	}
	p.Stream.Len = len(p.Payload)
	return p
}

// arpLength is an ARP message for Ethernet and IPv4 (RFC 826).
const arpLength = 28

// flagsOf reads byte 13 of a TCP header.
func flagsOf(b byte) Flags { return Flags(b & 0x3f) }

// The bytes of a header that the link changes by hand, from its first one.
const (
	ethHeader = 14
	ip4Length = 2
	ip4ID     = 4
	ip4Flags  = 6
	ip4Sum    = 10
	ip4Header = 20 // without options
	ip6Length = 4
	ip6Header = 40
	tcpHeader = 20 // without options
	tcpSum    = 16
	udpHeader = 8
	udpLength = 4
	udpSum    = 6
)

// fixSums writes the right IPv4, TCP and UDP checksums into a frame that was
// changed and has the given layout.
func fixSums(frame []byte, at layout) {
	if at.net == 0 || at.end > len(frame) {
		return
	}
	if !at.six {
		h := frame[at.net : at.net+int(frame[at.net]&0xf)*4]
		binary.BigEndian.PutUint16(h[ip4Sum:], 0)
		binary.BigEndian.PutUint16(h[ip4Sum:], inet.Fold(inet.Sum(0, h)))
	}
	if at.trans == 0 || at.part {
		return
	}
	seg := frame[at.trans:at.end]
	where, proto := tcpSum, uint64(layers.IPProtocolTCP)
	if at.data-at.trans == udpHeader {
		where, proto = udpSum, uint64(layers.IPProtocolUDP)
		if !at.six && seg[udpSum]|seg[udpSum+1] == 0 {
			return // the sender made none (RFC 768)
		}
	}
	binary.BigEndian.PutUint16(seg[where:], 0)
	s := inet.Sum(proto+uint64(len(seg)), addresses(frame, at))
	v := inet.Fold(inet.Sum(s, seg))
	if v == 0 && where == udpSum {
		v = 0xffff
	}
	binary.BigEndian.PutUint16(seg[where:], v)
}

// addresses is the part of an IP header that the checksum of the transport covers.
func addresses(frame []byte, at layout) []byte {
	if at.six {
		return frame[at.net+8 : at.net+40]
	}
	return frame[at.net+12 : at.net+20]
}

// resize writes the lengths of the headers for a frame of the given layout that
// now ends at end, and returns the layout. PPPoE's length is written too.
func resize(frame []byte, at layout, end int) layout {
	if at.six {
		binary.BigEndian.PutUint16(frame[at.net+ip6Length:], uint16(end-at.net-ip6Header))
	} else {
		binary.BigEndian.PutUint16(frame[at.net+ip4Length:], uint16(end-at.net))
	}
	if at.trans != 0 && at.data-at.trans == udpHeader {
		binary.BigEndian.PutUint16(frame[at.trans+udpLength:], uint16(end-at.trans))
	}
	if s := at.net - sessionSize; s >= ethHeader && binary.BigEndian.Uint16(frame[s-2:]) == uint16(layers.EthernetTypePPPoESession) {
		binary.BigEndian.PutUint16(frame[s+4:], uint16(end-s-6))
	}
	at.end = end
	return at
}
