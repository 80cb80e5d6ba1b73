package check

import (
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/fiscal"
)

func shiftChecks() []Check {
	return []Check{{Key: "shift.limit", Doc: "Receipts are refused once the shift is longer than the limit, until it is closed.",
		Params: []Param{
			{Name: "limit", Type: tDuration, Required: true, Doc: "from the end of the first payment document"},
			{Name: "start", Type: tWord, OneOf: []string{"first_cash_operation"}, Doc: "what it is counted from instead: the first cash operation"},
		},
		Scenarios: []string{"shift/limit"}, Judge: judgeShiftLimit}}
}

func judgeShiftLimit(r *Record, p regulation.Params) []Judgement {
	limit, err := p.Duration("limit")
	if err != nil {
		return badParam(err)
	}
	if j, bad := backwards(r); bad {
		return j
	}
	v := verdict{r: r, readings: []Reading{readFirst, readOver, readRefusal}}
	w := newWorld(r)
	a := args{"limit": whole(limit)}
	cash := p.Word("start") == "first_cash_operation"
	if cash {
		v.readings = []Reading{readCashStart, readOver, readRefusal}
	}
	var barred, closed *Operation // refusal past the limit; the Z that came after it
	for _, o := range r.Ops {
		w.before(o)
		book := w.book()
		base := book.FirstReceipt
		known := base != nil && base.Seq < o.Seq && book.Unsure != "ledger.open"
		switch {
		case o.Kind == fiscal.OpZReport && barred != nil:
			switch {
			case o.Done():
				v.prove("close", o, o.Seq, o.End)
				closed, barred = o, nil
			case o.Refused() && w.excuse(o, "shift.limit") == "" && !w.alone(o):
				v.fail(o, fail("shift.noclose", refusal(o, a), o.End, barred.Seq))
			}
		case closed != nil && plainSale(o):
			switch {
			case o.Done():
				v.prove("after", o, o.Seq, o.End)
			case o.Refused() && w.excuse(o, "") == "":
				v.fail(o, fail("shift.stuck", refusal(o, a), o.End, closed.Seq))
			}
			closed = nil
		case o.IsReceipt() && known:
			age := r.shiftAge(base, o)
			if f := book.First; cash && f != nil && f != base && f.Seq < base.Seq {
				// A deposit came first, and nobody says whether it is a cash operation:
				// what is surely too old is so from the later, what is surely young from the earlier.
				age.Hi = r.shiftAge(f, o).Hi
			}
			m := Measured{Name: "length of the shift", Span: age, Limit: limit, Bounds: "from entry and completion of both documents, whole seconds of the register's clock"}
			b := with(refusal(o, a), "age", age.String(), "base", seqText(base.Seq))
			switch res := AtMost(limit, age); {
			case res == Error:
				v.fault(errSpan(age), o.Seq)
			case o.Done() && res == Fail:
				v.fail(o, fail("shift.late", b, o.End, o.Seq, base.Seq).Measuring(m))
			case o.Done() && res == Pass && age.Hi > limit-nearLimit:
				v.prove("inside", o, o.End, base.Seq)
				v.measured = m
			case !o.Refused() || !plainSale(o):
			case res == Pass:
				if w.excuse(o, "shift.limit") == "" && (o.saysLong() || !w.alone(o)) {
					v.fail(o, fail("shift.early", b, o.End, o.Seq, base.Seq).Measuring(m))
				}
			case res == Fail:
				if w.excuse(o, "shift.limit") == "" {
					if barred = o; age.Lo < limit+nearLimit {
						v.prove("past", o, o.End, base.Seq)
					}
				}
			}
		}
		w.after(o)
	}
	near := with(a, "near", whole(nearLimit))
	return v.end(need{"inside", "shift.need.inside", near}, need{"past", "shift.need.past", near}, need{"close", "shift.need.close", a}, need{"after", "shift.need.after", a})
}
