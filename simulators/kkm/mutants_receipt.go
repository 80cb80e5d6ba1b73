package kkm

import "strings"

// detail names a check of the printed receipt.
func detail(l string) string { return "receipt.lines/" + l }

// without makes a mutant that leaves a detail out of everything it prints.
func without(t tag, what string, also ...string) mutant {
	return mutant{Mutant{"receipt-no-" + strings.ReplaceAll(string(t), ".", "-"), "prints " + what, names(detail(string(t))), also},
		quirks{loses: map[tag]bool{t: true}}}
}

// russian are the letters that a printer without a Kazakh code page prints
// instead of the Kazakh ones.
var russian = strings.NewReplacer("Ә", "А", "ә", "а", "Ғ", "Г", "ғ", "г", "Қ", "К", "қ", "к", "Ң", "Н", "ң", "н", "Ө", "О", "ө", "о",
	"Ұ", "У", "ұ", "у", "Ү", "У", "ү", "у", "Һ", "Х", "һ", "х", "І", "И", "і", "и")

// onTag changes the text of lines that carry a detail.
func onTag(t tag, f func(string) string) func(*Register, *document, tag, string) string {
	return func(_ *Register, d *document, of tag, l string) string {
		if of == t && d != nil {
			return f(l)
		}
		return l
	}
}

var receiptMutants = []mutant{
	without(tagName, "receipts without the name of the taxpayer"),
	without(tagBIN, "receipts without the BIN of the taxpayer"),
	without(tagSerial, "receipts without its factory number"),
	without(tagRegistration, "receipts without its registration number"),
	without(tagNumber, "receipts without their number"),
	without(tagGoods, "receipts without the names of the goods", "ticket.return", detail("kazakh")),
	without(tagPrice, "receipts without the prices of the goods"),
	without(tagTime, "receipts without date and time"),
	without(tagOFDName, "receipts without the name of the OFD"),
	without(tagOFDSite, "receipts without the site of the OFD"),
	{Mutant{"receipt-no-total", "prints receipts without their total", names(detail("total")), names("ticket.return")},
		quirks{loses: map[tag]bool{tagTotal: true, tagTradeSums: true, tagPaid: true}}},
	{Mutant{"receipt-no-words", "prints receipts without the words of the fiscal mark", names(detail("sign")), names("fiscal.sign")},
		quirks{loses: map[tag]bool{tagWords: true}}},
	{Mutant{"receipt-no-kazakh", "prints Russian letters instead of the Kazakh ones", names(detail("kazakh")),
		names(detail("goods.name"), detail("ofd.name"), "offline.mark", "receipt.lines")},
		quirks{misprints: func(_ *Register, _ *document, _ tag, l string) string { return russian.Replace(l) }}},
	{Mutant{"receipt-number-constant", "prints the same number on every receipt", names(detail("number")), nil},
		quirks{misprints: onTag(tagNumber, func(l string) string { return strings.TrimRight(l, "0123456789") + "1" })}},
	{Mutant{"receipt-time-frozen", "prints a wrong date and time on receipts", names(detail("time")), nil},
		quirks{misprints: onTag(tagTime, func(l string) string { return l[:strings.IndexByte(l, ':')+1] + " 01.01.2020 00:00:00" })}},
	{Mutant{"receipt-total-wrong", "prints a total that is a tenge too high", names(detail("total")), names("ticket.return")},
		quirks{misprints: onTag(tagTotal, func(l string) string {
			i := strings.LastIndexByte(l, '=')
			if i < 0 {
				return l // no receipt
			}
			more := plusTenge(l[i+1:])
			return l[:i-(len(more)-len(l[i+1:]))] + "=" + more
		}), loses: map[tag]bool{tagTradeSums: true, tagPaid: true}}},
}
