package cpcr

import (
	"fmt"
	"hash/crc32"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr/canon"
)

// ZXChecksum is the checksum that a ZXReport carries in its field 18, in the
// variant that the registers of this bench use (cpcr.md 13.4, first row): CRC-32
// (IEEE) of the report as it is serialised with a checksum that is present and
// empty, in eight upper-case hex digits. No server is known to check it.
func ZXChecksum(z *canon.ZXReport) string {
	bare := proto.Clone(z).(*canon.ZXReport)
	bare.Checksum = proto.String("")
	raw, err := proto.MarshalOptions{AllowPartial: true, Deterministic: true}.Marshal(bare)
	if err != nil {
		// A proto2 message that may be partial has nothing that cannot be written.
		panic(fmt.Sprintf("checksum of a report: %v", err))
	}
	return fmt.Sprintf("%08X", crc32.ChecksumIEEE(raw))
}
