package serialport

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Holder tells who holds the lock of a port, "" when nobody does. It asks the
// kernel's list of locks: taking the lock to see whether it is free could make a
// run fail that takes it at this moment. The port itself is not opened.
func Holder(path string) (string, error) {
	name := filepath.Join(lockDir, physical(path)+".lock")
	st, err := os.Stat(name)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	locks, err := os.ReadFile("/proc/locks")
	if err != nil || !ok || !flocked(string(locks), sys.Ino) {
		return "", err
	}
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	who, err := io.ReadAll(io.LimitReader(f, 200))
	return holder(who), err
}

// flocked looks for a file by its number in the kernel's list:
// "1: FLOCK  ADVISORY  WRITE 4711 08:01:123456 0 EOF".
func flocked(list string, inode uint64) bool {
	for l := range strings.SplitSeq(list, "\n") {
		f := strings.Fields(l)
		if len(f) >= 6 && f[1] == "FLOCK" && f[3] == "WRITE" && strings.HasSuffix(f[5], fmt.Sprintf(":%d", inode)) {
			return true
		}
	}
	return false
}
