package pdf

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/kkmtest/kkmtest/reports/paper"
	"github.com/kkmtest/kkmtest/reports/words"
)

// kazakh has every letter that Russian does not have, and the signs of our texts.
const kazakh = "ӘәҒғҚқҢңӨөҰұҮүҺһІі ЁёЩщЪъЫыЭэЮюЯя №₸✓✗⚠?☐—○·≤≥…«»±×→−\u00a0"

func table(rows int, text string) paper.Doc {
	t := paper.Table{Widths: []int{300, 1500}, Head: []string{"Р/с №", "Талап"}}
	for i := range rows {
		t.Rows = append(t.Rows, paper.Row{Cells: []paper.Cell{{Text: fmt.Sprintf("row-%d", i)}, {Text: fmt.Sprintf("%s end-%d", text, i)}}})
	}
	return paper.Doc{Lang: "kk", Title: "Сәйкестік нысаны", Made: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC), Footer: "{page}-бет, барлығы {pages}",
		Blocks: []paper.Block{
			paper.Notice{Text: "Ескерту"},
			paper.Heading{Text: "Бірінші бөлім", Level: 1},
			paper.Para{Text: kazakh},
			t,
			paper.Heading{Text: "Қосымша", Level: 2, NewPage: true},
		}}
}

func written(t testing.TB, d paper.Doc) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pages is the text layer: the lines of each page, as they were drawn.
func pages(t testing.TB, raw []byte) [][]string {
	t.Helper()
	var out [][]string
	stream := regexp.MustCompile(`(?s)stream\r?\n(.*?)\r?\nendstream`)
	shown := regexp.MustCompile(`(?s)Td \((.*?)\) Tj ET`)
	for _, m := range stream.FindAllSubmatch(raw, -1) {
		z, err := zlib.NewReader(bytes.NewReader(m[1]))
		if err != nil {
			continue
		}
		text, err := io.ReadAll(z)
		if err != nil || !bytes.Contains(text, []byte("Tj ET")) {
			continue
		}
		var lines []string
		for _, s := range shown.FindAllSubmatch(text, -1) {
			lines = append(lines, utf16Text(s[1]))
		}
		out = append(out, lines)
	}
	return out
}

func utf16Text(b []byte) string {
	var raw []byte
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) {
			i++
			if b[i] == 'r' {
				raw = append(raw, '\r')
				continue
			}
		}
		raw = append(raw, b[i])
	}
	var u []uint16
	for i := 0; i+1 < len(raw); i += 2 {
		u = append(u, uint16(raw[i])<<8|uint16(raw[i+1]))
	}
	return string(utf16.Decode(u))
}

func TestTextCanBeSearched(t *testing.T) {
	ps := pages(t, written(t, table(3, "БКМ әрбір чекке фискалдық белгі қояды")))
	if len(ps) != 2 {
		t.Fatalf("%d pages, want 2", len(ps))
	}
	got := strings.Join(ps[0], "\n")
	for _, want := range []string{"Ескерту", "Бірінші бөлім", "ӘәҒғҚқҢңӨөҰұҮүҺһІі", "№₸✓✗⚠?☐—○·≤≥…«»±×→−", "БКМ әрбір чекке фискалдық белгі қояды end-2", "1-бет, барлығы 2"} {
		if !strings.Contains(got, want) {
			t.Errorf("page 1 lacks %q:\n%s", want, got)
		}
	}
	if !slices.Equal(ps[1], []string{"Қосымша", "2-бет, барлығы 2"}) {
		t.Errorf("page 2: %q", ps[1])
	}
}

// A row stands whole on one page, and every page of a table begins with its head.
func TestRowsAreNotTorn(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("ұзақ мәтін ", 60))
	ps := pages(t, written(t, table(40, long)))
	if len(ps) < 5 {
		t.Fatalf("only %d pages", len(ps))
	}
	for i := range 40 {
		var begin, end int
		for n, p := range ps {
			for _, l := range p {
				if l == fmt.Sprintf("row-%d", i) {
					begin = n + 1
				}
				if strings.HasSuffix(l, fmt.Sprintf("end-%d", i)) {
					end = n + 1
				}
			}
		}
		if begin == 0 || begin != end {
			t.Errorf("row %d begins on page %d and ends on page %d", i, begin, end)
		}
	}
	for n, p := range ps[1 : len(ps)-1] {
		if p[0] != "Р/с №" {
			t.Errorf("page %d begins with %q, want the head of the table", n+2, p[0])
		}
	}
}

// Only a row taller than a page is torn, and nothing of it is lost.
func TestGiantRow(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("0123456789 ", 3000))
	ps := pages(t, written(t, table(1, long)))
	n := 0
	for _, p := range ps {
		for _, l := range p {
			n += strings.Count(l, "0123456789")
		}
	}
	if n != 3000 {
		t.Errorf("%d of 3000 words on %d pages", n, len(ps))
	}
}

func TestSameBytes(t *testing.T) {
	d := table(30, "мәтін")
	if !bytes.Equal(written(t, d), written(t, d)) {
		t.Error("two writings of one document differ")
	}
	later := d
	later.Made = d.Made.Add(time.Hour)
	if bytes.Equal(written(t, d), written(t, later)) {
		t.Error("the document's own time is not in the file")
	}
}

func TestPropertiesAndOutline(t *testing.T) {
	raw := string(written(t, table(3, "x")))
	for _, want := range []string{"/Lang (kk)", "/Outlines", "/Count 2", "/CreationDate (D:20260105090000"} {
		if !strings.Contains(raw, want) {
			t.Errorf("the file lacks %q", want)
		}
	}
	title := utf16.Encode([]rune("Сәйкестік нысаны"))
	if !strings.Contains(raw, string([]byte{byte(title[0] >> 8), byte(title[0]), byte(title[1] >> 8), byte(title[1])})) {
		t.Error("the title is not in the properties")
	}
}

// The embedded fonts are asked for every letter of every text of ours.
func TestFontsHaveEveryLetter(t *testing.T) {
	texts := kazakh
	for _, k := range words.Keys("") {
		e, _ := words.Get(k)
		texts += e.KK + e.RU + e.EN
	}
	for r := rune('А'); r <= 'я'; r++ {
		texts += string(r)
	}
	for r := rune(' '); r <= '~'; r++ {
		texts += string(r)
	}
	for style, ttf := range Fonts {
		f, err := newFace(ttf)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range texts {
			if !f.has(r) {
				t.Errorf("font %q lacks %q (%U)", style, r, r)
			}
		}
		if f.has('漢') || f.has('\U0001F600') {
			t.Errorf("font %q claims letters that it does not have", style)
		}
	}
}

// What the fonts lack is spelled out.
func TestUnknownCharactersShow(t *testing.T) {
	d := table(1, "чек 😀 漢")
	got := strings.Join(pages(t, written(t, d))[0], "\n")
	if !strings.Contains(got, `чек \u{1f600} \u{6f22} end-0`) {
		t.Errorf("got\n%s", got)
	}
}

func TestWrap(t *testing.T) {
	f, err := newFace(Fonts[""])
	if err != nil {
		t.Fatal(err)
	}
	em := f.width("0") // digits are of one width
	for _, tt := range []struct {
		name, give string
		digits     float64
		want       []string
	}{
		{"fits", "1234", 4.01, []string{"1234"}},
		{"breaks at a space", "1234 5678", 5, []string{"1234", "5678"}},
		{"never at a no-break space", "123 4\u00a05", 5, []string{"123", "4\u00a05"}},
		{"a word too long", "123456789", 4.01, []string{"1234", "5678", "9"}},
		{"empty", "", 4, []string{""}},
		{"a hyphen between letters", "aaaa-bbbb", 6, []string{"aaaa-", "bbbb"}},
		{"a range stays whole", "12 12-14", 5.5, []string{"12", "12-14"}},
	} {
		if got := f.wrap(tt.give, tt.digits*em); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestNewFaceRefuses(t *testing.T) {
	for _, b := range [][]byte{nil, []byte("not a font"), Fonts[""][:200], bytes.Repeat([]byte{0xff}, 300)} {
		if _, err := newFace(b); err == nil {
			t.Errorf("%d bytes pass for a font", len(b))
		}
	}
}

func TestWriteRefusesAMisshapenTable(t *testing.T) {
	d := table(1, "x")
	d.Blocks = append(d.Blocks, paper.Table{Widths: []int{100}})
	if err := Write(io.Discard, d); err == nil || !strings.Contains(err.Error(), "columns are 100 wide, want 1800") {
		t.Errorf("got %v", err)
	}
}
