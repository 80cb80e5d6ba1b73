package webkassa

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/webkassa/wire"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

// unable is something that the interface cannot express.
type unable struct{ text string }

func (e *unable) Error() string { return e.text }

// unsettled is an effect whose answer was lost and that no question settles.
type unsettled struct{ text string }

func (e *unsettled) Error() string { return e.text }

// work is one operation on its way.
type work struct {
	op   fiscal.Op
	who  Login
	out  fiscal.Outcome
	sent clock.Instant
	done clock.Instant
}

// Do performs one operation.
func (d *Driver) Do(ctx context.Context, op fiscal.Op) (fiscal.Outcome, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	intent, err := d.j.Append(history.Driver, history.Intent{Op: op})
	if err != nil {
		return fiscal.Outcome{}, err
	}
	if err := d.j.Barrier(); err != nil {
		return fiscal.Outcome{}, err
	}
	d.x.intent = intent
	defer func() { d.x.intent = 0 }()
	w := &work{op: op}
	err = d.sort(w, d.perform(ctx, w))
	if w.done.Wall.IsZero() {
		w.done = d.loop.Now()
	}
	res := history.Result{Op: op.ID, Outcome: w.out, Done: w.done, Blur: d.o.Latency,
		Sources: fmt.Sprintf("network and system %v; paper is not seen, so that the time of the receipt is not measured", d.o.Latency)}
	if e := d.rest(ctx, w, &res); e != nil {
		err = errors.Join(err, e)
	}
	if _, e := d.j.Append(history.Driver, res, intent); e != nil {
		return w.out, errors.Join(err, e)
	}
	return w.out, errors.Join(err, d.j.Barrier())
}

// rest waits for the paper, where somebody sees it. Without that the answer of the service
// would pass for a receipt in the buyer's hand.
func (d *Driver) rest(ctx context.Context, w *work, res *history.Result) error {
	if d.o.Rest == nil || w.out.Got != fiscal.Done {
		return nil
	}
	at, blur, ok, err := d.o.Rest(ctx)
	if err != nil || !ok {
		return err
	}
	if at.Mono > res.Done.Mono {
		res.Done = at
	}
	res.Entered, res.Blur = w.sent, res.Blur+blur
	res.Sources = fmt.Sprintf("network and system %v; reading of the paper %v", d.o.Latency, blur)
	return nil
}

// sort makes an outcome of what came of an operation, and leaves the bench's own errors.
func (d *Driver) sort(w *work, err error) error {
	var no *refusal
	var cannot *unable
	var gone *lost
	var open *unsettled
	switch {
	case err == nil:
		w.out.Got = fiscal.Done
		return nil
	case errors.As(err, &no):
		w.out.Got, w.out.Code, w.out.Text = fiscal.Refused, no.code(), no.Error()
		return nil
	case errors.As(err, &cannot):
		w.out.Got, w.out.Text = fiscal.Unsupported, cannot.text
		return nil
	case errors.As(err, &open), errors.As(err, &gone):
		w.out.Got, w.out.Text = fiscal.Unknown, err.Error()
		return nil
	}
	w.out.Text = err.Error()
	return err
}

func (d *Driver) perform(ctx context.Context, w *work) error {
	admin := w.op.Kind == fiscal.OpXReport || w.op.Kind == fiscal.OpZReport || w.op.Kind == fiscal.OpSetSetting
	w.who = d.login(w.op.As, admin)
	if w.op.As.Password != "" {
		if err := d.knock(ctx, w); err != nil {
			return err
		}
	}
	switch w.op.Kind {
	case fiscal.OpReceipt:
		return d.receipt(ctx, w)
	case fiscal.OpDeposit, fiscal.OpWithdraw:
		return d.cash(ctx, w)
	case fiscal.OpXReport:
		return d.xReport(ctx, w)
	case fiscal.OpZReport:
		return d.zReport(ctx, w)
	case fiscal.OpCopy:
		return d.copy(ctx, w)
	case fiscal.OpSetSetting:
		return d.set(ctx, w)
	}
	return &unable{fmt.Sprintf("operation %q: the HTTP interface has no call for it", w.op.Kind)}
}

// knock logs in with the password that the operation brings, which may be wrong
// on purpose. A session that it opens is used for this operation.
func (d *Driver) knock(ctx context.Context, w *work) error {
	was := d.tokens[w.who.Login]
	delete(d.tokens, w.who.Login)
	w.who.Password = w.op.As.Password
	d.x.hide(w.who.Password)
	if _, err := d.session(ctx, w.who); err != nil {
		if was != "" {
			d.tokens[w.who.Login] = was
		}
		return err
	}
	return nil
}

var receiptTypes = map[fiscal.ReceiptKind]int{fiscal.Buy: wire.Buy, fiscal.BuyReturn: wire.BuyReturn, fiscal.Sale: wire.Sale, fiscal.SaleReturn: wire.SaleReturn}

var paymentTypes = map[fiscal.PaymentKind]int{fiscal.Cash: wire.Cash, fiscal.Card: wire.Card, fiscal.Mobile: wire.Mobile}

// unitPiece is the code of a piece in the classifier of units.
const unitPiece = 796

// checkOf turns a receipt into a check. What the interface cannot carry is
// refused here: a receipt that says less than was asked for would make the
// register look as if it had lost something.
func checkOf(r fiscal.Receipt, external string) (*wire.Check, error) {
	c := &wire.Check{OperationType: receiptTypes[r.Kind], Change: wire.Money(r.Change()), ExternalCheckNumber: external, CustomerXin: r.Customer}
	if _, ok := receiptTypes[r.Kind]; !ok {
		return nil, &unable{fmt.Sprintf("receipt of kind %q", r.Kind)}
	}
	for i, l := range r.Lines {
		if l.Kind == fiscal.GoodsStorno {
			return nil, &unable{fmt.Sprintf("line %d: a position is sent once and whole, there is no reversal of it", i+1)}
		}
		if l.Kind == fiscal.Goods {
			p := wire.Position{Count: wire.Quantity(l.Qty), Price: wire.Money(l.Price), PositionName: l.Name, SectionCode: strconv.Itoa(max(l.Section, 1)), UnitCode: unitPiece}
			if l.Total() != fiscal.LineSum(l.Price, l.Qty) {
				return nil, &unable{fmt.Sprintf("line %d: the sum %s is not price times quantity", i+1, l.Total())}
			}
			if l.Code > 0 {
				p.PositionCode = strconv.FormatUint(l.Code, 10)
			}
			if l.VAT != nil {
				p.TaxType, p.TaxPercent = wire.VAT, wire.Percent(*l.VAT)
			}
			c.Positions = append(c.Positions, p)
			continue
		}
		return nil, &unable{fmt.Sprintf("line %d: %s: a discount or markup on a position is a bare amount there, without the name %q and without a reversal", i+1, l.Kind, l.Name)}
	}
	for i := range c.Positions {
		if p := &c.Positions[i]; p.TaxType == wire.VAT {
			p.Tax = wire.Money(fiscal.VATInside(fiscal.LineSum(fiscal.Tiyn(p.Price), fiscal.Milli(p.Count)), fiscal.MilliPercent(p.TaxPercent)))
		}
	}
	if r.Discount > 0 {
		c.TicketModifiers = append(c.TicketModifiers, wire.Modifier{Type: wire.Discount, Sum: wire.Money(r.Discount), Text: "Жеңілдік / Скидка"})
	}
	if r.Markup > 0 {
		c.TicketModifiers = append(c.TicketModifiers, wire.Modifier{Type: wire.Markup, Sum: wire.Money(r.Markup), Text: "Үстеме / Наценка"})
	}
	for _, p := range r.Payments {
		t, ok := paymentTypes[p.Kind]
		if !ok {
			return nil, &unable{fmt.Sprintf("payment of kind %q", p.Kind)}
		}
		c.Payments = append(c.Payments, wire.Payment{Sum: wire.Money(p.Sum), PaymentType: t})
	}
	if p := r.Parent; p != nil {
		c.ReturnBasisDetails = &wire.Basis{DateTime: wire.BasisTime(p.At), Total: wire.Money(p.Total), CheckNumber: p.Sign, RegistrationNumber: p.KKM, IsOffline: p.Offline}
	}
	return c, nil
}

func (d *Driver) receipt(ctx context.Context, w *work) error {
	if w.op.Receipt == nil {
		return &unable{"a receipt without content"}
	}
	ext := d.external(w.op.ID)
	c, err := checkOf(*w.op.Receipt, ext)
	if err != nil {
		return err
	}
	before, err := d.state(ctx) // where to look for the check if its answer is lost
	if err != nil {
		return err
	}
	d.last = ""
	var t wire.Ticket
	err = d.ask(ctx, w.who, wire.CheckPath, func(b wire.Cashbox) any { c.Cashbox = b; return c }, &t, &w.sent)
	w.done = d.loop.Now()
	err = whole(err, wire.CheckPath, t.CheckNumber)
	if err = d.settleCheck(ctx, w, err, ext, before.CurrentState, &t); err != nil {
		return err
	}
	w.out.Doc, w.out.Shift, w.out.Sign, w.out.Change = t.CheckOrderNumber, t.ShiftNumber, t.CheckNumber, w.op.Receipt.Change()
	d.last, d.shift = ext, t.ShiftNumber
	return nil
}

// whole says that an answer without what every such answer has is none: some
// other service may have given it.
func whole(err error, path, mark string) error {
	if err == nil && mark == "" {
		return &lost{path, "an answer without number or time", true}
	}
	return err
}

func (d *Driver) cash(ctx context.Context, w *work) error {
	before, err := d.state(ctx)
	if err != nil {
		return err
	}
	p := &wire.Placement{OperationType: wire.CashIn, Sum: wire.Money(w.op.Cash), ExternalCheckNumber: d.external(w.op.ID)}
	diff := w.op.Cash
	if w.op.Kind == fiscal.OpWithdraw {
		p.OperationType, diff = wire.CashOut, -diff
	}
	d.last = ""
	var a wire.Placed
	err = d.ask(ctx, w.who, wire.MoneyOperation, func(b wire.Cashbox) any { p.Cashbox = b; return p }, &a, &w.sent)
	w.done = d.loop.Now()
	err = whole(err, wire.MoneyOperation, a.DateTime)
	if err = d.settleCash(ctx, w, err, before.CurrentState, diff); err != nil {
		return err
	}
	w.out.Shift = a.ShiftNumber
	return nil
}

func (d *Driver) xReport(ctx context.Context, w *work) error {
	d.last = ""
	var r wire.Report
	err := d.ask(ctx, w.who, wire.XReport, plain, &r, &w.sent)
	w.done = d.loop.Now()
	err = whole(err, wire.XReport, r.ReportOn)
	var gone *lost
	if errors.As(err, &gone) && gone.sent {
		return &unsettled{err.Error() + "; an X report leaves nothing by which it could be found"}
	}
	w.out.Doc, w.out.Shift = r.ReportNumber, r.ShiftNumber
	return err
}

func (d *Driver) zReport(ctx context.Context, w *work) error {
	before, err := d.state(ctx)
	if err != nil {
		return err
	}
	d.last = ""
	var r wire.Report
	err = d.ask(ctx, w.who, wire.ZReport, plain, &r, &w.sent)
	w.done = d.loop.Now()
	err = whole(err, wire.ZReport, r.ReportOn)
	if err = d.settleZ(ctx, w, err, before.CurrentState); err != nil {
		return err
	}
	w.out.Doc, w.out.Shift = r.ReportNumber, max(r.ShiftNumber, before.CurrentState.ShiftNumber)
	return nil
}

// copy asks for the printed form of the last receipt once more.
func (d *Driver) copy(ctx context.Context, w *work) error {
	if d.last == "" {
		return &unable{"no receipt of this run has a printed form"}
	}
	lines, err := d.form(ctx, true)
	w.done = d.loop.Now()
	if err == nil && len(lines) == 0 {
		err = &unsettled{"the printed form has no lines"}
	}
	return err
}

// set enters the token of the OFD. It may be entered twice: it sets, it does not add.
func (d *Driver) set(ctx context.Context, w *work) error {
	if w.op.Setting != fiscal.SetToken {
		return &unable{fmt.Sprintf("setting %q: the HTTP interface has no call for it", w.op.Setting)}
	}
	n, err := strconv.ParseUint(w.op.Value, 10, 32)
	if err != nil {
		return &unable{fmt.Sprintf("token %q: the HTTP interface carries a number", w.op.Value)}
	}
	d.x.hide(w.op.Value)
	err = d.ask(ctx, w.who, wire.ChangeToken, func(b wire.Cashbox) any { return wire.NewToken{Cashbox: b, OfdToken: n} }, nil, &w.sent)
	w.done = d.loop.Now()
	return err
}
