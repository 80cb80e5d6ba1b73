package kkm

import (
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/cpcr/tally"
	"github.com/kkmtest/kkmtest/fiscal"
)

// document is what gets a document number: a receipt, a cash operation, the close of a shift.
type document struct {
	Kind     fiscal.OpKind `json:"kind"`
	No       uint64        `json:"no"`
	At       time.Time     `json:"at"` // register's clock
	Operator int           `json:"operator"`
	Body     []byte        `json:"body"` // canon.Request without its service part
	Offline  bool          `json:"offline,omitempty"`
	Sign     uint32        `json:"sign,omitempty"`  // autonomous sign
	Store    uint32        `json:"store,omitempty"` // of a Z: overall checksum of the memory before it
	List     string        `json:"list,omitempty"`  // of a Z: the receipts of its shift

	OFDSign string  `json:"ofd_sign,omitempty"`
	QR      string  `json:"qr,omitempty"`   // the OFD's text for it
	Pair    *pair   `json:"pair,omitempty"` // of the first attempt; repeats carry it again
	Own     *uint16 `json:"own,omitempty"`  // REQNUM that it got when it was made alone

	req  *canon.Request
	real string          // what the OFD gave, for a mutant that prints it a receipt late
	z    *canon.ZXReport // of a closed shift: the server's, when it answered one
}

// pair is what an exchange is known by.
type pair struct {
	Token  uint32 `json:"token"`
	ReqNum uint16 `json:"reqnum"`
}

// request decodes the body once.
func (d *document) request() *canon.Request {
	if d.req == nil {
		d.req = new(canon.Request)
		_ = proto.Unmarshal(d.Body, d.req) // sealed by the record's checksum
		if d.Offline {
			d.markOffline()
		}
	}
	return d.req
}

// markOffline writes into the message that the document was made without the OFD.
func (d *document) markOffline() {
	q := d.req
	switch d.Kind {
	case fiscal.OpReceipt:
		q.Ticket.OfflineTicketNumber = proto.Uint32(d.Sign)
	case fiscal.OpZReport:
		q.CloseShift.IsOffline = proto.Bool(true)
	case fiscal.OpXReport:
		q.Report.IsOffline = proto.Bool(true)
	default:
		q.MoneyPlacement.IsOffline = proto.Bool(true)
	}
}

// printedSign is what stands on paper: the autonomous sign, or the OFD's.
func (d *document) printedSign() string {
	if d.Sign != 0 {
		return strconv.FormatUint(uint64(d.Sign), 10)
	}
	return d.OFDSign
}

// step is the kind of a record.
type step string

const (
	stBegin    step = "begin"    // document under way to the OFD
	stDone     step = "done"     // and confirmed
	stRefuse   step = "refuse"   // and refused: it never was
	stAlone    step = "alone"    // and not answered: made autonomous, first of the queue
	stQueue    step = "queue"    // document made autonomous at once
	stKept     step = "kept"     // document that is never sent: a defect
	stPair     step = "pair"     // head of the queue got its TOKEN and REQNUM
	stConfirm  step = "confirm"  // head of the queue confirmed
	stDiscard  step = "discard"  // head of the queue taken out by service staff
	stExchange step = "exchange" // service command answered
	stOffline  step = "offline"
	stOnline   step = "online"
	stBlock    step = "block"
	stUnblock  step = "unblock"
	stShift    step = "shift" // the OFD says that the shift is too long
	stNotices  step = "notices"
	stSetting  step = "setting"
	stClock    step = "clock"
	stAdopt    step = "adopt"  // counters taken over from the OFD at commissioning
	stPaper    step = "paper"  // the last document is on paper
	stReport   step = "report" // an X report made alone that is handed over later
)

// notice is a text block of the OFD.
type notice struct {
	Type    int32  `json:"type"`
	Version uint64 `json:"version"`
	Text    string `json:"text"`
}

// fromQueue marks a block that a queued message met.
const fromQueue = "queue"

// record is one step of the register's life.
type record struct {
	Step    step           `json:"step"`
	At      time.Time      `json:"at"`
	Doc     *document      `json:"doc,omitempty"`
	Sign    string         `json:"sign,omitempty"` // the OFD's
	QR      string         `json:"qr,omitempty"`   // the OFD's text for the code
	Alone   uint32         `json:"alone,omitempty"`
	Pair    *pair          `json:"pair,omitempty"`
	Token   *uint32        `json:"token,omitempty"` // what the next request has to carry
	ReqNum  *uint16        `json:"reqnum,omitempty"`
	End     time.Time      `json:"end,omitzero"` // when the document's last line is printed
	Reason  Reason         `json:"reason,omitempty"`
	Code    int            `json:"code,omitempty"`
	Text    string         `json:"text,omitempty"`
	Notices []notice       `json:"notices,omitempty"`
	Shown   bool           `json:"shown,omitempty"` // the notices stand on the paper that goes with the document
	Setting fiscal.Setting `json:"setting,omitempty"`
	Number  int            `json:"number,omitempty"`
	Value   string         `json:"value,omitempty"`
	Shift   time.Duration  `json:"shift_ns,omitempty"` // of the clock against the loop's
	Report  []byte         `json:"report,omitempty"`   // canon.ZXReport
}

// cashier counts by operator.
type cashier struct {
	count [tally.Kinds]uint32
	sum   [tally.Kinds]fiscal.Tiyn
	cash  fiscal.Tiyn // in the drawer through this operator
}

// nv is what the non-volatile memory says: a fold over its records.
type nv struct {
	records int
	sum     uint32         // overall checksum
	atZ     map[int]uint32 // overall checksum that the Z in record n says was before it

	token    uint32
	hasToken bool
	reqnum   uint16

	pending *document
	queue   []*document
	last    *document // last receipt
	lastZ   *document

	offline   bool
	begin     time.Time // first failed attempt of the break
	blocked   Reason
	code      int
	text      string // of the block
	stuck     bool   // head of the queue was refused
	tooLong   bool   // says the OFD
	notices   map[int32]notice
	unshown   bool // notices came since the last X or Z
	clock     time.Duration
	docNo     uint64
	docTime   time.Time
	counters  tally.Counters
	paidSince time.Time // end of the first payment document of the shift
	firstDoc  time.Time // first document of the shift, whatever it was
	cashiers  map[int]*cashier
	shiftList []shiftReceipt
	docs      []*document // of the whole life; none are kept in section II
	keeps     bool
	serial    uint32    // last autonomous sign
	signed    time.Time // when it was given
	host      string
	port      string
	settings
	passwords [Operators + 1]string
	unprinted *document
}

func newNV(p *Profile) *nv {
	n := &nv{atZ: map[int]uint32{}, token: p.OFD.Token, hasToken: true, host: p.OFD.Host, port: strconv.Itoa(p.OFD.Port), settings: firstSettings(p), keeps: p.Section != "II",
		notices: map[int32]notice{}, cashiers: map[int]*cashier{}}
	for i := 1; i <= Operators; i++ {
		n.passwords[i] = strconv.Itoa(i) // as shipped (Shtrih-M table 2)
	}
	return n
}

// live takes one step. It must depend on nothing but the record.
func (n *nv) live(rec *record, raw []byte) {
	if rec.Doc != nil && rec.Doc.Kind == fiscal.OpZReport {
		n.atZ[n.records] = rec.Doc.Store
	}
	n.records++
	n.sum = overall(n.sum, raw)
	if rec.ReqNum != nil {
		n.reqnum = *rec.ReqNum
	}
	if rec.Token != nil {
		n.token, n.hasToken = *rec.Token, true
	}
	switch rec.Step {
	case stBegin:
		n.pending, n.reqnum = rec.Doc, rec.Doc.Pair.ReqNum
	case stDone:
		d := n.pending
		n.pending, d.OFDSign, d.QR = nil, rec.Sign, rec.QR
		n.count(d, rec)
	case stRefuse:
		n.pending = nil
	case stAlone:
		d := n.pending
		n.pending, d.Offline, d.Sign, d.req = nil, true, rec.Alone, nil
		n.enqueue(d, rec)
	case stQueue:
		n.enqueue(rec.Doc, rec)
	case stKept:
		n.count(rec.Doc, rec)
	case stReport:
		n.queue = append(n.queue, rec.Doc)
	case stPair:
		d := n.queue[0]
		if d.Pair = rec.Pair; d.Own == nil {
			n.reqnum = rec.Pair.ReqNum
		}
	case stConfirm:
		n.queue[0].OFDSign = rec.Sign
		n.queue, n.stuck = n.queue[1:], false
	case stDiscard:
		n.queue, n.stuck = n.queue[1:], false
		n.unblock()
	case stOffline:
		if !n.offline {
			n.offline, n.begin = true, rec.At
		}
	case stOnline:
		n.offline, n.begin = false, time.Time{}
	case stBlock:
		n.blocked, n.code, n.text = rec.Reason, rec.Code, rec.Text
		n.stuck = n.stuck || rec.Number > 0
		if rec.Value == fromQueue && len(n.queue) > 0 {
			n.queue[0].Pair, n.queue[0].Own = nil, nil // the number of a refused request is spent
		}
		if rec.Reason == TokenBlocked {
			n.hasToken = false
		}
	case stUnblock:
		n.unblock()
	case stShift:
		n.tooLong = true
	case stNotices:
		for _, a := range rec.Notices {
			n.notices[a.Type] = a
		}
		n.unshown = true
	case stSetting:
		n.set(rec)
	case stClock:
		n.clock = rec.Shift
	case stAdopt:
		n.adopt(rec)
	case stPaper:
		n.unprinted = nil
	}
}

func (n *nv) unblock() { n.blocked, n.code, n.text = "", 0, "" }

func (n *nv) enqueue(d *document, rec *record) {
	if !n.offline {
		n.offline, n.begin = true, rec.At
	}
	if d.Sign != 0 {
		n.serial, n.signed = d.Sign, d.At
	}
	n.queue = append(n.queue, d)
	n.count(d, rec)
}

// count makes a document part of the shift.
func (n *nv) count(d *document, rec *record) {
	q := d.request()
	if !n.counters.Open {
		n.paidSince, n.firstDoc = time.Time{}, rec.End
		n.cashiers, n.shiftList = map[int]*cashier{}, nil
	}
	n.unshown = n.unshown && !rec.Shown
	_ = n.counters.Apply(q) // was tried before the document was taken
	n.docNo, n.docTime = d.No, d.At
	if n.keeps {
		n.docs = append(n.docs, d)
	}
	n.unprinted = d
	c := n.cashiers[d.Operator]
	if c == nil {
		c = new(cashier)
	}
	switch d.Kind {
	case fiscal.OpReceipt:
		n.last = d
		total, _ := cpcr.Tiyn(q.Ticket.GetAmounts().GetTotal())
		n.shiftList = append(n.shiftList, shiftReceipt{d.printedSign(), total})
		if n.paidSince.IsZero() {
			n.paidSince = rec.End
		}
		if s, err := tally.Read(q.Ticket); err == nil {
			c.count[s.Kind]++
			c.sum[s.Kind] += s.Total
			if tally.Outgoing(s.Kind) {
				c.cash -= s.Cash
			} else {
				c.cash += s.Cash
			}
		}
	case fiscal.OpZReport:
		n.lastZ, n.tooLong, n.unshown = d, false, false
		n.paidSince, n.firstDoc = time.Time{}, time.Time{}
		return
	default:
		sum, _ := cpcr.Tiyn(q.MoneyPlacement.GetSum())
		if d.Kind == fiscal.OpWithdraw {
			sum = -sum
		}
		c.cash += sum
	}
	n.cashiers[d.Operator] = c
}

func (n *nv) set(rec *record) {
	switch rec.Setting {
	case fiscal.SetOFDHost:
		n.host = rec.Value
	case fiscal.SetOFDPort:
		n.port = rec.Value
	case fiscal.SetCashierPassword:
		n.passwords[rec.Number] = rec.Value
	case fiscal.SetToken:
		t, _ := strconv.ParseUint(rec.Value, 10, 32)
		n.token, n.hasToken = uint32(t), true
		if n.blocked == TokenBlocked {
			n.unblock()
		}
		n.stuck = false
		if len(n.queue) > 0 {
			n.queue[0].Pair, n.queue[0].Own = nil, nil // the pair died with its token
		}
	default:
		n.settings.set(rec.Setting, rec.Value)
	}
}

// adopt takes the counters of the OFD over (cpcr.md 11.3 step 4).
func (n *nv) adopt(rec *record) {
	z := new(canon.ZXReport)
	if proto.Unmarshal(rec.Report, z) == nil {
		if c, err := tally.Restore(z, rec.Value == "X"); err == nil {
			n.counters = *c
			if c.Open {
				n.paidSince, n.firstDoc = c.Opened, c.Opened
			}
		}
	}
	n.docNo = max(n.docNo, uint64(rec.Number))
}

// next is the REQNUM after the last one: after 65535 comes 0 (cpcr.md 4.1).
func (r *Register) next() uint16 {
	n := r.nv.reqnum + 1
	if n == 0 {
		n = r.q.afterWrap
	}
	return n
}

// fresh is a memory in which nothing happened yet.
func (r *Register) fresh() *nv {
	n := newNV(&r.profile)
	n.reqnum = r.q.firstReqNum
	return n
}

// oldest is the moment of the oldest receipt that was not sent.
func (n *nv) oldest() time.Time {
	for _, d := range n.queue {
		if d.Kind == fiscal.OpReceipt {
			return d.At
		}
	}
	return time.Time{}
}

// newest is the moment of the latest one.
func (n *nv) newest() time.Time {
	var at time.Time
	for _, d := range n.queue {
		if d.Kind == fiscal.OpReceipt {
			at = d.At
		}
	}
	return at
}

// snapshot is the Z that closing the shift at a moment gives.
func (n *nv) snapshot(q *canon.CloseShiftRequest) *tally.Counters {
	c := n.counters.Clone()
	_ = c.Close(q)
	return c
}

func (n *nv) cashierNumbers() []int { return slices.Sorted(maps.Keys(n.cashiers)) }

// scramble walks all numbers 1..2147483647 before it repeats one (KZ 431 row
// 27.3; cpcr.md 16.28): a full-period congruence modulo 2^31 that steps over 0.
func scramble(last uint32) uint32 {
	for {
		last = (last*1103515245 + 12345) & (1<<31 - 1)
		if last != 0 {
			return last
		}
	}
}

// firstSign is where the walk begins for a seed and a device.
func firstSign(seed uint64, id uint32) uint32 {
	var b [12]byte
	binary.LittleEndian.PutUint64(b[:], seed)
	binary.LittleEndian.PutUint32(b[8:], id)
	return overall(0, b[:]) & (1<<31 - 1)
}
