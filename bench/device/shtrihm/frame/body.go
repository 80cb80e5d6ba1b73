package frame

import (
	"fmt"
	"time"
)

// Body builds a command or an answer. Numbers are little endian. The first
// value that does not fit is kept and told by [Body.Bytes].
type Body struct {
	b   []byte
	err error
}

// New begins a body with a command code; codes above FFh are the two-byte
// commands FFxx.
func New(code Code) *Body {
	if code > 0xFF {
		return &Body{b: []byte{byte(code >> 8), byte(code)}}
	}
	return &Body{b: []byte{byte(code)}}
}

// Byte adds one byte.
func (w *Body) Byte(v byte) *Body { w.b = append(w.b, v); return w }

// Raw adds bytes as they are.
func (w *Body) Raw(p []byte) *Body { w.b = append(w.b, p...); return w }

// Uint adds an unsigned number of n bytes.
func (w *Body) Uint(v uint64, n int) *Body {
	if n < 8 && v>>(8*n) != 0 {
		w.fail("number %d: does not fit in %d bytes", v, n)
	}
	for i := range n {
		w.b = append(w.b, byte(v>>(8*i)))
	}
	return w
}

// Int adds a signed number of n bytes, two's complement.
func (w *Body) Int(v int64, n int) *Body {
	lim := int64(1) << (8*n - 1)
	if n < 8 && (v < -lim || v >= lim) {
		w.fail("number %d: does not fit in %d signed bytes", v, n)
	}
	for i := range n {
		w.b = append(w.b, byte(v>>(8*i)))
	}
	return w
}

// Password adds a password: four bytes.
func (w *Body) Password(v uint32) *Body { return w.Uint(uint64(v), 4) }

// Sum adds a sum or a quantity of five bytes; negative ones do not exist on the line.
func (w *Body) Sum(v int64) *Body {
	if v < 0 {
		w.fail("sum %d: a negative sum cannot be sent", v)
		v = 0
	}
	return w.Uint(uint64(v), 5)
}

// Text adds a field of exactly n bytes, padded with 00h.
func (w *Body) Text(p []byte, n int) *Body {
	if len(p) > n {
		w.fail("text of %d bytes: the field takes %d", len(p), n)
		p = p[:n]
	}
	w.b = append(w.b, p...)
	return w.Raw(make([]byte, n-len(p)))
}

// Date adds day, month, year - 2000.
func (w *Body) Date(t time.Time) *Body {
	y := t.Year() - 2000
	if y < 0 || y > 255 {
		w.fail("year %d: one byte counts from 2000", t.Year())
		y = 0
	}
	return w.Raw([]byte{byte(t.Day()), byte(t.Month()), byte(y)})
}

// Time adds hour, minute, second.
func (w *Body) Time(t time.Time) *Body {
	return w.Raw([]byte{byte(t.Hour()), byte(t.Minute()), byte(t.Second())})
}

// Bytes is the body, or the first value that did not fit.
func (w *Body) Bytes() ([]byte, error) {
	if w.err != nil {
		return nil, w.err
	}
	return w.b, nil
}

func (w *Body) fail(format string, a ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, a...)
	}
}

// Fields takes a body apart. Reading past the end gives zeros and is told by
// [Fields.Err].
type Fields struct {
	b   []byte
	off int
	err error
}

// Read begins to take p apart.
func Read(p []byte) *Fields { return &Fields{b: p} }

func (r *Fields) take(n int) []byte {
	if r.err == nil && n > len(r.b)-r.off {
		r.err = fmt.Errorf("body % x: %d bytes wanted at offset %d, %d are there", clip(r.b), n, r.off, len(r.b)-r.off)
	}
	if r.err != nil {
		return make([]byte, n)
	}
	p := r.b[r.off : r.off+n]
	r.off += n
	return p
}

func clip(p []byte) []byte { return p[:min(len(p), 64)] }

// Code reads the command code.
func (r *Fields) Code() Code {
	c := r.Byte()
	if c == 0xFF {
		return 0xFF00 | Code(r.Byte())
	}
	return Code(c)
}

// Byte reads one byte.
func (r *Fields) Byte() byte { return r.take(1)[0] }

// Uint reads an unsigned number of n bytes.
func (r *Fields) Uint(n int) uint64 {
	var v uint64
	for i, b := range r.take(n) {
		v |= uint64(b) << (8 * i)
	}
	return v
}

// Int reads a signed number of n bytes.
func (r *Fields) Int(n int) int64 {
	sh := 64 - 8*n
	return int64(r.Uint(n)<<sh) >> sh
}

// Password reads four bytes.
func (r *Fields) Password() uint32 { return uint32(r.Uint(4)) }

// Sum reads five bytes.
func (r *Fields) Sum() int64 { return int64(r.Uint(5)) }

// Text reads a field of n bytes without its padding.
func (r *Fields) Text(n int) []byte { return Trim(r.take(n)) }

// Rest reads what is left.
func (r *Fields) Rest() []byte { return r.take(len(r.b) - r.off) }

// Left is how many bytes are left.
func (r *Fields) Left() int { return len(r.b) - r.off }

// Date reads day, month, year; a date that the calendar does not have is an error.
func (r *Fields) Date() time.Time {
	p := r.take(3)
	if r.err != nil {
		return time.Time{}
	}
	t := time.Date(2000+int(p[2]), time.Month(p[1]), int(p[0]), 0, 0, 0, 0, time.UTC)
	if int(t.Month()) != int(p[1]) || t.Day() != int(p[0]) {
		r.err = fmt.Errorf("date % x: no such day", p)
		return time.Time{}
	}
	return t
}

// Time reads hour, minute, second as a time of day.
func (r *Fields) Time() time.Duration {
	p := r.take(3)
	if r.err == nil && (p[0] > 23 || p[1] > 59 || p[2] > 59) {
		r.err = fmt.Errorf("time % x: no such time of day", p)
	}
	if r.err != nil {
		return 0
	}
	return time.Duration(p[0])*time.Hour + time.Duration(p[1])*time.Minute + time.Duration(p[2])*time.Second
}

// Err is the first thing that could not be read.
func (r *Fields) Err() error { return r.err }

// Trim cuts the padding of a fixed field: everything from the first 00h.
func Trim(p []byte) []byte {
	for i, b := range p {
		if b == 0 {
			return p[:i]
		}
	}
	return p
}
