package ofd

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kkmtest/kkmtest/cpcr"
)

// The frames of 2.0.2, which were made from the tables by another encoder: each
// is read, written again to the same bytes, and the server gives the answers.
func TestVectorsOf202(t *testing.T) {
	files, err := filepath.Glob("testdata/vectors-202/*.hex")
	if err != nil || len(files) != 10 {
		t.Fatalf("%d vectors, %v", len(files), err)
	}
	w := newWorld(t, Options{Tokens: []uint32{3000000007, 4294967290, 42424242}, Signs: []string{"4000000001", "4000000002"}})
	for i := 0; i < len(files); i += 2 {
		var pair [2][]byte
		for k := range pair {
			raw, err := os.ReadFile(files[i+k])
			if err != nil {
				t.Fatal(err)
			}
			if pair[k], err = cpcr.ReadHex(raw); err != nil {
				t.Fatal(err)
			}
		}
		h, m, err := cpcr.DecodeRequest(pair[0])
		if err != nil || h.Version != cpcr.V202 || len(cpcr.Unknown(m)) > 0 {
			t.Errorf("%s: %v %v", files[i], err, cpcr.Unknown(m))
		}
		if again, err := cpcr.EncodeRequest(h, m); err != nil || !bytes.Equal(again, pair[0]) {
			t.Errorf("%s, written again: %v\n% x\nwant\n% x", files[i], err, again, pair[0])
		}
		ha, a, err := cpcr.DecodeResponse(pair[1])
		if err != nil {
			t.Fatalf("%s: %v", files[i+1], err)
		}
		if again, err := cpcr.EncodeResponse(ha, a); err != nil || !bytes.Equal(again, pair[1]) {
			t.Errorf("%s, written again: %v", files[i+1], err)
		}
		mark := w.mark()
		if got := w.raw(pair[0]).sent; !bytes.Equal(got, pair[1]) {
			_, g, _ := cpcr.DecodeResponse(got)
			t.Errorf("%s: answered\n%swant\n%s", files[i], cpcr.Text(g), cpcr.Text(a))
		}
		for _, o := range w.observed(mark) {
			t.Errorf("%s: noted %+v", files[i], o)
		}
	}
	in, _ := w.s.Info(kkm1)
	if in.Counters.Cash != 10000 || in.Tickets != 1 || !strings.HasPrefix(in.LastSign, "400000000") {
		t.Errorf("cash %s, %d tickets", in.Counters.Cash, in.Tickets)
	}
}
