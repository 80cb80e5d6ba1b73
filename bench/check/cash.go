package check

import (
	"fmt"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

func cashChecks() []Check {
	return []Check{{Key: "cash.placement", Doc: "Deposits and withdrawals are reported to the OFD, once each, with kind and sum.",
		Scenarios: []string{"cash/placement"}, Judge: judgeCash}}
}

func judgeCash(r *Record, _ regulation.Params) []Judgement {
	v := verdict{r: r}
	later := history.Seq(0) // a document that was made later and is booked
	for i := len(r.Ops) - 1; i >= 0; i-- {
		o := r.Ops[i]
		b := o.Booked()
		if o.Done() && (o.Kind == fiscal.OpDeposit || o.Kind == fiscal.OpWithdraw) {
			a := args{"kind": kindWord(o), "sum": amount(o.Cash)}
			switch {
			case b == nil && len(o.Sent) == 0 && later != 0:
				v.fail(o, fail("cash.unsent", a, o.End, o.Seq, later))
			case b != nil:
				r.judgeMoney(&v, o, b, a)
			}
		}
		if b != nil {
			later = b.Seq
		}
	}
	return v.end(need{string(fiscal.OpDeposit), "cash.need.deposit", nil}, need{string(fiscal.OpWithdraw), "cash.need.withdraw", nil})
}

func (r *Record) judgeMoney(v *verdict, o *Operation, b *Exchange, a args) {
	ev := []history.Seq{b.Seq, o.Seq, o.End}
	m := b.Req.GetMoneyPlacement()
	want := canon.MoneyPlacementEnum_MONEY_PLACEMENT_DEPOSIT
	if o.Kind == fiscal.OpWithdraw {
		want = canon.MoneyPlacementEnum_MONEY_PLACEMENT_WITHDRAWAL
	}
	taken := 0
	for _, x := range o.Sent {
		if x.Booked != nil && x.Booked.What == "accepted" && x.Booked.Code == 0 {
			taken++
		}
	}
	switch s := money(o.Cash, m.GetSum(), ""); {
	case m.Operation == nil || m.GetOperation() != want:
		got := "@none"
		if m.Operation != nil {
			got = "@op.deposit"
			if m.GetOperation() == canon.MoneyPlacementEnum_MONEY_PLACEMENT_WITHDRAWAL {
				got = "@op.withdraw"
			}
		}
		v.fail(o, fail("cash.kind", with(a, "got", got), ev[0], ev[1:]...).bytes(head(b.Bytes)))
	case !s.ok:
		v.fail(o, fail("cash.sum", with(a, "got", orNone(s.got)), ev[0], ev[1:]...).bytes(head(b.Bytes)))
	case taken > 1:
		v.fail(o, fail("queue.twice", with(a, "op", seqText(o.Seq), "times", fmt.Sprint(taken)), ev[0], ev[1:]...))
	default:
		v.prove(string(o.Kind), o, ev...)
	}
}
