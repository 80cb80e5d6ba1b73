package netfault

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// The bounds of a path's MTU: every IPv4 network carries 68 bytes (RFC 791).
const (
	leastMTU = 68
	mostMTU  = 65535
)

// MTU is a router whose next link takes only Max bytes of an IP packet. What is
// longer is cut into fragments when its sender allows it; else it is dropped and
// the sender is told (RFC 1191, RFC 4443), or not, when Silent: a path MTU black hole.
type MTU struct {
	Max    int
	Silent bool
}

// Check refuses figures that make no sense.
func (t MTU) Check() error {
	if t.Max < leastMTU || t.Max > mostMTU {
		return fmt.Errorf("MTU %d: want %d to %d (RFC 791)", t.Max, leastMTU, mostMTU)
	}
	return nil
}

// Decide cuts or drops packets that are too long.
func (t MTU) Decide(_ Moment, p Packet) Decision {
	long := p.at.end - p.at.net
	if p.at.net == 0 || long <= t.Max {
		return Pass
	}
	if !p.at.six && p.Frame[p.at.net+ip4Flags]&dontFragment == 0 {
		if parts := fragments(p, t.Max); parts != nil {
			return Decision{Parts: parts, Strikes: true, Note: fmt.Sprintf("%d bytes do not fit MTU %d: %d fragments", long, t.Max, len(parts))}
		}
	}
	d := Decision{Drop: true, Strikes: true, Note: fmt.Sprintf("%d bytes do not fit MTU %d: dropped", long, t.Max)}
	if !t.Silent {
		d.Tell = t.Max
		d.Note += ", sender told"
	}
	return d
}

// String describes the fault.
func (t MTU) String() string {
	if t.Silent {
		return fmt.Sprintf("MTU %d, silent", t.Max)
	}
	return fmt.Sprintf("MTU %d", t.Max)
}

// Fragment cuts IPv4 packets that are longer than Max into fragments even when
// their sender forbids it, as some tunnels and mobile networks do. Faults that
// are set later see, and may drop, each fragment (Match with Fragments).
type Fragment struct {
	Match
	Pick
	Max int // bytes of an IP packet
}

// Check refuses figures that make no sense.
func (t Fragment) Check() error {
	if t.Max < leastMTU || t.Max > mostMTU {
		return fmt.Errorf("fragments of at most %d bytes: want %d to %d (RFC 791)", t.Max, leastMTU, mostMTU)
	}
	return errors.Join(t.Match.Check(), t.Pick.check())
}

// Decide cuts packets that are too long.
func (t Fragment) Decide(m Moment, p Packet) Decision {
	if p.at.net == 0 || p.at.six || p.at.end-p.at.net <= t.Max || !t.picks(m) {
		return Pass
	}
	parts := fragments(p, t.Max)
	if parts == nil {
		return Pass
	}
	return Decision{Parts: parts, Strikes: true, Note: fmt.Sprintf("%d bytes cut into %d fragments of at most %d", p.at.end-p.at.net, len(parts), t.Max)}
}

// String describes the fault.
func (t Fragment) String() string {
	return fmt.Sprintf("cut %v %v into fragments of at most %d bytes", t.Pick, t.Match, t.Max)
}

const (
	dontFragment  = 0x40 // in the byte at ip4Flags
	moreFragments = 0x2000
	fragOffset    = 0x1fff
)

// fragments cuts an IPv4 packet as RFC 791 says. Options that are not to be
// copied are copied all the same. Nil: its header leaves no room, or the frame
// is shorter than the packet says.
func fragments(p Packet, most int) [][]byte {
	head := p.at.net + int(p.Frame[p.at.net]&0xf)*4
	room := (most - (head - p.at.net)) &^ 7
	if room < 8 || head >= p.at.end || int(binary.BigEndian.Uint16(p.Frame[p.at.net+ip4Length:])) != p.at.end-p.at.net {
		return nil
	}
	field := binary.BigEndian.Uint16(p.Frame[p.at.net+ip4Flags:])
	id := binary.BigEndian.Uint16(p.Frame[p.at.net+ip4ID:])
	if p.Frame[p.at.net+ip4Flags]&dontFragment != 0 {
		id = uint16(p.N) // a packet that must stay whole need have no number of its own (RFC 6864)
	}
	body := p.Frame[head:p.at.end]
	var out [][]byte
	for off := 0; off < len(body); off += room {
		piece := body[off:min(off+room, len(body))]
		f := append(bytes.Clone(p.Frame[:head]), piece...)
		at := resize(f, layout{net: p.at.net, part: true}, len(f))
		bits := field&moreFragments | (field&fragOffset + uint16(off/8))
		if off+room < len(body) {
			bits |= moreFragments
		}
		binary.BigEndian.PutUint16(f[at.net+ip4Flags:], bits)
		binary.BigEndian.PutUint16(f[at.net+ip4ID:], id)
		fixSums(f, at)
		out = append(out, f)
	}
	return out
}
