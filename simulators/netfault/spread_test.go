package netfault

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Each distribution has the mean, the deviation and the bounds that it promises.
func TestSpreads(t *testing.T) {
	const n = 50_000
	jitter := 100 * ms
	for s, want := range map[Spread]struct {
		mean, deviation float64 // in units of Jitter; a deviation of 0 is not checked
		least, most     float64
	}{
		Uniform:     {0.5, 1 / math.Sqrt(12), 0, 1},
		Normal:      {0, 1, -10, 10},
		Exponential: {1, 1, 0, 10},
		Pareto:      {1, 0, 2.0 / 3, 10},
	} {
		r := rand.New(rand.NewPCG(1, uint64(s)))
		var all []float64
		var sum, square float64
		for range n {
			d := float64(s.draw(r, jitter)) / float64(jitter)
			all = append(all, d)
			sum += d
			square += d * d
		}
		mean := sum / n
		deviation := math.Sqrt(square/n - mean*mean)
		if math.Abs(mean-want.mean) > 0.03 || want.deviation != 0 && math.Abs(deviation-want.deviation) > 0.05 {
			t.Errorf("%v: mean %.3f, deviation %.3f; want %.3f, %.3f", s, mean, deviation, want.mean, want.deviation)
		}
		if lo, hi := slices.Min(all), slices.Max(all); lo < want.least-1e-4 || hi > want.most+1e-4 {
			t.Errorf("%v: from %.3f to %.3f, want %.3f to %.3f", s, lo, hi, want.least, want.most)
		}
	}
}

// A distribution comes out at the packets, in order, and nothing is ever early.
func TestJitterWithDistribution(t *testing.T) {
	for _, s := range []Spread{Uniform, Normal, Exponential, Pareto} {
		w := newWorld(t, Options{})
		kkm, ofd := w.connect()
		w.set("jitter", Delay{Match: Match{Dir: ToOFD, What: Data}, Fixed: 30 * ms, Jitter: 20 * ms, Spread: s})
		var took []time.Duration
		for i := range 200 {
			from := w.clk.Now().Mono
			kkm.conn.Send([]byte{1})
			w.until(5*time.Second, func() bool { return ofd.got.Len() == i+1 })
			took = append(took, w.clk.Now().Mono-from)
			w.pass(time.Second)
		}
		slices.Sort(took)
		mid := took[len(took)/2]
		if took[0] == took[len(took)-1] || took[0] < 0 || mid < 20*ms || mid > 60*ms {
			t.Errorf("%v: from %v to %v, median %v", s, took[0], took[len(took)-1], mid)
		}
		if s != Normal && took[0] < 30*ms {
			t.Errorf("%v: %v is shorter than the fixed delay", s, took[0])
		}
		w.clear("jitter")
	}
}

func TestDelayPicks(t *testing.T) {
	w := newWorld(t, Options{})
	kkm, ofd := w.connect()
	w.set("second", Delay{Match: Match{Dir: ToOFD, What: Data}, Fixed: 100 * ms, Pick: Pick{Nth: 2}})
	for i, want := range []time.Duration{0, 100 * ms, 0} {
		from := w.clk.Now().Mono
		kkm.conn.Send([]byte{1})
		w.until(time.Second, func() bool { return ofd.got.Len() == i+1 })
		if got := w.clk.Now().Mono - from; got != want {
			t.Errorf("packet %d took %v, want %v", i+1, got, want)
		}
		w.pass(time.Second)
	}
}

func TestDelaysThatMakeNoSense(t *testing.T) {
	w := newWorld(t, Options{})
	for name, f := range map[string]Fault{
		"nothing": Delay{}, "minus": Delay{Fixed: -1}, "minus jitter": Delay{Fixed: 2, Jitter: -1},
		"two hours": Delay{Fixed: 2 * time.Hour}, "jitter of an hour": Delay{Jitter: time.Hour}, "distribution": Delay{Fixed: 1, Spread: 4}, "pick": Delay{Fixed: 1, Pick: Pick{Share: 2}},
	} {
		if w.link.Set(name, f) == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if err := w.link.Set("an hour", Delay{Fixed: time.Hour, Jitter: 6 * time.Minute}); err != nil {
		t.Error(err)
	}
}
