package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/kkmtest/kkmtest/bench/device/operator"
	"github.com/kkmtest/kkmtest/bench/device/ports"
)

type doctorFlags struct {
	days   int
	dir    string
	asJSON bool
}

func doctorCommand() *cobra.Command {
	var f doctorFlags
	c := &cobra.Command{
		Use:   "doctor",
		Short: "is this computer fit to be a bench",
		Long: `doctor looks at ports and rights, the clock's discipline, the disk for the planned
days, network interfaces and programs that some functions use. It opens no port,
changes nothing and sends nothing. docs/lab-setup.md tells how a bench is set up.

Exit status 1 when something that every bench needs is missing.`,
		Example: "  kkmtest doctor\n  kkmtest doctor --days 30 --dir /var/lib/kkmtest",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return doctor(c.Context(), c.OutOrStdout(), f) },
	}
	c.Flags().IntVar(&f.days, "days", 7, "`NUMBER` of days that a campaign may last")
	c.Flags().StringVar(&f.dir, "dir", ".", "`DIR` where runs are written")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	return c
}

// The words of a diagnosis: what is missing stops every bench, what is absent
// stops the functions that it names.
const (
	fit     = "ok"
	absent  = "absent"
	missing = "missing"
)

// diagnosis is one thing that was looked at.
type diagnosis struct {
	What string `json:"what"`
	Is   string `json:"is"` // ok, absent, missing
	Says string `json:"says"`
	Cure string `json:"cure,omitempty"`
}

// body is what doctor looks at; a test has its own.
type body struct {
	ports ports.Roots
	sys   string
	look  func(program string) (string, error)
	disk  func(dir string) (free uint64, err error)
	sync  func() (state int, maxError time.Duration, err error)
	caps  func() (effective uint64, err error)
	nics  func() ([]net.Interface, error)
}

func thisComputer() body {
	return body{ports: ports.System, sys: "/sys", look: exec.LookPath, disk: freeDisk, sync: clockState, caps: capabilities, nics: net.Interfaces}
}

func doctor(ctx context.Context, w io.Writer, f doctorFlags) error {
	if f.days < 1 || f.days > 366 {
		return fmt.Errorf("--days %d: want 1 to 366", f.days)
	}
	if st, err := os.Stat(f.dir); err != nil || !st.IsDir() {
		return fmt.Errorf("--dir %s: want a directory that is there", f.dir)
	}
	all := thisComputer().examine(ctx, f)
	if f.asJSON {
		if err := writeJSON(w, all); err != nil {
			return benchFault(err)
		}
	} else if err := printDiagnoses(w, all); err != nil {
		return benchFault(err)
	}
	for _, d := range all {
		if d.Is == missing {
			return result(1)
		}
	}
	return nil
}

func printDiagnoses(w io.Writer, all []diagnosis) error {
	marks := map[string]string{fit: "✓", absent: "·", missing: "✗"}
	for _, d := range all {
		if _, err := fmt.Fprintf(w, "%s %-8s %-18s %s\n", marks[d.Is], d.Is, d.What, d.Says); err != nil {
			return err
		}
		if d.Cure != "" {
			if _, err := fmt.Fprintf(w, "  %-8s %-18s → %s\n", "", "", d.Cure); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b body) examine(ctx context.Context, f doctorFlags) []diagnosis {
	all := b.serial()
	all = append(all, b.clock(), b.space(f), b.write(f))
	all = append(all, b.network()...)
	return append(all, b.programs(ctx)...)
}

// slowTimer is above which an FTDI adapter's timer blurs measured times.
const slowTimer = 2

func (b body) serial() []diagnosis {
	list, err := ports.List(b.ports)
	if err != nil {
		return []diagnosis{{"serial ports", absent, err.Error(), "a serial register needs a system that lists its ports under /sys/class/tty"}}
	}
	if len(list) == 0 {
		return []diagnosis{{"serial ports", absent, "there is none", "plug the register or a USB adapter in; an adapter with a serial number of its own (FTDI) is found again after it was pulled"}}
	}
	var all []diagnosis
	for _, p := range list {
		d := diagnosis{What: "port " + filepath.Base(p.Path), Is: fit, Says: p.Identity()}
		switch {
		case !p.Readable:
			d.Is, d.Says = absent, d.Says+"; this user may not open it"
			d.Cure = "add the user to the group of the port (sudo usermod -aG dialout $USER) and log in again"
		case p.LatencyTimer > slowTimer:
			d.Says += fmt.Sprintf("; its timer keeps bytes for up to %d ms", p.LatencyTimer)
			d.Cure = fmt.Sprintf("echo 1 | sudo tee /sys/class/tty/%s/device/latency_timer makes measured times sharper", filepath.Base(p.Path))
		case p.Vendor != "" && p.Serial == "":
			d.Cure = "an adapter without a serial number is known by its socket only: do not plug it elsewhere during a run"
		}
		if p.Holder != "" {
			d.Says += "; held by " + p.Holder
		}
		all = append(all, d)
	}
	return all
}

// worstClock is how far a disciplined clock may be off before rows that compare
// it with a register's clock suffer.
const worstClock = 500 * time.Millisecond

func (b body) clock() diagnosis {
	d := diagnosis{What: "clock", Is: fit}
	state, off, err := b.sync()
	switch {
	case err != nil:
		d.Is, d.Says = absent, "the kernel does not tell its state: "+err.Error()
	case state == unix.TIME_ERROR || off > worstClock:
		d.Is, d.Says = absent, fmt.Sprintf("not disciplined (error up to %v)", off)
	default:
		d.Says = fmt.Sprintf("disciplined, error up to %v", off)
		return d
	}
	d.Cure = "run chrony or systemd-timesyncd with a server of the laboratory, and let it slew, not step, during runs"
	return d
}

// Bench choices about the disk: what a day of a campaign leaves behind at most,
// measured with a register that works all day, and what should stay free.
const (
	perDay = 200 << 20
	spare  = 1 << 30
)

func (b body) space(f doctorFlags) diagnosis {
	need := uint64(f.days)*perDay + spare
	free, err := b.disk(f.dir)
	d := diagnosis{What: "disk", Is: fit}
	switch {
	case err != nil:
		d.Is, d.Says = missing, err.Error()
	case free < need:
		d.Is, d.Says = missing, fmt.Sprintf("%d MB free in %s, %d days want %d MB", free>>20, f.dir, f.days, need>>20)
		d.Cure = "free some space or give another --dir; a run whose record cannot be written stops"
	default:
		d.Says = fmt.Sprintf("%d MB free, %d days want %d MB", free>>20, f.days, need>>20)
	}
	return d
}

func (b body) write(f doctorFlags) diagnosis {
	if err := unix.Access(f.dir, unix.W_OK); err != nil {
		return diagnosis{"run directory", missing, fmt.Sprintf("%s: %v", f.dir, err), "give a --dir that this user may write to"}
	}
	return diagnosis{What: "run directory", Is: fit, Says: f.dir + " can be written to"}
}

func (b body) network() []diagnosis {
	var wired []string
	nics, err := b.nics()
	if err != nil {
		return []diagnosis{{"network cards", absent, err.Error(), ""}}
	}
	for _, n := range nics {
		dir := filepath.Join(b.sys, "class", "net", n.Name)
		if _, err := os.Stat(filepath.Join(dir, "device")); err != nil {
			continue // a bridge, a tunnel, loopback
		}
		if _, err := os.Stat(filepath.Join(dir, "wireless")); err == nil {
			continue
		}
		wired = append(wired, n.Name)
	}
	cards := diagnosis{What: "network cards", Is: fit, Says: "wired: " + strings.Join(wired, ", ")}
	switch len(wired) {
	case 0:
		cards.Is, cards.Says = absent, "no wired card"
		cards.Cure = "a register on Ethernet needs one for itself; registers on a serial line and services need none"
	case 1:
		cards.Is = absent
		cards.Cure = "a bridge (faults on every packet of a register on Ethernet) needs a second card; the edge, with the register set to this computer's address, needs one"
	}
	raw := diagnosis{What: "raw packets", Is: fit, Says: "this process may capture and send them"}
	eff, err := b.caps()
	switch {
	case err != nil:
		raw.Is, raw.Says = absent, err.Error()
	case eff&(1<<unix.CAP_NET_RAW) == 0:
		raw.Is, raw.Says = absent, "this process has no CAP_NET_RAW: no bridge, the edge works"
		raw.Cure = "sudo setcap cap_net_raw+ep " + os.Args[0]
	}
	return []diagnosis{cards, raw}
}

func (b body) programs(ctx context.Context) []diagnosis {
	var all []diagnosis
	for _, p := range []struct{ name, use, get string }{
		{"wireshark", "looking at capture.pcapng by eye", "apt install wireshark"},
		{"openssl", "checking signatures and time stamps by a second program", "apt install openssl"},
	} {
		d := diagnosis{What: p.name, Is: fit}
		if path, err := b.look(p.name); err != nil {
			d.Is, d.Says, d.Cure = absent, "only for "+p.use, p.get
		} else {
			d.Says = path
		}
		all = append(all, d)
	}
	d := diagnosis{What: "tesseract", Is: fit}
	if t, why := operator.FindTesseract(ctx); t == nil {
		d.Is, d.Says, d.Cure = absent, why+"; only for proposals when a person photographs receipts", "apt install tesseract-ocr tesseract-ocr-kaz tesseract-ocr-rus"
	} else {
		d.Says = t.Path + ", languages " + strings.Join(t.Languages, ", ")
	}
	return append(all, d)
}

func freeDisk(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("%s: %w", dir, err)
	}
	return s.Bavail * uint64(s.Bsize), nil
}

func clockState() (int, time.Duration, error) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t) // asks only: no mode is set
	return state, time.Duration(t.Maxerror) * time.Microsecond, err
}

func capabilities() (uint64, error) {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for l := range strings.SplitSeq(string(raw), "\n") {
		if v, ok := strings.CutPrefix(l, "CapEff:"); ok {
			var eff uint64
			_, err := fmt.Sscanf(strings.TrimSpace(v), "%x", &eff)
			return eff, err
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no line CapEff")
}
