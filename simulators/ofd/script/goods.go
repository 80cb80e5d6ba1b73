package script

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/ofd"
)

// goods is the nomenclature as it is written.
type goods struct {
	Version uint32 `json:"version"`
	Created Time   `json:"created"`
	Items   []item `json:"items"`
}

// item is a group, or something that is sold.
type item struct {
	ID       uint64   `json:"id"`
	Title    string   `json:"title"`
	TitleKK  string   `json:"title_kk"`
	Group    bool     `json:"group"`
	Parent   uint64   `json:"parent"` // id of the group that it is in, 0 for none
	Article  string   `json:"article"`
	Barcode  string   `json:"barcode"`
	NTIN     string   `json:"ntin"`
	Price    *Money   `json:"price"`
	Purchase *Money   `json:"purchase_price"`
	Unit     string   `json:"unit"` // code of the unit, such as 796
	VAT      *Percent `json:"vat"`
	Taxation uint32   `json:"taxation"` // taxation regime of the rate
	Marked   bool     `json:"marked"`
	Social   bool     `json:"social"`
}

func (g goods) nomenclature(r *reader) *ofd.Nomenclature {
	if g.Version == 0 {
		r.bad("goods.version", "0 or nothing: want 1 or more, 0 is what a register without goods says")
	}
	created := time.Time(g.Created)
	if created.IsZero() {
		r.bad("goods", "no created: want created: \"2026-01-05T09:00:00\"")
	}
	out := &ofd.Nomenclature{Version: g.Version, Created: cpcr.Stamp(created)}
	groups, seen := map[uint64]bool{}, map[uint64]bool{}
	for _, x := range g.Items {
		groups[x.ID] = groups[x.ID] || x.Group
	}
	for i, x := range g.Items {
		path := fmt.Sprintf("goods.items[%d]", i)
		switch {
		case x.ID == 0 || seen[x.ID]:
			r.bad(path, "id %d: want a number of its own, from 1", x.ID)
		case x.Title == "":
			r.bad(path, "no title")
		case x.Parent != 0 && !groups[x.Parent]:
			r.bad(path+".parent", "%d is no group of the list", x.Parent)
		}
		seen[x.ID] = true
		e := &canon.NomenclatureResponse_Element{
			Type: canon.NomenclatureResponse_GROUP.Enum(), Title: &x.Title, Id: &x.ID, TitleKk: optional(x.TitleKK),
		}
		if x.Parent != 0 {
			e.ParentGroupId = &x.Parent
		}
		if !x.Group {
			e.Type = canon.NomenclatureResponse_ITEM.Enum()
			e.Item = x.item(r, path)
		}
		out.Elements = append(out.Elements, e)
	}
	return out
}

func (x item) item(r *reader, path string) *canon.NomenclatureResponse_Item {
	money := func(m *Money, field string) *canon.Money {
		if m == nil {
			return cpcr.Money(0) // required before 2.0.3
		}
		if *m < 0 {
			r.bad(path+"."+field, "%s is below 0", fiscal.Tiyn(*m))
			return nil
		}
		return cpcr.Money(fiscal.Tiyn(*m))
	}
	out := &canon.NomenclatureResponse_Item{
		Article: optional(x.Article), Barcode: optional(x.Barcode), Ntin: optional(x.NTIN), MeasureUnitCode: optional(x.Unit),
		SellPrice: money(x.Price, "price"), PurchasePrice: money(x.Purchase, "purchase_price"),
	}
	if x.Marked {
		out.IsMarkedeac = proto.Bool(true)
	}
	if x.Social {
		out.IsSocial = proto.Bool(true)
	}
	if x.VAT != nil {
		out.Taxes = []*canon.NomenclatureResponse_Tax{{
			TaxationType: canon.NomenclatureResponse_TaxationTypeEnum(x.Taxation).Enum(), TaxType: canon.NomenclatureResponse_VAT.Enum(), TaxPercent: proto.Uint32(uint32(*x.VAT)),
		}}
	}
	return out
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
