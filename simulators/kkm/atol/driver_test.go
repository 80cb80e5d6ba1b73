package atol

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/atol"
	"github.com/kkmtest/kkmtest/bench/device/atol/frame"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
	ht "github.com/kkmtest/kkmtest/simulators/kkm/hosttest"
)

// family is driver and host side of a level; plain hides that the register is ours.
func family(level int, plain bool, o atol.Options) ht.Family {
	return ht.Family{
		Name: fmt.Sprintf("level %d", level),
		Host: func(loop clock.Loop, r *ht.Fake, send func([]byte)) ht.Host {
			return newHost(loop, r, send, Options{Level: level, Plain: plain})
		},
		Driver: func(loop clock.Loop, port device.Port, j history.Journal, d ht.Driver) (device.Device, error) {
			o := o
			o.Level, o.Baud, o.Latency, o.Reopen, o.Timers.Recovery = atol.Level(level), ht.Baud, d.Latency, d.Reopen, d.Recovery
			if d.Recovery > 0 {
				o.Timers.Patience = 5 * time.Second
			}
			return atol.Open(loop, port, j, o)
		},
	}
}

func levels(t *testing.T, plain bool, o atol.Options, f func(t *testing.T, f ht.Family)) {
	for _, level := range []int{2, 3} {
		x := family(level, plain, o)
		t.Run(x.Name, func(t *testing.T) { f(t, x) })
	}
}

var told = atol.Options{Sections: atol.Sections(Sections())}

func host(w *ht.World) *Host { return w.Host.(*Host) }

// What the cashier enters is what the register gets.
func TestReceiptsArriveWhole(t *testing.T) {
	parent := &fiscal.Parent{Sign: "021000000721", KKM: "010100123456", At: ht.Epoch.Add(-time.Hour), Total: 78050, Offline: true}
	bread := ht.Position(fiscal.Goods, "Нан ақ", 1234, 45075)
	free := bread
	free.VAT, free.Section = nil, 16
	zero := bread
	zero.VAT = &ht.VAT0
	coded := bread
	coded.Code = 101
	milk := ht.Position(fiscal.Goods, "Сүт", 1000, 50000)
	tests := map[string]struct {
		r     fiscal.Receipt
		plain bool // without notes
	}{
		"sale":                                 {ht.Sale(), false}, // the name of the discount has the letter і
		"section taxed as the register has it": {fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{bread}, Payments: []fiscal.Payment{ht.Cash(100000)}}, true},
		"sale with storno of everything": {fiscal.Receipt{Kind: fiscal.Sale, Payments: []fiscal.Payment{ht.Cash(10000000)}, Lines: []fiscal.Line{
			bread, ht.Position(fiscal.Goods, "Сүт", 3000, 50000), ht.Position(fiscal.GoodsStorno, "Сүт", 2000, 50000),
			ht.Position(fiscal.Discount, "Жеңілдік", 0, 1000), ht.Position(fiscal.DiscountStorno, "Жеңілдік", 0, 1000),
			ht.Position(fiscal.Markup, "Үстеме", 0, 1500), ht.Position(fiscal.MarkupStorno, "Үстеме", 0, 1500)}}, false},
		"three payments": {fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{milk},
			Payments: []fiscal.Payment{{Kind: fiscal.Card, Sum: 20000}, {Kind: fiscal.Mobile, Sum: 25000}, ht.Cash(10000)}}, true},
		"card alone": {fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{milk}, Payments: []fiscal.Payment{{Kind: fiscal.Card, Sum: 50000}}}, true},
		"discount on the whole": {fiscal.Receipt{Kind: fiscal.Sale, Discount: 333, Lines: []fiscal.Line{milk},
			Payments: []fiscal.Payment{ht.Cash(50000)}}, true},
		"markup on the whole": {fiscal.Receipt{Kind: fiscal.Sale, Markup: 7, Lines: []fiscal.Line{milk}, Payments: []fiscal.Payment{ht.Cash(55000)}}, true},
		"line discount and discount on the whole": {fiscal.Receipt{Kind: fiscal.Sale, Discount: 333, Payments: []fiscal.Payment{ht.Cash(50000)},
			Lines: []fiscal.Line{milk, ht.Position(fiscal.Discount, "Скидка", 0, 100)}}, true},
		"purchase":        {fiscal.Receipt{Kind: fiscal.Buy, Lines: []fiscal.Line{free}, Payments: []fiscal.Payment{ht.Cash(free.Total())}}, true},
		"sale return":     {fiscal.Receipt{Kind: fiscal.SaleReturn, Parent: parent, Lines: []fiscal.Line{bread}, Payments: []fiscal.Payment{ht.Cash(bread.Total())}}, false},
		"purchase return": {fiscal.Receipt{Kind: fiscal.BuyReturn, Parent: parent, Lines: []fiscal.Line{zero}, Payments: []fiscal.Payment{{Kind: fiscal.Card, Sum: zero.Total()}}}, false},
		"code and buyer":  {fiscal.Receipt{Kind: fiscal.Sale, Customer: "900101300123", Lines: []fiscal.Line{coded, bread}, Payments: []fiscal.Payment{ht.Cash(200000)}}, false},
	}
	for name, tt := range tests {
		for _, plain := range []bool{false, true} {
			levels(t, plain, told, func(t *testing.T, f ht.Family) {
				t.Run(fmt.Sprintf("%s, plain %v", name, plain), func(t *testing.T) {
					w := f.New(t, ht.Driver{})
					op := ht.Receipt(tt.r)
					op.As.Cashier = 3
					if plain && !tt.plain {
						if out := w.Do(op); out.Got != fiscal.Unsupported || out.Text == "" || len(w.Reg.Ops) > 0 || host(w).open != nil {
							t.Errorf("%+v", out)
						}
						return
					}
					out := w.Done(op)
					if got := w.Reg.Receipts(); len(got) != 1 || !reflect.DeepEqual(got[0], tt.r) {
						t.Errorf("the register got\n%+v, want\n%+v", got, tt.r)
					}
					if pw := w.Reg.Ops[0].As.Password; pw != "3" {
						t.Errorf("password %q, want the cashier's", pw)
					}
					if out.Change != tt.r.Change() || out.Doc != 1 || out.Shift != 42 {
						t.Errorf("outcome %+v, want change %v, document 1, shift 42", out, tt.r.Change())
					}
				})
			})
		}
	}
}

func TestOperations(t *testing.T) {
	newer := time.Date(2026, 1, 6, 0, 30, 15, 0, time.UTC) // a later day, an earlier hour
	levels(t, false, atol.Options{}, func(t *testing.T, f ht.Family) {
		w := f.New(t, ht.Driver{})
		pw := func(s string) fiscal.Role { return fiscal.Role{Password: s} }
		for _, tt := range []struct {
			op   fiscal.Op
			want fiscal.Op // as the register gets the last one
		}{
			{fiscal.Op{Kind: fiscal.OpDeposit, Cash: 500000}, fiscal.Op{Kind: fiscal.OpDeposit, Cash: 500000, As: pw("1")}},
			{fiscal.Op{Kind: fiscal.OpWithdraw, Cash: 100000, As: fiscal.Role{Cashier: 2}}, fiscal.Op{Kind: fiscal.OpWithdraw, Cash: 100000, As: pw("2")}},
			{fiscal.Op{Kind: fiscal.OpXReport}, fiscal.Op{Kind: fiscal.OpXReport, As: pw("30")}},
			{fiscal.Op{Kind: fiscal.OpReportCashiers}, fiscal.Op{Kind: fiscal.OpReportCashiers, As: pw("30")}},
			{fiscal.Op{Kind: fiscal.OpReportSections}, fiscal.Op{Kind: fiscal.OpReportSections, As: pw("30")}},
			{fiscal.Op{Kind: fiscal.OpCopy}, fiscal.Op{Kind: fiscal.OpCopy, As: pw("1")}},
			{fiscal.Op{Kind: fiscal.OpTestPrint, Value: "Сынақ"}, fiscal.Op{Kind: fiscal.OpTestPrint, Value: "Сынақ", As: pw("1")}},
			{fiscal.Op{Kind: fiscal.OpZReport, As: fiscal.Role{Admin: true}}, fiscal.Op{Kind: fiscal.OpZReport, As: pw("30")}},
			{fiscal.Op{Kind: fiscal.OpDeposit, Cash: 1}, fiscal.Op{Kind: fiscal.OpDeposit, Cash: 1, As: pw("1")}},
			{fiscal.Op{Kind: fiscal.OpZReport, As: fiscal.Role{Cashier: 4}}, fiscal.Op{Kind: fiscal.OpZReport, As: pw("4")}},
			{fiscal.Op{Kind: fiscal.OpSetClock, Clock: newer}, fiscal.Op{Kind: fiscal.OpSetClock, Clock: newer, As: pw("30")}},
			{fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDHost, Value: "new.ofd.test"},
				fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDHost, Value: "new.ofd.test", As: fiscal.Role{Admin: true, Password: "30"}}},
			{fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDPort, Value: "17777"},
				fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDPort, Value: "17777", As: fiscal.Role{Admin: true, Password: "30"}}},
			{fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetCashierPassword, Value: "4321", As: fiscal.Role{Cashier: 5}},
				fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetCashierPassword, Value: "4321", As: fiscal.Role{Cashier: 5, Password: "30"}}},
		} {
			out := w.Done(tt.op)
			got := w.Reg.Ops[len(w.Reg.Ops)-1]
			if tt.op.Kind == fiscal.OpSetClock {
				// The day stays as it was set when the hands are set.
				if d := got.Clock.Sub(newer); d != 0 {
					t.Errorf("the clock was set to %v, want %v", got.Clock, newer)
				}
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("the register got %+v, want %+v", got, tt.want)
			}
			if tt.op.Kind == fiscal.OpDeposit && out.Doc != w.Reg.Docs {
				t.Errorf("document %d, want %d", out.Doc, w.Reg.Docs)
			}
			if tt.op.Kind == fiscal.OpZReport && out.Shift != w.Reg.Shift {
				t.Errorf("shift %d, want %d", out.Shift, w.Reg.Shift)
			}
			if host(w).mode != frame.ModeSelect {
				t.Errorf("%s leaves the register in mode %d", tt.op.Kind, host(w).mode)
			}
		}
		if out := w.Do(fiscal.Op{Kind: fiscal.OpCancel}); out.Got != fiscal.Refused || out.Code != int(frame.ErrReceiptShut) {
			t.Errorf("cancel without a receipt: %+v", out)
		}
		for _, op := range []fiscal.Op{{Kind: fiscal.OpSelfTest}, {Kind: fiscal.OpSetSetting, Setting: fiscal.SetToken, Value: "1"}, {Kind: "dance"},
			{Kind: fiscal.OpReceipt}, {Kind: fiscal.OpDeposit, Cash: 1e10}, {Kind: fiscal.OpDeposit, Cash: -1}, {Kind: fiscal.OpTestPrint, Value: strings.Repeat("я", 57)}} {
			if out := w.Do(op); out.Got != fiscal.Unsupported || out.Text == "" {
				t.Errorf("%+v: %+v", op, out)
			}
		}
		for _, s := range []struct{ set, want string }{{"ofd-host", "new.ofd.test"}, {"ofd-port", "17777"}} {
			if got, err := w.Dev.(device.Settings).Setting(context.Background(), fiscal.Setting(s.set)); err != nil || got != s.want {
				t.Errorf("setting %s = %q, %v", s.set, got, err)
			}
		}
		for _, s := range []fiscal.Setting{fiscal.SetToken, fiscal.SetCashierPassword, "colour"} {
			if v, err := w.Dev.(device.Settings).Setting(context.Background(), s); !errors.Is(err, device.ErrNotAble) {
				t.Errorf("%s = %q, %v; want ErrNotAble", s, v, err)
			}
		}
	})
}

// The place of the OFD's address has one source: where something else is read
// there, nothing is written.
func TestSettingInAWrongPlace(t *testing.T) {
	for set, bad := range map[fiscal.Setting]string{fiscal.SetOFDHost: "Спасибо за покупку!", fiscal.SetOFDPort: "0"} {
		w := family(2, false, atol.Options{}).New(t, ht.Driver{})
		w.Reg.Values[set] = bad
		if out := w.Do(fiscal.Op{Kind: fiscal.OpSetSetting, Setting: set, Value: "1234"}); out.Got != fiscal.Unsupported || len(w.Reg.Ops) > 0 {
			t.Errorf("%s: %+v, register got %v", set, out, w.Reg.Ops)
		}
		if v, err := w.Dev.(device.Settings).Setting(context.Background(), set); !errors.Is(err, device.ErrNotAble) {
			t.Errorf("%s = %q, %v; want ErrNotAble", set, v, err)
		}
	}
}

func TestIdentityAndState(t *testing.T) {
	levels(t, false, atol.Options{}, func(t *testing.T, f ht.Family) {
		w := f.New(t, ht.Driver{})
		id, err := w.Dev.Identity(context.Background())
		want := history.Identity{Type: "ATOL protocol 2, " + f.Name + ", type 1, model 251", Model: "KKMTest Ә-1", Serial: "00000777", Firmware: "1.2 build 034, Kazakh"}
		if err != nil || id != want {
			t.Errorf("identity %+v, %v; want %+v", id, err, want)
		}
		w.Done(ht.Receipt(ht.Sale()))
		w.Done(ht.Receipt(ht.Sale()))
		for _, tt := range []struct {
			name       string
			set        func()
			open, long bool
			shift      uint64
		}{
			{"open", func() {}, true, false, 42},
			{"too long", func() { w.Reg.Long = true }, true, true, 42},
			{"closed", func() { w.Reg.Open, w.Reg.Long, w.Reg.Shift = false, false, 42 }, false, false, 42},
		} {
			tt.set()
			st, err := w.Dev.State(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if st.ShiftOpen != tt.open || st.ShiftLong != tt.long || st.Shift != tt.shift || st.Receipts != 2 || st.Unsent == nil || *st.Unsent != 3 {
				t.Errorf("%s: %+v", tt.name, st)
			}
			if d := w.Loop.Now().Wall.Sub(st.Clock); d < 0 || d > 3*time.Second {
				t.Errorf("%s: clock %v, now %v", tt.name, st.Clock, w.Loop.Now().Wall)
			}
			e, _ := w.Log.View().Get(history.Seq(w.Log.View().Len()))
			if got, ok := e.Body.(history.State); !ok || !reflect.DeepEqual(got, st) {
				t.Errorf("%s: last event %+v, want the state", tt.name, e.Body)
			}
		}
	})
}
