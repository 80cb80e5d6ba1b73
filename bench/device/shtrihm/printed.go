package shtrihm

import (
	"context"
	"errors"
	"fmt"

	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
)

// Printed reads the print buffer (C8h, C9h) and clears it (CAh). Firmware
// without one answers 37h: device.ErrNotAble (8.3).
func (d *Driver) Printed(ctx context.Context) (lines []string, origin string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	lines, err = d.printBuffer(ctx)
	if len(d.tape) > 0 {
		lines, d.tape = append(d.tape, lines...), nil
	}
	var no *refusal
	switch {
	case errors.As(err, &no) && no.code == frame.ErrUnsupported:
		return nil, "", fmt.Errorf("shtrih-m: printed text: %w: %w", device.ErrNotAble, err)
	case err != nil:
		return nil, "", fmt.Errorf("shtrih-m: printed text: %w", err)
	}
	return lines, "host", nil
}

func (d *Driver) printBuffer(ctx context.Context) ([]string, error) {
	pw := d.o.Passwords.Admin
	f, err := d.asking(ctx, frame.PrintBuffer, pw)
	if err != nil {
		return nil, err
	}
	n := uint16(f.Uint(2))
	if err := bad(frame.PrintBuffer, f); err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, nil
	}
	c, err := d.coding(ctx)
	if err != nil {
		return nil, err
	}
	lines := make([]string, 0, n)
	for i := range n {
		f, err := d.asking(ctx, frame.PrintLine, pw, byte(i), byte(i>>8))
		if err != nil {
			return nil, err
		}
		lines = append(lines, c.Decode(frame.Trim(f.Rest())))
	}
	_, err = d.asking(ctx, frame.ClearBuffer, pw)
	return lines, err
}
