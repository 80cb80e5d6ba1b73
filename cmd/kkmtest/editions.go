package main

import (
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/fixtures"
	"github.com/kkmtest/kkmtest/reports"
)

// inForce is the edition that stands in the place of one that is not in force:
// a form names it on page one. Catalogues that cannot be read give none; whoever
// judges has read them already.
func inForce(e regulation.Edition) *regulation.Edition {
	all, err := regulation.LoadAll(sub(fixtures.FS, "regulations"))
	if err != nil {
		return nil
	}
	return reports.InForce(all, e)
}
