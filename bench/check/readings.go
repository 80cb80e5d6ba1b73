package check

// The readings that checks cite. Each stands in docs/readings.md under its ID,
// with the words that support it.
var (
	readOldest   = Reading{"oldest-receipt", "the 72 hours are counted from the oldest offline receipt that was not sent, although row 27.6 prints 'last'"}
	readOver     = Reading{"limit-reached", "a limit that may not be exceeded allows its exact value"}
	readAnswer   = Reading{"answer-wait", "the answer wait is counted from the arrival of the request at the OFD to the departure of the answer, plus what the message may be under way"}
	readLife     = Reading{"sign-life", "an autonomous sign is unique over the whole service life, not only within a date"}
	readFirst    = Reading{"shift-start", "the shift is counted from the end of its first payment document; a deposit before it opens the shift but starts no count"}
	readSum      = Reading{"sum-or-count", "rows 20.21 and 20.22 print 'number' where the sum is meant; either is accepted in that field"}
	readDocs     = Reading{"document-numbers", "no field holds the number of documents: it follows from the device wide document numbers"}
	readTendered = Reading{"tendered", "no field holds what was handed over: it is payments plus change"}
	readVAT      = Reading{"vat-modifiers", "how a discount or markup changes the tax is not settled: one tiyn a taxed line is rounding, more is undecided"}
	readStore    = Reading{"store-checksum", "the common checksum may stand in service.auxiliary or on the printed Z"}
	readChecksum = Reading{"z-checksum", "the algorithm is not published: the checksum must be there and differ between different reports"}
	readSent     = Reading{"sign-on-paper", "an online receipt is judged on what was printed: printed_ticket is sent before the sign exists"}
	readLevels   = Reading{"four-positions", "four positions are four digits or more; factory passwords are allowed until one is programmed"}
	readClock    = Reading{"clock-sequence", "the clock is judged after the whole sequence of setting it"}
	readToken    = Reading{"token-anytime", "address, port and clock are locked while the shift is open; the token may be entered at any time"}
	readRefusal  = Reading{"any-refusal", "any refusal counts, whatever its code"}
	readBlockedZ = Reading{"blocked-z", "a Z report while the OFD has suspended the register is accepted both ways"}
	readTaxPlace = Reading{"tax-place", "taxes stand either on the lines or on the ticket, never on both"}
	readNumber   = Reading{"receipt-number", "the sequence number of a receipt is the device wide document number: it grows, cash operations and closes count too"}
	readPeriod   = Reading{"offline-period", "the information on the length of autonomous work is the offline period in the first message that is answered"}
	readMark     = Reading{"mark-beside-sign", "the word beside the autonomous sign may name the number; the mark says that the device works autonomously"}
	readZero     = Reading{"zero-rows", "a row of the Z report that is left out counts as zero"}
)

// Readings lists all of them.
func Readings() []Reading {
	return []Reading{readOldest, readOver, readAnswer, readLife, readFirst, readSum, readDocs, readTendered, readVAT, readStore, readChecksum, readSent, readLevels, readClock, readToken, readRefusal, readBlockedZ, readTaxPlace, readNumber, readPeriod, readMark, readZero}
}
