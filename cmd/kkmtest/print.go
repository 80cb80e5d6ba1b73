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
	"github.com/kkmtest/kkmtest/bench/regulation"
)

// symbols stand before the words: a result must be readable without colour.
var symbols = map[check.Result]string{
	check.Pass: "✓", check.Fail: "✗", check.Error: "!", check.Unknown: "?", check.NotChecked: "·", check.NotApplicable: "-", check.NotSelected: " ", check.Informational: " ",
}

// printRows writes one line for each row that was judged, in the order of the
// form, and below a row that did not pass why.
func printRows(w io.Writer, j judged) {
	for _, f := range j.findings {
		if f.Result == check.Informational || f.Result == check.NotSelected {
			continue
		}
		fmt.Fprintf(w, "%s %-13s %-6s %s\n", symbols[f.Result], f.Result, f.Row, title(j.edition, f))
		if f.Result == check.Fail || f.Result == check.Error || f.Result == check.Unknown {
			for _, p := range f.Parts {
				if p.Result() == f.Result {
					for _, line := range explain(p) {
						fmt.Fprintf(w, "  %s\n", line)
					}
				}
			}
		}
	}
}

func title(e regulation.Edition, f check.Finding) string {
	s, _ := e.Section(f.Section)
	r, _ := s.Row(f.Row)
	t := r.Title[regulation.English]
	if t == "" {
		t = r.Title[regulation.Russian]
	}
	return t
}

// explain says why, with the events that it rests on.
func explain(p check.Judgement) []string {
	var out []string
	switch p.Result() {
	case check.Fail:
		v := p.Violation()
		out = append(out, fmt.Sprintf("got %s, want %s", v.Got, v.Want))
		if len(v.Bytes) > 0 {
			out = append(out, fmt.Sprintf("bytes % x", head(v.Bytes)))
		}
		if v.Hint != "" {
			out = append(out, "hint  "+v.Hint)
		}
	default:
		out = append(out, p.Reason())
	}
	if n := p.Events(); len(n) > 0 {
		out = append(out, "at    history "+list(n))
	}
	return out
}

// most is how many bytes and events a line shows.
const most = 24

func head(b []byte) []byte { return b[:min(len(b), most)] }

func list(n []history.Seq) string {
	var parts []string
	for _, s := range n[:min(len(n), most)] {
		parts = append(parts, fmt.Sprint(s))
	}
	if len(n) > most {
		parts = append(parts, "…")
	}
	return strings.Join(parts, ", ")
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
