package cpcr

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// textWidth is how long a line of Text may become before a message is written
// over several lines. It is the width of the outside vectors' texts.
const textWidth = 155

// Text writes a message for a person, in the notation of the vectors: one field
// a line in the order of the numbers, absent fields left out, Money as bills.coins,
// DateTime as 2026-01-05T09:00:00, enumerations by name, nested messages in
// braces. A number that is no value of its enumeration is written as a number, a
// field that the schema does not have as "number: value" with its wire type.
//
// Give it a message of the union, or of a version's own schema ([Parse]) for
// the names of that version.
func Text(m proto.Message) string {
	var b strings.Builder
	for _, f := range textFields(m.ProtoReflect()) {
		f.write(&b, "")
	}
	return b.String()
}

// textField is one field: a value, or the fields of a message.
type textField struct {
	name  string
	value string      // "" for a message
	sub   []textField // of a message
}

func (f textField) write(b *strings.Builder, indent string) {
	one := f.line()
	if f.sub == nil || len(indent)+utf8.RuneCountInString(one) <= textWidth {
		b.WriteString(indent + one + "\n")
		return
	}
	b.WriteString(indent + f.name + " {\n")
	for _, s := range f.sub {
		s.write(b, indent+"  ")
	}
	b.WriteString(indent + "}\n")
}

func (f textField) line() string {
	if f.value != "" {
		return f.name + ": " + f.value
	}
	parts := make([]string, len(f.sub))
	for i, s := range f.sub {
		parts[i] = s.line()
	}
	if len(parts) == 0 {
		return f.name + " { }"
	}
	return f.name + " { " + strings.Join(parts, " ") + " }"
}

func textFields(m protoreflect.Message) []textField {
	out := []textField{}
	fields := byNumber(m.Descriptor())
	for _, f := range fields {
		if !m.Has(f) {
			continue
		}
		if !f.IsList() {
			out = append(out, textValue(f, m.Get(f)))
			continue
		}
		for i := range m.Get(f).List().Len() {
			out = append(out, textValue(f, m.Get(f).List().Get(i)))
		}
	}
	return append(out, unknownFields(m.GetUnknown())...)
}

// byNumber lists the fields of a message in the order of their numbers.
func byNumber(d protoreflect.MessageDescriptor) []protoreflect.FieldDescriptor {
	out := make([]protoreflect.FieldDescriptor, 0, d.Fields().Len())
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		at := len(out)
		for at > 0 && out[at-1].Number() > f.Number() {
			at--
		}
		out = append(out[:at], append([]protoreflect.FieldDescriptor{f}, out[at:]...)...)
	}
	return out
}

func textValue(f protoreflect.FieldDescriptor, v protoreflect.Value) textField {
	name := string(f.Name())
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		if s, ok := short(v.Message()); ok {
			return textField{name: name, value: s}
		}
		return textField{name: name, sub: textFields(v.Message())}
	case protoreflect.EnumKind:
		if e := f.Enum().Values().ByNumber(v.Enum()); e != nil {
			return textField{name: name, value: string(e.Name())}
		}
		return textField{name: name, value: strconv.Itoa(int(v.Enum()))}
	case protoreflect.StringKind:
		return textField{name: name, value: quote(v.String())}
	case protoreflect.BytesKind:
		return textField{name: name, value: "bytes" + quote(string(v.Bytes()))}
	}
	return textField{name: name, value: fmt.Sprint(v.Interface())}
}

// quote writes a string as the vectors do; bytes that are not UTF-8 as \xNN.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n <= 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case r == '"':
			b.WriteString(`\"`)
		case r == '\\':
			b.WriteString(`\\`)
		case r == '\n':
			b.WriteString(`\n`)
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	b.WriteByte('"')
	return b.String()
}

// short writes the messages that have a form of their own: Money and DateTime,
// when they are whole and hold nothing else.
func short(m protoreflect.Message) (string, bool) {
	if len(m.GetUnknown()) > 0 {
		return "", false
	}
	get := func(m protoreflect.Message, n protoreflect.FieldNumber) (uint64, bool) {
		f := m.Descriptor().Fields().ByNumber(n)
		return m.Get(f).Uint(), m.Has(f)
	}
	switch m.Descriptor().Name() {
	case "Money":
		b, ok1 := get(m, 1)
		c, ok2 := get(m, 2)
		return fmt.Sprintf("%d.%02d", b, c), ok1 && ok2 && c <= 99
	case "DateTime":
		df, tf := m.Descriptor().Fields().ByNumber(1), m.Descriptor().Fields().ByNumber(2)
		if !m.Has(df) || !m.Has(tf) {
			return "", false
		}
		d, t := m.Get(df).Message(), m.Get(tf).Message()
		y, ok1 := get(d, 1)
		mo, ok2 := get(d, 2)
		day, ok3 := get(d, 3)
		h, ok4 := get(t, 1)
		mi, ok5 := get(t, 2)
		s, ok6 := get(t, 3)
		whole := ok1 && ok2 && ok3 && ok4 && ok5 && ok6 && len(d.GetUnknown()) == 0 && len(t.GetUnknown()) == 0
		return fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02d", y, mo, day, h, mi, s), whole
	}
	return "", false
}

// unknownFields tells what the schema does not have, as far as it can be read.
func unknownFields(b protoreflect.RawFields) (out []textField) {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return append(out, textField{name: "?", value: fmt.Sprintf("% x", []byte(b))})
		}
		m := protowire.ConsumeFieldValue(num, typ, b[n:])
		if m < 0 {
			return append(out, textField{name: "?", value: fmt.Sprintf("% x", []byte(b))})
		}
		out = append(out, textField{name: strconv.Itoa(int(num)), value: rawValue(typ, b[n:n+m])})
		b = b[n+m:]
	}
	return out
}

func rawValue(typ protowire.Type, b []byte) string {
	switch typ {
	case protowire.VarintType:
		v, _ := protowire.ConsumeVarint(b)
		return fmt.Sprintf("varint %d", v)
	case protowire.BytesType:
		v, _ := protowire.ConsumeBytes(b)
		if utf8.Valid(v) {
			return "bytes" + quote(string(v))
		}
		return fmt.Sprintf("bytes % x", v)
	case protowire.Fixed32Type:
		v, _ := protowire.ConsumeFixed32(b)
		return fmt.Sprintf("fixed32 %d", v)
	case protowire.Fixed64Type:
		v, _ := protowire.ConsumeFixed64(b)
		return fmt.Sprintf("fixed64 %d", v)
	}
	return fmt.Sprintf("group % x", b)
}
