package check

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
)

// Phrase is what a finding says, in one language. A violation has Want, Got and
// perhaps Hint; a reason has Why only.
type Phrase struct{ Want, Got, Hint, Why string }

// Langs are the languages in which everything can be said.
var Langs = []regulation.Lang{regulation.Kazakh, regulation.Russian, regulation.English}

// Keys lists all message keys, sorted.
func Keys() []string { return slices.Sorted(maps.Keys(phrases)) }

// Say fills a message in. In args, a value that begins with @ is the key of a
// word of the vocabulary and comes out in the same language. False: there is no such key
// or language.
func Say(lang regulation.Lang, key string, args map[string]string) (Phrase, bool) {
	p, ok := phrases[key][lang]
	if !ok {
		return Phrase{}, false
	}
	var pairs []string
	for _, k := range slices.Sorted(maps.Keys(args)) {
		pairs = append(pairs, "{"+k+"}", word(lang, args[k]))
	}
	f := strings.NewReplacer(pairs...).Replace
	return Phrase{f(p.Want), f(p.Got), f(p.Hint), f(p.Why)}, true
}

// word looks a vocabulary key up; anything else stands for itself. Several keys
// may be joined by "+": @op.sale+@op.return.
func word(lang regulation.Lang, v string) string {
	if !strings.HasPrefix(v, "@") {
		return v
	}
	var out []string
	for w := range strings.SplitSeq(v, "+") {
		t, ok := vocabulary[strings.TrimPrefix(w, "@")]
		if !ok {
			return v
		}
		out = append(out, t[lang])
	}
	return strings.Join(out, ", ")
}

// Said gives a judgement's words in a language: what was wanted and got, or why
// it is undecided. False when the judgement has none (a pass, a bench fault).
func (j Judgement) Said(lang regulation.Lang) (Phrase, bool) {
	if j.result == Fail {
		return Say(lang, j.violation.Key, j.violation.Args)
	}
	return Say(lang, j.key, j.args)
}

// Message is the key and the arguments of what the judgement says, "" when it has none.
func (j Judgement) Message() (string, map[string]string) {
	if j.result == Fail {
		return j.violation.Key, j.violation.Args
	}
	return j.key, j.args
}

type args = map[string]string

func faulty(key string) Judgement {
	return BenchFault(errors.New("message "+key+" is not in the catalogue of messages"), 0)
}

// fail says by message key what was wanted and got.
func fail(key string, a args, at history.Seq, more ...history.Seq) Judgement {
	p, ok := Say(regulation.English, key, a)
	if !ok {
		return faulty(key)
	}
	return Failed(Violation{Want: p.Want, Got: p.Got, Hint: p.Hint, Key: key, Args: a}, at, more...)
}

// absent is fail for a thing that is simply not there.
func absent(key string, a args, at history.Seq, more ...history.Seq) Judgement {
	j := fail(key, a, at, more...)
	j.violation.Absent = true
	return j
}

// bytes adds the bytes that show it.
func (j Judgement) bytes(b []byte) Judgement { j.violation.Bytes = b; return j }

// unsure is Undecided by message key.
func unsure(key string, a args, readings ...Reading) Judgement {
	p, ok := Say(regulation.English, key, a)
	if !ok {
		return faulty(key)
	}
	j := Undecided(p.Why, readings...)
	j.key, j.args = key, a
	return j
}

func notApplicable(key string, a args) Judgement {
	p, ok := Say(regulation.English, key, a)
	if !ok {
		return faulty(key)
	}
	j := DoesNotApply(p.Why)
	j.key, j.args = key, a
	return j
}

// notChecked carries the reason why nobody judged.
func notChecked(key string, a args) Judgement {
	p, ok := Say(regulation.English, key, a)
	if !ok {
		return faulty(key)
	}
	return Judgement{reason: p.Why, key: key, args: a}
}
