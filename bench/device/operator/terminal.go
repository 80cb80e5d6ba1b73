package operator

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/kkmtest/kkmtest/bench/clock"
)

// Terminal is a desk at a terminal or a pair of pipes. Its rules: a card is
// printed whole before the first question; every question says what is allowed; an
// answer that does not fit is asked for again and never guessed; the name of the
// person is asked once.
type Terminal struct {
	Clock    clock.Clock
	Language Language
	Out      io.Writer

	once  sync.Once
	lines chan string
	in    io.Reader
	who   string
}

// NewTerminal makes a desk that reads from in and writes to out. clk marks moments.
func NewTerminal(clk clock.Clock, l Language, in io.Reader, out io.Writer) *Terminal {
	return &Terminal{Clock: clk, Language: l, Out: out, in: in, lines: make(chan string)}
}

// line reads a line; the reader goes on in the background, so that a person who
// does not answer cannot hold a run that is told to stop.
func (t *Terminal) line(ctx context.Context) (string, error) {
	t.once.Do(func() {
		go func() {
			s := bufio.NewScanner(t.in)
			s.Buffer(nil, 1<<16)
			for s.Scan() {
				t.lines <- strings.TrimRightFunc(s.Text(), unicode.IsSpace)
			}
			close(t.lines)
		}()
	})
	select {
	case l, ok := <-t.lines:
		if !ok {
			return "", io.EOF
		}
		return strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return -1
			}
			return r
		}, l), nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (t *Terminal) say(format string, a ...any) { fmt.Fprintf(t.Out, format, a...) }

// ask puts a question until fits says nothing.
func (t *Terminal) ask(ctx context.Context, question string, fits func(string) string) (string, error) {
	for {
		t.say("%s: ", question)
		l, err := t.line(ctx)
		if err != nil {
			return "", err
		}
		l = strings.TrimSpace(l)
		why := ""
		if fits != nil {
			why = fits(l)
		}
		if why == "" {
			return l, nil
		}
		t.say("  ! %s\n", why)
	}
}

func oneOf(words ...string) func(string) string {
	return func(s string) string {
		for _, w := range words {
			if s == w {
				return ""
			}
		}
		return strings.Join(words, " | ")
	}
}

func something(s string) string {
	if s == "" {
		return "..."
	}
	return ""
}

func number(s string) string {
	if s == "" {
		return ""
	}
	if _, err := strconv.ParseUint(s, 10, 32); err != nil {
		return "0, 1, 2, ..."
	}
	return ""
}

// Ask talks a card through.
func (t *Terminal) Ask(ctx context.Context, c Card) (Reply, error) {
	say := t.Language.words()
	c.Language = t.Language
	t.say("\n[%s] %s\n", c.ID, c.Text())
	for {
		r, err := t.talk(ctx, c, say)
		if err != nil {
			return r, err
		}
		if why := c.Fits(r); why != nil {
			t.say("  ! %s: %v\n", say["ask.again"], why)
			continue
		}
		return r, nil
	}
}

func (t *Terminal) talk(ctx context.Context, c Card, say words) (r Reply, err error) {
	if t.who == "" {
		if t.who, err = t.ask(ctx, say["ask.person"], something); err != nil {
			return r, err
		}
	}
	r.Person = t.who
	if c.Kind == AskOp {
		if err := t.mark(ctx, &r, say); err != nil {
			return r, err
		}
	}
	for _, f := range c.Fields() {
		if err := t.field(ctx, c, f, &r, say); err != nil {
			return r, err
		}
	}
	return r, nil
}

// mark takes the two moments of an operation, if the person wants to.
func (t *Terminal) mark(ctx context.Context, r *Reply, say words) error {
	t.say("%s: ", say["ask.mark"])
	l, err := t.line(ctx)
	if err != nil || strings.TrimSpace(l) != "" {
		return err
	}
	at := t.Clock.Now()
	t.say("%s: ", say["ask.stood"])
	if _, err := t.line(ctx); err != nil {
		return err
	}
	r.Keyed, r.Stood = at, t.Clock.Now()
	return nil
}

func (t *Terminal) field(ctx context.Context, c Card, f string, r *Reply, say words) (err error) {
	text := func(into *string, fits func(string) string) {
		q := f
		if fits == nil {
			q += " (" + say["ask.optional"] + ")"
		}
		*into, err = t.ask(ctx, q, fits)
	}
	num := func() uint64 {
		var s string
		s, err = t.ask(ctx, f+" ("+say["ask.optional"]+")", number)
		n, _ := strconv.ParseUint(s, 10, 32)
		return n
	}
	switch f {
	case "got":
		switch c.Kind {
		case AskOp:
			text(&r.Got, oneOf("done", "refused", "unsupported", "unknown"))
		case AskSetting:
			if r.Value == "" {
				r.Got = "unsupported"
			}
		default:
			text(&r.Got, oneOf("done", "unsupported"))
		}
	case "words":
		if r.Got == "done" {
			return nil
		}
		text(&r.Words, something)
	case "code":
		if r.Got == "refused" {
			r.Code = int(num())
		}
	case "doc":
		if r.Got == "done" {
			r.Doc = num()
		}
	case "sign":
		if r.Got == "done" {
			text(&r.Sign, nil)
		}
	case "display":
		text(&r.Display, oneOf(yes, no))
	case "model":
		text(&r.Model, nil)
	case "serial":
		text(&r.Serial, nil)
	case "firmware":
		text(&r.Firmware, nil)
	case "shift":
		text(&r.Shift, oneOf("open", "closed", "too-long"))
	case "unsent":
		var s string
		if s, err = t.ask(ctx, f+" ("+say["ask.optional"]+")", number); err == nil && s != "" {
			n, _ := strconv.Atoi(s)
			r.Unsent = &n
		}
	case "value":
		text(&r.Value, nil)
	case "confirmed":
		text(&r.Confirmed, oneOf(yes, no))
	case "shown":
		if c.Kind == AskDisplay || c.Display {
			t.say("%s (%s)\n", say["ask.displayed"], say["ask.lines"])
			r.Shown, err = t.block(ctx)
		}
	case "printed":
		err = t.paper(ctx, c, r, say)
	}
	return err
}

// paper asks whether paper came out, and for its lines or a picture of it.
func (t *Terminal) paper(ctx context.Context, c Card, r *Reply, say words) error {
	if c.Kind == AskConfirm && r.Confirmed == yes {
		return nil
	}
	a, err := t.ask(ctx, say["ask.paper"], oneOf(yes, no, "l"))
	if err != nil {
		return err
	}
	if a == no {
		r.Read = true
		return nil
	}
	if a == yes {
		t.say("%s (%s):\n", say["form.title"], say["ask.lines"])
		for _, n := range formLines {
			t.say("  - %s\n", say["form."+n])
		}
		if r.Printed, err = t.block(ctx); err != nil {
			return err
		}
		r.Read = len(r.Printed) > 0
	}
	f, err := t.ask(ctx, say["ask.file"], func(s string) string {
		if s == "" {
			return ""
		}
		if _, err := os.Stat(s); err != nil {
			return err.Error()
		}
		return ""
	})
	if err == nil && f != "" {
		f, err = filepath.Abs(f) // the mailbox lies elsewhere
		r.Files = append(r.Files, f)
	}
	return err
}

// block reads lines up to a single full stop.
func (t *Terminal) block(ctx context.Context) ([]string, error) {
	out := []string{}
	for {
		l, err := t.line(ctx)
		if err != nil || l == "." {
			return out, err
		}
		out = append(out, l)
	}
}
