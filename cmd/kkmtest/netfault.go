package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/simulators/netfault"
	"github.com/kkmtest/kkmtest/simulators/netfault/control"
	"github.com/kkmtest/kkmtest/simulators/netfault/script"
)

type netfaultFlags struct {
	listen, to, bridge, link       string
	script, capture, record, httpd string
	latency                        time.Duration
	seed                           uint64
	table, json                    bool
}

func newNetfaultCmd() *cobra.Command {
	var f netfaultFlags
	c := &cobra.Command{
		Use:   "netfault",
		Short: "run a link with faults as a process of its own",
		Long: `netfault stands between a register and its OFD and does to the packets what a
script says. Either it listens on an address and carries every connection over a
link inside the process to another address (--listen, --to; no rights needed),
or it bridges two network interfaces (--bridge IF1,IF2: the register's cable
comes to IF1, the way to the OFD is IF2; Linux, CAP_NET_RAW).

The first line says that it is ready: "netfault ready listen=ADDR" or "netfault
ready bridge=IF1,IF2", with http=ADDR behind it when --http is given. It runs
until it is interrupted, and then names the faults that never struck.

--record keeps what was done, and a later call with the same file goes on: the
script's times count from the first call.`,
		Example: `  kkmtest netfault --listen 127.0.0.1:7777 --to 10.0.0.5:7777 --script faults.yaml --capture run.pcapng
  kkmtest netfault --bridge eth1,eth2 --script faults.yaml --capture run.pcapng --http 127.0.0.1:8080
  curl -d '{"id": "night", "fault": "cut"}' http://127.0.0.1:8080/links/ethernet/faults`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !c.Flags().Changed("table") {
				out, ok := c.OutOrStdout().(*os.File)
				f.table = ok && term.IsTerminal(int(out.Fd())) && !f.json
			}
			return serveNetfault(c.Context(), c.OutOrStdout(), c.ErrOrStderr(), f)
		},
	}
	c.Flags().StringVar(&f.listen, "listen", "", "`ADDR` for registers; port 0 picks a free one")
	c.Flags().StringVar(&f.to, "to", "", "`ADDR` of the OFD")
	c.Flags().StringVar(&f.bridge, "bridge", "", "`IF1,IF2`: the register's interface and the one towards the OFD")
	c.Flags().StringVar(&f.script, "script", "", "`FILE` with faults over time (docs/faults.md)")
	c.Flags().StringVar(&f.capture, "capture", "", "`FILE` for every packet, pcapng")
	c.Flags().StringVar(&f.record, "record", "", "`FILE` for what was done; goes on where it ends")
	c.Flags().StringVar(&f.httpd, "http", "", "`ADDR` of the control (state, table, faults)")
	c.Flags().StringVar(&f.link, "link", "ethernet", "`NAME` of the link, for scripts and the capture")
	c.Flags().DurationVar(&f.latency, "latency", 0, "`TIME` that a packet needs, one way")
	c.Flags().Uint64Var(&f.seed, "seed", 1, "`NUMBER` from which all chance comes")
	c.Flags().BoolVar(&f.table, "table", false, "show flows and faults, each second (default: on a terminal)")
	c.Flags().BoolVar(&f.json, "json", false, "print flows and faults as one line of JSON, each second")
	return c
}

// edgePort is where the link's OFD end listens; nobody outside sees it.
const edgePort = 7777

func serveNetfault(ctx context.Context, w, warn io.Writer, f netfaultFlags) (err error) {
	opt := netfault.LinkOptions{Name: f.link, Latency: f.latency}
	switch {
	case f.bridge != "" && (f.listen != "" || f.to != ""):
		return errors.New("--bridge with --listen or --to: want one kind of link")
	case f.bridge != "":
		a, b, ok := strings.Cut(f.bridge, ",")
		if !ok || a == "" || b == "" || strings.Contains(b, ",") {
			return fmt.Errorf("--bridge %s: want two interfaces, such as eth1,eth2", f.bridge)
		}
		opt.Bridge = [2]string{a, b}
	case f.listen == "" || f.to == "":
		return errors.New("no link: want --listen ADDR and --to ADDR, or --bridge IF1,IF2")
	default:
		if _, _, err := net.SplitHostPort(f.to); err != nil {
			return fmt.Errorf("--to %s: want host:port, such as 10.0.0.5:7777", f.to)
		}
	}
	if f.link == "" || f.latency < 0 {
		return fmt.Errorf("--link %q, --latency %v: want a name and no negative time", f.link, f.latency)
	}
	var faults script.Script
	if f.script != "" {
		raw, err := os.ReadFile(f.script)
		if err != nil {
			return fmt.Errorf("--script: %w", err)
		}
		if faults, err = script.Load(f.script, raw); err != nil {
			return err
		}
	}

	loop := clock.NewReal()
	defer loop.Close()
	log, start, err := netfaultRecord(loop, f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, benchFault(log.Close())) }()
	var capture io.Writer
	if f.capture != "" {
		file, err := os.OpenFile(f.capture, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, os.ErrExist) {
			return fmt.Errorf("--capture %s: the file is there already: want a new one", f.capture)
		} else if err != nil {
			return fmt.Errorf("--capture: %w", err)
		}
		capture = file
		defer func() { err = errors.Join(err, benchFault(file.Close())) }()
	}
	n, err := netfault.New(loop, netfault.Options{Seed: f.seed, Journal: log, Capture: capture, Comment: "kkmtest netfault", Links: []netfault.LinkOptions{opt}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, benchFault(n.Close())) }()

	ready := "netfault ready bridge=" + f.bridge
	if f.bridge == "" {
		if _, err := n.Relay(edgePort, f.to); err != nil {
			return err
		}
		e, err := n.Edge(f.listen, f.link, edgePort)
		if err != nil {
			return fmt.Errorf("--listen %s: %w", f.listen, err)
		}
		ready = fmt.Sprintf("netfault ready listen=%s", e.Addr())
		warnWide(warn, "--listen", e.Addr())
	}
	if f.httpd != "" {
		l, err := net.Listen("tcp", f.httpd)
		if err != nil {
			return fmt.Errorf("--http %s: %w", f.httpd, err)
		}
		api := &http.Server{Handler: control.Handler(n), ReadHeaderTimeout: 5 * time.Second}
		go func() { _ = api.Serve(l) }()
		defer func() { err = errors.Join(err, api.Close()) }()
		ready += fmt.Sprintf(" http=%s", l.Addr())
		warnWide(warn, "--http", l.Addr())
	}
	run, err := faults.Start(n, loop, start)
	if err != nil {
		return err
	}
	defer run.Stop()
	if _, err := fmt.Fprintln(w, ready); err != nil {
		return err
	}
	watch(ctx, loop, func() {
		// what is lost by a power cut is a second at most
		_ = n.Flush() // the network remembers its error
		if err := log.Barrier(); err != nil {
			fmt.Fprintf(warn, "kkmtest: %v\n", err)
		}
		switch {
		case f.json:
			_ = json.NewEncoder(w).Encode(map[string]any{"at": loop.Now(), "links": n.State()})
		case f.table:
			// home, the text with each line cleared to its end, then the rest of the screen
			text := strings.ReplaceAll(ready+"\n\n"+control.Table(n.State()), "\n", "\x1b[K\n")
			fmt.Fprintf(w, "\x1b[H%s\x1b[J", text)
		}
	})
	for _, s := range unspent(n, run, f.script != "") {
		fmt.Fprintf(warn, "kkmtest: %s\n", s)
	}
	return benchFault(run.Err())
}

// watch calls look each second until it is told to stop, and once more.
func watch(ctx context.Context, loop clock.Loop, look func()) {
	for ctx.Err() == nil {
		look()
		_, _ = loop.Wait(ctx, loop.Now().Add(time.Second), nil) // the context tells why
	}
	look()
}

// unspent names the faults that never struck: the script's with their place,
// and those that were set by the control.
func unspent(n *netfault.Network, run *script.Run, scripted bool) []string {
	if scripted {
		return run.Unspent()
	}
	var out []string
	for _, l := range n.State() {
		for _, id := range l.Unspent {
			out = append(out, fmt.Sprintf("fault %s on link %s never struck", id, l.Name))
		}
	}
	return out
}

// netfaultRecord opens the record, and says where in the script's time it is.
func netfaultRecord(loop clock.Clock, f netfaultFlags) (*history.Log, script.Options, error) {
	begin := history.RunBegin{Format: 1, TimeMode: "real", Seed: f.seed, Device: "netfault"}
	if f.record == "" {
		log := history.NewMemory(loop)
		_, err := log.Append(history.Bench, begin)
		return log, script.Options{}, err
	}
	if _, err := os.Stat(f.record); errors.Is(err, os.ErrNotExist) {
		log, err := history.Create(f.record, loop, true)
		if err != nil {
			return nil, script.Options{}, fmt.Errorf("--record: %w", err)
		}
		_, err = log.Append(history.Bench, begin)
		return log, script.Options{}, err
	}
	log, _, err := history.Resume(f.record, loop, true)
	if err != nil {
		return nil, script.Options{}, fmt.Errorf("--record: %w", err)
	}
	v := log.View()
	first, ok := v.Get(1)
	if !ok {
		return nil, script.Options{}, errors.Join(fmt.Errorf("--record %s: no event in it: want a record of netfault, or a new file", f.record), log.Close())
	}
	gone := loop.Now().Wall.Sub(first.At.Wall)
	if gone < 0 {
		return nil, script.Options{}, errors.Join(fmt.Errorf("--record %s began at %v, after now: want the clock right", f.record, first.At.Wall), log.Close())
	}
	return log, script.Options{Elapsed: gone, Record: v}, nil
}

// warnWide says when an address is open to others than this computer.
func warnWide(w io.Writer, flag string, a net.Addr) {
	if t, ok := a.(*net.TCPAddr); ok && !t.IP.IsLoopback() {
		fmt.Fprintf(w, "kkmtest: %s: %v can be reached from other computers\n", flag, a)
	}
}
