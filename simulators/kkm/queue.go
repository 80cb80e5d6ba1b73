package kkm

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

// handing is what some mutants remember of a hand-over.
type handing struct {
	disturbed bool
	repeated  *document
}

// plan sets the next attempt to come back, or the next ping while blocked.
func (r *Register) plan() {
	if r.again == nil {
		r.comeBack(r.profile.Limits.Reconnect)
	}
}

func (r *Register) comeBack(d time.Duration) {
	if r.again != nil {
		r.again.Stop()
	}
	r.again = r.after(d, func() {
		r.again = nil
		r.attempt()
	})
}

// attempt does what the register owes the OFD: the queue first (cpcr.md 11.3
// step 6, 11.7), else a ping.
func (r *Register) attempt() {
	n := r.nv
	switch {
	case r.testing || r.x != nil || r.op != nil && n.pending != nil:
		r.plan()
	case r.onlyTransmits() && n.pending != nil && n.hasToken:
		r.settled(func(bool) {})
	case r.onlyTransmits() && r.noLink && n.blocked == "":
		r.ping(r.pinged)
	case n.blocked == TokenBlocked || n.stuck:
		// a person has to act
	case n.blocked != "":
		r.ping(r.pinged)
	case len(n.queue) > 0:
		r.sendHead()
	case n.offline:
		r.ping(r.pinged)
	}
}

// ping sends SYSTEM, once over each channel.
func (r *Register) ping(end func(*answer)) {
	r.command(canon.CommandTypeEnum_COMMAND_SYSTEM, end)
}

// command sends a service command without a body and keeps what its answer changes.
func (r *Register) command(cmd canon.CommandTypeEnum, end func(*answer)) {
	r.yield()
	p := pair{Token: r.nv.token, ReqNum: r.next()}
	q := &canon.Request{Command: cmd.Enum()}
	var x *exchange
	x = &exchange{cmd: cmd, service: true, once: true, pair: p,
		build: func() ([]byte, error) { return r.frame(p, q, nil) },
		end: func(a *answer) {
			if a == nil {
				r.unanswered(x)
			} else {
				r.answeredService(p, a)
			}
			end(a)
		}}
	r.ask(x)
}

// pinged goes on after a ping in a break or under a block.
func (r *Register) pinged(a *answer) {
	switch {
	case a == nil:
		r.plan()
	case a.code == codeOK:
		r.linkBack()
		r.unblocked()
		if len(r.nv.queue) > 0 {
			r.sendHead()
			return
		}
		r.backOnline()
	default:
		r.linkBack()
		if r.nv.blocked == "" || a.code == codeToken {
			r.refusedByOFD(a)
		}
		r.plan()
	}
}

// unblocked lifts a block that an answer of the OFD had set: any result 0 does
// (cpcr.md 11.9 step 4, 16.58).
func (r *Register) unblocked() {
	if r.nv.blocked == OFDBlocked && !r.nv.stuck {
		r.write(&record{Step: stUnblock})
		r.tell(unblockNotice)
	}
}

// backOnline ends the break and asks for the counters of the OFD (cpcr.md 11.7 step 4).
func (r *Register) backOnline() {
	r.handing = handing{}
	if !r.nv.offline {
		return
	}
	r.write(&record{Step: stOnline})
	r.tell(onlineNotice)
	r.command(canon.CommandTypeEnum_COMMAND_INFO, func(a *answer) {
		if a != nil && a.code != codeOK {
			r.refusedByOFD(a)
		}
	})
}

// sendHead sends the oldest message of the queue; each needs result 0 before
// the next one goes (KZ 431 row 28.2, cpcr.md 11.6).
func (r *Register) sendHead() {
	n := r.nv
	if !n.hasToken {
		return
	}
	if r.q.disturb != nil && !r.handing.disturbed {
		r.handing.disturbed = r.q.disturb(n)
	}
	d := n.queue[0]
	if d.Pair == nil {
		p := &pair{Token: n.token, ReqNum: r.next()}
		if d.Own != nil {
			p.ReqNum = *d.Own
		}
		r.write(&record{Step: stPair, Pair: p})
	}
	r.ask(&exchange{cmd: d.request().GetCommand(), once: true, pair: *d.Pair,
		build: func() ([]byte, error) { return r.headFrame(d) },
		end:   func(a *answer) { r.headAnswered(d, a) }})
}

// headFrame is the message of the head; the defect of not waiting sends the next one behind it.
func (r *Register) headFrame(d *document) ([]byte, error) {
	raw, err := r.frame(*d.Pair, d.request(), d)
	if err == nil && r.q.overlaps && len(r.nv.queue) > 1 {
		next := r.nv.queue[1]
		more, err := r.frame(pair{Token: d.Pair.Token, ReqNum: d.Pair.ReqNum + 1}, next.request(), next)
		if err != nil {
			return nil, err
		}
		raw = append(raw, more...)
	}
	return raw, err
}

func (r *Register) headAnswered(d *document, a *answer) {
	switch {
	case a == nil:
		r.plan()
	case a.code == codeOK:
		r.take(a)
		r.write(&record{Step: stConfirm, Sign: a.GetTicket().GetTicketNumber(), Token: tokenOf(a)})
		if r.q.overlaps { // the number of the message that went along is spent
			spent := r.nv.reqnum + 1
			r.write(&record{Step: stExchange, ReqNum: &spent})
		}
		if r.q.sendsTwice && d.Kind == fiscal.OpReceipt && r.handing.repeated == nil {
			r.handing.repeated = d
			r.repeat(d, r.goOn)
			return
		}
		r.goOn()
	case a.code == codeToken:
		r.take(a)
		r.write(&record{Step: stBlock, Reason: TokenBlocked, Code: a.code, Value: fromQueue, Text: "ТОКЕН ЖАРАМСЫЗ / НЕВЕРНЫЙ ТОКЕН"})
		r.tell(blockNotice(r.blockText()))
	case a.code == codeBlocked && r.q.sellsBlocked:
		r.plan()
	case a.code == codeBlocked, a.code == codeOff, a.code == codeDiscon:
		r.take(a)
		r.write(&record{Step: stBlock, Reason: OFDBlocked, Code: a.code, Value: fromQueue, Text: a.text, Token: tokenOf(a)})
		r.tell(blockNotice(r.blockText()))
		r.plan()
	default: // service staff has to look at it (cpcr.md 6, queue column)
		r.take(a)
		r.write(&record{Step: stBlock, Reason: OFDBlocked, Code: a.code, Number: 1, Value: fromQueue, Text: a.text, Token: tokenOf(a)})
		r.tell(blockNotice(r.blockText()))
	}
}

// goOn sends the next message, or ends the break.
func (r *Register) goOn() {
	if r.q.dropsOne && len(r.nv.queue) > 1 && !r.handing.disturbed {
		r.handing.disturbed = true
		r.write(&record{Step: stDiscard})
	}
	if len(r.nv.queue) > 0 {
		r.sendHead()
		return
	}
	r.backOnline()
}

// repeat is the defect of sending a confirmed receipt as a new one.
func (r *Register) repeat(d *document, then func()) {
	p := pair{Token: r.nv.token, ReqNum: r.next()}
	r.ask(&exchange{cmd: d.request().GetCommand(), once: true, pair: p,
		build: func() ([]byte, error) { return r.frame(p, proto.Clone(d.request()).(*canon.Request), d) },
		end: func(a *answer) {
			if a != nil {
				r.answeredService(p, a)
			}
			then()
		}})
}
