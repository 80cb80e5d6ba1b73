package kkm

import (
	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr/canon"
)

// The units of the self-test (KZ 431 rows 2.1-2.4).
const (
	unitPrinter  = "printer"
	unitClock    = "clock"
	unitMemory   = "memory"
	unitSoftware = "software"
	unitData     = "fiscal-data"
	unitLink     = "link"
	unitClient   = "client-link" // of a computer system: its client part to its server part (KZ 626 row 78.3)
)

// start is what happens after power-on.
func (r *Register) start() {
	r.testing = true
	r.fault, r.tests = "", nil
	r.show("ӨЗІН-ӨЗІ ТЕКСЕРУ / САМОТЕСТ")
	r.unreadable = true // until the self-test has read it
	r.selfTest("switch-on", func() {
		if r.fault != "" {
			r.started()
			return
		}
		r.introduce()
	})
}

// introduce asks for the data of the registration (cpcr.md 11.3), when nothing waits.
func (r *Register) introduce() {
	if r.linkDown() || len(r.nv.queue) > 0 || r.nv.pending != nil || r.nv.blocked != "" {
		r.started()
		return
	}
	r.command(canon.CommandTypeEnum_COMMAND_INFO, func(a *answer) {
		switch {
		case a == nil:
		case a.code != codeOK:
			r.refusedByOFD(a)
		case r.nv.docNo == 0 && r.nv.counters.Shift == 0 && a.GetReport().GetZxReport().GetShiftNumber() > 0:
			r.adopt(a)
		}
		r.started()
	})
}

// adopt takes the counters over when the memory is new (cpcr.md 11.3 step 4).
func (r *Register) adopt(a *answer) {
	raw, err := proto.MarshalOptions{AllowPartial: true, Deterministic: true}.Marshal(a.GetReport().GetZxReport())
	if err != nil {
		return
	}
	kind := "Z"
	if a.GetReport().GetReport() == canon.ReportTypeEnum_REPORT_X {
		kind = "X"
	}
	r.write(&record{Step: stAdopt, Report: raw, Value: kind, Number: int(a.GetService().GetLastDocumentInfo().GetPrintedDocumentNumber())})
}

// started ends the self-test after power-on and takes up what the cut interrupted.
func (r *Register) started() {
	r.testing = false
	switch {
	case r.fault != "":
		r.show(append([]string{"АҚАУ / НЕИСПРАВНОСТЬ", r.fault}, r.testResults()...)...)
		return
	case r.linkDown():
		r.show(append([]string{"ФДО-мен БАЙЛАНЫС ЖОҚ / НЕТ СВЯЗИ С ОФД"}, r.testResults()...)...)
	default:
		r.show(append([]string{"ДАЙЫН / ГОТОВ"}, r.testResults()...)...)
	}
	n := r.nv
	r.watchShift()
	r.idle()
	if d := n.pending; d != nil && r.onlyTransmits() {
		r.comeBack(0)
	} else if d != nil {
		r.wentAlone(d) // it may have reached the OFD: it keeps its pair
	} else if d := n.unprinted; d != nil {
		r.printDoc(r.paperOf(d), d)
	}
	switch {
	case n.blocked != "":
		r.plan()
	case len(n.queue) > 0 || n.offline:
		r.comeBack(0)
	}
}

// selfTest goes through the units and sends a test message, and then calls end.
// A negative result of anything but the link stops fiscal work (KZ 431 row 3).
func (r *Register) selfTest(why string, then func()) {
	r.fault, r.tests = "", nil
	end := func() { r.logTest(why); then() }
	ok := r.test
	ok(unitPrinter, !r.broken[unitPrinter], "жауап жоқ / не отвечает")
	if r.unreadable {
		if err := r.recall(); err != nil {
			// Nothing is known for sure: no message, no record, until it is repaired.
			ok(unitData, false, err.Error())
			ok(unitLink, false, "")
			end()
			return
		}
		r.unreadable = false
	}
	ok(unitClock, !r.broken[unitClock] && (!r.now().Before(r.nv.docTime) || r.q.clockBack), "уақыт қате / неверное время")
	if r.onlyTransmits() {
		r.unitsTest(ok, end)
		return
	}
	_, err := r.memory.Records()
	ok(unitMemory, err == nil, "оқылмайды / не читается")
	ok(unitSoftware, !r.broken[unitSoftware], "бақылау қосындысы / контрольная сумма")
	r.testClient()
	if !r.testStore() {
		ok(unitLink, false, "")
		end()
		return
	}
	n := r.nv
	switch {
	case len(n.queue) > 0 || n.pending != nil || n.blocked == TokenBlocked || !n.hasToken:
		// a document without an answer forbids a service command (cpcr.md 4.3)
		ok(unitLink, !n.offline && n.pending == nil && n.blocked == "", "кезек бар / есть очередь")
		end()
	default:
		r.ping(func(a *answer) {
			ok(unitLink, a != nil, "жауап жоқ / нет ответа")
			switch {
			case a == nil:
			case a.code == codeOK:
				r.unblocked()
				if n.offline {
					r.write(&record{Step: stOnline})
				}
			case r.nv.blocked == "" || a.code == codeToken:
				r.refusedByOFD(a)
			}
			end()
		})
	}
}

// unitsTest goes on with the self-test of a register that only transmits: it has
// no store to test (KZ 431 rows 39.1, 39.2), and order 626 has it ask whether the
// OFD is there (KZ 626 row 45).
func (r *Register) unitsTest(ok func(unit string, ok bool, text string), end func()) {
	ok(unitSoftware, !r.broken[unitSoftware], "бақылау қосындысы / контрольная сумма")
	n := r.nv
	if !r.modern() || n.pending != nil || n.blocked == TokenBlocked || !n.hasToken {
		end()
		return
	}
	r.ping(func(a *answer) {
		ok(unitLink, a != nil, "жауап жоқ / нет ответа")
		switch {
		case a == nil:
			r.linkLost()
		case a.code == codeOK:
			r.linkBack()
			r.unblocked()
		case n.blocked == "" || a.code == codeToken:
			r.refusedByOFD(a)
		}
		end()
	})
}
