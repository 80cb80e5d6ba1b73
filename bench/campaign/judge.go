package campaign

import (
	"fmt"

	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
)

// The exit statuses. They are told apart in this order: the first that applies.
const (
	AllPassed = 0
	SomeFail  = 1 // some row failed
	BadCall   = 2 // the call, the configuration or a file was wrong
	SomeError = 3 // the bench itself failed for some row
	SomeOpen  = 4 // some row stayed unknown or unchecked
)

// Judge judges the selected rows of an edition from a record. The rows that were
// not selected come out notselected, so that a form always has all its lines.
func Judge(v history.View, e regulation.Edition, section string, rows []regulation.Row) []check.Finding {
	return JudgeRecord(check.NewRecord(v), e, section, rows)
}

// JudgeRecord judges a record that was put together already: several editions
// read it once.
func JudgeRecord(rec *check.Record, e regulation.Edition, section string, rows []regulation.Row) []check.Finding {
	chosen := map[string]bool{}
	for _, r := range rows {
		chosen[r.Section+" "+r.Number] = true
	}
	var out []check.Finding
	for _, s := range e.For(section) {
		part := e
		part.Sections = []regulation.Section{{ID: s.ID, Title: s.Title}}
		for _, r := range s.Rows {
			if !Requirement(r) || chosen[s.ID+" "+r.Number] {
				part.Sections[0].Rows = append(part.Sections[0].Rows, r)
			}
		}
		judged := check.JudgeAll(rec, part, s.ID)
		i := 0
		for _, r := range s.Rows {
			if i < len(judged) && judged[i].Row == r.Number {
				out = append(out, judged[i])
				i++
				continue
			}
			out = append(out, check.Finding{Edition: e.ID, Section: s.ID, Row: r.Number, RowDigest: r.Digest, Check: r.Check, Result: check.NotSelected})
		}
	}
	return out
}

// Count counts results.
func Count(fs []check.Finding) map[check.Result]int {
	n := map[check.Result]int{}
	for _, f := range fs {
		n[f.Result]++
	}
	return n
}

// Status is the exit status that findings call for.
func Status(fs []check.Finding) int {
	n := Count(fs)
	switch {
	case n[check.Fail] > 0:
		return SomeFail
	case n[check.Error] > 0:
		return SomeError
	case n[check.Unknown]+n[check.NotChecked] > 0:
		return SomeOpen
	}
	return AllPassed
}

// Summary is the last line of a run: how many rows came out how.
func Summary(fs []check.Finding) string {
	n := Count(fs)
	total := len(fs) - n[check.Informational] - n[check.NotSelected]
	s := fmt.Sprintf("%d rows:", total)
	for i, r := range []check.Result{check.Pass, check.Fail, check.Error, check.Unknown, check.NotChecked, check.NotApplicable} {
		if i > 0 {
			s += ","
		}
		s += fmt.Sprintf(" %d %v", n[r], r)
	}
	return s
}
