package store

import (
	"errors"
	"os"
	"syscall"
)

// fdatasync waits for the data and for what is needed to read them back.
func fdatasync(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
