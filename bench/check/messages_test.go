package check

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

var hole = regexp.MustCompile(`\{[a-z]+\}`)

// Every message stands in every language, with the same parts and the same holes.
func TestMessagesAreComplete(t *testing.T) {
	for _, key := range Keys() {
		parts := func(p Phrase) []string { return []string{p.Want, p.Got, p.Hint, p.Why} }
		first := parts(phrases[key][Langs[0]])
		if (first[0] == "") == (first[3] == "") || (first[0] == "") != (first[1] == "") {
			t.Errorf("%s: want either want and got, or why; have %q", key, first)
		}
		for _, lang := range Langs {
			for i, text := range parts(phrases[key][lang]) {
				if (text == "") != (first[i] == "") {
					t.Errorf("%s in %s: part %d is %q, in %s it is %q", key, lang, i, text, Langs[0], first[i])
				}
				if text != strings.TrimSpace(text) {
					t.Errorf("%s in %s: blanks around %q", key, lang, text)
				}
			}
		}
	}
	for w, texts := range vocabulary {
		for _, lang := range Langs {
			if texts[lang] == "" {
				t.Errorf("word %s is missing in %s", w, lang)
			}
		}
	}
}

// The keys that the code uses and the keys of the table are the same, and every
// word that a check can come up with is in the vocabulary.
func TestMessagesAreUsed(t *testing.T) {
	used := map[string]bool{}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	for _, e := range files {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, e.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				s, _ := strconv.Unquote(l.Value)
				if _, ok := phrases[s]; ok {
					used[s] = true
				}
				if w, ok := strings.CutPrefix(s, "@"); ok && w != "" && !strings.HasSuffix(w, ".") && vocabulary[w] == nil {
					t.Errorf("%s: word %q is not in words.tsv", e.Name(), s)
				}
			}
			c, ok := n.(*ast.CallExpr)
			if !ok || len(c.Args) == 0 {
				return true
			}
			name := ""
			switch fun := c.Fun.(type) {
			case *ast.Ident:
				name = fun.Name
			}
			if l, ok := c.Args[0].(*ast.BasicLit); ok && slices.Contains([]string{"fail", "absent", "unsure", "notApplicable", "notChecked"}, name) {
				if s, _ := strconv.Unquote(l.Value); phrases[s] == nil {
					t.Errorf("%s: message %q is not in messages.tsv", e.Name(), s)
				}
			}
			return true
		})
	}
	for _, k := range Keys() {
		if !used[k] {
			t.Errorf("message %s is used nowhere", k)
		}
	}
	for _, f := range ticketFields {
		word := func(w string) {
			if vocabulary[w] == nil {
				t.Errorf("word %s is not in words.tsv", w)
			}
		}
		word("field." + f.name)
		for _, x := range f.tells {
			word("form." + x)
		}
	}
	for _, f := range zFields {
		if vocabulary["z."+f.name] == nil {
			t.Errorf("word z.%s is not in words.tsv", f.name)
		}
		for _, x := range f.tells {
			if vocabulary["form."+x] == nil {
				t.Errorf("word form.%s is not in words.tsv", x)
			}
		}
	}
	for _, l := range receiptLines {
		if vocabulary["receipt."+l.name] == nil {
			t.Errorf("word receipt.%s is not in words.tsv", l.name)
		}
	}
}

func TestSayFillsIn(t *testing.T) {
	a := args{"limit": "72h", "age": "72h01m00s ± 0.4s", "kind": "@op.sale", "base": "17"}
	for _, lang := range Langs {
		p, ok := Say(lang, "cutoff.late", a)
		if !ok || hole.MatchString(p.Want+p.Got+p.Hint) || strings.Contains(p.Got, "@") {
			t.Errorf("%s: %+v", lang, p)
		}
	}
	if p, _ := Say("ru", "cutoff.late", a); p.Got != "операция «продажа» при 72h01m00s ± 0.4s" {
		t.Errorf("ru: %q", p.Got)
	}
	if _, ok := Say("en", "no.such.key", nil); ok {
		t.Error("an unknown key was said")
	}
}

// Every reading that a check can cite stands in docs/readings.md, and none that
// nobody cites.
func TestReadingsAreWrittenDown(t *testing.T) {
	raw, err := os.ReadFile("../../docs/readings.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, r := range Readings() {
		known[r.ID] = true
		if !strings.Contains(string(raw), `<a id="`+r.ID+`"></a>`) {
			t.Errorf("reading %s has no place in docs/readings.md", r.ID)
		}
		if r.Text == "" {
			t.Errorf("reading %s says nothing", r.ID)
		}
	}
	for _, m := range regexp.MustCompile(`<a id="([^"]+)">`).FindAllStringSubmatch(string(raw), -1) {
		if !known[m[1]] {
			t.Errorf("docs/readings.md has %s, which no check cites", m[1])
		}
	}
}

// What a check measures, and where drivers and checks say that its uncertainty
// comes from, is said in every language.
func TestMeasurementsAreSaid(t *testing.T) {
	names, sources := 0, 0
	known := func(path, key string) {
		t.Helper()
		if vocabulary[key] == nil {
			t.Errorf("%s: %q is not in words.tsv", path, key)
		}
	}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		raw, err := os.ReadFile(path)
		for _, m := range regexp.MustCompile(`Measured\{Name: "([^"]+)"`).FindAllStringSubmatch(string(raw), -1) {
			names++
			known(path, "measured."+m[1])
		}
		for _, m := range regexp.MustCompile(`(?:Bounds: |(?:addBlur|\.Blur)\([^\n]*, )"([^"]+)"`).FindAllStringSubmatch(string(raw), -1) {
			sources++
			known(path, "bounds."+m[1])
		}
		for _, m := range regexp.MustCompile(`(?m)Sources(?:: | \+= )[^"\n]*"(?:; )?([^"%\n]+?)(?: %v)?"`).FindAllStringSubmatch(string(raw), -1) {
			sources++
			known(path, "bounds."+m[1])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if names < 4 || sources < 6 {
		t.Errorf("only %d names and %d sources seen: the patterns are wrong", names, sources)
	}
}

func TestMeasuredInEveryLanguage(t *testing.T) {
	m := Measured{Name: "receipt time", Span: Span{6 * time.Second, 6 * time.Second}, Limit: 7 * time.Second,
		Bounds: "between two questions for the end of printing 222.6ms; one byte on the line 86.8µs; a stranger's clock 1s"}
	for lang, want := range map[regulation.Lang]string{
		"en": "receipt time 6s, limit 7s, 1s to spare (between two questions for the end of printing 222.6ms; one byte on the line 86.8µs; a stranger's clock 1s)",
		"ru": "время обработки чека 6s, предел 7s, запас 1s (между двумя запросами об окончании печати 222.6ms; один байт на линии 86.8µs; a stranger's clock 1s)",
		"kk": "чекті өңдеу уақыты 6s, шегі 7s, қалғаны 1s (басу аяқталғаны туралы екі сұрау арасы 222.6ms; желідегі бір байт 86.8µs; a stranger's clock 1s)",
	} {
		if got := m.In(lang); got != want {
			t.Errorf("%s:\n got %s\nwant %s", lang, got, want)
		}
	}
}

// A reading is one sentence in each language, and the table has no other ones.
func TestReadingsAreSaid(t *testing.T) {
	for _, r := range Readings() {
		for _, lang := range Langs {
			if s := r.In(lang); s == "" || s == r.Text && lang != regulation.English {
				t.Errorf("%s in %s: %q", r.ID, lang, s)
			}
		}
	}
	if len(readingTexts) != len(Readings()) {
		t.Errorf("readings.tsv has %d entries, %d are cited", len(readingTexts), len(Readings()))
	}
}
