package netfault

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Profile is a condition of networks with a name: faults that act together. Where
// its figures come from stands in docs/faults.md.
type Profile struct {
	Name   string
	About  string
	Faults []Named
}

// Named is a fault with a name of its own.
type Named struct {
	ID    string
	Fault Fault
}

// medium is a profile of a channel: rates in bit/s, times one way.
type medium struct {
	down, up int64
	delay    time.Duration // shortest
	jitter   time.Duration // on top
	spread   Spread
	loss     float64 // share of the packets of each direction
}

func (c medium) faults() []Named {
	var out []Named
	if c.loss > 0 {
		out = append(out, Named{"loss", Drop{Pick: Pick{Share: c.loss}}})
	}
	for _, d := range []struct {
		id   string
		dir  Dir
		rate int64
	}{{"down", ToKKM, c.down}, {"up", ToOFD, c.up}} {
		if d.rate > 0 {
			out = append(out, Named{d.id, Rate{Match: Match{Dir: d.dir}, BitsPerSecond: d.rate, Queue: int(max(d.rate/8, leastQueue))}})
		}
	}
	return append(out, Named{"delay", Delay{Fixed: c.delay, Jitter: c.jitter, Spread: c.spread}})
}

// leastQueue holds some packets of full size however slow the channel is; beyond
// that a queue is one second long (docs/faults.md).
const leastQueue = 16 << 10

// Profiles lists the conditions that have a name, channels first. A fresh list
// is made for each call.
func Profiles() []Profile {
	one := func(name, about string, f Fault) Profile { return Profile{name, about, []Named{{"only", f}}} }
	return []Profile{
		{"gprs", "GPRS modem: 80 kbit/s down, 20 up, 650 ms round trip give or take 100, 1 % lost",
			medium{down: 80_000, up: 20_000, delay: 275 * time.Millisecond, jitter: 100 * time.Millisecond, loss: 0.01}.faults()},
		{"3g", "3G modem: 1.6 Mbit/s down, 768 kbit/s up, 300 ms round trip and up to 50 more, 0.5 % lost",
			medium{down: 1_600_000, up: 768_000, delay: 150 * time.Millisecond, jitter: 25 * time.Millisecond, loss: 0.005}.faults()},
		{"lte", "LTE modem: 12 Mbit/s both ways, 70 ms round trip and up to 20 more, 0.2 % lost",
			medium{down: 12_000_000, up: 12_000_000, delay: 35 * time.Millisecond, jitter: 10 * time.Millisecond, loss: 0.002}.faults()},
		{"satellite", "geostationary satellite: 1 Mbit/s down, 256 kbit/s up, 558 ms round trip",
			medium{down: 1_000_000, up: 256_000, delay: 279 * time.Millisecond}.faults()},
		{"wifi-lossy", "Wi-Fi at the edge of its range: 1 Mbit/s, 10 % lost, a few milliseconds that vary much",
			medium{down: 1_000_000, up: 1_000_000, delay: 2 * time.Millisecond, jitter: 5 * time.Millisecond, spread: Exponential, loss: 0.1}.faults()},
		one("silent-loss", "everything is swallowed and nobody is told", Cut{}),
		one("half-open", "the OFD has lost every open connection and stays silent about it", HalfOpen{Gone: EndOFD, Silent: true}),
		one("nat-timeout", "a NAT forgets every open connection and swallows its packets", Forget{}),
		one("nat-rebinding", "a NAT gives every open connection another port", Rebind{}),
		one("flapping", "the link is down for 3 s and up for 8 s, in turns", Flap{Down: 3 * time.Second, Up: 8 * time.Second}),
		one("dns-silent", "no look-up of a name is answered", NoName{}),
		one("dns-failure", "every look-up of a name fails with SERVFAIL", NoName{Code: 2}),
		one("dns-unknown", "every name is unknown: NXDOMAIN", NoName{Code: 3}),
		one("dns-wrong", "every name leads to 192.0.2.1, where nobody is", WrongName{To: netip.AddrFrom4([4]byte{192, 0, 2, 1})}),
		one("dhcp-loss", "DHCP is lost, nothing else", NoDHCP),
		one("captive-portal", "a login page answers in the OFD's place", CaptivePortal{}),
		one("path-mtu-black-hole", "packets over 1400 bytes are swallowed and nobody is told", MTU{Max: 1400, Silent: true}),
	}
}

// ProfileOf finds a profile by its name.
func ProfileOf(name string) (Profile, bool) {
	all := Profiles()
	i := slices.IndexFunc(all, func(p Profile) bool { return p.Name == name })
	if i < 0 {
		return Profile{}, false
	}
	return all[i], true
}

// ids are the names under which a profile's faults are set.
func (p Profile) ids(id string) []string {
	var out []string
	for _, f := range p.Faults {
		if len(p.Faults) == 1 {
			return []string{id}
		}
		out = append(out, id+"/"+f.ID)
	}
	return out
}

// SetProfile sets the faults of a profile. A single one goes by the name id,
// several by id/loss, id/delay and so on.
func (l *Link) SetProfile(id string, p Profile) error {
	for i, name := range p.ids(id) {
		if err := l.Set(name, p.Faults[i].Fault); err != nil {
			for _, set := range p.ids(id)[:i] {
				_, cerr := l.Clear(set)
				err = errors.Join(err, cerr)
			}
			return fmt.Errorf("profile %s: %w", p.Name, err)
		}
	}
	return nil
}

// ClearProfile lifts what SetProfile set and tells how many packets each of its faults struck.
func (l *Link) ClearProfile(id string, p Profile) (struck map[string]int, err error) {
	struck = map[string]int{}
	for _, name := range p.ids(id) {
		n, cerr := l.Clear(name)
		struck[name] = n
		err = errors.Join(err, cerr)
	}
	return struck, err
}
