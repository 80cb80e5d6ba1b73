package kkm

import (
	"strconv"

	"github.com/kkmtest/kkmtest/fiscal"
)

const (
	firstAdmin = 29 // administrator: reports and Z
	rootAdmin  = 30 // system administrator: settings and clock as well
)

// Operator finds who a typed password belongs to: 1..28 cashiers, 29 and 30
// administrators; 0 when nobody has it.
func (r *Register) Operator(password string) int {
	n, err := strconv.ParseUint(password, 10, 32)
	if err != nil {
		return 0
	}
	for i := Operators; i >= 1; i-- {
		if r.nv.passwords[i] == strconv.FormatUint(n, 10) {
			return i
		}
	}
	return 0
}

// who finds the operator of an operation and whether it has the right to it (KZ 431 rows 1.1-1.3).
func (r *Register) who(op fiscal.Op) (int, bool) {
	n := r.Operator(op.As.Password)
	if op.As.Password == "" { // the right one of the role
		n = max(1, op.As.Cashier)
		if op.As.Admin || op.Kind == fiscal.OpSetSetting {
			n = rootAdmin
		}
	}
	if n == 0 && r.q.anyPassword[op.Kind] {
		n = max(1, op.As.Cashier)
		if needs(op.Kind) > 1 {
			n = needs(op.Kind)
		}
	}
	return n, n >= needs(op.Kind) && n <= Operators && n > 0
}

// needs is the lowest operator that may do a thing.
func needs(k fiscal.OpKind) int {
	switch k {
	case fiscal.OpSetClock, fiscal.OpSetSetting:
		return rootAdmin
	case fiscal.OpZReport, fiscal.OpXReport, fiscal.OpReportCashiers, fiscal.OpReportSections, fiscal.OpArchive:
		return firstAdmin
	}
	return 1
}

// newPassword says why a password may not be programmed; "" when it may.
func (r *Register) newPassword(of int, typed string) string {
	n, err := strconv.ParseUint(typed, 10, 32)
	if err != nil {
		return "a password has up to 9 digits"
	}
	text := strconv.FormatUint(n, 10) // leading zeros do not lengthen it: the line carries a number
	if len(text) < r.profile.Passwords.Minimum && !r.q.shortPassword {
		return "at least " + strconv.Itoa(r.profile.Passwords.Minimum) + " positions"
	}
	for i, p := range r.nv.passwords {
		if i != of && p == text {
			return "taken"
		}
	}
	return ""
}
