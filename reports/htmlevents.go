package reports

import (
	"html/template"
	"maps"
	"slices"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/reports/evidence"
	"github.com/kkmtest/kkmtest/reports/words"
)

// htmlEvents reads the cited events from the record, in its order. known keeps
// what was read before.
func (r Run) htmlEvents(cited map[history.Seq]*htmlEvent, known map[history.Seq]evidence.Evidence) []*htmlEvent {
	var out []*htmlEvent
	for _, s := range slices.Sorted(maps.Keys(cited)) {
		h := cited[s]
		out = append(out, h)
		e, ok := r.View.Get(s)
		if !ok {
			h.Seq, h.Missing = s, true
			continue
		}
		if h.Evidence, ok = known[s]; !ok {
			h.Evidence = evidence.Of(e)
			known[s] = h.Evidence
		}
		h.RawKind = e.Body.Kind()
		if _, ok := words.Get("kind." + h.RawKind); ok {
			h.Kind = kindClass("kind." + h.RawKind)
		}
		for _, c := range e.Causes {
			h.Causes = append(h.Causes, htmlCause{c, cited[c] != nil})
		}
		for _, b := range h.Evidence.Blocks {
			h.Blocks = append(h.Blocks, htmlBlock{kindClass("block." + b.Name), b.Text})
		}
	}
	return out
}

// bareEvents are the events without their longer pieces.
func bareEvents(events []*htmlEvent) []*htmlEvent {
	out := make([]*htmlEvent, len(events))
	for i, e := range events {
		bare := *e
		bare.Blocks = nil
		out[i] = &bare
	}
	return out
}

// fit drops the longer pieces of events that the page has no room for: those
// that only passed rows cite go first, and among equals the later ones.
func fit(events []*htmlEvent, room int) {
	order := slices.Clone(events)
	slices.SortStableFunc(order, func(a, b *htmlEvent) int { return a.worst - b.worst })
	const markup, each, gone = 64, 80, 32 // of the markup around them
	for _, e := range order {
		if len(e.Blocks) == 0 {
			continue
		}
		size := markup
		for _, b := range e.Blocks {
			size += len(template.HTMLEscapeString(b.Text)) + each
		}
		if size <= room {
			room -= size
			continue
		}
		e.Blocks, e.Elsewhere = nil, true
		room -= gone
	}
}
