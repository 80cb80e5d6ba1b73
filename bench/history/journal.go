package history

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/kkmtest/kkmtest/bench/clock"
)

// Log is a Journal and, at the same time, a growing record that can be read.
type Log struct {
	mu      sync.Mutex
	clk     clock.Clock
	events  []Event
	prev    [32]byte
	file    *os.File
	buf     *bufio.Writer
	durable bool
	err     error // the first failure of the disk; nothing is appended after it
}

// NewMemory keeps the record in memory only: tests and mutants.
func NewMemory(clk clock.Clock) *Log { return &Log{clk: clk} }

// Create starts a record in a new file. durable is for real devices: Barrier
// then waits for the disk.
func Create(path string, clk clock.Clock, durable bool) (*Log, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	if err := lock(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if d, err := os.Open(filepath.Dir(path)); err == nil {
		err = errors.Join(d.Sync(), d.Close())
		if err != nil {
			return nil, errors.Join(fmt.Errorf("record: directory: %w", err), f.Close())
		}
	}
	return &Log{clk: clk, file: f, buf: bufio.NewWriterSize(f, 1<<16), durable: durable}, nil
}

func lock(f *os.File) error {
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("record %s: another runner is writing it (%w)", f.Name(), err)
	}
	return nil
}

// Append records b.
func (l *Log) Append(src Source, b Body, causes ...Seq) (Seq, error) {
	return l.AppendLink(src, "", b, causes...)
}

// AppendLink records b for a link.
func (l *Log) AppendLink(src Source, link string, b Body, causes ...Seq) (Seq, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return 0, l.err
	}
	e := Event{Seq: Seq(len(l.events) + 1), At: l.clk.Now(), Source: src, Link: link, Causes: causes, Body: b}
	for _, c := range causes {
		if c == 0 || c >= e.Seq {
			return 0, fmt.Errorf("event %d (%s): cause %d is not an earlier event", e.Seq, b.Kind(), c)
		}
	}
	if l.buf != nil {
		raw, h, err := encode(e, l.prev)
		if err != nil {
			return 0, err
		}
		if _, err := l.buf.Write(raw); err != nil {
			l.err = fmt.Errorf("record: %w", err)
			return 0, l.err
		}
		l.prev = h
	}
	l.events = append(l.events, e)
	return e.Seq, nil
}

// Barrier makes everything durable.
func (l *Log) Barrier() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.flush(l.durable)
}

func (l *Log) flush(sync bool) error {
	if l.err != nil || l.buf == nil {
		return l.err
	}
	if err := l.buf.Flush(); err != nil {
		l.err = fmt.Errorf("record: %w", err)
		return l.err
	}
	if sync {
		if err := fdatasync(l.file); err != nil {
			l.err = fmt.Errorf("record: %w", err)
		}
	}
	return l.err
}

// Close writes what is buffered and lets the file go.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return l.err
	}
	err := errors.Join(l.flush(true), l.file.Close())
	l.file, l.buf = nil, nil
	return err
}

// View is the record up to now.
func (l *Log) View() View {
	l.mu.Lock()
	defer l.mu.Unlock()
	return NewView(l.events[:len(l.events):len(l.events)])
}

// Torn describes what was cut off the end of a record that was not closed.
type Torn struct {
	Bytes  int64 // length of the unfinished line
	Offset int64 // where it began
}

// Read opens a record for reading. An unfinished last line is left out and
// described; any other damage is an error that names the line.
func Read(path string) (View, *Torn, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("record: %w", err)
	}
	events, torn, _, err := readAll(path, raw)
	if err != nil {
		return nil, nil, err
	}
	return NewView(events), torn, nil
}

// Resume opens a record for writing after its last whole line; an unfinished
// one is cut off and described.
func Resume(path string, clk clock.Clock, durable bool) (*Log, *Torn, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("record: %w", err)
	}
	if err := lock(f); err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	raw, err := io.ReadAll(f)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("record: %w", err), f.Close())
	}
	events, torn, prev, err := readAll(path, raw)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	if torn != nil {
		if err := f.Truncate(torn.Offset); err != nil {
			return nil, nil, errors.Join(fmt.Errorf("record: %w", err), f.Close())
		}
	}
	if _, err := f.Seek(0, io.SeekEnd); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("record: %w", err), f.Close())
	}
	return &Log{clk: clk, events: events, prev: prev, file: f, buf: bufio.NewWriterSize(f, 1<<16), durable: durable}, torn, nil
}

func readAll(path string, raw []byte) (events []Event, torn *Torn, prev [32]byte, err error) {
	var off int64
	for n := 1; len(raw) > 0; n++ {
		i := bytes.IndexByte(raw, '\n')
		if i < 0 {
			return events, &Torn{Bytes: int64(len(raw)), Offset: off}, prev, nil
		}
		var e Event
		e, prev, err = decode(raw[:i], prev)
		if err != nil {
			return nil, nil, prev, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		if e.Seq != Seq(n) {
			return nil, nil, prev, fmt.Errorf("%s:%d: event number %d, want %d", path, n, e.Seq, n)
		}
		events = append(events, e)
		raw = raw[i+1:]
		off += int64(i + 1)
	}
	return events, nil, prev, nil
}

type view struct {
	events []Event // ascending Seq, possibly with gaps
	dense  bool    // events[i].Seq == events[0].Seq + i
}

// NewView reads events that are in ascending order.
func NewView(events []Event) View {
	v := view{events: events, dense: true}
	if n := len(events); n > 0 && events[n-1].Seq-events[0].Seq != Seq(n-1) {
		v.dense = false
	}
	return v
}

func (v view) Len() int { return len(v.events) }

func (v view) Events() iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for _, e := range v.events {
			if !yield(e) {
				return
			}
		}
	}
}

// find is the index of the first event with at least this number.
func (v view) find(n Seq) int {
	lo, hi := 0, len(v.events)
	if v.dense && hi > 0 {
		first := v.events[0].Seq
		if n <= first {
			return 0
		}
		return min(int(n-first), hi)
	}
	for lo < hi {
		m := (lo + hi) / 2
		if v.events[m].Seq < n {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo
}

func (v view) Get(n Seq) (Event, bool) {
	i := v.find(n)
	if i < len(v.events) && v.events[i].Seq == n {
		return v.events[i], true
	}
	return Event{}, false
}

func (v view) Between(from, to Seq) View {
	i, j := v.find(from), v.find(to+1)
	if i > j {
		i = j
	}
	return NewView(v.events[i:j])
}

func (v view) Scenario(key string) View {
	var out []Event
	in := false
	for _, e := range v.events {
		switch b := e.Body.(type) {
		case StepBegin:
			in = b.Scenario == key
		}
		if in {
			out = append(out, e)
		}
		if b, ok := e.Body.(StepEnd); ok && b.Scenario == key {
			in = false
		}
	}
	return NewView(out)
}
