package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/ports"
	"github.com/kkmtest/kkmtest/bench/device/probe"
	"github.com/kkmtest/kkmtest/bench/device/serialport"
)

func deviceCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "device",
		Short:   "find registers and talk to one by hand",
		Example: "  kkmtest device list\n  kkmtest device probe /dev/ttyUSB0\n  kkmtest device console 'serial:///dev/ttyUSB0?protocol=shtrih-m'",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(deviceListCommand(), deviceProbeCommand(), deviceConsoleCommand())
	return c
}

func deviceListCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "list serial ports with their USB identity and who holds them",
		Long: `list reads what the system knows of its serial ports. It opens none of them, so
that a run that holds one is not disturbed. Use the name under "stable name" in
device URLs: the short one may change when an adapter is plugged in again.`,
		Example: "  kkmtest device list\n  kkmtest device list --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			all, err := ports.List(ports.System)
			if err != nil {
				return benchFault(err)
			}
			if asJSON {
				return benchFault(writeJSON(c.OutOrStdout(), all))
			}
			return benchFault(printPorts(c.OutOrStdout(), all))
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func printPorts(w io.Writer, all []ports.Port) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "no serial port; is the adapter plugged in? (dmesg tells what the system made of it)")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "port\tidentity\theld by\tstable name")
	for _, p := range all {
		held := p.Holder
		switch {
		case held == "" && !p.Readable:
			held = "nobody; this user may not open it"
		case held == "":
			held = "nobody"
		}
		stable := p.ByID
		if stable == "" {
			stable = "-"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", p.Path, p.Identity(), held, stable)
	}
	return t.Flush()
}

type probeFlags struct {
	verbose, asJSON bool
}

func deviceProbeCommand() *cobra.Command {
	var f probeFlags
	c := &cobra.Command{
		Use:   "probe [PORT...]",
		Short: "find out protocol, speed and model of what hangs on a port",
		Long: `probe asks each protocol's question for the type of the device, at the usual
speeds. It prints nothing, changes nothing and needs no password; it takes less
than 20 seconds a port. A port is a path (/dev/ttyUSB0) or HOST:PORT of a device
server; without one every port that nobody holds is tried.

Exit status 1 when a port was tried and nothing answered.`,
		Example: "  kkmtest device probe /dev/ttyUSB0\n  kkmtest device probe 10.0.0.5:7778 --verbose",
		RunE:    func(c *cobra.Command, args []string) error { return probePorts(c.Context(), c.OutOrStdout(), f, args) },
	}
	c.Flags().BoolVar(&f.verbose, "verbose", false, "print every byte")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	return c
}

// probed is what is told of one port.
type probed struct {
	Port  string `json:"port"`
	URL   string `json:"url,omitempty"`
	Error string `json:"error,omitempty"`
	*probe.Found
}

func probePorts(ctx context.Context, w io.Writer, f probeFlags, args []string) error {
	if len(args) == 0 {
		all, err := ports.List(ports.System)
		if err != nil {
			return benchFault(err)
		}
		for _, p := range all {
			switch {
			case p.Holder != "":
				if !f.asJSON {
					fmt.Fprintf(w, "%s: left alone, held by %s\n", p.Path, p.Holder)
				}
			default:
				args = append(args, p.Path)
			}
		}
		if len(args) == 0 {
			return errors.New("no port to try: plug the register in, or name the port; kkmtest device list shows what there is")
		}
	}
	for _, a := range args {
		if err := checkPort(a); err != nil {
			return err
		}
	}
	var out []probed
	missing := false
	for _, a := range args {
		p := probeOne(ctx, w, f, a)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		missing = missing || p.Found == nil
		out = append(out, p)
		if !f.asJSON {
			printProbed(w, p)
		}
	}
	if f.asJSON {
		if err := writeJSON(w, out); err != nil {
			return benchFault(err)
		}
	}
	if missing {
		return result(1)
	}
	return nil
}

// checkPort tells a path from an address before anything is opened.
func checkPort(s string) error {
	if filepath.IsAbs(s) {
		return nil
	}
	if host, port, err := net.SplitHostPort(s); err != nil || host == "" || port == "" {
		return fmt.Errorf("port %q: want a path such as /dev/ttyUSB0, or HOST:PORT of a device server", s)
	}
	return nil
}

func probeOne(ctx context.Context, w io.Writer, f probeFlags, name string) probed {
	loop := clock.NewReal()
	defer loop.Close()
	l := probe.Line{Loop: loop, Speeds: probe.Speeds, Open: func(_ context.Context, baud int) (device.Port, error) {
		return serialport.OpenSerial(loop, name, baud)
	}}
	form := "serial://%s?protocol=%s&baud=%d"
	if !filepath.IsAbs(name) {
		l.Speeds = []int{0}
		l.Open = func(ctx context.Context, _ int) (device.Port, error) { return serialport.OpenTCP(ctx, loop, name) }
		form = "serial+tcp://%s?protocol=%s"
	}
	if f.verbose {
		l.Note = func(x probe.Wire) {
			arrow := "<"
			if x.Sent {
				arrow = ">"
			}
			fmt.Fprintf(w, "  %s %6d  % X\n", arrow, x.Baud, x.Data)
		}
	}
	found, err := probe.Find(ctx, l)
	p := probed{Port: name}
	if err != nil {
		p.Error = err.Error()
		return p
	}
	p.Found = &found
	p.URL = fmt.Sprintf(form, name, found.Protocol, found.Baud)
	if !filepath.IsAbs(name) {
		p.URL = fmt.Sprintf(form, name, found.Protocol)
	}
	if strings.Contains(found.Variant, "=") {
		p.URL += "&" + found.Variant
	}
	return p
}

func printProbed(w io.Writer, p probed) {
	if p.Found == nil {
		fmt.Fprintf(w, "%s: %s\n", p.Port, p.Error)
		return
	}
	speed := ""
	if p.Baud > 0 {
		speed = fmt.Sprintf(" at %d baud", p.Baud)
	}
	variant := ""
	if p.Variant != "" {
		variant = ", " + p.Variant
	}
	fmt.Fprintf(w, "%s: %s%s%s\n", p.Port, p.Protocol, variant, speed)
	for _, l := range []struct{ name, v string }{{"model", p.Model}, {"serial number", p.Serial}, {"it says", p.Type}, {"device URL", p.URL}} {
		if l.v != "" {
			fmt.Fprintf(w, "  %-14s %s\n", l.name, l.v)
		}
	}
}
