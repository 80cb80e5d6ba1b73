// Package atol is the host side of the emulated register: the ATOL protocol,
// level 2 or 3, as a byte machine around a [kkm.Register]. It answers like a
// small fiscal registrar for Kazakhstan: 56 columns, sections 1 to 16, no
// protected memory, no printed text to be read back.
//
// It is a test double. The makers of host protocols forbid their use inside other
// cash registers: never ship it as, or inside, one.
//
// The machine decides nothing that the register decides: who may do what, when
// a shift is too long, what the OFD said. It asks [kkm.Register.May] and
// [kkm.Register.Do] and translates their reasons into error codes, so that a
// defect of the register shows through. What it does by itself is the line, the
// modes, the open receipt in its work memory, and the registers and tables that
// a host reads.
//
// What the protocol has no field for it takes from the notes of package double,
// unless it is told to be [Options.Plain]; a plain one is what a real register
// could be told.
//
// Begin with [New] and [Host.Receive]; level2.go and level3.go are the line,
// commands.go the dispatch, receipt.go the open receipt, status.go what can be read.
package atol

import (
	"strconv"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/atol/frame"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
)

// Options of a host side. The zero value is good.
type Options struct {
	Level int // 2 or 3; 0 is 2
	// Plain hides that the register is the bench's own, so that drivers tell it no
	// more than they could tell any other.
	Plain bool
	// Sections tells the taxes of the sections; nil: [Sections].
	Sections map[int]*fiscal.MilliPercent
	// React is how long the register takes to answer a byte; 1 ms when zero.
	React time.Duration
}

// Sections are the taxes that the sections of an emulated register have: 16 % in
// the first two, none in the others.
func Sections() map[int]*fiscal.MilliPercent {
	m := map[int]*fiscal.MilliPercent{}
	for n := 1; n <= sections; n++ {
		m[n] = nil
		if n <= 2 {
			rate := fiscal.MilliPercent(16000)
			m[n] = &rate
		}
	}
	return m
}

// sections is how many the Kazakh models have (1).
const sections = 16

// register is what the machine needs of a kkm.Register.
type register interface {
	Do(op fiscal.Op, done func(kkm.Reply))
	May(op fiscal.Op) kkm.Reason
	Operator(password string) int
	Printing() bool
	State() kkm.State
	Profile() kkm.Profile
	Setting(s fiscal.Setting) string
}

// Host is the host side of one register. All its methods are called on the loop.
type Host struct {
	loop clock.Loop
	r    register
	send func([]byte)
	o    Options
	life int // counts power cuts: callbacks of an earlier life do nothing

	l2 level2
	l3 level3

	mode  byte     // 0 to 4
	pw    uint32   // with which it was entered
	state byte     // of a report under way, 0: none
	open  *receipt // the open receipt, in work memory
	date  time.Time
}

// New connects a register with a line: send takes the bytes for the host.
func New(loop clock.Loop, r *kkm.Register, send func([]byte), o Options) *Host {
	return newHost(loop, r, send, o)
}

func newHost(loop clock.Loop, r register, send func([]byte), o Options) *Host {
	if o.Sections == nil {
		o.Sections = Sections()
	}
	if o.React <= 0 {
		o.React = time.Millisecond
	}
	return &Host{loop: loop, r: r, send: send, o: o}
}

// Reset is a power cut: mode, open receipt and everything on the line are gone.
// The machine notices by itself a register that is off whenever a byte comes;
// Reset is for a cut that begins and ends between two bytes.
func (h *Host) Reset() {
	h.life++
	h.l2.reset()
	h.l3.reset()
	h.mode, h.pw, h.state, h.open, h.date = 0, 0, 0, nil, time.Time{}
}

// Receive takes bytes from the host.
func (h *Host) Receive(p []byte) {
	if !h.r.State().On {
		h.Reset()
		return
	}
	for _, b := range p {
		if h.o.Level == 3 {
			h.byte3(b)
		} else {
			h.byte2(b)
		}
	}
	if h.o.Level != 3 {
		h.watchGap()
	}
}

// after runs f later, unless the power was cut meanwhile.
func (h *Host) after(d time.Duration, f func()) clock.Timer {
	life := h.life
	return h.loop.AfterFunc(d, func() {
		if h.life == life && h.r.State().On {
			f()
		}
	})
}

// paperPoll is how often the machine looks whether the paper has stopped.
const paperPoll = 20 * time.Millisecond

// printed calls f when nothing prints any more. A document in the middle of which
// the paper went away is not through before it is back.
func (h *Host) printed(f func()) {
	if !h.r.Printing() {
		f()
		return
	}
	h.after(paperPoll, func() { h.printed(f) })
}

// paperPatience is how long a document that is registered waits for paper before
// the register answers that there is none.
const paperPatience = 15 * time.Second

// through is printed for an answer, with the error 67h when the paper does not come back.
func (h *Host) through(f func(code byte)) {
	until := h.loop.Now().Mono + paperPatience
	var look func()
	look = func() {
		switch {
		case !h.r.Printing():
			f(frame.OK)
		case !h.r.State().Paper && h.loop.Now().Mono >= until:
			f(frame.ErrNoPaper)
		default:
			h.after(paperPoll, look)
		}
	}
	look()
}

// typed is a password as a person would type it.
func typed(pw uint32) string { return strconv.FormatUint(uint64(pw), 10) }

// execute runs a command; reply is called once, at once or later, and not after a
// power cut. An empty answer is none at all.
func (h *Host) execute(cmd []byte, reply func(ans []byte)) {
	life := h.life
	h.command(cmd, func(b *frame.Body) {
		if h.life != life || !h.r.State().On {
			return
		}
		if b == nil {
			reply(nil)
			return
		}
		ans, err := b.Bytes()
		if err != nil { // a value of the register that the field cannot hold
			ans, _ = frame.Answer(frame.ErrPrice).Raw(0).Bytes()
		}
		reply(ans)
	})
}
