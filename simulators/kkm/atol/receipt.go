package atol

import (
	"strings"

	"github.com/kkmtest/kkmtest/bench/device/atol/frame"
	"github.com/kkmtest/kkmtest/bench/device/line/double"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
)

// receipt is the open receipt. It lives in work memory: a power cut drops it.
type receipt struct {
	fiscal.Receipt
	typ   byte
	name  string // the text line that came last: the name of what comes next
	paid  []fiscal.Payment
	notes double.Notes
}

var kinds = map[byte]fiscal.ReceiptKind{frame.TypeSale: fiscal.Sale, frame.TypeSaleReturn: fiscal.SaleReturn, frame.TypeBuy: fiscal.Buy, frame.TypeBuyReturn: fiscal.BuyReturn}

// begin opens a receipt if the register would take one of this kind now; the code
// is the refusal.
func (h *Host) begin(typ byte) byte {
	kind, ok := kinds[typ]
	if !ok {
		return frame.ErrReceiptType
	}
	why := h.r.May(fiscal.Op{Kind: fiscal.OpReceipt, Receipt: &fiscal.Receipt{Kind: kind}, As: h.role()})
	if why == "" {
		h.open = &receipt{Receipt: fiscal.Receipt{Kind: kind}, typ: typ}
	}
	return reasonCode(fiscal.OpReceipt, why)
}

func (h *Host) openReceipt(c *call) {
	flags, typ := c.f.Byte(), c.f.Byte()
	if c.bad() {
		return
	}
	h.shut(c, func() {
		code := h.begin(typ)
		if flags&onlyCheck != 0 {
			h.open = nil
		}
		c.fail(code)
	})
}

// shut goes on when no receipt is open.
func (h *Host) shut(c *call, then func()) {
	if h.open != nil {
		c.fail(frame.ErrReceiptOpen)
		return
	}
	then()
}

// selling goes on when a receipt is open and no payment was taken yet.
func (h *Host) selling(c *call, then func(r *receipt)) {
	switch {
	case h.open == nil:
		c.fail(frame.ErrReceiptShut)
	case len(h.open.paid) > 0:
		c.fail(frame.ErrMode)
	default:
		then(h.open)
	}
}

func (r *receipt) takeName() string { s := r.name; r.name = ""; return s }

// goods is a line: with a section in sales and purchases, without one in returns.
// It opens a receipt of its kind when none is open (7.3).
func (h *Host) goods(c *call, sell bool) {
	flags := c.f.Byte()
	l := fiscal.Line{Kind: fiscal.Goods, Price: fiscal.Tiyn(c.f.Num(5)), Qty: fiscal.Milli(c.f.Num(5)), Section: 1}
	typ := frame.TypeSaleReturn
	if sell {
		l.Section, typ = int(c.f.Num(1)), frame.TypeSale
	}
	if c.bad() {
		return
	}
	if l.Section > sections {
		c.fail(frame.ErrSection)
		return
	}
	if h.open == nil {
		if code := h.begin(typ); code != frame.OK {
			c.fail(code)
			return
		}
	}
	h.selling(c, func(r *receipt) {
		if sell != (r.typ == frame.TypeSale || r.typ == frame.TypeBuy) {
			c.fail(frame.ErrReceiptType)
			return
		}
		l.VAT = h.o.Sections[max(l.Section, 1)]
		h.add(c, r, l, flags, frame.ErrPrice)
	})
}

// add puts a position on the receipt, unless the total would fall below zero.
func (h *Host) add(c *call, r *receipt, l fiscal.Line, flags, code byte) {
	notes := r.notes
	l.Name = r.name
	switch {
	case !notes.Apply(&l), r.Total()+l.Signed() < 0:
		c.fail(code)
	case flags&onlyCheck != 0:
		c.ok()
	default:
		r.notes = notes
		r.takeName()
		r.Lines = append(r.Lines, l)
		c.ok()
	}
}

// hundred is 100 % in the unit of 43h.
const hundred = 10000

// adjust is a discount or markup, on the last position or on the whole receipt.
func (h *Host) adjust(c *call) {
	flags, area, kind, sign := c.f.Byte(), c.f.Byte(), c.f.Byte(), c.f.Byte()
	var n int64
	if kind == frame.BySum {
		n = c.f.Num(5)
	} else {
		n = c.f.Num(3)
	}
	if c.bad() {
		return
	}
	h.selling(c, func(r *receipt) {
		base := r.Total()
		var last *fiscal.Line
		for i := range r.Lines {
			if k := r.Lines[i].Kind; k == fiscal.Goods || k == fiscal.GoodsStorno {
				last = &r.Lines[i]
			}
		}
		if area == frame.AreaLine && last != nil {
			base = last.Total()
		}
		sum := fiscal.Tiyn(n)
		if kind != frame.BySum {
			sum = fiscal.Tiyn((int64(base)*n + hundred/2) / hundred)
		}
		l := fiscal.Line{Kind: fiscal.Markup, Sum: sum}
		if sign == frame.ByDiscount {
			l.Kind = fiscal.Discount
		}
		switch {
		case last == nil || area > frame.AreaLine || kind > frame.BySum || sign > frame.ByMarkup:
			c.fail(0x10)
		case area == frame.AreaLine:
			l.VAT = last.VAT
			h.add(c, r, l, flags, frame.ErrDiscount)
		case r.Total()+l.Signed() < 0:
			c.fail(frame.ErrDiscount)
		case flags&onlyCheck != 0:
			c.ok()
		case l.Kind == fiscal.Discount:
			r.Discount += sum
			c.ok()
		default:
			r.Markup += sum
			c.ok()
		}
	})
}

var payments = map[byte]fiscal.PaymentKind{1: fiscal.Cash, 2: fiscal.Card, 3: fiscal.Mobile}

// due is what is still to be paid, and the change.
func (r *receipt) due() (rest, change fiscal.Tiyn) {
	x := r.Receipt
	x.Payments = r.paid
	rest = r.Total()
	for _, p := range r.paid {
		rest -= p.Sum
	}
	return max(rest, 0), x.Change()
}

// pay takes a payment (99h) or takes one back (9Bh); the answer is remainder and change.
func (h *Host) pay(c *call, take bool) {
	flags, typ, sum := c.f.Byte(), c.f.Byte(), c.f.Num(5)
	if c.bad() {
		return
	}
	kind, ok := payments[typ]
	r := h.open
	p := fiscal.Payment{Kind: kind, Sum: fiscal.Tiyn(sum)}
	switch {
	case r == nil || len(r.Lines) == 0:
		c.fail(frame.ErrReceiptShut)
		return
	case !ok:
		c.fail(frame.ErrPaymentType)
		return
	case take && sum == 0:
		c.fail(frame.ErrPrice)
		return
	}
	rest, _ := r.due()
	before := r.paid
	if take {
		if kind != fiscal.Cash && p.Sum > rest {
			c.fail(frame.ErrNonCash)
			return
		}
		r.paid = append(r.paid[:len(r.paid):len(r.paid)], p)
	} else {
		at := -1
		for i, x := range r.paid {
			if x == p {
				at = i
			}
		}
		if at < 0 {
			c.fail(frame.ErrUnpay)
			return
		}
		r.paid = append(append([]fiscal.Payment(nil), r.paid[:at]...), r.paid[at+1:]...)
	}
	rest, change := r.due()
	if flags&onlyCheck != 0 {
		r.paid = before
	}
	c.reply(frame.Answer(frame.OK).Sum(int64(rest)).Sum(int64(change)))
}

// closeReceipt registers the receipt. The answer comes when the register is
// through with the OFD and the paper; a refusal leaves the receipt open.
func (h *Host) closeReceipt(c *call) {
	flags, typ, sum := c.f.Byte(), c.f.Byte(), fiscal.Tiyn(c.f.Num(5))
	if c.bad() {
		return
	}
	r := h.open
	kind, ok := payments[typ]
	switch {
	case r == nil || len(r.Lines) == 0:
		c.fail(frame.ErrReceiptShut)
		return
	case !ok:
		c.fail(frame.ErrPaymentType)
		return
	}
	full := r.Receipt // a copy: a refused closing must not change the open receipt
	full.Lines = append([]fiscal.Line(nil), r.Lines...)
	rest, _ := r.due()
	total := full.Total()
	switch {
	case len(r.paid) > 0 && sum != 0, len(r.paid) == 0 && sum != 0 && r.Kind != fiscal.Sale:
		c.fail(frame.ErrPrice)
		return
	case len(r.paid) > 0 && rest > 0:
		c.fail(frame.ErrUnderpaid)
		return
	case len(r.paid) > 0:
		full.Payments = append([]fiscal.Payment(nil), r.paid...)
	case sum == 0:
		full.Payments = []fiscal.Payment{{Kind: kind, Sum: total}}
	case kind == fiscal.Cash && sum < total:
		c.fail(frame.ErrCashShort)
		return
	case sum < total:
		c.fail(frame.ErrUnderpaid)
		return
	case kind != fiscal.Cash && sum > total:
		c.fail(frame.ErrNonCash)
		return
	default:
		full.Payments = []fiscal.Payment{{Kind: kind, Sum: sum}}
	}
	r.notes.Finish(&full)
	op := fiscal.Op{Kind: fiscal.OpReceipt, Receipt: &full, As: h.role()}
	if flags&onlyCheck != 0 {
		c.fail(reasonCode(op.Kind, h.r.May(op)))
		return
	}
	c.do(op, func(kkm.Reply) {
		h.open = nil
		h.through(c.fail)
	})
}

// cancel drops the open receipt; payments have to be taken back before (9Bh).
func (h *Host) cancel(c *call) {
	h.selling(c, func(*receipt) {
		h.open = nil
		c.ok()
	})
}

// text is a line of text: in a receipt the name of what comes next, or a note of
// our drivers; outside it a trial print.
func (h *Host) text(c *call) {
	s := strings.TrimRight(frame.Decode866Twins(c.f.Rest()), " ")
	switch r := h.open; {
	case frame.Letters(s) > columns:
		c.fail(frame.ErrLength)
	case r == nil:
		c.paper(fiscal.Op{Kind: fiscal.OpTestPrint, Value: s})
	case !h.o.Plain && r.notes.Take(s):
		c.ok()
	default:
		if s != "" {
			r.name = s
		}
		c.ok()
	}
}

// columns of the printer (1).
const columns = 56
