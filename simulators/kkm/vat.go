package kkm

import (
	"math/big"
	"slices"

	"github.com/kkmtest/kkmtest/fiscal"
)

// vat is what a receipt holds of one rate.
type vat struct {
	rate          fiscal.MilliPercent
	turnover, tax fiscal.Tiyn
}

// vatOf is the VAT of a whole receipt by rate, lowest rate first. Without a
// modifier of the whole receipt it is the sum of the lines' taxes; with one,
// the modifier is spread over everything sold in proportion, the rest of the division
// going to the last taxed rate, and the tax is taken of what remains.
func vatOf(x *fiscal.Receipt) []vat {
	var all []vat
	var sold fiscal.Tiyn
	for _, l := range x.Lines {
		sold += l.Signed()
		if l.VAT == nil {
			continue
		}
		i := slices.IndexFunc(all, func(v vat) bool { return v.rate == *l.VAT })
		if i < 0 {
			i, all = len(all), append(all, vat{rate: *l.VAT})
		}
		all[i].turnover += l.Signed()
		t := fiscal.VATInside(l.Total(), *l.VAT)
		if l.Signed() < 0 {
			t = -t
		}
		all[i].tax += t
	}
	slices.SortFunc(all, func(a, b vat) int { return int(a.rate - b.rate) })
	mod := x.Markup - x.Discount
	if mod == 0 || sold == 0 {
		return all
	}
	var taxed, spread fiscal.Tiyn
	for i := range all {
		taxed += all[i].turnover
	}
	share := scale(mod, taxed, sold)
	for i := range all {
		part := scale(share, all[i].turnover, taxed)
		if i == len(all)-1 {
			part = share - spread
		}
		spread += part
		all[i].turnover += part
		all[i].tax = fiscal.VATInside(all[i].turnover, all[i].rate)
	}
	return all
}

// scale is sum x part / whole, rounded half away from zero.
func scale(sum, part, whole fiscal.Tiyn) fiscal.Tiyn {
	if whole == 0 {
		return 0
	}
	n := new(big.Int).Mul(big.NewInt(int64(sum)), big.NewInt(int64(part)))
	w := big.NewInt(int64(whole))
	if w.Sign() < 0 {
		n, w = n.Neg(n), w.Neg(w)
	}
	half := new(big.Int).Quo(w, big.NewInt(2))
	if n.Sign() < 0 {
		half.Neg(half)
	}
	return fiscal.Tiyn(n.Add(n, half).Quo(n, w).Int64())
}
