package netfault

import (
	"errors"
	"fmt"
	"hash/fnv"
	"net/url"
	"strings"
)

// CaptivePortal is somebody who answers TCP and is not the OFD: every connection
// that the register opens is taken, and whatever it sends is answered by an HTTP
// page; a browser's request is sent on to Location, anything else is a bad
// request. The OFD hears nothing. Connections that were open before are reset.
// DNS, DHCP and everything else that is not TCP pass, as in a hotel.
//
// The portal keeps no state: each answer follows from the packet that it answers.
type CaptivePortal struct {
	Location string // where browsers are sent, empty: http://10.77.0.99/login
}

const portalPage = "http://10.77.0.99/login"

// Check wants an address that a header can carry.
func (c CaptivePortal) Check() error {
	u, err := url.Parse(c.Location)
	if err != nil || c.Location != "" && u.Host == "" || len(c.Location) > 200 {
		return errors.New("captive portal: location " + c.Location + ": want an absolute URL of at most 200 characters")
	}
	return nil
}

// Selects sees TCP, without DNS.
func (CaptivePortal) Selects(p Packet) bool { return p.Proto == ProtoTCP && !p.port(53) }

// Decide answers in the OFD's place.
func (c CaptivePortal) Decide(m Moment, p Packet) Decision {
	if p.Dir == ToKKM {
		return Decision{Drop: true, Strikes: true, Note: "captive portal: the OFD's packet dropped"}
	}
	d := Decision{Drop: true, Strikes: true, Note: "captive portal: dropped"}
	isn := initial(p)
	s := segment{
		link: turned(p.Frame[:p.at.net]), from: p.Dst, to: p.Src, srcPort: p.DstPort, dstPort: p.SrcPort,
		seq: p.Ack, ack: p.Seq + uint32(len(p.Payload)), flags: ACK,
	}
	switch {
	case p.Has(RST):
		return d
	case p.Flags&(SYN|ACK) == SYN:
		s.seq, s.ack, s.flags = isn, p.Seq+1, SYN|ACK
		d.Note = "captive portal: connection taken"
	case p.Stream.Conn <= m.Before:
		s.flags = RST | ACK
		d.Note = "captive portal: RST, the connection is not known"
	case len(p.Payload) > 0 && p.Ack == isn+1:
		s.payload = c.page(p.Payload)
		s.flags = ACK | PSH | FIN
		d.Note = fmt.Sprintf("captive portal: %d bytes answered by %q", len(p.Payload), firstLine(s.payload))
	case p.Has(FIN) || len(p.Payload) > 0:
		if p.Has(FIN) {
			s.ack++
		}
		d.Note = "captive portal: acknowledged"
	default:
		return d
	}
	frame, err := s.craft()
	if err != nil {
		d.Note += ": " + err.Error()
		return d
	}
	d.Reply = [][]byte{frame}
	return d
}

// page is the answer to what the register sent.
func (c CaptivePortal) page(sent []byte) []byte {
	for _, method := range []string{"GET ", "HEAD ", "POST ", "PUT ", "OPTIONS "} {
		if strings.HasPrefix(string(sent), method) {
			to := c.Location
			if to == "" {
				to = portalPage
			}
			return []byte("HTTP/1.1 302 Found\r\nLocation: " + to + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		}
	}
	const body = "<html><body><h1>400 Bad Request</h1></body></html>\n"
	return fmt.Appendf(nil, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
}

func firstLine(p []byte) string {
	s, _, _ := strings.Cut(string(p), "\r\n")
	return s
}

// initial is the portal's first sequence number for a connection.
func initial(p Packet) uint32 {
	h := fnv.New32a()
	_, _ = fmt.Fprint(h, p.Src, p.SrcPort, p.Dst, p.DstPort)
	return h.Sum32()
}

// String describes the fault.
func (c CaptivePortal) String() string {
	if c.Location != "" {
		return "captive portal, browsers go to " + c.Location
	}
	return "captive portal"
}
