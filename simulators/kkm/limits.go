package kkm

import (
	"time"
)

// The register's clock keeps seconds, so ages are compared in whole seconds: an
// age of exactly the limit is still allowed (seams: one-sided limits).

func older(since, now time.Time, limit time.Duration) bool {
	return !since.IsZero() && now.Truncate(time.Second).Sub(since.Truncate(time.Second)) > limit
}

// shiftTooLong: KZ 431 row 13. A document ends with its last line; a clock that
// keeps seconds has that end at the next full second.
func (r *Register) shiftTooLong() bool {
	n := r.nv
	if !n.counters.Open {
		return false
	}
	since := r.shiftSince()
	if r.q.shiftFromFirst {
		since = n.firstDoc
	}
	return n.tooLong || older(since.Add(time.Second-1), r.now(), r.profile.Limits.Shift+r.q.shiftExtra) && !since.IsZero()
}

// shiftSince is the end of the document from which the shift counts: the first
// payment document, or in a computer system of order 626 the first cash operation,
// whatever it is (KZ 626 row 93).
func (r *Register) shiftSince() time.Time {
	if r.complex() && r.modern() && !r.q.shiftFromPaid {
		return r.nv.firstDoc
	}
	return r.nv.paidSince
}

// offlineTooLong: KZ 431 row 27.6, counted from the oldest receipt that the OFD has not confirmed.
func (r *Register) offlineTooLong() bool {
	since := r.nv.oldest()
	if r.q.cutoffFromNewest {
		since = r.nv.newest()
	}
	return older(since, r.now(), r.profile.Limits.Offline+r.q.cutoffExtra)
}
