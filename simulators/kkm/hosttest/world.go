package hosttest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/serialport"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Epoch is when every world begins.
var Epoch = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// Baud is the speed of its line.
const Baud = 115200

// Host is a host side.
type Host interface {
	Receive(p []byte)
	Reset()
}

// Family is a pair of driver and host side.
type Family struct {
	Name   string
	Host   func(loop clock.Loop, r *Fake, send func([]byte)) Host
	Driver func(loop clock.Loop, port device.Port, j history.Journal, o Driver) (device.Device, error)
}

// Driver is what the tests ask of a driver beside its family's own options.
type Driver struct {
	Recovery time.Duration // how long a silent register is waited for; 0: the driver's own
	Latency  time.Duration
	Reopen   func(ctx context.Context) (device.Port, error)
}

// World is a driver, a line and a host side around a [Fake].
type World struct {
	T    testing.TB
	Loop *clock.Virtual
	Log  *history.Log
	Line *serialport.Line
	Reg  *Fake
	Host Host
	Dev  device.Device
	// Misnamed counts the receipts whose names alone are wrong: a check of eight
	// bits, or an exclusive or, lets some changes of a text through.
	Misnamed int
	n        int
}

// New puts a world together.
func (f Family) New(t testing.TB, o Driver) *World {
	t.Helper()
	loop := clock.NewVirtual(Epoch, nil)
	return f.On(t, loop, serialport.NewLine(loop, Baud), o)
}

// On is New on a given line.
func (f Family) On(t testing.TB, loop *clock.Virtual, l *serialport.Line, o Driver) *World {
	t.Helper()
	w := &World{T: t, Loop: loop, Log: history.NewMemory(loop), Line: l, Reg: NewFake(loop)}
	w.Host = f.Host(loop, w.Reg, w.Line.DeviceSend)
	w.Line.Attach(w.Host.Receive)
	var err error
	if w.Dev, err = f.Driver(loop, w.Line.Host(), w.Log, o); err != nil {
		t.Fatal(err)
	}
	return w
}

// Do performs an operation.
func (w *World) Do(op fiscal.Op) fiscal.Outcome {
	w.T.Helper()
	w.n++
	op.ID = fiscal.OpID(fmt.Sprintf("test/1/%d", w.n))
	out, err := w.Dev.Do(context.Background(), op)
	if err != nil {
		w.T.Fatalf("%s: %v", op.Kind, err)
	}
	return out
}

// Done performs an operation that must work.
func (w *World) Done(op fiscal.Op) fiscal.Outcome {
	w.T.Helper()
	out := w.Do(op)
	if out.Got != fiscal.Done {
		w.T.Fatalf("%s: %+v", op.Kind, out)
	}
	return out
}

// Result is the last one in the record.
func (w *World) Result() history.Result {
	w.T.Helper()
	var r history.Result
	for e := range w.Log.View().Events() {
		if b, ok := e.Body.(history.Result); ok {
			r = b
		}
	}
	return r
}

// Pass lets time go by.
func (w *World) Pass(d time.Duration) {
	w.T.Helper()
	if _, err := w.Loop.Wait(context.Background(), w.Loop.Now().Add(d), nil); err != nil {
		w.T.Fatal(err)
	}
}

// Sound wants that the register holds each asked receipt at most once, as it was
// entered, and those that were answered with done exactly once.
func (w *World) Sound(want fiscal.Receipt, outs ...fiscal.Outcome) {
	w.T.Helper()
	got := w.Reg.Receipts()
	least := 0
	for _, o := range outs {
		if o.Got == fiscal.Done {
			least++
		}
		if o.Got != fiscal.Done && o.Got != fiscal.Unknown {
			w.T.Errorf("outcome %+v: the register never refused", o)
		}
	}
	if len(got) < least || len(got) > len(outs) {
		w.T.Errorf("%d receipts on the register; asked %d times, %d done: %+v", len(got), len(outs), least, outs)
	}
	for _, r := range got {
		if reflect.DeepEqual(nameless(r), nameless(want)) && !reflect.DeepEqual(r, want) {
			w.Misnamed++
			continue
		}
		if !reflect.DeepEqual(r, want) {
			w.T.Errorf("the register holds\n%+v, entered was\n%+v", r, want)
		}
	}
}

// nameless is a receipt without the names of its lines.
func nameless(r fiscal.Receipt) fiscal.Receipt {
	r.Lines = slices.Clone(r.Lines)
	for i := range r.Lines {
		r.Lines[i].Name = ""
	}
	return r
}

// Receipt makes the operation of a receipt.
func Receipt(r fiscal.Receipt) fiscal.Op { return fiscal.Op{Kind: fiscal.OpReceipt, Receipt: &r} }

// Rates for lines.
var (
	VAT16 = fiscal.MilliPercent(16000)
	VAT0  = fiscal.MilliPercent(0)
)

// Position makes a line: goods of section 2 with 16 %, or a modifier by sum.
func Position(kind fiscal.LineKind, name string, qty fiscal.Milli, price fiscal.Tiyn) fiscal.Line {
	l := fiscal.Line{Kind: kind, Name: name, VAT: &VAT16}
	if kind == fiscal.Goods || kind == fiscal.GoodsStorno {
		l.Qty, l.Price, l.Section = qty, price, 2
	} else {
		l.Sum = price
	}
	return l
}

// Cash is a payment.
func Cash(n fiscal.Tiyn) fiscal.Payment { return fiscal.Payment{Kind: fiscal.Cash, Sum: n} }

// Sale is the receipt of the fault tests: two lines and a discount.
func Sale() fiscal.Receipt {
	return fiscal.Receipt{Kind: fiscal.Sale, Payments: []fiscal.Payment{Cash(100000)}, Lines: []fiscal.Line{
		Position(fiscal.Goods, "Нан ақ", 2000, 15000), Position(fiscal.Goods, "Сүт", 1000, 48050), Position(fiscal.Discount, "Жеңілдік", 0, 1000)}}
}
