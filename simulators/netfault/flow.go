package netfault

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"
)

// flows follows the TCP connections of a link from the packets that leave its
// ends, so that faults can speak of positions in a stream and the link can speak in the
// name of an end.
type flows struct {
	n       uint64
	all     map[flowKey]*flow
	counts  journalist
	carried []Message // of the present packet
	acked   []Message
}

// flowKey is a connection: who is at either side of the link, and in which
// VLAN and PPPoE session.
type flowKey struct {
	kkm, ofd         netip.Addr
	kkmPort, ofdPort uint16
	tag              uint32
}

// flow is one connection. The arrays are indexed by the direction that a packet travels.
type flow struct {
	num    uint64
	key    flowKey
	first  Dir       // the direction of its first packet
	link   [3][]byte // the headers below IP
	isn    [3]uint32
	next   [3]uint32 // behind the last byte that was sent in this direction
	ack    [3]uint32 // what the sender of this direction expects next
	begun  [3]bool   // a packet was seen
	finned [3]bool
	acked  [3]bool
	said   [3]follower

	packets, bytes, again [3]uint64
}

// open says whether both ends have spoken and not both have finished.
func (f *flow) open() bool {
	return f.begun[ToOFD] && f.begun[ToKKM] && !(f.finned[ToOFD] && f.finned[ToKKM])
}

// manyFlows is when connections that never came about are forgotten: attempts without
// an answer leave one each, 4,320 of them in three days.
const manyFlows = 512

func (d Dir) back() Dir { return ToOFD + ToKKM - d }

// track notes a packet and fills in its position.
func (t *flows) track(p *Packet) *flow {
	if p.Proto != ProtoTCP {
		return nil
	}
	k := flowKey{p.Src, p.Dst, p.SrcPort, p.DstPort, p.at.tag}
	if p.Dir == ToKKM {
		k = flowKey{p.Dst, p.Src, p.DstPort, p.SrcPort, p.at.tag}
	}
	f := t.all[k]
	fresh := p.Flags&(SYN|ACK) == SYN && (f == nil || f.isn[p.Dir] != p.Seq)
	if f == nil || fresh {
		if len(t.all) >= manyFlows {
			t.prune()
		}
		t.n++
		f = &flow{num: t.n, key: k, first: p.Dir}
		if t.all == nil {
			t.all = map[flowKey]*flow{}
		}
		t.all[k] = f
	}
	d := p.Dir
	end := p.Seq + uint32(len(p.Payload))
	first := p.Seq
	if p.Flags&SYN != 0 {
		end++
		first++
	}
	if p.Flags&FIN != 0 {
		end++
		f.finned[d] = true
	}
	p.Stream.Conn, p.Stream.First = f.num, f.first
	if !f.begun[d] {
		f.begun[d] = true
		f.isn[d] = first - 1
		f.next[d] = end
		f.link[d] = bytes.Clone(p.Frame[:p.at.net])
	} else {
		p.Stream.Again = end != p.Seq && int32(end-f.next[d]) <= 0
		if int32(end-f.next[d]) > 0 {
			f.next[d] = end
		}
	}
	f.packets[d]++
	f.bytes[d] += uint64(len(p.Payload))
	if p.Stream.Again {
		f.again[d]++
	}
	p.Stream.Offset = int64(int32(first - f.isn[d] - 1))
	if len(p.Payload) > 0 {
		said := &f.said[d]
		said.take(&t.counts, d == ToOFD, p.Stream.Offset, p.Payload)
		t.carried = said.carried(t.carried[:0], p.Stream.Offset, len(p.Payload))
		p.Messages = t.carried
	}
	if p.Flags&ACK != 0 {
		if b := d.back(); f.begun[b] {
			t.acked = f.said[b].ending(t.acked[:0], int64(int32(p.Ack-f.isn[b]-1)))
			p.Acks = t.acked
		}
		if !f.acked[d] || int32(p.Ack-f.ack[d]) > 0 {
			f.acked[d] = true
			f.ack[d] = p.Ack
		}
	}
	if p.Flags&RST != 0 {
		delete(t.all, k)
	}
	return f
}

// prune forgets older attempts that were never answered and older connections
// that both ends have finished.
func (t *flows) prune() {
	for k, f := range t.all {
		if !f.open() && f.num+manyFlows/2 < t.n {
			delete(t.all, k)
		}
	}
}

// live lists the open connections by number.
func (t *flows) live() []*flow {
	var out []*flow
	for _, f := range t.all {
		if f.open() {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b *flow) int { return cmp.Compare(a.num, b.num) })
	return out
}

// header is what stands below IP in a packet of this connection in a direction.
func (f *flow) header(d Dir) []byte {
	if f.link[d] != nil {
		return f.link[d]
	}
	return turned(f.link[d.back()])
}

// turned is a link header with sender and receiver exchanged.
func turned(h []byte) []byte {
	h = bytes.Clone(h)
	for i := range 6 {
		h[i], h[6+i] = h[6+i], h[i]
	}
	return h
}
