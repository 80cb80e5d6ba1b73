package netfault

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Rebind is a NAT that has lost the mapping of the register's connections and
// makes new ones: packets of a connection that was there when the fault was set
// reach the OFD from another port, which therefore answers by RST, and the RST finds its
// way back; what the OFD sends to the old port is lost. New connections work.
type Rebind struct{}

// otherPort exchanges a port for another one and back. The highest bits stay, so
// that an ephemeral port becomes an ephemeral port.
const otherPort = 0x1555

// Selects sees TCP.
func (Rebind) Selects(p Packet) bool { return p.Proto == ProtoTCP }

// Decide moves ports.
func (Rebind) Decide(m Moment, p Packet) Decision {
	old := p.Stream.Conn <= m.Before
	switch {
	case p.Dir == ToOFD && old:
		f := movePort(p, 0)
		return Decision{Frame: f, Strikes: true, Note: fmt.Sprintf("NAT: source port %d became %d", p.SrcPort, p.SrcPort^otherPort)}
	case p.Dir == ToKKM && old:
		return Decision{Drop: true, Strikes: true, Note: fmt.Sprintf("NAT: port %d is not mapped any more: dropped", p.DstPort)}
	case p.Dir == ToKKM && p.Has(RST) && p.Stream.First == ToKKM:
		// the answer to a packet that was moved: the OFD speaks first on that pair of ports
		return Decision{Frame: movePort(p, 2), Strikes: true, Note: fmt.Sprintf("NAT: destination port %d became %d", p.DstPort, p.DstPort^otherPort)}
	}
	return Pass
}

// movePort exchanges the port at an offset of the TCP header in a copy of the frame.
func movePort(p Packet, where int) []byte {
	f := bytes.Clone(p.Frame)
	b := f[p.at.trans+where:]
	binary.BigEndian.PutUint16(b, binary.BigEndian.Uint16(b)^otherPort)
	fixSums(f, p.at)
	return f
}

// String describes the fault.
func (Rebind) String() string { return "NAT rebinding: open connections get another source port" }
