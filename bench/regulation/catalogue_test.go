package regulation

import (
	"io/fs"
	"os"
	"testing"
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

func BenchmarkLoadAndLint(b *testing.B) {
	for b.Loop() {
		all, err := LoadAll(catalogues())
		if err != nil {
			b.Fatal(err)
		}
		if ps := Lint(all, nil, nil); len(ps) == 0 {
			b.Fatal("lint without checks finds nothing")
		}
	}
}
