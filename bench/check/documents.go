package check

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

func documentChecks() []Check {
	return []Check{
		{Key: "document.printed", Doc: "A document can be printed; a report holds the figures that the bench counted.",
			Params:    []Param{{Name: "document", Type: tWord, Required: true, OneOf: []string{"receipt", "cashiers", "sections"}, Doc: "which document"}},
			Scenarios: []string{"report/documents"}, Judge: judgePrinted},
		{Key: "report.source", Doc: "With a link a report comes from the OFD, without one from what the register has counted itself.",
			Params: []Param{
				{Name: "report", Type: tWord, Required: true, OneOf: []string{"x", "z"}, Doc: "which report"},
				{Name: "unlinked", Type: tWord, OneOf: []string{"local", "none"}, Doc: "what there is without a link: the register's own report (local, also without this parameter) or no demand (none)"},
				{Name: "structure", Type: tWord, Doc: "where the structure of the report is described; not judged"},
			},
			Scenarios: []string{"report/documents"}, Judge: judgeSource},
		{Key: "shift.close", Doc: "The shift can be closed: the OFD is told, the report is printed, its totals are right, and the shift is over.",
			Scenarios: []string{"report/documents", "shift/zreport"}, Judge: judgeClose},
	}
}

func judgePrinted(r *Record, p regulation.Params) []Judgement {
	if !r.Readable() {
		return []Judgement{unsure("paper.unread", nil)}
	}
	switch p.Word("document") {
	case "cashiers":
		return r.groupReports(fiscal.OpReportCashiers, "@report.cashiers")
	case "sections":
		return r.groupReports(fiscal.OpReportSections, "@report.sections")
	}
	v := verdict{r: r}
	for _, o := range r.Ops {
		if !o.IsReceipt() || !o.Done() {
			continue
		}
		if len(o.Papers) == 0 {
			v.fail(o, absent("paper.none", args{"kind": kindWord(o)}, o.End, o.Seq))
			continue
		}
		v.prove("receipt", o, o.Papers[0].Seq, o.Seq)
	}
	return v.end(need{"receipt", "paper.need", args{"field": "@op.receipt"}})
}

// group is what a cashier or a section has in a shift, by kind of receipt.
type group map[fiscal.ReceiptKind]fiscal.Tiyn

// shown says whether the figures of a group stand on a report, in one of the ways
// in which reports are laid out: kind by kind, what is left of the kinds, or
// all of them together.
func (g group) shown(p *printout) bool {
	each, net, gross := true, fiscal.Tiyn(0), fiscal.Tiyn(0)
	for k, sum := range g {
		if sum != 0 && !p.sums[sum] {
			each = false
		}
		gross += sum
		if k.Outgoing() {
			net -= sum
		} else {
			net += sum
		}
	}
	return each || p.sums[max(net, -net)] || p.sums[gross]
}

func (g group) String() string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(g)) {
		out = append(out, amount(g[k]))
	}
	return strings.Join(out, " + ")
}

// groupReports holds reports by cashiers or sections against the ledger: every
// one that has receipts is named, with its own figures.
func (r *Record) groupReports(kind fiscal.OpKind, word string) []Judgement {
	v := verdict{r: r}
	w := newWorld(r)
	a := args{"report": word}
	for _, o := range r.Ops {
		w.before(o)
		if o.Kind != kind || o.As.Password != "" {
			w.after(o)
			continue
		}
		b := refusal(o, a)
		switch book := w.book(); {
		case o.Got() == fiscal.Unsupported:
			v.open(unsure("op.unsupported", b).Citing(o.End))
		case book.Unsure != "":
			v.open(unsure(book.Unsure, args{"at": seqText(book.UnsureAt)}).Citing(book.UnsureAt))
		case o.Refused() && book.begun(o) && w.excuse(o, "") == "":
			v.fail(o, fail("report.refused", b, o.End, o.Seq))
		case !o.Done():
		case len(o.Papers) == 0:
			v.fail(o, absent("paper.none", b, o.End, o.Seq))
		default:
			r.judgeGroups(&v, o, book, b)
		}
		w.after(o)
	}
	return v.end(need{"report", "report.need", a}, need{"two", "report.need.two", a})
}

func (r *Record) judgeGroups(v *verdict, o *Operation, book *Shift, a args) {
	groups, spread := book.groups(o)
	ev := []history.Seq{o.Papers[0].Seq, o.Seq, o.End}
	sums := map[string]bool{}
	for _, n := range slices.Sorted(maps.Keys(groups)) {
		g := groups[n]
		b := with(a, "who", strconv.Itoa(n), "want", g.String())
		named := o.shows(strconv.Itoa(n))
		if names := r.Begin.Profile.CashierNames; o.Kind == fiscal.OpReportCashiers && n > 0 && n <= len(names) {
			named = named || o.print.holds(names[n-1])
		}
		switch {
		case named, n == 0: // the administrator's number, and what has no section, are the register's own affair
			if g.shown(o.print) {
				sums[g.String()] = true
				continue
			}
			if spread {
				v.open(unsure("report.spread", b).Citing(ev...))
				return
			}
			v.fail(o, fail("report.figures", b, ev[0], ev[1:]...))
			return
		default:
			v.fail(o, fail("report.unnamed", b, ev[0], ev[1:]...))
			return
		}
	}
	if len(groups) == 0 {
		return
	}
	v.prove("report", o, ev...)
	if len(sums) > 1 {
		v.prove("two", o, ev...)
	}
}

// groups adds up what each cashier or section has in the shift before a report.
// spread says that a discount or a markup is in it, of which nobody says to which
// section it belongs.
func (s *Shift) groups(report *Operation) (out map[int]group, spread bool) {
	out = map[int]group{}
	add := func(n int, k fiscal.ReceiptKind, sum fiscal.Tiyn) {
		if out[n] == nil {
			out[n] = group{}
		}
		out[n][k] += sum
	}
	for _, o := range s.Ops {
		if o.since() > report.Seq || !o.IsReceipt() {
			continue
		}
		if report.Kind == fiscal.OpReportCashiers {
			add(o.cashier(), o.Receipt.Kind, o.Receipt.Total())
			continue
		}
		spread = spread || hasModifier(o.Receipt) || o.Receipt.Discount != 0 || o.Receipt.Markup != 0
		for _, l := range o.Receipt.Lines {
			if l.Kind == fiscal.Goods || l.Kind == fiscal.GoodsStorno {
				add(l.Section, o.Receipt.Kind, l.Signed())
			}
		}
	}
	return out, spread
}

// figure is one sum of a report, as the OFD and as the register counted it.
type figure struct {
	name      string
	ofd, mine fiscal.Tiyn
}

// differing are the figures in which the OFD's report differs from the register's own.
func differing(ofd, mine *canon.ZXReport) []figure {
	var out []figure
	add := func(name string, a, b *canon.Money) {
		x, err1 := cpcr.Tiyn(a)
		y, err2 := cpcr.Tiyn(b)
		if err1 == nil && err2 == nil && x != y && a != nil && b != nil {
			out = append(out, figure{name, x, y})
		}
	}
	add("@report.cash", ofd.GetCashSum(), mine.GetCashSum())
	for _, k := range fiscal.ReceiptKinds {
		add("@op."+string(k), ticketRow(ofd, k).GetTicketsSum(), ticketRow(mine, k).GetTicketsSum())
	}
	return out
}

// judgeSource tells where a report comes from by figures in which the OFD's
// report was made to differ.
func judgeSource(r *Record, p regulation.Params) []Judgement {
	if !r.Readable() {
		return []Judgement{unsure("paper.unread", nil)}
	}
	kind, word := fiscal.OpXReport, "@op.x-report"
	if p.Word("report") == "z" {
		kind, word = fiscal.OpZReport, "@op.z-report"
	}
	v := verdict{r: r, readings: []Reading{readSource}}
	w := newWorld(r)
	a := args{"report": word}
	for _, o := range r.Ops {
		w.before(o)
		book := w.book()
		if o.Kind == kind && o.Done() && o.As.Password == "" {
			r.judgeReport(&v, w, o, book, a, p.Word("unlinked") != "none")
		}
		w.after(o)
	}
	needs := []need{{"server", "source.need.server", a}}
	if p.Word("unlinked") != "none" {
		needs = append(needs, need{"local", "source.need.local", a})
	}
	return v.end(needs...)
}

func (r *Record) judgeReport(v *verdict, w *world, o *Operation, book *Shift, a args, local bool) {
	if len(o.Papers) == 0 {
		v.fail(o, absent("paper.none", with(a, "kind", kindWord(o)), o.End, o.Seq))
		return
	}
	ev := []history.Seq{o.Papers[0].Seq, o.Seq}
	var asked *Exchange
	for _, x := range o.During {
		c := x.Command()
		if c == canon.CommandTypeEnum_COMMAND_REPORT || c == canon.CommandTypeEnum_COMMAND_CLOSE_SHIFT && x.Reports == o {
			asked = x
		}
	}
	switch {
	case asked != nil && asked.Confirmed() && !asked.Faulty && !r.late(asked):
		ofd := asked.Answer().Res.GetReport().GetZxReport()
		mine := asked.Req.GetReport().GetZxReport()
		if o.Kind == fiscal.OpZReport {
			mine = asked.Req.GetCloseShift().GetZReport()
		}
		if ofd == nil || mine == nil {
			return
		}
		for _, f := range differing(ofd, mine) {
			b := with(a, "figure", f.name, "ofd", amount(f.ofd), "own", amount(f.mine))
			switch theirs, own := o.print.sums[f.ofd], o.print.sums[f.mine]; {
			case theirs && !own:
				v.prove("server", o, append(ev, asked.Answer().Seq)...)
			case own && !theirs:
				v.fail(o, fail("source.own", b, ev[0], ev[1], asked.Answer().Seq))
			}
		}
	case len(o.During) == 0 && o.Faulty && local:
		if book.Unsure != "" {
			v.open(unsure(book.Unsure, args{"at": seqText(book.UnsureAt)}).Citing(book.UnsureAt))
			return
		}
		told := false
		for _, k := range fiscal.ReceiptKinds {
			s := book.upTo(o, k)
			if s == 0 {
				continue
			}
			if !o.print.sums[s] {
				v.fail(o, fail("source.figures", with(a, "figure", "@op."+string(k), "want", amount(s)), ev[0], ev[1]))
				return
			}
			told = true
		}
		if told {
			v.prove("local", o, ev...)
		}
	case len(o.During) == 0 && o.Kind == fiscal.OpXReport && !o.Faulty && !o.Staged && w.oldest(o) == nil && w.barred == nil && w.lastGood != 0 && !r.troubled(w.lastGood, o.windowE) && !r.readdressed(w.lastGood, o.Seq) && !saysOffline(o) && book.begun(o):
		v.fail(o, fail("source.unasked", a, ev[0], ev[1], w.lastGood))
	}
}

// upTo is the sum of a kind of receipt in the shift before a report.
func (s *Shift) upTo(report *Operation, k fiscal.ReceiptKind) fiscal.Tiyn {
	var sum fiscal.Tiyn
	for _, o := range s.Ops {
		if o.since() < report.Seq && o.IsReceipt() && o.Receipt.Kind == k {
			sum += o.Receipt.Total()
		}
	}
	return sum
}

// laterBooked is a document that was made after o and that the OFD has booked.
func (r *Record) laterBooked(o *Operation) *Exchange {
	for _, later := range r.Ops[o.N+1:] {
		if b := later.Booked(); b != nil && later.isDocument() && b.Seq > o.End {
			return b
		}
	}
	return nil
}

// judgeClose judges that a shift can be closed, as a whole: message, paper,
// totals, and that it is over. The single figures have rows of their own.
func judgeClose(r *Record, _ regulation.Params) []Judgement {
	v := verdict{r: r}
	w := newWorld(r)
	for _, o := range r.Ops {
		w.before(o)
		if o.Kind != fiscal.OpZReport || o.As.Password != "" {
			w.after(o)
			continue
		}
		book := w.book()
		a := args{"op": seqText(o.Seq), "kind": kindWord(o)}
		switch open, known := w.open(o); {
		case o.Got() == fiscal.Unsupported:
			v.open(unsure("op.unsupported", a).Citing(o.End))
		case o.Refused() && known && open && w.excuse(o, "shift.limit") == "" && !w.alone(o):
			v.fail(o, fail("close.refused", refusal(o, a), o.End, o.Seq))
		case o.Done():
			r.judgeOneClose(&v, o, book, a)
		}
		w.after(o)
	}
	return v.end(need{"close", "close.need", nil})
}

func (r *Record) judgeOneClose(v *verdict, o *Operation, book *Shift, a args) {
	ev := []history.Seq{o.End, o.Seq}
	if o.After != nil {
		if o.After.ShiftOpen {
			v.fail(o, fail("close.open", a, o.After.Seq, ev...))
			return
		}
		ev = append(ev, o.After.Seq)
	}
	if r.Readable() {
		if len(o.Papers) == 0 {
			v.fail(o, absent("paper.none", a, o.End, o.Seq))
			return
		}
		ev = append(ev, o.Papers[0].Seq)
	}
	x := o.Booked()
	if x == nil {
		if later := r.laterBooked(o); later != nil && len(o.Sent) == 0 {
			v.fail(o, fail("close.unsent", a, later.Seq, ev...))
		}
		return // not handed over within the record
	}
	ev = append([]history.Seq{x.Seq}, ev...)
	if z := x.Req.GetCloseShift().GetZReport(); z != nil && book.Unsure == "" {
		for _, k := range fiscal.ReceiptKinds {
			s, row := book.Kind(k), ticketRow(z, k)
			sum, err := cpcr.Tiyn(row.GetTicketsSum())
			if err != nil || int(row.GetTicketsCount()) != s.Count || sum != s.Sum {
				v.fail(o, fail("offclose.totals", with(a, "what", "@op."+string(k), "want", fmt.Sprintf("%d, %s", s.Count, s.Sum),
					"got", fmt.Sprintf("%d, %s", row.GetTicketsCount(), sum)), ev[0], ev[1:]...))
				return
			}
		}
	}
	if x.Confirmed() && book.FirstReceipt != nil && book.Unsure == "" {
		v.prove("close", o, ev...)
	}
}
