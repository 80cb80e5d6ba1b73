package frame

import "fmt"

// Code is a command code; values above FFh are the two-byte commands FFxx.
type Code uint16

// The commands that driver and emulated register speak (7, 8).
const (
	ShortStatus    Code = 0x10
	FullStatus     Code = 0x11
	BoldLine       Code = 0x12
	Beep           Code = 0x13
	SetPort        Code = 0x14
	ReadPort       Code = 0x15
	Line           Code = 0x17
	TestRun        Code = 0x19
	MoneyRegister  Code = 0x1A
	Register       Code = 0x1B
	WriteField     Code = 0x1E
	ReadField      Code = 0x1F
	SetTime        Code = 0x21
	SetDate        Code = 0x22
	ConfirmDate    Code = 0x23
	Cut            Code = 0x25
	Drawer         Code = 0x28
	Feed           Code = 0x29
	StopTest       Code = 0x2B
	TableStructure Code = 0x2D
	FieldStructure Code = 0x2E
	FontLine       Code = 0x2F
	XReport        Code = 0x40
	ZReport        Code = 0x41
	SectionReport  Code = 0x42
	TaxReport      Code = 0x43
	CashierReport  Code = 0x44
	CashIn         Code = 0x50
	CashOut        Code = 0x51
	Sale           Code = 0x80
	Buy            Code = 0x81
	SaleReturn     Code = 0x82
	BuyReturn      Code = 0x83
	StornoLine     Code = 0x84
	CloseReceipt   Code = 0x85
	Discount       Code = 0x86
	Markup         Code = 0x87
	CancelReceipt  Code = 0x88
	Subtotal       Code = 0x89
	StornoDiscount Code = 0x8A
	StornoMarkup   Code = 0x8B
	RepeatReceipt  Code = 0x8C
	OpenReceipt    Code = 0x8D
	ContinuePrint  Code = 0xB0
	TapeLine       Code = 0xB3
	TapeByShift    Code = 0xB4
	PrintBuffer    Code = 0xC8
	PrintLine      Code = 0xC9
	ClearBuffer    Code = 0xCA
	OpenShift      Code = 0xE0
	Extended       Code = 0xF7
	DeviceType     Code = 0xFC
	BindMark       Code = 0xFF67
)

var codeNames = map[Code]string{
	ShortStatus: "short status", FullStatus: "full status", BoldLine: "bold line", Beep: "beep",
	SetPort: "set port", ReadPort: "read port", Line: "print line", TestRun: "test run",
	MoneyRegister: "money register", Register: "operation register", WriteField: "write field",
	ReadField: "read field", SetTime: "set time", SetDate: "set date", ConfirmDate: "confirm date",
	Cut: "cut", Drawer: "drawer", Feed: "feed", StopTest: "stop test run",
	TableStructure: "table structure", FieldStructure: "field structure", FontLine: "print line in a font",
	XReport: "X report", ZReport: "Z report", SectionReport: "section report", TaxReport: "tax report",
	CashierReport: "cashier report", CashIn: "cash in", CashOut: "cash out", Sale: "sale", Buy: "buy",
	SaleReturn: "sale return", BuyReturn: "buy return", StornoLine: "storno of a line",
	CloseReceipt: "close receipt", Discount: "discount", Markup: "markup", CancelReceipt: "cancel receipt",
	Subtotal: "subtotal", StornoDiscount: "storno of a discount", StornoMarkup: "storno of a markup",
	RepeatReceipt: "repeat receipt", OpenReceipt: "open receipt", ContinuePrint: "continue printing",
	TapeLine: "next line of the tape", TapeByShift: "control tape by shift", PrintBuffer: "print buffer",
	PrintLine: "line of the print buffer", ClearBuffer: "clear print buffer", OpenShift: "open shift",
	Extended: "extended request", DeviceType: "device type", BindMark: "bind a marking code",
}

// String is the code as the document writes it and its name: "85h close receipt".
func (c Code) String() string {
	if n, ok := codeNames[c]; ok {
		return fmt.Sprintf("%02Xh %s", uint16(c), n)
	}
	return fmt.Sprintf("%02Xh", uint16(c))
}

// SubtypeDouble is the device subtype (FCh) by which the bench's own emulated
// register is told from a real one. It is ours, no vendor's: such a register
// also reads the print lines CODE:[number] behind a position and BUYER:[IIN].
const SubtypeDouble byte = 0x7F

// TableDouble is a table that only the bench's own register has: one row, and a
// field for each of DoubleSettings, in that order, texts of 64 bytes.
const TableDouble byte = 240

// DoubleSettings are the settings for which no source tells a place (10). A
// token is not told again.
var DoubleSettings = []string{"token", "kkm-id", "registration", "channels", "channel", "wifi", "mobile-operator", "language"}

// CodeOf is the command code that a body begins with, 0 without one.
func CodeOf(body []byte) Code {
	switch {
	case len(body) == 0:
		return 0
	case body[0] == 0xFF && len(body) > 1:
		return 0xFF00 | Code(body[1])
	default:
		return Code(body[0])
	}
}

// Answer takes the head of an answer apart: command, error code, the rest. A
// body too short for an error code is an error.
func Answer(body []byte) (c Code, errCode byte, rest []byte, err error) {
	c = CodeOf(body)
	n := 1
	if c > 0xFF {
		n = 2
	}
	if len(body) <= n {
		return c, 0, nil, fmt.Errorf("answer % x: no error code", body)
	}
	return c, body[n], body[n+1:], nil
}

// Mode is the low nibble of the mode byte (6).
type Mode byte

// The modes.
const (
	ModeDump        Mode = 1
	ModeShiftOpen   Mode = 2
	ModeShiftLong   Mode = 3
	ModeShiftClosed Mode = 4
	ModeLocked      Mode = 5
	ModeConfirmDate Mode = 6
	ModeDecimal     Mode = 7
	ModeReceipt     Mode = 8 // the high nibble is the type of the document
	ModeReset       Mode = 9
	ModeTest        Mode = 10
)

var modeNames = map[Mode]string{
	ModeDump: "data dump", ModeShiftOpen: "shift open", ModeShiftLong: "shift open and too long",
	ModeShiftClosed: "shift closed", ModeLocked: "locked by a wrong inspector password",
	ModeConfirmDate: "waits for the confirmation of the date", ModeDecimal: "decimal point may be changed",
	ModeReceipt: "document open", ModeReset: "technical reset allowed", ModeTest: "test run",
}

// String names the mode.
func (m Mode) String() string {
	if n, ok := modeNames[m]; ok {
		return fmt.Sprintf("mode %d (%s)", byte(m), n)
	}
	return fmt.Sprintf("mode %d", byte(m))
}

// The sub-modes (6).
const (
	SubReady        byte = 0
	SubPaperPassive byte = 1
	SubPaperActive  byte = 2
	SubPaperBack    byte = 3
	SubReport       byte = 4
	SubPrinting     byte = 5
)
