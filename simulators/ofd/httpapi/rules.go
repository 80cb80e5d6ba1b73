package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/simulators/ofd"
	"github.com/kkmtest/kkmtest/simulators/ofd/script"
	"github.com/kkmtest/kkmtest/simulators/ofd/watch"
)

// doAct carries acts of the operator out.
func (a *API) doAct(q *http.Request, x script.Act) error {
	return a.change(q, func() error {
		if _, ok := a.Server.Info(x.Device); x.Device != 0 && !ok {
			return noDevice(uint64(x.Device))
		}
		return a.Server.Act("api", x.Device, x.Acts)
	})
}

func (a *API) act(w http.ResponseWriter, q *http.Request) {
	raw, err := body(w, q)
	var x script.Act
	if err == nil {
		x, err = script.ReadAct(raw)
	}
	if err == nil {
		err = a.doAct(q, x)
	}
	tell(w, http.StatusOK, map[string]any{"done": x.Acts.String()}, err)
}

func (a *API) ruleStates(q *http.Request) (out []ofd.RuleState, err error) {
	err = a.on(q, func() { out = a.Server.RuleStates() })
	if out == nil {
		out = []ofd.RuleState{}
	}
	return out, err
}

func (a *API) listRules(w http.ResponseWriter, q *http.Request) {
	out, err := a.ruleStates(q)
	tell(w, http.StatusOK, map[string]any{"rules": out}, err)
}

// stands says whether a rule of the name stands; on the loop.
func (a *API) stands(name string) bool { return slices.Contains(a.Server.Rules(), name) }

func (a *API) setRule(w http.ResponseWriter, q *http.Request) {
	name := q.PathValue("name")
	raw, err := body(w, q)
	var r ofd.Rule
	if err == nil {
		r, err = script.ReadRule(name, raw)
	}
	if err == nil {
		err = a.change(q, func() error {
			if a.stands(name) {
				return refusal{http.StatusConflict, fmt.Sprintf("rule %q stands already: DELETE it first, the answer says how often it acted", name)}
			}
			return a.Server.Set(name, r)
		})
	}
	tell(w, http.StatusCreated, map[string]any{"id": name, "action": r.String()}, err)
}

// dropRule lifts a rule and tells how often it acted.
func (a *API) dropRule(q *http.Request, name string) (fired int, err error) {
	err = a.change(q, func() error {
		if !a.stands(name) {
			return refusal{http.StatusNotFound, fmt.Sprintf("no rule %q stands", name)}
		}
		fired = a.Server.Clear(name)
		return nil
	})
	return fired, err
}

func (a *API) clearRule(w http.ResponseWriter, q *http.Request) {
	fired, err := a.dropRule(q, q.PathValue("name"))
	tell(w, http.StatusOK, map[string]any{"id": q.PathValue("name"), "fired": fired}, err)
}

// exchange is a request and its answer as the API tells of them.
type exchange struct {
	Seq      uint64                `json:"seq"`
	Time     string                `json:"time"` // UTC
	Conn     uint64                `json:"conn"`
	Device   uint32                `json:"device"`
	Version  string                `json:"version"`
	Command  string                `json:"command,omitempty"`
	What     string                `json:"what,omitempty"` // accepted, replayed, refused, silent; nothing when it was not decided
	Code     int                   `json:"code"`
	Sign     string                `json:"sign,omitempty"`
	Error    string                `json:"error,omitempty"` // class, when the request could not be taken as it is
	MS       *int64                `json:"ms,omitempty"`    // from the request to its answer
	Lost     bool                  `json:"lost,omitempty"`
	Observed []history.Observation `json:"observed"`
	Scripted []history.Scripted    `json:"scripted"`
}

const timeForm = "2006-01-02T15:04:05.000Z"

func describeExchange(x watch.Exchange) exchange {
	h := x.Header()
	out := exchange{
		Seq: uint64(x.Request.Seq), Time: x.Request.At.Wall.UTC().Format(timeForm), Conn: x.Frame.Conn, Device: h.ID, Version: h.Version.String(), Error: x.Frame.Error,
		Observed: x.Observed, Scripted: x.Scripted,
	}
	if out.Observed == nil {
		out.Observed = []history.Observation{}
	}
	if out.Scripted == nil {
		out.Scripted = []history.Scripted{}
	}
	if b := x.Booked; b != nil {
		out.Command, out.What, out.Code, out.Sign = b.Command, b.What, b.Code, b.Sign
	}
	if x.Answered != nil {
		ms := (x.Answered.Mono - x.Request.At.Mono).Milliseconds()
		out.MS, out.Lost = &ms, x.Answer.Lost
	}
	return out
}

func (a *API) exchanges(device uint32, observed bool, most int) []exchange {
	out := []exchange{}
	for _, x := range a.Record.Exchanges(func(x watch.Exchange) bool {
		return (device == 0 || x.Header().ID == device) && (!observed || len(x.Observed) > 0)
	}, most) {
		out = append(out, describeExchange(x))
	}
	return out
}

func (a *API) pickExchanges(w http.ResponseWriter, q *http.Request, observed bool) []exchange {
	var device uint64
	limit := uint64(100)
	err := query(q, map[string]*uint64{"device": &device, "limit": &limit})
	if err == nil && (limit < 1 || limit > maxList || device > 1<<32-1) {
		err = fmt.Errorf("query %q: want limit from 1 to %d", q.URL.RawQuery, maxList)
	}
	if err != nil {
		tell(w, 0, nil, err)
		return nil
	}
	return a.exchanges(uint32(device), observed, int(limit))
}

func (a *API) listExchanges(w http.ResponseWriter, q *http.Request) {
	if out := a.pickExchanges(w, q, false); out != nil {
		answer(w, http.StatusOK, map[string]any{"exchanges": out})
	}
}

// observation is one observation with the request that it is of.
type observation struct {
	Seq     uint64 `json:"seq"`
	Time    string `json:"time"`
	Device  uint32 `json:"device"`
	Command string `json:"command"`
	history.Observation
}

func (a *API) listObservations(w http.ResponseWriter, q *http.Request) {
	all := a.pickExchanges(w, q, true)
	if all == nil {
		return
	}
	out := []observation{}
	for _, x := range all {
		for _, o := range x.Observed {
			out = append(out, observation{x.Seq, x.Time, x.Device, x.Command, o})
		}
	}
	answer(w, http.StatusOK, map[string]any{"observations": out})
}

// beat is how often a stream without events says that it is alive.
const beat = 15 * time.Second

// events streams the record as server-sent events: everything behind ?after=N, or
// what comes from now on.
func (a *API) events(w http.ResponseWriter, q *http.Request) {
	after := uint64(a.Record.Last())
	if id := q.Header.Get("Last-Event-ID"); id != "" {
		n, err := strconv.ParseUint(id, 10, 63)
		if err != nil {
			refuse(w, http.StatusBadRequest, fmt.Sprintf("Last-Event-ID %q: want a whole number", id))
			return
		}
		after = n
	}
	if err := query(q, map[string]*uint64{"after": &after}); err != nil {
		tell(w, 0, nil, err)
		return
	}
	select {
	case a.streams <- struct{}{}:
		defer func() { <-a.streams }()
	default:
		refuse(w, http.StatusServiceUnavailable, fmt.Sprintf("%d streams of events are open already", maxStream))
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	out := http.NewResponseController(w)
	if out.Flush() != nil {
		return
	}
	const most = 100
	n := history.Seq(after)
	for {
		ctx, cancel := context.WithCancel(q.Context())
		t := a.Loop.AfterFunc(beat, cancel)
		go func() { // the API may be closed meanwhile
			select {
			case <-a.closed:
				cancel()
			case <-ctx.Done():
			}
		}()
		events, lost, err := a.Record.Since(ctx, n, most)
		t.Stop()
		cancel()
		select {
		case <-a.closed:
			return
		case <-q.Context().Done():
			return
		default:
		}
		// A reader who takes nothing is let go.
		if out.SetWriteDeadline(a.Loop.Now().Wall.Add(beat)) != nil {
			return
		}
		if err != nil {
			_, err = fmt.Fprint(w, ": still here\n\n")
		} else {
			err = writeEvents(w, events, lost)
			n = events[len(events)-1].Seq
		}
		if err != nil || out.Flush() != nil {
			return
		}
	}
}

func writeEvents(w http.ResponseWriter, events []history.Event, lost uint64) error {
	if lost > 0 {
		if _, err := fmt.Fprintf(w, "event: lost\ndata: {\"lost\":%d}\n\n", lost); err != nil {
			return err
		}
	}
	for _, e := range events {
		raw, err := watch.JSON(e)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", e.Seq, e.Body.Kind(), raw); err != nil {
			return err
		}
	}
	return nil
}
