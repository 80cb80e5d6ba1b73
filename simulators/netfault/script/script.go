// Package script puts faults on links over time: what a network is like at each
// moment of a run is written down in a file, in the bench's time, so that a run that goes
// on after a stop meets the conditions that it would have met.
//
//	faults:
//	  - {id: night, at: 10h, for: 8h, every: 1d, link: ethernet, fault: cut}
//	  - {id: modem, at: 0, link: gsm, fault: {profile: gprs}}
//	  - id: lost-answer
//	    at: 90s
//	    where: {answer: ticket, nth: 3}
//	    fault: drop
//	  - {id: crash, at: 0, from: {request: ticket, nth: 5, last-byte: true, after: true}, fault: cut}
//
// Begin with [Load] and [Script.Start]. A file is strict: what is not known is
// refused with its place and what would be right, before anything starts. The
// words stand in docs/faults.md.
package script

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml/ast"

	"github.com/kkmtest/kkmtest/simulators/netfault"
)

// Script is a file that was read.
type Script struct {
	Name    string
	Entries []Entry
}

// Entry is one line of a script: one fault, or the faults of a profile, in some
// windows of time on some links.
type Entry struct {
	ID     string
	At     time.Duration // bench time of the beginning
	Until  time.Duration // bench time of the end, 0: none
	Every  time.Duration // it comes back so often, 0: once
	Links  []string      // empty: every link
	Faults []netfault.Named

	link  ast.Node // for messages
	place string
}

// Load reads a script; name is the file's name for messages. All that is wrong
// comes in one error, one line each: "faults.yaml:12:9: ...".
func Load(name string, raw []byte) (Script, error) {
	r := &reader{name: name}
	s := Script{Name: name}
	if root := r.parse(raw); root != nil {
		k := r.keys("script", root)
		k.missing("faults", "a list of faults")
		list := k.get("faults")
		k.done()
		seq, ok := list.(*ast.SequenceNode)
		if list != nil && (!ok || len(seq.Values) == 0) {
			r.bad(list, "faults is %s: want a list with one fault or more", kindOf(list))
		}
		if ok {
			ids := map[string]bool{}
			for _, n := range seq.Values {
				if e, ok := r.entry(n, ids); ok {
					s.Entries = append(s.Entries, e)
				}
			}
		}
	}
	if len(r.errs) > 0 {
		return Script{}, errors.Join(r.errs...)
	}
	return s, nil
}

func (r *reader) entry(n ast.Node, ids map[string]bool) (Entry, bool) {
	before := len(r.errs)
	k := r.keys("fault", n)
	at := n.GetToken().Position
	e := Entry{place: fmt.Sprintf("%s:%d:%d", r.name, at.Line, at.Column)}
	k.missing("id", "a name that the record and the capture can use")
	k.missing("at", "the time when it begins, such as 0 or 10m")
	id, idNode := r.id(k)
	if idNode != nil && ids[id] {
		r.bad(idNode, "id %q stands twice: want another one", id)
	}
	e.ID = id
	ids[id] = true
	e.At = k.duration("at")
	e.Every = k.duration("every")
	switch until, length := k.get("until"), k.get("for"); {
	case until != nil && length != nil:
		r.bad(length, "until and for: want one of them")
	case until != nil:
		if e.Until = k.duration("until"); e.Until <= e.At && len(r.errs) == before {
			r.bad(until, "until %v is not behind at %v", e.Until, e.At)
		}
	case length != nil:
		d := k.duration("for")
		if d <= 0 && len(r.errs) == before {
			r.bad(length, "for %v: want longer than nothing", d)
		}
		e.Until = e.At + d
	}
	if every := k.get("every"); every != nil && len(r.errs) == before {
		switch {
		case e.Until == 0:
			r.bad(every, "it comes back every %v and has no end: want until or for", e.Every)
		case e.Every <= e.Until-e.At:
			r.bad(every, "it comes back every %v and lasts %v: want a pause between", e.Every, e.Until-e.At)
		}
	}
	e.link = k.get("link")
	e.Links = r.links(e.link)
	e.Faults = r.what(k)
	k.done()
	return e, len(r.errs) == before
}

// id is a name that fits a capture's comment, an address and a terminal.
func (r *reader) id(k *keys) (string, ast.Node) {
	s, n := k.text("id")
	odd := func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("-_.", c)
	}
	if n != nil && (strings.ContainsFunc(s, odd) || len(s) > longestID) {
		r.bad(n, "id is %q: want letters, digits, - _ and ., at most %d bytes", s, longestID)
		return "", n
	}
	return s, n
}

const longestID = 64

// what reads what a fault does, where, and from which packet on.
func (r *reader) what(k *keys) []netfault.Named {
	before := len(r.errs)
	k.missing("fault", "what it does, such as cut or delay: {fixed: 300ms}")
	p := place{}
	if w := k.get("where"); w != nil {
		p = r.where(w)
	}
	var from *netfault.From
	if f := k.get("from"); f != nil {
		fk := r.keys("from", f)
		from = &netfault.From{At: match(fk), After: fk.flag("after"), For: fk.duration("for")}
		fk.done()
		if err := from.At.Check(); err != nil {
			r.wrap(f, fmt.Errorf("from: %w", err))
		}
	}
	f := k.get("fault")
	if f == nil {
		return nil
	}
	faults := r.fault(f, p)
	if from == nil || len(r.errs) > before {
		return faults
	}
	for i := range faults {
		g := *from
		g.Do = faults[i].Fault
		if err := g.Check(); err != nil {
			r.wrap(f, err)
		}
		faults[i].Fault = g
	}
	return faults
}

func (r *reader) links(n ast.Node) []string {
	var out []string
	switch v := n.(type) {
	case nil:
	case *ast.StringNode:
		out = []string{v.Value}
	case *ast.SequenceNode:
		for _, x := range v.Values {
			s, ok := x.(*ast.StringNode)
			if !ok {
				r.bad(x, "link is %s: want the name of a link", kindOf(x))
				continue
			}
			out = append(out, s.Value)
		}
	default:
		r.bad(n, "link is %s: want the name of a link, or a list of them", kindOf(n))
	}
	return out
}

// ParseFault reads one fault without a time, as JSON or YAML: {"id": ..., "where":
// ..., "from": ..., "fault": ...}. It is what the HTTP control takes.
func ParseFault(name string, raw []byte) (id string, faults []netfault.Named, err error) {
	r := &reader{name: name}
	if root := r.parse(raw); root != nil {
		k := r.keys("fault", root)
		k.missing("id", "a name that the record and the capture can use")
		id, _ = r.id(k)
		faults = r.what(k)
		for _, key := range []string{"at", "until", "for", "every", "link"} {
			if p, ok := k.pairs[key]; ok {
				k.asked[key] = true
				r.bad(p.key, "%s belongs into a script: this fault is set at once, on the link of the address", key)
			}
		}
		k.done()
	}
	if len(r.errs) > 0 {
		return "", nil, errors.Join(r.errs...)
	}
	return id, faults, nil
}
