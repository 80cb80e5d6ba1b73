// Package hosttcp carries streams over the TCP of the computer it runs on, for
// simulators that stand in a process of their own and for registers on a real
// line. It knows nothing of what is carried, sets no time limit on a connect
// (close the stream to give it up) and never calls a simulator outside its loop.
//
// Begin with [NewDialer] and [Listen]. The loop must be a real one: bytes come
// from other goroutines, which only a running loop takes.
package hosttcp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

// Dialer opens streams to other hosts.
type Dialer struct {
	loop clock.Loop
	set  group
}

// NewDialer makes a dialer whose streams call back on loop.
func NewDialer(loop clock.Loop) *Dialer { return &Dialer{loop: loop} }

// Dial begins to connect. The channel is not used: the host's routes decide.
// Closing the stream before it opened gives the attempt up; the owner then gets
// Closed(nil).
func (d *Dialer) Dial(_, host string, port int, ev stream.Events) stream.Conn {
	ctx, cancel := context.WithCancel(context.Background())
	c := newConn(d.loop, &d.set, ev)
	c.cancel = cancel
	if !d.set.add(c) {
		c.state = ended
		cancel()
		d.loop.AfterFunc(0, func() { c.closed(net.ErrClosed) })
		return c
	}
	d.set.spawn(func() {
		nc, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if !c.post(func() { c.dialled(nc, err) }) && nc != nil {
			_ = nc.Close() // the dialer was closed meanwhile
		}
	})
	return c
}

// Close resets every stream of the dialer and waits for their goroutines. The
// owners hear nothing more when their loop has ended. Not to be called on the loop.
func (d *Dialer) Close() error { return d.set.close() }

// Listener takes streams from other hosts.
type Listener struct {
	loop  clock.Loop
	addr  net.Addr
	limit int
	once  sync.Once
	set   group

	mu     sync.Mutex
	l      net.Listener  // nil while the gate is shut
	opened chan struct{} // closed when the gate opens; nil while it is open
}

// Listen takes streams on addr (host:port, port 0 for any) and hands each to a.
// At most limit are open at a time (0: no limit); more are closed at once.
func Listen(loop clock.Loop, addr string, limit int, a stream.Acceptor) (*Listener, error) {
	nl, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	l := &Listener{loop: loop, addr: nl.Addr(), l: nl, limit: limit}
	l.set.stop = make(chan struct{})
	l.set.spawn(func() { l.serve(a) })
	return l, nil
}

// Addr is where it listens.
func (l *Listener) Addr() net.Addr { return l.addr }

// Gate lets connections be refused (open false), or taken again. Streams that
// are open stay. It may be called on the loop.
func (l *Listener) Gate(open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !open && l.opened == nil:
		l.opened = make(chan struct{})
		if l.l != nil {
			_ = l.l.Close() // serve is told by its Accept
			l.l = nil
		}
	case open && l.opened != nil:
		close(l.opened)
		l.opened = nil
	}
}

// listening returns the open listener; it waits for the gate, and opens the
// address again. nil when the listener was closed meanwhile.
func (l *Listener) listening() net.Listener {
	for {
		select {
		case <-l.set.stop:
			return nil
		default:
		}
		l.mu.Lock()
		nl, opened := l.l, l.opened
		if nl == nil && opened == nil {
			// The port is known, so that registers find the same one; somebody else may
			// have it for a moment.
			if again, err := net.Listen("tcp", l.addr.String()); err == nil {
				nl, l.l = again, again
			}
		}
		l.mu.Unlock()
		if nl != nil {
			return nl
		}
		if opened == nil {
			opened = make(chan struct{})
			l.loop.AfterFunc(pause, func() { close(opened) })
		}
		select {
		case <-opened:
		case <-l.set.stop:
			return nil
		}
	}
}

// Open is how many streams are open now.
func (l *Listener) Open() int { return l.set.size() }

// Close stops listening, resets every stream and waits for their goroutines.
// Not to be called on the loop.
func (l *Listener) Close() error {
	var err error
	l.once.Do(func() {
		close(l.set.stop)
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.l != nil {
			err = l.l.Close()
		}
	})
	return errors.Join(err, l.set.close())
}

// serve accepts until the listener is closed. When the host has no descriptors
// left it waits a little, so that the streams that are open can go on.
func (l *Listener) serve(a stream.Acceptor) {
	for {
		nl := l.listening()
		if nl == nil {
			return
		}
		nc, err := nl.Accept()
		if errors.Is(err, net.ErrClosed) {
			select {
			case <-l.set.stop:
				return
			default:
				continue // the gate was shut
			}
		}
		if err != nil {
			again := make(chan struct{})
			l.loop.AfterFunc(pause, func() { close(again) })
			select {
			case <-again:
			case <-l.set.stop:
				return
			}
			continue
		}
		if l.limit > 0 && l.set.size() >= l.limit {
			_ = nc.Close() // nothing was said yet, so nothing can be lost
			continue
		}
		c := newConn(l.loop, &l.set, stream.Events{})
		c.nc = nc.(*net.TCPConn)
		if !l.set.add(c) {
			_ = nc.Close()
			return
		}
		c.post(func() {
			if c.isGone() {
				return // the listener was closed meanwhile
			}
			c.state = open
			c.ev = a.Accept(c, nc.RemoteAddr().String())
			c.ev.Opened = nil
			c.start()
		})
	}
}

// reason names why a stream ended, in the words of package stream.
func reason(err error) error {
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return nil
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w (%v)", stream.ErrRefused, err)
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("%w (%v)", stream.ErrReset, err)
	case errors.Is(err, syscall.ETIMEDOUT), errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w (%v)", stream.ErrTimedOut, err)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return fmt.Errorf("%w (%v)", stream.ErrNoRoute, err)
	}
	return err
}

// group is all streams of a dialer or a listener.
type group struct {
	mu    sync.Mutex
	conns map[*conn]struct{}
	shut  bool
	stop  chan struct{}
	wg    sync.WaitGroup

	unsent atomic.Int64 // bytes that wait on all of them
}

func (g *group) add(c *conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return false
	}
	if g.conns == nil {
		g.conns = map[*conn]struct{}{}
	}
	g.conns[c] = struct{}{}
	return true
}

// spawn starts a goroutine that close waits for; none after that.
func (g *group) spawn(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.shut {
		g.wg.Go(f)
	}
}

func (g *group) remove(c *conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, c)
}

func (g *group) size() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.conns)
}

func (g *group) close() error {
	g.mu.Lock()
	g.shut = true
	all := slices.Collect(maps.Keys(g.conns))
	g.mu.Unlock()
	for _, c := range all { // without the lock: a callback of the loop may want it
		c.abandon()
	}
	g.wg.Wait()
	return nil
}
