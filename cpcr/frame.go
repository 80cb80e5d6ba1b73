// Package cpcr is the wire format of the protocol between a cash register (KKM)
// and a fiscal data operator (OFD) of Kazakhstan: the frame, the payload of
// each protocol version, and a text form of both.
//
// Simulators and checks work with package canon, the union of all versions with
// every field optional. [DecodeRequest] and [EncodeRequest] (and their
// Response twins) hold a message to the schema of the version in its header, so
// that required fields, unknown enum numbers and text encoding are judged by
// the version's own rules. Begin with [Header] and [DecodeRequest].
package cpcr

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Version is the VERSION of a header: X.Y.Z as X*100 + Y*10 + Z.
type Version uint16

// The versions that have a schema here.
const (
	V124 Version = 124
	V202 Version = 202
	V203 Version = 203
	V204 Version = 204
)

// Versions lists the versions that have a schema, oldest first.
var Versions = []Version{V124, V202, V203, V204}

// String writes 2.0.4.
func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v/100, v/10%10, v%10) }

// Known says whether the version has a schema here.
func (v Version) Known() bool { return v == V124 || v == V202 || v == V203 || v == V204 }

// ParseVersion reads 2.0.4.
func ParseVersion(s string) (Version, error) {
	p := strings.Split(s, ".")
	if len(p) == 3 {
		x, ex := strconv.ParseUint(p[0], 10, 8)
		y, ey := strconv.ParseUint(p[1], 10, 8)
		z, ez := strconv.ParseUint(p[2], 10, 8)
		if ex == nil && ey == nil && ez == nil && y < 10 && z < 10 {
			return Version(x*100 + y*10 + z), nil
		}
	}
	return 0, fmt.Errorf("CPCR version %q: want a form such as 2.0.4", s)
}

// Sizes and marks of the frame (cpcr.md section 3).
const (
	HeaderSize = 18
	AppCode    = 0x81A2
	// MaxRequest and MaxResponse bound SIZE; nothing larger is ever allocated.
	MaxRequest  = 1 << 20
	MaxResponse = 16 << 20
)

// Header stands in front of every message. Size is set by the encoder.
type Header struct {
	Version Version
	Size    uint32 // of the whole message, header included
	ID      uint32
	Token   uint32
	ReqNum  uint16
}

// Append writes the 18 bytes.
func (h Header) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, AppCode)
	b = binary.LittleEndian.AppendUint16(b, uint16(h.Version))
	b = binary.LittleEndian.AppendUint32(b, h.Size)
	b = binary.LittleEndian.AppendUint32(b, h.ID)
	b = binary.LittleEndian.AppendUint32(b, h.Token)
	return binary.LittleEndian.AppendUint16(b, h.ReqNum)
}

// Class is an error class of cpcr.md section 3.5.
type Class string

// The classes.
const (
	ErrHeaderShort        Class = "ERR_HEADER_SHORT"
	ErrAppCode            Class = "ERR_APPCODE"
	ErrVersion            Class = "ERR_VERSION"
	ErrVersionUnsupported Class = "ERR_VERSION_UNSUPPORTED"
	ErrSizeMin            Class = "ERR_SIZE_MIN"
	ErrSizeLimit          Class = "ERR_SIZE_LIMIT"
	ErrTruncated          Class = "ERR_TRUNCATED"
	ErrProtobuf           Class = "ERR_PROTOBUF"
	ErrRequired           Class = "ERR_REQUIRED"
	ErrUTF8               Class = "ERR_UTF8"
	ErrRange              Class = "ERR_RANGE"
)

// Error is a message that cannot be taken as it is.
type Error struct {
	Class  Class
	Detail string
	// Breaches are all places where the payload breaks a rule, when Class is
	// ERR_UTF8 or ERR_RANGE; Detail tells of the first one of that class.
	Breaches []Breach
}

// Breach is one field that breaks a rule of encoding (cpcr.md section 7).
type Breach struct {
	Class Class
	Field string // path in the names of the version's schema
	Value string
	Rule  string
}

// Breaches lists the breaches that err tells of, none for any other error.
func Breaches(err error) []Breach {
	var e *Error
	if errors.As(err, &e) {
		return e.Breaches
	}
	return nil
}

func (e *Error) Error() string { return string(e.Class) + ": " + e.Detail }

func errorf(c Class, format string, args ...any) *Error {
	return &Error{Class: c, Detail: fmt.Sprintf(format, args...)}
}

// ParseHeader reads the first 18 bytes of b. limit bounds SIZE. The header is
// returned as far as it could be read, also with an error.
func ParseHeader(b []byte, limit uint32) (Header, error) {
	if len(b) < HeaderSize {
		return Header{}, errorf(ErrHeaderShort, "%d bytes, want %d: % x", len(b), HeaderSize, b)
	}
	if code := binary.LittleEndian.Uint16(b); code != AppCode {
		return Header{}, errorf(ErrAppCode, "first bytes % x, want a2 81", b[:2])
	}
	h := Header{
		Version: Version(binary.LittleEndian.Uint16(b[2:])),
		Size:    binary.LittleEndian.Uint32(b[4:]),
		ID:      binary.LittleEndian.Uint32(b[8:]),
		Token:   binary.LittleEndian.Uint32(b[12:]),
		ReqNum:  binary.LittleEndian.Uint16(b[16:]),
	}
	switch {
	case h.Version == 0:
		return h, errorf(ErrVersion, "VERSION 0")
	case h.Size < HeaderSize:
		return h, errorf(ErrSizeMin, "SIZE %d, want at least %d", h.Size, HeaderSize)
	case h.Size > limit:
		return h, errorf(ErrSizeLimit, "SIZE %d, want at most %d", h.Size, limit)
	}
	return h, nil
}

// Splitter cuts a byte stream into frames. Its zero value is not useful: set Limit.
type Splitter struct {
	Limit uint32 // MaxRequest or MaxResponse
	buf   []byte
	err   error
}

// Push takes bytes and returns the frames that became whole. After an error the
// stream cannot be resynchronised: every later call returns it again.
func (s *Splitter) Push(p []byte) (frames [][]byte, err error) {
	if s.err != nil {
		return nil, s.err
	}
	s.buf = append(s.buf, p...)
	for len(s.buf) >= HeaderSize {
		h, err := ParseHeader(s.buf, s.Limit)
		if err != nil {
			s.err = err
			return frames, err
		}
		if uint32(len(s.buf)) < h.Size {
			break
		}
		f := make([]byte, h.Size)
		copy(f, s.buf)
		frames = append(frames, f)
		s.buf = s.buf[h.Size:]
	}
	if len(s.buf) == 0 {
		s.buf = nil // an idle stream keeps no memory of what it carried
	}
	return frames, nil
}

// Pending is what was received of a frame that is not whole yet.
func (s *Splitter) Pending() []byte { return s.buf }

// End tells what the end of the stream means: nil when it came between frames.
func (s *Splitter) End() error {
	switch {
	case s.err != nil:
		return s.err
	case len(s.buf) == 0:
		return nil
	case len(s.buf) < HeaderSize:
		return errorf(ErrHeaderShort, "stream ended after %d of %d bytes of a header", len(s.buf), HeaderSize)
	}
	size := binary.LittleEndian.Uint32(s.buf[4:])
	return errorf(ErrTruncated, "stream ended after %d of %d bytes of a message", len(s.buf), size)
}
