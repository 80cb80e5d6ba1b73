package hosttcp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

// patience is how long a test waits for something that must happen.
const patience = 20 * time.Second

// acceptor hands each stream to a function.
type acceptor func(c stream.Conn, peer string) stream.Events

func (a acceptor) Accept(c stream.Conn, peer string) stream.Events { return a(c, peer) }

func echo(c stream.Conn, _ string) stream.Events {
	return stream.Events{Received: func(p []byte) { c.Send(p) }, Closed: func(error) { c.Close() }}
}

// world is a loop with a listener on it.
type world struct {
	t    *testing.T
	loop *clock.Real
	l    *Listener
	d    *Dialer
}

func newWorld(t *testing.T, limit int, a acceptor) *world {
	t.Helper()
	before := runtime.NumGoroutine()
	w := &world{t: t, loop: clock.NewReal()}
	l, err := Listen(w.loop, "127.0.0.1:0", limit, a)
	if err != nil {
		t.Fatal(err)
	}
	w.l, w.d = l, NewDialer(w.loop)
	t.Cleanup(func() {
		if err := w.d.Close(); err != nil {
			t.Error(err)
		}
		if err := w.l.Close(); err != nil {
			t.Error(err)
		}
		w.loop.Close()
		for i := 0; runtime.NumGoroutine() > before; i++ {
			if i > 1000 {
				buf := make([]byte, 1<<16)
				t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
			}
			time.Sleep(time.Millisecond)
		}
	})
	return w
}

func (w *world) port() int {
	_, p, err := net.SplitHostPort(w.l.Addr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	n, err := strconv.Atoi(p)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// wait turns until ready, which is looked at on the loop.
func (w *world) wait(what string, ready func() bool) {
	w.t.Helper()
	ok, err := w.loop.Wait(context.Background(), w.loop.Now().Add(patience), ready)
	if err != nil || !ok {
		w.t.Fatalf("%s: not within %v (%v)", what, patience, err)
	}
}

// side is a dialled stream and what happened on it; all on the loop.
type side struct {
	conn    stream.Conn
	opened  int
	closed  int
	late    bool // something came after Closed
	err     error
	got     []byte
	written []byte
}

func (w *world) dial(port int, opened func(s *side)) *side {
	s := new(side)
	done := make(chan struct{})
	w.loop.Post(func() {
		s.conn = w.d.Dial("ethernet", "127.0.0.1", port, stream.Events{
			Opened: func(c stream.Conn) {
				s.opened++
				if c != s.conn {
					w.t.Error("another stream opened than was dialled")
				}
				s.late = s.late || s.closed > 0
				if opened != nil {
					opened(s)
				}
			},
			Received: func(p []byte) { s.got = append(s.got, p...); s.late = s.late || s.closed > 0 },
			Closed:   func(err error) { s.closed++; s.err = err },
		})
		close(done)
	})
	<-done
	return s
}

func (w *world) do(f func()) {
	done := make(chan struct{})
	w.loop.Post(func() { f(); close(done) })
	<-done
}

// once holds the contract of Events for a stream that is over.
func (w *world) once(s *side) {
	w.t.Helper()
	time.Sleep(20 * time.Millisecond) // for what should not come any more
	w.do(func() {
		if s.closed != 1 || s.late || s.opened > 1 {
			w.t.Errorf("closed %d times, opened %d times, something after the end: %v", s.closed, s.opened, s.late)
		}
	})
}

func TestBytesKeepTheirOrder(t *testing.T) {
	w := newWorld(t, 0, echo)
	const n = 1 << 20
	s := w.dial(w.port(), func(s *side) {
		for i := 0; len(s.written) < n; i++ {
			p := bytes.Repeat([]byte{byte(i)}, 1+i%977)
			s.written = append(s.written, p...)
			s.conn.Send(p)
			clear(p) // Send has its own copy
		}
	})
	w.wait("the echo", func() bool { return len(s.got) >= n && len(s.got) == len(s.written) })
	w.do(func() {
		if !bytes.Equal(s.got, s.written) {
			t.Error("other bytes came back")
		}
		s.conn.Close()
	})
	w.wait("the end", func() bool { return s.closed > 0 })
	w.once(s)
	if s.err != nil {
		t.Errorf("ended with %v, want nil", s.err)
	}
}

// What was queued before the stream opened, or before it was closed, arrives.
func TestCloseSendsTheRest(t *testing.T) {
	var got []byte
	var peerErr error
	ended := false
	w := newWorld(t, 0, func(c stream.Conn, _ string) stream.Events {
		return stream.Events{Received: func(p []byte) { got = append(got, p...) }, Closed: func(err error) { ended, peerErr = true, err }}
	})
	const n = 3 << 20
	s := w.dial(w.port(), func(s *side) {
		s.conn.Send(make([]byte, n))
		s.conn.Close()
		s.conn.Send([]byte("too late"))
	})
	w.wait("the peer's end", func() bool { return ended })
	w.wait("the own end", func() bool { return s.closed > 0 })
	w.once(s)
	w.do(func() {
		if len(got) != n || peerErr != nil || s.err != nil {
			t.Errorf("%d bytes of %d, ends %v and %v", len(got), n, peerErr, s.err)
		}
	})
}

func TestCloseBeforeOpenedGivesUp(t *testing.T) {
	w := newWorld(t, 0, echo)
	s := new(side)
	w.do(func() {
		s.conn = w.d.Dial("gsm", "127.0.0.1", w.port(), stream.Events{
			Opened: func(stream.Conn) { s.opened++ }, Closed: func(err error) { s.closed++; s.err = err },
		})
		s.conn.Close()
		s.conn.Close()
	})
	w.wait("the end", func() bool { return s.closed > 0 })
	w.once(s)
	if s.opened != 0 || s.err != nil {
		t.Errorf("opened %d times, ended with %v", s.opened, s.err)
	}
}

func TestReasons(t *testing.T) {
	w := newWorld(t, 0, func(c stream.Conn, _ string) stream.Events {
		return stream.Events{Received: func([]byte) { c.Reset() }}
	})
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := free.Addr().(*net.TCPAddr).Port
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	s := w.dial(nobody, nil)
	w.wait("refusal", func() bool { return s.closed > 0 })
	w.once(s)
	if !errors.Is(s.err, stream.ErrRefused) || s.opened != 0 {
		t.Errorf("nobody listens: %v, opened %d times", s.err, s.opened)
	}
	s = w.dial(w.port(), func(s *side) { s.conn.Send([]byte("x")) })
	w.wait("reset", func() bool { return s.closed > 0 })
	w.once(s)
	if !errors.Is(s.err, stream.ErrReset) {
		t.Errorf("the peer resets: %v", s.err)
	}
	s = w.dial(w.port(), func(s *side) { s.conn.Reset(); s.conn.Reset() })
	w.wait("own reset", func() bool { return s.closed > 0 })
	w.once(s)
	if s.err != nil {
		t.Errorf("own reset: %v, want nil", s.err)
	}
}

// A client that ends its own side after the request still gets the answer.
func TestHalfClosedPeerGetsTheAnswer(t *testing.T) {
	w := newWorld(t, 0, func(c stream.Conn, _ string) stream.Events {
		return stream.Events{Received: func(p []byte) { c.Send(append([]byte("re: "), p...)); c.Send(make([]byte, 1<<20)) }}
	})
	nc, err := net.Dial("tcp", w.l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = nc.Close() }()
	if _, err := nc.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	if err := nc.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := nc.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(nc)
	if err != nil || len(got) != 8+1<<20 || string(got[:8]) != "re: ping" {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// A peer that does not read costs no more than the backlog.
func TestSlowPeerIsCutOff(t *testing.T) {
	var err error
	ended := false
	w := newWorld(t, 0, func(c stream.Conn, _ string) stream.Events {
		for range 10 {
			c.Send(make([]byte, backlog/4))
		}
		return stream.Events{Closed: func(e error) { ended, err = true, e }}
	})
	nc, derr := net.Dial("tcp", w.l.Addr().String())
	if derr != nil {
		t.Fatal(derr)
	}
	defer func() { _ = nc.Close() }()
	w.wait("the cut", func() bool { return ended })
	if err != nil {
		t.Errorf("ended with %v", err)
	}
	if n := w.l.Open(); n != 0 {
		t.Errorf("%d streams are open", n)
	}
}

// A busy owner holds its peer back: what is not taken stays with TCP.
func TestBusyOwnerHoldsThePeerBack(t *testing.T) {
	taken := 0
	w := newWorld(t, 0, func(stream.Conn, string) stream.Events {
		return stream.Events{Received: func(p []byte) {
			if len(p) > chunk {
				t.Errorf("%d bytes at a time", len(p))
			}
			taken += len(p)
		}}
	})
	release := make(chan struct{})
	w.loop.Post(func() { <-release }) // the loop stands still
	nc, err := net.Dial("tcp", w.l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = nc.Close() }()
	if err := nc.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	n, werr := nc.Write(make([]byte, 64<<20))
	if werr == nil {
		t.Error("64 MiB went to an owner that takes nothing")
	}
	close(release)
	w.wait("what went out", func() bool { return taken == n })
}

func TestListenerLimit(t *testing.T) {
	w := newWorld(t, 2, echo)
	a, b := w.dial(w.port(), nil), w.dial(w.port(), nil)
	w.wait("two streams", func() bool { return a.opened+b.opened == 2 && w.l.Open() == 2 })
	c := w.dial(w.port(), nil)
	w.wait("the third one's end", func() bool { return c.closed > 0 })
	w.do(func() { a.conn.Close() })
	w.wait("room", func() bool { return a.closed > 0 && w.l.Open() == 1 })
	d := w.dial(w.port(), func(s *side) { s.conn.Send([]byte("hi")) })
	w.wait("an echo", func() bool { return len(d.got) == 2 })
	if b.closed > 0 {
		t.Error("the second stream ended")
	}
}

func TestManyStreams(t *testing.T) {
	w := newWorld(t, 0, echo)
	var all []*side
	for range 200 {
		all = append(all, w.dial(w.port(), func(s *side) { s.conn.Send([]byte("0123456789")) }))
	}
	w.wait("all echoes", func() bool {
		for _, s := range all {
			if len(s.got) < 10 {
				return false
			}
		}
		return true
	})
	w.do(func() {
		for _, s := range all {
			s.conn.Close()
		}
	})
	w.wait("all ends", func() bool {
		for _, s := range all {
			if s.closed != 1 {
				return false
			}
		}
		return w.l.Open() == 0
	})
}

// Closing dialer and listener while bytes are on their way leaves no goroutine,
// also when the loop has ended before (newWorld looks).
func TestCloseInTheMiddle(t *testing.T) {
	for _, loopFirst := range []bool{false, true} {
		w := newWorld(t, 0, echo)
		s := w.dial(w.port(), func(s *side) { s.conn.Send(make([]byte, 1<<20)) })
		w.wait("some echo", func() bool { return len(s.got) > 0 })
		if loopFirst {
			w.loop.Close()
		}
		if err := w.d.Close(); err != nil {
			t.Error(err)
		}
		if !loopFirst {
			w.wait("the end", func() bool { return s.closed == 1 })
			if !errors.Is(s.err, net.ErrClosed) {
				t.Errorf("ended with %v", s.err)
			}
			late := w.dial(w.port(), nil)
			w.wait("the end of a late one", func() bool { return late.closed == 1 && late.opened == 0 })
		}
	}
}

func TestListenFails(t *testing.T) {
	loop := clock.NewReal()
	defer loop.Close()
	if _, err := Listen(loop, "nowhere:x", 0, acceptor(echo)); err == nil {
		t.Error("listening on nowhere")
	}
}

// A shut gate refuses connections, at the same address as before and after;
// streams that are open go on.
func TestGate(t *testing.T) {
	w := newWorld(t, 0, echo)
	old := w.dial(w.port(), nil)
	w.wait("a stream", func() bool { return old.opened == 1 && w.l.Open() == 1 })
	for range 2 {
		w.do(func() { w.l.Gate(false); w.l.Gate(false) })
		refused := w.dial(w.port(), nil)
		w.wait("a refusal", func() bool { return refused.closed == 1 })
		if !errors.Is(refused.err, stream.ErrRefused) {
			t.Fatalf("ended with %v, want a refusal", refused.err)
		}
		w.do(func() { old.got = nil; old.conn.Send([]byte("still here")) })
		w.wait("an echo on the old stream", func() bool { return string(old.got) == "still here" })
		w.do(func() { w.l.Gate(true); w.l.Gate(true) })
		again := false
		for range 100 { // the address opens again a moment later
			s := w.dial(w.port(), func(s *side) { s.conn.Send([]byte("hi")) })
			w.wait("an end or an echo", func() bool { return s.closed > 0 || len(s.got) == 2 })
			if again = s.closed == 0; again {
				break
			}
			time.Sleep(time.Millisecond)
		}
		if !again {
			t.Fatal("the gate is open and nobody comes in")
		}
	}
}

// Close ends a listener whose gate is shut.
func TestCloseWithTheGateShut(t *testing.T) {
	w := newWorld(t, 0, echo)
	w.l.Gate(false)
	if err := w.l.Close(); err != nil {
		t.Error(err)
	}
	w.l.Gate(true)
	if nc, err := net.Dial("tcp", w.l.Addr().String()); err == nil {
		_ = nc.Close()
		t.Error("a closed listener listens again")
	}
}

// Who does not take answers gets no more questions in: what waits for him is
// bounded by the pressure and one chunk's answers, and goes on when he reads.
func TestPressure(t *testing.T) {
	const answer = 1 << 10 // for each byte that came
	took, sent := 0, 0
	w := newWorld(t, 0, func(c stream.Conn, _ string) stream.Events {
		return stream.Events{Received: func(p []byte) {
			took += len(p)
			for range p {
				c.Send(make([]byte, answer))
			}
			sent += len(p) * answer
		}}
	})
	nc, err := net.Dial("tcp", w.l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = nc.Close() }()
	const questions = 64 << 10
	go func() { _, _ = nc.Write(make([]byte, questions)) }()
	held := func() (n int64) { w.do(func() { n = w.l.set.unsent.Load() }); return n }
	w.wait("the pressure", func() bool { return w.l.set.unsent.Load() >= pressure })
	for range 20 { // whatever the peer's own buffers took
		time.Sleep(5 * time.Millisecond)
		if n := held(); n > pressure+chunk*answer {
			t.Fatalf("%d bytes wait, want at most %d", n, pressure+chunk*answer)
		}
	}
	got, err := io.CopyN(io.Discard, nc, questions*answer)
	if err != nil || got != questions*answer {
		t.Errorf("%d bytes, %v", got, err)
	}
	w.wait("nothing waits", func() bool { return w.l.set.unsent.Load() == 0 })
	if took != questions || sent != questions*answer {
		t.Errorf("%d of %d questions were taken", took, questions)
	}
}
