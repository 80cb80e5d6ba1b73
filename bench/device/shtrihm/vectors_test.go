package shtrihm

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
	"github.com/kkmtest/kkmtest/bench/device/serialport/conversation"
	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

var epoch = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// script is what a test makes the driver do in a conversation.
type script struct {
	d *Driver
	w *work
}

func ctx() context.Context { return context.Background() }

// role sets the password of what follows.
func (s *script) role(pw uint32) { s.w.pw, s.w.aux = pw, pw }

func (s *script) effect(b *frame.Body) (*frame.Fields, error) { return s.d.effect(ctx(), s.w, b, nil) }

func (s *script) send(bodies ...*frame.Body) error {
	for _, b := range bodies {
		if _, err := s.effect(b); err != nil {
			return err
		}
	}
	return nil
}

// refused wants an error code.
func refused(err error, code byte) error {
	var no *refusal
	if !errors.As(err, &no) || no.code != code {
		return fmt.Errorf("got %v, want error %02Xh", err, code)
	}
	return nil
}

func want[T comparable](what string, got, want T, err error) error {
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%s = %v, want %v", what, got, want)
	}
	return nil
}

// receipt sends opening, lines and closing as the driver's plan has them.
func (s *script) receipt(r fiscal.Receipt, before ...*frame.Body) (change fiscal.Tiyn, err error) {
	typ, err := typeOf(r.Kind)
	if err != nil {
		return 0, err
	}
	steps, closing, err := s.d.plan(ctx(), s.w, r, typ)
	if err != nil {
		return 0, err
	}
	if err := s.send(frame.New(frame.OpenReceipt).Password(s.w.pw).Byte(typ)); err != nil {
		return 0, err
	}
	var total fiscal.Tiyn
	for _, st := range steps {
		if err := s.d.step(ctx(), s.w, st, typ, total); err != nil {
			return 0, err
		}
		total += st.adds
	}
	for _, b := range before {
		f, err := s.effect(b)
		if err != nil {
			return 0, err
		}
		if b := f.Byte(); f.Left() == 5 && fiscal.Tiyn(f.Sum()) != total {
			return 0, fmt.Errorf("operator %d: the subtotal differs from %v", b, total)
		}
	}
	f, err := s.effect(closing)
	if err != nil {
		return 0, err
	}
	f.Byte()
	return fiscal.Tiyn(f.Sum()), f.Err()
}

var vat12 = fiscal.MilliPercent(12000)

func goods(name string, qty fiscal.Milli, price fiscal.Tiyn, section int) fiscal.Line {
	return fiscal.Line{Kind: fiscal.Goods, Name: name, Qty: qty, Price: price, Section: section, VAT: &vat12}
}

func one(name string, price fiscal.Tiyn) *frame.Body {
	b := frame.New(frame.Sale).Password(1).Sum(1000).Sum(int64(price)).Byte(1).Raw([]byte{1, 0, 0, 0})
	p, _ := frame.CP1251.Encode(name)
	return b.Text(p, textField)
}

func cash(sum fiscal.Tiyn) []fiscal.Payment { return []fiscal.Payment{{Kind: fiscal.Cash, Sum: sum}} }

// replays says what the driver does in each conversation. A case that is not
// here fails the test: all of them must be replayed.
var replays = map[string]map[string]func(s *script) error{
	"shtrih-std-status.txt": {
		"device-type": func(s *script) error {
			t, err := s.d.deviceType(ctx())
			if err != nil {
				return err
			}
			return want("type", *t, deviceType{version: 1, sub: 5, model: 1, language: 3, name: "ШТРИХ-ФР-Ф-KZ"}, nil)
		},
		"short-status-idle": func(s *script) error {
			st, err := s.d.status(ctx(), 30)
			return want("status", st, shortStatus{flags: 0x03D3, mode: frame.ModeShiftClosed}, err)
		},
		"full-status": func(s *script) error {
			st, err := s.d.fullStatus(ctx(), 30)
			if err := want("status", st, fullStatus{
				firmware: "1.3 build 2741 of 2024-03-15", document: 137, flags: 0x03D3, mode: frame.ModeShiftOpen,
				clock: time.Date(2026, 11, 22, 10, 15, 30, 0, time.UTC), fm: 0x65, serial: 123456, lastClosed: 41,
			}, err); err != nil {
				return err
			}
			return want("shift open", st.shiftOpen() && !st.shiftLong(), true, nil)
		},
		"registers": func(s *script) error {
			f, err := s.d.asking(ctx(), frame.MoneyRegister, 30, 241)
			if err != nil {
				return err
			}
			f.Byte()
			if err := want("cash", f.Uint(6), 15078050, f.Err()); err != nil {
				return err
			}
			n, err := s.d.register(ctx(), 30, 152)
			if err != nil {
				return err
			}
			return want("documents", *n, 137, nil)
		},
	},
	"shtrih-std-error.txt": {
		"shift-over-24h": func(s *script) error { return refused(s.send(one("Тест", 10000)), frame.ErrShiftLong) },
		"wrong-password": func(s *script) error {
			return refused(s.send(frame.New(frame.ZReport).Password(77)), frame.ErrPassword)
		},
		"unsupported-command": func(s *script) error { return refused(s.send(frame.New(frame.Extended).Byte(1)), frame.ErrUnsupported) },
		"wrong-mode": func(s *script) error {
			return refused(s.send(frame.New(frame.SetTime).Password(30).Time(time.Date(2026, 1, 1, 10, 15, 30, 0, time.UTC))), frame.ErrMode)
		},
		"underpaid": func(s *script) error {
			b, err := s.d.closing(1, fiscal.Receipt{Payments: cash(1000)}, 0)
			if err != nil {
				return err
			}
			return refused(s.send(b), frame.ErrUnderpaid)
		},
	},
	"shtrih-std-nak.txt": {
		"host-frame-damaged": func(s *script) error { _, err := s.d.status(ctx(), 30); return err },
		"device-answer-damaged": func(s *script) error {
			f, err := s.d.asking(ctx(), frame.MoneyRegister, 30, 241)
			if err != nil {
				return err
			}
			f.Byte()
			if err := want("cash", f.Uint(6), 15078050, f.Err()); err != nil {
				return err
			}
			return s.d.l.ready(ctx()) // the conversation ends with the register idle again
		},
		"no-answer-to-frame": func(s *script) error { _, err := s.d.status(ctx(), 30); return err },
	},
	"shtrih-std-sale.txt": {
		"open-sale-sale-close": func(s *script) error {
			change, err := s.receipt(fiscal.Receipt{Kind: fiscal.Sale, Payments: cash(100000),
				Lines: []fiscal.Line{goods("Хлеб", 2000, 15000, 1), goods("Молоко", 1000, 48050, 1)}},
				frame.New(frame.Subtotal).Password(1))
			if err := want("change", change, 21950, err); err != nil {
				return err
			}
			return s.d.waitPaper(ctx(), s.w, time.Minute)
		},
		"sale-with-discount-card-and-return": func(s *script) error {
			card := []fiscal.Payment{{Kind: fiscal.Card, Sum: 450000}}
			if _, err := s.receipt(fiscal.Receipt{Kind: fiscal.Sale, Payments: card, Lines: []fiscal.Line{
				goods("Чайник", 1000, 500000, 2), {Kind: fiscal.Discount, Name: "Скидка", Sum: 50000, VAT: &vat12}}}); err != nil {
				return err
			}
			_, err := s.receipt(fiscal.Receipt{Kind: fiscal.SaleReturn, Payments: card, Lines: []fiscal.Line{goods("Чайник", 1000, 450000, 2)}})
			return err
		},
		"cancel-open-receipt": func(s *script) error {
			if err := s.send(one("Тест", 10000)); err != nil {
				return err
			}
			return s.d.cancel(ctx(), s.w, 1)
		},
	},
	"shtrih-std-zreport.txt": {
		"cash-in-out": func(s *script) error {
			for i, c := range []frame.Code{frame.CashIn, frame.CashOut} {
				f, err := s.effect(frame.New(c).Password(1).Sum([]int64{500000, 100000}[i]))
				if err != nil {
					return err
				}
				f.Byte()
				if err := want("document", f.Uint(2), uint64(138+i), f.Err()); err != nil {
					return err
				}
			}
			return nil
		},
		"x-report": func(s *script) error { return s.send(frame.New(frame.XReport).Password(30)) },
		"z-report": func(s *script) error {
			s.role(30)
			if err := s.send(frame.New(frame.ZReport).Password(30)); err != nil {
				return err
			}
			if err := s.d.finish(ctx(), s.w, time.Minute); err != nil {
				return err
			}
			return want("shift", s.w.out.Shift, 42, nil)
		},
	},
	"shtrih-std-tables-clock-text.txt": {
		"ofd-server-table": func(s *script) error {
			f, err := s.d.asking(ctx(), frame.TableStructure, 30, tableOFD)
			if err != nil {
				return err
			}
			if err := want("name", frame.CP1251.Decode(f.Text(40)), "Параметры офд", f.Err()); err != nil {
				return err
			}
			port := fieldKey{tableOFD, 2}
			st, err := s.d.field(ctx(), port)
			if err := want("structure", st, field{size: 2}, err); err != nil {
				return err
			}
			s.d.fields[port] = st
			if got, err := s.d.setting(ctx(), fiscal.SetOFDPort); err != nil || got != "7777" {
				return fmt.Errorf("port %q, %v", got, err)
			}
			p, err := s.d.pack(ctx(), st, "17777")
			if err != nil {
				return err
			}
			if err := s.send(writeField(30, port, 1, p)); err != nil {
				return err
			}
			host, err := s.d.pack(ctx(), field{char: true, size: 40}, "192.168.10.1")
			if err != nil {
				return err
			}
			if err := s.send(writeField(30, fieldKey{tableOFD, 1}, 1, host)); err != nil {
				return err
			}
			return refused(s.send(writeField(30, fieldKey{200, 1}, 1, []byte{0})), frame.ErrNoTable)
		},
		"clock": func(s *script) error { // the driver's own order is date first: doubts.md 3
			t := time.Date(2026, 11, 22, 10, 15, 30, 0, time.UTC)
			if err := s.send(frame.New(frame.SetTime).Password(30).Time(t), frame.New(frame.SetDate).Password(30).Date(t)); err != nil {
				return err
			}
			st, err := s.d.status(ctx(), 30)
			if err := want("mode", st.mode, frame.ModeConfirmDate, err); err != nil {
				return err
			}
			return s.send(frame.New(frame.ConfirmDate).Password(30).Date(t))
		},
		"text-feed-cut": func(s *script) error {
			l, err := s.d.printLine(ctx(), 1, "Испытательный стенд")
			if err != nil {
				return err
			}
			return s.send(l.body, frame.New(frame.Feed).Password(1).Byte(rollReceipt).Byte(5), frame.New(frame.Cut).Password(1).Byte(1))
		},
		"print-buffer": func(s *script) error {
			f, err := s.d.asking(ctx(), frame.PrintBuffer, 30)
			if err := want("lines", f.Uint(2), 2, err); err != nil {
				return err
			}
			f, err = s.d.asking(ctx(), frame.PrintLine, 30, 0, 0)
			if err != nil {
				return err
			}
			return want("line", frame.CP1251.Decode(f.Rest()), "ИТОГ            =780.50", nil)
		},
		"control-tape": func(s *script) error {
			f, err := s.d.asking(ctx(), frame.TapeByShift, 30, 42, 0)
			if err != nil {
				return err
			}
			if err := want("type", frame.CP1251.Decode(f.Text(16)), "ШТРИХ-ФР", f.Err()); err != nil {
				return err
			}
			for _, line := range []string{"ПРОДАЖА  00000137", "22/11/26 10:15", "=780.50"} {
				f, err := s.d.asking(ctx(), frame.TapeLine, 30)
				if err != nil {
					return err
				}
				if err := want("line", frame.CP1251.Decode(f.Rest()), line, nil); err != nil {
					return err
				}
			}
			_, err = s.d.asking(ctx(), frame.TapeLine, 30)
			return refused(err, frame.ErrNoData)
		},
	},
	"shtrih-std-kz-module.txt": {
		"identify": func(s *script) error {
			s.d.o.Coding = nil // by the language of the register
			t, err := s.d.deviceType(ctx())
			if err != nil {
				return err
			}
			if err := want("name", t.name, "ШТРИХ-ON-LINE", nil); err != nil {
				return err
			}
			st, err := s.d.status(ctx(), 30)
			if err := want("flags", st.flags, 0x83DF, err); err != nil {
				return err
			}
			p, err := s.d.readField(ctx(), fieldKey{5, 1}, 2)
			if err != nil {
				return err
			}
			if err := want("payment", frame.KZ1048.Decode(frame.Trim(p)), "ТӨЛЕМ КАРТАСЫ", nil); err != nil {
				return err
			}
			l, err := s.d.printLine(ctx(), 1, "ӘәҒғҚқҢңӨөҰұҮүҺһІі")
			if err != nil {
				return err
			}
			return s.send(l.body)
		},
		"sale-return-with-basis": func(s *script) error {
			_, err := s.receipt(fiscal.Receipt{Kind: fiscal.SaleReturn, Payments: cash(48050), Lines: []fiscal.Line{goods("Молоко", 1000, 48050, 1)},
				Parent: &fiscal.Parent{Sign: "021000000721", KKM: "010000000785", At: time.Date(2026, 11, 22, 10, 15, 30, 0, time.UTC), Total: 78050}})
			return err
		},
		"marked-goods": func(s *script) error {
			bind := func(code string) *frame.Body {
				return frame.New(frame.BindMark).Password(1).Byte(byte(len(code))).Raw([]byte(code))
			}
			_, err := s.receipt(fiscal.Receipt{Kind: fiscal.Sale, Payments: cash(110000), Lines: []fiscal.Line{goods("Товар", 2000, 55000, 1)}},
				bind("00000058644528>x1jtZzaA"), bind("00000058644528>x1guHzaB"))
			return err
		},
	},
	"shtrih-alt.txt": {
		"sync-and-status": func(s *script) error {
			st, err := s.d.status(ctx(), 30)
			return want("mode", st.mode, frame.ModeShiftClosed, err)
		},
		"fresh-device": func(s *script) error {
			t, err := s.d.deviceType(ctx())
			if err != nil {
				return err
			}
			return want("name", t.name, "YARUS-KZ", nil)
		},
		"sale": func(s *script) error {
			s.at(42)
			change, err := s.receipt(fiscal.Receipt{Kind: fiscal.Sale, Payments: cash(100000),
				Lines: []fiscal.Line{goods("Хлеб", 2000, 15000, 1), goods("Молоко", 1000, 48050, 1)}})
			return want("change", change, 21950, err)
		},
		"z-report": func(s *script) error { s.at(46); return s.send(frame.New(frame.ZReport).Password(30)) },
		"error":    func(s *script) error { s.at(47); return refused(s.send(one("Тест", 10000)), frame.ErrShiftLong) },
		"lost-answer": func(s *script) error {
			s.at(48)
			_, err := s.d.effect(ctx(), s.w, frame.New(frame.CashIn).Password(1).Sum(500000), s.d.counted(1, regDeposits, nil))
			return err
		},
		"damaged-request": func(s *script) error { s.at(49); _, err := s.d.status(ctx(), 30); return err },
	},
}

// at puts the numbering of the alternative level where the conversation begins.
func (s *script) at(num uint16) { s.d.l.alt.synced, s.d.l.alt.num = true, num }

// talks reads a file of conversations.
func talks(t *testing.T, file string) conversation.File {
	t.Helper()
	raw, err := os.ReadFile("../../../fixtures/vectors/serial/" + file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := conversation.Read(file, raw)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// All conversations of the documents: the host's bytes come from the driver and
// must be those of the conversation, the register's bytes are the conversation's.
func TestConversations(t *testing.T) {
	for _, file := range slices.Sorted(maps.Keys(replays)) {
		f := talks(t, file)
		for _, c := range f.Cases {
			if replays[file][c.Name] == nil {
				t.Errorf("%s: case %s is not replayed", file, c.Name)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(replays[file])) {
			t.Run(file+"/"+name, func(t *testing.T) {
				c, ok := f.Case(name)
				if !ok {
					t.Fatal("no such case")
				}
				loop := clock.NewVirtual(epoch, nil)
				log := history.NewMemory(loop)
				p := conversation.NewPlayer(loop, c)
				o := Options{VAT: map[fiscal.MilliPercent]int{vat12: 1}, Coding: new(frame.Coding)}
				if file == "shtrih-alt.txt" {
					o.Level = Alternative
				}
				d, err := Open(loop, p, log, o)
				if err != nil {
					t.Fatal(err)
				}
				s := &script{d, &work{pw: 1, aux: 1}}
				if err := replays[file][name](s); err != nil {
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
