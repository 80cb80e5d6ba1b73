// Package words holds every word that a document of the bench says in its own
// voice, in Kazakh, Russian, English and Kyrgyz, in one table.
//
// It holds no titles of rows (those are data of the catalogue) and no words of
// devices. A test compares the table with the keys that the code asks for, both
// ways, and no entry may lack a language. A native lawyer's review of the Kazakh,
// Kyrgyz and Russian texts is pending.
//
// Begin with [T]; figures go through [Duration], [Date] and [Span].
package words

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/regulation"
)

// The languages of the table.
const (
	KK = regulation.Kazakh
	RU = regulation.Russian
	EN = regulation.English
	KY = regulation.Kyrgyz
)

// Langs are the languages of the table.
var Langs = []regulation.Lang{KK, RU, EN, KY}

// Text is a word or sentence in every language.
type Text struct{ KK, RU, EN, KY string }

// In returns the text in a language, English for one that the table does not have.
func (t Text) In(l regulation.Lang) string {
	switch l {
	case KK:
		return t.KK
	case RU:
		return t.RU
	case KY:
		return t.KY
	}
	return t.EN
}

var table = func() map[string]Text {
	m := make(map[string]Text, len(inThree))
	for key, t := range inThree {
		m[key] = Text{t.kk, t.ru, t.en, kyrgyz[key]}
	}
	return m
}()

// Get finds an entry of the table.
func Get(key string) (Text, bool) { t, ok := table[key]; return t, ok }

// Keys lists the keys that begin with a prefix, sorted.
func Keys(prefix string) []string {
	var out []string
	for k := range table {
		if strings.HasPrefix(k, prefix) {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// T is the text of a key with its arguments ({0}, {1}, ...) put in. A key that
// is not in the table shows itself; the tests of this package and of its users
// see to it that none does.
func T(l regulation.Lang, key string, args ...any) string {
	t, ok := table[key]
	if !ok {
		return "?" + key + "?"
	}
	s := t.In(l)
	for i, a := range args {
		s = strings.ReplaceAll(s, fmt.Sprintf("{%d}", i), fmt.Sprint(a))
	}
	return s
}

// nbsp keeps a figure and its unit on one line.
const nbsp = "\u00a0"

// Duration writes hours, minutes and seconds with every digit that was
// measured: 72 h 0 min 59.5 s. Nothing is rounded.
func Duration(l regulation.Lang, d time.Duration) string {
	if d < 0 {
		return "−" + Duration(l, -d)
	}
	var parts []string
	add := func(n int64, unit string) { parts = append(parts, fmt.Sprintf("%d%s%s", n, nbsp, T(l, unit))) }
	h, m, s := int64(d/time.Hour), int64(d%time.Hour/time.Minute), d%time.Minute
	if h > 0 {
		add(h, "unit.h")
	}
	if h > 0 && (m > 0 || s > 0) || m > 0 {
		add(m, "unit.min")
	}
	if s > 0 || len(parts) == 0 {
		frac := strings.TrimRight(fmt.Sprintf("%09d", int64(s%time.Second)), "0")
		text := fmt.Sprint(int64(s / time.Second))
		if frac != "" {
			text += map[bool]string{true: ".", false: ","}[l == EN] + frac
		}
		parts = append(parts, text+nbsp+T(l, "unit.s"))
	}
	return strings.Join(parts, nbsp)
}

// Span writes the two ends of a measured span, or one figure when they agree.
func Span(l regulation.Lang, lo, hi time.Duration) string {
	if lo == hi {
		return Duration(l, lo)
	}
	return Duration(l, lo) + " … " + Duration(l, hi)
}

// Date writes a date of the catalogue (2026-01-01) as a reader of the language
// expects it; anything else stays as it is.
func Date(l regulation.Lang, s string) string {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || l == EN {
		return s
	}
	return t.Format("02.01.2006")
}
