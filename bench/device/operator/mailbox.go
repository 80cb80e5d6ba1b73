package operator

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/kkmtest/kkmtest/bench/clock"
)

// Mailbox is a desk in a directory: a card becomes NNNN.card.yaml, and the
// answer is expected in NNNN.answer.yaml beside it. So a run asks without a terminal
// of its own, any program may be the face that the person sees, and a face that
// dies loses nothing. An answer that does not fit is put aside with the reason in
// NNNN.error.txt, and the card stays open.
type Mailbox struct {
	Loop clock.Loop
	Dir  string

	n int
}

// mailPoll is how often the mailbox looks; a person does not notice it, and no
// measured time hangs on it.
const mailPoll = 200 * time.Millisecond

// posted is a card in its file.
type posted struct {
	ID      string   `yaml:"id"`
	Kind    Kind     `yaml:"kind"`
	Text    string   `yaml:"text"`
	Display bool     `yaml:"display"`
	Fields  []string `yaml:"fields"`
}

// Ask posts a card and waits for its answer.
func (m *Mailbox) Ask(ctx context.Context, c Card) (Reply, error) {
	if err := os.MkdirAll(m.Dir, 0o755); err != nil {
		return Reply{}, err
	}
	base, err := m.free()
	if err != nil {
		return Reply{}, err
	}
	raw, err := yaml.Marshal(posted{ID: c.ID, Kind: c.Kind, Text: c.Text(), Display: c.Display, Fields: c.Fields()})
	if err != nil {
		return Reply{}, err
	}
	if err := write(base+".card.yaml", raw); err != nil {
		return Reply{}, err
	}
	for refused := 1; ; {
		r, err := m.collect(base, c)
		switch {
		case err == nil:
			return r, nil
		case errors.Is(err, fs.ErrNotExist) && errors.Is(err, errWaiting):
		default:
			if err := m.putAside(base, refused, err); err != nil {
				return Reply{}, err
			}
			refused++
		}
		if _, err := m.Loop.Wait(ctx, m.Loop.Now().Add(mailPoll), nil); err != nil {
			return Reply{}, err
		}
	}
}

var errWaiting = errors.New("no answer yet")

// free finds a number that no card has; after a resume the old ones are there.
func (m *Mailbox) free() (string, error) {
	for {
		m.n++
		base := filepath.Join(m.Dir, fmt.Sprintf("%04d", m.n))
		_, err := os.Stat(base + ".card.yaml")
		if errors.Is(err, fs.ErrNotExist) {
			// An answer without a card belongs to nothing that was asked.
			if err := os.Remove(base + ".answer.yaml"); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", err
			}
			return base, nil
		}
		if err != nil {
			return "", err
		}
	}
}

func (m *Mailbox) collect(base string, c Card) (Reply, error) {
	name := base + ".answer.yaml"
	raw, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return Reply{}, fmt.Errorf("%w: %w", errWaiting, err)
	}
	if err != nil {
		return Reply{}, err
	}
	var w written
	if _, err := parseYAML(filepath.Base(name), raw, &w); err != nil {
		return Reply{}, err
	}
	if w.For != "" && w.For != c.ID {
		return Reply{}, fmt.Errorf("%s: for %q: the card is %q", filepath.Base(name), w.For, c.ID)
	}
	now := m.Loop.Now()
	r, err := w.reply(m.Dir, &now)
	if err == nil {
		err = c.Fits(r)
	}
	if err == nil {
		err = onlyFields(c.Kind, w)
	}
	return r, err
}

// putAside keeps a refused answer and says why.
func (m *Mailbox) putAside(base string, n int, why error) error {
	// The reason comes first: once the answer is gone a face asks again and shows it.
	if err := write(base+".error.txt", []byte(why.Error()+"\n")); err != nil {
		return err
	}
	return os.Rename(base+".answer.yaml", fmt.Sprintf("%s.refused-%d.yaml", base, n))
}

// write makes a file appear whole.
func write(name string, raw []byte) error {
	tmp := name + ".part"
	if err := os.WriteFile(tmp, raw, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, name)
}

// Serve is the other side of a mailbox: it takes each open card of dir to a
// desk and writes the answer, until ctx ends.
func Serve(ctx context.Context, loop clock.Loop, dir string, desk Desk) error {
	for {
		open, err := openCards(dir)
		if err != nil {
			return err
		}
		for _, base := range open {
			if err := serveCard(ctx, base, desk); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
		}
		if _, err := loop.Wait(ctx, loop.Now().Add(mailPoll), nil); err != nil {
			return nil // told to stop
		}
	}
}

// openCards are the cards without an answer, in order.
func openCards(dir string) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.card.yaml"))
	if err != nil {
		return nil, err
	}
	var open []string
	for _, n := range names {
		base := strings.TrimSuffix(n, ".card.yaml")
		if _, err := os.Stat(base + ".answer.yaml"); errors.Is(err, fs.ErrNotExist) {
			open = append(open, base)
		}
	}
	return open, nil
}

func serveCard(ctx context.Context, base string, desk Desk) error {
	raw, err := os.ReadFile(base + ".card.yaml")
	if err != nil {
		return err
	}
	var p posted
	if _, err := parseYAML(base+".card.yaml", raw, &p); err != nil {
		return err
	}
	c := Card{ID: p.ID, Kind: p.Kind, Display: p.Display, posted: p.Text}
	if why, err := os.ReadFile(base + ".error.txt"); err == nil {
		c.posted += "\n! " + strings.TrimSpace(string(why))
	}
	r, err := desk.Ask(ctx, c)
	if err != nil {
		return err
	}
	out, err := yaml.Marshal(r.written(p.ID))
	if err != nil {
		return err
	}
	return write(base+".answer.yaml", out)
}

// written is a reply as a file.
func (r Reply) written(id string) map[string]any {
	m := map[string]any{"for": id}
	put := func(name, v string) {
		if v != "" {
			m[name] = v
		}
	}
	put("person", r.Person)
	put("got", r.Got)
	put("words", r.Words)
	put("sign", r.Sign)
	put("display", r.Display)
	put("model", r.Model)
	put("serial", r.Serial)
	put("firmware", r.Firmware)
	put("shift", r.Shift)
	put("value", r.Value)
	put("confirmed", r.Confirmed)
	if r.Code != 0 {
		m["code"] = r.Code
	}
	if r.Doc != 0 {
		m["doc"] = r.Doc
	}
	if r.Unsent != nil {
		m["unsent"] = *r.Unsent
	}
	if r.Shown != nil {
		m["shown"] = r.Shown
	}
	if r.Read {
		m["printed"] = append([]string{}, r.Printed...)
	}
	if len(r.Files) > 0 {
		m["files"] = r.Files
	}
	if !r.Keyed.Wall.IsZero() {
		m["keyed"], m["stood"] = r.Keyed.Wall.Format(time.RFC3339Nano), r.Stood.Wall.Format(time.RFC3339Nano)
	}
	return m
}
