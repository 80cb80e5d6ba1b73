package ofd

import (
	"fmt"
	"slices"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Rule is misbehaviour on purpose: which requests it strikes, and what happens
// to them. It stands until it is cleared. Several rules may strike the same
// request; where they say different things, the one that was set later wins.
type Rule struct {
	Device   uint32                  // 0: any
	Commands []canon.CommandTypeEnum // empty: any
	Connect  bool                    // strikes connections as they open, not requests
	Alone    bool                    // strikes once by itself, when After has passed; only acts
	First    int                     // the first match that it strikes, from 1; 0 is 1
	Times    int                     // how many it strikes; 0: all that follow
	After    time.Duration           // only requests this long after Set
	For      time.Duration           // ... and this long after that; 0: for ever
	PerMille int                     // share of the matches, by the seed; 0: all
	Action   Action
}

// Action is what a rule does. What it leaves alone happens as it always does:
// a late answer is an honest one.
type Action struct {
	Acts       *Acts         // what the operator does, before the request is looked at
	Hold       time.Duration // before the request is looked at; of a connection: before anything that it brings is
	Delay      time.Duration // from the arrival of the request to the sending of its answer
	Silent     bool          // neither booked nor answered
	LoseAnswer bool          // booked, and the answer never leaves
	End        End           // what happens to the connection then, or after the answer
	Mute       bool          // ... or it stays, and nothing more is read or said on it
	Refuse     bool          // no connection is taken while the rule stands: with Connect, and by a carrier that can
	Result     *Result       // refused with this, not booked
	Notice     string        // text of type TICKET_AD_INFO that comes with the answer
	NoQR       bool          // a ticket's answer has no qr_code

	// The frame of the answer.
	AppCode, Version, ReqNum *uint16
	Size, ID, Token          *uint32
	OldToken                 bool          // the token of the request, though another one was issued
	Payload                  []byte        // instead of the message
	Cut                      int           // only the first n bytes leave
	Pieces                   int           // bytes in one write; 0: all
	Gap                      time.Duration // between two pieces
	Twice                    bool
	ReportOff                fiscal.Tiyn // added to the cash of X and Z
}

// End is what happens to a connection.
type End string

// The ends.
const (
	Stay  End = ""
	Close End = "close"
	Reset End = "reset"
)

// Result is a result code with its text; an empty text is the usual one.
type Result struct {
	Code uint32
	Text string
}

// rule is a Rule that stands.
type rule struct {
	Rule
	id      string
	set     time.Duration // Mono of Set
	matched int
	fired   int
	version uint64        // of the notice
	timers  []clock.Timer // of a rule that acts by itself
	closed  bool          // it keeps the gate shut now
}

// Set lets a rule stand under a name.
func (s *Server) Set(id string, r Rule) error {
	if err := r.Check(id); err != nil {
		return err
	}
	for _, x := range s.rules {
		if x.id == id {
			return fmt.Errorf("rule %q stands already: clear it first", id)
		}
	}
	x := &rule{Rule: r, id: id, set: s.loop.Now().Mono}
	if r.Action.Notice != "" {
		for _, d := range s.devices {
			s.notice = max(s.notice, d.top)
		}
		s.notice++
		x.version = s.notice
	}
	if r.Action.Refuse && s.opt.Gate == nil {
		return fmt.Errorf("rule %q: nothing here can refuse connections: let the network do it (netfault)", id)
	}
	s.rules = append(s.rules, x)
	s.note(history.OFDSet{ID: id, Action: r.String()})
	switch {
	case r.Alone:
		x.timers = append(x.timers, s.loop.AfterFunc(r.After, func() {
			x.fired++
			s.note(history.Scripted{ID: id, Action: r.Action.String()})
			s.fail(s.perform(r.Device, r.Action.Acts))
		}))
	case r.Action.Refuse:
		x.timers = append(x.timers, s.loop.AfterFunc(r.After, func() {
			x.fired++
			s.note(history.Scripted{ID: id, Action: r.Action.String()})
			s.shut(x, true)
			if r.For > 0 {
				x.timers = append(x.timers, s.loop.AfterFunc(r.For, func() { s.shut(x, false) }))
			}
		}))
	}
	return s.err
}

// shut closes the gate for a rule, or opens it again when no other rule keeps it
// closed.
func (s *Server) shut(x *rule, closed bool) {
	before := s.gateShut()
	x.closed = closed
	if after := s.gateShut(); after != before {
		s.opt.Gate(!after)
	}
}

func (s *Server) gateShut() bool {
	return slices.ContainsFunc(s.rules, func(r *rule) bool { return r.closed })
}

// Clear lifts a rule and tells how often it struck; an unknown one struck 0 times.
func (s *Server) Clear(id string) (fired int) {
	for i, x := range s.rules {
		if x.id == id {
			for _, t := range x.timers {
				t.Stop()
			}
			s.shut(x, false)
			s.rules = append(s.rules[:i:i], s.rules[i+1:]...)
			s.note(history.OFDCleared{ID: id, Fired: x.fired})
			return x.fired
		}
	}
	return 0
}

// ClearAll lifts every rule, in the order in which they were set.
func (s *Server) ClearAll() {
	for len(s.rules) > 0 {
		s.Clear(s.rules[0].id)
	}
}

// Rules lists the standing ones by name, in the order in which they were set.
func (s *Server) Rules() []string {
	out := make([]string, len(s.rules))
	for i, r := range s.rules {
		out[i] = r.id
	}
	return out
}

// RuleState is how a rule that stands has fared.
type RuleState struct {
	ID     string `json:"id"`
	Action string `json:"action"` // in words, with figures
	Fired  int    `json:"fired"`  // how often it struck: a rule that never did proved nothing
}

// RuleStates lists the rules that stand, in the order in which they were set.
func (s *Server) RuleStates() []RuleState {
	out := make([]RuleState, len(s.rules))
	for i, r := range s.rules {
		out[i] = RuleState{r.id, r.Rule.String(), r.fired}
	}
	return out
}
