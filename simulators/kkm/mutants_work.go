package kkm

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

var workMutants = []mutant{
	{Mutant{"shift-late", "sells for an hour after the limit of the shift", names("shift.limit"), nil},
		quirks{shiftExtra: time.Hour}},
	{Mutant{"shift-early", "stops an hour before the limit of the shift", names("shift.limit"), nil},
		quirks{shiftExtra: -time.Hour}},
	{Mutant{"shift-second-late", "sells in the first second past the limit of its shift", names("shift.limit"), nil},
		quirks{shiftExtra: time.Second}},
	{Mutant{"shift-second-early", "stops in the last second of the limit of its shift", names("shift.limit"), nil},
		quirks{shiftExtra: -2 * time.Second}}, // of which one is the second to which the end of a document is rounded up
	{Mutant{"shift-from-deposit", "counts the shift from the first document, be it a deposit, and not from the first payment document", names("shift.limit"), nil},
		quirks{shiftFromFirst: true}},

	{Mutant{"slow-print", "takes eight seconds to print any document", names("latency.online"), names("offline.enter", "shift.limit")},
		quirks{slowPrint: 8 * time.Second}},

	{Mutant{"sign-constant", "keeps and prints a constant instead of the OFD's fiscal sign", names("fiscal.sign/printed"), names("fiscal.sign/received", "fiscal.sign/mark", "receipt.lines/sign")},
		quirks{signReceived: func(*Register, string) string { return "1234567890" }}},
	{Mutant{"sign-stale", "prints the fiscal sign of the receipt before", names("fiscal.sign/printed"), names("fiscal.sign/received", "fiscal.sign/mark", "receipt.lines/sign")},
		quirks{signReceived: func(r *Register, s string) string {
			if r.nv.last != nil && r.nv.last.real != "" {
				return r.nv.last.real
			}
			return s
		}}},
	{Mutant{"sign-absent", "prints online receipts without the OFD's fiscal sign", names("fiscal.sign/printed"), names("fiscal.sign/received", "fiscal.sign/mark", "receipt.lines/sign")},
		quirks{signPrinted: func(d *document, s string) string {
			if d.Sign == 0 {
				return ""
			}
			return s
		}}},
	{Mutant{"mark-without-sign", "prints a receipt with the fiscal mark although the OFD refused it", names("fiscal.sign/mark", "fiscal.sign/unbacked"), names("receipt.lines", "block.server")},
		quirks{wordsWhenRefused: true}},
	{Mutant{"mark-on-test", "prints the fiscal mark on a trial receipt", names("fiscal.sign/mark", "fiscal.sign/unbacked"), nil},
		quirks{wordsOnTest: true}},

	{Mutant{"return-as-sale", "sends returns as sales", names("ticket.return"), names("ticket.fields", "zreport.fields")},
		quirks{wire: onTicket(func(t *canon.TicketRequest) {
			switch t.GetOperation() {
			case canon.OperationTypeEnum_OPERATION_SELL_RETURN:
				t.Operation = canon.OperationTypeEnum_OPERATION_SELL.Enum()
			case canon.OperationTypeEnum_OPERATION_BUY_RETURN:
				t.Operation = canon.OperationTypeEnum_OPERATION_BUY.Enum()
			}
		})}},
	{Mutant{"return-unsent", "prints returns and does not send them", names("ticket.return"), names("ticket.fields", "zreport.fields", "fiscal.sign", "receipt.lines", "cycle.single", "offline.mark", "offline.cutoff", "offline.handover", "offline.sign")},
		quirks{silent: map[string]bool{string(fiscal.SaleReturn): true, string(fiscal.BuyReturn): true}}},
	{Mutant{"return-amount", "sends returns with an amount that is a tenge short", names("ticket.return"), names("ticket.fields", "zreport.fields", "receipt.lines")},
		quirks{wire: onTicket(func(t *canon.TicketRequest) {
			if op := t.GetOperation(); op == canon.OperationTypeEnum_OPERATION_SELL_RETURN || op == canon.OperationTypeEnum_OPERATION_BUY_RETURN {
				t.Amounts.Total = addMoney(t.Amounts.Total, -100)
				for _, p := range t.Payments[:min(1, len(t.Payments))] {
					p.Sum = addMoney(p.Sum, -100)
				}
			}
		})}},

	{Mutant{"cash-unsent", "does not report deposits and withdrawals", names("cash.placement"), names("zreport.fields", "ticket.return", "offline.handover")},
		quirks{silent: map[string]bool{string(fiscal.OpDeposit): true, string(fiscal.OpWithdraw): true}}},
	{Mutant{"cash-kind", "reports withdrawals as deposits", names("cash.placement"), names("zreport.fields")},
		quirks{wire: func(_ *Register, q *canon.Request) {
			if q.MoneyPlacement != nil {
				q.MoneyPlacement.Operation = canon.MoneyPlacementEnum_MONEY_PLACEMENT_DEPOSIT.Enum()
			}
		}}},
	{Mutant{"cash-sum", "reports deposits and withdrawals without their tiyn, and a tenge more", names("cash.placement"), names("zreport.fields", "ticket.return")},
		quirks{wire: func(_ *Register, q *canon.Request) {
			if q.MoneyPlacement != nil {
				q.MoneyPlacement.Sum = addMoney(wholeTenge(q.MoneyPlacement.Sum), 100)
			}
		}}},

	{Mutant{"block-ignored", "takes the OFD's order to suspend for silence, and goes on selling without it", names("block.server"), names("offline.enter", "fiscal.sign", "latency.online")},
		quirks{sellsBlocked: true}},
	{Mutant{"block-silent", "gives no notice of its suspension", names("block.server"), nil},
		quirks{noBlockNotice: true}},
	{Mutant{"notice-hidden", "neither shows nor prints the texts that come with the OFD's answers", names("notice.shown"), nil},
		quirks{hidesNotices: true}},

	{Mutant{"cycle-queued", "puts every receipt aside and sends it a minute later", names("cycle.single"),
		names("offline.enter", "offline.mark", "offline.sign", "offline.handover", "offline.shiftclose", "offline.cutoff", "fiscal.sign", "latency.online", "ticket.return", "block.server", "notice.shown", "zreport.fields", "ticket.fields", "receipt.lines", "link.tcp")},
		quirks{keepsToItself: true}},
	{Mutant{"cycle-doubled", "sends every online receipt twice", names("cycle.single"), names("zreport.fields", "ticket.return", "ticket.fields", "offline.handover", "latency.online")},
		quirks{doubles: true}},
	{Mutant{"cycle-no-paper", "sends receipts and prints nothing", names("cycle.single"), names("receipt.lines", "fiscal.sign", "offline.sign", "offline.mark", "ticket.return", "ticket.fields", "offline.enter", "offline.receipt", "document.printed")},
		quirks{printsNothing: true}},

	{Mutant{"link-garbage", "sends the first try of every request with a wrong application code", names("link.tcp"), names("cycle.single", "offline.handover", "selftest.finds/link", "auth.token")},
		quirks{firstTry: func(raw []byte) []byte { raw[0] ^= 0xFF; return raw }}},
	{Mutant{"link-truncated", "sends the first try of every request without a payload that its size announces, and closes", names("link.tcp"), names("cycle.single", "offline.handover", "selftest.finds/link", "auth.token")},
		quirks{firstTry: func(raw []byte) []byte {
			raw[4], raw[5], raw[6], raw[7] = 17, 0, 0, 0 // SIZE below the header's own
			return raw
		}}},

	{Mutant{"password-any-sale", "registers sales whatever the password", names("access.password/sale"), names("ticket.fields/cashier")},
		quirks{anyPassword: map[fiscal.OpKind]bool{fiscal.OpReceipt: true, fiscal.OpDeposit: true, fiscal.OpWithdraw: true}}},
	{Mutant{"password-any-setting", "takes settings whatever the password", names("access.password/settings"), nil},
		quirks{anyPassword: map[fiscal.OpKind]bool{fiscal.OpSetSetting: true, fiscal.OpSetClock: true}}},
	{Mutant{"password-any-z", "closes the shift whatever the password", names("access.password/close"), nil},
		quirks{anyPassword: map[fiscal.OpKind]bool{fiscal.OpZReport: true}}},
	{Mutant{"password-short", "takes a password that is shorter than it must be", names("access.password"), nil},
		quirks{shortPassword: true}},

	{Mutant{"clock-back", "lets its clock be set before the last document", names("clock.lowerbound"), nil},
		quirks{clockBack: true}},
	{Mutant{"clock-in-shift", "lets its clock be set while the shift is open", names("config.shiftclosed"), names("clock.lowerbound")},
		quirks{clockInShift: true}},
	{Mutant{"settings-in-shift", "lets the address of the OFD be changed while the shift is open", names("config.shiftclosed"), nil},
		quirks{settingsInShift: true}},
}

// oneOperator is the number that a register without names for its people sends.
func oneOperator() *canon.Operator { return &canon.Operator{Code: proto.Uint32(1)} }
