package shtrihm

import (
	"context"
	"errors"
	"fmt"

	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
)

// Operation registers that settle a lost answer (9).
const (
	regReceipts    byte = 148 // receipt numbers by type, 148 to 151
	regDeposits    byte = 153
	regWithdrawals byte = 154
	regXReports    byte = 158
)

// rollReceipt is the bit of the receipt roll in print commands (7).
const rollReceipt byte = 2

// verdict is what the counters say of a command whose answer was lost.
type verdict uint8

const (
	unclear  verdict = iota
	happened         // executed
	undone           // not executed: it may be sent again
	vanished         // not executed, and it cannot be sent again
)

// proof asks the register whether a command was executed. Its questions change nothing.
type proof func(ctx context.Context) (verdict, string, error)

// note tells what a frame is, and with whose password, never with which.
func note(cmd []byte, who string) string {
	s := frame.CodeOf(cmd).String()
	if who != "" {
		s += ", password of " + who
	}
	return s
}

// take splits an answer: a refusal is an error, an answer without an error code
// is no answer.
func take(code frame.Code, ans []byte) (*frame.Fields, error) {
	_, e, rest, err := frame.Answer(ans)
	if err != nil {
		return nil, &linkError{what: silent, code: code, sent: true, text: err.Error()}
	}
	if e != 0 {
		return nil, &refusal{code, e}
	}
	return frame.Read(rest), nil
}

// exchange is the link's, over a port that is opened again when it was lost
// before anything went out, or when the command may be sent twice.
func (d *Driver) exchange(ctx context.Context, cmd []byte, safe, careful bool, n string) ([]byte, error) {
	ans, err := d.l.exchange(ctx, cmd, safe, careful, n)
	var e *linkError
	if err == nil || !errors.As(err, &e) || e.what != lost || e.sent && !safe || d.o.Reopen == nil {
		return ans, err
	}
	if err := d.reopen(ctx); err != nil {
		return nil, err
	}
	return d.l.exchange(ctx, cmd, safe, careful, n)
}

// reopen opens the port again, for as long as a recovery may take.
func (d *Driver) reopen(ctx context.Context) error {
	_ = d.l.port.Close() // it has failed already
	until := d.loop.Now().Add(d.o.Timers.Recovery)
	for {
		p, err := d.o.Reopen(ctx)
		if err == nil {
			d.l.port, d.l.rx, d.l.alt.synced, d.l.shaky = p, nil, false, true
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if d.loop.Now().Mono >= until.Mono {
			return &linkError{what: lost, text: fmt.Sprintf("the port could not be opened again in %v", d.o.Timers.Recovery), err: err}
		}
		if err := d.l.sleep(ctx, d.o.Timers.Pause); err != nil {
			return err
		}
	}
}

// ask sends a question, which may be repeated at will.
func (d *Driver) ask(ctx context.Context, b *frame.Body, who string) (*frame.Fields, error) {
	cmd, err := b.Bytes()
	if err != nil {
		return nil, &unable{err.Error()}
	}
	ans, err := d.exchange(ctx, cmd, true, false, note(cmd, who))
	if err != nil {
		return nil, err
	}
	return take(frame.CodeOf(cmd), ans)
}

// effect sends a command that does something. With a proof it is one that must
// not happen twice: whenever its answer is lost, the register is asked before
// it is sent again. Without a proof the command sets or prints something, and
// the register's own NAK lets it be sent again. The fields are nil when the
// command was executed and its answer never seen.
func (d *Driver) effect(ctx context.Context, w *work, b *frame.Body, prove proof) (*frame.Fields, error) {
	cmd, err := b.Bytes()
	if err != nil {
		return nil, &unable{err.Error()}
	}
	code := frame.CodeOf(cmd)
	until := d.loop.Now().Add(d.o.Timers.Print)
	looks := 0
	for sends := 1; ; {
		if w.pre != nil {
			if _, err := d.ask(ctx, w.pre, w.who); err != nil {
				return nil, err
			}
		}
		ans, err := d.exchange(ctx, cmd, prove == nil, w.guard != nil, note(cmd, w.who))
		var e *linkError
		if err == errShaky {
			if looks++; looks > d.o.Timers.Tries.ENQ {
				return nil, &unsettled{text: fmt.Sprintf("%v not sent: the line has trouble again and again", code)}
			}
			d.l.shaky = false
			if err := w.guard(ctx); err != nil {
				return nil, err
			}
			continue
		}
		if errors.As(err, &e) && e.sent {
			w.entered = d.l.sent
			var v verdict
			var why string
			ans, v, why, err = d.settle(ctx, code, e, prove)
			switch {
			case err != nil:
				return nil, err
			case ans != nil:
			case v == happened:
				w.addText(fmt.Sprintf("answer to %v not seen (%s); executed: %s", code, e.text, why))
				w.addBlur(d.loop.Now().Mono-w.entered.Mono, "time without an answer")
				return nil, nil
			case v == undone && sends < d.o.Timers.Tries.Frame:
				sends++
				continue
			default:
				return nil, &unsettled{text: fmt.Sprintf("answer to %v not seen (%s); %s", code, e.text, or(why, "nothing on the register settles whether it was executed")), err: e.err}
			}
		} else if err != nil {
			return nil, err
		}
		w.entered = d.l.sent
		f, err := take(code, ans)
		var no *refusal
		if !errors.As(err, &no) || d.loop.Now().Mono >= until.Mono {
			return f, err
		}
		switch {
		case frame.ClassOf(no.code) == frame.ClassWait: // not executed, may be repeated (3.3)
			if err := d.l.sleep(ctx, d.o.Timers.Poll); err != nil {
				return nil, err
			}
		case no.code == frame.ErrContinue:
			if _, err := d.ask(ctx, frame.New(frame.ContinuePrint).Password(w.aux), ""); err != nil {
				return nil, err
			}
		default:
			return f, err
		}
	}
}

// settle finds out what became of a command whose answer did not come: the
// pending answer itself, or what the counters say (3.2 rules 1 to 3, 11).
func (d *Driver) settle(ctx context.Context, code frame.Code, why *linkError, prove proof) (ans []byte, v verdict, text string, err error) {
	until := d.loop.Now().Add(d.o.Timers.Recovery)
	var last error = why
	for {
		var e *linkError
		if errors.As(last, &e) && e.what == lost {
			if d.o.Reopen == nil {
				return nil, unclear, "the port is gone", nil
			}
			if err := d.reopen(ctx); err != nil {
				if errors.As(err, &e) {
					return nil, unclear, err.Error(), nil
				}
				return nil, unclear, "", err
			}
		}
		ans, err := d.l.pending(ctx, code)
		if err == nil && ans != nil {
			return ans, unclear, "", nil
		}
		if err == nil && prove == nil {
			return nil, undone, "the register waits for a command", nil
		}
		if err == nil {
			v, text, err = prove(ctx)
		}
		var no *refusal
		switch {
		case err == nil:
			return nil, v, text, nil
		case errors.As(err, &no):
			return nil, unclear, "the question what became of it was refused: " + err.Error(), nil
		case !errors.As(err, &e):
			return nil, unclear, "", err
		case d.loop.Now().Mono >= until.Mono:
			return nil, unclear, fmt.Sprintf("the register did not come back in %v", d.o.Timers.Recovery), nil
		}
		last = err
		if err := d.l.sleep(ctx, d.o.Timers.Pause); err != nil {
			return nil, unclear, "", err
		}
	}
}

// pending looks for the answer to the command that was sent last: the register
// keeps it until it is acknowledged.
func (l *link) pending(ctx context.Context, code frame.Code) ([]byte, error) {
	if l.o.Level == Alternative {
		num := l.alt.last
		p, err := l.sync(ctx, code, true)
		if err != nil || p.Num != num || frame.CodeOf(p.Data) != code {
			return nil, err
		}
		return p.Data, nil
	}
	l.stale = nil
	if err := l.ready(ctx); err != nil {
		return nil, err
	}
	for _, a := range l.stale {
		if frame.CodeOf(a) == code {
			return a, nil
		}
	}
	return nil, nil
}

// counted is a proof by an operation register that goes up by one. base is nil
// when the register could not be read before.
func (d *Driver) counted(pw uint32, reg byte, base *uint16) proof {
	return func(ctx context.Context) (verdict, string, error) {
		if base == nil {
			return unclear, fmt.Sprintf("operation register %d was not readable before", reg), nil
		}
		now, err := d.register(ctx, pw, reg)
		switch {
		case err != nil:
			return unclear, "", err
		case now == nil:
			return unclear, fmt.Sprintf("operation register %d cannot be read", reg), nil
		case *now == *base+1:
			return happened, fmt.Sprintf("operation register %d went from %d to %d", reg, *base, *now), nil
		case *now == *base:
			return undone, fmt.Sprintf("operation register %d is still %d", reg, *base), nil
		default:
			return unclear, fmt.Sprintf("operation register %d went from %d to %d", reg, *base, *now), nil
		}
	}
}

// closedShift is the proof of a Z report: mode 4 and one closed shift more.
func (d *Driver) closedShift(pw uint32, before fullStatus) proof {
	return func(ctx context.Context) (verdict, string, error) {
		now, err := d.fullStatus(ctx, pw)
		if err != nil {
			return unclear, "", err
		}
		s := fmt.Sprintf("last closed shift %d before, %d now, %v", before.lastClosed, now.lastClosed, now.mode)
		switch {
		case now.lastClosed == before.lastClosed+1 && now.mode == frame.ModeShiftClosed:
			return happened, s, nil
		case now.lastClosed == before.lastClosed && now.mode == before.mode:
			return undone, s, nil
		default:
			return unclear, s, nil
		}
	}
}
