package submission

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
)

const good = `model: Example-1F KZ
documents:
  - id: manual
    title: {kk: Нұсқаулық, ru: Руководство}
    file: docs/manual.pdf
    sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
  - id: passport
    title: Паспорт
rows:
  - row: 27.10
    document: manual
    page: 12-14
    clause: 4.3.2
  - {row: "27.10", document: passport, page: 3, clause: "2", note: see also}
  - row: 56.2
    section: R
    document: passport
    page: "5"
    clause: 1.1
`

func TestParse(t *testing.T) {
	s, err := Parse("submission.yaml", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if s.Model != "Example-1F KZ" || len(s.Documents) != 2 || len(s.Digest) != 64 {
		t.Errorf("got %+v", s)
	}
	refs := s.Find("kz-626-2025", "I", "27.10") // and not 27.1: a number is kept as it is written
	if len(refs) != 2 || refs[0].Page != "12-14" || refs[0].Clause != "4.3.2" || refs[1].Note != "see also" {
		t.Errorf("row 27.10: %+v", refs)
	}
	if got := s.Find("kz-626-2025", "I", "27.1"); got != nil {
		t.Errorf("row 27.1: %+v", got)
	}
	if s.Find("kz-626-2025", "I", "56.2") != nil || len(s.Find("kz-626-2025", "R", "56.2")) != 1 {
		t.Error("a reference with a section counts for that section alone")
	}
	d, _ := s.Document("manual")
	for l, want := range map[regulation.Lang]string{"kk": "Нұсқаулық", "ru": "Руководство", "en": "Руководство"} {
		if got := d.Name(l); got != want {
			t.Errorf("title in %s: %q, want %q", l, got, want)
		}
	}
	if p, _ := s.Document("passport"); p.Name("kk") != "Паспорт" {
		t.Errorf("got %q", p.Name("kk"))
	}
	var none *Submission
	if none.Find("kz-626-2025", "I", "1") != nil {
		t.Error("no submission refers to nothing")
	}
}

func TestParseNamesPlaceAndCure(t *testing.T) {
	for _, tt := range []struct{ name, old, new, want string }{
		{"unknown key", "page: 12-14", "pages: 12-14", `s.yaml:12:5: row: unknown key "pages": want one of clause, document, edition, note, page, row, section`},
		{"missing key", "    clause: 4.3.2\n", "", `s.yaml:10:5: row: key "clause" is missing`},
		{"unknown document", "document: manual\n    page", "document: menual\n    page", `s.yaml:10:5: row 27.10: document "menual": want one of manual, passport`},
		{"row that is no number", "row: 56.2", "row: 56,2", `s.yaml:15:10: row "56,2": want a number such as 27.6`},
		{"empty text", "page: 12-14", `page: ""`, `s.yaml:12:11: page: want a text, got an empty one`},
		{"digest", "2c26b4", "2C26B4", `s.yaml:6:13: sha256 "2C26B4`},
		{"file without digest", "    sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae\n", "", `s.yaml:3:5: document manual: file "docs/manual.pdf" needs its sha256`},
		{"file outside", "docs/manual.pdf", "../manual.pdf", `s.yaml:5:11: file "../manual.pdf": want a path below`},
		{"document twice", "id: passport", "id: manual", `document "manual" stands already in line 3`},
		{"same reference twice", "document: passport, page: 3, clause: \"2\"", "document: manual, page: 12-14, clause: 4.3.2", `s.yaml:14:6: row 27.10: the same reference stands already in line 10`},
		{"list instead of text", "page: 12-14", "page: [12, 14]", `s.yaml:12:11: page: want a text, got Sequence`},
		{"text instead of list", "rows:\n  - row: 27.10", "rows: none\nx:\n  - row: 27.10", `s.yaml:9:7: rows: want a list, got String`},
		{"language", "{kk: Нұсқаулық", "{kz: Нұсқаулық", `title: unknown key "kz": want one of en, kk, ky, ru`},
		{"syntax", "documents:", "documents: [", `s.yaml: [`},
		{"empty", good, "", `s.yaml:1:1: want one YAML document`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bad := strings.Replace(good, tt.old, tt.new, 1)
			if bad == good {
				t.Fatalf("%q is not in the sample", tt.old)
			}
			s, err := Parse("s.yaml", []byte(bad))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
			if s != nil {
				t.Error("a broken submission is handed out all the same")
			}
		})
	}
}

// forms are two editions that share numbers.
func forms() []regulation.Edition {
	rows := func(section string, numbers ...string) regulation.Section {
		s := regulation.Section{ID: section}
		for _, n := range numbers {
			s.Rows = append(s.Rows, regulation.Row{Section: section, Number: n, Printed: n + ".", Kind: regulation.PlainRow})
		}
		return s
	}
	return []regulation.Edition{
		{ID: "kz-431-2014", Sections: []regulation.Section{rows("I", "27.10", "6")}},
		{ID: "kz-626-2025", Sections: []regulation.Section{rows("I", "27.9", "27.10", "5"), rows("R", "56.2", "5")}},
	}
}

func TestSettleAgainstTheForms(t *testing.T) {
	s, err := Parse("s.yaml", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Settle(forms(), "kz-626-2025"); err != nil {
		t.Errorf("got %v", err)
	}
	if r := s.Refs[0]; r.Edition != "kz-626-2025" || r.Section != "I" {
		t.Errorf("settled as %+v", r)
	}
	if s.Find("kz-431-2014", "I", "27.10") != nil || s.Of("kz-431-2014") || !s.Of("kz-626-2025") {
		t.Error("a reference to a row of one edition counts for the same number of another one")
	}
	for _, tt := range []struct{ old, new, want string }{
		{"row: 27.10", "row: 27.11", `s.yaml:10:5: row "27.11": edition kz-626-2025 has no such row; near it are 27.9, 27.10`},
		{"row: 27.10", "row: 5", `s.yaml:10:5: row "5": say the section, it stands in I, R`},
		{"section: R", "section: II", `s.yaml:15:5: row "56.2", section "II": in edition kz-626-2025 the row stands in section R`},
		{"section: R", "edition: kz-431-2014", `s.yaml:15:5: row "56.2": edition kz-431-2014 has no such row`},
		{"section: R", "edition: kz-999", `s.yaml:15:5: row 56.2: edition "kz-999": want one of kz-431-2014, kz-626-2025`},
		{"model:", "edition: \"999\"\nmodel:", `s.yaml:1:10: edition "999": want one of kz-431-2014`},
		{"model:", "edition: \"431\"\nmodel:", `s.yaml:16:5: row "56.2": edition kz-431-2014 has no such row`},
	} {
		bad := strings.Replace(good, tt.old, tt.new, 1)
		s, err := Parse("s.yaml", []byte(bad))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Settle(forms(), "kz-626-2025"); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.new, err, tt.want)
		}
	}
}

func TestCheckModel(t *testing.T) {
	s, err := Parse("s.yaml", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CheckModel("EXAMPLE-1F kz"); err != nil {
		t.Errorf("got %v", err)
	}
	if err := s.CheckModel("Example-2"); err == nil || !strings.HasPrefix(err.Error(), `s.yaml:1:8: model "Example-1F KZ": the device profile is of "Example-2"`) {
		t.Errorf("got %v", err)
	}
}

func TestVerify(t *testing.T) {
	s, err := Parse("s.yaml", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		dir  fstest.MapFS
		want string
	}{
		{"right", fstest.MapFS{"docs/manual.pdf": {Data: []byte("foo")}}, ""},
		{"changed", fstest.MapFS{"docs/manual.pdf": {Data: []byte("bar")}}, "s.yaml:3:5: document manual: docs/manual.pdf has SHA-256 fcde2b2e"},
		{"gone", fstest.MapFS{}, "s.yaml:3:5: document manual: open docs/manual.pdf"},
	} {
		sums, err := s.Verify(tt.dir)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
		if _, ok := sums["manual"]; ok != (tt.want == "") || len(sums) > 1 {
			t.Errorf("%s: digests %v", tt.name, sums)
		}
	}
}

// What goes into a record comes out of it, but for places in the file.
func TestThroughTheRecord(t *testing.T) {
	s, err := Parse("s.yaml", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Settle(forms(), "kz-626-2025"); err != nil {
		t.Fatal(err)
	}
	said, refs := s.Events(map[string]string{"manual": s.Documents[0].SHA256})
	if said.Rows != 3 || said.Digest != s.Digest || refs[0].Digest != s.Documents[0].SHA256 || refs[1].Digest != "" {
		t.Errorf("%+v %+v", said, refs)
	}
	l := history.NewMemory(clock.NewVirtual(time.Time{}, nil))
	if FromRecord(l.View()) != nil {
		t.Error("a record without a submission gives one")
	}
	for _, b := range append([]history.Body{said}, refs[0], refs[1], refs[2]) {
		if _, err := l.Append(history.Bench, b); err != nil {
			t.Fatal(err)
		}
	}
	back := FromRecord(l.View())
	if len(back.Refs) != 3 || len(back.Documents) != 2 || back.Digest != s.Digest || back.Documents[0].Name("kk") != "Нұсқаулық" {
		t.Fatalf("got %+v", back)
	}
	for i, r := range back.Refs {
		want := s.Refs[i]
		want.At = Pos{}
		if r != want {
			t.Errorf("reference %d: %+v, want %+v", i, r, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("rows: &a [*a]\ndocuments: {}\n"))
	f.Add([]byte("? [a]\n: b\n<<: c\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse("s.yaml", data)
		if (s == nil) == (err == nil) {
			t.Fatalf("submission %v with error %v", s, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "s.yaml:") {
			t.Errorf("the error names no place: %v", err)
		}
	})
}
