// Package bench is the rig as a scenario's step sees it: a register, an OFD, a
// network between them and a clock, in a cashier's words. Every method writes
// down what it does; none of them judges.
//
// Begin with [Bench] and its methods [Bench.Do] and [Bench.Pass]; a rig is put
// together by [NewSimulated] (everything inside this process, virtual time) or
// [NewExternal] (a register on a port, real time).
package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/netfault"
)

// Bench is the assembled rig. A step is handed one; it belongs to the goroutine
// that runs the steps.
type Bench struct {
	Loop   clock.Loop
	Log    *history.Log
	Device device.Device
	Facts  history.Facts

	hands   []any // what stands beside the device and does what would else need a person: control API, tap, relay
	ofd     counterpart
	links   []*netfault.Link
	isCut   bool
	closers []func() error

	read  int       // events that owed has seen
	asked fiscal.Op // the operation under way there
	debt  int

	scenario string
	step     int
	n        int
}

// Taken is an operation as the register took it.
type Taken struct {
	Op       fiscal.Op
	Outcome  fiscal.Outcome
	Begun    clock.Instant // before the first byte
	Entered  clock.Instant // the operator's input was complete
	Done     clock.Instant // the register was ready again
	Printed  []string
	Readable bool // the print could be read
}

// OK says that the register did what it was asked.
func (t Taken) OK() bool { return t.Outcome.Got == fiscal.Done }

// Close lets the device, the network and the record go.
func (b *Bench) Close() error {
	var err error
	for i := len(b.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, b.closers[i]())
	}
	b.closers = nil
	return err
}

// Begin opens a step in the record. The campaign calls it.
func (b *Bench) Begin(s Scenario, step int) error {
	b.scenario, b.step, b.n = s.Key, step, 0
	_, err := b.Log.Append(history.Bench, history.StepBegin{Scenario: s.Key, Step: step, Name: s.Steps[step-1].Name, Checks: slices.Concat(s.Checks, s.Also)})
	return err
}

// End closes it. outcome is ok, precondition or interrupted.
func (b *Bench) End(outcome, text string) error {
	_, err := b.Log.Append(history.Bench, history.StepEnd{Scenario: b.scenario, Step: b.step, Outcome: outcome, Text: text})
	return err
}

// ErrRecorded marks an error that stands in the record as the bench's fault already.
var ErrRecorded = errors.New("recorded as the bench's fault")

// ErrPrecondition marks that something was not as a step needs it: what hangs
// on the step is not settled, and nobody is to blame yet.
var ErrPrecondition = errors.New("precondition")

// lacking makes an error that is ErrPrecondition and says only what is lacking.
func lacking(format string, args ...any) error { return precondition{fmt.Errorf(format, args...)} }

type precondition struct{ error }

func (p precondition) Is(target error) bool { return target == ErrPrecondition }

func (p precondition) Unwrap() error { return p.error }

// Fault records a failure of the bench itself and hands it back.
func (b *Bench) Fault(where string, err error) error {
	if err == nil || errors.Is(err, device.ErrNotAble) || errors.Is(err, ErrRecorded) {
		return err
	}
	if _, jerr := b.Log.Append(history.Bench, history.BenchFault{Where: where, Text: err.Error()}); jerr != nil {
		return errors.Join(err, jerr)
	}
	return fmt.Errorf("%s: %w (%w)", where, err, ErrRecorded)
}

// Do asks the register for one operation and reads what it printed. The
// operation's ID is made here. A refusal is no error; an error is the bench's own.
func (b *Bench) Do(ctx context.Context, op fiscal.Op) (Taken, error) {
	b.n++
	op.ID = fiscal.OpID(fmt.Sprintf("%s/%d/%d", b.scenario, b.step, b.n))
	t := Taken{Op: op, Begun: b.Loop.Now()}
	out, err := b.Device.Do(ctx, op)
	if err != nil {
		return t, gone(err)
	}
	t.Outcome = out
	if r, ok := b.result(op.ID); ok {
		t.Entered, t.Done = r.Entered, r.Done
	} else {
		return t, b.Fault("device", fmt.Errorf("operation %s: the driver left no result in the record", op.ID))
	}
	lines, err := b.readPrint(ctx, op.ID)
	if err != nil && !errors.Is(err, device.ErrNotAble) {
		return t, gone(err)
	}
	t.Printed, t.Readable = lines, err == nil
	return t, nil
}

// gone turns a driver's error into a missing precondition. A register that is
// silent, answers what nobody can read, or is unplugged is not the bench's failure: what
// hangs on it stays open. A record that cannot be written shows itself at the next event.
func gone(err error) error {
	if err == nil || errors.Is(err, device.ErrNotAble) || errors.Is(err, context.Canceled) {
		return err
	}
	return precondition{err}
}

// result finds the driver's last word on an operation.
func (b *Bench) result(id fiscal.OpID) (history.Result, bool) {
	v := b.Log.View()
	for n := history.Seq(v.Len()); n > 0; n-- {
		e, _ := v.Get(n)
		if r, ok := e.Body.(history.Result); ok && r.Op == id {
			return r, true
		}
	}
	return history.Result{}, false
}

// intent finds where an operation was begun.
func (b *Bench) intent(id fiscal.OpID) (history.Event, bool) {
	v := b.Log.View()
	for n := history.Seq(v.Len()); n > 0; n-- {
		e, _ := v.Get(n)
		if i, ok := e.Body.(history.Intent); ok && i.Op.ID == id {
			return e, true
		}
	}
	return history.Event{}, false
}

func (b *Bench) readPrint(ctx context.Context, id fiscal.OpID) ([]string, error) {
	lines, origin, err := b.paper(ctx)
	if err != nil || len(lines) == 0 {
		return nil, err
	}
	var causes []history.Seq
	if e, ok := b.intent(id); ok {
		causes = append(causes, e.Seq)
	}
	_, err = b.Log.Append(history.Bench, history.Printed{Op: id, Lines: lines, Origin: origin}, causes...)
	return lines, err
}

// paper reads what was printed where it is read best: a printer tap sees the bytes
// themselves, then comes what the register tells of its paper, then whoever else sees it
// (firmware without a print buffer).
func (b *Bench) paper(ctx context.Context) (lines []string, origin string, err error) {
	err = device.ErrNotAble
	for _, d := range b.able() {
		p, ok := device.Able[device.Printer](d)
		if !ok {
			continue
		}
		if lines, origin, err = p.Printed(ctx); !errors.Is(err, device.ErrNotAble) {
			break
		}
	}
	return lines, origin, err
}

// Pass lets time go by.
func (b *Bench) Pass(ctx context.Context, d time.Duration, why string) error {
	return b.PassUntil(ctx, b.Loop.Now().Add(d), why)
}

// PassUntil lets time go by until a moment; one that is over already is none.
func (b *Bench) PassUntil(ctx context.Context, at clock.Instant, why string) error {
	d := at.Mono - b.Loop.Now().Mono
	if d <= 0 {
		return nil
	}
	if _, err := b.Loop.Wait(ctx, at, nil); err != nil {
		return b.Fault("wait", err)
	}
	_, err := b.Log.Append(history.Bench, history.Passed{For: d, Why: why})
	return err
}

// Await lets the wait of a step pass.
func (b *Bench) Await(ctx context.Context, w Wait) error {
	if w.Zero() {
		return nil
	}
	at := b.Loop.Now()
	if w.Op != "" {
		r, ok := b.result(fiscal.OpID(b.scenario + "/" + w.Op))
		if !ok {
			return lacking("operation %s/%s, which the wait is counted from, was never made", b.scenario, w.Op)
		}
		at = r.Done
		switch w.From {
		case OfBegin:
			if e, ok := b.intent(r.Op); ok {
				at = e.At
			}
		case OfEntry:
			at = b.entered(r)
		}
	}
	at = at.Add(w.For)
	if w.Early != "" {
		id := fiscal.OpID(b.scenario + "/" + w.Early)
		r, ok := b.result(id)
		e, began := b.intent(id)
		if !ok || !began {
			return lacking("operation %s, whose entry the wait takes for its model, was never made", id)
		}
		at = at.Add(-(b.entered(r).Mono - e.At.Mono))
	}
	return b.PassUntil(ctx, at, w.Why)
}

// entered is when an entry was complete. A driver that cannot say leaves it
// open: the beginning of the operation then stands for it.
func (b *Bench) entered(r history.Result) clock.Instant {
	if r.Entered == (clock.Instant{}) {
		if e, ok := b.intent(r.Op); ok {
			return e.At
		}
	}
	return r.Entered
}

// AlignSecond waits for the next full second of the wall clock, so that a
// register that keeps seconds and the bench mean the same moment.
func (b *Bench) AlignSecond(ctx context.Context) error {
	now := b.Loop.Now()
	rest := now.Wall.Truncate(time.Second).Add(time.Second).Sub(now.Wall)
	return b.PassUntil(ctx, now.Add(rest), "to the next full second")
}

// Hello asks the register who it is. Silence, or an answer that cannot be read,
// is a missing precondition of everything else.
func (b *Bench) Hello(ctx context.Context) error {
	id, err := b.Device.Identity(ctx)
	if err != nil {
		return lacking("the register does not say who it is: %w", err)
	}
	_, err = b.Log.Append(history.Bench, id)
	return err
}

// Unsent says why a register must not be touched before a person has looked: a
// register that hands real receipts over to the OFD of a bench deletes them. Nil when
// the register says that it keeps none, or does not answer at all.
func (b *Bench) Unsent(ctx context.Context) error {
	s, err := b.State(ctx)
	switch {
	case err != nil:
		return nil // nothing will be done with it either
	case s.Unsent == nil:
		// Its host protocol has no word for it; the control API of an emulator may have.
		if d, ok := able[device.Queuer](b); ok {
			if q, err := d.Queue(ctx); err == nil {
				s.Unsent = &q.Unsent
			}
		}
	}
	switch {
	case s.Unsent == nil:
		return errors.New("the register cannot say whether it keeps unsent documents")
	case *s.Unsent > 0:
		return fmt.Errorf("the register keeps %d unsent documents", *s.Unsent)
	}
	return nil
}

// State asks the register how it is.
func (b *Bench) State(ctx context.Context) (history.State, error) {
	s, err := b.Device.State(ctx)
	return s, gone(err)
}

// Setting reads a setting back and records it.
func (b *Bench) Setting(ctx context.Context, s fiscal.Setting) (string, error) {
	d, ok := able[device.Settings](b)
	if !ok {
		return "", device.ErrNotAble
	}
	v, err := d.Setting(ctx, s)
	if err != nil {
		return "", gone(err)
	}
	_, err = b.Log.Append(history.Bench, history.Setting{Name: s, Value: v})
	return v, err
}

// Show reads the display and records what it shows.
func (b *Bench) Show(ctx context.Context, op fiscal.OpID) ([]string, error) {
	d, ok := able[device.Display](b)
	if !ok {
		return nil, device.ErrNotAble
	}
	lines, origin, err := d.Shown(ctx)
	if err != nil {
		return nil, gone(err)
	}
	_, err = b.Log.Append(history.Bench, history.Shown{Op: op, Lines: lines, Origin: origin})
	return lines, err
}

// Can says whether the rig can do what a scenario needs.
func (b *Bench) Can(c Capability) bool {
	var ok bool
	switch c {
	case ReadsPrint:
		_, ok = able[device.Printer](b)
	case ReadsDisplay:
		_, ok = able[device.Display](b)
	case ReadsSettings:
		_, ok = able[device.Settings](b)
	case SwitchesPower:
		_, ok = able[device.Power](b)
	case TakesPaper:
		_, ok = able[device.Paper](b)
	case StepsClock:
		_, ok = able[device.Stepper](b)
	}
	return ok
}

// able lists what may have a capability, in the order in which it is asked: what
// was put there for it (a tap, a relay), the register itself, then the rest.
func (b *Bench) able() []any {
	var exact, rest []any
	for _, h := range b.hands {
		if e, ok := h.(interface{ Exact() bool }); ok && e.Exact() {
			exact = append(exact, h)
		} else {
			rest = append(rest, h)
		}
	}
	return append(append(exact, b.Device), rest...)
}

// able finds a capability in the device or in what stands beside it.
func able[T any](b *Bench) (T, bool) {
	for _, d := range b.able() {
		if t, ok := device.Able[T](d); ok {
			return t, true
		}
	}
	var none T
	return none, false
}
