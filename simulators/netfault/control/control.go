// Package control lets people and programs look at a network that runs and put
// faults on its links, over HTTP, and draws its flows and faults as a table.
// It decides nothing: faults are read by package script, set and lifted by netfault.
//
//	GET    /state                       links, faults, flows as JSON
//	GET    /table                       the same as text
//	GET    /faults                      the words that a fault may use, and the profiles
//	POST   /links/{link}/faults         {"id": "slow", "where": {"what": "data"}, "fault": {"delay": {"fixed": "300ms"}}}
//	DELETE /links/{link}/faults/{id}    lifts it; {"struck": 12}
//
// Begin with [Handler] and [Table].
package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kkmtest/kkmtest/simulators/netfault"
	"github.com/kkmtest/kkmtest/simulators/netfault/script"
)

// maxBody bounds a request.
const maxBody = 64 << 10

// Handler serves the control of a network. Requests of web pages of another origin are refused.
func Handler(n *netfault.Network) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, n.State()) })
	mux.HandleFunc("GET /table", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, Table(n.State()))
	})
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) {
		type profile struct {
			Name  string `json:"name"`
			About string `json:"about"`
		}
		var ps []profile
		for _, p := range netfault.Profiles() {
			ps = append(ps, profile{p.Name, p.About})
		}
		answer(w, http.StatusOK, map[string]any{"faults": script.Faults(), "profiles": ps})
	})
	mux.HandleFunc("POST /links/{link}/faults", func(w http.ResponseWriter, q *http.Request) {
		l, ok := link(n, w, q)
		if !ok {
			return
		}
		raw, err := io.ReadAll(http.MaxBytesReader(w, q.Body, maxBody))
		if err != nil {
			refuse(w, http.StatusRequestEntityTooLarge, fmt.Errorf("body: want at most %d bytes", maxBody))
			return
		}
		id, faults, err := script.ParseFault("body", raw)
		if err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
		if err := l.SetProfile(id, netfault.Profile{Name: id, Faults: faults}); err != nil {
			refuse(w, http.StatusConflict, err)
			return
		}
		w.Header().Set("Location", "/links/"+url.PathEscape(l.Name())+"/faults/"+url.PathEscape(id))
		answer(w, http.StatusCreated, map[string]any{"id": id, "link": l.Name()})
	})
	mux.HandleFunc("DELETE /links/{link}/faults/{id...}", func(w http.ResponseWriter, q *http.Request) {
		l, ok := link(n, w, q)
		if !ok {
			return
		}
		struck, err := lift(n, l, q.PathValue("id"))
		if err != nil {
			refuse(w, http.StatusNotFound, err)
			return
		}
		answer(w, http.StatusOK, map[string]any{"struck": struck})
	})
	return http.NewCrossOriginProtection().Handler(mux)
}

// lift lifts a fault, or all faults of a profile that was set under this name.
func lift(n *netfault.Network, l *netfault.Link, id string) (struck int, err error) {
	var ids []string
	for _, s := range n.State() {
		if s.Name != l.Name() {
			continue
		}
		for _, f := range s.Faults {
			if f.ID == id || strings.HasPrefix(f.ID, id+"/") {
				ids = append(ids, f.ID)
			}
		}
	}
	if len(ids) == 0 {
		return 0, fmt.Errorf("link %s: fault %q is not set", l.Name(), id)
	}
	for _, id := range ids {
		k, cerr := l.Clear(id)
		struck += k
		err = errors.Join(err, cerr)
	}
	return struck, err
}

func link(n *netfault.Network, w http.ResponseWriter, q *http.Request) (*netfault.Link, bool) {
	l, ok := n.Link(q.PathValue("link"))
	if !ok {
		refuse(w, http.StatusNotFound, fmt.Errorf("link %q is not there: want one of %s", q.PathValue("link"), strings.Join(n.Links(), ", ")))
	}
	return l, ok
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int, err error) {
	answer(w, status, map[string]string{"error": err.Error()})
}

// Table draws links, faults and flows as text, 80 columns where the names allow it.
func Table(links []netfault.LinkState) string {
	var b strings.Builder
	for i, l := range links {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "link %s", l.Name)
		if l.RegisterPort != "" {
			fmt.Fprintf(&b, " (%s to %s)", l.RegisterPort, l.OFDPort)
		}
		fmt.Fprintf(&b, "   to OFD %d packets, %d dropped   to KKM %d, %d dropped   %d under way\n",
			l.ToOFD.Packets, l.ToOFD.Dropped, l.ToKKM.Packets, l.ToKKM.Dropped, l.PacketsUnderWay)
		t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		if len(l.Faults) == 0 {
			_, _ = fmt.Fprintln(t, "  no faults")
		} else {
			_, _ = fmt.Fprintln(t, "  fault\tfor\tseen\tstruck\twhat it does")
		}
		for _, f := range l.Faults {
			struck := fmt.Sprint(f.Struck)
			if f.Struck == 0 {
				struck = "none"
			}
			_, _ = fmt.Fprintf(t, "  %s\t%v\t%d\t%s\t%s\n", plain(f.ID), f.Since.Round(time.Second), f.Seen, struck, plain(f.Fault))
		}
		_ = t.Flush()
		t = tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		if len(l.Flows) > 0 {
			_, _ = fmt.Fprintln(t, "  flow\tregister\tOFD\tstate\tto OFD\tto KKM\tagain")
		}
		for _, f := range l.Flows[max(0, len(l.Flows)-shown):] {
			_, _ = fmt.Fprintf(t, "  %d\t%v\t%v\t%s\t%d B\t%d B\t%d\n", f.Number, f.KKM, f.OFD, f.State, f.ToOFD.Bytes, f.ToKKM.Bytes, f.ToOFD.Again+f.ToKKM.Again)
		}
		_ = t.Flush()
		if n := len(l.Flows) - shown; n > 0 {
			fmt.Fprintf(&b, "  and %d older ones\n", n)
		}
	}
	return b.String()
}

// shown is how many flows of a link the table has room for: the youngest.
const shown = 20

// plain keeps a terminal safe from what stands in names.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}
