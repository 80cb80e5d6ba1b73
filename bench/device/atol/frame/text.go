package frame

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// upper866 are the letters of the codes 80h to FFh of code page 866.
const upper866 = "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмноп" +
	"░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀" +
	"рстуфхцчшщъыьэюяЁёЄєЇїЎў°∙·√№¤■\u00a0"

// kazakh are the codes in which Kazakh registers differ (5). The letter Ү has
// one source for each of its codes; that of the register driver stands here
// (a driver of receipt printers has F2h for the small one).
var kazakh = map[byte]rune{0xB0: 'Ә', 0xB1: 'ә', 0xDB: 'Ғ', 0xDC: 'ғ', 0xDE: 'Қ', 0xDF: 'қ', 0xF0: 'Ң', 0xF1: 'ң',
	0xF3: 'Ө', 0xF4: 'ө', 0xF5: 'Ұ', 0xF6: 'ұ', 0xF7: 'Ү', 0xF8: 'ү', 0xFD: 'Һ', 0xFE: 'һ', 0x24: '№', 0x7F: '\u00a0'}

var (
	toRune [256]rune
	toByte = map[rune]byte{}
)

func init() {
	for i := range 0x80 {
		toRune[i] = rune(i)
	}
	i := 0x80
	for _, r := range upper866 {
		toRune[i] = r
		i++
	}
	for b, r := range kazakh {
		toRune[b] = r
	}
	for b, r := range toRune {
		if _, twice := toByte[r]; !twice && b >= 0x20 {
			toByte[r] = byte(b)
		}
	}
}

// twins are letters that the registers print with the sign of another one.
var twins = map[rune]rune{'І': 'I', 'і': 'i', 'Ё': 'Е', 'ё': 'е'}

// Encode makes bytes of s in the Kazakh variant of code page 866. A letter that
// it does not have, or that would travel as another one (І as the Latin I, Ё as
// Е), is an error that names it: a replaced letter would falsify what the bench
// later reads from receipt and message.
func Encode866(s string) ([]byte, error) {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		if t, ok := twins[r]; ok {
			return nil, fmt.Errorf("text %q: code page 866 of Kazakh registers has %q (%U) only as %q (%U)", s, r, r, t, t)
		}
		b, ok := toByte[r]
		if !ok {
			return nil, fmt.Errorf("text %q: code page 866 of Kazakh registers has no %U", s, r)
		}
		out = append(out, b)
	}
	return out, nil
}

// Encode866Twins is Encode866 with І sent as the Latin I; [Decode866Twins]
// finds it again.
func Encode866Twins(s string) ([]byte, error) {
	return Encode866(strings.NewReplacer("І", "I", "і", "i").Replace(s))
}

// Encode866Lossy replaces what the code page does not have: І and Ё by their
// twins, all else by a question mark.
func Encode866Lossy(s string) []byte {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		if t, ok := twins[r]; ok {
			r = t
		}
		b, ok := toByte[r]
		if !ok {
			b = '?'
		}
		out = append(out, b)
	}
	return out
}

// Decode866 makes text of bytes.
func Decode866(p []byte) string {
	var s strings.Builder
	for _, b := range p {
		s.WriteRune(toRune[b])
	}
	return s.String()
}

// Decode866Twins makes text of bytes and reads a Latin I between Cyrillic
// letters as the Kazakh letter that it looks like.
func Decode866Twins(p []byte) string {
	rs := []rune(Decode866(p))
	cyrillic := func(i int) bool { return i >= 0 && i < len(rs) && unicode.Is(unicode.Cyrillic, rs[i]) }
	for again := true; again; {
		again = false
		for i, r := range rs {
			if (r == 'I' || r == 'i') && (cyrillic(i-1) || cyrillic(i+1)) {
				rs[i] = map[rune]rune{'I': 'І', 'i': 'і'}[r]
				again = true
			}
		}
	}
	return string(rs)
}

// Letters counts the letters of a text, which are its bytes in the code page.
func Letters(s string) int { return utf8.RuneCountInString(s) }
