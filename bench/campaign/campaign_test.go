package campaign

import (
	"slices"
	"strings"
	"testing"

	"github.com/kkmtest/kkmtest/bench"
	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/regulation"
)

func edition() regulation.Edition {
	row := func(number, parent, check string, kind regulation.Kind) regulation.Row {
		return regulation.Row{Section: "I", Number: number, Parent: parent, Check: check, Kind: kind}
	}
	return regulation.Edition{ID: "test", Sections: []regulation.Section{{ID: "I", Rows: []regulation.Row{
		row("I", "", "", regulation.SectionTitle),
		row("1", "", "", regulation.Group),
		row("1.1", "1", "a.one", regulation.PlainRow),
		row("1.2", "1", "a.two", regulation.Group),
		row("1.3", "1.2", "b.one", regulation.PlainRow),
		row("I.h1", "", "", regulation.Heading),
		row("2", "", "b.one", regulation.PlainRow),
		row("3", "", "", regulation.PlainRow),
	}}}}
}

func TestSelect(t *testing.T) {
	tests := []struct {
		name         string
		rows, checks []string
		want         []string
		err          string
	}{
		{name: "nothing selected means everything but headings", want: []string{"1", "1.1", "1.2", "1.3", "2", "3"}},
		{name: "a row", rows: []string{"2"}, want: []string{"2"}},
		{name: "a group means all below it, however deep", rows: []string{"1"}, want: []string{"1", "1.1", "1.2", "1.3"}},
		{name: "a check", checks: []string{"b.one"}, want: []string{"1.3", "2"}},
		{name: "a pattern", checks: []string{"a.*"}, want: []string{"1.1", "1.2"}},
		{name: "both together", rows: []string{"1"}, checks: []string{"b.one"}, want: []string{"1.3"}},
		{name: "an unknown row", rows: []string{"2", "99"}, err: "99"},
		{name: "an unknown check", checks: []string{"c.one"}, err: "c.one"},
		{name: "both together select nothing", rows: []string{"2"}, checks: []string{"a.one"}, err: "select no row"},
		{name: "a heading is no row to judge", rows: []string{"I.h1"}, err: "I.h1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rows, err := Select(edition(), "I", tt.rows, tt.checks)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range rows {
				got = append(got, r.Number)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
	if _, err := Select(edition(), "V", nil, nil); err == nil || !strings.Contains(err.Error(), `section "V"`) {
		t.Errorf("section V: error %v", err)
	}
}

func TestMake(t *testing.T) {
	all := []bench.Scenario{
		{Key: "late", Checks: []string{"a.one"}, Late: true},
		{Key: "both", Checks: []string{"a.one", "b.one"}},
		{Key: "other", Checks: []string{"c.one"}},
		{Key: "b", Checks: []string{"b.one"}},
	}
	rows := func(checks ...string) (out []regulation.Row) {
		for _, c := range checks {
			out = append(out, regulation.Row{Number: "n-" + c, Check: c})
		}
		return out
	}
	tests := []struct {
		name string
		rows []regulation.Row
		want []string
		err  string
	}{
		{"what serves a check, late ones last", rows("a.one"), []string{"both", "late"}, ""},
		{"declared order", rows("b.one", "a.one"), []string{"both", "b", "late"}, ""},
		{"rows without a check need no scenario", rows(""), nil, ""},
		{"a check without a scenario", rows("b.one", "d.one"), nil, "row n-d.one: no scenario leaves evidence for check d.one"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Make(all, tt.rows)
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Fatalf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil || !slices.Equal(p.Keys(), tt.want) {
				t.Errorf("got %v, %v, want %v", p.Keys(), err, tt.want)
			}
		})
	}
}

func TestStatus(t *testing.T) {
	tests := []struct {
		results []check.Result
		want    int
	}{
		{nil, 0},
		{[]check.Result{check.Pass, check.NotApplicable, check.Informational, check.NotSelected}, 0},
		{[]check.Result{check.Pass, check.NotChecked}, 4},
		{[]check.Result{check.Pass, check.Unknown}, 4},
		{[]check.Result{check.Unknown, check.Error}, 3},
		{[]check.Result{check.Error, check.Fail, check.Unknown}, 1},
	}
	for _, tt := range tests {
		var fs []check.Finding
		for _, r := range tt.results {
			fs = append(fs, check.Finding{Result: r})
		}
		if got := Status(fs); got != tt.want {
			t.Errorf("%v: status %d, want %d", tt.results, got, tt.want)
		}
	}
}

func TestSummaryCountsWhatWasSelected(t *testing.T) {
	fs := []check.Finding{{Result: check.Pass}, {Result: check.Pass}, {Result: check.Unknown}, {Result: check.NotSelected}, {Result: check.Informational}}
	if got, want := Summary(fs), "3 rows: 2 pass, 0 fail, 0 error, 1 unknown, 0 notchecked, 0 notapplicable"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
