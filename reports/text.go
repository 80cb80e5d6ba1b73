package reports

import (
	"fmt"
	"strings"

	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/reports/evidence"
	"github.com/kkmtest/kkmtest/reports/words"
)

// maxFrom is how many sub-rows a group names.
const maxFrom = 12

// title is the text in a language, or in the nearest one that there is: the
// Kyrgyz edition has no Kazakh titles.
func title(t map[regulation.Lang]string, l regulation.Lang) string {
	for _, l := range []regulation.Lang{l, regulation.Kyrgyz, words.RU, words.EN, words.KK} {
		if t[l] != "" {
			return t[l]
		}
	}
	return ""
}

// wording is the text of a row: the authority's own where it was imported.
func wording(r regulation.Row, l regulation.Lang) string {
	if s := r.Official[l]; s != "" {
		return s
	}
	return title(r.Title, l)
}

// note is the note column of the form.
func note(r regulation.Row, l regulation.Lang) string {
	if s := title(r.Notes, l); s != "" {
		return s
	}
	return r.Note
}

// said is what a judgement says, in a language if it can be said in it and else
// in English: that is what the judgement holds.
func said(j check.Judgement, l regulation.Lang) check.Phrase {
	vi := j.Violation()
	p := check.Phrase{Want: vi.Want, Got: vi.Got, Hint: vi.Hint, Why: j.Reason()}
	if t, ok := j.Said(l); ok {
		if t.Want != "" && t.Got != "" {
			p.Want, p.Got = t.Want, t.Got
		}
		if t.Hint != "" {
			p.Hint = t.Hint
		}
		if t.Why != "" {
			p.Why = t.Why
		}
	}
	return p
}

// reasonIn is why the row has its result, in one sentence.
func reasonIn(v verdict, l regulation.Lang) string {
	p := said(v.Lead, l)
	switch {
	case v.Asks != nil:
		return words.T(l, string(v.Because), title(v.Asks, l))
	case p.Want != "" && p.Got != "":
		return words.T(l, "reason.gotwant", p.Got, p.Want)
	case p.Why != "":
		return p.Why
	case len(v.From) > 0 && loud(v.Result):
		from := strings.Join(v.From[:min(len(v.From), maxFrom)], ", ")
		if n := len(v.From) - maxFrom; n > 0 {
			from += fmt.Sprintf(" … +%d", n)
		}
		return words.T(l, "because.from", from)
	case v.Because != "":
		return words.T(l, string(v.Because))
	case v.Result == check.Pass:
		return words.T(l, "reason.pass", len(v.Events))
	}
	return ""
}

// named is what was measured, with a colon; checks name it in English.
func named(m *measure, l regulation.Lang) string {
	if m.Name == "" {
		return ""
	}
	if t, ok := words.Get("measured." + m.Name); ok {
		return t.In(l) + ": "
	}
	return evidence.Visible(m.Name) + ": "
}

// measureIn prints a measurement with its limit and distance.
func measureIn(m *measure, l regulation.Lang) string {
	s := named(m, l) + words.Span(l, m.Span.Lo, m.Span.Hi)
	if m.Limit != 0 {
		s += "; " + words.T(l, "measure.limit", words.Duration(l, m.Limit)) + "; " + distanceIn(m, l)
	}
	return s
}

func distanceIn(m *measure, l regulation.Lang) string {
	switch {
	case m.Distance > 0:
		return words.T(l, "measure.below", words.Duration(l, m.Distance))
	case m.Distance < 0:
		return words.T(l, "measure.above", words.Duration(l, -m.Distance))
	case m.Span.Lo == m.Span.Hi || m.Span.Hi == m.Limit || m.Span.Lo == m.Limit:
		return words.T(l, "measure.at")
	}
	return words.T(l, "measure.inside")
}

// seqList writes event numbers, at most n of them.
func seqList(s []history.Seq, n int) string {
	var b strings.Builder
	for i, e := range s {
		if i == n {
			fmt.Fprintf(&b, " … +%d", len(s)-n)
			break
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprint(&b, e)
	}
	return b.String()
}
