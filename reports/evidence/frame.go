package evidence

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
)

// frame tells a CPCR message: its header in the line, its fields and its bytes
// in blocks. What cannot be read is said by its error class.
func frame(b history.Frame) (string, []Block) {
	var h cpcr.Header
	var m proto.Message
	var err error
	if b.Dir == history.FromDevice {
		var r *canon.Request
		if h, r, err = cpcr.DecodeRequest(b.Bytes); r != nil {
			m = r
		}
	} else {
		var r *canon.Response
		if h, r, err = cpcr.DecodeResponse(b.Bytes); r != nil {
			m = r
		}
	}
	s := fmt.Sprintf("%s, connection %d, %d bytes", b.Dir, b.Conn, len(b.Bytes))
	if len(b.Bytes) >= cpcr.HeaderSize {
		s += fmt.Sprintf(", version %s, device %d, token %d, request %d", h.Version, h.ID, h.Token, h.ReqNum)
	}
	if err != nil {
		s += ", " + err.Error()
	}
	if b.Error != "" {
		s += ", taken as " + b.Error
	}
	if b.Lost {
		s += ", the answer was lost on purpose"
	}
	var blocks []Block
	if m != nil {
		var t tree
		t.message(m.ProtoReflect(), "")
		blocks = append(blocks, Block{Message, t.String()})
	}
	return s, append(blocks, hexBlock(b.Bytes))
}

// tree writes a message as an indented list of its fields, in the order of
// their numbers. Amounts and times are written as people read them.
type tree struct {
	strings.Builder
	lines int
	cut   bool
}

func (t *tree) line(indent, s string) {
	switch t.lines++; {
	case t.lines <= maxLines:
		t.WriteString(indent + s + "\n")
	case !t.cut:
		t.cut = true
		t.WriteString("… cut here\n")
	}
}

func (t *tree) message(m protoreflect.Message, indent string) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if !m.Has(f) {
			continue
		}
		v := m.Get(f)
		if f.IsList() {
			for j := range v.List().Len() {
				t.value(f, fmt.Sprintf("%s[%d]", f.Name(), j), v.List().Get(j), indent)
			}
			continue
		}
		t.value(f, string(f.Name()), v, indent)
	}
	if n := len(m.GetUnknown()); n > 0 {
		t.line(indent, fmt.Sprintf("(unknown fields: % x)", []byte(m.GetUnknown())))
	}
}

func (t *tree) value(f protoreflect.FieldDescriptor, name string, v protoreflect.Value, indent string) {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		if s, ok := short(v.Message().Interface()); ok {
			t.line(indent, name+": "+s)
			return
		}
		t.line(indent, name+":")
		t.message(v.Message(), indent+"  ")
	case protoreflect.EnumKind:
		if e := f.Enum().Values().ByNumber(v.Enum()); e != nil {
			t.line(indent, fmt.Sprintf("%s: %s (%d)", name, e.Name(), v.Enum()))
			return
		}
		t.line(indent, fmt.Sprintf("%s: %d (not in the schema)", name, v.Enum()))
	case protoreflect.StringKind:
		t.line(indent, fmt.Sprintf("%s: %q", name, cut(v.String())))
	case protoreflect.BytesKind:
		t.line(indent, fmt.Sprintf("%s: % x", name, v.Bytes()))
	default:
		t.line(indent, fmt.Sprintf("%s: %v", name, v.Interface()))
	}
}

// short writes amounts and times; false when they are not whole.
func short(m proto.Message) (string, bool) {
	switch m := m.(type) {
	case *canon.Money:
		if m.Bills == nil || m.Coins == nil || len(m.ProtoReflect().GetUnknown()) > 0 {
			return "", false
		}
		s, err := cpcr.Tiyn(m)
		return s.String(), err == nil
	case *canon.DateTime:
		at, ok := cpcr.Time(m, time.UTC)
		return at.Format(time.DateTime), ok
	}
	return "", false
}
