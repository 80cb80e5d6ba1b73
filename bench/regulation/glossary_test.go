package regulation

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// glossaryTerm is a line of docs/glossary.md.
type glossaryTerm struct {
	concept string
	words   map[Lang]*regexp.Regexp
	not     []string
}

// glossary reads the table of docs/glossary.md.
func glossary(t *testing.T) []glossaryTerm {
	t.Helper()
	raw, err := os.ReadFile("../../docs/glossary.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(raw), "review by a lawyer who is a native speaker is pending") {
		t.Error("docs/glossary.md does not say that the native lawyer's review is pending")
	}
	var out []glossaryTerm
	for line := range strings.Lines(string(raw)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 8 || strings.HasPrefix(cells[1], "---") || strings.TrimSpace(cells[1]) == "concept" {
			continue
		}
		g := glossaryTerm{concept: strings.TrimSpace(cells[1]), words: map[Lang]*regexp.Regexp{}}
		for i, l := range []Lang{Kazakh, Russian, English, Kyrgyz} {
			if c := strings.TrimSpace(cells[i+2]); c != "-" {
				g.words[l] = pattern(c)
			}
		}
		if c := strings.TrimSpace(cells[6]); c != "-" {
			g.not = strings.Split(c, ", ")
		}
		out = append(out, g)
	}
	if len(out) < 30 {
		t.Fatalf("only %d terms read from docs/glossary.md", len(out))
	}
	return out
}

// pattern turns "налогов· орган· / ..." into an expression over whole words.
func pattern(cell string) *regexp.Regexp {
	var alt []string
	for form := range strings.SplitSeq(cell, " / ") {
		alt = append(alt, strings.ReplaceAll(regexp.QuoteMeta(form), "·", `\p{L}*`))
	}
	return regexp.MustCompile(`(?i)(?:^|[^\p{L}])(?:` + strings.Join(alt, "|") + `)(?:$|[^\p{L}])`)
}

func TestTitlesKeepToTheGlossary(t *testing.T) {
	all, err := LoadAll(catalogues())
	if err != nil {
		t.Fatal(err)
	}
	terms := glossary(t)
	used := map[string]bool{}
	texts := func(r Row) []map[Lang]string { return []map[Lang]string{r.Title, r.Notes, r.Demands, r.Prompts} }
	for _, e := range all {
		for _, r := range e.Rows("all") {
			for _, m := range texts(r) {
				for _, g := range terms {
					var with, without []Lang
					for _, l := range e.Langs {
						switch {
						case g.words[l] == nil || m[l] == "":
						case g.words[l].MatchString(m[l]):
							with = append(with, l)
						default:
							without = append(without, l)
						}
						for _, n := range g.not {
							if strings.Contains(strings.ToLower(m[l]), strings.ToLower(n)) {
								t.Errorf("%s:%d: row %s says %q in %s, want the term of %q", r.File, r.Line, r.Number, n, l, g.concept)
							}
						}
					}
					if used[g.concept] = used[g.concept] || len(with) > 0; len(with) > 0 && len(without) > 0 {
						t.Errorf("%s:%d: row %s speaks of %q in %v and not in %v: %q, %q", r.File, r.Line, r.Number, g.concept, with, without, m[with[0]], m[without[0]])
					}
				}
			}
		}
	}
	for _, g := range terms {
		if !used[g.concept] {
			t.Errorf("docs/glossary.md: no title speaks of %q", g.concept)
		}
	}
}

// Kazakh has nine letters that Russian lacks, Kyrgyz three; a text of some
// length without any of them was typed on a Russian keyboard.
func TestTextsHaveTheirOwnLetters(t *testing.T) {
	own := map[Lang]string{Kazakh: "әғқңөұүһі", Kyrgyz: "ңөү"}
	all, err := LoadAll(catalogues())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[Lang]map[rune]bool{Kazakh: {}, Kyrgyz: {}}
	for _, e := range all {
		l := e.Langs[0]
		for _, r := range e.Rows("all") {
			text := strings.ToLower(r.Title[l])
			for _, c := range own[l] {
				if strings.ContainsRune(text, c) {
					seen[l][c] = true
				}
			}
			if l == Kazakh && len([]rune(text)) >= 60 && !strings.ContainsAny(text, own[l]) {
				t.Errorf("%s:%d: row %s in %s has none of the letters %s: %s", r.File, r.Line, r.Number, l, own[l], r.Title[l])
			}
		}
	}
	for l, letters := range own {
		for _, c := range letters {
			if !seen[l][c] && c != 'һ' { // һ stands in few words, none of them ours
				t.Errorf("no title in %s has the letter %c", l, c)
			}
		}
	}
}

// Two rows of one section never say the same: a reader could not tell them apart.
func TestTitlesTellRowsApart(t *testing.T) {
	all, err := LoadAll(catalogues())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		for _, s := range e.Sections {
			for _, l := range e.Langs {
				seen := map[string]string{}
				for _, r := range s.Rows {
					if old, twice := seen[r.Title[l]]; twice {
						t.Errorf("%s: rows %s and %s say the same in %s: %s", e.ID, old, r.Number, l, r.Title[l])
					}
					seen[r.Title[l]] = r.Number
				}
			}
		}
	}
}
