package ofd

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr"
)

// FuzzServer: whatever comes over a stream, the server stays whole, answers at
// most once for each message, and the device's other connections go on.
func FuzzServer(f *testing.F) {
	files, _ := filepath.Glob("../../fixtures/vectors/cpcr/*-req-*.hex")
	if len(files) < 20 {
		f.Fatalf("%d requests", len(files))
	}
	var shift []byte
	for _, p := range files {
		b := vector(f, strings.TrimSuffix(filepath.Base(p), ".hex"))
		f.Add(b, uint8(0))
		shift = append(shift, b...)
	}
	f.Add(shift, uint8(200))
	first, _ := cpcr.ParseHeader(vector(f, "01-req-system"), cpcr.MaxRequest)
	f.Fuzz(func(t *testing.T, data []byte, cut uint8) {
		d := deviceOf(t, vector(t, "04-resp-info"))
		d.Token = first.Token
		data = bytes.Clone(data)
		// Every message meets the issued token, so that it comes as far as it can.
		for off := 0; off+cpcr.HeaderSize <= len(data); {
			h, err := cpcr.ParseHeader(data[off:], cpcr.MaxRequest)
			if err != nil {
				break
			}
			put := cpcr.Header{Version: h.Version, Size: h.Size, ID: d.ID, Token: d.Token, ReqNum: h.ReqNum}
			copy(data[off:], put.Append(nil))
			off += int(h.Size)
		}
		w := newWorld(t, Options{Rotate: RotateNever}, d)
		p, ev := w.dial()
		for rest := data; len(rest) > 0 && p.state == ""; {
			n := min(int(cut)+1, len(rest))
			ev.Received(rest[:n])
			rest = rest[n:]
		}
		w.pass(0)
		requests := 0
		for e := range w.log.View().Events() {
			if x, ok := e.Body.(history.Frame); ok && x.Dir == history.FromDevice {
				requests++
			}
		}
		sp := cpcr.Splitter{Limit: cpcr.MaxResponse}
		answers, err := sp.Push(p.sent)
		if err != nil || sp.End() != nil || len(answers) > requests {
			t.Fatalf("%d answers to %d requests, %v, %v", len(answers), requests, err, sp.End())
		}
		for _, a := range answers {
			if h, _, err := cpcr.DecodeResponse(a); err != nil && h.Version.Known() {
				t.Fatalf("an answer that cannot be read: %v: % x", err, a)
			}
		}
		in, ok := w.s.Info(d.ID)
		if !ok || w.s.Err() != nil {
			t.Fatal(w.s.Err())
		}
		b, err := cpcr.EncodeRequest(cpcr.Header{Version: cpcr.V204, ID: d.ID, Token: in.Token, ReqNum: 4711}, system())
		if err != nil {
			t.Fatal(err)
		}
		if q := w.raw(b); len(q.sent) == 0 {
			t.Fatal("another connection gets no answer")
		}
	})
}
