package datecs

import (
	"fmt"
	"strconv"

	"github.com/kkmtest/kkmtest/simulators/kkm"
)

// collect takes what was printed since the last time into the journal, as one
// document. It keeps as many as a host may want to read back.
func (h *Host) collect() {
	lines := h.r.Printed()
	if len(lines) == 0 {
		return
	}
	h.r.ClearPrinted()
	h.journal = append(h.journal, lines)
}

// document finds a document of the journal, from 1.
func (h *Host) document(s string) ([]string, bool) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > len(h.journal) {
		return nil, false
	}
	return h.journal[n-1], true
}

// Sizes that the journal claims to have (8).
const (
	journalTotal = 2013265920
	journalUsed  = 40960
)

// longestLine is what fits into an answer of family P besides the head.
const longestLine = 200

func (h *Host) lineOf(s string) string {
	p := coding.EncodeLossy(s)
	return string(p[:min(len(p), longestLine)])
}

// journalP is 119: I tells what there is, R selects a document and gives its
// first line, N the next one.
func (h *Host) journalP(c *call) {
	switch c.at(0) {
	case "I":
		h.collect()
		n := h.closure()
		c.ok("P", itoa(journalTotal), itoa(journalUsed), "1", fmt.Sprint(n), itoa(min(1, len(h.journal))), itoa(len(h.journal)))
		return
	case "R":
		doc, ok := h.document(c.at(1))
		if !ok {
			c.ok("F")
			return
		}
		h.reading, h.chosen = doc, true
	case "N":
	default:
		c.fail(kkm.BadData)
		return
	}
	switch {
	case !h.chosen:
		c.ok("F")
	case len(h.reading) == 0:
		h.chosen = false
		c.ok("*", "")
	default:
		s := h.reading[0]
		h.reading = h.reading[1:]
		c.ok("P", h.lineOf(s))
	}
}

// journalRange is 124: which documents there are.
func (h *Host) journalRange(c *call) {
	h.collect()
	now := h.r.State().Clock.Format(clockLayout)
	c.ok(now, now, itoa(min(1, len(h.journal))), itoa(len(h.journal)))
}

// endOfData is the code behind the last line; its value is ours.
const endOfData = "-1"

// documentType is a fiscal receipt among the types of documents (8); this journal
// does not tell them apart.
const documentType = "1"

// journalX is 125: 0 selects a document, 1 gives a line, until a negative code.
func (h *Host) journalX(c *call) {
	switch c.at(0) {
	case "0":
		doc, ok := h.document(c.at(1))
		if !ok {
			c.fail(kkm.BadData)
			return
		}
		h.reading, h.chosen = doc, true
		c.ok(c.at(1), documentType, h.r.State().Clock.Format(clockLayout), "1", fmt.Sprint(h.closure()+1))
	case "1":
		if len(h.reading) == 0 {
			h.chosen = false
			c.reply(h.o.Family.Join(endOfData), 0, 0)
			return
		}
		s := h.reading[0]
		h.reading = h.reading[1:]
		c.ok(h.lineOf(s))
	default:
		c.fail(kkm.BadData)
	}
}
