package netfault

import (
	"fmt"
	"testing"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
)

// frames of a small exchange, to start from.
func someFrames(t testing.TB) [][]byte {
	w := newWorld(t, Options{})
	w.ofd.echo = true
	kkm, _ := w.connect()
	kkm.conn.Send([]byte("a few bytes"))
	w.pass(60e9)
	var out [][]byte
	for _, p := range w.packets() {
		out = append(out, p.Data)
	}
	return out
}

// Whatever lies on the wire, the pipeline carries it, and no fault panics on it.
func FuzzPipeline(f *testing.F) {
	for _, frame := range someFrames(f) {
		f.Add(frame)
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, frame []byte) {
		clk := clock.NewVirtual(epochOf(), nil)
		n, err := New(clk, Options{Seed: 1, Journal: history.NewMemory(clk)})
		if err != nil {
			t.Fatal(err)
		}
		l := n.links[0]
		for i, ft := range []Fault{
			Corrupt{At: 5, Valid: true}, MTU{Max: 68}, Delay{Match: Match{What: Frames}, Fixed: 1}, Rate{BitsPerSecond: 9600},
			Duplicate{}, Forget{}, Truncate{Keep: 20}, Finish{Match: Match{Dir: ToKKM, What: Data}}, Reset{Match: Match{Dir: ToKKM}}, Flap{Down: 1, Up: 1},
		} {
			if err := l.Set(fmt.Sprint(i), ft); err != nil {
				t.Fatal(err)
			}
		}
		n.mu.Lock()
		l.pass(ToOFD, frame)
		l.pass(ToKKM, frame)
		n.mu.Unlock()
		w := world{t: t, clk: clk}
		w.pass(1e9)
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
