package netfault

import (
	"errors"
	"fmt"
	"os"

	"github.com/kkmtest/kkmtest/simulators/netfault/rawlink"
)

// bridged says whether the link's ends are interfaces of the computer.
func (l *Link) bridged() bool { return l.kkm != nil && l.kkm.wire != nil }

// bridge makes the link's ends of two interfaces.
func (l *Link) bridge(names [2]string) error {
	a, b, err := rawlink.Open(names[0], names[1])
	if err != nil {
		return fmt.Errorf("link %s: bridge: %w", l.name, err)
	}
	l.kkm = &end{link: l, side: sideKKM, wire: a}
	l.ofd = &end{link: l, side: sideOFD, wire: b}
	return nil
}

// describe is what the capture says of an end.
func (e *end) describe() string {
	who := "the register's end of link "
	if e.side == sideOFD {
		who = "the OFD's end of link "
	}
	if e.wire != nil {
		return who + e.link.name + ", interface " + e.wire.Name()
	}
	return who + e.link.name
}

// shortfall is what a bridge lost.
type shortfall struct {
	where string
	loss  rawlink.Loss
}

// listen begins to take frames from the wire, once the network stands.
func (e *end) listen() {
	if e.wire == nil {
		return
	}
	n := e.link.n
	go func() {
		err := e.wire.Read(func(frames [][]byte, lost rawlink.Loss) {
			n.leaf.Lock()
			for len(n.out) >= n.outLimit/2 && !n.over() {
				n.room.Wait()
			}
			for _, f := range frames {
				n.out = append(n.out, sent{e, f})
			}
			if lost.Why != "" {
				n.shortfall = append(n.shortfall, shortfall{e.wire.Name(), lost})
			}
			n.leaf.Unlock()
			// This goroutine holds nobody's lock and may wait for the loop itself.
			if !n.kicked.Swap(true) {
				n.post(func() {})
			}
		})
		if !errors.Is(err, os.ErrClosed) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.fail("bridge "+e.wire.Name(), err)
		}
	}()
}

func (n *Network) over() bool {
	select {
	case <-n.done:
		return true
	default:
		return false
	}
}

// emit queues a frame for the wire; the turn's end sends what is queued.
func (e *end) emit(frame []byte) {
	if err := e.wire.Send(frame); err != nil {
		e.link.n.fail("bridge "+e.wire.Name(), err)
	}
	e.link.n.kick()
}

// flush sends what the bridges have queued. Called with mu held.
func (n *Network) flush() {
	for _, l := range n.links {
		if !l.bridged() {
			continue
		}
		for _, e := range []*end{l.kkm, l.ofd} {
			if err := e.wire.Flush(); err != nil {
				n.fail("bridge "+e.wire.Name(), fmt.Errorf("frames that no fault named were lost: %w", err))
			}
		}
	}
}

// report notes what bridges lost. Called with mu held.
func (n *Network) report() {
	n.leaf.Lock()
	all := n.shortfall
	n.shortfall = nil
	n.leaf.Unlock()
	for _, s := range all {
		err := errors.New(s.loss.Why)
		if s.loss.Frames > 0 {
			err = fmt.Errorf("%d frames that no fault named were lost: %w", s.loss.Frames, err)
		}
		n.fail("bridge "+s.where, err)
	}
}

// unplug lets the interface go. Called with mu held.
func (e *end) unplug() {
	n := e.link.n
	if l := e.wire.Lost(); l.Frames > 0 {
		n.leaf.Lock()
		n.shortfall = append(n.shortfall, shortfall{e.wire.Name(), l})
		n.leaf.Unlock()
	}
	if err := e.wire.Close(); err != nil {
		n.fail("bridge "+e.wire.Name(), err)
	}
}
