package check

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/fiscal"
)

func offlineChecks() []Check {
	return []Check{
		{Key: "offline.cutoff", Doc: "Sales are refused once the oldest unsent offline receipt is older than the limit, and work again after hand-over.",
			Params: []Param{{Name: "limit", Type: tDuration, Required: true, Doc: "greatest age of the oldest unsent offline receipt"},
				{Name: "told", Type: tWords, Doc: "any of these in a text that is shown or printed at the refusal tells the cashier; without it telling is not judged"}},
			Scenarios: []string{"offline/cutoff"}, Judge: judgeCutoff},
		{Key: "offline.enter", Doc: "Without an answer within the limit the register works autonomously; with one it stays online.",
			Params:    []Param{{Name: "answer", Type: tDuration, Required: true, Doc: "how long the register waits for the answer of the OFD"}},
			Scenarios: []string{"offline/enter"}, Judge: judgeEnter},
		{Key: "offline.receipt", Doc: "While the link is gone receipts are made and printed.",
			Scenarios: []string{"offline/enter"}, Judge: judgeOfflineReceipt},
		{Key: "offline.sign", Doc: "Every offline receipt has an autonomous sign that never repeats, is printed, and is sent later.",
			Params:    []Param{{Name: "aspect", Type: tWord, Required: true, OneOf: []string{"unique", "printed", "sent"}, Doc: "what the row speaks of"}},
			Scenarios: []string{"offline/enter", "offline/handover", "offline/cutoff"}, Judge: judgeOfflineSign},
		{Key: "offline.mark", Doc: "Offline receipts carry the mark, online ones do not.",
			Params:    []Param{{Name: "words", Type: tWords, Required: true, Doc: "any of these words is the mark"}},
			Scenarios: []string{"offline/enter", "offline/handover", "offline/cutoff"}, Judge: judgeMark},
		{Key: "offline.handover", Doc: "When the link is back the register reports how long it worked alone and sends its queue in order, each after the answer to the last.",
			Params:    []Param{{Name: "aspect", Type: tWord, Required: true, OneOf: []string{"duration", "order"}, Doc: "what the row speaks of"}},
			Scenarios: []string{"offline/handover"}, Judge: judgeHandover},
		{Key: "offline.shiftclose", Doc: "A shift can be closed without the link; its Z follows later with its own time.",
			Scenarios: []string{"offline/handover"}, Judge: judgeOfflineClose},
	}
}

func judgeCutoff(r *Record, p regulation.Params) []Judgement {
	limit, err := p.Duration("limit")
	if err != nil {
		return badParam(err)
	}
	if j, bad := backwards(r); bad {
		return j
	}
	v := verdict{r: r, faulty: "offline.cutoff", readings: []Reading{readOldest, readOver}}
	w := newWorld(r)
	var barred *Operation // a refusal past the limit, until the queue is empty
	a := args{"limit": whole(limit)}
	for _, o := range r.Ops {
		w.before(o)
		if !o.IsReceipt() {
			w.after(o)
			continue
		}
		base := w.oldest(o)
		switch {
		case base == nil && barred != nil && plainSale(o):
			switch {
			case o.Done():
				v.prove("after", o, o.Seq, o.End)
			case o.Refused() && w.excuse(o, "offline.cutoff") == "":
				v.fail(o, fail("cutoff.stuck", refusal(o, a), o.End, barred.Seq))
			}
			if o.Done() {
				barred = nil
			}
		case base != nil:
			age := r.queueAge(base, o)
			m := Measured{Name: "age of the oldest unsent offline receipt", Span: age, Limit: limit, Bounds: "from entry and completion of both receipts, whole seconds of the register's clock"}
			b := with(refusal(o, a), "age", age.String(), "base", seqText(base.Seq), "kind", kindWord(o))
			switch res := AtMost(limit, age); {
			case res == Error:
				v.fault(errSpan(age), o.Seq)
			case o.Done() && res == Fail:
				v.fail(o, fail("cutoff.late", b, o.End, o.Seq, base.Seq).Measuring(m))
			case o.Done() && res == Pass && age.Hi > limit-nearLimit:
				v.prove("inside", o, o.End, base.Seq)
				v.measured = m
			case !o.Refused() || !plainSale(o):
			case res == Pass:
				if w.excuse(o, "offline.cutoff") == "" && !o.saysLong() {
					v.fail(o, fail("cutoff.early", b, o.End, o.Seq, base.Seq).Measuring(m))
				}
			case res == Fail:
				if w.excuse(o, "offline.cutoff") == "" {
					if barred = o; age.Lo < limit+nearLimit {
						v.prove("past", o, o.End, base.Seq)
					}
					r.toldOfBlock(&v, o, p.Words("told"), b)
				}
			}
		}
		w.after(o)
	}
	near := with(a, "near", whole(nearLimit))
	needs := []need{{"inside", "cutoff.need.inside", near}, {"past", "cutoff.need.past", near}, {"after", "cutoff.need.after", a}}
	if len(p.Words("told")) > 0 {
		needs = append(needs, need{"told", "cutoff.need.told", a})
	}
	return v.end(needs...)
}

// toldOfBlock looks whether the cashier was told why the sale was refused (the
// second half of KZ 431 row 27.6). Texts that this bench does not know, and a
// register of which only the refusal was seen, need a person; a display that
// was read and still shows what it showed when a sale went through tells nothing.
func (r *Record) toldOfBlock(v *verdict, o *Operation, words []string, a args) {
	if len(words) == 0 {
		return
	}
	for _, p := range slices.Concat(o.Papers, o.Shown) {
		if _, ok := saying(p.Lines, words); ok {
			v.prove("told", o, p.Seq, o.End)
			return
		}
	}
	if len(o.Papers) > 0 || len(o.Shown) == 0 {
		return
	}
	now := o.Shown[len(o.Shown)-1]
	for i := o.N - 1; i >= 0; i-- {
		if b := r.Ops[i]; b.IsReceipt() && b.Done() && len(b.Shown) > 0 {
			if before := b.Shown[len(b.Shown)-1]; slices.Equal(before.Lines, now.Lines) {
				v.fail(o, fail("cutoff.silent", with(a, "text", strings.Join(now.Lines, " / ")), now.Seq, o.End, before.Seq))
			}
			return
		}
	}
}

// judgeOfflineReceipt judges that receipts go on while the link is gone (KZ 431
// row 24): made and printed. How long the register may wait before it goes on is another row.
func judgeOfflineReceipt(r *Record, _ regulation.Params) []Judgement {
	v := verdict{r: r, faulty: "offline.receipt"}
	w := newWorld(r)
	for _, o := range r.Ops {
		w.before(o)
		if plainSale(o) && o.Faulty && r.cutThroughout(o) && len(o.During) == 0 {
			a := args{"kind": kindWord(o), "why": "@enter.gone"}
			switch {
			case !o.Done():
				r.mustWork(&v, w, o, a)
			case !r.Readable():
				v.open(unsure("paper.unread", nil).Citing(o.End))
			case len(o.Papers) == 0:
				v.fail(o, absent("paper.none", a, o.End, o.Seq))
			default:
				v.prove("gone", o, o.End, o.Papers[0].Seq)
			}
		}
		w.after(o)
	}
	return v.end(need{"gone", "enter.need.gone", nil})
}

// nearAnswer is how close to the answer wait an answer must come to show where
// the register draws the line.
const nearAnswer = time.Second

func judgeEnter(r *Record, p regulation.Params) []Judgement {
	limit, err := p.Duration("answer")
	if err != nil {
		return badParam(err)
	}
	if j, bad := backwards(r); bad {
		return j
	}
	v := verdict{r: r, faulty: "offline.enter", readings: []Reading{readAnswer}}
	w := newWorld(r)
	for _, o := range r.Ops {
		w.before(o)
		if !plainSale(o) {
			w.after(o)
			continue
		}
		a := args{"limit": whole(limit), "kind": kindWord(o)}
		var first *Exchange // the attempt to send it online
		for _, x := range o.Sent {
			if x.During == o && !x.MarkedOffline() {
				first = x
				break
			}
		}
		reached := len(o.During) > 0
		switch {
		case first == nil && reached:
			// The queue goes first, or it was made offline at once: nothing about the answer wait.
		case first == nil && w.oldest(o) != nil && !o.Faulty:
		case first == nil && o.Done():
			if o.Faulty && r.showsAutonomous(o) {
				v.prove("gone", o, o.Seq, o.End)
			}
		case first == nil:
			if o.Faulty && r.cutThroughout(o) {
				r.mustWork(&v, w, o, with(a, "why", "@enter.gone"))
			}
		case o.Faulty:
			// What the register heard is not known: a fault was set on the line.
		case first.Lost || first.Answer() == nil || unavailable(first):
			if o.Done() {
				if r.showsAutonomous(o) {
					v.prove("silent", o, o.Seq, o.End)
					wait, hung, gone := r.gaveUp(first)
					switch {
					case gone && wait+transit < limit && !unavailable(first):
						v.fail(o, fail("enter.hasty", with(a, "wait", hms(wait)), hung, first.Seq, o.End))
					case gone && wait >= limit-transit && wait < limit+nearAnswer:
						v.prove("past", o, first.Seq, hung, o.End)
					}
				}
				break
			}
			r.mustWork(&v, w, o, with(a, "why", "@enter.silent"))
		case first.Confirmed():
			d := first.Delay(r)
			b := with(a, "delay", hms(d))
			ev := []history.Seq{first.Seq, first.Answer().Seq}
			switch {
			case d+transit <= limit:
				if x := marked(o); x != nil {
					v.fail(o, fail("enter.early", b, x.Seq, append(ev, o.End)...).bytes(head(x.Bytes)))
				} else if o.Done() && d > limit-nearAnswer {
					v.prove("inside", o, append(ev, o.End)...)
				}
			case d > limit && o.Done() && marked(o) == nil && first.Sign() != "" && o.hasToken(first.Sign()):
				v.fail(o, fail("enter.late", with(b, "sign", first.Sign()), o.End, ev...))
			case o.Done() && r.showsAutonomous(o):
				if d > limit && d < limit+nearAnswer {
					v.prove("past", o, append(ev, o.End)...)
				}
			case d > limit && !o.Done():
				r.mustWork(&v, w, o, with(a, "why", "@enter.late"))
			}
		}
		w.after(o)
	}
	a := args{"limit": whole(limit), "near": whole(nearAnswer)}
	return v.end(need{"gone", "enter.need.gone", a}, need{"inside", "enter.need.inside", a}, need{"past", "enter.need.past", a})
}

// gaveUp tells how long the register waited before it ended its last attempt
// without having had an answer, whatever the OFD did. False when an answer came first or
// the record does not tell. What the OFD still had to say on a connection that the
// register closed is recorded as lost.
func (r *Record) gaveUp(first *Exchange) (time.Duration, history.Seq, bool) {
	o := first.Reports
	var wait time.Duration
	var at history.Seq
	for _, x := range o.Sent {
		if x.During != o {
			continue
		}
		c := r.closing[x.Conn]
		if c == nil || c.Seq < x.Seq || c.Seq > o.windowE || c.Reason != "" {
			return 0, 0, false // open to the end, or ended by the OFD
		}
		if a := x.Answer(); a != nil && a.Seq < c.Seq && !x.Lost {
			return 0, 0, false
		}
		wait, at = r.Elapsed(first.At, c.At), c.Seq
	}
	return wait, at, at != 0
}

func unavailable(x *Exchange) bool {
	c, ok := x.Code()
	return ok && (c == 254 || c == 255)
}

// mustWork judges a sale that was not completed although the register had to go on by itself.
func (r *Record) mustWork(v *verdict, w *world, o *Operation, a args) {
	switch {
	case o.Got() == fiscal.Unsupported:
	case w.excuse(o, "offline.enter") != "":
	case w.oldest(o) != nil: // it had gone over long before; why it stopped is another row
	case o.Refused():
		v.fail(o, fail("enter.refused", refusal(o, a), o.End, o.Seq))
	case o.End != 0:
		v.fail(o, fail("enter.hangs", a, o.End, o.Seq))
	default:
		v.open(unsure("op.noresult", with(a, "op", string(o.ID))).Citing(o.Seq))
	}
}

// cutThroughout says whether a fault of the network was set during the whole operation.
func (r *Record) cutThroughout(o *Operation) bool {
	for _, i := range r.Faults {
		if i.Within(o.Seq) && i.Within(o.windowE) {
			return true
		}
	}
	return false
}

// marked is the message that says that the operation was made offline, nil when none does.
func marked(o *Operation) *Exchange {
	for _, x := range o.Sent {
		if x.MarkedOffline() {
			return x
		}
	}
	return nil
}

// showsAutonomous says whether something shows that the register knew that it
// worked on its own: its later message, or what it said of itself afterwards.
func (r *Record) showsAutonomous(o *Operation) bool {
	return marked(o) != nil || (o.After != nil && o.After.Offline != nil && *o.After.Offline)
}

func judgeOfflineSign(r *Record, p regulation.Params) []Judgement {
	v := verdict{r: r, faulty: "offline.sign"}
	aspect := p.Word("aspect")
	if aspect == "unique" {
		return r.uniqueSigns(&v)
	}
	if aspect == "printed" && !r.Readable() {
		return []Judgement{unsure("paper.unread", nil)}
	}
	for _, o := range r.Ops {
		if !o.IsReceipt() {
			continue
		}
		if m, _ := r.Mode(o); m != Autonomous {
			continue
		}
		x := marked(o)
		for i := len(o.Sent) - 1; x == nil && i >= 0; i-- {
			if o.Sent[i].Seq > o.End {
				x = o.Sent[i]
			}
		}
		if x == nil {
			continue // not handed over within the record
		}
		n, _ := x.OfflineNumber()
		sign := strconv.FormatUint(uint64(n), 10)
		a := args{"kind": kindWord(o), "sign": sign}
		switch {
		case n == 0:
			if aspect == "sent" {
				v.fail(o, absent("sign.unsent", a, x.Seq, o.End).bytes(head(x.Bytes)))
			}
		case len(o.Papers) == 0 && aspect == "printed":
			v.fail(o, absent("paper.none", a, o.End, x.Seq))
		case len(o.Papers) == 0:
			v.prove("sign", o, x.Seq)
		case !o.shows(sign):
			v.fail(o, fail("sign.unprinted", a, o.Papers[0].Seq, x.Seq, o.End))
		default:
			v.prove("sign", o, x.Seq, o.Papers[0].Seq)
		}
	}
	return v.end(need{"sign", "sign.need", nil})
}

// Booked is the message with which the OFD booked the operation, nil while there is none.
func (o *Operation) Booked() *Exchange {
	for _, x := range o.Sent {
		if x.Booked0() {
			return x
		}
	}
	return nil
}

func (r *Record) uniqueSigns(v *verdict) []Judgement {
	v.readings = []Reading{readLife}
	seen := map[uint32]*Operation{}
	for _, o := range r.Ops {
		x := marked(o)
		if !o.IsReceipt() || x == nil {
			continue
		}
		n, _ := x.OfflineNumber()
		a := args{"kind": kindWord(o), "sign": strconv.FormatUint(uint64(n), 10)}
		if n == 0 {
			v.fail(o, fail("sign.zero", a, x.Seq, o.End))
			continue
		}
		if before := seen[n]; before != nil && before != o {
			v.fail(o, fail("sign.repeats", with(a, "before", seqText(before.Seq)), x.Seq, before.Seq, o.Seq))
			continue
		}
		seen[n] = o
		v.prove("sign", o, x.Seq)
		if len(seen) > 1 {
			v.prove("two", o, x.Seq)
		}
	}
	return v.end(need{"sign", "sign.need", nil}, need{"two", "sign.need.two", nil})
}

func judgeMark(r *Record, p regulation.Params) []Judgement {
	words := p.Words("words")
	v := verdict{r: r, faulty: "offline.mark"}
	if !r.Readable() {
		return []Judgement{unsure("paper.unread", nil)}
	}
	for _, o := range r.Ops {
		if !o.IsReceipt() || !o.Done() {
			continue
		}
		m, x := r.Mode(o)
		if m == Unclear {
			continue
		}
		a := args{"kind": kindWord(o), "words": quoted(words)}
		if len(o.Papers) == 0 {
			if m == Autonomous {
				v.fail(o, absent("paper.none", a, o.End))
			}
			continue
		}
		line, has := o.saying(words)
		ev := append([]history.Seq{o.Papers[0].Seq, o.End}, seqs(x)...)
		if has && m == Autonomous && o.onlyBesideSign(words) {
			v.open(unsure("mark.beside", with(a, "line", line), readMark).Citing(ev...))
			continue
		}
		switch {
		case m == Autonomous && !has:
			v.fail(o, fail("mark.missing", a, ev[0], ev[1:]...))
		case m == Online && has:
			v.fail(o, fail("mark.online", with(a, "line", line), ev[0], ev[1:]...))
		case m == Autonomous:
			v.prove("offline", o, ev...)
		default:
			v.prove("online", o, ev...)
		}
	}
	return v.end(need{"offline", "mark.need.offline", nil}, need{"online", "mark.need.online", nil})
}

// onlyBesideSign says that the words stand nowhere but on the line that holds
// the autonomous sign: they may name the number and not the mode.
func (o *Operation) onlyBesideSign(words []string) bool {
	x := marked(o)
	if x == nil {
		return false
	}
	n, _ := x.OfflineNumber()
	sign := strconv.FormatUint(uint64(n), 10)
	var rest []string
	for _, l := range o.Lines() {
		if !numberIn([]string{l}, sign) {
			rest = append(rest, l)
		}
	}
	_, has := saying(rest, words)
	return !has
}
