package netfault

import (
	"fmt"
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
}

func (m Meaning) holds(p Packet) bool {
	if m.Kind == NoMessage {
		return true
	}
	for _, g := range p.Messages {
		switch {
		case g.Request != (m.Kind == Request), m.Command.number != 0 && m.Command.number-1 != g.Command:
			continue
		case m.Nth != 0 && m.Nth != g.Nth, m.FirstTry && g.Again, m.Retry && !g.Again:
			continue
		}
		at := g.From + m.Holds - 1
		if m.Holds == 0 || at < g.To && at >= p.Stream.Offset && at < p.Stream.Offset+int64(p.Stream.Len) {
			return true
		}
	}
	return false
}

// String describes the meaning, empty for the zero value.
func (m Meaning) String() string {
	if m.Kind == NoMessage {
		return ""
	}
	var b strings.Builder
	if m.Holds != 0 {
		fmt.Fprintf(&b, "byte %d of ", m.Holds)
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

// follower cuts one direction of a connection into messages.
type follower struct {
	next  int64 // the first byte that was not seen
	head  []byte
	left  int64 // bytes of the current message that follow its head
	spans []Message
	lost  bool // this is not CPCR, or a part of it was not seen
}

const (
	// enough of a message to know its command: the header, a tag and the longest varint of 32 bits
	headSize = cpcr.HeaderSize + 6
	// keptSpans is how far back retransmissions are still understood.
	keptSpans = 16
)

// take reads a packet's payload, first byte at offset off of the stream.
func (f *follower) take(j *journalist, request bool, off int64, p []byte) {
	if f.lost || off+int64(len(p)) <= f.next {
		return
	}
	if off > f.next {
		f.lost = true
		return
	}
	p = p[f.next-off:]
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
