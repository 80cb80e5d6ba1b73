package netfault

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// Drop loses the packets that are matched and picked. TCP at the ends sends
// them again: the stream comes late and whole.
type Drop struct {
	Match
	Pick
}

// Check refuses figures that make no sense.
func (d Drop) Check() error { return errors.Join(d.Match.Check(), d.Pick.check()) }

// Decide drops the packet.
func (d Drop) Decide(m Moment, p Packet) Decision {
	if !d.picks(m) {
		return Pass
	}
	return Decision{Drop: true, Strikes: true, Note: "dropped"}
}

// String describes the fault.
func (d Drop) String() string { return fmt.Sprintf("drop %v %v", d.Pick, d.Match) }

// Duplicate delivers packets more than once.
type Duplicate struct {
	Match
	Pick
	Copies int // beside the first; 0 is 1
}

// Check refuses figures that make no sense.
func (d Duplicate) Check() error {
	if d.Copies < 0 || d.Copies > 100 {
		return fmt.Errorf("duplicate: %d copies: want 0 to 100", d.Copies)
	}
	return errors.Join(d.Match.Check(), d.Pick.check())
}

// Decide copies the packet.
func (d Duplicate) Decide(m Moment, p Packet) Decision {
	if !d.picks(m) {
		return Pass
	}
	n := max(d.Copies, 1)
	return Decision{Copies: n, Strikes: true, Note: fmt.Sprintf("duplicated, arrives %d times", n+1)}
}

// String describes the fault.
func (d Duplicate) String() string {
	return fmt.Sprintf("duplicate %v %v, %d more", d.Pick, d.Match, max(d.Copies, 1))
}

// Reorder holds packets back and lets those behind them overtake.
type Reorder struct {
	Match
	Pick
	By time.Duration
}

// Check refuses figures that make no sense.
func (r Reorder) Check() error {
	if r.By <= 0 {
		return fmt.Errorf("reorder by %v: want longer than nothing", r.By)
	}
	return errors.Join(r.Match.Check(), r.Pick.check())
}

// Decide holds the packet back.
func (r Reorder) Decide(m Moment, p Packet) Decision {
	if !r.picks(m) {
		return Pass
	}
	return Decision{Delay: r.By, Overtaken: true, Strikes: true, Note: fmt.Sprintf("held back by %v, may be overtaken", r.By)}
}

// String describes the fault.
func (r Reorder) String() string { return fmt.Sprintf("reorder %v %v by %v", r.Pick, r.Match, r.By) }

// Corrupt changes one bit pattern in a payload byte of a TCP or UDP packet. As on a
// real wire the checksum then no longer fits and the receiver throws the packet
// away; with Valid it fits, and the damage reaches the application.
type Corrupt struct {
	Match
	Pick
	At    int  // payload byte, from 0; beyond the payload: its last byte
	XOR   byte // zero: 0xff
	Valid bool
}

// Check refuses figures that make no sense.
func (c Corrupt) Check() error {
	if c.At < 0 {
		return fmt.Errorf("corrupt byte %d: want 0 or more", c.At)
	}
	return errors.Join(c.Match.Check(), c.Pick.check())
}

// Selects sees TCP and UDP with payload only.
func (c Corrupt) Selects(p Packet) bool { return len(p.Payload) > 0 && c.Match.Selects(p) }

// Decide changes a copy of the frame.
func (c Corrupt) Decide(m Moment, p Packet) Decision {
	if len(p.Payload) == 0 || !c.picks(m) {
		return Pass
	}
	data := p.at.data
	f := bytes.Clone(p.Frame)
	at := min(c.At, len(p.Payload)-1)
	x := c.XOR
	if x == 0 {
		x = 0xff
	}
	old := f[data+at]
	f[data+at] ^= x
	sums := "wrong checksum"
	if c.Valid {
		fixSums(f, p.at)
		sums = "right checksum"
	}
	return Decision{Frame: f, Strikes: true, Note: fmt.Sprintf("payload byte %d changed from %02x to %02x, %s", at, old, f[data+at], sums)}
}

// String describes the fault.
func (c Corrupt) String() string {
	s := fmt.Sprintf("corrupt byte %d of %v %v", c.At, c.Pick, c.Match)
	if c.Valid {
		s += ", checksum made right"
	}
	return s
}

// Truncate lets only the first Keep bytes of a frame arrive.
type Truncate struct {
	Match
	Pick
	Keep int
}

// Check refuses figures that make no sense.
func (t Truncate) Check() error {
	if t.Keep < ethHeader {
		return fmt.Errorf("truncate to %d bytes: want at least the %d of an Ethernet header", t.Keep, ethHeader)
	}
	return errors.Join(t.Match.Check(), t.Pick.check())
}

// Decide cuts a longer frame.
func (t Truncate) Decide(m Moment, p Packet) Decision {
	if !t.picks(m) || len(p.Frame) <= t.Keep {
		return Pass
	}
	return Decision{Frame: p.Frame[:t.Keep:t.Keep], Strikes: true, Note: fmt.Sprintf("truncated from %d to %d bytes", len(p.Frame), t.Keep)}
}

// String describes the fault.
func (t Truncate) String() string {
	return fmt.Sprintf("truncate %v %v to %d bytes", t.Pick, t.Match, t.Keep)
}
