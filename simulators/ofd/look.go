package ofd

import (
	"fmt"
	"strconv"
	"time"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/cpcr/tally"
	"github.com/kkmtest/kkmtest/fiscal"
)

// checkTicket refuses a ticket that cannot be taken (cpcr.md 12.3).
func (s *Server) checkTicket(d *device, q *query, t *canon.TicketRequest) (reply, bool) {
	v := q.h.Version
	if _, good := cpcr.Time(t.GetDateTime(), time.UTC); !good {
		return data(q, "ticket.date_time is no date"), true
	}
	if len(t.GetItems()) == 0 { // 1
		return s.missing(q, "ticket.items"), true
	}
	onLines := false
	for i, it := range t.GetItems() {
		path := fmt.Sprintf("ticket.items[%d]", i)
		body, taxes := bodyOf(it)
		if body == "" { // 2
			return data(q, "%s of type %d has not the body of that type", path, it.GetType()), true
		}
		onLines = onLines || len(taxes) > 0
		if twice, rate := repeated(taxes); twice { // 7
			return data(q, "%s.%s.taxes: rate %s twice", path, body, rate), true
		}
		if g := it.GetCommodity(); it.GetType() == canon.TicketRequest_Item_ITEM_TYPE_COMMODITY {
			if g.GetName() == "" && g.Code == nil { // 3
				return s.missing(q, path+".commodity.name or code"), true
			}
			if g.GetMeasureUnitCode() == "" && v >= cpcr.V202 { // 4
				return s.missing(q, path+".commodity.measure_unit_code"), true
			}
		}
		if g := it.GetStornoCommodity(); it.GetType() == canon.TicketRequest_Item_ITEM_TYPE_STORNO_COMMODITY && g.GetMeasureUnitCode() == "" && v >= cpcr.V202 { // 4
			return s.missing(q, path+".storno_commodity.measure_unit_code"), true
		}
	}
	if r, no := s.checkPayments(q, t); no { // 5, 6
		return r, no
	}
	if twice, rate := repeated(t.GetTaxes()); twice { // 7
		return data(q, "ticket.taxes: rate %s twice", rate), true
	}
	if onLines && len(t.GetTaxes()) > 0 { // 7
		return data(q, "ticket.taxes and taxes of lines exclude each other"), true
	}
	if t.GetAmounts().GetMarkup() != nil && t.GetAmounts().GetDiscount() != nil { // 8
		return data(q, "ticket.amounts: markup and discount exclude each other"), true
	}
	back := t.GetOperation() == canon.OperationTypeEnum_OPERATION_SELL_RETURN || t.GetOperation() == canon.OperationTypeEnum_OPERATION_BUY_RETURN
	if back && t.ParentTicket == nil && v >= cpcr.V203 { // 9
		return s.missing(q, "ticket.parent_ticket"), true
	}
	if p := t.ParentTicket; back && p != nil && s.opt.KnownParent {
		if of := s.parent(d, p); of == nil || of.find(p.GetParentTicketNumber()) == nil {
			return data(q, "ticket.parent_ticket: no ticket %s of the register %s is known", p.GetParentTicketNumber(), p.GetKgdKkmId()), true
		}
	}
	if want := domainBody(t.GetDomain()); want != "" { // 10
		return s.missing(q, "ticket.domain."+want), true
	}
	if t.OfflineTicketNumber != nil { // 16.27
		if old := d.offline[t.GetOfflineTicketNumber()]; old != nil {
			at, _ := cpcr.Time(t.GetDateTime(), time.UTC)
			if sameDay(old.At, at) && !s.opt.RenumberWithinDay {
				return data(q, "ticket.offline_ticket_number %d was used at %s", t.GetOfflineTicketNumber(), old.At.Format(time.DateTime)), true
			}
			q.observe("ticket.offline_ticket_number", strconv.FormatUint(uint64(t.GetOfflineTicketNumber()), 10), "cpcr.md 16.27: unique in the whole life of the register; used at "+old.At.Format(time.DateTime))
		}
	}
	return reply{}, false
}

func sameDay(a, b time.Time) bool {
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}

// bodyOf is the body that belongs to the type of a line, "" when it is not there.
func bodyOf(it *canon.TicketRequest_Item) (string, []*canon.TicketRequest_Tax) {
	switch it.GetType() {
	case canon.TicketRequest_Item_ITEM_TYPE_COMMODITY:
		if it.Commodity != nil {
			return "commodity", it.Commodity.Taxes
		}
	case canon.TicketRequest_Item_ITEM_TYPE_STORNO_COMMODITY:
		if it.StornoCommodity != nil {
			return "storno_commodity", it.StornoCommodity.Taxes
		}
	case canon.TicketRequest_Item_ITEM_TYPE_MARKUP:
		if it.Markup != nil {
			return "markup", it.Markup.Taxes
		}
	case canon.TicketRequest_Item_ITEM_TYPE_STORNO_MARKUP:
		if it.StornoMarkup != nil {
			return "storno_markup", it.StornoMarkup.Taxes
		}
	case canon.TicketRequest_Item_ITEM_TYPE_DISCOUNT:
		if it.Discount != nil {
			return "discount", it.Discount.Taxes
		}
	case canon.TicketRequest_Item_ITEM_TYPE_STORNO_DISCOUNT:
		if it.StornoDiscount != nil {
			return "storno_discount", it.StornoDiscount.Taxes
		}
	}
	return "", nil
}

func repeated(taxes []*canon.TicketRequest_Tax) (bool, string) {
	for i, a := range taxes {
		for _, b := range taxes[:i] {
			if a.GetPercent() == b.GetPercent() {
				return true, fiscal.MilliPercent(a.GetPercent()).String() + " %"
			}
		}
	}
	return false, ""
}

func (s *Server) checkPayments(q *query, t *canon.TicketRequest) (reply, bool) {
	var seen [5]bool
	for i, p := range t.GetPayments() {
		n := p.GetType()
		if n < 0 || int(n) >= len(seen) {
			return data(q, "ticket.payments[%d].type = %d, want 0 to 4", i, n), true
		}
		if seen[n] { // 5
			return data(q, "ticket.payments: type %s twice", n), true
		}
		seen[n] = true
	}
	a := t.GetAmounts()
	if seen[canon.PaymentTypeEnum_PAYMENT_CASH] && (a.GetTaken() == nil || a.GetChange() == nil) { // 6
		return s.missing(q, "ticket.amounts.taken or change, though cash was paid"), true
	}
	return reply{}, false
}

// domainBody is the block that the industry must have and has not, "" for none.
func domainBody(m *canon.TicketRequest_Domain) string {
	switch m.GetType() {
	case canon.DomainTypeEnum_DOMAIN_SERVICES, canon.DomainTypeEnum_DOMAIN_HOTELS:
		if m.Services == nil {
			return "services"
		}
	case canon.DomainTypeEnum_DOMAIN_GASOIL:
		if m.Gasoil == nil {
			return "gasoil"
		}
	case canon.DomainTypeEnum_DOMAIN_TAXI:
		if m.Taxi == nil {
			return "taxi"
		}
	case canon.DomainTypeEnum_DOMAIN_PARKING:
		if m.Parking == nil {
			return "parking"
		}
	}
	return ""
}

// look notes what every request should have.
func (s *Server) look(d *device, q *query) {
	for _, b := range cpcr.Breaches(q.err) {
		q.observe(b.Field, b.Value, b.Rule)
	}
	if q.strange {
		for _, u := range cpcr.Unknown(q.m) {
			q.observe(u.Field, u.Value, "cpcr.md 7: skipped, "+q.h.Version.String()+" has no such field")
		}
	}
	if d.seen && q.h.ReqNum != d.lastNum+1 && q.h.ReqNum != d.lastNum && !(d.lastNum == 65535 && q.h.ReqNum == 1) {
		q.observe("REQNUM", fmt.Sprintf("%d after %d", q.h.ReqNum, d.lastNum), "cpcr.md 4.1: grows by 1 with each request")
	}
	v := q.h.Version
	sv := q.m.GetService()
	if sv == nil {
		if v >= cpcr.V203 && q.command != cmdInfo {
			q.observe("service", "", "cpcr.md 5: in every request since 2.0.3")
		}
		return
	}
	fiscalCommand := q.command == cmdTicket || q.command == cmdClose || q.command == cmdReport || q.command == cmdMoney
	if v >= cpcr.V203 && fiscalCommand {
		if g := sv.GetSecurityStats().GetGeoPosition(); g == nil || g.GetSource() == "" {
			q.observe("service.security_stats.geo_position", "", "cpcr.md 12.3 number 11: position with its source since 2.0.3")
		}
	}
	r := sv.GetRegInfo_()
	if r.GetKkm() == nil || r.GetOrg() == nil {
		if v >= cpcr.V202 {
			q.observe("service.reg_info", "", "cpcr.md 12.3 number 12: kkm and org since 2.0.0")
		}
		return
	}
	same := func(field, got, want string) {
		if got != want {
			q.observe("service.reg_info."+field, got, "cpcr.md 8.6: registered is "+want)
		}
	}
	same("kkm.fns_kkm_id", r.Kkm.GetFnsKkmId(), d.reg.Registration)
	same("kkm.serial_number", r.Kkm.GetSerialNumber(), d.reg.Serial)
	same("org.iin", r.Org.GetIin(), d.reg.Taxpayer.BIN)
	if v >= cpcr.V202 {
		same("kkm.kkm_id", r.Kkm.GetKkmId(), fmt.Sprint(d.reg.ID))
	}
	if p := sv.GetOfflinePeriod(); p != nil {
		from, ok1 := cpcr.Time(p.GetBeginTime(), time.UTC)
		to, ok2 := cpcr.Time(p.GetEndTime(), time.UTC)
		if !ok1 || !ok2 || to.Before(from) {
			q.observe("service.offline_period", from.Format(time.DateTime)+" to "+to.Format(time.DateTime), "cpcr.md 11.5: from the first failed attempt to the connection")
		}
	}
}

// lookShift notes a shift number that is not the server's.
func (s *Server) lookShift(d *device, q *query, field string, number *uint32) {
	if number == nil {
		return
	}
	want := d.tally.Shift
	if !d.tally.Open {
		want++
	}
	if *number != want && (d.tally.Shift != 0 || d.tally.Open) {
		q.observe(field, strconv.FormatUint(uint64(*number), 10), fmt.Sprintf("cpcr.md 11.10: numbered through, this is shift %d", want))
	}
}

// lookDocument notes what every document should have.
func (s *Server) lookDocument(d *device, q *query, path string, at time.Time, number *uint64, offline bool) {
	if at.Before(d.lastAt) {
		q.observe(path+".date_time", at.Format(time.DateTime), "cpcr.md 2: the clock may not be set before the last document, which is of "+d.lastAt.Format(time.DateTime))
	}
	if number != nil && *number <= d.lastDoc.Number {
		q.observe(path+".printed_document_number", strconv.FormatUint(*number, 10), fmt.Sprintf("cpcr.md 12.4: numbers all documents of the register, the last was %d", d.lastDoc.Number))
	}
	if offline && q.m.GetService().GetOfflinePeriod() == nil {
		q.observe("service.offline_period", "", "cpcr.md 11.6: goes with every message on the way back")
	}
}

// lookTicket notes what a ticket should have (cpcr.md 12).
func (s *Server) lookTicket(d *device, q *query, t *canon.TicketRequest, sums *tally.Sums) {
	at, _ := cpcr.Time(t.GetDateTime(), time.UTC)
	s.lookShift(d, q, "ticket.fr_shift_number", t.FrShiftNumber)
	s.lookDocument(d, q, "ticket", at, t.PrintedDocumentNumber, t.OfflineTicketNumber != nil)
	if n := t.OfflineTicketNumber; n != nil && (*n == 0 || *n > 1<<31-1) {
		q.observe("ticket.offline_ticket_number", strconv.FormatUint(uint64(*n), 10), "cpcr.md 16.28: 1 to 2147483647")
	}
	if m := t.Domain; m != nil && d.reg.Sector != "" {
		if n := int(m.GetType()); n >= len(Sectors) || n < 0 || Sectors[n] != d.reg.Sector {
			q.observe("ticket.domain.type", m.GetType().String(), "cpcr.md 8.3: the register works in the sector "+d.reg.Sector)
		}
	}
	if t.Domain == nil && q.h.Version >= cpcr.V203 {
		q.observe("ticket.domain", "", "cpcr.md 8.3: required since 2.0.3")
	}
	var lines int
	for i, it := range t.GetItems() {
		lines++
		path := fmt.Sprintf("ticket.items[%d].commodity", i)
		g := it.GetCommodity()
		if g == nil {
			continue
		}
		if g.GetNtin() != "" && g.CommodityType == nil && q.h.Version >= cpcr.V204 { // 16
			q.observe(path+".commodity_type", "", "cpcr.md 12.3 number 16: with an NTIN since 2.0.4")
		}
		price, err1 := cpcr.Tiyn(g.GetPrice())
		sum, err2 := cpcr.Tiyn(g.GetSum())
		if err1 == nil && err2 == nil && g.GetQuantity() < 1<<31 && price < 1<<31 {
			if want := fiscal.LineSum(price, fiscal.Milli(g.GetQuantity())); off(sum, want) > 1 {
				q.observe(path+".sum", sum.String(), "cpcr.md 12.1: price x quantity is "+want.String())
			}
		}
	}
	s.lookTotals(q, t, sums, lines)
	if b := t.GetExtensionOptions().GetCustomerIinOrBin(); b != "" && !digits(b, 12) { // 17
		q.observe("ticket.extension_options.customer_iin_or_bin", b, "cpcr.md 12.3 number 17: 12 digits")
	}
	if p := t.ParentTicket; p != nil {
		if of := s.parent(d, p); of != nil {
			s.lookParent(of, q, p)
		}
	}
}

// lookTotals notes sums that do not fit. One tiyn a line is rounding (cpcr.md 16.51).
func (s *Server) lookTotals(q *query, t *canon.TicketRequest, sums *tally.Sums, lines int) {
	top := fiscal.Tiyn(0) // taxes on top may be inside the total or not (cpcr.md 16.50)
	for _, x := range t.GetTaxes() {
		if !x.GetIsInTotalSum() {
			v, _ := cpcr.Tiyn(x.GetSum())
			top += v
		}
	}
	for _, it := range t.GetItems() {
		_, taxes := bodyOf(it)
		for _, x := range taxes {
			if !x.GetIsInTotalSum() {
				v, _ := cpcr.Tiyn(x.GetSum())
				top += v
			}
		}
	}
	due, slack := sums.Due(), fiscal.Tiyn(lines)
	if off(sums.Total, due) > slack && off(sums.Total, due+top) > slack {
		q.observe("ticket.amounts.total", sums.Total.String(), "cpcr.md 12.1: lines and modifiers come to "+due.String())
	}
	var paid fiscal.Tiyn
	for _, p := range sums.Paid {
		paid += p.Sum
	}
	if len(t.GetPayments()) > 0 && paid != sums.Total {
		q.observe("ticket.payments", paid.String(), "cpcr.md 12.1: together the total, "+sums.Total.String())
	}
	if taken, err := cpcr.Tiyn(t.GetAmounts().GetTaken()); err == nil && t.GetAmounts().GetTaken() != nil && t.GetAmounts().GetChange() != nil && taken-sums.Cash != sums.Change {
		q.observe("ticket.amounts.change", sums.Change.String(), "cpcr.md 12.1: taken less the cash payment is "+(taken-sums.Cash).String())
	}
	if sums.Total <= 0 {
		q.observe("ticket.amounts.total", sums.Total.String(), "cpcr.md 12.1: above 0")
	}
}

func off(a, b fiscal.Tiyn) fiscal.Tiyn { return max(a-b, b-a) }

func digits(s string, n int) bool {
	if len(s) != n {
		return false
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// lookParent notes a parent ticket of this register that it never made, or made
// otherwise (cpcr.md 12.2).
func (s *Server) lookParent(d *device, q *query, p *canon.TicketRequest_ParentTicket) {
	sign := p.GetParentTicketNumber()
	t := d.find(sign)
	if t == nil {
		q.observe("ticket.parent_ticket.parent_ticket_number", sign, "cpcr.md 12.2: no ticket of this register has the sign")
		return
	}
	if total, err := cpcr.Tiyn(p.GetParentTicketTotal()); err != nil || total != t.Total {
		q.observe("ticket.parent_ticket.parent_ticket_total", total.String(), "cpcr.md 12.2: the ticket's total was "+t.Total.String())
	}
	if at, good := cpcr.Time(p.GetParentTicketDataTime(), time.UTC); !good || !at.Equal(t.At) {
		q.observe("ticket.parent_ticket.parent_ticket_data_time", at.Format(time.DateTime), "cpcr.md 12.2: the ticket was made at "+t.At.Format(time.DateTime))
	}
	if p.GetParentTicketIsOffline() != (t.Offline != 0) {
		q.observe("ticket.parent_ticket.parent_ticket_is_offline", fmt.Sprint(p.GetParentTicketIsOffline()), "cpcr.md 12.2: as the ticket was made")
	}
}

// lookReport notes what a report request should have.
func (s *Server) lookReport(d *device, q *query, m *canon.ReportRequest) {
	if _, good := cpcr.Time(m.GetDateTime(), time.UTC); !good {
		q.observe("report.date_time", "", "cpcr.md 8.4: moment of the request")
	}
	if m.ZxReport == nil && q.h.Version >= cpcr.V202 {
		q.observe("report.zx_report", "", "cpcr.md 8.4: the register's own counters since 1.2.5")
	}
}

// lookClose notes what a close should have, and every figure of the register's
// Z that is not the server's.
func (s *Server) lookClose(d *device, q *query, c *canon.CloseShiftRequest, own *canon.ZXReport) {
	if q.h.Version < cpcr.V202 {
		return
	}
	if c.Operator == nil {
		q.observe("close_shift.operator", "", "cpcr.md 8.4: required since 1.2.5")
	}
	if c.ZReport == nil {
		q.observe("close_shift.z_report", "", "cpcr.md 8.4: required since 1.2.5")
		return
	}
	if c.ZReport.GetChecksum() == "" {
		q.observe("close_shift.z_report.checksum", "", "cpcr.md 13.4: a Z has one since 2.0.0")
	}
	s.lookCounters(q, "close_shift.z_report", c.ZReport, own)
}

func (s *Server) lookCounters(q *query, path string, theirs, own *canon.ZXReport) {
	for _, x := range tally.Diff(theirs, own) {
		q.observe(path+"."+x.Field, x.A, "cpcr.md 13.3: the operator counts "+x.B)
	}
}
