package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kkmtest/kkmtest/bench"
	"github.com/kkmtest/kkmtest/bench/campaign"
	"github.com/kkmtest/kkmtest/reports/submission"
)

// papers is a manufacturer's submission with the digests that this bench took of
// its documents.
type papers struct {
	*submission.Submission
	dir  string // where its documents lie
	sums map[string]string
}

// readPapers reads a submission, finds the rows that it means and takes the
// digests of its documents. first is the edition of rows that name none.
func readPapers(name, first, model string) (*papers, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("--submission: %w", err)
	}
	s, err := submission.Parse(name, raw)
	if err != nil {
		return nil, err
	}
	all, err := catalogues()
	if err != nil {
		return nil, err
	}
	p := &papers{Submission: s, dir: filepath.Dir(name)}
	if err := errors.Join(s.Settle(all, first), s.CheckModel(model)); err != nil {
		return nil, err
	}
	p.sums, err = s.Verify(os.DirFS(p.dir))
	return p, err
}

// keep copies the submission and the documents that it names into a run
// directory, so that the run can be repeated and looked into later.
func (p *papers) keep(dir string) error {
	to := filepath.Join(dir, campaign.SubmissionDir)
	files := map[string]string{p.File: campaign.SubmissionFile}
	for _, d := range p.Documents {
		if d.File != "" {
			files[filepath.Join(p.dir, filepath.FromSlash(d.File))] = filepath.FromSlash(d.File)
		}
	}
	for from, name := range files {
		raw, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		name = filepath.Join(to, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, raw, 0o644)); err != nil {
			return err
		}
	}
	return nil
}

// submitted puts the submission of a run directory into the options of its rig.
func submitted(dir string, a campaign.Asked, o *bench.Options) error {
	if a.Submission == "" {
		return nil
	}
	if !fs.ValidPath(a.Submission) {
		return fmt.Errorf("%s: submission %q: want a path below the run directory", campaign.AskedFile, a.Submission)
	}
	p, err := readPapers(filepath.Join(dir, filepath.FromSlash(a.Submission)), a.Editions[0], o.Profile.Model)
	if err != nil {
		return err
	}
	s, refs := p.Events(p.sums)
	o.Submitted, o.References = &s, refs
	return nil
}

// papers puts the submission that was named, or that lies in the run directory,
// into the third column; the record's own is there already.
func (o reportOptions) papers(dir string, docs []document) error {
	name := o.submission
	if name == "" {
		if docs[0].Submission != nil {
			return nil
		}
		name = filepath.Join(dir, campaign.SubmissionFile)
		if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	first := docs[0].Edition.ID
	if e := docs[0].Facts.Editions; len(e) > 0 && len(o.editions) == 0 {
		first = e[0]
	}
	p, err := readPapers(name, first, docs[0].Facts.Profile.Model)
	if err != nil {
		return err
	}
	hit := false
	for i := range docs {
		docs[i].Submission = p.Submission
		hit = hit || p.Of(docs[i].Edition.ID)
	}
	if !hit {
		return fmt.Errorf("%s: it refers to no row of %s", name, first)
	}
	return nil
}
