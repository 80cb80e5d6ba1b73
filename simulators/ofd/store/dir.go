package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"github.com/kkmtest/kkmtest/simulators/ofd"
)

// Format is the version of the directory that this package writes. Older ones
// are migrated, newer ones refused.
const Format = 2

// The files of a directory.
const (
	eventsFile = "events.jsonl"
	lockFile   = "lock"
)

// Torn is an event whose line was not whole when the process or the computer
// stopped: it was never acknowledged.
type Torn struct {
	Offset int64 // where the line began
	Bytes  int64 // what there was of it
}

// Opened tells what was found in a directory.
type Opened struct {
	Events   uint64
	Torn     *Torn // nil when the end was whole
	Migrated int   // the format that it had, 0 when it was the present one
}

// Dir is a directory of events. It is safe for concurrent use.
type Dir struct {
	path string
	lock *os.File
	f    *os.File
	post func(func())
	sync func() error

	mu      sync.Mutex
	wake    *sync.Cond
	queue   []pending
	closing bool
	offsets []int64 // of the lines, and one more for the end
	err     error   // the first failure of the disk; nothing is written after it
	gone    chan struct{}

	// The writer's own.
	prev [sha256.Size]byte
	end  int64
	buf  bytes.Buffer
}

type pending struct {
	e    ofd.Event
	done func(error)
}

// Open opens a directory, which is made when it is not there, and hands each
// event that it holds to fold, in order; an error of fold is one of the file at
// that line. post runs a function on the server's loop.
//
// Only one process may have a directory open.
func Open(dir string, post func(func()), fold func(ofd.Event) error) (*Dir, Opened, error) {
	d, opened, err := open(dir, post, fold)
	if err != nil {
		return nil, opened, fmt.Errorf("state: %w", err)
	}
	return d, opened, nil
}

func open(dir string, post func(func()), fold func(ofd.Event) error) (_ *Dir, opened Opened, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, opened, err
	}
	lock, err := takeLock(filepath.Join(dir, lockFile))
	if err != nil {
		return nil, opened, err
	}
	d := &Dir{path: filepath.Join(dir, eventsFile), lock: lock, post: post, gone: make(chan struct{})}
	d.wake = sync.NewCond(&d.mu)
	defer func() {
		if err != nil {
			err = errors.Join(err, lock.Close())
			if d.f != nil {
				err = errors.Join(err, d.f.Close())
			}
		}
	}()
	format, err := formatOf(d.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		err = create(dir)
	case err != nil:
	case format > Format:
		err = fmt.Errorf("%s:1: format %d: want at most %d; this program is older than the directory, take the one that wrote it", d.path, format, Format)
	case format < Format:
		opened.Migrated = format
		err = migrate(dir, format)
	}
	if err != nil {
		return nil, opened, err
	}
	if d.f, err = os.OpenFile(d.path, os.O_RDWR, 0); err != nil {
		return nil, opened, err
	}
	d.sync = func() error { return fdatasync(d.f) }
	if opened.Torn, err = d.load(fold); err != nil {
		return nil, opened, err
	}
	opened.Events = uint64(len(d.offsets) - 1)
	go d.write()
	return d, opened, nil
}

// head is the first line of the file.
type head struct {
	State  string `json:"state"`
	Format int    `json:"format"`
}

const stateName = "kkmtest-ofd"

func headLine(format int) []byte {
	return fmt.Appendf(nil, `{"state":%q,"format":%d}`, stateName, format)
}

// create makes the file of an empty directory, whole or not at all.
func create(dir string) error {
	return replace(dir, func(w io.Writer) error {
		_, err := w.Write(append(headLine(Format), '\n'))
		return err
	})
}

// replace writes the events file anew, so that there is always a whole one.
func replace(dir string, fill func(io.Writer) error) error {
	tmp := filepath.Join(dir, eventsFile+".new")
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<16)
	if err := errors.Join(fill(w), w.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, filepath.Join(dir, eventsFile)); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// formatOf reads the first line.
func formatOf(path string) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	const longest = 200
	raw := make([]byte, longest)
	n, err := io.ReadFull(f, raw)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return 0, err
	}
	line, _, whole := bytes.Cut(raw[:n], []byte("\n"))
	var h head
	if err := json.Unmarshal(line, &h); !whole || err != nil || h.State != stateName || h.Format < 1 {
		return 0, fmt.Errorf("%s:1: %.60q: want %s; this is no state directory, name another one", path, line, headLine(Format))
	}
	return h.Format, nil
}

// line is an event as it is stored. The hash covers the hash of the line before
// it and this line up to the hash.
type line struct {
	N     uint64          `json:"n"`
	Event json.RawMessage `json:"e"`
	Hash  string          `json:"h"`
}

// appendLine writes event n.
func appendLine(b *bytes.Buffer, n uint64, e *ofd.Event, prev [sha256.Size]byte) ([sha256.Size]byte, error) {
	raw, err := json.Marshal(e)
	if err != nil {
		return prev, fmt.Errorf("event %d: %w", n, err)
	}
	from := b.Len()
	fmt.Fprintf(b, `{"n":%d,"e":`, n)
	b.Write(raw)
	h := sha256.New()
	h.Write(prev[:])
	h.Write(b.Bytes()[from:])
	h.Sum(prev[:0])
	fmt.Fprintf(b, `,"h":"%x"}`+"\n", prev)
	return prev, nil
}

// parseLine reads event n, and holds it to the chain.
func parseLine(raw []byte, n uint64, prev [sha256.Size]byte) (ofd.Event, [sha256.Size]byte, error) {
	var l line
	var e ofd.Event
	if err := strict(raw, &l); err != nil {
		return e, prev, fmt.Errorf("no event: %w", err)
	}
	if l.N != n {
		return e, prev, fmt.Errorf("event number %d, want %d: a line is missing or stands twice", l.N, n)
	}
	tail := fmt.Sprintf(`,"h":"%s"}`, l.Hash)
	body, ok := bytes.CutSuffix(raw, []byte(tail))
	h := sha256.New()
	h.Write(prev[:])
	h.Write(body)
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	if !ok || fmt.Sprintf("%x", sum) != l.Hash {
		return e, prev, errors.New("the chain is broken: this line, or the end of the one before, is not as it was written")
	}
	if err := strict(l.Event, &e); err != nil {
		return e, prev, fmt.Errorf("event %d: %w", n, err)
	}
	return e, sum, nil
}

// strict refuses what the type does not have: it would be lost.
func strict(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one value in a line")
	}
	return nil
}

// load reads the file from its beginning, folds its events and cuts off a torn end.
func (d *Dir) load(fold func(ofd.Event) error) (*Torn, error) {
	size, err := d.f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(io.NewSectionReader(d.f, 0, size), 1<<16) // the file may get a byte longer meanwhile
	first, err := r.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	d.prev = sha256.Sum256(first)
	d.end = int64(len(first))
	d.offsets = []int64{d.end}
	for n := uint64(1); ; n++ {
		raw, err := r.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if errors.Is(err, io.EOF) && len(raw) == 0 {
			return nil, nil
		}
		bad := func(err error) error {
			return fmt.Errorf("%s:%d: %w; take a copy of the directory from before the damage, or keep the %d lines above it (head -n %d)", d.path, n+1, err, n, n)
		}
		whole := bytes.HasSuffix(raw, []byte("\n"))
		if !whole {
			if _, _, err := parseLine(raw, n, d.prev); err == nil { // only its end was not written
				if _, err := d.f.WriteAt([]byte("\n"), d.end+int64(len(raw))); err != nil {
					return nil, err
				}
				raw, whole = append(raw, '\n'), true
			} else if complete.Match(raw) {
				return nil, bad(errors.New("something stands behind the end of the event"))
			}
		}
		if !whole || blank(raw) {
			if whole { // a file that was made longer before its blocks were written
				rest, err := io.ReadAll(r)
				if err != nil {
					return nil, err
				}
				if raw = append(raw, rest...); !blank(raw) {
					return nil, bad(errors.New("an empty line"))
				}
			}
			t := &Torn{Offset: d.end, Bytes: int64(len(raw))}
			return t, d.cut(t.Offset)
		}
		e, prev, err := parseLine(raw[:len(raw)-1], n, d.prev)
		if err != nil {
			return nil, bad(err)
		}
		if err := fold(e); err != nil {
			return nil, bad(err)
		}
		d.prev = prev
		d.end += int64(len(raw))
		d.offsets = append(d.offsets, d.end)
	}
}

// complete matches a line that was written to its end, and more.
var complete = regexp.MustCompile(`(?s),"h":"[0-9a-f]{64}"}.`)

// blank says whether nothing was written there.
func blank(b []byte) bool { return len(bytes.Trim(b, "\x00\n")) == 0 }

func (d *Dir) cut(at int64) error {
	return errors.Join(d.f.Truncate(at), d.f.Sync())
}

// Append keeps an event; done is called on the loop when the event would survive
// a power loss, or with the reason why not.
func (d *Dir) Append(e ofd.Event, done func(error)) {
	d.mu.Lock()
	d.queue = append(d.queue, pending{e, done})
	d.mu.Unlock()
	d.wake.Signal()
}

// write is the writer: everything that waits goes to the disk together.
func (d *Dir) write() {
	defer close(d.gone)
	var batch []pending
	for {
		d.mu.Lock()
		for len(d.queue) == 0 && !d.closing {
			d.wake.Wait()
		}
		if len(d.queue) == 0 {
			d.mu.Unlock()
			return
		}
		batch, d.queue = d.queue, batch[:0]
		err, n := d.err, uint64(len(d.offsets))
		d.mu.Unlock()
		if err == nil {
			err = d.commit(batch, n)
		}
		all := make([]func(error), len(batch))
		for i := range batch {
			all[i] = batch[i].done
			batch[i] = pending{}
		}
		d.post(func() {
			for _, done := range all {
				done(err)
			}
		})
	}
}

// commit writes a batch whose first event has number n, and waits for the disk.
func (d *Dir) commit(batch []pending, n uint64) error {
	d.buf.Reset()
	prev := d.prev
	ends := make([]int64, 0, len(batch))
	var err error
	for i := range batch {
		if prev, err = appendLine(&d.buf, n+uint64(i), &batch[i].e, prev); err != nil {
			return d.failed(err)
		}
		ends = append(ends, d.end+int64(d.buf.Len()))
	}
	if _, err = d.f.WriteAt(d.buf.Bytes(), d.end); err == nil {
		err = d.sync()
	}
	if err != nil {
		return d.failed(err)
	}
	d.prev, d.end = prev, ends[len(ends)-1]
	d.mu.Lock()
	d.offsets = append(d.offsets, ends...)
	d.mu.Unlock()
	const keep = 4 << 20
	if d.buf.Cap() > keep {
		d.buf = bytes.Buffer{}
	}
	return nil
}

func (d *Dir) failed(err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.err = fmt.Errorf("%s: %w", d.path, err)
	}
	return d.err
}

// Read returns event n, from 1.
func (d *Dir) Read(n uint64) (ofd.Event, error) {
	d.mu.Lock()
	have := uint64(len(d.offsets) - 1)
	if n < 1 || n > have {
		d.mu.Unlock()
		return ofd.Event{}, fmt.Errorf("event %d: %w", n, ErrGone)
	}
	from, to := d.offsets[n-1], d.offsets[n]
	d.mu.Unlock()
	raw := make([]byte, to-from)
	if _, err := d.f.ReadAt(raw, from); err != nil {
		return ofd.Event{}, fmt.Errorf("%s: event %d: %w", d.path, n, err)
	}
	var l line
	var e ofd.Event
	if err := errors.Join(json.Unmarshal(raw, &l), json.Unmarshal(l.Event, &e)); err != nil {
		return ofd.Event{}, fmt.Errorf("%s: event %d: %w", d.path, n, err)
	}
	return e, nil
}

// ErrGone says that there is no such event, or no longer.
var ErrGone = errors.New("no such event is kept")

// Close writes what waits and lets the directory go. Not to be called on the loop.
func (d *Dir) Close() error {
	d.mu.Lock()
	closed := d.closing
	d.closing = true
	d.mu.Unlock()
	if closed {
		return nil
	}
	d.wake.Signal()
	<-d.gone
	d.mu.Lock()
	err := d.err
	d.mu.Unlock()
	return errors.Join(err, d.f.Close(), d.lock.Close())
}
