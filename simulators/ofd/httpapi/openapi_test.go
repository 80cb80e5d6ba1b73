package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// doc is the document, and its schemas.
type doc struct {
	paths   map[string]any
	schemas *jsonschema.Compiler
}

const docURL = "openapi.json"

func readDoc(t *testing.T) doc {
	t.Helper()
	var v any
	if err := yaml.UnmarshalWithOptions(openapi, &v, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	all, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(docURL, all); err != nil {
		t.Fatal(err)
	}
	return doc{all.(map[string]any)["paths"].(map[string]any), c}
}

// valid holds JSON to a schema of the document.
func (d doc) valid(t *testing.T, name, raw string) error {
	t.Helper()
	s, err := d.schemas.Compile(docURL + "#/components/schemas/" + name)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(raw))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// schemaOf finds the schema of an answer, "" for one that is no JSON.
func schemaOf(t *testing.T, op map[string]any, status int) string {
	t.Helper()
	responses := op["responses"].(map[string]any)
	r, ok := responses[fmt.Sprint(status)].(map[string]any)
	if !ok || r["$ref"] != nil {
		return "Refusal"
	}
	j, ok := r["content"].(map[string]any)["application/json"].(map[string]any)
	if !ok {
		return ""
	}
	return strings.TrimPrefix(j["schema"].(map[string]any)["$ref"].(string), "#/components/schemas/")
}

func TestDocumentAndServerListTheSameCalls(t *testing.T) {
	d := readDoc(t)
	var listed []string
	for path, item := range d.paths {
		for method := range item.(map[string]any) {
			listed = append(listed, strings.ToUpper(method)+" "+path)
		}
	}
	served := newWorld(t, "").api.Routes()
	slices.Sort(listed)
	slices.Sort(served)
	if !slices.Equal(listed, served) {
		t.Errorf("document\n%s\nserver\n%s", strings.Join(listed, "\n"), strings.Join(served, "\n"))
	}
	page, err := os.ReadFile("../../../docs/ofd.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range served {
		if !bytes.Contains(page, []byte("`"+c+"`")) {
			t.Errorf("docs/ofd.md does not name `%s`", c)
		}
	}
}

// Every call of the document, with its examples, gets an answer that the
// document describes, and so do wrong ones.
func TestServerAgreesWithDocument(t *testing.T) {
	d := readDoc(t)
	w := newWorld(t, "")
	w.json("PUT", "/api/rules/stands", `{"commands":["REPORT"],"do":{"silent":true}}`)
	if r := w.ask(sale(day, 100)); r.GetResult().GetResultCode() != 0 || w.ask(system()) == nil {
		t.Fatal(cpcr.Text(r))
	}
	tried := 0
	check := func(op map[string]any, method, path, body string, want int) {
		t.Helper()
		tried++
		status, header, raw := w.call(method, path, body)
		if status != want {
			t.Errorf("%s %s %s: status %d, want %d: %s", method, path, body, status, want, raw)
			return
		}
		schema := schemaOf(t, op, status)
		if schema == "" {
			return
		}
		if !strings.HasPrefix(header.Get("Content-Type"), "application/json") {
			t.Errorf("%s %s: %q", method, path, header.Get("Content-Type"))
		}
		if err := d.valid(t, schema, raw); err != nil {
			t.Errorf("%s %s: %s is no %s: %v", method, path, raw, schema, err)
		}
	}
	order := w.api.Routes()
	slices.SortStableFunc(order, func(a, b string) int { // what removes comes last
		return boolToInt(strings.HasPrefix(a, "DELETE")) - boolToInt(strings.HasPrefix(b, "DELETE"))
	})
	for _, route := range order {
		method, path, _ := strings.Cut(route, " ")
		if path == "/api/events" {
			continue // has a test of its own
		}
		op := d.paths[path].(map[string]any)[strings.ToLower(method)].(map[string]any)
		if op["summary"] == nil || op["operationId"] == nil {
			t.Errorf("%s: no summary or operationId", route)
		}
		url, queries := path, []string{}
		for _, p := range params(d, op) {
			ex := fmt.Sprint(p["example"])
			if p["in"] == "path" {
				url = strings.Replace(url, "{"+p["name"].(string)+"}", ex, 1)
			} else {
				queries = append(queries, p["name"].(string)+"="+ex)
			}
		}
		if len(queries) > 0 {
			url += "?" + strings.Join(queries, "&")
		}
		ok := 200
		if op["responses"].(map[string]any)["201"] != nil {
			ok = 201
		}
		if body, has := op["requestBody"].(map[string]any); has {
			media := body["content"].(map[string]any)["application/json"].(map[string]any)
			raw, err := json.Marshal(media["example"])
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimPrefix(media["schema"].(map[string]any)["$ref"].(string), "#/components/schemas/")
			if err := d.valid(t, name, string(raw)); err != nil {
				t.Errorf("%s: the example is no %s: %v", route, name, err)
			}
			check(op, method, url, string(raw), ok)
			check(op, method, url, `{"nonsense":1}`, 400)
			check(op, method, url, `{`, 400)
			if status, _, _ := w.call(method, url, string(raw), "Content-Type", "text/plain"); status != 415 {
				t.Errorf("%s with plain text: %d", route, status)
			}
			continue
		}
		check(op, method, url, "", ok)
		if len(queries) > 0 && path != "/api/check" {
			check(op, method, strings.Split(url, "?")[0]+"?nonsense=1", "", 400)
			check(op, method, strings.Split(url, "?")[0]+"?limit=0", "", 400)
			check(op, method, strings.Split(url, "?")[0]+"?limit=501", "", 400)
		}
	}
	if tried < 34 {
		t.Errorf("only %d calls were tried", tried)
	}
	// Refusals that need a state.
	for _, tt := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/api/devices", `{"id":100500}`, 409},
		{"GET", "/api/devices/7", "", 404}, {"GET", "/api/devices/x", "", 400}, {"GET", "/api/devices/0", "", 400}, {"GET", "/api/devices/4294967296", "", 400},
		{"GET", "/api/devices/7/shifts", "", 404}, {"GET", "/api/devices/7/documents", "", 404},
		{"PUT", "/api/devices/7", `{"id":7}`, 404}, {"PUT", "/api/devices/7", `{"id":8}`, 400}, {"PUT", "/api/devices/100500", `{"id":100500,"token":5}`, 400},
		{"GET", "/api/documents/1", "", 404}, {"GET", "/api/documents/99", "", 404},
		{"POST", "/api/acts", `{"device":7,"unblock":true}`, 404},
		{"PUT", "/api/rules/late", `{"do":{"silent":true}}`, 201}, {"PUT", "/api/rules/late", `{"do":{"silent":true}}`, 409}, {"PUT", "/api/rules/x", `{}`, 400},
		{"DELETE", "/api/rules/late", "", 200}, {"DELETE", "/api/rules/late", "", 404},
		{"GET", "/api/check", "", 400}, {"GET", "/api/check?i=1&f=2&s=1.234", "", 400}, {"GET", "/api/check?i=1&f=2&t=yesterday", "", 400},
		{"GET", "/api/nowhere", "", 404}, {"POST", "/api/status", `{}`, 405}, {"DELETE", "/api/devices", "", 405},
		{"POST", "/api/devices", `{"id":5,"serial":"` + strings.Repeat("x", maxBody) + `"}`, 413},
	} {
		status, header, raw := w.call(tt.method, tt.path, tt.body)
		if status != tt.want {
			t.Errorf("%s %s: %d, want %d: %s", tt.method, tt.path, status, tt.want, raw)
		}
		if status >= 400 {
			if err := d.valid(t, "Refusal", raw); err != nil {
				t.Errorf("%s %s: %v", tt.method, tt.path, err)
			}
		}
		if status == 405 && header.Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", tt.method, tt.path)
		}
	}
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// params lists the parameters of a call.
func params(d doc, op map[string]any) (out []map[string]any) {
	list, _ := op["parameters"].([]any)
	for _, p := range list {
		m := p.(map[string]any)
		if r, ok := m["$ref"].(string); ok {
			m = d.component(r)
		}
		out = append(out, m)
	}
	return out
}

func (d doc) component(ref string) map[string]any {
	var v any
	_ = yaml.Unmarshal(openapi, &v) // was read before
	raw, _ := json.Marshal(v)
	at, _ := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		at = at.(map[string]any)[part]
	}
	return at.(map[string]any)
}

// The document must itself be able to say no.
func TestDocumentRefuses(t *testing.T) {
	d := readDoc(t)
	for name, raw := range map[string]string{
		"Refusal":  `{"error":""}`,
		"Status":   `{}`,
		"About":    `{"api":"other","version":1,"cpcr":"","durable":true,"serves":[],"known":[]}`,
		"Acts":     `{"blok":"x"}`,
		"NewRule":  `{"per_mille":1001}`,
		"Action":   `{"reqnum":65536}`,
		"Text":     `{"type":"ADS","text":""}`,
		"Message":  `{"hex":"0","text":"","decoded":{}}`,
		"Exchange": `{"seq":1}`,
	} {
		if d.valid(t, name, raw) == nil {
			t.Errorf("%s passes as %s", raw, name)
		}
	}
}
