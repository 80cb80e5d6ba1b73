package tally

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
)

// Difference is one figure that two reports do not share. Field is a path with
// the row's key in brackets: ticket_operations[SELL].payments[CASH].sum.
type Difference struct {
	Field string
	A, B  string
}

// Diff compares the counters of two reports. A missing row counts as zero, and
// so does an absent number (cpcr.md 13.1). The moment of the report and the
// checksum are not compared: they are each maker's own.
func Diff(a, b *canon.ZXReport) []Difference {
	x, y := flatten(a), flatten(b)
	var out []Difference
	for k, v := range x {
		if w := y[k]; zero(v) != zero(w) {
			out = append(out, Difference{k, zero(v), zero(w)})
		}
	}
	for k, w := range y {
		if _, both := x[k]; !both && zero(w) != "0" {
			out = append(out, Difference{k, "0", w})
		}
	}
	slices.SortFunc(out, func(p, q Difference) int { return cmp.Compare(p.Field, q.Field) })
	return out
}

func zero(s string) string {
	if s == "" || s == "0.00" {
		return "0"
	}
	return s
}

// flatten writes every counter of a report under its path.
func flatten(z *canon.ZXReport) map[string]string {
	m := map[string]string{}
	if z == nil {
		return m
	}
	n := func(path string, v uint32) { m[path] = strconv.FormatUint(uint64(v), 10) }
	money := func(path string, v *canon.Money) {
		if t, err := cpcr.Tiyn(v); err == nil {
			m[path] = t.String()
		} else {
			m[path] = fmt.Sprintf("%d and %d/100", v.GetBills(), v.GetCoins())
		}
	}
	ops := func(path string, rows []*canon.ZXReport_Operation) {
		for _, o := range rows {
			p := path + "[" + Name(o.GetOperation()) + "]"
			n(p+".count", o.GetCount())
			money(p+".sum", o.GetSum())
		}
	}
	n("shift_number", z.GetShiftNumber())
	for _, s := range z.GetSections() {
		ops("sections["+s.GetSectionCode()+"]", s.GetOperations())
	}
	ops("operations", z.GetOperations())
	ops("discounts", z.GetDiscounts())
	ops("markups", z.GetMarkups())
	ops("total_result", z.GetTotalResult())
	for _, t := range z.GetTaxes() {
		for _, o := range t.GetOperations() {
			p := fmt.Sprintf("taxes[%d][%s]", t.GetPercent(), Name(o.GetOperation()))
			money(p+".turnover", o.GetTurnover())
			money(p+".sum", o.GetSum())
			money(p+".turnover_without_tax", o.GetTurnoverWithoutTax())
		}
	}
	for _, s := range z.GetStartShiftNonNullableSums() {
		money("start_shift_non_nullable_sums["+Name(s.GetOperation())+"]", s.GetSum())
	}
	for _, s := range z.GetNonNullableSums() {
		money("non_nullable_sums["+Name(s.GetOperation())+"]", s.GetSum())
	}
	for _, o := range z.GetTicketOperations() {
		p := "ticket_operations[" + Name(o.GetOperation()) + "]"
		n(p+".tickets_total_count", o.GetTicketsTotalCount())
		n(p+".tickets_count", o.GetTicketsCount())
		money(p+".tickets_sum", o.GetTicketsSum())
		for _, x := range o.GetPayments() {
			q := p + ".payments[" + short(x.GetPayment().String(), "PAYMENT_") + "]"
			money(q+".sum", x.GetSum())
			n(q+".count", x.GetCount())
		}
		n(p+".offline_count", o.GetOfflineCount())
		money(p+".discount_sum", o.GetDiscountSum())
		money(p+".markup_sum", o.GetMarkupSum())
		money(p+".change_sum", o.GetChangeSum())
	}
	for _, x := range z.GetMoneyPlacements() {
		p := "money_placements[" + short(x.GetOperation().String(), "MONEY_PLACEMENT_") + "]"
		n(p+".operations_total_count", x.GetOperationsTotalCount())
		n(p+".operations_count", x.GetOperationsCount())
		money(p+".operations_sum", x.GetOperationsSum())
		n(p+".offline_count", x.GetOfflineCount())
	}
	if a := z.GetAnnulledTickets(); a != nil {
		n("annulled_tickets.annulled_tickets_total_count", a.GetAnnulledTicketsTotalCount())
		n("annulled_tickets.annulled_tickets_count", a.GetAnnulledTicketsCount())
		ops("annulled_tickets.annulled_operations", a.GetAnnulledOperations())
	}
	money("cash_sum", z.GetCashSum())
	money("revenue", z.GetRevenue().GetSum())
	if z.GetRevenue().GetIsNegative() && zero(m["revenue"]) != "0" {
		m["revenue"] = "-" + m["revenue"]
	}
	return m
}

// Name is the word of an operation kind: BUY, BUY_RETURN, SELL, SELL_RETURN.
func Name(op canon.OperationTypeEnum) string { return short(op.String(), "OPERATION_") }

func short(s, prefix string) string {
	if len(s) > len(prefix) && s[:len(prefix)] == prefix {
		return s[len(prefix):]
	}
	return s
}
