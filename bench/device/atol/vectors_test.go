package atol

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/atol/frame"
	"github.com/kkmtest/kkmtest/bench/device/line"
	"github.com/kkmtest/kkmtest/bench/device/serialport/conversation"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

var epoch = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// script is what a test makes the driver do in a conversation.
type script struct {
	d *Driver
	w *line.Work
}

func ctx() context.Context { return context.Background() }

func (s *script) send(bodies ...*frame.Body) error {
	for _, b := range bodies {
		if _, err := s.d.effect(ctx(), s.w, b, "", nil); err != nil {
			return err
		}
	}
	return nil
}

func refused(err error, code byte) error {
	var no *line.Refusal
	if !errors.As(err, &no) || no.Code != int(code) {
		return fmt.Errorf("got %v, want error %02Xh", err, code)
	}
	return nil
}

func want[T comparable](what string, got, want T, err error) error {
	if err == nil && got != want {
		err = fmt.Errorf("%s = %v, want %v", what, got, want)
	}
	return err
}

func (s *script) states(states ...byte) error {
	for _, x := range states {
		st, err := s.d.short(ctx())
		if err := want("state", st.state, x, err); err != nil {
			return err
		}
	}
	return nil
}

// in puts the register into a mode from the selection of modes.
func (s *script) in(mode byte, pw uint32) error {
	s.d.mode = 0
	return s.d.enter(ctx(), s.w, mode, identity{pw: pw})
}

// packets puts the numbering of level 3 where the conversation begins.
func (s *script) packets(id, task byte) {
	c := s.d.c.(*link3)
	c.synced, c.id, c.task = true, id, task-1
}

// receipt sends what the driver's plan makes of a receipt.
func (s *script) receipt(r fiscal.Receipt) error {
	typ, err := typeOf(r.Kind)
	if err != nil {
		return err
	}
	p, err := s.d.plan(ctx(), r, typ)
	if err != nil {
		return err
	}
	all := []*frame.Body{frame.New(frame.OpenReceipt).Raw(0, typ)}
	for _, st := range p.steps {
		all = append(all, st.body)
	}
	for _, x := range p.payments {
		all = append(all, x.body(frame.Pay))
	}
	return s.send(append(all, p.closing.body(frame.Close))...)
}

var (
	vat16 = fiscal.MilliPercent(16000)
	cash  = func(n fiscal.Tiyn) fiscal.Payment { return fiscal.Payment{Kind: fiscal.Cash, Sum: n} }
)

func goods(name string, qty fiscal.Milli, price fiscal.Tiyn, section int) fiscal.Line {
	return fiscal.Line{Kind: fiscal.Goods, Name: name, Qty: qty, Price: price, Section: section, VAT: &vat16}
}

func sell(price fiscal.Tiyn) *frame.Body {
	return frame.New(frame.Sell).Raw(0).Sum(int64(price)).Sum(1000).Num(1, 1)
}

// replays says what the driver does in each conversation. A case that is not here
// fails the test: all of them must be replayed.
var replays = map[string]map[string]func(s *script) error{
	"atol2-status.txt": {
		"crc-and-masking": func(s *script) error {
			raw, err := frame.Encode([]byte{0x1F, 0, 0xFF, 0x10, 2, 3, 0x1A})
			return want("frame", fmt.Sprintf("% X", raw), "02 1F 00 FF 10 10 02 10 03 1A 03 E8", err)
		},
		"device-type": func(s *script) error {
			t, err := s.d.askType(ctx())
			if err != nil {
				return err
			}
			return want("type", *t, deviceType{protocol: 2, typ: 1, model: 42, firmware: "24.10 build 3147, Kazakh", name: "Аура-01ФР-KZ"}, nil)
		},
		"full-status": func(s *script) error {
			st, err := s.d.full(ctx())
			return want("status", st, fullStatus{clock: time.Date(2026, 11, 22, 10, 15, 30, 0, time.UTC), flags: 0x0D, serial: 12345, model: 42,
				version: "24", number: 137, lastClosed: 41}, err)
		},
		"short-status": func(s *script) error {
			a, err := s.d.short(ctx())
			if err := want("status", a, shortStatus{1, 0}, err); err != nil {
				return err
			}
			a, err = s.d.short(ctx())
			return want("status", a, shortStatus{1, frame.FlagNoPaper}, err)
		},
		"registers": func(s *script) error {
			until, err := register(ctx(), s.d, frame.RegShift, 0, func(f *frame.Fields) time.Time {
				f.Byte()
				t, _ := f.DateTime(false)
				return t
			})
			if err := want("shift until", until, time.Date(2026, 11, 23, 10, 4, 59, 0, time.UTC), err); err != nil {
				return err
			}
			c, err := s.d.money(ctx(), frame.RegCash, 7)
			return want("cash", c, 15078050, err)
		},
	},
	"atol2-error.txt": {
		"shift-over-24h": func(s *script) error { return refused(s.send(sell(15000)), frame.ErrShiftLong) },
		"wrong-password": func(s *script) error {
			return refused(s.once(frame.New(frame.EnterMode).Raw(frame.ModeZ).Num(55, 4)), frame.ErrPassword)
		},
		"wrong-mode": func(s *script) error { return refused(s.send(frame.New(frame.ZReport)), frame.ErrMode) },
		"no-paper":   func(s *script) error { return refused(s.send(payment{typ: 1}.body(frame.Close)), frame.ErrNoPaper) },
		"change-not-covered": func(s *script) error {
			return refused(s.send(payment{1, 10000}.body(frame.Close)), frame.ErrCashShort)
		},
	},
	"atol2-nak.txt": {
		"frame-nak":       func(s *script) error { return s.states(1) },
		"answer-nak":      func(s *script) error { return s.states(1) },
		"busy-then-ready": func(s *script) error { return s.states(1) },
	},
	"atol2-sale.txt": {
		"enter-mode-open-shift-sell": func(s *script) error {
			if err := s.in(frame.ModeRegister, 1); err != nil {
				return err
			}
			if err := s.send(frame.New(frame.OpenShift).Raw(0)); err != nil {
				return err
			}
			if err := s.receipt(fiscal.Receipt{Kind: fiscal.Sale, Payments: []fiscal.Payment{cash(100000)},
				Lines: []fiscal.Line{goods("Хлеб", 2000, 15000, 1), goods("Молоко", 1000, 48050, 1)}}); err != nil {
				return err
			}
			return s.states(1)
		},
		"two-payments": func(s *script) error {
			return s.receipt(fiscal.Receipt{Kind: fiscal.Sale, Discount: 50000, Lines: []fiscal.Line{goods("", 1000, 500000, 2)},
				Payments: []fiscal.Payment{cash(200000), {Kind: fiscal.Card, Sum: 300000}}})
		},
		"return-and-cancel": func(s *script) error {
			p, err := s.d.plan(ctx(), fiscal.Receipt{Kind: fiscal.SaleReturn, Lines: []fiscal.Line{goods("", 1000, 48050, 1)}, Payments: []fiscal.Payment{cash(48050)}}, frame.TypeSaleReturn)
			if err != nil {
				return err
			}
			return s.send(frame.New(frame.OpenReceipt).Raw(0, frame.TypeSaleReturn), p.steps[0].body, frame.New(frame.Cancel))
		},
	},
	"atol2-zreport.txt": {
		"cash-in-out": func(s *script) error {
			return s.send(frame.New(frame.CashIn).Raw(0).Sum(500000), frame.New(frame.CashOut).Raw(0).Sum(100000))
		},
		"x-report": func(s *script) error {
			s.d.mode = -1
			if err := s.d.report(ctx(), s.w, identity{pw: 29}, frame.ReportDaily, nil); err != nil {
				return err
			}
			return s.d.leave(ctx())
		},
		"z-report": func(s *script) error {
			if err := s.in(frame.ModeZ, 29); err != nil {
				return err
			}
			if err := s.send(frame.New(frame.ZReport)); err != nil {
				return err
			}
			st, err := s.d.while(ctx(), s.w, time.Minute, frame.StateZPrinting, frame.StateClearing)
			if err := want("state", st.state, frame.ModeZ, err); err != nil {
				return err
			}
			return s.d.leave(ctx())
		},
	},
	"atol3.txt": {
		"abort-then-status": func(s *script) error {
			st, err := s.d.full(ctx())
			return want("clock", st.clock, time.Date(2026, 11, 22, 10, 15, 30, 0, time.UTC), err)
		},
		"sale": func(s *script) error {
			s.packets(3, 2)
			if err := s.in(frame.ModeRegister, 1); err != nil {
				return err
			}
			return s.receipt(fiscal.Receipt{Kind: fiscal.Sale, Payments: []fiscal.Payment{cash(100000)},
				Lines: []fiscal.Line{goods("", 2000, 15000, 1), goods("", 1000, 48050, 1)}})
		},
		"z-report": func(s *script) error {
			s.packets(0x0D, 7)
			s.d.mode = -1
			if err := s.d.enter(ctx(), s.w, frame.ModeZ, identity{pw: 29}); err != nil {
				return err
			}
			return s.send(frame.New(frame.ZReport))
		},
		"error": func(s *script) error { s.packets(0x13, 0x0A); return refused(s.send(sell(15000)), frame.ErrShiftLong) },
		"damaged-answer": func(s *script) error {
			s.packets(0x15, 0x0B)
			return s.task(0x0B, frame.New(frame.ShortStatus), "A3 55 01 00")
		},
		"damaged-request": func(s *script) error {
			s.packets(0x16, 0x0C)
			return s.task(0x0C, frame.New(frame.ShortStatus), "A3 55 01 00")
		},
	},
}

// once sends a command without the second thought that a refusal gets which may
// speak of a damaged frame.
func (s *script) once(b *frame.Body) error {
	cmd, err := b.Bytes()
	if err != nil {
		return err
	}
	ans, err := s.d.c.exchange(ctx(), cmd, true, "once")
	if err != nil {
		return err
	}
	_, err = take(frame.Code(cmd[0]), ans)
	return err
}

// task adds a task and wants the answer to its packet; the talk ends before the
// result is acknowledged.
func (s *script) task(n byte, b *frame.Body, answer string) error {
	cmd, err := b.Bytes()
	if err != nil {
		return err
	}
	p, _, err := s.d.c.(*link3).send(ctx(), true, "a task", frame.Add, append([]byte{frame.NeedResult, n, 0, 0}, cmd...)...)
	return want("answer", fmt.Sprintf("% X", p), answer, err)
}

// All conversations of the documents: the host's bytes come from the driver and
// must be those of the conversation, the register's bytes are the conversation's.
func TestConversations(t *testing.T) {
	for _, file := range slices.Sorted(maps.Keys(replays)) {
		raw, err := os.ReadFile("../../../fixtures/vectors/serial/" + file)
		if err != nil {
			t.Fatal(err)
		}
		f, err := conversation.Read(file, raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range f.Cases {
			t.Run(file+"/"+c.Name, func(t *testing.T) {
				replay := replays[file][c.Name]
				if replay == nil {
					t.Fatal("the case is not replayed")
				}
				loop := clock.NewVirtual(epoch, nil)
				log := history.NewMemory(loop)
				p := conversation.NewPlayer(loop, c)
				o := Options{Sections: Sections{1: &vat16, 2: &vat16}, Level: Level2}
				if f.Proto == "atol3" {
					o.Level = Level3
				}
				d, err := Open(loop, p, log, o)
				if err != nil {
					t.Fatal(err)
				}
				d.typ = &deviceType{model: 42} // who it is was asked before the talk
				if err := replay(&script{d, &line.Work{}}); err != nil {
					t.Error(err)
				}
				if err := p.Err(); err != nil {
					t.Error(err)
				}
				checkRecorded(t, log.View(), c)
			})
		}
	}
}

// checkRecorded compares the bytes in the record with those of the conversation.
func checkRecorded(t *testing.T, v history.View, c conversation.Case) {
	t.Helper()
	var got, want int
	for e := range v.Events() {
		if b, ok := e.Body.(history.HostBytes); ok {
			got += len(b.Data)
			if b.Note == "" {
				t.Errorf("event %d: bytes without a note", e.Seq)
			}
		}
	}
	for _, it := range c.Items {
		want += len(it.Data)
	}
	if got != want {
		t.Errorf("%d bytes in the record, %d in the conversation", got, want)
	}
}
