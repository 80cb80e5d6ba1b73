package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/kkmtest/kkmtest/simulators/ofd"
)

// migrate brings a directory of an older format to the present one. The old
// file stays beside it as events.vN.jsonl.
//
// Format 1 had the same events, one a line, without numbers and without chain.
func migrate(dir string, from int) error {
	path := filepath.Join(dir, eventsFile)
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	old := filepath.Join(dir, fmt.Sprintf("events.v%d.jsonl", from))
	if err := os.Link(path, old); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("keep the old file: %w", err)
	}
	return replace(dir, func(w io.Writer) error {
		r := bufio.NewReaderSize(f, 1<<16)
		if _, err := r.ReadBytes('\n'); err != nil {
			return err
		}
		first := append(headLine(Format), '\n')
		if _, err := w.Write(first); err != nil {
			return err
		}
		prev := sha256.Sum256(first)
		var out bytes.Buffer
		for n := uint64(1); ; n++ {
			raw, err := r.ReadBytes('\n')
			if errors.Is(err, io.EOF) {
				return nil // without its end the last line was never acknowledged
			}
			if err != nil {
				return err
			}
			var e ofd.Event
			if err := strict(raw, &e); err != nil {
				return fmt.Errorf("%s:%d: no event of format %d: %w", path, n+1, from, err)
			}
			out.Reset()
			if prev, err = appendLine(&out, n, &e, prev); err != nil {
				return err
			}
			if _, err := w.Write(out.Bytes()); err != nil {
				return err
			}
		}
	})
}
