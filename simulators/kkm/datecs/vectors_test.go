package datecs

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/datecs/frame"
	"github.com/kkmtest/kkmtest/bench/device/serialport/conversation"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
	ht "github.com/kkmtest/kkmtest/simulators/kkm/hosttest"
)

// The host's lines of the documents go to the emulated host side, which must
// answer with the register's lines: byte for byte where the figures are the
// register's own, in number, command and length of the head where they are another
// model's. SYN is not counted: how long a command takes is nobody's rule.
func TestConversationsFromTheOtherSide(t *testing.T) {
	type set func(h *Host, f *ht.Fake)
	nothing := func(*Host, *ht.Fake) {}
	at := func(docs, receipts uint64) set {
		return func(_ *Host, f *ht.Fake) { f.Docs, f.Number[fiscal.Sale] = docs, receipts }
	}
	replayed := map[string]map[string]set{
		"datecs-p-status.txt": {"status-74": nothing,
			"receipt-status-76": func(h *Host, _ *ht.Fake) { h.last = summary{2, 78050, 78050} },
			"clock":             func(_ *Host, f *ht.Fake) { f.Clock = time.Date(2026, 11, 22, 10, 15, 30, 0, time.UTC).Sub(ht.Epoch) }},
		"datecs-p-error.txt": {"not-allowed": nothing, "unknown-command": nothing, "syntax": nothing,
			"no-paper": func(_ *Host, f *ht.Fake) { f.Paper, f.Refuse[fiscal.OpReceipt] = false, kkm.NoPaper },
			"withdraw-too-much": func(_ *Host, f *ht.Fake) {
				f.Cash, f.Refuse[fiscal.OpWithdraw] = 478050, kkm.NoCash
				f.Put, f.Taken = 500000, 100000
			}},
		"datecs-p-nak.txt": {"nak": nothing, "silence-500ms": nothing,
			"answer-lost": func(_ *Host, f *ht.Fake) { f.Cash, f.Put, f.Taken = 478050, 500000, 100000 }},
		"datecs-p-sale.txt": {"sale": at(12, 7), "card-discount": at(13, 8), "void-line-and-cancel": at(14, 9), "service-receipt": at(14, 9)},
		"datecs-p-zreport.txt": {"cash": func(_ *Host, f *ht.Fake) { f.Cash = 78050 },
			"x": func(_ *Host, f *ht.Fake) { f.Shift = 40 }, "z": func(_ *Host, f *ht.Fake) { f.Shift, f.Open = 41, true }},
		"datecs-p-journal.txt": {"last-document-and-read": func(h *Host, f *ht.Fake) {
			f.Docs, h.journal = 13, make([][]string, 12)
			f.Lines = []string{"           ТОО ИСПЫТАНИЕ", "ХЛЕБ", "2.000 x 150.00          300.00 A", "МОЛОКО                  480.50 A", "ИТОГО                   780.50"}
		}},
		"datecs-x.txt": {"sale": at(13, 13), "nak": nothing,
			"cash":   func(_ *Host, f *ht.Fake) { f.Cash = 78050 },
			"status": func(h *Host, f *ht.Fake) { h.last, f.Docs = summary{2, 78050, 78050}, 13 },
			"journal": func(h *Host, _ *ht.Fake) {
				h.journal = append(make([][]string, 13), []string{"ХЛЕБ  2.000 x 150.00   300.00", "ИТОГО                780.50"})
			}},
	}
	leftOut := map[string]string{"diagnostic-90": "another model's name", "cover-open": "the emulated register has no cover", "answer-damaged": "damaged on the way, the answer is that of the clock case",
		"z-report": "another order of sums", "error": "codes are each firmware's own"}
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
				if talk.Proto == "datecs-x" {
					o.Family = frame.X
				}
				var said []byte
				h := newHost(loop, reg, func(p []byte) { said = append(said, p...) }, o)
				prepare(h, reg)
				var items []conversation.Item
				for _, it := range c.Items { // the emulated register is quicker than SYN
					if it.Host || len(it.Data) != 1 || it.Data[0] != frame.SYN {
						items = append(items, it)
					}
				}
				c.Items = items
				if err := conversation.Feed(context.Background(), loop, c, h.Receive, &said, time.Second, func(it conversation.Item, got []byte) error { return same(o.Family, it, got) }); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// figures are the commands whose answers hold another model's figures.
var figures = map[byte]bool{frame.DailyReport: true, frame.Subtotal: true, frame.JournalP: true, frame.JournalRange: true, frame.JournalX: true, frame.CloseService: true, frame.OpenService: true}

func same(f frame.Family, it conversation.Item, got []byte) error {
	if bytes.Equal(got, it.Data) {
		return nil
	}
	d, e := frame.Decoder{Family: f, Answers: true}, frame.Decoder{Family: f, Answers: true}
	var a, b frame.Status
	for _, c := range got {
		a = d.Feed(c)
	}
	for _, c := range it.Data {
		b = e.Feed(c)
	}
	if a == frame.Whole && b == frame.Whole {
		x, y := d.Frame(), e.Frame()
		if x.Seq == y.Seq && x.Cmd == y.Cmd && figures[x.Cmd] && bytes.Equal(x.Status, y.Status) && len(f.Fields(x.Data)) == len(f.Fields(y.Data)) {
			return nil
		}
	}
	return fmt.Errorf("the register said\n% X, want\n% X", got, it.Data)
}

// A number that was executed is answered from memory and not executed again; the
// next one is executed.
func TestSameNumberIsExecutedOnce(t *testing.T) {
	for _, f := range []frame.Family{frame.P, frame.X} {
		loop := clock.NewVirtual(ht.Epoch, nil)
		reg := ht.NewFake(loop)
		var said []byte
		h := newHost(loop, reg, func(p []byte) { said = append(said, p...) }, Options{Family: f})
		data := []byte("100.00")
		if f == frame.X {
			data = f.Join("0", "100.00")
		}
		var first []byte
		for i, seq := range []byte{0x42, 0x42, 0x42, 0x43} {
			raw, err := f.Encode(frame.Frame{Seq: seq, Cmd: frame.Money, Data: data})
			if err != nil {
				t.Fatal(err)
			}
			h.Receive(raw)
			if _, err := loop.Wait(context.Background(), loop.Now().Add(time.Second), nil); err != nil {
				t.Fatal(err)
			}
			want := uint64(1)
			if seq == 0x43 {
				want = 2
			}
			said = bytes.TrimLeft(said, string([]byte{frame.SYN}))
			if reg.In != want || len(said) == 0 || i > 0 && want == 1 && !bytes.Equal(said, first) {
				t.Errorf("family %v, number %02X: %d deposits, said % X, first % X", f, seq, reg.In, said, first)
			}
			if i == 0 {
				first = said
			}
			said = nil
		}
	}
}
