package shtrihm

import (
	"context"

	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

const languageKazakh = 3

type deviceType struct {
	language byte
}

type fieldKey struct {
	table byte
	field byte
}

type field struct{}

func (d *Driver) deviceType(ctx context.Context) (*deviceType, error) { return &deviceType{}, nil }

// Identity asks for type, model and serial number (FCh, 11h).
func (d *Driver) Identity(ctx context.Context) (history.Identity, error) {
	return history.Identity{}, device.ErrNotAble
}

// State asks for mode, clock and counters (11h, 1Bh) and records them.
func (d *Driver) State(ctx context.Context) (history.State, error) {
	return history.State{}, device.ErrNotAble
}

// Printed reads the print buffer (C8h, C9h) and clears it (CAh).
func (d *Driver) Printed(ctx context.Context) ([]string, string, error) {
	return nil, "", device.ErrNotAble
}

// Setting reads a setting back (1Fh).
func (d *Driver) Setting(ctx context.Context, s fiscal.Setting) (string, error) {
	return "", device.ErrNotAble
}

var _ = frame.CP1251
