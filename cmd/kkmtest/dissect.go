package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/kkmtest/kkmtest/bench/campaign"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/simulators/netfault/capture"
)

func dissectCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "dissect FILE.hex|FILE.pcapng",
		Short: "print the CPCR frames of a file as text",
		Long: `dissect reads frames from a hex file (white space is ignored) or from the TCP
streams of a capture, and prints header and message. A frame that cannot be read
is named by its error class; the exit status is then 1.`,
		Example: "  kkmtest dissect runs/RUN/capture.pcapng\n  kkmtest dissect frame.hex",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			bad, err := dissect(c.OutOrStdout(), args[0])
			if err == nil && bad > 0 {
				return result(campaign.SomeFail)
			}
			return err
		},
	}
}

func dissect(w io.Writer, path string) (bad int, err error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	switch filepath.Ext(path) {
	case ".hex":
		b, err := hex.DecodeString(strings.Join(strings.Fields(string(raw)), ""))
		if err != nil {
			return 0, fmt.Errorf("%s: %w; want pairs of hexadecimal digits", path, err)
		}
		return dissectStream(w, "", b, either), nil
	case ".pcapng":
		return dissectCapture(w, raw)
	}
	return 0, fmt.Errorf("%s: want a file that ends in .hex or .pcapng", path)
}

// side is who sent a frame.
type side int

const (
	either side = iota
	byKKM
	byOFD
)

// dissectStream prints the frames of one direction of a stream.
func dissectStream(w io.Writer, label string, b []byte, s side) (bad int) {
	sp := cpcr.Splitter{Limit: cpcr.MaxResponse}
	if s == byKKM {
		sp.Limit = cpcr.MaxRequest
	}
	frames, err := sp.Push(b)
	for _, f := range frames {
		bad += printFrame(w, label, f, s)
	}
	if err == nil {
		err = sp.End()
	}
	if err != nil {
		fmt.Fprintf(w, "%s%v\n", label, err)
		bad++
	}
	return bad
}

func printFrame(w io.Writer, label string, frame []byte, s side) (bad int) {
	h, m, what, err := decode(frame, s)
	fmt.Fprintf(w, "%s%s version %v size %d id %d token %d reqnum %d\n", label, what, h.Version, h.Size, h.ID, h.Token, h.ReqNum)
	if err != nil {
		fmt.Fprintf(w, "  %v\n", err)
		bad = 1
	}
	if m != nil {
		printMessage(w, m.ProtoReflect(), "  ")
	}
	return bad
}

// decode reads a frame as what it is; a file of single frames does not say which
// side they come from, and required fields tell the two apart.
func decode(frame []byte, s side) (cpcr.Header, proto.Message, string, error) {
	if s != byOFD {
		h, m, err := cpcr.DecodeRequest(frame)
		if err == nil || s == byKKM {
			if m == nil {
				return h, nil, "request", err
			}
			return h, m, "request " + word(m.GetCommand().String()), err
		}
		if h, m, err2 := cpcr.DecodeResponse(frame); err2 == nil {
			return h, m, "answer " + word(m.GetCommand().String()), nil
		}
		if m == nil {
			return h, nil, "frame", err
		}
		return h, m, "request " + word(m.GetCommand().String()), err
	}
	h, m, err := cpcr.DecodeResponse(frame)
	if m == nil {
		return h, nil, "answer", err
	}
	return h, m, "answer " + word(m.GetCommand().String()), err
}

func word(enum string) string { return strings.TrimPrefix(enum, "COMMAND_") }

// printMessage writes a message as "name value" lines, fields in ascending number.
func printMessage(w io.Writer, m protoreflect.Message, indent string) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if !m.Has(f) {
			continue
		}
		if f.IsList() {
			l := m.Get(f).List()
			for k := range l.Len() {
				printValue(w, fmt.Sprintf("%s[%d]", f.Name(), k), f, l.Get(k), indent)
			}
			continue
		}
		printValue(w, string(f.Name()), f, m.Get(f), indent)
	}
	if u := m.GetUnknown(); len(u) > 0 {
		fmt.Fprintf(w, "%sunknown fields % x\n", indent, []byte(u))
	}
}

func printValue(w io.Writer, name string, f protoreflect.FieldDescriptor, v protoreflect.Value, indent string) {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		fmt.Fprintf(w, "%s%s\n", indent, name)
		printMessage(w, v.Message(), indent+"  ")
	case protoreflect.EnumKind:
		if e := f.Enum().Values().ByNumber(v.Enum()); e != nil {
			fmt.Fprintf(w, "%s%s %s\n", indent, name, e.Name())
			return
		}
		fmt.Fprintf(w, "%s%s %d (not in the schema)\n", indent, name, v.Enum())
	case protoreflect.StringKind:
		fmt.Fprintf(w, "%s%s %q\n", indent, name, v.String())
	case protoreflect.BytesKind:
		fmt.Fprintf(w, "%s%s % x\n", indent, name, v.Bytes())
	default:
		fmt.Fprintf(w, "%s%s %v\n", indent, name, v.Interface())
	}
}

// dissectCapture puts the TCP streams of a capture together, as the side that
// received them saw them, and prints their frames in the order in which they became whole.
func dissectCapture(w io.Writer, raw []byte) (bad int, err error) {
	_, records, err := openCapture(raw)
	if err != nil {
		return 0, err
	}
	streams := map[flow]*stream{}
	records(func(r capture.Record, e error) bool {
		if e != nil {
			err = e
			return false
		}
		seg, ok := parseSegment(r.Data)
		if !ok || !r.Inbound {
			return true
		}
		if seg.syn {
			s := byKKM
			if seg.ack {
				s = byOFD
			}
			limit := uint32(cpcr.MaxRequest)
			if s == byOFD {
				limit = cpcr.MaxResponse
			}
			streams[seg.flow] = &stream{next: seg.seq + 1, side: s, split: cpcr.Splitter{Limit: limit}}
			return true
		}
		st := streams[seg.flow]
		if st == nil {
			return true
		}
		data := st.push(seg)
		if len(data) == 0 || st.dead {
			return true
		}
		label := fmt.Sprintf("%s packet %d port %d: ", r.Time.UTC().Format("2006-01-02T15:04:05.000000"), r.N, seg.flow.kkm(st.side))
		frames, e := st.split.Push(data)
		for _, f := range frames {
			bad += printFrame(w, label, f, st.side)
		}
		if e != nil {
			fmt.Fprintf(w, "%s%v\n", label, e)
			bad++
			st.dead = true
		}
		return true
	})
	return bad, err
}

func openCapture(raw []byte) (*capture.Head, func(func(capture.Record, error) bool), error) {
	head, records := capture.Read(bytes.NewReader(raw))
	if head == nil {
		return nil, nil, errors.New("not a capture")
	}
	return head, records, nil
}
