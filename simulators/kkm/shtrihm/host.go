// Package shtrihm is the host side of the emulated register: the Shtrih-M
// protocol as a byte machine around a [kkm.Register]. It answers like a Yarus
// terminal for Kazakhstan (model 27, language 3), with a print buffer added.
//
// It is a test double. The makers of the protocol forbid its use inside other
// cash registers: never ship it as, or inside, one.
//
// The machine decides nothing that the register decides: who may do what, when
// a shift is too long, what the OFD said. It asks [kkm.Register.May] and
// [kkm.Register.Do] and translates their reasons into error codes, so that a
// defect of the register shows through. What it does by itself is the line
// (acknowledgements, time-outs, repeated answers), the open receipt in its work
// memory, and the tables and registers that a host reads.
//
// Begin with [New] and [Host.Receive]; machine.go is the line, commands.go the
// dispatch, receipt.go the open receipt, tables.go what can be read.
package shtrihm

import (
	"strconv"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
)

// Options of a host side. The zero value is good.
type Options struct {
	// ByteTimeout is the silence that ends a frame and the time that the register
	// waits before it reacts to ENQ and acknowledges a frame; 10 ms when zero.
	// The documents give 50 ms as the factory value; command 14h changes it.
	ByteTimeout time.Duration
	// VAT are the rates of the tax groups 1 to 4; nil: 16, 12, 5 and 0 %.
	VAT []fiscal.MilliPercent
}

// defaultByteTimeout lies in the range that a bench sets with 14h to work faster.
const defaultByteTimeout = 10 * time.Millisecond

// register is what the machine needs of a kkm.Register.
type register interface {
	Do(op fiscal.Op, done func(kkm.Reply))
	May(op fiscal.Op) kkm.Reason
	Operator(password string) int
	Printing() bool
	State() kkm.State
	Profile() kkm.Profile
	Printed() []string
	ClearPrinted()
	Archive(shift uint32) []string
	Setting(s fiscal.Setting) string
}

// Host is the host side of one register. All its methods are called on the loop.
type Host struct {
	loop clock.Loop
	r    register
	send func([]byte)
	vat  []fiscal.MilliPercent

	subtype byte // as FCh tells it

	line line

	open    *receipt  // the open receipt, in work memory
	date    time.Time // sent by 22h and not confirmed yet; zero: none
	reports uint16    // X reports since power-on (operation register 158)
	tape    []string  // that B3 has not told yet
}

// New connects a register with a line: send takes the bytes for the host.
func New(loop clock.Loop, r *kkm.Register, send func([]byte), o Options) *Host {
	return newHost(loop, r, send, o)
}

func newHost(loop clock.Loop, r register, send func([]byte), o Options) *Host {
	h := &Host{loop: loop, r: r, send: send, vat: o.VAT, subtype: frame.SubtypeDouble}
	h.line.wait = o.ByteTimeout
	if h.line.wait <= 0 {
		h.line.wait = defaultByteTimeout
	}
	if h.vat == nil {
		h.vat = []fiscal.MilliPercent{16000, 12000, 5000, 0}
	}
	h.vat = h.vat[:min(len(h.vat), 4)]
	return h
}

// Reset is a power cut: everything that is not in the register's own memory is
// gone, the pending answer and the open receipt too. The machine notices by
// itself a register that is off whenever a byte comes; Reset is for a cut that
// begins and ends between two bytes.
func (h *Host) Reset() {
	h.line.reset()
	h.open, h.date, h.reports, h.tape = nil, time.Time{}, 0, nil
}

// Receive takes bytes from the host.
func (h *Host) Receive(p []byte) {
	if !h.r.State().On {
		h.Reset()
		return
	}
	for _, b := range p {
		h.byteIn(b)
	}
	h.watchGap()
}

// answer builds the answer to a command.
func answer(c frame.Code, code byte) *frame.Body { return frame.New(c).Byte(code) }

// typed is a password as a person would type it.
func typed(pw uint32) string { return strconv.FormatUint(uint64(pw), 10) }
