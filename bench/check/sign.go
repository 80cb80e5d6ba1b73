package check

import (
	"strconv"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/fiscal"
)

func signChecks() []Check {
	return []Check{{Key: "fiscal.sign", Doc: "The sign of the OFD is received, printed unchanged, and the fiscal mark stands only on receipts that have a sign.",
		Params: []Param{
			{Name: "aspect", Type: tWord, Required: true, OneOf: []string{"received", "printed", "mark", "unbacked"}, Doc: "what the row speaks of"},
			{Name: "words", Type: tWords, Doc: "the fiscal mark (any of these words); needed for aspect mark"},
		},
		Scenarios: []string{"receipt/sign", "receipt/cycle"}, Judge: judgeSign}}
}

func judgeSign(r *Record, p regulation.Params) []Judgement {
	switch p.Word("aspect") {
	case "mark":
		return r.fiscalMark(p.Words("words"), false)
	case "unbacked":
		return r.fiscalMark(p.Words("words"), true)
	}
	received := p.Word("aspect") == "received"
	v := verdict{r: r, readings: []Reading{readSent}}
	signs := map[string]bool{}
	tellable := r.Readable()
	for _, o := range r.Ops {
		m, x := r.Mode(o)
		if !o.IsReceipt() || m != Online {
			continue
		}
		want := x.Sign()
		ev := []history.Seq{x.Seq, x.Answer().Seq, o.End}
		if want == "" {
			v.fault(errNoSign, x.Answer().Seq)
			continue
		}
		a := args{"kind": kindWord(o), "sign": want}
		told := o.Res.Outcome.Sign
		if received && told != "" {
			tellable = true
			if !numberIn([]string{told}, want) && told != want {
				v.fail(o, fail("sign.other", with(a, "got", told), ev[0], ev[1:]...))
				continue
			}
			signs[want] = true
			v.prove("sign", o, ev...)
			if len(signs) > 1 {
				v.prove("two", o, ev...)
			}
			continue
		}
		if !r.Readable() {
			continue
		}
		if received && (len(o.Papers) == 0 || !o.shows(want)) {
			// What is not on paper may have been received all the same.
			v.open(unsure("sign.untold", a, readSent).Citing(ev...))
			continue
		}
		if len(o.Papers) == 0 {
			v.fail(o, absent("paper.none", a, o.End, x.Seq))
			continue
		}
		ev = append(ev, o.Papers[0].Seq)
		if !o.shows(want) {
			v.fail(o, fail("sign.notprinted", a, ev[3], ev[:3]...))
			continue
		}
		signs[want] = true
		v.prove("sign", o, ev...)
		if len(signs) > 1 {
			v.prove("two", o, ev...)
		}
	}
	if !tellable {
		return []Judgement{unsure("paper.unread", nil, readSent)}
	}
	return v.end(need{"sign", "sign.need.online", nil}, need{"two", "sign.need.different", nil})
}

// fiscalMark judges where the words of the fiscal mark stand (KZ 431 row 33): on
// receipts that have a sign, next to it, and on nothing else. With unbacked it
// judges only that no document without a sign bears them (KZ 431 row 37.3).
func (r *Record) fiscalMark(words []string, unbacked bool) []Judgement {
	if len(words) == 0 {
		return badParam(errNoWords)
	}
	if !r.Readable() {
		return []Judgement{unsure("paper.unread", nil)}
	}
	v := verdict{r: r, readings: []Reading{readSent}}
	known := map[string]bool{} // signs of receipts up to here
	for _, o := range r.Ops {
		if o.End == 0 {
			continue
		}
		m, x := r.Mode(o)
		sign := ""
		if o.IsReceipt() && x != nil {
			sign = x.Sign()
			if m == Autonomous {
				n, _ := x.OfflineNumber()
				sign = ""
				if n != 0 {
					sign = strconv.FormatUint(uint64(n), 10)
				}
			}
		}
		line, has := o.saying(words)
		a := args{"kind": kindWord(o), "words": quoted(words), "line": line, "sign": sign}
		ev := []history.Seq{o.End, o.Seq}
		for _, p := range o.Papers {
			ev = append(ev, p.Seq)
		}
		fiscalDoc := o.IsReceipt() && o.Done() && m != Unclear
		switch {
		case o.IsReceipt() && o.Done() && m == Unclear, o.Got() == fiscal.Unknown:
		case fiscalDoc && len(o.Papers) == 0:
		case fiscalDoc && unbacked && sign != "":
			v.prove(modeWord(m), o, ev...)
		case fiscalDoc && !has && unbacked:
		case fiscalDoc && !has:
			v.fail(o, fail("fiscalmark.missing", a, ev[0], ev[1:]...))
		case fiscalDoc && sign != "" && !o.shows(sign):
			v.fail(o, fail("fiscalmark.nosign", a, ev[0], ev[1:]...))
		case fiscalDoc:
			v.prove(modeWord(m), o, ev...)
		case has && o.Kind == fiscal.OpCopy && r.copyShows(o, known):
		case has && r.copyShows(o, r.settledBefore(o)): // the paper of a receipt that the register has settled meanwhile
		case has:
			v.fail(o, fail("fiscalmark.without", a, ev[0], ev[1:]...))
		case o.Kind == fiscal.OpTestPrint, o.Kind == fiscal.OpCopy, o.Kind == fiscal.OpSelfTest, o.IsReceipt() && o.Refused():
			v.prove("none", o, ev...)
		}
		if sign != "" {
			known[sign] = true
		}
	}
	needs := []need{{"online", "fiscalmark.need.online", nil}, {"none", "fiscalmark.need.none", nil}}
	if r.worksAlone() {
		needs = append(needs, need{"offline", "fiscalmark.need.offline", nil})
	}
	return v.end(needs...)
}

func modeWord(m Mode) string {
	if m == Online {
		return "online"
	}
	return "offline"
}

// settledBefore are the signs of receipts that came into being after they had been
// refused, before the end of o: their paper comes out with a later operation.
func (r *Record) settledBefore(o *Operation) map[string]bool {
	out := map[string]bool{}
	for _, b := range r.Ops[:o.N] {
		if x := b.settledBy(); x != nil && b.IsReceipt() && x.Sign() != "" && x.Answer().Seq < o.windowE {
			out[x.Sign()] = true
		}
	}
	return out
}

// copyShows says whether a copy carries the sign of a receipt that was made before.
func (r *Record) copyShows(o *Operation, known map[string]bool) bool {
	for s := range known {
		if o.shows(s) {
			return true
		}
	}
	return false
}

// worksAlone says whether the register has an autonomous mode: those that only
// transmit (section II) have none and stop (KZ 431 row 57, KZ 626 row 62), so
// nothing of it can be asked for.
func (r *Record) worksAlone() bool { return r.Begin.Section != "II" }
