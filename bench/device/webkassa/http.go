package webkassa

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sort"
	"strings"
	"unicode"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/webkassa/wire"
	"github.com/kkmtest/kkmtest/bench/history"
)

// maxAnswer bounds an answer; a printed form with pictures has some hundred kilobytes.
const maxAnswer = 4 << 20

// network is the transport over TCP. A connection serves one call: no call is
// then ever sent again on another one by the library.
func network() http.RoundTripper {
	return &http.Transport{Proxy: nil, DialContext: (&net.Dialer{}).DialContext, DisableKeepAlives: true, DisableCompression: true, TLSNextProto: nil}
}

// exchange makes calls and writes them down.
type exchange struct {
	loop   clock.Loop
	j      history.Journal
	o      Options
	intent history.Seq
	secret map[string]string // text -> what stands for it
}

// refusal is an answer with errors in it: the register said no.
type refusal struct {
	what   string
	errors []wire.Failure
	data   json.RawMessage
}

func (e *refusal) Error() string {
	var s []string
	for _, f := range e.errors {
		s = append(s, strings.TrimSpace(f.Code.String()+" "+clean(f.Text)))
	}
	return e.what + ": " + strings.Join(s, "; ")
}

func (e *refusal) has(c wire.Code) bool {
	for _, f := range e.errors {
		if f.Code == c {
			return true
		}
	}
	return false
}

func (e *refusal) code() int { return int(e.errors[0].Code) }

// lost is an answer that did not come or cannot be read. sent says that the
// request may have reached the register.
type lost struct {
	what, text string
	sent       bool
}

func (e *lost) Error() string { return e.what + ": " + e.text }

func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}

// hide keeps a secret out of the record: a digest stands for it.
func (x *exchange) hide(s string) {
	if len(s) < leastSecret {
		return
	}
	if x.secret == nil {
		x.secret = map[string]string{}
	}
	x.secret[s] = standIn(s)
}

// leastSecret is the shortest text that is looked for in bodies: a shorter one
// stands in sums and numbers too, and taking it out would falsify them.
const leastSecret = 6

// standIn is what stands in the record for a secret.
func standIn(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "[secret sha256:" + hex.EncodeToString(sum[:6]) + "]"
}

// hideToken learns the token that an answer hands out, before the answer is written down.
func (x *exchange) hideToken(text []byte) {
	var a struct{ Data wire.Session }
	if json.Unmarshal(text, &a) == nil {
		x.hide(a.Data.Token)
	}
}

// redact replaces secrets, the longest first, as they stand and as JSON writes them.
func (x *exchange) redact(p []byte) ([]byte, int) {
	all := make([]string, 0, len(x.secret))
	for s := range x.secret {
		all = append(all, s)
	}
	sort.Slice(all, func(i, j int) bool {
		if len(all[i]) != len(all[j]) {
			return len(all[i]) > len(all[j])
		}
		return all[i] < all[j]
	})
	n := 0
	for _, s := range all {
		forms := []string{s}
		if raw, err := json.Marshal(s); err == nil && string(raw[1:len(raw)-1]) != s {
			forms = append(forms, string(raw[1:len(raw)-1]))
		}
		for _, f := range forms {
			if k := bytes.Count(p, []byte(f)); k > 0 {
				n += k
				p = bytes.ReplaceAll(p, []byte(f), []byte(x.secret[s]))
			}
		}
	}
	return p, n
}

// note writes bytes of a call down.
func (x *exchange) note(dir history.Dir, p []byte, what string) error {
	p, hidden := x.redact(append([]byte(nil), p...))
	if hidden > 0 {
		what += fmt.Sprintf("; %d secrets redacted", hidden)
	}
	var causes []history.Seq
	if x.intent != 0 {
		causes = []history.Seq{x.intent}
	}
	_, err := x.j.Append(history.Driver, history.HostBytes{Dir: dir, Data: p, Note: what}, causes...)
	return err
}

// head is the request or the answer up to its body, as HTTP/1.1 writes it.
func head(first string, h http.Header) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\r\n", first)
	_ = h.Write(&b) // a buffer takes everything
	b.WriteString("\r\n")
	return b.Bytes()
}

// call makes one call. A refusal is a *refusal, an answer that did not come a
// *lost; any other error is the bench's own. sent, if any, is set to the moment at
// which the whole request had left.
func (x *exchange) call(ctx context.Context, path string, body, into any, sent *clock.Instant) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("webkassa: %s: %w", path, err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer x.loop.AfterFunc(x.o.Answer, func() { cancel(errLate) }).Stop()
	wrote := false
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaders: func() { wrote = true },
		WroteRequest: func(httptrace.WroteRequestInfo) {
			if sent != nil {
				*sent = x.loop.Now()
			}
		},
	})
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, x.o.Base+path, bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("webkassa: %s: %w", path, err)
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Accept-Language", languages[x.o.Languages[0]])
	if len(x.o.Languages) > 1 {
		q.Header.Set("Secondary-Language", languages[x.o.Languages[1]])
	}
	q.Header.Set(wire.APIKeyHeader, x.o.Secrets.APIKey)
	shown, more := raw, ""
	if l, ok := body.(wire.Login); ok {
		// A password may be short enough to occur elsewhere, so it is not looked for by its text.
		l.Password = standIn(l.Password)
		if shown, err = json.Marshal(l); err != nil {
			return fmt.Errorf("webkassa: %s: %w", path, err)
		}
		more = "; the password redacted"
	}
	// Written down before it is sent: the record knows of everything that may have arrived.
	if err := x.note(history.ToDevice, append(head("POST "+path+" HTTP/1.1", q.Header), shown...), "POST "+path+more); err != nil {
		return err
	}
	r, err := x.o.Transport.RoundTrip(q)
	if err != nil {
		return x.broken(ctx, path, err, wrote)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer+1))
	if path == wire.Authorize {
		x.hideToken(text)
	}
	if e := x.note(history.FromDevice, append(head(fmt.Sprintf("HTTP/1.1 %s", r.Status), r.Header), text[:min(len(text), maxAnswer)]...), "answer to "+path); e != nil {
		return e
	}
	switch {
	case err != nil:
		return x.broken(ctx, path, err, true)
	case len(text) > maxAnswer:
		return &lost{path, fmt.Sprintf("an answer of more than %d bytes", maxAnswer), true}
	}
	return x.read(path, r.StatusCode, text, into)
}

var errLate = errors.New("late")

// broken sorts why there is no answer. Only the caller's own wish to stop is an error.
func (x *exchange) broken(ctx context.Context, path string, err error, sent bool) error {
	switch {
	case errors.Is(context.Cause(ctx), errLate):
		return &lost{path, fmt.Sprintf("no answer within %v", x.o.Answer), sent}
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return &lost{path, "no answer: " + clean(err.Error()), sent}
}

// read takes an answer apart.
func (x *exchange) read(path string, status int, text []byte, into any) error {
	var a wire.Answer
	err := json.Unmarshal(text, &a)
	switch {
	case err == nil && len(a.Errors) > 0:
		return &refusal{path, a.Errors, a.Data}
	case status < 200 || status > 299:
		return &lost{path, fmt.Sprintf("status %d: %s", status, clean(fmt.Sprintf("%.100s", text))), true}
	case err != nil:
		return &lost{path, fmt.Sprintf("an answer that cannot be read: %v", err), true}
	case into == nil:
		return nil
	case len(a.Data) == 0 || string(a.Data) == "null":
		return &lost{path, "an answer with neither data nor errors", true}
	}
	if err := json.Unmarshal(a.Data, into); err != nil {
		return &lost{path, fmt.Sprintf("data that cannot be read: %v", err), true}
	}
	return nil
}
