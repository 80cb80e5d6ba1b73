package datecs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/device/datecs/frame"
	"github.com/kkmtest/kkmtest/bench/device/line"
	"github.com/kkmtest/kkmtest/fiscal"
)

// reply is an answer that was not a refusal, taken apart.
type reply struct {
	fields []string // on X without the error code
	status []byte
}

// at is a field, empty when there are fewer.
func (r reply) at(i int) string {
	if i < len(r.fields) {
		return r.fields[i]
	}
	return ""
}

func (d *Driver) limit(cmd byte) time.Duration {
	switch cmd {
	case frame.DailyReport, frame.Departments, frame.Operators, frame.Diagnostics:
		return d.o.Timers.Report
	}
	return d.o.Timers.Receipt
}

// carry sends a command once and splits its answer. A refusal that comes after a
// repetition may be about the repetition: the register may have executed the
// command, lost its memory of it, and now found it out of place.
func (d *Driver) carry(ctx context.Context, cmd byte, data []byte, note string, prove bool) (reply, error) {
	a, err := d.c.exchange(ctx, cmd, data, note, d.limit(cmd))
	if err != nil {
		return reply{}, err
	}
	r, err := d.take(cmd, a)
	var no *line.Refusal
	if a.repeated && prove && errors.As(err, &no) {
		return reply{}, &line.LinkError{What: line.Garbled, Command: d.o.Family.Name(cmd), Sent: true, Text: "refused after a repetition: " + no.Text}
	}
	return r, err
}

// take tells a refusal from an answer (6, 7, 9). On X the code in the first field
// counts, on P the status.
func (d *Driver) take(cmd byte, a answer) (reply, error) {
	name := d.o.Family.Name(cmd)
	fields := d.o.Family.Fields(a.data)
	if d.o.Family == frame.X {
		code, err := strconv.Atoi(fields[0])
		switch {
		case err != nil:
			return reply{}, line.Unreadable(name, fmt.Errorf("error code %q", fields[0]))
		case code != 0:
			return reply{}, &line.Refusal{Command: name, Code: code, Text: "error " + fields[0], Unsupported: a.status[0]&frame.S0Command != 0}
		}
		fields = fields[1:]
	}
	if frame.Refused(a.status) {
		return reply{}, &line.Refusal{Command: name, Code: frame.Code(a.status), Text: frame.StatusText(a.status), Unsupported: a.status[0]&frame.S0Command != 0}
	}
	return reply{fields, a.status}, nil
}

// ask sends a question, which may be repeated at will, and reads its answer.
func ask[A any](ctx context.Context, d *Driver, cmd byte, data []byte, read func(r reply) (A, error)) (A, error) {
	return line.Ask(ctx, d.l, func(ctx context.Context) (A, error) {
		r, err := d.carry(ctx, cmd, data, d.o.Family.Name(cmd), false)
		if err != nil {
			var none A
			return none, err
		}
		a, err := read(r)
		var cannot *line.Unable
		if err != nil && !errors.As(err, &cannot) {
			err = line.Unreadable(d.o.Family.Name(cmd), err)
		}
		return a, err
	})
}

// effect sends a command that does something; see [line.Effect]. A command that
// was cancelled for want of paper was not executed, but a register may also
// find the paper gone after it has executed one: the proof tells which.
func (d *Driver) effect(ctx context.Context, w *line.Work, cmd byte, data []byte, who string, prove line.Proof) (reply, bool, error) {
	note := d.o.Family.Name(cmd)
	if who != "" {
		note += ", password of " + who // whose, never which
	}
	r, seen, err := line.Effect(ctx, d.l, w, d.o.Family.Name(cmd), func(ctx context.Context) (reply, error) {
		return d.carry(ctx, cmd, data, note, prove != nil)
	}, prove)
	if err != nil || !seen || !frame.NoPaper(r.status) {
		return r, seen, d.explain(ctx, err)
	}
	if prove != nil {
		v, _, err := prove(ctx)
		if err != nil {
			return r, false, &line.Unsettled{Text: "no paper, and the question what became of " + d.o.Family.Name(cmd) + " failed: " + err.Error()}
		}
		if v == line.Happened {
			return r, true, nil
		}
	}
	return r, false, &line.Refusal{Command: d.o.Family.Name(cmd), Code: frame.Code(r.status), Text: "no paper"}
}

// explain adds the register's own words to a refusal (32 on P, 100 on X). A
// register that has none leaves it as it is.
func (d *Driver) explain(ctx context.Context, err error) error {
	var no *line.Refusal
	if !errors.As(err, &no) || no.Unsupported {
		return err
	}
	cmd, data, at := frame.LastError, []byte(nil), 3
	if d.o.Family == frame.X {
		cmd, data, at = frame.ExplainError, d.o.Family.Join(strconv.Itoa(no.Code)), 1
	}
	text, e := ask(ctx, d, cmd, data, func(r reply) (string, error) {
		if len(r.fields) <= at {
			return "", nil
		}
		return d.decode(strings.Join(r.fields[at:], ",")), nil
	})
	if e == nil && strings.TrimSpace(text) != "" {
		no.Text += ": " + strings.TrimSpace(text)
	}
	return err
}

// stateOf is 76: the receipt that is open or was the last one.
type stateOf struct {
	open   bool
	number uint64 // X only
	items  int
	sum    fiscal.Tiyn
	paid   fiscal.Tiyn
}

func (d *Driver) receiptState(ctx context.Context) (stateOf, error) {
	data := []byte("T")
	if d.o.Family == frame.X {
		data = nil
	}
	return ask(ctx, d, frame.ReceiptStatus, data, func(r reply) (s stateOf, err error) {
		f := r.fields
		if d.o.Family == frame.X {
			if len(f) < 5 {
				return s, fmt.Errorf("%d fields, want 5", len(f))
			}
			if s.number, err = strconv.ParseUint(f[1], 10, 64); err != nil {
				return s, err
			}
			f = append([]string{f[0]}, f[2:]...)
		}
		if len(f) < 4 {
			return s, fmt.Errorf("%d fields, want 4", len(f))
		}
		kind, err := strconv.Atoi(f[0])
		if err != nil {
			return s, err
		}
		if s.items, err = strconv.Atoi(f[1]); err != nil {
			return s, err
		}
		sum, err := frame.Amount(f[2])
		if err != nil {
			return s, err
		}
		paid, err := frame.Amount(f[3])
		s.open, s.sum, s.paid = kind != 0, fiscal.Tiyn(sum), fiscal.Tiyn(paid)
		return s, err
	})
}

// document is the number of the last document: 113 on P, that of 76 on X.
func (d *Driver) document(ctx context.Context) (uint64, error) {
	if d.o.Family == frame.X {
		s, err := d.receiptState(ctx)
		return s.number, err
	}
	return ask(ctx, d, frame.LastDocument, nil, func(r reply) (uint64, error) { return strconv.ParseUint(strings.TrimSpace(r.at(0)), 10, 64) })
}

// opened is the proof of an opening: a receipt without positions is open.
func (d *Driver) opened(ctx context.Context) (line.Verdict, string, error) {
	s, err := d.receiptState(ctx)
	switch {
	case err != nil:
		return line.Unclear, "", err
	case s.open && s.items == 0 && s.sum == 0:
		return line.Happened, "an empty receipt is open", nil
	case s.open:
		return line.Unclear, fmt.Sprintf("a receipt of %d positions over %v is open", s.items, s.sum), nil
	default:
		return line.Undone, "no receipt is open", nil
	}
}

// added is the proof of a line: the sum of the open receipt is the one before or
// the one after.
func (d *Driver) added(before, adds fiscal.Tiyn) line.Proof {
	return func(ctx context.Context) (line.Verdict, string, error) {
		s, err := d.receiptState(ctx)
		text := fmt.Sprintf("the receipt stands at %v, %v before the line", s.sum, before)
		switch {
		case err != nil:
			return line.Unclear, "", err
		case !s.open:
			return line.Vanished, "not registered: no receipt is open any more", nil
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

// paying is the proof of a payment: what was tendered before and after.
func (d *Driver) paying(before, sum fiscal.Tiyn) line.Proof {
	return func(ctx context.Context) (line.Verdict, string, error) {
		s, err := d.receiptState(ctx)
		text := fmt.Sprintf("tendered are %v, %v before", s.paid, before)
		switch {
		case err != nil:
			return line.Unclear, "", err
		case !s.open:
			return line.Vanished, "not registered: no receipt is open any more", nil
		case s.paid == before+sum:
			return line.Happened, text, nil
		case s.paid == before:
			return line.Undone, text, nil
		default:
			return line.Unclear, text, nil
		}
	}
}

// closed is the proof of 56 (10): no receipt is open and there is a new document.
// A closed receipt without one is gone and may not be closed again.
func (d *Driver) closed(base uint64) line.Proof {
	return func(ctx context.Context) (line.Verdict, string, error) {
		s, err := d.receiptState(ctx)
		if err != nil {
			return line.Unclear, "", err
		}
		if s.open {
			return line.Undone, "the receipt is still open", nil
		}
		now, err := d.document(ctx)
		text := fmt.Sprintf("no receipt is open, last document %d before, %d now", base, now)
		switch {
		case err != nil:
			return line.Unclear, "", err
		case now == base+1:
			return line.Happened, text, nil
		case now == base:
			return line.Vanished, "not registered: " + text, nil
		default:
			return line.Unclear, text, nil
		}
	}
}

// moved is the proof of a cash movement: the sum in the drawer (70 with 0).
func (d *Driver) moved(before drawer, by fiscal.Tiyn) line.Proof {
	return func(ctx context.Context) (line.Verdict, string, error) {
		now, err := d.drawer(ctx)
		text := fmt.Sprintf("cash in the drawer went from %v to %v", before.cash, now.cash)
		switch {
		case err != nil:
			return line.Unclear, "", err
		case now.cash == before.cash+by:
			return line.Happened, text, nil
		case now.cash == before.cash:
			return line.Undone, text, nil
		default:
			return line.Unclear, text, nil
		}
	}
}

// closing is the proof of a Z report: the number of the last closure (64).
func (d *Driver) closing(before uint64) line.Proof {
	return func(ctx context.Context) (line.Verdict, string, error) {
		now, err := d.closure(ctx)
		text := fmt.Sprintf("last closure %d before, %d now", before, now)
		switch {
		case err != nil:
			return line.Unclear, "", err
		case now == before+1:
			return line.Happened, text, nil
		case now == before:
			return line.Undone, text, nil
		default:
			return line.Unclear, text, nil
		}
	}
}

// unproved is for documents that leave no trace which could be asked for.
func unproved(context.Context) (line.Verdict, string, error) {
	return line.Unclear, "nothing tells whether it was printed", nil
}
