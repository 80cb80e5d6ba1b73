package ofd

import (
	"fmt"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
)

// Acts are what an operator does by himself, through his cabinet or his clock.
// They concern the device of the request, or that of the rule, or with neither
// all devices.
type Acts struct {
	Block     *string        // block with this text
	Unblock   bool           //
	Standing  *Standing      // deregistered, disconnected, or neither; Blocked and its text are left alone
	Tell      []Ad           // text blocks; their versions follow by themselves
	NewToken  *uint32        // a token from the cabinet; 0: from the seed
	Skew      *time.Duration // of the server's clock against the loop's
	Busy      *string        // 254 to everything with this text; empty: no longer
	Versions  []cpcr.Version // that are served from now on
	AnswerOld *bool          // result 3 to versions that are not served, else close
}

// String says it in words, with figures.
func (a Acts) String() string {
	var w []string
	add := func(ok bool, format string, args ...any) {
		if ok {
			w = append(w, fmt.Sprintf(format, args...))
		}
	}
	if a.Block != nil {
		add(true, "blocked with the text %q", *a.Block)
	}
	add(a.Unblock, "unblocked")
	if st := a.Standing; st != nil {
		add(st.Deregistered, "deregistered")
		add(st.Disconnected, "disconnected")
		add(!st.Deregistered && !st.Disconnected, "registered and connected again")
	}
	for _, t := range a.Tell {
		add(true, "told %s %q", strings.TrimPrefix(t.Type.String(), "TICKET_AD_"), t.Text)
	}
	if a.NewToken != nil {
		add(*a.NewToken == 0, "given a new token")
		add(*a.NewToken != 0, "given the token %d", *a.NewToken)
	}
	if a.Skew != nil {
		add(true, "the operator's clock off by %v", *a.Skew)
	}
	if a.Busy != nil {
		add(*a.Busy != "", "the operator is busy: %q", *a.Busy)
		add(*a.Busy == "", "the operator is busy no longer")
	}
	if a.Versions != nil {
		add(true, "served from now on: %v", a.Versions)
	}
	if a.AnswerOld != nil {
		add(*a.AnswerOld, "other versions get result 3")
		add(!*a.AnswerOld, "other versions are hung up on")
	}
	return strings.Join(w, ", ")
}

func (a *Acts) nothing() bool { return a == nil || a.String() == "" }

func (a *Acts) valid(id string) error {
	if a == nil {
		return nil
	}
	for _, t := range a.Tell {
		if t.Type < 0 || t.Type > canon.TicketAdTypeEnum_TICKET_AD_INFO {
			return fmt.Errorf("rule %q: text block of type %d: want 0 to 4", id, t.Type)
		}
	}
	if a.Block != nil && a.Unblock {
		return fmt.Errorf("rule %q blocks and unblocks at once", id)
	}
	if a.Versions != nil && len(a.Versions) == 0 {
		return fmt.Errorf("rule %q: no version is served: want at least one", id)
	}
	return nil
}

// Act does what an operator does by himself, for one device, or with 0 for all
// that it can concern; id stands in the record.
func (s *Server) Act(id string, device uint32, a Acts) error {
	if err := a.valid(id); err != nil {
		return err
	}
	if a.nothing() {
		return fmt.Errorf("%q does nothing: want an act", id)
	}
	if device != 0 && s.devices[device] == nil {
		return fmt.Errorf("device %d: %w", device, errUnknownDevice)
	}
	s.note(history.Scripted{ID: id, Action: a.String()})
	return s.perform(device, &a)
}

// perform carries acts out.
func (s *Server) perform(device uint32, a *Acts) error {
	if a.Skew != nil {
		s.Skew(*a.Skew)
	}
	if a.Busy != nil {
		s.Busy(*a.Busy)
	}
	if a.Versions != nil {
		s.opt.Versions = a.Versions
	}
	if a.AnswerOld != nil {
		s.opt.AnswerUnsupported = *a.AnswerOld
	}
	ids := []uint32{device}
	if device == 0 {
		ids = s.Devices()
	}
	for _, id := range ids {
		if d := s.devices[id]; d != nil {
			if err := s.performOn(id, d, a); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Server) performOn(id uint32, d *device, a *Acts) error {
	if a.Block != nil {
		if err := s.Block(id, *a.Block); err != nil {
			return err
		}
	}
	if a.Unblock {
		if _, err := s.Unblock(id); err != nil {
			return err
		}
	}
	if a.Standing != nil {
		st := d.standing
		st.Deregistered, st.Disconnected = a.Standing.Deregistered, a.Standing.Disconnected
		if err := s.Stand(id, st); err != nil {
			return err
		}
	}
	for _, t := range a.Tell {
		if err := s.Tell(id, t.Type, t.Text); err != nil {
			return err
		}
	}
	if a.NewToken != nil {
		if _, err := s.SetToken(id, *a.NewToken); err != nil {
			return err
		}
	}
	return nil
}
