package datecs

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kkmtest/kkmtest/bench/device/datecs/frame"
	"github.com/kkmtest/kkmtest/bench/device/line/double"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
)

// receipt is the open receipt. It lives in work memory: a power cut drops it.
type receipt struct {
	fiscal.Receipt
	storno bool
	role   fiscal.Role
	notes  double.Notes
}

func (r *receipt) summary() summary {
	s := summary{sum: r.Total()}
	for _, l := range r.Lines {
		if l.Kind == fiscal.Goods || l.Kind == fiscal.GoodsStorno {
			s.items++
		}
	}
	for _, p := range r.Payments {
		s.paid += p.Sum
	}
	return s
}

// counts are the numbers that opening and closing answer with.
func (h *Host) counts() []string {
	s := h.r.State()
	if h.x() {
		n := s.LastDoc
		if h.open != nil {
			n++
		}
		return []string{strconv.FormatUint(n, 10)}
	}
	var fiscals uint64
	for _, n := range s.Numbers {
		fiscals += n
	}
	return []string{fmt.Sprintf("%04d", s.LastDoc%1e4), fmt.Sprintf("%04d", fiscals%1e4)}
}

// openReceipt is 48, or the opening of a storno receipt. The returned receipt is
// named by its document number, which this register does not need.
func (h *Host) openReceipt(c *call, storno bool) {
	n, err := strconv.Atoi(c.at(0))
	till, err2 := strconv.Atoi(c.at(2))
	if err != nil || err2 != nil || n < 1 || n > kkm.Operators || till < 1 || storno && c.at(3) == "" {
		c.fail(kkm.BadData)
		return
	}
	h.shut(c, func() {
		if !h.knows(c, n, c.at(1)) {
			return
		}
		r := &receipt{Receipt: fiscal.Receipt{Kind: fiscal.Sale}, storno: storno, role: fiscal.Role{Cashier: n, Password: h.typed(n, c.at(1))}}
		if storno {
			r.Kind = fiscal.SaleReturn
		}
		if why := h.r.May(fiscal.Op{Kind: fiscal.OpReceipt, Receipt: &fiscal.Receipt{Kind: r.Kind}, As: r.role}); why != "" {
			c.fail(why)
			return
		}
		h.open = r
		c.ok(h.counts()...)
	})
}

// selling goes on when a receipt is open and no payment was taken yet.
// Without paper nothing of a receipt is taken (6: command cancelled).
func (h *Host) selling(c *call, then func(r *receipt)) {
	switch {
	case h.open == nil || len(h.open.Payments) > 0:
		c.fail(denied)
	case !h.r.State().Paper && c.cmd != frame.Cancel:
		c.fail(kkm.NoPaper)
	default:
		then(h.open)
	}
}

// item is a line of 49 as it was sent.
type item struct {
	name     string
	group    int
	price    fiscal.Tiyn // below zero: takes a line back
	qty      fiscal.Milli
	section  int
	modifier fiscal.Tiyn // by sum; percent is counted from the line
}

func milli(s string) (fiscal.Milli, error) {
	whole, frac, _ := strings.Cut(s, ".")
	if len(frac) > 3 || strings.ContainsAny(s, "+-") {
		return 0, fmt.Errorf("quantity %q", s)
	}
	n, err := strconv.ParseInt(whole+(frac + "000")[:3], 10, 64)
	return fiscal.Milli(n), err
}

// percent of a line, half up.
func percent(of fiscal.Tiyn, hundredths int64) fiscal.Tiyn {
	n := int64(of) * hundredths
	if n < 0 {
		return -fiscal.Tiyn((-n + 5000) / 10000)
	}
	return fiscal.Tiyn((n + 5000) / 10000)
}

// itemP reads "text TAB letter [-]price[*qty][,percent or ;sum]".
func itemP(raw []byte) (it item, err error) {
	text, rest, ok := strings.Cut(string(raw), "\t")
	if !ok || rest == "" || rest[0] < 'A' || rest[0] > 'H' {
		return it, fmt.Errorf("no tax group")
	}
	it.name, it.group, it.qty, it.section = coding.Decode([]byte(strings.ReplaceAll(text, "\n", " "))), int(rest[0]-'A')+1, 1000, 1
	rest = rest[1:]
	figures, sum, bySum := strings.Cut(rest, ";")
	var pc string
	byPercent := false
	if !bySum {
		figures, pc, byPercent = strings.Cut(rest, ",")
	}
	price, qty, many := strings.Cut(figures, "*")
	n, err := parse(price)
	if err != nil {
		return it, err
	}
	it.price = fiscal.Tiyn(n)
	if many {
		if it.qty, err = milli(qty); err != nil {
			return it, err
		}
	}
	switch {
	case bySum:
		n, err = parse(sum)
		it.modifier = fiscal.Tiyn(n)
	case byPercent:
		n, err = parse(pc)
		it.modifier = percent(fiscal.LineSum(it.price, it.qty), n)
	}
	return it, err
}

// itemX reads name, group, price, quantity, type and value of a modifier, department.
func itemX(c *call) (it item, err error) {
	it.name, it.qty, it.section = coding.Decode([]byte(c.at(0))), 1000, 1
	if it.group, err = strconv.Atoi(c.at(1)); err != nil || it.group < 1 || it.group > 8 {
		return it, fmt.Errorf("tax group %q", c.at(1))
	}
	n, err := parse(c.at(2))
	if err != nil {
		return it, err
	}
	it.price = fiscal.Tiyn(n)
	if c.at(3) != "" {
		if it.qty, err = milli(c.at(3)); err != nil {
			return it, err
		}
	}
	if c.at(6) != "" {
		if it.section, err = strconv.Atoi(c.at(6)); err != nil {
			return it, err
		}
	}
	it.modifier, err = modifierX(c.at(4), c.at(5), fiscal.LineSum(it.price, it.qty))
	return it, err
}

// modifierX: 1 and 2 are a markup and a discount by percent, 3 and 4 by sum.
func modifierX(kind, value string, of fiscal.Tiyn) (fiscal.Tiyn, error) {
	if kind == "" || kind == "0" {
		return 0, nil
	}
	n, err := parse(value)
	switch {
	case err != nil || n < 0:
		return 0, fmt.Errorf("value %q", value)
	case kind == "1":
		return percent(of, n), nil
	case kind == "2":
		return -percent(of, n), nil
	case kind == "3":
		return fiscal.Tiyn(n), nil
	case kind == "4":
		return -fiscal.Tiyn(n), nil
	}
	return 0, fmt.Errorf("type %q", kind)
}

// sale is 49: a position, what goes with it, or one that is taken back.
func (h *Host) sale(c *call) {
	h.selling(c, func(r *receipt) {
		it, err := itemP(c.raw)
		if h.x() {
			it, err = itemX(c)
		}
		vat, ok := rateOf(it.group)
		if err != nil || !ok || it.qty == 0 {
			c.fail(kkm.BadData)
			return
		}
		notes := r.notes
		l := fiscal.Line{Kind: fiscal.Goods, Name: it.name, Section: it.section, Qty: it.qty, Price: it.price, VAT: vat}
		if it.price < 0 {
			l.Kind, l.Price = fiscal.GoodsStorno, -it.price
		}
		name := notes.ModifierName()
		if !notes.Apply(&l) {
			c.fail(kkm.BadData)
			return
		}
		if l.Kind != fiscal.Goods && l.Kind != fiscal.GoodsStorno { // a noted discount or markup: its sum travels as the price
			l.Sum, l.Price, l.Qty, l.Section = fiscal.LineSum(l.Price, l.Qty), 0, 0, 0
		}
		lines := []fiscal.Line{l}
		switch {
		case it.modifier < 0:
			lines = append(lines, fiscal.Line{Kind: fiscal.Discount, Name: name, Sum: -it.modifier, VAT: l.VAT})
		case it.modifier > 0:
			lines = append(lines, fiscal.Line{Kind: fiscal.Markup, Name: name, Sum: it.modifier, VAT: l.VAT})
		}
		total := r.Total()
		for _, x := range lines {
			total += x.Signed()
		}
		if total < 0 {
			c.fail(denied)
			return
		}
		r.notes = notes
		r.Lines = append(r.Lines, lines...)
		if h.x() {
			c.ok(h.counts()...)
			return
		}
		c.ok()
	})
}

// rateOf is the rate of a tax group; ok is false for one that is not in use.
func rateOf(group int) (rate *fiscal.MilliPercent, ok bool) {
	switch {
	case group == untaxed:
		return nil, true
	case group >= 1 && group <= len(rates):
		v := rates[group-1]
		return &v, true
	}
	return nil, false
}

// subtotal is 51, with a discount or markup on the whole receipt.
func (h *Host) subtotal(c *call) {
	h.selling(c, func(r *receipt) {
		var by fiscal.Tiyn
		var err error
		if h.x() {
			by, err = modifierX(c.at(2), c.at(3), r.Total())
		} else {
			head, sum, bySum := strings.Cut(string(c.raw), ";")
			_, pc, byPercent := strings.Cut(head, ",")
			var n int64
			switch {
			case bySum:
				n, err = parse(sum)
				by = fiscal.Tiyn(n)
			case byPercent:
				n, err = parse(pc)
				by = percent(r.Total(), n)
			}
		}
		switch {
		case err != nil:
			c.fail(kkm.BadData)
			return
		case len(r.Lines) == 0 || r.Total()+by < 0 || by != 0 && r.Discount+r.Markup != 0:
			c.fail(denied)
			return
		case by < 0:
			r.Discount -= by
		default:
			r.Markup += by
		}
		groups := map[int]fiscal.Tiyn{}
		for _, l := range r.Lines {
			groups[groupOf(l.VAT)] += l.Signed()
		}
		if h.x() {
			f := append(h.counts(), r.Total().String())
			for g := 1; g <= 8; g++ {
				f = append(f, groups[g].String())
			}
			c.ok(f...)
			return
		}
		f := []string{padded(r.Total(), 10)}
		for g := 1; g <= 8; g++ {
			f = append(f, padded(groups[g], 10))
		}
		c.ok(f...)
	})
}

func groupOf(rate *fiscal.MilliPercent) int {
	if rate == nil {
		return untaxed
	}
	for i, v := range rates {
		if v == *rate {
			return i + 1
		}
	}
	return untaxed
}

var (
	paymentsP = map[string]fiscal.PaymentKind{"P": fiscal.Cash, "D": fiscal.Card, "C": fiscal.Card, "I": fiscal.Mobile}
	paymentsX = map[string]fiscal.PaymentKind{"0": fiscal.Cash, "1": fiscal.Card, "2": fiscal.Card, "3": fiscal.Mobile}
)

// pay is 53. A payment that completes the sum is taken only when the register
// would take the receipt: afterwards it cannot be cancelled any more.
func (h *Host) pay(c *call) {
	r := h.open
	if r == nil || len(r.Lines) == 0 || r.paid() >= r.Total() && len(r.Payments) > 0 {
		c.fail(denied)
		return
	}
	mode, amount, kinds := c.at(0), c.at(1), paymentsX
	if !h.x() {
		_, rest, _ := strings.Cut(string(c.raw), "\t")
		if rest == "" {
			rest = "P"
		}
		mode, amount, kinds = rest[:1], rest[1:], paymentsP
	}
	kind, ok := kinds[mode]
	left := r.Total() - r.paid()
	sum := left
	if amount != "" {
		n, err := parse(amount)
		if err != nil || n < 0 {
			c.fail(kkm.BadData)
			return
		}
		sum = fiscal.Tiyn(n)
	}
	if !ok || kind != fiscal.Cash && sum > left {
		c.fail(kkm.BadData)
		return
	}
	before := r.Payments
	r.Payments = append(before[:len(before):len(before)], fiscal.Payment{Kind: kind, Sum: sum})
	if rest := r.Total() - r.paid(); rest > 0 {
		c.ok(h.remainder("D", rest)...)
		return
	}
	full := r.full()
	if why := h.r.May(fiscal.Op{Kind: fiscal.OpReceipt, Receipt: &full, As: r.role}); why != "" {
		r.Payments = before
		c.fail(why)
		return
	}
	if change := full.Change(); change > 0 {
		c.ok(h.remainder("R", change)...)
		return
	}
	c.ok(h.remainder("D", 0)...)
}

func (h *Host) remainder(code string, sum fiscal.Tiyn) []string {
	if h.x() {
		return []string{code, sum.String()}
	}
	return []string{code + padded(sum, 10)}
}

func (r *receipt) paid() (sum fiscal.Tiyn) {
	for _, p := range r.Payments {
		sum += p.Sum
	}
	return sum
}

// full is the receipt with what was noted.
func (r *receipt) full() fiscal.Receipt {
	x := r.Receipt
	x.Lines = append([]fiscal.Line(nil), r.Lines...)
	x.Payments = append([]fiscal.Payment(nil), r.Payments...)
	r.notes.Finish(&x)
	return x
}

// closeReceipt is 56. A receipt that the register refuses after all gets its
// payments back, so that it can be cancelled.
func (h *Host) closeReceipt(c *call) {
	r := h.open
	if r == nil || len(r.Payments) == 0 || r.paid() < r.Total() {
		c.fail(denied)
		return
	}
	full := r.full()
	h.r.Do(fiscal.Op{Kind: fiscal.OpReceipt, Receipt: &full, As: r.role}, func(k kkm.Reply) {
		switch k.Got {
		case fiscal.Done:
			h.last = r.summary()
			h.open = nil
			if h.x() {
				h.printed(func() { c.ok(h.counts()...) })
				return
			}
			c.ok(h.counts()...)
		case fiscal.Unknown:
			h.Reset()
		default:
			r.Payments = nil
			c.fail(k.Reason)
		}
	})
}

// cancel is 60: only before the first payment.
func (h *Host) cancel(c *call) {
	h.selling(c, func(*receipt) {
		h.open = nil
		c.ok()
	})
}

// receiptText is 54: a note of our drivers, or a line of text that is paper only.
func (h *Host) receiptText(c *call) {
	h.selling(c, func(r *receipt) {
		text := string(c.raw)
		if h.x() {
			text = c.at(0)
		}
		if !h.o.Plain {
			r.notes.Take(coding.Decode([]byte(text)))
		}
		c.ok()
	})
}
