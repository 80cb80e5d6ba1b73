package netfault

import (
	"fmt"
	"strings"
)

// What is a kind of packet that a fault may be narrowed to. The zero value is
// every IP packet.
type What uint8

// The kinds.
const (
	AnyIP  What = iota
	AnyTCP      // every TCP packet
	Syn         // the opening of a connection, without ACK
	Data        // TCP with payload
	Bare        // TCP without payload and without SYN, FIN, RST: an acknowledgement
	Fin         // TCP with FIN
	Rst         // TCP with RST
	Frames      // everything on the wire, ARP too
)

var whatNames = [...]string{"IP packets", "TCP packets", "SYN", "data packets", "bare acknowledgements", "FIN", "RST", "frames"}

// String names the kind.
func (w What) String() string {
	if int(w) < len(whatNames) {
		return whatNames[w]
	}
	return fmt.Sprintf("What(%d)", uint8(w))
}

func (w What) holds(p Packet) bool {
	switch w {
	case AnyIP:
		return p.Proto >= ProtoIP
	case AnyTCP:
		return p.Proto == ProtoTCP
	case Syn:
		return p.Proto == ProtoTCP && p.Flags&(SYN|ACK) == SYN
	case Data:
		return p.Proto == ProtoTCP && len(p.Payload) > 0
	case Bare:
		return p.Proto == ProtoTCP && len(p.Payload) == 0 && p.Flags&(SYN|FIN|RST) == 0
	case Fin:
		return p.Has(FIN)
	case Rst:
		return p.Has(RST)
	}
	return true
}

// Match narrows a fault to some packets. The zero value matches every IP packet
// in both directions.
type Match struct {
	Dir  Dir
	What What
	// Conn is the number of a connection on the link, 0: any.
	Conn uint64
	// FirstTry leaves retransmissions alone, Retry matches nothing else.
	FirstTry, Retry bool
	// Means narrows to packets that carry certain CPCR messages.
	Means Meaning
	// Holds matches only packets whose payload holds this byte of the stream, counted
	// from 1 ("inside byte 300"); 0: any.
	Holds int64
}

// Selects implements the selection of a Fault.
func (m Match) Selects(p Packet) bool {
	switch {
	case m.Dir != EitherWay && m.Dir != p.Dir, !m.What.holds(p), m.Conn != 0 && m.Conn != p.Stream.Conn:
		return false
	case m.FirstTry && p.Stream.Again, m.Retry && !p.Stream.Again, !m.Means.holds(p):
		return false
	}
	at := m.Holds - 1
	return m.Holds == 0 || p.Stream.Conn != 0 && at >= p.Stream.Offset && at < p.Stream.Offset+int64(p.Stream.Len)
}

// String describes the selection.
func (m Match) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %v", m.What, m.Dir)
	if m.Conn != 0 {
		fmt.Fprintf(&b, " of connection %d", m.Conn)
	}
	if s := m.Means.String(); s != "" {
		fmt.Fprintf(&b, ", with %s", s)
	}
	if m.FirstTry {
		b.WriteString(", first tries only")
	}
	if m.Retry {
		b.WriteString(", retransmissions only")
	}
	if m.Holds != 0 {
		fmt.Fprintf(&b, ", with byte %d of the stream", m.Holds)
	}
	return b.String()
}

// Check implements the check of a Fault.
func (m Match) Check() error {
	switch {
	case m.Dir > ToKKM:
		return fmt.Errorf("direction %d: want EitherWay, ToOFD or ToKKM", m.Dir)
	case m.What > Frames:
		return fmt.Errorf("kind of packet %d: want one of %q", m.What, whatNames)
	case m.FirstTry && m.Retry:
		return fmt.Errorf("first tries only and retransmissions only: no packet is both")
	case m.Holds < 0:
		return fmt.Errorf("byte %d of the stream: want 1 or more", m.Holds)
	}
	return m.Means.check()
}

// Pick chooses among the packets that match: all of them (the zero value), a
// share by chance, or some by their ordinal.
type Pick struct {
	Share float64 // each packet with this probability, over 0 to 1
	Nth   int     // the n-th packet since the fault was set, from 1
	Count int     // how many from there on; 0 is 1
}

// picks decides for the packet of m.
func (k Pick) picks(m Moment) bool {
	switch {
	case k.Nth > 0:
		return m.Seen >= k.Nth && m.Seen < k.Nth+max(k.Count, 1)
	case k.Share > 0:
		return m.Rand.Float64() < k.Share
	}
	return true
}

// String describes the choice.
func (k Pick) String() string {
	switch {
	case k.Nth > 0 && k.Count > 1:
		return fmt.Sprintf("number %d to %d of", k.Nth, k.Nth+k.Count-1)
	case k.Nth > 0:
		return fmt.Sprintf("number %d of", k.Nth)
	case k.Share > 0:
		return fmt.Sprintf("a share of %g of", k.Share)
	}
	return "all"
}

func (k Pick) check() error {
	switch {
	case !(k.Share >= 0 && k.Share <= 1):
		return fmt.Errorf("share %g: want 0 to 1", k.Share)
	case k.Nth < 0 || k.Count < 0:
		return fmt.Errorf("number %d, count %d: want no negative ordinal", k.Nth, k.Count)
	case k.Nth == 0 && k.Count > 0:
		return fmt.Errorf("count %d without a number to begin at", k.Count)
	case k.Nth > 0 && k.Share > 0:
		return fmt.Errorf("number %d and share %g: want one of them", k.Nth, k.Share)
	}
	return nil
}
