package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/simulators/ofd"
)

// events makes n events of different kinds and lengths.
func events(n int) []ofd.Event {
	out := make([]ofd.Event, 0, n)
	token := uint32(4000000001)
	for i := range n {
		e := ofd.Event{Device: uint32(1 + i%3)}
		switch i % 4 {
		case 0:
			e.Registered = &ofd.Device{ID: e.Device, Serial: fmt.Sprintf("S%d", i), Taxpayer: ofd.Taxpayer{Name: "ТОО «Алма» <&>"}}
		case 1:
			e.Document = &ofd.DocumentBooked{Request: bytes.Repeat([]byte{byte(i)}, 20+i), Answer: []byte("a\nb"), Token: token, Sign: "1234567890",
				Observed: []history.Observation{{Field: "x", Value: "\u2028", Rule: "r"}}}
		case 2:
			e.Token = &token
		case 3:
			e.Told = []uint64{1, 2, 3, 4, 1<<63 + 1}
		}
		out = append(out, e)
	}
	return out
}

// loop runs what is posted, one after another.
type loop struct{ mu sync.Mutex }

func (l *loop) post(f func()) { l.mu.Lock(); defer l.mu.Unlock(); f() }

// opened opens a directory and collects what it holds.
func opened(t testing.TB, dir string) (*Dir, Opened, []ofd.Event) {
	t.Helper()
	var got []ofd.Event
	d, o, err := Open(dir, new(loop).post, func(e ofd.Event) error { got = append(got, e); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return d, o, got
}

// fill appends events and waits until they are kept.
func fill(t testing.TB, d *Dir, all []ofd.Event) {
	t.Helper()
	var wg sync.WaitGroup
	for _, e := range all {
		wg.Add(1)
		d.Append(e, func(err error) {
			if err != nil {
				t.Error(err)
			}
			wg.Done()
		})
	}
	wg.Wait()
}

// written is the file of a directory with n events.
func written(t testing.TB, n int) []byte {
	t.Helper()
	dir := t.TempDir()
	d, _, _ := opened(t, dir)
	fill(t, d, events(n))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, eventsFile))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// dirOf puts a file into a directory of its own.
func dirOf(t testing.TB, raw []byte) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, eventsFile), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// lineOf counts the lines up to an offset, from 1.
func lineOf(raw []byte, at int) int { return 1 + bytes.Count(raw[:at], []byte("\n")) }

func TestEventsComeBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "state")
	all := events(40)
	d, o, got := opened(t, dir)
	if o != (Opened{}) || got != nil {
		t.Errorf("a new directory: %+v, %d events", o, len(got))
	}
	fill(t, d, all[:25])
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d, o, got = opened(t, dir)
	if o.Events != 25 || o.Torn != nil || !reflect.DeepEqual(got, all[:25]) {
		t.Errorf("%+v; %d events, want the 25 as they were", o, len(got))
	}
	fill(t, d, all[25:])
	for i, want := range all {
		if e, err := d.Read(uint64(i + 1)); err != nil || !reflect.DeepEqual(e, want) {
			t.Errorf("event %d: %+v, %v", i+1, e, err)
		}
	}
	for _, n := range []uint64{0, 41, 1 << 63} {
		if _, err := d.Read(n); !errors.Is(err, ErrGone) {
			t.Errorf("event %d: %v", n, err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if d, _, got = opened(t, dir); !reflect.DeepEqual(got, all) {
		t.Errorf("%d events, want all %d", len(got), len(all))
	}
	if err := errors.Join(d.Close(), d.Close()); err != nil {
		t.Error(err)
	}
}

// Whatever byte the power goes at, every whole line is there, the rest is told
// about and cut off, and the directory goes on.
func TestTornAtEveryByte(t *testing.T) {
	raw := written(t, 4)
	first := bytes.IndexByte(raw, '\n') + 1
	all := events(5)
	for cut := first; cut <= len(raw); cut++ {
		dir := dirOf(t, raw[:cut])
		d, o, got := opened(t, dir)
		whole := lineOf(raw, cut) - 2
		if cut < len(raw) && raw[cut] == '\n' {
			whole++ // only the end of the line is missing
		}
		begin := first
		for range whole {
			begin += bytes.IndexByte(raw[begin:], '\n') + 1
		}
		if torn := cut > begin; len(got) != whole || (o.Torn != nil) != torn {
			t.Fatalf("cut at %d: %d events, torn %+v; want %d, torn %v", cut, len(got), o.Torn, whole, torn)
		} else if torn && *o.Torn != (Torn{int64(begin), int64(cut - begin)}) {
			t.Fatalf("cut at %d: torn %+v, want %d bytes at %d", cut, *o.Torn, cut-begin, begin)
		}
		if cut%5 != 0 && cut != len(raw) { // going on costs the disk's time
			_ = d.Close()
			continue
		}
		fill(t, d, all[4:])
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		d, o, got = opened(t, dir)
		if o.Torn != nil || !reflect.DeepEqual(got, append(events(whole), all[4])) {
			t.Fatalf("cut at %d and gone on: %+v, %d events", cut, o, len(got))
		}
		_ = d.Close()
	}
}

// A file that was made longer before its blocks were written ends in zeros.
func TestZerosAtTheEnd(t *testing.T) {
	raw := written(t, 3)
	for _, tail := range []string{"\x00", strings.Repeat("\x00", 5000), "\x00\x00\n\x00"} {
		d, o, got := opened(t, dirOf(t, append(bytes.Clone(raw), tail...)))
		if len(got) != 3 || o.Torn == nil || *o.Torn != (Torn{int64(len(raw)), int64(len(tail))}) {
			t.Errorf("%d zeros: %d events, %+v", len(tail), len(got), o.Torn)
		}
		_ = d.Close()
	}
}

// One changed byte anywhere is found, with its line.
func TestEveryFlippedByteIsFound(t *testing.T) {
	raw := written(t, 3)
	for i := range raw {
		for _, flip := range []byte{0x01, 0x20, 0x80} {
			bad := bytes.Clone(raw)
			bad[i] ^= flip
			_, _, err := Open(dirOf(t, bad), new(loop).post, func(ofd.Event) error { return nil })
			if err == nil {
				t.Fatalf("byte %d of line %d, %q for %q: not noticed", i, lineOf(raw, i), bad[i], raw[i])
			}
			// A change of a line's end may be seen in the line behind it.
			n := lineOf(raw, i)
			if !strings.Contains(err.Error(), fmt.Sprintf("events.jsonl:%d: ", n)) && !strings.Contains(err.Error(), fmt.Sprintf("events.jsonl:%d: ", n+1)) {
				t.Fatalf("byte %d of line %d: %v", i, n, err)
			}
		}
	}
}

func TestMovedLinesAreFound(t *testing.T) {
	lines := bytes.SplitAfter(written(t, 5), []byte("\n"))
	lines = lines[:6]
	join := func(n ...int) []byte {
		var out []byte
		for _, i := range n {
			out = append(out, lines[i]...)
		}
		return out
	}
	tests := []struct {
		name string
		raw  []byte
		want string
	}{
		{"one is missing", join(0, 1, 3, 4, 5), "events.jsonl:3: event number 3, want 2"},
		{"two are swapped", join(0, 1, 3, 2, 4, 5), "events.jsonl:3: event number 3, want 2"},
		{"one stands twice", join(0, 1, 2, 2, 3), "events.jsonl:4: event number 2, want 3"},
		{"an empty one", append(join(0, 1), append([]byte("\n"), join(2)...)...), "events.jsonl:3: an empty line"},
		{"no head", join(1, 2), "events.jsonl:1: "},
		{"one of another directory", append(join(0, 1), bytes.SplitAfter(otherDir(t), []byte("\n"))[2]...), "events.jsonl:3: the chain is broken"},
	}
	for _, tt := range tests {
		_, _, err := Open(dirOf(t, tt.raw), new(loop).post, func(ofd.Event) error { return nil })
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if err != nil && !strings.Contains(err.Error(), "head") && tt.name != "no head" {
			t.Errorf("%s: no cure in %v", tt.name, err)
		}
	}
}

// otherDir is a good file whose first event differs.
func otherDir(t *testing.T) []byte {
	dir := t.TempDir()
	d, _, _ := opened(t, dir)
	fill(t, d, append([]ofd.Event{{Device: 77, Told: []uint64{1}}}, events(3)[1:]...))
	_ = d.Close()
	raw, err := os.ReadFile(filepath.Join(dir, eventsFile))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestDirectoriesThatAreRefused(t *testing.T) {
	tests := []struct{ name, raw, want string }{
		{"newer", `{"state":"kkmtest-ofd","format":3}` + "\n", "format 3: want at most 2; this program is older"},
		{"of something else", `{"state":"other","format":1}` + "\n", "this is no state directory"},
		{"no format", `{"state":"kkmtest-ofd","format":0}` + "\n", "this is no state directory"},
		{"empty", "", "this is no state directory"},
		{"half a head", `{"state":"kkmtest-ofd","format":2}`, "this is no state directory"},
		{"text", "hello\nworld\n", "this is no state directory"},
	}
	for _, tt := range tests {
		dir := dirOf(t, []byte(tt.raw))
		_, _, err := Open(dir, new(loop).post, func(ofd.Event) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "events.jsonl:1: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if raw, _ := os.ReadFile(filepath.Join(dir, eventsFile)); string(raw) != tt.raw {
			t.Errorf("%s: the file was changed to %q", tt.name, raw)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(file, new(loop).post, nil); err == nil {
		t.Error("a file was taken for a directory")
	}
	boom := errors.New("boom")
	if _, _, err := Open(dirOf(t, written(t, 3)), new(loop).post, func(e ofd.Event) error {
		if e.Document != nil {
			return boom
		}
		return nil
	}); !errors.Is(err, boom) || !strings.Contains(err.Error(), "events.jsonl:3: ") {
		t.Errorf("an event that cannot be folded: %v", err)
	}
}

// A directory of format 1 is migrated: the same events, and the old file beside.
func TestMigration(t *testing.T) {
	all := events(9)
	old := []byte(`{"state":"kkmtest-ofd","format":1}` + "\n")
	for _, e := range all {
		raw, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		old = append(append(old, raw...), '\n')
	}
	for name, raw := range map[string][]byte{"whole": old, "torn": append(bytes.Clone(old), `{"device":5,"to`...)} {
		dir := dirOf(t, raw)
		d, o, got := opened(t, dir)
		if o.Migrated != 1 || !reflect.DeepEqual(got, all) {
			t.Errorf("%s: %+v, %d events", name, o, len(got))
		}
		_ = d.Close()
		if kept, err := os.ReadFile(filepath.Join(dir, "events.v1.jsonl")); err != nil || !bytes.Equal(kept, raw) {
			t.Errorf("%s: the old file: %v", name, err)
		}
		d, o, got = opened(t, dir)
		if o.Migrated != 0 || !reflect.DeepEqual(got, all) {
			t.Errorf("%s, again: %+v, %d events", name, o, len(got))
		}
		_ = d.Close()
	}
	lines := bytes.SplitAfter(old, []byte("\n"))
	bad := append(append(bytes.Clone(lines[0]), lines[1]...), "{\"device\":1,\"what\":2}\n"...)
	dir := dirOf(t, bad)
	_, _, err := Open(dir, new(loop).post, func(ofd.Event) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "events.jsonl:3: no event of format 1") {
		t.Errorf("an event that format 1 did not have: %v", err)
	}
	if now, _ := os.ReadFile(filepath.Join(dir, eventsFile)); !bytes.Equal(now, bad) {
		t.Error("the file was changed though it could not be migrated")
	}
}

func TestOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	d, _, _ := opened(t, dir)
	if _, _, err := Open(dir, new(loop).post, nil); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("opened twice: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d, _, _ = opened(t, dir)
	_ = d.Close()
}

// Nothing is acknowledged before the disk has it; what comes meanwhile goes
// together; the order of the acknowledgements is that of the calls.
func TestGroupCommit(t *testing.T) {
	d, _, _ := opened(t, t.TempDir())
	syncs := make(chan chan error)
	d.sync = func() error { answer := make(chan error); syncs <- answer; return <-answer }
	all := events(6)
	acks := make(chan int, len(all))
	add := func(i int) {
		d.Append(all[i], func(err error) {
			if err != nil {
				t.Errorf("event %d: %v", i, err)
			}
			acks <- i
		})
	}
	add(0)
	first := <-syncs
	for i := 1; i < len(all); i++ {
		add(i)
	}
	if len(acks) != 0 {
		t.Error("acknowledged before the disk had it")
	}
	first <- nil
	if got := <-acks; got != 0 {
		t.Errorf("event %d is acknowledged first", got)
	}
	second := <-syncs
	if len(acks) != 0 {
		t.Error("acknowledged before the disk had it")
	}
	second <- nil
	for want := 1; want < len(all); want++ {
		if got := <-acks; got != want {
			t.Errorf("acknowledged %d, want %d", got, want)
		}
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// After a failure of the disk nothing is acknowledged any more, and what was
// before is there.
func TestDiskFails(t *testing.T) {
	dir := t.TempDir()
	d, _, _ := opened(t, dir)
	all := events(8)
	fill(t, d, all[:3])
	full := errors.New("no space left")
	d.sync = func() error { return full }
	for _, e := range all[3:5] {
		done := make(chan error)
		d.Append(e, func(err error) { done <- err })
		if err := <-done; !errors.Is(err, full) || !strings.Contains(err.Error(), eventsFile) {
			t.Errorf("%v, want the disk's error and the file", err)
		}
	}
	d.sync = func() error { return nil } // a disk that works again has lost what it failed to write
	done := make(chan error)
	d.Append(all[5], func(err error) { done <- err })
	if err := <-done; !errors.Is(err, full) {
		t.Errorf("after the failure: %v", err)
	}
	if err := d.Close(); !errors.Is(err, full) {
		t.Errorf("close: %v", err)
	}
	d, _, got := opened(t, dir)
	if len(got) < 3 || !reflect.DeepEqual(got[:3], all[:3]) {
		t.Errorf("%d events, want the three that were acknowledged first", len(got))
	}
	_ = d.Close()
}

func TestMemoryForgetsTheOldest(t *testing.T) {
	m := NewMemory(10 * (200 + 503))
	doc := func(i int) ofd.Event {
		return ofd.Event{Device: uint32(i), Document: &ofd.DocumentBooked{Request: make([]byte, 500), Answer: []byte("abc")}}
	}
	for i := range 30 {
		acked := false
		m.Append(doc(i+1), func(err error) { acked = err == nil })
		if !acked {
			t.Fatal("not acknowledged")
		}
	}
	for n := range uint64(33) {
		e, err := m.Read(n)
		if kept := n >= 21 && n <= 30; kept != (err == nil) || (kept && uint64(e.Device) != n) {
			t.Errorf("event %d: %+v, %v", n, e.Device, err)
		}
	}
	if m.held > m.limit || len(m.all) != 10 {
		t.Errorf("%d events of %d bytes are held", len(m.all), m.held)
	}
}

// FuzzOpen: whatever stands in the file, it is opened or refused; what was
// opened is whole, can be added to, and opens again.
func FuzzOpen(f *testing.F) {
	raw := written(f, 4)
	f.Add(raw)
	f.Add(raw[:len(raw)-7])
	f.Add([]byte(`{"state":"kkmtest-ofd","format":1}` + "\n" + `{"device":1,"told":[1,2,3,4,5]}` + "\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		dir := dirOf(t, raw)
		var got []ofd.Event
		d, _, err := Open(dir, new(loop).post, func(e ofd.Event) error { got = append(got, e); return nil })
		if err != nil {
			return
		}
		more := events(4)[3]
		fill(t, d, []ofd.Event{more})
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		d, o, again := opened(t, dir)
		if o.Torn != nil || len(again) != len(got)+1 || !reflect.DeepEqual(again[len(got)], more) {
			t.Fatalf("%+v: %d events, then %d", o, len(got), len(again))
		}
		_ = d.Close()
	})
}

// BenchmarkAppend keeps tickets of the usual size: one at a time, as a single
// register makes them, and a hundred that wait together.
func BenchmarkAppend(b *testing.B) {
	e := ofd.Event{Device: 1, Document: &ofd.DocumentBooked{Request: bytes.Repeat([]byte("x"), 510), Answer: bytes.Repeat([]byte("y"), 130), Token: 1, Sign: "1234567890"}}
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("%d-together", n), func(b *testing.B) {
			d, _, _ := opened(b, b.TempDir())
			defer d.Close()
			var wg sync.WaitGroup
			total := 0
			for b.Loop() {
				wg.Add(n)
				for range n {
					d.Append(e, func(err error) { wg.Done() })
				}
				wg.Wait()
				total += n
			}
			b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkOpen reads a directory of 10,000 tickets.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	d, _, _ := opened(b, dir)
	var all []ofd.Event
	for range 10000 {
		all = append(all, ofd.Event{Device: 1, Document: &ofd.DocumentBooked{Request: bytes.Repeat([]byte("x"), 510), Answer: bytes.Repeat([]byte("y"), 130)}})
	}
	fill(b, d, all)
	_ = d.Close()
	for b.Loop() {
		d, _, err := Open(dir, new(loop).post, func(ofd.Event) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
		_ = d.Close()
	}
	b.ReportMetric(float64(len(all)*b.N)/b.Elapsed().Seconds(), "events/s")
}
