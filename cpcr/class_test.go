package cpcr

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr/canon"
)

// sys is the smallest good request of 1.2.4: command 0.
func sys(change func(b []byte) []byte) []byte {
	return change(Header{Version: V124, Size: 20, ID: 100500, Token: 7, ReqNum: 5}.Append(nil))
}

// wrap puts a payload behind a header of a version.
func wrap(v Version, payload ...byte) []byte {
	return append(Header{Version: v, Size: uint32(HeaderSize + len(payload)), ID: 1, Token: 2, ReqNum: 3}.Append(nil), payload...)
}

func put16(b []byte, at int, v uint16) []byte { binary.LittleEndian.PutUint16(b[at:], v); return b }
func put32(b []byte, at int, v uint32) []byte { binary.LittleEndian.PutUint32(b[at:], v); return b }

// Every error class of cpcr.md 3.5, from both sides of its edge.
func TestErrorClasses(t *testing.T) {
	good := []byte{0x08, 0x00}
	groups := func(n int) []byte { // field 90, n groups in each other
		var b []byte
		for range n {
			b = protowire.AppendTag(b, 90, protowire.StartGroupType)
		}
		for range n {
			b = protowire.AppendTag(b, 90, protowire.EndGroupType)
		}
		return append(append([]byte(nil), good...), b...)
	}
	auth := func(login string) []byte { // AuthRequest {login, password}
		in := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), login)
		in = protowire.AppendString(protowire.AppendTag(in, 2, protowire.BytesType), "p")
		return protowire.AppendBytes(protowire.AppendTag([]byte{0x08, 0x08}, 8, protowire.BytesType), in)
	}
	nomenclature := func(version uint64) []byte { // NomenclatureRequest {current_version}
		in := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), version)
		return protowire.AppendBytes(protowire.AppendTag([]byte{0x08, 0x04}, 5, protowire.BytesType), in)
	}
	tests := []struct {
		name  string
		frame []byte
		want  Class
	}{
		{"nothing", nil, ErrHeaderShort},
		{"17 bytes", sys(func(b []byte) []byte { return b[:17] }), ErrHeaderShort},
		{"the whole header of an empty message", sys(func(b []byte) []byte { return put32(b, 4, 18) }), ErrRequired},
		{"wrong mark", sys(func(b []byte) []byte { return append(put16(b, 0, 0x81A3), good...) }), ErrAppCode},
		{"mark with its bytes swapped", sys(func(b []byte) []byte { return append(put16(b, 0, 0xA281), good...) }), ErrAppCode},
		{"version 0", sys(func(b []byte) []byte { return append(put16(b, 2, 0), good...) }), ErrVersion},
		{"version 1", sys(func(b []byte) []byte { return append(put16(b, 2, 1), good...) }), ErrVersionUnsupported},
		{"version 2.0.1, which has no schema", wrap(201, good...), ErrVersionUnsupported},
		{"version 2.0.5", wrap(205, good...), ErrVersionUnsupported},
		{"SIZE 0", sys(func(b []byte) []byte { return put32(b, 4, 0) }), ErrSizeMin},
		{"SIZE 17", sys(func(b []byte) []byte { return put32(b, 4, 17) }), ErrSizeMin},
		{"SIZE at the limit, bytes missing", sys(func(b []byte) []byte { return put32(b, 4, MaxRequest) }), ErrTruncated},
		{"SIZE above the limit", sys(func(b []byte) []byte { return put32(b, 4, MaxRequest+1) }), ErrSizeLimit},
		{"SIZE 2^32-1", sys(func(b []byte) []byte { return put32(b, 4, 1<<32-1) }), ErrSizeLimit},
		{"a byte is missing", sys(func(b []byte) []byte { return append(b, good[:1]...) }), ErrTruncated},
		{"a byte too many", sys(func(b []byte) []byte { return append(append(b, good...), 0) }), ErrTruncated},
		{"whole", sys(func(b []byte) []byte { return append(b, good...) }), ""},
		{"a tag without a value", wrap(V204, 0x08), ErrProtobuf},
		{"a length beyond the end", wrap(V204, 0x08, 0x00, 0x12, 0x7f, 0x00), ErrProtobuf},
		{"field number 0", wrap(V204, 0x08, 0x00, 0x00, 0x00), ErrProtobuf},
		{"no command", wrap(V204, protowire.AppendTag(nil, 6, protowire.BytesType)[0], 0x00), ErrRequired},
		{"a field of the body is missing", wrap(V204, append([]byte{0x08, 0x08}, 0x42, 0x03, 0x0a, 0x01, 'x')...), ErrRequired},
		{"32 groups in each other", wrap(V204, groups(32)...), ""},
		{"33 groups in each other", wrap(V204, groups(33)...), ErrProtobuf},
		{"good text", wrap(V204, auth("Ә")...), ""},
		{"text cut inside a letter", wrap(V204, auth("Ә"[:1])...), ErrUTF8},
		{"largest uint32", wrap(V204, nomenclature(1<<31-1)...), ""},
		{"uint32 beyond its range", wrap(V204, nomenclature(1<<31)...), ErrRange},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := DecodeRequest(tt.frame)
			switch {
			case tt.want == "" && err != nil:
				t.Fatal(err)
			case tt.want != "" && !IsClass(err, tt.want):
				t.Fatalf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestAnswersMayBeLonger(t *testing.T) {
	h := Header{Version: V204, Size: MaxRequest + 1}.Append(nil)
	if _, err := ParseHeader(h, MaxResponse); err != nil {
		t.Errorf("answer of 1 MiB and a byte: %v", err)
	}
	h = put32(h, 4, MaxResponse+1)
	if _, err := ParseHeader(h, MaxResponse); !IsClass(err, ErrSizeLimit) {
		t.Errorf("answer of 16 MiB and a byte: %v, want ERR_SIZE_LIMIT", err)
	}
}

// What can be read of a bad message is there for the log and for the answer.
func TestBadMessagesAreReadAsFarAsPossible(t *testing.T) {
	_, m, err := DecodeRequest(wrap(V204, 0x08, 0x08, 0x42, 0x03, 0x0a, 0x01, 'x'))
	if !IsClass(err, ErrRequired) || m.GetAuth().GetLogin() != "x" {
		t.Errorf("got %v, %v; want the login and ERR_REQUIRED", m, err)
	}
	if _, m, _ := DecodeRequest(wrap(V204, 0x08)); m != nil {
		t.Errorf("message %v of a payload that is no protobuf", m)
	}
	for _, tt := range []struct {
		name    string
		payload []byte
		want    int32
	}{
		{"first field", []byte{0x08, 0x03, 0xff}, 3},
		{"two bytes", []byte{0x08, 0xff, 0x01, 0xff}, 255},
		{"not first", []byte{0x12, 0x00, 0x08, 0x03, 0xff}, 127},
		{"empty", nil, 127},
		{"not a number", []byte{0x0a, 0x01, 'x'}, 127},
		{"beyond 31 bits", []byte{0x08, 0xff, 0xff, 0xff, 0xff, 0x0f}, 127},
	} {
		if got := Command(wrap(V204, tt.payload...)); got != tt.want {
			t.Errorf("%s: command %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestAllBreachesAreListed(t *testing.T) {
	m := &canon.Request{Command: canon.CommandTypeEnum_COMMAND_MONEY_PLACEMENT.Enum(), MoneyPlacement: &canon.MoneyPlacementRequest{
		DateTime:  &canon.DateTime{Date: &canon.Date{Year: proto.Uint32(2026), Month: proto.Uint32(1), Day: proto.Uint32(1 << 31)}, Time: &canon.Time{Hour: proto.Uint32(0), Minute: proto.Uint32(0)}},
		Operation: canon.MoneyPlacementEnum(7).Enum(),
		Sum:       &canon.Money{Bills: proto.Uint64(1 << 63), Coins: proto.Uint32(100)},
		Operator:  &canon.Operator{Code: proto.Uint32(1), Name: proto.String("\xff")},
	}}
	b, err := EncodeLoose(Header{Version: V203}, m)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = DecodeRequest(b)
	if !IsClass(err, ErrUTF8) {
		t.Errorf("class of %v, want ERR_UTF8: text comes before numbers", err)
	}
	got := map[string]Class{}
	for _, x := range Breaches(err) {
		got[x.Field] = x.Class
	}
	want := map[string]Class{
		"money_placement.datetime.date.day": ErrRange, // the name under 2.0.3
		"money_placement.operation":         ErrRange,
		"money_placement.sum.bills":         ErrRange,
		"money_placement.sum.coins":         ErrRange,
		"money_placement.operator.name":     ErrUTF8,
	}
	for f, c := range want {
		if got[f] != c {
			t.Errorf("%s: %q, want %s (%v)", f, got[f], c, got)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d breaches, want %d: %v", len(got), len(want), got)
	}
}

// The command is not judged by the reader: the server answers 4 or 5.
func TestUnknownCommandIsReadable(t *testing.T) {
	for _, n := range []byte{7, 9, 55} {
		_, m, err := DecodeRequest(wrap(V204, 0x08, n))
		if err != nil || m.GetCommand() != canon.CommandTypeEnum(n) {
			t.Errorf("command %d: %v, %v", n, m, err)
		}
	}
}

func carry(t *testing.T, v Version, m *canon.Request) *canon.Request {
	t.Helper()
	b, err := EncodeRequest(Header{Version: v}, m)
	if err != nil {
		t.Fatal(err)
	}
	_, back, err := DecodeRequest(b)
	if err != nil {
		t.Fatalf("%v: % x", err, b)
	}
	return back
}

func org() *canon.Request {
	return &canon.Request{Command: canon.CommandTypeEnum_COMMAND_SYSTEM.Enum(), Service: &canon.ServiceRequest{RegInfo_: &canon.ServiceRequest_RegInfo{
		Kkm: &canon.KkmRegInfo{},
		Org: &canon.OrgRegInfo{Title: proto.String("t"), Address: proto.String("a"), Iin: proto.String("i"), Oked: proto.String("o"), AddressKz: proto.String("қ"), TenantId: proto.Int32(-9)},
	}}}
}

// OrgRegInfo 6 is a number in 2.0.2 and text later (cpcr.md section 10).
func TestAddressAndTenant(t *testing.T) {
	for _, tt := range []struct {
		v       Version
		address string
		tenant  int32
	}{
		{V124, "", 0}, {V202, "", -9}, {V203, "қ", -9}, {V204, "қ", 0},
	} {
		o := carry(t, tt.v, org()).GetService().GetRegInfo_().GetOrg()
		if o.GetAddressKz() != tt.address || o.GetTenantId() != tt.tenant || o.GetTitle() != "t" {
			t.Errorf("%s: address %q, tenant %d, title %q; want %q, %d, t", tt.v, o.GetAddressKz(), o.GetTenantId(), o.GetTitle(), tt.address, tt.tenant)
		}
	}
	// On the wire of 2.0.2 the tenant is number 6.
	b, err := EncodeRequest(Header{Version: V202}, org())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b, protowire.AppendVarint(protowire.AppendTag(nil, 6, protowire.VarintType), 1<<64-9)) {
		t.Errorf("no field 6 with -9: % x", b)
	}
}

// StornoCommodity 8 is text in 1.2.4 and a pair later; so is the excise stamp 8 and 7.
func TestStampOfACancelledLine(t *testing.T) {
	m := &canon.Request{Command: canon.CommandTypeEnum_COMMAND_TICKET.Enum(), Ticket: &canon.TicketRequest{
		Operation: canon.OperationTypeEnum_OPERATION_SELL.Enum(), DateTime: &canon.DateTime{Date: &canon.Date{Year: proto.Uint32(1), Month: proto.Uint32(1), Day: proto.Uint32(1)}, Time: &canon.Time{Hour: proto.Uint32(1), Minute: proto.Uint32(1)}},
		Operator: &canon.Operator{Code: proto.Uint32(1)}, Domain: &canon.TicketRequest_Domain{Type: canon.DomainTypeEnum_DOMAIN_TRADING.Enum()},
		Amounts: &canon.TicketRequest_Amounts{Total: Money(1)},
		Items: []*canon.TicketRequest_Item{{Type: canon.TicketRequest_Item_ITEM_TYPE_STORNO_COMMODITY.Enum(), StornoCommodity: &canon.TicketRequest_Item_StornoCommodity{
			SectionCode: proto.String("1"), Quantity: proto.Uint64(1), Price: Money(1), Sum: Money(1), MeasureUnitCode: proto.String("796"),
			ExciseStamp: proto.String("S"), Auxiliary: []*canon.KeyValuePair{{Key: proto.String("k"), Value: proto.String("v")}},
		}}},
	}}
	for _, tt := range []struct {
		v     Version
		stamp string
		pairs int
	}{{V124, "S", 0}, {V202, "S", 1}, {V203, "S", 1}, {V204, "", 1}} {
		s := carry(t, tt.v, m).GetTicket().GetItems()[0].GetStornoCommodity()
		if s.GetExciseStamp() != tt.stamp || len(s.GetAuxiliary()) != tt.pairs {
			t.Errorf("%s: stamp %q, %d pairs; want %q, %d", tt.v, s.GetExciseStamp(), len(s.GetAuxiliary()), tt.stamp, tt.pairs)
		}
	}
}

// A register that says 1.2.4 and adds fields of its own is read as 1.2.4: what
// another version would take the number for does not matter (cpcr.md section 10).
func TestExtensionsOf124AreSkipped(t *testing.T) {
	iin := protowire.AppendString(protowire.AppendTag(nil, 3, protowire.BytesType), "990640512348") // ExtensionOptions 3 as text
	vec := vector(t, "../fixtures/vectors/cpcr/50-req-sale-124.hex")
	ticket := vec[HeaderSize+2:]
	_, _, n := protowire.ConsumeField(ticket)
	body, _ := protowire.ConsumeBytes(ticket[1:n])
	body = protowire.AppendBytes(protowire.AppendTag(append([]byte(nil), body...), 9, protowire.BytesType), iin)
	frame := wrap(V124, protowire.AppendBytes(protowire.AppendTag([]byte{0x08, 0x01}, 2, protowire.BytesType), body)...)
	h, m, err := DecodeRequest(frame)
	if err != nil {
		t.Fatal(err)
	}
	if x := m.GetTicket().GetExtensionOptions(); len(x.GetAuxiliary()) != 0 || !bytes.Equal(x.ProtoReflect().GetUnknown(), iin) {
		t.Errorf("extension options %v, want the field kept as unknown", x)
	}
	again, err := EncodeRequest(h, m)
	if err != nil {
		t.Fatal(err)
	}
	if _, back, err := DecodeRequest(again); err != nil || !proto.Equal(back, m) {
		t.Errorf("written and read again: %v, %v", back, err)
	}
}

// A position may be signed; its low 32 bits count (cpcr.md 16.26).
func TestPositionsBelowZero(t *testing.T) {
	for _, v := range []Version{V124, V202, V203, V204} {
		m := org()
		m.Service.SecurityStats = &canon.ServiceRequest_SecurityStats{GeoPosition: &canon.ServiceRequest_SecurityStats_GeoPosition{Latitude: proto.Int32(-512283), Longitude: proto.Int32(-1), Source: proto.String("s")}}
		g := carry(t, v, m).GetService().GetSecurityStats().GetGeoPosition()
		if g.GetLatitude() != -512283 || g.GetLongitude() != -1 {
			t.Errorf("%s: %d, %d", v, g.GetLatitude(), g.GetLongitude())
		}
	}
	// As a 2.0.4 register with unsigned numbers writes it: five bytes.
	pos := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1<<32-5)
	pos = protowire.AppendVarint(protowire.AppendTag(pos, 2, protowire.VarintType), 7)
	pos = protowire.AppendString(protowire.AppendTag(pos, 3, protowire.BytesType), "s")
	stats := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), pos)
	service := protowire.AppendBytes(protowire.AppendTag(nil, 3, protowire.BytesType), stats)
	_, m, err := DecodeRequest(wrap(V203, protowire.AppendBytes(protowire.AppendTag([]byte{0x08, 0x00}, 6, protowire.BytesType), service)...))
	if err != nil || m.GetService().GetSecurityStats().GetGeoPosition().GetLatitude() != -5 {
		t.Errorf("%v, %v", m, err)
	}
}

// What an operator who compiles 2.0.3 does not miss (cpcr.md 16.19).
func TestLabelsOfAnotherVersion(t *testing.T) {
	b, err := EncodeLoose(Header{Version: V204}, &canon.Request{
		Command: canon.CommandTypeEnum_COMMAND_CLOSE_SHIFT.Enum(),
		CloseShift: &canon.CloseShiftRequest{CloseTime: &canon.DateTime{
			Date: &canon.Date{Year: proto.Uint32(2026), Month: proto.Uint32(1), Day: proto.Uint32(1)}, Time: &canon.Time{Hour: proto.Uint32(1), Minute: proto.Uint32(1)}}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := DecodeRequest(b); !IsClass(err, ErrRequired) || !strings.Contains(err.Error(), "z_report") {
		t.Errorf("2.0.4: %v, want ERR_REQUIRED for z_report", err)
	}
	if _, m, err := DecodeRequestBy(V203, b); err != nil || m.GetCloseShift() == nil {
		t.Errorf("by 2.0.3: %v, %v", m, err)
	}
}

func TestEncodeRefusesWhatTheVersionRequires(t *testing.T) {
	if _, err := EncodeRequest(Header{Version: V204}, &canon.Request{}); !IsClass(err, ErrRequired) {
		t.Errorf("no command: %v", err)
	}
	if _, err := EncodeRequest(Header{Version: 201}, &canon.Request{Command: canon.CommandTypeEnum_COMMAND_SYSTEM.Enum()}); !IsClass(err, ErrVersionUnsupported) {
		t.Errorf("version 2.0.1: %v", err)
	}
}

func TestChecksumsOfTheVectors(t *testing.T) {
	read := func(name string) (*canon.Request, *canon.Response) {
		b := vector(t, "../fixtures/vectors/cpcr/"+name+".hex")
		if strings.Contains(name, "-req-") {
			_, m, err := DecodeRequest(b)
			if err != nil {
				t.Fatal(err)
			}
			return m, nil
		}
		_, m, err := DecodeResponse(b)
		if err != nil {
			t.Fatal(err)
		}
		return nil, m
	}
	_, last := read("04-resp-info")
	x, _ := read("21-req-report-x")
	_, x2 := read("22-resp-report-x")
	z, _ := read("27-req-close-shift")
	_, z2 := read("28-resp-close-shift")
	for name, r := range map[string]*canon.ZXReport{
		"04": last.GetReport().GetZxReport(), "21": x.GetReport().GetZxReport(), "22": x2.GetReport().GetZxReport(),
		"27": z.GetCloseShift().GetZReport(), "28": z2.GetReport().GetZxReport(),
	} {
		if r.GetChecksum() == "" {
			t.Errorf("vector %s has no checksum", name)
		}
		if got := ZXChecksum(r); got != r.GetChecksum() {
			t.Errorf("vector %s: %s, want %s", name, got, r.GetChecksum())
		}
	}
}

func TestVersionText(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Version
		ok   bool
	}{{"2.0.4", 204, true}, {"1.2.4", 124, true}, {"2.0", 0, false}, {"2.10.0", 0, false}, {"", 0, false}, {"2.0.x", 0, false}} {
		v, err := ParseVersion(tt.text)
		if (err == nil) != tt.ok || v != tt.want {
			t.Errorf("%q: %d, %v", tt.text, v, err)
		}
		if tt.ok && v.String() != tt.text {
			t.Errorf("%d prints %q", v, v)
		}
	}
}
