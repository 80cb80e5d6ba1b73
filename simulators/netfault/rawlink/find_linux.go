package rawlink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// link is what the kernel says of an interface.
type link struct {
	name    string
	index   int
	mtu     int
	kind    uint16 // ARPHRD_...
	flags   uint32
	master  int
	address string // one of its own, IPv6 link-local ones aside
}

// find looks an interface up and refuses one that cannot be bridged. It asks
// by netlink: /sys may show another network namespace.
func find(name string) (link, error) {
	all, err := links()
	if err != nil {
		return link{}, err
	}
	i := slices.IndexFunc(all, func(l link) bool { return l.name == name })
	if i < 0 {
		var names []string
		for _, l := range all {
			if l.flags&unix.IFF_LOOPBACK == 0 {
				names = append(names, l.name)
			}
		}
		return link{}, fmt.Errorf("%s: no such interface; this computer has %s", name, strings.Join(names, ", "))
	}
	l := all[i]
	switch {
	case l.flags&unix.IFF_LOOPBACK != 0 || l.kind != unix.ARPHRD_ETHER:
		return link{}, fmt.Errorf("%s is no Ethernet interface (type %d): want one with a cable, or a veth", name, l.kind)
	case l.flags&unix.IFF_UP == 0:
		return link{}, fmt.Errorf("%s is down: ip link set dev %s up", name, name)
	case l.master != 0:
		master := fmt.Sprint("interface ", l.master)
		if j := slices.IndexFunc(all, func(m link) bool { return m.index == l.master }); j >= 0 {
			master = all[j].name
		}
		return link{}, fmt.Errorf("%s belongs to %s, which would carry frames past the faults: ip link set dev %s nomaster", name, master, name)
	}
	l.address, err = address(l.index)
	return l, err
}

func links() ([]link, error) {
	var out []link
	err := each(unix.RTM_GETLINK, unix.RTM_NEWLINK, unix.SizeofIfInfomsg, func(m syscall.NetlinkMessage, attrs map[uint16][]byte) {
		l := link{
			kind: binary.NativeEndian.Uint16(m.Data[2:]), index: int(int32(binary.NativeEndian.Uint32(m.Data[4:]))),
			flags: binary.NativeEndian.Uint32(m.Data[8:]), name: strings.TrimRight(string(attrs[unix.IFLA_IFNAME]), "\x00"),
		}
		if b := attrs[unix.IFLA_MTU]; len(b) == 4 {
			l.mtu = int(binary.NativeEndian.Uint32(b))
		}
		if b := attrs[unix.IFLA_MASTER]; len(b) == 4 {
			l.master = int(binary.NativeEndian.Uint32(b))
		}
		out = append(out, l)
	})
	return out, err
}

// address is one that the interface has, "" when it has none but link-local IPv6 ones.
func address(index int) (string, error) {
	var out string
	err := each(unix.RTM_GETADDR, unix.RTM_NEWADDR, unix.SizeofIfAddrmsg, func(m syscall.NetlinkMessage, attrs map[uint16][]byte) {
		if int(binary.NativeEndian.Uint32(m.Data[4:])) != index || out != "" {
			return
		}
		if a, ok := netip.AddrFromSlice(attrs[unix.IFA_ADDRESS]); ok && !a.IsLinkLocalUnicast() {
			out = fmt.Sprintf("%v/%d", a, m.Data[1])
		}
	})
	return out, err
}

// each asks the kernel for a list.
func each(ask int, kind uint16, head int, f func(m syscall.NetlinkMessage, attrs map[uint16][]byte)) error {
	raw, err := syscall.NetlinkRIB(ask, unix.AF_UNSPEC)
	if err != nil {
		return fmt.Errorf("list of interfaces: %w", err)
	}
	msgs, err := syscall.ParseNetlinkMessage(raw)
	if err != nil {
		return fmt.Errorf("list of interfaces: %w", err)
	}
	for _, m := range msgs {
		if m.Header.Type != kind || len(m.Data) < head {
			continue
		}
		attrs, err := syscall.ParseNetlinkRouteAttr(&m)
		if err != nil {
			return fmt.Errorf("list of interfaces: %w", err)
		}
		by := map[uint16][]byte{}
		for _, a := range attrs {
			by[a.Attr.Type] = a.Value
		}
		f(m, by)
	}
	return nil
}

// take locks an interface against other benches: an abstract socket is known in its
// network namespace alone, as the interface is, and goes with the process
// however that ends.
func take(l link) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("%s: lock: %w", l.name, err)
	}
	name := &unix.SockaddrUnix{Name: fmt.Sprintf("@kkmtest/bridge/%d", l.index)}
	if err = unix.Bind(fd, name); err == nil {
		err = unix.Listen(fd, 1)
	}
	if err == nil {
		return fd, nil
	}
	_ = unix.Close(fd)
	if errors.Is(err, unix.EADDRINUSE) {
		return -1, fmt.Errorf("%s: %w: %s bridges it; stop that one first", l.name, ErrTaken, holder(name))
	}
	return -1, fmt.Errorf("%s: lock: %w", l.name, err)
}

// holder names the process that listens on an abstract socket.
func holder(name *unix.SockaddrUnix) string {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "another process"
	}
	defer func() { _ = unix.Close(fd) }()
	if unix.Connect(fd, name) != nil {
		return "another process"
	}
	c, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return "another process"
	}
	return fmt.Sprintf("process %d", c.Pid)
}
