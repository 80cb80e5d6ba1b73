package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kkmtest/kkmtest/bench"
	"github.com/kkmtest/kkmtest/bench/campaign"
	"github.com/kkmtest/kkmtest/simulators/ofd"
	"github.com/kkmtest/kkmtest/simulators/ofd/daemon"
	"github.com/kkmtest/kkmtest/simulators/ofd/script"
)

// ofdFlags are the flags of kkmtest ofd.
type ofdFlags struct {
	listen, http, tokenFile, state, script, devicesFile string
	devices, choices                                    []string
	strict                                              bool
	seed                                                uint64
}

// noHTTP is the address of an API that is not wanted.
const noHTTP = "none"

func ofdCommand() *cobra.Command {
	var f ofdFlags
	c := &cobra.Command{
		Use:   "ofd",
		Short: "run the simulated OFD as a server of its own",
		Long: `ofd answers registers over TCP as an operator of fiscal data does, in all
versions of the protocol at once. The first line says where it is:
"ofd listening cpcr=ADDR http=ADDR".

At the HTTP address are an API (/api/openapi.yaml), pages that show registers,
shifts, documents and traffic, and the page behind the link on a receipt.
Registers come from --device, --devices or the API; misbehaviour on purpose from
--script or the API. docs/ofd.md tells of all of it.

With --state everything that a register was told survives, also kill -9.

At the end (Ctrl-C) rules that never acted are named on stderr; the exit status
is then 3, because what they were to show was not shown.`,
		Example: "  kkmtest ofd --device id=100500,token=305419896\n" +
			"  kkmtest ofd --http 127.0.0.1:8077 --state ofd-state --devices devices.yaml --script script.yaml",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return serveOFD(c.Context(), c.OutOrStdout(), c.ErrOrStderr(), f)
		},
	}
	c.Flags().StringVar(&f.listen, "listen", "127.0.0.1:7777", "`ADDR` for registers; port 0 picks a free one")
	c.Flags().StringVar(&f.http, "http", "127.0.0.1:0", "`ADDR` of the API and the pages; none for neither")
	c.Flags().StringVar(&f.tokenFile, "http-token-file", "", "`FILE` with the token that callers of the API need; required for an address that other computers can reach")
	c.Flags().StringVar(&f.state, "state", "", "`DIR` that keeps the state; without it everything is forgotten at the end")
	c.Flags().StringVar(&f.script, "script", "", "`FILE` with rules of misbehaviour, choices, cashiers and goods")
	c.Flags().StringVar(&f.devicesFile, "devices", "", "`FILE` with a list of registers")
	c.Flags().StringArrayVar(&f.devices, "device", nil, "a register: `id=N,token=N[,serial=...,registration_number=...,name=...,bin=...,address=...,sector=...]`")
	c.Flags().StringArrayVar(&f.choices, "choice", nil, "another reading of a point that the protocol leaves open: `KEY=VALUE` of docs/ofd-choices.md")
	c.Flags().BoolVar(&f.strict, "strict", false, "refuse with 13 what is otherwise accepted with an observation")
	c.Flags().Uint64Var(&f.seed, "seed", 1, "`NUMBER` from which tokens, fiscal signs and shares of rules come")
	return c
}

// parseOFDDevice reads id=100500,token=42424242,... through the reader of the file.
func parseOFDDevice(s string) (script.Device, error) {
	var top, taxpayer []string
	for pair := range strings.SplitSeq(s, ",") {
		k, v, ok := strings.Cut(pair, "=")
		switch {
		case !ok:
			return script.Device{}, fmt.Errorf("--device %s: %q: want key=value with a key of id, token, serial, registration_number, name, bin, address, sector", s, pair)
		case k == "name" || k == "bin" || k == "address":
			taxpayer = append(taxpayer, fmt.Sprintf("%s: %q", k, v))
		case k == "id" || k == "token":
			top = append(top, fmt.Sprintf("%s: %s", k, v))
		case k == "serial" || k == "registration_number" || k == "sector":
			top = append(top, fmt.Sprintf("%s: %q", k, v))
		default:
			return script.Device{}, fmt.Errorf("--device %s: %q: want key=value with a key of id, token, serial, registration_number, name, bin, address, sector", s, pair)
		}
	}
	if !strings.HasPrefix(s, "id=") && !strings.Contains(s, ",id=") {
		return script.Device{}, fmt.Errorf("--device %s: no id: want id=NUMBER", s)
	}
	if taxpayer != nil {
		top = append(top, "taxpayer: {"+strings.Join(taxpayer, ", ")+"}")
	}
	all, err := script.LoadDevices("--device "+s, []byte("- {"+strings.Join(top, ", ")+"}\n"))
	if err != nil {
		return script.Device{}, err
	}
	if len(all) != 1 {
		return script.Device{}, fmt.Errorf("--device %s: want one register", s)
	}
	all[0].At = "--device " + s
	return all[0], nil
}

// config puts the flags together.
func (f ofdFlags) config() (daemon.Config, error) {
	c := daemon.Config{Listen: f.listen, HTTP: f.http, State: f.state, Options: ofd.Options{Seed: f.seed}}
	if c.HTTP == noHTTP {
		c.HTTP = ""
	}
	limit, err := shiftLimit()
	if err != nil {
		return c, err
	}
	c.Options.ShiftLimit = limit
	if f.script != "" {
		raw, err := os.ReadFile(f.script)
		if err != nil {
			return c, fmt.Errorf("--script: %w", err)
		}
		if c.Script, err = script.Load(f.script, raw); err != nil {
			return c, err
		}
	}
	// What the command line says is said last.
	for _, x := range f.choices {
		set, err := script.ReadChoice(x)
		if err != nil {
			return c, fmt.Errorf("--choice %w", err)
		}
		c.Choices = append(c.Choices, set)
	}
	if f.strict {
		c.Choices = append(c.Choices, func(o *ofd.Options) { o.Strict = true })
	}
	if f.devicesFile != "" {
		raw, err := os.ReadFile(f.devicesFile)
		if err != nil {
			return c, fmt.Errorf("--devices: %w", err)
		}
		if c.Devices, err = script.LoadDevices(f.devicesFile, raw); err != nil {
			return c, err
		}
	}
	for _, x := range f.devices {
		d, err := parseOFDDevice(x)
		if err != nil {
			return c, err
		}
		c.Devices = append(c.Devices, d)
	}
	if len(c.Devices) == 0 && c.State == "" && c.HTTP == "" {
		return c, errors.New("no register, and no way to bring one: want --device id=NUMBER,token=NUMBER, --devices FILE, or the API of --http")
	}
	if f.tokenFile != "" {
		raw, err := os.ReadFile(f.tokenFile)
		if err != nil {
			return c, fmt.Errorf("--http-token-file: %w", err)
		}
		const shortest = 16
		if c.Token = strings.TrimSpace(string(raw)); len(c.Token) < shortest || strings.ContainsAny(c.Token, " \n\r\t") {
			return c, fmt.Errorf("--http-token-file %s: want one token of at least %d characters without blanks", f.tokenFile, shortest)
		}
	}
	return c, nil
}

// shiftLimit is how long a shift may be open, by the first edition of the country
// that is in force and has the row.
func shiftLimit() (time.Duration, error) {
	all, err := catalogues()
	if err != nil {
		return 0, benchFault(err)
	}
	for _, e := range all {
		for _, s := range e.Sections {
			if p := bench.NewParams(s.Rows); e.Country == country && inForce(e) == nil && p.Has("shift.limit", "limit") {
				d := p.Duration("shift.limit", "limit")
				return d, benchFault(p.Err())
			}
		}
	}
	return 0, benchFault(errors.New("no edition in force has a row with the check shift.limit"))
}

func serveOFD(ctx context.Context, w, stderr io.Writer, f ofdFlags) (err error) {
	c, err := f.config()
	if err != nil {
		return err
	}
	c.Log = slog.New(slog.NewTextHandler(stderr, nil))
	d, err := daemon.Start(c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	at := "-"
	if a := d.HTTP(); a != nil {
		at = a.String()
		if !daemon.Loopback(a) {
			fmt.Fprintf(stderr, "kkmtest: warning: --http %s can be reached from other computers; they need the token of %s, which goes over the network in clear\n", a, f.tokenFile)
		}
	}
	if !daemon.Loopback(d.CPCR()) {
		fmt.Fprintf(stderr, "kkmtest: warning: --listen %s can be reached from other computers, and the protocol has no other secret than a register's token\n", d.CPCR())
	}
	fmt.Fprintf(w, "ofd listening cpcr=%s http=%s\n", d.CPCR(), at)
	select {
	case <-ctx.Done():
	case <-d.Failed():
		return benchFault(d.Err())
	}
	never := 0
	for _, r := range d.Rules() {
		if r.Fired == 0 {
			never++
			fmt.Fprintf(stderr, "kkmtest: rule %q never acted: %s\n", r.ID, r.Action)
		}
	}
	if never > 0 {
		return result(campaign.SomeError)
	}
	return nil
}
