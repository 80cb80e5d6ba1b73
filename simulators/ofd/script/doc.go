// Package script reads what a person writes for an operator: the script (rules
// of misbehaviour, choices, cashiers, goods) and the list of registers. The same
// words come in YAML files and, as JSON, over HTTP; both go through one reader.
//
// It is strict: an unknown key, a key that stands twice, a value of another type
// or out of range is an error with its place and what would be right, and all of
// them come at once. The package never acts: [Script] and [Device] turn into the
// values that [ofd.Server] takes.
//
// Begin with [Load] and [LoadDevices]; docs/ofd.md has an example of every key.
package script
