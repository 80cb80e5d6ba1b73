package kkm

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/ofd"
)

func variantOption(name string) option { return func(w *world, _ *oo) { w.opt.Variant = name } }

func allVariants() []Variant { return slices.Concat(Variants(), WantedVariants()) }

func TestVariantsAreNamedOnceAndSayWhatAllowsThem(t *testing.T) {
	if n := len(Variants()); n < 12 {
		t.Errorf("%d variants, want 12 or more", n)
	}
	seen := map[string]bool{}
	for _, v := range allVariants() {
		if seen[v.Name] || seen[v.Behaviour] || v.Name == "" || v.Behaviour == "" || v.Allowed == "" {
			t.Errorf("variant %q: want a name and a behaviour that no other has, and what allows it", v.Name)
		}
		seen[v.Name], seen[v.Behaviour] = true, true
	}
}

func TestAnUnknownVariantIsRefused(t *testing.T) {
	w := newWorld(t)
	_, err := New(w.clk, w.p, wires{w}, Options{Variant: "keepalive"})
	if err == nil || !strings.Contains(err.Error(), `"keepalive"`) || !strings.Contains(err.Error(), "keep-alive") {
		t.Errorf("error %v, want the name and the known ones", err)
	}
}

// differently are variants whose occasion the long life does not have, and one that it has.
var differently = map[string]func(w *world) string{
	"payments-reversed": func(w *world) string {
		x := receipt(fiscal.Sale, 1000)
		x.Payments = []fiscal.Payment{{Kind: fiscal.Cash, Sum: 400}, {Kind: fiscal.Card, Sum: 600}}
		w.ok(ring(x))
		return w.last(ticketCmd).m.Ticket.String()
	},
	"token-closed-only": func(w *world) string {
		w.ok(sell(100))
		return string(w.do(fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetToken, Value: "7", As: admin}).Reason)
	},
	"reports-queued": func(w *world) string {
		w.ok(sell(100))
		w.link(false)
		w.ok(sell(200))
		w.ok(takeX)
		w.link(true)
		w.pass(5 * time.Minute)
		return w.commands(w.reqs)
	},
	"z-while-stopped": func(w *world) string {
		w.ok(sell(100))
		_ = w.ofd.Block(w.p.OFD.ID, "Тоқтатылды")
		w.do(sell(200))
		x := w.do(takeZ)
		return string(x.Got)
	},
	"numbers-when-made": func(w *world) string {
		w.ok(sell(100))
		w.link(false)
		for range 3 {
			w.ok(sell(200))
		}
		_ = w.ofd.Block(w.p.OFD.ID, "Тоқтатылды") // the pings of a stopped register spend numbers
		w.link(true)
		w.pass(10 * time.Minute)
		w.ofd.Unblock(w.p.OFD.ID)
		w.pass(5 * time.Minute)
		var out []byte
		for _, q := range w.reqs {
			out = append(out, byte(q.h.ReqNum))
		}
		return string(out)
	},
	"info-each-shift": func(w *world) string {
		w.ok(sell(100))
		w.ok(takeZ)
		w.pass(time.Minute)
		return w.commands(w.reqs)
	},
	"idle-pings": func(w *world) string {
		w.pass(3 * time.Hour)
		return w.commands(w.reqs)
	},
	"slow-return": func(w *world) string {
		w.link(false)
		w.ok(sell(100))
		w.pass(90 * time.Second)
		w.link(true)
		w.pass(75 * time.Second)
		return w.commands(w.reqs)
	},
	"keep-alive-lingers": func(w *world) string { return "the network of these tests loses what was under way" },
	"closes-at-limit": func(w *world) string {
		w.ok(sell(100))
		w.pass(24*time.Hour - time.Minute)
		open := w.r.State().ShiftOpen
		w.pass(2 * time.Minute)
		if !open {
			return "too early"
		}
		return w.commands(w.reqs)
	},
}

func TestEveryVariantDiffersFromTheConformingRegister(t *testing.T) {
	common := func(w *world) string {
		w.on()
		var out strings.Builder
		for _, op := range []fiscal.Op{sell(1234567), {Kind: fiscal.OpReceipt, Receipt: modifiers(), As: by(2)}, takeX} {
			x := w.ok(op)
			out.WriteString(x.text() + x.done.String() + "\n")
		}
		_ = w.ofd.Set("slow", ofd.Rule{Commands: []canon.CommandTypeEnum{ticketCmd}, Action: ofd.Action{Delay: 8 * time.Second}})
		out.WriteString(w.ok(sell(100)).text())
		w.ofd.Clear("slow")
		w.pass(3 * time.Minute)
		w.link(false)
		x := w.ok(sell(900))
		out.WriteString(x.text() + x.done.String())
		w.link(true)
		w.pass(3 * time.Minute)
		out.WriteString(w.ok(takeZ).text())
		for _, q := range w.reqs {
			out.WriteString(q.h.Version.String() + string(rune(q.h.ReqNum)) + q.m.String() + "\n")
		}
		out.WriteString(string(rune(w.dials)))
		for _, p := range w.raw {
			out.Write(p)
		}
		return out.String()
	}
	for _, v := range allVariants() {
		f := common
		if g := differently[v.Name]; g != nil {
			f = func(w *world) string { w.on(); return g(w) }
		}
		if v.Name == "keep-alive-lingers" {
			continue // told apart over a network that delivers late: kkmtest run with this variant
		}
		if got, want := f(newWorld(t, variantOption(v.Name))), f(newWorld(t)); got == want {
			t.Errorf("%s: %s: nothing of it shows", v.Name, v.Behaviour)
		}
	}
}

// What a variant sends is what the conforming register sends: the OFD notes nothing.
func TestTheOFDHasNothingToSayAboutVariants(t *testing.T) {
	for _, v := range allVariants() {
		w := newWorld(t, variantOption(v.Name)).on()
		w.ok(sell(10050))
		w.ok(deposit(50000))
		w.ok(withdraw(100))
		w.pass(time.Minute)
		w.link(false)
		for range 3 {
			w.ok(sell(700))
		}
		w.ok(takeX)
		w.pass(10 * time.Minute)
		w.link(true)
		w.pass(10 * time.Minute)
		if n := w.r.State().Unsent; n != 0 {
			t.Errorf("%s: %d documents were not handed over", v.Name, n)
		}
		w.ok(sell(100))
		w.ok(takeZ)
		if w.bad != 0 {
			t.Errorf("%s: %d requests could not be read", v.Name, w.bad)
		}
		if v.Name == "cpcr-1.2.4" || v.Name == "no-optional-fields" {
			continue // an old version and bare messages lack what the OFD would like to have
		}
		for _, o := range w.observed() {
			t.Errorf("%s: %s", v.Name, o)
		}
	}
}

func TestDescendingKeepsTheMeaning(t *testing.T) {
	w := newWorld(t).on()
	w.ok(ring(modifiers()))
	m := w.last(ticketCmd).m
	raw, err := cpcr.EncodeRequest(cpcr.Header{Version: cpcr.V204, ID: 1, Token: 1, ReqNum: 1}, m)
	if err != nil {
		t.Fatal(err)
	}
	body := raw[cpcr.HeaderSize:]
	turned := descending(cpcr.V204, body)
	if bytes.Equal(turned, body) || len(turned) != len(body) {
		t.Fatalf("%d bytes in another order, want %d and another order", len(turned), len(body))
	}
	if again := descending(cpcr.V204, turned); !bytes.Equal(again, turned) {
		t.Error("what is in descending order was changed")
	}
	_, got, err := cpcr.DecodeRequest(append(raw[:cpcr.HeaderSize:cpcr.HeaderSize], turned...))
	if err != nil || !proto.Equal(got, m) {
		t.Errorf("another message (%v)", err)
	}
	if junk := []byte{0xFF, 0xFF}; !bytes.Equal(descending(cpcr.V204, junk), junk) {
		t.Error("what cannot be read was changed")
	}
}
