package strict

import (
	"strings"
	"testing"
)

func TestEverythingWrongIsSaidAtOnce(t *testing.T) {
	r, root, err := Read("f.yaml", []byte("a: x\nb: [1, 2.10]\nc: {d: 1}\nx: 1\n"), "a and b")
	if err != nil {
		t.Fatal(err)
	}
	var items []string
	r.Mapping(root, "file", map[string]func(Node){
		"a": func(n Node) { r.Text(n, "a") },
		"b": func(n Node) { r.List(n, "b", func(n Node) { items = append(items, r.Text(n, "entry")) }) },
		"c": func(n Node) { r.Text(n, "c") },
		"e": func(n Node) { t.Error("e is not there") },
	}, "e")
	if got := strings.Join(items, "|"); got != "1|2.10" {
		t.Errorf("entries %s, want them as written", got)
	}
	for _, want := range []string{"f.yaml:3:5: c: want a text, got Mapping", `f.yaml:4:1: file: unknown key "x": want one of a, b, c, e`, `f.yaml:1:1: file: key "e" is missing`} {
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestReadErrors(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"syntax", "a: [", "f.yaml: [1:4]"},
		{"empty", "", "f.yaml:1:1: want one YAML document with rows"},
		{"two documents", "a: 1\n---\na: 2\n", "f.yaml:1:1: want one YAML document with rows"},
	} {
		if _, _, err := Read("f.yaml", []byte(tt.text), "rows"); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
}

func TestPlacesAndCures(t *testing.T) {
	keys := func(r *Reader) map[string]func(Node) {
		return map[string]func(Node){
			"name": func(n Node) { r.Text(n, "name") },
			"rows": func(n Node) { r.List(n, "rows", func(n Node) { r.Text(n, "row") }) },
		}
	}
	for _, tt := range []struct{ name, text, want string }{
		{"unknown key", "name: a\nrow: 1\n", `f.yaml:2:1: file: unknown key "row": want one of name, rows`},
		{"missing key", "rows: [1]\n", `f.yaml:1:1: file: key "name" is missing`},
		{"list for a text", "name: [a]\n", `f.yaml:1:7: name: want a text, got Sequence`},
		{"text for a list", "name: a\nrows: b\n", `f.yaml:2:7: rows: want a list, got String`},
		{"empty text", `name: ""` + "\n", `f.yaml:1:7: name: want a text, got an empty one`},
		{"list for a file", "- a\n", `f.yaml:1:1: file: want a mapping, got Sequence`},
	} {
		r, root, err := Read("f.yaml", []byte(tt.text), "rows")
		if err != nil {
			t.Fatal(err)
		}
		r.Mapping(root, "file", keys(r), "name")
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
}
