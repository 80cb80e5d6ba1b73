package serialport

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
)

var epoch = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

func ctx() context.Context { return context.Background() }

// readAll reads until n bytes are there or one read of d comes back empty.
func readAll(t *testing.T, p device.Port, n int, d time.Duration) []byte {
	t.Helper()
	var got []byte
	buf := make([]byte, 4096)
	for len(got) < n {
		k, err := p.Read(ctx(), buf, d)
		if err != nil {
			t.Fatalf("after %d bytes: %v", len(got), err)
		}
		if k == 0 {
			break
		}
		got = append(got, buf[:k]...)
	}
	return got
}

// echo is a machine that sends back what it gets.
func echo(send func([]byte)) func([]byte) { return func(p []byte) { send(p) } }

func TestByteTime(t *testing.T) {
	for _, tt := range []struct {
		baud int
		want time.Duration
	}{{0, 0}, {-1, 0}, {4800, 2083333 * time.Nanosecond}, {115200, 86805 * time.Nanosecond}} {
		if got := ByteTime(tt.baud); got != tt.want {
			t.Errorf("ByteTime(%d) = %v, want %v", tt.baud, got, tt.want)
		}
	}
}

// Bytes cross at the speed of the line, one write behind the other, and reading
// turns virtual time.
func TestLineIsPaced(t *testing.T) {
	loop := clock.NewVirtual(epoch, nil)
	l := NewLine(loop, 1000) // 10 ms a byte
	var arrived []time.Duration
	l.Attach(func(p []byte) {
		arrived = append(arrived, loop.Now().Mono)
		l.DeviceSend(p)
	})
	h := l.Host()
	for _, s := range []string{"abc", "de"} {
		if err := h.Write(ctx(), []byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 10)
	if n, err := h.Read(ctx(), buf, 59*time.Millisecond); n != 0 || err != nil || loop.Now().Mono != 59*time.Millisecond {
		t.Errorf("read %d, %v at %v; want a time-out at 59ms", n, err, loop.Now().Mono)
	}
	if n, err := h.Read(ctx(), buf, time.Second); string(buf[:n]) != "abc" || err != nil || loop.Now().Mono != 60*time.Millisecond {
		t.Errorf("read %q, %v at %v; want abc at 60ms", buf[:n], err, loop.Now().Mono)
	}
	if got := readAll(t, h, 2, time.Second); string(got) != "de" || loop.Now().Mono != 80*time.Millisecond {
		t.Errorf("read %q at %v; want de at 80ms", got, loop.Now().Mono)
	}
	if len(arrived) != 2 || arrived[0] != 30*time.Millisecond || arrived[1] != 50*time.Millisecond {
		t.Errorf("arrived at %v, want 30ms and 50ms", arrived)
	}
}

func TestLineSmallReads(t *testing.T) {
	loop := clock.NewVirtual(epoch, nil)
	l := NewLine(loop, 0)
	l.DeviceSend([]byte("abc"))
	buf := make([]byte, 2)
	n, err := l.Host().Read(ctx(), buf, time.Second)
	if n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := l.Host().Read(ctx(), buf, 0); string(buf[:n]) != "c" || err != nil {
		t.Errorf("%q, %v", buf[:n], err)
	}
}

func TestLineFilterAndUnplug(t *testing.T) {
	loop := clock.NewVirtual(epoch, nil)
	l := NewLine(loop, 0)
	l.Attach(l.DeviceSend)
	h := l.Host()
	in := []byte("abc")
	l.SetFilter(func(toDevice bool, p []byte) []byte {
		if toDevice {
			p[0] = 'x'
			return p
		}
		return p[:2]
	})
	if err := h.Write(ctx(), in); err != nil || string(in) != "abc" {
		t.Errorf("%v; the writer's bytes became %q", err, in)
	}
	if got := readAll(t, h, 2, time.Second); string(got) != "xb" {
		t.Errorf("%q, want xb", got)
	}
	l.SetFilter(nil)
	if err := h.Write(ctx(), in); err != nil {
		t.Fatal(err)
	}
	loop.AfterFunc(0, func() { l.Unplug(true) })
	if _, err := h.Read(ctx(), make([]byte, 1), time.Second); !errors.Is(err, ErrLost) {
		t.Errorf("read from an unplugged port: %v", err)
	}
	if err := h.Write(ctx(), in); !errors.Is(err, ErrLost) {
		t.Errorf("write to an unplugged port: %v", err)
	}
	l.Unplug(false)
	if n, err := h.Read(ctx(), make([]byte, 1), time.Second); n != 0 || err != nil {
		t.Errorf("%d bytes, %v: what was on the wire is lost", n, err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := h.Write(ctx(), in); !errors.Is(err, ErrLost) {
		t.Errorf("write to a closed port: %v", err)
	}
}

func TestReadHonoursContext(t *testing.T) {
	loop := clock.NewReal()
	defer loop.Close()
	c, cancel := context.WithCancel(ctx())
	loop.AfterFunc(10*time.Millisecond, cancel)
	if _, err := NewLine(loop, 0).Host().Read(c, make([]byte, 1), time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("line: %v", err)
	}
}

// servers are the two ways to reach a machine in another process.
func servers(t *testing.T, visit func(t *testing.T, loop *clock.Real, open func() (device.Port, error), stop func() error)) {
	old := lockDir
	lockDir = filepath.Join(t.TempDir(), "locks")
	t.Cleanup(func() { lockDir = old })
	t.Run("pty", func(t *testing.T) {
		loop := clock.NewReal()
		defer loop.Close()
		name, stop, err := ServePTY(loop, 0, echo)
		if err != nil {
			t.Fatal(err)
		}
		visit(t, loop, func() (device.Port, error) { return OpenSerial(loop, name, 115200) }, stop)
	})
	t.Run("tcp", func(t *testing.T) {
		loop := clock.NewReal()
		defer loop.Close()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		stop := ServeTCP(loop, l, 0, echo)
		visit(t, loop, func() (device.Port, error) { return OpenTCP(ctx(), loop, l.Addr().String()) }, stop)
	})
}

// All 256 values pass both ways, a time-out is no error, and the machine lives on
// while drivers come and go.
func TestPortsCarryEveryByte(t *testing.T) {
	servers(t, func(t *testing.T, _ *clock.Real, open func() (device.Port, error), stop func() error) {
		all := make([]byte, 256)
		for i := range all {
			all[i] = byte(i)
		}
		for range 3 {
			p, err := open()
			if err != nil {
				t.Fatal(err)
			}
			if n, err := p.Read(ctx(), make([]byte, 8), 5*time.Millisecond); n != 0 || err != nil {
				t.Errorf("time-out: %d, %v", n, err)
			}
			if err := p.Write(ctx(), all); err != nil {
				t.Fatal(err)
			}
			if got := readAll(t, p, 256, 2*time.Second); !bytes.Equal(got, all) {
				t.Errorf("got % x", got)
			}
			if err := p.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			if err := p.Close(); err != nil {
				t.Errorf("second close: %v", err)
			}
			if err := p.Write(ctx(), all); !errors.Is(err, ErrLost) {
				t.Errorf("write after close: %v", err)
			}
		}
		if err := stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
}

// The other side goes away in the middle: a pending read ends with ErrLost.
func TestPortsNoticeTheLoss(t *testing.T) {
	servers(t, func(t *testing.T, loop *clock.Real, open func() (device.Port, error), stop func() error) {
		p, err := open()
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Write(ctx(), []byte{1}); err != nil {
			t.Fatal(err)
		}
		readAll(t, p, 1, 2*time.Second)
		gone := make(chan error, 1)
		loop.AfterFunc(20*time.Millisecond, func() { gone <- stop() })
		if _, err := p.Read(ctx(), make([]byte, 8), 10*time.Second); !errors.Is(err, ErrLost) {
			t.Errorf("read: %v, want ErrLost", err)
		}
		if err := <-gone; err != nil {
			t.Errorf("stop: %v", err)
		}
		if err := p.Close(); err != nil {
			t.Logf("close of a lost port: %v", err)
		}
	})
}

// A machine at 4800 baud sends over a pseudo terminal at its own pace.
func TestServedMachineIsPaced(t *testing.T) {
	lockDir = t.TempDir()
	loop := clock.NewReal()
	defer loop.Close()
	name, stop, err := ServePTY(loop, 4800, echo)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	p, err := OpenSerial(loop, name, 4800)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	began := loop.Now().Mono
	if err := p.Write(ctx(), make([]byte, 24)); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, p, 24, time.Second); len(got) != 24 {
		t.Fatalf("%d bytes", len(got))
	}
	if took := loop.Now().Mono - began; took < 24*ByteTime(4800) {
		t.Errorf("24 bytes took %v, want at least %v", took, 24*ByteTime(4800))
	}
}

// A second bench is told who holds the port; root is stopped too.
func TestPortIsLocked(t *testing.T) {
	lockDir = t.TempDir()
	loop := clock.NewReal()
	defer loop.Close()
	name, stop, err := ServePTY(loop, 0, echo)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	p, err := OpenSerial(loop, name, 115200)
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "register")
	if err := os.Symlink(name, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{name, link} { // another name of the same hardware is the same port
		if _, err := OpenSerial(loop, path, 115200); err == nil || !strings.Contains(err.Error(), "held by process") {
			t.Errorf("second opening of %s: %v", path, err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	p, err = OpenSerial(loop, link, 115200)
	if err != nil {
		t.Fatalf("after it was released: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestBadPorts(t *testing.T) {
	lockDir = t.TempDir()
	loop := clock.NewReal()
	defer loop.Close()
	for _, tt := range []struct {
		path string
		baud int
		part string
	}{
		{"/dev/there-is-no-such-port", 115200, "no such file"},
		{"/dev/null", 115200, "/dev/null"},
		{"/dev/null", 0, "speed 0"},
	} {
		p, err := OpenSerial(loop, tt.path, tt.baud)
		if err == nil {
			p.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.part) {
			t.Errorf("%s at %d: %v, want %q in it", tt.path, tt.baud, err, tt.part)
		}
	}
	if _, err := OpenTCP(ctx(), loop, "127.0.0.1:1"); err == nil {
		t.Error("a port where nobody listens was opened")
	}
}

// The identity of a USB adapter is its serial number and interface; without a
// number the device name has to do.
func TestUSBIdentity(t *testing.T) {
	sys := t.TempDir()
	dev := filepath.Join(sys, "usb1", "1-1", "1-1:1.0", "ttyUSB0")
	if err := os.MkdirAll(dev, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(path, s string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(sys, "usb1", "1-1", path), []byte(s+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := usbSerial(dev); got != "" {
		t.Errorf("no USB device: %q", got)
	}
	write("1-1:1.0/bInterfaceNumber", "00")
	write("idVendor", "0403")
	write("idProduct", "6001")
	if got := usbSerial(dev); got != "" {
		t.Errorf("adapter without a number: %q", got)
	}
	write("serial", "A50285BI")
	if got := usbSerial(dev); got != "0403-6001-A50285BI-00" {
		t.Errorf("identity %q", got)
	}
	if got := clean("a/b c-1.2"); got != "a_b_c-1.2" {
		t.Errorf("clean %q", got)
	}
}

// A new TCP connection takes the place of the old one, as a cable does.
func TestTCPTakesOver(t *testing.T) {
	loop := clock.NewReal()
	defer loop.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ServeTCP(loop, l, 0, echo)()
	first, err := OpenTCP(ctx(), loop, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if err := first.Write(ctx(), []byte{1}); err != nil {
		t.Fatal(err)
	}
	readAll(t, first, 1, 2*time.Second)
	second, err := OpenTCP(ctx(), loop, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if err := second.Write(ctx(), []byte{2}); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, second, 1, 2*time.Second); !bytes.Equal(got, []byte{2}) {
		t.Errorf("got % x", got)
	}
	if _, err := first.Read(ctx(), make([]byte, 1), 2*time.Second); !errors.Is(err, ErrLost) {
		t.Errorf("the first connection: %v, want ErrLost", err)
	}
}

// Nobody reads at the other end: a write gives up with its context, and Close
// returns although the kernel still holds the write.
func TestCloseOfAStuckPort(t *testing.T) {
	lockDir = t.TempDir()
	loop := clock.NewReal()
	defer loop.Close()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	p, err := OpenSerial(loop, slave.Name(), 115200)
	if err != nil {
		t.Fatal(err)
	}
	c, cancel := context.WithCancel(ctx())
	loop.AfterFunc(50*time.Millisecond, cancel)
	if err := p.Write(c, make([]byte, 1<<16)); !errors.Is(err, context.Canceled) {
		t.Errorf("write: %v", err)
	}
	closed := make(chan error, 1)
	go func() { closed <- p.Close() }()
	late := make(chan struct{})
	loop.AfterFunc(5*time.Second, func() { close(late) })
	select {
	case err := <-closed:
		if err != nil {
			t.Errorf("close: %v", err)
		}
	case <-late:
		t.Error("Close has not returned for 5 s")
	}
}
