package ofd

import (
	"context"
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

// day is when the tests' world begins.
var day = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// pipe is the server's end of a stream in a test.
type pipe struct {
	sent   []byte
	writes int
	state  string // "", closed, reset
}

func (p *pipe) Send(b []byte) { p.sent = append(p.sent, b...); p.writes++ }
func (p *pipe) Close()        { p.end("closed") }
func (p *pipe) Reset()        { p.end("reset") }
func (p *pipe) end(s string) {
	if p.state == "" {
		p.state = s
	}
}

// world is a server, its record and time.
type world struct {
	t   testing.TB
	clk *clock.Virtual
	log *history.Log
	s   *Server
}

const kkm1 = 100500

func shop(id uint32) Device {
	return Device{
		ID: id, Token: 1000, Serial: "KKM0000777", Registration: "010100123456",
		Taxpayer: Taxpayer{Name: "ТОО «Алма-Тест»", BIN: "180140001234", Address: "г. Астана, ул. Примерная, 1", AddressKZ: "Астана қ., Үлгі көш., 1", OKED: "47190"},
		Pos:      Pos{Title: "Магазин «Алма»", Address: "г. Астана, пр. Тестовый, 5", AddressKZ: "Астана қ., Сынақ даңғ., 5", Latitude: 512283, Longitude: 713906},
		Operator: Operator{Title: "АО «Тест-ОФД»", TitleKZ: "«Тест-ФДО» АҚ", URL: "consumer.test-oofd.kz"},
	}
}

func newWorld(t testing.TB, opt Options, devices ...Device) *world {
	t.Helper()
	w := &world{t: t, clk: clock.NewVirtual(day, nil)}
	w.log = history.NewMemory(w.clk)
	opt.Journal = w.log
	w.s = New(w.clk, opt)
	if devices == nil {
		devices = []Device{shop(kkm1)}
	}
	for _, d := range devices {
		if err := w.s.Register(d); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	if _, err := w.clk.Wait(context.Background(), w.clk.Now().Add(d), nil); err != nil {
		w.t.Fatal(err)
	}
}

// dial opens a stream.
func (w *world) dial() (*pipe, stream.Events) {
	p := new(pipe)
	return p, w.s.Accept(p, "10.0.0.1:4000")
}

// raw sends bytes over a stream of their own and returns what came back at once.
func (w *world) raw(b []byte) *pipe {
	w.t.Helper()
	p, ev := w.dial()
	if ev.Received != nil {
		ev.Received(b)
	}
	w.pass(0)
	return p
}

// ask sends one request and reads the answer.
func (w *world) ask(h cpcr.Header, m *canon.Request) (cpcr.Header, *canon.Response) {
	w.t.Helper()
	b, err := cpcr.EncodeRequest(h, m)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.answer(w.raw(b).sent)
}

// loose is ask without holding the request to its schema.
func (w *world) loose(h cpcr.Header, m *canon.Request) (cpcr.Header, *canon.Response) {
	w.t.Helper()
	b, err := cpcr.EncodeLoose(h, m)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.answer(w.raw(b).sent)
}

func (w *world) answer(b []byte) (cpcr.Header, *canon.Response) {
	w.t.Helper()
	if len(b) == 0 {
		w.t.Fatal("no answer")
	}
	h, m, err := cpcr.DecodeResponse(b)
	if err != nil {
		w.t.Fatalf("answer: %v: % x", err, b)
	}
	return h, m
}

// code is the result of one request.
func (w *world) code(h cpcr.Header, m *canon.Request) uint32 {
	w.t.Helper()
	_, r := w.ask(h, m)
	return r.GetResult().GetResultCode()
}

// issued is the token that the device has to use.
func (w *world) issued() uint32 {
	w.t.Helper()
	i, ok := w.s.Info(kkm1)
	if !ok {
		w.t.Fatal("device is not registered")
	}
	return i.Token
}

// next is a header with the right token and a number that was not used.
func (w *world) next() cpcr.Header {
	w.t.Helper()
	n := uint16(1)
	if d := w.s.devices[kkm1]; d.seen {
		n = d.lastNum + 1
	}
	return cpcr.Header{Version: cpcr.V204, ID: kkm1, Token: w.issued(), ReqNum: n}
}

// observed lists the observations since event n, as field: rule.
func (w *world) observed(since int) (out []history.Observation) {
	for e := range w.log.View().Events() {
		if o, ok := e.Body.(history.Observation); ok && int(e.Seq) > since {
			out = append(out, o)
		}
	}
	return out
}

func (w *world) sees(since int, field string) bool {
	for _, o := range w.observed(since) {
		if o.Field == field {
			return true
		}
	}
	return false
}

func (w *world) mark() int { return w.log.View().Len() }

// service is what a good register sends along.
func serviceOf() *canon.ServiceRequest {
	d := shop(kkm1)
	return &canon.ServiceRequest{
		SecurityStats: &canon.ServiceRequest_SecurityStats{GeoPosition: &canon.ServiceRequest_SecurityStats_GeoPosition{Latitude: proto.Int32(512283), Longitude: proto.Int32(713906), Source: proto.String("cell")}},
		RegInfo_: &canon.ServiceRequest_RegInfo{
			Kkm: &canon.KkmRegInfo{FnsKkmId: proto.String(d.Registration), SerialNumber: proto.String(d.Serial), KkmId: proto.String("100500")},
			Org: &canon.OrgRegInfo{Title: proto.String(d.Taxpayer.Name), Address: proto.String(d.Taxpayer.Address), Iin: proto.String(d.Taxpayer.BIN), Oked: proto.String(d.Taxpayer.OKED), AddressKz: proto.String(d.Taxpayer.AddressKZ)},
		},
	}
}

func cashier() *canon.Operator {
	return &canon.Operator{Code: proto.Uint32(1), Name: proto.String("Асан")}
}

// sale is a plain sale of one thing for cash at a time of the day.
func sale(at time.Time, sum fiscal.Tiyn) *canon.Request {
	return ticket(canon.OperationTypeEnum_OPERATION_SELL, at, sum)
}

func ticket(kind canon.OperationTypeEnum, at time.Time, sum fiscal.Tiyn) *canon.Request {
	return &canon.Request{
		Command: cmdTicket.Enum(),
		Service: serviceOf(),
		Ticket: &canon.TicketRequest{
			Operation: kind.Enum(), DateTime: cpcr.Stamp(at), Operator: cashier(),
			Domain: &canon.TicketRequest_Domain{Type: canon.DomainTypeEnum_DOMAIN_TRADING.Enum()},
			Items: []*canon.TicketRequest_Item{{Type: canon.TicketRequest_Item_ITEM_TYPE_COMMODITY.Enum(), Commodity: &canon.TicketRequest_Item_Commodity{
				Name: proto.String("Нан"), SectionCode: proto.String("1"), Quantity: proto.Uint64(1000), Price: cpcr.Money(sum), Sum: cpcr.Money(sum), MeasureUnitCode: proto.String("796"),
			}}},
			Payments: []*canon.TicketRequest_Payment{{Type: canon.PaymentTypeEnum_PAYMENT_CASH.Enum(), Sum: cpcr.Money(sum)}},
			Amounts:  &canon.TicketRequest_Amounts{Total: cpcr.Money(sum), Taken: cpcr.Money(sum), Change: cpcr.Money(0)},
		},
	}
}

func money(op canon.MoneyPlacementEnum, at time.Time, sum fiscal.Tiyn) *canon.Request {
	return &canon.Request{Command: cmdMoney.Enum(), Service: serviceOf(), MoneyPlacement: &canon.MoneyPlacementRequest{DateTime: cpcr.Stamp(at), Operation: op.Enum(), Sum: cpcr.Money(sum), Operator: cashier()}}
}

const (
	deposit  = canon.MoneyPlacementEnum_MONEY_PLACEMENT_DEPOSIT
	withdraw = canon.MoneyPlacementEnum_MONEY_PLACEMENT_WITHDRAWAL
)

// closing is a close with the server's own Z, which is what a register that
// counts well would send.
func (w *world) closing(at time.Time) *canon.Request {
	c := &canon.CloseShiftRequest{CloseTime: cpcr.Stamp(at), Operator: cashier()}
	after := w.s.devices[kkm1].tally.Clone()
	if err := after.Close(c); err != nil {
		w.t.Fatal(err)
	}
	c.ZReport = after.Report(cpcr.V204, at)
	return &canon.Request{Command: cmdClose.Enum(), Service: serviceOf(), CloseShift: c}
}

func (w *world) x(at time.Time) *canon.Request {
	return &canon.Request{Command: cmdReport.Enum(), Service: serviceOf(), Report: &canon.ReportRequest{
		Report: canon.ReportTypeEnum_REPORT_X.Enum(), DateTime: cpcr.Stamp(at), ZxReport: w.s.devices[kkm1].tally.Report(cpcr.V204, at)}}
}

func system() *canon.Request { return &canon.Request{Command: cmdSystem.Enum(), Service: serviceOf()} }

func info() *canon.Request { return &canon.Request{Command: cmdInfo.Enum(), Service: serviceOf()} }

// vector reads one of the outside frames.
func vector(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile("../../fixtures/vectors/cpcr/" + name + ".hex")
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(string(raw)), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
