package main

import (
	"encoding/binary"

	"github.com/kkmtest/kkmtest/cpcr"
)

// flow is one direction of a TCP connection.
type flow struct {
	src, dst         [4]byte
	srcPort, dstPort uint16
}

// kkm is the port at the register's side.
func (f flow) kkm(s side) uint16 {
	if s == byOFD {
		return f.dstPort
	}
	return f.srcPort
}

// segment is what dissect needs of a TCP segment.
type segment struct {
	flow     flow
	seq      uint32
	syn, ack bool
	payload  []byte
}

// parseSegment reads Ethernet, IPv4 and TCP; false for everything else.
func parseSegment(b []byte) (segment, bool) {
	const ether = 14
	if len(b) < ether+20 || binary.BigEndian.Uint16(b[12:]) != 0x0800 {
		return segment{}, false
	}
	ip := b[ether:]
	head := int(ip[0]&0x0f) * 4
	total := int(binary.BigEndian.Uint16(ip[2:]))
	if ip[0]>>4 != 4 || head < 20 || total < head+20 || total > len(ip) || ip[9] != 6 || binary.BigEndian.Uint16(ip[6:])&0x1fff != 0 {
		return segment{}, false
	}
	tcp := ip[head:total]
	off := int(tcp[12]>>4) * 4
	if off < 20 || off > len(tcp) {
		return segment{}, false
	}
	s := segment{
		flow: flow{srcPort: binary.BigEndian.Uint16(tcp), dstPort: binary.BigEndian.Uint16(tcp[2:])},
		seq:  binary.BigEndian.Uint32(tcp[4:]), syn: tcp[13]&2 != 0, ack: tcp[13]&16 != 0, payload: tcp[off:],
	}
	copy(s.flow.src[:], ip[12:16])
	copy(s.flow.dst[:], ip[16:20])
	return s, true
}

// stream puts segments in order.
type stream struct {
	next    uint32
	side    side
	pending map[uint32][]byte
	split   cpcr.Splitter
	dead    bool // not CPCR: reported once
}

// push takes a segment and returns the bytes that are in order now. What was
// there before is left out; what comes too early is kept.
func (s *stream) push(seg segment) []byte {
	if len(seg.payload) == 0 {
		return nil
	}
	if s.pending == nil {
		s.pending = map[uint32][]byte{}
	}
	if old := s.pending[seg.seq]; len(old) < len(seg.payload) {
		s.pending[seg.seq] = append([]byte(nil), seg.payload...)
	}
	var out []byte
	for again := true; again; {
		again = false
		for seq, p := range s.pending {
			skip := int32(s.next - seq)
			switch {
			case skip < 0: // too early
			case int(skip) >= len(p): // nothing new
				delete(s.pending, seq)
			default:
				out = append(out, p[skip:]...)
				s.next = seq + uint32(len(p))
				delete(s.pending, seq)
				again = true
			}
		}
	}
	return out
}
