package frame

import "fmt"

// Bytes of level 3 (4). A bare Start always begins a packet; inside payload and
// CRC it travels as Esc EscStart, and Esc itself as Esc EscEsc.
const (
	Start    byte = 0xFE
	Esc      byte = 0xFD
	EscStart byte = 0xEE
	EscEsc   byte = 0xED
)

// Packet numbers: the host counts from 0 to MaxID and begins again; AsyncID
// marks what the register sends by itself.
const (
	MaxID   byte = 0xDF
	AsyncID byte = 0xF0
)

// MaxPayload is the longest payload: two length bytes of seven bits.
const MaxPayload = 1<<14 - 1

// What a host says (first byte of a payload) and what a register answers.
type Word byte

// The words.
const (
	Add    Word = 0xC1 // flags, task number, task
	Ack    Word = 0xC2 // task number: result taken
	Req    Word = 0xC3 // task number: how is it
	Abort  Word = 0xC4 // clears the buffer
	AckAdd Word = 0xC5

	Pending    Word = 0xA1
	InProgress Word = 0xA2
	Result     Word = 0xA3
	Error      Word = 0xA4
	Stopped    Word = 0xA5 // an earlier task failed: never executed
	LateResult Word = 0xA6 // by itself: task number, answer
	LateError  Word = 0xA7
	Waiting    Word = 0xA8 // for external data
	Full       Word = 0xB1
	Exists     Word = 0xB2 // the task number is taken
	NotFound   Word = 0xB3
	BadValue   Word = 0xB4
)

var words = map[Word]string{Add: "add", Ack: "acknowledge", Req: "request", Abort: "abort", AckAdd: "acknowledge and add",
	Pending: "pending", InProgress: "in progress", Result: "result", Error: "error", Stopped: "stopped", LateResult: "late result",
	LateError: "late error", Waiting: "waits for data", Full: "buffer full", Exists: "task exists", NotFound: "no such task", BadValue: "bad value"}

// String names a word.
func (w Word) String() string {
	if s, ok := words[w]; ok {
		return fmt.Sprintf("%02Xh %s", byte(w), s)
	}
	return fmt.Sprintf("%02Xh", byte(w))
}

// Flags of an added task.
const (
	NeedResult   byte = 1
	IgnoreErrors byte = 2
	WaitForData  byte = 4
)

// Packet is one packet of level 3. An empty payload asks for the packet of that
// number again (one source).
type Packet struct {
	ID      byte
	Payload []byte
}

// CRC8 is the check of level 3: polynomial 31h, start FFh, over number and
// unmasked payload.
func CRC8(p ...byte) byte {
	c := byte(0xFF)
	for _, b := range p {
		c = crcStep(c, b)
	}
	return c
}

func crcStep(c, b byte) byte {
	c ^= b
	for range 8 {
		if c&0x80 != 0 {
			c = c<<1 ^ 0x31
		} else {
			c <<= 1
		}
	}
	return c
}

// EncodePacket makes the bytes of a packet.
func EncodePacket(p Packet) ([]byte, error) {
	if len(p.Payload) > MaxPayload {
		return nil, fmt.Errorf("payload of %d bytes: a packet takes at most %d", len(p.Payload), MaxPayload)
	}
	if p.ID > MaxID && p.ID != AsyncID {
		return nil, fmt.Errorf("packet number %02Xh: want 00h to %02Xh, or %02Xh", p.ID, MaxID, AsyncID)
	}
	f := []byte{Start, byte(len(p.Payload) & 0x7F), byte(len(p.Payload) >> 7), p.ID}
	c := crcStep(0xFF, p.ID)
	for _, b := range p.Payload {
		f = mask(f, b)
		c = crcStep(c, b)
	}
	return mask(f, c), nil
}

func mask(f []byte, b byte) []byte {
	switch b {
	case Start:
		return append(f, Esc, EscStart)
	case Esc:
		return append(f, Esc, EscEsc)
	}
	return append(f, b)
}

// PacketDecoder takes level 3 apart byte by byte. Its zero value is ready.
type PacketDecoder struct {
	raw  []byte
	body []byte // number, payload, CRC, unmasked
	at   int    // of the last Start in raw
	want int    // length of body
	esc  bool
	over bool
}

// header is Start, two length bytes and the number.
const header = 4

// Feed takes one byte. A Start inside a packet drops what was collected and
// begins a new one: the caller finds the dropped bytes in front of Raw.
func (d *PacketDecoder) Feed(b byte) Status {
	if b == Start {
		if d.over {
			d.Reset()
		}
		d.at = len(d.raw)
		d.raw = append(d.raw, b)
		d.body, d.want, d.esc = d.body[:0], 0, false
		return Partial
	}
	if len(d.raw) == 0 || d.over {
		d.Reset()
		return Idle
	}
	d.raw = append(d.raw, b)
	head := d.raw[d.at:]
	switch {
	case len(head) < header:
		return Partial
	case len(head) == header:
		if head[1] > 0x7F || head[2] > 0x7F {
			return d.end(Broken)
		}
		d.want = int(head[1]) + int(head[2])<<7 + 2
		d.body = append(d.body, b)
		return Partial
	case d.esc:
		d.esc = false
		switch b {
		case EscStart:
			b = Start
		case EscEsc:
			b = Esc
		default:
			return d.end(Broken)
		}
	case b == Esc:
		d.esc = true
		return Partial
	}
	d.body = append(d.body, b)
	if len(d.body) < d.want {
		return Partial
	}
	n := len(d.body) - 1
	if CRC8(d.body[:n]...) != d.body[n] {
		return d.end(Broken)
	}
	return d.end(Whole)
}

func (d *PacketDecoder) end(s Status) Status { d.over = true; return s }

// Inside says whether a packet has begun and is not complete.
func (d *PacketDecoder) Inside() bool { return len(d.raw) > 0 && !d.over }

// Packet is the packet that was Whole, valid until the next Feed.
func (d *PacketDecoder) Packet() Packet {
	if len(d.body) < 2 {
		return Packet{}
	}
	return Packet{ID: d.body[0], Payload: d.body[1 : len(d.body)-1]}
}

// Raw is what was collected, valid until the next Feed.
func (d *PacketDecoder) Raw() []byte { return d.raw }

// Reset forgets an unfinished packet.
func (d *PacketDecoder) Reset() {
	d.raw, d.body = d.raw[:0], d.body[:0]
	d.at, d.want, d.esc, d.over = 0, 0, false, false
}
