package cpcr

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/kkmtest/kkmtest/cpcr/canon"
)

// Side says who speaks. The header does not tell.
type Side string

// The sides.
const (
	EitherSide Side = ""         // found out from the payload
	FromKKM    Side = "request"  //
	FromOFD    Side = "response" //
)

// Parse reads a frame into the schema of its own version, so that its text has
// the names of that version. It holds the message to nothing: what is missing is missing.
func Parse(frame []byte, side Side) (Header, proto.Message, error) {
	limit, schema := uint32(MaxRequest), schemaRequest
	if side == FromOFD {
		limit, schema = MaxResponse, schemaResponse
	}
	h, m, _, err := parse(frame, limit, 0, schema)
	return h, m, err
}

// Dissected is one frame of a stream, or what is left of it where it cannot be read.
type Dissected struct {
	Offset   int // in the stream
	Side     Side
	Bytes    []byte
	Header   Header        // as far as it could be read
	Message  proto.Message // of the version's schema; nil when it could not be read
	Err      error         // an *[Error], nil for a good frame
	Trailing bool          // not a frame: bytes after which the stream cannot go on
}

// Dissect cuts a stream into frames and reads each. After a bad header the rest
// is one last entry: the stream cannot be found again (cpcr.md 3.3).
func Dissect(data []byte, side Side) []Dissected {
	var out []Dissected
	limit := uint32(MaxResponse)
	if side == FromKKM {
		limit = MaxRequest
	}
	for off := 0; off < len(data); {
		rest := data[off:]
		h, err := ParseHeader(rest, limit)
		if err == nil && int(h.Size) > len(rest) {
			err = errorf(ErrTruncated, "%d bytes of a message of %d", len(rest), h.Size)
		}
		if err != nil {
			return append(out, Dissected{Offset: off, Side: side, Bytes: rest, Header: h, Err: err, Trailing: true})
		}
		d := dissect(rest[:h.Size], side)
		d.Offset = off
		out = append(out, d)
		off += int(h.Size)
	}
	return out
}

// dissect reads one frame; when the side is not known, the reading with fewer
// faults is taken, and the request when both are as good.
func dissect(frame []byte, side Side) Dissected {
	if side != EitherSide {
		return read(frame, side)
	}
	a, b := read(frame, FromKKM), read(frame, FromOFD)
	if a.faults() <= b.faults() {
		return a
	}
	return b
}

func read(frame []byte, side Side) Dissected {
	d := Dissected{Side: side, Bytes: frame}
	d.Header, d.Message, d.Err = Parse(frame, side)
	if d.Err == nil {
		if side == FromOFD {
			_, _, d.Err = DecodeResponse(frame)
		} else {
			_, _, d.Err = DecodeRequest(frame)
		}
	}
	return d
}

// faults ranks a reading: 0 good, more is worse.
func (d Dissected) faults() int {
	switch {
	case d.Message == nil:
		return 4
	case IsClass(d.Err, ErrRequired):
		return 3
	case d.Err != nil:
		return 2
	case inspect(d.Header.Version, d.Message.ProtoReflect()).dirty:
		return 1
	}
	return 0
}

// Class is the error class, "" for a good frame.
func (d Dissected) Class() Class {
	var e *Error
	if errors.As(d.Err, &e) {
		return e.Class
	}
	return ""
}

// Result is the result code of an answer and the name that it has under the
// version; ok is false for anything else.
func (d Dissected) Result() (code uint32, name string, ok bool) {
	if d.Side != FromOFD || d.Message == nil {
		return 0, "", false
	}
	m := d.Message.ProtoReflect()
	f := m.Descriptor().Fields().ByNumber(2)
	if f == nil || !m.Has(f) {
		return 0, "", false
	}
	r := m.Get(f).Message()
	code = uint32(r.Get(r.Descriptor().Fields().ByNumber(1)).Uint())
	return code, ResultName(d.Header.Version, code), true
}

// ResultName is the name of a result code under a version, without its prefix:
// INVALID_TOKEN. Code 18 changed its meaning with 2.0.4. A code without a name
// is written as its number.
func ResultName(v Version, code uint32) string {
	if code == 18 && v < V204 {
		return "ELEMENT_NOT_FOUND_BY_BARCODE"
	}
	if name, ok := canon.ResultTypeEnum_name[int32(code)]; ok && code <= 1<<31-1 {
		return strings.TrimPrefix(name, "RESULT_TYPE_")
	}
	return fmt.Sprint(code)
}

// Text tells the frame to a person.
func (d Dissected) Text() string {
	var b strings.Builder
	h := d.Header
	if d.Trailing {
		fmt.Fprintf(&b, "offset %d: %d bytes that are no message: %v\n", d.Offset, len(d.Bytes), d.Err)
		if len(d.Bytes) > 0 {
			fmt.Fprintf(&b, "  % x\n", d.Bytes[:min(len(d.Bytes), 64)])
		}
		return b.String()
	}
	fmt.Fprintf(&b, "offset %d: %s, VERSION %d (%s), SIZE %d, ID %d, TOKEN %d (0x%08X), REQNUM %d\n",
		d.Offset, d.Side, uint16(h.Version), h.Version, h.Size, h.ID, h.Token, h.Token, h.ReqNum)
	if code, name, ok := d.Result(); ok {
		fmt.Fprintf(&b, "result %d %s\n", code, name)
	}
	if d.Err != nil {
		fmt.Fprintf(&b, "%v\n", d.Err)
	}
	if d.Message != nil {
		b.WriteString(Text(d.Message))
	}
	return b.String()
}

// MarshalJSON writes the frame for a program: header, error class, message by
// the names of its version, money and times as in [Text], the bytes in hex.
// Equal frames give equal bytes.
func (d Dissected) MarshalJSON() ([]byte, error) {
	type header struct {
		Version string `json:"version"`
		Size    uint32 `json:"size"`
		ID      uint32 `json:"id"`
		Token   uint32 `json:"token"`
		ReqNum  uint16 `json:"reqnum"`
	}
	type result struct {
		Code uint32 `json:"code"`
		Name string `json:"name"`
	}
	out := struct {
		Offset  int             `json:"offset"`
		Side    Side            `json:"side,omitempty"`
		Header  *header         `json:"header,omitempty"`
		Result  *result         `json:"result,omitempty"`
		Error   Class           `json:"error,omitempty"`
		Detail  string          `json:"detail,omitempty"`
		Message json.RawMessage `json:"message,omitempty"`
		Bytes   string          `json:"bytes"`
	}{Offset: d.Offset, Side: d.Side, Error: d.Class(), Bytes: hex.EncodeToString(d.Bytes)}
	if !d.Trailing {
		out.Header = &header{d.Header.Version.String(), d.Header.Size, d.Header.ID, d.Header.Token, d.Header.ReqNum}
	}
	if d.Err != nil {
		out.Detail = d.Err.Error()
	}
	if code, name, ok := d.Result(); ok {
		out.Result = &result{code, name}
	}
	if d.Message != nil {
		var b bytes.Buffer
		jsonMessage(&b, d.Message.ProtoReflect())
		out.Message = b.Bytes()
	}
	return json.Marshal(out)
}

func jsonMessage(b *bytes.Buffer, m protoreflect.Message) {
	b.WriteByte('{')
	n := 0
	key := func(name string) {
		if n++; n > 1 {
			b.WriteByte(',')
		}
		fmt.Fprintf(b, "%q:", name)
	}
	for _, f := range byNumber(m.Descriptor()) {
		if !m.Has(f) {
			continue
		}
		key(string(f.Name()))
		if !f.IsList() {
			jsonValue(b, f, m.Get(f))
			continue
		}
		b.WriteByte('[')
		for i := range m.Get(f).List().Len() {
			if i > 0 {
				b.WriteByte(',')
			}
			jsonValue(b, f, m.Get(f).List().Get(i))
		}
		b.WriteByte(']')
	}
	if u := unknownFields(m.GetUnknown()); u != nil {
		key("(unknown)")
		b.WriteByte('[')
		for i, f := range u {
			if i > 0 {
				b.WriteByte(',')
			}
			jsonString(b, f.name+": "+f.value)
		}
		b.WriteByte(']')
	}
	b.WriteByte('}')
}

func jsonValue(b *bytes.Buffer, f protoreflect.FieldDescriptor, v protoreflect.Value) {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		if s, ok := short(v.Message()); ok {
			jsonString(b, s)
			return
		}
		jsonMessage(b, v.Message())
	case protoreflect.EnumKind:
		if e := f.Enum().Values().ByNumber(v.Enum()); e != nil {
			jsonString(b, string(e.Name()))
			return
		}
		fmt.Fprint(b, v.Enum())
	case protoreflect.StringKind:
		jsonString(b, v.String())
	case protoreflect.BytesKind:
		jsonString(b, string(v.Bytes()))
	default: // numbers and bool; 64 bits may be more than a reader's float holds, so they stay digits
		fmt.Fprint(b, v.Interface())
	}
}

// jsonString writes text; what is not UTF-8 becomes U+FFFD, as encoding/json has it.
func jsonString(b *bytes.Buffer, s string) {
	raw, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("a string as JSON: %v", err)) // there is no string that has none
	}
	b.Write(raw)
}

// ReadHex reads frames that are written in hex: white space between digits is
// ignored, "#" begins a comment up to the end of the line.
func ReadHex(text []byte) ([]byte, error) {
	var out []byte
	for n, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		high := -1
		for col, r := range line {
			d := strings.IndexRune("0123456789abcdef", unicode.ToLower(r))
			switch {
			case r == ' ' || r == '\t' || r == '\r':
				continue
			case d < 0:
				return nil, fmt.Errorf("line %d, column %d: %q is no hex digit", n+1, col+1, r)
			case high < 0:
				high = d
				continue
			}
			out = append(out, byte(high<<4|d))
			high = -1
		}
		if high >= 0 {
			return nil, fmt.Errorf("line %d: an odd number of hex digits", n+1)
		}
	}
	return out, nil
}
