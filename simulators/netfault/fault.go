package netfault

import (
	"math/rand/v2"
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

// Decision is the fate of one packet. The zero value lets it pass.
type Decision struct {
	Drop      bool
	Delay     time.Duration // on top of the link's own latency
	Overtaken bool          // the delay does not hold back the packets behind it (reordering)
	Copies    int           // how many times more than once it arrives
	Frame     []byte        // what arrives instead, nil: as it was sent
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
	ProtoOther Proto = iota // not IPv4, not ARP, or not readable
	ProtoARP
	ProtoIP // IPv4 with something else than TCP in it, or a later fragment
	ProtoTCP
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

	// TCP only.
	SrcPort, DstPort uint16
	Flags            Flags
	Seq, Ack         uint32
	Payload          []byte
	Messages         []Message // the CPCR messages that have bytes in the payload
}

// Has says whether all these flags are set.
func (p Packet) Has(f Flags) bool { return p.Proto == ProtoTCP && p.Flags&f == f }

// StreamPos says where in a connection a packet lies.
type StreamPos struct {
	Conn   uint64 // connections of the link by their first packet, from 1; 0: none
	Offset int64  // of the first payload byte in this direction's stream, from 0
	Len    int    // payload bytes
	Again  bool   // every byte (or the SYN, or the FIN) was sent before: a retransmission
}
