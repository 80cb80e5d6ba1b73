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

func feed(d *Decoder, p []byte) (last Status) {
	for _, b := range p {
		last = d.Feed(b)
	}
	return last
}

// The worked examples of the document, both ways (3.1).
func TestFramesOfTheDocument(t *testing.T) {
	for _, tt := range []struct{ data, frame string }{
		{"1F 00 FF 10 02 03 1A", "02 1F 00 FF 10 10 02 10 03 1A 03 E8"},
		{"00 00 45", "02 00 00 45 03 46"},
		{"55 01 00", "02 55 01 00 03 57"},
		{"00 00 52 00 00 00 00 10 03 00 00 00 10 00 03", "02 00 00 52 00 00 00 00 10 10 10 03 00 00 00 10 10 00 10 03 03 51"},
	} {
		data, want := unhex(t, tt.data), unhex(t, tt.frame)
		got, err := Encode(data)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("Encode(% X) = % X, %v; want % X", data, got, err, want)
		}
		var d Decoder
		if s := feed(&d, want); s != Whole || !bytes.Equal(d.Data(), data) {
			t.Errorf("decoded % X: status %d, % X", want, s, d.Data())
		}
		for i := range want[1:] {
			bad := bytes.Clone(want)
			bad[i+1] ^= 0x20
			var d Decoder
			if s := feed(&d, bad); s == Whole && bytes.Equal(d.Data(), data) {
				t.Errorf("% X with a bad byte %d was taken for the frame", bad, i+1)
			}
		}
	}
	if _, err := Encode(nil); err == nil {
		t.Error("a frame without data was made")
	}
	if _, err := Encode(make([]byte, MaxData+1)); err == nil {
		t.Error("a frame that is too long was made")
	}
}

func TestDecoderBetweenFrames(t *testing.T) {
	var d Decoder
	for _, b := range []byte{ENQ, ACK, NAK, EOT, 0xFF} {
		if s := d.Feed(b); s != Idle || d.Inside() {
			t.Errorf("%02X outside a frame: status %d", b, s)
		}
	}
	d.Feed(STX)
	if !d.Inside() {
		t.Error("not inside after STX")
	}
	d.Reset()
	if d.Inside() {
		t.Error("inside after a reset")
	}
	if s := feed(&d, []byte{STX, ETX, ETX}); s != Broken {
		t.Errorf("an empty frame: status %d", s)
	}
	long := append([]byte{STX}, bytes.Repeat([]byte{0x41}, MaxData+1)...)
	if s := feed(&d, long); s != Broken {
		t.Errorf("a frame without an end: status %d", s)
	}
}

// The worked packets of the document and of atol3.txt (4).
func TestPacketsOfTheDocument(t *testing.T) {
	for _, tt := range []struct {
		p   Packet
		raw string
	}{
		{Packet{1, nil}, "FE 00 00 01 9D"},
		{Packet{1, unhex(t, "C1 01 01 00 00 3F")}, "FE 06 00 01 C1 01 01 00 00 3F E7"},
		{Packet{2, unhex(t, "A3 55 01 00")}, "FE 04 00 02 A3 55 01 00 D4"},
		{Packet{0xF0, unhex(t, "A6 06 55 00 00")}, "FE 05 00 F0 A6 06 55 00 00 BD"},
	} {
		want := unhex(t, tt.raw)
		got, err := EncodePacket(tt.p)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%+v: % X, %v; want % X", tt.p, got, err, want)
		}
		var d PacketDecoder
		var s Status
		for _, b := range want {
			s = d.Feed(b)
		}
		if q := d.Packet(); s != Whole || q.ID != tt.p.ID || !bytes.Equal(q.Payload, tt.p.Payload) {
			t.Errorf("% X: status %d, %+v", want, s, q)
		}
	}
	for _, id := range []byte{0xE0, 0xEF, 0xF1, 0xFF} {
		if _, err := EncodePacket(Packet{ID: id}); err == nil {
			t.Errorf("packet number %02X was taken", id)
		}
	}
	if _, err := EncodePacket(Packet{Payload: make([]byte, MaxPayload+1)}); err == nil {
		t.Error("a payload that is too long was taken")
	}
}

// FEh and FDh are masked in payload and CRC, and a bare FEh begins a packet
// wherever it stands.
func TestPacketMasking(t *testing.T) {
	seen := map[byte]bool{}
	for a := range 256 {
		for b := range 256 {
			p := Packet{ID: 7, Payload: []byte{byte(a), byte(b), Start, Esc}}
			raw, err := EncodePacket(p)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.IndexByte(raw[1:], Start) >= 0 {
				t.Fatalf("% X has a bare FE", raw)
			}
			seen[CRC8(append([]byte{7}, p.Payload...)...)] = true
			var d PacketDecoder
			noise := append([]byte{0x11, Start, 3, 0, 1, 0x55}, raw...)
			var s Status
			for _, c := range noise {
				s = d.Feed(c)
			}
			if s != Whole || !bytes.Equal(d.Packet().Payload, p.Payload) || !bytes.HasSuffix(d.Raw(), raw) {
				t.Fatalf("% X: status %d, % X", raw, s, d.Packet().Payload)
			}
		}
	}
	if !seen[Start] || !seen[Esc] {
		t.Error("no CRC of FE or FD among the examples")
	}
	var d PacketDecoder
	for _, bad := range []string{"FE 80 00 01", "FE 01 80 01", "FE 01 00 01 FD 00", "FE 00 00 01 9C"} {
		var s Status
		for _, b := range unhex(t, bad) {
			s = d.Feed(b)
		}
		if s != Broken || d.Inside() {
			t.Errorf("%s: status %d, want broken", bad, s)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, tt := range []struct {
		v    int64
		n    int
		want string
	}{{0, 5, "00 00 00 00 00"}, {15078050, 7, "00 00 00 15 07 80 50"}, {9999999999, 5, "99 99 99 99 99"}, {7, 1, "07"}} {
		p, err := BCD(tt.v, tt.n)
		if err != nil || !bytes.Equal(p, unhex(t, tt.want)) {
			t.Errorf("BCD(%d, %d) = % X, %v", tt.v, tt.n, p, err)
		}
		f := Read(p)
		if v := f.Num(tt.n); v != tt.v || f.Err() != nil || f.Left() != 0 {
			t.Errorf("read %d, %v", v, f.Err())
		}
	}
	for _, bad := range []struct {
		v int64
		n int
	}{{-1, 5}, {10000000000, 5}, {100, 1}} {
		if p, err := BCD(bad.v, bad.n); err == nil {
			t.Errorf("BCD(%d, %d) = % X", bad.v, bad.n, p)
		}
	}
	if _, err := New(Sell).Sum(-5).Bytes(); err == nil {
		t.Error("a sum below zero was packed")
	}
	f := Read([]byte{0x1A})
	if f.Num(1); f.Err() == nil {
		t.Error("1A was read as decimal")
	}
	f = Read([]byte{1})
	if f.Num(2); f.Err() == nil || f.Byte() != 0 {
		t.Error("two bytes were read of one")
	}
}

func TestMoments(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 15, 30, 0, time.UTC)
	b, err := New(0).DateYMD(at).Time(at).Date(at).Bytes()
	if err != nil || !bytes.Equal(b, unhex(t, "00 26 11 22 10 15 30 22 11 26")) {
		t.Errorf("% X, %v", b, err)
	}
	if got, ok := Read(unhex(t, "26 11 22 10 15 30")).DateTime(true); !ok || !got.Equal(at) {
		t.Errorf("%v %v", got, ok)
	}
	if got, ok := Read(unhex(t, "22 11 26 10 15 30")).DateTime(false); !ok || !got.Equal(at) {
		t.Errorf("%v %v", got, ok)
	}
	for _, bad := range []string{"00 00 00 00 00 00", "31 02 26 00 00 00", "01 13 26 00 00 00", "01 01 26 24 00 00", "01 01 26 00 00 60", "0A 01 26 00 00 00"} {
		f := Read(unhex(t, bad))
		if got, ok := f.DateTime(false); ok || f.Err() != nil {
			t.Errorf("%s was read as %v, %v", bad, got, f.Err())
		}
	}
}

// The letters of section 5; І and Ё have no code of their own.
func TestText(t *testing.T) {
	for s, want := range map[string]string{
		"Хлеб": "95 AB A5 A1", "Молоко": "8C AE AB AE AA AE", "Чарт-01ФР-KZ": "97 A0 E0 E2 2D 30 31 94 90 2D 4B 5A",
		"ӘәҒғҚқҢңӨөҰұҺһ": "B0 B1 DB DC DE DF F0 F1 F3 F4 F5 F6 FD FE", "Үү": "F7 F8", "№ 1\u00a0": "24 20 31 7F", "ШЩшщ": "98 99 E8 E9",
	} {
		p, err := Encode866(s)
		if err != nil || !bytes.Equal(p, unhex(t, want)) {
			t.Errorf("%q: % X, %v; want %s", s, p, err, want)
		}
		if got := Decode866(p); got != s {
			t.Errorf("%q came back as %q", s, got)
		}
	}
	for _, s := range []string{"Сүт і", "І", "Ёлка", "ёж", "1 ₸", "5 $", "a\nb", "\x00"} {
		if p, err := Encode866(s); err == nil {
			t.Errorf("%q was coded as % X", s, p)
		}
	}
	for _, s := range []string{"Үштен бірі", "Жеңілдік", "PIN IP", "Шай үнді"} {
		p, err := Encode866Twins(s)
		if got := Decode866Twins(p); err != nil || got != s {
			t.Errorf("%q came back as %q, %v", s, got, err)
		}
	}
	if got := Decode866(Encode866Lossy("Ёлка і ₸")); got != "Елка i ?" {
		t.Errorf("%q", got)
	}
	if n := Letters("Сүт"); n != 3 {
		t.Errorf("%d letters", n)
	}
}

func TestErrors(t *testing.T) {
	for code, want := range map[byte]Class{0x66: ClassState, 0x67: ClassOperator, 0x88: ClassState, 0x8C: ClassCaller, 0xD1: ClassWait, 0x1E: ClassLocked, 0xB0: ClassFault, 0xD5: ClassFault, 0x42: ClassCaller} {
		if got := ClassOf(code); got != want {
			t.Errorf("%02X: class %c, want %c", code, got, want)
		}
	}
	for code := range 256 {
		if s := ErrorText(byte(code)); !strings.HasPrefix(s, strings.ToUpper(hex.EncodeToString([]byte{byte(code)}))+"h") {
			t.Errorf("%q", s)
		}
	}
	if !Good(0) || !Good(1) || Good(0x66) {
		t.Error("00h and 01h are good, nothing else is")
	}
	if !ReceiptOpen(0x9B) || !ReceiptOpen(0x87) || ReceiptOpen(0x9A) {
		t.Error("which errors tell of an open receipt")
	}
	for _, s := range []string{Sell.String(), Code(0xFF).String(), Add.String(), Word(1).String()} {
		if !strings.Contains(s, "h") {
			t.Errorf("%q", s)
		}
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add([]byte{0x02, 0x1F, 0x10, 0x10, 0x10, 0x03, 0x03, 0x00})
	f.Add([]byte{0x05, 0x02, 0x00, 0x00, 0x45, 0x03, 0x46, 0x04})
	f.Fuzz(func(t *testing.T, p []byte) {
		var d Decoder
		for _, b := range p {
			if d.Feed(b) != Whole {
				continue
			}
			again, err := Encode(d.Data())
			if err != nil {
				t.Fatal(err)
			}
			var e Decoder
			if s := feed(&e, again); s != Whole || !bytes.Equal(e.Data(), d.Data()) {
				t.Fatalf("% X does not come back", d.Data())
			}
		}
	})
}

func FuzzPacketDecoder(f *testing.F) {
	f.Add([]byte{0xFE, 0x00, 0x00, 0x01, 0x9D})
	f.Add([]byte{0xFE, 0x02, 0x00, 0x01, 0xFD, 0xEE, 0xFD, 0xED, 0x00})
	f.Fuzz(func(t *testing.T, p []byte) {
		var d PacketDecoder
		for _, b := range p {
			if d.Feed(b) != Whole {
				continue
			}
			q := d.Packet()
			if q.ID > MaxID && q.ID != AsyncID {
				continue
			}
			raw, err := EncodePacket(q)
			if err != nil || !bytes.HasSuffix(d.Raw(), raw) {
				t.Fatalf("% X does not come back from % X: %v", raw, d.Raw(), err)
			}
		}
	})
}
