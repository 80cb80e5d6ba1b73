package ofd

import (
	"bytes"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
)

// decision table 4.2, row by row. Before each row the device has sold once with
// (T1, 7) and was issued T2.
func TestDecisionTable(t *testing.T) {
	const t1 = 1000
	at := day
	tests := []struct {
		name string
		head func(h cpcr.Header, t2 uint32) cpcr.Header
		ask  func(w *world) *canon.Request
		code uint32
		tok  string // issued, request, new
		what string
	}{
		{"1 unknown id", func(h cpcr.Header, t2 uint32) cpcr.Header { h.ID = 5; h.Token = t2; return h }, func(*world) *canon.Request { return system() }, 1, "request", "refused"},
		{"1 unknown id, document", func(h cpcr.Header, t2 uint32) cpcr.Header { h.ID = 5; h.Token = t2; return h }, func(*world) *canon.Request { return sale(at, 100) }, 1, "request", "refused"},
		{"2 repeat", func(h cpcr.Header, _ uint32) cpcr.Header { h.Token, h.ReqNum = t1, 7; return h }, func(*world) *canon.Request { return sale(at, 100) }, 0, "issued", "replayed"},
		{"2 repeat with another content", func(h cpcr.Header, _ uint32) cpcr.Header { h.Token, h.ReqNum = t1, 7; return h }, func(*world) *canon.Request { return sale(at.Add(time.Hour), 999) }, 0, "issued", "replayed"},
		{"3 same pair, other command", func(h cpcr.Header, _ uint32) cpcr.Header { h.Token, h.ReqNum = t1, 7; return h }, func(*world) *canon.Request { return money(deposit, at, 100) }, 9, "request", "refused"},
		{"4 issued token, last number", func(h cpcr.Header, t2 uint32) cpcr.Header { h.Token, h.ReqNum = t2, 7; return h }, func(*world) *canon.Request { return sale(at, 100) }, 8, "request", "refused"},
		{"5 old token, new number", func(h cpcr.Header, _ uint32) cpcr.Header { h.Token, h.ReqNum = t1, 8; return h }, func(*world) *canon.Request { return sale(at, 100) }, 2, "request", "refused"},
		{"5 foreign token, last number", func(h cpcr.Header, _ uint32) cpcr.Header { h.Token, h.ReqNum = 77, 7; return h }, func(*world) *canon.Request { return sale(at, 100) }, 2, "request", "refused"},
		{"5 token 0", func(h cpcr.Header, _ uint32) cpcr.Header { h.Token, h.ReqNum = 0, 8; return h }, func(*world) *canon.Request { return sale(at, 100) }, 2, "request", "refused"},
		{"6 cash short", func(h cpcr.Header, t2 uint32) cpcr.Header { h.Token, h.ReqNum = t2, 8; return h }, func(*world) *canon.Request { return money(withdraw, at, 101) }, 14, "request", "refused"},
		{"7 ticket", func(h cpcr.Header, t2 uint32) cpcr.Header { h.Token, h.ReqNum = t2, 8; return h }, func(*world) *canon.Request { return sale(at, 100) }, 0, "new", "accepted"},
		{"7 all cash", func(h cpcr.Header, t2 uint32) cpcr.Header { h.Token, h.ReqNum = t2, 8; return h }, func(*world) *canon.Request { return money(withdraw, at, 100) }, 0, "new", "accepted"},
		{"7 close", func(h cpcr.Header, t2 uint32) cpcr.Header { h.Token, h.ReqNum = t2, 8; return h }, func(w *world) *canon.Request { return w.closing(at) }, 0, "new", "accepted"},
		{"7 number 0 after the wrap", func(h cpcr.Header, t2 uint32) cpcr.Header { h.Token, h.ReqNum = t2, 0; return h }, func(*world) *canon.Request { return sale(at, 100) }, 0, "new", "accepted"},
		{"7 a gap", func(h cpcr.Header, t2 uint32) cpcr.Header { h.Token, h.ReqNum = t2, 900; return h }, func(*world) *canon.Request { return sale(at, 100) }, 0, "new", "accepted"},
		{"8 report, right token", func(h cpcr.Header, t2 uint32) cpcr.Header { h.Token, h.ReqNum = t2, 8; return h }, func(w *world) *canon.Request { return w.x(at) }, 0, "issued", "accepted"},
		{"8 report, any token", func(h cpcr.Header, _ uint32) cpcr.Header { h.Token, h.ReqNum = 4, 7; return h }, func(w *world) *canon.Request { return w.x(at) }, 0, "issued", "accepted"},
		{"9 system", func(h cpcr.Header, t2 uint32) cpcr.Header { h.Token, h.ReqNum = t2, 8; return h }, func(*world) *canon.Request { return system() }, 0, "issued", "accepted"},
		{"9 system with the last number", func(h cpcr.Header, t2 uint32) cpcr.Header { h.Token, h.ReqNum = t2, 7; return h }, func(*world) *canon.Request { return system() }, 0, "issued", "accepted"},
		{"9 info", func(h cpcr.Header, t2 uint32) cpcr.Header { h.Token, h.ReqNum = t2, 8; return h }, func(*world) *canon.Request { return info() }, 0, "issued", "accepted"},
		{"10 system, old token", func(h cpcr.Header, _ uint32) cpcr.Header { h.Token, h.ReqNum = t1, 8; return h }, func(*world) *canon.Request { return system() }, 2, "request", "refused"},
		{"10 system with the last pair", func(h cpcr.Header, _ uint32) cpcr.Header { h.Token, h.ReqNum = t1, 7; return h }, func(*world) *canon.Request { return system() }, 2, "request", "refused"},
		{"10 info, token 0", func(h cpcr.Header, _ uint32) cpcr.Header { h.Token, h.ReqNum = 0, 0; return h }, func(*world) *canon.Request { return info() }, 2, "request", "refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, Options{Seed: 3})
			h := cpcr.Header{Version: cpcr.V204, ID: kkm1, Token: t1, ReqNum: 7}
			if c := w.code(h, sale(at, 100)); c != 0 {
				t.Fatalf("first sale: %d", c)
			}
			t2 := w.issued()
			before, _ := w.s.Info(kkm1)
			req := tt.head(cpcr.Header{Version: cpcr.V204, ID: kkm1}, t2)
			gh, r := w.ask(req, tt.ask(w))
			if got := r.GetResult().GetResultCode(); got != tt.code {
				t.Fatalf("result %d %s, want %d", got, r.GetResult().GetResultText(), tt.code)
			}
			after, _ := w.s.Info(kkm1)
			wantTok := map[string]uint32{"issued": t2, "request": req.Token, "new": after.Token}[tt.tok]
			if gh.Token != wantTok || (after.Token != t2) != (tt.tok == "new") {
				t.Errorf("token %d, issued %d then %d; want %s", gh.Token, t2, after.Token, tt.tok)
			}
			if gh.ReqNum != req.ReqNum || gh.ID != req.ID || gh.Version != req.Version {
				t.Errorf("header %+v does not echo %+v", gh, req)
			}
			if tt.what != "accepted" && after.Tickets != before.Tickets {
				t.Errorf("%d tickets, %d before", after.Tickets, before.Tickets)
			}
			var b history.Booked
			for e := range w.log.View().Events() {
				if x, ok := e.Body.(history.Booked); ok {
					b = x
				}
			}
			if b.What != tt.what || b.Code != int(tt.code) || b.Device != req.ID {
				t.Errorf("booked %+v, want %s %d", b, tt.what, tt.code)
			}
		})
	}
}

// A repeat of anything older than the last document is a wrong token, and a
// refused document changes nothing: it may come again, corrected.
func TestConsequences(t *testing.T) {
	w := newWorld(t, Options{})
	h := cpcr.Header{Version: cpcr.V204, ID: kkm1, Token: 1000, ReqNum: 1}
	if c := w.code(h, sale(day, 100)); c != 0 {
		t.Fatal(c)
	}
	second := w.next()
	if c := w.code(second, money(withdraw, day, 900)); c != 14 {
		t.Fatalf("too much: %d, want 14", c)
	}
	if c := w.code(second, money(withdraw, day, 90)); c != 0 {
		t.Fatalf("corrected, same number: %d, want 0", c)
	}
	if c := w.code(h, sale(day, 100)); c != 2 {
		t.Errorf("repeat of the last but one: %d, want 2", c)
	}
	if c := w.code(second, money(withdraw, day, 90)); c != 0 {
		t.Errorf("repeat of the last: %d, want 0", c)
	}
	if i, _ := w.s.Info(kkm1); i.Counters.Cash != 10 {
		t.Errorf("cash %s, want 0.10: something was counted twice", i.Counters.Cash)
	}
}

// The loss table 4.4: what the register sends after a loss, and what comes.
func TestLossTable(t *testing.T) {
	tests := []struct {
		name  string
		lost  string // request, answer, nothing
		after func(w *world, h cpcr.Header) (cpcr.Header, *canon.Request)
		code  uint32
		same  bool // the fiscal sign is the one that was lost
		count int  // tickets afterwards
	}{
		{"request lost, sent again", "request", func(_ *world, h cpcr.Header) (cpcr.Header, *canon.Request) { return h, sale(day, 100) }, 0, false, 1},
		{"answer lost, sent again", "answer", func(_ *world, h cpcr.Header) (cpcr.Header, *canon.Request) { return h, sale(day, 100) }, 0, true, 1},
		{"answer lost, new number", "answer", func(_ *world, h cpcr.Header) (cpcr.Header, *canon.Request) { h.ReqNum++; return h, sale(day, 100) }, 2, false, 1},
		{"answer lost, ping first", "answer", func(_ *world, h cpcr.Header) (cpcr.Header, *canon.Request) { h.ReqNum++; return h, system() }, 2, false, 1},
		{"answer lost, other command with the pair", "answer", func(_ *world, h cpcr.Header) (cpcr.Header, *canon.Request) { return h, money(deposit, day, 5) }, 9, false, 1},
		{"token taken, number not raised", "nothing", func(w *world, h cpcr.Header) (cpcr.Header, *canon.Request) {
			h.Token = w.issued()
			return h, sale(day, 100)
		}, 8, false, 1},
		{"restored from an old backup", "nothing", func(_ *world, h cpcr.Header) (cpcr.Header, *canon.Request) {
			h.Token, h.ReqNum = 999, 3
			return h, sale(day, 100)
		}, 2, false, 1},
		{"restored to before the last document, other content", "nothing", func(_ *world, h cpcr.Header) (cpcr.Header, *canon.Request) {
			return h, sale(day.Add(time.Minute), 777)
		}, 0, true, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, Options{Seed: 5})
			h := cpcr.Header{Version: cpcr.V204, ID: kkm1, Token: 1000, ReqNum: 40}
			if tt.lost == "answer" {
				if err := w.s.Set("lose", Rule{Commands: []canon.CommandTypeEnum{cmdTicket}, Times: 1, Action: Action{LoseAnswer: true, End: Close}}); err != nil {
					t.Fatal(err)
				}
			}
			if tt.lost != "request" {
				b, err := cpcr.EncodeRequest(h, sale(day, 100))
				if err != nil {
					t.Fatal(err)
				}
				p := w.raw(b)
				if tt.lost == "answer" && (len(p.sent) != 0 || p.state != "closed") {
					t.Fatalf("%d bytes came though the answer was to be lost; connection %q", len(p.sent), p.state)
				}
			}
			i, _ := w.s.Info(kkm1)
			lostSign := i.LastSign
			nh, nm := tt.after(w, h)
			_, r := w.ask(nh, nm)
			if got := r.GetResult().GetResultCode(); got != tt.code {
				t.Fatalf("result %d, want %d", got, tt.code)
			}
			if (r.GetTicket().GetTicketNumber() == lostSign && lostSign != "") != tt.same {
				t.Errorf("sign %q, lost was %q; same %v", r.GetTicket().GetTicketNumber(), lostSign, tt.same)
			}
			if i, _ := w.s.Info(kkm1); i.Tickets != tt.count {
				t.Errorf("%d tickets, want %d", i.Tickets, tt.count)
			}
		})
	}
}

// The stored answer comes again byte for byte, whatever happened in between
// that was no document.
func TestReplayIsByteForByte(t *testing.T) {
	w := newWorld(t, Options{Seed: 9})
	h := cpcr.Header{Version: cpcr.V204, ID: kkm1, Token: 1000, ReqNum: 65535}
	b, err := cpcr.EncodeRequest(h, sale(day, 12345))
	if err != nil {
		t.Fatal(err)
	}
	first := w.raw(b).sent
	for range 3 {
		if c := w.code(w.next(), system()); c != 0 {
			t.Fatal(c)
		}
		w.pass(time.Minute)
		if again := w.raw(b).sent; !bytes.Equal(again, first) {
			t.Fatalf("% x, want % x", again, first)
		}
	}
}

// Each result code by its real condition (cpcr.md section 6).
func TestResultCodes(t *testing.T) {
	tests := []struct {
		name string
		opt  Options
		do   func(w *world) uint32
		want uint32
	}{
		{"0", Options{}, func(w *world) uint32 { return w.code(w.next(), system()) }, 0},
		{"1 not registered", Options{}, func(w *world) uint32 { h := w.next(); h.ID = 7; return w.code(h, system()) }, 1},
		{"2", Options{}, func(w *world) uint32 { h := w.next(); h.Token++; return w.code(h, system()) }, 2},
		{"3 no protobuf", Options{}, func(w *world) uint32 {
			_, r := w.answer(w.raw(append(w.header(3), 0x08, 0x01, 0xff)).sent)
			return r.GetResult().GetResultCode()
		}, 3},
		{"3 a required field is missing", Options{}, func(w *world) uint32 {
			_, r := w.loose(w.next(), &canon.Request{Command: cmdTicket.Enum(), Ticket: &canon.TicketRequest{}})
			return r.GetResult().GetResultCode()
		}, 3},
		{"3 an empty payload", Options{}, func(w *world) uint32 {
			h, r := w.answer(w.raw(w.header(0)).sent)
			if h.ID != kkm1 || r.GetCommand() != cmdReserved {
				w.t.Errorf("%+v %v, want the header echoed and command 127", h, r)
			}
			return r.GetResult().GetResultCode()
		}, 3},
		{"4 a number never used", Options{}, func(w *world) uint32 {
			return w.code(w.next(), &canon.Request{Command: canon.CommandTypeEnum(55).Enum(), Service: serviceOf()})
		}, 4},
		{"5 open shift", Options{}, func(w *world) uint32 {
			return w.code(w.next(), &canon.Request{Command: cmdOpenShift.Enum(), Service: serviceOf()})
		}, 5},
		{"5 cancel under 2.0.4", Options{}, func(w *world) uint32 {
			return w.code(w.next(), &canon.Request{Command: cmdCancel.Enum(), Service: serviceOf()})
		}, 5},
		{"5 QR under 2.0.3", Options{}, func(w *world) uint32 {
			h := w.next()
			h.Version = cpcr.V203
			return w.code(h, &canon.Request{Command: cmdQR.Enum(), Service: serviceOf()})
		}, 5},
		{"8", Options{}, func(w *world) uint32 {
			h := w.next()
			w.code(h, sale(day, 1))
			h.Token = w.issued()
			return w.code(h, sale(day, 1))
		}, 8},
		{"9", Options{}, func(w *world) uint32 {
			h := w.next()
			w.code(h, sale(day, 1))
			return w.code(h, w.closing(day))
		}, 9},
		{"10 nothing to cancel", Options{}, func(w *world) uint32 {
			h := w.next()
			h.Version = cpcr.V202
			return w.code(h, &canon.Request{Command: cmdCancel.Enum()})
		}, 10},
		{"13 text that is not UTF-8", Options{}, func(w *world) uint32 {
			m := sale(day, 1)
			m.Ticket.Items[0].Commodity.Name = proto.String("\xd0")
			return w.code(w.next(), m)
		}, 13},
		{"13 no body", Options{}, func(w *world) uint32 {
			return w.code(w.next(), &canon.Request{Command: cmdTicket.Enum(), Service: serviceOf()})
		}, 13},
		{"13 X without a shift", Options{}, func(w *world) uint32 { return w.code(w.next(), w.x(day)) }, 13},
		{"13 close without a document", Options{}, func(w *world) uint32 { return w.code(w.next(), w.closing(day)) }, 13},
		{"14 withdrawal", Options{}, func(w *world) uint32 { return w.code(w.next(), money(withdraw, day, 1)) }, 14},
		{"14 purchase", Options{}, func(w *world) uint32 { return w.code(w.next(), ticket(canon.OperationTypeEnum_OPERATION_BUY, day, 1)) }, 14},
		{"15 blocked", Options{}, func(w *world) uint32 {
			if err := w.s.Block(kkm1, ""); err != nil {
				w.t.Fatal(err)
			}
			return w.code(w.next(), sale(day, 1))
		}, 15},
		{"15 deregistered before 2.0.4", Options{}, func(w *world) uint32 {
			if err := w.s.Stand(kkm1, Standing{Deregistered: true}); err != nil {
				w.t.Fatal(err)
			}
			h := w.next()
			h.Version = cpcr.V203
			return w.code(h, sale(day, 1))
		}, 15},
		{"15 for a missing field, when so configured", Options{MissingIsBlocked: true}, func(w *world) uint32 {
			m := sale(day, 1)
			m.Ticket.Items[0].Commodity.MeasureUnitCode = proto.String("")
			return w.code(w.next(), m)
		}, 15},
		{"17", Options{}, func(w *world) uint32 {
			m := sale(day, 1)
			m.Ticket.ExtensionOptions = &canon.TicketRequest_ExtensionOptions{CustomerIinOrBin: proto.String(shop(kkm1).Taxpayer.BIN)}
			return w.code(w.next(), m)
		}, 17},
		{"17 is not for another buyer", Options{}, func(w *world) uint32 {
			m := sale(day, 1)
			m.Ticket.ExtensionOptions = &canon.TicketRequest_ExtensionOptions{CustomerIinOrBin: proto.String("990640512348")}
			return w.code(w.next(), m)
		}, 0},
		{"18 deregistered", Options{}, func(w *world) uint32 {
			if err := w.s.Stand(kkm1, Standing{Deregistered: true}); err != nil {
				w.t.Fatal(err)
			}
			return w.code(w.next(), system())
		}, 18},
		{"19 disconnected", Options{}, func(w *world) uint32 {
			if err := w.s.Stand(kkm1, Standing{Disconnected: true}); err != nil {
				w.t.Fatal(err)
			}
			return w.code(w.next(), system())
		}, 19},
		{"254 maintenance", Options{}, func(w *world) uint32 { w.s.Busy("Technical break"); return w.code(w.next(), sale(day, 1)) }, 254},
		{"254 is over", Options{}, func(w *world) uint32 { w.s.Busy("x"); w.s.Busy(""); return w.code(w.next(), sale(day, 1)) }, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, tt.opt)
			if got := tt.do(w); got != tt.want {
				t.Errorf("result %d, want %d", got, tt.want)
			}
		})
	}
}

// header is a header for a payload of n bytes.
func (w *world) header(n int) []byte {
	h := w.next()
	h.Size = uint32(cpcr.HeaderSize + n)
	return h.Append(nil)
}

// Every code can be scripted, on any command, with its usual text or another.
func TestScriptedResults(t *testing.T) {
	for _, code := range []uint32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 200, 254, 255} {
		w := newWorld(t, Options{})
		if err := w.s.Set("r", Rule{Action: Action{Result: &Result{Code: code}}}); err != nil {
			t.Fatal(err)
		}
		before := w.issued()
		for _, m := range []*canon.Request{sale(day, 1), system()} {
			h, r := w.ask(w.next(), m)
			if r.GetResult().GetResultCode() != code || r.GetResult().GetResultText() != texts[code] || h.Token != before {
				t.Errorf("code %d: %v, token %d", code, r.GetResult(), h.Token)
			}
		}
		if i, _ := w.s.Info(kkm1); i.Tickets != 0 || i.Token != before {
			t.Errorf("code %d: a refused ticket changed the state", code)
		}
		if n := w.s.Clear("r"); n != 2 {
			t.Errorf("code %d: acted %d times, want 2", code, n)
		}
		if c := w.code(w.next(), sale(day, 1)); c != 0 {
			t.Errorf("after code %d was lifted: %d", code, c)
		}
	}
}
