// Package history records a run: every op and event, in order, on one monotonic base.
//
// A Writer appends Events to a file as the run goes; a Reader gives them back, also from a file that
// was cut at any byte. Nothing here judges: see check and recovery. docs/history.md has the format.
package history
