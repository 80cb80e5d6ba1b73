package operator

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/kkmtest/kkmtest/bench/clock"
)

// Sizes that are the bench's choice: more is a mistake of the person.
const (
	maxYAML  = 4 << 20
	maxLines = 2000 // of one document on paper
)

// written is an answer as it stands in a file.
type written struct {
	For         string               `yaml:"for"`
	Person      string               `yaml:"person"`
	Got         string               `yaml:"got"`
	Words       string               `yaml:"words"`
	Code        int                  `yaml:"code"`
	Doc         uint64               `yaml:"doc"`
	Sign        string               `yaml:"sign"`
	Shown       *textLines           `yaml:"shown"`
	Printed     *textLines           `yaml:"printed"`
	PrintedFile string               `yaml:"printed_file"`
	Form        map[string]textLines `yaml:"form"`
	Files       []string             `yaml:"files"`
	Display     string               `yaml:"display"`
	Model       string               `yaml:"model"`
	Serial      string               `yaml:"serial"`
	Firmware    string               `yaml:"firmware"`
	Shift       string               `yaml:"shift"`
	Unsent      *int                 `yaml:"unsent"`
	Value       string               `yaml:"value"`
	Confirmed   string               `yaml:"confirmed"`
	Keyed       string               `yaml:"keyed"` // RFC 3339, only where a person answers now
	Stood       string               `yaml:"stood"`
}

// textLines are lines, as a list or as a block of text.
type textLines []string

// UnmarshalYAML takes a text or a list of texts.
func (t *textLines) UnmarshalYAML(unmarshal func(any) error) error {
	var list []string
	if unmarshal(&list) == nil {
		*t = append(textLines{}, list...)
		return nil
	}
	var s string
	if err := unmarshal(&s); err != nil {
		return errors.New("want a text, or a list of lines")
	}
	*t = textLines(split(s))
	return nil
}

// split makes lines of a text; the line feed at its end begins no line.
func split(s string) []string {
	s = strings.TrimSuffix(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	if s == "" {
		return []string{}
	}
	return strings.Split(s, "\n")
}

// reply turns a written answer into one. dir is where its files lie; now is nil
// where nobody answers at this moment.
func (w written) reply(dir string, now *clock.Instant) (Reply, error) {
	r := Reply{Person: w.Person, Got: w.Got, Words: w.Words, Code: w.Code, Doc: w.Doc, Sign: w.Sign, Display: w.Display,
		Model: w.Model, Serial: w.Serial, Firmware: w.Firmware, Shift: w.Shift, Unsent: w.Unsent, Value: w.Value, Confirmed: w.Confirmed}
	if w.Shown != nil {
		r.Shown = append([]string{}, *w.Shown...)
	}
	n := 0
	if w.Printed != nil {
		n++
		r.Printed, r.Read = *w.Printed, true
	}
	if w.PrintedFile != "" {
		n++
		raw, err := os.ReadFile(place(dir, w.PrintedFile))
		switch {
		case err != nil:
			return r, fmt.Errorf("printed_file: %w", err)
		case len(raw) > maxYAML || !utf8.Valid(raw):
			return r, fmt.Errorf("printed_file %s: want a text in UTF-8 of at most %d bytes", w.PrintedFile, maxYAML)
		}
		r.Printed, r.Read = split(string(raw)), true
		w.Files = append(w.Files, w.PrintedFile)
	}
	if w.Form != nil {
		n++
		for name := range w.Form {
			if !slices.Contains(formLines, name) {
				return r, fmt.Errorf("form: line %q: want some of %s", name, strings.Join(formLines, ", "))
			}
		}
		for _, name := range formLines {
			r.Printed = append(r.Printed, w.Form[name]...)
		}
		r.Read = true
	}
	if n > 1 {
		return r, errors.New("printed, printed_file and form: want one of them")
	}
	if len(r.Printed) > maxLines {
		return r, fmt.Errorf("printed: %d lines: want at most %d", len(r.Printed), maxLines)
	}
	for _, l := range slices.Concat(r.Printed, r.Shown) {
		if strings.ContainsFunc(l, unicode.IsControl) {
			return r, fmt.Errorf("line %q: want text without control codes", l)
		}
	}
	for _, f := range w.Files {
		p := place(dir, f)
		st, err := os.Stat(p)
		switch {
		case err != nil:
			return r, fmt.Errorf("files: %w", err)
		case !st.Mode().IsRegular() || st.Size() > maxFile:
			return r, fmt.Errorf("files: %s: want a file of at most %d bytes", f, maxFile)
		}
		r.Files = append(r.Files, p)
	}
	return r, w.marks(&r, now)
}

func place(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// marks turns moments of the wall clock into instants of the bench.
func (w written) marks(r *Reply, now *clock.Instant) error {
	for _, m := range []struct {
		name, text string
		into       *clock.Instant
	}{{"keyed", w.Keyed, &r.Keyed}, {"stood", w.Stood, &r.Stood}} {
		if m.text == "" {
			continue
		}
		if now == nil {
			return fmt.Errorf("%s: a moment can only be marked by a person who answers now, not in a script", m.name)
		}
		t, err := time.Parse(time.RFC3339Nano, m.text)
		if err != nil {
			return fmt.Errorf("%s %q: want a time such as 2026-01-05T09:00:00.250Z", m.name, m.text)
		}
		ago := now.Wall.Sub(t)
		if ago < 0 || ago > now.Mono {
			return fmt.Errorf("%s %s: want a time between the beginning of the run and now", m.name, m.text)
		}
		*m.into = now.Add(-ago)
	}
	return nil
}

// document parses YAML and keeps its tree, so that errors have places.
type document struct {
	name string
	file *ast.File
}

func parseYAML(name string, raw []byte, into any) (document, error) {
	d := document{name: name}
	if len(raw) > maxYAML || !utf8.Valid(raw) {
		return d, fmt.Errorf("%s: %d bytes: want YAML in UTF-8 of at most %d", name, len(raw), maxYAML)
	}
	var err error
	if d.file, err = parser.ParseBytes(raw, 0); err == nil {
		err = yaml.UnmarshalWithOptions(raw, into, yaml.Strict())
	}
	if err == nil {
		return d, nil
	}
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil && y.GetToken().Position != nil {
		at := y.GetToken().Position
		return d, fmt.Errorf("%s:%d:%d: %s", name, at.Line, at.Column, y.GetMessage())
	}
	return d, fmt.Errorf("%s: %w", name, err)
}

// at is the place of a path such as answers[2].
func (d document) at(path string) string {
	if p, err := yaml.PathString("$." + path); err == nil {
		if n, err := p.FilterFile(d.file); err == nil && n != nil && n.GetToken() != nil {
			at := n.GetToken().Position
			if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
				at = m.Values[0].Key.GetToken().Position
			}
			return fmt.Sprintf("%s:%d:%d", d.name, at.Line, at.Column)
		}
	}
	return d.name + ":1:1"
}
