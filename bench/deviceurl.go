package bench

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// DeviceURL says where a register is and what it speaks.
type DeviceURL struct {
	Scheme   string // emulated, serial, serial+tcp
	Address  string // path of the port, or host:port
	Profile  string // of the emulated register
	Variant  string // a lawful difference of the emulated register, "" when there is none
	Protocol string // of the control line
	Baud     int    // 0: the protocol's usual one
	Password int    // of the administrator, 0: the profile's
	Control  string // base URL of the control API, "" when there is none
	Tap      string // printer tap, "" when there is none; TapPage is its code page
	TapPage  string
	PowerBy  string // power relay or command, "" when there is none
	Wire     Wire   // of a protocol with variants

	Args []string // exec: arguments of the driver program

	// webkassa: unique number of the register, and the file with key and logins.
	Cashbox, Secrets string

	// operator: who answers the cards. Robot says that the emulated register stands
	// behind them and a robot works at its keys.
	Script   string // file with the answers
	RecordTo string // file to write the answers into
	Language string // of the cards
	Robot    bool
}

// defaultEmulated is the profile of the built-in register.
const defaultEmulated = "section-1"

// Protocols are the control protocols that there is a driver for.
var Protocols = []string{"shtrih-m", ATOL, Datecs}

// HTTP is the control protocol that needs no port.
const HTTP = "webkassa"

// handKeys are the parameters of what stands beside a register.
var handKeys = []string{"control", "tap", "tap-page", "power"}

var urlKeys = map[string][]string{
	"emulated":   append([]string{"profile", "variant", "protocol"}, wireKeys...),
	"serial":     slices.Concat([]string{"protocol", "baud", "password"}, wireKeys, handKeys),
	"serial+tcp": slices.Concat([]string{"protocol", "password"}, wireKeys, handKeys),
	"exec":       slices.Concat([]string{"arg"}, handKeys),
	"operator":   slices.Concat([]string{"script", "record", "lang", "robot"}, handKeys),

	"webkassa+http":  slices.Concat([]string{"cashbox", "secrets"}, handKeys),
	"webkassa+https": slices.Concat([]string{"cashbox", "secrets"}, handKeys),
}

// ParseDeviceURL reads a device URL; see the command line's help for its forms.
func ParseDeviceURL(s string) (DeviceURL, error) {
	const forms = "emulated:?profile=NAME, serial:///dev/ttyUSB0?protocol=PROTOCOL, serial+tcp://HOST:PORT?protocol=PROTOCOL, webkassa+http://HOST:PORT?cashbox=NUMBER&secrets=FILE, exec:/PATH/OF/DRIVER?arg=ARGUMENT or operator:?lang=LANGUAGE"
	u, err := url.Parse(s)
	if err != nil {
		return DeviceURL{}, fmt.Errorf("%q is no URL (%v): want %s", s, err, forms)
	}
	keys, ok := urlKeys[u.Scheme]
	if !ok {
		return DeviceURL{}, fmt.Errorf("%q: scheme %q: want %s", s, u.Scheme, forms)
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return DeviceURL{}, fmt.Errorf("%q: %v", s, err)
	}
	for k := range q {
		if !slices.Contains(keys, k) {
			return DeviceURL{}, fmt.Errorf("%q: parameter %q: want one of %s", s, k, strings.Join(keys, ", "))
		}
	}
	d := DeviceURL{Scheme: u.Scheme, Profile: q.Get("profile"), Variant: q.Get("variant"), Protocol: q.Get("protocol")}
	switch u.Scheme {
	case "emulated":
		if u.Opaque != "" || u.Host != "" || u.Path != "" {
			return DeviceURL{}, fmt.Errorf("%q: want emulated: or emulated:?profile=NAME", s)
		}
		if d.Profile == "" {
			d.Profile = defaultEmulated
		}
		if p := d.Protocol; p != "" && p != HTTP && !slices.Contains(Protocols, p) {
			return DeviceURL{}, fmt.Errorf("%q: protocol %q: want one of %s, %s", s, p, strings.Join(Protocols, ", "), HTTP)
		}
		if err := d.wireURL(s, q); err != nil {
			return DeviceURL{}, err
		}
		return d, nil
	case "serial":
		if u.Host != "" || u.Path == "" {
			return DeviceURL{}, fmt.Errorf("%q: want the path of a port with three slashes, such as serial:///dev/ttyUSB0", s)
		}
		d.Address = u.Path
	case "serial+tcp":
		if u.Port() == "" || u.Path != "" {
			return DeviceURL{}, fmt.Errorf("%q: want host and port, such as serial+tcp://10.0.0.5:7778", s)
		}
		d.Address = u.Host
	default:
		err := d.otherURL(s, u, q)
		return d, err
	}
	if !slices.Contains(Protocols, d.Protocol) {
		return DeviceURL{}, fmt.Errorf("%q: protocol %q: want one of %s", s, d.Protocol, strings.Join(Protocols, ", "))
	}
	if err := d.wireURL(s, q); err != nil {
		return DeviceURL{}, err
	}
	if err := d.handsURL(s, q); err != nil {
		return DeviceURL{}, err
	}
	for _, n := range []struct {
		key  string
		into *int
	}{{"baud", &d.Baud}, {"password", &d.Password}} {
		if v := q.Get(n.key); v != "" {
			if *n.into, err = strconv.Atoi(v); err != nil || *n.into <= 0 {
				return DeviceURL{}, fmt.Errorf("%q: %s %q: want a whole number above 0", s, n.key, v)
			}
		}
	}
	return d, nil
}

// Emulated says that the register lives inside the bench.
func (d DeviceURL) Emulated() bool { return d.Scheme == "emulated" || d.Robot }

// String is the URL without secrets, as it stands in the record.
func (d DeviceURL) String() string {
	switch d.Scheme {
	case "emulated":
		s := "emulated:?profile=" + d.Profile
		if d.Variant != "" {
			s += "&variant=" + d.Variant
		}
		if d.Protocol != "" {
			s += "&protocol=" + d.Protocol
		}
		return s + d.Wire.query()
	case "serial":
		return "serial://" + d.Address + "?protocol=" + d.Protocol + d.Wire.query()
	case "exec":
		return "exec:" + d.Address
	case "webkassa+http", "webkassa+https":
		return d.Scheme + "://" + d.Address + "?cashbox=" + d.Cashbox
	case "operator":
		if d.Robot {
			return "operator:?robot=" + d.Profile
		}
		return "operator:"
	}
	return d.Scheme + "://" + d.Address + "?protocol=" + d.Protocol + d.Wire.query()
}
