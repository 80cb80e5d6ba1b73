package atol

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/kkmtest/kkmtest/bench/device/atol/frame"
	"github.com/kkmtest/kkmtest/bench/device/line"
	"github.com/kkmtest/kkmtest/bench/device/line/double"
	"github.com/kkmtest/kkmtest/fiscal"
)

// step is one command of a receipt.
type step struct {
	body *frame.Body
	adds fiscal.Tiyn // what it adds to the sum of the open receipt
	text bool        // a text line: it changes no sum and may be repeated
}

// payment is a payment that is registered before the closing command.
type payment struct {
	typ byte
	sum fiscal.Tiyn
}

func (p payment) body(c frame.Code) *frame.Body { return frame.New(c).Raw(0, p.typ).Sum(int64(p.sum)) }

// typeOf is the receipt type of 92h.
func typeOf(k fiscal.ReceiptKind) (byte, error) {
	switch k {
	case fiscal.Sale:
		return frame.TypeSale, nil
	case fiscal.SaleReturn:
		return frame.TypeSaleReturn, nil
	case fiscal.Buy:
		return frame.TypeBuy, nil
	case fiscal.BuyReturn:
		return frame.TypeBuyReturn, nil
	}
	return 0, line.Unablef("receipt of kind %q: want sale, sale-return, buy or buy-return", k)
}

// receipt registers a receipt. Everything is put together before the first
// command, so that what the protocol cannot carry leaves no receipt open.
func (d *Driver) receipt(ctx context.Context, w *line.Work, id identity) error {
	r := w.Op.Receipt
	if r == nil {
		return line.Unablef("receipt operation without a receipt")
	}
	typ, err := typeOf(r.Kind)
	if err != nil {
		return err
	}
	p, err := d.plan(ctx, *r, typ)
	if err != nil {
		return err
	}
	if err := d.dropLeftOver(ctx, w); err != nil {
		return err
	}
	var base int64
	if err := d.within(ctx, w, frame.ModeRegister, id, func() (err error) {
		if base, err = d.count(ctx, typ); err != nil {
			return err
		}
		_, err = d.effect(ctx, w, frame.New(frame.OpenReceipt).Raw(0, typ), "", d.opened(typ))
		return err
	}); err != nil {
		var lost *line.Unsettled
		return d.abandon(ctx, w, id, err, errors.As(err, &lost), nil)
	}
	total := fiscal.Tiyn(0)
	w.Guard = func(ctx context.Context) error { return d.still(ctx, typ, total) }
	for _, s := range p.steps {
		prove := d.added(typ, total, s.adds)
		if s.text {
			prove = nil
		}
		if _, err := d.effect(ctx, w, s.body, "", prove); err != nil {
			return d.abandon(ctx, w, id, d.gone(ctx, w, typ, total, err), true, nil)
		}
		total += s.adds
	}
	// The check of level 2 is weak: what the register has understood is looked at
	// while the receipt can still be dropped.
	if err := d.still(ctx, typ, total); err != nil {
		return d.abandon(ctx, w, id, err, true, nil)
	}
	for i, pay := range p.payments {
		if _, err := d.effect(ctx, w, pay.body(frame.Pay), "", d.paid(i == 0)); err != nil {
			return d.abandon(ctx, w, id, d.gone(ctx, w, typ, total, err), true, p.payments[:i])
		}
	}
	seen, err := d.effect(ctx, w, p.closing.body(frame.Close), "", d.closed(typ, base))
	if err != nil {
		return d.abandon(ctx, w, id, d.gone(ctx, w, typ, total, err), true, p.payments)
	}
	w.Guard, d.open = nil, nil
	w.Out.Change = r.Change()
	if err := d.completed(ctx, w, seen); err != nil {
		return err
	}
	return d.numbers(ctx, w)
}

// still wants the open receipt to be as it was entered: after a power cut the
// register may have dropped it.
func (d *Driver) still(ctx context.Context, typ byte, total fiscal.Tiyn) error {
	s, err := d.full(ctx)
	switch {
	case err != nil:
		return err
	case s.receipt != typ:
		return &line.Unsettled{Text: "not registered: the register has no open receipt of this type any more"}
	case s.sum != total:
		return &line.Unsettled{Text: fmt.Sprintf("not registered: the open receipt stands at %v, entered were %v", s.sum, total)}
	}
	return nil
}

// gone looks behind a refusal on a line that had trouble: the register may have
// lost the receipt, and with it the mode, in which case its no is not about the receipt.
func (d *Driver) gone(ctx context.Context, w *line.Work, typ byte, total fiscal.Tiyn, why error) error {
	var no *line.Refusal
	if !errors.As(why, &no) || !d.l.Shaky {
		return why
	}
	if err := d.still(ctx, typ, total); err != nil {
		w.Say(why.Error())
		return err
	}
	return why
}

// abandon ends a receipt that will not be closed. A refusal leaves it open, so
// it is cancelled; with the link in trouble it may stay open and the next receipt
// cancels it.
func (d *Driver) abandon(ctx context.Context, w *line.Work, id identity, why error, open bool, paid []payment) error {
	if !open {
		return why
	}
	w.Guard = nil
	d.open = &leftOver{id.pw, paid}
	var no *line.Refusal
	if !errors.As(why, &no) {
		w.Say("a receipt may be open on the register")
		return why
	}
	entered := w.Entered // the cancellation is not the operator's input
	if err := d.cancel(ctx, w, paid); err != nil {
		w.Say("the receipt could not be cancelled: " + err.Error())
	}
	w.Entered = entered
	return why
}

// dropLeftOver cancels a receipt that this driver had to leave open.
func (d *Driver) dropLeftOver(ctx context.Context, w *line.Work) error {
	if d.open == nil {
		return nil
	}
	s, err := d.full(ctx)
	if err != nil {
		return err
	}
	if s.receipt == 0 {
		d.open = nil
		return nil
	}
	if err := d.enter(ctx, w, frame.ModeRegister, identity{d.open.pw, "whose receipt is open"}); err != nil {
		return err
	}
	return d.cancel(ctx, w, d.open.payments)
}

// cancel drops an open receipt (59h). While payments are being taken they have to be
// taken back first (9Bh); which of them had been taken is known to the register only.
func (d *Driver) cancel(ctx context.Context, w *line.Work, paid []payment) error {
	drop := func() error {
		_, err := d.effect(ctx, w, frame.New(frame.Cancel), "", func(ctx context.Context) (line.Verdict, string, error) {
			s, err := d.full(ctx)
			switch {
			case err != nil:
				return line.Unclear, "", err
			case s.receipt != 0:
				return line.Undone, "the receipt is still open", nil
			}
			return line.Happened, "no receipt is open", nil
		})
		return err
	}
	err := drop()
	var no *line.Refusal
	if errors.As(err, &no) && byte(no.Code) == frame.ErrMode && len(paid) > 0 {
		for _, p := range paid {
			if _, err := d.effect(ctx, w, p.body(frame.Unpay), "", nil); err != nil && !errors.As(err, &no) {
				return err
			}
		}
		err = drop()
	}
	if err != nil {
		return err
	}
	d.open = nil
	w.Done = d.l.Loop.Now()
	return nil
}

// plan is what a receipt becomes.
type plan struct {
	steps    []step
	payments []payment // before the closing
	closing  payment

	own bool // the register reads notes
}

// text codes s for the register. It is never cut: half a name on a receipt would
// read as the register's mistake.
func (d *Driver) text(ctx context.Context, s string) ([]byte, error) {
	own, err := d.double(ctx)
	if err != nil {
		return nil, err
	}
	encode := frame.Encode866
	if own || d.o.LatinI {
		encode = frame.Encode866Twins
	}
	p, err := encode(s)
	if err != nil {
		return nil, line.Unablef("%v", err)
	}
	if len(p) > maxText {
		return nil, line.Unablef("text %q has %d letters, the protocol takes %d", s, len(p), maxText)
	}
	return p, nil
}

// maxText is the longest text line (7.3).
const maxText = 56

func (d *Driver) plan(ctx context.Context, r fiscal.Receipt, typ byte) (*plan, error) {
	own, err := d.double(ctx)
	if err != nil {
		return nil, err
	}
	p := &plan{own: own}
	say := func(s string) error {
		t, err := d.text(ctx, s)
		p.steps = append(p.steps, step{body: frame.New(frame.Text).Raw(t...), text: true})
		return err
	}
	// note tells the bench's own register what the protocol has no field for.
	note := func(key, value, why string) error {
		if !own {
			return &line.Unable{Text: why}
		}
		return say(double.Of(key, value))
	}
	for i, l := range r.Lines {
		if err := d.position(p, r.Lines[:i], l, typ, say, note); err != nil {
			return nil, at(err, i)
		}
	}
	if r.Customer != "" {
		if err := note(double.Buyer, r.Customer, "the protocol has no field for the buyer's IIN or BIN"); err != nil {
			return nil, err
		}
	}
	if r.Parent != nil {
		if !own {
			return nil, line.Unablef("the protocol has no field for the receipt that a return refers to")
		}
		for _, s := range double.Basis(*r.Parent) {
			if err := say(s); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case r.Discount < 0 || r.Markup < 0:
		return nil, line.Unablef("a discount or markup below zero")
	case r.Discount > 0:
		p.adjust(frame.AreaReceipt, frame.ByDiscount, r.Discount)
	}
	if r.Markup > 0 {
		p.adjust(frame.AreaReceipt, frame.ByMarkup, r.Markup)
	}
	if err := d.pay(p, r); err != nil {
		return nil, err
	}
	for _, s := range p.steps {
		if _, err := s.body.Bytes(); err != nil {
			return nil, line.Unablef("%v", err)
		}
	}
	for _, x := range append(p.payments[:len(p.payments):len(p.payments)], p.closing) {
		if _, err := x.body(frame.Pay).Bytes(); err != nil {
			return nil, line.Unablef("%v", err)
		}
	}
	return p, nil
}

// at names the line of a receipt that the protocol cannot carry.
func at(err error, i int) error {
	var u *line.Unable
	if errors.As(err, &u) {
		return line.Unablef("line %d: %s", i+1, u.Text)
	}
	return err
}

// adjust adds a discount or markup by sum (43h).
func (p *plan) adjust(area, sign byte, sum fiscal.Tiyn) {
	adds := sum
	if sign == frame.ByDiscount {
		adds = -sum
	}
	p.steps = append(p.steps, step{body: frame.New(frame.Adjust).Raw(0, area, frame.BySum, sign).Sum(int64(sum)), adds: adds})
}

// position makes the commands of a line: its name, then its figures.
func (d *Driver) position(p *plan, before []fiscal.Line, l fiscal.Line, typ byte, say func(string) error, note func(key, value, why string) error) error {
	switch l.Kind {
	case fiscal.Goods:
	case fiscal.Discount, fiscal.Markup:
		return d.modifier(p, before, l, say, note)
	case fiscal.GoodsStorno, fiscal.DiscountStorno, fiscal.MarkupStorno:
		if err := note(double.Line, string(l.Kind), "no command takes a position back: the receipt can only be cancelled"); err != nil {
			return err
		}
		if l.Kind != fiscal.GoodsStorno {
			return d.modifier(p, before, l, say, note)
		}
	default:
		return line.Unablef("position of kind %q: not one that this driver knows", l.Kind)
	}
	if l.Sum != 0 && l.Sum != fiscal.LineSum(l.Price, l.Qty) {
		return line.Unablef("sum %v is not price %v times quantity %v, and the protocol carries only these two", l.Sum, l.Price, l.Qty)
	}
	back := typ == frame.TypeSaleReturn || typ == frame.TypeBuyReturn
	section := l.Section
	switch {
	case section < 0 || section > maxSection:
		return line.Unablef("section %d: the protocol has 0 to %d", section, maxSection)
	case back && section > 1:
		if err := note(double.Section, strconv.Itoa(section), fmt.Sprintf("section %d: a return line has no section", section)); err != nil {
			return err
		}
		section = 1
	}
	rate, known := d.o.Sections[max(section, 1)]
	if !known || !sameRate(rate, l.VAT) {
		why := fmt.Sprintf("VAT %s: section %d is taxed with %s on the register, and a line has no tax of its own", rateText(l.VAT), section, rateText(rate))
		if !known {
			why = fmt.Sprintf("VAT %s: a line has no tax of its own, and how the register taxes section %d is not known: tell it with the address of the register, as in vat=%d:16", rateText(l.VAT), section, max(section, 1))
		}
		if err := note(double.VAT, double.Rate(l.VAT), why); err != nil {
			return err
		}
	}
	if l.Code != 0 {
		if err := note(double.Code, strconv.FormatUint(l.Code, 10), fmt.Sprintf("the protocol has no field for the code of the goods (%d)", l.Code)); err != nil {
			return err
		}
	}
	if l.Name != "" {
		if err := say(l.Name); err != nil {
			return err
		}
	}
	b := frame.New(frame.Sell)
	if back {
		b = frame.New(frame.Return)
	}
	b.Raw(0).Sum(int64(l.Price)).Sum(int64(l.Qty))
	if !back {
		b.Num(int64(l.Section), 1)
	}
	p.steps = append(p.steps, step{body: b, adds: l.Signed()})
	return nil
}

func sameRate(a, b *fiscal.MilliPercent) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

func rateText(r *fiscal.MilliPercent) string {
	if r == nil {
		return "none"
	}
	return r.String() + " %"
}

// modifier is a discount or markup on the last position. It has no tax of its
// own: that of the position counts.
func (d *Driver) modifier(p *plan, before []fiscal.Line, l fiscal.Line, say func(string) error, note func(key, value, why string) error) error {
	last := len(before) - 1
	for last >= 0 && before[last].Kind != fiscal.Goods && before[last].Kind != fiscal.GoodsStorno {
		last--
	}
	if last < 0 {
		return line.Unablef("a discount or markup before the first position")
	}
	if !sameRate(before[last].VAT, l.VAT) {
		if err := note(double.VAT, double.Rate(l.VAT), fmt.Sprintf("VAT %s: a discount or markup takes the tax of its position, %s", rateText(l.VAT), rateText(before[last].VAT))); err != nil {
			return err
		}
	}
	if l.Name != "" {
		if err := say(l.Name); err != nil {
			return err
		}
	}
	sign := frame.ByMarkup
	if l.Kind == fiscal.Discount || l.Kind == fiscal.DiscountStorno {
		sign = frame.ByDiscount
	}
	p.adjust(frame.AreaLine, sign, l.Sum)
	p.steps[len(p.steps)-1].adds = l.Signed()
	return nil
}

// pay decides how the payments go: one alone with the closing command, several
// one by one before it, cash last, because only cash is given back (7.3).
func (d *Driver) pay(p *plan, r fiscal.Receipt) error {
	var cash, other []payment
	for _, x := range r.Payments {
		if x.Kind == fiscal.Cash {
			cash = append(cash, payment{1, x.Sum})
			continue
		}
		n, ok := d.o.Payments[x.Kind]
		if !ok {
			return line.Unablef("payment by %q: no payment type of the register is known for it", x.Kind)
		}
		other = append(other, payment{byte(n), x.Sum})
	}
	all := append(other, cash...)
	switch {
	case len(all) == 0:
		return line.Unablef("a receipt without a payment")
	case len(all) > 1:
		p.payments, p.closing = all, payment{typ: all[len(all)-1].typ}
	case all[0].typ == 1 && r.Kind == fiscal.Sale:
		p.closing = all[0]
	case all[0].sum == r.Total():
		p.closing = payment{typ: all[0].typ} // 0: exact, as a return demands
	case r.Kind == fiscal.Sale:
		p.payments, p.closing = all, payment{typ: all[0].typ}
	default:
		return line.Unablef("payment of %v for %v: a receipt of kind %s takes the exact sum only", all[0].sum, r.Total(), r.Kind)
	}
	return nil
}
