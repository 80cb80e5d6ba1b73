package atol

import (
	"context"
	"time"

	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/atol/frame"
	"github.com/kkmtest/kkmtest/bench/device/line"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Level is the link level of the protocol.
type Level uint8

// The levels. The two known models of Kazakhstan speak level 2; no public source
// shows level 3 on a register of Kazakhstan (serial-atol.md 1).
const (
	Level2 Level = 2
	Level3 Level = 3
)

// Timers are the host's times, named as in serial-atol.md 3.2. A zero field
// takes the default that stands beside it.
type Timers struct {
	T1       time.Duration // answer to ENQ, 500 ms
	T2       time.Duration // first byte of a frame, 2 s
	T3       time.Duration // EOT, 500 ms
	T4       time.Duration // ACK to a frame, 500 ms
	T6       time.Duration // between bytes, 500 ms
	T7       time.Duration // pause after a collision, 500 ms
	Busy     time.Duration // pause after a NAK to ENQ, 500 ms
	Patience time.Duration // how long a register may say that it is busy, 180 s
	Quiet    time.Duration // what may follow a NAK before it is believed, 100 ms
	Packet   time.Duration // level 3: answer to a packet, 500 ms
	Recovery time.Duration // how long a silent register is asked what became of a command, 60 s
	Poll     time.Duration // between questions whether a report is finished, 500 ms
	Report   time.Duration // how long a report may take, 30 s
	ZReport  time.Duration // the same for the Z report, 120 s
	Tries    Tries
}

// Tries are the numbers of attempts; zero fields take the defaults.
type Tries struct {
	ENQ    int // 5
	Frame  int // 10
	Answer int // 10
}

// Passwords of modes are numbers of eight digits on the line.
type Passwords struct {
	Cashiers map[int]uint32 // by number 1..28; a cashier who is not here has the own number
	Admin    uint32         // reports, tables, clock; 0 is the factory value 30
	Access   uint16         // of the line, four digits; 0 is the factory value
}

// Sections says with which rate the register taxes what is sold in a section;
// nil is not taxed. A section that is not there is not known.
type Sections map[int]*fiscal.MilliPercent

// Options of a driver. The zero value drives a register with factory settings
// over level 2.
type Options struct {
	Level     Level
	Baud      int // speed of a real line; 0 for TCP and pseudo terminals
	Passwords Passwords
	Timers    Timers
	// Sections tells the taxes of the sections, because a line of a receipt has
	// none of its own. No source says in which field of which table they lie.
	Sections Sections
	// LatinI says that the register is known to take a Latin I between Cyrillic letters
	// for the Kazakh letter, for which its code page has no other code.
	LatinI bool
	// Payments maps payment kinds to the payment types 2..4; nil is card 2, mobile 3.
	Payments map[fiscal.PaymentKind]int
	// Latency is how late the bench may notice a byte that has arrived.
	Latency time.Duration
	// Reopen opens the port again after it was lost. nil: a lost port is an error.
	Reopen func(ctx context.Context) (device.Port, error)
}

func (o Options) withDefaults() Options {
	t := &o.Timers
	for _, d := range []struct {
		p   *time.Duration
		def time.Duration
	}{
		{&t.T1, 500 * time.Millisecond}, {&t.T2, 2 * time.Second}, {&t.T3, 500 * time.Millisecond}, {&t.T4, 500 * time.Millisecond},
		{&t.T6, 500 * time.Millisecond}, {&t.T7, 500 * time.Millisecond}, {&t.Busy, 500 * time.Millisecond}, {&t.Patience, 180 * time.Second},
		{&t.Quiet, 100 * time.Millisecond}, {&t.Packet, 500 * time.Millisecond}, {&t.Recovery, 60 * time.Second}, {&t.Poll, 500 * time.Millisecond},
		{&t.Report, 30 * time.Second}, {&t.ZReport, 120 * time.Second},
	} {
		*d.p = line.Or(*d.p, d.def)
	}
	t.Tries.ENQ = line.Or(t.Tries.ENQ, 5)
	t.Tries.Frame = line.Or(t.Tries.Frame, 10)
	t.Tries.Answer = line.Or(t.Tries.Answer, 10)
	o.Level = line.Or(o.Level, Level2)
	o.Passwords.Admin = line.Or(o.Passwords.Admin, 30)
	if o.Payments == nil {
		o.Payments = map[fiscal.PaymentKind]int{fiscal.Card: 2, fiscal.Mobile: 3}
	}
	return o
}

// answerTime is T5: when the answer to a command must begin (3.2; some of the
// values have one source only).
func answerTime(c frame.Code) time.Duration {
	switch c {
	case frame.Close, 0x8D, 0x8E, 0xA7:
		return 20 * time.Second
	case frame.ZReport:
		return 40 * time.Second
	case frame.Register:
		return 45 * time.Second
	case 0x62, 0xA6, 0xE6, 0xEA, 0xEB:
		return 50 * time.Second
	case 0xA8, 0xAB:
		return 120 * time.Second
	default:
		return 10 * time.Second
	}
}
