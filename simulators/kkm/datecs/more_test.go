package datecs

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/datecs"
	"github.com/kkmtest/kkmtest/bench/device/datecs/frame"
	"github.com/kkmtest/kkmtest/bench/device/serialport"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
	ht "github.com/kkmtest/kkmtest/simulators/kkm/hosttest"
)

// What the protocol cannot carry is said before a receipt is opened.
func TestUnsupported(t *testing.T) {
	edit := func(f func(r *fiscal.Receipt)) fiscal.Receipt {
		r := ht.Sale()
		for i := range r.Lines[:2] {
			r.Lines[i].Section = 1
		}
		r.Lines[2].Name = ""
		f(&r)
		return r
	}
	seven := fiscal.MilliPercent(7000)
	for name, r := range map[string]fiscal.Receipt{
		"43 letters":         edit(func(r *fiscal.Receipt) { r.Lines[0].Name = strings.Repeat("я", 43) }),
		"strange letter":     edit(func(r *fiscal.Receipt) { r.Lines[0].Name = "1 ₸" }),
		"section below zero": edit(func(r *fiscal.Receipt) { r.Lines[0].Section = -1 }),
		"sum":                edit(func(r *fiscal.Receipt) { r.Lines[0].Sum = 1 }),
		"rate":               edit(func(r *fiscal.Receipt) { r.Lines[0].VAT = &seven }),
		"named discount":     edit(func(r *fiscal.Receipt) { r.Lines[2].Name = "Скидка" }),
		"second discount":    edit(func(r *fiscal.Receipt) { r.Lines = append(r.Lines, r.Lines[2]) }),
		"no payment":         edit(func(r *fiscal.Receipt) { r.Payments = nil }),
		"payment kind":       edit(func(r *fiscal.Receipt) { r.Payments[0].Kind = "shells" }),
		"kind":               edit(func(r *fiscal.Receipt) { r.Kind = "gift" }),
		"both":               edit(func(r *fiscal.Receipt) { r.Discount, r.Markup = 1, 1 }),
		"below zero":         edit(func(r *fiscal.Receipt) { r.Markup = -1 }),
	} {
		families(t, true, told(), func(t *testing.T, f ht.Family) {
			w := f.New(t, ht.Driver{})
			if out := w.Do(ht.Receipt(r)); out.Got != fiscal.Unsupported || out.Text == "" || len(w.Reg.Ops) > 0 || host(w).open != nil {
				t.Errorf("%s: %+v", name, out)
			}
		})
	}
	families(t, true, datecs.Options{}, func(t *testing.T, f ht.Family) { // nothing was told of the tax groups
		w := f.New(t, ht.Driver{})
		if out := w.Do(ht.Receipt(edit(func(*fiscal.Receipt) {}))); out.Got != fiscal.Unsupported || !strings.Contains(out.Text, "vat=") {
			t.Errorf("%+v", out)
		}
	})
}

// The paper goes in the middle of a receipt: it is done when the paper is back.
func TestPaper(t *testing.T) {
	families(t, false, datecs.Options{}, func(t *testing.T, f ht.Family) {
		w := f.New(t, ht.Driver{})
		w.Done(ht.Receipt(ht.Sale()))
		w.Reg.Delay = time.Second
		w.Loop.AfterFunc(900*time.Millisecond, func() { w.Reg.Paper = false })
		w.Loop.AfterFunc(5*time.Second, func() { w.Reg.Paper = true })
		began := w.Loop.Now().Mono
		w.Done(ht.Receipt(ht.Sale()))
		r := w.Result()
		if d := r.Done.Mono - began; d < 5*time.Second || d-r.Blur > 5*time.Second {
			t.Errorf("done after %v ± %v, the paper came back after 5s", d, r.Blur)
		}
		if n := len(w.Reg.Receipts()); n != 2 {
			t.Errorf("%d receipts", n)
		}
	})
}

// Entered is when the last byte of 56 had left, Done when the paper stopped; SYN
// lets the driver wait as long as the register works.
func TestTimes(t *testing.T) {
	families(t, false, datecs.Options{}, func(t *testing.T, f ht.Family) {
		w := f.New(t, ht.Driver{Latency: 3 * time.Millisecond})
		w.Reg.Delay, w.Reg.Printer = 20*time.Second, 3*time.Second
		w.Done(ht.Receipt(ht.Sale()))
		r := w.Result()
		var sent clock.Instant
		for e := range w.Log.View().Events() {
			if b, ok := e.Body.(history.HostBytes); ok && b.Dir == history.ToDevice && strings.Contains(b.Note, "56 close") {
				sent = e.At.Add(time.Duration(len(b.Data)) * serialport.ByteTime(ht.Baud))
			}
		}
		if r.Entered != sent {
			t.Errorf("entered at %v, the last byte of 56 left at %v", r.Entered, sent)
		}
		end := sent.Mono + w.Reg.Delay + w.Reg.Printer
		if r.Done.Mono < end || r.Done.Mono-r.Blur > end+50*time.Millisecond || r.Blur > 100*time.Millisecond || !strings.Contains(r.Sources, "port and adapter 3ms") {
			t.Errorf("done at %v ± %v (%s), the paper stopped at %v", r.Done.Mono, r.Blur, r.Sources, end)
		}
	})
}

// A register that works longer than it may: the outcome is unknown, and what it
// registered after all is not doubled.
func TestPatience(t *testing.T) {
	families(t, false, datecs.Options{Timers: datecs.Timers{Receipt: 10 * time.Second}}, func(t *testing.T, f ht.Family) {
		w := f.New(t, ht.Driver{Recovery: 5 * time.Second})
		w.Reg.Delay = 30 * time.Second
		first := w.Do(ht.Receipt(ht.Sale()))
		if first.Got != fiscal.Unknown {
			t.Errorf("%+v", first)
		}
		w.Pass(time.Minute)
		w.Reg.Delay = 0
		w.Sound(ht.Sale(), first, w.Done(ht.Receipt(ht.Sale())))
		// What the first one printed after all is told as its own, not as the second one's.
		var late history.Printed
		for e := range w.Log.View().Events() {
			if p, ok := e.Body.(history.Printed); ok {
				late = p
			}
		}
		if late.Op != "test/1/1" || !slices.Equal(late.Lines, []string{"receipt", "Қазақша №1"}) {
			t.Errorf("%+v", late)
		}
		lines, _, err := w.Dev.(device.Printer).Printed(context.Background())
		if err != nil || !slices.Equal(lines, []string{"receipt", "Қазақша №2"}) {
			t.Errorf("%q, %v", lines, err)
		}
	})
}

// A host that begins with the number that the host before it used last.
func TestFirstNumber(t *testing.T) {
	families(t, false, datecs.Options{}, func(t *testing.T, f ht.Family) {
		for seq := frame.FirstSeq; seq < frame.FirstSeq+3; seq++ {
			w := f.New(t, ht.Driver{})
			w.Done(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 1})
			host(w).m.seq = seq
			dev, err := f.Driver(w.Loop, w.Line.Host(), w.Log, ht.Driver{})
			if err != nil {
				t.Fatal(err)
			}
			w.Dev = dev
			if w.Done(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 1}); w.Reg.In != 2 {
				t.Errorf("last number %02X: %d deposits", seq, w.Reg.In)
			}
		}
	})
}

// A deposit whose answer is lost is made once, whatever the register remembers.
func TestDepositIsMadeOnce(t *testing.T) {
	families(t, false, datecs.Options{}, func(t *testing.T, f ht.Family) {
		for _, lose := range []int{1, 3, 7, 9} {
			w := f.New(t, ht.Driver{})
			w.Done(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 1})
			n := 0
			w.Line.SetFilter(func(toDevice bool, p []byte) []byte {
				if !toDevice && len(p) > 1 && w.Reg.In == 2 && n < lose {
					n++
					return nil
				}
				return p
			})
			out := w.Done(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 1})
			if w.Reg.In != 2 || lose >= 7 && !strings.Contains(out.Text, "executed") {
				t.Errorf("%d answers lost: %+v, %d deposits", lose, out, w.Reg.In)
			}
		}
	})
}

func TestOptions(t *testing.T) {
	loop := clock.NewVirtual(ht.Epoch, nil)
	for want, o := range map[string]datecs.Options{
		"family 7":    {Family: 7},
		"operator 31": {Passwords: datecs.Passwords{Operators: map[int]string{31: "0000"}}},
		"operator 1":  {Passwords: datecs.Passwords{Operators: map[int]string{1: "12x4"}}},
		"operator 2":  {Passwords: datecs.Passwords{Operators: map[int]string{2: "123"}}},
		"tax group 9": {Groups: &datecs.Groups{Rates: map[fiscal.MilliPercent]int{16000: 9}}},
		"not taxed":   {Groups: &datecs.Groups{Untaxed: 9}},
	} {
		if _, err := datecs.Open(loop, serialport.NewLine(loop, 0).Host(), history.NewMemory(loop), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
