package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/reports/evidence"
	"github.com/kkmtest/kkmtest/reports/paper"
	"github.com/kkmtest/kkmtest/reports/words"
)

// On paper a text of a device is cut, and so is a list of events; findings.json
// has them whole.
const (
	maxReason = 900
	maxOnLine = 8
)

// byHand are the lines of the identity block that stay on paper when empty: a person writes there.
var byHand = []string{"id.lab", "id.request", "id.sample", "id.operator", "id.date"}

// annex is ours: no part of the order's form.
func annex(r Run, ls []line, o Paper) []paper.Block {
	l := o.Lang
	out := []paper.Block{
		paper.Heading{Text: words.T(l, "annex.title"), Level: 1, NewPage: true},
		paper.Para{Text: words.T(l, "annex.about"), Small: true},
		paper.Heading{Text: words.T(l, "annex.summary"), Level: 2},
		summary(ls, l),
	}
	filled, all, missing := r.column(ls)
	out = append(out, paper.Para{Text: words.T(l, "annex.column", filled, all), Bold: true}, paper.Para{Text: words.T(l, "annex.columnnote"), Small: true})
	if filled > 0 && len(missing) > 0 {
		out = append(out, paper.Para{Text: words.T(l, "annex.columnmiss") + ": " + strings.Join(missing, ", "), Small: true})
	}
	if p := printedOtherwise(ls, l); p != "" {
		out = append(out, paper.Para{Text: words.T(l, "annex.printed") + ": " + p, Small: true})
	}
	if ms := check.Undeclared(r.Findings); len(ms) > 0 {
		t := paper.Table{Widths: pairWidths}
		for _, m := range ms {
			t.Rows = append(t.Rows, paper.Row{Cells: []paper.Cell{{Text: evidence.Visible(m.Key), Bold: true, Shade: true}, {Text: r.rowList(m.Rows)}}})
		}
		out = append(out, paper.Heading{Text: words.T(l, "annex.ask"), Level: 2}, paper.Para{Text: words.T(l, "annex.askabout"), Small: true}, t)
	}
	if ds := r.denied(l); len(ds) > 0 {
		t := paper.Table{Widths: pairWidths}
		for _, d := range ds {
			t.Rows = append(t.Rows, paper.Row{Cells: []paper.Cell{{Text: d.Key, Bold: true, Shade: true}, {Text: d.Value}}})
		}
		out = append(out, paper.Heading{Text: words.T(l, "annex.denied"), Level: 2}, t)
	}
	out = append(out, paper.Heading{Text: words.T(l, "annex.identity"), Level: 2}, identityTable(r, l))
	if !o.OneTable {
		out = append(out, paper.Heading{Text: words.T(l, "annex.verdicts"), Level: 2}, verdicts(ls, l))
	}
	if rs := readings(ls); len(rs) > 0 {
		t := paper.Table{Widths: pairWidths}
		for _, rd := range rs {
			t.Rows = append(t.Rows, paper.Row{Cells: []paper.Cell{{Text: evidence.Visible(rd.ID)}, {Text: evidence.Visible(readingIn(rd, l))}}})
		}
		out = append(out, paper.Heading{Text: words.T(l, "annex.readings"), Level: 2}, t)
	}
	return append(out, paper.Heading{Text: words.T(l, "annex.signatures"), Level: 2}, signatures(l))
}

func summary(ls []line, l regulation.Lang) paper.Table {
	t := paper.Table{Widths: summaryWidths, Head: []string{words.T(l, "col.result"), "", words.T(l, "annex.rows")}}
	n := counts(ls)
	total := 0
	for _, res := range results {
		total += n[res]
		if n[res] == 0 {
			continue
		}
		t.Rows = append(t.Rows, paper.Row{Cells: []paper.Cell{
			{Text: symbols[res] + " " + words.T(l, "result."+res.String()), Bold: true, Shade: loud(res)},
			{Text: words.T(l, "means."+res.String())}, {Text: fmt.Sprint(n[res]), Center: true},
		}})
	}
	t.Rows = append(t.Rows, paper.Row{Cells: []paper.Cell{{Text: words.T(l, "html.total"), Span: 2}, {Text: fmt.Sprint(total), Center: true, Bold: true}}})
	return t
}

// printedOtherwise names the rows whose number in the act is not the one that the form uses.
func printedOtherwise(ls []line, l regulation.Lang) string {
	var out []string
	for _, ln := range ls {
		if p := strings.TrimRight(ln.Row.Printed, ". )"); p != "" && p != ln.Row.Number && !strings.HasSuffix(ln.Row.Number, p) {
			out = append(out, words.T(l, "annex.printedas", ln.Row.Number, p))
		}
	}
	return strings.Join(out, "; ")
}

func identityTable(r Run, l regulation.Lang) paper.Table {
	t := paper.Table{Widths: pairWidths}
	ps := r.identity(l)
	for _, k := range byHand {
		if !slices.ContainsFunc(ps, func(p pair) bool { return p.Key == k }) {
			ps = append(ps, pair{Key: k})
		}
	}
	for _, p := range ps {
		t.Rows = append(t.Rows, paper.Row{Cells: []paper.Cell{{Text: words.T(l, p.Key)}, {Text: p.Value}}})
	}
	return t
}

func verdicts(ls []line, l regulation.Lang) paper.Table {
	t := paper.Table{Widths: annexWidths, Head: heads(l, "col.number", "col.result", "col.reason", "col.measured", "col.events")}
	began := map[string]bool{}
	for _, ln := range ls {
		v := ln.Verdict
		if ln.Row.Kind == regulation.SectionTitle || !ln.Counts {
			mark := ""
			if ln.Row.Kind == regulation.SectionTitle {
				mark = evidence.Visible(wording(ln.Row, l))
				began[ln.Section] = true
			}
			if !began[ln.Section] {
				continue // the form's head row: it is about the third column
			}
			t.Rows = append(t.Rows, paper.Row{Mark: mark, Level: 3, Cells: []paper.Cell{{Text: evidence.Visible(wording(ln.Row, l)), Bold: true, Shade: true, Span: len(t.Widths)}}})
			continue
		}
		m := ""
		if v.Measure != nil {
			m = measureLines(v.Measure, l)
		}
		t.Rows = append(t.Rows, paper.Row{Cells: []paper.Cell{
			{Text: ln.Row.Number}, {Text: resultIn(v, l), Bold: true, Shade: loud(v.Result)}, {Text: reasonLines(v, l, false)},
			{Text: m}, {Text: seqList(v.Events, maxOnLine)},
		}})
	}
	return t
}

// loud are the results that a reader must not miss: what failed, and what
// nobody can vouch for.
func loud(r check.Result) bool {
	return r == check.Fail || r == check.Error || r == check.Unknown || r == check.NotChecked
}

// reasonLines is the reason for paper, one thing a line. whole adds what has a
// column of its own in the annex.
func reasonLines(v verdict, l regulation.Lang, whole bool) string {
	var out []string
	add := func(key, s string) {
		if s != "" {
			out = append(out, words.T(l, key)+": "+shorten(evidence.Visible(s)))
		}
	}
	p := said(v.Lead, l)
	if p.Want != "" && p.Got != "" {
		add("reason.got", p.Got)
		add("reason.want", p.Want)
		add("reason.bytes", hexOf(v.Lead.Violation().Bytes))
		add("reason.hint", p.Hint)
	} else if s := reasonIn(v, l); s != "" {
		out = append(out, shorten(evidence.Visible(s)))
	}
	add("reason.declared", declaredIn(v))
	for _, rd := range v.Read {
		out = append(out, "["+evidence.Visible(rd.ID)+"]")
	}
	if whole && v.Measure != nil {
		out = append(out, measureLines(v.Measure, l))
	}
	if whole && len(v.Events) > 0 {
		add("col.events", seqList(v.Events, maxOnLine))
	}
	return strings.Join(out, "\n")
}

func shorten(s string) string {
	if r := []rune(s); len(r) > maxReason {
		return string(r[:maxReason]) + fmt.Sprintf(" … (+%d)", len(r)-maxReason)
	}
	return s
}

// measureLines is the measurement, the limit and the distance, one a line.
func measureLines(m *measure, l regulation.Lang) string {
	s := named(m, l) + words.Span(l, m.Span.Lo, m.Span.Hi)
	if m.Limit != 0 {
		s += "\n" + words.T(l, "measure.limit", words.Duration(l, m.Limit)) + "\n" + distanceIn(m, l)
	}
	if m.Bounds != "" {
		s += "\n" + boundsIn(m, l)
	}
	if m.Near {
		s += "\n(" + words.T(l, "measure.near") + ")"
	}
	return s
}

// signatures leaves room for three persons and a stamp.
func signatures(l regulation.Lang) paper.Table {
	t := paper.Table{Widths: signWidths, Keep: true, Head: []string{"", words.T(l, "sign.position"), words.T(l, "sign.sign"), words.T(l, "sign.name"), words.T(l, "sign.date")}}
	for _, who := range []string{"sign.tester", "sign.head", "sign.maker"} {
		t.Rows = append(t.Rows, paper.Row{Height: 130, Cells: []paper.Cell{{Text: words.T(l, who)}, {}, {}, {}, {}}})
	}
	t.Rows = append(t.Rows, paper.Row{Height: 320, Cells: []paper.Cell{{Text: words.T(l, "sign.stamp")}, {Span: 4}}})
	return t
}
