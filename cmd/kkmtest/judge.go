package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kkmtest/kkmtest/bench/campaign"
	"github.com/kkmtest/kkmtest/bench/campaign/expected"
	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/reports"
	"github.com/kkmtest/kkmtest/reports/submission"
)

// judged is a run directory with what one edition says about it.
type judged struct {
	edition  regulation.Edition
	section  string
	rows     []regulation.Row
	findings []check.Finding
	view     history.View
	torn     *history.Torn
	facts    history.RunBegin
	lang     regulation.Lang // of what is printed

	contradictions []check.Contradiction
}

func judgeCommand() *cobra.Command {
	var sel selection
	var out, known string
	c := &cobra.Command{
		Use:   "judge RUN",
		Short: "judge the record of a run again",
		Long: `judge reads the record of a run directory and judges it again, with this
version's checks. Without flags it uses the edition, section and selection of the
run; a record that is whole gives the same findings, byte for byte, and judge
says whether findings.json of the run holds them. It changes nothing in RUN.`,
		Example: "  kkmtest judge runs/2026-01-05-emulated-1\n  kkmtest judge RUN --findings again.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return rejudge(c.OutOrStdout(), args[0], sel, out, known)
		},
	}
	sel.flags(c)
	c.Flags().StringVar(&out, "findings", "", "write the findings as JSON to this `FILE`; those of further editions beside it")
	c.Flags().StringVar(&known, "expected", "", "`FILE` with the known deviations of this register (expected.yaml)")
	return c
}

func rejudge(w io.Writer, dir string, sel selection, out, expectedFile string) error {
	if err := sel.checkLang(); err != nil {
		return err
	}
	asked, err := campaign.ReadAsked(dir)
	if err != nil {
		return err
	}
	sel = sel.over(asked)
	all, err := judgeDir(dir, sel)
	if err != nil {
		return err
	}
	known, err := readExpected(expectedFile, asked, all[0].facts.Profile.Model)
	if err != nil {
		return err
	}
	docs := documents(dir, all)
	for i, j := range all {
		printRows(w, j, len(all) > 1)
		var buf bytes.Buffer
		if err := reports.WriteFindings(&buf, docs[i].Run); err != nil {
			return benchFault(err)
		}
		name := reports.FileName(reports.JSON, j.suffix(), "")
		was, err := os.ReadFile(filepath.Join(dir, name))
		switch {
		case err != nil:
			fmt.Fprintf(w, "%s: not in the run directory (%v)\n", name, err)
		case bytes.Equal(was, buf.Bytes()):
			fmt.Fprintf(w, "%s: the same, byte for byte\n", name)
		default:
			fmt.Fprintf(w, "%s: DIFFERS from what was found now\n", name)
		}
		if out != "" {
			if err := os.WriteFile(beside(out, j.suffix(), len(all)), buf.Bytes(), 0o644); err != nil {
				return fmt.Errorf("--findings: %w", err)
			}
		}
	}
	return conclude(w, dir, all, docs, known, false)
}

// beside is the name of a file of one edition among n: with several, all but that
// of the run's first edition bear its ID.
func beside(name, suffix string, n int) string {
	if suffix == "" || n < 2 {
		return name
	}
	ext := filepath.Ext(name)
	return strings.TrimSuffix(name, ext) + "-" + suffix + ext
}

// conclude says the outcome of every edition and what stands apart from the
// verdicts, and gives the exit status over all of them.
func conclude(w io.Writer, dir string, all []judged, docs []document, known *expected.Set, quiet bool) error {
	declared := declaredIn(dir)
	status := 0
	for i, j := range all {
		held := known.Hold(j.edition, j.findings)
		status = worse(status, held.Status)
		if quiet {
			continue
		}
		if len(all) > 1 {
			fmt.Fprintf(w, "%s:\n", j.edition.ID)
		}
		for _, l := range held.Lines {
			fmt.Fprintf(w, "  %s\n", l)
		}
		if err := docs[i].tell(w, declared); err != nil {
			return benchFault(err)
		}
	}
	for _, j := range all {
		s := campaign.Summary(j.findings)
		if len(all) > 1 {
			s = j.edition.ID + ": " + s
		}
		if !quiet {
			fmt.Fprintln(w, s)
		}
	}
	if status != 0 {
		return result(status)
	}
	return nil
}

// worse is the exit status of two editions together: the order is that of the
// exit statuses, 1, 3, 4, 0.
func worse(a, b int) int {
	rank := map[int]int{campaign.SomeFail: 3, campaign.SomeError: 2, campaign.SomeOpen: 1, campaign.AllPassed: 0}
	if rank[b] > rank[a] {
		return b
	}
	return a
}

// judgeDir judges the record of a run directory by every edition of the selection.
func judgeDir(dir string, sel selection) ([]judged, error) {
	view, torn, err := history.Read(filepath.Join(dir, campaign.HistoryFile))
	if err != nil {
		return nil, err
	}
	if torn != nil {
		fmt.Fprintf(os.Stderr, "kkmtest: %s: the last line was not finished: %d bytes at offset %d are left out\n",
			filepath.Join(dir, campaign.HistoryFile), torn.Bytes, torn.Offset)
	}
	if !ended(view) {
		fmt.Fprintf(os.Stderr, "kkmtest: %s: the record breaks off: it has no run.end, so what came after its last event is not known\n",
			filepath.Join(dir, campaign.HistoryFile))
	}
	return judgeView(view, torn, sel, filepath.Join(dir, campaign.HistoryFile))
}

// ended says whether the run came to an end of its own.
func ended(view history.View) bool {
	e, ok := view.Get(history.Seq(view.Len()))
	if !ok {
		return false
	}
	_, ok = e.Body.(history.RunEnd)
	return ok
}

// judgeView judges a record by every edition of the selection. name is the
// record's, for messages.
func judgeView(view history.View, torn *history.Torn, sel selection, name string) ([]judged, error) {
	facts, ok := check.Facts(view)
	if !ok {
		return nil, fmt.Errorf("%s: no event says what was run; the record does not begin with run.begin", name)
	}
	parts, _, err := sel.parts()
	if err != nil {
		return nil, err
	}
	rec := check.NewRecord(view)
	var all []judged
	for _, p := range parts {
		all = append(all, judged{
			edition: p.edition, section: sel.section, rows: p.rows, findings: campaign.JudgeRecord(rec, p.edition, sel.section, p.rows),
			view: view, torn: torn, facts: facts, lang: sel.lang(), contradictions: rec.Contradictions,
		})
	}
	return all, nil
}

// suffix keeps the documents of several editions apart: those of the first
// edition of the run have the plain names, whichever editions are judged by now.
// Documents of another section than the run's name that too.
func (j judged) suffix() string {
	s := ""
	if len(j.facts.Editions) == 0 || j.facts.Editions[0] != j.edition.ID {
		s = j.edition.ID
	}
	if j.section != j.facts.Section {
		s = j.edition.ID + "-section-" + j.section
	}
	return s
}

// report is what the documents are made of.
func (j judged) report(dir string) reports.Run {
	var others []regulation.Edition
	if all, err := catalogues(); err == nil {
		for _, id := range j.facts.Editions {
			if e, err := regulation.Resolve(all, id); err == nil && e.ID != j.edition.ID {
				others = append(others, e)
			}
		}
	}
	return reports.Run{
		Facts: j.facts, Edition: j.edition, Section: j.section, Findings: j.findings, View: j.view, Torn: j.torn,
		Digests: reports.Digests{
			Record:  digest(filepath.Join(dir, campaign.HistoryFile)),
			Capture: digest(filepath.Join(dir, campaign.CaptureFile)),
			Profile: digest(filepath.Join(dir, campaign.ProfileFile)),
		},
		Bench:   thisBench(j.facts.TimeMode),
		InForce: inForce(j.edition),
		Others:  others, Contradictions: j.contradictions, Submission: submission.FromRecord(j.view),
	}
}
