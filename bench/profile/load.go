package profile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxSize bounds a profile: a file of the wrong kind is refused before it is parsed.
const maxSize = 64 << 10

// Load reads a profile; name is the file's name for messages. All that is
// wrong comes in one error, one line each: "profile.yaml:12:13: ...".
func Load(name string, raw []byte) (Profile, error) {
	r := reader{p: Profile{Name: name, lines: map[string]int{}}}
	switch {
	case len(raw) > maxSize:
		return Profile{}, fmt.Errorf("%s: %d bytes: want a profile of at most %d", name, len(raw), maxSize)
	case !utf8.Valid(raw):
		return Profile{}, fmt.Errorf("%s: bytes that are not UTF-8: want the file saved as UTF-8", name)
	}
	file, err := parser.ParseBytes(raw, 0)
	if err != nil {
		return Profile{}, syntax(name, err)
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return Profile{}, fmt.Errorf("%s: %d documents: want one with the keys %s", name, len(file.Docs), strings.Join(slices.Sorted(maps.Keys(r.top())), ", "))
	}
	r.mapping("", file.Docs[0].Body, r.top())
	r.required()
	if len(r.errs) > 0 {
		return Profile{}, errors.Join(r.errs...)
	}
	return r.p, nil
}

func syntax(name string, err error) error {
	var e yaml.Error
	if errors.As(err, &e) && e.GetToken() != nil {
		at := e.GetToken().Position
		return fmt.Errorf("%s:%d:%d: %s: want YAML: key: value", name, at.Line, at.Column, e.GetMessage())
	}
	return fmt.Errorf("%s: %w", name, err)
}

// reader walks the syntax tree, so that every error has a place and no value
// is taken for another type than it was written as.
type reader struct {
	p    Profile
	errs []error
}

type take func(key string, n ast.Node)

func (r *reader) top() map[string]take {
	p := &r.p
	return map[string]take{
		"model":               r.text(&p.Model),
		"maker":               r.text(&p.Maker),
		"serial":              r.text(&p.Serial),
		"registration_number": r.digits(&p.Registration, 12, 20),
		"taxpayer": r.group(map[string]take{
			"name": r.text(&p.Taxpayer.Name), "bin": r.digits(&p.Taxpayer.BIN, 12, 12),
			"address": r.text(&p.Taxpayer.Address), "activity": r.digits(&p.Taxpayer.Activity, 2, 5),
		}),
		"section":          r.word(&p.Section, Sections),
		"sectors":          r.words(&p.Sectors, Sectors),
		"fiscal_registrar": r.flag(&p.Registrar),
		"channels":         r.words(&p.Channels, Channels),
		"languages":        r.words(&p.Languages, Languages),
		"protocol":         r.word(&p.Protocol, Protocols),
		"cashiers":         r.texts(&p.Cashiers),
		"ofd": r.group(map[string]take{
			"id": r.number(&p.OFD.ID, 1, 1<<32-1), "token": r.number(&p.OFD.Token, 0, 1<<32-1), "name": r.text(&p.OFD.Name), "site": r.text(&p.OFD.Site),
		}),
		"host": r.group(map[string]take{
			"protocol": r.word(&p.Host.Protocol, Hosts),
			"passwords": r.group(map[string]take{
				"cashier": r.number(&p.Host.Passwords.Cashier, 0, 99999999), "admin": r.number(&p.Host.Passwords.Admin, 0, 99999999),
				"service": r.number(&p.Host.Passwords.Service, 0, 99999999),
			}),
		}),
		"vat_payer":        r.flag(&p.VATPayer),
		"mobile_operators": r.count(&p.MobileOperators, 20),
		"registered":       r.date(&p.Registered),
		"modernised":       r.flag(&p.Modernised),
		"equipment":        r.word(&p.Equipment, Equipment),
		"card_service":     r.flag(&p.CardService),
		"risk_site":        r.flag(&p.RiskSite),
		"automated_books":  r.flag(&p.AutomatedBooks),
	}
}

// required: without these no print and no message can be compared with anything.
func (r *reader) required() {
	for _, k := range []string{"model", "serial", "registration_number", "taxpayer.name", "taxpayer.bin", "section", "ofd.id"} {
		if r.p.lines[k] == 0 {
			r.errs = append(r.errs, fmt.Errorf("%s: no %s: want a line for it", r.p.Name, k))
		}
	}
}

func (r *reader) bad(n ast.Node, format string, a ...any) {
	at := n.GetToken().Position
	r.errs = append(r.errs, fmt.Errorf("%s:%d:%d: %s", r.p.Name, at.Line, at.Column, fmt.Sprintf(format, a...)))
}

func (r *reader) mapping(prefix string, n ast.Node, fields map[string]take) {
	var pairs []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		pairs = m.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{m}
	default:
		r.bad(n, "%s: want keys %s", found(strings.TrimSuffix(prefix, "."), n), strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
		return
	}
	for _, pair := range pairs {
		key, ok := pair.Key.(*ast.StringNode)
		if !ok {
			r.bad(pair.Key, "key %q: want a plain key", pair.Key.String())
			continue
		}
		full := prefix + key.Value
		f, known := fields[key.Value]
		switch {
		case !known:
			r.bad(pair.Key, "key %q is not known: want one of %s", full, strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
		case r.p.lines[full] > 0:
			r.bad(pair.Key, "key %q stands twice, first in line %d: want it once", full, r.p.lines[full])
		default:
			r.p.lines[full] = key.GetToken().Position.Line
			f(full, pair.Value)
		}
	}
}

// found names a value and its type as YAML reads it.
func found(key string, n ast.Node) string {
	what := map[ast.NodeType]string{ast.IntegerType: "a number", ast.FloatType: "a number with a point", ast.BoolType: "true or false", ast.NullType: "nothing",
		ast.SequenceType: "a list", ast.MappingType: "keys", ast.MappingValueType: "keys", ast.StringType: "a text", ast.LiteralType: "a block of text",
		ast.AnchorType: "an anchor", ast.AliasType: "an alias", ast.TagType: "a tag"}[n.Type()]
	if what == "" {
		what = n.Type().String()
	}
	if key == "" {
		key = "the file"
	}
	if n.Type() == ast.IntegerType || n.Type() == ast.FloatType {
		return fmt.Sprintf("%s is the number %s", key, n.GetToken().Value)
	}
	return fmt.Sprintf("%s is %s", key, what)
}

func (r *reader) group(fields map[string]take) take {
	return func(key string, n ast.Node) { r.mapping(key+".", n, fields) }
}

// str takes a text and nothing that YAML reads as another type: an unquoted
// 010100012345 is a number there, and loses its first digit.
func (r *reader) str(key string, n ast.Node) (string, bool) {
	s, ok := n.(*ast.StringNode)
	switch {
	case !ok:
		r.bad(n, "%s: want a text in quotes", found(key, n))
		return "", false
	case s.Value == "" || strings.TrimSpace(s.Value) != s.Value || strings.ContainsFunc(s.Value, unicode.IsControl):
		r.bad(n, "%s %q: want a text on one line without blanks around it", key, s.Value)
		return "", false
	}
	return s.Value, true
}

func (r *reader) text(dst *string) take {
	return func(key string, n ast.Node) { *dst, _ = r.str(key, n) }
}

func (r *reader) digits(dst *string, least, most int) take {
	return func(key string, n ast.Node) {
		s, ok := r.str(key, n)
		if ok && (len(s) < least || len(s) > most || strings.Trim(s, "0123456789") != "") {
			want := fmt.Sprintf("%d digits", least)
			if most > least {
				want = fmt.Sprintf("%d to %d digits", least, most)
			}
			r.bad(n, "%s %q: want %s in quotes", key, s, want)
		}
		*dst = s
	}
}

func (r *reader) word(dst *string, words []string) take {
	return func(key string, n ast.Node) {
		s, ok := r.str(key, n)
		if ok && !slices.Contains(words, s) {
			r.bad(n, "%s %q: want one of %s", key, s, strings.Join(words, ", "))
		}
		*dst = s
	}
}

func (r *reader) list(key string, n ast.Node, each func(ast.Node)) {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		r.bad(n, "%s: want a list such as [a, b]", found(key, n))
		return
	}
	if len(s.Values) == 0 {
		r.bad(n, "%s is an empty list: want at least one entry, or no line when it is not known", key)
	}
	for _, v := range s.Values {
		each(v)
	}
}

func (r *reader) words(dst *[]string, words []string) take {
	return func(key string, n ast.Node) {
		r.list(key, n, func(v ast.Node) {
			var s string
			r.word(&s, words)(key, v)
			if slices.Contains(*dst, s) {
				r.bad(v, "%s has %q twice: want it once", key, s)
			}
			*dst = append(*dst, s)
		})
	}
}

func (r *reader) texts(dst *[]string) take {
	return func(key string, n ast.Node) {
		r.list(key, n, func(v ast.Node) {
			if s, ok := r.str(key, v); ok {
				*dst = append(*dst, s)
			}
		})
	}
}

func (r *reader) flag(dst *bool) take {
	return func(key string, n ast.Node) {
		b, ok := n.(*ast.BoolNode)
		if !ok {
			r.bad(n, "%s: want true or false", found(key, n))
			return
		}
		*dst = b.Value
	}
}

func (r *reader) whole(key string, n ast.Node, least, most uint64) uint64 {
	s := n.GetToken().Value
	v, err := strconv.ParseUint(s, 10, 64)
	if n.Type() != ast.IntegerType || err != nil || len(s) > 1 && s[0] == '0' || v < least || v > most {
		if n.Type() == ast.IntegerType {
			r.bad(n, "%s %s: want a whole number from %d to %d, without leading zeros", key, s, least, most)
		} else {
			r.bad(n, "%s: want a whole number from %d to %d", found(key, n), least, most)
		}
		return 0
	}
	return v
}

func (r *reader) number(dst *uint32, least, most uint64) take {
	return func(key string, n ast.Node) { *dst = uint32(r.whole(key, n, least, most)) }
}

func (r *reader) count(dst *int, most uint64) take {
	return func(key string, n ast.Node) { *dst = int(r.whole(key, n, 0, most)) }
}

func (r *reader) date(dst *string) take {
	return func(key string, n ast.Node) {
		s, ok := r.str(key, n)
		if _, err := time.Parse(time.DateOnly, s); ok && err != nil {
			r.bad(n, "%s %q: want a date such as 2024-03-01", key, s)
		}
		*dst = s
	}
}
