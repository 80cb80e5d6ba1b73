package inet

import (
	"encoding/hex"
	"testing"
)

func TestChecksum(t *testing.T) {
	for _, tt := range []struct {
		name, bytes string
		want        uint16
	}{
		{"RFC 1071, section 3", "0001f203f4f5f6f7", 0x220d},
		{"nothing", "", 0xffff},
		{"an odd byte counts as the upper half", "01", 0xfeff},
		{"all ones add up to zero", "ffff", 0},
		{"more than eight bytes and an odd one", "0001f203f4f5f6f70001f203f4f5f6f780", 0xc419},
	} {
		b, err := hex.DecodeString(tt.bytes)
		if err != nil {
			t.Fatal(err)
		}
		if got := Fold(Sum(0, b)); got != tt.want {
			t.Errorf("%s: %04x, want %04x", tt.name, got, tt.want)
		}
		// the plain definition, word by word with end-around carry
		var s uint32
		for i := 0; i < len(b); i += 2 {
			w := uint32(b[i]) << 8
			if i+1 < len(b) {
				w |= uint32(b[i+1])
			}
			if s += w; s > 0xffff {
				s -= 0xffff
			}
		}
		if got := Fold(Sum(0, b)); got != ^uint16(s) {
			t.Errorf("%s: %04x, word by word %04x", tt.name, got, ^uint16(s))
		}
	}
}
