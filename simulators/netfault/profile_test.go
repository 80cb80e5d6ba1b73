package netfault

import (
	"os"
	"strings"
	"testing"
	"time"
)

// A channel's profile comes out as its figures say: round trip, rate and loss are measured at the packets.
func TestChannelProfiles(t *testing.T) {
	for _, tt := range []struct {
		name     string
		rtt, top time.Duration // shortest and longest of small packets on an idle channel
		down, up int64         // bit/s
		loss     float64
	}{
		{"gprs", 550 * ms, 800 * ms, 80_000, 20_000, 0.01},
		{"3g", 300 * ms, 352 * ms, 1_600_000, 768_000, 0.005},
		{"lte", 70 * ms, 91 * ms, 12_000_000, 12_000_000, 0.002},
		{"satellite", 558 * ms, 564 * ms, 1_000_000, 256_000, 0},
		{"wifi-lossy", 4 * ms, 105 * ms, 1_000_000, 1_000_000, 0.1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, Options{})
			prof, ok := ProfileOf(tt.name)
			if !ok {
				t.Fatal("no such profile")
			}
			// ARP is not IP and needs no channel: the neighbours know each other first
			w.connect()
			if err := w.link.SetProfile("net", prof); err != nil {
				t.Fatal(err)
			}
			var least, most time.Duration
			for range 60 {
				from := w.clk.Now().Mono
				p := w.dial()
				w.until(time.Minute, func() bool { return p.opened || p.closed > 0 })
				took := w.clk.Now().Mono - from
				if took < time.Second && took < 2*tt.top { // else a SYN was lost
					most = max(most, took)
				}
				if least == 0 || took < least {
					least = took
				}
				p.conn.Reset()
				w.pass(10 * time.Second)
			}
			if least < tt.rtt || least > (tt.rtt+tt.top)/2 || most > tt.top+20*ms {
				t.Errorf("round trips of %v to %v, want %v to %v", least, most, tt.rtt, tt.top)
			}
			// both directions full for a while
			w.ofd.echo = true
			kkm, _ := w.connectSlowly()
			kkm.conn.Send(make([]byte, 400_000))
			began := w.clk.Now().Wall
			w.pass(2 * time.Minute)
			struck, err := w.link.ClearProfile("net", prof)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range []struct {
				dir  Dir
				rate int64
			}{{ToOFD, tt.up}, {ToKKM, tt.down}} {
				bits := map[int64]int64{}
				var first, last time.Time
				var all int64
				for _, p := range w.packets() {
					if !p.Inbound || p.Packet.Dir != d.dir || p.Proto < ProtoIP || p.Time.Before(began) {
						continue
					}
					if first.IsZero() {
						first = p.Time
					}
					last = p.Time
					all += int64(len(p.Data)) * 8
					bits[int64(p.Time.Sub(began)/time.Second)] += int64(len(p.Data)) * 8
				}
				for s, b := range bits {
					// a packet or two may lie across the second's edge, and jitter moves packets
					if float64(b) > float64(d.rate)*1.15+2*8*1514 {
						t.Errorf("%v: %d bits in second %d, more than %d", d.dir, b, s, d.rate)
					}
				}
				if span := last.Sub(first); all < 1_000_000 || span <= 0 {
					t.Errorf("%v: %d bits in %v", d.dir, all, span)
				}
			}
			if tt.loss > 0 {
				packets := w.link.packets[ToOFD] + w.link.packets[ToKKM]
				if got := float64(struck["net/loss"]) / float64(packets); got < tt.loss/4 || got > tt.loss*2.5 {
					t.Errorf("a share of %.4f lost of %d, want about %g", got, packets, tt.loss)
				}
			} else if len(prof.Faults) != 3 {
				t.Errorf("%d faults, want no loss among them", len(prof.Faults))
			}
		})
	}
}

// connectSlowly is connect for channels that lose packets.
func (w *world) connectSlowly() (kkm, ofd *peer) {
	w.t.Helper()
	n := len(w.ofd.conns)
	kkm = w.dial()
	w.until(2*time.Minute, func() bool { return kkm.opened && len(w.ofd.conns) > n })
	return kkm, w.ofd.conns[len(w.ofd.conns)-1]
}

// Every profile can be set, strikes what it is for, and can be lifted.
func TestEveryProfileStrikes(t *testing.T) {
	for _, prof := range Profiles() {
		t.Run(prof.Name, func(t *testing.T) {
			w := newWorld(t, Options{Links: []LinkOptions{{Name: "ethernet", DNS: true, Lease: time.Hour}}})
			old, _ := w.connect()
			if err := w.link.SetProfile("p", prof); err != nil {
				t.Fatal(err)
			}
			if err := w.link.SetProfile("p", prof); err == nil || !strings.Contains(err.Error(), "already set") {
				t.Errorf("a second time: %v", err)
			}
			for range 40 {
				old.conn.Send(make([]byte, 3000))
				p := w.dial()
				p.conn.Send(make([]byte, 3000))
				w.pass(45 * time.Second)
				p.conn.Reset()
			}
			w.pass(2 * time.Hour) // the lease must be renewed
			struck, err := w.link.ClearProfile("p", prof)
			if err != nil || len(struck) != len(prof.Faults) {
				t.Fatalf("%v, %v", struck, err)
			}
			for id, n := range struck {
				if n == 0 {
					t.Errorf("%s never struck", id)
				}
			}
			if len(w.link.faults) != 0 {
				t.Errorf("%d faults are left", len(w.link.faults))
			}
		})
	}
	if _, ok := ProfileOf("5g"); ok {
		t.Error("a profile that is not there was found")
	}
}

// The page for operators names every profile.
func TestFaultsPageNamesEveryProfile(t *testing.T) {
	page, err := os.ReadFile("../../docs/faults.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range Profiles() {
		if !strings.Contains(string(page), "`"+p.Name+"`") {
			t.Errorf("docs/faults.md does not name %s", p.Name)
		}
	}
	for w := range lastWhat + 1 {
		if What(w).String() == "" {
			t.Errorf("kind %d has no name", w)
		}
	}
}
