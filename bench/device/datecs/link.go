package datecs

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/datecs/frame"
	"github.com/kkmtest/kkmtest/bench/device/line"
)

// link carries one command and its answer: the host numbers its frames, and the
// register answers a number that it has seen from memory (5).
type link struct {
	*line.Line
	family frame.Family
	t      Timers
	seq    byte // of the next frame
	synced bool // the register has answered two different numbers since the port was opened

	ready clock.Instant // the last answer began
}

// answer is what a register said.
type answer struct {
	data     []byte
	status   []byte
	repeated bool // the command was sent more than once
}

func (l *link) next() byte {
	s := l.seq
	if l.seq == l.family.LastSeq() {
		l.seq = frame.FirstSeq
	} else {
		l.seq++
	}
	return s
}

// sync sends two harmless commands with different numbers: the first number of
// a host that has just begun may be the last one of the host before it, and would be
// answered from memory.
func (l *link) sync(ctx context.Context) error {
	if l.synced {
		return nil
	}
	var err error
	for good, tries := 0, 0; good < 2; tries++ {
		if tries == l.t.Tries {
			return err
		}
		if _, err = l.once(ctx, frame.GetStatus, nil, "status: begins the numbers", 2, l.t.Receipt); err != nil {
			e, ok := err.(*line.LinkError)
			if !ok || e.What == line.Lost {
				return err
			}
			e.Sent, good = false, 0
			continue
		}
		good++
	}
	l.synced = true
	return nil
}

// exchange sends a command and follows it to its answer. Repeating it with its
// number is always safe; limit is how long the register may go on working.
func (l *link) exchange(ctx context.Context, cmd byte, data []byte, note string, limit time.Duration) (answer, error) {
	if err := l.sync(ctx); err != nil {
		return answer{}, err
	}
	return l.once(ctx, cmd, data, note, l.t.Tries, limit)
}

func (l *link) once(ctx context.Context, cmd byte, data []byte, note string, tries int, limit time.Duration) (answer, error) {
	raw, err := l.family.Encode(frame.Frame{Seq: l.seq, Cmd: cmd, Data: data})
	if err != nil {
		return answer{}, line.Unablef("%s: %v", l.family.Name(cmd), err)
	}
	if err := l.Purge(ctx); err != nil {
		return answer{}, line.PortError(err, l.family.Name(cmd), false)
	}
	seq := l.next()
	a, err := l.follow(ctx, seq, cmd, raw, note, tries, limit)
	return a, line.PortError(err, l.family.Name(cmd), true)
}

func (l *link) follow(ctx context.Context, seq, cmd byte, raw []byte, note string, tries int, limit time.Duration) (answer, error) {
	until := l.After(len(raw), limit)
	for n := 1; n <= tries; n++ {
		text := note
		if n > 1 {
			text += ", the same number again"
			l.Shaky = true
		}
		if err := l.Command(ctx, raw, text); err != nil {
			return answer{}, err
		}
		a, got, err := l.listen(ctx, seq, cmd, raw, until)
		if err != nil {
			return answer{}, err
		}
		if got {
			a.repeated = n > 1
			return a, nil
		}
		if l.Loop.Now().Mono >= until.Mono {
			return answer{}, &line.LinkError{What: line.Silent, Command: l.family.Name(cmd), Sent: true, Text: fmt.Sprintf("the register was working for %v", limit)}
		}
	}
	l.Shaky = true
	return answer{}, &line.LinkError{What: line.Silent, Command: l.family.Name(cmd), Sent: true, Text: fmt.Sprintf("no answer to %d sendings", tries)}
}

// listen waits for the answer with this number and command; got is false when
// the frame has to be sent again. On a line with an echo the host's own frame comes
// first.
func (l *link) listen(ctx context.Context, seq, cmd byte, raw []byte, until clock.Instant) (a answer, got bool, err error) {
	e := ear{l: l, d: frame.Decoder{Family: l.family, Answers: true}, seq: seq, cmd: cmd}
	echo := 0 // bytes of raw that have come back
	deadline := l.After(len(raw), l.t.Silence)
	for !e.over {
		if until.Mono < deadline.Mono {
			deadline = until
		}
		b, ok, err := l.Next(ctx, deadline)
		if err != nil {
			l.Drop(raw[:echo]...)
			l.Drop(e.d.Raw()...)
			return answer{}, false, l.GiveUp(err)
		}
		if !ok {
			return answer{}, false, e.silence(raw[:echo])
		}
		deadline = l.After(0, l.t.Silence)
		if !e.d.Inside() && echo == 0 {
			l.ready = l.Loop.Now()
		}
		if !e.d.Inside() && b == raw[echo] {
			if echo++; echo == len(raw) {
				echo = 0
				if err := l.Got(raw, "echo of the command"); err != nil {
					return answer{}, false, err
				}
			}
			continue
		}
		for _, b := range append(raw[:echo:echo], b) { // it was not the echo
			if err := e.hear(b); err != nil || e.over {
				return e.a, e.got, err
			}
		}
		echo = 0
	}
	return e.a, e.got, nil
}

// ear makes sense of what a register says to one frame.
type ear struct {
	l        *link
	d        frame.Decoder
	seq, cmd byte

	over bool // nothing more is to be waited for
	got  bool
	a    answer
}

// silence ends the listening.
func (e *ear) silence(held []byte) error {
	for _, b := range held {
		if err := e.hear(b); err != nil || e.over {
			return err
		}
	}
	if e.d.Inside() {
		return e.l.Got(e.d.Raw(), fmt.Sprintf("half a frame: silence for %v after %d bytes", e.l.t.Silence, len(e.d.Raw())))
	}
	return e.l.Flush()
}

func (e *ear) hear(b byte) error {
	l := e.l
	switch e.d.Feed(b) {
	case frame.Idle:
		switch b {
		case frame.SYN:
			return l.Got([]byte{b}, "SYN: working")
		case frame.NAK:
			l.Shaky, e.over = true, true
			return l.Got([]byte{b}, "NAK: frame damaged")
		default:
			l.Drop(b)
		}
	case frame.Broken:
		l.Shaky, e.over = true, true
		return l.Got(e.d.Raw(), "damaged frame")
	case frame.Whole:
		x := e.d.Frame()
		what := fmt.Sprintf("answer to %s, %s", l.family.Name(x.Cmd), statusNote(x.Status))
		if x.Seq == e.seq && x.Cmd == e.cmd {
			e.a, e.got, e.over = answer{data: bytes.Clone(x.Data), status: bytes.Clone(x.Status)}, true, true
			return l.Got(e.d.Raw(), what)
		}
		l.Shaky = true
		e.over = x.Seq == e.seq // the number was used before: only a new one will be executed
		return l.Got(e.d.Raw(), what+": of another command, dropped")
	}
	return nil
}

func statusNote(s []byte) string {
	if t := frame.StatusText(s); t != "" {
		return t
	}
	return "in order"
}
