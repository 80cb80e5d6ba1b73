package script

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxSize bounds a file: one of the wrong kind is refused before it is parsed.
const maxSize = 4 << 20

// reader fills a value from a syntax tree by the names in its json tags, and
// remembers where everything stood.
type reader struct {
	name   string
	places map[string]string // path of a value -> where it stands
	errs   []error
}

// read fills into from YAML. name is what errors begin with.
func read(name string, raw []byte, into any) (*reader, error) {
	r := &reader{name: name, places: map[string]string{}}
	switch {
	case len(raw) > maxSize:
		return r, fmt.Errorf("%s: %d bytes: want at most %d", name, len(raw), maxSize)
	case !utf8.Valid(raw):
		return r, fmt.Errorf("%s: bytes that are not UTF-8: want the file saved as UTF-8", name)
	}
	file, err := parse(raw)
	if err != nil {
		return r, r.syntax(err)
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return r, fmt.Errorf("%s: %s", name, "want one document of YAML, and something in it")
	}
	r.value("", file.Docs[0].Body, reflect.ValueOf(into).Elem())
	return r, errors.Join(r.errs...)
}

// parse keeps a defect of the parser on strange input from ending the process.
func parse(raw []byte) (file *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("this is no YAML that can be read (%v)", p)
		}
	}()
	return parser.ParseBytes(raw, 0)
}

// readJSON fills into from a body of JSON.
func readJSON(raw []byte, into any) (*reader, error) {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return nil, fmt.Errorf("body: %w: want JSON", err)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	n, err := jsonNode(d)
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	r := &reader{name: "body", places: map[string]string{}}
	r.value("", n, reflect.ValueOf(into).Elem())
	return r, errors.Join(r.errs...)
}

func (r *reader) syntax(err error) error {
	var e yaml.Error
	if errors.As(err, &e) && e.GetToken() != nil && e.GetToken().Position != nil {
		at := e.GetToken().Position
		return fmt.Errorf("%s:%d:%d: %s: want YAML: key: value", r.name, at.Line, at.Column, e.GetMessage())
	}
	return fmt.Errorf("%s: %w", r.name, err)
}

// at is where a value stands; of the nearest one around it when it is not there.
func (r *reader) at(path string) string {
	for {
		if p, ok := r.places[path]; ok {
			return p
		}
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			return r.name
		}
		path = path[:i]
	}
}

// bad notes what is wrong with a value.
func (r *reader) bad(path, format string, a ...any) {
	what := fmt.Sprintf(format, a...)
	if path != "" {
		what = path + ": " + what
	}
	r.errs = append(r.errs, fmt.Errorf("%s: %s", r.at(path), what))
}

// err is everything that was wrong.
func (r *reader) err() error { return errors.Join(r.errs...) }

func (r *reader) place(path string, n any) {
	switch x := n.(type) {
	case *ast.NullNode:
		return // nobody wrote it: its key's place says more
	case *ast.MappingNode:
		if !x.IsFlowStyle && len(x.Values) > 0 {
			n = x.Values[0].Key // its own token is the first colon
		}
	case *ast.MappingValueNode:
		n = x.Key
	}
	if n, ok := n.(ast.Node); ok && n.GetToken() != nil && n.GetToken().Position != nil {
		at := n.GetToken().Position
		r.places[path] = fmt.Sprintf("%s:%d:%d", r.name, at.Line, at.Column)
		return
	}
	if path == "" {
		r.places[path] = r.name
	}
}

// kind is what stands in the file.
type kind int

const (
	none kind = iota
	text
	number
	flag
	list
	keys
	odd
)

func (k kind) String() string {
	return [...]string{"nothing", "a text", "a number", "true or false", "a list", "keys", "something else"}[k]
}

// pair is a key with its value.
type pair struct {
	key   string
	at    any
	value any
}

// look reads one node of either syntax.
func look(n any) (k kind, scalar string, values []any, pairs []pair) {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return none, "", nil, nil
	case *ast.StringNode:
		return text, n.Value, nil, nil
	case *ast.LiteralNode:
		return text, n.Value.Value, nil, nil
	case *ast.IntegerNode:
		return number, n.GetToken().Value, nil, nil
	case *ast.FloatNode:
		return number, n.GetToken().Value, nil, nil
	case *ast.BoolNode:
		return flag, strconv.FormatBool(n.Value), nil, nil
	case *ast.SequenceNode:
		for _, v := range n.Values {
			values = append(values, v)
		}
		return list, "", values, nil
	case *ast.MappingNode:
		for _, v := range n.Values {
			pairs = append(pairs, yamlPair(v))
		}
		return keys, "", nil, pairs
	case *ast.MappingValueNode:
		return keys, "", nil, []pair{yamlPair(n)}
	case string:
		return text, n, nil, nil
	case json.Number:
		return number, n.String(), nil, nil
	case bool:
		return flag, strconv.FormatBool(n), nil, nil
	case []any:
		return list, "", n, nil
	case []pair:
		return keys, "", nil, n
	}
	return odd, "", nil, nil
}

func yamlPair(v *ast.MappingValueNode) pair {
	p := pair{at: v.Key, value: v.Value}
	if s, ok := v.Key.(*ast.StringNode); ok {
		p.key = s.Value
	} else {
		p.key = v.Key.String()
	}
	return p
}

// jsonNode reads a value of JSON, keys in their order.
func jsonNode(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('['):
		out := []any{}
		for d.More() {
			v, err := jsonNode(d)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		_, err := d.Token()
		return out, err
	case json.Delim('{'):
		out := []pair{}
		for d.More() {
			k, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := jsonNode(d)
			if err != nil {
				return nil, err
			}
			out = append(out, pair{key: k.(string), value: v})
		}
		_, err := d.Token()
		return out, err
	}
	return t, nil
}

// value fills v from a node.
func (r *reader) value(path string, n any, v reflect.Value) {
	r.place(path, n)
	k, scalar, values, pairs := look(n)
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		r.value(path, n, v.Elem())
		return
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		w, _ := v.Addr().Interface().(interface{ Want() string })
		if k != text && k != number {
			r.bad(path, "%s: want %s", k, w.Want())
		} else if err := u.UnmarshalText([]byte(scalar)); err != nil {
			r.bad(path, "%q: want %s", scalar, w.Want())
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		if k != keys {
			r.bad(path, "%s: want the keys %s", k, strings.Join(names(v.Type()), ", "))
			return
		}
		r.fields(path, pairs, v)
	case reflect.Slice:
		if k != list {
			r.bad(path, "%s: want a list such as [a, b]", k)
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(values), len(values)))
		for i, x := range values {
			r.value(fmt.Sprintf("%s[%d]", path, i), x, v.Index(i))
		}
	case reflect.String:
		if k != text {
			r.bad(path, "%s: want a text in quotes", described(k, scalar))
			return
		}
		v.SetString(scalar)
	case reflect.Bool:
		if k != flag {
			r.bad(path, "%s: want true or false", described(k, scalar))
			return
		}
		v.SetBool(scalar == "true")
	case reflect.Uint16, reflect.Uint32, reflect.Uint64:
		u, err := strconv.ParseUint(scalar, 10, v.Type().Bits())
		if k != number || err != nil || !plain(scalar) {
			r.bad(path, "%s: want a whole number from 0 to %d", described(k, scalar), ^uint64(0)>>(64-v.Type().Bits()))
			return
		}
		v.SetUint(u)
	case reflect.Int:
		i, err := strconv.ParseInt(scalar, 10, 32)
		if k != number || err != nil || !plain(scalar) {
			r.bad(path, "%s: want a whole number from 0 to %d", described(k, scalar), 1<<31-1)
			return
		}
		v.SetInt(i)
	default:
		panic("a field of type " + v.Type().String()) // a type of this package that nobody can fill
	}
}

// plain says that a number is written in decimal digits without leading zeros.
func plain(s string) bool {
	return strings.Trim(s, "0123456789") == "" && (len(s) == 1 || !strings.HasPrefix(s, "0"))
}

func described(k kind, scalar string) string {
	if k == number {
		return "the number " + scalar
	}
	if k == text {
		return strconv.Quote(scalar)
	}
	return k.String()
}

func (r *reader) fields(path string, pairs []pair, v reflect.Value) {
	prefix := path
	if prefix != "" {
		prefix += "."
	}
	seen := map[string]bool{}
	for _, p := range pairs {
		i := slices.Index(names(v.Type()), p.key)
		full := prefix + p.key
		switch {
		case i < 0:
			r.place(full, p.at)
			r.bad(full, "no such key: want one of %s", strings.Join(names(v.Type()), ", "))
		case seen[p.key]:
			r.bad(full, "the key stands twice")
		default:
			seen[p.key] = true
			r.place(full, p.at)
			r.value(full, p.value, v.Field(i))
		}
	}
}

// names lists the keys of a struct, one for each field.
func names(t reflect.Type) []string {
	out := make([]string, t.NumField())
	for i := range out {
		out[i], _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ",")
	}
	return out
}
