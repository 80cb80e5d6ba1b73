package atol

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/atol/frame"
	"github.com/kkmtest/kkmtest/bench/device/serialport/conversation"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
	ht "github.com/kkmtest/kkmtest/simulators/kkm/hosttest"
)

// The host's lines of the documents go to the emulated host side, which must
// answer with the register's lines byte for byte. Those left out have another
// model's answers, or are no talk: the reason stands beside each.
func TestConversationsFromTheOtherSide(t *testing.T) {
	type set func(h *Host, f *ht.Fake)
	in := func(mode byte, pw uint32) set { return func(h *Host, _ *ht.Fake) { h.mode, h.pw = mode, pw } }
	nothing := func(*Host, *ht.Fake) {}
	open := func(h *Host, f *ht.Fake) {
		in(frame.ModeRegister, 1)(h, f)
		h.open = &receipt{Receipt: fiscal.Receipt{Kind: fiscal.Sale, Lines: ht.Sale().Lines[:1]}, typ: frame.TypeSale}
	}
	replayed := map[string]map[string]set{
		"atol2-status.txt": {"registers": func(_ *Host, f *ht.Fake) {
			f.Cash, f.Open, f.Limit = 15078050, true, 24*time.Hour
			f.Clock = time.Date(2026, 11, 22, 11, 4, 59, 0, time.UTC).Sub(ht.Epoch) // the shift began an hour before
		}},
		"atol2-error.txt": {
			"shift-over-24h": func(h *Host, f *ht.Fake) {
				in(frame.ModeRegister, 1)(h, f)
				f.Refuse[fiscal.OpReceipt] = kkm.ShiftTooLong
			},
			"wrong-password": nothing, "wrong-mode": in(frame.ModeRegister, 1),
			"no-paper":           func(h *Host, f *ht.Fake) { open(h, f); f.Refuse[fiscal.OpReceipt] = kkm.NoPaper },
			"change-not-covered": open,
		},
		"atol2-nak.txt": {"frame-nak": in(frame.ModeRegister, 1), "answer-nak": in(frame.ModeRegister, 1),
			"busy-then-ready": func(h *Host, f *ht.Fake) {
				in(frame.ModeRegister, 1)(h, f)
				h.to(running, 0, nil)
				f.Loop.AfterFunc(900*time.Millisecond, h.rest)
			}},
		"atol2-sale.txt": {"enter-mode-open-shift-sell": nothing, "two-payments": in(frame.ModeRegister, 1), "return-and-cancel": in(frame.ModeRegister, 1)},
		"atol2-zreport.txt": {"cash-in-out": in(frame.ModeRegister, 1),
			"x-report": func(h *Host, f *ht.Fake) { in(frame.ModeRegister, 1)(h, f); f.Delay = 300 * time.Millisecond },
			"z-report": func(_ *Host, f *ht.Fake) { f.Delay = 700 * time.Millisecond }},
		"atol3.txt": {"sale": func(_ *Host, f *ht.Fake) { f.Delay = 50 * time.Millisecond }, "z-report": func(_ *Host, f *ht.Fake) { f.Delay = 50 * time.Millisecond },
			"error": func(h *Host, f *ht.Fake) {
				in(frame.ModeRegister, 1)(h, f)
				f.Refuse[fiscal.OpReceipt] = kkm.ShiftTooLong
			},
			"damaged-answer": in(frame.ModeRegister, 1), "damaged-request": in(frame.ModeRegister, 1)},
	}
	leftOut := map[string]string{"crc-and-masking": "holds no bytes", "device-type": "another model's name", "full-status": "another model's figures; TestIdentityAndState has them",
		"short-status": "the paper goes between two questions; TestPaper has it", "abort-then-status": "another model's figures"}
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
				if leftOut[c.Name] == "" {
					t.Errorf("%s: case %s is neither replayed nor left out", file, c.Name)
				}
				continue
			}
			t.Run(file+"/"+c.Name, func(t *testing.T) {
				loop := clock.NewVirtual(ht.Epoch, nil)
				reg := ht.NewFake(loop)
				reg.Printer = 0
				o := Options{}
				if talk.Proto == "atol3" {
					o.Level = 3
				}
				var said []byte
				h := newHost(loop, reg, func(p []byte) { said = append(said, p...) }, o)
				prepare(h, reg)
				var items []conversation.Item
				for i, it := range c.Items { // the emulated register is quicker than the one of the talk
					if it.Wait == 0 || c.Items[i+1].Host {
						items = append(items, it)
					}
				}
				c.Items = items
				if err := conversation.Feed(context.Background(), loop, c, h.Receive, &said, 2*time.Second, same); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// same compares what the machine said with a line of the document.
func same(it conversation.Item, got []byte) error {
	if it.Flag == '!' && len(got) == len(it.Data) { // damaged on the way to the host
		return nil
	}
	if !bytes.Equal(got, it.Data) {
		return fmt.Errorf("the register said\n% X, want\n% X", got, it.Data)
	}
	return nil
}
