package kkm

// Memory is the non-volatile store of a register: records that are only ever
// added. It outlives a power cut; the register keeps everything in it that must
// not be lost, and reads it back when power returns.
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
	m.records = append(m.records, append([]byte(nil), record...))
	return nil
}

// Records yields them.
func (m *RAM) Records() ([][]byte, error) { return m.records, nil }

// Alter flips one bit of record n, for tests of the integrity check (KZ 431 row 2.3).
func (m *RAM) Alter(n int) {
	if n >= 0 && n < len(m.records) && len(m.records[n]) > 0 {
		r := append([]byte(nil), m.records[n]...)
		r[len(r)/2] ^= 1
		m.records[n] = r
	}
}
