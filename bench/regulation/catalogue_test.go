package regulation

import (
	"io/fs"
	"os"
	"slices"
	"strings"
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
	types := map[string]string{"limit": "duration", "answer": "duration", "positions": "int"}
	at := map[string]int{}
	var out []CheckInfo
	for _, e := range all {
		for _, r := range e.Rows("all") {
			if r.Check == "" {
				continue
			}
			i, ok := at[r.Check]
			if !ok {
				i = len(out)
				at[r.Check], out = i, append(out, CheckInfo{Key: r.Check})
			}
			for name := range r.Params {
				typ := types[name]
				if typ == "" {
					typ = "text"
				}
				if c := &out[i]; !slices.ContainsFunc(c.Params, func(p ParamInfo) bool { return p.Name == name }) {
					c.Params = append(c.Params, ParamInfo{Name: name, Type: typ})
				}
			}
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

// The counts of the acts, from the README of the sources: 431 has 426 printed
// numbers, 626 has 229, the Kyrgyz draft 70 atomic rows.
func TestCounts(t *testing.T) {
	tests := []struct {
		edition, section             string
		printed, requiring, headings int // headings with the section title, printed ones included
	}{
		{"kz-431-2014", "I", 157, 157, 7},
		{"kz-431-2014", "II", 133, 132, 5},
		{"kz-431-2014", "III", 136, 135, 6},
		{"kz-626-2025", "I", 78, 78, 6},
		{"kz-626-2025", "II", 50, 50, 4},
		{"kz-626-2025", "III", 79, 79, 7},
		{"kz-626-2025", "R", 22, 22, 1},
		{"kg-9-10-draft", "all", 70, 70, 9},
	}
	for _, tt := range tests {
		e := edition(t, tt.edition)
		printed, requiring, headings := 0, 0, 0
		for _, r := range e.Rows(tt.section) {
			if tt.section != "all" && r.Section != tt.section {
				continue // the receipt chapter
			}
			if r.Printed != "" {
				printed++
			}
			if r.Kind == Heading || r.Kind == SectionTitle {
				headings++
			} else {
				requiring++
			}
		}
		if printed != tt.printed || requiring != tt.requiring || headings != tt.headings {
			t.Errorf("%s %s: %d printed, %d requiring, %d headings, want %d, %d, %d", tt.edition, tt.section, printed, requiring, headings, tt.printed, tt.requiring, tt.headings)
		}
	}
}

func TestReceiptChapterBelongsToEachSection(t *testing.T) {
	e := edition(t, "kz-626-2025")
	for section, want := range map[string]string{"I": "I R", "II": "II R", "III": "III R", "R": "R", "all": "I II III R"} {
		var got []string
		for _, s := range e.For(section) {
			got = append(got, s.ID)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %v, want %s", section, got, want)
		}
	}
	if rows, err := Select(e, "II", []string{"R56.14", "61"}); err != nil || numbers(rows) != "61 R56.14" {
		t.Errorf("got %s, %v", numbers(rows), err)
	}
	if o := edition(t, "kz-431-2014"); len(o.For("II")) != 1 || o.For("R") != nil {
		t.Error("order 431 has no receipt chapter")
	}
}

// The form is read from top to bottom: the order of lines is a fact of the act.
func TestOrder(t *testing.T) {
	e := edition(t, "kz-431-2014")
	for section, want := range map[string]string{
		"I":   "I.h0 I 1 1.1 1.2 1.3 2 2.1 2.2 2.3 2.4 3 3.1 3.2 3.3 4 5 6 7 8 9 10 11 12 13 14 15 16 I.h1 17 18 19",
		"II":  "II 38 38.1 38.2 38.3 39 39.1 39.2 40 40.1 40.2 41 42 43 44 45 46 47 48 49 II.h1 50 51 52",
		"III": "III 67 67.1 67.2 67.3 68 68.1 68.2 68.3 68.4 69 69.1 69.2 69.3 70 71 72 73 74 75 76 77 78 79 80 81 82 III.h1 83 84 85",
	} {
		if got := numbers(e.Rows(section)); !strings.HasPrefix(got, want+" ") {
			t.Errorf("%s begins %s", section, got[:len(want)+1])
		}
	}
	last := map[string]string{"I": "37.4", "II": "66.3", "III": "104.4"}
	for section, want := range last {
		rows := e.Rows(section)
		if got := rows[len(rows)-1].Number; got != want {
			t.Errorf("%s ends with %s, want %s", section, got, want)
		}
	}
}

// Numbers that the acts print wrongly, as the README of the sources resolves them.
func TestPrintedNumbers(t *testing.T) {
	for _, tt := range []struct{ edition, number, printed string }{
		{"kz-431-2014", "20.25", "20.26"}, {"kz-431-2014", "85.35", "84.35"}, {"kz-431-2014", "100", ""}, {"kz-431-2014", "101", "100."}, {"kz-431-2014", "101.1", "101."},
		{"kz-431-2014", "101.3", "101.2"}, {"kz-431-2014", "III.h4", "104."}, {"kz-431-2014", "104", "104.1"}, {"kz-431-2014", "104.3", "104.4"}, {"kz-431-2014", "104.4", "104.4"},
		{"kz-431-2014", "61", "61."}, {"kz-431-2014", "98", "98."}, {"kz-626-2025", "44.3", "43.3"}, {"kz-626-2025", "73.3", "74.3"}, {"kz-626-2025", "36", "36.."}, {"kz-626-2025", "5", "5"},
		{"kz-626-2025", "R56.16", "56.16"}, {"kg-9-10-draft", "A8.9", "8"}, {"kg-9-10-draft", "56-1.2", "56-1"},
	} {
		r, err := edition(t, tt.edition).Find(tt.number)
		if err != nil || r.Printed != tt.printed {
			t.Errorf("%s %s: printed %q, %v, want %q", tt.edition, tt.number, r.Printed, err, tt.printed)
		}
		if n := strings.TrimRight(tt.printed, "."); n != tt.number && r.Section != ReceiptChapter && tt.edition != "kg-9-10-draft" && r.Defect == "" {
			t.Errorf("%s %s: no word on the number", tt.edition, tt.number)
		}
	}
}

// The limits of the README's table of key figures.
func TestFigures(t *testing.T) {
	for _, tt := range []struct{ edition, row, name, value string }{
		{"kz-431-2014", "1", "positions", "4"}, {"kz-431-2014", "38", "positions", "4"}, {"kz-431-2014", "67", "positions", "4"}, {"kz-626-2025", "77", "positions", "4"},
		{"kz-431-2014", "13", "limit", "24h"}, {"kz-431-2014", "46", "limit", "24h"}, {"kz-431-2014", "79", "limit", "24h"}, {"kz-626-2025", "14", "limit", "24h"}, {"kz-626-2025", "93", "limit", "24h"},
		{"kz-431-2014", "17", "channels", "2"}, {"kz-626-2025", "18", "channels", "2"}, {"kz-626-2025", "19", "channels", "1"},
		{"kz-431-2014", "23", "limit", "7s"}, {"kz-431-2014", "56", "limit", "7s"}, {"kz-431-2014", "89", "limit", "7s"}, {"kz-626-2025", "25", "limit", "7s"}, {"kz-626-2025", "61", "limit", "7s"}, {"kz-626-2025", "102", "limit", "7s"},
		{"kz-431-2014", "27", "answer", "5s"}, {"kz-431-2014", "27.1", "answer", "5s"}, {"kz-431-2014", "93", "answer", "5s"}, {"kz-626-2025", "29", "answer", "5s"}, {"kz-626-2025", "106", "answer", "5s"},
		{"kz-431-2014", "27.6", "limit", "72h"}, {"kz-431-2014", "93.6", "limit", "72h"}, {"kz-626-2025", "29.6", "limit", "72h"}, {"kz-626-2025", "106.6", "limit", "72h"},
		{"kz-431-2014", "7", "retention", "720h"}, {"kz-431-2014", "26", "retention", "720h"}, {"kz-626-2025", "28", "retention", "720h"}, {"kz-626-2025", "104", "retention_years", "5"},
		{"kz-626-2025", "40.2", "length", "12"}, {"kz-626-2025", "34", "qr_fields", "4"}, {"kz-626-2025", "86", "compare_per_shift", "2"}, {"kz-626-2025", "124", "level", "3"},
		{"kg-9-10-draft", "56-1.2", "retention_days", "90"}, {"kg-9-10-draft", "65", "cashiers", "2"}, {"kg-9-10-draft", "69.2", "copies", "2"}, {"kg-9-10-draft", "20", "packet", "100"},
	} {
		r, err := edition(t, tt.edition).Find(tt.row)
		if err != nil || r.Params[tt.name] != tt.value {
			t.Errorf("%s %s: %s=%s (%v), want %s", tt.edition, tt.row, tt.name, r.Params[tt.name], err, tt.value)
		}
	}
}

// One check serves clauses of more than one edition (target 3).
func TestOneCheckServesManyRows(t *testing.T) {
	all, err := LoadAll(catalogues())
	if err != nil {
		t.Fatal(err)
	}
	rows, in := map[string]int{}, map[string]map[string]bool{}
	for _, e := range all {
		for _, r := range e.Rows("all") {
			if r.Check != "" {
				rows[r.Check]++
				if in[r.Check] == nil {
					in[r.Check] = map[string]bool{}
				}
				in[r.Check][e.ID] = true
			}
		}
	}
	for _, k := range []string{"offline.cutoff", "shift.limit", "latency.online", "access.password", "receipt.lines", "fiscal.sign"} {
		if rows[k] < 3 || len(in[k]) < 2 {
			t.Errorf("%s serves %d rows of %d editions", k, rows[k], len(in[k]))
		}
	}
}
