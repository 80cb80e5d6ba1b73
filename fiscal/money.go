// Package fiscal is the vocabulary of the bench: money, quantities, receipts
// and the operations of a cash register (KKM). It imports nothing of ours and
// nothing that does I/O.
//
// Begin with [Op] (what the bench asks of a register) and [Outcome] (what the
// register answered). Money is [Tiyn], quantities are [Milli]; there are no
// floats here, and none anywhere else for money, quantity or time.
package fiscal

import (
	"fmt"
	"strconv"
	"strings"
)

// Tiyn is an amount of money in 1/100 tenge.
type Tiyn int64

// Milli is a quantity in thousandths of its unit: 1000 is one piece, 1500 is 1.5 kg.
type Milli int64

// MilliPercent is a rate in thousandths of a percent: 16000 is 16 %.
type MilliPercent int64

// Tenge makes an amount of whole tenge.
func Tenge(n int64) Tiyn { return Tiyn(n * 100) }

// String prints tenge and tiyn with a point and two digits: 1234.50.
func (t Tiyn) String() string {
	sign := ""
	u := uint64(t)
	if t < 0 {
		sign, u = "-", uint64(-t)
	}
	return fmt.Sprintf("%s%d.%02d", sign, u/100, u%100)
}

// String prints three decimals: 1.500.
func (q Milli) String() string {
	sign := ""
	u := uint64(q)
	if q < 0 {
		sign, u = "-", uint64(-q)
	}
	return fmt.Sprintf("%s%d.%03d", sign, u/1000, u%1000)
}

// String prints percent without needless zeros: 16, 12.5.
func (p MilliPercent) String() string {
	s := fmt.Sprintf("%d.%03d", int64(p)/1000, int64(p)%1000)
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}

// ParseTiyn reads "1234", "1234.5", "1 234,50" (spaces and no-break spaces
// group digits, point or comma before at most two decimals).
func ParseTiyn(s string) (Tiyn, error) {
	c := strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "", ",", ".").Replace(strings.TrimSpace(s))
	neg := strings.HasPrefix(c, "-")
	c = strings.TrimPrefix(c, "-")
	whole, frac, dot := strings.Cut(c, ".")
	if whole == "" || (dot && (frac == "" || len(frac) > 2)) || strings.ContainsAny(c, "+-eE") {
		return 0, fmt.Errorf("amount %q: want tenge with at most two decimals, such as 1234.50", s)
	}
	for len(frac) < 2 {
		frac += "0"
	}
	n, err := strconv.ParseInt(whole+frac, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("amount %q: %w", s, err)
	}
	if neg {
		n = -n
	}
	return Tiyn(n), nil
}

// LineSum is price times quantity, rounded half up to tiyn.
func LineSum(price Tiyn, q Milli) Tiyn { return Tiyn(divHalfUp(int64(price)*int64(q), 1000)) }

// VATInside is the tax that a sum contains: sum x rate / (100 % + rate), half up.
func VATInside(sum Tiyn, rate MilliPercent) Tiyn {
	return Tiyn(divHalfUp(int64(sum)*int64(rate), 100000+int64(rate)))
}

func divHalfUp(a, b int64) int64 {
	if a < 0 {
		return -divHalfUp(-a, b)
	}
	return (a + b/2) / b
}
