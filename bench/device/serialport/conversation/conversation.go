// Package conversation reads the recorded talks between host and register that
// lie in fixtures/vectors/serial and plays either side of them: [Player] is the
// register for a driver, [Feed] the host for a register's byte machine. The
// grammar is that of FORMAT.md beside the files.
//
// It is for tests of drivers and of emulated registers; it knows no protocol
// and compares nothing but bytes. Begin with [Read].
package conversation

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
)

// Item is one step of a talk: bytes of one side, or silence.
type Item struct {
	Line int // in the file
	Host bool
	Data []byte
	Flag byte          // 0, '!' damaged on the way (Data as the receiver sees it), 'x' lost, '?' raw
	Wait time.Duration // silence; Data is then empty
}

// Case is one talk.
type Case struct {
	Name  string
	Items []Item
}

// File is a file of talks.
type File struct {
	Proto string
	Cases []Case
}

// Case finds a talk by its name.
func (f File) Case(name string) (Case, bool) {
	for _, c := range f.Cases {
		if c.Name == name {
			return c, true
		}
	}
	return Case{}, false
}

// Read reads a file. An error names the line and what the grammar allows there.
func Read(name string, raw []byte) (File, error) {
	var f File
	seen := map[string]bool{}
	for n, l := range strings.Split(string(raw), "\n") {
		if err := f.line(strings.TrimSpace(l), n+1, seen); err != nil {
			return File{}, fmt.Errorf("%s:%d: %w", name, n+1, err)
		}
	}
	if len(f.Cases) == 0 {
		return File{}, fmt.Errorf("%s: no @case", name)
	}
	return f, nil
}

func (f *File) line(l string, n int, seen map[string]bool) error {
	word, rest, _ := strings.Cut(l, " ")
	rest = strings.TrimSpace(rest)
	switch {
	case word == "" || strings.HasPrefix(word, "#") || word == "!" || word == "@line" || word == "@certainty":
		return nil
	case word == "@proto":
		f.Proto = rest
		return nil
	case word == "@case":
		if rest == "" || seen[rest] {
			return fmt.Errorf("case %q: want a name of its own", rest)
		}
		seen[rest] = true
		f.Cases = append(f.Cases, Case{Name: rest})
		return nil
	case len(f.Cases) == 0:
		return fmt.Errorf("%q before the first @case", word)
	}
	c := &f.Cases[len(f.Cases)-1]
	rest, _, _ = strings.Cut(rest, ";")
	it := Item{Line: n}
	if word == "~" {
		num, unit, _ := strings.Cut(strings.TrimSpace(rest), " ")
		ms, err := strconv.Atoi(num)
		if err != nil || unit != "ms" || ms <= 0 {
			return fmt.Errorf("silence %q: want a number of ms", rest)
		}
		it.Wait = time.Duration(ms) * time.Millisecond
		c.Items = append(c.Items, it)
		return nil
	}
	side, flag := word, ""
	if len(word) > 2 {
		side, flag = word[:2], word[2:]
	}
	if side != "H>" && side != "D<" || flag != "" && !strings.Contains("+!x?", flag) || len(flag) > 1 {
		return fmt.Errorf("%q: want H> or D<, with +, !, x or ? behind it, ~, @ or #", word)
	}
	it.Host = side == "H>"
	var err error
	if it.Data, err = hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(rest), " ", "")); err != nil || len(it.Data) == 0 {
		return fmt.Errorf("bytes %q: want hexadecimal bytes", rest)
	}
	if flag == "+" {
		last := len(c.Items) - 1
		if last < 0 || c.Items[last].Host != it.Host || c.Items[last].Wait > 0 {
			return fmt.Errorf("%q continues nothing", word)
		}
		c.Items[last].Data = append(c.Items[last].Data, it.Data...)
		return nil
	}
	if flag != "" {
		it.Flag = flag[0]
	}
	c.Items = append(c.Items, it)
	return nil
}

// Player is a port with the register of a talk behind it: it says the D< lines
// and compares what the host writes with the H> lines. It implements
// device.Port. Silence of the talk that the host does not wait for is skipped.
type Player struct {
	loop  clock.Loop
	items []Item
	err   error
}

// NewPlayer begins a talk.
func NewPlayer(loop clock.Loop, c Case) *Player {
	p := &Player{loop: loop}
	for _, it := range c.Items {
		it.Data = bytes.Clone(it.Data)
		p.items = append(p.items, it)
	}
	return p
}

// Err is the first difference, or what is left of the talk.
func (p *Player) Err() error {
	switch {
	case p.err != nil:
		return p.err
	case len(p.items) > 0:
		return fmt.Errorf("the talk was not finished: line %d and %d more", p.items[0].Line, len(p.items)-1)
	default:
		return nil
	}
}

// Close ends nothing: the talk has its own end.
func (p *Player) Close() error { return nil }

// Write compares b with the next H> line.
func (p *Player) Write(_ context.Context, b []byte) error {
	for len(p.items) > 0 && p.items[0].Wait > 0 {
		p.items = p.items[1:]
	}
	switch {
	case p.err != nil:
	case len(p.items) == 0:
		p.err = fmt.Errorf("the host wrote % X after the end of the talk", b)
	case !p.items[0].Host:
		p.err = fmt.Errorf("line %d: the host wrote % X, it is the register's turn", p.items[0].Line, b)
	case p.items[0].Flag == '!' && len(p.items[0].Data) != len(b), p.items[0].Flag != '!' && !bytes.Equal(p.items[0].Data, b):
		p.err = fmt.Errorf("line %d: the host wrote\n% X, want\n% X", p.items[0].Line, b, p.items[0].Data)
	default:
		p.items = p.items[1:]
	}
	return p.err
}

// Read hands the next D< line over, after its silence.
func (p *Player) Read(ctx context.Context, b []byte, d time.Duration) (int, error) {
	for len(p.items) > 0 && !p.items[0].Host {
		it := &p.items[0]
		if it.Wait > 0 {
			w := min(d, it.Wait)
			if _, err := p.loop.Wait(ctx, p.loop.Now().Add(w), nil); err != nil {
				return 0, err
			}
			d -= w
			if it.Wait -= w; it.Wait > 0 {
				return 0, nil
			}
			p.items = p.items[1:]
			continue
		}
		if it.Flag == 'x' { // sent, and lost on the way
			p.items = p.items[1:]
			continue
		}
		n := copy(b, it.Data)
		if it.Data = it.Data[n:]; len(it.Data) == 0 {
			p.items = p.items[1:]
		}
		return n, nil
	}
	_, err := p.loop.Wait(ctx, p.loop.Now().Add(d), nil)
	return 0, err
}

// Feed plays the host of a talk for a byte machine. receive takes the host's
// bytes; said collects what the machine sends. Each D< line is waited for, at
// most wait long, and handed to same together with what came. Lines that were lost or
// damaged on the way to the host are handed over as well: the machine does not know.
func Feed(ctx context.Context, loop clock.Loop, c Case, receive func([]byte), said *[]byte, wait time.Duration, same func(it Item, got []byte) error) error {
	for _, it := range c.Items {
		switch {
		case it.Wait > 0:
			if _, err := loop.Wait(ctx, loop.Now().Add(it.Wait), nil); err != nil {
				return err
			}
		case it.Host && it.Flag == 'x':
		case it.Host:
			loop.Post(func() { receive(bytes.Clone(it.Data)) })
		default:
			_, err := loop.Wait(ctx, loop.Now().Add(wait), func() bool { return len(*said) >= len(it.Data) })
			if err != nil {
				return err
			}
			got := (*said)[:min(len(it.Data), len(*said))]
			*said = (*said)[len(got):]
			if err := same(it, got); err != nil {
				return fmt.Errorf("line %d: %w", it.Line, err)
			}
		}
	}
	if _, err := loop.Wait(ctx, loop.Now().Add(wait), nil); err != nil {
		return err
	}
	if len(*said) > 0 {
		return fmt.Errorf("after the talk the register said % X", *said)
	}
	return nil
}
