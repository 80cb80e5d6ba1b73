package webkassa

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/kkmtest/kkmtest/bench/device/webkassa/wire"
	"github.com/kkmtest/kkmtest/fiscal"
)

// verdict is what a question about a lost effect has brought to light.
type verdict uint8

const (
	unclear  verdict = iota // ask again
	happened                // it was done
	notThere                // there is no sign of it
)

// settle asks until something is clear or patience ends. What is not there is asked for
// until the end: a service may still be at work on what it has taken.
func (d *Driver) settle(ctx context.Context, w *work, cause error, prove func(context.Context) (verdict, string, error)) error {
	var gone *lost
	if !errors.As(cause, &gone) {
		return cause
	}
	if !gone.sent {
		return cause // it has never left
	}
	until := d.loop.Now().Add(d.o.Recovery)
	last := "no answer to the questions about it"
	for {
		v, text, err := prove(ctx)
		var lostToo *lost
		var no *refusal
		switch {
		case err == nil && v == happened:
			w.out.Text = fmt.Sprintf("the answer was lost (%s); %s", gone.text, text)
			return nil
		case err == nil && text != "":
			last = text
		case errors.As(err, &lostToo), errors.As(err, &no):
			last = err.Error()
		case err != nil:
			return err
		}
		now := d.loop.Now()
		if now.Mono >= until.Mono {
			return &unsettled{fmt.Sprintf("%s; looked for it for %v: %s", cause, d.o.Recovery, last)}
		}
		if _, err := d.loop.Wait(ctx, now.Add(d.o.Poll), nil); err != nil {
			return err
		}
	}
}

// settleCheck takes the answer to a check: an external number that was processed
// already is the check of an earlier try of the same call, whose data come along or
// are asked for; a lost answer is looked for by the external number.
func (d *Driver) settleCheck(ctx context.Context, w *work, err error, ext string, before wire.CurrentState, t *wire.Ticket) error {
	var no *refusal
	if errors.As(err, &no) && no.has(wire.Duplicate) {
		if json.Unmarshal(no.data, t) == nil && t.CheckNumber != "" {
			w.out.Text = "the register has processed this external number already, and tells its check"
			return nil
		}
		err = &lost{what: no.what, text: no.Error(), sent: true}
	}
	return d.settle(ctx, w, err, func(ctx context.Context) (verdict, string, error) {
		shifts := []uint64{before.ShiftNumber, before.ShiftNumber + 1}
		if before.ShiftClosed || before.ShiftNumber == 0 {
			shifts = []uint64{before.ShiftNumber + 1}
		}
		for _, s := range shifts {
			err := d.ask(ctx, d.o.Secrets.Admin, wire.ByExternal, func(b wire.Cashbox) any {
				return wire.External{Cashbox: b, ExternalCheckNumber: ext, ShiftNumber: s}
			}, t, nil)
			var no *refusal
			switch {
			case err == nil:
				return happened, fmt.Sprintf("shift %d has a check with this external number", s), nil
			case errors.As(err, &no) && (no.has(wire.CheckNotFound) || no.has(wire.ExternalNotFound)):
				continue
			default:
				return unclear, "", err
			}
		}
		return notThere, "no check has this external number", nil
	})
}

// settleCash looks into the drawer. Nobody else works on the register, so that
// a drawer that has changed by exactly this sum has taken it.
func (d *Driver) settleCash(ctx context.Context, w *work, err error, before wire.CurrentState, diff fiscal.Tiyn) error {
	var no *refusal
	if errors.As(err, &no) && no.has(wire.Duplicate) {
		w.out.Text = "the register has processed this external number already"
		return nil
	}
	return d.settle(ctx, w, err, func(ctx context.Context) (verdict, string, error) {
		s, err := d.state(ctx)
		was, is := before.Report(), s.CurrentState.Report()
		switch {
		case err != nil:
			return unclear, "", err
		case was == nil || is == nil:
			return unclear, "the register does not tell what is in the drawer", nil
		case fiscal.Tiyn(is.SumInCashbox-was.SumInCashbox) == diff:
			return happened, fmt.Sprintf("the drawer has gone from %s to %s", fiscal.Tiyn(was.SumInCashbox), fiscal.Tiyn(is.SumInCashbox)), nil
		default:
			return notThere, fmt.Sprintf("the drawer holds %s, before it held %s", fiscal.Tiyn(is.SumInCashbox), fiscal.Tiyn(was.SumInCashbox)), nil
		}
	})
}

// settleZ looks at the shift: closed, or another one.
func (d *Driver) settleZ(ctx context.Context, w *work, err error, before wire.CurrentState) error {
	return d.settle(ctx, w, err, func(ctx context.Context) (verdict, string, error) {
		s, err := d.state(ctx)
		is := s.CurrentState
		switch {
		case err != nil:
			return unclear, "", err
		case before.ShiftClosed:
			return unclear, "the shift was closed before", nil
		case is.ShiftClosed && is.ShiftNumber == before.ShiftNumber:
			return happened, fmt.Sprintf("shift %d is closed", is.ShiftNumber), nil
		case is.ShiftNumber > before.ShiftNumber:
			return happened, fmt.Sprintf("the register is in shift %d", is.ShiftNumber), nil
		default:
			return notThere, fmt.Sprintf("shift %d is still open", is.ShiftNumber), nil
		}
	})
}
