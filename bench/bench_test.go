package bench

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/fiscal"
)

// typewriter is a register that takes a second for the entry and two for the paper.
type typewriter struct {
	state history.State
	loop  clock.Loop
	log   *history.Log
	paper []string
	err   error
}

func (d *typewriter) Identity(context.Context) (history.Identity, error) {
	return history.Identity{Model: "typewriter"}, d.err
}
func (d *typewriter) State(context.Context) (history.State, error) { return d.state, d.err }
func (d *typewriter) Close() error                                 { return nil }
func (d *typewriter) Do(ctx context.Context, op fiscal.Op) (fiscal.Outcome, error) {
	if d.err != nil {
		return fiscal.Outcome{}, d.err
	}
	intent, _ := d.log.Append(history.Driver, history.Intent{Op: op})
	_, _ = d.loop.Wait(ctx, d.loop.Now().Add(time.Second), nil)
	r := history.Result{Op: op.ID, Outcome: fiscal.Outcome{Got: fiscal.Done}, Entered: d.loop.Now()}
	_, _ = d.loop.Wait(ctx, d.loop.Now().Add(2*time.Second), nil)
	r.Done = d.loop.Now()
	d.paper = []string{"line of " + string(op.ID)}
	_, err := d.log.Append(history.Driver, r, intent)
	return r.Outcome, err
}
func (d *typewriter) Printed(context.Context) ([]string, string, error) { return d.paper, "host", nil }

func rig(t *testing.T) (*Bench, *typewriter) {
	t.Helper()
	loop := clock.NewVirtual(epoch, nil)
	log := history.NewMemory(loop)
	d := &typewriter{loop: loop, log: log}
	b := &Bench{Loop: loop, Log: log, Device: d}
	s := Scenario{Key: "a/b", Steps: []Step{{Name: "one"}, {Name: "two"}}}
	if err := b.Begin(s, 1); err != nil {
		t.Fatal(err)
	}
	return b, d
}

func TestDoNamesTheOperationAndReadsThePrint(t *testing.T) {
	b, _ := rig(t)
	for _, want := range []fiscal.OpID{"a/b/1/1", "a/b/1/2"} {
		got, err := b.Do(context.Background(), fiscal.Op{Kind: fiscal.OpXReport})
		if err != nil || got.Op.ID != want || !got.OK() {
			t.Fatalf("got %+v, %v, want a done operation %s", got, err, want)
		}
		if e := got.Entered.Mono - got.Begun.Mono; e != time.Second {
			t.Errorf("entry took %v, want 1s", e)
		}
		if !slices.Equal(got.Printed, []string{"line of " + string(want)}) {
			t.Errorf("printed %q", got.Printed)
		}
		last, _ := b.Log.View().Get(history.Seq(b.Log.View().Len()))
		p, ok := last.Body.(history.Printed)
		intent, _ := b.Log.View().Get(last.Causes[0])
		if _, is := intent.Body.(history.Intent); !ok || p.Op != want || !is {
			t.Errorf("last event %+v, want the print of %s because of its intent", last, want)
		}
	}
}

// A silent register is not the bench's failure: no BenchFault may stand in the record.
func TestSilentRegisterIsAPrecondition(t *testing.T) {
	b, d := rig(t)
	d.err = errors.New("no answer to ENQ")
	_, doErr := b.Do(context.Background(), fiscal.Op{Kind: fiscal.OpXReport})
	_, stateErr := b.State(context.Background())
	for what, err := range map[string]error{"Do": doErr, "State": stateErr, "Hello": b.Hello(context.Background())} {
		if !errors.Is(err, ErrPrecondition) {
			t.Errorf("%s: %v, want a missing precondition", what, err)
		}
	}
	for e := range b.Log.View().Events() {
		if f, ok := e.Body.(history.BenchFault); ok {
			t.Errorf("recorded as the bench's fault: %+v", f)
		}
	}
}

// A register that keeps documents, or cannot tell, is not touched without a word.
func TestUnsent(t *testing.T) {
	n := func(n int) *int { return &n }
	for _, tt := range []struct {
		name   string
		unsent *int
		err    error
		refuse bool
	}{{"none", n(0), nil, false}, {"some", n(3), nil, true}, {"cannot tell", nil, nil, true}, {"silent", nil, errors.New("silence"), false}} {
		b, d := rig(t)
		d.state.Unsent, d.err = tt.unsent, tt.err
		if err := b.Unsent(context.Background()); (err != nil) != tt.refuse {
			t.Errorf("%s: %v, want refused %v", tt.name, err, tt.refuse)
		}
	}
}

func TestFaultIsRecordedOnce(t *testing.T) {
	b, _ := rig(t)
	err := b.Fault("inner", errors.New("broken"))
	err = b.Fault("outer", err)
	if b.Fault("able", device.ErrNotAble) != device.ErrNotAble {
		t.Error("a missing capability became the bench's fault")
	}
	n := 0
	for e := range b.Log.View().Events() {
		if _, ok := e.Body.(history.BenchFault); ok {
			n++
		}
	}
	if n != 1 || !errors.Is(err, ErrRecorded) {
		t.Errorf("%d faults in the record, want 1; error %v", n, err)
	}
}

func TestAwait(t *testing.T) {
	const hour = time.Hour
	tests := []struct {
		name string
		wait Wait
		at   time.Duration // after the operation was done; it begins at 0 and is done after 3 s
		err  bool
	}{
		{"nothing", Wait{}, 0, false},
		{"from now", Pause(hour, "x"), hour, false},
		{"from an operation", SinceOp("1/1", hour, "x"), hour, false},
		{"so early that a like entry ends at the moment", SinceOp("1/1", hour, "x").EntryLike("1/1"), hour - time.Second, false},
		{"over already", SinceOp("1/1", -hour, "x"), 0, false},
		{"an operation that was never made", SinceOp("9/1", hour, "x"), 0, true},
		{"an entry that was never made", SinceOp("1/1", hour, "x").EntryLike("1/9"), 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, _ := rig(t)
			op, err := b.Do(context.Background(), fiscal.Op{Kind: fiscal.OpXReport})
			if err != nil {
				t.Fatal(err)
			}
			err = b.Await(context.Background(), tt.wait)
			if tt.err {
				if !errors.Is(err, ErrPrecondition) {
					t.Errorf("error %v, want a missing precondition", err)
				}
				return
			}
			if got := b.Loop.Now().Mono - op.Done.Mono; err != nil || got != tt.at {
				t.Errorf("waited until %v after the operation (%v), want %v", got, err, tt.at)
			}
		})
	}
}

func TestAlignSecond(t *testing.T) {
	b, _ := rig(t)
	for _, d := range []time.Duration{0, 1, 999 * time.Millisecond} {
		if err := b.Pass(context.Background(), d, "x"); err != nil {
			t.Fatal(err)
		}
		if err := b.AlignSecond(context.Background()); err != nil {
			t.Fatal(err)
		}
		if now := b.Loop.Now().Wall; now.Nanosecond() != 0 {
			t.Errorf("after %v: %v is no full second", d, now)
		}
	}
}

// The bench counts what the register made and what the OFD booked.
func TestAwaitHandOver(t *testing.T) {
	b, _ := rig(t)
	ctx := context.Background()
	if _, err := b.Do(ctx, fiscal.Op{Kind: fiscal.OpDeposit, Cash: 100}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Do(ctx, fiscal.Op{Kind: fiscal.OpXReport}); err != nil { // owes nothing
		t.Fatal(err)
	}
	from := b.Loop.Now()
	b.Loop.AfterFunc(time.Minute, func() {
		_, _ = b.Log.Append(history.OFD, history.Booked{Command: "MONEY_PLACEMENT", What: "replayed"})
	})
	b.Loop.AfterFunc(2*time.Minute, func() {
		_, _ = b.Log.Append(history.OFD, history.Booked{Command: "MONEY_PLACEMENT", What: "accepted"})
	})
	if err := b.AwaitHandOver(ctx); err != nil {
		t.Fatal(err)
	}
	if got, want := b.Loop.Now().Mono-from.Mono, 2*time.Minute+afterHandOver; got != want {
		t.Errorf("waited %v, want %v: only an accepted document counts", got, want)
	}
	if err := b.AwaitHandOver(ctx); err != nil || b.Loop.Now().Mono-from.Mono != 2*time.Minute+afterHandOver {
		t.Errorf("nothing is owed any more, and the bench waited on (%v)", err)
	}
}

func TestHandOverPatienceEnds(t *testing.T) {
	b, _ := rig(t)
	ctx := context.Background()
	if _, err := b.Do(ctx, fiscal.Op{Kind: fiscal.OpZReport}); err != nil {
		t.Fatal(err)
	}
	from := b.Loop.Now()
	if err := b.AwaitHandOver(ctx); err != nil {
		t.Fatal(err)
	}
	if got, want := b.Loop.Now().Mono-from.Mono, handOverPatience; got != want {
		t.Errorf("waited %v, want %v", got, want)
	}
}

func TestParams(t *testing.T) {
	rows := []regulation.Row{
		{Number: "1", Check: "a", Params: regulation.Params{"limit": "72h", "n": "4", "bad": "soon"}},
		{Number: "2", Check: "b", Params: regulation.Params{"limit": "5s"}},
	}
	p := NewParams(rows)
	if p.Duration("a", "limit") != 72*time.Hour || p.Duration("b", "limit") != 5*time.Second || p.Int("a", "n") != 4 || p.Err() != nil {
		t.Errorf("wrong figures, or %v", p.Err())
	}
	used := p.Used()
	if len(used) != 2 || used[0].Check != "a" || used[0].Params["limit"] != "72h" || used[1].Params["limit"] != "5s" {
		t.Errorf("used %+v", used)
	}
	for name, ask := range map[string]func(Params){
		"unreadable duration": func(p Params) { p.Duration("a", "bad") },
		"unreadable number":   func(p Params) { p.Int("a", "limit") },
		"missing":             func(p Params) { p.Text("b", "n") },
		"unknown check":       func(p Params) { p.Duration("c", "limit") },
	} {
		p := NewParams(rows)
		if ask(p); p.Err() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
