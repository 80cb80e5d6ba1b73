package pdf

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Missing lists the characters of a text that the embedded fonts do not have.
func Missing(text string) []rune {
	var out []rune
	for _, ttf := range Fonts {
		f, err := newFace(ttf)
		if err != nil {
			return []rune(text)
		}
		for _, r := range text {
			if r != '\n' && !f.has(r) && !slices.Contains(out, r) {
				out = append(out, r)
			}
		}
	}
	return out
}

// face is what the layout needs of a font: which characters it has and how wide
// they are, in ems.
type face struct {
	glyphs map[rune]uint16
	widths []float64 // by glyph
}

// newFace reads the tables head, hhea, hmtx and cmap (format 4) of a TrueType
// font. Characters beyond the basic plane are left out: the PDF library cannot
// write them.
func newFace(ttf []byte) (*face, error) {
	table := func(tag string) []byte {
		if len(ttf) < 12 {
			return nil
		}
		for i := range int(binary.BigEndian.Uint16(ttf[4:])) {
			if r := ttf[min(12+16*i, len(ttf)):]; len(r) >= 16 && string(r[:4]) == tag {
				off, n := int(binary.BigEndian.Uint32(r[8:])), int(binary.BigEndian.Uint32(r[12:]))
				if off+n <= len(ttf) {
					return ttf[off : off+n]
				}
			}
		}
		return nil
	}
	head, hhea, hmtx, cmap := table("head"), table("hhea"), table("hmtx"), table("cmap")
	if len(head) < 20 || len(hhea) < 36 || len(cmap) < 4 {
		return nil, fmt.Errorf("font of %d bytes: want a TrueType font with head, hhea, hmtx and cmap", len(ttf))
	}
	em := float64(binary.BigEndian.Uint16(head[18:]))
	n := int(binary.BigEndian.Uint16(hhea[34:]))
	if em == 0 || len(hmtx) < 4*n {
		return nil, fmt.Errorf("font: %d metrics in %d bytes", n, len(hmtx))
	}
	f := &face{widths: make([]float64, n)}
	for i := range n {
		f.widths[i] = float64(binary.BigEndian.Uint16(hmtx[4*i:])) / em
	}
	for i := range int(binary.BigEndian.Uint16(cmap[2:])) {
		r := cmap[min(4+8*i, len(cmap)):]
		if len(r) < 8 {
			break
		}
		platform, off := binary.BigEndian.Uint16(r), int(binary.BigEndian.Uint32(r[4:]))
		if (platform == 0 || platform == 3) && off+14 <= len(cmap) && binary.BigEndian.Uint16(cmap[off:]) == 4 {
			f.glyphs = format4(cmap[off:])
		}
	}
	if len(f.glyphs) == 0 {
		return nil, fmt.Errorf("font: no Unicode character map of format 4")
	}
	return f, nil
}

// format4 reads a segmented character map.
func format4(b []byte) map[rune]uint16 {
	u := func(i int) int {
		if i < 0 || i+2 > len(b) {
			return 0
		}
		return int(binary.BigEndian.Uint16(b[i:]))
	}
	seg2 := u(6) // twice the number of segments
	out := map[rune]uint16{}
	for s := 0; s < seg2; s += 2 {
		end, start := u(14+s), u(16+seg2+s)
		delta, at := u(16+2*seg2+s), 16+3*seg2+s
		for c := start; c <= end && c < 0xffff; c++ {
			g := c + delta
			if off := u(at); off != 0 {
				if g = u(at + off + 2*(c-start)); g != 0 {
					g += delta
				}
			}
			if g &= 0xffff; g != 0 {
				out[rune(c)] = uint16(g)
			}
		}
	}
	return out
}

// Has says whether the font has a character.
func (f *face) has(r rune) bool { _, ok := f.glyphs[r]; return ok }

func (f *face) rune(r rune) float64 {
	g := int(f.glyphs[r])
	if g >= len(f.widths) { // the last metric holds for the rest
		g = len(f.widths) - 1
	}
	return f.widths[g]
}

func (f *face) width(s string) float64 {
	w := 0.0
	for _, r := range s {
		w += f.rune(r)
	}
	return w
}

// spell writes characters that the font does not have as \u{...}.
func (f *face) spell(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r != '\n' && !f.has(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if r == '\n' || f.has(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\u{%x}`, r)
		}
	}
	return b.String()
}

// wrap breaks a line at spaces (never at no-break spaces), and inside a word
// only when the word is wider than the line. w is in ems.
func (f *face) wrap(s string, w float64) []string {
	var out []string
	line, lineW := "", 0.0
	flush := func() { out, line, lineW = append(out, strings.TrimRight(line, " ")), "", 0 }
	for _, word := range chunks(s) {
		ww := f.width(strings.TrimRight(word, " "))
		if lineW > 0 && lineW+ww > w {
			flush()
		}
		if ww <= w {
			line, lineW = line+word, lineW+f.width(word)
			continue
		}
		for _, r := range word { // a digest, a dump: hard breaks
			rw := f.rune(r)
			if lineW > 0 && lineW+rw > w {
				flush()
			}
			line, lineW = line+string(r), lineW+rw
		}
	}
	flush()
	return out
}

// chunks cuts a text after each run of spaces, and after a hyphen between letters.
func chunks(s string) []string {
	var out []string
	start := 0
	rs := []rune(s)
	for i := 1; i < len(rs); i++ {
		space := rs[i-1] == ' ' && rs[i] != ' '
		hyphen := rs[i-1] == '-' && i >= 2 && unicode.IsLetter(rs[i-2]) && unicode.IsLetter(rs[i])
		if space || hyphen {
			out = append(out, string(rs[start:i]))
			start = i
		}
	}
	return append(out, string(rs[start:]))
}
