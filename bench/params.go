package bench

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
)

// Params finds the figures that scenarios stimulate with: they stand in the
// rows of the catalogue, and a scenario asks by check and name. What is missing
// is collected in Err, so that a scenario is a declaration without error paths.
type Params struct {
	rows []regulation.Row
	used map[string]map[string]string
	errs *[]string
}

// NewParams reads the rows of a section.
func NewParams(rows []regulation.Row) Params {
	return Params{rows: rows, used: map[string]map[string]string{}, errs: new([]string)}
}

// Text finds parameter name of the first row that names check and has it.
func (p Params) Text(check, name string) string {
	for _, r := range p.rows {
		if v, ok := r.Params[name]; ok && r.Check == check {
			if p.used[check] == nil {
				p.used[check] = map[string]string{}
			}
			p.used[check][name] = v
			return v
		}
	}
	p.fail("check %s: no row of the section has a parameter %s", check, name)
	return ""
}

// Has says whether a row of the section names check and has the parameter.
func (p Params) Has(check, name string) bool {
	return slices.ContainsFunc(p.rows, func(r regulation.Row) bool { _, ok := r.Params[name]; return ok && r.Check == check })
}

// Duration reads a duration such as 72h.
func (p Params) Duration(check, name string) time.Duration {
	s := p.Text(check, name)
	if s == "" {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		p.fail("check %s: parameter %s=%s: want a duration such as 72h or 500ms", check, name, s)
	}
	return d
}

// Int reads a whole number.
func (p Params) Int(check, name string) int {
	s := p.Text(check, name)
	if s == "" {
		return 0
	}
	n, err := regulation.Params{name: s}.Int(name)
	if err != nil {
		p.fail("check %s: %v", check, err)
	}
	return n
}

func (p Params) fail(format string, args ...any) {
	*p.errs = append(*p.errs, fmt.Sprintf(format, args...))
}

// Err tells what was missing or unreadable.
func (p Params) Err() error {
	if len(*p.errs) == 0 {
		return nil
	}
	return fmt.Errorf("catalogue: %s", strings.Join(*p.errs, "; "))
}

// Used lists what was asked for, for the record.
func (p Params) Used() []history.NamedLimits {
	var out []history.NamedLimits
	for check, params := range p.used {
		out = append(out, history.NamedLimits{Check: check, Params: params})
	}
	slices.SortFunc(out, func(a, b history.NamedLimits) int { return strings.Compare(a.Check, b.Check) })
	return out
}
