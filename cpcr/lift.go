package cpcr

import (
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/cpcr/schema/v124"
)

// lift brings a payload of version v into the union. The union keeps every
// number of every version with its own meaning, so the bytes can be read as
// they are, except where one number means two things (cpcr.md section 10):
// StornoCommodity 8 is a string in 1.2.4 and a KeyValuePair later.
func lift(v Version, payload []byte, parsed, into proto.Message) error {
	if v == V124 {
		if req, ok := parsed.(*v124.Request); ok && stornoStamps(req) {
			return liftStorno124(payload, req, into.(*canon.Request))
		}
	}
	return proto.UnmarshalOptions{AllowPartial: true}.Unmarshal(payload, into)
}

func stornoStamps(req *v124.Request) bool {
	for _, it := range req.GetTicket().GetItems() {
		if s := it.GetStornoCommodity(); s != nil && s.ExciseStamp != nil {
			return true
		}
	}
	return false
}

func liftStorno124(payload []byte, req *v124.Request, into *canon.Request) error {
	bare := proto.Clone(req).(*v124.Request)
	for _, it := range bare.GetTicket().GetItems() {
		if it.StornoCommodity != nil {
			it.StornoCommodity.ExciseStamp = nil
		}
	}
	b, err := proto.MarshalOptions{AllowPartial: true}.Marshal(bare)
	if err != nil {
		return fmt.Errorf("1.2.4 excise stamp: %w", err)
	}
	if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(b, into); err != nil {
		return err
	}
	for i, it := range req.GetTicket().GetItems() {
		if s := it.GetStornoCommodity(); s.GetExciseStamp() != "" {
			into.Ticket.Items[i].StornoCommodity.ExciseStamp = proto.String(s.GetExciseStamp())
		}
	}
	return nil
}

// lower writes a message of the union as a payload of version v.
func lower(v Version, m proto.Message) ([]byte, error) {
	if v == V124 {
		if req, ok := m.(*canon.Request); ok {
			return lower124(req)
		}
	}
	b, err := proto.MarshalOptions{AllowPartial: true, Deterministic: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return b, nil
}

func lower124(req *canon.Request) ([]byte, error) {
	bare := proto.Clone(req).(*canon.Request)
	for _, it := range bare.GetTicket().GetItems() {
		if it.StornoCommodity != nil {
			it.StornoCommodity.ExciseStamp = nil
		}
	}
	b, err := proto.MarshalOptions{AllowPartial: true}.Marshal(bare)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	out := new(v124.Request)
	if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(b, out); err != nil {
		return nil, errorf(ErrProtobuf, "%v", err)
	}
	for i, it := range req.GetTicket().GetItems() {
		if s := it.GetStornoCommodity(); s.GetExciseStamp() != "" {
			out.Ticket.Items[i].StornoCommodity.ExciseStamp = proto.String(s.GetExciseStamp())
		}
	}
	b, err = proto.MarshalOptions{AllowPartial: true, Deterministic: true}.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return b, nil
}

// inspect finds what protobuf lets through: text that is not UTF-8 and numbers
// outside the documented ranges (cpcr.md section 7).
func inspect(m protoreflect.Message, path string) error {
	var bad error
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		name := path + string(f.Name())
		if f.IsList() {
			for i := range v.List().Len() {
				if bad = inspectValue(f, v.List().Get(i), fmt.Sprintf("%s[%d]", name, i)); bad != nil {
					return false
				}
			}
			return true
		}
		bad = inspectValue(f, v, name)
		return bad == nil
	})
	return bad
}

func inspectValue(f protoreflect.FieldDescriptor, v protoreflect.Value, name string) error {
	switch f.Kind() {
	case protoreflect.MessageKind:
		return inspect(v.Message(), name+".")
	case protoreflect.StringKind:
		if !utf8.ValidString(v.String()) {
			return errorf(ErrUTF8, "%s: % x", name, v.String())
		}
	case protoreflect.Uint32Kind:
		if n := v.Uint(); n > 1<<31-1 {
			return errorf(ErrRange, "%s = %d, want at most 2147483647", name, n)
		}
	case protoreflect.Uint64Kind:
		if n := v.Uint(); n > 1<<63-1 {
			return errorf(ErrRange, "%s = %d, want at most 9223372036854775807", name, n)
		}
	}
	return nil
}
