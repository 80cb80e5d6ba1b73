package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
	"unicode"

	"github.com/kkmtest/kkmtest/bench/clock"
)

// lcus is a relay of the LCUS kind: a CH340 with a controller that takes orders
// of four bytes at 9600 baud and, on most boards, says nothing.
type lcus struct {
	line
	channel byte
}

// order is A0h, channel, state, sum of the three.
func (r *lcus) order(closed bool) []byte {
	state := byte(0)
	if closed {
		state = 1
	}
	return []byte{0xA0, r.channel, state, 0xA0 + r.channel + state}
}

// settle is what the contact needs, and the board before the next order.
const settle = 50 * time.Millisecond

func (r *lcus) set(ctx context.Context, closed bool) error {
	if err := r.write(ctx, r.order(closed), "LCUS relay"); err != nil {
		return err
	}
	_, err := r.loop.Wait(ctx, r.loop.Now().Add(settle), nil)
	return err
}

func (r *lcus) close() error { return r.port.Close() }

// modbus is a coil of a Modbus RTU station.
type modbus struct {
	line
	unit byte
	coil uint16
}

// Times and tries of Modbus; writing a coil sets a state, so it may be repeated.
const (
	modbusAnswer = 500 * time.Millisecond
	modbusTries  = 3
	modbusGap    = 5 * time.Millisecond // silence between frames: 3.5 characters at 9600 baud are 4 ms
)

const (
	readCoils = 0x01
	writeCoil = 0x05
	exception = 0x80
)

// crc16 is the checksum of Modbus RTU: polynomial A001h reflected, start FFFFh.
func crc16(p []byte) uint16 {
	crc := uint16(0xFFFF)
	for _, b := range p {
		crc ^= uint16(b)
		for range 8 {
			if crc&1 == 1 {
				crc = crc>>1 ^ 0xA001
			} else {
				crc >>= 1
			}
		}
	}
	return crc
}

func sealed(p ...byte) []byte {
	c := crc16(p)
	return append(p, byte(c), byte(c>>8))
}

var exceptions = map[byte]string{1: "function not known", 2: "no such coil", 3: "value not allowed", 4: "station failed", 6: "station busy"}

// ask sends a request until an answer with a right checksum comes.
func (r *modbus) ask(ctx context.Context, request []byte, length int) ([]byte, error) {
	var why error
	for range modbusTries {
		if err := r.drain(ctx); err != nil {
			return nil, err
		}
		if err := r.write(ctx, request, fmt.Sprintf("Modbus relay, unit %d, coil %d", r.unit, r.coil)); err != nil {
			return nil, err
		}
		got, err := r.read(ctx, 5, modbusAnswer) // an exception has five bytes
		if err != nil {
			return nil, err
		}
		if len(got) == 5 && got[1] != request[1]|exception && length > 5 {
			more, err := r.read(ctx, length-5, modbusAnswer)
			if err != nil {
				return nil, err
			}
			got = append(got, more...)
		}
		switch n := len(got); {
		case n < 5:
			why = fmt.Errorf("unit %d gives no answer: % x", r.unit, got)
		case crc16(got[:n-2]) != uint16(got[n-2])|uint16(got[n-1])<<8:
			why = fmt.Errorf("unit %d: answer % x has a wrong checksum", r.unit, got)
		case got[0] != r.unit || got[1]&^exception != request[1]:
			why = fmt.Errorf("unit %d: answer % x is not to % x", r.unit, got, request)
		case got[1]&exception != 0:
			return nil, fmt.Errorf("unit %d refuses: exception %d (%s)", r.unit, got[2], exceptions[got[2]])
		default:
			return got, nil
		}
		if _, err := r.loop.Wait(ctx, r.loop.Now().Add(modbusGap), nil); err != nil {
			return nil, err
		}
	}
	return nil, why
}

// set writes the coil and reads it back.
func (r *modbus) set(ctx context.Context, closed bool) error {
	value := byte(0)
	if closed {
		value = 0xFF
	}
	request := sealed(r.unit, writeCoil, byte(r.coil>>8), byte(r.coil), value, 0)
	got, err := r.ask(ctx, request, len(request))
	if err != nil {
		return err
	}
	if !bytes.Equal(got, request) {
		return fmt.Errorf("unit %d: answer % x to % x: want an echo", r.unit, got, request)
	}
	got, err = r.ask(ctx, sealed(r.unit, readCoils, byte(r.coil>>8), byte(r.coil), 0, 1), 6)
	if err != nil {
		return err
	}
	if is := got[3]&1 == 1; is != closed {
		return fmt.Errorf("unit %d: coil %d reads %v after it was set to %v", r.unit, r.coil, is, closed)
	}
	return nil
}

func (r *modbus) close() error { return r.port.Close() }

// hook is a command of the laboratory: it is called with on or off, without a
// shell, and must end with status 0.
type hook struct {
	loop clock.Loop
	path string
}

// hookTime is how long the command may take: sockets on a network need seconds.
const hookTime = 30 * time.Second

func (h *hook) set(ctx context.Context, closed bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := errors.New("late")
	defer h.loop.AfterFunc(hookTime, func() { cancel(late) }).Stop()
	word := "off"
	if closed {
		word = "on"
	}
	cmd := exec.CommandContext(ctx, h.path, word)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	switch {
	case errors.Is(context.Cause(ctx), late):
		return fmt.Errorf("%s %s: not done within %v", h.path, word, hookTime)
	case err != nil:
		return fmt.Errorf("%s %s: %w: %s", h.path, word, err, printable(out))
	}
	return nil
}

func (h *hook) close() error { return nil }

func printable(p []byte) string {
	s := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.TrimSpace(string(bytes.ToValidUTF8(p, []byte("?")))))
	return s[:min(len(s), 200)]
}
