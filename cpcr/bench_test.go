package cpcr

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/kkmtest/kkmtest/cpcr/schema/v204"
)

// The frame of a sale of two things, once by this package (held to the version's
// schema, ranges and text, brought into the union), once by the generated code
// alone, once by protobuf's dynamic messages. All in one run, so that the
// machine's mood strikes all alike.
const ticketVector = "../fixtures/vectors/cpcr/07-req-sale-cash.hex"

func BenchmarkDecodeTicket(b *testing.B) {
	frame := vector(b, ticketVector)
	b.Run("kkmtest", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := DecodeRequest(frame); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("generated", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := proto.Unmarshal(frame[HeaderSize:], new(v204.Request)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("dynamicpb", func(b *testing.B) {
		b.ReportAllocs()
		d := new(v204.Request).ProtoReflect().Descriptor()
		for b.Loop() {
			if err := proto.Unmarshal(frame[HeaderSize:], dynamicpb.NewMessage(d)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkEncodeTicket(b *testing.B) {
	frame := vector(b, ticketVector)
	h, m, err := DecodeRequest(frame)
	if err != nil {
		b.Fatal(err)
	}
	plain, dyn := new(v204.Request), dynamicpb.NewMessage(new(v204.Request).ProtoReflect().Descriptor())
	for _, x := range []proto.Message{plain, dyn} {
		if err := proto.Unmarshal(frame[HeaderSize:], x); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("kkmtest", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := EncodeRequest(h, m); err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, x := range map[string]proto.Message{"generated": plain, "dynamicpb": dyn} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := proto.Marshal(x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
