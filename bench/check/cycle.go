package check

import (
	"fmt"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

func cycleChecks() []Check {
	return []Check{{Key: "cycle.single", Doc: "One sale makes one receipt and one ticket message without a further action.",
		Scenarios: []string{"receipt/cycle", "receipt/fields"}, Judge: judgeCycle}}
}

func judgeCycle(r *Record, _ regulation.Params) []Judgement {
	v := verdict{r: r}
	w := newWorld(r)
	for _, o := range r.Ops {
		w.before(o)
		if !plainSale(o) || !o.Done() {
			w.after(o)
			continue
		}
		a := args{"kind": kindWord(o), "op": seqText(o.Seq)}
		var booked []*Exchange
		for _, x := range o.Sent {
			if x.Booked != nil && x.Booked.What == "accepted" && x.Booked.Code == 0 {
				booked = append(booked, x)
			}
		}
		m, x := r.Mode(o)
		switch {
		case len(booked) > 1:
			v.fail(o, fail("queue.twice", with(a, "times", fmt.Sprint(len(booked))), booked[1].Seq, booked[0].Seq, o.Seq))
		case m == Online && r.Readable() && len(o.Papers) == 0:
			v.fail(o, absent("paper.none", a, o.End, x.Seq))
		case m == Online && !r.Readable():
			v.open(unsure("paper.unread", nil).Citing(x.Seq))
		case m == Online && !x.Faulty:
			v.prove("cycle", o, o.Seq, x.Seq, o.Papers[0].Seq, o.End)
		case m == Autonomous && len(o.During) == 0 && !o.Faulty && !o.Staged && w.oldest(o) == nil && w.barred == nil && w.lastGood != 0 && !r.troubled(w.lastGood, o.windowE) && !r.readdressed(w.lastGood, o.Seq) && !saysOffline(o):
			// The link stood, nothing waited, nothing had gone wrong since the OFD's last word: the receipt was made and no attempt was made to send it.
			v.fail(o, fail("cycle.unsent", a, o.End, o.Seq, w.lastGood))
		}
		w.after(o)
	}
	for _, x := range r.Exchanges {
		if x.Command() == canon.CommandTypeEnum_COMMAND_TICKET && x.Reports == nil && x.Booked != nil && x.Booked.What == "accepted" && x.Booked.Code == 0 {
			v.fail(x.During, fail("cycle.stray", nil, x.Seq, strays(x)...).bytes(head(x.Bytes)))
		}
	}
	return v.end(need{"cycle", "cycle.need", nil})
}

func strays(x *Exchange) []history.Seq {
	if x.BookSeq != 0 {
		return []history.Seq{x.BookSeq}
	}
	return nil
}

// saysOffline says whether the register itself said before the operation that it worked autonomously.
func saysOffline(o *Operation) bool {
	return o.Before != nil && o.Before.Offline != nil && *o.Before.Offline
}

// readdressed says whether somebody may have changed where the register finds the
// OFD, or how it names itself there, between two events.
func (r *Record) readdressed(from, to history.Seq) bool {
	for _, o := range r.typed {
		if o.Seq > from && o.Seq < to && o.Setting != fiscal.SetCashierPassword && !o.Refused() && o.Got() != fiscal.Unsupported {
			return true
		}
	}
	return false
}
