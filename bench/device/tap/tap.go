// Package tap listens on the line to a receipt printer: a second serial port
// whose receiver hangs on the transmit line, or TCP port 9100 in front of the
// printer or in its place. It writes every byte down and tells the text of the
// documents, decoded from ESC/POS.
//
// A tap sees what is sent to the printer, not paper: a printer that has run out of
// paper shows on the OFD's side and to a person. It sends nothing on a serial
// line. What it cannot read it does not guess: the reading then fails with the
// reason, so that what hangs on this paper stays open.
//
// Begin with [Parse], which checks a tap's address before a run, and [Open].
// Package escpos below decodes.
package tap

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/tap/escpos"
	"github.com/kkmtest/kkmtest/bench/history"
)

// Bench choices about silence.
const (
	// quiet ends a document on a printer without a cutter, and the wait for the rest
	// of one: receipts are sent in one go, with gaps of a flow control at most.
	quiet = 700 * time.Millisecond
	// arrival is how long a document may keep coming in after the register has
	// answered. Services send it at once; a document that comes later belongs to the next reading.
	arrival = 3 * time.Second
	// most is how long one document may go on.
	most = 60 * time.Second
	// step is how often the bench looks whether something has come.
	step = 50 * time.Millisecond
)

// Options of a tap.
type Options struct {
	Decode  escpos.Options
	Latency time.Duration // how late a byte is noticed; widens measured times
}

// Tap collects what is sent to a printer. It is safe for concurrent use.
type Tap struct {
	loop clock.Loop
	j    history.Journal
	o    Options

	mu    sync.Mutex
	dec   *escpos.Decoder
	docs  []escpos.Document
	last  clock.Instant // of the last byte
	total uint64
	told  uint64 // bytes that a reading has waited for
	err   error  // why no more bytes will come

	stop []func() error
	addr string
}

var _ device.Printer = (*Tap)(nil)

// New makes a tap that is fed by [Tap.Receive].
func New(loop clock.Loop, j history.Journal, o Options) *Tap {
	return &Tap{loop: loop, j: j, o: o, dec: escpos.New(o.Decode)}
}

// Receive takes bytes that were sent to the printer.
func (t *Tap) Receive(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.loop.Now()
	if t.dec.Pending() && now.Mono-t.last.Mono >= quiet {
		t.docs = append(t.docs, t.dec.End()) // the silence before was the end
	}
	t.last = now
	t.total += uint64(len(p))
	if _, err := t.j.Append(history.Control, history.HostBytes{Dir: history.FromDevice, Data: append([]byte(nil), p...), Note: "printer tap"}); err != nil {
		t.err = errors.Join(t.err, err)
	}
	t.docs = append(t.docs, t.dec.Write(p)...)
}

// fail says that the line is gone.
func (t *Tap) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = err
	}
}

// rest waits for a document that may still come, and for the end of one that comes.
func (t *Tap) rest(ctx context.Context) error {
	began := t.loop.Now()
	for {
		wait, err := t.left(began)
		if err != nil || wait <= 0 {
			return err
		}
		if _, err := t.loop.Wait(ctx, t.loop.Now().Add(wait), nil); err != nil {
			return err
		}
	}
}

// left is how long there is still to wait, as far as is known now.
func (t *Tap) left(began clock.Instant) (time.Duration, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.loop.Now()
	wait := arrival - (now.Mono - began.Mono)
	if t.total > t.told || t.dec.Pending() {
		wait = quiet - (now.Mono - t.last.Mono)
	}
	wait = min(wait, step, most-(now.Mono-began.Mono))
	if t.err != nil || wait <= 0 {
		t.told = t.total
		wait = 0
	}
	return wait, t.err
}

// AtRest waits until nothing is sent any more and says when the last byte was;
// false when none came yet.
func (t *Tap) AtRest(ctx context.Context) (clock.Instant, time.Duration, bool, error) {
	if err := t.rest(ctx); err != nil {
		return clock.Instant{}, 0, false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last, t.o.Latency, t.total > 0, nil
}

// Exact says that the tap is nearer to the paper than what a register tells of it.
func (t *Tap) Exact() bool { return true }

// Printed tells the lines of the documents since the last call. A document that
// cannot be read whole is an error with the reasons.
func (t *Tap) Printed(ctx context.Context) ([]string, string, error) {
	t.mu.Lock()
	waited := t.told == t.total && len(t.docs) > 0 && !t.dec.Pending()
	t.mu.Unlock()
	if !waited {
		if err := t.rest(ctx); err != nil {
			return nil, "", fmt.Errorf("printer tap: %w", err)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dec.Pending() {
		t.docs = append(t.docs, t.dec.End())
	}
	docs := t.docs
	t.docs = nil
	var lines, why []string
	for _, d := range docs {
		lines = append(lines, d.Lines...)
		why = append(why, d.Problems...)
	}
	if len(why) > 0 {
		return nil, "", fmt.Errorf("printer tap: the paper cannot be read: %s", strings.Join(why, "; "))
	}
	return lines, "tap", nil
}

// Close ends listening.
func (t *Tap) Close() error {
	t.mu.Lock()
	stop := t.stop
	t.stop = nil
	t.mu.Unlock()
	var err error
	for _, f := range stop {
		err = errors.Join(err, f())
	}
	return err
}

// Listen reads a port until it fails or the tap is closed. It writes nothing on it.
func (t *Tap) Listen(port device.Port) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p := make([]byte, 4096)
		for ctx.Err() == nil {
			n, err := port.Read(ctx, p, time.Second)
			if n > 0 {
				t.Receive(p[:n])
			}
			if err != nil && ctx.Err() == nil {
				t.fail(err)
				return
			}
		}
	}()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stop = append(t.stop, func() error {
		cancel()
		<-done
		return port.Close()
	})
}
