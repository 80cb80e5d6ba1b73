// Package datecs is the host side of the emulated register: the Datecs protocol,
// family P or X, as a byte machine around a [kkm.Register]. It answers like a
// registrar with an electronic journal.
//
// It is a test double. The makers of host protocols forbid their use inside other
// cash registers: never ship it as, or inside, one.
//
// The machine decides nothing that the register decides: who may sell, when a
// shift is too long, what the OFD said. It asks [kkm.Register.May] and
// [kkm.Register.Do] and translates their reasons into status bits and codes, so
// that a defect of the register shows through. What it does by itself is the
// line (numbers, repeated answers, SYN), the open receipt in its work memory,
// and what a host reads. Commands that carry no password (reports, cash, clock) have the
// right of whoever stands at the register.
//
// What the protocol has no field for it takes from the notes of package double,
// unless it is told to be [Options.Plain]; a plain one is what a real register
// could be told.
//
// Begin with [New] and [Host.Receive]; machine.go is the line, commands.go the
// dispatch, receipt.go the open receipt, journal.go what was printed.
package datecs

import (
	"strconv"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/datecs/frame"
	shtrihframe "github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
)

// Options of a host side. The zero value is good.
type Options struct {
	Family frame.Family
	// Plain hides that the register is the bench's own, so that drivers tell it no
	// more than they could tell any other.
	Plain bool
	// React is how long the register takes to answer; 1 ms when zero. The vendor
	// promises the first byte within 60 ms.
	React time.Duration
}

// Rates of the tax groups 1 to 4; what is in group 8 is not taxed, and the others
// are not in use.
var rates = [4]fiscal.MilliPercent{16000, 12000, 5000, 0}

// untaxed is the group without a tax.
const untaxed = 8

// coding is the code page of a register of Kazakhstan (inferred: the documents of other
// countries name Windows-1251).
const coding = shtrihframe.KZ1048

// register is what the machine needs of a kkm.Register.
type register interface {
	Do(op fiscal.Op, done func(kkm.Reply))
	May(op fiscal.Op) kkm.Reason
	Operator(password string) int
	Person(number int) string
	Printing() bool
	State() kkm.State
	Profile() kkm.Profile
	Printed() []string
	ClearPrinted()
	Setting(s fiscal.Setting) string
}

// Host is the host side of one register. All its methods are called on the loop.
type Host struct {
	loop clock.Loop
	r    register
	send func([]byte)
	o    Options
	life int // counts power cuts: callbacks of an earlier life do nothing

	m machine

	open    *receipt // the open receipt, in work memory
	service *string  // text of the open service receipt
	last    summary  // of the last receipt
	wrong   int      // refused passwords in a row
	failed  failure  // the last refusal, for command 32
	journal [][]string
	reading []string // rest of the selected document
	chosen  bool
}

// summary is what 76 tells of the last receipt.
type summary struct {
	items int
	sum   fiscal.Tiyn
	paid  fiscal.Tiyn
}

// failure is a refusal that a host may ask about.
type failure struct {
	cmd  byte
	code int
	text string
}

// New connects a register with a line: send takes the bytes for the host.
func New(loop clock.Loop, r *kkm.Register, send func([]byte), o Options) *Host {
	return newHost(loop, r, send, o)
}

func newHost(loop clock.Loop, r register, send func([]byte), o Options) *Host {
	if o.React <= 0 {
		o.React = time.Millisecond
	}
	h := &Host{loop: loop, r: r, send: send, o: o}
	h.m.dec.Family = o.Family
	return h
}

// Reset is a power cut: the open receipt, the answer kept for a repeated number
// and the choice of a journal document are gone, the journal stays. The machine
// notices by itself a register that is off whenever a byte comes; Reset is for a
// cut that begins and ends between two bytes.
func (h *Host) Reset() {
	h.life++
	h.m.reset(h.o.Family)
	h.open, h.service, h.wrong, h.failed, h.reading, h.chosen = nil, nil, 0, failure{}, nil, false
}

// Receive takes bytes from the host. During its self-test the register is deaf.
func (h *Host) Receive(p []byte) {
	switch s := h.r.State(); {
	case !s.On:
		h.Reset()
		return
	case s.Testing:
		return
	}
	for _, b := range p {
		h.byteIn(b)
	}
	h.watchGap()
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
// the paper went away is not through before it is back; after a while the register
// answers all the same, and its status tells of the paper.
func (h *Host) printed(f func()) {
	until := h.loop.Now().Mono + paperPatience
	var look func()
	look = func() {
		if !h.r.Printing() || !h.r.State().Paper && h.loop.Now().Mono >= until {
			f()
			return
		}
		h.after(paperPoll, look)
	}
	look()
}

// paperPatience is how long an answer waits for paper.
const paperPatience = 15 * time.Second

func (h *Host) x() bool { return h.o.Family == frame.X }

// status are the status bytes (6): a fiscalised register whose ids and rates are set.
func (h *Host) status(s0, s1 byte) []byte {
	s2 := byte(0x80)
	if !h.r.State().Paper {
		s2 |= frame.S2NoPaper
		s0 |= frame.S0Error
	}
	if h.open != nil {
		s2 |= frame.S2Receipt
		if h.open.storno && !h.x() {
			s1 |= frame.S1Storno
		}
	}
	if h.service != nil {
		s2 |= frame.S2Service
	}
	p := []byte{0x80 | s0, 0x80 | s1, s2, 0x80, 0x86, 0x9A}
	if h.x() {
		p = append(p, 0x80, 0x80)
	}
	return p
}

func itoa(n int) string { return strconv.Itoa(n) }

// padded is a sum in minor units, as family P tells it.
func padded(t fiscal.Tiyn, width int) string {
	s := strconv.FormatInt(int64(max(t, -t)), 10)
	for len(s) < width {
		s = "0" + s
	}
	return s
}
