package datecs

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/kkmtest/kkmtest/bench/device/datecs/frame"
	"github.com/kkmtest/kkmtest/bench/device/line"
	"github.com/kkmtest/kkmtest/bench/device/line/double"
	"github.com/kkmtest/kkmtest/fiscal"
)

// step is one command of a receipt.
type step struct {
	cmd  byte
	data []byte
	adds fiscal.Tiyn // what it adds to the sum of the open receipt
	text bool        // a text line: it changes no sum and may be repeated
}

// payment is one command 53.
type payment struct {
	mode string
	sum  fiscal.Tiyn
}

// plan is what a receipt becomes.
type plan struct {
	open     step
	steps    []step
	payments []payment
}

// receipt registers a receipt. Everything is put together before the first
// command, so that what the protocol cannot carry leaves no receipt open.
func (d *Driver) receipt(ctx context.Context, w *line.Work) error {
	r := w.Op.Receipt
	if r == nil {
		return line.Unablef("receipt operation without a receipt")
	}
	own, err := d.own(ctx)
	if err != nil {
		return err
	}
	o, err := d.as(w.Op.As, own)
	if err != nil {
		return err
	}
	p, err := d.plan(*r, o, own)
	if err != nil {
		return err
	}
	if err := d.dare(w.Op.As); err != nil {
		return err
	}
	if o.guess && d.let[o.number] == shutOut {
		return notLetIn(o)
	}
	if d.left != nil {
		return &line.Unsettled{Text: "not registered: a receipt of an earlier operation is still open on the register and can neither be cancelled nor closed"}
	}
	base, err := d.document(ctx)
	if err != nil {
		return err
	}
	d.l.Shaky = false
	if _, _, err := d.effect(ctx, w, p.open.cmd, p.open.data, o.who, d.opened); err != nil {
		var lost *line.Unsettled
		var no *line.Refusal
		if errors.As(err, &no) && w.Op.As.Password != "" {
			d.wrong++
		}
		if o.guess && d.let[o.number] == untried && errors.As(err, &no) {
			d.let[o.number] = shutOut
			w.Say(err.Error())
			err = notLetIn(o)
		}
		return d.abandon(ctx, w, base, err, errors.As(err, &lost))
	}
	d.let[o.number] = letIn
	total, tendered := fiscal.Tiyn(0), fiscal.Tiyn(0)
	w.Guard = func(ctx context.Context) error { return d.still(ctx, total) }
	for _, s := range p.steps {
		prove := d.added(total, s.adds)
		if s.text {
			prove = nil
		}
		if _, _, err := d.effect(ctx, w, s.cmd, s.data, "", prove); err != nil {
			return d.abandon(ctx, w, base, d.gone(ctx, w, total, err), true)
		}
		total += s.adds
	}
	if err := d.still(ctx, total); err != nil {
		return d.abandon(ctx, w, base, err, true)
	}
	for _, pay := range p.payments {
		data := []byte("\t" + pay.mode + pay.sum.String())
		if d.o.Family == frame.X {
			data = d.o.Family.Join(pay.mode, pay.sum.String(), "")
		}
		reply, seen, err := d.effect(ctx, w, frame.Pay, data, "", d.paying(tendered, pay.sum))
		if err == nil && seen {
			err = d.paymentTaken(w, reply)
		}
		if err != nil {
			return d.abandon(ctx, w, base, d.gone(ctx, w, total, err), true)
		}
		tendered += pay.sum
	}
	_, seen, err := d.effect(ctx, w, frame.CloseReceipt, nil, "", d.closed(base))
	if err != nil {
		return d.abandon(ctx, w, base, d.gone(ctx, w, total, err), true)
	}
	w.Guard = nil
	return d.finish(ctx, w, seen)
}

func notLetIn(o operator) error {
	return line.Unablef("%s was not let in with the factory password, and nobody has told another one", o.who)
}

// paymentTaken reads the answer to 53: D a remainder, R the change; everything
// else is a refusal (7).
func (d *Driver) paymentTaken(w *line.Work, r reply) error {
	name := d.o.Family.Name(frame.Pay)
	code, amount := r.at(0), r.at(1)
	if d.o.Family == frame.P {
		s := r.at(0)
		if s == "" {
			return line.Unreadable(name, errors.New("no code"))
		}
		code, amount = s[:1], s[1:]
	}
	switch code {
	case "R":
		n, err := frame.Amount(amount)
		if err != nil {
			return line.Unreadable(name, err)
		}
		w.Out.Change = fiscal.Tiyn(n)
		return nil
	case "D":
		return nil
	}
	return &line.Refusal{Command: name, Code: frame.Code(r.status), Text: fmt.Sprintf("answer %q: want D or R", code)}
}

// still wants the open receipt to be as it was entered: after a power cut the
// register may have dropped it.
func (d *Driver) still(ctx context.Context, total fiscal.Tiyn) error {
	s, err := d.receiptState(ctx)
	switch {
	case err != nil:
		return err
	case !s.open:
		return &line.Unsettled{Text: "not registered: the register has no open receipt any more"}
	case s.sum != total:
		return &line.Unsettled{Text: fmt.Sprintf("not registered: the open receipt stands at %v, entered were %v", s.sum, total)}
	}
	return nil
}

// gone looks behind a refusal on a line that had trouble: the register may have
// lost the receipt.
func (d *Driver) gone(ctx context.Context, w *line.Work, total fiscal.Tiyn, why error) error {
	var no *line.Refusal
	if !errors.As(why, &no) || !d.l.Shaky {
		return why
	}
	if err := d.still(ctx, total); err != nil {
		w.Say(why.Error())
		return err
	}
	return why
}

// abandon ends a receipt that will not be closed. A refusal leaves it open, so
// it is cancelled; with the link in trouble it may stay open, and is dealt with before
// the next operation.
func (d *Driver) abandon(ctx context.Context, w *line.Work, base uint64, why error, open bool) error {
	w.Guard = nil
	if !open {
		return why
	}
	d.left = &leftOver{w.Intent, base}
	var no *line.Refusal
	if !errors.As(why, &no) {
		w.Say("a receipt may be open on the register")
		return why
	}
	entered := w.Entered // the cancellation is not the operator's input
	if err := d.cancel(ctx, w); err != nil {
		w.Say("the receipt could not be cancelled: " + err.Error())
	}
	w.Entered = entered
	return why
}

// settleLeftOver ends a receipt that an earlier operation had to leave open,
// before a new one begins: what comes of it must not fall into that one. A
// receipt that is paid can only be closed (10); it is what the earlier operation asked for.
// What cannot be settled now stays for the next time.
func (d *Driver) settleLeftOver(ctx context.Context) error {
	if d.left == nil {
		return nil
	}
	err := d.l.Resume(ctx, d.left.intent, func(ctx context.Context, w *line.Work) error {
		s, err := d.receiptState(ctx)
		switch {
		case err != nil:
			return err
		case !s.open:
			d.left = nil
			return nil
		case s.paid > 0 && s.paid >= s.sum:
			if _, _, err := d.effect(ctx, w, frame.CloseReceipt, nil, "", d.closed(d.left.base)); err != nil {
				return err
			}
			d.left = nil
			return d.finish(ctx, w, true)
		}
		return d.cancel(ctx, w)
	})
	var no *line.Refusal
	var lost *line.Unsettled
	var e *line.LinkError
	switch {
	case errors.As(err, &no), errors.As(err, &lost), errors.As(err, &e): // the operation itself will tell
		return nil
	}
	return err
}

// cancel drops an open receipt (60). It works only before the first payment: a
// receipt with payments stays, and the register says so.
func (d *Driver) cancel(ctx context.Context, w *line.Work) error {
	_, _, err := d.effect(ctx, w, frame.Cancel, nil, "", func(ctx context.Context) (line.Verdict, string, error) {
		s, err := d.receiptState(ctx)
		switch {
		case err != nil:
			return line.Unclear, "", err
		case s.open:
			return line.Undone, "the receipt is still open", nil
		}
		return line.Happened, "no receipt is open", nil
	})
	if err != nil {
		return err
	}
	d.left = nil
	w.Done = d.l.Loop.Now()
	return nil
}

// text codes s for the register. It is never cut or changed: half a name on a
// receipt would read as the register's mistake.
func (d *Driver) text(s string) ([]byte, error) {
	p, err := d.coding().Encode(s)
	if err != nil {
		return nil, line.Unablef("%v", err)
	}
	if len(p) > maxText {
		return nil, line.Unablef("text %q has %d letters, the driver sends %d", s, len(p), maxText)
	}
	return p, nil
}

// maxText is what a line of text may have; the documents differ between models,
// and none takes less (FP-700X: 42).
const maxText = 42

func (d *Driver) plan(r fiscal.Receipt, o operator, own bool) (*plan, error) {
	p := &plan{}
	x := d.o.Family == frame.X
	say := func(s string) error {
		t, err := d.text(s)
		if err != nil {
			return err
		}
		p.steps = append(p.steps, step{cmd: frame.ReceiptText, data: d.textFields(t), text: true})
		return nil
	}
	// note tells the bench's own register what the protocol has no field for.
	note := func(key, value, why string) error {
		if !own {
			return &line.Unable{Text: why}
		}
		return say(double.Of(key, value))
	}
	head := []string{strconv.Itoa(o.number), o.pw, till}
	switch r.Kind {
	case fiscal.Sale, fiscal.Buy:
		p.open = step{cmd: frame.OpenReceipt, data: d.o.Family.Join(pick(x, append(head, ""), head)...)}
	case fiscal.SaleReturn, fiscal.BuyReturn:
		if !own {
			return nil, line.Unablef("%s names the receipt that is returned by its document number only: sign, total and the mark of an offline receipt have no field", d.o.Family.Name(pick(x, frame.OpenStornoX, frame.OpenStornoP)))
		}
		p.open = step{cmd: frame.OpenStornoP, data: d.o.Family.Join(append(head, "R0")...)}
		if x {
			p.open = step{cmd: frame.OpenStornoX, data: d.o.Family.Join(append(head, "1", "0", "", "", "")...)}
		}
	default:
		return nil, line.Unablef("receipt of kind %q: want sale, sale-return, buy or buy-return", r.Kind)
	}
	if r.Kind == fiscal.Buy || r.Kind == fiscal.BuyReturn {
		if err := note(double.Kind, string(r.Kind), "no command of a public edition opens a purchase"); err != nil {
			return nil, err
		}
	}
	if err := d.positions(p, r.Lines, own, note); err != nil {
		return nil, err
	}
	if r.Customer != "" {
		if err := note(double.Buyer, r.Customer, "the protocol has no field for the buyer's IIN or BIN"); err != nil {
			return nil, err
		}
	}
	if r.Parent != nil {
		if !own {
			return nil, line.Unablef("the protocol has no field for the receipt that a receipt refers to")
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
	case r.Discount > 0 && r.Markup > 0:
		return nil, line.Unablef("a discount and a markup on one receipt: the subtotal takes one of them")
	case r.Discount > 0 || r.Markup > 0:
		p.steps = append(p.steps, d.subtotal(r.Markup-r.Discount))
	}
	return p, d.pay(p, r)
}

// till is the number of the till in opening commands.
const till = "1"

// subtotal is 51 with a discount (below zero) or markup by sum, not printed.
func (d *Driver) subtotal(by fiscal.Tiyn) step {
	s := step{cmd: frame.Subtotal, data: []byte("00;" + by.String()), adds: by}
	if d.o.Family == frame.X {
		kind, value := modifierX(by)
		s.data = d.o.Family.Join("0", "0", kind, value)
	}
	return s
}

// modifierX is type and value of a discount or markup by sum on family X.
func modifierX(by fiscal.Tiyn) (kind, value string) {
	if by < 0 {
		return "4", (-by).String()
	}
	return "3", by.String()
}

// positions makes the commands of the lines. A discount or markup right behind
// its position goes with it, as the protocol has it.
func (d *Driver) positions(p *plan, lines []fiscal.Line, own bool, note func(key, value, why string) error) error {
	for i := 0; i < len(lines); i++ {
		l := lines[i]
		var by *fiscal.Line
		if l.Kind == fiscal.Goods && i+1 < len(lines) && (lines[i+1].Kind == fiscal.Discount || lines[i+1].Kind == fiscal.Markup) && sameRate(lines[i+1].VAT, l.VAT) {
			by = &lines[i+1]
		}
		if err := d.position(p, l, by, own, note); err != nil {
			var u *line.Unable
			if errors.As(err, &u) {
				return line.Unablef("line %d: %s", i+1, u.Text)
			}
			return err
		}
		if by != nil {
			i++
		}
	}
	return nil
}

func sameRate(a, b *fiscal.MilliPercent) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

// ownGroups are the tax groups of the bench's own register.
var ownGroups = Groups{Rates: map[fiscal.MilliPercent]int{16000: 1, 12000: 2, 5000: 3, 0: 4}, Untaxed: 8}

// group is the tax group of a line.
func (d *Driver) group(rate *fiscal.MilliPercent, own bool) (int, error) {
	g := d.o.Groups
	if g == nil && own {
		g = &ownGroups
	}
	if g == nil {
		return 0, line.Unablef("the tax groups of the register are not known: tell them with its address, as in vat=1:16,8:-")
	}
	if rate == nil {
		if g.Untaxed == 0 {
			return 0, line.Unablef("a line without VAT: no tax group of the register is known for it")
		}
		return g.Untaxed, nil
	}
	n, ok := g.Rates[*rate]
	if !ok {
		return 0, line.Unablef("VAT %v %%: no tax group of the register has this rate", *rate)
	}
	return n, nil
}

// position makes the command of a line, with the modifier that goes with it.
func (d *Driver) position(p *plan, l fiscal.Line, by *fiscal.Line, own bool, note func(key, value, why string) error) error {
	x := d.o.Family == frame.X
	group, err := d.group(l.VAT, own)
	if err != nil {
		return err
	}
	price, qty, adds := l.Price, l.Qty, l.Signed()
	switch l.Kind {
	case fiscal.Goods:
	case fiscal.GoodsStorno: // a price below zero takes a line back
		price = -price
	case fiscal.Discount, fiscal.Markup, fiscal.DiscountStorno, fiscal.MarkupStorno:
		price, qty = adds, 1000
		if err := note(double.Line, string(l.Kind), "a discount or markup belongs to the position before it, once, and cannot be taken back"); err != nil {
			return err
		}
	default:
		return line.Unablef("position of kind %q: not one that this driver knows", l.Kind)
	}
	goods := l.Kind == fiscal.Goods || l.Kind == fiscal.GoodsStorno
	switch {
	case goods && l.Sum != 0 && l.Sum != fiscal.LineSum(l.Price, l.Qty):
		return line.Unablef("sum %v is not price %v times quantity %v, and the protocol carries only these two", l.Sum, l.Price, l.Qty)
	case l.Section < 0:
		return line.Unablef("section %d: want 0 or more", l.Section)
	case goods && !x && l.Section > 1:
		if err := note(double.Section, strconv.Itoa(l.Section), fmt.Sprintf("section %d: a position of family P has no section", l.Section)); err != nil {
			return err
		}
	}
	if l.Code != 0 {
		if err := note(double.Code, strconv.FormatUint(l.Code, 10), fmt.Sprintf("goods have no code unless they are programmed (%d)", l.Code)); err != nil {
			return err
		}
	}
	modifier := fiscal.Tiyn(0)
	if by != nil {
		modifier = by.Signed()
		if by.Name != "" {
			if err := note(double.Modifier, by.Name, fmt.Sprintf("the name of a discount or markup (%q) has no field", by.Name)); err != nil {
				return err
			}
		}
	}
	name, err := d.text(l.Name)
	if err != nil {
		return err
	}
	s := step{cmd: frame.Sale, adds: adds + modifier}
	if x {
		kind, value := "0", ""
		if by != nil {
			kind, value = modifierX(modifier)
		}
		s.data = d.o.Family.Join(string(name), strconv.Itoa(group), price.String(), qty.String(), kind, value, strconv.Itoa(max(l.Section, 1)))
	} else {
		s.data = append(name, '\t', 'A'-1+byte(group))
		s.data = append(s.data, price.String()...)
		if qty != 1000 {
			s.data = append(s.data, "*"+qty.String()...)
		}
		if by != nil {
			s.data = append(s.data, ";"+modifier.String()...)
		}
	}
	p.steps = append(p.steps, s)
	return nil
}

// pay makes the payments, cash last, because only cash is given back.
func (d *Driver) pay(p *plan, r fiscal.Receipt) error {
	cash := pick(d.o.Family == frame.X, "0", "P")
	var last []payment
	for _, x := range r.Payments {
		if x.Kind == fiscal.Cash {
			last = append(last, payment{cash, x.Sum})
			continue
		}
		mode, ok := d.o.Payments[x.Kind]
		if !ok {
			return line.Unablef("payment by %q: no payment of the register is known for it", x.Kind)
		}
		p.payments = append(p.payments, payment{mode, x.Sum})
	}
	if p.payments = append(p.payments, last...); len(p.payments) == 0 {
		return line.Unablef("a receipt without a payment")
	}
	return nil
}
