package bench

import (
	"context"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/netfault"
)

// Bench choices about handing over.
const (
	// handOverPatience is how long the bench waits for a register to hand over what
	// it kept. It covers several reconnect intervals (60 s or more, cpcr.md 11.1) and a
	// queue of dozens of documents that are answered slowly.
	handOverPatience = 10 * time.Minute
	// afterHandOver is what a register gets to finish the exchange with which it
	// comes back online (cpcr.md 11.7).
	afterHandOver = 5 * time.Second
)

// counterpart scripts the OFD; every call is recorded by the OFD itself.
type counterpart interface {
	Delay(d time.Duration) error        // of every answer
	Silence() error                     // books nothing, answers nothing
	Answer(code int, text string) error // to every ticket
	Suspend(notice string) error        // code 15 to everything, with the text
	Notice(text string) error           // comes with the next answers
	Calm() error                        // lifts all of these
}

// DelayAnswers lets the OFD answer every request d later, until Calm.
func (b *Bench) DelayAnswers(d time.Duration) error {
	return b.onLoop("ofd", func() error { return b.ofd.Delay(d) })
}

// Silence lets the OFD neither book nor answer anything, until Calm.
func (b *Bench) Silence() error { return b.onLoop("ofd", b.ofd.Silence) }

// AnswerTickets lets the OFD answer every ticket with a result code, until Calm.
func (b *Bench) AnswerTickets(code int, text string) error {
	return b.onLoop("ofd", func() error { return b.ofd.Answer(code, text) })
}

// Suspend lets the OFD pass on the order to suspend the register, until Calm.
func (b *Bench) Suspend(notice string) error {
	return b.onLoop("ofd", func() error { return b.ofd.Suspend(notice) })
}

// Notice lets the OFD send a text of the tax service with its answers, until Calm.
func (b *Bench) Notice(text string) error {
	return b.onLoop("ofd", func() error { return b.ofd.Notice(text) })
}

// Calm lifts everything that the OFD was told to do.
func (b *Bench) Calm() error { return b.onLoop("ofd", b.ofd.Calm) }

// onLoop calls f where the simulators run, and waits for it.
func (b *Bench) onLoop(where string, f func() error) error {
	var done bool // belongs to the loop
	var err error
	b.Loop.Post(func() { err, done = f(), true })
	for arrived := false; !arrived; {
		var werr error
		arrived, werr = b.Loop.Wait(context.Background(), b.Loop.Now(), func() bool { return done })
		if werr != nil {
			return b.Fault(where, werr)
		}
	}
	return b.Fault(where, err)
}

// Rest connects everything, lifts what the OFD was told, and waits until what
// the register kept has been handed over.
func (b *Bench) Rest(ctx context.Context) error {
	if err := b.Calm(); err != nil {
		return err
	}
	if err := b.RestoreAll(); err != nil {
		return err
	}
	return b.AwaitHandOver(ctx)
}

// AwaitHandOver waits until the OFD has booked as many documents as the
// register says it made, and the register, if it can tell, keeps none; or until
// patience ends. The record shows which.
func (b *Bench) AwaitHandOver(ctx context.Context) error {
	from := b.Loop.Now()
	until := from.Add(handOverPatience)
	patient := false
	for b.owed() > 0 || b.keeps(ctx) {
		patient = true
		now := b.Loop.Now()
		if now.Mono >= until.Mono {
			return b.waited(from, "waited for the hand-over in vain")
		}
		next := now.Add(askAgain)
		if b.owed() > 0 {
			next = until
		}
		if _, err := b.Loop.Wait(ctx, next, func() bool { return b.debt > 0 && b.owed() <= 0 }); err != nil {
			return b.Fault("wait", err)
		}
	}
	if !patient {
		return nil
	}
	if err := b.waited(from, "until everything kept was handed over"); err != nil {
		return err
	}
	return b.Pass(ctx, afterHandOver, "the register comes back online")
}

// askAgain is the pause between questions whether the register keeps anything.
const askAgain = 5 * time.Second

// keeps says whether the register says that it holds unsent documents. Silence
// and a protocol that cannot tell mean no: then only the OFD's books count.
func (b *Bench) keeps(ctx context.Context) bool {
	s, err := b.State(ctx)
	return err == nil && (s.Unsent != nil && *s.Unsent > 0 || s.Offline != nil && *s.Offline)
}

func (b *Bench) waited(from clock.Instant, why string) error {
	_, err := b.Log.Append(history.Bench, history.Passed{For: b.Loop.Now().Mono - from.Mono, Why: why})
	return b.Fault("record", err)
}

// books are the operations that become a message of their own.
func books(op fiscal.Op) bool {
	switch op.Kind {
	case fiscal.OpReceipt, fiscal.OpDeposit, fiscal.OpWithdraw, fiscal.OpZReport:
		return true
	}
	return false
}

// owed is how many documents the register has made and the OFD has not booked.
func (b *Bench) owed() int {
	v := b.Log.View()
	for ; b.read < v.Len(); b.read++ {
		e, _ := v.Get(history.Seq(b.read + 1))
		switch body := e.Body.(type) {
		case history.Intent:
			b.asked = body.Op
		case history.Result:
			if body.Op == b.asked.ID && books(b.asked) && body.Outcome.Got == fiscal.Done {
				b.debt++
			}
		case history.Booked:
			if body.What == "accepted" && (body.Command == "TICKET" || body.Command == "MONEY_PLACEMENT" || body.Command == "CLOSE_SHIFT") {
				b.debt--
			}
		}
	}
	return b.debt
}

// CutAll takes every connection between register and OFD away, silently, as a
// broken line does.
func (b *Bench) CutAll() error {
	if b.isCut {
		return nil
	}
	b.isCut = true
	return b.onLoop("network", func() error {
		for _, l := range b.links {
			if err := l.Set(cutID, netfault.Cut{}); err != nil {
				return err
			}
		}
		return nil
	})
}

// RestoreAll brings them back.
func (b *Bench) RestoreAll() error {
	if !b.isCut {
		return nil
	}
	b.isCut = false
	return b.onLoop("network", func() error {
		for _, l := range b.links {
			if _, err := l.Clear(cutID); err != nil {
				return err
			}
		}
		return nil
	})
}

const cutID = "cut"

// Civil is the time that a register's clock should show, in whole seconds.
func (b *Bench) Civil() time.Time { return b.Loop.Now().Wall.Truncate(time.Second) }

// exchange finds the request that belongs to an operation that was done online,
// and its answer.
func (b *Bench) exchange(id fiscal.OpID, want canon.CommandTypeEnum) (req *canon.Request, resp *canon.Response) {
	e, ok := b.intent(id)
	if !ok {
		return nil, nil
	}
	v := b.Log.View()
	var ask history.Seq
	for n := e.Seq + 1; n <= history.Seq(v.Len()); n++ {
		e, _ := v.Get(n)
		switch body := e.Body.(type) {
		case history.Intent:
			return req, nil
		case history.Frame:
			if body.Dir == history.FromDevice && req == nil {
				if _, m, err := cpcr.DecodeRequest(body.Bytes); m != nil && (err == nil || !cpcr.IsClass(err, cpcr.ErrProtobuf)) && m.GetCommand() == want {
					req, ask = m, n
				}
			}
			if body.Dir == history.ToDevice && ask != 0 && len(e.Causes) > 0 && e.Causes[0] == ask {
				_, m, _ := cpcr.DecodeResponse(body.Bytes)
				return req, m
			}
		}
	}
	return req, nil
}

// ParentOf makes the reference with which a return names a receipt that was
// made online: what a cashier reads off the paper, taken from the exchange.
func (b *Bench) ParentOf(t Taken) (fiscal.Parent, error) {
	req, resp := b.exchange(t.Op.ID, canon.CommandTypeEnum_COMMAND_TICKET)
	if req == nil || resp.GetTicket().GetTicketNumber() == "" {
		return fiscal.Parent{}, lacking("receipt %s has no sign of the OFD, so that no return can refer to it", t.Op.ID)
	}
	at, ok := cpcr.Time(req.GetTicket().GetDateTime(), time.UTC)
	if !ok {
		return fiscal.Parent{}, lacking("receipt %s was sent without its time", t.Op.ID)
	}
	return fiscal.Parent{Sign: resp.GetTicket().GetTicketNumber(), At: at, KKM: b.Facts.Registration, Total: t.Op.Receipt.Total()}, nil
}

// DocumentTime is the time that the register gave to the message of a receipt
// or a Z report.
func (b *Bench) DocumentTime(t Taken) (time.Time, error) {
	var d *canon.DateTime
	if t.Op.Kind == fiscal.OpReceipt {
		req, _ := b.exchange(t.Op.ID, canon.CommandTypeEnum_COMMAND_TICKET)
		d = req.GetTicket().GetDateTime()
	} else {
		req, _ := b.exchange(t.Op.ID, canon.CommandTypeEnum_COMMAND_CLOSE_SHIFT)
		d = req.GetCloseShift().GetCloseTime()
	}
	at, ok := cpcr.Time(d, time.UTC)
	if !ok {
		return time.Time{}, lacking("document %s was not sent, or without its time", t.Op.ID)
	}
	return at, nil
}
