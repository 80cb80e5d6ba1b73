package rawlink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Port is one of the two interfaces. Send and Flush belong to one goroutine,
// Read to another one; Close may be called from any.
type Port struct {
	link link
	file *os.File
	raw  syscall.RawConn
	lock int

	once   sync.Once
	closed atomic.Bool

	out  [][]byte // frames with the kernel's note before them, waiting for Flush
	msgs []mmsghdr
	iovs []unix.Iovec
}

// Bounds of one socket.
const (
	batch = 64
	// largest is a large packet: 64 KiB of IP and the headers below it.
	largest = 1<<16 + 128
	// buffer is what the kernel may keep while the bench is busy. Without
	// CAP_NET_ADMIN it gives as much as net.core.rmem_max says.
	buffer  = 32 << 20
	noteLen = 10
	auxLen  = 20
	// stuck is how many times 100 ms an interface may take no frame.
	stuck = 20
)

type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
}

// Open takes two interfaces: a's is the first name's. The sockets are made in the
// network namespace of the calling thread.
func Open(first, second string) (a, b *Port, err error) {
	if first == second {
		return nil, nil, fmt.Errorf("%s twice: want two interfaces", first)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if a, err = open(first); err != nil {
		return nil, nil, err
	}
	if b, err = open(second); err != nil {
		return nil, nil, errors.Join(err, a.Close())
	}
	switch {
	case a.link.mtu != b.link.mtu:
		err = fmt.Errorf("MTU %d on %s and %d on %s: what fits one would be lost on the other; give both the same: ip link set dev %s mtu %d",
			a.link.mtu, first, b.link.mtu, second, second, a.link.mtu)
	case a.link.address != "":
		err = fmt.Errorf("%s has the address %s: this computer would answer and route on the register's cable, past the faults; take it away: ip address flush dev %s",
			first, a.link.address, first)
	}
	if err != nil {
		return nil, nil, errors.Join(err, a.Close(), b.Close())
	}
	return a, b, nil
}

func open(name string) (*Port, error) {
	l, err := find(name)
	if err != nil {
		return nil, err
	}
	// Protocol 0 hears nothing before everything is set and Bind names one.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return nil, fmt.Errorf("%s: %w: run as root, or give it to the program: setcap cap_net_raw+ep %s", name, ErrRights, program())
	case err != nil:
		return nil, fmt.Errorf("%s: raw socket: %w", name, err)
	}
	p := &Port{link: l, lock: -1}
	if err := p.set(fd); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if p.lock, err = take(l); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	p.file = os.NewFile(uintptr(fd), "packet:"+name)
	if p.raw, err = p.file.SyscallConn(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), p.Close())
	}
	return p, nil
}

func program() string {
	if exe, err := os.Executable(); err == nil {
		return exe
	}
	return "kkmtest"
}

func (p *Port) set(fd int) error {
	for _, o := range []struct {
		name string
		opt  int
	}{{"PACKET_VNET_HDR", unix.PACKET_VNET_HDR}, {"PACKET_AUXDATA", unix.PACKET_AUXDATA}} {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, o.opt, 1); err != nil {
			return fmt.Errorf("socket option %s: %w", o.name, err)
		}
	}
	// Older kernels do not know it; Read then leaves out what this computer sent.
	_ = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer)
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, buffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, buffer)
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL), Ifindex: p.link.index}); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	m := unix.PacketMreq{Ifindex: int32(p.link.index), Type: unix.PACKET_MR_PROMISC}
	if err := unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &m); err != nil {
		return fmt.Errorf("promiscuous mode: %w", err)
	}
	return nil
}

func htons(v uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], v)
	return binary.NativeEndian.Uint16(b[:])
}

// Name of the interface.
func (p *Port) Name() string { return p.link.name }

// MTU of the interface, bytes of an IP packet.
func (p *Port) MTU() int { return p.link.mtu }

// Close lets the interface go. A Read that waits returns os.ErrClosed.
func (p *Port) Close() error {
	var err error
	p.once.Do(func() {
		p.closed.Store(true)
		if p.file != nil {
			err = p.file.Close()
		}
		if p.lock >= 0 {
			err = errors.Join(err, unix.Close(p.lock))
		}
	})
	return err
}

// Read hands on what comes from the wire, several frames at a time, until the
// port is closed. Loss tells what was lost on the way here.
func (p *Port) Read(take func(frames [][]byte, lost Loss)) error {
	bufs := make([]byte, batch*largest)
	aux := make([]byte, batch*unix.CmsgSpace(auxLen))
	names := make([]unix.RawSockaddrLinklayer, batch)
	iovs := make([]unix.Iovec, batch)
	msgs := make([]mmsghdr, batch)
	space := unix.CmsgSpace(auxLen)
	for i := range msgs {
		iovs[i].Base = &bufs[i*largest]
		iovs[i].SetLen(largest)
	}
	var frames [][]byte
	for {
		for i := range msgs {
			h := &msgs[i].hdr
			h.Name, h.Namelen = (*byte)(unsafe.Pointer(&names[i])), unix.SizeofSockaddrLinklayer
			h.Iov = &iovs[i]
			h.SetIovlen(1)
			h.Control = &aux[i*space]
			h.SetControllen(space)
			h.Flags = 0
		}
		var n int
		var errno unix.Errno
		err := p.raw.Read(func(fd uintptr) bool {
			r, _, e := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&msgs[0])), batch, unix.MSG_DONTWAIT, 0, 0)
			n, errno = int(r), e
			return e != unix.EAGAIN && e != unix.EINTR
		})
		var lost Loss
		frames = frames[:0]
		switch {
		case err != nil && p.closed.Load():
			return os.ErrClosed
		case err != nil:
			return err
		case errno == unix.ENETDOWN:
			lost = Loss{Frames: 0, Why: fmt.Sprintf("the interface went down; ip link set dev %s up", p.link.name)}
			n = 0
		case errno != 0:
			lost = Loss{Frames: 1, Why: fmt.Sprintf("a packet that this kernel cannot describe (%v); switch the card's merging off: ethtool -K %s lro off gro off", errno, p.link.name)}
			n = 0
		}
		for i := range n {
			m := &msgs[i]
			switch {
			case names[i].Pkttype == unix.PACKET_OUTGOING:
				continue
			case m.hdr.Flags&unix.MSG_TRUNC != 0 || m.n < noteLen:
				lost.Frames++
				lost.Why = fmt.Sprintf("a packet of %d bytes is longer than %d", m.n, largest)
				continue
			}
			b := bufs[i*largest : i*largest+int(m.n)]
			err := Split(b[noteLen:], noteOf(b), tagOf(aux[i*space:i*space+int(m.hdr.Controllen)]), func(f []byte) { frames = append(frames, f) })
			if err != nil {
				lost.Frames++
				lost.Why = err.Error() + fmt.Sprintf("; switch the card's merging off: ethtool -K %s lro off gro off", p.link.name)
			}
		}
		if n == batch {
			// Only a reader that falls behind loses anything.
			if l := p.Lost(); l.Frames > 0 {
				lost = l
			}
		}
		if len(frames) > 0 || lost.Why != "" {
			take(frames, lost)
		}
	}
}

// Lost tells the packets that the kernel threw away since it was last asked.
func (p *Port) Lost() (l Loss) {
	_ = p.raw.Control(func(fd uintptr) {
		if s, err := unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil && s.Drops > 0 {
			l = Loss{Frames: int(s.Drops), Why: "the bench did not keep up and the socket's buffer was full; raise it: sysctl net.core.rmem_max=33554432"}
		}
	})
	return l
}

// noteOf reads struct virtio_net_hdr, which is in the byte order of the machine.
func noteOf(b []byte) Note {
	return Note{
		NeedsSum: b[0]&1 != 0, Kind: b[1], Size: binary.NativeEndian.Uint16(b[4:]),
		SumStart: binary.NativeEndian.Uint16(b[6:]), SumOffset: binary.NativeEndian.Uint16(b[8:]),
	}
}

// tagOf reads the tag that the kernel keeps beside a frame (struct tpacket_auxdata).
func tagOf(control []byte) *Tag {
	for len(control) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
		size := int(h.Len)
		if size < unix.SizeofCmsghdr || size > len(control) {
			return nil
		}
		if data := control[unix.CmsgLen(0):size]; h.Level == unix.SOL_PACKET && h.Type == unix.PACKET_AUXDATA && len(data) >= auxLen {
			status := binary.NativeEndian.Uint32(data)
			if status&unix.TP_STATUS_VLAN_VALID == 0 {
				return nil
			}
			t := &Tag{Protocol: typeVLAN, Control: binary.NativeEndian.Uint16(data[16:])}
			if status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
				t.Protocol = binary.NativeEndian.Uint16(data[18:])
			}
			return t
		}
		control = control[min(len(control), unix.CmsgSpace(size-unix.CmsgLen(0))):]
	}
	return nil
}

// Send queues a frame for Flush. It is not copied.
func (p *Port) Send(frame []byte) error {
	p.out = append(p.out, frame)
	if len(p.out) >= batch {
		return p.Flush()
	}
	return nil
}

// nothing is the note before a frame that is complete as it stands.
var nothing [noteLen]byte

// Flush puts the queued frames on the wire. An error says how many were lost.
func (p *Port) Flush() error {
	if len(p.out) == 0 {
		return nil
	}
	if p.msgs == nil {
		p.msgs, p.iovs = make([]mmsghdr, batch), make([]unix.Iovec, 2*batch)
	}
	for i, f := range p.out {
		v := p.iovs[2*i : 2*i+2]
		v[0].Base = &nothing[0]
		v[0].SetLen(noteLen)
		v[1].Base = unsafe.SliceData(f)
		v[1].SetLen(len(f))
		p.msgs[i] = mmsghdr{}
		p.msgs[i].hdr.Iov = &v[0]
		p.msgs[i].hdr.SetIovlen(2)
	}
	lost, waits := 0, 0
	var why error
	for at := 0; at < len(p.out); {
		var n int
		var errno unix.Errno
		err := p.raw.Control(func(fd uintptr) {
			r, _, e := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&p.msgs[at])), uintptr(len(p.out)-at), unix.MSG_DONTWAIT, 0, 0)
			n, errno = int(r), e
			if (e == unix.EAGAIN || e == unix.ENOBUFS) && waits < stuck {
				waits++
				_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 100)
			}
		})
		switch {
		case err != nil:
			p.out = p.out[:0]
			return err
		case errno == 0:
			at += n
			waits = 0
		case errno == unix.EINTR, (errno == unix.EAGAIN || errno == unix.ENOBUFS) && waits < stuck:
		default:
			// The first frame of the rest is what the kernel did not take.
			lost++
			why = errno
			at++
			waits = 0
		}
	}
	clear(p.out)
	p.out = p.out[:0]
	if lost > 0 {
		return fmt.Errorf("%s did not take %d frames: %w", p.link.name, lost, why)
	}
	return nil
}
