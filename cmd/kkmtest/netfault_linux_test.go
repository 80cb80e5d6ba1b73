package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The bridge as a program: two interfaces of a namespace, a frame from one cable to the other one.
func TestNetfaultBridge(t *testing.T) {
	ns := fmt.Sprintf("kkmtest-cmd-%d", os.Getpid())
	why := ""
	if os.Geteuid() != 0 {
		why = "root is needed to make network namespaces"
	} else if out, err := exec.Command("ip", "netns", "add", ns).CombinedOutput(); err != nil {
		why = fmt.Sprintf("no network namespace: %v: %s", err, out)
	}
	switch {
	case why != "" && os.Getenv("CI") == "true":
		t.Fatalf("CI must run this test: %s", why)
	case why != "":
		t.Skip(why)
	}
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", ns).Run() })
	for _, args := range []string{
		"link add kkm0 type veth peer name dev0", "link add up0 type veth peer name ofd0",
		"link set kkm0 up", "link set dev0 up", "link set up0 up", "link set ofd0 up",
	} {
		if out, err := exec.Command("ip", append([]string{"-n", ns}, strings.Fields(args)...)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", args, err, out)
		}
	}
	inside := func() error {
		runtime.LockOSThread() // and never unlocked: the thread goes with its goroutine
		fd, err := unix.Open("/run/netns/"+ns, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		return unix.Setns(fd, unix.CLONE_NEWNET)
	}
	ready, stop := netfaultIn(t, inside, "--bridge", "kkm0,up0")
	if ready != "netfault ready bridge=kkm0,up0" {
		t.Errorf("ready line %q", ready)
	}
	frame := append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5}, "a frame of a protocol that nobody knows, long enough"...)
	got := make(chan error, 1)
	go func() {
		got <- func() error {
			if err := inside(); err != nil {
				return err
			}
			from, err := packetSocket("dev0")
			if err != nil {
				return err
			}
			to, err := packetSocket("ofd0")
			if err != nil {
				return err
			}
			if _, err := unix.Write(from, frame); err != nil {
				return err
			}
			buf := make([]byte, 2000)
			for {
				n, err := unix.Read(to, buf)
				if err != nil {
					return err
				}
				if bytes.Equal(buf[:n], frame) {
					return nil
				}
			}
		}()
	}()
	if err := <-got; err != nil {
		t.Errorf("the frame did not pass: %v", err)
	}
	if said, err := stop(); err != nil || said != "" {
		t.Errorf("stopped with %v, said %q", err, said)
	}
}

func packetSocket(name string) (int, error) {
	const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8 // network byte order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, all)
	if err != nil {
		return -1, err
	}
	req, err := unix.NewIfreq(name)
	if err != nil {
		return -1, err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, req); err != nil {
		return -1, err
	}
	tv := unix.NsecToTimeval(int64(5 * time.Second))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		return -1, err
	}
	return fd, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: int(req.Uint32())})
}
