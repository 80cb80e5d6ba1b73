// Package clock is the only place of the bench that knows what time it is and
// the only one that sleeps.
//
// There are three kinds of time, and code that uses a [Clock] cannot tell them
// apart: simulated ([Virtual]: a heap of timers and a hand that somebody
// turns), real ([Real]), and stepped (a [Real] clock whose wall time was moved
// together with the device's).
//
// A [Loop] is a clock whose timers and posted functions run one after another,
// never at once: the simulators are plain state machines on such a loop and
// need no locks. [Virtual] is one by nature; [Real] has a goroutine for it.
package clock

import (
	"context"
	"time"
)

// Instant is a moment: Mono counts from the start of the run and never jumps,
// Wall is the civil time that devices and papers speak of.
type Instant struct {
	Mono time.Duration `json:"mono"`
	Wall time.Time     `json:"wall"`
}

// Add moves both readings.
func (i Instant) Add(d time.Duration) Instant { return Instant{i.Mono + d, i.Wall.Add(d)} }

// Clock tells the time and wakes.
type Clock interface {
	Now() Instant
	// AfterFunc calls f once, after d (at once when d <= 0, but never inside
	// this call). On a Loop, f runs on the loop.
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is a pending call.
type Timer interface {
	// Stop says whether it prevented the call.
	Stop() bool
}

// Loop is a clock whose callbacks never run at once.
type Loop interface {
	Clock
	// Post queues f behind what is already due. It may be called from any goroutine.
	Post(f func())
	// Wait blocks the caller (never a callback of the loop) until ready
	// returns true or the deadline passes, and tells which: true for ready.
	// ready is called on the loop. In simulated time this is what turns the hand.
	Wait(ctx context.Context, deadline Instant, ready func() bool) (bool, error)
}
