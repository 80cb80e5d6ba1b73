package ofd_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/fixtures"
	"github.com/kkmtest/kkmtest/simulators/kkm"
	"github.com/kkmtest/kkmtest/simulators/ofd"
	"github.com/kkmtest/kkmtest/simulators/ofd/watch"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

// wire joins a register and the operator, a few milliseconds apart.
type wire struct {
	clk  clock.Loop
	s    *ofd.Server
	peer string
}

type wireEnd struct {
	clk    clock.Loop
	ev     stream.Events
	other  *wireEnd
	closed bool
}

const latency = 5 * time.Millisecond

func (w wire) Dial(_, _ string, _ int, ev stream.Events) stream.Conn {
	a := &wireEnd{clk: w.clk, ev: ev}
	b := &wireEnd{clk: w.clk, other: a}
	a.other = b
	w.clk.AfterFunc(2*latency, func() {
		if a.closed {
			return
		}
		b.ev = w.s.Accept(b, w.peer)
		a.ev.Opened(a)
	})
	return a
}

func (e *wireEnd) Send(p []byte) {
	p = slices.Clone(p)
	e.clk.AfterFunc(latency, func() {
		if o := e.other; !o.closed && o.ev.Received != nil {
			o.ev.Received(p)
		}
	})
}
func (e *wireEnd) Close() { e.end(nil) }
func (e *wireEnd) Reset() { e.end(stream.ErrReset) }
func (e *wireEnd) end(err error) {
	if e.closed {
		return
	}
	e.closed = true
	e.clk.AfterFunc(latency, func() {
		if o := e.other; !o.closed {
			o.closed = true
			if o.ev.Closed != nil {
				o.ev.Closed(err)
			}
		}
	})
}

// forgetful is the memory of a register that never loses its power.
type forgetful struct{}

func (forgetful) Append([]byte) error        { return nil }
func (forgetful) Records() ([][]byte, error) { return nil, nil }

// Two hundred registers sell for an hour at one operator, a receipt a minute
func TestTwoHundredRegistersForAnHour(t *testing.T) {
	const record = 4 << 20
	n := 200
	if testing.Short() {
		n = 40
	}
	kept := new(keeper)
	raw, err := fixtures.FS.ReadFile("emulator/section-1.yaml")
	if err != nil {
		t.Fatal(err)
	}
	base, err := kkm.LoadProfile("section-1.yaml", raw)
	if err != nil {
		t.Fatal(err)
	}
	clk := clock.NewVirtual(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC), nil)
	s := ofd.New(clk, ofd.Options{Seed: 5, Journal: watch.New(clk, record), Store: kept})
	lost := ofd.Rule{Commands: []canon.CommandTypeEnum{canon.CommandTypeEnum_COMMAND_TICKET}, PerMille: 20, Action: ofd.Action{LoseAnswer: true, End: ofd.Reset}}
	if err := s.Set("lost", lost); err != nil {
		t.Fatal(err)
	}
	type shop struct {
		r     *kkm.Register
		p     kkm.Profile
		sum   fiscal.Tiyn
		signs []string
	}
	shops := make([]*shop, n)
	for i := range shops {
		p := base
		p.OFD.ID, p.OFD.Token = uint32(1000+i), uint32(4000000000+i)
		p.Serial, p.Registration = fmt.Sprintf("S%04d", i), fmt.Sprintf("0101%08d", i)
		p.Taxpayer.Name = fmt.Sprintf("ТОО «Дүкен %d»", i)
		if err := s.Register(ofd.Device{
			ID: p.OFD.ID, Token: p.OFD.Token, Serial: p.Serial, Registration: p.Registration,
			Taxpayer: ofd.Taxpayer{Name: p.Taxpayer.Name, BIN: p.Taxpayer.BIN, Address: p.Taxpayer.Address, AddressKZ: p.Taxpayer.AddressKK, OKED: p.Taxpayer.Activity},
			Pos:      ofd.Pos{Title: p.Taxpayer.Name, Address: p.Taxpayer.Address, AddressKZ: p.Taxpayer.AddressKK},
			Operator: ofd.Operator{Title: p.OFD.Name, TitleKZ: p.OFD.NameKK, URL: p.OFD.Site},
		}); err != nil {
			t.Fatal(err)
		}
		r, err := kkm.New(clk, p, wire{clk, s, p.Serial}, kkm.Options{Seed: uint64(i), Memory: forgetful{}})
		if err != nil {
			t.Fatal(err)
		}
		x := &shop{r: r, p: p, sum: fiscal.Tiyn(1000 + i)}
		shops[i] = x
		r.Power(true)
		var sell func()
		sell = func() {
			clk.AfterFunc(time.Minute, sell)
			r.ClearPrinted()
			r.Do(fiscal.Op{Kind: fiscal.OpReceipt, As: fiscal.Role{Cashier: 1, Password: "1"}, Receipt: &fiscal.Receipt{
				Kind:     fiscal.Sale,
				Lines:    []fiscal.Line{{Kind: fiscal.Goods, Name: "Нан", Section: 1, Qty: 1000, Price: x.sum}},
				Payments: []fiscal.Payment{{Kind: fiscal.Cash, Sum: x.sum}},
			}}, func(a kkm.Reply) {
				if a.Got != fiscal.Done {
					t.Errorf("register %d: %s %s %q", x.p.OFD.ID, a.Got, a.Reason, a.Text)
				}
				x.signs = append(x.signs, a.Sign)
			})
		}
		clk.AfterFunc(time.Minute+time.Duration(i)*time.Minute/time.Duration(n), sell)
	}
	if _, err := clk.Wait(context.Background(), clk.Now().Add(time.Hour+59*time.Second), nil); err != nil {
		t.Fatal(err)
	}
	tickets := 0
	seen := map[string]uint32{}
	for _, x := range shops {
		in, _ := s.Info(x.p.OFD.ID)
		tickets += in.Tickets
		if len(x.signs) < 59 || in.Tickets != len(x.signs) || in.Counters.Cash != fiscal.Tiyn(len(x.signs))*x.sum || in.Taxpayer.Name != x.p.Taxpayer.Name {
			t.Errorf("register %d sold %d receipts of %s; the operator has %d, cash %s", x.p.OFD.ID, len(x.signs), x.sum, in.Tickets, in.Counters.Cash)
		}
		for _, d := range s.Documents(x.p.OFD.ID, 0, 1000) {
			if d.Sum != x.sum {
				t.Errorf("register %d: a document of %s", x.p.OFD.ID, d.Sum)
			}
			if was := seen[d.Sign]; was != 0 {
				t.Errorf("sign %s was given to %d and %d", d.Sign, was, x.p.OFD.ID)
			}
			seen[d.Sign] = x.p.OFD.ID
		}
		for _, sign := range x.signs {
			id, k, ok := s.FindTicket(x.p.Registration, sign)
			if !ok || id != x.p.OFD.ID || k.Total != x.sum {
				t.Errorf("register %d printed the sign %s: found %v, of %d, %s", x.p.OFD.ID, sign, ok, id, k.Total)
			}
		}
	}
	if fired := s.Clear("lost"); fired < n/2 {
		t.Errorf("only %d answers were lost", fired)
	}
	if s.Err() != nil || s.Stats().Connections > n || s.Stats().Pending > 0 {
		t.Fatalf("%v, %+v", s.Err(), s.Stats())
	}
	// What stays of a ticket: a server that folds the same events again, in the
	// same process without the registers.
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	again := ofd.New(clk, ofd.Options{Seed: 5})
	for _, e := range kept.events {
		if err := again.Replay(e); err != nil {
			t.Fatal(err)
		}
	}
	each := (heap() - before) / int64(tickets)
	t.Logf("%d tickets; %d bytes stay of each", tickets, each)
	if most := int64(700); each > most {
		t.Errorf("%d bytes stay of each ticket, want at most %d: its place in the lists and its sign, not its messages", each, most)
	}
	for _, x := range shops {
		a, _ := s.Info(x.p.OFD.ID)
		b, _ := again.Info(x.p.OFD.ID)
		if a.Token != b.Token || a.Tickets != b.Tickets || a.Counters.Cash != b.Counters.Cash {
			t.Errorf("register %d after the fold: %d tickets, cash %s", x.p.OFD.ID, b.Tickets, b.Counters.Cash)
		}
	}
}

// keeper keeps events in memory.
type keeper struct{ events []ofd.Event }

func (k *keeper) Append(e ofd.Event, done func(error)) {
	k.events = append(k.events, e)
	done(nil)
}
