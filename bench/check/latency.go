package check

import (
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/fiscal"
)

func latencyChecks() []Check {
	return []Check{{Key: "latency.online", Doc: "From the end of the operator's input to the finished receipt no more time passes than the limit, whatever the OFD and the network do.",
		Params:    []Param{{Name: "limit", Type: tDuration, Required: true, Doc: "longest time allowed"}},
		Scenarios: []string{"online/latency"}, Judge: judgeLatency}}
}

func judgeLatency(r *Record, p regulation.Params) []Judgement {
	limit, err := p.Duration("limit")
	if err != nil {
		return badParam(err)
	}
	if j, bad := backwards(r); bad {
		return j
	}
	v := verdict{r: r, faulty: "latency.online", readings: []Reading{readOver}}
	wait, waits := r.limit("offline.enter", "answer")
	a := args{"limit": whole(limit)}
	var slowest Span
	var at []history.Seq
	for _, o := range r.Ops {
		if !o.IsReceipt() || o.As.Password != "" {
			continue
		}
		if o.Got() == fiscal.Unknown && o.End != 0 && o.Step.Held() {
			v.open(unsure("op.unanswered", with(a, "kind", kindWord(o), "op", string(o.ID))).Citing(o.End))
			continue
		}
		if !o.Done() {
			continue
		}
		if o.Res.Entered.Wall.IsZero() && o.Res.Entered.Mono == 0 {
			v.open(unsure("latency.unmeasured", with(a, "op", string(o.ID))).Citing(o.End))
			continue
		}
		d := r.Elapsed(o.Res.Entered, o.Res.Done)
		s := Span{max(0, d-2*o.Res.Blur), d + 2*o.Res.Blur}
		if d < 0 {
			v.fault(errSpan(Span{0, d}), o.End)
			continue
		}
		m := Measured{Name: "receipt time", Span: s, Limit: limit, Bounds: o.Res.Sources}
		b := with(a, "kind", kindWord(o), "time", s.String())
		switch AtMost(limit, s) {
		case Fail:
			v.fail(o, fail("latency.over", b, o.End, o.Seq).Measuring(m))
		case Unknown:
			v.open(unsure("latency.straddles", b).Citing(o.End, o.Seq).Measuring(m))
		case Pass:
			if !o.Step.Held() {
				continue
			}
			if s.Hi > slowest.Hi {
				slowest, v.measured, at = s, m, []history.Seq{o.End, o.Seq}
			}
			mode, x := r.Mode(o)
			if mode != Online && !waits {
				continue
			}
			for _, e := range o.Sent {
				if e.During == o && e.Answer() != nil {
					d := e.Delay(r)
					if d < nearAnswer {
						v.prove("fast", o, o.End, e.Seq)
					}
					if waits && d > wait-nearAnswer && d <= wait {
						v.prove("slow", o, o.End, e.Seq)
					}
				}
			}
			if mode == Online && x != nil && !waits {
				v.prove("slow", o, o.End)
			}
		}
	}
	v.prove("slowest", nil, at...)
	near := with(a, "wait", whole(wait), "near", whole(nearAnswer))
	return v.end(need{"slowest", "latency.need", a}, need{"fast", "latency.need.fast", near}, need{"slow", "latency.need.slow", near})
}
