package check

import (
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Registers keep whole seconds, and a limit of hours is a question of one of
// them: 72 h is allowed, 72 h and a second is not. What this file gathers is
// which second the register's own clock showed at a moment of the bench, as far as
// the record tells, so that both sides of a limit can be decided and nothing is guessed.

// clockEpoch is a stretch of the record in which nobody set the register's
// clock. The register's clock is ahead of the bench's by something in [lo, hi].
type clockEpoch struct {
	from   history.Seq
	lo, hi time.Duration
	seen   bool
	broken bool // two readings contradict each other: the clock drifts or was moved unseen
}

// narrow takes a reading into account: the register showed second d at a
// moment of the bench that lies between from and to.
func (e *clockEpoch) narrow(d, from, to time.Time) {
	lo, hi := d.Sub(to), d.Add(time.Second).Sub(from)
	if !e.seen {
		e.lo, e.hi, e.seen = lo, hi, true
		return
	}
	e.lo, e.hi = max(e.lo, lo), min(e.hi, hi)
	if e.lo > e.hi {
		e.broken = true
	}
}

// secondsOfClock gathers readings of the register's clock: those that it gave
// when it was asked, and the times of documents that reached the OFD while they were
// made. Only in simulated time do bench and register share one clock that does
// not drift; elsewhere readings days apart say nothing about each other.
func (r *Record) secondsOfClock() {
	if r.Begin.TimeMode != "simulated" || r.Backwards != 0 {
		return
	}
	r.epochs = []*clockEpoch{{}}
	var quiet clock.Instant // end of the last event that cannot have been part of a question to the register
	exchange := 0
	for e := range r.View.Events() {
		cur := r.epochs[len(r.epochs)-1]
		switch b := e.Body.(type) {
		case history.HostBytes:
			continue // between question and answer
		case history.State:
			if !b.Clock.IsZero() && !quiet.Wall.IsZero() {
				cur.narrow(civil(b.Clock).Truncate(time.Second), civil(quiet.Wall), civil(e.At.Wall))
			}
		case history.Frame:
			for exchange < len(r.Exchanges) && r.Exchanges[exchange].Seq < e.Seq {
				exchange++
			}
			if exchange < len(r.Exchanges) && r.Exchanges[exchange].Seq == e.Seq {
				x := r.Exchanges[exchange]
				if t, ok := x.Moment(); ok && x.During != nil && x.Reports == x.During && len(x.Reports.Sent) > 0 && x.Reports.Sent[0] == x {
					// A wrong time in a message is a defect of its own row; it must not
					// spoil what is known of the clock.
					if t.After(r.deviceTime(x.During.At, e.Seq).Add(-clockTolerance)) && t.Before(r.deviceTime(e.At, e.Seq).Add(clockTolerance)) {
						cur.narrow(t, civil(x.During.At.Wall), civil(e.At.Wall))
					}
				}
			}
		case history.ClockSet:
			r.epochs = append(r.epochs, &clockEpoch{from: e.Seq})
		case history.Intent:
			if b.Op.Kind == fiscal.OpSetClock {
				r.epochs = append(r.epochs, &clockEpoch{from: e.Seq})
			}
		case history.Result:
			if o := r.byID[b.Op]; o != nil && o.Kind == fiscal.OpSetClock {
				r.epochs = append(r.epochs, &clockEpoch{from: e.Seq})
			}
		}
		quiet = e.At
	}
}

// ahead is what the register's clock was ahead of the bench's at event n; false
// when the record does not tell to within less than a second.
func (r *Record) ahead(n history.Seq) (lo, hi time.Duration, ok bool) {
	for i := len(r.epochs) - 1; i >= 0; i-- {
		if e := r.epochs[i]; e.from <= n {
			return e.lo, e.hi, e.seen && !e.broken
		}
	}
	return 0, 0, false
}

// sameClock says whether nobody touched the register's clock between two events.
func (r *Record) sameClock(a, b history.Seq) bool {
	if len(r.epochs) == 0 {
		return false
	}
	for _, e := range r.epochs {
		if e.from > a && e.from <= b {
			return false
		}
	}
	return true
}

// ownTime is the time that the register gave to operation o in its own message,
// in whole seconds of its clock.
func (r *Record) ownTime(o *Operation) (time.Time, bool) {
	for _, x := range o.Sent {
		if t, ok := x.Moment(); ok && r.inWindow(o, t) {
			return t, true
		}
	}
	return time.Time{}, false
}

// over sharpens how old something surely was when o began: the register's own
// clock showed at least that many whole seconds since its second from. Seconds that
// are counted may be one more than those that went by, but never across a limit of whole
// seconds: whoever counts more than it has passed it.
func (r *Record) over(s Span, from time.Time, o *Operation) Span {
	if lo, _, ok := r.ahead(o.Seq); ok {
		s.Lo = max(s.Lo, min(s.Hi, civil(o.At.Wall).Add(lo).Truncate(time.Second).Sub(from)))
	}
	return s
}

// shiftAge is the time from the end of a shift's first document to operation o.
// The document ended between the end of its entry and its completion, and not
// before the OFD had given its sign. A register may round that end up to a full second.
func (r *Record) shiftAge(base, o *Operation) Span {
	s := r.age(base, o)
	if !r.sameClock(base.Seq, o.Seq) {
		return s
	}
	from, blur := r.entered(base), base.Res.Blur
	for _, x := range base.Sent {
		if a := x.Answer(); x.During == base && a != nil && a.Seq < base.End && x.Confirmed() && !x.Faulty && r.Elapsed(from, a.At) > 0 {
			from, blur = a.At, 0
			break
		}
	}
	s.Hi = r.Elapsed(from, r.ended(o)) + blur
	if _, hi, ok := r.ahead(base.End); ok && base.End != 0 {
		end := civil(base.Res.Done.Wall).Add(hi)
		up := end.Truncate(time.Second)
		if up.Before(end) {
			up = up.Add(time.Second)
		}
		s = r.over(s, up, o)
	}
	return s
}

// queueAge is the time from an offline receipt to operation o. Where both carry
// times of the register's own, those decide; the law speaks of the receipt's age.
func (r *Record) queueAge(base, o *Operation) Span {
	s := r.age(base, o)
	own, known := r.ownTime(base)
	if !known {
		return s
	}
	if t, ok := r.ownTime(o); ok && base.End != 0 {
		// Both by the register's own clock, and by the bench's the limit was over
		// before the operation began: whichever is less is sure.
		s.Lo = max(s.Lo, min(s.Hi, t.Sub(own), r.Elapsed(base.Res.Done, o.At)-base.Res.Blur))
	}
	if !r.sameClock(base.Seq, o.Seq) {
		return s
	}
	from := base.At
	if _, hi, ok := r.ahead(base.Seq); ok {
		if d := own.Add(-hi).Sub(civil(base.At.Wall)); d > 0 {
			from = from.Add(d)
		}
	}
	s.Hi = r.Elapsed(from, r.ended(o))
	return r.over(s, own, o)
}

// entered is when the operator's input was complete, as far as the driver knows.
func (r *Record) entered(o *Operation) clock.Instant {
	if e := o.Res.Entered; e.Mono != 0 || !e.Wall.IsZero() {
		return e
	}
	return o.At
}

// ended is when the operation was over, its begin when it has no end.
func (r *Record) ended(o *Operation) clock.Instant {
	if o.End != 0 {
		return o.Res.Done
	}
	return o.At
}
