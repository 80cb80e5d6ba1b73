package frame

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	p, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The worked checksums of serial-shtrih-m.md 3.1.
func TestWorkedFrames(t *testing.T) {
	for _, tt := range []struct{ name, body, frame string }{
		{"short status, password 30", "10 1E 00 00 00", "02 05 10 1E 00 00 00 0B"},
		{"beep, password 1", "13 01 00 00 00", "02 05 13 01 00 00 00 17"},
		{"answer to beep", "13 00 01", "02 03 13 00 01 11"},
		{"error 4Fh", "13 4F", "02 02 13 4F 5E"},
		{"Z report, password 30", "41 1E 00 00 00", "02 05 41 1E 00 00 00 5A"},
		{"device type", "FC", "02 01 FC FD"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Encode(unhex(t, tt.body))
			if err != nil || !bytes.Equal(got, unhex(t, tt.frame)) {
				t.Fatalf("Encode = % X, %v; want %s", got, err, tt.frame)
			}
			var d Decoder
			for i, b := range got {
				st := d.Feed(b)
				if last := i == len(got)-1; last != (st == Whole) {
					t.Fatalf("byte %d: status %d", i, st)
				}
			}
			if !bytes.Equal(d.Body(), unhex(t, tt.body)) {
				t.Errorf("body % X, want %s", d.Body(), tt.body)
			}
		})
	}
}

func TestEncodeBounds(t *testing.T) {
	for _, tt := range []struct {
		n  int
		ok bool
	}{{0, false}, {1, true}, {255, true}, {256, false}} {
		if _, err := Encode(make([]byte, tt.n)); (err == nil) != tt.ok {
			t.Errorf("body of %d bytes: %v", tt.n, err)
		}
	}
}

func TestDecoderStatuses(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     []Status
	}{
		{"noise, then a frame", "FF 15 02 01 FC FD", []Status{Idle, Idle, Partial, Partial, Partial, Whole}},
		{"wrong checksum", "02 01 FC FC", []Status{Partial, Partial, Partial, Broken}},
		{"length zero", "02 00 02 01 FC FD", []Status{Partial, Broken, Partial, Partial, Partial, Whole}},
		{"two frames back to back", "02 01 FC FD 02 01 FC FD", []Status{Partial, Partial, Partial, Whole, Partial, Partial, Partial, Whole}},
		{"control bytes inside are data", "02 02 15 06 11", []Status{Partial, Partial, Partial, Partial, Whole}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var d Decoder
			for i, b := range unhex(t, tt.in) {
				if got := d.Feed(b); got != tt.want[i] {
					t.Fatalf("byte %d (%02X): status %d, want %d", i, b, got, tt.want[i])
				}
			}
		})
	}
	var d Decoder
	d.Feed(STX)
	if !d.Inside() {
		t.Error("a begun frame must be inside")
	}
	if d.Reset(); d.Inside() || d.Body() != nil {
		t.Error("Reset left a frame")
	}
}

// Every single damaged byte behind STX of a frame is noticed: the LRC finds all of them
// but the length byte, after which the rest does not fit.
func TestDecoderFindsDamage(t *testing.T) {
	good := unhex(t, "02 05 10 1E 00 00 00 0B")
	for i := 1; i < len(good); i++ {
		for bit := range 8 {
			p := bytes.Clone(good)
			p[i] ^= 1 << bit
			var d Decoder
			for _, b := range p {
				if d.Feed(b) == Whole {
					t.Errorf("byte %d bit %d: % X taken for a frame", i, bit, p)
				}
			}
		}
	}
}

// The worked checks of serial-shtrih-m.md 4.
func TestWorkedPackets(t *testing.T) {
	if got := CRC([]byte{0, 0}); got != 0x1D0F {
		t.Errorf("CRC(00 00) = %04X", got)
	}
	if got := CRC(unhex(t, "03 00 06 00 FC")); got != 0x63ED {
		t.Errorf("CRC = %04X, want 63ED", got)
	}
	for _, tt := range []struct {
		name string
		p    Packet
		wire string
	}{
		{"request without number", Packet{Ping: true}, "8F 00 00 0F 1D"},
		{"device type as number 6", Packet{Num: 6, Data: []byte{0xFC}}, "8F 03 00 06 00 FC ED 63"},
		{"number 008Fh is stuffed", Packet{Num: 0x8F, Data: unhex(t, "10 1E 00 00 00")}, "8F 07 00 9F 81 00 10 1E 00 00 00 6E 35"},
		{"nothing executed", Packet{}, "8F 02 00 00 00 A8 69"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := EncodeAlt(tt.p)
			if err != nil || !bytes.Equal(got, unhex(t, tt.wire)) {
				t.Fatalf("EncodeAlt = % X, %v; want %s", got, err, tt.wire)
			}
			var d AltDecoder
			var st Status
			for _, b := range got {
				st = d.Feed(b)
			}
			if p := d.Packet(); st != Whole || p.Ping != tt.p.Ping || p.Num != tt.p.Num || !bytes.Equal(p.Data, tt.p.Data) {
				t.Errorf("decoded %+v, status %d", p, st)
			}
			if !bytes.Equal(d.Raw(), got) {
				t.Errorf("raw % X", d.Raw())
			}
		})
	}
}

func TestAltDecoderBreaks(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		whole    int // packets
		broken   int
	}{
		{"bare start byte begins anew", "8F 03 00 8F 00 00 0F 1D", 1, 0},
		{"escape with a stranger", "8F 03 00 9F 82", 0, 1},
		{"length one", "8F 01 00", 0, 1},
		{"wrong checksum", "8F 00 00 0F 1C", 0, 1},
		{"length above the limit", "8F FF FF", 0, 1},
		{"noise around", "00 15 8F 00 00 0F 1D FF", 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var d AltDecoder
			whole, broken := 0, 0
			for _, b := range unhex(t, tt.in) {
				switch d.Feed(b) {
				case Whole:
					whole++
				case Broken:
					broken++
				}
			}
			if whole != tt.whole || broken != tt.broken {
				t.Errorf("%d whole, %d broken; want %d, %d", whole, broken, tt.whole, tt.broken)
			}
		})
	}
}

func TestBodyAndFields(t *testing.T) {
	day := time.Date(2026, 11, 22, 10, 15, 30, 0, time.UTC)
	b, err := New(Sale).Password(30).Sum(2000).Uint(0x1234, 2).Int(-500, 2).Date(day).Time(day).Text([]byte("ab"), 4).Bytes()
	want := unhex(t, "80 1E000000 D007000000 3412 0CFE 160B1A 0A0F1E 61620000")
	if err != nil || !bytes.Equal(b, want) {
		t.Fatalf("body % X, %v; want % X", b, err, want)
	}
	f := Read(b)
	if f.Code() != Sale || f.Password() != 30 || f.Sum() != 2000 || f.Uint(2) != 0x1234 || f.Int(2) != -500 {
		t.Error("numbers differ")
	}
	if got := f.Date().Add(f.Time()); !got.Equal(day) {
		t.Errorf("clock %v", got)
	}
	if string(f.Text(4)) != "ab" || f.Left() != 0 || f.Err() != nil {
		t.Errorf("text, %d left, %v", f.Left(), f.Err())
	}
	if f.Byte() != 0 || f.Err() == nil {
		t.Error("reading past the end must be told")
	}
	if c := Read([]byte{0xFF, 0x67, 1}).Code(); c != BindMark {
		t.Errorf("two-byte code %v", c)
	}
}

func TestValuesThatDoNotFit(t *testing.T) {
	for name, b := range map[string]*Body{
		"negative sum":   New(Sale).Sum(-1),
		"sum of 6 bytes": New(Sale).Sum(1 << 40),
		"two bytes":      New(Sale).Uint(0x10000, 2),
		"signed":         New(Sale).Int(0x8000, 2),
		"signed below":   New(Sale).Int(-0x8001, 2),
		"text":           New(Sale).Text([]byte("12345"), 4),
		"year":           New(SetDate).Date(time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)),
	} {
		if _, err := b.Bytes(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for name, b := range map[string]*Body{
		"largest sum":  New(Sale).Sum(1<<40 - 1),
		"smallest int": New(Sale).Int(-0x8000, 2),
		"largest int":  New(Sale).Int(0x7FFF, 2),
		"whole text":   New(Sale).Text([]byte("1234"), 4),
		"last year":    New(SetDate).Date(time.Date(2255, 1, 1, 0, 0, 0, 0, time.UTC)),
		"eight bytes":  New(Sale).Uint(1<<64-1, 8),
	} {
		if _, err := b.Bytes(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDatesAndTimesThatDoNotExist(t *testing.T) {
	for _, tt := range []struct {
		in   string
		date bool
		ok   bool
	}{
		{"1D 02 1C", true, true}, // 29 February 2028
		{"1D 02 1A", true, false},
		{"00 01 1A", true, false},
		{"01 0D 1A", true, false},
		{"17 3B 3B", false, true},
		{"18 00 00", false, false},
		{"00 3C 00", false, false},
		{"00 00 3C", false, false},
	} {
		f := Read(unhex(t, tt.in))
		if tt.date {
			f.Date()
		} else {
			f.Time()
		}
		if (f.Err() == nil) != tt.ok {
			t.Errorf("%s: %v", tt.in, f.Err())
		}
	}
}

// The Kazakh letters and their codes of serial-shtrih-m.md 5.
func TestKazakhLetters(t *testing.T) {
	const letters = "ӘәҒғҚқҢңӨөҰұҮүҺһІі"
	want := unhex(t, "A3 BC AA BA 8D 9D BD BE A5 B4 A1 A2 AF BF 8E 9E B2 B3")
	got, err := KZ1048.Encode(letters)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("Encode = % X, %v; want % X", got, err, want)
	}
	if s := KZ1048.Decode(want); s != letters {
		t.Errorf("Decode = %q", s)
	}
	if _, err := CP1251.Encode("Ә"); err == nil || !strings.Contains(err.Error(), "U+04D8") {
		t.Errorf("Windows-1251 has no Ә: %v", err)
	}
	if got, err := CP1251.Encode("ШТРИХ-ФР-Ф-KZ"); err != nil || !bytes.Equal(got, unhex(t, "D8D2D0C8D52DD4D02DD42D4B5A")) {
		t.Errorf("Encode = % X, %v", got, err)
	}
}

func TestTextRoundTrip(t *testing.T) {
	for _, c := range []Coding{CP1251, KZ1048} {
		free := 0
		for b := 0x20; b < 0x100; b++ {
			s := c.Decode([]byte{byte(b)})
			if s == "\ufffd" {
				free++
				continue
			}
			if got, err := c.Encode(s); err != nil || len(got) != 1 || got[0] != byte(b) {
				t.Errorf("%v %02X: %q encodes to % X, %v", c, b, s, got, err)
			}
		}
		if free != 1 {
			t.Errorf("%v has %d free codes, want 1 (98h)", c, free)
		}
		if _, err := c.Encode("a\nb"); err == nil {
			t.Errorf("%v: a control code was taken", c)
		}
		if got := string(c.EncodeLossy("1 ₸")); got != "1 ?" {
			t.Errorf("%v: lossy %q", c, got)
		}
	}
}

func TestErrorTexts(t *testing.T) {
	for _, tt := range []struct {
		code  byte
		class Class
		part  string
	}{
		{0x4E, ClassState, "Z report"},
		{0x50, ClassWait, "printing"},
		{0x6B, ClassPaper, "paper"},
		{0x45, ClassCaller, "payments"},
		{0x30, ClassLocked, "inspector"},
		{0x7B, ClassFault, "hardware"},
		{0xEE, ClassFault, "not in the document"},
	} {
		if got := ErrorText(tt.code); !strings.Contains(got, tt.part) || ClassOf(tt.code) != tt.class {
			t.Errorf("%02Xh: %q, class %c", tt.code, got, ClassOf(tt.code))
		}
	}
}

func TestAnswer(t *testing.T) {
	c, e, rest, err := Answer(unhex(t, "85 00 01 BE 55 00 00 00"))
	if c != CloseReceipt || e != 0 || len(rest) != 6 || err != nil {
		t.Errorf("%v %d % X %v", c, e, rest, err)
	}
	if c, e, _, err := Answer(unhex(t, "FF 67 33")); c != BindMark || e != 0x33 || err != nil {
		t.Errorf("%v %d %v", c, e, err)
	}
	for _, s := range []string{"", "85", "FF 67"} {
		if _, _, _, err := Answer(unhex(t, s)); err == nil {
			t.Errorf("%q: no error", s)
		}
	}
	if s := CloseReceipt.String(); s != "85h close receipt" {
		t.Errorf("name %q", s)
	}
}

// Whatever comes over the line, the decoder neither fails nor holds more than
// one frame, and what it calls whole encodes to the same bytes.
func FuzzDecoder(f *testing.F) {
	f.Add(unhex(f, "02 05 10 1E 00 00 00 0B"))
	f.Add(unhex(f, "FF 02 00 02 01 FC FD 06"))
	f.Fuzz(func(t *testing.T, p []byte) {
		var d Decoder
		for _, b := range p {
			if d.Feed(b) != Whole {
				continue
			}
			again, err := Encode(d.Body())
			if err != nil || !bytes.Equal(again, d.Raw()) {
				t.Fatalf("% X encodes to % X, %v", d.Raw(), again, err)
			}
		}
		if len(d.Raw()) > MaxBody+3 {
			t.Fatalf("%d bytes held", len(d.Raw()))
		}
	})
}

func FuzzAltDecoder(f *testing.F) {
	f.Add(unhex(f, "8F 07 00 9F 81 00 10 1E 00 00 00 6E 35"))
	f.Add(unhex(f, "8F 00 00 0F 1D 8F 9F 83"))
	f.Fuzz(func(t *testing.T, p []byte) {
		var d AltDecoder
		for _, b := range p {
			if d.Feed(b) != Whole {
				continue
			}
			again, err := EncodeAlt(d.Packet())
			if err != nil || !bytes.Equal(again, d.Raw()) {
				t.Fatalf("% X encodes to % X, %v", d.Raw(), again, err)
			}
		}
	})
}

func FuzzAltRoundTrip(f *testing.F) {
	f.Add(uint16(0x8F), []byte{0x9F, 0x8F, 0})
	f.Fuzz(func(t *testing.T, num uint16, data []byte) {
		if len(data) == 0 || len(data) > MaxAlt {
			return
		}
		wire, err := EncodeAlt(Packet{Num: num, Data: data})
		if err != nil {
			t.Fatal(err)
		}
		var d AltDecoder
		for i, b := range wire {
			if st := d.Feed(b); (st == Whole) != (i == len(wire)-1) {
				t.Fatalf("byte %d of %d: status %d", i, len(wire), st)
			}
		}
		if p := d.Packet(); p.Num != num || !bytes.Equal(p.Data, data) {
			t.Fatalf("%+v", p)
		}
	})
}

// Every field reader takes every body without failing, and says when it is short.
func FuzzFields(f *testing.F) {
	f.Add(unhex(f, "11 00 1E 31 33 B5 0A 0F 03 18"))
	f.Fuzz(func(t *testing.T, p []byte) {
		r := Read(p)
		r.Code()
		r.Password()
		r.Sum()
		r.Date()
		r.Time()
		r.Int(2)
		r.Text(3)
		need := 21
		if len(p) > 0 && p[0] == 0xFF {
			need++ // two-byte code
		}
		if len(p) < need && r.Err() == nil {
			t.Fatalf("%d bytes were enough for %d", len(p), need)
		}
		r.Rest()
		if _, _, _, err := Answer(p); err == nil && len(p) < 2 {
			t.Fatalf("answer of %d bytes", len(p))
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add("Нан ақ №1")
	f.Fuzz(func(t *testing.T, s string) {
		for _, c := range []Coding{CP1251, KZ1048} {
			p, err := c.Encode(s)
			if err == nil && c.Decode(p) != s {
				t.Fatalf("%q became %q", s, c.Decode(p))
			}
			_ = c.EncodeLossy(s)
		}
	})
}
