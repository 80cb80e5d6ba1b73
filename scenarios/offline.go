package scenarios

import (
	"context"
	"fmt"
	"time"

	"github.com/kkmtest/kkmtest/bench"
	"github.com/kkmtest/kkmtest/fiscal"
)

// OfflineEnter stands on both sides of the answer wait, and takes the connection away.
func OfflineEnter(p bench.Params) bench.Scenario {
	answer := p.Duration("offline.enter", "answer")
	slow := func(d time.Duration) run {
		return func(ctx context.Context, b *bench.Bench) error {
			if err := b.DelayAnswers(d); err != nil {
				return err
			}
			t := try(ctx, b, receipt(plain()))
			if err := look(ctx, b, t.Op.ID); err != nil {
				return err
			}
			if err := b.Calm(); err != nil {
				return err
			}
			return b.AwaitHandOver(ctx)
		}
	}
	return bench.Scenario{
		Key:    "offline/enter",
		Doc:    "The answer comes just in time, just too late, not at all; the connection is gone.",
		Checks: []string{"offline.enter", "offline.receipt", "offline.sign", "offline.mark", "offline.notice"},
		Also:   []string{"offline.handover"},
		Steps: []bench.Step{
			begin(),
			{Name: fmt.Sprintf("sell while the OFD answers after %v, just in time", answer-answerMargin), Run: slow(answer - answerMargin)},
			{Name: fmt.Sprintf("sell while the OFD answers after %v, just too late", answer+answerMargin), Run: slow(answer + answerMargin)},
			{Name: "sell while the OFD does not answer", Run: func(ctx context.Context, b *bench.Bench) error {
				if err := b.Silence(); err != nil {
					return err
				}
				t := try(ctx, b, receipt(plain()))
				if err := look(ctx, b, t.Op.ID); err != nil {
					return err
				}
				if err := b.Calm(); err != nil {
					return err
				}
				return b.AwaitHandOver(ctx)
			}},
			{Name: "sell while nothing is connected", Run: func(ctx context.Context, b *bench.Bench) error {
				if err := b.CutAll(); err != nil {
					return err
				}
				for range 2 {
					t := try(ctx, b, receipt(plain()))
					if err := look(ctx, b, t.Op.ID); err != nil {
						return err
					}
				}
				return handOver(ctx, b)
			}},
			end(),
		},
	}
}

const (
	// series is the number of receipts of a stretch without connection (the
	// catalogue's verification of row 28.2 speaks of twenty).
	series = 20
	// slowAnswer is what the OFD takes for each answer of a hand-over: long enough
	// to see that the register waits, short enough not to count as silence.
	slowAnswer = 2 * time.Second
)

// HandOver works without a connection, closes the shift there, and hands all of it over
// to an OFD that takes its time.
func HandOver(bench.Params) bench.Scenario {
	return bench.Scenario{
		Key:    "offline/handover",
		Doc:    "Many documents and a Z report without a connection, handed over later.",
		Checks: []string{"offline.handover", "offline.shiftclose"},
		Also:   []string{"offline.sign", "offline.mark", "offline.notice", "zreport.fields"},
		Steps: []bench.Step{
			begin(),
			{Name: "cut every connection, sell twenty times", Run: func(ctx context.Context, b *bench.Bench) error {
				if err := b.CutAll(); err != nil {
					return err
				}
				for i := range series {
					r := plain()
					r.Lines[0].Price += fiscal.Tiyn(i) // every receipt can be told from the others
					r.Payments = cash(r.Total())
					try(ctx, b, receipt(r))
				}
				return nil
			}},
			{Name: "put cash in and take some out", Run: func(ctx context.Context, b *bench.Bench) error {
				try(ctx, b, fiscal.Op{Kind: fiscal.OpDeposit, Cash: fiscal.Tenge(700)})
				try(ctx, b, fiscal.Op{Kind: fiscal.OpWithdraw, Cash: fiscal.Tenge(300)})
				return nil
			}},
			{Name: "print the X report, close the shift", After: bench.Pause(10*time.Minute, "the shift is closed well before the connection comes back"), Run: func(ctx context.Context, b *bench.Bench) error {
				try(ctx, b, xReport())
				t := try(ctx, b, zReport())
				return look(ctx, b, t.Op.ID)
			}},
			{Name: "sell twice in the next shift", After: bench.Pause(10*time.Minute, "the next shift begins at a time of its own"), Run: trySell(plain(), plain())},
			{Name: "restore: the OFD takes its time for each answer", After: bench.Pause(30*time.Minute, "the stretch without connection has a length to report"), Run: func(ctx context.Context, b *bench.Bench) error {
				if err := b.DelayAnswers(slowAnswer); err != nil {
					return err
				}
				if err := handOver(ctx, b); err != nil {
					return err
				}
				return b.Calm()
			}},
			end(),
		},
	}
}

// CutOff drives the register past the limit of work without a connection. The shift is
// closed on the way, because it has a limit of its own.
func CutOff(p bench.Params) bench.Scenario {
	limit := p.Duration("offline.cutoff", "limit")
	shift := p.Duration("shift.limit", "limit")
	steps := []bench.Step{
		begin(),
		{Name: "close the shift, set the clock to the second, cut every connection", Run: func(ctx context.Context, b *bench.Bench) error {
			must(ctx, b, zReport())
			if _, err := setClock(ctx, b); err != nil {
				return err
			}
			return b.CutAll()
		}},
		{Name: "sell: the limit is counted from this receipt", Run: sellAt(queuePhase)},
	}
	if day := shift - spare; day > 0 {
		for at := day; at < limit-spare; at += day {
			steps = append(steps, bench.Step{
				Name:  fmt.Sprintf("close the shift after %v without a connection, sell", at),
				After: bench.SinceOp("3/1", at, "the shift must not come to its own limit"),
				Run: func(ctx context.Context, b *bench.Bench) error {
					try(ctx, b, zReport())
					try(ctx, b, receipt(plain()))
					return nil
				}})
		}
	}
	steps = append(steps,
		bench.Step{Name: "sell just inside the limit", After: bench.SinceOp("3/1", limit-edge, "just inside the limit of work without a connection"), Run: trySell(plain())},
		bench.Step{Name: "sell in the last second of the limit", After: bench.SinceOp("3/1", limit-refusalTime, "the last second of work without a connection").Counting(bench.OfBegin), Run: tryOnce(plain())},
		bench.Step{Name: "try to sell in the first second past the limit", After: bench.SinceOp("3/1", limit+firstSecond, "the first second past the limit of work without a connection").Counting(bench.OfBegin), Run: trySell(plain())},
		bench.Step{Name: "try to sell just past the limit", After: bench.SinceOp("3/1", limit+edge, "just past the limit of work without a connection"), Run: trySell(plain())},
		bench.Step{Name: "restore, hand over", Run: func(ctx context.Context, b *bench.Bench) error { return handOver(ctx, b) }},
		bench.Step{Name: "sell: the register must work again", Run: func(ctx context.Context, b *bench.Bench) error {
			try(ctx, b, receipt(plain()))
			return nil
		}},
		end())
	return bench.Scenario{
		Key:    "offline/cutoff",
		Doc:    "Work without a connection up to its limit and past it.",
		Checks: []string{"offline.cutoff"},
		Also:   []string{"offline.sign", "offline.mark", "offline.handover"},
		Late:   true,
		Steps:  steps,
	}
}

// OfflineStop takes the connection and the answers away from a register that has no
// autonomous mode.
func OfflineStop() bench.Scenario {
	without := func(ctx context.Context, b *bench.Bench) error {
		t := try(ctx, b, receipt(plain()))
		if err := look(ctx, b, t.Op.ID); err != nil {
			return err
		}
		try(ctx, b, fiscal.Op{Kind: fiscal.OpDeposit, Cash: fiscal.Tenge(100)})
		return nil
	}
	return bench.Scenario{
		Key:    "offline/stop",
		Doc:    "Nothing is connected, and the OFD does not answer: a register without an autonomous mode stops, and works again afterwards.",
		Checks: []string{"link.stop"},
		Also:   []string{"fiscal.sign"},
		Steps: []bench.Step{
			begin(),
			{Name: "cut every connection, try to sell and to put cash in", Run: func(ctx context.Context, b *bench.Bench) error {
				if err := b.CutAll(); err != nil {
					return err
				}
				return without(ctx, b)
			}},
			{Name: "restore, sell", Run: func(ctx context.Context, b *bench.Bench) error {
				if err := handOver(ctx, b); err != nil {
					return err
				}
				try(ctx, b, receipt(plain()))
				return nil
			}},
			{Name: "try to sell and to put cash in while the OFD does not answer", Run: func(ctx context.Context, b *bench.Bench) error {
				if err := b.Silence(); err != nil {
					return err
				}
				if err := without(ctx, b); err != nil {
					return err
				}
				return b.Calm()
			}},
			{Name: "the OFD answers again: sell", After: bench.Pause(blockPatience, "the register asks by itself whether the OFD is back"), Run: func(ctx context.Context, b *bench.Bench) error {
				if err := handOver(ctx, b); err != nil {
					return err
				}
				try(ctx, b, receipt(plain()))
				return nil
			}},
			end(),
		},
	}
}
