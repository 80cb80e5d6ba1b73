package script

import (
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/ofd"
)

// The values that have a form of their own. Want says which, for errors.

var errForm = errors.New("not of this form")

// Duration is a time such as 5s, 500ms or 1m30s; only a skew is below 0.
type Duration time.Duration

// Want is the form.
func (*Duration) Want() string { return "a time such as 5s, 500ms or 1m30s" }

// UnmarshalText reads it.
func (d *Duration) UnmarshalText(b []byte) error {
	x, err := time.ParseDuration(string(b))
	*d = Duration(x)
	return err
}

// MarshalText writes it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// Money is tenge with two digits of tiyn, perhaps below 0.
type Money fiscal.Tiyn

// Want is the form.
func (*Money) Want() string { return "an amount such as 150.00 or -0.50" }

// UnmarshalText reads it.
func (m *Money) UnmarshalText(b []byte) error {
	_, part, ok := strings.Cut(string(b), ".")
	t, err := fiscal.ParseTiyn(string(b))
	const most = 1 << 50
	if err != nil || (ok && len(part) != 2) || strings.Trim(string(b), "-.0123456789") != "" || t > most || t < -most {
		return errForm
	}
	*m = Money(t)
	return nil
}

// Percent is a rate in percent with up to three decimals.
type Percent fiscal.MilliPercent

// Want is the form.
func (*Percent) Want() string { return "a rate in percent such as 16 or 12.5, at most 100" }

// UnmarshalText reads it.
func (p *Percent) UnmarshalText(b []byte) error {
	whole, part, ok := strings.Cut(string(b), ".")
	const decimals, most = 3, 100_000
	n, err := strconv.ParseUint(whole+(part + "000")[:max(decimals, len(part))], 10, 32)
	if err != nil || n > most || !plain(whole) || len(part) > decimals || (ok && part == "") || strings.Trim(part, "0123456789") != "" {
		return errForm
	}
	*p = Percent(n)
	return nil
}

// Hex is bytes in hex.
type Hex []byte

// Want is the form.
func (*Hex) Want() string { return "pairs of hex digits" }

// UnmarshalText reads it; blanks between digits are ignored.
func (h *Hex) UnmarshalText(b []byte) error {
	x, err := hex.DecodeString(strings.Join(strings.Fields(string(b)), ""))
	*h = x
	return err
}

// Version is a CPCR version.
type Version cpcr.Version

// Want is the form.
func (*Version) Want() string {
	var all []string
	for _, v := range cpcr.Versions {
		all = append(all, v.String())
	}
	return "one of " + strings.Join(all, ", ")
}

// UnmarshalText reads it.
func (v *Version) UnmarshalText(b []byte) error {
	x, err := cpcr.ParseVersion(string(b))
	if err == nil && !x.Known() {
		err = errForm
	}
	*v = Version(x)
	return err
}

// Command is a command by its word: TICKET.
type Command canon.CommandTypeEnum

// Want is the form.
func (*Command) Want() string {
	var all []string
	for _, n := range enumOrder(canon.CommandTypeEnum_name) {
		all = append(all, ofd.Word(canon.CommandTypeEnum(n)))
	}
	return "one of " + strings.Join(all, ", ")
}

// UnmarshalText reads it.
func (c *Command) UnmarshalText(b []byte) error {
	n, ok := canon.CommandTypeEnum_value["COMMAND_"+string(b)]
	*c = Command(n)
	return okay(ok)
}

// TextType is a kind of text block.
type TextType canon.TicketAdTypeEnum

// Want is the form.
func (*TextType) Want() string { return "one of OFD, ORG, POS, KKM, INFO" }

// UnmarshalText reads it.
func (t *TextType) UnmarshalText(b []byte) error {
	n, ok := canon.TicketAdTypeEnum_value["TICKET_AD_"+string(b)]
	*t = TextType(n)
	return okay(ok)
}

// Role is a role of a cashier.
type Role canon.UserRoleEnum

// Want is the form.
func (*Role) Want() string { return "one of PAYMASTER, CHIEF_PAYMASTER, ADMINISTRATOR" }

// UnmarshalText reads it.
func (r *Role) UnmarshalText(b []byte) error {
	n, ok := canon.UserRoleEnum_value["USER_ROLE_"+string(b)]
	*r = Role(n)
	return okay(ok)
}

// Payment is a state of a payment by QR code.
type Payment canon.StatusTypeEnum

// Want is the form.
func (*Payment) Want() string { return "one of NEW, SCANNED, BLOCKED, AUTH, PAID, REJECTED, WAIT" }

// UnmarshalText reads it.
func (p *Payment) UnmarshalText(b []byte) error {
	n, ok := canon.StatusTypeEnum_value["STATUS_"+string(b)]
	*p = Payment(n)
	return okay(ok)
}

// End is what happens to a connection.
type End ofd.End

// Want is the form.
func (*End) Want() string { return "close or reset" }

// UnmarshalText reads it.
func (e *End) UnmarshalText(b []byte) error {
	*e = End(b)
	return okay(*e == End(ofd.Close) || *e == End(ofd.Reset))
}

// Rotation is which documents change the token.
type Rotation ofd.Rotation

var rotations = []string{"all", "tickets", "never"} // by ofd.Rotation

// Want is the form.
func (*Rotation) Want() string { return "one of " + strings.Join(rotations, ", ") }

// UnmarshalText reads it.
func (r *Rotation) UnmarshalText(b []byte) error {
	n := slices.Index(rotations, string(b))
	*r = Rotation(n)
	return okay(n >= 0)
}

// Standing is how a register stands with the operator.
type Standing ofd.Standing

// Want is the form.
func (*Standing) Want() string { return "one of registered, deregistered, disconnected" }

// UnmarshalText reads it.
func (s *Standing) UnmarshalText(b []byte) error {
	*s = Standing{Deregistered: string(b) == "deregistered", Disconnected: string(b) == "disconnected"}
	return okay(s.Deregistered || s.Disconnected || string(b) == "registered")
}

// Time is a civil time.
type Time time.Time

// Want is the form.
func (*Time) Want() string { return "a time such as 2026-01-05T09:00:00" }

// UnmarshalText reads it.
func (t *Time) UnmarshalText(b []byte) error {
	x, err := time.Parse("2006-01-02T15:04:05", string(b))
	*t = Time(x)
	return err
}

func okay(ok bool) error {
	if !ok {
		return errForm
	}
	return nil
}

func enumOrder(m map[int32]string) []int32 {
	out := make([]int32, 0, len(m))
	for n := range m {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}
