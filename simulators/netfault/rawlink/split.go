package rawlink

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/kkmtest/kkmtest/simulators/netfault/inet"
)

// Note is what the kernel says beside a packet (struct virtio_net_hdr): how much
// of it a network card would still have had to do.
type Note struct {
	NeedsSum  bool   // the checksum is only begun
	SumStart  uint16 // where what it covers begins
	SumOffset uint16 // where it stands, from there
	Kind      uint8  // of the large packet, 0: it is none
	Size      uint16 // payload bytes of each frame that it stands for
}

// The kinds of large packets (linux/virtio_net.h).
const (
	kindNone = 0
	kindTCP4 = 1
	kindTCP6 = 4
	kindUDP  = 5
	kindECN  = 0x80
)

// Tag is an 802.1Q tag that the kernel took out of the frame.
type Tag struct{ Protocol, Control uint16 }

const (
	ethHeader  = 14
	typeIP4    = 0x0800
	typeIP6    = 0x86dd
	typeVLAN   = 0x8100
	typeQinQ   = 0x88a8
	typePPPoE  = 0x8864
	protoTCP   = 6
	protoUDP   = 17
	tagSize    = 4
	pppoeSize  = 8
	pppIP4     = 0x0021
	pppIP6     = 0x0057
	udpHeader  = 8
	tcpFlags   = 13
	flagFIN    = 0x01
	flagPSH    = 0x08
	flagCWR    = 0x80
	ip6Header  = 40
	ip4Minimum = 20
)

// Split hands on the frames that a packet of the kernel stands for: one with its
// checksum made, or, for a large packet, one for each piece of its payload, as the card
// would have sent them. The tag is put back. Each frame is a copy.
func Split(packet []byte, n Note, tag *Tag, take func(frame []byte)) error {
	if n.Kind&^kindECN == kindNone {
		f := withTag(packet, tag)
		if n.NeedsSum {
			shift := len(f) - len(packet)
			if err := finish(f, int(n.SumStart)+shift, int(n.SumOffset)); err != nil {
				return err
			}
		}
		take(f)
		return nil
	}
	h, err := headers(packet)
	if err != nil {
		return fmt.Errorf("a large packet of %d bytes: %w", len(packet), err)
	}
	switch kind := n.Kind &^ kindECN; {
	case kind == kindTCP4 && !h.six && h.proto == protoTCP, kind == kindTCP6 && h.six && h.proto == protoTCP, kind == kindUDP && h.proto == protoUDP:
	default:
		return fmt.Errorf("a large packet of kind %d with IP protocol %d: this kind cannot be divided", kind, h.proto)
	}
	size := int(n.Size)
	if size == 0 || h.data >= len(packet) {
		return fmt.Errorf("a large packet of %d bytes in pieces of %d: want payload and a size", len(packet), size)
	}
	for i, off := 0, h.data; off < len(packet); i, off = i+1, off+size {
		end := min(off+size, len(packet))
		f := append(bytes.Clone(packet[:h.data]), packet[off:end]...)
		h.piece(f, i, off-h.data, end == len(packet))
		take(withTag(f, tag))
	}
	return nil
}

// layout says where the headers of a large packet lie.
type layout struct {
	session    int // PPPoE, 0: none
	net, trans int
	data       int
	six        bool
	proto      uint8
}

// headers finds IP and the transport.
func headers(p []byte) (layout, error) {
	var h layout
	if len(p) < ethHeader {
		return h, fmt.Errorf("no Ethernet header")
	}
	at, typ := ethHeader, binary.BigEndian.Uint16(p[12:])
	for typ == typeVLAN || typ == typeQinQ {
		if len(p) < at+tagSize {
			return h, fmt.Errorf("a VLAN tag is cut off")
		}
		typ = binary.BigEndian.Uint16(p[at+2:])
		at += tagSize
	}
	if typ == typePPPoE && len(p) >= at+pppoeSize {
		h.session = at
		typ = map[uint16]uint16{pppIP4: typeIP4, pppIP6: typeIP6}[binary.BigEndian.Uint16(p[at+6:])]
		at += pppoeSize
	}
	h.net = at
	switch {
	case typ == typeIP4 && len(p) >= at+ip4Minimum:
		h.trans, h.proto = at+int(p[at]&0xf)*4, p[at+9]
	case typ == typeIP6 && len(p) >= at+ip6Header:
		h.six, h.trans, h.proto = true, at+ip6Header, p[at+6]
		for h.proto == 0 || h.proto == 43 || h.proto == 60 { // hop-by-hop, routing, destination (RFC 8200, 4)
			if len(p) < h.trans+8 {
				return h, fmt.Errorf("an IPv6 extension is cut off")
			}
			h.proto, h.trans = p[h.trans], h.trans+int(p[h.trans+1])*8+8
		}
	default:
		return h, fmt.Errorf("type %04x of an Ethernet frame: want IP", typ)
	}
	if h.trans < h.net+ip4Minimum || len(p) < h.trans+udpHeader {
		return h, fmt.Errorf("the transport header is cut off")
	}
	h.data = h.trans + udpHeader
	if h.proto == protoTCP {
		if len(p) < h.trans+20 {
			return h, fmt.Errorf("the TCP header is cut off")
		}
		h.data = h.trans + int(p[h.trans+12]>>4)*4
		if h.data < h.trans+20 || h.data > len(p) {
			return h, fmt.Errorf("TCP header of %d bytes", h.data-h.trans)
		}
	}
	return h, nil
}

// piece makes the headers of the i-th frame right; its payload begins at offset off of the packet's.
func (h layout) piece(f []byte, i, off int, last bool) {
	if h.session != 0 {
		binary.BigEndian.PutUint16(f[h.session+4:], uint16(len(f)-h.session-6))
	}
	var s uint64
	if h.six {
		binary.BigEndian.PutUint16(f[h.net+4:], uint16(len(f)-h.net-ip6Header))
		s = inet.Sum(0, f[h.net+8:h.net+40])
	} else {
		ip := f[h.net:h.trans]
		binary.BigEndian.PutUint16(ip[2:], uint16(len(f)-h.net))
		binary.BigEndian.PutUint16(ip[4:], binary.BigEndian.Uint16(ip[4:])+uint16(i))
		binary.BigEndian.PutUint16(ip[10:], 0)
		binary.BigEndian.PutUint16(ip[10:], inet.Fold(inet.Sum(0, ip)))
		s = inet.Sum(0, ip[12:20])
	}
	t := f[h.trans:]
	where := 6
	if h.proto == protoTCP {
		where = 16
		binary.BigEndian.PutUint32(t[4:], binary.BigEndian.Uint32(t[4:])+uint32(off))
		if !last {
			t[tcpFlags] &^= flagFIN | flagPSH
		}
		if i > 0 {
			t[tcpFlags] &^= flagCWR
		}
	} else {
		binary.BigEndian.PutUint16(t[4:], uint16(len(t)))
	}
	binary.BigEndian.PutUint16(t[where:], 0)
	sum := inet.Fold(inet.Sum(s+uint64(h.proto)+uint64(len(t)), t))
	if sum == 0 && h.proto == protoUDP {
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(t[where:], sum)
}

// finish makes a checksum of which the field holds the pseudo header's part.
func finish(f []byte, start, offset int) error {
	if start+offset+2 > len(f) {
		return fmt.Errorf("a checksum at byte %d of a frame of %d", start+offset, len(f))
	}
	v := inet.Fold(inet.Sum(0, f[start:]))
	if v == 0 {
		v = 0xffff // for UDP zero means 'none'; TCP takes either
	}
	binary.BigEndian.PutUint16(f[start+offset:], v)
	return nil
}

// withTag copies a frame and puts an 802.1Q tag behind its addresses.
func withTag(p []byte, t *Tag) []byte {
	if t == nil || len(p) < 12 {
		return bytes.Clone(p)
	}
	f := make([]byte, 0, len(p)+tagSize)
	f = append(f, p[:12]...)
	f = binary.BigEndian.AppendUint16(f, t.Protocol)
	f = binary.BigEndian.AppendUint16(f, t.Control)
	return append(f, p[12:]...)
}
