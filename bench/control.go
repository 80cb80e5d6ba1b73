package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// remoteControl is the control API of a register in another process: what a
// person sees on it and does with it (kkmtest kkm --control).
type remoteControl struct {
	base string
	http http.Client
}

// controlTimeout is how long an answer of the control API may take.
const controlTimeout = 10 * time.Second

// most bytes that an answer of the control API may have.
const maxControl = 1 << 20

func (c *remoteControl) call(ctx context.Context, method, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, controlTimeout)
	defer cancel()
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
	r, err := c.http.Do(q)
	if err != nil {
		return fmt.Errorf("control: %w", err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(io.LimitReader(r.Body, maxControl))
	if err != nil {
		return fmt.Errorf("control: %s %s: %w", method, path, err)
	}
	if r.StatusCode >= 300 {
		return fmt.Errorf("control: %s %s: %s: %.200s", method, path, r.Status, text)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("control: %s %s: %w", method, path, err)
	}
	return nil
}

// Shown reads the display.
func (c *remoteControl) Shown(ctx context.Context) ([]string, string, error) {
	var a struct {
		Lines []string `json:"lines"`
	}
	err := c.call(ctx, http.MethodGet, "/display", nil, &a)
	return a.Lines, "control", err
}

// Power switches the register.
func (c *remoteControl) Power(ctx context.Context, on bool) error {
	return c.call(ctx, http.MethodPost, "/power", map[string]bool{"on": on}, nil)
}

// Paper takes the paper away or puts it back.
func (c *remoteControl) Paper(ctx context.Context, in bool) error {
	return c.call(ctx, http.MethodPost, "/paper", map[string]bool{"on": in}, nil)
}

// StepClock moves the register's clock forward.
func (c *remoteControl) StepClock(ctx context.Context, d time.Duration) error {
	return c.call(ctx, http.MethodPost, "/clock", map[string]string{"forward": d.String()}, nil)
}
