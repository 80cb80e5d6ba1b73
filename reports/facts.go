package reports

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/reports/evidence"
	"github.com/kkmtest/kkmtest/reports/submission"
	"github.com/kkmtest/kkmtest/reports/words"
)

// results in the order in which documents list them: what needs a reader first.
var results = []check.Result{
	check.Fail, check.Error, check.Unknown, check.NotChecked, check.Pass,
	check.NotApplicable, check.NotSelected, check.Informational,
}

// symbols stand before the word, so that a result can be told without colour.
var symbols = map[check.Result]string{
	check.Pass: "✓", check.Fail: "✗", check.Error: "⚠", check.Unknown: "?",
	check.NotChecked: "☐", check.NotApplicable: "—", check.NotSelected: "○", check.Informational: "·",
}

// Statuses of an edition, as the catalogues write them.
const (
	statusInForce  = "in-force"
	statusRepealed = "repealed"
	statusDraft    = "draft"
)

// notices are what a reader has to know before anything else: a broken record,
// an edition that is not in force, a device that is none.
func (r Run) notices(ls []line, l regulation.Lang) []string {
	var out []string
	switch r.End() {
	case Broken:
		out = append(out, words.T(l, "notice.broken"))
	case Aborted:
		out = append(out, words.T(l, "notice.aborted"))
	}
	if r.Torn != nil {
		out = append(out, words.T(l, "notice.torn", r.Torn.Bytes))
	}
	all := 0
	for _, k := range counts(ls) {
		all += k
	}
	if n := counts(ls)[check.NotSelected]; n > 0 {
		out = append(out, words.T(l, "notice.partial", n, all))
	}
	force := ""
	switch {
	case r.Edition.Status == statusDraft:
		force = words.T(l, "notice.draft")
	case r.Edition.Status == statusRepealed && r.Edition.Until != "":
		force = words.T(l, "notice.until", words.Date(l, r.Edition.Until))
	case r.Edition.Status == statusRepealed:
		force = words.T(l, "notice.repealed")
	}
	if force != "" && r.InForce != nil && r.InForce.ID != r.Edition.ID {
		force += " " + words.T(l, "notice.current", title(r.InForce.Title, l), words.Date(l, r.InForce.Since))
	}
	if force != "" {
		out = append(out, force)
	}
	if strings.HasPrefix(r.Facts.Device, "emulated:") {
		out = append(out, words.T(l, "notice.emulated"))
	}
	return out
}

// ours says in which words the requirements stand where the official text is not
// there for every row; "" when it is.
func ours(ls []line, l regulation.Lang) string {
	var lack []string
	all := 0
	for _, ln := range ls {
		if !ln.Counts {
			continue
		}
		all++
		if ln.Row.Official[l] == "" {
			lack = append(lack, ln.Row.Number)
		}
	}
	switch len(lack) {
	case 0:
		return ""
	case all:
		return words.T(l, "notice.wording")
	}
	return words.T(l, "notice.some", strings.Join(lack, ", "))
}

// pair is a name and a value of the identity block.
type pair struct {
	Key   string // of package words
	Value string
}

// identity is what can be told of device, bench, edition and record; pairs
// without a value are left out, but for those that a person fills in by hand.
func (r Run) identity(l regulation.Lang) []pair {
	f := r.Facts
	id, _ := r.Identity()
	says := evidence.Visible(strings.Join(strings.Fields(id.Type+" "+id.Model+" "+id.Serial), " "))
	bench := strings.TrimSpace("kkmtest " + r.Bench.Version)
	if r.Bench.Commit != "" {
		bench += " (" + r.Bench.Commit + ")"
	}
	sub := ""
	if r.Submission != nil {
		sub = r.Submission.Digest
	}
	var others []string
	for _, e := range r.Others {
		others = append(others, strings.TrimSpace(e.Act+" ("+e.ID+")"))
	}
	all := []pair{
		{"id.model", f.Profile.Model},
		{"id.serial", f.Profile.Serial},
		{"id.registration", f.Profile.Registration},
		{"id.firmware", id.Firmware},
		{"id.says", says},
		{"id.address", f.Device},
		{"id.cpcr", f.Protocol},
		{"id.lab", r.Lab.Name},
		{"id.request", r.Lab.Request},
		{"id.sample", r.Lab.Sample},
		{"id.operator", r.Lab.Operator},
		{"id.date", r.Lab.Date},
		{"id.timemode", r.timeMode(l)},
		{"id.seed", strconv.FormatUint(f.Seed, 10)},
		{"id.bench", bench},
		{"id.build", r.Bench.Build},
		{"id.host", r.Bench.Host},
		{"id.clock", r.Bench.Clock},
		{"id.edition", strings.TrimSpace(r.Edition.Act + " (" + r.Edition.ID + ")")},
		{"id.editionsum", r.Edition.Digest},
		{"id.wording", r.Wording},
		{"id.others", strings.Join(others, ", ")},
		{"id.record", r.Digests.Record},
		{"id.events", strconv.Itoa(r.View.Len())},
		{"id.end", words.T(l, "end."+string(r.End()))},
		{"id.capture", r.Digests.Capture},
		{"id.profile", r.Digests.Profile},
		{"id.submission", sub},
	}
	var out []pair
	for _, p := range all {
		if p.Value != "" {
			out = append(out, pair{p.Key, evidence.Visible(p.Value)})
		}
	}
	return out
}

// timeMode is the kind of time of the run in words.
func (r Run) timeMode(l regulation.Lang) string {
	if _, ok := words.Get("time." + r.Facts.TimeMode); ok {
		return words.T(l, "time."+r.Facts.TimeMode)
	}
	return r.Facts.TimeMode
}

// InForce finds the edition that is in force where e is not: of the same
// country, nil when there is none or e is in force itself.
func InForce(all []regulation.Edition, e regulation.Edition) *regulation.Edition {
	if e.Status == statusInForce {
		return nil
	}
	for i := range all {
		if all[i].Status == statusInForce && all[i].Country == e.Country {
			return &all[i]
		}
	}
	return nil
}

// due says whether a row wants a reference in the third column.
func due(l line) bool {
	return l.Counts && l.Row.Kind != regulation.Heading && l.Row.Kind != regulation.SectionTitle
}

// refs are the manufacturer's references to a row.
func (r Run) refs(l line) []submission.Ref {
	return r.Submission.Find(r.Edition.ID, l.Section, l.Row.Number)
}

// Column counts the rows that want a reference in the third column, and those
// that have one. It is told apart from the verdicts: the column is due for every row.
func (r Run) Column() (filled, due int, err error) {
	ls, err := r.lines()
	if err != nil {
		return 0, 0, err
	}
	filled, due, _ = r.column(ls)
	return filled, due, nil
}

// denied are the declarations that the record contradicts, in words.
func (r Run) denied(l regulation.Lang) []pair {
	var out []pair
	for _, c := range r.Contradictions {
		out = append(out, pair{c.String(), evidence.Visible(words.T(l, "annex.deniedsay", c.Declared, c.Seen, seqList(c.Events, maxOnLine)))})
	}
	return out
}

// readingIn is a reading in a language, or in the nearest that there is.
func readingIn(rd check.Reading, l regulation.Lang) string { return rd.In(spoken(l)) }

// spoken is the language in which checks speak to readers of l: a Kyrgyz form
// carries their sentences in Russian.
func spoken(l regulation.Lang) regulation.Lang {
	if l == words.KY {
		return words.RU
	}
	return l
}

// declaredIn names the lines of the profile that a verdict rests on.
func declaredIn(v verdict) string {
	var out []string
	for _, d := range v.Declared {
		out = append(out, d.String())
	}
	return strings.Join(out, ", ")
}

// column counts the rows whose third column is filled in and names the others.
func (r Run) column(ls []line) (filled, all int, missing []string) {
	for _, l := range ls {
		if !due(l) {
			continue
		}
		all++
		if len(r.refs(l)) > 0 {
			filled++
		} else {
			missing = append(missing, l.Row.Number)
		}
	}
	return filled, all, missing
}

// reference is the third column of a row: document, page, clause.
func (r Run) reference(l line, lang regulation.Lang) string {
	var out []string
	for _, ref := range r.refs(l) {
		name := ref.Document
		if d, ok := r.Submission.Document(ref.Document); ok {
			name = d.Name(lang)
		}
		out = append(out, evidence.Visible(words.T(lang, "form.ref", name, ref.Page, ref.Clause)))
	}
	return strings.Join(out, "; ")
}

// sectionName is "Section I", or all of them.
func sectionName(id string, l regulation.Lang) string {
	if id == "all" {
		return words.T(l, "form.all")
	}
	return words.T(l, "form.section", id)
}

// readings lists every reading that a verdict rests on, each once, in the order of the form.
func readings(ls []line) []check.Reading {
	var out []check.Reading
	seen := map[string]bool{}
	for _, l := range ls {
		for _, rd := range l.Verdict.Read {
			if !seen[rd.ID] {
				seen[rd.ID] = true
				out = append(out, rd)
			}
		}
	}
	return out
}

func hexOf(b []byte) string {
	const most = 64
	if len(b) > most {
		return fmt.Sprintf("% x … (%d)", b[:most], len(b))
	}
	return fmt.Sprintf("% x", b)
}
