package shtrihm

import (
	"slices"
	"strconv"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
)

// fake is a register that takes everything and remembers it, so that the tests
// of the line do not depend on what a real one would think.
type fake struct {
	loop    clock.Loop
	on      bool
	delay   time.Duration // of Do: the exchange with the OFD
	printer time.Duration // how long a document prints

	refuse map[fiscal.OpKind]kkm.Reason
	ops    []fiscal.Op
	docs   uint64
	shift  uint64
	open   bool
	long   bool
	number map[fiscal.ReceiptKind]uint64
	in     uint64
	out    uint64
	cash   fiscal.Tiyn
	clock  time.Duration // of the register against the loop
	paper  bool
	moves  time.Duration // until when the paper moves
	lines  []string
	values map[fiscal.Setting]string
	life   int
}

func newFake(loop clock.Loop) *fake {
	return &fake{loop: loop, on: true, paper: true, printer: 300 * time.Millisecond, shift: 41,
		refuse: map[fiscal.OpKind]kkm.Reason{}, number: map[fiscal.ReceiptKind]uint64{},
		values: map[fiscal.Setting]string{fiscal.SetOFDHost: "ofd.test", fiscal.SetOFDPort: "7777", fiscal.SetRegistration: "010100123456"}}
}

func (f *fake) Operator(p string) int {
	n, err := strconv.Atoi(p)
	if err != nil || n < 1 || n > kkm.Operators {
		return 0
	}
	return n
}

func (f *fake) May(op fiscal.Op) kkm.Reason {
	if f.Operator(op.As.Password) == 0 {
		return kkm.Password
	}
	return f.refuse[op.Kind]
}

func (f *fake) Do(op fiscal.Op, done func(kkm.Reply)) {
	life := f.life
	f.loop.AfterFunc(f.delay, func() {
		if f.life != life {
			done(kkm.Reply{})
			return
		}
		if r := f.May(op); r != "" {
			done(kkm.Reply{Reason: r, Outcome: fiscal.Outcome{Got: fiscal.Refused}})
			return
		}
		f.take(op)
		done(kkm.Reply{Outcome: fiscal.Outcome{Got: fiscal.Done, Doc: f.docs}})
	})
}

func (f *fake) take(op fiscal.Op) {
	f.ops = append(f.ops, op)
	switch op.Kind {
	case fiscal.OpReceipt:
		f.number[op.Receipt.Kind]++
		f.docs++
		f.open = true
	case fiscal.OpDeposit:
		f.in++
		f.docs++
		f.cash += op.Cash
		f.open = true
	case fiscal.OpWithdraw:
		f.out++
		f.docs++
		f.cash -= op.Cash
	case fiscal.OpZReport:
		f.docs++
		f.open, f.long = false, false
	case fiscal.OpXReport:
		f.docs++
	case fiscal.OpSetClock:
		f.clock = op.Clock.Sub(f.loop.Now().Wall)
	case fiscal.OpSetSetting:
		f.values[op.Setting] = op.Value
	}
	f.lines = append(f.lines, string(op.Kind), "Қазақша №"+strconv.Itoa(len(f.ops)))
	f.moves = f.loop.Now().Mono + f.printer
}

// last is the latest operation of a kind, empty when there was none.
func (f *fake) last(k fiscal.OpKind) fiscal.Op {
	for _, op := range slices.Backward(f.ops) {
		if op.Kind == k {
			return op
		}
	}
	return fiscal.Op{Receipt: new(fiscal.Receipt)}
}

func (f *fake) Printing() bool { return f.loop.Now().Mono < f.moves }

func (f *fake) State() kkm.State {
	s := kkm.State{On: f.on, Paper: f.paper, Clock: f.loop.Now().Wall.Add(f.clock).Truncate(time.Second), ShiftOpen: f.open,
		ShiftTooLong: f.long, Shift: f.shift, LastDoc: f.docs, Cash: f.cash, Numbers: f.number, Receipts: f.number,
		Deposits: f.in, Withdrawals: f.out, Unsent: 3, Sums: map[fiscal.ReceiptKind]fiscal.Tiyn{fiscal.Sale: 5}}
	if f.open {
		s.Shift++
	}
	return s
}

func (f *fake) Profile() kkm.Profile {
	return kkm.Profile{Model: "KKMTest Ә-1", Firmware: "1.2.34", Serial: "KKM0000777", Registration: "010100123456",
		Taxpayer: kkm.Taxpayer{Name: "ТОО", BIN: "180140001234"}, Staff: []kkm.Person{{Number: 2, Name: "Жүнісова Г."}}}
}

func (f *fake) Printed() []string { return slices.Clone(f.lines) }
func (f *fake) ClearPrinted()     { f.lines = nil }
func (f *fake) Archive(shift uint32) []string {
	if shift != 7 {
		return nil
	}
	return []string{"Мұрағат", "Жетінші ауысым"}
}

func (f *fake) Setting(s fiscal.Setting) string { return f.values[s] }
func (f *fake) power(on bool)                   { f.on = on; f.life++ }
func (f *fake) receipts() (r []fiscal.Receipt) {
	for _, op := range f.ops {
		if op.Kind == fiscal.OpReceipt {
			r = append(r, *op.Receipt)
		}
	}
	return r
}
