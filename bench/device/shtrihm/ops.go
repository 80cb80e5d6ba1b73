package shtrihm

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/serialport"
	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

func isLost(err error) bool { return errors.Is(err, serialport.ErrLost) }

// work is one operation on its way.
type work struct {
	op  fiscal.Op
	out fiscal.Outcome
	pw  uint32 // password that the operation is asked for with
	aux uint32 // password of the questions around it
	who string // whose password, for notes

	// guard, if any, looks whether the register still is where the operation has
	// brought it; it runs before a command when the line had trouble. pre, if any,
	// is a question that must stand directly before the command.
	guard func(ctx context.Context) error
	pre   *frame.Body

	entered clock.Instant // the last byte of the operator's input had left
	done    clock.Instant
	blur    []blur
}

// blur is one source of uncertainty of a measured time.
type blur struct {
	d    time.Duration
	from string
}

func (w *work) addBlur(d time.Duration, from string) {
	if d > 0 {
		w.blur = append(w.blur, blur{d, from})
	}
}

// result is the event that follows the Intent.
func (w *work) result(d *Driver) history.Result {
	r := history.Result{Op: w.op.ID, Outcome: w.out, Entered: w.entered, Done: w.done}
	w.addBlur(d.l.byteTime, "one byte on the line")
	w.addBlur(d.latency(), "port and adapter")
	var from []string
	for _, b := range w.blur {
		r.Blur += b.d
		from = append(from, fmt.Sprintf("%s %v", b.from, b.d))
	}
	r.Sources = strings.Join(from, "; ")
	return r
}

// latency is how late a byte may be noticed: as told, or as the port knows.
func (d *Driver) latency() time.Duration {
	if p, ok := d.l.port.(interface{ Latency() time.Duration }); ok {
		return max(d.o.Latency, p.Latency())
	}
	return d.o.Latency
}

// refusal is an error code in an answer.
type refusal struct {
	cmd  frame.Code
	code byte
}

func (e *refusal) Error() string { return fmt.Sprintf("%v: %s", e.cmd, frame.ErrorText(e.code)) }

// unable is something that the protocol or the driver cannot express.
type unable struct{ text string }

func (e *unable) Error() string { return e.text }

// unsettled is an effect whose answer was lost and that the counters do not settle.
type unsettled struct {
	text string
	err  error // of the port, when the bench has lost it
}

func (e *unsettled) Error() string { return e.text }
func (e *unsettled) Unwrap() error { return e.err }

// run performs the operation and sorts what came of it: outcomes for what the
// device said or did not say, errors for what the bench could not do.
func (d *Driver) run(ctx context.Context, w *work) error {
	err := d.rolePassword(w)
	if err == nil {
		err = d.perform(ctx, w)
	}
	var no *refusal
	var cannot *unable
	var lost *unsettled
	var link *linkError
	switch {
	case err == nil:
		w.out.Got = fiscal.Done
	case errors.As(err, &no):
		w.out.Got, w.out.Code = fiscal.Refused, int(no.code)
		if no.code == frame.ErrUnsupported || no.code == frame.ErrNoTable && w.op.Kind == fiscal.OpSetSetting {
			w.out.Got = fiscal.Unsupported
		}
		w.addText(err.Error())
		w.done = d.loop.Now()
	case errors.As(err, &cannot):
		w.out.Got = fiscal.Unsupported
		w.addText(err.Error())
	case errors.As(err, &lost):
		w.out.Got = fiscal.Unknown
		w.addText(err.Error())
		return lost.err
	case errors.As(err, &link):
		w.out.Got = fiscal.Unknown
		w.addText(err.Error())
		return link.err
	default:
		w.out.Got = fiscal.Unknown
		return fmt.Errorf("shtrih-m: %w", err)
	}
	return nil
}

func (w *work) addText(s string) {
	if w.out.Text != "" {
		w.out.Text += "; "
	}
	w.out.Text += s
}

// needsAdmin says whose right an operation takes when the role is left open
// (5: administrator for X, Z and other reports, system administrator for
// tables and clock; both have the factory password of the system
// administrator's row on the line here).
func needsAdmin(k fiscal.OpKind) bool {
	switch k {
	case fiscal.OpXReport, fiscal.OpZReport, fiscal.OpReportCashiers, fiscal.OpReportSections,
		fiscal.OpArchive, fiscal.OpSetClock, fiscal.OpSetSetting:
		return true
	}
	return false
}

// rolePassword finds the password to send. An open role takes the right that
// the operation needs; a password in the role replaces what would be sent.
func (d *Driver) rolePassword(w *work) error {
	as := w.op.As
	admin := as.Admin || as == (fiscal.Role{}) && needsAdmin(w.op.Kind) || as.Password != "" && as.Cashier == 0 && needsAdmin(w.op.Kind) ||
		w.op.Kind == fiscal.OpSetSetting // the cashier of a setting is whom it is for
	if admin {
		w.pw, w.who = d.o.Passwords.Admin, "administrator"
	} else {
		n := max(as.Cashier, 1)
		if n > 28 {
			return &unable{fmt.Sprintf("cashier %d: the protocol has cashiers 1 to 28", n)}
		}
		w.pw, w.who = d.cashierPassword(n), fmt.Sprintf("cashier %d", n)
	}
	w.aux = w.pw
	if as.Password != "" {
		v, err := strconv.ParseUint(as.Password, 10, 32)
		if err != nil {
			return &unable{"the protocol carries a password as a number of 32 bits, the one given is not such a number"}
		}
		w.pw, w.aux, w.who = uint32(v), d.o.Passwords.Admin, w.who+" with another password"
	}
	return nil
}

func (d *Driver) cashierPassword(n int) uint32 {
	if p, ok := d.o.Passwords.Cashiers[n]; ok {
		return p
	}
	return uint32(n)
}

// perform sends what the operation needs.
func (d *Driver) perform(ctx context.Context, w *work) error {
	switch w.op.Kind {
	case fiscal.OpReceipt:
		return d.receipt(ctx, w)
	case fiscal.OpDeposit:
		return d.cash(ctx, w, frame.CashIn, regDeposits)
	case fiscal.OpWithdraw:
		return d.cash(ctx, w, frame.CashOut, regWithdrawals)
	case fiscal.OpXReport:
		return d.xReport(ctx, w)
	case fiscal.OpZReport:
		return d.zReport(ctx, w)
	case fiscal.OpReportSections:
		return d.printOnly(ctx, w, frame.New(frame.SectionReport).Password(w.pw))
	case fiscal.OpReportCashiers:
		return d.printOnly(ctx, w, frame.New(frame.CashierReport).Password(w.pw))
	case fiscal.OpCopy:
		return d.printOnly(ctx, w, frame.New(frame.RepeatReceipt).Password(w.pw))
	case fiscal.OpResend:
		return d.resend(ctx, w)
	case fiscal.OpArchive:
		return d.archive(ctx, w)
	case fiscal.OpTestPrint:
		return d.testPrint(ctx, w)
	case fiscal.OpSelfTest:
		return d.selfTest(ctx, w)
	case fiscal.OpCancel:
		return d.cancel(ctx, w, w.pw)
	case fiscal.OpSetClock:
		return d.setClock(ctx, w)
	case fiscal.OpSetSetting:
		return d.setSetting(ctx, w)
	default:
		return &unable{fmt.Sprintf("operation %q: not one that this driver knows", w.op.Kind)}
	}
}

func (d *Driver) cash(ctx context.Context, w *work, c frame.Code, reg byte) error {
	base, err := d.register(ctx, w.aux, reg)
	if err != nil {
		return err
	}
	f, err := d.effect(ctx, w, frame.New(c).Password(w.pw).Sum(int64(w.op.Cash)), d.counted(w.aux, reg, base))
	if err != nil {
		return err
	}
	if f != nil {
		f.Byte()
		w.out.Doc = f.Uint(2)
	}
	return d.finish(ctx, w, d.o.Timers.Print)
}

func (d *Driver) xReport(ctx context.Context, w *work) error {
	base, err := d.register(ctx, w.aux, regXReports)
	if err != nil {
		return err
	}
	if _, err := d.effect(ctx, w, frame.New(frame.XReport).Password(w.pw), d.counted(w.aux, regXReports, base)); err != nil {
		return err
	}
	return d.finish(ctx, w, d.o.Timers.Print)
}

func (d *Driver) zReport(ctx context.Context, w *work) error {
	before, err := d.fullStatus(ctx, w.aux)
	if err != nil {
		return err
	}
	if _, err := d.effect(ctx, w, frame.New(frame.ZReport).Password(w.pw), d.closedShift(w.aux, before)); err != nil {
		return err
	}
	return d.finish(ctx, w, d.o.Timers.PrintZ)
}

// printOnly is for documents that count nothing: a second copy does no harm
// beyond paper, so the register's NAK suffices to send the command again.
func (d *Driver) printOnly(ctx context.Context, w *work, b *frame.Body) error {
	if _, err := d.effect(ctx, w, b, nil); err != nil {
		return err
	}
	return d.finish(ctx, w, d.o.Timers.Print)
}

// trialText is what a trial print carries when the operation brings no text.
const trialText = "Пробная печать"

func (d *Driver) testPrint(ctx context.Context, w *work) error {
	text := or(w.op.Value, trialText)
	p, err := d.text(ctx, text, 40)
	if err != nil {
		return err
	}
	return d.printOnly(ctx, w, frame.New(frame.Line).Password(w.pw).Byte(rollReceipt).Text(p, 40))
}

// selfTestMinutes is the period of the test run; it is stopped after the first pass.
const selfTestMinutes = 1

func (d *Driver) selfTest(ctx context.Context, w *work) error {
	if _, err := d.effect(ctx, w, frame.New(frame.TestRun).Password(w.pw).Byte(selfTestMinutes), nil); err != nil {
		return err
	}
	st, err := d.status(ctx, w.aux)
	if err != nil {
		return err
	}
	if st.mode == frame.ModeTest {
		if _, err := d.ask(ctx, frame.New(frame.StopTest).Password(w.pw), w.who); err != nil {
			return err
		}
	}
	return d.finish(ctx, w, d.o.Timers.Print)
}

// setClock sends date, confirmation, then time (doubts.md 3) and reads the
// clock back. All three may be repeated: they set, they do not add.
func (d *Driver) setClock(ctx context.Context, w *work) error {
	t := w.op.Clock
	for _, b := range []*frame.Body{
		frame.New(frame.SetDate).Password(w.pw).Date(t),
		frame.New(frame.ConfirmDate).Password(w.pw).Date(t),
		frame.New(frame.SetTime).Password(w.pw).Time(t),
	} {
		if _, err := d.effect(ctx, w, b, nil); err != nil {
			return err
		}
	}
	w.done = d.loop.Now()
	st, err := d.fullStatus(ctx, w.aux)
	if err != nil {
		w.addText("the clock was not read back: " + err.Error())
		return nil
	}
	w.addText("the clock reads " + st.clock.Format("2006-01-02 15:04:05"))
	return nil
}

// cancel drops an open receipt.
func (d *Driver) cancel(ctx context.Context, w *work, pw uint32) error {
	_, err := d.effect(ctx, w, frame.New(frame.CancelReceipt).Password(pw), func(ctx context.Context) (verdict, string, error) {
		st, err := d.status(ctx, w.aux)
		if err != nil {
			return unclear, "", err
		}
		if st.mode == frame.ModeReceipt {
			return undone, "the receipt is still open", nil
		}
		return happened, "no receipt is open", nil
	})
	if err != nil {
		return err
	}
	d.open = nil
	w.done = d.loop.Now()
	return nil
}

// finish waits for the paper and asks for the numbers of the document. The
// effect has happened: what goes wrong here is told and does not undo it.
func (d *Driver) finish(ctx context.Context, w *work, limit time.Duration) error {
	w.done = d.loop.Now()
	if err := d.waitPaper(ctx, w, limit); err != nil {
		return d.told(w, "whether the paper has stopped is not known", err)
	}
	st, err := d.fullStatus(ctx, w.aux)
	if err != nil {
		return d.told(w, "the document number is not known", err)
	}
	if w.out.Doc == 0 {
		w.out.Doc = uint64(st.document)
	}
	w.out.Shift = uint64(st.lastClosed)
	if st.shiftOpen() {
		w.out.Shift++
	}
	return nil
}

// told keeps an error of the device in the text and hands on one of the bench.
func (d *Driver) told(w *work, what string, err error) error {
	var no *refusal
	var link *linkError
	if errors.As(err, &no) || errors.As(err, &link) {
		w.addText(what + ": " + err.Error())
		return nil
	}
	return err
}

// waitPaper asks until the sub-mode says that nothing prints (3.3).
func (d *Driver) waitPaper(ctx context.Context, w *work, limit time.Duration) error {
	until := d.loop.Now().Add(limit)
	for {
		before := d.loop.Now()
		if w.done.Mono != 0 && w.done.Mono < before.Mono {
			before = w.done
		}
		st, err := d.status(ctx, w.aux)
		if err != nil {
			return err
		}
		now := d.loop.Now()
		gap := now.Mono - before.Mono
		w.done = now
		switch {
		case st.sub == frame.SubReady || st.sub == frame.SubPaperPassive:
			w.addBlur(gap, "between two questions for the end of printing")
			return nil
		case now.Mono >= until.Mono:
			w.addBlur(gap, "between two questions for the end of printing")
			w.addText(fmt.Sprintf("registered; after %v the paper had not stopped (sub-mode %d)", limit, st.sub))
			return nil
		case st.sub == frame.SubPaperBack:
			if _, err := d.ask(ctx, frame.New(frame.ContinuePrint).Password(w.aux), w.who); err != nil {
				return err
			}
		}
		if err := d.l.sleep(ctx, d.o.Timers.Poll); err != nil {
			return err
		}
	}
}
