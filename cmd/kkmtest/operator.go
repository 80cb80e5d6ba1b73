package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/kkmtest/kkmtest/bench"
	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/operator"
)

// withScript puts the file of --script into the URL of the operator, as an
// absolute path: the runner may work elsewhere.
func withScript(device, script string) (string, error) {
	if script == "" {
		return device, nil
	}
	if !strings.HasPrefix(device, "operator:") {
		return "", fmt.Errorf("--script %s: it answers an operator's cards: want --device operator:, not %s", script, device)
	}
	u, err := url.Parse(device)
	if err != nil {
		return "", fmt.Errorf("--device: %w", err)
	}
	q := u.Query()
	if q.Has("script") {
		return "", fmt.Errorf("--script %s: the device URL names script %s already", script, q.Get("script"))
	}
	abs, err := filepath.Abs(script)
	if err != nil {
		return "", fmt.Errorf("--script: %w", err)
	}
	q.Set("script", abs)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// faceOperator talks the operator's cards of a run through at the terminal,
// until stop is called. It does nothing for other devices.
func faceOperator(ctx context.Context, device, dir string, in io.Reader, out io.Writer) (stop func()) {
	u, err := bench.ParseDeviceURL(device)
	if err != nil || u.Scheme != "operator" || u.Robot || u.Script != "" {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	loop := clock.NewReal()
	done := make(chan struct{})
	go func() {
		defer close(done)
		desk := operator.NewTerminal(loop, operator.Language(u.Language), in, out)
		if err := operator.Serve(ctx, loop, filepath.Join(dir, bench.MailboxDir), desk); err != nil {
			fmt.Fprintf(out, "  the operator's cards: %v; they can be answered as files in %s\n", err, filepath.Join(dir, bench.MailboxDir))
		}
	}()
	return func() { cancel(); <-done; loop.Close() }
}
