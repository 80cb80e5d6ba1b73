// Package inet computes the Internet checksum (RFC 1071). It knows no header;
// [Sum] adds up what a checksum covers, [Fold] makes the checksum of it.
package inet

import "encoding/binary"

// Sum adds the 16-bit words of b to s; a last odd byte counts as if a zero followed.
// It does not overflow for anything that fits an IP packet.
func Sum(s uint64, b []byte) uint64 {
	for len(b) >= 8 {
		v := binary.BigEndian.Uint64(b)
		s += v>>32 + v&0xffffffff
		b = b[8:]
	}
	for len(b) > 1 {
		s += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		s += uint64(b[0]) << 8
	}
	return s
}

// Fold is the checksum of a sum.
func Fold(s uint64) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return ^uint16(s)
}
