package check

import (
	"slices"
	"strconv"
	"time"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

func sortSkews(s []skewAt) {
	slices.SortStableFunc(s, func(a, b skewAt) int {
		switch {
		case a.from < b.from:
			return -1
		case a.from > b.from:
			return 1
		}
		return 0
	})
}

// class groups operations and messages that may belong together.
func (o *Operation) class() canon.CommandTypeEnum {
	switch {
	case o.IsReceipt():
		return canon.CommandTypeEnum_COMMAND_TICKET
	case o.Kind == fiscal.OpDeposit, o.Kind == fiscal.OpWithdraw:
		return canon.CommandTypeEnum_COMMAND_MONEY_PLACEMENT
	case o.Kind == fiscal.OpZReport:
		return canon.CommandTypeEnum_COMMAND_CLOSE_SHIFT
	}
	return canon.CommandTypeEnum_COMMAND_RESERVED
}

// Weights of what speaks for a message belonging to an operation. A sign on the
// paper says most; the figures of the message say least, because they may be
// what the register gets wrong.
const (
	byClass   = 1
	byContent = 2
	byNumber  = 2
	byUntied  = 2
	byMoment  = 3
	byWindow  = 3
	bySign    = 4
	bySettled = -4
	tieLeast  = byClass + byUntied
	tieSure   = byClass + byContent + byMoment + bySign + byUntied
)

// tie finds for each document message the operation that it reports: a repeat
// of the same TOKEN, REQNUM and command belongs where the first one went
// (cpcr.md 4.2), the same autonomous sign likewise; everything else is weighed.
func (r *Record) tie() {
	var lastDoc *Exchange
	type offlineKey struct {
		sign uint32
	}
	bySigns := map[offlineKey]*Operation{}
	pending := map[canon.CommandTypeEnum][]*Operation{}
	next := 0 // first operation that has not begun yet
	for _, x := range r.Exchanges {
		for next < len(r.Ops) && r.Ops[next].Seq < x.Seq {
			if o := r.Ops[next]; o.class() != canon.CommandTypeEnum_COMMAND_RESERVED {
				pending[o.class()] = append(pending[o.class()], o)
			}
			next++
		}
		if !x.Document() {
			continue
		}
		if l := lastDoc; l != nil && l.Header.Token == x.Header.Token && l.Header.ReqNum == x.Header.ReqNum && l.Command() == x.Command() && l.Reports != nil {
			r.join(x, l.Reports, "retry")
			lastDoc = x
			continue
		}
		lastDoc = x
		sign, offline := x.OfflineNumber()
		if offline {
			if o := bySigns[offlineKey{sign}]; o != nil && !o.replacedBy(x, sign) {
				r.join(x, o, "sign again")
				continue
			}
		}
		o, how := r.best(x, pending[x.Command()])
		if o == nil {
			continue
		}
		r.join(x, o, how)
		if offline {
			bySigns[offlineKey{sign}] = o
		}
		if x.Booked0() {
			p := pending[x.Command()]
			if i := slices.Index(p, o); i >= 0 && x.During != o {
				pending[x.Command()] = slices.Delete(p, i, i+1)
			}
		}
		pending[x.Command()] = slices.DeleteFunc(pending[x.Command()], func(o *Operation) bool {
			return o.settled() && o != x.During
		})
	}
}

// replacedBy says that the same autonomous sign comes with another document: the sign repeats.
func (o *Operation) replacedBy(x *Exchange, sign uint32) bool {
	for _, s := range o.Sent {
		if n, ok := s.OfflineNumber(); ok && n == sign {
			a, b := s.Req.GetTicket(), x.Req.GetTicket()
			if s.DocumentNumber() != x.DocumentNumber() {
				return true
			}
			ta, oka := s.Moment()
			tb, okb := x.Moment()
			if a.GetOperation() != b.GetOperation() || oka != okb || !ta.Equal(tb) {
				return true
			}
		}
	}
	return false
}

// settled says that the OFD has booked the operation, or that the register refused it.
func (o *Operation) settled() bool {
	if o.End != 0 && (o.Refused() || o.Got() == fiscal.Unsupported) {
		return true
	}
	for _, x := range o.Sent {
		if x.Booked0() {
			return true
		}
	}
	return false
}

func (r *Record) join(x *Exchange, o *Operation, how string) {
	x.Reports, x.Tie = o, how
	o.Sent = append(o.Sent, x)
}

func (r *Record) best(x *Exchange, pending []*Operation) (*Operation, string) {
	var win *Operation
	top, how := tieLeast-1, ""
	sign, offline := x.OfflineNumber()
	text := strconv.FormatUint(uint64(sign), 10)
	for _, o := range pending {
		inside := x.During == o
		if !inside && !o.Done() && o.Got() != fiscal.Unknown {
			continue
		}
		score, why := byClass, "order"
		if x.sameContent(o) {
			score, why = score+byContent, "content"
		}
		if n := x.DocumentNumber(); n != 0 && n == o.Res.Outcome.Doc {
			score, why = score+byNumber, "number"
		}
		if t, ok := x.Moment(); ok && r.inWindow(o, t) {
			score, why = score+byMoment, "moment"
		}
		if inside {
			score, why = score+byWindow, "window"
		}
		if offline && o.hasToken(text) {
			score, why = score+bySign, "sign"
		}
		switch {
		case len(o.Sent) == 0:
			score += byUntied
		case o.settled():
			score += bySettled
		}
		if score > top {
			win, top, how = o, score, why
			if score >= tieSure {
				break
			}
		}
	}
	return win, how
}

// sameContent compares kind and sum.
func (x *Exchange) sameContent(o *Operation) bool {
	switch x.Command() {
	case canon.CommandTypeEnum_COMMAND_TICKET:
		t := x.Req.GetTicket()
		sum, err := cpcr.Tiyn(t.GetAmounts().GetTotal())
		return err == nil && t.GetOperation() == wireKind(o.Receipt.Kind) && sum == o.Receipt.Total()
	case canon.CommandTypeEnum_COMMAND_MONEY_PLACEMENT:
		m := x.Req.GetMoneyPlacement()
		sum, err := cpcr.Tiyn(m.GetSum())
		return err == nil && sum == o.Cash && (m.GetOperation() == canon.MoneyPlacementEnum_MONEY_PLACEMENT_DEPOSIT) == (o.Kind == fiscal.OpDeposit)
	}
	return true
}

// wireKind is the operation of the protocol for a kind of receipt (cpcr.md 9).
func wireKind(k fiscal.ReceiptKind) canon.OperationTypeEnum {
	switch k {
	case fiscal.Buy:
		return canon.OperationTypeEnum_OPERATION_BUY
	case fiscal.BuyReturn:
		return canon.OperationTypeEnum_OPERATION_BUY_RETURN
	case fiscal.SaleReturn:
		return canon.OperationTypeEnum_OPERATION_SELL_RETURN
	}
	return canon.OperationTypeEnum_OPERATION_SELL
}

// Mode is how a receipt, a cash operation or a shift close was made.
type Mode uint8

// The modes.
const (
	Unclear    Mode = iota // the record does not tell
	Online                 // the OFD's confirmation came before the operation was over
	Autonomous             // the register completed it on its own
)

// Mode tells how a done operation was made, and the event that tells it. A
// later message with the autonomous mark says autonomous; a confirmation that
// surely came says online; a message that only came later says autonomous. One
// that never came says so only when the line had a fault or the register said it.
// With a fault on the line or an answer that came late the record may leave it open.
func (r *Record) Mode(o *Operation) (Mode, *Exchange) {
	if !o.Done() || o.class() == canon.CommandTypeEnum_COMMAND_RESERVED {
		return Unclear, nil
	}
	for _, x := range o.Sent {
		if x.MarkedOffline() {
			return Autonomous, x
		}
	}
	var open *Exchange
	for _, x := range o.Sent {
		a := x.Answer()
		if a == nil || a.Seq > o.End || !x.Confirmed() {
			continue
		}
		if x.Faulty || r.late(x) {
			open = x
			continue
		}
		return Online, x
	}
	if open != nil {
		return Unclear, open
	}
	for _, x := range o.Sent { // confirmed later, without the mark: it was not online when it was made
		return Autonomous, x
	}
	if o.Faulty || r.showsAutonomous(o) {
		return Autonomous, nil
	}
	return Unclear, nil // never sent although nothing kept it from being sent: that says nothing about the mode
}

// late says whether an answer came so late that the register need not have waited for it.
func (r *Record) late(x *Exchange) bool {
	d, ok := r.limit("offline.enter", "answer")
	return ok && x.Delay(r) > d-transit
}

// transit is how long a message may be under way between the register and the
// OFD without either side's stamp showing it: connecting, one round trip of a
// mobile link, and the line's own queue. Answers nearer to a limit than this
// prove neither side.
const transit = 50 * time.Millisecond
