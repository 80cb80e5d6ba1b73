package bench

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/control"
	"github.com/kkmtest/kkmtest/bench/device/external"
	person "github.com/kkmtest/kkmtest/bench/device/operator"
	"github.com/kkmtest/kkmtest/bench/device/relay"
	"github.com/kkmtest/kkmtest/bench/device/tap"
	"github.com/kkmtest/kkmtest/bench/device/webkassa"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/simulators/kkm"
	kkmwebkassa "github.com/kkmtest/kkmtest/simulators/kkm/webkassa"
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
	if strings.HasPrefix(u.Scheme, HTTP+"+") {
		if u.Host == "" || u.Path != "" || u.User != nil {
			return fmt.Errorf("%q: want %s://HOST:PORT?cashbox=NUMBER&secrets=FILE", s, u.Scheme)
		}
		d.Address, d.Cashbox, d.Secrets = u.Host, q.Get("cashbox"), q.Get("secrets")
		if d.Cashbox == "" {
			return fmt.Errorf("%q: cashbox: want the unique number of the register, such as SWK00000001", s)
		}
		if d.Secrets == "" {
			return fmt.Errorf("%q: secrets: want a file with api_key, admin and cashiers", s)
		}
		if _, err := webkassa.LoadSecrets(d.Secrets); err != nil {
			return err
		}
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
	if d.Tap, d.TapPage = q.Get("tap"), q.Get("tap-page"); d.Tap != "" || d.TapPage != "" {
		if _, err := tap.Parse(d.Tap, d.TapPage); err != nil {
			return fmt.Errorf("%q: %w", s, err)
		}
	}
	if d.PowerBy = q.Get("power"); d.PowerBy != "" {
		if _, err := relay.Parse(d.PowerBy); err != nil {
			return fmt.Errorf("%q: %w", s, err)
		}
	}
	return nil
}

// StartsPrograms says whether the URL names programs of somebody else that would be started.
func (d DeviceURL) StartsPrograms() bool {
	return d.Scheme == "exec" || strings.HasPrefix(d.PowerBy, "hook:")
}

// Attach opens a register and what stands beside it, without a network and
// without an OFD: for single questions by hand. The register keeps whatever OFD it has.
func Attach(o Options) (*Bench, error) {
	if o.URL.Emulated() {
		return nil, fmt.Errorf("%s: the register inside this process has no port: start one with kkmtest kkm", o.URL)
	}
	loop := clock.NewReal()
	b, err := start(o, loop, "real")
	if err != nil {
		loop.Close()
		return nil, err
	}
	b.closers = append([]func() error{func() error { loop.Close(); return nil }}, b.closers...)
	return b, b.attach(o)
}

// ReadPaper reads what was printed since the last reading, for no operation.
func (b *Bench) ReadPaper(ctx context.Context) ([]string, error) {
	lines, origin, err := b.paper(ctx)
	if err != nil || len(lines) == 0 {
		return nil, gone(err)
	}
	_, err = b.Log.Append(history.Bench, history.Printed{Lines: lines, Origin: origin})
	return lines, err
}

// attach opens the register and what stands beside it. An error has closed the bench.
func (b *Bench) attach(o Options) error {
	if err := b.openHands(o); err != nil {
		return errors.Join(err, b.Close())
	}
	d, err := b.openOther(o)
	if err != nil {
		return errors.Join(err, b.Close())
	}
	if d != nil {
		b.closers = append(b.closers, d.Close)
		b.Device = d
		return nil
	}
	port, err := openPort(b.Loop, o.URL)
	if err != nil {
		return errors.Join(err, b.Close())
	}
	return b.drive(o, port, o.URL.Baud)
}

// openHands opens what stands beside the register.
func (b *Bench) openHands(o Options) error {
	// A tap and a relay are asked before a control API: whoever gives them wants them used.
	if o.URL.Tap != "" {
		a, err := tap.Parse(o.URL.Tap, o.URL.TapPage)
		if err != nil {
			return err
		}
		t, err := tap.Open(b.Loop, b.Log, a)
		if err != nil {
			return err
		}
		b.closers = append(b.closers, t.Close)
		b.hands = append(b.hands, t)
	}
	if o.URL.PowerBy != "" {
		a, err := relay.Parse(o.URL.PowerBy)
		if err != nil {
			return err
		}
		r, err := relay.Open(context.Background(), b.Loop, b.Log, a)
		if err != nil {
			return err
		}
		b.closers = append(b.closers, r.Close)
		b.hands = append(b.hands, r)
	}
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
	case "webkassa+http", "webkassa+https":
		return b.openHTTP(o)
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

// openHTTP opens the driver of a service over the network.
func (b *Bench) openHTTP(o Options) (device.Device, error) {
	s, err := webkassa.LoadSecrets(o.URL.Secrets)
	if err != nil {
		return nil, err
	}
	return webkassa.Open(b.Loop, b.Log, webkassa.Options{
		Base: strings.TrimPrefix(o.URL.Scheme, HTTP+"+") + "://" + o.URL.Address, Cashbox: o.URL.Cashbox, Secrets: s, Languages: o.Profile.Languages, Rest: b.rest(),
	})
}

// emulatedHTTP puts the HTTP side on the emulated register and opens its driver,
// inside the process.
func (b *Bench) emulatedHTTP(o Options, reg *kkm.Register) (device.Device, error) {
	d := kkmwebkassa.Defaults()
	d.Cashbox = reg.Profile().Serial
	b.hands = append(b.hands, newPaper(b, reg))
	opt := webkassa.Options{Base: "http://register.test:80", Cashbox: d.Cashbox, Languages: o.Profile.Languages, Rest: b.rest(),
		Secrets:   webkassa.Secrets{APIKey: d.APIKey, Cashiers: map[int]webkassa.Login{}},
		Transport: kkmwebkassa.Local{Loop: b.Loop, Server: kkmwebkassa.New(b.Loop, reg, d), Delay: latency},
	}
	for _, l := range d.Logins {
		w := webkassa.Login{Login: l.Login, Password: l.Password}
		if l.Cashier == 0 {
			opt.Secrets.Admin = w
		} else {
			opt.Secrets.Cashiers[l.Cashier] = w
		}
	}
	return webkassa.Open(b.Loop, b.Log, opt)
}

// rester is a hand that sees the paper come to rest.
type rester interface {
	AtRest(ctx context.Context) (clock.Instant, time.Duration, bool, error)
}

// rest finds one; nil when nobody sees the paper.
func (b *Bench) rest() func(context.Context) (clock.Instant, time.Duration, bool, error) {
	for _, h := range b.hands {
		if r, ok := h.(rester); ok {
			return r.AtRest
		}
	}
	return nil
}

// paper reads what the emulated register prints, as a printer tap would.
type paper struct {
	b     *Bench
	reg   *kkm.Register
	lines []string // belongs to the loop
	last  clock.Instant
}

func newPaper(b *Bench, reg *kkm.Register) *paper {
	p := &paper{b: b, reg: reg}
	reg.OnPrint(func(lines []string) { p.lines, p.last = append(p.lines, lines...), b.Loop.Now() })
	return p
}

// paperWaits is how long paper may move before the reading goes on without its end.
const paperWaits = time.Minute

// AtRest waits until every document is through; one that waits for paper is not.
func (p *paper) AtRest(ctx context.Context) (at clock.Instant, blur time.Duration, ok bool, err error) {
	_, err = p.b.Loop.Wait(ctx, p.b.Loop.Now().Add(paperWaits), func() bool {
		s := p.reg.State()
		at = p.last
		return !s.Printing
	})
	return at, 0, at != clock.Instant{}, err
}

// Printed tells the lines since the last call.
func (p *paper) Printed(ctx context.Context) (lines []string, origin string, err error) {
	if _, _, _, err := p.AtRest(ctx); err != nil {
		return nil, "", err
	}
	err = p.b.onLoop("paper", func() error { lines, p.lines = p.lines, nil; return nil })
	return lines, "control", err
}
