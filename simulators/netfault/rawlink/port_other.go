//go:build !linux

package rawlink

import (
	"fmt"
	"runtime"
)

// Port is one of the two interfaces. On this system there is none.
type Port struct{}

// Open says that this system cannot do it.
func Open(_, _ string) (a, b *Port, err error) {
	return nil, nil, fmt.Errorf("%w; this is %s", ErrSystem, runtime.GOOS)
}

// Name of the interface.
func (p *Port) Name() string { return "" }

// MTU of the interface, bytes of an IP packet.
func (p *Port) MTU() int { return 0 }

// Read has nothing to read.
func (p *Port) Read(func(frames [][]byte, lost Loss)) error { return ErrSystem }

// Send has nowhere to send to.
func (p *Port) Send([]byte) error { return ErrSystem }

// Flush has nothing to send.
func (p *Port) Flush() error { return ErrSystem }

// Lost has nothing to lose.
func (p *Port) Lost() Loss { return Loss{} }

// Close has nothing to close.
func (p *Port) Close() error { return nil }
