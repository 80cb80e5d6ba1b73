package serialport

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/kkmtest/kkmtest/bench/clock"
)

// Machine makes a byte machine that lives on a loop: it is handed where its
// bytes go and returns where they come from. It is called on the loop.
type Machine func(send func(p []byte)) (receive func(p []byte))

// ServePTY puts a machine on a new pseudo terminal and returns the name under
// which a driver opens it. The terminal is raw before anybody can open it and
// stays while drivers come and go. baud paces what the machine sends, since a
// pseudo terminal has no speed; 0 sends at once. Stop it with stop.
func ServePTY(loop clock.Loop, baud int, m Machine) (name string, stop func() error, err error) {
	master, slave, err := pty.Open()
	if err != nil {
		return "", nil, fmt.Errorf("pseudo terminal: %w", err)
	}
	if _, err := term.MakeRaw(int(slave.Fd())); err != nil {
		return "", nil, errors.Join(fmt.Errorf("pseudo terminal: %w", err), master.Close(), slave.Close())
	}
	line, err := waitable(master)
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("pseudo terminal: %w", err), master.Close(), slave.Close())
	}
	// The slave stays open here: with the last one closed the master would fail.
	s := newServed(loop, baud, m)
	s.attach(line)
	return slave.Name(), func() error {
		err := s.stop()
		return errors.Join(err, ignoreClosed(slave.Close()))
	}, nil
}

// waitable makes a file that Close wakes a Read of; the library leaves the
// master blocking, and closing such a file waits for the next byte.
func waitable(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), f.Name()), f.Close()
}

// ServeTCP puts a machine on a TCP port. A line has two ends: a new connection
// takes the place of the one before. Stop it with stop, which closes l.
func ServeTCP(loop clock.Loop, l net.Listener, baud int, m Machine) (stop func() error) {
	s := newServed(loop, baud, m)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.attach(c)
		}
	}()
	return func() error { return errors.Join(ignoreClosed(l.Close()), s.stop()) }
}

// served connects a machine with whatever carries its bytes at present.
type served struct {
	loop clock.Loop
	byte time.Duration
	free time.Duration // on the loop only

	receive func(p []byte) // on the loop only

	mu  sync.Mutex
	rw  io.ReadWriteCloser
	out chan []byte // of rw
}

func newServed(loop clock.Loop, baud int, m Machine) *served {
	s := &served{loop: loop, byte: ByteTime(baud)}
	loop.Post(func() { s.receive = m(s.send) })
	return s
}

// send is called on the loop and never blocks it.
func (s *served) send(p []byte) {
	p = append([]byte(nil), p...)
	now := s.loop.Now().Mono
	s.free = max(s.free, now) + time.Duration(len(p))*s.byte
	if s.free == now {
		s.emit(p)
		return
	}
	s.loop.AfterFunc(s.free-now, func() { s.emit(p) })
}

func (s *served) emit(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out == nil {
		return // nobody at the other end
	}
	select {
	case s.out <- p:
	default: // nobody reads: a serial line forgets
	}
}

func (s *served) attach(rw io.ReadWriteCloser) {
	out := make(chan []byte, 256)
	s.mu.Lock()
	old, oldOut := s.rw, s.out
	s.rw, s.out = rw, out
	s.mu.Unlock()
	if old != nil {
		close(oldOut)
		_ = old.Close()
	}
	go func() {
		for p := range out {
			if _, err := rw.Write(p); err != nil {
				return
			}
		}
	}()
	go func() {
		p := make([]byte, 4096)
		for {
			n, err := rw.Read(p)
			if n > 0 {
				chunk := append([]byte(nil), p[:n]...)
				s.loop.Post(func() { s.receive(chunk) })
			}
			if err != nil {
				return
			}
		}
	}()
}

func (s *served) stop() error {
	s.mu.Lock()
	rw, out := s.rw, s.out
	s.rw, s.out = nil, nil
	s.mu.Unlock()
	if rw == nil {
		return nil
	}
	close(out)
	return ignoreClosed(rw.Close())
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
