package cpcr

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every vector is recognised as what its file name says, by its payload alone.
func TestDissectFindsTheSide(t *testing.T) {
	files, _ := filepath.Glob("../fixtures/vectors/cpcr/*.hex")
	var stream []byte
	var want []Side
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		b, err := ReadHex(raw)
		if err != nil {
			t.Fatal(err)
		}
		stream = append(stream, b...)
		side := FromKKM
		if strings.Contains(f, "-resp-") {
			side = FromOFD
		}
		want = append(want, side)
	}
	got := Dissect(stream, EitherSide)
	if len(got) != len(want) || len(got) != 51 {
		t.Fatalf("%d frames, want %d", len(got), len(want))
	}
	off := 0
	for i, d := range got {
		name := filepath.Base(files[i])
		if d.Side != want[i] || d.Err != nil || d.Offset != off {
			t.Errorf("%s: %s at %d, %v; want %s at %d", name, d.Side, d.Offset, d.Err, want[i], off)
		}
		off += len(d.Bytes)
		raw, err := json.Marshal(d)
		if err != nil || !json.Valid(raw) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDissectTellsWhatIsWrong(t *testing.T) {
	good := wrap(V204, 0x08, 0x00)
	needs := wrap(V204, 0x08, 0x08, 0x42, 0x03, 0x0a, 0x01, 'x')
	tests := []struct {
		name   string
		stream []byte
		want   []Class
	}{
		{"nothing", nil, nil},
		{"a header that is cut", good[:10], []Class{ErrHeaderShort}},
		{"a message that is cut, after a good one", append(append([]byte(nil), good...), good[:19]...), []Class{"", ErrTruncated}},
		{"a missing field, then a good message", append(append([]byte(nil), needs...), good...), []Class{ErrRequired, ""}},
		{"not CPCR", []byte("GET / HTTP/1.1\r\n\r\n"), []Class{ErrAppCode}},
		{"a version without a schema", wrap(205, 0x08, 0x00), []Class{ErrVersionUnsupported}},
		{"no protobuf", wrap(V204, 0xff), []Class{ErrProtobuf}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Dissect(tt.stream, FromKKM)
			if len(got) != len(tt.want) {
				t.Fatalf("%d entries, want %d: %v", len(got), len(tt.want), got)
			}
			for i, d := range got {
				if d.Class() != tt.want[i] {
					t.Errorf("entry %d: %v, want %s", i, d.Err, tt.want[i])
				}
				if d.Err != nil && !strings.Contains(d.Text(), string(d.Class())) {
					t.Errorf("entry %d: the text does not name the class: %s", i, d.Text())
				}
			}
		})
	}
}

func TestDissectTextAndJSON(t *testing.T) {
	d := Dissect(vector(t, "../fixtures/vectors/cpcr/37-resp-deregistered.hex"), EitherSide)[0]
	want := "offset 0: response, VERSION 204 (2.0.4), SIZE 38, ID 100500, TOKEN 4294967290 (0xFFFFFFFA), REQNUM 15\n" +
		"result 18 DEREGISTERED\ncommand: COMMAND_SYSTEM\nresult { result_code: 18 result_text: \"Deregistered\" }\n"
	if got := d.Text(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	const wantJSON = `{"offset":0,"side":"response","header":{"version":"2.0.4","size":38,"id":100500,"token":4294967290,"reqnum":15},` +
		`"result":{"code":18,"name":"DEREGISTERED"},"message":{"command":"COMMAND_SYSTEM","result":{"result_code":18,"result_text":"Deregistered"}},` +
		`"bytes":"a281cc002600000094880100faffffff0f000800121008`
	if !strings.HasPrefix(string(raw), wantJSON) {
		t.Errorf("got\n%s\nwant\n%s...", raw, wantJSON)
	}
}

func TestResultNames(t *testing.T) {
	for _, tt := range []struct {
		v    Version
		code uint32
		want string
	}{{V204, 0, "OK"}, {V204, 18, "DEREGISTERED"}, {V203, 18, "ELEMENT_NOT_FOUND_BY_BARCODE"}, {V204, 254, "SERVICE_TEMPORARILY_UNAVAILABLE"}, {V204, 200, "200"}, {V204, 1<<32 - 1, "4294967295"}} {
		if got := ResultName(tt.v, tt.code); got != tt.want {
			t.Errorf("%s code %d: %s, want %s", tt.v, tt.code, got, tt.want)
		}
	}
}

func TestReadHex(t *testing.T) {
	tests := []struct {
		text, want, err string
	}{
		{"a2 81\n7C00 # mark and version\n", "\xa2\x81\x7c\x00", ""},
		{"# only a comment", "", ""},
		{"a2 8", "", "line 1: an odd number"},
		{"a2\n81 zz", "", `line 2, column 4: 'z' is no hex digit`},
		{"0x12", "", `line 1, column 2: 'x' is no hex digit`},
		{"1@", "", "is no hex digit"},
		{"\x10\x11", "", "is no hex digit"}, // control codes are no digits though or-ing 0x20 makes them look so
	}
	for _, tt := range tests {
		got, err := ReadHex([]byte(tt.text))
		switch {
		case tt.err == "" && (err != nil || string(got) != tt.want):
			t.Errorf("%q: % x, %v", tt.text, got, err)
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%q: %v, want %s", tt.text, err, tt.err)
		}
	}
}
