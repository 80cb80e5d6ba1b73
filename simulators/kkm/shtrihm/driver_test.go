package shtrihm

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/serialport"
	"github.com/kkmtest/kkmtest/bench/device/shtrihm"
	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
)

var epoch = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

const baud = 115200

// world is a driver, a line and a host side around a fake register.
type world struct {
	t    testing.TB
	loop *clock.Virtual
	log  *history.Log
	line *serialport.Line
	reg  *fake
	host *Host
	dev  *shtrihm.Driver
	n    int
}

func newWorld(t testing.TB, o shtrihm.Options) *world {
	t.Helper()
	loop := clock.NewVirtual(epoch, nil)
	return newWorldOn(t, loop, serialport.NewLine(loop, baud), o)
}

func newWorldOn(t testing.TB, loop *clock.Virtual, l *serialport.Line, o shtrihm.Options) *world {
	t.Helper()
	w := &world{t: t, loop: loop, log: history.NewMemory(loop), line: l, reg: newFake(loop)}
	w.host = newHost(loop, w.reg, w.line.DeviceSend, Options{})
	w.line.Attach(w.host.Receive)
	if o.Level == shtrihm.Alternative {
		w.host.line.level = alternative // else a damaged first byte would choose for good
	}
	o.Baud = baud
	var err error
	if w.dev, err = shtrihm.Open(loop, w.line.Host(), w.log, o); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) do(op fiscal.Op) fiscal.Outcome {
	w.t.Helper()
	w.n++
	op.ID = fiscal.OpID(fmt.Sprintf("test/1/%d", w.n))
	out, err := w.dev.Do(context.Background(), op)
	if err != nil {
		w.t.Fatalf("%s: %v", op.Kind, err)
	}
	return out
}

func (w *world) done(op fiscal.Op) fiscal.Outcome {
	w.t.Helper()
	out := w.do(op)
	if out.Got != fiscal.Done {
		w.t.Fatalf("%s: %+v", op.Kind, out)
	}
	return out
}

func (w *world) result() history.Result {
	w.t.Helper()
	var r history.Result
	for e := range w.log.View().Events() {
		if b, ok := e.Body.(history.Result); ok {
			r = b
		}
	}
	return r
}

func (w *world) pass(d time.Duration) {
	w.t.Helper()
	if _, err := w.loop.Wait(context.Background(), w.loop.Now().Add(d), nil); err != nil {
		w.t.Fatal(err)
	}
}

var (
	vat16 = fiscal.MilliPercent(16000)
	vat0  = fiscal.MilliPercent(0)
)

func pos(kind fiscal.LineKind, name string, qty fiscal.Milli, price fiscal.Tiyn) fiscal.Line {
	l := fiscal.Line{Kind: kind, Name: name, VAT: &vat16}
	if kind == fiscal.Goods || kind == fiscal.GoodsStorno {
		l.Qty, l.Price, l.Section = qty, price, 2
	} else {
		l.Sum = price
	}
	return l
}

func cash(n fiscal.Tiyn) fiscal.Payment { return fiscal.Payment{Kind: fiscal.Cash, Sum: n} }

// sale is the receipt of the fault tests: two lines and a discount.
func sale() fiscal.Receipt {
	return fiscal.Receipt{Kind: fiscal.Sale, Payments: []fiscal.Payment{cash(100000)}, Lines: []fiscal.Line{
		pos(fiscal.Goods, "Нан ақ", 2000, 15000), pos(fiscal.Goods, "Сүт", 1000, 48050), pos(fiscal.Discount, "Жеңілдік", 0, 1000)}}
}

func receiptOp(r fiscal.Receipt) fiscal.Op { return fiscal.Op{Kind: fiscal.OpReceipt, Receipt: &r} }

// What the cashier enters is what the register gets.
func TestReceiptsArriveWhole(t *testing.T) {
	parent := &fiscal.Parent{Sign: "021000000721", KKM: "010100123456", At: epoch.Add(-time.Hour), Total: 78050, Offline: true}
	bread := pos(fiscal.Goods, "Нан ақ", 1234, 45075)
	free := bread
	free.VAT, free.Section = nil, 16
	zero := bread
	zero.VAT = &vat0
	coded := bread
	coded.Code = 101
	tests := map[string]fiscal.Receipt{
		"sale": sale(),
		"sale with storno of everything": {Kind: fiscal.Sale, Payments: []fiscal.Payment{cash(10000000)}, Lines: []fiscal.Line{
			bread, pos(fiscal.Goods, "Сүт", 3000, 50000), pos(fiscal.GoodsStorno, "Сүт", 2000, 50000),
			pos(fiscal.Discount, "Жеңілдік", 0, 1000), pos(fiscal.DiscountStorno, "Жеңілдік", 0, 1000),
			pos(fiscal.Markup, "Үстеме", 0, 1500), pos(fiscal.MarkupStorno, "Үстеме", 0, 1500)}},
		"three payments": {Kind: fiscal.Sale, Lines: []fiscal.Line{pos(fiscal.Goods, "Сүт", 1000, 50000)},
			Payments: []fiscal.Payment{cash(10000), {Kind: fiscal.Card, Sum: 20000}, {Kind: fiscal.Mobile, Sum: 25000}}},
		"exact discount on the whole": {Kind: fiscal.Sale, Discount: 5000, Lines: []fiscal.Line{pos(fiscal.Goods, "Сүт", 1000, 50000)},
			Payments: []fiscal.Payment{cash(45000)}},
		"crooked discount on the whole": {Kind: fiscal.Sale, Discount: 333, Lines: []fiscal.Line{pos(fiscal.Goods, "Сүт", 1000, 50000)},
			Payments: []fiscal.Payment{cash(50000)}},
		"exact markup on the whole": {Kind: fiscal.Sale, Markup: 5000, Lines: []fiscal.Line{pos(fiscal.Goods, "Сүт", 1000, 50000)},
			Payments: []fiscal.Payment{cash(55000)}},
		"crooked markup on the whole": {Kind: fiscal.Sale, Markup: 7, Lines: []fiscal.Line{pos(fiscal.Goods, "Сүт", 1000, 50000)},
			Payments: []fiscal.Payment{cash(55000)}},
		"line discount and discount on the whole": {Kind: fiscal.Sale, Discount: 333, Payments: []fiscal.Payment{cash(50000)},
			Lines: []fiscal.Line{pos(fiscal.Goods, "Сүт", 1000, 50000), pos(fiscal.Discount, "Скидка", 0, 100)}},
		"purchase":        {Kind: fiscal.Buy, Lines: []fiscal.Line{free}, Payments: []fiscal.Payment{cash(100000)}},
		"sale return":     {Kind: fiscal.SaleReturn, Parent: parent, Lines: []fiscal.Line{bread}, Payments: []fiscal.Payment{cash(100000)}},
		"purchase return": {Kind: fiscal.BuyReturn, Parent: parent, Lines: []fiscal.Line{zero}, Payments: []fiscal.Payment{cash(100000)}},
		"code and buyer":  {Kind: fiscal.Sale, Customer: "900101300123", Lines: []fiscal.Line{coded, bread}, Payments: []fiscal.Payment{cash(200000)}},
	}
	for _, level := range []shtrihm.Level{shtrihm.Standard, shtrihm.Alternative} {
		for name, r := range tests {
			t.Run(fmt.Sprintf("level %d/%s", level, name), func(t *testing.T) {
				w := newWorld(t, shtrihm.Options{Level: level})
				op := receiptOp(r)
				op.As.Cashier = 3
				out := w.done(op)
				if got := w.reg.receipts(); len(got) != 1 || !reflect.DeepEqual(got[0], r) {
					t.Errorf("the register got\n%+v, want\n%+v", got, r)
				}
				if pw := w.reg.ops[0].As.Password; pw != "3" {
					t.Errorf("password %q, want the cashier's", pw)
				}
				if out.Change != r.Change() || out.Doc != 1 || out.Shift != 42 {
					t.Errorf("outcome %+v, want change %v, document 1, shift 42", out, r.Change())
				}
			})
		}
	}
}

func TestOperations(t *testing.T) {
	newer := time.Date(2026, 1, 6, 0, 30, 15, 0, time.UTC) // a later day, an earlier hour
	for _, level := range []shtrihm.Level{shtrihm.Standard, shtrihm.Alternative} {
		w := newWorld(t, shtrihm.Options{Level: level})
		for _, tt := range []struct {
			op   fiscal.Op
			want fiscal.Op // as the register gets the last one
		}{
			{fiscal.Op{Kind: fiscal.OpDeposit, Cash: 500000}, fiscal.Op{Kind: fiscal.OpDeposit, Cash: 500000, As: fiscal.Role{Password: "1"}}},
			{fiscal.Op{Kind: fiscal.OpWithdraw, Cash: 100000, As: fiscal.Role{Cashier: 2}}, fiscal.Op{Kind: fiscal.OpWithdraw, Cash: 100000, As: fiscal.Role{Password: "2"}}},
			{fiscal.Op{Kind: fiscal.OpXReport}, fiscal.Op{Kind: fiscal.OpXReport, As: fiscal.Role{Password: "30"}}},
			{fiscal.Op{Kind: fiscal.OpReportCashiers}, fiscal.Op{Kind: fiscal.OpReportCashiers, As: fiscal.Role{Password: "30"}}},
			{fiscal.Op{Kind: fiscal.OpReportSections}, fiscal.Op{Kind: fiscal.OpReportSections, As: fiscal.Role{Password: "30"}}},
			{fiscal.Op{Kind: fiscal.OpCopy}, fiscal.Op{Kind: fiscal.OpCopy, As: fiscal.Role{Password: "1"}}},
			{fiscal.Op{Kind: fiscal.OpTestPrint, Value: "Сынақ"}, fiscal.Op{Kind: fiscal.OpTestPrint, Value: "Сынақ", As: fiscal.Role{Password: "1"}}},
			{fiscal.Op{Kind: fiscal.OpSelfTest}, fiscal.Op{Kind: fiscal.OpSelfTest, As: fiscal.Role{Password: "1"}}},
			{fiscal.Op{Kind: fiscal.OpZReport, As: fiscal.Role{Admin: true}}, fiscal.Op{Kind: fiscal.OpZReport, As: fiscal.Role{Password: "30"}}},
			{fiscal.Op{Kind: fiscal.OpZReport, As: fiscal.Role{Cashier: 4}}, fiscal.Op{Kind: fiscal.OpZReport, As: fiscal.Role{Password: "4"}}},
			{fiscal.Op{Kind: fiscal.OpSetClock, Clock: newer}, fiscal.Op{Kind: fiscal.OpSetClock, Clock: newer, As: fiscal.Role{Password: "30"}}},
			{fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDHost, Value: "new.ofd.test"},
				fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDHost, Value: "new.ofd.test", As: fiscal.Role{Admin: true, Password: "30"}}},
			{fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDPort, Value: "17777"},
				fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDPort, Value: "17777", As: fiscal.Role{Admin: true, Password: "30"}}},
			{fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetCashierPassword, Value: "4321", As: fiscal.Role{Cashier: 5}},
				fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetCashierPassword, Value: "4321", As: fiscal.Role{Cashier: 5, Password: "30"}}},
		} {
			out := w.done(tt.op)
			if got := w.reg.ops[len(w.reg.ops)-1]; !reflect.DeepEqual(got, tt.want) {
				t.Errorf("level %d: the register got %+v, want %+v", level, got, tt.want)
			}
			if tt.op.Kind == fiscal.OpDeposit && out.Doc != 1 {
				t.Errorf("document %d, want 1", out.Doc)
			}
		}
		if out := w.do(fiscal.Op{Kind: fiscal.OpCancel}); out.Got != fiscal.Refused || out.Code != int(frame.ErrNoReceipt) {
			t.Errorf("cancel without a receipt: %+v", out)
		}
		for _, s := range []struct{ set, want string }{{"ofd-host", "new.ofd.test"}, {"ofd-port", "17777"}} {
			if got, err := w.dev.Setting(context.Background(), fiscal.Setting(s.set)); err != nil || got != s.want {
				t.Errorf("setting %s = %q, %v", s.set, got, err)
			}
		}
	}
}

func TestSettingsThatCannotBeRead(t *testing.T) {
	w := newWorld(t, shtrihm.Options{})
	for _, s := range []fiscal.Setting{fiscal.SetToken, fiscal.SetCashierPassword} {
		if v, err := w.dev.Setting(context.Background(), s); !errors.Is(err, device.ErrNotAble) {
			t.Errorf("%s = %q, %v; want ErrNotAble", s, v, err)
		}
	}
}

func TestIdentityAndState(t *testing.T) {
	w := newWorld(t, shtrihm.Options{})
	id, err := w.dev.Identity(context.Background())
	want := history.Identity{Type: "Shtrih-M protocol 2.0, model 27, language 3", Model: "KKMTest Ә-1", Serial: "KKM0000777", Firmware: "1.2 build 34 of 2026-01-01"}
	if err != nil || id != want {
		t.Errorf("identity %+v, %v; want %+v", id, err, want)
	}
	w.done(receiptOp(sale()))
	w.done(receiptOp(sale()))
	for _, tt := range []struct {
		name       string
		set        func()
		open, long bool
		shift      uint64
	}{
		{"open", func() {}, true, false, 42},
		{"too long", func() { w.reg.long = true }, true, true, 42},
		{"closed", func() { w.reg.open, w.reg.long, w.reg.shift = false, false, 42 }, false, false, 42},
	} {
		tt.set()
		before := w.log.View().Len()
		st, err := w.dev.State(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if st.ShiftOpen != tt.open || st.ShiftLong != tt.long || st.Shift != tt.shift || st.Receipts != 2 || st.Unsent == nil || *st.Unsent != 3 {
			t.Errorf("%s: %+v", tt.name, st)
		}
		if d := w.loop.Now().Wall.Sub(st.Clock); d < 0 || d > 3*time.Second {
			t.Errorf("%s: clock %v, now %v", tt.name, st.Clock, w.loop.Now().Wall)
		}
		e, _ := w.log.View().Get(history.Seq(w.log.View().Len()))
		if got, ok := e.Body.(history.State); !ok || !reflect.DeepEqual(got, st) || w.log.View().Len() == before {
			t.Errorf("%s: last event %+v, want the state", tt.name, e.Body)
		}
	}
}

func TestPrintedText(t *testing.T) {
	w := newWorld(t, shtrihm.Options{})
	w.done(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 100})
	lines, origin, err := w.dev.Printed(context.Background())
	if want := []string{"deposit", "Қазақша №1"}; err != nil || origin != "host" || !slices.Equal(lines, want) {
		t.Errorf("%q from %s, %v; want %q", lines, origin, err, want)
	}
	if lines, _, err := w.dev.Printed(context.Background()); err != nil || len(lines) != 0 {
		t.Errorf("second reading %q, %v; want nothing", lines, err)
	}
}

// Each reason of the register becomes an error code of section 12, and the
// receipt that was begun is dropped again.
func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		reason kkm.Reason
		code   byte
		got    fiscal.Answer
	}{
		{kkm.Password, 0x4F, fiscal.Refused},
		{kkm.ShiftTooLong, 0x4E, fiscal.Refused},
		{kkm.OfflineTooLong, 0x73, fiscal.Refused},
		{kkm.OFDBlocked, 0x73, fiscal.Refused},
		{kkm.TokenBlocked, 0x73, fiscal.Refused},
		{kkm.ShiftOpen, 0x73, fiscal.Refused},
		{kkm.ShiftClosed, 0x3D, fiscal.Refused},
		{kkm.NoPaper, 0x6B, fiscal.Refused},
		{kkm.NoCash, 0x46, fiscal.Refused},
		{kkm.BadData, 0x33, fiscal.Refused},
		{kkm.Busy, 0x50, fiscal.Refused},
		{kkm.Fault, 0x7B, fiscal.Refused},
		{kkm.ClockBack, 0x13, fiscal.Refused},
		{kkm.Unsupported, 0x37, fiscal.Unsupported},
	} {
		t.Run(string(tt.reason), func(t *testing.T) {
			w := newWorld(t, shtrihm.Options{})
			w.reg.refuse[fiscal.OpReceipt] = tt.reason
			w.reg.refuse[fiscal.OpZReport] = tt.reason
			for _, op := range []fiscal.Op{receiptOp(sale()), {Kind: fiscal.OpZReport}} {
				if out := w.do(op); out.Got != tt.got || out.Code != int(tt.code) || !strings.Contains(out.Text, fmt.Sprintf("%02Xh", tt.code)) {
					t.Errorf("%s: %+v, want %s with code %02Xh", op.Kind, out, tt.got, tt.code)
				}
			}
			if w.host.open != nil || len(w.reg.ops) != 0 {
				t.Errorf("open receipt %v, operations %v", w.host.open, w.reg.ops)
			}
		})
	}
}

// A register that changes its mind between opening and closing refuses at 85h;
// the driver cancels and the next receipt goes through.
func TestRefusedClosingIsCancelled(t *testing.T) {
	w := newWorld(t, shtrihm.Options{})
	r := sale()
	r.Payments[0].Sum = 100
	out := w.do(receiptOp(r))
	if out.Got != fiscal.Refused || out.Code != int(frame.ErrUnderpaid) || w.host.open != nil {
		t.Errorf("underpaid: %+v, open %v", out, w.host.open)
	}
	r.Payments = []fiscal.Payment{{Kind: fiscal.Card, Sum: 10000000}}
	if out := w.do(receiptOp(r)); out.Code != int(frame.ErrNonCash) {
		t.Errorf("card above the total: %+v", out)
	}
	w.done(receiptOp(sale()))
}

func TestPasswords(t *testing.T) {
	w := newWorld(t, shtrihm.Options{Passwords: shtrihm.Passwords{Cashiers: map[int]uint32{7: 8}, Admin: 29}})
	w.done(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 1, As: fiscal.Role{Cashier: 7}})
	w.done(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 1, As: fiscal.Role{Admin: true}})
	w.done(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 1, As: fiscal.Role{Cashier: 7, Password: "0011"}})
	for i, want := range []string{"8", "29", "11"} {
		if got := w.reg.ops[i].As.Password; got != want {
			t.Errorf("operation %d: password %q, want %q", i, got, want)
		}
	}
	if out := w.do(fiscal.Op{Kind: fiscal.OpXReport, As: fiscal.Role{Password: "777777"}}); out.Got != fiscal.Refused || out.Code != int(frame.ErrPassword) {
		t.Errorf("wrong password: %+v", out)
	}
	if out := w.do(fiscal.Op{Kind: fiscal.OpXReport, As: fiscal.Role{Password: "abcd"}}); out.Got != fiscal.Unsupported || strings.Contains(out.Text, "abcd") {
		t.Errorf("letters: %+v", out)
	}
	for e := range w.log.View().Events() {
		if b, ok := e.Body.(history.HostBytes); ok && strings.Contains(b.Note, "777777") {
			t.Errorf("event %d spells a password: %q", e.Seq, b.Note)
		}
	}
}

// What the protocol cannot carry is said before anything is sent.
func TestUnsupported(t *testing.T) {
	long := sale()
	long.Lines[0].Name = strings.Repeat("я", 41)
	fits := sale()
	fits.Lines[0].Name = strings.Repeat("я", 40)
	letter := sale()
	letter.Lines[0].Name = "1 ₸"
	section := sale()
	section.Lines[0].Section = 17
	sum := sale()
	sum.Lines[0].Sum = 1
	rate := sale()
	seven := fiscal.MilliPercent(7000)
	rate.Lines[0].VAT = &seven
	both := sale()
	both.Discount, both.Markup = 1, 1
	for name, r := range map[string]fiscal.Receipt{"41 letters": long, "strange letter": letter, "section 17": section,
		"sum": sum, "rate": rate, "discount and markup": both, "kind": {Kind: "gift"}} {
		w := newWorld(t, shtrihm.Options{})
		if out := w.do(receiptOp(r)); out.Got != fiscal.Unsupported || out.Text == "" {
			t.Errorf("%s: %+v", name, out)
		}
		for e := range w.log.View().Events() {
			if b, ok := e.Body.(history.HostBytes); ok && b.Dir == history.ToDevice && len(b.Data) > 3 && b.Data[2] >= 0x80 && b.Data[2] <= 0x8D {
				t.Errorf("%s: % X was sent", name, b.Data)
			}
		}
	}
	w := newWorld(t, shtrihm.Options{})
	w.done(receiptOp(fits))
}

// What is stored of a shift is read line by line and handed out as printed text.
func TestArchive(t *testing.T) {
	w := newWorld(t, shtrihm.Options{})
	w.done(fiscal.Op{Kind: fiscal.OpArchive, Value: "7"})
	lines, origin, err := w.dev.Printed(context.Background())
	if want := []string{"Мұрағат", "Жетінші ауысым"}; err != nil || origin != "host" || !slices.Equal(lines, want) {
		t.Errorf("%q from %s, %v, want %q", lines, origin, err, want)
	}
	if lines, _, _ := w.dev.Printed(context.Background()); len(lines) != 0 {
		t.Errorf("again %q", lines)
	}
	if out := w.do(fiscal.Op{Kind: fiscal.OpArchive, Value: "8"}); out.Got != fiscal.Refused || out.Code != int(frame.ErrNoData) {
		t.Errorf("a shift that never was: %+v", out)
	}
	if out := w.do(fiscal.Op{Kind: fiscal.OpArchive, Value: "65536"}); out.Got != fiscal.Unsupported {
		t.Errorf("a shift that the protocol cannot carry: %+v", out)
	}
}

// Marking, addresses and the repeat to the buyer reach the bench's own register only.
func TestWhatOrder626Adds(t *testing.T) {
	r := fiscal.Receipt{Kind: fiscal.Sale, Email: "a@b.kz", Phone: "+77010000000", Lines: []fiscal.Line{{Kind: fiscal.Goods, Name: "Су", Qty: 1000, Price: 100, Section: 1, GTIN: "04870001234567", Mark: "010487000123456721abcDEF12345"}},
		Payments: []fiscal.Payment{{Kind: fiscal.Cash, Sum: 100}}}
	w := newWorld(t, shtrihm.Options{})
	w.done(receiptOp(r))
	got := w.reg.last(fiscal.OpReceipt).Receipt
	if got.Email != r.Email || got.Phone != r.Phone || got.Lines[0].GTIN != r.Lines[0].GTIN || got.Lines[0].Mark != r.Lines[0].Mark {
		t.Errorf("the register has %+v", got)
	}
	w.done(fiscal.Op{Kind: fiscal.OpResend})
	if w.reg.last(fiscal.OpResend).Kind != fiscal.OpResend {
		t.Error("nothing was sent again")
	}
	w = newWorld(t, shtrihm.Options{})
	w.host.subtype = 0
	for _, op := range []fiscal.Op{receiptOp(r), {Kind: fiscal.OpResend}} {
		if out := w.do(op); out.Got != fiscal.Unsupported {
			t.Errorf("%s on a vendor's register: %+v", op.Kind, out)
		}
	}
}

// Settings for which no source tells a place go to the bench's own register only.
func TestSettingsWithoutAPlace(t *testing.T) {
	for _, s := range []fiscal.Setting{fiscal.SetToken, fiscal.SetKKMID, fiscal.SetRegistration, fiscal.SetChannels, fiscal.SetChannel, fiscal.SetWiFi, fiscal.SetMobile, fiscal.SetLanguage} {
		w := newWorld(t, shtrihm.Options{})
		w.done(fiscal.Op{Kind: fiscal.OpSetSetting, Setting: s, Value: "123456789012"})
		if got := w.reg.values[s]; got != "123456789012" {
			t.Errorf("%s: the register has %q", s, got)
		}
		got, err := w.dev.Setting(context.Background(), s)
		if secret := s == fiscal.SetToken; secret != errors.Is(err, device.ErrNotAble) || !secret && got != "123456789012" {
			t.Errorf("%s: read back %q, %v", s, got, err)
		}

		w = newWorld(t, shtrihm.Options{})
		w.host.subtype = 0
		if out := w.do(fiscal.Op{Kind: fiscal.OpSetSetting, Setting: s, Value: "1"}); out.Got != fiscal.Unsupported || w.reg.values[s] != "" && s != fiscal.SetRegistration {
			t.Errorf("%s on a vendor's register: %+v", s, out)
		}
		if _, err := w.dev.Setting(context.Background(), s); !errors.Is(err, device.ErrNotAble) {
			t.Errorf("%s on a vendor's register: read back with %v", s, err)
		}
	}
}

// Entered is when the last byte of 85h had left, Done when the paper stopped.
func TestTimes(t *testing.T) {
	w := newWorld(t, shtrihm.Options{Latency: 3 * time.Millisecond})
	w.reg.delay, w.reg.printer = 2*time.Second, 3*time.Second
	w.done(receiptOp(sale()))
	r := w.result()
	var sent clock.Instant
	for e := range w.log.View().Events() {
		if b, ok := e.Body.(history.HostBytes); ok && b.Dir == history.ToDevice && len(b.Data) > 2 && b.Data[2] == 0x85 {
			sent = e.At.Add(time.Duration(len(b.Data)) * serialport.ByteTime(baud))
		}
	}
	if r.Entered != sent {
		t.Errorf("entered at %v, the last byte of 85h left at %v", r.Entered, sent)
	}
	true_ := sent.Add(w.host.line.wait + w.reg.delay + w.reg.printer)
	if r.Done.Mono < true_.Mono || r.Done.Mono-r.Blur > true_.Mono {
		t.Errorf("done at %v ± %v, the paper stopped at %v", r.Done.Mono, r.Blur, true_.Mono)
	}
	if r.Blur < 200*time.Millisecond || r.Blur > 300*time.Millisecond || !strings.Contains(r.Sources, "port and adapter 3ms") {
		t.Errorf("blur %v from %q", r.Blur, r.Sources)
	}
	// Two operations in a row: the second waits while the first prints.
	w.reg.printer = 500 * time.Millisecond
	w.done(receiptOp(sale()))
}

// The record has Intent, then bytes, then Result, and every byte has a note.
func TestRecordOfAnOperation(t *testing.T) {
	w := newWorld(t, shtrihm.Options{})
	w.done(receiptOp(sale()))
	var intent history.Seq
	for e := range w.log.View().Events() {
		switch b := e.Body.(type) {
		case history.Intent:
			if intent = e.Seq; intent != 1 {
				t.Errorf("intent is event %d", intent)
			}
		case history.HostBytes:
			if b.Note == "" || len(b.Data) == 0 || !slices.Equal(e.Causes, []history.Seq{intent}) {
				t.Errorf("event %d: %+v, causes %v", e.Seq, b, e.Causes)
			}
		case history.Result:
			if int(e.Seq) != w.log.View().Len() || !slices.Equal(e.Causes, []history.Seq{intent}) || b.Op != "test/1/1" {
				t.Errorf("event %d: %+v, causes %v", e.Seq, b, e.Causes)
			}
		default:
			t.Errorf("event %d: %T", e.Seq, b)
		}
	}
}

// A register that hangs is no fault of the bench; a clock that was reset does
// not make its status unreadable.
func TestSilentRegisterAndResetClock(t *testing.T) {
	w := newWorld(t, shtrihm.Options{})
	w.line.SetFilter(func(toDevice bool, p []byte) []byte {
		if toDevice || len(p) < 40 {
			return p
		}
		copy(p[27:30], []byte{0, 0, 0}) // the date of 11h
		p[len(p)-1] = frame.LRC(p[1 : len(p)-1])
		return p
	})
	if st, err := w.dev.State(context.Background()); err != nil || !st.Clock.IsZero() || st.Shift != 41 {
		t.Errorf("%+v, %v; want no clock and shift 41", st, err)
	}
	w.line.SetFilter(func(bool, []byte) []byte { return nil })
	if _, err := w.dev.State(context.Background()); !errors.Is(err, device.ErrSilent) || errors.Is(err, serialport.ErrLost) {
		t.Errorf("state of a silent register: %v", err)
	}
	w.line.Unplug(true)
	if _, err := w.dev.State(context.Background()); errors.Is(err, device.ErrSilent) || !errors.Is(err, serialport.ErrLost) {
		t.Errorf("state over a lost port: %v", err)
	}
}
