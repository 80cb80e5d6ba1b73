package frame

import "fmt"

// Bytes of the alternative level (4).
const (
	AltSTX byte = 0x8F
	AltESC byte = 0x9F
)

// MaxAlt bounds the data of an alternative packet. The document sets no bound
// below 65533; ours keeps a broken length from collecting forever.
const MaxAlt = 4096

// Packet is one packet of the alternative level.
type Packet struct {
	Ping bool   // LEN = 0: a request without number, or "which number are you at"
	Num  uint16 // number of the packet
	Data []byte // command code and parameters; empty in the answer of a register that has executed nothing
}

// CRC is CRC-16, polynomial 1021h, start FFFFh, not reflected, no final exclusive or.
func CRC(p []byte) uint16 {
	crc := uint16(0xFFFF)
	for _, b := range p {
		crc ^= uint16(b) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}

// EncodeAlt makes a packet of the alternative level.
func EncodeAlt(p Packet) ([]byte, error) {
	if len(p.Data) > MaxAlt {
		return nil, fmt.Errorf("packet of %d bytes: the limit of the alternative level is %d here", len(p.Data), MaxAlt)
	}
	var plain []byte
	if p.Ping {
		plain = []byte{0, 0}
	} else {
		n := len(p.Data) + 2
		plain = append(plain, byte(n), byte(n>>8), byte(p.Num), byte(p.Num>>8))
		plain = append(plain, p.Data...)
	}
	crc := CRC(plain)
	plain = append(plain, byte(crc), byte(crc>>8))
	out := make([]byte, 0, len(plain)+8)
	out = append(out, AltSTX)
	for _, b := range plain {
		switch b {
		case AltSTX:
			out = append(out, AltESC, 0x81)
		case AltESC:
			out = append(out, AltESC, 0x83)
		default:
			out = append(out, b)
		}
	}
	return out, nil
}

// AltDecoder takes the alternative level apart byte by byte. Its zero value is ready.
type AltDecoder struct {
	in    bool
	esc   bool
	plain []byte
	raw   []byte
}

// Feed takes one byte. A bare 8Fh inside a packet breaks it and begins the next
// one: the status is then Partial and the broken one is gone.
func (d *AltDecoder) Feed(b byte) Status {
	if b == AltSTX {
		d.in, d.esc = true, false
		d.plain, d.raw = d.plain[:0], append(d.raw[:0], b)
		return Partial
	}
	if !d.in {
		return Idle
	}
	d.raw = append(d.raw, b)
	switch {
	case d.esc && b == 0x81:
		b, d.esc = AltSTX, false
	case d.esc && b == 0x83:
		b, d.esc = AltESC, false
	case d.esc:
		d.in = false
		return Broken
	case b == AltESC:
		d.esc = true
		return Partial
	}
	d.plain = append(d.plain, b)
	if len(d.plain) < 2 {
		return Partial
	}
	n := int(d.plain[0]) | int(d.plain[1])<<8
	switch {
	case n == 1 || n > MaxAlt+2:
		d.in = false
		return Broken
	case len(d.plain) < n+4:
		return Partial
	}
	d.in = false
	if CRC(d.plain[:n+2]) != uint16(d.plain[n+2])|uint16(d.plain[n+3])<<8 {
		return Broken
	}
	return Whole
}

// Inside says whether a packet has begun and is not complete.
func (d *AltDecoder) Inside() bool { return d.in }

// Packet is the packet that was Whole; Data is valid until the next Feed.
func (d *AltDecoder) Packet() Packet {
	if len(d.plain) < 6 {
		return Packet{Ping: true}
	}
	return Packet{Num: uint16(d.plain[2]) | uint16(d.plain[3])<<8, Data: d.plain[4 : len(d.plain)-2]}
}

// Raw is what was collected of the present packet, stuffed, valid until the next Feed.
func (d *AltDecoder) Raw() []byte { return d.raw }

// Reset forgets an unfinished packet.
func (d *AltDecoder) Reset() { d.in = false }
