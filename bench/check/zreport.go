package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

func zreportChecks() []Check {
	var fields []string
	for _, f := range zFields {
		fields = append(fields, f.name)
	}
	return []Check{{Key: "zreport.fields", Doc: "A figure of the closing of a shift equals what the bench counted.",
		Params:    []Param{{Name: "field", Type: tWord, Required: true, OneOf: fields, Doc: "which figure"}},
		Scenarios: []string{"shift/zreport", "receipt/fields"}, Judge: judgeZ}}
}

// closing is a closed shift with the message that reports it and the bench's own count.
type closing struct {
	r    *Record
	o    *Operation
	x    *Exchange
	c    *canon.CloseShiftRequest
	z    *canon.ZXReport // nil: the message holds none (before 1.2.5 the OFD makes it)
	book *Shift
	prev *Exchange // the close before, nil = none seen
}

type zField struct {
	name string
	// counted figures need a shift that the bench knows from its first document.
	counted bool
	tells   []string
	read    func(c closing) []say
}

// perKind compares a figure for each kind of receipt. A row that is left out
// counts as zero (cpcr.md 13.1).
func perKind(kinds []fiscal.ReceiptKind, want func(Sums) int64, got func(closing, fiscal.ReceiptKind) (int64, bool, error), show func(int64) string) func(closing) []say {
	return func(c closing) []say {
		var out []say
		for _, k := range kinds {
			w := want(c.book.Kind(k))
			g, there, err := got(c, k)
			s := say{want: show(w), kind: "@op." + string(k)}
			if !there {
				s.readings = []Reading{readZero}
			}
			switch {
			case err != nil:
				s.got = err.Error()
			case !there && w != 0:
				s.missing = true
			default:
				s.got, s.ok = show(g), g == w
			}
			if w != 0 {
				s.tells = "some"
			}
			out = append(out, s)
		}
		return out
	}
}

func plainNumber(n int64) string { return strconv.FormatInt(n, 10) }
func tiynNumber(n int64) string  { return amount(fiscal.Tiyn(n)) }

func fromTicketRow(f func(*canon.ZXReport_TicketOperation) (int64, bool, error)) func(closing, fiscal.ReceiptKind) (int64, bool, error) {
	return func(c closing, k fiscal.ReceiptKind) (int64, bool, error) {
		row := ticketRow(c.z, k)
		if row == nil {
			return 0, false, nil
		}
		return f(row)
	}
}

func moneyNumber(m *canon.Money) (int64, bool, error) {
	t, err := cpcr.Tiyn(m)
	return int64(t), m != nil, err
}

func ofPayment(k fiscal.PaymentKind, f func(*canon.ZXReport_TicketOperation_Payment) (int64, bool, error)) func(closing, fiscal.ReceiptKind) (int64, bool, error) {
	return fromTicketRow(func(t *canon.ZXReport_TicketOperation) (int64, bool, error) {
		for _, p := range t.GetPayments() {
			if p.Payment != nil && wirePayment(k) == p.GetPayment() {
				return f(p)
			}
		}
		return 0, false, nil
	})
}

func wirePayment(k fiscal.PaymentKind) canon.PaymentTypeEnum {
	switch k {
	case fiscal.Card:
		return canon.PaymentTypeEnum_PAYMENT_CARD
	case fiscal.Mobile:
		return canon.PaymentTypeEnum_PAYMENT_MOBILE
	}
	return canon.PaymentTypeEnum_PAYMENT_CASH
}

func fromOperations(list func(*canon.ZXReport) []*canon.ZXReport_Operation) func(closing, fiscal.ReceiptKind) (int64, bool, error) {
	return func(c closing, k fiscal.ReceiptKind) (int64, bool, error) {
		for _, o := range list(c.z) {
			if o.Operation != nil && o.GetOperation() == wireKind(k) {
				return moneyNumber(o.GetSum())
			}
		}
		return 0, false, nil
	}
}

// both asks two places for one figure: the second only where it is there.
func both(first func(closing) []say, second func(closing) []say) func(closing) []say {
	return func(c closing) []say {
		out := first(c)
		for _, s := range second(c) {
			if !s.missing {
				out = append(out, s)
			}
		}
		return out
	}
}

var (
	allKinds = fiscal.ReceiptKinds
	returns  = []fiscal.ReceiptKind{fiscal.BuyReturn, fiscal.SaleReturn}
)

func tickets(t *canon.ZXReport_TicketOperation) (int64, bool, error) {
	return int64(t.GetTicketsCount()), t.TicketsCount != nil, nil
}

func ticketSum(t *canon.ZXReport_TicketOperation) (int64, bool, error) {
	return moneyNumber(t.GetTicketsSum())
}

var zFields = []zField{
	{"taxpayer.bin", false, nil, func(c closing) []say { return fact(c.r.Begin.Profile.TaxpayerBIN, c.reg().GetOrg().GetIin()) }},
	{"kkm.id", false, nil, func(c closing) []say { return kkmID(c.r, c.x) }},
	{"kkm.registration", false, nil, func(c closing) []say { return fact(c.r.registrationAt(c.o.Seq), c.reg().GetKkm().GetFnsKkmId()) }},
	{"kkm.serial", false, nil, func(c closing) []say { return fact(c.r.Begin.Profile.Serial, c.reg().GetKkm().GetSerialNumber()) }},
	{"time", false, nil, func(c closing) []say { return []say{c.r.moment(c.o, c.z.GetDateTime())} }},
	{"shift.begin", true, nil, func(c closing) []say {
		if c.book.First == nil {
			return nil
		}
		s := c.r.moment(c.book.First, c.z.GetOpenShiftTime())
		// A deposit before the first receipt opens the shift on the OFD's side; a
		// register may count from the first receipt (doubt 13).
		if f := c.book.FirstReceipt; !s.ok && !s.missing && f != nil && f != c.book.First {
			if t := c.r.moment(f, c.z.GetOpenShiftTime()); t.ok {
				t.readings = []Reading{readFirst}
				return []say{t}
			}
		}
		return []say{s}
	}},
	{"shift.end", false, nil, func(c closing) []say {
		out := []say{c.r.moment(c.o, c.c.GetCloseTime())}
		if t := c.z.GetCloseShiftTime(); t != nil {
			out = append(out, c.r.moment(c.o, t))
		}
		return out
	}},
	{"cashier", false, nil, func(c closing) []say {
		got := ""
		if c.c.GetOperator() != nil && c.c.Operator.Code != nil {
			got = strconv.FormatUint(uint64(c.c.GetOperator().GetCode()), 10)
		}
		if c.o.As.Admin {
			// The administrator's own number is the register's affair; it has to be
			// there, and it is nobody else's.
			return []say{{want: "@admin", got: got, ok: got != "" && got != "0", missing: got == ""}}
		}
		return []say{equal(strconv.Itoa(c.o.cashier()), got, "")}
	}},
	{"documents.count", true, nil, documentNumbers},
	{"receipts.count", true, []string{"some"}, perKind(allKinds, func(s Sums) int64 { return int64(s.Count) }, fromTicketRow(tickets), plainNumber)},
	{"refunds.count", true, []string{"some"}, perKind(returns, func(s Sums) int64 { return int64(s.Count) }, fromTicketRow(tickets), plainNumber)},
	{"offline.count", true, []string{"some"}, offlineCount},
	{"receipts.sum", true, []string{"some"}, perKind(allKinds, func(s Sums) int64 { return int64(s.Sum) }, fromTicketRow(ticketSum), tiynNumber)},
	{"refunds.sum", true, []string{"some"}, perKind(returns, func(s Sums) int64 { return int64(s.Sum) }, fromTicketRow(ticketSum), tiynNumber)},
	{"tendered", true, []string{"some"}, tendered},
	{"change", true, []string{"some"}, perKind(allKinds, func(s Sums) int64 { return int64(s.Change) }, fromTicketRow(func(t *canon.ZXReport_TicketOperation) (int64, bool, error) {
		return moneyNumber(t.GetChangeSum())
	}), tiynNumber)},
	{"discounts", true, []string{"some"}, both(
		perKind(allKinds, func(s Sums) int64 { return int64(s.Discounts) }, fromOperations((*canon.ZXReport).GetDiscounts), tiynNumber),
		perKind(allKinds, func(s Sums) int64 { return int64(s.TicketOff) }, fromTicketRow(func(t *canon.ZXReport_TicketOperation) (int64, bool, error) {
			return moneyNumber(t.GetDiscountSum())
		}), tiynNumber))},
	{"markups", true, []string{"some"}, both(
		perKind(allKinds, func(s Sums) int64 { return int64(s.Markups) }, fromOperations((*canon.ZXReport).GetMarkups), tiynNumber),
		perKind(allKinds, func(s Sums) int64 { return int64(s.TicketUp) }, fromTicketRow(func(t *canon.ZXReport_TicketOperation) (int64, bool, error) {
			return moneyNumber(t.GetMarkupSum())
		}), tiynNumber))},
	{"cash.count", true, []string{"some"}, paymentCount(fiscal.Cash)},
	{"card.count", true, []string{"some"}, paymentCount(fiscal.Card)},
	{"cash.sum", true, []string{"some"}, paymentSum(fiscal.Cash)},
	{"card.sum", true, []string{"some"}, paymentSum(fiscal.Card)},
	{"vat", true, []string{"some"}, zVAT},
	{"checksum", false, []string{"two"}, nil},       // compared between reports: judgeChecksum
	{"checksum.store", false, []string{"two"}, nil}, // likewise
	{"receipts.list", true, []string{"three"}, receiptsList},
}

func (c closing) reg() *canon.ServiceRequest_RegInfo { return c.x.Req.GetService().GetRegInfo_() }

func paymentCount(k fiscal.PaymentKind) func(closing) []say {
	return perKind(allKinds, func(s Sums) int64 { return int64(s.Payment(k).Count) }, ofPayment(k, func(p *canon.ZXReport_TicketOperation_Payment) (int64, bool, error) {
		return int64(p.GetCount()), p.Count != nil, nil
	}), plainNumber)
}

// paymentSum: the rows print "number" where the sum is meant; either stands in
// the field without blame (reading sum-or-count).
func paymentSum(k fiscal.PaymentKind) func(closing) []say {
	f := perKind(allKinds, func(s Sums) int64 { return int64(s.Payment(k).Sum) }, ofPayment(k, func(p *canon.ZXReport_TicketOperation_Payment) (int64, bool, error) {
		return moneyNumber(p.GetSum())
	}), tiynNumber)
	return func(c closing) []say {
		out := f(c)
		for i := range out {
			out[i].readings = append(out[i].readings, readSum)
			n := c.book.Kind(allKinds[i]).Payment(k).Count
			if !out[i].ok && n > 0 && out[i].got == amount(fiscal.Tenge(int64(n))) {
				out[i].ok = true
			}
		}
		return out
	}
}

func tendered(c closing) []say {
	var out []say
	for _, k := range allKinds {
		want := c.book.Kind(k).Tendered
		row := ticketRow(c.z, k)
		var got fiscal.Tiyn
		there := row.GetChangeSum() != nil
		for _, p := range row.GetPayments() {
			s, err := cpcr.Tiyn(p.GetSum())
			if err != nil {
				out = append(out, say{want: amount(want), got: err.Error(), kind: "@op." + string(k)})
			}
			there = there || p.Sum != nil
			got += s
		}
		ch, _ := cpcr.Tiyn(row.GetChangeSum())
		got += ch
		s := say{want: amount(want), got: amount(got), kind: "@op." + string(k), ok: got == want, missing: !there && want != 0, readings: []Reading{readTendered}}
		if want != 0 {
			s.tells = "some"
		}
		out = append(out, s)
	}
	return out
}

func offlineCount(c closing) []say {
	if c.book.OfflineUnsure != 0 {
		return []say{{open: "z.offlineunsure"}}
	}
	return perKind(allKinds, func(s Sums) int64 { return int64(s.Offline) }, fromTicketRow(func(t *canon.ZXReport_TicketOperation) (int64, bool, error) {
		return int64(t.GetOfflineCount()), t.OfflineCount != nil, nil
	}), plainNumber)(c)
}

// documentNumbers: the number of documents follows from the device wide
// numbers of this close and of the one before (reading document-numbers).
// Reports, copies and refused operations may have taken a number each or none.
func documentNumbers(c closing) []say {
	rd := []Reading{readDocs}
	if c.prev == nil || c.x.DocumentNumber() == 0 || c.prev.DocumentNumber() == 0 {
		if c.prev == nil {
			return nil
		}
		return []say{{open: "z.nonumber", readings: rd}}
	}
	got := int64(c.x.DocumentNumber()) - int64(c.prev.DocumentNumber())
	lo, hi := int64(c.book.Documents), int64(c.book.Documents+c.book.Others)
	want := strconv.FormatInt(lo, 10)
	if hi > lo {
		want += " … " + strconv.FormatInt(hi, 10)
	}
	return []say{{want: want, got: strconv.FormatInt(got, 10), ok: got >= lo && got <= hi, readings: rd}}
}

func zVAT(c closing) []say {
	var out []say
	for _, k := range allKinds {
		s := c.book.Kind(k)
		var got fiscal.Tiyn
		there := false
		for _, t := range c.z.GetTaxes() {
			for _, o := range t.GetOperations() {
				if o.Operation != nil && o.GetOperation() == wireKind(k) {
					n, err := cpcr.Tiyn(o.GetSum())
					if err != nil {
						out = append(out, say{want: amount(s.VAT), got: err.Error(), kind: "@op." + string(k)})
						continue
					}
					got += n
					there = true
				}
			}
		}
		q := say{want: amount(s.VAT), got: amount(got), kind: "@op." + string(k)}
		switch d := max(got-s.VAT, s.VAT-got); {
		case !there && s.VAT != 0:
			q.missing = true
		case d <= fiscal.Tiyn(s.Taxed):
			q.ok = true
		case s.Spread:
			q = say{open: "z.vatmodified", readings: []Reading{readVAT}}
		}
		if s.VAT != 0 {
			q.tells = "some"
		}
		out = append(out, q)
	}
	return out
}

// closings lists the closed shifts whose message the record holds.
func (r *Record) closings() []closing {
	var out []closing
	var prev *Exchange
	for _, b := range r.Books {
		if b.Close == nil {
			continue
		}
		x := b.Close.Booked()
		if x == nil && len(b.Close.Sent) > 0 {
			x = b.Close.Sent[len(b.Close.Sent)-1]
		}
		if x == nil || x.Req.GetCloseShift() == nil {
			prev = nil
			continue
		}
		c := x.Req.GetCloseShift()
		out = append(out, closing{r, b.Close, x, c, c.GetZReport(), b, prev})
		prev = x
	}
	return out
}

func judgeZ(r *Record, p regulation.Params) []Judgement {
	i := slices.IndexFunc(zFields, func(f zField) bool { return f.name == p.Word("field") })
	if i < 0 {
		return badParam(fmt.Errorf("zreport.fields: field=%s is not known", p.Word("field")))
	}
	f := zFields[i]
	switch f.name {
	case "checksum":
		return r.zChecksum()
	case "checksum.store":
		return r.storeChecksum()
	}
	s := newSurvey(r, "@z."+f.name, f.tells)
	for _, c := range r.closings() {
		ev := []history.Seq{c.x.Seq, c.o.Seq}
		switch {
		case c.z == nil && c.x.Header.Version < cpcr.V202 && f.counted:
			s.open = append(s.open, unsure("z.byofd", args{"version": c.x.Header.Version.String()}).Citing(ev...))
		case f.counted && c.book.Unsure != "":
			s.open = append(s.open, unsure(c.book.Unsure, args{"at": seqText(c.book.UnsureAt)}).Citing(c.book.UnsureAt, c.x.Seq))
		default:
			for _, q := range f.read(c) {
				s.add(c.o, q, c.x.Bytes, ev...)
			}
		}
	}
	return s.end("z.need")
}

// zChecksum: the algorithm is not published (cpcr.md 13.4), so two things can be
// asked: it is there, and different reports have different ones.
func (r *Record) zChecksum() []Judgement {
	s := newSurvey(r, "@z.checksum", nil)
	s.v.readings = []Reading{readChecksum}
	seen := map[string]closing{}
	n := 0
	for _, c := range r.closings() {
		ev := []history.Seq{c.x.Seq, c.o.Seq}
		sum := strings.TrimSpace(c.z.GetChecksum())
		if sum == "" {
			s.add(c.o, say{want: "@something", missing: true}, c.x.Bytes, ev...)
			continue
		}
		if b, ok := seen[sum]; ok && b.x != c.x {
			s.v.fail(c.o, fail("z.samechecksum", args{"field": s.field, "sum": sum, "other": seqText(b.x.Seq)}, ev[0], append(ev[1:], b.x.Seq)...).bytes(head(c.x.Bytes)))
			continue
		}
		seen[sum] = c
		s.present = true
		s.v.prove("any", c.o, ev...)
		if n++; n > 1 {
			s.v.prove("tells two", c.o, ev...)
		}
	}
	s.tells = []string{"two"}
	return s.end("z.need")
}

// storeChecksum looks for the common checksum of the fiscal store where a
// register may put it (doubt 9): in service.auxiliary, or on the printed Z in a line that
// names a checksum of the store or of all records.
func (r *Record) storeChecksum() []Judgement {
	s := newSurvey(r, "@z.checksum.store", nil)
	s.v.readings = []Reading{readStore}
	seen := map[string]closing{}
	n, cs := 0, r.closings()
	for _, c := range cs {
		sum := storeSum(c)
		if sum == "" {
			continue
		}
		ev := []history.Seq{c.x.Seq, c.o.Seq}
		for _, p := range c.o.Papers {
			ev = append(ev, p.Seq)
		}
		if b, ok := seen[sum]; ok {
			s.v.fail(c.o, fail("z.samechecksum", args{"field": s.field, "sum": sum, "other": seqText(b.x.Seq)}, ev[0], append(ev[1:], b.x.Seq)...))
			continue
		}
		seen[sum] = c
		s.v.prove("any", c.o, ev...)
		if n++; n > 1 {
			s.v.prove("tells two", c.o, ev...)
		}
	}
	if len(seen) == 0 && len(cs) > 0 {
		return []Judgement{unsure("z.nostore", nil, readStore).Citing(cs[0].x.Seq)}
	}
	s.tells = []string{"two"}
	return s.end("z.need")
}

// storeWords mark the common checksum in a key or a printed line, storeOther what it is of.
var (
	sumWords   = []string{"checksum", "crc", "контрольная сумма", "бақылау сомасы", "бақылау қосындысы", "кс "}
	storeWords = []string{"store", "common", "overall", "total", "memory", "fm", "фп", "фн", "памят", "накопит", "общ", "всех", "жад", "жинақ", "жалпы", "барлық"}
)

func storeSum(c closing) string {
	for _, kv := range c.x.Req.GetService().GetAuxiliary() {
		if k := strings.ToLower(kv.GetKey()); anyIn(k, sumWords) && anyIn(k, storeWords) && kv.GetValue() != "" {
			return kv.GetValue()
		}
	}
	for _, kv := range c.x.Req.GetService().GetAuxiliary() {
		if k := strings.ToLower(kv.GetKey()); anyIn(k, sumWords) && kv.GetValue() != "" {
			return kv.GetValue()
		}
	}
	for _, l := range c.o.Lines() {
		if k := strings.ToLower(l); anyIn(k, sumWords) && anyIn(k, storeWords) {
			if f := strings.Fields(l); len(f) > 1 {
				return f[len(f)-1]
			}
		}
	}
	return ""
}

func anyIn(s string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(s, w) })
}

// receiptsList looks for the control numbers of the shift's receipts with their
// sums (KZ 431 rows 53.23, 85.44) where a register may put them: no field of the
// protocol is meant for them, so in service.auxiliary, whatever the key (reading
// receipts-list). The number is the fiscal sign, of an offline receipt the autonomous one.
func receiptsList(c closing) []say {
	type entry struct{ sign, sum string }
	var want []entry
	for _, o := range c.book.Ops {
		if !o.IsReceipt() {
			continue
		}
		s := c.r.signOf(o)
		if s == "" {
			return []say{{open: "z.offlineunsure", readings: []Reading{readList}}}
		}
		want = append(want, entry{s, amount(o.Receipt.Total())})
	}
	var texts []string
	for _, kv := range c.x.Req.GetService().GetAuxiliary() {
		texts = append(texts, kv.GetValue())
	}
	found, out := false, []say(nil)
	for _, e := range want {
		s := say{want: e.sign + " " + e.sum, kind: "@op.receipt", missing: true, readings: []Reading{readList}}
		for _, t := range texts {
			i := strings.Index(t, e.sign)
			if i < 0 || !numberIn([]string{t}, e.sign) {
				continue
			}
			rest := t[i+len(e.sign):]
			if end := strings.IndexAny(rest, ";\n|}"); end >= 0 {
				rest = rest[:end]
			}
			found, s.missing = true, false
			s.got = e.sign + " " + strings.TrimSpace(rest)
			sums := newPrintout([]*Paper{{Lines: []string{strings.TrimLeft(rest, "=:\", ")}}}).sums
			total, err := fiscal.ParseTiyn(e.sum)
			s.ok = err == nil && sums[total]
		}
		if s.ok && len(want) > 2 {
			s.tells = "three"
		}
		out = append(out, s)
	}
	if len(want) > 0 && !found {
		return []say{{open: "z.nolist", readings: []Reading{readList}}}
	}
	return out
}
