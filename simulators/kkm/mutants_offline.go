package kkm

import (
	"slices"
	"time"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

// swap puts two messages of the queue that were never sent in the wrong order.
func swap(n *nv) bool {
	for i := 0; i+1 < len(n.queue); i++ {
		if n.queue[i].Pair == nil && n.queue[i+1].Pair == nil {
			n.queue[i], n.queue[i+1] = n.queue[i+1], n.queue[i]
			return true
		}
	}
	return false
}

// closeFirst brings the first close of a shift before everything else.
func closeFirst(n *nv) bool {
	z := slices.IndexFunc(n.queue, func(d *document) bool { return d.Kind == fiscal.OpZReport && d.Pair == nil })
	if z > 0 {
		d := n.queue[z]
		n.queue = slices.Insert(slices.Delete(n.queue, z, z+1), 0, d)
		n.queue[1].Pair = nil
	}
	return z > 0
}

var offlineMutants = []mutant{
	{Mutant{"cutoff-late", "sells for an hour longer without the OFD than its limit", names("offline.cutoff"), nil},
		quirks{cutoffExtra: time.Hour}},
	{Mutant{"cutoff-early", "stops an hour before its limit of work without the OFD", names("offline.cutoff"), names("shift.limit", "offline.enter")},
		quirks{cutoffExtra: -time.Hour}},
	{Mutant{"cutoff-second-late", "sells in the first second past its limit of work without the OFD", names("offline.cutoff"), nil},
		quirks{cutoffExtra: time.Second}},
	{Mutant{"cutoff-second-early", "stops when its limit of work without the OFD is reached, and not when it is over", names("offline.cutoff"), nil},
		quirks{cutoffExtra: -time.Second}},
	{Mutant{"cutoff-from-newest", "counts the limit of work without the OFD from the newest unsent receipt", names("offline.cutoff"), nil},
		quirks{cutoffFromNewest: true}},

	{Mutant{"offline-waits", "waits nine fifths of the time that is allowed for the OFD's answer", names("offline.enter"), names("latency.online")},
		quirks{answer: func(l *Limits) time.Duration { return l.Answer * 9 / 5 }}},
	{Mutant{"offline-hasty", "goes offline at nine tenths of the time that is allowed for the OFD's answer", names("offline.enter"),
		names("latency.online", "offline.mark", "fiscal.sign", "cycle.single")},
		quirks{answer: func(l *Limits) time.Duration { return l.Answer * 9 / 10 }}},
	{Mutant{"offline-refuses", "refuses sales when the OFD does not answer", names("offline.enter", "offline.receipt"),
		names("offline.cutoff", "offline.sign", "offline.mark", "offline.handover", "offline.shiftclose", "zreport.fields/offline.count", "cash.placement", "shift.limit")},
		quirks{refusesOffline: true}},
	{Mutant{"offline-hangs", "does nothing at all for minutes when the OFD does not answer", names("offline.enter"),
		names("latency.online", "offline.receipt", "offline.cutoff", "offline.sign", "offline.mark", "offline.handover", "offline.shiftclose", "zreport.fields")},
		quirks{answer: func(l *Limits) time.Duration { return l.Answer * 40 }}},

	{Mutant{"sign-repeats", "begins its autonomous signs anew every day", names("offline.sign/unique"), names("offline.handover")},
		quirks{signsPerDay: true}},
	{Mutant{"sign-other-on-paper", "prints another autonomous sign than it sends", names("offline.sign/printed"), names("offline.sign/sent", "receipt.lines/sign", "fiscal.sign")},
		quirks{signPrinted: func(d *document, s string) string {
			if d.Sign != 0 {
				return "9" + s
			}
			return s
		}}},
	{Mutant{"sign-not-on-paper", "prints offline receipts without their autonomous sign", names("offline.sign/printed"), names("offline.sign/sent", "offline.sign/unique", "receipt.lines/sign", "fiscal.sign")},
		quirks{signPrinted: func(d *document, s string) string {
			if d.Sign != 0 {
				return ""
			}
			return s
		}}},
	{Mutant{"sign-not-sent", "hands offline receipts over with another autonomous sign than the printed one", names("offline.sign/sent"), names("offline.sign/printed", "offline.sign/unique", "offline.handover", "receipt.lines/sign", "fiscal.sign")},
		quirks{wire: onTicket(func(t *canon.TicketRequest) {
			if t.OfflineTicketNumber != nil {
				*t.OfflineTicketNumber ^= 1 << 20
			}
		})}},

	{Mutant{"mark-absent", "prints offline receipts without the mark of the autonomous mode", names("offline.mark"), nil},
		quirks{loses: map[tag]bool{tagMark: true}}},
	{Mutant{"mark-always", "prints the mark of the autonomous mode on online receipts too", names("offline.mark"), nil},
		quirks{marksOnline: true}},

	{Mutant{"handover-reorders", "hands two messages of the queue over in the wrong order", names("offline.handover"), names("offline.shiftclose", "zreport.fields")},
		quirks{disturb: swap}},
	{Mutant{"handover-drops", "loses a message of the queue during the hand-over", names("offline.handover"),
		names("offline.sign", "offline.shiftclose", "offline.cutoff", "cash.placement", "ticket.return", "cycle.single", "zreport.fields", "ticket.fields", "store.kept", "shift.close")},
		quirks{dropsOne: true}},
	{Mutant{"handover-doubles", "sends a confirmed receipt of the queue a second time as a new one", names("offline.handover"),
		names("offline.sign", "cycle.single", "zreport.fields", "ticket.fields")},
		quirks{sendsTwice: true}},
	{Mutant{"handover-no-period", "does not tell how long it worked without the OFD", names("offline.handover/duration"), nil},
		quirks{noPeriod: true}},
	{Mutant{"handover-wrong-period", "tells the moment of the hand-over as the beginning of the break", names("offline.handover/duration"), nil},
		quirks{wire: func(_ *Register, q *canon.Request) {
			if p := q.Service.GetOfflinePeriod(); p != nil {
				p.BeginTime = p.EndTime
			}
		}}},
	{Mutant{"handover-overlaps", "sends the next message of the queue before the answer to the last one", names("offline.handover/order"), names("offline.sign", "offline.shiftclose")},
		quirks{overlaps: true}},

	{Mutant{"z-offline-send-time", "dates the close of a shift that was made offline with the moment of sending", names("offline.shiftclose"),
		names("zreport.fields/time", "zreport.fields/shift.end")},
		quirks{wire: onClose(func(r *Register, c *canon.CloseShiftRequest) {
			if c.GetIsOffline() {
				now := cpcr.Stamp(r.now())
				c.CloseTime = now
				if c.ZReport != nil {
					c.ZReport.DateTime, c.ZReport.CloseShiftTime = now, now
				}
			}
		})}},
	{Mutant{"z-offline-refuses", "does not close the shift without the OFD", names("offline.shiftclose"), names("zreport.fields", "shift.limit", "shift.close")},
		quirks{refusesOfflineZ: true}},
	{Mutant{"z-offline-first", "hands the close of a shift over before the receipts of that shift", names("offline.shiftclose"), names("offline.handover/order", "offline.handover", "zreport.fields")},
		quirks{disturb: closeFirst}},
}
