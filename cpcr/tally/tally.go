// Package tally counts what a cash register and its fiscal data operator count:
// the sums of the X and Z reports (cpcr.md sections 13.1 and 13.2), as a fold
// over accepted requests. It never refuses for reasons of the trade (cash short,
// shift too long); whoever folds decides what is accepted.
//
// Begin with [Counters] and [Counters.Apply]; [Counters.Report] writes the
// report, [Restore] reads one back, [Diff] compares two.
package tally

import (
	"fmt"
	"maps"
	"time"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Kinds is how many operation kinds there are (OperationTypeEnum 0..3).
const Kinds = 4

// payments is how many payment types any version has (PaymentTypeEnum 0..4).
const payments = 5

// bound is what all amounts of a device's life together may reach: far above
// any trade, and low enough that no counter can overflow.
const bound = fiscal.Tiyn(1) << 61

// Row is a number and a sum.
type Row struct {
	Count uint32      `json:"n,omitempty"`
	Sum   fiscal.Tiyn `json:"sum,omitempty"`
}

// TaxRow is what bears a tax rate.
type TaxRow struct {
	Turnover fiscal.Tiyn `json:"turnover,omitempty"` // tax included
	Tax      fiscal.Tiyn `json:"tax,omitempty"`
	Lines    uint32      `json:"n,omitempty"` // rows that mentioned the rate
}

// Tickets are the counters of one operation kind.
type Tickets struct {
	Total    uint32        `json:"total,omitempty"` // lifetime
	NonNull  fiscal.Tiyn   `json:"sum_total,omitempty"`
	Start    fiscal.Tiyn   `json:"sum_start,omitempty"` // NonNull at the opening of the shift
	Tickets  Row           `json:"tickets,omitzero"`
	Goods    Row           `json:"goods,omitzero"`
	Discount Row           `json:"discounts,omitzero"` // of lines and of the ticket
	Markup   Row           `json:"markups,omitzero"`
	Paid     [payments]Row `json:"paid,omitzero"`
	Offline  uint32        `json:"offline,omitempty"`
	OnTicket struct {      // modifiers of the whole ticket only
		Discount fiscal.Tiyn `json:"discount,omitempty"`
		Markup   fiscal.Tiyn `json:"markup,omitempty"`
	} `json:"on_ticket,omitzero"`
	Change   fiscal.Tiyn `json:"change,omitempty"`
	Annulled Row         `json:"annulled,omitzero"`
}

// Placements are the counters of deposits or of withdrawals.
type Placements struct {
	Total   uint32 `json:"total,omitempty"` // lifetime
	Shift   Row    `json:"shift,omitzero"`
	Offline uint32 `json:"offline,omitempty"`
}

// Counters is the state: what lives on and what the running shift has reached.
// The zero value is a device that never did anything. Times are civil, with
// UTC standing for "no zone".
type Counters struct {
	Shift       uint32                   `json:"shift,omitempty"` // the running or the last one, 0 = never had one
	Open        bool                     `json:"open,omitempty"`
	Opened      time.Time                `json:"opened,omitzero"`
	Closed      time.Time                `json:"closed,omitzero"`       // of the last close
	FirstTicket time.Time                `json:"first_ticket,omitzero"` // of the running shift
	Documents   uint32                   `json:"documents,omitempty"`   // of the running shift
	Cash        fiscal.Tiyn              `json:"cash,omitempty"`        // in the drawer; negative only after offline documents
	Revenue     fiscal.Tiyn              `json:"revenue,omitempty"`
	Kind        [Kinds]Tickets           `json:"kinds,omitzero"` // by OperationTypeEnum
	Placed      [2]Placements            `json:"placed,omitzero"`
	Section     map[string][Kinds]Row    `json:"sections,omitempty"`
	Tax         map[uint32][Kinds]TaxRow `json:"taxes,omitempty"`          // by rate in thousandths of a percent
	Annulled    uint32                   `json:"annulled,omitempty"`       // of the shift
	AnnulledAll uint32                   `json:"annulled_total,omitempty"` // lifetime
	Used        fiscal.Tiyn              `json:"used,omitempty"`           // sum of all amounts ever, against overflow

	// ByTicket lets the operations counters grow by one for each ticket instead of
	// each line, as those of some registers do (cpcr.md 16.42). It is no state.
	ByTicket bool `json:"-"`
}

// Clone is a copy that shares nothing.
func (c *Counters) Clone() *Counters {
	d := *c
	d.Section = maps.Clone(c.Section)
	d.Tax = maps.Clone(c.Tax)
	return &d
}

// Outgoing says whether cash leaves the drawer.
func Outgoing(k canon.OperationTypeEnum) bool {
	return k == canon.OperationTypeEnum_OPERATION_SELL_RETURN || k == canon.OperationTypeEnum_OPERATION_BUY
}

// Apply counts an accepted request; commands that are no documents change
// nothing. An error (ERR_RANGE, or a kind that does not exist) leaves the
// counters as they were.
func (c *Counters) Apply(r *canon.Request) error {
	switch r.GetCommand() {
	case canon.CommandTypeEnum_COMMAND_TICKET:
		return c.Ticket(r.GetTicket())
	case canon.CommandTypeEnum_COMMAND_MONEY_PLACEMENT:
		return c.Place(r.GetMoneyPlacement())
	case canon.CommandTypeEnum_COMMAND_CLOSE_SHIFT:
		return c.Close(r.GetCloseShift())
	}
	return nil
}

// fits makes sure that no counter can overflow.
func (c *Counters) fits(sum fiscal.Tiyn) error {
	if sum < 0 || sum > bound-c.Used {
		return &cpcr.Error{Class: cpcr.ErrRange, Detail: fmt.Sprintf("amounts of a device's life: %s and %s, want at most %s", c.Used, sum, bound)}
	}
	return nil
}

// begin opens the next shift when none is open.
func (c *Counters) begin(at time.Time, number uint32) {
	if c.Open {
		return
	}
	c.Shift++
	if number != 0 {
		c.Shift = number
	}
	c.Open, c.Opened = true, at
	c.FirstTicket, c.Documents, c.Revenue, c.Annulled = time.Time{}, 0, 0, 0
	c.Section, c.Tax = nil, nil
	for i := range c.Kind {
		k := &c.Kind[i]
		*k = Tickets{Total: k.Total, NonNull: k.NonNull, Start: k.NonNull}
	}
	for i := range c.Placed {
		c.Placed[i] = Placements{Total: c.Placed[i].Total}
	}
}

// Place counts a deposit or a withdrawal.
func (c *Counters) Place(m *canon.MoneyPlacementRequest) error {
	sum, err := placement(m)
	if err != nil {
		return err
	}
	if err := c.fits(sum); err != nil {
		return err
	}
	c.Used += sum
	at, _ := cpcr.Time(m.GetDateTime(), time.UTC)
	c.begin(at, m.GetFrShiftNumber())
	c.Documents++
	c.place(m.GetOperation(), sum, m.GetIsOffline())
	return nil
}

// placement reads the sum of a cash operation.
func placement(m *canon.MoneyPlacementRequest) (fiscal.Tiyn, error) {
	if op := m.GetOperation(); m == nil || m.Operation == nil || op < 0 || op > canon.MoneyPlacementEnum_MONEY_PLACEMENT_WITHDRAWAL {
		return 0, &cpcr.Error{Class: cpcr.ErrRange, Detail: fmt.Sprintf("money_placement.operation = %d, want 0 or 1", op)}
	}
	sum, err := cpcr.Tiyn(m.GetSum())
	if err != nil {
		return 0, fmt.Errorf("money_placement.sum: %w", err)
	}
	return sum, nil
}

func (c *Counters) place(op canon.MoneyPlacementEnum, sum fiscal.Tiyn, offline bool) {
	p := &c.Placed[op]
	p.Total++
	p.Shift.Count++
	p.Shift.Sum += sum
	if offline {
		p.Offline++
	}
	if op == canon.MoneyPlacementEnum_MONEY_PLACEMENT_DEPOSIT {
		c.Cash += sum
	} else {
		c.Cash -= sum
	}
}

// Close ends the running shift (it opens one first when there is none). With
// withdraw_money what is in the drawer is withdrawn into the closing shift; an
// empty drawer makes no withdrawal. The counters of the shift stay readable
// until the next one opens, so that [Counters.Report] writes its Z.
func (c *Counters) Close(m *canon.CloseShiftRequest) error {
	at, _ := cpcr.Time(m.GetCloseTime(), time.UTC)
	c.begin(at, m.GetFrShiftNumber())
	if m.GetWithdrawMoney() && c.Cash > 0 {
		c.place(canon.MoneyPlacementEnum_MONEY_PLACEMENT_WITHDRAWAL, c.Cash, m.GetIsOffline())
	}
	c.Open, c.Closed = false, at
	return nil
}

// Check says whether Apply would take a request.
func (c *Counters) Check(r *canon.Request) error {
	switch r.GetCommand() {
	case canon.CommandTypeEnum_COMMAND_TICKET:
		s, err := Read(r.GetTicket())
		if err != nil {
			return err
		}
		return c.fits(s.all)
	case canon.CommandTypeEnum_COMMAND_MONEY_PLACEMENT:
		sum, err := placement(r.GetMoneyPlacement())
		if err != nil {
			return err
		}
		return c.fits(sum)
	}
	return nil
}
