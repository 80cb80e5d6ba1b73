package httpapi

import (
	_ "embed"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// languages of the pages; the first is for who asks for none of them.
var languages = []string{"ru", "kk", "en"}

//go:embed words.tsv
var wordsFile string

// words are the texts of the pages by key and language.
var words = readWords(wordsFile)

func readWords(text string) map[string]map[string]string {
	out := map[string]map[string]string{}
	for n, l := range strings.Split(strings.TrimSpace(text), "\n") {
		f := strings.Split(l, "\t")
		if strings.HasPrefix(l, "#") {
			continue
		}
		if len(f) != 4 || out[f[0]] != nil || slices.Contains(f, "") {
			panic(fmt.Sprintf("words.tsv:%d: %q: want key, kk, ru, en, each key once", n+1, l)) // the file is part of the program
		}
		out[f[0]] = map[string]string{"kk": f[1], "ru": f[2], "en": f[3]}
	}
	return out
}

// word is a text in a language; an unknown key is itself.
func word(lang, key string) string {
	if w, ok := words[key]; ok {
		return w[lang]
	}
	return key
}

// language is what ?lang= says, else the first of Accept-Language that there is.
func language(q *http.Request) string {
	if l := q.URL.Query().Get("lang"); slices.Contains(languages, l) {
		return l
	}
	for part := range strings.SplitSeq(q.Header.Get("Accept-Language"), ",") {
		l, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		l, _, _ = strings.Cut(l, "-")
		if l = strings.ToLower(l); slices.Contains(languages, l) {
			return l
		}
	}
	return languages[0]
}
