package double

import (
	"reflect"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/fiscal"
)

func TestNotes(t *testing.T) {
	vat := fiscal.MilliPercent(12500)
	parent := fiscal.Parent{Sign: "021000000721", KKM: "010100123456", At: time.Date(2026, 1, 5, 8, 0, 1, 0, time.UTC), Total: 78050, Offline: true}
	var n Notes
	for _, s := range append(Basis(parent), Of(Kind, "buy-return"), Of(Buyer, "900101300123"), Of(Line, "goods-storno"), Of(Code, "101"), Of(Section, "3"), Of(VAT, Rate(&vat)), Of(Name, "Нан"), Of(Modifier, "Жеңілдік")+"  ") {
		if !n.Take(s) {
			t.Errorf("%q was not taken", s)
		}
	}
	for _, s := range []string{"", "Нан ақ", "SUM:[1]", "NUM:[1", "NUM 1", "CODE:1]"} {
		if n.Take(s) {
			t.Errorf("%q was taken", s)
		}
	}
	if got := n.ModifierName(); got != "Жеңілдік" || !n.Pending() || n.Kind(fiscal.Sale) != fiscal.BuyReturn {
		t.Errorf("modifier %q, pending %v, kind %s", got, n.Pending(), n.Kind(fiscal.Sale))
	}
	l := fiscal.Line{Kind: fiscal.Goods, Name: "x", Qty: 1000, Price: 5}
	if !n.Apply(&l) || !reflect.DeepEqual(l, fiscal.Line{Kind: fiscal.GoodsStorno, Name: "Нан", Code: 101, Section: 3, Qty: 1000, Price: 5, VAT: &vat}) {
		t.Errorf("%+v", l)
	}
	next := fiscal.Line{Kind: fiscal.Goods, Name: "y"}
	if !n.Apply(&next) || next.Name != "y" || n.Pending() { // the notes are used up
		t.Errorf("%+v", next)
	}
	r := fiscal.Receipt{Kind: fiscal.Sale}
	n.Finish(&r)
	if r.Kind != fiscal.BuyReturn || r.Customer != "900101300123" || r.Parent == nil || *r.Parent != parent {
		t.Errorf("%+v, parent %+v", r, r.Parent)
	}
}

// Notes that cannot be read spoil their position; a basis with a hole is none.
func TestBadNotes(t *testing.T) {
	for _, s := range []string{Of(Code, "x"), Of(Code, "-1"), Of(Section, "-1"), Of(Section, ""), Of(VAT, "12.5"), Of(VAT, "-1")} {
		var n Notes
		n.Take(s)
		if n.Apply(&fiscal.Line{}) {
			t.Errorf("%s was applied", s)
		}
	}
	var none Notes
	none.Take(Of(VAT, Rate(nil)))
	vat := fiscal.MilliPercent(1)
	l := fiscal.Line{VAT: &vat}
	if !none.Apply(&l) || l.VAT != nil {
		t.Errorf("%+v", l)
	}
	good := Basis(fiscal.Parent{Sign: "1", KKM: "2", At: time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC), Total: 1})
	for i := range good {
		for _, instead := range []string{"", Of([]string{Sign, KKM, At, Total, Offline}[i], "")} {
			var n Notes
			for j, s := range good {
				if j == i {
					s = instead
				}
				n.Take(s)
			}
			r := fiscal.Receipt{}
			if n.Finish(&r); r.Parent != nil {
				t.Errorf("basis without %s: %+v", good[i], *r.Parent)
			}
		}
	}
}
