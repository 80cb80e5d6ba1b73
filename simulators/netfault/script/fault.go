package script

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/simulators/netfault"
)

// The words of a script. They are those of docs/faults.md.
var (
	dirs = map[string]int{"to-ofd": int(netfault.ToOFD), "to-kkm": int(netfault.ToKKM), "both": int(netfault.EitherWay)}
	ends = map[string]int{"kkm": int(netfault.EndKKM), "ofd": int(netfault.EndOFD), "both": int(netfault.BothEnds)}
	kind = map[string]int{
		"ip": int(netfault.AnyIP), "tcp": int(netfault.AnyTCP), "syn": int(netfault.Syn), "data": int(netfault.Data), "ack": int(netfault.Bare),
		"fin": int(netfault.Fin), "rst": int(netfault.Rst), "frames": int(netfault.Frames), "udp": int(netfault.AnyUDP), "dns": int(netfault.DNS),
		"dhcp": int(netfault.DHCP), "arp": int(netfault.ARP), "icmp": int(netfault.ICMP), "fragments": int(netfault.Fragments),
	}
	spreads = map[string]int{"uniform": int(netfault.Uniform), "normal": int(netfault.Normal), "exponential": int(netfault.Exponential), "pareto": int(netfault.Pareto)}
	tries   = map[string]int{"first": 1, "retry": 2}
	sums    = map[string]int{"wrong": 0, "right": 1}
	codes   = map[string]int{"silent": 0, "servfail": 2, "nxdomain": 3, "refused": 5}
	message = map[string]netfault.Kind{"request": netfault.Request, "answer": netfault.Answer}
)

// place is where a fault strikes.
type place struct {
	match netfault.Match
	pick  netfault.Pick
	node  ast.Node // nil: nothing was said
}

// match reads the keys that name packets.
func match(k *keys) (m netfault.Match) {
	if d, ok := k.word("dir", dirs); ok {
		m.Dir = netfault.Dir(d)
	}
	if w, ok := k.word("what", kind); ok {
		m.What = netfault.What(w)
	}
	m.Conn = uint64(k.number("connection", 1, 1<<40))
	switch t, _ := k.word("try", tries); t {
	case 1:
		m.FirstTry = true
	case 2:
		m.Retry = true
	}
	m.Holds = k.number("byte", 1, 1<<40)
	m.Host = k.prefix("host")
	m.Port = uint16(k.number("port", 1, 65535))
	m.VLAN = uint16(k.number("vlan", 1, 4094))
	for _, word := range slices.Sorted(maps.Keys(message)) {
		s, n := k.text(word)
		if n == nil {
			continue
		}
		if m.Means.Kind != netfault.NoMessage {
			k.r.bad(n, "%s: a request and an answer: want one of them", k.what)
			continue
		}
		m.Means.Kind = message[word]
		if s != "any" {
			c, ok := command(s)
			if !ok {
				k.r.bad(n, "%s: %s is %q: want any, a number, or one of %s", k.what, word, s, strings.Join(commands(), ", "))
			}
			m.Means.Command = netfault.CommandOf(c)
		}
	}
	if m.Means.Kind == netfault.NoMessage {
		return m
	}
	m.Means.Nth = int(k.number("nth", 1, 1<<30))
	switch t, _ := k.word("message-try", tries); t {
	case 1:
		m.Means.FirstTry = true
	case 2:
		m.Means.Retry = true
	}
	m.Means.Holds = k.number("message-byte", 1, 1<<30)
	m.Means.Last = k.flag("last-byte")
	m.Means.Acked = k.flag("acknowledged")
	return m
}

// commands are the names of the CPCR commands as scripts write them: close-shift for COMMAND_CLOSE_SHIFT.
func commands() []string {
	var out []string
	for _, name := range canon.CommandTypeEnum_name {
		out = append(out, strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, "COMMAND_")), "_", "-"))
	}
	slices.Sort(out)
	return out
}

func command(s string) (int32, bool) {
	if n, err := strconv.ParseInt(s, 10, 32); err == nil && n >= 0 {
		return int32(n), true
	}
	n, ok := canon.CommandTypeEnum_value["COMMAND_"+strings.ReplaceAll(strings.ToUpper(s), "-", "_")]
	return n, ok && strings.ToLower(s) == s
}

// where reads the place of a fault.
func (r *reader) where(n ast.Node) place {
	p := place{node: n}
	k := r.keys("where", n)
	p.match = match(k)
	p.pick.Share = k.share("share")
	p.pick.Nth = int(k.number("packet", 1, 1<<40))
	p.pick.Count = int(k.number("count", 1, 1<<40))
	k.done()
	return p
}

// making makes a fault of its figures and its place.
type making struct {
	f     *keys
	p     place
	match bool // the fault can be narrowed to packets
	pick  bool // and to some of them
}

// makers are the faults that a script knows.
var makers = map[string]func(m *making) netfault.Fault{
	"cut":        func(m *making) netfault.Fault { return netfault.Cut{Cable: m.f.flag("cable")} },
	"cut-rst":    func(*making) netfault.Fault { return netfault.CutRST{} },
	"refuse-syn": func(*making) netfault.Fault { return netfault.RefuseSYN{} },
	"blackhole": func(m *making) netfault.Fault {
		m.f.missing("dir", "to-ofd or to-kkm")
		return netfault.Blackhole{Dir: m.dir()}
	},
	"forget": func(m *making) netfault.Fault { return netfault.Forget{Dir: m.dir()} },
	"half-open": func(m *making) netfault.Fault {
		return netfault.HalfOpen{Gone: m.end("gone", netfault.EndOFD), Silent: m.f.flag("silent")}
	},
	"nat-rebinding": func(*making) netfault.Fault { return netfault.Rebind{} },
	"flap": func(m *making) netfault.Fault {
		return netfault.Flap{Down: m.f.duration("down"), Up: m.f.duration("up")}
	},
	"reset": func(m *making) netfault.Fault {
		return netfault.Reset{Match: m.where(), Pick: m.some(), To: m.end("to", netfault.BothEnds)}
	},
	"finish": func(m *making) netfault.Fault {
		return netfault.Finish{Match: m.where(), Pick: m.some(), To: m.end("to", netfault.BothEnds)}
	},
	"drop": func(m *making) netfault.Fault { return netfault.Drop{Match: m.where(), Pick: m.some()} },
	"duplicate": func(m *making) netfault.Fault {
		return netfault.Duplicate{Match: m.where(), Pick: m.some(), Copies: int(m.f.number("copies", 1, 100))}
	},
	"reorder": func(m *making) netfault.Fault {
		return netfault.Reorder{Match: m.where(), Pick: m.some(), By: m.f.duration("by")}
	},
	"delay": func(m *making) netfault.Fault {
		d := netfault.Delay{Match: m.where(), Pick: m.some(), Fixed: m.f.duration("fixed"), Jitter: m.f.duration("jitter")}
		if s, ok := m.f.word("spread", spreads); ok {
			d.Spread = netfault.Spread(s)
		}
		return d
	},
	"rate": func(m *making) netfault.Fault {
		m.f.missing("bits-per-second", "a rate such as 80kbit")
		return netfault.Rate{Match: m.where(), BitsPerSecond: m.f.rate("bits-per-second"), Queue: int(m.f.number("queue", 1, 1<<30))}
	},
	"corrupt": func(m *making) netfault.Fault {
		c := netfault.Corrupt{Match: m.where(), Pick: m.some(), At: int(m.f.number("at", 0, 65535)), XOR: byte(m.f.number("xor", 1, 255))}
		s, _ := m.f.word("checksum", sums)
		c.Valid = s == 1
		return c
	},
	"truncate": func(m *making) netfault.Fault {
		return netfault.Truncate{Match: m.where(), Pick: m.some(), Keep: int(m.f.number("keep", 14, 65535))}
	},
	"mtu": func(m *making) netfault.Fault {
		return netfault.MTU{Max: int(m.f.number("max", 68, 65535)), Silent: m.f.flag("silent")}
	},
	"fragment": func(m *making) netfault.Fault {
		return netfault.Fragment{Match: m.where(), Pick: m.some(), Max: int(m.f.number("max", 68, 65535))}
	},
	"half-message": func(m *making) netfault.Fault {
		m.f.missing("after", "the number of bytes that still arrive")
		return netfault.HalfMessage{Match: m.where(), After: m.f.number("after", 0, 1<<30)}
	},
	"dns-failure": func(m *making) netfault.Fault {
		name, _ := m.f.text("name")
		c, _ := m.f.word("error", codes)
		return netfault.NoName{Name: name, Code: c}
	},
	"dns-wrong": func(m *making) netfault.Fault {
		name, _ := m.f.text("name")
		m.f.missing("to", "the address to answer with")
		return netfault.WrongName{Name: name, To: m.f.address("to")}
	},
	"dhcp-loss": func(*making) netfault.Fault { return netfault.NoDHCP },
	"captive-portal": func(m *making) netfault.Fault {
		to, _ := m.f.text("location")
		return netfault.CaptivePortal{Location: to}
	},
}

func (m *making) where() netfault.Match { m.match = true; return m.p.match }
func (m *making) some() netfault.Pick   { m.pick = true; return m.p.pick }

func (m *making) dir() netfault.Dir {
	d, _ := m.f.word("dir", dirs)
	return netfault.Dir(d)
}

func (m *making) end(key string, otherwise netfault.Ends) netfault.Ends {
	if e, ok := m.f.word(key, ends); ok {
		return netfault.Ends(e)
	}
	return otherwise
}

// Faults lists the words that a script may use for a fault.
func Faults() []string { return append(slices.Sorted(maps.Keys(makers)), "profile") }

// fault reads a fault: a word, or a word with figures.
func (r *reader) fault(n ast.Node, p place) []netfault.Named {
	if s, ok := n.(*ast.StringNode); ok {
		return r.make(s.Value, n, nil, p)
	}
	var pair *ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingValueNode:
		pair = m
	case *ast.MappingNode:
		if len(m.Values) == 1 {
			pair = m.Values[0]
		}
	}
	if pair == nil {
		r.bad(n, "fault is %s: want one word such as cut, or one with figures such as delay: {fixed: 300ms}", kindOf(n))
		return nil
	}
	key, ok := pair.Key.(*ast.StringNode)
	if !ok {
		r.bad(pair.Key, "fault %q: want a word", pair.Key.String())
		return nil
	}
	return r.make(key.Value, pair.Key, pair.Value, p)
}

func (r *reader) make(word string, at, figures ast.Node, p place) []netfault.Named {
	if word == "profile" {
		return r.profile(at, figures, p)
	}
	maker := makers[word]
	if maker == nil {
		r.bad(at, "fault %q is not known: want one of %s", word, strings.Join(Faults(), ", "))
		return nil
	}
	before := len(r.errs)
	m := &making{f: r.keys(word, figures), p: p}
	if figures == nil {
		m.f.node = at // so that what is missing has a place
	}
	f := maker(m)
	m.f.done()
	switch {
	case p.node == nil:
	case !m.match:
		r.bad(p.node, "%s strikes the whole link: want no where; drop, delay and others can be narrowed to packets", word)
	case !m.pick && p.pick != netfault.Pick{}:
		r.bad(p.node, "%s strikes every packet that matches: want no share, packet or count", word)
	}
	if len(r.errs) > before {
		return nil
	}
	if c, ok := f.(interface{ Check() error }); ok {
		if err := c.Check(); err != nil {
			r.wrap(at, fmt.Errorf("%s: %w", word, err))
			return nil
		}
	}
	return []netfault.Named{{ID: "", Fault: f}}
}

// profile reads the name of a profile.
func (r *reader) profile(at, value ast.Node, p place) []netfault.Named {
	name := ""
	if s, ok := value.(*ast.StringNode); ok {
		name = s.Value
	}
	prof, ok := netfault.ProfileOf(name)
	if !ok {
		var names []string
		for _, q := range netfault.Profiles() {
			names = append(names, q.Name)
		}
		if value == nil {
			value = at
		}
		r.bad(value, "profile %q is not known: want one of %s", name, strings.Join(names, ", "))
		return nil
	}
	if p.node != nil {
		r.bad(p.node, "a profile strikes the whole link: want no where")
	}
	if len(prof.Faults) == 1 {
		prof.Faults[0].ID = ""
	}
	return prof.Faults
}
