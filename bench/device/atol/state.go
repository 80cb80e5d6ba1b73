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

func (d *Driver) deviceType(ctx context.Context) (*deviceType, error) {
	if d.typ != nil {
		return d.typ, nil
	}
	f, err := d.ask(ctx, frame.New(frame.DeviceType))
	if err != nil {
		return nil, err
	}
	t := &deviceType{protocol: f.Byte(), typ: f.Byte(), model: f.Byte()}
	f.Take(2) // modes
	v := f.Take(5)
	if err := f.Err(); err != nil {
		return nil, line.Unreadable(frame.DeviceType.String(), err)
	}
	t.firmware = fmt.Sprintf("%X.%X build %X%02X", v[0], v[1], v[3], v[4])
	if v[2] == languageKazakh {
		t.firmware += ", Kazakh"
	}
	t.name = strings.TrimRight(frame.Decode866(f.Rest()), " \x00")
	d.typ = t
	return t, nil
}

// double says whether the register is the bench's own.
func (d *Driver) double(ctx context.Context) (bool, error) {
	t, err := d.deviceType(ctx)
	return err == nil && t.model == frame.ModelDouble, err
}

// shortStatus is 45h.
type shortStatus struct{ state, flags byte }

func (d *Driver) short(ctx context.Context) (shortStatus, error) {
	f, err := d.ask(ctx, frame.New(frame.ShortStatus))
	if err != nil {
		return shortStatus{}, err
	}
	s := shortStatus{state: f.Byte(), flags: f.Byte()}
	return s, unreadable(frame.ShortStatus, f)
}

func unreadable(c frame.Code, f *frame.Fields) error {
	if f.Err() == nil {
		return nil
	}
	return line.Unreadable(c.String(), f.Err())
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
	f, err := d.ask(ctx, frame.New(frame.FullStatus))
	if err != nil {
		return fullStatus{}, err
	}
	var s fullStatus
	f.Take(2) // cashier, hall
	s.clock, _ = f.DateTime(true)
	s.flags, s.serial, s.model = f.Byte(), f.Num(4), f.Byte()
	s.version, s.state = string(f.Take(2)), f.Byte()
	s.number, s.lastClosed, s.receipt, s.sum = f.Num(2), f.Num(2), f.Byte(), fiscal.Tiyn(f.Num(5))
	return s, unreadable(frame.FullStatus, f)
}

// register reads a register (91h).
func (d *Driver) register(ctx context.Context, n, p1, p2 byte) (*frame.Fields, error) {
	return d.ask(ctx, frame.New(frame.Register).Raw(n, p1, p2))
}

// money reads a register of money with n bytes.
func (d *Driver) money(ctx context.Context, reg byte, n int) (fiscal.Tiyn, error) {
	f, err := d.register(ctx, reg, 0, 0)
	if err != nil {
		return 0, err
	}
	v := fiscal.Tiyn(f.Num(n))
	return v, unreadable(frame.Register, f)
}

// count reads how many receipts of a type there were.
func (d *Driver) count(ctx context.Context, typ byte) (int64, error) {
	f, err := d.register(ctx, frame.RegCounts, typ, 0)
	if err != nil {
		return 0, err
	}
	v := f.Num(2)
	return v, unreadable(frame.Register, f)
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
		f, err := d.register(ctx, frame.RegShift, 0, 0)
		if missing, err := optional(err); err != nil {
			return history.State{}, err
		} else if !missing {
			f.Byte()
			if until, ok := f.DateTime(false); ok {
				st.ShiftLong = !s.clock.IsZero() && s.clock.After(until)
				words = append(words, "shift until "+until.Format("2006-01-02 15:04:05"))
			}
			if err := unreadable(frame.Register, f); err != nil {
				return history.State{}, err
			}
		}
	}
	for _, typ := range []byte{frame.TypeSale, frame.TypeSaleReturn, frame.TypeBuy, frame.TypeBuyReturn} {
		n, err := d.count(ctx, typ)
		if _, err := optional(err); err != nil {
			return history.State{}, err
		}
		st.Receipts += uint64(n)
	}
	f, err := d.register(ctx, frame.RegUnsent, 0, 0)
	if missing, err := optional(err); err != nil {
		return history.State{}, err
	} else if !missing {
		n := int(f.Num(3))
		if f.Err() == nil {
			st.Unsent = &n
		}
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
