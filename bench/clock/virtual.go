package clock

import (
	"container/heap"
	"context"
	"fmt"
	"sync"
	"time"
)

// Virtual is a clock that stands still until [Virtual.Wait] turns it. Timers
// fire in the order of (time, number of creation), so that two runs are equal.
//
// The goroutine that calls Wait is the one on which all callbacks run. If other
// goroutines work on behalf of a callback (a TCP stack), settle must wait until
// none of them can run any more, and may hand their results over by calling
// back; it is called before each step of the hand and returns true when it
// delivered something, so that it is asked again before time moves.
type Virtual struct {
	mu     sync.Mutex
	now    time.Duration
	epoch  time.Time
	n      uint64
	timers timerHeap
	posted []func()
	settle func() bool
}

// NewVirtual makes a clock that stands at epoch. settle may be nil.
func NewVirtual(epoch time.Time, settle func() bool) *Virtual {
	return &Virtual{epoch: epoch, settle: settle}
}

// SetSettle installs the function that drains foreign goroutines; before the first Wait.
func (v *Virtual) SetSettle(f func() bool) { v.settle = f }

// Now tells the time.
func (v *Virtual) Now() Instant {
	v.mu.Lock()
	defer v.mu.Unlock()
	return Instant{v.now, v.epoch.Add(v.now)}
}

// AfterFunc is safe for concurrent use.
func (v *Virtual) AfterFunc(d time.Duration, f func()) Timer {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.n++
	t := &vtimer{v: v, at: v.now + max(d, 0), n: v.n, f: f}
	heap.Push(&v.timers, t)
	return t
}

// Post queues f at the present moment.
func (v *Virtual) Post(f func()) {
	v.mu.Lock()
	v.posted = append(v.posted, f)
	v.mu.Unlock()
}

// Wait turns the hand until ready or the deadline.
func (v *Virtual) Wait(ctx context.Context, deadline Instant, ready func() bool) (bool, error) {
	for {
		if ready != nil && ready() {
			return true, nil
		}
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if f := v.takePosted(); f != nil {
			f()
			continue
		}
		if v.settle != nil && v.settle() {
			continue
		}
		f, arrived := v.next(deadline.Mono)
		if f != nil {
			f()
			continue
		}
		if arrived {
			if ready != nil && ready() {
				return true, nil
			}
			return false, nil
		}
	}
}

func (v *Virtual) takePosted() func() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.posted) == 0 {
		return nil
	}
	f := v.posted[0]
	v.posted = v.posted[1:]
	return f
}

// next pops the earliest timer that is due before or at end, moving the hand to
// it; without one it moves the hand to end and says so.
func (v *Virtual) next(end time.Duration) (f func(), arrived bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.timers) > 0 && v.timers[0].at <= end {
		t := heap.Pop(&v.timers).(*vtimer)
		v.now = max(v.now, t.at)
		return t.f, false
	}
	if len(v.posted) > 0 {
		return nil, false
	}
	v.now = max(v.now, end)
	return nil, true
}

// String tells time and pending timers, for messages.
func (v *Virtual) String() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return fmt.Sprintf("virtual %v, %d timers", v.now, len(v.timers))
}

type vtimer struct {
	v  *Virtual
	at time.Duration
	n  uint64
	i  int
	f  func()
}

func (t *vtimer) Stop() bool {
	t.v.mu.Lock()
	defer t.v.mu.Unlock()
	if t.i < 0 || t.i >= len(t.v.timers) || t.v.timers[t.i] != t {
		return false
	}
	heap.Remove(&t.v.timers, t.i)
	return true
}

type timerHeap []*vtimer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	if h[i].at != h[j].at {
		return h[i].at < h[j].at
	}
	return h[i].n < h[j].n
}
func (h timerHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i]; h[i].i, h[j].i = i, j }
func (h *timerHeap) Push(x any)   { t := x.(*vtimer); t.i = len(*h); *h = append(*h, t) }
func (h *timerHeap) Pop() any {
	o := *h
	t := o[len(o)-1]
	o[len(o)-1] = nil
	*h = o[:len(o)-1]
	t.i = -1
	return t
}
