package shtrihm

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/bench/history"
)

// altState is what the host knows of the numbering of the alternative level.
type altState struct {
	synced bool
	num    uint16 // the number that the register executed last
	last   uint16 // the number of the command that was sent last
}

// repeatAfter is the silence after which a packet is sent again. The register
// executes a number once, so that an early repetition costs nothing; commands
// that are known to be slow get more time to keep the record readable.
func (l *link) repeatAfter(c frame.Code) time.Duration {
	switch {
	case c == frame.XReport || c == frame.ZReport || c == frame.SectionReport || c == frame.TaxReport ||
		c == frame.CashierReport || c == frame.CloseReceipt || c == frame.TapeByShift:
		return max(l.o.Timers.Repeat, 10*l.o.Timers.Repeat)
	default:
		return l.o.Timers.Repeat
	}
}

// exchangeAlt is exchange on the alternative level: the same number again is a
// safe repetition; only a register that lost count (power) leaves a doubt.
func (l *link) exchangeAlt(ctx context.Context, cmd []byte, safe, careful bool, note string) ([]byte, error) {
	code := frame.CodeOf(cmd)
	if !l.alt.synced {
		if _, err := l.sync(ctx, code, false); err != nil {
			return nil, err
		}
	}
	if careful && l.shaky {
		return nil, errShaky
	}
	for tries := 1; ; tries++ {
		num := l.alt.num + 1
		raw, err := frame.EncodeAlt(frame.Packet{Num: num, Data: cmd})
		if err != nil {
			return nil, err
		}
		ans, err := l.packet(ctx, cmd, num, raw, note)
		if err != nil || ans != nil {
			return ans, err
		}
		// The register is at another number. Which one?
		p, err := l.sync(ctx, code, true)
		if err != nil {
			return nil, err
		}
		switch {
		case p.Num == num && len(p.Data) > 0 && frame.CodeOf(p.Data) == code:
			return p.Data, nil
		case tries >= l.o.Timers.Tries.Frame || !safe && p.Num != num-1:
			return nil, &linkError{what: idle, code: code, sent: true, text: fmt.Sprintf("the register stands at packet %d, the command was packet %d", p.Num, num)}
		}
	}
}

// packet sends one packet until its answer comes; nil, nil when the register
// answers with another number.
func (l *link) packet(ctx context.Context, cmd []byte, num uint16, raw []byte, note string) ([]byte, error) {
	code := frame.CodeOf(cmd)
	limit := l.after(0, max(answerTime(code), l.o.Timers.Patience))
	first := true
	for l.loop.Now().Mono < limit.Mono {
		if err := l.write(ctx, raw, note); err != nil {
			return nil, l.altLost(err, code, true)
		}
		if first {
			l.sent, l.body, l.alt.last, first = l.after(len(raw), 0), cmd, num, false
		}
		p, ok, err := l.packetIn(ctx, l.after(len(raw), l.repeatAfter(code)))
		switch {
		case err != nil:
			return nil, l.altLost(err, code, true)
		case !ok:
			l.shaky = true
			continue
		case p.Num == num && frame.CodeOf(p.Data) == code:
			l.alt.num = num
			return p.Data, nil
		case p.Num == num-1:
			l.shaky = true
			continue // the answer before, once more: ours is still to come
		default:
			l.shaky = true
			return nil, nil
		}
	}
	l.alt.synced = false
	return nil, &linkError{what: silent, code: code, sent: true, text: fmt.Sprintf("no answer for %v", (l.loop.Now().Mono - l.sent.Mono).Round(time.Millisecond))}
}

// sync asks which packet was executed last.
func (l *link) sync(ctx context.Context, code frame.Code, sent bool) (frame.Packet, error) {
	raw, err := frame.EncodeAlt(frame.Packet{Ping: true})
	if err != nil {
		return frame.Packet{}, err
	}
	for range l.o.Timers.Tries.ENQ {
		if err := l.write(ctx, raw, "which packet was the last?"); err != nil {
			return frame.Packet{}, l.altLost(err, code, sent)
		}
		p, ok, err := l.packetIn(ctx, l.after(len(raw), l.o.Timers.Control))
		if err != nil {
			return frame.Packet{}, l.altLost(err, code, sent)
		}
		if ok {
			l.alt.synced, l.alt.num = true, p.Num
			return p, nil
		}
		l.shaky = true
	}
	l.alt.synced = false
	what := noLink
	if sent {
		what = silent
	}
	return frame.Packet{}, &linkError{what: what, code: code, sent: sent, text: fmt.Sprintf("no answer to %d requests for the packet number", l.o.Timers.Tries.ENQ)}
}

func (l *link) altLost(err error, code frame.Code, sent bool) error {
	l.alt.synced = false
	return l.portError(err, code, sent)
}

// packetIn reads one good packet; damaged ones are silence on this level.
func (l *link) packetIn(ctx context.Context, deadline clock.Instant) (frame.Packet, bool, error) {
	var d frame.AltDecoder
	for {
		until := deadline
		if d.Inside() {
			until = l.after(0, l.o.Timers.Byte)
		}
		b, ok, err := l.next(ctx, until)
		if err != nil {
			return frame.Packet{}, false, l.giveUp(err)
		}
		if !ok {
			if d.Inside() {
				if err := l.record(history.FromDevice, d.Raw(), fmt.Sprintf("half a packet: silence for %v", l.o.Timers.Byte)); err != nil {
					return frame.Packet{}, false, err
				}
				d.Reset()
				continue
			}
			return frame.Packet{}, false, l.flushNoise()
		}
		switch d.Feed(b) {
		case frame.Idle:
			l.noise = append(l.noise, b)
		case frame.Broken:
			if err := l.record(history.FromDevice, d.Raw(), "damaged packet"); err != nil {
				return frame.Packet{}, false, err
			}
		case frame.Whole:
			p := d.Packet()
			p.Data = append([]byte(nil), p.Data...)
			// No answer repeats its command, and a register asks for no number.
			if p.Ping || len(p.Data) > 0 && bytes.Equal(p.Data, l.body) {
				if err := l.record(history.FromDevice, d.Raw(), "echo of the host's packet"); err != nil {
					return frame.Packet{}, false, err
				}
				continue
			}
			note := "nothing executed since power-on"
			if len(p.Data) > 0 {
				note = fmt.Sprintf("packet %d: %s", p.Num, answerNote(p.Data))
			}
			return p, true, l.record(history.FromDevice, d.Raw(), note)
		}
	}
}
