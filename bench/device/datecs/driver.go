// Package datecs drives a register that speaks the Datecs host protocol, family
// P (classic: ПОРТ FP-300, FP-550, FP-1000, FP-3530T) or X (serial-datecs.md).
//
// It writes down every byte. A frame whose answer was lost is repeated with its
// own number only, which the register answers from memory; a command that moves
// money gets a new number only after the register has said that it did not execute it.
// It never judges, and it stops after the first refused password, because three
// of them lock the register.
//
// Begin with [Open]. link.go is the exchange, receipt.go how a [fiscal.Receipt]
// becomes commands, prove.go the questions that settle a lost answer, journal.go
// how printed text is read back.
//
// # Where the sources are thin
//
// No edition of the command document for Kazakhstan is public. Framing, status
// bits and the rule about repeated numbers stand in two or more sources; command layouts
// come from the vendor's documents of one other country and one or two
// implementations. Editions differ in storno, tax groups, field order and
// amounts: nothing here is proved for a register of Kazakhstan, and that the
// registers named above speak family P is inferred from their names.
//
// Known from one implementation: operator 20 as the administrator of family X,
// the factory password 0000 there, codes of pin pads. Inferred: the day is open when
// something has been counted in it, because no command says so; a line without a
// department is sold in the first section; what the discount types 3 and 4 of
// family X mean (one gateway); the payments that stand for a mobile payment; the
// number that 76 tells on family X is that of the last receipt.
//
// # What cannot be said over this protocol
//
// Reports, cash movements, clock and settings carry no password and, but for
// sales, no operator. A discount has no name, a position of family P no section,
// goods have no code (unless programmed), a purchase has no command, a storno
// receipt names its receipt by the number of the document only; address, port
// and token of the OFD have no command in any public edition. The driver answers
// [fiscal.Unsupported] with the reason. Only to the bench's own emulated register
// does it tell such things, by the notes of package double.
package datecs

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/datecs/frame"
	"github.com/kkmtest/kkmtest/bench/device/line"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Driver is a register on a port. It implements [device.Device],
// [device.Printer] and [device.Settings].
type Driver struct {
	mu sync.Mutex
	o  Options
	l  *line.Line
	c  *link

	info *deviceInfo // answer to 90, once it was asked
	left *leftOver   // a receipt that may have been left open
	read journal     // how far the journal was read
	let  map[int]let // by operator
	last told        // the operation before, for what is printed late

	pw    map[int]string // passwords that were told or programmed
	wrong int            // refused passwords since the driver was opened
}

// told is an operation that is over.
type told struct {
	op      fiscal.OpID
	intent  history.Seq
	unknown bool // its outcome
}

// leftOver is a receipt that an operation could neither finish nor drop.
type leftOver struct {
	intent history.Seq // of that operation
	base   uint64      // last document before it
}

var (
	_ device.Device   = (*Driver)(nil)
	_ device.Printer  = (*Driver)(nil)
	_ device.Settings = (*Driver)(nil)
)

// Open makes a driver on a port. It sends nothing yet.
func Open(loop clock.Loop, port device.Port, j history.Journal, o Options) (*Driver, error) {
	o = o.withDefaults()
	if o.Family != frame.P && o.Family != frame.X {
		return nil, fmt.Errorf("datecs: family %d: want P or X", o.Family)
	}
	for n, p := range o.Passwords.Operators {
		if n < 1 || n > maxOperator || !isPassword(p) {
			return nil, fmt.Errorf("datecs: password of operator %d: want a number from 1 to %d and 4 to 8 digits", n, maxOperator)
		}
	}
	if g := o.Groups; g != nil {
		for rate, n := range g.Rates {
			if n < 1 || n > 8 {
				return nil, fmt.Errorf("datecs: tax group %d of VAT %v %%: want 1 to 8", n, rate)
			}
		}
		if g.Untaxed < 0 || g.Untaxed > 8 {
			return nil, fmt.Errorf("datecs: tax group %d of what is not taxed: want 1 to 8, or 0", g.Untaxed)
		}
	}
	d := &Driver{o: o, let: map[int]let{}, pw: maps.Clone(o.Passwords.Operators)}
	if d.pw == nil {
		d.pw = map[int]string{}
	}
	d.l = line.New(loop, port, j, line.Options{Family: "datecs", Baud: o.Baud, Latency: o.Latency, Reopen: o.Reopen, Recovery: o.Timers.Recovery}, func() { d.c.synced = false })
	d.c = &link{Line: d.l, family: o.Family, t: o.Timers, seq: frame.FirstSeq}
	return d, nil
}

// maxOperator is the highest number of an operator (7: 16 on P, 30 on X; the
// bench's own register has 30 on both).
const maxOperator = 30

// isPassword says whether a text may travel as a password.
func isPassword(s string) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(s) >= 4 && len(s) <= 8
}

// Close releases the port.
func (d *Driver) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.l.Close()
}

// Do performs one operation.
func (d *Driver) Do(ctx context.Context, op fiscal.Op) (fiscal.Outcome, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.settleLeftOver(ctx); err != nil {
		return fiscal.Outcome{}, d.l.Wrap("", err)
	}
	if err := d.latePrint(ctx); err != nil {
		return fiscal.Outcome{}, d.l.Wrap("", err)
	}
	var intent history.Seq
	out, err := d.l.Perform(ctx, op, func(ctx context.Context, w *line.Work) error { intent = w.Intent; return d.perform(ctx, w) })
	d.last = told{op.ID, intent, out.Got == fiscal.Unknown}
	return out, err
}

// Identity asks for name, firmware and serial number (90).
func (d *Driver) Identity(ctx context.Context) (history.Identity, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i, err := d.deviceInfo(ctx)
	if err != nil {
		return history.Identity{}, d.l.Wrap("", err)
	}
	return history.Identity{Type: fmt.Sprintf("Datecs protocol, family %v, fiscal memory %s", d.o.Family, i.memory), Model: i.name, Serial: i.serial, Firmware: i.firmware}, nil
}

// State asks for status, clock and the counters of the day (74, 62, 64, 65, 70)
// and records them. Whether the shift is too long, the register works without a
// connection, or keeps anything unsent, the protocol cannot tell.
func (d *Driver) State(ctx context.Context) (history.State, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.l.State(d.state(ctx))
}

// Setting reads a setting back, which only the bench's own register lets.
func (d *Driver) Setting(ctx context.Context, s fiscal.Setting) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	v, err := d.setting(ctx, s)
	return v, d.l.Wrap(fmt.Sprintf("setting %q", s), err)
}

// Printed reads the documents of the electronic journal that are new since the
// last call (119, 124 and 125). A register without one gives device.ErrNotAble.
func (d *Driver) Printed(ctx context.Context) (lines []string, origin string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	lines, err = d.printed(ctx)
	return lines, "host", d.l.Wrap("printed text", err)
}
