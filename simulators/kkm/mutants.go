package kkm

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Mutant is a register with one defect.
//
// A mutant names what must catch it by check and, for checks that look at one
// detail, by that detail: "offline.cutoff", "zreport.fields/change",
// "offline.sign/unique". The details are the values of the catalogue's
// parameters field=, line=, aspect= and mode= (fixtures/regulations/README.md
// has the tables).
type Mutant struct {
	Name         string
	Defect       string   // what it does wrong, in a sentence
	Caught       []string // checks that must fail
	Consequences []string // checks that may fail as well, because of the same defect
}

type mutant struct {
	Mutant
	quirks
}

// Mutants lists the defects in a fixed order.
func Mutants() []Mutant {
	all := make([]Mutant, len(mutants))
	for i, m := range mutants {
		all[i] = m.Mutant
	}
	return all
}

func mutantNames() []string {
	var all []string
	for _, m := range mutants {
		all = append(all, m.Name)
	}
	return all
}

// mutants is put together from the themes in the files mutants_*.go.
var mutants = slices.Concat(offlineMutants, workMutants, ticketMutants, zMutants, receiptMutants)

func names(s ...string) []string { return s }

// onTicket makes a wire defect of a defect of the ticket.
func onTicket(f func(*canon.TicketRequest)) func(*Register, *canon.Request) {
	return func(_ *Register, q *canon.Request) {
		if q.Ticket != nil && q.GetCommand() == canon.CommandTypeEnum_COMMAND_TICKET {
			f(q.Ticket)
		}
	}
}

// onReg makes a wire defect of a defect of the registration data in one command.
func onReg(cmd canon.CommandTypeEnum, f func(*canon.ServiceRequest_RegInfo)) func(*Register, *canon.Request) {
	return func(_ *Register, q *canon.Request) {
		if q.GetCommand() == cmd {
			f(q.Service.RegInfo_)
		}
	}
}

// onGoods makes a wire defect of a defect of each goods line.
func onGoods(f func(*canon.TicketRequest_Item_Commodity)) func(*Register, *canon.Request) {
	return onTicket(func(t *canon.TicketRequest) {
		for _, it := range t.Items {
			if it.Commodity != nil {
				f(it.Commodity)
			}
		}
	})
}

// onStorno makes a wire defect of a defect of each cancelled goods line.
func onStorno(f func(*canon.TicketRequest_Item_StornoCommodity)) func(*Register, *canon.Request) {
	return onTicket(func(t *canon.TicketRequest) {
		for _, it := range t.Items {
			if it.StornoCommodity != nil {
				f(it.StornoCommodity)
			}
		}
	})
}

// onModifier makes a wire defect of a defect of each discount and markup of a line.
func onModifier(storno bool, f func(*canon.TicketRequest_Modifier)) func(*Register, *canon.Request) {
	return onTicket(func(t *canon.TicketRequest) {
		for _, it := range t.Items {
			for _, m := range []*canon.TicketRequest_Modifier{it.Discount, it.Markup} {
				if m != nil && !storno {
					f(m)
				}
			}
			for _, m := range []*canon.TicketRequest_Modifier{it.StornoDiscount, it.StornoMarkup} {
				if m != nil && storno {
					f(m)
				}
			}
		}
	})
}

// withoutItems leaves lines of some types out.
func withoutItems(types ...canon.TicketRequest_Item_ItemTypeEnum) func(*Register, *canon.Request) {
	return onTicket(func(t *canon.TicketRequest) {
		t.Items = slices.DeleteFunc(t.Items, func(it *canon.TicketRequest_Item) bool { return slices.Contains(types, it.GetType()) })
	})
}

// onClose makes a wire defect of a defect of the close of a shift, outside the Z.
func onClose(f func(*Register, *canon.CloseShiftRequest)) func(*Register, *canon.Request) {
	return func(r *Register, q *canon.Request) {
		if q.CloseShift != nil && q.GetCommand() == canon.CommandTypeEnum_COMMAND_CLOSE_SHIFT {
			f(r, q.CloseShift)
		}
	}
}

// onSales changes the row of the sales in the Z.
func onSales(f func(*canon.ZXReport_TicketOperation)) func(*canon.ZXReport) {
	return func(z *canon.ZXReport) {
		for _, o := range z.TicketOperations {
			if o.GetOperation() == canon.OperationTypeEnum_OPERATION_SELL {
				f(o)
			}
		}
	}
}

// onPaid changes the rows of a payment type in the Z.
func onPaid(p canon.PaymentTypeEnum, f func(*canon.ZXReport_TicketOperation_Payment)) func(*canon.ZXReport) {
	return onSales(func(o *canon.ZXReport_TicketOperation) {
		for _, x := range o.Payments {
			if x.GetPayment() == p {
				f(x)
			}
		}
	})
}

func addMoney(m *canon.Money, d fiscal.Tiyn) *canon.Money {
	t := max(tiyn(m)+d, 0)
	return &canon.Money{Bills: proto.Uint64(uint64(t / 100)), Coins: proto.Uint32(uint32(t % 100))}
}

// wholeTenge drops the tiyn.
func wholeTenge(m *canon.Money) *canon.Money {
	return &canon.Money{Bills: proto.Uint64(m.GetBills()), Coins: proto.Uint32(0)}
}

func tiyn(m *canon.Money) fiscal.Tiyn {
	return fiscal.Tiyn(m.GetBills())*100 + fiscal.Tiyn(m.GetCoins())
}

// plusTenge adds a tenge to a printed amount.
func plusTenge(text string) string {
	t, err := fiscal.ParseTiyn(text)
	if err != nil {
		return text
	}
	return (t + 100).String()
}

// onReturns changes the rows of the returns in the Z.
func onReturns(f func(*canon.ZXReport_TicketOperation)) func(*canon.ZXReport) {
	return func(z *canon.ZXReport) {
		for _, o := range z.TicketOperations {
			if op := o.GetOperation(); op == canon.OperationTypeEnum_OPERATION_SELL_RETURN || op == canon.OperationTypeEnum_OPERATION_BUY_RETURN {
				f(o)
			}
		}
	}
}
