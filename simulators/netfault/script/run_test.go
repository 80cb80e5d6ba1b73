package script

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/simulators/netfault"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

const ofdPort = 7777

// world is a network of two links in simulated time.
type world struct {
	t   testing.TB
	clk *clock.Virtual
	log *history.Log
	net *netfault.Network
	run *Run
}

func newWorld(t testing.TB, text string, o Options) *world {
	t.Helper()
	w := &world{t: t, clk: clock.NewVirtual(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC), nil)}
	w.log = history.NewMemory(w.clk)
	n, err := netfault.New(w.clk, netfault.Options{Seed: 1, Journal: w.log, Links: []netfault.LinkOptions{{Name: "ethernet"}, {Name: "gsm"}}})
	if err != nil {
		t.Fatal(err)
	}
	w.net = n
	if err := n.Listen(ofdPort, open{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	if w.run, err = load(t, text).Start(n, w.clk, o); err != nil {
		t.Fatal(err)
	}
	return w
}

type open struct{}

func (open) Accept(stream.Conn, string) stream.Events { return stream.Events{} }

func (w *world) pass(d time.Duration) {
	w.t.Helper()
	if _, err := w.clk.Wait(context.Background(), w.clk.Now().Add(d), nil); err != nil {
		w.t.Fatal(err)
	}
}

// works says whether a connection comes about on a link within a second.
func (w *world) works(link string) bool {
	opened := false
	c := w.net.Dialer().Dial(link, "ofd", ofdPort, stream.Events{Opened: func(stream.Conn) { opened = true }})
	w.pass(500 * time.Millisecond)
	c.Reset()
	w.pass(500 * time.Millisecond)
	return opened
}

// set lists the faults that are in force on a link.
func (w *world) set(link string) (out []string) {
	for _, l := range w.net.State() {
		if l.Name == link {
			for _, f := range l.Faults {
				out = append(out, f.ID)
			}
		}
	}
	return out
}

const night = `
faults:
  - {id: night, at: 10h, for: 8h, every: 1d, link: ethernet, fault: cut}
  - {id: modem, at: 0, link: gsm, fault: {profile: gprs}}
  - {id: once, at: 30m, until: 45m, fault: refuse-syn}
`

// Faults come and go at their times, on their links, day after day.
func TestScriptOverDays(t *testing.T) {
	w := newWorld(t, night, Options{})
	at := func(d time.Duration) {
		t.Helper()
		w.pass(d - w.clk.Now().Mono)
	}
	for _, tt := range []struct {
		at            time.Duration
		ethernet, gsm string
	}{
		{0, "[]", "[modem/loss modem/down modem/up modem/delay]"},
		{30*time.Minute - time.Nanosecond, "[]", "[modem/loss modem/down modem/up modem/delay]"},
		{30 * time.Minute, "[once]", "[modem/loss modem/down modem/up modem/delay once]"},
		{45*time.Minute - time.Nanosecond, "[once]", "[modem/loss modem/down modem/up modem/delay once]"},
		{45 * time.Minute, "[]", "[modem/loss modem/down modem/up modem/delay]"},
		{10*time.Hour - time.Nanosecond, "[]", "[modem/loss modem/down modem/up modem/delay]"},
		{10 * time.Hour, "[night]", "[modem/loss modem/down modem/up modem/delay]"},
		{18*time.Hour - time.Nanosecond, "[night]", "[modem/loss modem/down modem/up modem/delay]"},
		{18 * time.Hour, "[]", "[modem/loss modem/down modem/up modem/delay]"},
		{34*time.Hour - time.Nanosecond, "[]", "[modem/loss modem/down modem/up modem/delay]"},
		{34 * time.Hour, "[night]", "[modem/loss modem/down modem/up modem/delay]"},
		{10 * 24 * time.Hour, "[]", "[modem/loss modem/down modem/up modem/delay]"},
		{10*24*time.Hour + 12*time.Hour, "[night]", "[modem/loss modem/down modem/up modem/delay]"},
	} {
		at(tt.at)
		if e, g := fmt.Sprint(w.set("ethernet")), fmt.Sprint(w.set("gsm")); e != tt.ethernet || g != tt.gsm {
			t.Errorf("at %v: ethernet %s, gsm %s; want %s, %s", tt.at, e, g, tt.ethernet, tt.gsm)
		}
	}
	if w.works("ethernet") {
		t.Error("the night's cut cuts nothing")
	}
	if err := w.run.Err(); err != nil {
		t.Error(err)
	}
}

// After a stop at any time the conditions are what they would have been.
func TestResumeAtTheSamePoint(t *testing.T) {
	const text = night + "  - {id: flap, at: 1h, until: 60h, link: gsm, fault: {flap: {down: 13m, up: 29m}}}\n"
	whole := newWorld(t, text, Options{})
	for at := time.Duration(0); at < 50*time.Hour; at += 97 * time.Minute {
		whole.pass(at - whole.clk.Now().Mono)
		resumed := newWorld(t, text, Options{Elapsed: at})
		for range 3 {
			for _, link := range []string{"ethernet", "gsm"} {
				a, b := states(whole, link), states(resumed, link)
				if !reflect.DeepEqual(a, b) {
					t.Fatalf("stopped at %v: %s has %v, want %v", at, link, b, a)
				}
			}
			whole.pass(11 * time.Minute)
			resumed.pass(11 * time.Minute)
		}
	}
}

// states tells which faults are in force and for how long.
func states(w *world, link string) (out []string) {
	for _, l := range w.net.State() {
		if l.Name == link {
			for _, f := range l.Faults {
				out = append(out, fmt.Sprint(f.ID, f.Since))
			}
		}
	}
	return out
}

// What a fault had done before the stop is counted from the record: an ordinal that had its
// packet does not strike again, and the flap goes on in its phase.
func TestResumeFromTheRecord(t *testing.T) {
	const text = `
faults:
  - {id: first, at: 1h, link: ethernet, where: {what: syn, dir: to-ofd, packet: 1}, fault: {reset: {to: kkm}}}
  - {id: daily, at: 0, for: 1h, every: 1d, link: gsm, where: {what: syn, dir: to-ofd, packet: 1}, fault: {reset: {to: kkm}}}
`
	w := newWorld(t, text, Options{})
	if w.works("gsm") {
		t.Error("the first SYN of the day passed")
	}
	w.pass(2*time.Hour - w.clk.Now().Mono)
	if w.works("ethernet") || !w.works("ethernet") {
		t.Error("want the first SYN refused and the second one not")
	}
	elapsed := w.clk.Now().Mono

	again := newWorld(t, text, Options{Elapsed: elapsed, Record: w.log.View()})
	if !again.works("ethernet") {
		t.Error("the fault struck a second time after the stop")
	}
	again.pass(24*time.Hour + 10*time.Minute - elapsed)
	if again.works("gsm") {
		t.Error("the next day's window did not begin anew")
	}
	// without the record it cannot be known
	if newWorld(t, text, Options{Elapsed: elapsed}).works("ethernet") {
		t.Error("nothing told that the fault had struck, and yet it did not")
	}
}

func TestUnspentOfAScript(t *testing.T) {
	w := newWorld(t, `faults:
  - {id: gone, at: 0, until: 1h, link: gsm, fault: cut}
  - {id: idle, at: 0, link: gsm, fault: cut-rst}
  - {id: spent, at: 0, link: ethernet, fault: cut}
  - {id: later, at: 9h, link: gsm, fault: cut}
`, Options{})
	w.works("ethernet")
	w.pass(2 * time.Hour)
	want := []string{
		"faults.yaml:2:5: gone on link gsm never struck before 1h0m0s",
		"faults.yaml:3:5: idle on link gsm has not struck",
		"faults.yaml:5:5: later on link gsm never began",
	}
	if got := w.run.Unspent(); !reflect.DeepEqual(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	w.run.Stop()
	w.pass(24 * time.Hour)
	if got := w.set("gsm"); len(got) != 1 {
		t.Errorf("after Stop: %q", got)
	}
}

func TestLinksThatAreNotThere(t *testing.T) {
	w := newWorld(t, "faults: [{id: x, at: 0, link: gsm, fault: cut}]", Options{})
	s := load(t, "faults:\n  - {id: y, at: 0, link: [ethernet, wifi], fault: cut}\n  - {id: z, at: 0, link: ethernet, fault: cut}\n")
	_, err := s.Start(w.net, w.clk, Options{})
	if err == nil || !strings.Contains(err.Error(), `faults.yaml:2:37: link "wifi" is not there: want one of ethernet, gsm`) {
		t.Errorf("%v", err)
	}
	if got := w.set("ethernet"); len(got) != 0 {
		t.Errorf("%q were set before the error was found", got)
	}
	// a name that is taken is an error of the start as well
	if _, err := load(t, "faults: [{id: x, at: 0, link: gsm, fault: cut}]").Start(w.net, w.clk, Options{}); err == nil || !strings.Contains(err.Error(), "already set") {
		t.Errorf("%v", err)
	}
	if _, err := s.Start(w.net, w.clk, Options{Elapsed: -1}); err == nil {
		t.Error("a start before the run was taken")
	}
}

// In stepped time the bench moves its clock forward under waiting timers.
func TestScriptFollowsAClockThatIsMoved(t *testing.T) {
	clk := clock.NewReal()
	defer clk.Close()
	n, err := netfault.New(clk, netfault.Options{Seed: 1, Journal: history.NewMemory(clk)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}()
	run, err := load(t, "faults: [{id: x, at: 71h, fault: {flap: {down: 1h, up: 1h}}}]").Start(n, clk, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer run.Stop()
	clk.Step(72*time.Hour + 30*time.Minute)
	ok, err := clk.Wait(context.Background(), clk.Now().Add(5*time.Second), func() bool { return len(n.State()[0].Faults) == 1 })
	if !ok || err != nil {
		t.Fatalf("the fault did not come: %v", err)
	}
	if since := n.State()[0].Faults[0].Since; since < 90*time.Minute || since > 91*time.Minute {
		t.Errorf("in force for %v, want since hour 71", since)
	}
}
