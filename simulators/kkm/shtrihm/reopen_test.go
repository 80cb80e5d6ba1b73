package shtrihm

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/serialport"
	"github.com/kkmtest/kkmtest/bench/device/shtrihm"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

// The adapter is pulled at every byte of a sale and put back: the driver opens
// the port again, asks what became of the sale and registers it exactly once.
func TestAdapterPulledAtEveryByte(t *testing.T) {
	for name, level := range levels {
		t.Run(name, func(t *testing.T) {
			total := bytesOfSale(t, level)
			for at := 0; at < total; at += stride {
				loop := clock.NewVirtual(epoch, nil)
				l := serialport.NewLine(loop, baud)
				opened := 0
				w := newWorldOn(t, loop, l, shtrihm.Options{Level: level, Reopen: func(ctx context.Context) (device.Port, error) {
					p := l.Host()
					if _, err := p.Read(ctx, make([]byte, 1), 0); err != nil {
						return nil, err // still out
					}
					opened++
					return p, nil
				}})
				seen, pulled := 0, false
				l.SetFilter(func(_ bool, p []byte) []byte {
					seen += len(p)
					if seen > at && !pulled {
						pulled = true
						loop.Post(func() {
							l.Unplug(true)
							loop.AfterFunc(1300*time.Millisecond, func() { l.Unplug(false) })
						})
					}
					return p
				})
				first := w.do(receiptOp(sale()))
				second := w.done(receiptOp(sale()))
				sound(t, w, first, second)
				if opened != 1 {
					t.Errorf("the port was opened again %d times", opened)
				}
				if t.Failed() {
					t.Fatalf("pulled at byte %d: %+v, %+v", at, first, second)
				}
			}
		})
	}
}

// Without a way to open the port again the loss is the bench's error, the
// outcome is unknown and the record has its result.
func TestLostPortIsAnError(t *testing.T) {
	w := newWorld(t, shtrihm.Options{})
	n := 0
	w.line.SetFilter(func(_ bool, p []byte) []byte {
		if n += len(p); n > 300 {
			w.loop.Post(func() { w.line.Unplug(true) })
		}
		return p
	})
	op := receiptOp(sale())
	op.ID = "test/1/1"
	out, err := w.dev.Do(context.Background(), op)
	if out.Got != fiscal.Unknown || !errors.Is(err, serialport.ErrLost) {
		t.Errorf("%+v, %v; want unknown and a lost line", out, err)
	}
	if r := w.result(); r.Op != "test/1/1" || r.Outcome.Got != fiscal.Unknown || r.Outcome.Text == "" {
		t.Errorf("result %+v", r)
	}
	if _, err := w.dev.State(context.Background()); !errors.Is(err, serialport.ErrLost) {
		t.Errorf("state: %v", err)
	}
}

// A run that is broken off leaves a result that settles nothing.
func TestBrokenOff(t *testing.T) {
	w := newWorld(t, shtrihm.Options{})
	w.reg.delay = time.Hour
	c, cancel := context.WithCancel(context.Background())
	w.loop.AfterFunc(5*time.Second, cancel)
	op := receiptOp(sale())
	op.ID = "test/1/1"
	out, err := w.dev.Do(c, op)
	if out.Got != fiscal.Unknown || !errors.Is(err, context.Canceled) {
		t.Errorf("%+v, %v", out, err)
	}
	if r := w.result(); r.Op != "test/1/1" || r.Outcome.Got != fiscal.Unknown {
		t.Errorf("result %+v", r)
	}
}

// badJournal fails at the n-th event.
type badJournal struct {
	*history.Log
	n int
}

var errDisk = errors.New("disk full")

func (j *badJournal) Append(s history.Source, b history.Body, c ...history.Seq) (history.Seq, error) {
	if j.n--; j.n < 0 {
		return 0, errDisk
	}
	return j.Log.Append(s, b, c...)
}

// A record that cannot be written stops the driver before the next byte.
func TestRecordThatCannotBeWritten(t *testing.T) {
	for n := range 40 {
		loop := clock.NewVirtual(epoch, nil)
		l := serialport.NewLine(loop, baud)
		w := newWorldOn(t, loop, l, shtrihm.Options{})
		sent, recorded := 0, 0
		l.SetFilter(func(toDevice bool, p []byte) []byte {
			if toDevice {
				sent += len(p)
			}
			return p
		})
		var err error
		w.dev, err = shtrihm.Open(loop, l.Host(), &badJournal{w.log, n}, shtrihm.Options{Baud: baud})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.dev.Do(context.Background(), receiptOp(sale())); !errors.Is(err, errDisk) {
			t.Fatalf("event %d: %v, want the disk's error", n, err)
		}
		for e := range w.log.View().Events() {
			if b, ok := e.Body.(history.HostBytes); ok && b.Dir == history.ToDevice {
				recorded += len(b.Data)
			}
		}
		if sent != recorded {
			t.Errorf("event %d: %d bytes sent, %d in the record", n, sent, recorded)
		}
	}
}
