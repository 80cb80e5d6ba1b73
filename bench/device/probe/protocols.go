package probe

import (
	"fmt"
	"strings"

	atol "github.com/kkmtest/kkmtest/bench/device/atol/frame"
	datecs "github.com/kkmtest/kkmtest/bench/device/datecs/frame"
	shtrihm "github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
)

// handshake sends ENQ, which two families answer: Shtrih-M with NAK (or ACK when
// an answer waits to be fetched), ATOL level 2 with ACK (or NAK when busy).
func handshake(t *talk) (Found, bool) {
	t.send(shtrihm.ENQ)
	b, ok := t.until(controlWait, shtrihm.ACK, shtrihm.NAK)
	if !ok {
		return Found{}, false
	}
	if b == shtrihm.NAK {
		if f, ok := shtrihType(t); ok {
			return f, true
		}
		// ATOL says NAK when it is busy; later it says ACK.
		t.drain(gapWait)
		t.send(atol.ENQ)
		if b, ok := t.until(controlWait, atol.ACK); !ok || b != atol.ACK {
			return Found{}, false
		}
		return atolType(t)
	}
	// A Shtrih-M register with an answer to fetch sends it by itself.
	var d shtrihm.Decoder
	var stale bool
	t.frame(frameWait, gapWait, func(b byte) bool {
		st := d.Feed(b)
		stale = stale || st == shtrihm.Whole
		return st == shtrihm.Whole || st == shtrihm.Broken
	})
	if !stale {
		return atolType(t)
	}
	t.send(shtrihm.ACK)
	t.send(shtrihm.ENQ)
	if b, ok := t.until(controlWait, shtrihm.NAK); !ok || b != shtrihm.NAK {
		return Found{}, false
	}
	return shtrihType(t)
}

// shtrihType asks FCh, which takes no password.
func shtrihType(t *talk) (Found, bool) {
	raw, err := shtrihm.Encode([]byte{byte(shtrihm.DeviceType)})
	if err != nil {
		t.err = err
		return Found{}, false
	}
	t.send(raw...)
	if b, ok := t.until(controlWait, shtrihm.ACK, shtrihm.NAK); !ok || b != shtrihm.ACK {
		return Found{}, false
	}
	var d shtrihm.Decoder
	var body []byte
	t.frame(answerWait, gapWait, func(b byte) bool {
		st := d.Feed(b)
		if st == shtrihm.Whole {
			body = append(body, d.Body()...)
		}
		return st == shtrihm.Whole || st == shtrihm.Broken
	})
	f, ok := shtrihFound(body)
	if ok {
		t.send(shtrihm.ACK)
	}
	return f, ok
}

// shtrihFound reads the answer to FCh.
func shtrihFound(body []byte) (Found, bool) {
	code, e, rest, err := shtrihm.Answer(body)
	if err != nil || code != shtrihm.DeviceType {
		return Found{}, false
	}
	f := Found{Protocol: "shtrih-m"}
	if e != 0 || len(rest) < 6 {
		f.Type = "it does not tell its type: " + shtrihm.ErrorText(e)
		return f, true
	}
	coding := shtrihm.CP1251
	if rest[5] == 3 { // Kazakh
		coding = shtrihm.KZ1048
	}
	f.Type = fmt.Sprintf("protocol %d.%d, model %d, language %d", rest[2], rest[3], rest[4], rest[5])
	f.Model = strings.TrimSpace(coding.Decode(shtrihm.Trim(rest[6:])))
	return f, true
}

// shtrihAlt speaks the alternative level to a register that was switched to it:
// where is it, then FCh under the next number. It comes last of all: as the first
// byte after a register's automatic choice of the level it would choose.
func shtrihAlt(t *talk) (Found, bool) {
	ask := func(p shtrihm.Packet) (shtrihm.Packet, bool) {
		raw, err := shtrihm.EncodeAlt(p)
		if err != nil {
			t.err = err
			return shtrihm.Packet{}, false
		}
		t.send(raw...)
		var d shtrihm.AltDecoder
		var got shtrihm.Packet
		var ok bool
		t.frame(answerWait/2, gapWait, func(b byte) bool {
			st := d.Feed(b)
			if st == shtrihm.Whole {
				p := d.Packet()
				got, ok = shtrihm.Packet{Ping: p.Ping, Num: p.Num, Data: append([]byte(nil), p.Data...)}, true
			}
			return st == shtrihm.Whole || st == shtrihm.Broken
		})
		return got, ok && !got.Ping
	}
	at, ok := ask(shtrihm.Packet{Ping: true})
	if !ok {
		return Found{}, false
	}
	answer, ok := ask(shtrihm.Packet{Num: at.Num + 1, Data: []byte{byte(shtrihm.DeviceType)}})
	if !ok {
		return Found{}, false
	}
	f, ok := shtrihFound(answer.Data)
	f.Variant = "alternative level"
	return f, ok
}

// typeCommand is A5h, device type, with the access password 0000.
var typeCommand = []byte{0, 0, 0xA5}

// atolType asks for the type after ENQ was answered.
func atolType(t *talk) (Found, bool) {
	raw, err := atol.Encode(typeCommand)
	if err != nil {
		t.err = err
		return Found{}, false
	}
	t.send(raw...)
	if b, ok := t.until(controlWait, atol.ACK, atol.NAK); !ok || b != atol.ACK {
		return Found{}, false
	}
	t.send(atol.EOT)
	if _, ok := t.until(answerWait, atol.ENQ); !ok {
		return Found{}, false
	}
	t.send(atol.ACK)
	var d atol.Decoder
	var data []byte
	t.frame(answerWait, gapWait, func(b byte) bool {
		st := d.Feed(b)
		if st == atol.Whole {
			data = append(data, d.Data()...)
		}
		return st == atol.Whole || st == atol.Broken
	})
	if data == nil {
		return Found{}, false
	}
	t.send(atol.ACK)
	t.until(gapWait, atol.EOT)
	return atolFound(data, "")
}

// atolFound reads the answer to A5h: error, protocol, type, model, mode, version,
// language, build, name.
func atolFound(p []byte, variant string) (Found, bool) {
	f := Found{Protocol: "atol", Variant: variant}
	if len(p) >= 1 && p[0] == 0x55 || len(p) < 11 { // an ordinary error answer
		if len(p) < 2 {
			return Found{}, false
		}
		f.Type = "it does not tell its type: " + atol.ErrorText(p[1])
		return f, true
	}
	if p[0] != 0 {
		f.Type = "it does not tell its type: " + atol.ErrorText(p[0])
		return f, true
	}
	f.Type = fmt.Sprintf("protocol %d, type %d, model %d, version %02X.%02X, language %02X", p[1], p[2], p[3], p[6], p[7], p[8])
	f.Model = strings.Trim(atol.Decode866(p[11:]), " \x00")
	return f, true
}

// atol3 adds a task with the same question to the buffer and takes its result away.
func atol3(t *talk) (Found, bool) {
	const task = 0xA5
	ask := func(id byte, payload ...byte) (atol.Packet, bool) {
		raw, err := atol.EncodePacket(atol.Packet{ID: id, Payload: payload})
		if err != nil {
			t.err = err
			return atol.Packet{}, false
		}
		t.send(raw...)
		var d atol.PacketDecoder
		var got atol.Packet
		var ok bool
		t.frame(frameWait, gapWait, func(b byte) bool {
			st := d.Feed(b)
			if st == atol.Whole {
				p := d.Packet()
				got, ok = atol.Packet{ID: p.ID, Payload: append([]byte(nil), p.Payload...)}, true
			}
			return st == atol.Whole || st == atol.Broken
		})
		return got, ok
	}
	p, ok := ask(1, append([]byte{byte(atol.Add), 1, task}, typeCommand...)...)
	if !ok || len(p.Payload) == 0 || p.ID != 1 {
		return Found{}, false
	}
	switch atol.Word(p.Payload[0]) { // an echo says what the host says
	case atol.Pending, atol.InProgress, atol.Result, atol.Error, atol.Stopped, atol.Waiting, atol.Full, atol.Exists, atol.BadValue:
	default:
		return Found{}, false
	}
	f, known := Found{Protocol: "atol", Variant: "level=3", Type: fmt.Sprintf("it answers %v", atol.Word(p.Payload[0]))}, true
	if atol.Word(p.Payload[0]) == atol.Result {
		f, known = atolFound(p.Payload[1:], "level=3")
	}
	ask(2, byte(atol.Ack), task)
	return f, known
}

func datecsP(t *talk) (Found, bool) { return datecsType(t, datecs.P) }
func datecsX(t *talk) (Found, bool) { return datecsType(t, datecs.X) }

func datecsType(t *talk, family datecs.Family) (Found, bool) {
	data := []byte("1")
	if family == datecs.X {
		data = family.Join("1")
	}
	raw, err := family.Encode(datecs.Frame{Seq: datecs.FirstSeq, Cmd: datecs.Info, Data: data})
	if err != nil {
		t.err = err
		return Found{}, false
	}
	t.send(raw...)
	d := datecs.Decoder{Family: family, Answers: true}
	var got datecs.Frame
	var whole bool
	wait := frameWait
	for range 60 { // SYN says that it works: the answer still comes
		working := false
		t.frame(wait, gapWait, func(b byte) bool {
			if b == datecs.SYN && !d.Inside() {
				working = true
				return true
			}
			st := d.Feed(b)
			if st == datecs.Whole {
				got, whole = d.Frame(), true
			}
			return st == datecs.Whole || st == datecs.Broken
		})
		if !working {
			break
		}
		wait = answerWait
	}
	if !whole || got.Cmd != datecs.Info || len(got.Status) != family.StatusLen() {
		return Found{}, false
	}
	f := Found{Protocol: "datecs"}
	fields := strings.Split(strings.Trim(string(got.Data), "\t"), ",")
	if family == datecs.X {
		f.Variant = "family=x"
		fields = family.Fields(got.Data)
		if len(fields) > 0 { // the first one is the error code
			fields = fields[1:]
		}
	}
	if len(fields) > 0 {
		f.Model = shtrihm.CP1251.Decode([]byte(fields[0]))
	}
	if n := len(fields); n > 3 { // name, firmware ..., serial number, number of the memory
		f.Serial = fields[n-2]
	}
	if len(fields) > 1 {
		f.Type = "firmware " + shtrihm.CP1251.Decode([]byte(fields[1]))
	}
	return f, true
}
