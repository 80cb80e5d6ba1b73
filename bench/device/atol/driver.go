// Package atol drives a register that speaks the ATOL host protocol, level 2 or
// 3: Аура-01ФР-KZ, PayVKP-80KZ and their relatives (serial-atol.md).
//
// It writes down every byte and never repeats a command that moves money before
// the register has said that it did not execute it. It never judges, and it
// sends none of the service commands (general reset 77h, protection codes 6Dh,
// power CEh).
//
// Begin with [Open]. link2.go and link3.go are the two link levels, receipt.go
// how a [fiscal.Receipt] becomes commands, prove.go the questions that settle a
// lost answer.
//
// # Where the sources are thin
//
// No vendor document of this protocol is public; two or more implementations
// agree on what is not named here. Known from one source: the limit of 66 bytes
// and the sequences of reports (from drivers for Kazakhstan), some answer times,
// the request for a repeated packet of level 3, the OFD address in table 19 and
// the count of unsent documents in register 2Ch (both from online firmware of
// another country), the code of the letter Ү.
//
// Inferred: numbers of tables, rows and fields are packed decimal like all other
// numbers; a section that a return line cannot name is the first one; a text
// line directly before a discount is its name; a receipt with payments lets
// itself be cancelled after they were taken back; the answer to a closing command comes
// when the receipt has been printed. A setting is written only where the
// register reads back something of its kind, because a wrong table number would change
// something else.
//
// # What cannot be said over this protocol
//
// A line has no tax (it follows from the section, see [Options.Sections]), no
// code of the goods, and no storno; a receipt has no buyer and no reference to
// the receipt that it returns; a return line has no section; the token of the
// OFD and a self-test have no command. The driver answers
// [fiscal.Unsupported] with the reason. Only to the bench's own emulated register
// does it tell such things, by the notes of package double. The letters І and
// Ё have no codes of their own and are refused rather than replaced.
//
// No command reads printed text back: the paper is read through the control
// API, a tap, or a person.
package atol

import (
	"context"
	"fmt"
	"sync"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/atol/frame"
	"github.com/kkmtest/kkmtest/bench/device/line"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Driver is a register on a port. It implements [device.Device] and [device.Settings].
type Driver struct {
	mu sync.Mutex
	o  Options
	l  *line.Line
	c  carrier

	typ  *deviceType // answer to A5h, once it was asked
	mode int         // that the register is in, as far as the driver has brought it; -1: not known
	open *leftOver   // a receipt that may have been left open
}

// leftOver is what it takes to drop a receipt.
type leftOver struct {
	pw       uint32
	payments []payment
}

var (
	_ device.Device   = (*Driver)(nil)
	_ device.Settings = (*Driver)(nil)
)

// carrier is a link level.
type carrier interface {
	// exchange sends a command and follows it to its answer. safe allows to send
	// it again when nothing says whether it arrived.
	exchange(ctx context.Context, cmd []byte, safe bool, note string) ([]byte, error)
	// answered is when the register was ready with its last answer.
	answered() clock.Instant
	// reset says that the other side may have forgotten everything.
	reset()
}

// Open makes a driver on a port. It sends nothing yet.
func Open(loop clock.Loop, port device.Port, j history.Journal, o Options) (*Driver, error) {
	o = o.withDefaults()
	for kind, n := range o.Payments {
		if n < 2 || n > 4 {
			return nil, fmt.Errorf("atol: payment type %d of %q: want 2 to 4", n, kind)
		}
	}
	for n := range o.Passwords.Cashiers {
		if n < 1 || n > maxCashier {
			return nil, fmt.Errorf("atol: password of cashier %d: want a number from 1 to %d", n, maxCashier)
		}
	}
	for n := range o.Sections {
		if n < 1 || n > maxSection {
			return nil, fmt.Errorf("atol: tax of section %d: want a section from 1 to %d", n, maxSection)
		}
	}
	access, err := frame.BCD(int64(o.Passwords.Access), 2)
	if err != nil {
		return nil, fmt.Errorf("atol: access password: %w", err)
	}
	d := &Driver{o: o, mode: -1}
	d.l = line.New(loop, port, j, line.Options{Family: "atol", Baud: o.Baud, Latency: o.Latency, Reopen: o.Reopen, Recovery: o.Timers.Recovery}, func() {
		d.mode = -1
		d.c.reset()
	})
	switch o.Level {
	case Level2:
		d.c = &link2{Line: d.l, t: o.Timers, access: access}
	case Level3:
		d.c = &link3{Line: d.l, t: o.Timers, access: access}
	default:
		return nil, fmt.Errorf("atol: level %d: want 2 or 3", o.Level)
	}
	return d, nil
}

// The limits of the protocol's numbers (6, 1).
const (
	maxCashier = 28
	maxSection = 16
)

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
	return d.l.Perform(ctx, op, d.perform)
}

// Identity asks for type, model and serial number (A5h, 3Fh).
func (d *Driver) Identity(ctx context.Context) (history.Identity, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.deviceType(ctx)
	if err != nil {
		return history.Identity{}, d.l.Wrap("", err)
	}
	id := history.Identity{Type: fmt.Sprintf("ATOL protocol %d, level %d, type %d, model %d", t.protocol, d.o.Level, t.typ, t.model), Model: t.name, Firmware: t.firmware}
	s, err := d.full(ctx)
	if err != nil {
		return id, d.l.Wrap("", err)
	}
	id.Serial = fmt.Sprintf("%08d", s.serial)
	return id, nil
}

// State asks for mode, clock, shift and counters (3Fh, 45h, 91h) and records
// them. ShiftLong compares the end of the shift that the register names with its
// own clock. Receipts is the sum of the counters of the four types, and Unsent is
// register 2Ch where there is one.
func (d *Driver) State(ctx context.Context) (history.State, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.l.State(d.state(ctx))
}

// Setting reads a setting back (46h). Passwords are not read: they would end up
// in the record.
func (d *Driver) Setting(ctx context.Context, s fiscal.Setting) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	v, err := d.setting(ctx, s)
	return v, d.l.Wrap(fmt.Sprintf("setting %q", s), err)
}
