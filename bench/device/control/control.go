// Package control is the client of the control API (docs/control-api.md): what
// an emulator or a register with such an API lets the bench do that would else
// need a person. A [Client] has the optional capabilities of package device:
// Printer, Display, Power, Paper, Stepper, Battery, Resetter, Queuer, Breaker.
//
// It never makes a fiscal operation, follows no redirect and no proxy, and never
// repeats a call that changes something. What it switched stands in the record.
//
// Begin with [Parse], which checks an address without a connection, and
// [Connect].
package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/history"
)

// Version of the API that this client speaks.
const Version = 1

// Bench choices.
const (
	callTime  = 10 * time.Second // for one call; the API works in memory
	maxAnswer = 4 << 20          // 20,000 lines of paper and more
	readyTime = 90 * time.Second // for a register's self-test after power-on or reset
	readyPoll = 100 * time.Millisecond
)

// Parse checks a base address: http or https, host and port, nothing else.
func Parse(base string) (*url.URL, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Port() == "" ||
		u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("control %q: want http://HOST:PORT, such as http://127.0.0.1:8090", base)
	}
	u.Path = ""
	return u, nil
}

// About is what the other side says of itself.
type About struct {
	API      string   `json:"api"`
	Version  int      `json:"version"`
	Model    string   `json:"model"`
	Serial   string   `json:"serial"`
	Firmware string   `json:"firmware"`
	Can      []string `json:"can"`
}

// Client is a control API somewhere. It is safe for concurrent use.
type Client struct {
	loop  clock.Loop
	j     history.Journal
	base  string
	http  *http.Client
	about About

	mu   sync.Mutex
	next uint64 // number of the last line of paper that was read
	last LastLine
	kept []string // read while waiting for rest, not yet told
}

// LastLine says when paper came to rest, as a reading of the API.
type LastLine struct {
	At   clock.Instant // of the last line that left the printer
	Blur time.Duration // the call's round trip and the API's own rounding
}

var (
	_ device.Printer  = (*Client)(nil)
	_ device.Display  = (*Client)(nil)
	_ device.Power    = (*Client)(nil)
	_ device.Paper    = (*Client)(nil)
	_ device.Stepper  = (*Client)(nil)
	_ device.Battery  = (*Client)(nil)
	_ device.Resetter = (*Client)(nil)
	_ device.Queuer   = (*Client)(nil)
	_ device.Breaker  = (*Client)(nil)
	_ device.Claims   = (*Client)(nil)
)

// Connect asks who is there and passes over what was printed before. j may be
// nil; else what is switched is recorded.
func Connect(ctx context.Context, loop clock.Loop, base string, j history.Journal) (*Client, error) {
	u, err := Parse(base)
	if err != nil {
		return nil, err
	}
	c := &Client{loop: loop, j: j, base: u.String(), http: &http.Client{
		Transport:     &http.Transport{Proxy: nil, DialContext: (&net.Dialer{}).DialContext, MaxIdleConnsPerHost: 2},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if err := c.call(ctx, http.MethodGet, "/", nil, &c.about); err != nil {
		return nil, err
	}
	if c.about.API != "kkmtest-control" || c.about.Version != Version {
		return nil, fmt.Errorf("control %s: it says api %q version %d: want kkmtest-control version %d", c.base, c.about.API, c.about.Version, Version)
	}
	if _, err := c.read(ctx); err != nil && !errors.Is(err, device.ErrNotAble) {
		return nil, err
	}
	return c, nil
}

// About is what the other side said when the connection was made.
func (c *Client) About() About { return c.about }

// Close lets idle connections go.
func (c *Client) Close() error { c.http.CloseIdleConnections(); return nil }

// Claims says whether the other side has an ability: power, paper, clock, ...
func (c *Client) Claims(ability string) bool { return slices.Contains(c.about.Can, ability) }

// call makes one call. 404, 405 and 501 say that the other side has no such thing.
func (c *Client) call(ctx context.Context, method, path string, body, into any) error {
	if word, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "?"); word != "" && !c.Claims(word) {
		return fmt.Errorf("control %s: %s: %w", c.base, word, device.ErrNotAble)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer c.loop.AfterFunc(callTime, cancel).Stop()
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return err
		}
	}
	q, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	if body != nil {
		q.Header.Set("Content-Type", "application/json")
	}
	fail := func(err error) error {
		return fmt.Errorf("control %s: %s %s: %w", c.base, method, path, err)
	}
	r, err := c.http.Do(q)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		if errors.Is(err, context.Canceled) {
			err = fmt.Errorf("no answer within %v: %w", callTime, err)
		}
		return fail(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fail(err)
	case len(text) > maxAnswer:
		return fail(fmt.Errorf("the answer has more than %d bytes", maxAnswer))
	case r.StatusCode == http.StatusNotFound || r.StatusCode == http.StatusMethodNotAllowed || r.StatusCode == http.StatusNotImplemented:
		return fail(fmt.Errorf("%s: %w", r.Status, device.ErrNotAble))
	case r.StatusCode >= 300:
		return fail(fmt.Errorf("%s: %s", r.Status, reason(text)))
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fail(fmt.Errorf("answer %.100q: %w", text, err))
	}
	return nil
}

// reason is what the other side says of a refusal.
func reason(text []byte) string {
	var a struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(text, &a) == nil && a.Error != "" {
		return Plain(a.Error)
	}
	return Plain(fmt.Sprintf("%.200s", text))
}

// Plain takes everything out of a line that would steer a terminal.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return -1
		}
		return r
	}, s)
}

func plain(lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = Plain(l)
	}
	return out
}

// flip makes a call that switches something, and records it.
func (c *Client) flip(ctx context.Context, what, key string, on bool, words [2]string) error {
	do := func() error { return c.call(ctx, http.MethodPost, "/"+what, map[string]bool{key: on}, nil) }
	if c.j == nil {
		return do()
	}
	return device.Switching(c.j, what, on, words, do)
}

// Power switches the register. On returns when the self-test is over, or with
// an error when it does not end.
func (c *Client) Power(ctx context.Context, on bool) error {
	if err := c.flip(ctx, "power", "on", on, [2]string{"off", "on"}); err != nil || !on {
		return err
	}
	return c.awaitReady(ctx)
}

// awaitReady waits for the end of a self-test. An API that does not tell is trusted.
func (c *Client) awaitReady(ctx context.Context) error {
	until := c.loop.Now().Add(readyTime)
	for {
		var a struct {
			On    bool  `json:"on"`
			Ready *bool `json:"ready"`
		}
		err := c.call(ctx, http.MethodGet, "/power", nil, &a)
		switch {
		case errors.Is(err, device.ErrNotAble):
			return nil
		case err != nil:
			return err
		case a.On && (a.Ready == nil || *a.Ready):
			return nil
		case c.loop.Now().Mono >= until.Mono:
			return fmt.Errorf("control %s: the register is not ready %v after it was switched on", c.base, readyTime)
		}
		if _, err := c.loop.Wait(ctx, c.loop.Now().Add(readyPoll), nil); err != nil {
			return err
		}
	}
}

// Paper takes the paper away or puts it back.
func (c *Client) Paper(ctx context.Context, in bool) error {
	return c.flip(ctx, "paper", "in", in, [2]string{"out", "in"})
}

// Battery drains the backup battery or makes it good again.
func (c *Client) Battery(ctx context.Context, good bool) error {
	return c.flip(ctx, "battery", "good", good, [2]string{"flat", "good"})
}

// Reset restarts the register and waits until it is ready.
func (c *Client) Reset(ctx context.Context) error {
	do := func() error { return c.call(ctx, http.MethodPost, "/reset", struct{}{}, nil) }
	err := error(nil)
	if c.j == nil {
		err = do()
	} else {
		err = device.Switching(c.j, "reset", true, [2]string{"not done", "done"}, do)
	}
	if err != nil {
		return err
	}
	return c.awaitReady(ctx)
}

// Break makes a part of the register fail its next self-test, or whole again.
func (c *Client) Break(ctx context.Context, unit string, broken bool) error {
	do := func() error {
		return c.call(ctx, http.MethodPost, "/unit", map[string]any{"name": unit, "broken": broken}, nil)
	}
	if c.j == nil {
		return do()
	}
	return device.Switching(c.j, "unit:"+unit, !broken, [2]string{"broken", "whole"}, do)
}

// stamp is a civil time on the wire.
const stamp = "2006-01-02T15:04:05"

// StepClock moves the register's clock forward and records from where to where,
// as the register says.
func (c *Client) StepClock(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("control: the clock can only be moved forward, not by %v", d)
	}
	var a struct{ From, To string }
	if err := c.call(ctx, http.MethodPost, "/clock", map[string]string{"forward": d.String()}, &a); err != nil {
		return err
	}
	from, err1 := time.Parse(stamp, a.From)
	to, err2 := time.Parse(stamp, a.To)
	if err1 != nil || err2 != nil {
		return fmt.Errorf("control %s: POST /clock: it says from %q to %q: want times such as %s", c.base, Plain(a.From), Plain(a.To), stamp)
	}
	if c.j == nil {
		return nil
	}
	_, err := c.j.Append(history.Control, history.ClockSet{What: "device", From: from, To: to})
	return err
}

// Clock reads the register's clock.
func (c *Client) Clock(ctx context.Context) (time.Time, error) {
	var a struct{ Time string }
	if err := c.call(ctx, http.MethodGet, "/clock", nil, &a); err != nil {
		return time.Time{}, err
	}
	t, err := time.Parse(stamp, a.Time)
	if err != nil {
		return time.Time{}, fmt.Errorf("control %s: GET /clock: time %q: want one such as %s", c.base, Plain(a.Time), stamp)
	}
	return t, nil
}

// Shown reads the display.
func (c *Client) Shown(ctx context.Context) ([]string, string, error) {
	var a struct{ Lines []string }
	if err := c.call(ctx, http.MethodGet, "/display", nil, &a); err != nil {
		return nil, "", err
	}
	return plain(a.Lines), "control", nil
}

// Printed tells the lines since the last call; it waits until the paper stands.
func (c *Client) Printed(ctx context.Context) ([]string, string, error) {
	lines, err := c.read(ctx)
	if err != nil {
		return nil, "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	lines = append(c.kept, lines...)
	c.kept = nil
	return lines, "control", nil
}

// AtRest waits until the paper stands and says when the last line left the
// printer; false when nothing was printed yet. The lines are told by Printed.
func (c *Client) AtRest(ctx context.Context) (clock.Instant, time.Duration, bool, error) {
	lines, err := c.read(ctx)
	if err != nil {
		if errors.Is(err, device.ErrNotAble) {
			err = nil
		}
		return clock.Instant{}, 0, false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = append(c.kept, lines...)
	return c.last.At, c.last.Blur, c.last != LastLine{}, nil
}

// printTime is how long paper may move before the reading goes on without its
// end: paper that is out in mid-document never stops waiting.
const printTime = 60 * time.Second

func (c *Client) read(ctx context.Context) ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []string
	until := c.loop.Now().Add(printTime)
	for {
		var a struct {
			Lines    []string
			Next     uint64
			Lost     uint64
			Printing bool
			AgeMS    *int64 `json:"age_ms"`
		}
		asked := c.loop.Now()
		if err := c.call(ctx, http.MethodGet, "/printed?after="+strconv.FormatUint(c.next, 10), nil, &a); err != nil {
			return nil, err
		}
		now := c.loop.Now()
		first := c.next == 0 && c.last == LastLine{}
		switch {
		case a.Next < c.next || a.Next-c.next != uint64(len(a.Lines))+a.Lost:
			return nil, fmt.Errorf("control %s: GET /printed?after=%d: %d lines, %d lost, next %d: the numbers do not fit together", c.base, c.next, len(a.Lines), a.Lost, a.Next)
		case a.Lost > 0 && !first:
			return nil, fmt.Errorf("control %s: %d printed lines are gone from the API's memory before they were read", c.base, a.Lost)
		}
		c.next = a.Next
		all = append(all, plain(a.Lines)...)
		if a.AgeMS != nil && *a.AgeMS >= 0 {
			trip := now.Mono - asked.Mono
			c.last = LastLine{At: asked.Add(-time.Duration(*a.AgeMS) * time.Millisecond), Blur: trip + time.Millisecond}
		}
		if !a.Printing || now.Mono >= until.Mono {
			return all, nil
		}
		if _, err := c.loop.Wait(ctx, now.Add(printPoll), nil); err != nil {
			return nil, err
		}
	}
}

// printPoll is the pause between two looks at moving paper. The age of the last
// line comes with the answer, so it does not blur a measured time.
const printPoll = 50 * time.Millisecond

// LastLine is when the last line left the printer, by the last call of Printed;
// false when nothing was printed.
func (c *Client) LastLine() (LastLine, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last, c.last != LastLine{}
}

// Queue tells what the register keeps for the OFD.
func (c *Client) Queue(ctx context.Context) (device.Queue, error) {
	var a struct {
		Offline   bool
		Documents []struct {
			Document uint64
			Kind     string
			Time     string
		}
	}
	if err := c.call(ctx, http.MethodGet, "/queue", nil, &a); err != nil {
		return device.Queue{}, err
	}
	q := device.Queue{Offline: a.Offline, Unsent: len(a.Documents)}
	for i, d := range a.Documents {
		t, err := time.Parse(stamp, d.Time)
		if err != nil {
			return device.Queue{}, fmt.Errorf("control %s: GET /queue: document %d: time %q: want one such as %s", c.base, i+1, Plain(d.Time), stamp)
		}
		if q.Oldest.IsZero() || t.Before(q.Oldest) {
			q.Oldest = t
		}
	}
	return q, nil
}
