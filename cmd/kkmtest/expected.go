package main

import (
	"fmt"
	"os"

	"github.com/kkmtest/kkmtest/bench/campaign"
	"github.com/kkmtest/kkmtest/bench/campaign/expected"
)

// readExpected reads the known deviations of a register and finds their rows;
// nil without a file.
func readExpected(name string, a campaign.Asked, model string) (*expected.Set, error) {
	if name == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("--expected: %w", err)
	}
	s, err := expected.Parse(name, raw)
	if err != nil {
		return nil, err
	}
	all, err := catalogues()
	if err != nil {
		return nil, err
	}
	return s, s.Settle(all, a.Editions[0], model)
}
