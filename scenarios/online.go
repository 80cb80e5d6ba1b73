package scenarios

import (
	"context"
	"fmt"
	"time"

	"github.com/kkmtest/kkmtest/bench"
	"github.com/kkmtest/kkmtest/fiscal"
)

// answerMargin is how far from the register's answer wait the OFD's answer comes
// on either side: well above what the network and the register's own timer add, well
// below what would make the stimulus another one.
const answerMargin = 100 * time.Millisecond

// parts is into how many parts the time up to the answer wait is cut.
const parts = 4

// answerWait is how long a register may wait for the OFD: what the catalogue says,
// or in a section that names no wait five sevenths of the time for the whole receipt, which
// leaves the register some for its paper.
func answerWait(p bench.Params) time.Duration {
	if p.Has("offline.enter", "answer") {
		return p.Duration("offline.enter", "answer")
	}
	return p.Duration("latency.online", "limit") * 5 / 7
}

// Latency lets the OFD answer later and later, up to just inside of what the
// register waits for.
func Latency(p bench.Params) bench.Scenario {
	answer := answerWait(p)
	steps := []bench.Step{begin(), {Name: "sell while the OFD answers at once", Run: sell(plain(), plain())}}
	for i := 1; i <= parts; i++ {
		d := answer * time.Duration(i) / parts
		if i == parts {
			d = answer - answerMargin
		}
		steps = append(steps, bench.Step{Name: fmt.Sprintf("sell while the OFD answers after %v", d), Run: func(ctx context.Context, b *bench.Bench) error {
			if err := b.DelayAnswers(d); err != nil {
				return err
			}
			try(ctx, b, receipt(plain()))
			r := fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{bread(), bread(), bread()}}
			r.Payments = card(r.Total())
			try(ctx, b, receipt(r))
			return b.Calm()
		}})
	}
	steps = append(steps,
		bench.Step{Name: "sell while the OFD does not answer", Run: func(ctx context.Context, b *bench.Bench) error {
			if err := b.Silence(); err != nil {
				return err
			}
			try(ctx, b, receipt(plain()))
			return b.Calm()
		}},
		end())
	return bench.Scenario{
		Key:    "online/latency",
		Doc:    "Sales while the OFD is slow.",
		Checks: []string{"latency.online"},
		Steps:  steps,
	}
}

// The texts that the OFD sends; a check looks for them on display and tape.
const (
	suspendText = "Жұмыс уақытша тоқтатылды: салық органының шешімі № 7-431"
	noticeText  = "Салық қызметінің хабары: декларация мерзімі 15 ақпан"
)

// ServerBlock lets the OFD pass on the order to suspend the register, once with the
// shift closed and once with the shift open.
func ServerBlock() bench.Scenario {
	suspended := func(ctx context.Context, b *bench.Bench) error {
		if err := b.Suspend(suspendText); err != nil {
			return err
		}
		for range 2 { // the first learns of the order, the second must not even try
			t := try(ctx, b, receipt(plain()))
			if err := look(ctx, b, t.Op.ID); err != nil {
				return err
			}
		}
		return nil
	}
	alone := func(ctx context.Context, b *bench.Bench) error {
		if err := b.CutAll(); err != nil {
			return err
		}
		t := try(ctx, b, receipt(plain()))
		if err := look(ctx, b, t.Op.ID); err != nil {
			return err
		}
		return b.RestoreAll()
	}
	lifted := func(ctx context.Context, b *bench.Bench) error {
		if err := b.Calm(); err != nil {
			return err
		}
		if err := b.Pass(ctx, blockPatience, "the register asks by itself whether the block is lifted"); err != nil {
			return err
		}
		try(ctx, b, receipt(plain()))
		return nil
	}
	return bench.Scenario{
		Key:    "online/block",
		Doc:    "The OFD passes on the order to suspend the register, and lifts it.",
		Checks: []string{"block.server"},
		Late:   true,
		Steps: []bench.Step{
			begin(),
			{Name: "close the shift", Run: func(ctx context.Context, b *bench.Bench) error {
				must(ctx, b, zReport())
				return nil
			}},
			{Name: "the order comes: try to open a shift with a sale, twice", Run: suspended},
			{Name: "nothing is connected, and the order stands: try to sell", Run: alone},
			{Name: "the order is lifted: sell", Run: lifted},
			{Name: "the order comes again, with the shift open: try to sell, twice", Run: suspended},
			{Name: "nothing is connected, and the order still stands: try to sell", Run: alone},
			{Name: "the order is lifted again: sell", Run: lifted},
			end(),
		},
	}
}

// Notice lets the OFD send a text of the tax service with an answer.
func Notice() bench.Scenario {
	return bench.Scenario{
		Key:    "online/notice",
		Doc:    "A text of the tax service comes with the answer to a sale.",
		Checks: []string{"notice.shown"},
		Steps: []bench.Step{
			begin(),
			{Name: "sell: the text comes with the answer", Run: func(ctx context.Context, b *bench.Bench) error {
				if err := b.Notice(noticeText); err != nil {
					return err
				}
				t := try(ctx, b, receipt(plain()))
				return look(ctx, b, t.Op.ID)
			}},
			{Name: "print the X report", Run: func(ctx context.Context, b *bench.Bench) error {
				t := try(ctx, b, xReport())
				return look(ctx, b, t.Op.ID)
			}},
			{Name: "close the shift", Run: func(ctx context.Context, b *bench.Bench) error {
				t := try(ctx, b, zReport())
				return look(ctx, b, t.Op.ID)
			}},
			end(),
		},
	}
}

// ShiftLimit keeps a shift open past its limit.
func ShiftLimit(p bench.Params) bench.Scenario {
	limit := p.Duration("shift.limit", "limit")
	return bench.Scenario{
		Key:    "shift/limit",
		Doc:    "A shift that stays open longer than it may.",
		Checks: []string{"shift.limit"},
		Steps: []bench.Step{
			begin(),
			{Name: "close that shift, set the clock to the second", Run: func(ctx context.Context, b *bench.Bench) error {
				must(ctx, b, zReport())
				_, err := setClock(ctx, b)
				return err
			}},
			{Name: "put cash in: the shift is not counted from this", Run: func(ctx context.Context, b *bench.Bench) error {
				try(ctx, b, fiscal.Op{Kind: fiscal.OpDeposit, Cash: fiscal.Tenge(500)})
				return nil
			}},
			{Name: "sell: the shift is counted from the end of this receipt", After: bench.Pause(spare/2, "the first receipt comes well after the first document"), Run: sellAt(shiftPhase)},
			{Name: "sell just inside the limit", After: bench.SinceOp("4/1", limit-edge, "just inside the limit of the shift"), Run: trySell(plain())},
			{Name: "sell in the last second of the limit", After: bench.SinceOp("4/1", limit-lastMoment, "the last second of the shift").Counting(bench.OfEntry), Run: tryOnce(plain())},
			{Name: "try to sell in the first second past the limit", After: bench.SinceOp("4/1", limit+pastSecond, "the first second past the limit of the shift"), Run: trySell(plain())},
			{Name: "try to sell just past the limit", After: bench.SinceOp("4/1", limit+edge, "just past the limit of the shift"), Run: trySell(plain())},
			{Name: "print the X report", Run: func(ctx context.Context, b *bench.Bench) error {
				try(ctx, b, xReport())
				return nil
			}},
			{Name: "close the shift, sell", Run: func(ctx context.Context, b *bench.Bench) error {
				t := try(ctx, b, zReport())
				if err := look(ctx, b, t.Op.ID); err != nil {
					return err
				}
				try(ctx, b, receipt(plain()))
				return nil
			}},
			end(),
		},
	}
}
