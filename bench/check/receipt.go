package check

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/fiscal"
)

func receiptChecks() []Check {
	var lines []string
	for _, l := range receiptLines {
		lines = append(lines, l.name)
	}
	return []Check{{Key: "receipt.lines", Doc: "A detail stands on the printed receipt with the right value.",
		Params: []Param{
			{Name: "line", Type: tWord, Required: true, OneOf: lines, Doc: "which detail"},
			{Name: "words", Type: tWords, Doc: "words that must stand on the receipt (any of them)"},
		},
		Scenarios: []string{"receipt/fields", "receipt/cycle"}, Judge: judgeReceipt}}
}

// printed is a done receipt with its paper.
type printed struct {
	r     *Record
	o     *Operation
	lines []string
	words []string // of the row
}

type receiptLine struct {
	name  string
	tells []string
	read  func(p printed) []say
}

// text asks for a text that may be wrapped over lines.
func text(p printed, want string) []say {
	if want == "" {
		return []say{{open: "fact.undeclared"}}
	}
	return []say{p.found(want, p.o.print.holds(want))}
}

// number asks for a number that stands by itself.
func number(p printed, want string) []say {
	if want == "" {
		return []say{{open: "fact.undeclared"}}
	}
	return []say{p.found(want, p.o.shows(want))}
}

func (p printed) found(want string, there bool) say {
	s := say{want: want, ok: there, missing: !there}
	if there {
		s.got = want
	}
	return s
}

var receiptLines = []receiptLine{
	{"taxpayer.name", nil, func(p printed) []say { return text(p, p.r.Begin.Profile.TaxpayerName) }},
	{"taxpayer.bin", nil, func(p printed) []say { return number(p, p.r.Begin.Profile.TaxpayerBIN) }},
	{"kkm.serial", nil, func(p printed) []say { return text(p, p.r.Begin.Profile.Serial) }},
	{"kkm.registration", nil, func(p printed) []say { return text(p, p.r.registrationAt(p.o.Seq)) }},
	{"number", nil, nil}, // compared between receipts: numbers
	{"goods.name", nil, func(p printed) []say {
		return p.eachGoods(func(l fiscal.Line) []say {
			if l.Name == "" {
				return nil
			}
			return text(p, l.Name)
		})
	}},
	{"goods.price", nil, func(p printed) []say {
		return p.eachGoods(func(l fiscal.Line) []say { return p.sum(l.Price) })
	}},
	{"time", nil, func(p printed) []say { return []say{p.time()} }},
	{"total", nil, func(p printed) []say { return p.sum(p.o.Receipt.Total()) }},
	{"sign", []string{"online", "offline"}, printedSign},
	{"ofd.name", nil, func(p printed) []say { return text(p, p.r.Begin.Profile.OFDName) }},
	{"ofd.site", nil, func(p printed) []say { return text(p, p.r.Begin.Profile.OFDSite) }},
	{"ofd", nil, func(p printed) []say {
		return append(text(p, p.r.Begin.Profile.OFDName), text(p, p.r.Begin.Profile.OFDSite)...)
	}},
	{"trade-sums", []string{"sale", "buy"}, func(p printed) []say {
		out := p.sum(p.o.Receipt.Total())
		for i := range out {
			out[i].tells = string(p.o.Receipt.Kind)
		}
		return out
	}},
	{"kazakh", nil, nil}, // over all receipts: kazakhLetters
	{"address", nil, func(p printed) []say { return text(p, p.r.Begin.Profile.Address) }},
	{"goods.code", nil, func(p printed) []say {
		return p.eachGoods(func(l fiscal.Line) []say {
			if l.Code == 0 {
				return nil
			}
			return number(p, strconv.FormatUint(l.Code, 10))
		})
	}},
	{"goods.quantity", []string{"parts"}, func(p printed) []say { // a plain 1 stands on every paper somewhere
		return p.eachGoods(func(l fiscal.Line) []say {
			want := l.Qty.String()
			short := strings.TrimRight(strings.TrimRight(want, "0"), ".")
			s := p.found(want, p.o.print.measures[short])
			if l.Qty%1000 != 0 {
				s.tells = "parts"
			}
			return []say{s}
		})
	}},
	{"vat", nil, func(p printed) []say {
		sums := &Sums{Payments: map[fiscal.PaymentKind]*PaymentSums{}}
		sums.add(p.o.Receipt, false)
		if sums.VAT == 0 {
			return nil
		}
		return p.sum(sums.VAT)
	}},
	{"barcode", nil, func(p printed) []say {
		for _, l := range p.lines {
			if low := strings.ToLower(l); strings.Contains(low, "http") && strings.Contains(low, "i=") {
				return []say{p.found("QR", true)}
			}
		}
		return []say{{open: "paper.graphics"}}
	}},
	{"customer", nil, func(p printed) []say {
		if p.o.Receipt.Customer == "" {
			return nil
		}
		return number(p, p.o.Receipt.Customer)
	}},
}

func (p printed) eachGoods(f func(fiscal.Line) []say) []say {
	var out []say
	for _, l := range p.o.Receipt.Lines {
		if l.Kind == fiscal.Goods {
			out = append(out, f(l)...)
		}
	}
	return out
}

func (p printed) sum(want fiscal.Tiyn) []say {
	return []say{p.found(amount(want), p.o.print.sums[want])}
}

var (
	printedDate = regexp.MustCompile(`\b(\d{2})[./-](\d{2})[./-](\d{4}|\d{2})\b|\b(\d{4})-(\d{2})-(\d{2})\b`)
	printedTime = regexp.MustCompile(`\b(\d{1,2}):(\d{2})(?::(\d{2}))?\b`)
)

// time looks for a date and a time of day on the paper that lie in the
// operation's window; a time without seconds may be as old as its minute.
func (p printed) time() say {
	r, o := p.r, p.o
	lo, hi := r.deviceTime(o.At, o.Seq), r.deviceTime(o.Res.Done, o.End)
	s := say{want: stamp(lo) + " … " + stamp(hi)}
	all := strings.Join(p.lines, "\n")
	at := func(g []string, i int) int { n, _ := strconv.Atoi(g[i]); return n }
	var seen []string
	for _, d := range printedDate.FindAllStringSubmatch(all, -1) {
		y, m, day := at(d, 3), at(d, 2), at(d, 1)
		if d[4] != "" {
			y, m, day = at(d, 4), at(d, 5), at(d, 6)
		} else if y < 100 {
			y += 2000
		}
		for _, c := range printedTime.FindAllStringSubmatch(all, -1) {
			t := time.Date(y, time.Month(m), day, at(c, 1), at(c, 2), at(c, 3), 0, time.UTC)
			from := lo.Add(-clockTolerance)
			if c[3] == "" {
				from = from.Truncate(time.Minute)
			}
			if !t.Before(from) && !t.After(hi.Add(clockTolerance)) {
				s.got, s.ok = stamp(t), true
				return s
			}
			seen = append(seen, stamp(t))
		}
	}
	s.missing = len(seen) == 0
	s.got = strings.Join(seen, ", ")
	return s
}

// printedSign wants the sign of the OFD or the autonomous sign, and the words of the row.
func printedSign(p printed) []say {
	m, x := p.r.Mode(p.o)
	s := say{readings: []Reading{readSent}}
	switch {
	case m == Online && x.Sign() != "":
		s.want, s.tells = x.Sign(), "online"
	case m == Autonomous && x != nil && x.MarkedOffline():
		n, _ := x.OfflineNumber()
		s.want, s.tells = strconv.FormatUint(uint64(n), 10), "offline"
	default:
		return nil
	}
	if !p.o.shows(s.want) {
		s.missing = true
		return []say{s}
	}
	s.got = s.want
	if len(p.words) > 0 {
		if _, ok := p.o.saying(p.words); !ok {
			s.want += " + " + quoted(p.words)
			return []say{s}
		}
	}
	s.ok = true
	return []say{s}
}

func judgeReceipt(r *Record, p regulation.Params) []Judgement {
	i := slices.IndexFunc(receiptLines, func(l receiptLine) bool { return l.name == p.Word("line") })
	if i < 0 {
		return badParam(fmt.Errorf("receipt.lines: line=%s is not known", p.Word("line")))
	}
	if !r.Readable() {
		return []Judgement{unsure("paper.unread", nil)}
	}
	l := receiptLines[i]
	tells := l.tells
	if !r.worksAlone() {
		tells = slices.DeleteFunc(slices.Clone(tells), func(t string) bool { return t == "offline" })
	}
	s := newSurvey(r, "@receipt."+l.name, tells)
	switch l.name {
	case "number":
		return r.receiptNumbers(s)
	case "kazakh":
		return r.kazakhLetters(s)
	}
	for _, o := range r.Ops {
		if !o.IsReceipt() || !o.Done() || len(o.Papers) == 0 {
			continue
		}
		for _, q := range l.read(printed{r, o, o.Lines(), p.Words("words")}) {
			s.add(o, q, nil, o.Papers[0].Seq, o.Seq)
		}
	}
	return s.end("paper.need")
}

// receiptNumbers: the number of the document stands on the paper, and each is
// larger than the one before (reading receipt-number).
func (r *Record) receiptNumbers(s *survey) []Judgement {
	s.v.readings = []Reading{readNumber}
	var last uint64
	var lastOp *Operation
	for _, o := range r.Ops {
		if !o.IsReceipt() || !o.Done() || len(o.Papers) == 0 {
			continue
		}
		ev := []history.Seq{o.Papers[0].Seq, o.Seq}
		n := o.Res.Outcome.Doc
		for _, x := range o.Sent {
			if d := x.DocumentNumber(); d != 0 {
				n = d
				ev = append(ev, x.Seq)
				break
			}
		}
		if n == 0 {
			s.open = append(s.open, unsure("paper.nonumber", nil, readNumber).Citing(ev...))
			continue
		}
		want := strconv.FormatUint(n, 10)
		if !o.shows(want) {
			s.add(o, say{want: want, missing: true}, nil, ev...)
			continue
		}
		if lastOp != nil && n <= last {
			s.v.fail(o, fail("paper.numberback", args{"number": want, "before": strconv.FormatUint(last, 10), "op": seqText(lastOp.Seq)}, ev[0], append(ev[1:], lastOp.Seq)...))
			continue
		}
		last, lastOp = n, o
		s.add(o, say{want: want, got: want, ok: true, tells: "two"}, nil, ev...)
	}
	if len(s.v.proof["tells two"]) > 0 {
		s.tells = []string{"two"}
	}
	return s.end("paper.need")
}

// kazakhOnly are the letters that Kazakh has and Russian has not.
const kazakhOnly = "әғқңөұүһі"

// kazakhLetters: what was entered with these letters has to stand on the paper
// unchanged, and each letter has to have been seen at least once.
func (r *Record) kazakhLetters(s *survey) []Judgement {
	seen := map[rune]bool{}
	for _, o := range r.Ops {
		if !o.IsReceipt() || !o.Done() || len(o.Papers) == 0 {
			continue
		}
		lines := o.Lines()
		ev := []history.Seq{o.Papers[0].Seq, o.Seq}
		for _, l := range o.Receipt.Lines {
			if l.Kind == fiscal.Goods && strings.ContainsAny(strings.ToLower(l.Name), kazakhOnly) && !o.print.holds(l.Name) {
				s.present = true
				s.v.fail(o, fail("field.differs", args{"field": s.field, "want": l.Name, "got": nearest(lines, l.Name), "kind": kindWord(o)}, ev[0], ev[1:]...))
			}
		}
		for _, c := range strings.ToLower(strings.Join(lines, "")) {
			if strings.ContainsRune(kazakhOnly, c) && !seen[c] {
				seen[c] = true
				s.v.prove("any", o, ev...)
			}
		}
	}
	var missing []string
	for _, c := range kazakhOnly {
		if !seen[c] {
			missing = append(missing, string(c))
		}
	}
	if len(missing) > 0 && len(s.v.fails) == 0 {
		return []Judgement{unsure("paper.letters", args{"letters": strings.Join(missing, " ")})}
	}
	return s.end("paper.need")
}

// nearest is the printed line that shares most characters with a text, so that
// a reader sees what became of it.
func nearest(lines []string, text string) string {
	best, most := "@none", 0
	want := []rune(squash(text))
	for _, l := range lines {
		n := 0
		for i, c := range []rune(squash(l)) {
			if i < len(want) && want[i] == c {
				n++
			}
		}
		if n > most {
			best, most = strings.TrimSpace(l), n
		}
	}
	return best
}
