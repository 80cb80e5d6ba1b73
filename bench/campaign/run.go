package campaign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	"github.com/onsi/gomega"

	"github.com/kkmtest/kkmtest/bench"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/history"
)

// Note is one line about the progress of a run, as the runner tells its parent.
type Note struct {
	Event    string `json:"event"` // step.begin, step.end, run.end
	Scenario string `json:"scenario,omitempty"`
	Step     int    `json:"step,omitempty"`
	Of       int    `json:"of,omitempty"` // steps of the plan
	N        int    `json:"n,omitempty"`  // this step's number among them
	Name     string `json:"name,omitempty"`
	Outcome  string `json:"outcome,omitempty"`
	Text     string `json:"text,omitempty"`
}

// grace is what a step gets to clean up when the run is interrupted.
const grace = 5 * time.Second

// spec is what a label cannot carry: which step of which scenario a spec is.
type spec struct {
	s    bench.Scenario
	step int
	n    int
}

// Run compiles the plan into Ginkgo specs and runs them on the rig: one
// container whose order is kept and that goes on after a failure, one spec a step.
// It may be called once in a process, and says whether the run came to its end;
// what the steps did stands in the record. Notes are JSON lines. When the
// register does not answer at all no step is tried: all of them lack their precondition.
func Run(plan Plan, b *bench.Bench, notes, log io.Writer) (finished bool, err error) {
	hello := b.Hello(context.Background())
	if hello != nil && !errors.Is(hello, bench.ErrPrecondition) {
		return false, hello
	}
	total := 0
	for _, s := range plan.Scenarios {
		total += len(s.Steps)
	}
	enc := json.NewEncoder(notes)
	tell := func(n Note) {
		n.Of = total
		err = errors.Join(err, enc.Encode(n))
	}
	specs := map[string]spec{}
	aborted, begun := false, false

	gomega.RegisterFailHandler(ginkgo.Fail)
	n := 0
	ginkgo.Describe("campaign", ginkgo.Ordered, ginkgo.ContinueOnFailure, func() {
		for _, s := range plan.Scenarios {
			for i, st := range s.Steps {
				n++
				sp := spec{s, i + 1, n}
				text := fmt.Sprintf("%s %d: %s", s.Key, i+1, st.Name)
				specs[text] = sp
				ginkgo.It(text, labels(slices.Concat(s.Checks, s.Also)), types.CodeLocation{FileName: "plan", LineNumber: n}, func(ctx ginkgo.SpecContext) {
					tell(Note{Event: "step.begin", Scenario: s.Key, Step: sp.step, N: sp.n, Name: st.Name})
					must(b.Begin(s, sp.step))
					begun = true
					must(hello)
					for _, c := range s.Needs {
						if !b.Can(c) {
							ginkgo.Fail(fmt.Sprintf("the device or its control cannot do this: %s", c))
						}
					}
					must(trouble(b, step(ctx, st, b)))
				})
			}
		}
	})
	ginkgo.ReportAfterEach(func(r ginkgo.SpecReport) {
		sp, ok := specs[r.LeafNodeText]
		if !ok {
			return
		}
		outcome, text := "ok", ""
		switch {
		case r.State.Is(types.SpecStatePassed):
		case r.State.Is(types.SpecStateFailed):
			outcome, text = "precondition", short(r.Failure.Message)
		case r.State.Is(types.SpecStatePanicked):
			outcome, text = "interrupted", short(r.Failure.ForwardedPanic)
			_ = b.Fault("step panicked", errors.New(text+" at "+r.Failure.Location.String()))
		default:
			outcome, text, aborted = "interrupted", r.State.String(), true
		}
		if begun { // a step that was skipped has no beginning in the record
			err = errors.Join(err, b.End(outcome, text))
			begun = false
		}
		tell(Note{Event: "step.end", Scenario: sp.s.Key, Step: sp.step, N: sp.n, Outcome: outcome, Text: text})
	})

	sc, rc := ginkgo.GinkgoConfiguration()
	sc.Timeout, sc.GracePeriod, sc.RandomSeed, sc.FailOnEmpty = 0, grace, 1, true
	rc.NoColor = true
	ginkgo.GinkgoWriter.TeeTo(log)
	ginkgo.RunSpecs(failer{}, "kkmtest", sc, rc)

	reason := "finished"
	if aborted {
		reason = "aborted"
	}
	if _, e := b.Log.Append(history.Bench, history.RunEnd{Reason: reason}); e != nil {
		err = errors.Join(err, e)
	}
	tell(Note{Event: "run.end", Outcome: reason})
	return !aborted, err
}

// must fails the running spec with the words of an error. Gomega's own matchers for
// errors print addresses, and what a spec fails with ends up in the record.
func must(err error) {
	if err != nil {
		ginkgo.Fail(err.Error(), 1)
	}
}

func step(ctx context.Context, st bench.Step, b *bench.Bench) error {
	if err := b.Await(ctx, st.After); err != nil {
		return err
	}
	return st.Run(ctx, b)
}

// trouble tells a missing capability from a failure of the bench, and records the latter.
func trouble(b *bench.Bench, err error) error {
	if err == nil || errors.Is(err, device.ErrNotAble) || errors.Is(err, bench.ErrRecorded) || errors.Is(err, bench.ErrPrecondition) {
		return err
	}
	return b.Fault("step", err)
}

func labels(checks []string) ginkgo.Labels {
	var out ginkgo.Labels
	for _, c := range slices.Sorted(slices.Values(checks)) {
		out = append(out, "check:"+c)
	}
	return out
}

// short makes one line of a failure message.
func short(s string) string {
	return strings.Join(strings.Fields(s), " ")
}

// failer satisfies Ginkgo: a failed precondition is no failure of the process.
type failer struct{}

func (failer) Fail() {}
