package datecs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/datecs/frame"
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

func want[T comparable](what string, got, want T, err error) error {
	if err == nil && got != want {
		err = fmt.Errorf("%s = %v, want %v", what, got, want)
	}
	return err
}

// send sends a command whose answer is not a refusal.
func (s *script) send(cmd byte, data string) (reply, error) {
	return s.d.carry(ctx(), cmd, []byte(data), "a command", true)
}

// all sends commands one after another.
func (s *script) all(steps ...step) error {
	for _, x := range steps {
		if _, err := s.send(x.cmd, string(x.data)); err != nil {
			return err
		}
	}
	return nil
}

// refused wants a refusal with a code.
func (s *script) refused(cmd byte, data string, code int) error {
	_, err := s.send(cmd, data)
	var no *line.Refusal
	if !errors.As(err, &no) || no.Code != code {
		return fmt.Errorf("got %v, want a refusal with code %X", err, code)
	}
	return nil
}

// receipt sends what the driver's plan makes of a receipt; between stands before
// the payments.
func (s *script) receipt(r fiscal.Receipt, between ...step) (change fiscal.Tiyn, err error) {
	p, err := s.d.plan(r, operator{number: 1, pw: factoryPassword}, false)
	if err != nil {
		return 0, err
	}
	if err := s.all(append(append([]step{p.open}, p.steps...), between...)...); err != nil {
		return 0, err
	}
	for _, x := range p.payments {
		data := "\t" + x.mode + x.sum.String()
		if s.d.o.Family == frame.X {
			data = string(s.d.o.Family.Join(x.mode, x.sum.String(), ""))
		}
		r, err := s.send(frame.Pay, data)
		if err == nil {
			err = s.d.paymentTaken(s.w, r)
		}
		if err != nil {
			return 0, err
		}
	}
	_, err = s.send(frame.CloseReceipt, "")
	return s.w.Out.Change, err
}

var vat = fiscal.MilliPercent(16000)

func goods(name string, qty fiscal.Milli, price fiscal.Tiyn) fiscal.Line {
	return fiscal.Line{Kind: fiscal.Goods, Name: name, Qty: qty, Price: price, Section: 1, VAT: &vat}
}

func cash(n fiscal.Tiyn) []fiscal.Payment { return []fiscal.Payment{{Kind: fiscal.Cash, Sum: n}} }

func breadAndMilk() fiscal.Receipt {
	return fiscal.Receipt{Kind: fiscal.Sale, Payments: cash(100000), Lines: []fiscal.Line{goods("Хлеб", 2000, 15000), goods("Молоко", 1000, 48050)}}
}

// from puts the numbers where the conversation begins.
func (s *script) from(seq byte) { s.d.c.seq = seq }

func (s *script) cash(by fiscal.Tiyn, want fiscal.Tiyn) error {
	data := by.String()
	if s.d.o.Family == frame.X {
		data = string(s.d.o.Family.Join(pick(by > 0, "0", "1"), max(by, -by).String()))
	}
	r, err := s.send(frame.Money, data)
	if err != nil {
		return err
	}
	ok, m, err := s.d.moneyOf(r)
	if err == nil && (!ok || m.cash != want) {
		err = fmt.Errorf("%v, %+v, want %v in the drawer", ok, m, want)
	}
	return err
}

// replays says what the driver does in each conversation. A case that is not here
// fails the test: all of them must be replayed.
var replays = map[string]map[string]func(s *script) error{
	"datecs-p-status.txt": {
		"status-74": func(s *script) error { s.from(0x20); _, err := s.send(frame.GetStatus, ""); return err },
		"receipt-status-76": func(s *script) error {
			s.from(0x21)
			st, err := s.d.receiptState(ctx())
			return want("receipt", st, stateOf{items: 2, sum: 78050, paid: 78050}, err)
		},
		"clock": func(s *script) error {
			s.from(0x22)
			t, err := s.d.clock(ctx())
			if err := want("clock", t, time.Date(2026, 11, 22, 10, 15, 30, 0, time.UTC), err); err != nil {
				return err
			}
			_, err = s.send(frame.SetClock, time.Date(2026, 11, 22, 10, 16, 0, 0, time.UTC).Format(clockLayout))
			return err
		},
		"diagnostic-90": func(s *script) error {
			s.from(0x24)
			s.d.info = nil
			i, err := s.d.deviceInfo(ctx())
			if err != nil {
				return err
			}
			return want("information", *i, deviceInfo{"FP-800", "1.00BG 23NOV18 1300", "DT000600", "02000600"}, nil)
		},
	},
	"datecs-p-error.txt": {
		"not-allowed":     func(s *script) error { s.from(0x3A); return s.refused(frame.Pay, "\tP1000.00", 0xA08280) },
		"unknown-command": func(s *script) error { s.from(0x3B); return s.refused(0xFE, "", 0xA28080) },
		"syntax":          func(s *script) error { s.from(0x3C); return s.refused(frame.SetClock, "32-13-26", 0xA18080) },
		"no-paper": func(s *script) error {
			s.from(0x3D)
			r, err := s.send(frame.OpenReceipt, "1,0000,1")
			return want("no paper", frame.NoPaper(r.status), true, err)
		},
		"cover-open": func(s *script) error {
			s.from(0x3E)
			r, err := s.send(frame.GetStatus, "X")
			return want("status", frame.StatusText(r.status), "cover open", err)
		},
		"withdraw-too-much": func(s *script) error {
			s.from(0x3F)
			r, err := s.send(frame.Money, "-9999999.00")
			if err != nil {
				return err
			}
			ok, m, err := s.d.moneyOf(r)
			return want("denied", fmt.Sprint(ok, m), fmt.Sprint(false, drawer{488050 - 10000, 500000, 100000}), err)
		},
	},
	"datecs-p-nak.txt": {
		"nak":            func(s *script) error { s.from(0x40); _, err := s.send(frame.GetStatus, "X"); return err },
		"silence-500ms":  func(s *script) error { s.from(0x41); _, err := s.send(frame.GetStatus, "X"); return err },
		"answer-lost":    func(s *script) error { s.from(0x42); return s.cash(10000, 488050) },
		"answer-damaged": func(s *script) error { s.from(0x43); _, err := s.d.clock(ctx()); return err },
	},
	"datecs-p-sale.txt": {
		"sale": func(s *script) error {
			s.from(0x25)
			change, err := s.receipt(breadAndMilk(), step{cmd: frame.Subtotal, data: []byte("10")})
			return want("change", change, 21950, err)
		},
		"card-discount": func(s *script) error { // the driver itself sends discounts by sum
			s.from(0x2B)
			return s.all(step{cmd: frame.OpenReceipt, data: []byte("1,0000,1")}, step{cmd: frame.Sale, data: append(encode("Чайник"), "\tA5000.00,-10.00"...)},
				step{cmd: frame.Pay, data: []byte("\tD4500.00")}, step{cmd: frame.CloseReceipt})
		},
		"void-line-and-cancel": func(s *script) error {
			s.from(0x2F)
			p, err := s.d.plan(fiscal.Receipt{Kind: fiscal.Sale, Payments: cash(1), Lines: []fiscal.Line{goods("Хлеб", 1000, 15000),
				{Kind: fiscal.GoodsStorno, Name: "Хлеб", Qty: 1000, Price: 15000, VAT: &vat}}}, operator{number: 1, pw: factoryPassword}, false)
			if err != nil {
				return err
			}
			return s.all(append(append([]step{p.open}, p.steps...), step{cmd: frame.Cancel})...)
		},
		"service-receipt": func(s *script) error {
			s.from(0x33)
			return s.all(step{cmd: frame.OpenService}, step{cmd: frame.ServiceText, data: encode("Испытательный стенд")}, step{cmd: frame.CloseService})
		},
	},
	"datecs-p-zreport.txt": {
		"cash": func(s *script) error {
			s.from(0x36)
			if err := s.cash(500000, 578050); err != nil {
				return err
			}
			return s.cash(-100000, 478050)
		},
		"x": func(s *script) error {
			s.from(0x38)
			r, err := s.send(frame.DailyReport, "2")
			return want("closure", r.at(0), "0041", err)
		},
		"z": func(s *script) error {
			s.from(0x39)
			r, err := s.send(frame.DailyReport, "0")
			return want("closure", r.at(0), "0042", err)
		},
	},
	"datecs-p-journal.txt": {
		"last-document-and-read": func(s *script) error {
			s.from(0x44)
			n, err := s.d.document(ctx())
			if err := want("document", n, 13, err); err != nil {
				return err
			}
			if n, err = s.d.newest(ctx()); err != nil || n != 13 {
				return fmt.Errorf("newest %d, %v", n, err)
			}
			lines, err := s.d.readDocument(ctx(), 13)
			if err := want("text", strings.Join(lines, "|"), "           ТОО ИСПЫТАНИЕ|ХЛЕБ|2.000 x 150.00          300.00 A|МОЛОКО                  480.50 A|ИТОГО                   780.50", err); err != nil {
				return err
			}
			r, err := s.send(frame.JournalP, "N")
			return want("end", r.at(0), "F", err)
		},
	},
	"datecs-x.txt": {
		"status": func(s *script) error {
			s.from(0x20)
			if _, err := s.send(frame.GetStatus, ""); err != nil {
				return err
			}
			s.from(0x4D)
			st, err := s.d.receiptState(ctx())
			return want("receipt", st, stateOf{number: 13, items: 2, sum: 78050, paid: 78050}, err)
		},
		"sale": func(s *script) error {
			s.from(0x4E)
			change, err := s.receipt(breadAndMilk(), step{cmd: frame.Subtotal, data: []byte("1\t0\t0\t\t")})
			return want("change", change, 21950, err)
		},
		"z-report": func(s *script) error {
			s.from(0x54)
			r, err := s.send(frame.DailyReport, "Z\t")
			return want("report", r.at(0), "42", err)
		},
		"cash": func(s *script) error {
			s.from(0x55)
			if err := s.cash(500000, 578050); err != nil {
				return err
			}
			return s.cash(-100000, 478050)
		},
		"error": func(s *script) error {
			s.from(0x57)
			_, err := s.send(frame.Pay, "0\t1000.00\t\t")
			err = s.d.explain(ctx(), err)
			var no *line.Refusal
			if !errors.As(err, &no) || no.Code != -111560 || !strings.Contains(no.Text, "пояснение") {
				return fmt.Errorf("got %v, want error -111560 with its explanation", err)
			}
			return nil
		},
		"nak": func(s *script) error { s.from(0x59); _, err := s.send(frame.GetStatus, ""); return err },
		"journal": func(s *script) error {
			s.from(0x5A)
			n, err := s.d.newest(ctx())
			if err := want("newest", n, 14, err); err != nil {
				return err
			}
			lines, err := s.d.readDocument(ctx(), 14)
			return want("text", strings.Join(lines, "|"), "ХЛЕБ  2.000 x 150.00   300.00|ИТОГО                780.50", err)
		},
	},
}

func encode(s string) []byte {
	p, err := new(Driver).coding().Encode(s)
	if err != nil {
		panic(err)
	}
	return p
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
				o := Options{Groups: &Groups{Rates: map[fiscal.MilliPercent]int{vat: 1}}}
				if f.Proto == "datecs-x" {
					o.Family = frame.X
				}
				d, err := Open(loop, p, log, o)
				if err != nil {
					t.Fatal(err)
				}
				d.c.synced, d.info = true, &deviceInfo{} // both came before the talk
				if err := replay(&script{d, &line.Work{}}); err != nil {
					t.Error(err)
				}
				if err := p.Err(); err != nil {
					t.Error(err)
				}
				var got, want int
				for e := range log.View().Events() {
					if b, ok := e.Body.(history.HostBytes); ok {
						got += len(b.Data)
						if b.Note == "" {
							t.Errorf("event %d: bytes without a note", e.Seq)
						}
					}
				}
				for _, it := range c.Items {
					if !(it.Flag == 'x' && !it.Host) { // what was lost on the way to the host is not in its record
						want += len(it.Data)
					}
				}
				if got != want {
					t.Errorf("%d bytes in the record, %d in the conversation", got, want)
				}
			})
		}
	}
}
