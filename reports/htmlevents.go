package reports

import (
	"html/template"
	"maps"
	"slices"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/reports/evidence"
	"github.com/kkmtest/kkmtest/reports/words"
)

// htmlEvents reads the cited events from the record, in its order.
func (r Run) htmlEvents(cited map[history.Seq]*htmlEvent) []*htmlEvent {
	var out []*htmlEvent
	for _, s := range slices.Sorted(maps.Keys(cited)) {
		h := cited[s]
		out = append(out, h)
		e, ok := r.View.Get(s)
		if !ok {
			h.Seq, h.Elsewhere = s, tri("html.missing")
			continue
		}
		h.Evidence = evidence.Of(e)
		h.RawKind = e.Body.Kind()
		if _, ok := words.Get("kind." + h.RawKind); ok {
			h.Kind = "kind." + h.RawKind
		}
		for _, c := range e.Causes {
			h.Causes = append(h.Causes, htmlCause{c, cited[c] != nil})
		}
		for _, b := range h.Evidence.Blocks {
			h.Blocks = append(h.Blocks, htmlBlock{"block." + b.Name, b.Text})
		}
	}
	return out
}

// fit drops the longer pieces of events that the page has no room for: those
// that only passed rows cite go first, and among equals the later ones.
func fit(events []*htmlEvent, room int) {
	order := slices.Clone(events)
	slices.SortStableFunc(order, func(a, b *htmlEvent) int { return a.worst - b.worst })
	for _, e := range events {
		room -= eventHead + len(template.HTMLEscapeString(e.Head)) + 60*len(e.By)
	}
	for _, e := range order {
		size := 0
		for _, b := range e.Blocks {
			size += len(template.HTMLEscapeString(b.Text)) + 150
		}
		if size <= room {
			room -= size
			continue
		}
		e.Blocks = nil
		e.Elsewhere = each(func(l regulation.Lang) string { return words.T(l, "html.nobody", e.Seq) })
	}
}
