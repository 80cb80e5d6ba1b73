// Package check judges requirement rows from a recorded history.
//
// A check is data and one pure function: it reads a [Record] and a row's
// parameters and returns judgements. It opens no device, no socket and no
// clock, so a run can be judged again years later, by somebody else, with the
// same outcome.
//
// # Results
//
// The words are those of XCCDF. The zero value is [NotChecked], so that a row
// nobody judged can never read as a pass. [Fail] is the KKM's doing, [Error]
// the bench's, [Unknown] means that the record does not settle the question. A
// [Judgement] other than NotChecked can only be made by the constructors
// below, and a pass needs an event that it rests on.
//
// Limits come from the row's parameters; a Go file that spells one is wrong.
package check

import (
	"fmt"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
)

// Result is an XCCDF result word.
type Result uint8

// The results.
const (
	NotChecked Result = iota
	Pass
	Fail
	Error
	Unknown
	NotApplicable
	NotSelected
	Informational
)

var resultWords = [...]string{"notchecked", "pass", "fail", "error", "unknown", "notapplicable", "notselected", "informational"}

// String is the XCCDF word.
func (r Result) String() string { return resultWords[r] }

// MarshalText writes the word.
func (r Result) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads the word.
func (r *Result) UnmarshalText(b []byte) error {
	for i, w := range resultWords {
		if w == string(b) {
			*r = Result(i)
			return nil
		}
	}
	return fmt.Errorf("result %q: want one of %s", b, strings.Join(resultWords[:], ", "))
}

// rank orders results for groups: the worst wins (seams: fail, error, unknown,
// notchecked, pass, notapplicable).
var rank = map[Result]int{Fail: 7, Error: 6, Unknown: 5, NotChecked: 4, Pass: 3, NotApplicable: 2, NotSelected: 1, Informational: 0}

// Worse returns the worse of two results.
func Worse(a, b Result) Result {
	if rank[b] > rank[a] {
		return b
	}
	return a
}

// Check is a way to verify rows.
type Check struct {
	Key       string
	Doc       string // one sentence: what is demanded and how it is seen
	Params    []Param
	Scenarios []string // keys of the scenarios whose record it reads; for planning
	Judge     func(*Record, regulation.Params) []Judgement
}

// Param describes a parameter of a check for lint and help.
type Param struct {
	Name     string
	Type     string // duration, int, word, words, text
	Required bool
	OneOf    []string // allowed words
	Min, Max string   // of the same type, "" = open
	Doc      string
}

// Span is a measured duration with its uncertainty: the true value lies in [Lo, Hi].
type Span struct{ Lo, Hi time.Duration }

// Measured is what a judgement measured. The zero value means nothing was.
type Measured struct {
	Name  string // what was measured, such as "receipt time"
	Span  Span
	Limit time.Duration
	// Bounds tells where the uncertainty comes from.
	Bounds string
}

// Violation is the reason of a failed row: all that a reviewer needs to agree without a rerun.
type Violation struct {
	Want  string
	Got   string
	Bytes []byte
	Hint  string // optional: how the figure was reached
	// Absent says that the thing is simply not there. A row that is not
	// obligatory then does not apply; a wrong thing fails it all the same.
	Absent bool
	Key    string            // message key for other languages, such as "ticket.field.absent"
	Args   map[string]string // arguments of the message
}

// Reading is one way to read a text that can be read in more than one way.
type Reading struct {
	ID   string // anchor in docs/readings.md
	Text string // in English; see In
}

// Judgement is a result with its reason and evidence. Its zero value is NotChecked.
type Judgement struct {
	result    Result
	violation Violation
	reason    string
	readings  []Reading
	events    []history.Seq
	measured  Measured
	key       string            // message key of the reason
	args      map[string]string // its arguments
	declared  []Declaration     // lines of the profile that it rests on
}

// Passed needs at least one event that it rests on.
func Passed(m Measured, first history.Seq, more ...history.Seq) Judgement {
	if first == 0 {
		return BenchFault(fmt.Errorf("a pass without evidence was asked for"), 0)
	}
	return Judgement{result: Pass, measured: m, events: append([]history.Seq{first}, more...)}
}

// Failed says what was wanted and what was seen.
func Failed(v Violation, first history.Seq, more ...history.Seq) Judgement {
	if first == 0 || v.Want == "" || v.Got == "" {
		return BenchFault(fmt.Errorf("a fail without evidence, want or got was asked for (want %q, got %q)", v.Want, v.Got), 0)
	}
	return Judgement{result: Fail, violation: v, events: append([]history.Seq{first}, more...)}
}

// Undecided says why the record does not settle the question.
func Undecided(why string, readings ...Reading) Judgement {
	return Judgement{result: Unknown, reason: why, readings: readings}
}

// DoesNotApply says why the row does not bind this device.
func DoesNotApply(why string) Judgement { return Judgement{result: NotApplicable, reason: why} }

// BenchFault is the bench's own failure. at may be 0 when no event tells of it.
func BenchFault(err error, at history.Seq) Judgement {
	j := Judgement{result: Error, reason: err.Error()}
	if at != 0 {
		j.events = []history.Seq{at}
	}
	return j
}

// With adds readings that the judgement rests on.
func (j Judgement) With(r ...Reading) Judgement { j.readings = append(j.readings, r...); return j }

// Measuring adds what was measured.
func (j Judgement) Measuring(m Measured) Judgement { j.measured = m; return j }

// Citing adds events.
func (j Judgement) Citing(s ...history.Seq) Judgement { j.events = append(j.events, s...); return j }

// Result and the other accessors read a judgement.
func (j Judgement) Result() Result        { return j.result }
func (j Judgement) Violation() Violation  { return j.violation }
func (j Judgement) Reason() string        { return j.reason }
func (j Judgement) Readings() []Reading   { return j.readings }
func (j Judgement) Events() []history.Seq { return j.events }
func (j Judgement) Measured() Measured    { return j.measured }

// AtMost judges a measured span against an upper limit that may be reached. A
// span that straddles the limit proves neither side and is Unknown, never Pass.
func AtMost(limit time.Duration, s Span) Result {
	switch {
	case s.Lo > s.Hi:
		return Error // the bench measured nonsense; do not blame the KKM
	case s.Hi <= limit:
		return Pass
	case s.Lo > limit:
		return Fail
	default:
		return Unknown
	}
}

// Finding is the judgement of one row of one edition.
type Finding struct {
	Edition, Section, Row, RowDigest string
	Check                            string
	Result                           Result
	Parts                            []Judgement // worst first
}

// Facts returns the profile facts of a run.
func Facts(v history.View) (history.RunBegin, bool) {
	for e := range v.Events() {
		b, ok := e.Body.(history.RunBegin)
		return b, ok
	}
	return history.RunBegin{}, false
}
