package relay

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/serialport"
	"github.com/kkmtest/kkmtest/bench/history"
)

// Address says what switches the power.
type Address struct {
	Kind     string // lcus, modbus, hook
	Path     string // of the port, or of the command
	TCP      string // modbus: host:port of a device server, instead of Path
	Baud     int
	Unit     int // modbus: station 1..247
	Channel  int // lcus: from 1; modbus: coil from 0
	Inverted bool
}

const forms = "lcus:/dev/ttyUSB2,CHANNEL, modbus:/dev/ttyUSB2@9600,UNIT,COIL, modbus:tcp:HOST:PORT,UNIT,COIL or hook:/path/of/command, each with ,nc behind it when the register hangs on the contact that is closed at rest"

// Parse reads an address.
func Parse(s string) (Address, error) {
	bad := func(why string) (Address, error) {
		return Address{}, fmt.Errorf("power %q: %s: want %s", s, why, forms)
	}
	kind, rest, _ := strings.Cut(s, ":")
	parts := strings.Split(rest, ",")
	a := Address{Kind: kind, Path: parts[0]}
	parts = parts[1:]
	if n := len(parts); n > 0 && parts[n-1] == "nc" {
		a.Inverted, parts = true, parts[:n-1]
	}
	numbers := make([]int, len(parts))
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 {
			return bad(fmt.Sprintf("%q is no number", p))
		}
		numbers[i] = n
	}
	switch kind {
	case "lcus":
		if len(numbers) != 1 || numbers[0] < 1 || numbers[0] > 16 {
			return bad("a channel from 1 to 16 is missing")
		}
		a.Channel, a.Baud = numbers[0], 9600
	case "modbus":
		if len(numbers) != 2 || numbers[0] < 1 || numbers[0] > 247 || numbers[1] > 0xFFFF {
			return bad("a unit from 1 to 247 and a coil from 0 to 65535 are missing")
		}
		a.Unit, a.Channel = numbers[0], numbers[1]
		if tcp, ok := strings.CutPrefix(a.Path, "tcp:"); ok {
			if h, p, err := net.SplitHostPort(tcp); err != nil || h == "" || p == "" {
				return bad(fmt.Sprintf("%q is not HOST:PORT", tcp))
			}
			a.TCP, a.Path = tcp, ""
			return a, nil
		}
		path, baud, ok := strings.Cut(a.Path, "@")
		n, err := strconv.Atoi(baud)
		if !ok || err != nil || n <= 0 {
			return bad("the speed is missing")
		}
		a.Path, a.Baud = path, n
	case "hook":
		if len(numbers) > 0 {
			return bad("a command takes no numbers")
		}
		st, err := os.Stat(a.Path)
		switch {
		case err != nil:
			return bad(err.Error())
		case !st.Mode().IsRegular() || st.Mode()&0o111 == 0:
			return bad(a.Path + " may not be executed")
		case st.Mode()&0o002 != 0:
			return bad("everybody may rewrite " + a.Path)
		}
	default:
		return bad(fmt.Sprintf("kind %q", kind))
	}
	if !filepath.IsAbs(a.Path) {
		return bad(fmt.Sprintf("%q is no absolute path", a.Path))
	}
	return a, nil
}

// Open opens the relay. It switches nothing. loop is real time.
func Open(ctx context.Context, loop clock.Loop, j history.Journal, a Address) (*Switch, error) {
	s := &Switch{j: j, inverted: a.Inverted}
	if a.Kind == "hook" {
		s.c = &hook{loop, a.Path}
		return s, nil
	}
	var port device.Port
	var err error
	if a.TCP != "" {
		port, err = serialport.OpenTCP(ctx, loop, a.TCP)
	} else {
		port, err = serialport.OpenSerial(loop, a.Path, a.Baud)
	}
	if err != nil {
		return nil, fmt.Errorf("power relay: %w", err)
	}
	return New(loop, j, port, a), nil
}

// New makes a switch over a port that is open already.
func New(loop clock.Loop, j history.Journal, port device.Port, a Address) *Switch {
	l := line{loop, j, port}
	s := &Switch{j: j, inverted: a.Inverted, c: &lcus{l, byte(a.Channel)}}
	if a.Kind == "modbus" {
		s.c = &modbus{l, byte(a.Unit), uint16(a.Channel)}
	}
	return s
}
