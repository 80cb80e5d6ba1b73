package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/kkmtest/kkmtest/bench"
	"github.com/kkmtest/kkmtest/bench/campaign"
	"github.com/kkmtest/kkmtest/bench/campaign/expected"
	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/fixtures"
	"github.com/kkmtest/kkmtest/reports"
	"github.com/kkmtest/kkmtest/scenarios"
)

// The time modes that exist.
const (
	simulated = "simulated"
	real      = "real"
)

// defaultEdition is the one that a campaign is judged by when none is named.
const defaultEdition = "kz-431-2014"

// selection is which rows of which edition are meant.
type selection struct {
	editions, rows, checks []string
	section, language      string
	of                     string // edition that rows are numbers of; "" means the first one
}

// lang is the language of what is printed.
func (s selection) lang() regulation.Lang {
	return regulation.Lang(cmp.Or(s.language, string(regulation.English)))
}

func (s *selection) flags(c *cobra.Command) {
	c.Flags().StringSliceVar(&s.editions, "regulation", nil, "`ID` of an edition to judge by, or several (default: every Kazakh edition that has the section)")
	c.Flags().StringVar(&s.section, "section", "", "`SECTION` of the edition: I, II, III, all (default: the one that the profile declares)")
	c.Flags().StringSliceVar(&s.rows, "row", nil, "only these `ROWS`, such as 23,27.6, and those of the other editions that continue them; a group means all its rows")
	c.Flags().StringVar(&s.language, "lang", string(regulation.English), "`LANGUAGE` of what is printed: kk, ru or en")
	c.Flags().StringSliceVar(&s.checks, "check", nil, "only rows with these `CHECKS`, such as latency.online or offline.*")
}

func (s selection) checkLang() error {
	langs, err := reports.ParseLangs(string(s.lang()))
	if err == nil && len(langs) != 1 {
		err = fmt.Errorf("%q: want one language", s.language)
	}
	if err != nil {
		return fmt.Errorf("--lang: %w", err)
	}
	return nil
}

type runFlags struct {
	allowExec bool
	script    string
	selection
	device, profile, time, out, ui, ofdListen, mutant, again string
	submission, expected                                     string
	seed                                                     uint64
	confirmed                                                bool
}

func runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run",
		Short: "run a campaign against a register and judge it",
		Long: `run plans and runs a campaign, prints one line for each row of the form as it is
judged, and writes a run directory: run.yaml, history.jsonl, capture.pcapng,
findings.json, junit.xml, form.html.

Without flags it certifies the built-in emulated register against section I of
order 431, in simulated time. A register outside the process must have this
bench as its OFD: see --ofd-listen.`,
		Example: `  kkmtest run
  kkmtest run --row 23,27.6
  kkmtest run --mutant NAME
  kkmtest run --device 'serial:///dev/ttyUSB0?protocol=shtrih-m' --profile profile.yaml --row 19,23`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			for flag, list := range map[string][]string{"row": f.rows, "check": f.checks} {
				if c.Flags().Changed(flag) && (len(list) == 0 || slices.Contains(list, "")) {
					return fmt.Errorf("--%s is empty: name at least one, or leave the flag out for the whole section", flag)
				}
			}
			if f.again != "" {
				for _, other := range []string{"regulation", "section", "row", "check", "device", "profile", "time", "ofd-listen", "mutant", "seed", "submission"} {
					if c.Flags().Changed(other) {
						return fmt.Errorf("--%s does not go with --again %s, which has it from run.yaml", other, f.again)
					}
				}
				if err := f.sameAs(f.again); err != nil {
					return fmt.Errorf("--again: %w", err)
				}
			}
			return run(c.Context(), c.OutOrStdout(), f)
		},
	}
	f.selection.flags(c)
	c.Flags().StringVar(&f.device, "device", "emulated:", "`URL` of the register: emulated:?profile=section-1, serial:///dev/ttyUSB0?protocol=shtrih-m&baud=115200, serial+tcp://host:port?protocol=shtrih-m")
	c.Flags().StringVar(&f.profile, "profile", "", "`FILE` that says what is known of the register (default: the emulated one's)")
	c.Flags().StringVar(&f.time, "time", "", "`MODE`: simulated or real (default: simulated for emulated:, real for everything else)")
	c.Flags().Uint64Var(&f.seed, "seed", 1, "`NUMBER` from which all chance of a simulated run comes")
	c.Flags().StringVar(&f.out, "out", "", "run `DIR` to write; it must not exist (default runs/TIME-DEVICE)")
	c.Flags().StringVar(&f.ui, "ui", "plain", "`KIND` of output: plain or json")
	c.Flags().StringVar(&f.ofdListen, "ofd-listen", "127.0.0.1:7777", "`ADDR` where a register outside the process finds its OFD")
	c.Flags().StringVar(&f.mutant, "mutant", "", "`NAME` of a defect that the emulated register has")
	c.Flags().BoolVar(&f.confirmed, "confirm-unsent", false, "a person vouches that the register keeps no real documents that were not sent")
	c.Flags().StringVar(&f.submission, "submission", "", "`FILE` with the manufacturer's references to documents (submission.yaml); they go into the record")
	c.Flags().StringVar(&f.expected, "expected", "", "`FILE` with the known deviations of this register (expected.yaml)")
	c.Flags().StringVar(&f.again, "again", "", "run what the run directory `RUN` was asked for: its run.yaml and its profile.yaml")
	c.Flags().StringVar(&f.script, "script", "", "`FILE` with the answers to an operator's cards, for --device operator:")
	c.Flags().BoolVar(&f.allowExec, "allow-exec", false, "let the device URL start programs: exec:/PATH (docs/driver-protocol.md), power=hook:/PATH")
	return c
}

// sameAs takes everything but the place of the output from an earlier run.
func (f *runFlags) sameAs(dir string) error {
	a, err := campaign.ReadAsked(dir)
	if err != nil {
		return err
	}
	f.editions, f.section, f.rows, f.checks = a.Editions, a.Section, a.Rows, a.Checks
	f.device, f.time, f.seed, f.mutant, f.ofdListen = a.Device, a.Time, a.Seed, a.Mutant, a.OFDListen
	f.profile = filepath.Join(dir, campaign.ProfileFile)
	if a.Submission != "" {
		f.submission = filepath.Join(dir, filepath.FromSlash(a.Submission))
	}
	return nil
}

func run(ctx context.Context, w io.Writer, f runFlags) error {
	if err := f.checkLang(); err != nil {
		return err
	}
	if f.ui != "plain" && f.ui != "json" {
		return fmt.Errorf("--ui %s: want plain or json", f.ui)
	}
	device, err := withScript(f.device, f.script)
	if err != nil {
		return err
	}
	f.device = device
	asked, profile, err := plan(f)
	if err != nil {
		return err
	}
	declared, err := declares(profile)
	if err != nil {
		return err
	}
	known, err := readExpected(f.expected, asked, declared.Model)
	if err != nil {
		return err
	}
	var docs *papers
	if f.submission != "" {
		if docs, err = readPapers(f.submission, asked.Editions[0], declared.Model); err != nil {
			return err
		}
		asked.Submission = path.Join(campaign.SubmissionDir, campaign.SubmissionFile)
	}
	dir, err := makeDir(f.out, asked)
	if err != nil {
		return err
	}
	if err := errors.Join(asked.Write(dir), os.WriteFile(filepath.Join(dir, campaign.ProfileFile), profile, 0o644)); err != nil {
		return benchFault(err)
	}
	if docs != nil {
		if err := docs.keep(dir); err != nil {
			return benchFault(err)
		}
	}
	if f.ui == "plain" {
		defer faceOperator(ctx, f.device, dir, os.Stdin, w)()
	}
	if err := runChild(ctx, w, dir, f.ui, asked.Time != "simulated"); err != nil {
		return err
	}
	return report(w, dir, asked, f, known)
}

// plan checks everything that can be checked before the register is touched.
func plan(f runFlags) (campaign.Asked, []byte, error) {
	url, err := bench.ParseDeviceURL(f.device)
	if err != nil {
		return campaign.Asked{}, nil, fmt.Errorf("--device: %w", err)
	}
	mode := f.time
	if mode == "" {
		mode = real
		if url.Emulated() {
			mode = simulated
		}
	}
	switch {
	case mode != simulated && mode != real:
		return campaign.Asked{}, nil, fmt.Errorf("--time %s: want simulated or real", mode)
	case url.Emulated() != (mode == simulated):
		return campaign.Asked{}, nil, fmt.Errorf("--time %s does not go with --device %s: the emulated register lives in simulated time, everything else in real time", mode, f.device)
	case url.StartsPrograms() && !f.allowExec:
		return campaign.Asked{}, nil, fmt.Errorf("--device %s: it starts a program of somebody else: look at the program, then add --allow-exec", f.device)
	case !url.Emulated() && f.mutant != "":
		return campaign.Asked{}, nil, fmt.Errorf("--mutant %s: only the emulated register has mutants, not %s", f.mutant, f.device)
	}
	profile, declared, err := readProfile(f.profile, url)
	if err != nil {
		return campaign.Asked{}, nil, err
	}
	f.section = cmp.Or(f.section, declared)
	chosen, left, err := f.parts()
	if err != nil {
		return campaign.Asked{}, nil, err
	}
	for _, why := range left {
		fmt.Fprintf(os.Stderr, "kkmtest: left out: %s\n", why)
	}
	v, _ := program()
	asked := campaign.Asked{Format: 1, Device: f.device, Editions: ids(chosen), Section: f.section, Rows: f.rows, Checks: f.checks,
		Time: mode, Seed: f.seed, Mutant: f.mutant, Version: v}
	if !url.Emulated() {
		asked.OFDListen, asked.Confirmed = f.ofdListen, f.confirmed
	}
	p, _, err := planOf(asked)
	if err != nil {
		return campaign.Asked{}, nil, err
	}
	asked.Scenarios = p.Keys()
	if _, err := rigOptions(asked, profile); err != nil {
		return campaign.Asked{}, nil, err
	}
	return asked, profile, nil
}

// planOf makes the plan of what was asked; parent and runner make the same one.
func planOf(a campaign.Asked) (campaign.Plan, bench.Params, error) {
	parts, _, err := askedSelection(a).parts()
	if err != nil {
		return campaign.Plan{}, bench.Params{}, err
	}
	var chosen []regulation.Row
	for _, p := range parts {
		chosen = append(chosen, p.rows...)
	}
	params := bench.NewParams(stimulus(parts, a.Section))
	list := scenarios.All(params)
	if err := params.Err(); err != nil {
		return campaign.Plan{}, params, err
	}
	p, err := campaign.Make(list, chosen)
	return p, params, err
}

func sub(f fs.FS, dir string) fs.FS {
	s, err := fs.Sub(f, dir)
	if err != nil {
		panic(err) // the name is a constant of ours
	}
	return s
}

func loadEdition(id string) (regulation.Edition, error) {
	f := sub(fixtures.FS, "regulations")
	if st, err := fs.Stat(f, id); !fs.ValidPath(id) || err != nil || !st.IsDir() {
		return regulation.Edition{}, fmt.Errorf("--regulation %s: no such edition; want one of %s", id, strings.Join(editions(f), ", "))
	}
	return regulation.Load(f, id)
}

func editions(f fs.FS) []string {
	var out []string
	entries, _ := fs.ReadDir(f, ".")
	for _, e := range entries {
		if e.IsDir() {
			out = append(out, e.Name())
		}
	}
	return out
}

// makeDir makes the run directory.
func makeDir(out string, a campaign.Asked) (string, error) {
	if out == "" {
		word := strings.FieldsFunc(a.Device, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9') })
		now := clock.NewReal()
		defer now.Close()
		name := now.Now().Wall.UTC().Format("2006-01-02T15-04-05Z") + "-" + word[0]
		if a.Mutant != "" {
			name += "-" + a.Mutant
		}
		out = filepath.Join("runs", name)
		for i := 2; ; i++ {
			if _, err := os.Stat(out); errors.Is(err, fs.ErrNotExist) {
				break
			}
			out = filepath.Join("runs", fmt.Sprintf("%s-%d", name, i))
		}
	}
	if entries, err := os.ReadDir(out); err == nil && len(entries) > 0 {
		return "", fmt.Errorf("--out %s: the directory is not empty; a run never overwrites another one", out)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return "", fmt.Errorf("--out: %w", err)
	}
	return out, nil
}

// runChild runs the campaign in a process of its own and shows how it goes on;
// live names each step as it begins, for runs that take their time.
func runChild(ctx context.Context, w io.Writer, dir, ui string, live bool) error {
	exe, err := os.Executable()
	if err != nil {
		return benchFault(err)
	}
	r, p, err := os.Pipe()
	if err != nil {
		return benchFault(err)
	}
	log, err := os.Create(filepath.Join(dir, "runner.log"))
	if err != nil {
		return benchFault(err)
	}
	defer log.Close()
	cmd := exec.Command(exe, runnerName, dir)
	cmd.ExtraFiles = []*os.File{p}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return benchFault(err)
	}
	p.Close()
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(os.Interrupt) })
	defer stop()

	var last campaign.Note
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var n campaign.Note
		if err := json.Unmarshal(lines.Bytes(), &n); err != nil {
			continue
		}
		last = n
		switch {
		case ui == "json":
			fmt.Fprintln(w, lines.Text())
		case n.Event == "step.begin" && live:
			fmt.Fprintf(w, "  step %s %d: %s\n", n.Scenario, n.Step, n.Name)
		case n.Event == "step.end" && n.Outcome != "ok":
			fmt.Fprintf(w, "  step %s %d: %s: %s\n", n.Scenario, n.Step, n.Outcome, n.Text)
		}
	}
	err = cmd.Wait()
	switch {
	case err != nil && last.Event == "" && cmd.ProcessState.ExitCode() == campaign.BadCall:
		said, rerr := os.ReadFile(log.Name())
		return errors.Join(errors.New(strings.TrimSpace(strings.TrimPrefix(string(said), "kkmtest: "))), rerr)
	case err != nil:
		return benchFault(fmt.Errorf("the runner ended (%v) after %s %d; %s says more", err, last.Scenario, last.Step, log.Name()))
	case last.Event != "run.end":
		return benchFault(fmt.Errorf("the runner stopped without an end; %s says more", log.Name()))
	}
	return benchFault(os.Remove(log.Name())) // it says nothing that the record does not
}

// report judges the run and writes its documents.
func report(w io.Writer, dir string, asked campaign.Asked, f runFlags, known *expected.Set) error {
	sel := askedSelection(asked)
	sel.language = f.language
	all, err := judgeDir(dir, sel)
	if err != nil {
		return benchFault(err)
	}
	docs := documents(dir, all)
	for i, j := range all {
		if f.ui == "json" {
			err = jsonRows(w, j)
		} else {
			printRows(w, j, len(all) > 1)
		}
		if err != nil {
			return benchFault(err)
		}
		if _, err := docs[i].write(dir, reports.Formats, nil, false); err != nil {
			return benchFault(err)
		}
	}
	if f.ui != "json" {
		fmt.Fprintf(w, "run directory %s\n", dir)
	}
	return conclude(w, dir, all, docs, known, f.ui == "json")
}

// names lists words for messages.
func names(words []string) string {
	w := slices.Clone(words)
	slices.Sort(w)
	return strings.Join(w, ", ")
}
