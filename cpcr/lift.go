package cpcr

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// The union keeps every number of every version with its own meaning, so a
// payload can nearly always be read as it is. Where one number means two things
// (cpcr.md section 10), and where a message holds fields that its version does
// not have, it is carried over field by field.

// place is a field of a version's schema.
type place struct {
	version Version
	message string // without the package
	number  protoreflect.FieldNumber
}

// renumbered tells under which number the union has a field whose own number
// means something else there.
var renumbered = map[place]protoreflect.FieldNumber{
	// excise_stamp of a cancelled line: 8 in 1.2.4, 7 later, when 8 became auxiliary.
	{V124, "TicketRequest.Item.StornoCommodity", 8}: 7,
	// tenantId: 6 in 2.0.2, 7 later, when 6 became address_kz.
	{V202, "OrgRegInfo", 6}: 7,
}

// bare is the name of a message without its package.
func bare(d protoreflect.MessageDescriptor) string {
	return strings.TrimPrefix(string(d.FullName()), string(d.ParentFile().Package())+".")
}

// renumber finds the field of dst that a field of src belongs to, nil for none.
type renumber func(dst protoreflect.MessageDescriptor, f protoreflect.FieldDescriptor) protoreflect.FieldDescriptor

// up leads from the schema of v to the union.
func up(v Version) renumber {
	return func(dst protoreflect.MessageDescriptor, f protoreflect.FieldDescriptor) protoreflect.FieldDescriptor {
		n, ok := renumbered[place{v, bare(f.ContainingMessage()), f.Number()}]
		if !ok {
			n = f.Number()
		}
		return fitting(dst.Fields().ByNumber(n), f)
	}
}

// down leads from the union to the schema of v.
func down(v Version) renumber {
	return func(dst protoreflect.MessageDescriptor, f protoreflect.FieldDescriptor) protoreflect.FieldDescriptor {
		name := bare(dst)
		for p, n := range renumbered {
			if p.version == v && p.message == name && n == f.Number() {
				return fitting(dst.Fields().ByNumber(p.number), f)
			}
		}
		// Where the number has the other meaning, the kinds do not fit.
		return fitting(dst.Fields().ByNumber(f.Number()), f)
	}
}

// fitting returns to when it can hold what from holds.
func fitting(to, from protoreflect.FieldDescriptor) protoreflect.FieldDescriptor {
	if to == nil || to.IsList() != from.IsList() || family(to.Kind()) != family(from.Kind()) {
		return nil
	}
	return to
}

// family groups the kinds that are the same on the wire.
func family(k protoreflect.Kind) protoreflect.Kind {
	switch k {
	case protoreflect.EnumKind, protoreflect.Int32Kind, protoreflect.Uint32Kind, protoreflect.Uint64Kind, protoreflect.Int64Kind, protoreflect.BoolKind:
		return protoreflect.Uint64Kind
	case protoreflect.StringKind, protoreflect.BytesKind:
		return protoreflect.BytesKind
	}
	return k
}

// transfer copies what both sides know, and src's unknown fields as they are.
func transfer(dst, src protoreflect.Message, to renumber) {
	src.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		g := to(dst.Descriptor(), f)
		if g == nil {
			return true
		}
		switch {
		case f.IsList() && f.Message() != nil:
			out := dst.Mutable(g).List()
			for i := range v.List().Len() {
				transfer(out.AppendMutable().Message(), v.List().Get(i).Message(), to)
			}
		case f.IsList():
			out := dst.Mutable(g).List()
			for i := range v.List().Len() {
				out.Append(convert(g, f, v.List().Get(i)))
			}
		case f.Message() != nil:
			transfer(dst.Mutable(g).Message(), v.Message(), to)
		default:
			dst.Set(g, convert(g, f, v))
		}
		return true
	})
	if u := src.GetUnknown(); len(u) > 0 {
		dst.SetUnknown(append(protoreflect.RawFields(nil), u...))
	}
}

// convert writes a scalar in another kind of the same family, as the wire would.
func convert(to, from protoreflect.FieldDescriptor, v protoreflect.Value) protoreflect.Value {
	if to.Kind() == from.Kind() {
		return v
	}
	if family(to.Kind()) == protoreflect.BytesKind {
		if to.Kind() == protoreflect.StringKind {
			return protoreflect.ValueOfString(string(v.Bytes()))
		}
		return protoreflect.ValueOfBytes([]byte(v.String()))
	}
	var n uint64
	switch from.Kind() {
	case protoreflect.EnumKind:
		n = uint64(int64(v.Enum()))
	case protoreflect.Int32Kind, protoreflect.Int64Kind:
		n = uint64(v.Int())
	case protoreflect.BoolKind:
		if v.Bool() {
			n = 1
		}
	default:
		n = v.Uint()
	}
	switch to.Kind() {
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(int32(n)))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(n))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(int64(n))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(n))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(n != 0)
	}
	return protoreflect.ValueOfUint64(n)
}
