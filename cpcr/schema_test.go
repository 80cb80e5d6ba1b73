package cpcr

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/cpcr/schema/v124"
	"github.com/kkmtest/kkmtest/cpcr/schema/v202"
	"github.com/kkmtest/kkmtest/cpcr/schema/v203"
	"github.com/kkmtest/kkmtest/cpcr/schema/v204"
)

// line is a row of the outside schema table.
type line struct {
	version, kind, message, number, name, label, typ string
}

func schemaLines(t *testing.T) []line {
	t.Helper()
	f, err := os.Open("../fixtures/vectors/cpcr/schema.tsv")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	var out []line
	s := bufio.NewScanner(f)
	for s.Scan() {
		c := strings.Split(s.Text(), "\t")
		if c[0] != "version" {
			out = append(out, line{c[0], c[1], c[2], c[3], c[4], c[5], c[6]})
		}
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	if len(out) < 1400 {
		t.Fatalf("%d rows, want the whole table", len(out))
	}
	return out
}

func files() map[string]protoreflect.FileDescriptor {
	return map[string]protoreflect.FileDescriptor{
		"2.0.4": new(v204.Request).ProtoReflect().Descriptor().ParentFile(),
		"2.0.3": new(v203.Request).ProtoReflect().Descriptor().ParentFile(),
		"2.0.2": new(v202.Request).ProtoReflect().Descriptor().ParentFile(),
		"1.2.4": new(v124.Request).ProtoReflect().Descriptor().ParentFile(),
	}
}

// everything lists fields, enumeration values and reserved numbers of a schema
// in the form of the table.
func everything(f protoreflect.FileDescriptor) map[line]bool {
	out := map[line]bool{}
	local := func(n protoreflect.FullName) string { return strings.TrimPrefix(string(n), string(f.Package())+".") }
	enums := func(es protoreflect.EnumDescriptors) {
		for i := range es.Len() {
			e := es.Get(i)
			for j := range e.Values().Len() {
				v := e.Values().Get(j)
				out[line{kind: "enum", message: local(e.FullName()), number: strconv.Itoa(int(v.Number())), name: string(v.Name())}] = true
			}
			for j := range e.ReservedRanges().Len() {
				out[line{kind: "enum-reserved", message: local(e.FullName()), number: strconv.Itoa(int(e.ReservedRanges().Get(j)[0]))}] = true
			}
		}
	}
	var messages func(ms protoreflect.MessageDescriptors)
	messages = func(ms protoreflect.MessageDescriptors) {
		for i := range ms.Len() {
			m := ms.Get(i)
			for j := range m.Fields().Len() {
				d := m.Fields().Get(j)
				typ := d.Kind().String()
				if d.Message() != nil {
					typ = local(d.Message().FullName())
				} else if d.Enum() != nil {
					typ = local(d.Enum().FullName())
				}
				out[line{kind: "field", message: local(m.FullName()), number: strconv.Itoa(int(d.Number())), name: string(d.Name()), label: d.Cardinality().String(), typ: typ}] = true
			}
			for j := range m.ReservedRanges().Len() {
				out[line{kind: "field-reserved", message: local(m.FullName()), number: strconv.Itoa(int(m.ReservedRanges().Get(j)[0]))}] = true
			}
			enums(m.Enums())
			messages(m.Messages())
		}
	}
	enums(f.Enums())
	messages(f.Messages())
	return out
}

// Every row of the table is in the schema of its version, and nothing else is.
func TestSchemasAreTheTable(t *testing.T) {
	have := map[string]map[line]bool{}
	for v, f := range files() {
		have[v] = everything(f)
	}
	seen := 0
	for _, l := range schemaLines(t) {
		version, want := l.version, l
		want.version = ""
		switch l.kind {
		case "enum":
			want.label, want.typ = "", ""
		case "enum-reserved", "field-reserved", "field-retired":
			want.kind = strings.Replace(l.kind, "retired", "reserved", 1)
			want.name, want.label, want.typ = "", "", ""
		}
		if !have[version][want] {
			t.Errorf("%s: the schema has no %+v", version, want)
		}
		delete(have[version], want)
		seen++
	}
	for v, rest := range have {
		for l := range rest {
			t.Errorf("%s: the schema has %+v, the table has not", v, l)
		}
	}
	if seen < 1400 {
		t.Fatalf("%d rows seen", seen)
	}
}

// The union has a place for every field of every version.
func TestUnionHoldsEveryVersion(t *testing.T) {
	union := new(canon.Request).ProtoReflect().Descriptor().ParentFile()
	byName := map[string]protoreflect.MessageDescriptor{}
	enums := map[string]protoreflect.EnumDescriptor{}
	var index func(ms protoreflect.MessageDescriptors)
	index = func(ms protoreflect.MessageDescriptors) {
		for i := range ms.Len() {
			byName[bare(ms.Get(i))] = ms.Get(i)
			for j := range ms.Get(i).Enums().Len() {
				e := ms.Get(i).Enums().Get(j)
				enums[strings.TrimPrefix(string(e.FullName()), string(union.Package())+".")] = e
			}
			index(ms.Get(i).Messages())
		}
	}
	index(union.Messages())
	for i := range union.Enums().Len() {
		enums[string(union.Enums().Get(i).Name())] = union.Enums().Get(i)
	}
	var check func(v Version, src, dst protoreflect.MessageDescriptor, done map[protoreflect.FullName]bool)
	check = func(v Version, src, dst protoreflect.MessageDescriptor, done map[protoreflect.FullName]bool) {
		if done[src.FullName()] {
			return
		}
		done[src.FullName()] = true
		for i := range src.Fields().Len() {
			f := src.Fields().Get(i)
			g := up(v)(dst, f)
			if g == nil {
				t.Errorf("%s: %s %d has no place in the union", v, f.FullName(), f.Number())
				continue
			}
			if back := down(v)(src, g); back != f {
				t.Errorf("%s: %s goes up to %s and comes down elsewhere", v, f.FullName(), g.FullName())
			}
			if f.Message() != nil {
				check(v, f.Message(), g.Message(), done)
			}
			if f.Enum() != nil && f.FullName() != "kkmtest.cpcr.v124.AuthResponse.result" { // 1.2.4 lends it the whole ResultTypeEnum
				for j := range f.Enum().Values().Len() {
					if n := f.Enum().Values().Get(j).Number(); g.Enum() == nil || g.Enum().Values().ByNumber(n) == nil {
						t.Errorf("%s: %s: the union has no value %d", v, f.FullName(), n)
					}
				}
			}
		}
	}
	for _, v := range Versions {
		done := map[protoreflect.FullName]bool{}
		check(v, schemaRequest(v).ProtoReflect().Descriptor(), byName["Request"], done)
		check(v, schemaResponse(v).ProtoReflect().Descriptor(), byName["Response"], done)
		if len(done) < 30 {
			t.Errorf("%s: only %d messages seen", v, len(done))
		}
	}
	// Tax types that older versions carry as plain numbers have their names in the union.
	if enums["TaxationTypeEnum"].Values().ByNumber(103) == nil {
		t.Error("TaxationTypeEnum: no name for 103, which was legal before 2.0.4")
	}
}
