package datecs

import (
	"testing"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/datecs"
	"github.com/kkmtest/kkmtest/bench/device/datecs/frame"
	"github.com/kkmtest/kkmtest/simulators/kkm"
	ht "github.com/kkmtest/kkmtest/simulators/kkm/hosttest"
)

// Every fault of a line, on both families: no receipt is doubled.
func TestFaults(t *testing.T) {
	families(t, false, datecs.Options{}, func(t *testing.T, f ht.Family) { f.Faults(t, stride) })
}

func TestRecordOfAnOperation(t *testing.T) {
	families(t, false, datecs.Options{}, func(t *testing.T, f ht.Family) { f.Record(t) })
}

func TestOverRealLines(t *testing.T) {
	for kind, f := range map[string]frame.Family{"pty": frame.P, "tcp": frame.X} {
		t.Run(kind, func(t *testing.T) {
			ht.OverRealLine(t, kind, func(loop clock.Loop, r *kkm.Register, send func([]byte)) func([]byte) {
				return New(loop, r, send, Options{Family: f}).Receive
			}, pair(f, false, datecs.Options{}).Driver)
		})
	}
}
