package script

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/simulators/netfault"
)

// Options say where in the run a script begins.
type Options struct {
	// Elapsed is the bench time that had passed before this process: a run that was
	// stopped at hour 41 goes on with 41h. Faults that would be in force are set
	// at once, with their past, and what has ended is not set.
	Elapsed time.Duration
	// Record is what earlier processes of the run wrote down, nil: nothing. What
	// the faults of the present windows had done is counted from it.
	Record history.View
}

// Run is a script at work.
type Run struct {
	n       *netfault.Network
	loop    clock.Loop
	origin  time.Duration // bench time is Now.Mono plus this
	past    map[string]netfault.Past
	simul   bool
	entries []*active

	mu      sync.Mutex
	timers  map[*active]clock.Timer
	stopped bool
	err     error
	unspent []string
}

// active is one fault of an entry on one link.
type active struct {
	r     *Run
	e     Entry
	link  *netfault.Link
	id    string
	fault netfault.Fault
	on    bool // guarded by r.mu, like began
	began bool
	next  time.Duration // bench time of the next change
}

// glance is how often the time is looked at in real time: a bench that follows a
// device's clock forward moves it under a waiting timer.
const glance = 500 * time.Millisecond

// Start sets what is in force and waits for the rest. A link that is not there
// is refused before anything is set. It may be called on the loop or beside it.
func (s Script) Start(n *netfault.Network, loop clock.Loop, o Options) (*Run, error) {
	if o.Elapsed < 0 {
		return nil, fmt.Errorf("%s: a start %v before the run: want no negative time", s.Name, -o.Elapsed)
	}
	now := loop.Now()
	r := &Run{n: n, loop: loop, origin: o.Elapsed - now.Mono, past: pasts(o.Record, now), timers: map[*active]clock.Timer{}}
	_, r.simul = loop.(*clock.Virtual)
	var errs []error
	for _, e := range s.Entries {
		names := e.Links
		if len(names) == 0 {
			names = n.Links()
		}
		for _, name := range names {
			l, ok := n.Link(name)
			if !ok {
				errs = append(errs, fmt.Errorf("%s: link %q is not there: want one of %s", e.where(s.Name, name), name, strings.Join(n.Links(), ", ")))
				continue
			}
			for _, f := range e.Faults {
				id := e.ID
				if f.ID != "" {
					id += "/" + f.ID
				}
				r.entries = append(r.entries, &active{r: r, e: e, link: l, id: id, fault: f.Fault})
			}
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	for _, a := range r.entries {
		a.enter(o.Elapsed)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r, r.err
}

// where is the place of a link's name.
func (e Entry) where(file, name string) string {
	n := e.link
	if list, ok := n.(*ast.SequenceNode); ok {
		for _, v := range list.Values {
			if s, ok := v.(*ast.StringNode); ok && s.Value == name {
				n = v
			}
		}
	}
	if n == nil {
		return e.place
	}
	at := n.GetToken().Position
	return fmt.Sprintf("%s:%d:%d", file, at.Line, at.Column)
}

// window is the present or next window of an entry at a bench time; ok is false
// when there is none any more. An end of 0 is none.
func (e Entry) window(now time.Duration) (from, to time.Duration, ok bool) {
	from, to = e.At, e.Until
	if e.Every > 0 && now >= to {
		k := (now - to) / e.Every
		from, to = from+k*e.Every, to+k*e.Every
		if now >= to {
			from, to = from+e.Every, to+e.Every
		}
	}
	return from, to, to == 0 || now < to
}

// enter begins in the middle of a run.
func (a *active) enter(now time.Duration) {
	from, to, ok := a.e.window(now)
	if !ok {
		return
	}
	if from > now {
		a.wait(from)
		return
	}
	p := a.r.past[a.link.Name()+"\x00"+a.id]
	if p.First > now-from {
		p = netfault.Past{} // it struck in an earlier window
	}
	p.Since, p.Fresh = now-from, now == from
	a.set(p)
	if to > 0 {
		a.wait(to)
	}
}

func (a *active) set(p netfault.Past) {
	err := a.link.Resume(a.id, a.fault, p)
	if err != nil {
		a.r.fail(fmt.Errorf("%s: %w", a.e.place, err))
	}
	a.r.mu.Lock()
	defer a.r.mu.Unlock()
	a.began, a.on = true, err == nil
}

// wait calls turn at a bench time.
func (a *active) wait(until time.Duration) {
	a.next = until
	r := a.r
	left := until - r.now()
	if !r.simul {
		left = min(left, glance)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.stopped {
		r.timers[a] = r.loop.AfterFunc(left, a.turn)
	}
}

func (r *Run) now() time.Duration { return r.loop.Now().Mono + r.origin }

// turn sets or lifts the fault when it is time.
func (a *active) turn() {
	r := a.r
	r.mu.Lock()
	stopped, on := r.stopped, a.on
	a.on = a.on && r.now() < a.next
	r.mu.Unlock()
	now := r.now()
	switch {
	case stopped:
		return
	case now < a.next:
		a.wait(a.next)
		return
	}
	if on {
		struck, err := a.link.Clear(a.id)
		if err != nil {
			r.fail(fmt.Errorf("%s: %w", a.e.place, err))
		}
		if struck == 0 {
			r.mu.Lock()
			r.unspent = append(r.unspent, fmt.Sprintf("%s: %s on link %s never struck before %v", a.e.place, a.id, a.link.Name(), now))
			r.mu.Unlock()
		}
	}
	from, to, ok := a.e.window(now)
	if !ok {
		return
	}
	if from > now {
		a.wait(from)
		return
	}
	a.set(netfault.Past{Since: now - from, Fresh: true})
	if to > 0 {
		a.wait(to)
	}
}

func (r *Run) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = errors.Join(r.err, err)
}

// Err is what went wrong since the start.
func (r *Run) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Stop sets and lifts nothing any more.
func (r *Run) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	for _, t := range r.timers {
		t.Stop()
	}
}

// Unspent tells, one sentence each, which faults never struck a packet, and which
// never began: neither proves anything about the register.
func (r *Run) Unspent() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := slices.Clone(r.unspent)
	for _, a := range r.entries {
		switch {
		case !a.began:
			out = append(out, fmt.Sprintf("%s: %s on link %s never began", a.e.place, a.id, a.link.Name()))
		case a.on && !a.link.Spent(a.id):
			out = append(out, fmt.Sprintf("%s: %s on link %s has not struck", a.e.place, a.id, a.link.Name()))
		}
	}
	return out
}

// pasts counts from a record what faults had done that were not lifted. What lies
// further back than a window's beginning is not of that window; enter sees to it by First.
func pasts(v history.View, now clock.Instant) map[string]netfault.Past {
	out := map[string]netfault.Past{}
	if v == nil {
		return out
	}
	for e := range v.Events() {
		switch b := e.Body.(type) {
		case history.FaultCleared:
			delete(out, e.Link+"\x00"+b.ID)
		case history.Struck:
			p := out[e.Link+"\x00"+b.ID]
			p.Seen, p.Struck = max(p.Seen, b.Seen), p.Struck+1
			if p.Struck == 1 {
				p.First = max(0, now.Wall.Sub(e.At.Wall))
			}
			out[e.Link+"\x00"+b.ID] = p
		}
	}
	return out
}
