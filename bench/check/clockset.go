package check

import (
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/fiscal"
)

func clockChecks() []Check {
	return []Check{
		{Key: "clock.lowerbound", Doc: "The clock cannot be set before the last document.",
			Scenarios: []string{"clock/lowerbound"}, Judge: judgeLowerBound},
		{Key: "config.shiftclosed", Doc: "OFD address and clock can be changed only while the shift is closed.",
			Scenarios: []string{"settings/shift"}, Judge: judgeShiftClosed},
	}
}

// nearClock is how close to the last document's time an attempt must lie to
// show where the register draws the line.
const nearClock = 2 * time.Minute

// lastDocument is the time of the last document on the device's clock: lo is
// that of the last receipt, hi that of the last document of any kind, since the row does
// not say whether a Z report or a cash operation is one.
type lastDocument struct {
	lo, hi time.Time
	at     history.Seq
}

func (l *lastDocument) take(r *Record, o *Operation) {
	if !o.isDocument() || !o.Done() {
		return
	}
	from := r.deviceTime(o.At, o.Seq).Truncate(time.Second)
	to := r.deviceTime(o.Res.Done, o.End)
	for _, x := range o.Sent {
		if t, ok := x.Moment(); ok && r.inWindow(o, t) {
			from, to = t, t // the register's own word, to the second
			break
		}
	}
	if o.IsReceipt() || l.at == 0 {
		l.lo = from
	}
	l.hi, l.at = to, o.End
}

func judgeLowerBound(r *Record, _ regulation.Params) []Judgement {
	v := verdict{r: r, readings: []Reading{readClock}}
	w := newWorld(r)
	var last lastDocument
	for _, o := range r.Ops {
		w.before(o)
		last.take(r, o)
		if o.Kind != fiscal.OpSetClock || o.As.Password != "" || last.at == 0 || o.Clock.IsZero() {
			w.after(o)
			continue
		}
		c := civil(o.Clock).Truncate(time.Second)
		open, known := w.open(o)
		a := with(refusal(o, nil), "set", stamp(c), "last", stamp(last.lo), "latest", stamp(last.hi))
		ev := []history.Seq{o.Seq, last.at}
		switch {
		case o.Got() == fiscal.Unsupported:
			v.open(unsure("op.unsupported", a).Citing(o.End))
		case c.Before(last.lo):
			back := o.After != nil && !o.After.Clock.IsZero() && civil(o.After.Clock).Before(last.lo)
			kept := o.After != nil && !o.After.Clock.IsZero() && !back
			switch {
			case back:
				v.fail(o, fail("clock.back", with(a, "now", stamp(civil(o.After.Clock))), o.After.Seq, ev...))
			case o.Done() && !kept:
				v.fail(o, fail("clock.taken", a, o.End, ev...))
			case (o.Refused() || kept) && known && !open && last.lo.Sub(c) <= nearClock:
				v.prove("below", o, append(ev, o.End)...)
			}
		case c.Before(last.hi):
			// between the last receipt and a later document of another kind: not settled
		case open || !known:
		case o.Done():
			if c.Sub(last.hi) <= nearClock {
				v.prove("above", o, append(ev, o.End)...)
			}
		case o.Refused():
			if e := w.excuse(o, ""); e == "" {
				v.fail(o, fail("clock.refused", a, o.End, ev...))
			}
		}
		w.after(o)
	}
	near := args{"near": whole(nearClock)}
	return v.end(need{"below", "clock.need.below", near}, need{"above", "clock.need.above", near})
}

func judgeShiftClosed(r *Record, _ regulation.Params) []Judgement {
	v := verdict{r: r, readings: []Reading{readToken}}
	w := newWorld(r)
	var last lastDocument
	for i, o := range r.Ops {
		w.before(o)
		last.take(r, o)
		what := ""
		switch {
		case o.Kind == fiscal.OpSetClock:
			what = "clock"
		case o.Kind == fiscal.OpSetSetting && (o.Setting == fiscal.SetOFDHost || o.Setting == fiscal.SetOFDPort):
			what = "address"
		}
		if what == "" || o.As.Password != "" {
			w.after(o)
			continue
		}
		a := with(refusal(o, nil), "what", "@what."+what, "value", o.Value)
		if what == "clock" {
			a["value"] = stamp(civil(o.Clock))
		}
		open, known := w.open(o)
		switch {
		case o.Got() == fiscal.Unsupported:
			v.open(unsure("config.unable", a).Citing(o.End))
		case !known:
		case open && o.Done():
			v.fail(o, fail("config.open", a, o.End, o.Seq, w.book().First.seq()))
		case open && o.Refused():
			if ev := r.doneAnyway(o, i); ev != 0 {
				v.fail(o, fail("config.anyway", a, ev, o.Seq, o.End))
				break
			}
			v.prove("locked "+what, o, o.End, o.Seq)
		case !open && o.Done():
			v.prove("free "+what, o, o.End, o.Seq)
		case !open && o.Refused():
			past := what == "clock" && (last.at == 0 || civil(o.Clock).Before(last.hi))
			if w.excuse(o, "") == "" && w.oldest(o) == nil && !past {
				v.fail(o, fail("config.locked", a, o.End, o.Seq))
			}
		}
		w.after(o)
	}
	var needs []need
	for _, what := range []string{"address", "clock"} {
		a := args{"what": "@what." + what}
		needs = append(needs, need{"locked " + what, "config.need.locked", a}, need{"free " + what, "config.need.free", a})
	}
	return v.end(needs...)
}

func (o *Operation) seq() history.Seq {
	if o == nil {
		return 0
	}
	return o.Seq
}
