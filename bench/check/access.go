package check

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

func accessChecks() []Check {
	return []Check{{Key: "access.password", Doc: "A password guards a mode, and one that is too short cannot be programmed.",
		Params: []Param{
			{Name: "mode", Type: tWord, OneOf: []string{"sale", "settings", "close"}, Doc: "the guarded mode; without it the length is judged"},
			{Name: "positions", Type: tInt, Min: "1", Doc: "least number of positions; needed without mode"},
		},
		Scenarios: []string{"access/password"}, Judge: judgePassword}}
}

func judgePassword(r *Record, p regulation.Params) []Judgement {
	if p.Word("mode") != "" {
		return r.guarded(p.Word("mode"))
	}
	n, err := p.Int("positions")
	if err != nil {
		return badParam(fmt.Errorf("access.password without mode: %w", err))
	}
	return r.passwordLength(n)
}

func inMode(o *Operation, mode string) bool {
	switch mode {
	case "sale":
		return o.IsReceipt()
	case "settings":
		return o.Kind == fiscal.OpSetSetting || o.Kind == fiscal.OpSetClock
	default:
		return o.Kind == fiscal.OpZReport
	}
}

// passwords follows which passwords were programmed: one that the register took
// is right from then on, any other that was given on purpose is wrong.
type passwords map[int]string

func (p passwords) wrong(o *Operation) bool {
	return o.As.Password != "" && (o.As.Admin || p[o.cashier()] != o.As.Password)
}

func (p passwords) after(o *Operation) {
	if o.Kind == fiscal.OpSetSetting && o.Setting == fiscal.SetCashierPassword && o.Done() {
		c := o.As.Cashier
		if c == 0 {
			c = 1
		}
		p[c] = o.Value
	}
}

func (r *Record) guarded(mode string) []Judgement {
	v := verdict{r: r, readings: []Reading{readRefusal}}
	pw := passwords{}
	for i, o := range r.Ops {
		if !inMode(o, mode) {
			pw.after(o)
			continue
		}
		a := args{"kind": kindWord(o), "mode": "@mode." + mode}
		switch wrong := pw.wrong(o); {
		case wrong && o.Done():
			v.fail(o, fail("password.open", a, o.End, o.Seq))
		case wrong && o.Got() == fiscal.Unknown && o.End != 0:
			v.open(unsure("op.unanswered", with(a, "op", string(o.ID))).Citing(o.End))
		case wrong && o.Refused():
			if ev := r.doneAnyway(o, i); ev != 0 {
				v.fail(o, fail("password.anyway", a, ev, o.Seq, o.End))
				break
			}
			v.prove("refused", o, o.End, o.Seq)
		case !wrong && o.Done():
			v.prove("works", o, o.End)
		}
		pw.after(o)
	}
	a := args{"mode": "@mode." + mode}
	return v.end(need{"refused", "password.need.refused", a}, need{"works", "password.need.works", a})
}

// doneAnyway finds a sign that an operation took place although the register
// said no: a message that the OFD booked, a setting that reads back changed, a shift that
// is closed now.
func (r *Record) doneAnyway(o *Operation, i int) history.Seq {
	for _, x := range o.During {
		if x.Booked0() && x.Document() && x.Reports == o {
			return x.Seq
		}
	}
	until := ^history.Seq(0)
	if i+1 < len(r.Ops) {
		until = r.Ops[i+1].Seq
	}
	switch o.Kind {
	case fiscal.OpSetSetting:
		before := ""
		for _, s := range r.Settings {
			if s.Name != o.Setting || s.Seq > until {
				continue
			}
			if s.Seq < o.Seq {
				before = s.Value
			} else if s.Value == o.Value && before != o.Value {
				return s.Seq
			}
		}
	case fiscal.OpZReport:
		if o.Before != nil && o.After != nil && o.Before.ShiftOpen && !o.After.ShiftOpen {
			return o.After.Seq
		}
		for _, x := range o.During {
			if x.Booked0() && x.Command() == canon.CommandTypeEnum_COMMAND_CLOSE_SHIFT {
				return x.Seq
			}
		}
	case fiscal.OpSetClock:
		if o.After != nil && !o.After.Clock.IsZero() {
			asked := civil(o.Clock)
			if d := civil(o.After.Clock).Sub(asked); d.Abs() <= clockTolerance && r.deviceTime(o.At, o.Seq).Sub(asked).Abs() > 2*clockTolerance {
				return o.After.Seq
			}
		}
	}
	return 0
}

// passwordLength judges row 1 itself: a password with one position fewer is
// refused, one with just enough is taken. A refusal of the short one shows nothing when the
// long one was taken under other circumstances, with a Z report in between.
func (r *Record) passwordLength(n int) []Judgement {
	v := verdict{r: r, readings: []Reading{readLevels}}
	shift := 0
	short, long := map[int]*Operation{}, map[int]*Operation{}
	unable := history.Seq(0)
	for _, o := range r.Ops {
		if o.Kind == fiscal.OpZReport && o.Done() {
			shift++
		}
		if o.Kind != fiscal.OpSetSetting || o.Setting != fiscal.SetCashierPassword || o.As.Password != "" {
			continue
		}
		len := utf8.RuneCountInString(o.Value)
		a := args{"positions": strconv.Itoa(len), "limit": strconv.Itoa(n), "kind": kindWord(o)}
		switch {
		case o.Got() == fiscal.Unsupported:
			unable = o.End
		case o.Done() && len < n:
			v.fail(o, fail("password.short", a, o.End, o.Seq))
		case o.Refused() && len == n-1 && o.Step.Held():
			short[shift] = o
		case o.Done() && len == n && o.Step.Held():
			long[shift] = o
		}
		if s, l := short[shift], long[shift]; s != nil && l != nil {
			v.prove("short", s, s.End)
			v.prove("long", l, l.End)
		}
	}
	if unable != 0 && !v.proven("short") && len(v.fails) == 0 {
		return []Judgement{unsure("password.unable", nil, readLevels).Citing(unable)}
	}
	a := args{"limit": strconv.Itoa(n), "short": strconv.Itoa(n - 1)}
	return v.end(need{"short", "password.need.short", a}, need{"long", "password.need.long", a})
}
