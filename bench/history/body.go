package history

import (
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Body is what happened. The set is closed.
type Body interface{ Kind() string }

// Dir is the direction of bytes: towards the register or from it.
type Dir string

// The directions.
const (
	ToDevice   Dir = "to-device"
	FromDevice Dir = "from-device"
)

// RunBegin is the first event of every record: what was asked, without
// anything that differs between two equal runs.
type RunBegin struct {
	Format   int           `json:"format"`    // version of the record, now 1
	TimeMode string        `json:"time_mode"` // simulated, stepped, real
	Seed     uint64        `json:"seed"`
	Section  string        `json:"section"`
	Editions []string      `json:"editions"`
	Device   string        `json:"device"`  // device URL without secrets
	Protocol string        `json:"cpcr"`    // CPCR version in dots
	Profile  Facts         `json:"profile"` // what is known of the device
	Limits   []NamedLimits `json:"limits,omitempty"`
}

// NamedLimits are the parameters that the scenarios were stimulated with.
type NamedLimits struct {
	Check  string            `json:"check"`
	Params map[string]string `json:"params"`
}

// Facts are what the profile declares of the device and the OFD; checks compare with them.
type Facts struct {
	Model        string   `json:"model"`
	Serial       string   `json:"serial"`
	Registration string   `json:"registration"`
	TaxpayerName string   `json:"taxpayer_name"`
	TaxpayerBIN  string   `json:"taxpayer_bin"`
	Address      string   `json:"address"`
	Activity     string   `json:"activity,omitempty"` // OKED
	Sectors      []string `json:"sectors"`
	Fiscal       bool     `json:"fiscal_registrar"`
	Channels     []string `json:"channels"`
	Languages    []string `json:"languages"`
	OFDID        uint32   `json:"ofd_id"`
	OFDName      string   `json:"ofd_name"`
	OFDSite      string   `json:"ofd_site"`
	CashierNames []string `json:"cashier_names,omitempty"`
	ClockOffset  string   `json:"clock_offset,omitempty"`

	// Declared are the values that the profile declares for each field that a
	// condition of a catalogue may read; a field that is not among them is
	// undeclared, whatever the fields above hold. Nil: a record of a version
	// that did not keep them apart.
	Declared map[string][]string `json:"declared,omitempty"`
	// Lines are the lines of profile.yaml by its keys (sectors, taxpayer.bin),
	// so that a finding can name the line that it contradicts.
	Lines map[string]int `json:"profile_lines,omitempty"`
}

// StepBegin and StepEnd bracket a step of a scenario.
type StepBegin struct {
	Scenario string   `json:"scenario"`
	Step     int      `json:"step"` // from 1
	Name     string   `json:"name"`
	Checks   []string `json:"checks,omitempty"`
}

// StepEnd says whether the step's preconditions held. A step that did not end
// "ok" proves nothing: what hangs on it is unknown.
type StepEnd struct {
	Scenario string `json:"scenario"`
	Step     int    `json:"step"`
	Outcome  string `json:"outcome"` // ok, precondition, interrupted
	Text     string `json:"text,omitempty"`
}

// Intent is written, durable, before an operation is sent to the device.
type Intent struct {
	Op fiscal.Op `json:"op"`
}

// Result follows an Intent. Entered is when the last byte of the operator's
// input had been sent, Done when the device had completed the operation (the
// answer was there and the paper was finished); both on the bench's clock. Blur
// is the uncertainty of either, with its sources in Sources.
type Result struct {
	Op      fiscal.OpID    `json:"op"`
	Outcome fiscal.Outcome `json:"outcome"`
	Entered clock.Instant  `json:"entered"`
	Done    clock.Instant  `json:"done"`
	Blur    time.Duration  `json:"blur_ns"`
	Sources string         `json:"blur_sources,omitempty"`
}

// HostBytes are bytes on the control line of the device.
type HostBytes struct {
	Dir  Dir    `json:"dir"`
	Data []byte `json:"data"`
	Note string `json:"note,omitempty"` // what the driver took them for
}

// State is what the device says of itself when it is asked over the host line.
type State struct {
	ShiftOpen bool      `json:"shift_open"`
	ShiftLong bool      `json:"shift_long"` // the device says that its shift is too long
	Shift     uint64    `json:"shift,omitempty"`
	Offline   *bool     `json:"offline,omitempty"` // nil: the protocol cannot tell
	Unsent    *int      `json:"unsent,omitempty"`  // nil: the protocol cannot tell
	Blocked   bool      `json:"blocked,omitempty"`
	Clock     time.Time `json:"clock,omitzero"`
	Receipts  uint64    `json:"receipts,omitempty"`
	Text      string    `json:"text,omitempty"`
}

// Setting is a setting that was read back from the device.
type Setting struct {
	Name  fiscal.Setting `json:"name"`
	Value string         `json:"value"`
}

// Printed is what came out of the printer because of an operation.
type Printed struct {
	Op     fiscal.OpID `json:"op,omitempty"`
	Lines  []string    `json:"lines"`
	Origin string      `json:"origin"` // host (read over the host line), tap, control, operator
}

// Shown is the text of the display.
type Shown struct {
	Op     fiscal.OpID `json:"op,omitempty"`
	Lines  []string    `json:"lines"`
	Origin string      `json:"origin"`
}

// Conn is the life of a TCP connection as the OFD's side of the network saw it.
type Conn struct {
	ID     uint64 `json:"conn"`
	State  string `json:"state"` // open, closed, reset
	Peer   string `json:"peer,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Frame is one CPCR message as the OFD received or sent it; Bytes hold header
// and payload, or whatever came when it could not be read (then Error names the class).
type Frame struct {
	Conn  uint64 `json:"conn"`
	Dir   Dir    `json:"dir"` // from-device: a request
	Bytes []byte `json:"bytes"`
	Error string `json:"error,omitempty"`
	// Lost says that the OFD was scripted to book the request and lose the answer.
	Lost bool `json:"lost,omitempty"`
}

// Booked is the OFD's own word on a request: what it did with it. Cause is the Frame.
type Booked struct {
	Device  uint32 `json:"device"`
	Command string `json:"command"`
	What    string `json:"what"` // accepted, replayed, refused, silent
	Code    int    `json:"code"`
	Sign    string `json:"sign,omitempty"`
}

// Observation is something that the OFD accepts and the documents do not allow.
type Observation struct {
	Field string `json:"field"`
	Value string `json:"value"`
	Rule  string `json:"rule"`
}

// Scripted is a scripted action of the OFD that fired.
type Scripted struct {
	ID     string `json:"id"`
	Action string `json:"action"`
}

// OFDSet and OFDCleared bracket scripted behaviour of the OFD.
type OFDSet struct {
	ID     string `json:"id"`
	Action string `json:"action"` // in words, with figures
}

// OFDCleared lifts it; Fired counts how often it acted.
type OFDCleared struct {
	ID    string `json:"id"`
	Fired int    `json:"fired"`
}

// FaultSet and FaultCleared bracket a fault of a link.
type FaultSet struct {
	ID    string `json:"id"`
	Fault string `json:"fault"` // in words, with figures
}

// FaultCleared lifts it; Struck counts the packets whose fate it changed.
type FaultCleared struct {
	ID     string `json:"id"`
	Struck int    `json:"struck"`
	Figure string `json:"figure,omitempty"` // what was reached beside what was demanded, in words
}

// Struck says that a fault changed the fate of a packet (the first one of each
// FaultSet; the rest are counted, and commented in the capture).
type Struck struct {
	ID     string `json:"id"`
	Packet uint64 `json:"packet"` // number in capture.pcapng, from 1
	Note   string `json:"note"`
	Seen   int    `json:"seen,omitempty"` // the how manieth packet it was that the fault selects, from 1
}

// ClockSet is the wall clock of the world moved by the bench (stepped time) or of the device by the control API.
type ClockSet struct {
	What string    `json:"what"` // device, bench
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to"`
}

// Passed is a wait that the bench let pass on purpose.
type Passed struct {
	For time.Duration `json:"for_ns"`
	Why string        `json:"why"`
}

// Switched is power, paper or another thing that the bench switched from outside.
type Switched struct {
	What string `json:"what"` // power, paper, ...
	To   string `json:"to"`
}

// Prompt asks a person; Answer is what the person said.
type Prompt struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// Answer carries who said it and the digest of what was attached.
type Answer struct {
	ID     string   `json:"id"`
	Text   string   `json:"text"`
	Person string   `json:"person"`
	Files  []string `json:"files,omitempty"`
}

// Reference is where the manufacturer shows, in a document, how a row is met.
// The bench writes them before the first operation, from submission.yaml.
type Reference struct {
	Edition  string            `json:"edition"` // ID of the edition that Row is a number of
	Section  string            `json:"section"`
	Row      string            `json:"row"`
	Document string            `json:"document"`        // as the submission names it
	Title    map[string]string `json:"title,omitempty"` // of the document by language, "" for all
	Page     string            `json:"page"`
	Clause   string            `json:"clause"`
	Note     string            `json:"note,omitempty"`
	// Digest is the SHA-256, hex, that the bench itself took of the document's
	// file and found to be the submitted one; "" when it had no file at hand.
	Digest string `json:"sha256,omitempty"`
}

// Submitted says which submission.yaml the references are from.
type Submitted struct {
	Model  string `json:"model,omitempty"`
	Digest string `json:"sha256"` // of submission.yaml
	Rows   int    `json:"rows"`   // how many references it has
}

// Identity is what the device says it is.
type Identity struct {
	Type     string `json:"type,omitempty"`
	Model    string `json:"model,omitempty"`
	Serial   string `json:"serial,omitempty"`
	Firmware string `json:"firmware,omitempty"`
}

// BenchFault is the bench's own failure; what hangs on it is error.
type BenchFault struct {
	Where string `json:"where"`
	Text  string `json:"text"`
}

// RunEnd is the last event of a run that ended in an orderly way.
type RunEnd struct {
	Reason string `json:"reason"` // finished, aborted
}

// The kind words, as they stand in history.jsonl.
func (RunBegin) Kind() string     { return "run.begin" }
func (StepBegin) Kind() string    { return "step.begin" }
func (StepEnd) Kind() string      { return "step.end" }
func (Intent) Kind() string       { return "intent" }
func (Result) Kind() string       { return "result" }
func (HostBytes) Kind() string    { return "host" }
func (State) Kind() string        { return "state" }
func (Setting) Kind() string      { return "setting" }
func (Printed) Kind() string      { return "printed" }
func (Shown) Kind() string        { return "shown" }
func (Conn) Kind() string         { return "conn" }
func (Frame) Kind() string        { return "frame" }
func (Booked) Kind() string       { return "booked" }
func (Observation) Kind() string  { return "observation" }
func (Scripted) Kind() string     { return "ofd.scripted" }
func (OFDSet) Kind() string       { return "ofd.set" }
func (OFDCleared) Kind() string   { return "ofd.cleared" }
func (FaultSet) Kind() string     { return "fault.set" }
func (FaultCleared) Kind() string { return "fault.cleared" }
func (Struck) Kind() string       { return "fault.struck" }
func (ClockSet) Kind() string     { return "clock.set" }
func (Passed) Kind() string       { return "passed" }
func (Switched) Kind() string     { return "switched" }
func (Prompt) Kind() string       { return "prompt" }
func (Answer) Kind() string       { return "answer" }
func (Reference) Kind() string    { return "reference" }
func (Submitted) Kind() string    { return "submitted" }
func (Identity) Kind() string     { return "identity" }
func (BenchFault) Kind() string   { return "bench.fault" }
func (RunEnd) Kind() string       { return "run.end" }
