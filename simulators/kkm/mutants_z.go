package kkm

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
)

const (
	cmdClose = canon.CommandTypeEnum_COMMAND_CLOSE_SHIFT
	payCash  = canon.PaymentTypeEnum_PAYMENT_CASH
	payCard  = canon.PaymentTypeEnum_PAYMENT_CARD
)

// figure names a check of the Z.
func figure(f string) string { return "zreport.fields/" + f }

var zMutants = []mutant{
	{Mutant{"z-bin", "closes shifts with a BIN of another taxpayer", names(figure("taxpayer.bin")), nil},
		quirks{wire: onReg(cmdClose, func(g *canon.ServiceRequest_RegInfo) { g.Org.Iin = proto.String("990140009999") })}},
	{Mutant{"z-registration", "closes shifts without the registration number", names(figure("kkm.registration")), nil},
		quirks{wire: onReg(cmdClose, func(g *canon.ServiceRequest_RegInfo) { g.Kkm.FnsKkmId = nil })}},
	{Mutant{"z-serial", "closes shifts with another factory number", names(figure("kkm.serial")), nil},
		quirks{wire: onReg(cmdClose, func(g *canon.ServiceRequest_RegInfo) { g.Kkm.SerialNumber = proto.String("KKM0000000") })}},
	{Mutant{"z-time", "dates the Z and the close ten minutes back", names(figure("time")), names(figure("shift.end"), "offline.shiftclose")},
		quirks{wire: onClose(func(_ *Register, c *canon.CloseShiftRequest) {
			if at, ok := cpcr.Time(c.CloseTime, time.UTC); ok {
				c.CloseTime = cpcr.Stamp(at.Add(-10 * time.Minute))
				if c.ZReport != nil {
					c.ZReport.DateTime = c.CloseTime
				}
			}
		})}},
	{Mutant{"z-shift-begin", "tells the beginning of the day as the beginning of the shift", names(figure("shift.begin")), nil},
		quirks{report: func(z *canon.ZXReport) {
			z.OpenShiftTime.Time = &canon.Time{Hour: proto.Uint32(0), Minute: proto.Uint32(0), Second: proto.Uint32(1)}
		}}},
	{Mutant{"z-shift-end", "tells the end of the day as the end of the shift", names(figure("shift.end")), names(figure("time"), "offline.shiftclose")},
		quirks{report: func(z *canon.ZXReport) {
			if z.CloseShiftTime != nil {
				z.CloseShiftTime = &canon.DateTime{Date: z.CloseShiftTime.Date, Time: &canon.Time{Hour: proto.Uint32(23), Minute: proto.Uint32(59), Second: proto.Uint32(59)}}
			}
		}}},
	{Mutant{"z-cashier", "closes shifts without telling who did it: operator 0", names(figure("cashier")), nil},
		quirks{wire: onClose(func(_ *Register, c *canon.CloseShiftRequest) { c.Operator = &canon.Operator{Code: proto.Uint32(0)} })}},
	{Mutant{"z-documents", "numbers every close of a shift 1", names(figure("documents.count")), names("receipt.lines/number", "offline.shiftclose")},
		quirks{wire: onClose(func(_ *Register, c *canon.CloseShiftRequest) {
			c.PrintedDocumentNumber = proto.Uint64(1)
		})}},
	{Mutant{"z-receipts-count", "counts one sale too many", names(figure("receipts.count")), names("offline.shiftclose", "shift.close")},
		quirks{report: onSales(func(o *canon.ZXReport_TicketOperation) { o.TicketsCount = proto.Uint32(o.GetTicketsCount() + 1) })}},
	{Mutant{"z-refunds-count", "counts no returns", names(figure("refunds.count")), names(figure("receipts.count"), "shift.close")},
		quirks{report: onReturns(func(o *canon.ZXReport_TicketOperation) { o.TicketsCount = proto.Uint32(0) })}},
	{Mutant{"z-offline-count", "counts no offline receipts", names(figure("offline.count")), names("offline.shiftclose")},
		quirks{report: onSales(func(o *canon.ZXReport_TicketOperation) { o.OfflineCount = proto.Uint32(0) })}},
	{Mutant{"z-receipts-sum", "adds the sales up a tenge short", names(figure("receipts.sum")), names("offline.shiftclose", "shift.close")},
		quirks{report: onSales(func(o *canon.ZXReport_TicketOperation) { o.TicketsSum = addMoney(o.TicketsSum, -100) })}},
	{Mutant{"z-refunds-sum", "adds no returns up", names(figure("refunds.sum")), names(figure("receipts.sum"), "shift.close")},
		quirks{report: onReturns(func(o *canon.ZXReport_TicketOperation) { o.TicketsSum = cpcr.Money(0) })}},
	{Mutant{"z-change", "tells no change in the Z", names(figure("change")), names(figure("tendered"))},
		quirks{report: onSales(func(o *canon.ZXReport_TicketOperation) { o.ChangeSum = cpcr.Money(0) })}},
	{Mutant{"z-discounts", "tells no discounts in the Z", names(figure("discounts")), nil},
		quirks{report: func(z *canon.ZXReport) {
			for _, o := range z.Discounts {
				o.Sum = cpcr.Money(0)
			}
			for _, o := range z.TicketOperations {
				o.DiscountSum = cpcr.Money(0)
			}
		}}},
	{Mutant{"z-markups", "tells no markups in the Z", names(figure("markups")), nil},
		quirks{report: func(z *canon.ZXReport) {
			for _, o := range z.Markups {
				o.Sum = cpcr.Money(0)
			}
			for _, o := range z.TicketOperations {
				o.MarkupSum = cpcr.Money(0)
			}
		}}},
	{Mutant{"z-cash-count", "counts one cash receipt too many", names(figure("cash.count")), names(figure("cash.sum"))},
		quirks{report: onPaid(payCash, func(p *canon.ZXReport_TicketOperation_Payment) { p.Count = proto.Uint32(p.GetCount() + 1) })}},
	{Mutant{"z-card-count", "counts no card receipts", names(figure("card.count")), names(figure("card.sum"))},
		quirks{report: onPaid(payCard, func(p *canon.ZXReport_TicketOperation_Payment) { p.Count = proto.Uint32(0) })}},
	{Mutant{"z-cash-sum", "adds cash payments up with the change", names(figure("cash.sum")), names(figure("tendered"))},
		quirks{report: onSales(func(o *canon.ZXReport_TicketOperation) {
			for _, p := range o.Payments {
				if p.GetPayment() == payCash {
					change := o.GetChangeSum()
					p.Sum = addMoney(p.Sum, tiyn(change))
				}
			}
		})}},
	{Mutant{"z-card-sum", "adds card payments up a tenge too high", names(figure("card.sum")), names(figure("tendered"))},
		quirks{report: onPaid(payCard, func(p *canon.ZXReport_TicketOperation_Payment) { p.Sum = addMoney(p.Sum, 100) })}},
	{Mutant{"z-vat", "tells half of the VAT in the Z", names(figure("vat")), nil},
		quirks{report: func(z *canon.ZXReport) {
			for _, x := range z.Taxes {
				for _, o := range x.Operations {
					o.Sum = cpcr.Money(tiyn(o.Sum) / 2)
				}
			}
		}}},
	{Mutant{"z-checksum-constant", "sends the same checksum with every Z", names(figure("checksum")), nil},
		quirks{checksum: "00C0FFEE"}},
	{Mutant{"z-checksum-absent", "sends the Z without a checksum", names(figure("checksum")), nil},
		quirks{wire: onClose(func(_ *Register, c *canon.CloseShiftRequest) { c.ZReport.Checksum = nil })}},
	{Mutant{"z-store-constant", "sends the same checksum of the fiscal memory with every Z", names(figure("checksum.store")), nil},
		quirks{storeConstant: true}},
}
