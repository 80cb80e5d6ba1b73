package scenarios

import (
	"context"

	"github.com/kkmtest/kkmtest/bench"
	"github.com/kkmtest/kkmtest/fiscal"
)

// SingleCycle sells once, with nothing around it.
func SingleCycle() bench.Scenario {
	return bench.Scenario{
		Key:    "receipt/cycle",
		Doc:    "One sale is one receipt and one message.",
		Checks: []string{"cycle.single", "link.tcp"},
		Also:   []string{"fiscal.sign", "receipt.lines"},
		Steps: []bench.Step{
			begin(),
			{Name: "sell one thing and do nothing else", Run: sell(plain())},
			{Name: "wait: nothing more may come by itself", After: bench.Pause(breath, "nothing more may come by itself"), Run: func(ctx context.Context, b *bench.Bench) error {
				return look(ctx, b, "")
			}},
			end(),
		},
	}
}

// Tickets enters every kind of position, payment and modifier that a receipt can hold.
func Tickets() bench.Scenario {
	tea := fiscal.Line{Kind: fiscal.Goods, Name: "Шай үнді, қара, өте жақсы", Code: 101, Section: 2, Qty: 1234, Price: 45075, VAT: &vat}
	third := fiscal.Line{Kind: fiscal.Goods, Name: "Үштен бірі", Section: 1, Qty: 3000, Price: 3333}
	service := fiscal.Line{Kind: fiscal.Goods, Name: "Жеткізу қызметі", Section: 3, Qty: 1000, Price: 70000}
	milk := fiscal.Line{Kind: fiscal.Goods, Name: "Сүт", Section: 2, Qty: 3000, Price: 50000, VAT: &vat}
	storno := fiscal.Line{Kind: fiscal.GoodsStorno, Name: "Сүт", Section: 2, Qty: 2000, Price: 50000, VAT: &vat}
	less := fiscal.Line{Kind: fiscal.Discount, Name: "Жеңілдік", Sum: 1000, VAT: &vat}
	lessBack := fiscal.Line{Kind: fiscal.DiscountStorno, Name: "Жеңілдік", Sum: 1000, VAT: &vat}
	more := fiscal.Line{Kind: fiscal.Markup, Name: "Үстеме", Sum: 1500, VAT: &vat}
	moreBack := fiscal.Line{Kind: fiscal.MarkupStorno, Name: "Үстеме", Sum: 1500, VAT: &vat}

	positions := fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{bread(), tea, third}, Payments: cash(fiscal.Tenge(2000))}
	taken := fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{service}, Payments: cash(fiscal.Tenge(1000))}
	byCard := fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{service, bread()}}
	byCard.Payments = card(byCard.Total())
	mixed := fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{service, tea}}
	mixed.Payments = []fiscal.Payment{{Kind: fiscal.Card, Sum: fiscal.Tenge(500)}, {Kind: fiscal.Cash, Sum: fiscal.Tenge(1000)}}
	reduced := fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{milk}, Discount: fiscal.Tenge(50)}
	reduced.Payments = cash(reduced.Total())
	raised := fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{milk}, Markup: fiscal.Tenge(25)}
	raised.Payments = cash(raised.Total())
	modified := fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{milk, less, bread(), more}}
	modified.Payments = cash(modified.Total())
	reversed := fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{bread(), milk, storno}}
	reversed.Payments = cash(reversed.Total())
	undone := fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{milk, less, lessBack, bread(), more, moreBack}}
	undone.Payments = cash(undone.Total())
	known := plain()
	known.Customer = "850101300123"

	return bench.Scenario{
		Key:    "receipt/fields",
		Doc:    "Receipts with everything that a ticket message has a field for.",
		Checks: []string{"ticket.fields", "receipt.lines"},
		Also:   []string{"fiscal.sign", "cycle.single", "zreport.fields"},
		Steps: []bench.Step{
			begin(),
			{Name: "sell three positions of two sections, one weighed, one with a sum that does not divide; cash with change", Run: sell(positions)},
			{Name: "sell a service for 700, the buyer hands over 1000", Run: sell(taken)},
			{Name: "sell as another cashier, paid by card", Run: func(ctx context.Context, b *bench.Bench) error {
				try(ctx, b, by(receipt(byCard), secondCashier))
				return nil
			}},
			{Name: "sell, paid partly by card and partly in cash with change", Run: sell(mixed)},
			{Name: "sell with a discount on the whole receipt", Run: sell(reduced)},
			{Name: "sell with a markup on the whole receipt", Run: sell(raised)},
			{Name: "sell with a discount on one position and a markup on another", Run: sell(modified)},
			{Name: "sell and take one position back before closing", Run: sell(reversed)},
			{Name: "sell and take a discount and a markup back before closing", Run: sell(undone)},
			{Name: "buy from a visitor", Run: func(ctx context.Context, b *bench.Bench) error {
				r := plain()
				r.Kind = fiscal.Buy
				try(ctx, b, receipt(r))
				return nil
			}},
			{Name: "sell to a buyer who gives the number of a taxpayer", Run: trySell(known)},
			end(),
		},
	}
}

// Returns gives back what was sold and what was bought.
func Returns() bench.Scenario {
	back := func(kind, returned fiscal.ReceiptKind, pay func(fiscal.Tiyn) []fiscal.Payment) run {
		return func(ctx context.Context, b *bench.Bench) error {
			r := fiscal.Receipt{Kind: kind, Lines: []fiscal.Line{bread(), {Kind: fiscal.Goods, Name: "Қант", Section: 2, Qty: 500, Price: 60000, VAT: &vat}}}
			r.Payments = pay(r.Total())
			first := must(ctx, b, receipt(r))
			parent, err := b.ParentOf(first)
			if err != nil {
				return err
			}
			r.Kind, r.Parent = returned, &parent
			try(ctx, b, receipt(r))
			return nil
		}
	}
	return bench.Scenario{
		Key:    "receipt/return",
		Doc:    "Sales and purchases are taken back, each with the receipt that it refers to.",
		Checks: []string{"ticket.return", "ticket.fields"},
		Also:   []string{"fiscal.sign", "receipt.lines"},
		Steps: []bench.Step{
			begin(),
			{Name: "sell for cash and take it back", Run: back(fiscal.Sale, fiscal.SaleReturn, cash)},
			{Name: "sell by card and take it back", Run: back(fiscal.Sale, fiscal.SaleReturn, card)},
			{Name: "buy from a visitor and give it back", Run: back(fiscal.Buy, fiscal.BuyReturn, cash)},
			end(),
		},
	}
}

// CashPlacement puts cash into the drawer and takes some out.
func CashPlacement() bench.Scenario {
	return bench.Scenario{
		Key:    "cash/placement",
		Doc:    "Cash goes in and out.",
		Checks: []string{"cash.placement"},
		Steps: []bench.Step{
			begin(),
			{Name: "put 500 in", Run: func(ctx context.Context, b *bench.Bench) error {
				try(ctx, b, fiscal.Op{Kind: fiscal.OpDeposit, Cash: fiscal.Tenge(500)})
				return nil
			}},
			{Name: "take 200 out", Run: func(ctx context.Context, b *bench.Bench) error {
				try(ctx, b, fiscal.Op{Kind: fiscal.OpWithdraw, Cash: fiscal.Tenge(200)})
				return nil
			}},
			end(),
		},
	}
}

// ofdBadRequest is the result code of a request that the OFD cannot take (cpcr.md 6).
const ofdBadRequest = 13

// FiscalSign makes documents with and without a sign of the OFD.
func FiscalSign(p bench.Params) bench.Scenario {
	return bench.Scenario{
		Key:    "receipt/sign",
		Doc:    "The fiscal mark belongs to documents that have a sign, and to no others.",
		Checks: []string{"fiscal.sign"},
		Also:   []string{"offline.mark", "modes.main"},
		Steps: []bench.Step{
			begin(),
			{Name: "sell: the OFD gives a sign", Run: sell(plain())},
			{Name: "print the last receipt again", Run: func(ctx context.Context, b *bench.Bench) error {
				try(ctx, b, fiscal.Op{Kind: fiscal.OpCopy})
				return nil
			}},
			{Name: "make a trial print", Run: func(ctx context.Context, b *bench.Bench) error {
				try(ctx, b, fiscal.Op{Kind: fiscal.OpTestPrint, As: admin})
				return nil
			}},
			{Name: "sell while the OFD refuses the receipt", Run: func(ctx context.Context, b *bench.Bench) error {
				if err := b.AnswerTickets(ofdBadRequest, "refused on purpose"); err != nil {
					return err
				}
				try(ctx, b, receipt(plain()))
				return b.Calm()
			}},
			{Name: "sell without any connection", Run: func(ctx context.Context, b *bench.Bench) error {
				if err := b.CutAll(); err != nil {
					return err
				}
				try(ctx, b, receipt(plain()))
				return nil
			}},
			end(),
		},
	}
}

// ZReport works a whole shift with everything that a Z report counts.
func ZReport(p bench.Params) bench.Scenario {
	milk := fiscal.Line{Kind: fiscal.Goods, Name: "Сүт", Section: 2, Qty: 2000, Price: 50000, VAT: &vat}
	untaxed := fiscal.Line{Kind: fiscal.Goods, Name: "Кітап", Section: 3, Qty: 1000, Price: 123400}
	return bench.Scenario{
		Key:    "shift/zreport",
		Doc:    "A shift with all kinds of operations, one receipt made without a connection, and all reports.",
		Checks: []string{"zreport.fields"},
		Also:   []string{"shift.close"},
		Steps: []bench.Step{
			begin(),
			{Name: "close that shift, so that the next one is known from its first document", Run: func(ctx context.Context, b *bench.Bench) error {
				must(ctx, b, zReport())
				return nil
			}},
			{Name: "put change money in", After: bench.Pause(breath, "the shift opens at a time of its own"), Run: func(ctx context.Context, b *bench.Bench) error {
				try(ctx, b, fiscal.Op{Kind: fiscal.OpDeposit, Cash: fiscal.Tenge(10000)})
				return nil
			}},
			{Name: "sell for cash with change, taxed and untaxed", Run: func(ctx context.Context, b *bench.Bench) error {
				try(ctx, b, receipt(fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{milk, untaxed}, Payments: cash(fiscal.Tenge(5000))}))
				return nil
			}},
			{Name: "sell by card, as another cashier", Run: func(ctx context.Context, b *bench.Bench) error {
				r := fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{milk}}
				r.Payments = card(r.Total())
				try(ctx, b, by(receipt(r), secondCashier))
				return nil
			}},
			{Name: "sell, paid partly by card", Run: func(ctx context.Context, b *bench.Bench) error {
				r := fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{untaxed}}
				r.Payments = []fiscal.Payment{{Kind: fiscal.Card, Sum: fiscal.Tenge(1000)}, {Kind: fiscal.Cash, Sum: fiscal.Tenge(500)}}
				try(ctx, b, receipt(r))
				return nil
			}},
			{Name: "sell with a discount, then with a markup", Run: func(ctx context.Context, b *bench.Bench) error {
				for _, r := range []fiscal.Receipt{
					{Kind: fiscal.Sale, Lines: []fiscal.Line{milk}, Discount: fiscal.Tenge(100)},
					{Kind: fiscal.Sale, Lines: []fiscal.Line{untaxed}, Markup: fiscal.Tenge(34)},
				} {
					r.Payments = cash(r.Total())
					try(ctx, b, receipt(r))
				}
				return nil
			}},
			{Name: "sell and take it back, buy and give it back", Run: func(ctx context.Context, b *bench.Bench) error {
				for _, k := range [][2]fiscal.ReceiptKind{{fiscal.Sale, fiscal.SaleReturn}, {fiscal.Buy, fiscal.BuyReturn}} {
					r := fiscal.Receipt{Kind: k[0], Lines: []fiscal.Line{milk}}
					r.Payments = cash(r.Total())
					parent, err := b.ParentOf(must(ctx, b, receipt(r)))
					if err != nil {
						return err
					}
					r.Kind, r.Parent = k[1], &parent
					try(ctx, b, receipt(r))
				}
				return nil
			}},
			{Name: "buy from a visitor, keep it", Run: func(ctx context.Context, b *bench.Bench) error {
				r := plain()
				r.Kind = fiscal.Buy
				try(ctx, b, receipt(r))
				return nil
			}},
			{Name: "take money out", Run: func(ctx context.Context, b *bench.Bench) error {
				try(ctx, b, fiscal.Op{Kind: fiscal.OpWithdraw, Cash: fiscal.Tenge(3000)})
				return nil
			}},
			{Name: "sell once without a connection, restore it, wait for the hand-over", Run: func(ctx context.Context, b *bench.Bench) error {
				if err := b.CutAll(); err != nil {
					return err
				}
				try(ctx, b, receipt(plain()))
				return handOver(ctx, b)
			}},
			{Name: "print the X report and the reports by cashiers and by sections", Run: func(ctx context.Context, b *bench.Bench) error {
				try(ctx, b, xReport())
				for _, k := range []fiscal.OpKind{fiscal.OpReportCashiers, fiscal.OpReportSections} {
					try(ctx, b, fiscal.Op{Kind: k, As: admin})
				}
				return nil
			}},
			{Name: "close the shift with the Z report", Run: func(ctx context.Context, b *bench.Bench) error {
				try(ctx, b, zReport())
				_, err := b.State(ctx)
				return err
			}},
			{Name: "work and close a second, smaller shift", Run: func(ctx context.Context, b *bench.Bench) error {
				try(ctx, b, receipt(plain()))
				try(ctx, b, zReport())
				return nil
			}},
			end(),
		},
	}
}
