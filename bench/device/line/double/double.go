// Package double is the private talk between our drivers and our emulated
// registers: lines of text of the form KEY:[value] that stand for what a host
// protocol has no field for, such as the receipt that a return refers to, the
// code of the goods, or a position that is taken back.
//
// Only a register that says of itself that it is the bench's own double reads
// them. A driver must not send them to any other: there the operation is
// unsupported, with the reason. They exist so that the same scenarios drive
// every protocol in CI; they prove nothing about what a real register can be
// told over its line.
//
// The keys of a return's basis are those that Shtrih-M facades read from print
// lines (serial-shtrih-m.md 8.9); all others are ours. Begin with [Of] and [Notes].
package double

import (
	"strconv"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/fiscal"
)

// The keys. A line key concerns the position that comes next.
const (
	Kind    = "KIND"  // of the receipt
	Buyer   = "BUYER" // IIN or BIN
	Sign    = "NUM"   // of the receipt that a return refers to
	KKM     = "RNM"   //
	At      = "DATETIME"
	Total   = "TOTAL"
	Offline = "ISOFF"

	Line    = "LINE"    // kind of the position
	Name    = "NAME"    // of the position
	Code    = "CODE"    // of the goods
	Section = "SECTION" //
	VAT     = "VAT"     // in thousandths of a percent, "-" for none

	Modifier = "MODIFIER" // name of the discount or markup that goes with the position
)

const moment = "02.01.2006 15:04:05"

// Of makes the text of a note.
func Of(key, value string) string { return key + ":[" + value + "]" }

// Rate is the value of a VAT note.
func Rate(r *fiscal.MilliPercent) string {
	if r == nil {
		return "-"
	}
	return strconv.FormatInt(int64(*r), 10)
}

// Basis are the notes of a return.
func Basis(p fiscal.Parent) []string {
	off := "нет"
	if p.Offline {
		off = "да"
	}
	return []string{Of(Sign, p.Sign), Of(KKM, p.KKM), Of(At, p.At.Format(moment)), Of(Total, p.Total.String()), Of(Offline, off)}
}

// Notes collects what a register was told. The zero value is ready.
type Notes struct {
	line, receipt map[string]string
}

// Take keeps a text that is a note, and says whether it was one.
func (n *Notes) Take(text string) bool {
	key, rest, ok := strings.Cut(text, ":[")
	value, closed := strings.CutSuffix(strings.TrimRight(rest, " "), "]")
	if !ok || !closed {
		return false
	}
	switch key {
	case Line, Name, Code, Section, VAT, Modifier:
		if n.line == nil {
			n.line = map[string]string{}
		}
		n.line[key] = value
	case Kind, Buyer, Sign, KKM, At, Total, Offline:
		if n.receipt == nil {
			n.receipt = map[string]string{}
		}
		n.receipt[key] = value
	default:
		return false
	}
	return true
}

// Apply puts the collected notes on a position and forgets them; false when one
// of them cannot be read.
func (n *Notes) Apply(l *fiscal.Line) bool {
	notes := n.line
	n.line = nil
	if v, ok := notes[Line]; ok {
		l.Kind = fiscal.LineKind(v)
	}
	if v, ok := notes[Name]; ok {
		l.Name = v
	}
	if v, ok := notes[Code]; ok {
		code, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			return false
		}
		l.Code = code
	}
	if v, ok := notes[Section]; ok {
		s, err := strconv.Atoi(v)
		if err != nil || s < 0 {
			return false
		}
		l.Section = s
	}
	if v, ok := notes[VAT]; ok {
		l.VAT = nil
		if v != "-" {
			m, err := strconv.ParseInt(v, 10, 32)
			if err != nil || m < 0 {
				return false
			}
			rate := fiscal.MilliPercent(m)
			l.VAT = &rate
		}
	}
	return true
}

// ModifierName is the noted name of what goes with the next position.
func (n *Notes) ModifierName() string { return n.line[Modifier] }

// Pending says that notes wait for a position.
func (n *Notes) Pending() bool { return len(n.line) > 0 }

// Kind is the noted kind of the receipt, or the one given.
func (n *Notes) Kind(k fiscal.ReceiptKind) fiscal.ReceiptKind {
	if v, ok := n.receipt[Kind]; ok {
		return fiscal.ReceiptKind(v)
	}
	return k
}

// Finish puts kind, buyer and basis on a receipt. The basis counts only when all five
// notes came and can be read.
func (n *Notes) Finish(r *fiscal.Receipt) {
	r.Kind = n.Kind(r.Kind)
	r.Customer = n.receipt[Buyer]
	p := fiscal.Parent{Sign: n.receipt[Sign], KKM: n.receipt[KKM], Offline: n.receipt[Offline] == "да"}
	at, err := time.Parse(moment, n.receipt[At])
	total, err2 := fiscal.ParseTiyn(n.receipt[Total])
	off := n.receipt[Offline]
	if p.Sign == "" || p.KKM == "" || err != nil || err2 != nil || off != "да" && off != "нет" {
		return
	}
	p.At, p.Total = at, total
	r.Parent = &p
}
