package tap

import (
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/serialport"
	"github.com/kkmtest/kkmtest/bench/device/tap/escpos"
	"github.com/kkmtest/kkmtest/bench/history"
)

// Address says where a tap listens.
type Address struct {
	Serial string // port whose receiver hangs on the printer's line
	Baud   int
	Listen string // TCP address in front of the printer
	To     string // the printer behind it; "": the tap stands in its place
	Page   escpos.Page
}

// Parse reads an address: serial:/dev/ttyUSB1@19200, tcp:127.0.0.1:9100 or
// tcp:0.0.0.0:9100,192.168.1.50:9100; page is the printer's code page, "" is cp866.
func Parse(s, page string) (Address, error) {
	var a Address
	if page != "" {
		p, err := escpos.ParsePage(page)
		if err != nil {
			return a, fmt.Errorf("tap: %w", err)
		}
		a.Page = p
	}
	bad := func() (Address, error) {
		return a, fmt.Errorf("tap %q: want serial:/dev/ttyUSB1@19200, tcp:HOST:PORT or tcp:HOST:PORT,PRINTER:PORT", s)
	}
	kind, rest, _ := strings.Cut(s, ":")
	switch kind {
	case "serial":
		path, baud, ok := strings.Cut(rest, "@")
		n, err := strconv.Atoi(baud)
		if !ok || err != nil || n <= 0 || !filepath.IsAbs(path) {
			return bad()
		}
		a.Serial, a.Baud = path, n
	case "tcp":
		listen, to, two := strings.Cut(rest, ",")
		for _, x := range []string{listen, to} {
			if _, port, err := net.SplitHostPort(x); err != nil || port == "" {
				if x == "" && !two {
					continue
				}
				return bad()
			}
		}
		if listen == "" {
			return bad()
		}
		a.Listen, a.To = listen, to
	default:
		return bad()
	}
	return a, nil
}

// Open opens a tap. loop is real time.
func Open(loop clock.Loop, j history.Journal, a Address) (*Tap, error) {
	o := Options{Decode: escpos.Options{Page: a.Page}}
	if a.Serial != "" {
		port, err := serialport.OpenSerial(loop, a.Serial, a.Baud)
		if err != nil {
			return nil, fmt.Errorf("tap: %w", err)
		}
		if l, ok := port.(interface{ Latency() time.Duration }); ok {
			o.Latency = l.Latency()
		}
		t := New(loop, j, o)
		t.Listen(port)
		return t, nil
	}
	o.Latency = tcpLatency
	t := New(loop, j, o)
	l, err := net.Listen("tcp", a.Listen)
	if err != nil {
		return nil, fmt.Errorf("tap: %w", err)
	}
	t.serve(l, a.To)
	return t, nil
}
