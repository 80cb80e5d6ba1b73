package check

import (
	"slices"
	"strings"

	"github.com/kkmtest/kkmtest/bench/regulation"
)

// Judge is the function of a check.
type Judge = func(*Record, regulation.Params) []Judgement

// All lists the checks in the order of their keys.
func All() []Check {
	c := slices.Clone(registry())
	slices.SortFunc(c, func(a, b Check) int { return strings.Compare(a.Key, b.Key) })
	return c
}

// Lookup finds a check by its key.
func Lookup(key string) (Check, bool) {
	for _, c := range registry() {
		if c.Key == key {
			return c, true
		}
	}
	return Check{}, false
}

// Param types, as [Param.Type] names them.
const (
	tDuration = "duration"
	tInt      = "int"
	tWord     = "word"
	tWords    = "words" // separated by |
)

func registry() []Check {
	var all []Check
	for _, f := range []func() []Check{offlineChecks, shiftChecks, latencyChecks, ticketChecks, zreportChecks, receiptChecks, signChecks, cashChecks, blockChecks, cycleChecks, linkChecks, accessChecks, clockChecks} {
		all = append(all, f()...)
	}
	return all
}

func pending(*Record, regulation.Params) []Judgement { return nil }

func offlineChecks() []Check {
	return []Check{
		{Key: "offline.cutoff", Doc: "Sales are refused once the oldest unsent offline receipt is older than the limit, and work again after hand-over.",
			Params: []Param{{Name: "limit", Type: tDuration, Required: true, Doc: "greatest age of the oldest unsent offline receipt"}}, Judge: pending},
		{Key: "offline.enter", Doc: "Without an answer within the limit the register works autonomously; with one it stays online.",
			Params: []Param{{Name: "answer", Type: tDuration, Required: true, Doc: "how long the register waits for the answer of the OFD"}}, Judge: pending},
		{Key: "offline.sign", Doc: "Every offline receipt has an autonomous sign that never repeats, is printed, and is sent later.",
			Params: []Param{{Name: "aspect", Type: tWord, Required: true, OneOf: []string{"unique", "printed", "sent"}, Doc: "what the row speaks of"}}, Judge: pending},
		{Key: "offline.mark", Doc: "Offline receipts carry the mark, online ones do not.",
			Params: []Param{{Name: "words", Type: tWords, Required: true, Doc: "any of these words is the mark"}}, Judge: pending},
		{Key: "offline.handover", Doc: "When the link is back the register reports how long it worked alone and sends its queue in order, each after the answer to the last.",
			Params: []Param{{Name: "aspect", Type: tWord, Required: true, OneOf: []string{"duration", "queue"}, Doc: "what the row speaks of"}}, Judge: pending},
		{Key: "offline.shiftclose", Doc: "A shift can be closed without the link; its Z follows later with its own time.", Judge: pending},
	}
}

func shiftChecks() []Check {
	return []Check{{Key: "shift.limit", Doc: "Receipts are refused once the shift is longer than the limit, until it is closed.",
		Params: []Param{{Name: "limit", Type: tDuration, Required: true, Doc: "from the end of the first payment document"}}, Judge: pending}}
}

func latencyChecks() []Check {
	return []Check{{Key: "latency.online", Doc: "From the end of the operator's input to the finished receipt no more time passes than the limit.",
		Params: []Param{
			{Name: "limit", Type: tDuration, Required: true, Doc: "longest time allowed"},
			{Name: "answer", Type: tDuration, Doc: "how long a register waits for the OFD; when it is given, a pass needs a sale whose answer came just before it"},
		}, Judge: pending}}
}

func ticketChecks() []Check {
	return []Check{
		{Key: "ticket.fields", Doc: "A field of the ticket message says what was entered.",
			Params: []Param{{Name: "field", Type: tWord, Required: true, Doc: "which field"}}, Judge: pending},
		{Key: "ticket.return", Doc: "A return becomes a message of its kind with equal amounts and a receipt.", Judge: pending},
	}
}

func zreportChecks() []Check {
	return []Check{{Key: "zreport.fields", Doc: "A figure of the Z report equals what the bench counted.",
		Params: []Param{{Name: "field", Type: tWord, Required: true, Doc: "which figure"}}, Judge: pending}}
}

func receiptChecks() []Check {
	return []Check{{Key: "receipt.lines", Doc: "A detail stands on the printed receipt with the right value.",
		Params: []Param{
			{Name: "line", Type: tWord, Required: true, Doc: "which detail"},
			{Name: "words", Type: tWords, Doc: "words that must stand on the receipt (any of them)"},
		}, Judge: pending}}
}

func signChecks() []Check {
	return []Check{{Key: "fiscal.sign", Doc: "The sign of the OFD is received, printed unchanged, and the fiscal mark stands only on receipts that have a sign.",
		Params: []Param{
			{Name: "aspect", Type: tWord, Required: true, OneOf: []string{"received", "printed", "mark"}, Doc: "what the row speaks of"},
			{Name: "words", Type: tWords, Doc: "the fiscal mark (any of these words); needed for aspect mark"},
		}, Judge: pending}}
}

func cashChecks() []Check {
	return []Check{{Key: "cash.placement", Doc: "Deposits and withdrawals are reported to the OFD, once each, with kind and sum.", Judge: pending}}
}

func blockChecks() []Check {
	return []Check{
		{Key: "block.server", Doc: "After the OFD's order to suspend no sale works, and the notice is given.", Judge: pending},
		{Key: "notice.shown", Doc: "A text of the tax service that came with an answer is shown, or printed with the next report.", Judge: pending},
	}
}

func cycleChecks() []Check {
	return []Check{{Key: "cycle.single", Doc: "One sale makes one receipt and one ticket message without a further action.", Judge: pending}}
}

func linkChecks() []Check {
	return []Check{{Key: "link.tcp", Doc: "The register opens TCP connections to the OFD and speaks CPCR on them.", Judge: pending}}
}

func accessChecks() []Check {
	return []Check{{Key: "access.password", Doc: "A password guards a mode, and one that is too short cannot be programmed.",
		Params: []Param{
			{Name: "mode", Type: tWord, OneOf: []string{"sales", "programming", "shift-close"}, Doc: "the guarded mode; without it the length is judged"},
			{Name: "positions", Type: tInt, Doc: "least number of positions; needed without mode"},
		}, Judge: pending}}
}

func clockChecks() []Check {
	return []Check{
		{Key: "clock.lowerbound", Doc: "The clock cannot be set before the last document.", Judge: pending},
		{Key: "config.shiftclosed", Doc: "OFD address and clock can be changed only while the shift is closed.", Judge: pending},
	}
}
