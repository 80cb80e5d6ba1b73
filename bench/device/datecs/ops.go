package datecs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/datecs/frame"
	"github.com/kkmtest/kkmtest/bench/device/line"
	"github.com/kkmtest/kkmtest/fiscal"
)

// operator is with whose right a receipt is opened.
type operator struct {
	number int
	pw     string
	who    string // for notes
	guess  bool   // the password is the factory's, nobody has told it
}

// as finds operator and password. A password in the role replaces what would be sent.
func (d *Driver) as(r fiscal.Role, own bool) (operator, error) {
	n := max(r.Cashier, 1)
	if r.Admin {
		n = line.Or(d.o.Passwords.Admin, 20)
		if own {
			n = line.Or(d.o.Passwords.Admin, 30)
		}
	}
	if n > maxOperator {
		return operator{}, line.Unablef("operator %d: the protocol has operators 1 to %d", n, maxOperator)
	}
	o := operator{n, factoryPassword, fmt.Sprintf("operator %d", n), true}
	if p, ok := d.pw[n]; ok {
		o.pw, o.guess = p, false
	}
	if r.Password != "" {
		o.pw, o.who, o.guess = r.Password, o.who+" with another password", false
		for len(o.pw) < 4 {
			o.pw = "0" + o.pw
		}
		if !isPassword(o.pw) {
			return operator{}, line.Unablef("the protocol carries a password as 4 to 8 digits, the one given is not such a number")
		}
	}
	return o, nil
}

// factoryPassword is what every operator has until another one is programmed (7).
const factoryPassword = "0000"

// let says how an operator whose password nobody has told was received: a
// refusal may be about the guess, proves nothing about the register, and is not
// tried a second time, because three of them lock it.
type let uint8

const (
	untried let = iota
	letIn
	shutOut
)

// mostWrong is how many passwords may be refused before no other is tried that
// might be wrong: a third one locks the register until it is switched off (7).
const mostWrong = 2

// dare says whether a password that was given on purpose may still be tried.
func (d *Driver) dare(r fiscal.Role) error {
	if r.Password != "" && d.wrong >= mostWrong {
		return line.Unablef("%d passwords were refused already: a third one may lock the register", d.wrong)
	}
	return nil
}

// guarded refuses what a command without operator and password cannot say.
func guarded(w *line.Work, cmd string) error {
	switch as := w.Op.As; {
	case as.Password != "":
		return line.Unablef("%s: the command carries no password", cmd)
	case as.Cashier > 1 && w.Op.Kind != fiscal.OpSetSetting:
		return line.Unablef("%s: the command carries no operator, %d cannot be told", cmd, as.Cashier)
	}
	return nil
}

// perform sends what the operation needs.
func (d *Driver) perform(ctx context.Context, w *line.Work) error {
	if err := d.baseline(ctx); err != nil {
		return err
	}
	p := d.o.Family == frame.P
	switch w.Op.Kind {
	case fiscal.OpReceipt:
		return d.receipt(ctx, w)
	case fiscal.OpCancel:
		return d.cancel(ctx, w)
	case fiscal.OpDeposit:
		return d.cash(ctx, w, w.Op.Cash)
	case fiscal.OpWithdraw:
		return d.cash(ctx, w, -w.Op.Cash)
	case fiscal.OpXReport:
		return d.report(ctx, w, frame.DailyReport, pick(p, "2", "X\t"))
	case fiscal.OpZReport:
		return d.zReport(ctx, w)
	case fiscal.OpReportSections:
		return d.report(ctx, w, pick(p, frame.Departments, frame.DailyReport), pick(p, "2", "D\t"))
	case fiscal.OpReportCashiers:
		return d.report(ctx, w, frame.Operators, pick(p, "", fmt.Sprintf("1\t%d\t0\t", maxOperator)))
	case fiscal.OpCopy:
		return d.report(ctx, w, frame.Copy, pick(p, "1", "1\t"))
	case fiscal.OpTestPrint:
		return d.testPrint(ctx, w)
	case fiscal.OpSelfTest:
		if !p {
			return line.Unablef("%s: no source tells which types of diagnostics family X has", d.o.Family.Name(frame.Diagnostics))
		}
		return d.report(ctx, w, frame.Diagnostics, "")
	case fiscal.OpSetClock:
		return d.setClock(ctx, w)
	case fiscal.OpSetSetting:
		return d.setSetting(ctx, w)
	default:
		return line.Unablef("operation %q: not one that this driver knows", w.Op.Kind)
	}
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// finish waits for the paper and asks for the number of the document. The effect
// has happened: what goes wrong here is told and does not undo it.
func (d *Driver) finish(ctx context.Context, w *line.Work, seen bool) error {
	at := d.c.ready
	w.Done = d.l.Loop.Now()
	if err := d.awaitPaper(ctx, w); err != nil {
		return w.Told("whether the paper is there is not known", err)
	}
	if d.o.Family == frame.P {
		// W lets the answer wait for the end of printing.
		_, err := ask(ctx, d, frame.GetStatus, []byte("W"), func(r reply) (struct{}, error) { return struct{}{}, nil })
		if err != nil {
			return w.Told("whether the paper has stopped is not known", err)
		}
		at = d.c.ready
		w.Done = d.l.Loop.Now()
	}
	if seen && at.Mono >= w.Entered.Mono {
		w.Blur(w.Done.Mono-at.Mono, "reading the answer")
	}
	n, err := d.document(ctx)
	if err != nil {
		return w.Told("the document number is not known", err)
	}
	w.Out.Doc = n
	closure, err := d.closure(ctx)
	if err != nil {
		return w.Told("the number of the shift is not known", err)
	}
	w.Out.Shift = closure
	if w.Op.Kind != fiscal.OpZReport {
		w.Out.Shift++
	}
	return nil
}

// awaitPaper waits while the register says that it has no paper: what it has
// registered is not handed over before.
func (d *Driver) awaitPaper(ctx context.Context, w *line.Work) error {
	until := d.l.Loop.Now().Add(d.o.Timers.Receipt)
	for before := w.Done; ; {
		out, err := ask(ctx, d, frame.GetStatus, nil, func(r reply) (bool, error) { return frame.NoPaper(r.status), nil })
		if err != nil {
			return err
		}
		now := d.l.Loop.Now()
		switch {
		case !out && before.Mono == w.Done.Mono:
			return nil
		case !out:
			w.Done = now
			w.Blur(now.Mono-before.Mono, "between two questions for the paper")
			return nil
		case now.Mono >= until.Mono:
			w.Done = now
			w.Say(fmt.Sprintf("registered; after %v there was no paper", d.o.Timers.Receipt))
			return nil
		}
		before = now
		if err := d.l.Sleep(ctx, paperPoll); err != nil {
			return err
		}
	}
}

// paperPoll is the pause between two questions for the paper.
const paperPoll = 200 * time.Millisecond

func (d *Driver) cash(ctx context.Context, w *line.Work, by fiscal.Tiyn) error {
	if err := guarded(w, d.o.Family.Name(frame.Money)); err != nil {
		return err
	}
	if w.Op.Cash <= 0 {
		return line.Unablef("%s of %v: an amount of nothing asks for the drawer", w.Op.Kind, w.Op.Cash)
	}
	data := []byte(by.String())
	if d.o.Family == frame.X {
		data = d.o.Family.Join(pick(by > 0, "0", "1"), w.Op.Cash.String())
	}
	before, err := d.drawer(ctx)
	if err != nil {
		return err
	}
	r, seen, err := d.effect(ctx, w, frame.Money, data, "", d.moved(before, by))
	if err != nil {
		return err
	}
	if seen {
		ok, _, err := d.moneyOf(r)
		if err != nil {
			return line.Unreadable(d.o.Family.Name(frame.Money), err)
		}
		if !ok {
			return d.explain(ctx, &line.Refusal{Command: d.o.Family.Name(frame.Money), Code: frame.Code(r.status), Text: "denied (F)"})
		}
	}
	return d.finish(ctx, w, seen)
}

// report prints something that counts nothing.
func (d *Driver) report(ctx context.Context, w *line.Work, cmd byte, data string) error {
	if err := guarded(w, d.o.Family.Name(cmd)); err != nil {
		return err
	}
	_, seen, err := d.effect(ctx, w, cmd, []byte(data), "", unproved)
	if err != nil {
		return err
	}
	return d.finish(ctx, w, seen)
}

func (d *Driver) zReport(ctx context.Context, w *line.Work) error {
	if err := guarded(w, d.o.Family.Name(frame.DailyReport)); err != nil {
		return err
	}
	before, err := d.closure(ctx)
	if err != nil {
		return err
	}
	_, seen, err := d.effect(ctx, w, frame.DailyReport, []byte(pick(d.o.Family == frame.P, "0", "Z\t")), "", d.closing(before))
	if err != nil {
		return err
	}
	return d.finish(ctx, w, seen)
}

// trialText is what a trial print carries when the operation brings no text.
const trialText = "Пробная печать"

// testPrint prints a service receipt, which is never fiscal.
func (d *Driver) testPrint(ctx context.Context, w *line.Work) error {
	if err := guarded(w, d.o.Family.Name(frame.OpenService)); err != nil {
		return err
	}
	if _, err := d.own(ctx); err != nil {
		return err
	}
	text, err := d.text(line.Or(w.Op.Value, trialText))
	if err != nil {
		return err
	}
	for i, c := range []struct {
		cmd  byte
		data []byte
	}{{frame.OpenService, d.o.Family.Join(pick[[]string](d.o.Family == frame.X, []string{""}, nil)...)}, {frame.ServiceText, d.textFields(text)}, {frame.CloseService, d.o.Family.Join(pick[[]string](d.o.Family == frame.X, []string{""}, nil)...)}} {
		_, seen, err := d.effect(ctx, w, c.cmd, c.data, "", nil)
		if err != nil {
			return err
		}
		if i == 2 {
			return d.finish(ctx, w, seen)
		}
	}
	return nil
}

// textFields are the data of a line of text: with fonts on X.
func (d *Driver) textFields(text []byte) []byte {
	if d.o.Family == frame.P {
		return text
	}
	return d.o.Family.Join(string(text), "", "", "", "", "")
}

// setClock sets date and time at once and reads them back.
func (d *Driver) setClock(ctx context.Context, w *line.Work) error {
	if err := guarded(w, d.o.Family.Name(frame.SetClock)); err != nil {
		return err
	}
	if _, _, err := d.effect(ctx, w, frame.SetClock, d.o.Family.Join(w.Op.Clock.Format(clockLayout)), "", nil); err != nil {
		return err
	}
	w.Done = d.l.Loop.Now()
	t, err := d.clock(ctx)
	if err != nil {
		return w.Told("the clock was not read back", err)
	}
	w.Say("the clock reads " + t.Format("2006-01-02 15:04:05"))
	return nil
}

// ownNames are the settings that only the bench's own register has, by command 255.
var ownNames = map[fiscal.Setting]string{fiscal.SetOFDHost: "KKMTEST_OFD_HOST", fiscal.SetOFDPort: "KKMTEST_OFD_PORT"}

func noCommand(s fiscal.Setting) error {
	return line.Unablef("setting %q: no command of a public edition reaches it: set it on the register", s)
}

func (d *Driver) setSetting(ctx context.Context, w *line.Work) error {
	own, err := d.own(ctx)
	if err != nil {
		return err
	}
	s := w.Op.Setting
	if s == fiscal.SetCashierPassword {
		return d.setPassword(ctx, w, own)
	}
	name, ok := ownNames[s]
	if !ok || !own {
		return noCommand(s)
	}
	if err := guarded(w, d.o.Family.Name(frame.Setting)); err != nil {
		return err
	}
	value, err := d.text(w.Op.Value)
	if err != nil {
		return err
	}
	_, _, err = d.effect(ctx, w, frame.Setting, d.o.Family.Join(name, "0", string(value)), "", nil)
	w.Done = d.l.Loop.Now()
	return err
}

// setPassword changes the password of an operator (101), who has to give the old one.
func (d *Driver) setPassword(ctx context.Context, w *line.Work, own bool) error {
	if w.Op.As.Password != "" {
		return line.Unablef("%s: the command carries the operator's old password and no other", d.o.Family.Name(frame.SetPassword))
	}
	o, err := d.as(fiscal.Role{Cashier: w.Op.As.Cashier}, own)
	if err != nil {
		return err
	}
	for _, c := range w.Op.Value {
		if c < '0' || c > '9' {
			return line.Unablef("the protocol carries a password as digits, the one given is not a number")
		}
	}
	_, _, err = d.effect(ctx, w, frame.SetPassword, d.o.Family.Join(strconv.Itoa(o.number), o.pw, w.Op.Value), o.who, nil)
	w.Done = d.l.Loop.Now()
	if err == nil {
		d.pw[o.number] = w.Op.Value
	}
	return err
}

func (d *Driver) setting(ctx context.Context, s fiscal.Setting) (string, error) {
	own, err := d.own(ctx)
	if err != nil {
		return "", err
	}
	name, ok := ownNames[s]
	if !ok || !own {
		return "", fmt.Errorf("%w: %w", device.ErrNotAble, noCommand(s))
	}
	data := d.o.Family.Join(name, "0")
	if d.o.Family == frame.X {
		data = d.o.Family.Join(name, "0", "")
	}
	v, err := ask(ctx, d, frame.Setting, data, func(r reply) (string, error) { return d.decode(r.at(0)), nil })
	var no *line.Refusal
	if errors.As(err, &no) {
		return "", fmt.Errorf("%w: %w", device.ErrNotAble, err)
	}
	return strings.TrimSpace(v), err
}
