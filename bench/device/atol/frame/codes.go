package frame

import "fmt"

// Code is the first byte of a command (7).
type Code byte

// The commands that driver and emulated register use.
const (
	FullStatus   Code = 0x3F
	Annul        Code = 0x41
	Adjust       Code = 0x43 // discount or markup
	ShortStatus  Code = 0x45
	ReadTable    Code = 0x46
	Beep         Code = 0x47 // the only command without an answer
	LeaveMode    Code = 0x48
	CashIn       Code = 0x49
	Close        Code = 0x4A
	SetTime      Code = 0x4B
	Text         Code = 0x4C
	CashSum      Code = 0x4D
	CashOut      Code = 0x4F
	WriteTable   Code = 0x50
	Sell         Code = 0x52 // a line of a sale or purchase
	EnterMode    Code = 0x56
	Return       Code = 0x57 // a line of a return
	Cancel       Code = 0x59
	ZReport      Code = 0x5A
	SetDate      Code = 0x64
	Report       Code = 0x67
	Cut          Code = 0x75
	Register     Code = 0x91
	OpenReceipt  Code = 0x92
	RepeatLast   Code = 0x95
	Pay          Code = 0x99
	OpenShift    Code = 0x9A
	Unpay        Code = 0x9B
	Version      Code = 0x9D
	DeviceType   Code = 0xA5
	SetDateTime  Code = 0xED
	GeneralReset Code = 0x77 // never sent
)

var codeNames = map[Code]string{FullStatus: "full status", Annul: "annulment line", Adjust: "discount or markup", ShortStatus: "status", ReadTable: "read table",
	Beep: "beep", LeaveMode: "leave mode", CashIn: "cash in", Close: "close receipt", SetTime: "set time", Text: "text", CashSum: "cash",
	CashOut: "cash out", WriteTable: "write table", Sell: "sale line", EnterMode: "enter mode", Return: "return line", Cancel: "cancel receipt",
	ZReport: "Z report", SetDate: "set date", Report: "report", Cut: "cut", Register: "register", OpenReceipt: "open receipt", RepeatLast: "repeat last document",
	Pay: "payment", OpenShift: "open shift", Unpay: "undo payment", Version: "version", DeviceType: "device type", SetDateTime: "set date and time",
	GeneralReset: "general reset"}

// String names a command.
func (c Code) String() string {
	if s, ok := codeNames[c]; ok {
		return fmt.Sprintf("%02Xh %s", byte(c), s)
	}
	return fmt.Sprintf("%02Xh", byte(c))
}

// Modes (6): low nibble of the state byte.
const (
	ModeSelect   byte = 0
	ModeRegister byte = 1
	ModeX        byte = 2
	ModeZ        byte = 3
	ModeProgram  byte = 4
)

// States (6): sub-mode in the high nibble, mode in the low one.
const (
	StatePaying    byte = 0x41
	StateXPrinting byte = 0x22
	StateZPrinting byte = 0x23
	StateClearing  byte = 0x17
)

// Bits of the flags of 45h and of 3Fh (6).
const (
	FlagNoPaper   byte = 1 << 0
	FlagNoPrinter byte = 1 << 1

	FullFiscal    byte = 1 << 0
	FullShiftOpen byte = 1 << 1
	FullPaper     byte = 1 << 3
)

// Receipt types of 92h and of 3Fh (7.1, 7.3).
const (
	TypeSale       byte = 1
	TypeSaleReturn byte = 2
	TypeBuy        byte = 4
	TypeBuyReturn  byte = 5
)

// Reports of 67h (7.4).
const (
	ReportDaily    byte = 1
	ReportSections byte = 2
	ReportCashiers byte = 3
)

// Registers of 91h (7.1). The last two are known from online firmware of other
// countries only (one source).
const (
	RegDeposits    byte = 0x04
	RegWithdrawals byte = 0x05
	RegCounts      byte = 0x06 // receipts by type
	RegCash        byte = 0x0A
	RegClock       byte = 0x11
	RegShift       byte = 0x12
	RegUnsent      byte = 0x2C
	RegExtended    byte = 0x37
)

// Parts of 43h: what it concerns, how it is told, and its direction.
const (
	AreaReceipt byte = 0
	AreaLine    byte = 1
	BySum       byte = 1
	ByDiscount  byte = 0
	ByMarkup    byte = 1
)

// Tables (7.2). Passwords are known from two or more sources; the two fields of
// table 19 from one, for online firmware of another country.
const (
	TablePasswords byte = 3
	TableOFD       byte = 19
	FieldOFDHost   byte = 1
	FieldOFDPort   byte = 2
)

// ModelDouble is the model number (A5h) by which the bench's own emulated
// register says what it is. No list of models has it.
const ModelDouble byte = 0xFB
