package reports

import (
	"fmt"
	"regexp"
	"strings"
	"time"

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
	for _, l := range []regulation.Lang{l, words.KY, words.RU, words.EN, words.KK} {
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
	if t, ok := j.Said(spoken(l)); ok {
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

// named is what was measured, with a colon.
func named(m *measure, l regulation.Lang) string {
	if m.Name == "" {
		return ""
	}
	return evidence.Visible(m.NameIn(spoken(l))) + ": "
}

// boundsIn tells where the uncertainty comes from.
func boundsIn(m *measure, l regulation.Lang) string {
	s := figure.ReplaceAllStringFunc(evidence.Visible(m.BoundsIn(spoken(l))), func(d string) string {
		if t, err := time.ParseDuration(d); err == nil {
			return words.Duration(l, t)
		}
		return d
	})
	return words.T(l, "measure.bounds", s)
}

// figure is a duration as Go prints it, among words.
var figure = regexp.MustCompile(`\b(?:[0-9.]+(?:ns|µs|ms|h|m|s))+\b`)

// measureIn prints a measurement with its limit and distance.
func measureIn(m *measure, l regulation.Lang) string {
	s := named(m, l) + words.Span(l, m.Span.Lo, m.Span.Hi)
	if m.Limit != 0 {
		s += "; " + words.T(l, "measure.limit", words.Duration(l, m.Limit)) + "; " + distanceIn(m, l)
	}
	if m.Bounds != "" {
		s += "; " + boundsIn(m, l)
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
