package ports

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree makes a small /sys, /dev and /proc.
func tree(t *testing.T) Roots {
	t.Helper()
	root := t.TempDir()
	r := Roots{filepath.Join(root, "sys"), filepath.Join(root, "dev"), filepath.Join(root, "proc")}
	file := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, name string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, name); err != nil {
			t.Fatal(err)
		}
	}
	usb := filepath.Join(r.Sys, "devices/pci/usb1/1-2")
	file(usb+"/idVendor", "0403\n")
	file(usb+"/idProduct", "6001\n")
	file(usb+"/manufacturer", "FTDI\n")
	file(usb+"/product", "FT232R USB UART\n")
	file(usb+"/serial", "A50285BI\n")
	file(usb+"/1-2:1.0/bInterfaceNumber", "00\n")
	file(usb+"/1-2:1.0/ttyUSB10/latency_timer", "16\n")
	file(filepath.Join(r.Sys, "bus/drivers/ftdi_sio/x"), "")
	link(filepath.Join(r.Sys, "bus/drivers/ftdi_sio"), usb+"/1-2:1.0/ttyUSB10/driver")
	cheap := filepath.Join(r.Sys, "devices/pci/usb1/1-3")
	file(cheap+"/idVendor", "1a86\n")
	file(cheap+"/idProduct", "7523\n")
	file(cheap+"/1-3:1.1/bInterfaceNumber", "01\n")
	file(cheap+"/1-3:1.1/ttyUSB9/x", "")
	board := filepath.Join(r.Sys, "devices/platform/serial8250")
	file(filepath.Join(r.Sys, "bus/drivers/serial8250/x"), "")
	link(filepath.Join(r.Sys, "bus/drivers/serial8250"), board+"/driver")
	tty := filepath.Join(r.Sys, "class/tty")
	link(usb+"/1-2:1.0/ttyUSB10", tty+"/ttyUSB10/device")
	link(cheap+"/1-3:1.1/ttyUSB9", tty+"/ttyUSB9/device")
	link(board, tty+"/ttyS0/device")
	file(tty+"/ttyS0/type", "4\n")
	link(board, tty+"/ttyS1/device")
	file(tty+"/ttyS1/type", "0\n") // not on the board
	file(tty+"/tty1/x", "")        // a console
	for _, n := range []string{"ttyUSB10", "ttyUSB9", "ttyS0"} {
		file(filepath.Join(r.Dev, n), "")
	}
	link(filepath.Join(r.Dev, "ttyUSB10"), filepath.Join(r.Dev, "serial/by-id/usb-FTDI_FT232R_A50285BI-if00-port0"))
	link(filepath.Join(r.Dev, "ttyUSB9"), filepath.Join(r.Proc, "4711/fd/3"))
	file(filepath.Join(r.Proc, "4711/comm"), "minicom\n")
	link("/dev/null", filepath.Join(r.Proc, "4711/fd/4"))
	return r
}

func TestList(t *testing.T) {
	r := tree(t)
	got, err := List(r)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range got {
		names = append(names, filepath.Base(p.Path))
	}
	if s := strings.Join(names, " "); s != "ttyS0 ttyUSB9 ttyUSB10" {
		t.Fatalf("%s", s)
	}
	for i, want := range []string{"serial8250", "USB 1a86:7523, no serial number, socket 1-3, interface 01", "USB 0403:6001, FTDI, FT232R USB UART, serial number A50285BI"} {
		if s := got[i].Identity(); s != want {
			t.Errorf("%s: %q, want %q", names[i], s, want)
		}
		if !got[i].Readable {
			t.Errorf("%s counts as not readable", names[i])
		}
	}
	if p := got[2]; p.LatencyTimer != 16 || p.Driver != "ftdi_sio" || !strings.HasSuffix(p.ByID, "A50285BI-if00-port0") || p.Holder != "" {
		t.Errorf("%+v", p)
	}
	if p := got[1]; p.Holder != "process 4711 (minicom)" || p.ByID != "" {
		t.Errorf("%+v", p)
	}
	if _, err := List(Roots{Sys: filepath.Join(r.Sys, "absent")}); err == nil {
		t.Error("no /sys is no error")
	}
}

// The listing of this computer opens nothing and does not fail.
func TestThisComputer(t *testing.T) {
	all, err := List(System)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if !strings.HasPrefix(p.Path, "/dev/") {
			t.Errorf("%+v", p)
		}
	}
}
