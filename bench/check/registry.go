package check

import (
	"slices"
	"strings"

	"github.com/kkmtest/kkmtest/bench/regulation"
)

// Judge is the function of a check.
type Judge = func(*Record, regulation.Params) []Judgement

// All lists the checks in the order of their keys.
func All() []Check {
	c := slices.Clone(registry())
	slices.SortFunc(c, func(a, b Check) int { return strings.Compare(a.Key, b.Key) })
	return c
}

// Lookup finds a check by its key.
func Lookup(key string) (Check, bool) {
	for _, c := range registry() {
		if c.Key == key {
			return c, true
		}
	}
	return Check{}, false
}

// CheckInfos tells lint what the checks are called and what they take.
func CheckInfos() []regulation.CheckInfo {
	var out []regulation.CheckInfo
	for _, c := range All() {
		i := regulation.CheckInfo{Key: c.Key}
		for _, p := range c.Params {
			i.Params = append(i.Params, regulation.ParamInfo{Name: p.Name, Type: p.Type, Required: p.Required, OneOf: p.OneOf, Min: p.Min, Max: p.Max})
		}
		out = append(out, i)
	}
	return out
}

// Param types, as [Param.Type] names them.
const (
	tDuration = "duration"
	tInt      = "int"
	tWord     = "word"
	tWords    = "words" // separated by |
)

func registry() []Check {
	var all []Check
	for _, f := range []func() []Check{offlineChecks, shiftChecks, latencyChecks, ticketChecks, zreportChecks, receiptChecks, signChecks, cashChecks, blockChecks, cycleChecks, linkChecks, accessChecks, clockChecks, documentChecks, linkStateChecks, authorityChecks, keepChecks, selftestChecks} {
		all = append(all, f()...)
	}
	return all
}
