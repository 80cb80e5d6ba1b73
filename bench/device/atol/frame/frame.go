// Package frame is the wire form of the ATOL host protocol, levels 2 and 3: the
// frames of both, command codes, packed decimal numbers, the code page 866 of
// Kazakh registers, and error codes. Driver and emulated register share it.
//
// It knows bytes and nothing else: no port, no clock, no operation, no rule of
// when a frame may be repeated. It imports nothing of ours. Begin with [Encode]
// and [Decoder] (level 2), [EncodePacket] and [PacketDecoder] (level 3), [Body]
// and [Fields] (commands and answers).
//
// Facts come from serial-atol.md; the number behind a rule is its section. No
// vendor document of this protocol was public when that file was written: what
// stands here without a remark was seen in two or more implementations.
package frame

import "fmt"

// Control bytes of level 2 (3.1).
const (
	STX byte = 0x02
	ETX byte = 0x03
	EOT byte = 0x04
	ENQ byte = 0x05
	ACK byte = 0x06
	DLE byte = 0x10
	NAK byte = 0x15
)

// Limits of level 2 data. MaxKZ is what the Kazakh models take from a host, the
// access password included (one source); MaxData is where a decoder gives up.
const (
	MaxKZ   = 66
	MaxData = 1024
)

// Encode makes a frame of level 2: STX, masked data, ETX, CRC.
func Encode(data []byte) ([]byte, error) {
	if len(data) < 1 || len(data) > MaxData {
		return nil, fmt.Errorf("data of %d bytes: a frame takes 1 to %d", len(data), MaxData)
	}
	f := make([]byte, 0, len(data)+8)
	f = append(f, STX)
	for _, b := range data {
		if b == DLE || b == ETX {
			f = append(f, DLE)
		}
		f = append(f, b)
	}
	f = append(f, ETX)
	return append(f, CRC(f[1:])), nil
}

// CRC is the exclusive or of everything after STX as sent, ETX included.
func CRC(p []byte) byte {
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
	Broken                // the byte completed or spoiled a frame
)

// Decoder takes level 2 apart byte by byte. Its zero value is ready. Bytes
// before STX give Idle: control bytes are the caller's. A time-out inside a
// frame is the caller's too: see [Decoder.Reset].
type Decoder struct {
	raw, data []byte
	masked    bool // the byte before was DLE
	ended     bool // ETX has come, the CRC follows
	over      bool
}

// Feed takes one byte.
func (d *Decoder) Feed(b byte) Status {
	if len(d.raw) == 0 || d.over {
		d.Reset()
		if b != STX {
			return Idle
		}
		d.raw = append(d.raw, b)
		return Partial
	}
	d.raw = append(d.raw, b)
	switch {
	case d.ended:
		d.over = true
		if CRC(d.raw[1:len(d.raw)-1]) != b || len(d.data) == 0 {
			return Broken
		}
		return Whole
	case d.masked:
		d.masked = false
		d.data = append(d.data, b)
	case b == DLE:
		d.masked = true
		return Partial
	case b == ETX:
		d.ended = true
		return Partial
	default:
		d.data = append(d.data, b)
	}
	if len(d.data) > MaxData {
		d.over = true
		return Broken
	}
	return Partial
}

// Inside says whether a frame has begun and is not complete.
func (d *Decoder) Inside() bool { return len(d.raw) > 0 && !d.over }

// Data is the unmasked data of the frame that was Whole, valid until the next Feed.
func (d *Decoder) Data() []byte { return d.data }

// Raw is what was collected of the present frame, valid until the next Feed.
func (d *Decoder) Raw() []byte { return d.raw }

// Reset forgets an unfinished frame.
func (d *Decoder) Reset() {
	d.raw, d.data = d.raw[:0], d.data[:0]
	d.masked, d.ended, d.over = false, false, false
}
