package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/regulation"
)

// Validate holds the parameters of a row to what the check takes: unknown
// names, missing ones, values of another type, words that the check does not know.
func (c Check) Validate(p regulation.Params) error {
	known := map[string]Param{}
	for _, q := range c.Params {
		known[q.Name] = q
		if _, ok := p[q.Name]; q.Required && !ok {
			return fmt.Errorf("check %s: parameter %s is missing: %s", c.Key, q.Name, q.Doc)
		}
	}
	names := make([]string, 0, len(p))
	for n := range p {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		q, ok := known[n]
		if !ok {
			return fmt.Errorf("check %s: parameter %s=%s: it takes %s", c.Key, n, p[n], c.takes())
		}
		if err := q.validate(p[n]); err != nil {
			return fmt.Errorf("check %s: parameter %s=%s: %w", c.Key, n, p[n], err)
		}
	}
	return nil
}

func (c Check) takes() string {
	if len(c.Params) == 0 {
		return "none"
	}
	var n []string
	for _, q := range c.Params {
		n = append(n, q.Name)
	}
	return strings.Join(n, ", ")
}

func (q Param) validate(v string) error {
	switch q.Type {
	case tDuration:
		d, err := time.ParseDuration(v)
		if err != nil || d <= 0 {
			return fmt.Errorf("want a duration such as 72h or 500ms")
		}
	case tInt:
		n, err := strconv.Atoi(v)
		if err != nil || n <= 0 {
			return fmt.Errorf("want a whole number above 0")
		}
	case tWords:
		if slices.Contains(strings.Split(v, "|"), "") {
			return fmt.Errorf("want words with | between them")
		}
	}
	if len(q.OneOf) > 0 && !slices.Contains(q.OneOf, v) {
		return fmt.Errorf("want one of %s", strings.Join(q.OneOf, ", "))
	}
	return nil
}
