package scenarios

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench"
	"github.com/kkmtest/kkmtest/fiscal"
)

// reportMark is by how much the OFD's own reports differ from the register's while
// it is looked whose figures a print holds: a sum that nothing else in the shift has.
const reportMark = fiscal.Tiyn(123407)

// Documents prints every report, with a link and without, in a shift of two
// cashiers and two sections, none of whose sums is like another.
func Documents() bench.Scenario {
	goods := func(name string, section int, price fiscal.Tiyn) fiscal.Line {
		return fiscal.Line{Kind: fiscal.Goods, Name: name, Section: section, Qty: 1000, Price: price, VAT: &vat}
	}
	sale := func(l ...fiscal.Line) fiscal.Receipt {
		r := fiscal.Receipt{Kind: fiscal.Sale, Lines: l}
		r.Payments = cash(r.Total())
		return r
	}
	work := func(ctx context.Context, b *bench.Bench) error {
		try(ctx, b, receipt(sale(goods("Сүт", 1, 31100), goods("Қаймақ", 2, 47300))))
		try(ctx, b, by(receipt(sale(goods("Май", 1, 92900))), secondCashier))
		try(ctx, b, by(receipt(sale(goods("Ірімшік", 2, 156700))), secondCashier))
		return nil
	}
	reports := func(ctx context.Context, b *bench.Bench) error {
		try(ctx, b, xReport())
		for _, k := range []fiscal.OpKind{fiscal.OpReportCashiers, fiscal.OpReportSections} {
			try(ctx, b, fiscal.Op{Kind: k, As: admin})
		}
		return nil
	}
	closing := func(ctx context.Context, b *bench.Bench) error {
		t := try(ctx, b, zReport())
		return look(ctx, b, t.Op.ID)
	}
	return bench.Scenario{
		Key:    "report/documents",
		Doc:    "Reports by cashiers and sections, X and Z, with a link and without.",
		Checks: []string{"document.printed", "report.source", "shift.close"},
		Also:   []string{"zreport.fields", "modes.main"},
		Steps: []bench.Step{
			begin(),
			{Name: "close that shift, so that this one holds nothing else", Run: func(ctx context.Context, b *bench.Bench) error {
				must(ctx, b, zReport())
				return nil
			}},
			{Name: "sell as two cashiers in two sections", Run: work},
			{Name: "print the X report and the reports by cashiers and by sections; the OFD's own report differs by a sum of cash", Run: func(ctx context.Context, b *bench.Bench) error {
				if err := b.MarkReports(reportMark); err != nil {
					return err
				}
				return reports(ctx, b)
			}},
			{Name: "close the shift; the OFD's own report differs by a sum of cash", Run: func(ctx context.Context, b *bench.Bench) error {
				if err := closing(ctx, b); err != nil {
					return err
				}
				return b.Calm()
			}},
			{Name: "cut every connection, sell as two cashiers in two sections, print every report", Run: func(ctx context.Context, b *bench.Bench) error {
				if err := b.CutAll(); err != nil {
					return err
				}
				for _, r := range []fiscal.Op{receipt(sale(goods("Нан", 1, 20300))), by(receipt(sale(goods("Шай", 2, 78100))), secondCashier)} {
					try(ctx, b, r)
				}
				return reports(ctx, b)
			}},
			{Name: "close the shift without a connection", After: bench.Pause(breath, "the clock goes on"), Run: closing},
			{Name: "restore, hand over", Run: handOver},
			end(),
		},
	}
}

// Channels leaves the register one channel at a time.
func Channels() bench.Scenario {
	return bench.Scenario{
		Key:    "link/channels",
		Doc:    "Each channel between register and OFD is left alone in turn, and a sale is made over it.",
		Checks: []string{"link.channels"},
		Steps: []bench.Step{
			begin(),
			{Name: "cut all channels but one, sell, wait until it is handed over; each channel in turn", Run: func(ctx context.Context, b *bench.Bench) error {
				for _, free := range b.Links() {
					if err := b.CutAllBut(free); err != nil {
						return err
					}
					try(ctx, b, receipt(plain()))
					try(ctx, b, receipt(plain()))
					if err := b.AwaitHandOver(ctx); err != nil {
						return err
					}
					try(ctx, b, receipt(plain()))
					if err := b.RestoreLinks(free); err != nil {
						return err
					}
					if err := b.AwaitHandOver(ctx); err != nil {
						return err
					}
				}
				return nil
			}},
			end(),
		},
	}
}

// Token types a wrong token and puts it right.
func Token() bench.Scenario {
	return bench.Scenario{
		Key:    "settings/token",
		Doc:    "A token that the OFD does not know is typed, and then the right one.",
		Checks: []string{"auth.token", "config.entry"},
		Late:   true,
		Steps: []bench.Step{
			begin(),
			{Name: "type another token, try to sell twice", Run: func(ctx context.Context, b *bench.Bench) error {
				now, ok := b.Token()
				if !ok {
					return nil
				}
				t, err := b.Type(ctx, fiscal.SetToken, bench.TokenText(now^1))
				if err != nil || !t.OK() {
					return err
				}
				for range 2 {
					t := try(ctx, b, receipt(plain()))
					if err := look(ctx, b, t.Op.ID); err != nil {
						return err
					}
				}
				t, err = b.Type(ctx, fiscal.SetToken, bench.TokenText(now))
				if err != nil || !t.OK() {
					return err
				}
				if err := b.Pass(ctx, blockPatience, "the register asks by itself whether the token is right now"); err != nil {
					return err
				}
				try(ctx, b, receipt(plain()))
				return nil
			}},
			end(),
		},
	}
}

// Address enters another port of the OFD, and the right one again.
func Address() bench.Scenario {
	set := func(ctx context.Context, b *bench.Bench, to string) bench.Taken {
		return try(ctx, b, fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDPort, Value: to, As: admin})
	}
	var was string
	return bench.Scenario{
		Key:    "settings/address",
		Doc:    "A port where no OFD is, entered with the shift closed; a sale; the right port again.",
		Checks: []string{"config.entry"},
		Steps: []bench.Step{
			begin(),
			{Name: "close the shift, enter another port of the OFD", Run: func(ctx context.Context, b *bench.Bench) error {
				must(ctx, b, zReport())
				v, err := b.Setting(ctx, fiscal.SetOFDPort)
				if err != nil {
					return err
				}
				was = v
				set(ctx, b, otherPort(was))
				_, err = b.Setting(ctx, fiscal.SetOFDPort)
				return err
			}},
			{Name: "sell: nothing may come to the former port", Run: func(ctx context.Context, b *bench.Bench) error {
				try(ctx, b, receipt(plain()))
				s, err := b.State(ctx)
				if err != nil {
					return err
				}
				if s.ShiftOpen {
					try(ctx, b, zReport())
				}
				return nil
			}},
			{Name: "enter the right port, hand over, sell", Run: func(ctx context.Context, b *bench.Bench) error {
				if was == "" {
					v, err := b.Setting(ctx, fiscal.SetOFDPort)
					if err != nil {
						return err
					}
					was = v
				}
				set(ctx, b, was)
				if err := b.AwaitHandOver(ctx); err != nil {
					return err
				}
				try(ctx, b, receipt(plain()))
				return nil
			}},
			end(),
		},
	}
}

// Numbers enters another registration number and another identification number,
// each with the shift closed, and the right one again.
func Numbers(p bench.Params) bench.Scenario {
	length := 12
	if p.Has("config.entry", "length") {
		length = p.Int("config.entry", "length")
	}
	other := strings.Repeat("1", length) // of the length that must be taken whole
	with := func(s fiscal.Setting, value string, was func(*bench.Bench) string) run {
		return func(ctx context.Context, b *bench.Bench) error {
			st, err := b.State(ctx)
			if err != nil {
				return err
			}
			if st.ShiftOpen {
				try(ctx, b, zReport())
			}
			t, err := b.Type(ctx, s, value)
			if err != nil || !t.OK() {
				return err
			}
			try(ctx, b, receipt(plain()))
			if st, err = b.State(ctx); err != nil {
				return err
			}
			if st.ShiftOpen {
				try(ctx, b, zReport())
			}
			if _, err := b.Type(ctx, s, was(b)); err != nil {
				return err
			}
			if err := b.Pass(ctx, blockPatience, "the register asks by itself whether it is known now"); err != nil {
				return err
			}
			if err := b.AwaitHandOver(ctx); err != nil {
				return err
			}
			try(ctx, b, receipt(plain()))
			return nil
		}
	}
	return bench.Scenario{
		Key:    "settings/numbers",
		Doc:    "Another registration number and another identification number are entered, and the right ones again.",
		Checks: []string{"config.entry"},
		Also:   []string{"auth.token"},
		Late:   true,
		Steps: []bench.Step{
			begin(),
			{Name: fmt.Sprintf("enter a registration number of %d digits, sell, enter the right one, sell", length), Run: with(fiscal.SetRegistration, other, func(b *bench.Bench) string { return b.Facts.Registration })},
			{Name: "enter an identification number that the OFD does not know, try to sell, enter the right one, sell", Run: with(fiscal.SetKKMID, "999999", func(b *bench.Bench) string { return strconv.FormatUint(uint64(b.Facts.OFDID), 10) })},
			end(),
		},
	}
}

// halfReceipt is when the paper goes away in the middle of a receipt: after its
// entry, which takes a tenth of a second over a fast line, and before its last line.
const halfReceipt = 400 * time.Millisecond

// PaperOut takes the paper away before a sale, and in the middle of one.
func PaperOut() bench.Scenario {
	return bench.Scenario{
		Key:    "paper/out",
		Doc:    "The paper is taken away before a sale and in the middle of one, and put back.",
		Checks: []string{"paper.block"},
		Needs:  []bench.Capability{bench.TakesPaper},
		Steps: []bench.Step{
			begin(),
			{Name: "take the paper away, try to sell, put it back, sell", Run: func(ctx context.Context, b *bench.Bench) error {
				if err := b.PaperIn(ctx, false); err != nil {
					return err
				}
				for range 2 {
					t := try(ctx, b, receipt(plain()))
					if err := look(ctx, b, t.Op.ID); err != nil {
						return err
					}
				}
				if err := b.PaperIn(ctx, true); err != nil {
					return err
				}
				try(ctx, b, receipt(plain()))
				return nil
			}},
			{Name: "sell; the paper goes away in the middle of the receipt and is put back", Run: func(ctx context.Context, b *bench.Bench) error {
				if err := b.PaperDuring(halfReceipt, breath/2); err != nil {
					return err
				}
				t := try(ctx, b, receipt(plain()))
				if err := look(ctx, b, t.Op.ID); err != nil {
					return err
				}
				if err := b.Pass(ctx, breath, "the paper is back, the receipt is finished"); err != nil {
					return err
				}
				try(ctx, b, receipt(plain()))
				return nil
			}},
			end(),
		},
	}
}

// Kept keeps documents without a link over a loss of power, for as long as the
// catalogue asks.
func Kept(p bench.Params) bench.Scenario {
	long := breath
	if p.Has("store.kept", "retention") {
		long = p.Duration("store.kept", "retention") + edge
	}
	return bench.Scenario{
		Key:    "store/kept",
		Doc:    "Receipts without a link, then no power for as long as they must be kept, then power and the link.",
		Checks: []string{"store.kept"},
		Also:   []string{"offline.handover", "offline.sign"},
		Needs:  []bench.Capability{bench.SwitchesPower},
		Late:   true,
		Steps: []bench.Step{
			begin(),
			{Name: "cut every connection, sell, put cash in, close the shift, sell once more", Run: func(ctx context.Context, b *bench.Bench) error {
				if err := b.CutAll(); err != nil {
					return err
				}
				for i := range 3 {
					r := plain()
					r.Lines[0].Price += fiscal.Tiyn(100 * i)
					r.Payments = cash(r.Total())
					try(ctx, b, receipt(r))
				}
				try(ctx, b, fiscal.Op{Kind: fiscal.OpDeposit, Cash: fiscal.Tenge(400)})
				try(ctx, b, zReport())
				try(ctx, b, receipt(plain()))
				return nil
			}},
			{Name: "take the power away", Run: func(ctx context.Context, b *bench.Bench) error { return b.Power(ctx, false) }},
			{Name: "give the power back", After: bench.Pause(long, "what was made must be kept as long as this without power"), Run: func(ctx context.Context, b *bench.Bench) error {
				return b.Power(ctx, true)
			}},
			{Name: "restore, hand over, close the shift that has grown too long", Run: func(ctx context.Context, b *bench.Bench) error {
				if err := handOver(ctx, b); err != nil {
					return err
				}
				s, err := b.State(ctx)
				if err != nil {
					return err
				}
				if s.ShiftOpen {
					try(ctx, b, zReport())
				}
				return nil
			}},
			end(),
		},
	}
}
