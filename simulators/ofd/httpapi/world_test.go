package httpapi

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/ofd"
	"github.com/kkmtest/kkmtest/simulators/ofd/store"
	"github.com/kkmtest/kkmtest/simulators/ofd/watch"
)

var day = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

const (
	kkm1         = 100500
	registration = "010100123456"
	secret       = "жасырын-token"
)

// world is an operator with one register behind the API.
type world struct {
	t      testing.TB
	loop   *clock.Real
	s      *ofd.Server
	api    *API
	http   *httptest.Server
	token  string
	failed chan struct{}
	reqnum uint16
}

type pipe struct{ sent []byte }

func (p *pipe) Send(b []byte) { p.sent = append(p.sent, b...) }
func (p *pipe) Close()        {}
func (p *pipe) Reset()        {}

func newWorld(t testing.TB, token string) *world {
	t.Helper()
	w := &world{t: t, loop: clock.NewReal(), token: token, failed: make(chan struct{})}
	t.Cleanup(w.loop.Close)
	record := watch.New(w.loop, 1<<20)
	events := store.NewMemory(1 << 20)
	w.s = ofd.New(w.loop, ofd.Options{Seed: 1, Journal: record, Store: events, Signs: []string{"1000000001", "1000000002", "1000000003"}, Gate: func(bool) {}})
	w.do(func() {
		if err := w.s.Register(ofd.Device{
			ID: kkm1, Token: 1000, Serial: "KKM0000777", Registration: registration, Sector: "trading",
			Taxpayer: ofd.Taxpayer{Name: "ТОО «Алма» <script>alert(1)</script>", BIN: "180140001234", Address: "г. Астана", AddressKZ: "Астана қ.", OKED: "47190"},
			Pos:      ofd.Pos{Title: "Алма", Address: "г. Астана, пр. 5", AddressKZ: "Астана қ., 5 даңғ."},
		}); err != nil {
			t.Error(err)
		}
	})
	w.api = New(Config{Loop: w.loop, Server: w.s, Record: record, Events: events, Token: token, CPCR: "127.0.0.1:7777", Failed: w.failed})
	w.http = httptest.NewServer(w.api)
	t.Cleanup(func() { w.api.Close(); w.http.Close() })
	return w
}

func (w *world) do(f func()) {
	done := make(chan struct{})
	w.loop.Post(func() { f(); close(done) })
	<-done
}

// ask sends a request of the register.
func (w *world) ask(m *canon.Request) *canon.Response {
	w.t.Helper()
	p := new(pipe)
	w.do(func() {
		w.reqnum++
		i, _ := w.s.Info(kkm1)
		b, err := cpcr.EncodeLoose(cpcr.Header{Version: cpcr.V204, ID: kkm1, Token: i.Token, ReqNum: w.reqnum}, m)
		if err != nil {
			w.t.Error(err)
		}
		w.s.Accept(p, "10.0.0.1:4000").Received(b)
	})
	var sent []byte
	w.do(func() { sent = p.sent })
	if len(sent) == 0 {
		return nil
	}
	_, r, err := cpcr.DecodeResponse(sent)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func service() *canon.ServiceRequest {
	return &canon.ServiceRequest{RegInfo_: &canon.ServiceRequest_RegInfo{
		Kkm: &canon.KkmRegInfo{FnsKkmId: proto.String(registration), SerialNumber: proto.String("KKM0000777"), KkmId: proto.String("100500")},
		Org: &canon.OrgRegInfo{Title: proto.String("x"), Address: proto.String("x"), Iin: proto.String("180140001234"), Oked: proto.String("47190"), AddressKz: proto.String("x")},
	}}
}

func system() *canon.Request {
	return &canon.Request{Command: canon.CommandTypeEnum_COMMAND_SYSTEM.Enum(), Service: service()}
}

// sale is a sale of bread for cash; too little is paid, which is an observation.
func sale(at time.Time, sum fiscal.Tiyn) *canon.Request {
	return &canon.Request{
		Command: canon.CommandTypeEnum_COMMAND_TICKET.Enum(), Service: service(),
		Ticket: &canon.TicketRequest{
			Operation: canon.OperationTypeEnum_OPERATION_SELL.Enum(), DateTime: cpcr.Stamp(at), Operator: &canon.Operator{Code: proto.Uint32(1), Name: proto.String("Асан")},
			Domain: &canon.TicketRequest_Domain{Type: canon.DomainTypeEnum_DOMAIN_TRADING.Enum()},
			Items: []*canon.TicketRequest_Item{{Type: canon.TicketRequest_Item_ITEM_TYPE_COMMODITY.Enum(), Commodity: &canon.TicketRequest_Item_Commodity{
				Name: proto.String("Нан <b>"), SectionCode: proto.String("1"), Quantity: proto.Uint64(2000), Price: cpcr.Money(sum / 2), Sum: cpcr.Money(sum), MeasureUnitCode: proto.String("796"),
			}}},
			Payments: []*canon.TicketRequest_Payment{{Type: canon.PaymentTypeEnum_PAYMENT_CASH.Enum(), Sum: cpcr.Money(sum - 1)}},
			Amounts:  &canon.TicketRequest_Amounts{Total: cpcr.Money(sum), Taken: cpcr.Money(sum), Change: cpcr.Money(1)},
		},
	}
}

// call makes a call and returns status, headers and body.
func (w *world) call(method, path, body string, header ...string) (int, http.Header, string) {
	w.t.Helper()
	q, err := http.NewRequest(method, w.http.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if method != "GET" {
		q.Header.Set("Content-Type", "application/json")
	}
	if w.token != "" {
		q.Header.Set("Authorization", "Bearer "+w.token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			q.Host = header[i+1]
		}
		q.Header.Set(header[i], header[i+1])
	}
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := c.Do(q)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return r.StatusCode, r.Header, string(raw)
}

// json makes a call that must succeed.
func (w *world) json(method, path, body string) map[string]any {
	w.t.Helper()
	status, _, raw := w.call(method, path, body)
	var v map[string]any
	if err := json.Unmarshal([]byte(raw), &v); err != nil || status >= 300 {
		w.t.Fatalf("%s %s: %d %s", method, path, status, raw)
	}
	return v
}
