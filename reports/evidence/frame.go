package evidence

import (
	"fmt"

	"google.golang.org/protobuf/proto"

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
		blocks = append(blocks, Block{Message, cutLines(cpcr.Text(m))})
	}
	return s, append(blocks, hexBlock(b.Bytes))
}
