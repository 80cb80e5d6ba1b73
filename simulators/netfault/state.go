package netfault

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// LinkState is what can be seen of a link at a moment.
type LinkState struct {
	Name             string       `json:"name"`
	ToOFD            Counts       `json:"to_ofd"`
	ToKKM            Counts       `json:"to_kkm"`
	Faults           []FaultState `json:"faults"`
	Flows            []FlowState  `json:"flows"`
	Unspent          []string     `json:"unspent"` // faults that never struck
	RegisterPort     string       `json:"register_interface,omitempty"`
	OFDPort          string       `json:"ofd_interface,omitempty"`
	PacketsUnderWay  int          `json:"under_way"`
	ConnectionsSoFar uint64       `json:"connections"`
}

// Counts are packets of one direction since the link was made.
type Counts struct {
	Packets uint64 `json:"packets"`
	Dropped uint64 `json:"dropped"` // by faults
}

// FaultState is a fault that is set.
type FaultState struct {
	ID     string        `json:"id"`
	Fault  string        `json:"fault"` // in words, with figures
	Since  time.Duration `json:"since_ns"`
	Seen   int           `json:"seen"`
	Struck int           `json:"struck"`
	Figure string        `json:"figure,omitempty"`
}

// FlowState is a TCP connection.
type FlowState struct {
	Number uint64         `json:"connection"`
	KKM    netip.AddrPort `json:"kkm"`
	OFD    netip.AddrPort `json:"ofd"`
	State  string         `json:"state"` // opening, open, closed
	ToOFD  FlowCounts     `json:"to_ofd"`
	ToKKM  FlowCounts     `json:"to_kkm"`
}

// FlowCounts are what one end sent.
type FlowCounts struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"` // payload, retransmissions too
	Again   uint64 `json:"again"` // retransmissions
}

// State looks at all links. Any goroutine may call it.
func (n *Network) State() []LinkState {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.instant().Mono
	var out []LinkState
	for _, l := range n.links {
		s := LinkState{
			Name: l.name, Faults: []FaultState{}, Flows: []FlowState{}, Unspent: l.unspent(),
			ToOFD: Counts{l.packets[ToOFD], l.dropped[ToOFD]}, ToKKM: Counts{l.packets[ToKKM], l.dropped[ToKKM]},
			PacketsUnderWay: len(l.lanes[ToOFD].queue) + len(l.lanes[ToKKM].queue), ConnectionsSoFar: l.flows.n,
		}
		if l.bridged() {
			s.RegisterPort, s.OFDPort = l.kkm.wire.Name(), l.ofd.wire.Name()
		}
		for _, f := range l.faults {
			s.Faults = append(s.Faults, FaultState{
				ID: f.id, Fault: f.words, Since: now - f.at, Seen: f.seen, Struck: f.struck, Figure: f.figure(),
			})
		}
		for _, f := range l.flows.all {
			state := "opening"
			switch {
			case f.open():
				state = "open"
			case f.finned[ToOFD] && f.finned[ToKKM]:
				state = "closed"
			}
			s.Flows = append(s.Flows, FlowState{
				Number: f.num, State: state,
				KKM: netip.AddrPortFrom(f.key.kkm, f.key.kkmPort), OFD: netip.AddrPortFrom(f.key.ofd, f.key.ofdPort),
				ToOFD: FlowCounts{f.packets[ToOFD], f.bytes[ToOFD], f.again[ToOFD]}, ToKKM: FlowCounts{f.packets[ToKKM], f.bytes[ToKKM], f.again[ToKKM]},
			})
		}
		slices.SortFunc(s.Flows, func(a, b FlowState) int { return cmp.Compare(a.Number, b.Number) })
		out = append(out, s)
	}
	return out
}

// Links lists the links by name, in their order.
func (n *Network) Links() []string {
	var out []string
	for _, l := range n.links {
		out = append(out, l.name)
	}
	return out
}
