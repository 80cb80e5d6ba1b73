package hosttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/serialport"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

// BytesOfSale is how many bytes a sale takes on a quiet line, both ways.
func (f Family) BytesOfSale(t *testing.T, sale fiscal.Receipt) int {
	t.Helper()
	w := f.New(t, Driver{})
	n := 0
	w.Line.SetFilter(func(_ bool, p []byte) []byte { n += len(p); return p })
	w.Done(Receipt(sale))
	if n < 200 {
		t.Fatalf("a sale of %d bytes", n)
	}
	return n
}

// Faults runs every fault of this file. Every stride-th byte is struck.
func (f Family) Faults(t *testing.T, stride int) {
	t.Run("cable cut", func(t *testing.T) { f.cableCut(t, stride) })
	t.Run("cable cut for good", func(t *testing.T) { f.cutForGood(t, 2*stride+1) })
	t.Run("power cut", func(t *testing.T) { f.powerCut(t, stride) })
	t.Run("adapter pulled", func(t *testing.T) { f.pulled(t, stride) })
	t.Run("one bad byte", func(t *testing.T) { f.badByte(t, 5*stride) })
	t.Run("noisy line", f.noisy)
	t.Run("storms", f.storms)
	t.Run("deaf", f.deaf)
	t.Run("echo", f.echo)
	t.Run("lost port", f.lostPort)
	t.Run("broken off", f.brokenOff)
	t.Run("record full", f.recordFull)
}

// cableCut cuts the cable at every byte of a sale, in both directions, and puts it
// back: the sale is registered at most once, and so is the next one.
func (f Family) cableCut(t *testing.T, stride int) {
	total := f.BytesOfSale(t, Sale())
	unknown := 0
	for _, away := range []time.Duration{700 * time.Millisecond, 20 * time.Second} {
		for cut := 0; cut < total; cut += stride {
			w := f.New(t, Driver{})
			seen, back := 0, time.Duration(-1)
			w.Line.SetFilter(func(_ bool, p []byte) []byte {
				now := w.Loop.Now().Mono
				if back >= 0 && now < back {
					return nil
				}
				left := cut - seen
				seen += len(p)
				if back < 0 && left < len(p) {
					back = now + away
					return p[:max(left, 0)]
				}
				return p
			})
			first := w.Do(Receipt(Sale()))
			w.Line.SetFilter(nil)
			second := w.Done(Receipt(Sale()))
			w.Sound(Sale(), first, second)
			if first.Got != fiscal.Done && away < time.Second {
				unknown++
			}
			if t.Failed() {
				t.Fatalf("cut at byte %d for %v: %+v, %+v", cut, away, first, second)
			}
		}
	}
	// A short cut is no more than a hiccup: the protocol or the counters settle it.
	if unknown > 0 {
		t.Errorf("%d sales are unknown after a cut of less than a second", unknown)
	}
}

// cutForGood: the outcome is unknown when the register may have been reached, and
// a later sale over a good line never doubles anything.
func (f Family) cutForGood(t *testing.T, stride int) {
	total := f.BytesOfSale(t, Sale())
	for cut := 0; cut < total; cut += stride {
		w := f.New(t, Driver{Recovery: 5 * time.Second})
		seen := 0
		w.Line.SetFilter(func(_ bool, p []byte) []byte {
			left := cut - seen
			seen += len(p)
			return p[:min(max(left, 0), len(p))]
		})
		first := w.Do(Receipt(Sale()))
		if first.Got != fiscal.Done && first.Text == "" {
			t.Errorf("cut at byte %d: %+v without a word", cut, first)
		}
		w.Line.SetFilter(nil)
		w.Pass(10 * time.Second) // the register loses its patience too
		w.Sound(Sale(), first, w.Done(Receipt(Sale())))
		if t.Failed() {
			t.Fatalf("cut at byte %d: %+v", cut, first)
		}
	}
}

// powerCut: the register loses its power at every byte of a sale; open receipt
// and pending answer are gone.
func (f Family) powerCut(t *testing.T, stride int) {
	total := f.BytesOfSale(t, Sale())
	for cut := 0; cut < total; cut += stride {
		w := f.New(t, Driver{})
		w.Reg.Delay = 50 * time.Millisecond
		seen := 0
		struck := false
		w.Line.SetFilter(func(_ bool, p []byte) []byte {
			seen += len(p)
			if seen > cut && !struck {
				struck = true
				w.Loop.Post(func() {
					w.Reg.Power(false)
					w.Host.Reset()
					w.Loop.AfterFunc(time.Second, func() { w.Reg.Power(true) })
				})
			}
			return p
		})
		first := w.Do(Receipt(Sale()))
		w.Pass(2 * time.Second)
		second := w.Done(Receipt(Sale()))
		w.Sound(Sale(), first, second)
		if t.Failed() || w.Misnamed > 0 {
			t.Fatalf("power cut at byte %d: %+v, %+v", cut, first, second)
		}
	}
}

// pulled: the adapter is pulled at every byte of a sale and put back; the driver
// opens the port again and asks what became of the sale.
func (f Family) pulled(t *testing.T, stride int) {
	total := f.BytesOfSale(t, Sale())
	for at := 0; at < total; at += stride {
		loop := clock.NewVirtual(Epoch, nil)
		l := serialport.NewLine(loop, Baud)
		opened := 0
		w := f.On(t, loop, l, Driver{Reopen: func(ctx context.Context) (device.Port, error) {
			p := l.Host()
			if _, err := p.Read(ctx, make([]byte, 1), 0); err != nil {
				return nil, err // still out
			}
			opened++
			return p, nil
		}})
		seen, out := 0, false
		l.SetFilter(func(_ bool, p []byte) []byte {
			seen += len(p)
			if seen > at && !out {
				out = true
				loop.Post(func() {
					l.Unplug(true)
					loop.AfterFunc(1300*time.Millisecond, func() { l.Unplug(false) })
				})
			}
			return p
		})
		first := w.Do(Receipt(Sale()))
		second := w.Done(Receipt(Sale()))
		w.Sound(Sale(), first, second)
		if opened != 1 {
			t.Errorf("the port was opened again %d times", opened)
		}
		if t.Failed() {
			t.Fatalf("pulled at byte %d: %+v, %+v", at, first, second)
		}
	}
}

// badByte damages, loses, doubles or adds one byte of a sale, at every place and
// in both directions.
func (f Family) badByte(t *testing.T, stride int) {
	insert := func(b byte) func(p []byte, i int) []byte {
		return func(p []byte, i int) []byte { return bytes.Join([][]byte{p[:i], {b}, p[i:]}, nil) }
	}
	total := f.BytesOfSale(t, Sale())
	for name, fault := range map[string]func(p []byte, i int) []byte{
		"flipped": func(p []byte, i int) []byte { p[i] ^= 0x10; return p },
		"lost":    func(p []byte, i int) []byte { return append(p[:i], p[i+1:]...) },
		"doubled": func(p []byte, i int) []byte { return append(p[:i+1], p[i:]...) },
		"01":      insert(1), "02": insert(2), "03": insert(3), "EOT": insert(4), "ENQ": insert(5), "ACK": insert(6), "NAK": insert(0x15), "SYN": insert(0x16), "FE": insert(0xFE),
	} {
		t.Run(name, func(t *testing.T) {
			misnamed := 0
			defer func() {
				if misnamed*100 > total/stride {
					t.Errorf("%d of %d sales carry a name that the line has changed", misnamed, total/stride)
				}
			}()
			for at := len(name) % stride; at < total; at += stride { // not the same places for each fault
				w := f.New(t, Driver{})
				seen := 0
				w.Line.SetFilter(func(_ bool, p []byte) []byte {
					i := at - seen
					seen += len(p)
					if i >= 0 && i < len(p) {
						return fault(bytes.Clone(p), i)
					}
					return p
				})
				first := w.Do(Receipt(Sale()))
				w.Line.SetFilter(nil)
				second := w.Done(Receipt(Sale()))
				w.Sound(Sale(), first, second)
				misnamed += w.Misnamed
				if t.Failed() {
					t.Fatalf("byte %d %s: %+v, %+v", at, name, first, second)
				}
			}
		})
	}
}

// noisy is a line that damages one byte in a hundred, for a whole run of sales,
// with seeds. A register may refuse what was damaged beyond its checksum.
func (f Family) noisy(t *testing.T) {
	for seed := range uint64(12) {
		w := f.New(t, Driver{})
		rng := rand.New(rand.NewPCG(seed, 1))
		w.Line.SetFilter(func(_ bool, p []byte) []byte {
			for i := range p {
				if rng.IntN(100) == 0 {
					p[i] = byte(rng.Uint32())
				}
			}
			return p
		})
		var outs []fiscal.Outcome
		for range 4 {
			outs = append(outs, w.Do(Receipt(Sale())))
		}
		w.Line.SetFilter(nil)
		w.Pass(10 * time.Second)
		outs = append(outs, w.Done(Receipt(Sale())))
		done := 0
		for _, o := range outs {
			if o.Got == fiscal.Done {
				done++
			}
		}
		if got := len(w.Reg.Receipts()); got < done || got > len(outs) {
			t.Errorf("seed %d: %d receipts, %d done of %d: %+v", seed, got, done, len(outs), outs)
		}
	}
}

// storms of one byte or of the beginning of an answer from the register's side.
func (f Family) storms(t *testing.T) {
	for name, b := range map[string][]byte{"NAK": {0x15}, "ACK": {6}, "ENQ": {5}, "EOT": {4}, "FFh": {0xFF}, "STX": {2}, "01": {1}, "SYN": {0x16}, "FE": {0xFE},
		"half frame": {2, 0x55, 0}, "half packet": {0xFE, 4, 0, 1}, "half answer": {1, 0x2B, 0x21}} {
		t.Run(name, func(t *testing.T) {
			for _, every := range []time.Duration{5 * time.Millisecond, 33 * time.Millisecond, 333 * time.Millisecond} {
				w := f.New(t, Driver{Recovery: 2 * time.Second})
				stop := w.Loop.Now().Mono + 30*time.Second
				var storm func()
				storm = func() {
					if w.Loop.Now().Mono < stop {
						w.Line.DeviceSend(b)
						w.Loop.AfterFunc(every, storm)
					}
				}
				storm()
				first := w.Do(Receipt(Sale()))
				w.Pass(time.Minute)
				w.Sound(Sale(), first, w.Done(Receipt(Sale())))
			}
		})
	}
}

// deaf are a register that never receives a whole frame, one of which nothing comes
// back, and one that misses every single byte.
func (f Family) deaf(t *testing.T) {
	for name, filter := range map[string]func(toDevice bool, p []byte) []byte{
		"frames never arrive whole": func(toDevice bool, p []byte) []byte {
			if toDevice && len(p) > 1 {
				p[len(p)-1] ^= 1
			}
			return p
		},
		"nothing comes back": func(toDevice bool, p []byte) []byte {
			if toDevice {
				return p
			}
			return nil
		},
		"single bytes never arrive": func(toDevice bool, p []byte) []byte {
			if toDevice && len(p) == 1 {
				return nil
			}
			return p
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := f.New(t, Driver{Recovery: 5 * time.Second})
			w.Line.SetFilter(filter)
			first := w.Do(Receipt(Sale()))
			if name == "nothing comes back" && first.Got != fiscal.Unknown {
				t.Errorf("%+v", first)
			}
			if _, err := w.Dev.State(context.Background()); name == "nothing comes back" && (!errors.Is(err, device.ErrSilent) || errors.Is(err, serialport.ErrLost)) {
				t.Errorf("state of a silent register: %v", err)
			}
			w.Line.SetFilter(nil)
			w.Pass(10 * time.Second)
			w.Sound(Sale(), first, w.Done(Receipt(Sale())))
		})
	}
}

// echo is a line that sends back what the host writes.
func (f Family) echo(t *testing.T) {
	w := f.New(t, Driver{})
	w.Line.SetFilter(func(toDevice bool, p []byte) []byte {
		if toDevice {
			echo := bytes.Clone(p)
			w.Loop.Post(func() { w.Line.DeviceSend(echo) })
		}
		return p
	})
	w.Sound(Sale(), w.Done(Receipt(Sale())))
}

// lostPort: without a way to open the port again its loss is the bench's error, the
// outcome is unknown and the record has its result.
func (f Family) lostPort(t *testing.T) {
	w := f.New(t, Driver{})
	n, total := 0, f.BytesOfSale(t, Sale())
	w.Line.SetFilter(func(_ bool, p []byte) []byte {
		if n += len(p); n > total/2 {
			w.Loop.Post(func() { w.Line.Unplug(true) })
		}
		return p
	})
	op := Receipt(Sale())
	op.ID = "test/1/1"
	out, err := w.Dev.Do(context.Background(), op)
	if out.Got != fiscal.Unknown || !errors.Is(err, serialport.ErrLost) {
		t.Errorf("%+v, %v; want unknown and a lost line", out, err)
	}
	if r := w.Result(); r.Op != op.ID || r.Outcome.Got != fiscal.Unknown || r.Outcome.Text == "" {
		t.Errorf("result %+v", r)
	}
	if _, err := w.Dev.State(context.Background()); !errors.Is(err, serialport.ErrLost) || errors.Is(err, device.ErrSilent) {
		t.Errorf("state: %v", err)
	}
}

// brokenOff: a run that is broken off leaves a result that settles nothing.
func (f Family) brokenOff(t *testing.T) {
	w := f.New(t, Driver{})
	w.Reg.Delay = time.Hour
	c, cancel := context.WithCancel(context.Background())
	w.Loop.AfterFunc(5*time.Second, cancel)
	op := Receipt(Sale())
	op.ID = "test/1/1"
	out, err := w.Dev.Do(c, op)
	if out.Got != fiscal.Unknown || !errors.Is(err, context.Canceled) {
		t.Errorf("%+v, %v", out, err)
	}
	if r := w.Result(); r.Op != op.ID || r.Outcome.Got != fiscal.Unknown {
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

// recordFull: a record that cannot be written stops the driver before the next byte.
func (f Family) recordFull(t *testing.T) {
	for n := range 100 {
		loop := clock.NewVirtual(Epoch, nil)
		l := serialport.NewLine(loop, Baud)
		w := f.On(t, loop, l, Driver{})
		sent, recorded := 0, 0
		l.SetFilter(func(toDevice bool, p []byte) []byte {
			if toDevice {
				sent += len(p)
			}
			return p
		})
		var err error
		if w.Dev, err = f.Driver(loop, l.Host(), &badJournal{w.Log, n}, Driver{}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Dev.Do(context.Background(), Receipt(Sale())); !errors.Is(err, errDisk) {
			if err == nil && n > 30 {
				return // the whole sale takes no more events than this
			}
			t.Fatalf("event %d: %v, want the disk's error", n, err)
		}
		for e := range w.Log.View().Events() {
			if b, ok := e.Body.(history.HostBytes); ok && b.Dir == history.ToDevice {
				recorded += len(b.Data)
			}
		}
		if sent != recorded {
			t.Errorf("event %d: %d bytes sent, %d in the record", n, sent, recorded)
		}
	}
}

// Record wants Intent, then bytes with notes, then Result, all tied together.
func (f Family) Record(t *testing.T) {
	w := f.New(t, Driver{})
	w.Done(Receipt(Sale()))
	var intent history.Seq
	for e := range w.Log.View().Events() {
		var err error
		switch b := e.Body.(type) {
		case history.Intent:
			if intent = e.Seq; intent != 1 {
				err = fmt.Errorf("intent is not the first event")
			}
		case history.HostBytes:
			if b.Note == "" || len(b.Data) == 0 || len(e.Causes) != 1 || e.Causes[0] != intent {
				err = fmt.Errorf("bytes %+v", b)
			}
		case history.Result:
			if int(e.Seq) != w.Log.View().Len() || len(e.Causes) != 1 || e.Causes[0] != intent || b.Op != "test/1/1" {
				err = fmt.Errorf("result %+v", b)
			}
		default:
			err = fmt.Errorf("%T", b)
		}
		if err != nil {
			t.Errorf("event %d, causes %v: %v", e.Seq, e.Causes, err)
		}
	}
}
