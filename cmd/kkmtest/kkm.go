package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kkmtest/kkmtest/bench"
	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/serialport"
	"github.com/kkmtest/kkmtest/fixtures"
	"github.com/kkmtest/kkmtest/simulators/kkm"
	"github.com/kkmtest/kkmtest/simulators/kkm/control"
	"github.com/kkmtest/kkmtest/simulators/kkm/printer"
	"github.com/kkmtest/kkmtest/simulators/kkm/webkassa"
	"github.com/kkmtest/kkmtest/simulators/stream/hosttcp"
)

type kkmFlags struct {
	host, protocol, ofd, control, mutant, profile string
	printer, secrets                              string
	reconnect                                     time.Duration
	seed                                          uint64
	baud                                          int
	wire                                          bench.Wire
}

func kkmCommand() *cobra.Command {
	var f kkmFlags
	c := &cobra.Command{
		Use:   "kkm",
		Short: "run the emulated register as a process of its own",
		Long: `kkm runs the emulated register in real time: its control line is a pseudo
terminal or a TCP port, its OFD is reached over the host's network. The first
line says where it is: "kkm ready host=... control=...".

It is a test double for benches. The makers of the host protocols forbid their
use inside other cash registers; it has no approval of any kind.`,
		Example: "  kkmtest kkm --host pty --ofd 127.0.0.1:7777\n  kkmtest kkm --host tcp:127.0.0.1:7778 --ofd 127.0.0.1:7777 --mutant NAME\n  kkmtest kkm --protocol datecs --family x --ofd 127.0.0.1:7777",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return serveKKM(c.Context(), c.OutOrStdout(), f) },
	}
	c.Flags().StringVar(&f.host, "host", "pty", "control line: `pty`, tcp:ADDR or http:ADDR (port 0 picks a free one)")
	c.Flags().StringVar(&f.printer, "printer", "", "`ADDR` of a receipt printer on TCP, or of a bench's printer tap, that gets what is printed as ESC/POS")
	c.Flags().StringVar(&f.secrets, "secrets", "", "with --host http: write key and logins for the driver into `FILE`")
	c.Flags().StringVar(&f.protocol, "protocol", bench.Protocols[0], "`PROTOCOL` of the control line: "+names(append([]string{bench.HTTP}, bench.Protocols...)))
	c.Flags().IntVar(&f.wire.Level, "level", 0, "`LEVEL` of protocol atol: 2 or 3 (default 2)")
	c.Flags().StringVar(&f.wire.Family, "family", "", "`FAMILY` of protocol datecs: p or x (default p)")
	c.Flags().BoolVar(&f.wire.Plain, "plain", false, "hide that the register is emulated: a driver then tells it no more than its protocol (atol, datecs) has fields for")
	c.Flags().StringVar(&f.ofd, "ofd", "", "`ADDR` of its OFD, host:port (default: the profile's)")
	c.Flags().StringVar(&f.control, "control", "127.0.0.1:0", "`ADDR` of the control API (docs/control-api.md): power, paper, clock, battery, reset, print, display, queue")
	c.Flags().StringVar(&f.mutant, "mutant", "", "`NAME` of a defect to have")
	c.Flags().StringVar(&f.profile, "profile", "section-1", "`NAME` of a built-in profile, or a file")
	c.Flags().DurationVar(&f.reconnect, "reconnect", 0, "`TIME` between attempts to come back online (default: the profile's)")
	c.Flags().IntVar(&f.baud, "baud", 0, "`SPEED` that a pseudo terminal is slowed down to (default: as fast as it goes)")
	c.Flags().Uint64Var(&f.seed, "seed", 1, "`NUMBER` from which autonomous signs come")
	return c
}

// emulator reads a profile of the emulated register: a built-in one by name, or a file.
func emulator(name string) (kkm.Profile, error) {
	if strings.ContainsAny(name, "/.") {
		raw, err := os.ReadFile(name)
		if err != nil {
			return kkm.Profile{}, fmt.Errorf("profile of the emulated register: %w", err)
		}
		return kkm.LoadProfile(name, raw)
	}
	path := "emulator/" + name + ".yaml"
	raw, err := fs.ReadFile(fixtures.FS, path)
	if err != nil {
		return kkm.Profile{}, fmt.Errorf("profile %q of the emulated register: no such built-in profile; want one of %s", name, names(emulators()))
	}
	return kkm.LoadProfile(path, raw)
}

func emulators() []string {
	var out []string
	files, _ := fs.Glob(fixtures.FS, "emulator/*.yaml")
	for _, f := range files {
		out = append(out, strings.TrimSuffix(strings.TrimPrefix(f, "emulator/"), ".yaml"))
	}
	return out
}

// checkMutant says whether a defect exists.
func checkMutant(name string) error {
	if name == "" {
		return nil
	}
	var known []string
	for _, m := range kkm.Mutants() {
		known = append(known, m.Name)
	}
	if !slices.Contains(known, name) {
		return fmt.Errorf("--mutant %s: no such mutant; want one of %s", name, names(known))
	}
	return nil
}

func serveKKM(ctx context.Context, w io.Writer, f kkmFlags) (err error) {
	if err := f.checkHost(); err != nil {
		return err
	}
	if err := checkMutant(f.mutant); err != nil {
		return err
	}
	p, err := emulator(f.profile)
	if err != nil {
		return err
	}
	if f.ofd != "" {
		if p.OFD.Host, p.OFD.Port, err = hostPort(f.ofd); err != nil {
			return fmt.Errorf("--ofd %s: %w", f.ofd, err)
		}
	}
	if f.reconnect > 0 {
		p.Limits.Reconnect = f.reconnect
	}
	loop := clock.NewReal()
	defer loop.Close()
	dialer := hosttcp.NewDialer(loop)
	defer func() { err = errors.Join(err, dialer.Close()) }()

	reg, err := kkm.New(loop, p, dialer, kkm.Options{Seed: f.seed, Mutant: f.mutant})
	if err != nil {
		return err
	}
	if f.printer != "" {
		h, port, err := hostPort(f.printer)
		if err != nil {
			return fmt.Errorf("--printer %s: %w", f.printer, err)
		}
		printer.Attach(reg, dialer, h, port)
	}
	machine := func(send func([]byte)) func([]byte) {
		return bench.EmulatedSide(loop, reg, send, f.protocol, f.wire)
	}
	var host string
	var stop func() error
	switch {
	case f.host == "pty":
		host, stop, err = serialport.ServePTY(loop, f.baud, machine)
	case strings.HasPrefix(f.host, "http:"):
		host, stop, err = f.serveHTTP(loop, reg)
	case strings.HasPrefix(f.host, "tcp:"):
		var l net.Listener
		if l, err = net.Listen("tcp", strings.TrimPrefix(f.host, "tcp:")); err == nil {
			host, stop = l.Addr().String(), serialport.ServeTCP(loop, l, f.baud, machine)
		}
	default:
		return fmt.Errorf("--host %s: want pty, tcp:ADDR or http:ADDR", f.host)
	}
	if err != nil {
		return fmt.Errorf("--host %s: %w", f.host, err)
	}
	defer func() { err = errors.Join(err, stop()) }()

	l, warning, err := control.Listen(f.control)
	if err != nil {
		return fmt.Errorf("--control %s: %w", f.control, err)
	}
	if warning != "" {
		fmt.Fprintf(os.Stderr, "kkmtest: warning: --control %s: %s\n", f.control, warning)
	}
	api := &http.Server{Handler: control.New(loop, reg), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = api.Serve(l) }()
	defer func() { err = errors.Join(err, api.Close()) }()

	loop.Post(func() { reg.Power(true) })
	if _, err := loop.Wait(ctx, loop.Now().Add(time.Minute), func() bool { s := reg.State(); return s.On && !s.Testing }); err != nil {
		return nil // told to stop
	}
	fmt.Fprintf(w, "kkm ready host=%s control=%s\n", host, l.Addr())
	<-ctx.Done()
	return nil
}

func hostPort(s string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(s)
	port, err2 := strconv.Atoi(text)
	if err != nil || err2 != nil || host == "" || port < 1 || port > 65535 {
		return "", 0, errors.New("want host:port, such as 127.0.0.1:7777")
	}
	return host, port, nil
}

// checkHost says whether protocol and control line go together.
func (f kkmFlags) checkHost() error {
	http := strings.HasPrefix(f.host, "http:")
	switch {
	case f.protocol != bench.HTTP && !slices.Contains(bench.Protocols, f.protocol):
		return fmt.Errorf("--protocol %s: want one of %s", f.protocol, names(append([]string{bench.HTTP}, bench.Protocols...)))
	case http != (f.protocol == bench.HTTP):
		return fmt.Errorf("--protocol %s does not go with --host %s: http:ADDR and %s belong together", f.protocol, f.host, bench.HTTP)
	case f.secrets != "" && !http:
		return fmt.Errorf("--secrets %s: only --host http:ADDR has secrets", f.secrets)
	case http:
		return nil
	}
	return f.wire.Check(f.protocol)
}

// serveHTTP serves the register's HTTP side and writes down with what it is reached.
func (f kkmFlags) serveHTTP(loop clock.Loop, reg *kkm.Register) (host string, stop func() error, err error) {
	o := webkassa.Defaults()
	o.Cashbox = reg.Profile().Serial
	if f.secrets != "" {
		var b strings.Builder
		fmt.Fprintf(&b, "# Of the emulated register; they open nothing else.\napi_key: %s\n", o.APIKey)
		for _, l := range o.Logins {
			switch l.Cashier {
			case 0:
				fmt.Fprintf(&b, "admin: {login: %s, password: %s}\ncashiers:\n", l.Login, l.Password)
			default:
				fmt.Fprintf(&b, "  %d: {login: %s, password: %s}\n", l.Cashier, l.Login, l.Password)
			}
		}
		if err := os.WriteFile(f.secrets, []byte(b.String()), 0o600); err != nil {
			return "", nil, err
		}
	}
	l, err := net.Listen("tcp", strings.TrimPrefix(f.host, "http:"))
	if err != nil {
		return "", nil, err
	}
	s := &http.Server{Handler: webkassa.New(loop, reg, o), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = s.Serve(l) }()
	return l.Addr().String(), s.Close, nil
}
