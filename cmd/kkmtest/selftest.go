package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/kkmtest/kkmtest/bench/campaign"
	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/simulators/kkm"
)

// A subject is one register of the self-test: the conforming one or a mutant.
type subject struct {
	name   string
	defect string
	caught []string // keys that must fail
	others []string // keys that may fail as well
}

// outcome is what came out of a campaign against a subject.
type outcome struct {
	rows []rowLine
	err  error
}

func selftestCommand() *cobra.Command {
	var golden, section string
	var only []string
	var seed uint64
	jobs := runtime.NumCPU()
	c := &cobra.Command{
		Use:   "selftest",
		Short: "prove the bench: every defect must be caught, the conforming register never failed",
		Long: `selftest runs the whole section against the conforming emulated register and
against each mutant of it (one named defect each), every one in a process of its
own, and prints the detection matrix: which row caught which defect.

It ends with exit status 1 when a mutant is not failed on a row of the check that
must catch it, when a row fails that nobody declared, or when the conforming
register is failed anywhere.`,
		Example: "  kkmtest selftest\n  kkmtest selftest --mutant NAME,NAME\n  kkmtest selftest --matrix docs/detection-matrix.md",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return selftest(c.Context(), c.OutOrStdout(), section, seed, only, golden, jobs)
		},
	}
	c.Flags().StringVar(&section, "section", "I", "`SECTION` to run")
	c.Flags().Uint64Var(&seed, "seed", 1, "`NUMBER` from which all chance comes")
	c.Flags().StringSliceVar(&only, "mutant", nil, "only these `NAMES` (and the conforming register)")
	c.Flags().StringVar(&golden, "matrix", "", "write the detection matrix as Markdown to this `FILE`")
	c.Flags().IntVar(&jobs, "jobs", jobs, "`NUMBER` of campaigns at a time")
	return c
}

func subjects(only []string) ([]subject, error) {
	all := []subject{{name: "", defect: "none: it conforms"}}
	var known []string
	for _, m := range kkm.Mutants() {
		known = append(known, m.Name)
		if len(only) == 0 || slices.Contains(only, m.Name) {
			all = append(all, subject{m.Name, m.Defect, m.Caught, m.Consequences})
		}
	}
	for _, name := range only {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("--mutant %s: no such mutant; want one of %s", name, names(known))
		}
	}
	return all, nil
}

func selftest(ctx context.Context, w io.Writer, section string, seed uint64, only []string, golden string, jobs int) error {
	if jobs < 1 {
		return fmt.Errorf("--jobs %d: want at least 1", jobs)
	}
	list, err := subjects(only)
	if err != nil {
		return err
	}
	edition, err := loadEdition(defaultEdition)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "kkmtest-selftest-")
	if err != nil {
		return benchFault(err)
	}
	defer os.RemoveAll(tmp)

	outcomes := make([]outcome, len(list))
	var wg sync.WaitGroup
	turn := make(chan struct{}, jobs)
	for i, s := range list {
		wg.Add(1)
		go func() {
			defer wg.Done()
			turn <- struct{}{}
			defer func() { <-turn }()
			outcomes[i].rows, outcomes[i].err = try(ctx, filepath.Join(tmp, fmt.Sprint(i)), section, seed, s.name)
		}()
	}
	wg.Wait()

	m := matrix{edition: edition, section: section}
	for i, s := range list {
		if outcomes[i].err != nil {
			return benchFault(fmt.Errorf("%s: %w", s.title(), outcomes[i].err))
		}
		m.judge(s, outcomes[i].rows)
	}
	m.print(w)
	if golden != "" {
		if err := os.WriteFile(golden, []byte(m.markdown()), 0o644); err != nil {
			return fmt.Errorf("--matrix: %w", err)
		}
	}
	return m.status()
}

func (s subject) title() string {
	if s.name == "" {
		return "conforming register"
	}
	return "mutant " + s.name
}

// try runs one campaign in a child and returns its rows.
func try(ctx context.Context, dir, section string, seed uint64, mutant string) ([]rowLine, error) {
	f := runFlags{device: "emulated:", seed: seed, mutant: mutant, selection: selection{editions: []string{defaultEdition}, section: section}}
	asked, profile, err := plan(f)
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	if err := errors.Join(asked.Write(dir), os.WriteFile(filepath.Join(dir, campaign.ProfileFile), profile, 0o644)); err != nil {
		return nil, err
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	r, p, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	cmd := exec.CommandContext(ctx, exe, runnerName, "--memory", dir)
	cmd.ExtraFiles = []*os.File{p}
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err = cmd.Start()
	p.Close()
	if err != nil {
		return nil, err
	}
	var rows []rowLine
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l rowLine
		if err := json.Unmarshal(lines.Bytes(), &l); err == nil && l.Event == "row" {
			rows = append(rows, l)
		}
	}
	if err := errors.Join(lines.Err(), cmd.Wait()); err != nil {
		return nil, fmt.Errorf("%w: %s", err, tail(log.String()))
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("the runner judged nothing: %s", tail(log.String()))
	}
	return rows, nil
}

func tail(s string) string {
	const n = 2000
	return s[max(0, len(s)-n):]
}

// rowsOf finds the rows that "check" or "check/principal" means.
func rowsOf(e regulation.Edition, section, key string) []string {
	want, principal, narrow := strings.Cut(key, "/")
	c, _ := check.Lookup(want)
	var out []string
	for _, r := range e.Rows(section) {
		if r.Check != want {
			continue
		}
		if narrow && (len(c.Params) == 0 || r.Params[c.Params[0].Name] != principal) {
			continue
		}
		out = append(out, r.Number)
	}
	return out
}

// matrix is who was caught where.
type matrix struct {
	edition regulation.Edition
	section string
	lines   []matrixLine
}

type matrixLine struct {
	subject
	must    map[string][]string // key -> rows of it that failed
	also    []string            // declared consequences that failed
	strange []string            // rows that failed and nobody declared
	nowhere []string            // declared keys that no row has: a mutant or a catalogue is wrong
	broken  []string            // rows that came out error
	open    []string            // rows with a check that stayed unknown
	passed  int
}

func (m *matrix) judge(s subject, rows []rowLine) {
	l := matrixLine{subject: s, must: map[string][]string{}}
	declared := map[string]bool{}
	for _, key := range slices.Concat(s.caught, s.others) {
		if len(rowsOf(m.edition, m.section, key)) == 0 {
			l.nowhere = append(l.nowhere, key)
		}
	}
	for _, key := range s.caught {
		l.must[key] = nil
		for _, row := range rowsOf(m.edition, m.section, key) {
			declared[row] = true
			for _, r := range rows {
				if r.Row == row && r.Result == check.Fail {
					l.must[key] = append(l.must[key], row)
				}
			}
		}
	}
	for _, key := range s.others {
		for _, row := range rowsOf(m.edition, m.section, key) {
			if !declared[row] {
				declared[row] = true
				for _, r := range rows {
					if r.Row == row && r.Result == check.Fail {
						l.also = append(l.also, row)
					}
				}
			}
		}
	}
	sec, _ := m.edition.Section(m.section)
	for _, r := range rows {
		switch r.Result {
		case check.Pass:
			l.passed++
		case check.Error:
			l.broken = append(l.broken, r.Row)
		case check.Unknown:
			if r.Check != "" {
				l.open = append(l.open, r.Row)
			}
		case check.Fail:
			if !declared[r.Row] && !above(sec, r.Row, rows, declared) {
				l.strange = append(l.strange, r.Row)
			}
		}
	}
	m.lines = append(m.lines, l)
}

// above says that a group fails only because declared rows below it do.
func above(s regulation.Section, group string, rows []rowLine, declared map[string]bool) bool {
	found := false
	for _, child := range s.Children(group) {
		for _, r := range rows {
			if r.Row != child.Number || r.Result != check.Fail {
				continue
			}
			if !declared[r.Row] && !above(s, r.Row, rows, declared) {
				return false
			}
			found = true
		}
	}
	return found
}

// alive tells the keys that caught nothing.
func (l matrixLine) alive() []string {
	var out []string
	for _, key := range l.caught {
		if len(l.must[key]) == 0 {
			out = append(out, key)
		}
	}
	return out
}

func (l matrixLine) caughtOn() string {
	var out []string
	for _, key := range l.caught {
		out = append(out, l.must[key]...)
	}
	return strings.Join(out, " ")
}

func (m matrix) print(w io.Writer) {
	caught := 0
	for _, l := range m.lines {
		word := "✓ caught"
		switch {
		case l.name == "":
			word = "✓ conforms"
			if len(l.strange) > 0 {
				word = "✗ FALSE FAIL"
			}
		case len(l.alive()) > 0:
			word = "✗ LIVES"
		default:
			caught++
		}
		name := l.name
		if name == "" {
			name = "(conforming)"
		}
		fmt.Fprintf(w, "%-12s %-28s rows %s\n", word, name, or(l.caughtOn(), "-"))
		say := func(what string, rows []string) {
			if len(rows) > 0 {
				fmt.Fprintf(w, "%-12s %-28s %s: %s\n", "", "", what, strings.Join(rows, " "))
			}
		}
		say("not caught by", l.alive())
		say("as a consequence", l.also)
		say("✗ failed without being declared", l.strange)
		say("! no row has the check", l.nowhere)
		say("! error", l.broken)
		if l.name == "" {
			say("? unknown", l.open)
		}
	}
	fmt.Fprintf(w, "%d mutants: %d caught\n", len(m.lines)-1, caught)
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// markdown is the matrix as a page.
func (m matrix) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Detection matrix\n\nWritten by `kkmtest selftest --matrix`: section %s of %s, simulated time.\nEach mutant is the conforming emulated register with one defect.\n\n", m.section, m.edition.ID)
	b.WriteString("| mutant | defect | must be caught by | failed rows | consequences |\n|---|---|---|---|---|\n")
	for _, l := range m.lines {
		if l.name == "" {
			continue
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", l.name, l.defect, strings.Join(l.caught, ", "), or(l.caughtOn(), "**none**"), strings.Join(l.also, " "))
	}
	b.WriteString("\nThe conforming register fails no row.\n")
	if len(m.lines) > 0 && len(m.lines[0].strange) > 0 {
		return strings.Replace(b.String(), "The conforming register fails no row.", "The conforming register FAILS rows "+strings.Join(m.lines[0].strange, " ")+".", 1)
	}
	return b.String()
}

func (m matrix) status() error {
	status := 0
	for _, l := range m.lines {
		if len(l.alive()) > 0 || len(l.strange) > 0 {
			return result(campaign.SomeFail)
		}
		if len(l.broken)+len(l.nowhere) > 0 {
			status = campaign.SomeError
		}
	}
	if status != 0 {
		return result(status)
	}
	return nil
}
