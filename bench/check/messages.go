package check

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/kkmtest/kkmtest/bench/regulation"
)

// The messages stand in messages.tsv: key, part (want, got, hint, why), and a
// text in each language; {name} is filled in. words.tsv is the vocabulary for
// arguments that begin with @.
var (
	//go:embed messages.tsv
	messagesTSV string
	//go:embed words.tsv
	wordsTSV string

	phrases    = readPhrases(messagesTSV)
	vocabulary = readWords(wordsTSV)
)

// cells cuts a table of ours. It is part of the program: what is wrong with it
// is found by the first test that runs.
func cells(name, table string, columns int, row func(c []string)) {
	for i, l := range strings.Split(strings.TrimSuffix(table, "\n"), "\n") {
		c := strings.Split(l, "\t")
		if len(c) != columns {
			panic(fmt.Sprintf("%s:%d: %d cells, want %d", name, i+1, len(c), columns))
		}
		if i > 0 {
			row(c)
		}
	}
}

func readPhrases(table string) map[string]map[regulation.Lang]Phrase {
	out := map[string]map[regulation.Lang]Phrase{}
	cells("messages.tsv", table, 2+len(Langs), func(c []string) {
		key, part := c[0], c[1]
		if out[key] == nil {
			out[key] = map[regulation.Lang]Phrase{}
		}
		for i, lang := range Langs {
			p := out[key][lang]
			at := map[string]*string{"want": &p.Want, "got": &p.Got, "hint": &p.Hint, "why": &p.Why}[part]
			if at == nil || *at != "" {
				panic(fmt.Sprintf("messages.tsv: %s: part %q is unknown or stands twice", key, part))
			}
			*at = c[2+i]
			out[key][lang] = p
		}
	})
	return out
}

func readWords(table string) map[string]map[regulation.Lang]string {
	out := map[string]map[regulation.Lang]string{}
	cells("words.tsv", table, 1+len(Langs), func(c []string) {
		w := map[regulation.Lang]string{}
		for i, lang := range Langs {
			w[lang] = c[1+i]
		}
		if out[c[0]] != nil {
			panic("words.tsv: " + c[0] + " stands twice")
		}
		out[c[0]] = w
	})
	return out
}
