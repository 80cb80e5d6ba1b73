package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kkmtest/kkmtest/bench/campaign"
	"github.com/kkmtest/kkmtest/reports"
	"github.com/kkmtest/kkmtest/reports/submission"
)

// judgeFor gives the record in a run directory, judged by each edition (none:
// those of the run) for a section ("": that of the run).
type judgeFor func(dir string, editions []string, section string) ([]reports.Run, error)

// reportCommand is the command over the run directories of this program.
func reportCommand() *cobra.Command { return newReportCmd(judgedRuns) }

// judgedRuns judges the record of a run directory again.
func judgedRuns(dir string, ids []string, section string) ([]reports.Run, error) {
	asked, err := campaign.ReadAsked(dir)
	if err != nil {
		return nil, err
	}
	sel := selection{editions: asked.Editions, section: asked.Section, rows: asked.Rows, checks: asked.Checks}
	if len(ids) > 0 {
		sel.editions = ids
	}
	if section != "" {
		sel.section = section
	}
	if len(ids) > 0 || section != "" {
		sel.rows = nil // numbers of one edition are other rows in another
	}
	all, err := judgeDir(dir, sel)
	if err != nil {
		return nil, err
	}
	var out []reports.Run
	for _, j := range all {
		out = append(out, j.report(dir, all))
	}
	return out, nil
}

// newReportCmd writes the documents of a run.
func newReportCmd(judge judgeFor) *cobra.Command {
	var o reportOptions
	c := &cobra.Command{
		Use:   "report RUN",
		Short: "write the documents of a run",
		Long: `report judges the record of a run directory again and writes its documents:
the conformance form for filing (docx, pdf, html: a file for each language), the
page for reading (html: form.html), findings.json (json) and junit.xml (junit).
A run that broke off gives the same documents, and each says so on its first page.`,
		Example: `  kkmtest report runs/2026-01-05-emulated-1
  kkmtest report RUN --format pdf --lang kk --submission submission.yaml --request 17/26`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			names, err := o.write(args[0], judge)
			for _, n := range names {
				fmt.Fprintln(c.OutOrStdout(), n)
			}
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&o.formats, "format", "docx,pdf,html", "what to write: docx, pdf, html, junit, json")
	f.StringVar(&o.langs, "lang", "kk,ru,en", "languages of the form: kk, ru, en")
	f.StringVar(&o.out, "out", "", "write into this `DIR` instead of RUN")
	f.StringVar(&o.submission, "submission", "", "`FILE` with the manufacturer's references (default: submission.yaml in RUN, if there is one)")
	f.BoolVar(&o.oneTable, "one-table", false, "put results beside the requirements instead of into the annex")
	f.StringSliceVar(&o.editions, "regulation", nil, "judge by these `EDITIONS` instead of the run's")
	f.StringVar(&o.section, "section", "", "judge for this section (I, II, III, all) instead of the run's")
	f.StringVar(&o.lab.Name, "laboratory", "", "name of the laboratory")
	f.StringVar(&o.lab.Request, "request", "", "number of the laboratory's request")
	f.StringVar(&o.lab.Sample, "sample", "", "identity of the sample")
	f.StringVar(&o.lab.Operator, "operator", "", "who carried the run out")
	f.StringVar(&o.lab.Date, "date", "", "date to print; empty leaves a line to write on")
	return c
}

type reportOptions struct {
	formats, langs, out, submission, section string
	editions                                 []string
	oneTable                                 bool
	lab                                      reports.Lab
}

// write returns the names of the files that it wrote.
func (o reportOptions) write(dir string, judge judgeFor) ([]string, error) {
	formats, err := reports.ParseFormats(o.formats)
	if err != nil {
		return nil, fmt.Errorf("--format: %w", err)
	}
	langs, err := reports.ParseLangs(o.langs)
	if err != nil {
		return nil, fmt.Errorf("--lang: %w", err)
	}
	runs, err := judge(dir, o.editions, o.section)
	if err != nil {
		return nil, err
	}
	if len(runs) == 0 {
		return nil, fmt.Errorf("%s: no edition to judge by", dir)
	}
	sub, err := o.papers(dir)
	if err != nil {
		return nil, err
	}
	if sub != nil && len(runs) == 1 { // references of one edition would be wrong rows of another
		if err := sub.Check(runs[0].Edition); err != nil {
			return nil, err
		}
	}
	out := o.out
	if out == "" {
		out = dir
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, fmt.Errorf("--out: %w", err)
	}
	var names []string
	for _, r := range runs {
		suffix := ""
		if len(runs) > 1 {
			suffix = r.Edition.ID
		}
		r.Lab = o.lab
		if sub != nil && sub.Check(r.Edition) == nil {
			r.Submission = sub
		}
		for _, f := range formats {
			for _, file := range reports.Files(f, suffix, langs, o.oneTable) {
				// Written whole or not at all: half a form looks like a form.
				var b bytes.Buffer
				if err := file.Write(&b, r); err != nil {
					return names, err
				}
				name := filepath.Join(out, file.Name)
				if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
					return names, err
				}
				names = append(names, name)
			}
		}
	}
	if sub != nil && len(runs) > 1 {
		var fits []string
		for _, r := range runs {
			if sub.Check(r.Edition) == nil {
				fits = append(fits, r.Edition.ID)
			}
		}
		if len(fits) == 0 {
			return names, fmt.Errorf("%s fits no edition of the run; for the first: %w", sub.File, sub.Check(runs[0].Edition))
		}
		fmt.Fprintf(os.Stderr, "kkmtest: %s fills the third column of %s\n", sub.File, strings.Join(fits, ", "))
	}
	return names, nil
}

// papers reads the submission, nil when there is none.
func (o reportOptions) papers(dir string) (*submission.Submission, error) {
	name := o.submission
	if name == "" {
		name = filepath.Join(dir, "submission.yaml")
	}
	raw, err := os.ReadFile(name)
	switch {
	case o.submission == "" && os.IsNotExist(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("--submission: %w", err)
	}
	s, err := submission.Parse(name, raw)
	if err != nil {
		return nil, err
	}
	return s, s.CheckFiles(os.DirFS(filepath.Dir(name)))
}
