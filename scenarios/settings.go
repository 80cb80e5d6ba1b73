package scenarios

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kkmtest/kkmtest/bench"
	"github.com/kkmtest/kkmtest/fiscal"
)

// wrongPassword belongs to nobody.
const wrongPassword = "987654"

// programmed is the cashier whose password the bench changes: one that no other
// scenario uses, because a factory password may be too short to be put back.
const programmed = 7

// passwordOf makes a password with n positions that is not a factory value.
func passwordOf(n int) string { return strings.Repeat("7", max(n, 1)) }

// Password knocks at every guarded mode with a wrong password, and programs
// passwords on both sides of the least length.
func Password(p bench.Params) bench.Scenario {
	least := p.Int("access.password", "positions")
	program := func(n int) run {
		return func(ctx context.Context, b *bench.Bench) error {
			try(ctx, b, fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetCashierPassword, Value: passwordOf(n), As: fiscal.Role{Admin: true, Cashier: programmed}})
			return nil
		}
	}
	return bench.Scenario{
		Key:    "access/password",
		Doc:    "Wrong passwords in every mode, and passwords of different lengths.",
		Checks: []string{"access.password"},
		Steps: []bench.Step{
			begin(),
			{Name: "try to sell with a wrong password", Run: func(ctx context.Context, b *bench.Bench) error {
				t := try(ctx, b, by(receipt(plain()), fiscal.Role{Password: wrongPassword}))
				return look(ctx, b, t.Op.ID)
			}},
			{Name: "try to close the shift with a wrong password", Run: func(ctx context.Context, b *bench.Bench) error {
				t := try(ctx, b, by(zReport(), fiscal.Role{Admin: true, Password: wrongPassword}))
				return look(ctx, b, t.Op.ID)
			}},
			{Name: "close the shift with the right one", Run: func(ctx context.Context, b *bench.Bench) error {
				s, err := b.State(ctx)
				if s.ShiftOpen {
					must(ctx, b, zReport())
				}
				return err
			}},
			{Name: "try to change a setting with a wrong password, read it back", Run: func(ctx context.Context, b *bench.Bench) error {
				was, err := b.Setting(ctx, fiscal.SetOFDPort)
				if err != nil {
					return err
				}
				t := try(ctx, b, fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDPort, Value: otherPort(was), As: fiscal.Role{Admin: true, Password: wrongPassword}})
				is, err := b.Setting(ctx, fiscal.SetOFDPort)
				if err != nil {
					return err
				}
				if t.OK() || is != was { // put it back, or nothing else can be tested
					must(ctx, b, fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDPort, Value: was, As: admin})
				}
				return nil
			}},
			{Name: fmt.Sprintf("program a password of %d positions", least-1), Run: program(least - 1)},
			{Name: fmt.Sprintf("program a password of %d positions", least), Run: program(least)},
			{Name: "sell with the new password, try the old one", Run: func(ctx context.Context, b *bench.Bench) error {
				try(ctx, b, by(receipt(plain()), fiscal.Role{Cashier: programmed, Password: passwordOf(least)}))
				try(ctx, b, by(receipt(plain()), fiscal.Role{Cashier: programmed, Password: strconv.Itoa(programmed)}))
				return nil
			}},
			end(),
		},
	}
}

// otherPort is a port number beside the given one.
func otherPort(s string) string {
	n, err := strconv.Atoi(s)
	Expect(err).To(beNone())
	if n >= 65535 {
		return strconv.Itoa(n - 1)
	}
	return strconv.Itoa(n + 1)
}

// ClockBound sets the clock around the time of the last document.
func ClockBound(bench.Params) bench.Scenario {
	set := func(ctx context.Context, b *bench.Bench, to time.Time) error {
		t := try(ctx, b, fiscal.Op{Kind: fiscal.OpSetClock, Clock: to, As: admin})
		return look(ctx, b, t.Op.ID)
	}
	return bench.Scenario{
		Key:    "clock/lowerbound",
		Doc:    "The clock is set just before, at and just after the time of the last document.",
		Checks: []string{"clock.lowerbound"},
		Steps: []bench.Step{
			begin(),
			{Name: "sell, close the shift, set the clock around the time of the last document", Run: func(ctx context.Context, b *bench.Bench) error {
				// Whether a Z report counts as a fiscal document is not said: the lower
				// value is below the receipt, the upper ones are not below the Z report.
				sale, err := b.DocumentTime(must(ctx, b, receipt(plain())))
				if err != nil {
					return err
				}
				z, err := b.DocumentTime(must(ctx, b, zReport()))
				if err != nil {
					return err
				}
				for _, to := range []time.Time{sale.Add(-time.Second), z, z.Add(time.Second)} {
					if err := set(ctx, b, to); err != nil {
						return err
					}
				}
				return nil
			}},
			{Name: "set the clock right again", Run: func(ctx context.Context, b *bench.Bench) error {
				t, err := setClock(ctx, b)
				Expect(t).To(beDone())
				return err
			}},
			end(),
		},
	}
}

// ConfigShift changes settings that may only be changed while the shift is closed.
func ConfigShift() bench.Scenario {
	change := func(ctx context.Context, b *bench.Bench) error {
		was := map[fiscal.Setting]string{}
		for _, s := range []fiscal.Setting{fiscal.SetOFDHost, fiscal.SetOFDPort} {
			v, err := b.Setting(ctx, s)
			if err != nil {
				return err
			}
			was[s] = v
		}
		for _, c := range []struct {
			s  fiscal.Setting
			to string
		}{{fiscal.SetOFDPort, otherPort(was[fiscal.SetOFDPort])}, {fiscal.SetOFDHost, "192.0.2.77"}} {
			t := try(ctx, b, fiscal.Op{Kind: fiscal.OpSetSetting, Setting: c.s, Value: c.to, As: admin})
			is, err := b.Setting(ctx, c.s)
			if err != nil {
				return err
			}
			if t.OK() || is != was[c.s] {
				must(ctx, b, fiscal.Op{Kind: fiscal.OpSetSetting, Setting: c.s, Value: was[c.s], As: admin})
			}
		}
		// The next second: if a register takes it where it should not, nothing else is harmed.
		t := try(ctx, b, fiscal.Op{Kind: fiscal.OpSetClock, Clock: b.Civil().Add(time.Second), As: admin})
		return look(ctx, b, t.Op.ID)
	}
	return bench.Scenario{
		Key:    "settings/shift",
		Doc:    "The address of the OFD and the clock are changed with the shift open, and with the shift closed.",
		Checks: []string{"config.shiftclosed", "modes.main"},
		Steps: []bench.Step{
			begin(),
			{Name: "with the shift open: change address, port and clock", Run: change},
			{Name: "close the shift", Run: func(ctx context.Context, b *bench.Bench) error {
				must(ctx, b, zReport())
				return nil
			}},
			{Name: "with the shift closed: change address, port and clock", After: bench.Pause(breath, "the clock goes on"), Run: change},
			end(),
		},
	}
}
