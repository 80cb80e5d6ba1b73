//go:build race

package datecs

// stride is wider under the race detector, which makes these tests ten times slower.
const stride = 17
