package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

// hand is something beside a register that reads paper and switches power.
type hand struct {
	exact bool
	lines []string
	err   error
	off   bool
	queue *device.Queue
}

func (h *hand) Exact() bool                                       { return h.exact }
func (h *hand) Printed(context.Context) ([]string, string, error) { return h.lines, "control", h.err }
func (h *hand) Power(_ context.Context, on bool) error            { h.off = !on; return nil }
func (h *hand) Claims(ability string) bool                        { return ability != "queue" || h.queue != nil }
func (h *hand) Queue(context.Context) (q device.Queue, err error) { return *h.queue, nil }

// Paper is read by what was put there for it, then by the register, then by the
// rest; only who says that it is not able is passed over.
func TestWhoReadsThePaper(t *testing.T) {
	notAble, broken := device.ErrNotAble, errors.New("code page 99 is not known")
	for _, c := range []struct {
		name  string
		hands []any
		dev   error // of the register's own reading
		want  string
		err   error
	}{
		{"the register alone", nil, nil, "register", nil},
		{"a control API beside it", []any{&hand{lines: []string{"control"}}}, nil, "register", nil},
		{"a register without a print buffer", []any{&hand{lines: []string{"control"}}}, notAble, "control", nil},
		{"a tap", []any{&hand{lines: []string{"control"}}, &hand{exact: true, lines: []string{"tap"}}}, nil, "tap", nil},
		{"a tap that cannot read this paper", []any{&hand{exact: true, err: broken}}, nil, "", broken},
		{"nobody", nil, notAble, "", notAble},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, d := rig(t)
			b.Device, b.hands = &printing{d, c.dev}, c.hands
			lines, _, err := b.paper(t.Context())
			if got := strings.Join(lines, ""); c.err == nil && (err != nil || got != c.want) || c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("%q, %v, want %q, %v", got, err, c.want, c.err)
			}
		})
	}
}

// printing is a register that reads its own paper, or cannot.
type printing struct {
	*typewriter
	why error
}

func (p *printing) Printed(context.Context) ([]string, string, error) {
	return []string{"register"}, "host", p.why
}

// A relay is used even when the register claims to switch itself.
func TestRelayComesFirst(t *testing.T) {
	b, d := rig(t)
	own, relay := &switching{typewriter: d}, &hand{exact: true}
	b.Device, b.hands = own, []any{relay}
	p, ok := able[device.Power](b)
	if !ok {
		t.Fatal("nobody switches the power")
	}
	if err := p.Power(t.Context(), false); err != nil || !relay.off || own.off {
		t.Errorf("%v, relay %v, register %v", err, relay.off, own.off)
	}
}

type switching struct {
	*typewriter
	off bool
}

func (s *switching) Power(_ context.Context, on bool) error { s.off = !on; return nil }

// A register whose protocol has no word for unsent documents is asked over the control API.
func TestUnsentOverControl(t *testing.T) {
	for _, c := range []struct {
		name   string
		queue  *device.Queue
		refuse bool
	}{{"nobody can say", nil, true}, {"none", &device.Queue{}, false}, {"two", &device.Queue{Unsent: 2}, true}} {
		b, _ := rig(t)
		b.hands = []any{&hand{queue: c.queue}}
		if err := b.Unsent(t.Context()); (err != nil) != c.refuse {
			t.Errorf("%s: %v, want refused %v", c.name, err, c.refuse)
		}
	}
}

// A wait that is counted from an entry which a driver could not tell is counted
// from the beginning of the operation.
func TestEntryThatIsNotKnown(t *testing.T) {
	b, d := rig(t)
	op := fiscal.Op{ID: "a/b/1/1", Kind: fiscal.OpXReport}
	begun := b.Loop.Now()
	intent, _ := b.Log.Append(history.Driver, history.Intent{Op: op})
	if _, err := d.loop.Wait(t.Context(), d.loop.Now().Add(time.Minute), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Log.Append(history.Driver, history.Result{Op: op.ID, Done: b.Loop.Now()}, intent); err != nil {
		t.Fatal(err)
	}
	r, _ := b.result(op.ID)
	if got := b.entered(r); got != begun {
		t.Errorf("%v, want %v", got.Mono, begun.Mono)
	}
	r.Entered = clock.Instant{Mono: 5, Wall: epoch}
	if got := b.entered(r); got != r.Entered {
		t.Errorf("%v, want %v", got.Mono, r.Entered.Mono)
	}
}

// What a URL would start is known before it is started.
func TestStartsPrograms(t *testing.T) {
	cmd := filepath.Join(t.TempDir(), "socket")
	if err := os.WriteFile(cmd, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]bool{
		"emulated:": false, "exec:/bin/sh": true, "operator:?power=hook:" + cmd: true, "operator:?power=lcus:/dev/ttyUSB2,1": false,
		"serial:///dev/ttyUSB0?protocol=shtrih-m&power=hook:" + cmd: true, "serial:///dev/ttyUSB0?protocol=shtrih-m": false,
	} {
		d, err := ParseDeviceURL(url)
		if err != nil || d.StartsPrograms() != want {
			t.Errorf("%s: %v, %v, want %v", url, d.StartsPrograms(), err, want)
		}
	}
}

// A register inside the process has no port to attach to.
func TestAttachWantsAPort(t *testing.T) {
	for _, url := range []string{"emulated:", "operator:?robot=section-1"} {
		d, err := ParseDeviceURL(url)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := Attach(Options{URL: d}); err == nil || b != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	if slices.Contains(Protocols, HTTP) {
		t.Error("HTTP counts as a protocol of a port")
	}
}
