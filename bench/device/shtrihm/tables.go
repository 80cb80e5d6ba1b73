package shtrihm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Tables and fields of the driver (10).
const (
	tableCashiers = 2  // field 1 password
	tableTaxes    = 6  // field 1 rate in hundredths of a percent
	tableFiscal   = 18 // field 1 serial number
	tableOFD      = 19 // field 1 server, 2 port
	tableExchange = 20 // field 3 unsent documents
	// tableOwn is a table of the bench's own emulated register only: no source tells
	// where a real one keeps these settings, and nothing is tried there.
	tableOwn = frame.TableDouble
)

type fieldKey struct{ table, number byte }

// field is the structure of a table field (2Eh).
type field struct {
	char bool
	size int
}

// field asks for the structure of a field; the size that is told here is the
// limit of writing, not the 40 bytes of the older documents.
func (d *Driver) field(ctx context.Context, k fieldKey) (field, error) {
	if f, ok := d.fields[k]; ok {
		return f, nil
	}
	r, err := d.asking(ctx, frame.FieldStructure, d.o.Passwords.Admin, k.table, k.number)
	if err != nil {
		return field{}, err
	}
	r.Text(40)
	f := field{char: r.Byte() == 1, size: int(r.Byte())}
	if err := bad(frame.FieldStructure, r); err != nil {
		return field{}, err
	}
	d.fields[k] = f
	return f, nil
}

// readField reads a field as it lies in the table.
func (d *Driver) readField(ctx context.Context, k fieldKey, row uint16) ([]byte, error) {
	r, err := d.asking(ctx, frame.ReadField, d.o.Passwords.Admin, k.table, byte(row), byte(row>>8), k.number)
	if err != nil {
		return nil, err
	}
	return r.Rest(), nil
}

func writeField(pw uint32, k fieldKey, row uint16, value []byte) *frame.Body {
	return frame.New(frame.WriteField).Password(pw).Byte(k.table).Uint(uint64(row), 2).Byte(k.number).Raw(value)
}

// pack makes the bytes of a field.
func (d *Driver) pack(ctx context.Context, f field, value string) ([]byte, error) {
	if f.char {
		p, err := d.text(ctx, value, f.size)
		if err != nil {
			return nil, err
		}
		return append(p, make([]byte, f.size-len(p))...), nil
	}
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		return nil, &unable{"the field takes a number, the value given is none"}
	}
	p, err := frame.New(0).Uint(n, f.size).Bytes()
	if err != nil {
		return nil, &unable{fmt.Sprintf("the field has %d bytes: the value given is too large", f.size)}
	}
	return p[1:], nil
}

// place is where a setting lies.
func (d *Driver) place(ctx context.Context, op fiscal.Setting, cashier int) (k fieldKey, row uint16, err error) {
	if n := slices.Index(frame.DoubleSettings, string(op)); n >= 0 {
		t, err := d.deviceType(ctx)
		switch {
		case err != nil:
			return k, 0, err
		case t.subtype != frame.SubtypeDouble:
			return k, 0, &unable{fmt.Sprintf("no source tells how setting %q is entered over this protocol: enter it on the register", op)}
		}
		return fieldKey{tableOwn, byte(n + 1)}, 1, nil
	}
	switch op {
	case fiscal.SetOFDHost:
		return fieldKey{tableOFD, 1}, 1, nil
	case fiscal.SetOFDPort:
		return fieldKey{tableOFD, 2}, 1, nil
	case fiscal.SetCashierPassword:
		n := max(cashier, 1)
		if n > 28 {
			return k, 0, &unable{fmt.Sprintf("cashier %d: the protocol has cashiers 1 to 28", n)}
		}
		return fieldKey{tableCashiers, 1}, uint16(n), nil
	default:
		return k, 0, &unable{fmt.Sprintf("setting %q: not one that this driver knows", op)}
	}
}

func (d *Driver) setSetting(ctx context.Context, w *work) error {
	k, row, err := d.place(ctx, w.op.Setting, w.op.As.Cashier)
	if err != nil {
		return err
	}
	f, err := d.field(ctx, k)
	if err != nil {
		return err
	}
	p, err := d.pack(ctx, f, w.op.Value)
	if err != nil {
		return err
	}
	_, err = d.effect(ctx, w, writeField(w.pw, k, row, p), nil)
	w.done = d.loop.Now()
	return err
}

// Setting reads a setting back (1Fh). Passwords are not read: they would end up
// in the record.
func (d *Driver) Setting(ctx context.Context, s fiscal.Setting) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s == fiscal.SetCashierPassword || s == fiscal.SetToken {
		return "", fmt.Errorf("shtrih-m: setting %q: %w", s, device.ErrNotAble)
	}
	v, err := d.setting(ctx, s)
	var no *refusal
	var cannot *unable
	switch {
	case errors.As(err, &cannot), errors.As(err, &no) && (no.code == frame.ErrNoTable || no.code == frame.ErrUnsupported):
		return "", fmt.Errorf("shtrih-m: setting %q: %w: %w", s, device.ErrNotAble, err)
	case err != nil:
		return "", fmt.Errorf("shtrih-m: setting %q: %w", s, err)
	}
	return v, nil
}

func (d *Driver) setting(ctx context.Context, s fiscal.Setting) (string, error) {
	k, row, err := d.place(ctx, s, 0)
	if err != nil {
		return "", err
	}
	f, err := d.field(ctx, k)
	if err != nil {
		return "", err
	}
	p, err := d.readField(ctx, k, row)
	if err != nil {
		return "", err
	}
	if !f.char {
		r := frame.Read(p)
		n := r.Uint(min(len(p), 8))
		return strconv.FormatUint(n, 10), nil
	}
	c, err := d.coding(ctx)
	if err != nil {
		return "", err
	}
	return c.Decode(frame.Trim(p)), nil
}

// unsent is the number of documents that wait for the OFD, nil when the
// register has no such table (known from two firmware dumps).
func (d *Driver) unsent(ctx context.Context) (*int, error) {
	p, err := d.readField(ctx, fieldKey{tableExchange, 3}, 1)
	var no *refusal
	if errors.As(err, &no) {
		return nil, nil
	}
	if err != nil || len(p) == 0 || len(p) > 4 {
		return nil, err
	}
	n := int(frame.Read(p).Uint(len(p)))
	return &n, nil
}

// taxGroup finds the group of a rate, 0 for a line that is not taxed.
func (d *Driver) taxGroup(ctx context.Context, rate *fiscal.MilliPercent) (byte, error) {
	if rate == nil {
		return 0, nil
	}
	if d.vat == nil {
		vat := map[fiscal.MilliPercent]int{}
		for g := 4; g >= 1; g-- { // the lowest group of a rate wins
			p, err := d.readField(ctx, fieldKey{tableTaxes, 1}, uint16(g))
			var no *refusal
			if errors.As(err, &no) {
				continue
			}
			if err != nil {
				return 0, err
			}
			if len(p) != 2 {
				return 0, &unable{fmt.Sprintf("tax table row %d: rate % x is not two bytes", g, p)}
			}
			vat[fiscal.MilliPercent(frame.Read(p).Uint(2))*10] = g
		}
		d.vat = vat
	}
	g, ok := d.vat[*rate]
	if !ok {
		return 0, &unable{fmt.Sprintf("VAT %v %%: no tax group of the register has this rate", *rate)}
	}
	return byte(g), nil
}
