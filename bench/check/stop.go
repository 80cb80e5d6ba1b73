package check

import (
	"slices"
	"strconv"
	"strings"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/fiscal"
)

func linkStateChecks() []Check {
	return []Check{
		{Key: "offline.notice", Doc: "The cashier is told that the OFD cannot be reached and that the register works autonomously, and only then.",
			Params: []Param{
				{Name: "words", Type: tWords, Required: true, Doc: "beginnings of words, any of which says that the register works autonomously"},
				{Name: "unreachable", Type: tWords, Required: true, Doc: "beginnings of words, any of which says that the OFD cannot be reached"},
			},
			Scenarios: []string{"offline/enter", "offline/handover"}, Judge: judgeOfflineNotice},
		{Key: "link.channels", Doc: "The register has several independent channels: each carries a sale while the others are gone.",
			Params: []Param{
				{Name: "channels", Type: tInt, Required: true, Min: "1", Doc: "least number of channels"},
				{Name: "standards", Type: tWords, Doc: "standards that count; without it any channel does"},
				{Name: "registered_before", Type: tWord, Doc: "date that the row's condition names; not judged"},
			},
			Scenarios: []string{"link/channels"}, Judge: judgeChannels},
		{Key: "link.stop", Doc: "A register without an autonomous mode stops while the link is lost, and works again afterwards.",
			Params:    []Param{{Name: "blocks", Type: tWord, OneOf: []string{"receipts", "cash"}, Doc: "what must be refused: receipts (also without this parameter), or cash operations too"}},
			Scenarios: []string{"offline/stop"}, Judge: judgeStop},
	}
}

// judgeOfflineNotice: KZ 431 row 27.2. Display and paper tell; for a register
// whose cashier looks at a computer the state that the host line tells does as well
// (reading offline-notice). A text that stands there online too tells nothing.
func judgeOfflineNotice(r *Record, p regulation.Params) []Judgement {
	v := verdict{r: r, faulty: "offline.notice", readings: []Reading{readNotice}}
	mode, gone := p.Words("words"), p.Words("unreachable")
	always := map[string]bool{} // lines that are shown while the register is surely online
	for _, o := range r.Ops {
		if m, x := r.Mode(o); m == Online && o.IsReceipt() && !x.Faulty && !o.Faulty && !o.Staged {
			for _, l := range o.shownLines() {
				if says(l, mode) || says(l, gone) {
					always[squash(l)] = true
				}
			}
		}
	}
	var stale []history.Seq
	alone := false // inside a stretch without the OFD that was begun by an earlier operation
	for _, o := range r.Ops {
		m, x := r.Mode(o)
		if m != Autonomous {
			if m == Online {
				alone = false
			}
			continue
		}
		if x == nil && !showsAlone(o) || !o.IsReceipt() {
			continue
		}
		first := !alone
		alone = true
		shown := o.shownLines()
		told := slices.Concat(shown, o.Lines())
		var said [2]bool
		for _, l := range told {
			if always[squash(l)] {
				stale = append(stale, o.End)
				continue
			}
			said[0], said[1] = said[0] || says(l, mode), said[1] || says(l, gone)
		}
		flag := o.After != nil && o.After.Offline != nil
		a := args{"op": seqText(o.Seq), "kind": kindWord(o), "display": orNone(strings.Join(shown, " / "))}
		ev := []history.Seq{o.End, o.Seq}
		for _, q := range o.Shown {
			ev = append(ev, q.Seq)
		}
		switch {
		case said[0] && said[1], flag && *o.After.Offline && r.Begin.Profile.Fiscal:
			v.prove("told", o, ev...)
		case len(o.Shown) == 0 && !(flag && !*o.After.Offline):
			// nobody looked
		case !first && len(stale) == 0:
			// told when it began; the row does not ask for a repetition
		case r.sameDisplay(o) && !said[1]:
			// Nothing on the display has changed, and the receipt bears at most the mark
			// that every offline receipt bears.
			v.fail(o, fail("offnotice.silent", a, ev[0], ev[1:]...))
		case said[0] != said[1]:
			v.open(unsure("offnotice.half", a, readNotice).Citing(ev...))
		case flag && !*o.After.Offline:
			v.fail(o, fail("offnotice.silent", a, ev[0], ev[1:]...))
		default:
			v.open(unsure("offnotice.half", a, readNotice).Citing(ev...))
		}
	}
	return v.end(need{"told", "offnotice.need", nil})
}

// sameDisplay says whether the display still shows what it showed after the last
// receipt that was surely made online.
func (r *Record) sameDisplay(o *Operation) bool {
	if len(o.Shown) == 0 {
		return false
	}
	for i := o.N - 1; i >= 0; i-- {
		b := r.Ops[i]
		if m, _ := r.Mode(b); m == Online && len(b.Shown) > 0 {
			return slices.Equal(b.shownLines(), o.shownLines())
		}
	}
	return false
}

// shownLines is what stood on the display after an operation.
func (o *Operation) shownLines() []string {
	var out []string
	for _, p := range o.Shown {
		out = append(out, p.Lines...)
	}
	return out
}

// says looks for the beginnings of words, wherever they stand.
func says(line string, words []string) bool {
	l := squash(line)
	return slices.ContainsFunc(words, func(w string) bool { return w != "" && strings.Contains(l, squash(w)) })
}

// showsAlone says whether something besides the missing answer shows that an operation was made alone.
func showsAlone(o *Operation) bool {
	return marked(o) != nil || o.Faulty && o.After != nil && o.After.Unsent != nil && *o.After.Unsent > 0
}

// channelOf is the channel over which a connection came: the OFD's side of the
// network names it before the peer's address.
func (r *Record) channelOf(conn uint64) string {
	c := r.opening[conn]
	if c == nil {
		return ""
	}
	link, _, ok := strings.Cut(c.Peer, "/")
	if !ok {
		return ""
	}
	return link
}

// standardOf is the standard of a channel, as the rows name it.
var standardOf = map[string]string{"ethernet": "Ethernet", "gsm": "GSM", "lte": "LTE", "wifi": "Wi-Fi", "wimax": "Wi-Max"}

// patienceFactor is how long only one channel must have been left, with something to
// send, for nothing on it to mean that the register does not use it: two pauses between
// attempts to come back, as the protocol has them, and the answer wait around each.
const patienceFactor = 2

func judgeChannels(r *Record, p regulation.Params) []Judgement {
	n, err := p.Int("channels")
	if err != nil {
		return badParam(err)
	}
	v := verdict{r: r} // the channel that the register prefers never touches a cut of the others
	declared, ok := r.Fact("channels")
	if !ok {
		return []Judgement{unsure("row.undeclared", args{"property": "channels", "condition": "channels"}).Citing(cite(r.Begun)...)}
	}
	if std := p.Words("standards"); len(std) > 0 {
		declared = slices.DeleteFunc(slices.Clone(declared), func(c string) bool { return !slices.Contains(std, standardOf[c]) })
	}
	a := args{"limit": strconv.Itoa(n), "declared": strings.Join(declared, ", ")}
	if len(declared) < n {
		return []Judgement{fail("channels.few", a, r.Begun).declaredBy(r.declaration("channels"))}
	}
	carried := map[string]bool{}
	for _, o := range r.Ops {
		if !plainSale(o) || !o.Faulty {
			continue
		}
		free := r.freeOf(declared, o.Seq, o.windowE)
		if free == "" {
			continue
		}
		b := with(a, "channel", free)
		if i := slices.IndexFunc(o.During, func(x *Exchange) bool { return x.Reports == o && r.channelOf(x.Conn) == free && x.Booked0() }); i >= 0 {
			if o.Step.Held() {
				carried[free] = true
			}
			v.prove("channel "+free, o, o.During[i].Seq, o.Seq, o.End)
			continue
		}
		if ev := r.neverOver(free, o); o.Done() && ev != 0 {
			v.fail(o, fail("channels.unused", b, ev, o.Seq, o.End))
		}
	}
	var needs []need
	for i := range n {
		if i < len(carried) {
			continue
		}
		missing := slices.DeleteFunc(slices.Clone(declared), func(c string) bool { return carried[c] })
		needs = append(needs, need{"channel ?", "channels.need", with(a, "channel", strings.Join(missing, ", "))})
		break
	}
	if len(needs) == 0 {
		for c := range carried {
			needs = append(needs, need{"channel " + c, "channels.need", a})
		}
		slices.SortFunc(needs, func(a, b need) int { return strings.Compare(a.kind, b.kind) })
	}
	return v.end(needs...)
}

// freeOf is the one channel that was free while all others were cut between two
// events; "" when there was none such.
func (r *Record) freeOf(channels []string, from, to history.Seq) string {
	free := ""
	for _, c := range channels {
		cut, touched := false, false
		for _, i := range r.Faults {
			if i.Link != c {
				continue
			}
			if i.From <= from && (i.To == 0 || i.To >= to) {
				cut = true
			}
			if i.From <= to && (i.To == 0 || i.To >= from) {
				touched = true
			}
		}
		switch {
		case cut:
		case touched || free != "":
			return ""
		default:
			free = c
		}
	}
	return free
}

// neverOver finds the end of a stretch in which a channel was the only one, an
// operation waited to be sent, and nothing came over it although there was time
// for several attempts; 0 when there is none. A channel that ever carried anything works.
func (r *Record) neverOver(free string, o *Operation) history.Seq {
	for _, x := range r.Exchanges {
		if r.channelOf(x.Conn) == free {
			return 0
		}
	}
	for _, i := range r.Faults {
		if !i.Within(o.Seq) || i.Link == free || i.To == 0 {
			continue
		}
		if r.Elapsed(o.Res.Done, i.ToT) >= patienceFactor*longStretch {
			return i.To
		}
	}
	return 0
}

// judgeStop: KZ 431 row 57, the opposite of row 24: without the OFD there is no receipt.
func judgeStop(r *Record, p regulation.Params) []Judgement {
	v := verdict{r: r, faulty: "link.stop", readings: []Reading{readRefusal}}
	w := newWorld(r)
	cash := p.Word("blocks") == "cash"
	stopped := false
	for _, o := range r.Ops {
		w.before(o)
		isCash := o.Kind == fiscal.OpDeposit || o.Kind == fiscal.OpWithdraw
		if !(o.IsReceipt() || isCash && cash) || o.As.Password != "" {
			w.after(o)
			continue
		}
		a := refusal(o, args{"op": seqText(o.Seq), "kind": kindWord(o)})
		confirmed := false
		for _, x := range o.Sent {
			c := x.Answer()
			confirmed = confirmed || x.Confirmed() && c.Seq < o.End
		}
		switch {
		case o.Done() && !confirmed:
			v.fail(o, fail("stop.worked", a, o.End, o.Seq))
		case o.Refused() && r.cutThroughout(o) && w.excuse(o, "offline.enter") == "":
			v.prove("refused "+string(o.Kind), o, o.End, o.Seq)
			stopped = true
		case o.Refused() && o.IsReceipt() && o.Staged && len(o.During) > 0 && o.During[0].Answer() == nil && w.excuse(o, "offline.enter") == "":
			v.prove("silent", o, o.End, o.Seq)
			stopped = true
		case stopped && plainSale(o) && o.Done():
			v.prove("after", o, o.End, o.Seq)
			stopped = false
		case stopped && plainSale(o) && o.Refused() && !o.Faulty && !o.Staged && !r.troubled(w.lastGood, o.windowE) && w.excuse(o, "") == "":
			v.fail(o, fail("stop.stuck", a, o.End, o.Seq))
		}
		w.after(o)
	}
	needs := []need{{"refused " + string(fiscal.OpReceipt), "stop.need.refused", nil}, {"after", "stop.need.after", nil}}
	if cash {
		needs = append(needs, need{"refused " + string(fiscal.OpDeposit), "stop.need.cash", nil})
	}
	return v.end(needs...)
}
