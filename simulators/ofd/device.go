package ofd

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/cpcr/tally"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Device is what the operator registers of a cash register.
type Device struct {
	ID           uint32   `json:"id"`
	Token        uint32   `json:"token,omitempty"` // first token; 0: from the seed
	Serial       string   `json:"serial"`
	Registration string   `json:"registration"`
	PaymentPoint string   `json:"payment_point,omitempty"`
	Terminal     string   `json:"terminal,omitempty"`
	Taxpayer     Taxpayer `json:"taxpayer"`
	Pos          Pos      `json:"pos"`
	Operator     Operator `json:"operator"`
	Taxation     Taxation `json:"taxation,omitzero"`
	Sector       string   `json:"sector,omitempty"` // one of Sectors; empty: not known
	Ads          []Ad     `json:"ads,omitempty"`

	// What the operator knows from before: the last Z report (or the running X,
	// with Open), and the last document.
	Report *canon.ZXReport `json:"-"`
	Open   bool            `json:"open,omitempty"`
	Last   LastDocument    `json:"last,omitzero"`
	// ReportBytes is Report as it is stored; [Server.Register] fills it.
	ReportBytes []byte `json:"report,omitempty"`
}

// Taxpayer is the owner of the register.
type Taxpayer struct {
	Name      string `json:"name"`
	BIN       string `json:"bin"`
	Address   string `json:"address"`
	AddressKZ string `json:"address_kz"`
	OKED      string `json:"oked"`
}

// Pos is the point of sale; degrees are times 10000.
type Pos struct {
	Title     string `json:"title"`
	Address   string `json:"address"`
	AddressKZ string `json:"address_kz"`
	Latitude  uint32 `json:"latitude,omitempty"`
	Longitude uint32 `json:"longitude,omitempty"`
}

// Operator is the OFD's own data.
type Operator struct {
	Title   string `json:"title"`
	TitleKZ string `json:"title_kz"`
	URL     string `json:"url"` // site for checking receipts, such as consumer.ofd.example
}

// Taxation is what is bound to the register; Regime 0 for nothing.
type Taxation struct {
	Regime int32                 `json:"regime,omitempty"`
	Rates  []fiscal.MilliPercent `json:"rates,omitempty"`
}

// Ad is a text block for receipts; INFO is shown when the register is blocked.
type Ad struct {
	Type    canon.TicketAdTypeEnum `json:"type"`
	Version uint64                 `json:"version"`
	Text    string                 `json:"text"`
}

// LastDocument is what INFO tells of the last accepted document.
type LastDocument struct {
	Shift  uint32 `json:"shift,omitempty"`
	Number uint64 `json:"number,omitempty"`
}

// Ticket is what the operator remembers of a ticket.
type Ticket struct {
	Sign    string
	Offline uint32 // autonomous sign, 0 = none
	Kind    canon.OperationTypeEnum
	At      time.Time
	Total   fiscal.Tiyn
	Ref     uint64 // number of its event, as in Document
}

// Event is something that changed a device's state. Exactly one of the members
// is set. A list of them is the whole state.
type Event struct {
	Device     uint32          `json:"device"`
	Registered *Device         `json:"registered,omitempty"`
	Amended    *Device         `json:"amended,omitempty"` // new registration data; token, texts, report and last document are left alone
	Document   *DocumentBooked `json:"document,omitempty"`
	Token      *uint32         `json:"token,omitempty"` // given out by the operator's cabinet
	Standing   *Standing       `json:"standing,omitempty"`
	Ad         *Ad             `json:"ad,omitempty"`
	Told       []uint64        `json:"told,omitempty"` // versions of the texts that were sent, by type
	Invoice    *Invoice        `json:"invoice,omitempty"`
}

// DocumentBooked is a document that was accepted.
type DocumentBooked struct {
	Request []byte `json:"request"` // the frame
	Answer  []byte `json:"answer"`  // the frame
	Token   uint32 `json:"token"`   // issued with the answer
	Sign    string `json:"sign,omitempty"`
	// Observed is what was noted of it although it was accepted.
	Observed []history.Observation `json:"observed,omitempty"`

	header  cpcr.Header
	message *canon.Request // decoded Request, nil when it comes from a store
}

// Standing is how a device stands with the operator.
type Standing struct {
	Blocked      bool   `json:"blocked,omitempty"`
	Text         string `json:"text,omitempty"`    // of the block, for TICKET_AD_INFO
	Version      uint64 `json:"version,omitempty"` // of Text
	Deregistered bool   `json:"deregistered,omitempty"`
	Disconnected bool   `json:"disconnected,omitempty"`
}

// Invoice is a payment by QR code.
type Invoice struct {
	ID     uint64      `json:"id"`
	Amount fiscal.Tiyn `json:"amount"`
	Asked  int         `json:"asked"` // how often its state was asked for
}

// device is the state that the events come to.
type device struct {
	reg      Device
	issued   uint32
	tokens   uint64 // how many were issued
	last     last
	tally    *tally.Counters
	z        *canon.ZXReport // the last Z, nil before the first
	standing Standing
	ads      map[canon.TicketAdTypeEnum]Ad
	top      uint64    // highest version of an information text so far
	told     [5]uint64 // version of each text that was sent
	docs     []Document
	tickets  map[string]*Ticket
	offline  map[uint32]*Ticket // by autonomous sign
	lastDoc  LastDocument
	lastAt   time.Time // of the last document
	lastNum  uint16    // REQNUM of the last request of any kind
	seen     bool      // lastNum is one
	refused  time.Time // last answer 15, by the server's clock
	invoices map[uint64]*Invoice
	blockN   int // refusals by the block that stands
}

// last is the last accepted document (cpcr.md 4.2).
type last struct {
	ok      bool
	token   uint32
	number  uint16
	command canon.CommandTypeEnum
	answer  []byte
	ticket  *canon.TicketRequest // for CANCEL_TICKET
	sign    string
}

// Register adds a device.
func (s *Server) Register(d Device) error {
	if _, ok := s.devices[d.ID]; ok {
		return fmt.Errorf("device %d is registered already", d.ID)
	}
	if err := d.Check(); err != nil {
		return err
	}
	if d.Report != nil {
		raw, err := proto.MarshalOptions{AllowPartial: true, Deterministic: true}.Marshal(d.Report)
		if err != nil {
			return fmt.Errorf("device %d: report: %w", d.ID, err)
		}
		d.ReportBytes = raw
	}
	if d.Token == 0 {
		d.Token = s.token(d.ID, 0, 0)
	}
	return s.keep(Event{Device: d.ID, Registered: &d})
}

// Check refuses data that cannot be registered.
func (d Device) Check() error {
	if d.ID == 0 {
		return fmt.Errorf("device id 0: want 1 or more")
	}
	if d.Sector != "" && !slices.Contains(Sectors, d.Sector) {
		return fmt.Errorf("device %d: sector %q: want one of %s", d.ID, d.Sector, strings.Join(Sectors, ", "))
	}
	return nil
}

// Info is what the operator's cabinet shows of a device.
type Info struct {
	Device
	Token    uint32 // that the register has to use next
	Counters *tally.Counters
	Standing Standing
	Tickets  int
	LastSign string
	LastDoc  LastDocument
}

// Info tells how a device stands; false when it is not registered.
func (s *Server) Info(id uint32) (Info, bool) {
	d := s.devices[id]
	if d == nil {
		return Info{}, false
	}
	return Info{Device: d.reg, Token: d.issued, Counters: d.tally.Clone(), Standing: d.standing, Tickets: len(d.tickets), LastSign: d.last.sign, LastDoc: d.lastDoc}, true
}

// Devices lists the registered ones in order.
func (s *Server) Devices() []uint32 { return slices.Sorted(maps.Keys(s.devices)) }

// Ticket finds a ticket of a device by its fiscal sign.
func (s *Server) Ticket(id uint32, sign string) (Ticket, bool) {
	if d := s.devices[id]; d != nil {
		if t := d.tickets[sign]; t != nil {
			return *t, true
		}
	}
	return Ticket{}, false
}

// SetToken gives out a new token, as the operator's cabinet does; 0: from the seed.
func (s *Server) SetToken(id uint32, token uint32) (uint32, error) {
	d := s.devices[id]
	if d == nil {
		return 0, fmt.Errorf("device %d: %w", id, errUnknownDevice)
	}
	if token == 0 {
		token = s.token(id, d.tokens, d.issued)
	}
	return token, s.keep(Event{Device: id, Token: &token})
}

// Block lets every command of the device be refused with 15; text comes along as
// TICKET_AD_INFO. Unblock lifts it.
func (s *Server) Block(id uint32, text string) error {
	d := s.devices[id]
	if d == nil {
		return fmt.Errorf("device %d: %w", id, errUnknownDevice)
	}
	st := d.standing
	st.Blocked, st.Text, st.Version = true, text, 0
	if text != "" {
		st.Version = d.top + 1
	}
	d.blockN = 0
	s.note(history.OFDSet{ID: blockID(id), Action: fmt.Sprintf("device %d is blocked, text %q", id, text)})
	return s.keep(Event{Device: id, Standing: &st})
}

// Unblock lifts a block and tells how many answers it refused.
func (s *Server) Unblock(id uint32) (fired int, err error) {
	d := s.devices[id]
	if d == nil {
		return 0, fmt.Errorf("device %d: %w", id, errUnknownDevice)
	}
	st := d.standing
	st.Blocked, st.Text, st.Version = false, "", 0
	s.note(history.OFDCleared{ID: blockID(id), Fired: d.blockN})
	return d.blockN, s.keep(Event{Device: id, Standing: &st})
}

func blockID(id uint32) string { return fmt.Sprintf("block/%d", id) }

// Stand changes how the device stands with the operator in other ways:
// deregistered (18, before 2.0.4 15) and disconnected (19, before 15).
func (s *Server) Stand(id uint32, st Standing) error {
	if s.devices[id] == nil {
		return fmt.Errorf("device %d: %w", id, errUnknownDevice)
	}
	return s.keep(Event{Device: id, Standing: &st})
}

// Tell gives the device a text block: it comes with the next answer of result
// 0, and whenever the register says that it has an older one.
func (s *Server) Tell(id uint32, kind canon.TicketAdTypeEnum, text string) error {
	d := s.devices[id]
	if d == nil {
		return fmt.Errorf("device %d: %w", id, errUnknownDevice)
	}
	if kind < 0 || int(kind) >= len(d.told) {
		return fmt.Errorf("text block of type %d: want 0 to 4", kind)
	}
	version := d.ads[kind].Version
	if kind == canon.TicketAdTypeEnum_TICKET_AD_INFO {
		version = d.top
	}
	return s.keep(Event{Device: id, Ad: &Ad{kind, version + 1, text}})
}
