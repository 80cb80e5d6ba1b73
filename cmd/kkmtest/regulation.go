package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kkmtest/kkmtest/bench/campaign"
	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/profile"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/fixtures"
)

// newRegulationCmd is `kkmtest regulation`: the catalogues that are built in.
func newRegulationCmd() *cobra.Command {
	c := &cobra.Command{
		Use:   "regulation",
		Short: "the requirement catalogues: list, show, lint, coverage, diff, import",
		Long: `The editions of the regulations that this program knows, row by row: what is
asked, of whom, with which figures, and which check judges it.`,
		Example: `  kkmtest regulation list
  kkmtest regulation show 27.6 --lang kk
  kkmtest regulation diff 431 626`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	r := regulations{fsys: sub(fixtures.FS, "regulations"), checks: checkInfos(check.All()), fields: profile.Fields()}
	c.AddCommand(r.list(), r.show(), r.lint(), r.coverage(), r.diff(), r.imports())
	return c
}

// checkInfos is what the lint of catalogues has to know of the checks.
func checkInfos(all []check.Check) []regulation.CheckInfo {
	out := make([]regulation.CheckInfo, 0, len(all))
	for _, c := range all {
		info := regulation.CheckInfo{Key: c.Key}
		for _, p := range c.Params {
			info.Params = append(info.Params, regulation.ParamInfo{Name: p.Name, Type: p.Type, Required: p.Required, OneOf: p.OneOf, Min: p.Min, Max: p.Max})
		}
		out = append(out, info)
	}
	return out
}

// regulations is what the subcommands share.
type regulations struct {
	fsys   fs.FS
	checks []regulation.CheckInfo
	fields []string
}

// load reads the editions that ids name, all of them without ids. An id may be
// a part of an edition's ID (431) or a directory with another revision of a
// catalogue.
func (r regulations) load(ids ...string) ([]regulation.Edition, error) {
	all, err := regulation.LoadAll(r.fsys)
	if err != nil || len(ids) == 0 {
		return all, err
	}
	var out []regulation.Edition
	for _, id := range ids {
		if strings.ContainsRune(id, os.PathSeparator) {
			e, err := regulation.Load(os.DirFS(filepath.Dir(filepath.Clean(id))), filepath.Base(filepath.Clean(id)))
			if err != nil {
				return nil, err
			}
			out = append(out, e)
			continue
		}
		e, err := regulation.Resolve(all, id)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// printJSON writes one indented value.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

func langOf(e regulation.Edition, lang string) (regulation.Lang, error) {
	l := regulation.Lang(lang)
	if !slices.Contains(e.Langs, l) {
		var have []string
		for _, x := range e.Langs {
			have = append(have, string(x))
		}
		return "", fmt.Errorf("--lang %s: %s has titles in %s", lang, e.ID, strings.Join(have, ", "))
	}
	return l, nil
}

// jsonRow is a row as `show --json` and `list --json` write it.
type jsonRow struct {
	Edition      string                     `json:"edition"`
	Section      string                     `json:"section"`
	Number       string                     `json:"number"`
	Printed      string                     `json:"printed,omitempty"`
	Parent       string                     `json:"parent,omitempty"`
	Kind         regulation.Kind            `json:"kind"`
	Title        map[regulation.Lang]string `json:"title"`
	Obligation   regulation.Obligation      `json:"obligation,omitempty"`
	Condition    string                     `json:"condition,omitempty"`
	Params       map[string]string          `json:"params,omitempty"`
	Methods      []string                   `json:"methods,omitempty"`
	Check        string                     `json:"check,omitempty"`
	Demand       map[regulation.Lang]string `json:"demand,omitempty"`
	Prompt       map[regulation.Lang]string `json:"prompt,omitempty"`
	Note         map[regulation.Lang]string `json:"note,omitempty"`
	Counterparts []string                   `json:"counterparts,omitempty"`
	Predecessor  []string                   `json:"predecessor,omitempty"`
	Defect       string                     `json:"defect,omitempty"`
	Class        string                     `json:"class,omitempty"`
	Digest       string                     `json:"digest"`
	Place        string                     `json:"place"`
	Judging      *judging                   `json:"judging,omitempty"` // show only
	Judged       string                     `json:"judged,omitempty"`  // by whom, when no check does
}

func toJSON(e regulation.Edition, r regulation.Row) jsonRow {
	return jsonRow{
		Edition: e.ID, Section: r.Section, Number: r.Number, Printed: r.Printed, Parent: r.Parent, Kind: r.Kind, Title: r.Title,
		Obligation: r.Obligation, Condition: r.Condition, Params: r.Params, Methods: r.Methods, Check: r.Check, Demand: r.Demands, Prompt: r.Prompts,
		Note: r.Notes, Counterparts: refWords(r.Counterparts), Predecessor: r.Predecessor, Defect: r.Defect, Class: r.Class, Digest: r.Digest,
		Place: fmt.Sprintf("%s:%d", r.File, r.Line),
	}
}

func refWords(refs []regulation.Ref) []string {
	var out []string
	for _, r := range refs {
		s := r.Section + ":" + r.Number
		if r.Opposite {
			s += " (opposite)"
		} else if r.Reason != "" {
			s += " (" + r.Reason + ")"
		}
		out = append(out, s)
	}
	return out
}

func (r regulations) list() *cobra.Command {
	var lang, section string
	var asJSON bool
	c := &cobra.Command{
		Use:     "list [EDITION]",
		Short:   "the editions, or the rows of one",
		Example: "  kkmtest regulation list\n  kkmtest regulation list 431 --section I --lang ru",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			w := c.OutOrStdout()
			all, err := r.load(args...)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return listEditions(w, all, asJSON)
			}
			l, err := langOf(all[0], lang)
			if err != nil {
				return err
			}
			rows, err := regulation.Select(all[0], section, nil)
			if err != nil {
				return err
			}
			if asJSON {
				var out []jsonRow
				for _, row := range rows {
					out = append(out, toJSON(all[0], row))
				}
				return printJSON(w, out)
			}
			for _, row := range rows {
				number := row.Number
				if row.Kind == regulation.Heading || row.Kind == regulation.SectionTitle {
					number = ""
				}
				fmt.Fprintf(w, "%-7s %-19s %s\n", number, row.Check, row.Title[l])
			}
			return nil
		},
	}
	c.Flags().StringVar(&lang, "lang", "en", "`LANGUAGE` of the titles: kk, ru, en, ky")
	c.Flags().StringVar(&section, "section", "all", "`SECTION` of the edition")
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return c
}

// jsonEdition is an edition as `list --json` writes it.
type jsonEdition struct {
	ID       string                     `json:"id"`
	Act      string                     `json:"act"`
	Status   string                     `json:"status"`
	Since    string                     `json:"since,omitempty"`
	Until    string                     `json:"until,omitempty"`
	After    string                     `json:"after,omitempty"`
	Title    map[regulation.Lang]string `json:"title"`
	Sections map[string]int             `json:"rows_by_section"`
	Digest   string                     `json:"digest"`
}

func listEditions(w io.Writer, all []regulation.Edition, asJSON bool) error {
	var out []jsonEdition
	for _, e := range all {
		out = append(out, jsonEdition{ID: e.ID, Act: e.Act, Status: e.Status, Since: e.Since, Until: e.Until, After: e.After, Title: e.Title, Sections: e.Want, Digest: e.Digest})
	}
	if asJSON {
		return printJSON(w, out)
	}
	for _, e := range all {
		var parts []string
		n := 0
		for _, s := range e.Sections {
			parts = append(parts, fmt.Sprintf("%s %d", s.ID, e.Want[s.ID]))
			n += e.Want[s.ID]
		}
		fmt.Fprintf(w, "%-15s %-9s %3d rows (%s)\n%15s %s\n%15s digest %s\n", e.ID, e.Status, n, strings.Join(parts, ", "), "", e.Title[regulation.English], "", e.Digest)
	}
	return nil
}

func (r regulations) show() *cobra.Command {
	var lang, edition string
	var asJSON bool
	c := &cobra.Command{
		Use:     "show ROW",
		Short:   "everything that is known of a row, and how it is judged",
		Example: "  kkmtest regulation show 27.6 --lang kk\n  kkmtest regulation show 29.6 --edition 626",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var ids []string
			if edition != "" {
				ids = []string{edition}
			}
			all, err := r.load(ids...)
			if err != nil {
				return err
			}
			return showRow(c.OutOrStdout(), all, args[0], lang, asJSON)
		},
	}
	c.Flags().StringVar(&edition, "edition", "", "`ID` of the edition (default: every one that has the row)")
	c.Flags().StringVar(&lang, "lang", "", "`LANGUAGE` of the texts: kk, ru, en, ky (default: all)")
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return c
}

func showRow(w io.Writer, all []regulation.Edition, number, lang string, asJSON bool) error {
	var found []jsonRow
	var missing []error
	for _, e := range all {
		row, err := e.Find(number)
		if err != nil {
			missing = append(missing, err)
			continue
		}
		langs := e.Langs
		if lang != "" {
			l, err := langOf(e, lang)
			if err != nil {
				if len(all) > 1 && slices.Contains([]string{"kk", "ru", "en", "ky"}, lang) {
					continue // another country's edition also has this number
				}
				return err
			}
			langs = []regulation.Lang{l}
		}
		j := toJSON(e, row)
		if j.Judging, err = judgingOf(e, row); err != nil {
			return err
		}
		if j.Judging == nil {
			j.Judged = open(row)
		}
		found = append(found, j)
		if asJSON {
			continue
		}
		fmt.Fprintf(w, "%s %s %s", e.Act, row.Section, row.Number)
		if p := strings.TrimSuffix(row.Printed, "."); p != row.Number && row.Printed != "" {
			fmt.Fprintf(w, " (printed %s)", row.Printed)
		}
		fmt.Fprintln(w)
		texts := func(name string, m map[regulation.Lang]string) {
			for _, l := range langs {
				if m[l] != "" {
					fmt.Fprintf(w, "  %-12s %s  %s\n", name, l, m[l])
				}
			}
		}
		texts("title", row.Title)
		texts("note", row.Notes)
		texts("demand", row.Demands)
		texts("prompt", row.Prompts)
		for _, x := range [][2]string{
			{"obligation", strings.TrimSpace(string(row.Obligation) + " " + row.Condition)}, {"check", row.Check}, {"parameters", row.Params.String()},
			{"methods", strings.Join(row.Methods, ", ")}, {"class", row.Class}, {"counterparts", strings.Join(j.Counterparts, ", ")},
			{"predecessor", strings.Join(row.Predecessor, ", ")}, {"defect", row.Defect}, {"digest", row.Digest}, {"place", j.Place},
		} {
			if x[1] != "" {
				fmt.Fprintf(w, "  %-12s %s\n", x[0], x[1])
			}
		}
		if j.Judging != nil {
			j.Judging.print(w)
		} else if j.Judged != "" {
			fmt.Fprintf(w, "  %-12s %s\n", "judged", j.Judged)
		}
	}
	switch {
	case len(found) == 0 && len(missing) == len(all):
		return errors.Join(missing...)
	case len(found) == 0:
		return fmt.Errorf("no edition with row %s has texts in %s", number, lang)
	case asJSON:
		return printJSON(w, found)
	}
	return nil
}

func (r regulations) lint() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "lint [DIR]",
		Short:   "whether the catalogues fit together, and to the checks and profile fields",
		Example: "  kkmtest regulation lint\n  kkmtest regulation lint fixtures/regulations",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				r.fsys = os.DirFS(args[0])
			}
			w := c.OutOrStdout()
			all, err := regulation.LoadAll(r.fsys)
			if err != nil {
				return err
			}
			problems := regulation.Lint(all, r.checks, r.fields)
			if asJSON {
				if problems == nil {
					problems = []regulation.Problem{}
				}
				if err := printJSON(w, problems); err != nil {
					return err
				}
			} else {
				for _, p := range problems {
					fmt.Fprintln(w, p.Error())
				}
				rows, langs := 0, 0
				for _, e := range all {
					for _, n := range e.Want {
						rows += n
					}
					langs += len(e.Langs) * len(e.Rows("all"))
				}
				fmt.Fprintf(w, "%d editions, %d rows, %d titles, %d checks: %d problems\n", len(all), rows, langs, len(r.checks), len(problems))
			}
			if len(problems) > 0 {
				return result(campaign.BadCall)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return c
}

func (r regulations) coverage() *cobra.Command {
	var asJSON, open bool
	c := &cobra.Command{
		Use:     "coverage [EDITION]",
		Short:   "which rows a check judges, and which are left to documents or to nobody",
		Example: "  kkmtest regulation coverage 431\n  kkmtest regulation coverage --open",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			all, err := r.load(args...)
			if err != nil {
				return err
			}
			covers := regulation.Coverage(all)
			w := c.OutOrStdout()
			if asJSON {
				return printJSON(w, covers)
			}
			for _, v := range covers {
				fmt.Fprintf(w, "%s %s: %d rows, %d by check, %d groups that roll up, %d by documents, %d by a person, %d open\n",
					v.Edition, v.Section, v.Rows, v.Checked, v.Rolled, v.Document, v.Person, v.Open)
				for _, k := range v.Keys() {
					fmt.Fprintf(w, "  %-19s %s\n", k, strings.Join(v.ByCheck[k], " "))
				}
				if open && v.Open > 0 {
					fmt.Fprintf(w, "  %-19s %s\n", "(open)", strings.Join(v.OpenRows, " "))
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	c.Flags().BoolVar(&open, "open", false, "name the rows that nobody judges yet")
	return c
}

// jsonChange is a line of `diff --json`.
type jsonChange struct {
	State string   `json:"state"`
	Old   []string `json:"old,omitempty"`
	New   string   `json:"new,omitempty"`
	What  []string `json:"what,omitempty"`
	Lost  []string `json:"lost,omitempty"` // old rows whose findings no longer count
	// Findings are the results of those rows in the findings that were given.
	Findings map[string]string `json:"findings,omitempty"`
}

func (r regulations) diff() *cobra.Command {
	var asJSON, all bool
	var findings string
	c := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "what became of each row, and which old findings no longer count",
		Long: `diff compares an edition with the one that it continues, or two revisions of
one edition: each of OLD and NEW is an ID, a part of one, or a directory.

An old finding counts as long as text, parameters, check, obligation and note of
the row are the same; after any other change the row has to be judged again.
--findings names the findings of OLD, as a file or a run directory: then the lost
ones are listed with their results.`,
		Example: "  kkmtest regulation diff 431 626\n  kkmtest regulation diff ./before/kz-626-2025 626\n  kkmtest regulation diff 431 626 --findings runs/2026-01-05-emulated-1",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := r.load(args...)
			if err != nil {
				return err
			}
			if e[0].ID != e[1].ID && e[1].After != e[0].ID {
				return fmt.Errorf("%s does not continue %s but %q: want an edition and the one before it, or two revisions of one", e[1].ID, e[0].ID, e[1].After)
			}
			var had map[string]oldFinding
			if findings != "" {
				if had, err = readFindings(findings, e[0].ID); err != nil {
					return err
				}
			}
			return printDiff(c.OutOrStdout(), regulation.Diff(e[0], e[1]), had, asJSON, all)
		},
	}
	c.Flags().StringVar(&findings, "findings", "", "findings.json of OLD, or a `RUN` directory that holds one")
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	c.Flags().BoolVar(&all, "all", false, "also print rows that are the same")
	return c
}
