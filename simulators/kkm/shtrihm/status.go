package shtrihm

import (
	"strconv"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
)

// What FCh says: protocol 2.0, model 27 (Yarus for Kazakhstan), language 3. The
// subtype marks the bench's own register.
const (
	protocolMajor = 2
	protocolMinor = 0
	model         = 27
	language      = 3
)

func (h *Host) deviceType(c *call) {
	c.reply(answer(c.code, frame.ErrNone).Raw([]byte{0, h.subtype, protocolMajor, protocolMinor, model, language}).
		Raw(coding.EncodeLossy(h.r.Profile().Model)))
}

// Flags of the status (6) that this register has.
const (
	flagRoll     = 1 << 1 // receipt roll present
	flagDecimals = 1 << 4 // two decimals
	flagPaper    = 1 << 7 // paper seen by the optical sensor
)

func flags(s kkm.State) uint64 {
	f := uint64(flagDecimals)
	if s.Paper {
		f |= flagRoll | flagPaper
	}
	return f
}

func (h *Host) mode(s kkm.State) byte {
	switch {
	case h.open != nil:
		return byte(frame.ModeReceipt) | h.open.typ<<4
	case !h.date.IsZero():
		return byte(frame.ModeConfirmDate)
	case s.ShiftOpen && s.ShiftTooLong:
		return byte(frame.ModeShiftLong)
	case s.ShiftOpen:
		return byte(frame.ModeShiftOpen)
	default:
		return byte(frame.ModeShiftClosed)
	}
}

func (h *Host) subMode(s kkm.State) byte {
	switch {
	case !s.Paper && h.r.Printing():
		return frame.SubPaperActive
	case !s.Paper:
		return frame.SubPaperPassive
	case h.r.Printing() || s.Testing:
		return frame.SubPrinting
	default:
		return frame.SubReady
	}
}

func (h *Host) operations() uint64 {
	if h.open == nil {
		return 0
	}
	return uint64(len(h.open.Lines))
}

// Battery and supply as a healthy register reports them (raw sensor values).
const (
	battery = 0xA9
	supply  = 0xD8
)

func (h *Host) shortStatus(c *call) {
	c.known(func() {
		s, n := h.r.State(), h.operations()
		c.reply(c.ok().Uint(flags(s), 2).Byte(h.mode(s)).Byte(h.subMode(s)).Byte(byte(n)).
			Byte(battery).Byte(supply).Raw([]byte{0, 0}).Byte(byte(n >> 8)).Raw([]byte{0, 0, 0}))
	})
}

// FM flags (6): two memories, last record good.
const fmGood = 1<<0 | 1<<2 | 1<<5

func (h *Host) fullStatus(c *call) {
	c.known(func() {
		s, p := h.r.State(), h.r.Profile()
		fm := byte(fmGood)
		lastClosed := s.Shift
		if s.ShiftOpen {
			fm |= 1 << 6
			lastClosed = max(lastClosed, 1) - 1
		}
		if s.ShiftTooLong {
			fm |= 1 << 7
		}
		major, minor, build := version(p.Firmware)
		c.reply(c.ok().Byte(major).Byte(minor).Uint(build, 2).Date(firmwareDate).
			Byte(1).Uint(s.LastDoc&0xFFFF, 2).Uint(flags(s), 2).Byte(h.mode(s)).Byte(h.subMode(s)).Byte(0).
			Byte(major).Byte(minor).Uint(build, 2).Date(firmwareDate).
			Date(s.Clock).Time(s.Clock).Byte(fm).Uint(digits(p.Serial)%1e8, 4).Uint(lastClosed&0xFFFF, 2).
			Uint(uint64(max(0, fmRecords-int64(lastClosed))), 2).Byte(0).Byte(reRegistrations).
			Uint(digits(p.Taxpayer.BIN)%1e12, 6))
	})
}

// firmwareDate stands in the status; the emulated firmware has no date of its own.
var firmwareDate = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Room of the emulated fiscal memory, as the status tells it.
const (
	fmRecords       = 2000
	reRegistrations = 15
)

// version makes two characters and a build number of "1.0.3".
func version(s string) (major, minor byte, build uint64) {
	part := strings.SplitN(s+"..", ".", 4)
	first := func(s string) byte {
		if s == "" {
			return '0'
		}
		return s[0]
	}
	build, err := strconv.ParseUint(part[2], 10, 16)
	if err != nil {
		build = 0
	}
	return first(part[0]), first(part[1]), build
}

// digits is the number that the digits of s make, the last 15 of them.
func digits(s string) uint64 {
	var n uint64
	for _, r := range s {
		if r >= '0' && r <= '9' {
			n = (n%1e14)*10 + uint64(r-'0')
		}
	}
	return n
}

// moneyRegister tells the sums that the register knows (9); the others are
// refused rather than told as zero.
func (h *Host) moneyRegister(c *call) {
	n := c.f.Byte()
	if c.f.Err() != nil {
		c.fail(frame.ErrParameters)
		return
	}
	c.known(func() {
		s := h.r.State()
		var v fiscal.Tiyn
		switch {
		case n == 120 || n == 241:
			v = s.Cash
		case n == 242:
			v = s.Deposited
		case n == 243:
			v = s.Withdrawn
		case n >= 245 && n <= 248:
			v = s.Sums[kinds[n-245]]
		default:
			c.fail(frame.ErrParameters)
			return
		}
		c.reply(c.ok().Uint(uint64(max(v, 0)), 6))
	})
}

// register tells the counters (9).
func (h *Host) register(c *call) {
	n := c.f.Byte()
	if c.f.Err() != nil {
		c.fail(frame.ErrParameters)
		return
	}
	c.known(func() {
		s := h.r.State()
		var v uint64
		switch {
		case n >= 144 && n <= 147:
			v = s.Receipts[kinds[n-144]]
		case n >= 148 && n <= 151:
			v = s.Numbers[kinds[n-148]]
		case n == 152:
			v = s.LastDoc
		case n == 153:
			v = s.Deposits
		case n == 154:
			v = s.Withdrawals
		case n == 158:
			v = uint64(h.reports)
		default:
			c.fail(frame.ErrParameters)
			return
		}
		c.reply(c.ok().Uint(v&0xFFFF, 2))
	})
}

func (h *Host) printBuffer(c *call) {
	c.known(func() {
		c.reply(answer(c.code, frame.ErrNone).Uint(uint64(min(len(h.r.Printed()), 0xFFFF)), 2).Uint(0, 2))
	})
}

// longestLine is what fits into an answer beside code and error.
const longestLine = frame.MaxBody - 2

func (h *Host) bufferLine(c *call) {
	n := c.f.Uint(2)
	if c.f.Err() != nil {
		c.fail(frame.ErrParameters)
		return
	}
	c.known(func() {
		lines := h.r.Printed()
		if n >= uint64(len(lines)) {
			c.fail(frame.ErrNoData)
			return
		}
		p := coding.EncodeLossy(lines[n])
		c.reply(answer(c.code, frame.ErrNone).Raw(p[:min(len(p), longestLine)]))
	})
}

func (h *Host) clearBuffer(c *call) {
	c.known(func() {
		h.r.ClearPrinted()
		c.reply(answer(c.code, frame.ErrNone))
	})
}
