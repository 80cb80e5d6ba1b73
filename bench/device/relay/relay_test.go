package relay

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/serialport"
	"github.com/kkmtest/kkmtest/bench/history"
)

var epoch = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

func TestParse(t *testing.T) {
	cmd := filepath.Join(t.TempDir(), "socket")
	if err := os.WriteFile(cmd, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]Address{
		"lcus:/dev/ttyUSB2,1":                {Kind: "lcus", Path: "/dev/ttyUSB2", Baud: 9600, Channel: 1},
		"lcus:/dev/serial/by-id/usb-x,8,nc":  {Kind: "lcus", Path: "/dev/serial/by-id/usb-x", Baud: 9600, Channel: 8, Inverted: true},
		"modbus:/dev/ttyUSB2@19200,1,0":      {Kind: "modbus", Path: "/dev/ttyUSB2", Baud: 19200, Unit: 1},
		"modbus:tcp:10.0.0.7:4001,247,65535": {Kind: "modbus", TCP: "10.0.0.7:4001", Unit: 247, Channel: 65535},
		"hook:" + cmd:                        {Kind: "hook", Path: cmd},
	} {
		if got, err := Parse(in); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", in, got, err, want)
		}
	}
	open := filepath.Join(t.TempDir(), "open")
	if err := os.WriteFile(open, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"": `kind ""`, "gpio:17": `kind "gpio"`, "lcus:/dev/ttyUSB2": "channel", "lcus:/dev/ttyUSB2,0": "channel", "lcus:/dev/ttyUSB2,17": "channel", "lcus:ttyUSB2,1": "absolute",
		"lcus:/dev/ttyUSB2,one": `"one" is no number`, "modbus:/dev/ttyUSB2@9600,1": "coil", "modbus:/dev/ttyUSB2@9600,0,1": "unit", "modbus:/dev/ttyUSB2@9600,248,1": "unit",
		"modbus:/dev/ttyUSB2,1,1": "speed", "modbus:tcp:10.0.0.7,1,1": "HOST:PORT", "modbus:/dev/ttyUSB2@9600,1,65536": "coil", "hook:/no/such/command": "no such file",
		"hook:" + cmd + ",1": "no numbers", "hook:" + open: "everybody", "hook:" + filepath.Dir(cmd): "executed",
	} {
		if _, err := Parse(in); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "want lcus:") {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
}

// board is what a relay does with orders: it answers, or not.
type board struct {
	answer func(p []byte) []byte
	got    []byte
}

func rig(t *testing.T, a Address, answer func(p []byte) []byte) (*Switch, *board, *history.Log) {
	t.Helper()
	loop := clock.NewVirtual(epoch, nil)
	log := history.NewMemory(loop)
	l := serialport.NewLine(loop, a.Baud)
	b := &board{answer: answer}
	l.Attach(func(p []byte) {
		b.got = append(b.got, p...)
		if b.answer != nil {
			if out := b.answer(p); len(out) > 0 {
				l.DeviceSend(out)
			}
		}
	})
	return New(loop, log, l.Host(), a), b, log
}

func switched(l *history.Log) (out []string) {
	for e := range l.View().Events() {
		if s, ok := e.Body.(history.Switched); ok {
			out = append(out, s.What+" "+s.To)
		}
	}
	return out
}

// The orders are those that the boards' sellers print.
func TestLCUS(t *testing.T) {
	s, b, log := rig(t, Address{Kind: "lcus", Channel: 1, Baud: 9600}, nil)
	for _, on := range []bool{false, true} {
		if err := s.Power(t.Context(), on); err != nil {
			t.Fatal(err)
		}
	}
	if want := []byte{0xA0, 1, 0, 0xA1, 0xA0, 1, 1, 0xA2}; !bytes.Equal(b.got, want) {
		t.Errorf("% x, want % x", b.got, want)
	}
	if got := switched(log); !slices.Equal(got, []string{"power off", "power on"}) {
		t.Errorf("%q", got)
	}
	s, b, _ = rig(t, Address{Kind: "lcus", Channel: 3, Baud: 9600, Inverted: true}, nil)
	if err := s.Power(t.Context(), true); err != nil || !bytes.Equal(b.got, []byte{0xA0, 3, 0, 0xA3}) {
		t.Errorf("% x, %v", b.got, err)
	}
}

// At the end the power is on again, if it was off.
func TestCloseLeavesThePowerOn(t *testing.T) {
	s, b, log := rig(t, Address{Kind: "lcus", Channel: 1, Baud: 9600}, nil)
	if err := s.Power(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := switched(log); !slices.Equal(got, []string{"power off", "power on"}) || !bytes.HasSuffix(b.got, []byte{0xA0, 1, 1, 0xA2}) {
		t.Errorf("%q, % x", got, b.got)
	}
	s, b, _ = rig(t, Address{Kind: "lcus", Channel: 1, Baud: 9600}, nil)
	if err := s.Close(); err != nil || len(b.got) != 0 {
		t.Errorf("% x, %v", b.got, err)
	}
}

// The checksum is that of the Modbus specification's examples.
func TestCRC(t *testing.T) {
	for _, c := range []struct {
		p    []byte
		want uint16
	}{
		{[]byte{0x02, 0x07}, 0x1241},
		{[]byte{0x01, 0x05, 0x00, 0x00, 0xFF, 0x00}, 0x3A8C},
		{[]byte{0x01, 0x05, 0x00, 0x00, 0x00, 0x00}, 0xCACD},
		{nil, 0xFFFF},
	} {
		if got := crc16(c.p); got != c.want {
			t.Errorf("% x: %04X, want %04X", c.p, got, c.want)
		}
	}
}

// station is a Modbus relay with one coil.
func station(unit byte, coil uint16, stuck bool) func([]byte) []byte {
	on := false
	return func(p []byte) []byte {
		if len(p) != 8 || crc16(p[:6]) != uint16(p[6])|uint16(p[7])<<8 || p[0] != unit {
			return nil
		}
		at := uint16(p[2])<<8 | uint16(p[3])
		switch {
		case at != coil:
			return sealed(unit, p[1]|exception, 2)
		case p[1] == writeCoil:
			on = p[4] == 0xFF && !stuck
			return p
		case p[1] == readCoils:
			v := byte(0)
			if on {
				v = 1
			}
			return sealed(unit, readCoils, 1, v)
		}
		return sealed(unit, p[1]|exception, 1)
	}
}

func TestModbus(t *testing.T) {
	good := Address{Kind: "modbus", Unit: 17, Channel: 3, Baud: 9600}
	once := func(n int, bad func([]byte) []byte) func([]byte) []byte {
		s := station(17, 3, false)
		seen := 0
		return func(p []byte) []byte {
			a := s(p)
			if seen++; seen == n {
				return bad(a)
			}
			return a
		}
	}
	nothing := func([]byte) []byte { return nil }
	for _, c := range []struct {
		name   string
		answer func([]byte) []byte
		err    string
		frames int
	}{
		{"good", station(17, 3, false), "", 2},
		{"silence once", once(1, nothing), "", 3},
		{"half an answer once", once(1, func(p []byte) []byte { return p[:3] }), "", 3},
		{"a flipped bit once", once(1, func(p []byte) []byte { q := bytes.Clone(p); q[2] ^= 4; return q }), "", 3},
		{"silence at the reading once", once(2, nothing), "", 3},
		{"silence", nothing, "unit 17 gives no answer", 3},
		{"another coil", station(17, 4, false), "exception 2 (no such coil)", 1},
		{"another station", station(18, 3, false), "no answer", 3},
		{"a stuck contact", station(17, 3, true), "coil 3 reads false after it was set to true", 2},
		{"noise before the answer", once(1, func(p []byte) []byte { return append([]byte{0xFF}, p...) }), "", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, b, log := rig(t, good, c.answer)
			err := s.Power(t.Context(), true)
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("%v, want %q", err, c.err)
			}
			if n := len(b.got) / 8; n != c.frames {
				t.Errorf("%d frames were sent, want %d: % x", n, c.frames, b.got)
			}
			want := []string{"power on"} // before the order
			if c.err != "" {
				want = append(want, "power off") // taken back
			}
			if got := switched(log); !slices.Equal(got, want) {
				t.Errorf("recorded %q, want %q", got, want)
			}
		})
	}
}

func TestHook(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	cmd := filepath.Join(dir, "socket; rm x")
	text := fmt.Sprintf("#!/bin/sh\necho \"$# $1\" >> %s\n[ \"$1\" = on ] || { echo 'no \033[31mroute'; exit 3; }\n", log)
	if err := os.WriteFile(cmd, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	a, err := Parse("hook:" + cmd)
	if err != nil {
		t.Fatal(err)
	}
	loop := clock.NewReal()
	defer loop.Close()
	rec := history.NewMemory(loop)
	s, err := Open(t.Context(), loop, rec, a)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Power(t.Context(), true); err != nil {
		t.Error(err)
	}
	err = s.Power(t.Context(), false)
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "route") || strings.Contains(err.Error(), "\033") {
		t.Errorf("%v", err)
	}
	if raw, _ := os.ReadFile(log); string(raw) != "1 on\n1 off\n" {
		t.Errorf("called with %q", raw)
	}
	if got := switched(rec); !slices.Equal(got, []string{"power on"}) {
		t.Errorf("%q", got)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
