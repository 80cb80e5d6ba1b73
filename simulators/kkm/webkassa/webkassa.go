// Package webkassa is the HTTP side of the emulated register: the calls of a
// Webkassa service, version 4, around a [kkm.Register], so that the HTTP driver is
// tested and a software register has its place in CI.
//
// It is a test double like the register behind it and has nothing to do with
// the service of that name; it answers as the maker's public examples do and
// knows no calls beside those that the driver makes. It judges nothing.
//
// Begin with [New]. [Server] is a machine on the register's loop;
// [Server.ServeHTTP] puts it on the network and [Local] connects a driver inside
// the process, in simulated time.
package webkassa

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/webkassa/wire"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
)

// Login is somebody who may work. Cashier 0 is the administrator.
type Login struct {
	Login, Password string
	Cashier         int
}

// Options of a server; [Defaults] has values for tests.
type Options struct {
	APIKey  string
	Cashbox string
	Logins  []Login
	// Session is how long a token lives; 0: until the power goes.
	Session time.Duration
}

// Defaults are the credentials of the emulated register. They open nothing else.
func Defaults() Options {
	return Options{APIKey: "EMULATED-KEY", Cashbox: "SWK00000001", Logins: []Login{
		{"admin@emulated.test", "emulated-admin", 0}, {"cashier1@emulated.test", "emulated-one", 1},
		{"cashier2@emulated.test", "emulated-two", 2}, {"cashier7@emulated.test", "emulated-seven", 7},
	}}
}

// Server is the HTTP side of one register. Its state belongs to the loop.
type Server struct {
	loop clock.Loop
	r    *kkm.Register
	o    Options

	issued   int
	sessions map[string]session
	busy     bool
	done     map[string]stored // by external number
	form     string            // external number whose document is on the paper
	forms    map[string][]string
}

type session struct {
	as    fiscal.Role
	until time.Duration // on the loop's clock; 0: for ever
}

// stored is the answer that an external number got.
type stored struct {
	shift uint64
	data  any
}

// New makes the HTTP side of a register. Call it before the loop works on the
// register, or on the loop.
func New(loop clock.Loop, r *kkm.Register, o Options) *Server {
	s := &Server{loop: loop, r: r, o: o, sessions: map[string]session{}, done: map[string]stored{}, forms: map[string][]string{}}
	r.OnPrint(func(lines []string) {
		if s.form != "" {
			s.forms[s.form] = append(s.forms[s.form], lines...)
		}
	})
	return s
}

// reply ends a call.
type reply func(status int, a wire.Answer)

func no(code wire.Code, text string) wire.Answer {
	return wire.Answer{Errors: []wire.Failure{{Code: code, Text: text}}}
}

func with(data any) wire.Answer {
	raw, err := json.Marshal(data)
	if err != nil {
		return no(wire.UnknownError, err.Error())
	}
	return wire.Answer{Data: raw}
}

// Handle takes one call on the loop and answers once, now or later.
func (s *Server) Handle(path string, h http.Header, body []byte, end reply) {
	st := s.r.State()
	switch {
	case !st.On || st.Testing:
		end(http.StatusServiceUnavailable, no(wire.UnknownError, "the service is not ready"))
		return
	case h.Get(wire.APIKeyHeader) != s.o.APIKey:
		end(http.StatusUnauthorized, no(wire.NotAuthorized, "API key"))
		return
	case path == wire.Authorize:
		s.authorize(body, end)
		return
	}
	calls := map[string]func(fiscal.Role, []byte, reply){
		wire.CheckPath: s.check, wire.MoneyOperation: s.place, wire.XReport: s.report(fiscal.OpXReport), wire.ZReport: s.report(fiscal.OpZReport),
		wire.State: s.state, wire.OldState: s.state, wire.PrintFormat: s.printForm, wire.ByExternal: s.byExternal, wire.ChangeToken: s.changeToken,
	}
	call, ok := calls[path]
	if !ok {
		end(http.StatusNotFound, no(wire.UnknownError, path+": no such call"))
		return
	}
	var b wire.Cashbox
	if err := json.Unmarshal(body, &b); err != nil {
		end(http.StatusOK, no(wire.Validation, err.Error()))
		return
	}
	who, ok := s.sessions[b.Token]
	switch {
	case !ok:
		end(http.StatusOK, no(wire.NotAuthorized, "log in first"))
	case who.until > 0 && s.loop.Now().Mono >= who.until:
		delete(s.sessions, b.Token)
		end(http.StatusOK, no(wire.TokenExpired, "the session has expired"))
	case b.CashboxUniqueNumber != s.o.Cashbox:
		end(http.StatusOK, no(wire.CashboxNotFound, b.CashboxUniqueNumber))
	default:
		call(who.as, body, end)
	}
}

func (s *Server) authorize(body []byte, end reply) {
	var l wire.Login
	if err := json.Unmarshal(body, &l); err != nil {
		end(http.StatusOK, no(wire.Validation, err.Error()))
		return
	}
	i := slices.IndexFunc(s.o.Logins, func(k Login) bool { return k.Login == l.Login && k.Password == l.Password })
	if i < 0 {
		end(http.StatusOK, no(wire.WrongCredentials, "Неверный логин или пароль"))
		return
	}
	s.issued++
	token := fmt.Sprintf("emulated-session-%06d", s.issued)
	ses := session{as: fiscal.Role{Cashier: s.o.Logins[i].Cashier, Admin: s.o.Logins[i].Cashier == 0}}
	if s.o.Session > 0 {
		ses.until = s.loop.Now().Mono + s.o.Session
	}
	s.sessions[token] = ses
	end(http.StatusOK, with(wire.Session{Token: token}))
}

// reasons are the codes for what the register refuses.
var reasons = map[kkm.Reason]wire.Code{
	kkm.Password: wire.WrongCredentials, kkm.ShiftTooLong: wire.ShiftTooLong, kkm.OfflineTooLong: wire.OfflineTooLong, kkm.OFDBlocked: wire.CashboxBlocked,
	kkm.TokenBlocked: wire.CashboxBlocked, kkm.ShiftClosed: wire.NoShift, kkm.NoCash: wire.NotEnoughMoney, kkm.BadData: wire.Validation, kkm.Busy: wire.Validation,
}

func refusal(p kkm.Reply) wire.Answer {
	code, ok := reasons[p.Reason]
	if !ok {
		code = wire.UnknownError
	}
	return no(code, strings.TrimSpace(string(p.Reason)+" "+p.Text))
}

// operate performs an operation; one at a time, as the maker asks for.
func (s *Server) operate(op fiscal.Op, ext string, end reply, result func() any) {
	if s.busy {
		end(http.StatusOK, no(wire.Validation, "Запросы по одной кассе должны быть последовательными"))
		return
	}
	s.busy, s.form = true, ext
	s.r.Do(op, func(p kkm.Reply) {
		s.busy = false
		if p.Got != fiscal.Done {
			if s.form == ext {
				s.form = ""
			}
			end(http.StatusOK, refusal(p))
			return
		}
		data := result()
		if ext != "" {
			s.done[ext] = stored{s.r.State().Shift, data}
		}
		end(http.StatusOK, with(data))
	})
}

// again answers an external number that was processed already.
func (s *Server) again(ext string, end reply) bool {
	d, ok := s.done[ext]
	if ok {
		a := with(d.data)
		a.Errors = no(wire.Duplicate, "Дублирующийся код системы-источника").Errors
		end(http.StatusOK, a)
	}
	return ok
}

func badExternal(ext string) string {
	if ext == "" || len([]rune(ext)) > wire.MaxExternal {
		return fmt.Sprintf("ExternalCheckNumber: want 1 to %d characters", wire.MaxExternal)
	}
	return ""
}

func (s *Server) check(as fiscal.Role, body []byte, end reply) {
	var c wire.Check
	if err := json.Unmarshal(body, &c); err != nil {
		end(http.StatusOK, no(wire.Validation, err.Error()))
		return
	}
	if why := badExternal(c.ExternalCheckNumber); why != "" {
		end(http.StatusOK, no(wire.Validation, why))
		return
	}
	if s.again(c.ExternalCheckNumber, end) {
		return
	}
	r, err := receiptOf(c)
	if err != nil {
		end(http.StatusOK, no(wire.Validation, err.Error()))
		return
	}
	s.operate(fiscal.Op{Kind: fiscal.OpReceipt, Receipt: r, As: as}, c.ExternalCheckNumber, end, func() any {
		st := s.r.State()
		return wire.Ticket{
			CheckNumber: st.LastSign, DateTime: wire.Time(st.LastDocTime), OfflineMode: st.Offline, CashboxOfflineMode: st.Offline, Cashbox: s.box(),
			CheckOrderNumber: st.LastDoc, ShiftNumber: st.Shift, EmployeeName: s.r.Person(max(as.Cashier, 1)), ExternalCheckNumber: c.ExternalCheckNumber,
			Total: wire.Money(r.Total()),
		}
	})
}

func (s *Server) box() wire.Box {
	p := s.r.Profile()
	return wire.Box{UniqueNumber: s.o.Cashbox, RegistrationNumber: p.Registration, IdentityNumber: strconv.FormatUint(uint64(p.OFD.ID), 10), Address: p.Taxpayer.Address}
}

var (
	kinds = map[int]fiscal.ReceiptKind{wire.Buy: fiscal.Buy, wire.BuyReturn: fiscal.BuyReturn, wire.Sale: fiscal.Sale, wire.SaleReturn: fiscal.SaleReturn}
	means = map[int]fiscal.PaymentKind{wire.Cash: fiscal.Cash, wire.Card: fiscal.Card, wire.Mobile: fiscal.Mobile}
)

// receiptOf turns a check into what a cashier would enter.
func receiptOf(c wire.Check) (*fiscal.Receipt, error) {
	r := &fiscal.Receipt{Kind: kinds[c.OperationType], Customer: c.CustomerXin}
	if r.Kind == "" {
		return nil, fmt.Errorf("OperationType %d: want 0 to 3", c.OperationType)
	}
	for i, p := range c.Positions {
		l := fiscal.Line{Kind: fiscal.Goods, Name: p.PositionName, Qty: fiscal.Milli(p.Count), Price: fiscal.Tiyn(p.Price), Section: 1}
		var err error
		if p.SectionCode != "" {
			if l.Section, err = strconv.Atoi(p.SectionCode); err != nil || l.Section < 1 {
				return nil, fmt.Errorf("position %d: SectionCode %q", i+1, p.SectionCode)
			}
		}
		if p.PositionCode != "" {
			if l.Code, err = strconv.ParseUint(p.PositionCode, 10, 64); err != nil {
				return nil, fmt.Errorf("position %d: PositionCode %q", i+1, p.PositionCode)
			}
		}
		switch p.TaxType {
		case wire.NoTax:
		case wire.VAT:
			rate := fiscal.MilliPercent(p.TaxPercent)
			l.VAT = &rate
		default:
			return nil, fmt.Errorf("position %d: TaxType %d: want 0 or 100", i+1, p.TaxType)
		}
		sum := l.Total() - fiscal.Tiyn(p.Discount) + fiscal.Tiyn(p.Markup)
		if want := fiscal.VATInside(sum, fiscal.MilliPercent(p.TaxPercent)); l.VAT != nil && (fiscal.Tiyn(p.Tax)-want > 1 || want-fiscal.Tiyn(p.Tax) > 1) {
			return nil, fmt.Errorf("position %d: Tax %s, want %s", i+1, fiscal.Tiyn(p.Tax), want)
		}
		r.Lines = append(r.Lines, l)
		if p.Discount > 0 {
			r.Lines = append(r.Lines, fiscal.Line{Kind: fiscal.Discount, Name: "Жеңілдік / Скидка", Sum: fiscal.Tiyn(p.Discount), VAT: l.VAT})
		}
		if p.Markup > 0 {
			r.Lines = append(r.Lines, fiscal.Line{Kind: fiscal.Markup, Name: "Үстеме / Наценка", Sum: fiscal.Tiyn(p.Markup), VAT: l.VAT})
		}
	}
	for _, m := range c.TicketModifiers {
		switch m.Type {
		case wire.Discount:
			r.Discount += fiscal.Tiyn(m.Sum)
		case wire.Markup:
			r.Markup += fiscal.Tiyn(m.Sum)
		default:
			return nil, fmt.Errorf("TicketModifiers: Type %d: want 1 or 2", m.Type)
		}
	}
	for _, p := range c.Payments {
		k, ok := means[p.PaymentType]
		if !ok {
			return nil, fmt.Errorf("PaymentType %d: want 0, 1 or 4", p.PaymentType)
		}
		r.Payments = append(r.Payments, fiscal.Payment{Kind: k, Sum: fiscal.Tiyn(p.Sum)})
	}
	if b := c.ReturnBasisDetails; b != nil {
		at, ok := wire.ParseTime(b.DateTime)
		if !ok {
			return nil, fmt.Errorf("ReturnBasisDetails: DateTime %q", b.DateTime)
		}
		r.Parent = &fiscal.Parent{Sign: b.CheckNumber, At: at, KKM: b.RegistrationNumber, Total: fiscal.Tiyn(b.Total), Offline: b.IsOffline}
	}
	if got, want := fiscal.Tiyn(c.Change), r.Change(); got != want {
		return nil, fmt.Errorf("the change is %s, want %s", got, want)
	}
	return r, nil
}

func (s *Server) place(as fiscal.Role, body []byte, end reply) {
	var p wire.Placement
	if err := json.Unmarshal(body, &p); err != nil {
		end(http.StatusOK, no(wire.Validation, err.Error()))
		return
	}
	op := fiscal.Op{Kind: fiscal.OpDeposit, Cash: fiscal.Tiyn(p.Sum), As: as}
	switch why := badExternal(p.ExternalCheckNumber); {
	case why != "":
		end(http.StatusOK, no(wire.Validation, why))
		return
	case p.OperationType == wire.CashOut:
		op.Kind = fiscal.OpWithdraw
	case p.OperationType != wire.CashIn:
		end(http.StatusOK, no(wire.Validation, fmt.Sprintf("OperationType %d: want 0 or 1", p.OperationType)))
		return
	}
	if s.again(p.ExternalCheckNumber, end) {
		return
	}
	s.operate(op, p.ExternalCheckNumber, end, func() any {
		st := s.r.State()
		return wire.Placed{OfflineMode: st.Offline, CashboxOfflineMode: st.Offline, DateTime: wire.Time(st.LastDocTime), Sum: wire.Money(st.Cash), ShiftNumber: st.Shift, Cashbox: s.box()}
	})
}

func (s *Server) report(kind fiscal.OpKind) func(fiscal.Role, []byte, reply) {
	return func(as fiscal.Role, _ []byte, end reply) {
		before := s.turnovers() // a Z sets them to nothing
		s.operate(fiscal.Op{Kind: kind, As: fiscal.Role{Admin: true}}, "", end, func() any {
			c := s.r.Counters()
			before.CloseOn = ""
			if kind == fiscal.OpZReport {
				before.CloseOn = wire.Time(c.Closed)
			}
			return before
		})
	}
}

func (s *Server) turnovers() wire.Report {
	c, st := s.r.Counters(), s.r.State()
	r := wire.Report{
		ReportNumber: uint64(c.Documents) + 1, CashboxSN: s.o.Cashbox, CashboxRN: s.r.Profile().Registration, StartOn: wire.Time(c.Opened), ReportOn: wire.Time(st.Clock),
		ShiftNumber: st.Shift, DocumentCount: uint64(c.Documents), PutMoneySum: wire.Money(st.Deposited), TakeMoneySum: wire.Money(st.Withdrawn),
		OfflineMode: st.Offline, CashboxOfflineMode: st.Offline, SumInCashbox: wire.Money(c.Cash),
	}
	for k, t := range []*wire.Turnover{wire.Buy: &r.Buy, wire.BuyReturn: &r.ReturnBuy, wire.Sale: &r.Sell, wire.SaleReturn: &r.ReturnSell} {
		n := c.Kind[k]
		*t = wire.Turnover{PaymentsByTypesApiModel: []wire.TypeSum{}, Discount: wire.Money(n.Discount.Sum), Markup: wire.Money(n.Markup.Sum), Change: wire.Money(n.Change),
			Count: uint64(n.Tickets.Count), TotalCount: uint64(n.Total)}
		for kind, row := range n.Paid {
			if row.Sum != 0 {
				t.PaymentsByTypesApiModel = append(t.PaymentsByTypesApiModel, wire.TypeSum{Sum: wire.Money(row.Sum), Type: kind})
				t.Taken += wire.Money(row.Sum)
			}
		}
		t.Taken += t.Change
	}
	r.EndNonNullable = wire.NonNullable{Sell: wire.Money(c.Kind[wire.Sale].NonNull), Buy: wire.Money(c.Kind[wire.Buy].NonNull), ReturnSell: wire.Money(c.Kind[wire.SaleReturn].NonNull), ReturnBuy: wire.Money(c.Kind[wire.BuyReturn].NonNull)}
	r.StartNonNullable = wire.NonNullable{Sell: wire.Money(c.Kind[wire.Sale].Start), Buy: wire.Money(c.Kind[wire.Buy].Start), ReturnSell: wire.Money(c.Kind[wire.SaleReturn].Start), ReturnBuy: wire.Money(c.Kind[wire.BuyReturn].Start)}
	return r
}

func (s *Server) state(_ fiscal.Role, _ []byte, end reply) {
	p, c, st := s.r.Profile(), s.r.Counters(), s.r.State()
	id, _ := json.Marshal(p.OFD.ID)
	end(http.StatusOK, with(wire.BoxState{
		UniqueNumber: s.o.Cashbox, Name: p.Model, RegistrationNumber: p.Registration, IdentityNumber: id, OrganizationName: p.Taxpayer.Name,
		OfdProtocolVersion: int(p.OFD.Version),
		CurrentState: wire.CurrentState{
			ShiftNumber: st.Shift, ShiftClosed: !st.ShiftOpen, ShiftOpenedAt: wire.Time(c.Opened), ShiftClosedAt: wire.Time(c.Closed), LastOperationDate: wire.Time(st.LastDocTime),
			DocumentsCount: uint64(c.Documents),
			ReportState:    &wire.ShortReport{ReportNumber: uint64(c.Documents), DocumentCount: uint64(c.Documents), SumInCashbox: wire.Money(c.Cash), OfflineMode: st.Offline, CashboxOfflineMode: st.Offline},
		},
	}))
}

// formPoll is how often a printed form looks whether its document is through.
const formPoll = 10 * time.Millisecond

// printForm waits until the document is through the printing unit, which is
// where the emulated register makes its text.
func (s *Server) printForm(as fiscal.Role, body []byte, end reply) {
	var e wire.External
	if err := json.Unmarshal(body, &e); err != nil {
		end(http.StatusOK, no(wire.Validation, err.Error()))
		return
	}
	if st := s.r.State(); st.Printing && st.Paper {
		s.loop.AfterFunc(formPoll, func() { s.printForm(as, body, end) })
		return
	}
	lines, ok := s.forms[e.ExternalCheckNumber]
	if !ok {
		end(http.StatusOK, no(wire.ExternalNotFound, e.ExternalCheckNumber))
		return
	}
	f := wire.Form{Lines: []wire.FormLine{}}
	for i, l := range lines {
		f.Lines = append(f.Lines, wire.FormLine{Order: i + 1, Type: wire.TextLine, Value: l})
	}
	end(http.StatusOK, with(f))
}

func (s *Server) byExternal(_ fiscal.Role, body []byte, end reply) {
	var e wire.External
	if err := json.Unmarshal(body, &e); err != nil {
		end(http.StatusOK, no(wire.Validation, err.Error()))
		return
	}
	d, ok := s.done[e.ExternalCheckNumber]
	t, is := d.data.(wire.Ticket)
	switch {
	case !ok || !is:
		end(http.StatusOK, no(wire.ExternalNotFound, e.ExternalCheckNumber))
	case d.shift != e.ShiftNumber:
		end(http.StatusOK, no(wire.CheckNotFound, fmt.Sprintf("shift %d", e.ShiftNumber)))
	default:
		end(http.StatusOK, with(t))
	}
}

func (s *Server) changeToken(as fiscal.Role, body []byte, end reply) {
	var t wire.NewToken
	if err := json.Unmarshal(body, &t); err != nil {
		end(http.StatusOK, no(wire.Validation, err.Error()))
		return
	}
	if !as.Admin {
		end(http.StatusOK, no(wire.AccessDenied, "only an administrator enters a token"))
		return
	}
	s.operate(fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetToken, Value: strconv.FormatUint(t.OfdToken, 10), As: as}, "", end, func() any { return true })
}

// maxBody bounds a request.
const maxBody = 1 << 20

// ServeHTTP answers a call over the network.
func (s *Server) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if q.Method != http.MethodPost {
		http.Error(w, "all calls are POST", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, q.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	type result struct {
		status int
		a      wire.Answer
	}
	done := make(chan result, 1)
	s.loop.Post(func() {
		s.Handle(q.URL.Path, q.Header, body, func(status int, a wire.Answer) { done <- result{status, a} })
	})
	select {
	case r := <-done:
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(r.status)
		_ = json.NewEncoder(w).Encode(r.a) // the caller may have gone
	case <-q.Context().Done():
	}
}

// Local carries calls to a server inside the process, on the loop and in its
// time: no byte crosses a network and no goroutine is needed.
type Local struct {
	Loop   clock.Loop
	Server *Server
	// Delay is one way; 0 is none.
	Delay time.Duration
}

// patience is how long a call may take inside the process before something is
// wrong with the bench; the register itself is done long before.
const patience = 10 * time.Minute

// RoundTrip makes one call.
func (l Local) RoundTrip(q *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(q.Body)
	if err = errors.Join(err, q.Body.Close()); err != nil {
		return nil, err
	}
	if t := httptrace.ContextClientTrace(q.Context()); t != nil {
		t.WroteHeaders()
		t.WroteRequest(httptrace.WroteRequestInfo{})
	}
	var r *http.Response // belongs to the loop
	l.Loop.AfterFunc(l.Delay, func() {
		l.Server.Handle(q.URL.Path, q.Header, body, func(status int, a wire.Answer) {
			raw, err := json.Marshal(a)
			if err != nil {
				raw, status = []byte(err.Error()), http.StatusInternalServerError
			}
			l.Loop.AfterFunc(l.Delay, func() {
				r = &http.Response{StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}},
					Body: io.NopCloser(bytes.NewReader(raw)), Request: q}
			})
		})
	})
	ok, err := l.Loop.Wait(q.Context(), l.Loop.Now().Add(patience), func() bool { return r != nil || q.Context().Err() != nil })
	switch {
	case err != nil:
		return nil, err
	case q.Context().Err() != nil:
		return nil, context.Cause(q.Context())
	case !ok:
		return nil, fmt.Errorf("no answer inside the process within %v", patience)
	}
	return r, nil
}
