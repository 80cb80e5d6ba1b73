package netfault

import (
	"io"
	"net"
	"slices"
	"testing"
	"time"
)

// kernelBridge is the rival of ours: the same two interfaces as ports of a bridge of the kernel.
func (l *lab) kernelBridge() {
	l.t.Helper()
	l.ip("-n", l.mid, "link", "add", "br0", "type", "bridge")
	for _, i := range []string{"kkm0", "up0"} {
		l.ip("-n", l.mid, "link", "set", i, "master", "br0")
	}
	l.ip("-n", l.mid, "link", "set", "br0", "up")
}

func bridges(b *testing.B, f func(b *testing.B, l *lab)) {
	b.Run("ours", func(b *testing.B) {
		l := newLab(b)
		l.bridge()
		f(b, l)
	})
	b.Run("kernel", func(b *testing.B) {
		l := newLab(b)
		l.kernelBridge()
		f(b, l)
	})
}

// BenchmarkBridgeExchange256 is a round trip through the bridge, with decode and capture.
func BenchmarkBridgeExchange256(b *testing.B) {
	bridges(b, func(b *testing.B, l *lab) {
		l.listen("tcp", "10.9.0.2:7777", echoHost)
		c := l.mustDial("10.9.0.2:7777")
		_ = c.SetDeadline(time.Time{})
		p := make([]byte, 256)
		var took []time.Duration
		for b.Loop() {
			from := time.Now()
			if _, err := c.Write(p); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(c, p); err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(from))
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1000, "p50-µs")
		b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1000, "p99-µs")
	})
}

// BenchmarkBridgeThroughput sends one way, with decode and capture. The kernel's
// bridge carries packets of 64 KiB that were never on a wire; ours divides them.
func BenchmarkBridgeThroughput(b *testing.B) {
	bridges(b, func(b *testing.B, l *lab) {
		l.listen("tcp", "10.9.0.2:7777", func(c net.Conn) {
			buf := make([]byte, 1<<20)
			for {
				if _, err := io.ReadFull(c, buf); err != nil {
					return
				}
				_, _ = c.Write(buf[:1])
			}
		})
		c := l.mustDial("10.9.0.2:7777")
		_ = c.SetDeadline(time.Time{})
		chunk := make([]byte, 1<<20)
		b.SetBytes(int64(len(chunk)))
		for b.Loop() {
			if _, err := c.Write(chunk); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(c, chunk[:1]); err != nil {
				b.Fatal(err)
			}
		}
	})
}
