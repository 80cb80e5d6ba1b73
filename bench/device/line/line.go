// Package line is what the drivers of serial registers have in common: a port
// whose every byte is written down with its meaning, an operation on its way
// from Intent to Result, and the rule that an effect whose answer was lost is
// not sent again before the register has said what became of it.
//
// It knows no protocol: no frame, no timer of a handshake, no command. It never
// judges. The drivers of ATOL and Datecs registers stand on it.
//
// Begin with [Line] and [Line.Perform]; effect.go holds the rule about lost
// answers, work.go what is known of a running operation.
package line

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/serialport"
	"github.com/kkmtest/kkmtest/bench/history"
)

// Options of a line.
type Options struct {
	Family string // of protocols, for messages: atol, datecs
	Baud   int    // of a real line, to count the time that bytes take; 0 without pace
	// Latency is how late the bench may notice a byte that has arrived; a port
	// that knows its own counts too, the larger one wins.
	Latency time.Duration
	// Reopen opens the port again after it was lost; nil: a lost port is an error.
	Reopen   func(ctx context.Context) (device.Port, error)
	Recovery time.Duration // how long a register or a port may take to come back
	Pause    time.Duration // between two attempts
	Tries    int           // how often a command may be sent whose loss was proved
}

// Line is a port whose bytes are recorded. It belongs to one goroutine at a time.
type Line struct {
	Loop    clock.Loop
	Journal history.Journal
	Sent    clock.Instant // when the last byte of the last command had left
	Shaky   bool          // something was lost or damaged since somebody last looked

	o        Options
	port     device.Port
	byteTime time.Duration
	cause    history.Seq // the Intent of the running operation
	rx       []byte      // received and not yet interpreted
	noise    []byte      // interpreted as nothing, not yet written down
	reopened func()      // the protocol's own state is void
}

// New makes a line of a port. reopened, if any, is called after the port was
// opened again. Zero options get the defaults that stand in the code below.
func New(loop clock.Loop, port device.Port, j history.Journal, o Options, reopened func()) *Line {
	o.Recovery = Or(o.Recovery, 60*time.Second)
	o.Pause = Or(o.Pause, 200*time.Millisecond)
	o.Tries = Or(o.Tries, 3)
	return &Line{Loop: loop, Journal: j, o: o, port: port, byteTime: serialport.ByteTime(o.Baud), reopened: reopened}
}

// Or is v, or def when v is zero.
func Or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// Close releases the port.
func (l *Line) Close() error { return l.port.Close() }

// ByteTime is how long a byte takes.
func (l *Line) ByteTime() time.Duration { return l.byteTime }

// Latency is how late a byte may be noticed: as told, or as the port knows.
func (l *Line) Latency() time.Duration {
	if p, ok := l.port.(interface{ Latency() time.Duration }); ok {
		return max(l.o.Latency, p.Latency())
	}
	return l.o.Latency
}

// wrap names the family in errors that leave a driver.
func (l *Line) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", l.o.Family, err)
}

// Record writes bytes down; what was received and meant nothing goes first.
func (l *Line) Record(dir history.Dir, p []byte, note string) error {
	if err := l.Flush(); err != nil {
		return err
	}
	return l.append(dir, p, note)
}

// Got records what was received.
func (l *Line) Got(p []byte, note string) error { return l.Record(history.FromDevice, p, note) }

func (l *Line) append(dir history.Dir, p []byte, note string) error {
	if len(p) == 0 {
		return nil
	}
	var causes []history.Seq
	if l.cause != 0 {
		causes = []history.Seq{l.cause}
	}
	_, err := l.Journal.Append(history.Driver, history.HostBytes{Dir: dir, Data: append([]byte(nil), p...), Note: note}, causes...)
	return err
}

// Drop keeps a received byte that means nothing until something is written down.
func (l *Line) Drop(p ...byte) { l.noise = append(l.noise, p...) }

// Flush writes the dropped bytes down.
func (l *Line) Flush() error {
	if len(l.noise) == 0 {
		return nil
	}
	p := l.noise
	l.noise = nil
	return l.append(history.FromDevice, p, "noise, dropped")
}

// GiveUp writes down what was received before err and hands err on.
func (l *Line) GiveUp(err error) error {
	if e := l.Flush(); e != nil {
		return e
	}
	return err
}

// Write sends bytes, after they were written down.
func (l *Line) Write(ctx context.Context, p []byte, note string) error {
	if err := l.Record(history.ToDevice, p, note); err != nil {
		return err
	}
	return l.port.Write(ctx, p)
}

// Command sends the frame of a command and remembers when its last byte leaves.
func (l *Line) Command(ctx context.Context, p []byte, note string) error {
	if err := l.Write(ctx, p, note); err != nil {
		return err
	}
	l.Sent = l.After(len(p), 0)
	return nil
}

// After is the moment when n bytes written now have left, plus d.
func (l *Line) After(n int, d time.Duration) clock.Instant {
	return l.Loop.Now().Add(time.Duration(n)*l.byteTime + d)
}

// Next is the next byte of the line, ok false at the deadline.
func (l *Line) Next(ctx context.Context, deadline clock.Instant) (b byte, ok bool, err error) {
	for len(l.rx) == 0 {
		left := max(deadline.Mono-l.Loop.Now().Mono, 0)
		buf := make([]byte, 512)
		n, err := l.port.Read(ctx, buf, left)
		if err != nil {
			return 0, false, err
		}
		if n == 0 && left == 0 {
			return 0, false, nil
		}
		l.rx = buf[:n]
	}
	b, l.rx = l.rx[0], l.rx[1:]
	return b, true, nil
}

// Purge drops what has come without being asked for, before something new is asked.
func (l *Line) Purge(ctx context.Context) error {
	for {
		b, ok, err := l.Next(ctx, l.Loop.Now())
		if err != nil {
			return l.GiveUp(err)
		}
		if !ok {
			return l.Flush()
		}
		l.Drop(b)
	}
}

// Sleep waits.
func (l *Line) Sleep(ctx context.Context, d time.Duration) error {
	_, err := l.Loop.Wait(ctx, l.Loop.Now().Add(d), nil)
	return err
}

// Reopen opens the port again, for as long as a recovery may take. Without a
// way to do so it is the loss itself.
func (l *Line) Reopen(ctx context.Context, why error) error {
	if l.o.Reopen == nil {
		return why
	}
	_ = l.port.Close() // it has failed already
	until := l.Loop.Now().Add(l.o.Recovery)
	for {
		p, err := l.o.Reopen(ctx)
		if err == nil {
			l.port, l.rx, l.Shaky = p, nil, true
			if l.reopened != nil {
				l.reopened()
			}
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if l.Loop.Now().Mono >= until.Mono {
			return &LinkError{What: Lost, Text: fmt.Sprintf("the port could not be opened again in %v", l.o.Recovery), Err: err}
		}
		if err := l.Sleep(ctx, l.o.Pause); err != nil {
			return err
		}
	}
}

// PortError makes a [LinkError] of a port that failed; other errors stay what they are.
func PortError(err error, command string, sent bool) error {
	var e *LinkError
	if errors.As(err, &e) || !errors.Is(err, serialport.ErrLost) {
		return err
	}
	return &LinkError{What: Lost, Command: command, Sent: sent, Text: "the port failed", Err: err}
}

// Ask sends a question, which may be repeated at will: when its answer was whole
// and held nonsense, and when the port was lost and could be opened again.
func Ask[A any](ctx context.Context, l *Line, send func(ctx context.Context) (A, error)) (A, error) {
	for n := 1; ; n++ {
		a, err := send(ctx)
		var e *LinkError
		if err == nil || !errors.As(err, &e) || n >= l.o.Tries {
			return a, err
		}
		switch {
		case e.What == Garbled:
			l.Shaky = true
		case e.What == Lost && l.o.Reopen != nil:
			if err := l.Reopen(ctx, err); err != nil {
				return a, err
			}
		default:
			return a, err
		}
	}
}
