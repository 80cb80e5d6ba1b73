package check

import (
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

// The ledger is the bench's own count of a shift, made from what it asked for
// and what the register said it had done, never from what the register or the
// OFD say of themselves. It follows the counting rules of the documents
// (cpcr.md 13.2) and shares no code with the simulators.

// Shift is the ledger of one shift.
type Shift struct {
	N     int
	Ops   []*Operation // documents and reports of the shift, in order, the close included
	First *Operation   // the document that opened it
	// FirstReceipt is the first payment document (KZ 431 row 13), nil = none.
	FirstReceipt *Operation
	Close        *Operation // the Z report, nil while the shift is open
	Kinds        map[fiscal.ReceiptKind]*Sums
	Deposits     CashSums
	Withdrawals  CashSums
	Sections     map[int]map[fiscal.ReceiptKind]*SectionSums
	Cashiers     map[int]*Sums
	Documents    int // receipts, cash operations and the close
	Others       int // operations that may or may not have taken a document number
	// Unsure names the reason why the figures may be wrong: an operation whose
	// outcome is not known, or a shift that was open before the record began.
	Unsure   string
	UnsureAt history.Seq
	// OfflineUnsure is the first receipt of which nobody can tell whether it was
	// made online, 0 = none.
	OfflineUnsure history.Seq
}

// Sums are the figures of the receipts of one kind.
type Sums struct {
	Count     int
	Sum       fiscal.Tiyn
	Offline   int
	Lines     int         // goods lines; storno adds none
	Goods     fiscal.Tiyn // goods less their storno
	Discounts fiscal.Tiyn // on lines and on receipts, less their storno
	Markups   fiscal.Tiyn
	TicketOff fiscal.Tiyn // discounts on whole receipts
	TicketUp  fiscal.Tiyn // markups on whole receipts
	Tendered  fiscal.Tiyn // what buyers handed over, in whatever form
	Change    fiscal.Tiyn
	VAT       fiscal.Tiyn
	Taxed     int // taxed lines: each may be rounded by a tiyn
	Payments  map[fiscal.PaymentKind]*PaymentSums
	// Spread says that a discount, a markup or a taxed modifier changes what the
	// tax is taken from, in a way that the documents do not settle.
	Spread bool
}

// PaymentSums are the figures of one kind of payment.
type PaymentSums struct {
	Count int
	Sum   fiscal.Tiyn
}

// CashSums are the figures of deposits or withdrawals.
type CashSums struct {
	Count, Offline int
	Sum            fiscal.Tiyn
}

// SectionSums are the figures of a section.
type SectionSums struct {
	Count int
	Sum   fiscal.Tiyn
}

// Kind gives the figures of a kind of receipt, zero when there were none.
func (s *Shift) Kind(k fiscal.ReceiptKind) Sums {
	if k, ok := s.Kinds[k]; ok {
		return *k
	}
	return Sums{}
}

// Payment gives the figures of a kind of payment.
func (s Sums) Payment(k fiscal.PaymentKind) PaymentSums {
	if p, ok := s.Payments[k]; ok {
		return *p
	}
	return PaymentSums{}
}

func newShift(n int) *Shift {
	return &Shift{N: n, Kinds: map[fiscal.ReceiptKind]*Sums{}, Sections: map[int]map[fiscal.ReceiptKind]*SectionSums{}, Cashiers: map[int]*Sums{}}
}

// keepBooks goes through all operations. The last shift is in the list even
// when it was not closed.
func keepBooks(r *Record) []*Shift {
	s := newShift(1)
	if len(r.Ops) > 0 {
		if st := r.stateBefore(r.Ops[0].Seq); st != nil && st.ShiftOpen {
			s.doubt("ledger.open", st.Seq)
		}
	}
	var out []*Shift
	for _, o := range r.Ops {
		took := o.Done()
		if o.Got() == fiscal.Unknown && o.class() != canon.CommandTypeEnum_COMMAND_RESERVED {
			// The register gave no answer. What the OFD has booked in the window has
			// happened all the same; otherwise nobody knows.
			took = o.settled()
			if !took {
				s.doubt("ledger.unknown", o.Seq)
				s.Others++
			}
		}
		if b := o.Booked(); o.Refused() && b != nil {
			// The register had no answer and said so. When it settled that later (cpcr.md
			// 4.4) the document exists; otherwise the OFD has one of which the register does
			// not know, and the figures of either may hold it.
			took = o.settledBy() != nil
			if !took {
				s.doubt("ledger.unknown", o.Seq)
			}
		}
		if !took {
			if o.class() != canon.CommandTypeEnum_COMMAND_RESERVED {
				s.Others++
			}
			continue
		}
		switch {
		case o.IsReceipt():
			s.receipt(r, o)
		case o.Kind == fiscal.OpDeposit:
			s.cash(r, o, &s.Deposits)
		case o.Kind == fiscal.OpWithdraw:
			s.cash(r, o, &s.Withdrawals)
		case o.Kind == fiscal.OpZReport:
			s.Close = o
			s.Documents++
			s.Ops = append(s.Ops, o)
			out = append(out, s)
			s = newShift(s.N + 1)
		case o.Kind == fiscal.OpXReport, o.Kind == fiscal.OpReportCashiers, o.Kind == fiscal.OpReportSections, o.Kind == fiscal.OpCopy, o.Kind == fiscal.OpCancel, o.Kind == fiscal.OpTestPrint:
			s.Others++
			s.Ops = append(s.Ops, o)
		}
	}
	return append(out, s)
}

func (s *Shift) doubt(why string, at history.Seq) {
	if s.Unsure == "" {
		s.Unsure, s.UnsureAt = why, at
	}
}

func (s *Shift) document(o *Operation) {
	if s.First == nil {
		s.First = o
	}
	s.Documents++
	s.Ops = append(s.Ops, o)
}

func (s *Shift) cash(r *Record, o *Operation, c *CashSums) {
	s.document(o)
	c.Count++
	c.Sum += o.Cash
	if m, _ := r.Mode(o); m == Autonomous {
		c.Offline++
	}
}

func (s *Shift) receipt(r *Record, o *Operation) {
	s.document(o)
	if s.FirstReceipt == nil {
		s.FirstReceipt = o
	}
	rec := o.Receipt
	offline := false
	switch m, _ := r.Mode(o); m {
	case Autonomous:
		offline = true
	case Unclear:
		if s.OfflineUnsure == 0 {
			s.OfflineUnsure = o.Seq
		}
	}
	of := func(m map[fiscal.ReceiptKind]*Sums, k fiscal.ReceiptKind) *Sums {
		if m[k] == nil {
			m[k] = &Sums{Payments: map[fiscal.PaymentKind]*PaymentSums{}}
		}
		return m[k]
	}
	of(s.Kinds, rec.Kind).add(rec, offline)
	c := o.cashier()
	if s.Cashiers[c] == nil {
		s.Cashiers[c] = &Sums{Payments: map[fiscal.PaymentKind]*PaymentSums{}}
	}
	s.Cashiers[c].add(rec, offline)
	for _, l := range rec.Lines {
		if l.Kind != fiscal.Goods && l.Kind != fiscal.GoodsStorno {
			continue
		}
		sec := s.Sections[l.Section]
		if sec == nil {
			sec = map[fiscal.ReceiptKind]*SectionSums{}
			s.Sections[l.Section] = sec
		}
		if sec[rec.Kind] == nil {
			sec[rec.Kind] = &SectionSums{}
		}
		sec[rec.Kind].Sum += l.Signed()
		if l.Kind == fiscal.Goods {
			sec[rec.Kind].Count++
		}
	}
}

// cashier is the operator's number; 0 for the administrator.
func (o *Operation) cashier() int {
	switch {
	case o.As.Admin:
		return 0
	case o.As.Cashier == 0:
		return 1
	}
	return o.As.Cashier
}

func (s *Sums) add(r *fiscal.Receipt, offline bool) {
	s.Count++
	s.Sum += r.Total()
	if offline {
		s.Offline++
	}
	for _, l := range r.Lines {
		switch l.Kind {
		case fiscal.Goods:
			s.Lines++
			s.Goods += l.Total()
		case fiscal.GoodsStorno:
			s.Goods -= l.Total()
		case fiscal.Discount:
			s.Discounts += l.Total()
		case fiscal.DiscountStorno:
			s.Discounts -= l.Total()
		case fiscal.Markup:
			s.Markups += l.Total()
		case fiscal.MarkupStorno:
			s.Markups -= l.Total()
		}
		if l.VAT == nil {
			continue
		}
		tax := fiscal.VATInside(l.Total(), *l.VAT)
		if l.Signed() < 0 {
			tax = -tax
		}
		s.VAT += tax
		s.Taxed++
		if l.Kind != fiscal.Goods && l.Kind != fiscal.GoodsStorno {
			s.Spread = true
		}
	}
	if len(r.Lines) > 0 && (r.Discount != 0 || r.Markup != 0) {
		s.Spread = true
	}
	s.Discounts += r.Discount
	s.Markups += r.Markup
	s.TicketOff += r.Discount
	s.TicketUp += r.Markup
	s.Change += r.Change()
	for _, k := range []fiscal.PaymentKind{fiscal.Cash, fiscal.Card, fiscal.Mobile} {
		var sum fiscal.Tiyn
		n := 0
		for _, p := range r.Payments {
			if p.Kind == k {
				sum += p.Sum
				n++
			}
		}
		if n == 0 {
			continue
		}
		s.Tendered += sum
		if k == fiscal.Cash {
			sum = r.CashDue()
		}
		if s.Payments[k] == nil {
			s.Payments[k] = &PaymentSums{}
		}
		s.Payments[k].Count++
		s.Payments[k].Sum += sum
	}
}

// begun says whether the shift surely had a document before o.
func (s *Shift) begun(o *Operation) bool { return s.First != nil && s.First.since() < o.Seq }

// settledBy is the exchange with which a register settled later what it had refused
// for want of an answer (cpcr.md 4.4); nil when it did not.
func (o *Operation) settledBy() *Exchange {
	if !o.Refused() {
		return nil
	}
	for _, x := range o.Sent {
		if x.Confirmed() && x.Answer().Seq > o.End {
			return x
		}
	}
	return nil
}

// since is the event from which the document of an operation exists for the register.
func (o *Operation) since() history.Seq {
	if x := o.settledBy(); x != nil {
		return x.Answer().Seq
	}
	return o.Seq
}
