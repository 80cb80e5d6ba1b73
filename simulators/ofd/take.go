package ofd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
)

// query is a request on its way through the server.
type query struct {
	conn    *conn
	frame   []byte
	seq     history.Seq // of its Frame event
	h       cpcr.Header
	m       *canon.Request // never nil; what could be read
	strange bool           // may hold fields that the version does not have
	err     error          // why it is not as it should be
	class   cpcr.Class
	command canon.CommandTypeEnum
	due     time.Duration // Mono before which the answer does not leave
	act     Action
	notice  uint64 // version of act.Notice
	seen    []history.Observation
}

// reply is what the server says.
type reply struct {
	what  string // accepted, replayed, refused
	res   *canon.Response
	raw   []byte // instead of res: the stored answer
	token uint32
	sign  string
	event *Event // to be kept before the answer leaves
	told  []uint64
}

// The words of Booked.What.
const (
	accepted = "accepted"
	replayed = "replayed"
	refused  = "refused"
	silent   = "silent"
)

// take is the beginning of a request: it is recorded, and the rules look at it.
func (s *Server) take(x *conn, r *message) {
	frame, m := r.frame, r.m
	q := &query{conn: x, frame: frame, h: r.h, err: r.err, strange: r.strange}
	var e *cpcr.Error
	if errors.As(q.err, &e) {
		q.class = e.Class
	}
	q.m = m
	if m == nil {
		q.m = new(canon.Request)
	}
	if q.m.Command != nil {
		q.command = q.m.GetCommand()
	} else {
		q.command = canon.CommandTypeEnum(cpcr.Command(frame))
	}
	served := slices.Contains(s.opt.Versions, q.h.Version)
	if !served {
		q.class = cpcr.ErrVersionUnsupported
	}
	unread := q.class
	if unread == cpcr.ErrRange {
		unread = "" // it is taken, with an observation
	}
	q.seq = s.note(history.Frame{Conn: x.id, Dir: history.FromDevice, Bytes: frame, Error: string(unread)})
	if !served && !s.opt.AnswerUnsupported {
		x.expel(fmt.Sprintf("%s: VERSION %d is not served", cpcr.ErrVersionUnsupported, uint16(q.h.Version)))
		return
	}
	q.act, q.notice = s.strike(q.h.ID, q.command, q.seq)
	q.due = s.loop.Now().Mono + q.act.Delay
	if q.act.Hold > 0 {
		s.loop.AfterFunc(q.act.Hold, func() { s.judge(q) })
		return
	}
	s.judge(q)
}

// byOlderLabels reads a 2.0.4 message by the labels of 2.0.3 when that is what
// keeps it from being whole (cpcr.md 16.19).
func byOlderLabels(r *message) (*canon.Request, error) {
	if r.h.Version != cpcr.V204 || !cpcr.IsClass(r.err, cpcr.ErrRequired) {
		return r.m, r.err
	}
	_, again, err := cpcr.DecodeRequestBy(cpcr.V203, r.frame)
	if again == nil {
		return r.m, r.err
	}
	return again, err
}

// judge decides on a request and sends the answer on its way.
func (s *Server) judge(q *query) {
	if s.err != nil {
		return
	}
	if q.act.Silent {
		s.book(q, silent, 0, "")
		s.stats.count(silent)
		q.conn.after(q.act)
		return
	}
	d := s.devices[q.h.ID]
	r := s.reply(d, q)
	for _, o := range q.seen {
		s.note(o, q.seq)
	}
	if d != nil {
		d.lastNum, d.seen = q.h.ReqNum, true
	}
	s.stats.count(r.what)
	code := r.res.GetResult().GetResultCode()
	if r.raw != nil {
		code = 0
	}
	s.book(q, r.what, int(code), r.sign)
	l := &letter{due: q.due, cause: q.seq, act: q.act, lost: q.act.LoseAnswer}
	l.bytes = s.envelope(d, q, &r)
	q.conn.enqueue(l)
	if r.told != nil {
		s.must(q, Event{Device: q.h.ID, Told: r.told})
	}
	if r.event != nil {
		if r.event.Document != nil {
			r.event.Document.Answer = s.honest(q, &r)
		}
		s.must(q, *r.event)
	}
	if s.err == nil {
		s.settled(func() { l.ready = true; q.conn.pump() })
	}
}

// must keeps an event that was found to be possible before.
func (s *Server) must(q *query, e Event) {
	if err := s.keep(e); err != nil {
		s.fail(fmt.Errorf("ofd: device %d: %w", q.h.ID, err))
	}
}

func (s *Server) book(q *query, what string, code int, sign string) {
	s.note(history.Booked{Device: q.h.ID, Command: Word(q.command), What: what, Code: code, Sign: sign}, q.seq)
}

// honest is the answer as it is without misbehaviour.
func (s *Server) honest(q *query, r *reply) []byte {
	if r.raw != nil {
		return r.raw
	}
	h := cpcr.Header{Version: q.h.Version, ID: q.h.ID, Token: r.token, ReqNum: q.h.ReqNum}
	b, err := cpcr.EncodeResponse(h, r.res)
	if err != nil {
		// No schema for the version, or a body that the version cannot carry: the
		// result alone always can be said.
		b, err = cpcr.EncodeLoose(h, &canon.Response{Command: r.res.Command, Result: r.res.Result})
		if err != nil {
			s.fail(fmt.Errorf("ofd: answer: %w", err))
		}
	}
	return b
}

// envelope is the answer as it leaves.
func (s *Server) envelope(d *device, q *query, r *reply) []byte {
	a := q.act
	if a.Notice != "" && d != nil && r.raw == nil {
		s.attach(d, q, r.res, Ad{canon.TicketAdTypeEnum_TICKET_AD_INFO, q.notice, a.Notice})
	}
	if a.ReportOff != 0 && r.raw == nil && r.res.GetReport().GetZxReport() != nil {
		z := r.res.Report.ZxReport
		if cash, err := cpcr.Tiyn(z.CashSum); err == nil {
			z.CashSum = cpcr.Money(max(0, cash+a.ReportOff))
			z.Checksum = proto.String(cpcr.ZXChecksum(z))
		}
	}
	b := slices.Clone(s.honest(q, r))
	if a.Payload != nil {
		b = append(b[:cpcr.HeaderSize:cpcr.HeaderSize], a.Payload...)
		binary.LittleEndian.PutUint32(b[4:], uint32(len(b)))
	}
	if a.OldToken {
		binary.LittleEndian.PutUint32(b[12:], q.h.Token)
	}
	put16 := func(at int, v *uint16) {
		if v != nil {
			binary.LittleEndian.PutUint16(b[at:], *v)
		}
	}
	put32 := func(at int, v *uint32) {
		if v != nil {
			binary.LittleEndian.PutUint32(b[at:], *v)
		}
	}
	put16(0, a.AppCode)
	put16(2, a.Version)
	put32(4, a.Size)
	put32(8, a.ID)
	put32(12, a.Token)
	put16(16, a.ReqNum)
	return b
}

// reply finds what to say: the scripted result, or what decision table 4.2 says.
func (s *Server) reply(d *device, q *query) reply {
	if x := q.act.Result; x != nil {
		return refuse(q, x.Code, x.text())
	}
	return s.decide(d, q)
}

// refuse is an answer that changes nothing: the token of the request goes back (cpcr.md 16.14).
func refuse(q *query, code uint32, text string) reply {
	if text == "" {
		text = texts[code]
	}
	return reply{what: refused, token: q.h.Token, res: &canon.Response{
		Command: q.command.Enum(),
		Result:  &canon.Result{ResultCode: proto.Uint32(code), ResultText: proto.String(text)},
	}}
}

func ok(q *query, token uint32) reply {
	return reply{what: accepted, token: token, res: &canon.Response{
		Command: q.command.Enum(),
		Result:  &canon.Result{ResultCode: proto.Uint32(0), ResultText: proto.String(texts[0])},
	}}
}

// observe notes what is accepted although a document asks for more.
func (q *query) observe(field, value, rule string) {
	q.seen = append(q.seen, history.Observation{Field: field, Value: value, Rule: rule})
}

// The result codes of cpcr.md section 6.
const (
	codeUnknownID      = 1
	codeToken          = 2
	codeProtocol       = 3
	codeUnknownCommand = 4
	codeUnsupported    = 5
	codeNumber         = 8
	codeRetry          = 9
	codeCantCancel     = 10
	codeShift          = 11
	codeData           = 13
	codeCash           = 14
	codeBlocked        = 15
	codeSameTaxpayer   = 17
	codeDeregistered   = 18
	codeDisconnected   = 19
	codeUnavailable    = 254
	codeUnknown        = 255
)

// texts are what the results say when nothing more is to be told.
var texts = map[uint32]string{
	0:                  "OK",
	codeUnknownID:      "Unknown id",
	codeToken:          "Invalid token",
	codeProtocol:       "Protocol error",
	codeUnknownCommand: "Unknown command",
	codeUnsupported:    "Unsupported command",
	6:                  "Invalid configuration",
	7:                  "Secured connection is not allowed",
	codeNumber:         "Invalid request number",
	codeRetry:          "Invalid retry request",
	codeCantCancel:     "Ticket cannot be cancelled",
	codeShift:          "Open shift timeout expired",
	12:                 "Invalid login or password",
	codeData:           "Incorrect request data",
	codeCash:           "Not enough cash",
	codeBlocked:        "Blocked",
	16:                 "Shift is already open",
	codeSameTaxpayer:   "Same taxpayer and customer",
	codeDeregistered:   "Deregistered",
	codeDisconnected:   "Disconnected",
	codeUnavailable:    "Service temporarily unavailable",
	codeUnknown:        "Unknown error",
}

func (r Result) text() string {
	if r.Text != "" {
		return r.Text
	}
	return texts[r.Code]
}
