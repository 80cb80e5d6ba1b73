package netfault

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/link/ethernet"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/simulators/netfault/rawlink"
)

// side is who sits at an end.
type side int

const (
	sideKKM side = iota
	sideOFD
)

// address is an end of a link as it appears in frames.
type address struct {
	mac net.HardwareAddr
	ip  net.IP
}

func (a address) netip() netip.Addr { return netip.AddrFrom4([4]byte(a.ip.To4())) }

// Addresses are made so that a reader of a capture sees who is who: link i is the
// network 10.77.i.0/24, the register is .1, the OFD .2, and .99 is where nobody
// lives. The MAC addresses spell KKM and OFD after the 02 of locally administered ones.
func (s side) address(link int) address {
	name, host := "KKM", byte(1)
	if s == sideOFD {
		name, host = "OFD", 2
	}
	return address{
		mac: net.HardwareAddr{0x02, name[0], name[1], name[2], byte(link), host},
		ip:  net.IP{10, 77, byte(link), host},
	}
}

const nobody = 99

const (
	nic     = tcpip.NICID(1)
	linkMTU = 1500
	// outLimit bounds the frames that a stack may send in one turn. A window of
	// the largest size is under 6,000 frames; more is a runaway and must not pass as loss.
	outLimit = 1 << 15
	// neighbourFor is how long an answer to ARP counts. The OFD stands for a
	// host behind a router, and a router is heard all the time.
	neighbourFor = 10000 * time.Hour
)

// end is one end of a link: a TCP stack with one network card, or an interface
// of the computer.
type end struct {
	link *Link
	address
	side  side
	ifc   int // in the capture
	stack *stack.Stack
	port  *port
	wire  *rawlink.Port // instead of a stack
	conns uint64
	fed   bool // frames came in since the stack last ran
	bin   bool // measurements: what arrives is thrown away
	quiet bool // the stack's workers stand still
}

// oneWorker makes each stack with a single worker goroutine: gVisor takes one
// for each processor, and the order between several is nobody's.
var oneWorker sync.Mutex

func newEnd(l *Link, s side, seed uint64, clk tcpip.Clock) (*end, error) {
	e := &end{link: l, address: s.address(l.index), side: s}
	e.port = &port{
		Endpoint: channel.New(0, linkMTU+header.EthernetMinimumSize, tcpip.LinkAddress(e.mac)),
		e:        e,
	}
	src := &source{r: rand.NewPCG(seed, uint64(l.index)<<1|uint64(s))}
	nud := stack.DefaultNUDConfigurations()
	nud.BaseReachableTime = neighbourFor
	nud.MinRandomFactor, nud.MaxRandomFactor = 1, 1

	oneWorker.Lock()
	procs := runtime.GOMAXPROCS(0)
	if procs > 1 {
		runtime.GOMAXPROCS(1)
	}
	e.stack = stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, arp.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, icmp.NewProtocol4},
		Clock:              clk,
		NUDConfigs:         nud,
		RandSource:         src,
		SecureRNG:          src,
	})
	if procs > 1 {
		runtime.GOMAXPROCS(procs)
	}
	oneWorker.Unlock()

	if err := e.stack.CreateNIC(nic, ethernet.New(e.port)); err != nil {
		return nil, fmt.Errorf("link %s: network card: %v", l.name, err)
	}
	if s == sideOFD || l.opt.Lease == 0 {
		if err := e.address4(); err != nil {
			return nil, fmt.Errorf("link %s: %w", l.name, err)
		}
	}
	e.stack.Pause()
	e.quiet = true
	return e, nil
}

// run lets the stack work until it has nothing left to do. Its worker confirms
// the pause only when its queue is empty, so this needs no guess about
// goroutines and no time.
func (e *end) run() {
	e.fed = false
	e.stack.Resume()
	e.stack.Pause()
}

// inject gives a frame to the stack; what hangs on it happens in the next run.
func (e *end) inject(frame []byte) {
	if e.wire != nil {
		e.emit(frame)
		return
	}
	if e.bin || e.serve(frame) {
		return
	}
	pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(frame)})
	e.port.InjectInbound(0, pkt)
	pkt.DecRef()
	e.fed = true
	e.link.n.kick()
}

func (e *end) destroy() {
	if e.wire != nil {
		e.unplug()
		return
	}
	if e.quiet {
		e.quiet = false
		e.stack.Resume()
	}
	e.stack.Destroy()
}

// port is the network card: what the stack sends waits there for the next turn.
type port struct {
	*channel.Endpoint
	e *end
}

// WritePackets implements stack.LinkEndpoint. It is called with the stack's locks held.
func (p *port) WritePackets(pkts stack.PacketBufferList) (int, tcpip.Error) {
	n := p.e.link.n
	n.leaf.Lock()
	defer n.leaf.Unlock()
	for i, pkt := range pkts.AsSlice() {
		if len(n.out) >= n.outLimit {
			n.overflow++
			return i, &tcpip.ErrNoBufferSpace{}
		}
		n.out = append(n.out, sent{p.e, bytesOf(pkt)})
	}
	n.kick()
	return pkts.Len(), nil
}

// bytesOf copies a packet, link header and all.
func bytesOf(pkt *stack.PacketBuffer) []byte {
	views, skip := pkt.AsViewList()
	frame := make([]byte, 0, pkt.Size())
	for v := views.Front(); v != nil; v = v.Next() {
		b := v.AsSlice()
		if skip >= len(b) {
			skip -= len(b)
			continue
		}
		frame = append(frame, b[skip:]...)
		skip = 0
	}
	return frame
}

// source is a stack's chance: from the seed, never from the system. It serves
// gVisor as math/rand source and as random bytes; both may come from several goroutines.
type source struct {
	mu sync.Mutex
	r  *rand.PCG
}

func (s *source) Uint64() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.r.Uint64()
}

func (s *source) Int63() int64 { return int64(s.Uint64() >> 1) }

// Seed does nothing: the seed is the run's.
func (s *source) Seed(int64) {}

func (s *source) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range p {
		if i%8 == 0 {
			v := s.r.Uint64()
			for j := i; j < min(i+8, len(p)); j++ {
				p[j] = byte(v)
				v >>= 8
			}
		}
	}
	return len(p), nil
}

// ticker is the network's clock as gVisor wants to see it. Its timers fire on
// the loop, under the network's lock, like everything that touches a stack.
type ticker struct{ n *Network }

func (t ticker) Now() time.Time { return t.n.instant().Wall }

func (t ticker) NowMonotonic() tcpip.MonotonicTime {
	return tcpip.MonotonicTime{}.Add(t.n.instant().Mono)
}

func (t ticker) AfterFunc(d time.Duration, f func()) tcpip.Timer {
	w := &wake{n: t.n, f: f}
	w.t = t.n.after(d, f)
	return w
}

type wake struct {
	n  *Network
	f  func()
	mu sync.Mutex
	t  clock.Timer
}

func (w *wake) Stop() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.t.Stop()
}

func (w *wake) Reset(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.t.Stop()
	w.t = w.n.after(d, w.f)
}
