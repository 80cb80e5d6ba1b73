package kkm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/cpcr/tally"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

// Options are what a register needs besides its profile.
type Options struct {
	Seed   uint64 // of the autonomous signs
	Mutant string // name of a defect, see [Mutants]; empty: conforming
	// Variant is the name of a lawful difference, see [Variants]; it may go
	// together with a defect.
	Variant string
	Memory  Memory // non-volatile store; nil: a fresh one that lives as long as the register
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
	Busy           Reason = "busy"             // another operation or the self-test is running
	Fault          Reason = "fault"            // power is off or a self-test failed
	ClockBack      Reason = "clock-back"       // earlier than the last fiscal document
	Unsupported    Reason = "unsupported"      // this register cannot do that
	NoLink         Reason = "no-link"          // a register that only transmits does not work without its OFD
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

	Offline        bool // works alone
	NoLink         bool // the last attempt found no OFD, and a register that only transmits waits for it
	Unsettled      bool // a document was sent and not answered: nobody knows yet whether the OFD took it
	OfflineTooLong bool
	Unsent         int       // messages in the queue
	Oldest         time.Time // of the oldest receipt in the queue; zero: none
	Blocked        Reason    // OFDBlocked, TokenBlocked, Fault or none
	Notice         string    // the text that goes with the block

	LastDoc     uint64    // number of the last document
	LastDocTime time.Time // its date and time
	LastSign    string    // sign of the last receipt: the OFD's, or the autonomous one

	Channel string // that the next request is tried over first
	WiFi    string // network that the register has joined, "" when none
	Mobile  string // mobile operator that it has chosen, "" when none can be chosen

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
	Unit string // printer, clock, memory, software, fiscal-data, link
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
	memory  Memory
	q       quirks

	nv *nv // what the memory says

	// All below is lost with the power.
	on         bool
	life       int // counts the power-ons: timers of an older life do nothing
	testing    bool
	fault      string // of the last self-test; stops fiscal work
	unreadable bool   // the memory; nothing is written into it then
	noLink     bool   // see State.NoLink
	tests      []Test
	channel    int
	switched   time.Duration // when the register took another channel than the first, by the loop's clock
	x          *exchange
	kept       *wire // open, between two requests
	op         *operation
	again      clock.Timer // next attempt to come back, or next ping while blocked
	closing    clock.Timer // the shift's own end, see quirks.autoClose
	handing    handing

	runs   []TestRun
	outbox []Electronic

	tape    tape
	display []string
	broken  map[string]bool // from outside, outlives the power
	air     air

	clientOff, zone time.Duration // see ClientClock
}

// operation is what the host asked for and has no answer to yet.
type operation struct {
	fiscal.Op
	who  int
	at   time.Time
	done func(Reply)
}

// New makes a register that is switched off. The error names an unknown mutant
// or a memory that cannot be read.
func New(loop clock.Loop, p Profile, d stream.Dialer, o Options) (*Register, error) {
	r := &Register{loop: loop, profile: p, dialer: d, seed: o.Seed, memory: o.Memory, broken: map[string]bool{}}
	if o.Mutant != "" {
		i := slices.IndexFunc(mutants, func(m mutant) bool { return m.Name == o.Mutant })
		if i < 0 {
			return nil, fmt.Errorf("mutant %q: want one of %s", o.Mutant, strings.Join(mutantNames(), ", "))
		}
		r.q = mutants[i].quirks
	}
	if o.Variant != "" {
		if err := r.vary(o.Variant); err != nil {
			return nil, err
		}
	}
	if r.memory == nil {
		r.memory = new(RAM)
	}
	if _, err := r.memory.Records(); err != nil {
		return nil, fmt.Errorf("fiscal memory: %w", err)
	}
	r.nv = r.fresh()
	r.tape.paper = true
	return r, nil
}

// now is the register's clock: civil time, the fields of the loop's wall clock as they stand.
func (r *Register) now() time.Time {
	return civil(r.loop.Now().Wall).Add(r.nv.clock + r.zoned())
}

// Power switches. On begins the self-test (units, software, stored data, a test
// message to the OFD), during which operations are refused as [Busy]. Off loses
// everything that is not in the memory: the operation under way, the
// connection, the print buffer.
func (r *Register) Power(on bool) {
	if on == r.on {
		return
	}
	r.on = on
	r.life++
	if on {
		r.start()
		return
	}
	if x := r.x; x != nil {
		x.over = true
		for _, w := range x.wires {
			w.cutOff()
		}
		r.x = nil
	}
	if r.kept != nil {
		r.kept.cutOff()
		r.kept = nil
	}
	if o := r.op; o != nil {
		r.op = nil
		r.loop.Post(func() { o.done(Reply{Outcome: fiscal.Outcome{Text: "power lost"}, Reason: Fault}) })
	}
	r.noLink, r.runs, r.outbox = false, nil, nil
	r.testing, r.handing, r.display, r.again, r.closing = false, handing{}, nil, nil, nil
	r.tape = tape{paper: r.tape.paper, watch: r.tape.watch}
}

// Printing says that paper is moving or waits for paper.
func (r *Register) Printing() bool { return r.tape.busy() }

// State tells how the register is.
func (r *Register) State() State {
	n := r.nv
	c := &n.counters
	s := State{
		On: r.on, Testing: r.testing, Printing: r.Printing(), Paper: r.tape.paper, Clock: r.now().Truncate(time.Second),
		ShiftOpen: c.Open, ShiftTooLong: r.shiftTooLong(), Shift: uint64(c.Shift), ShiftSince: r.shiftSince(),
		Offline: n.offline, NoLink: r.noLink, Unsettled: r.onlyTransmits() && n.pending != nil && r.op == nil, OfflineTooLong: r.offlineTooLong(), Unsent: len(n.queue), Oldest: n.oldest(),
		Blocked: n.blocked, Notice: r.blockText(), LastDoc: n.docNo, LastDocTime: n.docTime,
		Cash: c.Cash, Receipts: map[fiscal.ReceiptKind]uint64{}, Sums: map[fiscal.ReceiptKind]fiscal.Tiyn{}, Numbers: map[fiscal.ReceiptKind]uint64{},
		Tests: slices.Clone(r.tests), Channel: r.channels()[r.channel], WiFi: r.joined(), Mobile: r.mobile(),
	}
	if r.fault != "" {
		s.Blocked, s.Notice = Fault, r.fault
	}
	if n.last != nil {
		s.LastSign = n.last.printedSign()
	}
	for k, op := range operations {
		t := c.Kind[op]
		s.Numbers[k] = uint64(t.Total)
		if c.Open {
			s.Receipts[k], s.Sums[k] = uint64(t.Tickets.Count), t.Tickets.Sum
		}
	}
	if c.Open {
		in, out := c.Placed[canon.MoneyPlacementEnum_MONEY_PLACEMENT_DEPOSIT], c.Placed[canon.MoneyPlacementEnum_MONEY_PLACEMENT_WITHDRAWAL]
		s.Deposits, s.Deposited = uint64(in.Shift.Count), in.Shift.Sum
		s.Withdrawals, s.Withdrawn = uint64(out.Shift.Count), out.Shift.Sum
	}
	return s
}

// Counters is a copy of what the register counts, for a host side that is asked
// for its money registers.
func (r *Register) Counters() tally.Counters { return *r.nv.counters.Clone() }

// Profile is what the register was made with.
func (r *Register) Profile() Profile { return r.profile }

// Printed is the text that left the printer since the last ClearPrinted, one entry a line.
func (r *Register) Printed() []string { return slices.Clone(r.tape.out) }

// ClearPrinted forgets the printed text.
func (r *Register) ClearPrinted() { r.tape.out = nil }

// Display is what the display shows.
func (r *Register) Display() []string { return slices.Clone(r.display) }

// Setting reads a setting back; "" when there is none. Passwords and the token are never told.
func (r *Register) Setting(s fiscal.Setting) string {
	switch s {
	case fiscal.SetOFDHost:
		return r.nv.host
	case fiscal.SetOFDPort:
		return r.nv.port
	}
	return r.nv.settings.get(s)
}

// Person is the name of an operator; "" when the profile knows none.
func (r *Register) Person(number int) string { return r.person(number) }

// Paper takes the paper away or puts it back. A document that waits goes on.
func (r *Register) Paper(in bool) { r.setPaper(in) }

// StepClock moves the register's clock, whatever the shift: the control API of
// a test double. It does nothing while the power is off.
func (r *Register) StepClock(d time.Duration) {
	if r.on {
		r.write(&record{Step: stClock, Shift: r.nv.clock + d})
		r.watchShift()
	}
}

// Queue lists what the OFD has not confirmed, oldest first.
func (r *Register) Queue() []Queued {
	var all []Queued
	for _, d := range r.nv.queue {
		q := Queued{Doc: d.No, Kind: d.Kind, At: d.At}
		if d.Sign != 0 {
			q.Sign = strconv.FormatUint(uint64(d.Sign), 10)
		}
		all = append(all, q)
	}
	return all
}

// Discard takes the head of the queue out, as service staff does after a
// refusal of a queued document; false when the queue is empty or not stopped.
func (r *Register) Discard() bool {
	if !r.on || !r.nv.stuck || len(r.nv.queue) == 0 {
		return false
	}
	r.write(&record{Step: stDiscard})
	r.comeBack(0)
	return true
}

// Break makes a unit fail its next self-test ("printer", "clock", "software",
// and "client-link" of a computer system), or repairs it.
func (r *Register) Break(unit string, broken bool) { r.broken[unit] = broken }
