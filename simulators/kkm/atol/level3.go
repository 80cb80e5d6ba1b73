package atol

import (
	"bytes"

	"github.com/kkmtest/kkmtest/bench/device/atol/frame"
)

// mostTasks is how many tasks the buffer holds.
const mostTasks = 16

// task is a command in the buffer of level 3.
type task struct {
	id    byte
	flags byte
	cmd   []byte // with the access password
	state frame.Word
	ans   []byte
}

type level3 struct {
	dec   frame.PacketDecoder
	tasks []*task
	busy  *task // is being executed
	last  frame.Packet
	told  bool // last is an answer
}

func (l *level3) reset() { *l = level3{} }

func (l *level3) find(id byte) *task {
	for _, t := range l.tasks {
		if t.id == id {
			return t
		}
	}
	return nil
}

func (h *Host) byte3(b byte) {
	l := &h.l3
	if l.dec.Feed(b) != frame.Whole || h.r.State().Testing {
		return // a damaged packet is silence
	}
	p := l.dec.Packet()
	if len(p.Payload) == 0 {
		if l.told && l.last.ID == p.ID {
			h.packet(l.last)
		}
		return
	}
	ans := h.take3(p.ID, bytes.Clone(p.Payload))
	l.last, l.told = frame.Packet{ID: p.ID, Payload: ans}, true
	h.packet(l.last)
}

func (h *Host) packet(p frame.Packet) {
	f, err := frame.EncodePacket(p)
	if err != nil {
		return // no number of ours is out of range
	}
	h.say(f...)
}

func word(w frame.Word, more ...byte) []byte { return append([]byte{byte(w)}, more...) }

// take3 answers one packet of the host.
func (h *Host) take3(_ byte, p []byte) []byte {
	l := &h.l3
	w, p := frame.Word(p[0]), p[1:]
	switch w {
	case frame.Abort:
		l.tasks = nil
		if l.busy != nil { // it goes on, and nobody will ask for it
			l.busy.flags = 0
		}
		return word(frame.Result)
	case frame.Add:
		if len(p) < 5 {
			return word(frame.BadValue, 0)
		}
		return h.add3(&task{flags: p[0], id: p[1], cmd: p[2:], state: frame.Pending})
	case frame.Ack, frame.Req:
		if len(p) != 1 {
			return word(frame.BadValue, 0)
		}
		t := l.find(p[0])
		switch {
		case t == nil:
			return word(frame.NotFound)
		case w == frame.Req:
			return word(t.state, t.ans...)
		}
		for i, x := range l.tasks {
			if x == t {
				l.tasks = append(l.tasks[:i], l.tasks[i+1:]...)
				break
			}
		}
		return word(frame.Result)
	default: // what C5h carries is not known
		return word(frame.BadValue, 0)
	}
}

// add3 puts a task into the buffer. One that ends at once is answered with its result.
func (h *Host) add3(t *task) []byte {
	l := &h.l3
	switch {
	case t.id > frame.MaxID:
		return word(frame.BadValue, 1)
	case l.find(t.id) != nil:
		return word(frame.Exists)
	case len(l.tasks) >= mostTasks:
		return word(frame.Full)
	}
	l.tasks = append(l.tasks, t)
	if l.busy != nil {
		return word(frame.Pending)
	}
	late := false
	h.run3(t, func() bool { return late })
	late = true
	return word(t.state, t.ans...)
}

// run3 executes a task. When it ends later than the answer to the packet that
// brought it, the register tells by itself.
func (h *Host) run3(t *task, late func() bool) {
	l := &h.l3
	t.state, l.busy = frame.InProgress, t
	end := func(ans []byte) {
		t.state, t.ans = frame.Result, ans
		if failed(frame.Code(t.cmd[2]), ans) {
			t.state = frame.Error
		}
		l.busy = nil
		if late() && t.flags&frame.NeedResult != 0 {
			w := frame.LateResult
			if t.state == frame.Error {
				w = frame.LateError
			}
			h.packet(frame.Packet{ID: frame.AsyncID, Payload: append(word(w, t.id), ans...)})
		}
		h.next3(t.state == frame.Error && t.flags&frame.IgnoreErrors == 0)
	}
	if t.cmd[0] != 0 || t.cmd[1] != 0 {
		end(mustBytes(frame.Answer(frame.ErrPassword).Raw(0)))
		return
	}
	h.execute(t.cmd[2:], end)
}

// next3 goes on with the buffer; after an error the tasks behind it are stopped.
func (h *Host) next3(stop bool) {
	for _, t := range h.l3.tasks {
		if t.state != frame.Pending {
			continue
		}
		if stop {
			t.state = frame.Stopped
			continue
		}
		h.run3(t, func() bool { return true })
		return
	}
}

// failed says whether an answer is an error (5: some commands have no error byte).
func failed(c frame.Code, ans []byte) bool {
	switch c {
	case frame.ShortStatus, frame.FullStatus, frame.CashSum:
		return false
	case frame.DeviceType:
		return len(ans) > 0 && ans[0] != 0
	}
	return len(ans) >= 2 && !frame.Good(ans[1])
}
