package ofd

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
)

func (w *world) set(id string, r Rule) {
	w.t.Helper()
	if err := w.s.Set(id, r); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) frame(m *canon.Request) []byte {
	w.t.Helper()
	b, err := cpcr.EncodeRequest(w.next(), m)
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

func (w *world) tickets() int {
	i, _ := w.s.Info(kkm1)
	return i.Tickets
}

// Each action, and what the register, the state and the record see of it.
func TestActions(t *testing.T) {
	u16 := func(n uint16) *uint16 { return &n }
	u32 := func(n uint32) *uint32 { return &n }
	honest := func(w *world) []byte { // what a server without rules says to the same
		o := newWorld(w.t, Options{Seed: 1})
		return o.raw(o.frame(sale(day, 100))).sent
	}
	tests := []struct {
		name    string
		a       Action
		at      time.Duration // when something has to be there
		want    func(b []byte) []byte
		tickets int
		state   string // of the connection
		writes  int
	}{
		{"delay", Action{Delay: 3 * time.Second}, 3 * time.Second, func(b []byte) []byte { return b }, 1, "", 1},
		{"hold", Action{Hold: 3 * time.Second}, 3 * time.Second, func(b []byte) []byte { return b }, 1, "", 1},
		{"silence", Action{Silent: true}, time.Minute, func([]byte) []byte { return nil }, 0, "", 0},
		{"silence, then closed", Action{Silent: true, End: Close}, 0, func([]byte) []byte { return nil }, 0, "closed", 0},
		{"the answer lost", Action{LoseAnswer: true}, time.Minute, func([]byte) []byte { return nil }, 1, "", 0},
		{"the answer lost, then reset", Action{LoseAnswer: true, End: Reset}, 0, func([]byte) []byte { return nil }, 1, "reset", 0},
		{"answered, then closed", Action{End: Close}, 0, func(b []byte) []byte { return b }, 1, "closed", 1},
		{"cut, then silence", Action{Cut: 20}, time.Minute, func(b []byte) []byte { return b[:20] }, 1, "", 1},
		{"cut, then reset", Action{Cut: 5, End: Reset}, 0, func(b []byte) []byte { return b[:5] }, 1, "reset", 1},
		{"in pieces", Action{Pieces: 40, Gap: time.Second}, 4 * time.Second, func(b []byte) []byte { return b }, 1, "", 4},
		{"twice", Action{Twice: true}, 0, func(b []byte) []byte { return append(append([]byte(nil), b...), b...) }, 1, "", 1},
		{"another mark", Action{AppCode: u16(0x1234)}, 0, func(b []byte) []byte { return put(b, 0, 0x34, 0x12) }, 1, "", 1},
		{"another version", Action{Version: u16(203)}, 0, func(b []byte) []byte { return put(b, 2, 203, 0) }, 1, "", 1},
		{"another size", Action{Size: u32(7)}, 0, func(b []byte) []byte { return put(b, 4, 7, 0, 0, 0) }, 1, "", 1},
		{"another id", Action{ID: u32(9)}, 0, func(b []byte) []byte { return put(b, 8, 9, 0, 0, 0) }, 1, "", 1},
		{"another token", Action{Token: u32(9)}, 0, func(b []byte) []byte { return put(b, 12, 9, 0, 0, 0) }, 1, "", 1},
		{"the old token", Action{OldToken: true}, 0, func(b []byte) []byte { return put(b, 12, 0xe8, 3, 0, 0) }, 1, "", 1},
		{"another number", Action{ReqNum: u16(9)}, 0, func(b []byte) []byte { return put(b, 16, 9, 0) }, 1, "", 1},
		{"garbage", Action{Payload: []byte{0xff}}, 0, func(b []byte) []byte { return append(put(b[:18:18], 4, 19, 0, 0, 0), 0xff) }, 1, "", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, Options{Seed: 1})
			w.set("x", Rule{Action: tt.a})
			req := w.frame(sale(day, 100))
			p, ev := w.dial()
			ev.Received(req)
			w.pass(0)
			if tt.at > 0 && tt.want(honest(w)) != nil && tt.a.Pieces == 0 && tt.a.Cut == 0 && len(p.sent) > 0 {
				t.Error("something came at once")
			}
			if tt.at > time.Millisecond {
				w.pass(tt.at - time.Millisecond)
				if (tt.a.Delay > 0 || tt.a.Hold > 0) && len(p.sent) > 0 {
					t.Error("it came a millisecond too early")
				}
				w.pass(time.Millisecond)
			}
			if want := tt.want(honest(w)); !bytes.Equal(p.sent, want) {
				t.Errorf("sent % x\nwant % x", p.sent, want)
			}
			if w.tickets() != tt.tickets || p.state != tt.state || p.writes != tt.writes {
				t.Errorf("%d tickets, connection %q, %d writes; want %d, %q, %d", w.tickets(), p.state, p.writes, tt.tickets, tt.state, tt.writes)
			}
			w.s.ClearAll()
			if tt.state == "" && tt.a.Cut == 0 {
				if c := w.code(w.next(), system()); c != 0 {
					t.Errorf("after it was lifted: %d", c)
				}
			}
			w.recordOf(tt.a, tt.tickets)
		})
	}
}

// put overwrites bytes of a copy.
func put(b []byte, at int, v ...byte) []byte {
	b = append([]byte(nil), b...)
	copy(b[at:], v)
	return b
}

// recordOf holds the record to what a rule did once.
func (w *world) recordOf(a Action, tickets int) {
	w.t.Helper()
	var set, cleared, fired, lost, silence int
	for e := range w.log.View().Events() {
		switch b := e.Body.(type) {
		case history.OFDSet:
			if b.ID == "x" && strings.Contains(b.Action, a.String()) {
				set++
			}
		case history.OFDCleared:
			if b.ID == "x" && b.Fired == 1 {
				cleared++
			}
		case history.Scripted:
			if b.ID == "x" && len(e.Causes) == 1 {
				fired++
			}
		case history.Frame:
			if b.Dir == history.ToDevice && b.Lost {
				lost++
			}
		case history.Booked:
			if b.What == "silent" {
				silence++
			}
		}
	}
	if set != 1 || cleared != 1 || fired != 1 {
		w.t.Errorf("record: set %d, acted %d, cleared %d times; want once each", set, fired, cleared)
	}
	if (lost == 1) != a.LoseAnswer || (silence == 1) != a.Silent {
		w.t.Errorf("record: %d lost answers, %d times silent", lost, silence)
	}
}

// Which requests a rule strikes.
func TestRuleSelects(t *testing.T) {
	busy := Action{Result: &Result{Code: 254}}
	money1 := func() *canon.Request { return money(deposit, day, 1) }
	tests := []struct {
		name string
		r    Rule
		want string // one letter for each of: sale, system, sale, deposit, sale; x where it struck
	}{
		{"all", Rule{Action: busy}, "xxxxx"},
		{"a command", Rule{Commands: []canon.CommandTypeEnum{cmdTicket}, Action: busy}, "x.x.x"},
		{"two commands", Rule{Commands: []canon.CommandTypeEnum{cmdTicket, cmdMoney}, Action: busy}, "x.xxx"},
		{"from the second on", Rule{Commands: []canon.CommandTypeEnum{cmdTicket}, First: 2, Action: busy}, "..x.x"},
		{"only the second", Rule{Commands: []canon.CommandTypeEnum{cmdTicket}, First: 2, Times: 1, Action: busy}, "..x.."},
		{"this device", Rule{Device: kkm1, Action: busy}, "xxxxx"},
		{"another device", Rule{Device: 7, Action: busy}, "....."},
		{"after two minutes", Rule{After: 2 * time.Minute, Action: busy}, "..xxx"},
		{"for a while", Rule{After: time.Minute, For: 2 * time.Minute, Action: busy}, ".xx.."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.set("r", tt.r)
			got := ""
			for _, m := range []*canon.Request{sale(day, 100), system(), sale(day, 101), money1(), sale(day, 102)} {
				if w.code(w.next(), m) == 254 {
					got += "x"
				} else {
					got += "."
				}
				w.pass(time.Minute)
			}
			if got != tt.want {
				t.Errorf("struck %s, want %s", got, tt.want)
			}
			if n := w.s.Clear("r"); n != strings.Count(tt.want, "x") {
				t.Errorf("acted %d times, want %d", n, strings.Count(tt.want, "x"))
			}
		})
	}
}

// A share is drawn from the seed: about right, and the same each time.
func TestRuleShare(t *testing.T) {
	run := func(seed uint64) string {
		w := newWorld(t, Options{Seed: seed})
		w.set("r", Rule{PerMille: 250, Action: Action{Result: &Result{Code: 254}}})
		var b strings.Builder
		for range 400 {
			if w.code(w.next(), system()) == 254 {
				b.WriteByte('x')
			} else {
				b.WriteByte('.')
			}
		}
		return b.String()
	}
	a := run(1)
	if n := strings.Count(a, "x"); n < 60 || n > 140 {
		t.Errorf("%d of 400 struck, want about 100", n)
	}
	if a != run(1) {
		t.Error("the same seed strikes others")
	}
	if a == run(2) {
		t.Error("another seed strikes the same")
	}
}

func TestBadRulesAreRefused(t *testing.T) {
	busy := Action{Result: &Result{Code: 254}}
	tests := []struct {
		name, id string
		r        Rule
		want     string
	}{
		{"no name", "", Rule{Action: busy}, "without a name"},
		{"no action", "a", Rule{}, "does nothing"},
		{"twice", "stands", Rule{Action: busy}, "stands already"},
		{"share", "a", Rule{PerMille: 1001, Action: busy}, "0 to 1000"},
		{"times", "a", Rule{Times: -1, Action: busy}, "none below 0"},
		{"delay", "a", Rule{Action: Action{Delay: -1}}, "none below 0"},
		{"end", "a", Rule{Action: Action{End: "explode"}}, "close or reset"},
		{"silence with an answer", "a", Rule{Action: Action{Silent: true, Delay: 1}}, "no answer"},
		{"connection with a command", "a", Rule{Connect: true, Commands: []canon.CommandTypeEnum{cmdTicket}, Action: Action{End: Close}}, "no command yet"},
		{"connection without an end", "a", Rule{Connect: true, Action: busy}, "end close or reset"},
	}
	for _, tt := range tests {
		w := newWorld(t, Options{})
		w.set("stands", Rule{Action: busy})
		if err := w.s.Set(tt.id, tt.r); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if n := len(w.s.Rules()); n != 1 {
			t.Errorf("%s: %d rules stand", tt.name, n)
		}
	}
	w := newWorld(t, Options{})
	if n := w.s.Clear("never set"); n != 0 {
		t.Errorf("acted %d times", n)
	}
}

// Two rules on one request: what they say apart adds up, what they say of the
// same thing is the later one's.
func TestRulesTogether(t *testing.T) {
	w := newWorld(t, Options{})
	w.set("late", Rule{Action: Action{Delay: time.Second}})
	w.set("busy", Rule{Action: Action{Result: &Result{Code: 254}}})
	w.set("down", Rule{Action: Action{Result: &Result{Code: 255, Text: "down"}}})
	p := w.raw(w.frame(sale(day, 1)))
	if len(p.sent) != 0 {
		t.Fatal("not late")
	}
	w.pass(time.Second)
	if _, r := w.answer(p.sent); r.GetResult().GetResultCode() != 255 || r.GetResult().GetResultText() != "down" {
		t.Errorf("%v", r)
	}
}

// A notice comes with each answer that the rule strikes, also a refused one, in
// a version above what the register was told before.
func TestNotice(t *testing.T) {
	d := shop(kkm1)
	d.Ads = []Ad{{canon.TicketAdTypeEnum_TICKET_AD_INFO, 7, "old"}}
	w := newWorld(t, Options{}, d)
	w.set("n", Rule{Action: Action{Notice: "Из налоговой службы"}})
	for _, m := range []*canon.Request{sale(day, 1), system(), info(), w.closing(day)} {
		_, r := w.ask(w.next(), m)
		ads := r.GetService().GetTicketAds()
		if len(ads) != 1 || ads[0].GetText() != "Из налоговой службы" || ads[0].GetInfo().GetVersion() != 8 || r.GetResult().GetResultCode() != 0 {
			t.Errorf("%s: %s", m.GetCommand(), cpcr.Text(r))
		}
	}
	w.set("suspend", Rule{Action: Action{Result: &Result{Code: 15}, Notice: "suspended"}})
	_, r := w.ask(w.next(), sale(day, 1))
	if ads := r.GetService().GetTicketAds(); r.GetResult().GetResultCode() != 15 || len(ads) != 1 || ads[0].GetText() != "suspended" || ads[0].GetInfo().GetVersion() != 9 {
		t.Errorf("%s", cpcr.Text(r))
	}
	w.s.ClearAll()
	if _, r := w.ask(w.next(), system()); r.GetService() != nil {
		t.Errorf("after: %s", cpcr.Text(r))
	}
}

// A server report that is off, and one that echoes.
func TestReportsThatDiffer(t *testing.T) {
	w := newWorld(t, Options{})
	w.code(w.next(), sale(day, 100))
	w.set("off", Rule{Action: Action{ReportOff: 5}})
	_, r := w.ask(w.next(), w.x(day))
	z := r.GetReport().GetZxReport()
	if cash, _ := cpcr.Tiyn(z.GetCashSum()); cash != 105 || z.GetChecksum() != cpcr.ZXChecksum(z) {
		t.Errorf("cash %s, checksum %s", cash, z.GetChecksum())
	}
	w = newWorld(t, Options{Echo: true})
	w.code(w.next(), sale(day, 100))
	m := w.x(day)
	m.Report.ZxReport.CashSum = cpcr.Money(7)
	_, r = w.ask(w.next(), m)
	if !proto.Equal(r.GetReport().GetZxReport(), m.GetReport().GetZxReport()) {
		t.Errorf("no echo: %s", cpcr.Text(r))
	}
}

// Connections that are refused as they open, at once or after a while.
func TestConnectionsThatAreStruck(t *testing.T) {
	w := newWorld(t, Options{})
	w.set("c", Rule{Connect: true, Times: 1, Action: Action{End: Reset}})
	if p, _ := w.dial(); p.state != "" {
		t.Error("reset before its owner had the callbacks")
	} else if w.pass(0); p.state != "reset" {
		t.Errorf("connection %q, want reset", p.state)
	}
	if c := w.code(w.next(), system()); c != 0 {
		t.Errorf("the second connection: %d", c)
	}
	w.set("slow", Rule{Connect: true, Action: Action{End: Close, Hold: time.Second}})
	p, _ := w.dial()
	w.pass(999 * time.Millisecond)
	if p.state != "" {
		t.Error("closed too early")
	}
	w.pass(time.Millisecond)
	if p.state != "closed" {
		t.Errorf("connection %q, want closed", p.state)
	}
}

// An answer that is due after its connection ended is lost, and the record says so.
func TestLateAnswerOfAConnectionThatEnded(t *testing.T) {
	w := newWorld(t, Options{})
	w.set("late", Rule{Commands: []canon.CommandTypeEnum{cmdTicket}, Action: Action{Delay: 10 * time.Second}})
	req := w.frame(sale(day, 100))
	p, ev := w.dial()
	ev.Received(req)
	w.pass(5 * time.Second)
	ev.Closed(nil)
	w.pass(time.Minute)
	if len(p.sent) != 0 || w.tickets() != 1 {
		t.Fatalf("%d bytes sent, %d tickets", len(p.sent), w.tickets())
	}
	var lost *history.Frame
	for e := range w.log.View().Events() {
		if f, ok := e.Body.(history.Frame); ok && f.Dir == history.ToDevice {
			lost = &f
		}
	}
	if lost == nil || !lost.Lost || len(lost.Bytes) == 0 {
		t.Errorf("record of the answer: %+v", lost)
	}
	w.s.ClearAll()
	_, r := w.answer(w.raw(req).sent)
	if r.GetResult().GetResultCode() != 0 || w.tickets() != 1 {
		t.Errorf("the repeat: %v, %d tickets", r, w.tickets())
	}
}

// Answers of one connection keep the order of their requests, also when the
// first one is late; another connection is not held up.
func TestOrderOfAnswers(t *testing.T) {
	w := newWorld(t, Options{})
	w.set("late", Rule{Times: 1, Action: Action{Delay: 5 * time.Second}})
	first, second := w.frame(system()), []byte(nil)
	p, ev := w.dial()
	ev.Received(first)
	second = w.frame(info())
	ev.Received(second)
	if c := w.code(w.next(), system()); c != 0 {
		t.Errorf("another connection: %d", c)
	}
	if len(p.sent) != 0 {
		t.Fatal("the second answer overtook the first")
	}
	w.pass(5 * time.Second)
	var sp cpcr.Splitter
	sp.Limit = cpcr.MaxResponse
	frames, err := sp.Push(p.sent)
	if err != nil || len(frames) != 2 {
		t.Fatalf("%d answers, %v", len(frames), err)
	}
	for i, want := range [][]byte{first, second} {
		if binary.LittleEndian.Uint16(frames[i][16:]) != binary.LittleEndian.Uint16(want[16:]) {
			t.Errorf("answer %d has the number of another request", i+1)
		}
	}
}
