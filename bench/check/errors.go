package check

import "errors"

var (
	errNoSign  = errors.New("the OFD confirmed a ticket without a fiscal sign")
	errNoWords = errors.New("check fiscal.sign: parameter words is missing: aspect mark needs it")
)
