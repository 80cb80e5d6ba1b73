package shtrihm

import (
	"context"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/serialport"
	"github.com/kkmtest/kkmtest/bench/device/shtrihm"
	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
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

func emulated(t *testing.T, loop clock.Loop, quick bool) *kkm.Register {
	t.Helper()
	raw, err := fixtures.FS.ReadFile("emulator/section-1.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := kkm.LoadProfile("section-1.yaml", raw)
	if err != nil {
		t.Fatal(err)
	}
	if quick { // nobody answers: do not wait for it in real time
		p.Limits.Answer, p.Limits.Transaction = 50*time.Millisecond, 100*time.Millisecond
		p.Limits.Connect, p.Limits.Retry = 20*time.Millisecond, 20*time.Millisecond
	}
	r, err := kkm.New(loop, p, nowhere{loop}, kkm.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// realWorld is a whole emulated register behind the line in memory.
func realWorld(t *testing.T) (*world, *kkm.Register) {
	t.Helper()
	loop := clock.NewVirtual(epoch, nil)
	r := emulated(t, loop, false)
	w := &world{t: t, loop: loop, log: history.NewMemory(loop), line: serialport.NewLine(loop, baud)}
	w.host = New(loop, r, w.line.DeviceSend, Options{})
	w.line.Attach(w.host.Receive)
	var err error
	if w.dev, err = shtrihm.Open(loop, w.line.Host(), w.log, shtrihm.Options{Baud: baud}); err != nil {
		t.Fatal(err)
	}
	loop.Post(func() { r.Power(true) })
	return w, r
}

func (w *world) refused(op fiscal.Op, code byte) {
	w.t.Helper()
	if out := w.do(op); out.Got != fiscal.Refused || out.Code != int(code) {
		w.t.Errorf("%s: %+v, want error %02Xh", op.Kind, out, code)
	}
}

// A day of the emulated register, over its host line.
func TestRegisterOverTheLine(t *testing.T) {
	w, r := realWorld(t)
	id, err := w.dev.Identity(context.Background())
	if err != nil || id.Model != r.Profile().Model || id.Serial != r.Profile().Serial {
		t.Errorf("identity %+v, %v; want %s, %s", id, err, r.Profile().Model, r.Profile().Serial)
	}
	w.refused(fiscal.Op{Kind: fiscal.OpZReport}, frame.ErrShiftClosed)
	w.done(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 5000000})
	w.refused(fiscal.Op{Kind: fiscal.OpWithdraw, Cash: 5000001}, frame.ErrNoCash)
	w.done(fiscal.Op{Kind: fiscal.OpWithdraw, Cash: 1000000})
	out := w.done(receiptOp(sale()))
	if out.Change != sale().Change() || out.Shift != 1 {
		t.Errorf("%+v", out)
	}
	lines, origin, err := w.dev.Printed(context.Background())
	text := strings.Join(lines, "\n")
	if err != nil || origin != "host" || !strings.Contains(text, "Нан ақ") || strings.Contains(text, "?") {
		t.Errorf("printed from %s, %v:\n%s", origin, err, text)
	}
	sign := r.State().LastSign
	back := fiscal.Receipt{Kind: fiscal.SaleReturn, Lines: []fiscal.Line{pos(fiscal.Goods, "Сүт", 1000, 48050)}, Payments: []fiscal.Payment{cash(48050)},
		Parent: &fiscal.Parent{Sign: sign, KKM: r.Profile().Registration, At: r.State().LastDocTime.Truncate(time.Second), Total: sale().Total(), Offline: true}}
	w.done(receiptOp(back))
	orphan := back
	orphan.Parent = nil
	w.refused(receiptOp(orphan), frame.ErrParameters)
	w.refused(fiscal.Op{Kind: fiscal.OpSetClock, Clock: epoch.Add(48 * time.Hour)}, frame.ErrMode)
	w.refused(fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDPort, Value: "5"}, frame.ErrMode)
	w.refused(fiscal.Op{Kind: fiscal.OpXReport, As: fiscal.Role{Cashier: 1}}, frame.ErrPassword)
	for _, k := range []fiscal.OpKind{fiscal.OpXReport, fiscal.OpReportCashiers, fiscal.OpReportSections, fiscal.OpCopy, fiscal.OpTestPrint, fiscal.OpSelfTest} {
		w.done(fiscal.Op{Kind: k})
	}
	st, err := w.dev.State(context.Background())
	if err != nil || !st.ShiftOpen || st.Shift != 1 || st.Receipts != 2 || st.Unsent == nil || *st.Unsent == 0 {
		t.Errorf("state %+v, %v", st, err)
	}
	if out := w.done(fiscal.Op{Kind: fiscal.OpZReport}); out.Shift != 1 {
		t.Errorf("Z: %+v, want shift 1", out)
	}
	if st, err := w.dev.State(context.Background()); err != nil || st.ShiftOpen || st.Shift != 1 {
		t.Errorf("state %+v, %v", st, err)
	}
	// Clock: a later day with an earlier hour, then a time before the last document.
	later := time.Date(2026, 1, 6, 0, 5, 0, 0, time.UTC)
	w.done(fiscal.Op{Kind: fiscal.OpSetClock, Clock: later})
	if d := r.State().Clock.Sub(later); d < 0 || d > 5*time.Second {
		t.Errorf("clock %v, want %v", r.State().Clock, later)
	}
	w.refused(fiscal.Op{Kind: fiscal.OpSetClock, Clock: epoch}, frame.ErrDateEarlier)
	// A programmed password: too short, then right; the old one is dead.
	w.refused(fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetCashierPassword, Value: "77", As: fiscal.Role{Cashier: 2}}, frame.ErrParameters)
	w.done(fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetCashierPassword, Value: "7777", As: fiscal.Role{Cashier: 2}})
	w.refused(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 1, As: fiscal.Role{Cashier: 2}}, frame.ErrPassword)
	w.done(fiscal.Op{Kind: fiscal.OpDeposit, Cash: 1, As: fiscal.Role{Cashier: 2, Password: "7777"}})
	w.done(receiptOp(sale()))
}

// Paper runs out in the middle of a document, and the power goes in the middle
// of a sale.
func TestPaperAndPower(t *testing.T) {
	w, r := realWorld(t)
	w.done(receiptOp(sale()))
	w.loop.Post(func() { r.Paper(false) })
	w.pass(time.Millisecond)
	w.refused(receiptOp(sale()), frame.ErrNoPaper)
	w.loop.Post(func() { r.Paper(true) })
	w.pass(time.Millisecond)
	w.done(receiptOp(sale()))
	w.loop.AfterFunc(150*time.Millisecond, func() { r.Power(false) })
	w.loop.AfterFunc(3*time.Second, func() { r.Power(true) })
	before := len(r.Queue())
	out := w.do(receiptOp(sale()))
	w.pass(time.Minute)
	grown := len(r.Queue()) - before
	if out.Got == fiscal.Done && grown != 1 || out.Got == fiscal.Unknown && grown > 1 || out.Got == fiscal.Refused {
		t.Errorf("%+v, %d documents more", out, grown)
	}
	w.done(receiptOp(sale()))
}

// The same over a real pseudo terminal and over TCP, in real time: the machine
// on its own loop, the driver on another, as in two processes.
func TestRegisterOverRealLines(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for _, kind := range []string{"pty", "tcp"} {
		t.Run(kind, func(t *testing.T) {
			theirs, ours := clock.NewReal(), clock.NewReal()
			defer theirs.Close()
			defer ours.Close()
			r := emulated(t, theirs, true)
			machine := func(send func([]byte)) func([]byte) {
				r.Power(true)
				return New(theirs, r, send, Options{ByteTimeout: time.Millisecond}).Receive
			}
			var port device.Port
			var err error
			if kind == "pty" {
				name, stop, e := serialport.ServePTY(theirs, 0, machine)
				if e != nil {
					t.Fatal(e)
				}
				defer stop()
				port, err = serialport.OpenSerial(ours, name, baud)
			} else {
				l, e := net.Listen("tcp", "127.0.0.1:0")
				if e != nil {
					t.Fatal(e)
				}
				defer serialport.ServeTCP(theirs, l, 0, machine)()
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
			dev, err := shtrihm.Open(ours, port, log, shtrihm.Options{Baud: baud})
			if err != nil {
				t.Fatal(err)
			}
			w := &world{t: t, log: log, dev: dev}
			w.done(fiscal.Op{Kind: fiscal.OpTestPrint}) // waits for the self-test
			lines, _, err := dev.Printed(context.Background())
			if err != nil || !slices.ContainsFunc(lines, func(s string) bool { return strings.Contains(s, "СЫНАҚ ЧЕГІ") }) {
				t.Errorf("printed %q, %v", lines, err)
			}
			s := sale()
			w.done(receiptOp(s))
			res := w.result()
			if res.Done.Mono <= res.Entered.Mono || res.Blur <= 0 || res.Blur > 2*time.Second || !strings.Contains(res.Sources, "port and adapter") {
				t.Errorf("result %+v", res)
			}
			if err := dev.Close(); err != nil {
				t.Error(err)
			}
			if err := log.Close(); err != nil {
				t.Error(err)
			}
			v, torn, err := history.Read(path)
			if err != nil || torn != nil || v.Len() < 50 {
				t.Errorf("record: %v %v", torn, err)
			}
		})
	}
}
