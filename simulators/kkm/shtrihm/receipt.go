package shtrihm

import (
	"strconv"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
)

// coding is the code page of language 3 (5).
const coding = frame.KZ1048

// textField is the width of texts in receipts and print lines.
const textField = 40

// receipt is the open receipt. It lives in work memory: a power cut drops it.
type receipt struct {
	fiscal.Receipt
	typ   byte
	pw    uint32 // of who opened it
	whole bool   // the command before was a subtotal
	basis map[string]string
}

var kinds = [4]fiscal.ReceiptKind{fiscal.Sale, fiscal.Buy, fiscal.SaleReturn, fiscal.BuyReturn}

// begin opens a receipt if the register would take one of this kind now; the
// code is the refusal.
func (h *Host) begin(c *call, typ byte) (code byte) {
	r := &receipt{Receipt: fiscal.Receipt{Kind: kinds[typ]}, typ: typ, pw: c.pw, basis: map[string]string{}}
	if why := h.r.May(fiscal.Op{Kind: fiscal.OpReceipt, Receipt: &fiscal.Receipt{Kind: r.Kind}, As: c.role()}); why != "" {
		return reasonCode(why)
	}
	h.open = r
	return frame.ErrNone
}

func (h *Host) openReceipt(c *call) {
	typ := c.f.Byte()
	if c.f.Err() != nil || typ > 3 {
		c.fail(frame.ErrParameters)
		return
	}
	h.closed(c, func() {
		if code := h.begin(c, typ); code != frame.ErrNone {
			c.fail(code)
			return
		}
		c.reply(c.ok())
	})
}

// inReceipt goes on when a receipt is open and c comes from who opened it (5).
func (h *Host) inReceipt(c *call, then func(r *receipt)) {
	switch {
	case h.open == nil:
		c.fail(frame.ErrNoReceipt)
	case c.pw != h.open.pw && h.r.Operator(typed(c.pw)) == 0:
		c.fail(frame.ErrPassword)
	case c.pw != h.open.pw:
		c.fail(frame.ErrOtherCashier)
	default:
		then(h.open)
	}
}

// tax reads the four tax groups of a line; the first one that is set counts,
// since the regulation knows one VAT a position.
func (h *Host) tax(f *frame.Fields) (*fiscal.MilliPercent, bool) {
	var rate *fiscal.MilliPercent
	for range 4 {
		switch g := f.Byte(); {
		case g == 0:
		case int(g) > len(h.vat):
			return nil, false
		case rate == nil:
			v := h.vat[g-1]
			rate = &v
		}
	}
	return rate, true
}

// goods is a line of goods or its storno; 80h to 83h open a receipt themselves.
func (h *Host) goods(c *call, kind fiscal.LineKind) {
	l := fiscal.Line{Kind: kind, Qty: fiscal.Milli(c.f.Sum()), Price: fiscal.Tiyn(c.f.Sum()), Section: int(c.f.Byte())}
	rate, ok := h.tax(c.f)
	l.VAT, l.Name = rate, coding.Decode(c.f.Text(textField))
	switch {
	case c.f.Err() != nil || !ok:
		c.fail(frame.ErrParameters)
		return
	case l.Section > 16:
		c.fail(frame.ErrDepartment)
		return
	}
	if kind == fiscal.Goods {
		typ := byte(c.code - frame.Sale)
		if h.open == nil {
			if code := h.begin(c, typ); code != frame.ErrNone {
				c.fail(code)
				return
			}
		}
		if h.open.typ != typ {
			c.fail(frame.ErrReceiptType)
			return
		}
	}
	h.inReceipt(c, func(r *receipt) { h.add(c, r, l) })
}

// add puts a position on the receipt, unless the total would fall below zero.
func (h *Host) add(c *call, r *receipt, l fiscal.Line) {
	if r.Total()+l.Signed() < 0 {
		c.fail(frame.ErrNegative)
		return
	}
	r.Lines = append(r.Lines, l)
	c.reply(c.ok())
}

// change is a discount or markup by sum, or its storno. Directly behind a
// subtotal it concerns the whole receipt, else it is a position of its own (the
// document leaves this open; driver and emulated register agree on it).
func (h *Host) change(c *call, kind fiscal.LineKind) {
	l := fiscal.Line{Kind: kind, Sum: fiscal.Tiyn(c.f.Sum())}
	rate, ok := h.tax(c.f)
	l.VAT, l.Name = rate, coding.Decode(c.f.Text(textField))
	if c.f.Err() != nil || !ok {
		c.fail(frame.ErrParameters)
		return
	}
	h.inReceipt(c, func(r *receipt) {
		whole := r.whole
		r.whole = false
		switch {
		case whole && kind == fiscal.Discount && l.Sum > r.Total():
			c.fail(frame.ErrNegative)
		case whole && kind == fiscal.Discount:
			r.Discount += l.Sum
			c.reply(c.ok())
		case whole && kind == fiscal.Markup:
			r.Markup += l.Sum
			c.reply(c.ok())
		default:
			h.add(c, r, l)
		}
	})
}

func (h *Host) subtotal(c *call) {
	h.inReceipt(c, func(r *receipt) {
		r.whole = true
		c.reply(c.ok().Sum(int64(r.Total())))
	})
}

func (h *Host) cancelReceipt(c *call) {
	h.inReceipt(c, func(*receipt) {
		h.open = nil
		c.reply(c.ok())
	})
}

// hundred is 100 % in the unit of the closing command.
const hundred = 10000

// closeReceipt registers the receipt. The answer comes when the register is
// through with the OFD; a refusal leaves the receipt open (12: 45h).
func (h *Host) closeReceipt(c *call) {
	var sums [4]fiscal.Tiyn
	for i := range sums {
		sums[i] = fiscal.Tiyn(c.f.Sum())
	}
	percent := c.f.Int(2)
	c.f.Uint(4) // taxes of the whole receipt: the lines carry theirs
	c.f.Text(textField)
	if c.f.Err() != nil || percent > hundred {
		c.fail(frame.ErrParameters)
		return
	}
	h.inReceipt(c, func(r *receipt) {
		full := r.Receipt // a copy: a refused closing must not change the open receipt
		full.Lines = append([]fiscal.Line(nil), r.Lines...)
		part := fiscal.Tiyn((int64(full.Total())*abs(percent) + hundred/2) / hundred)
		if percent > 0 {
			full.Discount += part
		} else {
			full.Markup += part
		}
		full.Parent = r.parent()
		kinds := [4]fiscal.PaymentKind{fiscal.Cash, fiscal.Card, fiscal.Mobile, ""}
		var paid, cashless fiscal.Tiyn
		for i, s := range sums {
			if s == 0 {
				continue
			}
			if kinds[i] == "" { // table 5 has no fourth payment
				c.fail(frame.ErrParameters)
				return
			}
			full.Payments = append(full.Payments, fiscal.Payment{Kind: kinds[i], Sum: s})
			paid += s
			if i > 0 {
				cashless += s
			}
		}
		switch total := full.Total(); {
		case cashless > total:
			c.fail(frame.ErrNonCash)
			return
		case paid < total:
			c.fail(frame.ErrUnderpaid)
			return
		}
		c.do(fiscal.Op{Kind: fiscal.OpReceipt, Receipt: &full}, func(kkm.Reply) *frame.Body {
			h.open = nil
			return c.ok().Sum(int64(full.Change()))
		})
	})
}

func abs(n int64) int64 { return max(n, -n) }

// printLine is a line of text. In a receipt it may carry the basis of a return
// (8.9), the code of the goods or the buyer (ours); outside it is a trial print.
// skip is how many bytes stand between the roll and the text.
func (h *Host) printLine(c *call, skip, width int) {
	c.f.Byte()
	for range skip {
		c.f.Byte()
	}
	text := coding.Decode(c.f.Text(min(width, max(c.f.Left(), 0))))
	if c.f.Err() != nil {
		c.fail(frame.ErrParameters)
		return
	}
	if h.open == nil {
		c.do(fiscal.Op{Kind: fiscal.OpTestPrint, Value: text}, func(kkm.Reply) *frame.Body { return c.ok() })
		return
	}
	h.inReceipt(c, func(r *receipt) {
		if !r.note(text) {
			c.fail(frame.ErrParameters)
			return
		}
		c.reply(c.ok())
	})
}

// note keeps what a print line tells of the receipt; false when it is one of
// ours and cannot be read. Other text is paper only.
func (r *receipt) note(text string) bool {
	key, rest, ok := strings.Cut(text, ":[")
	value, closed := strings.CutSuffix(strings.TrimRight(rest, " "), "]")
	if !ok || !closed {
		return true
	}
	switch key {
	case "NUM", "RNM", "DATETIME", "TOTAL", "ISOFF":
		r.basis[key] = value
	case "BUYER":
		r.Customer = value
	case "EMAIL":
		r.Email = value
	case "PHONE":
		r.Phone = value
	case "GTIN", "MARK":
		if len(r.Lines) == 0 {
			return false
		}
		if l := &r.Lines[len(r.Lines)-1]; key == "GTIN" {
			l.GTIN = value
		} else {
			l.Mark = value
		}
	case "CODE":
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil || len(r.Lines) == 0 {
			return false
		}
		r.Lines[len(r.Lines)-1].Code = n
	}
	return true
}

// parent is the basis of a return, nil unless all five lines came and can be read.
func (r *receipt) parent() *fiscal.Parent {
	p := fiscal.Parent{Sign: r.basis["NUM"], KKM: r.basis["RNM"]}
	when := r.basis["DATETIME"]
	at, err := time.Parse("02.01.2006 15:04:05", when)
	if err != nil {
		if at, err = time.Parse("02.01.2006 15:04", when); err != nil {
			return nil
		}
	}
	total, err := fiscal.ParseTiyn(r.basis["TOTAL"])
	if err != nil || p.Sign == "" || p.KKM == "" {
		return nil
	}
	switch r.basis["ISOFF"] {
	case "да":
		p.Offline = true
	case "нет":
	default:
		return nil
	}
	p.At, p.Total = at, total
	return &p
}
