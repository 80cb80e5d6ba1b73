package scenarios

import (
	"context"

	"github.com/kkmtest/kkmtest/bench"
)

// SelfTest breaks parts of the register and gives it its chances to notice: when
// it is switched on, and when the shift is closed.
func SelfTest() bench.Scenario {
	steps := []bench.Step{begin(), {Name: "switch off and on with nothing broken, sell", Run: func(ctx context.Context, b *bench.Bench) error {
		if err := cycle(ctx, b); err != nil {
			return err
		}
		try(ctx, b, receipt(plain()))
		return nil
	}}}
	for _, unit := range []string{"printer", "software", "data", "data-old"} {
		steps = append(steps,
			bench.Step{Name: unit + " broken: switch off and on, try to sell; repair, switch off and on, sell", Run: func(ctx context.Context, b *bench.Bench) error {
				if err := b.Break(ctx, unit, true); err != nil {
					return err
				}
				if err := cycle(ctx, b); err != nil {
					return err
				}
				return repaired(ctx, b, unit)
			}},
			bench.Step{Name: unit + " broken while the register is on: try to close the shift, try to sell; repair, switch off and on, sell", Run: func(ctx context.Context, b *bench.Bench) error {
				if err := b.Break(ctx, unit, true); err != nil {
					return err
				}
				t := try(ctx, b, zReport())
				if err := look(ctx, b, t.Op.ID); err != nil {
					return err
				}
				return repaired(ctx, b, unit)
			}})
	}
	return bench.Scenario{
		Key:    "selftest/units",
		Doc:    "Units, software and stored data are spoilt, and the register is switched on or its shift closed.",
		Checks: []string{"selftest.run", "selftest.finds", "selftest.blocks", "store.integrity"},
		Needs:  []bench.Capability{bench.SwitchesPower},
		Late:   true,
		Steps:  append(steps, end()),
	}
}

// cycle switches the register off and on and reads what it shows.
func cycle(ctx context.Context, b *bench.Bench) error {
	if err := b.Power(ctx, false); err != nil {
		return err
	}
	if err := b.Power(ctx, true); err != nil {
		return err
	}
	if !b.Can(bench.ReadsDisplay) {
		return nil
	}
	_, err := b.Show(ctx, "")
	return err
}

// repaired tries to sell, repairs, and sells.
func repaired(ctx context.Context, b *bench.Bench, unit string) error {
	t := try(ctx, b, receipt(plain()))
	if err := look(ctx, b, t.Op.ID); err != nil {
		return err
	}
	if err := b.Break(ctx, unit, false); err != nil {
		return err
	}
	if err := cycle(ctx, b); err != nil {
		return err
	}
	try(ctx, b, receipt(plain()))
	return nil
}

// LinkTest switches the register on with a link and without one.
func LinkTest() bench.Scenario {
	return bench.Scenario{
		Key:    "selftest/link",
		Doc:    "The register is switched on while the OFD can be reached, and while it cannot.",
		Checks: []string{"selftest.finds"},
		Needs:  []bench.Capability{bench.SwitchesPower},
		Steps: []bench.Step{
			begin(),
			{Name: "switch off and on while everything is connected, sell", Run: func(ctx context.Context, b *bench.Bench) error {
				if err := cycle(ctx, b); err != nil {
					return err
				}
				try(ctx, b, receipt(plain()))
				return nil
			}},
			{Name: "cut every connection, switch off and on, sell", Run: func(ctx context.Context, b *bench.Bench) error {
				if err := b.CutAll(); err != nil {
					return err
				}
				if err := cycle(ctx, b); err != nil {
					return err
				}
				try(ctx, b, receipt(plain()))
				return nil
			}},
			{Name: "restore, hand over", Run: handOver},
			end(),
		},
	}
}
