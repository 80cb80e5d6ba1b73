package check

import (
	"slices"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
)

// JudgeAll judges every line of a section in the order of the form. It is pure:
// the same record and the same edition give the same findings, byte for byte. A
// section that the edition does not have gives none.
func JudgeAll(rec *Record, e regulation.Edition, section string) []Finding {
	s, ok := e.Section(section)
	if !ok {
		return nil
	}
	r := rec.under(s)
	r.edition = e.ID
	out := make([]Finding, len(s.Rows))
	children := map[string][]int{}
	judged := r.askAll(s)
	for i, row := range s.Rows {
		f := Finding{Edition: e.ID, Section: s.ID, Row: row.Number, RowDigest: row.Digest, Check: row.Check}
		switch row.Kind {
		case regulation.SectionTitle, regulation.Heading:
			f.Result = Informational
		default:
			f.Parts = judgeRow(r, row, judged)
			f.Result = worst(f.Parts)
			if row.Parent != "" {
				children[row.Parent] = append(children[row.Parent], i)
			}
		}
		out[i] = f
	}
	// Groups from the last line up: what a group contains stands below it.
	for i := len(s.Rows) - 1; i >= 0; i-- {
		row := s.Rows[i]
		kids := children[row.Number]
		if row.Kind != regulation.Group || len(kids) == 0 {
			continue
		}
		own := row.Check != "" || out[i].Result == NotApplicable || out[i].Result == Unknown
		var res Result
		if own {
			res = out[i].Result
			if res == NotApplicable { // the whole group does not bind
				continue
			}
		} else {
			res = out[kids[0]].Result
			out[i].Parts = nil
		}
		for _, k := range kids {
			res = Worse(res, out[k].Result)
		}
		out[i].Result = res
	}
	return out
}

// under gives the record the figures of the section that it is judged by.
func (r *Record) under(s regulation.Section) *Record {
	c := *r
	c.limits = map[string]time.Duration{}
	for _, row := range s.Rows {
		for name := range row.Params {
			k := row.Check + "/" + name
			if _, have := c.limits[k]; have || row.Check == "" {
				continue
			}
			if d, err := row.Params.Duration(name); err == nil {
				c.limits[k] = d
			}
		}
	}
	c.Books = keepBooks(&c)
	return &c
}

// demand is what a row asks: rows that ask the same are judged once.
func demand(row regulation.Row) string { return row.Check + "\x00" + row.Params.String() }

// askAll judges every demand of a section, on every processor. Checks only read
// the record, so their order does not matter.
func (r *Record) askAll(s regulation.Section) map[string][]Judgement {
	out := map[string][]Judgement{}
	var rows []regulation.Row
	for _, row := range s.Rows {
		if _, have := out[demand(row)]; row.Check != "" && !have {
			out[demand(row)] = nil
			rows = append(rows, row)
		}
	}
	found := make([][]Judgement, len(rows))
	spread(len(rows), 1, func(i int) {
		if c, ok := Lookup(rows[i].Check); ok {
			found[i] = c.Run(r, rows[i].Params)
		} else {
			found[i] = []Judgement{notChecked("row.unknowncheck", args{"check": rows[i].Check})}
		}
	})
	for i, row := range rows {
		out[demand(row)] = found[i]
	}
	return out
}

func worst(js []Judgement) Result {
	if len(js) == 0 {
		return NotChecked
	}
	res := js[0].result
	for _, j := range js[1:] {
		res = Worse(res, j.result)
	}
	return res
}

// judgeRow judges a row. Where a declaration that it needs is contradicted by the
// record, only what the register did wrong counts beside that.
func judgeRow(r *Record, row regulation.Row, judged map[string][]Judgement) []Judgement {
	wrong := r.contradicted(row)
	if len(wrong) == 0 {
		return bindingRow(r, row, judged)
	}
	if row.Check != "" {
		for _, j := range checkedRow(r, row, judged) {
			if j.result == Fail || j.result == Error {
				wrong = append(wrong, j)
			}
		}
		sortWorst(wrong)
	}
	return wrong
}

func bindingRow(r *Record, row regulation.Row, judged map[string][]Judgement) []Judgement {
	if row.Obligation == regulation.Conditional && row.Condition != "" {
		applies, missing, err := row.Applies(r.Fact)
		switch {
		case err != nil:
			return []Judgement{BenchFault(err, r.Begun)}
		case len(missing) > 0:
			return []Judgement{unsure("row.undeclared", args{"property": strings.Join(missing, ", "), "condition": row.Condition}).Citing(cite(r.Begun)...)}
		case !applies:
			j := notApplicable("row.condition", args{"condition": row.Condition}).Citing(cite(r.Begun)...)
			for _, f := range conditioned(row) {
				if _, ok := r.Fact(f); ok {
					j = j.declaredBy(r.declaration(f))
				}
			}
			return []Judgement{j}
		}
	}
	if row.Check == "" {
		switch {
		case row.Demand != "":
			return []Judgement{r.judgeDocument(row)}
		case row.Prompt != "":
			return []Judgement{notChecked("row.prompt", args{"prompt": row.Prompt})}
		}
		return []Judgement{notChecked("row.nocheck", nil)}
	}
	return checkedRow(r, row, judged)
}

// checkedRow is what the check of a row found, with the lines of the profile that
// a failure was compared with.
func checkedRow(r *Record, row regulation.Row, judged map[string][]Judgement) []Judgement {
	js := slices.Clone(judged[demand(row)])
	for i, j := range js {
		if j.result == Fail {
			for _, f := range compared(row) {
				js[i] = js[i].declaredBy(r.declaration(f))
			}
		}
	}
	if row.Obligation == regulation.Optional && worst(js) == Fail {
		for i, j := range js {
			if j.result == Fail && j.violation.Absent {
				n := notApplicable("row.optional", args{"want": j.violation.Want, "got": j.violation.Got}).Citing(j.events...)
				js[i] = n.With(j.readings...)
			}
		}
		sortWorst(js)
	}
	return js
}

func cite(n history.Seq) []history.Seq {
	if n == 0 {
		return nil
	}
	return []history.Seq{n}
}

func sortWorst(js []Judgement) {
	slices.SortStableFunc(js, func(a, b Judgement) int { return rank[b.result] - rank[a.result] })
}

// Run judges, worst first. Parameters that the check cannot use are the
// catalogue's fault; a check that finds nothing at all is unknown, never a pass.
func (c Check) Run(r *Record, p regulation.Params) []Judgement {
	if err := c.Validate(p); err != nil {
		return badParam(err)
	}
	js := c.Judge(r, p)
	if len(js) == 0 {
		return []Judgement{unsure("evidence.none", nil)}
	}
	sortWorst(js)
	return js
}
