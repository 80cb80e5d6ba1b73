package ofd

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/cpcr/tally"
	"github.com/kkmtest/kkmtest/fiscal"
)

// accept makes an accepted document of a request: the next token, and the event
// that is kept before the answer leaves. fill puts the body into the answer;
// nothing may be refused after it was called.
func (s *Server) acceptDocument(d *device, q *query, fill func(*reply)) reply {
	if r, no := s.strict(q); no {
		return r
	}
	token := d.issued
	if s.rotates(q.command) {
		token = s.nextToken(d)
	}
	r := ok(q, token)
	fill(&r)
	s.service(d, q, &r)
	r.event = &Event{Device: d.reg.ID, Document: &DocumentBooked{Request: q.frame, Token: token, Sign: r.sign, Observed: slices.Clone(q.seen), header: q.h, message: q.m}}
	return r
}

func (s *Server) rotates(c canon.CommandTypeEnum) bool {
	switch s.opt.Rotate {
	case RotateNever:
		return false
	case RotateTickets:
		return c == cmdTicket || c == cmdClose
	}
	return true
}

// serveTicket registers a ticket (cpcr.md 12).
func (s *Server) serveTicket(d *device, q *query) reply {
	t := q.m.GetTicket()
	if t == nil {
		return s.missing(q, "ticket")
	}
	if r, no := s.checkTicket(d, q, t); no {
		return r
	}
	sums, err := tally.Read(t)
	if err != nil {
		return data(q, "%v", err)
	}
	offline := t.OfflineTicketNumber != nil
	s.lookTicket(d, q, t, sums)
	if buyer := t.GetExtensionOptions().GetCustomerIinOrBin(); buyer != "" && buyer == d.reg.Taxpayer.BIN {
		return refuse(q, codeSameTaxpayer, "")
	}
	at, _ := cpcr.Time(t.GetDateTime(), time.UTC)
	if r, no := s.tooLong(d, q, at, offline); no {
		return r
	}
	if tally.Outgoing(sums.Kind) {
		if r, no := s.short(d, q, sums.Cash, offline); no {
			return r
		}
	}
	if err := d.tally.Check(q.m); err != nil {
		return data(q, "%v", err)
	}
	return s.acceptDocument(d, q, func(r *reply) {
		r.sign = s.nextSign()
		r.res.Ticket = &canon.TicketResponse{TicketNumber: proto.String(r.sign)}
		if !s.opt.NoQR && !q.act.NoQR {
			r.res.Ticket.QrCode = []byte(s.qr(d, r.sign, sums.Total, at))
		}
	})
}

// qr is the text of a receipt's QR code (cpcr.md 14.2).
func (s *Server) qr(d *device, sign string, total fiscal.Tiyn, at time.Time) string {
	base := s.opt.QRBase
	if base == "" {
		base = cmp.Or(d.reg.Operator.URL, s.opt.CheckPage)
		if !strings.Contains(base, "://") {
			base = "http://" + base
		}
	}
	return fmt.Sprintf("%s?i=%s&f=%s&s=%s&t=%s", base, sign, d.reg.Registration, total, at.Format("20060102T150405"))
}

// tooLong is result 11 (cpcr.md 11.11): never for the offline queue, and the
// limit itself is still allowed.
func (s *Server) tooLong(d *device, q *query, at time.Time, offline bool) (reply, bool) {
	base := d.tally.FirstTicket
	if s.opt.ShiftFromAny {
		base = d.tally.Opened
	}
	if s.opt.ShiftByServerClock {
		at = s.now()
	}
	if offline || s.opt.ShiftLimit <= 0 || !d.tally.Open || base.IsZero() || at.Sub(base) <= s.opt.ShiftLimit {
		return reply{}, false
	}
	return refuse(q, codeShift, ""), true
}

// short is result 14 (cpcr.md 12.2, 16.59).
func (s *Server) short(d *device, q *query, out fiscal.Tiyn, offline bool) (reply, bool) {
	if out <= d.tally.Cash {
		return reply{}, false
	}
	if offline && !s.opt.RefuseOfflineDebt {
		q.observe("cash", fmt.Sprintf("%s out of %s", out, d.tally.Cash), "cpcr.md 11.5: a register checks by itself that the drawer holds enough while it is offline")
		return reply{}, false
	}
	return refuse(q, codeCash, fmt.Sprintf("Not enough cash: %s of %s", out, max(0, d.tally.Cash))), true
}

// missing is a body that the command must have and has not.
func (s *Server) missing(q *query, field string) reply {
	if q.command == cmdTicket && s.opt.MissingIsBlocked {
		return refuse(q, codeBlocked, "No "+field)
	}
	return data(q, "no %s", field)
}

// serveMoney registers a deposit or a withdrawal.
func (s *Server) serveMoney(d *device, q *query) reply {
	m := q.m.GetMoneyPlacement()
	if m == nil {
		return s.missing(q, "money_placement")
	}
	at, good := cpcr.Time(m.GetDateTime(), time.UTC)
	if !good {
		return data(q, "money_placement.date_time is no date")
	}
	sum, err := cpcr.Tiyn(m.GetSum())
	if err != nil {
		return data(q, "money_placement.sum: %v", err)
	}
	s.lookShift(d, q, "money_placement.fr_shift_number", m.FrShiftNumber)
	s.lookDocument(d, q, "money_placement", at, m.PrintedDocumentNumber, m.GetIsOffline())
	if m.Operator == nil && q.h.Version >= cpcr.V202 {
		q.observe("money_placement.operator", "", "cpcr.md 8.4: required since 2.0.2")
	}
	if r, no := s.tooLong(d, q, at, m.GetIsOffline()); no {
		return r
	}
	if m.GetOperation() == canon.MoneyPlacementEnum_MONEY_PLACEMENT_WITHDRAWAL {
		if r, no := s.short(d, q, sum, m.GetIsOffline()); no {
			return r
		}
	}
	if err := d.tally.Check(q.m); err != nil {
		return data(q, "%v", err)
	}
	return s.acceptDocument(d, q, func(*reply) {})
}

// serveClose closes the shift and answers with its Z.
func (s *Server) serveClose(d *device, q *query) reply {
	c := q.m.GetCloseShift()
	if c == nil {
		return s.missing(q, "close_shift")
	}
	at, good := cpcr.Time(c.GetCloseTime(), time.UTC)
	if !good {
		return data(q, "close_shift.close_time is no date")
	}
	if !d.tally.Open && !c.GetWithdrawMoney() && !s.opt.EmptyClose {
		return data(q, "no document since the last Z report")
	}
	s.lookShift(d, q, "close_shift.fr_shift_number", c.FrShiftNumber)
	s.lookDocument(d, q, "close_shift", at, c.PrintedDocumentNumber, c.GetIsOffline())
	after := d.tally.Clone()
	if err := after.Close(c); err != nil {
		return data(q, "%v", err)
	}
	z := fit(after.Report(q.h.Version, s.now()), q.h.Version)
	s.lookClose(d, q, c, z)
	return s.acceptDocument(d, q, func(r *reply) {
		if s.opt.Echo && c.ZReport != nil {
			z = c.ZReport
		}
		r.res.Report = &canon.ReportResponse{Report: canon.ReportTypeEnum_REPORT_Z.Enum(), ZxReport: z}
	})
}

// serveCancel takes the last ticket back (up to 2.0.2).
func (s *Server) serveCancel(d *device, q *query) reply {
	if !d.last.ok || d.last.command != cmdTicket || !d.tally.Open {
		return refuse(q, codeCantCancel, "")
	}
	return s.acceptDocument(d, q, func(*reply) {})
}

// serveReport answers with the server's own counters.
func (s *Server) serveReport(d *device, q *query) reply {
	m := q.m.GetReport()
	if m == nil {
		return s.missing(q, "report")
	}
	s.lookReport(d, q, m)
	var z *canon.ZXReport
	switch m.GetReport() {
	case canon.ReportTypeEnum_REPORT_X:
		if !d.tally.Open && !s.opt.EmptyX {
			return data(q, "no shift is open")
		}
		z = s.x(d, q)
		if d.tally.Open && m.ZxReport != nil {
			s.lookCounters(q, "report.zx_report", m.ZxReport, z)
		}
	case canon.ReportTypeEnum_REPORT_Z:
		z = s.z(d, q)
	default:
		return data(q, "report.report = %d, want 0 or 1", m.GetReport())
	}
	if r, no := s.strict(q); no {
		return r
	}
	if s.opt.Echo && m.ZxReport != nil {
		z = m.ZxReport
	}
	token := d.issued
	if s.opt.LenientReportHeader {
		token = q.h.Token
	}
	r := ok(q, token)
	r.res.Report = &canon.ReportResponse{Report: m.Report, ZxReport: z}
	s.service(d, q, &r)
	return r
}

// x is the running report; without a shift, one with the number 0.
func (s *Server) x(d *device, q *query) *canon.ZXReport {
	if d.tally.Open {
		return fit(d.tally.Report(q.h.Version, s.now()), q.h.Version)
	}
	return s.empty(d, q)
}

// z is the last Z; before the first one an empty report (cpcr.md 11.10).
func (s *Server) z(d *device, q *query) *canon.ZXReport {
	if d.z != nil {
		return fit(d.z, q.h.Version)
	}
	return s.empty(d, q)
}

// fit leaves out of a report what its version has no word for: a register that
// sold by mobile payment under 2.0.4 and asks under 1.2.4 gets the rows of 1.2.4.
func fit(z *canon.ZXReport, v cpcr.Version) *canon.ZXReport {
	lacks := func(p *canon.ZXReport_TicketOperation_Payment) bool {
		switch p.GetPayment() {
		case canon.PaymentTypeEnum_PAYMENT_CREDIT, canon.PaymentTypeEnum_PAYMENT_TARE:
			return v >= cpcr.V204
		case canon.PaymentTypeEnum_PAYMENT_MOBILE:
			return v < cpcr.V202
		}
		return false
	}
	if !slices.ContainsFunc(z.GetTicketOperations(), func(o *canon.ZXReport_TicketOperation) bool { return slices.ContainsFunc(o.GetPayments(), lacks) }) {
		return z
	}
	z = proto.CloneOf(z)
	for _, o := range z.TicketOperations {
		o.Payments = slices.DeleteFunc(o.Payments, lacks)
	}
	z.Checksum = proto.String(cpcr.ZXChecksum(z))
	return z
}

// empty is a report of no shift, with the date of the request.
func (s *Server) empty(d *device, q *query) *canon.ZXReport {
	at := s.now()
	if t, good := cpcr.Time(q.m.GetReport().GetDateTime(), time.UTC); good {
		at = t
	}
	return (&tally.Counters{}).Report(q.h.Version, at)
}

// serveInfo is the initialisation (cpcr.md 11.3).
func (s *Server) serveInfo(d *device, q *query) reply {
	if q.m.Service == nil {
		q.observe("service", "", "cpcr.md 16.16: INFO without its service part")
	}
	if r, no := s.strict(q); no {
		return r
	}
	r := ok(q, d.issued)
	kind, z := canon.ReportTypeEnum_REPORT_Z, (*canon.ZXReport)(nil)
	if d.tally.Open {
		kind, z = canon.ReportTypeEnum_REPORT_X, s.x(d, q)
	} else {
		z = s.z(d, q)
	}
	r.res.Report = &canon.ReportResponse{Report: kind.Enum(), ZxReport: z}
	s.service(d, q, &r)
	return r
}

// service is the service part of an answer with result 0.
func (s *Server) service(d *device, q *query, r *reply) {
	req := q.m.GetService()
	info := q.command == cmdInfo
	var ads []*canon.TicketAd
	told := d.told
	for kind := range canon.TicketAdTypeEnum(len(d.told)) {
		ad, ok := d.ads[kind]
		if !ok {
			continue
		}
		if has, listed := held(req, kind); listed && has >= ad.Version || !listed && !info && d.told[kind] >= ad.Version {
			continue // the register has it, or was told
		}
		ads = append(ads, &canon.TicketAd{Info: &canon.TicketAdInfo{Type: kind.Enum(), Version: proto.Uint64(ad.Version)}, Text: proto.String(ad.Text)})
		told[kind] = ad.Version
	}
	if !info && !req.GetGetRegInfo() && !req.GetGetBindedTaxation() && ads == nil {
		return
	}
	if told != d.told {
		r.told = told[:]
	}
	x := &canon.ServiceResponse{TicketAds: ads, RegInfo: s.regInfo(d, info || req.GetGetRegInfo(), q.h.Version)}
	if req.GetGetBindedTaxation() {
		x.BindedTaxation = d.taxation()
	}
	if info && d.lastDoc != (LastDocument{}) && q.h.Version >= cpcr.V202 {
		x.LastDocumentInfo = &canon.ServiceResponse_LastDocumentInfo{FrShiftNumber: proto.Uint32(d.lastDoc.Shift), PrintedDocumentNumber: proto.Uint64(d.lastDoc.Number)}
	}
	r.res.Service = x
}

// held is the version of a text block that the register says it has.
func held(req *canon.ServiceRequest, kind canon.TicketAdTypeEnum) (version uint64, listed bool) {
	for _, i := range req.GetTicketAdInfos() {
		if i.GetType() == kind {
			return i.GetVersion(), true
		}
	}
	return 0, false
}

// attach puts a text block into an answer.
func (s *Server) attach(d *device, q *query, res *canon.Response, ad Ad) {
	if res.Service == nil {
		res.Service = &canon.ServiceResponse{RegInfo: s.regInfo(d, false, q.h.Version)}
	}
	res.Service.TicketAds = slices.DeleteFunc(res.Service.TicketAds, func(t *canon.TicketAd) bool { return t.GetInfo().GetType() == ad.Type })
	res.Service.TicketAds = append(res.Service.TicketAds, &canon.TicketAd{Info: &canon.TicketAdInfo{Type: ad.Type.Enum(), Version: proto.Uint64(ad.Version)}, Text: proto.String(ad.Text)})
}

// optional is nil for a text that is not known.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// regInfo is the registration data; whole adds the point of sale and the operator.
func (s *Server) regInfo(d *device, whole bool, v cpcr.Version) *canon.ServiceResponse_RegInfo {
	t := d.reg.Taxpayer
	r := &canon.ServiceResponse_RegInfo{
		Kkm: &canon.KkmRegInfo{
			PointOfPaymentNumber: optional(d.reg.PaymentPoint), TerminalNumber: optional(d.reg.Terminal),
			FnsKkmId: proto.String(d.reg.Registration), SerialNumber: proto.String(d.reg.Serial), KkmId: proto.String(fmt.Sprint(d.reg.ID)),
		},
		Org: &canon.OrgRegInfo{Title: proto.String(t.Name), Address: proto.String(t.Address), Iin: proto.String(t.BIN), Oked: proto.String(t.OKED), AddressKz: proto.String(t.AddressKZ)},
	}
	if !whole {
		return r
	}
	p := d.reg.Pos
	r.Pos = &canon.PosRegInfo{Title: proto.String(p.Title), Address: proto.String(p.Address), AddressKz: proto.String(p.AddressKZ), Latitude: proto.Uint32(p.Latitude), Longitude: proto.Uint32(p.Longitude)}
	if v >= cpcr.V204 {
		o := d.reg.Operator
		r.Ofd = &canon.OfdRegInfo{Title: proto.String(o.Title), TitleKz: proto.String(o.TitleKZ), Url: proto.String(o.URL)}
	}
	return r
}

func (d *device) taxation() *canon.BindedTaxation {
	if d.reg.Taxation.Regime == 0 {
		return nil
	}
	b := &canon.BindedTaxation{Type: canon.TaxationTypeEnum(d.reg.Taxation.Regime).Enum()}
	for _, r := range d.reg.Taxation.Rates {
		b.Taxes = append(b.Taxes, &canon.BindedTaxation_BindedTax{Type: canon.TaxTypeEnum_VAT.Enum(), Percent: proto.Uint32(uint32(r))})
	}
	return b
}
