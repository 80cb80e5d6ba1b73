package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

func ticketChecks() []Check {
	var fields []string
	for _, f := range ticketFields {
		fields = append(fields, f.name)
	}
	return []Check{
		{Key: "ticket.fields", Doc: "A field of the ticket message says what was entered.",
			Params:    []Param{{Name: "field", Type: tWord, Required: true, OneOf: fields, Doc: "which field"}},
			Scenarios: []string{"receipt/fields", "receipt/return"}, Judge: judgeTicket},
		{Key: "ticket.return", Doc: "A return becomes a message of its kind with equal amounts and a receipt.",
			Scenarios: []string{"receipt/return"}, Judge: judgeReturn},
	}
}

// ticket is a done receipt with the message that reports it.
type ticket struct {
	r *Record
	o *Operation
	x *Exchange
	t *canon.TicketRequest
}

// say is how one receipt, or one position of it, stands with a field.
type say struct {
	want, got string
	ok        bool
	missing   bool   // the field is not there at all
	open      string // message key: cannot be told
	readings  []Reading
	tells     string // what this one shows, for fields that must be seen in several forms
	kind      string // what it is about, when it is not about the operation itself
}

type ticketField struct {
	name  string
	tells []string // forms that must all have been seen for a pass
	read  func(c ticket) []say
}

func equal(want, got, tells string) say {
	return say{want: want, got: got, ok: want == got, missing: got == "", tells: tells}
}

// fact compares with what the profile declares.
func fact(declared, got string) []say {
	if declared == "" {
		return []say{{open: "fact.undeclared"}}
	}
	return []say{equal(declared, strings.TrimSpace(got), "")}
}

func (c ticket) reg() *canon.ServiceRequest_RegInfo { return c.x.Req.GetService().GetRegInfo_() }

// kkmID reads the identification number from the header, and from the
// registration block when that names one too: two numbers in one message would
// contradict each other.
func kkmID(r *Record, x *Exchange) []say {
	if r.Begin.Profile.OFDID == 0 {
		return []say{{open: "fact.undeclared"}}
	}
	want := r.enteredBefore(fiscal.SetKKMID, x.Seq, strconv.FormatUint(uint64(r.Begin.Profile.OFDID), 10))
	got := strconv.FormatUint(uint64(x.Header.ID), 10)
	if in := strings.TrimLeft(strings.TrimSpace(x.Req.GetService().GetRegInfo_().GetKkm().GetKkmId()), "0"); in != "" && got == want {
		got = in
	}
	return []say{equal(want, got, "")}
}

func money(want fiscal.Tiyn, m *canon.Money, tells string) say {
	if m == nil {
		return say{want: amount(want), missing: true}
	}
	got, err := cpcr.Tiyn(m)
	if err != nil {
		return say{want: amount(want), got: err.Error()}
	}
	return equal(amount(want), amount(got), tells)
}

// pairs puts the positions of a kind beside the items of that kind, in order.
type pair struct {
	line fiscal.Line
	com  *canon.TicketRequest_Item_Commodity
	sto  *canon.TicketRequest_Item_StornoCommodity
	mod  *canon.TicketRequest_Modifier
	none bool // the message has no such item
}

func (c ticket) pairs(kinds ...fiscal.LineKind) []pair {
	var out []pair
	n := map[fiscal.LineKind]int{}
	for _, l := range c.o.Receipt.Lines {
		if !slices.Contains(kinds, l.Kind) {
			continue
		}
		i := n[l.Kind]
		n[l.Kind]++
		p := pair{line: l, none: true}
		for _, it := range c.t.GetItems() {
			if itemKind(it) != l.Kind {
				continue
			}
			if i > 0 {
				i--
				continue
			}
			p.none = false
			switch l.Kind {
			case fiscal.Goods:
				p.com = it.GetCommodity()
			case fiscal.GoodsStorno:
				p.sto = it.GetStornoCommodity()
			case fiscal.Discount:
				p.mod = it.GetDiscount()
			case fiscal.DiscountStorno:
				p.mod = it.GetStornoDiscount()
			case fiscal.Markup:
				p.mod = it.GetMarkup()
			case fiscal.MarkupStorno:
				p.mod = it.GetStornoMarkup()
			}
			break
		}
		out = append(out, p)
	}
	return out
}

func itemKind(it *canon.TicketRequest_Item) fiscal.LineKind {
	switch it.GetType() {
	case canon.TicketRequest_Item_ITEM_TYPE_STORNO_COMMODITY:
		return fiscal.GoodsStorno
	case canon.TicketRequest_Item_ITEM_TYPE_MARKUP:
		return fiscal.Markup
	case canon.TicketRequest_Item_ITEM_TYPE_STORNO_MARKUP:
		return fiscal.MarkupStorno
	case canon.TicketRequest_Item_ITEM_TYPE_DISCOUNT:
		return fiscal.Discount
	case canon.TicketRequest_Item_ITEM_TYPE_STORNO_DISCOUNT:
		return fiscal.DiscountStorno
	case canon.TicketRequest_Item_ITEM_TYPE_COMMODITY:
		if it.Type != nil {
			return fiscal.Goods
		}
	}
	return ""
}

// each asks a question of every position of some kinds.
func each(kinds []fiscal.LineKind, f func(c ticket, p pair) (say, bool)) func(ticket) []say {
	return func(c ticket) []say {
		var out []say
		for _, p := range c.pairs(kinds...) {
			if s, ask := f(c, p); ask {
				out = append(out, s)
			}
		}
		return out
	}
}

// count asks whether the message holds as many items of some kinds as were entered.
func count(kinds ...fiscal.LineKind) func(ticket) []say {
	return func(c ticket) []say {
		want, got := map[fiscal.LineKind]int{}, map[fiscal.LineKind]int{}
		for _, l := range c.o.Receipt.Lines {
			want[l.Kind]++
		}
		for _, it := range c.t.GetItems() {
			got[itemKind(it)]++
		}
		var out []say
		for _, k := range kinds {
			if want[k] == 0 && got[k] == 0 {
				continue
			}
			s := equal(strconv.Itoa(want[k]), strconv.Itoa(got[k]), string(k))
			s.missing = want[k] > 0 && got[k] == 0
			out = append(out, s)
		}
		return out
	}
}

var (
	goods     = []fiscal.LineKind{fiscal.Goods}
	stornos   = []fiscal.LineKind{fiscal.GoodsStorno}
	modifiers = []fiscal.LineKind{fiscal.Discount, fiscal.Markup}
	modBacks  = []fiscal.LineKind{fiscal.DiscountStorno, fiscal.MarkupStorno}
)

// part is a field of goods, of their storno or of a modifier.
func part(kinds []fiscal.LineKind, f func(p pair) (want, got, tells string, ask bool)) func(ticket) []say {
	return each(kinds, func(_ ticket, p pair) (say, bool) {
		want, got, tells, ask := f(p)
		if p.none {
			return say{want: want, missing: true}, ask
		}
		return equal(want, got, tells), ask
	})
}

func tiynText(m *canon.Money) string {
	if m == nil {
		return ""
	}
	t, err := cpcr.Tiyn(m)
	if err != nil {
		return err.Error()
	}
	return amount(t)
}

func name(p pair) (string, string, string, bool) {
	got := p.com.GetName()
	switch {
	case p.sto != nil:
		got = p.sto.GetName()
	case p.mod != nil:
		got = p.mod.GetName()
	}
	return p.line.Name, strings.TrimSpace(got), "", p.line.Name != ""
}

func section(p pair) (string, string, string, bool) {
	got := p.com.GetSectionCode()
	if p.sto != nil {
		got = p.sto.GetSectionCode()
	}
	got = strings.TrimSpace(got)
	if t := strings.TrimLeft(got, "0"); t != "" {
		got = t
	}
	tells := "first"
	if p.line.Section != 1 {
		tells = "other"
	}
	return strconv.Itoa(p.line.Section), got, tells, p.line.Section != 0
}

func quantity(p pair) (string, string, string, bool) {
	q := p.com.GetQuantity()
	if p.sto != nil {
		q = p.sto.GetQuantity()
	}
	got := ""
	if (p.com != nil && p.com.Quantity != nil) || (p.sto != nil && p.sto.Quantity != nil) {
		got = fiscal.Milli(q).String()
	}
	tells := "whole"
	if p.line.Qty%1000 != 0 {
		tells = "parts"
	}
	return p.line.Qty.String(), got, tells, true
}

func price(p pair) (string, string, string, bool) {
	m := p.com.GetPrice()
	if p.sto != nil {
		m = p.sto.GetPrice()
	}
	tells := ""
	if p.line.Price%100 != 0 {
		tells = "tiyn"
	}
	return amount(p.line.Price), tiynText(m), tells, true
}

func sum(p pair) (string, string, string, bool) {
	m := p.com.GetSum()
	switch {
	case p.sto != nil:
		m = p.sto.GetSum()
	case p.mod != nil:
		m = p.mod.GetSum()
	}
	return amount(p.line.Total()), tiynText(m), string(p.line.Kind), true
}

// vat compares rate and sum of the tax of a position, the sum to a tiyn
// (cpcr.md 12.1: the rounding is not stated).
func vat(c ticket, p pair) (say, bool) {
	taxes := p.com.GetTaxes()
	switch {
	case p.sto != nil:
		taxes = p.sto.GetTaxes()
	case p.mod != nil:
		taxes = p.mod.GetTaxes()
	}
	var due []*canon.TicketRequest_Tax
	for _, t := range taxes {
		if t.GetPercent() != 0 {
			due = append(due, t)
		}
	}
	if p.line.VAT == nil || *p.line.VAT == 0 {
		if len(due) > 0 {
			return say{want: "@none", got: taxText(due)}, true
		}
		return say{want: "@none", got: "@none", ok: true, tells: "untaxed"}, !p.none
	}
	tax := fiscal.VATInside(p.line.Total(), *p.line.VAT)
	want := fmt.Sprintf("%s %% %s", *p.line.VAT, tax)
	switch {
	case p.none || (len(due) == 0 && len(c.t.GetTaxes()) == 0):
		return say{want: want, missing: true}, true
	case len(due) == 0:
		return say{open: "ticket.taxplace", readings: []Reading{readTaxPlace}}, true
	case len(due) > 1 || due[0].GetPercent() != uint32(*p.line.VAT):
		return say{want: want, got: taxText(due)}, true
	}
	got, err := cpcr.Tiyn(due[0].GetSum())
	switch d := got - tax; {
	case err != nil:
		return say{want: want, got: err.Error()}, true
	case d >= -1 && d <= 1:
		return say{want: want, got: taxText(due), ok: true, tells: "taxed"}, true
	case c.o.Receipt.Discount != 0 || c.o.Receipt.Markup != 0:
		return say{open: "ticket.vatmodified", readings: []Reading{readVAT}}, true
	}
	return say{want: want, got: taxText(due)}, true
}

func taxText(ts []*canon.TicketRequest_Tax) string {
	var out []string
	for _, t := range ts {
		out = append(out, fmt.Sprintf("%s %% %s", fiscal.MilliPercent(t.GetPercent()), tiynText(t.GetSum())))
	}
	if len(out) == 0 {
		return "@none"
	}
	return strings.Join(out, ", ")
}

var ticketFields = []ticketField{
	{"taxpayer.bin", nil, func(c ticket) []say { return fact(c.r.Begin.Profile.TaxpayerBIN, c.reg().GetOrg().GetIin()) }},
	{"kkm.id", nil, func(c ticket) []say { return kkmID(c.r, c.x) }},
	{"kkm.registration", nil, func(c ticket) []say { return fact(c.r.registrationAt(c.o.Seq), c.reg().GetKkm().GetFnsKkmId()) }},
	{"kkm.serial", nil, func(c ticket) []say { return fact(c.r.Begin.Profile.Serial, c.reg().GetKkm().GetSerialNumber()) }},
	{"activity", nil, func(c ticket) []say { return fact(c.r.Begin.Profile.Activity, c.reg().GetOrg().GetOked()) }},
	{"operation", []string{"sale", "sale-return", "buy", "buy-return"}, func(c ticket) []say {
		got := ""
		if c.t.Operation != nil {
			got = "@op." + string(receiptKind(c.t.GetOperation()))
		}
		return []say{equal("@op."+string(c.o.Receipt.Kind), got, string(c.o.Receipt.Kind))}
	}},
	{"time", nil, func(c ticket) []say { return []say{c.r.moment(c.o, c.t.GetDateTime())} }},
	{"cashier", []string{"first", "other"}, func(c ticket) []say {
		if c.o.As.Admin {
			return nil
		}
		got := ""
		if c.t.GetOperator() != nil && c.t.Operator.Code != nil {
			got = strconv.FormatUint(uint64(c.t.GetOperator().GetCode()), 10)
		}
		tells := "first"
		if c.o.cashier() != 1 {
			tells = "other"
		}
		return []say{equal(strconv.Itoa(c.o.cashier()), got, tells)}
	}},
	{"total", nil, func(c ticket) []say { return []say{money(c.o.Receipt.Total(), c.t.GetAmounts().GetTotal(), "")} }},
	{"tendered", []string{"change"}, func(c ticket) []say {
		if c.o.Receipt.Tendered() == 0 {
			return nil
		}
		tells := ""
		if c.o.Receipt.Change() > 0 {
			tells = "change"
		}
		return []say{money(c.o.Receipt.Tendered(), c.t.GetAmounts().GetTaken(), tells)}
	}},
	{"change", []string{"change"}, func(c ticket) []say {
		ch := c.o.Receipt.Change()
		if c.o.Receipt.Tendered() == 0 || (ch == 0 && c.t.GetAmounts().GetChange() == nil) {
			return nil
		}
		tells := ""
		if ch > 0 {
			tells = "change"
		}
		return []say{money(ch, c.t.GetAmounts().GetChange(), tells)}
	}},
	{"discount", []string{"some"}, func(c ticket) []say { return onReceipt(c.o.Receipt.Discount, c.t.GetAmounts().GetDiscount()) }},
	{"markup", []string{"some"}, func(c ticket) []say { return onReceipt(c.o.Receipt.Markup, c.t.GetAmounts().GetMarkup()) }},
	{"payment", []string{"cash", "card"}, func(c ticket) []say {
		var want, got []string
		for _, k := range paymentKinds {
			if slices.ContainsFunc(c.o.Receipt.Payments, func(p fiscal.Payment) bool { return p.Kind == k }) {
				want = append(want, "@pay."+string(k))
			}
		}
		for _, p := range c.t.GetPayments() {
			got = append(got, "@pay."+string(paymentKind(p)))
		}
		slices.Sort(want)
		slices.Sort(got)
		tells := ""
		if len(want) == 1 {
			tells = strings.TrimPrefix(want[0], "@pay.")
		}
		return []say{equal(strings.Join(want, "+"), strings.Join(slices.Compact(got), "+"), tells)}
	}},
	{"payments", []string{"mixed"}, func(c ticket) []say {
		want, got := map[fiscal.PaymentKind]fiscal.Tiyn{}, map[fiscal.PaymentKind]fiscal.Tiyn{}
		for _, p := range c.o.Receipt.Payments {
			want[p.Kind] += p.Sum
		}
		if _, ok := want[fiscal.Cash]; ok {
			want[fiscal.Cash] = c.o.Receipt.CashDue()
		}
		for _, p := range c.t.GetPayments() {
			s, err := cpcr.Tiyn(p.GetSum())
			if err != nil {
				return []say{{want: paymentText(want), got: err.Error()}}
			}
			got[paymentKind(p)] += s
		}
		tells := ""
		if len(want) > 1 {
			tells = "mixed"
		}
		return []say{equal(paymentText(want), paymentText(got), tells)}
	}},
	{"lines", []string{"three"}, func(c ticket) []say {
		var want, got []string
		for _, l := range c.o.Receipt.Lines {
			want = append(want, "@line."+string(l.Kind))
		}
		for _, it := range c.t.GetItems() {
			got = append(got, "@line."+string(itemKind(it)))
		}
		tells := ""
		if len(want) >= 3 {
			tells = "three"
		}
		return []say{equal(strings.Join(want, "+"), strings.Join(got, "+"), tells)}
	}},
	{"goods", nil, count(fiscal.Goods)},
	{"goods.code", nil, part(goods, func(p pair) (string, string, string, bool) {
		got := ""
		if p.com.GetCode() != 0 {
			got = strconv.FormatUint(p.com.GetCode(), 10)
		}
		return strconv.FormatUint(p.line.Code, 10), got, "", p.line.Code != 0
	})},
	{"goods.name", nil, part(goods, name)},
	{"goods.section", []string{"first", "other"}, part(goods, section)},
	{"goods.quantity", []string{"whole", "parts"}, part(goods, quantity)},
	{"goods.price", []string{"tiyn"}, part(goods, price)},
	{"goods.sum", nil, part(goods, sum)},
	{"goods.vat", []string{"taxed", "untaxed"}, each(goods, vat)},
	{"modifier", []string{"discount", "markup"}, count(modifiers...)},
	{"modifier.name", nil, part(modifiers, name)},
	{"modifier.sum", []string{"discount", "markup"}, part(modifiers, sum)},
	{"modifier.vat", []string{"taxed"}, each(modifiers, vat)},
	{"storno", nil, count(fiscal.GoodsStorno)},
	{"storno.name", nil, part(stornos, name)},
	{"storno.section", nil, part(stornos, section)},
	{"storno.quantity", nil, part(stornos, quantity)},
	{"storno.price", nil, part(stornos, price)},
	{"storno.sum", nil, part(stornos, sum)},
	{"storno.vat", []string{"taxed"}, each(stornos, vat)},
	{"modifier-storno", []string{"discount-storno"}, count(modBacks...)},
	{"modifier-storno.name", nil, part(modBacks, name)},
	{"modifier-storno.sum", nil, part(modBacks, sum)},
	{"modifier-storno.vat", []string{"taxed"}, each(modBacks, vat)},
	{"sector.services", nil, sector},
	{"sector.gasoil", nil, sector},
	{"sector.taxi", nil, sector},
	{"sector.parking", nil, sector},
	{"customer", nil, func(c ticket) []say {
		if c.o.Receipt.Customer == "" {
			return nil
		}
		return []say{equal(c.o.Receipt.Customer, strings.TrimSpace(c.t.GetExtensionOptions().GetCustomerIinOrBin()), "")}
	}},
	{"vat", []string{"taxed"}, receiptVAT},
}

// sector: attributes of a sector cannot be entered over the operations that the
// bench has, so their values have nothing to be compared with.
func sector(ticket) []say { return []say{{open: "ticket.sector"}} }

var paymentKinds = []fiscal.PaymentKind{fiscal.Cash, fiscal.Card, fiscal.Mobile}

func paymentKind(p *canon.TicketRequest_Payment) fiscal.PaymentKind {
	if p.Type == nil {
		return "none"
	}
	switch p.GetType() {
	case canon.PaymentTypeEnum_PAYMENT_CASH:
		return fiscal.Cash
	case canon.PaymentTypeEnum_PAYMENT_CARD:
		return fiscal.Card
	case canon.PaymentTypeEnum_PAYMENT_MOBILE:
		return fiscal.Mobile
	}
	return "other"
}

func paymentText(m map[fiscal.PaymentKind]fiscal.Tiyn) string {
	var out []string
	for _, k := range []fiscal.PaymentKind{fiscal.Cash, fiscal.Card, fiscal.Mobile, "other", "none"} {
		if s, ok := m[k]; ok {
			out = append(out, string(k)+" "+amount(s))
		}
	}
	return strings.Join(out, ", ")
}

func receiptKind(o canon.OperationTypeEnum) fiscal.ReceiptKind {
	for _, k := range fiscal.ReceiptKinds {
		if wireKind(k) == o {
			return k
		}
	}
	return "other"
}

// onReceipt is a discount or markup on the whole receipt.
func onReceipt(want fiscal.Tiyn, m *canon.TicketRequest_Modifier) []say {
	if want == 0 && m == nil {
		return nil
	}
	tells := ""
	if want > 0 {
		tells = "some"
	}
	return []say{money(want, m.GetSum(), tells)}
}

// moment compares a civil time of the message with the window of the operation.
func (r *Record) moment(o *Operation, d *canon.DateTime) say {
	lo, hi := r.deviceTime(o.At, o.Seq), r.deviceTime(o.Res.Done, o.End)
	s := say{want: stamp(lo) + " … " + stamp(hi)}
	if d == nil {
		s.missing = true
		return s
	}
	t, ok := cpcr.Time(d, time.UTC)
	if !ok {
		s.got = "@nodate"
		return s
	}
	s.got, s.ok = stamp(t), r.inWindow(o, t)
	return s
}

// receiptVAT adds up the tax of the whole receipt: on the ticket, or on its positions.
func receiptVAT(c ticket) []say {
	var want fiscal.Tiyn
	taxed := 0
	for _, l := range c.o.Receipt.Lines {
		if l.VAT != nil && *l.VAT != 0 {
			t := fiscal.VATInside(l.Total(), *l.VAT)
			if l.Signed() < 0 {
				t = -t
			}
			want += t
			taxed++
		}
	}
	if taxed == 0 {
		return nil
	}
	var got fiscal.Tiyn
	any := false
	add := func(ts []*canon.TicketRequest_Tax, sign fiscal.Tiyn) {
		for _, t := range ts {
			if s, err := cpcr.Tiyn(t.GetSum()); err == nil {
				got += sign * s
				any = true
			}
		}
	}
	if ts := c.t.GetTaxes(); len(ts) > 0 {
		add(ts, 1)
	} else {
		for _, it := range c.t.GetItems() {
			add(it.GetCommodity().GetTaxes(), 1)
			add(it.GetStornoCommodity().GetTaxes(), -1)
			add(it.GetMarkup().GetTaxes(), 1)
			add(it.GetStornoMarkup().GetTaxes(), -1)
			add(it.GetDiscount().GetTaxes(), -1)
			add(it.GetStornoDiscount().GetTaxes(), 1)
		}
	}
	s := say{want: amount(want), got: amount(got), tells: "taxed"}
	d := max(got-want, want-got)
	switch {
	case !any:
		s.missing, s.got = true, ""
	case d <= fiscal.Tiyn(taxed):
		s.ok = true
	case c.o.Receipt.Discount != 0 || c.o.Receipt.Markup != 0 || hasModifier(c.o.Receipt):
		return []say{{open: "ticket.vatmodified", readings: []Reading{readVAT}}}
	}
	return []say{s}
}

func hasModifier(r *fiscal.Receipt) bool {
	return slices.ContainsFunc(r.Lines, func(l fiscal.Line) bool { return l.Kind != fiscal.Goods && l.Kind != fiscal.GoodsStorno })
}

// tickets lists the done receipts with the message that counts for each: the
// one that the OFD booked, else the last one.
func (r *Record) tickets(yield func(ticket) bool) {
	for _, o := range r.Ops {
		if !o.IsReceipt() || !o.Done() || len(o.Sent) == 0 {
			continue
		}
		x := o.Booked()
		if x == nil {
			x = o.Sent[len(o.Sent)-1]
		}
		if t := x.Req.GetTicket(); t != nil && !yield(ticket{r, o, x, t}) {
			return
		}
	}
}

func judgeTicket(r *Record, p regulation.Params) []Judgement {
	i := slices.IndexFunc(ticketFields, func(f ticketField) bool { return f.name == p.Word("field") })
	if i < 0 {
		return badParam(fmt.Errorf("ticket.fields: field=%s is not known", p.Word("field")))
	}
	f := ticketFields[i]
	s := newSurvey(r, "@field."+f.name, f.tells)
	r.tickets(func(c ticket) bool {
		for _, q := range f.read(c) {
			s.add(c.o, q, c.x.Bytes, c.x.Seq, c.o.Seq)
		}
		return true
	})
	return s.end("ticket.need")
}

// survey puts answers about one field together: a field that is nowhere is
// absent, one that is only sometimes there is wrong.
type survey struct {
	v       verdict
	field   string
	tells   []string
	missing []Judgement
	owners  []*Operation
	present bool
	open    []Judgement
}

func newSurvey(r *Record, field string, tells []string) *survey {
	return &survey{v: verdict{r: r}, field: field, tells: tells}
}

func (s *survey) add(o *Operation, q say, raw []byte, ev ...history.Seq) {
	if q.open != "" && len(s.open) >= most {
		return
	}
	if q.ok {
		s.present = true
		s.v.readings = appendReadings(s.v.readings, q.readings)
		s.v.prove("any", o, ev...)
		if q.tells != "" {
			s.v.prove("tells "+q.tells, o, ev...)
		}
		return
	}
	a := args{"field": s.field, "want": q.want, "got": q.got, "kind": kindWord(o)}
	if q.kind != "" {
		a["kind"] = q.kind
	}
	switch {
	case q.open != "":
		s.open = append(s.open, unsure(q.open, a, q.readings...).Citing(ev...))
	case q.missing:
		s.missing = append(s.missing, absent("field.absent", a, ev[0], ev[1:]...).bytes(head(raw)).With(q.readings...))
		s.owners = append(s.owners, o)
	default:
		s.present = true
		s.v.fail(o, fail("field.differs", a, ev[0], ev[1:]...).bytes(head(raw)).With(q.readings...))
	}
}

func appendReadings(have, more []Reading) []Reading {
	for _, r := range more {
		if !slices.Contains(have, r) {
			have = append(have, r)
		}
	}
	return have
}

func (s *survey) end(needKey string) []Judgement {
	for i, j := range s.missing {
		if s.present {
			j.violation.Absent = false
		}
		s.v.fail(s.owners[i], j)
	}
	if len(s.open) > 0 && len(s.v.fails) == 0 && !s.v.proven("any") {
		s.v.open(s.open[0])
	}
	needs := []need{{"any", needKey, args{"field": s.field}}}
	for _, t := range s.tells {
		needs = append(needs, need{"tells " + t, "field.need.form", args{"field": s.field, "form": "@form." + t}})
	}
	return s.v.end(needs...)
}

func judgeReturn(r *Record, _ regulation.Params) []Judgement {
	v := verdict{r: r, readings: nil}
	w := newWorld(r)
	for _, o := range r.Ops {
		w.before(o)
		if !o.IsReceipt() || (o.Receipt.Kind != fiscal.SaleReturn && o.Receipt.Kind != fiscal.BuyReturn) {
			w.after(o)
			continue
		}
		a := args{"kind": kindWord(o)}
		switch {
		case o.Got() == fiscal.Unsupported:
			v.open(unsure("op.unsupported", a).Citing(o.End))
		case o.Refused() && o.Receipt.Parent != nil && o.As.Password == "":
			v.open(unsure("return.refused", refusal(o, a)).Citing(o.End))
		case o.Done():
			r.judgeOneReturn(&v, o, a)
		}
		w.after(o)
	}
	return v.end(need{"sale-return", "return.need", nil})
}

func (r *Record) judgeOneReturn(v *verdict, o *Operation, a args) {
	x := o.Booked()
	if x == nil {
		if len(o.Sent) == 0 {
			if later := r.laterBooked(o); later != nil { // what was made later has arrived, and this has not
				v.fail(o, fail("return.unsent", a, o.End, o.Seq, later.Seq))
			}
		}
		return
	}
	ev := []history.Seq{x.Seq, o.Seq, o.End}
	t := x.Req.GetTicket()
	bad := func(field, want, got string) {
		v.fail(o, fail("field.differs", with(a, "field", "@field."+field, "want", want, "got", got), ev[0], ev[1:]...).bytes(head(x.Bytes)))
	}
	if t.GetOperation() != wireKind(o.Receipt.Kind) {
		bad("operation", kindWord(o), "@op."+string(receiptKind(t.GetOperation())))
		return
	}
	if s := money(o.Receipt.Total(), t.GetAmounts().GetTotal(), ""); !s.ok {
		bad("total", s.want, orNone(s.got))
		return
	}
	for _, s := range part(goods, sum)(ticket{r, o, x, t}) {
		if !s.ok {
			bad("goods.sum", s.want, orNone(s.got))
			return
		}
	}
	if p := o.Receipt.Parent; p != nil && x.Header.Version >= cpcr.V203 {
		w := t.GetParentTicket()
		trim := func(s string) string { return strings.TrimLeft(strings.TrimSpace(s), "0") }
		if trim(w.GetParentTicketNumber()) != trim(p.Sign) {
			bad("parent.sign", p.Sign, orNone(w.GetParentTicketNumber()))
			return
		}
		if s := money(p.Total, w.GetParentTicketTotal(), ""); !s.ok {
			bad("parent.total", s.want, orNone(s.got))
			return
		}
		if p.KKM != "" && trim(w.GetKgdKkmId()) != trim(p.KKM) {
			bad("parent.kkm", p.KKM, orNone(w.GetKgdKkmId()))
			return
		}
		if w.GetParentTicketIsOffline() != p.Offline {
			bad("parent.offline", yesno(p.Offline), yesno(w.GetParentTicketIsOffline()))
			return
		}
		if got, ok := cpcr.Time(w.GetParentTicketDataTime(), time.UTC); !p.At.IsZero() && (!ok || got.Sub(civil(p.At)).Abs() > basisTolerance) {
			bad("parent.time", stamp(civil(p.At)), stamp(got))
			return
		}
	}
	if r.Readable() && len(o.Papers) == 0 {
		v.fail(o, absent("paper.none", a, o.End, o.Seq))
		return
	}
	if len(o.Papers) > 0 {
		ev = append(ev, o.Papers[0].Seq)
	}
	v.prove(string(o.Receipt.Kind), o, ev...)
}

// basisTolerance: the time of the receipt that a return refers to is typed in, by
// some protocols without seconds.
const basisTolerance = time.Minute

func orNone(s string) string {
	if s == "" {
		return "@none"
	}
	return s
}
