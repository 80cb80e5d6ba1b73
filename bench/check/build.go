package check

import (
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/fiscal"
)

// NewRecord reads a view.
func NewRecord(v history.View) *Record {
	b := builder{
		r:      &Record{View: v, mono: true, byID: map[fiscal.OpID]*Operation{}, opening: map[uint64]*ConnAt{}, closing: map[uint64]*ConnAt{}},
		byReq:  map[history.Seq]*Exchange{},
		onConn: map[uint64]*Exchange{},
		faults: map[string]*Interval{}, scripts: map[string]*Interval{},
	}
	for e := range v.Events() {
		b.event(e)
	}
	b.endWindow()
	b.decode()
	b.r.attachStates()
	b.r.tie()
	b.r.clocks()
	b.r.secondsOfClock()
	b.r.Books = keepBooks(b.r)
	b.r.contradict()
	return b.r
}

type builder struct {
	r       *Record
	last    history.Event
	step    *Step
	op      *Operation // whose window is open
	prev    *Operation // the last operation whose window was closed
	byReq   map[history.Seq]*Exchange
	onConn  map[uint64]*Exchange // the last request of a connection
	faults  map[string]*Interval
	scripts map[string]*Interval
	jobs    []job
}

type job struct {
	x *Exchange
	a *Answer
}

func (b *builder) event(e history.Event) {
	r := b.r
	if b.last.Seq != 0 {
		if e.At.Mono < b.last.At.Mono {
			r.mono = false
			if e.At.Wall.Before(b.last.At.Wall) && r.Backwards == 0 {
				if c, ok := e.Body.(history.ClockSet); !ok || c.What != "bench" {
					r.Backwards = e.Seq
				}
			}
		}
	}
	b.last = e
	switch body := e.Body.(type) {
	case history.RunBegin:
		if r.Begun == 0 {
			r.Begin, r.Begun = body, e.Seq
		}
	case history.Identity:
		r.Identity, r.IdentityAt = body, e.Seq
	case history.Reference:
		r.References = append(r.References, RefAt{body, e.Seq})
	case history.StepBegin:
		b.step = &Step{Scenario: body.Scenario, N: body.Step, Name: body.Name, Checks: body.Checks, Begin: e.Seq}
		r.Steps = append(r.Steps, b.step)
	case history.StepEnd:
		if b.step != nil && b.step.Scenario == body.Scenario && b.step.N == body.Step {
			b.step.Outcome, b.step.Text, b.step.End = body.Outcome, body.Text, e.Seq
		}
		b.step = nil
	case history.BenchFault:
		r.Broken = append(r.Broken, e.Seq)
		if b.step != nil && b.step.Fault == 0 {
			b.step.Fault = e.Seq
		}
	case history.Intent:
		b.endWindow()
		o := &Operation{Op: body.Op, N: len(r.Ops), Seq: e.Seq, At: e.At, Step: b.step, Faulty: len(b.faults) > 0, Staged: len(b.scripts) > 0}
		r.Ops = append(r.Ops, o)
		r.byID[o.ID] = o
		b.op = o
		if o.Kind == fiscal.OpSetSetting {
			r.typed = append(r.typed, o)
		}
	case history.Result:
		o := r.byID[body.Op]
		if o == nil || o.End != 0 {
			return
		}
		o.End, o.Res = e.Seq, body
		if b.op == o {
			b.endWindow()
		}
	case history.Printed:
		p := &Paper{Seq: e.Seq, At: e.At, Op: b.owner(body.Op, e), Lines: body.Lines, Origin: body.Origin}
		r.Papers = append(r.Papers, p)
		if p.Op != nil {
			p.Op.Papers = append(p.Op.Papers, p)
		}
	case history.Shown:
		p := &Paper{Seq: e.Seq, At: e.At, Op: b.owner(body.Op, e), Lines: body.Lines, Origin: body.Origin}
		r.Shown = append(r.Shown, p)
		if p.Op != nil {
			p.Op.Shown = append(p.Op.Shown, p)
		}
	case history.State:
		r.States = append(r.States, StateAt{body, e.Seq, e.At})
	case history.Setting:
		r.Settings = append(r.Settings, SettingAt{body, e.Seq})
	case history.Conn:
		c := &ConnAt{body, e.Seq, e.At}
		r.Conns = append(r.Conns, c)
		switch {
		case body.State == "open":
			r.opening[body.ID] = c
		case r.closing[body.ID] == nil:
			r.closing[body.ID] = c
		}
	case history.Switched:
		r.Switches = append(r.Switches, SwitchAt{body, e.Seq, e.At})
	case history.Frame:
		b.frame(e, body)
	case history.Booked:
		if x := b.cause(e); x != nil && x.Booked == nil {
			x.Booked, x.BookSeq = &body, e.Seq
		}
	case history.FaultSet:
		i := &Interval{ID: body.ID, Text: body.Fault, Link: e.Link, From: e.Seq, FromT: e.At, Hits: -1}
		r.Faults = append(r.Faults, i)
		b.faults[e.Link+"\x00"+body.ID] = i
		if b.op != nil {
			b.op.Faulty = true
		}
	case history.FaultCleared:
		if i := b.faults[e.Link+"\x00"+body.ID]; i != nil {
			i.To, i.ToT, i.Hits = e.Seq, e.At, body.Struck
			delete(b.faults, e.Link+"\x00"+body.ID)
		}
	case history.Struck:
		if i := b.faults[e.Link+"\x00"+body.ID]; i != nil {
			i.Acts = append(i.Acts, e.Seq)
		}
	case history.OFDSet:
		i := &Interval{ID: body.ID, Text: body.Action, From: e.Seq, FromT: e.At, Hits: -1}
		r.Scripts = append(r.Scripts, i)
		b.scripts[body.ID] = i
		if b.op != nil {
			b.op.Staged = true
		}
	case history.OFDCleared:
		if i := b.scripts[body.ID]; i != nil {
			i.To, i.ToT, i.Hits = e.Seq, e.At, body.Fired
			delete(b.scripts, body.ID)
		}
	case history.Scripted:
		if i := b.scripts[body.ID]; i != nil {
			i.Acts = append(i.Acts, e.Seq)
		}
	case history.ClockSet:
		if body.What == "device" && !body.To.IsZero() {
			r.skews = append(r.skews, skewAt{e.Seq, civil(body.To).Sub(civil(e.At.Wall)), e.Seq})
		}
	}
}

// endWindow closes the window of the current operation: at its Result, or
// before the next Intent when it has none.
func (b *builder) endWindow() {
	if b.op == nil {
		return
	}
	b.op.windowE = b.last.Seq
	b.prev, b.op = b.op, nil
}

// owner is the operation that paper or display belong to.
func (b *builder) owner(id fiscal.OpID, e history.Event) *Operation {
	if id != "" {
		return b.r.byID[id]
	}
	for _, c := range e.Causes {
		if ev, ok := b.r.View.Get(c); ok {
			if in, ok := ev.Body.(history.Intent); ok {
				return b.r.byID[in.Op.ID]
			}
		}
	}
	return nil
}

func (b *builder) cause(e history.Event) *Exchange {
	for _, c := range e.Causes {
		if x := b.byReq[c]; x != nil {
			return x
		}
	}
	return nil
}

func (b *builder) frame(e history.Event, f history.Frame) {
	r := b.r
	if f.Dir == history.FromDevice {
		x := &Exchange{N: len(r.Exchanges), Seq: e.Seq, At: e.At, Conn: f.Conn, Bytes: f.Bytes, Class: f.Error, Lost: f.Lost, Faulty: len(b.faults) > 0, During: b.op}
		r.Exchanges = append(r.Exchanges, x)
		b.byReq[e.Seq], b.onConn[f.Conn] = x, x
		if b.op != nil {
			b.op.During = append(b.op.During, x)
		}
		b.jobs = append(b.jobs, job{x: x})
		return
	}
	x := b.cause(e)
	if x == nil {
		x = b.onConn[f.Conn]
	}
	if x == nil {
		return
	}
	a := &Answer{Seq: e.Seq, At: e.At, Bytes: f.Bytes}
	x.Answers = append(x.Answers, a)
	x.Lost = x.Lost || f.Lost
	x.Faulty = x.Faulty || len(b.faults) > 0
	b.jobs = append(b.jobs, job{a: a})
}

// decode reads all frames and papers, on every processor: each result has its
// own place, so the order of work does not matter.
func (b *builder) decode() {
	const chunk = 64
	spread(len(b.jobs), chunk, func(i int) {
		if j := b.jobs[i]; j.x != nil {
			j.x.Header, j.x.Req, j.x.Err = cpcr.DecodeRequest(j.x.Bytes)
		} else {
			j.a.Header, j.a.Res, j.a.Err = cpcr.DecodeResponse(j.a.Bytes)
		}
	})
	spread(len(b.r.Ops), chunk, func(i int) {
		o := b.r.Ops[i]
		o.print = newPrintout(o.Papers)
	})
}

// spread does n things on every processor, some at a time.
func spread(n, chunk int, f func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for from := range next {
				for i := from; i < min(from+chunk, n); i++ {
					f(i)
				}
			}
		})
	}
	for from := 0; from < n; from += chunk {
		next <- from
	}
	close(next)
	wg.Wait()
}

// attachStates gives each operation the states around it.
func (r *Record) attachStates() {
	i := 0
	for n, o := range r.Ops {
		for i < len(r.States) && r.States[i].Seq < o.Seq {
			i++
		}
		if i > 0 && (n == 0 || r.States[i-1].Seq > r.Ops[n-1].Seq) {
			o.Before = &r.States[i-1]
		}
		end := o.End
		if end == 0 {
			end = o.Seq
		}
		j := i
		for j < len(r.States) && r.States[j].Seq < end {
			j++
		}
		if j < len(r.States) && (n+1 == len(r.Ops) || r.States[j].Seq < r.Ops[n+1].Seq) {
			o.After = &r.States[j]
		}
	}
}

// clocks learns from State readings and from clock settings how far the
// device's clock is from the bench's.
func (r *Record) clocks() {
	for _, s := range r.States {
		if !s.Clock.IsZero() {
			r.skews = append(r.skews, skewAt{s.Seq, civil(s.Clock).Sub(civil(s.At.Wall)), s.Seq})
		}
	}
	for _, o := range r.Ops {
		if o.Kind == fiscal.OpSetClock && o.Done() && !o.Clock.IsZero() {
			r.skews = append(r.skews, skewAt{o.End, civil(o.Clock).Sub(civil(o.Res.Done.Wall)), o.End})
		}
	}
	sortSkews(r.skews)
}

// hasToken says whether a sign stands on the operation's paper, or is what the
// host line told.
func (o *Operation) hasToken(s string) bool {
	return o.print.numbers[strings.TrimLeft(s, "0")] || (s != "" && o.Res.Outcome.Sign == s)
}

// clockTolerance is how far a civil time of the device may lie outside the
// window in which the bench knows that something happened: civil time has whole
// seconds, and so has the reading that told how far the device's clock is off.
const clockTolerance = 2 * time.Second

// inWindow says whether a civil time of the device lies between Intent and Result.
func (r *Record) inWindow(o *Operation, t time.Time) bool {
	end := o.At
	if o.End != 0 {
		end = o.Res.Done
	}
	from := r.deviceTime(o.At, o.Seq).Add(-clockTolerance)
	to := r.deviceTime(end, o.Seq).Add(clockTolerance)
	return !t.Before(from) && !t.After(to)
}
