package ofd

import (
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

// conn is one stream of a register.
type conn struct {
	s      *Server
	id     uint64
	c      stream.Conn
	split  cpcr.Splitter
	timer  clock.Timer
	begun  bool      // the timer watches a message that has begun
	queue  []*letter // answers in the order of their requests
	moving bool      // the first one is on its way
	gone   bool
}

// letter is an answer and how it leaves.
type letter struct {
	bytes  []byte
	due    time.Duration // Mono before which it does not leave
	cause  history.Seq
	act    Action
	lost   bool // never leaves
	ending End
	ready  bool // false: the event behind it is not durable yet
}

func (s *Server) accept(c stream.Conn, peer string) stream.Events {
	s.nconn++
	x := &conn{s: s, id: s.nconn, c: c, split: cpcr.Splitter{Limit: s.opt.MaxRequest}}
	if len(s.conns) >= s.opt.MaxConns || s.err != nil {
		c.Reset()
		return stream.Events{}
	}
	s.conns[x.id] = x
	s.note(history.Conn{ID: x.id, State: "open", Peer: peer})
	x.watch(false)
	if a, ok := s.strikeConn(); ok {
		switch {
		case a.Hold > 0 && a.End != Stay:
			s.loop.AfterFunc(a.Hold, func() { x.end(a.End, "scripted") })
		case a.End != Stay:
			// After the owner of the stream has its callbacks.
			s.loop.AfterFunc(0, func() { x.end(a.End, "scripted") })
		}
	}
	return stream.Events{Received: x.received, Closed: x.closed}
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
			if begun {
				x.broken(string(cpcr.ErrTruncated))
			}
			x.close(why)
		})
	}
}

func (x *conn) received(p []byte) {
	if x.gone {
		return
	}
	frames, err := x.split.Push(p)
	for _, f := range frames {
		x.begun = false
		x.s.take(x, f)
		if x.gone {
			return
		}
	}
	if err != nil {
		class := "unreadable"
		if e, ok := err.(*cpcr.Error); ok {
			class = string(e.Class)
		}
		x.broken(class)
		x.close(err.Error()) // cpcr.md 16.3: a bad header gets no answer
		return
	}
	x.watch(len(x.split.Pending()) > 0)
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
	if e, ok := x.split.End().(*cpcr.Error); ok {
		x.broken(string(e.Class))
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
	for !x.gone && !x.moving && len(x.queue) > 0 && x.queue[0].ready {
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
		x.end(l.ending, "scripted")
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
	x.end(l.ending, "scripted")
	if x.s.opt.CloseAfterAnswer {
		x.close("after the answer")
	}
}
