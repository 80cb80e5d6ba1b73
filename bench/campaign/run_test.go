package campaign

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/kkmtest/kkmtest/bench"
	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

// mute is a register that can say who it is and nothing else.
type mute struct{}

func (mute) Identity(context.Context) (history.Identity, error) {
	return history.Identity{Model: "mute"}, nil
}
func (mute) State(context.Context) (history.State, error) {
	return history.State{}, errors.New("no answer")
}
func (mute) Do(context.Context, fiscal.Op) (fiscal.Outcome, error) {
	return fiscal.Outcome{}, errors.New("no answer")
}
func (mute) Close() error { return nil }

// What becomes of each kind of step stands in the record, in the plan's order, and
// a step that fails does not stop the ones behind it. Ginkgo runs once in a
// process, so there is one test.
func TestRun(t *testing.T) {
	loop := clock.NewVirtual(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC), nil)
	log := history.NewMemory(loop)
	b := &bench.Bench{Loop: loop, Log: log, Device: mute{}}
	step := func(name string, run func(context.Context, *bench.Bench) error) bench.Step {
		return bench.Step{Name: name, Run: run}
	}
	fine := func(context.Context, *bench.Bench) error { return nil }
	waits := step("waits", fine)
	waits.After = bench.Pause(time.Hour, "an hour")
	plan := Plan{Scenarios: []bench.Scenario{
		{Key: "z/first", Checks: []string{"a.one"}, Also: []string{"b.one"}, Steps: []bench.Step{
			step("works", fine),
			step("lacks something", func(context.Context, *bench.Bench) error {
				gomega.Expect(1).To(gomega.Equal(2), "the drawer is empty")
				return nil
			}),
			step("asks a silent register", func(ctx context.Context, b *bench.Bench) error {
				_, err := b.State(ctx)
				return err
			}),
			step("breaks the bench", func(context.Context, *bench.Bench) error { return errors.New("disk full") }),
			step("panics", func(context.Context, *bench.Bench) error { panic("nil drawer") }),
			step("cannot", func(context.Context, *bench.Bench) error { return device.ErrNotAble }),
			waits,
		}},
		{Key: "a/second", Checks: []string{"a.one"}, Needs: []bench.Capability{bench.TakesPaper}, Steps: []bench.Step{step("needs hands", fine)}},
	}}
	var notes bytes.Buffer
	finished, err := Run(plan, b, &notes, io.Discard)
	if err != nil || !finished {
		t.Fatalf("finished %v, %v", finished, err)
	}

	var got []string
	var checks []string
	faults := 0
	for e := range log.View().Events() {
		switch x := e.Body.(type) {
		case history.StepBegin:
			checks = x.Checks
		case history.StepEnd:
			got = append(got, fmt.Sprintf("%s/%d %s %s", x.Scenario, x.Step, x.Outcome, x.Text))
		case history.BenchFault:
			faults++
			got = append(got, "fault "+x.Where)
		case history.Passed:
			got = append(got, "passed "+x.For.String())
		case history.RunEnd:
			got = append(got, "end "+x.Reason)
		}
	}
	want := []string{
		"z/first/1 ok ",
		"z/first/2 precondition the drawer is empty Expected <int>: 1 to equal <int>: 2",
		"z/first/3 precondition no answer",
		"fault step",
		"z/first/4 precondition step: disk full (recorded as the bench's fault)",
		"fault step panicked",
		"z/first/5 interrupted nil drawer",
		"z/first/6 precondition " + device.ErrNotAble.Error(),
		"passed 1h0m0s",
		"z/first/7 ok ",
		"a/second/1 precondition the device or its control cannot do this: paper",
		"end finished",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !slices.Equal(checks, []string{"a.one"}) {
		t.Errorf("the last step names checks %v", checks)
	}
	if n := strings.Count(notes.String(), `"event":"step.end"`); n != 8 || !strings.Contains(notes.String(), `"of":8`) {
		t.Errorf("%d steps told of, want 8\n%s", n, notes.String())
	}
}
