// Package capture writes and reads the packets of a run as pcapng, so that any
// analyser can open them. It knows the file format and nothing of links or faults.
//
// Begin with [NewWriter]; [Read] gives back what tests and reports need.
// Nothing in the file differs between two equal runs: no host, no system, no
// date other than the packets' own.
package capture

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// Interface is one place where packets are seen.
type Interface struct {
	Name        string
	Description string
}

// Record is one packet at one interface.
type Record struct {
	N         uint64 // position in the file, from 1: what an analyser calls the frame number
	Interface int
	Time      time.Time
	Inbound   bool // towards the host at this interface; else it comes from there
	Data      []byte
	Comments  []string
}

// Writer appends records. It is not safe for concurrent use.
type Writer struct {
	out *bufio.Writer
	ng  *pcapgo.NgWriter
	n   uint64
	in  pcapgo.NgEpbFlags
	eg  pcapgo.NgEpbFlags
}

// snapLength is the longest frame that a reader must expect: Ethernet with room for a VLAN tag.
const snapLength = 1 << 16

// NewWriter writes the section header and the interfaces; at least one is needed.
// A nil w counts the records and keeps none.
func NewWriter(w io.Writer, comment string, ifs []Interface) (*Writer, error) {
	c := &Writer{
		in: pcapgo.NgEpbFlags{Direction: pcapgo.NgEpbFlagDirectionInbound},
		eg: pcapgo.NgEpbFlags{Direction: pcapgo.NgEpbFlagDirectionOutbound},
	}
	if len(ifs) == 0 {
		return nil, errors.New("capture: no interface: want at least one")
	}
	if w == nil {
		return c, nil
	}
	c.out = bufio.NewWriterSize(w, 1<<16)
	opt := pcapgo.NgWriterOptions{SectionInfo: pcapgo.NgSectionInfo{Application: "kkmtest", Comment: comment}}
	for i, f := range ifs {
		ng := pcapgo.NgInterface{
			Name: f.Name, Description: f.Description,
			LinkType: layers.LinkTypeEthernet, SnapLength: snapLength, TimestampResolution: 9,
		}
		var err error
		if i == 0 {
			c.ng, err = pcapgo.NewNgWriterInterface(c.out, ng, opt)
		} else {
			_, err = c.ng.AddInterface(ng)
		}
		if err != nil {
			return nil, fmt.Errorf("capture: interface %s: %w", f.Name, err)
		}
	}
	return c, nil
}

// Next is the number that the next record will have.
func (w *Writer) Next() uint64 { return w.n + 1 }

// Write appends a packet.
func (w *Writer) Write(ifc int, at time.Time, inbound bool, data []byte, comments ...string) error {
	w.n++
	if w.ng == nil {
		return nil
	}
	opt := pcapgo.NgPacketOptions{Comments: comments, Flags: &w.eg}
	if inbound {
		opt.Flags = &w.in
	}
	ci := gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(data), Length: len(data), InterfaceIndex: ifc}
	if err := w.ng.WritePacketWithOptions(ci, data, opt); err != nil {
		return fmt.Errorf("capture: packet %d: %w", w.n, err)
	}
	return nil
}

// Flush hands everything to the underlying writer.
func (w *Writer) Flush() error {
	if w.ng == nil {
		return nil
	}
	if err := errors.Join(w.ng.Flush(), w.out.Flush()); err != nil {
		return fmt.Errorf("capture: after packet %d: %w", w.n, err)
	}
	return nil
}

// Head is what stands at the beginning of a capture.
type Head struct {
	Comment    string
	Interfaces []Interface // complete once all records were read
}

// Read yields the records of a capture. The head is filled while they are read.
// An error ends the sequence; a record is valid until the next one.
func Read(r io.Reader) (*Head, iter.Seq2[Record, error]) {
	h := &Head{}
	return h, func(yield func(Record, error) bool) {
		ng, err := pcapgo.NewNgReader(r, pcapgo.NgReaderOptions{ErrorOnMismatchingLinkType: true})
		if err != nil {
			yield(Record{}, fmt.Errorf("capture: %w", err))
			return
		}
		h.Comment = ng.SectionInfo().Comment
		for n := uint64(1); ; n++ {
			data, ci, opt, err := ng.ReadPacketDataWithOptions()
			for i := len(h.Interfaces); i < ng.NInterfaces(); i++ {
				f, ierr := ng.Interface(i)
				if ierr != nil {
					yield(Record{}, fmt.Errorf("capture: interface %d: %w", i, ierr))
					return
				}
				h.Interfaces = append(h.Interfaces, Interface{Name: f.Name, Description: f.Description})
			}
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Record{}, fmt.Errorf("capture: packet %d: %w", n, err))
				return
			}
			rec := Record{N: n, Interface: ci.InterfaceIndex, Time: ci.Timestamp.UTC(), Data: data, Comments: opt.Comments}
			if opt.Flags != nil {
				rec.Inbound = opt.Flags.Direction == pcapgo.NgEpbFlagDirectionInbound
			}
			if !yield(rec, nil) {
				return
			}
		}
	}
}
