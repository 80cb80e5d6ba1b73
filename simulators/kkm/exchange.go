package kkm

import (
	"slices"
	"strconv"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

// answer is what the OFD said to a request; nil stands for silence.
type answer struct {
	cpcr.Header
	*canon.Response
	code int
	text string
}

// exchange is one request to the OFD with all its attempts (cpcr.md 11.4): a
// connection for each attempt, over the channels in turn; the same TOKEN and
// REQNUM in all of them. A register has one at a time.
type exchange struct {
	r       *Register
	cmd     canon.CommandTypeEnum
	service bool // may be given up without a trace
	once    bool // one round over the channels, as in the attempts to come back
	pair    pair
	build   func() ([]byte, error) // anew for each attempt: the period of the break grows
	end     func(*answer)

	begun   time.Duration // by the loop's clock
	sent    time.Duration // when the first attempt was on its way; 0: none was yet
	attempt int
	tried   int         // channels in this round
	wires   []*wire     // that may still bring the answer
	guard   clock.Timer // of the connection, or the pause before the next attempt
	again   clock.Timer // a repeat beside an attempt that is still open: see quirks.repeatAfter
	limit   clock.Timer // of the whole
	over    bool
}

// wire is one connection. A conforming register has it for one attempt; some
// lawful ones keep it for further requests, or repeat a request over a second
// one while they still listen on the first.
type wire struct {
	conn   stream.Conn
	turn   int // attempt that it belongs to
	in     cpcr.Splitter
	opened func()       // nil: nobody waits for it
	got    func([]byte) // nil: nobody listens
	lost   func()
}

// cutOff is the end of a wire with the power.
func (w *wire) cutOff() {
	w.deaf()
	if w.conn != nil {
		w.conn.Reset()
	}
}

func (w *wire) deaf() { w.opened, w.got, w.lost = nil, nil, nil }

func (w *wire) close() {
	w.deaf()
	if w.conn != nil {
		w.conn.Close()
	}
}

// ask begins an exchange. end is called once, later, unless the power goes or
// the exchange is given up.
func (r *Register) ask(x *exchange) {
	x.r, x.begun = r, r.loop.Now().Mono
	r.x = x
	r.preferred()
	x.setLimit()
	x.try()
}

// setLimit arms the end: the wait for the answer counts from when the request
// was first sent, and without a way to send it from the beginning; the whole
// never takes longer than a transaction.
func (x *exchange) setLimit() {
	if x.limit != nil {
		x.limit.Stop()
	}
	l := &x.r.profile.Limits
	wait := l.Answer
	if x.r.q.answer != nil && !x.service {
		wait = x.r.q.answer(l)
	}
	end := max(x.begun, x.sent) + wait
	if most := x.begun + max(l.Transaction, wait); end > most {
		end = most
	}
	x.limit = x.r.after(end-x.r.loop.Now().Mono, func() { x.finish(nil, nil) })
}

// try opens a connection over the next channel, or takes the one that was kept.
func (x *exchange) try() {
	r := x.r
	x.attempt++
	w := r.kept
	r.kept = nil
	fresh := w == nil
	if fresh {
		w = &wire{in: cpcr.Splitter{Limit: cpcr.MaxResponse}}
	}
	x.wires, w.turn = append(x.wires, w), x.attempt
	w.got = func(p []byte) { x.receive(w, p) }
	w.lost = func() { x.gone(w) }
	if !fresh {
		x.guard = nil
		x.send(w)
		return
	}
	w.opened = func() {
		x.guard.Stop()
		x.send(w)
	}
	if !r.usable(r.channels()[r.channel]) {
		x.guard = r.after(0, func() { x.gone(w) })
		return
	}
	x.guard = r.after(r.profile.Limits.Connect, func() { x.gone(w) })
	port, _ := strconv.Atoi(r.nv.port)
	c := r.dialer.Dial(r.channels()[r.channel], r.nv.host, port, stream.Events{
		Opened: func(c stream.Conn) {
			if w.opened == nil {
				c.Reset()
				return
			}
			w.conn = c
			w.opened()
		},
		Received: func(p []byte) {
			if w.got != nil {
				w.got(p)
			}
		},
		Closed: func(error) {
			if w.lost != nil {
				w.lost()
			}
		},
	})
	if w.got == nil { // it ended inside Dial
		if c != nil {
			c.Reset()
		}
		return
	}
	w.conn = c
}

func (x *exchange) send(w *wire) {
	raw, err := x.build()
	if err != nil { // our own message does not fit the version: nothing to send, ever
		x.finish(&answer{code: int(canon.ResultTypeEnum_RESULT_TYPE_INCORRECT_REQUEST_DATA), text: err.Error(), Response: new(canon.Response), Header: cpcr.Header{Token: x.pair.Token}}, nil)
		return
	}
	if x.sent == 0 {
		x.sent = x.r.loop.Now().Mono
		x.setLimit()
	}
	if d := x.r.q.repeatAfter; d > 0 && !x.once {
		x.again = x.r.after(d, func() {
			x.r.nextChannel()
			x.try()
		})
	}
	w.conn.Send(raw)
}

func (x *exchange) receive(w *wire, p []byte) {
	frames, err := w.in.Push(p)
	for _, f := range frames {
		h, m, derr := cpcr.DecodeResponse(f)
		if derr != nil {
			err = derr
			break
		}
		v := x.r.profile.OFD.Version
		if h.ReqNum != x.pair.ReqNum || h.ID != x.r.nv.kkmID || h.Version != v || m.GetCommand() != x.cmd {
			continue // an answer to something else (cpcr.md 15)
		}
		x.answered(w, &answer{Header: h, Response: m, code: int(m.GetResult().GetResultCode()), text: m.GetResult().GetResultText()})
		return
	}
	if err != nil {
		x.gone(w) // the stream cannot be read on
	}
}

// answered ends the exchange, but for the codes that ask for another attempt
// (cpcr.md 6: 254, 255).
func (x *exchange) answered(w *wire, a *answer) {
	switch {
	case a.code != codeBusy && a.code != codeUnknown:
		x.finish(a, w)
	case x.once:
		x.finish(nil, nil)
	default:
		x.gone(w)
	}
}

// gone lets a wire go. When it was that of the latest attempt the next one comes;
// an older one beside it is no loss.
func (x *exchange) gone(w *wire) {
	x.wires = slices.DeleteFunc(x.wires, func(v *wire) bool { return v == w })
	w.close()
	if w.turn == x.attempt && !x.over {
		x.fail()
	}
}

// fail gives an attempt up and plans the next one.
func (x *exchange) fail() {
	r := x.r
	x.attempt++
	x.still()
	x.tried++
	r.nextChannel()
	if x.tried < len(r.channels()) {
		x.guard = r.after(0, x.try)
		return
	}
	x.tried = 0
	if x.once || r.q.offlineAtOnce && !x.service {
		x.finish(nil, nil)
		return
	}
	x.guard = r.after(r.profile.Limits.Retry, x.try)
}

// still stops the timers of the attempts.
func (x *exchange) still() {
	for _, t := range []clock.Timer{x.guard, x.again} {
		if t != nil {
			t.Stop()
		}
	}
}

// keep lets the connection that brought the answer stay open for the next
// request (cpcr.md 2 leaves that open).
func (x *exchange) keep(w *wire) {
	r := x.r
	if r.q.keepAlive == 0 {
		return
	}
	x.wires = slices.DeleteFunc(x.wires, func(v *wire) bool { return v == w })
	w.deaf()
	r.kept = w
	drop := func() {
		if r.kept == w {
			r.kept = nil
			w.close()
		}
	}
	w.lost = drop
	r.after(r.q.keepAlive, drop)
}

// finish ends the exchange; w is the connection that brought the answer, nil when none did.
func (x *exchange) finish(a *answer, w *wire) {
	if x.over {
		return
	}
	if w != nil {
		x.keep(w)
	}
	x.cut()
	x.end(a)
}

// cut ends the exchange without a word.
func (x *exchange) cut() {
	x.over = true
	x.attempt++
	x.still()
	for _, w := range x.wires {
		if x.r.q.keepAlive > 0 && !x.r.q.lingers { // what it did not deliver must not come after all, without the period of the break
			w.deaf()
			x.r.after(2*time.Second, w.cutOff) // a moment for what is under way
			continue
		}
		w.close()
	}
	x.wires = nil
	if x.limit != nil {
		x.limit.Stop()
	}
	if x.r.x == x {
		x.r.x = nil
	}
}

// after is AfterFunc for as long as the power is on.
func (r *Register) after(d time.Duration, f func()) clock.Timer {
	life := r.life
	return r.loop.AfterFunc(d, func() {
		if r.on && r.life == life {
			f()
		}
	})
}

const (
	codeOK       = int(canon.ResultTypeEnum_RESULT_TYPE_OK)
	codeToken    = int(canon.ResultTypeEnum_RESULT_TYPE_INVALID_TOKEN)
	codeReqNum   = int(canon.ResultTypeEnum_RESULT_TYPE_INVALID_REQUEST_NUMBER)
	codeRetry    = int(canon.ResultTypeEnum_RESULT_TYPE_INVALID_RETRY_REQUEST)
	codeTooLong  = int(canon.ResultTypeEnum_RESULT_TYPE_OPEN_SHIFT_TIMEOUT_EXPIRED)
	codeData     = int(canon.ResultTypeEnum_RESULT_TYPE_INCORRECT_REQUEST_DATA)
	codeCash     = int(canon.ResultTypeEnum_RESULT_TYPE_NOT_ENOUGH_CASH)
	codeBlocked  = int(canon.ResultTypeEnum_RESULT_TYPE_BLOCKED)
	codeSame     = int(canon.ResultTypeEnum_RESULT_TYPE_SAME_TAXPAYER_AND_CUSTOMER)
	codeOff      = int(canon.ResultTypeEnum_RESULT_TYPE_DEREGISTERED)
	codeDiscon   = int(canon.ResultTypeEnum_RESULT_TYPE_DISCONNECTED)
	codeLogin    = int(canon.ResultTypeEnum_RESULT_TYPE_INVALID_LOGIN_PASSWORD)
	codeSSL      = int(canon.ResultTypeEnum_RESULT_TYPE_SSL_IS_NOT_ALLOWED)
	codeBusy     = int(canon.ResultTypeEnum_RESULT_TYPE_SERVICE_TEMPORARILY_UNAVAILABLE)
	codeUnknown  = int(canon.ResultTypeEnum_RESULT_TYPE_UNKNOWN_ERROR)
	lastBlocking = 7 // codes 1..7 stop the register in a direct exchange (cpcr.md 6)
)
