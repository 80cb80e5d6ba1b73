package check

import (
	"slices"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Record is a history read once for all checks: what was asked, what the OFD
// saw, what was printed, put together by operation. It is built by [NewRecord]
// and never changes afterwards, so any number of checks may read it at once.
type Record struct {
	View  history.View
	Begin history.RunBegin // zero when the view holds none; see Begun
	Begun history.Seq

	Ops       []*Operation // in order of their Intents
	Exchanges []*Exchange  // requests in order of arrival, each with its answers
	Papers    []*Paper
	Shown     []*Paper // what stood on the display
	States    []StateAt
	Settings  []SettingAt
	Conns     []*ConnAt
	Faults    []*Interval // of the network
	Scripts   []*Interval // of the OFD
	Switches  []SwitchAt
	Steps     []*Step
	Broken    []history.Seq // BenchFault events
	// Backwards is the first event before which the bench's own clock ran backwards, 0 when it never did.
	Backwards history.Seq
	Books     []*Shift // the bench's own ledger, one entry a shift

	Identity   history.Identity // what the device said it is, the last time that it was asked
	IdentityAt history.Seq      // 0: it never was
	References []RefAt          // of the manufacturer's documents
	// Contradictions are the declarations of the profile that the record shows to be wrong.
	Contradictions []Contradiction

	opening map[uint64]*ConnAt // by connection
	closing map[uint64]*ConnAt

	mono   bool // Mono never goes back: spans are measured with it, else with Wall
	byID   map[fiscal.OpID]*Operation
	skews  []skewAt
	typed  []*Operation             // settings that were entered, done or not
	epochs []*clockEpoch            // what the record tells of the register's seconds; empty unless time is simulated
	limits map[string]time.Duration // "check/param" of the section that is judged

	edition string // that is judged by
}

// Step is a step of a scenario. Outcome is "" when the record ends inside it.
type Step struct {
	Scenario string
	N        int
	Name     string
	Checks   []string
	Outcome  string
	Text     string
	Begin    history.Seq
	End      history.Seq
	Fault    history.Seq // first BenchFault inside it, 0 = none
}

// Held says whether what happened in the step may be used: it ended "ok".
// Outside a step there is nothing that could have gone wrong.
func (s *Step) Held() bool { return s == nil || (s.Outcome == "ok" && s.Fault == 0) }

// Operation is one effect that was asked of the register and all that came of it.
type Operation struct {
	fiscal.Op
	N    int         // position in Record.Ops
	Seq  history.Seq // the Intent
	At   clock.Instant
	End  history.Seq // the Result; 0 when there is none
	Res  history.Result
	Step *Step

	Papers  []*Paper
	Shown   []*Paper
	During  []*Exchange // requests that reached the OFD between Intent and Result
	Sent    []*Exchange // document messages that report this operation, oldest first
	Before  *StateAt    // last State since the operation before, nil = not asked
	After   *StateAt    // first State before the next operation, nil = not asked
	Faulty  bool        // a fault of the network was set at some moment between Intent and Result
	Staged  bool        // so was scripted behaviour of the OFD
	print   *printout
	windowE history.Seq // last event that belongs to its window
}

// Got is how the register took it.
func (o *Operation) Got() fiscal.Answer { return o.Res.Outcome.Got }

// Done says that the register completed it.
func (o *Operation) Done() bool { return o.Got() == fiscal.Done }

// Refused says that the register said no.
func (o *Operation) Refused() bool { return o.Got() == fiscal.Refused }

// IsReceipt says whether it is a receipt of any kind.
func (o *Operation) IsReceipt() bool { return o.Kind == fiscal.OpReceipt && o.Receipt != nil }

// IsSale says whether it is a sale.
func (o *Operation) IsSale() bool { return o.IsReceipt() && o.Receipt.Kind == fiscal.Sale }

// Lines are all printed lines of the operation.
func (o *Operation) Lines() []string { return o.print.lines }

// Paper is text that came out of the printer, or that stood on the display.
type Paper struct {
	Seq    history.Seq
	At     clock.Instant
	Op     *Operation // nil: no operation is named
	Lines  []string
	Origin string
}

// StateAt is what the device said of itself.
type StateAt struct {
	history.State
	Seq history.Seq
	At  clock.Instant
}

// SettingAt is a setting that was read back.
type SettingAt struct {
	history.Setting
	Seq history.Seq
}

// ConnAt is a moment in the life of a connection.
type ConnAt struct {
	history.Conn
	Seq history.Seq
	At  clock.Instant
}

// SwitchAt is something switched from outside.
type SwitchAt struct {
	history.Switched
	Seq history.Seq
	At  clock.Instant
}

// Interval is the time in which a fault or scripted behaviour was set.
type Interval struct {
	ID    string
	Text  string // the fault or the action in words
	Link  string
	From  history.Seq
	FromT clock.Instant
	To    history.Seq // 0: not lifted within the record
	ToT   clock.Instant
	Hits  int           // packets struck, or times fired; -1 while not lifted
	Acts  []history.Seq // Struck or Scripted events
}

// Within says whether the interval covers event n.
func (i *Interval) Within(n history.Seq) bool { return i.From <= n && (i.To == 0 || n <= i.To) }

// Exchange is a request as the OFD received it, and what became of it.
type Exchange struct {
	N       int // position in Record.Exchanges
	Seq     history.Seq
	At      clock.Instant
	Conn    uint64
	Bytes   []byte
	Class   string // error class that the OFD named, ""
	Header  cpcr.Header
	Req     *canon.Request // nil when it could not be read at all
	Err     error          // what is wrong with the request
	Answers []*Answer
	Booked  *history.Booked
	BookSeq history.Seq
	Lost    bool // the answer was lost on purpose
	Faulty  bool // a fault of the network was set when it came, or when it was answered

	During  *Operation // the operation in whose window it came
	Reports *Operation // the operation that it reports, for documents
	Tie     string     // how that was found: retry, sign, content, order, ...
}

// Answer is what the OFD sent back.
type Answer struct {
	Seq    history.Seq
	At     clock.Instant
	Bytes  []byte
	Header cpcr.Header
	Res    *canon.Response
	Err    error
}

// Command is the command of the request, COMMAND_RESERVED when it could not be read.
func (x *Exchange) Command() canon.CommandTypeEnum {
	if x.Req == nil || x.Req.Command == nil {
		return canon.CommandTypeEnum_COMMAND_RESERVED
	}
	return *x.Req.Command
}

// Document says whether the request changes fiscal state (cpcr.md 4.2).
func (x *Exchange) Document() bool {
	switch x.Command() {
	case canon.CommandTypeEnum_COMMAND_TICKET, canon.CommandTypeEnum_COMMAND_MONEY_PLACEMENT, canon.CommandTypeEnum_COMMAND_CLOSE_SHIFT:
		return true
	}
	return false
}

// Answer is the last answer, nil when none was sent.
func (x *Exchange) Answer() *Answer {
	if len(x.Answers) == 0 {
		return nil
	}
	return x.Answers[len(x.Answers)-1]
}

// Code is the result code of the answer; false when there was none that can be read.
func (x *Exchange) Code() (int, bool) {
	a := x.Answer()
	if a == nil || a.Res == nil || a.Res.Result == nil {
		return 0, false
	}
	return int(a.Res.Result.GetResultCode()), true
}

// Booked0 says whether the OFD has taken the document as its own, whether or
// not the register ever heard of it.
func (x *Exchange) Booked0() bool {
	if x.Booked != nil {
		return (x.Booked.What == "accepted" || x.Booked.What == "replayed") && x.Booked.Code == 0
	}
	c, ok := x.Code()
	return ok && c == 0
}

// Confirmed says whether an answer with result 0 went to the register.
func (x *Exchange) Confirmed() bool {
	c, ok := x.Code()
	return ok && c == 0 && !x.Lost
}

// Delay is the time from the arrival of the request to the last answer, as the OFD saw it.
func (x *Exchange) Delay(r *Record) time.Duration {
	if a := x.Answer(); a != nil {
		return r.Elapsed(x.At, a.At)
	}
	return 0
}

// Sign is the fiscal sign that the OFD issued for it, "".
func (x *Exchange) Sign() string {
	if a := x.Answer(); a != nil && a.Res != nil {
		if s := a.Res.GetTicket().GetTicketNumber(); s != "" {
			return s
		}
	}
	if x.Booked != nil {
		return x.Booked.Sign
	}
	return ""
}

// OfflineNumber is the autonomous sign that a ticket carries; false when it carries none.
func (x *Exchange) OfflineNumber() (uint32, bool) {
	t := x.Req.GetTicket()
	if t == nil || t.OfflineTicketNumber == nil {
		return 0, false
	}
	return *t.OfflineTicketNumber, true
}

// MarkedOffline says whether the message says that its document was made offline.
func (x *Exchange) MarkedOffline() bool {
	switch x.Command() {
	case canon.CommandTypeEnum_COMMAND_TICKET:
		_, ok := x.OfflineNumber()
		return ok
	case canon.CommandTypeEnum_COMMAND_MONEY_PLACEMENT:
		return x.Req.GetMoneyPlacement().GetIsOffline()
	case canon.CommandTypeEnum_COMMAND_CLOSE_SHIFT:
		return x.Req.GetCloseShift().GetIsOffline()
	}
	return false
}

// Moment is the time of the document that the message carries, as civil time.
func (x *Exchange) Moment() (time.Time, bool) {
	switch x.Command() {
	case canon.CommandTypeEnum_COMMAND_TICKET:
		return cpcr.Time(x.Req.GetTicket().GetDateTime(), time.UTC)
	case canon.CommandTypeEnum_COMMAND_MONEY_PLACEMENT:
		return cpcr.Time(x.Req.GetMoneyPlacement().GetDateTime(), time.UTC)
	case canon.CommandTypeEnum_COMMAND_CLOSE_SHIFT:
		return cpcr.Time(x.Req.GetCloseShift().GetCloseTime(), time.UTC)
	case canon.CommandTypeEnum_COMMAND_REPORT:
		return cpcr.Time(x.Req.GetReport().GetDateTime(), time.UTC)
	}
	return time.Time{}, false
}

// DocumentNumber is printed_document_number, 0 when it is absent.
func (x *Exchange) DocumentNumber() uint64 {
	switch x.Command() {
	case canon.CommandTypeEnum_COMMAND_TICKET:
		return x.Req.GetTicket().GetPrintedDocumentNumber()
	case canon.CommandTypeEnum_COMMAND_MONEY_PLACEMENT:
		return x.Req.GetMoneyPlacement().GetPrintedDocumentNumber()
	case canon.CommandTypeEnum_COMMAND_CLOSE_SHIFT:
		return x.Req.GetCloseShift().GetPrintedDocumentNumber()
	}
	return 0
}

// Op finds an operation by its name, nil when it is not in the record.
func (r *Record) Op(id fiscal.OpID) *Operation { return r.byID[id] }

// Readable says whether what is printed can be read at all: a device that
// cannot be read leaves no Printed event, and nothing follows from that.
func (r *Record) Readable() bool { return len(r.Papers) > 0 }

// Elapsed is the time from a to b.
func (r *Record) Elapsed(a, b clock.Instant) time.Duration {
	if r.mono {
		return b.Mono - a.Mono
	}
	return b.Wall.Sub(a.Wall)
}

// civil takes the fields of a wall time as they stand: devices speak civil time without a zone.
func civil(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

type skewAt struct {
	from history.Seq
	skew time.Duration // device clock minus bench clock
	by   history.Seq   // the event that told it
}

// Skew is what the device's clock was ahead of the bench's at event n, as far
// as the record tells (State readings and clock settings); 0 when it tells nothing.
func (r *Record) Skew(n history.Seq) time.Duration {
	i, _ := slices.BinarySearchFunc(r.skews, n+1, func(s skewAt, n history.Seq) int {
		switch {
		case s.from < n:
			return -1
		case s.from > n:
			return 1
		}
		return 0
	})
	if i == 0 {
		return 0
	}
	return r.skews[i-1].skew
}

// deviceTime is the device's civil time at an instant near event n.
func (r *Record) deviceTime(at clock.Instant, n history.Seq) time.Time {
	return civil(at.Wall).Add(r.Skew(n))
}

// limit is a figure of another check: of the section that is judged, or of the
// catalogue that the run was planned with.
func (r *Record) limit(check, param string) (time.Duration, bool) {
	if d, ok := r.limits[check+"/"+param]; ok {
		return d, true
	}
	for _, l := range r.Begin.Limits {
		if l.Check == check {
			if d, err := time.ParseDuration(l.Params[param]); err == nil {
				return d, true
			}
		}
	}
	return 0, false
}

// stateBefore is the last State at or before event n, nil when there is none.
func (r *Record) stateBefore(n history.Seq) *StateAt {
	i, _ := slices.BinarySearchFunc(r.States, n+1, func(s StateAt, n history.Seq) int {
		if s.Seq < n {
			return -1
		}
		if s.Seq > n {
			return 1
		}
		return 0
	})
	if i == 0 {
		return nil
	}
	return &r.States[i-1]
}

// checksAt names the checks that the step around event n serves.
func (r *Record) checksAt(n history.Seq) []string {
	i, _ := slices.BinarySearchFunc(r.Steps, n+1, func(s *Step, n history.Seq) int {
		if s.Begin < n {
			return -1
		}
		if s.Begin > n {
			return 1
		}
		return 0
	})
	if i == 0 {
		return nil
	}
	if s := r.Steps[i-1]; s.End == 0 || n <= s.End {
		return s.Checks
	}
	return nil
}
