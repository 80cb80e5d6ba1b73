// Package printer puts a receipt printer on a network under the emulated
// register: what the register prints goes as ESC/POS over TCP to port 9100 of a printer,
// or to a bench that listens in its place. So a printer tap has something to read.
//
// It loses what a printer that is not there would lose, and it judges nothing.
package printer

import (
	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/simulators/kkm"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

// The commands that a document needs: reset, page 53 (KZ-1048), feed and cut.
const (
	begin = "\x1b@\x1bt\x35"
	cut   = "\x1dV\x41\x03"
)

// Attach sends what the register prints from now on. Call it on the loop, or
// before the loop works on the register.
func Attach(r *kkm.Register, d stream.Dialer, host string, port int) {
	r.OnPrint(func(lines []string) {
		raw := Encode(lines)
		var c stream.Conn
		c = d.Dial("printer", host, port, stream.Events{Opened: func(o stream.Conn) {
			c = o
			c.Send(raw)
			c.Close()
		}})
	})
}

// Encode is a document as a till sends it.
func Encode(lines []string) []byte {
	out := []byte(begin)
	for _, l := range lines {
		out = append(append(out, frame.KZ1048.EncodeLossy(l)...), '\n')
	}
	return append(out, cut...)
}
