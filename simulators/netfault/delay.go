package netfault

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Spread is how jitter is distributed.
type Spread uint8

// The distributions. None is ever negative, and none is longer than longestJitter times Jitter.
const (
	// Uniform lies evenly between nothing and Jitter.
	Uniform Spread = iota
	// Normal is a bell around Fixed with the standard deviation Jitter.
	Normal
	// Exponential has the mean Jitter: mostly little, now and then much.
	Exponential
	// Pareto has the mean Jitter and a heavy tail (shape 3), like queues of mobile networks.
	Pareto
	lastSpread = Pareto
)

var spreadNames = [...]string{"uniform", "normal", "exponential", "pareto"}

// String names the distribution.
func (s Spread) String() string {
	if int(s) < len(spreadNames) {
		return spreadNames[s]
	}
	return fmt.Sprintf("Spread(%d)", uint8(s))
}

// longestJitter bounds the tails: a packet that draws more comes after this many times Jitter.
const longestJitter = 10

// shape of the Pareto distribution: its variance is finite, its tail is heavy.
const shape = 3

// draw is a random time of this distribution; for Normal it may be negative. It
// is a whole number of microseconds, so that processors that round floating
// point differently do not make different runs.
func (s Spread) draw(r *rand.Rand, jitter time.Duration) time.Duration {
	j := float64(jitter)
	var t float64
	switch s {
	case Uniform:
		return time.Duration(r.Int64N(int64(jitter) + 1))
	case Normal:
		t = r.NormFloat64() * j
	case Exponential:
		t = r.ExpFloat64() * j
	case Pareto:
		t = j * (shape - 1) / shape * math.Pow(1-r.Float64(), -1.0/shape)
	}
	return time.Duration(max(-longestJitter*j, min(t, longestJitter*j))).Round(time.Microsecond)
}

// Delay holds packets for Fixed and a random time by Jitter. They stay in
// order: a packet that drew a short time waits for the one before it.
type Delay struct {
	Match
	Fixed  time.Duration
	Jitter time.Duration // on top, as Spread says
	Spread Spread
	Pick   Pick
}

// Check refuses figures that make no sense.
func (d Delay) Check() error {
	if d.Fixed < 0 || d.Jitter < 0 || d.Fixed+d.Jitter <= 0 || d.Fixed > longestDelay || d.Jitter > longestDelay/longestJitter {
		return fmt.Errorf("delay %v, jitter %v: want no negative time, one of them longer than nothing, and at most %v of delay, a tenth of it of jitter", d.Fixed, d.Jitter, longestDelay)
	}
	if d.Spread > lastSpread {
		return fmt.Errorf("distribution %d: want one of %q", d.Spread, spreadNames)
	}
	return errors.Join(d.Match.Check(), d.Pick.check())
}

// longestDelay is longer than any packet lives (RFC 9293, 3.4.1: two minutes)
// and than any application waits; more is a slip of the pen.
const longestDelay = time.Hour

// Decide holds the packet.
func (d Delay) Decide(m Moment, _ Packet) Decision {
	if !d.Pick.picks(m) {
		return Pass
	}
	t := d.Fixed
	if d.Jitter > 0 {
		t += d.Spread.draw(m.Rand, d.Jitter)
	}
	t = max(t, 0)
	return Decision{Delay: t, Strikes: true, Note: fmt.Sprintf("delayed by %v", t)}
}

// String describes the fault.
func (d Delay) String() string {
	what := d.Match.String()
	if d.Pick != (Pick{}) {
		what = d.Pick.String() + " " + what
	}
	switch {
	case d.Jitter == 0:
		return fmt.Sprintf("delay %s by %v", what, d.Fixed)
	case d.Spread == Uniform:
		return fmt.Sprintf("delay %s by %v to %v", what, d.Fixed, d.Fixed+d.Jitter)
	}
	return fmt.Sprintf("delay %s by %v and %v jitter of %v", what, d.Fixed, d.Spread, d.Jitter)
}

// Rate is a bottleneck with a queue, one for each direction: packets leave it
// one after another at BitsPerSecond, and what does not fit the queue is dropped.
type Rate struct {
	Match
	BitsPerSecond int64
	Queue         int // bytes that may wait; 0: no limit
}

// Check refuses figures that make no sense.
func (r Rate) Check() error {
	if r.BitsPerSecond <= 0 || r.Queue < 0 {
		return fmt.Errorf("rate %d bit/s, queue %d bytes: want a rate above 0 and no negative queue", r.BitsPerSecond, r.Queue)
	}
	return r.Match.Check()
}

// Decide queues the packet.
func (r Rate) Decide(m Moment, p Packet) Decision {
	from := max(m.Now.Mono, m.Until)
	waiting := (from - m.Now.Mono).Microseconds() * r.BitsPerSecond / 8 / 1_000_000
	if r.Queue > 0 && waiting+int64(len(p.Frame)) > int64(r.Queue) {
		return Decision{Drop: true, Strikes: true, Note: fmt.Sprintf("dropped: %d bytes wait, the queue holds %d", waiting, r.Queue)}
	}
	t := from + time.Duration(int64(len(p.Frame))*8*int64(time.Second)/r.BitsPerSecond) - m.Now.Mono
	return Decision{Delay: t, Strikes: true, Note: fmt.Sprintf("queued for %v at %d bit/s", t, r.BitsPerSecond)}
}

// String describes the fault.
func (r Rate) String() string {
	return fmt.Sprintf("limit %v to %d bit/s, queue %d bytes", r.Match, r.BitsPerSecond, r.Queue)
}
