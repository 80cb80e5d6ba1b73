// Package ports lists the serial ports of the computer with the identity of
// what they hang on and with who holds them.
//
// It reads /sys and /proc and never opens a port: opening sets a port's speed and
// raises its modem lines, and other programs' listings that do so have ruined
// runs (devices.md 6.1). So it may be asked at any time.
//
// Begin with [List].
package ports

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/kkmtest/kkmtest/bench/device/serialport"
)

// Port is a serial port.
type Port struct {
	Path         string `json:"path"`            // /dev/ttyUSB0
	ByID         string `json:"by_id,omitempty"` // the name that stays when it is plugged in again
	Driver       string `json:"driver,omitempty"`
	Vendor       string `json:"vendor,omitempty"`  // USB, four hex digits
	Product      string `json:"product,omitempty"` // USB, four hex digits
	Maker        string `json:"maker,omitempty"`
	Name         string `json:"name,omitempty"`
	Serial       string `json:"serial,omitempty"`
	Interface    string `json:"interface,omitempty"` // of an adapter with several ports
	Place        string `json:"place,omitempty"`     // bus and socket, for adapters without a serial number
	LatencyTimer int    `json:"latency_timer_ms,omitempty"`
	Readable     bool   `json:"readable"` // this user may open it
	Holder       string `json:"holder,omitempty"`
}

// Roots are where the system tells about itself; tests have their own.
type Roots struct{ Sys, Dev, Proc string }

// System are the roots of this computer.
var System = Roots{"/sys", "/dev", "/proc"}

// List lists the ports, ordered by name.
func List(r Roots) ([]Port, error) {
	dir := filepath.Join(r.Sys, "class", "tty")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("ports: %w", err)
	}
	ids := byID(r)
	users := openFiles(r)
	var out []Port
	for _, e := range entries {
		tty := filepath.Join(dir, e.Name())
		dev, err := filepath.EvalSymlinks(filepath.Join(tty, "device"))
		if err != nil {
			continue // a console or a pseudo terminal
		}
		p := Port{Path: filepath.Join(r.Dev, e.Name())}
		if d, err := filepath.EvalSymlinks(filepath.Join(dev, "driver")); err == nil {
			p.Driver = filepath.Base(d)
		}
		if p.Driver == "serial8250" || p.Driver == "port" { // a row of ports that the board may not have
			if word(filepath.Join(tty, "type")) == "0" || word(filepath.Join(tty, "type")) == "" {
				continue
			}
		}
		p.usb(dev)
		p.LatencyTimer, _ = strconv.Atoi(word(filepath.Join(dev, "latency_timer")))
		p.ByID = ids[p.Path]
		p.Readable = readable(p.Path)
		who := users[p.Path]
		if h, err := serialport.Holder(p.Path); err == nil && h != "" && !slices.Contains(who, h) {
			who = append([]string{h}, who...)
		}
		p.Holder = strings.Join(who, "; ")
		out = append(out, p)
	}
	sort.Slice(out, func(i, j int) bool { return natural(out[i].Path) < natural(out[j].Path) })
	return out, nil
}

// natural makes ttyUSB10 come behind ttyUSB9.
func natural(s string) string {
	n := strings.TrimRight(s, "0123456789")
	return fmt.Sprintf("%s%010s", n, s[len(n):])
}

func word(path string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}

// usb looks for the identity among the ancestors of a device.
func (p *Port) usb(dir string) {
	for ; len(dir) > 1; dir = filepath.Dir(dir) {
		if n := word(filepath.Join(dir, "bInterfaceNumber")); n != "" && p.Interface == "" {
			p.Interface = n
		}
		if v := word(filepath.Join(dir, "idVendor")); v != "" {
			p.Vendor, p.Product = v, word(filepath.Join(dir, "idProduct"))
			p.Maker, p.Name, p.Serial = word(filepath.Join(dir, "manufacturer")), word(filepath.Join(dir, "product")), word(filepath.Join(dir, "serial"))
			p.Place = filepath.Base(dir)
			return
		}
	}
	p.Interface = ""
}

// byID finds the stable names.
func byID(r Roots) map[string]string {
	out := map[string]string{}
	links, _ := filepath.Glob(filepath.Join(r.Dev, "serial", "by-id", "*"))
	for _, l := range links {
		if to, err := filepath.EvalSymlinks(l); err == nil {
			out[to] = l
		}
	}
	return out
}

// openFiles tells which processes have a terminal open. What this user may not see
// stays unsaid.
func openFiles(r Roots) map[string][]string {
	out := map[string][]string{}
	fds, _ := filepath.Glob(filepath.Join(r.Proc, "[0-9]*", "fd", "*"))
	for _, fd := range fds {
		to, err := os.Readlink(fd)
		if err != nil || !strings.HasPrefix(to, r.Dev+"/tty") {
			continue
		}
		proc := filepath.Dir(filepath.Dir(fd))
		who := fmt.Sprintf("process %s (%s)", filepath.Base(proc), word(filepath.Join(proc, "comm")))
		if !slices.Contains(out[to], who) {
			out[to] = append(out[to], who)
		}
	}
	return out
}

// readable asks the system whether this user may open a file, without opening it.
func readable(path string) bool {
	err := access(path)
	return err == nil || !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrNotExist)
}

// Identity is the port in a few words.
func (p Port) Identity() string {
	var out []string
	if p.Vendor != "" {
		out = append(out, "USB "+p.Vendor+":"+p.Product)
	} else if p.Driver != "" {
		out = append(out, p.Driver)
	}
	for _, s := range []string{p.Maker, p.Name} {
		if s != "" {
			out = append(out, s)
		}
	}
	switch {
	case p.Serial != "":
		out = append(out, "serial number "+p.Serial)
	case p.Vendor != "":
		out = append(out, "no serial number, socket "+p.Place)
	}
	if p.Interface != "" && p.Interface != "00" {
		out = append(out, "interface "+p.Interface)
	}
	return strings.Join(out, ", ")
}
