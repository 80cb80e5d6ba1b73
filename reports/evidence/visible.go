// Package evidence shows what a finding rests on: each event of a record as
// text that a person can read, with bytes, decoded CPCR messages and printed lines.
//
// It never judges and never trusts: what came from a device, a printer or a
// network is shown with control codes spelled out, so that no report can be
// steered by what it quotes.
//
// Begin with [Of].
package evidence

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Visible spells out what a terminal, a browser or an XML reader would act on
// or choke on: control codes (escape becomes \x1b), line ends, marks that turn
// the direction of writing, bytes that are not UTF-8.
func Visible(s string) string { return visible(s, false) }

// VisibleText is Visible for texts of several lines: line ends and tabs stay.
func VisibleText(s string) string { return visible(s, true) }

func visible(s string, lines bool) string {
	clean := true
	for _, r := range s {
		if !shown(r, lines) || r == utf8.RuneError {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n <= 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
			n = 1
		case shown(r, lines):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u{%x}`, r)
		}
		i += n
	}
	return b.String()
}

func shown(r rune, lines bool) bool {
	switch {
	case r == '\n' || r == '\t':
		return lines
	case r < 0x20 || r >= 0x7f && r < 0xa0:
		return false
	case r < 0x600 && r != 0xad: // Latin, Greek, Cyrillic: nothing hides there but the soft hyphen
		return true
	case unicode.In(r, unicode.Cf, unicode.Cs, unicode.Co, unicode.Zl, unicode.Zp): // bidi marks, joiners, tags, private use
		return false
	}
	return r < 0xfff0 || r > 0xffff || r == utf8.RuneError // XML has no U+FFFE and U+FFFF
}
