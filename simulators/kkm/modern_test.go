package kkm

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/ofd"
)

var modernSections = []string{"section-1-626", "section-2-626", "section-3-626"}

// qrOnPaper puts the text of the code together again.
func qrOnPaper(x taken) string {
	i := slices.IndexFunc(x.lines, func(l string) bool { return strings.HasPrefix(l, "QR: ") })
	if i < 0 {
		return ""
	}
	text := strings.TrimPrefix(x.lines[i], "QR: ")
	for _, l := range x.lines[i+1:] {
		if len([]rune(x.lines[i])) < 48 {
			break
		}
		text, i = text+l, i+1
	}
	return text
}

// KZ 626 rows 33-35, 66-68, 110-112.
func TestTheQRCode(t *testing.T) {
	for _, name := range modernSections {
		for _, offline := range []bool{false, true} {
			if offline && name == "section-2-626" {
				continue
			}
			w := newWorld(t, profileOption(t, name)).on()
			if offline {
				w.link(false)
			}
			x := w.ok(sell(123450))
			u, err := url.Parse(qrOnPaper(x))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			q := u.Query()
			if u.Scheme != "http" || q.Get("i") != x.Sign || q.Get("f") != w.p.Registration || q.Get("s") != "1234.50" || !strings.HasPrefix(q.Get("t"), "20260105T0900") {
				t.Errorf("%s, offline %v: %q, want sign %s, number %s, sum and time", name, offline, u, x.Sign, w.p.Registration)
			}
		}
	}
	if x := newWorld(t).on().ok(sell(100)); qrOnPaper(x) != "" {
		t.Error("a QR code on the paper of order 431")
	}
}

// KZ 626 rows 7, 7.1, R56.8, R56.9.
func TestMarkedGoods(t *testing.T) {
	const gtin, mark = "04870001234567", "010487000123456721abcDEF12345"
	for _, name := range modernSections {
		w := newWorld(t, profileOption(t, name)).on()
		x := receipt(fiscal.Sale, 1000)
		x.Lines[0].GTIN = gtin
		w.nothingFiscal(w.no(ring(x), BadData))
		x.Lines[0].GTIN = "04870007654321" // not one that must be marked
		w.ok(ring(x))
		x.Lines[0].GTIN, x.Lines[0].Mark = gtin, mark
		y := w.ok(ring(x))
		c := w.last(ticketCmd).m.Ticket.Items[0].Commodity
		if c.GetBarcode() != gtin || !slices.Equal(c.GetListExciseStamp(), []string{mark}) {
			t.Errorf("%s: the message has %v", name, c)
		}
		for _, want := range []string{gtin, mark, "дана/шт"} {
			if !strings.Contains(y.text(), want) {
				t.Errorf("%s: no %q on\n%s", name, want, y.text())
			}
		}
	}
	w := newWorld(t).on() // order 431 knows no marking
	x := receipt(fiscal.Sale, 1000)
	x.Lines[0].GTIN = gtin
	w.ok(ring(x))
}

// KZ 626 rows 60, 82, 84, 101, 109.
func TestElectronicReceipts(t *testing.T) {
	for _, name := range []string{"section-2-626", "section-3-626"} {
		w := newWorld(t, profileOption(t, name)).on()
		w.no(fiscal.Op{Kind: fiscal.OpResend, As: by(1)}, BadData)
		x := receipt(fiscal.Sale, 1000)
		x.Email = "buyer@example.kz"
		y := w.ok(ring(x))
		all := w.r.Electronic()
		if len(all) != 1 || all[0].To != x.Email || all[0].Sign != y.Sign || !slices.Equal(all[0].Lines, y.lines) {
			t.Fatalf("%s: sent %+v, want what is on paper", name, all)
		}
		if got := w.last(ticketCmd).m.Ticket.GetExtensionOptions().GetCustomerEmail(); got != x.Email {
			t.Errorf("%s: address %q in the message", name, got)
		}
		n := len(w.reqs)
		w.ok(fiscal.Op{Kind: fiscal.OpResend, As: by(1)})
		again := w.r.Electronic()
		if len(again) != 2 || !again[1].Again || again[1].Sign != y.Sign || again[1].Doc != y.Doc || len(w.reqs) != n {
			t.Errorf("%s: repeated as %+v with %d messages, want the same receipt and none", name, again, len(w.reqs)-n)
		}
		w.ok(fiscal.Op{Kind: fiscal.OpCopy, As: by(1)})
		if len(w.reqs) != n {
			t.Errorf("%s: a copy made a message", name)
		}
	}
	w := newWorld(t).on()
	if x := w.do(fiscal.Op{Kind: fiscal.OpResend, As: by(1)}); x.Got != fiscal.Unsupported {
		t.Errorf("order 431: %+v", x.Reply)
	}
}

// KZ 626 rows 17, 55, 96: shown or printed when it comes, not at the next report.
func TestNoticesWhenTheyCome(t *testing.T) {
	for _, name := range modernSections {
		w := newWorld(t, profileOption(t, name)).on()
		w.ok(sell(100))
		_ = w.ofd.Set("notice", ofd.Rule{Commands: []canon.CommandTypeEnum{ticketCmd}, Times: 1, Action: ofd.Action{Notice: "Салық хабарламасы"}})
		if x := w.ok(sell(100)); !strings.Contains(x.text(), "Салық хабарламасы") {
			t.Errorf("%s: not on paper when it came", name)
		}
	}
}

// KZ 626 rows 78, 79, 86: stored data and the client's link, when a shift begins and when it ends.
func TestAComputerSystemTestsItselfTwiceAShift(t *testing.T) {
	whys := func(w *world) string {
		var all []string
		for _, x := range w.r.TestLog() {
			all = append(all, x.Why)
		}
		return strings.Join(all, " ")
	}
	w := newWorld(t, profileOption(t, "section-3-626")).on()
	w.ok(sell(100))
	w.ok(sell(100))
	w.ok(takeZ)
	if got := whys(w); got != "switch-on shift-start shift-end" {
		t.Errorf("tests %q", got)
	}
	w.r.Break(unitClient, true)
	w.nothingFiscal(w.no(sell(100), Fault))
	w.r.Break(unitClient, false)
	w.ok(fiscal.Op{Kind: fiscal.OpSelfTest, As: admin})
	w.ok(sell(100))
	w.ok(takeZ)
	if !w.mem.Alter(3) {
		t.Fatal("nothing to alter")
	}
	x := w.no(sell(100), Fault)
	if !strings.Contains(x.text(), "ОШИБКА") {
		t.Errorf("the cashier is told\n%s", x.text())
	}
	w.mem.Alter(3)
	w.ok(fiscal.Op{Kind: fiscal.OpSelfTest, As: admin})
	w.ok(sell(100))

	w = newWorld(t, profileOption(t, "section-3")).on() // order 431: switch-on and Z
	w.ok(sell(100))
	w.ok(takeZ)
	if got := whys(w); got != "switch-on shift-end" {
		t.Errorf("order 431: tests %q", got)
	}
}

// KZ 626 row 93: from the end of the first cash operation; row 79 of order 431: of the first payment document.
func TestWhereTheShiftOfAComputerSystemBegins(t *testing.T) {
	for name, late := range map[string]bool{"section-3-626": true, "section-3": false} {
		w := newWorld(t, profileOption(t, name)).on()
		w.ok(deposit(1000))
		w.pass(2 * time.Hour)
		w.ok(sell(100))
		w.pass(22*time.Hour - time.Minute)
		w.ok(sell(100))
		w.pass(2 * time.Minute)
		if !late {
			w.ok(sell(100))
			continue
		}
		w.no(sell(100), ShiftTooLong)
		w.no(deposit(100), ShiftTooLong)
		w.ok(takeZ)
		w.ok(sell(100))
	}
}

// KZ 626 row 74: no work at a time below the last operation that the OFD has.
func TestSectionIIWatchesTheTime(t *testing.T) {
	for _, tt := range []struct {
		off time.Duration
		ok  bool
	}{{-time.Second, false}, {0, true}, {time.Second, true}} {
		w := newWorld(t, profileOption(t, "section-2-626")).on()
		w.ok(sell(100))
		w.ok(takeZ)
		last := w.r.State().LastDocTime.Truncate(time.Second)
		w.ok(fiscal.Op{Kind: fiscal.OpSetClock, Clock: last.Add(tt.off), As: admin})
		if why := w.r.May(sell(100)); (why == "") != tt.ok || why != "" && why != ClockBack {
			t.Errorf("%v from the last operation: %q", tt.off, why)
		}
	}
}

// KZ 626 rows 45, 78.2: an idle register asks whether the OFD is there.
func TestIdleRegistersAskForTheOFD(t *testing.T) {
	for _, name := range []string{"section-2-626", "section-3-626"} {
		w := newWorld(t, profileOption(t, name)).on()
		n := len(w.reqs)
		w.pass(35 * time.Minute)
		if got := w.commands(w.reqs[n:]); got != "SYSTEM SYSTEM SYSTEM" {
			t.Errorf("%s: %q in 35 minutes, want three pings", name, got)
		}
	}
	w := newWorld(t, profileOption(t, "section-2-626")).on()
	w.link(false)
	w.pass(15 * time.Minute)
	if !w.r.State().NoLink {
		t.Error("the missing link is not noticed")
	}
}

// KZ 626 row 88: the server's time in the user's zone, whatever the client's clock says.
func TestTheTimeOfAComputerSystem(t *testing.T) {
	w := newWorld(t, profileOption(t, "section-3-626")).on()
	w.r.ClientClock(3*time.Hour, 5*time.Hour)
	if x := w.ok(sell(100)); !strings.Contains(x.text(), "05.01.2026 14:00") {
		t.Errorf("want 14:00 on\n%s", x.text())
	}
}

// KZ 626 rows 121-123.
func TestTheInspectorsWorkplace(t *testing.T) {
	w := newWorld(t, profileOption(t, "section-3-626")).on()
	w.ok(deposit(5000))
	a := w.ok(sell(1000))
	w.pass(time.Hour)
	w.link(false)
	b := w.ok(sell(200))
	w.ok(takeZ)
	day0, day1 := day.Add(-time.Hour), day.Add(24*time.Hour)
	for _, bad := range [][3]string{{"inspector", "tekseru", w.p.Registration}, {"inspektor", "tekseru-2026", w.p.Registration}, {"inspector", "tekseru-2026", "1"}, {"", "", w.p.Registration}} {
		if got, err := w.r.Inspect(bad[0], bad[1], bad[2], day0, day1); err == nil || got != nil {
			t.Errorf("%q: %v, want refused", bad, got)
		}
	}
	got, err := w.r.Inspect("inspector", "tekseru-2026", w.p.Registration, day0, day1)
	if err != nil || len(got) != 4 {
		t.Fatalf("%+v, %v, want four operations", got, err)
	}
	if got[0].Kind != "deposit" || got[0].Sum != 5000 || got[1].Kind != "sale" || got[1].Sign != a.Sign || got[2].Sign != b.Sign || !got[2].Offline || got[3].Kind != "z-report" {
		t.Errorf("operations %+v", got)
	}
	got, err = w.r.Inspect("inspector", "tekseru-2026", w.p.Registration, day.Add(30*time.Minute), day1)
	if err != nil || len(got) != 2 {
		t.Errorf("of the last part of the day %+v, %v, want the sale and the close", got, err)
	}
	if _, err := newWorld(t).on().r.Inspect("inspector", "tekseru-2026", "1", day0, day1); err == nil {
		t.Error("a register without the workplace answers")
	}
}

// KZ 431 rows 73, 92: receipts and reports of both modes stay, without power and behind many shifts.
func TestTheStoreKeepsEverything(t *testing.T) {
	w := newWorld(t, profileOption(t, "section-3")).on()
	var want [][]string
	for i := range 5 {
		var shift []string
		w.link(i%2 == 0)
		for _, op := range []fiscal.Op{sell(1000), deposit(100), takeZ} {
			for _, l := range w.ok(op).lines {
				if !fiscalWords(l) {
					shift = append(shift, l)
				}
			}
		}
		want = append(want, shift)
	}
	w.link(true)
	w.pass(10 * time.Minute)
	w.r.Power(false)
	w.pass(720 * time.Hour)
	w.make()
	w.on()
	for i, lines := range want {
		got := strings.Join(w.r.Archive(uint32(i+1)), "\n")
		for _, l := range lines {
			if strings.Contains(l, "серверінен") || strings.Contains(l, "жадынан") || strings.Contains(l, "НЕТ СВЯЗИ") || strings.Contains(l, "АВТОНОМНО") || strings.Contains(l, "ДЕРБЕС") || strings.Contains(l, "БАЙЛАНЫС") || strings.Contains(l, "ВОССТАНОВЛЕНА") {
				continue // who counted the report, and what was told beside the documents
			}
			if !strings.Contains(got, l) {
				t.Errorf("shift %d: %q is not in the store", i+1, l)
			}
		}
		if strings.Contains(got, "Фискальный чек") {
			t.Errorf("shift %d: what is read back carries the fiscal mark", i+1)
		}
	}
	if got := w.r.Archive(9); len(got) != 0 {
		t.Errorf("a shift that never was: %q", got)
	}
	s := onlySends(t)
	s.ok(sell(100))
	if got := s.r.Archive(1); got != nil {
		t.Errorf("section II keeps %q", got)
	}
}
