package tally

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

// rows is which payment types a report of a version has a row for (cpcr.md 16.45).
func rows(v cpcr.Version) []canon.PaymentTypeEnum {
	const cash, card, credit, tare, mobile = canon.PaymentTypeEnum_PAYMENT_CASH, canon.PaymentTypeEnum_PAYMENT_CARD,
		canon.PaymentTypeEnum_PAYMENT_CREDIT, canon.PaymentTypeEnum_PAYMENT_TARE, canon.PaymentTypeEnum_PAYMENT_MOBILE
	switch {
	case v < cpcr.V202:
		return []canon.PaymentTypeEnum{cash, card, credit, tare}
	case v < cpcr.V203:
		return []canon.PaymentTypeEnum{cash, card, credit, tare, mobile}
	}
	return []canon.PaymentTypeEnum{cash, card, mobile}
}

// Report writes the report of the running shift, or the Z of the last one when
// it is closed (with its close time). at is the moment of the report. The
// checksum is that of cpcr.md 13.4. Lists with a fixed number of rows are
// complete; a payment type that the version has no row for gets one when it was used.
func (c *Counters) Report(v cpcr.Version, at time.Time) *canon.ZXReport {
	z := &canon.ZXReport{
		DateTime:    cpcr.Stamp(at),
		ShiftNumber: proto.Uint32(c.Shift),
		CashSum:     cpcr.Money(max(0, c.Cash)),
		Revenue:     &canon.ZXReport_Revenue{Sum: cpcr.Money(abs(c.Revenue)), IsNegative: proto.Bool(c.Revenue < 0)},
	}
	for _, code := range slices.SortedFunc(maps.Keys(c.Section), bySectionCode) {
		if ops := used(c.Section[code]); ops != nil {
			z.Sections = append(z.Sections, &canon.ZXReport_Section{SectionCode: proto.String(code), Operations: ops})
		}
	}
	for i := range c.Kind {
		op, k := canon.OperationTypeEnum(i), &c.Kind[i]
		z.Operations = append(z.Operations, row(op, k.Goods))
		z.Discounts = append(z.Discounts, row(op, k.Discount))
		z.Markups = append(z.Markups, row(op, k.Markup))
		z.TotalResult = append(z.TotalResult, row(op, Row{k.Goods.Count, k.Goods.Sum - k.Discount.Sum + k.Markup.Sum}))
		z.StartShiftNonNullableSums = append(z.StartShiftNonNullableSums, &canon.ZXReport_NonNullableSum{Operation: op.Enum(), Sum: cpcr.Money(k.Start)})
		z.NonNullableSums = append(z.NonNullableSums, &canon.ZXReport_NonNullableSum{Operation: op.Enum(), Sum: cpcr.Money(k.NonNull)})
		z.TicketOperations = append(z.TicketOperations, tickets(v, op, k))
	}
	for _, rate := range slices.Sorted(maps.Keys(c.Tax)) {
		if ops := taxed(c.Tax[rate]); ops != nil {
			z.Taxes = append(z.Taxes, &canon.ZXReport_Tax{Type: canon.TaxTypeEnum_VAT.Enum(), Percent: proto.Uint32(rate), Operations: ops})
		}
	}
	for i := range c.Placed {
		p := &c.Placed[i]
		z.MoneyPlacements = append(z.MoneyPlacements, &canon.ZXReport_MoneyPlacement{
			Operation:            canon.MoneyPlacementEnum(i).Enum(),
			OperationsTotalCount: proto.Uint32(p.Total),
			OperationsCount:      proto.Uint32(p.Shift.Count),
			OperationsSum:        cpcr.Money(p.Shift.Sum),
			OfflineCount:         proto.Uint32(p.Offline),
		})
	}
	if v < cpcr.V203 {
		z.AnnulledTickets = c.annulled()
	}
	opened := c.Opened
	if opened.IsZero() {
		opened = at // the field is required, and a device that never had a shift has no better time
	}
	z.OpenShiftTime = cpcr.Stamp(opened)
	if !c.Open && !c.Closed.IsZero() {
		z.CloseShiftTime = cpcr.Stamp(c.Closed)
	}
	z.Checksum = proto.String(cpcr.ZXChecksum(z))
	return z
}

// bySectionCode puts 2 before 10.
func bySectionCode(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

func abs(t fiscal.Tiyn) fiscal.Tiyn { return max(t, -t) }

func row(op canon.OperationTypeEnum, r Row) *canon.ZXReport_Operation {
	return &canon.ZXReport_Operation{Operation: op.Enum(), Count: proto.Uint32(r.Count), Sum: cpcr.Money(max(0, r.Sum))}
}

func used(rows [Kinds]Row) (out []*canon.ZXReport_Operation) {
	for i, r := range rows {
		if r != (Row{}) {
			out = append(out, row(canon.OperationTypeEnum(i), r))
		}
	}
	return out
}

func taxed(rows [Kinds]TaxRow) (out []*canon.ZXReport_Tax_TaxOperation) {
	for i, r := range rows {
		if r.Lines > 0 {
			out = append(out, &canon.ZXReport_Tax_TaxOperation{
				Operation:          canon.OperationTypeEnum(i).Enum(),
				Turnover:           cpcr.Money(max(0, r.Turnover)),
				Sum:                cpcr.Money(max(0, r.Tax)),
				TurnoverWithoutTax: cpcr.Money(max(0, r.Turnover-r.Tax)),
			})
		}
	}
	return out
}

func tickets(v cpcr.Version, op canon.OperationTypeEnum, k *Tickets) *canon.ZXReport_TicketOperation {
	t := &canon.ZXReport_TicketOperation{
		Operation:         op.Enum(),
		TicketsTotalCount: proto.Uint32(k.Total),
		TicketsCount:      proto.Uint32(k.Tickets.Count),
		TicketsSum:        cpcr.Money(k.Tickets.Sum),
		OfflineCount:      proto.Uint32(k.Offline),
		DiscountSum:       cpcr.Money(k.OnTicket.Discount),
		MarkupSum:         cpcr.Money(k.OnTicket.Markup),
		ChangeSum:         cpcr.Money(k.Change),
	}
	fixed := rows(v)
	for i, r := range k.Paid {
		p := canon.PaymentTypeEnum(i)
		if slices.Contains(fixed, p) || r != (Row{}) {
			t.Payments = append(t.Payments, &canon.ZXReport_TicketOperation_Payment{Payment: p.Enum(), Sum: cpcr.Money(r.Sum), Count: proto.Uint32(r.Count)})
		}
	}
	return t
}

func (c *Counters) annulled() *canon.ZXReport_AnnulledTickets {
	a := &canon.ZXReport_AnnulledTickets{AnnulledTicketsTotalCount: proto.Uint32(c.AnnulledAll), AnnulledTicketsCount: proto.Uint32(c.Annulled)}
	for i := range c.Kind {
		a.AnnulledOperations = append(a.AnnulledOperations, row(canon.OperationTypeEnum(i), c.Kind[i].Annulled))
	}
	return a
}
