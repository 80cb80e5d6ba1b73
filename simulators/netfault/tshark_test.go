package netfault

import (
	"bytes"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tshark runs the analyser on a capture; without it the test is skipped, in CI too.
func tshark(t *testing.T, pcap []byte, args ...string) string {
	t.Helper()
	exe, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed: apt-get install tshark")
	}
	file := filepath.Join(t.TempDir(), "capture.pcapng")
	if err := os.WriteFile(file, pcap, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, append([]string{"-n", "-r", file}, args...)...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err = cmd.Run()
	for line := range strings.Lines(complaint.String()) {
		if !strings.HasPrefix(line, "Running as user") {
			t.Errorf("tshark says: %s", line)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// An outside analyser reads every kind of packet that we write, sees the comments, and finds nothing malformed.
func TestTsharkReadsTheCapture(t *testing.T) {
	w := newWorld(t, Options{Comment: "run 2026-01-05 example", Hosts: []string{"ofd.example"}, Links: []LinkOptions{{Name: "ethernet", DNS: true, Lease: time.Hour}, {Name: "gsm", Latency: 80 * ms}}})
	w.ofd.echo = true
	w.set("wrong", WrongName{Name: "other.example", To: netip.MustParseAddr("10.77.0.2")})
	p := w.dialHost("ofd.example")
	w.until(time.Minute, func() bool { return p.opened })
	q := w.dialHost("other.example")
	w.until(time.Minute, func() bool { return q.opened })
	w.set("delay", Delay{Match: Match{Dir: ToOFD, What: Data}, Fixed: 30 * ms})
	w.set("fragment", Fragment{Match: Match{What: Data}, Pick: Pick{Nth: 1}, Max: 600})
	p.conn.Send(make([]byte, 3000))
	w.pass(time.Second)
	w.set("mtu", MTU{Max: 1000})
	p.conn.Send(make([]byte, 3000))
	w.pass(time.Minute)
	w.set("rst", CutRST{})
	w.pass(time.Second)
	ps := w.packets()
	out := tshark(t, w.pcap.Bytes(), "-T", "fields", "-E", "separator=|", "-e", "frame.number", "-e", "frame.interface_name", "-e", "frame.time_epoch", "-e", "_ws.malformed", "-e", "frame.comment")
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) != len(ps) {
		t.Fatalf("tshark sees %d packets, we wrote %d", len(lines), len(ps))
	}
	commented := 0
	for i, line := range lines {
		f := strings.SplitN(line, "|", 5)
		if f[1] != ps[i].at || f[3] != "" {
			t.Errorf("packet %s: interface %q, malformed %q; want %q and no complaint", f[0], f[1], f[3], ps[i].at)
		}
		if want := ps[i].Time.Format("05.000000000"); !strings.HasSuffix(f[2], want[2:]) {
			t.Errorf("packet %s: time %s, want nanoseconds %s", f[0], f[2], want)
		}
		if f[4] != strings.Join(ps[i].Comments, ",") {
			t.Errorf("packet %s: comment %q, want %q", f[0], f[4], ps[i].Comments)
		}
		if f[4] != "" {
			commented++
		}
	}
	if commented < 20 {
		t.Errorf("%d packets with comments", commented)
	}
	if out := tshark(t, w.pcap.Bytes(), "-Y", "dns.a == 10.77.0.2", "-T", "fields", "-e", "dns.qry.name"); !strings.Contains(out, "ofd.example\n") || !strings.Contains(out, "other.example\n") {
		t.Errorf("names: %q", out)
	}
	if out := tshark(t, w.pcap.Bytes(), "-Y", "dhcp", "-T", "fields", "-e", "dhcp.option.dhcp"); out != "1\n1\n2\n2\n3\n3\n5\n5\n" {
		t.Errorf("DHCP: %q, want DISCOVER, OFFER, REQUEST, ACK, twice each", out)
	}
}

// The dissector that we ship reads CPCR, also when a message spans segments.
func TestDissector(t *testing.T) {
	w := newWorld(t, Options{})
	w.ofd.echo = true
	kkm, _ := w.connect()
	w.set("dup", Duplicate{Match: Match{Means: Meaning{Kind: Request, Command: CommandOf(2)}}})
	kkm.conn.Send(message(cmdTicket, 7, 2000))
	w.pass(time.Second)
	kkm.conn.Send(message(2, 8, 0))
	w.pass(time.Second)
	if err := w.net.Flush(); err != nil {
		t.Fatal(err)
	}
	script := []string{"-X", "lua_script:../../fixtures/wireshark/cpcr.lua", "-o", "tcp.desegment_tcp_streams:TRUE"}
	out := tshark(t, w.pcap.Bytes(), append(script, "-Y", "cpcr", "-T", "fields", "-E", "separator=|",
		"-e", "cpcr.answer", "-e", "cpcr.command", "-e", "cpcr.reqnum", "-e", "cpcr.version", "-e", "cpcr.id", "-e", "_ws.malformed", "-e", "_ws.expert.message", "-e", "frame.comment")...)
	// each message once, where it was first seen whole; a bool is printed as a number or as a word, by version
	out = strings.NewReplacer("False|", "0|", "True|", "1|").Replace(out)
	var got []string
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "|")
		got = append(got, strings.Join(f[:6], "|"))
		if strings.Contains(f[6], "protobuf") {
			t.Errorf("%s", line)
		}
		if comment := strings.Contains(f[7], "fault dup: duplicated, arrives 2 times; history"); comment != (f[0] == "0" && f[1] == "2") {
			t.Errorf("comment %q", line)
		}
	}
	if want := "0|1|7|204|5| 1|1|7|204|5| 0|2|8|204|5| 1|2|8|204|5|"; strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
	detail := tshark(t, w.pcap.Bytes(), append(script, "-Y", "cpcr.command == 1", "-V")...)
	for _, want := range []string{"VERSION: 204 (2.0.4)", "Command: TICKET (1)", "SIZE: 4020", "[Answer of the OFD: True]", "ticket: empty"} {
		if !strings.Contains(detail, want) {
			t.Errorf("the tree does not say %q", want)
		}
	}
}
