package hosttest

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/serialport"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/fixtures"
	"github.com/kkmtest/kkmtest/simulators/kkm"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

// nowhere is a network without an OFD: the register works alone.
type nowhere struct{ loop clock.Loop }

func (n nowhere) Dial(_, _ string, _ int, ev stream.Events) stream.Conn {
	n.loop.AfterFunc(time.Millisecond, func() { ev.Closed(stream.ErrRefused) })
	return nowhere{}
}

func (nowhere) Send([]byte) {}
func (nowhere) Close()      {}
func (nowhere) Reset()      {}

// Emulated is a whole emulated register that works alone. A quick one does not
// wait long for an OFD that is not there: for tests in real time.
func Emulated(t testing.TB, loop clock.Loop, quick bool) *kkm.Register {
	t.Helper()
	raw, err := fixtures.FS.ReadFile("emulator/section-1.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := kkm.LoadProfile("section-1.yaml", raw)
	if err != nil {
		t.Fatal(err)
	}
	if quick {
		p.Limits.Answer, p.Limits.Transaction = 50*time.Millisecond, 100*time.Millisecond
		p.Limits.Connect, p.Limits.Retry = 20*time.Millisecond, 20*time.Millisecond
	}
	r, err := kkm.New(loop, p, nowhere{loop}, kkm.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// OverRealLine sells over a pseudo terminal ("pty") or over TCP ("tcp"), in real
// time: the machine on its own loop, the driver on another, as in two processes.
func OverRealLine(t *testing.T, kind string, machine func(loop clock.Loop, r *kkm.Register, send func([]byte)) func([]byte),
	driver func(loop clock.Loop, port device.Port, j history.Journal, o Driver) (device.Device, error)) {
	t.Setenv("TMPDIR", t.TempDir())
	theirs, ours := clock.NewReal(), clock.NewReal()
	defer theirs.Close()
	defer ours.Close()
	r := Emulated(t, theirs, true)
	serve := func(send func([]byte)) func([]byte) {
		r.Power(true)
		return machine(theirs, r, send)
	}
	var port device.Port
	var err error
	if kind == "pty" {
		name, stop, e := serialport.ServePTY(theirs, 0, serve)
		if e != nil {
			t.Fatal(e)
		}
		defer stop()
		port, err = serialport.OpenSerial(ours, name, Baud)
	} else {
		l, e := net.Listen("tcp", "127.0.0.1:0")
		if e != nil {
			t.Fatal(e)
		}
		defer serialport.ServeTCP(theirs, l, 0, serve)()
		port, err = serialport.OpenTCP(context.Background(), ours, l.Addr().String())
	}
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "history.jsonl")
	log, err := history.Create(path, ours, true)
	if err != nil {
		t.Fatal(err)
	}
	dev, err := driver(ours, port, log, Driver{})
	if err != nil {
		t.Fatal(err)
	}
	w := &World{T: t, Log: log, Dev: dev}
	for range 40 { // its self-test
		if _, err = dev.Identity(context.Background()); err == nil {
			break
		}
	}
	w.Done(Receipt(Sale()))
	res := w.Result()
	if res.Done.Mono <= res.Entered.Mono || res.Blur <= 0 || res.Blur > 2*time.Second {
		t.Errorf("result %+v", res)
	}
	if out := w.Done(fiscal.Op{Kind: fiscal.OpZReport}); out.Shift != 1 {
		t.Errorf("%+v", out)
	}
	if err := dev.Close(); err != nil {
		t.Error(err)
	}
	if err := log.Close(); err != nil {
		t.Error(err)
	}
	v, torn, err := history.Read(path)
	if err != nil || torn != nil || v.Len() < 30 {
		t.Errorf("record: %v %v", torn, err)
	}
}
