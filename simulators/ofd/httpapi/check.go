package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/ofd"
)

// link is the query of a receipt's QR code (cpcr.md 14.2).
type link struct {
	sign, registration string
	sum                fiscal.Tiyn
	hasSum             bool
	odd                bool      // the sum has not two decimals
	at                 time.Time // zero when the link has none
}

// readLink reads ?i=&f=&s=&t=. Fields have one or two decimals in the sum, and
// seconds in the time; order and empty fields do not matter.
func readLink(v url.Values) (l link, err error) {
	l.sign, l.registration = strings.TrimSpace(v.Get("i")), strings.TrimSpace(v.Get("f"))
	const longest = 64
	switch {
	case l.sign == "" || l.registration == "":
		return l, fmt.Errorf("want i, the fiscal sign, and f, the registration number")
	case len(l.sign) > longest || len(l.registration) > longest:
		return l, fmt.Errorf("i and f: want at most %d characters", longest)
	}
	if s := v.Get("s"); s != "" {
		_, part, _ := strings.Cut(s, ".")
		if l.sum, err = fiscal.ParseTiyn(s); err != nil || l.sum < 0 {
			return l, fmt.Errorf("s=%q: want tenge with one or two decimals", s)
		}
		l.hasSum, l.odd = true, len(part) != 2
	}
	if s := v.Get("t"); s != "" {
		if l.at, err = time.Parse("20060102T150405", s); err != nil {
			return l, fmt.Errorf("t=%q: want a time such as 20260105T090000", s)
		}
	}
	return l, nil
}

// The outcomes of a check.
const (
	found    = "found"
	differs  = "differs" // a ticket with the sign exists, and the link says something else of it
	notFound = "not_found"
)

// line is one thing on a ticket.
type line struct {
	Name     string       `json:"name"`
	Quantity fiscal.Milli `json:"quantity_thousandths"`
	Price    fiscal.Tiyn  `json:"price_tiyn"`
	Sum      fiscal.Tiyn  `json:"sum_tiyn"`
	Storno   bool         `json:"storno,omitempty"`
}

// checked is what the page tells of a ticket.
type checked struct {
	Outcome      string      `json:"outcome"`
	Differs      []string    `json:"differs"`           // of s, t
	OddSum       bool        `json:"odd_sum,omitempty"` // the link's sum has not two decimals
	Sign         string      `json:"sign,omitempty"`
	Autonomous   uint32      `json:"autonomous_sign,omitempty"`
	Registration string      `json:"registration_number"`
	Serial       string      `json:"serial,omitempty"`
	Kind         string      `json:"kind,omitempty"`
	Sum          fiscal.Tiyn `json:"sum_tiyn"`
	At           string      `json:"at,omitempty"`
	Taxpayer     string      `json:"taxpayer,omitempty"`
	BIN          string      `json:"bin,omitempty"`
	Address      string      `json:"address,omitempty"`
	AddressKK    string      `json:"address_kk,omitempty"`
	Lines        []line      `json:"lines"` // empty when the message is not kept any more
}

// check looks a link up.
func (a *API) check(q *http.Request, l link) (c checked, err error) {
	c = checked{Outcome: notFound, Registration: l.registration, Differs: []string{}, OddSum: l.odd, Lines: []line{}}
	var t ofd.Ticket
	var i ofd.Info
	var ok bool
	err = a.on(q, func() {
		var id uint32
		if id, t, ok = a.Server.FindTicket(l.registration, l.sign); ok {
			i, _ = a.Server.Info(id)
		}
	})
	if err != nil || !ok {
		return c, err
	}
	c.Outcome = found
	if l.hasSum && l.sum != t.Total {
		c.Differs = append(c.Differs, "s")
	}
	if !l.at.IsZero() && !l.at.Equal(t.At) {
		c.Differs = append(c.Differs, "t")
	}
	if len(c.Differs) > 0 {
		// Who has the wrong figures is not told the right ones.
		c.Outcome = differs
		return c, nil
	}
	c.Sign, c.Autonomous, c.Kind, c.Sum, c.At = t.Sign, t.Offline, kinds[t.Kind], t.Total, civil(t.At)
	c.Serial, c.Taxpayer, c.BIN, c.Address, c.AddressKK = i.Serial, i.Taxpayer.Name, i.Taxpayer.BIN, i.Pos.Address, i.Pos.AddressKZ
	if e, err := a.Events.Read(t.Ref); err == nil && e.Document != nil {
		if _, m, _ := cpcr.DecodeRequest(e.Document.Request); m != nil {
			c.Lines = lines(m.GetTicket())
		}
	}
	return c, nil
}

func lines(t *canon.TicketRequest) []line {
	out := []line{}
	for _, it := range t.GetItems() {
		money := func(m *canon.Money) fiscal.Tiyn { t, _ := cpcr.Tiyn(m); return t } // was read when the ticket was accepted
		switch {
		case it.Commodity != nil:
			g := it.Commodity
			out = append(out, line{g.GetName(), fiscal.Milli(g.GetQuantity() & (1<<63 - 1)), money(g.GetPrice()), money(g.GetSum()), false})
		case it.StornoCommodity != nil:
			g := it.StornoCommodity
			out = append(out, line{g.GetName(), fiscal.Milli(g.GetQuantity() & (1<<63 - 1)), money(g.GetPrice()), -money(g.GetSum()), true})
		}
	}
	return out
}

func (a *API) checkTicket(w http.ResponseWriter, q *http.Request) {
	l, err := readLink(q.URL.Query())
	var c checked
	if err == nil {
		c, err = a.check(q, l)
	}
	tell(w, http.StatusOK, c, err)
}
