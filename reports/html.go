package reports

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/reports/evidence"
	"github.com/kkmtest/kkmtest/reports/words"
)

var (
	//go:embed assets/form.css
	formCSS string
	//go:embed assets/form.js
	formJS string
	//go:embed assets/form.gohtml
	formHTML string
)

// form.html stays below 2 MB however long the record is (target 79): pieces of
// events are left out when they would not fit, those of passed rows first, and
// the page says where they are.
const (
	maxPage   = 1900 << 10
	maxEvents = 3000 // more than these never fit, and need not be tried
)

// mostCited is how many events a row links to; the rest is in findings.json. A
// page that grows too large tries the next figure for its passed rows.
var mostCited = []int{10, 5, 3, 1}

var page = template.Must(template.New("form").Funcs(tongues(Langs).funcs()).Parse(formHTML))

// tongues are the languages of a page; the radio buttons on top choose which one
// shows.
type tongues []regulation.Lang

func (ts tongues) funcs() template.FuncMap {
	return template.FuncMap{"t": ts.say, "word": func(l regulation.Lang, key string) string { return words.T(l, key) }}
}

// page is the template in these languages.
func (ts tongues) page() (*template.Template, error) {
	t, err := page.Clone()
	if err != nil {
		return nil, err
	}
	return t.Funcs(ts.funcs()), nil
}

// say is a word in every language.
func (ts tongues) say(key string, args ...any) template.HTML {
	return ts.each(func(l regulation.Lang) string { return words.T(l, key, args...) })
}

// each writes a text that differs by language. Texts that agree are written once.
func (ts tongues) each(in func(regulation.Lang) string) template.HTML {
	var texts []string
	same := true
	for _, l := range ts {
		texts = append(texts, in(l))
		same = same && texts[0] == texts[len(texts)-1]
	}
	if same {
		return template.HTML(template.HTMLEscapeString(texts[0]))
	}
	var b strings.Builder
	for i, l := range ts {
		fmt.Fprintf(&b, `<span class="t" lang="%s">%s</span>`, l, template.HTMLEscapeString(texts[i]))
	}
	return template.HTML(b.String())
}

type (
	htmlPage struct {
		CSP, Title string
		CSS        template.CSS
		JS         template.JS
		Langs      []regulation.Lang
		Results    []htmlResult
		Model      string
		Form       template.HTML
		Notices    []template.HTML
		Identity   []htmlPair
		Total      int
		Column     template.HTML
		Rows       []htmlRow
		Readings   []htmlReading
		Asks       []htmlPair
		Denied     []htmlPair
		Events     []*htmlEvent
	}
	htmlResult struct {
		Word, Symbol, Key, Means string
		Count                    int
	}
	htmlPair struct {
		Name  template.HTML
		Value template.HTML
	}
	htmlReading struct {
		ID   string
		Text template.HTML
	}
	htmlRow struct {
		Heading      string // "h" or "s", "" for a row
		ID, Number   string
		Title        template.HTML
		Marks        []template.HTML
		Result       htmlResult
		Reason       template.HTML
		Want, Got    template.HTML
		Hint         template.HTML
		Bytes, Check string
		Declared     string
		Readings     []string
		Reference    template.HTML
		Measured     template.HTML
		Near         bool
		Events       []history.Seq
		More         int
	}
	htmlEvent struct {
		evidence.Evidence
		Kind      string // class of its name, "" when the table has none
		RawKind   string
		Causes    []htmlCause
		By        []htmlBy
		Blocks    []htmlBlock
		Missing   bool // the record does not have it
		Elsewhere bool // its longer pieces did not fit
		worst     int  // rank of the results that cite it: the lower, the sooner it is shown
	}
	htmlCause struct {
		Seq   history.Seq
		Cited bool
	}
	htmlBy    struct{ ID, Number string }
	htmlBlock struct{ Key, Text string }
)

func resultOf(r check.Result) htmlResult {
	return htmlResult{Word: r.String(), Symbol: symbols[r], Key: "result." + r.String(), Means: "means." + r.String()}
}

// WriteForm writes form.html: every row of the form with its verdict and the
// events that it cites, in three languages, in one file that needs no network.
func WriteForm(w io.Writer, r Run) error {
	ls, err := r.lines()
	if err != nil {
		return fmt.Errorf("form.html: %w", err)
	}
	ts := r.tongues()
	page, err := ts.page()
	if err != nil {
		return fmt.Errorf("form.html: %w", err)
	}
	sum := sha256.Sum256([]byte(formJS))
	p := htmlPage{
		// Nothing is fetched and only this one script runs, whatever a device printed.
		CSP:   "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'",
		Title: evidence.Visible(fmt.Sprintf("%s %s: %s", r.Edition.Act, r.SectionID(), r.Facts.Profile.Model)),
		CSS:   template.CSS(strings.Replace(formCSS, "FILTERS", filterRules()+ts.labelRules(), 1)),
		JS:    template.JS(formJS), Langs: ts, Model: evidence.Visible(r.Facts.Profile.Model),
		Form: ts.each(func(l regulation.Lang) string {
			return evidence.Visible(title(r.Edition.Title, l) + ". " + sectionName(r.SectionID(), l) + " — " + r.timeMode(l))
		}),
	}
	for _, rd := range readings(ls) {
		p.Readings = append(p.Readings, htmlReading{evidence.Visible(rd.ID), ts.each(func(l regulation.Lang) string { return evidence.Visible(readingIn(rd, l)) })})
	}
	for _, m := range check.Undeclared(r.Findings) {
		p.Asks = append(p.Asks, htmlPair{template.HTML(template.HTMLEscapeString(m.Key)), template.HTML(template.HTMLEscapeString(r.rowList(m.Rows)))})
	}
	for i, c := range r.Contradictions {
		p.Denied = append(p.Denied, htmlPair{template.HTML(template.HTMLEscapeString(c.String())), ts.each(func(l regulation.Lang) string { return r.denied(l)[i].Value })})
	}
	n := counts(ls)
	for _, res := range results {
		h := resultOf(res)
		h.Count = n[res]
		p.Total += n[res]
		p.Results = append(p.Results, h)
	}
	p.Notices = r.htmlNotices(ts, ls)
	for i, pr := range r.identity(words.EN) {
		p.Identity = append(p.Identity, htmlPair{ts.say(pr.Key), ts.each(func(l regulation.Lang) string { return r.identity(l)[i].Value })})
	}
	filled, all, _ := r.column(ls)
	p.Column = ts.say("annex.column", filled, all)
	var b bytes.Buffer
	known := map[history.Seq]evidence.Evidence{}
	for _, most := range mostCited {
		cited := map[history.Seq]*htmlEvent{}
		p.Rows = nil
		for _, l := range ls {
			p.Rows = append(p.Rows, r.htmlRow(ts, l, most, cited))
		}
		if len(cited) > maxEvents && most > mostCited[len(mostCited)-1] {
			continue
		}
		p.Events = r.htmlEvents(cited, known)
		bare := p
		bare.Events = bareEvents(p.Events)
		b.Reset()
		if err := page.Execute(&b, bare); err != nil {
			return fmt.Errorf("form.html: %w", err)
		}
		if b.Len() < maxPage*3/4 {
			break
		}
	}
	fit(p.Events, maxPage-b.Len())
	b.Reset()
	if err := page.Execute(&b, p); err != nil {
		return fmt.Errorf("form.html: %w", err)
	}
	_, err = b.WriteTo(w)
	return err
}

// filterRules hides the rows of a result whose box is not ticked, without any script.
func filterRules() string {
	var b strings.Builder
	for _, r := range results {
		fmt.Fprintf(&b, "#f-%[1]s:not(:checked)~main tr.r.%[1]s{display:none}\n#f-%[1]s:not(:checked)~main [for=f-%[1]s]{opacity:.35;text-decoration:line-through}\n", r)
	}
	return b.String()
}

// labelRules puts the words that every event repeats into the style sheet, once
// a language: thousands of events would not fit otherwise.
func (ts tongues) labelRules() string {
	var b strings.Builder
	rule := func(class, key, suffix string) {
		t, _ := words.Get(key)
		for _, l := range ts {
			fmt.Fprintf(&b, "#l-%s:checked~main .%s::before{content:%s}\n", l, class, cssString(t.In(l)+suffix))
		}
	}
	for _, k := range words.Keys("kind.") {
		rule(kindClass(k), k, ": ")
	}
	for _, k := range words.Keys("block.") {
		rule(kindClass(k), k, "")
	}
	rule("by", "html.eventsby", " ")
	rule("cause", "html.causes", " ")
	rule("gone", "html.nobody", "")
	rule("absent", "html.missing", "")
	return b.String()
}

func cssString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// kindClass makes a class of a key: kind.ofd.set is k-kind-ofd-set.
func kindClass(key string) string { return "k-" + strings.ReplaceAll(key, ".", "-") }

func (r Run) htmlNotices(ts tongues, ls []line) []template.HTML {
	var out []template.HTML
	for i := range r.notices(ls, words.EN) {
		out = append(out, ts.each(func(l regulation.Lang) string { return r.notices(ls, l)[i] }))
	}
	return out
}

// htmlRow lays a row out and notes the events that it links to: most of them,
// or more for a row that did not pass.
func (r Run) htmlRow(ts tongues, l line, most int, cited map[history.Seq]*htmlEvent) htmlRow {
	v := l.Verdict
	vi := v.Lead.Violation()
	h := htmlRow{
		ID: "r" + l.Row.Number, Number: l.Row.Number, Result: resultOf(v.Result), Check: v.Check,
		Title:  ts.each(func(lang regulation.Lang) string { return evidence.Visible(wording(l.Row, lang)) }),
		Reason: ts.each(func(lang regulation.Lang) string { return evidence.Visible(reasonIn(v, lang)) }),
		Bytes:  hexOf(vi.Bytes),
	}
	h.Declared = evidence.Visible(declaredIn(v))
	if !l.Counts {
		h.Heading = "h"
		if l.Row.Kind == regulation.SectionTitle {
			h.Heading = "s"
		}
		return h
	}
	if vi.Want != "" && vi.Got != "" {
		h.Want = ts.each(func(lang regulation.Lang) string { return evidence.Visible(said(v.Lead, lang).Want) })
		h.Got = ts.each(func(lang regulation.Lang) string { return evidence.Visible(said(v.Lead, lang).Got) })
		h.Hint = ts.each(func(lang regulation.Lang) string { return evidence.Visible(said(v.Lead, lang).Hint) })
	}
	switch n := note(l.Row, words.EN); {
	case n != "":
		h.Marks = append(h.Marks, ts.each(func(lang regulation.Lang) string { return evidence.Visible(note(l.Row, lang)) }))
	case l.Row.Obligation == regulation.Optional:
		h.Marks = append(h.Marks, ts.say("html.optional"))
	}
	if l.Row.Obligation == regulation.Conditional {
		h.Marks = append(h.Marks, ts.say("html.condition", l.Row.Condition))
	}
	for _, rd := range v.Read {
		h.Readings = append(h.Readings, rd.ID)
	}
	if r.reference(l, words.EN) != "" {
		h.Reference = ts.each(func(lang regulation.Lang) string { return r.reference(l, lang) })
	}
	if v.Measure != nil {
		h.Measured = ts.each(func(lang regulation.Lang) string { return evidence.Visible(measureIn(v.Measure, lang)) })
		h.Near = v.Measure.Near
	}
	h.Events = v.Events
	if loud(v.Result) {
		most = mostCited[0]
	}
	if len(h.Events) > most {
		h.Events, h.More = h.Events[:most], len(v.Events)-most
	}
	worst := len(results)
	for i, res := range results {
		if res == v.Result {
			worst = i
		}
	}
	for _, s := range h.Events {
		e := cited[s]
		if e == nil {
			e = &htmlEvent{worst: worst}
			cited[s] = e
		}
		e.worst = min(e.worst, worst)
		e.By = append(e.By, htmlBy{h.ID, h.Number})
	}
	return h
}
