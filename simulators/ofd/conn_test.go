package ofd

import (
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr"
)

// What the server does with bytes that are no message, cpcr.md 3.5.
func TestBadStreams(t *testing.T) {
	tests := []struct {
		name  string
		bytes func(good []byte) []byte
		end   bool // the peer ends the stream afterwards
		class cpcr.Class
	}{
		{"wrong mark", func(b []byte) []byte { return put(b, 0, 0) }, false, cpcr.ErrAppCode},
		{"version 0", func(b []byte) []byte { return put(b, 2, 0, 0) }, false, cpcr.ErrVersion},
		{"SIZE 17", func(b []byte) []byte { return put(b, 4, 17, 0, 0, 0) }, false, cpcr.ErrSizeMin},
		{"SIZE beyond the limit", func(b []byte) []byte { return put(b, 4, 1, 0, 16, 0) }, false, cpcr.ErrSizeLimit},
		{"the end inside the header", func(b []byte) []byte { return b[:17] }, true, cpcr.ErrHeaderShort},
		{"the end inside the payload", func(b []byte) []byte { return b[:len(b)-1] }, true, cpcr.ErrTruncated},
		{"a version that is not served", func(b []byte) []byte { return put(b, 2, 201) }, false, cpcr.ErrVersionUnsupported},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, Options{})
			p, ev := w.dial()
			ev.Received(tt.bytes(w.frame(sale(day, 1))))
			if tt.end {
				ev.Closed(nil)
			} else if p.state != "closed" {
				t.Errorf("connection %q, want closed", p.state)
			}
			if len(p.sent) != 0 {
				t.Errorf("answered % x", p.sent)
			}
			var class string
			closed := false
			for e := range w.log.View().Events() {
				switch b := e.Body.(type) {
				case history.Frame:
					class = b.Error
				case history.Conn:
					closed = b.State == "closed"
				}
			}
			if class != string(tt.class) || !closed {
				t.Errorf("record: class %q, closed %v; want %s", class, closed, tt.class)
			}
			if w.tickets() != 0 {
				t.Error("a ticket was made of it")
			}
			if c := w.code(w.next(), system()); c != 0 {
				t.Errorf("another connection afterwards: %d", c)
			}
		})
	}
}

// A version that is not served gets result 3 when so configured.
func TestUnservedVersion(t *testing.T) {
	w := newWorld(t, Options{Versions: []cpcr.Version{cpcr.V203, cpcr.V204}, AnswerUnsupported: true})
	h := w.next()
	h.Version = cpcr.V202
	if c := w.code(h, sale(day, 1)); c != 3 {
		t.Errorf("2.0.2: %d, want 3", c)
	}
	b := put(w.frame(system()), 2, 201) // no schema at all
	p := w.raw(b)
	if len(p.sent) == 0 || p.sent[2] != 201 || p.state != "" {
		t.Errorf("2.0.1: % x, connection %q", p.sent, p.state)
	}
	w = newWorld(t, Options{Versions: []cpcr.Version{cpcr.V203}})
	if p := w.raw(w.frame(system())); len(p.sent) != 0 || p.state != "closed" {
		t.Errorf("2.0.4 at a server of 2.0.3: %d bytes, %q", len(p.sent), p.state)
	}
}

// Frames come in one segment or in many, and several on one connection.
func TestSegments(t *testing.T) {
	w := newWorld(t, Options{})
	p, ev := w.dial()
	for i := range 3 {
		before := len(p.sent)
		for _, b := range w.frame(sale(day, 100)) {
			if len(p.sent) != before {
				t.Fatal("answered before the last byte")
			}
			ev.Received([]byte{b})
		}
		if len(p.sent) == before || w.tickets() != i+1 {
			t.Fatalf("message %d: no answer", i+1)
		}
	}
}

// Time limits of a connection, cpcr.md 3.4.
func TestTimeLimits(t *testing.T) {
	w := newWorld(t, Options{Idle: 300 * time.Second, ReadDeadline: 30 * time.Second})
	idle, _ := w.dial()
	w.pass(299 * time.Second)
	if idle.state != "" {
		t.Fatal("idle for less than the limit, and closed")
	}
	w.pass(time.Second)
	if idle.state != "closed" {
		t.Error("idle for the limit, and open")
	}
	slow, ev := w.dial()
	b := w.frame(system())
	for i := range 29 { // a byte a second does not buy time
		ev.Received(b[i : i+1])
		w.pass(time.Second)
	}
	if slow.state != "" {
		t.Fatal("closed before the limit of a message")
	}
	w.pass(time.Second)
	if slow.state != "closed" {
		t.Error("a message that began 30 s ago still waits")
	}
	busy, ev := w.dial()
	for range 5 {
		w.pass(299 * time.Second)
		ev.Received(w.frame(system()))
	}
	if busy.state != "" {
		t.Error("closed though it was never idle for the limit")
	}
	keep := newWorld(t, Options{Idle: -1})
	p, _ := keep.dial()
	keep.pass(1000 * time.Hour)
	if p.state != "" {
		t.Error("closed though there is no limit")
	}
	if n := keep.clk.String(); n == "" {
		t.Error("no clock")
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	w := newWorld(t, Options{MaxConns: 2})
	_, a := w.dial()
	b, _ := w.dial()
	c, _ := w.dial()
	if b.state != "" || c.state != "reset" {
		t.Errorf("second %q, third %q; want open and reset", b.state, c.state)
	}
	a.Closed(nil)
	if d, _ := w.dial(); d.state != "" {
		t.Errorf("after one left: %q", d.state)
	}
}

func TestCloseAfterAnswer(t *testing.T) {
	w := newWorld(t, Options{CloseAfterAnswer: true})
	if p := w.raw(w.frame(system())); len(p.sent) == 0 || p.state != "closed" {
		t.Errorf("%d bytes, connection %q", len(p.sent), p.state)
	}
}

func TestCloseOfTheServer(t *testing.T) {
	w := newWorld(t, Options{})
	p, _ := w.dial()
	if err := w.s.Close(); err != nil || p.state != "closed" {
		t.Errorf("%v, connection %q", err, p.state)
	}
}
