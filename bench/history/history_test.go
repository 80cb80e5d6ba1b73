package history

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/fiscal"
)

var epoch = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

func sample(t *testing.T, path string) {
	t.Helper()
	l, err := Create(path, clock.NewVirtual(epoch, nil), true)
	if err != nil {
		t.Fatal(err)
	}
	must := func(_ Seq, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(l.Append(Bench, StepBegin{Scenario: "a", Step: 1, Name: "sell"}))
	must(l.Append(Driver, Intent{Op: fiscal.Op{ID: "a/1/1", Kind: fiscal.OpDeposit, Cash: 500}}))
	must(l.Append(Driver, HostBytes{Dir: ToDevice, Data: []byte{5, 0, 255}}, 2))
	must(l.Append(Driver, Result{Op: "a/1/1", Outcome: fiscal.Outcome{Got: fiscal.Done}}, 2))
	must(l.Append(Bench, StepEnd{Scenario: "a", Step: 1, Outcome: "ok"}, 1))
	must(l.AppendLink(Network, "eth", FaultSet{ID: "cut", Fault: "cut"}))
	if err := l.Barrier(); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	sample(t, path)
	v, torn, err := Read(path)
	if err != nil || torn != nil {
		t.Fatal(err, torn)
	}
	if v.Len() != 6 || v.Scenario("a").Len() != 5 || v.Scenario("b").Len() != 0 {
		t.Errorf("len %d, scenario a %d, b %d; want 6, 5, 0", v.Len(), v.Scenario("a").Len(), v.Scenario("b").Len())
	}
	e, ok := v.Get(3)
	if !ok || !reflect.DeepEqual(e.Body, HostBytes{Dir: ToDevice, Data: []byte{5, 0, 255}}) || e.Causes[0] != 2 {
		t.Errorf("event 3 = %+v, %v", e, ok)
	}
	if n := v.Between(2, 4).Len(); n != 3 {
		t.Errorf("Between(2, 4) holds %d, want 3", n)
	}
}

// Every flipped byte, dropped line and swapped pair must be found (target 73).
func TestDamageIsNamed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "history.jsonl")
	sample(t, path)
	good, _ := os.ReadFile(path)
	bad := filepath.Join(dir, "bad.jsonl")
	check := func(name string, raw []byte) {
		t.Helper()
		if err := os.WriteFile(bad, raw, 0o644); err != nil {
			t.Fatal(err)
		}
		v, torn, err := Read(bad)
		if err == nil && torn == nil {
			t.Errorf("%s: not noticed, %d events", name, v.Len())
		}
	}
	for i := range good {
		raw := bytes.Clone(good)
		raw[i] ^= 1
		check("flip", raw)
	}
	lines := strings.SplitAfter(string(good), "\n")
	check("drop", []byte(lines[0]+strings.Join(lines[2:], "")))
	check("swap", []byte(lines[1]+lines[0]+strings.Join(lines[2:], "")))
}

// A record cut at any byte keeps its whole lines and says what is missing.
func TestTornTailIsRecovered(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "history.jsonl")
	sample(t, path)
	good, _ := os.ReadFile(path)
	for cut := range good {
		p := filepath.Join(dir, "torn.jsonl")
		if err := os.WriteFile(p, good[:cut], 0o644); err != nil {
			t.Fatal(err)
		}
		whole := bytes.Count(good[:cut], []byte("\n"))
		atLine := cut == 0 || good[cut-1] == '\n'
		l, torn, err := Resume(p, clock.NewVirtual(epoch, nil), false)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if l.View().Len() != whole || (torn == nil) != atLine {
			t.Fatalf("cut at %d: %d events, torn %v; want %d, torn %v", cut, l.View().Len(), torn, whole, !atLine)
		}
		if _, err := l.Append(Bench, RunEnd{Reason: "finished"}); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if v, torn, err := Read(p); err != nil || torn != nil || v.Len() != whole+1 {
			t.Fatalf("cut at %d: after resume: %v %v", cut, torn, err)
		}
	}
}

func TestSecondWriterIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	l, err := Create(path, clock.NewVirtual(epoch, nil), true)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, _, err := Resume(path, clock.NewVirtual(epoch, nil), true); err == nil || !strings.Contains(err.Error(), "another runner") {
		t.Errorf("second writer: %v", err)
	}
}

func TestCauseMustBeEarlier(t *testing.T) {
	l := NewMemory(clock.NewVirtual(epoch, nil))
	if _, err := l.Append(Bench, RunEnd{}, 1); err == nil {
		t.Error("an event that causes itself was taken")
	}
}

func FuzzDecode(f *testing.F) {
	raw, _, _ := encode(Event{Seq: 1, Body: RunEnd{Reason: "finished"}}, [32]byte{})
	f.Add(raw[:len(raw)-1])
	f.Fuzz(func(t *testing.T, raw []byte) { _, _, _ = decode(raw, [32]byte{}) })
}

func BenchmarkAppendDurable(b *testing.B) {
	l, err := Create(filepath.Join(b.TempDir(), "h.jsonl"), clock.NewVirtual(epoch, nil), true)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	for b.Loop() { // target 72: at least 3,000 events a second, each with its barrier
		if _, err := l.Append(Driver, HostBytes{Dir: ToDevice, Data: make([]byte, 60)}); err != nil {
			b.Fatal(err)
		}
		if err := l.Barrier(); err != nil {
			b.Fatal(err)
		}
	}
}
