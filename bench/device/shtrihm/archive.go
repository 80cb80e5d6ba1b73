package shtrihm

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/fiscal"
)

// mostTape bounds the lines of one shift: a register that never ends its tape
// must not hold a bench for ever.
const mostTape = 100_000

// archive reads the control tape of a shift (B4h, then B3h until A9h). Nothing is
// printed: the lines are handed out by Printed.
func (d *Driver) archive(ctx context.Context, w *work) error {
	shift, err := strconv.ParseUint(w.op.Value, 10, 16)
	if err != nil {
		return &unable{fmt.Sprintf("shift %q: the protocol carries 1..65535", w.op.Value)}
	}
	if _, err := d.effect(ctx, w, frame.New(frame.TapeByShift).Password(w.pw).Uint(shift, 2), nil); err != nil {
		return err
	}
	c, err := d.coding(ctx)
	if err != nil {
		return err
	}
	d.tape = nil
	for range mostTape {
		f, err := d.asking(ctx, frame.TapeLine, w.pw)
		var no *refusal
		if errors.As(err, &no) && no.code == frame.ErrNoData {
			w.done = d.loop.Now()
			return nil
		}
		if err != nil {
			return err
		}
		d.tape = append(d.tape, c.Decode(frame.Trim(f.Rest())))
	}
	return &unsettled{text: fmt.Sprintf("the tape of shift %d has not ended after %d lines", shift, mostTape)}
}

// resend asks for the last receipt to be sent to its buyer again: the bench's own
// register takes 8Ch with a byte more for it; no source tells of a command.
func (d *Driver) resend(ctx context.Context, w *work) error {
	t, err := d.deviceType(ctx)
	if err != nil {
		return err
	}
	if t.subtype != frame.SubtypeDouble {
		return &unable{fmt.Sprintf("operation %q: the protocol has no command for it", fiscal.OpResend)}
	}
	return d.printOnly(ctx, w, frame.New(frame.RepeatReceipt).Password(w.pw).Byte(1))
}
