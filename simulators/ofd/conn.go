package ofd

import (
	"fmt"
	"slices"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

// conn is one stream of a register.
type conn struct {
	s      *Server
	id     uint64
	peer   string
	c      stream.Conn
	split  cpcr.Splitter
	timer  clock.Timer
	begun  bool      // the timer watches a message that has begun
	queue  []*letter // answers in the order of their requests
	moving bool      // the first one is on its way
	gone   bool
	mute   bool   // nothing more is read or said
	device uint32 // of the first message, 0 before
	heavy  int    // bytes of an unfinished message, as counted in Server.pending

	// A connection that is taken late (a rule with Connect and Hold).
	held  bool
	early []byte // came meanwhile
	ended bool   // the peer ended its side meanwhile
}

// letter is an answer and how it leaves.
type letter struct {
	bytes []byte
	due   time.Duration // Mono before which it does not leave
	cause history.Seq
	act   Action
	lost  bool // never leaves
	ready bool // false: the event behind it is not durable yet
}

func (s *Server) accept(c stream.Conn, peer string) stream.Events {
	s.nconn++
	x := &conn{s: s, id: s.nconn, peer: peer, c: c, split: cpcr.Splitter{Limit: s.opt.MaxRequest}}
	if len(s.conns) >= s.opt.MaxConns || s.err != nil {
		c.Reset()
		why := fmt.Sprintf("%d connections are open already", len(s.conns))
		s.note(history.Conn{ID: x.id, State: "reset", Peer: peer, Reason: why})
		s.misuse(peer, why)
		return stream.Events{}
	}
	s.conns[x.id] = x
	s.note(history.Conn{ID: x.id, State: "open", Peer: peer})
	x.watch(false)
	if a, ok := s.strikeConn(); ok {
		x.held = a.Hold > 0
		// At the earliest after the owner of the stream has its callbacks.
		s.loop.AfterFunc(a.Hold, func() { x.taken(a) })
	}
	return stream.Events{Received: x.received, Closed: x.closed, Ahead: s.ahead, Taken: x.takenAhead}
}

// message is a whole message that was read, which needs no state: a carrier with
// goroutines of its own has that done beside the loop.
type message struct {
	frame   []byte
	h       cpcr.Header
	m       *canon.Request // nil when it could not be read
	strange bool           // may hold fields that the version does not have
	err     error
}

func (s *Server) read(frame []byte) *message {
	x := &message{frame: frame}
	x.h, x.m, x.strange, x.err = cpcr.DecodeRequestStrange(frame)
	if x.err != nil && s.opt.Labels203 {
		x.m, x.err = byOlderLabels(x)
		x.strange = true
	}
	return x
}

// ahead reads bytes that are exactly one message, nil otherwise. It may run
// anywhere: options that it looks at never change.
func (s *Server) ahead(p []byte) any {
	h, err := cpcr.ParseHeader(p, s.opt.MaxRequest)
	if err != nil || int(h.Size) != len(p) {
		return nil
	}
	return s.read(slices.Clone(p))
}

// takenAhead is received for what ahead has read.
func (x *conn) takenAhead(p []byte, ahead any) {
	if x.gone || x.mute || x.held || len(x.split.Pending()) > 0 {
		x.received(p)
		return
	}
	m := ahead.(*message)
	if x.device == 0 && !x.belongs(m.frame) {
		return
	}
	x.s.take(x, m)
	if !x.gone {
		x.watch(false)
	}
}

// taken is the end of what a rule did to the opening of the connection.
func (x *conn) taken(a Action) {
	if x.gone {
		return
	}
	x.held = false
	x.after(a)
	if early := x.early; early != nil {
		x.early = nil
		x.received(early)
	}
	if x.ended {
		x.closed(nil)
	}
}

// after is what a rule wants of the connection from now on.
func (x *conn) after(a Action) {
	x.mute = x.mute || a.Mute
	x.end(a.End, "scripted")
}

// watch sets the time limit of the connection: for the whole of a message that
// has begun, or for the pause between two.
func (x *conn) watch(begun bool) {
	if begun && x.begun {
		return // a slow sender does not get more time with each byte
	}
	if x.timer != nil {
		x.timer.Stop()
		x.timer = nil
	}
	x.begun = begun
	limit, why := x.s.opt.Idle, "idle"
	if begun {
		limit, why = x.s.opt.ReadDeadline, "a message that had begun was not whole in time"
	}
	if limit > 0 {
		x.timer = x.s.loop.AfterFunc(limit, func() {
			if !begun {
				x.close(why)
				return
			}
			x.broken(string(cpcr.ErrTruncated))
			x.expel(why)
		})
	}
}

func (x *conn) received(p []byte) {
	if x.gone || x.mute {
		return
	}
	if x.held {
		if len(x.early)+len(p) > int(x.s.opt.MaxRequest) {
			x.expel("more than a message came before the connection was taken")
			return
		}
		x.early = append(x.early, p...)
		x.weigh(len(x.early))
		return
	}
	frames, err := x.split.Push(p)
	for i, f := range frames {
		x.begun = false
		if i == 0 && x.device == 0 && !x.belongs(f) {
			return
		}
		x.s.take(x, x.s.read(f))
		if x.gone || x.mute {
			return
		}
	}
	x.weigh(len(x.split.Pending()))
	if x.gone {
		return
	}
	if err != nil {
		class := "unreadable"
		if e, ok := err.(*cpcr.Error); ok {
			class = string(e.Class)
		}
		x.broken(class)
		x.expel(err.Error()) // cpcr.md 16.3: a bad header gets no answer
		return
	}
	x.watch(len(x.split.Pending()) > 0)
}

// belongs finds the device of a connection in its first message. A register that
// lost its end of a connection opens another one, so of too many the oldest goes.
func (x *conn) belongs(frame []byte) bool {
	h, err := cpcr.ParseHeader(frame, x.s.opt.MaxRequest)
	if err != nil || h.ID == 0 {
		return true // never: the frame was cut by its header
	}
	x.device = h.ID
	all := append(x.s.byDevice[h.ID], x)
	x.s.byDevice[h.ID] = all
	if len(all) > x.s.opt.MaxDeviceConns {
		all[0].expel(fmt.Sprintf("device %d has more than %d connections, this is the oldest", h.ID, x.s.opt.MaxDeviceConns))
	}
	return !x.gone
}

// weigh counts the bytes of unfinished messages. Over the bound of all together
// the connection with the most goes.
func (x *conn) weigh(n int) {
	x.s.pending += n - x.heavy
	x.heavy = n
	for x.s.pending > x.s.opt.MaxPending {
		worst := x
		for _, c := range x.s.conns {
			if c.heavy > worst.heavy || (c.heavy == worst.heavy && c.id < worst.id) {
				worst = c
			}
		}
		worst.expel(fmt.Sprintf("%d bytes of unfinished messages on all connections, and this one has the most, %d", x.s.pending, worst.heavy))
	}
}

// broken records what came and cannot be taken as a message.
func (x *conn) broken(class string) {
	p := x.split.Pending()
	const shown = 64 << 10 // what is recorded of it
	x.s.note(history.Frame{Conn: x.id, Dir: history.FromDevice, Bytes: append([]byte(nil), p[:min(len(p), shown)]...), Error: class})
}

// closed is the peer's end of the stream.
func (x *conn) closed(err error) {
	if x.gone {
		return
	}
	if x.held && err == nil {
		x.ended = true // what it sent before is read when the connection is taken
		return
	}
	if e, ok := x.split.End().(*cpcr.Error); ok {
		x.broken(string(e.Class))
		x.s.misuse(x.peer, e.Error())
	}
	state, reason := "closed", ""
	if err != nil {
		state, reason = "reset", err.Error()
	}
	x.leave(state, reason)
}

// leave is the end, once. Answers that had not left are recorded as lost.
func (x *conn) leave(state, reason string) {
	if x.gone {
		return
	}
	x.gone = true
	if x.timer != nil {
		x.timer.Stop()
	}
	delete(x.s.conns, x.id)
	x.s.pending -= x.heavy
	x.heavy = 0
	if x.device != 0 {
		x.s.byDevice[x.device] = slices.DeleteFunc(x.s.byDevice[x.device], func(c *conn) bool { return c == x })
		if len(x.s.byDevice[x.device]) == 0 {
			delete(x.s.byDevice, x.device)
		}
	}
	for _, l := range x.queue {
		if l.bytes != nil {
			x.s.note(history.Frame{Conn: x.id, Dir: history.ToDevice, Bytes: l.bytes, Lost: true}, l.cause)
		}
	}
	x.queue = nil
	x.s.note(history.Conn{ID: x.id, State: state, Reason: reason})
}

func (x *conn) close(reason string) {
	if !x.gone {
		x.leave("closed", reason)
		x.c.Close()
	}
}

// expel ends a connection for what the peer did.
func (x *conn) expel(reason string) {
	if !x.gone {
		x.s.misuse(x.peer, reason)
		x.close(reason)
	}
}

func (x *conn) reset(reason string) {
	if !x.gone {
		x.leave("reset", reason)
		x.c.Reset()
	}
}

func (x *conn) end(e End, reason string) {
	switch e {
	case Close:
		x.close(reason)
	case Reset:
		x.reset(reason)
	}
}

// enqueue puts an answer behind the ones that wait.
func (x *conn) enqueue(l *letter) {
	if x.gone {
		if l.bytes != nil {
			x.s.note(history.Frame{Conn: x.id, Dir: history.ToDevice, Bytes: l.bytes, Lost: true}, l.cause)
		}
		return
	}
	x.queue = append(x.queue, l)
	x.pump()
}

// pump sends the first answer when it is due.
func (x *conn) pump() {
	for !x.gone && !x.mute && !x.moving && len(x.queue) > 0 && x.queue[0].ready {
		l := x.queue[0]
		if wait := l.due - x.s.loop.Now().Mono; wait > 0 {
			x.moving = true
			x.s.loop.AfterFunc(wait, func() { x.moving = false; x.pump() })
			return
		}
		x.send(l)
	}
}

// pop takes the first answer out; it has left, or never will.
func (x *conn) pop() { x.queue = x.queue[1:] }

func (x *conn) send(l *letter) {
	if l.lost {
		x.pop()
		x.s.note(history.Frame{Conn: x.id, Dir: history.ToDevice, Bytes: l.bytes, Lost: true}, l.cause)
		x.after(l.act)
		return
	}
	b := l.bytes
	if l.act.Twice {
		b = append(append([]byte(nil), b...), b...)
	}
	if n := l.act.Cut; n > 0 && n < len(b) {
		b = b[:n]
	}
	x.pop()
	x.s.note(history.Frame{Conn: x.id, Dir: history.ToDevice, Bytes: b}, l.cause)
	if l.act.Pieces <= 0 || l.act.Pieces >= len(b) {
		x.c.Send(b)
		x.sent(l)
		return
	}
	x.moving = true
	x.piece(l, b)
}

// piece sends the next piece, and the rest after the gap.
func (x *conn) piece(l *letter, b []byte) {
	if x.gone {
		return
	}
	n := min(l.act.Pieces, len(b))
	x.c.Send(b[:n])
	if n == len(b) {
		x.moving = false
		x.sent(l)
		x.pump()
		return
	}
	x.s.loop.AfterFunc(l.act.Gap, func() { x.piece(l, b[n:]) })
}

func (x *conn) sent(l *letter) {
	x.after(l.act)
	if x.s.opt.CloseAfterAnswer {
		x.close("after the answer")
	}
}
