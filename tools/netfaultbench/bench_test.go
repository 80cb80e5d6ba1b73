package netfaultbench

import (
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/simulators/netfault"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

const port = 7777

// echoServer is an OFD outside: what stands behind every way that is measured.
func echoServer(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	return l.Addr().String()
}

type echo struct{}

func (echo) Accept(c stream.Conn, _ string) stream.Events {
	return stream.Events{Received: func(p []byte) { c.Send(p) }}
}

func network(tb testing.TB) *netfault.Network {
	tb.Helper()
	clk := clock.NewReal()
	n, err := netfault.New(clk, netfault.Options{Seed: 1, Journal: history.NewMemory(clk), Capture: io.Discard})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := n.Close(); err != nil {
			tb.Error(err)
		}
		clk.Close()
	})
	return n
}

// ways are the roads to an echo: each returns the address to connect to.
func ways(tb testing.TB) []way {
	server := echoServer(tb)
	return []way{
		{"loopback", func(testing.TB) string { return server }},
		{"toxiproxy", func(tb testing.TB) string { return toxi(tb, server) }},
		// decode, faults and capture on, the OFD in the process: what kkmtest run uses
		{"edge", func(tb testing.TB) string {
			n := network(tb)
			if err := n.Listen(port, echo{}); err != nil {
				tb.Fatal(err)
			}
			return edge(tb, n)
		}},
		// and on to an OFD outside: what kkmtest netfault uses
		{"edge and relay", func(tb testing.TB) string {
			n := network(tb)
			if _, err := n.Relay(port, server); err != nil {
				tb.Fatal(err)
			}
			return edge(tb, n)
		}},
	}
}

type way struct {
	name string
	open func(testing.TB) string
}

func edge(tb testing.TB, n *netfault.Network) string {
	e, err := n.Edge("", "ethernet", port)
	if err != nil {
		tb.Fatal(err)
	}
	return e.Addr().String()
}

func toxi(tb testing.TB, upstream string) string {
	tb.Helper()
	srv := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := toxiproxy.NewProxy(srv, "ofd", "127.0.0.1:0", upstream)
	if err := p.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.Stop)
	return p.Listen
}

func dial(tb testing.TB, addr string) net.Conn {
	tb.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

// BenchmarkExchange256 interleaves the ways, so that what else the computer
// does meets all of them alike; p50 and p99 of each come out, in microseconds.
func BenchmarkExchange256(b *testing.B) {
	all := ways(b)
	conns := make([]net.Conn, len(all))
	for i, w := range all {
		conns[i] = dial(b, w.open(b))
	}
	took := make([][]time.Duration, len(all))
	p := make([]byte, 256)
	once := func(c net.Conn) time.Duration {
		from := time.Now()
		if _, err := c.Write(p); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c, p); err != nil {
			b.Fatal(err)
		}
		return time.Since(from)
	}
	for b.Loop() {
		for i, c := range conns {
			once(c) // the second one does not pay for the change of ways
			took[i] = append(took[i], once(c))
		}
	}
	for i, w := range all {
		slices.Sort(took[i])
		b.ReportMetric(float64(took[i][len(took[i])/2].Nanoseconds())/1000, slug(w.name)+"-p50-µs")
		b.ReportMetric(float64(took[i][len(took[i])*99/100].Nanoseconds())/1000, slug(w.name)+"-p99-µs")
	}
}

func slug(s string) string {
	if s == "edge and relay" {
		return "relay"
	}
	return s
}

// BenchmarkThroughput sends one way and takes the echo at the same time.
func BenchmarkThroughput(b *testing.B) {
	for _, w := range ways(b) {
		b.Run(slug(w.name), func(b *testing.B) {
			c := dial(b, w.open(b))
			chunk := make([]byte, 1<<20)
			b.SetBytes(int64(len(chunk)))
			for b.Loop() {
				go func() { _, _ = c.Write(chunk) }()
				if _, err := io.CopyN(io.Discard, c, int64(len(chunk))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
