package netfault

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
)

// The message stops behind its n-th byte and never goes on, on both sides of each packet's edge.
func TestHalfMessage(t *testing.T) {
	m := message(cmdTicket, 1, 1500) // three packets
	size := int64(len(m))
	for _, after := range []int64{0, 1, 17, 18, 19, 1459, 1460, 1461, size - 1, size, size + 1} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			w := newWorld(t, Options{})
			kkm, ofd := w.connect()
			before := message(cmdReport, 1, 3)
			kkm.conn.Send(before)
			w.set("half", HalfMessage{Match: Match{Means: Meaning{Kind: Request, Command: CommandOf(cmdTicket)}}, After: after})
			kkm.conn.Send(m)
			kkm.conn.Send([]byte("behind it"))
			w.pass(time.Minute)
			want := append(bytes.Clone(before), m[:min(after, size)]...)
			if after >= size {
				want = append(want, "behind it"...)
			}
			if !bytes.Equal(ofd.got.Bytes(), want) {
				t.Errorf("the OFD got %d bytes, want %d", ofd.got.Len(), len(want))
			}
			if w.link.Spent("half") != (after < size) {
				t.Errorf("spent %v", w.link.Spent("half"))
			}
			for _, p := range w.packets() {
				if p.Proto == ProtoIP && p.IPProto == 6 {
					t.Errorf("packet %d cannot be read as TCP: % x", p.Record.N, p.Data)
				}
			}
		})
	}
}

// A fault may begin at a packet, or behind it, and last for a time.
func TestFrom(t *testing.T) {
	answer := Match{Means: Meaning{Kind: Answer, Command: CommandOf(cmdTicket), Nth: 2}}
	last := answer
	last.Means.Last = true
	for _, tt := range []struct {
		name string
		f    From
		got  int // answers that came before the end
		all  int // and after a minute more
	}{
		{"at the answer to the second ticket", From{At: answer, Do: Cut{}}, 1, 1},
		{"behind it", From{At: last, After: true, Do: Cut{}}, 2, 2},
		{"for ten seconds", From{At: answer, For: 10 * time.Second, Do: Cut{}}, 1, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.ofd.echo = true
			kkm, _ := w.connect()
			w.set("from", tt.f)
			size := 0
			for i := range 3 {
				m := message(cmdTicket, uint16(i), 10)
				size = len(m)
				kkm.conn.Send(m)
				w.pass(time.Second)
			}
			if n := kkm.got.Len() / size; n != tt.got {
				t.Errorf("%d answers came, want %d", n, tt.got)
			}
			w.pass(time.Minute)
			if n := kkm.got.Len() / size; n != tt.all {
				t.Errorf("after a minute %d answers had come, want %d", n, tt.all)
			}
			b := w.events("fault.struck")[0].Body.(history.Struck)
			if p := w.packets()[b.Packet-1]; !strings.Contains(b.Note, "on: ") || len(p.Payload) != size {
				t.Errorf("it began with %q at a packet of %d bytes, want the answer of %d", b.Note, len(p.Payload), size)
			}
		})
	}
}

// The acknowledgement of a message is told from those of its neighbours, and the n-th from the first.
func TestAcknowledgementOfATicket(t *testing.T) {
	w := newWorld(t, Options{Links: []LinkOptions{{Name: "gsm", Latency: 20 * ms}}})
	kkm, ofd := w.connect()
	means := Meaning{Kind: Request, Command: CommandOf(cmdTicket), Nth: 2, Acked: true}
	w.set("ack", Drop{Match: Match{Dir: ToKKM, What: Bare, Means: means}, Pick: Pick{Nth: 1}})
	for i := range 3 {
		kkm.conn.Send(message(cmdTicket, uint16(i), 1000)) // two packets each
		w.pass(3 * time.Second)
	}
	if n := w.clear("ack"); n != 1 || !bytes.Equal(ofd.got.Bytes()[:18], message(cmdTicket, 0, 1000)[:18]) {
		t.Errorf("%d struck, want 1", n)
	}
	var firstSeq uint32
	for _, p := range w.packets() {
		if p.Packet.Dir == ToOFD && p.Flags&SYN != 0 {
			firstSeq = p.Seq + 1
		}
		if says("fault ack")(p) {
			size := uint32(len(message(cmdTicket, 0, 1000)))
			if a := p.Ack - firstSeq; a <= size || a > 2*size {
				t.Errorf("the lost acknowledgement is of byte %d, want one of the second ticket, %d to %d", a, size+1, 2*size)
			}
		}
	}
}

func TestFromRefusesWhatItCannotCount(t *testing.T) {
	w := newWorld(t, Options{})
	for name, f := range map[string]Fault{
		"nothing":    From{At: Match{What: Syn}},
		"ordinal":    From{Do: Drop{Pick: Pick{Nth: 2}}},
		"bad inner":  From{Do: Flap{}},
		"bad place":  From{At: Match{What: 99}, Do: Cut{}},
		"time":       From{For: -1, Do: Cut{}},
		"half":       HalfMessage{},
		"half byte":  HalfMessage{Match: Match{Means: Meaning{Kind: Request, Holds: 3}}},
		"half minus": HalfMessage{Match: Match{Means: Meaning{Kind: Request}}, After: -1},
		"both":       Drop{Match: Match{Means: Meaning{Kind: Request, Holds: 3, Last: true}}},
		"acked byte": Drop{Match: Match{Means: Meaning{Kind: Request, Holds: 3, Acked: true}}},
	} {
		if err := w.link.Set(name, f); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// Payload that overtakes is put in its place; what is missing for too long ends the reading.
func TestFollowerPutsPiecesInOrder(t *testing.T) {
	all := append(append(message(cmdTicket, 1, 40), message(cmdReport, 2, 0)...), message(cmdTicket, 3, 7)...)
	var j journalist
	var f follower
	// the second half first, in pieces of 10 from behind, some twice
	half := len(all) / 2
	for off := half + (len(all)-half-1)/10*10; off >= half; off -= 10 {
		end := min(off+10, len(all))
		f.take(&j, true, int64(off), all[off:end])
		f.take(&j, true, int64(off), all[off:min(off+3, end)])
	}
	if len(f.spans) != 0 {
		t.Fatal("read past a gap")
	}
	f.take(&j, true, 0, all[:half+4])
	if len(f.spans) != 3 || f.lost || len(f.early) != 0 || f.held != 0 || f.next != int64(len(all)) {
		t.Errorf("%d messages, lost %v, %d pieces of %d bytes left, at %d of %d", len(f.spans), f.lost, len(f.early), f.held, f.next, len(all))
	}
	for off := int64(len(all)) + 1; !f.lost && off < 1<<30; off += 1 << 16 {
		f.take(&j, true, off, make([]byte, 1<<16))
	}
	if !f.lost || f.held != 0 {
		t.Errorf("lost %v, %d bytes held: what waits must be bounded", f.lost, f.held)
	}
}

// Reordering on the way to the link does not change what a message is.
func FuzzFollowerOrder(f *testing.F) {
	f.Add([]byte{3, 1, 2, 0}, uint8(20))
	f.Fuzz(func(t *testing.T, order []byte, size uint8) {
		all := append(message(cmdTicket, 1, 40), message(cmdReport, 2, 0)...)
		n := int(size) + 1
		var j journalist
		var fo follower
		pieces := (len(all) + n - 1) / n
		give := func(i int) {
			fo.take(&j, true, int64(i*n), all[i*n:min((i+1)*n, len(all))])
		}
		for _, o := range order {
			give(int(o) % pieces)
		}
		for i := range pieces {
			give(i)
		}
		if len(fo.spans) != 2 || fo.lost || fo.held != 0 {
			t.Errorf("%d messages, lost %v, %d held", len(fo.spans), fo.lost, fo.held)
		}
	})
}
