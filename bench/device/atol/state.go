package atol

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/device/atol/frame"
	"github.com/kkmtest/kkmtest/bench/device/line"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

// deviceType is the answer to A5h.
type deviceType struct {
	protocol, typ, model byte
	firmware, name       string
}

// languageKazakh is the language byte of the version (7.1).
const languageKazakh = 0x10

// deviceType asks who the register is until two answers agree: the answer has no
// fixed length, the checks of both levels are weak, and what the register may be told
// depends on it.
func (d *Driver) deviceType(ctx context.Context) (*deviceType, error) {
	if d.typ != nil {
		return d.typ, nil
	}
	var last *deviceType
	for range d.o.Timers.Tries.Answer {
		t, err := d.askType(ctx)
		if err != nil {
			return nil, err
		}
		if last != nil && *t == *last {
			d.typ = t
			return t, nil
		}
		last = t
	}
	return nil, &line.LinkError{What: line.Silent, Command: frame.DeviceType.String(), Sent: true, Text: "no two answers agree"}
}

func (d *Driver) askType(ctx context.Context) (*deviceType, error) {
	return ask(ctx, d, frame.New(frame.DeviceType), func(f *frame.Fields) *deviceType {
		t := &deviceType{protocol: f.Byte(), typ: f.Byte(), model: f.Byte()}
		f.Take(2) // modes
		if v := f.Take(5); v != nil {
			t.firmware = fmt.Sprintf("%X.%X build %X%02X", v[0], v[1], v[3], v[4])
			if v[2] == languageKazakh {
				t.firmware += ", Kazakh"
			}
		}
		t.name = strings.TrimRight(frame.Decode866(f.Rest()), " \x00")
		return t
	})
}

// double says whether the register is the bench's own.
func (d *Driver) double(ctx context.Context) (bool, error) {
	t, err := d.deviceType(ctx)
	return err == nil && t.model == frame.ModelDouble, err
}

// shortStatus is 45h.
type shortStatus struct{ state, flags byte }

func (d *Driver) short(ctx context.Context) (shortStatus, error) {
	return ask(ctx, d, frame.New(frame.ShortStatus), func(f *frame.Fields) shortStatus {
		return shortStatus{state: f.Byte(), flags: f.Byte()}
	})
}

// fullStatus is what the driver needs of 3Fh.
type fullStatus struct {
	clock      time.Time
	flags      byte
	serial     int64
	model      byte
	version    string
	state      byte
	number     int64 // of the receipt
	lastClosed int64 // shift
	receipt    byte  // type of the open receipt, 0 closed
	sum        fiscal.Tiyn
}

func (s fullStatus) shiftOpen() bool { return s.flags&frame.FullShiftOpen != 0 }

func (d *Driver) full(ctx context.Context) (fullStatus, error) {
	return ask(ctx, d, frame.New(frame.FullStatus), func(f *frame.Fields) fullStatus {
		var s fullStatus
		f.Take(2) // cashier, hall
		s.clock, _ = f.DateTime(true)
		s.flags, s.serial, s.model = f.Byte(), f.Num(4), f.Byte()
		s.version, s.state = string(f.Take(2)), f.Byte()
		s.number, s.lastClosed, s.receipt, s.sum = f.Num(2), f.Num(2), f.Byte(), fiscal.Tiyn(f.Num(5))
		f.Take(2) // decimals, port
		return s
	})
}

// register reads a register (91h).
func register[A any](ctx context.Context, d *Driver, n, p1 byte, read func(f *frame.Fields) A) (A, error) {
	return ask(ctx, d, frame.New(frame.Register).Raw(n, p1, 0), read)
}

// money reads a register of money with n bytes.
func (d *Driver) money(ctx context.Context, reg byte, n int) (fiscal.Tiyn, error) {
	return register(ctx, d, reg, 0, func(f *frame.Fields) fiscal.Tiyn { return fiscal.Tiyn(f.Num(n)) })
}

// count reads how many receipts of a type there were.
func (d *Driver) count(ctx context.Context, typ byte) (int64, error) {
	return register(ctx, d, frame.RegCounts, typ, func(f *frame.Fields) int64 { return f.Num(2) })
}

// optional tells a register or field that the model does not have from trouble.
func optional(err error) (missing bool, other error) {
	var no *line.Refusal
	if errors.As(err, &no) {
		return true, nil
	}
	return err != nil, err
}

func (d *Driver) state(ctx context.Context) (history.State, error) {
	s, err := d.full(ctx)
	if err != nil {
		return history.State{}, err
	}
	st := history.State{ShiftOpen: s.shiftOpen(), Shift: uint64(s.lastClosed), Clock: s.clock}
	words := []string{fmt.Sprintf("mode %d.%d, flags %02Xh", s.state&15, s.state>>4, s.flags)}
	if s.receipt != 0 {
		words = append(words, fmt.Sprintf("receipt of type %d over %v open", s.receipt, s.sum))
	}
	if st.ShiftOpen {
		st.Shift++
		until, err := register(ctx, d, frame.RegShift, 0, func(f *frame.Fields) time.Time {
			f.Byte()
			t, _ := f.DateTime(false)
			return t
		})
		if _, err := optional(err); err != nil {
			return history.State{}, err
		}
		if !until.IsZero() {
			st.ShiftLong = !s.clock.IsZero() && s.clock.After(until)
			words = append(words, "shift until "+until.Format("2006-01-02 15:04:05"))
		}
	}
	for _, typ := range []byte{frame.TypeSale, frame.TypeSaleReturn, frame.TypeBuy, frame.TypeBuyReturn} {
		n, err := d.count(ctx, typ)
		if _, err := optional(err); err != nil {
			return history.State{}, err
		}
		st.Receipts += uint64(n)
	}
	n, err := register(ctx, d, frame.RegUnsent, 0, func(f *frame.Fields) int { return int(f.Num(3)) })
	if missing, err := optional(err); err != nil {
		return history.State{}, err
	} else if !missing {
		st.Unsent = &n
	}
	b, err := d.short(ctx)
	if err != nil {
		return history.State{}, err
	}
	if b.flags&frame.FlagNoPaper != 0 {
		words = append(words, "no paper")
	}
	st.Text = strings.Join(words, ", ")
	return st, nil
}
