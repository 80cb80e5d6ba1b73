package atol

import (
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/device/atol/frame"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
)

// What A5h says: protocol 2, a fiscal registrar. A plain one is model 42, the
// Kazakh registrar that the documents know.
const (
	protocolVersion = 2
	registrar       = 1
	modelPlain      = 42
	languageKazakh  = 0x10
)

func (h *Host) deviceType(c *call) {
	model := byte(modelPlain)
	if !h.o.Plain {
		model = frame.ModelDouble
	}
	p := h.r.Profile()
	c.reply(new(frame.Body).Raw(0, protocolVersion, registrar, model, 0, 0).Raw(version(p.Firmware)...).Raw(frame.Encode866Lossy(p.Model)...))
}

// version makes five bytes of "1.0.3": two numbers, the language, the build.
func version(s string) []byte {
	part := strings.SplitN(s+"..", ".", 4)
	num := func(s string, n int) []byte {
		p, err := frame.BCD(int64(digits(s)), n)
		if err != nil {
			return make([]byte, n)
		}
		return p
	}
	v := append(num(part[0], 1), num(part[1], 1)...)
	return append(append(v, languageKazakh), num(part[2], 2)...)
}

// digits is the number that the digits of s make.
func digits(s string) uint64 {
	var n uint64
	for _, r := range s {
		if r >= '0' && r <= '9' {
			n = n%1e14*10 + uint64(r-'0')
		}
	}
	return n
}

func (h *Host) stateByte() byte {
	switch {
	case h.state != 0:
		return h.state
	case h.open != nil && len(h.open.paid) > 0:
		return frame.StatePaying
	default:
		return h.mode
	}
}

func (h *Host) flags() byte {
	if !h.r.State().Paper {
		return frame.FlagNoPaper
	}
	return 0
}

// Decimals and port as 3Fh tells them.
const (
	decimals = 2
	port     = 1
)

func (h *Host) fullStatus(c *call) {
	s, p := h.r.State(), h.r.Profile()
	flags := frame.FullFiscal
	lastClosed := s.Shift
	if s.ShiftOpen {
		flags |= frame.FullShiftOpen
		lastClosed = max(lastClosed, 1) - 1
	}
	if s.Paper {
		flags |= frame.FullPaper
	}
	var typ byte
	var sum fiscal.Tiyn
	if h.open != nil {
		typ, sum = h.open.typ, h.open.Total()
	}
	operator := int64(0)
	if h.mode != 0 {
		operator = int64(h.r.Operator(typed(h.pw)))
	}
	v := version(p.Firmware)
	c.reply(new(frame.Body).Raw(0x44).Num(operator, 1).Num(1, 1).DateYMD(s.Clock).Time(s.Clock).Raw(flags).
		Num(int64(digits(p.Serial)%1e8), 4).Raw(modelPlain, '0'+v[0]&15, '0'+v[1]&15, h.stateByte()).
		Num(int64(s.LastDoc%1e4), 2).Num(int64(lastClosed%1e4), 2).Raw(typ).Sum(int64(sum)).Raw(decimals, port))
}

// errRegister refuses a register that this model does not have (8: 6Bh to 6Fh).
const errRegister = 0x6F

// register tells what the register knows (91h).
func (h *Host) register(c *call) {
	n, p1 := c.f.Byte(), c.f.Byte()
	c.f.Byte()
	if c.bad() {
		return
	}
	s := h.r.State()
	a := frame.Answer(frame.OK)
	kind, typed := kinds[p1]
	switch {
	case n == frame.RegDeposits:
		a.Num(int64(s.Deposited), 6)
	case n == frame.RegWithdrawals:
		a.Num(int64(s.Withdrawn), 6)
	case n == frame.RegCounts && typed:
		a.Num(int64(s.Numbers[kind]%1e4), 2)
	case n == frame.RegCash:
		a.Num(int64(max(s.Cash, 0)), 7)
	case n == frame.RegClock:
		a.Date(s.Clock).Time(s.Clock)
	case n == frame.RegShift:
		open := byte(0)
		if s.ShiftOpen {
			open = 1
		}
		until := h.shiftEnd(s)
		if until.IsZero() {
			a.Raw(open, 0, 0, 0, 0, 0, 0)
		} else {
			a.Raw(open).Date(until).Time(until)
		}
	case n == frame.RegUnsent:
		a.Num(int64(s.Unsent), 3)
	default:
		c.fail(errRegister)
		return
	}
	c.reply(a)
}

// shiftEnd is the moment until which the shift may last, as the register itself
// sees it: a register with another idea of the limit tells another moment.
func (h *Host) shiftEnd(s kkm.State) time.Time {
	if !s.ShiftOpen || s.ShiftSince.IsZero() && !s.ShiftTooLong {
		return time.Time{}
	}
	until := s.ShiftSince.Add(h.r.Profile().Limits.Shift).Truncate(time.Second)
	switch {
	case s.ShiftTooLong && !until.Before(s.Clock):
		return s.Clock.Add(-time.Second)
	case !s.ShiftTooLong && until.Before(s.Clock):
		return s.Clock
	}
	return until
}
