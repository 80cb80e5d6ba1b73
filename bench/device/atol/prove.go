package atol

import (
	"context"
	"errors"
	"fmt"

	"github.com/kkmtest/kkmtest/bench/device/atol/frame"
	"github.com/kkmtest/kkmtest/bench/device/line"
	"github.com/kkmtest/kkmtest/fiscal"
)

// ask sends a question, which may be repeated at will. read takes the answer apart.
func ask[A any](ctx context.Context, d *Driver, b *frame.Body, read func(f *frame.Fields) A) (A, error) {
	var none A
	cmd, err := b.Bytes()
	if err != nil {
		return none, line.Unablef("%v", err)
	}
	code := frame.Code(cmd[0])
	return line.Ask(ctx, d.l, func(ctx context.Context) (A, error) {
		f, err := d.carry(ctx, cmd, true, code.String())
		if err != nil {
			return none, err
		}
		a := read(f)
		switch {
		case f.Err() != nil:
			return none, line.Unreadable(code.String(), f.Err())
		case f.Left() > 0:
			return none, line.Unreadable(code.String(), fmt.Errorf("%d bytes more than it has", f.Left()))
		}
		return a, nil
	})
}

// effect sends a command that does something; see [line.Effect]. seen is false
// when it was executed and its answer never seen.
func (d *Driver) effect(ctx context.Context, w *line.Work, b *frame.Body, who string, prove line.Proof) (seen bool, err error) {
	cmd, err := b.Bytes()
	if err != nil {
		return false, line.Unablef("%v", err)
	}
	note := frame.Code(cmd[0]).String()
	if who != "" {
		note += ", password of " + who // whose, never which
	}
	_, seen, err = line.Effect(ctx, d.l, w, frame.Code(cmd[0]).String(), func(ctx context.Context) (*frame.Fields, error) {
		return d.carry(ctx, cmd, prove == nil, note)
	}, prove)
	var no *line.Refusal
	if prove == nil || !errors.As(err, &no) || frame.ClassOf(byte(no.Code)) != frame.ClassOperator {
		return seen, err
	}
	// Paper or mechanics may have failed before the command or behind it.
	v, text, e := prove(ctx)
	switch {
	case e != nil:
		return false, &line.Unsettled{Text: err.Error() + ", and the question what became of it failed: " + e.Error()}
	case v == line.Happened:
		w.Say(fmt.Sprintf("%v, and executed: %s", err, text))
		return true, nil
	}
	return seen, err
}

// carry sends a command and splits its answer. A refusal that may speak of a
// frame that was changed on its way is not believed at once: what was refused was
// not executed, so that the command may be sent again.
func (d *Driver) carry(ctx context.Context, cmd []byte, safe bool, note string) (*frame.Fields, error) {
	code := frame.Code(cmd[0])
	for again := false; ; again = true {
		ans, err := d.c.exchange(ctx, cmd, safe, note)
		if err != nil {
			return nil, err
		}
		f, err := take(code, ans)
		no, ok := err.(*line.Refusal)
		if !ok || again || !frame.Malformed(byte(no.Code)) {
			return f, err
		}
	}
}

// take splits an answer: a refusal is an error, an answer of another shape is no
// answer (5).
func take(code frame.Code, ans []byte) (*frame.Fields, error) {
	bad := func() error {
		return line.Unreadable(code.String(), fmt.Errorf("% X is no answer to this command", ans))
	}
	if len(ans) == 0 {
		return nil, bad()
	}
	refused := func(e byte) error {
		if !frame.Known(e) {
			return line.Unreadable(code.String(), fmt.Errorf("% X has an error code that no document names", ans))
		}
		return &line.Refusal{Command: code.String(), Code: int(e), Text: frame.ErrorText(e), Unsupported: e == frame.ErrUnable}
	}
	first := ans[0]
	switch {
	case code == frame.ShortStatus && first == 0x55 && len(ans) == 3,
		code == frame.FullStatus && first == 0x44,
		code == frame.CashSum && first == 0x4D:
		return frame.Read(ans[1:]), nil
	case code == frame.DeviceType && first == 0:
		return frame.Read(ans[1:]), nil
	case code == frame.DeviceType && first != 0x55:
		return nil, refused(first)
	case first != 0x55 || len(ans) < 2:
		return nil, bad()
	case !frame.Good(ans[1]):
		return nil, refused(ans[1])
	case code == frame.ShortStatus || code == frame.FullStatus || code == frame.DeviceType || code == frame.CashSum:
		return nil, bad()
	}
	return frame.Read(ans[2:]), nil
}

// enter brings the register into a mode (6). Leaving the mode before costs
// nothing and lets another password take effect.
func (d *Driver) enter(ctx context.Context, w *line.Work, mode byte, as identity) error {
	if d.mode != int(frame.ModeSelect) {
		if err := d.leave(ctx); err != nil {
			return err
		}
	}
	for again := false; ; again = true {
		d.mode = -1
		_, err := d.effect(ctx, w, frame.New(frame.EnterMode).Raw(mode).Num(int64(as.pw), 4), as.who, nil)
		if isMode(err) && !again { // it was entered already, and the answer was lost
			if err := d.leave(ctx); err != nil {
				return err
			}
			continue
		}
		if err == nil {
			d.mode = int(mode)
		}
		return err
	}
}

// within enters a mode and does what it is for. A register that lost its power
// in between has lost the mode too, and refuses what it would else take.
func (d *Driver) within(ctx context.Context, w *line.Work, mode byte, as identity, do func() error) error {
	d.l.Shaky = false
	if err := d.enter(ctx, w, mode, as); err != nil {
		return err
	}
	err := do()
	if !isMode(err) || !d.l.Shaky {
		return err
	}
	d.mode = -1
	if err := d.enter(ctx, w, mode, as); err != nil {
		return err
	}
	return do()
}

// isMode says whether a command was refused because of the mode.
func isMode(err error) bool {
	var no *line.Refusal
	return errors.As(err, &no) && byte(no.Code) == frame.ErrMode
}

// rest is all that remains of an answer.
func rest(f *frame.Fields) []byte { return f.Rest() }

// leave brings the register back to the selection of modes. An open receipt
// survives it.
func (d *Driver) leave(ctx context.Context) error {
	d.mode = -1
	_, err := ask(ctx, d, frame.New(frame.LeaveMode), rest)
	if isMode(err) {
		return nil // 1.4 and the service states cannot be left so
	}
	if err == nil {
		d.mode = int(frame.ModeSelect)
	}
	return err
}

// opened is the proof of 92h: a receipt of this type is open.
func (d *Driver) opened(typ byte) line.Proof {
	return func(ctx context.Context) (line.Verdict, string, error) {
		s, err := d.full(ctx)
		switch {
		case err != nil:
			return line.Unclear, "", err
		case s.receipt == typ && s.sum == 0:
			return line.Happened, "a receipt of this type is open", nil
		case s.receipt != 0:
			return line.Unclear, fmt.Sprintf("a receipt of type %d over %v is open", s.receipt, s.sum), nil
		default:
			return line.Undone, "no receipt is open", nil
		}
	}
}

// added is the proof of a line: the sum of the open receipt is the one before or
// the one after.
func (d *Driver) added(typ byte, before, adds fiscal.Tiyn) line.Proof {
	return func(ctx context.Context) (line.Verdict, string, error) {
		s, err := d.full(ctx)
		if err != nil {
			return line.Unclear, "", err
		}
		text := fmt.Sprintf("the receipt stands at %v, %v before the line", s.sum, before)
		switch {
		case s.receipt != typ:
			return line.Vanished, fmt.Sprintf("not registered: receipt of type %d, want %d", s.receipt, typ), nil
		case adds == 0:
			return line.Unclear, text, nil
		case s.sum == before+adds:
			return line.Happened, text, nil
		case s.sum == before:
			return line.Undone, text, nil
		default:
			return line.Unclear, text, nil
		}
	}
}

// paid is the proof of the first payment: sub-mode 1.4. Nothing tells how many
// payments were taken, so that a second one whose answer was lost stays open.
func (d *Driver) paid(first bool) line.Proof {
	return func(ctx context.Context) (line.Verdict, string, error) {
		s, err := d.short(ctx)
		switch {
		case err != nil:
			return line.Unclear, "", err
		case s.state == frame.StatePaying && first:
			return line.Happened, "payments are being taken", nil
		case s.state == frame.StatePaying:
			return line.Unclear, "which payments were taken is not told", nil
		case s.state == frame.ModeRegister && first:
			return line.Undone, "no payment was taken", nil
		default:
			return line.Vanished, fmt.Sprintf("not registered: state %02Xh", s.state), nil
		}
	}
}

// closed is the proof of 4Ah: no receipt is open and the counter of its type is
// one higher. A closed receipt and a counter that stood still means that the
// receipt is gone, not that it may be closed again.
func (d *Driver) closed(typ byte, base int64) line.Proof {
	return func(ctx context.Context) (line.Verdict, string, error) {
		s, err := d.full(ctx)
		if err != nil {
			return line.Unclear, "", err
		}
		now, err := d.count(ctx, typ)
		if err != nil {
			return line.Unclear, "", err
		}
		text := fmt.Sprintf("receipt of type %d open, counter of type %d went from %d to %d", s.receipt, typ, base, now)
		switch {
		case now == next(base) && s.receipt == 0:
			return line.Happened, text, nil
		case now == base && s.receipt == typ:
			return line.Undone, text, nil
		case now == base && s.receipt == 0:
			return line.Vanished, "not registered: " + text, nil
		default:
			return line.Unclear, text, nil
		}
	}
}

// next is the counter of four digits after n.
func next(n int64) int64 { return (n + 1) % 10000 }

// moved is the proof of a cash movement: the sum in the drawer (91h 0Ah).
func (d *Driver) moved(before, by fiscal.Tiyn) line.Proof {
	return func(ctx context.Context) (line.Verdict, string, error) {
		now, err := d.money(ctx, frame.RegCash, 7)
		text := fmt.Sprintf("cash in the drawer went from %v to %v", before, now)
		switch {
		case err != nil:
			return line.Unclear, "", err
		case now == before+by:
			return line.Happened, text, nil
		case now == before:
			return line.Undone, text, nil
		default:
			return line.Unclear, text, nil
		}
	}
}

// running is the proof of a report: its printing state. A report that is over
// leaves no trace that could be told from one that never began.
func (d *Driver) running(state byte) line.Proof {
	return func(ctx context.Context) (line.Verdict, string, error) {
		s, err := d.short(ctx)
		switch {
		case err != nil:
			return line.Unclear, "", err
		case s.state == state:
			return line.Happened, fmt.Sprintf("state %02Xh", s.state), nil
		default:
			return line.Unclear, fmt.Sprintf("state %02Xh tells nothing about the report", s.state), nil
		}
	}
}

// closing is the proof of a Z report: it is running, or one shift more is closed.
func (d *Driver) closing(before fullStatus) line.Proof {
	return func(ctx context.Context) (line.Verdict, string, error) {
		s, err := d.short(ctx)
		if err != nil {
			return line.Unclear, "", err
		}
		if s.state == frame.StateZPrinting || s.state == frame.StateClearing {
			return line.Happened, fmt.Sprintf("state %02Xh", s.state), nil
		}
		now, err := d.full(ctx)
		if err != nil {
			return line.Unclear, "", err
		}
		text := fmt.Sprintf("last closed shift %d before, %d now", before.lastClosed, now.lastClosed)
		switch {
		case now.lastClosed == next(before.lastClosed):
			return line.Happened, text, nil
		case now.lastClosed == before.lastClosed && now.shiftOpen() == before.shiftOpen():
			return line.Undone, text, nil
		default:
			return line.Unclear, text, nil
		}
	}
}
