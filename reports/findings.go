package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/reports/words"
)

// findings is findings.json; fixtures/schemas/findings.schema.json describes
// it. Every key is always there: a reader never has to guess what a missing one means.
type findings struct {
	Format        int            `json:"format"`
	Edition       string         `json:"edition"`
	EditionDigest string         `json:"edition_digest"`
	EditionStatus string         `json:"edition_status"`
	Section       string         `json:"section"`
	Device        string         `json:"device"`
	Seed          uint64         `json:"seed"`
	TimeMode      string         `json:"time_mode"`
	Record        record         `json:"record"`
	Undeclared    []undeclared   `json:"undeclared"`
	Contradicted  []contradicted `json:"contradictions"`
	Counts        map[string]int `json:"counts"` // sorted by encoding/json
	Rows          []finding      `json:"-"`
}

type record struct {
	Digest    string `json:"digest"`
	Capture   string `json:"capture_digest"`
	Profile   string `json:"profile_digest"`
	End       End    `json:"end"`
	TornBytes int64  `json:"torn_bytes"`
	Events    int    `json:"events"`
}

// undeclared is a property that the profile leaves out and rows wait for.
type undeclared struct {
	Property string   `json:"property"`
	Rows     []string `json:"rows"`
}

// contradicted is a declaration that the record shows to be wrong.
type contradicted struct {
	Property string        `json:"property"`
	Line     int           `json:"line"` // of profile.yaml
	Declared string        `json:"declared"`
	Seen     string        `json:"seen"`
	Events   []history.Seq `json:"events"`
}

type finding struct {
	Section   string        `json:"section"`
	Row       string        `json:"row"`
	Check     string        `json:"check"`
	Result    check.Result  `json:"result"`
	Reason    string        `json:"reason"`
	Want      string        `json:"want"`
	Got       string        `json:"got"`
	Events    []history.Seq `json:"events"`
	Measured  *measured     `json:"measured"`
	Margin    bool          `json:"margin"` // measured near the limit: a mark for the reader
	Bytes     hexBytes      `json:"bytes"`
	Hint      string        `json:"hint"`
	Readings  []string      `json:"readings"`
	Declared  []string      `json:"declared"` // lines of the profile that the result rests on
	RowDigest string        `json:"row_digest"`
}

// measured counts in nanoseconds, because a whole number survives every JSON reader.
type measured struct {
	Name     string         `json:"name"`
	Lo       time.Duration  `json:"lo"`
	Hi       time.Duration  `json:"hi"`
	Unit     string         `json:"unit"`
	Limit    *time.Duration `json:"limit"`    // null: the row sets none
	Distance *time.Duration `json:"distance"` // limit minus the nearer end; negative above the limit
	Bounds   string         `json:"bounds"`
}

type hexBytes []byte

func (b hexBytes) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "% x", []byte(b)), nil }

const unit = "ns"

// WriteFindings writes findings.json: one entry for each row of the form, in
// the order of the form.
func WriteFindings(w io.Writer, r Run) error {
	ls, err := r.lines()
	if err != nil {
		return fmt.Errorf("findings: %w", err)
	}
	f := findings{
		Format: 1, Edition: r.Edition.ID, EditionDigest: r.Edition.Digest, EditionStatus: r.Edition.Status,
		Section: r.SectionID(), Device: r.Facts.Device, Seed: r.Facts.Seed, TimeMode: r.Facts.TimeMode,
		Record: record{Digest: r.Digests.Record, Capture: r.Digests.Capture, Profile: r.Digests.Profile, End: r.End(), Events: r.View.Len()},
		Counts: map[string]int{}, Undeclared: []undeclared{}, Contradicted: []contradicted{},
	}
	for _, m := range check.Undeclared(r.Findings) {
		f.Undeclared = append(f.Undeclared, undeclared{m.Key, m.Rows})
	}
	for _, c := range r.Contradictions {
		f.Contradicted = append(f.Contradicted, contradicted{c.Key, c.Line, c.Declared, c.Seen, c.Events})
	}
	if r.Torn != nil {
		f.Record.TornBytes = r.Torn.Bytes
	}
	for k, n := range counts(ls) {
		f.Counts[k.String()] = n
	}
	for _, l := range ls {
		if l.Counts {
			f.Rows = append(f.Rows, findingOf(l))
		}
	}
	return writeFindings(w, f)
}

// writeFindings puts each row on a line of its own, so that two runs can be compared line by line.
func writeFindings(w io.Writer, f findings) error {
	head, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("findings: %w", err)
	}
	var b bytes.Buffer
	b.Write(bytes.TrimSuffix(head, []byte("\n}")))
	b.WriteString(",\n  \"rows\": [\n")
	for i, row := range f.Rows {
		b.WriteString("    ")
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(row); err != nil {
			return fmt.Errorf("findings: row %s %s: %w", row.Section, row.Row, err)
		}
		b.Truncate(b.Len() - 1) // the line end
		if i < len(f.Rows)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString("  ]\n}\n")
	_, err = b.WriteTo(w)
	return err
}

func findingOf(l line) finding {
	v := l.Verdict
	vi := v.Lead.Violation()
	f := finding{
		Section: l.Section, Row: l.Row.Number, Check: v.Check, Result: v.Result, RowDigest: v.Digest,
		Reason: reasonIn(v, words.EN), Want: vi.Want, Got: vi.Got, Bytes: vi.Bytes, Hint: vi.Hint,
		Events: v.Events, Readings: []string{}, Declared: []string{},
	}
	for _, d := range v.Declared {
		f.Declared = append(f.Declared, d.String())
	}
	if f.Events == nil {
		f.Events = []history.Seq{}
	}
	for _, rd := range v.Read {
		f.Readings = append(f.Readings, rd.ID)
	}
	if m := v.Measure; m != nil {
		f.Measured = &measured{Name: m.Name, Lo: m.Span.Lo, Hi: m.Span.Hi, Unit: unit, Bounds: m.Bounds}
		if m.Limit != 0 {
			f.Measured.Limit, f.Measured.Distance = &m.Limit, &m.Distance
		}
		f.Margin = m.Near
	}
	return f
}
