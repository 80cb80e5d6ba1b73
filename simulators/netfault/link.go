package netfault

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
)

// Link is one channel between register and OFD: it has its own two stacks,
// its own faults and its own pair of interfaces in the capture, and shares nothing with other links.
type Link struct {
	n       *Network
	name    string
	index   int
	latency time.Duration
	opt     LinkOptions
	kkm     *end
	ofd     *end
	home    *household // nil: the register needs neither DHCP nor DNS

	dec    *decoder
	flows  flows
	faults []*placed // in the order in which they were set
	latest map[string]*placed
	lanes  [3]lane // by direction

	arrivals         []arrival // of the present packet
	packets, dropped [3]uint64 // by direction

	rand *rand.PCG
	rng  *rand.Rand
}

// placed is a fault on a link with what it has done so far.
type placed struct {
	id     string
	words  string
	f      Fault
	sel    interface{ Selects(Packet) bool }
	seq    history.Seq   // of the FaultSet
	named  history.Seq   // the event that comments name: first the Struck, later the FaultSet
	at     time.Duration // when it was set, counted like Now.Mono; before the run's start after a resume
	first  time.Duration // when it struck for the first time
	known  bool          // its first Struck is on record
	before uint64
	seed   uint64
	seen   int
	struck int
	until  [3]time.Duration

	delays         int // packets that arrived after a delay of this fault
	shortest, most time.Duration
	late           time.Duration // the worst difference between demanded and reached

	note, comment string // the last comment: most are equal
}

// Name of the link.
func (l *Link) Name() string { return l.name }

// Past is what a fault has been through before it is set on this link: a run that
// goes on after a stop sets it again as it was.
type Past struct {
	Since  time.Duration // how long ago it was set
	Seen   int           // packets that it had selected
	Struck int           // packets whose fate it had changed
	First  time.Duration // how long ago it had struck for the first time
	// Fresh says that it begins only now although its time runs already: open
	// connections are asked as by Set.
	Fresh bool
}

// Set puts a fault on the link; it acts after those that were set before.
func (l *Link) Set(id string, f Fault) error { return l.Resume(id, f, Past{}) }

// Resume puts a fault on the link that has a past: what it counts and what it
// measures from its beginning goes on from there, and connections that are open are left alone.
func (l *Link) Resume(id string, f Fault, past Past) error {
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	if id == "" || f == nil {
		return fmt.Errorf("link %s: fault %q: want a name and a fault", l.name, id)
	}
	if past.Since < 0 || past.Seen < 0 || past.Struck < 0 || past.First < 0 {
		return fmt.Errorf("link %s: fault %q: past %+v: want no negative figure", l.name, id, past)
	}
	if l.n.closed {
		return fmt.Errorf("link %s: fault %q: the network is closed", l.name, id)
	}
	if slices.ContainsFunc(l.faults, func(s *placed) bool { return s.id == id }) {
		return fmt.Errorf("link %s: fault %q is already set: clear it first", l.name, id)
	}
	if c, ok := f.(interface{ Check() error }); ok {
		if err := c.Check(); err != nil {
			return fmt.Errorf("link %s: fault %q: %w", l.name, id, err)
		}
	}
	words := fmt.Sprintf("%T%+v", f, f)
	if s, ok := f.(fmt.Stringer); ok {
		words = s.String()
	}
	begins := past.Fresh || past == Past{}
	if !begins {
		words += fmt.Sprintf("; goes on after %v, %d packets seen, %d struck", past.Since, past.Seen, past.Struck)
	}
	seq, err := l.n.opt.Journal.AppendLink(history.Network, l.name, history.FaultSet{ID: id, Fault: words})
	if err != nil {
		return fmt.Errorf("link %s: fault %q: %w", l.name, id, err)
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(l.name + "/" + id))
	now := l.n.instant().Mono
	s := &placed{
		id: id, words: words, f: f, seq: seq, named: seq, at: now - past.Since, first: now - past.First, seen: past.Seen, struck: past.Struck,
		before: l.flows.n, seed: h.Sum64(),
	}
	s.sel, _ = f.(interface{ Selects(Packet) bool })
	l.faults = append(l.faults, s)
	l.latest[id] = s
	if b, ok := f.(interface {
		Begin(Moment, StreamPos) Decision
	}); ok && begins {
		l.begin(s, b.Begin)
	}
	return nil
}

// Unspent lists the faults that were set on this link, lifted since or not, and
// never struck a packet: they prove nothing about the register.
func (l *Link) Unspent() []string {
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	return l.unspent()
}

func (l *Link) unspent() []string {
	out := []string{}
	for id, s := range l.latest {
		if s.struck == 0 {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// begin asks a fault about the connections that are open when it is set.
func (l *Link) begin(s *placed, ask func(Moment, StreamPos) Decision) {
	for _, f := range l.flows.live() {
		m := l.moment(s, EitherWay)
		d := ask(m, StreamPos{Conn: f.num})
		if d.Reset|d.Finish == 0 {
			continue
		}
		l.strike(s, l.n.cap.Next(), d.Note)
		l.speak(f, d, s)
	}
}

// Clear lifts a fault and tells how many packets it struck. What it delayed
// still arrives when it is due.
func (l *Link) Clear(id string) (struck int, err error) {
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	i := slices.IndexFunc(l.faults, func(s *placed) bool { return s.id == id })
	if i < 0 {
		return 0, fmt.Errorf("link %s: fault %q is not set", l.name, id)
	}
	s := l.faults[i]
	l.faults = slices.Delete(l.faults, i, i+1)
	_, err = l.n.opt.Journal.AppendLink(history.Network, l.name,
		history.FaultCleared{ID: id, Struck: s.struck, Figure: s.figure()}, s.seq)
	if err != nil {
		return s.struck, fmt.Errorf("link %s: fault %q: %w", l.name, id, err)
	}
	return s.struck, nil
}

// Spent says whether the fault that was last set under this name has struck a
// packet. It still answers after Clear.
func (l *Link) Spent(id string) bool {
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	s, ok := l.latest[id]
	return ok && s.struck > 0
}

// figure tells the delays that were reached, for the record.
func (s *placed) figure() string {
	switch {
	case s.struck == 0:
		return "it never struck"
	case s.delays == 0:
		return ""
	}
	return fmt.Sprintf("%d packets held for %v to %v, at most %v longer than demanded", s.delays, s.shortest, s.most, s.late)
}

func (l *Link) moment(s *placed, d Dir) Moment {
	now := l.n.instant()
	l.rand.Seed(l.n.opt.Seed^s.seed, uint64(s.seen))
	m := Moment{
		Now: now, Since: now.Mono - s.at, Seen: s.seen, Struck: s.struck,
		Until: s.until[d], Before: s.before, Rand: l.rng,
	}
	if s.struck > 0 {
		m.First = now.Mono - s.first
	}
	return m
}

// voyage is the fate of one frame as it takes shape: what the faults said, and what is to arrive.
type voyage struct {
	dir      Dir
	n        uint64
	now      clock.Instant
	flow     *flow
	notes    []string
	said     []func() // what the link itself says because of this packet
	arrivals []arrival
}

// pass carries a frame that left one end: it is decoded, meets the faults in
// their order, is written to the capture and is sent on its way.
func (l *Link) pass(dir Dir, frame []byte) {
	p := l.dec.decode(frame)
	p.Link, p.Dir, p.N = l.name, dir, l.n.cap.Next()
	v := voyage{dir: dir, n: p.N, now: l.n.instant(), flow: l.flows.track(&p), arrivals: l.arrivals[:0]}
	l.meet(&v, 0, p, arrival{due: v.now.Mono + l.latency, sent: v.now.Mono, frame: frame})
	l.packets[dir]++
	l.n.record(l.outside(dir).ifc, v.now, false, frame, v.notes...)
	for _, say := range v.said {
		say()
	}
	if len(v.notes) > 0 && len(v.arrivals) == 0 {
		l.dropped[dir]++
	}
	for _, a := range v.arrivals {
		a.notes = v.notes
		for range a.copies + 1 {
			l.send(dir, a, v.now)
		}
	}
	l.arrivals = v.arrivals[:0]
}

// meet lets a packet meet the faults from the i-th on.
func (l *Link) meet(v *voyage, i int, p Packet, a arrival) {
	for ; i < len(l.faults); i++ {
		s := l.faults[i]
		if !s.selects(p) {
			continue
		}
		s.seen++
		decided := s.f.Decide(l.moment(s, v.dir), p)
		if !decided.changes() {
			continue
		}
		d := decided
		v.notes = append(v.notes, l.strike(s, v.n, d.Note))
		if d.Delay > 0 && !d.Drop {
			a.due += d.Delay
			a.demanded += d.Delay
			a.by = s
			s.until[v.dir] = v.now.Mono + d.Delay
		}
		if v.flow != nil && d.Reset|d.Finish != 0 {
			f := v.flow
			v.said = append(v.said, func() { l.speak(f, d, s) })
		}
		if d.Tell > 0 {
			struck := p // a copy here, so that packets which no fault strikes stay off the heap
			v.said = append(v.said, func() { l.tell(struck, d.Tell, s) })
		}
		if len(d.Reply) > 0 {
			back := v.dir.back()
			v.said = append(v.said, func() { l.reply(back, d.Reply, s) })
		}
		a.copies += d.Copies
		a.overtaken = a.overtaken || d.Overtaken
		switch {
		case d.Drop:
			return
		case len(d.Parts) > 0:
			for _, part := range d.Parts {
				a.frame = part
				l.meet(v, i+1, l.again(p, part), a)
			}
			return
		case d.Frame != nil:
			a.frame = d.Frame
			p = l.again(p, d.Frame)
		}
	}
	v.arrivals = append(v.arrivals, a)
}

// again reads a packet whose frame a fault has changed. What it means stays what it was.
func (l *Link) again(p Packet, frame []byte) Packet {
	q := l.dec.decode(frame)
	q.Link, q.Dir, q.N, q.Messages, q.Acks = p.Link, p.Dir, p.N, p.Messages, p.Acks
	size := q.Stream.Len
	q.Stream = p.Stream
	q.Stream.Len = size
	return q
}

// selects says whether a fault wants to see a packet.
func (s *placed) selects(p Packet) bool {
	if s.sel != nil {
		return s.sel.Selects(p)
	}
	return p.Proto >= ProtoIP
}

// changes says whether a decision alters the fate of a packet. A fault that
// forgets to say that it strikes is counted all the same.
func (d Decision) changes() bool {
	return d.Strikes || d.Drop || d.Delay > 0 || d.Copies > 0 || d.Frame != nil || d.Reset|d.Finish != 0 || d.Tell > 0 ||
		len(d.Parts) > 0 || len(d.Reply) > 0
}

// strike counts a struck packet and makes its comment. The first one of a
// fault is an event of the record, which the comment names; later ones name the event that set the fault.
func (l *Link) strike(s *placed, packet uint64, note string) string {
	s.struck++
	seq := s.seq
	if !s.known {
		s.known = true
		if s.struck == 1 {
			s.first = l.n.instant().Mono
		}
		var err error
		seq, err = l.n.opt.Journal.AppendLink(history.Network, l.name, history.Struck{ID: s.id, Packet: packet, Note: note, Seen: s.seen}, s.seq)
		if err != nil {
			l.n.fail("link "+l.name, err)
		}
	}
	if s.struck > 2 && note == s.note {
		return s.comment
	}
	s.named = seq
	s.note = note
	s.comment = fmt.Sprintf("fault %s: %s; history %d", s.id, note, seq)
	return s.comment
}

// outside is the end that packets of a direction come from, inside the one that they go to.
func (l *Link) outside(d Dir) *end {
	if d == ToOFD {
		return l.kkm
	}
	return l.ofd
}

func (l *Link) inside(d Dir) *end {
	if d == ToOFD {
		return l.ofd
	}
	return l.kkm
}

// speak delivers RST or FIN to the ends in the name of their peers, at once:
// the box that sends them stands beside the receiver.
func (l *Link) speak(f *flow, d Decision, s *placed) {
	for _, dir := range []Dir{ToKKM, ToOFD} {
		to, back := EndKKM, ToOFD
		seg := segment{from: f.key.ofd, to: f.key.kkm, srcPort: f.key.ofdPort, dstPort: f.key.kkmPort}
		if dir == ToOFD {
			to, back = EndOFD, ToKKM
			seg = segment{from: f.key.kkm, to: f.key.ofd, srcPort: f.key.kkmPort, dstPort: f.key.ofdPort}
		}
		name := "RST"
		switch {
		case d.Reset&to != 0:
			seg.flags = RST
		case d.Finish&to != 0:
			name, seg.flags = "FIN", FIN|ACK
		default:
			continue
		}
		if !f.begun[back] {
			continue // this end does not know the connection
		}
		if f.acked[back] {
			seg.seq = f.ack[back]
		} else {
			seg.flags |= ACK // an attempt to connect: RFC 9293, 3.5.2
		}
		seg.ack = f.next[back]
		seg.link = f.header(dir)
		frame, err := seg.craft()
		if err != nil {
			l.n.fail("link "+l.name, fmt.Errorf("%s to port %d: %w", name, seg.dstPort, err))
			continue
		}
		l.arrive(dir, frame, l.n.instant(), fmt.Sprintf("fault %s: %s made by the bench; history %d", s.id, name, s.named))
		if d.Reset == BothEnds && l.flows.all[f.key] == f {
			delete(l.flows.all, f.key)
		}
	}
}

// tell answers the sender of a packet that a router on the way cannot carry it.
func (l *Link) tell(p Packet, mtu int, s *placed) {
	answer, err := tooBig(p, mtu)
	if err != nil {
		l.n.fail("link "+l.name, fmt.Errorf("ICMP to the sender of %d bytes: %w", len(p.Frame), err))
		return
	}
	l.arrive(p.Dir.back(), answer, l.n.instant(), fmt.Sprintf("fault %s: fragmentation needed, made by the bench; history %d", s.id, s.named))
}

// reply delivers frames that a fault made up to the sender of a packet.
func (l *Link) reply(dir Dir, frames [][]byte, s *placed) {
	for _, f := range frames {
		l.arrive(dir, f, l.n.instant(), fmt.Sprintf("fault %s: made by the bench; history %d", s.id, s.named))
	}
}

// lane keeps the packets of one direction in order while they are under way.
type lane struct {
	queue []arrival
	last  time.Duration
}

type arrival struct {
	due, sent time.Duration // counted like Now.Mono
	demanded  time.Duration
	by        *placed // whose delay it is
	frame     []byte
	notes     []string
	copies    int
	overtaken bool // it holds nobody up
}

// send puts a packet on its way. Ordered packets never overtake each other.
func (l *Link) send(dir Dir, a arrival, now clock.Instant) {
	if a.overtaken {
		late := a
		l.n.after(a.due-now.Mono, func() { l.hand(dir, late, l.n.instant()) })
		return
	}
	q := &l.lanes[dir]
	if len(q.queue) > 0 {
		a.due = max(a.due, q.last)
	} else if a.due <= now.Mono {
		l.hand(dir, a, now)
		return
	}
	q.last = a.due
	q.queue = append(q.queue, a)
	l.n.after(a.due-now.Mono, func() {
		now := l.n.instant()
		for len(q.queue) > 0 && q.queue[0].due <= now.Mono {
			head := q.queue[0]
			q.queue[0] = arrival{}
			q.queue = q.queue[1:]
			l.hand(dir, head, now)
		}
	})
}

// hand delivers a packet at the end of its way and notes the delay that was reached.
func (l *Link) hand(dir Dir, a arrival, now clock.Instant) {
	if a.by == nil {
		l.arrive(dir, a.frame, now, a.notes...)
		return
	}
	held, s := now.Mono-a.sent-l.latency, a.by
	if s.delays == 0 || held < s.shortest {
		s.shortest = held
	}
	s.delays++
	s.most = max(s.most, held)
	s.late = max(s.late, now.Mono-a.due)
	l.arrive(dir, a.frame, now, append(slices.Clip(a.notes), fmt.Sprintf("held for %v, demanded %v", held, a.demanded))...)
}

// arrive writes a frame at the receiving end's interface and gives it to the stack.
func (l *Link) arrive(dir Dir, frame []byte, now clock.Instant, notes ...string) {
	to := l.inside(dir)
	l.n.record(to.ifc, now, true, frame, notes...)
	to.inject(frame)
}
