package kkm

import (
	"fmt"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/cpcr/tally"
	"github.com/kkmtest/kkmtest/fiscal"
)

// What the cashier is told. The words that mark an offline receipt stand in none of these.
var (
	offlineNotice = []string{"ФДО-МЕН БАЙЛАНЫС ЖОҚ", "КАССА ДЕРБЕС ЖҰМЫС ІСТЕЙДІ", "НЕТ СВЯЗИ С ОФД", "КАССА РАБОТАЕТ АВТОНОМНО"}
	onlineNotice  = []string{"ФДО-МЕН БАЙЛАНЫС ҚАЛПЫНА КЕЛДІ", "СВЯЗЬ С ОФД ВОССТАНОВЛЕНА"}
	tooLongNotice = []string{"КАССА БҰҒАТТАЛДЫ: БАЙЛАНЫССЫЗ ТЫМ ҰЗАҚ", "КАССА ЗАБЛОКИРОВАНА: СЛИШКОМ ДОЛГО БЕЗ СВЯЗИ", "БАЙЛАНЫСТЫ ҚАЛПЫНА КЕЛТІРІҢІЗ / ВОССТАНОВИТЕ СВЯЗЬ"}
	shiftNotice   = []string{"АУЫСЫМ ТЫМ ҰЗАҚ: Z-ЕСЕП АЛЫҢЫЗ", "СМЕНА СЛИШКОМ ДЛИННАЯ: СНИМИТЕ Z-ОТЧЁТ"}
	unblockNotice = []string{"БҰҒАТ АЛЫНДЫ", "БЛОКИРОВКА СНЯТА"}
)

func blockNotice(text string) []string {
	return append([]string{"КАССА БҰҒАТТАЛДЫ", "КАССА ЗАБЛОКИРОВАНА"}, strings.Split(text, "\n")...)
}

// reportText is an X or a Z (closes) on paper; store is the overall checksum of
// the memory and list the receipts of the shift, for a Z.
func (r *Register) reportText(z *canon.ZXReport, closes, server bool, store, list string, at time.Time) []string {
	s := r.sheet()
	s.head(nil)
	if closes {
		s.centre(tagKind, r.both("Z-ЕСЕП", "Z-ОТЧЁТ"))
	} else {
		s.centre(tagKind, r.both("X-ЕСЕП", "X-ОТЧЁТ"))
	}
	if server {
		s.centre(tagText, r.both("ФДО серверінен", "с сервера ОФД"))
	} else {
		s.centre(tagText, r.both("БКМ жадынан", "из памяти ККМ"))
	}
	s.pair(tagText, r.both("Ауысым", "Смена"), fmt.Sprint(z.GetShiftNumber()))
	if t, ok := cpcr.Time(z.GetOpenShiftTime(), time.UTC); ok {
		s.pair(tagText, r.both("Ашылды", "Открыта"), t.Format("02.01.2006 15:04:05"))
	}
	if t, ok := cpcr.Time(z.GetCloseShiftTime(), time.UTC); ok {
		s.pair(tagText, r.both("Жабылды", "Закрыта"), t.Format("02.01.2006 15:04:05"))
	}
	s.rule()
	for _, o := range z.GetTicketOperations() {
		w := kindWords[kindOf(o.GetOperation())]
		s.pair(tagText, fmt.Sprintf("%s: %d", r.both(w[0], w[1]), o.GetTicketsCount()), sum(o.GetTicketsSum()))
		if o.GetTicketsCount() == 0 {
			continue
		}
		for _, p := range o.GetPayments() {
			if p.GetCount() > 0 {
				s.pair(tagText, fmt.Sprintf("   %s: %d", r.paymentWord(p.GetPayment()), p.GetCount()), sum(p.GetSum()))
			}
		}
		s.pair(tagText, "   "+r.both("чекке жеңілдік", "скидки на чек"), sum(o.GetDiscountSum()))
		s.pair(tagText, "   "+r.both("чекке үстеме", "наценки на чек"), sum(o.GetMarkupSum()))
		s.pair(tagText, "   "+r.both("қайтарым", "сдача"), sum(o.GetChangeSum()))
		s.pair(tagText, "   "+r.both("байланыссыз", "без связи"), fmt.Sprint(o.GetOfflineCount()))
	}
	for _, x := range z.GetTaxes() {
		for _, o := range x.GetOperations() {
			w := kindWords[kindOf(o.GetOperation())]
			s.pair(tagText, fmt.Sprintf("%s %s%% %s", r.both("ҚҚС", "НДС"), fiscal.MilliPercent(x.GetPercent()), r.both(w[0], w[1])), sum(o.GetSum()))
		}
	}
	for _, m := range z.GetMoneyPlacements() {
		word := r.both("Ақша енгізу", "Внесение")
		if m.GetOperation() == canon.MoneyPlacementEnum_MONEY_PLACEMENT_WITHDRAWAL {
			word = r.both("Ақша алу", "Изъятие")
		}
		s.pair(tagText, fmt.Sprintf("%s: %d", word, m.GetOperationsCount()), sum(m.GetOperationsSum()))
	}
	s.pair(tagText, r.both("Кассадағы ақша", "Наличных в кассе"), sum(z.GetCashSum()))
	revenue := sum(z.GetRevenue().GetSum())
	if z.GetRevenue().GetIsNegative() {
		revenue = "-" + revenue
	}
	s.pair(tagText, r.both("Түсім", "Выручка"), revenue)
	for _, n := range z.GetNonNullableSums() {
		w := kindWords[kindOf(n.GetOperation())]
		s.pair(tagText, r.both("Нөлденбейтін сома", "Необнуляемая сумма")+" "+w[1], sum(n.GetSum()))
	}
	if c := z.GetChecksum(); c != "" {
		s.pair(tagText, r.both("Есептің бақылау қосындысы", "Контрольная сумма отчёта"), c)
	}
	if store != "" {
		s.pair(tagText, r.both("Жадтың бақылау қосындысы", "Контрольная сумма памяти"), store)
	}
	if closes {
		s.list(list)
		s.put(tagText, r.both("Өзін-өзі тексеру: дұрыс", "Самотест: норма"))
	}
	s.when(at)
	if r.nv.unshown && !r.q.hidesNotices { // KZ 431 row 16
		s.rule()
		s.ads(0, int32(len(canon.TicketAdTypeEnum_name)))
	}
	return s.done(nil)
}

func (r *Register) paymentWord(p canon.PaymentTypeEnum) string {
	switch p {
	case canon.PaymentTypeEnum_PAYMENT_CASH:
		return r.both("қолма-қол", "наличные")
	case canon.PaymentTypeEnum_PAYMENT_CARD:
		return r.both("карта", "карта")
	case canon.PaymentTypeEnum_PAYMENT_MOBILE:
		return r.both("мобильді", "мобильный")
	}
	return p.String()
}

// cashierReport: KZ 431 row 29.2.
func (r *Register) cashierReport(at time.Time) []string {
	s := r.sheet()
	s.head(nil)
	s.centre(tagKind, r.both("КАССАШЫЛАР БОЙЫНША ЕСЕП", "ОТЧЁТ ПО КАССИРАМ"))
	s.pair(tagText, r.both("Ауысым", "Смена"), fmt.Sprint(r.nv.counters.Shift))
	for _, n := range r.nv.cashierNumbers() {
		c := r.nv.cashiers[n]
		s.rule()
		s.put(tagText, fmt.Sprintf("%d %s", n, r.person(n)))
		for op := range tally.Kinds {
			if c.count[op] > 0 {
				w := kindWords[kindOf(canon.OperationTypeEnum(op))]
				s.pair(tagText, fmt.Sprintf("   %s: %d", r.both(w[0], w[1]), c.count[op]), c.sum[op].String())
			}
		}
		s.pair(tagText, "   "+r.both("қолма-қол", "наличными"), c.cash.String())
	}
	s.when(at)
	return s.done(nil)
}

// sectionReport: KZ 431 row 29.3.
func (r *Register) sectionReport(at time.Time) []string {
	z := r.nv.counters.Report(r.profile.OFD.Version, at)
	s := r.sheet()
	s.head(nil)
	s.centre(tagKind, r.both("БӨЛІМДЕР БОЙЫНША ЕСЕП", "ОТЧЁТ ПО СЕКЦИЯМ"))
	s.pair(tagText, r.both("Ауысым", "Смена"), fmt.Sprint(z.GetShiftNumber()))
	if r.nv.counters.Open {
		for _, x := range z.GetSections() {
			s.rule()
			s.put(tagText, r.both("Бөлім", "Секция")+" "+x.GetSectionCode())
			for _, o := range x.GetOperations() {
				w := kindWords[kindOf(o.GetOperation())]
				s.pair(tagText, fmt.Sprintf("   %s: %d", r.both(w[0], w[1]), o.GetCount()), sum(o.GetSum()))
			}
		}
	}
	s.when(at)
	return s.done(nil)
}

// testReport is the result of the self-test on paper.
func (r *Register) testReport(at time.Time) []string {
	s := r.sheet()
	s.head(nil)
	s.centre(tagKind, r.both("ӨЗІН-ӨЗІ ТЕКСЕРУ", "САМОТЕСТ"))
	for _, l := range r.testResults() {
		name, result, _ := strings.Cut(l, ": ")
		s.pair(tagText, name, result)
	}
	for _, t := range r.tests {
		if !t.OK && t.Text != "" {
			s.put(tagText, "   "+t.Text)
		}
	}
	s.pair(tagText, r.both("Жазбалар", "Записей"), fmt.Sprint(r.nv.records))
	s.pair(tagText, r.both("Жадтың бақылау қосындысы", "Контрольная сумма памяти"), fmt.Sprintf("%08X", r.nv.sum))
	s.when(at)
	return s.done(nil)
}

// testResults are the results of the last self-test, one line a unit.
func (r *Register) testResults() []string {
	words := map[string]string{unitPrinter: r.both("Баспа құрылғысы", "Печать"), unitClock: r.both("Сағат", "Часы"), unitMemory: r.both("Жад", "Память"),
		unitSoftware: r.both("Бағдарлама", "Программа"), unitData: r.both("Фискалды деректер", "Фискальные данные"), unitLink: r.both("ФДО-мен байланыс", "Связь с ОФД"),
		unitClient: r.both("Сервермен байланыс", "Связь с сервером")}
	var out []string
	for _, t := range r.tests {
		result := r.both("дұрыс", "норма")
		if !t.OK {
			result = r.both("ҚАТЕ", "ОШИБКА")
		}
		out = append(out, words[t.Unit]+": "+result)
	}
	return out
}
