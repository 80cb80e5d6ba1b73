package shtrihm

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/device/shtrihm"
	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

var levels = map[string]shtrihm.Level{"standard": shtrihm.Standard, "alternative": shtrihm.Alternative}

// counter counts the bytes of a line in both directions.
func counter(n *int) func(bool, []byte) []byte {
	return func(_ bool, p []byte) []byte { *n += len(p); return p }
}

// bytesOfSale is how many bytes a sale takes on a quiet line.
func bytesOfSale(t *testing.T, l shtrihm.Level) int {
	t.Helper()
	w := newWorld(t, shtrihm.Options{Level: l})
	n := 0
	w.line.SetFilter(counter(&n))
	w.done(receiptOp(sale()))
	if n < 400 {
		t.Fatalf("a sale of %d bytes", n)
	}
	return n
}

// sound wants that the register holds each asked receipt at most once, as it was
// entered, and those that were answered with done exactly once.
func sound(t *testing.T, w *world, outs ...fiscal.Outcome) {
	t.Helper()
	got := w.reg.receipts()
	least := 0
	for _, o := range outs {
		if o.Got == fiscal.Done {
			least++
		}
		if o.Got != fiscal.Done && o.Got != fiscal.Unknown {
			t.Errorf("outcome %+v: the register never refused", o)
		}
	}
	if len(got) < least || len(got) > len(outs) {
		t.Errorf("%d receipts on the register; asked %d times, %d done: %+v", len(got), len(outs), least, outs)
	}
	for _, r := range got {
		if !reflect.DeepEqual(r, sale()) {
			t.Errorf("the register holds\n%+v, entered was\n%+v", r, sale())
		}
	}
}

// The cable is cut at every byte of a sale, in both directions, and put back:
// the sale is registered exactly once, and so is the next one.
func TestCableCutAtEveryByte(t *testing.T) {
	for name, level := range levels {
		t.Run(name, func(t *testing.T) {
			total := bytesOfSale(t, level)
			for _, away := range []time.Duration{1500 * time.Millisecond, 20 * time.Second} {
				for cut := 0; cut < total; cut += stride {
					w := newWorld(t, shtrihm.Options{Level: level})
					seen, back := 0, time.Duration(-1)
					w.line.SetFilter(func(_ bool, p []byte) []byte {
						now := w.loop.Now().Mono
						if back >= 0 && now < back {
							return nil
						}
						left := cut - seen
						seen += len(p)
						if back < 0 && left < len(p) {
							back = now + away
							return p[:max(left, 0)]
						}
						return p
					})
					first := w.do(receiptOp(sale()))
					w.line.SetFilter(nil)
					second := w.done(receiptOp(sale()))
					sound(t, w, first, second)
					if away < 10*time.Second && first.Got != fiscal.Done {
						t.Errorf("cut at byte %d for %v: %+v", cut, away, first)
					}
					if t.Failed() {
						t.Fatalf("cut at byte %d for %v: %+v, %+v", cut, away, first, second)
					}
				}
			}
		})
	}
}

// The cable is cut for good: the outcome is unknown when the register may have
// been reached, and a later sale over a good line never doubles anything.
func TestCableCutForGood(t *testing.T) {
	total := bytesOfSale(t, shtrihm.Standard)
	for cut := 0; cut < total; cut += 3 {
		w := newWorld(t, shtrihm.Options{Timers: shtrihm.Timers{Recovery: 5 * time.Second}})
		seen := 0
		w.line.SetFilter(func(_ bool, p []byte) []byte {
			left := cut - seen
			seen += len(p)
			return p[:min(max(left, 0), len(p))]
		})
		first := w.do(receiptOp(sale()))
		if first.Got == fiscal.Done && first.Text == "" {
			t.Errorf("cut at byte %d: done without a word: %+v", cut, first)
		}
		w.line.SetFilter(nil)
		sound(t, w, first, w.done(receiptOp(sale())))
		if t.Failed() {
			t.Fatalf("cut at byte %d: %+v", cut, first)
		}
	}
}

// The register loses its power at every byte of a sale: open receipt and pending
// answer are gone, and a NAK proves nothing (3.2 rule 3).
func TestPowerCutAtEveryByte(t *testing.T) {
	for name, level := range levels {
		t.Run(name, func(t *testing.T) {
			total := bytesOfSale(t, level)
			for cut := 0; cut < total; cut += stride {
				w := newWorld(t, shtrihm.Options{Level: level})
				w.reg.delay = 50 * time.Millisecond
				seen := 0
				struck := false
				w.line.SetFilter(func(_ bool, p []byte) []byte {
					seen += len(p)
					if seen > cut && !struck {
						struck = true
						w.loop.Post(func() {
							w.reg.power(false)
							w.host.Reset()
							w.loop.AfterFunc(time.Second, func() { w.reg.power(true) })
						})
					}
					return p
				})
				first := w.do(receiptOp(sale()))
				w.pass(2 * time.Second)
				second := w.done(receiptOp(sale()))
				sound(t, w, first, second)
				if t.Failed() {
					t.Fatalf("power cut at byte %d: %+v, %+v", cut, first, second)
				}
			}
		})
	}
}

// One byte of a sale is damaged, lost or doubled, or a stranger is put in: each
// at every place, in both directions.
func TestOneBadByteAnywhere(t *testing.T) {
	faults := map[string]func(p []byte, i int) []byte{
		"flipped": func(p []byte, i int) []byte { p[i] ^= 0x10; return p },
		"lost":    func(p []byte, i int) []byte { return append(p[:i], p[i+1:]...) },
		"doubled": func(p []byte, i int) []byte { return append(p[:i+1], p[i:]...) },
		"NAK":     func(p []byte, i int) []byte { return bytes.Join([][]byte{p[:i], {frame.NAK}, p[i:]}, nil) },
		"ACK":     func(p []byte, i int) []byte { return bytes.Join([][]byte{p[:i], {frame.ACK}, p[i:]}, nil) },
		"STX":     func(p []byte, i int) []byte { return bytes.Join([][]byte{p[:i], {frame.STX}, p[i:]}, nil) },
		"ENQ":     func(p []byte, i int) []byte { return bytes.Join([][]byte{p[:i], {frame.ENQ}, p[i:]}, nil) },
	}
	for lname, level := range levels {
		total := bytesOfSale(t, level)
		for name, fault := range faults {
			t.Run(lname+"/"+name, func(t *testing.T) {
				for at := 0; at < total; at += stride {
					w := newWorld(t, shtrihm.Options{Level: level})
					seen := 0
					w.line.SetFilter(func(_ bool, p []byte) []byte {
						i := at - seen
						seen += len(p)
						if i >= 0 && i < len(p) {
							return fault(bytes.Clone(p), i)
						}
						return p
					})
					first := w.do(receiptOp(sale()))
					w.line.SetFilter(nil)
					second := w.done(receiptOp(sale()))
					sound(t, w, first, second)
					if t.Failed() {
						t.Fatalf("byte %d %s: %+v, %+v", at, name, first, second)
					}
				}
			})
		}
	}
}

// A line that damages one byte in forty, for a whole run of sales, with seeds.
func TestNoisyLine(t *testing.T) {
	for name, level := range levels {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(12) {
				w := newWorld(t, shtrihm.Options{Level: level})
				rng := rand.New(rand.NewPCG(seed, 1))
				w.line.SetFilter(func(_ bool, p []byte) []byte {
					for i := range p {
						if rng.IntN(40) == 0 {
							p[i] = byte(rng.Uint32())
						}
					}
					return p
				})
				var outs []fiscal.Outcome
				for range 4 {
					outs = append(outs, w.do(receiptOp(sale())))
				}
				w.line.SetFilter(nil)
				outs = append(outs, w.done(receiptOp(sale())))
				got := w.reg.receipts()
				done := 0
				for _, o := range outs {
					if o.Got == fiscal.Done {
						done++
					}
				}
				if len(got) < done || len(got) > len(outs) {
					t.Errorf("seed %d: %d receipts, %d done of %d: %+v", seed, len(got), done, len(outs), outs)
				}
			}
		})
	}
}

// A storm of NAK, ACK or garbage from the register's side ends with an unknown
// or done sale, never with two.
func TestStorms(t *testing.T) {
	for name, b := range map[string][]byte{"NAK": {frame.NAK}, "ACK": {frame.ACK}, "FFh": {0xFF}, "STX": {frame.STX}, "start of an answer": {2, 0x15, 0x85, 0}} {
		t.Run(name, func(t *testing.T) {
			for _, every := range []time.Duration{time.Millisecond, 17 * time.Millisecond, 333 * time.Millisecond} {
				w := newWorld(t, shtrihm.Options{Timers: shtrihm.Timers{Recovery: 2 * time.Second, Patience: 5 * time.Second}})
				stop := w.loop.Now().Mono + 30*time.Second
				var storm func()
				storm = func() {
					if w.loop.Now().Mono < stop {
						w.line.DeviceSend(b)
						w.loop.AfterFunc(every, storm)
					}
				}
				storm()
				first := w.do(receiptOp(sale()))
				w.pass(time.Minute)
				sound(t, w, first, w.done(receiptOp(sale())))
			}
		})
	}
}

// A register that says NAK to every frame, and one that never answers anything.
func TestDeafRegisters(t *testing.T) {
	for name, filter := range map[string]func(toDevice bool, p []byte) []byte{
		"frames never arrive": func(toDevice bool, p []byte) []byte {
			if toDevice && len(p) > 1 {
				p[len(p)-1] ^= 1
			}
			return p
		},
		"nothing comes back": func(toDevice bool, p []byte) []byte {
			if toDevice {
				return p
			}
			return nil
		},
		"no acknowledgement reaches the register": func(toDevice bool, p []byte) []byte {
			if toDevice && len(p) == 1 && p[0] == frame.ACK {
				return nil
			}
			return p
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, shtrihm.Options{Timers: shtrihm.Timers{Recovery: 5 * time.Second}})
			w.line.SetFilter(filter)
			first := w.do(receiptOp(sale()))
			if name == "nothing comes back" && (first.Got != fiscal.Unknown || !strings.Contains(first.Text, "ENQ")) {
				t.Errorf("%+v", first)
			}
			w.line.SetFilter(nil)
			sound(t, w, first, w.done(receiptOp(sale())))
		})
	}
}

// The answer of an earlier command is read, acknowledged and kept apart.
func TestStaleAnswer(t *testing.T) {
	w := newWorld(t, shtrihm.Options{})
	w.host.line.level = standard
	w.host.line.pending, _ = frame.Encode([]byte{byte(frame.CashIn), 0, 1, 9, 0})
	out := w.done(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 500})
	if out.Doc != 1 || w.reg.in != 1 {
		t.Errorf("%+v, %d deposits: the stale answer was taken for the new one", out, w.reg.in)
	}
	found := false
	for e := range w.log.View().Events() {
		b, ok := e.Body.(history.HostBytes)
		found = found || ok && strings.Contains(b.Note, "earlier command")
	}
	if !found {
		t.Error("the record does not tell of the stale answer")
	}
}

// A line that echoes what the host sends.
func TestEcho(t *testing.T) {
	for name, level := range levels {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, shtrihm.Options{Level: level})
			w.line.SetFilter(func(toDevice bool, p []byte) []byte {
				if toDevice && len(p) > 1 {
					echo := bytes.Clone(p)
					w.loop.Post(func() { w.line.DeviceSend(echo) })
				}
				return p
			})
			out := w.done(receiptOp(sale()))
			sound(t, w, out)
		})
	}
}

// The answer to 85h takes as long as the OFD: the frame is acknowledged at once.
func TestSlowOFD(t *testing.T) {
	for name, level := range levels {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, shtrihm.Options{Level: level})
			w.reg.delay = 45 * time.Second // longer than the 30 s after which the host looks again
			out := w.done(receiptOp(sale()))
			sound(t, w, out)
			if out.Text != "" {
				t.Errorf("text %q: the answer came", out.Text)
			}
		})
	}
}

// Lost answers of the other effects: proved by their counters, never doubled.
func TestLostAnswersOfOtherEffects(t *testing.T) {
	for _, op := range []fiscal.Op{
		{Kind: fiscal.OpDeposit, Cash: 500}, {Kind: fiscal.OpWithdraw, Cash: 500}, {Kind: fiscal.OpXReport}, {Kind: fiscal.OpZReport},
		{Kind: fiscal.OpSetClock, Clock: epoch.Add(48 * time.Hour)}, {Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDPort, Value: "5"},
	} {
		t.Run(string(op.Kind), func(t *testing.T) {
			quiet := newWorld(t, shtrihm.Options{})
			total := 0
			quiet.line.SetFilter(counter(&total))
			quiet.done(op)
			for cut := 0; cut < total; cut += stride {
				w := newWorld(t, shtrihm.Options{})
				w.reg.open = true
				seen, back := 0, time.Duration(-1)
				w.line.SetFilter(func(_ bool, p []byte) []byte {
					now := w.loop.Now().Mono
					if back >= 0 && now < back {
						return nil
					}
					left := cut - seen
					seen += len(p)
					if back < 0 && left < len(p) {
						back = now + 2*time.Second
						return p[:max(left, 0)]
					}
					return p
				})
				out := w.do(op)
				n := 0
				for _, got := range w.reg.ops {
					if got.Kind == op.Kind {
						n++
					}
				}
				most := 1
				if op.Kind == fiscal.OpSetClock || op.Kind == fiscal.OpSetSetting {
					most = 4 // setting twice is setting once
				}
				if out.Got != fiscal.Done || n < 1 || n > most {
					t.Fatalf("cut at byte %d: %+v, executed %d times", cut, out, n)
				}
			}
		})
	}
}

// The host side takes any bytes without failing, and stays able to talk.
func FuzzReceive(f *testing.F) {
	f.Add([]byte{frame.ENQ, frame.STX, 5, 0x10, 30, 0, 0, 0, 0x0B}, uint8(3))
	f.Add([]byte{frame.AltSTX, 0, 0, 0x0F, 0x1D}, uint8(1))
	f.Add([]byte{frame.STX, 9, 0x1E, 30, 0, 0, 0, 19, 1, 0, 2, 0xFF}, uint8(9))
	f.Fuzz(func(t *testing.T, p []byte, step uint8) {
		w := newWorld(t, shtrihm.Options{})
		for i := 0; i < len(p); i += int(step) + 1 {
			w.host.Receive(p[i:min(len(p), i+int(step)+1)])
			w.pass(7 * time.Millisecond)
		}
		w.pass(time.Minute)
		if w.host.line.level == alternative {
			return
		}
		if out := w.do(fiscal.Op{Kind: fiscal.OpXReport}); out.Got == fiscal.Unknown {
			t.Fatalf("after % X: %+v", p, out)
		}
	})
}

// Command bodies of any length go to every handler.
func FuzzCommand(f *testing.F) {
	for code := range handlers {
		f.Add(byte(code), []byte{30, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0})
	}
	f.Fuzz(func(t *testing.T, code byte, rest []byte) {
		w := newWorld(t, shtrihm.Options{})
		w.reg.delay = 0
		for range 2 {
			n := 0
			w.host.command(append([]byte{code}, rest...), func(b *frame.Body) {
				n++
				if p, err := b.Bytes(); err == nil && (len(p) < 2 || len(p) > frame.MaxBody) {
					t.Fatalf("answer of %d bytes", len(p))
				}
			})
			w.pass(time.Second)
			if n != 1 {
				t.Fatalf("%02X % X: %d answers", code, rest, n)
			}
		}
	})
}
