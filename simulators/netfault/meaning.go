package netfault

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kkmtest/kkmtest/cpcr"
)

// Message is a CPCR message as the link sees it pass.
type Message struct {
	Request bool   // from the register; else the OFD's answer
	Command int32  // field 1 of the payload
	ID      uint32 // of the device
	ReqNum  uint16
	// Nth counts the messages of this kind and command on the link, from 1.
	Nth int
	// Again says that a request repeats the device's last one (same command
	// and REQNUM), or that an answer goes to such a repetition.
	Again    bool
	From, To int64 // its place in the stream of its direction, To is behind it
}

// Kind is a kind of message.
type Kind uint8

// The kinds. The zero value asks nothing.
const (
	NoMessage Kind = iota
	Request
	Answer
)

// Command is a CPCR command in a selection; the zero value is any of them.
type Command struct{ number int32 }

// CommandOf makes a selection of command n.
func CommandOf(n int32) Command { return Command{n + 1} }

// Meaning addresses packets by what they carry in terms of the protocol. The
// zero value asks nothing. Commands and numbers are told from the packet on that brings the
// beginning of the message's payload, which TCP sends together with the header as a rule.
type Meaning struct {
	Kind    Kind
	Command Command
	Nth     int // the n-th message of this kind and command on the link; 0: any
	// FirstTry leaves repetitions by the application alone, Retry matches
	// nothing else. (Retransmissions by TCP are told by Match.)
	FirstTry, Retry bool
	Holds           int64 // the packet must carry this byte of the message, from 1; 0: any
	// Last wants the packet that carries the last byte of the message.
	Last bool
	// Acked looks at the packets of the other end that acknowledge bytes of the
	// message and none behind it, instead of those that carry it.
	Acked bool
}

func (m Meaning) holds(p Packet) bool {
	if m.Kind == NoMessage {
		return true
	}
	_, ok := m.find(p)
	return ok
}

// find returns the first message of a packet that is meant.
func (m Meaning) find(p Packet) (Message, bool) {
	them := p.Messages
	if m.Acked {
		them = p.Acks
	}
	for _, g := range them {
		switch {
		case g.Request != (m.Kind == Request), m.Command.number != 0 && m.Command.number-1 != g.Command:
			continue
		case m.Nth != 0 && m.Nth != g.Nth, m.FirstTry && g.Again, m.Retry && !g.Again:
			continue
		case m.Last && g.To > p.Stream.Offset+int64(p.Stream.Len):
			continue
		}
		at := g.From + m.Holds - 1
		if m.Holds == 0 || at < g.To && at >= p.Stream.Offset && at < p.Stream.Offset+int64(p.Stream.Len) {
			return g, true
		}
	}
	return Message{}, false
}

// String describes the meaning, empty for the zero value.
func (m Meaning) String() string {
	if m.Kind == NoMessage {
		return ""
	}
	var b strings.Builder
	switch {
	case m.Acked:
		b.WriteString("the acknowledgement of ")
	case m.Holds != 0:
		fmt.Fprintf(&b, "byte %d of ", m.Holds)
	case m.Last:
		b.WriteString("the last byte of ")
	}
	if m.Nth != 0 {
		fmt.Fprintf(&b, "number %d of ", m.Nth)
	}
	b.WriteString(map[Kind]string{Request: "the requests", Answer: "the answers"}[m.Kind])
	if n := m.Command.number; n != 0 {
		fmt.Fprintf(&b, " with command %d", n-1)
	}
	if m.FirstTry {
		b.WriteString(", no repetitions")
	}
	if m.Retry {
		b.WriteString(", repetitions only")
	}
	return b.String()
}

func (m Meaning) check() error {
	switch {
	case m.Kind > Answer:
		return fmt.Errorf("kind of message %d: want NoMessage, Request or Answer", m.Kind)
	case m.Kind == NoMessage && m != Meaning{}:
		return fmt.Errorf("a message is described and it is not said whether it is a request or an answer")
	case m.Nth < 0 || m.Holds < 0:
		return fmt.Errorf("message number %d, byte %d: want no negative number", m.Nth, m.Holds)
	case m.FirstTry && m.Retry:
		return fmt.Errorf("first tries only and repetitions only: no message is both")
	case m.Holds > 0 && m.Last, m.Acked && (m.Last || m.Holds > 0):
		return fmt.Errorf("byte %d, last byte %v, acknowledgement %v: want one of them", m.Holds, m.Last, m.Acked)
	}
	return nil
}

// journalist counts the messages of a link.
type journalist struct {
	counts map[kindOf]int
	last   map[uint32]lastOf
}

type kindOf struct {
	request bool
	command int32
}

type lastOf struct {
	command int32
	reqNum  uint16
	again   bool
}

func (j *journalist) note(g *Message) {
	if j.counts == nil {
		j.counts, j.last = map[kindOf]int{}, map[uint32]lastOf{}
	}
	k := kindOf{g.Request, g.Command}
	j.counts[k]++
	g.Nth = j.counts[k]
	l, known := j.last[g.ID]
	same := known && l.command == g.Command && l.reqNum == g.ReqNum
	if !g.Request {
		g.Again = same && l.again
		return
	}
	g.Again = same
	j.last[g.ID] = lastOf{g.Command, g.ReqNum, same}
}

// follower cuts one direction of a connection into messages. What overtakes
// waits until what is missing has come.
type follower struct {
	next  int64 // the first byte that was not seen
	head  []byte
	left  int64 // bytes of the current message that follow its head
	spans []Message
	early []piece // beyond next, by offset
	held  int     // bytes in early
	lost  bool    // this is not CPCR, or a part of it was not seen
}

// piece is payload that came before what stands in front of it.
type piece struct {
	off  int64
	data []byte
}

const (
	// enough of a message to know its command: the header, a tag and the longest varint of 32 bits
	headSize = cpcr.HeaderSize + 6
	// keptSpans is how far back retransmissions are still understood.
	keptSpans = 16
	// keptEarly bounds what waits for missing bytes: a window of the largest size.
	keptEarly = 4 << 20
)

// take reads a packet's payload, first byte at offset off of the stream.
func (f *follower) take(j *journalist, request bool, off int64, p []byte) {
	if f.lost || off+int64(len(p)) <= f.next {
		return
	}
	if off > f.next {
		f.keep(off, p)
		return
	}
	f.read(j, request, p[f.next-off:])
	for len(f.early) > 0 && f.early[0].off <= f.next && !f.lost {
		e := f.early[0]
		f.early = slices.Delete(f.early, 0, 1)
		f.held -= len(e.data)
		if skip := f.next - e.off; skip < int64(len(e.data)) {
			f.read(j, request, e.data[skip:])
		}
	}
	if f.lost {
		f.early, f.held = nil, 0
	}
}

// keep puts payload aside until the bytes before it have come.
func (f *follower) keep(off int64, p []byte) {
	i, found := slices.BinarySearchFunc(f.early, off, func(e piece, off int64) int { return cmp.Compare(e.off, off) })
	if found && len(f.early[i].data) >= len(p) {
		return
	}
	if f.held+len(p) > keptEarly {
		f.lost, f.early, f.held = true, nil, 0
		return
	}
	f.early = slices.Insert(f.early, i, piece{off, bytes.Clone(p)})
	f.held += len(p)
}

// read goes on in the stream.
func (f *follower) read(j *journalist, request bool, p []byte) {
	limit := uint32(cpcr.MaxResponse)
	if request {
		limit = cpcr.MaxRequest
	}
	for len(p) > 0 {
		if f.left > 0 {
			n := min(f.left, int64(len(p)))
			f.left -= n
			f.next += n
			p = p[n:]
			continue
		}
		f.head = append(f.head, p[0])
		f.next++
		p = p[1:]
		if len(f.head) < cpcr.HeaderSize {
			continue
		}
		h, err := cpcr.ParseHeader(f.head, limit)
		if err != nil {
			f.lost = true
			return
		}
		if int64(len(f.head)) < min(int64(h.Size), headSize) {
			continue
		}
		g := Message{
			Request: request, Command: cpcr.Command(f.head), ID: h.ID, ReqNum: h.ReqNum,
			From: f.next - int64(len(f.head)), To: f.next - int64(len(f.head)) + int64(h.Size),
		}
		j.note(&g)
		if len(f.spans) == keptSpans {
			f.spans = append(f.spans[:0], f.spans[1:]...)
		}
		f.spans = append(f.spans, g)
		f.left = int64(h.Size) - int64(len(f.head))
		f.head = f.head[:0]
	}
}

// carried lists the messages that have bytes in a stretch of the stream.
func (f *follower) carried(into []Message, off int64, n int) []Message {
	for _, g := range f.spans {
		if g.From < off+int64(n) && g.To > off {
			into = append(into, g)
		}
	}
	return into
}

// ending lists the message in which the stretch before an offset ends.
func (f *follower) ending(into []Message, off int64) []Message {
	for _, g := range f.spans {
		if g.From < off && off <= g.To {
			into = append(into, g)
		}
	}
	return into
}
