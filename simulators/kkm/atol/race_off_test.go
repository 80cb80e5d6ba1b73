//go:build !race

package atol

// stride is the step of the tests that strike at every byte.
const stride = 1
