package ofd

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/cpcr"
)

// BenchmarkTickets sells over one stream, a ticket an iteration: frame in, all
// checks, counters, sign, answer out. Its rival in the same run is the codec
// alone: the same request read, the same answer written, and nothing between.
func BenchmarkTickets(b *testing.B) {
	run := func(b *testing.B, opt Options) {
		clk := clock.NewVirtual(day, nil)
		s := New(clk, opt)
		if err := s.Register(shop(kkm1)); err != nil {
			b.Fatal(err)
		}
		p := new(pipe)
		ev := s.Accept(p, "bench")
		frame, err := cpcr.EncodeRequest(cpcr.Header{Version: cpcr.V204, ID: kkm1}, sale(day, 100))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			p.sent = p.sent[:0]
			binary.LittleEndian.PutUint32(frame[12:], s.devices[kkm1].issued)
			binary.LittleEndian.PutUint16(frame[16:], uint16(n+1))
			ev.Received(frame)
			n++
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "tickets/s")
		if i, _ := s.Info(kkm1); i.Tickets != n {
			b.Fatalf("%d tickets of %d", i.Tickets, n)
		}
	}
	b.Run("server", func(b *testing.B) { run(b, Options{}) })
	b.Run("server-with-record", func(b *testing.B) {
		w := newWorld(b, Options{})
		run(b, Options{Journal: w.log})
	})
	b.Run("codec-alone", func(b *testing.B) {
		w := newWorld(b, Options{})
		frame := w.frame(sale(day, 100))
		answer := w.raw(frame).sent
		h, m, err := cpcr.DecodeResponse(answer)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			if _, _, err := cpcr.DecodeRequest(frame); err != nil {
				b.Fatal(err)
			}
			if _, err := cpcr.EncodeResponse(h, m); err != nil {
				b.Fatal(err)
			}
			n++
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "tickets/s")
	})
}

// Many devices on one server do not see each other: each has its own tokens,
// counters and shift.
func TestManyDevices(t *testing.T) {
	const n, rounds = 200, 5
	var devices []Device
	for i := range n {
		d := shop(uint32(1 + i))
		d.Token = uint32(10 + i)
		devices = append(devices, d)
	}
	w := newWorld(t, Options{Seed: 2}, devices...)
	for r := range rounds {
		for i := range n {
			id := uint32(1 + i)
			in, _ := w.s.Info(id)
			m := sale(day.Add(time.Duration(r)*time.Minute), 100)
			b, err := cpcr.EncodeLoose(cpcr.Header{Version: cpcr.V204, ID: id, Token: in.Token, ReqNum: uint16(r + 1)}, m)
			if err != nil {
				t.Fatal(err)
			}
			if _, a := w.answer(w.raw(b).sent); a.GetResult().GetResultCode() != 0 {
				t.Fatalf("device %d: %s", id, cpcr.Text(a))
			}
		}
	}
	signs := map[string]bool{}
	for _, id := range w.s.Devices() {
		in, _ := w.s.Info(id)
		if in.Tickets != rounds || in.Counters.Cash != rounds*100 || signs[in.LastSign] {
			t.Errorf("device %d: %d tickets, cash %s, sign %s", id, in.Tickets, in.Counters.Cash, in.LastSign)
		}
		signs[in.LastSign] = true
	}
}
