package check

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

// onTicket spoils every ticket message.
func onTicket(f func(t *canon.TicketRequest)) func(*sim) {
	return func(s *sim) {
		s.request = func(r *canon.Request, _ bool) {
			if r.Ticket != nil {
				f(r.Ticket)
			}
		}
	}
}

func onItems(f func(it *canon.TicketRequest_Item)) func(*sim) {
	return onTicket(func(t *canon.TicketRequest) {
		for _, it := range t.Items {
			f(it)
		}
	})
}

func onReg(f func(r *canon.ServiceRequest_RegInfo)) func(*sim) {
	return func(s *sim) { s.request = func(r *canon.Request, _ bool) { f(r.Service.RegInfo_) } }
}

func onZ(f func(c *canon.CloseShiftRequest)) func(*sim) {
	return func(s *sim) {
		s.request = func(r *canon.Request, _ bool) {
			if r.CloseShift != nil {
				f(r.CloseShift)
			}
		}
	}
}

func onRows(f func(o *canon.ZXReport_TicketOperation)) func(*sim) {
	return onZ(func(c *canon.CloseShiftRequest) {
		for _, o := range c.ZReport.TicketOperations {
			f(o)
		}
	})
}

// onPaper replaces text on every paper.
func onPaper(from, to string) func(*sim) {
	return func(s *sim) {
		s.paper = func(_ fiscal.Op, lines []string) []string {
			out := slices.Clone(lines)
			for i := range out {
				out[i] = strings.ReplaceAll(out[i], from, to)
			}
			return out
		}
	}
}

func onSell(f func(op fiscal.Op, age, old time.Duration) (refuse, force bool)) func(*sim) {
	return func(s *sim) { s.sells = f }
}

func more(m **canon.Money) {
	if *m != nil {
		*m = &canon.Money{Bills: proto.Uint64((*m).GetBills() + 1), Coins: (*m).Coins}
	}
}

// Defects by the demand that must fail. Limits have a defect on either side.
var defects = []struct {
	demand, name string
	spoil        func(*sim)
}{
	{"offline.cutoff", "goes on after 72 h", onSell(func(_ fiscal.Op, _, old time.Duration) (bool, bool) { return false, old > 72*time.Hour })},
	{"offline.cutoff", "blocks at 71 h", onSell(func(_ fiscal.Op, _, old time.Duration) (bool, bool) { return old > 71*time.Hour, false })},
	{"offline.cutoff", "blocks two minutes early", onSell(func(_ fiscal.Op, _, old time.Duration) (bool, bool) { return old > 72*time.Hour-2*time.Minute, false })},
	{"offline.cutoff", "stays blocked after the hand-over", func(s *sim) {
		stuck := false
		s.sells = func(_ fiscal.Op, _, old time.Duration) (bool, bool) {
			stuck = stuck || old > 72*time.Hour
			return stuck && old == 0, false
		}
	}},
	{"offline.enter", "goes offline at 4.9 s", func(s *sim) {
		s.request = func(r *canon.Request, _ bool) {
			if r.Ticket != nil && s.delay == 4900*time.Millisecond {
				s.early = true // the answer comes, and is not waited for
			}
		}
	}},
	{"offline.enter", "hangs up after 4.5 s", func(s *sim) { s.hangup = 4500 * time.Millisecond }},
	{"offline.enter", "waits longer than 5 s", func(s *sim) { s.patient = true }},
	{"offline.enter", "refuses without a link", onSellCut},
	{"offline.sign/unique", "the sign repeats", func(s *sim) { s.autoSign = func(uint32) uint32 { return 42 } }},
	{"offline.sign/unique", "the sign is 0", func(s *sim) { s.autoSign = func(uint32) uint32 { return 0 } }},
	{"offline.sign/printed", "prints another sign", onPaper("Дербес код 9", "Дербес код 8")},
	{"offline.sign/printed", "prints no receipt offline", func(s *sim) {
		s.paper = func(_ fiscal.Op, l []string) []string {
			if strings.Contains(strings.Join(l, ""), "Дербес код") {
				return nil
			}
			return l
		}
	}},
	{"offline.sign/sent", "sends no sign", onTicket(func(t *canon.TicketRequest) { t.OfflineTicketNumber = nil })},
	{"offline.sign/sent", "sends another sign", onTicket(func(t *canon.TicketRequest) {
		if t.OfflineTicketNumber != nil {
			t.OfflineTicketNumber = proto.Uint32(t.GetOfflineTicketNumber() + 1)
		}
	})},
	{"offline.mark", "no mark offline", onPaper("Автономды режим", "")},
	{"offline.mark", "the mark online too", onPaper("БАРЛЫҒЫ", "Автономды БАРЛЫҒЫ")},
	{"offline.handover/duration", "no period", func(s *sim) { s.request = func(r *canon.Request, _ bool) { r.Service.OfflinePeriod = nil } }},
	{"offline.handover/duration", "a period of no length", func(s *sim) {
		s.request = func(r *canon.Request, _ bool) {
			if p := r.Service.OfflinePeriod; p != nil {
				p.BeginTime = p.EndTime
			}
		}
	}},
	{"offline.handover/duration", "an end that is the begin", func(s *sim) {
		s.request = func(r *canon.Request, _ bool) {
			if p := r.Service.OfflinePeriod; p != nil {
				p.EndTime = p.BeginTime
			}
		}
	}},
	{"offline.handover/order", "newest first", func(s *sim) {
		s.reorder = func(q []waiting) []waiting { q = slices.Clone(q); slices.Reverse(q); return q }
	}},
	{"offline.handover/order", "loses one", func(s *sim) { s.reorder = func(q []waiting) []waiting { return q[:len(q)-len(q)/4] } }},
	{"offline.handover/order", "does not wait for the answer", func(s *sim) {
		s.reorder = func(q []waiting) []waiting { s.eager = len(q) > 2; return q }
	}},
	{"offline.handover/order", "sends every document twice", func(s *sim) { s.twice = true }},
	{"cycle.single", "sends every document twice", func(s *sim) { s.twice = true }},
	{"cash.placement", "sends every document twice", func(s *sim) { s.twice = true }},
	{"offline.shiftclose", "the time of sending", func(s *sim) {
		s.request = func(r *canon.Request, late bool) {
			if r.CloseShift != nil && late {
				r.CloseShift.CloseTime = cpcr.Stamp(s.device())
			}
		}
	}},
	{"offline.shiftclose", "not marked", onZ(func(c *canon.CloseShiftRequest) { c.IsOffline = nil })},
	{"offline.shiftclose", "wrong totals", onZ(func(c *canon.CloseShiftRequest) {
		if c.GetIsOffline() {
			more(&c.ZReport.TicketOperations[0].TicketsSum)
		}
	})},
	{"offline.shiftclose", "before its receipts", func(s *sim) {
		s.reorder = func(q []waiting) []waiting {
			return slices.SortedStableFunc(slices.Values(q), func(a, b waiting) int { return int(b.req.GetCommand()) - int(a.req.GetCommand()) })
		}
	}},
	{"shift.limit", "goes on after 24 h", onSell(func(_ fiscal.Op, age, _ time.Duration) (bool, bool) { return false, age > 24*time.Hour })},
	{"shift.limit", "blocks two minutes early", onSell(func(_ fiscal.Op, age, _ time.Duration) (bool, bool) { return age > 24*time.Hour-2*time.Minute, false })},
	{"shift.limit", "stays blocked after the close", func(s *sim) {
		stuck := false
		s.sells = func(_ fiscal.Op, age, old time.Duration) (bool, bool) {
			stuck = stuck || age > 24*time.Hour
			return stuck && age == 0, false
		}
	}},
	{"latency.online", "prints slowly", func(s *sim) { s.print = 7100 * time.Millisecond }},
	{"latency.online", "prints slowly after a slow answer", func(s *sim) { s.print = 2200 * time.Millisecond }},
	{"fiscal.sign/received", "tells another sign", func(s *sim) { s.told = func(sign string) string { return "1" + sign } }},
	{"fiscal.sign/printed", "prints another sign", onPaper("Фискалдық белгі 7", "Фискалдық белгі 8")},
	{"fiscal.sign/mark", "no mark", onPaper("Фискалды чек", "")},
	{"fiscal.sign/mark", "the mark on a trial print", onPaper("СЫНАҚ БАСПАСЫ", "Фискалды чек")},
	{"fiscal.sign/mark", "the mark on an X report", onPaper("X ЕСЕБІ", "Фискалды чек")},
	{"fiscal.sign/mark", "the mark on a refused sale", func(s *sim) {
		s.paper = func(op fiscal.Op, l []string) []string {
			if op.As.Password != "" {
				return []string{"ФИСКАЛДЫ ЧЕК"}
			}
			return l
		}
	}},
	{"fiscal.sign/mark", "the mark without the sign", onPaper("белгі 7", "белгі 5")},
	{"cash.placement", "another kind", func(s *sim) {
		s.request = func(r *canon.Request, _ bool) {
			if m := r.MoneyPlacement; m != nil {
				m.Operation = canon.MoneyPlacementEnum_MONEY_PLACEMENT_DEPOSIT.Enum()
			}
		}
	}},
	{"cash.placement", "another sum", func(s *sim) {
		s.request = func(r *canon.Request, _ bool) {
			if m := r.MoneyPlacement; m != nil {
				more(&m.Sum)
			}
		}
	}},
	{"block.server", "sells on", func(s *sim) { s.deaf = true }},
	{"block.server", "no notice", onPaper("!Жұмыс", "")},
	{"notice.shown", "no notice", onPaper("Салық қызметінің", "")},
	{"link.tcp", "garbage", func(s *sim) { s.header = func(h *cpcr.Header) { h.Version = 0 } }},
	{"access.password", "takes three digits", dull(func(op fiscal.Op) bool { return op.Setting == fiscal.SetCashierPassword })},
	{"access.password/sale", "sells without the password", dull(func(op fiscal.Op) bool { return op.Receipt != nil && op.As.Password != "" })},
	{"access.password/settings", "programs without the password", dull(func(op fiscal.Op) bool { return op.Kind == fiscal.OpSetSetting && op.As.Password != "" })},
	{"access.password/close", "closes without the password", dull(func(op fiscal.Op) bool { return op.Kind == fiscal.OpZReport && op.As.Password != "" })},
	{"clock.lowerbound", "takes an earlier time", dull(func(op fiscal.Op) bool { return op.Kind == fiscal.OpSetClock })},
	{"config.shiftclosed", "takes the address in an open shift", dull(func(op fiscal.Op) bool { return op.Setting == fiscal.SetOFDPort })},
	{"config.shiftclosed", "takes the clock in an open shift", dull(func(op fiscal.Op) bool { return op.Kind == fiscal.OpSetClock })},
	{"ticket.return", "another sum", onTicket(func(t *canon.TicketRequest) {
		if t.GetOperation() == canon.OperationTypeEnum_OPERATION_SELL_RETURN {
			more(&t.Amounts.Total)
		}
	})},
	{"ticket.return", "says sale", onTicket(func(t *canon.TicketRequest) { t.Operation = canon.OperationTypeEnum_OPERATION_SELL.Enum() })},
	{"ticket.return", "another parent", onTicket(func(t *canon.TicketRequest) {
		if t.ParentTicket != nil {
			t.ParentTicket.ParentTicketNumber = proto.String("1")
		}
	})},

	{"ticket.fields/taxpayer.bin", "another", onReg(func(r *canon.ServiceRequest_RegInfo) { r.Org.Iin = proto.String("000000000000") })},
	{"ticket.fields/kkm.id", "another", onReg(func(r *canon.ServiceRequest_RegInfo) { r.Kkm.KkmId = proto.String("100501") })},
	{"ticket.fields/kkm.registration", "none", onReg(func(r *canon.ServiceRequest_RegInfo) { r.Kkm.FnsKkmId = nil })},
	{"ticket.fields/kkm.serial", "another", onReg(func(r *canon.ServiceRequest_RegInfo) { r.Kkm.SerialNumber = proto.String("X") })},
	{"ticket.fields/activity", "none", onReg(func(r *canon.ServiceRequest_RegInfo) { r.Org.Oked = proto.String("") })},
	{"ticket.fields/operation", "always sale", onTicket(func(t *canon.TicketRequest) { t.Operation = canon.OperationTypeEnum_OPERATION_SELL.Enum() })},
	{"ticket.fields/time", "constant", onTicket(func(t *canon.TicketRequest) { t.DateTime = cpcr.Stamp(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)) })},
	{"ticket.fields/time", "an hour off", onTicket(func(t *canon.TicketRequest) {
		at, _ := cpcr.Time(t.DateTime, time.UTC)
		t.DateTime = cpcr.Stamp(at.Add(time.Hour))
	})},
	{"ticket.fields/time", "not a date", onTicket(func(t *canon.TicketRequest) { t.DateTime.Date.Month = proto.Uint32(13) })},
	{"ticket.fields/cashier", "always 1", onTicket(func(t *canon.TicketRequest) { t.Operator.Code = proto.Uint32(1) })},
	{"ticket.fields/total", "one tenge more", onTicket(func(t *canon.TicketRequest) { more(&t.Amounts.Total) })},
	{"ticket.fields/total", "tiyn lost", onTicket(func(t *canon.TicketRequest) { t.Amounts.Total.Coins = proto.Uint32(0) })},
	{"ticket.fields/tendered", "what was due", onTicket(func(t *canon.TicketRequest) { t.Amounts.Taken = t.Amounts.Total })},
	{"ticket.fields/change", "always 0", onTicket(func(t *canon.TicketRequest) { t.Amounts.Change = cpcr.Money(0) })},
	{"ticket.fields/discount", "none", onTicket(func(t *canon.TicketRequest) { t.Amounts.Discount = nil })},
	{"ticket.fields/markup", "as discount", onTicket(func(t *canon.TicketRequest) { t.Amounts.Discount, t.Amounts.Markup = t.Amounts.Markup, nil })},
	{"ticket.fields/payment", "always cash", onTicket(func(t *canon.TicketRequest) {
		for _, p := range t.Payments {
			p.Type = canon.PaymentTypeEnum_PAYMENT_CASH.Enum()
		}
	})},
	{"ticket.fields/payments", "one of two", onTicket(func(t *canon.TicketRequest) { t.Payments = t.Payments[:1] })},
	{"ticket.fields/payments", "cash with the change in it", onTicket(func(t *canon.TicketRequest) {
		for _, p := range t.Payments {
			if p.GetType() == canon.PaymentTypeEnum_PAYMENT_CASH {
				p.Sum = t.Amounts.Taken
			}
		}
	})},
	{"ticket.fields/lines", "other order", onTicket(func(t *canon.TicketRequest) { slices.Reverse(t.Items) })},
	{"ticket.fields/goods", "one less", onTicket(func(t *canon.TicketRequest) {
		if len(t.Items) == 3 {
			t.Items = t.Items[:2]
		}
	})},
	{"ticket.fields/goods.code", "another", onItems(func(it *canon.TicketRequest_Item) {
		if it.Commodity.GetCode() != 0 {
			it.Commodity.Code = proto.Uint64(1)
		}
	})},
	{"ticket.fields/goods.name", "letters lost", onItems(func(it *canon.TicketRequest_Item) {
		if it.Commodity != nil {
			it.Commodity.Name = proto.String(strings.ReplaceAll(it.Commodity.GetName(), "қ", "к"))
		}
	})},
	{"ticket.fields/goods.section", "always 1", onItems(func(it *canon.TicketRequest_Item) {
		if it.Commodity != nil {
			it.Commodity.SectionCode = proto.String("1")
		}
	})},
	{"ticket.fields/goods.quantity", "whole pieces", onItems(func(it *canon.TicketRequest_Item) {
		if it.Commodity != nil {
			it.Commodity.Quantity = proto.Uint64(it.Commodity.GetQuantity() / 1000 * 1000)
		}
	})},
	{"ticket.fields/goods.price", "tiyn lost", onItems(func(it *canon.TicketRequest_Item) {
		if it.Commodity != nil {
			it.Commodity.Price.Coins = proto.Uint32(0)
		}
	})},
	{"ticket.fields/goods.sum", "one tenge more", onItems(func(it *canon.TicketRequest_Item) {
		if it.Commodity != nil {
			more(&it.Commodity.Sum)
		}
	})},
	{"ticket.fields/goods.vat", "another rate", onItems(func(it *canon.TicketRequest_Item) {
		for _, x := range it.GetCommodity().GetTaxes() {
			x.Percent = proto.Uint32(12000)
		}
	})},
	{"ticket.fields/goods.vat", "tax on all", onItems(func(it *canon.TicketRequest_Item) {
		if it.Commodity != nil && len(it.Commodity.Taxes) == 0 {
			it.Commodity.Taxes = taxOf(10000, &rate)
		}
	})},
	{"ticket.fields/modifier", "none", onTicket(func(t *canon.TicketRequest) {
		t.Items = slices.DeleteFunc(t.Items, func(it *canon.TicketRequest_Item) bool { return it.Discount != nil || it.Markup != nil })
	})},
	{"ticket.fields/modifier.name", "another", onItems(func(it *canon.TicketRequest_Item) {
		if it.Discount != nil {
			it.Discount.Name = proto.String("скидка")
		}
	})},
	{"ticket.fields/modifier.sum", "one tenge more", onItems(func(it *canon.TicketRequest_Item) {
		if it.Markup != nil {
			more(&it.Markup.Sum)
		}
	})},
	{"ticket.fields/modifier.vat", "none", onItems(func(it *canon.TicketRequest_Item) {
		if it.Discount != nil {
			it.Discount.Taxes = nil
		}
	})},
	{"ticket.fields/storno", "left out", onTicket(func(t *canon.TicketRequest) {
		t.Items = slices.DeleteFunc(t.Items, func(it *canon.TicketRequest_Item) bool { return it.StornoCommodity != nil })
	})},
	{"ticket.fields/storno.name", "another", storno(func(c *canon.TicketRequest_Item_StornoCommodity) { c.Name = proto.String("?") })},
	{"ticket.fields/storno.section", "another", storno(func(c *canon.TicketRequest_Item_StornoCommodity) { c.SectionCode = proto.String("1") })},
	{"ticket.fields/storno.quantity", "another", storno(func(c *canon.TicketRequest_Item_StornoCommodity) { c.Quantity = proto.Uint64(1000) })},
	{"ticket.fields/storno.price", "another", storno(func(c *canon.TicketRequest_Item_StornoCommodity) { more(&c.Price) })},
	{"ticket.fields/storno.sum", "another", storno(func(c *canon.TicketRequest_Item_StornoCommodity) { more(&c.Sum) })},
	{"ticket.fields/storno.vat", "another", storno(func(c *canon.TicketRequest_Item_StornoCommodity) { more(&c.Taxes[0].Sum) })},
	{"ticket.fields/modifier-storno", "left out", onTicket(func(t *canon.TicketRequest) {
		t.Items = slices.DeleteFunc(t.Items, func(it *canon.TicketRequest_Item) bool { return it.StornoDiscount != nil })
	})},
	{"ticket.fields/modifier-storno.name", "another", onItems(func(it *canon.TicketRequest_Item) {
		if it.StornoDiscount != nil {
			it.StornoDiscount.Name = proto.String("?")
		}
	})},
	{"ticket.fields/modifier-storno.sum", "another", onItems(func(it *canon.TicketRequest_Item) {
		if it.StornoMarkup != nil {
			more(&it.StornoMarkup.Sum)
		}
	})},
	{"ticket.fields/modifier-storno.vat", "another", onItems(func(it *canon.TicketRequest_Item) {
		if it.StornoMarkup != nil {
			more(&it.StornoMarkup.Taxes[0].Sum)
		}
	})},
	{"ticket.fields/customer", "another", onTicket(func(t *canon.TicketRequest) {
		if t.ExtensionOptions != nil {
			t.ExtensionOptions.CustomerIinOrBin = proto.String("1")
		}
	})},
	{"ticket.fields/vat", "another", onItems(func(it *canon.TicketRequest_Item) {
		for _, x := range it.GetCommodity().GetTaxes() {
			more(&x.Sum)
		}
	})},

	{"zreport.fields/taxpayer.bin", "another", onReg(func(r *canon.ServiceRequest_RegInfo) { r.Org.Iin = proto.String("000000000000") })},
	{"zreport.fields/kkm.id", "another", onReg(func(r *canon.ServiceRequest_RegInfo) { r.Kkm.KkmId = proto.String("100501") })},
	{"zreport.fields/kkm.registration", "none", onReg(func(r *canon.ServiceRequest_RegInfo) { r.Kkm.FnsKkmId = nil })},
	{"zreport.fields/kkm.serial", "another", onReg(func(r *canon.ServiceRequest_RegInfo) { r.Kkm.SerialNumber = proto.String("X") })},
	{"zreport.fields/time", "that of the shift's begin", onZ(func(c *canon.CloseShiftRequest) { c.ZReport.DateTime = c.ZReport.OpenShiftTime })},
	{"zreport.fields/shift.begin", "that of the close", onZ(func(c *canon.CloseShiftRequest) { c.ZReport.OpenShiftTime = c.CloseTime })},
	{"zreport.fields/shift.end", "that of the begin", onZ(func(c *canon.CloseShiftRequest) { c.ZReport.CloseShiftTime = c.ZReport.OpenShiftTime })},
	{"zreport.fields/cashier", "none", onZ(func(c *canon.CloseShiftRequest) { c.Operator.Code = proto.Uint32(0) })},
	{"zreport.fields/documents.count", "one skipped", onZ(func(c *canon.CloseShiftRequest) {
		c.PrintedDocumentNumber = proto.Uint64(c.GetPrintedDocumentNumber() * 2)
	})},
	{"zreport.fields/receipts.count", "one less", onRows(func(o *canon.ZXReport_TicketOperation) { o.TicketsCount = proto.Uint32(o.GetTicketsCount() - 1) })},
	{"zreport.fields/refunds.count", "as sales", onRows(func(o *canon.ZXReport_TicketOperation) {
		if o.GetOperation() == canon.OperationTypeEnum_OPERATION_SELL_RETURN {
			o.TicketsCount = proto.Uint32(0)
		}
	})},
	{"zreport.fields/offline.count", "always 0", onRows(func(o *canon.ZXReport_TicketOperation) { o.OfflineCount = proto.Uint32(0) })},
	{"zreport.fields/receipts.sum", "more", onRows(func(o *canon.ZXReport_TicketOperation) { more(&o.TicketsSum) })},
	{"zreport.fields/refunds.sum", "more", onRows(func(o *canon.ZXReport_TicketOperation) { more(&o.TicketsSum) })},
	{"zreport.fields/tendered", "without change", onRows(func(o *canon.ZXReport_TicketOperation) { o.ChangeSum = cpcr.Money(0) })},
	{"zreport.fields/change", "always 0", onRows(func(o *canon.ZXReport_TicketOperation) { o.ChangeSum = cpcr.Money(0) })},
	{"zreport.fields/discounts", "left out", onZ(func(c *canon.CloseShiftRequest) { c.ZReport.Discounts = nil })},
	{"zreport.fields/markups", "more", onZ(func(c *canon.CloseShiftRequest) {
		for _, m := range c.ZReport.Markups {
			more(&m.Sum)
		}
	})},
	{"zreport.fields/cash.count", "one more", onRows(func(o *canon.ZXReport_TicketOperation) {
		o.Payments[0].Count = proto.Uint32(o.Payments[0].GetCount() + 1)
	})},
	{"zreport.fields/card.count", "one more", onRows(func(o *canon.ZXReport_TicketOperation) {
		o.Payments[1].Count = proto.Uint32(o.Payments[1].GetCount() + 1)
	})},
	{"zreport.fields/cash.sum", "more", onRows(func(o *canon.ZXReport_TicketOperation) { more(&o.Payments[0].Sum) })},
	{"zreport.fields/card.sum", "always 0", onRows(func(o *canon.ZXReport_TicketOperation) { o.Payments[1].Sum = cpcr.Money(0) })},
	{"zreport.fields/vat", "left out", onZ(func(c *canon.CloseShiftRequest) { c.ZReport.Taxes = nil })},
	{"zreport.fields/checksum", "constant", onZ(func(c *canon.CloseShiftRequest) { c.ZReport.Checksum = proto.String("DEADBEEF") })},
	{"zreport.fields/checksum", "none", onZ(func(c *canon.CloseShiftRequest) { c.ZReport.Checksum = nil })},
	{"zreport.fields/checksum.store", "constant", func(s *sim) {
		s.request = func(r *canon.Request, _ bool) {
			for _, kv := range r.Service.Auxiliary {
				kv.Value = proto.String("1")
			}
		}
	}},

	{"receipt.lines/taxpayer.name", "another", onPaper("Өрнек-Ғұмыр", "Ornek")},
	{"receipt.lines/taxpayer.bin", "another", onPaper("БСН 1", "БСН 2")},
	{"receipt.lines/kkm.serial", "none", onPaper("KZ0001234", "")},
	{"receipt.lines/kkm.registration", "none", onPaper("ТНМ 010100012345", "ТНМ")},
	{"receipt.lines/number", "none", onPaper("№ ", "№ 7")},
	{"receipt.lines/goods.name", "another", onPaper("Нан ақ", "Товар")},
	{"receipt.lines/goods.price", "none", onPaper("250.5", "")},
	{"receipt.lines/time", "constant", func(s *sim) {
		s.paper = func(_ fiscal.Op, l []string) []string {
			l = slices.Clone(l)
			for i := range l {
				if _, err := time.Parse("02.01.2006 15:04:05", l[i]); err == nil {
					l[i] = "05.01.2026 09:00:00"
				}
			}
			return l
		}
	}},
	{"receipt.lines/total", "none", onPaper("БАРЛЫҒЫ ", "БАРЛЫҒЫ 9")},
	{"receipt.lines/sign", "no words", onPaper("Фискалды чек", "чек")},
	{"receipt.lines/sign", "another sign", onPaper("Фискалдық белгі 7", "Фискалдық белгі 8")},
	{"receipt.lines/ofd.name", "none", onPaper("ФДО Һәм", "")},
	{"receipt.lines/ofd.site", "none", onPaper("ofd.example", "")},
	{"receipt.lines/ofd", "no site", onPaper("ofd.example", "")},
	{"receipt.lines/kazakh", "letters lost", onPaper("ү", "у")},
	{"receipt.lines/address", "none", onPaper("Мәңгілік Ел", "")},
	{"receipt.lines/goods.code", "none", onPaper("101 ", "")},
	{"receipt.lines/goods.quantity", "none", onPaper("1.234 x", "x")},
	{"receipt.lines/vat", "none", onPaper("ҚҚС 16 % ", "ҚҚС 16 % 9")},
	{"receipt.lines/customer", "none", onPaper("ЖСН ", "ЖСН 9")},
	{"receipt.lines/trade-sums", "none", onPaper("БАРЛЫҒЫ ", "БАРЛЫҒЫ 9")},
}

func storno(f func(c *canon.TicketRequest_Item_StornoCommodity)) func(*sim) {
	return onItems(func(it *canon.TicketRequest_Item) {
		if it.StornoCommodity != nil {
			f(it.StornoCommodity)
		}
	})
}

// dull makes the register do some operations that it must refuse.
func dull(which func(op fiscal.Op) bool) func(*sim) { return func(s *sim) { s.dulls = which } }

func onSellCut(s *sim) {
	s.sells = func(fiscal.Op, time.Duration, time.Duration) (bool, bool) { return s.cut, false }
}

func TestDefectsAreFailed(t *testing.T) {
	covered := map[string]bool{}
	for _, d := range defects {
		covered[d.demand] = true
		t.Run(d.demand+"/"+strings.ReplaceAll(d.name, " ", "_"), func(t *testing.T) {
			r := run(t, d.spoil)
			js := ask(t, r, d.demand)
			if got := worst(js); got != Fail {
				t.Errorf("%s with a register that %s = %s, want fail", d.demand, d.name, got)
				for _, j := range js {
					t.Log(Explain(r.View, d.demand, j, regulation.English))
				}
			}
			for _, j := range js {
				for _, lang := range Langs {
					if p, ok := j.Said(lang); j.Result() != Pass && j.Result() != Error && (!ok || hole.MatchString(p.Want+p.Got+p.Hint+p.Why) || strings.Contains(p.Want+p.Got+p.Why, "@")) {
						t.Errorf("%s: %+v", lang, p)
					}
				}
			}
		})
	}
	for _, d := range slices.Sorted(maps.Keys(rows())) {
		if !covered[d] && !strings.Contains(d, "sector.") && d != "zreport.fields/receipts.list" && d != "receipt.lines/barcode" {
			t.Errorf("no defect for %s", d)
		}
	}
}

// Without a kind of evidence there is no verdict.
func TestMissingEvidenceIsUnknown(t *testing.T) {
	tests := []struct {
		demand  string
		without []string
		spoil   func(*sim)
	}{
		{"offline.cutoff", []string{"cutoff"}, nil},
		{"offline.enter", []string{"just in time"}, nil},
		{"offline.enter", []string{"just too late"}, nil},
		{"offline.enter", []string{"offline", "offline close", "cutoff"}, nil},
		{"offline.sign/unique", []string{"just too late", "silence", "offline", "offline close", "cutoff"}, nil},
		{"offline.sign/printed", nil, func(s *sim) { s.unread = true }},
		{"offline.sign/sent", []string{"just too late", "silence", "offline", "offline close", "cutoff"}, nil},
		{"offline.mark", []string{"just too late", "silence", "offline", "offline close", "cutoff"}, nil},
		{"offline.mark", nil, func(s *sim) { s.unread = true }},
		{"offline.mark", nil, func(s *sim) {
			s.paper = func(_ fiscal.Op, l []string) []string {
				l = slices.Clone(l)
				for i := range l {
					l[i] = strings.ReplaceAll(strings.ReplaceAll(l[i], "Автономды режим", ""), "Дербес код", "Автономды")
				}
				return l
			}
		}},
		{"offline.handover/duration", []string{"offline", "offline close", "cutoff"}, nil},
		{"offline.handover/order", []string{"offline close", "cutoff"}, nil},
		{"offline.shiftclose", []string{"offline close", "cutoff"}, nil},
		{"shift.limit", []string{"shift limit"}, nil},
		{"latency.online", []string{"just in time"}, nil},
		{"ticket.return", []string{"return"}, nil},
		{"cash.placement", []string{"cash"}, nil},
		{"block.server", []string{"block"}, nil},
		{"notice.shown", []string{"notice"}, nil},
		{"fiscal.sign/printed", nil, func(s *sim) { s.unread = true }},
		{"fiscal.sign/mark", nil, func(s *sim) { s.unread = true }},
		{"receipt.lines/total", nil, func(s *sim) { s.unread = true }},
		{"cycle.single", nil, func(s *sim) { s.unread = true }},
		{"access.password", []string{"short password"}, nil},
		{"access.password", []string{"long password"}, nil},
		{"access.password/sale", []string{"wrong passwords"}, nil},
		{"clock.lowerbound", []string{"clock"}, nil},
		{"config.shiftclosed", []string{"free address"}, nil},
		{"config.shiftclosed", []string{"locked clock"}, nil},
		{"config.shiftclosed", []string{"clock"}, nil},
		{"ticket.fields/operation", []string{"return"}, nil},
		{"ticket.fields/change", []string{"positions"}, nil},
		{"ticket.fields/discount", []string{"modifiers"}, nil},
		{"ticket.fields/customer", []string{"customer"}, nil},
		{"zreport.fields/change", []string{"positions"}, nil},
		{"zreport.fields/discounts", []string{"modifiers"}, nil},
		{"zreport.fields/offline.count", []string{"just too late", "silence", "offline", "offline close", "cutoff"}, nil},
		{"zreport.fields/checksum.store", nil, func(s *sim) {
			s.request = func(r *canon.Request, _ bool) { r.Service.Auxiliary = nil }
		}},
	}
	for _, tt := range tests {
		r := run(t, tt.spoil, tt.without...)
		js := ask(t, r, tt.demand)
		if got := worst(js); got != Unknown {
			t.Errorf("%s without %q = %s, want unknown", tt.demand, tt.without, got)
			for _, j := range js {
				t.Log(Explain(r.View, tt.demand, j, regulation.English))
			}
		}
		for _, j := range js {
			if j.Result() == Unknown && j.Reason() == "" {
				t.Errorf("%s: unknown without a reason", tt.demand)
			}
		}
	}
}

// A register that is legal in another way than the usual one is not failed.
func TestConformingVariants(t *testing.T) {
	variants := map[string]func(*sim){
		"says nothing about itself": func(s *sim) { s.noState = true },
		"clock an hour ahead":       func(s *sim) { s.sk = time.Hour },
		"prints in capitals": func(s *sim) {
			s.paper = func(_ fiscal.Op, l []string) []string {
				l = slices.Clone(l)
				for i := range l {
					l[i] = strings.ToUpper(l[i])
				}
				return l
			}
		},
		"random autonomous signs": func(s *sim) { s.autoSign = func(n uint32) uint32 { return n * 2654435761 >> 1 } },
		"taxes on the ticket": onTicket(func(t *canon.TicketRequest) {
			var all []*canon.TicketRequest_Tax
			if slices.ContainsFunc(t.Items, func(it *canon.TicketRequest_Item) bool { return it.Commodity == nil }) {
				return
			}
			for _, it := range t.Items {
				all = append(all, it.GetCommodity().GetTaxes()...)
				if it.Commodity != nil {
					it.Commodity.Taxes = nil
				}
			}
			t.Taxes = all
		}),
		"no document numbers": onTicket(func(t *canon.TicketRequest) { t.PrintedDocumentNumber = nil }),
		"a deposit opens the shift": func(s *sim) {
			s.in("deposit", func() {
				s.do(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 100})
				s.pass(time.Minute)
			})
		},
		"hangs up":     func(s *sim) { s.hangup = 5 * time.Second },
		"slow printer": func(s *sim) { s.print = 1800 * time.Millisecond },
		"zero rows written out": onZ(func(c *canon.CloseShiftRequest) {
			have := map[canon.OperationTypeEnum]bool{}
			for _, o := range c.ZReport.TicketOperations {
				have[o.GetOperation()] = true
			}
			for k := range canon.OperationTypeEnum_name {
				if o := canon.OperationTypeEnum(k); !have[o] {
					c.ZReport.TicketOperations = append(c.ZReport.TicketOperations, &canon.ZXReport_TicketOperation{Operation: o.Enum(), TicketsTotalCount: proto.Uint32(0), TicketsCount: proto.Uint32(0), TicketsSum: cpcr.Money(0), OfflineCount: proto.Uint32(0), DiscountSum: cpcr.Money(0), MarkupSum: cpcr.Money(0), ChangeSum: cpcr.Money(0)})
				}
			}
		}),
		"one more journal line with the mark": onPaper("Z ЕСЕБІ", "Z ЕСЕБІ (не фискальный чек)"),
	}
	for name, spoil := range variants {
		t.Run(name, func(t *testing.T) {
			r := run(t, spoil)
			for d := range rows() {
				for _, j := range ask(t, r, d) {
					if j.Result() == Fail || j.Result() == Error {
						t.Errorf("%s", Explain(r.View, d, j, regulation.English))
					}
				}
			}
		})
	}
}

// What happened in a step that did not hold proves nothing, on either side.
func TestStepsThatDidNotHold(t *testing.T) {
	for _, outcome := range []string{"precondition", "interrupted"} {
		s := newSim(t)
		s.inStep("sell", outcome, func() {
			s.sell(plain())
			s.sell(plain())
		})
		r := s.record()
		for _, d := range []string{"ticket.fields/total", "fiscal.sign/received", "receipt.lines/total", "cycle.single"} {
			if got := worst(ask(t, r, d)); got != Unknown {
				t.Errorf("%s in a step that ended %s = %s, want unknown", d, outcome, got)
			}
		}
		s = newSim(t)
		s.request = func(r *canon.Request, _ bool) { more(&r.Ticket.Amounts.Total) }
		s.inStep("sell", outcome, func() { s.sell(plain()) })
		if got := worst(ask(t, s.record(), "ticket.fields/total")); got != Unknown {
			t.Errorf("a wrong total in a step that ended %s = %s, want unknown", outcome, got)
		}
	}
}

// The bench's own failures are errors and nothing else.
func TestBenchFaults(t *testing.T) {
	s := newSim(t)
	s.in("sell", func() {
		s.sell(plain())
		s.put(history.Bench, history.BenchFault{Where: "printer", Text: "gone"})
	})
	if got := worst(ask(t, s.record(), "ticket.fields/total")); got != Error {
		t.Errorf("evidence in a step with a bench fault = %s, want error", got)
	}

	s = newSim(t)
	s.in("cut", func() {
		s.put(history.Network, history.FaultSet{ID: "f", Fault: "cut"})
		s.put(history.Network, history.FaultCleared{ID: "f", Struck: 0})
	})
	if got := worst(ask(t, s.record(), "offline.cutoff")); got != Unknown {
		t.Errorf("a fault that met nothing, because nothing was sent = %s, want unknown", got)
	}
	s = newSim(t)
	s.in("cut", func() {
		s.put(history.Network, history.FaultSet{ID: "f", Fault: "cut"})
		s.sell(plain())
		s.put(history.Network, history.FaultCleared{ID: "f", Struck: 0})
	})
	if got := worst(ask(t, s.record(), "offline.cutoff")); got != Error {
		t.Errorf("a fault that let everything through = %s, want error", got)
	}

	s = newSim(t)
	s.in("sell", func() { s.sell(plain()) })
	s.at.Mono -= time.Hour
	s.at.Wall = s.at.Wall.Add(-time.Hour)
	s.in("sell", func() { s.sell(plain()) })
	for _, d := range []string{"offline.cutoff", "shift.limit", "latency.online", "offline.enter"} {
		if got := worst(ask(t, s.record(), d)); got != Error {
			t.Errorf("%s with a clock that ran backwards = %s, want error", d, got)
		}
	}
}
