// Package wire is what goes over HTTP between a till and a Webkassa register,
// API version 4: paths, bodies, error codes. Driver and emulated register share it.
//
// It knows JSON and nothing else: no connection, no operation, no rule of when
// a call may be repeated. Amounts are whole tiyn and quantities whole
// thousandths; JSON numbers with a point are read and written digit by digit and
// never become floats. It imports nothing of ours.
//
// Facts come from devices.md 4.1 and the maker's public collection of calls for
// OFD protocol 2.0.3. Keys are written as the maker writes them in most
// examples; its server reads them in any case, and so does this package.
// Begin with [Check] and [Answer].
package wire

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Paths of the calls. All are POST.
const (
	Authorize      = "/api/v4/Authorize"
	CheckPath      = "/api/v4/check"
	MoneyOperation = "/api/v4/MoneyOperation"
	XReport        = "/api/v4/XReport"
	ZReport        = "/api/v4/ZReport"
	State          = "/api-portal/cashbox/state"
	OldState       = "/api/cashbox/state"
	PrintFormat    = "/api/v4/Ticket/PrintFormat"
	ByExternal     = "/api-history/v4/Ticket/GetTicketByExternalCheckNumber"
	ChangeToken    = "/api/v4/Cashbox/ChangeToken"
)

// APIKeyHeader carries the key of the calling system.
const APIKeyHeader = "x-api-key"

// The operation types of a check.
const (
	Buy        = 0
	BuyReturn  = 1
	Sale       = 2
	SaleReturn = 3
)

// The payment types.
const (
	Cash   = 0
	Card   = 1
	Mobile = 4
)

// The directions of cash.
const (
	CashIn  = 0
	CashOut = 1
)

// The tax types of a position, and the kinds of modifiers.
const (
	NoTax    = 0
	VAT      = 100
	Discount = 1
	Markup   = 2
)

// PaperWidth80 is paper of 80 mm.
const PaperWidth80 = 0

// TextLine is the type of a line of a printed form that is text.
const TextLine = 0

// MaxExternal is the greatest length of an ExternalCheckNumber.
const MaxExternal = 50

// Code is an error code of an answer.
type Code int

// The codes that driver and emulated register tell apart.
const (
	UnknownError     Code = -1
	WrongCredentials Code = 1
	TokenExpired     Code = 2
	NotAuthorized    Code = 3
	AccessDenied     Code = 4
	CashboxNotFound  Code = 6
	CashboxBlocked   Code = 7
	NotEnoughMoney   Code = 8
	Validation       Code = 9
	ShiftTooLong     Code = 11
	ShiftClosed      Code = 12
	NoShift          Code = 13
	Duplicate        Code = 14
	CheckNotFound    Code = 16
	OfflineTooLong   Code = 18
	ExternalNotFound Code = 19
	DomainGone       Code = 505
)

var codeNames = map[Code]string{
	UnknownError: "unknown error", WrongCredentials: "wrong login or password", TokenExpired: "the session has expired", NotAuthorized: "not authorized",
	AccessDenied: "operation not allowed", CashboxNotFound: "cashbox not found", CashboxBlocked: "cashbox blocked", NotEnoughMoney: "not enough cash",
	Validation: "data refused, or another request under way", ShiftTooLong: "shift longer than allowed", ShiftClosed: "shift closed already", NoShift: "no open shift",
	Duplicate: "external number processed already", CheckNotFound: "check not found", OfflineTooLong: "too long offline", ExternalNotFound: "no check with this external number",
	DomainGone: "domain unavailable",
}

// String is the number and what it means.
func (c Code) String() string {
	if n, ok := codeNames[c]; ok {
		return fmt.Sprintf("error %d (%s)", int(c), n)
	}
	return fmt.Sprintf("error %d", int(c))
}

// decimal reads a number with at most so many decimals as a whole number of
// the last one.
func decimal(raw []byte, decimals int) (int64, error) {
	s := strings.TrimSpace(string(raw))
	if s == "null" || s == "" {
		return 0, nil
	}
	bad := func() (int64, error) {
		return 0, fmt.Errorf("number %.40s: want one with at most %d decimals", s, decimals)
	}
	body, neg := strings.CutPrefix(s, "-")
	whole, frac, _ := strings.Cut(body, ".")
	frac = strings.TrimRight(frac, "0")
	if whole == "" || len(frac) > decimals || strings.Trim(whole+frac, "0123456789") != "" {
		return bad()
	}
	n, err := strconv.ParseInt(whole+frac+strings.Repeat("0", decimals-len(frac)), 10, 64)
	if err != nil {
		return bad()
	}
	if neg {
		n = -n
	}
	return n, nil
}

func write(n int64, decimals int) []byte {
	neg := n < 0
	s := strconv.FormatInt(n, 10)
	if neg {
		s = s[1:]
	}
	for len(s) <= decimals {
		s = "0" + s
	}
	out := s[:len(s)-decimals]
	if frac := strings.TrimRight(s[len(s)-decimals:], "0"); frac != "" {
		out += "." + frac
	}
	if neg {
		out = "-" + out
	}
	return []byte(out)
}

// Money is an amount in tiyn, written in tenge.
type Money int64

// MarshalJSON writes tenge: 250.5.
func (m Money) MarshalJSON() ([]byte, error) { return write(int64(m), 2), nil }

// UnmarshalJSON reads tenge with at most two decimals.
func (m *Money) UnmarshalJSON(raw []byte) error {
	n, err := decimal(raw, 2)
	*m = Money(n)
	return err
}

// Quantity is in thousandths.
type Quantity int64

// MarshalJSON writes a number: 1.234.
func (q Quantity) MarshalJSON() ([]byte, error) { return write(int64(q), 3), nil }

// UnmarshalJSON reads a number with at most three decimals.
func (q *Quantity) UnmarshalJSON(raw []byte) error {
	n, err := decimal(raw, 3)
	*q = Quantity(n)
	return err
}

// Percent is in thousandths of a percent.
type Percent int64

// MarshalJSON writes a number: 16.
func (p Percent) MarshalJSON() ([]byte, error) { return write(int64(p), 3), nil }

// UnmarshalJSON reads a number with at most three decimals.
func (p *Percent) UnmarshalJSON(raw []byte) error {
	n, err := decimal(raw, 3)
	*p = Percent(n)
	return err
}

// timeForms are the forms of times that are met in examples, most frequent first.
var timeForms = []string{"02.01.2006 15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04:05"}

// Time writes a time as most answers do.
func Time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(timeForms[0])
}

// BasisTime writes the time of a return's basis.
func BasisTime(t time.Time) string { return t.Format(timeForms[1]) }

// ParseTime reads any of the forms; false for another one.
func ParseTime(s string) (time.Time, bool) {
	for _, f := range timeForms {
		if t, err := time.Parse(f, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// Login is the body of Authorize.
type Login struct {
	Login    string
	Password string
}

// Session is its result.
type Session struct{ Token string }

// Cashbox is what every other body begins with.
type Cashbox struct {
	Token               string
	CashboxUniqueNumber string
}

// Check is a receipt.
type Check struct {
	Cashbox
	OperationType       int
	Positions           []Position
	TicketModifiers     []Modifier `json:",omitempty"`
	Payments            []Payment
	Change              Money
	RoundType           int
	ExternalCheckNumber string
	CustomerXin         string `json:",omitempty"`
	ReturnBasisDetails  *Basis `json:",omitempty"`
}

// Position is a line of goods.
type Position struct {
	Count        Quantity
	Price        Money
	Discount     Money
	Markup       Money
	TaxType      int
	TaxPercent   Percent
	Tax          Money
	PositionName string
	PositionCode string `json:",omitempty"`
	SectionCode  string
	UnitCode     int
}

// Modifier is a discount or a markup on the whole receipt.
type Modifier struct {
	Type       int
	Sum        Money
	Text       string
	TaxType    int
	TaxPercent Percent
	Tax        Money
}

// Payment is a part of the payment.
type Payment struct {
	Sum         Money
	PaymentType int
}

// Basis names the receipt that a return refers to.
type Basis struct {
	DateTime           string
	Total              Money
	CheckNumber        string
	RegistrationNumber string
	IsOffline          bool
}

// Placement is the body of MoneyOperation.
type Placement struct {
	Cashbox
	OperationType       int
	Sum                 Money
	ExternalCheckNumber string
}

// External asks for a check by its external number, and for its printed form.
type External struct {
	Cashbox
	ExternalCheckNumber string
	ShiftNumber         uint64 `json:",omitempty"`
	PaperKind           int
	IsDuplicate         bool `json:",omitempty"`
}

// NewToken is the body of ChangeToken.
type NewToken struct {
	Cashbox
	OfdToken uint64
}

// Failure is one entry of Errors.
type Failure struct {
	Code Code
	Text string
}

// Answer is the shape of all answers: Data, Errors, now and then both.
type Answer struct {
	Data   json.RawMessage `json:",omitempty"`
	Errors []Failure       `json:",omitempty"`
}

// Box is what an answer tells of the register.
type Box struct {
	UniqueNumber       string
	RegistrationNumber string
	IdentityNumber     string
	Address            string
}

// Ticket is the result of a check.
type Ticket struct {
	CheckNumber         string
	DateTime            string
	OfflineMode         bool
	CashboxOfflineMode  bool
	Cashbox             Box
	CheckOrderNumber    uint64
	ShiftNumber         uint64
	EmployeeName        string
	ExternalCheckNumber string `json:",omitempty"`
	Total               Money
}

// Placed is the result of MoneyOperation; Sum is the cash in the drawer afterwards.
type Placed struct {
	OfflineMode        bool
	CashboxOfflineMode bool
	DateTime           string
	Sum                Money
	ShiftNumber        uint64
	Cashbox            Box
}

// Report is an X or Z, as far as a driver needs it.
type Report struct {
	ReportNumber       uint64
	CashboxSN          string
	CashboxRN          string
	StartOn            string
	ReportOn           string
	CloseOn            string `json:",omitempty"`
	ShiftNumber        uint64
	DocumentCount      uint64
	PutMoneySum        Money
	TakeMoneySum       Money
	OfflineMode        bool
	CashboxOfflineMode bool
	SumInCashbox       Money
	Sell               Turnover
	Buy                Turnover
	ReturnSell         Turnover
	ReturnBuy          Turnover
	EndNonNullable     NonNullable
	StartNonNullable   NonNullable
}

// Turnover is one kind of receipt in a report.
type Turnover struct {
	PaymentsByTypesApiModel []TypeSum
	Discount                Money
	Markup                  Money
	Taken                   Money
	Change                  Money
	Count                   uint64
	TotalCount              uint64
	VAT                     Money
}

// TypeSum is the sum of one payment type.
type TypeSum struct {
	Sum  Money
	Type int
}

// NonNullable are sums since ever.
type NonNullable struct{ Sell, Buy, ReturnSell, ReturnBuy Money }

// BoxState is the result of the state call. The report in it stands under
// ReportState, or under XReport in older answers.
type BoxState struct {
	UniqueNumber       string          `json:",omitempty"`
	Name               string          `json:",omitempty"`
	RegistrationNumber string          `json:",omitempty"`
	IdentityNumber     json.RawMessage `json:",omitempty"` // a number or a text
	OfdProtocolVersion int             `json:",omitempty"`
	OrganizationName   string          `json:",omitempty"`
	CurrentState       CurrentState
}

// CurrentState is the shift.
type CurrentState struct {
	ShiftNumber       uint64
	ShiftClosed       bool
	ShiftOpenedAt     string       `json:",omitempty"`
	ShiftClosedAt     string       `json:",omitempty"`
	LastOperationDate string       `json:",omitempty"`
	DocumentsCount    uint64       `json:",omitempty"`
	ReportState       *ShortReport `json:",omitempty"`
	XReport           *ShortReport `json:",omitempty"`
}

// ShortReport is what is read of the report inside a state; the taxes there are
// not whole tiyn and are left alone.
type ShortReport struct {
	ReportNumber       uint64
	DocumentCount      uint64
	SumInCashbox       Money
	OfflineMode        bool
	CashboxOfflineMode bool
}

// Report is the report of either form; nil when there is none.
func (s CurrentState) Report() *ShortReport {
	if s.ReportState != nil {
		return s.ReportState
	}
	return s.XReport
}

// Form is a printed form.
type Form struct{ Lines []FormLine }

// FormLine is one line of it: text, picture or QR.
type FormLine struct {
	Order int
	Type  int
	Value string
	Style int
}
