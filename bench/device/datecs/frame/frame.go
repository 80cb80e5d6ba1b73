// Package frame is the wire form of the Datecs host protocol, families P
// (classic) and X: frames, status bytes, amounts and field lists. Driver and
// emulated register share it.
//
// It knows bytes and nothing else: no port, no clock, no operation, no rule of
// when a frame may be repeated. It imports nothing of ours. Begin with [Frame],
// [Family.Encode] and [Decoder].
//
// Facts come from serial-datecs.md; the number behind a rule is its section.
// They were read in documents and drivers of other countries: no edition of the
// command document for Kazakhstan was public when that file was written.
package frame

import (
	"fmt"
)

// Family is one of the two families of the protocol.
type Family uint8

// The families.
const (
	P Family = iota // classic: one length byte, six status bytes
	X               // four digits of length and command, eight status bytes, fields by tab
)

// String names a family.
func (f Family) String() string {
	if f == X {
		return "X"
	}
	return "P"
}

// Bytes of the envelope and single bytes from the register (3).
const (
	SOH byte = 0x01
	EOT byte = 0x03 // ends a frame
	SEP byte = 0x04 // before the status
	PST byte = 0x05 // before the check
	NAK byte = 0x15
	SYN byte = 0x16
	TAB byte = 0x09
	LF  byte = 0x0A
)

// FirstSeq is where numbers begin, and begin again.
const FirstSeq byte = 0x20

// LastSeq is the highest number of a frame.
func (f Family) LastSeq() byte {
	if f == X {
		return 0xFF
	}
	return 0x7F
}

// StatusLen is how many status bytes a register sends.
func (f Family) StatusLen() int {
	if f == X {
		return 8
	}
	return 6
}

// MaxData is the longest text of a command of family P; a frame of family X is
// bounded by its decoder.
const (
	MaxData  = 213
	maxDataX = 2048
)

// Frame is a command, or an answer when it has a status.
type Frame struct {
	Seq    byte
	Cmd    byte
	Data   []byte
	Status []byte
}

// nibbles are the low n half bytes of v, high first, each plus 30h.
func nibbles(v, n int) []byte {
	p := make([]byte, n)
	for i := n - 1; i >= 0; i-- {
		p[i] = '0' + byte(v&15)
		v >>= 4
	}
	return p
}

// number reads half bytes; ok is false when a byte is none.
func number(p []byte) (v int, ok bool) {
	for _, b := range p {
		if b < '0' || b > '?' {
			return 0, false
		}
		v = v<<4 | int(b-'0')
	}
	return v, true
}

// sum is the check over the bytes from the length to PST.
func sum(p []byte) []byte {
	n := 0
	for _, b := range p {
		n += int(b)
	}
	return nibbles(n&0xFFFF, 4)
}

// plain says whether a byte may stand in data.
func plain(b byte) bool { return b >= 0x20 || b == TAB || b == LF }

// Encode makes the bytes of a frame. Data below 20h other than tab and line feed
// is an error: no text of ours needs the escape for them.
func (f Family) Encode(x Frame) ([]byte, error) {
	if x.Seq < FirstSeq || x.Seq > f.LastSeq() {
		return nil, fmt.Errorf("frame number %02Xh: want %02Xh to %02Xh", x.Seq, FirstSeq, f.LastSeq())
	}
	if x.Status != nil && len(x.Status) != f.StatusLen() {
		return nil, fmt.Errorf("%d status bytes: family %v has %d", len(x.Status), f, f.StatusLen())
	}
	for i, b := range x.Data {
		if !plain(b) {
			return nil, fmt.Errorf("data byte %d is %02Xh: a text has none below 20h", i, b)
		}
	}
	head, cmd := 1, []byte{x.Cmd}
	if f == X {
		head, cmd = 4, nibbles(int(x.Cmd), 4)
	}
	n := head + 1 + len(cmd) + len(x.Data) + 1
	if x.Status != nil {
		n += 1 + len(x.Status)
	}
	switch {
	case f == P && (x.Status == nil && len(x.Data) > MaxData || 0x20+n > 0xFF), f == X && len(x.Data) > maxDataX:
		return nil, fmt.Errorf("data of %d bytes: too long for a frame of family %v", len(x.Data), f)
	}
	p := []byte{SOH}
	if f == X {
		p = append(p, nibbles(0x20+n, 4)...)
	} else {
		p = append(p, byte(0x20+n))
	}
	p = append(p, x.Seq)
	p = append(p, cmd...)
	p = append(p, x.Data...)
	if x.Status != nil {
		p = append(p, SEP)
		p = append(p, x.Status...)
	}
	p = append(p, PST)
	p = append(p, sum(p[1:])...)
	return append(p, EOT), nil
}

// Status is what a decoder makes of the bytes so far.
type Status uint8

// The statuses. A decoder is ready for the next frame after Whole and Broken.
const (
	Idle    Status = iota // between frames: the byte was not a start and was dropped
	Partial               // inside a frame
	Whole                 // the byte completed a good frame
	Broken                // the byte completed or spoiled a frame
)

// Decoder takes frames apart byte by byte. Single bytes from the register give
// Idle and are the caller's, as is a time-out inside a frame: see [Decoder.Reset].
type Decoder struct {
	Family  Family
	Answers bool // of frames with a status

	raw  []byte
	want int // bytes from the length to PST
	over bool
	out  Frame
}

// Feed takes one byte.
func (d *Decoder) Feed(b byte) Status {
	if len(d.raw) == 0 || d.over {
		d.Reset()
		if b != SOH {
			return Idle
		}
		d.raw = append(d.raw, b)
		return Partial
	}
	d.raw = append(d.raw, b)
	head := 1
	if d.Family == X {
		head = 4
	}
	got := len(d.raw) - 1
	if got == head {
		n, ok := int(b), true
		if d.Family == X {
			n, ok = number(d.raw[1:])
		}
		d.want = n - 0x20
		if !ok || d.want < d.least() || d.want > maxDataX+32 {
			return d.end(Broken)
		}
	}
	if got <= head || got < d.want+5 {
		return Partial
	}
	return d.end(d.parse())
}

// least is the length of a frame without data.
func (d *Decoder) least() int {
	n := 4
	if d.Family == X {
		n = 10
	}
	if d.Answers {
		n += 1 + d.Family.StatusLen()
	}
	return n
}

func (d *Decoder) parse() Status {
	body, tail := d.raw[1:d.want+1], d.raw[d.want+1:]
	if body[len(body)-1] != PST || string(tail[:4]) != string(sum(body)) || tail[4] != EOT {
		return Broken
	}
	head, cmd := 1, 1
	if d.Family == X {
		head, cmd = 4, 4
	}
	x := Frame{Seq: body[head]}
	n, ok := int(body[head+1]), true
	if d.Family == X {
		n, ok = number(body[head+1 : head+1+cmd])
	}
	data := body[head+1+cmd : len(body)-1]
	if d.Answers {
		at := len(data) - d.Family.StatusLen() - 1
		if data[at] != SEP {
			return Broken
		}
		x.Status, data = data[at+1:], data[:at]
		for _, b := range x.Status {
			if b < 0x80 {
				return Broken
			}
		}
	}
	for _, b := range data {
		if !plain(b) {
			return Broken
		}
	}
	if !ok || n > 0xFF || x.Seq < FirstSeq || x.Seq > d.Family.LastSeq() {
		return Broken
	}
	x.Cmd, x.Data = byte(n), data
	d.out = x
	return Whole
}

func (d *Decoder) end(s Status) Status { d.over = true; return s }

// Inside says whether a frame has begun and is not complete.
func (d *Decoder) Inside() bool { return len(d.raw) > 0 && !d.over }

// Frame is the frame that was Whole, valid until the next Feed.
func (d *Decoder) Frame() Frame { return d.out }

// Raw is what was collected, valid until the next Feed.
func (d *Decoder) Raw() []byte { return d.raw }

// Reset forgets an unfinished frame.
func (d *Decoder) Reset() {
	d.raw, d.want, d.over, d.out = d.raw[:0], 0, false, Frame{}
}
