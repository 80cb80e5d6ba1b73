package fiscal

import "time"

// OpID names an effect: scenario/step/n. An effect with a given name happens at
// most once on a device, however often a run is resumed.
type OpID string

// OpKind is what a register is asked to do.
type OpKind string

// The operations of a register.
const (
	OpReceipt        OpKind = "receipt"         // Op.Receipt says which of the four kinds
	OpDeposit        OpKind = "deposit"         // Op.Cash into the drawer
	OpWithdraw       OpKind = "withdraw"        // Op.Cash out of the drawer
	OpXReport        OpKind = "x-report"        //
	OpZReport        OpKind = "z-report"        // closes the shift
	OpReportCashiers OpKind = "report-cashiers" //
	OpReportSections OpKind = "report-sections" //
	OpCopy           OpKind = "copy"            // print the last receipt again
	OpCancel         OpKind = "cancel"          // drop an open receipt
	OpTestPrint      OpKind = "test-print"      // a trial print, never fiscal
	OpSelfTest       OpKind = "self-test"       //
	OpSetClock       OpKind = "set-clock"       // Op.Clock
	OpSetSetting     OpKind = "set-setting"     // Op.Setting and Op.Value
	OpResend         OpKind = "resend"          // send the last receipt to its buyer again (KZ 626 row 84)
	OpArchive        OpKind = "archive"         // read back what is stored of shift Op.Value (KZ 431 rows 73, 92)
)

// ReceiptKind is one of the four operations of a receipt (KZ 431 row 19.6).
type ReceiptKind string

// The four kinds.
const (
	Sale       ReceiptKind = "sale"
	SaleReturn ReceiptKind = "sale-return"
	Buy        ReceiptKind = "buy"
	BuyReturn  ReceiptKind = "buy-return"
)

// ReceiptKinds lists the four kinds in a fixed order.
var ReceiptKinds = []ReceiptKind{Buy, BuyReturn, Sale, SaleReturn}

// Outgoing says whether cash leaves the drawer.
func (k ReceiptKind) Outgoing() bool { return k == SaleReturn || k == Buy }

// LineKind is the kind of a position (KZ 431 rows 19.16, 19.24, 19.28, 19.35).
type LineKind string

// The kinds of positions.
const (
	Goods          LineKind = "goods"
	GoodsStorno    LineKind = "goods-storno"
	Discount       LineKind = "discount"
	DiscountStorno LineKind = "discount-storno"
	Markup         LineKind = "markup"
	MarkupStorno   LineKind = "markup-storno"
)

// Line is one position of a receipt. Discounts and markups use Name, Sum and VAT only.
type Line struct {
	Kind    LineKind      `json:"kind"`
	Name    string        `json:"name,omitempty"`
	Code    uint64        `json:"code,omitempty"`    // code of the goods, 0 = none
	Section int           `json:"section,omitempty"` // section or department, from 1
	Qty     Milli         `json:"qty,omitempty"`
	Price   Tiyn          `json:"price,omitempty"`
	Sum     Tiyn          `json:"sum,omitempty"` // of a discount or markup; goods: 0 = price x quantity
	VAT     *MilliPercent `json:"vat,omitempty"` // nil: not taxed; the tax is inside the sum
	// What a scanner reads off the goods (KZ 626 rows 7, 7.1, R56.8).
	GTIN string `json:"gtin,omitempty"` // code of the national catalogue
	Mark string `json:"mark,omitempty"` // marking identifier of this very piece
}

// Total is the unsigned sum of the position.
func (l Line) Total() Tiyn {
	if l.Sum == 0 && (l.Kind == Goods || l.Kind == GoodsStorno) {
		return LineSum(l.Price, l.Qty)
	}
	return l.Sum
}

// Signed is the contribution of the position to the receipt's total.
func (l Line) Signed() Tiyn {
	switch l.Kind {
	case Goods, Markup, DiscountStorno:
		return l.Total()
	default:
		return -l.Total()
	}
}

// PaymentKind is how a receipt is paid.
type PaymentKind string

// The payment kinds.
const (
	Cash   PaymentKind = "cash"
	Card   PaymentKind = "card"
	Mobile PaymentKind = "mobile"
)

// Payment is a part of the total. For cash, Sum is what the buyer handed over;
// the change follows from the receipt.
type Payment struct {
	Kind PaymentKind `json:"kind"`
	Sum  Tiyn        `json:"sum"`
}

// Parent names the receipt that a return refers to.
type Parent struct {
	Sign    string    `json:"sign"` // fiscal sign, or the autonomous sign of an offline receipt
	At      time.Time `json:"at"`
	KKM     string    `json:"kkm"` // registration number of the register that issued it
	Total   Tiyn      `json:"total"`
	Offline bool      `json:"offline,omitempty"`
}

// Receipt is what a cashier enters. Totals and taxes follow from it.
type Receipt struct {
	Kind     ReceiptKind `json:"kind"`
	Lines    []Line      `json:"lines"`
	Payments []Payment   `json:"payments"`
	Discount Tiyn        `json:"discount,omitempty"` // on the whole receipt
	Markup   Tiyn        `json:"markup,omitempty"`   // on the whole receipt; not together with Discount
	Parent   *Parent     `json:"parent,omitempty"`
	Customer string      `json:"customer,omitempty"` // IIN/BIN of the buyer
	Email    string      `json:"email,omitempty"`    // where the buyer wants the receipt
	Phone    string      `json:"phone,omitempty"`
}

// Total is the sum due.
func (r Receipt) Total() Tiyn {
	t := r.Markup - r.Discount
	for _, l := range r.Lines {
		t += l.Signed()
	}
	return t
}

// Tendered is the cash that was handed over.
func (r Receipt) Tendered() Tiyn {
	var t Tiyn
	for _, p := range r.Payments {
		if p.Kind == Cash {
			t += p.Sum
		}
	}
	return t
}

// CashDue is the part of the total that is paid in cash.
func (r Receipt) CashDue() Tiyn {
	t := r.Total()
	for _, p := range r.Payments {
		if p.Kind != Cash {
			t -= p.Sum
		}
	}
	return t
}

// Change is the cash given back.
func (r Receipt) Change() Tiyn { return max(0, r.Tendered()-r.CashDue()) }

// Role says with which rights an operation is asked for.
type Role struct {
	Cashier int  `json:"cashier,omitempty"` // 1..28; 0 with Admin false is cashier 1
	Admin   bool `json:"admin,omitempty"`   // administrator: settings, clock, reports
	// Password replaces the password of the profile when it is not empty: a
	// wrong one on purpose (KZ 431 row 1).
	Password string `json:"password,omitempty"`
}

// Op is one effect on a register.
type Op struct {
	ID      OpID      `json:"id"`
	Kind    OpKind    `json:"kind"`
	Receipt *Receipt  `json:"receipt,omitempty"`
	Cash    Tiyn      `json:"cash,omitempty"`
	Clock   time.Time `json:"clock,omitzero"`
	Setting Setting   `json:"setting,omitempty"`
	Value   string    `json:"value,omitempty"`
	As      Role      `json:"as,omitzero"`
}

// Setting is a setting of a register that the regulations speak of.
type Setting string

// The settings.
const (
	SetOFDHost         Setting = "ofd-host"         // KZ 431 row 34.1
	SetOFDPort         Setting = "ofd-port"         // KZ 431 row 34.1
	SetCashierPassword Setting = "cashier-password" // of Op.As.Cashier; KZ 431 row 1
	SetToken           Setting = "token"            // KZ 431 row 34.4
	SetRegistration    Setting = "registration"     // number given by the tax authority; KZ 431 row 34.2
	SetKKMID           Setting = "kkm-id"           // identification number at the OFD; KZ 431 row 34.3
	SetWiFi            Setting = "wifi"             // permitted network, "NAME PASSWORD", or "-NAME" to forbid it; KZ 431 row 34.5
	SetChannels        Setting = "channels"         // channels in order of preference, "ethernet gsm"; KZ 431 row 34.6, KZ 626 row 40.5
	SetChannel         Setting = "channel"          // settings of one channel, "gsm apn=internet"; KZ 431 row 34.6
	SetMobile          Setting = "mobile-operator"  // name of the mobile operator, or auto; KZ 431 row 64.7
	SetLanguage        Setting = "language"         // of the paper: kk, ru or kk+ru; KZ 626 row R57.2
)

// Answer is how a register took an operation.
type Answer string

// The answers. The zero value is Unknown.
const (
	Unknown     Answer = ""            // no answer, or one that cannot be read: it may have happened
	Done        Answer = "done"        //
	Refused     Answer = "refused"     // the register said no
	Unsupported Answer = "unsupported" // the register or the driver cannot do this at all
)

// Outcome is what came back from an operation.
type Outcome struct {
	Got    Answer `json:"got"`
	Code   int    `json:"code,omitempty"` // the device's own code of a refusal
	Text   string `json:"text,omitempty"` // the device's or the driver's words
	Doc    uint64 `json:"doc,omitempty"`  // document number, 0 = not told
	Shift  uint64 `json:"shift,omitempty"`
	Sign   string `json:"sign,omitempty"` // fiscal sign, if the host protocol tells it
	Change Tiyn   `json:"change,omitempty"`
}
