package frame

import (
	"fmt"
	"strconv"
	"strings"
)

// The commands that driver and emulated register use (7), in decimal.
const (
	LastError     byte = 32 // P
	OpenService   byte = 38
	CloseService  byte = 39
	ServiceText   byte = 42
	OpenStornoX   byte = 43 // X; on P the header lines
	OpenStornoP   byte = 46 // P; on X the paper cutter
	OpenReceipt   byte = 48
	Sale          byte = 49
	Subtotal      byte = 51
	Pay           byte = 53
	ReceiptText   byte = 54
	CloseReceipt  byte = 56
	Cancel        byte = 60
	SetClock      byte = 61
	GetClock      byte = 62
	LastZ         byte = 64
	DaySums       byte = 65
	DailyReport   byte = 69
	Money         byte = 70
	Diagnostics   byte = 71
	GetStatus     byte = 74
	ReceiptStatus byte = 76
	Info          byte = 90
	ExplainError  byte = 100 // X
	SetPassword   byte = 101
	Operators     byte = 105
	Copy          byte = 109
	LastDocument  byte = 113
	Departments   byte = 117 // P
	JournalP      byte = 119
	JournalRange  byte = 124 // X
	JournalX      byte = 125
	Setting       byte = 255 // X
)

var names = map[byte]string{LastError: "last error", OpenService: "open service receipt", CloseService: "close service receipt", ServiceText: "service text",
	OpenReceipt: "open receipt", Sale: "sale line", Subtotal: "subtotal", Pay: "payment", ReceiptText: "text", CloseReceipt: "close receipt",
	Cancel: "cancel receipt", SetClock: "set clock", GetClock: "clock", LastZ: "last Z report", DaySums: "sums of the day", DailyReport: "daily report",
	Money: "cash in or out", Diagnostics: "diagnostics", GetStatus: "status", ReceiptStatus: "receipt status", Info: "device information",
	ExplainError: "explain error", SetPassword: "set password", Operators: "report by operators", Copy: "copy", LastDocument: "last document",
	Departments: "report by departments", JournalP: "journal", JournalRange: "journal range", JournalX: "journal", Setting: "setting"}

// Name names a command; 43 and 46 change places between the families.
func (f Family) Name(c byte) string {
	s := names[c]
	if f == P && c == OpenStornoP || f == X && c == OpenStornoX {
		s = "open storno receipt"
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", c, s))
}

// Bits of the first three status bytes (6).
const (
	S0Cover   byte = 1 << 6
	S0Error   byte = 1 << 5 // any of the errors
	S0Printer byte = 1 << 4
	S0Clock   byte = 1 << 2
	S0Command byte = 1 << 1
	S0Syntax  byte = 1 << 0

	S1Storno   byte = 1 << 4
	S1RAM      byte = 1 << 2
	S1Denied   byte = 1 << 1
	S1Overflow byte = 1 << 0

	S2Service byte = 1 << 5
	S2Receipt byte = 1 << 3
	S2NoPaper byte = 1 << 0
)

// Refused says whether a status speaks of a command that was not executed for
// its own sake: syntax, code, moment or overflow.
func Refused(status []byte) bool {
	return len(status) > 2 && (status[0]&(S0Syntax|S0Command) != 0 || status[1]&(S1Denied|S1Overflow) != 0)
}

// NoPaper says whether a status tells of missing paper, for whose sake a command
// that prints is cancelled.
func NoPaper(status []byte) bool { return len(status) > 2 && status[2]&S2NoPaper != 0 }

// ReceiptOpen says whether a status tells of an open fiscal receipt.
func ReceiptOpen(status []byte) bool { return len(status) > 2 && status[2]&S2Receipt != 0 }

// StatusText puts the bits of a status into words that say why something may not work.
func StatusText(status []byte) string {
	var w []string
	for _, x := range []struct {
		at   int
		bit  byte
		text string
	}{
		{0, S0Syntax, "syntax"}, {0, S0Command, "unknown command"}, {1, S1Denied, "not allowed now"}, {1, S1Overflow, "overflow"}, {2, S2NoPaper, "no paper"},
		{0, S0Cover, "cover open"}, {0, S0Printer, "printer fault"}, {0, S0Clock, "clock not set"}, {1, S1RAM, "memory was reset"},
		{4, 1 << 4, "fiscal memory full"}, {4, 1 << 0, "fiscal memory cannot be written"}, {5, 1 << 2, "last write to the fiscal memory failed"}, {5, 1 << 0, "fiscal memory is read only"},
	} {
		if x.at < len(status) && status[x.at]&x.bit != 0 {
			w = append(w, x.text)
		}
	}
	return strings.Join(w, ", ")
}

// Code makes one number of the three status bytes that speak of a command.
func Code(status []byte) int {
	if len(status) < 3 {
		return 0
	}
	return int(status[0])<<16 | int(status[1])<<8 | int(status[2])
}

// Fields splits the data of an answer: by commas on P, by tabs on X, where the
// last one ends the list.
func (f Family) Fields(data []byte) []string {
	if f == X {
		return strings.Split(strings.TrimSuffix(string(data), "\t"), "\t")
	}
	return strings.Split(string(data), ",")
}

// Join puts fields together as a family wants them.
func (f Family) Join(fields ...string) []byte {
	if f == X {
		if len(fields) == 0 {
			return nil
		}
		return []byte(strings.Join(fields, "\t") + "\t")
	}
	return []byte(strings.Join(fields, ","))
}

// Amount reads a sum in hundredths: with a point, or in minor units, signed and
// padded with zeros or not (7).
func Amount(s string) (int64, error) {
	t := strings.TrimSpace(s)
	neg := strings.HasPrefix(t, "-")
	t = strings.TrimPrefix(strings.TrimPrefix(t, "-"), "+")
	whole, frac, point := strings.Cut(t, ".")
	if whole == "" || point && len(frac) != 2 || strings.ContainsAny(whole+frac, "+-") {
		return 0, fmt.Errorf("amount %q: want digits, with a point and two more or without", s)
	}
	n, err := strconv.ParseInt(whole+frac, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("amount %q: want digits, with a point and two more or without", s)
	}
	if neg {
		n = -n
	}
	return n, nil
}

// DoubleMemory is the number of the fiscal memory (command 90) by which the bench's own
// emulated register says what it is.
const DoubleMemory = "KKMTEST0"
