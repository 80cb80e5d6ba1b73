package regulation

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Condition says when a conditional row binds, over the fields of the device
// profile: terms joined by " & ", each a field, an operator and a value.
//
//	sectors=taxi|parking     one of the field's values is among the words
//	fiscal_registrar!=true   none of them is
//	mobile_operators>=2      a number, at least
//	registered<2015-07-01    a date, before
type Condition struct{ terms []term }

type term struct {
	field, op string
	words     []string
}

// ParseCondition reads a condition. The empty one always holds.
func ParseCondition(s string) (Condition, error) {
	var c Condition
	if s == "" {
		return c, nil
	}
	for part := range strings.SplitSeq(s, " & ") {
		i := strings.IndexAny(part, "=!<>")
		if i <= 0 || !isName(part[:i]) {
			return c, fmt.Errorf("condition term %q", part)
		}
		t := term{field: part[:i]}
		rest := part[i:]
		for _, op := range []string{"!=", ">=", "=", "<"} {
			if v, ok := strings.CutPrefix(rest, op); ok {
				t.op, t.words = op, strings.Split(v, "|")
				break
			}
		}
		bad := t.op == "" || slices.Contains(t.words, "") || strings.ContainsAny(rest[len(t.op):], "=!<> ")
		switch t.op {
		case ">=":
			_, err := strconv.Atoi(t.words[0])
			bad = bad || err != nil || len(t.words) > 1
		case "<":
			bad = bad || !isDate(t.words[0]) || len(t.words) > 1
		}
		if bad {
			return c, fmt.Errorf("condition term %q", part)
		}
		c.terms = append(c.terms, t)
	}
	return c, nil
}

// Fields names the profile fields that the condition reads, in order.
func (c Condition) Fields() []string {
	var f []string
	for _, t := range c.terms {
		if !slices.Contains(f, t.field) {
			f = append(f, t.field)
		}
	}
	return f
}

// Holds evaluates the condition. lookup gives the values that the profile
// declares for a field, and false when it declares nothing. missing names the
// undeclared fields that decide the outcome: when it is not empty, nothing is
// known and holds means nothing.
func (c Condition) Holds(lookup func(field string) ([]string, bool)) (holds bool, missing []string) {
	holds = true
	for _, t := range c.terms {
		v, ok := lookup(t.field)
		if !ok {
			if !slices.Contains(missing, t.field) {
				missing = append(missing, t.field)
			}
			continue
		}
		if !t.holds(v) {
			return false, nil // one false term decides, whatever else is undeclared
		}
	}
	return holds, missing
}

func (t term) holds(values []string) bool {
	any := func(f func(string) bool) bool { return slices.ContainsFunc(values, f) }
	switch t.op {
	case "=":
		return any(func(v string) bool { return slices.Contains(t.words, v) })
	case "!=":
		return !any(func(v string) bool { return slices.Contains(t.words, v) })
	case ">=":
		want, _ := strconv.Atoi(t.words[0])
		return any(func(v string) bool { n, err := strconv.Atoi(v); return err == nil && n >= want })
	default: // "<"
		return any(func(v string) bool { return isDate(v) && v < t.words[0] })
	}
}

// Applies says whether the row binds a device. missing names the profile
// fields that have to be declared before anybody can tell.
func (r Row) Applies(lookup func(field string) ([]string, bool)) (applies bool, missing []string, err error) {
	c, err := ParseCondition(r.Condition)
	if err != nil {
		return false, nil, fmt.Errorf("row %s: %w", r.Number, err)
	}
	applies, missing = c.Holds(lookup)
	return applies, missing, nil
}
