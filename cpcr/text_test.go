package cpcr

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr/canon"
)

var decoded = regexp.MustCompile("(?s)### (\\S+)\n.*?```text\n(.*?)```")

// The page of the vectors tells what each frame says; Text writes the same.
func TestTextOfTheVectors(t *testing.T) {
	page, err := os.ReadFile("../fixtures/vectors/cpcr/vectors.md")
	if err != nil {
		t.Fatal(err)
	}
	all := decoded.FindAllStringSubmatch(string(page), -1)
	if len(all) != 51 {
		t.Fatalf("%d texts, want 51", len(all))
	}
	for _, m := range all {
		name, want := m[1], m[2]
		t.Run(name, func(t *testing.T) {
			side := FromKKM
			if strings.Contains(name, "-resp-") {
				side = FromOFD
			}
			_, msg, err := Parse(vector(t, filepath.Join("../fixtures/vectors/cpcr", name+".hex")), side)
			if err != nil {
				t.Fatal(err)
			}
			if got := Text(msg); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestTextOfOddThings(t *testing.T) {
	tests := []struct {
		name string
		m    proto.Message
		want string
	}{
		{"an enumeration's number without a name", &canon.Request{Command: canon.CommandTypeEnum(55).Enum()}, "command: 55\n"},
		{"money with too many coins is not written as money", &canon.MoneyPlacementRequest{Sum: &canon.Money{Bills: proto.Uint64(1), Coins: proto.Uint32(100)}}, "sum { bills: 1 coins: 100 }\n"},
		{"money without coins", &canon.MoneyPlacementRequest{Sum: &canon.Money{Bills: proto.Uint64(1)}}, "sum { bills: 1 }\n"},
		{"a time without its second", &canon.MoneyPlacementRequest{DateTime: &canon.DateTime{
			Date: &canon.Date{Year: proto.Uint32(2026), Month: proto.Uint32(1), Day: proto.Uint32(2)},
			Time: &canon.Time{Hour: proto.Uint32(3), Minute: proto.Uint32(4)}}}, "date_time { date { year: 2026 month: 1 day: 2 } time { hour: 3 minute: 4 } }\n"},
		{"an empty message", &canon.Request{Service: &canon.ServiceRequest{}}, "service { }\n"},
		{"text that is not UTF-8", &canon.Result{ResultText: proto.String("a\xff\"\\\n")}, `result_text: "a\xff\"\\\n"` + "\n"},
		{"negative position", &canon.ServiceRequest_SecurityStats_GeoPosition{Latitude: proto.Int32(-5)}, "latitude: -5\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Text(tt.m); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
	m := new(canon.Result)
	// Field 9 as a number, 10 as text, 11 as fixed 32 bits.
	if err := proto.Unmarshal([]byte{0x48, 5, 0x52, 2, 'h', 'i', 0x5d, 1, 0, 0, 0}, m); err != nil {
		t.Fatal(err)
	}
	if got, want := Text(m), "9: varint 5\n10: bytes\"hi\"\n11: fixed32 1\n"; got != want {
		t.Errorf("unknown fields: got %q, want %q", got, want)
	}
}
