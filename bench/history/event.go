// Package history is the record of a run: typed events, the append-only journal
// that holds them, and read views over it.
//
// The history is the single source of truth. Drivers, simulators and the
// campaign append to a [Journal]; checks and reports read a [View] and nothing
// else. The set of event bodies is closed: see [Body] and the types below it.
//
// In a simulated run the journal is buffered and holds nothing that differs
// from run to run (no host name, path, build or real time); with a real device
// [Journal.Barrier] makes everything durable before an effect is sent.
package history

import (
	"iter"

	"github.com/kkmtest/kkmtest/bench/clock"
)

// Seq numbers the events of a run from 1, without a gap.
type Seq uint64

// Source tells who wrote an event.
type Source string

// The sources.
const (
	Bench    Source = "bench"    // the campaign and its steps
	Driver   Source = "driver"   // the device driver: intents, results, host bytes
	OFD      Source = "ofd"      // the simulated OFD
	Network  Source = "net"      // links and faults
	Control  Source = "control"  // the control API: power, paper, clock
	Operator Source = "operator" // a person
)

// Event is one line of the record.
type Event struct {
	Seq    Seq
	At     clock.Instant
	Source Source
	Link   string // network events: the link, such as "eth"
	Causes []Seq
	Body   Body
}

// Journal takes events. Implementations number and stamp them; they are safe
// for concurrent use.
type Journal interface {
	// Append records b. Each cause is the number of an earlier event.
	Append(src Source, b Body, causes ...Seq) (Seq, error)
	// AppendLink is Append for an event that belongs to a network link.
	AppendLink(src Source, link string, b Body, causes ...Seq) (Seq, error)
	// Barrier returns when everything appended so far would survive a power loss
	// (at once in a simulated run).
	Barrier() error
}

// View reads a stretch of the record. It never changes.
type View interface {
	// Events yields in order.
	Events() iter.Seq[Event]
	// Get returns event n, false if it is not in the view.
	Get(n Seq) (Event, bool)
	// Between holds the events with from <= Seq <= to.
	Between(from, to Seq) View
	// Scenario holds the events between StepBegin and StepEnd of the steps of
	// one scenario, empty when it did not run.
	Scenario(key string) View
	// Len is the number of events.
	Len() int
}
