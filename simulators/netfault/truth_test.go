package netfault

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
)

// every is one of each fault, set so that the traffic of TestEveryFaultIsSeenInTheCapture meets it.
var every = map[string]Fault{
	"Cut":           Cut{},
	"Cut cable":     Cut{Cable: true},
	"CutRST":        CutRST{},
	"RefuseSYN":     RefuseSYN{},
	"Blackhole":     Blackhole{Dir: ToKKM},
	"Forget":        Forget{},
	"HalfOpen":      HalfOpen{Gone: EndOFD, Silent: true},
	"Rebind":        Rebind{},
	"Flap":          Flap{Down: 2 * time.Second, Up: time.Second},
	"Reset":         Reset{Match: Match{What: Data}, Pick: Pick{Nth: 2}},
	"Finish":        Finish{Match: Match{What: Data}, Pick: Pick{Nth: 2}},
	"Drop":          Drop{Pick: Pick{Share: 0.3}},
	"Duplicate":     Duplicate{Match: Match{What: Data}},
	"Reorder":       Reorder{Match: Match{What: Data}, By: 20 * ms},
	"Delay":         Delay{Fixed: 10 * ms, Jitter: 5 * ms, Spread: Normal},
	"Rate":          Rate{BitsPerSecond: 100_000, Queue: 4000},
	"Corrupt":       Corrupt{Pick: Pick{Nth: 1}, At: 2},
	"Corrupt valid": Corrupt{Pick: Pick{Nth: 1}, At: 2, Valid: true},
	"Truncate":      Truncate{Match: Match{What: Data}, Pick: Pick{Nth: 1}, Keep: 60},
	"MTU":           MTU{Max: 600},
	"Fragment":      Fragment{Match: Match{What: Data}, Max: 600},
	"HalfMessage":   HalfMessage{Match: Match{Means: Meaning{Kind: Request}}, After: 30},
	"From":          From{At: Match{Means: Meaning{Kind: Answer}}, After: true, Do: Cut{}},
	"NoName":        NoName{Code: 2},
	"WrongName":     WrongName{To: netip.MustParseAddr("10.77.0.98")},
	"NoDHCP":        NoDHCP,
	"CaptivePortal": CaptivePortal{},
}

var named = regexp.MustCompile(`^fault ([^:]+): .*; history (\d+)$`)

// Each fault strikes, the packets that it struck say so, with the event of the record that is
// about it, and as many say so as were counted.
func TestEveryFaultIsSeenInTheCapture(t *testing.T) {
	for name, f := range every {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Options{Links: []LinkOptions{{Name: "ethernet", DNS: true, Lease: time.Hour, Latency: ms}}})
			w.ofd.echo = true
			if name == "NoDHCP" { // the lease is asked for at the first connection
				w.set("f", f)
			}
			old := w.dial()
			w.pass(5 * time.Second)
			if name != "NoDHCP" {
				w.set("f", f)
			}
			for i := range 4 {
				old.conn.Send(message(cmdTicket, uint16(i), 700))
				p := w.dial()
				p.conn.Send(message(cmdTicket, uint16(100+i), 700))
				w.pass(3 * time.Second)
			}
			w.pass(2 * time.Minute)
			struck := w.clear("f")
			events := map[uint64]history.Event{}
			for e := range w.log.View().Events() {
				events[uint64(e.Seq)] = e
			}
			left, began := 0, 0
			for _, p := range w.packets() {
				hit := false
				for _, c := range p.Comments {
					m := named.FindStringSubmatch(c)
					if m == nil {
						if !strings.HasPrefix(c, "held for ") {
							t.Errorf("packet %d: comment %q", p.Record.N, c)
						}
						continue
					}
					hit = true
					seq, _ := strconv.ParseUint(m[2], 10, 64)
					id := ""
					switch b := events[seq].Body.(type) {
					case history.FaultSet:
						id = b.ID
					case history.Struck:
						id = b.ID
					}
					if id != m[1] {
						t.Errorf("packet %d: %q names event %d, which is %+v", p.Record.N, c, seq, events[seq].Body)
					}
				}
				if hit && !p.Inbound {
					left++
				}
			}
			if b, ok := f.(interface {
				Begin(Moment, StreamPos) Decision
			}); ok {
				// the connection that was open was struck without a packet of its own
				_ = b
				began = 1
			}
			if struck == 0 || left+began != struck {
				t.Errorf("%d struck, %d packets say so and %d connections were ended at the beginning", struck, left, began)
			}
			first := w.events("fault.struck")[0].Body.(history.Struck)
			p := w.packets()[first.Packet-1]
			if !strings.Contains(strings.Join(p.Comments, "\n"), fmt.Sprintf("history %d", w.events("fault.struck")[0].Seq)) {
				t.Errorf("the first struck packet %d says %q", first.Packet, p.Comments)
			}
		})
	}
}
