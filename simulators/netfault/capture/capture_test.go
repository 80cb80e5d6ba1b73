package capture

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"slices"
	"testing"
	"time"
)

var at = time.Date(2026, 1, 5, 9, 0, 0, 123456789, time.UTC)

func written(t testing.TB) (raw []byte, want []Record) {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, "жүгіріс 1", []Interface{{"ethernet/kkm", "the register"}, {"ethernet/ofd", "the OFD"}})
	if err != nil {
		t.Fatal(err)
	}
	want = []Record{
		{N: 1, Interface: 0, Time: at, Data: make([]byte, 60)},
		{N: 2, Interface: 1, Time: at.Add(1), Inbound: true, Data: bytes.Repeat([]byte{7}, 61), Comments: []string{"fault cut: dropped; history 12"}},
		{N: 3, Interface: 0, Time: at.Add(time.Hour), Inbound: true, Data: make([]byte, 1514), Comments: []string{"екі", "түсініктеме"}},
	}
	for _, r := range want {
		if w.Next() != r.N {
			t.Errorf("next is %d, want %d", w.Next(), r.N)
		}
		if err := w.Write(r.Interface, r.Time, r.Inbound, r.Data, r.Comments...); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), want
}

func TestRoundTrip(t *testing.T) {
	raw, want := written(t)
	head, recs := Read(bytes.NewReader(raw))
	var got []Record
	for r, err := range recs {
		if err != nil {
			t.Fatal(err)
		}
		r.Data, r.Comments = bytes.Clone(r.Data), slices.Clone(r.Comments)
		got = append(got, r)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if head.Comment != "жүгіріс 1" || len(head.Interfaces) != 2 || head.Interfaces[1] != (Interface{"ethernet/ofd", "the OFD"}) {
		t.Errorf("head %+v", head)
	}
	again, _ := written(t)
	if !bytes.Equal(raw, again) {
		t.Error("two equal captures differ")
	}
}

// A capture that was cut short gives its whole records and then an error, unless it
// was cut between two.
func TestCutShort(t *testing.T) {
	raw, want := written(t)
	clean := 0
	for n := range raw {
		_, recs := Read(bytes.NewReader(raw[:n]))
		whole, broken := 0, false
		for _, err := range recs {
			if err != nil {
				broken = true
				break
			}
			whole++
		}
		if whole > len(want) {
			t.Fatalf("%d records in the first %d bytes", whole, n)
		}
		if !broken {
			clean++
		}
	}
	if clean > len(want)+1 {
		t.Errorf("%d of %d beginnings were taken for whole", clean, len(raw))
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestErrors(t *testing.T) {
	if _, err := NewWriter(nil, "", nil); err == nil {
		t.Error("a capture without an interface was begun")
	}
	w, err := NewWriter(broken{}, "", []Interface{{Name: "a"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(0, at, false, []byte{1}); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("Flush: %v", err)
	}
	if err := w.Write(1, at, false, []byte{1}); err == nil {
		t.Error("a packet of an interface that is not there was taken")
	}
	none, err := NewWriter(nil, "", []Interface{{Name: "a"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(none.Write(0, at, false, []byte{1}), none.Flush()); err != nil || none.Next() != 2 {
		t.Errorf("a capture that keeps nothing: %v, next %d", err, none.Next())
	}
}

func FuzzRead(f *testing.F) {
	raw, _ := written(f)
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, recs := Read(bytes.NewReader(raw))
		for _, err := range recs {
			if err != nil {
				break
			}
		}
	})
}
