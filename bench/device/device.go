// Package device is what the bench knows of a register: one small interface
// that every driver implements, and optional capabilities that a driver or a
// control API may have and that are found by assertion.
//
// A driver writes down what it does: an Intent and a Barrier before an effect,
// every byte on the line, a Result after it. It never repeats an effect whose
// answer was lost without asking the device first, and it never judges.
// Begin with [Device]. Drivers live in sub-packages, one each, with the framing
// in a package frame below them that imports nothing of ours.
package device

import (
	"context"
	"errors"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Device is a register under test.
type Device interface {
	// Identity asks what the device is. It never prints or changes anything.
	Identity(ctx context.Context) (history.Identity, error)
	// State asks for the device's state and records it.
	State(ctx context.Context) (history.State, error)
	// Do performs one operation: Intent, Barrier, bytes, Result. The outcome says
	// what the device answered: a refusal is not an error, and an answer that
	// never came is fiscal.Unknown without an error. An error means that the
	// bench could not do its work (port gone, record not writable).
	Do(ctx context.Context, op fiscal.Op) (fiscal.Outcome, error)
	Close() error
}

// Printer tells what was printed since the last call, as text, and where it is
// read from: host, tap, control, operator.
type Printer interface {
	Printed(ctx context.Context) (lines []string, origin string, err error)
}

// Display tells what the display shows now.
type Display interface {
	Shown(ctx context.Context) (lines []string, origin string, err error)
}

// Settings reads settings back.
type Settings interface {
	Setting(ctx context.Context, s fiscal.Setting) (string, error)
}

// Setter enters a setting on the device itself, as a person would on its
// keyboard, for those that the host protocol has no command for.
type Setter interface {
	Set(ctx context.Context, op fiscal.Op) (fiscal.Outcome, error)
}

// Power switches the device. Off loses what is not in non-volatile memory.
type Power interface {
	Power(ctx context.Context, on bool) error
}

// Paper takes the paper away and puts it back.
type Paper interface {
	Paper(ctx context.Context, in bool) error
}

// Breaker makes a part of the device fail, or whole again: printer, clock,
// software (another image), data (a record of the last shift is altered), data-old (an older one).
type Breaker interface {
	Break(ctx context.Context, unit string, broken bool) error
}

// Switching does something with a device from outside and records it where it
// can bear a verdict. What lets the device work (power, paper) stands in the record
// before it is done, what stops it stands there afterwards: whatever the
// device does in between, such as its first message after power-on, then lies on the
// side on which it may happen. One that failed is taken back in the record.
func Switching(j history.Journal, what string, on bool, words [2]string, do func() error) error {
	note := func(to string) error {
		_, err := j.Append(history.Control, history.Switched{What: what, To: to})
		return err
	}
	if on {
		if err := note(words[1]); err != nil {
			return err
		}
	}
	if err := do(); err != nil {
		if on {
			err = errors.Join(err, note(words[0]))
		}
		return err
	}
	if on {
		return nil
	}
	return note(words[0])
}

// Stepper moves the device's clock forward from outside, with the shift open or not (control API).
type Stepper interface {
	StepClock(ctx context.Context, d time.Duration) error
}

// Battery takes the charge out of the backup battery and puts it back.
type Battery interface {
	Battery(ctx context.Context, good bool) error
}

// Resetter restarts the device as its own watchdog would.
type Resetter interface {
	Reset(ctx context.Context) error
}

// Queue is what a device keeps for the OFD.
type Queue struct {
	Offline bool
	Unsent  int       // documents that the OFD has not confirmed
	Oldest  time.Time // of the oldest of them, civil time; zero when there is none
}

// Queuer tells the state of the offline queue.
type Queuer interface {
	Queue(ctx context.Context) (Queue, error)
}

// Claims is what a driver or a control API implements whose optional abilities
// only show when the other side was asked: its methods are there always, and
// Claims says which of them mean something. The words: printed, display, settings,
// power, paper, clock, battery, reset, queue, unit.
type Claims interface {
	Claims(ability string) bool
}

// Able finds an optional capability in a device or a control API: T is one of
// the interfaces of this package. A capability that is not claimed is not there.
func Able[T any](d any) (T, bool) {
	t, ok := d.(T)
	c, partial := d.(Claims)
	if !ok || !partial {
		return t, ok
	}
	ability := ""
	switch any((*T)(nil)).(type) {
	case *Printer:
		ability = "printed"
	case *Display:
		ability = "display"
	case *Settings:
		ability = "settings"
	case *Power:
		ability = "power"
	case *Paper:
		ability = "paper"
	case *Stepper:
		ability = "clock"
	case *Battery:
		ability = "battery"
	case *Resetter:
		ability = "reset"
	case *Queuer:
		ability = "queue"
	case *Breaker:
		ability = "unit"
	}
	if ability != "" && !c.Claims(ability) {
		var none T
		return none, false
	}
	return t, true
}

// ErrNotAble says that the device or its driver cannot do what was asked; rows
// that hang on it are unknown.
var ErrNotAble = errors.New("the device cannot do this over its interface")

// ErrSilent says that the device gave no answer that can be read: it hangs, or
// what it sends is garbage. That is the device's doing and no fault of the
// bench; what hangs on it is unknown.
var ErrSilent = errors.New("the device gives no answer that can be read")

// Port is a serial line or something that behaves like one.
type Port interface {
	Write(ctx context.Context, p []byte) error
	// Read waits until at least one byte is there or d has passed; n == 0 with
	// a nil error is a time-out.
	Read(ctx context.Context, p []byte, d time.Duration) (n int, err error)
	Close() error
}
