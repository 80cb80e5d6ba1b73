package ofd

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/cpcr/tally"
)

// apply folds an event. An error leaves the state as it was.
func (s *Server) apply(e Event) error {
	if err := s.fold(e); err != nil {
		return err
	}
	s.events++
	return nil
}

func (s *Server) fold(e Event) error {
	if e.Registered != nil {
		d, err := fresh(*e.Registered)
		if err != nil {
			return err
		}
		d.tally.ByTicket = s.opt.OperationsByTicket
		s.devices[e.Device] = d
		return nil
	}
	d := s.devices[e.Device]
	if d == nil {
		return fmt.Errorf("device %d: %w", e.Device, errUnknownDevice)
	}
	switch {
	case e.Document != nil:
		return s.booked(d, e.Document)
	case e.Amended != nil:
		d.amend(*e.Amended)
	case e.Token != nil:
		d.issued = *e.Token
		d.tokens++
	case e.Standing != nil:
		d.standing = *e.Standing
		d.top = max(d.top, e.Standing.Version)
	case e.Ad != nil:
		if e.Ad.Type < 0 || int(e.Ad.Type) >= len(d.told) {
			return fmt.Errorf("device %d: text block of type %d", e.Device, e.Ad.Type)
		}
		d.put(*e.Ad)
	case e.Told != nil:
		copy(d.told[:], e.Told)
	case e.Invoice != nil:
		i := *e.Invoice
		d.invoices[i.ID] = &i
	default:
		return fmt.Errorf("device %d: an event without content", e.Device)
	}
	return nil
}

func fresh(r Device) (*device, error) {
	d := &device{
		reg: r, issued: r.Token, tokens: 1, tally: &tally.Counters{}, lastDoc: r.Last,
		ads: map[canon.TicketAdTypeEnum]Ad{}, tickets: map[string]*Ticket{}, offline: map[uint32]*Ticket{}, invoices: map[uint64]*Invoice{},
	}
	for _, a := range r.Ads {
		if a.Type < 0 || int(a.Type) >= len(d.told) {
			return nil, fmt.Errorf("device %d: text block of type %d, want 0 to 4", r.ID, a.Type)
		}
		d.put(a)
		d.told[a.Type] = a.Version // what stands at the registration is told when it is asked for
	}
	if len(r.ReportBytes) > 0 {
		z := new(canon.ZXReport)
		if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(r.ReportBytes, z); err != nil {
			return nil, fmt.Errorf("device %d: report: %w", r.ID, err)
		}
		c, err := tally.Restore(z, r.Open)
		if err != nil {
			return nil, fmt.Errorf("device %d: report: %w", r.ID, err)
		}
		d.tally, d.reg.Report = c, z
		if !r.Open {
			d.z = z
		}
	}
	return d, nil
}

// put lays a text block down.
func (d *device) put(a Ad) {
	d.ads[a.Type] = a
	if a.Type == canon.TicketAdTypeEnum_TICKET_AD_INFO {
		d.top = max(d.top, a.Version)
	}
}

// booked folds an accepted document.
func (s *Server) booked(d *device, b *DocumentBooked) error {
	h, m := b.header, b.message
	if m == nil {
		var err error
		if h, m, err = cpcr.DecodeRequest(b.Request); m == nil {
			return fmt.Errorf("document: %w", err)
		}
	}
	sign := d.last.sign
	if m.GetCommand() == canon.CommandTypeEnum_COMMAND_CANCEL_TICKET {
		if err := d.tally.Annul(d.last.ticket); err != nil {
			return err
		}
		delete(d.tickets, sign)
		for i := len(d.docs) - 1; i >= 0; i-- {
			if d.docs[i].Sign == sign {
				d.docs[i].Cancelled = true
				break
			}
		}
	} else if err := d.tally.Apply(m); err != nil {
		return err
	}
	d.issued = b.Token
	if b.Token != h.Token {
		d.tokens++
	}
	d.docs = append(d.docs, d.describe(s.events+1, h, m, b))
	b.message = nil // a store that keeps the event keeps its bytes, and they say the same
	d.last = last{ok: true, token: h.Token, number: h.ReqNum, command: m.GetCommand(), answer: b.Answer, sign: sign}
	switch m.GetCommand() {
	case canon.CommandTypeEnum_COMMAND_TICKET:
		t := m.GetTicket()
		s.ticket(d, t, b.Sign)
		d.last.ticket, d.last.sign = t, b.Sign
		d.document(t.GetDateTime(), t.GetFrShiftNumber(), t.GetPrintedDocumentNumber())
	case canon.CommandTypeEnum_COMMAND_MONEY_PLACEMENT:
		p := m.GetMoneyPlacement()
		d.document(p.GetDateTime(), p.GetFrShiftNumber(), p.GetPrintedDocumentNumber())
	case canon.CommandTypeEnum_COMMAND_CLOSE_SHIFT:
		c := m.GetCloseShift()
		d.document(c.GetCloseTime(), c.GetFrShiftNumber(), c.GetPrintedDocumentNumber())
		d.z = d.tally.Report(h.Version, d.lastAt)
	}
	return nil
}

func (s *Server) ticket(d *device, m *canon.TicketRequest, sign string) {
	at, _ := cpcr.Time(m.GetDateTime(), time.UTC)
	total, _ := cpcr.Tiyn(m.GetAmounts().GetTotal()) // was read once before the ticket was accepted
	t := &Ticket{Sign: sign, Offline: m.GetOfflineTicketNumber(), Kind: m.GetOperation(), At: at, Total: total, Ref: s.events + 1}
	d.tickets[sign] = t
	if m.OfflineTicketNumber != nil {
		d.offline[t.Offline] = t
	}
	s.signs++
	if n, err := strconv.ParseUint(sign, 10, 64); err == nil {
		s.sign = max(s.sign, n)
	}
}

func (d *device) document(at *canon.DateTime, shift uint32, number uint64) {
	if t, ok := cpcr.Time(at, time.UTC); ok {
		d.lastAt = t
	}
	if shift == 0 {
		shift = d.tally.Shift
	}
	d.lastDoc = LastDocument{Shift: shift, Number: number}
}

// token is the n-th token of a device: any 32 bits but 0 and the present one
// (cpcr.md 4.2). About half of them are above 2^31.
func (s *Server) token(id uint32, n uint64, present uint32) uint32 {
	r := rand.New(rand.NewPCG(s.opt.Seed, uint64(id)<<32^n))
	for {
		if t := r.Uint32(); t != 0 && t != present {
			return t
		}
	}
}

// nextToken is what the next document of the device gets.
func (s *Server) nextToken(d *device) uint32 {
	if len(s.opt.Tokens) > 0 {
		t := s.opt.Tokens[0]
		s.opt.Tokens = s.opt.Tokens[1:]
		return t
	}
	return s.token(d.reg.ID, d.tokens, d.issued)
}

// signStep bounds the distance of two fiscal signs: they grow, and not by one.
const signStep = 200

// nextSign is the next fiscal sign: SignDigits digits, growing, from the seed.
func (s *Server) nextSign() string {
	if len(s.opt.Signs) > 0 {
		n := s.opt.Signs[0]
		s.opt.Signs = s.opt.Signs[1:]
		return n
	}
	low := uint64(1)
	for range s.opt.SignDigits - 1 {
		low *= 10
	}
	r := rand.New(rand.NewPCG(s.opt.Seed, s.signs))
	n := s.sign + 1 + r.Uint64N(signStep)
	if n < low {
		n = low + r.Uint64N(low)
	}
	return strconv.FormatUint(n, 10)
}
