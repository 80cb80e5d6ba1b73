package regulation

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// The words that a catalogue may use.
var (
	kinds       = []string{"section", "heading", "group", "row"}
	obligations = []string{"mandatory", "optional", "conditional"}
	methods     = []string{"ofd", "device", "receipt", "net", "time", "operator", "document"}
	statuses    = []string{"in-force", "repealed", "draft"}
	classes     = []string{"bench", "document", "not_device"}
	langs       = []string{"kk", "ru", "en", "ky"}
)

var rowColumns = []string{"number", "printed", "parent", "kind", "obligation", "condition", "params", "methods", "check",
	"demand", "prompt", "counterparts", "predecessor", "note", "defect"}

// LoadAll reads every edition that stands in fsys: every directory with an
// edition.tsv, in the order of their names.
func LoadAll(fsys fs.FS) ([]Edition, error) {
	found, err := fs.Glob(fsys, "*/edition.tsv")
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no edition found: want directories that hold an edition.tsv")
	}
	var all []Edition
	var ps Problems
	for _, f := range found {
		e, err := Load(fsys, path.Dir(f))
		if err != nil {
			ps = append(ps, err.(Problems)...)
			continue
		}
		all = append(all, e)
	}
	if len(ps) > 0 {
		return nil, ps
	}
	return all, nil
}

// Load reads the edition in directory dir, whose name is the edition's ID. Its
// error is a [Problems]: everything that is wrong, each with file, line and
// column. What only shows when editions and checks are compared is found by
// [Lint].
func Load(fsys fs.FS, dir string) (Edition, error) {
	l := loader{fsys: fsys, dir: dir}
	e := l.edition()
	if len(l.ps) > 0 {
		return Edition{}, l.ps
	}
	return e, nil
}

type loader struct {
	fsys  fs.FS
	dir   string
	ps    Problems
	texts map[string]map[Lang]string
	named map[string]bool // keys of texts that a row names
}

func (l *loader) bad(p Problem) { l.ps = append(l.ps, p) }

// edition reads edition.tsv, texts.tsv and one file a section.
func (l *loader) edition() Edition {
	e := Edition{ID: path.Base(l.dir), Title: map[Lang]string{}, Form: map[Lang]string{}, Want: map[string]int{}}
	t, ps := readTable(l.fsys, path.Join(l.dir, "edition.tsv"), []string{"key", "of", "value"}, nil)
	l.ps = append(l.ps, ps...)
	if len(ps) > 0 {
		return e
	}
	seen := map[string]int{}
	var sections []string
	sectionsAt := record{}
	for _, r := range t.lines {
		key, of, v := t.get(r, "key"), t.get(r, "of"), t.get(r, "value")
		if first, twice := seen[key+" "+of]; twice {
			l.bad(t.problem(r, "key", fmt.Sprintf("%s stands again, first in line %d", strings.TrimSpace(key+" "+of), first), "each once"))
		}
		seen[key+" "+of] = r.line
		perLang := func(m map[Lang]string) {
			if !slices.Contains(langs, of) {
				l.bad(t.problem(r, "of", fmt.Sprintf("%s of %q", key, of), "a language: "+strings.Join(langs, ", ")))
				return
			}
			m[Lang(of)] = v
		}
		oneOf := func(dst *string, words []string) {
			if !slices.Contains(words, v) {
				l.bad(t.problem(r, "value", fmt.Sprintf("%s %q", key, v), "one of "+strings.Join(words, ", ")))
			}
			*dst = v
		}
		date := func(dst *string) {
			if v != "" && !isDate(v) {
				l.bad(t.problem(r, "value", fmt.Sprintf("%s %q", key, v), "a date such as 2026-01-01, or -"))
			}
			*dst = v
		}
		switch key {
		case "act":
			e.Act = v
		case "country":
			oneOf(&e.Country, []string{"KZ", "KG"})
		case "status":
			oneOf(&e.Status, statuses)
		case "since":
			date(&e.Since)
		case "until":
			date(&e.Until)
		case "after":
			e.After = v
		case "numbering":
			oneOf(&e.Numbering, []string{"continuous", "partial"})
		case "languages":
			for w := range strings.SplitSeq(v, " ") {
				if !slices.Contains(langs, w) || slices.Contains(e.Langs, Lang(w)) {
					l.bad(t.problem(r, "value", fmt.Sprintf("language %q", w), "each once of "+strings.Join(langs, ", ")))
				}
				e.Langs = append(e.Langs, Lang(w))
			}
		case "sections":
			sections, sectionsAt = strings.Split(v, " "), r
		case "rows":
			n, err := strconv.Atoi(v)
			if err != nil || n < 1 {
				l.bad(t.problem(r, "value", fmt.Sprintf("rows %q", v), "the number of printed numbers of the section"))
			}
			e.Want[of] = n
		case "title":
			perLang(e.Title)
		case "form":
			perLang(e.Form)
		default:
			l.bad(t.problem(r, "key", fmt.Sprintf("key %q is not known", key), "one of act, country, status, since, until, after, numbering, languages, sections, rows, title, form"))
		}
	}
	for _, must := range []string{"act ", "country ", "status ", "numbering ", "languages ", "sections "} {
		if _, ok := seen[must]; !ok {
			l.bad(Problem{File: t.file, Text: "no line for " + must[:len(must)-1], Cure: "one"})
		}
	}
	for _, lang := range e.Langs {
		for name, m := range map[string]map[Lang]string{"title": e.Title, "form": e.Form} {
			if m[lang] == "" {
				l.bad(Problem{File: t.file, Text: fmt.Sprintf("no %s in %s", name, lang), Cure: "one in each of the edition's languages"})
			}
		}
	}
	if len(l.ps) > 0 {
		return e
	}
	l.readTexts(e.Langs)
	numbers := map[string]*Row{}
	for _, id := range sections {
		if id == "" || slices.ContainsFunc(e.Sections, func(s Section) bool { return s.ID == id }) {
			l.bad(t.problem(sectionsAt, "value", fmt.Sprintf("section %q", id), "each once, one blank between"))
			continue
		}
		e.Sections = append(e.Sections, l.section(e, id, numbers))
	}
	l.strangers(sections)
	l.unused()
	seal(&e)
	return e
}

// strangers reports files that no line of edition.tsv names: a section file
// that nobody reads would look like an edited one.
func (l *loader) strangers(sections []string) {
	found, _ := fs.ReadDir(l.fsys, l.dir)
	for _, f := range found {
		n := f.Name()
		id, isSection := strings.CutPrefix(strings.TrimSuffix(n, ".tsv"), "section-")
		if n == "edition.tsv" || n == "texts.tsv" || path.Ext(n) == ".md" || isSection && slices.Contains(sections, id) {
			continue
		}
		l.bad(Problem{File: path.Join(l.dir, n), Text: "belongs to nothing", Cure: "edition.tsv, texts.tsv or section-ID.tsv with the ID among the sections of edition.tsv"})
	}
}

// unused reports texts that no row names, when the rows could be read.
func (l *loader) unused() {
	if len(l.ps) > 0 {
		return
	}
	for _, k := range slices.Sorted(maps.Keys(l.texts)) {
		if !l.named[k] {
			l.bad(Problem{File: path.Join(l.dir, "texts.tsv"), Text: "no row names " + k, Cure: "a row that does, or the line removed"})
		}
	}
}

func (l *loader) readTexts(ls []Lang) {
	want := []string{"key"}
	for _, lang := range ls {
		want = append(want, string(lang))
	}
	l.texts, l.named = map[string]map[Lang]string{}, map[string]bool{}
	t, ps := readTable(l.fsys, path.Join(l.dir, "texts.tsv"), want, nil)
	l.ps = append(l.ps, ps...)
	for _, r := range t.lines {
		key := t.get(r, "key")
		if !isTextKey(key) {
			l.bad(t.problem(r, "key", fmt.Sprintf("key %q", key), "note., demand. or prompt. followed by small letters, digits, - or ."))
			continue
		}
		if _, twice := l.texts[key]; twice {
			l.bad(t.problem(r, "key", "key "+key+" stands twice", "each key once"))
		}
		m := map[Lang]string{}
		for _, lang := range ls {
			if m[lang] = t.get(r, string(lang)); m[lang] == "" {
				l.bad(t.problem(r, string(lang), key+" has no text in "+string(lang), "one in each language"))
			}
		}
		l.texts[key] = m
	}
}

func isTextKey(s string) bool {
	kind, rest, ok := strings.Cut(s, ".")
	if !ok || rest == "" || !slices.Contains([]string{"note", "demand", "prompt"}, kind) {
		return false
	}
	return !strings.ContainsFunc(rest, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.')
	})
}

// section reads one file of rows; numbers holds the rows of the edition so far.
func (l *loader) section(e Edition, id string, numbers map[string]*Row) Section {
	want := slices.Clone(rowColumns)
	for _, lang := range e.Langs {
		want = append(want, "title_"+string(lang))
	}
	s := Section{ID: id}
	t, ps := readTable(l.fsys, path.Join(l.dir, "section-"+id+".tsv"), want, []string{"class"})
	l.ps = append(l.ps, ps...)
	s.Rows = make([]Row, 0, len(t.lines)) // numbers points into it: it must not grow
	inSection := map[string]bool{}
	for i, r := range t.lines {
		row := l.row(e, t, r, id)
		if old, twice := numbers[row.Number]; twice {
			l.bad(t.problem(r, "number", fmt.Sprintf("number %s stands again, first in %s:%d", row.Number, old.File, old.Line), "each number once in an edition"))
		}
		if row.Parent != "" && !inSection[row.Parent] {
			l.bad(t.problem(r, "parent", fmt.Sprintf("parent %s does not stand above", row.Parent), "the number of an earlier row of this section, or -"))
		} else if row.Parent != "" && numbers[row.Parent] != nil && numbers[row.Parent].Kind != Group {
			l.bad(t.problem(r, "parent", fmt.Sprintf("parent %s is of kind %s", row.Parent, numbers[row.Parent].Kind), "a group"))
		}
		switch isTitle := row.Kind == SectionTitle; {
		case isTitle && s.Title != nil:
			l.bad(t.problem(r, "kind", "a second section title", "one in a file"))
		case isTitle:
			s.Title = row.Title
		}
		s.Rows = append(s.Rows, row)
		numbers[row.Number] = &s.Rows[len(s.Rows)-1]
		inSection[row.Number] = true
		_ = i
	}
	if s.Title == nil && len(ps) == 0 {
		l.bad(Problem{File: t.file, Text: "no section title", Cure: "one line of kind section"})
	}
	return s
}

func (l *loader) row(e Edition, t table, r record, section string) Row {
	row := Row{
		Section: section, Number: t.get(r, "number"), Printed: t.get(r, "printed"), Parent: t.get(r, "parent"),
		Kind: Kind(t.get(r, "kind")), Obligation: Obligation(t.get(r, "obligation")), Condition: t.get(r, "condition"),
		Check: t.get(r, "check"), Defect: t.get(r, "defect"), Class: t.get(r, "class"),
		DemandKey: t.get(r, "demand"), PromptKey: t.get(r, "prompt"), NoteKey: t.get(r, "note"),
		Title: map[Lang]string{}, File: t.file, Line: r.line,
	}
	bad := func(col, text, cure string) { l.bad(t.problem(r, col, text, cure)) }
	if row.Number == "" || strings.ContainsAny(row.Number, " :;,()|") {
		bad("number", fmt.Sprintf("number %q", row.Number), "the corrected number, unique in the edition")
	}
	for _, lang := range e.Langs {
		name := "title_" + string(lang)
		if row.Title[lang] = t.get(r, name); row.Title[lang] == "" {
			bad(name, "row "+row.Number+" has no title in "+string(lang), "one in each language of the edition")
		}
	}
	heading := row.Kind == Heading || row.Kind == SectionTitle
	switch {
	case !slices.Contains(kinds, string(row.Kind)):
		bad("kind", fmt.Sprintf("kind %q", row.Kind), "one of "+strings.Join(kinds, ", "))
	case heading:
		for _, c := range []string{"obligation", "condition", "params", "methods", "check", "demand", "prompt", "class"} {
			if t.get(r, c) != "" {
				bad(c, fmt.Sprintf("a %s with %s %q", row.Kind, c, t.get(r, c)), "- : a heading requires nothing")
			}
		}
	case !slices.Contains(obligations, string(row.Obligation)):
		bad("obligation", fmt.Sprintf("obligation %q", row.Obligation), "one of "+strings.Join(obligations, ", "))
	case row.Obligation == Conditional && row.Condition == "":
		bad("condition", "no condition", "one over profile fields, such as sectors=taxi, because the row is conditional")
	case row.Obligation == Mandatory && row.Condition != "":
		bad("condition", fmt.Sprintf("condition %q on a mandatory row", row.Condition), "-, or obligation conditional")
	}
	if row.Condition != "" {
		if _, err := ParseCondition(row.Condition); err != nil {
			bad("condition", err.Error(), "field=word|word & ...")
		}
	}
	var err error
	if row.Params, err = ParseParams(t.get(r, "params")); err != nil {
		bad("params", err.Error(), "name=value; name=value")
	}
	if m := t.get(r, "methods"); m != "" {
		row.Methods = strings.Split(m, ",")
		for i, w := range row.Methods {
			if !slices.Contains(methods, w) || slices.Contains(row.Methods[:i], w) {
				bad("methods", fmt.Sprintf("method %q", w), "each once of "+strings.Join(methods, ", "))
			}
		}
	}
	if row.Counterparts, err = parseRefs(t.get(r, "counterparts")); err != nil {
		bad("counterparts", err.Error(), "II:38; III:67,68(opposite)")
	}
	if p := t.get(r, "predecessor"); p != "" {
		row.Predecessor = strings.Split(p, ",")
	}
	if row.Class != "" && !slices.Contains(classes, row.Class) {
		bad("class", fmt.Sprintf("class %q", row.Class), "one of "+strings.Join(classes, ", "))
	}
	for _, x := range []struct {
		kind, key string
		all       *map[Lang]string
		en        *string
	}{{"note", row.NoteKey, &row.Notes, &row.Note}, {"demand", row.DemandKey, &row.Demands, &row.Demand}, {"prompt", row.PromptKey, &row.Prompts, &row.Prompt}} {
		if x.key == "" {
			continue
		}
		m, ok := l.texts[x.key]
		if !ok || !strings.HasPrefix(x.key, x.kind+".") {
			bad(x.kind, fmt.Sprintf("%s %q", x.kind, x.key), "a key "+x.kind+".… of texts.tsv")
			continue
		}
		*x.all, *x.en = m, m[English]
		l.named[x.key] = true
	}
	return row
}

// ParseParams reads "name=value; name=value".
func ParseParams(s string) (Params, error) {
	p := Params{}
	if s == "" {
		return p, nil
	}
	for item := range strings.SplitSeq(s, "; ") {
		name, value, ok := strings.Cut(item, "=")
		if !ok || value == "" || !isName(name) || strings.Contains(value, ";") {
			return nil, fmt.Errorf("parameter %q", item)
		}
		if _, twice := p[name]; twice {
			return nil, fmt.Errorf("parameter %s stands twice", name)
		}
		p[name] = value
	}
	return p, nil
}

func isName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool { return !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_') })
}

// parseRefs reads "II:38; III:91,92; II:57(opposite)". Any other text in the
// brackets is the reason why the two are not in step.
func parseRefs(s string) ([]Ref, error) {
	if s == "" {
		return nil, nil
	}
	var refs []Ref
	for item := range strings.SplitSeq(s, "; ") {
		body, reason, bracket := strings.Cut(item, "(")
		if bracket && (!strings.HasSuffix(reason, ")") || reason == ")") {
			return nil, fmt.Errorf("counterpart %q: the bracket is not closed or empty", item)
		}
		reason = strings.TrimSuffix(reason, ")")
		section, numbers, ok := strings.Cut(body, ":")
		if !ok || section == "" || numbers == "" {
			return nil, fmt.Errorf("counterpart %q", item)
		}
		for n := range strings.SplitSeq(numbers, ",") {
			if n == "" || strings.ContainsAny(n, " :") {
				return nil, fmt.Errorf("counterpart %q", item)
			}
			ref := Ref{Section: section, Number: n, Opposite: reason == "opposite"}
			if !ref.Opposite {
				ref.Reason = reason
			}
			refs = append(refs, ref)
		}
	}
	return refs, nil
}

func isDate(s string) bool {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return false
	}
	for i, c := range s {
		if i != 4 && i != 7 && (c < '0' || c > '9') {
			return false
		}
	}
	return s[5:7] >= "01" && s[5:7] <= "12" && s[8:] >= "01" && s[8:] <= "31"
}
