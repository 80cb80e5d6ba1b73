package main

import (
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kkmtest/kkmtest/bench"
	"github.com/kkmtest/kkmtest/bench/device/relay"
	"github.com/kkmtest/kkmtest/bench/device/tap"
)

// shell splits a command line as a shell does, as far as guides need it.
func shell(s string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`'([^']*)'|(\S+)`).FindAllStringSubmatch(s, -1) {
		out = append(out, m[1]+m[2])
	}
	return out
}

// Every command of the guides exists, with its flags, and every device URL is
// one, but for files that only a laboratory has.
func TestGuidesAreRight(t *testing.T) {
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	commands := 0
	for _, name := range files {
		for n, l := range strings.Split(string(mustRead(t, name)), "\n") {
			l, ok := strings.CutPrefix(l, "    ")
			if !ok {
				continue
			}
			switch {
			case strings.HasPrefix(l, "kkmtest "):
				commands++
				args := shell(strings.TrimPrefix(l, "kkmtest "))
				c, rest, err := root().Find(args)
				if err != nil || c.Name() == "kkmtest" {
					t.Errorf("%s:%d: %s: %v", name, n+1, l, err)
					continue
				}
				if err := c.ParseFlags(rest); err != nil {
					t.Errorf("%s:%d: %s: %v", name, n+1, l, err)
				}
				for _, a := range append(c.Flags().Args(), flagValue(c.Flags().GetString("device"))) {
					if !strings.Contains(a, ":") || c.Name() != "run" && c.Name() != "console" {
						continue
					}
					if _, err := bench.ParseDeviceURL(a); err != nil && !errors.Is(err, fs.ErrNotExist) {
						t.Errorf("%s:%d: %v", name, n+1, err)
					}
				}
			case strings.HasPrefix(l, "tap="):
				v := regexp.MustCompile(`^tap=(.*?)(?:&tap-page=(.*))?$`).FindStringSubmatch(l)
				if _, err := tap.Parse(v[1], v[2]); err != nil {
					t.Errorf("%s:%d: %v", name, n+1, err)
				}
			case strings.HasPrefix(l, "power="):
				if _, err := relay.Parse(strings.TrimPrefix(l, "power=")); err != nil && !strings.Contains(err.Error(), "no such file") {
					t.Errorf("%s:%d: %v", name, n+1, err)
				}
			}
		}
	}
	if commands < 10 {
		t.Errorf("only %d commands were found", commands)
	}
}

func flagValue(s string, _ error) string { return s }

// Pictures are well-formed, have a title, load nothing from elsewhere, and each is shown somewhere.
func TestPictures(t *testing.T) {
	pictures, err := filepath.Glob("../../docs/pictures/*.svg")
	if err != nil || len(pictures) == 0 {
		t.Fatalf("%v, %v", pictures, err)
	}
	var pages strings.Builder
	files, _ := filepath.Glob("../../docs/*.md")
	for _, f := range files {
		pages.Write(mustRead(t, f))
	}
	for _, p := range pictures {
		raw := string(mustRead(t, p))
		d := xml.NewDecoder(strings.NewReader(raw))
		titled := false
		for {
			tok, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Errorf("%s: %v", p, err)
				break
			}
			if s, ok := tok.(xml.StartElement); ok {
				titled = titled || s.Name.Local == "title"
				if s.Name.Local == "script" || s.Name.Local == "image" || s.Name.Local == "use" {
					t.Errorf("%s: element %s", p, s.Name.Local)
				}
			}
		}
		if !titled || strings.Contains(strings.ReplaceAll(raw, "http://www.w3.org/2000/svg", ""), "http") {
			t.Errorf("%s: it wants a title and may load nothing", p)
		}
		if !strings.Contains(pages.String(), "pictures/"+filepath.Base(p)) {
			t.Errorf("%s is shown nowhere", p)
		}
	}
	for _, m := range regexp.MustCompile(`\]\(pictures/([^)]*)\)`).FindAllStringSubmatch(pages.String(), -1) {
		if _, err := os.Stat("../../docs/pictures/" + m[1]); err != nil {
			t.Error(err)
		}
	}
}
