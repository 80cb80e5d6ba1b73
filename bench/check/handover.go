package check

import (
	"fmt"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

func judgeHandover(r *Record, p regulation.Params) []Judgement {
	if p.Word("aspect") == "duration" {
		return r.offlinePeriods()
	}
	return r.queueOrder()
}

// isDocument says whether the operation makes a document that goes to the OFD.
func (o *Operation) isDocument() bool {
	return o.class() != canon.CommandTypeEnum_COMMAND_RESERVED
}

// longStretch is how long work without a connection must have lasted for its
// reported length to say anything: shorter than this, begin and end lie within
// each other's tolerance.
const longStretch = time.Minute

// offlinePeriods judges what the register tells about how long it worked alone
// (KZ 431 row 28.1, cpcr.md 11.5 and 11.7): the first answered message after a
// stretch carries begin and end. Begin may be anything from the last
// confirmation before it to the end of the first offline document, end anything from the
// opening of the connection to the message itself.
func (r *Record) offlinePeriods() []Judgement {
	v := verdict{r: r, faulty: "offline.handover", readings: []Reading{readPeriod}}
	if j, bad := backwards(r); bad {
		return j
	}
	var first *Operation             // first document of the stretch, nil = none
	waiting := map[*Operation]bool{} // documents of the stretch that are not confirmed
	told := false                    // the stretch has had its first answered message
	next := 0
	var good *Exchange // last confirmed exchange before the stretch
	for _, x := range r.Exchanges {
		for ; next < len(r.Ops) && r.Ops[next].windowE < x.Seq; next++ {
			o := r.Ops[next]
			if m, _ := r.Mode(o); m != Autonomous {
				continue
			}
			waiting[o] = true
			if first == nil {
				first, told = o, false
			}
		}
		if !x.Confirmed() {
			continue
		}
		if first != nil && !told && !(x.Faulty && x.Reports == nil) {
			r.judgePeriod(&v, first, good, x)
			told = true
		}
		delete(waiting, x.Reports)
		if len(waiting) == 0 {
			first, good = nil, x
		}
	}
	return v.end(need{"period", "period.need", args{"stretch": whole(longStretch)}})
}

func (r *Record) judgePeriod(v *verdict, first *Operation, good, x *Exchange) {
	a := args{"base": seqText(first.Seq)}
	ev := []history.Seq{x.Seq, first.Seq, first.End}
	per := x.Req.GetService().GetOfflinePeriod()
	long := r.Elapsed(first.Res.Done, x.At) >= longStretch
	if per == nil {
		v.fail(first, absent("period.none", a, ev[0], ev[1:]...).bytes(head(x.Bytes)))
		return
	}
	begin, ok1 := cpcr.Time(per.GetBeginTime(), time.UTC)
	end, ok2 := cpcr.Time(per.GetEndTime(), time.UTC)
	if !ok1 || !ok2 {
		v.fail(first, fail("period.unreadable", a, ev[0], ev[1:]...).bytes(head(x.Bytes)))
		return
	}
	from := r.knownFrom(first)
	if good != nil && good.Answer() != nil {
		from = good.At
	}
	lo := r.deviceTime(from, first.Seq).Add(-clockTolerance)
	hi := r.deviceTime(first.Res.Done, first.End).Add(clockTolerance)
	if begin.Before(lo) || begin.After(hi) {
		v.fail(first, fail("period.begin", with(a, "from", stamp(lo), "to", stamp(hi), "got", stamp(begin)), ev[0], ev[1:]...).bytes(head(x.Bytes)))
		return
	}
	opened := first.Res.Done
	if c := r.opening[x.Conn]; c != nil && c.Seq < x.Seq && r.Elapsed(opened, c.At) > 0 {
		opened = c.At
	}
	lo = r.deviceTime(opened, x.Seq).Add(-clockTolerance)
	hi = r.deviceTime(x.At, x.Seq).Add(clockTolerance)
	if end.Before(lo) || end.After(hi) {
		v.fail(first, fail("period.end", with(a, "from", stamp(lo), "to", stamp(hi), "got", stamp(end)), ev[0], ev[1:]...).bytes(head(x.Bytes)))
		return
	}
	if long {
		v.prove("period", first, ev...)
		v.measured = Measured{Name: "reported time without connection", Span: Span{end.Sub(begin), end.Sub(begin)}}
	}
}

// knownFrom is the moment from which an operation is known: the end of the one before.
func (r *Record) knownFrom(o *Operation) clock.Instant {
	if o.N > 0 && r.Ops[o.N-1].End != 0 {
		return r.Ops[o.N-1].Res.Done
	}
	return o.At
}

func stamp(t time.Time) string { return t.Format("2006-01-02 15:04:05") }

// queueOrder judges the hand-over of the queue (KZ 431 row 28.2, cpcr.md 11.6):
// every document once, in the order in which it was made, the next one only after the
// answer to the last.
func (r *Record) queueOrder() []Judgement {
	v := verdict{r: r, faulty: "offline.handover"}
	var docs []*Operation // autonomous documents in the order of making
	for _, o := range r.Ops {
		if !o.isDocument() || !o.Done() {
			continue
		}
		if m, _ := r.Mode(o); m == Autonomous {
			docs = append(docs, o)
		}
	}
	// Booked twice: the OFD accepted, not replayed, more than one message for a document.
	for _, o := range docs {
		var taken []*Exchange
		for _, x := range o.Sent {
			if x.Booked != nil && x.Booked.What == "accepted" && x.Booked.Code == 0 {
				taken = append(taken, x)
			}
		}
		if len(taken) > 1 {
			v.fail(o, fail("queue.twice", args{"kind": kindWord(o), "op": seqText(o.Seq), "times": fmt.Sprint(len(taken))}, taken[1].Seq, taken[0].Seq, o.Seq))
		}
	}
	// Order and loss: a document that was booked while an older one waited.
	var last history.Seq // latest booking of a document made later than those still waiting
	var lastOp *Operation
	for i := len(r.Ops) - 1; i >= 0; i-- {
		o := r.Ops[i]
		if !o.isDocument() || !o.Done() {
			continue
		}
		b := o.Booked()
		m, _ := r.Mode(o)
		if m == Autonomous && lastOp != nil {
			a := args{"kind": kindWord(o), "op": seqText(o.Seq), "other": kindWord(lastOp), "otherop": seqText(lastOp.Seq)}
			switch {
			case refusedByOFD(o):
				v.open(unsure("queue.refused", a).Citing(o.Sent[len(o.Sent)-1].Seq))
			case b == nil:
				v.fail(o, fail("queue.lost", a, last, o.Seq, o.End))
			case b.Seq > last:
				v.fail(o, fail("queue.order", a, last, b.Seq, o.Seq, lastOp.Seq))
			}
		}
		if b != nil && (lastOp == nil || b.Seq < last) {
			last, lastOp = b.Seq, o
		}
	}
	// One after another: the next document only after the answer to the last.
	var prev *Exchange
	run, close := 0, false
	for _, x := range r.Exchanges {
		if !x.Document() || x.Reports == nil {
			continue
		}
		o := x.Reports
		m, _ := r.Mode(o)
		late := m == Autonomous && x.Seq > o.End
		if !late {
			prev, run, close = x, 0, false
			continue
		}
		if prev != nil && prev.Reports != o {
			a := args{"kind": kindWord(prev.Reports), "op": seqText(prev.Reports.Seq)}
			switch an := prev.Answer(); {
			case an == nil && !prev.Booked0() && prev.Reports.Booked() == nil:
				v.fail(o, fail("queue.skip", a, x.Seq, prev.Seq))
			case an != nil && an.Seq > x.Seq:
				v.fail(o, fail("queue.overlap", a, x.Seq, prev.Seq, an.Seq))
			}
		}
		if x.Confirmed() {
			if x.Command() == canon.CommandTypeEnum_COMMAND_TICKET && x.Sign() == "" {
				v.fault(errNoSign, x.Answer().Seq)
			}
			run++
			close = close || o.Kind == fiscal.OpZReport
			if run >= 3 {
				v.prove("series", o, x.Seq, x.Answer().Seq)
			}
			if close && run >= 3 {
				v.prove("close", o, x.Seq)
			}
		}
		prev = x
	}
	return v.end(need{"series", "queue.need.series", nil}, need{"close", "queue.need.close", nil})
}

func refusedByOFD(o *Operation) bool {
	for _, x := range o.Sent {
		if c, ok := x.Code(); ok && c != 0 && c != 254 && c != 255 {
			return true
		}
	}
	return false
}

func judgeOfflineClose(r *Record, _ regulation.Params) []Judgement {
	v := verdict{r: r, faulty: "offline.shiftclose"}
	w := newWorld(r)
	for _, o := range r.Ops {
		w.before(o)
		if o.Kind != fiscal.OpZReport {
			w.after(o)
			continue
		}
		book := w.book()
		a := args{"kind": kindWord(o), "op": seqText(o.Seq)}
		m, _ := r.Mode(o)
		switch {
		case o.Refused() && len(o.During) == 0 && r.cutThroughout(o) && book.Unsure == "" && book.begun(o) && w.excuse(o, "shift.limit") == "":
			v.fail(o, fail("offclose.refused", refusal(o, a), o.End, o.Seq))
		case o.Done() && m == Autonomous:
			r.judgeLateZ(&v, o, book, a)
		}
		w.after(o)
	}
	return v.end(need{"close", "offclose.need", nil})
}

func (r *Record) judgeLateZ(v *verdict, o *Operation, book *Shift, a args) {
	if r.Readable() && len(o.Papers) == 0 {
		v.fail(o, absent("paper.none", a, o.End, o.Seq))
		return
	}
	var x *Exchange
	for _, s := range o.Sent {
		if s.Seq > o.End {
			x = s
		}
	}
	if b := o.Booked(); b != nil {
		x = b
	}
	if x == nil {
		return // not handed over within the record; what is lost is row 28.2
	}
	ev := []history.Seq{x.Seq, o.Seq, o.End}
	if !x.MarkedOffline() {
		v.fail(o, fail("offclose.unmarked", a, ev[0], ev[1:]...).bytes(head(x.Bytes)))
		return
	}
	t, ok := x.Moment()
	if !ok || !r.inWindow(o, t) {
		got := "@none"
		if ok {
			got = stamp(t)
		}
		lo, hi := r.deviceTime(o.At, o.Seq), r.deviceTime(o.Res.Done, o.End)
		v.fail(o, fail("offclose.time", with(a, "from", stamp(lo), "to", stamp(hi), "got", got), ev[0], ev[1:]...).bytes(head(x.Bytes)))
		return
	}
	for _, d := range book.Ops {
		if d == o || !d.IsReceipt() || !d.Done() || refusedByOFD(d) { // of cash operations nobody says that they belong before the close
			continue
		}
		if b := d.Booked(); b == nil && d.Seq < o.Seq || b != nil && b.Seq > x.Seq {
			ev := []history.Seq{x.Seq, d.Seq, o.Seq}
			v.fail(o, fail("queue.order", args{"kind": kindWord(d), "op": seqText(d.Seq), "other": kindWord(o), "otherop": seqText(o.Seq)}, ev[0], append(ev[1:], seqs(b)...)...))
			return
		}
	}
	if z := x.Req.GetCloseShift().GetZReport(); z != nil && book.Unsure == "" {
		for _, k := range fiscal.ReceiptKinds {
			s := book.Kind(k)
			got := ticketRow(z, k)
			sum, err := cpcr.Tiyn(got.GetTicketsSum())
			if err != nil || int(got.GetTicketsCount()) != s.Count || sum != s.Sum {
				v.fail(o, fail("offclose.totals", with(a, "what", "@op."+string(k),
					"want", fmt.Sprintf("%d, %s", s.Count, s.Sum), "got", fmt.Sprintf("%d, %s", got.GetTicketsCount(), sum)), ev[0], ev[1:]...))
				return
			}
		}
	}
	if !x.Confirmed() {
		return
	}
	if len(o.Papers) > 0 {
		ev = append(ev, o.Papers[0].Seq)
	}
	v.prove("close", o, ev...)
}

// ticketRow is the row of a kind of receipt in a Z report, nil when it is left out.
func ticketRow(z *canon.ZXReport, k fiscal.ReceiptKind) *canon.ZXReport_TicketOperation {
	for _, t := range z.GetTicketOperations() {
		if t.GetOperation() == wireKind(k) {
			return t
		}
	}
	return nil
}
