package frame

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Coding is a single-byte code page of a register's texts (5).
type Coding uint8

// The codings. KZ1048 is Windows-1251 with nine pairs of Kazakh letters in the
// place of letters of other languages; registers that report language 3 use it.
const (
	CP1251 Coding = iota
	KZ1048
)

// String names the coding.
func (c Coding) String() string {
	if c == KZ1048 {
		return "KZ-1048"
	}
	return "Windows-1251"
}

// undefined stands for the code 98h that Windows-1251 leaves free.
const undefined = utf8.RuneError

// upper1251 are the letters of the codes 80h to BFh; C0h to FFh are А to я.
const upper1251 = "ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏ" +
	"ђ‘’“”•–—\ufffd™љ›њќћџ" +
	"\u00a0ЎўЈ¤Ґ¦§Ё©Є«¬\u00ad®Ї" +
	"°±Ііґµ¶·ё№є»јЅѕї"

// kazakh are the codes in which KZ-1048 differs.
var kazakh = map[byte]rune{
	0x8D: 'Қ', 0x8E: 'Һ', 0x9D: 'қ', 0x9E: 'һ', 0xA1: 'Ұ', 0xA2: 'ұ', 0xA3: 'Ә', 0xA5: 'Ө', 0xAA: 'Ғ',
	0xAF: 'Ү', 0xB2: 'І', 0xB3: 'і', 0xB4: 'ө', 0xBA: 'ғ', 0xBC: 'ә', 0xBD: 'Ң', 0xBE: 'ң', 0xBF: 'ү',
}

type page struct {
	toRune [256]rune
	toByte map[rune]byte
}

var pages = [2]page{makePage(nil), makePage(kazakh)}

func makePage(changes map[byte]rune) page {
	p := page{toByte: make(map[rune]byte, 256)}
	for i := range 0x80 {
		p.toRune[i] = rune(i)
	}
	i := 0x80
	for _, r := range upper1251 {
		p.toRune[i] = r
		i++
	}
	for ; i < 0x100; i++ {
		p.toRune[i] = 'А' + rune(i-0xC0)
	}
	for b, r := range changes {
		p.toRune[b] = r
	}
	for b, r := range p.toRune {
		if r != undefined {
			p.toByte[r] = byte(b)
		}
	}
	return p
}

func (c Coding) page() *page { return &pages[min(int(c), 1)] }

// Encode makes bytes of s. A letter that the coding does not have, or a control
// code below 20h, is an error that names it: a replaced letter would falsify
// what the bench later reads from the receipt.
func (c Coding) Encode(s string) ([]byte, error) {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		b, ok := c.page().toByte[r]
		if !ok || b < 0x20 {
			return nil, fmt.Errorf("text %q: %s has no %U", s, c, r)
		}
		out = append(out, b)
	}
	return out, nil
}

// EncodeLossy replaces what the coding does not have with a question mark.
func (c Coding) EncodeLossy(s string) []byte {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		b, ok := c.page().toByte[r]
		if !ok || b < 0x20 {
			b = '?'
		}
		out = append(out, b)
	}
	return out
}

// Decode makes text of bytes; the one free code becomes U+FFFD.
func (c Coding) Decode(p []byte) string {
	var s strings.Builder
	for _, b := range p {
		s.WriteRune(c.page().toRune[b])
	}
	return s.String()
}
