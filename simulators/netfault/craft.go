package netfault

import (
	"net"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// address is an end of a link as it appears in frames.
type address struct {
	mac net.HardwareAddr
	ip  net.IP
}

// segment is a TCP packet that the link makes up in the name of an end.
type segment struct {
	from, to         address
	srcPort, dstPort uint16
	seq, ack         uint32
	flags            Flags
}

// craft builds the frame of a segment with right checksums.
func (s segment) craft() ([]byte, error) {
	eth := &layers.Ethernet{SrcMAC: s.from.mac, DstMAC: s.to.mac, EthernetType: layers.EthernetTypeIPv4}
	ip := &layers.IPv4{Version: 4, TTL: 64, Flags: layers.IPv4DontFragment, Protocol: layers.IPProtocolTCP, SrcIP: s.from.ip, DstIP: s.to.ip}
	tcp := &layers.TCP{
		SrcPort: layers.TCPPort(s.srcPort), DstPort: layers.TCPPort(s.dstPort), Seq: s.seq,
		RST: s.flags&RST != 0, FIN: s.flags&FIN != 0, ACK: s.flags&ACK != 0,
	}
	if tcp.ACK {
		tcp.Ack = s.ack
	}
	if tcp.FIN {
		tcp.Window = 0xffff
	}
	if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
		return nil, err
	}
	return serialize(eth, ip, tcp)
}

// fragmentationNeeded is the ICMP answer of a router whose next link takes only mtu bytes (RFC 1191).
func fragmentationNeeded(router, to address, frame []byte, mtu int) ([]byte, error) {
	eth := &layers.Ethernet{SrcMAC: router.mac, DstMAC: to.mac, EthernetType: layers.EthernetTypeIPv4}
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolICMPv4, SrcIP: router.ip, DstIP: to.ip}
	icmp := &layers.ICMPv4{
		TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodeFragmentationNeeded),
		Seq:      uint16(mtu),
	}
	quote := frame[ethHeader:]
	if n := int(quote[0]&0xf)*4 + 8; len(quote) > n {
		quote = quote[:n]
	}
	return serialize(eth, ip, icmp, gopacket.Payload(quote))
}

func serialize(ls ...gopacket.SerializableLayer) ([]byte, error) {
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ls...); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
