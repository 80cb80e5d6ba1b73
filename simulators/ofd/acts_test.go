package ofd

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

func ptr[T any](v T) *T { return &v }

// What an operator does by himself, done at once, by a request and by the clock:
// one mechanism with three triggers.
func TestActs(t *testing.T) {
	under := func(w *world, v cpcr.Version) string {
		h := w.next()
		h.Version = v
		b, err := cpcr.EncodeLoose(h, system())
		if err != nil {
			w.t.Fatal(err)
		}
		p := w.raw(b)
		if len(p.sent) == 0 {
			return p.state
		}
		_, r := w.answer(p.sent)
		return cpcr.ResultName(cpcr.V204, r.GetResult().GetResultCode())
	}
	tests := []struct {
		name string
		a    Acts
		want func(w *world) (got, want string)
	}{
		{"block", Acts{Block: ptr("Тоқтатылды")}, func(w *world) (string, string) {
			_, r := w.ask(w.next(), system())
			return r.GetService().GetTicketAds()[0].GetText() + " " + cpcr.ResultName(cpcr.V204, r.GetResult().GetResultCode()), "Тоқтатылды BLOCKED"
		}},
		{"unblock", Acts{Unblock: true}, func(w *world) (string, string) { return under(w, cpcr.V204), "OK" }},
		{"deregister", Acts{Standing: &Standing{Deregistered: true}}, func(w *world) (string, string) { return under(w, cpcr.V204), "DEREGISTERED" }},
		{"disconnect", Acts{Standing: &Standing{Disconnected: true}}, func(w *world) (string, string) { return under(w, cpcr.V204), "DISCONNECTED" }},
		{"reinstate", Acts{Standing: &Standing{}}, func(w *world) (string, string) { return under(w, cpcr.V204), "OK" }},
		{"tell", Acts{Tell: []Ad{{Type: canon.TicketAdTypeEnum_TICKET_AD_POS, Text: "Жеңілдік"}}}, func(w *world) (string, string) {
			_, r := w.ask(w.next(), system())
			if n := len(r.GetService().GetTicketAds()); n != 1 {
				w.t.Fatalf("%d texts", n)
			}
			return r.GetService().GetTicketAds()[0].GetText(), "Жеңілдік"
		}},
		{"a token of its own", Acts{NewToken: ptr(uint32(4000000001))}, func(w *world) (string, string) {
			return cpcr.ResultName(cpcr.V204, w.code(cpcr.Header{Version: cpcr.V204, ID: kkm1, Token: 4000000001, ReqNum: 77}, system())), "OK"
		}},
		{"a token from the seed", Acts{NewToken: ptr(uint32(0))}, func(w *world) (string, string) {
			return cpcr.ResultName(cpcr.V204, w.code(cpcr.Header{Version: cpcr.V204, ID: kkm1, Token: 1000, ReqNum: 77}, system())), "INVALID_TOKEN"
		}},
		{"clock", Acts{Skew: ptr(-48 * time.Hour)}, func(w *world) (string, string) {
			_, r := w.ask(w.next(), info())
			at, _ := cpcr.Time(r.GetReport().GetZxReport().GetDateTime(), time.UTC)
			return at.Format(time.DateOnly), day.AddDate(0, 0, -2).Format(time.DateOnly)
		}},
		{"busy", Acts{Busy: ptr("Үзіліс")}, func(w *world) (string, string) { return under(w, cpcr.V204), "SERVICE_TEMPORARILY_UNAVAILABLE" }},
		{"busy no longer", Acts{Busy: ptr("")}, func(w *world) (string, string) { return under(w, cpcr.V204), "OK" }},
		{"a version is not served any more", Acts{Versions: []cpcr.Version{cpcr.V203}}, func(w *world) (string, string) { return under(w, cpcr.V204), "closed" }},
		{"... the one that still is", Acts{Versions: []cpcr.Version{cpcr.V203}}, func(w *world) (string, string) { return under(w, cpcr.V203), "OK" }},
		{"... and answered", Acts{Versions: []cpcr.Version{cpcr.V203}, AnswerOld: ptr(true)}, func(w *world) (string, string) { return under(w, cpcr.V204), "PROTOCOL_ERROR" }},
	}
	undo := map[string]Acts{"unblock": {Block: ptr("x")}, "reinstate": {Standing: &Standing{Deregistered: true}}, "busy no longer": {Busy: ptr("x")}}
	triggers := map[string]func(w *world, a Acts){
		"at once": func(w *world, a Acts) {
			if err := w.s.Act("api", kkm1, a); err != nil {
				w.t.Fatal(err)
			}
		},
		"by the clock": func(w *world, a Acts) {
			w.set("api", Rule{Alone: true, After: time.Minute, Device: kkm1, Action: Action{Acts: &a}})
			w.pass(time.Minute - 1)
			if n := w.s.RuleStates()[0].Fired; n != 0 {
				w.t.Errorf("acted %d times before its time", n)
			}
			w.pass(1)
			if n := w.s.Clear("api"); n != 1 {
				w.t.Errorf("acted %d times, want once", n)
			}
		},
		"by a request of another command": func(w *world, a Acts) {
			w.set("api", Rule{Times: 1, Commands: []canon.CommandTypeEnum{cmdReport}, Action: Action{Acts: &a, Silent: true}})
			w.raw(w.frame(w.x(day)))
			if n := w.s.Clear("api"); n != 1 {
				w.t.Errorf("acted %d times, want once", n)
			}
		},
	}
	for how, trigger := range triggers {
		for _, tt := range tests {
			t.Run(how+"/"+tt.name, func(t *testing.T) {
				w := newWorld(t, Options{Seed: 3})
				if u, ok := undo[tt.name]; ok {
					if err := w.s.Act("before", 0, u); err != nil {
						t.Fatal(err)
					}
				}
				trigger(w, tt.a)
				if got, want := tt.want(w); got != want {
					t.Errorf("%s, want %s", got, want)
				}
				recorded := 0
				for e := range w.log.View().Events() {
					if b, ok := e.Body.(history.Scripted); ok && b.ID == "api" && strings.Contains(b.Action, tt.a.String()) {
						recorded++
					}
				}
				if recorded != 1 {
					t.Errorf("recorded %d times, want once", recorded)
				}
			})
		}
	}
}

// Every act has words of its own, so that the record tells one from the other.
func TestActsHaveWords(t *testing.T) {
	all := []Acts{
		{Block: ptr("")}, {Unblock: true}, {Standing: &Standing{Deregistered: true}}, {Standing: &Standing{Disconnected: true}}, {Standing: &Standing{}},
		{Tell: []Ad{{Text: "x"}}}, {NewToken: ptr(uint32(0))}, {NewToken: ptr(uint32(5))}, {Skew: ptr(time.Second)}, {Busy: ptr("x")}, {Busy: ptr("")},
		{Versions: cpcr.Versions}, {AnswerOld: ptr(true)}, {AnswerOld: ptr(false)},
	}
	seen := map[string]bool{}
	for _, a := range all {
		if s := a.String(); s == "" || seen[s] {
			t.Errorf("%+v is told as %q", a, s)
		} else {
			seen[s] = true
		}
	}
	if (Acts{}).String() != "" {
		t.Error("nothing is told as something")
	}
}

func TestBadActsAreRefused(t *testing.T) {
	tests := []struct {
		name   string
		device uint32
		a      Acts
		want   string
	}{
		{"nothing", 0, Acts{}, "does nothing"},
		{"no such device", 7, Acts{Unblock: true}, "no such device"},
		{"both", 0, Acts{Block: ptr(""), Unblock: true}, "at once"},
		{"text type", 0, Acts{Tell: []Ad{{Type: 5}}}, "want 0 to 4"},
		{"no version", 0, Acts{Versions: []cpcr.Version{}}, "at least one"},
	}
	for _, tt := range tests {
		w := newWorld(t, Options{})
		if err := w.s.Act("x", tt.device, tt.a); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if c := w.code(w.next(), system()); c != 0 || w.s.Err() != nil {
			t.Errorf("%s: the server is not as it was: %d, %v", tt.name, c, w.s.Err())
		}
	}
	alone := Rule{Alone: true, Action: Action{Acts: &Acts{Unblock: true}}}
	with := func(f func(r *Rule)) Rule { r := alone; f(&r); return r }
	rules := []struct {
		name string
		r    Rule
		want string
	}{
		{"alone, for a while", with(func(r *Rule) { r.For = 1 }), "once by itself"},
		{"alone, on a command", with(func(r *Rule) { r.Commands = []canon.CommandTypeEnum{cmdTicket} }), "once by itself"},
		{"alone, on a connection", with(func(r *Rule) { r.Connect = true }), "once by itself"},
		{"alone, twice", with(func(r *Rule) { r.Times = 2 }), "once by itself"},
		{"alone without an act", with(func(r *Rule) { r.Action.Acts = nil; r.Action.Delay = 1 }), "want acts"},
		{"alone with more than acts", with(func(r *Rule) { r.Action.Delay = 1 }), "want acts"},
		{"mute and closed", Rule{Action: Action{Mute: true, End: Close}}, "cannot stay mute"},
		{"refuse a request", Rule{Action: Action{Refuse: true}}, "connections that open"},
		{"refuse and more", Rule{Connect: true, Action: Action{Refuse: true, Hold: 1}}, "nothing else happens"},
		{"refuse a share", Rule{Connect: true, PerMille: 5, Action: Action{Refuse: true}}, "not counted"},
		{"refuse without a gate", Rule{Connect: true, Action: Action{Refuse: true}}, "netfault"},
		{"bad acts", Rule{Action: Action{Acts: &Acts{Tell: []Ad{{Type: -1}}}}}, "want 0 to 4"},
	}
	for _, tt := range rules {
		w := newWorld(t, Options{})
		if err := w.s.Set("x", tt.r); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// The gate is shut while at least one rule wants it, and a rule that is cleared
// before its time never shuts it.
func TestGate(t *testing.T) {
	var gate []bool
	w := newWorld(t, Options{Gate: func(open bool) { gate = append(gate, open) }})
	refuse := Action{Refuse: true}
	w.set("a", Rule{Connect: true, After: time.Minute, For: 2 * time.Minute, Action: refuse})
	w.set("b", Rule{Connect: true, After: 2 * time.Minute, Action: refuse})
	w.set("c", Rule{Connect: true, After: time.Hour, Action: refuse})
	steps := []struct {
		wait time.Duration
		do   func()
		want []bool
	}{
		{time.Minute - 1, nil, nil},
		{1, nil, []bool{false}},
		{time.Minute, nil, []bool{false}}, // b wants it as well
		{time.Minute, nil, []bool{false}}, // a is over, b stands
		{0, func() { w.s.Clear("b") }, []bool{false, true}},
		{0, func() { w.s.Clear("c") }, []bool{false, true}},
		{2 * time.Hour, nil, []bool{false, true}},
	}
	for i, st := range steps {
		w.pass(st.wait)
		if st.do != nil {
			st.do()
		}
		if !slices.Equal(gate, st.want) {
			t.Fatalf("step %d: the gate went %v, want %v", i+1, gate, st.want)
		}
	}
	if st := w.s.RuleStates(); len(st) != 1 || st[0].ID != "a" || st[0].Fired != 1 {
		t.Errorf("%+v, want a, acted once", st)
	}
	for e := range w.log.View().Events() {
		if b, ok := e.Body.(history.OFDCleared); ok && (b.ID == "c") != (b.Fired == 0) {
			t.Errorf("%+v: only c never acted", b)
		}
	}
}

// Half an answer, then silence: the connection stays, and nothing comes on it any more.
func TestMute(t *testing.T) {
	for name, a := range map[string]Action{"after half an answer": {Cut: 20, Mute: true}, "booked, not answered": {LoseAnswer: true, Mute: true}, "not even booked": {Silent: true, Mute: true}} {
		w := newWorld(t, Options{})
		w.set("m", Rule{Times: 1, Action: a})
		p, ev := w.dial()
		ev.Received(w.frame(sale(day, 100)))
		w.pass(0)
		sent, booked := len(p.sent), w.tickets()
		if sent != a.Cut || (booked == 0) != a.Silent {
			t.Errorf("%s: %d bytes, %d tickets", name, sent, booked)
		}
		ev.Received(w.frame(system()))
		w.pass(time.Minute)
		if len(p.sent) != sent || p.state != "" {
			t.Errorf("%s: %d bytes more, connection %q", name, len(p.sent)-sent, p.state)
		}
		if c := w.code(w.next(), system()); c != 0 {
			t.Errorf("%s: another connection: %d", name, c)
		}
		w.pass(5 * time.Minute)
		if p.state != "closed" {
			t.Errorf("%s: still open after the idle time", name)
		}
	}
}

// A connection that is taken late: what came meanwhile is read then, also when
// the register has given up; a reset takes it away.
func TestConnectionTakenLate(t *testing.T) {
	late := Rule{Connect: true, Action: Action{Hold: 3 * time.Second}}
	t.Run("answered when it is taken", func(t *testing.T) {
		w := newWorld(t, Options{})
		w.set("slow", late)
		p, ev := w.dial()
		f := w.frame(sale(day, 100))
		ev.Received(f[:30])
		w.pass(time.Second)
		ev.Received(f[30:])
		w.pass(2*time.Second - 1)
		if len(p.sent) > 0 || w.tickets() != 0 {
			t.Error("taken too early")
		}
		w.pass(1)
		if len(p.sent) == 0 || w.tickets() != 1 {
			t.Errorf("%d bytes, %d tickets after it was taken", len(p.sent), w.tickets())
		}
	})
	t.Run("the register gave up", func(t *testing.T) {
		w := newWorld(t, Options{})
		w.set("slow", late)
		p, ev := w.dial()
		ev.Received(w.frame(sale(day, 100)))
		ev.Closed(nil)
		w.pass(3 * time.Second)
		if w.tickets() != 1 || w.s.Stats().Connections != 0 {
			t.Errorf("%d tickets, %d connections, %d bytes; what was sent before the end is read", w.tickets(), w.s.Stats().Connections, len(p.sent))
		}
	})
	t.Run("reset meanwhile", func(t *testing.T) {
		w := newWorld(t, Options{})
		w.set("slow", late)
		_, ev := w.dial()
		ev.Received(w.frame(sale(day, 100)))
		ev.Closed(errTest)
		w.pass(3 * time.Second)
		if w.tickets() != 0 || w.s.Stats().Pending != 0 {
			t.Errorf("%d tickets, %d bytes pending; a reset takes away what was not read", w.tickets(), w.s.Stats().Pending)
		}
	})
	t.Run("too much meanwhile", func(t *testing.T) {
		w := newWorld(t, Options{MaxRequest: 1000})
		w.set("slow", late)
		p, ev := w.dial()
		ev.Received(make([]byte, 1000))
		if p.state != "" {
			t.Error("closed at the limit")
		}
		ev.Received(make([]byte, 1))
		if p.state != "closed" || w.s.Stats().Pending != 0 {
			t.Errorf("connection %q, %d bytes pending", p.state, w.s.Stats().Pending)
		}
	})
}

// Of too many connections of one device the oldest goes; other devices and
// connections that have not said who they are do not count.
func TestConnectionsOfADeviceAreBounded(t *testing.T) {
	other := shop(7)
	w := newWorld(t, Options{MaxDeviceConns: 3}, shop(kkm1), other)
	var mine []*pipe
	for range 3 {
		p, ev := w.dial()
		ev.Received(w.frame(system()))
		mine = append(mine, p)
	}
	w.dial()
	h := w.next()
	h.ID, h.Token = 7, other.Token
	b, err := cpcr.EncodeRequest(h, system())
	if err != nil {
		t.Fatal(err)
	}
	theirs := w.raw(b)
	states := func() (out string) {
		for _, p := range append(mine, theirs) {
			out += map[string]string{"": "o", "closed": "x", "reset": "r"}[p.state]
		}
		return out
	}
	if s := states(); s != "oooo" {
		t.Fatalf("within the bound: %s", s)
	}
	p, ev := w.dial()
	ev.Received(w.frame(system()))
	mine = append(mine, p)
	if s := states(); s != "xoooo" {
		t.Errorf("one more: %s, want only the oldest closed", s)
	}
	if len(p.sent) == 0 {
		t.Error("the new connection got no answer")
	}
	ev.Closed(nil)
	p, ev = w.dial()
	ev.Received(w.frame(system()))
	if mine = append(mine, p); states() != "xooooo" {
		t.Errorf("after one left: %s", states())
	}
}

// Unfinished messages of all connections together are bounded: the heaviest
// connection goes, the others go on.
func TestUnfinishedMessagesAreBounded(t *testing.T) {
	w := newWorld(t, Options{MaxPending: 1000})
	part := w.frame(sale(day, 100))
	h := w.next()
	h.Size = 900
	heavy := append(h.Append(nil), make([]byte, 700)...)
	a, eva := w.dial()
	b, evb := w.dial()
	eva.Received(part[:100])
	evb.Received(heavy)
	if a.state+b.state != "" || w.s.Stats().Pending != 818 {
		t.Fatalf("within the bound: %q %q, %d bytes", a.state, b.state, w.s.Stats().Pending)
	}
	eva.Received(part[100:282])
	if a.state+b.state != "" || w.s.Stats().Pending != 1000 {
		t.Fatalf("at the bound: %q %q, %d bytes", a.state, b.state, w.s.Stats().Pending)
	}
	eva.Received(part[282:283])
	if a.state != "" || b.state != "closed" || w.s.Stats().Pending != 283 {
		t.Fatalf("over it: %q %q, %d bytes; want the heavier one closed", a.state, b.state, w.s.Stats().Pending)
	}
	eva.Received(part[283:])
	w.pass(0)
	if len(a.sent) == 0 || w.s.Stats().Pending != 0 {
		t.Errorf("%d bytes of an answer, %d pending", len(a.sent), w.s.Stats().Pending)
	}
}

// 16.9: the number of the last document with a token that is neither the issued
// nor the last one.
func TestNumberBeforeToken(t *testing.T) {
	for before, want := range map[bool]uint32{false: 2, true: 8} {
		w := newWorld(t, Options{NumberBeforeToken: before})
		h := w.next()
		w.code(h, sale(day, 1))
		if c := w.code(h, sale(day, 1)); c != 0 {
			t.Errorf("%v: the repeat gets %d", before, c)
		}
		h.Token = 5
		if c := w.code(h, sale(day, 1)); c != want {
			t.Errorf("%v: %d, want %d", before, c, want)
		}
		h.ReqNum++
		if c := w.code(h, sale(day, 1)); c != 2 {
			t.Errorf("%v: another number gets %d, want 2", before, c)
		}
	}
}

func TestStats(t *testing.T) {
	w := newWorld(t, Options{})
	h := w.next()
	w.ask(h, sale(day, 1))
	w.ask(h, sale(day, 1))
	h.Token = 5
	w.ask(h, system())
	w.set("s", Rule{Action: Action{Silent: true}})
	w.raw(w.frame(system()))
	got := w.s.Stats()
	want := Stats{Connections: 4, Opened: 4, Accepted: 1, Replayed: 1, Refused: 1, Silent: 1, Events: 2}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// A connection that is ended for what its peer did is told of once, in one line
// with the peer; one that ends in order is not.
func TestMisuseIsToldOnce(t *testing.T) {
	var told []string
	w := newWorld(t, Options{Misuse: func(peer, what string) { told = append(told, peer+": "+what) }, MaxRequest: 1000, MaxConns: 3, Versions: []cpcr.Version{cpcr.V204}})
	big := w.next()
	big.Size = 1001
	old := w.next()
	old.Version, old.Size = cpcr.V203, cpcr.HeaderSize
	for _, tt := range []struct {
		name string
		do   func(p *pipe, ev stream.Events)
		want string // "" for nothing
	}{
		{"answered and left", func(_ *pipe, ev stream.Events) { ev.Received(w.frame(system())); ev.Closed(nil) }, ""},
		{"idle", func(*pipe, stream.Events) { w.pass(defaultIdle) }, ""},
		{"no CPCR", func(_ *pipe, ev stream.Events) {
			ev.Received([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
			ev.Received([]byte("more"))
		}, "ERR_APPCODE"},
		{"too large", func(_ *pipe, ev stream.Events) { ev.Received(big.Append(nil)) }, "ERR_SIZE_LIMIT"},
		{"version", func(_ *pipe, ev stream.Events) { ev.Received(old.Append(nil)) }, "VERSION 203 is not served"},
		{"slow", func(_ *pipe, ev stream.Events) { ev.Received([]byte{0xa2}); w.pass(defaultRead) }, "not whole in time"},
		{"left in the middle", func(_ *pipe, ev stream.Events) { ev.Received([]byte{0xa2}); ev.Closed(nil) }, "ERR_HEADER_SHORT"},
		{"one too many", func(*pipe, stream.Events) { w.dial(); w.dial(); w.dial() }, "3 connections are open already"},
	} {
		told = nil
		p, ev := w.dial()
		tt.do(p, ev)
		if tt.want == "" && told != nil {
			t.Errorf("%s: %v, want nothing", tt.name, told)
		}
		if tt.want != "" && (len(told) != 1 || !strings.HasPrefix(told[0], "10.0.0.1:4000: ") || !strings.Contains(told[0], tt.want) || strings.Contains(told[0], "\n")) {
			t.Errorf("%s: %q, want one line with %q", tt.name, told, tt.want)
		}
	}
}
