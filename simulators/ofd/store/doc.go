// Package store keeps the events of an operator ([ofd.Event]), so that a server
// that was killed goes on where it stopped: [Open] for a directory on disk,
// [NewMemory] for a process that may forget.
//
// On disk the events are lines of JSON, each chained to the one before by its
// hash, in a file that only grows. An event is acknowledged when it would
// survive a power loss; what waits while the disk works is written together
// (group commit). A line that was being written when the power went is cut off
// at the next start and told about; every other damage is refused, with its place.
//
// The package never looks into an event. Begin with [Open].
package store
