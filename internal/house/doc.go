// Package house holds the tests that keep the house tidy: which room may import
// which, that time is only taken in bench/clock, and that no limit of a
// regulation is spelled in Go. It has no code of its own.
package house
