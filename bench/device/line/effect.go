package line

import (
	"context"
	"errors"
	"fmt"
)

// Verdict is what the register says of a command whose answer was lost.
type Verdict uint8

// The verdicts.
const (
	Unclear  Verdict = iota
	Happened         // executed
	Undone           // not executed: it may be sent again
	Vanished         // not executed, and it cannot be sent again
)

// Proof asks the register whether a command was executed. Its questions change nothing.
type Proof func(ctx context.Context) (Verdict, string, error)

// Effect sends a command that does something. send sends it once and follows it
// to its answer, within what the protocol itself calls safe; again says that
// an earlier sending may have reached the register. With a proof the command
// must not happen twice: whenever its answer is lost the register is asked
// before it is sent again. Without one it sets or prints something, and may be
// sent again when the register waits for a command.
//
// seen is false when the command was executed and its answer never seen.
func Effect[A any](ctx context.Context, l *Line, w *Work, command string, send func(ctx context.Context) (A, error), prove Proof) (a A, seen bool, err error) {
	var none A
	for sends := 1; ; sends++ {
		if l.Shaky && w.Guard != nil {
			l.Shaky = false
			if err := w.Guard(ctx); err != nil {
				return none, false, err
			}
		}
		a, err := send(ctx)
		var e *LinkError
		if !errors.As(err, &e) {
			if err == nil || isRefusal(err) {
				w.Entered = l.Sent
			}
			return a, err == nil, err
		}
		l.Shaky = true
		if !e.Sent {
			if e.What != Lost || l.o.Reopen == nil || sends >= l.o.Tries {
				return none, false, err
			}
			if err := l.Reopen(ctx, err); err != nil {
				return none, false, err
			}
			continue
		}
		w.Entered = l.Sent
		v, why, err := l.settle(ctx, e, prove)
		switch {
		case err != nil:
			return none, false, err
		case v == Happened:
			w.Say(fmt.Sprintf("answer to %s not seen (%s); executed: %s", command, e.Text, why))
			w.Blur(l.Loop.Now().Mono-w.Entered.Mono, "time without an answer")
			return none, false, nil
		case v == Undone && sends < l.o.Tries:
		default:
			return none, false, &Unsettled{Text: fmt.Sprintf("answer to %s not seen (%s); %s", command, e.Text, Or(why, "nothing on the register settles whether it was executed")), Err: e.Err}
		}
	}
}

func isRefusal(err error) bool {
	var no *Refusal
	return errors.As(err, &no)
}

// settle finds out what became of a command whose answer did not come.
func (l *Line) settle(ctx context.Context, why *LinkError, prove Proof) (Verdict, string, error) {
	until := l.Loop.Now().Add(l.o.Recovery)
	var last error = why
	for {
		var e *LinkError
		if errors.As(last, &e) && e.What == Lost {
			if l.o.Reopen == nil {
				return Unclear, "the port is gone", nil
			}
			if err := l.Reopen(ctx, last); err != nil {
				if errors.As(err, &e) {
					return Unclear, err.Error(), nil
				}
				return Unclear, "", err
			}
		}
		if prove == nil {
			return Undone, "the command may be repeated", nil
		}
		v, text, err := prove(ctx)
		switch {
		case err == nil:
			return v, text, nil
		case isRefusal(err):
			return Unclear, "the question what became of it was refused: " + err.Error(), nil
		case !errors.As(err, &e):
			return Unclear, "", err
		case l.Loop.Now().Mono >= until.Mono:
			return Unclear, fmt.Sprintf("the register did not come back in %v", l.o.Recovery), nil
		}
		last = err
		if err := l.Sleep(ctx, l.o.Pause); err != nil {
			return Unclear, "", err
		}
	}
}
