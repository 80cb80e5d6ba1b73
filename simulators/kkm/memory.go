package kkm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
)

// Memory is the non-volatile store of a register: records that are only ever
// added. It outlives a power cut; the register keeps everything in it that must
// not be lost, and reads it back when power returns. One record is one step of
// the register, so a cut between two records leaves nothing half done.
type Memory interface {
	// Append stores one record for good before it returns.
	Append(record []byte) error
	// Records yields all records, oldest first. The caller does not change them.
	Records() ([][]byte, error)
}

// RAM is a Memory for one process.
type RAM struct{ records [][]byte }

// Append stores a copy.
func (m *RAM) Append(record []byte) error {
	m.records = append(m.records, bytes.Clone(record))
	return nil
}

// Records yields them.
func (m *RAM) Records() ([][]byte, error) { return m.records, nil }

// Alter flips one bit of record n, for tests of the integrity check (KZ 431
// row 2.3); again to repair it. It says whether there is such a record.
func (m *RAM) Alter(n int) bool {
	if n < 0 || n >= len(m.records) {
		return false
	}
	r := bytes.Clone(m.records[n])
	r[len(r)-2] ^= 1
	m.records[n] = r
	return true
}

// A stored record is its checksum (CRC-32 IEEE, 8 hex digits), a blank, and
// JSON (KZ 431 row 8: a checksum per record).
const sumLen = 9

func seal(rec *record) ([]byte, error) {
	body, err := json.Marshal(rec)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(make([]byte, 0, sumLen+len(body)), "%08x %s", crc32.ChecksumIEEE(body), body), nil
}

func unseal(raw []byte) (*record, error) {
	if len(raw) < sumLen {
		return nil, fmt.Errorf("%d bytes, want a checksum and a body", len(raw))
	}
	body := raw[sumLen:]
	if want := fmt.Sprintf("%08x ", crc32.ChecksumIEEE(body)); string(raw[:sumLen]) != want {
		return nil, fmt.Errorf("checksum %q, want %q", raw[:sumLen], want)
	}
	rec := new(record)
	if err := json.Unmarshal(body, rec); err != nil {
		return nil, err
	}
	return rec, nil
}

// overall continues the checksum over all records by one record.
func overall(sum uint32, raw []byte) uint32 { return crc32.Update(sum, crc32.IEEETable, raw) }

// audit compares every record with its checksum, all of them with the overall
// checksum that the register holds, and each Z record with the overall checksum
// that was taken when it was made (KZ 431 rows 2.3, 8, 12).
func (r *Register) audit() error {
	raws, err := r.memory.Records()
	if err != nil {
		return err
	}
	if len(raws) != r.nv.records {
		return fmt.Errorf("%d records, want %d", len(raws), r.nv.records)
	}
	var sum uint32
	for i, raw := range raws {
		if len(raw) < sumLen || string(raw[:sumLen]) != fmt.Sprintf("%08x ", crc32.ChecksumIEEE(raw[sumLen:])) {
			return fmt.Errorf("record %d: its checksum does not fit", i+1)
		}
		if want, ok := r.nv.atZ[i]; ok && want != sum {
			return fmt.Errorf("record %d: overall checksum %08X before this Z, want %08X", i+1, sum, want)
		}
		sum = overall(sum, raw)
	}
	if sum != r.nv.sum {
		return fmt.Errorf("overall checksum %08X, want %08X", sum, r.nv.sum)
	}
	return nil
}

// write makes a step: it stores the record and then lives through it. A memory
// that cannot store stops the register.
func (r *Register) write(rec *record) {
	if r.unreadable {
		return
	}
	rec.At = r.now()
	raw, err := seal(rec)
	if err == nil {
		err = r.memory.Append(raw)
	}
	if err != nil {
		r.fault = "memory: " + err.Error()
		return
	}
	r.nv.live(rec, raw)
}

// recall lives through all records again.
func (r *Register) recall() error {
	raws, err := r.memory.Records()
	if err != nil {
		return fmt.Errorf("fiscal memory: %w", err)
	}
	r.nv = r.fresh()
	for i, raw := range raws {
		rec, err := unseal(raw)
		if err != nil {
			return fmt.Errorf("fiscal memory: record %d: %w", i+1, err)
		}
		r.nv.live(rec, raw)
	}
	return nil
}
