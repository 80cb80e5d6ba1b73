package serialport

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// lockDir is where the lock files lie: one directory for all users of a
// computer, because the exclusive flag of a terminal does not stop root.
var lockDir = filepath.Join(os.TempDir(), "kkmtest-ports")

type portLock struct{ f *os.File }

// lockPort takes the lock of the hardware behind a device name.
func lockPort(path string) (portLock, error) {
	if _, err := os.Stat(path); err != nil {
		return portLock{}, fmt.Errorf("port %s: %w", path, err)
	}
	if err := os.MkdirAll(lockDir, 0o777); err != nil {
		return portLock{}, fmt.Errorf("port %s: lock: %w", path, err)
	}
	_ = os.Chmod(lockDir, 0o777|os.ModeSticky) // the mask may have narrowed it; another user's directory is as it is
	name := filepath.Join(lockDir, physical(path)+".lock")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return portLock{}, fmt.Errorf("port %s: lock: %w", path, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		who, _ := io.ReadAll(io.LimitReader(f, 200))
		return portLock{}, errors.Join(fmt.Errorf("port %s: held by %s", path, holder(who)), f.Close())
	}
	_ = f.Chmod(0o666)
	if err := errors.Join(f.Truncate(0), writeAt(f, fmt.Sprintf("process %d (%s)", os.Getpid(), path))); err != nil {
		return portLock{}, errors.Join(fmt.Errorf("port %s: lock: %w", path, err), f.Close())
	}
	return portLock{f}, nil
}

func writeAt(f *os.File, s string) error {
	_, err := f.WriteAt([]byte(s), 0)
	return err
}

func holder(who []byte) string {
	if s := strings.TrimSpace(string(who)); s != "" {
		return s
	}
	return "another process"
}

func (l portLock) release() error { return l.f.Close() }

// physical names the hardware: the serial number of a USB adapter if it has
// one, since its device name changes when it is plugged in again, else the
// device that the name leads to.
func physical(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		real = path
	}
	if s := usbSerial(filepath.Join("/sys/class/tty", filepath.Base(real), "device")); s != "" {
		return "usb-" + clean(s)
	}
	return clean(strings.TrimPrefix(real, "/dev/"))
}

// usbSerial looks for the identity of a USB device in a device's ancestors. An
// adapter with several ports has one serial number: its interface is added.
func usbSerial(dir string) string {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return ""
	}
	iface := ""
	for ; dir != "/" && dir != "/sys"; dir = filepath.Dir(dir) {
		if raw, err := os.ReadFile(filepath.Join(dir, "bInterfaceNumber")); err == nil && iface == "" {
			iface = strings.TrimSpace(string(raw))
		}
		vendor, err := os.ReadFile(filepath.Join(dir, "idVendor"))
		if err != nil {
			continue
		}
		product, _ := os.ReadFile(filepath.Join(dir, "idProduct"))
		ser, err := os.ReadFile(filepath.Join(dir, "serial"))
		if err != nil || strings.TrimSpace(string(ser)) == "" {
			return "" // many adapters have no number: the device name has to do
		}
		return strings.Join([]string{strings.TrimSpace(string(vendor)), strings.TrimSpace(string(product)),
			strings.TrimSpace(string(ser)), iface}, "-")
	}
	return ""
}

func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.':
			return r
		default:
			return '_'
		}
	}, s)
}
