package atol

import (
	"testing"

	"github.com/kkmtest/kkmtest/bench/device/atol"
	ht "github.com/kkmtest/kkmtest/simulators/kkm/hosttest"
)

// Every fault of a line, on both levels: no receipt is doubled.
func TestFaults(t *testing.T) {
	levels(t, false, atol.Options{}, func(t *testing.T, f ht.Family) { f.Faults(t, stride) })
}

func TestRecordOfAnOperation(t *testing.T) {
	levels(t, false, atol.Options{}, func(t *testing.T, f ht.Family) { f.Record(t) })
}
