package regulation

import (
	"io/fs"
	"os"
	"testing"

	"github.com/goccy/go-yaml"
)

func catalogues() fs.FS { return os.DirFS("../../fixtures/regulations") }

func edition(t *testing.T, id string) Edition {
	t.Helper()
	e, err := Load(catalogues(), id)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// checksOf describes checks from the rows themselves: this room may not know
// package check. The command lints with the real ones.
func checksOf(all []Edition) []CheckInfo {
	var out []CheckInfo
	seen := map[string]bool{}
	for _, e := range all {
		for _, r := range e.Rows("all") {
			if r.Check == "" || seen[r.Check] {
				continue
			}
			seen[r.Check] = true
			c := CheckInfo{Key: r.Check}
			for name, typ := range map[string]string{"limit": "duration", "answer": "duration", "field": "word", "line": "word", "words": "words", "aspect": "word", "mode": "word", "positions": "int"} {
				c.Params = append(c.Params, ParamInfo{Name: name, Type: typ})
			}
			out = append(out, c)
		}
	}
	return out
}

func BenchmarkLoadAndLint(b *testing.B) {
	for b.Loop() {
		all, err := LoadAll(catalogues())
		if err != nil {
			b.Fatal(err)
		}
		if ps := Lint(all, checksOf(all), nil); len(ps) != 0 {
			b.Fatal(ps[0])
		}
	}
}

// BenchmarkYAML reads the same rows from YAML, the rival of decision 003.
func BenchmarkYAML(b *testing.B) {
	all, err := LoadAll(catalogues())
	if err != nil {
		b.Fatal(err)
	}
	var files [][]byte
	for _, e := range all {
		raw, err := yaml.Marshal(e)
		if err != nil {
			b.Fatal(err)
		}
		files = append(files, raw)
	}
	for b.Loop() {
		for _, raw := range files {
			var e Edition
			if err := yaml.Unmarshal(raw, &e); err != nil {
				b.Fatal(err)
			}
		}
	}
}
