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
	if s := strings.Join(got, " "); s != "19.44 24 27 27.1 27.3 27.4 27.5 27.6 27.7 28.1 28.2 28.3" {
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
