package check

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/kkmtest/kkmtest/bench/history"
)

func with(a args, kv ...string) args {
	out := maps.Clone(a)
	if out == nil {
		out = args{}
	}
	for i := 0; i+1 < len(kv); i += 2 {
		out[kv[i]] = kv[i+1]
	}
	return out
}

// refusal adds what the register said when it refused.
func refusal(o *Operation, a args) args {
	said := o.Res.Outcome.Text
	if said == "" {
		said = "-"
	}
	return with(a, "kind", kindWord(o), "code", strconv.Itoa(o.Res.Outcome.Code), "said", said)
}

func seqText(n history.Seq) string { return strconv.FormatUint(uint64(n), 10) }

func errSpan(s Span) error {
	return fmt.Errorf("measured a span from %v to %v: the bounds are swapped", s.Lo, s.Hi)
}

func quoted(words []string) string {
	q := make([]string, len(words))
	for i, w := range words {
		q[i] = strconv.Quote(w)
	}
	return strings.Join(q, " / ")
}

// head is the part of a message that is quoted in a finding.
func head(b []byte) []byte {
	const most = 64
	if len(b) > most {
		b = b[:most]
	}
	return b
}

// holds says whether a text stands in lines that may be wrapped anywhere.
func holds(lines []string, text string) bool {
	t := squash(text)
	return t != "" && strings.Contains(squash(strings.Join(lines, "")), t)
}

// shows says whether a number stands on the operation's paper.
func (o *Operation) shows(number string) bool { return o.print.shows(number) }

// numberIn looks for a number as a run of digits of its own (leading zeros
// allowed), or with its digits grouped by spaces or hyphens.
func numberIn(lines []string, number string) bool {
	bare := strings.TrimLeft(number, "0")
	if bare == "" {
		return false
	}
	isDigit := func(c byte) bool { return c >= '0' && c <= '9' }
	for _, l := range lines {
		for _, grouped := range []bool{false, true} {
			t := l
			if grouped {
				t = strings.NewReplacer(" ", "", "-", "", "\u00a0", "").Replace(l)
			}
			for at := 0; ; {
				i := strings.Index(t[at:], bare)
				if i < 0 {
					break
				}
				i += at
				end := i + len(bare)
				start := i
				for start > 0 && t[start-1] == '0' {
					start--
				}
				if (start == 0 || !isDigit(t[start-1])) && (end == len(t) || !isDigit(t[end])) {
					return true
				}
				at = i + 1
			}
		}
	}
	return false
}

// saying finds the first line that holds one of the words as words of their
// own: letters before or after make another word, and a negation before it
// ("не фискальный чек") makes it none.
func (o *Operation) saying(words []string) (string, bool) { return o.print.saying(words) }

func saying(lines []string, words []string) (string, bool) {
	words = plainWords(words)
	for _, l := range lines {
		if sayingLine(plainLine(l), words) {
			return l, true
		}
	}
	return "", false
}

// sayingLine wants a line and words that have been made plain.
func sayingLine(low string, words []string) bool {
	for _, w := range words {
		for at := 0; w != ""; {
			i := strings.Index(low[at:], w)
			if i < 0 {
				break
			}
			i += at
			if wordAt(low, i, i+len(w)) {
				return true
			}
			at = i + len(w)
		}
	}
	return false
}

func wordAt(s string, from, to int) bool {
	before := []rune(s[:from])
	after := []rune(s[to:])
	if len(before) > 0 && unicode.IsLetter(before[len(before)-1]) {
		return false
	}
	if len(after) > 0 && unicode.IsLetter(after[0]) {
		return false
	}
	prev := strings.FieldsFunc(string(before), func(c rune) bool { return !unicode.IsLetter(c) })
	return len(prev) == 0 || !slices.Contains([]string{"не", "без", "not"}, prev[len(prev)-1])
}
