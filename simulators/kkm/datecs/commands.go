package datecs

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/device/datecs/frame"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
)

// call is one command on its way.
type call struct {
	h     *Host
	cmd   byte
	raw   []byte
	f     []string // fields
	reply func(data []byte, s0, s1 byte)
}

// at is a field, empty when there are fewer.
func (c *call) at(i int) string {
	if i < len(c.f) {
		return c.f[i]
	}
	return ""
}

// ok answers with fields.
func (c *call) ok(fields ...string) {
	if c.h.x() {
		fields = append([]string{"0"}, fields...)
	}
	c.reply(c.h.o.Family.Join(fields...), 0, 0)
}

// Codes of family X; their values are firmware specific, and these are ours (9).
var reasons = []kkm.Reason{kkm.BadData, kkm.Unsupported, kkm.Password, kkm.ShiftTooLong, kkm.OfflineTooLong, kkm.OFDBlocked, kkm.TokenBlocked,
	kkm.ShiftOpen, kkm.ShiftClosed, kkm.NoPaper, kkm.NoCash, kkm.Busy, kkm.Fault, kkm.ClockBack, denied}

// denied is a command out of place.
const denied kkm.Reason = "not allowed now"

const firstCode = -101000

func codeOf(r kkm.Reason) int {
	for i, x := range reasons {
		if x == r {
			return firstCode - i
		}
	}
	return firstCode - len(reasons)
}

// fail refuses: with status bits on P, with a code on X besides.
func (c *call) fail(why kkm.Reason) {
	s0, s1 := frame.S0Error, byte(0)
	switch why {
	case kkm.BadData:
		s0 |= frame.S0Syntax
	case kkm.Unsupported:
		s0 |= frame.S0Command
	case kkm.NoPaper: // its own bit stands in the status already
	default:
		s1 |= frame.S1Denied
	}
	c.h.failed = failure{c.cmd, codeOf(why), string(why)}
	var data []byte
	if c.h.x() {
		data = c.h.o.Family.Join(itoa(codeOf(why)))
	}
	c.reply(data, s0, s1)
}

// do hands an operation to the register; done is called when it was registered.
func (c *call) do(op fiscal.Op, done func(kkm.Reply)) {
	c.h.r.Do(op, func(r kkm.Reply) {
		switch {
		case r.Got == fiscal.Done:
			done(r)
		case r.Got == fiscal.Unknown:
			c.h.Reset() // the power went: there is nobody to answer
		case r.Reason == "":
			c.fail(kkm.Unsupported)
		default:
			c.fail(r.Reason)
		}
	})
}

// print is do for what prints; on X the answer waits for the paper.
func (c *call) print(op fiscal.Op, fields func() []string) {
	c.do(op, func(kkm.Reply) {
		answer := func() { c.ok(fields()...) }
		if c.h.x() {
			c.h.printed(answer)
			return
		}
		answer()
	})
}

func none() []string { return nil }

// admin is the right of whoever stands at the register.
var admin = fiscal.Role{Admin: true}

type handler func(*Host, *call)

var common, onlyP, onlyX map[byte]handler

func init() { // literals would be an initialization cycle through command
	plain := func(kind fiscal.OpKind) handler {
		return func(h *Host, c *call) { h.shut(c, func() { c.print(fiscal.Op{Kind: kind, As: admin}, none) }) }
	}
	common = map[byte]handler{
		frame.GetStatus: (*Host).getStatus, frame.ReceiptStatus: (*Host).receiptStatus, frame.Info: (*Host).info,
		frame.GetClock: func(h *Host, c *call) { c.ok(h.r.State().Clock.Format(clockLayout)) }, frame.SetClock: (*Host).setClock,
		frame.OpenReceipt: func(h *Host, c *call) { h.openReceipt(c, false) }, frame.Sale: (*Host).sale, frame.Subtotal: (*Host).subtotal,
		frame.Pay: (*Host).pay, frame.ReceiptText: (*Host).receiptText, frame.CloseReceipt: (*Host).closeReceipt, frame.Cancel: (*Host).cancel,
		frame.OpenService: (*Host).openService, frame.ServiceText: (*Host).serviceText, frame.CloseService: (*Host).closeService,
		frame.Money: (*Host).money, frame.DailyReport: (*Host).dailyReport, frame.LastZ: (*Host).lastZ, frame.DaySums: (*Host).daySums,
		frame.Operators: plain(fiscal.OpReportCashiers), frame.Copy: plain(fiscal.OpCopy), frame.SetPassword: (*Host).setPassword,
	}
	onlyP = map[byte]handler{
		frame.LastError: (*Host).lastError, frame.OpenStornoP: func(h *Host, c *call) { h.openReceipt(c, true) },
		frame.LastDocument: func(h *Host, c *call) { c.ok(fmt.Sprintf("%07d", h.r.State().LastDoc%1e7)) },
		frame.Departments:  plain(fiscal.OpReportSections), frame.Diagnostics: plain(fiscal.OpSelfTest), frame.JournalP: (*Host).journalP,
		frame.Setting: (*Host).setting,
	}
	onlyX = map[byte]handler{
		frame.OpenStornoX: func(h *Host, c *call) { h.openReceipt(c, true) }, frame.ExplainError: (*Host).explain,
		frame.JournalRange: (*Host).journalRange, frame.JournalX: (*Host).journalX, frame.Setting: (*Host).setting,
	}
}

// command executes one command.
func (h *Host) command(x frame.Frame, reply func(data []byte, s0, s1 byte)) {
	c := &call{h: h, cmd: x.Cmd, raw: x.Data, f: h.o.Family.Fields(x.Data), reply: reply}
	own := onlyP
	if h.x() {
		own = onlyX
	}
	run, ok := common[x.Cmd]
	if !ok {
		run, ok = own[x.Cmd]
	}
	if !ok || x.Cmd == frame.Setting && h.o.Plain {
		c.fail(kkm.Unsupported)
		return
	}
	run(h, c)
}

// shut goes on when no receipt is open.
func (h *Host) shut(c *call, then func()) {
	if h.open != nil || h.service != nil {
		c.fail(denied)
		return
	}
	then()
}

// getStatus: on P the status bytes stand in the data too; W waits for the paper.
func (h *Host) getStatus(c *call) {
	answer := func() {
		if h.x() {
			c.ok(string(h.status(0, 0)))
			return
		}
		c.reply(h.status(0, 0), 0, 0)
	}
	if string(c.raw) == "W" && !h.x() {
		h.printed(answer)
		return
	}
	answer()
}

// clockLayout is how date and time travel.
const clockLayout = "02-01-06 15:04:05"

func (h *Host) setClock(c *call) {
	t, err := time.Parse(clockLayout, strings.TrimSuffix(c.at(0), " DST"))
	if err != nil {
		if t, err = time.Parse("02-01-06 15:04", c.at(0)); err != nil {
			c.fail(kkm.BadData)
			return
		}
	}
	c.do(fiscal.Op{Kind: fiscal.OpSetClock, Clock: t, As: admin}, func(kkm.Reply) { c.ok() })
}

func (h *Host) info(c *call) {
	p := h.r.Profile()
	memory := "02000600"
	if !h.o.Plain {
		memory = frame.DoubleMemory
	}
	c.ok(string(coding.EncodeLossy(strings.ReplaceAll(p.Model, ",", " "))), p.Firmware+"KZ", "FFFF", "00000000", p.Serial, memory)
}

// receiptStatus is 76.
func (h *Host) receiptStatus(c *call) {
	open, s := 0, h.last
	number := h.r.State().LastDoc
	if h.open != nil {
		open, s, number = 1, h.open.summary(), number+1
	}
	if h.x() {
		c.ok(itoa(open), strconv.FormatUint(number, 10), itoa(s.items), s.sum.String(), s.paid.String())
		return
	}
	c.ok(itoa(open), fmt.Sprintf("%04d", s.items), "+"+padded(s.sum, 8), "+"+padded(s.paid, 8))
}

// money is 70: cash in, out, or a question.
func (h *Host) money(c *call) {
	amount, sign := c.at(0), fiscal.Tiyn(1)
	if h.x() {
		if c.at(0) == "1" {
			sign = -1
		}
		amount = c.at(1)
	}
	n, err := int64(0), error(nil)
	if amount != "" {
		n, err = parse(amount)
	}
	if err != nil {
		c.fail(kkm.BadData)
		return
	}
	sums := func(ok string) []string {
		s := h.r.State()
		if h.x() {
			return []string{s.Cash.String(), s.Deposited.String(), s.Withdrawn.String()}
		}
		return []string{ok, padded(s.Cash, 10), padded(s.Deposited, 10), padded(s.Withdrawn, 10)}
	}
	op := fiscal.Op{Kind: fiscal.OpDeposit, Cash: sign * fiscal.Tiyn(n)}
	switch {
	case n == 0:
		c.ok(sums("P")...)
		return
	case op.Cash < 0:
		op.Kind, op.Cash = fiscal.OpWithdraw, -op.Cash
	}
	h.shut(c, func() {
		if why := h.r.May(op); !h.x() && (why == kkm.NoCash || why == kkm.BadData) { // a movement that is denied is an answer, not an error
			h.failed = failure{c.cmd, codeOf(why), string(why)}
			c.ok(sums("F")...)
			return
		}
		c.print(op, func() []string { return sums("P") })
	})
}

// parse reads an amount with a point and up to two decimals, or whole units.
func parse(s string) (int64, error) {
	t, err := fiscal.ParseTiyn(strings.TrimPrefix(s, "+"))
	return int64(t), err
}

func (h *Host) dailyReport(c *call) {
	kind, ok := map[string]fiscal.OpKind{"0": fiscal.OpZReport, "2": fiscal.OpXReport}[c.at(0)]
	if h.x() {
		kind, ok = map[string]fiscal.OpKind{"Z": fiscal.OpZReport, "X": fiscal.OpXReport, "D": fiscal.OpReportSections}[c.at(0)]
	}
	if !ok {
		c.fail(kkm.BadData)
		return
	}
	groups := h.groups()
	h.shut(c, func() {
		c.print(fiscal.Op{Kind: kind, As: admin}, func() []string {
			n := h.closure()
			if kind != fiscal.OpZReport {
				n++
			}
			return h.sums(fmt.Sprint(n), fmt.Sprintf("%04d", n), groups)
		})
	})
}

// closure is the number of the last Z report.
func (h *Host) closure() uint64 {
	s := h.r.State()
	if s.ShiftOpen {
		return max(s.Shift, 1) - 1
	}
	return s.Shift
}

// groups are the turnovers of the tax groups. The register does not count by
// group; the first one carries the turnover of the day, returns included.
func (h *Host) groups() [8]fiscal.Tiyn {
	var g [8]fiscal.Tiyn
	for _, s := range h.r.State().Sums {
		g[0] += s
	}
	return g
}

// sums are a number and sums as the families tell them.
func (h *Host) sums(x, p string, groups [8]fiscal.Tiyn) []string {
	if h.x() {
		f := []string{x}
		for _, s := range groups {
			f = append(f, s.String())
		}
		for range groups {
			f = append(f, fiscal.Tiyn(0).String())
		}
		return f
	}
	f := []string{p, "+" + padded(0, 11)}
	for _, s := range groups {
		f = append(f, "+"+padded(s, 11))
	}
	return f
}

func (h *Host) lastZ(c *call) {
	n := h.closure()
	if h.x() {
		c.ok(h.sums(fmt.Sprint(n), "", [8]fiscal.Tiyn{})...)
		return
	}
	f := []string{"P", fmt.Sprintf("%04d", n)}
	for range 8 {
		f = append(f, padded(0, 11))
	}
	c.ok(append(f, h.r.State().Clock.Format("020106"))...)
}

func (h *Host) daySums(c *call) {
	groups := h.groups()
	if h.x() {
		c.ok(h.sums(fmt.Sprint(h.closure()+1), "", groups)[:9]...)
		return
	}
	var f []string
	for _, s := range groups {
		f = append(f, padded(s, 11))
	}
	c.ok(f...)
}

// lastError tells the last refusal in words (32).
func (h *Host) lastError(c *call) {
	f := h.failed
	if f.text == "" {
		c.ok("0", "0", "", "")
		return
	}
	c.ok(itoa(int(f.cmd)), itoa(-f.code), h.r.State().Clock.Format(clockLayout), f.text)
}

// explain tells a code in words (100).
func (h *Host) explain(c *call) {
	for _, r := range reasons {
		if itoa(codeOf(r)) == c.at(0) {
			c.ok(c.at(0), string(r))
			return
		}
	}
	c.fail(kkm.BadData)
}

// setPassword is 101: the operator changes the own password.
func (h *Host) setPassword(c *call) {
	n, err := strconv.Atoi(c.at(0))
	if err != nil || n < 1 || n > kkm.Operators {
		c.fail(kkm.BadData)
		return
	}
	if !h.knows(c, n, c.at(1)) {
		return
	}
	c.do(fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetCashierPassword, Value: c.at(2), As: fiscal.Role{Cashier: n}}, func(kkm.Reply) { c.ok() })
}

// mostWrong is how many wrong passwords lock the register until it is switched off.
const mostWrong = 3

// knows says whether a password is the operator's; it refuses when it is not, and
// after three of them everything. A register with a defect may let somebody in
// who is not known: it is asked.
func (h *Host) knows(c *call, n int, pw string) bool {
	if h.wrong >= mostWrong {
		c.fail(kkm.Password)
		return false
	}
	if _, err := strconv.ParseUint(pw, 10, 32); err == nil && len(pw) <= 8 {
		known := h.r.Operator(h.typed(n, pw))
		lax := known == 0 && h.r.May(fiscal.Op{Kind: fiscal.OpReceipt, Receipt: &fiscal.Receipt{Kind: fiscal.Sale}, As: fiscal.Role{Cashier: n, Password: pw}}) != kkm.Password
		if known == n || lax {
			h.wrong = 0
			return true
		}
	}
	h.wrong++
	c.fail(kkm.Password)
	return false
}

// typed is a password as a person would type it. All operators have the factory
// password 0000 on this line until another one is programmed; the register's own
// factory password is the operator's number.
func (h *Host) typed(n int, pw string) string {
	if pw == "0000" {
		return itoa(n)
	}
	return pw
}

// settings that only this register has, by command 255.
var settings = map[string]fiscal.Setting{"KKMTEST_OFD_HOST": fiscal.SetOFDHost, "KKMTEST_OFD_PORT": fiscal.SetOFDPort}

func (h *Host) setting(c *call) {
	s, ok := settings[c.at(0)]
	switch {
	case !ok:
		c.fail(kkm.BadData)
	case c.at(2) == "":
		c.ok(string(coding.EncodeLossy(h.r.Setting(s))))
	default:
		op := fiscal.Op{Kind: fiscal.OpSetSetting, Setting: s, Value: coding.Decode([]byte(c.at(2))), As: admin}
		h.shut(c, func() { c.do(op, func(kkm.Reply) { c.ok() }) })
	}
}

// service receipts are trial prints.
func (h *Host) openService(c *call) {
	h.shut(c, func() {
		if why := h.r.May(fiscal.Op{Kind: fiscal.OpTestPrint}); why != "" {
			c.fail(why)
			return
		}
		h.service = new(string)
		c.ok(h.nextDoc())
	})
}

func (h *Host) nextDoc() string { return fmt.Sprintf("%04d", (h.r.State().LastDoc+1)%1e4) }

func (h *Host) serviceText(c *call) {
	if h.service == nil {
		c.fail(denied)
		return
	}
	text := string(c.raw)
	if h.x() {
		text = c.at(0)
	}
	if *h.service == "" {
		*h.service = coding.Decode([]byte(text))
	}
	c.ok()
}

func (h *Host) closeService(c *call) {
	if h.service == nil {
		c.fail(denied)
		return
	}
	op := fiscal.Op{Kind: fiscal.OpTestPrint, Value: *h.service}
	h.service = nil
	c.print(op, func() []string { return []string{h.nextDoc()} })
}
