package netfault

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// NoName lets look-ups fail: the query never reaches the resolver. Without a
// Code nobody answers; with one, that error comes back at once: 2 SERVFAIL, 3
// NXDOMAIN, 5 REFUSED (RFC 1035, 4.1.1). Look-ups over TCP are reset, so that
// they cannot go round it.
type NoName struct {
	Name string // this name and those below it; empty: every name
	Code int
}

// WrongName answers look-ups of addresses in the resolver's place with an address
// of somebody else: what a captive portal, a wrong zone or a hijacker does.
type WrongName struct {
	Name string
	To   netip.Addr // IPv4 for A queries, IPv6 for AAAA; the other kind gets an empty answer
}

// wrongTTL keeps a wrong answer out of caches once the fault is lifted, seconds.
const wrongTTL = 5

const dnsPort = 53

func queries(p Packet) bool {
	return p.Dir == ToOFD && p.DstPort == dnsPort && p.Proto >= ProtoTCP
}

// Selects sees queries.
func (NoName) Selects(p Packet) bool { return queries(p) }

// Selects sees queries.
func (WrongName) Selects(p Packet) bool { return queries(p) }

// Check refuses figures that make no sense.
func (n NoName) Check() error {
	if n.Code < 0 || n.Code > 15 {
		return fmt.Errorf("DNS error %d: want 0 for silence, or 1 to 15 (RFC 1035, 4.1.1)", n.Code)
	}
	return checkName(n.Name)
}

// Check refuses what makes no sense.
func (w WrongName) Check() error {
	if !w.To.IsValid() {
		return errors.New("wrong DNS answer: want an address to answer with")
	}
	return checkName(w.Name)
}

func checkName(s string) error {
	if s == "" {
		return nil
	}
	if _, err := dnsmessage.NewName(rooted(s)); err != nil {
		return fmt.Errorf("name %q: %w", s, err)
	}
	return nil
}

func rooted(s string) string { return strings.TrimSuffix(s, ".") + "." }

// concerns says whether a question asks for a name or one below it.
func concerns(name string, q dnsmessage.Question) bool {
	if name == "" {
		return true
	}
	asked, want := strings.ToLower(q.Name.String()), strings.ToLower(rooted(name))
	return asked == want || strings.HasSuffix(asked, "."+want)
}

// Decide drops or answers.
func (n NoName) Decide(_ Moment, p Packet) Decision {
	if p.Proto == ProtoTCP {
		return Decision{Drop: true, Reset: EndKKM, Strikes: true, Note: "DNS over TCP: RST"}
	}
	h, q, ok := question(p.Payload)
	if !ok && n.Name != "" || ok && !concerns(n.Name, q) {
		return Pass
	}
	d := Decision{Drop: true, Strikes: true, Note: fmt.Sprintf("query for %v: dropped", q.Name)}
	if n.Code == 0 || !ok {
		return d
	}
	code := dnsmessage.RCode(n.Code)
	return d.answer(p, dnsmessage.Message{Header: answerTo(h, code), Questions: []dnsmessage.Question{q}},
		fmt.Sprintf("query for %v: answered by error %d", q.Name, n.Code))
}

// Decide answers with the wrong address.
func (w WrongName) Decide(_ Moment, p Packet) Decision {
	if p.Proto == ProtoTCP {
		return Decision{Drop: true, Reset: EndKKM, Strikes: true, Note: "DNS over TCP: RST"}
	}
	h, q, ok := question(p.Payload)
	if !ok || !concerns(w.Name, q) || q.Type != dnsmessage.TypeA && q.Type != dnsmessage.TypeAAAA {
		return Pass
	}
	m := dnsmessage.Message{Header: answerTo(h, dnsmessage.RCodeSuccess), Questions: []dnsmessage.Question{q}}
	said := "no address"
	head := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: wrongTTL}
	switch {
	case q.Type == dnsmessage.TypeA && w.To.Is4():
		m.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.AResource{A: w.To.As4()}}}
		said = w.To.String()
	case q.Type == dnsmessage.TypeAAAA && w.To.Is6():
		m.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.AAAAResource{AAAA: w.To.As16()}}}
		said = w.To.String()
	}
	return Decision{Drop: true, Strikes: true}.answer(p, m, fmt.Sprintf("query for %v: answered by %s", q.Name, said))
}

// answer adds a DNS message as the reply to a query.
func (d Decision) answer(p Packet, m dnsmessage.Message, note string) Decision {
	d.Note = note
	raw, err := m.Pack()
	if err == nil {
		var frame []byte
		frame, err = datagram(turned(p.Frame[:p.at.net]), netip.AddrPortFrom(p.Dst, p.DstPort), netip.AddrPortFrom(p.Src, p.SrcPort), raw)
		d.Reply = [][]byte{frame}
	}
	if err != nil {
		d.Note, d.Reply = note+": "+err.Error(), nil
	}
	return d
}

// question reads the question of a query.
func question(payload []byte) (dnsmessage.Header, dnsmessage.Question, bool) {
	var ps dnsmessage.Parser
	h, err := ps.Start(payload)
	if err != nil || h.Response {
		return h, dnsmessage.Question{}, false
	}
	q, err := ps.Question()
	return h, q, err == nil
}

func answerTo(h dnsmessage.Header, code dnsmessage.RCode) dnsmessage.Header {
	return dnsmessage.Header{ID: h.ID, Response: true, OpCode: h.OpCode, RecursionDesired: h.RecursionDesired, RecursionAvailable: true, RCode: code}
}

// String describes the fault.
func (n NoName) String() string {
	s := "no DNS answer for " + everyName(n.Name)
	if n.Code != 0 {
		s = fmt.Sprintf("DNS error %d for %s", n.Code, everyName(n.Name))
	}
	return s
}

// String describes the fault.
func (w WrongName) String() string {
	return fmt.Sprintf("wrong DNS answer for %s: %v", everyName(w.Name), w.To)
}

func everyName(s string) string {
	if s == "" {
		return "every name"
	}
	return s
}
