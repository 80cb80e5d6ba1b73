package frame

import (
	"fmt"
	"time"
)

// Body puts a command together. The first value that does not fit is kept and
// told by Bytes. Numbers are packed decimal, most significant digit first, unless
// the name says otherwise (5).
type Body struct {
	p   []byte
	err error
}

// New begins a command.
func New(c Code) *Body { return &Body{p: []byte{byte(c)}} }

// Answer begins an answer: 55h, the error code.
func Answer(code byte) *Body { return &Body{p: []byte{0x55, code}} }

// Raw adds bytes.
func (b *Body) Raw(p ...byte) *Body { b.p = append(b.p, p...); return b }

// Num adds a number of n bytes.
func (b *Body) Num(v int64, n int) *Body {
	p, err := BCD(v, n)
	if err != nil && b.err == nil {
		b.err = err
	}
	b.p = append(b.p, p...)
	return b
}

// Sum adds money in tiyn, or a quantity in thousandths: 5 bytes.
func (b *Body) Sum(v int64) *Body { return b.Num(v, 5) }

// Date adds day, month, year.
func (b *Body) Date(t time.Time) *Body {
	return b.Num(int64(t.Day()), 1).Num(int64(t.Month()), 1).Num(int64(t.Year()%100), 1)
}

// DateYMD adds year, month, day, as 3Fh has them.
func (b *Body) DateYMD(t time.Time) *Body {
	return b.Num(int64(t.Year()%100), 1).Num(int64(t.Month()), 1).Num(int64(t.Day()), 1)
}

// Time adds hour, minute, second.
func (b *Body) Time(t time.Time) *Body {
	return b.Num(int64(t.Hour()), 1).Num(int64(t.Minute()), 1).Num(int64(t.Second()), 1)
}

// Bytes is the whole, or what did not fit.
func (b *Body) Bytes() ([]byte, error) { return b.p, b.err }

// BCD packs a number into n bytes.
func BCD(v int64, n int) ([]byte, error) {
	p := make([]byte, n)
	x := v
	for i := n - 1; i >= 0 && x >= 0; i-- {
		p[i] = byte(x%10) | byte(x/10%10)<<4
		x /= 100
	}
	if x != 0 {
		return p, fmt.Errorf("number %d does not fit %d digits", v, 2*n)
	}
	return p, nil
}

// Fields takes an answer apart. The first error is kept; what is read after it is zero.
type Fields struct {
	p   []byte
	err error
}

// Read begins at the first byte of p.
func Read(p []byte) *Fields { return &Fields{p: p} }

// Err is the first error.
func (f *Fields) Err() error { return f.err }

// Left is how many bytes remain.
func (f *Fields) Left() int { return len(f.p) }

// Rest is what remains.
func (f *Fields) Rest() []byte { p := f.p; f.p = nil; return p }

// Take is the next n bytes; nil when there are fewer.
func (f *Fields) Take(n int) []byte {
	if f.err == nil && len(f.p) < n {
		f.err = fmt.Errorf("%d bytes are left, want %d", len(f.p), n)
	}
	if f.err != nil {
		return nil
	}
	p := f.p[:n]
	f.p = f.p[n:]
	return p
}

// Byte is one byte.
func (f *Fields) Byte() byte {
	if p := f.Take(1); p != nil {
		return p[0]
	}
	return 0
}

// Num is a packed decimal number of n bytes.
func (f *Fields) Num(n int) int64 {
	var v int64
	for _, b := range f.Take(n) {
		if f.err == nil && (b>>4 > 9 || b&15 > 9) {
			f.err = fmt.Errorf("byte %02X is no packed decimal", b)
		}
		v = v*100 + int64(b>>4)*10 + int64(b&15)
	}
	if f.err != nil {
		return 0
	}
	return v
}

// DateTime is six bytes of a moment: day or year first, then the time of day.
// ok is false when they tell no moment, as after a reset of the clock.
func (f *Fields) DateTime(yearFirst bool) (t time.Time, ok bool) {
	raw := f.Take(6)
	if raw == nil {
		return time.Time{}, false
	}
	r := Read(raw)
	a, month, c := r.Num(1), r.Num(1), r.Num(1)
	h, m, s := r.Num(1), r.Num(1), r.Num(1)
	day, year := a, c
	if yearFirst {
		day, year = c, a
	}
	t = time.Date(2000+int(year), time.Month(month), int(day), int(h), int(m), int(s), 0, time.UTC)
	if r.Err() != nil || t.Day() != int(day) || t.Month() != time.Month(month) || t.Hour() != int(h) || t.Minute() != int(m) || t.Second() != int(s) {
		return time.Time{}, false
	}
	return t, true
}
