package datecs

import (
	"testing"

	"github.com/kkmtest/kkmtest/bench/device/datecs"
	ht "github.com/kkmtest/kkmtest/simulators/kkm/hosttest"
)

// Every fault of a line, on both families: no receipt is doubled.
func TestFaults(t *testing.T) {
	families(t, false, datecs.Options{}, func(t *testing.T, f ht.Family) { f.Faults(t, stride) })
}

func TestRecordOfAnOperation(t *testing.T) {
	families(t, false, datecs.Options{}, func(t *testing.T, f ht.Family) { f.Record(t) })
}
