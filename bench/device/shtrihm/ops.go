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
	w.addBlur(d.o.Latency, "port and adapter")
	var from []string
	for _, b := range w.blur {
		r.Blur += b.d
		from = append(from, fmt.Sprintf("%s %v", b.from, b.d))
	}
	r.Sources = strings.Join(from, "; ")
	return r
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
		if no.code == frame.ErrUnsupported || no.code == frame.ErrNoTable {
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
		fiscal.OpSetClock, fiscal.OpSetSetting:
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

func (d *Driver) perform(ctx context.Context, w *work) error {
	return &unable{"not yet"}
}
