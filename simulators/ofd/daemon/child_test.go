package daemon

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// The tests start this very program again as an operator of its own process, to
// kill it and to measure it.

const (
	childState = "KKMTEST_OFD_STATE" // directory, "-" for none
	childMany  = "KKMTEST_OFD_DEVICES"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childState); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child is an operator that ends with its standard input.
func child(dir string) error {
	n, err := strconv.Atoi(os.Getenv(childMany))
	if err != nil {
		return err
	}
	if dir == "-" {
		dir = ""
	}
	d, err := Start(Config{Listen: "127.0.0.1:0", State: dir, Devices: devices(n), Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))})
	if err != nil {
		return err
	}
	fmt.Println("ready", d.CPCR())
	_, _ = io.Copy(io.Discard, os.Stdin)
	return d.Close()
}

// process is a running child.
type process struct {
	cmd   *exec.Cmd
	addr  string
	stdin io.Closer
}

// launch starts a child; ready waits for its address.
func launch(t testing.TB, state string, n int, env ...string) (p *process, ready func() error) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), childState+"="+state, childMany+"="+strconv.Itoa(n)), env...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p = &process{cmd: cmd, stdin: in}
	return p, func() error {
		l, err := bufio.NewReader(out).ReadString('\n')
		addr, ok := strings.CutPrefix(strings.TrimSpace(l), "ready ")
		if err != nil || !ok {
			return fmt.Errorf("the child said %q: %w", l, err)
		}
		p.addr = addr
		return nil
	}
}

// stop ends a child in order.
func (p *process) stop(t testing.TB) {
	t.Helper()
	if err := p.stdin.Close(); err != nil {
		t.Error(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// memory is the resident memory of a child in bytes.
func (p *process) memory(t testing.TB) int {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.SplitSeq(string(raw), "\n") {
		if f := strings.Fields(l); len(f) == 3 && f[0] == "VmRSS:" {
			n, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}
