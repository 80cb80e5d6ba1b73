package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/bench/regulation/wording"
)

func (r regulations) imports() *cobra.Command {
	var edition, lang, out string
	var asJSON bool
	c := &cobra.Command{
		Use:   "import --edition ID FILE",
		Short: "attach the authority's own wording to the rows of an edition",
		Long: `import reads the published text of an act (plain text as copied from a legal
database, tables flattened by tabs), finds the text of each row, and writes an
overlay file: forms then carry the authority's sentences. This program carries
none of them; keep the overlay outside the repository.

Every row comes out matched, ambiguous or missing. Only matched rows get the
official text; the others keep ours, and the form says so.`,
		Example: "  kkmtest regulation import --edition kz-431-2014 V14E0009878.txt --out 431.kk.wording.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			all, err := r.load()
			if err != nil {
				return err
			}
			e, err := regulation.Resolve(all, edition)
			if err != nil {
				return fmt.Errorf("--%w", err)
			}
			l := e.Langs[0]
			if lang != "" {
				if l, err = langOf(e, lang); err != nil {
					return err
				}
			}
			raw, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			o, err := wording.Import(e, l, filepath.Base(args[0]), raw, all)
			if err != nil {
				return err
			}
			if out == "" {
				out = strings.TrimSuffix(args[0], filepath.Ext(args[0])) + ".wording.json"
			}
			if filepath.Clean(out) == filepath.Clean(args[0]) {
				return fmt.Errorf("--out %s: it is the text itself: want another file", out)
			}
			data, err := o.Encode()
			if err != nil {
				return err
			}
			if err := os.WriteFile(out, data, 0o644); err != nil {
				return err
			}
			if asJSON {
				_, err = c.OutOrStdout().Write(data)
				return err
			}
			printImport(c.OutOrStdout(), e, o, out)
			return nil
		},
	}
	c.Flags().StringVar(&edition, "edition", "", "`ID` of the edition that the text is of")
	c.Flags().StringVar(&lang, "lang", "", "`LANGUAGE` of the text (default: the authority's own)")
	c.Flags().StringVar(&out, "out", "", "overlay `FILE` to write (default: beside the text, .wording.json)")
	c.Flags().BoolVar(&asJSON, "json", false, "write the overlay to standard output too")
	_ = c.MarkFlagRequired("edition")
	return c
}

// printImport reports what was found, and every row that was not.
func printImport(w io.Writer, e regulation.Edition, o wording.Overlay, out string) {
	printed, found := 0, 0
	for i, r := range e.Rows("all") {
		x := o.Rows[i]
		if r.Printed != "" {
			printed++
			if x.State == wording.Matched {
				found++
			}
		}
		if x.State != wording.Matched {
			fmt.Fprintf(w, "%-9s %-7s %s\n", x.State, x.Number, x.Why)
		}
	}
	fmt.Fprintf(w, "%s: %d of %d numbered rows matched; of all %d lines %d matched, %d ambiguous, %d missing\nwritten to %s\n",
		e.ID, found, printed, len(o.Rows), o.Count(wording.Matched), o.Count(wording.Ambiguous), o.Count(wording.Missing), out)
}
