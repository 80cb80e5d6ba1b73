// Package probe finds out what hangs on a port: protocol, speed, model. It asks
// each protocol's question for the type of the device, at the usual speeds, the most
// frequent first.
//
// It prints nothing, changes nothing and needs no password: it sends single control bytes,
// and a frame only where they were answered or where the protocol has none, and
// the frames are questions for type and status. It never tries a command that a register could
// take for an effect.
//
// A raw receipt printer is no register: the questions of the protocols without a
// handshake may leave letters in its buffer.
//
// Begin with [Line] and [Find].
package probe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
)

// Speeds are tried in this order: what new and old registers come with, then the rest.
var Speeds = []int{115200, 9600, 57600, 38400, 19200, 4800}

// Found is a register.
type Found struct {
	Protocol string `json:"protocol"`
	Variant  string `json:"variant,omitempty"` // level=3, family=x
	Baud     int    `json:"baud,omitempty"`    // 0: the line has none
	Model    string `json:"model,omitempty"`
	Serial   string `json:"serial,omitempty"`
	Type     string `json:"type,omitempty"` // version of the protocol and more, in the register's own words
}

// Wire is one thing that was sent or received.
type Wire struct {
	Sent bool
	Data []byte
	Baud int
}

// Line is a way to a register.
type Line struct {
	Loop clock.Loop
	// Open opens the line at a speed; 0 where there is none.
	Open func(ctx context.Context, baud int) (device.Port, error)
	// Speeds to try; a line without speed has the one 0.
	Speeds []int
	// Note, if any, is told every byte.
	Note func(Wire)
}

// The waits. A register may take its byte time-out, 100 ms by default, before it reacts
// to a control byte; the drivers wait longer, because they have no reason to hurry.
const (
	controlWait = 400 * time.Millisecond
	frameWait   = 350 * time.Millisecond // first byte of an answer to a question without handshake
	answerWait  = 1500 * time.Millisecond
	gapWait     = 150 * time.Millisecond // between bytes
)

// ErrNothing says that no register answered.
var ErrNothing = errors.New("no register answers in a protocol that is known")

// Find tries speeds and protocols until one answers as a register does.
func Find(ctx context.Context, l Line) (Found, error) {
	for _, asks := range [][]func(*talk) (Found, bool){{handshake, datecsP, datecsX, atol3}, {shtrihAlt}} {
		for _, baud := range l.Speeds {
			f, err := at(ctx, l, baud, asks)
			if err == nil {
				f.Baud = baud
				return f, nil
			}
			if !errors.Is(err, ErrNothing) {
				return Found{}, err
			}
		}
	}
	return Found{}, ErrNothing
}

// at tries the protocols at one speed.
func at(ctx context.Context, l Line, baud int, asks []func(*talk) (Found, bool)) (f Found, err error) {
	port, err := l.Open(ctx, baud)
	if err != nil {
		return Found{}, err
	}
	t := &talk{ctx: ctx, l: l, port: port, baud: baud}
	defer func() { err = errors.Join(err, port.Close()) }()
	t.drain(gapWait)
	for _, ask := range asks {
		f, ok := ask(t)
		switch {
		case t.err != nil:
			return Found{}, t.err
		case ok:
			return f, nil
		}
		t.drain(gapWait)
	}
	return Found{}, ErrNothing
}

// talk is a port at a speed. The first trouble of the bench ends it.
type talk struct {
	ctx  context.Context
	l    Line
	port device.Port
	baud int
	err  error
}

func (t *talk) send(p ...byte) {
	if t.err != nil {
		return
	}
	if t.l.Note != nil {
		t.l.Note(Wire{Sent: true, Data: p, Baud: t.baud})
	}
	if err := t.port.Write(t.ctx, p); err != nil {
		t.err = fmt.Errorf("probe: %w", err)
	}
}

// byte takes one byte; ok is false after d of silence.
func (t *talk) byte(d time.Duration) (b byte, ok bool) {
	if t.err != nil {
		return 0, false
	}
	var p [1]byte
	n, err := t.port.Read(t.ctx, p[:], d)
	if err != nil {
		t.err = fmt.Errorf("probe: %w", err)
		return 0, false
	}
	if n == 1 && t.l.Note != nil {
		t.l.Note(Wire{Data: []byte{p[0]}, Baud: t.baud})
	}
	return p[0], n == 1
}

// until takes bytes until want comes, and says which of them it was.
func (t *talk) until(d time.Duration, want ...byte) (byte, bool) {
	end := t.l.Loop.Now().Add(d)
	for {
		left := end.Mono - t.l.Loop.Now().Mono
		if left <= 0 {
			return 0, false
		}
		b, ok := t.byte(left)
		if !ok {
			return 0, false
		}
		for _, w := range want {
			if b == w {
				return b, true
			}
		}
	}
}

// feeder takes bytes and says when a frame is whole or broken.
func (t *talk) frame(first, gap time.Duration, feed func(b byte) (over bool)) {
	wait := first
	for range 4096 {
		b, ok := t.byte(wait)
		if !ok || feed(b) {
			return
		}
		wait = gap
	}
}

// drain throws away what comes until the line is silent.
func (t *talk) drain(silence time.Duration) {
	for range 4096 {
		if _, ok := t.byte(silence); !ok {
			return
		}
	}
}
