package shtrihm

import (
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
)

// level is the link level, chosen by the first byte after power-on (4).
type level uint8

const (
	undecided level = iota
	standard
	alternative
)

// line is the state of the link.
type line struct {
	wait  time.Duration // byte timeout
	level level
	std   frame.Decoder
	alt   frame.AltDecoder
	gap   clock.Timer

	life    int    // counts power cuts: callbacks of an earlier life do nothing
	running bool   // a command is being executed
	pending []byte // standard level: the answer that was not acknowledged yet
	num     uint16 // alternative level: number executed last
	runNum  uint16 // and the one that is being executed
	last    []byte // its answer
}

func (l *line) reset() {
	if l.gap != nil {
		l.gap.Stop()
	}
	*l = line{wait: l.wait, life: l.life + 1}
}

// later runs f after the byte timeout, unless the power was cut meanwhile.
func (h *Host) later(f func()) {
	life := h.line.life
	h.loop.AfterFunc(h.line.wait, func() {
		if h.line.life == life && h.r.State().On {
			f()
		}
	})
}

func (h *Host) byteIn(b byte) {
	l := &h.line
	if l.level == undecided {
		switch b {
		case frame.ENQ, frame.STX:
			l.level = standard
		case frame.AltSTX:
			l.level = alternative
		default:
			return
		}
	}
	if l.level == alternative {
		if l.alt.Feed(b) == frame.Whole {
			p := l.alt.Packet()
			p.Data = append([]byte(nil), p.Data...)
			h.later(func() { h.packet(p) })
		}
		return // a damaged packet is silence on this level
	}
	inside := l.std.Inside()
	switch l.std.Feed(b) {
	case frame.Whole:
		body := append([]byte(nil), l.std.Body()...)
		h.later(func() { h.frame(body) })
	case frame.Broken:
		h.later(h.nak)
	case frame.Idle:
		if !inside {
			h.control(b)
		}
	}
}

// watchGap ends a frame in which the host falls silent: a line error.
func (h *Host) watchGap() {
	l := &h.line
	if l.gap != nil {
		l.gap.Stop()
		l.gap = nil
	}
	if !l.std.Inside() && !l.alt.Inside() {
		return
	}
	l.gap = h.loop.AfterFunc(l.wait, func() {
		if l.std.Inside() {
			l.std.Reset()
			h.nak()
		}
		l.alt.Reset()
	})
}

func (h *Host) nak() { h.send([]byte{frame.NAK}) }

// control is a control byte of the standard level.
func (h *Host) control(b byte) {
	l := &h.line
	switch b {
	case frame.ENQ:
		h.later(func() {
			if !l.running && l.pending == nil {
				h.nak()
				return
			}
			h.send([]byte{frame.ACK})
			if l.pending != nil {
				h.send(l.pending)
			}
		})
	case frame.ACK:
		l.pending = nil
	case frame.NAK:
		// Nothing: the answer waits for the next ENQ (3.2).
	}
}

// frame is a good frame of the standard level.
func (h *Host) frame(body []byte) {
	l := &h.line
	if l.running {
		return // silence: the host asks by ENQ
	}
	l.pending = nil // a new command drops the answer before it
	h.send([]byte{frame.ACK})
	h.execute(body, func(ans []byte) {
		f, err := frame.Encode(ans)
		if err != nil { // an answer longer than a frame: say so as the register would
			f, _ = frame.Encode(mustBytes(answer(frame.CodeOf(body), frame.ErrLength)))
		}
		l.pending = f
		h.send(f)
	})
}

// packet is a good packet of the alternative level: only the next number is
// executed, everything else gets the last answer again (4).
func (h *Host) packet(p frame.Packet) {
	l := &h.line
	if l.running {
		return
	}
	if p.Ping || p.Num != l.num+1 {
		h.sendPacket()
		return
	}
	if len(p.Data) == 0 {
		return // an empty command is no command
	}
	l.runNum = p.Num
	h.execute(p.Data, func(ans []byte) {
		l.num, l.last = l.runNum, ans
		h.sendPacket()
	})
}

func (h *Host) sendPacket() {
	f, err := frame.EncodeAlt(frame.Packet{Num: h.line.num, Data: h.line.last})
	if err != nil { // longer than a packet: cannot happen with bodies of one frame
		return
	}
	h.send(f)
}

// execute runs a command; reply is called once, at once or later, and not after
// a power cut.
func (h *Host) execute(body []byte, reply func(ans []byte)) {
	l := &h.line
	l.running = true
	life := l.life
	h.command(body, func(b *frame.Body) {
		if l.life != life || !h.r.State().On {
			return
		}
		l.running = false
		ans, err := b.Bytes()
		if err != nil { // a value of the register that the field cannot hold
			ans = mustBytes(answer(frame.CodeOf(body), frame.ErrParameters))
		}
		reply(ans)
	})
}

// mustBytes is for bodies that hold nothing that could fail.
func mustBytes(b *frame.Body) []byte {
	p, err := b.Bytes()
	if err != nil {
		panic(err)
	}
	return p
}
