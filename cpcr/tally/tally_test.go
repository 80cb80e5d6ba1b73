package tally

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

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

func request(t testing.TB, name string) *canon.Request {
	t.Helper()
	_, m, err := cpcr.DecodeRequest(vector(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func report(t testing.TB, name string) *canon.ZXReport {
	t.Helper()
	_, m, err := cpcr.DecodeResponse(vector(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return m.GetReport().GetZxReport()
}

// The shift of the outside vectors: the X (21, 22) and the Z (27, 28) follow
// from the last Z (04) and the documents between, to the last field.
func TestVectorShift(t *testing.T) {
	c, err := Restore(report(t, "04-resp-info"), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"05-req-deposit", "07-req-sale-cash", "09-req-sale-card", "11-req-sale-mixed", "13-req-sale-modifiers", "15-req-sale-return", "17-req-buy", "19-req-withdrawal"} {
		if err := c.Apply(request(t, n)); err != nil {
			t.Fatalf("%s: %v", n, err)
		}
	}
	x := request(t, "21-req-report-x").GetReport()
	at, _ := cpcr.Time(x.GetDateTime(), time.UTC)
	same(t, "21", c.Report(cpcr.V204, at), x.GetZxReport())
	same(t, "22", c.Report(cpcr.V204, at), report(t, "22-resp-report-x"))
	for _, n := range []string{"23-req-sale-offline", "25-req-deposit-offline", "27-req-close-shift"} {
		if err := c.Apply(request(t, n)); err != nil {
			t.Fatalf("%s: %v", n, err)
		}
	}
	z := request(t, "27-req-close-shift").GetCloseShift()
	at, _ = cpcr.Time(z.GetCloseTime(), time.UTC)
	same(t, "27", c.Report(cpcr.V204, at), z.GetZReport())
	same(t, "28", c.Report(cpcr.V204, at), report(t, "28-resp-close-shift"))
	if c.Cash != 0 || c.Open {
		t.Errorf("after the close: cash %s, open %v", c.Cash, c.Open)
	}
}

func same(t *testing.T, name string, got, want *canon.ZXReport) {
	t.Helper()
	if d := Diff(got, want); d != nil {
		t.Errorf("vector %s: %+v", name, d)
	}
	if !proto.Equal(got, want) {
		t.Errorf("vector %s:\n%s\nwant\n%s", name, cpcr.Text(got), cpcr.Text(want))
	}
}

// A report that was restored says the same again, running or closed.
func TestRestoreAndReport(t *testing.T) {
	for _, tt := range []struct {
		name string
		open bool
		z    *canon.ZXReport
	}{
		{"last Z", false, report(t, "04-resp-info")},
		{"X", true, request(t, "21-req-report-x").GetReport().GetZxReport()},
		{"Z", false, request(t, "27-req-close-shift").GetCloseShift().GetZReport()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Restore(tt.z, tt.open)
			if err != nil {
				t.Fatal(err)
			}
			at, _ := cpcr.Time(tt.z.GetDateTime(), time.UTC)
			if got := c.Report(cpcr.V204, at); !proto.Equal(got, tt.z) {
				t.Errorf("got\n%s\nwant\n%s", cpcr.Text(got), cpcr.Text(tt.z))
			}
		})
	}
	bad := proto.Clone(report(t, "04-resp-info")).(*canon.ZXReport)
	bad.CashSum.Coins = proto.Uint32(100)
	if _, err := Restore(bad, false); !cpcr.IsClass(err, cpcr.ErrRange) || !strings.Contains(err.Error(), "cash_sum") {
		t.Errorf("a hundred coins: %v", err)
	}
	bad = proto.Clone(report(t, "04-resp-info")).(*canon.ZXReport)
	bad.Operations[0].Operation = canon.OperationTypeEnum(9).Enum()
	if _, err := Restore(bad, false); !cpcr.IsClass(err, cpcr.ErrRange) {
		t.Errorf("operation 9: %v", err)
	}
}

var noon = time.Date(2026, 2, 3, 12, 0, 0, 0, time.UTC)

// part is a piece of a ticket for the tables below.
type part func(*canon.TicketRequest)

func tickets1(kind canon.OperationTypeEnum, total fiscal.Tiyn, parts ...part) *canon.TicketRequest {
	m := &canon.TicketRequest{Operation: kind.Enum(), DateTime: cpcr.Stamp(noon), Amounts: &canon.TicketRequest_Amounts{Total: cpcr.Money(total)}}
	for _, p := range parts {
		p(m)
	}
	return m
}

func goods(section string, sum fiscal.Tiyn, taxes ...*canon.TicketRequest_Tax) part {
	return func(m *canon.TicketRequest) {
		m.Items = append(m.Items, &canon.TicketRequest_Item{Type: canon.TicketRequest_Item_ITEM_TYPE_COMMODITY.Enum(),
			Commodity: &canon.TicketRequest_Item_Commodity{SectionCode: &section, Sum: cpcr.Money(sum), Taxes: taxes}})
	}
}

func cancelled(section string, sum fiscal.Tiyn, taxes ...*canon.TicketRequest_Tax) part {
	return func(m *canon.TicketRequest) {
		m.Items = append(m.Items, &canon.TicketRequest_Item{Type: canon.TicketRequest_Item_ITEM_TYPE_STORNO_COMMODITY.Enum(),
			StornoCommodity: &canon.TicketRequest_Item_StornoCommodity{SectionCode: &section, Sum: cpcr.Money(sum), Taxes: taxes}})
	}
}

func modifier(kind canon.TicketRequest_Item_ItemTypeEnum, sum fiscal.Tiyn, taxes ...*canon.TicketRequest_Tax) part {
	return func(m *canon.TicketRequest) {
		x := &canon.TicketRequest_Modifier{Sum: cpcr.Money(sum), Taxes: taxes}
		it := &canon.TicketRequest_Item{Type: kind.Enum()}
		switch kind {
		case canon.TicketRequest_Item_ITEM_TYPE_MARKUP:
			it.Markup = x
		case canon.TicketRequest_Item_ITEM_TYPE_STORNO_MARKUP:
			it.StornoMarkup = x
		case canon.TicketRequest_Item_ITEM_TYPE_DISCOUNT:
			it.Discount = x
		case canon.TicketRequest_Item_ITEM_TYPE_STORNO_DISCOUNT:
			it.StornoDiscount = x
		}
		m.Items = append(m.Items, it)
	}
}

func onTicket(discount, markup fiscal.Tiyn) part {
	return func(m *canon.TicketRequest) {
		if discount > 0 {
			m.Amounts.Discount = &canon.TicketRequest_Modifier{Sum: cpcr.Money(discount)}
		}
		if markup > 0 {
			m.Amounts.Markup = &canon.TicketRequest_Modifier{Sum: cpcr.Money(markup)}
		}
	}
}

func paid(kind canon.PaymentTypeEnum, sum fiscal.Tiyn) part {
	return func(m *canon.TicketRequest) {
		m.Payments = append(m.Payments, &canon.TicketRequest_Payment{Type: kind.Enum(), Sum: cpcr.Money(sum)})
	}
}

func change(sum fiscal.Tiyn) part {
	return func(m *canon.TicketRequest) { m.Amounts.Change = cpcr.Money(sum) }
}

func offline(n uint32) part { return func(m *canon.TicketRequest) { m.OfflineTicketNumber = &n } }

func taxes(x ...*canon.TicketRequest_Tax) part {
	return func(m *canon.TicketRequest) { m.Taxes = x }
}

func vat(percent uint32, sum fiscal.Tiyn) *canon.TicketRequest_Tax {
	return &canon.TicketRequest_Tax{Type: canon.TaxTypeEnum_VAT.Enum(), Percent: &percent, Sum: cpcr.Money(sum), IsInTotalSum: proto.Bool(true)}
}

const (
	buy     = canon.OperationTypeEnum_OPERATION_BUY
	buyBack = canon.OperationTypeEnum_OPERATION_BUY_RETURN
	sell    = canon.OperationTypeEnum_OPERATION_SELL
	giveUp  = canon.OperationTypeEnum_OPERATION_SELL_RETURN

	cash   = canon.PaymentTypeEnum_PAYMENT_CASH
	card   = canon.PaymentTypeEnum_PAYMENT_CARD
	mobile = canon.PaymentTypeEnum_PAYMENT_MOBILE
)

// The rules of cpcr.md 13.2, one ticket each: what is not named stays zero.
func TestCounting(t *testing.T) {
	line := canon.TicketRequest_Item_ITEM_TYPE_DISCOUNT
	up := canon.TicketRequest_Item_ITEM_TYPE_MARKUP
	tests := []struct {
		name   string
		ticket *canon.TicketRequest
		want   map[string]string
	}{
		{"two lines in two sections", tickets1(sell, 300, goods("1", 100), goods("10", 200)), map[string]string{
			"sections[1][SELL].count": "1", "sections[1][SELL].sum": "1.00", "sections[10][SELL].count": "1", "sections[10][SELL].sum": "2.00",
			"operations[SELL].count": "2", "operations[SELL].sum": "3.00", "total_result[SELL].count": "2", "total_result[SELL].sum": "3.00",
		}},
		{"a cancelled line adds 0 to the count and takes its sum away", tickets1(sell, 100, goods("1", 100), goods("1", 50), cancelled("1", 50)), map[string]string{
			"sections[1][SELL].count": "2", "sections[1][SELL].sum": "1.00", "operations[SELL].count": "2", "operations[SELL].sum": "1.00",
			"total_result[SELL].count": "2", "total_result[SELL].sum": "1.00",
		}},
		{"discounts of line and ticket, one cancelled", tickets1(sell, 75, goods("1", 100), modifier(line, 10), modifier(line, 5), modifier(canon.TicketRequest_Item_ITEM_TYPE_STORNO_DISCOUNT, 5), onTicket(15, 0)), map[string]string{
			"operations[SELL].count": "1", "operations[SELL].sum": "1.00", "sections[1][SELL].count": "1", "sections[1][SELL].sum": "1.00",
			"discounts[SELL].count": "3", "discounts[SELL].sum": "0.25", "total_result[SELL].count": "1", "total_result[SELL].sum": "0.75",
			"ticket_operations[SELL].discount_sum": "0.15",
		}},
		{"markups of line and ticket, one cancelled", tickets1(sell, 125, goods("1", 100), modifier(up, 10), modifier(up, 5), modifier(canon.TicketRequest_Item_ITEM_TYPE_STORNO_MARKUP, 5), onTicket(0, 15)), map[string]string{
			"operations[SELL].count": "1", "operations[SELL].sum": "1.00", "sections[1][SELL].count": "1", "sections[1][SELL].sum": "1.00",
			"markups[SELL].count": "3", "markups[SELL].sum": "0.25", "total_result[SELL].count": "1", "total_result[SELL].sum": "1.25",
			"ticket_operations[SELL].markup_sum": "0.15",
		}},
		{"taxes of lines, less those of cancelled lines and discounts", tickets1(sell, 1060,
			goods("1", 1160, vat(16000, 160)), goods("1", 580, vat(16000, 80)), cancelled("1", 580, vat(16000, 80)), modifier(line, 116, vat(16000, 16)), modifier(up, 16, vat(5000, 1))), map[string]string{
			"operations[SELL].count": "2", "operations[SELL].sum": "11.60", "sections[1][SELL].count": "2", "sections[1][SELL].sum": "11.60",
			"discounts[SELL].count": "1", "discounts[SELL].sum": "1.16", "markups[SELL].count": "1", "markups[SELL].sum": "0.16",
			"total_result[SELL].count": "2", "total_result[SELL].sum": "10.60",
			"taxes[16000][SELL].turnover": "10.44", "taxes[16000][SELL].sum": "1.44", "taxes[16000][SELL].turnover_without_tax": "9.00",
			"taxes[5000][SELL].turnover": "0.16", "taxes[5000][SELL].sum": "0.01", "taxes[5000][SELL].turnover_without_tax": "0.15",
		}},
		{"the ticket's taxes put those of lines aside", tickets1(sell, 1160, goods("1", 1160, vat(5000, 55)), taxes(vat(16000, 160))), map[string]string{
			"operations[SELL].count": "1", "operations[SELL].sum": "11.60", "sections[1][SELL].count": "1", "sections[1][SELL].sum": "11.60",
			"total_result[SELL].count": "1", "total_result[SELL].sum": "11.60",
			"taxes[16000][SELL].turnover": "11.60", "taxes[16000][SELL].sum": "1.60", "taxes[16000][SELL].turnover_without_tax": "10.00",
		}},
		{"payments, change, offline", tickets1(sell, 300, paid(cash, 100), paid(card, 150), paid(mobile, 50), change(7), offline(5)), map[string]string{
			"ticket_operations[SELL].payments[CASH].sum": "1.00", "ticket_operations[SELL].payments[CASH].count": "1",
			"ticket_operations[SELL].payments[CARD].sum": "1.50", "ticket_operations[SELL].payments[CARD].count": "1",
			"ticket_operations[SELL].payments[MOBILE].sum": "0.50", "ticket_operations[SELL].payments[MOBILE].count": "1",
			"ticket_operations[SELL].change_sum": "0.07", "ticket_operations[SELL].offline_count": "1", "cash_sum": "101.00",
		}},
		{"a purchase takes cash and revenue away", tickets1(buy, 300, paid(cash, 300)), map[string]string{
			"ticket_operations[BUY].payments[CASH].sum": "3.00", "ticket_operations[BUY].payments[CASH].count": "1", "cash_sum": "97.00", "revenue": "-3.00",
		}},
		{"a return takes cash and revenue away", tickets1(giveUp, 300, paid(cash, 300)), map[string]string{
			"ticket_operations[SELL_RETURN].payments[CASH].sum": "3.00", "ticket_operations[SELL_RETURN].payments[CASH].count": "1", "cash_sum": "97.00", "revenue": "-3.00",
		}},
		{"a purchase that is returned brings both", tickets1(buyBack, 300, paid(cash, 300)), map[string]string{
			"ticket_operations[BUY_RETURN].payments[CASH].sum": "3.00", "ticket_operations[BUY_RETURN].payments[CASH].count": "1", "cash_sum": "103.00", "revenue": "3.00",
		}},
		{"a card leaves the drawer alone", tickets1(sell, 300, paid(card, 300)), map[string]string{
			"ticket_operations[SELL].payments[CARD].sum": "3.00", "ticket_operations[SELL].payments[CARD].count": "1",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := Counters{Cash: fiscal.Tenge(100)}
			if err := c.Ticket(tt.ticket); err != nil {
				t.Fatal(err)
			}
			total, _ := cpcr.Tiyn(tt.ticket.Amounts.Total)
			kind := Name(*tt.ticket.Operation)
			want := map[string]string{ // what every ticket moves
				"shift_number": "1", "cash_sum": "100.00", "revenue": total.String(),
				"ticket_operations[" + kind + "].tickets_total_count": "1", "ticket_operations[" + kind + "].tickets_count": "1",
				"ticket_operations[" + kind + "].tickets_sum": total.String(), "non_nullable_sums[" + kind + "]": total.String(),
			}
			for k, v := range tt.want {
				want[k] = v
			}
			got := flatten(c.Report(cpcr.V204, noon))
			for k, v := range got {
				if zero(v) != zero(want[k]) {
					t.Errorf("%s = %s, want %s", k, v, zero(want[k]))
				}
				delete(want, k)
			}
			for k, v := range want {
				if zero(v) != "0" {
					t.Errorf("no %s, want %s", k, v)
				}
			}
		})
	}
}

// What lives on into the next shift (cpcr.md 13.2, last lines).
func TestNextShift(t *testing.T) {
	var c Counters
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(c.Place(&canon.MoneyPlacementRequest{DateTime: cpcr.Stamp(noon), Operation: canon.MoneyPlacementEnum_MONEY_PLACEMENT_DEPOSIT.Enum(), Sum: cpcr.Money(1000)}))
	must(c.Ticket(tickets1(sell, 300, goods("1", 300), paid(cash, 300))))
	must(c.Ticket(tickets1(giveUp, 100, goods("1", 100), paid(cash, 100), offline(3))))
	must(c.Close(&canon.CloseShiftRequest{CloseTime: cpcr.Stamp(noon.Add(time.Hour))}))
	if c.Open || c.Cash != 1200 || c.Shift != 1 {
		t.Fatalf("closed: open %v, cash %s, shift %d", c.Open, c.Cash, c.Shift)
	}
	must(c.Ticket(tickets1(sell, 50, goods("2", 50), paid(cash, 50))))
	got := flatten(c.Report(cpcr.V204, noon))
	for k, want := range map[string]string{
		"shift_number": "2", "cash_sum": "12.50", "revenue": "0.50",
		"ticket_operations[SELL].tickets_total_count": "2", "ticket_operations[SELL].tickets_count": "1", "ticket_operations[SELL].tickets_sum": "0.50",
		"ticket_operations[SELL_RETURN].tickets_total_count": "1", "ticket_operations[SELL_RETURN].tickets_count": "0", "ticket_operations[SELL_RETURN].offline_count": "0",
		"start_shift_non_nullable_sums[SELL]": "3.00", "non_nullable_sums[SELL]": "3.50",
		"start_shift_non_nullable_sums[SELL_RETURN]": "1.00", "non_nullable_sums[SELL_RETURN]": "1.00",
		"money_placements[DEPOSIT].operations_total_count": "1", "money_placements[DEPOSIT].operations_count": "0", "money_placements[DEPOSIT].operations_sum": "0.00",
		"operations[SELL].count": "1", "sections[1][SELL].count": "", "sections[2][SELL].count": "1",
	} {
		if zero(got[k]) != zero(want) {
			t.Errorf("%s = %q, want %q", k, got[k], want)
		}
	}
}

func TestShiftNumbers(t *testing.T) {
	var c Counters
	m := tickets1(sell, 1)
	m.FrShiftNumber = proto.Uint32(812) // a register that is older than its entry here
	if err := c.Ticket(m); err != nil || c.Shift != 812 {
		t.Errorf("first shift: %d, %v", c.Shift, err)
	}
	m.FrShiftNumber = proto.Uint32(9)
	if err := c.Ticket(m); err != nil || c.Shift != 812 {
		t.Errorf("inside the shift: %d, %v", c.Shift, err)
	}
	if err := c.Close(&canon.CloseShiftRequest{}); err != nil {
		t.Fatal(err)
	}
	if err := c.Ticket(tickets1(sell, 1)); err != nil || c.Shift != 813 {
		t.Errorf("next shift: %d, %v", c.Shift, err)
	}
}

func TestWithdrawalAtTheClose(t *testing.T) {
	for _, tt := range []struct {
		name     string
		in       fiscal.Tiyn
		offline  bool
		withdraw bool
		count    uint32
		off      uint32
		left     fiscal.Tiyn
	}{
		{"no", 500, false, false, 0, 0, 500},
		{"all", 500, false, true, 1, 0, 0},
		{"offline", 500, true, true, 1, 1, 0},
		{"an empty drawer makes none", 0, false, true, 0, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Counters{Cash: tt.in}
			if err := c.Close(&canon.CloseShiftRequest{CloseTime: cpcr.Stamp(noon), WithdrawMoney: &tt.withdraw, IsOffline: &tt.offline}); err != nil {
				t.Fatal(err)
			}
			p := c.Placed[canon.MoneyPlacementEnum_MONEY_PLACEMENT_WITHDRAWAL]
			if p.Total != tt.count || p.Shift.Count != tt.count || p.Offline != tt.off || c.Cash != tt.left {
				t.Errorf("%+v, cash %s", p, c.Cash)
			}
		})
	}
}

// A ticket that is taken back leaves nothing but the lifetime number and the
// annulled counters (up to 2.0.2).
func TestAnnul(t *testing.T) {
	c := Counters{Cash: 1000}
	if err := c.Ticket(tickets1(sell, 100, goods("1", 100, vat(16000, 14)), paid(cash, 100))); err != nil {
		t.Fatal(err)
	}
	before := flatten(c.Report(cpcr.V202, noon))
	second := tickets1(giveUp, 70, goods("1", 80, vat(16000, 11)), onTicket(10, 0), paid(cash, 70), offline(1), change(5))
	if err := c.Ticket(second); err != nil {
		t.Fatal(err)
	}
	if err := c.Annul(second); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"ticket_operations[SELL_RETURN].tickets_total_count":      "1",
		"annulled_tickets.annulled_tickets_count":                 "1",
		"annulled_tickets.annulled_tickets_total_count":           "1",
		"annulled_tickets.annulled_operations[SELL_RETURN].count": "1",
		"annulled_tickets.annulled_operations[SELL_RETURN].sum":   "0.70",
	}
	for k, v := range flatten(c.Report(cpcr.V202, noon)) {
		w := before[k]
		if x, ok := want[k]; ok {
			w = x
		}
		if zero(v) != zero(w) {
			t.Errorf("%s = %s, want %s", k, v, w)
		}
		delete(want, k)
	}
	if len(want) > 0 {
		t.Errorf("missing %v", want)
	}
}

// Payment rows are those of the version; a type without a row gets one when it was used.
func TestPaymentRows(t *testing.T) {
	for _, tt := range []struct {
		v    cpcr.Version
		used canon.PaymentTypeEnum
		want int
	}{
		{cpcr.V124, cash, 4}, {cpcr.V202, cash, 5}, {cpcr.V203, cash, 3}, {cpcr.V204, cash, 3},
		{cpcr.V204, canon.PaymentTypeEnum_PAYMENT_TARE, 4}, {cpcr.V124, mobile, 5},
	} {
		var c Counters
		if err := c.Ticket(tickets1(sell, 1, paid(tt.used, 1))); err != nil {
			t.Fatal(err)
		}
		z := c.Report(tt.v, noon)
		if n := len(z.GetTicketOperations()[sell].GetPayments()); n != tt.want {
			t.Errorf("%s, paid by %s: %d rows, want %d", tt.v, tt.used, n, tt.want)
		}
		if (z.AnnulledTickets != nil) != (tt.v < cpcr.V203) {
			t.Errorf("%s: annulled tickets %v", tt.v, z.AnnulledTickets)
		}
	}
}

// What cannot be counted changes nothing.
func TestRefusedLeavesAllAsItWas(t *testing.T) {
	ok := tickets1(sell, 100, goods("1", 100), paid(cash, 100))
	tests := []struct {
		name string
		m    *canon.Request
	}{
		{"no ticket", &canon.Request{Command: canon.CommandTypeEnum_COMMAND_TICKET.Enum()}},
		{"kind 4", ticketRequest(tickets1(4, 1))},
		{"a hundred coins", ticketRequest(tickets1(sell, 1, func(m *canon.TicketRequest) { m.Amounts.Total.Coins = proto.Uint32(100) }))},
		{"payment 5", ticketRequest(tickets1(sell, 1, paid(5, 1)))},
		{"line type 7", ticketRequest(tickets1(sell, 1, func(m *canon.TicketRequest) {
			m.Items = []*canon.TicketRequest_Item{{Type: canon.TicketRequest_Item_ItemTypeEnum(7).Enum()}}
		}))},
		{"more money than there is", ticketRequest(tickets1(sell, bound, goods("1", 1)))},
		{"cash operation 2", &canon.Request{Command: canon.CommandTypeEnum_COMMAND_MONEY_PLACEMENT.Enum(), MoneyPlacement: &canon.MoneyPlacementRequest{Operation: canon.MoneyPlacementEnum(2).Enum(), Sum: cpcr.Money(1)}}},
		{"cash operation of too much", &canon.Request{Command: canon.CommandTypeEnum_COMMAND_MONEY_PLACEMENT.Enum(), MoneyPlacement: &canon.MoneyPlacementRequest{Operation: canon.MoneyPlacementEnum(0).Enum(), Sum: cpcr.Money(bound)}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var c Counters
			if err := c.Ticket(ok); err != nil {
				t.Fatal(err)
			}
			before := c.Report(cpcr.V204, noon)
			if err := c.Check(tt.m); err == nil {
				t.Error("Check takes it")
			}
			if err := c.Apply(tt.m); !cpcr.IsClass(err, cpcr.ErrRange) {
				t.Errorf("got %v, want ERR_RANGE", err)
			}
			if d := Diff(before, c.Report(cpcr.V204, noon)); d != nil {
				t.Errorf("changed: %v", d)
			}
		})
	}
}

func ticketRequest(m *canon.TicketRequest) *canon.Request {
	return &canon.Request{Command: canon.CommandTypeEnum_COMMAND_TICKET.Enum(), Ticket: m}
}

// After offline documents the drawer may owe; a report has no sign for that.
func TestDrawerBelowZero(t *testing.T) {
	var c Counters
	if err := c.Ticket(tickets1(buy, 100, paid(cash, 100), offline(1))); err != nil {
		t.Fatal(err)
	}
	if c.Cash != -100 {
		t.Errorf("cash %s, want -1.00", c.Cash)
	}
	if got := flatten(c.Report(cpcr.V204, noon))["cash_sum"]; got != "0.00" {
		t.Errorf("reported %s, want 0.00", got)
	}
}

func TestCommandsThatCountNothing(t *testing.T) {
	var c Counters
	for _, cmd := range []canon.CommandTypeEnum{0, 3, 4, 5, 8, 100, 101} {
		if err := c.Apply(&canon.Request{Command: cmd.Enum()}); err != nil || c.Open {
			t.Errorf("%s: %v, open %v", cmd, err, c.Open)
		}
	}
}

func TestCloneSharesNothing(t *testing.T) {
	var c Counters
	m := tickets1(sell, 100, goods("1", 100, vat(16000, 14)))
	if err := c.Ticket(m); err != nil {
		t.Fatal(err)
	}
	before := c.Report(cpcr.V204, noon)
	if err := c.Clone().Ticket(m); err != nil {
		t.Fatal(err)
	}
	if d := Diff(before, c.Report(cpcr.V204, noon)); d != nil {
		t.Errorf("the copy moved the original: %v", d)
	}
}

func TestDiffNamesTheRow(t *testing.T) {
	a := request(t, "27-req-close-shift").GetCloseShift().GetZReport()
	b := proto.Clone(a).(*canon.ZXReport)
	b.TicketOperations[2].Payments[0].Sum = cpcr.Money(1)
	b.Revenue.IsNegative = proto.Bool(true)
	b.Markups = b.Markups[:2] // SELL had one
	d := Diff(a, b)
	var fields []string
	for _, x := range d {
		fields = append(fields, x.Field)
	}
	want := "markups[SELL].count markups[SELL].sum revenue ticket_operations[SELL].payments[CASH].sum"
	if strings.Join(fields, " ") != want {
		t.Errorf("got %v, want %s", d, want)
	}
	b = proto.Clone(a).(*canon.ZXReport)
	b.Operations = append(b.Operations[:0:0], b.Operations[0], b.Operations[2], b.Operations[3]) // BUY_RETURN is zero
	if d := Diff(a, b); d != nil {
		t.Errorf("a missing zero row is no difference: %v", d)
	}
}

func BenchmarkTicket(b *testing.B) {
	m := request(b, "13-req-sale-modifiers")
	b.Run("fold", func(b *testing.B) {
		var c Counters
		for b.Loop() {
			if err := c.Apply(m); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode-alone", func(b *testing.B) { // what it stands beside in a server
		raw := vector(b, "13-req-sale-modifiers")
		for b.Loop() {
			if _, _, err := cpcr.DecodeRequest(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
}
