// Package kkm is an emulated cash register that conforms to a section of KZ
// orders 431 and 626, as its profile says: I fixes and transmits, II transmits
// only and stops without its OFD, III is a computer system. With it come
// variants (lawful differences) and a cupboard of mutants: the same register
// with one named defect each.
//
// It is a test double for the bench and nothing else. The makers of the host
// protocols forbid their use inside other cash registers, and this program has
// no approval of any kind: never sell through it, never ship it as, or inside,
// a cash register.
//
// A [Register] is a plain state machine on a [clock.Loop]. It has no
// goroutines, never blocks and never sleeps; it dials the OFD through a
// [stream.Dialer], prints into a buffer ([Register.Printed]) and keeps what must
// outlive a power cut in a [Memory]. Its limits (72 h, 24 h, 5 s ...) come
// from a [Profile] read from YAML, never from this code. It knows no
// regulation and judges nothing.
//
// Begin with [New], [Register.Power] and [Register.Do]; [Mutants] lists the
// defects, [Variants] the lawful differences; section.go has what the sections
// do differently. The byte protocol of its host side lives in sub-packages.
package kkm
