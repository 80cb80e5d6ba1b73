package kkm

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

// The orders that a register may conform to.
const (
	Order431 = 431
	Order626 = 626
)

// onlyTransmits is section II: no store, no work without the OFD (KZ 431 row 57, KZ 626 row 62).
func (r *Register) onlyTransmits() bool { return r.profile.Section == "II" }

// complex is section III: a computer system with a store for its whole service life.
func (r *Register) complex() bool { return r.profile.Section == "III" }

// modern is order 626.
func (r *Register) modern() bool { return r.profile.Order == Order626 }

var noLinkNotice = []string{"ФДО-МЕН БАЙЛАНЫС ЖОҚ", "ЖҰМЫС ТОҚТАТЫЛДЫ", "НЕТ СВЯЗИ С ОФД", "РАБОТА ОСТАНОВЛЕНА"}

// settled finds out what became of a document that was sent and not answered,
// and goes on when that is known. A register that only transmits asks by
// repeating it with its TOKEN and REQNUM (cpcr.md 4.4); until there is an answer
// it can begin nothing else.
func (r *Register) settled(then func(ok bool)) {
	d := r.nv.pending
	if d == nil {
		then(true)
		return
	}
	r.yield()
	r.ask(&exchange{cmd: d.request().GetCommand(), pair: *d.Pair,
		build: func() ([]byte, error) { return r.frame(*d.Pair, d.request(), d) },
		end: func(a *answer) {
			switch {
			case a == nil:
				r.linkLost()
				then(false)
			case a.code == codeOK && (d.Kind != fiscal.OpReceipt || a.GetTicket().GetTicketNumber() != ""):
				r.linkBack()
				r.take(a)
				r.make(d, r.confirmed(d, a))
				then(true)
			default:
				r.linkBack()
				r.write(&record{Step: stRefuse, Token: tokenOf(a)})
				if a.code != codeOK {
					r.refusedByOFD(a)
				}
				then(r.nv.blocked == "")
			}
		}})
}

// transmit registers a document of a register that only transmits: with the
// OFD's answer, or not at all.
func (r *Register) transmit(d *document) {
	r.yield()
	spent := r.nv.reqnum
	d.Pair = &pair{Token: r.nv.token, ReqNum: r.next()}
	r.write(&record{Step: stBegin, Doc: d})
	d = r.nv.pending
	var x *exchange
	x = &exchange{cmd: d.request().GetCommand(), pair: *d.Pair,
		build: func() ([]byte, error) { return r.frame(*d.Pair, d.request(), d) },
		end: func(a *answer) {
			switch {
			case a != nil && a.code == codeOK && d.Kind == fiscal.OpReceipt && a.GetTicket().GetTicketNumber() == "":
				r.write(&record{Step: stRefuse, Token: tokenOf(a)})
				r.show("ФДО НӨМІР БЕРМЕДІ / ОФД НЕ ДАЛ НОМЕРА")
				r.finish(refusal(BadData, 0, "no number from the OFD"))
			case a != nil:
				r.linkBack()
				r.registered(d, a)
			case x.sent == 0: // it never left: it never was
				r.write(&record{Step: stRefuse, ReqNum: &spent})
				r.linkLost()
				r.finish(refusal(NoLink, 0, "no link"))
			default: // it stays pending: the OFD may have taken it
				r.linkLost()
				r.finish(refusal(NoLink, 0, "no answer: whether the OFD took the document shows when it answers again"))
			}
		}}
	r.ask(x)
}

// linkLost stops a register that only transmits.
func (r *Register) linkLost() {
	if !r.noLink {
		r.noLink = true
		r.tell(noLinkNotice)
	} else {
		r.show(noLinkNotice...)
	}
	r.plan()
}

func (r *Register) linkBack() {
	if r.noLink {
		r.noLink = false
		r.tell(onlineNotice)
	}
}

// listKey names the receipts of a shift with their sums in service.auxiliary of
// a close (KZ 431 rows 53.23, 85.44; no field of the protocol is meant for them).
const listKey = "shift_receipts"

// listed is the list of the shift: control number and sum of each receipt.
func (n *nv) listed() string {
	var out []string
	for _, t := range n.shiftList {
		out = append(out, t.sign+"="+t.sum.String())
	}
	return strings.Join(out, ";")
}

// shiftReceipt is an entry of the list.
type shiftReceipt struct {
	sign string
	sum  fiscal.Tiyn
}

// auxiliary is what a close tells beyond the fields of the protocol.
func (r *Register) auxiliary(d *document) []*canon.KeyValuePair {
	var out []*canon.KeyValuePair
	add := func(key, value string) {
		out = append(out, &canon.KeyValuePair{Key: proto.String(key), Value: proto.String(value)})
	}
	if !r.onlyTransmits() {
		add(storeKey, r.storeSum(d))
	}
	if r.profile.Section != "I" {
		add(listKey, d.List)
	}
	return out
}

// openingText is what the opening of a shift prints: texts of the OFD that no
// paper has shown yet (KZ 431 rows 49, 82).
func (r *Register) openingText() []string {
	if r.q.hidesNotices || !r.nv.unshown {
		return nil
	}
	s := r.sheet()
	s.centre(tagText, r.both("АУЫСЫМ АШЫЛДЫ", "СМЕНА ОТКРЫТА"))
	s.ads(0, int32(len(canon.TicketAdTypeEnum_name)))
	return s.done(nil)
}

// ads writes the texts of the OFD of the types from..to-1.
func (s *sheet) ads(from, to int32) {
	for t := from; t < to; t++ {
		if n, ok := s.r.nv.notices[t]; ok {
			for l := range strings.SplitSeq(n.Text, "\n") {
				s.put(tagAd, l)
			}
		}
	}
}

// listText prints the list of the shift on the Z.
func (s *sheet) list(list string) {
	if list == "" {
		return
	}
	s.rule()
	s.put(tagText, s.r.both("Ауысым чектері", "Чеки смены"))
	for e := range strings.SplitSeq(list, ";") {
		sign, sum, _ := strings.Cut(e, "=")
		s.pair(tagText, fmt.Sprintf("   %s", sign), sum)
	}
}
