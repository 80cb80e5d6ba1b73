package regulation

import (
	"strings"
	"testing"
)

func chosen(t *testing.T, e Edition, section string, numbers ...string) string {
	t.Helper()
	rows, err := Select(e, section, numbers)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range rows {
		out = append(out, r.Number)
	}
	return strings.Join(out, " ")
}

func TestSelect(t *testing.T) {
	e := edition(t, "kz-431-2014")
	tests := []struct {
		numbers []string
		want    string
	}{
		{[]string{"23"}, "23"},
		{[]string{"27.6"}, "27.6"},
		{[]string{"28"}, "28 28.1 28.2 28.3"},
		{[]string{"28.3", "28.1"}, "28.1 28.3"}, // the order of the form
		{[]string{"19.24"}, "19.24 19.25 19.26 19.27"},
		{[]string{"19.15", "23"}, "19.15 19.16 19.17 19.18 19.19 19.20 19.21 19.22 19.23 19.24 19.25 19.26 19.27 19.28 19.29 19.30 19.31 19.32 19.33 19.34 19.35 19.36 19.37 19.38 23"},
	}
	for _, tt := range tests {
		if got := chosen(t, e, "I", tt.numbers...); got != tt.want {
			t.Errorf("%v: got %s, want %s", tt.numbers, got, tt.want)
		}
	}
	if rows, err := Select(e, "I", nil); err != nil || len(rows) != 164 {
		t.Errorf("no numbers: %d rows, %v, want the whole form of 164 lines", len(rows), err)
	}
}

func TestSelectErrors(t *testing.T) {
	e := edition(t, "kz-431-2014")
	for _, tt := range []struct {
		section, number, want string
	}{
		{"I", "27.66", `row "27.66" does not stand in kz-431-2014 section I: want a number such as 27.6,`},
		{"I", "", `row "" does not stand in kz-431-2014 section I`},
		{"I", "20.26", `row "20.26" of kz-431-2014: the act prints this number on row 20.25: want the corrected number 20.25`},
		{"IV", "1", `kz-431-2014 has no section "IV": want one of I, II, III`},
		{"I", "93.6", `row "93.6" does not stand in kz-431-2014 section I but in section III`},
		{"I", "I.h1", `I.h1 names only headings of kz-431-2014, which require nothing`},
	} {
		if rows, err := Select(e, tt.section, []string{tt.number}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %q: got %d rows, %v, want %s", tt.section, tt.number, len(rows), err, tt.want)
		}
	}
}

func TestSelectChecks(t *testing.T) {
	e := edition(t, "kz-431-2014")
	rows, err := SelectChecks(e, "I", []string{"offline.*"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rows {
		got = append(got, r.Number)
	}
	if s := strings.Join(got, " "); s != "19.44 24 27 27.1 27.2 27.3 27.4 27.5 27.6 27.7 28.1 28.2 28.3" {
		t.Errorf("offline.*: got %s", s)
	}
	for _, p := range []string{"offline.*offf", "latency", "["} {
		if _, err := SelectChecks(e, "I", []string{p}); err == nil {
			t.Errorf("%q was accepted although it matches nothing", p)
		}
	}
	if _, err := SelectChecks(e, "I", []string{"latency.onlin"}); err == nil || !strings.Contains(err.Error(), "want one of latency.online") {
		t.Errorf("a typo: %v", err)
	}
}

func TestKin(t *testing.T) {
	old, now := edition(t, "kz-431-2014"), edition(t, "kz-626-2025")
	for _, tt := range []struct {
		from, to Edition
		section  string
		numbers  []string
		want     string
	}{
		{old, now, "I", []string{"27.6"}, "29.6"},
		{old, now, "I", []string{"30.1", "30.14"}, "32 R56.1 R57.2"}, // the receipt chapter belongs to each section
		{old, now, "I", []string{"28"}, "30 30.1 30.2 30.3"},
		{old, now, "II", []string{"51"}, ""}, // dropped
		{now, old, "I", []string{"29.6"}, "27.6"},
		{now, old, "I", []string{"21"}, "19 19.1 19.2 19.3"},
		{now, old, "I", []string{"19"}, ""}, // new
		{old, old, "I", []string{"23"}, ""},
	} {
		rows, err := Select(tt.from, tt.section, tt.numbers)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(Kin(tt.from, tt.to, rows, tt.section), " ")
		if got != tt.want && !(tt.numbers[0] == "21" && strings.HasPrefix(got, tt.want)) {
			t.Errorf("%s %v in %s: got %q, want %q", tt.from.ID, tt.numbers, tt.to.ID, got, tt.want)
		}
	}
}

func TestLocate(t *testing.T) {
	e := edition(t, "kz-431-2014")
	r, err := e.Locate("", "93.6")
	if err != nil || r.Section != "III" {
		t.Errorf("%+v, %v", r, err)
	}
	twice := Edition{ID: "x", Sections: []Section{{ID: "I", Rows: []Row{{Section: "I", Number: "5", Kind: PlainRow}}}, {ID: "R", Rows: []Row{{Section: "R", Number: "5", Kind: Group}, {Section: "R", Number: "h", Kind: Heading}}}}}
	if r, err := twice.Locate("R", "5"); err != nil || r.Kind != Group {
		t.Errorf("%+v, %v", r, err)
	}
	for _, tt := range []struct {
		e                     Edition
		section, number, want string
	}{
		{e, "", "27.11", `row "27.11": edition kz-431-2014 has no such row; near it are 27, 27.1`},
		{e, "", "400", `row "400": edition kz-431-2014 has no such row`},
		{e, "II", "27.6", `row "27.6", section "II": in edition kz-431-2014 the row stands in section I`},
		{twice, "", "5", `row "5": say the section, it stands in I, R`},
		{twice, "", "h", `row "h": edition x has no such row`}, // a heading requires nothing
	} {
		if _, err := tt.e.Locate(tt.section, tt.number); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %s: got %v, want %s", tt.section, tt.number, err, tt.want)
		}
	}
}
