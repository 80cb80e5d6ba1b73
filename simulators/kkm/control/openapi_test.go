package control_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// doc is the OpenAPI document as plain maps.
type doc map[string]any

func readDoc(t *testing.T) doc {
	t.Helper()
	raw, err := os.ReadFile("../../../fixtures/schemas/control-api.openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var d map[string]any
	if err := yaml.UnmarshalWithOptions(raw, &d, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	return d
}

// follow resolves a reference inside the document.
func (d doc) follow(v any) (map[string]any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%v is no object", v)
	}
	ref, ok := m["$ref"].(string)
	if !ok {
		return m, nil
	}
	var at any = map[string]any(d)
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		o, ok := at.(map[string]any)
		if !ok || o[part] == nil {
			return nil, fmt.Errorf("reference %s leads nowhere", ref)
		}
		at = o[part]
	}
	return d.follow(at)
}

// keywords of schemas that valid understands; another one in the document would
// pass unchecked, so it is an error.
var keywords = []string{"type", "additionalProperties", "required", "properties", "items", "enum", "const", "minimum", "pattern", "description"}

// valid holds a value of JSON against a schema.
func (d doc) valid(schema, v any) error {
	s, err := d.follow(schema)
	if err != nil {
		return err
	}
	for k := range s {
		if !slices.Contains(keywords, k) {
			return fmt.Errorf("keyword %q is not understood by this test", k)
		}
	}
	kind, _ := s["type"].(string)
	if c, ok := s["const"]; ok && fmt.Sprint(c) != fmt.Sprint(v) {
		return fmt.Errorf("%v, want %v", v, c)
	}
	if e, ok := s["enum"].([]any); ok && !slices.ContainsFunc(e, func(x any) bool { return x == v }) {
		return fmt.Errorf("%v, want one of %v", v, e)
	}
	switch kind {
	case "boolean":
		if _, ok := v.(bool); !ok {
			return fmt.Errorf("%v is no boolean", v)
		}
	case "integer":
		n, ok := v.(float64)
		if !ok || n != math.Trunc(n) {
			return fmt.Errorf("%v is no integer", v)
		}
		if m, ok := s["minimum"]; ok {
			if least, err := strconv.ParseFloat(fmt.Sprint(m), 64); err != nil || n < least {
				return fmt.Errorf("%v, want at least %v", n, m)
			}
		}
	case "string":
		text, ok := v.(string)
		if !ok {
			return fmt.Errorf("%v is no string", v)
		}
		if p, ok := s["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(text) {
			return fmt.Errorf("%q does not match %s", text, p)
		}
	case "array":
		list, ok := v.([]any)
		if !ok {
			return fmt.Errorf("%v is no array", v)
		}
		for i, x := range list {
			if err := d.valid(s["items"], x); err != nil {
				return fmt.Errorf("[%d]: %w", i, err)
			}
		}
	case "object":
		return d.validObject(s, v)
	default:
		return fmt.Errorf("type %q", kind)
	}
	return nil
}

func (d doc) validObject(s map[string]any, v any) error {
	o, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%v is no object", v)
	}
	props, _ := s["properties"].(map[string]any)
	if more, ok := s["additionalProperties"].(bool); !ok || more {
		return fmt.Errorf("the schema lets unknown keys in")
	}
	req, _ := s["required"].([]any)
	for _, k := range req {
		if _, ok := o[k.(string)]; !ok {
			return fmt.Errorf("no %v", k)
		}
	}
	for k, x := range o {
		p, ok := props[k]
		if !ok {
			return fmt.Errorf("key %q is not in the document", k)
		}
		if err := d.valid(p, x); err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
	}
	return nil
}

// answers finds what the document says of the answer with a status; nil schema: no body.
func (d doc) answer(op map[string]any, status int) (any, error) {
	all, _ := op["responses"].(map[string]any)
	r, ok := all[strconv.Itoa(status)]
	if !ok {
		return nil, fmt.Errorf("status %d is not in the document", status)
	}
	resp, err := d.follow(r)
	if err != nil {
		return nil, err
	}
	if resp["description"] == nil {
		return nil, fmt.Errorf("status %d: no description", status)
	}
	content, ok := resp["content"].(map[string]any)
	if !ok {
		return nil, nil
	}
	media, ok := content["application/json"].(map[string]any)
	if !ok || media["schema"] == nil {
		return nil, fmt.Errorf("status %d: no JSON schema", status)
	}
	return media["schema"], nil
}

// Document and server list the same calls.
func TestDocumentAndServerListTheSameCalls(t *testing.T) {
	d := readDoc(t)
	w := newWorld(t)
	var listed []string
	for path, item := range d["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			listed = append(listed, strings.ToUpper(method)+" "+path)
		}
	}
	served := w.api.Routes()
	sort.Strings(listed)
	sort.Strings(served)
	if !slices.Equal(listed, served) {
		t.Errorf("document\n%s\nserver\n%s", strings.Join(listed, "\n"), strings.Join(served, "\n"))
	}
	page, err := os.ReadFile("../../../docs/control-api.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range served {
		if !strings.Contains(string(page), "| `"+c+"` |") {
			t.Errorf("docs/control-api.md has no row for %s", c)
		}
	}
}

// Every call of the document, with its example, gets an answer that the
// document describes; a wrong body gets a described refusal and changes nothing.
func TestServerAgreesWithDocument(t *testing.T) {
	d := readDoc(t)
	w := newWorld(t)
	if r := w.do(t, sale()); r.Got != "done" {
		t.Fatalf("sale: %+v", r)
	}
	paths := d["paths"].(map[string]any)
	check := func(t *testing.T, op map[string]any, method, path, body string, most int) {
		t.Helper()
		status, v := w.call(t, method, path, body)
		if status >= most {
			t.Errorf("%s %s %s: status %d", method, path, body, status)
		}
		schema, err := d.answer(op, status)
		switch {
		case err != nil:
			t.Errorf("%s %s %s: %v", method, path, body, err)
		case schema == nil && v != nil:
			t.Errorf("%s %s: a body that the document does not know: %v", method, path, v)
		case schema != nil:
			if err := d.valid(schema, any(v)); err != nil {
				t.Errorf("%s %s: %v: %v", method, path, v, err)
			}
		}
	}
	for _, call := range w.api.Routes() {
		method, path, _ := strings.Cut(call, " ")
		op := paths[path].(map[string]any)[strings.ToLower(method)].(map[string]any)
		if op["summary"] == nil || op["operationId"] == nil {
			t.Errorf("%s: no summary or operationId", call)
		}
		if method == "GET" {
			check(t, op, method, path, "", 300)
			if ps, ok := op["parameters"].([]any); ok {
				p := ps[0].(map[string]any)
				check(t, op, method, fmt.Sprintf("%s?%v=%v", path, p["name"], p["example"]), "", 300)
				check(t, op, method, fmt.Sprintf("%s?%v=x", path, p["name"]), "", 500)
				check(t, op, method, fmt.Sprintf("%s?%v=12345678", path, p["name"]), "", 500)
			}
			continue
		}
		media := op["requestBody"].(map[string]any)["content"].(map[string]any)["application/json"].(map[string]any)
		raw, err := json.Marshal(media["example"])
		if err != nil {
			t.Fatal(err)
		}
		var example any
		if err := json.Unmarshal(raw, &example); err != nil {
			t.Fatal(err)
		}
		if err := d.valid(media["schema"], example); err != nil {
			t.Errorf("%s: the example does not fit its schema: %v", call, err)
		}
		check(t, op, method, path, string(raw), 300)
		check(t, op, method, path, `{"nonsense":1}`, 500)
	}
	// The refusals that need a register without power.
	if status, _ := w.call(t, "POST", "/power", `{"on":false}`); status != 204 {
		t.Fatalf("power off: %d", status)
	}
	for _, path := range []string{"/clock", "/reset"} {
		op := paths[path].(map[string]any)["post"].(map[string]any)
		body := map[string]string{"/clock": `{"forward":"1s"}`, "/reset": `{}`}[path]
		if status, _ := w.call(t, "POST", path, body); status != 409 {
			t.Errorf("%s without power: %d, want 409", path, status)
		}
		check(t, op, "POST", path, body, 500)
	}
}

// The validator of this test must itself be able to say no.
func TestValidatorRefuses(t *testing.T) {
	d := readDoc(t)
	for name, c := range map[string]struct {
		schema string
		value  any
	}{
		"missing key":   {"Printed", map[string]any{"lines": []any{}, "next": 1.0, "lost": 0.0}},
		"unknown key":   {"Paper", map[string]any{"in": true, "out": false}},
		"wrong type":    {"Paper", map[string]any{"in": "yes"}},
		"null list":     {"Lines", map[string]any{"lines": nil}},
		"negative":      {"Printed", map[string]any{"lines": []any{}, "next": -1.0, "lost": 0.0, "printing": false}},
		"half a line":   {"Printed", map[string]any{"lines": []any{}, "next": 1.5, "lost": 0.0, "printing": false}},
		"time and zone": {"Clock", map[string]any{"time": "2026-01-05T09:00:00Z"}},
		"foreign word":  {"Queued", map[string]any{"document": 1.0, "kind": "sale", "time": "2026-01-05T09:00:00"}},
		"other API":     {"About", map[string]any{"api": "other", "version": 1.0, "can": []any{}}},
	} {
		if err := d.valid(map[string]any{"$ref": "#/components/schemas/" + c.schema}, c.value); err == nil {
			t.Errorf("%s: %v passes as %s", name, c.value, c.schema)
		}
	}
}
