package cpcr

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"
)

func corpus(f *testing.F) (all [][]byte) {
	files, _ := filepath.Glob("../fixtures/vectors/cpcr/*.hex")
	for _, p := range files {
		raw, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		b, err := ReadHex(raw)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, b)
	}
	if len(all) != 51 {
		f.Fatalf("%d vectors", len(all))
	}
	return all
}

// FuzzSplitter: however a stream is cut, the same frames come out, in memory
// that the bytes themselves bound; and End agrees with what is left.
func FuzzSplitter(f *testing.F) {
	all := corpus(f)
	for i := range all {
		f.Add(append(append([]byte(nil), all[i]...), all[(i+1)%len(all)]...), uint8(i))
	}
	f.Fuzz(func(t *testing.T, data []byte, cut uint8) {
		one := Splitter{Limit: MaxRequest}
		whole, errWhole := one.Push(data)
		many := Splitter{Limit: MaxRequest}
		var parts [][]byte
		var errParts error
		for rest := data; len(rest) > 0; {
			n := min(int(cut)+1, len(rest))
			fs, err := many.Push(rest[:n])
			parts = append(parts, fs...)
			if err != nil {
				errParts = err
				break
			}
			rest = rest[n:]
		}
		if len(whole) != len(parts) || (errWhole == nil) != (errParts == nil) {
			t.Fatalf("%d frames, %v; in pieces %d, %v", len(whole), errWhole, len(parts), errParts)
		}
		total := 0
		for i := range whole {
			if !bytes.Equal(whole[i], parts[i]) {
				t.Fatalf("frame %d differs", i)
			}
			total += len(whole[i])
		}
		if errWhole == nil && total+len(one.Pending()) != len(data) {
			t.Fatalf("%d of %d bytes in frames, %d pending", total, len(data), len(one.Pending()))
		}
		if (one.End() == nil) != (errWhole == nil && len(one.Pending()) == 0) {
			t.Fatalf("end %v with %d bytes pending, %v before", one.End(), len(one.Pending()), errWhole)
		}
	})
}

// FuzzDecode: no frame makes a reader fail, and what was read whole is written
// and read again the same.
func FuzzDecode(f *testing.F) {
	for _, b := range corpus(f) {
		f.Add(b)
		for _, v := range Versions {
			f.Add(append(Header{Version: v, Size: uint32(len(b))}.Append(nil), b[HeaderSize:]...))
		}
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		if h, m, err := DecodeRequest(frame); err == nil {
			again, err := EncodeRequest(h, m)
			if err != nil {
				t.Fatalf("read but not writable: %v", err)
			}
			_, back, err := DecodeRequest(again)
			if err != nil || !proto.Equal(back, m) {
				t.Fatalf("%v\n%s\n%s", err, Text(m), Text(back))
			}
		} else if Class("") == classOf(err) {
			t.Fatalf("error without a class: %v", err)
		}
		if h, m, err := DecodeResponse(frame); err == nil {
			again, err := EncodeResponse(h, m)
			if err != nil {
				t.Fatalf("read but not writable: %v", err)
			}
			_, back, err := DecodeResponse(again)
			if err != nil || !proto.Equal(back, m) {
				t.Fatalf("%v\n%s\n%s", err, Text(m), Text(back))
			}
		} else if Class("") == classOf(err) {
			t.Fatalf("error without a class: %v", err)
		}
		Command(frame)
		for _, d := range Dissect(frame, EitherSide) {
			if _, err := d.MarshalJSON(); err != nil {
				t.Fatal(err)
			}
			_ = d.Text()
		}
	})
}

func classOf(err error) Class {
	e, ok := err.(*Error)
	if !ok {
		return ""
	}
	return e.Class
}
