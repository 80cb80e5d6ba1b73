// Package relay switches a register's power from outside: by a USB relay of the
// LCUS kind, by a relay that speaks Modbus RTU, or by a command of the
// laboratory (a socket with an interface of its own). Each is a [device.Power].
//
// A relay switches a contact and knows nothing of the register: whether the power
// really went shows in what the register does. Orders are states and not pulses, so that
// one that was not confirmed may be sent again. The package opens no contact at
// the start and leaves the power on at the end.
//
// Begin with [Parse], which checks an address before a run, and [Open].
package relay

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/history"
)

// contact is something that can be closed and opened.
type contact interface {
	set(ctx context.Context, closed bool) error
	close() error
}

// Switch is a register's power.
type Switch struct {
	mu       sync.Mutex
	j        history.Journal
	c        contact
	inverted bool // the register hangs on the contact that is closed at rest
	off      bool // the last order was off
}

var _ device.Power = (*Switch)(nil)

// Power switches and records it.
func (s *Switch) Power(ctx context.Context, on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return device.Switching(s.j, "power", on, [2]string{"off", "on"}, func() error {
		s.off = s.off || !on // an order that was not confirmed may have been obeyed
		if err := s.c.set(ctx, on != s.inverted); err != nil {
			return fmt.Errorf("power relay: %w", err)
		}
		s.off = !on
		return nil
	})
}

// Exact says that the relay was put there for the power: a register's own way of
// switching itself is another thing.
func (s *Switch) Exact() bool { return true }

// Close switches the power on when it is off, and releases the relay: a
// register that is left without power for the night loses its clock.
func (s *Switch) Close() error {
	s.mu.Lock()
	off := s.off
	s.mu.Unlock()
	var err error
	if off {
		err = s.Power(context.Background(), true)
	}
	if e := s.c.close(); err == nil {
		err = e
	}
	return err
}

// line is a port of a relay, with a record of its bytes.
type line struct {
	loop clock.Loop
	j    history.Journal
	port device.Port
}

func (l *line) write(ctx context.Context, p []byte, note string) error {
	if _, err := l.j.Append(history.Control, history.HostBytes{Dir: history.ToDevice, Data: p, Note: note}); err != nil {
		return err
	}
	return l.port.Write(ctx, p)
}

// read takes n bytes, or fewer when the time is over.
func (l *line) read(ctx context.Context, n int, d time.Duration) ([]byte, error) {
	var got []byte
	until := l.loop.Now().Add(d)
	for len(got) < n {
		left := until.Mono - l.loop.Now().Mono
		if left <= 0 {
			break
		}
		p := make([]byte, n-len(got))
		k, err := l.port.Read(ctx, p, left)
		got = append(got, p[:k]...)
		if err != nil {
			return got, err
		}
		if k == 0 {
			break
		}
	}
	if len(got) > 0 {
		if _, err := l.j.Append(history.Control, history.HostBytes{Dir: history.FromDevice, Data: got, Note: "answer of the power relay"}); err != nil {
			return got, err
		}
	}
	return got, nil
}

// drain throws away what came unasked.
func (l *line) drain(ctx context.Context) error {
	p := make([]byte, 256)
	for {
		n, err := l.port.Read(ctx, p, time.Millisecond)
		if n == 0 || err != nil {
			return err
		}
	}
}
