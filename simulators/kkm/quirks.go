package kkm

import (
	"time"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

// quirks are the places where a mutant differs. The zero value is the
// conforming register; each mutant sets what one defect needs.
type quirks struct {
	lawful

	// limits
	cutoffExtra      time.Duration // on the limit of work without the OFD
	cutoffFromNewest bool          // counts it from the newest unsent receipt
	shiftExtra       time.Duration // on the limit of the shift
	shiftFromFirst   bool          // counts it from the first document of any kind
	answer           func(*Limits) time.Duration
	slowPrint        time.Duration // for every document

	// work without the OFD
	refusesOffline  bool
	refusesOfflineZ bool
	signsPerDay     bool
	marksOnline     bool

	// hand-over
	noPeriod   bool
	overlaps   bool
	sendsTwice bool
	dropsOne   bool
	disturb    func(*nv) bool // changes the order of the queue once, and says whether it could

	// messages, as they go over the wire
	wire          func(*Register, *canon.Request)
	header        func(*cpcr.Header)
	firstTry      func([]byte) []byte   // the bytes of the first attempt of a request
	report        func(*canon.ZXReport) // before the checksum
	checksum      string
	storeConstant bool // of the overall checksum of the memory, everywhere

	// paper
	loses            map[tag]bool
	misprints        func(*Register, *document, tag, string) string
	signReceived     func(*Register, string) string // what is kept of the OFD's sign
	signPrinted      func(*document, string) string
	wordsWhenRefused bool
	wordsOnTest      bool

	// blocks, notices
	sellsBlocked  bool
	noBlockNotice bool
	hidesNotices  bool

	// the cycle of a receipt
	keepsToItself bool            // a receipt is only queued, and goes out later
	doubles       bool            // an online receipt is sent twice
	printsNothing bool            // of receipts
	silent        map[string]bool // documents that are counted and printed and never sent: operation or receipt kinds

	// access and settings
	anyPassword   map[fiscal.OpKind]bool
	shortPassword bool
	clockBack     bool
	clockInShift  bool

	// order 626, computer systems
	sellsUnmarked   bool
	noStartTest     bool
	clientTime      bool
	shiftFromPaid   bool
	inspectsAnybody bool
	electronic      func([]string) []string // of the lines of an electronic receipt

	// the rest of settings
	settingsInShift bool
}

// lawful are differences that the documents allow; see variants.go. Variants
// have them, and so may mutants.
type lawful struct {
	profile func(*Profile)

	// exchange
	keepAlive     time.Duration                     // a connection is kept that long for further requests
	lingers       bool                              // closes a kept connection that failed, instead of dropping it
	repeatAfter   time.Duration                     // an unanswered document is repeated over a second connection, the first stays open
	offlineAtOnce bool                              // offline when no channel gives a connection, without further attempts
	payload       func(cpcr.Version, []byte) []byte // of a request: other bytes of the same meaning
	idlePing      time.Duration                     // SYSTEM that often while nothing else is to do
	infoEachShift bool                              // INFO behind every close
	firstReqNum   uint16                            // where REQNUM begins
	afterWrap     uint16                            // the REQNUM that comes after 65535

	// documents
	sign         func(r *Register, last uint32) uint32 // the autonomous sign after last; 0: none was given yet
	ownNumbers   bool                                  // a queued document takes its REQNUM when it is made
	queueReports bool                                  // X reports made alone are handed over later
	autoClose    bool                                  // closes the shift by itself when it reaches its limit
	zBlocked     bool                                  // closes the shift on its own while the OFD has stopped it
	tokenClosed  bool                                  // takes a token only with the shift closed

	// paper
	bothBelow bool // one language below the other
	displays  bool // notices on the display only
}
