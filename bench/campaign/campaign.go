// Package campaign plans and runs a campaign: which scenarios serve the
// selected rows, in which order, as Ginkgo specs in a process of their own, and
// the run directory that they leave. It also judges a run directory, so that a
// fresh run and an old one are judged by the same code.
//
// It knows no scenario and no wiring: both are handed in. It gives no verdict
// either; those come from package check.
//
// Begin with [Asked] (what a run was asked for), [Select], [Make] and [Run].
package campaign

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/kkmtest/kkmtest/bench"
	"github.com/kkmtest/kkmtest/bench/regulation"
)

// Asked is what a run was asked for, complete: run.yaml. The same Asked gives
// the same record in simulated time.
type Asked struct {
	Format    int      `yaml:"format"` // of this file, now 1
	Device    string   `yaml:"device"`
	Editions  []string `yaml:"regulation"`
	Section   string   `yaml:"section"`
	Rows      []string `yaml:"rows,flow"`      // as asked for; empty: all
	Checks    []string `yaml:"checks,flow"`    // as asked for; empty: all
	Scenarios []string `yaml:"scenarios,flow"` // what the plan made of it, in order; informative
	Time      string   `yaml:"time"`
	Seed      uint64   `yaml:"seed"`
	Mutant    string   `yaml:"mutant,omitempty"`
	OFDListen string   `yaml:"ofd_listen,omitempty"`
	// Submission is the manufacturer's submission.yaml inside the run directory, "" without one.
	Submission string `yaml:"submission,omitempty"`
	Confirmed  bool   `yaml:"unsent_confirmed,omitempty"` // a person vouches that the register keeps no real documents
	Version    string `yaml:"version"`                    // of kkmtest
}

// The files of a run directory.
const (
	AskedFile   = "run.yaml"
	ProfileFile = "profile.yaml"
	HistoryFile = "history.jsonl"
	CaptureFile = "capture.pcapng"

	// SubmissionDir holds submission.yaml and the documents that it names, as they were handed over.
	SubmissionDir  = "submission"
	SubmissionFile = "submission.yaml"
)

// Write makes run.yaml.
func (a Asked) Write(dir string) error {
	raw, err := yaml.Marshal(a)
	if err != nil {
		return fmt.Errorf("%s: %w", AskedFile, err)
	}
	return os.WriteFile(filepath.Join(dir, AskedFile), raw, 0o644)
}

// ReadAsked reads run.yaml of a run directory.
func ReadAsked(dir string) (Asked, error) {
	path := filepath.Join(dir, AskedFile)
	raw, err := os.ReadFile(path)
	if err != nil {
		return Asked{}, fmt.Errorf("run directory %s: %w", dir, err)
	}
	var a Asked
	if err := yaml.UnmarshalWithOptions(raw, &a, yaml.Strict()); err != nil {
		return Asked{}, fmt.Errorf("%s: %w", path, err)
	}
	if a.Format != 1 {
		return Asked{}, fmt.Errorf("%s: format %d: this version reads format 1", path, a.Format)
	}
	return a, nil
}

// Select finds the requirement rows that a selection means: those that rows
// and checks both name. A row number means the row and everything below it, a
// check key may be a pattern such as offline.*. Empty lists select every row; a
// selection that selects nothing is an error.
func Select(e regulation.Edition, section string, rows, checks []string) ([]regulation.Row, error) {
	if len(e.For(section)) == 0 {
		return nil, fmt.Errorf("section %q: edition %s has no such section", section, e.ID)
	}
	out, err := regulation.Select(e, section, rows)
	if err != nil {
		return nil, err
	}
	if len(checks) > 0 {
		byCheck, err := regulation.SelectChecks(e, section, checks)
		if err != nil {
			return nil, err
		}
		in := map[string]bool{}
		for _, r := range byCheck {
			in[r.Section+" "+r.Number] = true
		}
		out = slices.DeleteFunc(out, func(r regulation.Row) bool { return !in[r.Section+" "+r.Number] })
	}
	out = slices.DeleteFunc(out, func(r regulation.Row) bool { return !Requirement(r) })
	if len(out) == 0 {
		return nil, fmt.Errorf("rows %s and checks %s together select no row of section %s", strings.Join(rows, ","), strings.Join(checks, ","), section)
	}
	return out, nil
}

// Requirement tells a row that can be judged from a heading.
func Requirement(r regulation.Row) bool {
	return r.Kind == regulation.PlainRow || r.Kind == regulation.Group
}

// Plan is what will be run.
type Plan struct {
	Scenarios []bench.Scenario
}

// Make takes the scenarios that leave evidence for the checks of the rows. The
// order is the declared one, with those that may leave a failing register in a
// bad state behind the others. A check that no scenario serves is an error.
func Make(all []bench.Scenario, rows []regulation.Row) (Plan, error) {
	need := map[string]string{} // check -> row
	for _, r := range rows {
		if _, ok := need[r.Check]; !ok && r.Check != "" {
			need[r.Check] = r.Number
		}
	}
	var p, late []bench.Scenario
	served := map[string]bool{}
	for _, s := range all {
		use := false
		for _, c := range s.Checks {
			if _, ok := need[c]; ok {
				use, served[c] = true, true
			}
		}
		switch {
		case use && s.Late:
			late = append(late, s)
		case use:
			p = append(p, s)
		}
	}
	for c, row := range need {
		if !served[c] {
			return Plan{}, fmt.Errorf("row %s: no scenario leaves evidence for check %s", row, c)
		}
	}
	return Plan{Scenarios: append(p, late...)}, nil
}

// Keys lists the scenarios in their order.
func (p Plan) Keys() []string {
	var out []string
	for _, s := range p.Scenarios {
		out = append(out, s.Key)
	}
	return out
}
