package check

import (
	"slices"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
)

// nearLimit is how close to a limit of hours the evidence must lie to count as
// just inside or just past it: a bench that runs for days is seconds late here
// and there, and a register may keep whole minutes.
const nearLimit = 5 * time.Minute

// age is the time from an operation's end to another operation. Where in
// between Intent and Done a register takes the moment is its own affair, and
// so is the second to which it rounds: the span covers all of it. When the
// device's clock was moved in between, both clocks are covered.
func (r *Record) age(base, o *Operation) Span {
	end, from := r.ended(o), r.entered(base)
	s := Span{
		Lo: r.Elapsed(base.Res.Done, o.At) - base.Res.Blur - clockTolerance,
		Hi: r.Elapsed(from, end) + base.Res.Blur + o.Res.Blur + clockTolerance,
	}
	if moved := r.Skew(o.Seq) - r.Skew(base.End); moved > clockTolerance {
		s.Hi += moved
	} else if moved < -clockTolerance {
		s.Lo += moved
	}
	return s
}

// world follows, operation by operation, what the register knows: which shift
// is open, which offline receipts are not sent, what the OFD said last.
type world struct {
	r *Record
	i int // next exchange to look at

	shift int // index into Books
	queue []*Operation
	sent  map[*Operation]history.Seq
	power bool            // switched off
	units map[string]bool // broken on purpose
	paper bool            // taken out
	flip  int

	barred   *Exchange // last refusal of the OFD that no result 0 has lifted
	lastGood history.Seq
}

func newWorld(r *Record) *world {
	w := &world{r: r, sent: map[*Operation]history.Seq{}, units: map[string]bool{}}
	for _, x := range r.Exchanges {
		if x.Reports != nil && x.Booked0() {
			if _, ok := w.sent[x.Reports]; !ok {
				at := x.Seq
				if a := x.Answer(); a != nil && x.Confirmed() {
					at = a.Seq
				}
				w.sent[x.Reports] = at
			}
		}
	}
	return w
}

// before brings the world to the moment before operation o.
func (w *world) before(o *Operation) {
	for ; w.i < len(w.r.Exchanges); w.i++ {
		x := w.r.Exchanges[w.i]
		a := x.Answer()
		if x.Seq > o.Seq || (a != nil && a.Seq > o.Seq) {
			break
		}
		w.heard(x)
	}
	for ; w.flip < len(w.r.Switches); w.flip++ {
		s := w.r.Switches[w.flip]
		if s.Seq > o.Seq {
			break
		}
		off := !slices.Contains([]string{"on", "in", "back", "true"}, s.To)
		if unit, ok := strings.CutPrefix(s.What, unitSwitch); ok {
			w.units[unit] = s.To == "broken"
			if s.To != "broken" {
				delete(w.units, unit)
			}
		}
		switch s.What {
		case "power":
			w.power = off
		case "paper":
			w.paper = off
		}
	}
}

func (w *world) heard(x *Exchange) {
	switch c, ok := x.Code(); {
	case !ok, c == 254, c == 255:
	case c == 0:
		w.barred, w.lastGood = nil, x.Answer().Seq
	default:
		w.barred = x
	}
}

// after takes the operation into account.
func (w *world) after(o *Operation) {
	if w.shift < len(w.r.Books) && w.r.Books[w.shift].Close == o {
		w.shift++
	}
	if o.IsReceipt() && o.Done() {
		if m, _ := w.r.Mode(o); m == Autonomous {
			w.queue = append(w.queue, o)
		}
	}
}

// oldest is the oldest offline receipt that the OFD has not confirmed before
// operation o, nil when there is none.
func (w *world) oldest(o *Operation) *Operation {
	for len(w.queue) > 0 {
		n, ok := w.sent[w.queue[0]]
		if !ok || n > o.Seq {
			return w.queue[0]
		}
		w.queue = w.queue[1:]
	}
	return nil
}

// book is the ledger of the shift that operation o belongs to.
func (w *world) book() *Shift { return w.r.Books[min(w.shift, len(w.r.Books)-1)] }

// open tells whether a shift is open before o, as far as ledger and register
// agree: known is false when they do not, or when only a cash operation may
// have opened it (doubt 13).
func (w *world) open(o *Operation) (open, known bool) {
	b := w.book()
	if b.Unsure != "" {
		if o.Before != nil {
			return o.Before.ShiftOpen, true
		}
		return false, false
	}
	for _, f := range []*Operation{b.First, b.FirstReceipt} {
		if f != nil && f.Seq < o.Seq && f.since() > o.Seq {
			return false, false // the register did not know yet whether it came into being
		}
	}
	first := b.begun(o)
	receipt := b.FirstReceipt != nil && b.FirstReceipt.Seq < o.Seq
	if first != receipt {
		return true, false
	}
	if o.Before != nil && o.Before.ShiftOpen != first {
		return first, false
	}
	return first, true
}

// excuse names a reason, other than the one that is judged, for which a
// conforming register may refuse a plain receipt; "" when the record shows none.
func (w *world) excuse(o *Operation, judged string) string {
	switch {
	case o.As.Password != "":
		return "@why.password"
	case w.power:
		return "@why.power"
	case w.paper:
		return "@why.paper"
	case len(w.units) > 0:
		return "@why.unit"
	case w.barred != nil:
		return "@why.ofd"
	}
	for _, x := range o.During {
		if c, ok := x.Code(); ok && c != 0 && c != 254 && c != 255 {
			return "@why.ofd"
		}
	}
	if o.Receipt != nil && (o.Receipt.Kind.Outgoing() || o.Receipt.Customer != "") {
		return "@why.data"
	}
	if judged != "shift.limit" {
		if l, ok := w.r.limit("shift.limit", "limit"); ok {
			if b := w.book(); b.Unsure == "" && b.FirstReceipt != nil && b.FirstReceipt != o && w.r.shiftAge(b.FirstReceipt, o).Hi > l {
				return "@why.shift"
			}
		}
	}
	if judged != "offline.cutoff" {
		if l, ok := w.r.limit("offline.cutoff", "limit"); ok {
			if b := w.oldest(o); b != nil && w.r.queueAge(b, o).Hi > l {
				return "@why.offline"
			}
		}
	}
	return ""
}

// alone says whether the register was, or may have been, without the OFD: a
// refusal may then come from that.
func (w *world) alone(o *Operation) bool {
	return o.Faulty || o.Staged || w.oldest(o) != nil
}

// saysLong says whether the register itself says, around a refusal, that its
// shift is too long. Of two limits that may have been taken for reached too early,
// this tells which; it never excuses.
func (o *Operation) saysLong() bool {
	return (o.Before != nil && o.Before.ShiftLong) || (o.After != nil && o.After.ShiftLong)
}

// troubled says whether any fault of the network or script of the OFD was set at
// some moment between two events.
func (r *Record) troubled(from, to history.Seq) bool {
	for _, list := range [][]*Interval{r.Faults, r.Scripts} {
		for _, i := range list {
			if i.From <= to && (i.To == 0 || i.To >= from) {
				return true
			}
		}
	}
	return false
}

// plainSale is a sale about which nothing is special that a register might refuse it for.
func plainSale(o *Operation) bool {
	return o.IsSale() && o.As.Password == "" && o.Receipt.Customer == "" && o.Receipt.Parent == nil && o.Receipt.Total() > 0
}
