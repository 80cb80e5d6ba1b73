package atol

import (
	"bytes"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/atol/frame"
)

// The register's times and attempts on level 2: those of the host (3.2), since
// no source has others.
const (
	askTime   = 500 * time.Millisecond // for ACK to ENQ
	askTries  = 5
	ackTime   = 500 * time.Millisecond // for ACK to a frame
	ackTries  = 10
	takenTime = 500 * time.Millisecond // for EOT behind a frame
	lineTime  = 2 * time.Second        // for a frame behind ENQ
	gapTime   = 100 * time.Millisecond // inside a frame
)

// phase is where the exchange stands.
type phase uint8

const (
	quiet   phase = iota
	granted       // the host has the line, a frame may come
	taken         // a frame was acknowledged, EOT must come
	running       // the command is being executed
	asking        // the register wants the line for its answer
	telling       // the answer was sent, ACK must come
)

type level2 struct {
	phase phase
	dec   frame.Decoder
	cmd   []byte // with the access password
	ans   []byte // the frame of the answer
	tries int
	timer clock.Timer
	gap   clock.Timer
}

func (l *level2) stop() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
}

func (l *level2) reset() {
	l.stop()
	if l.gap != nil {
		l.gap.Stop()
	}
	*l = level2{}
}

// to changes the phase; d later f is called unless the phase changed meanwhile.
func (h *Host) to(p phase, d time.Duration, f func()) {
	l := &h.l2
	l.stop()
	l.phase = p
	if f != nil {
		l.timer = h.after(d, f)
	}
}

func (h *Host) rest() { h.to(quiet, 0, nil) }

func (h *Host) say(p ...byte) { h.after(h.o.React, func() { h.send(p) }) }

func (h *Host) byte2(b byte) {
	l := &h.l2
	if l.dec.Inside() || b == frame.STX && (l.phase == granted || l.phase == taken) {
		switch l.dec.Feed(b) {
		case frame.Whole:
			h.frame2(bytes.Clone(l.dec.Data()))
		case frame.Broken:
			h.say(frame.NAK)
		}
		return
	}
	switch l.phase {
	case quiet:
		if b != frame.ENQ {
			return
		}
		if h.r.State().Testing {
			h.say(frame.NAK)
			return
		}
		h.say(frame.ACK)
		h.to(granted, lineTime, h.rest)
	case granted:
		switch b {
		case frame.ENQ:
			h.say(frame.ACK)
			h.to(granted, lineTime, h.rest)
		case frame.EOT:
			h.rest()
		}
	case taken:
		if b == frame.EOT {
			h.run2()
		}
	case running:
		if b == frame.ENQ {
			h.say(frame.NAK) // busy
		}
	case asking:
		switch b {
		case frame.ACK:
			l.tries = 0
			h.tell()
		case frame.ENQ: // both want the line: the register insists
			h.say(frame.ENQ)
		}
	case telling:
		switch b {
		case frame.ACK:
			h.say(frame.EOT)
			h.rest()
		case frame.NAK:
			h.tell()
		case frame.EOT:
			h.rest()
		}
	}
}

// watchGap ends a frame in which the host falls silent.
func (h *Host) watchGap() {
	l := &h.l2
	if l.gap != nil {
		l.gap.Stop()
		l.gap = nil
	}
	if l.dec.Inside() {
		l.gap = h.after(gapTime, func() {
			if l.dec.Inside() {
				l.dec.Reset()
				h.say(frame.NAK)
			}
		})
	}
}

// frame2 takes a good frame. One that is repeated because its ACK was lost is acknowledged
// again and executed once.
func (h *Host) frame2(data []byte) {
	h.l2.cmd = data
	h.say(frame.ACK)
	h.to(taken, takenTime, h.run2)
}

// run2 executes the frame that was taken.
func (h *Host) run2() {
	l := &h.l2
	h.to(running, 0, nil)
	cmd := l.cmd
	if len(cmd) > frame.MaxKZ {
		h.answer2(mustBytes(frame.Answer(frame.ErrLength).Raw(0)))
		return
	}
	if len(cmd) < 3 || cmd[0] != 0 || cmd[1] != 0 { // the access password is the factory's
		h.answer2(mustBytes(frame.Answer(frame.ErrPassword).Raw(0)))
		return
	}
	h.execute(cmd[2:], h.answer2)
}

func (h *Host) answer2(ans []byte) {
	l := &h.l2
	if ans == nil { // 47h has no answer phase
		h.rest()
		return
	}
	f, err := frame.Encode(ans)
	if err != nil {
		h.rest()
		return
	}
	l.ans, l.tries = f, 0
	h.ask()
}

// ask asks for the line, until the register loses its patience and the answer is lost.
func (h *Host) ask() {
	l := &h.l2
	if l.tries++; l.tries > askTries {
		h.rest()
		return
	}
	h.say(frame.ENQ)
	h.to(asking, askTime, h.ask)
}

func (h *Host) tell() {
	l := &h.l2
	if l.tries++; l.tries > ackTries {
		h.rest()
		return
	}
	h.say(l.ans...)
	// The frame needs its time on the line before the host can acknowledge it.
	h.to(telling, ackTime+time.Duration(len(l.ans))*time.Millisecond, h.tell)
}

// mustBytes is for answers that hold nothing that could fail.
func mustBytes(b *frame.Body) []byte {
	p, err := b.Bytes()
	if err != nil {
		panic(err)
	}
	return p
}
