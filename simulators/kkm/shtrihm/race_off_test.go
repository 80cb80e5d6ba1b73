//go:build !race

package shtrihm

// stride is the step of the fault tests: every byte.
const stride = 1
