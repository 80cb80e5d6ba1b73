// Package frame is the wire form of the Shtrih-M host protocol: both link
// levels, the packing of command bodies, text codings and error codes. Driver
// and emulated register share it.
//
// It knows bytes and nothing else: no port, no clock, no operation, no rule of
// when a frame may be repeated. It imports nothing of ours.
// Begin with [Encode] and [Decoder] (standard level), [EncodeAlt] and
// [AltDecoder] (alternative level), [Body] and [Fields] (command bodies).
//
// Facts come from serial-shtrih-m.md; the number behind a rule is its section.
package frame

import "fmt"

// Control bytes of the standard level (3.1).
const (
	STX byte = 0x02
	ENQ byte = 0x05
	ACK byte = 0x06
	NAK byte = 0x15
)

// MaxBody is the longest body (command code and parameters) of the standard level.
const MaxBody = 255

// Encode makes a frame of the standard level: STX, length, body, LRC. The body
// has 1 to [MaxBody] bytes; the first is the command code.
func Encode(body []byte) ([]byte, error) {
	if len(body) < 1 || len(body) > MaxBody {
		return nil, fmt.Errorf("body of %d bytes: the standard level takes 1 to %d", len(body), MaxBody)
	}
	f := make([]byte, 0, len(body)+3)
	f = append(f, STX, byte(len(body)))
	f = append(f, body...)
	return append(f, LRC(f[1:])), nil
}

// LRC is the exclusive or of length and body.
func LRC(p []byte) byte {
	var x byte
	for _, b := range p {
		x ^= b
	}
	return x
}

// Status is what a decoder makes of the bytes so far.
type Status uint8

// The statuses. A decoder is ready for the next frame after Whole and Broken.
const (
	Idle    Status = iota // between frames: the byte was not a start and was dropped
	Partial               // inside a frame
	Whole                 // the byte completed a good frame
	Broken                // the byte completed a frame with a wrong length or checksum
)

// Decoder takes the standard level apart byte by byte. Its zero value is
// ready. Bytes before STX are noise and give Idle: control bytes are the
// caller's. A time-out inside a frame is the caller's too: see [Decoder.Reset].
type Decoder struct {
	raw []byte
}

// Feed takes one byte.
func (d *Decoder) Feed(b byte) Status {
	if len(d.raw) == 0 || d.done() {
		d.raw = d.raw[:0]
		if b != STX {
			return Idle
		}
		d.raw = append(d.raw, b)
		return Partial
	}
	d.raw = append(d.raw, b)
	switch {
	case len(d.raw) == 2 && b == 0: // a length of 0 is never sent: do not wait for a checksum
		return Broken
	case !d.done():
		return Partial
	case LRC(d.raw[1:len(d.raw)-1]) != b:
		return Broken
	default:
		return Whole
	}
}

func (d *Decoder) done() bool {
	return len(d.raw) >= 2 && (d.raw[1] == 0 || len(d.raw) == int(d.raw[1])+3)
}

// Inside says whether a frame has begun and is not complete.
func (d *Decoder) Inside() bool { return len(d.raw) > 0 && !d.done() }

// Body is the body of the frame that was Whole, valid until the next Feed.
func (d *Decoder) Body() []byte {
	if !d.done() || d.raw[1] == 0 {
		return nil
	}
	return d.raw[2 : len(d.raw)-1]
}

// Raw is what was collected of the present frame, valid until the next Feed.
func (d *Decoder) Raw() []byte { return d.raw }

// Reset forgets an unfinished frame.
func (d *Decoder) Reset() { d.raw = d.raw[:0] }
