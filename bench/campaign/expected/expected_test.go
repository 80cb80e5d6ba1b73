package expected

import (
	"slices"
	"strings"
	"testing"

	"github.com/kkmtest/kkmtest/bench/campaign"
	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/regulation"
)

func form() regulation.Edition {
	row := func(kind regulation.Kind, n, parent string) regulation.Row {
		return regulation.Row{Section: "I", Number: n, Parent: parent, Kind: kind}
	}
	return regulation.Edition{ID: "kz-1", Sections: []regulation.Section{{ID: "I", Rows: []regulation.Row{
		row(regulation.PlainRow, "13", ""), row(regulation.Group, "27", ""), row(regulation.PlainRow, "27.6", "27"), row(regulation.PlainRow, "27.7", "27"), row(regulation.PlainRow, "31", ""),
	}}}}
}

func found(results ...check.Result) []check.Finding {
	var out []check.Finding
	for i, r := range form().Rows("I") {
		f := check.Finding{Edition: "kz-1", Section: "I", Row: r.Number, Result: results[i]}
		if r.Kind == regulation.PlainRow && results[i] == check.Fail {
			f.Parts = []check.Judgement{check.Failed(check.Violation{Want: "a", Got: "b"}, 1)}
		}
		out = append(out, f)
	}
	return out
}

const known = `deviations:
  - {row: 27.6, reason: an hour late}
  - {row: 31, result: notchecked, reason: the manual comes later}
`

func TestHold(t *testing.T) {
	const pass, fail, open, no, na, off = check.Pass, check.Fail, check.Unknown, check.NotChecked, check.NotApplicable, check.NotSelected
	tests := []struct {
		name   string
		file   string
		found  []check.Finding
		status int
		lines  []string
	}{
		{"as expected, and the group has it from there", known, found(pass, fail, fail, pass, no), campaign.AllPassed, []string{"expected: 27.6 fail: an hour late", "expected: 31 notchecked: the manual comes later"}},
		{"a new failure", known, found(fail, fail, fail, pass, no), campaign.SomeFail, []string{"unexpected: 13 fail"}},
		{"a new failure in the same group", known, found(pass, fail, fail, fail, no), campaign.SomeFail, []string{"unexpected: 27 fail", "unexpected: 27.7 fail"}},
		{"a new unknown", known, found(open, fail, fail, pass, no), campaign.SomeOpen, nil},
		{"a new error", known, found(check.Error, fail, fail, pass, no), campaign.SomeError, []string{"unexpected: 13 error"}},
		{"one that has gone", known, found(pass, pass, pass, pass, no), campaign.SomeFail, []string{"gone: e.yaml:2:6: row 27.6 was expected to be fail and is pass: take the entry out or correct it"}},
		{"one that has become another", known, found(pass, fail, fail, pass, pass), campaign.SomeFail, []string{"gone: e.yaml:3:6: row 31 was expected to be notchecked and is pass"}},
		{"not selected is not gone", known, found(pass, off, off, off, off), campaign.AllPassed, nil},
		{"nothing is expected", "deviations: []\n", found(pass, fail, fail, pass, no), campaign.SomeFail, []string{"unexpected: 27 fail", "unexpected: 27.6 fail"}},
		{"of another edition", strings.ReplaceAll(known, "{row", "{edition: kz-2, row"), found(pass, pass, pass, pass, pass), campaign.AllPassed, nil},
		{"does not apply", "deviations:\n  - {row: 13, result: notapplicable, reason: no such function}\n", found(na, pass, pass, pass, pass), campaign.AllPassed, []string{"expected: 13 notapplicable: no such function"}},
	}
	other := form()
	other.ID = "kz-2"
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Parse("e.yaml", []byte(tt.file))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Settle([]regulation.Edition{form(), other}, "kz-1", "M"); err != nil {
				t.Fatal(err)
			}
			h := s.Hold(form(), tt.found)
			if h.Status != tt.status {
				t.Errorf("exit status %d, want %d; %q", h.Status, tt.status, h.Lines)
			}
			for _, want := range tt.lines {
				if !slices.ContainsFunc(h.Lines, func(l string) bool { return strings.HasPrefix(l, want) }) {
					t.Errorf("no line %q in %q", want, h.Lines)
				}
			}
		})
	}
	var none *Set
	if h := none.Hold(form(), found(pass, fail, fail, pass, no)); h.Status != campaign.SomeFail || h.Lines != nil {
		t.Errorf("without a file: %+v", h)
	}
}

func TestErrors(t *testing.T) {
	for _, tt := range []struct{ name, file, want string }{
		{"unknown key", "deviations:\n  - {row: 13, reason: x, until: y}\n", `e.yaml:2:26: deviation: unknown key "until": want one of edition, reason, result, row, section`},
		{"no reason", "deviations:\n  - {row: 13}\n", `e.yaml:2:6: deviation: key "reason" is missing`},
		{"a pass", "deviations:\n  - {row: 13, result: pass, reason: x}\n", `e.yaml:2:23: result "pass": want one of fail, error, unknown, notchecked, notapplicable`},
		{"a word that is none", "deviations:\n  - {row: 13, result: bad, reason: x}\n", `e.yaml:2:23: result "bad": want one of`},
		{"no such row", "deviations:\n  - {row: 27.9, reason: x}\n", `e.yaml:2:6: row "27.9": edition kz-1 has no such row; near it are 27, 27.6, 27.7`},
		{"no such edition", "edition: kz-9\ndeviations: []\n", `e.yaml:1:10: edition "kz-9": want one of kz-1`},
		{"another model", "model: N\ndeviations: []\n", `e.yaml:1:8: model "N": the device profile is of "M"`},
		{"twice", "deviations:\n  - {row: 13, reason: x}\n  - {row: 13, result: unknown, reason: y}\n", `e.yaml:3:6: row 13: it stands already in line 2`},
		{"empty", "", `e.yaml:1:1: want one YAML document with deviations`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Parse("e.yaml", []byte(tt.file))
			if err == nil {
				err = s.Settle([]regulation.Edition{form()}, "kz-1", "M")
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(known))
	f.Add([]byte("deviations: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse("e.yaml", data)
		if (s == nil) == (err == nil) || err != nil && !strings.HasPrefix(err.Error(), "e.yaml:") {
			t.Errorf("%v, %v", s, err)
		}
	})
}
