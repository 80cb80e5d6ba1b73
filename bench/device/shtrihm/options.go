package shtrihm

import (
	"context"
	"time"

	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Level is the link level of the protocol.
type Level uint8

// The levels. Standard is what every known Kazakh register speaks; the
// alternative one is described by the vendor and one implementation only
// (serial-shtrih-m.md 4).
const (
	Standard Level = iota
	Alternative
)

// Timers are the host's times, named as in serial-shtrih-m.md 3.2. A zero field
// takes the default that stands beside it.
type Timers struct {
	Control  time.Duration // wait for ACK or NAK, 1 s; 3 s for Bluetooth and virtual ports
	Byte     time.Duration // silence that ends a frame: 100 ms, at least three byte times
	Pause    time.Duration // between fruitless ENQ, 200 ms
	Patience time.Duration // how long a register that acknowledges ENQ may keep an answer back, 180 s
	Recovery time.Duration // how long a silent register is asked for what became of a command, 60 s
	Poll     time.Duration // between questions whether the paper has stopped, 200 ms
	Print    time.Duration // how long paper may move, 60 s
	PrintZ   time.Duration // the same for the Z report, 120 s
	Repeat   time.Duration // alternative level: silence after which a packet is repeated, 1 s
	Tries    Tries
}

// Tries are the numbers of attempts; zero fields take the defaults.
type Tries struct {
	ENQ    int // 10
	Frame  int // 3
	Answer int // 3
}

// Passwords are numbers on the line.
type Passwords struct {
	Cashiers map[int]uint32 // by number 1..28; a cashier who is not here has the own number
	Admin    uint32         // reports, settings, clock; 0 is the factory value 30
}

// Options of a driver. The zero value drives a register with factory settings
// over the standard level.
type Options struct {
	Level     Level
	Baud      int // speed of a real line, to count the time that bytes take; 0 for TCP and pseudo terminals
	Passwords Passwords
	Timers    Timers
	// Coding of texts; nil asks the register (FCh) for its language.
	Coding *frame.Coding
	// VAT maps rates to tax groups 1..4. nil reads table 6 of the register when
	// the first taxed line is sent.
	VAT map[fiscal.MilliPercent]int
	// Payments maps payment kinds to the payment types 2..4 of the closing
	// command; nil is card 2, mobile 3 (table 5 names them on the register).
	Payments map[fiscal.PaymentKind]int
	// Latency is how late the bench may notice a byte that has arrived: the port,
	// its adapter, the system. It widens every measured time; a port that knows
	// its own latency counts too, the larger one wins.
	Latency time.Duration
	// Reopen opens the port again after it was lost. nil: a lost port is an error.
	Reopen func(ctx context.Context) (device.Port, error)
}

func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

func (o Options) withDefaults(byteTime time.Duration) Options {
	t := &o.Timers
	t.Control = or(t.Control, time.Second)
	t.Byte = or(t.Byte, max(100*time.Millisecond, 3*byteTime))
	t.Pause = or(t.Pause, 200*time.Millisecond)
	t.Patience = or(t.Patience, 180*time.Second)
	t.Recovery = or(t.Recovery, 60*time.Second)
	t.Poll = or(t.Poll, 200*time.Millisecond)
	t.Print = or(t.Print, 60*time.Second)
	t.PrintZ = or(t.PrintZ, 120*time.Second)
	t.Repeat = or(t.Repeat, time.Second)
	t.Tries.ENQ = or(t.Tries.ENQ, 10)
	t.Tries.Frame = or(t.Tries.Frame, 3)
	t.Tries.Answer = or(t.Tries.Answer, 3)
	o.Passwords.Admin = or(o.Passwords.Admin, 30)
	if o.Payments == nil {
		o.Payments = map[fiscal.PaymentKind]int{fiscal.Card: 2, fiscal.Mobile: 3}
	}
	return o
}

// answerTime is how long a register may take for a command before the host
// looks whether it is alive (3.2; from one vendor driver).
func answerTime(c frame.Code) time.Duration {
	switch c {
	case frame.ShortStatus, frame.FullStatus:
		return 3 * time.Second
	case frame.ZReport:
		return 65 * time.Second
	case frame.TapeByShift, frame.BindMark:
		return 40 * time.Second
	case frame.TapeLine:
		return 5 * time.Second
	case frame.OpenShift:
		return 120 * time.Second
	default:
		return 30 * time.Second
	}
}
