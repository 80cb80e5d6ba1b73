package check

import (
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

var rate = fiscal.MilliPercent(16000)

func bread() fiscal.Line {
	return fiscal.Line{Kind: fiscal.Goods, Name: "Нан ақ", Section: 1, Qty: 1000, Price: 25050, VAT: &rate}
}

func plain() fiscal.Receipt {
	return fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{bread()}, Payments: []fiscal.Payment{{Kind: fiscal.Cash, Sum: 25050}}}
}

func (s *sim) sell(r fiscal.Receipt) fiscal.Outcome {
	return s.do(fiscal.Op{Kind: fiscal.OpReceipt, Receipt: &r})
}

func (s *sim) sellAs(r fiscal.Receipt, as fiscal.Role) fiscal.Outcome {
	return s.do(fiscal.Op{Kind: fiscal.OpReceipt, Receipt: &r, As: as})
}

func (s *sim) zed() fiscal.Outcome {
	return s.do(fiscal.Op{Kind: fiscal.OpZReport, As: fiscal.Role{Admin: true}})
}

func paid(r fiscal.Receipt) fiscal.Receipt {
	r.Payments = []fiscal.Payment{{Kind: fiscal.Cash, Sum: r.Total()}}
	return r
}

// parts of the campaign that can be left out, to see what is missing then.
type leave map[string]bool

// campaign is a whole run on a conforming register.
func (s *sim) campaign(without leave) {
	do := func(name string, f func()) {
		if !without[name] {
			s.in(name, f)
		}
	}
	admin := fiscal.Role{Admin: true}
	s.in("state", s.state)
	do("free address", func() {
		s.do(fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDHost, Value: "10.0.0.9", As: admin})
	})
	do("short password", func() {
		s.do(fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetCashierPassword, Value: "123", As: fiscal.Role{Cashier: 5}})
	})
	do("long password", func() {
		s.do(fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetCashierPassword, Value: "1234", As: fiscal.Role{Cashier: 5}})
	})
	do("sales", func() {
		s.sell(plain())
		s.sell(plain())
		s.state()
	})
	do("positions", func() {
		tea := fiscal.Line{Kind: fiscal.Goods, Name: "Шай үнді, қара, өте жақсы, ғажап, таң", Code: 101, Section: 2, Qty: 1234, Price: 45075, VAT: &rate}
		third := fiscal.Line{Kind: fiscal.Goods, Name: "Үштен бірі", Section: 1, Qty: 3000, Price: 3333}
		s.sell(fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{bread(), tea, third}, Payments: []fiscal.Payment{{Kind: fiscal.Cash, Sum: 200000}}})
		two := fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{bread(), tea}}
		two.Payments = []fiscal.Payment{{Kind: fiscal.Card, Sum: 50000}, {Kind: fiscal.Cash, Sum: 100000}}
		s.sell(two)
		one := plain()
		one.Payments = []fiscal.Payment{{Kind: fiscal.Card, Sum: 25050}}
		s.sellAs(one, fiscal.Role{Cashier: 2})
	})
	do("modifiers", func() {
		milk := fiscal.Line{Kind: fiscal.Goods, Name: "Сүт", Section: 2, Qty: 3000, Price: 50000, VAT: &rate}
		storno := fiscal.Line{Kind: fiscal.GoodsStorno, Name: "Сүт", Section: 2, Qty: 2000, Price: 50000, VAT: &rate}
		less := fiscal.Line{Kind: fiscal.Discount, Name: "Жеңілдік", Sum: 1000, VAT: &rate}
		lessBack := fiscal.Line{Kind: fiscal.DiscountStorno, Name: "Жеңілдік", Sum: 1000, VAT: &rate}
		more := fiscal.Line{Kind: fiscal.Markup, Name: "Үстеме", Sum: 1500, VAT: &rate}
		moreBack := fiscal.Line{Kind: fiscal.MarkupStorno, Name: "Үстеме", Sum: 1500, VAT: &rate}
		s.sell(paid(fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{milk}, Discount: 5000}))
		s.sell(paid(fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{milk}, Markup: 2500}))
		s.sell(paid(fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{milk, less, bread(), more}}))
		s.sell(paid(fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{bread(), milk, storno}}))
		s.sell(paid(fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{milk, less, lessBack, bread(), more, moreBack}}))
	})
	do("buy", func() {
		r := plain()
		r.Kind = fiscal.Buy
		s.sell(r)
	})
	do("return", func() {
		r := plain()
		at := s.device()
		out := s.sell(r)
		r.Kind, r.Parent = fiscal.SaleReturn, &fiscal.Parent{Sign: out.Sign, At: at, KKM: simFacts.Registration, Total: 25050}
		s.sell(r)
		r.Kind = fiscal.BuyReturn
		s.sell(r)
	})
	do("customer", func() {
		r := plain()
		r.Customer = "850101300123"
		s.sell(r)
	})
	do("cash", func() {
		s.do(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 50000})
		s.do(fiscal.Op{Kind: fiscal.OpWithdraw, Cash: 20000})
	})
	do("locked address", func() {
		s.do(fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDPort, Value: "7778", As: admin})
	})
	do("locked clock", func() { s.do(fiscal.Op{Kind: fiscal.OpSetClock, Clock: s.device().Add(time.Minute), As: admin}) })
	do("wrong passwords", func() {
		s.sellAs(plain(), fiscal.Role{Password: "9999"})
		s.do(fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDHost, Value: "6.6.6.6", As: fiscal.Role{Admin: true, Password: "9999"}})
		s.do(fiscal.Op{Kind: fiscal.OpZReport, As: fiscal.Role{Admin: true, Password: "9999"}})
		s.state()
	})
	do("unfiscal", func() {
		s.do(fiscal.Op{Kind: fiscal.OpTestPrint, As: admin})
		s.do(fiscal.Op{Kind: fiscal.OpCopy})
	})
	do("just in time", func() {
		s.delay = 4900 * time.Millisecond
		s.sell(plain())
		s.delay = 0
		s.state()
	})
	do("just too late", func() {
		s.put(history.OFD, history.OFDSet{ID: "d", Action: "delay 5.1s"})
		s.delay = 5100 * time.Millisecond
		s.sell(plain())
		s.delay = 0
		s.put(history.OFD, history.OFDCleared{ID: "d", Fired: 1})
		s.state()
		s.handover()
	})
	do("silence", func() {
		s.silent = true
		s.sell(plain())
		s.silent = false
		s.state()
		s.handover()
	})
	do("offline", func() {
		s.cutAll()
		for i := range 4 {
			r := plain()
			r.Lines[0].Price += fiscal.Tiyn(i)
			s.sell(paid(r))
			s.state()
			s.pass(time.Minute)
		}
		s.do(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 700})
		s.pass(10 * time.Minute)
	})
	do("offline close", func() {
		if !s.cut {
			s.cutAll()
		}
		s.zed()
		s.pass(10 * time.Minute)
		s.sell(plain())
		s.pass(30 * time.Minute)
		s.restore()
		s.handover()
		s.sell(plain())
	})
	if s.cut {
		s.in("restore", func() { s.restore(); s.handover() })
	}
	do("close", func() {
		s.zed()
		s.state()
	})
	do("clock", func() {
		s.sell(plain())
		s.pass(time.Second)
		s.zed()
		last := s.device()
		s.do(fiscal.Op{Kind: fiscal.OpSetClock, Clock: last.Add(-10 * time.Second), As: admin})
		s.state()
		s.do(fiscal.Op{Kind: fiscal.OpSetClock, Clock: last.Add(30 * time.Second), As: admin})
		s.state()
	})
	do("shift limit", func() {
		s.sell(plain())
		s.pass(24*time.Hour - time.Minute - 2*time.Second)
		s.sell(plain())
		s.pass(2 * time.Minute)
		s.sell(plain())
		s.zed()
		s.sell(plain())
	})
	do("cutoff", func() {
		s.zed()
		s.cutAll()
		s.sell(plain())
		for range 3 {
			s.pass(23 * time.Hour)
			s.zed()
			s.sell(plain())
		}
		s.pass(3*time.Hour - 2*time.Minute)
		s.sell(plain())
		s.pass(2 * time.Minute)
		s.sell(plain())
		s.restore()
		s.handover()
		s.sell(plain())
	})
	do("block", func() {
		s.zed()
		s.info = "!Жұмыс уақытша тоқтатылды № 7-431"
		s.sell(plain())
		s.sell(plain())
		s.info = ""
		s.sell(plain())
	})
	do("notice", func() {
		s.info = "Салық қызметінің хабары"
		s.sell(plain())
		s.do(fiscal.Op{Kind: fiscal.OpXReport, As: admin})
		s.info = ""
	})
	s.put(history.Bench, history.RunEnd{Reason: "finished"})
}

func run(t testing.TB, spoil func(*sim), without ...string) *Record {
	t.Helper()
	s := newSim(t)
	if spoil != nil {
		spoil(s)
	}
	l := leave{}
	for _, w := range without {
		l[w] = true
	}
	s.campaign(l)
	return s.record()
}
