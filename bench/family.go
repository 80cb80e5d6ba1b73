package bench

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/atol"
	"github.com/kkmtest/kkmtest/bench/device/datecs"
	datecsframe "github.com/kkmtest/kkmtest/bench/device/datecs/frame"
	shtrihframe "github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/bench/profile"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
	kkmatol "github.com/kkmtest/kkmtest/simulators/kkm/atol"
	kkmdatecs "github.com/kkmtest/kkmtest/simulators/kkm/datecs"
	kkmshtrihm "github.com/kkmtest/kkmtest/simulators/kkm/shtrihm"
)

// This file holds the serial protocols beside Shtrih-M: what a URL says of them,
// their drivers, and the sides of the emulated register that speak them.

// The control protocols that have variants.
const (
	ATOL   = "atol"
	Datecs = "datecs"
)

// Wire is what a URL says of a protocol with variants.
type Wire struct {
	Level  int    // atol: 2 or 3; 0 is 2
	Family string // datecs: p or x; "" is p
	// Taxes are the taxes of the sections (atol) or tax groups (datecs) of the
	// register: 1:16,2:12,8:-; "" is not known.
	Taxes string
	// Coding of texts. datecs: cp1251 or kz-1048; atol: cp866, or cp866-i when the
	// register is known to take a Latin I for the Kazakh one. "" is the first of them.
	Coding string
	// Plain says that the emulated register hides that it is one: then a driver tells it
	// no more than it could tell any other.
	Plain bool
}

// wireKeys are the parameters of a URL that belong to protocols with variants.
var wireKeys = []string{"level", "family", "vat", "coding", "plain"}

// wireURL reads them.
func (d *DeviceURL) wireURL(s string, q url.Values) error {
	w := Wire{Family: q.Get("family"), Taxes: q.Get("vat"), Coding: q.Get("coding")}
	allowed := map[string][]string{ATOL: {"level", "vat", "coding"}, Datecs: {"family", "vat", "coding"}}[d.Protocol]
	if d.Emulated() && allowed != nil {
		allowed = append(allowed, "plain")
	}
	for _, k := range wireKeys {
		if q.Has(k) && !slices.Contains(allowed, k) {
			return fmt.Errorf("%q: parameter %q does not go with protocol %q of this device", s, k, d.Protocol)
		}
	}
	switch v := q.Get("level"); v {
	case "":
	case "2", "3":
		w.Level = int(v[0] - '0')
	default:
		return fmt.Errorf("%q: level %q: want 2 or 3", s, v)
	}
	if _, ok := families[w.Family]; !ok {
		return fmt.Errorf("%q: family %q: want p or x", s, w.Family)
	}
	if list := codings[d.Protocol]; w.Coding != "" && !slices.Contains(list, w.Coding) {
		return fmt.Errorf("%q: coding %q: want %s", s, w.Coding, strings.Join(list, " or "))
	}
	switch v := q.Get("plain"); v {
	case "", "no":
	case "yes":
		w.Plain = true
	default:
		return fmt.Errorf("%q: plain %q: want yes or no", s, v)
	}
	most := 16
	if d.Protocol == Datecs {
		most = 8
	}
	if _, err := taxes(w.Taxes, most); err != nil {
		return fmt.Errorf("%q: %w", s, err)
	}
	d.Wire = w
	return nil
}

// Check says whether the wire of an emulated register goes with its protocol, as
// the flags of its command have it.
func (w Wire) Check(protocol string) error {
	switch {
	case w.Level != 0 && protocol != ATOL:
		return fmt.Errorf("--level %d: only protocol %s has levels, not %s", w.Level, ATOL, protocol)
	case w.Level != 0 && w.Level != 2 && w.Level != 3:
		return fmt.Errorf("--level %d: want 2 or 3", w.Level)
	case w.Family != "" && protocol != Datecs:
		return fmt.Errorf("--family %s: only protocol %s has families, not %s", w.Family, Datecs, protocol)
	case w.Plain && protocol != ATOL && protocol != Datecs:
		return fmt.Errorf("--plain: protocol %s has nothing to hide", protocol)
	}
	if _, ok := families[w.Family]; !ok {
		return fmt.Errorf("--family %s: want p or x", w.Family)
	}
	return nil
}

var families = map[string]datecsframe.Family{"": datecsframe.P, "p": datecsframe.P, "x": datecsframe.X}

var codings = map[string][]string{ATOL: {"cp866", "cp866-i"}, Datecs: {"cp1251", "kz-1048"}}

// taxes reads 1:16,2:12.5,8:- as the rates of numbers; nil is not taxed.
func taxes(s string, most int) (map[int]*fiscal.MilliPercent, error) {
	if s == "" {
		return nil, nil
	}
	out := map[int]*fiscal.MilliPercent{}
	for _, part := range strings.Split(s, ",") {
		number, rate, ok := strings.Cut(part, ":")
		n, err := strconv.Atoi(number)
		bad := fmt.Errorf("vat %q: %q: want a number from 1 to %d, a colon, and a rate in percent or - for none, such as 1:16,2:-", s, part, most)
		if !ok || err != nil || n < 1 || n > most {
			return nil, bad
		}
		if _, twice := out[n]; twice {
			return nil, fmt.Errorf("vat %q: %d stands there twice", s, n)
		}
		if rate == "-" {
			out[n] = nil
			continue
		}
		whole, frac, _ := strings.Cut(rate, ".")
		v, err := strconv.ParseUint(whole+(frac + "000")[:3], 10, 31)
		if err != nil || len(frac) > 3 || v > 100000 {
			return nil, bad
		}
		p := fiscal.MilliPercent(v)
		out[n] = &p
	}
	return out, nil
}

// query is what the record's device URL says of the wire.
func (w Wire) query() string {
	var s string
	add := func(key, value string) {
		if value != "" {
			s += "&" + key + "=" + value
		}
	}
	if w.Level != 0 {
		add("level", strconv.Itoa(w.Level))
	}
	add("family", w.Family)
	add("vat", w.Taxes)
	add("coding", w.Coding)
	if w.Plain {
		add("plain", "yes")
	}
	return s
}

// EmulatedSide puts the side of a protocol on an emulated register: what takes
// the host's bytes. A protocol that is left open is Shtrih-M. Called on the loop, or before it turns.
func EmulatedSide(loop clock.Loop, reg *kkm.Register, send func([]byte), protocol string, w Wire) func([]byte) {
	switch protocol {
	case ATOL:
		return kkmatol.New(loop, reg, send, kkmatol.Options{Level: w.Level, Plain: w.Plain}).Receive
	case Datecs:
		return kkmdatecs.New(loop, reg, send, kkmdatecs.Options{Family: families[w.Family], Plain: w.Plain}).Receive
	}
	return kkmshtrihm.New(loop, reg, send, kkmshtrihm.Options{}).Receive
}

// openFamily opens the driver of a protocol with variants; nil when the URL
// means another one.
func (b *Bench) openFamily(o Options, port device.Port, baud int) (device.Device, error) {
	p, w := o.Profile.Host.Passwords, o.URL.Wire
	switch o.URL.Protocol {
	case ATOL:
		return openATOL(b, p, o, port, baud)
	case Datecs:
		opt := datecs.Options{Family: families[w.Family], Baud: baud, Passwords: datecs.Passwords{Operators: map[int]string{}}}
		if p.Cashier > 0 {
			opt.Passwords.Operators[1] = fmt.Sprintf("%04d", p.Cashier)
		}
		if admin := cmp.Or(uint32(o.URL.Password), p.Admin); admin > 0 {
			opt.Passwords.Operators[datecsAdmin] = fmt.Sprintf("%04d", admin)
		}
		switch w.Coding {
		case "cp1251":
			opt.Coding = new(shtrihframe.Coding)
		case "kz-1048":
			c := shtrihframe.KZ1048
			opt.Coding = &c
		}
		t, err := taxes(w.Taxes, 8)
		if err != nil {
			return nil, err
		}
		if t != nil {
			opt.Groups = &datecs.Groups{Rates: map[fiscal.MilliPercent]int{}}
			for n := 8; n >= 1; n-- { // the lowest group of a rate wins
				if rate, ok := t[n]; ok && rate == nil {
					opt.Groups.Untaxed = n
				} else if ok {
					opt.Groups.Rates[*rate] = n
				}
			}
		}
		return datecs.Open(b.Loop, port, b.Log, opt)
	}
	return nil, nil
}

// datecsAdmin is the administrator among the operators of other countries' registers
// (serial-datecs.md 7, one source); the emulated register has its own.
const datecsAdmin = 20

func openATOL(b *Bench, p profile.Passwords, o Options, port device.Port, baud int) (device.Device, error) {
	opt := atol.Options{Level: atol.Level(o.URL.Wire.Level), LatinI: o.URL.Wire.Coding == "cp866-i", Baud: baud, Passwords: atol.Passwords{Admin: p.Admin}}
	if o.URL.Password > 0 {
		opt.Passwords.Admin = uint32(o.URL.Password)
	}
	if p.Cashier > 0 {
		opt.Passwords.Cashiers = map[int]uint32{1: p.Cashier}
	}
	t, err := taxes(o.URL.Wire.Taxes, 16)
	if err != nil {
		return nil, err
	}
	opt.Sections = atol.Sections(t)
	return atol.Open(b.Loop, port, b.Log, opt)
}
