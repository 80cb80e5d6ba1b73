package regulation

import (
	"fmt"
	"strings"
)

// A Problem is something wrong with a catalogue file, with its place and the
// cure. Line and Col count from 1, columns in characters (a tab is one); 0
// means the whole file.
type Problem struct {
	File      string
	Line, Col int
	Text      string // what was seen
	Cure      string // what would be right
}

// Error prints "file:line:col: text: want cure".
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
		if p.Col > 0 {
			fmt.Fprintf(&b, ":%d", p.Col)
		}
	}
	b.WriteString(": " + p.Text)
	if p.Cure != "" {
		b.WriteString(": want " + p.Cure)
	}
	return b.String()
}

// Problems is the error of [Load]: all that was found, in file order.
type Problems []Problem

// maxShown keeps the error of a file of the wrong kind readable.
const maxShown = 20

// Error prints one problem a line.
func (ps Problems) Error() string {
	var b strings.Builder
	for i, p := range ps {
		if i == maxShown {
			fmt.Fprintf(&b, "\nand %d more", len(ps)-maxShown)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.Error())
	}
	return b.String()
}
