// Package rawlink reads and writes Ethernet frames on two network interfaces of
// the computer, as they are on the wire: with their VLAN tags, their
// checksums filled in and no longer than the interface's MTU allows.
//
// It needs Linux and the capability CAP_NET_RAW, and nothing else. Cards and
// kernels hand over large packets that were never on a wire (GRO, TSO) and
// checksums that nobody has computed yet; instead of switching that off, which would
// outlive a bench that is killed, the sockets ask for the kernel's note beside each
// packet and [Split] makes of it the frames that it stands for. Whatever the
// sockets change (promiscuous mode) the kernel takes back when they are gone.
//
// The package never looks at what the frames mean. Begin with [Open].
package rawlink

import "errors"

// Errors that Open tells apart.
var (
	// ErrRights: the process lacks CAP_NET_RAW.
	ErrRights = errors.New("CAP_NET_RAW is missing")
	// ErrSystem: this is not Linux.
	ErrSystem = errors.New("a bridge of network interfaces needs Linux")
	// ErrTaken: another process bridges one of the interfaces.
	ErrTaken = errors.New("the interface is taken")
)

// Loss is what a port lost without being told to: the bench's own failure.
type Loss struct {
	Frames int
	Why    string // what was seen and what cures it
}
