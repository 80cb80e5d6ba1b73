package words

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/regulation"
)

var hole = regexp.MustCompile(`\{[^}]*\}`)

// Target 98: every text in every language, with the same holes in each.
func TestTableIsComplete(t *testing.T) {
	if len(table) < 100 {
		t.Fatalf("only %d entries", len(table))
	}
	for key, e := range table {
		var holes [][]string
		for _, l := range Langs {
			s := e.In(l)
			if strings.TrimSpace(s) == "" || s != strings.TrimSpace(s) {
				t.Errorf("%s, %s: %q", key, l, s)
			}
			h := hole.FindAllString(s, -1)
			slices.Sort(h)
			holes = append(holes, h)
		}
		for i := range holes {
			if !slices.Equal(holes[0], holes[i]) {
				t.Errorf("%s: holes differ: %q in %s, %q in %s", key, holes[0], Langs[0], holes[i], Langs[i])
			}
		}
	}
	for key := range kyrgyz {
		if _, ok := table[key]; !ok {
			t.Errorf("%s stands in Kyrgyz only", key)
		}
	}
}

// Kazakh written with Russian words, or a Kazakh text under the Russian key, is
// the mistake that nobody sees.
func TestLanguagesAreThemselves(t *testing.T) {
	letters := func(s, set string) bool { return strings.ContainsAny(strings.ToLower(s), set) }
	same := []string{"unit.min", "unit.s", "lang.", "id.edition", "id.operator"}
	for key, e := range table {
		if letters(e.RU, "әғқңөұүһі") && !strings.HasPrefix(key, "lang.") {
			t.Errorf("%s: the Russian text has Kazakh letters: %s", key, e.RU)
		}
		if letters(e.EN, "абвгдежзиклмнопрстуфхцчшщыэюя") && !strings.HasPrefix(key, "lang.") {
			t.Errorf("%s: the English text has Cyrillic letters: %s", key, e.EN)
		}
		if letters(e.KY, "әғқұһі") && !strings.HasPrefix(key, "lang.") {
			t.Errorf("%s: the Kyrgyz text has letters that only Kazakh has: %s", key, e.KY)
		}
		if e.KY == e.KK && len([]rune(e.KY)) > 12 && !strings.Contains(e.KY, "SHA-256") && !strings.HasPrefix(key, "lang.") {
			t.Errorf("%s is the same in Kazakh and Kyrgyz: %s", key, e.KY)
		}
		alike := e.KK == e.RU || e.RU == e.EN
		if alike && !slices.ContainsFunc(same, func(p string) bool { return strings.HasPrefix(key, p) }) {
			t.Errorf("%s is the same in two languages: %q, %q, %q", key, e.KK, e.RU, e.EN)
		}
	}
}

// The table and the code that asks it must agree, both ways.
func TestKeysMatchTheCode(t *testing.T) {
	asked := map[string][]string{}
	keyForm := regexp.MustCompile(`^[a-z]+\.[a-z.]*$`)
	prefixes := map[string]bool{}
	for key := range table {
		p, _, _ := strings.Cut(key, ".")
		prefixes[p] = true
	}
	note := func(s, where string) {
		p, _, ok := strings.Cut(s, ".")
		if ok && keyForm.MatchString(s) && prefixes[p] {
			asked[s] = append(asked[s], where)
		}
	}
	inTemplate := regexp.MustCompile(`"([a-z]+\.[a-z.]*)"`)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "table.go") || strings.HasSuffix(path, "kyrgyz.go"):
			return err
		case strings.HasSuffix(path, ".gohtml"):
			raw, err := os.ReadFile(path)
			for _, m := range inTemplate.FindAllStringSubmatch(string(raw), -1) {
				note(m[1], path)
			}
			return err
		case !strings.HasSuffix(path, ".go"):
			return nil
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				s, _ := strconv.Unquote(l.Value)
				note(s, set.Position(l.Pos()).String())
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	files := regexp.MustCompile(`\.(xml|json|jsonl|html|docx|pdf|yaml|css|js|gohtml)$`)
	for key, where := range asked {
		if _, ok := table[key]; ok || files.MatchString(key) || strings.HasSuffix(key, ".") {
			continue
		}
		t.Errorf("%s is not in the table; asked for at %s", key, strings.Join(where, ", "))
	}
	for key := range table {
		if len(asked[key]) > 0 {
			continue
		}
		// Families are asked for by a prefix that ends in a point.
		p, _, _ := strings.Cut(key, ".")
		if len(asked[p+"."]) == 0 {
			t.Errorf("%s stands in the table and nobody asks for it", key)
		}
	}
}

func TestT(t *testing.T) {
	if got := T(RU, "measure.limit", "72 ч"); got != "предел 72 ч" {
		t.Errorf("got %q", got)
	}
	if got := T(EN, "no.such"); got != "?no.such?" {
		t.Errorf("an unknown key must show itself, got %q", got)
	}
	if got := T("de", "result.pass"); got != "pass" {
		t.Errorf("a language that the table lacks falls back to English, got %q", got)
	}
}

func TestDuration(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		d          time.Duration
		kk, ru, en string
	}{
		{0, "0 с", "0 с", "0 s"},
		{72 * time.Hour, "72 сағ", "72 ч", "72 h"},
		{72*time.Hour + 59*time.Second + 500*ms, "72 сағ 0 мин 59,5 с", "72 ч 0 мин 59,5 с", "72 h 0 min 59.5 s"},
		{90 * time.Second, "1 мин 30 с", "1 мин 30 с", "1 min 30 s"},
		{2 * time.Minute, "2 мин", "2 мин", "2 min"},
		{6901 * ms, "6,901 с", "6,901 с", "6.901 s"},
		{time.Nanosecond, "0,000000001 с", "0,000000001 с", "0.000000001 s"},
		{-99 * ms, "−0,099 с", "−0,099 с", "−0.099 s"},
	} {
		for l, want := range map[regulation.Lang]string{KK: tt.kk, RU: tt.ru, EN: tt.en} {
			got := Duration(l, tt.d)
			if strings.Contains(got, " ") {
				t.Errorf("%v in %s may be torn at a line end: %q", tt.d, l, got)
			}
			if strings.ReplaceAll(got, nbsp, " ") != want {
				t.Errorf("%v in %s: got %q, want %q", tt.d, l, got, want)
			}
		}
	}
	if got := Span(EN, 6*time.Second, 6*time.Second); got != "6"+nbsp+"s" {
		t.Errorf("got %q", got)
	}
}

func TestDate(t *testing.T) {
	for _, tt := range []struct {
		l          regulation.Lang
		give, want string
	}{
		{KK, "2026-01-01", "01.01.2026"}, {RU, "2018-03-24", "24.03.2018"}, {EN, "2026-01-01", "2026-01-01"}, {RU, "soon", "soon"}, {RU, "", ""},
	} {
		if got := Date(tt.l, tt.give); got != tt.want {
			t.Errorf("%s %q: got %q, want %q", tt.l, tt.give, got, tt.want)
		}
	}
}
