package bench

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strconv"

	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/control"
	"github.com/kkmtest/kkmtest/bench/device/external"
	person "github.com/kkmtest/kkmtest/bench/device/operator"
)

// This file holds the registers that hang on no serial protocol of the bench,
// and what stands beside a register and lends it hands.

// otherURL reads what belongs to the schemes of such registers.
func (d *DeviceURL) otherURL(s string, u *url.URL, q url.Values) error {
	if u.Scheme == "exec" {
		if u.Host != "" || u.Opaque != "" {
			return fmt.Errorf("%q: want the absolute path of a driver program, such as exec:/opt/vendor/driver", s)
		}
		if err := external.Check(u.Path); err != nil {
			return fmt.Errorf("%q: %w", s, err)
		}
		d.Address, d.Args = u.Path, q["arg"]
	}
	if u.Scheme == "operator" {
		if u.Host != "" || u.Opaque != "" || u.Path != "" {
			return fmt.Errorf("%q: want operator: or operator:?lang=kk", s)
		}
		d.Script, d.RecordTo, d.Language, d.Profile = q.Get("script"), q.Get("record"), q.Get("lang"), q.Get("robot")
		d.Robot = d.Profile != ""
		if d.Language != "" && !person.Language(d.Language).Known() {
			return fmt.Errorf("%q: lang %q: want kk, ru or en", s, d.Language)
		}
		if d.Script != "" {
			if _, err := person.LoadScript(d.Script); err != nil {
				return err
			}
		}
		if _, err := os.Stat(d.RecordTo); err == nil && d.RecordTo != "" {
			return fmt.Errorf("%q: record %s: the file is there already; want a new name", s, d.RecordTo)
		}
		if d.Robot && q.Get("control") != "" {
			return fmt.Errorf("%q: control: the robot has hands of its own", s)
		}
	}
	return d.handsURL(s, q)
}

// handsURL reads the parameters that go with every register outside the process.
func (d *DeviceURL) handsURL(s string, q url.Values) error {
	if d.Control = q.Get("control"); d.Control != "" {
		if _, err := control.Parse(d.Control); err != nil {
			return fmt.Errorf("%q: %w", s, err)
		}
	}
	return nil
}

// openHands opens what stands beside the register.
func (b *Bench) openHands(o Options) error {
	if o.URL.Control != "" {
		c, err := control.Connect(context.Background(), b.Loop, o.URL.Control, b.Log)
		if err != nil {
			return err
		}
		b.closers = append(b.closers, c.Close)
		b.hands = append(b.hands, c)
	}
	return nil
}

// openOther opens a register that hangs on no port of the bench; nil when the
// URL means one that does.
func (b *Bench) openOther(o Options) (device.Device, error) {
	switch o.URL.Scheme {
	case "operator":
		return b.openOperator(o, nil)
	case "exec":
	default:
		return nil, nil
	}
	p := o.Profile.Host.Passwords
	w := external.Passwords{Cashiers: map[string]string{}}
	if p.Admin > 0 {
		w.Admin = strconv.FormatUint(uint64(p.Admin), 10)
	}
	if p.Cashier > 0 {
		w.Cashiers["1"] = strconv.FormatUint(uint64(p.Cashier), 10)
	}
	return external.Open(context.Background(), b.Loop, b.Log, external.Options{Path: o.URL.Address, Args: o.URL.Args, Passwords: w})
}
