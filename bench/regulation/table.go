package regulation

import (
	"io/fs"
	"strings"
	"unicode/utf8"
)

// empty is how a table writes a cell without content, so that a lost cell can
// never be read as an empty one.
const empty = "-"

// table is a tab-separated file as it stands: a header line, then one record a
// line, no quoting, no comments.
type table struct {
	file   string
	header []string
	at     map[string]int // column of a name
	lines  []record
}

// record is one line of a table.
type record struct {
	line  int
	cells []string
}

// col is the place of a cell in characters.
func (r record) col(i int) int {
	n := 1
	for _, c := range r.cells[:i] {
		n += utf8.RuneCountInString(c) + 1
	}
	return n
}

// readTable reads a file and checks what every table of ours must hold: UTF-8,
// line feeds, the demanded columns, as many cells as the header has, no empty
// cell and no blanks around a value. Lines that fail are reported and left out.
func readTable(fsys fs.FS, file string, want, may []string) (table, Problems) {
	raw, err := fs.ReadFile(fsys, file)
	if err != nil {
		return table{}, Problems{{File: file, Text: "cannot be read (" + err.Error() + ")", Cure: "a tab-separated file"}}
	}
	return parseTable(file, raw, want, may)
}

func parseTable(file string, raw []byte, want, may []string) (table, Problems) {
	t := table{file: file, at: map[string]int{}}
	var ps Problems
	bad := func(line, col int, text, cure string) {
		ps = append(ps, Problem{file, line, col, text, cure})
	}
	if !utf8.Valid(raw) {
		for i, line := range strings.SplitAfter(string(raw), "\n") {
			if !utf8.ValidString(line) {
				bad(i+1, 0, "bytes that are not UTF-8", "the file saved as UTF-8")
				return t, ps
			}
		}
	}
	text := string(raw)
	if strings.HasPrefix(text, "\uFEFF") {
		bad(1, 1, "a byte order mark", "UTF-8 without one")
		return t, ps
	}
	if i := strings.IndexByte(text, '\r'); i >= 0 {
		bad(1+strings.Count(text[:i], "\n"), 0, "a carriage return", "lines that end with a line feed")
		return t, ps
	}
	if !strings.HasSuffix(text, "\n") {
		bad(1+strings.Count(text, "\n"), 0, "the last line has no end", "a line feed after every line: the file may be cut off")
		return t, ps
	}
	head, rest, _ := strings.Cut(text, "\n")
	t.header = strings.Split(head, "\t")
	hr := record{1, t.header}
	known := map[string]bool{}
	for _, n := range append(append([]string{}, want...), may...) {
		known[n] = true
	}
	for i, name := range t.header {
		switch _, twice := t.at[name]; {
		case twice:
			bad(1, hr.col(i), "column "+name+" stands twice", "each column once")
		case !known[name]:
			bad(1, hr.col(i), "column \""+name+"\" is not known", "one of "+strings.Join(append(append([]string{}, want...), may...), ", "))
		}
		t.at[name] = i
	}
	for _, n := range want {
		if _, ok := t.at[n]; !ok {
			bad(1, 0, "column "+n+" is missing", strings.Join(want, ", "))
		}
	}
	if len(ps) > 0 {
		return t, ps
	}
	for n := 2; rest != ""; n++ {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		r := record{n, make([]string, 0, len(t.header))}
		for c := range strings.SplitSeq(line, "\t") {
			r.cells = append(r.cells, c)
		}
		if len(r.cells) != len(t.header) {
			bad(n, 0, itoa(len(r.cells))+" cells", itoa(len(t.header))+" as in the header, an empty one written as -")
			continue
		}
		ok := true
		for i, c := range r.cells {
			switch {
			case c == "":
				bad(n, r.col(i), t.header[i]+" is empty", "- for an empty cell")
				ok = false
			case strings.TrimSpace(c) != c || strings.Contains(c, "  "):
				bad(n, r.col(i), t.header[i]+" has needless blanks", "single blanks between words and none around")
				ok = false
			}
		}
		if ok {
			t.lines = append(t.lines, r)
		}
	}
	if len(t.lines) == 0 && len(ps) == 0 {
		bad(1, 0, "no line after the header", "at least one")
	}
	return t, ps
}

// get reads a cell, "" for an empty one or a column that the table does not have.
func (t table) get(r record, name string) string {
	i, ok := t.at[name]
	if !ok || r.cells[i] == empty {
		return ""
	}
	return r.cells[i]
}

// problem points at a cell.
func (t table) problem(r record, name, text, cure string) Problem {
	col := 0
	if i, ok := t.at[name]; ok {
		col = r.col(i)
	}
	return Problem{t.file, r.line, col, text, cure}
}
