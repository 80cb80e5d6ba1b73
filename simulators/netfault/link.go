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
	kkm     *end
	ofd     *end

	dec    *decoder
	flows  flows
	faults []*placed // in the order in which they were set
	latest map[string]*placed
	lanes  [3]lane // by direction

	rand *rand.PCG
	rng  *rand.Rand
}

// placed is a fault on a link with what it has done so far.
type placed struct {
	id     string
	f      Fault
	sel    interface{ Selects(Packet) bool }
	seq    history.Seq // of the FaultSet
	named  history.Seq // the event that comments name: first the Struck, later the FaultSet
	at     clock.Instant
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

// Set puts a fault on the link; it acts after those that were set before.
func (l *Link) Set(id string, f Fault) error {
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	if id == "" || f == nil {
		return fmt.Errorf("link %s: fault %q: want a name and a fault", l.name, id)
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
	seq, err := l.n.opt.Journal.AppendLink(history.Network, l.name, history.FaultSet{ID: id, Fault: words})
	if err != nil {
		return fmt.Errorf("link %s: fault %q: %w", l.name, id, err)
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(l.name + "/" + id))
	s := &placed{id: id, f: f, seq: seq, at: l.n.loop.Now(), before: l.flows.n, seed: h.Sum64()}
	s.sel, _ = f.(interface{ Selects(Packet) bool })
	l.faults = append(l.faults, s)
	l.latest[id] = s
	if b, ok := f.(interface {
		Begin(Moment, StreamPos) Decision
	}); ok {
		l.begin(s, b.Begin)
	}
	return nil
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
	if s.delays == 0 {
		return ""
	}
	return fmt.Sprintf("%d packets held for %v to %v, at most %v longer than demanded", s.delays, s.shortest, s.most, s.late)
}

func (l *Link) moment(s *placed, d Dir) Moment {
	now := l.n.loop.Now()
	l.rand.Seed(l.n.opt.Seed^s.seed, uint64(s.seen))
	return Moment{
		Now: now, Since: now.Mono - s.at.Mono, Seen: s.seen, Struck: s.struck,
		Until: s.until[d], Before: s.before, Rand: l.rng,
	}
}

// pass carries a frame that left one end: it is decoded, meets the faults in
// their order, is written to the capture and is sent on its way.
func (l *Link) pass(dir Dir, frame []byte) {
	p := l.dec.decode(frame)
	p.Link, p.Dir, p.N = l.name, dir, l.n.cap.Next()
	f := l.flows.track(&p)
	now := l.n.loop.Now()
	due := now.Mono + l.latency
	var (
		notes     []string
		said      []func() // what the link itself says because of this packet
		copies    int
		overtaken bool
		dropped   bool
		holder    *placed
		demanded  time.Duration
	)
	arrives := frame
	for _, s := range l.faults {
		if !s.selects(p) {
			continue
		}
		s.seen++
		d := s.f.Decide(l.moment(s, dir), p)
		if !d.changes() {
			continue
		}
		notes = append(notes, l.strike(s, p.N, d.Note))
		if d.Delay > 0 && !d.Drop {
			due += d.Delay
			demanded += d.Delay
			holder = s
			s.until[dir] = now.Mono + d.Delay
		}
		if d.Frame != nil {
			arrives = d.Frame
			q := l.dec.decode(arrives)
			q.Link, q.Dir, q.N, q.Stream, q.Messages = p.Link, p.Dir, p.N, p.Stream, p.Messages
			p = q
		}
		if f != nil && d.Reset|d.Finish != 0 {
			said = append(said, func() { l.speak(f, d, s) })
		}
		if d.Tell > 0 {
			said = append(said, func() { l.tell(dir, frame, d.Tell, s) })
		}
		copies += d.Copies
		overtaken = overtaken || d.Overtaken
		if d.Drop {
			dropped = true
			break
		}
	}
	l.n.record(l.outside(dir).ifc, now, false, frame, notes...)
	for _, say := range said {
		say()
	}
	if dropped {
		return
	}
	for range copies + 1 {
		l.send(dir, arrival{due: due, sent: now.Mono, demanded: demanded, by: holder, frame: arrives, notes: notes}, now, !overtaken)
	}
}

func (s *placed) selects(p Packet) bool {
	if s.sel != nil {
		return s.sel.Selects(p)
	}
	return p.Proto >= ProtoIP
}

// changes says whether a decision alters the fate of a packet. A fault that
// forgets to say that it strikes is counted all the same.
func (d Decision) changes() bool {
	return d.Strikes || d.Drop || d.Delay > 0 || d.Copies > 0 || d.Frame != nil || d.Reset|d.Finish != 0 || d.Tell > 0
}

// strike counts a struck packet and makes its comment. The first one of a
// fault is an event of the record, which the comment names; later ones name the event that set the fault.
func (l *Link) strike(s *placed, packet uint64, note string) string {
	s.struck++
	seq := s.seq
	if s.struck == 1 {
		var err error
		seq, err = l.n.opt.Journal.AppendLink(history.Network, l.name, history.Struck{ID: s.id, Packet: packet, Note: note}, s.seq)
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
		to := EndKKM
		back := ToOFD
		seg := segment{from: l.ofd.address, to: l.kkm.address, srcPort: f.key.ofd, dstPort: f.key.kkm}
		if dir == ToOFD {
			to, back = EndOFD, ToKKM
			seg = segment{from: l.kkm.address, to: l.ofd.address, srcPort: f.key.kkm, dstPort: f.key.ofd}
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
		frame, err := seg.craft()
		if err != nil {
			l.n.fail("link "+l.name, fmt.Errorf("%s to port %d: %w", name, seg.dstPort, err))
			continue
		}
		l.arrive(dir, frame, l.n.loop.Now(), fmt.Sprintf("fault %s: %s made by the bench; history %d", s.id, name, s.named))
		if d.Reset&to != 0 && l.flows.all[f.key] == f && d.Reset == BothEnds {
			delete(l.flows.all, f.key)
		}
	}
}

// tell answers the sender of a frame that a router on the way cannot carry it.
func (l *Link) tell(dir Dir, frame []byte, mtu int, s *placed) {
	answer, err := fragmentationNeeded(l.inside(dir).address, l.outside(dir).address, frame, mtu)
	if err != nil {
		l.n.fail("link "+l.name, fmt.Errorf("ICMP to the sender of %d bytes: %w", len(frame), err))
		return
	}
	back := ToOFD
	if dir == ToOFD {
		back = ToKKM
	}
	l.arrive(back, answer, l.n.loop.Now(), fmt.Sprintf("fault %s: fragmentation needed, made by the bench; history %d", s.id, s.named))
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
}

// send puts a packet on its way. Ordered packets never overtake each other.
func (l *Link) send(dir Dir, a arrival, now clock.Instant, ordered bool) {
	if !ordered {
		l.n.after(a.due-now.Mono, func() { l.hand(dir, a, l.n.loop.Now()) })
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
		now := l.n.loop.Now()
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
