package ofd

import (
	"fmt"
	"strconv"
	"time"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Sectors are the words for the industries of a ticket's domain, by DomainTypeEnum.
var Sectors = []string{"trading", "services", "gasoil", "hotels", "taxi", "parking"}

// Document is what the operator's cabinet lists of an accepted document. The
// messages themselves are in the event Ref of the store.
type Document struct {
	Ref        uint64                   `json:"ref"` // which event of the server's it is, from 1
	Command    string                   `json:"command"`
	Kind       canon.OperationTypeEnum  `json:"-"` // of a ticket
	Placed     canon.MoneyPlacementEnum `json:"-"` // of a cash operation
	Version    cpcr.Version             `json:"-"`
	Shift      uint32                   `json:"shift"`
	Number     uint64                   `json:"number,omitempty"` // printed_document_number
	At         time.Time                `json:"at"`               // of the operation, by the register
	Sum        fiscal.Tiyn              `json:"sum_tiyn"`
	Sign       string                   `json:"sign,omitempty"`
	Offline    bool                     `json:"offline,omitempty"`
	Autonomous uint32                   `json:"autonomous_sign,omitempty"`
	Cancelled  bool                     `json:"cancelled,omitempty"`
	Observed   int                      `json:"observed,omitempty"` // how many observations
}

// describe tells of a document that is being folded as event ref; the counters
// hold it already.
func (d *device) describe(ref uint64, h cpcr.Header, m *canon.Request, b *DocumentBooked) Document {
	x := Document{Ref: ref, Command: Word(m.GetCommand()), Version: h.Version, Shift: d.tally.Shift, Sign: b.Sign, Observed: len(b.Observed)}
	var sum *canon.Money
	var at *canon.DateTime
	switch m.GetCommand() {
	case cmdTicket:
		t := m.GetTicket()
		x.Kind, x.Number, at, sum = t.GetOperation(), t.GetPrintedDocumentNumber(), t.GetDateTime(), t.GetAmounts().GetTotal()
		x.Offline, x.Autonomous = t.OfflineTicketNumber != nil, t.GetOfflineTicketNumber()
	case cmdMoney:
		p := m.GetMoneyPlacement()
		x.Placed, x.Number, at, sum, x.Offline = p.GetOperation(), p.GetPrintedDocumentNumber(), p.GetDateTime(), p.GetSum(), p.GetIsOffline()
	case cmdClose:
		c := m.GetCloseShift()
		x.Number, at, x.Offline = c.GetPrintedDocumentNumber(), c.GetCloseTime(), c.GetIsOffline()
	}
	if x.At, _ = cpcr.Time(at, time.UTC); at == nil {
		x.At = d.lastAt // CANCEL_TICKET has no time
	}
	x.Sum, _ = cpcr.Tiyn(sum) // was read once before the document was accepted
	return x
}

// Documents lists the accepted documents of a device in the order in which they
// came, without the first skip ones, at most limit.
func (s *Server) Documents(id uint32, skip, limit int) []Document {
	d := s.devices[id]
	if d == nil || skip < 0 || skip >= len(d.docs) || limit <= 0 {
		return nil
	}
	return append([]Document(nil), d.docs[skip:min(len(d.docs), skip+limit)]...)
}

// DocumentCount is how many documents of a device were accepted.
func (s *Server) DocumentCount(id uint32) int {
	if d := s.devices[id]; d != nil {
		return len(d.docs)
	}
	return 0
}

// TicketCount is how many tickets of a device stand, without cancelled ones.
func (s *Server) TicketCount(id uint32) int {
	if d := s.devices[id]; d != nil {
		return len(d.tickets)
	}
	return 0
}

// ShiftDocuments lists the documents of one shift.
func (s *Server) ShiftDocuments(id, shift uint32) []Document {
	var out []Document
	if d := s.devices[id]; d != nil {
		for _, x := range d.docs {
			if x.Shift == shift {
				out = append(out, x)
			}
		}
	}
	return out
}

// Shift sums up what the operator lists of a shift.
type Shift struct {
	Number    uint32      `json:"number"`
	Opened    time.Time   `json:"opened"` // of the first document
	Closed    time.Time   `json:"closed,omitzero"`
	Close     uint64      `json:"close_ref,omitempty"` // Ref of the close
	Documents int         `json:"documents"`
	Tickets   int         `json:"tickets"` // without cancelled ones
	Offline   int         `json:"offline"`
	Sales     fiscal.Tiyn `json:"sales_tiyn"` // sales and returned purchases less returned sales and purchases
	Observed  int         `json:"observed"`
}

// Shifts lists the shifts of a device that this server saw documents of, oldest first.
func (s *Server) Shifts(id uint32) []Shift {
	var out []Shift
	d := s.devices[id]
	if d == nil {
		return nil
	}
	for _, x := range d.docs {
		if n := len(out); n == 0 || out[n-1].Number != x.Shift || out[n-1].Close != 0 {
			out = append(out, Shift{Number: x.Shift, Opened: x.At})
		}
		sh := &out[len(out)-1]
		sh.Documents++
		sh.Observed += x.Observed
		if x.Offline {
			sh.Offline++
		}
		switch {
		case x.Command == Word(cmdTicket) && !x.Cancelled:
			sh.Tickets++
			if x.Kind == canon.OperationTypeEnum_OPERATION_SELL || x.Kind == canon.OperationTypeEnum_OPERATION_BUY_RETURN {
				sh.Sales += x.Sum
			} else {
				sh.Sales -= x.Sum
			}
		case x.Command == Word(cmdClose):
			sh.Closed, sh.Close = x.At, x.Ref
		}
	}
	return out
}

// find finds a ticket by its fiscal sign, or by its autonomous one.
func (d *device) find(sign string) *Ticket {
	if t := d.tickets[sign]; t != nil {
		return t
	}
	if n, err := strconv.ParseUint(sign, 10, 32); err == nil && n != 0 && strconv.FormatUint(n, 10) == sign {
		return d.offline[uint32(n)]
	}
	return nil
}

// registered finds a device by its registration number; of several, which no
// authority would allow, the one with the lowest ID.
func (s *Server) registered(number string) (found *device) {
	for _, d := range s.devices {
		if number != "" && d.reg.Registration == number && (found == nil || d.reg.ID < found.reg.ID) {
			found = d
		}
	}
	return found
}

// parent finds the register that issued the parent ticket of a return, nil when
// it is none of this server's.
func (s *Server) parent(d *device, p *canon.TicketRequest_ParentTicket) *device {
	if p.GetKgdKkmId() == d.reg.Registration {
		return d
	}
	return s.registered(p.GetKgdKkmId())
}

// FindTicket finds a ticket by the registration number of its register and its
// fiscal or autonomous sign, as the link on a receipt names them.
func (s *Server) FindTicket(registration, sign string) (id uint32, t Ticket, ok bool) {
	if d := s.registered(registration); d != nil {
		if x := d.find(sign); x != nil {
			return d.reg.ID, *x, true
		}
	}
	return 0, Ticket{}, false
}

// Amend changes registration data of a device. Token, texts and what is known
// from before the registration stay as they are.
func (s *Server) Amend(d Device) error {
	if s.devices[d.ID] == nil {
		return fmt.Errorf("device %d: %w", d.ID, errUnknownDevice)
	}
	if err := d.Check(); err != nil {
		return err
	}
	d.Token, d.Report, d.ReportBytes, d.Open, d.Last, d.Ads = 0, nil, nil, false, LastDocument{}, nil
	return s.keep(Event{Device: d.ID, Amended: &d})
}

func (d *device) amend(n Device) {
	n.Token, n.Report, n.ReportBytes, n.Open, n.Last, n.Ads = d.reg.Token, d.reg.Report, d.reg.ReportBytes, d.reg.Open, d.reg.Last, d.reg.Ads
	d.reg = n
}
