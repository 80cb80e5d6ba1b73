package regulation

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
)

// A small edition; tests spoil it in one place.
const (
	smallEdition = "key\tof\tvalue\nact\t-\tKZ 1\ncountry\t-\tKZ\nstatus\t-\tin-force\nsince\t-\t2026-01-01\nnumbering\t-\tcontinuous\nlanguages\t-\tkk ru en\nsections\t-\tI\nrows\tI\t3\n" +
		"title\tkk\tБұйрық\ntitle\tru\tПриказ\ntitle\ten\tOrder\nform\tkk\tНысан\nform\tru\tФорма\nform\ten\tForm\n"
	smallTexts   = "key\tkk\tru\ten\nnote.optional\tМіндетті емес\tНе обязательно\tNot obligatory\ndemand.manual\tНұсқаулық\tРуководство\tManual\n"
	smallHeader  = "number\tprinted\tparent\tkind\tobligation\tcondition\tparams\tmethods\tcheck\tdemand\tprompt\tcounterparts\tpredecessor\tnote\tdefect\ttitle_kk\ttitle_ru\ttitle_en\n"
	smallSection = smallHeader +
		"I\t-\t-\tsection\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\tБөлім\tРаздел\tSection\n" +
		"1\t1.\t-\tgroup\tmandatory\t-\t-\tofd\t-\t-\t-\t-\t-\t-\t-\tТоп\tГруппа\tGroup\n" +
		"1.1\t1.1\t1\trow\tconditional\tsectors=taxi\tlimit=72h; words=а|б\tofd,net\toffline.cutoff\t-\t-\t-\t-\tnote.optional\t-\tЖол\tСтрока\tRow\n" +
		"2\t2.\t-\trow\tmandatory\t-\t-\tdocument\t-\tdemand.manual\t-\t-\t-\t-\t-\tҚұжат\tДокумент\tPaper\n"
)

func small(edition, texts, section string) fstest.MapFS {
	return fstest.MapFS{
		"kz-1/edition.tsv":   {Data: []byte(edition)},
		"kz-1/texts.tsv":     {Data: []byte(texts)},
		"kz-1/section-I.tsv": {Data: []byte(section)},
	}
}

func TestLoadSmall(t *testing.T) {
	e, err := Load(small(smallEdition, smallTexts, smallSection), "kz-1")
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.Find("1.1")
	if err != nil {
		t.Fatal(err)
	}
	if r.Section != "I" || r.Parent != "1" || r.Params["limit"] != "72h" || len(r.Params.Words("words")) != 2 || r.Note != "Not obligatory" || r.Notes[Kazakh] != "Міндетті емес" ||
		r.Condition != "sectors=taxi" || r.Line != 4 || r.File != "kz-1/section-I.tsv" || len(r.Digest) != 64 {
		t.Errorf("got %+v", r)
	}
	if d, err := r.Params.Duration("limit"); err != nil || d.Hours() != 72 {
		t.Errorf("limit %v, %v", d, err)
	}
	if e.Sections[0].Title[Russian] != "Раздел" || e.Act != "KZ 1" || e.Since != "2026-01-01" || e.Until != "" {
		t.Errorf("edition %+v", e)
	}
}

func TestLoadErrors(t *testing.T) {
	tests := []struct {
		name, old, new, want string
	}{
		{"unknown kind", "\trow\tmandatory", "\tline\tmandatory", `kz-1/section-I.tsv:5:8: kind "line": want one of section, heading, group, row`},
		{"unknown obligation", "\trow\tmandatory", "\trow\tduty", `kz-1/section-I.tsv:5:12: obligation "duty": want one of mandatory, optional, conditional`},
		{"conditional without condition", "sectors=taxi", "-", `kz-1/section-I.tsv:4:27: no condition: want one over profile fields`},
		{"mandatory with condition", "row\tmandatory\t-", "row\tmandatory\tsectors=taxi", `kz-1/section-I.tsv:5:22: condition "sectors=taxi" on a mandatory row`},
		{"bad condition", "sectors=taxi", "sectors taxi", `kz-1/section-I.tsv:4:27: condition term "sectors taxi"`},
		{"bad parameter", "limit=72h", "limit 72h", `kz-1/section-I.tsv:4:40: parameter "limit 72h": want name=value`},
		{"parameter twice", "words=а|б", "limit=1h", `parameter limit stands twice`},
		{"unknown method", "ofd,net", "ofd,wire", `kz-1/section-I.tsv:4:61: method "wire": want each once of ofd,`},
		{"method twice", "ofd,net", "ofd,ofd", `method "ofd"`},
		{"unknown note", "\tnote.optional\t-\tЖол", "\tnote.other\t-\tЖол", `note "note.other": want a key note.… of texts.tsv`},
		{"note of a wrong kind", "\tnote.optional\t-\tЖол", "\tdemand.manual\t-\tЖол", `note "demand.manual": want a key note.… of texts.tsv`},
		{"parent later", "1.1\t1.1\t1\t", "1.1\t1.1\t2\t", `kz-1/section-I.tsv:4:9: parent 2 does not stand above`},
		{"parent is a row", "2\t2.\t-\trow", "2\t2.\t1.1\trow", `parent 1.1 is of kind row: want a group`},
		{"number twice", "\n2\t2.\t", "\n1.1\t2.\t", `kz-1/section-I.tsv:5:1: number 1.1 stands again, first in kz-1/section-I.tsv:4`},
		{"title missing", "Документ", "-", `kz-1/section-I.tsv:5:67: row 2 has no title in ru`},
		{"cell empty", "Документ", "", `kz-1/section-I.tsv:5:67: title_ru is empty: want - for an empty cell`},
		{"blank at the end", "Документ", "Документ ", `title_ru has needless blanks`},
		{"cell lost", "\tДокумент", "", `kz-1/section-I.tsv:5: 17 cells: want 18 as in the header`},
		{"column unknown", "title_en\n", "title_xx\n", `kz-1/section-I.tsv:1:139: column "title_xx" is not known: want one of number,`},
		{"column twice", "printed\tparent", "parent\tparent", `column parent stands twice`},
		{"heading that requires", "I\t-\t-\tsection\t-", "I\t-\t-\tsection\tmandatory", `a section with obligation "mandatory": want - : a heading requires nothing`},
		{"carriage return", "Paper\n", "Paper\r\n", `kz-1/section-I.tsv:5: a carriage return: want lines that end with a line feed`},
		{"cut off", "Paper\n", "Paper", `kz-1/section-I.tsv:5: the last line has no end`},
		{"not UTF-8", "Paper", "Pap\xffer", `kz-1/section-I.tsv:5: bytes that are not UTF-8`},
		{"byte order mark", "number\tprinted", "\uFEFFnumber\tprinted", `kz-1/section-I.tsv:1:1: a byte order mark`},
		{"bad counterpart", "\t-\t-\tnote.optional", "\tII 38\t-\tnote.optional", `counterpart "II 38"`},
		{"bracket open", "\t-\t-\tnote.optional", "\tII:38(opposite\t-\tnote.optional", `the bracket is not closed`},
		{"no section title", "I\t-\t-\tsection", "I\t-\t-\theading", `kz-1/section-I.tsv: no section title: want one line of kind section`},
		{"status", "in-force", "valid", `kz-1/edition.tsv:4:10: status "valid": want one of in-force, repealed, draft`},
		{"date", "2026-01-01", "01.01.2026", `kz-1/edition.tsv:5:9: since "01.01.2026": want a date`},
		{"key unknown", "act\t-", "acts\t-", `kz-1/edition.tsv:2:1: key "acts" is not known`},
		{"key missing", "act\t-\tKZ 1\n", "", `kz-1/edition.tsv: no line for act`},
		{"title missing in a language", "title\tru\tПриказ\n", "", `kz-1/edition.tsv: no title in ru`},
		{"language", "kk ru en", "kk ru de", `language "de"`},
		{"text missing", "Не обязательно", "-", `kz-1/texts.tsv:2:29: note.optional has no text in ru`},
		{"text unused", "demand.manual\tН", "demand.other\tX\tY\tZ\ndemand.manual\tН", `kz-1/texts.tsv: no row names demand.other`},
		{"text key", "demand.manual\tН", "manual\tН", `kz-1/texts.tsv:3:1: key "manual"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			parts := []string{smallEdition, smallTexts, smallSection}
			hits := 0
			for i, p := range parts {
				if strings.Contains(p, tt.old) {
					hits++
					parts[i] = strings.Replace(p, tt.old, tt.new, 1)
				}
			}
			if hits != 1 {
				t.Fatalf("%q stands in %d files", tt.old, hits)
			}
			_, err := Load(small(parts[0], parts[1], parts[2]), "kz-1")
			var ps Problems
			if !errors.As(err, &ps) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestStrangersAndMissingFiles(t *testing.T) {
	f := small(smallEdition, smallTexts, smallSection)
	f["kz-1/section-II.tsv"] = f["kz-1/section-I.tsv"]
	if _, err := Load(f, "kz-1"); err == nil || !strings.Contains(err.Error(), "kz-1/section-II.tsv: belongs to nothing") {
		t.Errorf("a section file that edition.tsv does not name: %v", err)
	}
	delete(f, "kz-1/section-II.tsv")
	delete(f, "kz-1/section-I.tsv")
	if _, err := Load(f, "kz-1"); err == nil || !strings.Contains(err.Error(), "kz-1/section-I.tsv: cannot be read") {
		t.Errorf("a missing section file: %v", err)
	}
	if _, err := LoadAll(fstest.MapFS{}); err == nil || !strings.Contains(err.Error(), "no edition found") {
		t.Errorf("an empty directory: %v", err)
	}
}

func TestDigest(t *testing.T) {
	load := func(edition, section string) Edition {
		t.Helper()
		e, err := Load(small(edition, smallTexts, section), "kz-1")
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	digest := func(e Edition) string { r, _ := e.Find("1.1"); return r.Digest }
	base := load(smallEdition, smallSection)
	for _, tt := range []struct {
		name, old, new string
		same           bool // of row 1.1
	}{
		{"its text", "Строка", "Строчка", false},
		{"its parameter", "limit=72h", "limit=71h", false},
		{"order of parameters", "limit=72h; words=а|б", "words=а|б; limit=72h", true},
		{"its condition", "sectors=taxi", "sectors=parking", false},
		{"its check", "offline.cutoff", "offline.enter", true},
		{"another row", "Документ", "Бумага", true},
	} {
		e := load(smallEdition, strings.Replace(smallSection, tt.old, tt.new, 1))
		if (digest(e) == digest(base)) != tt.same {
			t.Errorf("%s: digest stays the same: %v, want %v", tt.name, digest(e) == digest(base), tt.same)
		}
		if changed := e.Digest != base.Digest; changed == (tt.name == "order of parameters") {
			t.Errorf("%s: digest of the edition changed: %v", tt.name, changed)
		}
	}
	if load(smallEdition, smallSection).Digest != base.Digest {
		t.Error("two loads give two digests")
	}
	// The digest is a contract with stored findings: it must not change with the program.
	// It is SHA-256 over the edition's ID, section, number, obligation, condition,
	// parameters in order of names, titles and notes in order of languages, each
	// with its length before it; computed apart from this program.
	const want = "ce21ad78c8bac567e449f7af0b527d097f90bdd9332e501fa917ed1fac04da52"
	if digest(base) != want {
		t.Errorf("digest %s, want %s", digest(base), want)
	}
}

func FuzzTable(f *testing.F) {
	f.Add([]byte(smallSection))
	f.Add([]byte("number\n-\n"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, raw []byte) {
		tab, ps := parseTable("x.tsv", raw, rowColumns, []string{"title_kk", "title_ru", "title_en", "class"})
		if len(ps) == 0 && len(tab.lines) == 0 {
			t.Error("accepted a table without lines")
		}
		for _, p := range ps {
			if p.Error() == "" || p.Cure == "" {
				t.Errorf("problem without text or cure: %+v", p)
			}
		}
	})
}
