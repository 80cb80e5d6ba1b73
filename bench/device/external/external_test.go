package external

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

// The test binary plays driver programs too: kkmtest starts a program without
// the caller's environment, so that the part comes as an argument.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "play" {
		play(os.Args[2])
		return
	}
	os.Exit(m.Run())
}

const greeting = `{"driver":"played","version":"0","protocol":1,"can":["printed","display","settings","power","clock","queue"]}`

// play answers by a table of the part: call -> lines. $ID stands for the number
// of the call. A line of one word is an act.
func play(part string) {
	parts := map[string]map[string]string{
		"good": {
			"identity": `{"id":$ID,"result":{"type":"T","model":"M","serial":"S","firmware":"F"}}`,
			"state":    `{"id":$ID,"result":{"shift_open":true,"shift":3,"unsent":2,"clock":"2026-01-05T09:00:00"}}`,
			"do": `{"event":"bytes","dir":"to-device","data":"BQ==","note":"ENQ"}` + "\n" + `{"event":"entered"}` + "\n" +
				`{"event":"bytes","dir":"from-device","data":"FQ=="}` + "\n" + `{"id":$ID,"result":{"got":"done","doc":7,"sign":"42","change":150,"blur_ms":5}}`,
			"printed": `{"id":$ID,"result":{"lines":["a","b"],"origin":"tap"}}`,
			"display": `{"id":$ID,"result":{"lines":["x"]}}`,
			"setting": `{"id":$ID,"result":{"value":""}}`,
			"power":   `{"id":$ID,"result":{}}`,
			"clock":   `{"id":$ID,"result":{"from":"2026-01-05T09:00:00","to":"2026-01-05T10:00:00"}}`,
			"queue":   `{"id":$ID,"result":{"offline":true,"unsent":1,"oldest":"2026-01-05T09:00:00"}}`,
		},
		"refuses":     {"do": `{"id":$ID,"result":{"got":"refused","code":78,"text":"shift too long"}}`},
		"unsure":      {"do": `{"id":$ID,"result":{"got":"unknown","text":"the line broke"}}`},
		"silent":      {"do": `{"id":$ID,"error":{"kind":"silent","text":"no ACK"}}`},
		"unable":      {"do": `{"id":$ID,"error":{"kind":"not-able","text":"no such key"}}`},
		"fails":       {"do": `{"id":$ID,"error":{"kind":"failed","text":"port gone"}}`},
		"dies":        {"do": `die`},
		"hangs":       {"do": `hang`, "state": `{"id":$ID,"result":{"shift_open":false}}`},
		"late":        {"do": `late`, "state": `{"id":$ID,"result":{"shift_open":false}}`},
		"chats":       {"do": `hello, bench`},
		"other word":  {"do": `{"id":$ID,"result":{"got":"ok"}}`},
		"typo":        {"do": `{"id":$ID,"result":{"got":"done","document":7}}`},
		"two answers": {"do": `{"id":$ID,"result":{"got":"done"},"error":{"kind":"failed","text":"x"}}`},
		"long line":   {"do": `long`},
		"no bytes":    {"do": `{"event":"bytes","dir":"to-device","data":""}`},
		"direction":   {"do": `{"event":"bytes","dir":"out","data":"BQ=="}`},
		"both":        {"do": `{"event":"entered","id":$ID,"result":{"got":"done"}}`},
		"old version": {"hello": `{"id":$ID,"result":{"driver":"x","version":"0","protocol":2,"can":[]}}`},
		"no name":     {"hello": `{"id":$ID,"result":{"driver":"","version":"0","protocol":1,"can":[]}}`},
		"flies":       {"hello": `{"id":$ID,"result":{"driver":"x","version":"0","protocol":1,"can":["fly"]}}`},
		"stays":       {"close": `hang`},
		"empty state": {"state": `{"id":$ID,"result":{}}`},
		"zone":        {"state": `{"id":$ID,"result":{"shift_open":true,"clock":"2026-01-05T09:00:00Z"}}`},
		"somewhere":   {"printed": `{"id":$ID,"result":{"lines":[],"origin":"dream"}}`},
		"no value":    {"setting": `{"id":$ID,"result":{}}`},
		"environment": {},
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var c struct {
			ID   uint64
			Call string
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(9)
		}
		a, ok := parts[part][c.Call]
		switch {
		case ok:
		case c.Call == "hello":
			a = `{"id":$ID,"result":` + greeting + `}`
		case c.Call == "identity" && part == "environment":
			raw, _ := json.Marshal(strings.Join(os.Environ(), " "))
			a = `{"id":$ID,"result":{"type":` + string(raw) + `}}`
		case c.Call == "close":
			return
		default:
			a = `{"id":$ID,"error":{"kind":"failed","text":"not in this part"}}`
		}
		switch a {
		case "die":
			fmt.Fprintln(os.Stderr, "out of \x1b[31mink")
			os.Exit(3)
		case "hang":
			select {}
		case "late":
			time.Sleep(400 * time.Millisecond)
			a = `{"id":$ID,"result":{"got":"done"}}`
		case "long":
			a = strings.Repeat("x", maxLine+1)
		}
		fmt.Println(strings.ReplaceAll(a, "$ID", fmt.Sprint(c.ID)))
	}
}

type rig struct {
	*Driver
	loop *clock.Real
	log  *history.Log
}

func open(t *testing.T, part string, o Options) (rig, error) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := rig{loop: clock.NewReal()}
	t.Cleanup(r.loop.Close)
	r.log = history.NewMemory(r.loop)
	o.Path, o.Args = exe, []string{"play", part}
	r.Driver, err = Open(t.Context(), r.loop, r.log, o)
	if r.Driver != nil {
		t.Cleanup(func() { _ = r.Driver.Close() })
	}
	return r, err
}

func mustOpen(t *testing.T, part string, o Options) rig {
	t.Helper()
	r, err := open(t, part, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func kinds(l *history.Log) []string {
	var out []string
	for e := range l.View().Events() {
		out = append(out, e.Body.Kind())
	}
	return out
}

func TestGoodProgram(t *testing.T) {
	ctx := t.Context()
	r := mustOpen(t, "good", Options{})
	id, err := r.Identity(ctx)
	if want := (history.Identity{Type: "T", Model: "M", Serial: "S", Firmware: "F"}); err != nil || id != want {
		t.Errorf("identity %+v, %v", id, err)
	}
	s, err := r.State(ctx)
	if err != nil || !s.ShiftOpen || s.Shift != 3 || s.Unsent == nil || *s.Unsent != 2 || s.Offline != nil || !s.Clock.Equal(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("state %+v, %v", s, err)
	}
	out, err := r.Do(ctx, fiscal.Op{ID: "a/1/1", Kind: fiscal.OpXReport})
	if want := (fiscal.Outcome{Got: fiscal.Done, Doc: 7, Sign: "42", Change: 150}); err != nil || out != want {
		t.Errorf("outcome %+v, %v", out, err)
	}
	if lines, origin, err := r.Printed(ctx); err != nil || origin != "tap" || !slices.Equal(lines, []string{"a", "b"}) {
		t.Errorf("printed %q %s %v", lines, origin, err)
	}
	if lines, origin, err := r.Shown(ctx); err != nil || origin != "host" || !slices.Equal(lines, []string{"x"}) {
		t.Errorf("shown %q %s %v", lines, origin, err)
	}
	if v, err := r.Setting(ctx, fiscal.SetOFDHost); err != nil || v != "" {
		t.Errorf("setting %q, %v", v, err)
	}
	if q, err := r.Queue(ctx); err != nil || !q.Offline || q.Unsent != 1 || q.Oldest.Hour() != 9 {
		t.Errorf("queue %+v, %v", q, err)
	}
	if err := errors.Join(r.Power(ctx, false), r.StepClock(ctx, time.Hour)); err != nil {
		t.Error(err)
	}
	want := []string{"state", "intent", "host", "host", "result", "switched", "clock.set"}
	if got := kinds(r.log); !slices.Equal(got, want) {
		t.Fatalf("record %q, want %q", got, want)
	}
	v := r.log.View()
	for _, n := range []history.Seq{3, 4} {
		if e, _ := v.Get(n); len(e.Causes) != 1 || e.Causes[0] != 2 {
			t.Errorf("event %d has causes %v, want the intent", n, e.Causes)
		}
	}
	e, _ := v.Get(5)
	res := e.Body.(history.Result)
	third, _ := v.Get(3)
	if res.Entered.Mono < third.At.Mono || res.Done.Mono < res.Entered.Mono || res.Blur != 25*time.Millisecond || res.Sources == "" {
		t.Errorf("result %+v", res)
	}
	// What was not claimed is not there, and not asked for.
	if _, ok := device.Able[device.Paper](r.Driver); ok {
		t.Error("paper is there although it was not claimed")
	}
	if _, ok := device.Able[device.Power](r.Driver); !ok {
		t.Error("power was claimed and is not there")
	}
	for name, err := range map[string]error{"paper": r.Paper(ctx, false), "battery": r.Battery(ctx, false), "reset": r.Reset(ctx)} {
		if !errors.Is(err, device.ErrNotAble) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r.StepClock(ctx, -time.Hour) == nil {
		t.Error("the clock was moved backward")
	}
}

// Every way in which an operation can end, and what the bench makes of it: the
// outcome, whether it is an error of the bench, and the words.
func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		part string
		got  fiscal.Answer
		text string
		err  string // of the bench
	}{
		{"refuses", fiscal.Refused, "shift too long", ""},
		{"unsure", fiscal.Unknown, "the line broke", ""},
		{"silent", fiscal.Unknown, "no ACK", ""},
		{"unable", fiscal.Unsupported, "no such key", ""},
		{"fails", fiscal.Unknown, "port gone", "port gone"},
		{"dies", fiscal.Unknown, "exit status 3", "out of [31mink"},
		{"hangs", fiscal.Unknown, "no answer within 150ms", ""},
		{"chats", fiscal.Unknown, "hello, bench", "invalid character"},
		{"other word", fiscal.Unknown, `got "ok"`, "want done, refused, unsupported or unknown"},
		{"typo", fiscal.Unknown, "document", `unknown field "document"`},
		{"two answers", fiscal.Unknown, "", "id and result, or with id and error"},
		{"long line", fiscal.Unknown, "", "1048576"},
		{"no bytes", fiscal.Unknown, "", "base64"},
		{"direction", fiscal.Unknown, "", "to-device"},
		{"both", fiscal.Unknown, "", "both an event and an answer"},
	} {
		t.Run(c.part, func(t *testing.T) {
			r := mustOpen(t, c.part, Options{Effect: 150 * time.Millisecond})
			if c.part != "hangs" {
				r.o.Effect = time.Minute
			}
			out, err := r.Do(t.Context(), fiscal.Op{ID: "a/1/1", Kind: fiscal.OpXReport})
			if out.Got != c.got || !strings.Contains(out.Text, c.text) || strings.Contains(out.Text, "\x1b") {
				t.Errorf("outcome %+v", out)
			}
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("error %v, want %q", err, c.err)
			}
			got := kinds(r.log)
			if len(got) < 2 || got[0] != "intent" || got[len(got)-1] != "result" {
				t.Errorf("record %q, want intent ... result", got)
			}
		})
	}
}

// An answer that comes after the bench gave up is evidence and answers nothing.
func TestLateAnswer(t *testing.T) {
	r := mustOpen(t, "late", Options{Effect: 100 * time.Millisecond})
	out, err := r.Do(t.Context(), fiscal.Op{ID: "a/1/1", Kind: fiscal.OpXReport})
	if err != nil || out.Got != fiscal.Unknown {
		t.Fatalf("%+v, %v", out, err)
	}
	s, err := r.State(t.Context())
	if err != nil || s.ShiftOpen {
		t.Fatalf("state after a late answer: %+v, %v", s, err)
	}
	if got, want := kinds(r.log), []string{"intent", "result", "host", "state"}; !slices.Equal(got, want) {
		t.Fatalf("record %q, want %q", got, want)
	}
	e, _ := r.log.View().Get(3)
	if h := e.Body.(history.HostBytes); !strings.Contains(h.Note, "given up") || !strings.Contains(string(h.Data), `"done"`) {
		t.Errorf("%+v", h)
	}
}

func TestGreetingsThatAreRefused(t *testing.T) {
	for part, want := range map[string]string{
		"old version": "version 2", "no name": "no name", "flies": `ability "fly"`,
	} {
		if _, err := open(t, part, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", part, err)
		}
	}
}

func TestAnswersThatAreRefused(t *testing.T) {
	ctx := t.Context()
	for part, c := range map[string]struct {
		call func(rig) error
		want string
	}{
		"empty state": {func(r rig) error { _, err := r.State(ctx); return err }, "shift_open"},
		"zone":        {func(r rig) error { _, err := r.State(ctx); return err }, `want one such as "2026-01-05T09:00:00"`},
		"somewhere":   {func(r rig) error { _, _, err := r.Printed(ctx); return err }, `origin "dream"`},
		"no value":    {func(r rig) error { _, err := r.Setting(ctx, fiscal.SetOFDPort); return err }, "no value"},
	} {
		if err := c.call(mustOpen(t, part, Options{})); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", part, err)
		}
	}
}

// A program that does not end is ended, and calls after the end say so.
func TestClose(t *testing.T) {
	r := mustOpen(t, "stays", Options{})
	began := time.Now()
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if d := time.Since(began); d > endTime+5*time.Second {
		t.Errorf("closing took %v", d)
	}
	if _, err := r.Identity(t.Context()); !errors.Is(err, ErrEnded) {
		t.Errorf("%v", err)
	}
	if _, err := r.Do(t.Context(), fiscal.Op{ID: "a/1/1", Kind: fiscal.OpXReport}); !errors.Is(err, ErrEnded) {
		t.Errorf("%v", err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

func TestCancelled(t *testing.T) {
	r := mustOpen(t, "hangs", Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := r.Do(ctx, fiscal.Op{ID: "a/1/1", Kind: fiscal.OpXReport}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// A program sees nothing of the bench's environment but what it needs.
func TestEnvironment(t *testing.T) {
	t.Setenv("KKMTEST_SECRET", "42424242")
	r := mustOpen(t, "environment", Options{})
	id, err := r.Identity(t.Context())
	if err != nil || !strings.Contains(id.Type, "LANG=C.UTF-8") || strings.Contains(id.Type, "42424242") {
		t.Errorf("%q, %v", id.Type, err)
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, mode os.FileMode) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte("#!/bin/false\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(p, mode); err != nil {
			t.Fatal(err)
		}
		return p
	}
	if err := Check(file("good", 0o755)); err != nil {
		t.Error(err)
	}
	for path, want := range map[string]string{
		"driver.py":                  "absolute path",
		"./driver.py":                "absolute path",
		filepath.Join(dir, "absent"): "no such file",
		dir:                          "no file",
		file("plain", 0o644):         "chmod +x",
		file("open", 0o777):          "chmod o-w",
	} {
		if err := Check(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"id":1,"result":{}}`, `{"event":"entered"}`, `{"event":"bytes","dir":"to-device","data":"BQ=="}`, `{"id":2,"error":{"kind":"failed","text":"x"}}`, `{}`, `[`, `{"id":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := parse(raw)
		if err != nil {
			return
		}
		event, answer := s.Event != "", s.ID != 0 && (s.Result != nil) != (s.Error != nil)
		if event == answer {
			t.Errorf("%q is taken for %+v", raw, s)
		}
		if s.Event == "bytes" && len(s.Data) == 0 {
			t.Errorf("%q has no bytes", raw)
		}
	})
}
