package tally

import (
	"fmt"
	"time"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Restore reads counters back from a report, as a register does from the answer
// to INFO: an X (or any report without a close time, when open says so) is a
// running shift, a Z a closed one. What a report does not tell (the number of
// documents, the first ticket) is put together from what it does: a running
// shift with tickets counts its 24 hours from its opening.
func Restore(z *canon.ZXReport, open bool) (*Counters, error) {
	r := reader{}
	c := &Counters{Shift: z.GetShiftNumber(), Open: open}
	c.Opened, _ = cpcr.Time(z.GetOpenShiftTime(), time.UTC)
	if !open {
		c.Closed, _ = cpcr.Time(z.GetCloseShiftTime(), time.UTC)
	}
	c.Cash = r.money("cash_sum", z.GetCashSum())
	c.Revenue = r.money("revenue.sum", z.GetRevenue().GetSum())
	if z.GetRevenue().GetIsNegative() {
		c.Revenue = -c.Revenue
	}
	for i, o := range z.GetTicketOperations() {
		r.tickets(c, fmt.Sprintf("ticket_operations[%d]", i), o)
	}
	lists := []struct {
		name string
		rows []*canon.ZXReport_Operation
		into func(*Tickets) *Row
	}{
		{"operations", z.GetOperations(), func(k *Tickets) *Row { return &k.Goods }},
		{"discounts", z.GetDiscounts(), func(k *Tickets) *Row { return &k.Discount }},
		{"markups", z.GetMarkups(), func(k *Tickets) *Row { return &k.Markup }},
		{"annulled_tickets.annulled_operations", z.GetAnnulledTickets().GetAnnulledOperations(), func(k *Tickets) *Row { return &k.Annulled }},
	}
	for _, l := range lists {
		for i, o := range l.rows {
			if n := r.kind(l.name, i, o.GetOperation()); r.err == nil {
				*l.into(&c.Kind[n]) = Row{o.GetCount(), r.money(l.name, o.GetSum())}
			}
		}
	}
	c.Annulled, c.AnnulledAll = z.GetAnnulledTickets().GetAnnulledTicketsCount(), z.GetAnnulledTickets().GetAnnulledTicketsTotalCount()
	for i, n := range z.GetNonNullableSums() {
		if k := r.kind("non_nullable_sums", i, n.GetOperation()); r.err == nil {
			c.Kind[k].NonNull = r.money("non_nullable_sums", n.GetSum())
			r.used += c.Kind[k].NonNull
		}
	}
	for i, n := range z.GetStartShiftNonNullableSums() {
		if k := r.kind("start_shift_non_nullable_sums", i, n.GetOperation()); r.err == nil {
			c.Kind[k].Start = r.money("start_shift_non_nullable_sums", n.GetSum())
		}
	}
	for i, s := range z.GetSections() {
		if c.Section == nil {
			c.Section = map[string][Kinds]Row{}
		}
		rows := c.Section[s.GetSectionCode()]
		for _, o := range s.GetOperations() {
			if k := r.kind("sections", i, o.GetOperation()); r.err == nil {
				rows[k] = Row{o.GetCount(), r.money("sections.operations.sum", o.GetSum())}
			}
		}
		c.Section[s.GetSectionCode()] = rows
	}
	for i, t := range z.GetTaxes() {
		if c.Tax == nil {
			c.Tax = map[uint32][Kinds]TaxRow{}
		}
		rows := c.Tax[t.GetPercent()]
		for _, o := range t.GetOperations() {
			if k := r.kind("taxes", i, o.GetOperation()); r.err == nil {
				rows[k] = TaxRow{Turnover: r.money("taxes.operations.turnover", o.GetTurnover()), Tax: r.money("taxes.operations.sum", o.GetSum()), Lines: 1}
			}
		}
		c.Tax[t.GetPercent()] = rows
	}
	for i, p := range z.GetMoneyPlacements() {
		n := p.GetOperation()
		if n < 0 || int(n) >= len(c.Placed) {
			r.fail("money_placements[%d].operation = %d, want 0 or 1", i, n)
			continue
		}
		c.Placed[n] = Placements{Total: p.GetOperationsTotalCount(), Shift: Row{p.GetOperationsCount(), r.money("money_placements.operations_sum", p.GetOperationsSum())}, Offline: p.GetOfflineCount()}
		c.Documents += p.GetOperationsCount()
	}
	for i := range c.Kind {
		c.Documents += c.Kind[i].Tickets.Count
		if c.Kind[i].Tickets.Count > 0 {
			c.FirstTicket = c.Opened
		}
	}
	c.Used = r.used
	if r.err != nil {
		return nil, r.err
	}
	return c, nil
}

type reader struct {
	err  error
	used fiscal.Tiyn
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = &cpcr.Error{Class: cpcr.ErrRange, Detail: fmt.Sprintf("zx_report."+format, args...)}
	}
}

func (r *reader) money(name string, m *canon.Money) fiscal.Tiyn {
	t, err := cpcr.Tiyn(m)
	if err != nil {
		r.fail("%s: %v", name, err)
	} else if t > bound/Kinds {
		r.fail("%s = %s, want at most %s", name, t, bound/Kinds)
	}
	return t
}

func (r *reader) kind(list string, i int, op canon.OperationTypeEnum) canon.OperationTypeEnum {
	if op < 0 || op >= Kinds {
		r.fail("%s[%d].operation = %d, want 0..3", list, i, op)
		return 0
	}
	return op
}

func (r *reader) tickets(c *Counters, path string, o *canon.ZXReport_TicketOperation) {
	n := o.GetOperation()
	if n < 0 || n >= Kinds {
		r.fail("%s.operation = %d, want 0..3", path, n)
		return
	}
	k := &c.Kind[n]
	k.Total = o.GetTicketsTotalCount()
	k.Tickets = Row{o.GetTicketsCount(), r.money(path+".tickets_sum", o.GetTicketsSum())}
	k.Offline = o.GetOfflineCount()
	k.OnTicket.Discount = r.money(path+".discount_sum", o.GetDiscountSum())
	k.OnTicket.Markup = r.money(path+".markup_sum", o.GetMarkupSum())
	k.Change = r.money(path+".change_sum", o.GetChangeSum())
	for _, p := range o.GetPayments() {
		t := p.GetPayment()
		if t < 0 || t >= payments {
			r.fail("%s.payments.payment = %d, want 0..4", path, t)
			continue
		}
		k.Paid[t] = Row{p.GetCount(), r.money(path+".payments.sum", p.GetSum())}
	}
}
