package kkm

import (
	"encoding/hex"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

// vector reads a request of the outside vectors.
func vector(t *testing.T, name string) *canon.Request {
	t.Helper()
	raw, err := os.ReadFile("../../fixtures/vectors/cpcr/" + name + ".hex")
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(string(raw)), ""))
	if err != nil {
		t.Fatal(err)
	}
	_, m, err := cpcr.DecodeRequest(b)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// paths are the fields that a message has, list elements together.
func paths(m protoreflect.Message, at string, into map[string]bool) map[string]bool {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		p := at + string(f.Name())
		into[p] = true
		switch {
		case f.Kind() != protoreflect.MessageKind:
		case f.IsList():
			for i := range v.List().Len() {
				paths(v.List().Get(i).Message(), p+".", into)
			}
		default:
			paths(v.Message(), p+".", into)
		}
		return true
	})
	return into
}

func TestMessagesHaveTheShapeOfTheVectors(t *testing.T) {
	w := newWorld(t).on()
	w.ok(deposit(fiscal.Tenge(10000)))
	s := w.ok(ring(&fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{good("Нан", 35000, 2000, 1)}, Payments: []fiscal.Payment{{Kind: fiscal.Cash, Sum: 200000}}}))
	card := w.ok(ring(&fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{good("Құлаққап", 2499000, 1000, 2)}, Payments: []fiscal.Payment{{Kind: fiscal.Card, Sum: 2499000}}}))
	mixed := w.ok(ring(&fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{good("Кеңес", 550000, 1000, 3)},
		Payments: []fiscal.Payment{{Kind: fiscal.Cash, Sum: 100000}, {Kind: fiscal.Mobile, Sum: 450000}}, Customer: "990640512348"}))
	mod := w.ok(ring(modifiers()))
	back := receipt(fiscal.SaleReturn, 10000)
	back.Parent = &fiscal.Parent{Sign: s.Sign, At: day, KKM: w.p.Registration, Total: 70000}
	ret := w.ok(ring(back))
	purchase := receipt(fiscal.Buy, 30000)
	purchase.Lines[0].VAT = nil
	buy := w.ok(ring(purchase))
	out := w.ok(withdraw(100))
	x := w.ok(takeX)
	w.link(false)
	w.ok(sell(35000))
	w.ok(deposit(50000))
	w.link(true)
	n := len(w.reqs)
	w.await("the hand-over", 3*time.Minute, func() bool { return !w.r.State().Offline })
	late := w.reqs[n:]
	z := w.ok(takeZ)
	last := func(r []request) *canon.Request { return r[len(r)-1].m }

	// What a cashier cannot enter, or this register does not do; and what it does
	// although the vector's register did not need it.
	never := []string{"barcode", "ntin", "list_excise_stamp", "card_payment_fields", "mobile_payment_fields", "customer_email", "customer_phone",
		"domain.services", "withdraw_money", "partner_id", "os_family"}
	more := []string{"service.auxiliary", "commodity_type", "change", "taken", "z_report.", "zx_report.", "ticket.amounts.discount", "ticket.items.commodity.taxes", "ticket.taxes"}
	tests := []struct {
		vector string
		got    *canon.Request
	}{
		{"01-req-system", w.reqs[0].m}, {"03-req-info", w.reqs[1].m}, {"05-req-deposit", w.reqs[2].m}, {"07-req-sale-cash", last(s.reqs)},
		{"09-req-sale-card", last(card.reqs)}, {"11-req-sale-mixed", last(mixed.reqs)}, {"13-req-sale-modifiers", last(mod.reqs)}, {"15-req-sale-return", last(ret.reqs)},
		{"17-req-buy", last(buy.reqs)}, {"19-req-withdrawal", last(out.reqs)}, {"21-req-report-x", last(x.reqs)}, {"23-req-sale-offline", late[0].m},
		{"25-req-deposit-offline", late[1].m}, {"27-req-close-shift", last(z.reqs)},
	}
	allowed := func(list []string, p string) bool {
		return slices.ContainsFunc(list, func(a string) bool { return strings.Contains(p, a) })
	}
	for _, tt := range tests {
		want := vector(t, tt.vector)
		if tt.got.GetCommand() != want.GetCommand() {
			t.Errorf("%s: command %v, want %v", tt.vector, tt.got.GetCommand(), want.GetCommand())
			continue
		}
		a, b := paths(want.ProtoReflect(), "", map[string]bool{}), paths(tt.got.ProtoReflect(), "", map[string]bool{})
		for _, p := range slices.Sorted(maps.Keys(a)) {
			byTicket := strings.HasPrefix(p, "ticket.taxes") && tt.vector == "09-req-sale-card" // ours stand on the lines
			if !b[p] && !allowed(never, p) && !byTicket {
				t.Errorf("%s: %s is missing", tt.vector, p)
			}
		}
		for _, p := range slices.Sorted(maps.Keys(b)) {
			if !a[p] && !allowed(more, p) {
				t.Errorf("%s: %s is too much", tt.vector, p)
			}
		}
		if g, w := tt.got.GetService().GetRegInfo_(), want.GetService().GetRegInfo_(); g.String() != w.String() {
			t.Errorf("%s: registration data %v, want %v", tt.vector, g, w)
		}
	}
}

func TestEverySectorIsTaken(t *testing.T) {
	for _, sector := range sectors {
		w := newWorld(t, func(w *world, _ *oo) {
			w.p.Goods.Sector, w.p.Goods.Account, w.p.Goods.Car = sector, "A-1007", "123ABC01"
		}).on()
		w.ok(sell(10000))
		d := w.last(ticketCmd).m.GetTicket().GetDomain()
		has := map[string]bool{"services": d.Services != nil, "hotels": d.Services != nil, "gasoil": d.Gasoil != nil, "taxi": d.Taxi != nil, "parking": d.Parking != nil, "trading": true}
		if !has[sector] || !strings.HasSuffix(d.GetType().String(), strings.ToUpper(sector)) {
			t.Errorf("%s: domain %v", sector, d)
		}
		for _, o := range w.observed() {
			t.Errorf("%s: the OFD observed %s", sector, o)
		}
	}
}
