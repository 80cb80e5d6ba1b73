package ofd

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
)

// The single pairs of the outside vectors: the server answers them as they are.
func TestVectorPairs(t *testing.T) {
	bread := func(t *testing.T) *Nomenclature {
		_, m, err := cpcr.DecodeResponse(vector(t, "39-resp-nomenclature-barcode"))
		if err != nil {
			t.Fatal(err)
		}
		n := m.GetNomenclature()
		return &Nomenclature{Version: n.GetVersion(), Created: n.GetCreatedTime(), Elements: n.GetElements()}
	}
	tests := []struct {
		req, resp string
		opt       func(t *testing.T, o *Options)
		before    func(w *world)
	}{
		{"38-req-nomenclature-barcode", "39-resp-nomenclature-barcode", func(t *testing.T, o *Options) { o.Goods = bread(t) }, nil},
		{"40-req-qr-generate", "41-resp-qr-generate", func(*testing.T, *Options) {}, nil},
		{"42-req-qr-status", "43-resp-qr-status", func(_ *testing.T, o *Options) {
			o.Payments = []PaymentState{canon.StatusTypeEnum_STATUS_NEW, canon.StatusTypeEnum_STATUS_PAID}
		}, func(w *world) { w.raw(vector(w.t, "40-req-qr-generate")) }},
		{"44-req-auth", "45-resp-auth", func(_ *testing.T, o *Options) {
			o.Cashiers = []Cashier{{Login: "cashier3", Password: "secret", Code: 3, Name: "Сейтқали А.", Roles: []canon.UserRoleEnum{canon.UserRoleEnum_USER_ROLE_PAYMASTER}}}
		}, nil},
		{"46-req-sale-203", "47-resp-sale-203", func(_ *testing.T, o *Options) { o.Tokens = []uint32{3735928559}; o.Signs = []string{"1934567890"} }, nil},
		{"48-req-system-124", "49-resp-system-124", func(*testing.T, *Options) {}, nil},
		{"50-req-sale-124", "51-resp-sale-124", func(_ *testing.T, o *Options) {
			o.Tokens = []uint32{3000000007}
			o.Signs = []string{"3000000123"}
			o.NoQR = true
		}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.req, func(t *testing.T) {
			frame := vector(t, tt.req)
			h, err := cpcr.ParseHeader(frame, cpcr.MaxRequest)
			if err != nil {
				t.Fatal(err)
			}
			d := deviceOf(t, vector(t, "04-resp-info"))
			d.Token = h.Token
			d.Operator.URL = "example.kz" // of the payment codes in 41 and 43
			opt := Options{QRBase: "http://consumer.test-oofd.kz"}
			tt.opt(t, &opt)
			w := newWorld(t, opt, d)
			d.Ads = nil
			if tt.before != nil {
				tt.before(w)
			}
			got, want := w.raw(frame).sent, vector(t, tt.resp)
			if bytes.Equal(got, want) {
				return
			}
			gh, gm := w.answer(got)
			wh, wm, err := cpcr.DecodeResponse(want)
			if err != nil {
				t.Fatal(err)
			}
			// 47 asks for registration data and its answer has none: the server sends them.
			if tt.resp == "47-resp-sale-203" && gm.GetService().GetRegInfo() != nil {
				gm.Service, gh.Size = nil, wh.Size
			}
			if gh != wh || !proto.Equal(gm, wm) {
				t.Errorf("%+v\n%s\nwant %+v\n%s", gh, cpcr.Text(gm), wh, cpcr.Text(wm))
			}
		})
	}
}

// A shift under each version, on the devices of one server at once: opened,
// reported, closed, and the answers are whole by the version's own schema.
func TestShiftUnderEachVersion(t *testing.T) {
	var devices []Device
	for i := range cpcr.Versions {
		d := shop(kkm1)
		d.ID += uint32(i)
		devices = append(devices, d)
	}
	w := newWorld(t, Options{Seed: 8}, devices...)
	ask := func(i int, n uint16, m *canon.Request) *canon.Response {
		in, _ := w.s.Info(kkm1 + uint32(i))
		m = proto.Clone(m).(*canon.Request)
		if v := cpcr.Versions[i]; v < cpcr.V202 {
			for _, it := range m.GetTicket().GetItems() {
				it.Commodity.MeasureUnitCode = nil
			}
		}
		h, r := w.ask(cpcr.Header{Version: cpcr.Versions[i], ID: kkm1 + uint32(i), Token: in.Token, ReqNum: n}, m)
		if h.Version != cpcr.Versions[i] {
			t.Errorf("%s was answered in %s", cpcr.Versions[i], h.Version)
		}
		if c := r.GetResult().GetResultCode(); c != 0 {
			t.Errorf("%s %s: %d %s", cpcr.Versions[i], m.GetCommand(), c, r.GetResult().GetResultText())
		}
		return r
	}
	for i := range devices {
		ask(i, 1, info())
		ask(i, 2, money(deposit, day, 5000))
	}
	for i := range devices {
		r := ask(i, 3, sale(day.Add(time.Minute), 1000))
		if r.GetTicket().GetTicketNumber() == "" {
			t.Errorf("%s: no fiscal sign", cpcr.Versions[i])
		}
	}
	for i := range devices {
		r := ask(i, 4, w.x(day.Add(2*time.Minute)))
		z := r.GetReport().GetZxReport()
		if cash, _ := cpcr.Tiyn(z.GetCashSum()); cash != 6000 || z.GetShiftNumber() != 1 {
			t.Errorf("%s: cash %s, shift %d", cpcr.Versions[i], cash, z.GetShiftNumber())
		}
		if (z.OpenShiftTime != nil) != (cpcr.Versions[i] >= cpcr.V202) {
			t.Errorf("%s: open_shift_time %v", cpcr.Versions[i], z.OpenShiftTime)
		}
		r = ask(i, 5, w.closing(day.Add(3*time.Minute)))
		if r.GetReport().GetReport() != canon.ReportTypeEnum_REPORT_Z {
			t.Errorf("%s: %v", cpcr.Versions[i], r.GetReport().GetReport())
		}
		r = ask(i, 6, info())
		if doc := r.GetService().GetLastDocumentInfo(); (doc != nil) != (cpcr.Versions[i] >= cpcr.V202) {
			t.Errorf("%s: last document %v", cpcr.Versions[i], doc)
		}
		if ofd := r.GetService().GetRegInfo().GetOfd(); (ofd != nil) != (cpcr.Versions[i] >= cpcr.V204) {
			t.Errorf("%s: operator's data %v", cpcr.Versions[i], ofd)
		}
	}
}

// CANCEL_TICKET takes the last ticket back, also after an INFO in between (up to
// 2.0.2; later when so configured).
func TestCancel(t *testing.T) {
	for _, tt := range []struct {
		v    cpcr.Version
		opt  Options
		want uint32
	}{{cpcr.V124, Options{}, 0}, {cpcr.V202, Options{}, 0}, {cpcr.V203, Options{}, 5}, {cpcr.V203, Options{CancelUnder203: true}, 0}, {cpcr.V204, Options{CancelUnder203: true}, 5}} {
		w := newWorld(t, tt.opt)
		head := func() cpcr.Header { h := w.next(); h.Version = tt.v; return h }
		w.code(head(), money(deposit, day, 50))
		w.code(head(), sale(day, 100))
		sign := w.lastSign()
		w.code(head(), info())
		h := head()
		if c := w.code(h, &canon.Request{Command: cmdCancel.Enum()}); c != tt.want {
			t.Errorf("%s: %d, want %d", tt.v, c, tt.want)
			continue
		}
		if tt.want != 0 {
			continue
		}
		in, _ := w.s.Info(kkm1)
		if _, there := w.s.Ticket(kkm1, sign); there || in.Counters.Cash != 50 || in.Counters.Annulled != 1 {
			t.Errorf("%s: ticket still there %v, cash %s, annulled %d", tt.v, there, in.Counters.Cash, in.Counters.Annulled)
		}
		if c := w.code(h, &canon.Request{Command: cmdCancel.Enum()}); c != 0 {
			t.Errorf("%s: repeat: %d", tt.v, c)
		}
		if in, _ := w.s.Info(kkm1); in.Counters.Annulled != 1 {
			t.Errorf("%s: the repeat was counted", tt.v)
		}
		if c := w.code(head(), &canon.Request{Command: cmdCancel.Enum()}); c != 10 {
			t.Errorf("%s: a second one: %d, want 10", tt.v, c)
		}
	}
}

// The labels of 2.0.3 do for 2.0.4 when so configured (cpcr.md 16.19).
func TestLabelsOfTheOperator(t *testing.T) {
	m := sale(day, 100)
	m.Service.RegInfo_ = nil // required by 2.0.4, not by 2.0.3
	for _, tt := range []struct {
		v    cpcr.Version
		opt  Options
		want uint32
	}{{cpcr.V204, Options{}, 3}, {cpcr.V204, Options{Labels203: true}, 0}, {cpcr.V203, Options{}, 0}} {
		w := newWorld(t, tt.opt)
		h := w.next()
		h.Version = tt.v
		mark := w.mark()
		_, r := w.loose(h, m)
		if c := r.GetResult().GetResultCode(); c != tt.want {
			t.Errorf("%s %+v: %d, want %d", tt.v, tt.opt.Labels203, c, tt.want)
		}
		if tt.want == 0 && !w.sees(mark, "service.reg_info") {
			t.Errorf("%s: the missing part was not observed", tt.v)
		}
	}
}

// AUTH with a wrong password is no refusal; a nomenclature that is not there,
// the same, another (cpcr.md 11.15, 11.16).
func TestServicesWithResultsOfTheirOwn(t *testing.T) {
	auth := func(p string) *canon.Request {
		return &canon.Request{Command: cmdAuth.Enum(), Service: serviceOf(), Auth: &canon.AuthRequest{Login: proto.String("a"), Password: &p}}
	}
	goods := func(version uint32, code string) *canon.Request {
		n := &canon.NomenclatureRequest{CurrentVersion: &version}
		if code != "" {
			n.Barcode = &code
		}
		return &canon.Request{Command: cmdNomenclature.Enum(), Service: serviceOf(), Nomenclature: n}
	}
	list := &Nomenclature{Version: 12, Elements: []*canon.NomenclatureResponse_Element{
		{Type: canon.NomenclatureResponse_ITEM.Enum(), Title: proto.String("t"), Id: proto.Uint64(1), Item: &canon.NomenclatureResponse_Item{Barcode: proto.String("487"), Ntin: proto.String("02")}},
		{Type: canon.NomenclatureResponse_GROUP.Enum(), Title: proto.String("g"), Id: proto.Uint64(2)},
	}}
	w := newWorld(t, Options{Cashiers: []Cashier{{Login: "a", Password: "right", Code: 4}}, Goods: list})
	for p, want := range map[string]canon.AuthResponse_ResultTypeEnum{"right": 0, "wrong": 1, "": 1} {
		_, r := w.ask(w.next(), auth(p))
		if r.GetResult().GetResultCode() != 0 || r.GetAuth().GetResult() != want {
			t.Errorf("password %q: %s", p, cpcr.Text(r))
		}
	}
	for _, tt := range []struct {
		have  uint32
		code  string
		want  canon.NomenclatureResponse_NomenclatureResultTypeEnum
		count int
	}{
		{0, "", 0, 2}, {11, "", 0, 2}, {12, "", 1, 0}, {0, "487", 0, 1}, {0, "02", 0, 1}, {0, "999", 3, 0},
	} {
		_, r := w.ask(w.next(), goods(tt.have, tt.code))
		if n := r.GetNomenclature(); n.GetResult() != tt.want || len(n.GetElements()) != tt.count {
			t.Errorf("held %d, code %q: %s, %d elements; want %s, %d", tt.have, tt.code, n.GetResult(), len(n.GetElements()), tt.want, tt.count)
		}
	}
	none := newWorld(t, Options{})
	_, r := none.ask(none.next(), goods(0, ""))
	if r.GetNomenclature().GetResult() != canon.NomenclatureResponse_RESULT_TYPE_NO_VERSION {
		t.Errorf("no list: %s", cpcr.Text(r))
	}
}

// A payment by code runs through its states, one a question (cpcr.md 11.17).
func TestPaymentCode(t *testing.T) {
	qr := func(c canon.CommandTypeEnum, id uint64, sum int64) *canon.Request {
		q := &canon.QRRequest{InvoiceId: &id}
		if sum > 0 {
			q.Amount = cpcr.Money(100)
		}
		return &canon.Request{Command: c.Enum(), Service: serviceOf(), Qr: q}
	}
	w := newWorld(t, Options{})
	if c := w.code(w.next(), qr(cmdQRStatus, 5, 0)); c != 13 {
		t.Errorf("an invoice that was never made: %d", c)
	}
	if c := w.code(w.next(), qr(cmdQR, 5, 0)); c != 13 {
		t.Errorf("no amount: %d", c)
	}
	want := []canon.StatusTypeEnum{canon.StatusTypeEnum_STATUS_NEW, canon.StatusTypeEnum_STATUS_SCANNED, canon.StatusTypeEnum_STATUS_PAID, canon.StatusTypeEnum_STATUS_PAID}
	for i, s := range want {
		c := cmdQRStatus
		if i == 0 {
			c = cmdQR
		}
		before := w.issued()
		_, r := w.ask(w.next(), qr(c, 5, int64(1-i)))
		if r.GetQr().GetStatus() != s || w.issued() != before {
			t.Errorf("question %d: %s, want %s; token moved %v", i, r.GetQr().GetStatus(), s, w.issued() != before)
		}
	}
	if c := w.code(w.next(), qr(cmdQR, 5, 1)); c != 13 {
		t.Errorf("the same invoice again: %d", c)
	}
}

// A register may change its version between two requests: reports that were made
// under one are told in the words of the other.
func TestReportsAcrossVersions(t *testing.T) {
	pay := func(m *canon.Request, p canon.PaymentTypeEnum) *canon.Request {
		m.Ticket.Payments[0].Type, m.Ticket.Amounts.Taken, m.Ticket.Amounts.Change = p.Enum(), nil, nil
		return m
	}
	types := func(z *canon.ZXReport) string {
		out := ""
		for _, p := range z.GetTicketOperations()[canon.OperationTypeEnum_OPERATION_SELL].GetPayments() {
			out += fmt.Sprint(int(p.GetPayment()))
		}
		return out
	}
	w := newWorld(t, Options{})
	w.code(w.next(), pay(sale(day, 100), canon.PaymentTypeEnum_PAYMENT_MOBILE))
	h := w.next()
	h.Version = cpcr.V202
	if c := w.code(h, pay(sale(day, 100), canon.PaymentTypeEnum_PAYMENT_CREDIT)); c != 0 {
		t.Fatal(c)
	}
	for _, closed := range []bool{false, true} {
		if closed {
			if c := w.code(w.next(), w.closing(day.Add(time.Minute))); c != 0 {
				t.Fatal(c)
			}
		}
		for v, most := range map[cpcr.Version]string{cpcr.V124: "0123", cpcr.V202: "01234", cpcr.V203: "01234", cpcr.V204: "014"} {
			h := w.next()
			h.Version = v
			_, r := w.ask(h, info()) // the answer is held to the schema of the version
			z := r.GetReport().GetZxReport()
			for _, c := range types(z) {
				if !strings.ContainsRune(most, c) {
					t.Errorf("%s, closed %v: a payment row %c", v, closed, c)
				}
			}
			if types(z) == "" || z.GetChecksum() == "" && v >= cpcr.V202 {
				t.Errorf("%s, closed %v: payment rows %q, checksum %q", v, closed, types(z), z.GetChecksum())
			}
		}
	}
}
