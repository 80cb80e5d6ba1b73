package clock

import (
	"context"
	"slices"
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

func TestVirtualFiresByTimeThenNumber(t *testing.T) {
	v := NewVirtual(epoch, nil)
	var got []string
	add := func(d time.Duration, name string) Timer {
		return v.AfterFunc(d, func() { got = append(got, name) })
	}
	add(2*time.Second, "c")
	add(time.Second, "a")
	add(time.Second, "b")
	stopped := add(time.Second, "never")
	if !stopped.Stop() || stopped.Stop() {
		t.Error("Stop must report true once")
	}
	v.AfterFunc(time.Second, func() { v.AfterFunc(0, func() { got = append(got, "nested") }) })
	ok, err := v.Wait(context.Background(), v.Now().Add(3*time.Second), nil)
	if ok || err != nil {
		t.Fatalf("Wait = %v, %v; want a passed deadline", ok, err)
	}
	if want := []string{"a", "b", "nested", "c"}; !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
	if n := v.Now(); n.Mono != 3*time.Second || !n.Wall.Equal(epoch.Add(3*time.Second)) {
		t.Errorf("now %v, want the deadline", n)
	}
}

func TestVirtualStopsWhenReady(t *testing.T) {
	v := NewVirtual(epoch, nil)
	done := false
	v.AfterFunc(time.Minute, func() { done = true })
	v.AfterFunc(2*time.Minute, func() { t.Error("ran past ready") })
	ok, err := v.Wait(context.Background(), v.Now().Add(time.Hour), func() bool { return done })
	if !ok || err != nil || v.Now().Mono != time.Minute {
		t.Errorf("Wait = %v, %v at %v; want ready at 1m", ok, err, v.Now().Mono)
	}
}

func TestVirtualAsksSettleBeforeTimeMoves(t *testing.T) {
	v := NewVirtual(epoch, nil)
	pending := 3
	v.SetSettle(func() bool {
		if pending == 0 {
			return false
		}
		pending--
		if v.Now().Mono != 0 {
			t.Error("time moved before the foreign work was done")
		}
		return true
	})
	v.AfterFunc(time.Second, func() {})
	if _, err := v.Wait(context.Background(), v.Now().Add(time.Second), nil); err != nil || pending != 0 {
		t.Errorf("pending %d, err %v", pending, err)
	}
}

func TestRealLoopRunsOneAtATime(t *testing.T) {
	r := NewReal()
	defer r.Close()
	n := 0 // guarded by the loop; -race proves it
	for range 100 {
		go r.Post(func() { n++ })
		r.AfterFunc(time.Millisecond, func() { n++ })
	}
	ok, err := r.Wait(context.Background(), r.Now().Add(5*time.Second), func() bool { return n == 200 })
	if !ok || err != nil {
		t.Errorf("Wait = %v, %v; n = %d", ok, err, n)
	}
	tm := r.AfterFunc(time.Hour, func() {})
	if !tm.Stop() || tm.Stop() {
		t.Error("Stop must report true once")
	}
	before := r.Now()
	r.Step(time.Hour)
	if d := r.Now().Wall.Sub(before.Wall); d < time.Hour {
		t.Errorf("stepped by %v, want an hour", d)
	}
}

// A callback may post any number of functions: the queue has no bound that the
// loop itself could run into, and keeps the order.
func TestRealPostsFromItsOwnCallbacks(t *testing.T) {
	r := NewReal()
	defer r.Close()
	const n = 10 * keep
	var got []int
	r.Post(func() {
		for i := range n {
			r.Post(func() { got = append(got, i) })
		}
	})
	ok, err := r.Wait(context.Background(), r.Now().Add(10*time.Second), func() bool { return len(got) == n })
	if !ok || err != nil {
		t.Fatalf("Wait = %v, %v; %d of %d ran", ok, err, len(got), n)
	}
	if !slices.IsSorted(got) {
		t.Error("the order of the calls was not kept")
	}
}

// While a callback runs for long, others can post without waiting for it; what
// is queued when the loop is closed never runs.
func TestRealPostNeverWaits(t *testing.T) {
	r := NewReal()
	begun, free := make(chan struct{}), make(chan struct{})
	r.Post(func() { close(begun); <-free })
	<-begun
	posted := make(chan struct{})
	go func() {
		for range 5000 {
			r.Post(func() { t.Error("ran after the close") })
		}
		close(posted)
	}()
	select {
	case <-posted:
	case <-time.After(10 * time.Second):
		t.Fatal("Post waits for a callback")
	}
	r.Close()
	close(free)
	if _, err := r.Wait(context.Background(), r.Now().Add(time.Second), func() bool { return false }); err == nil {
		t.Error("a closed loop went on")
	}
	r.Post(func() { t.Error("posted after the close") })
}

// BenchmarkOfflineTries is 72 hours with a try each minute, without packets (target 51).
func BenchmarkOfflineTries(b *testing.B) {
	for b.Loop() {
		v := NewVirtual(epoch, nil)
		tries := 0
		var try func()
		try = func() { tries++; v.AfterFunc(time.Minute, try) }
		v.AfterFunc(time.Minute, try)
		_, _ = v.Wait(context.Background(), v.Now().Add(72*time.Hour), nil)
		if tries != 72*60 {
			b.Fatal(tries)
		}
	}
}
