package line

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Work is one operation on its way.
type Work struct {
	Op      fiscal.Op
	Intent  history.Seq
	Out     fiscal.Outcome
	Entered clock.Instant // the last byte of the operator's input had left
	Done    clock.Instant // the register was through, as far as it tells

	// Guard, if any, looks whether the register still is where the operation has
	// brought it; it runs before the next command when the line had trouble.
	Guard func(ctx context.Context) error

	blur []blur
}

// blur is one source of uncertainty of a measured time.
type blur struct {
	d    time.Duration
	from string
}

// Blur adds a source of uncertainty of the measured times.
func (w *Work) Blur(d time.Duration, from string) {
	if d > 0 {
		w.blur = append(w.blur, blur{d, from})
	}
}

// Say adds to the text of the outcome.
func (w *Work) Say(s string) {
	if w.Out.Text != "" {
		w.Out.Text += "; "
	}
	w.Out.Text += s
}

// Told keeps an error of the device in the text and hands on one of the bench:
// the effect has happened, and what goes wrong afterwards does not undo it.
func (w *Work) Told(what string, err error) error {
	var no *Refusal
	var link *LinkError
	if errors.As(err, &no) || errors.As(err, &link) && link.Err == nil {
		w.Say(what + ": " + err.Error())
		return nil
	}
	return err
}

// result is the event that follows the Intent. Entered stays zero when nothing
// was; an operation whose end was not seen ends with its record.
func (w *Work) result(l *Line) history.Result {
	if w.Done == (clock.Instant{}) || w.Done.Mono < w.Entered.Mono {
		w.Done = l.Loop.Now()
	}
	r := history.Result{Op: w.Op.ID, Outcome: w.Out, Entered: w.Entered, Done: w.Done}
	w.Blur(l.byteTime, "one byte on the line")
	w.Blur(l.Latency(), "port and adapter")
	var from []string
	for _, b := range w.blur {
		r.Blur += b.d
		from = append(from, fmt.Sprintf("%s %v", b.from, b.d))
	}
	r.Sources = strings.Join(from, "; ")
	return r
}

// Perform brings one operation from its Intent to its Result. run does the
// work; what it returns is sorted into outcomes (what the device said, did not
// say, or cannot do) and errors (what the bench could not do).
func (l *Line) Perform(ctx context.Context, op fiscal.Op, run func(ctx context.Context, w *Work) error) (fiscal.Outcome, error) {
	intent, err := l.Journal.Append(history.Driver, history.Intent{Op: op})
	if err == nil {
		err = l.Journal.Barrier()
	}
	if err != nil {
		return fiscal.Outcome{}, l.wrap(err)
	}
	l.cause = intent
	defer func() { l.cause = 0 }()
	w := &Work{Op: op, Intent: intent}
	err = l.wrap(l.sort(w, run(ctx, w)))
	if err != nil && w.Out.Text == "" {
		w.Out.Text = err.Error()
	}
	if _, e := l.Journal.Append(history.Driver, w.result(l), intent); e != nil {
		return w.Out, errors.Join(err, l.wrap(e))
	}
	return w.Out, errors.Join(err, l.wrap(l.Journal.Barrier()))
}

// Resume works on an earlier operation again, whose Intent stands in the record:
// the bytes are tied to it. What comes of it belongs to no new operation.
func (l *Line) Resume(ctx context.Context, intent history.Seq, run func(ctx context.Context, w *Work) error) error {
	if err := l.Journal.Barrier(); err != nil {
		return err
	}
	l.cause = intent
	defer func() { l.cause = 0 }()
	return run(ctx, &Work{Intent: intent})
}

// sort makes the outcome of what a piece of work ended with, and returns the
// bench's own error.
func (l *Line) sort(w *Work, err error) error {
	var no *Refusal
	var cannot *Unable
	var lost *Unsettled
	var link *LinkError
	switch {
	case err == nil:
		w.Out.Got = fiscal.Done
		return nil
	case errors.As(err, &no):
		w.Out.Got, w.Out.Code = fiscal.Refused, no.Code
		if no.Unsupported {
			w.Out.Got = fiscal.Unsupported
		}
		w.Done = l.Loop.Now()
	case errors.As(err, &cannot):
		w.Out.Got = fiscal.Unsupported
	case errors.As(err, &lost):
		w.Out.Got = fiscal.Unknown
		w.Say(err.Error())
		return lost.Err
	case errors.As(err, &link):
		w.Out.Got = fiscal.Unknown
		w.Say(err.Error())
		return link.Err
	default:
		w.Out.Got = fiscal.Unknown
		return err
	}
	w.Say(err.Error())
	return nil
}

// State records a state and hands it back.
func (l *Line) State(s history.State, err error) (history.State, error) {
	if err != nil {
		return history.State{}, l.wrap(err)
	}
	_, err = l.Journal.Append(history.Driver, s)
	return s, l.wrap(err)
}

// Wrap names the family of protocols in an error that leaves the driver.
func (l *Line) Wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	if what == "" {
		return l.wrap(err)
	}
	return fmt.Errorf("%s: %s: %w", l.o.Family, what, err)
}
