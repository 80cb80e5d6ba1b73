// Package watch is the record of an operator that runs for long: the latest
// events, bounded, for whoever looks on. It keeps no history: what is too old is
// forgotten, and a reader who was too slow is told that he missed something.
//
// Passwords of cashiers, which go over the line in clear, are blotted out before
// anything is kept.
//
// Begin with [New]; [Journal.Since] follows the events, [Journal.Exchanges] puts
// them together by request.
package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr"
)

// Journal is a [history.Journal] that forgets.
type Journal struct {
	clk   clock.Clock
	limit int

	mu    sync.Mutex
	ring  []history.Event // dense, ascending
	held  int
	next  history.Seq
	fresh chan struct{} // closed when an event comes; nil while nobody waits
}

// New keeps events of at most limit bytes together.
func New(clk clock.Clock, limit int) *Journal { return &Journal{clk: clk, limit: limit, next: 1} }

var _ history.Journal = (*Journal)(nil)

// Append records b.
func (j *Journal) Append(src history.Source, b history.Body, causes ...history.Seq) (history.Seq, error) {
	return j.AppendLink(src, "", b, causes...)
}

// AppendLink records b for a link.
func (j *Journal) AppendLink(src history.Source, link string, b history.Body, causes ...history.Seq) (history.Seq, error) {
	if f, ok := b.(history.Frame); ok && f.Dir == history.FromDevice {
		f.Bytes = blot(f.Bytes)
		b = f
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	e := history.Event{Seq: j.next, At: j.clk.Now(), Source: src, Link: link, Causes: causes, Body: b}
	j.next++
	j.ring = append(j.ring, e)
	j.held += weight(e)
	n := 0
	for j.held > j.limit && n < len(j.ring)-1 {
		j.held -= weight(j.ring[n])
		j.ring[n] = history.Event{}
		n++
	}
	j.ring = j.ring[n:]
	if j.fresh != nil {
		close(j.fresh)
		j.fresh = nil
	}
	return e.Seq, nil
}

// Barrier has nothing to wait for.
func (j *Journal) Barrier() error { return nil }

// weight is about what an event takes.
func weight(e history.Event) int {
	const base = 200
	switch b := e.Body.(type) {
	case history.Frame:
		return base + len(b.Bytes)
	case history.Observation:
		return base + len(b.Value) + len(b.Rule)
	case history.OFDSet:
		return base + len(b.Action)
	case history.Scripted:
		return base + len(b.Action)
	}
	return base
}

// Last is the number of the latest event, 0 before the first.
func (j *Journal) Last() history.Seq {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.next - 1
}

// Since returns the events after number n, at most most of them; it waits for the
// first one. lost says how many of them are not kept any more.
func (j *Journal) Since(ctx context.Context, n history.Seq, most int) (events []history.Event, lost uint64, err error) {
	for {
		j.mu.Lock()
		if n+1 < j.next {
			first := j.ring[0].Seq
			from := 0
			if n+1 < first {
				lost = uint64(first - n - 1)
			} else {
				from = int(n + 1 - first)
			}
			events = slices.Clone(j.ring[from:min(len(j.ring), from+most)])
			j.mu.Unlock()
			return events, lost, nil
		}
		if j.fresh == nil {
			j.fresh = make(chan struct{})
		}
		fresh := j.fresh
		j.mu.Unlock()
		select {
		case <-fresh:
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
}

func (j *Journal) all() []history.Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.ring)
}

// Exchange is a request, and what became of it.
type Exchange struct {
	Request  history.Event // its body is a Frame
	Frame    history.Frame
	Booked   *history.Booked
	Observed []history.Observation
	Scripted []history.Scripted
	Answer   *history.Frame // the last one
	Answered *clock.Instant
}

// Header is the header of the request, as far as it can be read.
func (x Exchange) Header() cpcr.Header {
	h, _ := cpcr.ParseHeader(x.Frame.Bytes, cpcr.MaxRequest)
	return h
}

// Exchanges puts the kept events together by request, newest first: those that
// keep says yes to (nil: all), at most most.
func (j *Journal) Exchanges(keep func(Exchange) bool, most int) []Exchange {
	var out []Exchange
	byRequest := map[history.Seq]int{}
	for _, e := range j.all() {
		if f, ok := e.Body.(history.Frame); ok && f.Dir == history.FromDevice {
			byRequest[e.Seq] = len(out)
			out = append(out, Exchange{Request: e, Frame: f})
			continue
		}
		if len(e.Causes) == 0 {
			continue
		}
		i, ok := byRequest[e.Causes[0]]
		if !ok {
			continue
		}
		x := &out[i]
		switch b := e.Body.(type) {
		case history.Booked:
			x.Booked = &b
		case history.Observation:
			x.Observed = append(x.Observed, b)
		case history.Scripted:
			x.Scripted = append(x.Scripted, b)
		case history.Frame:
			at := e.At
			x.Answer, x.Answered = &b, &at
		}
	}
	slices.Reverse(out)
	if keep != nil {
		out = slices.DeleteFunc(out, func(x Exchange) bool { return !keep(x) })
	}
	return out[:min(len(out), most)]
}

// Exchange finds the request with a number.
func (j *Journal) Exchange(n history.Seq) (Exchange, bool) {
	all := j.Exchanges(func(x Exchange) bool { return x.Request.Seq == n }, 1)
	if len(all) == 0 {
		return Exchange{}, false
	}
	return all[0], true
}

// JSON is an event for a program. Frames come in hex and with their text.
func JSON(e history.Event) ([]byte, error) {
	type frame struct {
		Conn  uint64      `json:"conn"`
		Dir   history.Dir `json:"dir"`
		Hex   hexBytes    `json:"hex"`
		Text  string      `json:"text"`
		Error string      `json:"error,omitempty"`
		Lost  bool        `json:"lost,omitempty"`
	}
	var body any = e.Body
	if f, ok := e.Body.(history.Frame); ok {
		body = frame{f.Conn, f.Dir, f.Bytes, Text(f), f.Error, f.Lost}
	}
	return json.Marshal(struct {
		Seq    history.Seq    `json:"seq"`
		Time   string         `json:"time"`
		Kind   string         `json:"kind"`
		Source history.Source `json:"source"`
		Causes []history.Seq  `json:"causes,omitempty"`
		Body   any            `json:"body"`
	}{e.Seq, e.At.Wall.UTC().Format("2006-01-02T15:04:05.000Z"), e.Body.Kind(), e.Source, e.Causes, body})
}

type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) {
	const digits = "0123456789abcdef"
	out := make([]byte, 0, 2*len(h))
	for _, b := range h {
		out = append(out, digits[b>>4], digits[b&15])
	}
	return out, nil
}

// Text tells a frame to a person.
func Text(f history.Frame) string {
	side := cpcr.FromKKM
	if f.Dir == history.ToDevice {
		side = cpcr.FromOFD
	}
	var b bytes.Buffer
	for _, d := range cpcr.Dissect(f.Bytes, side) {
		b.WriteString(d.Text())
	}
	return b.String()
}

// blot overwrites the password of a login with asterisks, in a copy. It looks at
// every request, because a broken one may hide its command.
func blot(frame []byte) []byte {
	if len(frame) <= cpcr.HeaderSize {
		return frame
	}
	const auth, password = 8, 2 // Request.auth, AuthRequest.password
	out := frame
	field(frame[cpcr.HeaderSize:], auth, func(from, to int) {
		field(frame[cpcr.HeaderSize+from:cpcr.HeaderSize+to], password, func(a, b int) {
			if &out[0] == &frame[0] {
				out = bytes.Clone(frame)
			}
			for i := a; i < b; i++ {
				out[cpcr.HeaderSize+from+i] = '*'
			}
		})
	})
	return out
}

// field calls f with the place of each field of a number.
func field(b []byte, want protowire.Number, f func(from, to int)) {
	for at := 0; at < len(b); {
		num, typ, n := protowire.ConsumeTag(b[at:])
		if n < 0 {
			return
		}
		at += n
		m := protowire.ConsumeFieldValue(num, typ, b[at:])
		whole := m >= 0
		if !whole {
			m = len(b) - at // cut off: what is there of it may still be the secret
		}
		if num == want && typ == protowire.BytesType {
			if _, l := protowire.ConsumeVarint(b[at:]); l > 0 {
				f(at+l, at+m)
			}
		}
		if !whole {
			return
		}
		at += m
	}
}
