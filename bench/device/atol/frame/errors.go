package frame

import "fmt"

// Class says who can do something about an error (8).
type Class byte

// The classes.
const (
	ClassCaller   Class = 'C'
	ClassState    Class = 'S'
	ClassOperator Class = 'P' // paper, mechanics
	ClassFault    Class = 'F'
	ClassLocked   Class = 'L'
	ClassWait     Class = 'W'
)

// Errors that driver and emulated register name.
const (
	OK              byte = 0x00
	ErrPrice        byte = 0x08
	ErrQuantity     byte = 0x0A
	ErrLength       byte = 0x14
	ErrDate         byte = 0x15
	ErrConfirmDate  byte = 0x16 // the date must be sent again
	ErrCheckClock   byte = 0x1F
	ErrMode         byte = 0x66
	ErrNoPaper      byte = 0x67
	ErrMechanics    byte = 0x69
	ErrReceiptType  byte = 0x6A
	ErrNonCash      byte = 0x71
	ErrUnderpaid    byte = 0x72
	ErrReturnMore   byte = 0x73
	ErrUnable       byte = 0x7A
	ErrDiscount     byte = 0x7B
	ErrSection      byte = 0x7D
	ErrPaymentType  byte = 0x7E
	ErrForbidden    byte = 0x80
	ErrCashShort    byte = 0x86
	ErrShiftLong    byte = 0x88
	ErrPassword     byte = 0x8C
	ErrNothing      byte = 0x8F
	ErrTable        byte = 0x91
	ErrRow          byte = 0x92
	ErrField        byte = 0x93
	ErrBadDate      byte = 0x94
	ErrBadTime      byte = 0x95
	ErrNoCash       byte = 0x98
	ErrReceiptShut  byte = 0x9A
	ErrReceiptOpen  byte = 0x9B
	ErrShiftOpen    byte = 0x9C
	ErrUnpay        byte = 0xB2
	ErrExtended     byte = 0xEE
	errSaleOpen     byte = 0x89
	errReturnOpen   byte = 0x87
	errTapeAnswered byte = 0x01
)

type meaning struct {
	class Class
	text  string
}

var errorTable = map[byte]meaning{
	0x08: {'C', "price or sum"}, 0x0A: {'C', "quantity"}, 0x0B: {'C', "cash overflow"}, 0x0C: {'C', "last operation cannot be taken back"},
	0x0D: {'C', "last operation cannot be taken back"}, 0x0E: {'C', "last operation cannot be repeated"}, 0x0F: {'C', "second discount"}, 0x10: {'C', "discount is not possible"},
	0x11: {'C', "code of goods"}, 0x12: {'C', "barcode"}, 0x13: {'C', "format"}, 0x14: {'C', "length"}, 0x15: {'S', "waits for the date"}, 0x16: {'S', "date must be confirmed"},
	0x18: {'C', "no more data"}, 0x19: {'C', "sale was not confirmed"}, 0x1A: {'S', "a Z report was interrupted, the mode cannot be entered"}, 0x1B: {'C', "cash control cannot be switched off"},
	0x1E: {'L', "entry into modes is locked"}, 0x1F: {'S', "check date and time"}, 0x20: {'F', "clock is behind the protected memory"}, 0x21: {'F', "archive"}, 0x3F: {'C', "receipt buffer is full"},
	0x66: {'S', "command is not for this mode"}, 0x67: {'P', "no paper"}, 0x68: {'F', "no link to the printer"}, 0x69: {'P', "mechanical fault"}, 0x6A: {'C', "wrong receipt type"},
	0x70: {'C', "storno above the payments"}, 0x71: {'C', "non-cash above the total"}, 0x72: {'C', "payments below the total"}, 0x73: {'C', "return above the accumulation"}, 0x75: {'C', "payments overflow"},
	0x7A: {'C', "this model cannot do it"}, 0x7B: {'C', "value of the discount"}, 0x7C: {'C', "operation after a discount"}, 0x7D: {'C', "section"}, 0x7E: {'C', "payment type"},
	0x7F: {'C', "overflow"}, 0x80: {'C', "forbidden by the settings"}, 0x81: {'C', "overflow"}, 0x82: {'S', "annulment receipt is open"}, 0x84: {'S', "control tape"},
	0x86: {'C', "cash below the total"}, 0x87: {'S', "return receipt is open"}, 0x88: {'S', "shift is too long"}, 0x89: {'S', "sale receipt is open"}, 0x8A: {'F', "fiscal memory is full"},
	0x8C: {'C', "wrong password"}, 0x8D: {'W', "control tape"}, 0x8E: {'W', "control tape"}, 0x8F: {'S', "nothing to reset"}, 0x91: {'C', "table"}, 0x92: {'C', "row"}, 0x93: {'C', "field"},
	0x94: {'C', "date"}, 0x95: {'C', "time"}, 0x96: {'C', "section below the storno"}, 0x97: {'C', "change is not possible"}, 0x98: {'C', "not enough cash"}, 0x9A: {'S', "receipt is closed"},
	0x9B: {'S', "receipt is open"}, 0x9C: {'S', "shift is open"}, 0x9D: {'L', "waits for the password of the fiscal memory"}, 0xA8: {'S', "not fiscalised"}, 0xA9: {'S', "no serial number"},
	0xAA: {'C', "no reports"}, 0xAB: {'C', "mode is not active"}, 0xB0: {'F', "general reset is needed"}, 0xB1: {'C', "protection code"},
	0xB2: {'C', "discount cannot be taken back, or payment type is not allowed"}, 0xBA: {'F', "exchange with a module"}, 0xBE: {'F', "maintenance"}, 0xD1: {'W', "head is overheated"},
	0xDC: {'C', "buffer is full"}, 0xDD: {'C', "second fiscal copy"}, 0xEE: {'S', "extended error, register 37h tells it"},
}

// ErrorText names an error code.
func ErrorText(code byte) string {
	m, ok := errorTable[code]
	switch {
	case ok:
	case code >= 0x3D && code <= 0x43:
		m.text = "goods base"
	case code >= 0x6B && code <= 0x6F:
		m.text = "picture or register number"
	case code >= 0x9E && code <= 0xA7:
		m.text = "registration, numbers or passwords"
	case code >= 0xC8 && code <= 0xCC:
		m.text = "external device"
	case code >= 0xD0 && code <= 0xDB:
		m.text = "protected memory"
	default:
		return fmt.Sprintf("%02Xh", code)
	}
	return fmt.Sprintf("%02Xh %s", code, m.text)
}

// ClassOf tells who can do something about an error; the caller when the code is not known.
func ClassOf(code byte) Class {
	if m, ok := errorTable[code]; ok {
		return m.class
	}
	switch {
	case code >= 0x9E && code <= 0xA7, code >= 0xD0 && code <= 0xDB:
		return ClassFault
	}
	return ClassCaller
}

// Known says whether the documents name an error code.
func Known(code byte) bool { return len(ErrorText(code)) > len("00h") }

// Malformed says whether an error may speak of a frame that was changed on its way
// rather than of the operation: the check of level 2 does not see a byte 00h that was
// lost or doubled, that of level 3 misses one change in 256.
func Malformed(code byte) bool {
	return code >= 0x11 && code <= ErrLength || code == ErrUnable || code == ErrPassword
}

// Good says whether an answer's error code means that it was done (00h, 01h).
func Good(code byte) bool { return code == OK || code == errTapeAnswered }

// ReceiptOpen says whether an error tells of an open receipt.
func ReceiptOpen(code byte) bool {
	return code == ErrReceiptOpen || code == errSaleOpen || code == errReturnOpen
}
