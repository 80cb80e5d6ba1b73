package netfault

import (
	"context"
	"fmt"
	"net"

	"github.com/kkmtest/kkmtest/simulators/stream"
)

// Relay carries the streams of an OFD's port on to an OFD that stands elsewhere, over
// the host's TCP. With an [Edge] before it, a register outside the process reaches
// an OFD outside the process over a link with faults.
//
// The link's stack has accepted a connection before the host's TCP begins to
// connect. An OFD that refuses or cannot be reached shows as a RST right after the handshake.
type Relay struct {
	to     string
	cancel context.CancelFunc
	ctx    context.Context
	splices
}

// Relay makes a port of the OFD lead to a TCP address of the outside. It needs real time.
func (n *Network) Relay(port int, to string) (*Relay, error) {
	if n.pump == nil {
		return nil, fmt.Errorf("netfault: relay to %s: what is outside the process needs real time", to)
	}
	if _, _, err := net.SplitHostPort(to); err != nil {
		return nil, fmt.Errorf("netfault: relay to %q: want host:port: %w", to, err)
	}
	r := &Relay{to: to, splices: splices{n: n, open: map[*splice]struct{}{}}}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	if err := n.Listen(port, r); err != nil {
		r.cancel()
		return nil, err
	}
	n.mu.Lock()
	n.edges = append(n.edges, r)
	n.mu.Unlock()
	return r, nil
}

// Accept implements stream.Acceptor.
func (r *Relay) Accept(c stream.Conn, _ string) stream.Events {
	s := r.newSplice(nil)
	inner := c.(*conn)
	s.join(inner)
	if !r.add(s) {
		inner.Reset()
		return stream.Events{}
	}
	go func() {
		out, err := new(net.Dialer).DialContext(r.ctx, "tcp", r.to)
		if err != nil {
			s.forget()
			r.n.post(inner.Reset)
			return
		}
		s.more.L.Lock()
		s.out = out.(*net.TCPConn)
		lost := s.lost
		s.more.L.Unlock()
		if lost { // ended meanwhile
			_ = s.out.SetLinger(0)
			_ = s.out.Close()
			return
		}
		s.begin()
	}()
	return stream.Events{Received: s.received, Closed: s.ending}
}

// Close resets what is open; the port refuses nothing and carries nothing on any more.
func (r *Relay) Close() error {
	open, first := r.shut()
	if !first {
		return nil
	}
	r.cancel()
	for _, s := range open {
		s.kill()
	}
	return nil
}

var _ stream.Acceptor = (*Relay)(nil)
