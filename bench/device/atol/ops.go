package atol

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/atol/frame"
	"github.com/kkmtest/kkmtest/bench/device/line"
	"github.com/kkmtest/kkmtest/fiscal"
)

// identity is with whose right a mode is entered.
type identity struct {
	pw  uint32
	who string // for notes
}

// modeOf is the mode that an operation needs (7).
func modeOf(k fiscal.OpKind) byte {
	switch k {
	case fiscal.OpXReport, fiscal.OpReportCashiers, fiscal.OpReportSections:
		return frame.ModeX
	case fiscal.OpZReport:
		return frame.ModeZ
	case fiscal.OpSetClock, fiscal.OpSetSetting:
		return frame.ModeProgram
	default:
		return frame.ModeRegister
	}
}

// as finds the password to enter a mode with. An open role takes the right that the
// mode needs; a password in the role replaces what would be sent.
func (d *Driver) as(op fiscal.Op) (identity, error) {
	r := op.As
	guarded := modeOf(op.Kind) != frame.ModeRegister
	var id identity
	if r.Admin || op.Kind == fiscal.OpSetSetting || guarded && r.Cashier == 0 {
		id = identity{d.o.Passwords.Admin, "administrator"}
	} else {
		n := max(r.Cashier, 1)
		if n > maxCashier {
			return id, line.Unablef("cashier %d: the protocol has cashiers 1 to %d", n, maxCashier)
		}
		id = identity{uint32(n), fmt.Sprintf("cashier %d", n)}
		if p, ok := d.o.Passwords.Cashiers[n]; ok {
			id.pw = p
		}
	}
	if r.Password == "" {
		return id, nil
	}
	v, err := strconv.ParseUint(r.Password, 10, 32)
	if err != nil || v > 99999999 {
		return id, line.Unablef("the protocol carries a password as eight digits, the one given is not such a number")
	}
	return identity{uint32(v), id.who + " with another password"}, nil
}

// perform sends what the operation needs.
func (d *Driver) perform(ctx context.Context, w *line.Work) error {
	id, err := d.as(w.Op)
	if err != nil {
		return err
	}
	switch w.Op.Kind {
	case fiscal.OpReceipt:
		err = d.receipt(ctx, w, id)
	case fiscal.OpDeposit:
		err = d.cash(ctx, w, id, frame.CashIn, w.Op.Cash)
	case fiscal.OpWithdraw:
		err = d.cash(ctx, w, id, frame.CashOut, -w.Op.Cash)
	case fiscal.OpXReport:
		err = d.report(ctx, w, id, frame.ReportDaily, d.running(frame.StateXPrinting))
	case fiscal.OpReportSections:
		err = d.report(ctx, w, id, frame.ReportSections, d.running(frame.StateXPrinting))
	case fiscal.OpReportCashiers:
		err = d.report(ctx, w, id, frame.ReportCashiers, d.running(frame.StateXPrinting))
	case fiscal.OpZReport:
		err = d.zReport(ctx, w, id)
	case fiscal.OpCopy:
		err = d.print(ctx, w, id, frame.New(frame.RepeatLast))
	case fiscal.OpTestPrint:
		err = d.testPrint(ctx, w, id)
	case fiscal.OpCancel:
		err = d.within(ctx, w, frame.ModeRegister, id, func() error { return d.cancel(ctx, w, nil) })
	case fiscal.OpSetClock:
		err = d.setClock(ctx, w, id)
	case fiscal.OpSetSetting:
		err = d.setSetting(ctx, w, id)
	case fiscal.OpSelfTest:
		return line.Unablef("no command of the protocol begins a self-test: switch the register off and on")
	default:
		return line.Unablef("operation %q: not one that this driver knows", w.Op.Kind)
	}
	if d.mode > 0 {
		entered, done := w.Entered, w.Done
		if e := w.Told("the mode was not left", d.leave(ctx)); e != nil {
			d.mode = -1
			err = errors.Join(err, e)
		}
		w.Entered, w.Done = entered, done
	}
	return err
}

// completed takes the moment when the register was ready to answer for the end of
// an operation, and waits while the register says that it has no paper: what it has registered
// is not handed over before.
func (d *Driver) completed(ctx context.Context, w *line.Work, seen bool) error {
	w.Done = d.l.Loop.Now()
	if at := d.c.answered(); seen && at.Mono >= w.Entered.Mono {
		w.Blur(w.Done.Mono-at.Mono, "reading the answer")
	}
	until := w.Done.Add(d.o.Timers.Report)
	for before := w.Done; ; {
		s, err := d.short(ctx)
		if err != nil {
			return w.Told("whether the paper is there is not known", err)
		}
		now := d.l.Loop.Now()
		switch {
		case s.flags&frame.FlagNoPaper == 0 && before.Mono == w.Done.Mono:
			return nil
		case s.flags&frame.FlagNoPaper == 0:
			w.Done = now
			w.Blur(now.Mono-before.Mono, "between two questions for the paper")
			return nil
		case now.Mono >= until.Mono:
			w.Done = now
			w.Say(fmt.Sprintf("registered; after %v there was no paper", d.o.Timers.Report))
			return nil
		}
		before = now
		if err := d.l.Sleep(ctx, d.o.Timers.Poll); err != nil {
			return err
		}
	}
}

// numbers asks for the numbers of the document. The effect has happened: what
// goes wrong here is told and does not undo it.
func (d *Driver) numbers(ctx context.Context, w *line.Work) error {
	s, err := d.full(ctx)
	if err != nil {
		return w.Told("the document number is not known", err)
	}
	w.Out.Doc, w.Out.Shift = uint64(s.number), uint64(s.lastClosed)
	if s.shiftOpen() {
		w.Out.Shift++
	}
	return nil
}

func (d *Driver) cash(ctx context.Context, w *line.Work, id identity, c frame.Code, by fiscal.Tiyn) error {
	b := frame.New(c).Raw(0).Sum(int64(w.Op.Cash))
	if _, err := b.Bytes(); err != nil {
		return line.Unablef("%v", err)
	}
	return d.within(ctx, w, frame.ModeRegister, id, func() error {
		before, err := d.money(ctx, frame.RegCash, 7)
		if err != nil {
			return err
		}
		seen, err := d.effect(ctx, w, b, "", d.moved(before, by))
		if err != nil {
			return err
		}
		if err := d.completed(ctx, w, seen); err != nil {
			return err
		}
		return d.numbers(ctx, w)
	})
}

// print is for documents that count nothing: a second copy does no harm beyond paper.
func (d *Driver) print(ctx context.Context, w *line.Work, id identity, b *frame.Body) error {
	return d.within(ctx, w, frame.ModeRegister, id, func() error {
		seen, err := d.effect(ctx, w, b, "", nil)
		if err == nil {
			err = d.completed(ctx, w, seen)
		}
		return err
	})
}

// trialText is what a trial print carries when the operation brings no text.
const trialText = "Пробная печать"

func (d *Driver) testPrint(ctx context.Context, w *line.Work, id identity) error {
	text, err := d.text(ctx, line.Or(w.Op.Value, trialText))
	if err != nil {
		return err
	}
	return d.print(ctx, w, id, frame.New(frame.Text).Raw(text...))
}

// report prints a report without reset and waits for its end (7.4).
func (d *Driver) report(ctx context.Context, w *line.Work, id identity, kind byte, prove line.Proof) error {
	err := d.within(ctx, w, frame.ModeX, id, func() error {
		_, err := d.effect(ctx, w, frame.New(frame.Report).Raw(kind), "", prove)
		return err
	})
	if err != nil {
		return err
	}
	s, err := d.while(ctx, w, d.o.Timers.Report, frame.StateXPrinting)
	switch {
	case err != nil:
		return err
	case s.state == frame.StateXPrinting:
		w.Say(fmt.Sprintf("after %v the report was still printing", d.o.Timers.Report))
	case s.state != frame.ModeX:
		return &line.Unsettled{Text: fmt.Sprintf("the report was broken off in state %02Xh", s.state)}
	case s.flags&frame.FlagNoPaper != 0:
		return &line.Refusal{Command: frame.Report.String(), Code: int(frame.ErrNoPaper), Text: "no paper: the report was broken off"}
	case s.flags&frame.FlagNoPrinter != 0:
		return &line.Refusal{Command: frame.Report.String(), Code: 0x68, Text: "no printer: the report was broken off"}
	}
	return nil
}

// while asks for the state until it is none of those given. The first answer
// counts from the end of the command, since a register of level 3 answers a report when it is done.
func (d *Driver) while(ctx context.Context, w *line.Work, limit time.Duration, states ...byte) (shortStatus, error) {
	until := d.l.Loop.Now().Add(limit)
	last := w.Entered
	if at := d.c.answered(); at.Mono > last.Mono {
		last = at
	}
	for {
		s, err := d.short(ctx)
		if err != nil {
			return s, err
		}
		now := d.l.Loop.Now()
		busy := false
		for _, x := range states {
			busy = busy || s.state == x
		}
		if !busy || now.Mono >= until.Mono {
			w.Done = now
			w.Blur(now.Mono-last.Mono, "between two questions for the end of the report")
			return s, nil
		}
		last = now
		if err := d.l.Sleep(ctx, d.o.Timers.Poll); err != nil {
			return s, err
		}
	}
}

// zReport closes the shift and waits for its end: 23h while it prints, 17h while
// it clears (7.4). Which shift was closed last settles what came of it.
func (d *Driver) zReport(ctx context.Context, w *line.Work, id identity) error {
	before, err := d.full(ctx)
	if err != nil {
		return err
	}
	if err := d.within(ctx, w, frame.ModeZ, id, func() error {
		_, err := d.effect(ctx, w, frame.New(frame.ZReport), "", d.closing(before))
		return err
	}); err != nil {
		return err
	}
	s, err := d.while(ctx, w, d.o.Timers.ZReport, frame.StateZPrinting, frame.StateClearing)
	if err != nil {
		return &line.Unsettled{Text: "the Z report began, its end was not seen: " + err.Error(), Err: portLoss(err)}
	}
	now, err := d.full(ctx)
	if err != nil {
		return &line.Unsettled{Text: "the Z report began, its end was not seen: " + err.Error(), Err: portLoss(err)}
	}
	w.Out.Doc, w.Out.Shift = uint64(now.number), uint64(now.lastClosed)
	text := fmt.Sprintf("last closed shift %d before, %d now, state %02Xh", before.lastClosed, now.lastClosed, s.state)
	switch {
	case now.lastClosed == next(before.lastClosed):
		return nil
	case s.state == frame.StateZPrinting || s.state == frame.StateClearing:
		return &line.Unsettled{Text: fmt.Sprintf("the Z report was not finished after %v: %s", d.o.Timers.ZReport, text)}
	case now.lastClosed == before.lastClosed:
		return &line.Refusal{Command: frame.ZReport.String(), Text: "the report ended and the shift was not closed: " + text}
	default:
		return &line.Unsettled{Text: text}
	}
}

// portLoss is the error of the port in err, nil when the register was only silent.
func portLoss(err error) error {
	var e *line.LinkError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// setClock sends the date, once more when the register asks for that, then the
// time, and reads the clock back (7.2). All may be repeated: they set, they do not add.
func (d *Driver) setClock(ctx context.Context, w *line.Work, id identity) error {
	t := w.Op.Clock
	err := d.within(ctx, w, frame.ModeProgram, id, func() error {
		date := frame.New(frame.SetDate).Date(t)
		_, err := d.effect(ctx, w, date, "", nil)
		var no *line.Refusal
		if errors.As(err, &no) && byte(no.Code) == frame.ErrConfirmDate {
			_, err = d.effect(ctx, w, date, "", nil)
		}
		if err != nil {
			return err
		}
		_, err = d.effect(ctx, w, frame.New(frame.SetTime).Time(t), "", nil)
		return err
	})
	if err != nil {
		return err
	}
	w.Done = d.l.Loop.Now()
	s, err := d.full(ctx)
	if err != nil {
		return w.Told("the clock was not read back", err)
	}
	w.Say("the clock reads " + s.clock.Format("2006-01-02 15:04:05"))
	return nil
}

// place is where a setting lies (7.2).
func place(s fiscal.Setting, cashier int) (table byte, row int, field byte, err error) {
	switch s {
	case fiscal.SetOFDHost:
		return frame.TableOFD, 1, frame.FieldOFDHost, nil
	case fiscal.SetOFDPort:
		return frame.TableOFD, 1, frame.FieldOFDPort, nil
	case fiscal.SetCashierPassword:
		if n := max(cashier, 1); n <= maxCashier {
			return frame.TablePasswords, n, 1, nil
		}
		return 0, 0, 0, line.Unablef("cashier %d: the protocol has cashiers 1 to %d", cashier, maxCashier)
	case fiscal.SetToken:
		return 0, 0, 0, line.Unablef("no source tells how the token is set over this protocol: set it on the register")
	}
	return 0, 0, 0, line.Unablef("setting %q: not one that this driver knows", s)
}

func tableField(c frame.Code, table byte, row int, field byte) *frame.Body {
	return frame.New(c).Num(int64(table), 1).Num(int64(row), 2).Num(int64(field), 1)
}

// read reads a field of a table and makes a setting of it.
func (d *Driver) read(ctx context.Context, s fiscal.Setting) (string, error) {
	table, row, field, err := place(s, 0)
	if err != nil {
		return "", err
	}
	p, err := ask(ctx, d, tableField(frame.ReadTable, table, row, field), rest)
	if err != nil {
		return "", err
	}
	if s == fiscal.SetOFDHost {
		v := strings.TrimRight(frame.Decode866(p), " \x00")
		if v == "" || net.ParseIP(v) == nil && strings.ContainsFunc(v, func(r rune) bool {
			return r != '.' && r != '-' && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r))
		}) {
			return "", line.Unablef("table %d, row 1, field %d reads % X: no address of an OFD", table, field, p)
		}
		return v, nil
	}
	r := frame.Read(p)
	n := r.Num(len(p))
	if r.Err() != nil || len(p) == 0 || len(p) > 4 || n < 1 || n > 65535 {
		return "", line.Unablef("table %d, row 1, field %d reads % X: no port", table, field, p)
	}
	return strconv.FormatInt(n, 10), nil
}

// setSetting writes a field of a table (50h). The address of the OFD is written
// only where one is read back: the place has a single source.
func (d *Driver) setSetting(ctx context.Context, w *line.Work, id identity) error {
	s := w.Op.Setting
	table, row, field, err := place(s, w.Op.As.Cashier)
	if err != nil {
		return err
	}
	b := tableField(frame.WriteTable, table, row, field)
	switch s {
	case fiscal.SetOFDHost:
		p, err := frame.Encode866(w.Op.Value)
		if err != nil {
			return line.Unablef("%v", err)
		}
		b.Raw(p...)
	default:
		n, err := strconv.ParseUint(w.Op.Value, 10, 31)
		if err != nil {
			return line.Unablef("the field takes a number, the value given is none")
		}
		size := 4
		if s == fiscal.SetOFDPort {
			size = 3
		}
		b.Num(int64(n), size)
	}
	if _, err := b.Bytes(); err != nil {
		return line.Unablef("the field takes a smaller number than the one given")
	}
	err = d.within(ctx, w, frame.ModeProgram, id, func() error {
		if s != fiscal.SetCashierPassword {
			if _, err := d.read(ctx, s); err != nil {
				return err
			}
		}
		_, err := d.effect(ctx, w, b, "", nil)
		return err
	})
	w.Done = d.l.Loop.Now()
	return noTable(err)
}

// noTable makes a missing place of a refusal.
func noTable(err error) error {
	var no *line.Refusal
	if errors.As(err, &no) {
		switch byte(no.Code) {
		case frame.ErrTable, frame.ErrRow, frame.ErrField:
			no.Unsupported = true
		}
	}
	return err
}

func (d *Driver) setting(ctx context.Context, s fiscal.Setting) (string, error) {
	if s != fiscal.SetOFDHost && s != fiscal.SetOFDPort {
		return "", device.ErrNotAble
	}
	w := &line.Work{}
	var v string
	err := d.within(ctx, w, frame.ModeProgram, identity{d.o.Passwords.Admin, "administrator"}, func() (err error) {
		v, err = d.read(ctx, s)
		return err
	})
	err = errors.Join(noTable(err), w.Told("", d.leave(ctx)))
	var no *line.Refusal
	var cannot *line.Unable
	if errors.As(err, &cannot) || errors.As(err, &no) && no.Unsupported {
		return "", fmt.Errorf("%w: %w", device.ErrNotAble, err)
	}
	return v, err
}
