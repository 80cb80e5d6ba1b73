package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/history"
)

// symbols stand before the words: a result must be readable without colour.
var symbols = map[check.Result]string{
	check.Pass: "✓", check.Fail: "✗", check.Error: "!", check.Unknown: "?", check.NotChecked: "·", check.NotApplicable: "-", check.NotSelected: " ", check.Informational: " ",
}

// printRows writes one line for each row that was judged, in the order of the
// form, and below a row that did not pass why. With several editions a line before
// them says which one it is.
func printRows(w io.Writer, j judged, several bool) {
	if several {
		fmt.Fprintf(w, "== %s: %s\n", j.edition.ID, j.edition.Title[j.lang])
	}
	for _, f := range j.findings {
		if f.Result == check.Informational || f.Result == check.NotSelected {
			continue
		}
		fmt.Fprintf(w, "%s %-13s %-6s %s\n", symbols[f.Result], f.Result, f.Row, j.title(f))
		if f.Result != check.Fail && f.Result != check.Error && f.Result != check.Unknown {
			continue
		}
		for _, p := range f.Parts {
			if p.Result() == f.Result && (p.Reason() != "" || p.Violation().Want != "") {
				why := check.Explain(j.view, check.Cite(j.edition, f.Section, f.Row), p, j.lang)
				fmt.Fprintf(w, "  %s\n", strings.ReplaceAll(strings.TrimSpace(why), "\n\t", "\n    "))
			}
		}
	}
}

// title is what the row asks for, in the language of the output.
func (j judged) title(f check.Finding) string {
	s, _ := j.edition.Section(f.Section)
	r, _ := s.Row(f.Row)
	return r.Title[j.lang]
}

// rowLine is a row in --ui json.
type rowLine struct {
	Event   string        `json:"event"` // row
	Edition string        `json:"edition"`
	Section string        `json:"section"`
	Row     string        `json:"row"`
	Check   string        `json:"check,omitempty"`
	Result  check.Result  `json:"result"`
	Reason  string        `json:"reason,omitempty"`
	Want    string        `json:"want,omitempty"`
	Got     string        `json:"got,omitempty"`
	Events  []history.Seq `json:"events,omitempty"`
}

func jsonRows(w io.Writer, j judged) error {
	enc := json.NewEncoder(w)
	for _, f := range j.findings {
		if f.Result == check.Informational || f.Result == check.NotSelected {
			continue
		}
		l := rowLine{Event: "row", Edition: f.Edition, Section: f.Section, Row: f.Row, Check: f.Check, Result: f.Result}
		if len(f.Parts) > 0 {
			p := f.Parts[0]
			l.Reason, l.Want, l.Got, l.Events = p.Reason(), p.Violation().Want, p.Violation().Got, p.Events()
		}
		if err := enc.Encode(l); err != nil {
			return err
		}
	}
	return nil
}

// digest is the SHA-256 of a file, "" when it is not there.
func digest(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}
