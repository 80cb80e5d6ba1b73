package line

import (
	"fmt"

	"github.com/kkmtest/kkmtest/bench/device"
)

// Trouble says why a command has no answer.
type Trouble uint8

// The troubles.
const (
	NoLink  Trouble = iota // the register did not take the command at all
	Silent                 // sent, and nothing that can be read comes back
	Garbled                // an answer came whole and holds nonsense
	Lost                   // the port failed
)

// LinkError is a command without an answer. Sent says whether a byte of it may
// have reached the register.
type LinkError struct {
	What    Trouble
	Command string
	Sent    bool
	Text    string
	Err     error
}

func (e *LinkError) Error() string {
	s := e.Text
	if e.Command != "" {
		s = e.Command + ": " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap is the port's error.
func (e *LinkError) Unwrap() error { return e.Err }

// Is tells a silent register from a lost port.
func (e *LinkError) Is(target error) bool { return target == device.ErrSilent && e.What != Lost }

// Unreadable is an answer that came whole and holds nonsense: no answer.
func Unreadable(command string, err error) error {
	return &LinkError{What: Garbled, Command: command, Sent: true, Text: fmt.Sprintf("answer cannot be read: %v", err)}
}

// Refusal is the register's no.
type Refusal struct {
	Command string
	Code    int
	Text    string
	// Unsupported says that the register does not know the command.
	Unsupported bool
}

func (e *Refusal) Error() string { return e.Command + ": " + e.Text }

// Unable is something that the protocol or the driver cannot express.
type Unable struct{ Text string }

func (e *Unable) Error() string { return e.Text }

// Unablef makes one.
func Unablef(format string, a ...any) error { return &Unable{fmt.Sprintf(format, a...)} }

// Unsettled is an effect whose answer was lost and that nothing on the register
// settles. Err is the port's, when the bench has lost it.
type Unsettled struct {
	Text string
	Err  error
}

func (e *Unsettled) Error() string { return e.Text }

// Unwrap is the port's error.
func (e *Unsettled) Unwrap() error { return e.Err }
