package main

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/bench/regulation/wording"
	"github.com/kkmtest/kkmtest/reports"
)

// document is a run as one edition judges it, and what is appended to the names
// of its files.
type document struct {
	reports.Run
	suffix string
	key    ed25519.PrivateKey // signs the in-toto statement; nil leaves it bare
}

// documents are what all editions say about a run directory.
func documents(dir string, all []judged) []document {
	var out []document
	for _, j := range all {
		out = append(out, document{Run: j.report(dir), suffix: j.suffix()})
	}
	return out
}

// languages are those of the documents of an edition: those that were asked for,
// or all that it has titles in.
func languages(e regulation.Edition, asked []regulation.Lang) ([]regulation.Lang, error) {
	if len(asked) == 0 {
		return e.Langs, nil
	}
	for _, l := range asked {
		if !slices.Contains(e.Langs, l) {
			var have []string
			for _, x := range e.Langs {
				have = append(have, string(x))
			}
			return nil, fmt.Errorf("--lang %s: %s has titles in %s", l, e.ID, strings.Join(have, ", "))
		}
	}
	return asked, nil
}

// write writes the documents of one edition and returns their names. Each is
// written whole or not at all: half a form looks like a form.
func (d document) write(out string, formats []reports.Format, langs []regulation.Lang, oneTable bool) ([]string, error) {
	langs, err := languages(d.Edition, langs)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range formats {
		for _, file := range reports.Files(f, d.suffix, langs, oneTable) {
			var b bytes.Buffer
			write := file.Write
			if f == reports.InToto && d.key != nil {
				write = func(w io.Writer, r reports.Run) error { return reports.WriteEnvelope(w, r, d.key) }
			}
			if err := write(&b, d.Run); err != nil {
				return names, err
			}
			name := filepath.Join(out, file.Name)
			if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
				return names, err
			}
			names = append(names, name)
		}
	}
	return names, nil
}

// tell prints what stands apart from the verdicts: how complete the third column
// is, what the profile leaves out, and where the record contradicts it.
func (d document) tell(w io.Writer, p asker) error {
	filled, due, err := d.Column()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "  third column: %d of %d rows filled in\n", filled, due)
	for _, m := range check.Undeclared(d.Findings) {
		fmt.Fprintf(w, "  %s; it decides %s\n", p.Ask(m.Key), strings.Join(m.Rows, ", "))
	}
	for _, c := range d.Contradictions {
		var at []string
		for _, e := range c.Events {
			at = append(at, fmt.Sprint(e))
		}
		fmt.Fprintf(w, "  %s declares %s, the record shows %s (history %s)\n", c.Declaration, c.Declared, c.Seen, strings.Join(at, ", "))
	}
	return nil
}

// asker asks for a property by name: [profile.Profile].
type asker interface{ Ask(field string) string }

// overlays reads the imported official wordings. Each goes to the edition that it
// is of; one that none of the editions is, is an error.
func overlays(files []string, docs []document) error {
	if len(files) == 0 {
		return nil
	}
	all, err := catalogues()
	if err != nil {
		return err
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("--wording: %w", err)
		}
		o, err := wording.Decode(name, raw, all)
		if err != nil {
			return fmt.Errorf("--wording: %w", err)
		}
		hit := false
		var judgedBy []string
		for i := range docs {
			d := &docs[i]
			judgedBy = append(judgedBy, d.Edition.ID)
			if d.Edition.ID != o.Edition {
				continue
			}
			hit = true
			d.Edition = d.Edition.WithWording(o.Lang, o.Words())
			source := fmt.Sprintf("%s: %s, SHA-256 %s", o.Lang, o.Source, o.Digest)
			d.Wording = strings.TrimPrefix(d.Wording+"; "+source, "; ")
		}
		if !hit {
			return fmt.Errorf("--wording %s: it is of %s, the run was judged by %s", name, o.Edition, strings.Join(judgedBy, ", "))
		}
	}
	return nil
}
