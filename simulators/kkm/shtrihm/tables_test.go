package shtrihm

import (
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/device/shtrihm"
	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Every table can be walked as a driver does: structure of the table, structure
// of each field, value of each row; lengths agree with what was told.
func TestTables(t *testing.T) {
	w := newWorld(t, shtrihm.Options{})
	found := map[byte]bool{}
	for table := range 256 {
		ans := w.ask(0x2D, 30, 0, 0, 0, byte(table))
		if ans[1] == frame.ErrNoTable {
			continue
		}
		found[byte(table)] = true
		f := frame.Read(ans[2:])
		name, rows, fields := f.Text(40), int(f.Uint(2)), int(f.Byte())
		if f.Err() != nil || f.Left() != 0 || len(name) == 0 || rows == 0 || fields == 0 {
			t.Errorf("table %d: % X", table, ans)
		}
		for n := 1; n <= fields; n++ {
			ans := w.ask(0x2E, 30, 0, 0, 0, byte(table), byte(n))
			f := frame.Read(ans[2:])
			f.Text(40)
			typ, size := f.Byte(), int(f.Byte())
			if typ == 0 {
				f.Uint(size)
				f.Uint(size)
			}
			if ans[1] != 0 || f.Err() != nil || f.Left() != 0 {
				t.Errorf("table %d field %d: % X", table, n, ans)
			}
			for row := 1; row <= rows; row++ {
				v := w.ask(0x1F, 30, 0, 0, 0, byte(table), byte(row), 0, byte(n))
				if secret := n == 1 && (table == 2 || table == int(frame.TableDouble)); secret != (v[1] != 0) || !secret && len(v) != 2+size {
					t.Errorf("table %d row %d field %d: % X, size %d", table, row, n, v, size)
				}
			}
			if code := w.ask(0x1F, 30, 0, 0, 0, byte(table), byte(rows+1), 0, byte(n))[1]; code != frame.ErrParameters {
				t.Errorf("table %d, row behind the last: %02Xh", table, code)
			}
		}
		if code := w.ask(0x1F, 30, 0, 0, 0, byte(table), 1, 0, byte(fields+1))[1]; code != frame.ErrParameters {
			t.Errorf("table %d, field behind the last: %02Xh", table, code)
		}
	}
	for _, n := range []byte{2, 6, 7, 17, 18, 19, 20, frame.TableDouble} {
		if !found[n] {
			t.Errorf("table %d is missing", n)
		}
	}
}

func TestTableValues(t *testing.T) {
	w := newWorld(t, shtrihm.Options{})
	for _, tt := range []struct {
		name              string
		table, row, field byte
		want              string
	}{
		{"cashier's name", 2, 2, 2, "Жүнісова Г."},
		{"VAT 16 %", 6, 1, 2, "НДС 16%"},
		{"section", 7, 16, 1, "Секция 16"},
		{"serial number", 18, 1, 1, "KKM0000777"},
		{"BIN", 18, 1, 2, "180140001234"},
		{"registration number", 18, 1, 3, "010100123456"},
		{"OFD host", 19, 1, 1, "ofd.test"},
	} {
		ans := w.ask(0x1F, 30, 0, 0, 0, tt.table, tt.row, 0, tt.field)
		if got := coding.Decode(frame.Trim(ans[2:])); got != tt.want {
			t.Errorf("%s = %q, want %q", tt.name, got, tt.want)
		}
	}
	for _, tt := range []struct {
		name              string
		table, row, field byte
		want              uint64
	}{
		{"rate of group 1", 6, 1, 1, 1600}, {"rate of group 4", 6, 4, 1, 0}, {"OFD port", 19, 1, 2, 7777}, {"unsent", 20, 1, 3, 3}, {"KZ BIN", 17, 1, 1, 1},
	} {
		ans := w.ask(0x1F, 30, 0, 0, 0, tt.table, tt.row, 0, tt.field)
		if got := frame.Read(ans[2:]).Uint(len(ans) - 2); got != tt.want {
			t.Errorf("%s = %d, want %d", tt.name, got, tt.want)
		}
	}
}

// Writing: right of the administrator, length, read-only fields, open receipt.
func TestWritingTables(t *testing.T) {
	w := newWorld(t, shtrihm.Options{})
	for _, tt := range []struct {
		name string
		body []byte
		want byte
	}{
		{"unknown table", []byte{200, 1, 0, 1, 0}, frame.ErrNoTable},
		{"read-only", []byte{7, 1, 0, 1, 'a'}, frame.ErrReadOnly},
		{"number too short", []byte{19, 1, 0, 2, 5}, frame.ErrLength},
		{"number too long", []byte{19, 1, 0, 2, 5, 0, 0}, frame.ErrLength},
		{"text too long", append([]byte{19, 1, 0, 1}, make([]byte, 65)...), frame.ErrLength},
		{"nothing", nil, frame.ErrParameters},
	} {
		if got := w.ask(append([]byte{0x1E, 30, 0, 0, 0}, tt.body...)...)[1]; got != tt.want {
			t.Errorf("%s: %02Xh, want %02Xh", tt.name, got, tt.want)
		}
	}
	w.host.open = &receipt{pw: 1}
	if got := w.ask(0x1E, 30, 0, 0, 0, 19, 1, 0, 2, 5, 0)[1]; got != frame.ErrMode {
		t.Errorf("with a receipt open: %02Xh", got)
	}
	if got := w.ask(0x1F, 2, 0, 0, 0, 19, 1, 0, 2)[1]; got != frame.ErrPassword {
		t.Errorf("a cashier reads tables: %02Xh", got)
	}
}

// The registers that recovery asks (9, 11).
func TestRegisters(t *testing.T) {
	w := newWorld(t, shtrihm.Options{})
	w.reg.docs, w.reg.in, w.reg.out, w.reg.cash = 70000, 3, 2, 12345
	w.reg.number[fiscal.Sale], w.reg.number[fiscal.BuyReturn] = 7, 9
	for n, want := range map[byte]uint64{148: 7, 149: 0, 151: 9, 144: 7, 152: 70000 & 0xFFFF, 153: 3, 154: 2, 158: 0} {
		if ans := w.ask(0x1B, 1, 0, 0, 0, n); ans[1] != 0 || frame.Read(ans[3:]).Uint(2) != want {
			t.Errorf("operation register %d: % X, want %d", n, ans, want)
		}
	}
	for n, want := range map[byte]uint64{241: 12345, 120: 12345, 242: 0, 243: 0, 245: 5} {
		if ans := w.ask(0x1A, 1, 0, 0, 0, n); ans[1] != 0 || frame.Read(ans[3:]).Uint(6) != want {
			t.Errorf("money register %d: % X, want %d", n, ans, want)
		}
	}
	for _, body := range [][]byte{{0x1B, 1, 0, 0, 0, 255}, {0x1A, 1, 0, 0, 0, 193}} { // not told rather than told wrong
		if ans := w.ask(body...); ans[1] != frame.ErrParameters {
			t.Errorf("% X: % X", body, ans)
		}
	}
}

// Modes and sub-modes (6).
func TestModes(t *testing.T) {
	w := newWorld(t, shtrihm.Options{})
	for _, tt := range []struct {
		name string
		set  func()
		mode byte
		sub  byte
	}{
		{"closed", func() {}, 4, 0},
		{"open", func() { w.reg.open = true }, 2, 0},
		{"too long", func() { w.reg.long = true }, 3, 0},
		{"printing", func() { w.reg.moves = time.Hour }, 3, 5},
		{"paper out while printing", func() { w.reg.paper = false }, 3, 2},
		{"paper out", func() { w.reg.moves = 0 }, 3, 1},
		{"paper is back", func() { w.reg.paper = true }, 3, 0},
		{"sale return open", func() { w.host.open = &receipt{typ: 2, pw: 1} }, 0x28, 0},
		{"date to be confirmed", func() { w.host.open = nil; w.host.date = epoch }, 6, 0},
	} {
		tt.set()
		ans := w.ask(0x10, 1, 0, 0, 0)
		if len(ans) != 16 || ans[5] != tt.mode || ans[6] != tt.sub {
			t.Errorf("%s: % X, want mode %02X, sub-mode %d", tt.name, ans, tt.mode, tt.sub)
		}
		if full := w.ask(0x11, 1, 0, 0, 0); len(full) != 48 || full[15] != tt.mode || full[16] != tt.sub {
			t.Errorf("%s: full status % X", tt.name, full)
		}
	}
}

// Commands while the paper moves get 50h and are not executed; questions are answered.
func TestWhilePrinting(t *testing.T) {
	w := newWorld(t, shtrihm.Options{})
	w.reg.moves = time.Hour
	for _, body := range [][]byte{{0x41, 30, 0, 0, 0}, {0x8D, 1, 0, 0, 0, 0}, {0x50, 1, 0, 0, 0, 1, 0, 0, 0, 0}, {0x8C, 1, 0, 0, 0}} {
		if ans := w.ask(body...); ans[1] != frame.ErrPrinting {
			t.Errorf("% X: % X, want 50h", body, ans)
		}
	}
	if ans := w.ask(0x1B, 1, 0, 0, 0, 152); ans[1] != 0 {
		t.Errorf("register: % X", ans)
	}
	if len(w.reg.ops) != 0 {
		t.Errorf("executed: %v", w.reg.ops)
	}
}

// The byte timeout: code and time (2), and a port that is set to another one.
func TestByteTimeout(t *testing.T) {
	for code, want := range map[byte]time.Duration{1: time.Millisecond, 150: 150 * time.Millisecond, 151: 300 * time.Millisecond,
		249: 15 * time.Second, 250: 30 * time.Second, 255: 105 * time.Second} {
		if got := timeoutOf(code); got != want {
			t.Errorf("code %d = %v, want %v", code, got, want)
		}
		if got := timeoutCode(want); got != code {
			t.Errorf("%v = code %d, want %d", want, got, code)
		}
	}
	w := newWorld(t, shtrihm.Options{})
	if ans := w.ask(0x14, 30, 0, 0, 0, 0, 6, 50); ans[1] != 0 || w.host.line.wait != 50*time.Millisecond {
		t.Errorf("% X, wait %v", ans, w.host.line.wait)
	}
	if ans := w.ask(0x15, 30, 0, 0, 0, 0); ans[1] != 0 || ans[3] != 50 {
		t.Errorf("% X, want timeout code 50", ans)
	}
	// A frame that stops is a line error after the byte timeout.
	var said []byte
	w.host.send = func(p []byte) { said = append(said, p...) }
	w.host.Receive([]byte{frame.STX, 5, 0x10})
	w.pass(49 * time.Millisecond)
	if len(said) != 0 {
		t.Errorf("before the time-out: % X", said)
	}
	w.pass(2 * time.Millisecond)
	if len(said) != 1 || said[0] != frame.NAK {
		t.Errorf("after the time-out: % X, want NAK", said)
	}
}

// Another operator's receipt (59h), the wrong kind of line (49h), a receipt in
// the way (4Ah), a negative total (5Fh), nothing open (55h).
func TestReceiptErrors(t *testing.T) {
	goods := func(code, pw byte) []byte {
		b, err := frame.New(frame.Code(code)).Password(uint32(pw)).Sum(1000).Sum(100).Byte(1).Raw(make([]byte, 4)).Text(nil, 40).Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	less, err := frame.New(frame.Discount).Password(1).Sum(101).Raw(make([]byte, 4)).Text(nil, 40).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	group := goods(0x80, 1)
	group[16] = 5
	w := newWorld(t, shtrihm.Options{})
	for _, tt := range []struct {
		name string
		body []byte
		want byte
	}{
		{"discount without a receipt", less, frame.ErrNoReceipt},
		{"unknown tax group", group, frame.ErrParameters},
		{"first line opens", goods(0x80, 1), 0},
		{"opening again", []byte{0x8D, 1, 0, 0, 0, 0}, frame.ErrReceiptOpen},
		{"another kind", goods(0x82, 1), frame.ErrReceiptType},
		{"another cashier", goods(0x80, 2), frame.ErrOtherCashier},
		{"nobody", goods(0x80, 99), frame.ErrPassword},
		{"discount above the total", less, frame.ErrNegative},
		{"Z with a receipt open", []byte{0x41, 30, 0, 0, 0}, frame.ErrReceiptOpen},
		{"cancel by another", []byte{0x88, 2, 0, 0, 0}, frame.ErrOtherCashier},
		{"code line that is no number", append([]byte{0x17, 1, 0, 0, 0, 2}, "CODE:[x]"...), frame.ErrParameters},
		{"cancel", []byte{0x88, 1, 0, 0, 0}, 0},
		{"type 4", []byte{0x8D, 1, 0, 0, 0, 4}, frame.ErrParameters},
	} {
		if got := w.ask(tt.body...); got[1] != tt.want {
			t.Errorf("%s: % X, want %02Xh", tt.name, got, tt.want)
		}
	}
}

// The basis of a return is taken only whole.
func TestBasis(t *testing.T) {
	all := []string{"NUM:[021]", "RNM:[0101]", "DATETIME:[22.11.2026 10:15]", "TOTAL:[780.50]", "ISOFF:[да]"}
	note := func(lines ...string) *receipt {
		r := &receipt{basis: map[string]string{}}
		for _, l := range lines {
			if !r.note(l) {
				t.Errorf("%q refused", l)
			}
		}
		return r
	}
	want := fiscal.Parent{Sign: "021", KKM: "0101", At: time.Date(2026, 11, 22, 10, 15, 0, 0, time.UTC), Total: 78050, Offline: true}
	if p := note(all...).parent(); p == nil || *p != want {
		t.Errorf("%+v, want %+v", p, want)
	}
	for i := range all {
		rest := append(append([]string{}, all[:i]...), all[i+1:]...)
		if p := note(rest...).parent(); p != nil {
			t.Errorf("without %s: %+v", all[i], p)
		}
	}
	for _, l := range []string{"DATETIME:[soon]", "TOTAL:[much]", "ISOFF:[maybe]"} {
		if p := note(append(append([]string{}, all...), l)...).parent(); p != nil {
			t.Errorf("with %s: %+v", l, p)
		}
	}
}
