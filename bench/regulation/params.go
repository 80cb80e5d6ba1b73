package regulation

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Params are the figures and words that a row hands to its check: limit=72h.
type Params map[string]string

// Duration reads a parameter such as 72h or 500ms. A missing or unreadable one
// is an error of the catalogue that names it.
func (p Params) Duration(name string) (time.Duration, error) {
	s, ok := p[name]
	if !ok {
		return 0, fmt.Errorf("parameter %s is missing", name)
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("parameter %s=%s: want a duration such as 72h or 500ms", name, s)
	}
	return d, nil
}

// Int reads a whole number.
func (p Params) Int(name string) (int, error) {
	s, ok := p[name]
	if !ok {
		return 0, fmt.Errorf("parameter %s is missing", name)
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, fmt.Errorf("parameter %s=%s: want a whole number", name, s)
	}
	return n, nil
}

// Word reads a word, "" when it is missing.
func (p Params) Word(name string) string { return p[name] }

// Words reads a list separated by "|".
func (p Params) Words(name string) []string {
	if p[name] == "" {
		return nil
	}
	return strings.Split(p[name], "|")
}

// String prints "name=value; name=value" in the order of names.
func (p Params) String() string {
	var b strings.Builder
	for i, k := range slices.Sorted(maps.Keys(p)) {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(k + "=" + p[k])
	}
	return b.String()
}
