// Package scenarios holds the stimuli: declared steps by theme, in a cashier's
// words. A scenario drives the rig past every edge that a check looks at and
// leaves the evidence in the record; it never judges. What a step asserts with
// Gomega is only what must hold for the evidence to be worth anything.
//
// Figures of the law come from the catalogue through [bench.Params]. Figures
// that are the bench's own choice (margins, prices, pauses) are named constants
// here, with their reason.
//
// Every scenario begins and ends with a plain sale that must work, so that a
// refusal in between is the register's answer to the stimulus and not to
// something that was broken before.
//
// Begin with [All] and with common.go.
package scenarios

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"github.com/kkmtest/kkmtest/bench"
	"github.com/kkmtest/kkmtest/fiscal"
)

// All lists the scenarios in the order in which they are run. Those that stand
// early need least of a register.
func All(p bench.Params) []bench.Scenario {
	all := []bench.Scenario{
		SingleCycle(),
		Tickets(),
		Returns(),
		CashPlacement(),
		FiscalSign(p),
		Latency(p),
		ZReport(p),
		Password(p),
		ClockBound(p),
		ConfigShift(),
		Documents(),
		Channels(),
		Address(),
		PaperOut(),
		LinkTest(),
		Notice(),
		ServerBlock(),
	}
	// Of work without a connection, and of none, the plan takes what its rows ask for.
	return append(all, OfflineEnter(p), HandOver(p), OfflineStop(), ShiftLimit(p), CutOff(p), Kept(p), Token(), Numbers(p), SelfTest())
}

// Bench choices.
const (
	// edge is how far from a limit in hours the bench stands on either side. A
	// register may keep times in whole minutes.
	edge = time.Minute
	// spare is how long before the limit of the shift a step that is not about that
	// limit closes it.
	spare = time.Hour
	// queuePhase and shiftPhase are how far into a second of the clock the receipt is
	// begun that a limit is counted from; the four below them are how far from
	// the limit the attempts in the last second inside and the first second past it begin. An
	// attempt inside must be refused, if at all, before the limit; one past it must begin
	// when no rounding to seconds excuses a register that takes it. They fit a register
	// whose receipt takes a second; a slower one leaves these two undecided.
	queuePhase  = 400 * time.Millisecond
	shiftPhase  = 170 * time.Millisecond
	refusalTime = 150 * time.Millisecond
	firstSecond = 900 * time.Millisecond
	lastMoment  = 100 * time.Millisecond
	pastSecond  = 1200 * time.Millisecond
	// breath is a pause in which a register finishes what it does by itself.
	breath = 10 * time.Second
	// blockPatience is how long a register may take to notice that a block by the OFD was
	// lifted: it asks by itself after its reconnect interval, which cpcr.md 11.1 puts
	// at 60 s or more.
	blockPatience = 3 * time.Minute
)

// vat is the rate of the taxed goods.
var vat = fiscal.MilliPercent(16000)

// The goods of the bench's shop.
func bread() fiscal.Line {
	return fiscal.Line{Kind: fiscal.Goods, Name: "Нан ақ", Section: 1, Qty: 1000, Price: 25050, VAT: &vat}
}

func cash(t fiscal.Tiyn) []fiscal.Payment { return []fiscal.Payment{{Kind: fiscal.Cash, Sum: t}} }

func card(t fiscal.Tiyn) []fiscal.Payment { return []fiscal.Payment{{Kind: fiscal.Card, Sum: t}} }

// plain is the simplest receipt: one thing, exact cash.
func plain() fiscal.Receipt {
	r := fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{bread()}}
	r.Payments = cash(r.Total())
	return r
}

func receipt(r fiscal.Receipt) fiscal.Op { return fiscal.Op{Kind: fiscal.OpReceipt, Receipt: &r} }

func by(op fiscal.Op, as fiscal.Role) fiscal.Op { op.As = as; return op }

var (
	admin         = fiscal.Role{Admin: true}
	secondCashier = fiscal.Role{Cashier: 2}
)

func zReport() fiscal.Op { return fiscal.Op{Kind: fiscal.OpZReport, As: admin} }
func xReport() fiscal.Op { return fiscal.Op{Kind: fiscal.OpXReport, As: admin} }

// must does what has to work.
func must(ctx context.Context, b *bench.Bench, op fiscal.Op) bench.Taken {
	t, err := b.Do(ctx, op)
	Expect(err).To(beNone())
	Expect(t).To(beDone())
	return t
}

// try does what may be refused; the record shows what came of it.
func try(ctx context.Context, b *bench.Bench, op fiscal.Op) bench.Taken {
	t, err := b.Do(ctx, op)
	Expect(err).To(beNone())
	return t
}

// beNone and beDone say what was missing in words of ours: what an assertion says
// ends up in the record, where neither addresses nor types of Go belong.
func beNone() types.GomegaMatcher {
	return saying[error]{func(err error) string { return err.Error() }}
}

func beDone() types.GomegaMatcher {
	return saying[bench.Taken]{func(t bench.Taken) string {
		if t.OK() {
			return ""
		}
		return fmt.Sprintf("%s %s was not done: %s", describe(t.Op), t.Op.ID, answer(t.Outcome))
	}}
}

// answer is an outcome in words.
func answer(o fiscal.Outcome) string {
	got := string(o.Got)
	if o.Got == fiscal.Unknown {
		got = "no answer that could be read"
	}
	if o.Code != 0 {
		got += fmt.Sprintf(", code %d", o.Code)
	}
	if o.Text != "" {
		got += ", " + o.Text
	}
	return got
}

// saying matches what there is nothing to say about.
type saying[T any] struct{ say func(T) string }

func (m saying[T]) Match(actual any) (bool, error) {
	v, ok := actual.(T)
	return !ok || m.say(v) == "", nil // an error that is nil is of no type
}

func (m saying[T]) FailureMessage(actual any) string { return m.say(actual.(T)) }

func (m saying[T]) NegatedFailureMessage(any) string { return "nothing is missing" }

func describe(op fiscal.Op) string {
	if op.Receipt != nil {
		return string(op.Receipt.Kind)
	}
	return string(op.Kind)
}

type run = func(context.Context, *bench.Bench) error

// sell is a step that makes receipts. Whether the register takes them is for the
// checks to say: a refusal of one spoils nothing of what the others show.
func sell(rs ...fiscal.Receipt) run {
	return func(ctx context.Context, b *bench.Bench) error {
		for _, r := range rs {
			try(ctx, b, receipt(r))
		}
		return nil
	}
}

// sellAt makes a plain sale that begins at a phase of the second, so
// that bench and register mean the same second.
func sellAt(phase time.Duration) run {
	return func(ctx context.Context, b *bench.Bench) error {
		if err := b.AlignSecond(ctx); err != nil {
			return err
		}
		if err := b.Pass(ctx, phase, "into the second"); err != nil {
			return err
		}
		try(ctx, b, receipt(plain()))
		return nil
	}
}

// setClock sets the register's clock right, at a full second: then its seconds
// begin where the bench's do, but for the time that the command takes.
func setClock(ctx context.Context, b *bench.Bench) (bench.Taken, error) {
	if err := b.AlignSecond(ctx); err != nil {
		return bench.Taken{}, err
	}
	return try(ctx, b, fiscal.Op{Kind: fiscal.OpSetClock, Clock: b.Civil(), As: admin}), nil
}

// trySell is a step with receipts that may be refused; afterwards the register
// is asked how it is and what it shows.
func trySell(rs ...fiscal.Receipt) run {
	return func(ctx context.Context, b *bench.Bench) error {
		for _, r := range rs {
			t := try(ctx, b, receipt(r))
			if err := look(ctx, b, t.Op.ID); err != nil {
				return err
			}
		}
		return nil
	}
}

// tryOnce is a step with a receipt that may be refused, and nothing after it that takes time.
func tryOnce(r fiscal.Receipt) run {
	return func(ctx context.Context, b *bench.Bench) error {
		try(ctx, b, receipt(r))
		return nil
	}
}

// look asks the register for its state and reads the display where there is one.
func look(ctx context.Context, b *bench.Bench, op fiscal.OpID) error {
	if _, err := b.State(ctx); err != nil {
		return err
	}
	if b.Can(bench.ReadsDisplay) {
		if _, err := b.Show(ctx, op); err != nil {
			return err
		}
	}
	return nil
}

// begin brings the rig to rest, closes a shift that is open, and makes the plain
// sale that opens a new one.
func begin() bench.Step {
	return bench.Step{Name: "begin: everything is connected, a new shift, and a plain sale works", Run: func(ctx context.Context, b *bench.Bench) error {
		if err := b.Rest(ctx); err != nil {
			return err
		}
		s, err := b.State(ctx)
		if err != nil {
			return err
		}
		if s.ShiftOpen {
			must(ctx, b, zReport())
		}
		must(ctx, b, receipt(plain()))
		return nil
	}}
}

// end brings the rig to rest and makes the plain sale that shows that the
// register still works.
func end() bench.Step {
	return bench.Step{Name: "end: everything is connected, what was kept is handed over, and a plain sale works", Run: func(ctx context.Context, b *bench.Bench) error {
		if err := b.Rest(ctx); err != nil {
			return err
		}
		must(ctx, b, receipt(plain()))
		return nil
	}}
}

func handOver(ctx context.Context, b *bench.Bench) error {
	if err := b.RestoreAll(); err != nil {
		return err
	}
	return b.AwaitHandOver(ctx)
}
