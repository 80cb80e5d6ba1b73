package check

import (
	"slices"
	"strconv"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/fiscal"
)

func keepChecks() []Check {
	return []Check{
		{Key: "paper.block", Doc: "Without paper, or when it goes in the middle of a receipt, no operation is completed until it is back.",
			Scenarios: []string{"paper/out"}, Judge: judgePaper},
		{Key: "store.kept", Doc: "What was made without a link is kept unchanged, over a loss of power too, until it has been sent.",
			Params: []Param{
				{Name: "retention", Type: tDuration, Doc: "how long it must be kept at least; without it any loss of power in between shows it"},
				{Name: "power", Type: tWord, OneOf: []string{"none"}, Doc: "none: kept that long without power"},
				{Name: "retention_words", Type: tWord, Doc: "a time for which the row names no figure: it has to be shown by documents as well"},
				{Name: "retention_years", Type: tInt, Doc: "figure that goes with retention_words"},
				{Name: "until", Type: tWord, Doc: "sent: until the OFD has it"},
				{Name: "from", Type: tWord, Doc: "record_date: counted from the making of the receipt"},
				{Name: "store", Type: tWords, Doc: "where it is kept; not judged"},
				{Name: "memory", Type: tWord, Doc: "kind of memory; not judged"},
				{Name: "content", Type: tWord, Doc: "row that lists what is kept"},
			},
			Scenarios: []string{"store/kept"}, Judge: judgeKept},
	}
}

// paperOut is a time in which the register had no paper.
type paperOut struct {
	from, to history.Seq // to 0: to the end of the record
	fromT    clock.Instant
	toT      clock.Instant
}

func (r *Record) paperOuts() []paperOut {
	var out []paperOut
	for _, s := range r.Switches {
		if s.What != "paper" {
			continue
		}
		in := slices.Contains([]string{"on", "in", "back", "true"}, s.To)
		switch open := len(out) > 0 && out[len(out)-1].to == 0; {
		case !in && !open:
			out = append(out, paperOut{from: s.Seq, fromT: s.At})
		case in && open:
			out[len(out)-1].to, out[len(out)-1].toT = s.Seq, s.At
		}
	}
	return out
}

// paperless says whether there was no paper at some moment of an operation.
func (r *Record) paperless(o *Operation) bool {
	return slices.ContainsFunc(r.paperOuts(), func(p paperOut) bool { return p.from < o.windowE && (p.to == 0 || p.to > o.Seq) })
}

// judgePaper: KZ 431 row 6. Of a receipt during which the paper went it is enough
// that it is not complete before the paper is back, and complete afterwards.
func judgePaper(r *Record, _ regulation.Params) []Judgement {
	v := verdict{r: r, readings: []Reading{readRefusal}}
	outs := r.paperOuts()
	w := newWorld(r)
	var waited *Operation
	for _, o := range r.Ops {
		w.before(o)
		if !o.IsReceipt() || o.As.Password != "" {
			w.after(o)
			continue
		}
		a := refusal(o, args{"op": seqText(o.Seq)})
		for _, p := range outs {
			switch {
			case p.from < o.Seq && (p.to == 0 || o.End != 0 && p.to > o.End):
				// no paper during the whole operation
				switch b := o.Booked(); {
				case o.Done():
					v.fail(o, fail("paper.sold", a, o.End, o.Seq, p.from))
				case o.Refused() && b != nil && b.During == o:
					v.fail(o, fail("paper.booked", a, b.Seq, o.End, o.Seq, p.from))
				case o.Refused():
					v.prove("refused", o, o.End, o.Seq, p.from)
					waited = o
				}
			case p.from > o.Seq && o.End != 0 && p.from < o.End:
				// it went in the middle
				switch {
				case o.Done() && (p.to == 0 || p.to > o.End):
					v.fail(o, fail("paper.finished", a, o.End, o.Seq, p.from))
				case o.Done() && r.Readable():
					r.wholeReceipt(&v, o, p, a)
				case o.Refused():
					v.prove("middle", o, o.End, o.Seq, p.from)
				}
				waited = o
			}
		}
		if waited != nil && waited != o && plainSale(o) && !slices.ContainsFunc(outs, func(p paperOut) bool { return p.from < o.Seq && (p.to == 0 || p.to > o.Seq) }) {
			switch {
			case o.Done():
				v.prove("after", o, o.End, o.Seq)
			case o.Refused() && w.excuse(o, "") == "" && !w.alone(o):
				v.fail(o, fail("paper.stuck", a, o.End, o.Seq))
			}
			waited = nil
		}
		w.after(o)
	}
	return v.end(need{"refused", "paper.need.refused", nil}, need{"middle", "paper.need.middle", nil}, need{"after", "paper.need.after", nil})
}

// wholeReceipt wants the receipt whose paper went away on paper in the end: total
// and sign stand there, as far as they stand on receipts that had their paper.
func (r *Record) wholeReceipt(v *verdict, o *Operation, p paperOut, a args) {
	ev := []history.Seq{o.End, o.Seq, p.from}
	total, sign, signs := false, true, 0 // what other receipts show that were made in the same mode
	mode, _ := r.Mode(o)
	for _, other := range r.Ops {
		if m, _ := r.Mode(other); m == mode && other != o && other.IsReceipt() && other.Done() && len(other.Papers) > 0 {
			total = total || other.print.sums[other.Receipt.Total()]
			if s := r.signOf(other); s != "" {
				signs++
				sign = sign && other.shows(s)
			}
		}
	}
	s := r.signOf(o)
	sign = sign && signs > 0
	if total && !o.print.sums[o.Receipt.Total()] || sign && s != "" && !o.shows(s) {
		v.fail(o, fail("paper.partial", a, ev[0], ev[1:]...))
		return
	}
	if total && sign && s != "" {
		v.prove("middle", o, ev...)
	}
}

// signOf is the sign that a receipt has to bear, "" when the record does not tell.
func (r *Record) signOf(o *Operation) string {
	switch m, x := r.Mode(o); {
	case m == Online:
		return x.Sign()
	case m == Autonomous && marked(o) != nil:
		n, _ := marked(o).OfflineNumber()
		return strconv.FormatUint(uint64(n), 10)
	}
	return ""
}

// powerOff is a time without power.
type powerOff struct {
	from, to   history.Seq
	fromT, toT clock.Instant
}

func (r *Record) powerOffs() []powerOff {
	var out []powerOff
	for _, s := range r.Switches {
		if s.What != "power" {
			continue
		}
		on := slices.Contains([]string{"on", "in", "back", "true"}, s.To)
		switch open := len(out) > 0 && out[len(out)-1].to == 0; {
		case !on && !open:
			out = append(out, powerOff{from: s.Seq, fromT: s.At})
		case on && open:
			out[len(out)-1].to, out[len(out)-1].toT = s.Seq, s.At
		}
	}
	return out
}

// judgeKept: KZ 431 rows 7 and 26. A document that was made alone before the power
// went is held against its message after the power came back.
func judgeKept(r *Record, p regulation.Params) []Judgement {
	var retention time.Duration
	if p.Word("retention") != "" {
		d, err := p.Duration("retention")
		if err != nil {
			return badParam(err)
		}
		retention = d
	}
	if j, bad := backwards(r); bad {
		return j
	}
	v := verdict{r: r, faulty: "store.kept", readings: []Reading{readKept}}
	offs := r.powerOffs()
	usual := r.usual(offs)
	a := args{"retention": whole(retention)}
	if retention == 0 {
		a["retention"] = "@keep.power"
	}
	var later *Exchange // a document made later that is booked
	for i := len(r.Ops) - 1; i >= 0; i-- {
		o := r.Ops[i]
		x := o.Booked()
		if m, _ := r.Mode(o); (o.IsReceipt() || o.Kind == fiscal.OpZReport) && o.Done() && (m == Autonomous || x == nil) {
			r.judgeKeptOne(&v, o, x, later, offs, usual, retention, p.Word("power") == "none", a)
		}
		if x != nil && o.isDocument() && (later == nil || x.Seq < later.Seq) {
			later = x
		}
	}
	js := v.end(need{"kept", "keep.need", a})
	if worst(js) == Pass && p.Word("retention_words") != "" {
		return []Judgement{unsure("keep.document", args{"time": p.Word("retention_words")}, readKept).Citing(js[0].events...)}
	}
	return js
}

func (r *Record) judgeKeptOne(v *verdict, o *Operation, x, later *Exchange, offs []powerOff, usual map[string]bool, retention time.Duration, dark bool, a args) {
	var without time.Duration // time without power between making and sending
	var off powerOff
	for _, p := range offs {
		if p.from > o.End && p.to != 0 && (x == nil || p.to < x.Seq) {
			if d := r.Elapsed(p.fromT, p.toT); d > without {
				without, off = d, p
			}
		}
	}
	if off.to == 0 {
		return
	}
	b := with(a, "op", seqText(o.Seq), "kind", kindWord(o))
	if x == nil {
		// Something that was made later has arrived, and this has not.
		if later != nil && later.Seq > off.to && !refusedByOFD(o) {
			v.fail(o, fail("keep.lost", b, later.Seq, o.Seq, o.End, off.to))
		}
		return
	}
	if field, want, got, same := r.unchanged(o, x, usual); !same {
		v.fail(o, fail("keep.changed", with(b, "field", field, "want", orNone(want), "got", orNone(got)), x.Seq, o.Seq, o.End, off.to).bytes(head(x.Bytes)))
		return
	}
	age := r.Elapsed(o.Res.Done, x.At)
	if dark {
		age = without
	}
	if age >= retention {
		v.measured = Measured{Name: "kept", Span: Span{age, age}}
		v.prove("kept", o, x.Seq, o.Seq, off.from, off.to)
	}
}

// unchanged compares a message with what was entered and printed. What is wrong in
// messages that were sent without a loss of power in between is no matter of
// keeping: it has rows of its own, and is not compared.
func (r *Record) unchanged(o *Operation, x *Exchange, usual map[string]bool) (field, want, got string, same bool) {
	for _, d := range r.differences(o, x) {
		if !usual[d.field] {
			return d.field, d.want, d.got, false
		}
	}
	return "", "", "", true
}

// difference is a field of a message that is not as the operation was.
type difference struct{ field, want, got string }

func (r *Record) differences(o *Operation, x *Exchange) []difference {
	var out []difference
	if t, ok := x.Moment(); ok && !r.inWindow(o, t) {
		out = append(out, difference{"@field.time", stamp(r.deviceTime(o.At, o.Seq)), stamp(t)})
	}
	if t := x.Req.GetTicket(); t != nil && o.IsReceipt() {
		c := ticket{r, o, x, t}
		for _, f := range ticketFields {
			if !slices.Contains([]string{"operation", "total", "payments", "goods.name", "goods.quantity", "goods.price", "goods.sum"}, f.name) {
				continue
			}
			for _, s := range f.read(c) {
				if !s.ok && s.open == "" && !s.missing {
					out = append(out, difference{"@field." + f.name, s.want, s.got})
				}
			}
		}
		if n, ok := x.OfflineNumber(); ok && len(o.Papers) > 0 {
			if sign := strconv.FormatUint(uint64(n), 10); !o.shows(sign) {
				out = append(out, difference{"@receipt.sign", "@something", sign})
			}
		}
	}
	return out
}

// usual are the fields that are wrong in messages without a loss of power before them.
func (r *Record) usual(offs []powerOff) map[string]bool {
	out := map[string]bool{}
	for _, o := range r.Ops {
		x := o.Booked()
		if x == nil || !o.Done() || slices.ContainsFunc(offs, func(p powerOff) bool { return p.from > o.Seq && p.from < x.Seq }) {
			continue
		}
		for _, d := range r.differences(o, x) {
			out[d.field] = true
		}
	}
	return out
}
