package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/serialport"
	"github.com/kkmtest/kkmtest/bench/device/shtrihm"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/profile"
	"github.com/kkmtest/kkmtest/simulators/kkm"
	"github.com/kkmtest/kkmtest/simulators/netfault"
)

// epoch is when every simulated run begins: two equal runs must not differ by
// the day on which they were made.
var epoch = time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC)

// Options say what a rig is put together from.
type Options struct {
	URL      DeviceURL
	Profile  profile.Profile // what is known of the register
	Emulator kkm.Profile     // of the emulated register, when the URL means that one
	Mutant   string          // defect of the emulated register
	Seed     uint64

	OFDListen string // where a register outside the process finds its OFD

	Record  string    // history.jsonl; empty: memory only
	Capture io.Writer // capture.pcapng; nil: none

	// What stands in the record's first event.
	Section  string
	Editions []string
	Params   Params

	// What the manufacturer refers to; nil and none without a submission.
	Submitted  *history.Submitted
	References []history.Reference
}

// New puts a rig together, simulated or external as the URL says, writes the
// first event and asks the register who it is.
func New(o Options) (*Bench, error) {
	if o.URL.Emulated() {
		return NewSimulated(o)
	}
	return NewExternal(o)
}

// NewSimulated puts register, network, OFD and bench on one virtual clock.
func NewSimulated(o Options) (*Bench, error) {
	loop := clock.NewVirtual(epoch, nil)
	b, err := start(o, loop, "simulated")
	if err != nil {
		return nil, err
	}
	net, err := b.connect(o)
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	ram := new(kkm.RAM)
	reg, err := kkm.New(loop, o.Emulator, net.Dialer(), kkm.Options{Seed: o.Seed, Mutant: o.Mutant, Variant: o.URL.Variant, Memory: ram})
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	line := serialport.NewLine(loop, lineSpeed)
	line.Attach(EmulatedSide(loop, reg, line.DeviceSend, o.URL.Protocol, o.URL.Wire))
	if err := b.onLoop("register", func() error { reg.Power(true); return nil }); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	if _, err := loop.Wait(context.Background(), loop.Now().Add(selfTest), func() bool { return !reg.State().Testing }); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	b.hands = []any{emulated{reg, loop, ram, map[string]int{}}}
	if o.URL.Protocol == HTTP {
		d, err := b.emulatedHTTP(o, reg)
		if err != nil {
			return nil, errors.Join(err, b.Close())
		}
		b.Device = d
		b.closers = append(b.closers, d.Close)
		return b, nil
	}
	if o.URL.Robot {
		d, err := b.openOperator(o, reg)
		if err != nil {
			return nil, errors.Join(err, b.Close())
		}
		b.hands, b.Device = nil, d
		b.closers = append(b.closers, d.Close)
		return b, nil
	}
	if o.URL.Protocol == ATOL { // which has no command that reads the paper back
		b.hands = append(b.hands, newPaper(b, reg))
	}
	return b, b.drive(o, line.Host(), lineSpeed)
}

// selfTest is what the register gets for the test with which it comes up.
const selfTest = time.Minute

// lineSpeed is the control line's speed inside the simulated world: the default
// of newer registers (serial-shtrih-m.md 2).
const lineSpeed = 115200

// NewExternal waits for a register on a port, in real time. The register must
// have this bench as its OFD.
func NewExternal(o Options) (*Bench, error) {
	loop := clock.NewReal()
	b, err := start(o, loop, "real")
	if err != nil {
		loop.Close()
		return nil, err
	}
	b.closers = append([]func() error{func() error { loop.Close(); return nil }}, b.closers...)
	net, err := b.connect(o)
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	edge, err := net.Edge(o.OFDListen, b.links[0].Name(), ofdPort)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("--ofd-listen %s: %w", o.OFDListen, err), b.Close())
	}
	b.closers = append(b.closers, edge.Close)
	return b, b.attach(o)
}

// openPort opens the port of a register. A speed that the URL leaves open is that
// of newer registers.
func openPort(loop clock.Loop, u DeviceURL) (device.Port, error) {
	if u.Scheme == "serial+tcp" {
		return serialport.OpenTCP(context.Background(), loop, u.Address)
	}
	return serialport.OpenSerial(loop, u.Address, cmp.Or(u.Baud, lineSpeed))
}

// start makes bench and record, and writes the first event.
func start(o Options, loop clock.Loop, mode string) (*Bench, error) {
	b := &Bench{Loop: loop, Facts: facts(o.Profile)}
	if o.Record == "" {
		b.Log = history.NewMemory(loop)
	} else {
		log, err := history.Create(o.Record, loop, mode != "simulated")
		if err != nil {
			return nil, err
		}
		b.Log = log
	}
	b.closers = append(b.closers, b.Log.Close)
	_, err := b.Log.Append(history.Bench, history.RunBegin{
		Format: 1, TimeMode: mode, Seed: o.Seed, Section: o.Section, Editions: o.Editions, Device: o.URL.String(),
		Protocol: o.Profile.Protocol, Profile: b.Facts, Limits: o.Params.Used(),
	})
	if o.Submitted != nil && err == nil {
		_, err = b.Log.Append(history.Bench, *o.Submitted)
	}
	for _, r := range o.References {
		if err == nil {
			_, err = b.Log.Append(history.Bench, r)
		}
	}
	return b, err
}

// connect makes the network and puts the OFD behind it.
func (b *Bench) connect(o Options) (*netfault.Network, error) {
	var links []netfault.LinkOptions
	for _, c := range o.Profile.Channels {
		links = append(links, netfault.LinkOptions{Name: c, Latency: latency})
	}
	net, err := netfault.New(b.Loop, netfault.Options{Seed: o.Seed, Journal: b.Log, Capture: o.Capture, Comment: "kkmtest", Links: links})
	if err != nil {
		return nil, err
	}
	b.closers = append(b.closers, net.Close)
	for _, l := range links {
		link, ok := net.Link(l.Name)
		if !ok {
			return nil, fmt.Errorf("network: link %s was asked for and is not there", l.Name)
		}
		b.links = append(b.links, link)
	}
	server, err := b.operator(o)
	if err != nil {
		return nil, err
	}
	return net, net.Listen(ofdPort, server)
}

const (
	// latency is one way of a link, as on a wired line in the same country.
	latency = 5 * time.Millisecond
	// ofdPort is where the OFD listens inside the network of the bench.
	ofdPort = 7777
)

// drive opens the driver on a port and asks the register who it is.
func (b *Bench) drive(o Options, port device.Port, baud int) error {
	if d, err := b.openFamily(o, port, baud); err != nil || d != nil {
		if err != nil {
			return errors.Join(err, b.Close())
		}
		b.closers = append(b.closers, d.Close)
		b.Device = d
		return nil
	}
	p := o.Profile.Host.Passwords
	opt := shtrihm.Options{Baud: baud, Passwords: shtrihm.Passwords{Admin: p.Admin}}
	if o.URL.Password > 0 {
		opt.Passwords.Admin = uint32(o.URL.Password)
	}
	if p.Cashier > 0 {
		opt.Passwords.Cashiers = map[int]uint32{1: p.Cashier}
	}
	d, err := shtrihm.Open(b.Loop, port, b.Log, opt)
	if err != nil {
		return errors.Join(err, b.Close())
	}
	b.closers = append(b.closers, d.Close)
	b.Device = d
	return nil
}

// facts are what the record says of the register.
func facts(p profile.Profile) history.Facts {
	return history.Facts{
		Model: p.Model, Serial: p.Serial, Registration: p.Registration,
		TaxpayerName: p.Taxpayer.Name, TaxpayerBIN: p.Taxpayer.BIN, Address: p.Taxpayer.Address, Activity: p.Taxpayer.Activity,
		Sectors: p.Sectors, Fiscal: p.Registrar, Channels: p.Channels, Languages: p.Languages,
		OFDID: p.OFD.ID, OFDName: p.OFD.Name, OFDSite: p.OFD.Site, CashierNames: p.Cashiers,
		Declared: p.Conditions(), Lines: p.Lines(),
	}
}

// emulated is the control API of a register inside the process: what a person
// sees on it and does with it.
type emulated struct {
	r       *kkm.Register
	loop    clock.Loop
	ram     *kkm.RAM
	altered map[string]int // by unit: the record that was altered
}

func (e emulated) Shown(context.Context) ([]string, string, error) {
	return e.r.Display(), "control", nil
}

func (e emulated) Power(_ context.Context, on bool) error { e.r.Power(on); return nil }

func (e emulated) Paper(_ context.Context, in bool) error { e.r.Paper(in); return nil }

func (e emulated) StepClock(_ context.Context, d time.Duration) error {
	e.r.StepClock(d)
	return nil
}
