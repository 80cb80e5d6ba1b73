package ofd

import (
	"fmt"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
)

const (
	cmdSystem       = canon.CommandTypeEnum_COMMAND_SYSTEM
	cmdTicket       = canon.CommandTypeEnum_COMMAND_TICKET
	cmdClose        = canon.CommandTypeEnum_COMMAND_CLOSE_SHIFT
	cmdReport       = canon.CommandTypeEnum_COMMAND_REPORT
	cmdNomenclature = canon.CommandTypeEnum_COMMAND_NOMENCLATURE
	cmdInfo         = canon.CommandTypeEnum_COMMAND_INFO
	cmdMoney        = canon.CommandTypeEnum_COMMAND_MONEY_PLACEMENT
	cmdCancel       = canon.CommandTypeEnum_COMMAND_CANCEL_TICKET
	cmdAuth         = canon.CommandTypeEnum_COMMAND_AUTH
	cmdQR           = canon.CommandTypeEnum_COMMAND_QR_GENERATE
	cmdQRStatus     = canon.CommandTypeEnum_COMMAND_QR_GET_STATUS
	cmdReserved     = canon.CommandTypeEnum_COMMAND_RESERVED
	cmdOpenShift    = canon.CommandTypeEnum(9) // 2.0.0 and 2.0.1 only; in no schema here
)

// group is how decision table 4.2 sorts commands.
type group int

const (
	unknown     group = iota // result 4
	unsupported              // result 5
	document
	report
	service
)

// group sorts a command under a version (cpcr.md 5, 16.23, 16.24).
func (s *Server) group(c canon.CommandTypeEnum, v cpcr.Version) group {
	switch c {
	case cmdTicket, cmdMoney, cmdClose:
		return document
	case cmdReport:
		return report
	case cmdSystem, cmdInfo, cmdNomenclature, cmdAuth:
		return service
	case cmdCancel:
		if v < cpcr.V203 || (v == cpcr.V203 && s.opt.CancelUnder203) {
			return document
		}
		return unsupported
	case cmdQR, cmdQRStatus:
		if v >= cpcr.V204 {
			return service
		}
		return unsupported
	case cmdReserved, cmdOpenShift:
		return unsupported
	}
	return unknown
}

// decide is decision table 4.2, first match wins. The numbers are its rows.
func (s *Server) decide(d *device, q *query) reply {
	if d == nil { // 1
		return refuse(q, codeUnknownID, "")
	}
	if s.busy != "" {
		return refuse(q, codeUnavailable, s.busy)
	}
	switch q.class {
	case cpcr.ErrVersionUnsupported:
		return refuse(q, codeProtocol, fmt.Sprintf("Version %s is not served", q.h.Version))
	case cpcr.ErrProtobuf, cpcr.ErrRequired:
		return refuse(q, codeProtocol, q.err.Error())
	case cpcr.ErrUTF8:
		return refuse(q, codeData, q.err.Error())
	}
	g := s.group(q.command, q.h.Version)
	switch g {
	case unknown:
		return refuse(q, codeUnknownCommand, fmt.Sprintf("Unknown command %d", q.command))
	case unsupported:
		return refuse(q, codeUnsupported, fmt.Sprintf("Command %s is not available under %s", Word(q.command), q.h.Version))
	case document:
		same := d.last.ok && q.h.Token == d.last.token && q.h.ReqNum == d.last.number
		switch {
		case same && q.command == d.last.command: // 2
			return reply{what: replayed, raw: d.last.answer, sign: d.replaySign()}
		case same: // 3
			return refuse(q, codeRetry, "")
		case d.last.ok && (q.h.Token == d.issued || s.opt.NumberBeforeToken) && q.h.ReqNum == d.last.number: // 4
			return refuse(q, codeNumber, "")
		case q.h.Token != d.issued || q.h.Token == 0: // 5
			return refuse(q, codeToken, "")
		}
	case report: // 8
		if s.opt.CheckReportToken && (q.h.Token != d.issued || q.h.Token == 0) {
			return refuse(q, codeToken, "")
		}
	case service:
		if q.h.Token != d.issued || q.h.Token == 0 { // 10
			return refuse(q, codeToken, "")
		}
	}
	if r, no := s.standing(d, q); no { // 6
		return r
	}
	s.look(d, q)
	return s.answer(d, q) // 6, 7, 8, 9
}

// strict refuses in strict mode what was only worth an observation.
func (s *Server) strict(q *query) (reply, bool) {
	if !s.opt.Strict || len(q.seen) == 0 {
		return reply{}, false
	}
	o := q.seen[0]
	return refuse(q, codeData, fmt.Sprintf("%s = %q: %s", o.Field, o.Value, o.Rule)), true
}

// replaySign is the fiscal sign in the stored answer.
func (d *device) replaySign() string {
	if d.last.command == cmdTicket {
		return d.last.sign
	}
	return ""
}

// standing refuses a device that may not work (cpcr.md 11.9, 16.21).
func (s *Server) standing(d *device, q *query) (reply, bool) {
	code, st := uint32(0), d.standing
	switch {
	case st.Deregistered && q.h.Version >= cpcr.V204:
		code = codeDeregistered
	case st.Disconnected && q.h.Version >= cpcr.V204:
		code = codeDisconnected
	case st.Deregistered, st.Disconnected, st.Blocked:
		code = codeBlocked
	default:
		return reply{}, false
	}
	now := s.now()
	if q.command == cmdSystem && !d.refused.IsZero() && now.Sub(d.refused) < s.opt.Reconnect {
		q.observe("COMMAND_SYSTEM", now.Sub(d.refused).String()+" after the last refusal", "cpcr.md 16.37: a blocked register asks again after its reconnect interval, at least "+s.opt.Reconnect.String())
	}
	d.refused = now
	r := refuse(q, code, "")
	if st.Blocked {
		d.blockN++
		if st.Text != "" {
			s.attach(d, q, r.res, Ad{canon.TicketAdTypeEnum_TICKET_AD_INFO, st.Version, st.Text})
		}
	}
	return r, true
}

// answer serves a command.
func (s *Server) answer(d *device, q *query) reply {
	if d.standing == (Standing{}) {
		d.refused = time.Time{}
	}
	switch q.command {
	case cmdTicket:
		return s.serveTicket(d, q)
	case cmdMoney:
		return s.serveMoney(d, q)
	case cmdClose:
		return s.serveClose(d, q)
	case cmdCancel:
		return s.serveCancel(d, q)
	case cmdReport:
		return s.serveReport(d, q)
	case cmdInfo:
		return s.serveInfo(d, q)
	case cmdNomenclature:
		return s.serveNomenclature(d, q)
	case cmdAuth:
		return s.serveAuth(d, q)
	case cmdQR, cmdQRStatus:
		return s.serveQR(d, q)
	}
	r := ok(q, d.issued)
	s.service(d, q, &r)
	return r
}

// data refuses for data that are wrong in the context.
func data(q *query, format string, args ...any) reply {
	text := fmt.Sprintf(format, args...)
	return refuse(q, codeData, strings.ToUpper(text[:1])+text[1:])
}
