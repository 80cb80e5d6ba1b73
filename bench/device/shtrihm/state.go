package shtrihm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/bench/history"
)

// languageKazakh is the language code of FCh for which texts are KZ-1048.
const languageKazakh = 3

// deviceType is the answer to FCh.
type deviceType struct {
	typ, subtype    byte
	version, sub    byte
	model, language byte
	name            string
}

func (d *Driver) deviceType(ctx context.Context) (*deviceType, error) {
	if d.typ != nil {
		return d.typ, nil
	}
	f, err := d.ask(ctx, frame.New(frame.DeviceType), "")
	if err != nil {
		return nil, err
	}
	t := &deviceType{typ: f.Byte(), subtype: f.Byte(), version: f.Byte(), sub: f.Byte(), model: f.Byte(), language: f.Byte()}
	c := frame.CP1251
	if t.language == languageKazakh {
		c = frame.KZ1048
	}
	t.name = c.Decode(frame.Trim(f.Rest()))
	if err := bad(frame.DeviceType, f); err != nil {
		return nil, err
	}
	d.typ = t
	return t, nil
}

// bad turns an answer that is too short or holds nonsense into no answer.
func bad(c frame.Code, f *frame.Fields) error {
	if f.Err() == nil {
		return nil
	}
	return &linkError{what: silent, code: c, sent: true, text: "answer cannot be read", err: f.Err()}
}

// shortStatus is what the driver needs of 10h.
type shortStatus struct {
	flags uint16
	mode  frame.Mode
	kind  byte // of the open document
	sub   byte
}

// status asks 10h. A password that was programmed anew is refused: the
// administrator's then serves.
func (d *Driver) status(ctx context.Context, pw uint32) (shortStatus, error) {
	f, err := d.asking(ctx, frame.ShortStatus, pw)
	if err != nil {
		return shortStatus{}, err
	}
	f.Byte()
	st := shortStatus{flags: uint16(f.Uint(2))}
	m := f.Byte()
	st.mode, st.kind, st.sub = frame.Mode(m&0x0F), m>>4, f.Byte()
	return st, bad(frame.ShortStatus, f)
}

// asking asks a question that consists of a code, a password and more.
func (d *Driver) asking(ctx context.Context, c frame.Code, pw uint32, more ...byte) (*frame.Fields, error) {
	f, err := d.ask(ctx, frame.New(c).Password(pw).Raw(more), "")
	var no *refusal
	if errors.As(err, &no) && no.code == frame.ErrPassword && pw != d.o.Passwords.Admin {
		return d.ask(ctx, frame.New(c).Password(d.o.Passwords.Admin).Raw(more), "administrator")
	}
	return f, err
}

// fullStatus is what the driver needs of 11h.
type fullStatus struct {
	firmware   string
	document   uint16
	flags      uint16
	mode       frame.Mode
	kind       byte
	sub        byte
	clock      time.Time
	fm         byte
	serial     uint32
	lastClosed uint16
}

// The bits of the FM flags that concern the shift (6).
const (
	fmShiftOpen = 1 << 6
	fmShiftLong = 1 << 7
)

func (s fullStatus) shiftOpen() bool {
	switch s.mode {
	case frame.ModeShiftOpen, frame.ModeShiftLong:
		return true
	case frame.ModeReceipt:
		return s.fm&fmShiftOpen != 0
	default:
		return false
	}
}

func (s fullStatus) shiftLong() bool {
	return s.mode == frame.ModeShiftLong || s.mode == frame.ModeReceipt && s.fm&fmShiftLong != 0
}

func (d *Driver) fullStatus(ctx context.Context, pw uint32) (fullStatus, error) {
	f, err := d.asking(ctx, frame.FullStatus, pw)
	if err != nil {
		return fullStatus{}, err
	}
	var s fullStatus
	f.Byte()
	major, minor, build := f.Byte(), f.Byte(), f.Uint(2)
	s.firmware = fmt.Sprintf("%c.%c build %d", major, minor, build)
	if day, ok := moment(f, false); ok {
		s.firmware += " of " + day.Format("2006-01-02")
	}
	f.Byte() // number in the hall
	s.document, s.flags = uint16(f.Uint(2)), uint16(f.Uint(2))
	m := f.Byte()
	s.mode, s.kind, s.sub = frame.Mode(m&0x0F), m>>4, f.Byte()
	f.Byte()  // port
	f.Uint(7) // version, build and date of the fiscal memory
	s.clock, _ = moment(f, true)
	s.fm = f.Byte()
	s.serial, s.lastClosed = uint32(f.Uint(4)), uint16(f.Uint(2))
	return s, bad(frame.FullStatus, f)
}

// moment reads a date, and the time of day behind it. A register whose clock was
// reset tells a day that does not exist: the clock is then not known, and the
// rest of the answer still counts.
func moment(f *frame.Fields, tod bool) (time.Time, bool) {
	n := 3
	if tod {
		n = 6
	}
	raw := make([]byte, n)
	for i := range raw {
		raw[i] = f.Byte()
	}
	r := frame.Read(raw)
	t := r.Date()
	if tod {
		t = t.Add(r.Time())
	}
	if r.Err() != nil {
		return time.Time{}, false
	}
	return t, true
}

// register reads an operation register, nil when the device does not have it.
func (d *Driver) register(ctx context.Context, pw uint32, n byte) (*uint16, error) {
	f, err := d.asking(ctx, frame.Register, pw, n)
	var no *refusal
	if errors.As(err, &no) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f.Byte()
	v := uint16(f.Uint(2))
	return &v, bad(frame.Register, f)
}

// Identity asks for type, model and serial number (FCh, 11h, table 18).
func (d *Driver) Identity(ctx context.Context) (history.Identity, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.deviceType(ctx)
	if err != nil {
		return history.Identity{}, fmt.Errorf("shtrih-m: %w", err)
	}
	id := history.Identity{Type: fmt.Sprintf("Shtrih-M protocol %d.%d, model %d, language %d", t.version, t.sub, t.model, t.language), Model: t.name}
	s, err := d.fullStatus(ctx, d.o.Passwords.Admin)
	if err != nil {
		return id, fmt.Errorf("shtrih-m: %w", err)
	}
	id.Serial, id.Firmware = fmt.Sprint(s.serial), s.firmware
	// The status has room for digits only; table 18 has the number as it is.
	p, err := d.readField(ctx, fieldKey{tableFiscal, 1}, 1)
	var no *refusal
	if err != nil && !errors.As(err, &no) {
		return id, fmt.Errorf("shtrih-m: %w", err)
	}
	c, err := d.coding(ctx)
	if err != nil {
		return id, fmt.Errorf("shtrih-m: %w", err)
	}
	if serial := strings.TrimSpace(c.Decode(frame.Trim(p))); serial != "" {
		id.Serial = serial
	}
	return id, nil
}

// State asks for mode, clock and counters (11h, 1Bh) and records them. Receipts
// is the sum of the receipt numbers of the four types (operation registers 148
// to 151); Unsent is field 3 of table 20 where the register has it.
func (d *Driver) State(ctx context.Context) (history.State, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	pw := d.o.Passwords.Admin
	s, err := d.fullStatus(ctx, pw)
	if err != nil {
		return history.State{}, fmt.Errorf("shtrih-m: %w", err)
	}
	st := history.State{
		ShiftOpen: s.shiftOpen(), ShiftLong: s.shiftLong(), Shift: uint64(s.lastClosed),
		Blocked: s.mode == frame.ModeLocked, Clock: s.clock,
	}
	if st.ShiftOpen {
		st.Shift++
	}
	for t := range byte(4) {
		n, err := d.register(ctx, pw, regReceipts+t)
		if err != nil {
			return history.State{}, fmt.Errorf("shtrih-m: %w", err)
		}
		if n != nil {
			st.Receipts += uint64(*n)
		}
	}
	if st.Unsent, err = d.unsent(ctx); err != nil {
		return history.State{}, fmt.Errorf("shtrih-m: %w", err)
	}
	words := []string{s.mode.String(), fmt.Sprintf("sub-mode %d", s.sub), fmt.Sprintf("flags %04Xh", s.flags)}
	if s.mode == frame.ModeReceipt {
		words = append(words, fmt.Sprintf("document of type %d", s.kind))
	}
	st.Text = strings.Join(words, ", ")
	if _, err := d.j.Append(history.Driver, st); err != nil {
		return st, fmt.Errorf("shtrih-m: %w", err)
	}
	return st, nil
}
