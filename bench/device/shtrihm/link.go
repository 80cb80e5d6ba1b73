package shtrihm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/bench/history"
)

// link carries one command to the register and its answer back, and writes down
// every byte that passes.
type link struct {
	loop     clock.Loop
	port     device.Port
	j        history.Journal
	o        Options
	byteTime time.Duration

	cause history.Seq   // the Intent of the running operation
	rx    []byte        // received and not yet interpreted
	noise []byte        // interpreted as nothing, not yet written down
	sent  clock.Instant // when the last byte of the last command frame had left
	body  []byte        // of the last command frame, to know an echo
	stale [][]byte      // answers of earlier commands that were found pending
	shaky bool          // something was lost or damaged since somebody last looked

	alt altState
}

// trouble says why a command has no answer.
type trouble uint8

const (
	noLink trouble = iota // no answer to ENQ: the command was never sent
	idle                  // sent, no answer, and the register now says that it waits for a command
	silent                // sent, and nothing comes back
	lost                  // the port failed
)

// linkError is a command without an answer. sent says whether a byte of it may
// have reached the register.
type linkError struct {
	what trouble
	code frame.Code
	sent bool
	text string
	err  error
}

func (e *linkError) Error() string {
	s := fmt.Sprintf("%v: %s", e.code, e.text)
	if e.err != nil {
		s += ": " + e.err.Error()
	}
	return s
}

func (e *linkError) Unwrap() error { return e.err }

// Is tells a silent register from a lost port.
func (e *linkError) Is(target error) bool { return target == device.ErrSilent && e.what != lost }

// errShaky says that a command was kept back until the register was asked.
var errShaky = errors.New("the line had trouble")

// begin ties the bytes that follow to an Intent, 0 for none.
func (l *link) begin(intent history.Seq) { l.cause = intent }

// record writes bytes down; what was received and meant nothing goes first.
func (l *link) record(dir history.Dir, p []byte, note string) error {
	if err := l.flushNoise(); err != nil {
		return err
	}
	return l.append(dir, p, note)
}

func (l *link) append(dir history.Dir, p []byte, note string) error {
	var causes []history.Seq
	if l.cause != 0 {
		causes = []history.Seq{l.cause}
	}
	_, err := l.j.Append(history.Driver, history.HostBytes{Dir: dir, Data: append([]byte(nil), p...), Note: note}, causes...)
	if err != nil {
		return fmt.Errorf("shtrih-m: %w", err)
	}
	return nil
}

func (l *link) flushNoise() error {
	if len(l.noise) == 0 {
		return nil
	}
	p := l.noise
	l.noise = nil
	return l.append(history.FromDevice, p, "noise, dropped")
}

// write sends bytes, after they were written down.
func (l *link) write(ctx context.Context, p []byte, note string) error {
	if err := l.record(history.ToDevice, p, note); err != nil {
		return err
	}
	return l.port.Write(ctx, p)
}

// after is the moment when n bytes written now have left, plus d.
func (l *link) after(n int, d time.Duration) clock.Instant {
	return l.loop.Now().Add(time.Duration(n)*l.byteTime + d)
}

// next is the next byte of the line, ok false at the deadline.
func (l *link) next(ctx context.Context, deadline clock.Instant) (b byte, ok bool, err error) {
	for len(l.rx) == 0 {
		left := deadline.Mono - l.loop.Now().Mono
		if left < 0 {
			left = 0
		}
		buf := make([]byte, 512)
		n, err := l.port.Read(ctx, buf, left)
		if err != nil {
			return 0, false, err
		}
		if n == 0 && left == 0 {
			return 0, false, nil
		}
		l.rx = buf[:n]
	}
	b, l.rx = l.rx[0], l.rx[1:]
	return b, true, nil
}

func (l *link) sleep(ctx context.Context, d time.Duration) error {
	_, err := l.loop.Wait(ctx, l.loop.Now().Add(d), nil)
	return err
}

// What a wait for a control byte ended with.
type reply uint8

const (
	nothing reply = iota
	gotACK
	gotNAK
	gotFrame // an answer came without its ACK
	gotBad   // something began like a frame and was not one
	gotEcho  // the host's own frame came back
)

// enq asks for the state of the link: ACK (an answer is pending or being
// prepared), NAK (waits for a command) or nothing.
func (l *link) enq(ctx context.Context) (reply, error) {
	if err := l.write(ctx, []byte{frame.ENQ}, "ENQ"); err != nil {
		return nothing, err
	}
	deadline := l.after(1, l.o.Timers.Control)
	for {
		b, ok, err := l.next(ctx, deadline)
		switch {
		case err != nil:
			return nothing, l.giveUp(err)
		case !ok:
			return nothing, l.flushNoise()
		case b == frame.ACK:
			return gotACK, l.record(history.FromDevice, []byte{b}, "ACK: an answer is pending")
		case b == frame.NAK:
			return gotNAK, l.record(history.FromDevice, []byte{b}, "NAK: waits for a command")
		default:
			l.noise = append(l.noise, b) // FFh is common after power-on
		}
	}
}

// giveUp writes down what was received before err and hands err on.
func (l *link) giveUp(err error) error {
	if e := l.flushNoise(); e != nil {
		return e
	}
	return err
}

// quiet waits for silence after a NAK that would let a frame be sent again. A
// NAK comes alone; a 15h with bytes behind it is a piece of something else.
func (l *link) quiet(ctx context.Context) (bool, error) {
	alone := true
	for {
		b, ok, err := l.next(ctx, l.after(0, l.o.Timers.Byte))
		if err != nil {
			return false, l.giveUp(err)
		}
		if !ok {
			return alone, l.flushNoise()
		}
		alone = false
		l.noise = append(l.noise, b)
	}
}

// frameIn reads a frame until the deadline for its first byte.
func (l *link) frameIn(ctx context.Context, deadline clock.Instant, what string) (reply, []byte, error) {
	for {
		b, ok, err := l.next(ctx, deadline)
		switch {
		case err != nil:
			return nothing, nil, l.giveUp(err)
		case !ok:
			return nothing, nil, l.flushNoise()
		case b != frame.STX:
			l.noise = append(l.noise, b)
		default:
			if r, body, err := l.frameRest(ctx, what); r != gotEcho {
				return r, body, err
			}
		}
	}
}

// frameRest reads a frame whose STX has come.
func (l *link) frameRest(ctx context.Context, what string) (reply, []byte, error) {
	var d frame.Decoder
	d.Feed(frame.STX)
	for {
		b, ok, err := l.next(ctx, l.after(0, l.o.Timers.Byte))
		if err != nil {
			if e := l.record(history.FromDevice, d.Raw(), "half a frame, then the port failed"); e != nil {
				return nothing, nil, e
			}
			return nothing, nil, err
		}
		if !ok {
			return gotBad, nil, l.record(history.FromDevice, d.Raw(), fmt.Sprintf("half a frame: silence for %v after %d bytes", l.o.Timers.Byte, len(d.Raw())))
		}
		switch d.Feed(b) {
		case frame.Whole:
			body := append([]byte(nil), d.Body()...)
			if bytes.Equal(body, l.body) { // no answer repeats its command
				return gotEcho, nil, l.record(history.FromDevice, d.Raw(), "echo of the command")
			}
			return gotFrame, body, l.record(history.FromDevice, d.Raw(), what+answerNote(body))
		case frame.Broken:
			return gotBad, nil, l.record(history.FromDevice, d.Raw(), "damaged frame")
		}
	}
}

func answerNote(body []byte) string {
	c, code, _, err := frame.Answer(body)
	switch {
	case err != nil:
		return "too short for an answer"
	case code != 0:
		return fmt.Sprintf("answer to %v: error %s", c, frame.ErrorText(code))
	default:
		return fmt.Sprintf("answer to %v", c)
	}
}

// ready brings the link to the point where the register waits for a command.
// Answers of earlier commands are read, acknowledged and kept in l.stale.
func (l *link) ready(ctx context.Context) error {
	drained := 0
	for n := 0; n < l.o.Timers.Tries.ENQ; {
		r, err := l.enq(ctx)
		if err != nil {
			return l.portError(err, 0, false)
		}
		switch r {
		case gotNAK:
			return nil
		case gotACK:
			if drained++; drained > l.o.Timers.Tries.ENQ {
				return &linkError{what: noLink, text: fmt.Sprintf("the register has kept an answer pending through %d acknowledgements", drained-1)}
			}
			r, body, err := l.frameIn(ctx, l.after(0, answerTime(0)), "pending answer of an earlier command: ")
			if err != nil {
				return l.portError(err, 0, false)
			}
			c, note := frame.NAK, "NAK: again"
			if r == gotFrame {
				l.stale = append(l.stale, body)
				c, note = frame.ACK, "ACK"
			}
			l.shaky = true
			if r != nothing {
				if err := l.write(ctx, []byte{c}, note); err != nil {
					return l.portError(err, 0, false)
				}
			}
		default:
			n++
			l.shaky = true
			if err := l.sleep(ctx, l.o.Timers.Pause); err != nil {
				return err
			}
		}
	}
	return &linkError{what: noLink, text: fmt.Sprintf("no answer to %d ENQ", l.o.Timers.Tries.ENQ)}
}

func (l *link) portError(err error, c frame.Code, sent bool) error {
	if !isLost(err) {
		return err
	}
	return &linkError{what: lost, code: c, sent: sent, text: "the port failed", err: err}
}

// exchange sends a command and waits for its answer. safe allows to send the
// frame again when the register said that it did not arrive; a command that is
// not safe then ends with an idle linkError, and the caller asks the counters.
//
// careful keeps a command back (errShaky, nothing sent) when the line had
// trouble: the register may have lost its power, and with it the open receipt.
func (l *link) exchange(ctx context.Context, cmd []byte, safe, careful bool, note string) ([]byte, error) {
	if l.o.Level == Alternative {
		return l.exchangeAlt(ctx, cmd, safe, careful, note)
	}
	code := frame.CodeOf(cmd)
	raw, err := frame.Encode(cmd)
	if err != nil {
		return nil, err
	}
	if err := l.ready(ctx); err != nil {
		if e, ok := err.(*linkError); ok {
			e.code = code
		}
		return nil, err
	}
	if careful && l.shaky {
		return nil, errShaky
	}
	for frames := 1; ; frames++ {
		ans, again, err := l.once(ctx, code, raw, note)
		if err != nil || ans != nil {
			return ans, err
		}
		if !safe || frames >= l.o.Timers.Tries.Frame {
			return nil, &linkError{what: idle, code: code, sent: true, text: fmt.Sprintf("%s; frame sent %d times", again, frames)}
		}
	}
}

// once sends a frame once and follows it to its end: an answer, an error, or
// the register's word that it waits for a command (again says how it came).
func (l *link) once(ctx context.Context, code frame.Code, raw []byte, note string) (ans []byte, again string, err error) {
	if err := l.write(ctx, raw, note); err != nil {
		return nil, "", l.portError(err, code, true)
	}
	l.sent, l.body = l.after(len(raw), 0), raw[2:len(raw)-1]
	r, ans, err := l.afterFrame(ctx, l.after(len(raw), l.o.Timers.Control))
	if err != nil {
		return nil, "", l.portError(err, code, true)
	}
	limit := l.after(0, l.o.Timers.Patience)
	bad := 0
	for {
		// r is what the line said last: follow it.
		switch r {
		case gotNAK:
			alone, err := l.quiet(ctx)
			if err != nil {
				return nil, "", l.portError(err, code, true)
			}
			l.shaky = true
			if alone {
				return nil, "the register answered NAK", nil
			}
		case gotACK:
			r, ans, err = l.frameIn(ctx, l.after(0, answerTime(code)), "")
			if err != nil {
				return nil, "", l.portError(err, code, true)
			}
			if r == gotFrame || r == gotBad {
				continue
			}
		case gotFrame:
			if err := l.write(ctx, []byte{frame.ACK}, "ACK"); err != nil {
				return nil, "", l.portError(err, code, true)
			}
			if frame.CodeOf(ans) == code {
				return ans, "", nil
			}
			l.stale = append(l.stale, ans)
		case gotBad:
			if bad++; bad > l.o.Timers.Tries.Answer {
				return nil, "", &linkError{what: silent, code: code, sent: true, text: fmt.Sprintf("the answer came damaged %d times", bad)}
			}
			if err := l.write(ctx, []byte{frame.NAK}, "NAK: again"); err != nil {
				return nil, "", l.portError(err, code, true)
			}
		}
		l.shaky = true
		if r, err = l.probe(ctx, code, limit); err != nil {
			return nil, "", err
		}
	}
}

// probe asks what the register knows of a frame, until it says something. A
// register that is silent may be busy: it gets the time of its command.
func (l *link) probe(ctx context.Context, code frame.Code, limit clock.Instant) (reply, error) {
	began := l.loop.Now()
	for {
		r, err := l.enq(ctx)
		if err != nil {
			return nothing, l.portError(err, code, true)
		}
		now := l.loop.Now().Mono
		if now >= limit.Mono || r == nothing && now >= began.Mono+answerTime(code) {
			return nothing, &linkError{what: silent, code: code, sent: true, text: fmt.Sprintf("no answer for %v", (now - l.sent.Mono).Round(time.Millisecond))}
		}
		if r != nothing {
			return r, nil
		}
		if err := l.sleep(ctx, l.o.Timers.Pause); err != nil {
			return nothing, err
		}
	}
}

// afterFrame waits for ACK or NAK to a frame. An answer whose ACK was lost is
// recognised by its STX: a 15h inside it must not be taken for a NAK.
func (l *link) afterFrame(ctx context.Context, deadline clock.Instant) (reply, []byte, error) {
	for {
		b, ok, err := l.next(ctx, deadline)
		switch {
		case err != nil:
			return nothing, nil, l.giveUp(err)
		case !ok:
			return nothing, nil, l.flushNoise()
		case b == frame.ACK:
			return gotACK, nil, l.record(history.FromDevice, []byte{b}, "ACK: frame received")
		case b == frame.NAK:
			return gotNAK, nil, l.record(history.FromDevice, []byte{b}, "NAK: frame damaged")
		case b == frame.STX:
			if r, body, err := l.frameRest(ctx, ""); r != gotEcho {
				return r, body, err
			}
		default:
			l.noise = append(l.noise, b)
		}
	}
}
