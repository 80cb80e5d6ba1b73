package ofd

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
)

// Cashier is somebody who may log in with AUTH.
type Cashier struct {
	Login, Password string
	Code            uint32
	Name            string
	Roles           []canon.UserRoleEnum
}

// Nomenclature is the list of goods.
type Nomenclature struct {
	Version  uint32
	Created  *canon.DateTime
	Elements []*canon.NomenclatureResponse_Element
}

// serveAuth answers a login. A wrong one is no refusal: AUTH has its own result.
func (s *Server) serveAuth(d *device, q *query) reply {
	a := q.m.GetAuth()
	if a == nil {
		return s.missing(q, "auth")
	}
	if r, no := s.strict(q); no {
		return r
	}
	r := ok(q, d.issued)
	r.res.Auth = &canon.AuthResponse{Result: canon.AuthResponse_RESULT_TYPE_INVALID_LOGIN_PASSWORD.Enum()}
	for _, c := range s.opt.Cashiers {
		if c.Login == a.GetLogin() && c.Password == a.GetPassword() {
			r.res.Auth = &canon.AuthResponse{Result: canon.AuthResponse_RESULT_TYPE_OK.Enum(), OperatorCode: proto.Uint32(c.Code), OperatorName: proto.String(c.Name), Roles: c.Roles}
		}
	}
	s.service(d, q, &r)
	return r
}

// serveNomenclature answers with the list of goods or one of them (cpcr.md 11.15).
func (s *Server) serveNomenclature(d *device, q *query) reply {
	m := q.m.GetNomenclature()
	if m == nil {
		return s.missing(q, "nomenclature")
	}
	if r, no := s.strict(q); no {
		return r
	}
	r := ok(q, d.issued)
	n := &canon.NomenclatureResponse{Version: proto.Uint32(0), Result: canon.NomenclatureResponse_RESULT_TYPE_NO_VERSION.Enum()}
	r.res.Nomenclature = n
	g := s.opt.Goods
	switch code := m.GetBarcode(); {
	case code != "" && q.h.Version >= cpcr.V203:
		n.Result = canon.NomenclatureResponse_RESULT_TYPE_ELEMENT_NOT_FOUND_BY_BARCODE.Enum()
		if g == nil {
			break
		}
		n.Version, n.CreatedTime = proto.Uint32(g.Version), g.Created
		for _, e := range g.Elements {
			if e.GetItem().GetBarcode() == code || e.GetItem().GetNtin() == code {
				n.Elements, n.Result = []*canon.NomenclatureResponse_Element{e}, canon.NomenclatureResponse_RESULT_TYPE_OK.Enum()
			}
		}
	case g == nil:
	default:
		n.Version, n.CreatedTime = proto.Uint32(g.Version), g.Created
		if m.GetCurrentVersion() == g.Version {
			n.Result = canon.NomenclatureResponse_RESULT_TYPE_VERSION_IS_ACTUAL.Enum()
		} else {
			n.Elements, n.Result = g.Elements, canon.NomenclatureResponse_RESULT_TYPE_OK.Enum()
		}
	}
	s.service(d, q, &r)
	return r
}

// serveQR makes a payment code, or tells how its payment goes: the states of
// Options.Payments in order, one a question (cpcr.md 11.17).
func (s *Server) serveQR(d *device, q *query) reply {
	m := q.m.GetQr()
	if m == nil {
		return s.missing(q, "qr")
	}
	known := d.invoices[m.GetInvoiceId()]
	var next Invoice
	switch {
	case q.command == cmdQR && m.Amount == nil:
		return data(q, "no qr.amount")
	case q.command == cmdQR && known != nil:
		return data(q, "invoice %d was used before", m.GetInvoiceId())
	case q.command == cmdQR:
		sum, err := cpcr.Tiyn(m.Amount)
		if err != nil {
			return data(q, "qr.amount: %v", err)
		}
		next = Invoice{ID: m.GetInvoiceId(), Amount: sum}
	case known == nil:
		return data(q, "invoice %d is not known", m.GetInvoiceId())
	default:
		next = *known
		next.Asked = min(next.Asked+1, len(s.opt.Payments)-1)
	}
	if r, no := s.strict(q); no {
		return r
	}
	r := ok(q, d.issued)
	r.res.Qr = &canon.QRResponse{QrCode: proto.String(fmt.Sprintf("https://pay.%s/q/%d", d.reg.Operator.URL, next.ID)), Status: s.opt.Payments[next.Asked].Enum()}
	s.service(d, q, &r)
	r.event = &Event{Device: d.reg.ID, Invoice: &next}
	return r
}
