// Package serialport gives drivers their [device.Port]: a serial line or a
// pseudo terminal ([OpenSerial]), the same bytes over TCP ([OpenTCP]), a line
// in memory for the simulated world ([NewLine]). It also serves a byte machine
// on a pseudo terminal or a TCP port, so that the emulated register can stand
// in another process ([ServePTY], [ServeTCP]).
//
// It moves bytes and never looks at them; it never lists ports, because listing
// reopens them while a run may hold one, and it never touches modem lines,
// which a pseudo terminal does not have (devices.md 6).
package serialport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"go.bug.st/serial"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
)

// writeLimit is how long the system may take to accept a frame. A frame has a
// few hundred bytes and the kernel buffers four thousand, so that a write that
// hangs means that nobody has read for a long time.
const writeLimit = 10 * time.Second

// serialLatency is how late a byte may be noticed behind a serial port: USB
// adapters keep bytes for up to 16 ms, the system and the driver's own steps come on top.
const serialLatency = 20 * time.Millisecond

// hostLatency is what the system itself may add to a connection.
const hostLatency = 2 * time.Millisecond

// closeLimit is how long Close waits for a write under way.
const closeLimit = time.Second

// OpenSerial opens a serial port or a pseudo terminal at 8N1 without flow
// control. loop is real time. The port is locked for other benches, by a file
// that root must respect too; the error of a second one says who holds it.
func OpenSerial(loop clock.Loop, path string, baud int) (device.Port, error) {
	if baud <= 0 {
		return nil, fmt.Errorf("port %s: speed %d: want a speed in baud, such as 115200", path, baud)
	}
	lk, err := lockPort(path)
	if err != nil {
		return nil, err
	}
	p, err := serial.Open(path, &serial.Mode{BaudRate: baud, DataBits: 8, Parity: serial.NoParity, StopBits: serial.OneStopBit})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("port %s: %w", path, err), lk.release())
	}
	// Bytes of an earlier owner may still lie in the kernel.
	if err := p.ResetInputBuffer(); err != nil {
		return nil, errors.Join(fmt.Errorf("port %s: %w", path, err), p.Close(), lk.release())
	}
	return newStreamPort(loop, path, p, serialLatency, lk.release), nil
}

// OpenTCP connects to a register, or to a serial device server, that carries
// the bytes of the line over TCP. loop is real time.
func OpenTCP(ctx context.Context, loop clock.Loop, addr string) (device.Port, error) {
	var d net.Dialer
	began := loop.Now().Mono
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("port %s: %w", addr, err)
	}
	return newStreamPort(loop, addr, c, loop.Now().Mono-began+hostLatency, func() error { return nil }), nil
}

// streamPort is a Port over blocking reads and writes. One goroutine reads, one
// writes; Close is a word to both, so that no byte is written to a descriptor
// that already belongs to another file.
type streamPort struct {
	loop    clock.Loop
	name    string
	rw      io.ReadWriteCloser
	late    time.Duration
	release func() error

	mu   sync.Mutex
	buf  []byte
	err  error         // why no more bytes will come
	more chan struct{} // has room for one: buf or err changed

	out  chan writing
	quit chan struct{}
	once sync.Once
	done chan struct{} // the writer has ended
}

type writing struct {
	p   []byte
	res chan error
}

func newStreamPort(loop clock.Loop, name string, rw io.ReadWriteCloser, late time.Duration, release func() error) *streamPort {
	s := &streamPort{loop: loop, name: name, rw: rw, late: late, release: release, more: make(chan struct{}, 1),
		out: make(chan writing), quit: make(chan struct{}), done: make(chan struct{})}
	go s.reader()
	go s.writer()
	return s
}

// Latency is how late a byte may be noticed: for TCP the time that the
// connection took to open, which is one round trip.
func (s *streamPort) Latency() time.Duration { return s.late }

func (s *streamPort) reader() {
	p := make([]byte, 4096)
	for {
		n, err := s.rw.Read(p)
		s.mu.Lock()
		s.buf = append(s.buf, p[:n]...)
		if err != nil {
			s.err = fmt.Errorf("port %s: %w: %w", s.name, ErrLost, err)
		}
		s.mu.Unlock()
		select {
		case s.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (s *streamPort) writer() {
	defer close(s.done)
	for {
		select {
		case <-s.quit:
			return
		case w := <-s.out:
			w.res <- s.writeAll(w.p)
		}
	}
}

func (s *streamPort) writeAll(p []byte) error {
	for len(p) > 0 {
		select {
		case <-s.quit:
			return fmt.Errorf("port %s: %w: closed", s.name, ErrLost)
		default:
		}
		n, err := s.rw.Write(p)
		if err != nil {
			return fmt.Errorf("port %s: write: %w: %w", s.name, ErrLost, err)
		}
		p = p[n:]
	}
	return nil
}

func (s *streamPort) Write(ctx context.Context, p []byte) error {
	late := make(chan struct{})
	t := s.loop.AfterFunc(writeLimit, func() { close(late) })
	defer t.Stop()
	w := writing{append([]byte(nil), p...), make(chan error, 1)}
	select {
	case s.out <- w:
	case <-s.quit:
		return fmt.Errorf("port %s: write: %w: closed", s.name, ErrLost)
	case <-late:
		return fmt.Errorf("port %s: write: %w: the line has taken no byte for %v", s.name, ErrLost, writeLimit)
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-w.res:
		return err
	case <-late:
		return fmt.Errorf("port %s: write: %w: the line has not taken %d bytes in %v", s.name, ErrLost, len(p), writeLimit)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *streamPort) take(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := copy(p, s.buf)
	s.buf = s.buf[n:]
	if n > 0 {
		return n, nil
	}
	return 0, s.err
}

func (s *streamPort) Read(ctx context.Context, p []byte, d time.Duration) (int, error) {
	if n, err := s.take(p); n > 0 || err != nil || d <= 0 {
		return n, err
	}
	late := make(chan struct{})
	t := s.loop.AfterFunc(d, func() { close(late) })
	defer t.Stop()
	for {
		select {
		case <-s.more:
			if n, err := s.take(p); n > 0 || err != nil {
				return n, err
			}
		case <-late:
			return s.take(p)
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func (s *streamPort) Close() error {
	var err error
	s.once.Do(func() {
		close(s.quit)
		// A writer that is still in the kernel after this time is held there by a
		// line that takes nothing. It looks at quit before it writes again, so the
		// descriptor's number is never used after it was given away.
		late := make(chan struct{})
		t := s.loop.AfterFunc(closeLimit, func() { close(late) })
		defer t.Stop()
		select {
		case <-s.done:
		case <-late:
		}
		err = errors.Join(s.rw.Close(), s.release())
	})
	return err
}
