// Package ofd is a fiscal data operator: the server that registers talk CPCR
// to. It is a machine without I/O: whoever carries its streams hands them to
// [Server.Accept], and time comes from the loop. It judges no register. What it
// accepts although the documents ask for more becomes an Observation in the
// record, for the checks to judge.
//
// What a device did is a fold over the device's own [Event] list, so a server
// that is given the events of another one goes on where that one stopped.
//
// Begin with [New], [Server.Register] and [Server.Accept]. Misbehaviour on
// purpose is in rule.go: [Server.Set], [Server.Clear]. Where cpcr.md leaves a
// choice (its section 16), [Options] has a switch and docs/ofd-choices.md the list.
//
// All methods are called on the loop.
package ofd

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

// Options are the switches of a server. The zero value is the recommended
// choice of every point (docs/ofd-choices.md).
type Options struct {
	// Journal takes Conn, Frame, Booked, Observation, OFDSet, Scripted and
	// OFDCleared events; nil for none.
	Journal history.Journal
	// Seed makes fiscal signs, tokens and shares of rules.
	Seed uint64
	// ShiftLimit is how old a shift may be before documents that are not from an
	// offline queue get result 11; 0 for no limit. The bench takes it from the
	// catalogue.
	ShiftLimit time.Duration
	// Store makes an event durable before the answer to it is sent; nil for memory only.
	Store Store
	// Past is folded at the start.
	Past []Event

	// Tokens and Signs are given out first, before those from the seed.
	Tokens []uint32
	Signs  []string

	Versions []cpcr.Version // that are served; empty for all that have a schema

	CloseAfterAnswer   bool           // 16.1: one request for each connection
	Idle               time.Duration  // 16.1: a silent connection ends; 0 for 300 s, negative for never
	ReadDeadline       time.Duration  // 3.4: a message that has begun must be whole; 0 for 30 s, negative for never
	MaxRequest         uint32         // 16.2: largest SIZE; 0 for 1 MiB
	MaxConns           int            // connections at a time; 0 for 20000
	MaxDeviceConns     int            // ... of one device; over that its oldest one is closed; 0 for 16
	MaxPending         int            // bytes of unfinished messages on all connections; 0 for 64 MiB
	AnswerUnsupported  bool           // 16.5: result 3 to a version that is not served, else close
	Labels203          bool           // 16.19: the labels of the operator's schema (2.0.3) do for 2.0.4 too
	NumberBeforeToken  bool           // 16.9: the last REQNUM with a token that is neither issued nor last gets 8
	Rotate             Rotation       // 16.10
	CheckReportToken   bool           // 16.12: REPORT with a wrong token gets 2
	MissingIsBlocked   bool           // 16.22: a ticket without a mandatory field gets 15 instead of 13
	CancelUnder203     bool           // 16.23: CANCEL_TICKET is served under 2.0.3 too
	RenumberWithinDay  bool           // 16.27: a repeated autonomous sign within a date is accepted, with an observation
	ShiftFromAny       bool           // 16.32: the shift's age counts from any document, not from the first ticket
	ShiftByServerClock bool           // 16.33: the shift's age is measured with the server's clock
	EmptyX             bool           // 16.39: X without an open shift is an empty report, else 13
	EmptyClose         bool           // 16.40: a close without documents is a new empty Z, else 13
	Echo               bool           // 13.3: answer with the register's own report
	OperationsByTicket bool           // 16.42: the operations counters grow by tickets, not by lines
	KnownParent        bool           // 12.2: a return of a ticket that this server knows nothing of gets 13
	RefuseOfflineDebt  bool           // 16.59: 14 also for messages of the offline queue
	NoQR               bool           // 16.54: tickets get no qr_code
	QRBase             string         // 16.53: what stands before "?i="; empty for http:// and the operator's url
	SignDigits         int            // 16.52: 10 to 12; 0 for 10
	Reconnect          time.Duration  // 16.30: a shorter pause between two attempts while blocked is an observation; 0 for 60 s
	Strict             bool           // every observation is a refusal with 13
	Cashiers           []Cashier      // for AUTH
	Goods              *Nomenclature  // for NOMENCLATURE; nil for none
	Payments           []PaymentState // states that a payment code runs through, one a question; empty for NEW, SCANNED, PAID
	// CheckPage is where the QR text of a register leads whose operator data name
	// no site: what stands before "?i=".
	CheckPage string
	// Failed is told of the first failure of the server itself; nil when nobody wants to know.
	Failed func(error)
	// Misuse is told once of each connection that is ended for what its peer did;
	// nil when nobody wants to know.
	Misuse func(peer, what string)
	// Gate opens and closes the place where registers connect; nil where nothing can
	// refuse a connection.
	Gate func(open bool)

	LenientReportHeader bool // REPORT answers keep the token of the request instead of the issued one
}

// Rotation says which documents change the token (cpcr.md 16.10).
type Rotation int

// The rotations.
const (
	RotateAll     Rotation = iota // TICKET, MONEY_PLACEMENT, CLOSE_SHIFT (and CANCEL_TICKET)
	RotateTickets                 // TICKET and CLOSE_SHIFT only
	RotateNever
)

// PaymentState is a state of a payment by QR code.
type PaymentState = canon.StatusTypeEnum

// Store keeps events.
type Store interface {
	// Append keeps e; done is called on the loop when it would survive a power
	// loss, or with the reason why not. Events are kept in the order of the calls.
	Append(e Event, done func(error))
}

// Defaults of Options, from cpcr.md 3.4 and 16.
const (
	defaultIdle      = 300 * time.Second
	defaultRead      = 30 * time.Second
	defaultConns     = 20000
	defaultOfDevice  = 16
	defaultPending   = 64 << 20
	defaultReconnect = 60 * time.Second
	defaultDigits    = 10
)

// Server is the operator.
type Server struct {
	loop    clock.Loop
	opt     Options
	devices map[uint32]*device
	conns   map[uint64]*conn
	// byDevice has the connections of a device in the order of their first messages.
	byDevice map[uint32][]*conn
	pending  int // bytes of unfinished messages
	stats    Stats
	events   uint64 // how many were folded
	nconn    uint64
	rules    []*rule
	signs    uint64 // how many fiscal signs were given
	sign     uint64 // the last one
	notice   uint64 // version of the last notice of a rule
	busy     string
	skew     time.Duration
	err      error

	kept, durable uint64 // events given to the store, and back from it
	waiting       []waiter
}

// New makes a server without devices.
func New(loop clock.Loop, opt Options) *Server {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&opt.Idle, defaultIdle)
	def(&opt.ReadDeadline, defaultRead)
	def(&opt.Reconnect, defaultReconnect)
	if opt.MaxRequest == 0 {
		opt.MaxRequest = cpcr.MaxRequest
	}
	if opt.MaxConns == 0 {
		opt.MaxConns = defaultConns
	}
	if opt.MaxDeviceConns == 0 {
		opt.MaxDeviceConns = defaultOfDevice
	}
	if opt.MaxPending == 0 {
		opt.MaxPending = defaultPending
	}
	if opt.SignDigits == 0 {
		opt.SignDigits = defaultDigits
	}
	if len(opt.Versions) == 0 {
		opt.Versions = cpcr.Versions
	}
	if len(opt.Payments) == 0 {
		opt.Payments = []PaymentState{canon.StatusTypeEnum_STATUS_NEW, canon.StatusTypeEnum_STATUS_SCANNED, canon.StatusTypeEnum_STATUS_PAID}
	}
	s := &Server{loop: loop, opt: opt, devices: map[uint32]*device{}, conns: map[uint64]*conn{}, byDevice: map[uint32][]*conn{}}
	for _, e := range opt.Past {
		if s.Replay(e) != nil {
			break
		}
	}
	s.opt.Past = nil
	return s
}

// Replay folds an event of the past, as the members of [Options].Past are; before
// the first connection. An error is kept in [Server.Err] as well.
func (s *Server) Replay(e Event) error {
	err := s.err
	if err == nil {
		if err = s.apply(e); err != nil {
			err = fmt.Errorf("ofd: event %d of the past: %w", s.events+1, err)
			s.fail(err)
		}
	}
	return err
}

// Stats are what a server has done since it was made.
type Stats struct {
	Connections int    `json:"connections"` // open now
	Pending     int    `json:"pending"`     // bytes of unfinished messages
	Opened      uint64 `json:"opened"`      // connections since the start
	Accepted    uint64 `json:"accepted"`    // requests with result 0
	Replayed    uint64 `json:"replayed"`    // stored answers sent again
	Refused     uint64 `json:"refused"`     //
	Silent      uint64 `json:"silent"`      // neither booked nor answered, by a rule
	Events      uint64 `json:"events"`      // that make up the state
}

func (st *Stats) count(what string) {
	switch what {
	case accepted:
		st.Accepted++
	case replayed:
		st.Replayed++
	case refused:
		st.Refused++
	case silent:
		st.Silent++
	}
}

// Stats tells what the server has done.
func (s *Server) Stats() Stats {
	st := s.stats
	st.Connections, st.Pending, st.Opened, st.Events = len(s.conns), s.pending, s.nconn, s.events
	return st
}

// Err is the first failure of the server itself: a record or a store that
// cannot be written. A server that failed answers nothing.
func (s *Server) Err() error { return s.err }

func (s *Server) fail(err error) {
	if s.err == nil && err != nil {
		s.err = err
		if s.opt.Failed != nil {
			s.opt.Failed(err)
		}
		for _, id := range slices.Sorted(maps.Keys(s.conns)) {
			s.conns[id].reset("the server failed")
		}
	}
}

// Close ends all connections.
func (s *Server) Close() error {
	for _, id := range slices.Sorted(maps.Keys(s.conns)) {
		s.conns[id].close("the server closed")
	}
	return s.err
}

// Accept takes a stream; it is a [stream.Acceptor].
func (s *Server) Accept(c stream.Conn, peer string) stream.Events {
	return s.accept(c, peer)
}

var _ stream.Acceptor = (*Server)(nil)

// now is the server's own clock: civil time in whole seconds, with UTC standing
// for "no zone", as in the times of documents.
func (s *Server) now() time.Time {
	t := s.loop.Now().Wall.Add(s.skew)
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

func (s *Server) misuse(peer, what string) {
	if s.opt.Misuse != nil {
		s.opt.Misuse(peer, what)
	}
}

// note writes into the record.
func (s *Server) note(b history.Body, causes ...history.Seq) history.Seq {
	if s.opt.Journal == nil || s.err != nil {
		return 0
	}
	causes = slices.DeleteFunc(causes, func(n history.Seq) bool { return n == 0 })
	n, err := s.opt.Journal.Append(history.OFD, b, causes...)
	if err != nil {
		s.fail(fmt.Errorf("ofd: %w", err))
	}
	return n
}

// keep folds an event and gives it to the store.
func (s *Server) keep(e Event) error {
	if err := s.apply(e); err != nil {
		return err
	}
	s.kept++
	if s.opt.Store == nil {
		s.durable = s.kept
		return nil
	}
	s.opt.Store.Append(e, func(err error) {
		if err != nil {
			s.fail(fmt.Errorf("ofd: store: %w", err))
			return
		}
		s.durable++
		for len(s.waiting) > 0 && s.waiting[0].need <= s.durable {
			then := s.waiting[0].then
			s.waiting = s.waiting[1:]
			then()
		}
	})
	return nil
}

// Settled calls then when all that was changed so far would survive a power loss;
// never, when the store fails ([Options].Failed is told).
func (s *Server) Settled(then func()) { s.settled(then) }

// settled calls then when every event so far is durable: an answer tells of the
// state, so it must not leave before the state would survive.
func (s *Server) settled(then func()) {
	if s.durable >= s.kept {
		then()
		return
	}
	s.waiting = append(s.waiting, waiter{s.kept, then})
}

// waiter waits for a number of events to be durable.
type waiter struct {
	need uint64
	then func()
}

// Now is the server's own clock: civil time, with UTC standing for "no zone".
func (s *Server) Now() time.Time { return s.now() }

// Serves lists the versions that are served.
func (s *Server) Serves() []cpcr.Version { return slices.Clone(s.opt.Versions) }

// Skew moves the server's clock against the loop's (cpcr.md 15).
func (s *Server) Skew(d time.Duration) { s.skew = d }

// Busy lets the server answer 254 to everything, with the text, until it is
// called with "".
func (s *Server) Busy(text string) { s.busy = text }

var errUnknownDevice = errors.New("no such device")
