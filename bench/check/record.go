package check

import "github.com/kkmtest/kkmtest/bench/history"

// Record is a history read once for all checks: what was asked, what the OFD
// saw, what was printed, put together by operation.
type Record struct {
	View history.View
}

// NewRecord reads a view.
func NewRecord(v history.View) *Record { return &Record{View: v} }
