package kkm

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Variant is a register that differs from the one of its profile and conforms
// all the same: the documents leave the difference open, or name it. No check
// may fail one.
type Variant struct {
	Name      string
	Behaviour string // what it does, in a sentence
	Allowed   string // what in the documents allows it
}

type variant struct {
	Variant
	quirks
}

// Variants lists the lawful differences in a fixed order.
func Variants() []Variant {
	all := make([]Variant, len(variants))
	for i, v := range variants {
		all[i] = v.Variant
	}
	return all
}

// WantedVariants lists lawful differences for which a check still fails a
// register, against the documents; docs/checks-wanted.md says what it would take.
func WantedVariants() []Variant {
	all := make([]Variant, len(wantedVariants))
	for i, v := range wantedVariants {
		all[i] = v.Variant
	}
	return all
}

// vary makes the register one of the variants.
func (r *Register) vary(name string) error {
	known := slices.Concat(variants, wantedVariants)
	i := slices.IndexFunc(known, func(v variant) bool { return v.Name == name })
	if i < 0 {
		var all []string
		for _, v := range known {
			all = append(all, v.Name)
		}
		return fmt.Errorf("variant %q: want one of %s", name, strings.Join(all, ", "))
	}
	v := known[i].quirks
	if v.profile != nil {
		v.profile(&r.profile)
	}
	r.q.lawful = v.lawful
	if r.q.wire == nil { // a defect takes precedence where both speak
		r.q.wire = v.wire
	}
	if r.q.report == nil {
		r.q.report = v.report
	}
	if r.q.misprints == nil {
		r.q.misprints = v.misprints
	}
	return nil
}

func version(s string) func(*Profile) {
	return func(p *Profile) {
		p.OFD.CPCR = s
		p.OFD.Version, _ = cpcr.ParseVersion(s)
	}
}

var variants = []variant{
	{Variant{"keep-alive", "keeps a connection for further requests until it has been silent for four minutes", "cpcr.md 2: connections may carry one request or many"},
		quirks{lawful: lawful{keepAlive: 4 * time.Minute, repeatAfter: 2500 * time.Millisecond}}},
	{Variant{"repeats", "repeats an unanswered document over another connection after 1.6 s, with the same TOKEN and REQNUM, and listens on both", "cpcr.md 11.4: repeats inside the transaction time; 4.4: a repeat gets the same answer"},
		quirks{lawful: lawful{repeatAfter: 1600 * time.Millisecond}}},
	{Variant{"offline-at-once", "works alone as soon as no channel gives a connection", "KZ 431 row 27: the missing link is a reason of its own beside the late answer"},
		quirks{lawful: lawful{offlineAtOnce: true}}},
	{Variant{"slow-printer", "prints 32 lines a second, so that a receipt with a late answer takes most of the time that is allowed", "KZ 431 row 23: at most 7 s"},
		quirks{lawful: lawful{profile: func(p *Profile) { p.Printer.Speed = 32 }}}},
	{Variant{"slow-return", "tries to come back every three minutes", "cpcr.md 11.1: at least 60 s between attempts"},
		quirks{lawful: lawful{profile: func(p *Profile) { p.Limits.Reconnect = 3 * time.Minute }}}},
	{Variant{"idle-pings", "sends SYSTEM every 20 minutes while nothing else is to do", "cpcr.md 5: SYSTEM is a link test at any time"},
		quirks{lawful: lawful{idlePing: 20 * time.Minute}}},
	{Variant{"info-each-shift", "asks for INFO behind every close of a shift", "cpcr.md 11.7 step 4"},
		quirks{lawful: lawful{infoEachShift: true}}},
	{Variant{"reqnum-wraps", "begins REQNUM just below its end and goes on with 1", "cpcr.md 4.3: after 65535 comes 0 or 1"},
		quirks{lawful: lawful{firstReqNum: 65520, afterWrap: 1}}},
	{Variant{"numbers-when-made", "gives a queued document its REQNUM when it is made", "cpcr.md 11.6: a fresh number when sent, or the one stored when made"},
		quirks{lawful: lawful{ownNumbers: true}}},
	{Variant{"field-order", "writes the fields of its messages in descending order", "protobuf: the order of fields on the wire means nothing"},
		quirks{lawful: lawful{payload: descending}}},
	{Variant{"payments-reversed", "lists the payments of a receipt in another order", "cpcr.md 8.3: at most one payment a type, in no order"},
		quirks{wire: onTicket(func(t *canon.TicketRequest) { slices.Reverse(t.Payments) })}},
	{Variant{"taxes-on-ticket", "sends taxes on the whole receipt and none on the lines", "cpcr.md 12.1: either on lines or on the ticket"},
		quirks{wire: onTicket(taxesOnTicket)}},
	{Variant{"no-optional-fields", "leaves out what is optional and asked for by no row: the buyer's block when empty, texts of modifiers on the receipt, software data", "cpcr.md 8.3, 8.5: optional"},
		quirks{wire: bare}},
	{Variant{"zero-rows-left-out", "leaves rows of zero out of its reports", "cpcr.md 13.1: a missing row is zero (doubt 11)"},
		quirks{report: withoutZeros}},
	{Variant{"reports-queued", "hands X reports that it made alone over later", "doubt 7; cpcr.md 11.5: REPORT queues"},
		quirks{lawful: lawful{queueReports: true}}},
	{Variant{"z-while-stopped", "closes the shift on its own while the OFD has stopped it", "doubt 14: accepted both ways"},
		quirks{lawful: lawful{zBlocked: true}}},
	{Variant{"token-closed-only", "takes a token only with the shift closed", "doubt 6: accepted both ways"},
		quirks{lawful: lawful{tokenClosed: true}}},
	{Variant{"signs-counted", "counts its autonomous signs up from 1001", "cpcr.md 11.5: not necessarily sequential, but allowed to be"},
		quirks{lawful: lawful{sign: func(_ *Register, last uint32) uint32 { return max(last, 1000) + 1 }}}},
	{Variant{"signs-by-time", "makes autonomous signs of the seconds of its clock", "cpcr.md 11.5: unixtime is allowed"},
		quirks{lawful: lawful{sign: func(r *Register, last uint32) uint32 { return max(last+1, uint32(r.now().Unix())) }}}},
	{Variant{"signs-grouped", "prints signs in groups of three digits", "the rows ask for the sign and for no form of it"},
		quirks{misprints: onTag(tagSign, grouped(" "))}},
	{Variant{"signs-with-zeros", "prints signs with leading zeros to twelve places and a number sign", "the rows ask for the sign and for no form of it"},
		quirks{misprints: onTag(tagSign, func(l string) string {
			label, n := lastWord(l)
			return strings.TrimRight(label, " ") + fmt.Sprintf("\n№ %012s", n)
		})}},
	{Variant{"capitals", "prints everything in capital letters", "the rows name words and not their case"},
		quirks{misprints: func(_ *Register, _ *document, t tag, l string) string {
			if t == tagOFDSite || t == tagAd {
				return l
			}
			return strings.ToUpper(l)
		}}},
	{Variant{"commas", "prints amounts with a comma and grouped thousands", "the rows ask for sums and for no form of them"},
		quirks{misprints: commas}},
	{Variant{"dates-iso", "prints dates as year-month-day and times without seconds", "KZ 431 row 30.7: date and time"},
		quirks{misprints: func(_ *Register, _ *document, t tag, l string) string {
			if t != tagTime {
				return l
			}
			label, when, _ := strings.Cut(l, ": ")
			at, err := time.Parse("02.01.2006 15:04:05", when)
			if err != nil {
				return l
			}
			return label + ": " + at.Format("2006-01-02 15:04")
		}}},
	{Variant{"narrow-paper", "prints 32 characters a line, long texts wrapped", "no row names a width"},
		quirks{lawful: lawful{profile: func(p *Profile) { p.Printer.Width = 32 }}}},
	{Variant{"kazakh-only", "prints Kazakh only", "KZ 431 row 10: the state language or Russian"},
		quirks{lawful: lawful{profile: func(p *Profile) { p.Languages, p.OFD.NameKK = []string{"kk"}, p.OFD.Name }}}},
	{Variant{"both-below", "prints each text in Kazakh and below it in Russian", "KZ 431 row 30.14"},
		quirks{lawful: lawful{bothBelow: true}}},
	{Variant{"notices-on-display", "tells breaks, blocks and texts on the display only", "KZ 431 rows 15, 16, 27.2: on the screen or on the tape"},
		quirks{lawful: lawful{displays: true}}},
	{Variant{"cpcr-2.0.2", "speaks version 2.0.2", "cpcr.md 10"}, quirks{lawful: lawful{profile: version("2.0.2")}}},
	{Variant{"cpcr-2.0.3", "speaks version 2.0.3", "cpcr.md 10"}, quirks{lawful: lawful{profile: version("2.0.3")}}},
}

// wantedVariants conform as well, and the checks do not see that yet: each says
// what they have to learn (docs/checks-wanted.md).
var wantedVariants = []variant{
	{Variant{"closes-at-limit", "closes the shift by itself when it reaches its limit, at that second", "KZ 431 row 13: the shift may last the limit; nothing says who closes it"},
		quirks{lawful: lawful{autoClose: true}}},
	{Variant{"cpcr-1.2.4", "speaks version 1.2.4", "cpcr.md 10"}, quirks{lawful: lawful{profile: version("1.2.4")}}},
	{Variant{"keep-alive-lingers", "keeps connections, and closes one that brought no answer in the orderly way, so that its network stack delivers the old request when the link is back", "TCP: what was sent is delivered; cpcr.md 4.4: the late one and the repeat are one document"},
		quirks{lawful: lawful{keepAlive: 4 * time.Minute, repeatAfter: 2500 * time.Millisecond, lingers: true}}},
}

// taxesOnTicket moves the taxes of the lines to the receipt, one entry a rate.
func taxesOnTicket(t *canon.TicketRequest) {
	if len(t.Taxes) > 0 {
		return
	}
	sums := vatOfMessage(t)
	var of *canon.TicketRequest_Tax
	for _, it := range t.Items {
		for _, list := range []*[]*canon.TicketRequest_Tax{taxesOf(it)} {
			if list != nil && len(*list) > 0 {
				of, *list = (*list)[0], nil
			}
		}
	}
	for _, v := range sums {
		x := proto.Clone(of).(*canon.TicketRequest_Tax)
		x.Percent, x.Sum = proto.Uint32(uint32(v.rate)), cpcr.Money(v.tax)
		t.Taxes = append(t.Taxes, x)
	}
}

// taxesOf is where a line keeps its taxes.
func taxesOf(it *canon.TicketRequest_Item) *[]*canon.TicketRequest_Tax {
	switch {
	case it.Commodity != nil:
		return &it.Commodity.Taxes
	case it.StornoCommodity != nil:
		return &it.StornoCommodity.Taxes
	}
	for _, m := range []*canon.TicketRequest_Modifier{it.Discount, it.StornoDiscount, it.Markup, it.StornoMarkup} {
		if m != nil {
			return &m.Taxes
		}
	}
	return nil
}

// bare leaves out what no row asks for.
func bare(_ *Register, q *canon.Request) {
	if t := q.Ticket; t != nil {
		for _, m := range []*canon.TicketRequest_Modifier{t.Amounts.GetDiscount(), t.Amounts.GetMarkup()} {
			if m != nil {
				m.Name = nil
			}
		}
	}
	q.Service.SoftwareInformation = nil
}

// withoutZeros leaves the rows of a report out that hold nothing.
func withoutZeros(z *canon.ZXReport) {
	rows := func(l []*canon.ZXReport_Operation) []*canon.ZXReport_Operation {
		return slices.DeleteFunc(l, func(o *canon.ZXReport_Operation) bool { return o.GetCount() == 0 && tiyn(o.GetSum()) == 0 })
	}
	z.Operations, z.Discounts, z.Markups, z.TotalResult = rows(z.Operations), rows(z.Discounts), rows(z.Markups), rows(z.TotalResult)
	for _, o := range z.TicketOperations {
		o.Payments = slices.DeleteFunc(o.Payments, func(p *canon.ZXReport_TicketOperation_Payment) bool {
			return p.GetCount() == 0 && tiyn(p.GetSum()) == 0
		})
	}
	z.TicketOperations = slices.DeleteFunc(z.TicketOperations, func(o *canon.ZXReport_TicketOperation) bool { return o.GetTicketsTotalCount() == 0 })
	z.MoneyPlacements = slices.DeleteFunc(z.MoneyPlacements, func(m *canon.ZXReport_MoneyPlacement) bool { return m.GetOperationsTotalCount() == 0 })
	none := func(n *canon.ZXReport_NonNullableSum) bool { return tiyn(n.GetSum()) == 0 }
	z.NonNullableSums = slices.DeleteFunc(z.NonNullableSums, none)
	z.StartShiftNonNullableSums = slices.DeleteFunc(z.StartShiftNonNullableSums, none)
}

// descending writes the fields of a message, and of the messages in it, in
// descending order. Entries of a repeated field keep theirs.
func descending(v cpcr.Version, msg []byte) []byte { return reorder(msg, schemaOf(v)) }

func reorder(msg []byte, s protoreflect.MessageDescriptor) []byte {
	type part struct {
		num protowire.Number
		raw []byte
	}
	var parts []part
	for rest := msg; len(rest) > 0; {
		num, typ, n := protowire.ConsumeTag(rest)
		if n < 0 {
			return msg
		}
		m := protowire.ConsumeFieldValue(num, typ, rest[n:])
		if m < 0 {
			return msg
		}
		raw := rest[: n+m : n+m]
		if f := s.Fields().ByNumber(num); typ == protowire.BytesType && f != nil && f.Kind() == protoreflect.MessageKind {
			body, _ := protowire.ConsumeBytes(rest[n:])
			raw = protowire.AppendBytes(protowire.AppendTag(nil, num, typ), reorder(body, f.Message()))
		}
		parts = append(parts, part{num, raw})
		rest = rest[n+m:]
	}
	slices.SortStableFunc(parts, func(a, b part) int { return int(b.num) - int(a.num) })
	out := make([]byte, 0, len(msg))
	for _, p := range parts {
		out = append(out, p.raw...)
	}
	return out
}

// lastWord splits a line before its last word.
func lastWord(l string) (before, word string) {
	i := strings.LastIndexByte(l, ' ')
	return l[:i+1], l[i+1:]
}

// grouped prints a number in groups of three.
func grouped(by string) func(string) string {
	return func(l string) string {
		label, n := lastWord(l)
		return strings.TrimRight(label, " ") + "\n" + group(n, by)
	}
}

func group(n, by string) string {
	for i := len(n) - 3; i > 0; i -= 3 {
		n = n[:i] + by + n[i:]
	}
	return n
}

// commas writes the amounts at the end of a line in the way of the country.
func commas(_ *Register, _ *document, t tag, l string) string {
	if t == tagTime || t == tagSign || t == tagText || t == tagNumber {
		return l
	}
	words := strings.Split(l, " ")
	for i, w := range words {
		bare := strings.TrimLeft(w, "=+-")
		whole, frac, ok := strings.Cut(bare, ".")
		if ok && len(frac) == 2 && digits(whole, 1) && digits(frac, 2) {
			words[i] = w[:len(w)-len(bare)] + group(whole, " ") + "," + frac
		}
	}
	return strings.Join(words, " ")
}

// fit brings a line that grew back to the width of the paper: blanks between
// label and value go first.
func (s *sheet) fit(l string) []string {
	var out []string
	for l := range strings.SplitSeq(l, "\n") {
		for over := utf8.RuneCountInString(l) - s.r.profile.Printer.Width; over > 0; over-- {
			i := strings.LastIndex(l, "  ")
			if i < 0 {
				break
			}
			l = l[:i] + l[i+1:]
		}
		out = append(out, s.r.wrap(l)...)
	}
	return out
}

// below puts the second language of a line under the first.
func (s *sheet) below(l string) []string {
	kk, ru, ok := strings.Cut(l, " / ")
	if !ok {
		return []string{l}
	}
	indent := l[:len(l)-len(strings.TrimLeft(l, " "))]
	value := ""
	if i := strings.Index(ru, "  "); i >= 0 {
		value = strings.TrimLeft(ru[i:], " ")
	} else if i := strings.Index(ru, ": "); i >= 0 {
		value, kk = ru[i+2:], kk+":"
	}
	if value != "" {
		kk += " " + value
	}
	return append(s.r.wrap(kk), s.r.wrap(indent+ru)...)
}

// queueReport keeps an X report that was made alone for the OFD.
func (r *Register) queueReport(own *canon.ZXReport, o *operation) {
	d := &document{Kind: fiscal.OpXReport, At: o.at, Operator: o.who, Offline: true, req: &canon.Request{
		Command: canon.CommandTypeEnum_COMMAND_REPORT.Enum(),
		Report:  &canon.ReportRequest{Report: canon.ReportTypeEnum_REPORT_X.Enum(), DateTime: cpcr.Stamp(o.at), ZxReport: own}}}
	r.close(d)
	d.req = nil
	r.write(&record{Step: stReport, Doc: d})
}

// closesBlocked says whether a shift may be closed while the OFD has stopped the register.
func (r *Register) closesBlocked() bool {
	return r.q.zBlocked && r.nv.blocked == OFDBlocked && !r.nv.stuck
}

// watchShift arms the shift's own end.
func (r *Register) watchShift() {
	if !r.q.autoClose {
		return
	}
	if r.closing != nil {
		r.closing.Stop()
		r.closing = nil
	}
	if !r.nv.counters.Open || r.shiftSince().IsZero() {
		return
	}
	rest := r.shiftSince().Add(r.profile.Limits.Shift).Sub(r.now())
	r.closing = r.after(max(rest, 0), r.closeByItself)
}

func (r *Register) closeByItself() {
	r.closing = nil
	switch {
	case !r.nv.counters.Open:
	case r.op != nil || r.testing:
		r.closing = r.after(time.Second, r.closeByItself)
	default:
		if why, _ := r.mayFiscal(fiscal.OpZReport); why != "" {
			return
		}
		r.op = &operation{Op: fiscal.Op{Kind: fiscal.OpZReport}, who: rootAdmin, at: r.now(), done: func(Reply) {}}
		r.closeShift(r.op)
	}
}

// idle sends a ping from time to time while nothing else is to do.
func (r *Register) idle() {
	every := r.idlePings()
	if every == 0 {
		return
	}
	r.after(every, func() {
		if n := r.nv; !r.testing && r.x == nil && r.op == nil && len(n.queue) == 0 && n.blocked == "" && !n.offline && r.fault == "" {
			r.ping(func(a *answer) {
				switch {
				case a == nil && r.onlyTransmits():
					r.linkLost()
				case a == nil:
				case a.code != codeOK:
					r.refusedByOFD(a)
				default:
					r.linkBack()
				}
			})
		}
		r.idle()
	})
}
