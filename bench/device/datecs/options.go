package datecs

import (
	"context"
	"time"

	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/datecs/frame"
	"github.com/kkmtest/kkmtest/bench/device/line"
	shtrihframe "github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Timers are the host's times (serial-datecs.md 5). A zero field takes the default
// that stands beside it.
type Timers struct {
	Silence  time.Duration // from the last byte seen to the next attempt, 500 ms
	Receipt  time.Duration // how long a register may go on saying that it works, 60 s
	Report   time.Duration // the same for reports, 120 s
	Recovery time.Duration // how long a silent register is asked what became of a command, 60 s
	Tries    int           // sendings of one frame, 7
}

// Passwords of operators, 4 to 8 digits.
type Passwords struct {
	// Operators by number. For one who is not here the factory value 0000 is tried once.
	Operators map[int]string
	// Admin is the operator who is meant by the role of an administrator; 0 is 20,
	// on the bench's own register 30.
	Admin int
}

// Groups are the tax groups 1 to 8 (letters A to H of family P) of the register.
type Groups struct {
	Rates   map[fiscal.MilliPercent]int
	Untaxed int // group of what is not taxed; 0: none is known
}

// Options of a driver. The zero value drives a register of family P with factory settings.
type Options struct {
	Family    frame.Family
	Baud      int // speed of a real line; 0 for TCP and pseudo terminals
	Passwords Passwords
	Timers    Timers
	// Groups are the tax groups. Rates differ by country and register, and a wrong
	// group would tax a line wrongly: without them no line is sold, except to the
	// bench's own register.
	Groups *Groups
	// Payments maps payment kinds to the payment of command 53: letters on P, digits
	// on X. nil is the debit card (D, 2) and the first of the others for mobile (I, 3).
	Payments map[fiscal.PaymentKind]string
	// Coding of texts. nil is Windows-1251, which the documents of other countries
	// name; the bench's own register has KZ-1048.
	Coding *shtrihframe.Coding
	// Latency is how late the bench may notice a byte that has arrived.
	Latency time.Duration
	// Reopen opens the port again after it was lost. nil: a lost port is an error.
	Reopen func(ctx context.Context) (device.Port, error)
}

func (o Options) withDefaults() Options {
	t := &o.Timers
	t.Silence = line.Or(t.Silence, 500*time.Millisecond)
	t.Receipt = line.Or(t.Receipt, 60*time.Second)
	t.Report = line.Or(t.Report, 120*time.Second)
	t.Recovery = line.Or(t.Recovery, 60*time.Second)
	t.Tries = line.Or(t.Tries, 7)
	if o.Payments == nil {
		o.Payments = map[fiscal.PaymentKind]string{fiscal.Card: "D", fiscal.Mobile: "I"}
		if o.Family == frame.X {
			o.Payments = map[fiscal.PaymentKind]string{fiscal.Card: "2", fiscal.Mobile: "3"}
		}
	}
	return o
}
