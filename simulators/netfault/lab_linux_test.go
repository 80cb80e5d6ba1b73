package netfault

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"golang.org/x/sys/unix"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
)

// lab is a laboratory of three network namespaces: the register's, the bench
// PC's with a card for each side, and the OFD's.
//
//	dev: dev0 ── kkm0 :mid: up0 ── ofd0 :ofd
//	10.9.0.1                      10.9.0.2
type lab struct {
	t             testing.TB
	dev, mid, ofd string // names of namespaces
}

var labs atomic.Int64

// privileged skips a test that needs root and iproute2, with the reason; where
// CI runs, both must be there.
func privileged(t testing.TB) {
	t.Helper()
	why := ""
	if os.Geteuid() != 0 {
		why = "root is needed to make network namespaces"
	} else if _, err := exec.LookPath("ip"); err != nil {
		why = "ip (iproute2) is not installed"
	} else if out, err := exec.Command("ip", "netns", "add", probeNS).CombinedOutput(); err != nil {
		why = fmt.Sprintf("no right to make network namespaces: %s", bytes.TrimSpace(out))
	} else {
		_ = exec.Command("ip", "netns", "del", probeNS).Run()
	}
	switch {
	case why == "":
	case os.Getenv("CI") == "true":
		t.Fatalf("CI must run this test: %s", why)
	default:
		t.Skip(why)
	}
}

var probeNS = fmt.Sprintf("kkmtest-probe-%d", os.Getpid())

func newLab(t testing.TB) *lab {
	t.Helper()
	privileged(t)
	tag := fmt.Sprintf("kkmtest-%d-%d-", os.Getpid(), labs.Add(1))
	l := &lab{t: t, dev: tag + "dev", mid: tag + "mid", ofd: tag + "ofd"}
	for _, ns := range []string{l.dev, l.mid, l.ofd} {
		l.ip("netns", "add", ns)
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", ns).Run() })
		// no address that nobody gave: a quiet cable
		l.in(ns, func() {
			for _, f := range []string{"all", "default"} {
				if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+f+"/accept_dad", []byte("0"), 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	l.ip("-n", l.dev, "link", "add", "dev0", "type", "veth", "peer", "name", "kkm0", "netns", l.mid)
	l.ip("-n", l.mid, "link", "add", "up0", "type", "veth", "peer", "name", "ofd0", "netns", l.ofd)
	for _, i := range [][2]string{{l.mid, "kkm0"}, {l.mid, "up0"}, {l.dev, "dev0"}, {l.ofd, "ofd0"}} {
		l.ip("-n", i[0], "link", "set", i[1], "up")
	}
	l.ip("-n", l.dev, "address", "add", "10.9.0.1/24", "dev", "dev0")
	l.ip("-n", l.ofd, "address", "add", "10.9.0.2/24", "dev", "ofd0")
	l.ip("-n", l.dev, "address", "add", "fd09::1/64", "dev", "dev0", "nodad")
	l.ip("-n", l.ofd, "address", "add", "fd09::2/64", "dev", "ofd0", "nodad")
	return l
}

func (l *lab) ip(args ...string) string {
	l.t.Helper()
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		l.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// in runs f on a thread in a namespace. Sockets stay where they were made.
func (l *lab) in(ns string, f func()) {
	l.t.Helper()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread goes with the goroutine
		fd, err := unix.Open(filepath.Join("/run/netns", ns), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			err = unix.Setns(fd, unix.CLONE_NEWNET)
			_ = unix.Close(fd)
		}
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		l.t.Fatalf("namespace %s: %v", ns, err)
	}
}

// listen takes connections in the OFD's namespace.
func (l *lab) listen(network, addr string, serve func(net.Conn)) {
	l.t.Helper()
	var ln net.Listener
	var err error
	l.in(l.ofd, func() { ln, err = net.Listen(network, addr) })
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				serve(c)
			}()
		}
	}()
}

// dial connects from the register's namespace.
func (l *lab) dial(addr string, patience time.Duration) (c *net.TCPConn, err error) {
	l.in(l.dev, func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		var n net.Conn
		if n, err = new(net.Dialer).DialContext(ctx, "tcp", addr); err == nil {
			c = n.(*net.TCPConn)
		}
	})
	if c != nil {
		l.t.Cleanup(func() { _ = c.Close() })
		_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	}
	return c, err
}

func (l *lab) mustDial(addr string) *net.TCPConn {
	l.t.Helper()
	c, err := l.dial(addr, 10*time.Second)
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

// bridge is a network of one link over the bench PC's two cards.
func (l *lab) bridge() *outside {
	l.t.Helper()
	o := &outside{t: l.t, clk: clock.NewReal()}
	o.log = history.NewMemory(o.clk)
	var n *Network
	var err error
	l.in(l.mid, func() {
		n, err = New(o.clk, Options{Seed: 1, Journal: o.log, Capture: &o.pcap, Comment: "lab", Links: []LinkOptions{{Name: "cable", Bridge: [2]string{"kkm0", "up0"}}}})
	})
	if err != nil {
		l.t.Fatal(err)
	}
	o.net, o.link = n, n.links[0]
	l.t.Cleanup(func() {
		if err := n.Close(); err != nil {
			l.t.Errorf("the bench failed: %v", err)
		}
		o.clk.Close()
	})
	return o
}

// tap sends and takes raw frames on an interface of a namespace.
type tap struct {
	t  testing.TB
	fd int
}

func (l *lab) tap(ns, name string) *tap {
	l.t.Helper()
	k := &tap{t: l.t}
	var err error
	l.in(ns, func() {
		var i *net.Interface
		if i, err = net.InterfaceByName(name); err != nil {
			return
		}
		all := uint16(unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8)
		if k.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(all)); err != nil {
			return
		}
		_ = unix.SetsockoptInt(k.fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
		if err = unix.SetsockoptInt(k.fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1); err != nil {
			return
		}
		err = unix.Bind(k.fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: i.Index})
	})
	if err != nil {
		l.t.Fatal(err)
	}
	tv := unix.NsecToTimeval(int64(5 * time.Second))
	if err := unix.SetsockoptTimeval(k.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = unix.Close(k.fd) })
	return k
}

func (k *tap) send(frame []byte) {
	k.t.Helper()
	if _, err := unix.Write(k.fd, frame); err != nil {
		k.t.Fatal(err)
	}
}

// want waits for a frame that is equal to this one.
func (k *tap) want(frame []byte) bool {
	buf, oob := make([]byte, 1<<16), make([]byte, 256)
	for {
		n, on, _, _, err := unix.Recvmsg(k.fd, buf, oob, 0)
		if err != nil {
			return false
		}
		got := bytes.Clone(buf[:n])
		msgs, err := unix.ParseSocketControlMessage(oob[:on])
		if err != nil {
			k.t.Fatal(err)
		}
		for _, m := range msgs {
			// struct tpacket_auxdata: the tag that the kernel took out
			if m.Header.Type == unix.PACKET_AUXDATA && binary.NativeEndian.Uint32(m.Data)&unix.TP_STATUS_VLAN_VALID != 0 {
				tag := binary.BigEndian.AppendUint16(nil, binary.NativeEndian.Uint16(m.Data[18:]))
				tag = binary.BigEndian.AppendUint16(tag, binary.NativeEndian.Uint16(m.Data[16:]))
				got = slices.Insert(got, 12, tag...)
			}
		}
		if bytes.Equal(got, frame) {
			return true
		}
	}
}

// ipOf is a UDP packet as layers, for frames that are made by hand.
func ipOf(t testing.TB, from, to string) []gopacket.SerializableLayer {
	t.Helper()
	udp := &layers.UDP{SrcPort: 4000, DstPort: 4001}
	ip, err := ipLayer(netip.MustParseAddr(from), netip.MustParseAddr(to), layers.IPProtocolUDP, udp.SetNetworkLayerForChecksum)
	if err != nil {
		t.Fatal(err)
	}
	return []gopacket.SerializableLayer{ip, udp, gopacket.Payload("inside")}
}
