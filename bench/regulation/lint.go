package regulation

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// CheckInfo is what lint has to know of a check.
type CheckInfo struct {
	Key    string
	Params []ParamInfo
}

// ParamInfo describes a parameter of a check.
type ParamInfo struct {
	Name     string
	Type     string // duration, int, word, words, text
	Required bool
	OneOf    []string // allowed words
	Min, Max string   // of the same type, "" = open
}

// factParams are the parameters of rows that no check reads yet: figures of the
// act that the form prints, with their types.
var factParams = []ParamInfo{
	{Name: "positions", Type: "int"}, {Name: "modes", Type: "int"}, {Name: "alternative", Type: "word"},
	{Name: "triggers", Type: "words"}, {Name: "integrity_checks", Type: "int"}, {Name: "compare_at", Type: "words"},
	{Name: "compare_per_shift", Type: "int"}, {Name: "retention", Type: "duration"}, {Name: "retention_words", Type: "word"},
	{Name: "retention_years", Type: "int"}, {Name: "retention_days", Type: "int"}, {Name: "until", Type: "word"},
	{Name: "from", Type: "word"}, {Name: "power", Type: "word"}, {Name: "store", Type: "words"}, {Name: "memory", Type: "word"},
	{Name: "content", Type: "word"}, {Name: "mode_list", Type: "words"}, {Name: "integrity_row", Type: "word"},
	{Name: "tests", Type: "words"}, {Name: "channels", Type: "int"}, {Name: "standards", Type: "words"},
	{Name: "registered_before", Type: "word"}, {Name: "structure", Type: "word"}, {Name: "source", Type: "word"},
	{Name: "answer", Type: "duration"}, {Name: "limit", Type: "duration"}, {Name: "start", Type: "word"},
	{Name: "kinds", Type: "int"}, {Name: "values", Type: "words"}, {Name: "words", Type: "words"}, {Name: "show_at", Type: "words"},
	{Name: "transport", Type: "word"}, {Name: "protocol", Type: "word"}, {Name: "channel", Type: "word"},
	{Name: "length", Type: "int"}, {Name: "exempt", Type: "word"}, {Name: "standard", Type: "text"}, {Name: "mask", Type: "text"},
	{Name: "qr_fields", Type: "int"}, {Name: "time_source", Type: "word"}, {Name: "languages", Type: "words"},
	{Name: "level", Type: "int"}, {Name: "service_modes", Type: "words"}, {Name: "unique_over", Type: "word"},
	{Name: "repealed_paragraphs", Type: "words"}, {Name: "added_paragraph", Type: "int"}, {Name: "packet", Type: "int"},
	{Name: "due", Type: "word"}, {Name: "books", Type: "words"}, {Name: "transactions", Type: "words"}, {Name: "notice", Type: "word"},
	{Name: "confirmation", Type: "words"}, {Name: "cashiers", Type: "int"}, {Name: "copies", Type: "int"}, {Name: "report", Type: "word"},
	{Name: "currency_blocks", Type: "int"}, {Name: "equation", Type: "word"}, {Name: "signers", Type: "int"}, {Name: "places", Type: "int"},
}

// Lint compares editions with each other, with the known checks and with the
// fields of the device profile. It reports: counts that differ from the act's,
// gaps in the numbering, references to rows that do not stand anywhere,
// counterparts out of step, unknown checks and checks that serve no row,
// parameters of a wrong type or range, conditions over unknown fields, texts in
// a wrong alphabet, and rows that nobody could judge (no check, no method, no demand).
func Lint(all []Edition, checks []CheckInfo, fields []string) []Problem {
	l := linter{editions: all, checks: map[string]CheckInfo{}, fields: fields, used: map[string]bool{}}
	for _, c := range checks {
		l.checks[c.Key] = c
	}
	for _, e := range all {
		l.edition(e)
	}
	for _, c := range checks {
		if !l.used[c.Key] {
			l.out = append(l.out, Problem{File: "checks", Text: "check " + c.Key + " serves no row of any edition", Cure: "a row with this key, or the check removed"})
		}
	}
	return l.out
}

type linter struct {
	editions []Edition
	checks   map[string]CheckInfo
	fields   []string
	used     map[string]bool
	out      []Problem
}

func (l *linter) bad(r Row, text, cure string) {
	l.out = append(l.out, Problem{File: r.File, Line: r.Line, Text: "row " + r.Number + ": " + text, Cure: cure})
}

func (l *linter) edition(e Edition) {
	var older *Edition
	for i := range l.editions {
		if l.editions[i].ID == e.After {
			older = &l.editions[i]
		}
	}
	if e.After != "" && older == nil {
		l.out = append(l.out, Problem{File: e.ID + "/edition.tsv", Text: "after " + e.After, Cure: "the ID of an edition"})
	}
	for id := range e.Want {
		if _, ok := e.Section(id); !ok {
			l.out = append(l.out, Problem{File: e.ID + "/edition.tsv", Text: "rows of section " + id, Cure: "a section of the edition"})
		}
	}
	root := 0 // numbering of rows without a dot runs through the whole edition
	for _, s := range e.Sections {
		printed := 0
		last := map[string]int{}
		for _, r := range s.Rows {
			if r.Printed != "" {
				printed++
			}
			l.row(e, older, r)
			if e.Numbering == "continuous" {
				l.gap(e, r, &root, last)
			}
		}
		if want := e.Want[s.ID]; printed != want {
			l.out = append(l.out, Problem{File: e.ID + "/section-" + s.ID + ".tsv", Text: fmt.Sprintf("%d printed numbers", printed), Cure: fmt.Sprintf("%d as edition.tsv counts them", want)})
		}
	}
}

// gap holds numbers to "one more than the one before": 27, 28 in the edition
// and 27.1, 27.2 below a prefix.
func (l *linter) gap(e Edition, r Row, root *int, last map[string]int) {
	n := r.Number
	if r.Section == ReceiptChapter {
		n = strings.TrimPrefix(n, ReceiptChapter)
	}
	prefix, tail := "", n
	if i := strings.LastIndexByte(n, '.'); i >= 0 {
		prefix, tail = n[:i], n[i+1:]
	}
	if r.Kind == SectionTitle || strings.HasPrefix(tail, "h") {
		return // a section title and headings without a number of their own
	}
	v, err := strconv.Atoi(tail)
	if err != nil {
		l.bad(r, "the number does not end in a number", "27 or 27.6")
		return
	}
	if prefix == "" {
		if r.Section == ReceiptChapter && *root < v-1 { // chapter 3 counts its clauses by itself
			*root = v - 1
		}
		if r.Section == ReceiptChapter && last["R"] == 0 {
			*root, last["R"] = v-1, 1
		}
		if v != *root+1 {
			l.bad(r, fmt.Sprintf("comes after %d", *root), strconv.Itoa(*root+1))
		}
		*root = v
		return
	}
	if v != last[prefix]+1 {
		l.bad(r, fmt.Sprintf("comes after %s.%d", prefix, last[prefix]), fmt.Sprintf("%s.%d", prefix, last[prefix]+1))
	}
	last[prefix] = v
}

func (l *linter) row(e Edition, older *Edition, r Row) {
	heading := r.Kind == Heading || r.Kind == SectionTitle
	for lang, t := range r.Title {
		if why := alphabet(lang, t); why != "" {
			l.bad(r, "title in "+string(lang)+" "+why, "letters of one alphabet in a word")
		}
	}
	for lang := range r.Title {
		if !slices.Contains(e.Langs, lang) {
			l.bad(r, "title in "+string(lang), "a language of the edition")
		}
	}
	if !heading && e.Country == "KZ" && r.Check == "" && len(r.Methods) == 0 && r.DemandKey == "" && r.PromptKey == "" {
		l.bad(r, "nothing says how it could be judged", "a check, methods, a demand or a prompt")
	}
	if len(r.Methods) == 1 && r.Methods[0] == "document" && r.DemandKey == "" {
		l.bad(r, "judged by documents alone and no demand", "a demand that names what the manufacturer has to show")
	}
	if r.Kind == Group && !l.hasChild(e, r) {
		l.bad(r, "a group without rows below it", "kind row")
	}
	l.refs(e, older, r)
	if r.Condition != "" {
		if c, err := ParseCondition(r.Condition); err == nil {
			for _, f := range c.Fields() {
				if l.fields != nil && !slices.Contains(l.fields, f) {
					l.bad(r, fmt.Sprintf("condition over %q", f), "a field of the device profile: "+strings.Join(near(f, l.fields, 4), ", "))
				}
			}
		}
	}
	l.params(r)
}

func (l *linter) hasChild(e Edition, r Row) bool {
	for _, s := range e.Sections {
		for i := range s.Rows {
			if s.Rows[i].Parent == r.Number {
				return true
			}
		}
	}
	return false
}

func (l *linter) params(r Row) {
	infos := factParams
	if r.Check != "" {
		c, ok := l.checks[r.Check]
		if l.used[r.Check] = true; !ok {
			known := slices.Sorted(maps.Keys(l.checks))
			l.bad(r, fmt.Sprintf("check %q is not known", r.Check), "one of "+strings.Join(near(r.Check, known, 5), ", "))
			return
		}
		infos = c.Params
	}
	for _, p := range infos {
		if p.Required && r.Check != "" && r.Params[p.Name] == "" {
			l.bad(r, "check "+r.Check+" needs parameter "+p.Name, p.Name+"=...")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Params)) {
		i := slices.IndexFunc(infos, func(p ParamInfo) bool { return p.Name == name })
		if i < 0 {
			var known []string
			for _, p := range infos {
				known = append(known, p.Name)
			}
			l.bad(r, "parameter "+name+" is not known here", "one of "+strings.Join(near(name, known, 6), ", "))
			continue
		}
		p := infos[i]
		if cure := p.wrong(r.Params[name]); cure != "" {
			l.bad(r, fmt.Sprintf("parameter %s=%s", name, r.Params[name]), cure)
		}
	}
}

// wrong says what would be right, "" when the value is.
func (p ParamInfo) wrong(v string) string {
	words := []string{v}
	switch p.Type {
	case "duration":
		d, err := time.ParseDuration(v)
		if err != nil || d <= 0 {
			return "a duration such as 72h or 500ms"
		}
		if lo, err := time.ParseDuration(p.Min); err == nil && d < lo {
			return "at least " + p.Min
		}
		if hi, err := time.ParseDuration(p.Max); err == nil && d > hi {
			return "at most " + p.Max
		}
	case "int":
		n, err := strconv.Atoi(v)
		if err != nil {
			return "a whole number"
		}
		if lo, err := strconv.Atoi(p.Min); err == nil && n < lo {
			return "at least " + p.Min
		}
		if hi, err := strconv.Atoi(p.Max); err == nil && n > hi {
			return "at most " + p.Max
		}
	case "words":
		words = strings.Split(v, "|")
		if slices.Contains(words, "") {
			return "words with | between them"
		}
	case "word":
		if strings.Contains(v, "|") {
			return "one word"
		}
	}
	if len(p.OneOf) > 0 {
		for _, w := range words {
			if !slices.Contains(p.OneOf, w) {
				return "one of " + strings.Join(p.OneOf, ", ")
			}
		}
	}
	return ""
}

// refs checks that counterparts stand where they are said to, name each other
// back, and carry equal parameters and one wording, or a reason.
func (l *linter) refs(e Edition, older *Edition, r Row) {
	for _, ref := range r.Counterparts {
		name := ref.Section + ":" + ref.Number
		o := e.at(ref.Section, ref.Number)
		if o == nil {
			l.bad(r, "counterpart "+name+" does not stand in "+e.ID, "SECTION:NUMBER of a row")
			continue
		}
		back := slices.IndexFunc(o.Counterparts, func(b Ref) bool { return b.Section == r.Section && b.Number == r.Number })
		switch {
		case ref.Section == r.Section && e.Numbering == "continuous":
			l.bad(r, "counterpart "+name+" stands in the same section", "a row of another section")
		case back < 0 && e.Numbering == "continuous":
			l.bad(r, "counterpart "+name+" does not name this row back", "the reference in both rows, or in neither")
		case back >= 0 && o.Counterparts[back].Opposite != ref.Opposite:
			l.bad(r, "counterpart "+name+": only one of the two says opposite", "both or neither")
		case ref.Opposite || ref.Reason != "" || back >= 0 && o.Counterparts[back].Reason != "":
		case r.Check != o.Check:
			l.bad(r, fmt.Sprintf("check %q, but counterpart %s has %q", r.Check, name, o.Check), "equal checks, or a reason in the brackets of the reference")
		case !maps.Equal(r.Params, o.Params):
			l.bad(r, fmt.Sprintf("parameters %q, but counterpart %s has %q", r.Params, name, o.Params), "equal parameters, or a reason in the brackets of the reference")
		}
		l.step(r, *o)
	}
	for _, p := range r.Predecessor {
		if p == "new" {
			if len(r.Predecessor) > 1 {
				l.bad(r, "predecessor new beside others", "new alone")
			}
			continue
		}
		if older == nil {
			l.bad(r, "predecessor "+p+" without an older edition", "the key after in edition.tsv")
		} else if older.at("", p) == nil {
			l.bad(r, "predecessor "+p+" does not stand in "+older.ID, "a corrected number of "+older.ID)
		}
	}
}

// step: what is worded alike in one language is worded alike in all.
func (l *linter) step(r, o Row) {
	same, differ := Lang(""), Lang("")
	for _, lang := range slices.Sorted(maps.Keys(r.Title)) {
		if r.Title[lang] == o.Title[lang] {
			same = lang
		} else {
			differ = lang
		}
	}
	if same != "" && differ != "" {
		l.bad(r, fmt.Sprintf("worded as %s in %s and otherwise in %s", o.Number, same, differ), "the wording alike in every language, or in none")
	}
}

// alphabet finds words that mix Latin and Cyrillic letters and letters that
// the language does not have.
func alphabet(lang Lang, s string) string {
	for w := range strings.FieldsFuncSeq(s, func(c rune) bool { return !unicode.IsLetter(c) }) {
		latin, cyrillic := false, false
		for _, c := range w {
			latin = latin || unicode.Is(unicode.Latin, c)
			cyrillic = cyrillic || unicode.Is(unicode.Cyrillic, c)
		}
		switch {
		case latin && cyrillic:
			return fmt.Sprintf("mixes Latin and Cyrillic letters in %q", w)
		case cyrillic && lang == English:
			// the printed word that a row demands may be quoted
		}
		for _, c := range strings.ToLower(w) {
			if unicode.Is(unicode.Cyrillic, c) && !strings.ContainsRune(letters[lang], c) && lang != English {
				return fmt.Sprintf("has the letter %q in %q", c, w)
			}
		}
	}
	return ""
}

const russianLetters = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"

var letters = map[Lang]string{
	Russian: russianLetters,
	Kazakh:  russianLetters + "әғқңөұүһі",
	Kyrgyz:  russianLetters + "ңөү",
}
