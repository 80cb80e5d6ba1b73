package store

import (
	"fmt"
	"sync"

	"github.com/kkmtest/kkmtest/simulators/ofd"
)

// Memory keeps the latest events of a process and forgets the older ones. It is
// safe for concurrent use.
type Memory struct {
	mu    sync.Mutex
	limit int // bytes of messages
	held  int
	first uint64 // number of events[0]
	all   []ofd.Event
}

// NewMemory keeps events with at most limit bytes of messages together.
func NewMemory(limit int) *Memory { return &Memory{limit: limit, first: 1} }

// Append keeps an event and acknowledges it at once.
func (m *Memory) Append(e ofd.Event, done func(error)) {
	m.mu.Lock()
	m.all = append(m.all, e)
	m.held += weight(e)
	n := 0
	for m.held > m.limit {
		m.held -= weight(m.all[n])
		m.all[n] = ofd.Event{}
		n++
	}
	m.all = m.all[n:]
	m.first += uint64(n)
	m.mu.Unlock()
	done(nil)
}

// weight is about what an event takes.
func weight(e ofd.Event) int {
	const base = 200
	if d := e.Document; d != nil {
		n := base + len(d.Request) + len(d.Answer)
		for _, o := range d.Observed {
			n += base + len(o.Value)
		}
		return n
	}
	return base
}

// Read returns event n, from 1.
func (m *Memory) Read(n uint64) (ofd.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n < m.first || n-m.first >= uint64(len(m.all)) {
		return ofd.Event{}, fmt.Errorf("event %d: %w", n, ErrGone)
	}
	return m.all[n-m.first], nil
}
