package serialport

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/kkmtest/kkmtest/bench/clock"
)

// Who holds a port is told while it is held and not afterwards, and asking takes no lock.
func TestHolder(t *testing.T) {
	loop := clock.NewReal()
	defer loop.Close()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	if who, err := Holder(slave.Name()); who != "" || err != nil {
		t.Errorf("before: %q, %v", who, err)
	}
	p, err := OpenSerial(loop, slave.Name(), 9600)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if who, err := Holder(slave.Name()); !strings.Contains(who, fmt.Sprintf("process %d", os.Getpid())) || err != nil {
			t.Errorf("held: %q, %v", who, err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if who, err := Holder(slave.Name()); who != "" || err != nil {
		t.Errorf("after: %q, %v", who, err)
	}
}

func TestFlocked(t *testing.T) {
	const list = "1: POSIX  ADVISORY  WRITE 1 08:01:77 0 EOF\n2: FLOCK  ADVISORY  WRITE 4711 08:01:123456 0 EOF\n3: FLOCK  ADVISORY  READ 5 08:01:99 0 EOF\n"
	for inode, want := range map[uint64]bool{123456: true, 23456: false, 77: false, 99: false} {
		if flocked(list, inode) != want {
			t.Errorf("%d: want %v", inode, want)
		}
	}
}
