package regulation

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"slices"
)

// digestBytes: a whole SHA-256, as for every digest of a run.
const digestBytes = 32

// seal computes the digests of an edition's rows and of the edition.
//
// A row's digest covers what a finding depends on: the edition, section and
// number, obligation and condition, the parameters, the titles and notes in
// every language. It leaves out the check key (the finding stores it beside the
// digest), references to other rows, and where the row stands in a file.
func seal(e *Edition) {
	all := sha256.New()
	put(all, e.ID, e.Act, e.Country, e.Status, e.Since, e.Until)
	putTexts(all, e.Title)
	putTexts(all, e.Form)
	for i := range e.Sections {
		s := &e.Sections[i]
		put(all, s.ID)
		for j := range s.Rows {
			r := &s.Rows[j]
			h := sha256.New()
			put(h, e.ID, r.Section, r.Number, string(r.Obligation), r.Condition)
			for _, k := range slices.Sorted(maps.Keys(r.Params)) {
				put(h, k, r.Params[k])
			}
			put(h, "")
			putTexts(h, r.Title)
			putTexts(h, r.Notes)
			r.Digest = hex.EncodeToString(h.Sum(nil)[:digestBytes])
			put(all, r.Digest, r.Printed, r.Parent, string(r.Kind), r.Check)
		}
	}
	e.Digest = hex.EncodeToString(all.Sum(nil)[:digestBytes])
}

// put writes strings with their lengths, so that no two lists run together.
func put(h hash.Hash, ss ...string) {
	for _, s := range ss {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
}

func putTexts(h hash.Hash, m map[Lang]string) {
	for _, l := range slices.Sorted(maps.Keys(m)) {
		put(h, string(l), m[l])
	}
	put(h, "")
}
