package atol

import (
	"bytes"
	"context"
	"fmt"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/atol/frame"
	"github.com/kkmtest/kkmtest/bench/device/line"
)

// link2 is level 2: two halves, each side takes the line with ENQ (3.2).
type link2 struct {
	*line.Line
	t      Timers
	access []byte
	ready  clock.Instant // the register asked for the line to answer
	own    []byte        // the frame sent last, to know an echo
}

func (l *link2) answered() clock.Instant { return l.ready }

func (l *link2) reset() {}

// What a wait ended with.
type reply uint8

const (
	nothing reply = iota
	gotACK
	gotNAK
	gotENQ
	gotFrame
	gotBad // something began like a frame and was not one
)

func (l *link2) exchange(ctx context.Context, cmd []byte, safe bool, note string) ([]byte, error) {
	code := frame.Code(cmd[0])
	data := append(bytes.Clone(l.access), cmd...)
	if len(data) > frame.MaxKZ {
		return nil, line.Unablef("%v has %d bytes, registers of Kazakhstan take %d", code, len(data), frame.MaxKZ)
	}
	raw, err := frame.Encode(data)
	if err != nil {
		return nil, line.Unablef("%v: %v", code, err)
	}
	if err := l.Purge(ctx); err != nil {
		return nil, line.PortError(err, code.String(), false)
	}
	if err := l.request(ctx, code); err != nil {
		return nil, line.PortError(err, code.String(), false)
	}
	enq, err := l.deliver(ctx, code, raw, safe, note)
	if err != nil {
		return nil, line.PortError(err, code.String(), true)
	}
	ans, err := l.answer(ctx, code, enq)
	return ans, line.PortError(err, code.String(), true)
}

// request takes the line. A register that wants to say something itself is
// heard first: it is the answer to an earlier command, which nobody waits for any more.
func (l *link2) request(ctx context.Context, code frame.Code) error {
	until := l.Loop.Now().Add(l.t.Patience)
	collided, late := false, 0
	for silent := 0; silent < l.t.Tries.ENQ; {
		if err := l.Write(ctx, []byte{frame.ENQ}, "ENQ"); err != nil {
			return err
		}
		r, err := l.afterENQ(ctx)
		if err != nil {
			return err
		}
		if r != gotACK {
			l.Shaky = l.Shaky || r != gotNAK
		}
		switch r {
		case gotACK:
			return nil
		case gotNAK:
			if l.Loop.Now().Mono >= until.Mono {
				return &line.LinkError{What: line.NoLink, Command: code.String(), Text: fmt.Sprintf("the register has said for %v that it is busy", l.t.Patience)}
			}
			if err := l.Sleep(ctx, l.t.Busy); err != nil {
				return err
			}
		case gotENQ:
			if !collided {
				collided = true
				if err := l.Sleep(ctx, l.t.T7); err != nil {
					return err
				}
				continue
			}
			if late++; late > l.t.Tries.Answer {
				return &line.LinkError{What: line.NoLink, Command: code.String(), Text: "the register asks for the line again and again"}
			}
			collided = false
			if _, err := l.answer(ctx, 0, true); err != nil && !isSilent(err) {
				return err
			}
		default:
			silent++
		}
	}
	if err := l.Write(ctx, []byte{frame.EOT}, "EOT: gives up"); err != nil {
		return err
	}
	return &line.LinkError{What: line.NoLink, Command: code.String(), Text: fmt.Sprintf("no answer to %d ENQ", l.t.Tries.ENQ)}
}

// afterENQ waits for the answer to ENQ. An ENQ from the other side counts only
// when no ACK comes with it: a line with an echo sends our own back. A frame is the
// repeated end of an earlier answer.
func (l *link2) afterENQ(ctx context.Context) (reply, error) {
	deadline := l.After(1, l.t.T1)
	enq := false
	for {
		b, ok, err := l.Next(ctx, deadline)
		switch {
		case err != nil:
			return nothing, l.GiveUp(err)
		case !ok && enq:
			return gotENQ, l.Got([]byte{frame.ENQ}, "ENQ: the register wants the line too")
		case !ok:
			return nothing, l.Flush()
		case b == frame.ACK:
			if enq {
				l.Drop(frame.ENQ)
			}
			return gotACK, l.Got([]byte{b}, "ACK: ready")
		case b == frame.NAK:
			return gotNAK, l.Got([]byte{b}, "NAK: busy")
		case b == frame.ENQ && !enq:
			enq = true
		case b == frame.STX:
			r, _, err := l.frameRest(ctx, "repeated answer of an earlier command")
			if err != nil {
				return nothing, err
			}
			c, note := frame.NAK, "NAK: again"
			if r == gotFrame {
				c, note = frame.ACK, "ACK"
			}
			if err := l.Write(ctx, []byte{c}, note); err != nil {
				return nothing, err
			}
			l.Shaky = true
			deadline = l.After(1, l.t.T1)
		default:
			l.Drop(b)
		}
	}
}

// deliver sends the frame until the register takes it. enq says that the
// register has asked for the line already, so that the frame had been taken before.
// A frame that must not arrive twice is sent again only after a NAK.
func (l *link2) deliver(ctx context.Context, code frame.Code, raw []byte, safe bool, note string) (enq bool, err error) {
	l.own = raw
	for n := 1; n <= l.t.Tries.Frame; n++ {
		if err := l.Command(ctx, raw, note); err != nil {
			return false, err
		}
		r, err := l.afterFrame(ctx, n > 1)
		if err != nil {
			return false, err
		}
		switch r {
		case gotACK:
			return false, l.Write(ctx, []byte{frame.EOT}, "EOT")
		case gotENQ:
			return true, nil
		case nothing:
			l.Shaky = true
			if !safe {
				return false, &line.LinkError{What: line.Silent, Command: code.String(), Sent: true, Text: "nothing says whether the frame arrived"}
			}
		default:
			l.Shaky = true
		}
	}
	if err := l.Write(ctx, []byte{frame.EOT}, "EOT: gives up"); err != nil {
		return false, err
	}
	return false, &line.LinkError{What: line.Silent, Command: code.String(), Sent: true, Text: fmt.Sprintf("the frame was not taken in %d attempts", l.t.Tries.Frame)}
}

// afterFrame waits for ACK or NAK to a frame. A NAK is believed when nothing
// better follows it.
func (l *link2) afterFrame(ctx context.Context, again bool) (reply, error) {
	deadline := l.After(0, l.t.T4)
	deadline = deadline.Add(max(0, l.Sent.Mono-l.Loop.Now().Mono))
	nak := false
	for {
		b, ok, err := l.Next(ctx, deadline)
		switch {
		case err != nil:
			return nothing, l.GiveUp(err)
		case !ok && nak:
			return gotNAK, l.Got([]byte{frame.NAK}, "NAK: frame damaged")
		case !ok:
			return nothing, l.Flush()
		case b == frame.ACK:
			if nak {
				l.Drop(frame.NAK)
			}
			return gotACK, l.Got([]byte{b}, "ACK: frame taken")
		case b == frame.ENQ && again:
			if nak {
				l.Drop(frame.NAK)
			}
			return gotENQ, l.Got([]byte{b}, "ENQ: the frame had been taken before")
		case b == frame.NAK && !nak:
			nak = true
			if q := l.After(0, l.t.Quiet); q.Mono < deadline.Mono {
				deadline = q
			}
		case b == frame.STX:
			if _, _, err := l.frameRest(ctx, "a frame that nobody asked for"); err != nil {
				return nothing, err
			}
		default:
			l.Drop(b)
		}
	}
}

// answer waits for the register to take the line, and reads what it says.
func (l *link2) answer(ctx context.Context, code frame.Code, enq bool) ([]byte, error) {
	limit := l.After(1, answerTime(code))
	bad := 0
	for {
		if !enq {
			ok, err := l.awaitENQ(ctx, limit)
			if err != nil {
				return nil, err
			}
			if !ok {
				return nil, &line.LinkError{What: line.Silent, Command: code.String(), Sent: true, Text: fmt.Sprintf("no answer in %v", answerTime(code))}
			}
		}
		if bad == 0 {
			l.ready = l.Loop.Now()
		}
		enq = false
		if err := l.Write(ctx, []byte{frame.ACK}, "ACK"); err != nil {
			return nil, err
		}
		for reading := true; reading; {
			r, data, err := l.frameIn(ctx, code)
			if err != nil {
				return nil, err
			}
			switch r {
			case gotFrame:
				if err := l.Write(ctx, []byte{frame.ACK}, "ACK"); err != nil {
					return nil, err
				}
				return data, l.end(ctx)
			case gotENQ: // our ACK was lost
				if err := l.Write(ctx, []byte{frame.ACK}, "ACK"); err != nil {
					return nil, err
				}
				l.Shaky = true
			case gotBad:
				if err := l.Write(ctx, []byte{frame.NAK}, "NAK: again"); err != nil {
					return nil, err
				}
				l.Shaky = true
			default:
				reading = false
			}
			if bad++; bad > l.t.Tries.Answer {
				return nil, &line.LinkError{What: line.Silent, Command: code.String(), Sent: true, Text: fmt.Sprintf("the answer could not be read in %d attempts", bad)}
			}
		}
	}
}

func (l *link2) awaitENQ(ctx context.Context, deadline clock.Instant) (bool, error) {
	for {
		b, ok, err := l.Next(ctx, deadline)
		switch {
		case err != nil:
			return false, l.GiveUp(err)
		case !ok:
			return false, l.Flush()
		case b == frame.ENQ:
			return true, l.Got([]byte{b}, "ENQ: answer ready")
		default:
			l.Drop(b)
		}
	}
}

// frameIn reads the frame of an answer.
func (l *link2) frameIn(ctx context.Context, code frame.Code) (reply, []byte, error) {
	deadline := l.After(1, l.t.T2)
	for {
		b, ok, err := l.Next(ctx, deadline)
		switch {
		case err != nil:
			return nothing, nil, l.GiveUp(err)
		case !ok:
			return nothing, nil, l.Flush()
		case b == frame.ENQ:
			return gotENQ, nil, l.Got([]byte{b}, "ENQ: once more")
		case b == frame.STX:
			note := "late answer to an earlier command"
			if code != 0 {
				note = "answer to " + code.String()
			}
			r, data, err := l.frameRest(ctx, note)
			if err != nil || r != nothing {
				return r, data, err
			}
		default:
			l.Drop(b)
		}
	}
}

// frameRest reads a frame whose STX has come; an echo of the host's own is nothing.
func (l *link2) frameRest(ctx context.Context, note string) (reply, []byte, error) {
	var d frame.Decoder
	d.Feed(frame.STX)
	for {
		b, ok, err := l.Next(ctx, l.After(0, l.t.T6))
		if err != nil {
			if e := l.Got(d.Raw(), "half a frame, then the port failed"); e != nil {
				return nothing, nil, e
			}
			return nothing, nil, err
		}
		if !ok {
			return gotBad, nil, l.Got(d.Raw(), fmt.Sprintf("half a frame: silence for %v after %d bytes", l.t.T6, len(d.Raw())))
		}
		switch d.Feed(b) {
		case frame.Whole:
			if bytes.Equal(d.Raw(), l.own) { // no answer repeats its command
				return nothing, nil, l.Got(d.Raw(), "echo of the command")
			}
			return gotFrame, bytes.Clone(d.Data()), l.Got(d.Raw(), note)
		case frame.Broken:
			return gotBad, nil, l.Got(d.Raw(), "damaged frame")
		}
	}
}

// end waits for the register to leave the line. A frame that is repeated is
// acknowledged and not counted twice.
func (l *link2) end(ctx context.Context) error {
	deadline := l.After(1, l.t.T3)
	for {
		b, ok, err := l.Next(ctx, deadline)
		switch {
		case err != nil:
			return l.GiveUp(err)
		case !ok:
			return l.Flush()
		case b == frame.EOT:
			return l.Got([]byte{b}, "EOT")
		case b == frame.STX:
			r, _, err := l.frameRest(ctx, "the same answer again")
			if err != nil {
				return err
			}
			if r == nothing {
				continue
			}
			if err := l.Write(ctx, []byte{frame.ACK}, "ACK"); err != nil {
				return err
			}
			deadline = l.After(1, l.t.T3)
		default:
			l.Drop(b)
		}
	}
}
