package script

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/simulators/netfault"
)

func load(t testing.TB, text string) Script {
	t.Helper()
	s, err := Load("faults.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// every word, with and without figures, makes the fault that it names.
func TestFaults(t *testing.T) {
	tcp := netfault.Match{Dir: netfault.ToOFD, What: netfault.Data}
	third := netfault.Match{Means: netfault.Meaning{Kind: netfault.Answer, Command: netfault.CommandOf(1), Nth: 3}}
	for _, tt := range []struct {
		yaml string
		want netfault.Fault
	}{
		{`fault: cut`, netfault.Cut{}},
		{`fault: {cut: {cable: true}}`, netfault.Cut{Cable: true}},
		{`fault: cut-rst`, netfault.CutRST{}},
		{`fault: refuse-syn`, netfault.RefuseSYN{}},
		{`fault: {blackhole: {dir: to-kkm}}`, netfault.Blackhole{Dir: netfault.ToKKM}},
		{`fault: forget`, netfault.Forget{}},
		{`fault: {forget: {dir: to-ofd}}`, netfault.Forget{Dir: netfault.ToOFD}},
		{`fault: half-open`, netfault.HalfOpen{Gone: netfault.EndOFD}},
		{`fault: {half-open: {gone: kkm, silent: true}}`, netfault.HalfOpen{Gone: netfault.EndKKM, Silent: true}},
		{`fault: nat-rebinding`, netfault.Rebind{}},
		{`fault: {flap: {down: 3s, up: 7s}}`, netfault.Flap{Down: 3 * time.Second, Up: 7 * time.Second}},
		{`where: {dir: to-ofd, what: data, packet: 2, count: 3}, fault: reset`, netfault.Reset{Match: tcp, Pick: netfault.Pick{Nth: 2, Count: 3}, To: netfault.BothEnds}},
		{`where: {dir: to-ofd, what: data}, fault: {finish: {to: kkm}}`, netfault.Finish{Match: tcp, To: netfault.EndKKM}},
		{`where: {share: 5%}, fault: drop`, netfault.Drop{Pick: netfault.Pick{Share: 0.05}}},
		{`where: {share: 0.25}, fault: drop`, netfault.Drop{Pick: netfault.Pick{Share: 0.25}}},
		{`where: {answer: ticket, nth: 3}, fault: drop`, netfault.Drop{Match: third}},
		{`fault: {duplicate: {copies: 4}}`, netfault.Duplicate{Copies: 4}},
		{`fault: {reorder: {by: 20ms}}`, netfault.Reorder{By: 20 * time.Millisecond}},
		{`fault: {delay: {fixed: 300ms, jitter: 50ms, spread: pareto}}`, netfault.Delay{Fixed: 300 * time.Millisecond, Jitter: 50 * time.Millisecond, Spread: netfault.Pareto}},
		{`fault: {rate: {bits-per-second: 1.6Mbit, queue: 20000}}`, netfault.Rate{BitsPerSecond: 1_600_000, Queue: 20_000}},
		{`fault: {rate: {bits-per-second: 9600}}`, netfault.Rate{BitsPerSecond: 9600}},
		{`fault: {corrupt: {at: 3, xor: 0x20, checksum: right}}`, netfault.Corrupt{At: 3, XOR: 0x20, Valid: true}},
		{`fault: {truncate: {keep: 60}}`, netfault.Truncate{Keep: 60}},
		{`fault: {mtu: {max: 576, silent: true}}`, netfault.MTU{Max: 576, Silent: true}},
		{`where: {dir: to-ofd, what: data}, fault: {fragment: {max: 500}}`, netfault.Fragment{Match: tcp, Max: 500}},
		{`where: {request: 1}, fault: {half-message: {after: 100}}`, netfault.HalfMessage{Match: netfault.Match{Means: netfault.Meaning{Kind: netfault.Request, Command: netfault.CommandOf(1)}}, After: 100}},
		{`fault: dns-failure`, netfault.NoName{}},
		{`fault: {dns-failure: {name: ofd.example, error: nxdomain}}`, netfault.NoName{Name: "ofd.example", Code: 3}},
		{`fault: {dns-wrong: {to: 192.0.2.1}}`, netfault.WrongName{To: netip.MustParseAddr("192.0.2.1")}},
		{`fault: dhcp-loss`, netfault.NoDHCP},
		{`fault: {captive-portal: {location: "http://hotel.example/"}}`, netfault.CaptivePortal{Location: "http://hotel.example/"}},
		{`from: {request: close-shift, last-byte: true, after: true, for: 30s}, fault: cut`,
			netfault.From{At: netfault.Match{Means: netfault.Meaning{Kind: netfault.Request, Command: netfault.CommandOf(2), Last: true}}, After: true, For: 30 * time.Second, Do: netfault.Cut{}}},
		{`where: {what: arp, host: 10.0.0.0/24, vlan: 12, dir: both}, fault: drop`, netfault.Drop{Match: netfault.Match{What: netfault.ARP, Host: netip.MustParsePrefix("10.0.0.0/24"), VLAN: 12}}},
		{`where: {host: "fd00::1", port: 7777, connection: 2, try: first, byte: 300}, fault: drop`,
			netfault.Drop{Match: netfault.Match{Host: netip.MustParsePrefix("fd00::1/128"), Port: 7777, Conn: 2, FirstTry: true, Holds: 300}}},
		{`where: {answer: any, message-try: retry, message-byte: 20, try: retry}, fault: drop`,
			netfault.Drop{Match: netfault.Match{Retry: true, Means: netfault.Meaning{Kind: netfault.Answer, Retry: true, Holds: 20}}}},
		{`where: {dir: to-kkm, what: ack, request: ticket, nth: 5, acknowledged: true, packet: 1}, fault: drop`,
			netfault.Drop{Match: netfault.Match{Dir: netfault.ToKKM, What: netfault.Bare, Means: netfault.Meaning{Kind: netfault.Request, Command: netfault.CommandOf(1), Nth: 5, Acked: true}}, Pick: netfault.Pick{Nth: 1}}},
	} {
		s := load(t, "faults: [{id: x, at: 0, "+tt.yaml+"}]")
		if len(s.Entries) != 1 || len(s.Entries[0].Faults) != 1 || !reflect.DeepEqual(s.Entries[0].Faults[0].Fault, tt.want) {
			t.Errorf("%s\nmade %#v\nwant %#v", tt.yaml, s.Entries[0].Faults, tt.want)
		}
		// the same by the HTTP control's way
		id, fs, err := ParseFault("body", []byte("{id: x, "+tt.yaml+"}"))
		if err != nil || id != "x" || len(fs) != 1 || !reflect.DeepEqual(fs[0].Fault, tt.want) {
			t.Errorf("control: %s: %v, %#v", tt.yaml, err, fs)
		}
	}
}

func TestProfilesAreKnown(t *testing.T) {
	for _, p := range netfault.Profiles() {
		s := load(t, "faults:\n  - {id: x, at: 0, fault: {profile: "+p.Name+"}}")
		if got := s.Entries[0].Faults; len(got) != len(p.Faults) {
			t.Errorf("%s: %d faults, want %d", p.Name, len(got), len(p.Faults))
		}
	}
}

func TestTimes(t *testing.T) {
	s := load(t, `
faults:
  - {id: a, at: 0, fault: cut}
  - {id: b, at: 1d12h30m, until: 2d, link: gsm, fault: cut}
  - {id: c, at: 10h, for: 8h, every: 1d, link: [ethernet, gsm], fault: cut}
`)
	const hour = time.Hour
	for i, want := range []Entry{
		{ID: "a"},
		{ID: "b", At: 36*hour + 30*time.Minute, Until: 48 * hour, Links: []string{"gsm"}},
		{ID: "c", At: 10 * hour, Until: 18 * hour, Every: 24 * hour, Links: []string{"ethernet", "gsm"}},
	} {
		got := s.Entries[i]
		got.Faults, got.link, got.place = nil, nil, ""
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}

// What is wrong is refused, with file, line, column and what would be right.
func TestRefusals(t *testing.T) {
	for _, tt := range []struct{ name, yaml, want string }{
		{"unknown fault", "faults:\n  - id: x\n    at: 0\n    fault: cutt\n", `faults.yaml:4:12: fault "cutt" is not known: want one of blackhole, `},
		{"unknown key", "faults:\n  - id: x\n    at: 0\n    fault: cut\n    link2: gsm\n", `faults.yaml:5:5: fault: key "link2" is not known: want one of at, every, fault, for, from, id, link, until, where`},
		{"unknown figure", "faults: [{id: x, at: 0, fault: {delay: {fixed: 1s, jiter: 2s}}}]", `faults.yaml:1:52: delay: key "jiter" is not known: want one of fixed, jitter, spread`},
		{"negative time", "faults: [{id: x, at: -5m, fault: cut}]", `faults.yaml:1:22: fault: at is "-5m": want a time that is not negative, such as 300ms, 2h30m or 1d12h`},
		{"negative delay", "faults: [{id: x, at: 0, fault: {delay: {fixed: -300ms}}}]", `faults.yaml:1:48: delay: fixed is "-300ms": want a time that is not negative`},
		{"time without a unit", "faults: [{id: x, at: 5, fault: cut}]", `at is "5": want a time`},
		{"until before at", "faults: [{id: x, at: 5m, until: 5m, fault: cut}]", `faults.yaml:1:33: until 5m0s is not behind at 5m0s`},
		{"for nothing", "faults: [{id: x, at: 5m, for: 0, fault: cut}]", `for 0s: want longer than nothing`},
		{"until and for", "faults: [{id: x, at: 5m, until: 6m, for: 1m, fault: cut}]", `until and for: want one of them`},
		{"every without an end", "faults: [{id: x, at: 5m, every: 1h, fault: cut}]", `it comes back every 1h0m0s and has no end: want until or for`},
		{"every shorter than it lasts", "faults: [{id: x, at: 5m, for: 1h, every: 1h, fault: cut}]", `it comes back every 1h0m0s and lasts 1h0m0s: want a pause between`},
		{"id with a slash", "faults: [{id: a/b, at: 0, fault: cut}]", `id is "a/b": want letters, digits, - _ and ., at most 64 bytes`},
		{"id with a terminal's escape", "faults: [{id: \"a\\e[2J\", at: 0, fault: cut}]", `id is "a\x1b[2J": want letters`},
		{"long id", "faults: [{id: " + strings.Repeat("x", 65) + ", at: 0, fault: cut}]", `at most 64 bytes`},
		{"no id", "faults: [{at: 0, fault: cut}]", `fault: no id: want a name`},
		{"no time", "faults: [{id: x, fault: cut}]", `fault: no at: want the time`},
		{"no fault", "faults: [{id: x, at: 0}]", `fault: no fault: want what it does`},
		{"twice", "faults: [{id: x, at: 0, fault: cut}, {id: x, at: 0, fault: cut}]", `faults.yaml:1:43: id "x" stands twice: want another one`},
		{"key twice", "faults: [{id: x, at: 0, at: 1s, fault: cut}]", `mapping key "at" already defined`},
		{"no list", "faults: cut", `faults.yaml:1:9: faults is a text: want a list`},
		{"empty list", "faults: []", `want a list with one fault or more`},
		{"empty", "", `documents: want one`},
		{"no faults", "fault: cut", `key "fault" is not known: want one of faults`},
		{"not YAML", "faults: [", `faults.yaml:1:`},
		{"not UTF-8", "faults: \xff", `bytes that are not UTF-8`},
		{"two words", "faults: [{id: x, at: 0, fault: {cut: {}, drop: {}}}]", `fault is keys and values: want one word`},
		{"a number", "faults: [{id: x, at: 0, fault: 5}]", `fault is the number 5: want one word`},
		{"place of a cut", "faults: [{id: x, at: 0, where: {what: syn}, fault: cut}]", `cut strikes the whole link: want no where; drop, delay and others can be narrowed`},
		{"place of a profile", "faults: [{id: x, at: 0, where: {what: syn}, fault: {profile: gprs}}]", `a profile strikes the whole link: want no where`},
		{"unknown profile", "faults: [{id: x, at: 0, fault: {profile: 5g}}]", `profile "5g" is not known: want one of gprs, 3g, lte, satellite, wifi-lossy, `},
		{"profile without a name", "faults: [{id: x, at: 0, fault: profile}]", `profile "" is not known`},
		{"share of a rate", "faults: [{id: x, at: 0, where: {share: 0.5}, fault: {rate: {bits-per-second: 9600}}}]", `rate strikes every packet that matches: want no share, packet or count`},
		{"share", "faults: [{id: x, at: 0, where: {share: 101%}, fault: drop}]", `share is "101%": want a share over 0 to 1, such as 0.05 or 5%`},
		{"no share", "faults: [{id: x, at: 0, where: {share: 0}, fault: drop}]", `share is "0": want a share`},
		{"share and packet", "faults: [{id: x, at: 0, where: {share: 0.5, packet: 2}, fault: drop}]", `drop: number 2 and share 0.5: want one of them`},
		{"direction", "faults: [{id: x, at: 0, where: {dir: up}, fault: drop}]", `faults.yaml:1:38: where: dir is "up": want one of both, to-kkm, to-ofd`},
		{"kind", "faults: [{id: x, at: 0, where: {what: http}, fault: drop}]", `what is "http": want one of ack, arp, data, dhcp, dns, `},
		{"command", "faults: [{id: x, at: 0, where: {request: tickets}, fault: drop}]", `request is "tickets": want any, a number, or one of auth, cancel-ticket, close-shift, info, `},
		{"request and answer", "faults: [{id: x, at: 0, where: {request: any, answer: any}, fault: drop}]", `a request and an answer: want one of them`},
		{"nth of nothing", "faults: [{id: x, at: 0, where: {nth: 2}, fault: drop}]", `key "nth" is not known`},
		{"rate", "faults: [{id: x, at: 0, fault: {rate: {bits-per-second: 80 kbps}}}]", `bits-per-second is "80 kbps": want bits a second, such as 9600, 80kbit or 1.6Mbit`},
		{"no rate", "faults: [{id: x, at: 0, fault: {rate: {queue: 5}}}]", `rate: no bits-per-second: want a rate`},
		{"no rate at all", "faults: [{id: x, at: 0, fault: rate}]", `rate: no bits-per-second: want a rate`},
		{"half a bit", "faults: [{id: x, at: 0, fault: {rate: {bits-per-second: 0.5}}}]", `bits-per-second is "0.5"`},
		{"host", "faults: [{id: x, at: 0, where: {host: ofd.example}, fault: drop}]", `host is "ofd.example": want an IP address, or a network such as 10.0.0.0/24`},
		{"answer of DNS", "faults: [{id: x, at: 0, fault: {dns-wrong: {to: nowhere}}}]", `to is "nowhere": want an IP address`},
		{"error of DNS", "faults: [{id: x, at: 0, fault: {dns-failure: {error: 3}}}]", `error is "3": want one of nxdomain, refused, servfail, silent`},
		{"flag", "faults: [{id: x, at: 0, fault: {cut: {cable: yes please}}}]", `cable is a text: want true or false`},
		{"figures that make no sense", "faults: [{id: x, at: 0, fault: {flap: {down: 1s}}}]", `faults.yaml:1:33: flap: flap: down 1s, up 0s: want both longer than nothing`},
		{"begun ordinal", "faults: [{id: x, at: 0, where: {packet: 2}, from: {what: syn}, fault: drop}]", `a fault that counts packets cannot be begun by another one`},
		{"no value", "faults: [{id: x, at: 0, link: , fault: cut}]", `link has no value`},
	} {
		_, err := Load("faults.yaml", []byte(tt.yaml))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v\nwant %s", tt.name, err, tt.want)
		}
	}
	if _, err := Load("faults.yaml", make([]byte, maxSize+1)); err == nil || !strings.Contains(err.Error(), "want a script of at most") {
		t.Errorf("a large file: %v", err)
	}
	if _, _, err := ParseFault("body", []byte(`{"id": "x", "at": "5m", "fault": "cut"}`)); err == nil || !strings.Contains(err.Error(), "body:1:13: at belongs into a script") {
		t.Errorf("a time by the control: %v", err)
	}
}

// All that is wrong comes at once.
func TestAllErrorsAtOnce(t *testing.T) {
	_, err := Load("f.yaml", []byte("faults:\n  - {id: a, at: -1s, fault: cut}\n  - {id: b, at: 0, fault: cutt}\n  - {id: b, at: 0, fault: cut}\n"))
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("%v\nwant three lines", err)
	}
}

func TestRates(t *testing.T) {
	for s, want := range map[string]int64{"1": 1, "9600": 9600, "80kbit": 80_000, "1.6Mbit": 1_600_000, "0.001kbit": 1, "2Gbit": 2_000_000_000, "1.50Mbit": 1_500_000} {
		number, unit := s, int64(1)
		for suffix, u := range map[string]int64{"kbit": 1_000, "Mbit": 1_000_000, "Gbit": 1_000_000_000} {
			if rest, ok := strings.CutSuffix(s, suffix); ok {
				number, unit = rest, u
			}
		}
		if got, ok := decimal(number, unit); !ok || got != want {
			t.Errorf("%s: %d, %v; want %d", s, got, ok, want)
		}
	}
	for _, s := range []string{"", ".5", "-1", "1e3", "1,5", "0.0001"} {
		if v, ok := decimal(s, 1000); ok {
			t.Errorf("%q: taken as %d", s, v)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte("faults:\n  - {id: c, at: 10h, for: 8h, every: 1d, link: [a, b], where: {answer: ticket, nth: 3}, fault: drop}\n"))
	f.Add([]byte("faults: [{id: x, at: 0, from: {what: syn}, fault: {profile: gprs}}]"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := Load("f.yaml", raw)
		if err == nil && len(s.Entries) == 0 {
			t.Error("nothing was taken for a script")
		}
		for _, e := range s.Entries {
			for _, n := range e.Faults {
				if c, ok := n.Fault.(interface{ Check() error }); ok && c.Check() != nil {
					t.Errorf("%v was taken", n.Fault)
				}
			}
		}
	})
}
