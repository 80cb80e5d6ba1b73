package shtrihm

import (
	"strconv"

	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
)

// tableField is one field of a table: its structure and where its value is.
type tableField struct {
	name string
	char bool
	size int
	get  func(h *Host, row int) string // numbers in decimal; nil: cannot be read
	set  fiscal.Setting                // what a write sets; empty: read only
}

type table struct {
	name   string
	rows   int
	fields []tableField
}

func fixed(s string) func(*Host, int) string { return func(*Host, int) string { return s } }

func profiled(f func(p kkm.Profile) string) func(*Host, int) string {
	return func(h *Host, _ int) string { return f(h.r.Profile()) }
}

func setting(s fiscal.Setting) func(*Host, int) string {
	return func(h *Host, _ int) string { return h.r.Setting(s) }
}

// tables are those that a Kazakh register has in public dumps (10), as far as
// the bench needs them.
var tables = map[byte]table{
	2: {"Кассиры", kkm.Operators, []tableField{
		{name: "Пароль", size: 4, set: fiscal.SetCashierPassword},
		{name: "Имя", char: true, size: textField, get: func(h *Host, row int) string {
			for _, p := range h.r.Profile().Staff {
				if p.Number == row {
					return p.Name
				}
			}
			return ""
		}},
	}},
	5: {"Виды оплаты", 4, []tableField{
		{name: "Название", char: true, size: textField, get: func(_ *Host, row int) string {
			return [...]string{"Наличные", "Банковская карта", "Мобильный платёж", ""}[row-1]
		}},
	}},
	6: {"Налоги", 4, []tableField{
		{name: "Ставка", size: 2, get: func(h *Host, row int) string { return strconv.Itoa(int(h.rate(row)) / 10) }},
		{name: "Название", char: true, size: textField, get: func(h *Host, row int) string {
			if row > len(h.vat) {
				return ""
			}
			return "НДС " + h.rate(row).String() + "%"
		}},
	}},
	7: {"Секции", 16, []tableField{
		{name: "Название", char: true, size: textField, get: func(_ *Host, row int) string { return "Секция " + strconv.Itoa(row) }},
	}},
	17: {"Региональные настройки", 1, []tableField{
		{name: "KZ БИН/ИИН", size: 1, get: fixed("1")},
		{name: "KZ требовать открытие смены", size: 1, get: fixed("0")},
	}},
	18: {"Фискальные данные", 1, []tableField{
		{name: "Заводской номер", char: true, size: 21, get: profiled(func(p kkm.Profile) string { return p.Serial })},
		{name: "БИН/ИИН", char: true, size: 17, get: profiled(func(p kkm.Profile) string { return p.Taxpayer.BIN })},
		{name: "Регистрационный номер", char: true, size: 21, get: setting(fiscal.SetRegistration)},
		{name: "Номер накопителя", char: true, size: 17, get: fixed("")},
		{name: "Резерв", char: true, size: 1, get: fixed("")},
		{name: "Резерв", char: true, size: 1, get: fixed("")},
		{name: "Пользователь", char: true, size: 128, get: profiled(func(p kkm.Profile) string { return p.Taxpayer.Name })},
		{name: "Резерв", char: true, size: 1, get: fixed("")},
		{name: "Адрес", char: true, size: 128, get: profiled(func(p kkm.Profile) string { return p.Taxpayer.Address })},
		{name: "ОФД", char: true, size: 128, get: profiled(func(p kkm.Profile) string { return p.OFD.Name })},
		{name: "Сайт ОФД", char: true, size: 64, get: profiled(func(p kkm.Profile) string { return p.OFD.Site })},
	}},
	19: {"Параметры ОФД", 1, []tableField{
		{name: "Сервер", char: true, size: 64, get: setting(fiscal.SetOFDHost), set: fiscal.SetOFDHost},
		{name: "Порт", size: 2, get: setting(fiscal.SetOFDPort), set: fiscal.SetOFDPort},
		{name: "Таймаут чтения ответа", size: 2, get: profiled(func(p kkm.Profile) string { return strconv.Itoa(int(p.Limits.Answer.Seconds())) })},
	}},
	20: {"Статус обмена", 1, []tableField{
		{name: "Состояние обмена", size: 1, get: func(h *Host, _ int) string {
			if h.r.State().Unsent > 0 {
				return "1"
			}
			return "0"
		}},
		{name: "Состояние чтения", size: 1, get: fixed("0")},
		{name: "Не передано документов", size: 2, get: func(h *Host, _ int) string { return strconv.Itoa(h.r.State().Unsent) }},
	}},
}

func init() {
	own := table{"kkmtest", 1, nil}
	for _, s := range frame.DoubleSettings {
		f := tableField{name: s, char: true, size: 64, set: fiscal.Setting(s), get: setting(fiscal.Setting(s))}
		if f.set == fiscal.SetToken {
			f.get = nil
		}
		own.fields = append(own.fields, f)
	}
	tables[frame.TableDouble] = own
}

func (h *Host) rate(row int) fiscal.MilliPercent {
	if row > len(h.vat) {
		return 0
	}
	return h.vat[row-1]
}

// find looks a field up; the code is the refusal.
func find(t byte, row, n int) (tableField, byte) {
	tab, ok := tables[t]
	switch {
	case !ok:
		return tableField{}, frame.ErrNoTable
	case row < 1 || row > tab.rows || n < 1 || n > len(tab.fields):
		return tableField{}, frame.ErrParameters
	}
	return tab.fields[n-1], frame.ErrNone
}

func (h *Host) tableStructure(c *call) {
	t := c.f.Byte()
	tab, ok := tables[t]
	switch {
	case c.f.Err() != nil:
		c.fail(frame.ErrParameters)
	case !ok:
		c.fail(frame.ErrNoTable)
	default:
		c.administrator(func() {
			c.reply(answer(c.code, frame.ErrNone).Text(coding.EncodeLossy(tab.name), 40).Uint(uint64(tab.rows), 2).Byte(byte(len(tab.fields))))
		})
	}
}

func (h *Host) fieldStructure(c *call) {
	t, n := c.f.Byte(), c.f.Byte()
	f, code := find(t, 1, int(n))
	switch {
	case c.f.Err() != nil:
		c.fail(frame.ErrParameters)
	case code != frame.ErrNone:
		c.fail(code)
	default:
		c.administrator(func() {
			b := answer(c.code, frame.ErrNone).Text(coding.EncodeLossy(f.name), 40)
			if f.char {
				c.reply(b.Byte(1).Byte(byte(f.size)))
				return
			}
			c.reply(b.Byte(0).Byte(byte(f.size)).Uint(0, f.size).Uint(1<<(8*f.size)-1, f.size))
		})
	}
}

func (h *Host) readField(c *call) {
	t, row, n := c.f.Byte(), int(c.f.Uint(2)), int(c.f.Byte())
	f, code := find(t, row, n)
	switch {
	case c.f.Err() != nil:
		c.fail(frame.ErrParameters)
	case code != frame.ErrNone:
		c.fail(code)
	default:
		c.administrator(func() {
			if f.get == nil { // a password: the register does not tell it
				c.fail(frame.ErrSettings)
				return
			}
			v := f.get(h, row)
			b := answer(c.code, frame.ErrNone)
			if f.char {
				p := coding.EncodeLossy(v)
				c.reply(b.Text(p[:min(len(p), f.size)], f.size))
				return
			}
			num, err := strconv.ParseUint(v, 10, 64)
			if err != nil {
				c.fail(frame.ErrNoData)
				return
			}
			c.reply(b.Uint(num, f.size))
		})
	}
}

// writeField sets one of the register's settings; the register decides whether
// and when. A field of text may be written shorter than it is (classic hosts
// send 40 bytes).
func (h *Host) writeField(c *call) {
	t, row, n := c.f.Byte(), int(c.f.Uint(2)), int(c.f.Byte())
	value := c.f.Rest()
	f, code := find(t, row, n)
	switch {
	case c.f.Err() != nil:
		c.fail(frame.ErrParameters)
	case h.open != nil:
		c.fail(frame.ErrMode)
	case code != frame.ErrNone:
		c.fail(code)
	case f.set == "":
		c.fail(frame.ErrReadOnly)
	case len(value) > f.size || !f.char && len(value) != f.size:
		c.fail(frame.ErrLength)
	default:
		op := fiscal.Op{Kind: fiscal.OpSetSetting, Setting: f.set, As: fiscal.Role{Cashier: row}}
		if f.char {
			op.Value = coding.Decode(frame.Trim(value))
		} else {
			op.Value = strconv.FormatUint(frame.Read(value).Uint(f.size), 10)
		}
		if f.set != fiscal.SetCashierPassword {
			op.As = fiscal.Role{Admin: true}
		}
		c.do(op, func(kkm.Reply) *frame.Body { return answer(c.code, frame.ErrNone) })
	}
}
