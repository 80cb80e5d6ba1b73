// Package external drives a register through a program of somebody else: a
// driver in any language that reads calls from its standard input and writes
// answers and events to its standard output, one JSON object a line
// (docs/driver-protocol.md). So a vendor whose protocol the bench does not
// speak needs no fork of it.
//
// The bench stays the keeper of the record: it writes Intent and Result, stamps
// every byte that the program reports when the report arrives, and never repeats
// a call that has an effect. It starts the program without a shell and with a
// small environment, and it trusts nothing that comes back: lines are bounded,
// unknown words are errors.
//
// Begin with [Check], which looks at a program before a run, and [Open].
package external

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Version of the protocol.
const Version = 1

// Protocol is the name under which the bench greets.
const Protocol = "kkmtest-driver"

// Passwords are numbers or words that the register asks for; the program gets
// them with the greeting.
type Passwords struct {
	Admin    string            `json:"admin,omitempty"`
	Cashiers map[string]string `json:"cashiers,omitempty"` // by cashier's number
}

// Options of a driver.
type Options struct {
	Path      string   // of the program, absolute
	Args      []string // handed to it as they are
	Passwords Passwords
	Answer    time.Duration // wait for the answer to a question, default 60 s
	Effect    time.Duration // wait for the answer to an operation, default 5 min: receipts are printed slowly
	Latency   time.Duration // how late a report may be noticed, default 20 ms: pipe, two processes, the system
}

func (o Options) withDefaults() Options {
	if o.Answer <= 0 {
		o.Answer = 60 * time.Second
	}
	if o.Effect <= 0 {
		o.Effect = 5 * time.Minute
	}
	if o.Latency <= 0 {
		o.Latency = 20 * time.Millisecond
	}
	return o
}

// ErrEnded says that the program is no longer there.
var ErrEnded = errors.New("the driver program has ended")

// Abilities that a program may claim in its answer to the greeting.
var Abilities = []string{"printed", "display", "settings", "power", "paper", "clock", "battery", "reset", "queue"}

// Driver is a register behind a program. It implements [device.Device] and,
// as far as the program claims them, the optional capabilities.
type Driver struct {
	mu   sync.Mutex // one call at a time
	loop clock.Loop
	j    history.Journal
	o    Options
	p    *process
	last uint64 // number of the last call
	name string
	can  []string
}

var (
	_ device.Device   = (*Driver)(nil)
	_ device.Printer  = (*Driver)(nil)
	_ device.Display  = (*Driver)(nil)
	_ device.Settings = (*Driver)(nil)
	_ device.Power    = (*Driver)(nil)
	_ device.Paper    = (*Driver)(nil)
	_ device.Stepper  = (*Driver)(nil)
	_ device.Battery  = (*Driver)(nil)
	_ device.Resetter = (*Driver)(nil)
	_ device.Queuer   = (*Driver)(nil)
	_ device.Claims   = (*Driver)(nil)
)

// Open starts the program and greets it. loop is real time.
func Open(ctx context.Context, loop clock.Loop, j history.Journal, o Options) (*Driver, error) {
	o = o.withDefaults()
	if err := Check(o.Path); err != nil {
		return nil, err
	}
	d := &Driver{loop: loop, j: j, o: o, name: o.Path}
	p, err := start(loop, j, o)
	if err != nil {
		return nil, err
	}
	d.p = p
	var a struct {
		Driver   string   `json:"driver"`
		Version  string   `json:"version"`
		Protocol int      `json:"protocol"`
		Can      []string `json:"can"`
	}
	err = d.call(ctx, o.Answer, call{Call: "hello", Protocol: Protocol, Version: Version, Passwords: &o.Passwords}, &a)
	switch {
	case err != nil:
	case a.Protocol != Version:
		err = fmt.Errorf("driver %s: it speaks version %d of the protocol: want %d", o.Path, a.Protocol, Version)
	case a.Driver == "":
		err = fmt.Errorf("driver %s: its answer to hello has no name: want \"driver\": \"NAME\"", o.Path)
	}
	for _, c := range a.Can {
		if err == nil && !slices.Contains(Abilities, c) {
			err = fmt.Errorf("driver %s: ability %q: want some of %s", o.Path, c, strings.Join(Abilities, ", "))
		}
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	d.name, d.can = strings.TrimSpace(a.Driver+" "+a.Version), a.Can
	return d, nil
}

// Claims says which optional capabilities the program has.
func (d *Driver) Claims(ability string) bool { return slices.Contains(d.can, ability) }

// Close tells the program to end, and ends it when it does not.
func (d *Driver) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.p == nil {
		return nil
	}
	d.last++
	err := d.p.end(call{ID: d.last, Call: "close"})
	d.p = nil
	return err
}

// Identity asks what the device is.
func (d *Driver) Identity(ctx context.Context) (history.Identity, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var a history.Identity
	err := d.call(ctx, d.o.Answer, call{Call: "identity"}, &a)
	if err == nil && a.Type == "" {
		a.Type = "external driver " + d.name
	}
	return a, err
}

// State asks for the device's state and records it.
func (d *Driver) State(ctx context.Context) (history.State, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var a struct {
		ShiftOpen *bool     `json:"shift_open"`
		ShiftLong bool      `json:"shift_long"`
		Shift     uint64    `json:"shift"`
		Offline   *bool     `json:"offline"`
		Unsent    *int      `json:"unsent"`
		Blocked   bool      `json:"blocked"`
		Clock     civilTime `json:"clock"`
		Receipts  uint64    `json:"receipts"`
		Text      string    `json:"text"`
	}
	if err := d.call(ctx, d.o.Answer, call{Call: "state"}, &a); err != nil {
		return history.State{}, err
	}
	if a.ShiftOpen == nil || a.Unsent != nil && *a.Unsent < 0 {
		return history.State{}, fmt.Errorf("driver %s: its state needs shift_open, and unsent, if given, is 0 or more", d.name)
	}
	s := history.State{ShiftOpen: *a.ShiftOpen, ShiftLong: a.ShiftLong, Shift: a.Shift, Offline: a.Offline, Unsent: a.Unsent, Blocked: a.Blocked,
		Clock: a.Clock.Time, Receipts: a.Receipts, Text: a.Text}
	_, err := d.j.Append(history.Driver, s)
	return s, err
}

// Do performs one operation.
func (d *Driver) Do(ctx context.Context, op fiscal.Op) (fiscal.Outcome, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	intent, err := d.j.Append(history.Driver, history.Intent{Op: op})
	if err != nil {
		return fiscal.Outcome{}, err
	}
	if err := d.j.Barrier(); err != nil {
		return fiscal.Outcome{}, err
	}
	if d.p == nil {
		return fiscal.Outcome{}, fmt.Errorf("driver %s: %w", d.name, ErrEnded)
	}
	d.p.begin(intent)
	defer d.p.begin(0)
	var a struct {
		Got    string `json:"got"`
		Code   int    `json:"code"`
		Text   string `json:"text"`
		Doc    uint64 `json:"doc"`
		Shift  uint64 `json:"shift"`
		Sign   string `json:"sign"`
		Change int64  `json:"change"`
		BlurMS int64  `json:"blur_ms"`
	}
	err = d.call(ctx, d.o.Effect, call{Call: "do", Op: wireOp(op)}, &a)
	out := fiscal.Outcome{Code: a.Code, Text: a.Text, Doc: a.Doc, Shift: a.Shift, Sign: a.Sign, Change: fiscal.Tiyn(a.Change)}
	switch {
	case errors.Is(err, device.ErrNotAble):
		out.Got, out.Text, err = fiscal.Unsupported, err.Error(), nil
	case errors.Is(err, device.ErrSilent):
		// The device's doing: what became of the operation is not known.
		out.Text, err = err.Error(), nil
	case err != nil:
		out.Text = err.Error()
	case a.Got == "unknown":
	case a.Got == "done" || a.Got == "refused" || a.Got == "unsupported":
		out.Got = fiscal.Answer(a.Got)
	default:
		err = fmt.Errorf("driver %s: its answer to do says got %q: want done, refused, unsupported or unknown", d.name, a.Got)
		out.Text = err.Error()
	}
	res := history.Result{Op: op.ID, Outcome: out, Entered: d.p.entered(), Done: d.loop.Now(), Blur: d.o.Latency,
		Sources: fmt.Sprintf("pipe to the driver program %v", d.o.Latency)}
	if a.BlurMS > 0 {
		own := time.Duration(a.BlurMS) * time.Millisecond
		res.Blur += own
		res.Sources += fmt.Sprintf("; the driver program's own %v", own)
	}
	if res.Entered.Mono == 0 {
		res.Sources += "; the driver program did not say when the input was complete"
	}
	if _, e := d.j.Append(history.Driver, res, intent); e != nil {
		return out, errors.Join(err, e)
	}
	return out, errors.Join(err, d.j.Barrier())
}

// Printed tells what was printed since the last call.
func (d *Driver) Printed(ctx context.Context) ([]string, string, error) {
	return d.lines(ctx, "printed")
}

// Shown tells what the display shows.
func (d *Driver) Shown(ctx context.Context) ([]string, string, error) {
	return d.lines(ctx, "display")
}

// origins are where a program may read paper and display from.
var origins = []string{"host", "tap", "control", "operator"}

func (d *Driver) lines(ctx context.Context, what string) ([]string, string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var a struct {
		Lines  []string `json:"lines"`
		Origin string   `json:"origin"`
	}
	if err := d.ask(ctx, what, call{Call: what}, &a); err != nil {
		return nil, "", err
	}
	if a.Origin == "" {
		a.Origin = "host"
	}
	if !slices.Contains(origins, a.Origin) {
		return nil, "", fmt.Errorf("driver %s: origin %q: want one of %s", d.name, a.Origin, strings.Join(origins, ", "))
	}
	return a.Lines, a.Origin, nil
}

// Setting reads a setting back.
func (d *Driver) Setting(ctx context.Context, s fiscal.Setting) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var a struct {
		Value *string `json:"value"`
	}
	if err := d.ask(ctx, "settings", call{Call: "setting", Setting: s}, &a); err != nil {
		return "", err
	}
	if a.Value == nil {
		return "", fmt.Errorf("driver %s: its answer to setting has no value", d.name)
	}
	return *a.Value, nil
}

// Power switches the device.
func (d *Driver) Power(ctx context.Context, on bool) error { return d.flip(ctx, "power", on) }

// Paper takes the paper away and puts it back.
func (d *Driver) Paper(ctx context.Context, in bool) error { return d.flip(ctx, "paper", in) }

// Battery drains the backup battery and makes it good again.
func (d *Driver) Battery(ctx context.Context, good bool) error { return d.flip(ctx, "battery", good) }

func (d *Driver) flip(ctx context.Context, what string, on bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.Claims(what) { // nothing is switched, and nothing to be recorded
		return d.effect(ctx, what, call{Call: what, On: &on})
	}
	return device.Switching(d.j, what, on, switchWords[what], func() error { return d.effect(ctx, what, call{Call: what, On: &on}) })
}

var switchWords = map[string][2]string{"power": {"off", "on"}, "paper": {"out", "in"}, "battery": {"flat", "good"}}

// Reset restarts the device.
func (d *Driver) Reset(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.Claims("reset") {
		return d.effect(ctx, "reset", call{Call: "reset"})
	}
	return device.Switching(d.j, "reset", true, [2]string{"not done", "done"}, func() error { return d.effect(ctx, "reset", call{Call: "reset"}) })
}

// StepClock moves the device's clock forward.
func (d *Driver) StepClock(ctx context.Context, by time.Duration) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if by <= 0 {
		return fmt.Errorf("driver %s: the clock can only be moved forward, not by %v", d.name, by)
	}
	var a struct {
		From civilTime `json:"from"`
		To   civilTime `json:"to"`
	}
	ms := by.Milliseconds()
	if err := d.askFor(ctx, d.o.Effect, "clock", call{Call: "clock", ForwardMS: &ms}, &a); err != nil {
		return err
	}
	if a.To.IsZero() {
		return fmt.Errorf("driver %s: its answer to clock does not say to what time", d.name)
	}
	_, err := d.j.Append(history.Control, history.ClockSet{What: "device", From: a.From.Time, To: a.To.Time})
	return err
}

// Queue tells the state of the offline queue.
func (d *Driver) Queue(ctx context.Context) (device.Queue, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var a struct {
		Offline *bool     `json:"offline"`
		Unsent  *int      `json:"unsent"`
		Oldest  civilTime `json:"oldest"`
	}
	if err := d.ask(ctx, "queue", call{Call: "queue"}, &a); err != nil {
		return device.Queue{}, err
	}
	if a.Offline == nil || a.Unsent == nil || *a.Unsent < 0 {
		return device.Queue{}, fmt.Errorf("driver %s: its answer to queue needs offline and unsent", d.name)
	}
	return device.Queue{Offline: *a.Offline, Unsent: *a.Unsent, Oldest: a.Oldest.Time}, nil
}

func (d *Driver) ask(ctx context.Context, ability string, c call, into any) error {
	return d.askFor(ctx, d.o.Answer, ability, c, into)
}

func (d *Driver) effect(ctx context.Context, ability string, c call) error {
	return d.askFor(ctx, d.o.Effect, ability, c, &struct{}{})
}

func (d *Driver) askFor(ctx context.Context, limit time.Duration, ability string, c call, into any) error {
	if !d.Claims(ability) {
		return fmt.Errorf("driver %s: %s: %w", d.name, ability, device.ErrNotAble)
	}
	return d.call(ctx, limit, c, into)
}

// call makes one call and waits for its answer.
func (d *Driver) call(ctx context.Context, limit time.Duration, c call, into any) error {
	if d.p == nil {
		return fmt.Errorf("driver %s: %w", d.name, ErrEnded)
	}
	d.last++
	c.ID = d.last
	if err := d.p.call(ctx, limit, c, into); err != nil {
		return fmt.Errorf("driver %s: %s: %w", d.name, c.Call, err)
	}
	return nil
}
