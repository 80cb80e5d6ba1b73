package kkm

import (
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

// Options are what a register needs besides its profile.
type Options struct {
	Seed   uint64 // of the autonomous signs
	Mutant string // name of a defect, see [Mutants]; empty: conforming
	Memory Memory // non-volatile store; nil: a fresh one that lives as long as the register
}

// Reason says why an operation was refused. The empty reason means that it was not.
type Reason string

// The reasons.
const (
	Password       Reason = "password"         // unknown password, or one without the right
	ShiftTooLong   Reason = "shift-too-long"   // only Z and reports until the shift is closed
	OfflineTooLong Reason = "offline-too-long" // the oldest unsent receipt is too old
	OFDBlocked     Reason = "ofd-blocked"      // suspended by the OFD, or stopped by one of its answers
	TokenBlocked   Reason = "token"            // the OFD refused the token: type the right one
	ShiftOpen      Reason = "shift-open"       // allowed only with the shift closed
	ShiftClosed    Reason = "shift-closed"     // needs an open shift
	NoPaper        Reason = "no-paper"         // paper is out or torn
	NoCash         Reason = "cash"             // not enough cash in the drawer
	BadData        Reason = "data"             // the entered data are wrong, or the OFD refused them
	Busy           Reason = "busy"             // another operation, the self-test or the printer is running
	Fault          Reason = "fault"            // power is off or a self-test failed
	ClockBack      Reason = "clock-back"       // earlier than the last fiscal document
	Unsupported    Reason = "unsupported"      // this register cannot do that
)

// Reply is how an operation ended. Done means registered: paper may still move,
// see [Register.Printing].
type Reply struct {
	fiscal.Outcome
	Reason Reason
}

// State is what the register says of itself.
type State struct {
	On       bool
	Testing  bool // the self-test after power-on is running
	Printing bool // paper moves, or waits for paper in the middle of a document
	Paper    bool
	Clock    time.Time // the register's own clock, whole seconds

	ShiftOpen    bool
	ShiftTooLong bool
	Shift        uint64    // the open shift, or the last closed one
	ShiftSince   time.Time // end of the first payment document of the open shift; zero: none yet

	Offline        bool
	OfflineTooLong bool
	Unsent         int       // messages in the queue
	Oldest         time.Time // of the oldest receipt in the queue; zero: none
	Blocked        Reason    // OFDBlocked, TokenBlocked, Fault or none
	Notice         string    // the text that goes with the block

	LastDoc     uint64    // number of the last document
	LastDocTime time.Time // its date and time
	LastSign    string    // sign of the last receipt: the OFD's, or the autonomous one

	Cash        fiscal.Tiyn
	Receipts    map[fiscal.ReceiptKind]uint64      // in the shift
	Sums        map[fiscal.ReceiptKind]fiscal.Tiyn // in the shift
	Numbers     map[fiscal.ReceiptKind]uint64      // since ever
	Deposits    uint64                             // in the shift
	Deposited   fiscal.Tiyn
	Withdrawals uint64
	Withdrawn   fiscal.Tiyn

	Tests []Test // results of the last self-test
}

// Test is one result of the self-test.
type Test struct {
	Unit string // printer, memory, clock, software, fiscal-data, link
	OK   bool
	Text string
}

// Operators is how many passwords a register has: 1..28 cashiers, 29 and 30 administrators.
const Operators = 30

// Queued is a document that the OFD has not confirmed yet.
type Queued struct {
	Doc  uint64
	Kind fiscal.OpKind
	At   time.Time
	Sign string // autonomous sign of a receipt
}

// Register is one emulated register. All its methods are called on the loop.
type Register struct {
	loop    clock.Loop
	profile Profile
	dialer  stream.Dialer
	seed    uint64
}

// New makes a register that is switched off. The error names an unknown mutant
// or a memory that cannot be read.
func New(loop clock.Loop, p Profile, d stream.Dialer, o Options) (*Register, error) {
	return &Register{loop: loop, profile: p, dialer: d, seed: o.Seed}, nil
}

// Power switches. On begins the self-test (units, software, stored data, a test
// message to the OFD), during which operations are refused as [Busy]. Off loses
// everything that is not in the memory: the operation under way, the
// connection, the print buffer.
func (r *Register) Power(on bool) {}

// Do performs one operation. op.As.Password is what was typed, as text; it also
// tells who works (an empty one stands for the right password of op.As).
// done is called once, on the loop and never inside this call: when the operation is
// registered, when it is refused, or with fiscal.Unknown when the power went.
func (r *Register) Do(op fiscal.Op, done func(Reply)) {
	r.loop.Post(func() { done(Reply{Reason: Unsupported, Outcome: fiscal.Outcome{Got: fiscal.Unsupported}}) })
}

// May says what Do would refuse op with before anything is sent; "" when it would begin.
// A receipt may be asked for with its kind only.
func (r *Register) May(op fiscal.Op) Reason { return Unsupported }

// Operator finds who a typed password belongs to: 1..28 cashiers, 29 and 30
// administrators; 0 when nobody has it.
func (r *Register) Operator(password string) int { return 0 }

// Printing says that paper is moving or waits for paper.
func (r *Register) Printing() bool { return false }

// State tells how the register is.
func (r *Register) State() State { return State{} }

// Profile is what the register was made with.
func (r *Register) Profile() Profile { return r.profile }

// Printed is the text that left the printer since the last ClearPrinted, one entry a line.
func (r *Register) Printed() []string { return nil }

// ClearPrinted forgets the printed text.
func (r *Register) ClearPrinted() {}

// Display is what the display shows.
func (r *Register) Display() []string { return nil }

// Setting reads a setting back; "" when there is none. A password is never told.
func (r *Register) Setting(s fiscal.Setting) string { return "" }

// Paper takes the paper away or puts it back.
func (r *Register) Paper(in bool) {}

// StepClock moves the register's clock, whatever the shift: the control API of a test double.
func (r *Register) StepClock(d time.Duration) {}

// Queue lists what the OFD has not confirmed, oldest first.
func (r *Register) Queue() []Queued { return nil }

// Discard takes the head of the queue out, as service staff does after a
// refusal of a queued document; false when the queue is empty or not stopped.
func (r *Register) Discard() bool { return false }

// Break makes a unit fail its next self-test ("printer", "clock", "software"), or repairs it.
func (r *Register) Break(unit string, broken bool) {}
