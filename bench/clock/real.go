package clock

import (
	"context"
	"sync"
	"time"
)

// Real is the computer's clock with a goroutine of its own for callbacks. Mono
// counts from its creation. [Real.Step] moves the wall reading: stepped time.
type Real struct {
	mu    sync.Mutex
	start time.Time
	shift time.Duration

	queued sync.Mutex
	queue  []func()
	work   chan struct{} // holds a token while something is queued
	done   chan struct{}
	once   sync.Once
}

// NewReal starts the loop. Stop it with Close.
func NewReal() *Real {
	r := &Real{start: time.Now(), work: make(chan struct{}, 1), done: make(chan struct{})}
	go r.run()
	return r
}

func (r *Real) run() {
	var batch, spare []func()
	for {
		select {
		case <-r.work:
		case <-r.done:
			return
		}
		r.queued.Lock()
		batch, r.queue = r.queue, spare[:0]
		r.queued.Unlock()
		for i, f := range batch {
			select {
			case <-r.done:
				return
			default:
			}
			batch[i] = nil
			f()
		}
		spare = batch
		if cap(spare) > keep {
			spare = nil // a burst is not worth its memory for ever
		}
	}
}

// keep is how much room for queued functions is held on to between bursts.
const keep = 4096

// Close ends the loop; pending callbacks are dropped.
func (r *Real) Close() { r.once.Do(func() { close(r.done) }) }

// Now tells the time.
func (r *Real) Now() Instant {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := time.Now()
	mono := t.Sub(r.start)
	return Instant{mono + r.shift, t.Round(0).Add(r.shift)}
}

// Step moves both readings forward by d: the bench follows a device whose clock
// was set forward. Timers that were set before are not moved.
func (r *Real) Step(d time.Duration) {
	r.mu.Lock()
	r.shift += d
	r.mu.Unlock()
}

// Post queues f. It never waits, so that callbacks may post as well: whoever
// posts from outside without end must bound himself.
func (r *Real) Post(f func()) {
	select {
	case <-r.done:
		return
	default:
	}
	r.queued.Lock()
	r.queue = append(r.queue, f)
	r.queued.Unlock()
	select {
	case r.work <- struct{}{}:
	default:
	}
}

// AfterFunc runs f on the loop.
func (r *Real) AfterFunc(d time.Duration, f func()) Timer {
	t := &rtimer{}
	t.t = time.AfterFunc(max(d, 0), func() {
		r.Post(func() {
			if t.take() {
				f()
			}
		})
	})
	return t
}

type rtimer struct {
	mu   sync.Mutex
	t    *time.Timer
	gone bool
}

func (t *rtimer) take() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gone {
		return false
	}
	t.gone = true
	return true
}

func (t *rtimer) Stop() bool {
	ok := t.take()
	t.t.Stop()
	return ok
}

// poll is how often Wait looks again when nothing woke it. It bounds the delay
// with which a driver notices a byte, so it stays well under a serial byte's time.
const poll = time.Millisecond

// Wait looks at ready on the loop until it is true or the deadline passes.
func (r *Real) Wait(ctx context.Context, deadline Instant, ready func() bool) (bool, error) {
	for {
		ok := make(chan bool, 1)
		if ready != nil {
			r.Post(func() { ok <- ready() })
			select {
			case b := <-ok:
				if b {
					return true, nil
				}
			case <-r.done:
				return false, context.Canceled
			case <-ctx.Done():
				return false, ctx.Err()
			}
		}
		left := deadline.Mono - r.Now().Mono
		if left <= 0 {
			return false, nil
		}
		if ready != nil {
			left = min(left, poll)
		}
		t := time.NewTimer(left)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return false, ctx.Err()
		case <-r.done:
			t.Stop()
			return false, context.Canceled
		}
	}
}
