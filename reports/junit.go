package reports

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/reports/evidence"
	"github.com/kkmtest/kkmtest/reports/words"
)

// The common JUnit shape; fixtures/schemas/junit.xsd describes it.
type (
	junitSuites struct {
		XMLName xml.Name `xml:"testsuites"`
		Name    string   `xml:"name,attr"`
		junitCounts
		Suites []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name string `xml:"name,attr"`
		junitCounts
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitCounts struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Class      string          `xml:"classname,attr"`
		Name       string          `xml:"name,attr"`
		Properties []junitProperty `xml:"properties>property"`
		Failure    *junitOutcome   `xml:"failure"`
		Error      *junitOutcome   `xml:"error"`
		Skipped    *junitSkipped   `xml:"skipped"`
	}
	junitOutcome struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
	junitSkipped struct {
		Message string `xml:"message,attr"`
	}
)

// WriteJUnit writes junit.xml: each row once. A failed row is a failure, a
// fault of the bench an error, a passed row neither, and everything else is
// skipped with its reason; the property "result" carries the XCCDF word.
func WriteJUnit(w io.Writer, r Run) error {
	ls, err := r.lines()
	if err != nil {
		return fmt.Errorf("junit: %w", err)
	}
	out := junitSuites{Name: "kkmtest " + r.Edition.ID + " " + r.SectionID()}
	secs, _ := r.sections() // lines has been through it
	for _, s := range secs {
		suite := junitSuite{Name: strings.TrimSpace(r.Edition.Act + " " + s.ID), Properties: []junitProperty{
			{"edition", r.Edition.ID}, {"edition-digest", r.Edition.Digest}, {"section", s.ID},
			{"device", r.Facts.Device}, {"seed", fmt.Sprint(r.Facts.Seed)}, {"time-mode", r.Facts.TimeMode},
			{"record-digest", r.Digests.Record}, {"record-end", string(r.End())},
		}}
		for _, l := range ls {
			if l.Counts && l.Section == s.ID {
				suite.add(r, l)
			}
		}
		for i := range suite.Properties {
			suite.Properties[i].Value = evidence.Visible(suite.Properties[i].Value)
		}
		out.Suites = append(out.Suites, suite)
		out.Tests += suite.Tests
		out.Failures += suite.Failures
		out.Errors += suite.Errors
		out.Skipped += suite.Skipped
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(out); err != nil {
		return fmt.Errorf("junit: %w", err)
	}
	_, err = io.WriteString(w, "\n")
	return err
}

func (s *junitSuite) add(r Run, l line) {
	v := l.Verdict
	c := junitCase{
		Class:      r.Edition.ID + "." + l.Section,
		Name:       strings.TrimSpace(l.Row.Number + " " + title(l.Row.Title, words.EN)),
		Properties: []junitProperty{{"result", v.Result.String()}, {"row", l.Row.Number}},
	}
	if v.Check != "" {
		c.Properties = append(c.Properties, junitProperty{"check", v.Check})
	}
	if len(v.Events) > 0 {
		c.Properties = append(c.Properties, junitProperty{"events", seqList(v.Events, len(v.Events))})
	}
	if v.Measure != nil {
		c.Properties = append(c.Properties, junitProperty{"measured", measureIn(v.Measure, words.EN)})
	}
	for i := range c.Properties {
		c.Properties[i].Value = evidence.Visible(c.Properties[i].Value)
	}
	reason := evidence.Visible(reasonIn(v, words.EN))
	s.Tests++
	switch v.Result {
	case check.Pass:
	case check.Fail:
		s.Failures++
		c.Failure = &junitOutcome{Message: reason, Type: v.Check, Text: reason}
		if v.Lead.Violation().Want != "" {
			c.Failure.Text = evidence.VisibleText(check.Explain(r.View, check.Cite(r.Edition, l.Section, l.Row.Number), v.Lead, words.EN))
		}
	case check.Error:
		s.Errors++
		c.Error = &junitOutcome{Message: reason, Type: v.Check, Text: reason}
	default:
		s.Skipped++
		c.Skipped = &junitSkipped{Message: v.Result.String() + ": " + reason}
	}
	s.Cases = append(s.Cases, c)
}
