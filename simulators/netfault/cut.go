package netfault

import (
	"errors"
	"fmt"
	"time"
)

// Cut ends the link without a word: nothing arrives any more, in either
// direction, and nobody is told. Open connections stay open at both ends until they
// notice by themselves.
//
// ARP still passes, because what is cut is the way behind the register's
// router; Cable cuts that too.
type Cut struct{ Cable bool }

// Selects implements the selection of a Fault.
func (c Cut) Selects(p Packet) bool { return c.Cable || p.Proto >= ProtoIP }

// Decide drops the packet.
func (c Cut) Decide(Moment, Packet) Decision {
	return Decision{Drop: true, Strikes: true, Note: "cut: dropped"}
}

// String describes the fault.
func (c Cut) String() string {
	if c.Cable {
		return "cut silently, the cable"
	}
	return "cut silently"
}

// CutRST ends the link like a firewall that rejects: both ends of each open
// connection get a RST, and so does whoever tries to open or use one.
type CutRST struct{}

// Selects implements the selection of a Fault.
func (CutRST) Selects(p Packet) bool { return p.Proto >= ProtoIP }

// Begin resets a connection that is open.
func (CutRST) Begin(Moment, StreamPos) Decision {
	return Decision{Reset: BothEnds, Strikes: true, Note: "cut: RST to both ends"}
}

// Decide drops the packet and resets its connection.
func (CutRST) Decide(_ Moment, p Packet) Decision {
	if p.Proto != ProtoTCP || p.Has(RST) {
		return Decision{Drop: true, Strikes: true, Note: "cut: dropped"}
	}
	return Decision{Drop: true, Reset: BothEnds, Strikes: true, Note: "cut: dropped, RST to both ends"}
}

// String describes the fault.
func (CutRST) String() string { return "cut with RST to both ends" }

// RefuseSYN refuses new connections of the register: the SYN never reaches the OFD, and a RST
// comes back. Open connections go on.
type RefuseSYN struct{}

// Selects implements the selection of a Fault.
func (RefuseSYN) Selects(p Packet) bool { return p.Dir == ToOFD && Syn.holds(p) }

// Decide answers a SYN.
func (RefuseSYN) Decide(Moment, Packet) Decision {
	return Decision{Drop: true, Reset: EndKKM, Strikes: true, Note: "SYN refused"}
}

// String describes the fault.
func (RefuseSYN) String() string { return "refuse SYN" }

// Blackhole swallows one direction: the other end is heard and does not hear.
type Blackhole struct{ Dir Dir }

// Selects implements the selection of a Fault.
func (b Blackhole) Selects(p Packet) bool { return p.Dir == b.Dir && p.Proto >= ProtoIP }

// Check wants a direction.
func (b Blackhole) Check() error {
	if b.Dir != ToOFD && b.Dir != ToKKM {
		return errors.New("blackhole: want ToOFD or ToKKM; for both ways there is Cut")
	}
	return nil
}

// Decide drops the packet.
func (b Blackhole) Decide(Moment, Packet) Decision {
	return Decision{Drop: true, Strikes: true, Note: "blackhole " + b.Dir.String() + ": dropped"}
}

// String describes the fault.
func (b Blackhole) String() string { return "blackhole " + b.Dir.String() }

// Forget is what a router does that loses its table of connections (restart, idle
// time) and stays silent about it: packets of the connections that were there when the fault was set are swallowed, new
// connections work. At Dir only, one half stays open.
type Forget struct{ Dir Dir }

// Selects implements the selection of a Fault.
func (f Forget) Selects(p Packet) bool {
	return p.Proto == ProtoTCP && (f.Dir == EitherWay || f.Dir == p.Dir)
}

// Decide drops packets of older connections.
func (f Forget) Decide(m Moment, p Packet) Decision {
	if p.Stream.Conn > m.Before {
		return Pass
	}
	return Decision{Drop: true, Strikes: true, Note: "connection forgotten: dropped"}
}

// String describes the fault.
func (f Forget) String() string { return "forget open connections, " + f.Dir.String() }

// Flap lets the link work for Up and cuts it silently for Down, in turns, beginning with Down.
type Flap struct{ Down, Up time.Duration }

// Check wants two times.
func (f Flap) Check() error {
	if f.Down <= 0 || f.Up <= 0 {
		return fmt.Errorf("flap: down %v, up %v: want both longer than nothing", f.Down, f.Up)
	}
	return nil
}

// Decide drops what comes while the link is down.
func (f Flap) Decide(m Moment, _ Packet) Decision {
	if m.Since%(f.Down+f.Up) >= f.Down {
		return Pass
	}
	return Decision{Drop: true, Strikes: true, Note: "link down: dropped"}
}

// String describes the fault.
func (f Flap) String() string { return fmt.Sprintf("flap: down %v, up %v", f.Down, f.Up) }

// Reset ends a connection by RST at the packet that is matched and picked, and
// swallows that packet.
type Reset struct {
	Match
	Pick
	To Ends // zero: both
}

// Check refuses figures that make no sense.
func (r Reset) Check() error { return errors.Join(r.Match.Check(), r.Pick.check()) }

// Decide resets the connection of the packet.
func (r Reset) Decide(m Moment, p Packet) Decision {
	if p.Stream.Conn == 0 || !r.picks(m) {
		return Pass
	}
	to := r.To
	if to == 0 {
		to = BothEnds
	}
	return Decision{Drop: true, Reset: to, Strikes: true, Note: "dropped, RST instead"}
}

// String describes the fault.
func (r Reset) String() string { return fmt.Sprintf("RST at %v %v", r.Pick, r.Match) }

// Finish ends a connection with a FIN in the name of the OFD or the register at the packet that is
// matched and picked, and swallows that packet.
type Finish struct {
	Match
	Pick
	To Ends // zero: both
}

// Check refuses figures that make no sense.
func (f Finish) Check() error { return errors.Join(f.Match.Check(), f.Pick.check()) }

// Decide finishes the connection of the packet.
func (f Finish) Decide(m Moment, p Packet) Decision {
	if p.Stream.Conn == 0 || !f.picks(m) {
		return Pass
	}
	to := f.To
	if to == 0 {
		to = BothEnds
	}
	return Decision{Drop: true, Finish: to, Strikes: true, Note: "dropped, FIN instead"}
}

// String describes the fault.
func (f Finish) String() string { return fmt.Sprintf("FIN at %v %v", f.Pick, f.Match) }

// HalfOpen lets one end lose every connection that is open when the fault is
// set, as after a restart, while the other end still believes in them. What the
// believer sends next is answered by RST, as RFC 9293 (3.5.1) says; Silent
// swallows it, so that the connection stays half-open for ever. New connections work.
type HalfOpen struct {
	Gone   Ends // who lost the connections: EndKKM or EndOFD
	Silent bool
}

// Check wants one end.
func (h HalfOpen) Check() error {
	if h.Gone != EndKKM && h.Gone != EndOFD {
		return errors.New("half-open: want the one end that lost its connections, EndKKM or EndOFD")
	}
	return nil
}

// Selects sees TCP on its way to the end that lost its connections.
func (h HalfOpen) Selects(p Packet) bool {
	return p.Proto == ProtoTCP && p.Dir == map[Ends]Dir{EndKKM: ToKKM, EndOFD: ToOFD}[h.Gone]
}

// Begin makes the end lose a connection; the other one hears nothing.
func (h HalfOpen) Begin(Moment, StreamPos) Decision {
	return Decision{Reset: h.Gone, Strikes: true, Note: "half-open: " + h.Gone.String() + " lost the connection"}
}

// Decide swallows what belongs to a lost connection.
func (h HalfOpen) Decide(m Moment, p Packet) Decision {
	if !h.Silent || p.Stream.Conn > m.Before {
		return Pass
	}
	return Decision{Drop: true, Strikes: true, Note: "half-open: dropped"}
}

// String describes the fault.
func (h HalfOpen) String() string {
	s := "half-open: " + h.Gone.String() + " loses its open connections"
	if h.Silent {
		s += ", silently"
	}
	return s
}
