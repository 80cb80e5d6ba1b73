package check

import (
	"slices"
	"strings"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

func selftestChecks() []Check {
	aspect := func(words ...string) Param {
		return Param{Name: "aspect", Type: tWord, Required: true, OneOf: words, Doc: "what is tested: units and assemblies, software, stored data, the link"}
	}
	return []Check{
		{Key: "selftest.run", Doc: "The register tests itself by itself when it is switched on and when the shift is closed: what was broken before is found at either moment.",
			Params:    []Param{{Name: "triggers", Type: tWords, Required: true, Doc: "moments of the test: switch_on, shift_end"}},
			Scenarios: []string{"selftest/units"}, Judge: judgeTriggers},
		{Key: "selftest.finds", Doc: "The test finds what is wrong: a broken unit, other software, an altered record, a lost link.",
			Params:    []Param{aspect("units", "software", "data", "link"), {Name: "integrity_checks", Type: tInt, Doc: "how many comparisons the row names; the last shift and the older ones"}},
			Scenarios: []string{"selftest/units", "selftest/link"}, Judge: judgeFinds},
		{Key: "selftest.blocks", Doc: "After a failed test no receipt is made until the cause is gone.",
			Params:    []Param{aspect("any", "units", "software", "data")},
			Scenarios: []string{"selftest/units"}, Judge: judgeBlocks},
		{Key: "store.integrity", Doc: "An altered record is found at each moment at which the stored data are compared.",
			Params: []Param{
				{Name: "compare_at", Type: tWords, Required: true, Doc: "switch_on, z_report, shift_start, shift_end"},
				{Name: "compare_per_shift", Type: tInt, Doc: "how often in a shift at least"},
			},
			Scenarios: []string{"selftest/units"}, Judge: judgeIntegrity},
	}
}

// breakage is a time in which something of the register was broken on purpose.
type breakage struct {
	unit     string
	from, to history.Seq // to 0: not repaired within the record
}

// aspectOf groups units as the rows do.
func aspectOf(unit string) string {
	switch {
	case unit == "software":
		return "software"
	case strings.HasPrefix(unit, "data"):
		return "data"
	}
	return "units"
}

const unitSwitch = "unit:"

func (r *Record) breakages() []breakage {
	var out []breakage
	for _, s := range r.Switches {
		unit, ok := strings.CutPrefix(s.What, unitSwitch)
		if !ok {
			continue
		}
		if s.To == "broken" {
			out = append(out, breakage{unit: unit, from: s.Seq})
			continue
		}
		for i := len(out) - 1; i >= 0; i-- {
			if out[i].unit == unit && out[i].to == 0 {
				out[i].to = s.Seq
				break
			}
		}
	}
	return out
}

// trial is what became of a breakage at a moment at which the register has to test itself.
type trial struct {
	breakage
	trigger string      // switch_on, shift_end
	at      history.Seq // the moment: power on, or the Z report
	close   *Operation  // the Z report, for shift_end
	sale    *Operation  // the first receipt after it, before the repair
	after   *Operation  // the first receipt that was done after the repair
	told    []string    // what stood on display and paper between the moment and the repair
	read    bool        // something was read there
	whole   history.Seq // a receipt that was done before, with nothing broken
	usual   []string    // what stood on the display after a switching on with nothing broken
}

// trials goes through the breakages.
func (r *Record) trials() []trial {
	var out []trial
	bs := r.breakages()
	broken := func(n history.Seq) bool {
		return slices.ContainsFunc(bs, func(b breakage) bool { return b.from < n && (b.to == 0 || n < b.to) })
	}
	var usual []string
	for _, p := range r.powerOffs() {
		if p.to == 0 || broken(p.to) {
			continue
		}
		for _, q := range r.Shown {
			if q.Seq > p.to && !r.opBetween(p.to, q.Seq) {
				usual = append(usual, q.Lines...)
				break
			}
		}
	}
	for _, b := range bs {
		to := b.to
		if to == 0 {
			to = ^history.Seq(0)
		}
		add := func(t trial) {
			t.breakage, t.usual = b, usual
			for _, o := range r.Ops {
				switch {
				case !plainSale(o):
				case o.Done() && o.Seq < b.from && !broken(o.Seq):
					t.whole = o.Seq
				case t.sale == nil && o.Seq > t.at && o.Seq < to:
					t.sale = o
				case t.after == nil && o.Seq > to && o.Done() && !broken(o.Seq):
					t.after = o
				}
			}
			for _, list := range [][]*Paper{r.Shown, r.Papers} {
				for _, q := range list {
					if q.Seq > t.at && q.Seq < to {
						t.told, t.read = append(t.told, q.Lines...), true
					}
				}
			}
			out = append(out, t)
		}
		on := history.Seq(0)
		for _, p := range r.powerOffs() {
			if p.to > b.from && p.to < to && on == 0 {
				on = p.to
				add(trial{trigger: "switch_on", at: p.to})
			}
		}
		for _, o := range r.Ops {
			if o.Kind == fiscal.OpZReport && o.As.Password == "" && o.Seq > b.from && o.Seq < to && (on == 0 || o.Seq < on) {
				add(trial{trigger: "shift_end", at: o.Seq, close: o})
				break
			}
		}
	}
	return out
}

func (r *Record) opBetween(a, b history.Seq) bool {
	return slices.ContainsFunc(r.Ops, func(o *Operation) bool { return o.Seq > a && o.Seq < b })
}

// stopped says whether the register refused fiscal work because of the breakage.
func (t trial) stopped() bool {
	return t.sale != nil && t.sale.Refused() || t.close != nil && t.close.Refused()
}

// sold says whether it went on as if nothing were.
func (t trial) sold() bool { return t.sale != nil && t.sale.Done() }

// says whether display or paper told something that they do not tell otherwise.
func (t trial) tells() bool {
	for _, l := range t.told {
		if q := squash(l); q != "" && !slices.ContainsFunc(t.usual, func(u string) bool { return squash(u) == q }) {
			return len(t.usual) > 0
		}
	}
	return false
}

func (t trial) evidence() []history.Seq {
	ev := []history.Seq{t.from, t.at}
	for _, o := range []*Operation{t.close, t.sale, t.after} {
		if o != nil && o.End != 0 {
			ev = append(ev, o.End)
		}
	}
	return dedupe(ev)
}

func (t trial) step() *Operation {
	if t.sale != nil {
		return t.sale
	}
	return t.close
}

func judgeTriggers(r *Record, p regulation.Params) []Judgement {
	v := verdict{r: r}
	var needs []need
	for _, trigger := range p.Words("triggers") {
		r.judgeTrigger(&v, trigger, func(string) bool { return true })
		needs = append(needs, need{trigger, "selftest.need.trigger", args{"trigger": "@trigger." + trigger}})
	}
	return v.end(needs...)
}

// judgeTrigger: something that is found at one moment and not at another shows
// that there was no test at the other.
func (r *Record) judgeTrigger(v *verdict, trigger string, of func(unit string) bool) {
	trials := r.trials()
	for _, t := range trials {
		if t.trigger != trigger || t.whole == 0 || !of(t.unit) {
			continue
		}
		ev := t.evidence()
		a := args{"unit": "@unit." + aspectOf(t.unit), "trigger": "@trigger." + trigger}
		switch {
		case t.stopped() || t.tells():
			v.prove(trigger, t.step(), ev...)
		case t.sold() && slices.ContainsFunc(trials, func(o trial) bool { return o.trigger != trigger && o.unit == t.unit && o.stopped() }):
			v.fail(t.step(), fail("selftest.missed", a, ev[0], ev[1:]...))
		case t.sold():
			v.open(unsure("selftest.silent", a).Citing(ev...))
		}
	}
}

func judgeFinds(r *Record, p regulation.Params) []Judgement {
	if p.Word("aspect") == "link" {
		return r.linkTest()
	}
	v := verdict{r: r}
	a := args{"unit": "@unit." + p.Word("aspect")}
	for _, t := range r.trials() {
		if aspectOf(t.unit) != p.Word("aspect") || t.whole == 0 || t.trigger != "switch_on" {
			continue
		}
		ev := t.evidence()
		b := with(a, "trigger", "@trigger."+t.trigger)
		switch {
		case t.stopped() || t.tells():
			v.prove("found", t.step(), ev...)
			v.prove("found "+t.unit, t.step(), ev...)
		case t.sold():
			v.fail(t.step(), fail("selftest.missed", b, ev[0], ev[1:]...))
		}
	}
	needs := []need{{"found", "selftest.need.found", a}}
	if p.Word("aspect") == "data" {
		needs = append(needs, need{"found data-old", "selftest.need.old", a})
	}
	return v.end(needs...)
}

func judgeBlocks(r *Record, p regulation.Params) []Judgement {
	v := verdict{r: r, readings: []Reading{readRefusal}}
	a := args{"unit": "@unit." + p.Word("aspect")}
	for _, t := range r.trials() {
		if p.Word("aspect") != "any" && aspectOf(t.unit) != p.Word("aspect") || t.whole == 0 || t.trigger != "switch_on" {
			continue
		}
		ev := t.evidence()
		switch {
		case t.sold():
			v.fail(t.step(), fail("selftest.sold", with(a, "unit", "@unit."+aspectOf(t.unit)), ev[0], ev[1:]...))
		case t.sale != nil && t.sale.Refused():
			v.prove("blocked", t.sale, ev...)
			if t.after != nil {
				v.prove("after", t.after, t.after.End, t.to)
			}
		}
	}
	return v.end(need{"blocked", "selftest.need.blocked", a}, need{"after", "selftest.need.after", a})
}

func judgeIntegrity(r *Record, p regulation.Params) []Judgement {
	v := verdict{r: r}
	var needs []need
	for _, at := range p.Words("compare_at") {
		trigger := map[string]string{"switch_on": "switch_on", "shift_start": "switch_on", "z_report": "shift_end", "shift_end": "shift_end"}[at]
		if trigger == "" || slices.ContainsFunc(needs, func(n need) bool { return n.kind == trigger }) {
			continue
		}
		r.judgeTrigger(&v, trigger, func(unit string) bool { return aspectOf(unit) == "data" })
		needs = append(needs, need{trigger, "selftest.need.trigger", args{"trigger": "@trigger." + trigger}})
	}
	return v.end(needs...)
}

// linkTest: a message made for that goes to the OFD when the register is switched
// on and nothing waits to be sent, and its answer is awaited; without a link
// something else is told than with one.
func (r *Record) linkTest() []Judgement {
	v := verdict{r: r, readings: []Reading{readTrial}}
	bs := r.breakages()
	w := newWorld(r)
	next := 0
	var good, bad []string // what is told with a link, and without one
	var goodAt, badAt history.Seq
	for _, p := range r.powerOffs() {
		if p.to == 0 || slices.ContainsFunc(bs, func(b breakage) bool { return b.from < p.to && (b.to == 0 || p.to < b.to) }) {
			continue
		}
		until, first := ^history.Seq(0), (*Operation)(nil)
		for ; next < len(r.Ops) && r.Ops[next].Seq < p.to; next++ {
			w.before(r.Ops[next])
			w.after(r.Ops[next])
		}
		if next < len(r.Ops) {
			first = r.Ops[next]
			until = first.Seq
			w.before(first)
		}
		if w.barred != nil || first != nil && w.oldest(first) != nil || len(r.Books) > 0 && r.waiting(p.to) {
			continue // what waits goes first (cpcr.md 4.3)
		}
		cut := slices.ContainsFunc(r.Faults, func(i *Interval) bool { return i.From < p.to && (i.To == 0 || i.To > until) })
		told := r.toldAfter(p.to, until)
		if cut {
			if len(told) > 0 && bad == nil {
				bad, badAt = told, p.to
			}
			continue
		}
		if r.troubled(p.to, min(until, history.Seq(r.View.Len()))) || first == nil {
			continue
		}
		if len(told) > 0 && good == nil {
			good, goodAt = told, p.to
		}
		var test, other *Exchange
		for _, x := range r.Exchanges {
			if x.Seq < p.from || x.Seq > until { // a person reports the switching when it is done and the test over
				continue
			}
			switch {
			case x.Command() == canon.CommandTypeEnum_COMMAND_SYSTEM && test == nil:
				test = x
			case other == nil:
				other = x
			}
		}
		switch {
		case test != nil && test.Answer() != nil && (other == nil || test.Answer().Seq < other.Seq):
			v.prove("message", nil, p.to, test.Seq, test.Answer().Seq)
		case test != nil && other != nil && (test.Answer() == nil || test.Answer().Seq > other.Seq):
			v.fail(nil, fail("selftest.impatient", nil, other.Seq, test.Seq, p.to))
		case test == nil && other != nil:
			v.open(unsure("selftest.othermessage", args{"command": other.Command().String()}, readTrial).Citing(other.Seq, p.to))
		case test == nil && first.Done() && first.isDocument():
			v.fail(nil, absent("selftest.nomessage", nil, first.Seq, p.to))
		}
	}
	if good != nil && bad != nil {
		if squash(strings.Join(good, "")) == squash(strings.Join(bad, "")) {
			v.fail(nil, fail("selftest.sameresult", args{"text": strings.Join(bad, " / ")}, badAt, goodAt))
		} else {
			v.prove("negative", nil, badAt, goodAt)
		}
	}
	return v.end(need{"message", "selftest.need.message", nil}, need{"negative", "selftest.need.negative", nil})
}

// waiting says whether documents of any kind were made alone and not booked before event n.
func (r *Record) waiting(n history.Seq) bool {
	return slices.ContainsFunc(r.Ops, func(o *Operation) bool {
		if !o.isDocument() || !o.Done() || o.Seq > n {
			return false
		}
		b := o.Booked()
		return b == nil || b.Seq > n
	})
}

// toldAfter is what display and paper told between two events.
func (r *Record) toldAfter(from, to history.Seq) []string {
	var out []string
	for _, list := range [][]*Paper{r.Shown, r.Papers} {
		for _, q := range list {
			if q.Seq > from && q.Seq < to {
				out = append(out, q.Lines...)
			}
		}
	}
	return out
}
