package bench

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
	"github.com/kkmtest/kkmtest/simulators/netfault"
	"github.com/kkmtest/kkmtest/simulators/ofd"
)

// Links are the names of the channels between register and OFD that the bench
// can take away one by one.
func (b *Bench) Links() []string {
	var out []string
	for _, l := range b.links {
		out = append(out, l.Name())
	}
	return out
}

// CutAllBut takes every connection away but the one over a channel, silently, as
// broken lines do, until RestoreLinks.
func (b *Bench) CutAllBut(free string) error {
	return b.onLoop("network", func() error {
		for _, l := range b.links {
			if l.Name() == free {
				continue
			}
			if err := l.Set(onlyID, netfault.Cut{}); err != nil {
				return err
			}
		}
		return nil
	})
}

// RestoreLinks brings back what CutAllBut took away.
func (b *Bench) RestoreLinks(free string) error {
	return b.onLoop("network", func() error {
		for _, l := range b.links {
			if l.Name() == free {
				continue
			}
			if _, err := l.Clear(onlyID); err != nil {
				return err
			}
		}
		return nil
	})
}

const onlyID = "cut-other"

// MarkReports lets the OFD's own X and Z differ from the register's by a sum of
// cash, until Calm: then a print shows whose figures it holds.
func (b *Bench) MarkReports(off fiscal.Tiyn) error {
	o, ok := b.ofd.(interface{ MarkReports(fiscal.Tiyn) error })
	if !ok {
		return device.ErrNotAble
	}
	return b.onLoop("ofd", func() error { return o.MarkReports(off) })
}

// Power switches the register and records it. After switching on it gives the
// register the time of its own test.
func (b *Bench) Power(ctx context.Context, on bool) error {
	p, ok := able[device.Power](b)
	if !ok {
		return device.ErrNotAble
	}
	to := "off"
	if on {
		to = "on"
	}
	if err := b.switched(ctx, "power", to, func() error { return p.Power(ctx, on) }); err != nil || !on {
		return err
	}
	until := b.Loop.Now().Add(selfTest)
	for b.Loop.Now().Mono < until.Mono {
		if _, err := b.Loop.Wait(ctx, b.Loop.Now().Add(askAgain), nil); err != nil {
			return b.Fault("wait", err)
		}
		if _, err := b.State(ctx); err == nil {
			return nil
		}
	}
	return lacking("the register gave no answer within %v after it was switched on", selfTest)
}

// PaperIn takes the paper away or puts it back, and records it.
func (b *Bench) PaperIn(ctx context.Context, in bool) error {
	p, ok := able[device.Paper](b)
	if !ok {
		return device.ErrNotAble
	}
	to := "out"
	if in {
		to = "in"
	}
	return b.switched(ctx, "paper", to, func() error { return p.Paper(ctx, in) })
}

// PaperDuring takes the paper away so long from now, and puts it back after another
// while, whatever is done meanwhile.
func (b *Bench) PaperDuring(after, back time.Duration) error {
	p, ok := able[device.Paper](b)
	if !ok {
		return device.ErrNotAble
	}
	return b.onLoop("paper", func() error {
		turn := func(to string, in bool) func() {
			do := func() {
				ctx := context.Background()
				if err := b.switched(ctx, "paper", to, func() error { return p.Paper(ctx, in) }); err != nil {
					_ = b.Fault("paper", err)
				}
			}
			if _, simulated := b.Loop.(*clock.Virtual); simulated {
				return do
			}
			return func() { go do() } // hands on a wire wait, and nothing may wait on the loop
		}
		b.Loop.AfterFunc(after, turn("out", false))
		b.Loop.AfterFunc(after+back, turn("in", true))
		return nil
	})
}

// Break makes a part of the register fail, or whole again, and records it.
func (b *Bench) Break(ctx context.Context, unit string, broken bool) error {
	d, ok := able[device.Breaker](b)
	if !ok {
		return device.ErrNotAble
	}
	to := "whole"
	if broken {
		to = "broken"
	}
	return b.switched(ctx, "unit:"+unit, to, func() error { return d.Break(ctx, unit, broken) })
}

// switched does something with the register from outside. Hands that hang on a
// wire write it down themselves; those inside this process do not.
func (b *Bench) switched(ctx context.Context, what, to string, do func() error) error {
	n := b.Log.View().Len()
	err := ctx.Err()
	if err == nil {
		err = do()
	}
	if err != nil {
		return gone(err)
	}
	v := b.Log.View()
	for i := n; i < v.Len(); i++ {
		e, _ := v.Get(history.Seq(i + 1))
		if s, ok := e.Body.(history.Switched); ok && s.What == what {
			return nil
		}
	}
	_, err = b.Log.Append(history.Control, history.Switched{What: what, To: to})
	return b.Fault("record", err)
}

// Type enters a setting: over the host line, or on the register itself where
// the host protocol has no such command and a control can.
func (b *Bench) Type(ctx context.Context, s fiscal.Setting, value string) (Taken, error) {
	op := fiscal.Op{Kind: fiscal.OpSetSetting, Setting: s, Value: value, As: fiscal.Role{Admin: true}}
	t, err := b.Do(ctx, op)
	if err != nil || t.Outcome.Got != fiscal.Unsupported {
		return t, err
	}
	d, ok := able[device.Setter](b)
	if !ok {
		return t, nil
	}
	b.n++
	op.ID = fiscal.OpID(fmt.Sprintf("%s/%d/%d", b.scenario, b.step, b.n))
	t = Taken{Op: op, Begun: b.Loop.Now()}
	intent, err := b.Log.Append(history.Control, history.Intent{Op: op})
	if err != nil {
		return t, b.Fault("record", err)
	}
	entered := b.Loop.Now()
	out, err := d.Set(ctx, op)
	if err != nil {
		return t, gone(err)
	}
	t.Outcome, t.Entered, t.Done = out, entered, b.Loop.Now()
	_, err = b.Log.Append(history.Control, history.Result{Op: op.ID, Outcome: out, Entered: entered, Done: t.Done}, intent)
	return t, b.Fault("record", err)
}

// Token is the token that the OFD's last answer carried: what an operator's
// cabinet would show. False while there was none.
func (b *Bench) Token() (uint32, bool) {
	v := b.Log.View()
	for n := history.Seq(v.Len()); n > 0; n-- {
		e, _ := v.Get(n)
		f, ok := e.Body.(history.Frame)
		if !ok || f.Dir != history.ToDevice {
			continue
		}
		if h, _, err := cpcr.DecodeResponse(f.Bytes); err == nil {
			return h.Token, true
		}
	}
	return 0, false
}

// TokenText is a token as it is typed.
func TokenText(t uint32) string { return strconv.FormatUint(uint64(t), 10) }

// MarkReports is the OFD's side of [Bench.MarkReports].
func (o *operator) MarkReports(off fiscal.Tiyn) error {
	return o.set("mark", ofd.Rule{Action: ofd.Action{ReportOff: off}})
}

// Set enters a setting on the emulated register's own keyboard.
func (e emulated) Set(ctx context.Context, op fiscal.Op) (fiscal.Outcome, error) {
	var out fiscal.Outcome
	done := false
	e.r.Do(op, func(p kkm.Reply) { out, done = p.Outcome, true })
	_, err := e.loop.Wait(ctx, e.loop.Now().Add(selfTest), func() bool { return done })
	return out, err
}

// Break makes a unit of the emulated register fail. Data are altered in its memory:
// in the middle of the last quarter, or of the first.
func (e emulated) Break(_ context.Context, unit string, broken bool) error {
	part := map[string]int{"data": 7, "data-old": 1}[unit]
	if part == 0 {
		e.r.Break(unit, broken)
		return nil
	}
	if broken {
		all, err := e.ram.Records()
		if err != nil {
			return err
		}
		e.altered[unit] = len(all) * part / 8
	}
	if !e.ram.Alter(e.altered[unit]) {
		return fmt.Errorf("record %d: the memory has none such", e.altered[unit])
	}
	return nil
}
