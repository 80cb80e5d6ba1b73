package kkm

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

// register takes a document: to the OFD, and alone when that does not answer
// (KZ 431 rows 5, 27). While anything waits in the queue, new documents join it,
// also when the link is there again (cpcr.md 11.6).
func (r *Register) register(d *document) {
	n := r.nv
	switch {
	case r.onlyTransmits():
		r.transmit(d)
		return
	case r.q.silent[string(d.Kind)] || d.Kind == fiscal.OpReceipt && r.q.silent[string(kindOf(d.req.Ticket.GetOperation()))]:
		r.complete(d, &record{Step: stKept, Doc: d})
		return
	case n.offline || len(n.queue) > 0:
		r.alone(d)
		return
	case r.q.keepsToItself && d.Kind == fiscal.OpReceipt:
		r.alone(d)
		return
	}
	r.yield()
	d.Pair = &pair{Token: n.token, ReqNum: r.next()}
	r.write(&record{Step: stBegin, Doc: d})
	d = n.pending
	r.ask(&exchange{cmd: d.request().GetCommand(), pair: *d.Pair,
		build: func() ([]byte, error) { return r.frame(*d.Pair, d.request(), d) },
		end:   func(a *answer) { r.registered(d, a) }})
}

// yield gives up a service command under way: its number is spent, it need not
// be repeated (cpcr.md 4.3).
func (r *Register) yield() {
	if r.x != nil && r.x.service {
		x := r.x
		x.cut()
		r.unanswered(x)
		if r.nv.blocked != "" || r.nv.offline {
			r.plan()
		}
	}
}

// registered goes on when the OFD has answered a document, or has not.
func (r *Register) registered(d *document, a *answer) {
	switch {
	case a == nil && r.q.refusesOffline:
		r.write(&record{Step: stRefuse})
		r.finish(refusal(OFDBlocked, 0, "no link"))
	case a == nil, a.code == codeSSL, a.code == codeOK && d.Kind == fiscal.OpReceipt && a.GetTicket().GetTicketNumber() == "":
		r.wentAlone(d)
	case a.code == codeBlocked && r.q.sellsBlocked:
		r.wentAlone(d)
	case a.code == codeOK && r.q.doubles && d.Kind == fiscal.OpReceipt && d.real == "":
		d.real = a.GetTicket().GetTicketNumber()
		r.answeredService(*d.Pair, a)
		r.repeat(d, func() { r.registered(d, a) })
	case a.code == codeOK:
		r.take(a)
		r.complete(d, r.confirmed(d, a))
		if d.Kind == fiscal.OpZReport && r.q.infoEachShift {
			r.command(canon.CommandTypeEnum_COMMAND_INFO, func(a *answer) {
				if a != nil && a.code != codeOK {
					r.refusedByOFD(a)
				}
			})
		}
	default:
		r.write(&record{Step: stRefuse, Token: tokenOf(a)})
		r.refusedByOFD(a)
		why := reasonOf(a.code)
		if r.q.wordsWhenRefused && d.Kind == fiscal.OpReceipt {
			r.print(r.receiptText(d))
		}
		r.finish(refusal(why, a.code, a.text))
	}
}

// confirmed is the step that an OFD's result 0 makes.
func (r *Register) confirmed(d *document, a *answer) *record {
	sign := a.GetTicket().GetTicketNumber()
	d.real = sign
	if r.q.signReceived != nil && sign != "" {
		sign = r.q.signReceived(r, sign)
	}
	rec := &record{Step: stDone, Sign: sign, Token: tokenOf(a), QR: qrOf(a)}
	d.QR = rec.QR
	if r.q.doubles && d.Kind == fiscal.OpReceipt {
		rec.Token = nil // the one of the second answer stays
	}
	d.OFDSign = sign
	if d.Kind == fiscal.OpZReport {
		d.z = a.GetReport().GetZxReport()
	}
	return rec
}

// wentAlone makes the pending document autonomous: it keeps its TOKEN and REQNUM
// and is the first of the queue.
func (r *Register) wentAlone(d *document) {
	first := !r.nv.offline
	rec := &record{Step: stAlone}
	if d.Kind == fiscal.OpReceipt {
		rec.Alone = r.nextSign()
	}
	d.Offline, d.Sign, d.req = true, rec.Alone, nil
	if first {
		r.tell(offlineNotice)
	}
	r.complete(d, rec)
	r.plan()
}

// alone registers a document without trying the OFD.
func (r *Register) alone(d *document) {
	d.Offline, d.req = true, nil
	if d.Kind == fiscal.OpReceipt {
		d.Sign = r.nextSign()
	}
	rec := &record{Step: stQueue, Doc: d}
	if r.q.ownNumbers {
		own := r.next()
		d.Own, rec.ReqNum = &own, &own
	}
	r.complete(d, rec)
	if r.again == nil && r.x == nil {
		r.plan()
	}
}

// nextSign gives an autonomous sign that was never given (KZ 431 row 27.3).
func (r *Register) nextSign() uint32 {
	n := r.nv
	first := firstSign(r.seed, r.profile.OFD.ID)
	switch {
	case r.q.sign != nil:
		return r.q.sign(r, n.serial)
	case r.q.signsPerDay && n.signed.Format(time.DateOnly) == r.now().Format(time.DateOnly):
		return scramble(n.serial)
	case r.q.signsPerDay, n.serial == 0:
		return scramble(first)
	}
	return scramble(n.serial)
}

// complete makes the document and answers the host.
func (r *Register) complete(d *document, rec *record) {
	r.finish(Reply{Outcome: r.make(d, rec)})
}

// make prints a document that came into being. Its end is when its last line will be printed.
func (r *Register) make(d *document, rec *record) fiscal.Outcome {
	if !r.nv.counters.Open && r.profile.Section != "I" {
		if text := r.openingText(); text != nil {
			r.print(text)
			rec.Shown = true
		}
	}
	lines := r.paperOf(d)
	rec.End = r.printEnd(len(lines))
	r.write(rec)
	r.printDoc(lines, d)
	r.sendElectronic(d, false)
	r.watchShift()
	out := fiscal.Outcome{Doc: d.No, Shift: uint64(r.nv.counters.Shift), Sign: d.printedSign()}
	if d.Kind == fiscal.OpReceipt {
		out.Change, _ = cpcr.Tiyn(d.request().Ticket.GetAmounts().GetChange())
	}
	return out
}

// tokenOf is the token of an answer, refusals included, but for 2, which
// forgets it, and 8 and 9 (cpcr.md 4.3).
func tokenOf(a *answer) *uint32 {
	if a.code == codeToken || a.code == codeReqNum || a.code == codeRetry || a.Token == 0 {
		return nil
	}
	t := a.Token
	return &t
}

// take looks at what else an answer brings: text blocks of the OFD.
func (r *Register) take(a *answer) {
	if r.q.noBlockNotice && a.code == codeBlocked {
		return
	}
	var news []notice
	for _, ad := range a.GetService().GetTicketAds() {
		t := int32(ad.GetInfo().GetType())
		if old, ok := r.nv.notices[t]; ok && old.Version >= ad.GetInfo().GetVersion() && old.Text == ad.GetText() {
			continue
		}
		news = append(news, notice{Type: t, Version: ad.GetInfo().GetVersion(), Text: ad.GetText()})
	}
	if len(news) == 0 {
		return
	}
	r.write(&record{Step: stNotices, Notices: news})
	if !r.q.hidesNotices {
		for _, a := range news {
			r.show(a.Text)
		}
		r.noticesNow(news)
	}
}

// reasonOf is what an OFD's refusal of a document means to the host.
func reasonOf(code int) Reason {
	switch code {
	case codeToken:
		return TokenBlocked
	case codeTooLong:
		return ShiftTooLong
	case codeCash:
		return NoCash
	case codeData, codeSame, codeReqNum, codeRetry, codeLogin:
		return BadData
	}
	return OFDBlocked
}

// refusedByOFD is what a refusal does to the register (cpcr.md 6, column "direct exchange").
func (r *Register) refusedByOFD(a *answer) {
	r.take(a)
	switch {
	case a.code == codeToken:
		r.write(&record{Step: stBlock, Reason: TokenBlocked, Code: a.code, Text: "ТОКЕН ЖАРАМСЫЗ / НЕВЕРНЫЙ ТОКЕН"})
		r.tell(blockNotice(r.blockText()))
	case a.code == codeBlocked, a.code == codeOff, a.code == codeDiscon, a.code > codeOK && a.code <= lastBlocking:
		r.write(&record{Step: stBlock, Reason: OFDBlocked, Code: a.code, Text: a.text})
		if !r.q.noBlockNotice {
			r.tell(blockNotice(r.blockText()))
		}
		r.plan()
	case a.code == codeTooLong:
		r.write(&record{Step: stShift})
		r.show(shiftNotice...)
	default:
		r.show("ФДО БАС ТАРТТЫ / ОТКАЗ ОФД", a.text)
	}
}

// closeShift: self-test with a test message (KZ 431 row 2), then the close.
func (r *Register) closeShift(o *operation) {
	if r.q.refusesOfflineZ && (r.nv.offline || len(r.nv.queue) > 0) {
		r.finish(refusal(OFDBlocked, 0, "no link"))
		return
	}
	r.selfTest("shift-end", func() {
		if r.fault != "" {
			r.print(r.testReport(o.at))
			r.finish(refusal(Fault, 0, r.fault))
			return
		}
		if r.nv.blocked != "" && !r.closesBlocked() { // the test message met a block
			r.finish(refusal(r.nv.blocked, r.nv.code, r.blockText()))
			return
		}
		if r.onlyTransmits() && r.linkDown() {
			r.linkLost()
			r.finish(refusal(NoLink, 0, "no link"))
			return
		}
		d := r.closeMessage(o)
		if r.nv.blocked != "" {
			r.alone(d)
			return
		}
		if !r.nv.offline && r.linkDown() {
			r.tell(offlineNotice)
			r.alone(d)
			return
		}
		r.register(d)
	})
}

// linkDown says that the test message of this moment was not answered: there is
// no point in making the cashier wait a second time.
func (r *Register) linkDown() bool {
	for _, t := range r.tests {
		if t.Unit == unitLink {
			return !t.OK
		}
	}
	return false
}

// xReport: from the server when linked, else from the register's own counters (KZ 431 row 29.4).
func (r *Register) xReport(o *operation) {
	n := r.nv
	own := r.report(&n.counters, o.at)
	local := func() {
		if r.onlyTransmits() { // KZ 431 row 59.4: the server's or none
			why, text := NoLink, "no link"
			switch {
			case n.blocked != "":
				why, text = n.blocked, r.blockText()
			case !n.counters.Open:
				why, text = ShiftClosed, "shift is closed"
			}
			r.finish(refusal(why, 0, text))
			return
		}
		r.print(r.reportText(own, false, false, "", "", o.at))
		if r.q.queueReports && n.counters.Open && (n.offline || len(n.queue) > 0) {
			r.queueReport(own, o)
		}
		r.finish(Reply{})
	}
	if !n.counters.Open || n.offline || len(n.queue) > 0 || n.blocked != "" {
		local()
		return
	}
	r.yield()
	q := &canon.Request{Command: canon.CommandTypeEnum_COMMAND_REPORT.Enum(), Report: &canon.ReportRequest{
		Report: canon.ReportTypeEnum_REPORT_X.Enum(), DateTime: cpcr.Stamp(o.at), ZxReport: own}}
	p := pair{Token: n.token, ReqNum: r.next()}
	var x *exchange
	x = &exchange{cmd: q.GetCommand(), pair: p,
		build: func() ([]byte, error) { return r.frame(p, q, nil) },
		end: func(a *answer) {
			switch {
			case a == nil:
				r.unanswered(x)
				if r.onlyTransmits() {
					r.linkLost()
				} else {
					r.goOffline()
				}
				local()
			case a.code == codeOK && a.GetReport().GetZxReport() != nil:
				r.answeredService(p, a)
				r.print(r.reportText(proto.Clone(a.GetReport().GetZxReport()).(*canon.ZXReport), false, true, "", "", o.at))
				r.finish(Reply{})
			default:
				r.answeredService(p, a)
				if a.code != codeOK {
					r.refusedByOFD(a)
				}
				local()
			}
		}}
	r.ask(x)
}

// goOffline is the break that no document has met: pings go on until one is answered.
func (r *Register) goOffline() {
	if r.nv.offline {
		return
	}
	r.write(&record{Step: stOffline})
	r.tell(offlineNotice)
	r.plan()
}

// unanswered spends the number of a service command that was sent and not answered.
func (r *Register) unanswered(x *exchange) {
	if x.sent != 0 {
		r.write(&record{Step: stExchange, ReqNum: &x.pair.ReqNum})
	}
}

// answeredService keeps what the answer to a service command changes.
func (r *Register) answeredService(p pair, a *answer) {
	r.write(&record{Step: stExchange, ReqNum: &p.ReqNum, Token: tokenOf(a)})
	r.take(a)
}
