//go:build unix

package store

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// takeLock makes sure that one process at a time has the directory; the lock
// goes with the process, however it ends.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: another process works with this directory: end it, or name another directory (%w)", path, err), f.Close())
	}
	return f, nil
}
