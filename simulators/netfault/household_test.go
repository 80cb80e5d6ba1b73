package netfault

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/simulators/stream"
)

func (w *world) dialHost(host string) *peer {
	p := &peer{}
	p.conn = w.net.Dialer().Dial(w.link.name, host, ofdPort, p.events())
	return p
}

// A name is asked for by packets, and every way in which that fails is seen by the register.
func TestNames(t *testing.T) {
	for _, tt := range []struct {
		name   string
		f      Fault
		opened bool
		err    error
		after  time.Duration // when the attempt has ended
		struck int
	}{
		{"no fault", nil, true, nil, 0, 0},
		{"no answer", NoName{}, false, stream.ErrNoRoute, 10 * time.Second, 2},
		{"no answer for this name", NoName{Name: "ofd.example"}, false, stream.ErrNoRoute, 10 * time.Second, 2},
		{"no answer for the zone", NoName{Name: "EXAMPLE."}, false, stream.ErrNoRoute, 10 * time.Second, 2},
		{"no answer for another name", NoName{Name: "fd.example"}, true, nil, 0, 0},
		{"NXDOMAIN", NoName{Code: 3}, false, stream.ErrNoRoute, 0, 1},
		{"SERVFAIL", NoName{Code: 2}, false, stream.ErrNoRoute, 0, 1},
		{"an address on the link where nobody is", WrongName{To: netip.MustParseAddr("10.77.0.98")}, false, stream.ErrNoRoute, 3 * time.Second, 1},
		{"an address elsewhere", WrongName{To: netip.MustParseAddr("192.0.2.1")}, false, stream.ErrNoRoute, 0, 1},
		{"IPv6 only", WrongName{To: netip.MustParseAddr("2001:db8::1")}, false, stream.ErrNoRoute, 0, 1},
		{"one lost query", Drop{Match: Match{What: DNS}, Pick: Pick{Nth: 1}}, true, nil, 5 * time.Second, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, Options{Hosts: []string{"ofd.example"}, Links: []LinkOptions{{Name: "ethernet", DNS: true}}})
			if tt.f != nil {
				w.set("dns", tt.f)
			}
			p := w.dialHost("ofd.example")
			if tt.after > 0 {
				w.pass(tt.after - time.Millisecond)
				if p.closed != 0 || p.opened {
					t.Fatalf("it ended before %v", tt.after)
				}
			}
			w.pass(5 * time.Second)
			if p.opened != tt.opened {
				t.Errorf("opened %v", p.opened)
			}
			if tt.err != nil {
				wantErr(t, "attempt", p, tt.err)
			}
			ps := w.packets()
			if n := count(ps, leaves, dir(ToOFD), what(DNS)); n == 0 {
				t.Error("no query on the wire")
			}
			if tt.f == nil {
				return
			}
			if n := w.clear("dns"); n != tt.struck || n != count(ps, leaves, says("fault dns: ")) {
				t.Errorf("%d struck, want %d, and as many in the capture", n, tt.struck)
			}
			if q := w.dialHost("ofd.example"); q != nil {
				w.until(10*time.Second, func() bool { return q.opened })
			}
		})
	}
}

// What is no name is not asked for, and an answer to nobody is not taken.
func TestNamesThatNeedNoPacket(t *testing.T) {
	w := newWorld(t, Options{Links: []LinkOptions{{Name: "ethernet", DNS: true}}})
	for _, host := range []string{"10.77.0.2", ""} {
		p := w.dialHost(host)
		w.until(time.Second, func() bool { return p.opened })
	}
	bad := w.dialHost(string(make([]byte, 300)))
	w.pass(time.Second)
	wantErr(t, "a name of 300 bytes", bad, stream.ErrNoRoute)
	if n := count(w.packets(), what(DNS)); n != 0 {
		t.Errorf("%d DNS packets", n)
	}
}

// The register gets its address when it first connects, renews it, and loses it when DHCP is lost for long enough.
func TestDHCP(t *testing.T) {
	const lease = time.Hour
	w := newWorld(t, Options{Links: []LinkOptions{{Name: "ethernet", Lease: lease}}})
	w.ofd.echo = true
	w.set("dhcp", NoDHCP)
	p := w.dial()
	w.pass(59 * time.Second)
	if p.closed != 0 || p.opened {
		t.Fatal("the attempt ended before a minute of tries")
	}
	w.pass(2 * time.Second)
	wantErr(t, "without DHCP", p, stream.ErrNoRoute)
	// DISCOVER after 0, 4, 12 and 28 s
	if n := w.clear("dhcp"); n != 4 {
		t.Errorf("%d tries, want 4", n)
	}
	kkm, _ := w.connect()
	ps := w.packets()
	if a, b := count(ps, leaves, dir(ToOFD), what(DHCP)), count(ps, leaves, dir(ToKKM), what(DHCP)); a != 6 || b != 2 {
		t.Errorf("%d messages of the register and %d answers, want 4 lost ones, DISCOVER, REQUEST; OFFER, ACK", a, b)
	}
	w.pass(lease/2 + time.Second)
	if n := count(w.packets(), leaves, what(DHCP)); n != 10 {
		t.Errorf("%d DHCP messages after half of the lease, want a REQUEST and an ACK more than 8", n)
	}
	kkm.conn.Send([]byte("still"))
	w.until(time.Second, func() bool { return kkm.got.String() == "still" })

	w.set("lost", NoDHCP)
	w.pass(lease - 2*time.Minute)
	q := w.dial()
	w.until(time.Second, func() bool { return q.opened })
	w.pass(3 * time.Minute)
	late := w.dial()
	w.pass(2 * time.Minute)
	if late.opened || !errors.Is(late.err, stream.ErrNoRoute) {
		t.Errorf("after the lease ended: opened %v, %v", late.opened, late.err)
	}
	if n := w.clear("lost"); n < 8 {
		t.Errorf("%d lost, want the renewals and the new attempts", n)
	}
	w.connect()
}

func TestBootKind(t *testing.T) {
	ok := dhcpMessage(1)
	for _, tt := range []struct {
		name string
		m    []byte
		want byte
		ok   bool
	}{
		{"DISCOVER", ok, 1, true},
		{"behind other options and padding", append(append(append([]byte(nil), ok[:240]...), 0, 0, 12, 2, 'k', 'k'), 53, 1, 3, 255), 3, true},
		{"no option 53", append(append([]byte(nil), ok[:240]...), 255), 0, false},
		{"cut off in an option", append(append([]byte(nil), ok[:240]...), 53), 0, false},
		{"cut off in a value", append(append([]byte(nil), ok[:240]...), 12, 9, 1), 0, false},
		{"no cookie", append(make([]byte, 240), 53, 1, 1, 255), 0, false},
		{"short", ok[:239], 0, false},
	} {
		if k, got := bootKind(tt.m, 1); k != tt.want || got != tt.ok {
			t.Errorf("%s: %d, %v; want %d, %v", tt.name, k, got, tt.want, tt.ok)
		}
	}
	if _, got := bootKind(ok, 2); got {
		t.Error("a client's message was taken for a server's")
	}
}

func dhcpMessage(kind byte) []byte {
	m := bootp(1, 7, []byte{2, 0, 0, 0, 0, 1}, netip.IPv4Unspecified(), netip.IPv4Unspecified())
	return append(m, 53, 1, kind, 255)
}
