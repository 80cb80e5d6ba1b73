package kkm

import (
	"fmt"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/cpcr/schema/v124"
	"github.com/kkmtest/kkmtest/cpcr/schema/v202"
	"github.com/kkmtest/kkmtest/cpcr/schema/v203"
	"github.com/kkmtest/kkmtest/cpcr/schema/v204"
	"github.com/kkmtest/kkmtest/fiscal"
)

var operations = map[fiscal.ReceiptKind]canon.OperationTypeEnum{
	fiscal.Buy:        canon.OperationTypeEnum_OPERATION_BUY,
	fiscal.BuyReturn:  canon.OperationTypeEnum_OPERATION_BUY_RETURN,
	fiscal.Sale:       canon.OperationTypeEnum_OPERATION_SELL,
	fiscal.SaleReturn: canon.OperationTypeEnum_OPERATION_SELL_RETURN,
}

var payments = []struct {
	kind fiscal.PaymentKind
	wire canon.PaymentTypeEnum
}{
	{fiscal.Cash, canon.PaymentTypeEnum_PAYMENT_CASH},
	{fiscal.Card, canon.PaymentTypeEnum_PAYMENT_CARD},
	{fiscal.Mobile, canon.PaymentTypeEnum_PAYMENT_MOBILE},
}

// operator names who works.
func (r *Register) operator(n int) *canon.Operator {
	o := &canon.Operator{Code: proto.Uint32(uint32(n))}
	if name := r.person(n); name != "" {
		o.Name = proto.String(name)
	}
	return o
}

func (r *Register) person(n int) string {
	for _, s := range r.profile.Staff {
		if s.Number == n {
			return s.Name
		}
	}
	return ""
}

// ticket writes a receipt as a message. Taxes stand on the lines; a discount or
// markup on the whole receipt cannot be told line by line, so that a receipt
// with one carries its taxes as a whole (cpcr.md 12.1: never both).
func (r *Register) ticket(x *fiscal.Receipt, at time.Time, who int, no uint64, shift uint32) *canon.TicketRequest {
	byTicket := x.Discount != 0 || x.Markup != 0
	t := &canon.TicketRequest{
		Operation:             operations[x.Kind].Enum(),
		DateTime:              cpcr.Stamp(at),
		Operator:              r.operator(who),
		Domain:                r.domain(at),
		Amounts:               &canon.TicketRequest_Amounts{Total: cpcr.Money(x.Total())},
		FrShiftNumber:         proto.Uint32(shift),
		PrintedDocumentNumber: proto.Uint64(no),
	}
	if r.profile.OFD.Version == cpcr.V124 { // the number was a text then (cpcr.md 10)
		t.PrintedDocumentNumberOld = proto.String(strconv.FormatUint(no, 10))
	}
	for _, l := range x.Lines {
		t.Items = append(t.Items, r.item(l, !byTicket))
	}
	cash := false
	for _, p := range payments {
		var sum fiscal.Tiyn
		for _, q := range x.Payments {
			if q.Kind == p.kind {
				sum += q.Sum
			}
		}
		if p.kind == fiscal.Cash {
			sum, cash = x.CashDue(), x.CashDue() > 0
		}
		if sum > 0 {
			t.Payments = append(t.Payments, &canon.TicketRequest_Payment{Type: p.wire.Enum(), Sum: cpcr.Money(sum)})
		}
	}
	if cash {
		t.Amounts.Taken = cpcr.Money(x.CashDue() + x.Change())
		t.Amounts.Change = cpcr.Money(x.Change())
	}
	if x.Discount > 0 {
		t.Amounts.Discount = &canon.TicketRequest_Modifier{Name: proto.String("Чекке жеңілдік"), Sum: cpcr.Money(x.Discount)}
	}
	if x.Markup > 0 {
		t.Amounts.Markup = &canon.TicketRequest_Modifier{Name: proto.String("Чекке үстеме"), Sum: cpcr.Money(x.Markup)}
	}
	if byTicket {
		for _, v := range vatOf(x) {
			t.Taxes = append(t.Taxes, r.tax(v.rate, v.tax))
		}
	}
	if x.Customer+x.Email+x.Phone != "" {
		t.ExtensionOptions = new(canon.TicketRequest_ExtensionOptions)
		for _, f := range []struct {
			to   **string
			text string
		}{{&t.ExtensionOptions.CustomerIinOrBin, x.Customer}, {&t.ExtensionOptions.CustomerEmail, x.Email}, {&t.ExtensionOptions.CustomerPhone, x.Phone}} {
			if f.text != "" {
				*f.to = proto.String(f.text)
			}
		}
	}
	if p := x.Parent; p != nil {
		t.ParentTicket = &canon.TicketRequest_ParentTicket{
			ParentTicketNumber:    proto.String(p.Sign),
			ParentTicketDataTime:  cpcr.Stamp(p.At),
			KgdKkmId:              proto.String(p.KKM),
			ParentTicketTotal:     cpcr.Money(p.Total),
			ParentTicketIsOffline: proto.Bool(p.Offline),
		}
	}
	return t
}

func (r *Register) item(l fiscal.Line, taxed bool) *canon.TicketRequest_Item {
	var taxes []*canon.TicketRequest_Tax
	if taxed && l.VAT != nil {
		taxes = append(taxes, r.tax(*l.VAT, fiscal.VATInside(l.Total(), *l.VAT)))
	}
	section := strconv.Itoa(max(1, l.Section))
	mod := func() *canon.TicketRequest_Modifier {
		m := &canon.TicketRequest_Modifier{Sum: cpcr.Money(l.Total()), Taxes: taxes}
		if l.Name != "" {
			m.Name = proto.String(l.Name)
		}
		return m
	}
	it := new(canon.TicketRequest_Item)
	switch l.Kind {
	case fiscal.Goods:
		it.Type = canon.TicketRequest_Item_ITEM_TYPE_COMMODITY.Enum()
		it.Commodity = &canon.TicketRequest_Item_Commodity{
			Name: proto.String(l.Name), SectionCode: proto.String(section), Quantity: proto.Uint64(uint64(l.Qty)),
			Price: cpcr.Money(l.Price), Sum: cpcr.Money(l.Total()), Taxes: taxes,
			MeasureUnitCode: proto.String(r.profile.Goods.Unit), CommodityType: canon.CommodityTypeEnum_COMMODITY_TYPE_PRODUCT.Enum(),
		}
		if l.Code != 0 {
			it.Commodity.Code = proto.Uint64(l.Code)
		}
		codes(l, &it.Commodity.Barcode, &it.Commodity.ListExciseStamp)
	case fiscal.GoodsStorno:
		it.Type = canon.TicketRequest_Item_ITEM_TYPE_STORNO_COMMODITY.Enum()
		it.StornoCommodity = &canon.TicketRequest_Item_StornoCommodity{
			Name: proto.String(l.Name), SectionCode: proto.String(section), Quantity: proto.Uint64(uint64(l.Qty)),
			Price: cpcr.Money(l.Price), Sum: cpcr.Money(l.Total()), Taxes: taxes,
			MeasureUnitCode: proto.String(r.profile.Goods.Unit), CommodityType: canon.CommodityTypeEnum_COMMODITY_TYPE_PRODUCT.Enum(),
		}
		codes(l, &it.StornoCommodity.Barcode, &it.StornoCommodity.ListExciseStamp)
	case fiscal.Markup:
		it.Type, it.Markup = canon.TicketRequest_Item_ITEM_TYPE_MARKUP.Enum(), mod()
	case fiscal.MarkupStorno:
		it.Type, it.StornoMarkup = canon.TicketRequest_Item_ITEM_TYPE_STORNO_MARKUP.Enum(), mod()
	case fiscal.Discount:
		it.Type, it.Discount = canon.TicketRequest_Item_ITEM_TYPE_DISCOUNT.Enum(), mod()
	case fiscal.DiscountStorno:
		it.Type, it.StornoDiscount = canon.TicketRequest_Item_ITEM_TYPE_STORNO_DISCOUNT.Enum(), mod()
	}
	return it
}

func (r *Register) tax(rate fiscal.MilliPercent, sum fiscal.Tiyn) *canon.TicketRequest_Tax {
	return &canon.TicketRequest_Tax{
		Type:         canon.TaxTypeEnum_VAT.Enum(),
		TaxationType: canon.TaxationTypeEnum(r.profile.Goods.Taxation).Enum(),
		Percent:      proto.Uint32(uint32(rate)), Sum: cpcr.Money(sum), IsInTotalSum: proto.Bool(true),
	}
}

// domain is the industry block (KZ 431 rows 19.39-19.42).
func (r *Register) domain(at time.Time) *canon.TicketRequest_Domain {
	g := r.profile.Goods
	d := new(canon.TicketRequest_Domain)
	switch g.Sector {
	case "services", "hotels":
		d.Type = canon.DomainTypeEnum_DOMAIN_SERVICES.Enum()
		if g.Sector == "hotels" {
			d.Type = canon.DomainTypeEnum_DOMAIN_HOTELS.Enum()
		}
		d.Services = &canon.TicketRequest_Domain_Services{AccountNumber: proto.String(g.Account)}
	case "gasoil":
		d.Type, d.Gasoil = canon.DomainTypeEnum_DOMAIN_GASOIL.Enum(), new(canon.TicketRequest_Domain_GasOil)
	case "taxi":
		d.Type = canon.DomainTypeEnum_DOMAIN_TAXI.Enum()
		d.Taxi = &canon.TicketRequest_Domain_Taxi{CarNumber: proto.String(g.Car), IsOrder: proto.Bool(false), CurrentFee: cpcr.Money(0)}
	case "parking":
		d.Type = canon.DomainTypeEnum_DOMAIN_PARKING.Enum()
		d.Parking = &canon.TicketRequest_Domain_Parking{BeginTime: cpcr.Stamp(at), EndTime: cpcr.Stamp(at)}
	default:
		d.Type = canon.DomainTypeEnum_DOMAIN_TRADING.Enum()
	}
	return d
}

// service is the part that goes with a command (cpcr.md 8.5): registration data
// always, the position with fiscal requests, the period of the break on the way back.
func (r *Register) service(q *canon.Request) *canon.ServiceRequest {
	p := &r.profile
	s := &canon.ServiceRequest{RegInfo_: &canon.ServiceRequest_RegInfo{
		Kkm: &canon.KkmRegInfo{FnsKkmId: proto.String(r.nv.registration), SerialNumber: proto.String(p.Serial), KkmId: proto.String(strconv.FormatUint(uint64(r.nv.kkmID), 10))},
		Org: &canon.OrgRegInfo{Title: proto.String(p.Taxpayer.Name), Address: proto.String(p.Taxpayer.Address), Iin: proto.String(p.Taxpayer.BIN),
			Oked: proto.String(p.Taxpayer.Activity), AddressKz: proto.String(p.Taxpayer.AddressKK)},
	}}
	switch q.GetCommand() {
	case canon.CommandTypeEnum_COMMAND_TICKET, canon.CommandTypeEnum_COMMAND_CLOSE_SHIFT, canon.CommandTypeEnum_COMMAND_REPORT, canon.CommandTypeEnum_COMMAND_MONEY_PLACEMENT:
		s.SecurityStats = &canon.ServiceRequest_SecurityStats{GeoPosition: &canon.ServiceRequest_SecurityStats_GeoPosition{
			Latitude: proto.Int32(p.Position.Latitude), Longitude: proto.Int32(p.Position.Longitude), Source: proto.String(p.Position.Source)}}
	case canon.CommandTypeEnum_COMMAND_INFO:
		s.NomenclatureVersion = proto.Uint32(0)
		s.GetRegInfo, s.GetBindedTaxation = proto.Bool(true), proto.Bool(true)
		for t := range int32(len(canon.TicketAdTypeEnum_name)) {
			s.TicketAdInfos = append(s.TicketAdInfos, &canon.TicketAdInfo{Type: canon.TicketAdTypeEnum(t).Enum(), Version: proto.Uint64(r.nv.notices[t].Version)})
		}
		s.SoftwareInformation = &canon.ServiceRequest_SoftwareInformation{ModuleInfos: []*canon.ServiceRequest_SoftwareInformation_ModuleInformation{
			{Name: proto.String(p.Model), Version: proto.String(p.Firmware)}}}
	}
	if r.nv.offline && !r.nv.begin.IsZero() && !r.q.noPeriod {
		s.OfflinePeriod = &canon.ServiceRequest_OfflinePeriod{BeginTime: cpcr.Stamp(r.nv.begin), EndTime: cpcr.Stamp(r.now())}
	}
	return s
}

// storeKey names the overall checksum of the fiscal memory in service.auxiliary
// of a Z (KZ 431 row 20.25; no field of the protocol is meant for it).
const storeKey = "fiscal_memory_checksum"

// storeSum is the overall checksum that a Z tells.
func (r *Register) storeSum(z *document) string {
	if r.q.storeConstant {
		return "00C0FFEE"
	}
	return fmt.Sprintf("%08X", z.Store)
}

// frame writes a request for the wire.
func (r *Register) frame(p pair, q *canon.Request, doc *document) ([]byte, error) {
	m := &canon.Request{Command: q.Command, Ticket: q.Ticket, CloseShift: q.CloseShift, Report: q.Report, MoneyPlacement: q.MoneyPlacement, Service: r.service(q)}
	if doc != nil && doc.Kind == fiscal.OpZReport {
		m.Service.Auxiliary = append(m.Service.Auxiliary, r.auxiliary(doc)...)
	}
	if r.q.wire != nil {
		m = proto.Clone(m).(*canon.Request)
		r.q.wire(r, m)
	}
	v := r.profile.OFD.Version
	m = fit(v, m)
	h := cpcr.Header{Version: v, ID: r.nv.kkmID, Token: p.Token, ReqNum: p.ReqNum}
	if r.q.header != nil {
		r.q.header(&h)
	}
	raw, err := cpcr.EncodeRequest(h, m)
	if err == nil && r.q.payload != nil {
		raw = append(raw[:cpcr.HeaderSize:cpcr.HeaderSize], r.q.payload(v, raw[cpcr.HeaderSize:])...)
	}
	if err == nil && r.q.firstTry != nil && r.x != nil && r.x.sent == 0 {
		raw = r.q.firstTry(raw)
	}
	return raw, err
}

func schemaOf(v cpcr.Version) protoreflect.MessageDescriptor {
	switch v {
	case cpcr.V124:
		return (*v124.Request)(nil).ProtoReflect().Descriptor()
	case cpcr.V202:
		return (*v202.Request)(nil).ProtoReflect().Descriptor()
	case cpcr.V203:
		return (*v203.Request)(nil).ProtoReflect().Descriptor()
	}
	return (*v204.Request)(nil).ProtoReflect().Descriptor()
}

// fit leaves out of a message what its version does not have: a field is the
// same when number and kind are the same. A message without anything too much
// is handed back as it is.
func fit(v cpcr.Version, q *canon.Request) *canon.Request {
	if fits(q.ProtoReflect(), schemaOf(v)) {
		return q
	}
	q = proto.Clone(q).(*canon.Request)
	strip(q.ProtoReflect(), schemaOf(v))
	return q
}

func known(f protoreflect.FieldDescriptor, s protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	g := s.Fields().ByNumber(f.Number())
	if g == nil || (g.Kind() == protoreflect.MessageKind) != (f.Kind() == protoreflect.MessageKind) || (g.Kind() == protoreflect.StringKind) != (f.Kind() == protoreflect.StringKind) {
		return nil
	}
	return g
}

func fits(m protoreflect.Message, s protoreflect.MessageDescriptor) bool {
	ok := true
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		g := known(f, s)
		switch {
		case g == nil:
			ok = false
		case f.Kind() != protoreflect.MessageKind:
		case f.IsList():
			for i := range v.List().Len() {
				ok = ok && fits(v.List().Get(i).Message(), g.Message())
			}
		default:
			ok = fits(v.Message(), g.Message())
		}
		return ok
	})
	return ok
}

func strip(m protoreflect.Message, s protoreflect.MessageDescriptor) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		g := known(f, s)
		switch {
		case g == nil:
			m.Clear(f)
		case f.Kind() != protoreflect.MessageKind:
		case f.IsList():
			for i := range v.List().Len() {
				strip(v.List().Get(i).Message(), g.Message())
			}
		default:
			strip(v.Message(), g.Message())
		}
		return true
	})
}
