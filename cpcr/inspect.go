package cpcr

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// walk is what protobuf lets through and a reader has to know: text that is not
// UTF-8, numbers outside the documented ranges and enumerations (cpcr.md section
// 7), fields that the schema does not have.
type walk struct {
	version  Version
	breaches []Breach
	dirty    bool // not the same in the union: unknown or renumbered fields
	deep     bool // unknown groups beyond the limit of nesting
}

func inspect(v Version, m protoreflect.Message) *walk {
	w := &walk{version: v}
	w.message(m, nil)
	return w
}

// err is nil, or the worst class with all breaches.
func (w *walk) err() error {
	if len(w.breaches) == 0 {
		return nil
	}
	first := w.breaches[0]
	for _, b := range w.breaches {
		if b.Class == ErrUTF8 {
			first = b
			break
		}
	}
	return &Error{Class: first.Class, Detail: fmt.Sprintf("%s = %s, want %s", first.Field, first.Value, first.Rule), Breaches: w.breaches}
}

// trail is the path to a message, written only when it is needed.
type trail struct {
	up    *trail
	field protoreflect.FieldDescriptor
	index int // -1: not in a list
}

func (t *trail) String() string {
	if t == nil {
		return ""
	}
	s := string(t.field.Name())
	if t.up != nil {
		s = t.up.String() + "." + s
	}
	if t.index >= 0 {
		s += "[" + strconv.Itoa(t.index) + "]"
	}
	return s
}

func (w *walk) message(m protoreflect.Message, at *trail) {
	if u := m.GetUnknown(); len(u) > 0 {
		w.dirty = true
		w.deep = w.deep || tooDeep(u, nesting)
	}
	if w.version < V203 && !w.dirty {
		name := bare(m.Descriptor())
		for p := range renumbered {
			if p.version == w.version && p.message == name && m.Has(m.Descriptor().Fields().ByNumber(p.number)) {
				w.dirty = true
			}
		}
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if !f.IsList() {
			w.value(f, v, trail{at, f, -1})
			return true
		}
		for i := range v.List().Len() {
			w.value(f, v.List().Get(i), trail{at, f, i})
		}
		return true
	})
}

func (w *walk) value(f protoreflect.FieldDescriptor, v protoreflect.Value, at trail) {
	breach := func(c Class, value, rule string) {
		w.breaches = append(w.breaches, Breach{c, at.String(), value, rule})
	}
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		w.message(v.Message(), &at)
	case protoreflect.StringKind:
		if s := v.String(); !utf8.ValidString(s) {
			breach(ErrUTF8, fmt.Sprintf("% x", s), "UTF-8")
		}
	case protoreflect.Uint32Kind:
		// A position is signed in some schemas and not in others, and means the low
		// 32 bits in all of them (cpcr.md 16.26).
		if n := v.Uint(); n > 1<<31-1 && !position(f) {
			breach(ErrRange, strconv.FormatUint(n, 10), "at most 2147483647")
		}
	case protoreflect.Uint64Kind:
		if n := v.Uint(); n > 1<<63-1 {
			breach(ErrRange, strconv.FormatUint(n, 10), "at most 9223372036854775807")
		}
	case protoreflect.EnumKind:
		// The command is judged by whoever serves it: result 4 or 5, not 13.
		if n := v.Enum(); f.Enum().Values().ByNumber(n) == nil && f.Name() != "command" {
			breach(ErrRange, strconv.Itoa(int(n)), "a value of "+string(f.Enum().Name()))
		}
	}
	if f.Name() == "coins" && f.ContainingMessage().Name() == "Money" && v.Uint() > 99 {
		breach(ErrRange, strconv.FormatUint(v.Uint(), 10), "at most 99")
	}
}

func position(f protoreflect.FieldDescriptor) bool {
	return (f.Name() == "latitude" || f.Name() == "longitude") && f.ContainingMessage().Name() == "GeoPosition"
}

// tooDeep says whether unknown fields hold groups more than limit deep.
func tooDeep(b []byte, limit int) bool {
	depth := 0
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return false // the parser has read it, so this does not happen
		}
		b = b[n:]
		switch typ {
		case protowire.StartGroupType:
			if depth++; depth > limit {
				return true
			}
		case protowire.EndGroupType:
			depth--
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
			if n < 0 {
				return false
			}
			b = b[n:]
		}
	}
	return false
}

// Unknown lists the fields of a message that its version does not have, at
// whatever depth: the path ends with the number, the value is told as in [Text].
// Give it what [DecodeRequest] or [DecodeResponse] returned.
func Unknown(m proto.Message) []Breach {
	var out []Breach
	collect(m.ProtoReflect(), nil, &out)
	return out
}

func collect(m protoreflect.Message, at *trail, out *[]Breach) {
	if u := m.GetUnknown(); len(u) > 0 {
		path := at.String()
		if path != "" {
			path += "."
		}
		for _, f := range unknownFields(u) {
			*out = append(*out, Breach{Field: path + f.name, Value: f.value, Rule: "a field of the version"})
		}
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f.Message() == nil {
			return true
		}
		if !f.IsList() {
			collect(v.Message(), &trail{at, f, -1}, out)
			return true
		}
		for i := range v.List().Len() {
			collect(v.List().Get(i).Message(), &trail{at, f, i}, out)
		}
		return true
	})
}
