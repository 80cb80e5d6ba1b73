package shtrihm

import (
	"github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
)

// tapeName is what B4h answers: the kind of document that the lines make.
const tapeName = "КОНТР. ЛЕНТА"

// tapeByShift begins the control tape of a shift (8.3).
func (h *Host) tapeByShift(c *call) {
	shift := c.f.Uint(2)
	if c.f.Err() != nil {
		c.fail(frame.ErrParameters)
		return
	}
	c.administrator(func() {
		if h.tape = h.r.Archive(uint32(shift)); len(h.tape) == 0 {
			c.fail(frame.ErrNoData)
			return
		}
		c.reply(answer(c.code, frame.ErrNone).Text(coding.EncodeLossy(tapeName), 16))
	})
}

// tapeLine is the next line of it.
func (h *Host) tapeLine(c *call) {
	c.administrator(func() {
		if len(h.tape) == 0 {
			c.fail(frame.ErrNoData)
			return
		}
		p := coding.EncodeLossy(h.tape[0])
		h.tape = h.tape[1:]
		c.reply(answer(c.code, frame.ErrNone).Raw(p[:min(len(p), longestLine)]))
	})
}
