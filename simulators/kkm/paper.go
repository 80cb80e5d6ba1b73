package kkm

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

// tag says which detail of a receipt a line carries. The words are those that
// the regulation's rows use for their lines (fixtures/regulations).
type tag string

const (
	tagName         tag = "taxpayer.name"
	tagBIN          tag = "taxpayer.bin"
	tagAddress      tag = "address"
	tagSerial       tag = "kkm.serial"
	tagRegistration tag = "kkm.registration"
	tagNumber       tag = "number"
	tagKind         tag = "kind"
	tagCashier      tag = "cashier"
	tagGoods        tag = "goods.name"
	tagPrice        tag = "goods.price"
	tagModifier     tag = "modifier"
	tagTotal        tag = "total"
	tagPaid         tag = "paid"
	tagVAT          tag = "vat"
	tagTradeSums    tag = "trade-sums"
	tagCustomer     tag = "customer"
	tagTime         tag = "time"
	tagSign         tag = "sign"
	tagWords        tag = "words"
	tagMark         tag = "mark"
	tagOFDName      tag = "ofd.name"
	tagOFDSite      tag = "ofd.site"
	tagKazakh       tag = "kazakh"
	tagRule         tag = "rule"
	tagAd           tag = "ad"
	tagText         tag = "text"
	tagQR           tag = "qr"
	tagCode         tag = "goods.code"
)

// sheet is paper that is being written.
type sheet struct {
	r     *Register
	lines []string
	tags  []tag
}

func (r *Register) sheet() *sheet { return &sheet{r: r} }

// both writes a text in the languages of the profile: Kazakh first (KZ 431 rows 10, 30.14).
func (r *Register) both(kk, ru string) string {
	switch {
	case len(r.languages()) > 1:
		return kk + " / " + ru
	case r.languages()[0] == "kk":
		return kk
	}
	return ru
}

func (s *sheet) put(t tag, text string) {
	for _, l := range s.r.wrap(text) {
		s.lines, s.tags = append(s.lines, l), append(s.tags, t)
	}
}

func (s *sheet) centre(t tag, text string) {
	for _, l := range s.r.wrap(text) {
		pad := (s.r.profile.Printer.Width - utf8.RuneCountInString(l)) / 2
		s.lines, s.tags = append(s.lines, strings.Repeat(" ", pad)+l), append(s.tags, t)
	}
}

// pair writes a label on the left and a value on the right; below each other
// when there is no room.
func (s *sheet) pair(t tag, label, value string) {
	room := s.r.profile.Printer.Width - utf8.RuneCountInString(label) - utf8.RuneCountInString(value)
	if room < 1 {
		s.put(t, label)
		label, room = "", s.r.profile.Printer.Width-utf8.RuneCountInString(value)
	}
	s.put(t, label+strings.Repeat(" ", max(room, 0))+value)
}

func (s *sheet) rule() { s.put(tagRule, strings.Repeat("-", s.r.profile.Printer.Width)) }

// done hands the lines over, with what a mutant does to them.
func (s *sheet) done(d *document) []string {
	out := make([]string, 0, len(s.lines))
	for i, l := range s.lines {
		if s.r.q.loses[s.tags[i]] {
			continue
		}
		if s.r.q.misprints != nil {
			l = s.r.q.misprints(s.r, d, s.tags[i], l)
		}
		if s.r.q.bothBelow {
			out = append(out, s.below(l)...)
			continue
		}
		out = append(out, s.fit(l)...)
	}
	return out
}

// wrap breaks a text into lines of the printer's width, at blanks where there are any.
func (r *Register) wrap(text string) []string {
	w := r.profile.Printer.Width
	runes := []rune(text)
	var out []string
	for len(runes) > w {
		cut := w
		for i := w; i > w/2; i-- {
			if runes[i] == ' ' {
				cut = i
				break
			}
		}
		out = append(out, strings.TrimRight(string(runes[:cut]), " "))
		runes = runes[cut:]
		for len(runes) > 0 && runes[0] == ' ' {
			runes = runes[1:]
		}
	}
	return append(out, string(runes))
}

func (s *sheet) head(d *document) {
	p := &s.r.profile
	s.centre(tagName, p.Taxpayer.Name)
	s.put(tagBIN, s.r.both("БСН", "БИН")+": "+p.Taxpayer.BIN)
	for _, l := range s.r.languages() {
		if l == "kk" {
			s.put(tagAddress, p.Taxpayer.AddressKK)
		} else {
			s.put(tagAddress, p.Taxpayer.Address)
		}
	}
	s.put(tagSerial, s.r.both("БКМ зауыт нөмірі", "ЗНМ")+": "+p.Serial)
	s.put(tagRegistration, s.r.both("БКМ тіркеу нөмірі", "РНМ")+": "+s.r.nv.registration)
	if d != nil {
		s.put(tagCashier, fmt.Sprintf("%s: %d %s", s.r.both("Кассашы", "Кассир"), d.Operator, s.r.person(d.Operator)))
	}
}

func (s *sheet) when(at time.Time) {
	s.put(tagTime, s.r.both("Күні, уақыты", "Дата, время")+": "+at.Format("02.01.2006 15:04:05"))
}

func (s *sheet) foot() {
	p := &s.r.profile
	if len(s.r.languages()) > 1 {
		s.put(tagOFDName, "ФДО: "+p.OFD.NameKK)
		s.put(tagOFDName, "ОФД: "+p.OFD.Name)
	} else {
		s.put(tagOFDName, s.r.both("ФДО: "+p.OFD.NameKK, "ОФД: "+p.OFD.Name))
	}
	s.put(tagOFDSite, s.r.both("Чекті тексеру", "Проверка чека")+": "+p.OFD.Site)
	s.centre(tagKazakh, "Гауһардай адал қызмет ұсынамыз, рақмет!")
}

var kindWords = map[fiscal.ReceiptKind][2]string{
	fiscal.Sale:       {"САТУ", "ПРОДАЖА"},
	fiscal.SaleReturn: {"САТУДЫ ҚАЙТАРУ", "ВОЗВРАТ ПРОДАЖИ"},
	fiscal.Buy:        {"САТЫП АЛУ", "ПОКУПКА"},
	fiscal.BuyReturn:  {"САТЫП АЛУДЫ ҚАЙТАРУ", "ВОЗВРАТ ПОКУПКИ"},
}

func kindOf(op canon.OperationTypeEnum) fiscal.ReceiptKind {
	for k, o := range operations {
		if o == op {
			return k
		}
	}
	return fiscal.Sale
}

// paperOf is the text of a document that came into being.
func (r *Register) paperOf(d *document) []string {
	switch d.Kind {
	case fiscal.OpReceipt:
		if r.q.printsNothing {
			return nil
		}
		return r.receiptText(d)
	case fiscal.OpZReport:
		z, server := d.z, true
		if z == nil {
			z, server = d.request().CloseShift.GetZReport(), false
		}
		store := r.storeSum(d)
		if r.onlyTransmits() {
			store = ""
		}
		return r.reportText(z, true, server, store, d.List, d.At)
	}
	return r.cashText(d)
}

// receiptText is the control receipt with every detail of KZ 431 row 30. The
// words of the fiscal mark come only after a sign exists (rows 33, 37.3).
func (r *Register) receiptText(d *document) []string {
	t := d.request().Ticket
	s := r.sheet()
	s.head(d)
	w := kindWords[kindOf(t.GetOperation())]
	s.centre(tagKind, r.both(w[0], w[1]))
	s.pair(tagNumber, r.both("Чек нөмірі", "Чек №"), fmt.Sprint(d.No))
	s.pair(tagText, r.both("Ауысым", "Смена"), fmt.Sprint(t.GetFrShiftNumber()))
	if p := t.GetParentTicket(); p != nil {
		s.pair(tagText, r.both("Негіз", "Основание"), p.GetParentTicketNumber())
	}
	s.rule()
	n := 0
	for _, it := range t.GetItems() {
		if it.Commodity != nil || it.StornoCommodity != nil {
			n++
		}
		r.itemText(s, n, it)
	}
	s.rule()
	a := t.GetAmounts()
	if m := a.GetDiscount(); m != nil {
		s.pair(tagModifier, r.both("Чекке жеңілдік", "Скидка на чек"), "-"+sum(m.GetSum()))
	}
	if m := a.GetMarkup(); m != nil {
		s.pair(tagModifier, r.both("Чекке үстеме", "Наценка на чек"), "+"+sum(m.GetSum()))
	}
	s.pair(tagTotal, r.both("БАРЛЫҒЫ", "ИТОГО"), "="+sum(a.GetTotal()))
	switch kindOf(t.GetOperation()) { // KZ 431 row 30.13: the sum of the sale or of the purchase
	case fiscal.Buy, fiscal.BuyReturn:
		s.pair(tagTradeSums, r.both("Сатып алу сомасы", "Сумма покупки"), sum(a.GetTotal()))
	default:
		s.pair(tagTradeSums, r.both("Сату сомасы", "Сумма продажи"), sum(a.GetTotal()))
	}
	for _, p := range t.GetPayments() {
		switch p.GetType() {
		case canon.PaymentTypeEnum_PAYMENT_CASH:
			s.pair(tagPaid, r.both("Қолма-қол ақша", "Наличные"), sum(a.GetTaken()))
		case canon.PaymentTypeEnum_PAYMENT_CARD:
			s.pair(tagPaid, r.both("Банк картасы", "Банковская карта"), sum(p.GetSum()))
		default:
			s.pair(tagPaid, r.both("Мобильді төлем", "Мобильный платёж"), sum(p.GetSum()))
		}
	}
	if a.GetChange() != nil {
		s.pair(tagPaid, r.both("Қайтарым", "Сдача"), sum(a.GetChange()))
	}
	for _, v := range vatOfMessage(t) {
		s.pair(tagVAT, fmt.Sprintf("%s %s%%", r.both("оның ішінде ҚҚС", "в т.ч. НДС"), v.rate), v.tax.String())
	}
	if c := t.GetExtensionOptions().GetCustomerIinOrBin(); c != "" {
		s.pair(tagCustomer, r.both("Сатып алушының ЖСН/БСН", "ИИН/БИН покупателя"), c)
	}
	s.when(d.At)
	s.rule()
	r.signText(s, d)
	if r.modern() {
		s.qr(r.qrText(d))
	}
	s.foot()
	if !r.q.hidesNotices { // texts of OFD, taxpayer, place and register go on receipts (cpcr.md 11.14)
		s.ads(0, int32(canon.TicketAdTypeEnum_TICKET_AD_INFO))
	}
	return s.done(d)
}

func (r *Register) signText(s *sheet, d *document) {
	sign := d.printedSign()
	if r.q.signPrinted != nil {
		sign = r.q.signPrinted(d, sign)
	}
	if d.Sign != 0 || r.q.marksOnline {
		s.centre(tagMark, r.both("Автономды режим", "Автономный режим"))
	}
	switch {
	case sign == "": // a refused receipt, or a defect
	case d.Sign != 0:
		s.pair(tagSign, r.both("АК коды", "Код АК"), sign)
	default:
		s.pair(tagSign, r.both("Фискалды белгі", "Фискальный признак"), sign)
	}
	if d.printedSign() != "" || r.q.wordsWhenRefused {
		s.centre(tagWords, r.both("Фискалды чек", "Фискальный чек"))
	}
}

func (r *Register) itemText(s *sheet, n int, it *canon.TicketRequest_Item) {
	taxes := func(list []*canon.TicketRequest_Tax) {
		for _, x := range list {
			s.put(tagVAT, fmt.Sprintf("   %s %s%%: %s", r.both("ҚҚС", "НДС"), fiscal.MilliPercent(x.GetPercent()), sum(x.GetSum())))
		}
	}
	mod := func(kk, ru, sign string, m *canon.TicketRequest_Modifier) {
		s.pair(tagModifier, "   "+r.both(kk, ru)+" "+m.GetName(), sign+sum(m.GetSum()))
		taxes(m.GetTaxes())
	}
	switch it.GetType() {
	case canon.TicketRequest_Item_ITEM_TYPE_COMMODITY:
		c := it.GetCommodity()
		s.put(tagGoods, fmt.Sprintf("%d. %s", n, c.GetName()))
		if r.modern() { // KZ 626 row R56.8
			if c.Code != nil {
				s.put(tagCode, fmt.Sprintf("   %s: %d", r.both("Коды", "Код"), c.GetCode()))
			}
			if c.Barcode != nil {
				s.put(tagCode, "   GTIN: "+c.GetBarcode())
			}
			for _, m := range c.GetListExciseStamp() {
				s.put(tagCode, "   "+r.both("Таңбалау коды", "Код маркировки")+": "+m)
			}
		}
		s.pair(tagPrice, fmt.Sprintf("   %s%s x %s", fiscal.Milli(c.GetQuantity()), r.unit(c.GetMeasureUnitCode()), sum(c.GetPrice())), "="+sum(c.GetSum()))
		taxes(c.GetTaxes())
	case canon.TicketRequest_Item_ITEM_TYPE_STORNO_COMMODITY:
		c := it.GetStornoCommodity()
		s.put(tagGoods, fmt.Sprintf("%d. %s %s", n, r.both("ЖОЮ", "СТОРНО"), c.GetName()))
		s.pair(tagPrice, fmt.Sprintf("   %s x %s", fiscal.Milli(c.GetQuantity()), sum(c.GetPrice())), "=-"+sum(c.GetSum()))
		taxes(c.GetTaxes())
	case canon.TicketRequest_Item_ITEM_TYPE_DISCOUNT:
		mod("жеңілдік", "скидка", "-", it.GetDiscount())
	case canon.TicketRequest_Item_ITEM_TYPE_STORNO_DISCOUNT:
		mod("жеңілдікті жою", "сторно скидки", "+", it.GetStornoDiscount())
	case canon.TicketRequest_Item_ITEM_TYPE_MARKUP:
		mod("үстеме", "наценка", "+", it.GetMarkup())
	case canon.TicketRequest_Item_ITEM_TYPE_STORNO_MARKUP:
		mod("үстемені жою", "сторно наценки", "-", it.GetStornoMarkup())
	}
}

func sum(m *canon.Money) string {
	t, _ := cpcr.Tiyn(m)
	return t.String()
}

// cashText is the note of a deposit or a withdrawal.
func (r *Register) cashText(d *document) []string {
	m := d.request().MoneyPlacement
	s := r.sheet()
	s.head(d)
	if d.Kind == fiscal.OpDeposit {
		s.centre(tagKind, r.both("АҚША ЕНГІЗУ", "ВНЕСЕНИЕ"))
	} else {
		s.centre(tagKind, r.both("АҚША АЛУ", "ИЗЪЯТИЕ"))
	}
	s.pair(tagNumber, r.both("Құжат нөмірі", "Документ №"), fmt.Sprint(d.No))
	s.pair(tagTotal, r.both("Сома", "Сумма"), sum(m.GetSum()))
	s.when(d.At)
	return s.done(d)
}

// copyOf prints the last receipt again. It carries the sign and not the fiscal mark.
func (r *Register) copyOf(d *document, at time.Time) []string {
	lines := r.sheet()
	lines.centre(tagText, r.both("КӨШІРМЕ", "КОПИЯ"))
	for _, l := range r.receiptText(d) {
		if !fiscalWords(l) {
			lines.lines, lines.tags = append(lines.lines, l), append(lines.tags, tagText)
		}
	}
	lines.put(tagText, r.both("Көшірме уақыты", "Время копии")+": "+at.Format("02.01.2006 15:04:05"))
	return lines.done(nil)
}

func (r *Register) cancelNote(at time.Time) []string {
	s := r.sheet()
	s.centre(tagText, r.both("ЧЕК ЖОЙЫЛДЫ", "ЧЕК АННУЛИРОВАН"))
	s.when(at)
	return s.done(nil)
}

// testPrint is a trial receipt (KZ 431 row 9): never fiscal.
func (r *Register) testPrint(at time.Time) []string {
	s := r.sheet()
	s.head(nil)
	s.centre(tagText, r.both("СЫНАҚ ЧЕГІ", "ПРОБНЫЙ ЧЕК"))
	s.put(tagText, "0123456789 ӘҒҚҢӨҰҮҺІ әғқңөұүһі АБВГД абвгд")
	s.when(at)
	if r.q.wordsOnTest {
		s.centre(tagText, r.both("Фискалды чек", "Фискальный чек"))
	}
	return s.done(nil)
}

// vatOfMessage is the VAT that a message carries, by rate.
func vatOfMessage(t *canon.TicketRequest) []vat {
	var all []vat
	add := func(list []*canon.TicketRequest_Tax, dir fiscal.Tiyn) {
	next:
		for _, x := range list {
			tax, _ := cpcr.Tiyn(x.GetSum())
			for i := range all {
				if all[i].rate == fiscal.MilliPercent(x.GetPercent()) {
					all[i].tax += dir * tax
					continue next
				}
			}
			all = append(all, vat{rate: fiscal.MilliPercent(x.GetPercent()), tax: dir * tax})
		}
	}
	add(t.GetTaxes(), 1)
	for _, it := range t.GetItems() {
		add(it.GetCommodity().GetTaxes(), 1)
		add(it.GetStornoCommodity().GetTaxes(), -1)
		add(it.GetMarkup().GetTaxes(), 1)
		add(it.GetStornoMarkup().GetTaxes(), -1)
		add(it.GetDiscount().GetTaxes(), -1)
		add(it.GetStornoDiscount().GetTaxes(), 1)
	}
	return all
}
