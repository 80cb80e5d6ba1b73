package check

import (
	"slices"
	"strconv"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

func blockChecks() []Check {
	return []Check{
		{Key: "block.server", Doc: "After the OFD's order to suspend no sale works, and the notice is given.",
			Params:    []Param{{Name: "notice", Type: tWord, OneOf: []string{"opening", "none"}, Doc: "opening (also without this parameter): a shift opened afterwards begins with a notice; none: no notice is asked for"}},
			Scenarios: []string{"online/block"}, Judge: judgeBlock},
		{Key: "notice.shown", Doc: "A text of the tax service that came with an answer is shown, or printed with the next report.",
			Params:    []Param{{Name: "show_at", Type: tWords, Doc: "where it has to appear: screen, report (next X or Z), shift_open, receipt_of_message; without it screen or report"}},
			Scenarios: []string{"online/notice"}, Judge: judgeNotice},
	}
}

// codeBlocked is the result with which the OFD passes the order on (cpcr.md 6 and 11.9).
const codeBlocked = 15

// suspension is the time between the first answer with the order and the answer that lifts it.
type suspension struct {
	from, to *Answer // to nil: not lifted within the record
	order    *Exchange
	text     string // what has to be shown, "" = no text was sent
}

// covers says whether operation o began and ended inside.
func (s suspension) covers(o *Operation) bool {
	return o.Seq > s.from.Seq && o.End != 0 && (s.to == nil || o.End < s.to.Seq)
}

func (r *Record) suspensions() []suspension {
	var out []suspension
	info := ""
	var cur *suspension
	for _, x := range r.Exchanges {
		a := x.Answer()
		if a == nil || x.Faulty {
			continue
		}
		if t := infoText(a); t != "" {
			info = t
		}
		switch c, ok := x.Code(); {
		case !ok:
		case c == codeBlocked && cur == nil:
			cur = &suspension{from: a, order: x, text: info}
		case c == codeBlocked && cur.text == "":
			cur.text = info
		case c == 0 && cur != nil:
			cur.to = a
			out = append(out, *cur)
			cur = nil
		}
	}
	if cur != nil {
		out = append(out, *cur)
	}
	return out
}

// infoText is the information text in an answer, "".
func infoText(a *Answer) string {
	for _, ad := range a.Res.GetService().GetTicketAds() {
		if ad.GetInfo().Type != nil && ad.GetInfo().GetType() == canon.TicketAdTypeEnum_TICKET_AD_INFO {
			return ad.GetText()
		}
	}
	return ""
}

func judgeBlock(r *Record, p regulation.Params) []Judgement {
	quiet := p.Word("notice") == "none"
	v := verdict{r: r, readings: []Reading{readRefusal, readBlockedZ}}
	w := newWorld(r)
	sus := r.suspensions()
	books := map[*Operation]*Shift{}
	for _, o := range r.Ops {
		books[o] = w.book()
		w.after(o)
	}
	for _, s := range sus {
		a := args{"order": seqText(s.from.Seq), "text": s.text}
		var shown, unread, missing history.Seq
		attempts := 0
		for _, o := range r.Ops {
			hit := s.covers(o)
			if s.order.Reports == o && !s.order.MarkedOffline() {
				hit = true // the operation that was answered with the order
			}
			if !hit || !o.IsReceipt() || o.As.Password != "" {
				continue
			}
			b := with(refusal(o, a), "kind", kindWord(o))
			switch {
			case o.Done():
				v.fail(o, fail("block.sold", b, o.End, s.from.Seq, o.Seq))
			case o.Refused():
				v.prove("refused", o, o.End, s.from.Seq)
				attempts++
			}
			if !o.Step.Held() || !o.Refused() {
				continue
			}
			switch lines, at := o.told(); {
			case s.text != "" && (holds(lines, s.text) || holds([]string{o.Res.Outcome.Text}, s.text)):
				shown = at
			case s.text == "" && len(lines) > 0:
				shown = at
			case len(o.Shown) > 0 || len(r.Shown) == 0 && r.Begin.Profile.Fiscal && r.Readable() && !r.paperless(o):
				missing = o.End
			default:
				unread = o.End
			}
			if shown == 0 {
				continue
			}
			if bk := books[o]; bk.First == nil || bk.First.Seq > o.Seq {
				v.prove("notice", o, shown)
			}
			v.prove("anynotice", o, shown)
		}
		switch {
		case attempts == 0, shown != 0, quiet:
		case missing != 0:
			// The text may also come out with the order itself, outside an operation.
			if at := r.toldBetween(s); at != 0 {
				v.prove("notice", nil, at)
			} else {
				v.fail(nil, fail("block.silent", a, missing, s.from.Seq))
			}
		case unread != 0:
			v.open(unsure("notice.unread", a).Citing(unread, s.from.Seq))
		}
		if s.to == nil {
			continue
		}
		for _, o := range r.Ops {
			if o.Seq > s.to.Seq && plainSale(o) {
				if o.Done() {
					v.prove("lifted", o, o.End, s.to.Seq)
				}
				break
			}
		}
	}
	needs := []need{{"refused", "block.need.refused", args{"code": strconv.Itoa(codeBlocked)}}, {"lifted", "block.need.lifted", nil}}
	switch {
	case quiet:
	case !v.proven("notice") && v.proven("anynotice"):
		// Seen, but only with the shift already open: the row speaks of opening one.
		needs = append(needs, need{"notice", "block.need.opening", nil})
	default:
		needs = append(needs, need{"notice", "block.need.notice", nil})
	}
	return v.end(needs...)
}

// told is what an operation printed and showed, and the last event that holds it.
func (o *Operation) told() ([]string, history.Seq) {
	at := o.End
	lines := o.Lines()
	for _, p := range o.Papers {
		at = p.Seq
	}
	for _, p := range o.Shown {
		lines = append(lines, p.Lines...)
		at = p.Seq
	}
	return lines, at
}

// toldBetween looks for the text of a suspension on any paper and display inside it.
func (r *Record) toldBetween(s suspension) history.Seq {
	for _, list := range [][]*Paper{r.Shown, r.Papers} {
		for _, p := range list {
			if p.Seq > s.from.Seq && (s.to == nil || p.Seq < s.to.Seq) && len(p.Lines) > 0 && (s.text == "" || holds(p.Lines, s.text)) {
				return p.Seq
			}
		}
	}
	return 0
}

func judgeNotice(r *Record, p regulation.Params) []Judgement {
	v := verdict{r: r}
	at := p.Words("show_at")
	if len(at) == 0 {
		at = []string{"screen", "report"}
	}
	seen := map[string]bool{}
	for _, x := range r.Exchanges {
		a := x.Answer()
		if a == nil || x.Faulty || x.Lost {
			continue
		}
		text := infoText(a)
		if c, ok := x.Code(); text == "" || !ok || c != 0 || seen[text] {
			continue
		}
		seen[text] = true
		r.judgeText(&v, x, text, at)
	}
	return v.end(need{"shown", "notice.need", nil})
}

// judgeText judges one text. It may come out anywhere up to the last occasion
// that the row names: the next report, the next shift, or the very operation with
// which it arrived. Only when that occasion has passed in view of the bench is it missing.
func (r *Record) judgeText(v *verdict, x *Exchange, text string, at []string) {
	a := x.Answer()
	b := args{"text": text, "answer": seqText(a.Seq)}
	shown, until := history.Seq(0), ^history.Seq(0)
	var last *Operation // the operation that was the last occasion
	switch {
	case slices.Contains(at, "receipt_of_message"):
		for _, o := range r.Ops {
			if o.Seq > a.Seq {
				until = o.Seq
				break
			}
		}
		if x.During != nil && x.During.Done() {
			last = x.During
		}
	case slices.Contains(at, "shift_open"):
		closed := false
		for _, o := range r.Ops {
			if o.Seq < a.Seq || !o.Done() {
				continue
			}
			if closed && o.isDocument() {
				last = o
				break
			}
			closed = closed || o.Kind == fiscal.OpZReport
		}
	default:
		for _, o := range r.Ops {
			if o.Seq > a.Seq && o.Done() && (o.Kind == fiscal.OpXReport || o.Kind == fiscal.OpZReport) && len(o.Papers) > 0 {
				last = o
				break
			}
		}
	}
	look := false // display or paper were read when it had to be there
	for _, list := range [][]*Paper{r.Shown, r.Papers} {
		for _, q := range list {
			mine := q.Op != nil && q.Op == x.During
			if q.Seq > a.Seq && (q.Seq < until || mine) && shown == 0 && holds(q.Lines, text) {
				shown = q.Seq
			}
			look = look || last != nil && q.Op == last
		}
	}
	display := slices.ContainsFunc(r.Shown, func(q *Paper) bool { return q.Seq > a.Seq && (q.Seq < until || q.Op != nil && q.Op == x.During) })
	switch {
	case shown != 0:
		v.prove("shown", nil, a.Seq, shown)
	case last != nil && look && (display || len(r.Shown) == 0 && r.Begin.Profile.Fiscal):
		v.fail(last, fail("notice.missing", b, a.Seq, last.End))
	default:
		v.open(unsure("notice.unread", b).Citing(a.Seq))
	}
}
