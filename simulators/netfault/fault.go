package netfault

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
)

// A Fault decides the fate of each packet from what it is handed and nothing
// else. It is an immutable value: what it has done so far is counted by the link
// and handed back in the Moment, so a run is a function of its seed.
//
// A fault may have more methods, found by assertion:
//
//	Selects(p Packet) bool       packets that it wants to see and count; without it: every IP packet
//	Begin(m Moment, s StreamPos) Decision
//	                             asked once for each open connection when the fault is set
//	Check() error                refuses figures that make no sense, before the fault is set
//	String() string              the fault in words, with its figures
type Fault interface {
	Decide(m Moment, p Packet) Decision
}

// Moment is what a fault may know besides the packet.
type Moment struct {
	Now    clock.Instant
	Since  time.Duration // since the fault was set
	Seen   int           // the how manieth packet this is that the fault selects, from 1
	Struck int           // how many packets it has struck before
	// First is how long ago the fault struck for the first time; zero before.
	First time.Duration
	// Until is when the last packet that this fault delayed in this direction is
	// let go, counted like Now.Mono; a queue is built from it.
	Until time.Duration
	// Before is the number of the newest connection of the link when the fault
	// was set: a connection with a higher number is younger than the fault.
	Before uint64
	// Rand depends on seed, link, fault and packet number and on nothing else.
	Rand *rand.Rand
}

// Ends names one or both ends of a link.
type Ends uint8

// The ends.
const (
	EndKKM Ends = 1 << iota
	EndOFD
	BothEnds = EndKKM | EndOFD
)

// String names the ends.
func (e Ends) String() string {
	switch e {
	case EndKKM:
		return "the register"
	case EndOFD:
		return "the OFD"
	case BothEnds:
		return "both ends"
	}
	return fmt.Sprintf("Ends(%d)", uint8(e))
}

// Decision is the fate of one packet. The zero value lets it pass.
type Decision struct {
	Drop      bool
	Delay     time.Duration // on top of the link's own latency
	Overtaken bool          // the delay does not hold back the packets behind it (reordering)
	Copies    int           // how many times more than once it arrives
	Frame     []byte        // what arrives instead, nil: as it was sent
	Parts     [][]byte      // several frames that arrive instead, in this order; later faults see each of them
	Reply     [][]byte      // frames that reach the sender at once, in the name of whom it spoke to
	Reset     Ends          // a RST in the name of the other end is delivered to these
	Finish    Ends          // likewise a FIN
	// Tell is an ICMP answer to the sender: 0 none, else the next hop's MTU of a
	// "fragmentation needed".
	Tell int
	// Strikes says that the fate of the packet was changed: it is counted,
	// commented in the capture, and the first one is an event in the record.
	Strikes bool
	Note    string // what was done, in words, with figures
}

// Pass lets a packet through.
var Pass = Decision{}

// Dir is the direction of a packet.
type Dir uint8

// The directions. The zero value of a selection means either.
const (
	EitherWay Dir = iota
	ToOFD
	ToKKM
)

// String names the direction.
func (d Dir) String() string {
	switch d {
	case ToOFD:
		return "to OFD"
	case ToKKM:
		return "to KKM"
	}
	return "both ways"
}

// Proto is what a frame carries.
type Proto uint8

// The protocols that the link tells apart.
const (
	ProtoOther Proto = iota // not IP, not ARP, or not readable
	ProtoARP
	ProtoIP // IP with something else than TCP or UDP in it, or a later fragment
	ProtoTCP
	ProtoUDP
)

// Flags are the TCP flags of a packet.
type Flags uint8

// The TCP flags, as they lie in the header.
const (
	FIN Flags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
)

// Packet is a decoded frame. Its slices are only to be read, and only
// during the call.
type Packet struct {
	Link   string
	N      uint64 // number of its first record in the capture, from 1
	Dir    Dir
	Proto  Proto
	Frame  []byte
	Stream StreamPos
	VLAN   uint16 // the innermost 802.1Q tag, 0: none

	// IP only.
	Src, Dst netip.Addr
	IPProto  uint8 // what the IP packet carries

	// TCP and UDP only.
	SrcPort, DstPort uint16
	Payload          []byte

	// TCP only.
	Flags    Flags
	Seq, Ack uint32
	Messages []Message // the CPCR messages that have bytes in the payload
	Acks     []Message // the CPCR message of the other direction that the acknowledgement number lies in or ends

	at layout
}

// Has says whether all these flags are set.
func (p Packet) Has(f Flags) bool { return p.Proto == ProtoTCP && p.Flags&f == f }

// StreamPos says where in a connection a packet lies.
type StreamPos struct {
	Conn   uint64 // connections of the link by their first packet, from 1; 0: none
	Offset int64  // of the first payload byte in this direction's stream, from 0
	Len    int    // payload bytes
	First  Dir    // the direction of the connection's first packet
	Again  bool   // every byte (or the SYN, or the FIN) was sent before: a retransmission
}
