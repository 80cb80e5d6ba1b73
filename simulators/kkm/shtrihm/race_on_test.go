//go:build race

package shtrihm

// stride thins the fault tests out under the race detector, which looks for
// something else and takes ten times as long.
const stride = 7
