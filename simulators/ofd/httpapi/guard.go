package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
)

// public paths are for everybody: the buyer who follows the link on a receipt,
// and what his page needs. A query for a ticket at the root is such a link as well.
func public(q *http.Request) bool {
	p := q.URL.Path
	return q.Method == http.MethodGet && (p == "/check" || p == "/api/check" || strings.HasPrefix(p, "/static/") || (p == "/" && isTicketLink(q)))
}

// isTicketLink says whether the query is that of a receipt.
func isTicketLink(q *http.Request) bool {
	v := q.URL.Query()
	return v.Has("i") && v.Has("f")
}

// guard keeps strangers out.
//
// With a token, every call must bring it: "Authorization: Bearer TOKEN", or as
// the password of basic authorisation, which a browser asks for. Without one the
// server listens on loopback, and only calls under a local name are answered: a
// page of another site that lets its own name point here gets nothing. A change
// that a page of another site sends is refused in any case.
func (a *API) guard(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusForbidden, "a page of another site may change nothing here")
	}))
	next = cross.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		switch {
		case a.Token == "" && !localName(q.Host):
			refuse(w, http.StatusMisdirectedRequest, "this server answers under the names of this computer only: 127.0.0.1, [::1] or localhost")
		case a.Token != "" && !public(q) && !a.allowed(q):
			h.Set("WWW-Authenticate", `Basic realm="kkmtest ofd", charset="UTF-8"`)
			refuse(w, http.StatusUnauthorized, `want the token: "Authorization: Bearer TOKEN", or as the password`)
		default:
			next.ServeHTTP(w, q)
		}
	})
}

// allowed compares in constant time, whatever the length.
func (a *API) allowed(q *http.Request) bool {
	_, given, ok := q.BasicAuth()
	if !ok {
		given, ok = strings.CutPrefix(q.Header.Get("Authorization"), "Bearer ")
	}
	want, got := sha256.Sum256([]byte(a.Token)), sha256.Sum256([]byte(given))
	return ok && subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

// localName says whether a Host header names this computer.
func localName(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
