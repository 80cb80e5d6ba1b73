package escpos

import (
	"fmt"
	"slices"
	"strings"

	atol "github.com/kkmtest/kkmtest/bench/device/atol/frame"
	shtrihm "github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
)

// Page is a code page of texts.
type Page uint8

// The pages. CP866KZ is the Kazakh variant of printers that stand under ATOL
// registers; its letters Ү and ү differ between sources (serial-atol.md 5).
const (
	CP866 Page = iota
	CP1251
	KZ1048
	CP866KZ
)

var pageNames = []string{"cp866", "cp1251", "kz-1048", "cp866-kz"}

// String is the name as [ParsePage] reads it.
func (p Page) String() string { return pageNames[min(int(p), len(pageNames)-1)] }

// ParsePage reads the name of a page.
func ParsePage(s string) (Page, error) {
	if i := slices.Index(pageNames, strings.ToLower(s)); i >= 0 {
		return Page(i), nil
	}
	return 0, fmt.Errorf("code page %q: want one of %s", s, strings.Join(pageNames, ", "))
}

// frames866 are the codes B0h to DFh and F0h to FFh of page 866.
const (
	frames866 = "░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀"
	rest866   = "ЁёЄєЇїЎў°∙·√№¤■\u00a0"
)

var upper866 = func() (t [128]rune) {
	for i := range 48 { // А to Я, а to п
		t[i] = 'А' + rune(i)
	}
	i := 0x30
	for _, r := range frames866 {
		t[i] = r
		i++
	}
	for k := range 16 { // р to я
		t[i+k] = 'р' + rune(k)
	}
	i += 16
	for _, r := range rest866 {
		t[i] = r
		i++
	}
	return t
}()

// rune is the letter of a code from 80h.
func (p Page) rune(b byte) rune {
	s := ""
	switch p {
	case CP1251:
		s = shtrihm.CP1251.Decode([]byte{b})
	case KZ1048:
		s = shtrihm.KZ1048.Decode([]byte{b})
	case CP866KZ:
		s = atol.Decode866([]byte{b})
	default:
		return upper866[b-0x80]
	}
	for _, r := range s {
		if r != 0 {
			return r
		}
	}
	return '\uFFFD'
}
