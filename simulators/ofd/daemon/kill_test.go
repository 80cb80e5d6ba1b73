package daemon

import (
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

var kills = flag.Int("kills", 200, "how often TestKills kills the operator")

// book is what a register knows: the sign of each ticket that was answered.
type book struct {
	signs []string
	sums  []fiscal.Tiyn
}

// sell makes tickets until stop; each one is repeated, over new connections,
// with the same token and number until an answer comes.
func sell(t *testing.T, id uint32, addr *atomic.Value, stop *atomic.Bool) book {
	var b book
	r := &register{id: id, token: firstToken}
	for n := 0; !stop.Load(); n++ {
		sum := fiscal.Tiyn(1000*n + int(id) + 100)
		f := frame(t, cpcr.Header{Version: cpcr.V204, ID: id}, sale(id, day.Add(time.Duration(n)*time.Second), sum))
		r.address(f)
		for {
			a, _ := addr.Load().(string)
			if r.nc == nil && (a == "" || r.dial(a) != nil) {
				time.Sleep(500 * time.Microsecond)
				continue
			}
			answer, err := r.exchange(f)
			if err != nil {
				_ = r.nc.Close()
				r.nc = nil
				continue
			}
			h, m, err := cpcr.DecodeResponse(answer)
			if err != nil || m.GetResult().GetResultCode() != 0 || m.GetTicket().GetTicketNumber() == "" {
				t.Errorf("register %d, ticket %d: %v %s", id, n, err, cpcr.Text(m))
				return b
			}
			r.token = h.Token
			b.signs, b.sums = append(b.signs, m.GetTicket().GetTicketNumber()), append(b.sums, sum)
			break
		}
		time.Sleep(500 * time.Microsecond)
	}
	if r.nc != nil {
		_ = r.nc.Close()
	}
	return b
}

// Killed at any moment under load, the operator loses no ticket that it has
// answered and counts none twice: registers repeat what was not answered, and
// get the stored answer when it had been booked.
func TestKills(t *testing.T) {
	const rounds, registers = 8, 4
	n := *kills
	if testing.Short() {
		n = min(n, 24)
	}
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 1))
	sold, early := 0, 0
	for range rounds {
		dir := t.TempDir()
		var addr atomic.Value
		var stop atomic.Bool
		books := make([]book, registers)
		var wg sync.WaitGroup
		for i := range books {
			wg.Go(func() { books[i] = sell(t, uint32(i+1), &addr, &stop) })
		}
		for range n / rounds {
			p, ready := launch(t, dir, registers)
			if rnd.IntN(10) == 0 { // in the middle of the start
				time.Sleep(time.Duration(rnd.IntN(15)) * time.Millisecond)
				early++
			} else {
				if err := ready(); err != nil {
					t.Fatal(err)
				}
				addr.Store(p.addr)
				time.Sleep(time.Duration(rnd.IntN(25_000)) * time.Microsecond)
			}
			if err := p.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = p.cmd.Wait() // killed
		}
		// One more life, in which everything that is under way is answered.
		p, ready := launch(t, dir, registers)
		if err := ready(); err != nil {
			t.Fatal(err)
		}
		addr.Store(p.addr)
		stop.Store(true)
		wg.Wait()
		p.stop(t)
		sold += audit(t, dir, books)
	}
	t.Logf("seed %d: %d kills, %d of them in the middle of a start, %d tickets", seed, n/rounds*rounds, early, sold)
	if sold < n {
		t.Errorf("only %d tickets with %d kills: there was no load", sold, n)
	}
}

// audit compares what the registers know with what the operator counts.
func audit(t *testing.T, dir string, books []book) (tickets int) {
	t.Helper()
	d, err := Start(Config{Listen: "127.0.0.1:0", State: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	seen := map[string]string{}
	for i, b := range books {
		id := uint32(i + 1)
		in, ok := d.Device(id)
		if !ok {
			t.Fatalf("register %d is not known", id)
		}
		var sum fiscal.Tiyn
		for n, s := range b.signs {
			if was := seen[s]; was != "" {
				t.Errorf("sign %s was given to register %d ticket %d and to %s", s, id, n, was)
			}
			seen[s] = fmt.Sprintf("register %d ticket %d", id, n)
			sum += b.sums[n]
			if err := d.do(func() error {
				if _, x, ok := d.server.FindTicket(registration(id), s); !ok || x.Total != b.sums[n] {
					t.Errorf("register %d: ticket %d with sign %s: %+v, found %v, want %s", id, n, s, x, ok, b.sums[n])
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
		}
		k := in.Counters.Kind[canon.OperationTypeEnum_OPERATION_SELL]
		if in.Tickets != len(b.signs) || int(k.Tickets.Count) != len(b.signs) || k.Tickets.Sum != sum || k.NonNull != sum || in.Counters.Cash != sum {
			t.Errorf("register %d was answered %d tickets of %s; the operator has %d, counts %d of %s, lifetime %s, cash %s",
				id, len(b.signs), sum, in.Tickets, k.Tickets.Count, k.Tickets.Sum, k.NonNull, in.Counters.Cash)
		}
		tickets += len(b.signs)
	}
	return tickets
}
