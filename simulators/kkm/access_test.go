package kkm

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

func as(op fiscal.Op, password string) fiscal.Op {
	op.As = fiscal.Role{Cashier: op.As.Cashier, Password: password}
	return op
}

func TestPasswordsGuardTheModes(t *testing.T) {
	// KZ 431 rows 1.1-1.3; the factory passwords are 1..30 (doubt 2).
	host := fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDHost, Value: "other.test"}
	tests := []struct {
		name     string
		op       fiscal.Op
		password string
		ok       bool
	}{
		{"sale, cashier", sell(100), "1", true},
		{"sale, cashier 28", sell(100), "28", true},
		{"sale, nobody", sell(100), "31", false},
		{"sale, nobody", sell(100), "0", false},
		{"sale, words", sell(100), "one", false},
		{"deposit, nobody", deposit(100), "9999", false},
		{"setting, system administrator", host, "30", true},
		{"setting, administrator", host, "29", false},
		{"setting, cashier", host, "1", false},
		{"setting, nobody", host, "9999", false},
		{"Z, administrator", takeZ, "29", true},
		{"Z, cashier", takeZ, "1", false},
		{"Z, nobody", takeZ, "9999", false},
		{"X, cashier", takeX, "2", false},
		{"clock, administrator", fiscal.Op{Kind: fiscal.OpSetClock, Clock: day.Add(time.Hour)}, "29", false},
		{"clock, system administrator", fiscal.Op{Kind: fiscal.OpSetClock, Clock: day.Add(time.Hour)}, "30", true},
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+tt.password, func(t *testing.T) {
			w := newWorld(t).on()
			if tt.op.Kind == fiscal.OpZReport {
				w.ok(sell(100))
			}
			before := w.r.Setting(fiscal.SetOFDHost)
			if tt.ok {
				w.ok(as(tt.op, tt.password))
				return
			}
			x := w.no(as(tt.op, tt.password), Password)
			if len(x.reqs) > 0 || len(x.lines) > 0 {
				t.Errorf("sent %q and printed %q", w.commands(x.reqs), x.lines)
			}
			if w.r.Setting(fiscal.SetOFDHost) != before || tt.op.Kind == fiscal.OpZReport && !w.r.State().ShiftOpen {
				t.Error("the mode was entered all the same")
			}
		})
	}
}

func TestProgrammedPasswords(t *testing.T) {
	// KZ 431 row 1: at least four positions.
	tests := []struct {
		value string
		ok    bool
	}{
		{"1234", true}, {"99999999", true}, {"123", false}, {"0123", false}, {"", false}, {"12a4", false}, {"99999999999", false}, {"29", false},
	}
	for _, tt := range tests {
		t.Run(tt.value, func(t *testing.T) {
			w := newWorld(t).on()
			set := fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetCashierPassword, Value: tt.value, As: fiscal.Role{Cashier: 5, Password: "30"}}
			if !tt.ok {
				w.no(set, BadData)
				w.ok(as(sell(100), "5")) // the old one still works
				return
			}
			w.ok(set)
			w.no(as(sell(100), "5"), Password)
			if x := w.ok(as(sell(100), tt.value)); x.reqs[0].m.GetTicket().GetOperator().GetCode() != 5 {
				t.Errorf("operator %v, want 5 (row 19.8)", x.reqs[0].m.GetTicket().GetOperator())
			}
			set.As.Cashier = 6
			w.no(set, BadData) // taken: two operators could not be told apart
			w.r.Power(false)
			w.on()
			w.ok(as(sell(100), tt.value))
		})
	}
}

func TestSettingsOnlyWithTheShiftClosed(t *testing.T) {
	// KZ 431 rows 34.1, 35; doubt 6 for the token.
	w := newWorld(t).on()
	host := fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDHost, Value: "second.test", As: admin}
	port := fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDPort, Value: "8888", As: admin}
	clock := fiscal.Op{Kind: fiscal.OpSetClock, Clock: day.Add(time.Hour), As: admin}
	w.ok(sell(100))
	for _, op := range []fiscal.Op{host, port, clock} {
		w.no(op, ShiftOpen)
	}
	w.ok(takeZ)
	for _, op := range []fiscal.Op{host, port, clock} {
		w.ok(op)
	}
	if w.r.Setting(fiscal.SetOFDHost) != "second.test" || w.r.Setting(fiscal.SetOFDPort) != "8888" {
		t.Error("the settings cannot be read back")
	}
	w.ok(sell(100))
	if w.dialled != "second.test:8888" {
		t.Errorf("dialled %s", w.dialled)
	}
	for _, bad := range []fiscal.Op{
		{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDPort, Value: "0", As: admin},
		{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDPort, Value: "65536", As: admin},
		{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDHost, Value: " ", As: admin},
	} {
		w.ok(takeZ)
		w.no(bad, BadData)
		w.ok(sell(100))
	}
	if x := w.do(fiscal.Op{Kind: fiscal.OpSetSetting, Setting: "colour", As: admin}); x.Got != fiscal.Unsupported {
		t.Errorf("unknown setting: %s", x.Got)
	}
	if x := w.do(fiscal.Op{Kind: "dance", As: by(1)}); x.Got != fiscal.Unsupported {
		t.Errorf("unknown operation: %s", x.Got)
	}
}

func TestTheClockNeverGoesBelowTheLastDocument(t *testing.T) {
	// KZ 431 row 36: T-1s refused, T and T+1s accepted.
	for _, tt := range []struct {
		off time.Duration
		ok  bool
	}{{-time.Hour, false}, {-time.Second, false}, {0, true}, {time.Second, true}} {
		w := newWorld(t).on()
		w.ok(sell(100))
		w.ok(takeZ)
		last := w.r.State().LastDocTime.Truncate(time.Second)
		w.pass(time.Hour)
		op := fiscal.Op{Kind: fiscal.OpSetClock, Clock: last.Add(tt.off), As: admin}
		if !tt.ok {
			w.no(op, ClockBack)
			continue
		}
		w.ok(op)
		if got := w.r.State().Clock; !got.Equal(last.Add(tt.off)) {
			t.Errorf("clock %v, want %v", got, last.Add(tt.off))
		}
		w.r.Power(false)
		w.pass(time.Hour)
		w.on()
		if got := w.r.State().Clock.Sub(last.Add(tt.off)); got < time.Hour || got > time.Hour+time.Minute {
			t.Errorf("the clock moved by %v in an hour without power", got)
		}
		w.ok(sell(100))
		at := w.last(ticketCmd).m.GetTicket().GetDateTime()
		if h := at.GetTime().GetHour(); h != uint32(last.Hour()+1) {
			t.Errorf("the receipt is dated at %d h", h)
		}
	}
}

func TestReceiptsThatCannotBe(t *testing.T) {
	cash := func(sum fiscal.Tiyn) []fiscal.Payment { return []fiscal.Payment{{Kind: fiscal.Cash, Sum: sum}} }
	g := good("Нан", 10000, 1000, 1)
	with := func(f func(*fiscal.Line)) fiscal.Line { l := g; f(&l); return l }
	parent := &fiscal.Parent{Sign: "1", At: day, KKM: "010100123456", Total: 100}
	tests := map[string]fiscal.Receipt{
		"no lines":                     {Kind: fiscal.Sale, Payments: cash(1)},
		"no kind":                      {Lines: []fiscal.Line{g}, Payments: cash(10000)},
		"no name":                      {Kind: fiscal.Sale, Lines: []fiscal.Line{with(func(l *fiscal.Line) { l.Name = " " })}, Payments: cash(10000)},
		"no quantity":                  {Kind: fiscal.Sale, Lines: []fiscal.Line{with(func(l *fiscal.Line) { l.Qty = 0 })}, Payments: cash(10000)},
		"price below 0":                {Kind: fiscal.Sale, Lines: []fiscal.Line{with(func(l *fiscal.Line) { l.Price = -1 })}, Payments: cash(10000)},
		"product beyond 64 bits":       {Kind: fiscal.Sale, Lines: []fiscal.Line{with(func(l *fiscal.Line) { l.Price, l.Qty = 1<<40, 1<<40 })}, Payments: cash(10000)},
		"unknown line":                 {Kind: fiscal.Sale, Lines: []fiscal.Line{with(func(l *fiscal.Line) { l.Kind = "gift" })}, Payments: cash(10000)},
		"VAT above 100 %":              {Kind: fiscal.Sale, Lines: []fiscal.Line{with(func(l *fiscal.Line) { l.VAT = rate(101) })}, Payments: cash(10000)},
		"storno of nothing":            {Kind: fiscal.Sale, Lines: []fiscal.Line{with(func(l *fiscal.Line) { l.Kind = fiscal.GoodsStorno }), g, g}, Payments: cash(10000)},
		"paid too little":              {Kind: fiscal.Sale, Lines: []fiscal.Line{g}, Payments: cash(9999)},
		"not paid":                     {Kind: fiscal.Sale, Lines: []fiscal.Line{g}},
		"card above the total":         {Kind: fiscal.Sale, Lines: []fiscal.Line{g}, Payments: []fiscal.Payment{{Kind: fiscal.Card, Sum: 10001}}},
		"unknown payment":              {Kind: fiscal.Sale, Lines: []fiscal.Line{g}, Payments: []fiscal.Payment{{Kind: "gold", Sum: 10000}}},
		"discount and markup":          {Kind: fiscal.Sale, Lines: []fiscal.Line{g}, Discount: 1, Markup: 1, Payments: cash(10000)},
		"taken back at another rate":   {Kind: fiscal.Sale, Lines: []fiscal.Line{g, {Kind: fiscal.Discount, Name: "x", Sum: 500, VAT: rate(5)}}, Discount: 1, Payments: cash(10000)},
		"discount of everything":       {Kind: fiscal.Sale, Lines: []fiscal.Line{g}, Discount: 10000, Payments: cash(10000)},
		"return without a parent":      {Kind: fiscal.SaleReturn, Lines: []fiscal.Line{g}, Payments: cash(10000)},
		"short IIN":                    {Kind: fiscal.Sale, Lines: []fiscal.Line{g}, Payments: cash(10000), Customer: "123"},
		"return without enough cash":   {Kind: fiscal.SaleReturn, Lines: []fiscal.Line{g}, Payments: cash(10000), Parent: parent},
		"purchase without enough cash": {Kind: fiscal.Buy, Lines: []fiscal.Line{g}, Payments: cash(10000)},
	}
	for name, x := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).on()
			op := fiscal.Op{Kind: fiscal.OpReceipt, Receipt: &x, As: by(1)}
			y := w.do(op)
			want := BadData
			if strings.Contains(name, "enough cash") {
				want = NoCash
			}
			if y.Got != fiscal.Refused || y.Reason != want || len(y.reqs) > 0 || len(y.lines) > 0 {
				t.Errorf("%s (%s %q), sent %d, printed %q; want refused (%s)", y.Got, y.Reason, y.Text, len(y.reqs), y.lines, want)
			}
			if why := w.r.May(op); len(x.Lines) > 0 && why != want {
				t.Errorf("May says %q, want %q", why, want)
			}
			if s := w.r.State(); s.ShiftOpen || s.LastDoc != 0 {
				t.Error("something came of it")
			}
		})
	}
	w := newWorld(t).on()
	if why := w.r.May(fiscal.Op{Kind: fiscal.OpReceipt, Receipt: &fiscal.Receipt{Kind: fiscal.SaleReturn}, As: by(1)}); why != "" {
		t.Errorf("a receipt asked for by its kind: %q", why)
	}
}

func TestBusyRegisters(t *testing.T) {
	w := newWorld(t)
	if why := w.r.May(sell(100)); why != Fault {
		t.Errorf("switched off: %q", why)
	}
	w.r.Power(true)
	w.no(sell(100), Busy) // the self-test runs
	w.on()
	got := map[int]Reply{}
	for i := range 2 {
		w.r.Do(sell(100), func(p Reply) { got[i] = p })
	}
	w.await("both answers", 10*time.Second, func() bool { return len(got) == 2 })
	if got[0].Got != fiscal.Done || got[1].Reason != Busy {
		t.Errorf("answers %v, want done and busy", got)
	}
}

func TestReportsAndPrints(t *testing.T) {
	w := newWorld(t).on()
	w.no(fiscal.Op{Kind: fiscal.OpCopy, As: by(1)}, BadData)
	w.no(takeZ, ShiftClosed)
	w.ok(sell(12345))
	x := receipt(fiscal.Sale, 20000)
	x.Lines[0].Section = 2
	w.ok(ring(x))
	for _, tt := range []struct {
		kind fiscal.OpKind
		want []string
	}{
		{fiscal.OpReportCashiers, []string{"Сейтқали", "Жүнісова", "123.45", "200.00"}},
		{fiscal.OpReportSections, []string{"Секция 1", "Секция 2", "123.45", "200.00"}},
		{fiscal.OpXReport, []string{"323.45", "с сервера ОФД"}},
		{fiscal.OpCopy, []string{"КОПИЯ", "200.00"}},
		{fiscal.OpTestPrint, []string{"ПРОБНЫЙ ЧЕК", "Әә"}},
		{fiscal.OpCancel, []string{"АННУЛИРОВАН"}},
		{fiscal.OpSelfTest, []string{"САМОТЕСТ", "норма"}},
	} {
		y := w.ok(fiscal.Op{Kind: tt.kind, As: admin})
		for _, want := range tt.want {
			if want == "Әә" {
				want = "әғқңөұүһі"
			}
			if !strings.Contains(y.text(), want) {
				t.Errorf("%s does not print %q:\n%s", tt.kind, want, y.text())
			}
		}
		for _, mark := range []string{"Фискалды чек", "Фискальный чек", "Фискалдық чек"} {
			if strings.Contains(y.text(), mark) {
				t.Errorf("%s prints the fiscal mark (row 37.3)", tt.kind)
			}
		}
	}
}

func TestPaper(t *testing.T) {
	// KZ 431 row 6.
	w := newWorld(t).on()
	w.r.Paper(false)
	for _, op := range []fiscal.Op{sell(100), deposit(100), takeX} {
		w.no(op, NoPaper)
	}
	w.r.Paper(true)
	answered := false
	w.r.ClearPrinted()
	w.r.Do(sell(100), func(Reply) { answered = true })
	w.await("the answer", 10*time.Second, func() bool { return answered })
	w.pass(200 * time.Millisecond)
	w.r.Paper(false) // in the middle of the receipt
	w.pass(time.Minute)
	half := len(w.r.Printed())
	if half == 0 || !w.r.Printing() || strings.Contains(strings.Join(w.r.Printed(), "\n"), "Фискалды чек") {
		t.Fatalf("%d lines before the paper ran out", half)
	}
	if why := w.r.May(sell(100)); why != NoPaper {
		t.Errorf("in mid-receipt without paper: %q", why)
	}
	w.r.Paper(true)
	w.await("the rest", 10*time.Second, func() bool { return !w.r.Printing() })
	all := strings.Join(w.r.Printed(), "\n")
	if strings.Count(all, w.p.Taxpayer.Name) != 1 || !strings.Contains(all, "Фискалды чек") {
		t.Errorf("the receipt came out as\n%s", all)
	}
	w.ok(sell(100))
}

func TestTheSelfTestBlocks(t *testing.T) {
	// KZ 431 rows 2, 3: at switch-on and at Z.
	for _, unit := range []string{"printer", "clock", "software"} {
		w := newWorld(t).on()
		w.r.Power(false)
		w.r.Break(unit, true)
		w.on()
		w.no(sell(100), Fault)
		if s := w.r.State(); s.Blocked != Fault || !strings.HasPrefix(s.Notice, unit) {
			t.Errorf("%s: state %q %q", unit, s.Blocked, s.Notice)
		}
		w.r.Power(false)
		w.r.Break(unit, false)
		w.on()
		w.ok(sell(100))
		w.r.Break(unit, true)
		w.no(takeZ, Fault) // tested again at Z
		w.no(sell(100), Fault)
		w.r.Break(unit, false)
		w.ok(fiscal.Op{Kind: fiscal.OpSelfTest, As: admin})
		w.ok(takeZ)
	}
}

func TestAlteredRecordsAreFound(t *testing.T) {
	// KZ 431 rows 2.3, 3.3, 8, 12: at switch-on and at Z.
	w := newWorld(t).on()
	w.ok(sell(100))
	w.ok(takeZ)
	w.ok(sell(200))
	n := len(w.mem.records)
	for i := range n {
		w.mem.Alter(i)
		if err := w.r.audit(); err == nil {
			t.Errorf("record %d altered: the audit finds nothing", i+1)
		}
		w.r.Power(false)
		w.on()
		w.no(sell(100), Fault)
		w.mem.Alter(i)
		w.r.Power(false)
		w.on()
		if err := w.r.audit(); err != nil {
			t.Fatalf("record %d repaired: %v", i+1, err)
		}
	}
	w.mem.Alter(2)
	w.no(takeZ, Fault)
	w.mem.Alter(2)
	w.ok(fiscal.Op{Kind: fiscal.OpSelfTest, As: admin})
	w.ok(takeZ)

	// A record that was exchanged together with its own checksum breaks the overall one.
	rec, err := unseal(w.mem.records[1])
	if err != nil {
		t.Fatal(err)
	}
	rec.Text = "changed"
	old := w.mem.records[1]
	w.mem.records[1], _ = seal(rec)
	if err := w.r.audit(); err == nil || !strings.Contains(err.Error(), "overall") {
		t.Errorf("audit: %v, want the overall checksum", err)
	}
	w.r.Power(false)
	w.on()
	w.no(sell(100), Fault)
	w.mem.records[1] = old
}

func TestZCarriesBothChecksums(t *testing.T) {
	w := newWorld(t).on()
	seen := map[string]bool{}
	for range 3 {
		w.ok(sell(100))
		z := w.ok(takeZ)
		q := w.last(canon.CommandTypeEnum_COMMAND_CLOSE_SHIFT).m
		sum := q.GetCloseShift().GetZReport().GetChecksum()
		store := ""
		for _, a := range q.GetService().GetAuxiliary() {
			if a.GetKey() == storeKey {
				store = a.GetValue()
			}
		}
		if sum == "" || store == "" || seen[sum] || seen[store] {
			t.Errorf("checksums %q and %q, want new ones (rows 20.24, 20.25)", sum, store)
		}
		seen[sum], seen[store] = true, true
		if !strings.Contains(z.text(), store) {
			t.Errorf("%s is not on the Z", store)
		}
	}
}

func TestVAT(t *testing.T) {
	line := func(sum fiscal.Tiyn, v *fiscal.MilliPercent) fiscal.Line {
		return fiscal.Line{Kind: fiscal.Goods, Name: "x", Qty: 1000, Price: sum, VAT: v}
	}
	tests := []struct {
		name string
		x    fiscal.Receipt
		want string
	}{
		{"lines of vector 07", fiscal.Receipt{Lines: []fiscal.Line{line(70000, rate(16)), line(96000, rate(16))}}, "16: 1660.00 228.96"},
		{"two rates and none", fiscal.Receipt{Lines: []fiscal.Line{line(11600, rate(16)), line(10500, rate(5)), line(7700, nil)}}, "5: 105.00 5.00, 16: 116.00 16.00"},
		{"zero rate", fiscal.Receipt{Lines: []fiscal.Line{line(100, rate(0))}}, "0: 1.00 0.00"},
		{"ticket discount, half of it on the taxed line", fiscal.Receipt{Lines: []fiscal.Line{line(11600, rate(16)), line(11600, nil)}, Discount: 2320}, "16: 104.40 14.40"},
		{"ticket markup", fiscal.Receipt{Lines: []fiscal.Line{line(11600, rate(16))}, Markup: 11600}, "16: 232.00 32.00"},
		{"vector 13", *modifiers(), "16: 2500.00 344.83"},
	}
	for _, tt := range tests {
		var got []string
		for _, v := range vatOf(&tt.x) {
			got = append(got, fmt.Sprintf("%s: %s %s", v.rate, v.turnover, v.tax))
		}
		if s := strings.Join(got, ", "); s != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, s, tt.want)
		}
	}
}

func TestAutonomousSignsDoNotRepeat(t *testing.T) {
	// KZ 431 row 27.3, cpcr.md 16.28: 1..2147483647.
	seen := map[uint32]bool{}
	for n, i := firstSign(1, 100500), 0; i < 300000; i++ {
		n = scramble(n)
		if n == 0 || n > 1<<31-1 || seen[n] {
			t.Fatalf("sign %d after %d others", n, i)
		}
		seen[n] = true
	}
	if scramble(0) == 0 || firstSign(1, 1) == firstSign(2, 1) {
		t.Error("the walk has no beginning of its own")
	}
}

func TestSignsGoOnAfterPowerCutsAndShifts(t *testing.T) {
	w := newWorld(t).on()
	w.link(false)
	seen := map[string]bool{}
	for range 6 {
		for range 3 {
			x := w.ok(sell(100))
			if seen[x.Sign] {
				t.Fatalf("sign %s repeats", x.Sign)
			}
			seen[x.Sign] = true
		}
		w.ok(takeZ)
		w.r.Power(false)
		w.pass(time.Hour)
		w.on()
	}
}
