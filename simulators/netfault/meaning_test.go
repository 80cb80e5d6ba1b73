package netfault

import (
	"bytes"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/cpcr"
)

// message is a CPCR frame with a command and some more bytes (cpcr.md 3).
func message(command byte, reqNum uint16, more int) []byte {
	payload := append([]byte{0x08, command}, bytes.Repeat([]byte{0x12, 0x00}, more)...)
	h := cpcr.Header{Version: cpcr.V204, Size: uint32(cpcr.HeaderSize + len(payload)), ID: 5, Token: 9, ReqNum: reqNum}
	return append(h.Append(nil), payload...)
}

const cmdTicket, cmdReport = 1, 4

// The second ticket's answer is lost for good, retransmissions and all; what came before it arrives.
func TestLoseTheAnswerToTheSecondTicket(t *testing.T) {
	w := newWorld(t, Options{})
	w.ofd.echo = true // the answer repeats the request: same command, same number
	kkm, _ := w.connect()
	w.set("lose", Drop{Match: Match{Means: Meaning{Kind: Answer, Command: CommandOf(cmdTicket), Nth: 2}}})
	var want []byte
	for i, m := range [][]byte{message(cmdTicket, 1, 10), message(cmdReport, 2, 900), message(cmdTicket, 3, 10)} {
		kkm.conn.Send(m)
		w.pass(time.Second)
		if i < 2 {
			want = append(want, m...)
		}
	}
	w.pass(time.Minute)
	if !bytes.Equal(kkm.got.Bytes(), want) {
		t.Errorf("the register got %d bytes, want the %d before the lost answer", kkm.got.Len(), len(want))
	}
	if n := w.clear("lose"); n < 5 {
		t.Errorf("%d packets struck, want the answer and its retransmissions", n)
	}
}

// A request that the application repeats on a new connection is told from its first try.
func TestOnlyTheRetry(t *testing.T) {
	w := newWorld(t, Options{})
	w.set("retry", Reset{Match: Match{Means: Meaning{Kind: Request, Retry: true}}})
	for i, tt := range []struct {
		reqNum uint16
		closed int
	}{{7, 0}, {7, 1}, {8, 0}} {
		kkm, _ := w.connect()
		kkm.conn.Send(message(cmdTicket, tt.reqNum, 3))
		w.pass(time.Second)
		if kkm.closed != tt.closed {
			t.Errorf("attempt %d: closed %d times, want %d", i+1, kkm.closed, tt.closed)
		}
	}
}

// Inside a message of several packets, a byte is found where it lies: both sides of each packet's edge.
func TestByteOfAMessage(t *testing.T) {
	big := message(cmdTicket, 1, 2000)
	// run returns the lengths of the packets that carry the message, and which one was struck, from 0.
	run := func(holds int64) (lens []int64, struck int) {
		w := newWorld(t, Options{})
		kkm, ofd := w.connect()
		w.set("at", Duplicate{Match: Match{Means: Meaning{Kind: Request, Command: CommandOf(cmdTicket), Holds: holds}}})
		kkm.conn.Send(message(cmdReport, 1, 0))
		kkm.conn.Send(big)
		w.pass(time.Second)
		if ofd.got.Len() != len(big)+cpcr.HeaderSize+2 {
			t.Fatalf("the OFD got %d bytes", ofd.got.Len())
		}
		struck = -1
		for _, p := range w.packets() {
			if p.Inbound || p.Packet.Dir != ToOFD || len(p.Payload) < 100 {
				continue
			}
			if says("fault at")(p) {
				struck = len(lens)
			}
			lens = append(lens, int64(len(p.Payload)))
		}
		return lens, struck
	}
	lens, none := run(int64(len(big)) + 1)
	if len(lens) != 3 || none != -1 {
		t.Fatalf("packets of %v, packet %d struck by a byte behind the message; want three and none", lens, none)
	}
	first := int64(1)
	for i, n := range lens {
		for _, holds := range []int64{first, first + n - 1} {
			if _, struck := run(holds); struck != i {
				t.Errorf("byte %d: packet %d struck, want %d of %v", holds, struck, i, lens)
			}
		}
		first += n
	}
}

// However TCP cuts the stream, the messages are the same; what is not CPCR is left alone.
func TestFollower(t *testing.T) {
	stream := append(append(message(cmdTicket, 1, 40), message(cmdReport, 2, 0)...), message(cmdTicket, 3, 7)...)
	var want []Message
	for size := len(stream); size > 0; size-- {
		var j journalist
		var f follower
		for off := 0; off < len(stream); off += size {
			end := min(off+size, len(stream))
			f.take(&j, true, int64(off), stream[off:end])
			f.take(&j, true, int64(off), stream[off:end]) // a retransmission
		}
		if want == nil {
			want = append(want, f.spans...)
			if len(want) != 3 || want[2].Nth != 2 || want[2].ReqNum != 3 || want[1].Command != cmdReport || want[2].To != int64(len(stream)) {
				t.Fatalf("whole: %+v", want)
			}
		}
		if len(f.spans) != 3 || f.spans[0] != want[0] || f.spans[1] != want[1] || f.spans[2] != want[2] {
			t.Errorf("in pieces of %d: %+v", size, f.spans)
		}
	}
	var j journalist
	var f follower
	f.take(&j, true, 0, bytes.Repeat([]byte("not CPCR "), 10))
	f.take(&j, true, 90, message(cmdTicket, 1, 0))
	if len(f.spans) != 0 || !f.lost {
		t.Errorf("something else was read as %+v", f.spans)
	}
}

func FuzzFollower(f *testing.F) {
	f.Add(message(cmdTicket, 1, 40), uint8(7))
	f.Add(append(message(cmdReport, 1, 0), 0xff), uint8(1))
	f.Fuzz(func(t *testing.T, stream []byte, size uint8) {
		var j journalist
		var fo follower
		for off := 0; off < len(stream); off += int(size) + 1 {
			end := min(off+int(size)+1, len(stream))
			fo.take(&j, true, int64(off), stream[off:end])
		}
		for _, g := range fo.spans {
			if g.From < 0 || g.To <= g.From || g.Nth < 1 {
				t.Errorf("%+v", g)
			}
		}
	})
}
