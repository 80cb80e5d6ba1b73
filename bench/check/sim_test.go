package check

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

// sim writes histories as a bench with a conforming register would, by hand and
// without any of the simulators. Tests spoil it through its hooks.
type sim struct {
	t   testing.TB
	log *history.Log
	at  clock.Instant
	sk  time.Duration // device clock minus bench clock

	n        int // operations
	step     int
	doc      uint64
	token    uint32
	req      uint16
	sign     int
	auto     uint32
	conn     uint64
	shift    uint32
	open     bool
	opened   time.Time
	first    time.Time // end of the first payment document
	last     time.Time // of the last document, on the device's clock
	cut      bool      // the network is cut
	offline  bool      // there is a queue
	went     time.Time // begin of the offline period
	queue    []waiting
	delay    time.Duration // of the OFD's answers
	silent   bool
	try      *cpcr.Header      // the attempt that just had no answer
	taken    map[uint16]string // what the OFD booked although the register never heard of it
	blocked  bool
	lastSign string
	info     string // text that goes with the next answers
	z        *tallyZ

	// hooks
	request  func(r *canon.Request, late bool)
	header   func(h *cpcr.Header)
	paper    func(op fiscal.Op, lines []string) []string
	unread   bool // the device's print cannot be read
	noState  bool
	autoSign func(next uint32) uint32
	reorder  func(q []waiting) []waiting
	eager    bool // sends the next queued message before the answer
	twice    bool // the OFD books every message twice
	sells    func(op fiscal.Op, age, old time.Duration) (refuse, force bool)
	dulls    func(op fiscal.Op) bool // does what it must refuse
	early    bool                    // gives up before the answer
	patient  bool                    // waits for any answer
	hangup   time.Duration           // closes the connection after so long without an answer
	deaf     bool                    // does not care for the order to suspend
	told     func(sign string) string
	print    time.Duration
}

type waiting struct {
	op  fiscal.Op
	req *canon.Request
	try *cpcr.Header // TOKEN and REQNUM of an attempt that had no answer
}

// tallyZ is what the register counts for its Z report.
type tallyZ struct {
	kinds map[fiscal.ReceiptKind]*zKind
}

type zKind struct {
	count, offline                  uint32
	sum, change, off, up, tOff, tUp fiscal.Tiyn
	cash, card                      fiscal.Tiyn
	cashN, cardN                    uint32
	vat                             fiscal.Tiyn
}

func newSim(t testing.TB) *sim {
	s := &sim{t: t, token: 1000, sign: 7000000001, auto: 900100, print: time.Second, shift: 1, z: &tallyZ{kinds: map[fiscal.ReceiptKind]*zKind{}}}
	s.at = clock.Instant{Wall: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)}
	s.log = history.NewMemory(s)
	s.put(history.Bench, history.RunBegin{Format: 1, TimeMode: "simulated", Section: "I", Protocol: "2.0.4", Profile: simFacts, Limits: []history.NamedLimits{
		{Check: "offline.cutoff", Params: map[string]string{"limit": "72h"}},
		{Check: "shift.limit", Params: map[string]string{"limit": "24h"}},
		{Check: "offline.enter", Params: map[string]string{"answer": "5s"}},
	}})
	return s
}

var simFacts = history.Facts{
	Model: "Example-1F KZ", Serial: "KZ0001234", Registration: "010100012345", TaxpayerName: "ЖШС Өрнек-Ғұмыр", TaxpayerBIN: "123456789012",
	Address: "Астана, Мәңгілік Ел 1", Activity: "47111", Sectors: []string{"trading"}, Fiscal: true, Channels: []string{"ethernet", "gsm"}, Languages: []string{"kk", "ru"},
	OFDID: 100500, OFDName: "ФДО Һәм", OFDSite: "ofd.example",
}

// Now and AfterFunc make it a clock.
func (s *sim) Now() clock.Instant                              { return s.at }
func (s *sim) AfterFunc(d time.Duration, f func()) clock.Timer { panic("the simulation has no timers") }

func (s *sim) pass(d time.Duration) { s.at = s.at.Add(d) }

func (s *sim) device() time.Time { return s.at.Wall.Add(s.sk).Truncate(time.Second) }

func (s *sim) put(src history.Source, b history.Body, causes ...history.Seq) history.Seq {
	n, err := s.log.Append(src, b, causes...)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *sim) record() *Record { return NewRecord(s.log.View()) }

// in runs a step.
func (s *sim) in(name string, f func()) { s.inStep(name, "ok", f) }

func (s *sim) inStep(name, outcome string, f func()) {
	s.step++
	s.n = 0
	s.put(history.Bench, history.StepBegin{Scenario: "test/all", Step: s.step, Name: name, Checks: []string{"offline.cutoff", "offline.enter"}})
	f()
	s.put(history.Bench, history.StepEnd{Scenario: "test/all", Step: s.step, Outcome: outcome, Text: "why not"})
}

func (s *sim) state() {
	if s.noState {
		return
	}
	off, un := s.offline, len(s.queue)
	s.put(history.Driver, history.State{ShiftOpen: s.open, Shift: uint64(s.shift), Offline: &off, Unsent: &un, Blocked: s.blocked, Clock: s.device()})
}

func (s *sim) cutAll() {
	s.cut = true
	if _, err := s.log.AppendLink(history.Network, "eth", history.FaultSet{ID: "cut", Fault: "cut"}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sim) restore() {
	s.cut = false
	if _, err := s.log.AppendLink(history.Network, "eth", history.FaultCleared{ID: "cut", Struck: 7}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sim) id() fiscal.OpID {
	s.n++
	return fiscal.OpID(fmt.Sprintf("test/all/%d/%d", s.step, s.n))
}

// result ends an operation and prints.
func (s *sim) result(intent history.Seq, op fiscal.Op, entered clock.Instant, out fiscal.Outcome, lines []string) {
	s.put(history.Driver, history.Result{Op: op.ID, Outcome: out, Entered: entered, Done: s.at, Blur: 200 * time.Microsecond, Sources: "serial line"}, intent)
	if s.paper != nil {
		lines = s.paper(op, lines)
	}
	if len(lines) > 0 && !s.unread {
		s.put(history.Bench, history.Printed{Op: op.ID, Lines: lines, Origin: "host"}, intent)
	}
}

// do performs an operation as a conforming register does.
func (s *sim) do(op fiscal.Op) fiscal.Outcome {
	op.ID = s.id()
	intent := s.put(history.Driver, history.Intent{Op: op})
	s.pass(50 * time.Millisecond)
	entered := s.at
	refuse := func(code int, text string, lines ...string) fiscal.Outcome {
		out := fiscal.Outcome{Got: fiscal.Refused, Code: code, Text: text}
		s.result(intent, op, entered, out, lines)
		return out
	}
	done := func(out fiscal.Outcome, lines []string) fiscal.Outcome {
		s.pass(s.print)
		out.Got = fiscal.Done
		s.result(intent, op, entered, out, lines)
		return out
	}
	dull := s.dulls != nil && s.dulls(op)
	if op.As.Password != "" && !dull {
		return refuse(0x4f, "wrong password")
	}
	switch op.Kind {
	case fiscal.OpSetSetting:
		switch {
		case op.Setting == fiscal.SetCashierPassword && len(op.Value) < 4 && !dull:
			return refuse(0x33, "too short")
		case (op.Setting == fiscal.SetOFDHost || op.Setting == fiscal.SetOFDPort) && s.open && !dull:
			return refuse(0x4a, "shift open")
		}
		return done(fiscal.Outcome{}, nil)
	case fiscal.OpSetClock:
		if (s.open || op.Clock.Before(s.last)) && !dull {
			return refuse(0x4a, "clock")
		}
		s.sk = op.Clock.Sub(s.at.Wall)
		return done(fiscal.Outcome{}, nil)
	case fiscal.OpTestPrint:
		return done(fiscal.Outcome{}, []string{"СЫНАҚ БАСПАСЫ", "не фискальный чек"})
	case fiscal.OpCopy:
		return done(fiscal.Outcome{}, []string{"КӨШІРМЕ", "Фискалды белгі " + s.lastSign})
	case fiscal.OpXReport:
		return done(fiscal.Outcome{}, append([]string{"X ЕСЕБІ"}, s.info))
	}
	// Documents.
	if s.blocked && op.Kind != fiscal.OpZReport && !s.deaf {
		if s.cut || !s.poll() {
			return refuse(0xa0, "suspended", s.notice()...)
		}
	}
	old := time.Duration(0)
	if len(s.queue) > 0 {
		if t, ok := firstTicket(s.queue); ok {
			old = s.device().Sub(t)
		}
	}
	age := time.Duration(0)
	if s.open && !s.first.IsZero() {
		age = s.at.Wall.Sub(s.first)
	}
	if op.Receipt != nil && !dull {
		no, force := age > 24*time.Hour || old > 72*time.Hour, false
		if s.sells != nil {
			var r bool
			r, force = s.sells(op, age, old)
			no = no || r
		}
		if no && !force {
			return refuse(0x4e, "not now")
		}
	}
	r, lines := s.message(op)
	if !s.cut && len(s.queue) == 0 {
		sent := s.send(intent, r, false)
		switch sent.code {
		case 0:
			s.book(op, false)
			out := fiscal.Outcome{Doc: s.doc, Sign: sent.sign}
			if s.told != nil {
				out.Sign = s.told(sent.sign)
			}
			if op.Receipt != nil {
				s.lastSign = sent.sign
				lines = append(lines, "Фискалды чек", "Фискалдық белгі "+sent.sign)
			}
			return done(out, lines)
		case 15:
			s.blocked = true
			if s.deaf {
				break
			}
			s.doc--
			return refuse(0xa0, "suspended", s.notice()...)
		}
	} else if s.cut {
		s.pass(5 * time.Second) // it tries in vain
	}
	// Autonomous.
	if len(s.queue) == 0 {
		s.went = s.device()
	}
	s.offline = true
	s.book(op, true)
	switch {
	case r.Ticket != nil:
		n := s.auto
		s.auto += 7
		if s.autoSign != nil {
			n = s.autoSign(n)
		}
		r.Ticket.OfflineTicketNumber = proto.Uint32(n)
		lines = append(lines, "Фискалды чек", "Дербес код "+strconv.Itoa(int(n)), "Автономды режим")
	case r.MoneyPlacement != nil:
		r.MoneyPlacement.IsOffline = proto.Bool(true)
	case r.CloseShift != nil:
		r.CloseShift.IsOffline = proto.Bool(true)
	}
	s.queue = append(s.queue, waiting{op, r, s.try})
	s.try = nil
	return done(fiscal.Outcome{Doc: s.doc}, lines)
}

func firstTicket(q []waiting) (time.Time, bool) {
	for _, w := range q {
		if w.req.Ticket != nil {
			return cpcr.Time(w.req.Ticket.DateTime, time.UTC)
		}
	}
	return time.Time{}, false
}

func (s *sim) notice() []string {
	if s.info == "" {
		return nil
	}
	return []string{s.info}
}

// poll asks the OFD whether the block is lifted.
func (s *sim) poll() bool {
	r := &canon.Request{Command: canon.CommandTypeEnum_COMMAND_SYSTEM.Enum(), Service: s.service()}
	if s.send(0, r, false).code == 0 {
		s.blocked = false
	}
	return !s.blocked
}

func (s *sim) service() *canon.ServiceRequest {
	return &canon.ServiceRequest{
		SecurityStats: &canon.ServiceRequest_SecurityStats{GeoPosition: &canon.ServiceRequest_SecurityStats_GeoPosition{Latitude: proto.Int32(511), Longitude: proto.Int32(714), Source: proto.String("op")}},
		RegInfo_: &canon.ServiceRequest_RegInfo{
			Kkm: &canon.KkmRegInfo{PointOfPaymentNumber: proto.String("1"), TerminalNumber: proto.String("1"), FnsKkmId: proto.String(simFacts.Registration), SerialNumber: proto.String(simFacts.Serial), KkmId: proto.String("100500")},
			Org: &canon.OrgRegInfo{Title: proto.String(simFacts.TaxpayerName), Address: proto.String("A"), AddressKz: proto.String("A"), Iin: proto.String(simFacts.TaxpayerBIN), Oked: proto.String(simFacts.Activity)},
		},
	}
}

type sentBack struct {
	code int // -1: no answer in time
	sign string
}

// send carries a message to the OFD and waits for the answer as long as a
// register does.
func (s *sim) send(cause history.Seq, r *canon.Request, late bool) sentBack {
	r = proto.Clone(r).(*canon.Request)
	if late || s.offline {
		r.Service.OfflinePeriod = &canon.ServiceRequest_OfflinePeriod{BeginTime: cpcr.Stamp(s.went), EndTime: cpcr.Stamp(s.device())}
	}
	if s.request != nil {
		s.request(r, late)
	}
	h := cpcr.Header{Version: cpcr.V204, ID: 100500, Token: s.token}
	replay, again := "", false
	if s.try != nil && late {
		h = *s.try
		replay, again = s.taken[h.ReqNum]
	} else {
		s.req++
		h.ReqNum = s.req
	}
	s.try = nil
	if s.header != nil {
		s.header(&h)
	}
	raw, err := cpcr.EncodeLoose(h, r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.conn++
	s.put(history.OFD, history.Conn{ID: s.conn, State: "open", Peer: "10.0.0.2:1"})
	s.pass(5 * time.Millisecond)
	frame := s.put(history.OFD, history.Frame{Conn: s.conn, Dir: history.FromDevice, Bytes: raw})
	answer := func(code int, sign string) {
		res := &canon.Response{Command: r.Command, Result: &canon.Result{ResultCode: proto.Uint32(uint32(code))}, Service: &canon.ServiceResponse{RegInfo: &canon.ServiceResponse_RegInfo{}}}
		if sign != "" {
			res.Ticket = &canon.TicketResponse{TicketNumber: proto.String(sign)}
		}
		if s.info != "" {
			res.Service.TicketAds = []*canon.TicketAd{{Info: &canon.TicketAdInfo{Type: canon.TicketAdTypeEnum_TICKET_AD_INFO.Enum(), Version: proto.Uint64(1)}, Text: proto.String(s.info)}}
		}
		back := h
		if code == 0 {
			back.Token = s.token
		}
		raw, err := cpcr.EncodeLoose(back, res)
		if err != nil {
			s.t.Fatal(err)
		}
		s.put(history.OFD, history.Frame{Conn: s.conn, Dir: history.ToDevice, Bytes: raw}, frame)
	}
	doc := r.GetCommand() != canon.CommandTypeEnum_COMMAND_SYSTEM
	booked := func(code int, sign string) {
		what := "accepted"
		if code != 0 {
			what = "refused"
		}
		if again {
			what = "replayed"
		}
		s.put(history.OFD, history.Booked{Device: 100500, Command: r.GetCommand().String(), What: what, Code: code, Sign: sign}, frame)
		if s.twice && doc && code == 0 {
			again := s.put(history.OFD, history.Frame{Conn: s.conn, Dir: history.FromDevice, Bytes: mustEncode(s.t, cpcr.Header{Version: cpcr.V204, ID: 100500, Token: s.token + 1, ReqNum: s.req + 1}, r)})
			s.put(history.OFD, history.Booked{Device: 100500, Command: r.GetCommand().String(), What: "accepted", Code: 0, Sign: sign}, again)
		}
	}
	if s.silent {
		s.put(history.OFD, history.Booked{Device: 100500, Command: r.GetCommand().String(), What: "silent"}, frame)
		s.pass(5 * time.Second)
		s.try = &h
		return sentBack{code: -1}
	}
	code, sign := 0, ""
	if s.info != "" && strings.HasPrefix(s.info, "!") {
		code = 15
	}
	if again {
		sign = replay
	} else if code == 0 && r.Ticket != nil {
		sign = strconv.Itoa(s.sign)
		s.sign++
	}
	booked(code, sign)
	if code == 0 && doc && !again {
		s.token++
	}
	if s.hangup > 0 && s.delay > s.hangup {
		s.pass(s.hangup)
		res := &canon.Response{Command: r.Command, Result: &canon.Result{ResultCode: proto.Uint32(0)}, Ticket: &canon.TicketResponse{TicketNumber: proto.String(sign)}}
		s.put(history.OFD, history.Frame{Conn: s.conn, Dir: history.ToDevice, Bytes: mustAnswer(s.t, h, res), Lost: true}, frame)
		s.put(history.OFD, history.Conn{ID: s.conn, State: "closed"})
		s.try = &h
		s.taken = map[uint16]string{h.ReqNum: sign}
		return sentBack{code: -1}
	}
	if (s.delay > 5*time.Second && !s.patient) || s.early {
		s.early = false
		s.pass(s.delay)
		answer(code, sign)
		s.try = &h
		s.taken = map[uint16]string{h.ReqNum: sign}
		return sentBack{code: -1}
	}
	s.pass(s.delay)
	answer(code, sign)
	s.pass(5 * time.Millisecond)
	s.put(history.OFD, history.Conn{ID: s.conn, State: "closed"})
	return sentBack{code, sign}
}

func mustEncode(t testing.TB, h cpcr.Header, r *canon.Request) []byte {
	raw, err := cpcr.EncodeLoose(h, r)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func mustAnswer(t testing.TB, h cpcr.Header, r *canon.Response) []byte {
	raw, err := cpcr.EncodeLoose(h, r)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// handover sends the queue.
func (s *sim) handover() {
	q := s.queue
	if s.reorder != nil {
		q = s.reorder(q)
	}
	for i, w := range q {
		if s.eager && i+1 < len(q) {
			s.put(history.OFD, history.Frame{Conn: s.conn + 99, Dir: history.FromDevice, Bytes: mustEncode(s.t, cpcr.Header{Version: cpcr.V204, ID: 100500, Token: s.token, ReqNum: s.req + 1}, w.req)})
			s.eager = false
			continue
		}
		s.try = w.try
		s.send(0, w.req, true)
		s.pass(100 * time.Millisecond)
	}
	s.queue, s.offline = nil, false
}

// message makes the request and the paper of a document, without signs.
func (s *sim) message(op fiscal.Op) (*canon.Request, []string) {
	s.doc++
	if !s.open {
		s.open, s.opened, s.first = true, s.device(), time.Time{}
	}
	r := &canon.Request{Service: s.service()}
	oper := &canon.Operator{Code: proto.Uint32(uint32(max(1, op.As.Cashier)))}
	if op.As.Admin {
		oper.Code = proto.Uint32(30)
	}
	s.last = s.device()
	now := cpcr.Stamp(s.last)
	lines := []string{simFacts.TaxpayerName, "БСН " + simFacts.TaxpayerBIN, "ЗНМ " + simFacts.Serial, "ТНМ " + simFacts.Registration, simFacts.Address, fmt.Sprintf("№ %06d", s.doc), s.device().Format("02.01.2006 15:04:05")}
	switch op.Kind {
	case fiscal.OpReceipt:
		r.Command = canon.CommandTypeEnum_COMMAND_TICKET.Enum()
		t, more := s.ticket(op)
		t.DateTime, t.Operator, t.FrShiftNumber, t.PrintedDocumentNumber = now, oper, proto.Uint32(s.shift), proto.Uint64(s.doc)
		r.Ticket = t
		lines = append(lines, more...)
	case fiscal.OpDeposit, fiscal.OpWithdraw:
		r.Command = canon.CommandTypeEnum_COMMAND_MONEY_PLACEMENT.Enum()
		kind := canon.MoneyPlacementEnum_MONEY_PLACEMENT_DEPOSIT
		if op.Kind == fiscal.OpWithdraw {
			kind = canon.MoneyPlacementEnum_MONEY_PLACEMENT_WITHDRAWAL
		}
		r.MoneyPlacement = &canon.MoneyPlacementRequest{DateTime: now, Operation: kind.Enum(), Sum: cpcr.Money(op.Cash), Operator: oper, PrintedDocumentNumber: proto.Uint64(s.doc)}
	case fiscal.OpZReport:
		r.Command = canon.CommandTypeEnum_COMMAND_CLOSE_SHIFT.Enum()
		r.CloseShift = &canon.CloseShiftRequest{CloseTime: now, FrShiftNumber: proto.Uint32(s.shift), Operator: oper, PrintedDocumentNumber: proto.Uint64(s.doc), ZReport: s.zreport(now)}
		r.Service.Auxiliary = []*canon.KeyValuePair{{Key: proto.String("store_checksum"), Value: proto.String(fmt.Sprintf("%08X", 77*s.doc))}}
		lines = append(lines, "Z ЕСЕБІ", s.info)
	}
	return r, lines
}

// book counts for the Z report; a Z starts again.
func (s *sim) book(op fiscal.Op, offline bool) {
	if op.Kind == fiscal.OpZReport {
		s.z = &tallyZ{kinds: map[fiscal.ReceiptKind]*zKind{}}
		s.open = false
		s.shift++
		return
	}
	if op.Receipt == nil {
		return
	}
	if s.first.IsZero() {
		s.first = s.at.Wall.Add(s.print)
	}
	k := s.z.kinds[op.Receipt.Kind]
	if k == nil {
		k = &zKind{}
		s.z.kinds[op.Receipt.Kind] = k
	}
	k.count++
	if offline {
		k.offline++
	}
	var total, paid fiscal.Tiyn
	for _, l := range op.Receipt.Lines {
		sum := l.Total()
		sign := fiscal.Tiyn(1)
		switch l.Kind {
		case fiscal.GoodsStorno:
			sign = -1
		case fiscal.Discount:
			sign = -1
			k.off += sum
		case fiscal.DiscountStorno:
			k.off -= sum
		case fiscal.Markup:
			k.up += sum
		case fiscal.MarkupStorno:
			sign = -1
			k.up -= sum
		}
		total += sign * sum
		if l.VAT != nil {
			k.vat += sign * fiscal.VATInside(sum, *l.VAT)
		}
	}
	total += op.Receipt.Markup - op.Receipt.Discount
	k.off, k.up = k.off+op.Receipt.Discount, k.up+op.Receipt.Markup
	k.tOff, k.tUp = k.tOff+op.Receipt.Discount, k.tUp+op.Receipt.Markup
	k.sum += total
	for _, p := range op.Receipt.Payments {
		if p.Kind == fiscal.Card {
			k.card, k.cardN, paid = k.card+p.Sum, k.cardN+1, paid+p.Sum
		}
	}
	for _, p := range op.Receipt.Payments {
		if p.Kind == fiscal.Cash {
			k.cash, k.cashN, k.change = k.cash+total-paid, k.cashN+1, k.change+p.Sum-(total-paid)
		}
	}
}

func (s *sim) zreport(now *canon.DateTime) *canon.ZXReport {
	z := &canon.ZXReport{DateTime: now, ShiftNumber: proto.Uint32(s.shift), CashSum: cpcr.Money(0), Revenue: &canon.ZXReport_Revenue{Sum: cpcr.Money(0), IsNegative: proto.Bool(false)}, OpenShiftTime: cpcr.Stamp(s.opened), CloseShiftTime: now, Checksum: proto.String(fmt.Sprintf("%08X", 13*s.doc))}
	tax := &canon.ZXReport_Tax{Type: canon.TaxTypeEnum_VAT.Enum(), Percent: proto.Uint32(16000)}
	for _, k := range fiscal.ReceiptKinds {
		c := s.z.kinds[k]
		if c == nil {
			continue // zero rows are left out
		}
		z.TicketOperations = append(z.TicketOperations, &canon.ZXReport_TicketOperation{
			Operation: wireKind(k).Enum(), TicketsTotalCount: proto.Uint32(c.count), TicketsCount: proto.Uint32(c.count), TicketsSum: cpcr.Money(c.sum), OfflineCount: proto.Uint32(c.offline),
			DiscountSum: cpcr.Money(c.tOff), MarkupSum: cpcr.Money(c.tUp), ChangeSum: cpcr.Money(c.change),
			Payments: []*canon.ZXReport_TicketOperation_Payment{
				{Payment: canon.PaymentTypeEnum_PAYMENT_CASH.Enum(), Sum: cpcr.Money(c.cash), Count: proto.Uint32(c.cashN)},
				{Payment: canon.PaymentTypeEnum_PAYMENT_CARD.Enum(), Sum: cpcr.Money(c.card), Count: proto.Uint32(c.cardN)},
			}})
		z.Discounts = append(z.Discounts, &canon.ZXReport_Operation{Operation: wireKind(k).Enum(), Count: proto.Uint32(1), Sum: cpcr.Money(c.off)})
		z.Markups = append(z.Markups, &canon.ZXReport_Operation{Operation: wireKind(k).Enum(), Count: proto.Uint32(1), Sum: cpcr.Money(c.up)})
		tax.Operations = append(tax.Operations, &canon.ZXReport_Tax_TaxOperation{Operation: wireKind(k).Enum(), Turnover: cpcr.Money(c.sum), Sum: cpcr.Money(c.vat), TurnoverWithoutTax: cpcr.Money(c.sum - c.vat)})
	}
	z.Taxes = []*canon.ZXReport_Tax{tax}
	return z
}

func taxOf(sum fiscal.Tiyn, rate *fiscal.MilliPercent) []*canon.TicketRequest_Tax {
	if rate == nil {
		return nil
	}
	return []*canon.TicketRequest_Tax{{Type: canon.TaxTypeEnum_VAT.Enum(), Percent: proto.Uint32(uint32(*rate)), Sum: cpcr.Money(fiscal.VATInside(sum, *rate)), IsInTotalSum: proto.Bool(true)}}
}

func (s *sim) ticket(op fiscal.Op) (*canon.TicketRequest, []string) {
	rec := op.Receipt
	t := &canon.TicketRequest{Operation: wireKind(rec.Kind).Enum(), Domain: &canon.TicketRequest_Domain{Type: canon.DomainTypeEnum_DOMAIN_TRADING.Enum()}}
	var lines []string
	for _, l := range rec.Lines {
		mod := &canon.TicketRequest_Modifier{Name: proto.String(l.Name), Sum: cpcr.Money(l.Total()), Taxes: taxOf(l.Total(), l.VAT)}
		it := &canon.TicketRequest_Item{}
		switch l.Kind {
		case fiscal.Goods:
			it.Type = canon.TicketRequest_Item_ITEM_TYPE_COMMODITY.Enum()
			it.Commodity = &canon.TicketRequest_Item_Commodity{Name: proto.String(l.Name), SectionCode: proto.String(strconv.Itoa(l.Section)), Quantity: proto.Uint64(uint64(l.Qty)), Price: cpcr.Money(l.Price), Sum: cpcr.Money(l.Total()), Taxes: taxOf(l.Total(), l.VAT), MeasureUnitCode: proto.String("796")}
			if l.Code != 0 {
				it.Commodity.Code = proto.Uint64(l.Code)
			}
		case fiscal.GoodsStorno:
			it.Type = canon.TicketRequest_Item_ITEM_TYPE_STORNO_COMMODITY.Enum()
			it.StornoCommodity = &canon.TicketRequest_Item_StornoCommodity{Name: proto.String(l.Name), SectionCode: proto.String(strconv.Itoa(l.Section)), Quantity: proto.Uint64(uint64(l.Qty)), Price: cpcr.Money(l.Price), Sum: cpcr.Money(l.Total()), Taxes: taxOf(l.Total(), l.VAT), MeasureUnitCode: proto.String("796")}
		case fiscal.Discount:
			it.Type, it.Discount = canon.TicketRequest_Item_ITEM_TYPE_DISCOUNT.Enum(), mod
		case fiscal.DiscountStorno:
			it.Type, it.StornoDiscount = canon.TicketRequest_Item_ITEM_TYPE_STORNO_DISCOUNT.Enum(), mod
		case fiscal.Markup:
			it.Type, it.Markup = canon.TicketRequest_Item_ITEM_TYPE_MARKUP.Enum(), mod
		case fiscal.MarkupStorno:
			it.Type, it.StornoMarkup = canon.TicketRequest_Item_ITEM_TYPE_STORNO_MARKUP.Enum(), mod
		}
		t.Items = append(t.Items, it)
		name := l.Name
		if len([]rune(name)) > 12 { // wraps
			name = string([]rune(name)[:12]) + "\n" + string([]rune(name)[12:])
		}
		lines = append(lines, strings.Split(name, "\n")...)
		lines = append(lines, fmt.Sprintf("%d %s x %s = %s", l.Code, l.Qty, l.Price, l.Total()))
	}
	var total, card fiscal.Tiyn
	total = rec.Total()
	for _, p := range rec.Payments {
		if p.Kind == fiscal.Card {
			card += p.Sum
			t.Payments = append(t.Payments, &canon.TicketRequest_Payment{Type: canon.PaymentTypeEnum_PAYMENT_CARD.Enum(), Sum: cpcr.Money(p.Sum)})
		}
	}
	t.Amounts = &canon.TicketRequest_Amounts{Total: cpcr.Money(total)}
	for _, p := range rec.Payments {
		if p.Kind == fiscal.Cash {
			t.Payments = append(t.Payments, &canon.TicketRequest_Payment{Type: canon.PaymentTypeEnum_PAYMENT_CASH.Enum(), Sum: cpcr.Money(total - card)})
			t.Amounts.Taken, t.Amounts.Change = cpcr.Money(p.Sum), cpcr.Money(p.Sum-(total-card))
		}
	}
	if rec.Discount > 0 {
		t.Amounts.Discount = &canon.TicketRequest_Modifier{Name: proto.String("-"), Sum: cpcr.Money(rec.Discount)}
	}
	if rec.Markup > 0 {
		t.Amounts.Markup = &canon.TicketRequest_Modifier{Name: proto.String("+"), Sum: cpcr.Money(rec.Markup)}
	}
	if rec.Customer != "" {
		t.ExtensionOptions = &canon.TicketRequest_ExtensionOptions{CustomerIinOrBin: proto.String(rec.Customer)}
		lines = append(lines, "ЖСН "+rec.Customer)
	}
	if p := rec.Parent; p != nil {
		t.ParentTicket = &canon.TicketRequest_ParentTicket{ParentTicketNumber: proto.String(p.Sign), ParentTicketDataTime: cpcr.Stamp(p.At), KgdKkmId: proto.String(p.KKM), ParentTicketTotal: cpcr.Money(p.Total), ParentTicketIsOffline: proto.Bool(p.Offline)}
	}
	sums := &Sums{Payments: map[fiscal.PaymentKind]*PaymentSums{}}
	sums.add(rec, false)
	lines = append(lines, "БАРЛЫҒЫ "+strings.ReplaceAll(total.String(), ".", ","), "ҚҚС 16 % "+sums.VAT.String(), simFacts.OFDName, simFacts.OFDSite, "http://ofd.example?i=1&f=2&s=3&t=4")
	return t, lines
}
