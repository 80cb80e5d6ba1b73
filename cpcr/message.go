package cpcr

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/cpcr/schema/v124"
	"github.com/kkmtest/kkmtest/cpcr/schema/v202"
	"github.com/kkmtest/kkmtest/cpcr/schema/v203"
	"github.com/kkmtest/kkmtest/cpcr/schema/v204"
	"github.com/kkmtest/kkmtest/fiscal"
)

//go:generate ../tools/generate

func schemaRequest(v Version) proto.Message {
	switch v {
	case V124:
		return new(v124.Request)
	case V202:
		return new(v202.Request)
	case V203:
		return new(v203.Request)
	case V204:
		return new(v204.Request)
	}
	return nil
}

func schemaResponse(v Version) proto.Message {
	switch v {
	case V124:
		return new(v124.Response)
	case V202:
		return new(v202.Response)
	case V203:
		return new(v203.Response)
	case V204:
		return new(v204.Response)
	}
	return nil
}

// nesting bounds how deep messages and unknown groups may lie in each other; the
// deepest legal path has 6 (cpcr.md 3.4).
const nesting = 32

// DecodeRequest reads a whole frame. An error is an *[Error]; header and message
// are returned as far as they could be read (message nil when not at all). With
// ERR_REQUIRED, ERR_UTF8 and ERR_RANGE the message is whole as it came.
//
// A field that the version does not have is skipped as any unknown field is, also
// when another version knows it: it stays in the message's unknown bytes.
func DecodeRequest(frame []byte) (Header, *canon.Request, error) {
	h, m, _, err := decodeRequest(0, frame)
	return h, m, err
}

// DecodeRequestStrange is [DecodeRequest] for who reads many: strange says that
// the message may hold what its version's schema does not have, so that looking
// for that ([Unknown]) is worth its time.
func DecodeRequestStrange(frame []byte) (h Header, m *canon.Request, strange bool, err error) {
	return decodeRequest(0, frame)
}

// DecodeRequestBy reads a frame by the labels of another version than that of
// its header: an operator who compiles the 2.0.3 schema, where nearly everything
// is optional, does not miss what 2.0.4 requires (cpcr.md 16.19).
func DecodeRequestBy(labels Version, frame []byte) (Header, *canon.Request, error) {
	h, m, _, err := decodeRequest(labels, frame)
	return h, m, err
}

func decodeRequest(labels Version, frame []byte) (Header, *canon.Request, bool, error) {
	m := new(canon.Request)
	h, read, dirty, err := decode(frame, MaxRequest, labels, schemaRequest, m)
	if !read {
		m = nil
	}
	return h, m, dirty, err
}

// DecodeResponse reads a whole frame; see [DecodeRequest].
func DecodeResponse(frame []byte) (Header, *canon.Response, error) {
	m := new(canon.Response)
	h, read, _, err := decode(frame, MaxResponse, 0, schemaResponse, m)
	if !read {
		m = nil
	}
	return h, m, err
}

func decode(frame []byte, limit uint32, labels Version, schema func(Version) proto.Message, into proto.Message) (h Header, read, dirty bool, err error) {
	h, s, payload, err := parse(frame, limit, labels, schema)
	if err != nil {
		return h, false, false, err
	}
	if labels == 0 {
		labels = h.Version
	}
	w := inspect(labels, s.ProtoReflect())
	if w.deep {
		return h, false, false, errorf(ErrProtobuf, "groups in groups, more than %d deep", nesting)
	}
	if w.dirty {
		transfer(into.ProtoReflect(), s.ProtoReflect(), up(labels))
	} else if err := unmarshal(payload, into); err != nil {
		return h, false, false, errorf(ErrProtobuf, "%v", err)
	}
	if err := proto.CheckInitialized(s); err != nil {
		return h, true, w.dirty, errorf(ErrRequired, "%v", err)
	}
	return h, true, w.dirty, w.err()
}

func unmarshal(payload []byte, into proto.Message) error {
	return proto.UnmarshalOptions{AllowPartial: true, RecursionLimit: nesting}.Unmarshal(payload, into)
}

// parse reads a frame into its version's own schema, without holding it to anything.
func parse(frame []byte, limit uint32, labels Version, schema func(Version) proto.Message) (Header, proto.Message, []byte, error) {
	h, err := ParseHeader(frame, limit)
	if err != nil {
		return h, nil, nil, err
	}
	if int(h.Size) != len(frame) {
		return h, nil, nil, errorf(ErrTruncated, "%d bytes, SIZE says %d", len(frame), h.Size)
	}
	if labels == 0 {
		labels = h.Version
	}
	s := schema(labels)
	if s == nil {
		return h, nil, nil, errorf(ErrVersionUnsupported, "VERSION %d (%s)", uint16(h.Version), h.Version)
	}
	payload := frame[HeaderSize:]
	if err := unmarshal(payload, s); err != nil {
		return h, nil, nil, errorf(ErrProtobuf, "%v", err)
	}
	return h, s, payload, nil
}

// Command reads field 1 of a payload as a plain varint, for the answer to a
// request that could not be parsed; 127 when even that fails (cpcr.md 3.5).
func Command(frame []byte) int32 {
	if len(frame) > HeaderSize {
		b := frame[HeaderSize:]
		if num, typ, n := protowire.ConsumeTag(b); n > 0 && num == 1 && typ == protowire.VarintType {
			if v, m := protowire.ConsumeVarint(b[n:]); m > 0 && v <= 1<<31-1 {
				return int32(v)
			}
		}
	}
	return 127
}

// EncodeRequest writes a frame; h.Size is computed. The union may hold more than
// the version has: fields that its schema does not know are left out. A message
// that lacks what the schema requires is refused; see [EncodeLoose].
func EncodeRequest(h Header, m *canon.Request) ([]byte, error) {
	return encode(h, m, schemaRequest(h.Version))
}

// EncodeResponse writes a frame; see [EncodeRequest].
func EncodeResponse(h Header, m *canon.Response) ([]byte, error) {
	return encode(h, m, schemaResponse(h.Version))
}

func encode(h Header, m proto.Message, s proto.Message) ([]byte, error) {
	if s == nil {
		return nil, errorf(ErrVersionUnsupported, "VERSION %d (%s)", uint16(h.Version), h.Version)
	}
	marshal := proto.MarshalOptions{AllowPartial: true, Deterministic: true}
	payload, err := marshal.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	if unmarshal(payload, s) != nil || inspect(h.Version, s.ProtoReflect()).dirty {
		// The union says more than the version can, or says it under another number.
		proto.Reset(s)
		transfer(s.ProtoReflect(), m.ProtoReflect(), down(h.Version))
		if payload, err = marshal.Marshal(s); err != nil {
			return nil, fmt.Errorf("encode: %w", err)
		}
	}
	if err := proto.CheckInitialized(s); err != nil {
		return nil, errorf(ErrRequired, "%v", err)
	}
	return frame(h, payload), nil
}

// EncodeLoose writes a frame without holding the message to any schema: for
// broken devices and broken servers.
func EncodeLoose(h Header, m proto.Message) ([]byte, error) {
	payload, err := proto.MarshalOptions{AllowPartial: true, Deterministic: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return frame(h, payload), nil
}

func frame(h Header, payload []byte) []byte {
	h.Size = uint32(HeaderSize + len(payload))
	return append(h.Append(make([]byte, 0, h.Size)), payload...)
}

// Money writes an amount; it must not be negative.
func Money(t fiscal.Tiyn) *canon.Money {
	return &canon.Money{Bills: proto.Uint64(uint64(t / 100)), Coins: proto.Uint32(uint32(t % 100))}
}

// Tiyn reads an amount; nil reads as 0. Coins above 99 and amounts beyond int64
// tiyn are ERR_RANGE.
func Tiyn(m *canon.Money) (fiscal.Tiyn, error) {
	b, c := m.GetBills(), m.GetCoins()
	if c > 99 || b > (1<<63-1)/100-1 {
		return 0, errorf(ErrRange, "money bills %d coins %d", b, c)
	}
	return fiscal.Tiyn(b*100 + uint64(c)), nil
}

// Stamp writes the civil time of t in its own zone.
func Stamp(t time.Time) *canon.DateTime {
	return &canon.DateTime{
		Date: &canon.Date{Year: proto.Uint32(uint32(t.Year())), Month: proto.Uint32(uint32(t.Month())), Day: proto.Uint32(uint32(t.Day()))},
		Time: &canon.Time{Hour: proto.Uint32(uint32(t.Hour())), Minute: proto.Uint32(uint32(t.Minute())), Second: proto.Uint32(uint32(t.Second()))},
	}
}

// Time reads a civil time into loc; false when it is absent or no date.
func Time(d *canon.DateTime, loc *time.Location) (time.Time, bool) {
	if d.GetDate() == nil || d.GetTime() == nil {
		return time.Time{}, false
	}
	y, mo, day := d.Date.GetYear(), d.Date.GetMonth(), d.Date.GetDay()
	h, mi, s := d.Time.GetHour(), d.Time.GetMinute(), d.Time.GetSecond()
	t := time.Date(int(y), time.Month(mo), int(day), int(h), int(mi), int(s), 0, loc)
	ok := y <= 9999 && t.Month() == time.Month(mo) && t.Day() == int(day) && h < 24 && mi < 60 && s < 60
	return t, ok
}

// IsClass says whether err is an *[Error] of class c.
func IsClass(err error, c Class) bool {
	var e *Error
	return errors.As(err, &e) && e.Class == c
}
