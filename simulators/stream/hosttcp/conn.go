package hosttcp

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

// Bounds of one stream.
const (
	// backlog is what may wait to be written to a slow peer: one answer of the
	// largest size (16 MiB, cpcr.md 3.4) and as much again. More ends the stream.
	backlog = 32 << 20
	// allBacklog is what may wait on all streams of a dialer or listener together;
	// the stream that goes over it ends.
	allBacklog = 256 << 20
	// pressure is how much may wait before no more is read from the peer: who does
	// not take answers gets no more questions in.
	pressure = 256 << 10
	// chunk is what is read at a time. A stream keeps no more than this of what its
	// owner has not taken yet; TCP holds the peer back.
	chunk = 2 << 10
	// linger is how long an ended stream waits for a slow peer to take the rest
	// and to end its own side.
	linger = 10 * time.Second
	// pause is how long a listener waits when the host cannot give it a stream.
	pause = 100 * time.Millisecond
)

type state int

const (
	connecting state = iota
	open
	ending // closed by the owner; the rest is being written
	ended
)

// conn is one end of a stream. What stands above mu belongs to the loop.
type conn struct {
	loop   clock.Loop
	set    *group
	ev     stream.Events
	cancel context.CancelFunc
	state  state
	timer  clock.Timer

	gone chan struct{} // closed when nothing of this stream may wait any longer
	once sync.Once

	mu      sync.Mutex
	nc      *net.TCPConn
	out     []byte        // waits to be written
	unsent  int           // bytes of out, and of what is being written now
	room    chan struct{} // closed when unsent falls below pressure; nil while nobody waits
	writing bool
	reading bool // the owner is in taken; the reader writes when he is out
	fin     bool // nothing follows what waits
	last    bool // when that is written, the stream is let go
}

func newConn(loop clock.Loop, set *group, ev stream.Events) *conn {
	return &conn{loop: loop, set: set, ev: ev, gone: make(chan struct{})}
}

// post runs f on the loop and waits for it, unless the stream is abandoned.
func (c *conn) post(f func()) bool {
	done := make(chan struct{})
	c.loop.Post(func() { f(); close(done) })
	select {
	case <-done:
		return true
	case <-c.gone:
		return false
	}
}

// isGone says whether nothing may begin any more.
func (c *conn) isGone() bool {
	select {
	case <-c.gone:
		return true
	default:
		return false
	}
}

// dialled takes the outcome of a connect.
func (c *conn) dialled(nc net.Conn, err error) {
	c.cancel()
	if err != nil {
		c.finish(reason(err), true)
		return
	}
	c.mu.Lock()
	c.nc = nc.(*net.TCPConn)
	c.mu.Unlock()
	if c.isGone() { // the dialer was closed meanwhile; whoever dialled for it closes the socket
		return
	}
	if c.state != connecting { // given up meanwhile
		c.finish(nil, true)
		return
	}
	c.state = open
	if c.ev.Opened != nil {
		c.ev.Opened(c)
	}
	c.start()
}

// start begins to read, and to write what was queued already.
func (c *conn) start() {
	if c.state == ended {
		return
	}
	c.set.spawn(c.read)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pump()
}

func (c *conn) read() {
	p := make([]byte, chunk)
	for {
		if !c.eased() {
			return
		}
		n, err := c.nc.Read(p)
		if n > 0 {
			var ahead any
			if c.ev.Ahead != nil {
				ahead = c.ev.Ahead(p[:n])
			}
			if !c.post(func() { c.taken(p[:n], ahead) }) {
				return
			}
			c.flush()
		}
		if err != nil {
			c.loop.Post(func() { c.finish(reason(err), false) })
			return
		}
	}
}

// eased waits until the peer has taken most of what is for him; false when the
// stream is abandoned meanwhile.
func (c *conn) eased() bool {
	for {
		c.mu.Lock()
		if c.unsent < pressure {
			c.mu.Unlock()
			return true
		}
		if c.room == nil {
			c.room = make(chan struct{})
		}
		room := c.room
		c.mu.Unlock()
		select {
		case <-room:
		case <-c.gone:
			return false
		}
	}
}

// wrote counts bytes that wait no longer; with mu held.
func (c *conn) wrote(n int) {
	c.unsent -= n
	c.set.unsent.Add(-int64(n))
	if c.room != nil && c.unsent < pressure {
		close(c.room)
		c.room = nil
	}
}

// taken hands bytes to the owner. What he sends meanwhile is left to the reader,
// who waits for this call and writes it himself.
func (c *conn) taken(p []byte, ahead any) {
	if c.state != open {
		return
	}
	c.mu.Lock()
	c.reading = true
	c.mu.Unlock()
	switch {
	case ahead != nil && c.ev.Taken != nil:
		c.ev.Taken(p, ahead)
	case c.ev.Received != nil:
		c.ev.Received(p)
	}
}

// flush writes what was sent during taken, on the goroutine of the reader.
func (c *conn) flush() {
	c.mu.Lock()
	c.reading = false
	mine := !c.writing && (len(c.out) > 0 || c.fin)
	if mine {
		c.writing = true
	}
	c.mu.Unlock()
	if mine {
		c.write()
	}
}

// Send queues bytes.
func (c *conn) Send(p []byte) {
	if c.state == ending || c.state == ended {
		return
	}
	c.mu.Lock()
	c.out = append(c.out, p...)
	c.unsent += len(p)
	over := c.set.unsent.Add(int64(len(p))) > allBacklog || c.unsent > backlog
	if !over && c.state == open {
		c.pump()
	}
	c.mu.Unlock()
	if over {
		c.Reset()
	}
}

// pump lets a goroutine write what waits; with mu held.
func (c *conn) pump() {
	if c.writing || c.reading || c.nc == nil || (len(c.out) == 0 && !c.fin) {
		return
	}
	c.writing = true
	c.set.spawn(c.write)
}

func (c *conn) write() {
	for {
		c.mu.Lock()
		p := c.out
		c.out = nil
		if len(p) == 0 {
			c.writing = false
			if c.fin {
				_ = c.nc.CloseWrite() // an error here shows itself to the reader as well
			}
			last := c.last
			c.mu.Unlock()
			if last {
				c.letGo(false)
			}
			return
		}
		c.mu.Unlock()
		_, err := c.nc.Write(p)
		c.mu.Lock()
		c.wrote(len(p))
		c.mu.Unlock()
		if err != nil {
			c.loop.Post(func() { c.finish(reason(err), true) })
			return
		}
	}
}

// Close ends the stream after what was queued.
func (c *conn) Close() {
	switch c.state {
	case connecting:
		c.giveUp()
	case open:
		c.state = ending
		c.mu.Lock()
		c.fin = true
		c.pump()
		c.mu.Unlock()
		c.timer = c.loop.AfterFunc(linger, func() { c.finish(nil, true) })
	}
}

// Reset ends it at once.
func (c *conn) Reset() {
	switch c.state {
	case connecting:
		c.giveUp()
	case open, ending:
		c.state = ending
		c.loop.Post(func() { c.finish(nil, true) })
	}
}

// giveUp ends a connect that is under way.
func (c *conn) giveUp() {
	c.state = ending
	if c.cancel != nil {
		c.cancel()
	}
}

// finish is the end of the stream, once. hard throws away what was not written;
// else a peer that only ended its own side still gets it.
func (c *conn) finish(err error, hard bool) {
	if c.state == ended {
		return
	}
	if c.state == ending {
		err = nil // the owner ended it; how the peer took that is no concern of his
	}
	c.state = ended
	if c.timer != nil {
		c.timer.Stop()
	}
	c.mu.Lock()
	rest := c.nc != nil && !hard && (c.writing || len(c.out) > 0)
	if rest {
		c.last = true
		c.pump()
		c.timer = c.loop.AfterFunc(linger, func() { c.letGo(true) })
	}
	c.mu.Unlock()
	if !rest {
		c.letGo(hard)
	}
	c.closed(err)
}

func (c *conn) closed(err error) {
	if c.ev.Closed != nil {
		c.ev.Closed(err)
	}
}

// letGo closes the socket and lets whoever waits for the loop go on. It may be
// called from anywhere and more than once.
func (c *conn) letGo(hard bool) {
	c.once.Do(func() {
		close(c.gone)
		c.mu.Lock()
		nc := c.nc
		c.wrote(len(c.out))
		c.out = nil
		c.mu.Unlock()
		if nc != nil {
			if hard {
				_ = nc.SetLinger(0)
			}
			_ = nc.Close()
		}
		c.set.remove(c)
	})
}

// abandon ends the stream from outside the loop, which may not run any more.
func (c *conn) abandon() {
	if c.cancel != nil {
		c.cancel()
	}
	c.letGo(true)
	c.loop.Post(func() { c.finish(net.ErrClosed, true) })
}
