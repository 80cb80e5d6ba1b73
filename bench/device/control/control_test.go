package control

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
)

func TestParse(t *testing.T) {
	for _, good := range []string{"http://127.0.0.1:8090", "http://127.0.0.1:8090/", "http://[::1]:8090", "https://emulator.example:443"} {
		if u, err := Parse(good); err != nil || u.Path != "" {
			t.Errorf("%s: %v, %v", good, u, err)
		}
	}
	for _, bad := range []string{"", "127.0.0.1:8090", "http://127.0.0.1", "ftp://127.0.0.1:21", "http://:8090", "http://h:1/api", "http://h:1?x=1", "http://u:p@h:1", "http://h:1#x", "http://h:port"} {
		if _, err := Parse(bad); err == nil || !strings.Contains(err.Error(), "http://HOST:PORT") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// other plays another side with fixed answers.
func other(t *testing.T, answers map[string]string) (*clock.Real, string, *atomic.Int64) {
	t.Helper()
	var calls atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		a, ok := answers[q.Method+" "+q.URL.Path]
		calls.Add(1)
		status, body, cut := strings.Cut(a, " ")
		switch {
		case !ok:
			http.NotFound(w, q)
		case cut && status == "500":
			http.Error(w, body, http.StatusInternalServerError)
		case cut && status == "501":
			http.Error(w, body, http.StatusNotImplemented)
		case cut && status == "302":
			http.Redirect(w, q, body, http.StatusFound)
		case cut && status == "hangup":
			panic(http.ErrAbortHandler)
		default:
			_, _ = w.Write([]byte(a))
		}
	}))
	s.Config.ErrorLog = nil
	t.Cleanup(s.Close)
	loop := clock.NewReal()
	t.Cleanup(loop.Close)
	return loop, s.URL, &calls
}

const all = `{"api":"kkmtest-control","version":1,"can":["power","paper","clock","battery","reset","display","printed","queue","unit"]}`

const noPaper = `{"lines":[],"next":0,"lost":0,"printing":false}`

func TestConnectRefuses(t *testing.T) {
	for name, c := range map[string]struct{ about, printed, says string }{
		"another API":       {`{"api":"printer","version":1,"can":[]}`, noPaper, `api "printer"`},
		"another version":   {`{"api":"kkmtest-control","version":2,"can":[]}`, noPaper, "version 2"},
		"no JSON":           {`<html>`, noPaper, "answer"},
		"an error":          {`500 boom`, noPaper, "boom"},
		"a redirect":        {`302 /elsewhere`, noPaper, "302"},
		"a hang-up":         {`hangup x`, noPaper, "EOF"},
		"steering a screen": {"500 \x1b[2Jboom", noPaper, ": [2Jboom"},
		"numbers":           {all, `{"lines":["a","b"],"next":1,"lost":0}`, "do not fit together"},
		"too much":          {strings.Repeat(" ", maxAnswer+1), noPaper, "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			loop, url, _ := other(t, map[string]string{"GET /": c.about, "GET /printed": c.printed})
			_, err := Connect(t.Context(), loop, url, nil)
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		loop := clock.NewReal()
		defer loop.Close()
		if _, err := Connect(t.Context(), loop, "http://127.0.0.1:1", nil); err == nil || !strings.Contains(err.Error(), "GET /") {
			t.Errorf("%v", err)
		}
	})
}

// What the other side does not claim, or answers with 404 or 501, is absent; it
// is not asked for what it does not claim.
func TestAbsentAbilities(t *testing.T) {
	ctx := t.Context()
	loop, url, calls := other(t, map[string]string{
		"GET /":       `{"api":"kkmtest-control","version":1,"can":["paper","clock"]}`,
		"POST /paper": "501 no motor",
	})
	c, err := Connect(ctx, loop, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := device.Able[device.Power](c); ok {
		t.Error("power is there although it is not claimed")
	}
	if _, ok := device.Able[device.Paper](c); !ok {
		t.Error("paper is claimed and not there")
	}
	before := calls.Load()
	for name, f := range map[string]func() error{
		"power":   func() error { return c.Power(ctx, false) },
		"battery": func() error { return c.Battery(ctx, false) },
		"reset":   func() error { return c.Reset(ctx) },
		"display": func() error { _, _, err := c.Shown(ctx); return err },
		"printed": func() error { _, _, err := c.Printed(ctx); return err },
		"queue":   func() error { _, err := c.Queue(ctx); return err },
	} {
		if err := f(); !errors.Is(err, device.ErrNotAble) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := calls.Load(); n != before {
		t.Errorf("%d calls for what was not claimed", n-before)
	}
	for name, f := range map[string]func() error{
		"paper": func() error { return c.Paper(ctx, false) },
		"clock": func() error { return c.StepClock(ctx, time.Second) },
	} {
		if err := f(); !errors.Is(err, device.ErrNotAble) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A call that changes something is sent once, even when the connection breaks.
func TestNeverRepeats(t *testing.T) {
	loop, url, calls := other(t, map[string]string{"GET /": all, "GET /printed": noPaper, "POST /clock": "hangup x"})
	c, err := Connect(t.Context(), loop, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	before := calls.Load()
	if err := c.StepClock(t.Context(), time.Hour); err == nil || errors.Is(err, device.ErrNotAble) {
		t.Errorf("%v", err)
	}
	if n := calls.Load() - before; n != 1 {
		t.Errorf("sent %d times", n)
	}
	if err := c.StepClock(t.Context(), -time.Hour); err == nil {
		t.Error("the clock was moved backward")
	}
}

func TestPlain(t *testing.T) {
	if got := Plain("Нан\x1b[31m \x00ғ\u2028х\t1"); got != "Нан[31m ғх1" {
		t.Errorf("%q", got)
	}
}
