package tally

import (
	"fmt"
	"time"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Sums are the figures of one ticket, with their signs as the reports count them.
type Sums struct {
	Kind     canon.OperationTypeEnum
	Total    fiscal.Tiyn // amounts.total
	Change   fiscal.Tiyn
	Cash     fiscal.Tiyn // paid in cash
	Goods    Row         // a cancelled line adds 0 to the count and takes its sum away
	Discount Row
	Markup   Row
	Section  map[string]Row
	Tax      map[uint32]TaxRow
	Paid     [payments]Row

	discount, markup fiscal.Tiyn // of the whole ticket
	all              fiscal.Tiyn // every amount that was read, unsigned
	err              error
}

// Due is what the lines and modifiers come to: goods - discounts + markups.
func (s *Sums) Due() fiscal.Tiyn { return s.Goods.Sum - s.Discount.Sum + s.Markup.Sum }

// Read takes a ticket apart. An error names the field.
func Read(t *canon.TicketRequest) (*Sums, error) {
	s := &Sums{Kind: t.GetOperation(), Section: map[string]Row{}, Tax: map[uint32]TaxRow{}}
	if t == nil || t.Operation == nil || s.Kind < 0 || s.Kind >= Kinds {
		return nil, &cpcr.Error{Class: cpcr.ErrRange, Detail: fmt.Sprintf("ticket.operation = %d, want 0..3", s.Kind)}
	}
	byTicket := len(t.GetTaxes()) > 0
	s.Total = s.money("amounts.total", t.GetAmounts().GetTotal())
	s.Change = s.money("amounts.change", t.GetAmounts().GetChange())
	for i, it := range t.GetItems() {
		s.item(fmt.Sprintf("items[%d]", i), it, !byTicket)
	}
	if m := t.GetAmounts().GetDiscount(); m != nil {
		s.discount = s.modifier("amounts.discount", m, &s.Discount, 1, 1, -1, !byTicket)
	}
	if m := t.GetAmounts().GetMarkup(); m != nil {
		s.markup = s.modifier("amounts.markup", m, &s.Markup, 1, 1, 1, !byTicket)
	}
	for _, x := range t.GetTaxes() {
		s.tax("taxes", x, s.Total, 1)
	}
	for i, p := range t.GetPayments() {
		sum := s.money(fmt.Sprintf("payments[%d].sum", i), p.GetSum())
		if n := p.GetType(); n >= 0 && n < payments {
			s.Paid[n].Count++
			s.Paid[n].Sum += sum
		} else if s.err == nil {
			s.err = &cpcr.Error{Class: cpcr.ErrRange, Detail: fmt.Sprintf("ticket.payments[%d].type = %d, want 0..4", i, n)}
		}
	}
	s.Cash = s.Paid[canon.PaymentTypeEnum_PAYMENT_CASH].Sum
	if s.err != nil {
		return nil, s.err
	}
	return s, nil
}

func (s *Sums) item(path string, it *canon.TicketRequest_Item, taxed bool) {
	switch it.GetType() {
	case canon.TicketRequest_Item_ITEM_TYPE_COMMODITY:
		g := it.GetCommodity()
		s.goods(path, g.GetSectionCode(), s.money(path+".commodity.sum", g.GetSum()), 1, g.GetTaxes(), taxed)
	case canon.TicketRequest_Item_ITEM_TYPE_STORNO_COMMODITY:
		g := it.GetStornoCommodity()
		s.goods(path, g.GetSectionCode(), -s.money(path+".storno_commodity.sum", g.GetSum()), 0, g.GetTaxes(), taxed)
	case canon.TicketRequest_Item_ITEM_TYPE_MARKUP:
		s.modifier(path, it.GetMarkup(), &s.Markup, 1, 1, 1, taxed)
	case canon.TicketRequest_Item_ITEM_TYPE_STORNO_MARKUP:
		s.modifier(path, it.GetStornoMarkup(), &s.Markup, 0, -1, -1, taxed)
	case canon.TicketRequest_Item_ITEM_TYPE_DISCOUNT:
		s.modifier(path, it.GetDiscount(), &s.Discount, 1, 1, -1, taxed)
	case canon.TicketRequest_Item_ITEM_TYPE_STORNO_DISCOUNT:
		s.modifier(path, it.GetStornoDiscount(), &s.Discount, 0, -1, 1, taxed)
	default:
		if s.err == nil {
			s.err = &cpcr.Error{Class: cpcr.ErrRange, Detail: fmt.Sprintf("ticket.%s.type = %d, want 1..6", path, it.GetType())}
		}
	}
}

// goods counts a line. sum is negative for a cancelled one, whose count is 0.
func (s *Sums) goods(path, section string, sum fiscal.Tiyn, count uint32, taxes []*canon.TicketRequest_Tax, taxed bool) {
	s.Goods.Count += count
	s.Goods.Sum += sum
	r := s.Section[section]
	r.Count += count
	r.Sum += sum
	s.Section[section] = r
	if taxed {
		for _, x := range taxes {
			s.tax(path, x, sum, sign(sum))
		}
	}
}

// modifier counts a discount or markup: dir is +1, or -1 for a cancelled one; in
// is the sign with which it enters the turnover.
func (s *Sums) modifier(path string, m *canon.TicketRequest_Modifier, into *Row, count uint32, dir, in fiscal.Tiyn, taxed bool) fiscal.Tiyn {
	sum := s.money(path+".sum", m.GetSum())
	into.Count += count
	into.Sum += dir * sum
	if taxed {
		for _, x := range m.GetTaxes() {
			s.tax(path, x, in*sum, in)
		}
	}
	return sum
}

func (s *Sums) tax(path string, x *canon.TicketRequest_Tax, turnover, dir fiscal.Tiyn) {
	r := s.Tax[x.GetPercent()]
	r.Turnover += turnover
	r.Tax += dir * s.money(path+".taxes.sum", x.GetSum())
	r.Lines++
	s.Tax[x.GetPercent()] = r
}

func sign(t fiscal.Tiyn) fiscal.Tiyn {
	if t < 0 {
		return -1
	}
	return 1
}

func (s *Sums) money(path string, m *canon.Money) fiscal.Tiyn {
	t, err := cpcr.Tiyn(m)
	if err == nil && t > bound-s.all {
		err = &cpcr.Error{Class: cpcr.ErrRange, Detail: fmt.Sprintf("%s, and %s before it: too much", t, s.all)}
	}
	if err != nil {
		if s.err == nil {
			s.err = fmt.Errorf("ticket.%s: %w", path, err)
		}
		return 0
	}
	s.all += t
	return t
}

// Ticket counts an accepted ticket.
func (c *Counters) Ticket(t *canon.TicketRequest) error {
	s, err := Read(t)
	if err != nil {
		return err
	}
	// A line's sum enters several counters, never one counter twice.
	if err := c.fits(s.all); err != nil {
		return err
	}
	c.Used += s.all
	at, _ := cpcr.Time(t.GetDateTime(), time.UTC)
	c.begin(at, t.GetFrShiftNumber())
	if c.FirstTicket.IsZero() {
		c.FirstTicket = at
	}
	c.Documents++
	c.add(s, 1, t.OfflineTicketNumber != nil)
	c.Kind[s.Kind].Total++
	return nil
}

// Annul takes a ticket of the running shift back (CANCEL_TICKET, up to 2.0.2).
// Every counter that it moved is moved back, except the lifetime number of
// tickets, which never falls; the annulled ones are counted by themselves.
func (c *Counters) Annul(t *canon.TicketRequest) error {
	s, err := Read(t)
	if err != nil {
		return err
	}
	c.add(s, -1, t.OfflineTicketNumber != nil)
	a := &c.Kind[s.Kind].Annulled
	a.Count++
	a.Sum += s.Total
	c.Annulled++
	c.AnnulledAll++
	return nil
}

// add moves the counters by a ticket, or back (dir -1).
func (c *Counters) add(s *Sums, dir int, offline bool) {
	k := &c.Kind[s.Kind]
	d := fiscal.Tiyn(dir)
	row := func(r *Row, x Row) { r.Count += uint32(dir) * x.Count; r.Sum += d * x.Sum }
	k.NonNull += d * s.Total
	row(&k.Tickets, Row{1, s.Total})
	goods := s.Goods
	if c.ByTicket {
		goods.Count = 1
	}
	row(&k.Goods, goods)
	row(&k.Discount, s.Discount)
	row(&k.Markup, s.Markup)
	for i := range s.Paid {
		row(&k.Paid[i], s.Paid[i])
	}
	if offline {
		k.Offline += uint32(dir)
	}
	k.OnTicket.Discount += d * s.discount
	k.OnTicket.Markup += d * s.markup
	k.Change += d * s.Change
	if c.Section == nil {
		c.Section, c.Tax = map[string][Kinds]Row{}, map[uint32][Kinds]TaxRow{}
	}
	for code, r := range s.Section {
		rows := c.Section[code]
		row(&rows[s.Kind], r)
		c.Section[code] = rows
	}
	for rate, r := range s.Tax {
		rows := c.Tax[rate]
		x := &rows[s.Kind]
		x.Turnover += d * r.Turnover
		x.Tax += d * r.Tax
		x.Lines += uint32(dir) * r.Lines
		c.Tax[rate] = rows
	}
	out := Outgoing(s.Kind)
	if out {
		d = -d
	}
	c.Cash += d * s.Cash
	c.Revenue += d * s.Total
}
