package shtrihm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/serialport/conversation"
	"github.com/kkmtest/kkmtest/bench/device/shtrihm"
	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
)

// The host's lines of the documents go to the emulated host side, which must
// answer with the register's lines byte for byte. left out are the cases whose
// commands the emulated register does not have or whose answers are another
// model's: the reason stands beside each.
func TestConversationsFromTheOtherSide(t *testing.T) {
	type set func(h *Host, f *fake)
	refuse := func(k fiscal.OpKind, r kkm.Reason) set { return func(_ *Host, f *fake) { f.refuse[k] = r } }
	number := func(n uint16) set {
		return func(h *Host, f *fake) {
			h.line.level, h.line.num = alternative, n-1
			f.docs = 137
		}
	}
	nothing := func(*Host, *fake) {}
	replayed := map[string]map[string]set{
		"shtrih-std-status.txt": {"short-status-idle": nothing, "full-status": nothing,
			"registers": func(_ *Host, f *fake) { f.cash, f.docs = 15078050, 137 }},
		"shtrih-std-error.txt": {
			"shift-over-24h": refuse(fiscal.OpReceipt, kkm.ShiftTooLong), "wrong-password": nothing,
			"wrong-mode": refuse(fiscal.OpSetClock, kkm.ShiftOpen), "unsupported-command": nothing,
			"underpaid": func(h *Host, _ *fake) { h.open = &receipt{Receipt: sale(), pw: 1} },
		},
		"shtrih-std-nak.txt": {"host-frame-damaged": nothing, "no-answer-to-frame": nothing,
			"device-answer-damaged": func(_ *Host, f *fake) { f.cash = 15078050 }},
		"shtrih-std-sale.txt":    {"open-sale-sale-close": nothing, "sale-with-discount-card-and-return": nothing, "cancel-open-receipt": nothing},
		"shtrih-std-zreport.txt": {"cash-in-out": func(_ *Host, f *fake) { f.docs = 137 }, "x-report": nothing, "z-report": nothing},
		"shtrih-std-tables-clock-text.txt": {"clock": func(_ *Host, f *fake) { f.clock = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC).Sub(epoch) },
			"print-buffer": func(_ *Host, f *fake) { f.lines = []string{"ИТОГ            =780.50", "2"} }},
		"shtrih-std-kz-module.txt": {"sale-return-with-basis": nothing},
		"shtrih-alt.txt": {
			"sync-and-status": func(h *Host, _ *fake) {
				h.line.level, h.line.num, h.line.last = alternative, 41, []byte{0x89, 0, 1, 0xE2, 0x30, 1, 0, 0}
			},
			"sale": number(43), "z-report": number(47), "error": func(h *Host, f *fake) {
				number(48)(h, f)
				f.refuse[fiscal.OpReceipt] = kkm.ShiftTooLong
			},
			"damaged-request": number(50),
		},
	}
	leftOut := map[string]map[string]string{
		"shtrih-std-status.txt":            {"device-type": "another model's name"},
		"shtrih-std-tables-clock-text.txt": {"ofd-server-table": "another model's table names; TestTables covers it", "text-feed-cut": "no cutter on this model (13)", "control-tape": "no control tape: the print buffer is there"},
		"shtrih-std-kz-module.txt":         {"identify": "another model's name and flags", "marked-goods": "no marked goods"},
		"shtrih-alt.txt":                   {"fresh-device": "another model's name", "lost-answer": "the talk does not show the answer that was lost; TestSameNumberIsExecutedOnce has it"},
	}
	for file, cases := range replayed {
		raw, err := os.ReadFile("../../../fixtures/vectors/serial/" + file)
		if err != nil {
			t.Fatal(err)
		}
		talk, err := conversation.Read(file, raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range talk.Cases {
			prepare := cases[c.Name]
			if prepare == nil {
				if leftOut[file][c.Name] == "" {
					t.Errorf("%s: case %s is neither replayed nor left out", file, c.Name)
				}
				continue
			}
			t.Run(file+"/"+c.Name, func(t *testing.T) {
				loop := clock.NewVirtual(epoch, nil)
				reg := newFake(loop)
				reg.printer = 0
				var said []byte
				h := newHost(loop, reg, func(p []byte) { said = append(said, p...) }, Options{})
				prepare(h, reg)
				if err := conversation.Feed(context.Background(), loop, c, h.Receive, &said, 10*time.Second, same); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// same compares what the machine said with a line of the document. Status and
// structure of tables hold another model's values: head and length must agree.
func same(it conversation.Item, got []byte) error {
	want := it.Data
	if it.Flag == '!' && len(got) == len(want) { // damaged on the way to the host
		return nil
	}
	body := func(p []byte) []byte {
		switch {
		case len(p) > 3 && p[0] == frame.STX:
			return p[2:]
		case len(p) > 8 && p[0] == frame.AltSTX:
			return p[5:]
		}
		return nil
	}
	if b := body(want); b != nil && (frame.CodeOf(b) == frame.ShortStatus || frame.CodeOf(b) == frame.FullStatus) {
		if g := body(got); len(g) >= 2 && len(got) >= len(want) && bytes.Equal(g[:2], b[:2]) {
			return nil
		}
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("the register said\n% X, want\n% X", got, want)
	}
	return nil
}

// The alternative level's talk of a lost answer: the number that was executed
// is answered again and not executed again; a number that is not the next one
// gets the last answer.
func TestSameNumberIsExecutedOnce(t *testing.T) {
	w := newWorld(t, shtrihm.Options{})
	var said []byte
	w.host.send = func(p []byte) { said = append(said, p...) }
	w.host.line.level, w.host.line.num, w.reg.docs = alternative, 48, 139
	deposit := []byte{0x50, 1, 0, 0, 0, 0x20, 0xA1, 7, 0, 0}
	want := []byte{0x8F, 7, 0, 0x31, 0, 0x50, 0, 1, 0x8C, 0, 0xC2, 0x34}
	for _, num := range []uint16{49, 49, 48, 51, 7} {
		p, err := frame.EncodeAlt(frame.Packet{Num: num, Data: deposit})
		if err != nil {
			t.Fatal(err)
		}
		w.host.Receive(p)
		w.pass(time.Second)
		if !bytes.Equal(said, want) || w.reg.in != 1 {
			t.Errorf("number %d: said % X, %d deposits; want % X and one", num, said, w.reg.in, want)
		}
		said = nil
	}
}

// ask sends one command to the host side and returns the answer's body.
func (w *world) ask(body ...byte) []byte {
	w.t.Helper()
	var ans []byte
	w.host.command(body, func(b *frame.Body) {
		p, err := b.Bytes()
		if err != nil {
			w.t.Fatal(err)
		}
		ans = p
	})
	return ans
}
