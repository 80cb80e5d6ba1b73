package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

// most bounds how many failures of one check are spelled out: the first ones
// explain the defect, and a register that fails ten thousand times fails.
const most = 5

// quote bounds how many events a pass cites for one kind of evidence.
const quote = 3

// verdict collects what a check finds and puts the judgement together at the
// end: a failure outweighs everything, an unsettled event outweighs a pass, and
// without every kind of evidence that was asked for there is no pass.
type verdict struct {
	fails, faults, opens []Judgement
	proof                map[string][]history.Seq
	measured             Measured
	readings             []Reading
	shaky                *Step // a step whose preconditions failed and that held evidence

	r      *Record
	faulty string // key of a check that needs faults to have struck, "" = none
}

// fail adds a failure that rests on operation o. In a step whose preconditions
// did not hold it proves nothing and stays undecided.
func (v *verdict) fail(o *Operation, j Judgement) {
	if o != nil && !v.holds(o) {
		v.open(unsure("step.failed", stepArgs(o.Step)).Citing(j.events...))
		return
	}
	if j.result == Error {
		v.faults = append(v.faults, j)
		return
	}
	v.fails = append(v.fails, j.With(v.readings...))
}

func (v *verdict) open(j Judgement) {
	if j.result == Error {
		v.faults = append(v.faults, j)
		return
	}
	v.opens = append(v.opens, j)
}

func (v *verdict) fault(err error, at history.Seq) { v.faults = append(v.faults, BenchFault(err, at)) }

// prove adds evidence of a kind. In a step that did not hold it is none.
func (v *verdict) prove(kind string, o *Operation, at ...history.Seq) {
	if o != nil && !v.holds(o) {
		return
	}
	if v.proof == nil {
		v.proof = map[string][]history.Seq{}
	}
	have := v.proof[kind]
	if len(have) >= quote {
		return // the first ones are quoted; that there are more changes nothing
	}
	for _, n := range at {
		if n != 0 {
			have = append(have, n)
		}
	}
	v.proof[kind] = have
}

func (v *verdict) proven(kind string) bool { return len(v.proof[kind]) > 0 }

func (v *verdict) holds(o *Operation) bool {
	if !o.Step.Held() {
		v.shaky = o.Step
		return false
	}
	return true
}

func stepArgs(s *Step) args {
	out := s.Outcome
	if out == "" {
		out = "@step.cut"
	} else {
		out = "@step." + out
	}
	if s.Fault != 0 {
		out = "@step.fault"
	}
	text := s.Text
	if text == "" {
		text = "-"
	}
	return args{"step": fmt.Sprintf("%s/%d", s.Scenario, s.N), "name": s.Name, "outcome": out, "text": text}
}

// need is a kind of evidence without which there is no pass, and the message
// that says what is missing.
type need struct {
	kind string
	key  string
	args args
}

// end gives the judgements, worst first.
func (v *verdict) end(needs ...need) []Judgement {
	var out []Judgement
	if len(v.fails) > 0 {
		out = append(out, v.fails[:min(most, len(v.fails))]...)
	}
	out = append(out, v.faults[:min(most, len(v.faults))]...)
	out = append(out, v.opens[:min(most, len(v.opens))]...)
	if len(out) > 0 {
		return out
	}
	var missing []Judgement
	for _, n := range needs {
		if !v.proven(n.kind) {
			missing = append(missing, unsure(n.key, n.args, v.readings...))
		}
	}
	if len(missing) > 0 {
		if i, met := v.idle(); i != nil {
			if met != 0 {
				return append([]Judgement{BenchFault(fmt.Errorf("%q (%s) was set and never did anything, although the register sent something: what it should have shown is not in the record", i.ID, i.Text), i.From).Citing(met)}, missing...)
			}
			missing = append([]Judgement{unsure("fault.idle", args{"id": i.ID, "fault": i.Text}).Citing(i.From)}, missing...)
		}
		if v.shaky != nil {
			at := v.shaky.End
			if at == 0 {
				at = v.shaky.Begin
			}
			if v.shaky.Fault != 0 {
				return append([]Judgement{BenchFault(fmt.Errorf("step %s/%d ended with a fault of the bench", v.shaky.Scenario, v.shaky.N), v.shaky.Fault)}, missing...)
			}
			missing = append([]Judgement{unsure("step.failed", stepArgs(v.shaky)).Citing(at)}, missing...)
		}
		return missing
	}
	var ev []history.Seq
	for _, n := range needs {
		p := v.proof[n.kind]
		ev = append(ev, p[:min(quote, len(p))]...)
	}
	ev = dedupe(ev)
	if len(ev) == 0 {
		return []Judgement{unsure("evidence.none", nil, v.readings...)}
	}
	return []Judgement{Passed(v.measured, ev[0], ev[1:]...).With(v.readings...)}
}

// idle finds a fault or a script that was set for this check and never acted,
// and a message of the register that came meanwhile: then the bench failed. A register
// that sent nothing gave it nothing to act on; that is no fault of the bench.
func (v *verdict) idle() (*Interval, history.Seq) {
	if v.faulty == "" || v.r == nil {
		return nil, 0
	}
	var quiet *Interval
	for _, list := range [][]*Interval{v.r.Faults, v.r.Scripts} {
		for _, i := range list {
			if i.Hits != 0 || !slices.Contains(v.r.checksAt(i.From), v.faulty) {
				continue
			}
			for _, x := range v.r.Exchanges {
				if i.Within(x.Seq) {
					return i, x.Seq
				}
			}
			if quiet == nil {
				quiet = i
			}
		}
	}
	return quiet, 0
}

func dedupe(s []history.Seq) []history.Seq {
	s = slices.Clone(s)
	slices.Sort(s)
	return slices.Compact(s)
}

// backwards ends a check that measures time when the bench's own clock ran backwards.
func backwards(r *Record) ([]Judgement, bool) {
	if r.Backwards == 0 {
		return nil, false
	}
	return []Judgement{BenchFault(fmt.Errorf("the bench's clock ran backwards before event %d: no time of this record can be trusted", r.Backwards), r.Backwards)}, true
}

// badParam is a row whose parameters cannot be used: the catalogue's fault, which is the bench's.
func badParam(err error) []Judgement { return []Judgement{BenchFault(err, 0)} }

// hms prints a duration as laboratories quote it: 72h01m00s; shorter ones plainly.
func hms(d time.Duration) string {
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	if d < time.Minute {
		return sign + d.Round(time.Millisecond).String()
	}
	rest := d % time.Second
	s := fmt.Sprintf("%s%dh%02dm%02ds", sign, d/time.Hour, d/time.Minute%60, d/time.Second%60)
	if d < time.Hour {
		s = fmt.Sprintf("%s%dm%02ds", sign, d/time.Minute, d/time.Second%60)
	}
	if ms := rest.Round(time.Millisecond) / time.Millisecond; ms > 0 && ms < 1000 {
		s = strings.TrimSuffix(s, "s") + fmt.Sprintf(".%03ds", ms)
	}
	return s
}

// whole prints a limit without zeros that say nothing: 72h, 5s, 1h30m.
func whole(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// String prints middle and half width: 72h01m00s ± 0.4s.
func (s Span) String() string {
	mid, half := s.Lo+(s.Hi-s.Lo)/2, (s.Hi-s.Lo)/2
	if half <= 0 {
		return hms(mid)
	}
	tenths := (half + 50*time.Millisecond - 1) / (100 * time.Millisecond)
	if half < 50*time.Millisecond {
		return fmt.Sprintf("%s ± %s", hms(mid), half.Round(time.Millisecond/10))
	}
	return fmt.Sprintf("%s ± %d.%ds", hms(mid), tenths/10, tenths%10)
}

// kindWord is the vocabulary key of an operation.
func kindWord(o *Operation) string {
	if o.IsReceipt() {
		return "@op." + string(o.Receipt.Kind)
	}
	return "@op." + string(o.Kind)
}

func seqs(x ...*Exchange) []history.Seq {
	var out []history.Seq
	for _, x := range x {
		if x != nil {
			out = append(out, x.Seq)
		}
	}
	return out
}

func yesno(b bool) string {
	if b {
		return "@yes"
	}
	return "@no"
}

func amount(t fiscal.Tiyn) string { return t.String() }
