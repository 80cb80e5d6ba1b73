package kkm

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/cpcr/tally"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

func FuzzUnseal(f *testing.F) {
	raw, err := seal(&record{Step: stClock, Shift: 5})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte("00000000 {}"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, raw []byte) {
		rec, err := unseal(raw)
		if (rec == nil) == (err == nil) {
			t.Errorf("%q: record %v, error %v", raw, rec, err)
		}
	})
}

// deaf is a network where nothing ever happens.
type deaf struct{}

func (deaf) Dial(string, string, int, stream.Events) stream.Conn { return deaf{} }
func (deaf) Send([]byte)                                         {}
func (deaf) Close()                                              {}
func (deaf) Reset()                                              {}

// anyReceipt makes a receipt, mostly a possible one, of a seed.
func anyReceipt(seed uint64) *fiscal.Receipt {
	rnd := rand.New(rand.NewPCG(seed, 1))
	kinds := []fiscal.LineKind{fiscal.Goods, fiscal.Goods, fiscal.Goods, fiscal.GoodsStorno, fiscal.Discount, fiscal.DiscountStorno, fiscal.Markup, fiscal.MarkupStorno}
	rates := []*fiscal.MilliPercent{nil, rate(0), rate(5), rate(10), rate(16)}
	x := &fiscal.Receipt{Kind: fiscal.ReceiptKinds[rnd.IntN(4)], Parent: &fiscal.Parent{Sign: "1", At: day, KKM: "010100123456", Total: 1}}
	for range 1 + rnd.IntN(6) {
		l := fiscal.Line{Kind: kinds[rnd.IntN(len(kinds))], Name: "Тауар", Section: rnd.IntN(4), VAT: rates[rnd.IntN(len(rates))]}
		if l.Kind == fiscal.Goods || l.Kind == fiscal.GoodsStorno {
			l.Price, l.Qty = fiscal.Tiyn(rnd.Int64N(1_000_000)), fiscal.Milli(1+rnd.Int64N(9_999))
		} else {
			l.Sum = fiscal.Tiyn(rnd.Int64N(10_000))
		}
		x.Lines = append(x.Lines, l)
	}
	switch rnd.IntN(4) {
	case 0:
		x.Discount = fiscal.Tiyn(rnd.Int64N(1000))
	case 1:
		x.Markup = fiscal.Tiyn(rnd.Int64N(1000))
	}
	if total := x.Total(); total > 0 {
		card := fiscal.Tiyn(rnd.Int64N(int64(total)))
		x.Payments = []fiscal.Payment{{Kind: fiscal.Card, Sum: card}, {Kind: fiscal.Cash, Sum: total - card + fiscal.Tiyn(rnd.Int64N(1000))}}
	}
	return x
}

func FuzzReceiptsBecomeMessages(f *testing.F) {
	for i := range uint64(50) {
		f.Add(binary.LittleEndian.AppendUint64(nil, i))
	}
	p := loadProfile(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var seed [8]byte
		copy(seed[:], b)
		x := anyReceipt(binary.LittleEndian.Uint64(seed[:]))
		r, err := New(clock.NewVirtual(day, nil), p, deaf{}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if r.badReceipt(x) != "" {
			return
		}
		m := r.ticket(x, day, 1, 1, 1)
		s, err := tally.Read(m)
		if err != nil {
			t.Fatalf("%+v: %v", x, err)
		}
		if s.Total != x.Total() || s.Due() != x.Total() || s.Change != x.Change() || s.Cash != x.CashDue() {
			t.Errorf("%+v: total %s, lines %s, change %s, cash %s; want %s, %s, %s", x, s.Total, s.Due(), s.Change, s.Cash, x.Total(), x.Change(), x.CashDue())
		}
		var tax fiscal.Tiyn
		for _, v := range vatOf(x) {
			tax += v.tax
		}
		var sent fiscal.Tiyn
		for _, v := range s.Tax {
			sent += v.Tax
		}
		if sent != tax {
			t.Errorf("%+v: VAT %s sent, %s entered", x, sent, tax)
		}
		for _, v := range cpcr.Versions {
			q := fit(v, &canon.Request{Command: canon.CommandTypeEnum_COMMAND_TICKET.Enum(), Ticket: m, Service: r.service(&canon.Request{Command: canon.CommandTypeEnum_COMMAND_TICKET.Enum()})})
			raw, err := cpcr.EncodeRequest(cpcr.Header{Version: v, ID: 1, Token: 1, ReqNum: 1}, q)
			if err != nil {
				t.Fatalf("%v: %v", v, err)
			}
			s := newSchema(v)
			if err := s.decode(raw[cpcr.HeaderSize:]); err != nil || unknownFields(s.reflect()) {
				t.Errorf("%v: %v, or fields that it does not know", v, err)
			}
		}
		if !proto.Equal(m, r.ticket(x, day, 1, 1, 1)) {
			t.Error("the same receipt became two messages")
		}
	})
}
