package conversation

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
)

var _ device.Port = (*Player)(nil)

var epoch = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// Every file of the fixtures can be read, whatever its protocol.
func TestAllFiles(t *testing.T) {
	files, err := filepath.Glob("../../../../fixtures/vectors/serial/*.txt")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Read(filepath.Base(name), raw)
		if err != nil {
			t.Error(err)
			continue
		}
		if f.Proto == "" {
			t.Errorf("%s: no protocol", name)
		}
		items := 0
		for _, c := range f.Cases {
			items += len(c.Items)
		}
		if items < 5 {
			t.Errorf("%s: %d items", name, items)
		}
	}
}

func TestGrammar(t *testing.T) {
	f, err := Read("a.txt", []byte("# c\n@proto p\n@case one\nH> 01 02  ; note\nH>+ 03\n~ 5 ms ; n\nD<! 04\nD<x 05\n! text\n@case two\nH> 06\n"))
	if err != nil || f.Proto != "p" || len(f.Cases) != 2 {
		t.Fatalf("%+v, %v", f, err)
	}
	c, ok := f.Case("one")
	if !ok || len(c.Items) != 4 || len(c.Items[0].Data) != 3 || c.Items[1].Wait != 5*time.Millisecond || c.Items[2].Flag != '!' || c.Items[3].Flag != 'x' {
		t.Errorf("%+v", c)
	}
	if _, ok := f.Case("three"); ok {
		t.Error("a case that is not there was found")
	}
	for name, bad := range map[string]string{
		"empty": "", "no case": "H> 01", "sign": "@case a\nX> 01", "flag": "@case a\nH>z 01", "hex": "@case a\nH> 1", "no bytes": "@case a\nH>",
		"silence": "@case a\n~ 5 s", "continues nothing": "@case a\nH>+ 01", "other side": "@case a\nH> 01\nD<+ 02", "twice": "@case a\n@case a",
	} {
		if _, err := Read("bad.txt", []byte(bad)); err == nil || !strings.HasPrefix(err.Error(), "bad.txt:") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The player tells a wrong byte, a wrong turn, too much and too little.
func TestPlayerComplains(t *testing.T) {
	f, err := Read("a.txt", []byte("@case one\nH> 05\n~ 30 ms\nD< 15\nH> 06\n"))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	buf := make([]byte, 4)
	begin := func() (*clock.Virtual, *Player) {
		loop := clock.NewVirtual(epoch, nil)
		return loop, NewPlayer(loop, f.Cases[0])
	}
	loop, p := begin()
	if err := p.Write(ctx, []byte{5}); err != nil {
		t.Fatal(err)
	}
	if n, err := p.Read(ctx, buf, 10*time.Millisecond); n != 0 || err != nil {
		t.Errorf("read inside the silence: %d, %v", n, err)
	}
	if n, err := p.Read(ctx, buf, time.Second); n != 1 || err != nil || buf[0] != 0x15 || loop.Now().Mono != 30*time.Millisecond {
		t.Errorf("read %d, %v at %v", n, err, loop.Now().Mono)
	}
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "line 5") {
		t.Errorf("unfinished: %v", err)
	}
	if err := p.Write(ctx, []byte{6}); err != nil || p.Err() != nil {
		t.Errorf("%v, %v", err, p.Err())
	}
	if err := p.Write(ctx, []byte{6}); err == nil {
		t.Error("more than the talk was taken")
	}
	_, p = begin()
	if err := p.Write(ctx, []byte{4}); err == nil || !strings.Contains(err.Error(), "05") {
		t.Errorf("wrong byte: %v", err)
	}
	_, p = begin()
	if err := p.Write(ctx, []byte{5}); err != nil {
		t.Fatal(err)
	}
	if err := p.Write(ctx, []byte{5}); err == nil || !strings.Contains(err.Error(), "turn") {
		t.Errorf("wrong turn: %v", err)
	}
}

// Feed drives a machine and tells what it said too much.
func TestFeed(t *testing.T) {
	f, err := Read("a.txt", []byte("@case one\nH> 05\nD< 15\nH>x 07\n~ 30 ms\nH> 06\nD< 16\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, extra := range []int{0, 1} {
		loop := clock.NewVirtual(epoch, nil)
		var said []byte
		machine := func(p []byte) {
			loop.AfterFunc(time.Millisecond, func() {
				said = append(said, p[0]+0x10)
				if p[0] == 6 {
					said = append(said, make([]byte, extra)...)
				}
			})
		}
		var got []byte
		err := Feed(context.Background(), loop, f.Cases[0], machine, &said, time.Second, func(_ Item, p []byte) error {
			got = append(got, p...)
			return nil
		})
		if string(got) != "\x15\x16" || (err != nil) != (extra > 0) {
			t.Errorf("extra %d: got % x, %v", extra, got, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("@case a\nH> 01\n~ 5 ms\nD< 02\nD<+ 03\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if c, err := Read("x", raw); err == nil && len(c.Cases) == 0 {
			t.Fatal("no case and no error")
		}
	})
}
