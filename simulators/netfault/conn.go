package netfault

import (
	"bytes"
	"cmp"
	"fmt"
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"

	"github.com/kkmtest/kkmtest/simulators/stream"
)

// waitable is a place in the list of what has something to do. Its order decides
// who is served first: links in their order, the register before the OFD, then by number.
type waitable struct {
	n      *Network
	order  order
	queued bool // guarded by the network's leaf lock
	wake   func()
}

type order struct {
	link int
	side side
	num  uint64
}

func (a order) compare(b order) int {
	return cmp.Or(cmp.Compare(a.link, b.link), cmp.Compare(a.side, b.side), cmp.Compare(a.num, b.num))
}

// NotifyEvent implements waiter.EventListener; gVisor calls it with its locks held.
func (w *waitable) NotifyEvent(waiter.EventMask) {
	w.n.leaf.Lock()
	if !w.queued {
		w.queued = true
		w.n.ready = append(w.n.ready, w)
	}
	w.n.leaf.Unlock()
	w.n.kick()
}

// listener is an open port of the OFD on one link.
type listener struct {
	waitable
	e     *end
	ep    tcpip.Endpoint
	entry waiter.Entry
	a     stream.Acceptor
}

// backlog is how many connections may wait between two turns.
const backlog = 1024

// Listen takes connections to a port of the OFD on every link. The peer's name
// is "ethernet/10.77.0.1:16001". Opened is not called for them: they are open.
func (n *Network) Listen(port int, a stream.Acceptor) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if port < 1 || port > 65535 || a == nil {
		return fmt.Errorf("netfault: listen on port %d: want 1 to 65535 and an acceptor", port)
	}
	if n.closed {
		return fmt.Errorf("netfault: listen on port %d: the network is closed", port)
	}
	if _, twice := n.ports[port]; twice {
		return fmt.Errorf("netfault: port %d is already taken", port)
	}
	for _, l := range n.links {
		if l.bridged() {
			continue
		}
		wq := &waiter.Queue{}
		ep, err := l.ofd.stack.NewEndpoint(tcp.ProtocolNumber, ipv4.ProtocolNumber, wq)
		if err != nil {
			return fmt.Errorf("netfault: link %s: port %d: %v", l.name, port, err)
		}
		s := &listener{waitable: waitable{n: n, order: order{l.index, sideOFD, 0}}, e: l.ofd, ep: ep, a: a}
		s.wake = s.accept
		s.entry.Init(s, waiter.ReadableEvents)
		wq.EventRegister(&s.entry)
		if err := ep.Bind(tcpip.FullAddress{NIC: nic, Addr: tcpip.AddrFromSlice(l.ofd.ip), Port: uint16(port)}); err != nil {
			return fmt.Errorf("netfault: link %s: bind port %d: %v", l.name, port, err)
		}
		if err := ep.Listen(backlog); err != nil {
			return fmt.Errorf("netfault: link %s: listen on port %d: %v", l.name, port, err)
		}
	}
	n.ports[port] = a
	return nil
}

func (s *listener) accept() {
	for {
		s.n.mu.Lock()
		if s.n.closed {
			s.n.mu.Unlock()
			return
		}
		ep, wq, err := s.ep.Accept(nil)
		if err != nil {
			if _, none := err.(*tcpip.ErrWouldBlock); !none {
				s.n.fail("listener", fmt.Errorf("link %s: accept: %v", s.e.link.name, err))
			}
			s.n.mu.Unlock()
			return
		}
		c := newConn(s.e, ep, wq)
		c.opened = true
		peer := s.e.link.name + "/?"
		if a, err := ep.GetRemoteAddress(); err == nil {
			peer = fmt.Sprintf("%s/%v:%d", s.e.link.name, a.Addr, a.Port)
		}
		s.n.mu.Unlock()
		ev := s.a.Accept(c, peer)
		s.n.mu.Lock()
		c.ev = ev
		c.NotifyEvent(0) // bytes may have come with the handshake
		s.n.mu.Unlock()
	}
}

type dialer struct{ n *Network }

// Dial begins to connect. A channel that is not there, or a host that is not the OFD's,
// ends the attempt like a wrong address does.
func (d dialer) Dial(channel, host string, port int, ev stream.Events) stream.Conn {
	n := d.n
	n.mu.Lock()
	defer n.mu.Unlock()
	l, ok := n.Link(channel)
	if !ok || n.closed || l.bridged() || port < 1 || port > 65535 {
		c := &conn{waitable: waitable{n: n}, ev: ev, gone: true,
			fate: fmt.Errorf("channel %q, port %d: %w", channel, port, stream.ErrNoRoute)}
		c.wake = c.serve
		c.NotifyEvent(0)
		return c
	}
	wq := &waiter.Queue{}
	ep, err := l.kkm.stack.NewEndpoint(tcp.ProtocolNumber, ipv4.ProtocolNumber, wq)
	if err != nil {
		n.fail("dial", fmt.Errorf("link %s: %v", l.name, err))
		c := &conn{waitable: waitable{n: n}, ev: ev, gone: true, fate: fmt.Errorf("link %s: %w", l.name, stream.ErrNoRoute)}
		c.wake = c.serve
		c.NotifyEvent(0)
		return c
	}
	c := newConn(l.kkm, ep, wq)
	c.ev = ev
	connect := func(to netip.Addr, err error) {
		if c.gone || n.closed {
			return
		}
		if err != nil {
			c.end(err)
			return
		}
		switch err := ep.Connect(tcpip.FullAddress{NIC: nic, Addr: tcpip.AddrFromSlice(to.AsSlice()), Port: uint16(port)}); err.(type) {
		case nil, *tcpip.ErrConnectStarted, *tcpip.ErrAlreadyConnecting:
		default:
			c.end(reason(err))
		}
	}
	if l.home == nil {
		connect(n.addressOf(l, host), nil)
	} else {
		l.home.prepare(host, connect)
	}
	return c
}

func (n *Network) isOFD(l *Link, host string) bool {
	if len(n.opt.Hosts) == 0 || host == l.ofd.ip.String() {
		return true
	}
	for _, h := range n.opt.Hosts {
		if h == host {
			return true
		}
	}
	return false
}

// conn is one end of a connection.
type conn struct {
	waitable
	e     *end
	ep    tcpip.Endpoint
	wq    *waiter.Queue
	entry waiter.Entry
	ev    stream.Events

	out     bytes.Buffer // sent by the owner, not yet taken by the stack
	opened  bool
	leaving bool // the owner closed; what is in out still goes
	gone    bool // nothing more will be read or sent by the owner
	shut    bool // the endpoint is closed
	told    bool // Closed was called
	fate    error
	held    bool   // the owner takes nothing at the moment (edge)
	drained func() // called when out has become empty (edge)

	// finished is called once when the peer has ended its direction, instead of
	// ending both (edge); the owner then ends its own by finWrite.
	finished func()
	heard    bool // finished was called
	fin      bool // the owner has ended its direction, and the stack has been or will be told
	finSent  bool
}

func newConn(e *end, ep tcpip.Endpoint, wq *waiter.Queue) *conn {
	e.conns++
	c := &conn{waitable: waitable{n: e.link.n, order: order{e.link.index, e.side, e.conns}}, e: e, ep: ep, wq: wq}
	c.wake = c.serve
	ep.SocketOptions().SetDelayOption(false) // a message goes out whole, as cash registers send it
	c.entry.Init(c, waiter.ReadableEvents|waiter.WritableEvents|waiter.EventErr|waiter.EventHUp)
	wq.EventRegister(&c.entry)
	return c
}

// Send implements stream.Conn.
func (c *conn) Send(p []byte) {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	if c.gone || len(p) == 0 || c.n.closed {
		return
	}
	c.out.Write(p)
	if c.opened {
		c.flush()
	}
}

// Close implements stream.Conn. Closed follows with nil. An attempt to connect is
// given up together with what was queued, as a host's close does: nothing may
// reach the OFD later from a register that has counted the attempt as failed.
func (c *conn) Close() { c.finish(false) }

// finish is Close; even lets bytes go that were queued before the connection opened.
func (c *conn) finish(even bool) {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	if c.gone {
		return
	}
	if c.opened && c.out.Len() > 0 {
		c.flush()
	}
	if (c.opened || even) && c.out.Len() > 0 {
		c.leaving, c.gone = true, true
		c.NotifyEvent(0)
		return
	}
	c.end(nil)
}

// Reset implements stream.Conn.
func (c *conn) Reset() {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	if c.shut || c.ep == nil || c.n.closed {
		return
	}
	c.shut, c.leaving = true, false
	c.wq.EventUnregister(&c.entry)
	c.ep.Abort()
	if !c.gone {
		c.gone = true
		c.NotifyEvent(0)
	}
}

// end closes the endpoint and lets Closed follow in the next turn. Called with the network's lock.
func (c *conn) end(err error) {
	c.gone, c.fate = true, err
	c.shutDown()
	c.NotifyEvent(0)
}

func (c *conn) shutDown() {
	if c.shut || c.ep == nil {
		return
	}
	c.shut, c.leaving = true, false
	c.wq.EventUnregister(&c.entry)
	if !c.n.closed {
		c.ep.Close()
	}
	c.out = bytes.Buffer{}
}

// flush gives the stack what it will take.
func (c *conn) flush() {
	for c.out.Len() > 0 {
		var r bytes.Reader
		r.Reset(c.out.Bytes())
		n, err := c.ep.Write(&r, tcpip.WriteOptions{})
		c.out.Next(int(n))
		if err != nil {
			if _, later := err.(*tcpip.ErrWouldBlock); !later {
				c.out.Reset() // the endpoint is dead; its state tells why in the next turn
				c.NotifyEvent(0)
			}
			break
		}
	}
	if c.out.Len() == 0 && c.fin && !c.finSent {
		c.finSent = true
		_ = c.ep.Shutdown(tcpip.ShutdownWrite) // an error means that it has ended already; its state tells in the next turn
		c.NotifyEvent(0)
	}
	if c.out.Len() == 0 && c.drained != nil {
		c.drained()
	}
}

// finWrite ends the owner's direction behind what is queued and leaves the other one open.
func (c *conn) finWrite() {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	if c.gone || c.fin || c.n.closed {
		return
	}
	c.fin = true
	if c.opened {
		c.flush()
	}
}

// readSize is how much is handed over in one call.
const readSize = 64 << 10

// serve looks at the endpoint and calls the owner. It runs on the loop, without the lock.
func (c *conn) serve() {
	for {
		call := c.step()
		if call == nil {
			return
		}
		call()
	}
}

// step does one thing and returns the owner's callback for it, nil when there is
// nothing to do.
func (c *conn) step() func() {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	if c.n.closed {
		return nil
	}
	if c.leaving {
		c.flush()
		if st := tcp.EndpointState(c.ep.State()); c.out.Len() == 0 || dead(st) {
			c.shutDown()
		}
	}
	if c.gone {
		if c.told {
			return nil
		}
		c.told = true
		f, err := c.ev.Closed, c.fate
		c.ev = stream.Events{}
		return func() {
			if f != nil {
				f(err)
			}
		}
	}
	st := tcp.EndpointState(c.ep.State())
	if !c.opened {
		switch st {
		case tcp.StateConnecting, tcp.StateSynSent, tcp.StateSynRecv, tcp.StateBound, tcp.StateInitial:
			return nil
		case tcp.StateError, tcp.StateClose:
			c.end(reason(c.ep.LastError()))
			return func() {}
		}
		c.opened = true
		c.flush()
		f := c.ev.Opened
		return func() {
			if f != nil {
				f(c)
			}
		}
	}
	if !dead(st) && c.out.Len() > 0 {
		c.flush()
	}
	if c.held && !dead(st) {
		return nil
	}
	b := &c.n.in
	b.Reset()
	res, err := c.ep.Read(&tcpip.LimitedWriter{W: b, N: readSize}, tcpip.ReadOptions{})
	switch err.(type) {
	case nil:
		c.ep.ModerateRecvBuf(res.Count)
		f, p := c.ev.Received, b.Bytes()
		return func() {
			if f != nil && len(p) > 0 {
				f(p)
			}
		}
	case *tcpip.ErrWouldBlock:
		return nil
	case *tcpip.ErrClosedForReceive:
		if c.finished != nil && !(c.heard && c.finSent) {
			if c.heard {
				return nil
			}
			c.heard = true
			return c.finished
		}
		// The peer has finished. What the owner has queued still goes.
		c.gone, c.fate = true, nil
		if c.out.Len() > 0 && !dead(st) {
			c.leaving = true
		} else {
			c.shutDown()
		}
		return func() {}
	default:
		c.end(reason(err))
		return func() {}
	}
}

func dead(s tcp.EndpointState) bool { return s == tcp.StateError || s == tcp.StateClose }

// reason turns gVisor's errors into those of a stream.
func reason(err tcpip.Error) error {
	switch err.(type) {
	case nil:
		return stream.ErrReset
	case *tcpip.ErrConnectionRefused:
		return stream.ErrRefused
	case *tcpip.ErrConnectionReset, *tcpip.ErrConnectionAborted, *tcpip.ErrAborted:
		return stream.ErrReset
	case *tcpip.ErrTimeout:
		return stream.ErrTimedOut
	case *tcpip.ErrHostUnreachable, *tcpip.ErrNetworkUnreachable, *tcpip.ErrHostDown, *tcpip.ErrNoNet:
		return stream.ErrNoRoute
	}
	return fmt.Errorf("%v", err)
}
