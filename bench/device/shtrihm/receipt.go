package shtrihm

import (
	"context"
	"errors"
	"fmt"

	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/fiscal"
)

// step is one command of a receipt.
type step struct {
	body *frame.Body
	adds fiscal.Tiyn // what it adds to the total of the open receipt
	line bool        // a print line: it changes no sum and may be repeated
	pre  *frame.Body // a subtotal directly before it
}

// typeOf is the type byte of 8Dh and the offset of the counters by type.
func typeOf(k fiscal.ReceiptKind) (byte, error) {
	switch k {
	case fiscal.Sale:
		return 0, nil
	case fiscal.Buy:
		return 1, nil
	case fiscal.SaleReturn:
		return 2, nil
	case fiscal.BuyReturn:
		return 3, nil
	}
	return 0, &unable{fmt.Sprintf("receipt of kind %q: want sale, sale-return, buy or buy-return", k)}
}

// receipt registers a receipt. Everything is put together before the first
// command, so that what the protocol cannot carry leaves no receipt open.
func (d *Driver) receipt(ctx context.Context, w *work) error {
	r := w.op.Receipt
	if r == nil {
		return &unable{"receipt operation without a receipt"}
	}
	typ, err := typeOf(r.Kind)
	if err != nil {
		return err
	}
	steps, closing, err := d.plan(ctx, w, *r, typ)
	if err != nil {
		return err
	}
	if err := d.dropLeftOver(ctx, w); err != nil {
		return err
	}
	base, err := d.register(ctx, w.aux, regReceipts+typ)
	if err != nil {
		return err
	}
	if _, err := d.effect(ctx, w, frame.New(frame.OpenReceipt).Password(w.pw).Byte(typ), d.opened(w.aux, typ)); err != nil {
		return d.abandon(ctx, w, err, isUnsettled(err))
	}
	var total fiscal.Tiyn
	w.guard = func(ctx context.Context) error { return d.still(ctx, w, typ, total) }
	for _, s := range steps {
		if err := d.step(ctx, w, s, typ, total); err != nil {
			return d.abandon(ctx, w, err, true)
		}
		total += s.adds
	}
	f, err := d.effect(ctx, w, closing, d.closed(w.aux, typ, base))
	if err != nil {
		return d.abandon(ctx, w, err, true)
	}
	w.guard = nil
	if f != nil {
		f.Byte()
		w.out.Change = fiscal.Tiyn(f.Sum())
	}
	return d.finish(ctx, w, d.o.Timers.Print)
}

func isUnsettled(err error) bool {
	var u *unsettled
	return errors.As(err, &u)
}

func (d *Driver) step(ctx context.Context, w *work, s step, typ byte, total fiscal.Tiyn) error {
	var prove proof
	if !s.line {
		prove = d.added(w, typ, total, s.adds)
	}
	w.pre = s.pre
	_, err := d.effect(ctx, w, s.body, prove)
	w.pre = nil
	return err
}

// subtotal asks for the total of the open receipt, and whether there is one of
// this type. The status comes second: a discount that is sent after it is not
// one directly behind a subtotal.
func (d *Driver) subtotal(ctx context.Context, w *work, typ byte) (sum fiscal.Tiyn, open bool, err error) {
	f, err := d.ask(ctx, frame.New(frame.Subtotal).Password(w.pw), w.who)
	var no *refusal
	if errors.As(err, &no) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	f.Byte()
	sum = fiscal.Tiyn(f.Sum())
	if err := bad(frame.Subtotal, f); err != nil {
		return 0, false, err
	}
	st, err := d.status(ctx, w.aux)
	return sum, st.mode == frame.ModeReceipt && st.kind == typ, err
}

// still is the guard of an open receipt: after a power cut the register has
// dropped it, and the next line would silently open another one (8.1).
func (d *Driver) still(ctx context.Context, w *work, typ byte, total fiscal.Tiyn) error {
	sum, open, err := d.subtotal(ctx, w, typ)
	switch {
	case err != nil:
		return err
	case !open:
		return &unsettled{text: "not registered: the line had trouble and the register has no open receipt any more"}
	case sum != total:
		return &unsettled{text: fmt.Sprintf("not registered: the line had trouble and the open receipt stands at %v, entered were %v", sum, total)}
	}
	return nil
}

// abandon ends a receipt that will not be closed. A refusal leaves the receipt
// open (12: 45h), so it is cancelled; with the link in trouble it may stay open
// and the next receipt cancels it.
func (d *Driver) abandon(ctx context.Context, w *work, why error, open bool) error {
	if !open {
		return why
	}
	pw := w.pw
	d.open = &pw
	w.guard, w.pre = nil, nil
	var no *refusal
	if !errors.As(why, &no) {
		w.addText("a receipt may be open on the register")
		return why
	}
	entered := w.entered // the cancellation is not the operator's input
	if err := d.cancel(ctx, w, w.pw); err != nil {
		w.addText("the receipt could not be cancelled: " + err.Error())
	}
	w.entered = entered
	return why
}

// dropLeftOver cancels a receipt that this driver had to leave open.
func (d *Driver) dropLeftOver(ctx context.Context, w *work) error {
	if d.open == nil {
		return nil
	}
	st, err := d.status(ctx, w.aux)
	if err != nil {
		return err
	}
	if st.mode == frame.ModeReceipt {
		return d.cancel(ctx, w, *d.open)
	}
	d.open = nil
	return nil
}

// notes are the print lines that tell the bench's own register what the
// protocol has no field for.
func notes(l fiscal.Line) []string {
	var out []string
	if l.Code != 0 {
		out = append(out, fmt.Sprintf("CODE:[%d]", l.Code))
	}
	if l.GTIN != "" {
		out = append(out, "GTIN:["+l.GTIN+"]")
	}
	if l.Mark != "" {
		out = append(out, "MARK:["+l.Mark+"]")
	}
	return out
}

// plan makes the commands between opening and closing, and the closing.
func (d *Driver) plan(ctx context.Context, w *work, r fiscal.Receipt, typ byte) (steps []step, closing *frame.Body, err error) {
	var own bool // the register reads the bench's own print lines
	codes := r.Customer+r.Email+r.Phone != ""
	for _, l := range r.Lines {
		codes = codes || l.Code != 0 || l.GTIN+l.Mark != ""
	}
	if codes {
		t, err := d.deviceType(ctx)
		if err != nil {
			return nil, nil, err
		}
		own = t.subtype == frame.SubtypeDouble
	}
	for i, l := range r.Lines {
		b, err := d.position(ctx, w.pw, l, typ)
		if err != nil {
			return nil, nil, at(err, i)
		}
		steps = append(steps, step{body: b, adds: l.Signed()})
		for _, n := range notes(l) {
			if !own {
				return nil, nil, &unable{fmt.Sprintf("line %d: the protocol has no field for %s", i+1, n)}
			}
			s, err := d.printLine(ctx, w.pw, n)
			if err != nil {
				return nil, nil, at(err, i)
			}
			steps = append(steps, s)
		}
	}
	lines := basis(r.Parent)
	for _, n := range [][3]string{{"BUYER", r.Customer, "the buyer's IIN or BIN"}, {"EMAIL", r.Email, "the buyer's e-mail address"}, {"PHONE", r.Phone, "the buyer's telephone number"}} {
		if n[1] == "" {
			continue
		}
		if !own {
			return nil, nil, &unable{"the protocol has no field for " + n[2]}
		}
		lines = append(lines, n[0]+":["+n[1]+"]")
	}
	for _, text := range lines {
		s, err := d.printLine(ctx, w.pw, text)
		if err != nil {
			return nil, nil, err
		}
		steps = append(steps, s)
	}
	more, percent, err := d.whole(ctx, w.pw, r)
	if err != nil {
		return nil, nil, err
	}
	steps = append(steps, more...)
	closing, err = d.closing(w.pw, r, percent)
	return steps, closing, err
}

// at names the line of a receipt that the protocol cannot carry.
func at(err error, i int) error {
	var u *unable
	if errors.As(err, &u) {
		return &unable{fmt.Sprintf("line %d: %s", i+1, u.text)}
	}
	return err
}

// textField is the width of texts in receipts and print lines.
const textField = 40

// text codes s for a field of n bytes. It is never cut: half a name on a
// receipt would read as the register's mistake.
func (d *Driver) text(ctx context.Context, s string, n int) ([]byte, error) {
	c, err := d.coding(ctx)
	if err != nil {
		return nil, err
	}
	p, err := c.Encode(s)
	if err != nil {
		return nil, &unable{err.Error()}
	}
	if len(p) > n {
		return nil, &unable{fmt.Sprintf("text %q has %d bytes, the protocol takes %d", s, len(p), n)}
	}
	return p, nil
}

func (d *Driver) printLine(ctx context.Context, pw uint32, s string) (step, error) {
	p, err := d.text(ctx, s, textField)
	return step{body: frame.New(frame.Line).Password(pw).Byte(rollReceipt).Text(p, textField), line: true}, err
}

// maxSection is the highest department of the line commands.
const maxSection = 16

// position makes the command of a line (8.1).
func (d *Driver) position(ctx context.Context, pw uint32, l fiscal.Line, typ byte) (*frame.Body, error) {
	name, err := d.text(ctx, l.Name, textField)
	if err != nil {
		return nil, err
	}
	group, err := d.taxGroup(ctx, l.VAT)
	if err != nil {
		return nil, err
	}
	var c frame.Code
	switch l.Kind {
	case fiscal.Goods:
		c = frame.Sale + frame.Code(typ)
	case fiscal.GoodsStorno:
		c = frame.StornoLine
	case fiscal.Discount:
		c = frame.Discount
	case fiscal.Markup:
		c = frame.Markup
	case fiscal.DiscountStorno:
		c = frame.StornoDiscount
	case fiscal.MarkupStorno:
		c = frame.StornoMarkup
	default:
		return nil, &unable{fmt.Sprintf("position of kind %q: not one that the protocol has", l.Kind)}
	}
	b := frame.New(c).Password(pw)
	if l.Kind != fiscal.Goods && l.Kind != fiscal.GoodsStorno {
		return b.Sum(int64(l.Sum)).Raw([]byte{group, 0, 0, 0}).Text(name, textField), nil
	}
	if l.Sum != 0 && l.Sum != fiscal.LineSum(l.Price, l.Qty) {
		return nil, &unable{fmt.Sprintf("sum %v is not price %v times quantity %v, and the protocol carries only these two", l.Sum, l.Price, l.Qty)}
	}
	if l.Section < 0 || l.Section > maxSection {
		return nil, &unable{fmt.Sprintf("section %d: the protocol has 0 to %d", l.Section, maxSection)}
	}
	return b.Sum(int64(l.Qty)).Sum(int64(l.Price)).Byte(byte(l.Section)).Raw([]byte{group, 0, 0, 0}).Text(name, textField), nil
}

// basis are the five print lines that a return carries (8.9).
func basis(p *fiscal.Parent) []string {
	if p == nil {
		return nil
	}
	off := "нет"
	if p.Offline {
		off = "да"
	}
	return []string{
		"NUM:[" + p.Sign + "]",
		"RNM:[" + p.KKM + "]",
		"DATETIME:[" + p.At.Format("02.01.2006 15:04:05") + "]",
		"TOTAL:[" + p.Total.String() + "]",
		"ISOFF:[" + off + "]",
	}
}

// whole decides how a discount or markup on the whole receipt goes: as a
// percentage of the closing command when that is exact, else by sum after a
// subtotal. percent counts hundredths of a percent, markups are negative.
func (d *Driver) whole(ctx context.Context, pw uint32, r fiscal.Receipt) (steps []step, percent int64, err error) {
	sum, c, sign, name := r.Discount, frame.Discount, fiscal.Tiyn(1), "Скидка"
	switch {
	case r.Discount < 0 || r.Markup < 0:
		return nil, 0, &unable{"a discount or markup below zero"}
	case r.Discount != 0 && r.Markup != 0:
		return nil, 0, &unable{"a discount and a markup on one receipt: the closing command has one percentage"}
	case r.Markup != 0:
		sum, c, sign, name = r.Markup, frame.Markup, -1, "Наценка"
	case r.Discount == 0:
		return nil, 0, nil
	}
	var lines fiscal.Tiyn
	for _, l := range r.Lines {
		lines += l.Signed()
	}
	if lines > 0 && sum*10000%lines == 0 && sum*10000/lines <= 10000 {
		return nil, int64(sign * sum * 10000 / lines), nil
	}
	p, err := d.text(ctx, name, textField)
	if err != nil {
		return nil, 0, err
	}
	return []step{
		{body: frame.New(c).Password(pw).Sum(int64(sum)).Raw(make([]byte, 4)).Text(p, textField), adds: -sign * sum,
			pre: frame.New(frame.Subtotal).Password(pw)},
	}, 0, nil
}

// closing makes 85h: cash, three other types, percentage, taxes, text.
func (d *Driver) closing(pw uint32, r fiscal.Receipt, percent int64) (*frame.Body, error) {
	var sums [5]fiscal.Tiyn
	for _, p := range r.Payments {
		n := 1
		if p.Kind != fiscal.Cash {
			var ok bool
			if n, ok = d.o.Payments[p.Kind]; !ok {
				return nil, &unable{fmt.Sprintf("payment by %q: no payment type of the register is known for it", p.Kind)}
			}
		}
		sums[n] += p.Sum
	}
	b := frame.New(frame.CloseReceipt).Password(pw)
	for _, s := range sums[1:] {
		b.Sum(int64(s))
	}
	return b.Int(percent, 2).Raw(make([]byte, 4)).Text(nil, textField), nil
}

// opened is the proof of 8Dh: a document of this type is open.
func (d *Driver) opened(pw uint32, typ byte) proof {
	return func(ctx context.Context) (verdict, string, error) {
		st, err := d.status(ctx, pw)
		switch {
		case err != nil:
			return unclear, "", err
		case st.mode == frame.ModeReceipt && st.kind == typ:
			return happened, "a receipt of this type is open", nil
		case st.mode == frame.ModeReceipt:
			return unclear, "a document of another type is open", nil
		default:
			return undone, "no receipt is open", nil
		}
	}
}

// added is the proof of a line: the subtotal is the one before or the one after.
func (d *Driver) added(w *work, typ byte, before, adds fiscal.Tiyn) proof {
	return func(ctx context.Context) (verdict, string, error) {
		got, open, err := d.subtotal(ctx, w, typ)
		if err != nil {
			return unclear, "", err
		}
		s := fmt.Sprintf("subtotal %v, %v before the line", got, before)
		switch {
		case !open:
			return vanished, "not registered: no receipt is open any more", nil
		case adds == 0:
			return unclear, s, nil
		case got == before+adds:
			return happened, s, nil
		case got == before:
			return undone, s, nil
		default:
			return unclear, s, nil
		}
	}
}

// closed is the proof of 85h (11): mode 8 means not closed; another mode with
// the receipt counter one higher means closed. No open receipt and a counter
// that stood still means that the receipt is gone (power), not that it may be
// closed again.
func (d *Driver) closed(pw uint32, typ byte, base *uint16) proof {
	count := d.counted(pw, regReceipts+typ, base)
	return func(ctx context.Context) (verdict, string, error) {
		v, s, err := count(ctx)
		if err != nil {
			return unclear, "", err
		}
		st, err := d.status(ctx, pw)
		if err != nil {
			return unclear, "", err
		}
		s = fmt.Sprintf("%v, %s", st.mode, s)
		open := st.mode == frame.ModeReceipt && st.kind == typ
		switch {
		case v == happened && !open:
			return happened, s, nil
		case v == undone && open:
			return undone, s, nil
		case v == undone:
			return vanished, "not registered: " + s, nil
		default:
			return unclear, s, nil
		}
	}
}
