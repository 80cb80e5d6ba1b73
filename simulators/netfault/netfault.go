// Package netfault is the network between register and OFD: TCP over IP over
// Ethernet links inside the process, each packet of which is decoded, may be
// struck by a fault, and is kept in a capture.
//
// Begin reading at [New], then [Link.Set] and [Fault]. A register reaches the
// network through [Network.Dialer], the OFD through [Network.Listen], a device
// outside the process through [Network.Edge].
//
//	register ── stack ──┐  frame   ┌ decode ─ faults ─ capture ┐  frame  ┌── stack ── OFD
//	                    └──────────┤          link             ├─────────┘
//	                               └ delays, copies, RST, ...  ┘
//
// The package alone knows gVisor and gopacket. It never judges, never reads the
// host's clock (a [clock.Loop] is handed in), and keeps no goroutine per connection:
// the TCP stacks stand still while the loop works and run only
// inside [Network]'s own turn, which waits for them, so that in simulated time the
// same seed gives the same packets, the same capture and the same record.
//
// A frame that is lost although no fault named it, or a capture that could not
// be written, is the bench's own failure: it is recorded as [history.BenchFault]
// and returned by [Network.Err].
package netfault

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

// Options describe a network. Journal is required.
type Options struct {
	Seed    uint64
	Journal history.Journal
	// Capture takes a pcapng file with two interfaces for each link, one at the
	// register's end and one at the OFD's. Nil: packets are decoded but not kept.
	Capture io.Writer
	// Comment is the capture's section comment; it should name the run.
	Comment string
	// Links are the independent channels, in order. Empty: one link "ethernet".
	Links []LinkOptions
	// Hosts are the names and addresses under which the register knows the OFD.
	// Empty: every host is the OFD. Any other host is an address where nobody answers.
	Hosts []string
}

// LinkOptions describe one channel.
type LinkOptions struct {
	Name    string        // "ethernet", "gsm", ...
	Latency time.Duration // one way
}

// Network is a set of links. Make it with New.
type Network struct{}

// Link is one channel between register and OFD.
type Link struct{}

// New builds the links and their TCP stacks. With a [clock.Virtual] it installs
// itself as what is settled before time moves.
func New(loop clock.Loop, opt Options) (*Network, error) { return nil, errors.ErrUnsupported }

// Dialer is the register's side; the channel of a Dial is a link's name.
func (n *Network) Dialer() stream.Dialer { return nil }

// Listen takes connections to a port of the OFD on every link. The peer's name
// is "ethernet/10.77.0.1:16001".
func (n *Network) Listen(port int, a stream.Acceptor) error { return errors.ErrUnsupported }

// Link finds a channel by its name.
func (n *Network) Link(name string) (*Link, bool) { return nil, false }

// Edge lets a device outside the process reach the OFD's port over a link: it
// listens on a TCP address of the host (empty: a free port of the loopback
// interface) and carries each stream over the link, faults and all.
func (n *Network) Edge(addr, link string, port int) (*Edge, error) { return nil, errors.ErrUnsupported }

// Edge is a listener on the host.
type Edge struct{}

// Addr is where the outside device has to connect to.
func (e *Edge) Addr() net.Addr { return nil }

// Close stops listening and resets what is open.
func (e *Edge) Close() error { return nil }

// Err is the first failure of the bench in this network, nil if there was none.
func (n *Network) Err() error { return nil }

// Flush writes what is buffered of the capture.
func (n *Network) Flush() error { return nil }

// Close ends all connections, stops the stacks and flushes the capture. It returns Err.
func (n *Network) Close() error { return nil }

// Name of the link.
func (l *Link) Name() string { return "" }

// Set puts a fault on the link; it acts after those that were set before.
func (l *Link) Set(id string, f Fault) error { return errors.ErrUnsupported }

// Clear lifts a fault and tells how many packets it struck.
func (l *Link) Clear(id string) (struck int, err error) { return 0, errors.ErrUnsupported }

// Spent says whether the fault that was last set under this name has struck a
// packet. It still answers after Clear.
func (l *Link) Spent(id string) bool { return false }
