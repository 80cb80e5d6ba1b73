package external_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/external"
	"github.com/kkmtest/kkmtest/bench/device/serialport"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
	"github.com/kkmtest/kkmtest/simulators/kkm/shtrihm"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

// nobody refuses every connection: the register works offline.
type nobody struct{ loop clock.Loop }

func (n nobody) Dial(_, _ string, _ int, ev stream.Events) stream.Conn {
	n.loop.Post(func() { ev.Closed(stream.ErrRefused) })
	return deaf{}
}

type deaf struct{}

func (deaf) Send([]byte) {}
func (deaf) Close()      {}
func (deaf) Reset()      {}

// register puts the emulated register on a TCP port of this computer.
func register(t *testing.T, loop clock.Loop) string {
	t.Helper()
	raw, err := os.ReadFile("../../../fixtures/emulator/section-1.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := kkm.LoadProfile("section-1.yaml", raw)
	if err != nil {
		t.Fatal(err)
	}
	p.Printer.Speed, p.Channels = 1000, p.Channels[:1]
	p.Limits.Answer, p.Limits.Transaction, p.Limits.Connect, p.Limits.Retry = time.Second, time.Second, 10*time.Millisecond, 10*time.Millisecond
	reg, err := kkm.New(loop, p, nobody{loop}, kkm.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop := serialport.ServeTCP(loop, l, 0, func(send func([]byte)) func([]byte) {
		return shtrihm.New(loop, reg, send, shtrihm.Options{ByteTimeout: time.Millisecond}).Receive
	})
	t.Cleanup(func() { _ = stop() })
	loop.Post(func() { reg.Power(true) })
	ok, err := loop.Wait(t.Context(), loop.Now().Add(30*time.Second), func() bool { s := reg.State(); return s.On && !s.Testing })
	if err != nil || !ok {
		t.Fatalf("the register does not come up: %v", err)
	}
	return l.Addr().String()
}

// The example drivers do a day's work on the emulated register.
func TestExamples(t *testing.T) {
	t.Run("go", func(t *testing.T) {
		t.Parallel()
		exe := filepath.Join(t.TempDir(), "godriver")
		if out, err := exec.Command("go", "build", "-o", exe, "../../../docs/examples/godriver").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		day(t, exe, "")
	})
	t.Run("python", func(t *testing.T) {
		t.Parallel()
		if out, err := exec.Command("python3", "-c", "import sys; assert sys.version_info >= (3, 9)").CombinedOutput(); err != nil {
			t.Skipf("no python3 here: %v %s", err, out)
		}
		exe, err := filepath.Abs("../../../docs/examples/driver.py")
		if err != nil {
			t.Fatal(err)
		}
		day(t, exe, "tcp:")
	})
}

func day(t *testing.T, program, prefix string) {
	loop := clock.NewReal()
	t.Cleanup(loop.Close)
	log := history.NewMemory(loop)
	d, err := external.Open(t.Context(), loop, log, external.Options{
		Path: program, Args: []string{prefix + register(t, loop)},
		Passwords: external.Passwords{Admin: "30", Cashiers: map[string]string{"1": "1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	ctx := t.Context()

	id, err := d.Identity(ctx)
	if err != nil || !strings.Contains(id.Type, "Shtrih-M") || id.Serial != "777" {
		t.Errorf("identity %+v, %v", id, err)
	}
	n := 0
	do := func(op fiscal.Op, want fiscal.Answer) fiscal.Outcome {
		t.Helper()
		n++
		op.ID = fiscal.OpID("day/1/" + string(rune('a'+n)))
		out, err := d.Do(ctx, op)
		if err != nil || out.Got != want {
			t.Fatalf("%s: %+v, %v, want %q", op.Kind, out, err, want)
		}
		return out
	}
	sale := &fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{
		{Kind: fiscal.Goods, Name: "Нан ақ", Section: 1, Qty: 1000, Price: 25050},
		{Kind: fiscal.Goods, Name: "Шай", Section: 2, Qty: 1234, Price: 45075}},
		Payments: []fiscal.Payment{{Kind: fiscal.Cash, Sum: fiscal.Tenge(1000)}}}
	do(fiscal.Op{Kind: fiscal.OpReceipt, Receipt: sale}, fiscal.Done)
	lines, origin, err := d.Printed(ctx)
	text := strings.Join(lines, "\n")
	if err != nil || origin != "host" || !strings.Contains(text, "Нан ақ") || !strings.Contains(text, "806.73") {
		t.Errorf("printed %q from %s, %v", text, origin, err)
	}
	s, err := d.State(ctx)
	if err != nil || !s.ShiftOpen || s.Shift != 1 || s.Clock.IsZero() {
		t.Errorf("state %+v, %v", s, err)
	}
	out := do(fiscal.Op{Kind: fiscal.OpReceipt, Receipt: sale, As: fiscal.Role{Password: "987654"}}, fiscal.Refused)
	if out.Code != 0x4F { // wrong password (serial-shtrih-m.md 9)
		t.Errorf("a wrong password is refused with %02Xh", out.Code)
	}
	less := *sale
	less.Discount = 100
	do(fiscal.Op{Kind: fiscal.OpReceipt, Receipt: &less}, fiscal.Unsupported)
	do(fiscal.Op{Kind: fiscal.OpDeposit, Cash: fiscal.Tenge(500)}, fiscal.Done)
	do(fiscal.Op{Kind: fiscal.OpWithdraw, Cash: fiscal.Tenge(200)}, fiscal.Done)
	do(fiscal.Op{Kind: fiscal.OpXReport}, fiscal.Done)
	do(fiscal.Op{Kind: fiscal.OpZReport}, fiscal.Done)
	do(fiscal.Op{Kind: fiscal.OpSelfTest}, fiscal.Unsupported)
	if s, err = d.State(ctx); err != nil || s.ShiftOpen {
		t.Errorf("state after the Z report %+v, %v", s, err)
	}
	if _, ok := device.Able[device.Display](d); ok {
		t.Error("the example claims a display")
	}

	var sent, got int
	for e := range log.View().Events() {
		switch b := e.Body.(type) {
		case history.HostBytes:
			if b.Dir == history.ToDevice {
				sent += len(b.Data)
			} else {
				got += len(b.Data)
			}
		case history.Result:
			if b.Outcome.Got == fiscal.Done && (b.Entered.Mono == 0 || b.Entered.Mono > b.Done.Mono) {
				t.Errorf("operation %s: entered at %v, done at %v", b.Op, b.Entered.Mono, b.Done.Mono)
			}
		}
	}
	if sent < 500 || got < 500 {
		t.Errorf("only %d bytes out and %d bytes in are in the record", sent, got)
	}
}
