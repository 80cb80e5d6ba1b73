package netfault

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// HalfMessage lets the first After bytes of a CPCR message arrive and never a
// byte more: the packet that holds byte After+1 is shortened, later ones and all
// retransmissions are dropped, and the receiver waits for the rest until one of
// the ends gives up. What comes behind the message on the same connection is held
// up by the gap.
type HalfMessage struct {
	Match // its Means must name a kind of message
	After int64
}

// Check refuses figures that make no sense.
func (h HalfMessage) Check() error {
	switch {
	case h.Means.Kind == NoMessage:
		return errors.New("half message: want a request or an answer to cut")
	case h.After < 0, h.Means.Holds != 0, h.Means.Last, h.Means.Acked:
		return fmt.Errorf("half message after byte %d: want 0 or more, and no byte, last byte or acknowledgement in the selection", h.After)
	}
	return h.Match.Check()
}

// Decide shortens or drops.
func (h HalfMessage) Decide(_ Moment, p Packet) Decision {
	g, ok := h.Means.find(p)
	if !ok {
		return Pass
	}
	keep := g.From + h.After - p.Stream.Offset
	switch {
	case keep >= int64(p.Stream.Len) && h.After < g.To-g.From, h.After >= g.To-g.From:
		return Pass
	case keep <= 0:
		return Decision{Drop: true, Strikes: true, Note: fmt.Sprintf("behind byte %d of the message: dropped", h.After)}
	}
	f := bytes.Clone(p.Frame[:p.at.data+int(keep)])
	at := resize(f, p.at, len(f))
	f[at.trans+13] &^= byte(FIN)
	fixSums(f, at)
	return Decision{Frame: f, Strikes: true, Note: fmt.Sprintf("shortened by %d bytes, to byte %d of the message", int64(p.Stream.Len)-keep, h.After)}
}

// String describes the fault.
func (h HalfMessage) String() string { return fmt.Sprintf("stop %v after byte %d", h.Match, h.After) }

// From lets another fault begin at a packet: from the packet on that matches At,
// or from the one behind it with After, and for the time of For (zero: until it
// is cleared). "Cut, from the answer to the third ticket on" is
//
//	From{At: Match{Means: Meaning{Kind: Answer, Command: CommandOf(1), Nth: 3}}, Do: Cut{}}
//
// The packet at which it begins counts as struck.
type From struct {
	At    Match
	After bool
	For   time.Duration
	Do    Fault
}

// Check refuses what makes no sense.
func (f From) Check() error {
	if f.Do == nil || f.For < 0 {
		return fmt.Errorf("from %v: want a fault to begin and no negative time", f.At)
	}
	if o, ok := f.Do.(interface{ ordinal() bool }); ok && o.ordinal() {
		return errors.New("a fault that counts packets cannot be begun by another one: what it has not seen it cannot count")
	}
	if c, ok := f.Do.(interface{ Check() error }); ok {
		if err := c.Check(); err != nil {
			return err
		}
	}
	return f.At.Check()
}

// Selects sees every frame: before it begins those of At, then those of Do.
func (From) Selects(Packet) bool { return true }

// Decide waits for the packet, then does what Do does.
func (f From) Decide(m Moment, p Packet) Decision {
	begins := m.Struck == 0
	if begins && !f.At.Selects(p) || f.For > 0 && m.First > f.For {
		return Pass
	}
	m.Since = m.First
	var d Decision
	if (!begins || !f.After) && f.does(p) {
		d = f.Do.Decide(m, p)
	}
	if begins {
		d.Strikes = true
		note := "from here on: "
		if f.After {
			note = "from the next packet on: "
		}
		if d.Note == "" {
			d.Note = fmt.Sprint(f.Do)
		}
		d.Note = note + d.Note
	}
	return d
}

func (f From) does(p Packet) bool {
	if s, ok := f.Do.(interface{ Selects(Packet) bool }); ok {
		return s.Selects(p)
	}
	return p.Proto >= ProtoIP
}

// String describes the fault.
func (f From) String() string {
	s := fmt.Sprintf("from %v on", f.At)
	if f.After {
		s = fmt.Sprintf("behind %v", f.At)
	}
	if f.For > 0 {
		s += fmt.Sprintf(", for %v", f.For)
	}
	return fmt.Sprintf("%s: %v", s, f.Do)
}
