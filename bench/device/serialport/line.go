package serialport

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
)

// ErrLost says that the line is gone: unplugged, closed by the other side, or
// closed here.
var ErrLost = errors.New("line lost")

// ByteTime is how long a character of 8N1 takes at a speed: ten bits. A speed
// of 0 is a line without pace (TCP, a pseudo terminal).
func ByteTime(baud int) time.Duration {
	if baud <= 0 {
		return 0
	}
	return 10 * time.Second / time.Duration(baud)
}

// Filter is a fault of a [Line]: it is handed what one side wrote and returns
// what the other side receives (nothing, less, damaged or more).
type Filter func(toDevice bool, p []byte) []byte

// Line is a serial line in memory between a driver and a byte machine, paced at
// its speed on the loop. What one side writes at once arrives at once, when its
// last byte has crossed; a later write queues behind.
type Line struct {
	loop clock.Loop
	byte time.Duration

	mu       sync.Mutex
	receive  func(p []byte)
	filter   Filter
	toHost   []byte
	freeHost time.Duration // when the wire towards the host is free again
	freeDev  time.Duration
	plug     int // counts unpluggings: what is on the wire then is lost
	out      bool
}

// NewLine makes a line of a speed; 0 delivers without delay.
func NewLine(loop clock.Loop, baud int) *Line { return &Line{loop: loop, byte: ByteTime(baud)} }

// Host opens the driver's end. It may be opened again after it was closed.
func (l *Line) Host() device.Port { return &hostEnd{l: l} }

// Attach tells where bytes for the device go; receive is called on the loop.
func (l *Line) Attach(receive func(p []byte)) {
	l.mu.Lock()
	l.receive = receive
	l.mu.Unlock()
}

// DeviceSend is the device's end: it queues bytes towards the host.
func (l *Line) DeviceSend(p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p = l.pass(false, p)
	if len(p) == 0 {
		return
	}
	plug := l.plug
	l.after(&l.freeHost, len(p), func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.plug == plug {
			l.toHost = append(l.toHost, p...)
		}
	})
}

// SetFilter puts a fault on the line; nil takes it away.
func (l *Line) SetFilter(f Filter) {
	l.mu.Lock()
	l.filter = f
	l.mu.Unlock()
}

// Unplug pulls the cable (true: the host's port fails until it is back, as with
// a USB adapter) or puts it back. What is on the wire is lost.
func (l *Line) Unplug(out bool) {
	l.mu.Lock()
	l.out = out
	l.plug++
	l.toHost = nil
	l.mu.Unlock()
}

// pass applies the fault; the result never shares memory with p.
func (l *Line) pass(toDevice bool, p []byte) []byte {
	p = append([]byte(nil), p...)
	if l.out {
		return nil
	}
	if l.filter != nil {
		p = l.filter(toDevice, p)
	}
	return p
}

// after calls f when n bytes have crossed a wire that is free from *free on.
func (l *Line) after(free *time.Duration, n int, f func()) {
	now := l.loop.Now().Mono
	*free = max(*free, now) + time.Duration(n)*l.byte
	l.loop.AfterFunc(*free-now, f)
}

type hostEnd struct {
	l      *Line
	closed bool // with the line's lock
}

func (h *hostEnd) gone() bool { return h.closed || h.l.out }

func (h *hostEnd) Write(_ context.Context, p []byte) error {
	l := h.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if h.gone() {
		return fmt.Errorf("write of %d bytes: %w", len(p), ErrLost)
	}
	p = l.pass(true, p)
	if len(p) == 0 {
		return nil
	}
	plug := l.plug
	l.after(&l.freeDev, len(p), func() {
		l.mu.Lock()
		f, ok := l.receive, l.plug == plug
		l.mu.Unlock()
		if ok && f != nil {
			f(p)
		}
	})
	return nil
}

func (h *hostEnd) Read(ctx context.Context, p []byte, d time.Duration) (int, error) {
	l := h.l
	_, err := l.loop.Wait(ctx, l.loop.Now().Add(d), func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.toHost) > 0 || h.gone()
	})
	if err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if h.gone() {
		return 0, fmt.Errorf("read: %w", ErrLost)
	}
	n := copy(p, l.toHost)
	l.toHost = l.toHost[n:]
	return n, nil
}

func (h *hostEnd) Close() error {
	h.l.mu.Lock()
	defer h.l.mu.Unlock()
	h.closed = true
	return nil
}
