package datecs

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/datecs/frame"
	"github.com/kkmtest/kkmtest/bench/device/line"
	"github.com/kkmtest/kkmtest/bench/history"
)

// journal is how far the electronic journal was read.
type journal struct {
	asked  bool
	absent error  // why there is none
	last   uint64 // last document that was read
}

// baseline notes where the journal stands before the first operation, so that only
// what is printed afterwards counts as new.
func (d *Driver) baseline(ctx context.Context) error {
	if d.read.asked {
		return nil
	}
	// Who the register is decides about the coding of its texts.
	if _, err := d.deviceInfo(ctx); err != nil {
		return err
	}
	n, err := d.newest(ctx)
	var no *line.Refusal
	var cannot *line.Unable
	if errors.As(err, &no) || errors.As(err, &cannot) {
		d.read.absent, err = err, nil
	}
	if err == nil {
		d.read.asked, d.read.last = true, n
	}
	return err
}

// latePrint records what was printed since the last reading, before another
// operation begins: it belongs to the one before, whose answer may not have been
// waited for. What cannot be read now is left to the next reading.
func (d *Driver) latePrint(ctx context.Context) error {
	if !d.last.unknown || !d.read.asked || d.read.absent != nil {
		return nil
	}
	lines, err := []string(nil), error(nil)
	if d.o.Family == frame.P {
		_, err = ask(ctx, d, frame.GetStatus, []byte("W"), func(reply) (struct{}, error) { return struct{}{}, nil })
	}
	if err == nil {
		lines, err = d.printed(ctx)
	}
	var no *line.Refusal
	var e *line.LinkError
	switch {
	case errors.As(err, &no), errors.As(err, &e):
		return nil // the operation itself will tell
	case err != nil || len(lines) == 0:
		return err
	}
	_, err = d.l.Journal.Append(history.Driver, history.Printed{Op: d.last.op, Lines: lines, Origin: "host"}, d.last.intent)
	return err
}

// newest is the number of the last document in the journal, 0 when it is empty (8).
func (d *Driver) newest(ctx context.Context) (uint64, error) {
	cmd, data, at := frame.JournalP, []byte("I"), 6
	if d.o.Family == frame.X {
		cmd, data, at = frame.JournalRange, d.o.Family.Join("", "", "0"), 3
	}
	return ask(ctx, d, cmd, data, func(r reply) (uint64, error) {
		if d.o.Family == frame.P && (len(r.fields) <= at || r.fields[0] != "P") {
			return 0, line.Unablef("the journal answers %q", r.fields)
		}
		return strconv.ParseUint(r.at(at), 10, 64)
	})
}

// printed reads the documents that are new.
func (d *Driver) printed(ctx context.Context) ([]string, error) {
	if err := d.baseline(ctx); err != nil {
		return nil, err
	}
	if d.read.absent != nil {
		return nil, fmt.Errorf("%w: the register has no journal: %w", device.ErrNotAble, d.read.absent)
	}
	n, err := d.newest(ctx)
	if err != nil {
		return nil, err
	}
	var lines []string
	for doc := d.read.last + 1; doc <= n; doc++ {
		l, err := d.documentText(ctx, doc)
		if err != nil {
			return nil, err
		}
		lines = append(lines, l...)
	}
	d.read.last = n
	return lines, nil
}

// mostLines is the longest document that is read: 512 positions and what stands
// around them (7).
const mostLines = 4096

// documentText reads the text of one document. Each line is asked for by "next", so
// that after any trouble the document is read again from its beginning: a line
// that was skipped would look like one that was not printed.
func (d *Driver) documentText(ctx context.Context, doc uint64) ([]string, error) {
	for n := 1; ; n++ {
		lines, err := d.readDocument(ctx, doc)
		var e *line.LinkError
		if err == nil || !errors.As(err, &e) || n >= readTries {
			return lines, err
		}
		if e.What == line.Lost {
			if err := d.l.Reopen(ctx, err); err != nil {
				return nil, err
			}
		}
	}
}

const readTries = 3

func (d *Driver) readDocument(ctx context.Context, doc uint64) ([]string, error) {
	var lines []string
	number := strconv.FormatUint(doc, 10)
	if d.o.Family == frame.X {
		if _, err := d.carry(ctx, frame.JournalX, d.o.Family.Join("0", number, "0"), "select document "+number, false); err != nil {
			return nil, err
		}
	}
	for n := range mostLines {
		cmd, data := frame.JournalX, d.o.Family.Join("1", "", "")
		if d.o.Family == frame.P {
			cmd, data = frame.JournalP, []byte("N")
			if n == 0 {
				data = []byte("R," + number)
			}
		}
		text, end, err := d.journalLine(ctx, cmd, data)
		if err != nil || end {
			return lines, err
		}
		lines = append(lines, text)
	}
	return nil, line.Unablef("document %d of the journal has more than %d lines", doc, mostLines)
}

// journalLine reads one line. The end of a document is an asterisk on P and a
// negative code on X.
func (d *Driver) journalLine(ctx context.Context, cmd byte, data []byte) (text string, end bool, err error) {
	r, err := d.carry(ctx, cmd, data, d.o.Family.Name(cmd), false)
	var no *line.Refusal
	switch {
	case d.o.Family == frame.X && errors.As(err, &no) && no.Code < 0:
		return "", true, nil
	case err != nil:
		return "", false, err
	case d.o.Family == frame.X:
		return d.decode(r.at(0)), false, nil
	case r.at(0) == "P": // the text may hold commas of its own
		return d.decode(string(d.o.Family.Join(r.fields[1:]...))), false, nil
	case r.at(0) == "*":
		return "", true, nil
	}
	return "", false, line.Unreadable(d.o.Family.Name(cmd), fmt.Errorf("%q in the middle of a document, want P or *", r.at(0)))
}
