package datecs

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
	"github.com/kkmtest/kkmtest/bench/device/datecs"
	"github.com/kkmtest/kkmtest/bench/device/datecs/frame"
	shtrihframe "github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
	ht "github.com/kkmtest/kkmtest/simulators/kkm/hosttest"
)

// pair is driver and host side of a family; plain hides that the register is ours.
func pair(f frame.Family, plain bool, o datecs.Options) ht.Family {
	return ht.Family{
		Name: "family " + f.String(),
		Host: func(loop clock.Loop, r *ht.Fake, send func([]byte)) ht.Host {
			return newHost(loop, r, send, Options{Family: f, Plain: plain})
		},
		Driver: func(loop clock.Loop, port device.Port, j history.Journal, d ht.Driver) (device.Device, error) {
			o := o
			o.Family, o.Baud, o.Latency, o.Reopen, o.Timers.Recovery = f, ht.Baud, d.Latency, d.Reopen, d.Recovery
			return datecs.Open(loop, port, j, o)
		},
	}
}

func families(t *testing.T, plain bool, o datecs.Options, f func(t *testing.T, f ht.Family)) {
	for _, x := range []frame.Family{frame.P, frame.X} {
		p := pair(x, plain, o)
		t.Run(p.Name, func(t *testing.T) { f(t, p) })
	}
}

// told is what a person tells of a register whose owner is known.
func told() datecs.Options {
	kz := shtrihframe.KZ1048
	return datecs.Options{Coding: &kz, Groups: &datecs.Groups{Rates: map[fiscal.MilliPercent]int{16000: 1, 0: 4}, Untaxed: 8},
		Passwords: datecs.Passwords{Operators: map[int]string{1: "0001", 3: "0003"}}}
}

func host(w *ht.World) *Host { return w.Host.(*Host) }

// What the cashier enters is what the register gets.
func TestReceiptsArriveWhole(t *testing.T) {
	parent := &fiscal.Parent{Sign: "021000000721", KKM: "010100123456", At: ht.Epoch.Add(-time.Hour), Total: 78050, Offline: true}
	bread := ht.Position(fiscal.Goods, "Нан ақ", 1234, 45075)
	bread.Section = 1
	free := bread
	free.VAT = nil
	zero := bread
	zero.VAT, zero.Section = &ht.VAT0, 16
	coded := bread
	coded.Code = 101
	milk := ht.Position(fiscal.Goods, "Сүт", 1000, 50000)
	milk.Section = 1
	nameless := ht.Position(fiscal.Discount, "", 0, 100)
	tests := map[string]struct {
		r     fiscal.Receipt
		plain string // families that can be told without notes
	}{
		"sale":    {ht.Sale(), ""},
		"plain":   {fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{bread, free}, Payments: []fiscal.Payment{ht.Cash(200000)}}, "PX"},
		"section": {fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{zero}, Payments: []fiscal.Payment{ht.Cash(200000)}}, "X"},
		"sale with storno of everything": {fiscal.Receipt{Kind: fiscal.Sale, Payments: []fiscal.Payment{ht.Cash(10000000)}, Lines: []fiscal.Line{
			bread, ht.Position(fiscal.Goods, "Сүт", 3000, 50000), ht.Position(fiscal.GoodsStorno, "Сүт", 2000, 50000),
			ht.Position(fiscal.Discount, "Жеңілдік", 0, 1000), ht.Position(fiscal.DiscountStorno, "Жеңілдік", 0, 1000),
			ht.Position(fiscal.Markup, "Үстеме", 0, 1500), ht.Position(fiscal.MarkupStorno, "Үстеме", 0, 1500)}}, ""},
		"line taken back": {fiscal.Receipt{Kind: fiscal.Sale, Payments: []fiscal.Payment{ht.Cash(10000000)}, Lines: []fiscal.Line{
			bread, milk, {Kind: fiscal.GoodsStorno, Name: "Сүт", Section: 1, Qty: 1000, Price: 50000, VAT: &ht.VAT16}}}, "PX"},
		"three payments": {fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{milk},
			Payments: []fiscal.Payment{{Kind: fiscal.Card, Sum: 20000}, {Kind: fiscal.Mobile, Sum: 25000}, ht.Cash(10000)}}, "PX"},
		"card alone": {fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{milk}, Payments: []fiscal.Payment{{Kind: fiscal.Card, Sum: 50000}}}, "PX"},
		"discount on the whole": {fiscal.Receipt{Kind: fiscal.Sale, Discount: 333, Lines: []fiscal.Line{milk},
			Payments: []fiscal.Payment{ht.Cash(50000)}}, "PX"},
		"markup on the whole": {fiscal.Receipt{Kind: fiscal.Sale, Markup: 7, Lines: []fiscal.Line{milk}, Payments: []fiscal.Payment{ht.Cash(55000)}}, "PX"},
		"line discount and discount on the whole": {fiscal.Receipt{Kind: fiscal.Sale, Discount: 333, Payments: []fiscal.Payment{ht.Cash(50000)},
			Lines: []fiscal.Line{milk, nameless}}, "PX"},
		"purchase":        {fiscal.Receipt{Kind: fiscal.Buy, Lines: []fiscal.Line{free}, Payments: []fiscal.Payment{ht.Cash(free.Total())}}, ""},
		"sale return":     {fiscal.Receipt{Kind: fiscal.SaleReturn, Parent: parent, Lines: []fiscal.Line{bread}, Payments: []fiscal.Payment{ht.Cash(bread.Total())}}, ""},
		"purchase return": {fiscal.Receipt{Kind: fiscal.BuyReturn, Parent: parent, Lines: []fiscal.Line{zero}, Payments: []fiscal.Payment{{Kind: fiscal.Card, Sum: zero.Total()}}}, ""},
		"code and buyer":  {fiscal.Receipt{Kind: fiscal.Sale, Customer: "900101300123", Lines: []fiscal.Line{coded, bread}, Payments: []fiscal.Payment{ht.Cash(200000)}}, ""},
	}
	for name, tt := range tests {
		for _, plain := range []bool{false, true} {
			o := datecs.Options{}
			if plain {
				o = told()
			}
			families(t, plain, o, func(t *testing.T, f ht.Family) {
				t.Run(fmt.Sprintf("%s, plain %v", name, plain), func(t *testing.T) {
					w := f.New(t, ht.Driver{})
					op := ht.Receipt(tt.r)
					op.As.Cashier = 3
					if plain && !strings.Contains(tt.plain, f.Name[len(f.Name)-1:]) {
						if out := w.Do(op); out.Got != fiscal.Unsupported || out.Text == "" || len(w.Reg.Ops) > 0 || host(w).open != nil {
							t.Errorf("%+v", out)
						}
						return
					}
					out := w.Done(op)
					if got := w.Reg.Receipts(); len(got) != 1 || !reflect.DeepEqual(got[0], tt.r) {
						t.Errorf("the register got\n%+v, want\n%+v", got, tt.r)
					}
					if as := w.Reg.Ops[0].As; as.Cashier != 3 || as.Password != map[bool]string{false: "3", true: "0003"}[plain] {
						t.Errorf("role %+v, want the cashier's", as)
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
	families(t, false, datecs.Options{}, func(t *testing.T, f ht.Family) {
		w := f.New(t, ht.Driver{})
		adm := fiscal.Role{Admin: true}
		for _, tt := range []struct {
			op   fiscal.Op
			want fiscal.Op // as the register gets the last one
		}{
			{fiscal.Op{Kind: fiscal.OpDeposit, Cash: 500000}, fiscal.Op{Kind: fiscal.OpDeposit, Cash: 500000}},
			{fiscal.Op{Kind: fiscal.OpWithdraw, Cash: 100000, As: fiscal.Role{Cashier: 1}}, fiscal.Op{Kind: fiscal.OpWithdraw, Cash: 100000}},
			{fiscal.Op{Kind: fiscal.OpXReport}, fiscal.Op{Kind: fiscal.OpXReport, As: adm}},
			{fiscal.Op{Kind: fiscal.OpReportCashiers}, fiscal.Op{Kind: fiscal.OpReportCashiers, As: adm}},
			{fiscal.Op{Kind: fiscal.OpReportSections}, fiscal.Op{Kind: fiscal.OpReportSections, As: adm}},
			{fiscal.Op{Kind: fiscal.OpCopy}, fiscal.Op{Kind: fiscal.OpCopy, As: adm}},
			{fiscal.Op{Kind: fiscal.OpTestPrint, Value: "Сынақ"}, fiscal.Op{Kind: fiscal.OpTestPrint, Value: "Сынақ"}},
			{fiscal.Op{Kind: fiscal.OpZReport, As: adm}, fiscal.Op{Kind: fiscal.OpZReport, As: adm}},
			{fiscal.Op{Kind: fiscal.OpSetClock, Clock: newer}, fiscal.Op{Kind: fiscal.OpSetClock, Clock: newer, As: adm}},
			{fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDHost, Value: "new.ofd.test"}, fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDHost, Value: "new.ofd.test", As: adm}},
			{fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDPort, Value: "17777", As: adm}, fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDPort, Value: "17777", As: adm}},
			{fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetCashierPassword, Value: "4321", As: fiscal.Role{Cashier: 5}},
				fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetCashierPassword, Value: "4321", As: fiscal.Role{Cashier: 5}}},
		} {
			out := w.Done(tt.op)
			if got := w.Reg.Ops[len(w.Reg.Ops)-1]; !reflect.DeepEqual(got, tt.want) {
				t.Errorf("the register got %+v, want %+v", got, tt.want)
			}
			if tt.op.Kind == fiscal.OpDeposit && out.Doc != w.Reg.Docs {
				t.Errorf("document %d, want %d", out.Doc, w.Reg.Docs)
			}
			if tt.op.Kind == fiscal.OpZReport && out.Shift != w.Reg.Shift {
				t.Errorf("shift %d, want %d", out.Shift, w.Reg.Shift)
			}
		}
		if out := w.Do(fiscal.Op{Kind: fiscal.OpCancel}); out.Got != fiscal.Refused || !strings.Contains(out.Text, "not allowed now") {
			t.Errorf("cancel without a receipt: %+v", out)
		}
		wrong := fiscal.Role{Password: "987654"}
		for _, op := range []fiscal.Op{{Kind: fiscal.OpSetSetting, Setting: fiscal.SetToken, Value: "1"}, {Kind: "dance"}, {Kind: fiscal.OpReceipt},
			{Kind: fiscal.OpDeposit}, {Kind: fiscal.OpDeposit, Cash: -1}, {Kind: fiscal.OpTestPrint, Value: strings.Repeat("я", 43)}, {Kind: fiscal.OpDeposit, Cash: 1, As: fiscal.Role{Cashier: 2}},
			{Kind: fiscal.OpZReport, As: wrong}, {Kind: fiscal.OpXReport, As: wrong}, {Kind: fiscal.OpSetClock, Clock: newer, As: wrong}, {Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDPort, Value: "1", As: wrong}} {
			n := len(w.Reg.Ops)
			if out := w.Do(op); out.Got != fiscal.Unsupported || out.Text == "" || len(w.Reg.Ops) != n {
				t.Errorf("%+v: %+v", op, out)
			}
		}
		want := fiscal.Unsupported
		if f.Name == "family P" {
			want = fiscal.Done
		}
		if out := w.Do(fiscal.Op{Kind: fiscal.OpSelfTest}); out.Got != want {
			t.Errorf("self-test: %+v", out)
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
	families(t, true, told(), func(t *testing.T, f ht.Family) {
		w := f.New(t, ht.Driver{})
		if out := w.Do(fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDPort, Value: "1"}); out.Got != fiscal.Unsupported || len(w.Reg.Ops) > 0 {
			t.Errorf("%+v", out)
		}
		if v, err := w.Dev.(device.Settings).Setting(context.Background(), fiscal.SetOFDPort); !errors.Is(err, device.ErrNotAble) {
			t.Errorf("%q, %v", v, err)
		}
	})
}

func TestIdentityAndState(t *testing.T) {
	families(t, false, datecs.Options{}, func(t *testing.T, f ht.Family) {
		w := f.New(t, ht.Driver{})
		id, err := w.Dev.Identity(context.Background())
		want := history.Identity{Type: "Datecs protocol, " + f.Name + ", fiscal memory KKMTEST0", Model: "KKMTest Ә-1", Serial: "KKM0000777", Firmware: "1.2.34KZ"}
		if err != nil || id != want {
			t.Errorf("identity %+v, %v; want %+v", id, err, want)
		}
		for _, tt := range []struct {
			name  string
			set   func()
			open  bool
			shift uint64
		}{
			{"closed", func() {}, false, 41},
			{"open", func() { w.Done(ht.Receipt(ht.Sale())) }, true, 42},
			{"closed again", func() { w.Done(fiscal.Op{Kind: fiscal.OpZReport}) }, false, 42},
		} {
			tt.set()
			st, err := w.Dev.State(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if st.ShiftOpen != tt.open || st.Shift != tt.shift || st.Unsent != nil || st.Offline != nil {
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

// What was printed is read from the journal, once, and what lay there before the
// first operation is not new.
func TestPrintedText(t *testing.T) {
	families(t, false, datecs.Options{}, func(t *testing.T, f ht.Family) {
		w := f.New(t, ht.Driver{})
		w.Reg.Lines = []string{"old"}
		w.Done(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 100})
		w.Reg.Lines = append(w.Reg.Lines, "a, b", "", "  1, 2 =3")
		p := w.Dev.(device.Printer)
		lines, origin, err := p.Printed(context.Background())
		if want := []string{"deposit", "Қазақша №1", "a, b", "", "  1, 2 =3"}; err != nil || origin != "host" || !slices.Equal(lines, want) {
			t.Errorf("%q from %s, %v; want %q", lines, origin, err, want)
		}
		if lines, _, err := p.Printed(context.Background()); err != nil || len(lines) != 0 {
			t.Errorf("second reading %q, %v; want nothing", lines, err)
		}
		// A line that is damaged on the way is read again, none is left out.
		w.Done(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 100})
		n := 0
		w.Line.SetFilter(func(_ bool, p []byte) []byte {
			if n++; n%3 == 0 {
				p[len(p)/2] ^= 1
			}
			return p
		})
		if lines, _, err := p.Printed(context.Background()); err != nil || !slices.Equal(lines, []string{"deposit", "Қазақша №2"}) {
			t.Errorf("over a bad line: %q, %v", lines, err)
		}
	})
}

// Each reason of the register becomes a refusal with its words, and the receipt
// that was begun is dropped again.
func TestRefusals(t *testing.T) {
	for _, reason := range []kkm.Reason{kkm.ShiftTooLong, kkm.OfflineTooLong, kkm.OFDBlocked, kkm.TokenBlocked, kkm.ShiftClosed, kkm.NoPaper, kkm.BadData, kkm.Busy, kkm.Fault} {
		families(t, false, datecs.Options{}, func(t *testing.T, f ht.Family) {
			t.Run(string(reason), func(t *testing.T) {
				w := f.New(t, ht.Driver{})
				w.Done(ht.Receipt(ht.Sale())) // the operator is let in
				w.Reg.Ops = nil
				w.Reg.Paper = reason != kkm.NoPaper
				w.Reg.Refuse[fiscal.OpReceipt], w.Reg.Refuse[fiscal.OpZReport] = reason, reason
				for _, op := range []fiscal.Op{ht.Receipt(ht.Sale()), {Kind: fiscal.OpZReport}} {
					out := w.Do(op)
					if out.Got != fiscal.Refused || out.Code == 0 || reason != kkm.NoPaper && !strings.Contains(out.Text, string(reason)) {
						t.Errorf("%s: %+v", op.Kind, out)
					}
				}
				if host(w).open != nil || len(w.Reg.Ops) != 0 {
					t.Errorf("open receipt %v, operations %v", host(w).open, w.Reg.Ops)
				}
			})
		})
	}
}

// A register that changes its mind between payment and closing refuses at 56; the
// driver cancels and the next receipt goes through.
func TestRefusedClosingIsCancelled(t *testing.T) {
	families(t, false, datecs.Options{}, func(t *testing.T, f ht.Family) {
		w := f.New(t, ht.Driver{})
		w.Reg.Delay = time.Second
		w.Line.SetFilter(func(toDevice bool, p []byte) []byte {
			if toDevice && host(w).open != nil && len(host(w).open.Payments) > 0 {
				w.Reg.Refuse[fiscal.OpReceipt] = kkm.BadData // as when the OFD refuses it
			}
			return p
		})
		out := w.Do(ht.Receipt(ht.Sale()))
		if out.Got != fiscal.Refused || host(w).open != nil {
			t.Errorf("%+v, open %v", out, host(w).open)
		}
		w.Line.SetFilter(nil)
		delete(w.Reg.Refuse, fiscal.OpReceipt)
		w.Done(ht.Receipt(ht.Sale()))
		short := ht.Sale()
		short.Payments[0].Sum = 100
		if out := w.Do(ht.Receipt(short)); out.Got != fiscal.Refused && out.Got != fiscal.Unknown {
			t.Errorf("underpaid: %+v", out)
		}
	})
}

func TestPasswords(t *testing.T) {
	families(t, false, datecs.Options{Passwords: datecs.Passwords{Operators: map[int]string{7: "0007"}}}, func(t *testing.T, f ht.Family) {
		w := f.New(t, ht.Driver{})
		as := func(r fiscal.Role) fiscal.Op { op := ht.Receipt(ht.Sale()); op.As = r; return op }
		w.Done(as(fiscal.Role{Cashier: 7}))
		w.Done(as(fiscal.Role{Admin: true}))
		w.Done(as(fiscal.Role{Cashier: 1}))
		if got := w.Reg.Ops[1].As; got.Cashier != 30 || got.Password != "30" {
			t.Errorf("administrator %+v", got)
		}
		if out := w.Do(as(fiscal.Role{Password: "987654"})); out.Got != fiscal.Refused || !strings.Contains(out.Text, "password") {
			t.Errorf("wrong password: %+v", out)
		}
		if out := w.Do(as(fiscal.Role{Password: "abcd"})); out.Got != fiscal.Unsupported || strings.Contains(out.Text, "abcd") {
			t.Errorf("letters: %+v", out)
		}
		if out := w.Do(as(fiscal.Role{Cashier: 7, Password: "7"})); out.Got != fiscal.Done {
			t.Errorf("a password that is short is padded: %+v", out)
		}
		for e := range w.Log.View().Events() {
			if b, ok := e.Body.(history.HostBytes); ok && strings.Contains(b.Note, "987654") {
				t.Errorf("event %d spells a password: %q", e.Seq, b.Note)
			}
		}
		// A third wrong one would lock the register until it is switched off: the
		// driver does not try it.
		n := len(w.Reg.Ops)
		if out := w.Do(as(fiscal.Role{Password: "987654"})); out.Got != fiscal.Refused {
			t.Errorf("second wrong password: %+v", out)
		}
		if out := w.Do(as(fiscal.Role{Password: "987654"})); out.Got != fiscal.Unsupported || !strings.Contains(out.Text, "lock") || len(w.Reg.Ops) != n {
			t.Errorf("third wrong password: %+v", out)
		}
		w.Done(as(fiscal.Role{Cashier: 1}))
		host(w).wrong = mostWrong // as if somebody else had tried
		if out := w.Do(as(fiscal.Role{Cashier: 1})); out.Got != fiscal.Refused {
			t.Errorf("a locked register: %+v", out)
		}
		w.Host.Reset()
		w.Done(as(fiscal.Role{Cashier: 1}))
		// A password that was programmed is used from then on.
		w.Done(fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetCashierPassword, Value: "0008", As: fiscal.Role{Cashier: 8}})
		if w.Done(as(fiscal.Role{Cashier: 8})); w.Reg.Ops[len(w.Reg.Ops)-1].As.Password != "0008" {
			t.Errorf("%+v", w.Reg.Ops[len(w.Reg.Ops)-1].As)
		}
		// A refusal of a guess proves nothing, and is not tried again.
		w.Reg.Refuse[fiscal.OpReceipt] = kkm.ShiftTooLong
		if out := w.Do(as(fiscal.Role{Cashier: 5})); out.Got != fiscal.Unsupported || !strings.Contains(out.Text, "factory password") {
			t.Errorf("an operator who was never let in: %+v", out)
		}
		if out := w.Do(as(fiscal.Role{Cashier: 7})); out.Got != fiscal.Refused {
			t.Errorf("an operator whose password was told: %+v", out)
		}
		if out := w.Do(as(fiscal.Role{Cashier: 1})); out.Got != fiscal.Refused {
			t.Errorf("an operator who was let in before: %+v", out)
		}
		delete(w.Reg.Refuse, fiscal.OpReceipt)
		n = len(w.Reg.Ops)
		if out := w.Do(as(fiscal.Role{Cashier: 5})); out.Got != fiscal.Unsupported || len(w.Reg.Ops) != n {
			t.Errorf("the same operator again: %+v", out)
		}
	})
}
