package atol

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/atol/frame"
	"github.com/kkmtest/kkmtest/bench/device/line"
)

// link3 is level 3: numbered packets that carry numbered tasks (4).
type link3 struct {
	*line.Line
	t      Timers
	access []byte
	ready  clock.Instant

	synced bool // the buffer was cleared since the port was opened
	id     byte // of the next packet
	task   byte // of the last task
	late   []frame.Packet
	dec    frame.PacketDecoder
	own    []byte // the packet sent last, to know an echo
}

func (l *link3) answered() clock.Instant { return l.ready }

func (l *link3) reset() {
	l.synced = false
	l.late = nil
	l.dec.Reset()
}

func isSilent(err error) bool { return errors.Is(err, device.ErrSilent) }

// exchange runs a command as a task of its own.
func (l *link3) exchange(ctx context.Context, cmd []byte, safe bool, note string) ([]byte, error) {
	code := frame.Code(cmd[0])
	ans, sent, err := l.run(ctx, cmd, safe, note)
	var e *line.LinkError
	if errors.As(err, &e) && e.Command == "" {
		e.Command, e.Sent = code.String(), e.Sent && sent
	}
	return ans, line.PortError(err, code.String(), sent)
}

// run is exchange; sent says whether a byte of the task may have arrived.
func (l *link3) run(ctx context.Context, cmd []byte, safe bool, note string) (ans []byte, sent bool, err error) {
	if err := l.Purge(ctx); err != nil {
		return nil, false, err
	}
	l.dec.Reset()
	if !l.synced {
		if _, err := l.talk(ctx, "abort: clears the buffer", frame.Abort); err != nil {
			return nil, false, err
		}
		l.synced = true
	}
	for stale := 0; ; stale++ {
		l.task = (l.task + 1) % (frame.MaxID + 1)
		l.late = nil
		task := append([]byte{frame.NeedResult, l.task}, l.access...)
		p, repeated, err := l.add(ctx, append(task, cmd...), safe, note)
		if err != nil {
			return nil, true, err
		}
		w := frame.Word(p[0])
		switch {
		case w == frame.Exists && !repeated && stale < int(frame.MaxID):
			continue // the number is taken by a task of an earlier host
		case w == frame.Full && stale < l.t.Tries.Frame:
			if _, err := l.talk(ctx, "abort: the buffer is full", frame.Abort); err != nil {
				return nil, false, err
			}
			continue
		}
		ans, err := l.follow(ctx, frame.Code(cmd[0]), p)
		return ans, true, err
	}
}

// add hands a task over; repeated says that it was sent more than once. When a
// task that must not be added twice has no answer, the register is asked whether it knows it.
func (l *link3) add(ctx context.Context, task []byte, safe bool, note string) (payload []byte, repeated bool, err error) {
	p, sends, err := l.send(ctx, safe, note, frame.Add, task...)
	if err == nil || safe || !isSilent(err) {
		return p, sends > 1, err
	}
	p, err = l.request(ctx)
	switch {
	case err != nil:
		return nil, true, err
	case frame.Word(p[0]) == frame.NotFound:
		return nil, true, &line.LinkError{What: line.Silent, Sent: true, Text: fmt.Sprintf("no answer, and the register does not know task %02Xh", l.task)}
	}
	return p, true, nil
}

// request asks how the present task is.
func (l *link3) request(ctx context.Context) ([]byte, error) {
	return l.talk(ctx, fmt.Sprintf("how is task %02Xh", l.task), frame.Req, l.task)
}

// follow waits until a task has its result.
func (l *link3) follow(ctx context.Context, code frame.Code, p []byte) ([]byte, error) {
	limit := l.Loop.Now().Add(l.t.Patience)
	silent := func(format string, a ...any) error {
		return &line.LinkError{What: line.Silent, Command: code.String(), Sent: true, Text: fmt.Sprintf(format, a...)}
	}
	for {
		l.ready = l.Loop.Now()
		switch w := frame.Word(p[0]); w {
		case frame.Result, frame.LateResult:
			return p[1:], l.free(ctx, frame.Ack, l.task)
		case frame.Error, frame.LateError:
			return p[1:], l.free(ctx, frame.Abort)
		case frame.Stopped:
			if err := l.free(ctx, frame.Abort); err != nil {
				return nil, err
			}
			return nil, &line.LinkError{What: line.NoLink, Command: code.String(), Text: "the register stopped the task before it was executed"}
		case frame.Pending, frame.InProgress, frame.Waiting, frame.Exists:
			if l.Loop.Now().Mono >= limit.Mono {
				return nil, silent("the task is %v after %v", w, l.t.Patience)
			}
		case frame.NotFound:
			return nil, silent("the register does not know task %02Xh any more", l.task)
		default:
			return nil, silent("the register answered the task with % X", p)
		}
		var err error
		if frame.Word(p[0]) != frame.Exists {
			q, ok, err := l.awaitLate(ctx, answerTime(code))
			if err != nil {
				return nil, err
			}
			if ok {
				p = q
				continue
			}
			l.Shaky = true
		}
		if p, err = l.request(ctx); err != nil {
			return nil, err
		}
	}
}

// free lets the register forget a task. Whether it heard that changes nothing.
func (l *link3) free(ctx context.Context, w frame.Word, more ...byte) error {
	_, err := l.talk(ctx, w.String(), w, more...)
	if isSilent(err) {
		l.Shaky, l.synced = true, false
		return nil
	}
	return err
}

// awaitLate waits for the packet that the register sends by itself when the
// present task has ended.
func (l *link3) awaitLate(ctx context.Context, d time.Duration) ([]byte, bool, error) {
	deadline := l.After(0, d)
	for {
		for len(l.late) > 0 {
			p := l.late[0].Payload
			l.late = l.late[1:]
			if len(p) >= 2 && p[1] == l.task {
				return append([]byte{p[0]}, p[2:]...), true, nil
			}
		}
		r, p, err := l.packetIn(ctx, deadline)
		switch {
		case err != nil:
			return nil, false, err
		case r == nothing:
			return nil, false, nil
		case r == gotFrame && p.ID == frame.AsyncID:
			l.late = append(l.late, p)
		}
	}
}

// talk is send for packets whose repetition does no harm.
func (l *link3) talk(ctx context.Context, note string, w frame.Word, more ...byte) ([]byte, error) {
	p, _, err := l.send(ctx, true, note, w, more...)
	return p, err
}

// send sends one packet and waits for the packet with its number. On silence it
// asks for the answer again, and then, when safe, sends the packet again.
func (l *link3) send(ctx context.Context, safe bool, note string, w frame.Word, more ...byte) (payload []byte, sends int, err error) {
	id := l.id
	l.id = (l.id + 1) % (frame.MaxID + 1)
	full, err := frame.EncodePacket(frame.Packet{ID: id, Payload: append([]byte{byte(w)}, more...)})
	if err != nil {
		return nil, 0, line.Unablef("%v", err)
	}
	again, err := frame.EncodePacket(frame.Packet{ID: id})
	if err != nil {
		return nil, 0, line.Unablef("%v", err)
	}
	for n := range l.t.Tries.Frame {
		whole := n == 0 || safe && n%2 == 0
		if !whole && !safe && n > maxAsks {
			break
		}
		switch {
		case whole && w == frame.Add:
			sends++
			l.own, err = full, l.Command(ctx, full, fmt.Sprintf("packet %d: task %02Xh: %s", id, l.task, note))
		case whole:
			sends++
			l.own, err = full, l.Write(ctx, full, fmt.Sprintf("packet %d: %s", id, note))
		default:
			l.own, err = again, l.Write(ctx, again, fmt.Sprintf("packet %d: the answer once more", id))
		}
		if err != nil {
			return nil, sends, err
		}
		p, ok, err := l.answerTo(ctx, id, l.After(len(l.own), l.t.Packet))
		if err != nil || ok {
			return p, sends, err
		}
		l.Shaky = true
	}
	return nil, sends, &line.LinkError{What: line.Silent, Sent: true, Text: fmt.Sprintf("no answer to packet %d", id)}
}

// answerTo waits for the packet with a number; ok is false on silence and when
// a damaged packet came.
func (l *link3) answerTo(ctx context.Context, id byte, deadline clock.Instant) (payload []byte, ok bool, err error) {
	for {
		r, p, err := l.packetIn(ctx, deadline)
		switch {
		case err != nil || r != gotFrame:
			return nil, false, err
		case p.ID == frame.AsyncID:
			l.late = append(l.late, p)
		case p.ID == id && len(p.Payload) > 0:
			return p.Payload, true, nil
		}
	}
}

// maxAsks is how often the answer to a packet is asked for that must not be sent again.
const maxAsks = 3

// packetIn reads one packet until the deadline; gotBad is one that was damaged.
func (l *link3) packetIn(ctx context.Context, deadline clock.Instant) (reply, frame.Packet, error) {
	for {
		until := deadline
		if l.dec.Inside() {
			if gap := l.After(0, l.t.T6); gap.Mono < until.Mono {
				until = gap
			}
		}
		b, ok, err := l.Next(ctx, until)
		if err != nil {
			l.Drop(l.dec.Raw()...)
			l.dec.Reset()
			return nothing, frame.Packet{}, l.GiveUp(err)
		}
		if !ok {
			if l.dec.Inside() {
				raw := bytes.Clone(l.dec.Raw())
				l.dec.Reset()
				return gotBad, frame.Packet{}, l.Got(raw, "half a packet")
			}
			return nothing, frame.Packet{}, l.Flush()
		}
		switch l.dec.Feed(b) {
		case frame.Idle:
			l.Drop(b)
		case frame.Broken:
			return gotBad, frame.Packet{}, l.Got(l.dec.Raw(), "damaged packet")
		case frame.Whole:
			if bytes.Equal(l.dec.Raw(), l.own) {
				if err := l.Got(l.dec.Raw(), "echo of the packet"); err != nil {
					return nothing, frame.Packet{}, err
				}
				continue
			}
			p := l.dec.Packet()
			p.Payload = bytes.Clone(p.Payload)
			return gotFrame, p, l.Got(l.dec.Raw(), packetNote(p))
		}
	}
}

func packetNote(p frame.Packet) string {
	if len(p.Payload) == 0 {
		return fmt.Sprintf("packet %d: empty", p.ID)
	}
	return fmt.Sprintf("packet %d: %v", p.ID, frame.Word(p.Payload[0]))
}
