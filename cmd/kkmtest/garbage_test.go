package main

import (
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/serialport"
)

// A device that cannot be understood, or says nothing, is nobody's failure: its
// rows are unknown, with the reason, and error is kept for the bench.
func TestDeviceThatCannotBeUnderstood(t *testing.T) {
	t.Parallel()
	for name, machine := range map[string]serialport.Machine{
		"garbage": func(send func([]byte)) func([]byte) {
			return func(p []byte) { send([]byte("\xff\x00?!" + string(p))) }
		},
		"silence": func(func([]byte)) func([]byte) { return func([]byte) {} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			loop := clock.NewReal()
			defer loop.Close()
			port, stop, err := serialport.ServePTY(loop, 0, machine)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = stop() }()
			begun := time.Now()
			s, out, stderr := call(t, "run", "--device", "serial://"+port+"?protocol=shtrih-m", "--ofd-listen", "127.0.0.1:0", "--row", "23,30.1")
			if s != 4 || !strings.Contains(out, "2 rows: 0 pass, 0 fail, 0 error, 2 unknown") || !strings.Contains(out, "the register does not say who it is") {
				t.Errorf("exit status %d after %v, want 4, two unknown rows and the reason\n%s%s", s, time.Since(begun), stderr, out)
			}
		})
	}
}
