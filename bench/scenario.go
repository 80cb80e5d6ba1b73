package bench

import (
	"context"
	"time"
)

// A Scenario is a sequence of stimuli, declared: steps with names that a
// cashier understands, and waits as data. It never judges; it names the checks
// whose evidence it leaves in the record.
type Scenario struct {
	Key    string       // theme/name, such as offline/cutoff
	Doc    string       // one sentence: what is done, and why
	Checks []string     // what it is run for: check keys, never row numbers
	Also   []string     // checks that find evidence in it too when it is run anyway
	Needs  []Capability // what the device or its control must be able to do
	// Late puts the scenario behind the others: it leaves the register in a
	// state that would spoil them if the register fails it.
	Late  bool
	Steps []Step
}

// Step is one It of the campaign.
type Step struct {
	Name string
	// After is waited for before the step begins.
	After Wait
	// Run gives the stimulus. What must hold for the evidence to be worth
	// anything is asserted with Gomega; a returned error is the bench's own trouble,
	// but for device.ErrNotAble, which says that the device has no such thing.
	Run func(ctx context.Context, b *Bench) error
}

// Wait is a stretch of time that a step lets pass first.
type Wait struct {
	// Op is "step/n" of an operation of the same scenario whose completion the
	// wait is counted from; empty: from now.
	Op  string
	For time.Duration
	// Early names an operation, "step/n", that was like the one to come: the wait
	// ends earlier by the time that its entry took, so that the entry of the
	// coming operation ends when the wait says.
	Early string
	// From is the moment of Op that is counted from: its completion when it is
	// empty, else one of the Of constants.
	From Moment
	Why  string
}

// Moment is a moment of an operation.
type Moment string

// The moments that a wait may be counted from besides the completion.
const (
	OfBegin Moment = "begin" // before its first byte
	OfEntry Moment = "entry" // its entry was complete
)

// Pause waits from the end of the step before.
func Pause(d time.Duration, why string) Wait { return Wait{For: d, Why: why} }

// SinceOp waits until d after operation op ("step/n") was complete.
func SinceOp(op string, d time.Duration, why string) Wait { return Wait{Op: op, For: d, Why: why} }

// EntryLike makes the wait end so early that an operation which is entered as
// fast as op ends its entry at the waited-for moment.
func (w Wait) EntryLike(op string) Wait { w.Early = op; return w }

// Counting makes the wait count from another moment of its operation.
func (w Wait) Counting(m Moment) Wait { w.From = m; return w }

// Zero says that there is nothing to wait for.
func (w Wait) Zero() bool { return w == Wait{} }

// Capability is what a scenario needs beyond the operations of a register.
type Capability string

// The capabilities.
const (
	ReadsPrint    Capability = "print"    // printed text can be read
	ReadsDisplay  Capability = "display"  // the display can be read
	ReadsSettings Capability = "settings" // settings can be read back
	SwitchesPower Capability = "power"
	TakesPaper    Capability = "paper"
	StepsClock    Capability = "clock" // the device's clock can be moved from outside
)
