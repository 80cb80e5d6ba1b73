package netfault

import (
	"fmt"
	"time"
)

// Delay holds packets for Fixed and a random share of Jitter. They stay in
// order: a packet that drew a short time waits for the one before it.
type Delay struct {
	Match
	Fixed  time.Duration
	Jitter time.Duration // evenly spread from 0 to this, on top
}

// Check refuses figures that make no sense.
func (d Delay) Check() error {
	if d.Fixed < 0 || d.Jitter < 0 || d.Fixed+d.Jitter <= 0 {
		return fmt.Errorf("delay %v, jitter %v: want no negative time and one of them longer than nothing", d.Fixed, d.Jitter)
	}
	return d.Match.Check()
}

// Decide holds the packet.
func (d Delay) Decide(m Moment, p Packet) Decision {
	t := d.Fixed
	if d.Jitter > 0 {
		t += time.Duration(m.Rand.Int64N(int64(d.Jitter) + 1))
	}
	return Decision{Delay: t, Strikes: true, Note: fmt.Sprintf("delayed by %v", t)}
}

// String describes the fault.
func (d Delay) String() string {
	if d.Jitter > 0 {
		return fmt.Sprintf("delay %v by %v to %v", d.Match, d.Fixed, d.Fixed+d.Jitter)
	}
	return fmt.Sprintf("delay %v by %v", d.Match, d.Fixed)
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
