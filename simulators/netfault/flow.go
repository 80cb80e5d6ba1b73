package netfault

import (
	"cmp"
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
}

type flowKey struct{ kkm, ofd uint16 }

// flow is one connection. The arrays are indexed by the direction that a packet travels.
type flow struct {
	num    uint64
	key    flowKey
	isn    [3]uint32
	next   [3]uint32 // behind the last byte that was sent in this direction
	ack    [3]uint32 // what the sender of this direction expects next
	begun  [3]bool   // a packet was seen
	finned [3]bool
	acked  [3]bool
	said   [3]follower
}

// open says whether both ends have spoken and not both have finished.
func (f *flow) open() bool {
	return f.begun[ToOFD] && f.begun[ToKKM] && !(f.finned[ToOFD] && f.finned[ToKKM])
}

// manyFlows is when connections that never came about are forgotten: attempts without
// an answer leave one each, 4,320 of them in three days.
const manyFlows = 512

// track notes a packet and fills in its position.
func (t *flows) track(p *Packet) *flow {
	if p.Proto != ProtoTCP {
		return nil
	}
	k := flowKey{p.SrcPort, p.DstPort}
	if p.Dir == ToKKM {
		k = flowKey{p.DstPort, p.SrcPort}
	}
	f := t.all[k]
	fresh := p.Flags&(SYN|ACK) == SYN && (f == nil || f.isn[p.Dir] != p.Seq)
	if f == nil || fresh {
		if len(t.all) >= manyFlows {
			t.prune()
		}
		t.n++
		f = &flow{num: t.n, key: k}
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
	p.Stream.Conn = f.num
	if !f.begun[d] {
		f.begun[d] = true
		f.isn[d] = first - 1
		f.next[d] = end
	} else {
		p.Stream.Again = end != p.Seq && int32(end-f.next[d]) <= 0
		if int32(end-f.next[d]) > 0 {
			f.next[d] = end
		}
	}
	p.Stream.Offset = int64(int32(first - f.isn[d] - 1))
	if len(p.Payload) > 0 {
		said := &f.said[d]
		said.take(&t.counts, d == ToOFD, p.Stream.Offset, p.Payload)
		t.carried = said.carried(t.carried[:0], p.Stream.Offset, len(p.Payload))
		p.Messages = t.carried
	}
	if p.Flags&ACK != 0 && (!f.acked[d] || int32(p.Ack-f.ack[d]) > 0) {
		f.acked[d] = true
		f.ack[d] = p.Ack
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
	sortFlows(out)
	return out
}

func sortFlows(fs []*flow) {
	slices.SortFunc(fs, func(a, b *flow) int { return cmp.Compare(a.num, b.num) })
}
