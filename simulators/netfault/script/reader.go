package script

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxSize bounds a script: a file of the wrong kind is refused before it is parsed.
const maxSize = 1 << 20

// reader walks the syntax tree, so that every error has a place. It collects errors
// and goes on: all that is wrong comes at once.
type reader struct {
	name string
	errs []error
}

// parse reads one document.
func (r *reader) parse(raw []byte) ast.Node {
	switch {
	case len(raw) > maxSize:
		r.errs = append(r.errs, fmt.Errorf("%s: %d bytes: want a script of at most %d", r.name, len(raw), maxSize))
		return nil
	case !utf8.Valid(raw):
		r.errs = append(r.errs, fmt.Errorf("%s: bytes that are not UTF-8: want the file saved as UTF-8", r.name))
		return nil
	}
	file, err := parser.ParseBytes(raw, 0)
	if err != nil {
		var e yaml.Error
		if errors.As(err, &e) && e.GetToken() != nil {
			at := e.GetToken().Position
			err = fmt.Errorf("%s:%d:%d: %s: want YAML", r.name, at.Line, at.Column, e.GetMessage())
		} else {
			err = fmt.Errorf("%s: %w", r.name, err)
		}
		r.errs = append(r.errs, err)
		return nil
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		r.errs = append(r.errs, fmt.Errorf("%s: %d documents: want one", r.name, len(file.Docs)))
		return nil
	}
	return file.Docs[0].Body
}

func (r *reader) bad(n ast.Node, format string, a ...any) {
	at := n.GetToken().Position
	r.errs = append(r.errs, fmt.Errorf("%s:%d:%d: %s", r.name, at.Line, at.Column, fmt.Sprintf(format, a...)))
}

// wrap gives an error a place.
func (r *reader) wrap(n ast.Node, err error) {
	at := n.GetToken().Position
	r.errs = append(r.errs, fmt.Errorf("%s:%d:%d: %w", r.name, at.Line, at.Column, err))
}

// keys are the pairs of a mapping; what was not asked for is refused by done.
type keys struct {
	r     *reader
	what  string
	node  ast.Node
	pairs map[string]pair
	asked map[string]bool
}

type pair struct{ key, value ast.Node }

// keys reads a mapping. A nil node has no keys.
func (r *reader) keys(what string, n ast.Node) *keys {
	k := &keys{r: r, what: what, node: n, pairs: map[string]pair{}, asked: map[string]bool{}}
	var all []*ast.MappingValueNode
	switch m := n.(type) {
	case nil:
	case *ast.MappingNode:
		all = m.Values
	case *ast.MappingValueNode:
		all = []*ast.MappingValueNode{m}
	case *ast.NullNode:
	default:
		r.bad(n, "%s is %s: want keys and values", what, kindOf(n))
	}
	for _, p := range all {
		key, ok := p.Key.(*ast.StringNode)
		if !ok {
			r.bad(p.Key, "%s: key %q: want a plain key", what, p.Key.String())
			continue
		}
		if _, twice := k.pairs[key.Value]; twice {
			r.bad(p.Key, "%s: key %q stands twice: want it once", what, key.Value)
			continue
		}
		k.pairs[key.Value] = pair{p.Key, p.Value}
	}
	return k
}

// get hands a value over, nil when there is none.
func (k *keys) get(key string) ast.Node {
	k.asked[key] = true
	p, ok := k.pairs[key]
	if !ok {
		return nil
	}
	if _, null := p.value.(*ast.NullNode); null {
		k.r.bad(p.key, "%s: %s has no value", k.what, key)
		return nil
	}
	return p.value
}

// done refuses the keys that nobody asked for, in the order of the file.
func (k *keys) done() {
	var unknown []pair
	for name, p := range k.pairs {
		if !k.asked[name] {
			unknown = append(unknown, p)
		}
	}
	slices.SortFunc(unknown, func(a, b pair) int {
		return a.key.GetToken().Position.Offset - b.key.GetToken().Position.Offset
	})
	for _, p := range unknown {
		want := "no keys"
		if len(k.asked) > 0 {
			want = "one of " + strings.Join(slices.Sorted(maps.Keys(k.asked)), ", ")
		}
		k.r.bad(p.key, "%s: key %q is not known: want %s", k.what, p.key.(*ast.StringNode).Value, want)
	}
}

// missing refuses a mapping without a key that it needs.
func (k *keys) missing(key, want string) {
	if k.node == nil {
		return
	}
	if _, ok := k.pairs[key]; !ok {
		k.r.bad(k.node, "%s: no %s: want %s", k.what, key, want)
	}
}

// text is a value without blanks around it, as it was written.
func (k *keys) text(key string) (string, ast.Node) {
	n := k.get(key)
	if n == nil {
		return "", nil
	}
	switch v := n.(type) {
	case *ast.StringNode:
		if v.Value != "" && strings.TrimSpace(v.Value) == v.Value {
			return v.Value, n
		}
		k.r.bad(n, "%s: %s is %q: want a word without blanks around it", k.what, key, v.Value)
	case *ast.IntegerNode, *ast.FloatNode:
		return n.GetToken().Value, n
	default:
		k.r.bad(n, "%s: %s is %s: want a word or a number", k.what, key, kindOf(n))
	}
	return "", nil
}

// word is one of some.
func (k *keys) word(key string, of map[string]int) (int, bool) {
	s, n := k.text(key)
	if n == nil {
		return 0, false
	}
	v, ok := of[s]
	if !ok {
		k.r.bad(n, "%s: %s is %q: want one of %s", k.what, key, s, strings.Join(slices.Sorted(maps.Keys(of)), ", "))
	}
	return v, ok
}

func (k *keys) flag(key string) bool {
	n := k.get(key)
	if n == nil {
		return false
	}
	b, ok := n.(*ast.BoolNode)
	if !ok {
		k.r.bad(n, "%s: %s is %s: want true or false", k.what, key, kindOf(n))
		return false
	}
	return b.Value
}

// number is a whole number within bounds.
func (k *keys) number(key string, least, most int64) int64 {
	s, n := k.text(key)
	if n == nil {
		return 0
	}
	v, err := strconv.ParseInt(s, 0, 64)
	if err != nil || v < least || v > most {
		k.r.bad(n, "%s: %s is %q: want a whole number, %d to %d", k.what, key, s, least, most)
		return 0
	}
	return v
}

// share is a probability: 0.05 or 5%.
func (k *keys) share(key string) float64 {
	s, n := k.text(key)
	if n == nil {
		return 0
	}
	number, percent := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(number, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v > 0 && v <= 1) {
		k.r.bad(n, "%s: %s is %q: want a share over 0 to 1, such as 0.05 or 5%%", k.what, key, s)
		return 0
	}
	return v
}

// rate is a number of bits a second: 9600, 80kbit, 1.6Mbit.
func (k *keys) rate(key string) int64 {
	s, n := k.text(key)
	if n == nil {
		return 0
	}
	number, unit := s, int64(1)
	for suffix, u := range map[string]int64{"kbit": 1_000, "Mbit": 1_000_000, "Gbit": 1_000_000_000} {
		if rest, ok := strings.CutSuffix(s, suffix); ok {
			number, unit = rest, u
		}
	}
	v, ok := decimal(number, unit)
	if !ok || v <= 0 {
		k.r.bad(n, "%s: %s is %q: want bits a second, such as 9600, 80kbit or 1.6Mbit", k.what, key, s)
		return 0
	}
	return v
}

// decimal multiplies a decimal number without rounding; digits behind the unit are refused.
func decimal(s string, unit int64) (int64, bool) {
	whole, part, _ := strings.Cut(s, ".")
	v, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || v < 0 || v > 1_000_000 && unit > 1 {
		return 0, false
	}
	v *= unit
	for _, d := range part {
		unit /= 10
		if d < '0' || d > '9' || unit == 0 && d != '0' {
			return 0, false
		}
		v += int64(d-'0') * unit
	}
	return v, true
}

// duration is a time: 300ms, 2h30m, 1d12h, 0.
func (k *keys) duration(key string) time.Duration {
	s, n := k.text(key)
	if n == nil {
		return 0
	}
	d, ok := parseDuration(s)
	if !ok {
		k.r.bad(n, "%s: %s is %q: want a time that is not negative, such as 300ms, 2h30m or 1d12h", k.what, key, s)
	}
	return d
}

func parseDuration(s string) (time.Duration, bool) {
	if s == "0" {
		return 0, true
	}
	var days int64
	if before, after, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.ParseInt(before, 10, 64)
		if err != nil || n < 0 || n > 10_000 {
			return 0, false
		}
		days, s = n, after
		if s == "" {
			s = "0s"
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, false
	}
	const day = 24 // hours
	return d + time.Duration(days*day)*time.Hour, true
}

func (k *keys) address(key string) netip.Addr {
	s, n := k.text(key)
	if n == nil {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		k.r.bad(n, "%s: %s is %q: want an IP address", k.what, key, s)
	}
	return a
}

// prefix is an address or a network.
func (k *keys) prefix(key string) netip.Prefix {
	s, n := k.text(key)
	if n == nil {
		return netip.Prefix{}
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen())
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		k.r.bad(n, "%s: %s is %q: want an IP address, or a network such as 10.0.0.0/24", k.what, key, s)
	}
	return p
}

// kindOf names what YAML reads a value as.
func kindOf(n ast.Node) string {
	switch n.Type() {
	case ast.IntegerType, ast.FloatType:
		return "the number " + n.GetToken().Value
	case ast.BoolType:
		return "true or false"
	case ast.NullType:
		return "nothing"
	case ast.SequenceType:
		return "a list"
	case ast.MappingType, ast.MappingValueType:
		return "keys and values"
	case ast.StringType:
		return "a text"
	}
	return "of a kind that is not used here (" + n.Type().String() + ")"
}
