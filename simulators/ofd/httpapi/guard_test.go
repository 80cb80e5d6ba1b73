package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Who may call what.
func TestGuard(t *testing.T) {
	open, locked := newWorld(t, ""), newWorld(t, secret)
	anonymous := func(w *world, method, path string, header ...string) (int, http.Header) {
		was := w.token
		w.token = ""
		defer func() { w.token = was }()
		status, h, _ := w.call(method, path, `{"unblock":true}`, header...)
		return status, h
	}
	for _, tt := range []struct {
		name   string
		w      *world
		method string
		path   string
		header []string
		want   int
	}{
		{"a local name", open, "GET", "/api", nil, 200},
		{"localhost", open, "GET", "/api", []string{"Host", "localhost:5"}, 200},
		{"IPv6", open, "GET", "/api", []string{"Host", "[::1]:5"}, 200},
		{"a name that was pointed here", open, "GET", "/api", []string{"Host", "evil.example"}, 421},
		{"a name that only begins so", open, "GET", "/api", []string{"Host", "127.0.0.1.evil.example"}, 421},
		{"a change from another site", open, "POST", "/api/acts", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"a change from another origin", open, "POST", "/api/acts", []string{"Origin", "http://evil.example"}, 403},
		{"a change from here", open, "POST", "/api/acts", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{"a form from another site", open, "POST", "/rules/clear", []string{"Sec-Fetch-Site", "cross-site"}, 403},

		{"no token", locked, "GET", "/api", nil, 401},
		{"no token for a page", locked, "GET", "/", nil, 401},
		{"no token for the events", locked, "GET", "/api/events", nil, 401},
		{"a wrong token", locked, "GET", "/api", []string{"Authorization", "Bearer " + secret + "x"}, 401},
		{"half a token", locked, "GET", "/api", []string{"Authorization", "Bearer " + secret[:4]}, 401},
		{"an empty token", locked, "GET", "/api", []string{"Authorization", "Bearer "}, 401},
		{"no scheme", locked, "GET", "/api", []string{"Authorization", secret}, 401},
		{"the token", locked, "GET", "/api", []string{"Authorization", "Bearer " + secret}, 200},
		{"the token, any name", locked, "GET", "/api", []string{"Authorization", "Bearer " + secret, "Host", "ofd.lab.example"}, 200},
		{"the token, from another site", locked, "POST", "/api/acts", []string{"Authorization", "Bearer " + secret, "Sec-Fetch-Site", "cross-site"}, 403},
		{"a change without a token", locked, "POST", "/api/acts", nil, 401},
		{"the receipt's page is for everybody", locked, "GET", "/check?i=1&f=2", nil, 404},
		{"... and at the root", locked, "GET", "/?i=1&f=2", nil, 404},
		{"... and its data", locked, "GET", "/api/check?i=1&f=2", nil, 200},
		{"... and its style", locked, "GET", "/static/style.css", nil, 200},
		{"... and nothing below", locked, "GET", "/check/../api", nil, 401},
		{"... nor a change", locked, "POST", "/check", nil, 401},
	} {
		if got, h := anonymous(tt.w, tt.method, tt.path, tt.header...); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		} else if got == 401 && !strings.HasPrefix(h.Get("WWW-Authenticate"), "Basic ") {
			t.Errorf("%s: a browser is not asked for the password", tt.name)
		}
	}
	q, err := http.NewRequest("GET", locked.http.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	q.SetBasicAuth("anybody", secret)
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if r.StatusCode != 200 {
		t.Errorf("the token as a password: %d", r.StatusCode)
	}
	// A stranger's page of the receipt leads nowhere else.
	locked.token = ""
	if _, _, raw := locked.call("GET", "/check?i=1&f=2", ""); strings.Contains(raw, "<nav>") {
		t.Error("the buyer's page leads to the operator's pages")
	}
}

// A failed server says so instead of waiting for ever.
func TestFailedServer(t *testing.T) {
	w := newWorld(t, "")
	w.do(func() {}) // the loop runs
	hang := make(chan struct{})
	w.loop.Post(func() { <-hang })
	defer close(hang)
	close(w.failed)
	if status, _, raw := w.call("GET", "/api/status", ""); status != 503 || !strings.Contains(raw, "has failed") {
		t.Errorf("%d %s", status, raw)
	}
	if status, _, raw := w.call("GET", "/?lang=en", ""); status != 503 || !strings.Contains(raw, "The server has failed") {
		t.Errorf("%d %s", status, raw)
	}
}

// follow reads server-sent events: kind and data of each.
func follow(t *testing.T, ctx context.Context, url string, header ...string) (*http.Response, func() (string, map[string]any)) {
	t.Helper()
	q, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Body.Close() })
	lines := bufio.NewScanner(r.Body)
	lines.Buffer(nil, 1<<20)
	return r, func() (kind string, data map[string]any) {
		t.Helper()
		for lines.Scan() {
			k, v, _ := strings.Cut(lines.Text(), ": ")
			switch {
			case k == "event":
				kind = v
			case k == "data":
				if err := json.Unmarshal([]byte(v), &data); err != nil {
					t.Fatal(err)
				}
			case k == "" && v == "" && kind != "":
				return kind, data
			}
		}
		return "", nil
	}
}

func TestEvents(t *testing.T) {
	w := newWorld(t, "")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	w.ask(system())
	r, next := follow(t, ctx, w.http.URL+"/api/events?after=0")
	if r.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%v", r.Header)
	}
	var kinds []string
	for range 4 {
		kind, data := next()
		kinds = append(kinds, kind)
		if data["seq"] != float64(len(kinds)) {
			t.Errorf("%v is event %d", data, len(kinds))
		}
	}
	if got := strings.Join(kinds, " "); got != "conn frame booked frame" {
		t.Errorf("events %s", got)
	}
	// From now on, and after what was seen already.
	_, live := follow(t, ctx, w.http.URL+"/api/events")
	_, again := follow(t, ctx, w.http.URL+"/api/events", "Last-Event-ID", "2")
	if kind, data := again(); kind != "booked" || data["seq"] != 3.0 {
		t.Errorf("after 2: %s %v", kind, data)
	}
	w.ask(sale(day, 100))
	if kind, data := live(); kind != "conn" || data["seq"] != 5.0 {
		t.Errorf("live: %s %v", kind, data)
	}
	if _, data := live(); !strings.Contains(data["body"].(map[string]any)["text"].(string), "COMMAND_TICKET") {
		t.Errorf("%v", data)
	}
	for _, bad := range []string{"/api/events?after=x", "/api/events?nonsense=1"} {
		if status, _, _ := w.call("GET", bad, ""); status != 400 {
			t.Errorf("%s: %d", bad, status)
		}
	}
	if status, _, _ := w.call("GET", "/api/events", "", "Last-Event-ID", "x"); status != 400 {
		t.Errorf("Last-Event-ID: %d", status)
	}
	for range maxStream - 3 {
		if r, _ := follow(t, ctx, w.http.URL+"/api/events"); r.StatusCode != 200 {
			t.Fatalf("%d", r.StatusCode)
		}
	}
	if r, _ := follow(t, ctx, w.http.URL+"/api/events"); r.StatusCode != 503 {
		t.Errorf("one stream too many: %d", r.StatusCode)
	}
}

// A reader who comes too late is told how much he missed.
func TestEventsThatAreLost(t *testing.T) {
	w := newWorld(t, "")
	for range 1200 { // more than the record keeps
		w.ask(sale(day, 100))
		w.ask(system())
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_, next := follow(t, ctx, w.http.URL+"/api/events?after=0")
	kind, data := next()
	_, first := next()
	if kind != "lost" || data["lost"].(float64) < 1 || first["seq"] != data["lost"].(float64)+1 {
		t.Errorf("%s %v, then %v", kind, data, first["seq"])
	}
}
