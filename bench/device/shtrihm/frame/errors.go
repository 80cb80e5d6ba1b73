package frame

import "fmt"

// Class says what helps against an error code (12; the classes are ours).
type Class byte

// The classes.
const (
	ClassNone   Class = 0
	ClassWait   Class = 'W' // wait, then the same command again
	ClassPaper  Class = 'P' // paper or a person
	ClassState  Class = 'S' // shift or mode must change first
	ClassCaller Class = 'C' // the caller's mistake
	ClassFault  Class = 'F'
	ClassLocked Class = 'L'
)

// Error codes that driver or emulated register name.
const (
	ErrNone         byte = 0x00
	ErrDateEarlier  byte = 0x13
	ErrShiftOpen    byte = 0x15
	ErrShiftNotOpen byte = 0x16
	ErrParameters   byte = 0x33
	ErrSettings     byte = 0x35
	ErrUnsupported  byte = 0x37
	ErrShiftClosed  byte = 0x3D
	ErrUnderpaid    byte = 0x45
	ErrNoCash       byte = 0x46
	ErrReceiptType  byte = 0x49
	ErrReceiptOpen  byte = 0x4A
	ErrNonCash      byte = 0x4D
	ErrShiftLong    byte = 0x4E
	ErrPassword     byte = 0x4F
	ErrPrinting     byte = 0x50
	ErrNoReceipt    byte = 0x55
	ErrNoRepeat     byte = 0x56
	ErrContinue     byte = 0x58
	ErrOtherCashier byte = 0x59
	ErrNoTable      byte = 0x5D
	ErrOperation    byte = 0x5E
	ErrNegative     byte = 0x5F
	ErrDepartment   byte = 0x63
	ErrNoPaper      byte = 0x6B
	ErrSubMode      byte = 0x72
	ErrMode         byte = 0x73
	ErrReadOnly     byte = 0x7A
	ErrHardware     byte = 0x7B
	ErrDates        byte = 0x7C
	ErrDateFormat   byte = 0x7D
	ErrLength       byte = 0x7E
	ErrZeroTotal    byte = 0x8E
	ErrDoZ          byte = 0x96
	ErrNoData       byte = 0xA9
	ErrConfirm      byte = 0xC0
	ErrZRunning     byte = 0xC1
	ErrHeadHot      byte = 0xC9
	ErrTemperature  byte = 0xCA
	ErrClockReset   byte = 0xCF
)

type meaning struct {
	class Class
	text  string
}

var meanings = map[byte]meaning{
	0x00: {ClassNone, "done"},
	0x01: {ClassFault, "the fiscal memory or the clock is faulty"},
	0x02: {ClassFault, "the first fiscal memory is missing"},
	0x03: {ClassFault, "the second fiscal memory is missing"},
	0x04: {ClassCaller, "fiscal memory: bad parameters"},
	0x05: {ClassCaller, "fiscal memory: no such data"},
	0x06: {ClassFault, "fiscal memory is giving data out"},
	0x07: {ClassCaller, "fiscal memory: parameters not right for this version"},
	0x08: {ClassCaller, "fiscal memory does not know the command"},
	0x09: {ClassCaller, "fiscal memory: wrong length of the command"},
	0x0A: {ClassFault, "data are not decimal digits"},
	0x0B: {ClassFault, "a memory cell failed when a total was written"},
	0x0C: {ClassFault, "the total that is never reset has overflown"},
	0x0D: {ClassFault, "the totals of the shift have overflown"},
	0x11: {ClassCaller, "no licence"},
	0x12: {ClassCaller, "the serial number has been set already"},
	0x13: {ClassCaller, "the date is earlier than the last record of the fiscal memory"},
	0x14: {ClassFault, "the area for shift totals is full"},
	0x15: {ClassState, "the shift is open already"},
	0x16: {ClassState, "the shift is not open"},
	0x17: {ClassCaller, "the first shift of the range lies behind the last"},
	0x18: {ClassCaller, "the first date of the range lies behind the last"},
	0x19: {ClassCaller, "the range holds no data"},
	0x1A: {ClassFault, "the area for re-registrations is full"},
	0x1B: {ClassFault, "no serial number was set"},
	0x1C: {ClassFault, "the range holds a damaged record"},
	0x1D: {ClassFault, "the last shift record is damaged"},
	0x1E: {ClassFault, "a registration record is damaged"},
	0x1F: {ClassFault, "the memory of the registers is missing"},
	0x20: {ClassCaller, "a register would overflow"},
	0x21: {ClassCaller, "more would be subtracted than is there"},
	0x22: {ClassCaller, "wrong date"},
	0x23: {ClassFault, "no activation record"},
	0x24: {ClassFault, "the area for activations is full"},
	0x25: {ClassFault, "no activation with this number"},
	0x26: {ClassFault, "damage in the fiscal memory, or (old models) paid less than the total"},
	0x27: {ClassFault, "fiscal memory: damaged data"},
	0x28: {ClassFault, "fiscal memory: damaged data"},
	0x29: {ClassFault, "fiscal memory: damaged data"},
	0x2A: {ClassFault, "fiscal memory: damaged data"},
	0x2B: {ClassCaller, "the previous command cannot be undone"},
	0x2C: {ClassCaller, "the register was reset already"},
	0x2D: {ClassCaller, "the section holds less than the storno"},
	0x2E: {ClassCaller, "there is no money in the drawer"},
	0x2F: {ClassFault, "fiscal memory and work memory have different serial numbers"},
	0x30: {ClassLocked, "locked until the inspector's password is entered"},
	0x32: {ClassFault, "a general reset is needed"},
	0x33: {ClassCaller, "wrong parameters in the command"},
	0x34: {ClassCaller, "no data"},
	0x35: {ClassCaller, "the parameter does not go with the present settings"},
	0x36: {ClassCaller, "the parameter does not go with this model"},
	0x37: {ClassCaller, "the command is not supported"},
	0x38: {ClassFault, "error in the program memory"},
	0x39: {ClassFault, "internal error of the program"},
	0x3A: {ClassState, "the markups of the shift would overflow"},
	0x3B: {ClassState, "the total of the shift would overflow"},
	0x3C: {ClassFault, "wrong registration number in the control tape, or (old models) the shift is open"},
	0x3D: {ClassState, "the shift is not open: not possible now"},
	0x3E: {ClassState, "a department would overflow in this shift"},
	0x3F: {ClassState, "the discounts of the shift would overflow"},
	0x40: {ClassCaller, "the discount is out of range"},
	0x41: {ClassCaller, "the cash sum is out of range"},
	0x42: {ClassCaller, "the sum of payment kind 2 is out of range"},
	0x43: {ClassCaller, "the sum of payment kind 3 is out of range"},
	0x44: {ClassCaller, "the sum of payment kind 4 is out of range"},
	0x45: {ClassCaller, "the payments do not reach the total"},
	0x46: {ClassCaller, "there is not enough cash in the drawer"},
	0x47: {ClassCaller, "the taxes would overflow"},
	0x48: {ClassCaller, "the total would overflow"},
	0x49: {ClassState, "the operation does not go with the kind of the open receipt"},
	0x4A: {ClassState, "a receipt is open"},
	0x4B: {ClassCaller, "the receipt has no room for another line"},
	0x4C: {ClassCaller, "the tax turnover would overflow"},
	0x4D: {ClassCaller, "the cashless payments are above the total"},
	0x4E: {ClassState, "the shift is longer than allowed: the Z report is needed"},
	0x4F: {ClassCaller, "wrong password"},
	0x50: {ClassWait, "the previous command is still printing"},
	0x51: {ClassState, "the cash of the shift would overflow"},
	0x52: {ClassState, "payment kind 2 of the shift would overflow"},
	0x53: {ClassState, "payment kind 3 of the shift would overflow"},
	0x54: {ClassState, "payment kind 4 of the shift would overflow"},
	0x55: {ClassState, "no receipt is open"},
	0x56: {ClassCaller, "there is no document to repeat"},
	0x57: {ClassFault, "control tape and fiscal memory count different shifts"},
	0x58: {ClassPaper, "waits for the command to go on printing"},
	0x59: {ClassCaller, "the document was opened by another operator"},
	0x5A: {ClassCaller, "the discount is above what was collected"},
	0x5B: {ClassCaller, "the markup is out of range"},
	0x5C: {ClassFault, "the supply voltage is low"},
	0x5D: {ClassCaller, "there is no such table"},
	0x5E: {ClassCaller, "wrong operation"},
	0x5F: {ClassCaller, "the total would be negative"},
	0x60: {ClassCaller, "the product of price and quantity would overflow"},
	0x61: {ClassCaller, "the price is out of range"},
	0x62: {ClassCaller, "the quantity is out of range"},
	0x63: {ClassCaller, "the department is out of range"},
	0x64: {ClassFault, "the fiscal memory is missing"},
	0x65: {ClassCaller, "there is not enough money in the section"},
	0x66: {ClassCaller, "a sum of the section would overflow"},
	0x67: {ClassFault, "no link to the fiscal memory"},
	0x68: {ClassCaller, "there is not enough turnover for the tax"},
	0x69: {ClassCaller, "the tax turnover would overflow"},
	0x6A: {ClassFault, "supply fault while an answer was read"},
	0x6B: {ClassPaper, "no receipt paper"},
	0x6C: {ClassPaper, "no journal paper"},
	0x6D: {ClassCaller, "there is not enough tax money"},
	0x6E: {ClassCaller, "the tax would overflow"},
	0x6F: {ClassCaller, "the withdrawals of the shift would overflow"},
	0x70: {ClassFault, "the fiscal memory is full"},
	0x71: {ClassPaper, "the cutter is stuck"},
	0x72: {ClassPaper, "not possible in this sub-mode"},
	0x73: {ClassState, "not possible in this mode"},
	0x74: {ClassFault, "error in the work memory"},
	0x75: {ClassFault, "supply fault"},
	0x76: {ClassFault, "the printer does not turn"},
	0x77: {ClassFault, "a sensor of the printer is silent"},
	0x78: {ClassFault, "the program was replaced"},
	0x79: {ClassFault, "the fiscal memory was replaced"},
	0x7A: {ClassCaller, "the field can only be read"},
	0x7B: {ClassFault, "hardware error"},
	0x7C: {ClassCaller, "the two dates differ"},
	0x7D: {ClassCaller, "wrong form of the date"},
	0x7E: {ClassCaller, "wrong length of a field"},
	0x7F: {ClassCaller, "the total is out of range"},
	0x80: {ClassFault, "link to the fiscal memory: time-out"},
	0x81: {ClassFault, "link to the fiscal memory: it is absent"},
	0x82: {ClassFault, "link to the fiscal memory: wrong form"},
	0x83: {ClassFault, "link to the fiscal memory: wrong checksum"},
	0x84: {ClassState, "the cash would overflow"},
	0x85: {ClassState, "the sales of the shift would overflow"},
	0x86: {ClassState, "the purchases of the shift would overflow"},
	0x87: {ClassState, "the sale returns of the shift would overflow"},
	0x88: {ClassState, "the purchase returns of the shift would overflow"},
	0x89: {ClassState, "the deposits of the shift would overflow"},
	0x8A: {ClassCaller, "the markups of the receipt would overflow"},
	0x8B: {ClassCaller, "the discounts of the receipt would overflow"},
	0x8C: {ClassCaller, "the storno is above the markups of the receipt"},
	0x8D: {ClassCaller, "the storno is above the discounts of the receipt"},
	0x8E: {ClassCaller, "the total is zero"},
	0x8F: {ClassState, "the register was not registered with the tax office"},
	0x90: {ClassCaller, "the field is larger than the settings allow"},
	0x91: {ClassCaller, "the field leaves the print area"},
	0x92: {ClassCaller, "two fields overlap"},
	0x93: {ClassFault, "the work memory was restored"},
	0x94: {ClassCaller, "the receipt has reached its limit of operations"},
	0x95: {ClassFault, "unknown error of the control tape"},
	0x96: {ClassState, "the Z report is needed"},
	0x9B: {ClassCaller, "wrong action"},
	0x9C: {ClassCaller, "there is no such article in the base of goods"},
	0x9D: {ClassCaller, "wrong data for the base of goods"},
	0x9E: {ClassCaller, "error in the base of goods"},
	0xA0: {ClassFault, "no link to the control tape"},
	0xA1: {ClassFault, "the control tape is absent"},
	0xA2: {ClassFault, "control tape: wrong form of a command"},
	0xA3: {ClassFault, "control tape: wrong state"},
	0xA4: {ClassFault, "control tape: failed for good"},
	0xA5: {ClassFault, "control tape: its cryptographic part failed"},
	0xA6: {ClassFault, "control tape: its time has run out"},
	0xA7: {ClassFault, "the control tape is full"},
	0xA8: {ClassFault, "control tape: wrong date or time"},
	0xA9: {ClassCaller, "no more data"},
	0xAA: {ClassFault, "control tape: overflow"},
	0xAF: {ClassFault, "control tape: bad data"},
	0xB0: {ClassFault, "control tape: a sum would overflow"},
	0xB1: {ClassFault, "control tape: a sum would overflow"},
	0xB2: {ClassFault, "the control tape is active already"},
	0xB4: {ClassFault, "a record of the fiscal memory is damaged"},
	0xB5: {ClassFault, "a record of the fiscal memory is damaged"},
	0xB6: {ClassFault, "a record of the fiscal memory is damaged"},
	0xB7: {ClassFault, "a record of the fiscal memory is damaged"},
	0xB8: {ClassFault, "a record of the fiscal memory is damaged"},
	0xB9: {ClassFault, "the fiscal memory is in a wrong state"},
	0xBA: {ClassFault, "the fiscal memory is in a wrong state"},
	0xBB: {ClassFault, "the fiscal memory is in a wrong state"},
	0xBC: {ClassFault, "the fiscal memory is in a wrong state"},
	0xBD: {ClassFault, "the fiscal memory is in a wrong state"},
	0xBE: {ClassFault, "the fiscal memory is in a wrong state"},
	0xBF: {ClassFault, "the fiscal memory is in a wrong state"},
	0xC0: {ClassState, "date and time must be confirmed"},
	0xC1: {ClassWait, "the Z report cannot be broken off"},
	0xC2: {ClassFault, "the supply voltage is too high"},
	0xC3: {ClassFault, "the receipt and the control tape do not agree"},
	0xC4: {ClassFault, "the shift and the control tape do not agree"},
	0xC5: {ClassCaller, "the slip buffer is empty"},
	0xC6: {ClassCaller, "there is no slip"},
	0xC7: {ClassState, "the field can only be read in this mode"},
	0xC8: {ClassFault, "no link to the printer"},
	0xC9: {ClassWait, "the print head is too hot"},
	0xCA: {ClassWait, "the temperature is out of range"},
	0xCB: {ClassCaller, "wrong subtotal"},
	0xCC: {ClassFault, "the shift of the control tape is closed"},
	0xCD: {ClassFault, "the archive failed its test"},
	0xCE: {ClassFault, "memory is low"},
	0xCF: {ClassState, "the clock was reset: the date must be set"},
	0xD0: {ClassPaper, "the report of the control tape was not printed"},
	0xD1: {ClassCaller, "the buffer is empty"},
	0xD5: {ClassFault, "error at the start"},
	0xE0: {ClassCaller, "error of the banknote acceptor"},
	0xE1: {ClassCaller, "error of the banknote acceptor"},
	0xE2: {ClassCaller, "error of the banknote acceptor"},
	0xE3: {ClassCaller, "error of the banknote acceptor"},
	0xE4: {ClassCaller, "error of the banknote acceptor"},
}

// ErrorText says in words what an error code means, with the code: "4Eh the
// shift is longer than allowed: the Z report is needed".
func ErrorText(code byte) string {
	if m, ok := meanings[code]; ok {
		return fmt.Sprintf("%02Xh %s", code, m.text)
	}
	return fmt.Sprintf("%02Xh (not in the document)", code)
}

// ClassOf says what helps. A code that the document does not have is a fault.
func ClassOf(code byte) Class {
	if m, ok := meanings[code]; ok {
		return m.class
	}
	return ClassFault
}
