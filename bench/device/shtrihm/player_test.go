package shtrihm

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
)

// item is one line of a conversation (fixtures/vectors/serial/FORMAT.md).
type item struct {
	host bool
	data []byte
	flag byte // 0, '!' damaged on the way, 'x' lost, '?' raw
	wait time.Duration
}

// conversation reads the cases of a file; an unknown sign stops the test.
func conversation(t *testing.T, file string) map[string][]item {
	t.Helper()
	raw, err := os.ReadFile("../../../fixtures/vectors/serial/" + file)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string][]item{}
	name := ""
	for n, l := range strings.Split(string(raw), "\n") {
		l, _, _ = strings.Cut(l, ";")
		word, rest, _ := strings.Cut(strings.TrimSpace(l), " ")
		if word == "" || word == "#" || word == "!" || strings.HasPrefix(word, "#") || word == "@proto" || word == "@line" || word == "@certainty" {
			continue
		}
		items := cases[name]
		var it item
		switch word {
		case "@case":
			name = rest
			cases[name] = nil
			continue
		case "~":
			ms, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatalf("%s:%d: %v", file, n+1, err)
			}
			it.wait = time.Duration(ms) * time.Millisecond
		case "H>", "H>!", "H>x", "D<", "D<!", "D<x", "D<?", "H>+", "D<+":
			it.host = word[0] == 'H'
			if it.data, err = hex.DecodeString(strings.ReplaceAll(rest, " ", "")); err != nil {
				t.Fatalf("%s:%d: %v", file, n+1, err)
			}
			if len(word) > 2 {
				it.flag = word[2]
			}
			if it.flag == '+' {
				items[len(items)-1].data = append(items[len(items)-1].data, it.data...)
				continue
			}
		default:
			t.Fatalf("%s:%d: %q: not in FORMAT.md", file, n+1, word)
		}
		cases[name] = append(items, it)
	}
	return cases
}

// player is the register of a conversation: it says the D< lines and compares
// what the host writes with the H> lines.
type player struct {
	loop  *clock.Virtual
	items []item
	err   error
}

func (p *player) Close() error { return nil }

func (p *player) Write(_ context.Context, b []byte) error {
	for len(p.items) > 0 && p.items[0].wait > 0 {
		p.items = p.items[1:] // the host may be quicker than the example
	}
	if len(p.items) == 0 || !p.items[0].host {
		p.err = fmt.Errorf("host wrote % X, the conversation goes on with %+v", b, p.items)
		return p.err
	}
	want := p.items[0]
	p.items = p.items[1:]
	// A line that is damaged on the way is shown as the device sees it.
	if want.flag == '!' && len(want.data) == len(b) || bytes.Equal(want.data, b) {
		return nil
	}
	p.err = fmt.Errorf("host wrote\n% X, want\n% X", b, want.data)
	return p.err
}

func (p *player) Read(ctx context.Context, b []byte, d time.Duration) (int, error) {
	if len(p.items) == 0 || p.items[0].host {
		_, err := p.loop.Wait(ctx, p.loop.Now().Add(d), nil)
		return 0, err
	}
	it := &p.items[0]
	if it.wait > 0 {
		w := min(d, it.wait)
		_, err := p.loop.Wait(ctx, p.loop.Now().Add(w), nil)
		if it.wait -= w; it.wait == 0 {
			p.items = p.items[1:]
		}
		if d > w && err == nil {
			return p.Read(ctx, b, d-w)
		}
		return 0, err
	}
	n := copy(b, it.data)
	if it.data = it.data[n:]; len(it.data) == 0 {
		p.items = p.items[1:]
	}
	return n, nil
}
