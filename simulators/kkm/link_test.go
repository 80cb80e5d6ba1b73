package kkm

import (
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/ofd"
)

const (
	ticketCmd = canon.CommandTypeEnum_COMMAND_TICKET
	moneyCmd  = canon.CommandTypeEnum_COMMAND_MONEY_PLACEMENT
	systemCmd = canon.CommandTypeEnum_COMMAND_SYSTEM
	reportCmd = canon.CommandTypeEnum_COMMAND_REPORT
)

func (w *world) rule(id string, r ofd.Rule) {
	w.t.Helper()
	if err := w.ofd.Set(id, r); err != nil {
		w.t.Fatal(err)
	}
}

func online(x taken) bool { return !strings.Contains(x.text(), "Автоном") }

func TestTheWaitForTheAnswer(t *testing.T) {
	// KZ 431 row 27: an answer after 4.9 s is in time, one after 5.1 s is not.
	tests := []struct {
		delay  time.Duration
		online bool
	}{
		{0, true}, {3 * time.Second, true}, {4900 * time.Millisecond, true}, {5100 * time.Millisecond, false}, {time.Minute, false},
	}
	for _, tt := range tests {
		t.Run(tt.delay.String(), func(t *testing.T) {
			w := newWorld(t).on()
			if tt.delay > 0 {
				w.rule("slow", ofd.Rule{Commands: []canon.CommandTypeEnum{ticketCmd}, Action: ofd.Action{Delay: tt.delay}})
			}
			x := w.ok(sell(10000))
			if online(x) != tt.online {
				t.Errorf("online %v, want %v:\n%s", online(x), tt.online, x.text())
			}
			if x.done > 7*time.Second {
				t.Errorf("the receipt was ready after %v, want 7 s at most (row 23)", x.done)
			}
			if w.r.State().Offline == tt.online {
				t.Errorf("offline %v", w.r.State().Offline)
			}
			if told := strings.Contains(x.text(), "НЕТ СВЯЗИ С ОФД"); told == tt.online {
				t.Errorf("the cashier was told: %v (row 27.2)", told)
			}
		})
	}
}

func TestALostAnswerIsAskedForAgainWithTheSamePair(t *testing.T) {
	// cpcr.md 4.4: booked, the answer lost; the repeat gets the stored answer.
	w := newWorld(t).on()
	w.rule("lose", ofd.Rule{Commands: []canon.CommandTypeEnum{ticketCmd}, Times: 1, Action: ofd.Action{LoseAnswer: true, End: ofd.Reset}})
	x := w.ok(sell(10000))
	if !online(x) || len(x.reqs) != 2 {
		t.Fatalf("%d requests, online %v: want the same one twice and a fiscal sign", len(x.reqs), online(x))
	}
	if a, b := x.reqs[0].h, x.reqs[1].h; a.Token != b.Token || a.ReqNum != b.ReqNum {
		t.Errorf("repeated as %d/%d after %d/%d", b.Token, b.ReqNum, a.Token, a.ReqNum)
	}
	w.ok(takeZ)
	for _, o := range w.observed() {
		t.Errorf("the OFD observed %s", o)
	}
}

func TestATicketThatTheOFDBookedAndThePaperCallsAutonomous(t *testing.T) {
	// cpcr.md 11.5, last paragraph: both are right by the rules.
	w := newWorld(t).on()
	w.rule("mute", ofd.Rule{Commands: []canon.CommandTypeEnum{ticketCmd}, Times: 1, Action: ofd.Action{LoseAnswer: true}})
	x := w.ok(sell(10000))
	if online(x) {
		t.Fatal("online without an answer")
	}
	w.await("the hand-over", 3*time.Minute, func() bool { return !w.r.State().Offline })
	q := w.last(ticketCmd)
	if q.h.ReqNum != x.reqs[0].h.ReqNum || q.h.Token != x.reqs[0].h.Token {
		t.Errorf("handed over as %d/%d, want the pair of the first attempt %d/%d", q.h.Token, q.h.ReqNum, x.reqs[0].h.Token, x.reqs[0].h.ReqNum)
	}
	if q.m.GetTicket().OfflineTicketNumber == nil || q.m.GetService().GetOfflinePeriod() == nil {
		t.Error("handed over without autonomous sign or period (vector 23)")
	}
	w.ok(sell(20000))
}

func TestBusyOFD(t *testing.T) {
	// cpcr.md 11.4: 254 and 255 are tried again within the total time, then offline.
	for _, code := range []uint32{254, 255} {
		w := newWorld(t).on()
		w.rule("busy", ofd.Rule{Commands: []canon.CommandTypeEnum{ticketCmd}, Times: 2, Action: ofd.Action{Result: &ofd.Result{Code: code}}})
		x := w.ok(sell(10000))
		if !online(x) || len(x.reqs) != 3 || x.reqs[0].h.ReqNum != x.reqs[2].h.ReqNum {
			t.Errorf("%d twice: %d requests, online %v", code, len(x.reqs), online(x))
		}
		w.ofd.Clear("busy")
		w.rule("always", ofd.Rule{Commands: []canon.CommandTypeEnum{ticketCmd}, Action: ofd.Action{Result: &ofd.Result{Code: code}}})
		x = w.ok(sell(10000))
		if online(x) || x.done > 7*time.Second {
			t.Errorf("%d for ever: online %v after %v", code, online(x), x.done)
		}
		n := len(w.reqs)
		w.pass(3 * time.Minute)
		if got := len(w.reqs) - n; got < 2 || got > 3 {
			t.Errorf("%d: %d attempts in three minutes, want one a minute", code, got)
		}
		w.ofd.Clear("always")
		w.await("the hand-over", 2*time.Minute, func() bool { return !w.r.State().Offline })
	}
}

func TestTheOtherChannel(t *testing.T) {
	// KZ 431 row 17: either channel alone carries the sales.
	w := newWorld(t).on()
	for _, dead := range [][2]string{{"ethernet", "gsm"}, {"gsm", "ethernet"}} {
		w.cut[dead[0]], w.cut[dead[1]] = true, false
		if x := w.ok(sell(10000)); !online(x) || x.done > 7*time.Second {
			t.Errorf("without %s: online %v after %v", dead[0], online(x), x.done)
		}
	}
	w.cut = map[string]bool{}
	w.deaf["ethernet"] = true
	if x := w.ok(sell(10000)); !online(x) {
		t.Error("without a listener on the first channel: not online")
	}
	w.deaf["gsm"] = true
	if x := w.ok(sell(10000)); online(x) || x.done > 7*time.Second {
		t.Errorf("refused everywhere: online %v after %v", online(x), x.done)
	}
}

func TestAnswersToSomethingElse(t *testing.T) {
	// cpcr.md 15: an answer with another REQNUM or ID is none.
	n, id := uint16(4711), uint32(4711)
	for name, a := range map[string]ofd.Action{"REQNUM": {ReqNum: &n}, "ID": {ID: &id}} {
		w := newWorld(t).on()
		w.rule("other", ofd.Rule{Commands: []canon.CommandTypeEnum{ticketCmd}, Times: 1, Action: a})
		if x := w.ok(sell(10000)); online(x) {
			t.Errorf("took an answer with another %s", name)
		}
	}
}

func TestGarbageIsNoAnswer(t *testing.T) {
	app, huge := uint16(0x1234), uint32(1<<31)
	for name, a := range map[string]ofd.Action{
		"APPCODE": {AppCode: &app}, "SIZE": {Size: &huge}, "half a frame": {Cut: 30, End: ofd.Close}, "payload": {Payload: []byte{0xFF, 0xFF}},
		"a byte at a time": {Pieces: 1},
	} {
		w := newWorld(t).on()
		w.rule("bad", ofd.Rule{Commands: []canon.CommandTypeEnum{ticketCmd}, Times: 1, Action: a})
		if x := w.ok(sell(10000)); !online(x) || (name == "a byte at a time") != (len(x.reqs) == 1) {
			t.Errorf("%s: online %v after %d requests, want a repeat that is answered", name, online(x), len(x.reqs))
		}
	}
}

func TestAnOKWithoutASignIsNoReceipt(t *testing.T) {
	w := newWorld(t).on()
	w.rule("empty", ofd.Rule{Commands: []canon.CommandTypeEnum{ticketCmd}, Times: 1, Action: ofd.Action{Payload: []byte{8, 1, 18, 2, 8, 0}}})
	if x := w.ok(sell(10000)); online(x) {
		t.Error("printed as online without a fiscal sign (KZ 431 row 33)")
	}
}

func TestXWithoutAnAnswer(t *testing.T) {
	w := newWorld(t).on()
	w.ok(sell(10000))
	w.link(false)
	x := w.ok(takeX)
	if !strings.Contains(x.text(), "из памяти ККМ") || !w.r.State().Offline {
		t.Errorf("X printed\n%s", x.text())
	}
	w.link(true)
	n := len(w.reqs)
	w.await("the way back", 2*time.Minute, func() bool { return !w.r.State().Offline })
	if got := w.commands(w.reqs[n:]); !strings.HasPrefix(got, "SYSTEM") || w.reqs[n].m.GetService().GetOfflinePeriod() == nil {
		t.Errorf("came back with %q, want a ping with the period (vector 29)", got)
	}
}

func TestZWithoutALink(t *testing.T) {
	w := newWorld(t).on()
	w.ok(sell(10000))
	w.link(false)
	z := w.ok(takeZ)
	if !strings.Contains(z.text(), "из памяти ККМ") || w.r.State().ShiftOpen {
		t.Errorf("Z printed\n%s", z.text())
	}
	w.pass(time.Hour)
	w.link(true)
	w.await("the hand-over", 2*time.Minute, func() bool { return !w.r.State().Offline })
	c := w.last(canon.CommandTypeEnum_COMMAND_CLOSE_SHIFT).m
	if !c.GetCloseShift().GetIsOffline() || c.GetService().GetOfflinePeriod() == nil {
		t.Error("the close lost its mark or its period")
	}
	w.ok(sell(10000))
}

func TestOfflineCashMustSuffice(t *testing.T) {
	w := newWorld(t).on()
	w.link(false)
	w.ok(sell(10000))
	w.no(withdraw(10001), NoCash)
	w.ok(withdraw(10000))
	w.no(ring(receipt(fiscal.Buy, 1)), NoCash)
}

func TestReceiptsDuringTheHandover(t *testing.T) {
	// cpcr.md 11.6: while anything waits, new documents join the queue, also when the link is up.
	w := newWorld(t).on()
	w.link(false)
	for range 5 {
		w.ok(sell(10000))
	}
	w.link(true)
	w.rule("slow", ofd.Rule{Action: ofd.Action{Delay: 2 * time.Second}})
	n := len(w.reqs)
	w.await("the first message", 3*time.Minute, func() bool { return len(w.reqs) > n })
	x := w.ok(sell(20000))
	if online(x) {
		t.Error("a receipt overtook the queue")
	}
	w.await("the hand-over", 5*time.Minute, func() bool { return !w.r.State().Offline })
	for i := n + 1; i < len(w.reqs); i++ {
		if d := w.reqs[i].at - w.reqs[i-1].at; d < 2*time.Second {
			t.Errorf("message %d followed after %v, before the answer (row 28.2)", i-n+1, d)
		}
	}
	w.ofd.ClearAll()
	w.ok(takeZ)
	for _, o := range w.observed() {
		t.Errorf("the OFD observed %s", o)
	}
}
