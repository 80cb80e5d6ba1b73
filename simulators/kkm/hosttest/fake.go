// Package hosttest is what the tests of the emulated register's host sides have
// in common: a register that takes everything and remembers it, a line, a driver
// and a host side put together, and the faults of a line that every pair of
// driver and host side must survive without doubling a receipt.
//
// It is for tests only. Begin with [Family] and [World].
package hosttest

import (
	"slices"
	"strconv"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
)

// Fake is a register that takes everything, so that the tests of a line do not
// depend on what a real one would think.
type Fake struct {
	Loop    clock.Loop
	On      bool
	Delay   time.Duration // of Do: the exchange with the OFD
	Printer time.Duration // how long a document prints

	Refuse map[fiscal.OpKind]kkm.Reason
	Ops    []fiscal.Op // what was registered
	Docs   uint64
	Shift  uint64 // the last closed one
	Open   bool
	Long   bool
	Number map[fiscal.ReceiptKind]uint64
	In     uint64
	Out    uint64
	Cash   fiscal.Tiyn
	Put    fiscal.Tiyn   // into the drawer, in the shift
	Taken  fiscal.Tiyn   // out of it
	Clock  time.Duration // of the register against the loop
	Paper  bool
	Lines  []string
	Values map[fiscal.Setting]string
	Limit  time.Duration // of a shift

	moves time.Duration // until when the paper moves
	life  int
}

// NewFake makes one that is on, with shift 41 closed.
func NewFake(loop clock.Loop) *Fake {
	return &Fake{Loop: loop, On: true, Paper: true, Printer: 300 * time.Millisecond, Shift: 41, Limit: 20 * time.Hour,
		Refuse: map[fiscal.OpKind]kkm.Reason{}, Number: map[fiscal.ReceiptKind]uint64{},
		Values: map[fiscal.Setting]string{fiscal.SetOFDHost: "ofd.test", fiscal.SetOFDPort: "7777"}}
}

// Operator: every number from 1 to 30 is the password of that operator.
func (f *Fake) Operator(p string) int {
	n, err := strconv.Atoi(p)
	if err != nil || n < 1 || n > kkm.Operators {
		return 0
	}
	return n
}

// May knows passwords and what was set to be refused.
func (f *Fake) May(op fiscal.Op) kkm.Reason {
	if op.As.Password != "" && f.Operator(op.As.Password) == 0 {
		return kkm.Password
	}
	return f.Refuse[op.Kind]
}

// Do takes what May takes, Delay later.
func (f *Fake) Do(op fiscal.Op, done func(kkm.Reply)) {
	life := f.life
	f.Loop.AfterFunc(f.Delay, func() {
		if f.life != life {
			done(kkm.Reply{})
			return
		}
		if r := f.May(op); r != "" {
			done(kkm.Reply{Reason: r, Outcome: fiscal.Outcome{Got: fiscal.Refused}})
			return
		}
		f.take(op)
		done(kkm.Reply{Outcome: fiscal.Outcome{Got: fiscal.Done, Doc: f.Docs}})
	})
}

func (f *Fake) take(op fiscal.Op) {
	f.Ops = append(f.Ops, op)
	switch op.Kind {
	case fiscal.OpReceipt:
		f.Number[op.Receipt.Kind]++
		f.Docs++
		f.Open = true
	case fiscal.OpDeposit:
		f.In++
		f.Docs++
		f.Cash += op.Cash
		f.Put += op.Cash
		f.Open = true
	case fiscal.OpWithdraw:
		f.Out++
		f.Docs++
		f.Cash -= op.Cash
		f.Taken += op.Cash
	case fiscal.OpZReport:
		f.Docs++
		f.Shift++
		f.Open, f.Long, f.Put, f.Taken = false, false, 0, 0
	case fiscal.OpXReport:
		f.Docs++
	case fiscal.OpSetClock:
		f.Clock = op.Clock.Sub(f.Loop.Now().Wall)
	case fiscal.OpSetSetting:
		f.Values[op.Setting] = op.Value
	}
	f.Lines = append(f.Lines, string(op.Kind), "Қазақша №"+strconv.Itoa(len(f.Ops)))
	f.moves = f.Loop.Now().Mono + f.Printer
}

// Printing says that paper moves.
func (f *Fake) Printing() bool { return f.Loop.Now().Mono < f.moves }

// State is what a host side asks for.
func (f *Fake) State() kkm.State {
	s := kkm.State{On: f.On, Paper: f.Paper, Clock: f.Loop.Now().Wall.Add(f.Clock).Truncate(time.Second), ShiftOpen: f.Open,
		ShiftTooLong: f.Long, Shift: f.Shift, LastDoc: f.Docs, Cash: f.Cash, Numbers: f.Number, Receipts: f.Number,
		Deposits: f.In, Withdrawals: f.Out, Deposited: f.Put, Withdrawn: f.Taken, Unsent: 3}
	if f.Open {
		s.Sums = map[fiscal.ReceiptKind]fiscal.Tiyn{fiscal.Sale: 5}
		s.Shift++
		s.ShiftSince = f.Loop.Now().Wall.Add(f.Clock - time.Hour)
	}
	return s
}

// Profile is who the register is.
func (f *Fake) Profile() kkm.Profile {
	return kkm.Profile{Model: "KKMTest Ә-1", Firmware: "1.2.34", Serial: "KKM0000777", Registration: "010100123456",
		Taxpayer: kkm.Taxpayer{Name: "ТОО", BIN: "180140001234"}, Limits: kkm.Limits{Shift: f.Limit}}
}

// Person names two operators.
func (f *Fake) Person(n int) string {
	return map[int]string{1: "Сейтқали Ә.", 2: "Жүнісова Г."}[n]
}

// Printed is the paper since ClearPrinted.
func (f *Fake) Printed() []string { return slices.Clone(f.Lines) }

// ClearPrinted forgets it.
func (f *Fake) ClearPrinted() { f.Lines = nil }

// Setting reads one back.
func (f *Fake) Setting(s fiscal.Setting) string { return f.Values[s] }

// Power switches; whatever is under way is lost.
func (f *Fake) Power(on bool) { f.On = on; f.life++ }

// Receipts are the receipts that were registered.
func (f *Fake) Receipts() (r []fiscal.Receipt) {
	for _, op := range f.Ops {
		if op.Kind == fiscal.OpReceipt {
			r = append(r, *op.Receipt)
		}
	}
	return r
}
