package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/kkmtest/kkmtest/bench/campaign"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/reports"
)

// reportCommand writes the documents of a run.
func reportCommand() *cobra.Command {
	var o reportOptions
	c := &cobra.Command{
		Use:   "report RUN",
		Short: "write the documents of a run",
		Long: `report judges the record of a run directory again and writes its documents:
the conformance form for filing (docx, pdf, html: a file for each language), the
page for reading (html: form.html), findings.json (json) and junit.xml (junit). Documents
of the run's first edition have these names, those of another one bear its ID.
A run that broke off gives the same documents, and each says so on its first page.

--submission fills the third column of the form; it changes no verdict: what a
run was given with run --submission stands in its record and is shown without it.
--wording puts the authority's own sentences in the place of ours; regulation
import makes such a file.`,
		Example: `  kkmtest report runs/2026-01-05-emulated-1
  kkmtest report RUN --format pdf --lang kk --submission submission.yaml --request 17/26
  kkmtest report RUN --wording 431.kk.wording.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			names, err := o.write(args[0])
			for _, n := range names {
				fmt.Fprintln(c.OutOrStdout(), n)
			}
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&o.formats, "format", "docx,pdf,html", "what to write: docx, pdf, html, junit, json, intoto")
	f.StringVar(&o.langs, "lang", "", "languages of the form: kk, ru, en, ky (default: all that the edition has)")
	f.StringVar(&o.out, "out", "", "write into this `DIR` instead of RUN")
	f.StringVar(&o.submission, "submission", "", "`FILE` with the manufacturer's references (default: what the record holds, else submission.yaml in RUN)")
	f.StringSliceVar(&o.wording, "wording", nil, "`FILE` with an imported official wording; several for several languages or editions")
	f.BoolVar(&o.oneTable, "one-table", false, "put results beside the requirements instead of into the annex")
	f.StringVar(&o.key, "key", "", "Ed25519 private key in PEM (`FILE`) with which the in-toto statement is signed, as a DSSE envelope")
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
	key                                      string
	editions, wording                        []string
	oneTable                                 bool
	lab                                      reports.Lab
}

// write returns the names of the files that it wrote.
func (o reportOptions) write(dir string) ([]string, error) {
	formats, err := reports.ParseFormats(o.formats)
	if err != nil {
		return nil, fmt.Errorf("--format: %w", err)
	}
	var langs []regulation.Lang
	if o.langs != "" {
		if langs, err = reports.ParseLangs(o.langs); err != nil {
			return nil, fmt.Errorf("--lang: %w", err)
		}
	}
	asked, err := campaign.ReadAsked(dir)
	if err != nil {
		return nil, err
	}
	all, err := judgeDir(dir, selection{editions: o.editions, section: o.section}.over(asked))
	if err != nil {
		return nil, err
	}
	docs := documents(dir, all)
	if err := overlays(o.wording, docs); err != nil {
		return nil, err
	}
	if err := o.papers(dir, docs); err != nil {
		return nil, err
	}
	if o.key != "" {
		if !slices.Contains(formats, reports.InToto) {
			return nil, fmt.Errorf("--key %s: only --format intoto is signed", o.key)
		}
		raw, err := os.ReadFile(o.key)
		if err != nil {
			return nil, fmt.Errorf("--key: %w", err)
		}
		key, err := reports.ParseKey(raw)
		if err != nil {
			return nil, fmt.Errorf("--key %s: %w", o.key, err)
		}
		for i := range docs {
			docs[i].key = key
		}
	}
	for _, d := range docs { // before anything is written
		if _, err := languages(d.Edition, langs); err != nil {
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
	for _, d := range docs {
		d.Lab = o.lab
		n, err := d.write(out, formats, langs, o.oneTable)
		names = append(names, n...)
		if err != nil {
			return names, err
		}
	}
	return names, nil
}
