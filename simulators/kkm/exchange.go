package kkm

import (
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
	tried   int // channels in this round
	conn    stream.Conn
	in      cpcr.Splitter
	guard   clock.Timer // of the connection, or the pause before the next attempt
	limit   clock.Timer // of the whole
	over    bool
}

// ask begins an exchange. end is called once, later, unless the power goes or
// the exchange is given up.
func (r *Register) ask(x *exchange) {
	x.r, x.begun = r, r.loop.Now().Mono
	r.x = x
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
	x.limit = x.r.after(end-x.r.loop.Now().Mono, func() { x.finish(nil) })
}

// try opens a connection over the next channel.
func (x *exchange) try() {
	r := x.r
	x.attempt++
	n := x.attempt
	x.in = cpcr.Splitter{Limit: cpcr.MaxResponse}
	port, _ := strconv.Atoi(r.nv.port)
	mine := func(f func()) func() {
		return func() {
			if !x.over && n == x.attempt {
				f()
			}
		}
	}
	x.guard = r.after(r.profile.Limits.Connect, mine(x.fail))
	x.conn = nil
	c := r.dialer.Dial(r.profile.Channels[r.channel], r.nv.host, port, stream.Events{
		Opened: func(c stream.Conn) {
			if x.over || n != x.attempt {
				c.Reset()
				return
			}
			x.conn = c
			x.guard.Stop()
			x.send()
		},
		Received: func(p []byte) {
			if !x.over && n == x.attempt {
				x.receive(p)
			}
		},
		Closed: func(error) { mine(x.fail)() },
	})
	if x.over || n != x.attempt { // it ended inside Dial
		if c != nil {
			c.Reset()
		}
		return
	}
	x.conn = c
}

func (x *exchange) send() {
	raw, err := x.build()
	if err != nil { // our own message does not fit the version: nothing to send, ever
		x.finish(&answer{code: int(canon.ResultTypeEnum_RESULT_TYPE_INCORRECT_REQUEST_DATA), text: err.Error(), Response: new(canon.Response), Header: cpcr.Header{Token: x.pair.Token}})
		return
	}
	if x.sent == 0 {
		x.sent = x.r.loop.Now().Mono
		x.setLimit()
	}
	x.conn.Send(raw)
}

func (x *exchange) receive(p []byte) {
	frames, err := x.in.Push(p)
	for _, f := range frames {
		h, m, derr := cpcr.DecodeResponse(f)
		if derr != nil {
			err = derr
			break
		}
		v := x.r.profile.OFD.Version
		if h.ReqNum != x.pair.ReqNum || h.ID != x.r.profile.OFD.ID || h.Version != v || m.GetCommand() != x.cmd {
			continue // an answer to something else (cpcr.md 15)
		}
		x.answered(&answer{Header: h, Response: m, code: int(m.GetResult().GetResultCode()), text: m.GetResult().GetResultText()})
		return
	}
	if err != nil {
		x.fail() // the stream cannot be read on
	}
}

// answered ends the exchange, but for the codes that ask for another attempt
// (cpcr.md 6: 254, 255).
func (x *exchange) answered(a *answer) {
	if a.code == codeBusy || a.code == codeUnknown {
		if x.once {
			x.finish(nil)
			return
		}
		x.fail()
		return
	}
	x.finish(a)
}

// fail gives an attempt up and plans the next one.
func (x *exchange) fail() {
	r := x.r
	x.drop()
	x.tried++
	r.channel = (r.channel + 1) % len(r.profile.Channels)
	if x.tried < len(r.profile.Channels) {
		x.guard = r.after(0, x.try)
		return
	}
	x.tried = 0
	if x.once {
		x.finish(nil)
		return
	}
	x.guard = r.after(r.profile.Limits.Retry, x.try)
}

// drop lets the connection and the timer of an attempt go.
func (x *exchange) drop() {
	x.attempt++
	if x.guard != nil {
		x.guard.Stop()
	}
	if x.conn != nil {
		x.conn.Close()
		x.conn = nil
	}
}

func (x *exchange) finish(a *answer) {
	if x.over {
		return
	}
	x.cut()
	x.end(a)
}

// cut ends the exchange without a word.
func (x *exchange) cut() {
	x.over = true
	x.drop()
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
