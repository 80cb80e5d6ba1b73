package httpapi

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/simulators/ofd"
	"github.com/kkmtest/kkmtest/simulators/ofd/watch"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed static/style.css static/live.js
var staticFiles embed.FS

// pages are the templates by the name of their file.
type pages struct{ byName map[string]*template.Template }

func newPages() *pages {
	p := &pages{map[string]*template.Template{}}
	entries, err := pageFiles.ReadDir("pages")
	if err != nil {
		panic(err) // the files are part of the program
	}
	layout := template.Must(template.ParseFS(pageFiles, "pages/layout.html"))
	for _, e := range entries {
		if name := strings.TrimSuffix(e.Name(), ".html"); name != "layout" {
			p.byName[name] = template.Must(template.Must(layout.Clone()).ParseFS(pageFiles, "pages/"+e.Name()))
		}
	}
	return p
}

// view is what every page knows; pages embed it.
type view struct {
	Lang      string
	Title     string
	Public    bool // without the way to the operator's own pages
	Languages []otherLanguage
}

type otherLanguage struct{ Code, URL string }

func newView(q *http.Request, title string) view {
	v := view{Lang: language(q), Title: title}
	for _, l := range languages {
		u := url.URL{Path: q.URL.Path}
		if q.Method != http.MethodGet {
			u.Path = "/"
		}
		values := q.URL.Query()
		values.Set("lang", l)
		u.RawQuery = values.Encode()
		v.Languages = append(v.Languages, otherLanguage{l, u.String()})
	}
	return v
}

// W is a text in the language of the page.
func (v view) W(key string) string { return word(v.Lang, key) }

// Stands is how a register stands, in words.
func (v view) Stands(s standing) string {
	switch {
	case s.Deregistered:
		return v.W("standing.deregistered")
	case s.Disconnected:
		return v.W("standing.disconnected")
	case s.Blocked:
		return v.W("standing.blocked")
	}
	return v.W("standing.works")
}

// Kind is what a document is, in words.
func (v view) Kind(d document) string { return v.W("kind." + cmp.Or(d.Kind, d.Command)) }

func (p *pages) show(w http.ResponseWriter, status int, name string, v any) {
	var b bytes.Buffer
	if err := p.byName[name].ExecuteTemplate(&b, name+".html", v); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the reader may have gone
}

// fail shows a page that says why there is none.
func (p *pages) fail(w http.ResponseWriter, q *http.Request, status int, text string) {
	v := newView(q, word(language(q), "error.head"))
	back := "/?lang=" + v.Lang
	if r, err := url.Parse(q.Referer()); err == nil && r.Host == q.Host && strings.HasPrefix(r.Path, "/") {
		back = (&url.URL{Path: path.Clean(r.Path), RawQuery: r.RawQuery}).String()
	}
	p.show(w, status, "problem", struct {
		view
		Problem, Back string
	}{v, v.W(text), back})
}

// failed shows an error; true when there is one.
func (a *API) failed(w http.ResponseWriter, q *http.Request, err error) bool {
	var no refusal
	switch {
	case err == nil:
		return false
	case errors.Is(err, errGone):
	case errors.Is(err, errFailed):
		a.page.fail(w, q, http.StatusServiceUnavailable, "error.failed")
	case errors.As(err, &no):
		a.page.fail(w, q, no.status, no.text)
	default:
		a.page.fail(w, q, http.StatusBadRequest, err.Error())
	}
	return true
}

func (a *API) pageRoutes() {
	for pattern, f := range map[string]http.HandlerFunc{
		"GET /{$}":                       a.homePage,
		"GET /devices/{id}":              a.devicePage,
		"GET /devices/{id}/shifts/{num}": a.shiftPage,
		"GET /documents/{ref}":           a.documentPage,
		"GET /traffic":                   a.trafficPage,
		"GET /traffic/{seq}":             a.exchangePage,
		"GET /rules":                     a.rulesPage,
		"GET /check":                     a.checkPage,
		"POST /devices":                  a.registerForm,
		"POST /devices/{id}/acts":        a.actForm,
		"POST /rules":                    a.rulesForm,
		"POST /rules/clear":              a.clearForm,
	} {
		a.mux.HandleFunc(pattern, f)
	}
	a.mux.Handle("GET /static/", http.FileServerFS(staticFiles))
}

func (a *API) homePage(w http.ResponseWriter, q *http.Request) {
	if isTicketLink(q) { // operators' links lead to the root
		a.checkPage(w, q)
		return
	}
	st, err := a.readStatus(q)
	var all []device
	if err == nil {
		all, err = a.allDevices(q)
	}
	if a.failed(w, q, err) {
		return
	}
	a.page.show(w, http.StatusOK, "home", struct {
		view
		CPCR    string
		Status  status
		Devices []device
		Sectors []string
	}{newView(q, word(language(q), "nav.devices")), a.CPCR, st, all, ofd.Sectors})
}

func (a *API) devicePage(w http.ResponseWriter, q *http.Request) {
	const latest = 50
	d, err := a.oneDevice(q)
	var shifts []shift
	var docs []document
	if err == nil {
		shifts, err = a.shifts(q, d.ID)
	}
	if err == nil {
		docs, _, err = a.documents(q, d.ID, 0, max(0, d.Documents-latest), latest)
	}
	if a.failed(w, q, err) {
		return
	}
	// The newest first.
	for i, j := 0, len(docs)-1; i < j; i, j = i+1, j-1 {
		docs[i], docs[j] = docs[j], docs[i]
	}
	for i, j := 0, len(shifts)-1; i < j; i, j = i+1, j-1 {
		shifts[i], shifts[j] = shifts[j], shifts[i]
	}
	a.page.show(w, http.StatusOK, "device", struct {
		view
		Device    device
		Shifts    []shift
		Documents []document
	}{newView(q, fmt.Sprintf("%s %d", word(language(q), "device"), d.ID)), d, shifts, docs})
}

func (a *API) shiftPage(w http.ResponseWriter, q *http.Request) {
	d, err := a.oneDevice(q)
	var n uint64
	if err == nil {
		n, err = number(q, "num", 32)
	}
	var docs []document
	if err == nil {
		docs, _, err = a.documents(q, d.ID, uint32(n), 0, maxList)
	}
	if a.failed(w, q, err) {
		return
	}
	a.page.show(w, http.StatusOK, "shift", struct {
		view
		Device    device
		Documents []document
	}{newView(q, fmt.Sprintf("%s %d", word(language(q), "shift"), n)), d, docs})
}

// frame is a message for a page: decoded beside its bytes.
type frame struct{ Text, Dump string }

// dump writes bytes sixteen a line, with their offsets.
func dump(b []byte) string {
	var out strings.Builder
	const row = 16
	for at := 0; at < len(b); at += row {
		part := b[at:min(at+row, len(b))]
		fmt.Fprintf(&out, "%04x  % x\n", at, part)
	}
	return out.String()
}

func (a *API) documentPage(w http.ResponseWriter, q *http.Request) {
	k, err := a.document1(q)
	if a.failed(w, q, err) {
		return
	}
	of := func(m message) frame {
		b, _ := hex.DecodeString(m.Hex) // was made a moment ago
		return frame{m.Text, dump(b)}
	}
	a.page.show(w, http.StatusOK, "document", struct {
		view
		Of              uint32
		Request, Answer frame
		Observed        []history.Observation
	}{newView(q, fmt.Sprintf("%s %d", word(language(q), "document"), k.Ref)), k.Device, of(k.Request), of(k.Answer), k.Observed})
}

func (a *API) trafficPage(w http.ResponseWriter, q *http.Request) {
	var id uint64
	values := q.URL.Query()
	if values.Get("device") == "" {
		values.Del("device")
		q.URL.RawQuery = values.Encode()
	}
	if a.failed(w, q, query(q, map[string]*uint64{"device": &id}, "lang")) {
		return
	}
	const latest = 100
	after := a.Record.Last()
	a.page.show(w, http.StatusOK, "traffic", struct {
		view
		Of        uint64
		After     history.Seq
		Exchanges []exchange
	}{newView(q, word(language(q), "nav.traffic")), id, after, a.exchanges(uint32(min(id, 1<<32-1)), false, latest)})
}

func (a *API) exchangePage(w http.ResponseWriter, q *http.Request) {
	n, err := number(q, "seq", 63)
	var x watch.Exchange
	if err == nil {
		var ok bool
		if x, ok = a.Record.Exchange(history.Seq(n)); !ok {
			err = refusal{http.StatusNotFound, "error.gone"}
		}
	}
	if a.failed(w, q, err) {
		return
	}
	of := func(f history.Frame) frame { return frame{watch.Text(f), dump(f.Bytes)} }
	e := describeExchange(x)
	v := struct {
		view
		Exchange        exchange
		Request, Answer frame
		Observed        []history.Observation
	}{newView(q, cmp.Or(e.Command, word(language(q), "document.request"))), e, of(x.Frame), frame{}, x.Observed}
	if x.Answer != nil {
		v.Answer = of(*x.Answer)
	}
	a.page.show(w, http.StatusOK, "exchange", v)
}

func (a *API) rulesPage(w http.ResponseWriter, q *http.Request) {
	all, err := a.ruleStates(q)
	if a.failed(w, q, err) {
		return
	}
	a.page.show(w, http.StatusOK, "rules", struct {
		view
		Rules []ofd.RuleState
	}{newView(q, word(language(q), "nav.rules")), all})
}

func (a *API) checkPage(w http.ResponseWriter, q *http.Request) {
	v := struct {
		view
		Query   url.Values
		Problem string
		Checked *checked
	}{view: newView(q, word(language(q), "check.head")), Query: q.URL.Query()}
	v.Public = a.Token != "" && !a.allowed(q)
	code := http.StatusOK
	if v.Query.Has("i") || v.Query.Has("f") {
		l, err := readLink(v.Query)
		if err != nil {
			v.Problem, code = err.Error(), http.StatusBadRequest
		} else {
			c, err := a.check(q, l)
			if a.failed(w, q, err) {
				return
			}
			if v.Checked = &c; c.Outcome == notFound {
				code = http.StatusNotFound
			}
		}
	}
	a.page.show(w, code, "check", v)
}
