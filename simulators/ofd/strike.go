package ofd

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr/canon"
)

// Check refuses a rule that says nothing or nonsense; id is its name.
func (r Rule) Check(id string) error {
	a := r.Action
	switch {
	case id == "":
		return fmt.Errorf("rule without a name")
	case a.nothing():
		return fmt.Errorf("rule %q does nothing: want an action", id)
	case r.First < 0 || r.Times < 0 || r.After < 0 || r.For < 0:
		return fmt.Errorf("rule %q: first %d, times %d, after %v, for %v: want none below 0", id, r.First, r.Times, r.After, r.For)
	case r.PerMille < 0 || r.PerMille > 1000:
		return fmt.Errorf("rule %q: share of %d in a thousand: want 0 to 1000", id, r.PerMille)
	case a.Hold < 0 || a.Delay < 0 || a.Gap < 0 || a.Cut < 0 || a.Pieces < 0:
		return fmt.Errorf("rule %q: hold %v, delay %v, gap %v, cut %d, pieces %d: want none below 0", id, a.Hold, a.Delay, a.Gap, a.Cut, a.Pieces)
	case a.End != Stay && a.End != Close && a.End != Reset:
		return fmt.Errorf("rule %q: end %q: want close or reset", id, a.End)
	case a.Refuse && (!r.Connect || a.onlyRefuse() != ""):
		return fmt.Errorf("rule %q: refusing concerns connections that open, and nothing else happens to them%s", id, a.onlyRefuse())
	case a.Refuse && (r.First > 1 || r.Times > 0 || r.PerMille > 0):
		return fmt.Errorf("rule %q: connections that are refused are not seen and not counted: want after and for, no first, times or share", id)
	case r.Alone && (r.Connect || len(r.Commands) > 0 || r.First > 1 || r.Times > 0 || r.For > 0 || r.PerMille > 0):
		return fmt.Errorf("rule %q strikes once by itself: want after, and no connect, commands, first, times, for or share", id)
	case r.Alone && (a.Acts.nothing() || a.String() != a.Acts.String()):
		return fmt.Errorf("rule %q strikes without a request: want acts of the operator and nothing else", id)
	case a.Mute && a.End != Stay:
		return fmt.Errorf("rule %q: a connection that ends with %s cannot stay mute", id, a.End)
	case a.Silent && (a.LoseAnswer || a.Result != nil || a.Notice != "" || a.Delay > 0):
		return fmt.Errorf("rule %q: silence has no answer to change", id)
	case r.Connect && (len(r.Commands) > 0 || r.Device != 0):
		return fmt.Errorf("rule %q: a connection that opens has no device and no command yet", id)
	case r.Connect && a.End == Stay && a.Hold == 0 && !a.Mute && !a.Refuse && a.Acts.nothing():
		return fmt.Errorf("rule %q: strikes connections: want end close or reset, a hold, mute, refuse or acts", id)
	}
	return a.Acts.valid(id)
}

// onlyRefuse names what a refusing rule says besides, "" for nothing.
func (a Action) onlyRefuse() string {
	a.Refuse = false
	if a.nothing() {
		return ""
	}
	return ": " + a.String()
}

func (a Action) nothing() bool {
	return a.Acts.nothing() && !a.Mute && !a.Refuse && a.Hold == 0 && a.Delay == 0 && !a.Silent && !a.LoseAnswer && a.End == Stay && a.Result == nil && a.Notice == "" && !a.NoQR &&
		a.AppCode == nil && a.Version == nil && a.ReqNum == nil && a.Size == nil && a.ID == nil && a.Token == nil && !a.OldToken &&
		a.Payload == nil && a.Cut == 0 && a.Pieces == 0 && !a.Twice && a.ReportOff == 0
}

// String says it in words, with figures, for the record.
func (r Rule) String() string {
	var w []string
	switch {
	case r.Alone:
		w = append(w, "once")
	case r.Connect:
		w = append(w, "each connection")
	case len(r.Commands) == 0:
		w = append(w, "each request")
	default:
		var c []string
		for _, x := range r.Commands {
			c = append(c, Word(x))
		}
		w = append(w, "each "+strings.Join(c, ", "))
	}
	if r.Device != 0 {
		w = append(w, fmt.Sprintf("of device %d", r.Device))
	}
	if r.First > 1 {
		w = append(w, fmt.Sprintf("from number %d", r.First))
	}
	if r.Times > 0 {
		w = append(w, fmt.Sprintf("%d times", r.Times))
	}
	if r.After > 0 {
		w = append(w, fmt.Sprintf("after %v", r.After))
	}
	if r.For > 0 {
		w = append(w, fmt.Sprintf("for %v", r.For))
	}
	if r.PerMille > 0 {
		w = append(w, fmt.Sprintf("%d in a thousand", r.PerMille))
	}
	return strings.Join(w, " ") + ": " + r.Action.String()
}

// String says it in words, with figures.
func (a Action) String() string {
	var w []string
	add := func(ok bool, format string, args ...any) {
		if ok {
			w = append(w, fmt.Sprintf(format, args...))
		}
	}
	if a.Acts != nil {
		add(!a.Acts.nothing(), "%s", a.Acts)
	}
	add(a.Refuse, "refused")
	add(a.Hold > 0, "looked at after %v", a.Hold)
	add(a.Silent, "neither booked nor answered")
	if a.Result != nil {
		add(true, "result %d %q", a.Result.Code, a.Result.text())
	}
	add(a.Notice != "", "notice %q", a.Notice)
	add(a.NoQR, "without qr_code")
	add(a.Delay > 0, "answered after %v", a.Delay)
	add(a.LoseAnswer, "booked, the answer lost")
	add(a.OldToken, "the old token in the answer")
	number := func(name string, p *uint32) {
		if p != nil {
			add(true, "%s %d in the answer", name, *p)
		}
	}
	short := func(name string, p *uint16) {
		if p != nil {
			add(true, "%s %d in the answer", name, *p)
		}
	}
	short("APPCODE", a.AppCode)
	short("VERSION", a.Version)
	number("SIZE", a.Size)
	number("ID", a.ID)
	number("TOKEN", a.Token)
	short("REQNUM", a.ReqNum)
	add(a.Payload != nil, "%d bytes of garbage for a message", len(a.Payload))
	add(a.ReportOff != 0, "the operator's own report off by %s", a.ReportOff)
	add(a.Twice, "sent twice")
	add(a.Cut > 0, "cut after %d bytes", a.Cut)
	add(a.Pieces > 0, "in pieces of %d bytes, %v apart", a.Pieces, a.Gap)
	add(a.End != Stay, "then %s", a.End)
	add(a.Mute, "then nothing more is read or said")
	return strings.Join(w, ", ")
}

// Word is the word of a command in the record: TICKET, CLOSE_SHIFT.
func Word(c canon.CommandTypeEnum) string { return strings.TrimPrefix(c.String(), "COMMAND_") }

// due says whether the rule strikes now, and counts the match.
func (s *Server) due(r *rule, now time.Duration) bool {
	since := now - r.set
	if since < r.After || (r.For > 0 && since >= r.After+r.For) {
		return false
	}
	r.matched++
	if r.matched < max(r.First, 1) || (r.Times > 0 && r.fired >= r.Times) {
		return false
	}
	if r.PerMille > 0 {
		h := fnv.New64a()
		_, _ = h.Write([]byte(r.id)) // a hash takes everything
		if rand.New(rand.NewPCG(s.opt.Seed^h.Sum64(), uint64(r.matched))).IntN(1000) >= r.PerMille {
			return false
		}
	}
	r.fired++
	return true
}

// strike finds what the rules do to a request, and records that they acted.
func (s *Server) strike(device uint32, command canon.CommandTypeEnum, cause history.Seq) (a Action, version uint64) {
	now := s.loop.Now().Mono
	for _, r := range s.rules {
		if r.Connect || r.Alone || (r.Device != 0 && r.Device != device) || (len(r.Commands) > 0 && !slices.Contains(r.Commands, command)) {
			continue
		}
		if s.due(r, now) {
			a.merge(r.Action)
			if r.Action.Notice != "" {
				version = r.version
			}
			s.note(history.Scripted{ID: r.id, Action: r.Action.String()}, cause)
			if r.Action.Acts != nil && s.devices[device] != nil {
				s.fail(s.perform(device, r.Action.Acts))
			}
		}
	}
	return a, version
}

func (s *Server) strikeConn() (a Action, ok bool) {
	now := s.loop.Now().Mono
	for _, r := range s.rules {
		if r.Connect && !r.Action.Refuse && s.due(r, now) {
			a.merge(r.Action)
			ok = true
			s.note(history.Scripted{ID: r.id, Action: r.Action.String()})
			if r.Action.Acts != nil {
				s.fail(s.perform(0, r.Action.Acts))
			}
		}
	}
	return a, ok
}

// merge puts what b says over what a says.
func (a *Action) merge(b Action) {
	a.Hold, a.Delay = later(a.Hold, b.Hold), later(a.Delay, b.Delay)
	a.Silent, a.LoseAnswer, a.NoQR = a.Silent || b.Silent, a.LoseAnswer || b.LoseAnswer, a.NoQR || b.NoQR
	a.OldToken, a.Twice, a.Mute = a.OldToken || b.OldToken, a.Twice || b.Twice, a.Mute || b.Mute
	over(&a.End, b.End)
	over(&a.Result, b.Result)
	over(&a.Notice, b.Notice)
	over(&a.AppCode, b.AppCode)
	over(&a.Version, b.Version)
	over(&a.ReqNum, b.ReqNum)
	over(&a.Size, b.Size)
	over(&a.ID, b.ID)
	over(&a.Token, b.Token)
	over(&a.Cut, b.Cut)
	over(&a.Pieces, b.Pieces)
	over(&a.Gap, b.Gap)
	over(&a.ReportOff, b.ReportOff)
	if b.Payload != nil {
		a.Payload = b.Payload
	}
}

func later(a, b time.Duration) time.Duration {
	if b != 0 {
		return b
	}
	return a
}

func over[T comparable](a *T, b T) {
	var zero T
	if b != zero {
		*a = b
	}
}
