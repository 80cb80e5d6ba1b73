package atol

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/atol"
	"github.com/kkmtest/kkmtest/bench/device/atol/frame"
	"github.com/kkmtest/kkmtest/bench/device/serialport"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
	ht "github.com/kkmtest/kkmtest/simulators/kkm/hosttest"
)

// Each reason of the register becomes an error code of section 8, and the receipt
// that was begun is dropped again.
func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		reason  kkm.Reason
		receipt byte
		z       byte
		got     fiscal.Answer
	}{
		{kkm.ShiftTooLong, 0x88, 0x88, fiscal.Refused},
		{kkm.OfflineTooLong, 0x66, 0x66, fiscal.Refused},
		{kkm.OFDBlocked, 0x66, 0x66, fiscal.Refused},
		{kkm.TokenBlocked, 0x66, 0x66, fiscal.Refused},
		{kkm.ShiftOpen, 0x9C, 0x9C, fiscal.Refused},
		{kkm.ShiftClosed, 0x8F, 0x8F, fiscal.Refused},
		{kkm.NoPaper, 0x67, 0x67, fiscal.Refused},
		{kkm.NoCash, 0x73, 0x98, fiscal.Refused},
		{kkm.BadData, 0x08, 0x08, fiscal.Refused},
		{kkm.Busy, 0x66, 0x66, fiscal.Refused},
		{kkm.Fault, 0x69, 0x69, fiscal.Refused},
		{kkm.Unsupported, 0x7A, 0x7A, fiscal.Unsupported},
	} {
		levels(t, false, atol.Options{}, func(t *testing.T, f ht.Family) {
			t.Run(string(tt.reason), func(t *testing.T) {
				w := f.New(t, ht.Driver{})
				w.Reg.Refuse[fiscal.OpReceipt], w.Reg.Refuse[fiscal.OpZReport] = tt.reason, tt.reason
				for op, code := range map[*fiscal.Op]byte{ptr(ht.Receipt(ht.Sale())): tt.receipt, ptr(fiscal.Op{Kind: fiscal.OpZReport}): tt.z} {
					if out := w.Do(*op); out.Got != tt.got || out.Code != int(code) || !strings.Contains(out.Text, fmt.Sprintf("%02Xh", code)) {
						t.Errorf("%s: %+v, want %s with code %02Xh", op.Kind, out, tt.got, code)
					}
				}
				if host(w).open != nil || len(w.Reg.Ops) != 0 {
					t.Errorf("open receipt %v, operations %v", host(w).open, w.Reg.Ops)
				}
			})
		})
	}
}

func ptr(op fiscal.Op) *fiscal.Op { return &op }

// A register that changes its mind refuses at 4Ah; the driver takes the payments
// back, cancels, and the next receipt goes through.
func TestRefusedClosingIsCancelled(t *testing.T) {
	levels(t, false, atol.Options{}, func(t *testing.T, f ht.Family) {
		for _, payments := range [][]fiscal.Payment{{ht.Cash(100000)}, {{Kind: fiscal.Card, Sum: 20000}, ht.Cash(100000)}} {
			w := f.New(t, ht.Driver{})
			r := ht.Sale()
			r.Payments = payments
			w.Line.SetFilter(func(toDevice bool, p []byte) []byte {
				if o := host(w).open; toDevice && o != nil && len(o.Lines) == len(r.Lines) {
					w.Reg.Refuse[fiscal.OpReceipt] = kkm.BadData // as when the OFD refuses it
				}
				return p
			})
			out := w.Do(ht.Receipt(r))
			if out.Got != fiscal.Refused || out.Code != int(frame.ErrPrice) || host(w).open != nil {
				t.Errorf("%+v, open %+v", out, host(w).open)
			}
			w.Line.SetFilter(nil)
			delete(w.Reg.Refuse, fiscal.OpReceipt)
			w.Done(ht.Receipt(r))
		}
		w := f.New(t, ht.Driver{})
		short := ht.Sale()
		short.Payments[0].Sum = 100
		if out := w.Do(ht.Receipt(short)); out.Got != fiscal.Refused || out.Code != int(frame.ErrCashShort) || host(w).open != nil {
			t.Errorf("underpaid: %+v", out)
		}
	})
}

func TestPasswords(t *testing.T) {
	levels(t, false, atol.Options{Passwords: atol.Passwords{Cashiers: map[int]uint32{7: 8}, Admin: 29}}, func(t *testing.T, f ht.Family) {
		w := f.New(t, ht.Driver{})
		w.Done(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 1, As: fiscal.Role{Cashier: 7}})
		w.Done(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 1, As: fiscal.Role{Admin: true}})
		w.Done(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 1, As: fiscal.Role{Cashier: 7, Password: "0011"}})
		for i, want := range []string{"8", "29", "11"} {
			if got := w.Reg.Ops[i].As.Password; got != want {
				t.Errorf("operation %d: password %q, want %q", i, got, want)
			}
		}
		for _, op := range []fiscal.Op{{Kind: fiscal.OpXReport}, {Kind: fiscal.OpZReport}, {Kind: fiscal.OpSetClock, Clock: ht.Epoch}, {Kind: fiscal.OpDeposit, Cash: 1}} {
			op.As.Password = "777777"
			if out := w.Do(op); out.Got != fiscal.Refused || out.Code != int(frame.ErrPassword) {
				t.Errorf("%s with a wrong password: %+v", op.Kind, out)
			}
		}
		for _, bad := range []string{"abcd", "123456789"} {
			if out := w.Do(fiscal.Op{Kind: fiscal.OpXReport, As: fiscal.Role{Password: bad}}); out.Got != fiscal.Unsupported || strings.Contains(out.Text, bad) {
				t.Errorf("%s: %+v", bad, out)
			}
		}
		for e := range w.Log.View().Events() {
			if b, ok := e.Body.(history.HostBytes); ok && strings.Contains(b.Note, "777777") {
				t.Errorf("event %d spells a password: %q", e.Seq, b.Note)
			}
		}
	})
}

// What the protocol cannot carry is said before anything is sent.
func TestUnsupported(t *testing.T) {
	edit := func(f func(r *fiscal.Receipt)) fiscal.Receipt {
		r := ht.Sale()
		r.Lines[2].Name = "Скидка"
		f(&r)
		return r
	}
	seven := fiscal.MilliPercent(7000)
	for name, r := range map[string]fiscal.Receipt{
		"57 letters":           edit(func(r *fiscal.Receipt) { r.Lines[0].Name = strings.Repeat("я", 57) }),
		"strange letter":       edit(func(r *fiscal.Receipt) { r.Lines[0].Name = "1 ₸" }),
		"letter of a twin":     edit(func(r *fiscal.Receipt) { r.Lines[0].Name = "Ірімшік" }),
		"section 17":           edit(func(r *fiscal.Receipt) { r.Lines[0].Section = 17 }),
		"sum":                  edit(func(r *fiscal.Receipt) { r.Lines[0].Sum = 1 }),
		"rate":                 edit(func(r *fiscal.Receipt) { r.Lines[0].VAT = &seven }),
		"no rate":              edit(func(r *fiscal.Receipt) { r.Lines[0].VAT = nil }),
		"section not told":     edit(func(r *fiscal.Receipt) { r.Lines[0].Section = 5 }),
		"discount first":       edit(func(r *fiscal.Receipt) { r.Lines = r.Lines[2:] }),
		"tax of discount":      edit(func(r *fiscal.Receipt) { r.Lines[2].VAT = nil }),
		"no payment":           edit(func(r *fiscal.Receipt) { r.Payments = nil }),
		"payment kind":         edit(func(r *fiscal.Receipt) { r.Payments[0].Kind = "shells" }),
		"kind":                 edit(func(r *fiscal.Receipt) { r.Kind = "gift" }),
		"price of 11 digits":   edit(func(r *fiscal.Receipt) { r.Lines[0].Price = 1e10 }),
		"discount below zero":  edit(func(r *fiscal.Receipt) { r.Discount = -1 }),
		"purchase with change": edit(func(r *fiscal.Receipt) { r.Kind = fiscal.Buy }),
	} {
		two := map[int]*fiscal.MilliPercent{2: &ht.VAT16}
		w := family(2, true, atol.Options{Sections: two}).New(t, ht.Driver{})
		if out := w.Do(ht.Receipt(r)); out.Got != fiscal.Unsupported || out.Text == "" || len(w.Reg.Ops) > 0 {
			t.Errorf("%s: %+v", name, out)
		}
		for e := range w.Log.View().Events() {
			if b, ok := e.Body.(history.HostBytes); ok && b.Dir == history.ToDevice && len(b.Data) > 4 && frame.Code(b.Data[3]) != frame.DeviceType {
				t.Errorf("%s: % X was sent", name, b.Data)
			}
		}
	}
	w := family(2, true, atol.Options{Sections: map[int]*fiscal.MilliPercent{2: &ht.VAT16}, LatinI: true}).New(t, ht.Driver{})
	w.Done(ht.Receipt(ht.Sale())) // where the register knows the letter it is sent
	if got := w.Reg.Receipts()[0].Lines[2].Name; got != "Жеңілдік" {
		t.Errorf("name %q", got)
	}
}

// The paper is out before a receipt, and goes in the middle of one: then the
// receipt is done when the paper is back.
func TestPaper(t *testing.T) {
	levels(t, false, atol.Options{}, func(t *testing.T, f ht.Family) {
		w := f.New(t, ht.Driver{})
		w.Reg.Paper = false
		st, err := w.Dev.State(context.Background())
		if err != nil || !strings.Contains(st.Text, "no paper") {
			t.Errorf("%+v, %v", st, err)
		}
		w.Loop.AfterFunc(5*time.Second, func() { w.Reg.Paper = true })
		began := w.Loop.Now().Mono
		w.Done(ht.Receipt(ht.Sale()))
		r := w.Result()
		if d := r.Done.Mono - began; d < 5*time.Second || d-r.Blur > 5*time.Second {
			t.Errorf("done after %v ± %v, the paper came back after 5s", d, r.Blur)
		}
	})
}

// Entered is when the last byte of 4Ah had left, Done when the register was ready
// with paper and answer.
func TestTimes(t *testing.T) {
	levels(t, false, atol.Options{}, func(t *testing.T, f ht.Family) {
		w := f.New(t, ht.Driver{Latency: 3 * time.Millisecond})
		w.Reg.Delay, w.Reg.Printer = 2*time.Second, 3*time.Second
		w.Done(ht.Receipt(ht.Sale()))
		r := w.Result()
		var sent clock.Instant
		for e := range w.Log.View().Events() {
			if b, ok := e.Body.(history.HostBytes); ok && b.Dir == history.ToDevice && strings.Contains(b.Note, frame.Close.String()) {
				sent = e.At.Add(time.Duration(len(b.Data)) * serialport.ByteTime(ht.Baud))
			}
		}
		if r.Entered != sent {
			t.Errorf("entered at %v, the last byte of 4Ah left at %v", r.Entered, sent)
		}
		true_ := sent.Mono + w.Reg.Delay + w.Reg.Printer
		if r.Done.Mono < true_ || r.Done.Mono-r.Blur > true_+50*time.Millisecond || r.Blur > 100*time.Millisecond || !strings.Contains(r.Sources, "port and adapter 3ms") {
			t.Errorf("done at %v ± %v (%s), the paper stopped at %v", r.Done.Mono, r.Blur, r.Sources, true_)
		}
	})
}

// The Z report is settled by the number of the closed shift: when its answer is
// lost, when the register refuses it late, when it is never finished.
func TestZReport(t *testing.T) {
	w := family(2, false, atol.Options{}).New(t, ht.Driver{})
	w.Done(ht.Receipt(ht.Sale()))
	lost := 0
	w.Line.SetFilter(func(toDevice bool, p []byte) []byte {
		if host(w).state == frame.StateZPrinting && !toDevice && lost < 12 {
			lost++
			return nil
		}
		return p
	})
	w.Reg.Delay = 20 * time.Second
	if out := w.Done(fiscal.Op{Kind: fiscal.OpZReport}); out.Shift != 42 || w.Reg.Shift != 42 || !strings.Contains(out.Text, "not seen") {
		t.Errorf("%+v, shift %d", out, w.Reg.Shift)
	}
	w.Line.SetFilter(nil)
	w.Reg.Delay = time.Second
	w.Loop.AfterFunc(500*time.Millisecond, func() { w.Reg.Refuse[fiscal.OpZReport] = kkm.BadData })
	if out := w.Do(fiscal.Op{Kind: fiscal.OpZReport}); out.Got != fiscal.Refused || !strings.Contains(out.Text, "not closed") {
		t.Errorf("refused late: %+v", out)
	}
	delete(w.Reg.Refuse, fiscal.OpZReport)
	w.Reg.Delay = 10 * time.Minute
	if out := w.Do(fiscal.Op{Kind: fiscal.OpZReport}); out.Got != fiscal.Unknown || !strings.Contains(out.Text, "not finished") {
		t.Errorf("never finished: %+v", out)
	}
}

// A register that wants to answer an earlier command when the host wants to ask:
// it is heard, and nothing that it says is taken for the new answer.
func TestLateAnswer(t *testing.T) {
	w := family(2, false, atol.Options{}).New(t, ht.Driver{})
	w.Done(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 500})
	w.Loop.Post(func() { host(w).answer2([]byte{0x55, 0x88, 0}) })
	w.Pass(10 * time.Millisecond)
	out := w.Done(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 500})
	if w.Reg.In != 2 || out.Doc != 2 {
		t.Errorf("%+v, %d deposits", out, w.Reg.In)
	}
	found := false
	for e := range w.Log.View().Events() {
		b, ok := e.Body.(history.HostBytes)
		found = found || ok && strings.Contains(b.Note, "earlier command")
	}
	if !found {
		t.Error("the record does not tell of the late answer")
	}
}

// Level 3: numbers taken by a task of an earlier host, a full buffer, a late
// result that is lost, and the numbers' wrap.
func TestTasks(t *testing.T) {
	f := family(3, false, atol.Options{})
	w := f.New(t, ht.Driver{})
	w.Done(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 1})
	for n := range byte(mostTasks) {
		host(w).l3.tasks = append(host(w).l3.tasks, &task{id: n * 2, state: frame.Result, ans: []byte{0x55, 0x88, 0}})
	}
	if out := w.Done(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 1}); w.Reg.In != 2 {
		t.Errorf("%+v, %d deposits", out, w.Reg.In)
	}
	w.Reg.Delay = time.Second
	dropped := 0
	w.Line.SetFilter(func(toDevice bool, p []byte) []byte {
		if !toDevice && len(p) > 4 && p[3] == frame.AsyncID && dropped == 0 {
			dropped++
			return nil
		}
		return p
	})
	if w.Done(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 1}); w.Reg.In != 3 || dropped != 1 {
		t.Errorf("%d deposits, %d packets dropped", w.Reg.In, dropped)
	}
	w.Line.SetFilter(nil)
	w.Reg.Delay = 0
	for n := range 60 { // five packets and more each: the numbers begin again
		w.Done(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 1})
		if w.Reg.In != uint64(4+n) {
			t.Fatalf("%d deposits after %d", w.Reg.In, n)
		}
	}
}

func TestOptions(t *testing.T) {
	loop := clock.NewVirtual(ht.Epoch, nil)
	for want, o := range map[string]atol.Options{
		"level 4":    {Level: 4},
		"cashier 29": {Passwords: atol.Passwords{Cashiers: map[int]uint32{29: 1}}},
		"section 17": {Sections: atol.Sections{17: nil}},
		"type 5":     {Payments: map[fiscal.PaymentKind]int{fiscal.Card: 5}},
		"access":     {Passwords: atol.Passwords{Access: 10000}},
	} {
		if _, err := atol.Open(loop, serialport.NewLine(loop, 0).Host(), history.NewMemory(loop), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
