package frame

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	p, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func feed(d *Decoder, p []byte) (last Status) {
	for _, b := range p {
		last = d.Feed(b)
	}
	return last
}

func same(a, b Frame) bool {
	return a.Seq == b.Seq && a.Cmd == b.Cmd && bytes.Equal(a.Data, b.Data) && bytes.Equal(a.Status, b.Status)
}

// The worked examples of the document, both ways (3, 4).
func TestFramesOfTheDocument(t *testing.T) {
	idle := []byte{0x80, 0x80, 0x80, 0x80, 0x86, 0x9A}
	for _, tt := range []struct {
		f   Family
		x   Frame
		raw string
	}{
		{P, Frame{0x20, GetStatus, nil, nil}, "01 24 20 4A 05 30 30 39 33 03"},
		{P, Frame{0x21, CloseService - 1, nil, idle}, "01 2B 21 26 04 80 80 80 80 86 9A 05 30 33 39 3B 03"},
		{P, Frame{0x22, OpenReceipt, []byte("1,0000,1"), nil}, "01 2C 22 30 31 2C 30 30 30 30 2C 31 05 30 31 3F 3D 03"},
		{X, Frame{0x20, GetStatus, nil, nil}, "01 30 30 32 3A 20 30 30 34 3A 05 30 31 3B 3F 03"},
		{X, Frame{0x21, DailyReport, []byte("Z\t"), nil}, "01 30 30 32 3C 21 30 30 34 35 5A 09 05 30 32 32 30 03"},
	} {
		want := unhex(t, tt.raw)
		got, err := tt.f.Encode(tt.x)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v: % X, %v; want % X", tt.f, got, err, want)
		}
		d := Decoder{Family: tt.f, Answers: tt.x.Status != nil}
		if s := feed(&d, want); s != Whole || !same(d.Frame(), tt.x) {
			t.Errorf("% X: status %d, %+v", want, s, d.Frame())
		}
		for i := range want {
			bad := bytes.Clone(want)
			bad[i] ^= 0x02
			d := Decoder{Family: tt.f, Answers: tt.x.Status != nil}
			if s := feed(&d, bad); s == Whole {
				t.Errorf("% X with a bad byte %d was taken", want, i)
			}
		}
	}
}

func TestLimitsOfFrames(t *testing.T) {
	text := func(n int) []byte { return bytes.Repeat([]byte{'a'}, n) }
	six, eight := bytes.Repeat([]byte{0x80}, 6), bytes.Repeat([]byte{0x80}, 8)
	for _, tt := range []struct {
		name string
		f    Family
		x    Frame
		ok   bool
	}{
		{"213 bytes", P, Frame{0x20, 49, text(213), nil}, true},
		{"214 bytes", P, Frame{0x20, 49, text(214), nil}, false},
		{"answer of 212", P, Frame{0x20, 49, text(212), six}, true},
		{"answer of 213", P, Frame{0x20, 49, text(213), six}, false},
		{"X of 2048", X, Frame{0x20, 49, text(2048), eight}, true},
		{"X of 2049", X, Frame{0x20, 49, text(2049), nil}, false},
		{"number 1F", P, Frame{0x1F, 49, nil, nil}, false},
		{"number 7F", P, Frame{0x7F, 49, nil, nil}, true},
		{"number 80", P, Frame{0x80, 49, nil, nil}, false},
		{"number 80 of X", X, Frame{0x80, 49, nil, nil}, true},
		{"five status bytes", P, Frame{0x20, 49, nil, six[:5]}, false},
		{"six on X", X, Frame{0x20, 49, nil, six}, false},
		{"control byte", P, Frame{0x20, 49, []byte{5}, nil}, false},
		{"tab and line feed", P, Frame{0x20, 49, []byte("a\nb\tA1"), nil}, true},
	} {
		raw, err := tt.f.Encode(tt.x)
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		d := Decoder{Family: tt.f, Answers: tt.x.Status != nil}
		if tt.ok && (feed(&d, raw) != Whole || !same(d.Frame(), tt.x)) {
			t.Errorf("%s does not come back", tt.name)
		}
	}
	d := Decoder{}
	for _, b := range []byte{NAK, SYN, 0xFF, EOT} {
		if d.Feed(b) != Idle || d.Inside() {
			t.Errorf("%02X outside a frame", b)
		}
	}
	d.Feed(SOH)
	if !d.Inside() {
		t.Error("not inside after SOH")
	}
	d.Reset()
	if d.Inside() || feed(&d, []byte{SOH, 0x23}) != Broken {
		t.Error("a length below the least was taken")
	}
}

func TestAmounts(t *testing.T) {
	for s, want := range map[string]int64{"0000078050": 78050, "+000078050": 78050, "-100": -100, "780.50": 78050, "-0.05": -5, "1234.56": 123456, "0": 0, " 219.50 ": 21950} {
		if got, err := Amount(s); err != nil || got != want {
			t.Errorf("%q = %d, %v; want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "+", "1.5", "1.500", "--1", "1,50", "x", "99999999999999999999", ".50"} {
		if n, err := Amount(s); err == nil {
			t.Errorf("%q was read as %d", s, n)
		}
	}
}

func TestFieldsAndNames(t *testing.T) {
	if got := P.Fields([]byte("P,1,,2")); !slices.Equal(got, []string{"P", "1", "", "2"}) {
		t.Errorf("%q", got)
	}
	if got := X.Fields([]byte("0\t14\t\t")); !slices.Equal(got, []string{"0", "14", ""}) {
		t.Errorf("%q", got)
	}
	if got := string(X.Join("1", "0000", "1", "")); got != "1\t0000\t1\t\t" {
		t.Errorf("%q", got)
	}
	if got := string(P.Join("1", "0000", "1")); got != "1,0000,1" || len(X.Join()) != 0 {
		t.Errorf("%q", got)
	}
	for want, got := range map[string]string{"46 open storno receipt": P.Name(46), "46": X.Name(46), "43 open storno receipt": X.Name(43), "56 close receipt": P.Name(56)} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// The bits of section 6 that speak of a command.
func TestStatus(t *testing.T) {
	for _, tt := range []struct {
		status               string
		refused, paper, open bool
		text                 string
	}{
		{"80 80 80 80 86 9A", false, false, false, ""},
		{"A0 82 80 80 86 9A", true, false, false, "not allowed now"},
		{"A2 80 80 80 86 9A", true, false, false, "unknown command"},
		{"A1 80 80 80 86 9A", true, false, false, "syntax"},
		{"A0 80 81 80 86 9A", false, true, false, "no paper"},
		{"C0 80 80 80 86 9A", false, false, false, "cover open"},
		{"80 80 88 80 86 9A", false, false, true, ""},
		{"A0 83 88 80 86 9A 80 80", true, false, true, "not allowed now, overflow"},
	} {
		s := unhex(t, tt.status)
		if Refused(s) != tt.refused || NoPaper(s) != tt.paper || ReceiptOpen(s) != tt.open || StatusText(s) != tt.text {
			t.Errorf("%s: refused %v, no paper %v, open %v, %q", tt.status, Refused(s), NoPaper(s), ReceiptOpen(s), StatusText(s))
		}
	}
	if Code(unhex(t, "A0 82 80 80 86 9A")) != 0xA08280 || Code(nil) != 0 || Refused(nil) || NoPaper(nil) || ReceiptOpen(nil) {
		t.Error("code of a status")
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add([]byte{0x01, 0x24, 0x20, 0x4A, 0x05, 0x30, 0x30, 0x39, 0x33, 0x03}, uint8(0))
	f.Add([]byte{0x01, 0x2B, 0x21, 0x26, 0x04, 0x80, 0x80, 0x80, 0x80, 0x86, 0x9A, 0x05, 0x30, 0x33, 0x39, 0x3B, 0x03}, uint8(1))
	f.Add([]byte{0x01, 0x30, 0x30, 0x32, 0x3A, 0x20, 0x30, 0x30, 0x34, 0x3A, 0x05, 0x30, 0x31, 0x3B, 0x3F, 0x03}, uint8(2))
	f.Fuzz(func(t *testing.T, p []byte, kind uint8) {
		d := Decoder{Family: Family(kind >> 1 & 1), Answers: kind&1 != 0}
		for _, b := range p {
			if d.Feed(b) != Whole {
				continue
			}
			x := d.Frame()
			raw, err := d.Family.Encode(x)
			if err != nil && len(x.Data) <= 200 {
				t.Fatalf("%+v: %v", x, err)
			}
			if err == nil && !bytes.Equal(raw, d.Raw()) {
				t.Fatalf("% X came back as % X", d.Raw(), raw)
			}
		}
	})
}
