// Package control serves the control API (docs/control-api.md) for the emulated
// register: over HTTP a bench looks at the register and does with it what would
// else need a person. It switches power and paper, moves the clock, drains the
// backup battery, resets, and reads display, paper and offline queue.
//
// It never makes a fiscal operation and never judges: sales and reports come
// over the host line only. It listens where it is told; [Listen] keeps an
// address without a host on loopback, because whoever reaches the API rules the
// register.
//
// Begin with [New]. The document fixtures/schemas/control-api.openapi.yaml says
// the same as this code, and a test holds one against the other.
package control

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/simulators/kkm"
)

// Version of the API, told by GET /.
const Version = 1

// Bench choices about size.
const (
	maxBody  = 4 << 10 // of a request
	maxLines = 20_000  // of paper kept for readers; older lines are gone, and the answer says so
	// maxStep bounds one move of the clock: a year and a day cover every limit of storage.
	maxStep = 366 * day
	day     = 86_400 * time.Second
)

// Abilities are what the emulated register can do: all of it.
var Abilities = []string{"power", "paper", "clock", "battery", "reset", "display", "printed", "queue", "unit"}

// Server is the API of one register.
type Server struct {
	loop clock.Loop
	mux  *http.ServeMux

	// All below belongs to the loop.
	r       *kkm.Register
	lines   []string
	first   uint64 // number of lines[0], from 1
	last    clock.Instant
	battery bool
}

// New makes the API of a register. It listens to the register's paper from now
// on. Call it before the loop works on the register, or on the loop.
func New(loop clock.Loop, r *kkm.Register) *Server {
	s := &Server{loop: loop, r: r, first: 1, battery: true}
	r.OnPrint(s.printed)
	s.mux = http.NewServeMux()
	for _, e := range s.endpoints() {
		s.mux.HandleFunc(e.method+" "+e.pattern(), e.serve)
	}
	s.mux.HandleFunc("/", s.unknown)
	return s
}

type endpoint struct {
	method, path string
	serve        http.HandlerFunc
}

// pattern of the router: a bare slash would take every path.
func (e endpoint) pattern() string {
	if e.path == "/" {
		return "/{$}"
	}
	return e.path
}

func (s *Server) endpoints() []endpoint {
	return []endpoint{
		{"GET", "/", s.about},
		{"GET", "/power", s.get(func() any { return map[string]any{"on": s.r.State().On, "ready": s.ready()} })},
		{"POST", "/power", s.flag("on", s.r.Power)},
		{"GET", "/paper", s.get(func() any { return map[string]any{"in": s.r.State().Paper} })},
		{"POST", "/paper", s.flag("in", s.r.Paper)},
		{"GET", "/battery", s.get(func() any { return map[string]any{"good": s.battery} })},
		{"POST", "/battery", s.flag("good", s.setBattery)},
		{"GET", "/clock", s.get(func() any { return map[string]any{"time": civil(s.r.State().Clock)} })},
		{"POST", "/clock", s.clock},
		{"POST", "/reset", s.reset},
		{"GET", "/display", s.get(func() any { return map[string]any{"lines": list(s.r.Display())} })},
		{"GET", "/printed", s.paper},
		{"GET", "/queue", s.get(s.queue)},
		{"POST", "/unit", s.unit},
	}
}

// Routes lists method and path of every call.
func (s *Server) Routes() []string {
	var out []string
	for _, e := range s.endpoints() {
		out = append(out, e.method+" "+e.path)
	}
	return out
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, q *http.Request) { s.mux.ServeHTTP(w, q) }

// Listen opens the API's address. One without a host, such as ":8090", means
// loopback. warning is not empty when other computers can reach the address.
func Listen(addr string) (l net.Listener, warning string, err error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, "", fmt.Errorf("address %q: want HOST:PORT, such as 127.0.0.1:8090: %w", addr, err)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	if l, err = net.Listen("tcp", net.JoinHostPort(host, port)); err != nil {
		return nil, "", err
	}
	if a, ok := l.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() {
		warning = fmt.Sprintf("%s can be reached from other computers, and whoever reaches it can switch the register's power, paper and clock", l.Addr())
	}
	return l, warning, nil
}

// on runs f on the loop; false when the caller went away before.
func (s *Server) on(q *http.Request, f func()) bool {
	done := make(chan struct{})
	s.loop.Post(func() { f(); close(done) })
	select {
	case <-done:
		return true
	case <-q.Context().Done():
		return false
	}
}

func (s *Server) get(what func() any) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		var v any
		if s.on(q, func() { v = what() }) {
			answer(w, http.StatusOK, v)
		}
	}
}

func (s *Server) flag(key string, set func(bool)) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		body := map[string]*bool{}
		if !readBody(w, q, &body) {
			return
		}
		v := body[key]
		if v == nil || len(body) != 1 {
			refuse(w, http.StatusBadRequest, fmt.Sprintf(`want {"%s": true} or {"%s": false} and nothing else`, key, key))
			return
		}
		if s.on(q, func() { set(*v) }) {
			w.WriteHeader(http.StatusNoContent)
		}
	}
}

func (s *Server) about(w http.ResponseWriter, q *http.Request) {
	p := s.r.Profile() // it never changes
	answer(w, http.StatusOK, map[string]any{
		"api": "kkmtest-control", "version": Version, "model": p.Model, "serial": p.Serial, "firmware": p.Firmware, "can": Abilities,
	})
}

func (s *Server) ready() bool {
	st := s.r.State()
	return st.On && !st.Testing
}

// setBattery: a clock without its battery fails the next self-test. The
// emulated register's clock itself goes on, so that a run can be finished.
func (s *Server) setBattery(good bool) {
	s.battery = good
	s.r.Break("clock", !good)
}

func (s *Server) clock(w http.ResponseWriter, q *http.Request) {
	var body struct {
		Forward *string `json:"forward"`
	}
	if !readBody(w, q, &body) {
		return
	}
	const want = `want {"forward": "90m"}: hours, minutes and seconds forward, more than 0 and at most 8784h`
	if body.Forward == nil {
		refuse(w, http.StatusBadRequest, want)
		return
	}
	d, err := time.ParseDuration(*body.Forward)
	if err != nil || d <= 0 || d > maxStep {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("forward %q: %s", *body.Forward, want))
		return
	}
	var off bool
	var from, to time.Time
	if !s.on(q, func() {
		st := s.r.State()
		if off = !st.On; off {
			return
		}
		s.r.StepClock(d)
		from, to = st.Clock, s.r.State().Clock
	}) {
		return
	}
	if off {
		refuse(w, http.StatusConflict, "the power is off: switch it on first")
		return
	}
	answer(w, http.StatusOK, map[string]any{"from": civil(from), "to": civil(to)})
}

// reset is what a watchdog does: everything outside the memory is lost, and the
// register comes up again.
func (s *Server) reset(w http.ResponseWriter, q *http.Request) {
	body := map[string]any{}
	if !readBody(w, q, &body) {
		return
	}
	if len(body) != 0 {
		refuse(w, http.StatusBadRequest, "want an empty object: {}")
		return
	}
	var off bool
	if !s.on(q, func() {
		if off = !s.r.State().On; !off {
			s.r.Power(false)
			s.r.Power(true)
		}
	}) {
		return
	}
	if off {
		refuse(w, http.StatusConflict, "the power is off: a register without power cannot be reset")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// units are the parts that can be made to fail a self-test from outside.
var units = []string{"printer", "clock", "software"}

// unit breaks a part or makes it whole again; it shows at the next self-test.
// Stored data are not reached from here: they lie in the register's own memory.
func (s *Server) unit(w http.ResponseWriter, q *http.Request) {
	var body struct {
		Name   *string `json:"name"`
		Broken *bool   `json:"broken"`
	}
	if !readBody(w, q, &body) {
		return
	}
	switch {
	case body.Name == nil || body.Broken == nil:
		refuse(w, http.StatusBadRequest, `want {"name": "printer", "broken": true}`)
		return
	case !slices.Contains(units, *body.Name):
		refuse(w, http.StatusNotImplemented, fmt.Sprintf("unit %q: this register can break %s", *body.Name, strings.Join(units, ", ")))
		return
	}
	if s.on(q, func() { s.r.Break(*body.Name, *body.Broken) }) {
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *Server) printed(lines []string) {
	s.lines = append(s.lines, lines...)
	s.last = s.loop.Now()
	if over := len(s.lines) - maxLines; over > 0 {
		s.lines = slices.Clone(s.lines[over:])
		s.first += uint64(over)
	}
}

// paper tells the lines behind number after, and how long ago the last one left the printer.
func (s *Server) paper(w http.ResponseWriter, q *http.Request) {
	var after uint64
	for key, vs := range q.URL.Query() {
		n, err := strconv.ParseUint(vs[0], 10, 63)
		if key != "after" || len(vs) != 1 || err != nil {
			refuse(w, http.StatusBadRequest, fmt.Sprintf("query %q: want ?after=N with the number of the last line that was read, or nothing", q.URL.RawQuery))
			return
		}
		after = n
	}
	v := map[string]any{}
	var end uint64
	if !s.on(q, func() {
		end = s.first + uint64(len(s.lines)) - 1
		if after > end {
			return
		}
		from := max(after+1, s.first)
		v["lines"], v["next"], v["lost"] = list(s.lines[from-s.first:]), end, from-after-1
		v["printing"] = s.r.Printing()
		if end > 0 {
			v["age_ms"] = (s.loop.Now().Mono - s.last.Mono).Milliseconds()
		}
	}) {
		return
	}
	if after > end {
		refuse(w, http.StatusConflict, fmt.Sprintf("after %d: only %d lines were printed", after, end))
		return
	}
	answer(w, http.StatusOK, v)
}

func (s *Server) queue() any {
	st := s.r.State()
	docs := []map[string]any{}
	for _, d := range s.r.Queue() {
		m := map[string]any{"document": d.Doc, "kind": string(d.Kind), "time": civil(d.At)}
		if d.Sign != "" {
			m["sign"] = d.Sign
		}
		docs = append(docs, m)
	}
	return map[string]any{"offline": st.Offline, "documents": docs}
}

// unknown answers paths and methods that are not there.
func (s *Server) unknown(w http.ResponseWriter, q *http.Request) {
	var methods []string
	for _, e := range s.endpoints() {
		if e.path == q.URL.Path {
			methods = append(methods, e.method)
		}
	}
	if len(methods) > 0 {
		w.Header().Set("Allow", strings.Join(methods, ", "))
		refuse(w, http.StatusMethodNotAllowed, fmt.Sprintf("%s %s: want %s", q.Method, q.URL.Path, strings.Join(methods, " or ")))
		return
	}
	refuse(w, http.StatusNotFound, fmt.Sprintf("%s: no such path; want one of %s", q.URL.Path, strings.Join(s.Routes(), ", ")))
}

// readBody takes JSON and nothing else. The type is asked for because a web page
// of another site can send a form or plain text, and not this.
func readBody(w http.ResponseWriter, q *http.Request, into any) bool {
	if t, _, err := mime.ParseMediaType(q.Header.Get("Content-Type")); err != nil || t != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Type %q: want application/json", q.Header.Get("Content-Type")))
		return false
	}
	d := json.NewDecoder(http.MaxBytesReader(w, q.Body, maxBody))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, err = d.Token(); err == nil {
			err = fmt.Errorf("more behind the object")
		} else if err == io.EOF {
			return true
		}
	}
	refuse(w, http.StatusBadRequest, fmt.Sprintf("body: %v: want one JSON object of at most %d bytes", err, maxBody))
	return false
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller may have gone
}

func refuse(w http.ResponseWriter, status int, text string) {
	answer(w, status, map[string]string{"error": text})
}

// civil is a time as the register shows it: without a zone.
func civil(t time.Time) string { return t.Format("2006-01-02T15:04:05") }

// list is never null in JSON.
func list(lines []string) []string {
	if lines == nil {
		return []string{}
	}
	return slices.Clone(lines)
}
