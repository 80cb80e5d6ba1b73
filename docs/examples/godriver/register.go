package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
)

// register is the host side of the standard level, for a line that works: it
// reports what goes over the wire and gives up when something is wrong.
type register struct {
	address  string
	admin    uint32
	cashiers map[int]uint32
	conn     net.Conn
	clock    *clock.Real
	final    bool // the command to come ends the cashier's input
}

type reply struct {
	command, code byte
	rest          []byte
}

var errSilent = errors.New("the register gives no answer")

func (r *register) close() error {
	if r.conn == nil {
		return nil
	}
	return r.conn.Close()
}

// write reports bytes, then sends them: so the record knows of everything that
// may have reached the register.
func (r *register) write(p []byte, note string) error {
	if r.conn == nil {
		c, err := net.DialTimeout("tcp", r.address, 5*time.Second)
		if err != nil {
			return err
		}
		r.conn = c
	}
	say(object{"event": "bytes", "dir": "to-device", "data": p, "note": note})
	_, err := r.conn.Write(p)
	return err
}

// read takes exactly n bytes.
func (r *register) read(n int, limit time.Duration) ([]byte, error) {
	p := make([]byte, n)
	got := 0
	for got < n {
		if err := r.conn.SetReadDeadline(r.clock.Now().Wall.Add(limit)); err != nil {
			return nil, err
		}
		k, err := r.conn.Read(p[got:])
		if k > 0 {
			say(object{"event": "bytes", "dir": "from-device", "data": p[got : got+k]})
		}
		got += k
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, fmt.Errorf("%d of %d bytes within %v: %w", got, n, limit, errSilent)
		}
		if err != nil && got < n {
			return nil, err
		}
	}
	return p, nil
}

// command is one exchange of the standard level: ENQ, NAK, frame, ACK, answer, ACK.
func (r *register) command(code byte, pw uint32, params ...[]byte) (reply, error) {
	body := binary.LittleEndian.AppendUint32([]byte{code}, pw)
	for _, p := range params {
		body = append(body, p...)
	}
	return r.exchange(body)
}

func (r *register) exchange(body []byte) (reply, error) {
	raw, err := frame.Encode(body)
	if err != nil {
		return reply{}, err
	}
	if err := r.control(frame.ENQ, frame.NAK, "ENQ"); err != nil {
		return reply{}, err
	}
	if err := r.write(raw, fmt.Sprintf("command %02Xh", body[0])); err != nil {
		return reply{}, err
	}
	if r.final {
		say(object{"event": "entered"})
		r.final = false
	}
	ack, err := r.read(1, answerTime)
	if err != nil {
		return reply{}, err
	}
	if ack[0] != frame.ACK {
		return reply{}, fmt.Errorf("command %02Xh: %02X instead of ACK: %w", body[0], ack[0], errSilent)
	}
	head, err := r.read(2, answerTime)
	if err != nil {
		return reply{}, err
	}
	tail, err := r.read(int(head[1])+1, answerTime)
	if err != nil {
		return reply{}, err
	}
	got := tail[:len(tail)-1]
	if head[0] != frame.STX || len(got) < 2 || frame.LRC(append(head[1:], got...)) != tail[len(tail)-1] || got[0] != body[0] {
		return reply{}, fmt.Errorf("command %02Xh: answer % X % X cannot be read: %w", body[0], head, tail, errSilent)
	}
	if err := r.write([]byte{frame.ACK}, "ACK"); err != nil {
		return reply{}, err
	}
	return reply{got[0], got[1], got[2:]}, nil
}

func (r *register) control(send, want byte, note string) error {
	if err := r.write([]byte{send}, note); err != nil {
		return err
	}
	p, err := r.read(1, answerTime)
	if err == nil && p[0] != want {
		err = fmt.Errorf("%02X after %s, want %02X: %w", p[0], note, want, errSilent)
	}
	return err
}

func sum(v int64) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(v))[:5] }

// text is a field of 40 bytes in the register's code page.
func text(s string) []byte {
	p := frame.KZ1048.EncodeLossy(s)
	return append(p[:min(len(p), 40)], make([]byte, 40-min(len(p), 40))...)
}

// kinds are the commands of a position and the types of a receipt.
var kinds = map[string]struct{ line, kind byte }{
	"sale": {0x80, 0}, "buy": {0x81, 1}, "sale-return": {0x82, 2}, "buy-return": {0x83, 3},
}

func (r *register) receipt(o op, pw uint32) (reply, error) {
	x := o.Receipt
	k, ok := kinds[x.Kind]
	if !ok || x.Discount != 0 || x.Markup != 0 {
		return reply{}, fmt.Errorf("receipt of kind %q with discount %d and markup %d: %w", x.Kind, x.Discount, x.Markup, errNotAble)
	}
	for _, l := range x.Lines {
		if l.Kind != "goods" {
			return reply{}, fmt.Errorf("position of kind %q: %w", l.Kind, errNotAble)
		}
	}
	var paid [4]int64 // cash, then the types of the close command
	for _, p := range x.Payments {
		switch p.Kind {
		case "cash":
			paid[0] += p.Sum
		case "card":
			paid[1] += p.Sum
		default:
			return reply{}, fmt.Errorf("payment of kind %q: %w", p.Kind, errNotAble)
		}
	}
	a, err := r.command(0x8D, pw, []byte{k.kind})
	for _, l := range x.Lines {
		if err != nil || a.code != 0 {
			break
		}
		a, err = r.command(k.line, pw, sum(l.Qty), sum(l.Price), []byte{byte(max(l.Section, 1)), 0, 0, 0, 0}, text(l.Name))
	}
	if err == nil && a.code == 0 {
		r.final = true
		a, err = r.command(0x85, pw, sum(paid[0]), sum(paid[1]), sum(paid[2]), sum(paid[3]), []byte{0, 0, 0, 0, 0, 0}, text(""))
		if err == nil && a.code == 0 {
			return a, nil
		}
	}
	if err == nil { // refused: no receipt may stay open
		if _, e := r.command(0x88, pw); e != nil {
			return a, e
		}
	}
	return a, err
}

// paper waits until nothing prints; it tells how long the last gap between two looks was.
func (r *register) paper() (time.Duration, error) {
	for n := time.Duration(0); n < paperTime; n += pollTime {
		a, err := r.command(0x10, r.admin)
		if err != nil {
			return 0, err
		}
		if len(a.rest) < 5 || a.rest[4] == 0 {
			return pollTime, nil
		}
		if _, err := r.clock.Wait(context.Background(), r.clock.Now().Add(pollTime), nil); err != nil {
			return 0, err
		}
	}
	return pollTime, nil
}

func (r *register) identity() (object, error) {
	a, err := r.exchange([]byte{0xFC})
	if err != nil {
		return nil, err
	}
	s, err := r.command(0x11, r.admin)
	if err != nil {
		return nil, err
	}
	if a.code != 0 || len(a.rest) < 6 || s.code != 0 || len(s.rest) < 36 {
		return nil, fmt.Errorf("answers of %d and %d bytes: %w", len(a.rest), len(s.rest), errSilent)
	}
	return object{
		"type":  fmt.Sprintf("Shtrih-M protocol %d.%d", a.rest[2], a.rest[3]),
		"model": frame.KZ1048.Decode(frame.Trim(a.rest[6:])), "serial": fmt.Sprint(binary.LittleEndian.Uint32(s.rest[30:])),
	}, nil
}

func (r *register) state() (object, error) {
	s, err := r.command(0x11, r.admin)
	if err != nil {
		return nil, err
	}
	if s.code != 0 || len(s.rest) < 36 {
		return nil, fmt.Errorf("a status of %d bytes: %w", len(s.rest), errSilent)
	}
	mode := s.rest[13] & 0x0F
	open := mode == 2 || mode == 3
	shift := uint64(binary.LittleEndian.Uint16(s.rest[34:]))
	if open {
		shift++
	}
	t := s.rest[23:29]
	return object{
		"shift_open": open, "shift_long": mode == 3, "shift": shift,
		"clock": fmt.Sprintf("20%02d-%02d-%02dT%02d:%02d:%02d", t[2], t[1], t[0], t[3], t[4], t[5]),
		"text":  fmt.Sprintf("mode %d", mode),
	}, nil
}

func (r *register) printed() (object, error) {
	a, err := r.command(0xC8, r.admin)
	if err != nil {
		return nil, err
	}
	if a.code != 0 || len(a.rest) < 2 {
		return nil, fmt.Errorf("print buffer: error %02Xh: %w", a.code, errNotAble)
	}
	lines := []string{}
	for i := range binary.LittleEndian.Uint16(a.rest) {
		l, err := r.command(0xC9, r.admin, []byte{byte(i), byte(i >> 8)})
		if err != nil {
			return nil, err
		}
		lines = append(lines, frame.KZ1048.Decode(frame.Trim(l.rest)))
	}
	_, err = r.command(0xCA, r.admin)
	return object{"lines": lines, "origin": "host"}, err
}
