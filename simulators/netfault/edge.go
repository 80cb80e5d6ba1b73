package netfault

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/kkmtest/kkmtest/simulators/stream"
)

// Edge is a door for devices outside the process: a listener on the host whose streams
// are carried over a link, so that every fault of the link reaches them.
//
// The host's own TCP has already accepted a device when the connection over the
// link begins. A refused or reset connection therefore shows as a RST right
// after the handshake, a cut one as silence. A stream that TCP gave up on stays
// silent as well, until the device lets it go. Either direction may end before the other one.
type Edge struct {
	link string
	host string
	port int
	ln   net.Listener
	splices
}

// splices are the streams of an edge or a relay that are open.
type splices struct {
	n      *Network
	mu     sync.Mutex
	open   map[*splice]struct{}
	closed bool
}

// add takes a stream; false when it is too late.
func (o *splices) add(s *splice) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false
	}
	o.open[s] = struct{}{}
	return true
}

func (o *splices) forget(s *splice) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.open, s)
}

func (o *splices) over() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closed
}

// shut says that nothing more comes, and what was open; once.
func (o *splices) shut() (open []*splice, first bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	first = !o.closed
	o.closed = true
	for s := range o.open {
		open = append(open, s)
	}
	o.open = nil
	return open, first
}

func (o *splices) newSplice(out *net.TCPConn) *splice {
	return &splice{set: o, n: o.n, out: out, room: make(chan struct{}, 1), more: sync.NewCond(&sync.Mutex{})}
}

// Edge lets a device outside the process reach the OFD's port over a link: it
// listens on a TCP address of the host (empty: a free port of the loopback
// interface) and carries each stream over the link, faults and all. It needs real time.
func (n *Network) Edge(addr, link string, port int) (*Edge, error) {
	l, ok := n.Link(link)
	if !ok {
		return nil, fmt.Errorf("netfault: edge on link %q: no such link", link)
	}
	if l.bridged() {
		return nil, fmt.Errorf("netfault: edge on link %s: it is a bridge of two interfaces, the device belongs on its cable", link)
	}
	if n.pump == nil {
		return nil, fmt.Errorf("netfault: edge on link %s: a device outside the process needs real time", link)
	}
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("netfault: edge on link %s: %w", link, err)
	}
	e := &Edge{link: link, host: l.ofd.ip.String(), port: port, ln: ln, splices: splices{n: n, open: map[*splice]struct{}{}}}
	n.mu.Lock()
	closed := n.closed
	n.edges = append(n.edges, e)
	n.mu.Unlock()
	if closed {
		return nil, errors.Join(errors.New("netfault: edge: the network is closed"), e.Close())
	}
	go e.accepting()
	return e, nil
}

// Addr is where the outside device has to connect to.
func (e *Edge) Addr() net.Addr { return e.ln.Addr() }

// Close stops listening and resets what is open.
func (e *Edge) Close() error {
	open, first := e.shut()
	if !first {
		return nil
	}
	err := e.ln.Close()
	for _, s := range open {
		s.kill()
	}
	return err
}

func (e *Edge) accepting() {
	for {
		c, err := e.ln.Accept()
		if err != nil {
			if !e.over() {
				e.n.mu.Lock()
				e.n.fail("edge", fmt.Errorf("%v: %w", e.ln.Addr(), err))
				e.n.mu.Unlock()
			}
			return
		}
		s := e.newSplice(c.(*net.TCPConn))
		if !e.add(s) {
			s.abort()
			return
		}
		e.n.post(func() { s.dial(e) })
	}
}

// splice is one stream of an outside device with its continuation on the link.
// Two goroutines serve the host's socket; all that touches the link runs on the loop.
type splice struct {
	set   *splices
	n     *Network
	out   *net.TCPConn
	inner *conn
	room  chan struct{} // the link has taken what was read

	more   *sync.Cond
	queue  [][]byte // for the device
	queued int
	half   bool // nothing more will be queued, the other direction goes on
	ended  bool // nothing more will be queued, and both directions have ended
	lost   bool // the socket is gone
	choked bool
	writes bool // the goroutine is writing
	left   bool // the device has ended its direction
	silent bool // TCP on the link gave up
}

// spliceQueue is how much may wait on either side before the sender is held back.
const spliceQueue = 256 << 10

func (s *splice) dial(e *Edge) {
	if e.over() {
		return
	}
	c := dialer{s.n}.Dial(e.link, e.host, e.port, stream.Events{Received: s.received, Closed: s.ending}).(*conn)
	s.join(c)
	s.begin()
}

// join binds the stream on the link.
func (s *splice) join(c *conn) {
	s.n.mu.Lock()
	c.drained = func() {
		select {
		case s.room <- struct{}{}:
		default:
		}
	}
	c.finished = func() {
		s.more.L.Lock()
		s.half = true
		s.more.Signal()
		s.more.L.Unlock()
	}
	s.n.mu.Unlock()
	s.set.mu.Lock()
	s.inner = c
	s.set.mu.Unlock()
}

func (s *splice) begin() {
	go s.reading()
	go s.writing()
}

// kill ends both streams at once.
func (s *splice) kill() {
	s.abort()
	s.set.mu.Lock()
	c := s.inner
	s.set.mu.Unlock()
	if c != nil {
		c.Reset()
	}
}

// reading carries the device's bytes to the link.
func (s *splice) reading() {
	buf := make([]byte, readSize)
	for {
		n, err := s.out.Read(buf)
		if n > 0 {
			p := append([]byte(nil), buf[:n]...)
			full := make(chan bool, 1)
			s.n.post(func() {
				s.inner.Send(p)
				full <- s.inner.waiting() >= spliceQueue
			})
			select {
			case f := <-full:
				for f {
					select {
					case <-s.room:
					case <-s.n.done:
						return
					}
					f = s.inner.waiting() >= spliceQueue
				}
			case <-s.n.done:
				return
			}
		}
		if err != nil {
			s.more.L.Lock()
			s.left = true
			silent := s.silent
			s.more.L.Unlock()
			if silent {
				s.forget()
				s.abort()
				return
			}
			s.n.post(func() {
				if errors.Is(err, io.EOF) {
					s.inner.finWrite()
				} else {
					s.inner.Reset()
				}
			})
			return
		}
	}
}

// received queues the link's bytes for the device and holds the link back when
// the device does not read.
func (s *splice) received(p []byte) {
	s.more.L.Lock()
	if len(s.queue) == 0 && !s.writes && !s.ended && !s.lost && s.out != nil {
		// Nothing waits: a write that does not block saves the way over the other goroutine.
		p = p[tryWrite(s.out, p):]
		if len(p) == 0 {
			s.more.L.Unlock()
			return
		}
	}
	s.queue = append(s.queue, append([]byte(nil), p...))
	s.queued += len(p)
	choke := s.queued >= spliceQueue && !s.lost
	s.choked = s.choked || choke
	s.more.Signal()
	s.more.L.Unlock()
	if choke {
		s.inner.hold(true)
	}
}

func (s *splice) writing() {
	told := false // the host's peer knows that nothing more comes
	for {
		s.more.L.Lock()
		for len(s.queue) == 0 && !s.ended && (!s.half || told) {
			s.more.Wait()
		}
		if len(s.queue) == 0 {
			ended := s.ended
			s.more.L.Unlock()
			if ended {
				_ = s.out.Close() // an error means that the device has gone already
				return
			}
			told = true
			_ = s.out.CloseWrite()
			continue
		}
		p := s.queue[0]
		s.queue = s.queue[1:]
		s.writes = true
		s.more.L.Unlock()
		_, err := s.out.Write(p)
		s.more.L.Lock()
		s.writes = false
		s.queued -= len(p)
		s.lost = s.lost || err != nil
		release := s.choked && s.queued < spliceQueue/2
		if release {
			s.choked = false
		}
		s.more.L.Unlock()
		switch {
		case err != nil:
			s.n.post(s.inner.Reset)
		case release:
			s.n.post(func() { s.inner.hold(false) })
		}
	}
}

// ending shows the device how the connection over the link ended.
func (s *splice) ending(err error) {
	switch {
	case err == nil:
		s.forget()
		s.more.L.Lock()
		s.ended = true
		s.more.Signal()
		s.more.L.Unlock()
	case errors.Is(err, stream.ErrTimedOut):
		// Silence is what the device would see; its socket stays until it lets go.
		s.more.L.Lock()
		s.silent = true
		left := s.left
		s.more.L.Unlock()
		if left {
			s.forget()
			s.abort()
		}
	default:
		s.forget()
		s.abort()
	}
}

// abort ends the host's stream with a RST.
func (s *splice) abort() {
	s.more.L.Lock()
	out := s.out
	s.ended, s.lost, s.queue = true, true, nil
	s.more.Signal()
	s.more.L.Unlock()
	if out != nil {
		_ = out.SetLinger(0)
		_ = out.Close()
	}
}

func (s *splice) forget() { s.set.forget(s) }

// hold stops reading from the connection, so that its window closes, or goes on.
func (c *conn) hold(on bool) {
	c.n.mu.Lock()
	c.held = on
	c.n.mu.Unlock()
	if !on {
		c.NotifyEvent(0)
	}
}

// waiting is how many bytes the stack has not taken yet.
func (c *conn) waiting() int {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	return c.out.Len()
}
