package check

import (
	"errors"
	"fmt"
)

var (
	errNoSign  = errors.New("the OFD confirmed a ticket without a fiscal sign")
	errNoWords = errors.New("check fiscal.sign: parameter words is missing: aspect mark needs it")
)

func errMode(m string) error {
	return fmt.Errorf("check modes.main: mode_list names %q, which is no mode", m)
}
