package kkm

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
)

const cmdTicket = canon.CommandTypeEnum_COMMAND_TICKET

// field names a check of the ticket's fields.
func field(f string) string { return "ticket.fields/" + f }

// vatAlso are details that a wrong tax touches.
var vatAlso = names(field("goods.vat"), field("storno.vat"), field("modifier.vat"), field("modifier-storno.vat"), field("vat"), "zreport.fields/vat", "zreport.fields")

var ticketMutants = []mutant{
	{Mutant{"ticket-bin", "sends receipts with a BIN of another taxpayer", names(field("taxpayer.bin")), nil},
		quirks{wire: onReg(cmdTicket, func(g *canon.ServiceRequest_RegInfo) { g.Org.Iin = proto.String("990140009999") })}},
	{Mutant{"ticket-registration", "sends receipts without the registration number", names(field("kkm.registration")), nil},
		quirks{wire: onReg(cmdTicket, func(g *canon.ServiceRequest_RegInfo) { g.Kkm.FnsKkmId = nil })}},
	{Mutant{"ticket-serial", "sends receipts with another factory number", names(field("kkm.serial")), nil},
		quirks{wire: onReg(cmdTicket, func(g *canon.ServiceRequest_RegInfo) { g.Kkm.SerialNumber = proto.String("KKM0000000") })}},
	{Mutant{"ticket-activity", "sends receipts with a fixed kind of activity", names(field("activity")), nil},
		quirks{wire: onReg(cmdTicket, func(g *canon.ServiceRequest_RegInfo) { g.Org.Oked = proto.String("00000") })}},
	{Mutant{"ticket-operation", "sends purchases as sales", names(field("operation")), names("ticket.return", "zreport.fields")},
		quirks{wire: onTicket(func(t *canon.TicketRequest) {
			if t.GetOperation() == canon.OperationTypeEnum_OPERATION_BUY {
				t.Operation = canon.OperationTypeEnum_OPERATION_SELL.Enum()
			}
		})}},
	{Mutant{"ticket-time", "dates receipts ten minutes back", names(field("time")), names("receipt.lines/time", "zreport.fields/shift.begin", "shift.limit", "offline.cutoff", "offline.handover")},
		quirks{wire: onTicket(func(t *canon.TicketRequest) {
			if at, ok := cpcr.Time(t.DateTime, time.UTC); ok {
				t.DateTime = cpcr.Stamp(at.Add(-10 * time.Minute))
			}
		})}},
	{Mutant{"ticket-cashier", "sends every receipt in the name of cashier 1", names(field("cashier")), nil},
		quirks{wire: onTicket(func(t *canon.TicketRequest) { t.Operator = oneOperator() })}},
	{Mutant{"ticket-total", "sends the total without its tiyn", names(field("total")), names("receipt.lines/total", "ticket.return", "zreport.fields", field("vat"))},
		quirks{wire: onTicket(func(t *canon.TicketRequest) { t.Amounts.Total = wholeTenge(t.Amounts.Total) })}},
	{Mutant{"ticket-tendered", "sends the total as the sum that was handed over", names(field("tendered")), names("zreport.fields/tendered")},
		quirks{wire: onTicket(func(t *canon.TicketRequest) {
			if t.Amounts.Taken != nil {
				t.Amounts.Taken = t.Amounts.Total
			}
		})}},
	{Mutant{"ticket-change", "sends zero as the change", names(field("change")), names("zreport.fields/change", "zreport.fields/tendered")},
		quirks{wire: onTicket(func(t *canon.TicketRequest) {
			if t.Amounts.Change != nil {
				t.Amounts.Change = cpcr.Money(0)
			}
		})}},
	{Mutant{"ticket-discount", "does not send the discount on the receipt", names(field("discount")), names("zreport.fields/discounts", "zreport.fields")},
		quirks{wire: onTicket(func(t *canon.TicketRequest) { t.Amounts.Discount = nil })}},
	{Mutant{"ticket-markup", "does not send the markup on the receipt", names(field("markup")), names("zreport.fields/markups", "zreport.fields")},
		quirks{wire: onTicket(func(t *canon.TicketRequest) { t.Amounts.Markup = nil })}},
	{Mutant{"ticket-payment", "sends card payments as mobile ones", names(field("payment")), names(field("payments"), "zreport.fields")},
		quirks{wire: onTicket(func(t *canon.TicketRequest) {
			for _, p := range t.Payments {
				if p.GetType() == canon.PaymentTypeEnum_PAYMENT_CARD {
					p.Type = canon.PaymentTypeEnum_PAYMENT_MOBILE.Enum()
				}
			}
		})}},
	{Mutant{"ticket-payments", "sends the first payment of a mixed receipt only, with the whole sum", names(field("payments")), names(field("payment"), field("tendered"), field("change"), "zreport.fields")},
		quirks{wire: onTicket(func(t *canon.TicketRequest) {
			if len(t.Payments) > 1 {
				t.Payments = t.Payments[:1]
				t.Payments[0].Sum = t.Amounts.Total
			}
		})}},
	{Mutant{"ticket-lines-reversed", "sends the lines of a receipt in reverse order", names(field("lines")), names("ticket.fields", "ticket.return")},
		quirks{wire: onTicket(func(t *canon.TicketRequest) { slices.Reverse(t.Items) })}},
	{Mutant{"ticket-goods-code", "sends the codes of goods one too high", names(field("goods.code")), names(field("goods"), field("lines"))},
		quirks{wire: onGoods(func(c *canon.TicketRequest_Item_Commodity) {
			if c.Code != nil {
				c.Code = proto.Uint64(c.GetCode() + 1)
			}
		})}},
	{Mutant{"ticket-goods-name", "cuts the names of goods to three letters", names(field("goods.name")), names(field("goods"), field("lines"), "receipt.lines/goods.name", "ticket.return")},
		quirks{wire: onGoods(func(c *canon.TicketRequest_Item_Commodity) {
			if n := []rune(c.GetName()); len(n) > 3 {
				c.Name = proto.String(string(n[:3]))
			}
		})}},
	{Mutant{"ticket-goods-section", "sends section 1 for all goods", names(field("goods.section")), names(field("goods"), field("lines"), "zreport.fields")},
		quirks{wire: onGoods(func(c *canon.TicketRequest_Item_Commodity) { c.SectionCode = proto.String("1") })}},
	{Mutant{"ticket-goods-quantity", "sends quantities without their fraction", names(field("goods.quantity")), names(field("goods"), field("lines"), "ticket.return")},
		quirks{wire: onGoods(func(c *canon.TicketRequest_Item_Commodity) {
			c.Quantity = proto.Uint64(max(1000, c.GetQuantity()/1000*1000))
		})}},
	{Mutant{"ticket-goods-price", "sends prices without their tiyn", names(field("goods.price")), names(field("goods"), field("lines"), "receipt.lines/goods.price", "ticket.return")},
		quirks{wire: onGoods(func(c *canon.TicketRequest_Item_Commodity) { c.Price = wholeTenge(c.Price) })}},
	{Mutant{"ticket-goods-sum", "sends line sums without their tiyn", names(field("goods.sum")), names(field("goods"), field("lines"), "ticket.return", "zreport.fields")},
		quirks{wire: onGoods(func(c *canon.TicketRequest_Item_Commodity) { c.Sum = wholeTenge(c.Sum) })}},
	{Mutant{"ticket-goods-vat", "does not send the VAT of goods", names(field("goods.vat")), vatAlso},
		quirks{wire: onGoods(func(c *canon.TicketRequest_Item_Commodity) { c.Taxes = nil })}},
	{Mutant{"ticket-goods-vat-rate", "sends twelve percent of VAT whatever the rate", names(field("goods.vat")), vatAlso},
		quirks{wire: onGoods(func(c *canon.TicketRequest_Item_Commodity) {
			for _, x := range c.Taxes {
				x.Percent = proto.Uint32(12000)
			}
		})}},
	{Mutant{"ticket-modifier", "sends discounts of lines as markups", names(field("modifier")),
		names(field("modifier.name"), field("modifier.sum"), field("modifier.vat"), field("lines"), field("vat"), "zreport.fields", "ticket.fields")},
		quirks{wire: onTicket(func(t *canon.TicketRequest) {
			for _, it := range t.Items {
				if it.Discount != nil {
					it.Type, it.Markup, it.Discount = canon.TicketRequest_Item_ITEM_TYPE_MARKUP.Enum(), it.Discount, nil
				}
			}
		})}},
	{Mutant{"ticket-modifier-sum", "sends discounts and markups of lines a tenge short", names(field("modifier.sum")), names(field("modifier"), field("lines"), "zreport.fields")},
		quirks{wire: onModifier(false, func(m *canon.TicketRequest_Modifier) { m.Sum = addMoney(m.Sum, -100) })}},
	{Mutant{"ticket-modifier-vat", "sends the VAT of discounts and markups of lines a tenge too high", names(field("modifier.vat")), vatAlso},
		quirks{wire: onModifier(false, func(m *canon.TicketRequest_Modifier) {
			for _, x := range m.Taxes {
				x.Sum = addMoney(x.Sum, 100)
			}
		})}},
	{Mutant{"ticket-storno", "does not send reversed goods", names(field("storno")),
		names(field("storno.name"), field("storno.section"), field("storno.quantity"), field("storno.price"), field("storno.sum"), field("storno.vat"), field("lines"), field("vat"), "zreport.fields", "ticket.fields")},
		quirks{wire: withoutItems(canon.TicketRequest_Item_ITEM_TYPE_STORNO_COMMODITY)}},
	{Mutant{"ticket-storno-section", "sends section 9 for all reversed goods", names(field("storno.section")), names(field("storno"), field("lines"), "zreport.fields")},
		quirks{wire: onStorno(func(c *canon.TicketRequest_Item_StornoCommodity) { c.SectionCode = proto.String("9") })}},
	{Mutant{"ticket-storno-quantity", "sends twice the quantity of reversed goods", names(field("storno.quantity")), names(field("storno"), field("lines"))},
		quirks{wire: onStorno(func(c *canon.TicketRequest_Item_StornoCommodity) { c.Quantity = proto.Uint64(2 * c.GetQuantity()) })}},
	{Mutant{"ticket-storno-price", "sends the price of reversed goods a tenge higher", names(field("storno.price")), names(field("storno"), field("lines"))},
		quirks{wire: onStorno(func(c *canon.TicketRequest_Item_StornoCommodity) { c.Price = addMoney(c.Price, 100) })}},
	{Mutant{"ticket-storno-sum", "sends the sum of reversed goods a tenge higher", names(field("storno.sum")), names(field("storno"), field("lines"), "zreport.fields")},
		quirks{wire: onStorno(func(c *canon.TicketRequest_Item_StornoCommodity) { c.Sum = addMoney(c.Sum, 100) })}},
	{Mutant{"ticket-modifier-storno", "sends reversed discounts as discounts", names(field("modifier-storno")),
		names(field("modifier-storno.name"), field("modifier-storno.sum"), field("modifier-storno.vat"), field("lines"), field("vat"), "zreport.fields", "ticket.fields")},
		quirks{wire: onTicket(func(t *canon.TicketRequest) {
			for _, it := range t.Items {
				if it.StornoDiscount != nil {
					it.Type, it.Discount, it.StornoDiscount = canon.TicketRequest_Item_ITEM_TYPE_DISCOUNT.Enum(), it.StornoDiscount, nil
				}
			}
		})}},
	{Mutant{"ticket-modifier-storno-sum", "sends reversed discounts and markups a tenge short", names(field("modifier-storno.sum")), names(field("modifier-storno"), field("lines"), "zreport.fields")},
		quirks{wire: onModifier(true, func(m *canon.TicketRequest_Modifier) { m.Sum = addMoney(m.Sum, -100) })}},
	{Mutant{"ticket-vat", "sends the VAT of a receipt a tenge short", names(field("vat")), vatAlso},
		quirks{wire: onTicket(func(t *canon.TicketRequest) {
			for _, x := range t.Taxes {
				x.Sum = addMoney(x.Sum, -100)
			}
			for _, it := range t.Items {
				if it.Commodity != nil {
					for _, x := range it.Commodity.Taxes {
						x.Sum = addMoney(x.Sum, -100)
						return
					}
				}
			}
		})}},
}
