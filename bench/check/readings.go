package check

import (
	_ "embed"

	"github.com/kkmtest/kkmtest/bench/regulation"
)

// readingsTSV holds the readings in one sentence and every language, by their
// ID: the anchor in docs/readings.md, where the words that support them stand.
//
//go:embed readings.tsv
var readingsTSV string

var readingTexts = readWords(readingsTSV)

// reading finds a reading by its ID. The table is part of the program: a
// reading that it lacks stops it at the start.
func reading(id string) Reading {
	t, ok := readingTexts[id]
	if !ok {
		panic("readings.tsv has no reading " + id)
	}
	return Reading{id, t[regulation.English]}
}

// In is the reading in a language, English for one that the table does not have.
func (r Reading) In(lang regulation.Lang) string {
	if s := readingTexts[r.ID][lang]; s != "" {
		return s
	}
	return r.Text
}

// The readings that checks cite.
var (
	readOldest    = reading("oldest-receipt")
	readOver      = reading("limit-reached")
	readAnswer    = reading("answer-wait")
	readLife      = reading("sign-life")
	readFirst     = reading("shift-start")
	readSum       = reading("sum-or-count")
	readDocs      = reading("document-numbers")
	readTendered  = reading("tendered")
	readVAT       = reading("vat-modifiers")
	readStore     = reading("store-checksum")
	readChecksum  = reading("z-checksum")
	readSent      = reading("sign-on-paper")
	readLevels    = reading("four-positions")
	readClock     = reading("clock-sequence")
	readToken     = reading("token-anytime")
	readRefusal   = reading("any-refusal")
	readBlockedZ  = reading("blocked-z")
	readTaxPlace  = reading("tax-place")
	readNumber    = reading("receipt-number")
	readPeriod    = reading("offline-period")
	readMark      = reading("mark-beside-sign")
	readZero      = reading("zero-rows")
	readDocument  = reading("document-shown")
	readSource    = reading("report-source")
	readNotice    = reading("offline-notice")
	readKept      = reading("kept-in-store")
	readCashStart = reading("cash-operation")
	readList      = reading("receipts-list")
	readTrial     = reading("trial-message")
)

// Readings lists all of them.
func Readings() []Reading {
	return []Reading{readOldest, readOver, readAnswer, readLife, readFirst, readSum, readDocs, readTendered, readVAT, readStore, readChecksum, readSent, readLevels, readClock, readToken, readRefusal, readBlockedZ, readTaxPlace, readNumber, readPeriod, readMark, readZero, readDocument, readSource, readNotice, readKept, readCashStart, readList, readTrial}
}
