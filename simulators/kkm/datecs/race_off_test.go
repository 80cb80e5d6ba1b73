//go:build !race

package datecs

// stride is the step of the tests that strike at every byte.
const stride = 1
