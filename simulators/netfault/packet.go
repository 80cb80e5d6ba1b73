package netfault

import (
	"encoding/binary"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// decoder turns frames into Packets without an allocation. ARP is read by
// hand: the library's decoder of it does not survive damaged frames.
type decoder struct {
	eth  layers.Ethernet
	ip   layers.IPv4
	tcp  layers.TCP
	seen []gopacket.LayerType
	p    *gopacket.DecodingLayerParser
}

func newDecoder() *decoder {
	d := &decoder{}
	d.p = gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet, &d.eth, &d.ip, &d.tcp)
	d.p.IgnoreUnsupported = true
	return d
}

// decode reads a frame as far as it can be read. What cannot be read is
// ProtoOther: the link carries it all the same.
func (d *decoder) decode(frame []byte) Packet {
	p := Packet{Frame: frame}
	d.seen = d.seen[:0]
	err := d.p.DecodeLayers(frame, &d.seen)
	for _, t := range d.seen {
		switch t {
		case layers.LayerTypeEthernet:
			if d.eth.EthernetType == layers.EthernetTypeARP && len(d.eth.Payload) >= arpLength {
				p.Proto = ProtoARP
			}
		case layers.LayerTypeIPv4:
			p.Proto = ProtoIP
		case layers.LayerTypeTCP:
			if d.ip.FragOffset != 0 {
				continue // the middle of a datagram: what looks like a TCP header is data
			}
			p.Proto = ProtoTCP
			p.SrcPort, p.DstPort = uint16(d.tcp.SrcPort), uint16(d.tcp.DstPort)
			p.Seq, p.Ack = d.tcp.Seq, d.tcp.Ack
			p.Flags = flagsOf(&d.tcp)
			p.Payload = d.tcp.Payload
			p.Stream.Len = len(p.Payload)
		}
	}
	if err != nil && p.Proto == ProtoTCP {
		p.Proto = ProtoIP
	}
	return p
}

// arpLength is an ARP message for Ethernet and IPv4 (RFC 826).
const arpLength = 28

func flagsOf(t *layers.TCP) (f Flags) {
	for _, b := range []struct {
		on  bool
		bit Flags
	}{{t.FIN, FIN}, {t.SYN, SYN}, {t.RST, RST}, {t.PSH, PSH}, {t.ACK, ACK}, {t.URG, URG}} {
		if b.on {
			f |= b.bit
		}
	}
	return f
}

// The bytes of a frame that the link changes by hand.
const (
	ethHeader  = 14
	ipTotal    = ethHeader + 2
	ipFlags    = ethHeader + 6
	ipSum      = ethHeader + 10
	ipMinimum  = 20
	tcpSumByte = 16 // from the start of the TCP header
)

// payloadAt is where the TCP payload of a frame begins; ok is false for other frames.
func payloadAt(frame []byte) (ip, tcp, data int, ok bool) {
	if len(frame) < ethHeader+ipMinimum || binary.BigEndian.Uint16(frame[12:]) != uint16(layers.EthernetTypeIPv4) {
		return 0, 0, 0, false
	}
	ip = ethHeader
	ihl := int(frame[ip]&0xf) * 4
	tcp = ip + ihl
	if ihl < ipMinimum || frame[ip+9] != byte(layers.IPProtocolTCP) || len(frame) < tcp+20 {
		return 0, 0, 0, false
	}
	data = tcp + int(frame[tcp+12]>>4)*4
	if data < tcp+20 || data > len(frame) {
		return 0, 0, 0, false
	}
	return ip, tcp, data, true
}

// fixSums writes the right IPv4 and TCP checksums into a frame that was changed.
func fixSums(frame []byte) {
	ip, tcp, _, ok := payloadAt(frame)
	if !ok {
		return
	}
	// a short Ethernet frame is padded, and the padding is in no checksum
	if end := ip + int(binary.BigEndian.Uint16(frame[ipTotal:])); end >= tcp+20 && end < len(frame) {
		frame = frame[:end]
	}
	binary.BigEndian.PutUint16(frame[ipSum:], 0)
	binary.BigEndian.PutUint16(frame[ipSum:], fold(sum(0, frame[ip:tcp])))
	binary.BigEndian.PutUint16(frame[tcp+tcpSumByte:], 0)
	s := sum(0, frame[ip+12:ip+20])
	s += uint32(layers.IPProtocolTCP) + uint32(len(frame)-tcp)
	binary.BigEndian.PutUint16(frame[tcp+tcpSumByte:], fold(sum(s, frame[tcp:])))
}

// sum and fold are the Internet checksum (RFC 1071).
func sum(s uint32, b []byte) uint32 {
	for len(b) > 1 {
		s += uint32(b[0])<<8 | uint32(b[1])
		b = b[2:]
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	return s
}

func fold(s uint32) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return ^uint16(s)
}
