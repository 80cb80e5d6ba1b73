package device

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
)

// What lets a device work is recorded before it is done, what stops it
// afterwards, and what failed is taken back: between the two the device may
// already, or still, be at work.
func TestSwitching(t *testing.T) {
	broken := errors.New("no answer")
	for _, c := range []struct {
		name string
		on   bool
		err  error
		want []string
	}{
		{"on", true, nil, []string{"power on", "device"}},
		{"off", false, nil, []string{"device", "power off"}},
		{"on fails", true, broken, []string{"power on", "device", "power off"}},
		{"off fails", false, broken, []string{"device"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			log := history.NewMemory(clock.NewVirtual(time.Unix(0, 0), nil))
			err := Switching(log, "power", c.on, [2]string{"off", "on"}, func() error {
				_, err := log.Append(history.OFD, history.Observation{Field: "device"})
				return errors.Join(c.err, err)
			})
			if !errors.Is(err, c.err) {
				t.Errorf("%v", err)
			}
			var got []string
			for e := range log.View().Events() {
				switch b := e.Body.(type) {
				case history.Switched:
					got = append(got, b.What+" "+b.To)
				case history.Observation:
					got = append(got, b.Field)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// handy has power and paper, and says which of them means something.
type handy struct{ can string }

func (h handy) Claims(s string) bool            { return s == h.can }
func (handy) Power(context.Context, bool) error { return nil }
func (handy) Paper(context.Context, bool) error { return nil }

func TestAble(t *testing.T) {
	if _, ok := Able[Power](handy{"power"}); !ok {
		t.Error("what is claimed is not there")
	}
	if _, ok := Able[Paper](handy{"power"}); ok {
		t.Error("what is not claimed is there")
	}
	if _, ok := Able[Display](handy{"display"}); ok {
		t.Error("a claim without the methods counts")
	}
	if _, ok := Able[Power](nil); ok {
		t.Error("nothing is able")
	}
}
