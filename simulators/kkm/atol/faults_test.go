package atol

import (
	"testing"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/atol"
	"github.com/kkmtest/kkmtest/simulators/kkm"
	ht "github.com/kkmtest/kkmtest/simulators/kkm/hosttest"
)

// Every fault of a line, on both levels: no receipt is doubled.
func TestFaults(t *testing.T) {
	levels(t, false, atol.Options{}, func(t *testing.T, f ht.Family) { f.Faults(t, stride) })
}

func TestRecordOfAnOperation(t *testing.T) {
	levels(t, false, atol.Options{}, func(t *testing.T, f ht.Family) { f.Record(t) })
}

func TestOverRealLines(t *testing.T) {
	for kind, level := range map[string]int{"pty": 2, "tcp": 3} {
		t.Run(kind, func(t *testing.T) {
			ht.OverRealLine(t, kind, func(loop clock.Loop, r *kkm.Register, send func([]byte)) func([]byte) {
				return New(loop, r, send, Options{Level: level}).Receive
			}, family(level, false, atol.Options{}).Driver)
		})
	}
}
