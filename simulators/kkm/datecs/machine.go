package datecs

import (
	"bytes"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/datecs/frame"
)

// The register's times (3, 5).
const (
	synTime = 60 * time.Millisecond  // between the signs of a register that works
	gapTime = 100 * time.Millisecond // inside a frame
)

// machine is the state of the line.
type machine struct {
	dec     frame.Decoder
	gap     clock.Timer
	syn     clock.Timer
	seen    bool // a number was taken since power-on
	seq     byte // the last one
	running bool // its command is being executed
	last    []byte
}

func (m *machine) reset(f frame.Family) {
	for _, t := range []clock.Timer{m.gap, m.syn} {
		if t != nil {
			t.Stop()
		}
	}
	*m = machine{dec: frame.Decoder{Family: f}}
}

func (h *Host) say(p ...byte) { h.after(h.o.React, func() { h.send(p) }) }

func (h *Host) byteIn(b byte) {
	switch m := &h.m; m.dec.Feed(b) {
	case frame.Broken:
		h.say(frame.NAK)
	case frame.Whole:
		x := m.dec.Frame()
		x.Data = bytes.Clone(x.Data)
		h.frame(x)
	}
}

// watchGap ends a frame in which the host falls silent.
func (h *Host) watchGap() {
	m := &h.m
	if m.gap != nil {
		m.gap.Stop()
		m.gap = nil
	}
	if m.dec.Inside() {
		m.gap = h.after(gapTime, func() {
			if m.dec.Inside() {
				m.dec.Reset()
				h.say(frame.NAK)
			}
		})
	}
}

// frame takes a good frame. A number that was taken last is never executed again:
// its answer is repeated.
func (h *Host) frame(x frame.Frame) {
	m := &h.m
	switch {
	case m.seen && x.Seq == m.seq && m.running:
		return // SYN tells that it works
	case m.seen && x.Seq == m.seq:
		h.say(m.last...)
		return
	case m.running:
		return
	}
	m.seen, m.seq, m.running = true, x.Seq, true
	h.work()
	life := h.life
	h.command(x, func(data []byte, s0, s1 byte) {
		if h.life != life || !h.r.State().On {
			return
		}
		m.running = false
		if m.syn != nil {
			m.syn.Stop()
			m.syn = nil
		}
		raw, err := h.o.Family.Encode(frame.Frame{Seq: x.Seq, Cmd: x.Cmd, Data: data, Status: h.status(s0, s1)})
		if err != nil { // longer than a frame: cannot be told
			raw, _ = h.o.Family.Encode(frame.Frame{Seq: x.Seq, Cmd: x.Cmd, Status: h.status(frame.S0Error, frame.S1Overflow)})
		}
		m.last = raw
		h.say(raw...)
	})
}

// work says SYN while a command is being executed.
func (h *Host) work() {
	h.m.syn = h.after(synTime, func() {
		if h.m.running {
			h.send([]byte{frame.SYN})
			h.work()
		}
	})
}
