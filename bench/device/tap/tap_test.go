package tap

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/serialport"
	shtrihm "github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/bench/device/tap/escpos"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

var epoch = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

func TestParse(t *testing.T) {
	for in, want := range map[string]Address{
		"serial:/dev/ttyUSB1@19200":             {Serial: "/dev/ttyUSB1", Baud: 19200},
		"tcp:127.0.0.1:9100":                    {Listen: "127.0.0.1:9100"},
		"tcp:0.0.0.0:9100,192.168.1.50:9100":    {Listen: "0.0.0.0:9100", To: "192.168.1.50:9100"},
		"tcp:[::1]:9100,[fe80::1%25eth0]:9100":  {Listen: "[::1]:9100", To: "[fe80::1%25eth0]:9100"},
		"serial:/dev/serial/by-id/usb-x@115200": {Serial: "/dev/serial/by-id/usb-x", Baud: 115200},
	} {
		if got, err := Parse(in, ""); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", in, got, err, want)
		}
	}
	for _, bad := range []string{"", "usb:/dev/lp0", "serial:/dev/ttyUSB1", "serial:ttyUSB1@9600", "serial:/dev/ttyUSB1@fast", "tcp:9100", "tcp:", "tcp:127.0.0.1:9100,printer", "tcp:,10.0.0.1:9100", "tcp:127.0.0.1:9100,"} {
		if _, err := Parse(bad, ""); err == nil || !strings.Contains(err.Error(), "want serial:/dev/ttyUSB1@19200") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if a, err := Parse("tcp:127.0.0.1:0", "kz-1048"); err != nil || a.Page != escpos.KZ1048 {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := Parse("tcp:127.0.0.1:0", "koi8"); err == nil || !strings.Contains(err.Error(), "kz-1048") {
		t.Errorf("%v", err)
	}
}

func virtual() (*clock.Virtual, *history.Log, *Tap) {
	loop := clock.NewVirtual(epoch, nil)
	log := history.NewMemory(loop)
	return loop, log, New(loop, log, Options{Decode: escpos.Options{Page: escpos.KZ1048}, Latency: 7 * time.Millisecond})
}

// print sends bytes at times, from now.
func print(loop clock.Loop, t *Tap, parts map[time.Duration]string) {
	for d, s := range parts {
		loop.AfterFunc(d, func() { t.Receive([]byte(s)) })
	}
}

func read(t *testing.T, p *Tap) []string {
	t.Helper()
	lines, origin, err := p.Printed(t.Context())
	if err != nil || origin != "tap" {
		t.Fatalf("%q from %q, %v", lines, origin, err)
	}
	return lines
}

func TestPrinted(t *testing.T) {
	loop, log, p := virtual()
	began := loop.Now()
	print(loop, p, map[time.Duration]string{100 * time.Millisecond: "one\n", 500 * time.Millisecond: "two\n\x1dV\x00"})
	if got := read(t, p); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("%q", got)
	}
	if got := read(t, p); len(got) != 0 {
		t.Errorf("told twice: %q", got)
	}
	if waited := loop.Now().Mono - began.Mono; waited < arrival || waited > arrival+3*time.Second {
		t.Errorf("waited %v for nothing", waited)
	}
	// Two documents, one ended by silence, the next by the cut.
	print(loop, p, map[time.Duration]string{0: "slip\n", 2 * time.Second: "receipt\n\x1dV\x00"})
	if _, err := loop.Wait(t.Context(), loop.Now().Add(5*time.Second), nil); err != nil {
		t.Fatal(err)
	}
	if got := read(t, p); !slices.Equal(got, []string{"slip", "receipt"}) {
		t.Errorf("%q", got)
	}
	n := 0
	for e := range log.View().Events() {
		if h, ok := e.Body.(history.HostBytes); ok && e.Source == history.Control && h.Note == "printer tap" {
			n += len(h.Data)
		}
	}
	if want := len("one\ntwo\n\x1dV\x00slip\nreceipt\n\x1dV\x00"); n != want {
		t.Errorf("%d bytes in the record, want %d", n, want)
	}
}

// The end of a document is its last byte, known to within the port's latency.
func TestAtRest(t *testing.T) {
	loop, _, p := virtual()
	if _, _, ok, err := p.AtRest(t.Context()); ok || err != nil {
		t.Errorf("nothing was printed: %v, %v", ok, err)
	}
	from := loop.Now()
	print(loop, p, map[time.Duration]string{200 * time.Millisecond: "a", 800 * time.Millisecond: "b\n"})
	at, blur, ok, err := p.AtRest(t.Context())
	if err != nil || !ok || at.Mono-from.Mono != 800*time.Millisecond || blur != 7*time.Millisecond {
		t.Errorf("%v ± %v, %v, %v", at.Mono-from.Mono, blur, ok, err)
	}
	before := loop.Now()
	if got := read(t, p); !slices.Equal(got, []string{"ab"}) {
		t.Errorf("%q", got)
	}
	if d := loop.Now().Mono - before.Mono; d > quiet {
		t.Errorf("waited again for %v", d)
	}
}

// Paper that cannot be read is an error with the reason, and only once.
func TestUnreadable(t *testing.T) {
	loop, _, p := virtual()
	print(loop, p, map[time.Duration]string{0: "\x1bt\x63\x80\n\x1dV\x00"})
	if _, _, err := p.Printed(t.Context()); err == nil || !strings.Contains(err.Error(), "code page number 99") {
		t.Errorf("%v", err)
	}
	print(loop, p, map[time.Duration]string{0: "\x1b@fine\n\x1dV\x00"})
	if got := read(t, p); !slices.Equal(got, []string{"fine"}) {
		t.Errorf("%q", got)
	}
}

// In front of a printer the tap hands everything on, both ways.
func TestProxy(t *testing.T) {
	loop := clock.NewReal()
	defer loop.Close()
	printer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer printer.Close()
	got := make(chan []byte, 1)
	go func() {
		c, err := printer.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = c.Write([]byte{0x16})
		raw, _ := io.ReadAll(c)
		got <- raw
	}()
	p, err := Open(loop, history.NewMemory(loop), Address{Listen: "127.0.0.1:0", To: printer.Addr().String(), Page: escpos.KZ1048})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	status := make([]byte, 1)
	if _, err := io.ReadFull(c, status); err != nil || status[0] != 0x16 {
		t.Errorf("status % x, %v", status, err)
	}
	text := "\x1b@\xa3\xbc\n\x1dV\x00"
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if lines := read(t, p); !slices.Equal(lines, []string{"Әә"}) {
		t.Errorf("%q", lines)
	}
	c.Close()
	select {
	case raw := <-got:
		if string(raw) != text {
			t.Errorf("the printer got %q", raw)
		}
	case <-time.After(10 * time.Second):
		t.Error("the printer got nothing")
	}
}

// In the place of a printer the tap answers questions for its status.
func TestSink(t *testing.T) {
	loop := clock.NewReal()
	defer loop.Close()
	p, err := Open(loop, history.NewMemory(loop), Address{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"\x10", "\x04\x01", "\x1dr\x01", "text\n"} {
		if _, err := c.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	answer := make([]byte, 2)
	if _, err := io.ReadFull(c, answer); err != nil || answer[0] != online || answer[1] != 0 {
		t.Errorf("% x, %v", answer, err)
	}
	if lines := read(t, p); !slices.Equal(lines, []string{"text"}) {
		t.Errorf("%q", lines)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", p.Addr()); err == nil {
		t.Error("the tap still listens")
	}
}

func TestQuestions(t *testing.T) {
	for in, want := range map[string]string{"": "", "\x10\x04\x01": "\x12", "a\x10\x04\x02b\x1dr\x01": "\x12\x00", "\x10\x14\x01\x00\x01": "", "\x10": "", "\x10\x04": ""} {
		if _, got := questions([]byte(in)); string(got) != want {
			t.Errorf("%q: % x, want % x", in, got, want)
		}
	}
}

// On a serial line the tap only listens; a line that is pulled is told.
func TestSerial(t *testing.T) {
	loop := clock.NewReal()
	defer loop.Close()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	a, err := Parse("serial:"+slave.Name()+"@19200", "kz-1048")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Open(loop, history.NewMemory(loop), a)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := serialport.OpenSerial(loop, slave.Name(), 9600); err == nil || !strings.Contains(err.Error(), "held by") {
		t.Errorf("a second holder: %v", err)
	}
	if _, err := master.Write([]byte("\xa3\xbc\n\x1dV\x00")); err != nil {
		t.Fatal(err)
	}
	if lines := read(t, p); !slices.Equal(lines, []string{"Әә"}) {
		t.Errorf("%q", lines)
	}
	slave.Close()
	master.Close()
	if _, _, err := p.Printed(t.Context()); err == nil || !strings.Contains(err.Error(), "lost") {
		t.Errorf("a line that is gone: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Log(err) // the port has gone before
	}
}

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

// A receipt of the emulated register, sent to a printer as its till would, is
// read back letter by letter.
func TestReceipt(t *testing.T) {
	loop, _, p := virtual()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "fixtures", "emulator", "section-1.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	prof, err := kkm.LoadProfile("section-1.yaml", raw)
	if err != nil {
		t.Fatal(err)
	}
	reg, err := kkm.New(loop, prof, nobody{loop}, kkm.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	reg.OnPrint(func(lines []string) {
		out := []byte("\x1b@\x1bt\x35")
		for _, l := range lines {
			out = append(append(out, shtrihm.KZ1048.EncodeLossy(l)...), '\n')
			want = append(want, strings.TrimRight(l, " "))
		}
		p.Receive(append(out, "\x1dV\x41\x03"...))
	})
	done := false
	loop.Post(func() { reg.Power(true) })
	ready := func() bool { s := reg.State(); return s.On && !s.Testing }
	if _, err := loop.Wait(context.Background(), loop.Now().Add(time.Minute), ready); err != nil {
		t.Fatal(err)
	}
	r := &fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{{Kind: fiscal.Goods, Name: "Шай үнді, қара, өте жақсы", Section: 1, Qty: 1234, Price: 45075}}}
	r.Payments = []fiscal.Payment{{Kind: fiscal.Cash, Sum: r.Total()}}
	loop.Post(func() { reg.Do(fiscal.Op{Kind: fiscal.OpReceipt, Receipt: r}, func(kkm.Reply) { done = true }) })
	if _, err := loop.Wait(context.Background(), loop.Now().Add(time.Minute), func() bool { return done && !reg.Printing() }); err != nil {
		t.Fatal(err)
	}
	got := read(t, p)
	if len(got) < 20 || !slices.Equal(got, want) {
		t.Errorf("read\n%s\nprinted\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !strings.Contains(strings.Join(got, "\n"), "Шай үнді, қара, өте жақсы") {
		t.Error("Kazakh letters are lost")
	}
}
