package cpcr

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// vector reads a frame of the outside vectors.
func vector(t testing.TB, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(string(raw)), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVectorsDecodeAndEncodeToTheSameBytes(t *testing.T) {
	files, _ := filepath.Glob("../fixtures/vectors/cpcr/*.hex")
	if len(files) != 51 {
		t.Fatalf("%d vectors, want 51", len(files))
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			want := vector(t, path)
			var got []byte
			var err error
			if strings.Contains(path, "-req-") {
				h, m, e := DecodeRequest(want)
				if e != nil {
					t.Fatal(e)
				}
				got, err = EncodeRequest(h, m)
			} else {
				h, m, e := DecodeResponse(want)
				if e != nil {
					t.Fatal(e)
				}
				got, err = EncodeResponse(h, m)
			}
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("encoded again:\n% x\nwant\n% x", got, want)
			}
		})
	}
}
