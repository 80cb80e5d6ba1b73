// Package stream is how the simulators see a network: byte streams with
// callbacks, so that a simulated register or OFD is a plain state machine
// without goroutines. In the simulated world the streams run over TCP stacks of
// their own with virtual time; in a process of its own over the host's TCP.
// All callbacks of a stream come on the loop of its owner, one at a time.
package stream

import "errors"

// Why a stream ended that did not end in an orderly way. Closed hands on one of
// these, perhaps wrapped.
var (
	ErrRefused  = errors.New("connection refused")
	ErrReset    = errors.New("connection reset by peer")
	ErrTimedOut = errors.New("connection timed out")
	ErrNoRoute  = errors.New("no route to host")
)

// Conn is one end of an open stream. Its methods are called on the loop.
type Conn interface {
	// Send queues bytes; they are copied.
	Send(p []byte)
	// Close ends the stream after what was queued.
	Close()
	// Reset ends it at once (RST).
	Reset()
}

// Events are what happens on a stream. Nil members are ignored. Closed comes
// once and last: nil for an orderly end, else the reason (refused, reset,
// timed out, no route).
type Events struct {
	Opened   func(c Conn)
	Received func(p []byte) // p is only valid during the call
	// Ahead lets a carrier that has goroutines of its own prepare bytes before they
	// come to the loop. It may be called anywhere, so it is a function of p alone;
	// what it returns goes to Taken together with p, in place of Received, unless
	// it is nil. A carrier may ignore both.
	Ahead  func(p []byte) any
	Taken  func(p []byte, ahead any)
	Closed func(err error)
}

// Dialer opens streams from the register's side.
type Dialer interface {
	// Dial begins to connect over a channel ("ethernet", "gsm", ...), and returns
	// at once; the Conn may be closed before it opened.
	Dial(channel, host string, port int, ev Events) Conn
}

// Acceptor takes streams on the OFD's side.
type Acceptor interface {
	Accept(c Conn, peer string) Events
}
