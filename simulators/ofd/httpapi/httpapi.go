// Package httpapi lets people and programs look at an operator and rule it over
// HTTP: a JSON API (openapi.yaml), the events as they happen, plain pages in
// Kazakh, Russian and English, and the page behind the link on a receipt.
//
// It decides nothing about registers: whatever it changes goes through
// [ofd.Server], and is answered when it would survive a power loss. Pages work
// without a script; the one script there is shows new traffic. Nothing is loaded
// from elsewhere.
//
// Begin with [New]. Who may call what is in guard.go.
package httpapi

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/simulators/ofd"
	"github.com/kkmtest/kkmtest/simulators/ofd/watch"
)

// Version of the API, told by GET /api.
const Version = 1

// Bounds.
const (
	maxBody   = 1 << 20 // of a request
	maxStream = 32      // readers of /api/events at a time
	maxList   = 500     // entries of one answer
)

// Reader finds the events that make up the state.
type Reader interface {
	Read(ref uint64) (ofd.Event, error)
}

// Config is what the API needs.
type Config struct {
	Loop    clock.Loop
	Server  *ofd.Server
	Record  *watch.Journal
	Events  Reader
	Token   string          // that every caller must have; empty: none, and only local names are answered
	CPCR    string          // where registers connect
	Durable bool            // the state survives the process
	Failed  <-chan struct{} // closed when the server has failed
}

// API is the handler. Close ends the streams of events.
type API struct {
	Config
	mux     *http.ServeMux
	handler http.Handler
	streams chan struct{}
	closed  chan struct{}
	page    *pages
}

// New makes the handler.
func New(c Config) *API {
	a := &API{Config: c, mux: http.NewServeMux(), streams: make(chan struct{}, maxStream), closed: make(chan struct{}), page: newPages()}
	for _, e := range a.endpoints() {
		a.mux.HandleFunc(e.method+" "+e.path, e.serve)
	}
	a.pageRoutes()
	a.mux.HandleFunc("/", a.unknown)
	a.handler = a.guard(a.mux)
	return a
}

// ServeHTTP answers one call.
func (a *API) ServeHTTP(w http.ResponseWriter, q *http.Request) { a.handler.ServeHTTP(w, q) }

// Close ends what would stay open for ever. Call it once.
func (a *API) Close() { close(a.closed) }

type endpoint struct {
	method, path string
	serve        http.HandlerFunc
}

func (a *API) endpoints() []endpoint {
	return []endpoint{
		{"GET", "/api", a.about},
		{"GET", "/api/openapi.yaml", a.document},
		{"GET", "/api/status", a.status},
		{"GET", "/api/devices", a.listDevices},
		{"POST", "/api/devices", a.registerDevice},
		{"GET", "/api/devices/{id}", a.readDevice},
		{"PUT", "/api/devices/{id}", a.amendDevice},
		{"GET", "/api/devices/{id}/shifts", a.listShifts},
		{"GET", "/api/devices/{id}/documents", a.listDocuments},
		{"GET", "/api/documents/{ref}", a.readDocument},
		{"GET", "/api/check", a.checkTicket},
		{"POST", "/api/acts", a.act},
		{"GET", "/api/rules", a.listRules},
		{"PUT", "/api/rules/{name}", a.setRule},
		{"DELETE", "/api/rules/{name}", a.clearRule},
		{"GET", "/api/exchanges", a.listExchanges},
		{"GET", "/api/observations", a.listObservations},
		{"GET", "/api/events", a.events},
	}
}

// Routes lists method and path of every call of the API.
func (a *API) Routes() []string {
	var out []string
	for _, e := range a.endpoints() {
		out = append(out, e.method+" "+e.path)
	}
	return out
}

//go:embed openapi.yaml
var openapi []byte

func (a *API) document(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(openapi) // the caller may have gone
}

var (
	errGone   = errors.New("the caller went away")
	errFailed = errors.New("the server has failed")
)

// on runs f on the loop.
func (a *API) on(q *http.Request, f func()) error {
	done := make(chan struct{})
	a.Loop.Post(func() { f(); close(done) })
	return a.wait(q, done)
}

// change runs f on the loop, and waits until what it changed would survive a
// power loss.
func (a *API) change(q *http.Request, f func() error) error {
	done := make(chan struct{})
	var err error
	a.Loop.Post(func() {
		if err = f(); err != nil {
			close(done)
			return
		}
		a.Server.Settled(func() { close(done) })
	})
	if e := a.wait(q, done); e != nil {
		return e
	}
	return err
}

func (a *API) wait(q *http.Request, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-q.Context().Done():
		return errGone
	case <-a.Failed:
		return errFailed
	}
}

// tell answers with v, or with what went wrong.
func tell(w http.ResponseWriter, status int, v any, err error) {
	var no refusal
	switch {
	case err == nil:
		answer(w, status, v)
	case errors.Is(err, errGone):
	case errors.As(err, &no):
		refuse(w, no.status, no.text)
	case errors.Is(err, errFailed):
		refuse(w, http.StatusServiceUnavailable, "the server has failed: see its log, mend the cause and start it again")
	default:
		refuse(w, http.StatusBadRequest, err.Error())
	}
}

// refusal is an error with a status of its own.
type refusal struct {
	status int
	text   string
}

func (r refusal) Error() string { return r.text }

func answer(w http.ResponseWriter, status int, v any) {
	if v == nil {
		w.WriteHeader(status)
		return
	}
	raw, err := json.Marshal(v)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(raw, '\n')) // the caller may have gone
}

func refuse(w http.ResponseWriter, status int, text string) {
	answer(w, status, map[string]string{"error": text})
}

// body takes JSON and nothing else; a form or plain text, which a page of
// another site could send, is refused.
func body(w http.ResponseWriter, q *http.Request) ([]byte, error) {
	if t, _, err := mime.ParseMediaType(q.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return nil, refusal{http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Type %q: want application/json", q.Header.Get("Content-Type"))}
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, q.Body, maxBody))
	if err != nil {
		return nil, refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("body: %v: want at most %d bytes", err, maxBody)}
	}
	return raw, nil
}

// number reads a number of the path.
func number(q *http.Request, name string, bits int) (uint64, error) {
	s := q.PathValue(name)
	n, err := strconv.ParseUint(s, 10, bits)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%s %q: want a whole number from 1", name, s)
	}
	return n, nil
}

// query reads numbers of the query, and refuses every other key.
func query(q *http.Request, known map[string]*uint64, texts ...string) error {
	for key, vs := range q.URL.Query() {
		into, ok := known[key]
		if !ok && slices.Contains(texts, key) {
			continue
		}
		if !ok {
			var all []string
			for k := range known {
				all = append(all, k)
			}
			all = append(all, texts...)
			slices.Sort(all)
			return fmt.Errorf("query %q: no such key; want one of %s", key, strings.Join(all, ", "))
		}
		n, err := strconv.ParseUint(vs[len(vs)-1], 10, 63)
		if err != nil {
			return fmt.Errorf("query %s=%q: want a whole number", key, vs[len(vs)-1])
		}
		*into = n
	}
	return nil
}

// unknown answers paths and methods that are not there.
func (a *API) unknown(w http.ResponseWriter, q *http.Request) {
	if !strings.HasPrefix(q.URL.Path, "/api") {
		a.page.fail(w, q, http.StatusNotFound, "error.nopage")
		return
	}
	var methods []string
	for _, m := range []string{"GET", "POST", "PUT", "DELETE"} {
		probe := *q
		probe.Method = m
		if _, pattern := a.mux.Handler(&probe); pattern != "/" {
			methods = append(methods, m)
		}
	}
	if len(methods) > 0 {
		w.Header().Set("Allow", strings.Join(methods, ", "))
		refuse(w, http.StatusMethodNotAllowed, fmt.Sprintf("%s %s: want %s", q.Method, q.URL.Path, strings.Join(methods, " or ")))
		return
	}
	refuse(w, http.StatusNotFound, fmt.Sprintf("%s: no such path; want one of %s", q.URL.Path, strings.Join(a.Routes(), ", ")))
}

func (a *API) about(w http.ResponseWriter, q *http.Request) {
	var v map[string]any
	err := a.on(q, func() {
		served := []string{}
		for _, x := range a.Server.Serves() {
			served = append(served, x.String())
		}
		v = map[string]any{"api": "kkmtest-ofd", "version": Version, "cpcr": a.CPCR, "durable": a.Durable, "serves": served, "known": known()}
	})
	tell(w, http.StatusOK, v, err)
}

func known() []string {
	out := []string{}
	for _, v := range cpcr.Versions {
		out = append(out, v.String())
	}
	return out
}

// status is what the server does now.
type status struct {
	ofd.Stats
	Devices   int    `json:"devices"`
	Tickets   int    `json:"tickets"`
	LastEvent uint64 `json:"last_event"`
	Clock     string `json:"clock"` // the server's own, civil time
}

func (a *API) readStatus(q *http.Request) (s status, err error) {
	err = a.on(q, func() {
		s.Stats = a.Server.Stats()
		for _, id := range a.Server.Devices() {
			s.Devices++
			s.Tickets += a.Server.TicketCount(id)
		}
		s.Clock = civil(a.Server.Now())
	})
	s.LastEvent = uint64(a.Record.Last())
	return s, err
}

func (a *API) status(w http.ResponseWriter, q *http.Request) {
	s, err := a.readStatus(q)
	tell(w, http.StatusOK, s, err)
}
