package kkm

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/ofd"
)

func TestTheOFDSuspendsTheRegister(t *testing.T) {
	// KZ 431 row 15, cpcr.md 11.9.
	const text = "Касса приостановлена.\nБҚМ тоқтатылды."
	w := newWorld(t).on()
	w.ok(sell(10000))
	if err := w.ofd.Block(w.p.OFD.ID, text); err != nil {
		t.Fatal(err)
	}
	x := w.no(sell(10000), OFDBlocked)
	for l := range strings.SplitSeq(text, "\n") {
		if !strings.Contains(x.text(), l) {
			t.Errorf("%q is not on the tape:\n%s", l, x.text())
		}
		if !strings.Contains(strings.Join(w.r.Display(), "\n"), l) {
			t.Errorf("%q is not on the display", l)
		}
	}
	n := len(w.reqs)
	x = w.no(sell(10000), OFDBlocked)
	if len(x.reqs) > 0 || !strings.Contains(x.text(), "тоқтатылды") {
		t.Errorf("a second try sent %q and printed\n%s", w.commands(x.reqs), x.text())
	}
	w.no(takeZ, OFDBlocked)
	w.pass(5 * time.Minute)
	for _, q := range w.reqs[n:] {
		if q.m.GetCommand() != systemCmd || q.m.GetService().GetRegInfo_() == nil {
			t.Errorf("%v while suspended, want SYSTEM with registration data", q.m.GetCommand())
		}
	}
	if got := len(w.reqs) - n; got < 4 || got > 5 {
		t.Errorf("%d pings in five minutes, want one a minute", got)
	}
	w.r.Power(false)
	w.on()
	w.no(sell(10000), OFDBlocked) // a power cut does not lift it
	if _, err := w.ofd.Unblock(w.p.OFD.ID); err != nil {
		t.Fatal(err)
	}
	w.await("the end of the block", 2*time.Minute, func() bool { return w.r.State().Blocked == "" })
	if x := w.ok(sell(10000)); !online(x) {
		t.Error("not online after the block")
	}
	w.ok(takeZ)
}

func TestABlockMeetsTheQueue(t *testing.T) {
	w := newWorld(t).on()
	w.link(false)
	w.ok(sell(10000))
	w.ok(sell(20000))
	if err := w.ofd.Block(w.p.OFD.ID, "жабық"); err != nil {
		t.Fatal(err)
	}
	w.link(true)
	w.await("the block", 2*time.Minute, func() bool { return w.r.State().Blocked == OFDBlocked })
	w.no(sell(10000), OFDBlocked)
	if _, err := w.ofd.Unblock(w.p.OFD.ID); err != nil {
		t.Fatal(err)
	}
	w.await("the hand-over", 3*time.Minute, func() bool { return !w.r.State().Offline && w.r.State().Unsent == 0 })
	w.ok(sell(10000))
}

func TestARefusedMessageStopsTheQueue(t *testing.T) {
	// cpcr.md 11.2: BLOCKED until service staff takes the message out.
	w := newWorld(t).on()
	w.link(false)
	w.ok(sell(10000))
	w.ok(sell(20000))
	w.link(true)
	w.rule("data", ofd.Rule{Commands: []canon.CommandTypeEnum{ticketCmd}, Times: 1, Action: ofd.Action{Result: &ofd.Result{Code: 13, Text: "bad"}}})
	w.await("the block", 2*time.Minute, func() bool { return w.r.State().Blocked != "" })
	n := len(w.reqs)
	w.pass(10 * time.Minute)
	if len(w.reqs) != n {
		t.Errorf("%q was sent while blocked", w.commands(w.reqs[n:]))
	}
	w.no(sell(10000), OFDBlocked)
	if !w.r.Discard() || w.r.Discard() {
		t.Fatal("want the refused message out, and only that")
	}
	w.await("the hand-over", time.Minute, func() bool { return !w.r.State().Offline })
	w.ok(sell(10000))
}

func TestTheTokenIsWrong(t *testing.T) {
	// cpcr.md 4.3: the register blocks until the right token is typed.
	w := newWorld(t).on()
	w.ok(sell(10000))
	token, err := w.ofd.SetToken(w.p.OFD.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	x := w.no(sell(10000), TokenBlocked)
	if x.Code != codeToken {
		t.Errorf("code %d, want 2", x.Code)
	}
	n := len(w.reqs)
	w.no(sell(10000), TokenBlocked)
	w.pass(10 * time.Minute)
	if len(w.reqs) != n {
		t.Errorf("%q was sent without a token", w.commands(w.reqs[n:]))
	}
	set := fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetToken, As: admin}
	for _, bad := range []string{"", "0", "x", "4294967296", "-1"} {
		set.Value = bad
		w.no(set, BadData)
	}
	set.Value = fmt.Sprint(token)
	w.ok(set)
	if x := w.ok(sell(10000)); !online(x) {
		t.Error("not online with the right token")
	}
	w.ok(takeZ)
}

func TestTheTokenIsWrongForTheQueue(t *testing.T) {
	w := newWorld(t).on()
	w.link(false)
	w.ok(sell(10000))
	token, err := w.ofd.SetToken(w.p.OFD.ID, 4000000001)
	if err != nil {
		t.Fatal(err)
	}
	w.link(true)
	w.await("the block", 2*time.Minute, func() bool { return w.r.State().Blocked == TokenBlocked })
	w.ok(fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetToken, Value: fmt.Sprint(token), As: admin})
	w.await("the hand-over", time.Minute, func() bool { return !w.r.State().Offline })
	if q := w.last(ticketCmd); q.h.Token != token {
		t.Errorf("handed over with token %d, want %d", q.h.Token, token)
	}
}

func TestRefusalsOfADocument(t *testing.T) {
	tests := []struct {
		code    uint32
		why     Reason
		blocked Reason
	}{
		{1, OFDBlocked, OFDBlocked}, {3, OFDBlocked, OFDBlocked}, {5, OFDBlocked, OFDBlocked},
		{8, BadData, ""}, {9, BadData, ""}, {12, BadData, ""}, {13, BadData, ""}, {14, NoCash, ""}, {17, BadData, ""},
		{18, OFDBlocked, OFDBlocked}, {19, OFDBlocked, OFDBlocked}, {77, OFDBlocked, ""},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.code), func(t *testing.T) {
			w := newWorld(t).on()
			w.ok(sell(10000))
			before := w.r.State()
			w.rule("no", ofd.Rule{Commands: []canon.CommandTypeEnum{ticketCmd}, Times: 1, Action: ofd.Action{Result: &ofd.Result{Code: tt.code, Text: "no"}}})
			x := w.no(sell(20000), tt.why)
			if x.Code != int(tt.code) {
				t.Errorf("code %d, want %d", x.Code, tt.code)
			}
			if strings.Contains(x.text(), "Фискалды чек") {
				t.Errorf("the fiscal mark on a refused receipt (row 33):\n%s", x.text())
			}
			s := w.r.State()
			if s.Blocked != tt.blocked || s.LastDoc != before.LastDoc || s.Sums[fiscal.Sale] != before.Sums[fiscal.Sale] || s.Offline {
				t.Errorf("blocked %q doc %d sum %s offline %v, want %q %d %s", s.Blocked, s.LastDoc, s.Sums[fiscal.Sale], s.Offline, tt.blocked, before.LastDoc, before.Sums[fiscal.Sale])
			}
			if tt.blocked != "" {
				w.await("the end of the block", 2*time.Minute, func() bool { return w.r.State().Blocked == "" })
			}
			if y := w.ok(sell(20000)); y.reqs[0].h.ReqNum == x.reqs[0].h.ReqNum {
				t.Error("a refused document's number is spent (doubt 8)")
			}
		})
	}
}

func TestTheNumberOfRequestsWraps(t *testing.T) {
	// cpcr.md 4.1: after the maximum comes 0.
	w := newWorld(t).on()
	n := uint16(65533)
	w.r.write(&record{Step: stExchange, ReqNum: &n})
	var got []uint16
	for range 4 {
		got = append(got, w.ok(sell(10000)).reqs[0].h.ReqNum)
	}
	if fmt.Sprint(got) != "[65534 65535 0 1]" {
		t.Errorf("numbers %v", got)
	}
}

func TestATextOfTheTaxService(t *testing.T) {
	// KZ 431 row 16: on the display, or on the tape with X or Z.
	w := newWorld(t).on()
	w.rule("notice", ofd.Rule{Commands: []canon.CommandTypeEnum{ticketCmd}, Times: 1, Action: ofd.Action{Notice: "Салық төлеу мерзімі 25-і"}})
	x := w.ok(sell(10000))
	if !strings.Contains(strings.Join(w.r.Display(), "\n"), "Салық төлеу") {
		t.Errorf("display %q", w.r.Display())
	}
	if strings.Contains(x.text(), "Салық төлеу") {
		t.Error("an information text is not for the buyer's receipt (cpcr.md 11.14)")
	}
	for _, op := range []fiscal.Op{takeX, takeZ} {
		if x := w.ok(op); !strings.Contains(x.text(), "Салық төлеу") {
			t.Errorf("%s does not show it", op.Kind)
		}
	}
	w.ok(sell(10000))
	if x := w.ok(takeZ); strings.Contains(x.text(), "Салық төлеу") {
		t.Error("the next Z shows it again")
	}
	if err := w.ofd.Tell(w.p.OFD.ID, canon.TicketAdTypeEnum_TICKET_AD_OFD, "Рақмет"); err != nil {
		t.Fatal(err)
	}
	w.ok(sell(10000))
	if x := w.ok(sell(10000)); !strings.Contains(x.text(), "Рақмет") {
		t.Error("a text for receipts is not on the receipt")
	}
}

func TestTheCommissionedRegisterTakesTheCountersOver(t *testing.T) {
	// cpcr.md 11.3: a new memory at an OFD that knows the device.
	w := newWorld(t).on()
	w.ok(deposit(500000))
	w.ok(sell(10000))
	w.ok(takeZ)
	w.ok(sell(20000))
	old := w.r.State()
	w.r.Power(false)
	w.mem = new(RAM)
	w.opt.Memory = w.mem
	w.p.OFD.Token, _ = w.ofd.SetToken(w.p.OFD.ID, 0)
	w.make()
	w.on()
	s := w.r.State()
	if s.Shift != old.Shift || !s.ShiftOpen || s.Cash != old.Cash || s.LastDoc != old.LastDoc || s.Numbers[fiscal.Sale] != 2 {
		t.Errorf("shift %d open %v cash %s document %d, want %d, open, %s, %d", s.Shift, s.ShiftOpen, s.Cash, s.LastDoc, old.Shift, old.Cash, old.LastDoc)
	}
	w.ok(sell(30000))
	w.ok(takeZ)
	for _, o := range w.observed() {
		if !strings.HasPrefix(o, "REQNUM = 1 ") { // a new memory begins at 1 (cpcr.md 11.3)
			t.Errorf("the OFD observed %s", o)
		}
	}
}

func TestEveryVersionOfTheProtocol(t *testing.T) {
	for _, v := range cpcr.Versions {
		t.Run(v.String(), func(t *testing.T) {
			w := newWorld(t, versionOption(v)).on()
			w.ok(deposit(500000))
			s := w.ok(sell(10000))
			w.ok(ring(modifiers()))
			back := receipt(fiscal.SaleReturn, 10000)
			back.Parent = &fiscal.Parent{Sign: s.Sign, At: day, KKM: w.p.Registration, Total: 10000}
			w.ok(ring(back))
			w.ok(takeX)
			w.link(false)
			w.ok(sell(10000))
			w.ok(takeZ)
			w.link(true)
			w.await("the hand-over", 3*time.Minute, func() bool { return !w.r.State().Offline })
			w.ok(sell(10000))
			w.ok(takeZ)
			for i, q := range w.reqs {
				if q.h.Version != v {
					t.Errorf("request %d speaks %v", i+1, q.h.Version)
				}
				raw, err := cpcr.EncodeRequest(q.h, q.m)
				if err != nil {
					t.Fatal(err)
				}
				m := newSchema(v)
				if err := m.decode(raw[cpcr.HeaderSize:]); err != nil {
					t.Fatal(err)
				}
				if unknownFields(m.reflect()) {
					t.Errorf("request %d (%v) has fields that %v does not know", i+1, q.m.GetCommand(), v)
				}
			}
			for _, o := range w.observed() {
				t.Logf("the OFD observed %s", o)
			}
		})
	}
}
