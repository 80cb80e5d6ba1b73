package probe_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	datecsframe "github.com/kkmtest/kkmtest/bench/device/datecs/frame"
	"github.com/kkmtest/kkmtest/bench/device/probe"
	"github.com/kkmtest/kkmtest/bench/device/serialport"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
	"github.com/kkmtest/kkmtest/simulators/kkm/atol"
	"github.com/kkmtest/kkmtest/simulators/kkm/datecs"
	"github.com/kkmtest/kkmtest/simulators/kkm/shtrihm"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

var epoch = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// nobody refuses every connection: the register works offline.
type nobody struct{ loop clock.Loop }

func (n nobody) Dial(_, _ string, _ int, ev stream.Events) stream.Conn {
	n.loop.Post(func() { ev.Closed(stream.ErrRefused) })
	return deaf{}
}

type deaf struct{}

func (deaf) Send([]byte) {}
func (deaf) Close()      {}
func (deaf) Reset()      {}

// side puts a protocol on a register.
type side func(loop clock.Loop, r *kkm.Register, send func([]byte)) func([]byte)

var sides = map[string]side{
	"shtrih-m": func(l clock.Loop, r *kkm.Register, send func([]byte)) func([]byte) {
		return shtrihm.New(l, r, send, shtrihm.Options{ByteTimeout: 100 * time.Millisecond}).Receive
	},
	"atol": func(l clock.Loop, r *kkm.Register, send func([]byte)) func([]byte) {
		return atol.New(l, r, send, atol.Options{}).Receive
	},
	"atol level=3": func(l clock.Loop, r *kkm.Register, send func([]byte)) func([]byte) {
		return atol.New(l, r, send, atol.Options{Level: 3}).Receive
	},
	"datecs": func(l clock.Loop, r *kkm.Register, send func([]byte)) func([]byte) {
		return datecs.New(l, r, send, datecs.Options{}).Receive
	},
	"datecs family=x": func(l clock.Loop, r *kkm.Register, send func([]byte)) func([]byte) {
		return datecs.New(l, r, send, datecs.Options{Family: datecsframe.X}).Receive
	},
}

// register is an emulated one that has sold once: a document too many would show.
func register(t *testing.T, loop clock.Loop) (*kkm.Register, *kkm.RAM) {
	t.Helper()
	raw, err := os.ReadFile("../../../fixtures/emulator/section-1.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := kkm.LoadProfile("section-1.yaml", raw)
	if err != nil {
		t.Fatal(err)
	}
	p.Channels, p.Printer.Speed = p.Channels[:1], 1000
	p.Limits.Answer, p.Limits.Transaction, p.Limits.Connect, p.Limits.Retry = time.Second, time.Second, 10*time.Millisecond, 10*time.Millisecond
	p.Limits.Reconnect = time.Hour // it tries nothing by itself while it is looked at
	ram := new(kkm.RAM)
	r, err := kkm.New(loop, p, nobody{loop}, kkm.Options{Seed: 1, Memory: ram})
	if err != nil {
		t.Fatal(err)
	}
	loop.Post(func() { r.Power(true) })
	wait := func(what string, ready func() bool) {
		t.Helper()
		if ok, err := loop.Wait(t.Context(), loop.Now().Add(time.Minute), ready); err != nil || !ok {
			t.Fatalf("%s: %v, %v", what, ok, err)
		}
	}
	wait("self-test", func() bool { s := r.State(); return s.On && !s.Testing })
	x := &fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{{Kind: fiscal.Goods, Name: "Нан", Section: 1, Qty: 1000, Price: 25050}}, Payments: []fiscal.Payment{{Kind: fiscal.Cash, Sum: 25050}}}
	done := false
	loop.Post(func() {
		r.Do(fiscal.Op{Kind: fiscal.OpReceipt, Receipt: x}, func(p kkm.Reply) { done = p.Got == fiscal.Done })
	})
	wait("sale", func() bool { return done && !r.Printing() })
	return r, ram
}

// untouched holds what must not change.
func untouched(t *testing.T, loop clock.Loop, r *kkm.Register, ram *kkm.RAM) (check func()) {
	t.Helper()
	look := func() (s string) {
		done := false
		loop.Post(func() {
			records, _ := ram.Records()
			st := r.State()
			s, done = fmt.Sprint(len(records), r.Printed(), st.LastDoc, st.Cash, st.ShiftOpen, st.Receipts), true
		})
		if _, err := loop.Wait(t.Context(), loop.Now().Add(time.Second), func() bool { return done }); err != nil {
			t.Fatal(err)
		}
		return s
	}
	before := look()
	return func() {
		t.Helper()
		if after := look(); after != before {
			t.Errorf("probing has left\n%s\nbefore it was\n%s", after, before)
		}
	}
}

// line is a serial line in memory whose device has a speed of its own: at
// another one every byte arrives as noise.
func line(loop clock.Loop, speed int, receive func(send func([]byte)) func([]byte), seed uint64) probe.Line {
	l := serialport.NewLine(loop, speed)
	noise := rand.New(rand.NewPCG(seed, 1))
	l.Attach(receive(l.DeviceSend))
	return probe.Line{Loop: loop, Speeds: probe.Speeds, Open: func(_ context.Context, baud int) (device.Port, error) {
		l.SetFilter(nil)
		if baud != speed {
			l.SetFilter(func(_ bool, p []byte) []byte {
				for i := range p {
					p[i] = byte(noise.Uint32())
				}
				return p
			})
		}
		return l.Host(), nil
	}}
}

// Every protocol at every usual speed is found in less than 20 s, and nothing
// is printed or changed.
func TestFind(t *testing.T) {
	for name, host := range sides {
		for i, speed := range probe.Speeds {
			t.Run(fmt.Sprintf("%s at %d", name, speed), func(t *testing.T) {
				loop := clock.NewVirtual(epoch, nil)
				r, ram := register(t, loop)
				l := line(loop, speed, func(send func([]byte)) func([]byte) { return host(loop, r, send) }, uint64(i))
				check := untouched(t, loop, r, ram)
				began := loop.Now()
				f, err := probe.Find(t.Context(), l)
				if err != nil {
					t.Fatal(err)
				}
				got := f.Protocol
				// Noise of a wrong speed may have switched the emulated register's link level.
				if f.Variant != "" && f.Variant != "alternative level" {
					got += " " + f.Variant
				}
				if got != name || f.Baud != speed || f.Model == "" || f.Type == "" {
					t.Errorf("%+v", f)
				}
				if d := loop.Now().Mono - began.Mono; d >= 20*time.Second {
					t.Errorf("it took %v", d)
				}
				if _, err := loop.Wait(t.Context(), loop.Now().Add(10*time.Second), nil); err != nil {
					t.Fatal(err)
				}
				check()
			})
		}
	}
}

// Lines without a register: silence, an echo, a stream of noise, a printer that
// answers statuses. None is taken for one, and the search ends.
func TestNothing(t *testing.T) {
	for name, answer := range map[string]func(send func([]byte)) func([]byte){
		"silence": func(func([]byte)) func([]byte) { return func([]byte) {} },
		"echo":    func(send func([]byte)) func([]byte) { return send },
		"noise": func(send func([]byte)) func([]byte) {
			r := rand.New(rand.NewPCG(7, 7))
			return func(p []byte) {
				for range 40 {
					send([]byte{byte(r.Uint32())})
				}
			}
		},
		"acknowledges everything": func(send func([]byte)) func([]byte) { return func(p []byte) { send([]byte{0x06}) } },
		"refuses everything":      func(send func([]byte)) func([]byte) { return func(p []byte) { send([]byte{0x15}) } },
		"is busy for ever":        func(send func([]byte)) func([]byte) { return func(p []byte) { send([]byte{0x16}) } },
	} {
		t.Run(name, func(t *testing.T) {
			loop := clock.NewVirtual(epoch, nil)
			began := loop.Now()
			f, err := probe.Find(t.Context(), line(loop, probe.Speeds[0], answer, 3))
			if !errors.Is(err, probe.ErrNothing) {
				t.Errorf("%+v, %v", f, err)
			}
			if d := loop.Now().Mono - began.Mono; d >= 60*time.Second {
				t.Errorf("it took %v", d)
			}
		})
	}
}

// A Shtrih-M register that still holds an answer for an earlier host is found.
func TestStaleAnswer(t *testing.T) {
	loop := clock.NewVirtual(epoch, nil)
	r, ram := register(t, loop)
	l := serialport.NewLine(loop, 115200)
	l.Attach(sides["shtrih-m"](loop, r, l.DeviceSend))
	p := l.Host()
	// A host that asks and goes away before it takes the answer.
	for _, s := range []string{"\x05", "\x02\x01\xfc\xfd"} {
		if err := p.Write(t.Context(), []byte(s)); err != nil {
			t.Fatal(err)
		}
		if _, err := loop.Wait(t.Context(), loop.Now().Add(time.Second), nil); err != nil {
			t.Fatal(err)
		}
	}
	check := untouched(t, loop, r, ram)
	f, err := probe.Find(t.Context(), probe.Line{Loop: loop, Speeds: []int{115200}, Open: func(context.Context, int) (device.Port, error) { return p, nil }})
	if err != nil || f.Protocol != "shtrih-m" {
		t.Errorf("%+v, %v", f, err)
	}
	check()
}

// Real pseudo terminals in real time: each protocol in less than 20 s, every byte told.
func TestOverPTY(t *testing.T) {
	for name, host := range sides {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			loop := clock.NewReal()
			t.Cleanup(loop.Close)
			r, ram := register(t, loop)
			path, stop, err := serialport.ServePTY(loop, 115200, func(send func([]byte)) func([]byte) { return host(loop, r, send) })
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = stop() })
			check := untouched(t, loop, r, ram)
			began, told := time.Now(), 0
			f, err := probe.Find(t.Context(), probe.Line{Loop: loop, Speeds: probe.Speeds, Note: func(w probe.Wire) { told += len(w.Data) },
				Open: func(_ context.Context, baud int) (device.Port, error) { return serialport.OpenSerial(loop, path, baud) }})
			got := f.Protocol
			if f.Variant != "" {
				got += " " + f.Variant
			}
			if err != nil || got != name || told < 10 {
				t.Errorf("%+v, %v, %d bytes told", f, err, told)
			}
			if d := time.Since(began); d >= 20*time.Second {
				t.Errorf("it took %v", d)
			}
			check()
		})
	}
}

// A register that was switched to the alternative level is found.
func TestAlternativeLevel(t *testing.T) {
	loop := clock.NewVirtual(epoch, nil)
	r, ram := register(t, loop)
	l := serialport.NewLine(loop, 57600)
	l.Attach(sides["shtrih-m"](loop, r, l.DeviceSend))
	if err := l.Host().Write(t.Context(), []byte("\x8f\x00\x00\x0f\x1d")); err != nil { // as its host did
		t.Fatal(err)
	}
	if _, err := loop.Wait(t.Context(), loop.Now().Add(time.Second), nil); err != nil {
		t.Fatal(err)
	}
	check := untouched(t, loop, r, ram)
	f, err := probe.Find(t.Context(), probe.Line{Loop: loop, Speeds: []int{57600}, Open: func(context.Context, int) (device.Port, error) { return l.Host(), nil }})
	if err != nil || f.Protocol != "shtrih-m" || f.Variant != "alternative level" || f.Model == "" {
		t.Errorf("%+v, %v", f, err)
	}
	check()
}

// A port that cannot be opened is the caller's business and ends the search.
func TestNoPort(t *testing.T) {
	loop := clock.NewVirtual(epoch, nil)
	busy := errors.New("held by process 4711")
	_, err := probe.Find(t.Context(), probe.Line{Loop: loop, Speeds: probe.Speeds, Open: func(context.Context, int) (device.Port, error) { return nil, busy }})
	if !errors.Is(err, busy) {
		t.Errorf("%v", err)
	}
}
