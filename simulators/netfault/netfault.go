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
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/simulators/netfault/capture"
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
	// Bridge makes the link of two network interfaces of the computer: the one
	// that the register's cable comes to, and the one towards the OFD. It needs Linux,
	// CAP_NET_RAW and real time. Such a link has no stacks: nobody dials or
	// listens on it.
	Bridge [2]string
	// DNS lets the register ask for the OFD's name over the link before it
	// connects. Without it names are known, and no packet is spent on them.
	DNS bool
	// Lease lets the register get its address by DHCP, for so long, when it first
	// connects. Zero: it has one for ever.
	Lease time.Duration
}

// Network is a set of links. Make it with New.
type Network struct {
	loop clock.Loop
	opt  Options

	// mu guards stacks, links and capture. It is never held while a callback of
	// an owner runs.
	mu     sync.Mutex
	links  []*Link
	cap    *capture.Writer
	ports  map[int]stream.Acceptor
	edges  []interface{ Close() error } // edges and relays
	closed bool
	err    error
	blamed map[string]bool // places of bench faults that are in the record

	// now is the moment of the present round, while the stacks run; asking the
	// clock for each packet and each header costs more than carrying it.
	now    clock.Instant
	frozen bool

	patience int
	at       time.Duration // of the last turn
	turns    int           // at that moment

	in bytes.Buffer // what was read last; only the loop uses it

	// leaf guards what gVisor hands over; nothing else is locked under it.
	leaf      sync.Mutex
	out       []sent      // frames in the order in which they were sent
	ready     []*waitable // connections and listeners with something to do
	overflow  int
	outLimit  int
	shortfall []shortfall // what bridges lost
	room      *sync.Cond  // on leaf: a turn took what was in out

	kicked atomic.Bool
	busy   atomic.Bool   // the loop is in a turn, or will begin one when it has done what it does
	pump   chan struct{} // real time: a turn is due
	done   chan struct{}
}

// sent is a frame that left an end.
type sent struct {
	from  *end
	frame []byte
}

// New builds the links and their TCP stacks. With a [clock.Virtual] it installs
// itself as what is settled before time moves.
func New(loop clock.Loop, opt Options) (*Network, error) {
	if opt.Journal == nil {
		return nil, errors.New("netfault: no journal: what the network does must be on record")
	}
	if len(opt.Links) == 0 {
		opt.Links = []LinkOptions{{Name: "ethernet"}}
	}
	if len(opt.Links) > 200 {
		return nil, fmt.Errorf("netfault: %d links: want at most 200", len(opt.Links))
	}
	n := &Network{
		loop: loop, opt: opt, ports: map[int]stream.Acceptor{}, blamed: map[string]bool{},
		outLimit: outLimit, patience: patience, pump: make(chan struct{}, 1), done: make(chan struct{}),
	}
	n.room = sync.NewCond(&n.leaf)
	v, simulated := loop.(*clock.Virtual)
	var ifs []capture.Interface
	for i, o := range opt.Links {
		if _, twice := n.Link(o.Name); twice || o.Name == "" || o.Latency < 0 || o.Lease < 0 {
			return nil, errors.Join(fmt.Errorf("netfault: link %d %q, latency %v, lease %v: want a name that no other link has and no negative time", i+1, o.Name, o.Latency, o.Lease), n.Close())
		}
		if simulated && o.Bridge != [2]string{} {
			return nil, errors.Join(fmt.Errorf("netfault: link %s: interfaces %s and %s need real time", o.Name, o.Bridge[0], o.Bridge[1]), n.Close())
		}
		l, err := newLink(n, i, o)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("netfault: %w", err), n.Close())
		}
		n.links = append(n.links, l)
		l.kkm.ifc, l.ofd.ifc = len(ifs), len(ifs)+1
		ifs = append(ifs,
			capture.Interface{Name: o.Name + "/kkm", Description: l.kkm.describe()},
			capture.Interface{Name: o.Name + "/ofd", Description: l.ofd.describe()})
	}
	c, err := capture.NewWriter(opt.Capture, opt.Comment, ifs)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("netfault: %w", err), n.Close())
	}
	n.cap = c
	if simulated {
		v.SetSettle(n.turn)
		n.pump = nil
	} else {
		go n.pumping(n.pump)
	}
	for _, l := range n.links {
		l.kkm.listen()
		l.ofd.listen()
	}
	return n, nil
}

// Dialer is the register's side; the channel of a Dial is a link's name.
func (n *Network) Dialer() stream.Dialer { return dialer{n} }

// Link finds a channel by its name.
func (n *Network) Link(name string) (*Link, bool) {
	for _, l := range n.links {
		if l.name == name {
			return l, true
		}
	}
	return nil, false
}

// Err is the first failure of the bench in this network, nil if there was none.
func (n *Network) Err() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.err
}

// Flush writes what is buffered of the capture.
func (n *Network) Flush() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.cap.Flush(); err != nil {
		n.fail("capture", err)
	}
	return n.err
}

// Close ends all connections without a further packet, stops the stacks and
// flushes the capture. It returns Err.
func (n *Network) Close() error {
	n.mu.Lock()
	if n.closed {
		defer n.mu.Unlock()
		return n.err
	}
	n.closed = true
	close(n.done)
	edges := n.edges
	n.mu.Unlock()
	for _, e := range edges {
		if err := e.Close(); err != nil {
			n.mu.Lock()
			n.fail("edge", err)
			n.mu.Unlock()
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.leaf.Lock()
	n.room.Broadcast()
	n.leaf.Unlock()
	for _, l := range n.links {
		l.kkm.destroy()
		l.ofd.destroy()
	}
	n.report()
	if n.cap != nil {
		if err := n.cap.Flush(); err != nil {
			n.fail("capture", err)
		}
	}
	return n.err
}

// fail notes a failure of the bench itself. Called with mu held.
func (n *Network) fail(where string, err error) {
	if n.err == nil {
		n.err = fmt.Errorf("netfault: %s: %w", where, err)
	}
	if n.blamed[where] {
		return
	}
	n.blamed[where] = true
	if _, jerr := n.opt.Journal.Append(history.Network, history.BenchFault{Where: where, Text: err.Error()}); jerr != nil {
		n.err = errors.Join(n.err, jerr)
	}
}

// record writes one packet into the capture.
func (n *Network) record(ifc int, at clock.Instant, inbound bool, frame []byte, notes ...string) {
	if err := n.cap.Write(ifc, at.Wall, inbound, frame, notes...); err != nil {
		n.fail("capture", err)
	}
}

// after calls f on the loop, under the network's lock.
func (n *Network) after(d time.Duration, f func()) clock.Timer {
	return n.loop.AfterFunc(d, func() {
		n.work(func() {
			n.mu.Lock()
			defer n.mu.Unlock()
			if !n.closed {
				f()
			}
		})
	})
}

// work does something on the loop and, in real time, what follows of it, at once
// and not by way of the queue. It runs on the loop, without the network's lock.
func (n *Network) work(f func()) {
	if n.pump == nil {
		f()
		return
	}
	n.busy.Store(true)
	f()
	for range turnsInARow {
		if !n.turn() && !n.kicked.Load() {
			break
		}
	}
	n.busy.Store(false)
	// Who kicked while the loop was busy left it to the loop.
	if n.kicked.Load() {
		n.prod()
	}
}

// post does something on the loop, from another goroutine.
func (n *Network) post(f func()) { n.loop.Post(func() { n.work(f) }) }

// turnsInARow is how often connections are served before others may have the loop.
const turnsInARow = 64

// kick says that there is something to do in the next turn. Any goroutine may call it.
func (n *Network) kick() {
	if n.kicked.Swap(true) || n.pump == nil || n.busy.Load() {
		return
	}
	n.prod()
}

func (n *Network) prod() {
	select {
	case n.pump <- struct{}{}:
	default:
	}
}

// pumping brings turns to the loop in real time. It stands between the two
// so that nobody who holds a lock of a stack ever waits for the loop.
func (n *Network) pumping(due <-chan struct{}) {
	for {
		select {
		case <-due:
			n.post(func() {})
		case <-n.done:
			return
		}
	}
}

// patience is how often the stacks, or the owners of connections, may answer each
// other in simulated time before time passes. A full window of the largest size
// takes some thousands; two ends that echo each other over a link without latency would never stop.
const patience = 1 << 17

// turn carries frames between the stacks until all are silent, then hands over what
// the connections received, in the order of links, ends and numbers. It returns
// whether an owner was called. It runs on the loop.
func (n *Network) turn() bool {
	if !n.kicked.Swap(false) {
		return false
	}
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return false
	}
	n.frozen = true
	for round := 0; n.exchange(); round++ {
		if round == n.patience {
			n.fail("turn", fmt.Errorf("the stacks exchanged frames for %d rounds without time passing", round))
			break
		}
	}
	n.frozen = false
	if now := n.now.Mono; now != n.at {
		n.at, n.turns = now, 0
	}
	n.turns++
	tired := n.turns > n.patience
	if tired {
		n.fail("turn", fmt.Errorf("connections were served %d times without time passing: give the link a latency, or a retry its pause", n.turns))
	}
	n.leaf.Lock()
	ready := n.ready
	n.ready = nil
	for _, w := range ready {
		w.queued = false
	}
	lost := n.overflow
	n.overflow = 0
	n.leaf.Unlock()
	n.flush()
	n.report()
	if lost > 0 {
		n.fail("link", fmt.Errorf("%d frames did not fit the %d that a turn may carry: they were lost, and no fault named them", lost, n.outLimit))
	}
	n.mu.Unlock()
	slices.SortFunc(ready, func(a, b *waitable) int { return a.order.compare(b.order) })
	for _, w := range ready {
		w.wake()
	}
	return len(ready) > 0 && !tired
}

// instant is the time, for everything that holds the network's lock and for the
// stacks, which run only while somebody holds it.
func (n *Network) instant() clock.Instant {
	if n.frozen {
		return n.now
	}
	return n.loop.Now()
}

// exchange lets the stacks run that were given frames, and carries what was
// sent. It returns false when nothing moved.
func (n *Network) exchange() bool {
	n.now = n.loop.Now()
	moved := false
	for _, l := range n.links {
		for _, e := range []*end{l.kkm, l.ofd} {
			if e.fed {
				e.run()
				moved = true
			}
		}
	}
	n.leaf.Lock()
	out := n.out
	n.out = nil
	if len(out) > 0 {
		n.room.Broadcast()
	}
	n.leaf.Unlock()
	for _, s := range out {
		dir := ToOFD
		if s.from.side == sideOFD {
			dir = ToKKM
		}
		s.from.link.pass(dir, s.frame)
	}
	return moved || len(out) > 0
}

func newLink(n *Network, i int, o LinkOptions) (*Link, error) {
	l := &Link{
		n: n, name: o.Name, index: i, latency: o.Latency, opt: o,
		dec: newDecoder(), latest: map[string]*placed{}, rand: rand.NewPCG(0, 0),
	}
	l.rng = rand.New(l.rand)
	if o.Bridge != [2]string{} {
		return l, l.bridge(o.Bridge)
	}
	clk := ticker{n}
	var err error
	if l.kkm, err = newEnd(l, sideKKM, n.opt.Seed, clk); err != nil {
		return nil, err
	}
	if l.ofd, err = newEnd(l, sideOFD, n.opt.Seed, clk); err != nil {
		l.kkm.destroy()
		return nil, err
	}
	if o.DNS || o.Lease > 0 {
		l.home = &household{l: l}
	}
	return l, nil
}

var _ tcpip.Clock = ticker{}
