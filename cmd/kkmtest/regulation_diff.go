package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/reports"
)

// oldFinding is what findings.json says of a row.
type oldFinding struct {
	Section string       `json:"section"`
	Row     string       `json:"row"`
	Result  check.Result `json:"result"`
	Digest  string       `json:"row_digest"`
}

// settles says whether somebody looked at the row: only such a finding can be lost.
func (f oldFinding) settles() bool {
	switch f.Result {
	case check.Pass, check.Fail, check.Error, check.Unknown, check.NotApplicable:
		return true
	}
	return false
}

// readFindings reads the findings of an edition, by row, from a file or a run directory.
func readFindings(name, edition string) (map[string]oldFinding, error) {
	if st, err := os.Stat(name); err == nil && st.IsDir() {
		dir := name
		name = filepath.Join(dir, reports.FileName(reports.JSON, edition, ""))
		if _, err := os.Stat(name); err != nil {
			name = filepath.Join(dir, reports.FileName(reports.JSON, "", ""))
		}
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("--findings: %w", err)
	}
	var doc struct {
		Edition string       `json:"edition"`
		Rows    []oldFinding `json:"rows"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		line, col := place(raw, err)
		return nil, fmt.Errorf("%s:%d:%d: %w: want findings.json of a run", name, line, col, err)
	}
	if doc.Edition != edition {
		return nil, fmt.Errorf("%s: it is of edition %q: want findings of %s", name, doc.Edition, edition)
	}
	out := map[string]oldFinding{}
	for _, r := range doc.Rows {
		out[r.Row] = r
	}
	return out, nil
}

// place is where JSON went wrong.
func place(raw []byte, err error) (line, col int) {
	at := int64(0)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &kind):
		at = kind.Offset
	}
	before := raw[:min(int(at), len(raw))]
	return bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n')
}

func printDiff(w io.Writer, changes []regulation.Change, had map[string]oldFinding, asJSON, all bool) error {
	counts := map[string]int{}
	var out []jsonChange
	lost := map[string]bool{}
	for _, ch := range changes {
		counts[ch.State]++
		j := jsonChange{State: ch.State, New: ch.New.Number, What: ch.What}
		for _, o := range ch.Old {
			j.Old = append(j.Old, o.Number)
		}
		for _, o := range ch.Lost {
			j.Lost = append(j.Lost, o.Number)
			lost[o.Number] = true
			if f, ok := had[o.Number]; ok && f.settles() {
				if j.Findings == nil {
					j.Findings = map[string]string{}
				}
				j.Findings[o.Number] = f.Result.String()
			}
		}
		for _, o := range ch.Old { // judged by another revision of the old edition
			if f, ok := had[o.Number]; ok && f.settles() && f.Digest != "" && f.Digest != o.Digest && !lost[o.Number] {
				lost[o.Number] = true
				j.Lost = append(j.Lost, o.Number)
				j.What = append(j.What, "judged by another revision")
				if j.Findings == nil {
					j.Findings = map[string]string{}
				}
				j.Findings[o.Number] = f.Result.String()
			}
		}
		out = append(out, j)
	}
	if asJSON {
		return printJSON(w, out)
	}
	for _, j := range out {
		if j.State == regulation.Continued && len(j.Findings) == 0 && !all {
			continue
		}
		line := fmt.Sprintf("%-9s %s", j.State, strings.Join(j.Old, ","))
		if j.New != "" && len(j.Old) > 0 {
			line += " -> "
		}
		line += j.New
		if len(j.What) > 0 {
			line += "  (" + strings.Join(j.What, ", ") + ")"
		}
		fmt.Fprintln(w, line)
	}
	var sum []string
	for _, s := range slices.Sorted(maps.Keys(counts)) {
		sum = append(sum, fmt.Sprintf("%d %s", counts[s], s))
	}
	fmt.Fprintln(w, strings.Join(sum, ", "))
	if had == nil {
		fmt.Fprintf(w, "old findings that no longer count: %d rows: %s\n", len(lost), strings.Join(inOrder(lost, changes), ", "))
		return nil
	}
	settled, gone := 0, []string{}
	for _, f := range had {
		if f.settles() {
			settled++
		}
	}
	for _, n := range inOrder(lost, changes) {
		if f, ok := had[n]; ok && f.settles() {
			gone = append(gone, n)
			fmt.Fprintf(w, "no longer counts: %s %s\n", n, f.Result)
		}
	}
	fmt.Fprintf(w, "%d of %d findings no longer count\n", len(gone), settled)
	return nil
}

// inOrder gives the rows in the order in which the old form has them.
func inOrder(rows map[string]bool, changes []regulation.Change) []string {
	var olds []regulation.Row
	seen := map[string]bool{}
	for _, ch := range changes {
		for _, o := range ch.Old {
			if rows[o.Number] && !seen[o.Number] {
				seen[o.Number] = true
				olds = append(olds, o)
			}
		}
	}
	slices.SortStableFunc(olds, func(a, b regulation.Row) int {
		if a.File != b.File {
			return strings.Compare(a.File, b.File)
		}
		return a.Line - b.Line
	})
	var out []string
	for _, o := range olds {
		out = append(out, o.Number)
	}
	return out
}
