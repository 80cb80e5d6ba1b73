// Package shtrihm drives a register that speaks the Shtrih-M host protocol:
// fiscal registrars, Yarus terminals and software registers with a Shtrih-M
// facade (serial-shtrih-m.md).
//
// It writes down every byte, waits for the paper, and never repeats a command
// that moves money before the register has proved that it did not execute it.
// It never judges, and it sends none of the irreversible service commands (16h,
// 27h, 60h, 61h, 65h, 0Dh).
//
// Begin with [Open]. link.go is the handshake of the standard level, alt.go the
// numbered packets of the alternative one, prove.go the questions that settle a
// lost answer, receipt.go how a [fiscal.Receipt] becomes commands.
//
// # Where the sources are thin
//
// Known from one source only: the timers and answer times (3.2), the whole
// alternative level (4), the Kazakh code page for language 3 (5), the basis
// lines of a return (8.9), the electronic read-back of printed text (8.3), the
// field numbers of table 19. No source tells how the token of the operator is
// set: the driver says that it cannot.
//
// The document does not say how a discount on the whole receipt is told from
// one on a position. The driver sends it as the percentage of the closing
// command when the sum is an exact number of hundredths of a percent, else as
// 86h or 87h directly after a subtotal (89h); a discount on a position follows
// its position.
package shtrihm

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/serialport"
	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Driver is a register on a port. It implements [device.Device],
// [device.Printer] and [device.Settings].
type Driver struct {
	tape []string // read from the register's memory, not handed out yet

	mu   sync.Mutex
	loop clock.Loop
	j    history.Journal
	o    Options
	l    *link

	typ    *deviceType        // answer to FCh, once it was asked
	fields map[fieldKey]field // structures of table fields, once they were asked
	vat    map[fiscal.MilliPercent]int
	open   *uint32 // password of the operator whose receipt may have been left open
}

var (
	_ device.Device   = (*Driver)(nil)
	_ device.Printer  = (*Driver)(nil)
	_ device.Settings = (*Driver)(nil)
)

// Open makes a driver on a port. It sends nothing yet.
func Open(loop clock.Loop, port device.Port, j history.Journal, o Options) (*Driver, error) {
	bt := serialport.ByteTime(o.Baud)
	o = o.withDefaults(bt)
	for rate, g := range o.VAT {
		if g < 1 || g > 4 {
			return nil, fmt.Errorf("shtrih-m: tax group %d of VAT %v %%: want 1 to 4", g, rate)
		}
	}
	for kind, n := range o.Payments {
		if n < 2 || n > 4 {
			return nil, fmt.Errorf("shtrih-m: payment type %d of %q: want 2 to 4", n, kind)
		}
	}
	for n := range o.Passwords.Cashiers {
		if n < 1 || n > 28 {
			return nil, fmt.Errorf("shtrih-m: password of cashier %d: want a number from 1 to 28", n)
		}
	}
	return &Driver{
		loop: loop, j: j, o: o, vat: o.VAT, fields: map[fieldKey]field{},
		l: &link{loop: loop, port: port, j: j, o: o, byteTime: bt},
	}, nil
}

// Close releases the port.
func (d *Driver) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.l.port.Close()
}

// Do performs one operation.
func (d *Driver) Do(ctx context.Context, op fiscal.Op) (fiscal.Outcome, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	intent, err := d.j.Append(history.Driver, history.Intent{Op: op})
	if err != nil {
		return fiscal.Outcome{}, fmt.Errorf("shtrih-m: %w", err)
	}
	if err := d.j.Barrier(); err != nil {
		return fiscal.Outcome{}, fmt.Errorf("shtrih-m: %w", err)
	}
	d.l.begin(intent)
	defer d.l.begin(0)
	w := &work{op: op}
	err = d.run(ctx, w)
	if err != nil && w.out.Text == "" {
		w.out.Text = err.Error()
	}
	res := w.result(d)
	if _, e := d.j.Append(history.Driver, res, intent); e != nil {
		return w.out, errors.Join(err, fmt.Errorf("shtrih-m: %w", e))
	}
	if e := d.j.Barrier(); e != nil {
		err = errors.Join(err, fmt.Errorf("shtrih-m: %w", e))
	}
	return w.out, err
}

// coding is the coding of texts: as told, or by the language of the register.
func (d *Driver) coding(ctx context.Context) (frame.Coding, error) {
	if d.o.Coding != nil {
		return *d.o.Coding, nil
	}
	t, err := d.deviceType(ctx)
	if err != nil {
		return 0, err
	}
	if t.language == languageKazakh {
		return frame.KZ1048, nil
	}
	return frame.CP1251, nil
}
