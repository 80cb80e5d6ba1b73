package escpos

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func docs(o Options, parts ...[]byte) []Document {
	d := New(o)
	var out []Document
	for _, p := range parts {
		out = append(out, d.Write(p)...)
	}
	if d.Pending() {
		out = append(out, d.End())
	}
	return out
}

func b(parts ...any) []byte {
	var out []byte
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			out = append(out, p...)
		case int:
			out = append(out, byte(p))
		case []byte:
			out = append(out, p...)
		}
	}
	return out
}

// Letters in each page, as their tables have them.
func TestPages(t *testing.T) {
	for _, c := range []struct {
		name string
		page Page
		raw  []byte
		want string
	}{
		{"cp866", CP866, b(0x80, 0x9F, 0xA0, 0xAF, 0xE0, 0xEF, 0xF0, 0xF1, 0xFC, 0xC4, 0xB0, 0xDF), "АЯапряЁё№─░▀"},
		{"cp1251", CP1251, b(0xC0, 0xFF, 0xA8, 0xB8, 0xB9), "АяЁё№"},
		{"KZ-1048", KZ1048, b(0xA3, 0xBC, 0xAA, 0xBA, 0x8D, 0x9D, 0xBD, 0xBE, 0xA5, 0xB4, 0xA1, 0xA2, 0xAF, 0xBF, 0x8E, 0x9E, 0xB2, 0xB3), "ӘәҒғҚқҢңӨөҰұҮүҺһІі"},
		{"cp866-kz", CP866KZ, b(0xB0, 0xB1, 0xDB, 0xDC, 0xDE, 0xDF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF6, 0xFD, 0xFE), "ӘәҒғҚқҢңӨөҰұҺһ"},
	} {
		got := docs(Options{Page: c.page}, b(c.raw, 0x0A))
		if len(got) != 1 || len(got[0].Lines) != 1 || got[0].Lines[0] != c.want || len(got[0].Problems) > 0 {
			t.Errorf("%s: %+v, want %q", c.name, got, c.want)
		}
		if p, err := ParsePage(c.page.String()); err != nil || p != c.page {
			t.Errorf("%s: %v, %v", c.page, p, err)
		}
	}
	if _, err := ParsePage("utf-8"); err == nil || !strings.Contains(err.Error(), "cp866, cp1251, kz-1048, cp866-kz") {
		t.Errorf("%v", err)
	}
}

// Every command leaves the text around it alone, whatever its parameters look
// like, and in whatever pieces it comes.
func TestCommands(t *testing.T) {
	A := "A" // parameters that would read as letters
	for name, c := range map[string][]byte{
		"ESC !": b(0x1B, "!", A), "ESC SP": b(0x1B, " ", A), "ESC -": b(0x1B, "-", A), "ESC 2": b(0x1B, "2"), "ESC 3": b(0x1B, "3", A), "ESC =": b(0x1B, "=", A),
		"ESC ?": b(0x1B, "?", A), "ESC D": b(0x1B, "D", 8, 16, 24, 0), "ESC E": b(0x1B, "E", A), "ESC G": b(0x1B, "G", A), "ESC L": b(0x1B, "L"), "ESC M": b(0x1B, "M", A),
		"ESC R": b(0x1B, "R", A), "ESC S": b(0x1B, "S"), "ESC T": b(0x1B, "T", A), "ESC U": b(0x1B, "U", A), "ESC V": b(0x1B, "V", A), "ESC W": b(0x1B, "W", "AAAAAAAA"),
		"ESC a": b(0x1B, "a", A), "ESC c": b(0x1B, "c3", A), "ESC p": b(0x1B, "p", "AAA"), "ESC r": b(0x1B, "r", A), "ESC u": b(0x1B, "u", A), "ESC {": b(0x1B, "{", A),
		"ESC %": b(0x1B, "%", 0), "ESC &": b(0x1B, "&", 1, 0x90, 0x91, 2, "AA", 3, "AAA"), "ESC *": b(0x1B, "*", 0, 3, 0, "AAA"), "ESC * 24": b(0x1B, "*", 33, 1, 0, "AAA"),
		"FS !": b(0x1C, "!", A), "FS .": b(0x1C, "."), "FS C": b(0x1C, "C", A), "FS S": b(0x1C, "S", "AA"), "FS p": b(0x1C, "p", "AA"), "FS (": b(0x1C, "(", "C", 3, 0, "AAA"),
		"FS q": b(0x1C, "q", 1, 1, 0, 1, 0, "AAAAAAAA"), "GS !": b(0x1D, "!", A), "GS *": b(0x1D, "*", 1, 1, "AAAAAAAA"), "GS (": b(0x1D, "(", "A", 2, 0, "AA"),
		"GS /": b(0x1D, "/", A), "GS :": b(0x1D, ":"), "GS B": b(0x1D, "B", A), "GS C 0": b(0x1D, "C0", "AA"), "GS C 1": b(0x1D, "C1", "AAAAAA"), "GS C ;": b(0x1D, "C;1;2;3;4;5;"),
		"GS H": b(0x1D, "H", A), "GS I": b(0x1D, "I", A), "GS L": b(0x1D, "L", "AA"), "GS P": b(0x1D, "P", "AA"), "GS T": b(0x1D, "T", A), "GS W": b(0x1D, "W", "AA"),
		"GS ^": b(0x1D, "^", "AAA"), "GS a": b(0x1D, "a", A), "GS f": b(0x1D, "f", A), "GS h": b(0x1D, "h", A), "GS w": b(0x1D, "w", A), "GS r": b(0x1D, "r", A),
		"GS g": b(0x1D, "g0", 0, "AA", 0)[:6], "GS k A": b(0x1D, "k", 4, "AAA", 0), "GS k B": b(0x1D, "k", 73, 3, "AAA"), "GS v 0": b(0x1D, "v0", 0, 2, 0, 3, 0, "AAAAAA"),
		"GS 8 L": b(0x1D, "8L", 3, 0, 0, 0, "AAA"), "GS ( k": b(0x1D, "(k", 6, 0, 49, 80, 48, "AAA"), "GS ( L": b(0x1D, "(L", 2, 0, 48, 50), "DLE EOT": b(0x10, 4, A), "DLE ENQ": b(0x10, 5, A),
		"DLE DC4": b(0x10, 0x14, 1, "AA"), "DLE DC4 8": b(0x10, 0x14, 8, "AAAAAAA"), "CR": b(0x0D), "NUL": b(0),
	} {
		raw := b("one ", c, "two", 0x0A)
		want := []string{"one two"}
		for cut := 0; cut <= len(raw); cut++ {
			got := docs(Options{}, raw[:cut], raw[cut:])
			if len(got) != 1 || !slices.Equal(got[0].Lines, want) || len(got[0].Problems) > 0 {
				t.Errorf("%s, cut at %d: %+v", name, cut, got)
				break
			}
		}
	}
}

func TestUnknownCommands(t *testing.T) {
	for _, c := range [][]byte{b(0x1B, 0x01), b(0x1D, "y"), b(0x1C, "y"), b(0x07)} {
		got := docs(Options{}, b("one", c, "two", 0x0A))
		if len(got) != 1 || len(got[0].Problems) != 1 || !strings.Contains(got[0].Problems[0], "is not known") {
			t.Errorf("% x: %+v", c, got)
		}
	}
}

func TestDocuments(t *testing.T) {
	raw := b(0x1B, "@", 0x1B, "t", 17, 0x92, 0x8E, 0x8E, 0x0A, "a", 0x09, "b", 0x0A, 0x0A, "c  ", 0x1B, "d", 3, 0x1D, "V", 65, 3, "second", 0x0A, 0x1B, "i", "third")
	got := docs(Options{}, raw)
	want := [][]string{{"ТОО", "a       b", "", "c"}, {"second"}, {"third"}}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if !slices.Equal(got[i].Lines, want[i]) || len(got[i].Problems) > 0 {
			t.Errorf("%d: %q %q, want %q", i, got[i].Lines, got[i].Problems, want[i])
		}
	}
	// A cut of white paper is no document; columns keep words apart; CAN takes text back.
	if got := docs(Options{}, b(0x0A, 0x1D, "V", 0)); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	got = docs(Options{}, b("a", 0x1B, "$", 0, 1, "b", 0x0A, "wrong", 0x18, "c", 0x0A))
	if len(got) != 1 || !slices.Equal(got[0].Lines, []string{"a b", "c"}) {
		t.Errorf("%+v", got)
	}
}

// What cannot be read is a problem, never a guess.
func TestProblems(t *testing.T) {
	got := docs(Options{}, b(0x1B, "t", 99, 0x80, "A", 0x0A))
	if len(got) != 1 || !slices.Equal(got[0].Problems, []string{"code page number 99 is not known"}) {
		t.Errorf("%+v", got)
	}
	if got := docs(Options{}, b(0x1B, "t", 99, "only ASCII", 0x0A)); len(got[0].Problems) > 0 {
		t.Errorf("a page that nothing needs: %+v", got)
	}
	if got := docs(Options{Pages: map[byte]Page{99: CP1251}}, b(0x1B, "t", 99, 0xC0, 0x0A)); got[0].Lines[0] != "А" || len(got[0].Problems) > 0 {
		t.Errorf("%+v", got)
	}
	if got := docs(Options{}, b(0x1D, "v0", 0, 1, 0, 1, 0, 0xFF, 0x1D, "V", 0)); len(got) != 1 || got[0].Pictures != 1 || !slices.Equal(got[0].Problems, []string{"the document is a picture"}) {
		t.Errorf("%+v", got)
	}
	if got := docs(Options{}, b(0x1D, "v0", 0, 1, 0, 1, 0, 0xFF, "text", 0x0A)); len(got[0].Problems) > 0 || got[0].Pictures != 1 {
		t.Errorf("a logo over text: %+v", got)
	}
	if got := docs(Options{}, bytes.Repeat([]byte("x"), maxText+1)); len(got) != 1 || len(got[0].Problems) == 0 {
		t.Error("a document without end is taken")
	}
}

// Kazakh letters that are sent as pictures are read by a table of pictures.
func TestDownloadedLetters(t *testing.T) {
	down := b(0x1B, "&", 3, 0x90, 0x91, 1, 1, 2, 3, 1, 4, 5, 6)
	text := b(0x1B, "%", 1, 0x90, 0x91, "a", 0x1B, "%", 0, 0x90, 0x0A)
	got := docs(Options{}, down, text)
	if len(got) != 1 || len(got[0].Problems) != 2 || !strings.Contains(got[0].Problems[0], "code 90h") {
		t.Fatalf("%+v", got)
	}
	sum := func(p string) string {
		f := strings.Fields(p)
		for i, w := range f {
			if w == "picture" {
				return f[i+1]
			}
		}
		return ""
	}
	table := map[string]rune{sum(got[0].Problems[0]): 'Ә', sum(got[0].Problems[1]): 'ғ'}
	got = docs(Options{Glyphs: table}, down, text)
	if len(got) != 1 || !slices.Equal(got[0].Lines, []string{"ӘғaР"}) || len(got[0].Problems) > 0 {
		t.Errorf("%+v", got)
	}
	// A reset forgets the pictures.
	got = docs(Options{Glyphs: table}, down, b(0x1B, "@"), text)
	if got[0].Lines[0] != "РСaР" {
		t.Errorf("%+v", got)
	}
}

func TestCodes(t *testing.T) {
	raw := b(0x1D, "(k", 3, 0, 49, 67, 8, 0x1D, "(k", 13, 0, 49, 80, 48, "https://a.", 0x1D, "(k", 3, 0, 49, 81, 48, 0x1D, "k", 73, 5, "{B123", "text", 0x0A)
	got := docs(Options{}, raw)
	if len(got) != 1 || !slices.Equal(got[0].Codes, []string{"https://a.", "{B123"}) || !slices.Equal(got[0].Lines, []string{"text"}) {
		t.Errorf("%+v", got)
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add([]byte("text\n\x1dV\x00"), 3)
	f.Add(b(0x1B, "&", 3, 0x90, 0x91, 1, 1, 2, 3), 2)
	f.Add(b(0x1D, "(k", 255, 255, 0), 1)
	f.Add(b(0x1C, "q", 255, 255, 255, 255, 255), 1)
	f.Fuzz(func(t *testing.T, raw []byte, cut int) {
		whole := docs(Options{Page: KZ1048}, raw)
		n := 0
		if len(raw) > 0 {
			n = int(uint(cut) % uint(len(raw)))
		}
		parts := docs(Options{Page: KZ1048}, raw[:n], raw[n:])
		if len(whole) != len(parts) {
			t.Fatalf("%d documents in one piece, %d in two", len(whole), len(parts))
		}
		for i := range whole {
			if !slices.Equal(whole[i].Lines, parts[i].Lines) {
				t.Errorf("%q in one piece, %q in two", whole[i].Lines, parts[i].Lines)
			}
			for _, l := range whole[i].Lines {
				if strings.ContainsAny(l, "\n\r\x1b") {
					t.Errorf("line %q", l)
				}
			}
		}
	})
}
